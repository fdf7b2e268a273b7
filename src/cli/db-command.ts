/**
 * Runs a command: prints the lines it resolves with, or the message of what it throws and exit code 1. A message of a
 * driver may repeat a statement's values, so only the message itself is printed, never the error's other parts.
 */
export async function runCommand(command: () => Promise<string | readonly string[]>): Promise<void> {
  try {
    for (const line of [await command()].flat()) console.log(line)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

/** The arguments of the command line, flags apart. */
export function readArguments(argv: readonly string[]): { readonly names: readonly string[]; readonly yes: boolean } {
  const given = argv.slice(2)
  const unknown = given.find((word) => word.startsWith('-') && word !== '--yes')
  if (unknown !== undefined) throw new Error(`unknown option ${unknown}`)
  return { names: given.filter((word) => word !== '--yes'), yes: given.includes('--yes') }
}

/** The one file that a command takes. @throws Error with the usage. */
export function oneName(names: readonly string[], usage: string): string {
  const [name, ...more] = names
  if (name === undefined || more.length > 0) throw new Error(`usage: ${usage}`)
  return name
}

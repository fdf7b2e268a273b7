type Globals = {
  readonly process?: {
    readonly versions?: { readonly node?: string }
    readonly env?: Readonly<Record<string, string | undefined>>
  }
  readonly window?: unknown
  readonly document?: unknown
}

const globals = globalThis as unknown as Globals

/** Whether this runs in a page of a browser, where everyone can read what the code holds. */
export const inBrowser = (): boolean => globals.window !== undefined && globals.document !== undefined

/** An environment variable; undefined when it is empty, and outside Node. */
export function readVariable(name: string): string | undefined {
  if (inBrowser() || globals.process?.versions?.node === undefined) return undefined
  return globals.process.env?.[name] || undefined
}

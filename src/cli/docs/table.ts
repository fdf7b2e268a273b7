/** A table of GitHub-flavoured Markdown. Cells are escaped. @throws Error when it has no row: a document never lies. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) throw new Error('a table of a document has no rows')
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

const escapeCell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** What a document begins with when a script writes it. */
export const WRITTEN = '<!-- Written by `npm run docs`; a test compares it with the code. -->'

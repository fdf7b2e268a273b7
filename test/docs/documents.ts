import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOREIGN = /(^|\/)(node_modules|dist|generated|coverage|\.git|\.data)(\/|$)/

/** Paths of the project's files that fit a pattern, from its root; nothing that is made or installed. */
export function filesOf(pattern: string): string[] {
  return globSync(pattern, { cwd: ROOT, exclude: (path) => FOREIGN.test(path) }).sort()
}

/** The whole path of a file of the project. */
export const pathOf = (file: string): string => join(ROOT, file)

/** The text of a file of the project. */
export const textOf = (file: string): string => readFileSync(pathOf(file), 'utf8')

/** The cells of the rows of the first table under a heading, without its two head lines. */
export function tableUnder(markdown: string, heading: string): string[][] {
  const lines = markdown.split('\n')
  const start = lines.indexOf(heading)
  if (start < 0) throw new Error(`there is no heading ${heading}`)
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'))
  const after = lines.findIndex((line, index) => index > first && !line.startsWith('|'))
  return lines.slice(first + 2, after).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** What stands in a cell between backticks, where the cell is nothing else. */
export const codeIn = (cell: string | undefined): string | null => /^`([^`]+)`$/.exec(cell ?? '')?.[1] ?? null

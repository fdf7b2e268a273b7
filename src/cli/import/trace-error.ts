/** The import cannot go on; the message is for the person who runs it. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
}

/** A line of the file is wrong. Names line (from 1, the header being line 1) and column, never the value. */
export function badRow(line: number, column: string, reason: string): TraceError {
  return new TraceError(`line ${line}, column ${column}: ${reason}`)
}

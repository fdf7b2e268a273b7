/** An error as a log may hold it. */
export type LoggedError = {
  readonly name: string
  readonly code?: string
  /** Only of classes whose texts are fixed. */
  readonly message?: string
  readonly stack: readonly string[]
  readonly cause?: LoggedError
}

/** Classes whose messages are fixed texts of our own, without values. */
export type SafeErrors = ReadonlyArray<abstract new (...args: never[]) => Error>

const FRAME =
  /^ {4}at (?:(?:async |new )*([\w$.<>[\]# ]{1,100}) \()?((?:file:\/\/|node:|\/)[\w$@%+~./-]+):(\d+):(\d+)\)?$/
const INNER_FRAME = /^ {4}at [\w$.<>[\]# ]{1,100} \((?:<anonymous>|native|index \d+)\)$/
const NAME = /^[A-Za-z_$][\w$]{0,60}$/
const CODE = /^[A-Za-z0-9_.]{1,60}$/
const FRAMES_MAX = 20
const CAUSES_MAX = 4

function frames({ stack = '', message }: Error, root: string): string[] {
  const start = stack.indexOf(message)
  const after = start < 0 ? stack : stack.slice(start + message.length)
  const found: string[] = []
  for (const line of after.split('\n').reverse()) {
    const [, call, file = '', row, column] = FRAME.exec(line) ?? []
    if (row === undefined && INNER_FRAME.test(line)) continue
    if (row === undefined) break
    const path = file.replace(/^file:\/\//, '')
    const shown = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path.replace(/^\/.*\//, '.../')
    found.unshift(`${call ? `${call} ` : ''}${shown}:${row}:${column}`)
  }
  return found.slice(0, FRAMES_MAX)
}

/**
 * What a log may say of a thrown thing: class, code, stack frames with paths relative to `root`, and its causes. Never
 * its message, which may quote personal data (a database's refusal quotes the row), unless its class is one of `safe`.
 */
export function loggedError(error: unknown, root: string, safe: SafeErrors, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { name: 'NotAnError', stack: [] }
  const code = 'code' in error && typeof error.code === 'string' && CODE.test(error.code) ? error.code : undefined
  return {
    name: NAME.test(error.name) ? error.name : 'Error',
    ...(code === undefined ? {} : { code }),
    ...(safe.some((known) => error instanceof known) ? { message: error.message } : {}),
    stack: frames(error, root),
    ...(error.cause instanceof Error && depth < CAUSES_MAX
      ? { cause: loggedError(error.cause, root, safe, depth + 1) }
      : {}),
  }
}

import { type DestinationStream, pino } from 'pino'
import { loggedError, type SafeErrors } from './log-error.ts'
import { LOG_FIELDS } from './log-fields.ts'

/** Keys and values of a line; only those of `LOG_FIELDS` pass. */
export type LogFields = Readonly<Record<string, unknown>>

/** The log. `event` is a constant of the code such as `server.started`, never text made at run time. */
export type Log = {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  /** Logs a fault by class, code and stack frames; its message is left out. */
  error(event: string, error: unknown, fields?: LogFields): void
  /** How many keys or values were left out since the start. More than none points at code to mend. */
  droppedCount(): number
}

/** Settings of the log. */
export type LogOptions = {
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Where the lines go; default is standard output. */
  readonly destination?: DestinationStream
  /** The folder that paths in stack frames are shown relative to; default is the project's. */
  readonly root?: string
  readonly safeErrors?: SafeErrors
}

const EVENT = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$/
const PROJECT_ROOT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')

/** The fields that may be logged, and how many may not. */
export function allowedFields(fields: LogFields): { allowed: Record<string, unknown>; dropped: number } {
  const allowed: Record<string, unknown> = {}
  let dropped = 0
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    const checked = Object.hasOwn(LOG_FIELDS, key) ? LOG_FIELDS[key]?.(value) : undefined
    if (checked === undefined) dropped += 1
    else allowed[key] = checked
  }
  return { allowed, dropped }
}

/** Makes the log: one JSON object a line, with `time` (UTC), `level`, `event` and allowed fields. */
export function createLog({ level = 'info', destination, root = PROJECT_ROOT, safeErrors = [] }: LogOptions = {}): Log {
  const settings = {
    level,
    base: null,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const sink = destination ? pino(settings, destination) : pino(settings)
  let droppedTotal = 0
  const write = (at: 'debug' | 'info' | 'warn' | 'error', event: string, fields: LogFields, fault?: object) => {
    const { allowed, dropped } = allowedFields(fields)
    droppedTotal += dropped
    const line = { ...allowed, ...(dropped > 0 ? { dropped } : {}), ...fault }
    sink[at](line, EVENT.test(event) ? event : 'log.event_not_allowed')
  }
  return {
    debug: (event, fields = {}) => write('debug', event, fields),
    info: (event, fields = {}) => write('info', event, fields),
    warn: (event, fields = {}) => write('warn', event, fields),
    error: (event, error, fields = {}) =>
      write('error', event, fields, { error: loggedError(error, root, safeErrors) }),
    droppedCount: () => droppedTotal,
  }
}

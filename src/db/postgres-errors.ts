import { DriverAdapterError, type Error as DriverError } from '@prisma/driver-adapter-utils'

/** What PostgreSQL says about a failed statement, as both drivers carry it. */
export type PostgresError = Error & {
  readonly code: string
  readonly severity?: string | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly column?: string | undefined
  readonly constraint?: string | undefined
  readonly table?: string | undefined
}

/** A SQLSTATE begins with one of PostgreSQL's classes; codes of Prisma (P2010) and of the system (EPIPE) do not. */
const SQLSTATE = /^([0-9][0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/

/** Whether `error` is PostgreSQL's answer to a statement. */
export function isPostgresError(error: unknown): error is PostgresError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code)
}

/** The SQLSTATE of `error`, also where Prisma has wrapped it; undefined where there is none. */
export function sqlStateOf(error: unknown): string | undefined {
  if (isPostgresError(error)) return error.code
  const meta = error instanceof Error && 'meta' in error ? error.meta : undefined
  const wrapped = meta && typeof meta === 'object' && 'driverAdapterError' in meta ? meta.driverAdapterError : error
  return wrapped instanceof DriverAdapterError || hasCause(wrapped) ? wrapped.cause.originalCode : undefined
}

function hasCause(error: unknown): error is { cause: DriverError } {
  return error instanceof Error && error.name === 'DriverAdapterError' && typeof error.cause === 'object'
}

/**
 * Turns the embedded database's error into the one that `@prisma/adapter-pg` makes of the same answer, so that
 * Prisma's codes (P2002, P2003, P2010 and so on) and their `meta` are equal on both backends. What is not an answer
 * of PostgreSQL is handed back as it is.
 */
export function toDriverError(error: unknown): unknown {
  if (!isPostgresError(error)) return error
  return new DriverAdapterError({ originalCode: error.code, originalMessage: error.message, ...mapped(error) })
}

function mapped(error: PostgresError): DriverError {
  switch (error.code) {
    case '22001':
      return { kind: 'LengthMismatch', ...(error.column === undefined ? {} : { column: error.column }) }
    case '22003':
      return { kind: 'ValueOutOfRange', cause: error.message }
    case '22P02':
      return { kind: 'InvalidInputValue', message: error.message }
    case '23505':
      return uniqueViolation(error)
    case '23502':
      return { kind: 'NullConstraintViolation', ...fieldsOf(error) }
    case '23503':
      return { kind: 'ForeignKeyConstraintViolation', ...referenceOf(error) }
    case '23001':
      return { kind: 'RestrictViolation', ...referenceOf(error) }
    case '40001':
    case '40P01':
      return { kind: 'TransactionWriteConflict' }
    case '42P01':
      return { kind: 'TableDoesNotExist', ...named('table', quoted(error.message)) }
    case '42703':
      return { kind: 'ColumnNotFound', ...named('column', columnIn(error.message)) }
    default:
      return {
        kind: 'postgres',
        code: error.code,
        severity: error.severity ?? 'N/A',
        message: error.message,
        detail: error.detail,
        column: error.column,
        hint: error.hint,
      }
  }
}

function uniqueViolation(error: PostgresError): DriverError {
  const fields = keyFields(error)
  const constraint = error.constraint ? { index: error.constraint } : fields && { fields }
  return { kind: 'UniqueConstraintViolation', ...(constraint ? { constraint } : {}), ...named('table', error.table) }
}

function fieldsOf(error: PostgresError): { constraint?: { fields: string[] } } {
  const fields = keyFields(error)
  return fields ? { constraint: { fields } } : {}
}

function referenceOf(error: PostgresError): { constraint?: { fields: string[] } | { index: string } } {
  if (error.column) return { constraint: { fields: [error.column] } }
  return error.constraint ? { constraint: { index: error.constraint } } : {}
}

const keyFields = (error: PostgresError) =>
  error.detail
    ?.match(/Key \(([^)]+)\)/)
    ?.at(1)
    ?.split(', ')
const quoted = (message: string) => message.split('"').at(1)
const columnIn = (message: string) =>
  message
    .match(/^column (.+) does not exist$/)
    ?.at(1)
    ?.replaceAll('"', '')

function named<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string })
}

import type { Session } from '../auth/session.ts'
import { IdempotencyError } from '../db/idempotency.ts'
import { Refusal } from '../domains/live.ts'
import { forbidden, type RequestError, refused, unauthenticated } from '../http/request-error.ts'

/** The error of a root field whose scope the caller lacks. */
export function refuseScope(session: Session): RequestError {
  return session.principal === 'ANONYMOUS' ? unauthenticated('This needs an access token.') : forbidden()
}

/** The error of an argument that no call should carry; names the field and the reason, never the value. */
export function badInput(field: string, reason: string): RequestError {
  return refused('BAD_USER_INPUT', `${field} ${reason}.`, { field })
}

/** Errors of the layers below that the caller may be told; null for every other. */
export function recogniseError(error: unknown): RequestError | null {
  if (error instanceof Refusal) return refused(error.code, error.text ?? undefined, error.details)
  return error instanceof IdempotencyError ? refused(error.code) : null
}

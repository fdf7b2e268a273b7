/**
 * An expected failure of a mutation, told to the caller as a member of the result's union. Thrown, it rolls the use
 * case back; returned, the use case is committed. Messages are fixed texts: they carry no data of anyone.
 */
export abstract class Problem extends Error {
  /** Stable code, `DOMAIN.WHAT`; never changes once released. */
  abstract readonly code: string
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean = false

  override get name(): string {
    return this.constructor.name
  }
}

/** The record does not exist or is not the caller's: both are told alike. */
export class NotAvailable extends Problem {
  readonly code = 'NOT_AVAILABLE'
  constructor() {
    super('Not available to this caller.')
  }
}

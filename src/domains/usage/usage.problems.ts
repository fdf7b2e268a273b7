import { Problem } from '../problem.ts'

/** One event of a call is not acceptable; nothing of the call was stored. */
export class UsageEventNotValid extends Problem {
  readonly code = 'USAGE.EVENT_NOT_VALID'
  /** Position of the event in the call, from 0. */
  readonly index: number
  /** Field of the event. */
  readonly field: string
  /** Why, without the value. */
  readonly reason: string

  constructor(index = 0, field = '', reason = '') {
    super('An event of the call is not acceptable; nothing of the call was stored.')
    this.index = index
    this.field = field
    this.reason = reason
  }
}

import { Problem } from '../problem.ts'

/** The processor has ended: what the register says of it stays as it was. */
export class ProcessorEnded extends Problem {
  readonly code = 'PROCESSOR.ENDED'
  constructor() {
    super('The processor has ended. Add another one.')
  }
}

/** The register does not allow that the processor received this; nothing of the call was stored. */
export class RecipientNotAllowed extends Problem {
  readonly code = 'RECIPIENT.NOT_ALLOWED'
  /** Position of the entry in the call, from 0. */
  readonly index: number
  /** Field of the entry. */
  readonly field: string
  /** Why, without the value. */
  readonly reason: string

  constructor(index = 0, field = '', reason = '') {
    super('An entry of the call is outside what the processor may receive; nothing of the call was stored.')
    this.index = index
    this.field = field
    this.reason = reason
  }
}

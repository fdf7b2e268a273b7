import { Problem } from '../problem.ts'

/** Who proposed a change does not decide about it. */
export class ApprovalBySamePerson extends Problem {
  readonly code = 'APPROVAL.SAME_PERSON'
  constructor() {
    super('Another person than the one who proposed the change must decide.')
  }
}

/** The proposal is taken back by the person who made it alone. */
export class ApprovalNotOwn extends Problem {
  readonly code = 'APPROVAL.NOT_OWN'
  constructor() {
    super('Only the person who proposed the change may take it back.')
  }
}

/** Nobody decided in time. */
export class ApprovalExpired extends Problem {
  readonly code = 'APPROVAL.EXPIRED'
  constructor() {
    super('The proposal has expired. Propose the change again.')
  }
}

/** The proposal was approved, rejected or taken back already. */
export class ApprovalAlreadyDecided extends Problem {
  readonly code = 'APPROVAL.ALREADY_DECIDED'
  constructor() {
    super('The proposal was decided already.')
  }
}

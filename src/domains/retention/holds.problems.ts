import { Problem } from '../problem.ts'

/** What was to be held is ended: there is nothing left to keep. */
export class HoldTargetEnded extends Problem {
  readonly code = 'HOLD.TARGET_ENDED'
  constructor() {
    super('What was to be held is ended already: nothing of it is left.')
  }
}

/** The hold was released; it is not changed any more. */
export class HoldReleased extends Problem {
  readonly code = 'HOLD.RELEASED'
  constructor() {
    super('The hold was released already. Place another one.')
  }
}

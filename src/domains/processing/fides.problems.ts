import { Problem } from '../problem.ts'

/** What is wrong with a manifest, and where. */
export type FidesFault = { readonly path: string; readonly reason: string }

/** The manifest does not have the shape of fideslang; nothing of it was stored. */
export class FidesNotValid extends Problem {
  readonly code = 'FIDES.NOT_VALID'
  /** What is wrong, in the order of the manifest, 100 at most. */
  readonly faults: readonly [FidesFault, ...FidesFault[]]

  constructor(faults: readonly [FidesFault, ...FidesFault[]] = [{ path: '', reason: '' }]) {
    super('The manifest does not have the shape of fideslang; nothing of it was stored.')
    this.faults = faults
  }
}

/** With the manifest, the account would hold more than it may. */
export class FidesTooMuch extends Problem {
  readonly code = 'FIDES.TOO_MUCH'
  constructor() {
    super('An account holds at most 1,000 systems and datasets, of 4 MiB together; nothing was stored.')
  }
}

import { Problem } from '../problem.ts'

/** Another rule of the category is approved and takes effect later. */
export class RetentionRulePending extends Problem {
  readonly code = 'RETENTION.RULE_PENDING'
  override readonly retryable = true
  constructor() {
    super('A rule of this category takes effect later. Until then no other is added.')
  }
}

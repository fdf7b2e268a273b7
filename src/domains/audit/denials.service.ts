import type { Session } from '../../auth/session.ts'
import { callerName, PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import type { Deps } from '../deps.ts'
import { recordAudit } from './audit.service.ts'

/** How often what was counted is written, in seconds. Every process writes its own counts. */
export const DENIALS_FLUSH_SECONDS = 10

type Denied = { readonly session: Session; requestId: string; count: number }

/**
 * Operations that were refused for lack of a scope, counted in memory by caller and account, so that nobody can fill
 * the audit by asking for what it may not have. A process that is killed loses the counts of its last seconds.
 */
export class Denials {
  #counts = new Map<string, Denied>()

  /** Counts one refusal. Callers without a name are left to the metrics. */
  note(session: Session, requestId: string): void {
    if (session.callerId === null) return
    const key = `${callerName(session)} ${session.accountId ?? ''}`
    const known = this.#counts.get(key)
    if (!known) this.#counts.set(key, { session, requestId, count: 1 })
    else {
      known.count += 1
      known.requestId = requestId
    }
  }

  /**
   * Writes what was counted and begins anew; counts that could not be written are kept for the next time.
   * Effects: an audit event `access.denied` for each caller, with its number and its latest request.
   */
  async flush({ db, clock }: Pick<Deps, 'db' | 'clock'>): Promise<void> {
    for (const [key, denied] of [...this.#counts]) {
      const { session, requestId, count } = denied
      const accountId = session.accountId ?? PLATFORM_ACCOUNT_ID
      this.#counts.delete(key)
      try {
        await db.worker(
          (tx) =>
            recordAudit(
              tx,
              clock,
              { caller: session, requestId },
              {
                accountId,
                kind: 'access.denied',
                subjectId: session.subjectId,
                recordType: 'Operation',
                recordIds: [],
                count,
              },
            ),
          accountId,
        )
      } catch (error) {
        const meanwhile = this.#counts.get(key)
        this.#counts.set(key, { ...denied, count: count + (meanwhile?.count ?? 0) })
        throw error
      }
    }
  }
}

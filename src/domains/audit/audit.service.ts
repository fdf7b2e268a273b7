import type { Caller } from '../../db/caller.ts'
import type { Tx } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import type { AuditKind } from './audit.rules.ts'

/** What an audit event says: never personal data, only what happened to which records. */
export type AuditEntry = {
  /** The account whose data it concerns. */
  readonly accountId: string
  readonly kind: AuditKind
  /** The person it concerns, where it concerns one. */
  readonly subjectId?: string | null
  readonly recordType: string
  readonly recordIds: readonly string[]
  /** How many records, where ids would be too many. Default: the number of ids. */
  readonly count?: number
}

/** Who acts, in which request. */
export type Actor = { readonly caller: Caller; readonly requestId: string }

/**
 * Writes audit events in the caller's open transaction: they are committed with the effect or not at all.
 * Effects: rows of `audit_event`.
 */
export async function recordAudit(
  tx: Tx,
  clock: Clock,
  actor: Actor,
  ...entries: readonly AuditEntry[]
): Promise<void> {
  const at = clock.now()
  await tx.auditEvent.createMany({
    data: entries.map((entry) => ({
      accountId: entry.accountId,
      id: newId(clock),
      at,
      actorKind: actor.caller.principal,
      actorId: actor.caller.callerId,
      kind: entry.kind,
      subjectId: entry.subjectId ?? null,
      recordType: entry.recordType,
      recordIds: [...entry.recordIds],
      count: entry.count ?? entry.recordIds.length,
      requestId: actor.requestId,
    })),
  })
}

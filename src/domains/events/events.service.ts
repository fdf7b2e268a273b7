import type { Tx } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { type EventKind, type EventPayload, readPayload } from './events.rules.ts'

/**
 * Puts an event into the outbox, in the open transaction of what happened. The worker delivers it at least once.
 * Effects: one row of `outbox_event`.
 */
export async function emitEvent<K extends EventKind>(
  tx: Tx,
  clock: Clock,
  event: {
    readonly accountId: string
    readonly kind: K
    readonly subjectId?: string
    /** The processor that must learn of it. */
    readonly processorId?: string
    readonly payload: EventPayload<K>
  },
): Promise<void> {
  const now = clock.now()
  const { accountId, kind, subjectId, processorId } = event
  await tx.outboxEvent.createMany({
    data: [
      {
        accountId,
        id: newId(clock),
        kind,
        subjectId: subjectId ?? null,
        processorId: processorId ?? null,
        payload: readPayload(kind, event.payload),
        createdAt: now,
        nextAttemptAt: now,
      },
    ],
  })
}

import type { Tx } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { newId } from '../../time/id.ts'
import { EVENT_PAYLOADS, type EventKind, type EventPayload } from './events.rules.ts'

/**
 * Puts an event into the outbox, in the open transaction of what happened. The worker delivers it at least once.
 * Effects: one row of `outbox_event`.
 */
export async function emitEvent<K extends EventKind>(
  tx: Tx,
  clock: Clock,
  event: { accountId: string; kind: K; subjectId?: string; payload: EventPayload<K> },
): Promise<void> {
  const now = clock.now()
  const { accountId, kind, subjectId } = event
  await tx.outboxEvent.createMany({
    data: [
      {
        accountId,
        id: newId(clock),
        kind,
        subjectId: subjectId ?? null,
        payload: EVENT_PAYLOADS[kind].parse(event.payload),
        createdAt: now,
        nextAttemptAt: now,
      },
    ],
  })
}

import { referenceSystem } from '../reference-system.ts'

/** The outbox and the feeds. An event names a person and says nothing of it. */
export const eventsSystem = referenceSystem({
  key: 'events',
  name: 'Outbox and event feeds',
  tables: ['public.outbox_event', 'public.event_feed', 'public.event_counter'],
  exception: 'EVENT_LOG',
  async count(tx, { accountId, subjectId }) {
    const outbox = await tx.outboxEvent.count({ where: { accountId, subjectId } })
    return outbox + (await tx.eventFeed.count({ where: { accountId, subjectId } }))
  },
})

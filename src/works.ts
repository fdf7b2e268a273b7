import { Gauge } from 'prom-client'
import { cleanExpiredOauthState } from './auth/oauth/oauth-state.ts'
import { rotateSigningKeyWhenDue } from './auth/oauth/signing-keys.ts'
import { isRotationDue } from './crypto/rotation.ts'
import { deleteExpiredIdempotencyKeys } from './db/idempotency.ts'
import { revokeInvitationsOnClosing } from './domains/accounts/accounts.jobs.ts'
import { auditExportHandler } from './domains/audit/audit.jobs.ts'
import type { Deps } from './domains/deps.ts'
import { type FeedListener, sequenceEvents } from './domains/events/events.feed.ts'
import {
  deleteDeliveredEvents,
  dispatchOutbox,
  type EventHandler,
  outboxBacklog,
  recallPutOffEvents,
} from './domains/events/events.jobs.ts'
import { deleteDeclarationsOnClosed } from './domains/processing/account-closed.jobs.ts'
import { deleteOldFindings, reconcileHandler } from './domains/processing/reconciliation.jobs.ts'
import { planAccounts } from './domains/retention/account-planning.jobs.ts'
import { markHolds } from './domains/retention/hold-marks.jobs.ts'
import { endHeldRemains } from './domains/retention/hold-remains.jobs.ts'
import { planStaleItems } from './domains/retention/planning.service.ts'
import { sweepRetention } from './domains/retention/sweep.jobs.ts'
import { recallPutOff, timersBacklog } from './domains/retention/sweep-claims.ts'
import { ensureMonths, monthsAhead } from './domains/usage/usage.partitions.ts'
import { foldDueMonths } from './domains/usage/usage-fold.jobs.ts'
import { deleteEndpointsOnClosed } from './domains/webhooks/account-closed.jobs.ts'
import { fanOut } from './domains/webhooks/webhooks.feed.ts'
import {
  deleteExpiredKeys,
  recallPutOffDeliveries,
  redeliveryHandler,
  webhookBacklog,
} from './domains/webhooks/webhooks.jobs.ts'
import { type SendOptions, sendWebhooks } from './domains/webhooks/webhooks.sender.ts'
import type { Metrics } from './http/metrics.ts'
import { deleteExpiredJobs, type JobHandler, type ScheduledTask } from './jobs/jobs.ts'
import { SYSTEMS } from './systems.ts'

/** What the worker does: recurring tasks and kinds of jobs. */
export type Works = { readonly tasks: readonly ScheduledTask[]; readonly handlers: readonly JobHandler[] }

const HOUR = 3_600

/** How many accounts a sweep ends data of at the same time: the embedded database has one connection. */
export const sweepLanes = ({ kind }: Pick<Deps['db'], 'kind'>): number => (kind === 'postgres' ? 2 : 1)

/** Every kind of long work that needs nothing but its transaction. */
export const JOB_HANDLERS: readonly JobHandler[] = [auditExportHandler, redeliveryHandler]

/** All of the program's work in the background. */
export function worksOf(
  deps: Deps,
  outer: {
    readonly metrics: Metrics
    readonly epochDays: number
    /** How webhooks leave. Default: over the network. */
    readonly post?: NonNullable<SendOptions['post']>
    /** Told what went wrong within a task that goes on nevertheless. Default: nobody. */
    readonly onFailure?: (name: string, error: unknown) => void
  },
): Works {
  const { db, clock, keys } = deps
  const events = [
    revokeInvitationsOnClosing(clock),
    deleteDeclarationsOnClosed(clock),
    deleteEndpointsOnClosed(deps),
  ] as unknown as readonly EventHandler[]
  const feedListeners: readonly FeedListener[] = [fanOut(clock)]
  const task = (name: string, everySeconds: number, run: () => Promise<unknown>): ScheduledTask => ({
    name,
    everySeconds,
    run: async () => void (await run()),
  })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [outer.metrics.registry] })
  const waiting = gauge('outbox_waiting', 'Events that wait in the outbox.')
  const oldest = gauge('outbox_oldest_seconds', 'Age of the oldest event that waits, in seconds.')
  const deliveries = gauge('webhook_deliveries_waiting', 'Deliveries that wait for active webhook endpoints.')
  const oldestDelivery = gauge('webhook_oldest_seconds', 'Age of the oldest delivery that waits, in seconds.')
  const timersDue = gauge('retention_timers_due', 'Timers that are due and not done.')
  const oldestTimer = gauge('retention_oldest_seconds', 'How long ago the oldest of these was due, in seconds.')
  return {
    tasks: [
      task('outbox.dispatch', 1, async () => {
        await sequenceEvents(db, clock, feedListeners)
        await dispatchOutbox(db, clock, events)
        const backlog = await outboxBacklog(db, clock.now())
        waiting.set(backlog.waiting)
        oldest.set(backlog.oldestSeconds)
      }),
      task('outbox.cleanup', HOUR, async () => {
        await deleteDeliveredEvents(db, clock.now())
        await recallPutOffEvents(db, clock.now())
      }),
      task('usage.partitions', HOUR, () => ensureMonths(db, monthsAhead(clock.now()), clock.now())),
      task('usage.fold', 60, () => foldDueMonths(db, clock)),
      task('keys.rotation', HOUR, async () => {
        const now = clock.now()
        if (await isRotationDue(db, now)) await keys.rotateEpoch({ db, now, periodDays: outer.epochDays })
      }),
      task('idempotency.cleanup', HOUR, () => deleteExpiredIdempotencyKeys(db, clock.now())),
      task('jobs.cleanup', HOUR, () => deleteExpiredJobs(db, clock.now())),
      task('inventory.findings', HOUR, () => deleteOldFindings(db, clock.now())),
      task('oauth.cleanup', HOUR, () => cleanExpiredOauthState(db, clock.now())),
      task('oauth.signing_key', HOUR, () => rotateSigningKeyWhenDue(deps, outer.epochDays)),
      task('webhooks.backlog', 10, async () => {
        const backlog = await webhookBacklog(db, clock.now())
        deliveries.set(backlog.waiting)
        oldestDelivery.set(backlog.oldestSeconds)
      }),
      task('webhooks.cleanup', HOUR, async () => {
        await deleteExpiredKeys(db, clock.now())
        await recallPutOffDeliveries(db, clock.now())
      }),
      // A lane of its own: what stood still for a month is a long work, and what is due goes on meanwhile.
      {
        ...{ name: 'retention.sweep', everySeconds: 1, lane: 'retention' },
        run: async (signal) => {
          const onFailure = (error: unknown) => outer.onFailure?.('retention.sweep', error)
          await sweepRetention(deps, SYSTEMS, { signal, onFailure, lanes: sweepLanes(db) })
        },
      },
      task('retention.backlog', 10, async () => {
        await db.worker((tx) => recallPutOff(tx, clock.now()))
        const backlog = await timersBacklog(db, clock.now())
        timersDue.set(backlog.due)
        oldestTimer.set(backlog.oldestSeconds)
      }),
      // A lane of its own: a hold on an account may concern a million items.
      {
        ...{ name: 'retention.holds', everySeconds: 1, lane: 'holds' },
        run: async (signal) => {
          await markHolds(deps, signal)
          await endHeldRemains(deps, SYSTEMS)
        },
      },
      // A lane of its own: an account may hold a million items, and others do not wait for it.
      {
        ...{ name: 'retention.accounts', everySeconds: 1, lane: 'accounts' },
        run: async (signal) => void (await planAccounts(deps, signal)),
      },
      // A lane of its own: a rule that concerns many items holds up nothing else.
      {
        ...{ name: 'retention.plan', everySeconds: 1, lane: 'planning' },
        run: async (signal) => void (await planStaleItems(deps, { signal })),
      },
      // A lane of its own: receivers that are slow hold up nothing else.
      {
        ...{ name: 'webhooks.send', everySeconds: 1, lane: 'webhooks' },
        run: async (signal) => void (await sendWebhooks(deps, { signal, ...(outer.post ? { post: outer.post } : {}) })),
      },
    ],
    handlers: [...JOB_HANDLERS, reconcileHandler(clock, SYSTEMS)],
  }
}

import { builder } from '../../schema/builder.ts'
import { readAccountId } from '../../schema/global-id.ts'
import { badInput } from '../../schema/refusals.ts'
import { needs } from '../../schema/root-field.ts'
import { countLiving, isKnownAccount, readStatus } from './retention-status.reads.ts'
import { statusReach } from './retention-status.scope.ts'
import { RetentionStatusObject } from './retention-status.types.ts'

const PERIOD_DAYS_MAX = 366

builder.queryField('retentionStatus', (t) =>
  t.field({
    type: RetentionStatusObject,
    nullable: true,
    ...needs(
      'retention:read',
      'How the timers of an account are doing, or for Staff those of all: what is due, overdue, held and failed, and how late timers were. Null where the caller may not see the account, as persons may not who do not manage theirs; each sees the timers of its own data.',
    ),
    args: {
      accountId: t.arg.id({ description: "Of this account; absent: the caller's own, for Staff all together." }),
      periodDays: t.arg.int({
        required: true,
        defaultValue: 30,
        description: `How many days back done timers are looked at, 1 to ${PERIOD_DAYS_MAX}.`,
      }),
    },
    resolve: async (_root, args, { deps, reads, session }) => {
      const { periodDays } = args
      if (periodDays < 1 || periodDays > PERIOD_DAYS_MAX)
        throw badInput('periodDays', `must be 1 to ${PERIOD_DAYS_MAX}`)
      const named = typeof args.accountId === 'string' ? readAccountId('accountId', args.accountId) : null
      const reach = statusReach(session)
      if (!reach) return null
      if (named !== null && reach.accountId !== null && named !== reach.accountId) return null
      const accountId = named ?? reach.accountId
      const { tx } = reads
      if (reach.accountId === null && named !== null && !(await isKnownAccount(tx, named))) return null
      const at = deps.clock.now()
      let living: ReturnType<typeof countLiving> | undefined
      const countOnce = () => (living ??= countLiving(tx, accountId))
      const counts = await readStatus(tx, { accountId, now: at, periodDays, viewer: session })
      return { at, accountId, periodDays, counts: counts.map((each) => ({ ...each, living: countOnce })) }
    },
  }),
)

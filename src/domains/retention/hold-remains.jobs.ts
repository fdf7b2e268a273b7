import { lockAccount } from '../accounts/account-guards.ts'
import type { Deps } from '../deps.ts'
import type { PersonalDataSystem } from '../personal-data.ts'
import { locatorOf, USAGE } from '../usage/usage-items.ts'
import { endTaken, withLine } from './ending.service.ts'
import { takeItems } from './ending-claims.ts'
import type { EndItem } from './ending-items.ts'

/** How many items are looked for at a time. */
const BATCH = 500

/**
 * Ends what a hold had kept of months that were dropped meanwhile, once no hold keeps it any more: their partition is
 * gone, and with it what would have ended them. With nothing to do it is one look into an index.
 * Effects: as `endTaken`, one transaction for each account. @returns how many items were ended
 * @throws AggregateError with what kept items of an account from being ended; other accounts are not held up
 */
export async function endHeldRemains(deps: Deps, systems: readonly PersonalDataSystem[]): Promise<number> {
  const found = await findRemains(deps)
  const faults: unknown[] = []
  let ended = 0
  for (const [accountId, items] of Map.groupBy(found, (item) => item.accountId))
    try {
      ended += await withLine(deps, accountId, async (tx, line) => {
        await lockAccount(tx, accountId)
        const request = { accountId, cause: 'RETENTION', lineId: line.id, items, requestId: line.id } as const
        const onAnnounced = () => {
          line.announced = true
        }
        const taken = { ...request, items: await takeItems(tx, request) }
        return (await endTaken(tx, deps, systems, taken, { onAnnounced })).items
      })
    } catch (error) {
      faults.push(error)
    }
  if (faults.length > 0) throw new AggregateError(faults, 'what a hold had kept could not be ended')
  return ended
}

/** Due items of dropped months that live and are not held, of all accounts. */
function findRemains({ db, clock }: Deps): Promise<(EndItem & { readonly accountId: string })[]> {
  return db.worker(
    (tx) => tx.$queryRaw`
      select i.account_id as "accountId", i.id as "itemId", i.subject_id as "subjectId", i.category::text as category,
        i.system, i.locator, 'DELETE' as action
      from inventory_item i join retention_rule r on r.id = i.retention_rule_id
      where i.done_at is null and i.due_at <= ${clock.now()} and i.category in ('USAGE', 'SECURITY')
        and i.state in ('LIVE', 'RESTRICTED')
        and i.system = ${USAGE} and r.action = 'DROP_PARTITION'
        and exists (select from usage_month m where i.locator = ${locatorOf('')} || to_char(m.month, 'YYYY-MM'))
      order by i.account_id, i.id limit ${BATCH}`,
  )
}

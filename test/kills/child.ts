import type { Deps } from '../../src/domains/deps.ts'
import type { PersonalDataSystem } from '../../src/domains/personal-data.ts'
import { planAccounts } from '../../src/domains/retention/account-planning.jobs.ts'
import { markHolds } from '../../src/domains/retention/hold-marks.jobs.ts'
import { endCategory, endItem, endSubject } from '../../src/domains/retention/person-ending.service.ts'
import { planStaleItems } from '../../src/domains/retention/planning.service.ts'
import { sweepRetention } from '../../src/domains/retention/sweep.jobs.ts'
import { timersBacklog } from '../../src/domains/retention/sweep-claims.ts'
import { SYSTEMS } from '../../src/systems.ts'
import { chances } from '../webhooks/unreliable.ts'
import { twoTransactions } from './broken.ts'
import type { Request } from './expected.ts'
import { type Kill, killingFailpoint } from './failpoint.ts'
import { openPlace, type Place } from './place.ts'

/** What a process of the engine is told, as JSON in its first argument. */
export type ChildOrder = {
  readonly place: Place
  /** When it runs. */
  readonly now: string
  readonly kill: Kill | null
  /** Says in which order the works come. */
  readonly seed: number
  /** Items in a transaction of the sweep. */
  readonly batch: number
  readonly requests: readonly Request[]
  /** Whether effect and completion are two transactions: an engine that must be found out. */
  readonly broken: boolean
}

/** Does everything that is to be done, each work once, and prints how many timers are still due. */
async function run(order: ChildOrder): Promise<void> {
  const failpoint = await killingFailpoint(order.place, order.kill)
  const { deps, close } = await openPlace(order.place, order.now, failpoint)
  const engine = order.broken ? twoTransactions(deps, SYSTEMS) : { deps, systems: SYSTEMS }
  const chance = chances(order.seed)
  const works = worksOf(engine, order)
  const shuffled = works.map((work) => ({ work, place: chance() })).sort((a, b) => a.place - b.place)
  for (const { work } of shuffled) await work()
  const { due } = await timersBacklog(deps.db, deps.clock.now())
  await close()
  process.stdout.write(`due ${due}\n`)
}

type Engine = { readonly deps: Deps; readonly systems: readonly PersonalDataSystem[] }

function worksOf({ deps, systems }: Engine, { requests, batch }: ChildOrder): (() => Promise<unknown>)[] {
  return [
    () => planAccounts(deps),
    () => planStaleItems(deps),
    () => markHolds(deps),
    () => sweepRetention(deps, systems, { batch }),
    ...requests.map((request) => () => ask({ deps, systems }, request)),
  ]
}

async function ask({ deps, systems }: Engine, { accountId, subjectId, category, locator, action }: Request) {
  const of = { accountId, subjectId }
  if (category !== undefined) return endCategory(deps, systems, { ...of, category }, action)
  if (locator === undefined) return endSubject(deps, systems, of, action)
  const item = await deps.db.worker(
    (tx) => tx.inventoryItem.findFirst({ where: { ...of, locator }, select: { id: true } }),
    accountId,
  )
  return endItem(deps, systems, { ...of, itemId: item?.id ?? '' }, action)
}

await run(JSON.parse(process.argv[2] ?? '') as ChildOrder)

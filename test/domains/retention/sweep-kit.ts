import { PLATFORM_ACCOUNT_ID } from '../../../src/db/caller.ts'
import { DEMO_ACCOUNTS } from '../../../src/demo/demo-data.ts'
import type { Deps } from '../../../src/domains/deps.ts'
import * as inventory from '../../../src/domains/inventory/inventory.service.ts'
import type { PersonalDataSystem, Piece } from '../../../src/domains/personal-data.ts'
import { noRecords } from '../../../src/domains/reference-system.ts'
import type { DataCategory } from '../../../src/generated/prisma/enums.ts'
import { SYSTEMS } from '../../../src/systems.ts'
import { type Owner, openOwnerOf } from '../../kit/owner.ts'
import { openWorld, type World, type WorldOptions } from '../../kit/world.ts'

/** A system of two that hold nothing but count what they are asked to end. */
export type Store = PersonalDataSystem & {
  /** Throws or counts what is left before a piece is ended; cleared by hand. */
  before: (piece: Piece) => number
  /** Every call: action and how many pieces. */
  readonly calls: string[]
  /** Items whose data was sealed anew. */
  readonly resealed: string[]
}

export type Sweeping = {
  readonly world: World
  readonly owner: Owner
  /** What happened, in order: lines of the ledger and calls of the stores. */
  readonly log: string[]
  readonly deps: Deps
  /** What the program has, and two stores. */
  readonly systems: readonly PersonalDataSystem[]
  readonly stores: readonly [Store, Store]
  /** The demo's accounts, then Pipelet's own. */
  readonly accounts: readonly [string, string, string]
  /** Writes items by the one door. */
  write(items: readonly Written[]): Promise<number>
  close(): Promise<void>
}

export type Written = {
  readonly accountId: string
  readonly subjectId?: string | null
  readonly category: DataCategory
  readonly system: string
  readonly locator: string
  readonly startsAt: string
}

/** Opens a world whose ledger and two of whose systems write down what happens to them. */
export async function openSweeping(options: WorldOptions = {}): Promise<Sweeping> {
  const world = await openWorld(options)
  const owner = await openOwnerOf(world.resources.db)
  const log: string[] = []
  const ledger = {
    intend: async (_line: string, _at: Date, effects: readonly { itemIds: readonly string[] }[]) =>
      void log.push(`intend ${effects.reduce((sum, { itemIds }) => sum + itemIds.length, 0)}`),
    done: async () => void log.push('done'),
    aborted: async () => void log.push('aborted'),
  }
  const stores = [storeOf('test.one', log), storeOf('test.two', log)] as const
  return {
    ...{ world, owner, log, stores },
    deps: { ...world.resources, ledger },
    systems: [...SYSTEMS, ...stores],
    accounts: [DEMO_ACCOUNTS[0].id, DEMO_ACCOUNTS[1].id, PLATFORM_ACCOUNT_ID],
    write: (items) =>
      world.resources.db.worker((tx) =>
        inventory.record(
          tx,
          world.clock,
          items.map(({ startsAt, subjectId = null, ...item }) => ({
            ...item,
            subjectId,
            purposes: ['SERVICE_PROVISION'],
            legalBasis: 'CONTRACT',
            collectedAt: new Date(startsAt),
            retentionStartsAt: new Date(startsAt),
          })),
        ),
      ),
    close: async () => {
      await owner.close()
      await world.close()
    },
  }
}

function storeOf(key: string, log: string[]): Store {
  const store: Store = {
    key,
    name: key,
    kind: 'DATABASE',
    categories: ['COOKIE', 'CONTENT_BATCH', 'PAYMENT', 'COMMUNICATION'],
    tables: [],
    exception: null,
    calls: [],
    resealed: [],
    before: () => 0,
    locate: async () => [],
    locatePage: async () => [],
    export: () => noRecords(),
    correct: async () => ({ outcome: 'NOT_FOUND' }),
    count: async () => 0,
    async end(_tx, _deps, _accountId, action, pieces) {
      let remaining = 0
      for (const piece of pieces) remaining += store.before(piece)
      store.calls.push(`${action} ${pieces.length}`)
      log.push(`${key} ${action} ${pieces.length}`)
      return { rows: pieces.length, remaining }
    },
    async reseal(_tx, _deps, _accountId, piece) {
      store.resealed.push(piece.locator)
      log.push(`${key} reseal ${piece.locator}`)
      return 1
    },
  }
  return store
}

/** Items of a locator's kind: how many there are in each state, with attempts and problem. */
export function statesOf(owner: Owner, like = 'test/%') {
  return owner.query<{ state: string; attempts: number; problem: string | null; items: number }>(
    `select state::text, attempts, last_problem as problem, count(*)::int as items from inventory_item
     where locator like $1 group by 1, 2, 3 order by 1, 2, 3`,
    like,
  )
}

import { systemSession } from '../../../src/auth/session.ts'
import type { NewItem } from '../../../src/domains/inventory/inventory.service.ts'
import { fresh, localId, perform, person, type Who } from '../../api/calls.ts'
import { batchItem, recordItems } from '../../api/inventory-kit.ts'
import type { World } from '../../kit/world.ts'

/** An account of its own, whose owner can sign in again whenever the clock was moved. */
export type Owned = {
  /** Global id and UUID of the account. */
  readonly account: string
  readonly accountId: string
  readonly ownerId: string
  readonly email: string
  /** The owner, signed in by hand just now. */
  owner(): Promise<Who>
}

/** Opens one; `name` is what the account is called. */
export async function openOwned(world: World, name = 'Carina Care'): Promise<Owned> {
  const [email, sub] = [`${fresh()}@owner.example`, `sub-${fresh()}`]
  const input = { name, country: 'FR', region: 'eu-west', owner: { name: 'Gael Petit', email } }
  const created = (await perform(world, await staff(world), 'createAccount', input)) as unknown as {
    account: { id: string }
    invitationCode: string
  }
  const accepted = await perform(world, await person(world, { sub, email }), 'acceptInvitation', {
    code: created.invitationCode,
  })
  if (accepted.__typename !== 'AcceptInvitationSuccess') throw new Error(`the invitation: ${accepted.code}`)
  const account = created.account.id
  const owner = () => person(world, { sub })
  return { account, accountId: localId(account), ownerId: String(accepted['subjectId']), email, owner }
}

/** Staff with every scope of its role, signed in just now. */
export const staff = (world: World) => person(world, { sub: 'demo-staff' })

/** Begins or takes back a closing. @returns the code of the problem, or the type of the success */
export async function change(world: World, who: Who | null, name: 'closeAccount' | 'reopenAccount', account: string) {
  const { __typename, code } = await perform(world, who, name, { accountId: account })
  return code ?? __typename
}

/** Records `count` pieces of batch content of nobody, one a place. */
export function recordPieces(world: World, accountId: string, count: number, more: Partial<NewItem> = {}) {
  const items = Array.from({ length: count }, (_, n) => batchItem(accountId, null, { locator: `object/${n}`, ...more }))
  return recordItems(world, accountId, items)
}

/** What is asked of a closing. */
export const CLOSING = `closingAt reopenUntil closesAt total planned lines { ...Line }`
const LINE = `fragment Line on AccountClosingLine { outcome category legalBasis items action earliestDueAt latestDueAt
  rule { trigger period clause } }`

type Line = {
  readonly outcome: 'GOES' | 'STAYS' | 'HELD'
  readonly category: string
  readonly legalBasis: string
  readonly items: number
  readonly action: string | null
  readonly earliestDueAt: string | null
  readonly latestDueAt: string | null
  readonly rule: { readonly trigger: string; readonly period: string; readonly clause: string } | null
}

/** A closing with each line in a row: category, basis, items, action, first and last due, rule. */
export type Closing = {
  readonly closingAt: string
  readonly reopenUntil: string | null
  readonly closesAt: string | null
  readonly total: number
  readonly planned: number
  readonly goes: readonly string[]
  readonly stays: readonly string[]
  readonly held: readonly string[]
}

const rowOf = ({ category, legalBasis, items, action, earliestDueAt, latestDueAt, rule }: Line) =>
  [
    category,
    legalBasis,
    items,
    action,
    earliestDueAt,
    latestDueAt,
    rule && `${rule.trigger} ${rule.period} ${rule.clause}`,
  ]
    .map((each) => each ?? '-')
    .join(' | ')

/** What an account's closing, or its preview, shows to a caller; null where it shows nothing. */
export async function closingOf(world: World, who: Who, account: string, preview = false): Promise<Closing | null> {
  const { data, errors } = await world.ask(
    who,
    `query ($id: ID!, $preview: Boolean) { account(id: $id) { closing(preview: $preview) { ${CLOSING} } } } ${LINE}`,
    { id: account, preview },
  )
  if (errors) throw new Error(JSON.stringify(errors))
  if (!data.account?.closing) return null
  const { lines, ...closing } = data.account.closing as Omit<Closing, 'goes' | 'stays' | 'held'> & { lines: Line[] }
  const rows = (outcome: Line['outcome']) => lines.filter((line) => line.outcome === outcome).map(rowOf)
  return { ...closing, goes: rows('GOES'), stays: rows('STAYS'), held: rows('HELD') }
}

/** Living items of an account as their timers stand: place, state, rule's trigger, due, next attempt. */
export async function timersOf(world: World, accountId: string): Promise<string[]> {
  const rows = await world.resources.db.read(systemSession(accountId), (tx) =>
    tx.inventoryItem.findMany({
      where: { accountId, state: { in: ['LIVE', 'HELD', 'RESTRICTED'] } },
      include: { retentionRule: { select: { trigger: true } } },
      orderBy: [{ category: 'asc' }, { locator: 'asc' }],
    }),
  )
  return rows.map(({ category, locator, state, retentionRule, dueAt, attemptAt }) =>
    [category, locator, state, retentionRule?.trigger, dueAt?.toISOString(), attemptAt?.toISOString()]
      .map((each) => each ?? '-')
      .join(' | '),
  )
}

/** Living items, in short: how many are to be attempted, and how many at another instant than `due`. */
export async function attemptsOf(world: World, accountId: string) {
  const rows = await world.resources.db.worker(
    (tx) => tx.$queryRaw<{ due: string; items: number }[]>`
      select coalesce(to_char(attempt_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), '-') as due, count(*)::int as items
      from inventory_item where account_id = ${accountId}::uuid and done_at is null group by 1 order by 1`,
  )
  return Object.fromEntries(rows.map(({ due, items }) => [due, items]))
}

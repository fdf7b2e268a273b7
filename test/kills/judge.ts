import { Keyring } from '../../src/crypto/keyring.ts'
import { readPerson } from '../../src/domains/accounts/person-export.ts'
import type { Deps } from '../../src/domains/deps.ts'
import { ledgerKey } from '../../src/ledger/file-ledger.ts'
import type { LedgerLine } from '../../src/ledger/ledger-line.ts'
import { readLedger } from '../../src/ledger/read-ledger.ts'
import { type Owner, openOwnerOf } from '../kit/owner.ts'
import type { Expected } from './expected.ts'
import { judgeLedger } from './judge-ledger.ts'
import { ledgerDirOf, type Place } from './place.ts'
import { nameOf, type Seed } from './seed.ts'

/**
 * What is wrong in the end. LOST: what should have ended did not, or something else is gone. DOUBLED: ended or written
 * down twice. TORN: item, data, keys and ledgers do not say the same.
 */
export type Fault = { readonly kind: 'LOST' | 'DOUBLED' | 'TORN'; readonly what: string }

/** Compares everything with what must have become of it. */
export async function judge(place: Place, deps: Deps, seed: Seed): Promise<readonly Fault[]> {
  const owner = await openOwnerOf(deps.db)
  const faults: Fault[] = []
  const tell = (kind: Fault['kind'], what: string) => void faults.push({ kind, what })
  await judgeItems(owner, seed, tell)
  await judgeData(owner, seed, tell)
  await judgeKeys(owner, deps, seed, tell)
  const { publicKey } = await ledgerKey(deps.keyProvider)
  const lines: LedgerLine[] = []
  for await (const line of readLedger(ledgerDirOf(place), publicKey)) lines.push(line)
  await judgeLedger(owner, lines, seed, tell)
  await owner.close()
  return faults
}

type Tell = (kind: Fault['kind'], what: string) => void

const placeOf = (item: Expected) => `${item.category} ${item.locator} of ${item.subjectId ?? 'nobody'}`

async function judgeItems(owner: Owner, { expected, accounts }: Seed, tell: Tell): Promise<void> {
  const rows = await owner.query<{ id: string; end: Expected['end']; erasures: number }>(
    `select i.id, case when i.state in ('ERASED', 'ANONYMISED') then i.state::text else 'LIVE' end as end,
       (select count(*)::int from erasure_item e where e.account_id = i.account_id and e.item_id = i.id) as erasures
     from inventory_item i`,
  )
  const found = new Map(rows.map((row) => [row.id, row]))
  for (const item of expected) {
    const { end, erasures } = found.get(item.itemId) ?? { end: 'LIVE', erasures: 0 }
    found.delete(item.itemId)
    if (end !== item.end) tell('LOST', `${placeOf(item)} is ${end} and not ${item.end}`)
    const due = end === 'LIVE' ? 0 : 1
    if (erasures !== due) tell(erasures > due ? 'DOUBLED' : 'TORN', `${placeOf(item)} has ${erasures} erasures`)
  }
  // What one person's events became when they were made anonymous: nobody's, of two categories.
  const asked = accounts.find(({ role }) => role === 'requests')?.persons ?? []
  const made = [...found.values()].filter(({ end }) => end === 'LIVE').length
  if (made !== (asked.length > 1 ? 2 : 0) || found.size !== made) tell('DOUBLED', `there are ${found.size} new items`)
}

type Data = { readonly key: string; readonly rows: number }

/** How many rows lie at a place, whole: a row of a person or account counts while its name is there. */
async function dataAt(owner: Owner): Promise<ReadonlyMap<string, number>> {
  const rows = await owner.query<Data>(
    `select account_id || ' ' || id || ' ACCOUNT subject' as key, 1 as rows from subject
       where status <> 'ERASED' or num_nonnulls(name_cipher, email_cipher, email_index) > 0
     union all
     select account_id || ' ' || subject_id || ' ACCOUNT identity_link', count(*)::int from identity_link group by 1
     union all
     select account_id || ' ' || coalesce(subject_id::text, '-') || case kind when 'SECURITY' then ' SECURITY' else ' USAGE' end
       || ' usage_event/' || to_char(occurred_at at time zone 'UTC', 'YYYY-MM'), count(*)::int from usage_event group by 1
     union all
     select id || ' - ACCOUNT account', 1 from account where status <> 'CLOSED' or name_cipher is not null`,
  )
  return new Map(rows.map(({ key, rows: count }) => [key, count]))
}

const WHOLE: Readonly<Record<string, number>> = { USAGE: 2, SECURITY: 1, ACCOUNT: 1 }

async function judgeData(owner: Owner, { expected, accounts }: Seed, tell: Tell): Promise<void> {
  const data = await dataAt(owner)
  const states = await owner.query<{ id: string; ended: boolean }>(
    `select id, state in ('ERASED', 'ANONYMISED') as ended from inventory_item`,
  )
  const ended = new Map(states.map((row) => [row.id, row.ended]))
  for (const item of expected) {
    const rows = data.get(`${item.accountId} ${item.subjectId ?? '-'} ${item.category} ${item.locator}`) ?? 0
    const whole = WHOLE[item.category] ?? 0
    if (ended.get(item.itemId) && rows !== 0) tell('TORN', `${placeOf(item)} has ended, and ${rows} rows are there`)
    if (!ended.get(item.itemId) && rows !== whole)
      tell('TORN', `${placeOf(item)} lives, and ${rows} of ${whole} rows are there`)
  }
  const asked = accounts.find(({ role }) => role === 'requests')
  if ((asked?.persons.length ?? 0) < 2) return
  for (const category of ['USAGE', 'SECURITY']) {
    const rows = data.get(`${asked?.id} - ${category} usage_event/2026-01`) ?? 0
    if (rows !== WHOLE[category]) tell(rows === 0 ? 'LOST' : 'DOUBLED', `${rows} events of nobody, ${category}`)
  }
}

/** A name opens while its row lives, and no key of a person is left of whose category nothing lives. */
async function judgeKeys(owner: Owner, deps: Deps, { expected, accounts }: Seed, tell: Tell): Promise<void> {
  // A keyring of its own: none of its keys was unwrapped before.
  const keys = new Keyring(deps.keyProvider, deps.clock)
  for (const { id: accountId, persons } of accounts)
    await deps.db.worker(async (tx) => {
      for (const subjectId of persons) {
        const known = await readPerson(tx, { ...deps, keys }, { accountId, subjectId })
        if (known && known.name !== nameOf(subjectId)) tell('TORN', `the name of ${subjectId} does not open`)
      }
    }, accountId)
  const living = await owner.query<{ subjectId: string | null; accountId: string; shared: boolean }>(
    `select account_id as "accountId", subject_id as "subjectId", item_id is null as shared from keys.data_key
     where wrapped is not null and category = 'ACCOUNT'`,
  )
  const shredded = accounts.find(({ role }) => role === 'requests')?.persons[0]
  for (const { accountId, subjectId, shared } of living) {
    const sealed = expected.filter(
      (item) => item.accountId === accountId && item.subjectId === subjectId && item.category === 'ACCOUNT',
    )
    const kept = sealed.length === 0 || sealed.some(({ end }) => end === 'LIVE')
    if (!kept || (shared && subjectId !== null && subjectId === shredded))
      tell('TORN', `a key of ${subjectId ?? accountId} lives`)
  }
}

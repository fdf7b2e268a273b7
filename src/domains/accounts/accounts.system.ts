import type { Tx } from '../../db/database.ts'
import type { Deps } from '../deps.ts'
import { resumeAt } from '../located-key.ts'
import type {
  Counted,
  EndAction,
  Located,
  LocatedKey,
  Outcome,
  Person,
  PersonalDataSystem,
  PersonCorrection,
  Piece,
} from '../personal-data.ts'
import { noRecords } from '../reference-system.ts'
import { endAccount, locateAccount, resealAccount } from './account-erasure.ts'
import { ACCOUNT, ACCOUNTS, IDENTITY_LINK, SUBJECT } from './account-items.ts'
import { endPersons } from './person-erasure.ts'
import { exportPerson, readPerson } from './person-export.ts'
import { resealPerson } from './person-reseal.ts'
import { correctSubject } from './subject.service.ts'

/**
 * Persons with their sign-ins and invitations; the account itself with its clients, a piece of nobody in particular;
 * beside them staff, who are no subjects.
 */
export const accountsSystem: PersonalDataSystem = {
  key: ACCOUNTS,
  name: 'Accounts and persons',
  kind: 'DATABASE',
  categories: ['ACCOUNT'],
  tables: [
    { name: 'public.subject', holds: 'DATA' },
    { name: 'public.identity_link', holds: 'DATA' },
    { name: 'public.invitation', holds: 'REFERENCES' },
    { name: 'public.account', holds: 'DATA' },
    { name: 'public.api_client', holds: 'DATA' },
    { name: 'public.staff_member', holds: 'DATA' },
  ],
  locate,
  locatePage,
  export: (tx, deps, person, category) => (category === 'ACCOUNT' ? exportPerson(tx, deps, person) : noRecords()),
  correct,
  end,
  reseal: (tx, deps, accountId, piece, key) =>
    isOfAccount(piece) ? resealAccount(tx, deps, accountId, key) : resealPerson(tx, deps, accountId, piece, key),
  exception: null,
  count,
}

const isOfAccount = ({ locator, subjectId }: Piece) => locator === ACCOUNT && subjectId === null

/** The account's own piece, and those of persons. */
async function end(
  tx: Tx,
  deps: Deps,
  accountId: string,
  action: EndAction,
  pieces: readonly Piece[],
): Promise<Counted> {
  const persons = pieces.filter((piece) => !isOfAccount(piece))
  const counted = persons.length === 0 ? NOTHING : await endPersons(tx, deps, accountId, action, persons)
  const own = pieces.find(isOfAccount)
  if (!own) return counted
  const { rows, remaining } = await endAccount(tx, deps, accountId, own.itemId)
  return { rows: counted.rows + rows, remaining: counted.remaining + remaining }
}

const NOTHING: Counted = { rows: 0, remaining: 0 }

type Found = { readonly subjectId: string; readonly rows: number }

const located = (locator: string, { subjectId, rows }: Found): Located => ({
  locator,
  category: 'ACCOUNT',
  subjectId,
  rows,
})

async function locate(tx: Tx, { accountId, subjectId }: Person): Promise<Located[]> {
  const links = await tx.identityLink.count({ where: { accountId, subjectId } })
  const subjects = await tx.subject.count({ where: { accountId, id: subjectId, status: { not: 'ERASED' } } })
  return [
    ...(links > 0 ? [located(IDENTITY_LINK, { subjectId, rows: links })] : []),
    ...(subjects > 0 ? [located(SUBJECT, { subjectId, rows: subjects })] : []),
  ]
}

async function locatePage(tx: Tx, accountId: string, after: LocatedKey | null, limit: number): Promise<Located[]> {
  const found = resumeAt(after, ACCOUNT, 'ACCOUNT') === 'START' ? await locateAccount(tx, accountId) : []
  const sources = [
    [IDENTITY_LINK, linkedPage],
    [SUBJECT, subjectPage],
  ] as const
  for (const [locator, page] of sources) {
    const from = resumeAt(after, locator, 'ACCOUNT')
    if (from === 'PAST' || found.length >= limit) continue
    const last = from === 'START' ? null : from.subjectId
    for (const row of await page(tx, accountId, last, limit - found.length)) found.push(located(locator, row))
  }
  return found
}

function linkedPage(tx: Tx, accountId: string, last: string | null, limit: number): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    select subject_id as "subjectId", count(*)::int as rows from identity_link
    where account_id = ${accountId}::uuid and (${last}::uuid is null or subject_id > ${last}::uuid)
    group by subject_id order by subject_id limit ${limit}`
}

function subjectPage(tx: Tx, accountId: string, last: string | null, limit: number): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    select id as "subjectId", 1 as rows from subject
    where account_id = ${accountId}::uuid and status <> 'ERASED' and (${last}::uuid is null or id > ${last}::uuid)
    order by id limit ${limit}`
}

/** Corrects through the same door as the API, with its rules. `remaining` counts fields that read back otherwise. */
async function correct(tx: Tx, deps: Deps, person: Person, change: PersonCorrection): Promise<Outcome> {
  const { accountId, subjectId: id } = person
  const before = await readPerson(tx, deps, person)
  if (!before || before.status === 'ERASING') return { outcome: 'NOT_FOUND' }
  if (differing(before, change) === 0) return { outcome: 'CORRECTED', rows: 0, remaining: 0 }
  await correctSubject(deps, tx, { accountId, id }, change)
  const after = await readPerson(tx, deps, person)
  return { outcome: 'CORRECTED', rows: 1, remaining: after ? differing(after, change) : 1 }
}

/** How many of the fields to be changed say something else. */
function differing(person: PersonCorrection, change: PersonCorrection): number {
  const fields = ['name', 'email', 'reference', 'country', 'subdivision'] as const
  return fields.filter((field) => change[field] !== undefined && change[field] !== person[field]).length
}

async function count(tx: Tx, { accountId, subjectId }: Person): Promise<number> {
  const subjects = await tx.subject.count({ where: { accountId, id: subjectId } })
  const links = await tx.identityLink.count({ where: { accountId, subjectId } })
  return subjects + links + (await tx.invitation.count({ where: { accountId, subjectId } }))
}

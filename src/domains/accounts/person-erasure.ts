import type { Tx } from '../../db/database.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import { deleteCopies } from '../audit/person-copies.service.ts'
import type { Deps } from '../deps.ts'
import { type Counted, type EndAction, NoSuchPlaceError, type Piece } from '../personal-data.ts'
import { ACCOUNTS, IDENTITY_LINK, SUBJECT } from './account-items.ts'

/** What pieces at one locator are ended by. The persons are distinct. */
type Ender = (tx: Tx, deps: Deps, accountId: string, action: EndAction, ids: readonly string[]) => Promise<Counted>

/** How each place of the system is ended. */
const ENDERS: Readonly<Record<string, Ender>> = {
  [SUBJECT]: endSubjects,
  [IDENTITY_LINK]: endLinks,
}

/** What names or finds the person. */
const IDENTIFYING = ['name_cipher', 'email_cipher', 'email_index', 'reference_cipher', 'reference_index', 'subdivision']

/** What is left when that is gone: good for counting persons, and nothing else. */
const REST = ['country', 'account_role', 'joined_at', 'left_at']

/** Ends what lies at places of persons. @see PersonalDataSystem.end */
export async function endPersons(
  tx: Tx,
  deps: Deps,
  accountId: string,
  action: EndAction,
  pieces: readonly Piece[],
): Promise<Counted> {
  const places = Map.groupBy(pieces, ({ locator }) => locator)
  if ([...places.keys()].some((locator) => !Object.hasOwn(ENDERS, locator))) throw new NoSuchPlaceError(ACCOUNTS)
  let [rows, remaining] = [0, 0]
  for (const [locator, ender] of Object.entries(ENDERS)) {
    const ids = personsOf(places.get(locator) ?? [])
    if (ids.length === 0) continue
    const counted = await ender(tx, deps, accountId, action, ids)
    rows += counted.rows
    remaining += counted.remaining
  }
  return { rows, remaining }
}

function personsOf(pieces: readonly Piece[]): string[] {
  const ids = new Set<string>()
  for (const { subjectId, category } of pieces) {
    if (subjectId === null || category !== 'ACCOUNT') throw new NoSuchPlaceError(ACCOUNTS)
    ids.add(subjectId)
  }
  return [...ids]
}

/** Deletes links of identities, ended ones too: of a sign-in nothing is left that could be kept anonymously. */
export async function endLinks(
  tx: Tx,
  _deps: unknown,
  accountId: string,
  _action: EndAction,
  ids: readonly string[],
): Promise<Counted> {
  const ofPersons = Prisma.sql`from identity_link where account_id = ${accountId}::uuid and subject_id = any(${ids}::uuid[])`
  const rows = await tx.$executeRaw`delete ${ofPersons}`
  return { rows, remaining: await countOf(tx, ofPersons) }
}

/**
 * DELETE and SHRED clear the person's row and leave it, empty, for what names its id. ANONYMISE takes away what
 * identifies the person and leaves kind, country, role and times; a member has left thereby. Invitations go with either.
 */
async function endSubjects(
  tx: Tx,
  deps: Deps,
  accountId: string,
  action: EndAction,
  ids: readonly string[],
): Promise<Counted> {
  const now = deps.clock.now()
  const isKept = action === 'ANONYMISE'
  const columns = (isKept ? IDENTIFYING : [...IDENTIFYING, ...REST]).map((name) => Prisma.raw(name))
  const ofPersons = Prisma.sql`account_id = ${accountId}::uuid and id = any(${ids}::uuid[])`
  const stillHolding = Prisma.sql`${ofPersons} and (status <> 'ERASED' or num_nonnulls(${Prisma.join(columns)}) > 0)`
  const invitations = Prisma.sql`from invitation where account_id = ${accountId}::uuid and subject_id = any(${ids}::uuid[])`
  if (isKept)
    await tx.$executeRaw`
      update subject set left_at = ${now} where ${ofPersons} and joined_at is not null and left_at is null`
  const revoked = await tx.$executeRaw`delete ${invitations}`
  const cleared = Prisma.join(columns.map((column) => Prisma.sql`${column} = null`))
  const rows = await tx.$executeRaw`
    update subject set ${cleared}, status = 'ERASED', updated_at = ${now} where ${stillHolding}`
  await deleteCopies(tx, accountId, ids, true)
  const remaining = await countOf(
    tx,
    Prisma.sql`from (
    select 1 ${invitations} union all select 1 from subject where ${stillHolding}) as still_there`,
  )
  return { rows: revoked + rows, remaining }
}

async function countOf(tx: Tx, from: Prisma.Sql): Promise<number> {
  const [row] = await tx.$queryRaw<{ count: number }[]>`select count(*)::int as count ${from}`
  return row?.count ?? 0
}

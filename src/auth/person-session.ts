import type { Tx } from '../db/database.ts'
import type { AccountRole, AccountStatus, SubjectKind, SubjectStatus } from '../generated/prisma/enums.ts'
import { AccountRequiredError } from './bad-token.ts'
import { type Scope, scopesOfStaff, scopesOfSubject } from './permissions.ts'
import { anonymousSession, type Session } from './session.ts'
import type { TokenClaims } from './token-verifier.ts'
import type { IssuerTrust } from './trusted-issuers.ts'

/** A person's good token, and the account the request names. */
export type PresentedPerson = {
  readonly trust: IssuerTrust
  readonly claims: TokenClaims
  readonly identityHash: Uint8Array<ArrayBuffer>
  readonly accountId: string | null
  readonly now: Date
}

type Link = {
  readonly account_id: string
  readonly subject_id: string
  readonly kind: SubjectKind
  readonly account_role: AccountRole | null
  readonly subject_status: SubjectStatus
  readonly account_status: AccountStatus
  readonly has_left: boolean
}

/**
 * The session of a person. In order:
 * 1. an account is named in which the identity is linked: the subject there;
 * 2. the issuer may speak for staff and the identity is a staff member's: the staff member;
 * 3. no account is named: the subject of the only link that still gives access;
 * 4. linked nowhere, or not in the named account: a session that can take up an invitation and nothing else.
 * Who was linked but has left, was erased, whose account is closed, or whose staff access has ended, gets what
 * everyone gets, and no word on why.
 * @throws AccountRequiredError when several links give access and none is named
 */
export async function personSession(tx: Tx, person: PresentedPerson): Promise<Session> {
  const links = person.trust.principals.includes('SUBJECT') ? await findLinks(tx, person.identityHash) : []
  const named = links.find((link) => link.account_id === person.accountId)
  if (named) return isOpen(named) ? subjectSession(named, person) : withoutAccess('SUBJECT')
  if (person.trust.principals.includes('STAFF')) {
    const staff = await staffSession(tx, person)
    if (staff) return staff
  }
  if (!person.trust.principals.includes('SUBJECT')) return withoutAccess('STAFF')
  if (links.length === 0 || person.accountId !== null) return unlinkedSession(person)
  const [only, ...more] = links.filter(isOpen)
  if (more.length > 0) throw new AccountRequiredError()
  return only ? subjectSession(only, person) : withoutAccess('SUBJECT')
}

function findLinks(tx: Tx, identityHash: Uint8Array<ArrayBuffer>): Promise<Link[]> {
  return tx.$queryRaw<Link[]>`
    select l.account_id, l.subject_id, s.kind::text as kind, s.account_role::text as account_role,
           s.status::text as subject_status, a.status::text as account_status, s.left_at is not null as has_left
    from identity_link l
    join subject s on s.account_id = l.account_id and s.id = l.subject_id
    join account a on a.id = l.account_id
    where l.identity_hash = ${identityHash} and l.ended_at is null`
}

function isOpen(link: Link): boolean {
  return link.subject_status !== 'ERASED' && link.account_status !== 'CLOSED' && !link.has_left
}

function subjectSession(link: Link, person: PresentedPerson): Session {
  const role = link.kind === 'MEMBER' ? link.account_role : null
  return {
    ...anonymousSession,
    principal: 'SUBJECT',
    callerId: link.subject_id,
    accountId: link.account_id,
    subjectId: link.subject_id,
    reach: role === 'OWNER' || role === 'ADMIN' ? 'ACCOUNT' : 'SELF',
    scopes: inForce(scopesOfSubject(link.kind, role), person),
    accountRole: role,
    identity: identityOf(person),
    authenticatedAt: authenticatedAt(person),
    expiresAt: new Date(person.claims.exp * 1000),
  }
}

async function staffSession(tx: Tx, person: PresentedPerson): Promise<Session | null> {
  const staff = await tx.staffMember.findUnique({
    where: { identityHash: person.identityHash },
    select: { id: true, roles: true, trainingUntilAt: true, disabledAt: true },
  })
  if (!staff) return null
  if (staff.disabledAt !== null || staff.trainingUntilAt <= person.now) return withoutAccess('STAFF')
  return {
    ...anonymousSession,
    principal: 'STAFF',
    callerId: staff.id,
    scopes: inForce([...scopesOfStaff(staff.roles)], person),
    staffRoles: staff.roles,
    authenticatedAt: authenticatedAt(person),
    expiresAt: new Date(person.claims.exp * 1000),
  }
}

function unlinkedSession(person: PresentedPerson): Session {
  return {
    ...anonymousSession,
    principal: 'SUBJECT',
    scopes: new Set(['public', 'identity:link']),
    authenticatedAt: authenticatedAt(person),
    identity: identityOf(person),
  }
}

function identityOf({ claims, trust, identityHash }: PresentedPerson): Session['identity'] {
  const verified = trust.verifiesEmail && claims.email_verified === true
  return { identityHash, verifiedEmail: verified ? (claims.email ?? null) : null }
}

function withoutAccess(principal: 'SUBJECT' | 'STAFF'): Session {
  return { ...anonymousSession, principal }
}

/**
 * What the role allows and, unless the issuer leaves scopes to the role, the token names. An invitation needs no word
 * of the token: who takes up the first one is nobody here yet.
 */
function inForce(allowed: readonly Scope[], { trust, claims }: PresentedPerson): ReadonlySet<Scope> {
  const token = new Set([...claims.scope.split(' '), 'identity:link'])
  return new Set<Scope>(['public', ...allowed.filter((scope) => trust.scopes === 'role' || token.has(scope))])
}

function authenticatedAt({ claims, now }: PresentedPerson): Date | null {
  const at = claims.auth_time === undefined ? null : new Date(claims.auth_time * 1000)
  return at !== null && at <= now ? at : null
}

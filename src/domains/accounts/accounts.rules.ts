import { timingSafeEqual } from 'node:crypto'
import type { Session } from '../../auth/session.ts'
import type { AccountRole } from '../../generated/prisma/enums.ts'

/** How long an invitation can be taken up, in seconds: 7 days. */
export const INVITATION_SECONDS = 7 * 24 * 3600

/** How fresh a sign-in must be for what needs step-up, in seconds (RFC 9470). */
export const STEP_UP_SECONDS = 300

/** An e-mail address as it is compared: trimmed, lower case, in Unicode normal form NFC. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase()
}

/** A customer's reference as it is compared: trimmed, in Unicode normal form NFC. */
export function normaliseReference(reference: string): string {
  return reference.trim().normalize('NFC')
}

/** Where a person lives: ISO 3166-1 alpha-2 and ISO 3166-2, e.g. US and US-CA. Absent stays, null clears. */
export type PlaceInput = { readonly country?: string | null; readonly subdivision?: string | null }

type Place = { readonly country: string | null; readonly subdivision: string | null }

/**
 * The place after a change, whose subdivision always lies in its country: a subdivision names its country too, and a
 * change of country ends a subdivision that lies elsewhere.
 */
export function placeAfter(before: Place, { country, subdivision }: PlaceInput): Place {
  if (subdivision) return { country: subdivision.slice(0, 2), subdivision }
  const after = country === undefined ? before.country : country
  const kept = subdivision === undefined ? before.subdivision : null
  return { country: after, subdivision: after !== null && kept?.startsWith(`${after}-`) ? kept : null }
}

/** Whether a person signed in by hand recently enough for what needs step-up. Staff and machines need none. */
export function hasSteppedUp(session: Session, now: Date): boolean {
  if (session.principal !== 'SUBJECT') return true
  const at = session.authenticatedAt
  return at !== null && now.getTime() - at.getTime() <= STEP_UP_SECONDS * 1000
}

/** Whether a member may give or take `role`: OWNER only by an owner or Staff. */
export function mayGrantRole(session: Session, role: AccountRole): boolean {
  return role !== 'OWNER' || session.accountRole === 'OWNER' || session.principal === 'STAFF'
}

const hex = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex')
const uuid = (bytes: Buffer) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** The code of an invitation: account, invitation and a keyed hash of both, base64url. */
export function invitationCode(accountId: string, id: string, mac: Uint8Array): string {
  return Buffer.concat([hex(accountId), hex(id), mac]).toString('base64url')
}

/** Reads the ids out of a code; null when it has another shape. What it says is proven by {@link isSameCode}. */
export function readInvitationCode(code: string): { accountId: string; id: string } | null {
  if (!/^[A-Za-z0-9_-]{86}$/.test(code)) return null
  const bytes = Buffer.from(code, 'base64url')
  return { accountId: uuid(bytes.subarray(0, 16)), id: uuid(bytes.subarray(16, 32)) }
}

/** Compares codes in constant time. */
export function isSameCode(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

import { isUuid } from '../../time/id.ts'

/** A place in a feed: everything up to `sequence` was read. */
export type FeedPosition = { readonly feedId: string; readonly sequence: bigint }

const SEQUENCE = /^(?:0|[1-9][0-9]{0,17})$/

/** The cursor of a place, opaque to callers: base64url of `feed/sequence`. */
export function writeEventCursor({ feedId, sequence }: FeedPosition): string {
  return Buffer.from(`${feedId}/${sequence}`).toString('base64url')
}

/** The place that a cursor names; null where no answer gave it out. */
export function readEventCursor(cursor: string): FeedPosition | null {
  const [feedId, sequence = '', ...more] = Buffer.from(cursor, 'base64url').toString('latin1').split('/')
  if (!isUuid(feedId) || !SEQUENCE.test(sequence) || more.length > 0) return null
  const position = { feedId, sequence: BigInt(sequence) }
  return writeEventCursor(position) === cursor ? position : null
}

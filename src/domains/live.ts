import type { Caller } from '../db/caller.ts'

/** Why a wait ended: there is something new, it is time, or the stream is over. */
export type Wake = 'NEWS' | 'TIME' | 'END'

/** One open stream: waits for a feed to grow. */
export type LiveStream = {
  /** The highest number of the feed that was seen; null until it was looked at. */
  readonly latest: bigint | null
  /** Whether `close` was called, by whomever. */
  readonly ended: boolean
  /** Waits until the feed has a number above `position`, the clock says `until`, or the stream is over. */
  wait(position: bigint, until: Date): Promise<Wake>
  /** Gives the place back and ends a wait. May be called again. */
  close(): void
}

/** The streams of this process. */
export type Live = {
  /**
   * Takes a place for a stream of a caller.
   * @throws Refusal TOO_MANY_STREAMS when the caller or the process has as many as it may
   */
  open(caller: Caller, feedId: string): LiveStream
}

/** Typed facts of a refusal, shown to the caller. */
export type RefusalDetails = { readonly field?: string; readonly oldestCursor?: string }

/** A request that a service below the schema refuses; the schema answers its code and, where it has one, its text. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: 'BAD_USER_INPUT' | 'CURSOR_EXPIRED' | 'FORBIDDEN' | 'TOO_MANY_STREAMS'
  readonly details: RefusalDetails
  /** A text of our own without a caller's value; null: that of the code. */
  readonly text: string | null

  constructor(code: Refusal['code'], text: string | null = null, details: RefusalDetails = {}) {
    super(code)
    this.code = code
    this.text = text
    this.details = details
  }
}

/** Where the present comes from. Everything that depends on time takes one, so that tests can freeze and move it. */
export type Clock = {
  /** The present instant, UTC. */
  now(): Date
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => new Date() }

/** `instant` moved by `seconds` (may be negative). */
export function addSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000)
}

/** By how many seconds the clocks of several machines may differ. What lies further ahead than that was never meant. */
export const CLOCK_SKEW_SECONDS = 5

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

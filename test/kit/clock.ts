import type { Clock } from '../../src/time/clock.ts'

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  #now: Date

  constructor(start = '2026-03-15T12:00:00.000Z') {
    this.#now = new Date(start)
  }

  now(): Date {
    return new Date(this.#now)
  }

  set(instant: string): void {
    this.#now = new Date(instant)
  }

  /** Moves by a number of seconds. */
  move(seconds: number): void {
    this.#now = new Date(this.#now.getTime() + seconds * 1000)
  }
}

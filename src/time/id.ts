import { v7 } from 'uuid'
import type { Clock } from './clock.ts'

/** A fresh random identifier that sorts by time of making (UUID version 7, RFC 9562 section 5.7). */
export function newId(clock: Clock): string {
  return v7({ msecs: clock.now().getTime() })
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether `value` is a UUID in its canonical lower-case form (RFC 9562 section 4). */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

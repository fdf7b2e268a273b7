/**
 * The places at which ending data may be broken off from outside, in their order; each lies between two statements of
 * the effect. A process that ends at any of them loses nothing and does nothing twice.
 */
export const FAILPOINTS = [
  'claimed',
  'locked',
  'checked',
  'begun',
  'resealed',
  'announced',
  'ended',
  'keys-destroyed',
  'finished',
  'written-down',
  'committed',
] as const

/** A place at which ending data may be broken off from outside. */
export type Failpoint = (typeof FAILPOINTS)[number]

/**
 * The places at which ending data may be broken off from outside, in their order; each lies between two steps of one
 * effect. A process that ends at any of them loses nothing and does nothing twice.
 */
export const FAILPOINTS = [
  'locked',
  'claimed',
  'begun',
  'resealed',
  'announced',
  'ended',
  'keys-destroyed',
  'finished',
  'drift-noted',
  'audited',
  'committed',
] as const

/** A place at which ending data may be broken off from outside. */
export type Failpoint = (typeof FAILPOINTS)[number]

import { manifestOf } from './valid-variables.ts'

/**
 * What becomes of the text that a caller puts into a place of the API. A place that is not here fails the test.
 * - `canary`: a canary goes through it as the API accepts it, and must never be found in clear
 * - `published`: what is written there is for everyone; why nothing of a person stands there
 * - otherwise: why the place cannot take free text of a person
 */
export type Decision =
  | { readonly canary: (canary: string) => string }
  | { readonly published: string }
  | { readonly closed: string }

const asIs: Decision = { canary: (canary) => canary }
const words: Decision = { canary: (canary) => `Ada ${canary} Byron` }
const email: Decision = { canary: (canary) => `${canary}@mail.example` }
const region: Decision = { closed: 'pattern of a region, a CHECK of the table' }
const subdivision: Decision = { closed: 'pattern of ISO 3166-2, a CHECK of the table' }
const country: Decision = { closed: 'ISO 3166-1, a CHECK of the table' }
const scopes: Decision = { closed: 'names out of the list of scopes' }
const keys: Decision = { closed: 'public keys of a machine in a closed shape, stored as they are' }
const networks: Decision = { closed: 'networks, parsed and written anew in their canonical form' }
const pattern: Decision = { closed: 'a published pattern without white space, a CHECK of the table' }
const id: Decision = { closed: 'an id, parsed to UUIDs' }
const day: Decision = { closed: 'a date, parsed' }
const instant: Decision = { closed: 'an instant' }
const kind: Decision = { closed: 'a word of the list of kinds' }
const cursor: Decision = { closed: 'a cursor, parsed to ids; stored nowhere' }

/** By the name of the field, wherever it stands. */
const BY_NAME: Readonly<Record<string, Decision>> = {
  idempotencyKey: asIs,
  name: words,
  label: words,
  email,
  reference: words,
  code: { canary: (canary) => canary.padEnd(86, 'x') },
  userAgent: { canary: (canary) => `Mozilla/5.0 (${canary}) Gecko/20100101 Firefox/140.0` },
  country,
  region,
  subdivision,
  authority: words,
  reason: words,
  reviewOn: day,
  reviewBefore: day,
  scopes,
  regions: region,
  contractOn: { closed: 'a date, parsed' },
  at: instant,
  publicJwks: keys,
  allowedNetworks: networks,
  requestId: pattern,
  model: pattern,
  page: pattern,
  system: { closed: 'a published pattern without capitals and white space; stored nowhere' },
  systems: { closed: 'a published pattern without capitals and white space; stored nowhere' },
  locator: { closed: 'a published pattern without capitals and white space; stored nowhere' },
  url: { canary: (canary) => `https://hooks.example/${canary}` },
  eventKind: kind,
  key: { closed: 'a published pattern without white space; stored nowhere' },
  yaml: { canary: (canary) => manifestOf('canary_system', `Ada ${canary} Byron`) },
  fileHash: { closed: 'a SHA-256, a CHECK of the table' },
  ip: { closed: 'an address, parsed and cut to its network; a test of its own sends one' },
  kind,
  kinds: kind,
  from: instant,
  to: instant,
  occurredAt: instant,
  collectedFrom: instant,
  collectedTo: instant,
  dueFrom: instant,
  dueTo: instant,
  accountId: id,
  subjectId: id,
  itemId: id,
  legalHoldId: id,
  apiClientId: id,
  approvalId: id,
  proposedById: id,
  proposedFrom: instant,
  proposedTo: instant,
  effectiveFrom: instant,
  verifiedOn: { closed: 'a date, parsed' },
  period: { closed: 'a period of ISO 8601, a CHECK of the table' },
  clause: { closed: 'number of a clause, a CHECK of the table' },
  webhookEndpointId: id,
  webhookDeliveryId: id,
  endpointId: id,
  eventId: id,
  actorId: id,
  processorId: id,
  id,
  ids: id,
  after: cursor,
  before: cursor,
}

const register: Decision = { published: 'name of an organisation for the public register, written by Staff' }

const statement: Decision = { published: 'statement to the public in a rule of retention, by Staff, two persons' }

/** By the name of the root field and of its input's field: goes before the name alone. */
const BY_PLACE: Readonly<Record<string, Decision>> = {
  'addProcessor.name': register,
  'updateProcessor.name': register,
  'proposeRetentionRule.en': statement,
  'proposeRetentionRule.de': statement,
  'proposeRetentionRule.legalSource': statement,
  'proposeRetentionRule.source': statement,
  'proposeRetentionRule.note': statement,
}

/** The decision on a place. @throws Error when nobody has decided yet */
export function decisionOn(place: { readonly name: string; readonly root: string }): Decision {
  const decision = BY_PLACE[`${place.root}.${place.name}`] ?? BY_NAME[place.name]
  if (!decision) throw new Error(`decide what becomes of the text in ${place.root}: ${place.name}`)
  return decision
}

/** The names on which there is a decision. */
export const decidedNames: readonly string[] = Object.keys(BY_NAME)

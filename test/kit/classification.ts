/**
 * What a column that can hold text holds.
 * - `encrypted`: sealed under a data key or a key-encryption key
 * - `blind-index`: a keyed hash, for look-ups
 * - `id`: an id made here, of no person's making
 * - `vocabulary`: an enum, or text that a CHECK of the table closes
 * - otherwise: public, and the sentence says why nothing personal can be in it
 */
export type Kind = 'encrypted' | 'blind-index' | 'id' | 'vocabulary' | { readonly public: string }

const code = { public: 'a code of the program, written by it' } as const
const epoch = { public: 'the name of an epoch of keys, made here' } as const
const caller = { public: 'kind of caller and UUID' } as const
const migrations = { public: "Prisma's record of migrations" } as const

/**
 * Every text, json and bytea column of the schemas `public` and `keys`. A partition has the columns of its table.
 * A new column fails a test until it has its line here, and thereby a decision.
 */
export const COLUMNS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  'public.account': { name_cipher: 'encrypted', country: 'vocabulary', region: 'vocabulary' },
  'public.subject': {
    name_cipher: 'encrypted',
    email_cipher: 'encrypted',
    email_index: 'blind-index',
    reference_cipher: 'encrypted',
    reference_index: 'blind-index',
    country: 'vocabulary',
    subdivision: 'vocabulary',
  },
  'public.identity_link': { identity_hash: 'blind-index' },
  'public.staff_member': { identity_hash: 'blind-index' },
  'public.api_client': {
    label_cipher: 'encrypted',
    secret_hash: { public: 'scrypt of a random secret that was made here' },
    public_jwks: { public: 'public keys of a machine with their kids, in a closed shape' },
    scopes: { public: 'names out of the list of scopes, checked before they are written' },
    previous_secret_hash: { public: 'scrypt of a random secret that was made here' },
    allowed_networks: { public: 'networks of machines, parsed before they are written' },
  },
  'public.oauth_state': {
    kind: { public: 'a model of the OAuth library' },
    id: 'id',
    payload: { public: 'what the OAuth library remembers of machines: used assertions; no person signs in there' },
  },
  'public.revoked_token': { jti: 'id' },
  'keys.signing_key': {
    kid: 'id',
    algorithm: 'vocabulary',
    public_jwk: { public: "the server's own public key" },
    private_cipher: 'encrypted',
    epoch,
  },
  'keys.data_key': { epoch, wrapped: 'encrypted' },
  'keys.key_epoch': { id: 'id' },
  'public.audit_event': {
    kind: 'vocabulary',
    record_type: 'vocabulary',
    record_ids: { public: 'ids of records and hashes of files, by the services' },
    request_id: 'vocabulary',
  },
  'public.outbox_event': {
    kind: 'vocabulary',
    payload: { public: 'ids and times, in the closed shapes of the catalogue of events' },
    last_problem: code,
  },
  'public.job': {
    kind: 'vocabulary',
    caller,
    payload: { public: 'ids, kinds and times, in the closed shape of the job' },
    last_problem: code,
  },
  'public.job_chunk': { body: { public: 'audit events, which hold no personal data' } },
  'public.schedule': { name: 'vocabulary', last_problem: code },
  'public.idempotency_record': {
    caller,
    mutation: { public: 'the name of a mutation' },
    key_hash: 'blind-index',
    fingerprint: 'blind-index',
    outcome: { public: 'ids and counts, by which a repeat reads the answer again' },
  },
  'public.usage_event': {
    request_id: 'vocabulary',
    address_prefix: 'vocabulary',
    page: 'vocabulary',
    model: 'vocabulary',
    region: 'vocabulary',
  },
  'public.usage_event_held': {
    request_id: 'vocabulary',
    address_prefix: 'vocabulary',
    page: 'vocabulary',
    model: 'vocabulary',
    region: 'vocabulary',
  },
  'public.usage_aggregate': { model: 'vocabulary', region: 'vocabulary' },
  'public.usage_aggregate_subjects': { dimension: 'vocabulary', value: 'vocabulary' },
  'public.processor': {
    name: { public: 'name of an organisation in the public register, written by Staff' },
    country: 'vocabulary',
    regions: { public: 'names of regions, checked by their pattern before they are written' },
  },
  'public.inventory_item': { system: 'vocabulary', locator: 'vocabulary', last_problem: 'vocabulary' },
  'public.retention_rule': {
    period: 'vocabulary',
    clause: 'vocabulary',
    description: { public: 'statement to the public, by Staff, two persons' },
    legal_source: { public: 'statement to the public, by Staff, two persons' },
    source: { public: 'statement to the public, by Staff, two persons' },
    note: { public: 'statement to the public, by Staff, two persons' },
  },
  'public.approval': { payload: { public: 'statements to the public, in the closed shape of the kind' } },
  'public.erasure': { system: 'vocabulary' },
  'public.legal_hold': {
    authority_cipher: 'encrypted',
    reason_cipher: 'encrypted',
    release_reason_cipher: 'encrypted',
    placed_by: caller,
    released_by: caller,
  },
  'public.system': {
    key: 'vocabulary',
    name: { public: 'name of a system of this program, written by it' },
    body_cipher: 'encrypted',
  },
  'public.dataset': { key: 'vocabulary', body_cipher: 'encrypted' },
  'public.reconciliation_finding': { system: 'vocabulary', locator: 'vocabulary' },
  'public.event_feed': { kind: 'vocabulary' },
  'public.webhook_endpoint': {
    url_cipher: 'encrypted',
    label_cipher: 'encrypted',
    kinds: { public: 'names out of the catalogue of events, checked before they are written' },
    disabled_reason: 'vocabulary',
  },
  'public.webhook_key': { secret_cipher: 'encrypted', private_cipher: 'encrypted', public_key: 'vocabulary' },
  'public.webhook_delivery': { kind: 'vocabulary', last_problem: 'vocabulary' },
  'public.webhook_attempt': { problem: 'vocabulary' },
  'public.usage_import': { file_hash: 'vocabulary' },
  'public._prisma_migrations': {
    id: 'id',
    checksum: migrations,
    migration_name: migrations,
    logs: migrations,
  },
}

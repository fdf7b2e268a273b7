import type { Body, RecordShape, Shape } from './fides-shape.rules.ts'
import type { Fault } from './fides-yaml.rules.ts'

const text = { kind: 'text' } as const satisfies Shape
const coercedText = { kind: 'text', coerced: true } as const satisfies Shape
const flag = { kind: 'flag' } as const satisfies Shape
const integer = { kind: 'integer' } as const satisfies Shape
const free = { kind: 'free' } as const satisfies Shape
const key = { kind: 'key' } as const satisfies Shape
const coercedKey = { kind: 'key', coerced: true } as const satisfies Shape
const words = (...list: string[]): Shape => ({ kind: 'word', words: list })
const listOf = (of: Shape): Shape => ({ kind: 'list', of: () => of })
const uniqueByName = (of: () => Shape): Shape => ({ kind: 'list', of, unique: 'name' })
const record = (fields: RecordShape['fields'], required: readonly string[] = []): RecordShape => ({
  kind: 'record',
  fields,
  required,
})

const category = { kind: 'key', of: 'data_category' } as const satisfies Shape
const use = { kind: 'key', of: 'data_use' } as const satisfies Shape
const subject = { kind: 'key', of: 'data_subject' } as const satisfies Shape

const resource = {
  fides_key: coercedKey,
  organization_fides_key: coercedKey,
  tags: listOf(coercedText),
  name: coercedText,
  description: coercedText,
  meta: free,
}
/** What datasets, collections and fields say of their data. */
const labels = {
  data_categories: listOf(category),
  data_uses: listOf(use),
  data_purposes: listOf(use),
  data_subjects: listOf(subject),
}
const redact = words('name')
/** An older name of the same map. */
const older = { fidesops_meta: 'fides_meta' }

const DATA_TYPES = ['string', 'integer', 'float', 'boolean', 'object_id', 'object']
const bare = (type: unknown) => String(type).replace(/\[\]$/, '')

const fieldMeta: RecordShape = {
  ...record({
    references: listOf(record({ dataset: key, field: text, direction: words('from', 'to') }, ['dataset', 'field'])),
    identity: text,
    primary_key: flag,
    data_type: words(...DATA_TYPES, ...DATA_TYPES.map((type) => `${type}[]`)),
    length: integer,
    return_all_elements: flag,
    read_only: flag,
    custom_request_field: text,
    masking_strategy_override: record({ strategy: text, configuration: free }, ['strategy']),
    redact,
  }),
  rule: (body) => {
    if (Number(body['length'] ?? 1) < 1) return { path: 'length', reason: 'must be positive' }
    const isArray = String(body['data_type']).endsWith('[]')
    const misplaced = body['return_all_elements'] !== undefined && !isArray
    return misplaced ? { path: 'return_all_elements', reason: 'is for arrays only' } : null
  },
}

const field: RecordShape = {
  ...record(
    {
      name: text,
      description: text,
      ...labels,
      fides_meta: fieldMeta,
      fields: { kind: 'list', of: () => field },
    },
    ['name'],
  ),
  older,
  rule: (body) => {
    const type = (body['fides_meta'] as Body | undefined)?.['data_type']
    const inner = body['fields'] as readonly unknown[] | undefined
    if (!inner?.length || type === undefined || bare(type) === 'object') return null
    return { path: 'fields', reason: 'are for the data type object only' }
  },
}

const collection: RecordShape = {
  ...record(
    {
      name: text,
      description: text,
      ...labels,
      fides_meta: record({
        after: listOf(key),
        erase_after: listOf(key),
        skip_processing: flag,
        masking_strategy_override: record({ strategy: words('delete') }, ['strategy']),
        partitioning: free,
        redact,
      }),
      fields: uniqueByName(() => field),
    },
    ['name', 'fields'],
  ),
  older,
}

/**
 * A dataset of fideslang.
 * @see https://github.com/ethyca/fideslang `src/fideslang/models.py`, commit 01305d7b0e22d4ade15500e3934e393eecc35b4f
 */
export const DATASET: RecordShape = {
  ...record(
    {
      ...resource,
      ...labels,
      fides_meta: record({ resource_id: text, after: listOf(key), namespace: free, redact }),
      collections: uniqueByName(() => collection),
    },
    ['fides_key', 'collections'],
  ),
  older,
}

const LEGAL_BASES_OF_FIDES = [
  'Consent',
  'Contract',
  'Legal obligations',
  'Vital interests',
  'Public interest',
  'Legitimate interests',
]
const SPECIAL_CATEGORY_BASES = [
  'Explicit consent',
  'Employment, social security and social protection',
  'Vital interests',
  'Not-for-profit bodies',
  'Made public by the data subject',
  'Legal claims or judicial acts',
  'Reasons of substantial public interest (with a basis in law)',
  'Health or social care (with a basis in law)',
  'Public health (with a basis in law)',
  'Archiving, research and statistics (with a basis in law)',
]

const flow: RecordShape = {
  ...record({ fides_key: key, type: words('dataset', 'system', 'user'), data_categories: listOf(category) }, [
    'fides_key',
    'type',
  ]),
  rule: (body) =>
    (body['fides_key'] === 'user') === (body['type'] === 'user')
      ? null
      : { path: 'type', reason: 'user goes with the key user, and with no other' },
}

const declaration = record(
  {
    name: text,
    data_categories: listOf(category),
    data_use: use,
    data_subjects: listOf(subject),
    dataset_references: listOf(key),
    egress: listOf(key),
    ingress: listOf(key),
    features: listOf(text),
    flexible_legal_basis_for_processing: flag,
    legal_basis_for_processing: words(...LEGAL_BASES_OF_FIDES),
    impact_assessment_location: text,
    retention_period: text,
    processes_special_category_data: flag,
    special_category_legal_basis: words(...SPECIAL_CATEGORY_BASES),
    data_shared_with_third_parties: flag,
    third_parties: text,
    shared_categories: listOf(text),
  },
  ['data_categories', 'data_use'],
)

/** A system of fideslang. @see as above */
export const SYSTEM: RecordShape = {
  ...record(
    {
      ...resource,
      fidesctl_meta: record({
        resource_id: coercedText,
        endpoint_address: coercedText,
        endpoint_port: coercedText,
      }),
      system_type: coercedText,
      egress: listOf(flow),
      ingress: listOf(flow),
      privacy_declarations: listOf(declaration),
      administrating_department: coercedText,
      vendor_id: coercedText,
      previous_vendor_id: coercedText,
      vendor_deleted_date: text,
      dataset_references: listOf(key),
      processes_personal_data: flag,
      exempt_from_privacy_regulations: flag,
      reason_for_exemption: coercedText,
      uses_profiling: flag,
      legal_basis_for_profiling: listOf(words('Explicit consent', 'Contract', 'Authorised by law')),
      does_international_transfers: flag,
      legal_basis_for_transfers: listOf(coercedText),
      requires_data_protection_assessments: flag,
      dpa_location: coercedText,
      dpa_progress: coercedText,
      privacy_policy: text,
      legal_name: coercedText,
      legal_address: coercedText,
      responsibility: listOf(words('Controller', 'Processor', 'Sub-Processor')),
      dpo: coercedText,
      joint_controller_info: coercedText,
      data_security_practices: coercedText,
      cookie_max_age_seconds: integer,
      uses_cookies: flag,
      cookie_refresh: flag,
      uses_non_cookie_access: flag,
      legitimate_interest_disclosure_url: text,
    },
    ['fides_key', 'system_type', 'privacy_declarations'],
  ),
  rule: declaredFlows,
}

/** A declaration names only flows that its system has. */
function declaredFlows(body: Body): Fault | null {
  const declarations = (body['privacy_declarations'] ?? []) as readonly Body[]
  for (const [index, each] of declarations.entries())
    for (const direction of ['egress', 'ingress']) {
      const flows = new Set(((body[direction] ?? []) as readonly Body[]).map((one) => one['fides_key']))
      const named = (each[direction] ?? []) as readonly string[]
      if (named.some((one) => !flows.has(one)))
        return { path: `privacy_declarations[${index}].${direction}`, reason: 'names a flow that the system has not' }
    }
  return null
}

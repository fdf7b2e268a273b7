import type { AccountRole, StaffRole, SubjectKind } from '../generated/prisma/enums.ts'

/** Every scope with the sentence that explains it. The only list: schema descriptions and documents are made from it. */
export const SCOPES = {
  public: 'Open to everyone, also without a token.',
  'accounts:read': 'Read accounts.',
  'accounts:create': 'Create accounts.',
  'accounts:manage': 'Change accounts and close them.',
  'members:manage': 'Invite members, change their roles and remove them.',
  'identity:link': 'Take up an invitation with a verified e-mail address.',
  'subjects:read': 'Read subjects: the persons whose data is held.',
  'subjects:write': 'Create and correct subjects.',
  'clients:read': 'Read API clients.',
  'clients:manage': 'Create, change, rotate and disable API clients of an account.',
  'platform-clients:manage': 'Create, change, rotate and disable clients of processors and gateways.',
  'usage:read': 'Read usage events.',
  'usage:summarise': 'Read summaries of the usage of the own account, or of oneself.',
  'usage:write': 'Record usage events.',
  'statistics:read': 'Read statistics of usage, in which no group is smaller than the smallest that may be shown.',
  'inventory:read': 'Read the inventory: which personal data is held, where, why, how long, and who received it.',
  'inventory:write': 'Report that a processor received personal data.',
  'inventory:reconcile': 'Compare the inventory with what the systems hold.',
  'retention:read': 'Read retention rules, timers and what was ended.',
  'retention:manage': 'Propose and approve retention rules.',
  'approvals:read': 'Read proposed changes that need a second person.',
  'approvals:manage': 'Reject proposed changes and take own ones back.',
  'holds:manage': 'Place, read, change and release legal holds.',
  'processing:read': 'Read counts of the inventory, systems, datasets and records of processing.',
  'systems:manage': 'Bring in systems and datasets.',
  'processors:manage': 'Add, change and end processors.',
  'events:read': 'Read and follow the feed of events.',
  'webhooks:read': 'Read webhook endpoints and deliveries.',
  'webhooks:manage': 'Create, change, test and remove webhook endpoints, and deliver again.',
  'audit:read': 'Read and export audit events.',
} as const

/** The name of a scope. */
export type Scope = keyof typeof SCOPES

/** Whether `value` names a scope. */
export function isScope(value: string): value is Scope {
  return Object.hasOwn(SCOPES, value)
}

/** Scopes of OAuth clients by kind; a client may hold fewer, never others. */
export const CLIENT_SCOPES = {
  INTEGRATION: [
    'accounts:read',
    'subjects:read',
    'subjects:write',
    'usage:read',
    'usage:summarise',
    'inventory:read',
    'retention:read',
    'processing:read',
    'events:read',
    'webhooks:read',
    'webhooks:manage',
  ],
  PROCESSOR: ['events:read', 'webhooks:read', 'webhooks:manage'],
  GATEWAY: ['usage:write', 'inventory:write'],
} as const satisfies Record<'INTEGRATION' | 'PROCESSOR' | 'GATEWAY', readonly Scope[]>

const OWN = [
  'identity:link',
  'accounts:read',
  'subjects:read',
  'usage:read',
  'usage:summarise',
  'inventory:read',
  'retention:read',
  'events:read',
  'audit:read',
] as const

const ADMIN = [
  ...OWN,
  'members:manage',
  'subjects:write',
  'clients:read',
  'clients:manage',
  'processing:read',
  'systems:manage',
  'webhooks:read',
  'webhooks:manage',
] as const

const ACCOUNT_ROLE_SCOPES = {
  MEMBER: OWN,
  ADMIN,
  OWNER: [...ADMIN, 'accounts:manage'],
} as const satisfies Record<AccountRole, readonly Scope[]>

const STAFF_ROLE_SCOPES = {
  PRIVACY_OFFICER: [
    'accounts:read',
    'accounts:create',
    'accounts:manage',
    'subjects:read',
    'clients:read',
    'platform-clients:manage',
    'usage:read',
    'statistics:read',
    'inventory:read',
    'inventory:reconcile',
    'retention:read',
    'retention:manage',
    'approvals:read',
    'approvals:manage',
    'holds:manage',
    'processing:read',
    'systems:manage',
    'processors:manage',
    'audit:read',
  ],
  SUPPORT: ['accounts:read', 'subjects:read', 'inventory:read'],
  ENGINEER: [
    'accounts:read',
    'usage:read',
    'statistics:read',
    'inventory:reconcile',
    'retention:read',
    'processing:read',
  ],
  SECURITY: [
    'accounts:read',
    'usage:read',
    'statistics:read',
    'processing:read',
    'audit:read',
    'clients:read',
    'platform-clients:manage',
  ],
  AUDITOR: ['accounts:read', 'statistics:read', 'retention:read', 'approvals:read', 'processing:read', 'audit:read'],
} as const satisfies Record<StaffRole, readonly Scope[]>

/** Scopes that a subject's kind and account role allow. */
export function scopesOfSubject(kind: SubjectKind, role: AccountRole | null): readonly Scope[] {
  return kind === 'MEMBER' && role !== null ? ACCOUNT_ROLE_SCOPES[role] : OWN
}

/** Scopes that staff roles allow, together. */
export function scopesOfStaff(roles: readonly StaffRole[]): ReadonlySet<Scope> {
  return new Set(roles.flatMap((role) => STAFF_ROLE_SCOPES[role]))
}

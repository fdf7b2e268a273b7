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
  'clients:manage': 'Create and disable API clients of an account.',
  'platform-clients:manage': 'Create and disable clients of processors and gateways.',
  'usage:read': 'Read usage events and their summaries.',
  'usage:write': 'Record usage events.',
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
  INTEGRATION: ['accounts:read', 'subjects:read', 'subjects:write', 'usage:read'],
  PROCESSOR: [],
  GATEWAY: ['usage:write'],
} as const satisfies Record<'INTEGRATION' | 'PROCESSOR' | 'GATEWAY', readonly Scope[]>

const OWN = ['identity:link', 'accounts:read', 'subjects:read', 'usage:read', 'audit:read'] as const

const ACCOUNT_ROLE_SCOPES = {
  MEMBER: OWN,
  ADMIN: [...OWN, 'members:manage', 'subjects:write', 'clients:read', 'clients:manage'],
  OWNER: [...OWN, 'members:manage', 'subjects:write', 'clients:read', 'clients:manage', 'accounts:manage'],
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
    'audit:read',
  ],
  SUPPORT: ['accounts:read', 'subjects:read'],
  ENGINEER: ['accounts:read', 'usage:read'],
  SECURITY: ['accounts:read', 'usage:read', 'audit:read', 'clients:read', 'platform-clients:manage'],
  AUDITOR: ['accounts:read', 'audit:read'],
} as const satisfies Record<StaffRole, readonly Scope[]>

/** Scopes that a subject's kind and account role allow. */
export function scopesOfSubject(kind: SubjectKind, role: AccountRole | null): readonly Scope[] {
  return kind === 'MEMBER' && role !== null ? ACCOUNT_ROLE_SCOPES[role] : OWN
}

/** Scopes that staff roles allow, together. */
export function scopesOfStaff(roles: readonly StaffRole[]): ReadonlySet<Scope> {
  return new Set(roles.flatMap((role) => STAFF_ROLE_SCOPES[role]))
}

import { SCOPES, type Scope } from '../auth/permissions.ts'

/**
 * What a root field declares once: its scope, which is checked before it runs, named in its description, and read by
 * the authorization matrix from its extensions.
 */
export function needs(scope: Scope, description: string) {
  return {
    description: `${description}\n\nScope: \`${scope}\`. ${SCOPES[scope]}`,
    authScopes: { scope },
    extensions: { scope },
  } as const
}

/** Marks a type whose rows are about one person: every field Staff reads of it is noted for the audit. */
export function aboutPerson<Row>(
  of: (row: Row) => { accountId: string; subjectId: string | null; recordType: string; recordId: string },
) {
  return { extensions: { aboutPerson: of } } as const
}

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

/** Whom a row is about, and which record it is. `always`: its reads are noted also where it names nobody. */
export type About = {
  readonly accountId: string
  readonly subjectId: string | null
  readonly recordType: string
  readonly recordId: string
  readonly always?: boolean
}

/** Marks a type whose rows are about one person: every field Staff reads of it is noted for the audit. */
export function aboutPerson<Row>(of: (row: Row) => About) {
  return { extensions: { aboutPerson: of } } as const
}

import { CLIENT_SCOPES, SCOPES, type Scope, scopesOfStaff, scopesOfSubject } from '../../auth/permissions.ts'
import { StaffRole } from '../../generated/prisma/enums.ts'
import { buildSchema } from '../../schema/index.ts'
import { table, WRITTEN } from './table.ts'

/** A kind of caller and the scopes that it can have at most: a column of the matrix. */
export type Column = { readonly name: string; readonly scopes: ReadonlySet<Scope> }

/** Every kind of caller, by principal and role. */
export function matrixColumns(): Column[] {
  const column = (name: string, scopes: Iterable<Scope>) => ({ name, scopes: new Set<Scope>(['public', ...scopes]) })
  return [
    column('anonymous', []),
    column('unlinked person', ['identity:link']),
    column('END_USER', scopesOfSubject('END_USER', null)),
    column('MEMBER', scopesOfSubject('MEMBER', 'MEMBER')),
    column('ADMIN', scopesOfSubject('MEMBER', 'ADMIN')),
    column('OWNER', scopesOfSubject('MEMBER', 'OWNER')),
    ...Object.values(StaffRole).map((role) => column(`STAFF ${role}`, scopesOfStaff([role]))),
    ...Object.entries(CLIENT_SCOPES).map(([kind, scopes]) => column(kind, scopes)),
  ]
}

/** Every root field with its operation and scope: a row of the matrix. */
export function matrixRows(): { operation: 'query' | 'mutation' | 'subscription'; name: string; scope: Scope }[] {
  const schema = buildSchema()
  const types = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  }
  return (['query', 'mutation', 'subscription'] as const).flatMap((operation) => {
    const type = types[operation]
    return Object.values(type?.getFields() ?? {}).map((field) => {
      return { operation, name: field.name, scope: field.extensions['scope'] as Scope }
    })
  })
}

/** The text of `docs/authorization.md`. */
export function authorizationPage(): string {
  const columns = matrixColumns()
  const rows = matrixRows().map(({ operation, name, scope }) => [
    `\`${operation} ${name}\``,
    `\`${scope}\``,
    ...columns.map(({ scopes }) => (scopes.has(scope) ? 'yes' : '-')),
  ])
  const scopes = Object.entries(SCOPES).map(([scope, sentence]) => [`\`${scope}\``, sentence])
  return `# Authorization

${WRITTEN}

A caller has the scopes that its role or kind allows and, where its token names scopes, the token names too. A root
field that needs a scope which the caller lacks is answered \`FORBIDDEN\`, or \`UNAUTHENTICATED\` without a token. A test
asks every cell of the running server with a real token.

"yes" opens the field, not every record behind it. Which rows a caller reaches is said by the scope functions
(\`src/domains/*/*.scope.ts\`), and again by row-level security in the database: an owner, an admin and an integration
reach their account, a member and an end user themselves, staff every account, a gateway what it records.

## Scopes

${table(['Scope', 'Opens'], scopes)}

## Who may call what

${table(['Root field', 'Scope', ...columns.map(({ name }) => name)], rows)}
`
}

import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import { getDatamodel } from '../generated/pothos.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { globalId, readGlobalId } from './global-id.ts'
import { refuseScope } from './refusals.ts'
import { RELAY_DESCRIPTIONS } from './relay-descriptions.ts'
import { needs } from './root-field.ts'
import type { SchemaTypes } from './types.ts'

/**
 * The one builder. It knows no type: domains add theirs, and `schema/index.ts` alone builds.
 * Order matters: ScopeAuth before Errors, so that a denial is a top-level error; Prisma after Errors.
 */
export const builder = new SchemaBuilder<SchemaTypes>({
  defaultFieldNullability: false,
  plugins: [ScopeAuthPlugin, ErrorsPlugin, RelayPlugin, PrismaPlugin],
  scopeAuth: {
    defaultStrategy: 'all',
    authorizeOnSubscribe: true,
    authScopes: (context) => ({ scope: (scope) => context.session.scopes.has(scope) }),
    unauthorizedError: (_parent, context) => refuseScope(context.session),
  },
  errors: { defaultTypes: [], directResult: true },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    encodeGlobalID: (typename, id) => globalId(typename, String(id)),
    decodeGlobalID: readGlobalId,
    nodeQueryOptions: needs('public', 'A record by its global id; null where the caller may see none.'),
    nodesQueryOptions: needs(
      'public',
      'Records by their global ids, in their order, 100 at most; null in the place of each that the caller may not see.',
    ),
    ...RELAY_DESCRIPTIONS,
  },
  prisma: {
    client: (context) => context.reads.tx as PrismaClient,
    dmmf: getDatamodel(),
    maxConnectionSize: 100,
    defaultConnectionSize: 20,
    onUnusedQuery: 'error',
  },
})

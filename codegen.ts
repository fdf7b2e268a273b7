import { readFileSync } from 'node:fs'
import type { CodegenConfig } from '@graphql-codegen/cli'

/**
 * Writes the typed layer of the client from the printed schema, the operation files and the printed catalogue of events,
 * and from nothing else.
 * Instants are ISO 8601 strings in UTC; a whole number beyond 32 bits is a number or, past 2^53, a string.
 */
const config: CodegenConfig = {
  schema: 'client/schema.graphql',
  documents: 'client/operations/*.graphql',
  emitLegacyCommonJSImports: false,
  importExtension: '.ts',
  generates: {
    'client/generated/operations.ts': {
      plugins: ['typescript-operations', './client/codegen/methods-plugin.ts'],
      config: {
        documentMode: 'string',
        strictScalars: true,
        useTypeImports: true,
        immutableTypes: true,
        enumType: 'string-literal',
        futureProofEnums: true,
        scalars: {
          ID: { input: 'string', output: 'string' },
          DateTime: { input: 'Date | string', output: 'string' },
          BigInt: { input: 'bigint | number | string', output: 'number | string' },
          CountryCode: { input: 'string', output: 'string' },
          EmailAddress: { input: 'string', output: 'string' },
        },
      },
    },
    'client/generated/webhook-events.ts': {
      plugins: ['./client/codegen/events-plugin.ts'],
      config: { events: JSON.parse(readFileSync('client/events.json', 'utf8')) },
    },
  },
}

export default config

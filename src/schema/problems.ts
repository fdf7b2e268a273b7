import type { FieldMap } from '@pothos/core'
import type { Problem } from '../domains/problem.ts'
import { builder } from './builder.ts'
import type { SchemaTypes } from './types.ts'

const ProblemInterface = builder.interfaceRef<Problem>('Problem').implement({
  description: 'An expected failure of a mutation. `code` is stable; `docs/errors.md` lists all.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable code, e.g. ACCOUNT.NOT_ACTIVE.' }),
    message: t.exposeString('message', { description: 'What went wrong, for a developer; no personal data.' }),
    retryable: t.exposeBoolean('retryable', {
      description: 'Whether the same call may succeed later without a change.',
    }),
  }),
})

/** The codes that the schema can answer with, by type name: what documents and tests are held against. */
export const problemCodes = new Map<string, { code: string; description: string; retryable: boolean }>()

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type ProblemClass<P extends Problem> = (new () => P) & { readonly name: string }

/** Adds a problem class to the schema, with the fields it has beyond those of every problem. */
export function problemType<P extends Problem>(
  problem: ProblemClass<P>,
  description: string,
  fields: (t: PothosSchemaTypes.ObjectFieldBuilder<Types, P>) => FieldMap = () => ({}),
): void {
  const { code, retryable } = new problem()
  problemCodes.set(problem.name, { code, description, retryable })
  builder.objectType(problem, {
    name: problem.name,
    description,
    interfaces: [ProblemInterface] as never,
    isTypeOf: (value) => value instanceof problem,
    fields: fields as never,
  })
}

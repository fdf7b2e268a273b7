import type { FieldMap, InputFieldMap, InputShapeFromFields } from '@pothos/core'
import type { Scope } from '../auth/permissions.ts'
import type { Session } from '../auth/session.ts'
import { callerName } from '../db/caller.ts'
import type { Call } from '../db/database.ts'
import type { Deps } from '../domains/deps.ts'
import type { Problem } from '../domains/problem.ts'
import { addSeconds } from '../time/clock.ts'
import { builder } from './builder.ts'
import { badInput } from './refusals.ts'
import { needs } from './root-field.ts'
import type { Context, SchemaTypes } from './types.ts'

const IDEMPOTENCY_SECONDS = 7 * 24 * 3600
const KEY_DESCRIPTION =
  'Makes a repeat of this call have no second effect and answer the same, for 7 days. 8 to 128 printable ASCII characters.'
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{8,128}$/

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
/** What the input fields of a mutation are built with. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>
type ProblemClass = new () => Problem

type CallInput = Record<string, unknown> & { idempotencyKey?: string | null }

type MutationOptions<Input extends InputFieldMap, Outcome extends object> = {
  scope: Scope
  description: string
  input: (t: InputFields) => Input
  problems?: readonly ProblemClass[]
  /** Fields of the success type; their parent is what `run` returned, read after the commit. */
  success: (t: PothosSchemaTypes.ObjectFieldBuilder<Types, Outcome>) => FieldMap
  /** False where the outcome is the whole answer: then nothing is read after the commit. Default true. */
  readsBack?: boolean
  /** The use case. What it returns must be ids and counts as JSON, for a repeat gets it from the idempotency record. */
  run: (deps: Deps, call: Call<Session>, input: InputShapeFromFields<Input>) => Promise<Outcome>
}

const upperFirst = (name: string) => name[0]?.toUpperCase() + name.slice(1)

/**
 * Adds the mutation `name` with its input `NameInput` (which always has `idempotencyKey`), its success type
 * `NameSuccess` and its union `NameResult`. The only way a mutation comes into the schema.
 */
export function mutation<Input extends InputFieldMap, Outcome extends object>(
  name: string,
  options: MutationOptions<Input, Outcome>,
): void {
  const Name = upperFirst(name)
  const success = builder.objectRef<Outcome>(`${Name}Success`)
  success.implement({ description: `What \`${name}\` did.`, fields: options.success })
  const input = builder.inputType(`${Name}Input`, {
    description: `What \`${name}\` needs.`,
    fields: (t) => ({ ...options.input(t), idempotencyKey: t.string({ description: KEY_DESCRIPTION }) }),
  })
  const resolve = async (_root: object, args: { input: CallInput }, context: Context): Promise<Outcome> => {
    const { idempotencyKey, ...rest } = args.input
    const call = await callOf(context, name, rest, idempotencyKey ?? null)
    const outcome = await options.run(context.deps, call, rest as InputShapeFromFields<Input>)
    if (options.readsBack !== false) await context.reads.open()
    return outcome
  }
  builder.mutationField(name, (t) =>
    t.field({
      type: success,
      ...needs(options.scope, options.description),
      args: { input: t.arg({ type: input, required: true, description: 'The input.' }) },
      errors: {
        types: options.problems ?? [],
        directResult: true,
        union: { name: `${Name}Result`, description: `Success of \`${name}\` or the reason why not.` },
      },
      resolve,
    } as never),
  )
}

async function callOf(context: Context, name: string, input: object, key: string | null): Promise<Call<Session>> {
  const call = { caller: context.session, requestId: context.requestId }
  if (key === null) return call
  if (!IDEMPOTENCY_KEY.test(key)) throw badInput('idempotencyKey', 'must be 8 to 128 printable ASCII characters')
  const { keyProvider, clock } = context.deps
  const at = clock.now()
  // A person's keys stay the same when an invitation makes it somebody here; the record itself is the account's.
  const { identity } = context.session
  const caller = identity ? Buffer.from(identity.identityHash).toString('hex') : callerName(context.session)
  return {
    ...call,
    idempotency: {
      mutation: name,
      keyHash: await keyProvider.mac('idempotency', [caller, name, key]),
      fingerprint: await keyProvider.mac('idempotency', [name, canonicalJson(input)]),
      at,
      expiresAt: addSeconds(at, IDEMPOTENCY_SECONDS),
    },
  }
}

/** JSON with keys in order, so that equal inputs have equal text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return item.toString()
    if (item === null || typeof item !== 'object' || Array.isArray(item)) return item
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

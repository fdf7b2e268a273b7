import type { Operation } from './call.ts'

/** Comments, block strings and strings, where words mean nothing. */
const OPAQUE = /"""(?:\\"""|[\s\S])*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*/g
const WHOLE_INPUT = /\(\s*input\s*:\s*\$input\s*\)/

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A mutation's input with a new `idempotencyKey`, unless the caller has given one. The key is the same for all tries
 * of a call.
 */
export function withIdempotencyKey(input: unknown, newId: () => string): unknown {
  return isObject(input) && (input['idempotencyKey'] ?? null) === null ? { ...input, idempotencyKey: newId() } : input
}

/**
 * A caller's own document as an operation. A mutation may be repeated when it passes its whole input as
 * `(input: $input)`; then it gets a key. Any other is sent once.
 */
export function operationOf(text: string, variables: unknown, newId: () => string): Operation {
  const words = text.replace(OPAQUE, ' ')
  const names = [...words.matchAll(/\b(?:query|mutation)\s+([_A-Za-z]\w*)\s*[({@]/g)].map(([, name]) => name)
  const name = names.length === 1 ? (names[0] ?? null) : null
  if (!/\bmutation\b/.test(words)) return { text, name, variables, repeatable: true }
  if (!WHOLE_INPUT.test(words) || !isObject(variables) || !isObject(variables['input']))
    return { text, name, variables, repeatable: false }
  const input = withIdempotencyKey(variables['input'], newId)
  return { text, name, variables: { ...variables, input }, repeatable: true }
}

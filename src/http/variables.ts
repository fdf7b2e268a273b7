import { limitExceeded, refused } from './request-error.ts'

const KEYS_REFUSED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The limits of variables. */
export type VariableLimits = { readonly variablesBytes: number; readonly variablesDepth: number }

/**
 * Refuses variables that are too deep or too large, and keys by which code that merges objects could be misled.
 * Works without recursion and stops at the first excess. Bytes are those of keys and values; strings are counted in
 * UTF-16 units, which is never more than their UTF-8 bytes.
 * @throws LIMIT_EXCEEDED with the limit `variablesBytes` or `variablesDepth`; BAD_REQUEST for a refused key.
 */
export function assertVariables(variables: object, { variablesBytes, variablesDepth }: VariableLimits): void {
  const open: { value: object; depth: number }[] = [{ value: variables, depth: 1 }]
  let bytes = 0
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next
    if (depth > variablesDepth) throw limitExceeded('variablesDepth', variablesDepth)
    const named = !Array.isArray(value)
    for (const key of Object.keys(value)) {
      if (named && KEYS_REFUSED.has(key)) throw refused('BAD_REQUEST', 'A variable holds a key that is not allowed.')
      const inner: unknown = (value as Record<string, unknown>)[key]
      bytes += (named ? key.length + 3 : 1) + (typeof inner === 'string' ? inner.length + 2 : 1)
      if (typeof inner === 'object' && inner !== null) open.push({ value: inner, depth: depth + 1 })
      if (bytes > variablesBytes) throw limitExceeded('variablesBytes', variablesBytes)
    }
  }
}

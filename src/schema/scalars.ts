import { BigIntResolver, CountryCodeResolver, DateTimeResolver, EmailAddressResolver } from 'graphql-scalars'
import { builder } from './builder.ts'
import { badInput } from './refusals.ts'

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'An instant in UTC, RFC 3339, e.g. 2026-02-28T23:59:59.000Z.',
})
builder.addScalarType('BigInt', BigIntResolver, {
  description: 'A whole number that may exceed 32 bits; a JSON number within 2^53, else a string.',
})
builder.addScalarType('CountryCode', CountryCodeResolver, {
  description: 'A country, ISO 3166-1 alpha-2, e.g. DE.',
})
builder.addScalarType('EmailAddress', EmailAddressResolver, {
  description: 'An e-mail address (RFC 5322 addr-spec), at most 254 characters.',
})

/** Refuses with the reason when `value` is longer than `max` characters or empty. */
export function assertLength(field: string, value: string | null | undefined, max: number): void {
  if (value === null || value === undefined) return
  if (value.trim().length === 0 || value.length > max) throw badInput(field, `must have 1 to ${max} characters`)
}

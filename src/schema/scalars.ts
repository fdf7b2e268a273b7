import { GraphQLScalarType, Kind } from 'graphql'
import { BigIntResolver, CountryCodeResolver, DateTimeResolver, EmailAddressResolver } from 'graphql-scalars'
import { builder } from './builder.ts'
import { badInput } from './refusals.ts'

const WHOLE_NUMBER = /^(?:0|-?[1-9][0-9]{0,38})$/

/** A whole number as JavaScript or JSON writes it, in at most 39 digits: longer ones take seconds to read. */
function asBigInt(value: unknown): bigint {
  const text = typeof value === 'object' || typeof value === 'boolean' ? '' : String(value)
  if (!WHOLE_NUMBER.test(text) || (typeof value === 'number' && !Number.isSafeInteger(value)))
    throw new TypeError('A whole number is needed.')
  return BigInt(text)
}

/** The library writes to the console, reads numbers of any length, and takes a list of one number for the number. */
const BigIntScalar = new GraphQLScalarType<bigint, number | string>({
  ...BigIntResolver.toConfig(),
  serialize: (value) => {
    const number = asBigInt(value)
    return Number.isSafeInteger(Number(number)) ? Number(number) : number.toString()
  },
  parseValue: asBigInt,
  parseLiteral: (node) => asBigInt(node.kind === Kind.INT || node.kind === Kind.STRING ? node.value : null),
})

const asCountry = (value: unknown) => String(CountryCodeResolver.parseValue(value)).toUpperCase()

/** The library takes small letters too; they are stored as the standard writes them. */
const CountryCode = new GraphQLScalarType<string, string>({
  ...CountryCodeResolver.toConfig(),
  parseValue: asCountry,
  parseLiteral: (node) => asCountry(CountryCodeResolver.parseLiteral(node, null)),
})

const EMAIL_LENGTH_MAX = 254

function asEmail(value: unknown): string {
  const email = String(EmailAddressResolver.parseValue(value))
  if (email.length > EMAIL_LENGTH_MAX) throw new TypeError('An e-mail address is too long.')
  return email
}

/** The library does not hold addresses to the length that mail servers take (RFC 5321, 4.5.3.1.3). */
const EmailAddress = new GraphQLScalarType<string, string>({
  ...EmailAddressResolver.toConfig(),
  parseValue: asEmail,
  parseLiteral: (node) => asEmail(EmailAddressResolver.parseLiteral(node, null)),
})

/** Whether `value` is a country, ISO 3166-1 alpha-2. */
export function isCountry(value: string): boolean {
  try {
    return asCountry(value) === value
  } catch {
    return false
  }
}

function asInstant(value: unknown): Date {
  const instant = DateTimeResolver.parseValue(value)
  if (instant.getUTCFullYear() < 1) throw new TypeError('An instant lies before the calendar.')
  return instant
}

/** The library takes the year 0, which the database has not. */
const Instant = new GraphQLScalarType<Date, Date>({
  ...DateTimeResolver.toConfig(),
  parseValue: asInstant,
  parseLiteral: (node) => asInstant(DateTimeResolver.parseLiteral(node, null)),
})

builder.addScalarType('DateTime', Instant, {
  description: 'An instant in UTC, RFC 3339, e.g. 2026-02-28T23:59:59.000Z.',
})
builder.addScalarType('BigInt', BigIntScalar, {
  description: 'A whole number that may exceed 32 bits; a JSON number within 2^53, else a string.',
})
builder.addScalarType('CountryCode', CountryCode, {
  description: 'A country, ISO 3166-1 alpha-2, e.g. DE.',
})
builder.addScalarType('EmailAddress', EmailAddress, {
  description: 'An e-mail address (RFC 5322 addr-spec), at most 254 characters.',
})

/** Refuses with the reason when `value` is longer than `max` characters (Unicode code points) or blank. */
export function assertLength(field: string, value: string | null | undefined, max: number): void {
  if (value === null || value === undefined) return
  if (value.trim().length === 0 || [...value].length > max) throw badInput(field, `must have 1 to ${max} characters`)
}

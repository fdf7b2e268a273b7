import { type GraphQLScalarType, parseValue } from 'graphql'
import { afterEach, expect, test, vi } from 'vitest'
import { buildSchema } from '../../../src/schema/index.ts'

const scalar = buildSchema().getType('BigInt') as GraphQLScalarType
afterEach(() => vi.restoreAllMocks())

test('a whole number goes out as a number within 2^53, else as a string, and nothing is written to the console', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const given = [0, 7n, -7n, 9_007_199_254_740_991n, 9_007_199_254_740_992n, -(2n ** 60n), '12']
  expect(given.map((value) => scalar.serialize(value))).toEqual([
    0,
    7,
    -7,
    9_007_199_254_740_991,
    '9007199254740992',
    '-1152921504606846976',
    12,
  ])
  expect(warn).not.toHaveBeenCalled()
})

test('numbers, strings and literals come in exactly', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const given = [5, '5', '-9007199254740993', 9_007_199_254_740_993n]
  expect(given.map((value) => BigInt(scalar.parseValue(value) as number))).toEqual([
    5n,
    5n,
    -9_007_199_254_740_993n,
    9_007_199_254_740_993n,
  ])
  expect(
    ['12', '"9007199254740993"'].map((text) => BigInt(scalar.parseLiteral(parseValue(text), null) as number)),
  ).toEqual([12n, 9_007_199_254_740_993n])
  expect(warn).not.toHaveBeenCalled()
})

test('what is no whole number is refused', () => {
  const given = [1.5, '1.5', '', ' 1', '007', '-0', '1e3', '0x10', true, [5], {}, 2 ** 60, Number.NaN, '9'.repeat(41)]
  const taken = given.filter((value) => {
    try {
      scalar.parseValue(value)
      return true
    } catch {
      return false
    }
  })
  expect([given.length, taken]).toEqual([14, []])
  expect(() => scalar.parseLiteral(parseValue('1.5'), null)).toThrow()
  expect(() => scalar.parseLiteral(parseValue('true'), null)).toThrow()
  expect(() => scalar.serialize(1.5)).toThrow()
})

import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FieldContext, openField, sealField, versionOf } from '../../../src/crypto/envelope.ts'
import { DecryptionError } from '../../../src/crypto/errors.ts'

const key = createSecretKey(randomBytes(32))
const here: FieldContext = {
  accountId: '0190a1b2-0000-7000-8000-000000000001',
  subjectId: '0190a1b2-0000-7000-8000-000000000002',
  field: 'subject.email',
  version: 1,
}

/** Runs `fn` and gives what it threw. */
function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}

const part = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('|'))
const context: fc.Arbitrary<FieldContext> = fc.record({
  accountId: part,
  subjectId: fc.option(part),
  field: part,
  version: fc.integer({ min: 1, max: 0xffff_ffff }),
})

test('what was sealed for a place opens there as the same text', () => {
  let tried = 0
  fc.assert(
    fc.property(context, fc.string({ unit: 'binary', maxLength: 300 }), (place, text) => {
      tried++
      const sealed = sealField(key, place, text)
      expect(openField(key, place, sealed)).toBe(text)
      expect(versionOf(sealed)).toBe(place.version)
      expect(sealed.length).toBe(33 + Buffer.byteLength(text))
    }),
    { numRuns: 1000 },
  )
  expect(tried).toBe(1000)
})

test('a sealed value begins with its format and the version of its key', () => {
  const sealed = sealField(key, { ...here, version: 0xfedcba98 }, 'a')
  expect([...sealed.subarray(0, 5)]).toEqual([1, 0xfe, 0xdc, 0xba, 0x98])
  expect(sealed.buffer.byteLength).toBe(34)
})

test('the same text seals differently each time', () => {
  const all = new Set(Array.from({ length: 1000 }, () => Buffer.from(sealField(key, here, 'same')).toString('hex')))
  expect(all.size).toBe(1000)
})

test('a value with any one bit flipped is refused', () => {
  const sealed = sealField(key, here, 'ada@example.com')
  let tried = 0
  let refused = 0
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Uint8Array.from(sealed)
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    tried++
    if (thrownBy(() => openField(key, here, altered)) instanceof DecryptionError) refused++
  }
  expect(tried).toBe(384)
  expect(refused).toBe(384)
})

test('a value cut short or lengthened is refused', () => {
  const sealed = sealField(key, here, 'ada@example.com')
  let tried = 0
  for (let length = 0; length < sealed.length; length++, tried++)
    expect(thrownBy(() => openField(key, here, sealed.subarray(0, length)))).toBeInstanceOf(DecryptionError)
  expect(tried).toBe(48)
  expect(thrownBy(() => openField(key, here, Uint8Array.from([...sealed, 0])))).toBeInstanceOf(DecryptionError)
})

test('a value does not open at another place', () => {
  let tried = 0
  fc.assert(
    fc.property(context, context, (one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other))
      const sealed = sealField(key, one, 'text')
      for (const name of ['accountId', 'subjectId', 'field', 'version'] as const) {
        if (one[name] === other[name]) continue
        tried++
        expect(thrownBy(() => openField(key, { ...one, [name]: other[name] }, sealed))).toBeInstanceOf(DecryptionError)
      }
    }),
    { numRuns: 1000 },
  )
  expect(tried).toBeGreaterThan(3000)
})

test('a value of one place does not pass for a value of a place whose parts are cut differently', () => {
  const sealed = sealField(key, { accountId: 'a', subjectId: null, field: 'f', version: 1 }, 'text')
  const shifted = { accountId: 'a', subjectId: 'f', field: 'f', version: 1 }
  expect(thrownBy(() => openField(key, shifted, sealed))).toBeInstanceOf(DecryptionError)
})

test('a value does not open with another key', () => {
  const sealed = sealField(key, here, 'text')
  const other = createSecretKey(randomBytes(32))
  expect(thrownBy(() => openField(other, here, sealed))).toBeInstanceOf(DecryptionError)
})

test('a context with an ambiguous part or a version out of range is refused', () => {
  const bad: FieldContext[] = [
    { ...here, accountId: 'a|b' },
    { ...here, accountId: '' },
    { ...here, subjectId: '' },
    { ...here, subjectId: 'a|b' },
    { ...here, field: '' },
    { ...here, field: 'a|b' },
    { ...here, version: 0 },
    { ...here, version: 1.5 },
    { ...here, version: 2 ** 32 },
  ]
  for (const place of bad) expect(() => sealField(key, place, 'text')).toThrow(TypeError)
})

test('a refusal carries no data', () => {
  const sealed = sealField(key, here, 'ada@example.com')
  sealed[20] = (sealed[20] ?? 0) ^ 1
  const error = thrownBy(() => openField(key, here, sealed)) as DecryptionError
  expect({ ...error, message: error.message, cause: error.cause }).toEqual({
    name: 'DecryptionError',
    code: 'KEYS.DECRYPTION_FAILED',
    message: 'A sealed value could not be opened.',
    cause: undefined,
  })
})

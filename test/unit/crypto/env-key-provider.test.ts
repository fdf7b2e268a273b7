import { expect, test } from 'vitest'
import { EnvKeyProvider } from '../../../src/crypto/env-key-provider.ts'
import { DecryptionError, KeysAreReadOnlyError, UnknownEpochError } from '../../../src/crypto/errors.ts'
import type { MacPurpose } from '../../../src/crypto/key-provider.ts'

const base64 = (first: number) => Buffer.from(Array.from({ length: 32 }, (_, at) => first + at)).toString('base64')
const index = base64(0)
const one = base64(40)
const two = base64(80)
const provider = new EnvKeyProvider(`index=${index},one=${one},two=${two}`)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('the last epoch of the variable is the current one', async () => {
  expect(await provider.currentEpoch()).toBe('two')
  expect((await provider.wrap(new Uint8Array(32))).epoch).toBe('two')
})

test('what was wrapped opens again under its epoch, up to some kilobytes', async () => {
  for (const length of [0, 32, 4096, 65_536]) {
    const secret = new Uint8Array(length).fill(7)
    const { epoch, wrapped } = await provider.wrap(secret)
    expect(await provider.unwrap(epoch, wrapped)).toEqual(secret)
  }
  await expect(provider.wrap(new Uint8Array(65_537))).rejects.toThrow(RangeError)
})

test('what an earlier epoch wrapped still opens when a new one is appended', async () => {
  const before = new EnvKeyProvider(`index=${index},one=${one}`)
  const { epoch, wrapped } = await before.wrap(Uint8Array.of(1, 2, 3))
  expect(epoch).toBe('one')
  expect(await provider.unwrap('one', wrapped)).toEqual(Uint8Array.of(1, 2, 3))
})

test('wrapped bytes with any one bit flipped, or of another epoch, are refused', async () => {
  const { wrapped } = await provider.wrap(new Uint8Array(32))
  let tried = 0
  for (let bit = 0; bit < wrapped.length * 8; bit++, tried++) {
    const altered = Uint8Array.from(wrapped)
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    await expect(provider.unwrap('two', altered)).rejects.toBeInstanceOf(DecryptionError)
  }
  expect(tried).toBe(61 * 8)
  await expect(provider.unwrap('one', wrapped)).rejects.toBeInstanceOf(DecryptionError)
  await expect(provider.unwrap('three', wrapped)).rejects.toBeInstanceOf(UnknownEpochError)
})

test('a keyed hash is HMAC-SHA256 over length-prefixed parts under an HKDF-SHA256 sub-key', async () => {
  expect(hex(await provider.mac('email', ['a', 'bc']))).toBe(
    '818cc2aafb1dab82d9269d359df29acbfe7a4f8fbd3ef9368a995a9775069f09',
  )
})

test('keyed hashes differ by purpose and by where the parts are cut', async () => {
  const purposes: MacPurpose[] = ['email', 'reference', 'identity', 'invitation', 'idempotency']
  const parts = [['a', 'bc'], ['ab', 'c'], ['abc'], ['abc', ''], ['', 'abc'], []]
  const seen = new Set<string>()
  for (const purpose of purposes) for (const list of parts) seen.add(hex(await provider.mac(purpose, list)))
  expect(seen.size).toBe(30)
})

test('epochs cannot be made or removed here, and the error says what to do', async () => {
  await expect(provider.createEpoch(new Date(0))).rejects.toThrow(KeysAreReadOnlyError)
  await expect(provider.createEpoch(new Date(0))).rejects.toThrow(
    'The keys come from PRIVACY_KEYS. To rotate: append a new epoch (NAME=BASE64 of 32 random bytes) to the variable, ' +
      'restart every process, and run `npm run keys:rotate`.',
  )
  await expect(provider.destroyEpoch('one')).rejects.toThrow('remove it from the variable')
  expect(await provider.destroyEpoch('gone')).toBeUndefined()
})

test('a malformed variable is refused without showing any of it', () => {
  const bad = [
    '',
    index,
    `index=${index}`,
    `one=${one}`,
    `index=${index},one=`,
    `index=${index},one=${one.slice(0, 20)}`,
    `index=${index},one=${one.replace('=', '')}`,
    `index=${index},one=${one},one=${two}`,
    `index=${index},index=${two},one=${one}`,
    `index=${index},o|ne=${one}`,
    `index=${index},=${one}`,
    `index=${index},one=${one},`,
    `${one}=${index},one=${one}`,
  ]
  let refused = 0
  for (const text of bad)
    try {
      new EnvKeyProvider(text)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      expect(error.message).toMatch(/^PRIVACY_KEYS must read index=BASE64,EPOCH=BASE64/)
      for (const secret of [index, one, two]) expect(error.message).not.toContain(secret.slice(0, 8))
      refused++
    }
  expect(refused).toBe(13)
})

import { expect, test } from 'vitest'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { UnwrapCache } from '../../../src/crypto/unwrap-cache.ts'

/** A provider that unwraps to 32 bytes of the first byte, counts, and fails when told. */
function countingProvider() {
  const state = { unwrapped: [] as string[], fails: false }
  const unwrap: KeyProvider['unwrap'] = async (epoch, wrapped) => {
    state.unwrapped.push(`${epoch}:${wrapped[0]}`)
    if (state.fails) throw new Error('the provider is away')
    return new Uint8Array(32).fill(wrapped[0] ?? 0)
  }
  return { state, provider: { unwrap } as KeyProvider }
}

test('a key is unwrapped once, also when it is asked for many times at once', async () => {
  const { state, provider } = countingProvider()
  const cache = new UnwrapCache(provider, 10)
  const keys = await Promise.all(Array.from({ length: 100 }, () => cache.unwrap('e', Uint8Array.of(7))))
  expect(state.unwrapped).toEqual(['e:7'])
  expect(new Set(keys.map((key) => key.export().toString('hex')))).toEqual(new Set(['07'.repeat(32)]))
})

test('the same bytes of another epoch are another key', async () => {
  const { state, provider } = countingProvider()
  const cache = new UnwrapCache(provider, 10)
  await cache.unwrap('e', Uint8Array.of(7))
  await cache.unwrap('f', Uint8Array.of(7))
  expect(state.unwrapped).toEqual(['e:7', 'f:7'])
})

test('the cache never holds more than its bound, and drops the least recently used first', async () => {
  const { state, provider } = countingProvider()
  const cache = new UnwrapCache(provider, 3)
  for (const byte of [1, 2, 3, 1, 4]) await cache.unwrap('e', Uint8Array.of(byte))
  expect(cache.size).toBe(3)
  expect(state.unwrapped).toEqual(['e:1', 'e:2', 'e:3', 'e:4'])
  await cache.unwrap('e', Uint8Array.of(1))
  expect(state.unwrapped).toEqual(['e:1', 'e:2', 'e:3', 'e:4'])
  await cache.unwrap('e', Uint8Array.of(2))
  expect(state.unwrapped).toEqual(['e:1', 'e:2', 'e:3', 'e:4', 'e:2'])
})

test('a failure is not remembered', async () => {
  const { state, provider } = countingProvider()
  const cache = new UnwrapCache(provider, 3)
  state.fails = true
  await expect(cache.unwrap('e', Uint8Array.of(1))).rejects.toThrow('the provider is away')
  state.fails = false
  expect((await cache.unwrap('e', Uint8Array.of(1))).symmetricKeySize).toBe(32)
  expect(cache.size).toBe(1)
})

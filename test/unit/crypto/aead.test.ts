import { createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { decrypt, encrypt, nextIv } from '../../../src/crypto/aead.ts'

/** McGrew and Viega, The Galois/Counter Mode of Operation (GCM), submitted to NIST, appendix B, test case 16. */
const vector = {
  key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
  iv: 'cafebabefacedbaddecaf888',
  aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
  plaintext:
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
    '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  ciphertext:
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
    '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
  tag: '76fc6ece0f4e1768cddf8853bb2d551b',
}
const bytes = (hex: string) => Buffer.from(hex, 'hex')

test('sealing and opening give what test case 16 of the GCM specification gives', () => {
  const key = createSecretKey(bytes(vector.key))
  const sealed = encrypt(key, bytes(vector.iv), bytes(vector.aad), bytes(vector.plaintext), 3)
  expect(Buffer.from(sealed).toString('hex')).toBe(`000000${vector.iv}${vector.ciphertext}${vector.tag}`)
  expect(decrypt(key, sealed, bytes(vector.aad), 3).toString('hex')).toBe(vector.plaintext)
})

test('no IV is handed out twice, also across refills of the pool', () => {
  const seen = new Set<string>()
  let tried = 0
  for (; tried < 20_000; tried++) seen.add(Buffer.from(nextIv()).toString('hex'))
  expect(seen.size).toBe(20_000)
  expect([...seen].every((iv) => iv.length === 24)).toBe(true)
})

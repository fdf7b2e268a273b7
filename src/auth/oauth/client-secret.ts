import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

const COST = { N: 16_384, r: 8, p: 1 }
const HASH_BYTES = 32
const SALT_BYTES = 16

/** A fresh client secret: 256 random bits in base64url. Shown once, stored only as its hash. */
export function newClientSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * The hash of a secret as it is stored in `api_client.secret_hash`: `scrypt$N$r$p$salt$hash`, salt (16 bytes) and hash
 * (32 bytes) in base64url. Takes about 50 ms on a thread of its own.
 * @see RFC 7914
 */
export async function hashClientSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(secret, salt, HASH_BYTES, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

const STORED = /^scrypt\$(\d{4,6})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/

/** Printable characters only: scrypt does not tell a secret from the same one with null bytes behind it. */
const SECRET = /^[\x21-\x7e]{1,256}$/

/** Whether `secret` is the one that `stored` was made of; compared in constant time. False for any other format. */
export async function isClientSecret(secret: string, stored: string): Promise<boolean> {
  const [, N, r, p, salt, hash] = STORED.exec(stored) ?? []
  if (!salt || !hash || !SECRET.test(secret)) return false
  const expected = Buffer.from(hash, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), expected.length, cost)
  return timingSafeEqual(actual, expected)
}

/** Whether `secret` is one of those that `stored` were made of. Takes as long for a wrong one as for the last. */
export async function isOneOfClientSecrets(secret: string, stored: readonly string[]): Promise<boolean> {
  return (await Promise.all(stored.map((hash) => isClientSecret(secret, hash)))).includes(true)
}

function derive(secret: string, salt: Uint8Array, length: number, cost: ScryptOptions): Promise<Buffer> {
  const options = { ...cost, maxmem: 128 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { enterEpoch, unwrapSecret, wrapSecret } from '../../crypto/epoch-gate.ts'
import type { KeyProvider } from '../../crypto/key-provider.ts'
import type { Database, Tx } from '../../db/database.ts'
import { addSeconds, type Clock } from '../../time/clock.ts'
import { TOKEN_LIFETIME_SECONDS_MAX } from '../token-verifier.ts'

/** The key that signs, with its private half. */
export type SigningKey = { readonly kid: string; readonly privateJwk: JWK }

/** The signing keys of the OAuth server, shared by all processes through the database. */
export type SigningKeys = {
  /** The key that signs now, at most a minute behind the database. */
  current(): Promise<SigningKey>
  /** The public keys of all tokens that may still be alive. */
  published(): Promise<{ keys: JWK[] }>
  /** Finds a public key by its id; an unknown one is looked for in the database, at most every 5 seconds. */
  readonly find: JWTVerifyGetKey
  /** Makes a new signing key. The old one stays published until its last token has ended. Returns the new key's id. */
  rotate(): Promise<string>
}

/** How long a loaded set is used before the database is asked again, in seconds. */
const REFRESH_SECONDS = 60
const UNKNOWN_KEY_COOLDOWN_SECONDS = 5

/** A retired key stays published this long, in seconds: the longest token, and time for all processes to notice. */
export const RETIRED_KEY_SECONDS = TOKEN_LIFETIME_SECONDS_MAX + 5 * REFRESH_SECONDS

const LOCK_KEY = 7_166_100_001

type Deps = {
  readonly db: Database
  readonly keyProvider: KeyProvider
  readonly clock: Clock
}

/**
 * Makes a new signing key when the present one is older than `periodDays`; other processes notice within a minute.
 * @returns whether it did
 */
export async function rotateSigningKeyWhenDue(deps: Deps, periodDays: number): Promise<boolean> {
  const since = addSeconds(deps.clock.now(), -periodDays * 86_400)
  const young = { where: { retiredAt: null, createdAt: { gt: since } }, select: { kid: true } }
  if (await deps.db.auth((tx) => tx.signingKey.findFirst(young))) return false
  await addKey(deps, 'retire-others')
  return true
}

type Loaded = {
  readonly at: Date
  readonly signing: SigningKey | null
  readonly published: { keys: JWK[] }
  readonly find: JWTVerifyGetKey
}

const jwkSchema = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() })

/** Opens the signing keys; makes the first one where there is none. */
export async function openSigningKeys(deps: Deps): Promise<SigningKeys> {
  let loaded = await load(deps)
  if (!loaded.signing) {
    await addKey(deps, 'unless-present')
    loaded = await load(deps)
  }
  let pending: Promise<void> | null = null
  const reload = () => {
    pending ??= load(deps)
      .then((fresh) => {
        loaded = fresh
      })
      .finally(() => {
        pending = null
      })
    return pending
  }
  const noOlderThan = async (seconds: number) => {
    if (deps.clock.now() >= addSeconds(loaded.at, seconds)) await reload()
    return loaded
  }

  return {
    async current() {
      const { signing } = await noOlderThan(REFRESH_SECONDS)
      if (!signing) throw new Error('the OAuth server has no signing key')
      return signing
    },
    async published() {
      return (await noOlderThan(REFRESH_SECONDS)).published
    },
    async find(header, token) {
      try {
        return await (await noOlderThan(REFRESH_SECONDS)).find(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        return (await noOlderThan(UNKNOWN_KEY_COOLDOWN_SECONDS)).find(header, token)
      }
    },
    async rotate() {
      const kid = await addKey(deps, 'retire-others')
      await reload()
      return kid
    },
  }
}

async function load({ db, keyProvider, clock }: Deps): Promise<Loaded> {
  const at = clock.now()
  return db.auth(async (tx) => {
    await enterEpoch(tx)
    const rows = await tx.signingKey.findMany({
      where: { OR: [{ removeAt: null }, { removeAt: { gt: at } }] },
      orderBy: [{ createdAt: 'desc' }, { kid: 'desc' }],
    })
    const keys = rows.map((row) => ({ ...jwkSchema.parse(row.publicJwk), kid: row.kid, alg: 'ES256', use: 'sig' }))
    const newest = rows.find((row) => row.retiredAt === null)
    const signing = newest?.privateCipher
      ? await openKey(keyProvider, { ...newest, privateCipher: newest.privateCipher })
      : null
    return { at, signing, published: { keys }, find: createLocalJWKSet({ keys }) }
  })
}

/** Unwraps the private half. The text form of the secret cannot be wiped; the bytes are. */
async function openKey(
  keyProvider: KeyProvider,
  row: { readonly kid: string; readonly epoch: string; readonly privateCipher: Uint8Array },
): Promise<SigningKey> {
  const bytes = await unwrapSecret(keyProvider, { epoch: row.epoch, wrapped: row.privateCipher })
  const privateKey = createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' })
  bytes.fill(0)
  return { kid: row.kid, privateJwk: jwkSchema.extend({ d: z.string() }).parse(privateKey.export({ format: 'jwk' })) }
}

/** Stores a new key under a lock that all processes take, so that two that start at once make one key. */
async function addKey(deps: Deps, mode: 'unless-present' | 'retire-others'): Promise<string> {
  const kid = randomUUID()
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = jwkSchema.parse(pair.publicKey.export({ format: 'jwk' }))
  const now = deps.clock.now()
  return deps.db.auth(async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(${LOCK_KEY}::bigint)`
    if (mode === 'retire-others') await retireAll(tx, now)
    else {
      const present = await tx.signingKey.findFirst({ where: { retiredAt: null }, select: { kid: true } })
      if (present) return present.kid
    }
    const secret = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
    const { epoch, wrapped } = await wrapSecret(tx, deps.keyProvider, secret)
    await tx.signingKey.create({
      data: { kid, algorithm: 'ES256', publicJwk, privateCipher: wrapped, epoch, createdAt: now },
    })
    return kid
  })
}

/** A retired key signs no more, so its private half is dropped. */
async function retireAll(tx: Tx, now: Date): Promise<void> {
  await tx.signingKey.updateMany({
    where: { retiredAt: null },
    data: { retiredAt: now, removeAt: addSeconds(now, RETIRED_KEY_SECONDS), privateCipher: null },
  })
}

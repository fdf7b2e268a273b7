import { randomUUID } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import type { Clock } from '../time/clock.ts'
import { TOKEN_LIFETIME_SECONDS_MAX } from './token-verifier.ts'
import type { IssuerTrust } from './trusted-issuers.ts'

/** How long demo tokens live, in seconds: 12 hours. */
export const DEMO_TOKEN_LIFETIME_SECONDS = 43_200

/** What a demo token says. */
export type DemoTokenInput = {
  readonly sub: string
  readonly scope: string
  /** Default `demo`. */
  readonly clientId?: string
  /** Default 43,200 (12 hours). */
  readonly lifetimeSeconds?: number
  /** A verified e-mail address. */
  readonly email?: string
}

/** Issues tokens for demo persons. */
export type DemoIssuer = {
  readonly issuer: string
  /** The entry that makes a verifier believe these tokens. */
  readonly trust: IssuerTrust
  readonly jwks: JSONWebKeySet
  issue(input: DemoTokenInput): Promise<string>
}

/**
 * An issuer of tokens for demo persons and staff, with a key that lives as long as the process. Whoever makes one
 * must first have made sure that demo data may exist.
 */
export async function createDemoIssuer(options: {
  readonly publicUrl: string
  readonly clock: Clock
}): Promise<DemoIssuer> {
  const issuer = `${options.publicUrl}/demo`
  const audience = `${options.publicUrl}/graphql`
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const kid = randomUUID()
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] }

  return {
    issuer,
    jwks,
    trust: {
      issuer,
      audience,
      algorithms: ['ES256'],
      principals: ['SUBJECT', 'STAFF'],
      scopes: 'token',
      verifiesEmail: true,
      tokenAgeSecondsMax: TOKEN_LIFETIME_SECONDS_MAX,
      keys: createLocalJWKSet(jwks),
    },
    issue({ sub, scope, clientId = 'demo', lifetimeSeconds = DEMO_TOKEN_LIFETIME_SECONDS, email }) {
      const now = Math.floor(options.clock.now().getTime() / 1000)
      const person = email === undefined ? {} : { email, email_verified: true }
      return new SignJWT({ scope, client_id: clientId, auth_time: now, ...person })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(sub)
        .setJti(randomUUID())
        .setIssuedAt(now)
        .setExpirationTime(now + lifetimeSeconds)
        .sign(privateKey)
    },
  }
}

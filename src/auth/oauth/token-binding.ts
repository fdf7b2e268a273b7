import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Database } from '../../db/database.ts'
import { systemClock } from '../../time/clock.ts'
import { BadTokenError } from '../bad-token.ts'
import { recordProof, verifyProof } from '../dpop-proof.ts'

/**
 * Checks the proof of a token request once more, by the rules of the API, before a token is bound to its key: the
 * provider tolerates five minutes either way and forgets used proofs while some would still pass. Runs after the client
 * has proven itself, so that strangers store nothing. The time is the machine's, as the provider's is.
 * @throws InvalidDpopProof when the proof is no good, or was used before
 * @see RFC 9449 section 5
 */
export async function assertTokenBinding(
  server: { readonly db: Database; readonly tokenUrl: string },
  ctx: Pick<KoaContextWithOIDC, 'req'>,
  thumbprint: string | undefined,
): Promise<void> {
  const { dpop } = ctx.req.headersDistinct
  if (dpop === undefined) return
  const now = systemClock.now()
  try {
    const proof = await verifyProof(dpop, { method: 'POST', url: server.tokenUrl, token: null, now })
    if (proof.thumbprint !== thumbprint) throw new BadTokenError('proof_key')
    await server.db.auth((tx) => recordProof(tx, proof, now))
  } catch (error) {
    throw error instanceof BadTokenError ? new errors.InvalidDpopProof('the proof is no good here') : error
  }
}

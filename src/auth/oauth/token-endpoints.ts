import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../time/clock.ts'
import { BadTokenError } from '../bad-token.ts'
import type { TokenClaims, TokenVerifier } from '../token-verifier.ts'

/** What revocation and introspection need to know of the server's own tokens. */
export type OwnTokens = { readonly db: Database; readonly clock: Clock; readonly verifier: TokenVerifier }

/**
 * Revocation (RFC 7009) and introspection (RFC 7662) of JWT access tokens. The provider authenticates the client and
 * then refuses every JWT as `unsupported_token_type`; this step runs after it and answers in its place. A client can
 * revoke and introspect its own tokens only; neither asks for a proof of the key that a token is bound to.
 */
export function answerForJwts(own: OwnTokens) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    await next()
    if (!isRefusedJwt(ctx.body)) return
    const clientId = ctx.oidc.client?.clientId
    const { token } = ctx.oidc.params ?? {}
    if (clientId === undefined || typeof token !== 'string') return
    if (ctx.oidc.route === 'revocation') await revoke(ctx, own, clientId, token)
    if (ctx.oidc.route === 'introspection') await introspect(ctx, own, clientId, token)
  }
}

function isRefusedJwt(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'error' in body && body.error === 'unsupported_token_type'
}

async function revoke(ctx: KoaContextWithOIDC, own: OwnTokens, clientId: string, token: string): Promise<void> {
  const claims = await readOwn(own, token)
  if (claims && claims.client_id !== clientId) {
    ctx.status = 400
    ctx.body = { error: 'invalid_request', error_description: 'the token was issued to another client' }
    return
  }
  if (claims) {
    const revokedAt = own.clock.now()
    const expiresAt = new Date(claims.exp * 1000)
    await own.db.auth(
      (tx) => tx.$executeRaw`
        insert into revoked_token (jti, client_id, revoked_at, expires_at)
        values (${claims.jti}, ${clientId}::uuid, ${revokedAt}, ${expiresAt}) on conflict do nothing`,
    )
  }
  ctx.status = 200
  ctx.body = ''
}

async function introspect(ctx: KoaContextWithOIDC, own: OwnTokens, clientId: string, token: string): Promise<void> {
  const claims = await readOwn(own, token)
  const active = claims?.client_id === clientId && !(await isRevoked(own.db, claims.jti))
  ctx.status = 200
  const tokenType = claims?.cnf ? 'DPoP' : 'Bearer'
  ctx.body = active ? { active, token_type: tokenType, ...claims } : { active: false }
}

async function isRevoked(db: Database, jti: string): Promise<boolean> {
  const found = await db.auth((tx) => tx.revokedToken.findUnique({ where: { jti }, select: { jti: true } }))
  return found !== null
}

/** The claims of a token of this server that is good but for revocation; null for any other (RFC 7009 section 2.2). */
async function readOwn(own: OwnTokens, token: string): Promise<TokenClaims | null> {
  try {
    return (await own.verifier.verify(token)).claims
  } catch (error) {
    if (error instanceof BadTokenError) return null
    throw error
  }
}

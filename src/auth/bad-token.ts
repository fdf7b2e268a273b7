import { TOKEN_ALGORITHMS } from './trusted-issuers.ts'

/** How a token is presented: as it is, or together with a proof of its key (RFC 9449). */
export type TokenScheme = 'Bearer' | 'DPoP'

/** Why a presented token is refused. A closed list: safe to log and to count, says nothing of the token's content. */
export type RefusalReason =
  | 'unknown_scheme'
  | 'several_tokens'
  | 'token_in_query'
  | 'malformed'
  | 'too_large'
  | 'duplicate_key'
  | 'header'
  | 'type'
  | 'algorithm'
  | 'issuer'
  | 'key'
  | 'signature'
  | 'claims'
  | 'expired'
  | 'lifetime'
  | 'sender_constrained'
  | 'not_bound'
  | 'client'
  | 'address'
  | 'revoked'
  | ProofRefusal

/** What is wrong with the proof beside a token that is bound to a key. */
export type ProofRefusal =
  | 'proof_count'
  | 'proof_malformed'
  | 'proof_key'
  | 'proof_signature'
  | 'proof_request'
  | 'proof_time'
  | 'proof_replayed'

const ALGORITHMS = `algs="${TOKEN_ALGORITHMS.join(' ')}"`

/** The challenge to a request without a token: both schemes, without an error. @see RFC 9449 section 7.2 */
export const CHALLENGE = `Bearer, DPoP ${ALGORITHMS}`

const STATUS_400: ReadonlySet<RefusalReason> = new Set(['several_tokens', 'token_in_query'])

/**
 * A token was presented and is no good. Never treated as "no token".
 * @see RFC 6750 section 3 and RFC 9449 section 7.1: the answer's status and its `WWW-Authenticate` header.
 */
export class BadTokenError extends Error {
  override readonly name = 'BadTokenError'
  readonly code = 'UNAUTHENTICATED'
  /** For logs and counters; never shown to the caller. */
  readonly reason: RefusalReason
  /** The scheme that the caller should use, as far as it is known. */
  readonly scheme: TokenScheme

  /** @param scheme default `Bearer`, and `DPoP` for all that is wrong with a proof */
  constructor(reason: RefusalReason, scheme: TokenScheme = reason.startsWith('proof_') ? 'DPoP' : 'Bearer') {
    super('The access token is missing, malformed, expired or not valid here.')
    this.reason = reason
    this.scheme = scheme
  }

  /** The HTTP status of the answer: 400 where the request itself is malformed, else 401. */
  get status(): 400 | 401 {
    return STATUS_400.has(this.reason) ? 400 : 401
  }

  /** The value of the answer's `WWW-Authenticate` header. */
  get wwwAuthenticate(): string {
    const refused = this.reason.startsWith('proof_') ? 'invalid_dpop_proof' : 'invalid_token'
    const error = `error="${this.status === 400 ? 'invalid_request' : refused}"`
    return this.scheme === 'DPoP' ? `DPoP ${error}, ${ALGORITHMS}` : `Bearer ${error}`
  }
}

/** The caller's issuer does not hand out its keys at the moment, so that nothing can be said of the token: 503. */
export class IssuerUnavailableError extends Error {
  override readonly name = 'IssuerUnavailableError'
  readonly code = 'ISSUER_UNAVAILABLE'
  readonly status = 503

  constructor(cause?: unknown) {
    super('The token cannot be checked at the moment.', cause === undefined ? {} : { cause })
  }
}

/** The person has several accounts, and the request does not name one of them in `X-Account-Id`: 400. */
export class AccountRequiredError extends Error {
  override readonly name = 'AccountRequiredError'
  readonly code = 'ACCOUNT_REQUIRED'
  readonly status = 400

  constructor() {
    super('Name one of your accounts in the header X-Account-Id.')
  }
}

import { CLIENT_SCOPES } from '../permissions.ts'
import { TOKEN_ALGORITHMS } from '../trusted-issuers.ts'

/**
 * The OAuth server's description of itself, made from its public name alone: a forged `Host` header changes nothing.
 * Lists what works and nothing else.
 * @see RFC 8414 section 2, RFC 9449 section 5.1
 */
export function serverMetadata(issuer: string): Readonly<Record<string, unknown>> {
  const clientMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    scopes_supported: Object.values(CLIENT_SCOPES).flat().sort(),
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    dpop_signing_alg_values_supported: TOKEN_ALGORITHMS,
    ...Object.fromEntries(
      ['token', 'revocation', 'introspection'].flatMap((name) => [
        [`${name}_endpoint_auth_methods_supported`, clientMethods],
        [`${name}_endpoint_auth_signing_alg_values_supported`, TOKEN_ALGORITHMS],
      ]),
    ),
  }
}

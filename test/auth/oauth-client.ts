import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { json } from 'node:stream/consumers'
import * as oauth from 'oauth4webapi'
import { type Auth, addClient } from './fixture.ts'

/** The server is on plain HTTP here. */
export const http = { [oauth.allowInsecureRequests]: true }

/** A client of the OAuth server, as an independent library speaks to it. */
export async function oauthClientOf(auth: Auth) {
  const response = await oauth.discoveryRequest(new URL(auth.oauth.issuer), { algorithm: 'oauth2', ...http })
  const server = await oauth.processDiscoveryResponse(new URL(auth.oauth.issuer), response)
  /** Fetches a token by client credentials. */
  const fetchToken = async (clientId: string, how: oauth.ClientAuth, scope?: string): Promise<string> => {
    const client = { client_id: clientId }
    const parameters = new URLSearchParams(scope === undefined ? {} : { scope })
    const answer = await oauth.clientCredentialsGrantRequest(server, client, how, parameters, http)
    return (await oauth.processClientCredentialsResponse(server, client, answer)).access_token
  }
  return { server, fetchToken }
}

/** `token`, or status and code of the refusal. */
export const outcome = (token: Promise<string>) => token.then(() => 'token', codeOf)

function codeOf(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError) return `${error.status} ${error.error}`
  if (error instanceof oauth.WWWAuthenticateChallengeError) return `${error.status} ${error.cause[0]?.parameters.error}`
  return String(error)
}

/** Why a session was refused. */
export const refusal = (session: Promise<unknown>) =>
  session.then(
    () => 'accepted',
    (error: { reason?: string }) => error.reason,
  )

/** Adds a client that signs its assertions. */
export async function addKeyClient(auth: Auth) {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const { kty = '', crv = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  const kid = randomUUID()
  const client = await addClient(auth, { publicJwks: { keys: [{ kty, crv, x, y, kid }] } })
  return { ...client, key: { key: pair.privateKey, kid } }
}

/** Sends a request that fetch would refuse to send: repeated headers, another `Host`. Answers the JSON body. */
export async function sendRaw(
  url: string,
  options: { readonly headers: OutgoingHttpHeaders; readonly form?: Record<string, string> },
): Promise<unknown> {
  const body = options.form && new URLSearchParams(options.form).toString()
  const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const sent = request(url, { method: body === undefined ? 'GET' : 'POST', headers: { ...options.headers, ...type } })
  sent.end(body)
  const [response]: IncomingMessage[] = await once(sent, 'response')
  return response && json(response)
}

import { type TokenSource, tokenFromClientCredentials, tokenFromFunction } from './credentials.ts'
import { inBrowser, readVariable } from './environment.ts'
import { PrivacyConfigurationError } from './errors.ts'
import type { Tools } from './tools.ts'
import type { CallOptions, ClientCredentials, ClientOptions, Hooks } from './types.ts'

/** Checked settings of a client, with defaults. */
export type Settings = {
  readonly url: string
  readonly token: TokenSource
  readonly fetch: typeof globalThis.fetch
  readonly timeoutSeconds: number
  readonly retriesMax: number
  readonly headers: Readonly<Record<string, string>>
  readonly accountId: string | undefined
  readonly hooks: Hooks
}

const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, true>> = {
  url: true,
  token: true,
  clientCredentials: true,
  fetch: true,
  timeoutSeconds: true,
  retriesMax: true,
  headers: true,
  accountId: true,
  onRequest: true,
  onResponse: true,
  onRetry: true,
}
const CALL_OPTIONS: Readonly<Record<keyof CallOptions, true>> = {
  signal: true,
  timeoutSeconds: true,
  headers: true,
  accountId: true,
}
const CREDENTIALS: Readonly<Record<keyof ClientCredentials, true>> = {
  clientId: true,
  clientSecret: true,
  tokenUrl: true,
  scope: true,
}
const TIMEOUT_SECONDS_MAX = 3600

function assertKnown(given: object, known: object, what: string): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(known, name))
  if (unknown.length > 0)
    throw new PrivacyConfigurationError(
      `Unknown ${what}: ${unknown.join(', ')}. Known are ${Object.keys(known).join(', ')}.`,
    )
}

function assertTimeout(seconds: number | undefined): void {
  if (seconds !== undefined && !(seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX))
    throw new PrivacyConfigurationError(`timeoutSeconds must be above 0 and at most ${TIMEOUT_SECONDS_MAX}.`)
}

/** @throws PrivacyConfigurationError for an unknown option or a bad timeout */
export function assertCallOptions(options: CallOptions): void {
  assertKnown(options, CALL_OPTIONS, 'option of a call')
  assertTimeout(options.timeoutSeconds)
}

/** @throws PrivacyConfigurationError for an unknown, bad or missing option, or a secret in a browser */
export function readSettings(options: ClientOptions, tools: Tools): Settings {
  assertKnown(options, CLIENT_OPTIONS, 'option of createClient')
  const { timeoutSeconds = 30, retriesMax = 2, headers = {}, accountId, onRequest, onResponse, onRetry } = options
  assertTimeout(timeoutSeconds)
  if (!Number.isInteger(retriesMax) || retriesMax < 0 || retriesMax > 10)
    throw new PrivacyConfigurationError('retriesMax must be a whole number from 0 to 10.')
  const url = readUrl('url', options.url ?? readVariable('PRIVACY_API_URL'))
  if (url.pathname === '/') url.pathname = '/graphql'
  // A browser's fetch must be called with the global object as `this`.
  const fetch = options.fetch ?? ((...request: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...request))
  return {
    url: url.href,
    token: readToken(options, { url, fetch, timeoutSeconds, retriesMax, tools }),
    fetch,
    timeoutSeconds,
    retriesMax,
    headers,
    accountId,
    hooks: {
      ...(onRequest ? { onRequest } : {}),
      ...(onResponse ? { onResponse } : {}),
      ...(onRetry ? { onRetry } : {}),
    },
  }
}

function readUrl(name: string, text: string | undefined): URL {
  if (text === undefined)
    throw new PrivacyConfigurationError('The address of the API is missing: give `url`, or set PRIVACY_API_URL.')
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.hash)
    throw new PrivacyConfigurationError(`${name} must be an http or https address without user and fragment.`)
  return url
}

type TokenSettings = Pick<Settings, 'fetch' | 'timeoutSeconds' | 'retriesMax'> & { readonly url: URL; tools: Tools }

function readToken(options: ClientOptions, settings: TokenSettings): TokenSource {
  const { token: givenToken, clientCredentials: givenCredentials } = options
  if (givenToken !== undefined && givenCredentials)
    throw new PrivacyConfigurationError('Give `token` or `clientCredentials`, not both.')
  const token = givenCredentials ? undefined : (givenToken ?? readVariable('PRIVACY_API_TOKEN'))
  if (typeof token === 'function') return tokenFromFunction(token)
  if (token !== undefined) return { get: async () => assertToken(token), renew: null }
  const credentials = givenCredentials ?? credentialsOfEnvironment()
  if (!credentials)
    throw new PrivacyConfigurationError(
      'Credentials are missing: give `token` or `clientCredentials`, or set PRIVACY_API_TOKEN, or PRIVACY_API_CLIENT_ID and PRIVACY_API_CLIENT_SECRET.',
    )
  if (inBrowser())
    throw new PrivacyConfigurationError('A client secret must not be used in a browser: everyone could read it.')
  assertKnown(credentials, CREDENTIALS, 'field of clientCredentials')
  if (!credentials.clientId || !credentials.clientSecret)
    throw new PrivacyConfigurationError('clientCredentials needs clientId and clientSecret.')
  const tokenUrl = readUrl('tokenUrl', credentials.tokenUrl ?? new URL('/oauth/token', settings.url).href).href
  return tokenFromClientCredentials({ ...settings, ...credentials, tokenUrl })
}

function assertToken(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) throw new PrivacyConfigurationError('The token must be printable ASCII.')
  return token
}

function credentialsOfEnvironment(): ClientCredentials | null {
  const clientId = readVariable('PRIVACY_API_CLIENT_ID')
  const clientSecret = readVariable('PRIVACY_API_CLIENT_SECRET')
  return clientId && clientSecret ? { clientId, clientSecret } : null
}

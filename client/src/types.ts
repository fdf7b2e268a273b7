/** A document with the types of its result and variables, as this package's generator writes it. */
export type TypedDocument<Result, Variables> = string & { readonly __apiType?: (variables: Variables) => Result }

/**
 * What `request` takes: a plain string, a `TypedDocument`, or a `TypedDocumentString` of graphql-codegen
 * (`documentMode: 'string'`).
 */
export type RequestDocument<Result, Variables> = {
  toString(): string
  readonly __apiType?: ((variables: Variables) => Result) | undefined
}

/** What one call can set for itself. */
export type CallOptions = {
  /** Ends the call: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** How long one try may take, in seconds. Default: the client's. */
  readonly timeoutSeconds?: number
  /** Sent beside the client's own headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** The account to act in (`X-Account-Id`), for a person of several accounts. Default: the client's. */
  readonly accountId?: string
}

/** One try of one call. Carries no body, no variables and no header. */
export type RequestEvent = {
  /** The operation's name; null for an unnamed one. */
  readonly operation: string | null
  /** The id of the call, the same for all its tries; the server answers, logs and audits with it. */
  readonly requestId: string
  /** 1 for the first try. */
  readonly attempt: number
}

/** A try that was answered. */
export type ResponseEvent = RequestEvent & { readonly status: number; readonly durationMs: number }

/** A try that failed and is followed by another. */
export type RetryEvent = RequestEvent & { readonly code: string; readonly delayMs: number }

/** Callbacks for logs and metrics. They must not throw. */
export type Hooks = {
  readonly onRequest?: (event: RequestEvent) => void
  readonly onResponse?: (event: ResponseEvent) => void
  readonly onRetry?: (event: RetryEvent) => void
}

/**
 * A function that gives an access token, asked before each call. `renew` is true when the server has refused the
 * token given last.
 */
export type TokenFunction = (options: { readonly renew: boolean }) => string | Promise<string>

/** Credentials of an API client, for the client-credentials grant of OAuth 2.0 (RFC 6749 section 4.4). */
export type ClientCredentials = {
  readonly clientId: string
  readonly clientSecret: string
  /** Default: `/oauth/token` at the API's origin. */
  readonly tokenUrl?: string
  /** Scopes asked for, separated by spaces. Default: all that the client has. */
  readonly scope?: string
}

/** Settings of `createClient`. An unknown one is refused. */
export type ClientOptions = Hooks & {
  /** The API's address; `/graphql` where it names no path. Default: PRIVACY_API_URL. */
  readonly url?: string
  /** An access token, or a function that gives one. Default: PRIVACY_API_TOKEN. */
  readonly token?: string | TokenFunction
  /** Instead of a token. Default: PRIVACY_API_CLIENT_ID and PRIVACY_API_CLIENT_SECRET. */
  readonly clientCredentials?: ClientCredentials
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** How long one try may take, in seconds. Default 30. */
  readonly timeoutSeconds?: number
  /** How often a failed call is tried again, 0 to 10. Default 2. */
  readonly retriesMax?: number
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** The account to act in (`X-Account-Id`), for a person of several accounts. */
  readonly accountId?: string
}

import { type Methods, operations } from '../generated/operations.ts'
import { call, type Operation } from './call.ts'
import { operationOf, withIdempotencyKey } from './document.ts'
import { assertCallOptions, readSettings } from './settings.ts'
import { systemTools, type Tools } from './tools.ts'
import type { CallOptions, ClientOptions, RequestDocument } from './types.ts'

type Rest<Variables> =
  Record<string, never> extends Variables
    ? [variables?: Variables, options?: CallOptions]
    : [variables: Variables, options?: CallOptions]

/** A client of the Privacy API: a method for each operation, and `request` for documents of your own. */
export type PrivacyClient = Methods & {
  /**
   * Runs any document and returns its `data`. A mutation that passes its whole input as `(input: $input)` gets an
   * idempotency key and is tried again like the methods; any other mutation is sent once.
   * @throws PrivacyApiError when it failed, also in part
   */
  request<Result = unknown, Variables = Record<string, unknown>>(
    document: RequestDocument<Result, Variables>,
    ...rest: Rest<Variables>
  ): Promise<Result>
}

type OperationEntry = { readonly kind: 'query' | 'mutation' | 'subscription'; readonly document: string }

/** `createClient` with time and chance as arguments. */
export function createClientWith(tools: Tools, options: ClientOptions): PrivacyClient {
  const settings = readSettings(options, tools)
  const run = async (operation: () => Operation, callOptions: CallOptions = {}) => {
    assertCallOptions(callOptions)
    return call(settings, tools, operation(), callOptions)
  }
  const subscribe = (operation: Operation) =>
    async function* subscription(variables: unknown = {}, callOptions: CallOptions = {}) {
      assertCallOptions(callOptions)
      // Loaded when it is needed, so that bundlers leave it out of what everyone loads.
      const { follow } = await import('./follow.ts')
      yield* follow(settings, tools, { ...operation, variables }, callOptions)
    }
  const methods = Object.entries<OperationEntry>(operations).map(([name, { kind, document: text }]) => {
    if (kind === 'subscription') return [name, subscribe({ text, name, variables: {}, repeatable: true })] as const
    const variablesOf = (given: unknown) =>
      kind === 'query' ? (given ?? {}) : { input: withIdempotencyKey(given, tools.newId) }
    const method = async (given?: unknown, callOptions?: CallOptions) => {
      const data = await run(() => ({ text, name, variables: variablesOf(given), repeatable: true }), callOptions)
      return (data as Record<string, unknown>)[name]
    }
    return [name, method] as const
  })
  const request = (document: { toString(): string }, variables: unknown = {}, callOptions?: CallOptions) =>
    run(() => operationOf(document.toString(), variables, tools.newId), callOptions)
  return { ...Object.fromEntries(methods), request } as unknown as PrivacyClient
}

/**
 * Makes a client. Address and credentials default to environment variables (in Node). A try ends after 30 seconds; a
 * query, and a mutation with its idempotency key, is tried up to 2 times more.
 * @throws PrivacyConfigurationError for an unknown, bad or missing option
 */
export function createClient(options: ClientOptions = {}): PrivacyClient {
  return createClientWith(systemTools, options)
}

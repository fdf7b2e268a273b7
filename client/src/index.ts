export type * from '../generated/operations.ts'
export { createClient, type PrivacyClient } from './client.ts'
export {
  isProblem,
  type MutationResult,
  PrivacyApiError,
  PrivacyConfigurationError,
  PrivacyProblemError,
  type ProblemFields,
  unwrap,
} from './errors.ts'
export { type Nodes, type Page, paginate } from './pagination.ts'
export type {
  CallOptions,
  ClientCredentials,
  ClientOptions,
  Hooks,
  RequestDocument,
  RequestEvent,
  ResponseEvent,
  RetryEvent,
  TokenFunction,
  TypedDocument,
} from './types.ts'

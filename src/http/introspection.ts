import { type DocumentNode, visit } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import { isDocument } from './limits.ts'
import { unauthenticated } from './request-error.ts'
import type { WireStates } from './state.ts'

/** Whether a document asks for the schema, at whatever place. `__typename` is no such question. */
export function asksForSchema(document: DocumentNode): boolean {
  let asks = false
  visit(document, {
    Field: ({ name }) => {
      if (name.value === '__schema' || name.value === '__type') asks = true
    },
  })
  return asks
}

/**
 * Lets callers with a proven token introspect and nobody else, unless `open`.
 * @throws UNAUTHENTICATED for a document that asks for the schema without a token.
 */
export function assertIntrospection(document: DocumentNode, session: Session | null, open: boolean): void {
  if (open || (session && session.principal !== 'ANONYMOUS')) return
  if (asksForSchema(document)) throw unauthenticated('Introspection needs an access token.')
}

/** Holds every request to `assertIntrospection`. Needs the session: stands after `useAuthentication`. */
export function useIntrospection(states: WireStates, open: boolean): Plugin {
  return {
    onParse: ({ context }) => {
      return ({ result }) => {
        if (isDocument(result)) assertIntrospection(result, states.of(context.request).session, open)
      }
    },
  }
}

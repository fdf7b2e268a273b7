import type { Plugin } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import { requestErrorOf } from './error-shape.ts'
import type { WireStates } from './state.ts'

/** What the context has from the wire. The context factory finds both in its initial context. */
export type WireContext = { readonly requestId: string; readonly session: Session }

/** Settings of `useAuthentication`. */
export type AuthenticationOptions = {
  readonly states: WireStates
  /** The session of a request; throws for a token that is presented and bad. */
  readonly authenticate: (request: Request) => Promise<Session>
  /** Called when a token was refused, with Yoga's server context. */
  readonly onRefused: (context: unknown) => Promise<void>
}

/**
 * Finds out who calls before the document is parsed, so that a bad token is answered 401 whatever the document, and
 * puts `session` and `requestId` into the context.
 */
export function useAuthentication({ states, authenticate, onRefused }: AuthenticationOptions): Plugin {
  return {
    async onParams({ request, context }) {
      const state = states.of(request)
      const session = await authenticate(request).catch(async (error: unknown) => {
        const known = requestErrorOf(error, { suggest: false, recognise: () => null })
        if (known?.code === 'UNAUTHENTICATED') await onRefused(context)
        throw error
      })
      state.session = session
      Object.assign(context, { session, requestId: state.requestId } satisfies WireContext)
    },
  }
}

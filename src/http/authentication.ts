import type { Plugin } from 'graphql-yoga'
import type { Session } from '../auth/session.ts'
import { requestErrorOf } from './error-shape.ts'
import { languagesOf } from './languages.ts'
import type { WireStates } from './state.ts'

/** What the context has from the wire. The context factory finds it in its initial context. */
export type WireContext = {
  readonly requestId: string
  readonly session: Session
  /** Languages in which the caller wants texts, most wanted first, in lower case. */
  readonly languages: readonly string[]
}

/** Settings of `useAuthentication`. */
export type AuthenticationOptions = {
  readonly states: WireStates
  /** The session of a request, with Yoga's server context; throws for a token that is presented and bad. */
  readonly authenticate: (request: Request, serverContext: unknown) => Promise<Session>
  /** Called when a token was refused, with Yoga's server context; may throw another refusal. */
  readonly onRefused: (request: Request, serverContext: unknown) => Promise<void>
}

/**
 * Finds out who calls before the body is read, so that a bad token is answered 401 whatever the document and costs
 * little, and puts `session`, `requestId` and `languages` into the context.
 */
export function useAuthentication({ states, authenticate, onRefused }: AuthenticationOptions): Plugin {
  return {
    async onRequestParse({ request, serverContext }) {
      states.of(request).session = await authenticate(request, serverContext).catch(async (error: unknown) => {
        const known = requestErrorOf(error, { suggest: false, recognise: () => null })
        if (known?.code === 'UNAUTHENTICATED') await onRefused(request, serverContext)
        throw error
      })
    },
    onParams({ request, context }) {
      const { session, requestId } = states.of(request)
      if (!session) throw new Error('a request was read before its caller was known')
      const languages = languagesOf(request.headers.get('accept-language'))
      Object.assign(context, { session, requestId, languages } satisfies WireContext)
    },
  }
}

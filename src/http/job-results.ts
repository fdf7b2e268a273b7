import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { Session } from '../auth/session.ts'
import { callerName } from '../db/caller.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../time/clock.ts'
import { isUuid } from '../time/id.ts'
import { answerRefusal } from './answer.ts'
import { requestErrorOf } from './error-shape.ts'

const PATH = /^\/([^/?]+)\/([^/?]+)\/result$/

/** What the listener needs. */
export type JobResultOptions = {
  readonly db: Database
  readonly clock: Clock
  /** The scope that a caller must hold to fetch the result, by kind of job. */
  readonly scopes: ReadonlyMap<string, string>
  readonly resolveSession: (request: IncomingMessage) => Promise<Session>
}

const held = (session: { readonly scopes: ReadonlySet<string> }, scope: string) => session.scopes.has(scope)

/**
 * `GET /jobs/{account}/{job}/result`: the result of a finished job of the caller, as JSON Lines, until it
 * expires and while the caller holds the scope of its kind. One piece is in
 * memory at a time, and each is read in a transaction of its own with the caller set.
 */
export function jobResultListener({ db, clock, scopes, resolveSession }: JobResultOptions): RequestListener {
  return async (request, response) => {
    const [, accountId, jobId] = PATH.exec((request.url ?? '').split('?', 1)[0] ?? '') ?? []
    if (request.method !== 'GET' || !isUuid(accountId) || !isUuid(jobId)) return answerRefusal(response, 'NOT_FOUND')
    const session = await resolveSession(request).catch((error: unknown) => {
      const refusal = requestErrorOf(error, { suggest: false, recognise: () => null })
      if (!refusal) throw error
      for (const [name, value] of Object.entries(refusal.extensions.http?.headers ?? {}))
        response.setHeader(name, value)
      answerRefusal(response, refusal.code)
      return null
    })
    if (!session) return
    const key = { accountId, id: jobId }
    const done = { ...key, caller: callerName(session), state: 'DONE' as const, expiresAt: { gt: clock.now() } }
    const job = await db.read(session, (tx) => tx.job.findFirst({ where: done, select: { kind: true } }))
    const scope = job && scopes.get(job.kind)
    if (!scope || !held(session, scope)) return answerRefusal(response, 'NOT_FOUND')
    response.writeHead(200, {
      'Content-Type': 'application/jsonl; charset=utf-8',
      'Content-Disposition': `attachment; filename="${jobId}.jsonl"`,
    })
    for (let position = 0; ; position += 1) {
      const chunk = await db.read(session, (tx) =>
        tx.jobChunk.findUnique({ where: { accountId_jobId_position: { accountId, jobId, position } } }),
      )
      if (!chunk || response.destroyed) break
      if (!response.write(chunk.body)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
    response.end()
  }
}

import { createHash, timingSafeEqual } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { Registry } from 'prom-client'
import { isLocal } from './address.ts'
import { answerJson, answerRefusal } from './answer.ts'

/** Questions that must be answered before the process can work; each rejects when it cannot. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<unknown>>>

const CHECK_SECONDS_MAX = 5

/** `GET /health`: 200 while the process answers at all. Asks nothing of the database. */
export function healthListener(): RequestListener {
  return (_request, response) => answerJson(response, 200, { status: 'up' })
}

async function fails(check: () => Promise<unknown>, secondsMax: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), secondsMax * 1000)
  })
  const asked = Promise.resolve()
    .then(check)
    .then(
      () => false,
      () => true,
    )
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}

/** `GET /ready`: 200 when every check passes within `secondsMax` (default 5), else 503 with the names that do not. */
export function readyListener(checks: ReadinessChecks, secondsMax = CHECK_SECONDS_MAX): RequestListener {
  return async (_request, response) => {
    const names = Object.keys(checks)
    const failed = await Promise.all(Object.values(checks).map((check) => fails(check, secondsMax)))
    const failing = names.filter((_, index) => failed[index])
    answerJson(response, failing.length === 0 ? 200 : 503, {
      status: failing.length === 0 ? 'ready' : 'not ready',
      failing,
    })
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/**
 * `GET /metrics` in the Prometheus text format. With a `token`: for callers that send it as bearer token, and no
 * others. Without: for callers on this machine that come through no proxy. Everyone else is told there is nothing.
 */
export function metricsListener(registry: Registry, token: string | null): RequestListener {
  return async (request, response) => {
    const sent = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const open = token === null ? isLocal(request) : timingSafeEqual(digest(sent), digest(token))
    if (!open) return answerRefusal(response, 'NOT_FOUND')
    const text = await registry.metrics()
    response.writeHead(200, { 'Content-Type': registry.contentType }).end(text)
  }
}

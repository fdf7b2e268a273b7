import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import {
  ask,
  dataFolder,
  events,
  RECORD,
  type Recorded,
  requestsUsed,
  SUMMARY,
  type Summary,
  seededPlace,
  startServer,
} from './kit.ts'

const REQUESTS = 20
const EVENTS = 50

/** A request of which the server has the headers and waits for the body. `finish` sends it and gives the answer. */
async function openRequest(url: string, token: string, body: string): Promise<{ finish(): Promise<string> }> {
  const { hostname, port, host } = new URL(url)
  const socket: Socket = connect(Number(port), hostname).setEncoding('utf8')
  const head = [
    'POST /graphql HTTP/1.1',
    `Host: ${host}`,
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
  ]
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  let received = ''
  socket.on('data', (text: string) => {
    received += text
  })
  const closed = new Promise<string>((resolve, reject) => {
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
  socket.write(`${[...head, length, 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`)
  await new Promise<void>((resolve) => socket.once('data', () => resolve()))
  if (!received.startsWith('HTTP/1.1 100 Continue')) throw new Error('the server did not take the request')
  return {
    finish: () => {
      socket.write(body)
      return closed
    },
  }
}

/** Resolves when nothing listens at `url` any more. */
async function untilDeaf(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  for (;;) {
    const heard = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname)
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (!heard) return
  }
}

describe('a server that is told to stop', () => {
  it('answers every operation in flight, and what it answered is stored', async () => {
    const { env, seeded } = await seededPlace()
    const server = await startServer(env)
    const requests = await Promise.all(
      Array.from({ length: REQUESTS }, (_, index) => {
        const input = { accountId: seeded.account, events: events(`stop-${index}`, EVENTS) }
        return openRequest(server.url, seeded.gateway, JSON.stringify({ query: RECORD, variables: { input } }))
      }),
    )
    const ended = server.stop()
    await untilDeaf(server.url)
    const answers = await Promise.all(requests.map((request) => request.finish()))
    const answered = answers.filter((answer) => answer.includes(`"recorded":{"events":${EVENTS}}`))
    expect({ sent: answers.length, answered: answered.length }).toEqual({ sent: 20, answered: 20 })
    expect(await ended).toMatchObject({ code: 0, signal: null })
    const next = await startServer(env)
    expect(await requestsUsed(next.url, seeded.integration)).toBe(1_000)
  })
})

describe.runIf(inject('backend') === 'pglite')('the embedded database', () => {
  it('finishes jobs that wait when the server stops, after the next start at the latest', async () => {
    const env = { DATA_DIR: await dataFolder() }
    const server = await startServer(env)
    const { tokens } = JSON.parse(await readFile(join(env.DATA_DIR, 'demo.json'), 'utf8'))
    const mutation = 'mutation { exportAudit(input: {}) { ... on ExportAuditSuccess { job { id } } } }'
    type Export = { exportAudit: { job: { id: string } } }
    const { data } = await ask<Export>(server.url, tokens.subject, mutation)
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
    const next = await startServer(env)
    const demo = JSON.parse(await readFile(join(env.DATA_DIR, 'demo.json'), 'utf8'))
    const query = 'query($id: ID!) { job(id: $id) { state done downloadPath } }'
    type Job = { job: { state: string; done: number; downloadPath: string | null } }
    const look = () => ask<Job>(next.url, demo.tokens.subject, query, { id: data.exportAudit.job.id })
    let job = (await look()).data.job
    while (job.state === 'QUEUED' || job.state === 'RUNNING') job = (await look()).data.job
    expect(job.state).toBe('DONE')
    const answer = await fetch(`${next.url}${job.downloadPath}`, {
      headers: { authorization: `Bearer ${demo.tokens.subject}` },
    })
    const ids = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id)
    expect({ lines: ids.length, distinct: new Set(ids).size }).toEqual({ lines: job.done, distinct: job.done })
  })

  /**
   * It syncs no file, so a crash of the machine may lose what was acknowledged. A killed process loses nothing that
   * reached the operating system; promised is only that the server starts again and that no call is stored in part.
   */
  it('starts again after a kill and holds whole calls only', async () => {
    const { env, seeded } = await seededPlace()
    const server = await startServer(env)
    const send = async (url: string, call: number) => {
      const input = {
        accountId: seeded.account,
        events: events(`kill-${call}`, EVENTS, new Date(Date.now() - 7_200_000)),
      }
      return (await ask<Recorded>(url, seeded.gateway, RECORD, { input })).data.recordUsage
    }
    let acknowledged = 0
    const load = (async () => {
      for (;;) {
        await send(server.url, acknowledged)
        acknowledged += 1
        if (acknowledged === 5) void server.stop('SIGKILL')
      }
    })()
    await expect(load).rejects.toThrow()
    expect(await server.ended).toMatchObject({ signal: 'SIGKILL' })
    const next = await startServer(env)
    const kept = await requestsUsed(next.url, seeded.integration)
    expect(kept % EVENTS).toBe(0)
    expect((await send(next.url, acknowledged + 1)).recorded.events).toBe(EVENTS)
    expect(await requestsUsed(next.url, seeded.integration)).toBe(kept + EVENTS)
  })

  it('answers the same buckets of time whatever zone the machine is in', async () => {
    const now = new Date()
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1))
    const edge = new Date(month.getTime() - 2_000)
    const found: Record<string, unknown> = {}
    for (const TZ of ['UTC', 'Asia/Kolkata']) {
      const { env, seeded } = await seededPlace()
      const server = await startServer({ ...env, TZ })
      const input = { accountId: seeded.account, events: events('zone', 4, edge) }
      await ask(server.url, seeded.gateway, RECORD, { input })
      const from = new Date(month.getTime() - 86_400_000).toISOString()
      const filter = { from, to: new Date(month.getTime() + 86_400_000).toISOString() }
      for (const bucket of ['HOUR', 'DAY', 'MONTH']) {
        const { data } = await ask<Summary>(server.url, seeded.integration, SUMMARY, { filter, bucket })
        found[`${TZ} ${bucket}`] = data.usageSummary.edges.map(({ node }) => node)
      }
      await server.stop()
    }
    const before = (ms: number) => new Date(month.getTime() - ms).toISOString()
    const lastMonth = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() - 1, 1)).toISOString()
    const pair = (first: string) => [
      { bucketStart: first, requests: 2 },
      { bucketStart: month.toISOString(), requests: 2 },
    ]
    const expected = { HOUR: pair(before(3_600_000)), DAY: pair(before(86_400_000)), MONTH: pair(lastMonth) }
    expect(found).toEqual({
      'UTC HOUR': expected.HOUR,
      'UTC DAY': expected.DAY,
      'UTC MONTH': expected.MONTH,
      'Asia/Kolkata HOUR': expected.HOUR,
      'Asia/Kolkata DAY': expected.DAY,
      'Asia/Kolkata MONTH': expected.MONTH,
    })
  })
})

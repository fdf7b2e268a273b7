import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { systemSession } from '../../src/auth/session.ts'
import { auditExportHandler } from '../../src/domains/audit/audit.jobs.ts'
import { recordAudit } from '../../src/domains/audit/audit.service.ts'
import { jobResultListener } from '../../src/http/job-results.ts'
import { runJobStep } from '../../src/jobs/jobs.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, keyOf, localId, perform, type Who } from './calls.ts'

let world: World
let server: Server
beforeAll(async () => {
  world = await openWorld()
  const { db } = world.resources
  const resolve = world.serving.sessions
  const listener = jobResultListener({
    db,
    clock: world.clock,
    scopes: new Map([['audit.export', 'audit:read']]),
    resolveSession: (request) => resolve.resolve(callerHeadersOf(request)),
  })
  server = createServer((request, response) => {
    request.url = (request.url ?? '').replace(/^\/jobs/, '')
    void listener(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accountId = localId(world.ids.account)
  const entry = { accountId, kind: 'subject.updated', recordType: 'Subject', recordIds: [] } as const
  const subjectId = keyOf(world.ids.owner).id
  for (let batch = 0; batch < 5; batch += 1) {
    world.clock.move(1)
    const entries = Array.from({ length: 500 }, () => ({ ...entry, subjectId }))
    const actor = { caller: systemSession(accountId), requestId: 'seed' }
    await db.worker((tx) => recordAudit(tx, world.clock, actor, ...entries), accountId)
  }
  world.clock.move(1)
})
afterAll(async () => {
  server.close()
  await world.close()
})

type Job = { id: string; state: string; done: number; total: number | null; downloadPath: string | null }

async function start(as: Who, filter: object = {}): Promise<Job> {
  return (await perform(world, as, 'exportAudit', { filter }))['job'] as Job
}

const look = async (as: Who, id: string): Promise<Job | null> =>
  (await world.ask(as, 'query($id: ID!) { job(id: $id) { id state done total downloadPath } }', { id })).data.job

async function download(as: Who | null, path: string | null) {
  const token = as === null ? null : typeof as === 'string' ? world.demo.tokens[as] : as.token
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

const step = (handler = auditExportHandler) => runJobStep(world.resources.db, world.clock, [handler])

test('an export shows its progress, survives a step that fails, and holds every event once', async () => {
  const { id, ...queued } = await start('staff', { accountId: world.ids.account })
  expect(queued).toMatchObject({ state: 'QUEUED', done: 0, downloadPath: null })
  const total = queued.total ?? 0
  expect(total).toBeGreaterThan(2_500)
  expect(await step()).toBe(true)
  expect(await look('staff', id)).toMatchObject({ state: 'RUNNING', done: 1_000, total, downloadPath: null })
  const failing = {
    ...auditExportHandler,
    step: async (...args: Parameters<typeof auditExportHandler.step>) => {
      await auditExportHandler.step(...args)
      throw new Error('killed')
    },
  }
  expect(await step(failing)).toBe(true)
  expect(await look('staff', id)).toMatchObject({ state: 'RUNNING', done: 1_000 })
  expect(await step()).toBe(false)
  world.clock.move(30)
  expect(await world.runner.runDue()).toBeGreaterThan(0)
  const done = await look('staff', id)
  expect(done).toMatchObject({
    state: 'DONE',
    done: total,
    downloadPath: expect.stringMatching(/^\/jobs\/.+\/result$/),
  })
  const { status, type, text } = await download('staff', done?.downloadPath ?? null)
  expect([status, type]).toEqual([200, 'application/jsonl; charset=utf-8'])
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(total)
  expect(new Set(lines.map((line) => line.id)).size).toBe(total)
  expect(lines.map((line) => line.at)).toEqual(lines.map((line) => line.at).toSorted())
})

test('a person exports what concerns it, and names no other', async () => {
  const rows = async (filter: object) => {
    const { id } = await start('subject', filter)
    await world.runner.runDue()
    const { text } = await download('subject', (await look('subject', id))?.downloadPath ?? null)
    return text === ''
      ? []
      : text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line))
  }
  const own = await rows({})
  expect(own.length).toBeGreaterThan(2_500)
  expect(new Set(own.map((row) => row.subjectId))).toEqual(new Set([keyOf(world.ids.owner).id]))
  for (const filter of [{ subjectId: world.ids.endUser }, { accountId: world.ids.otherAccount }])
    expect(await codeOf(perform(world, 'subject', 'exportAudit', { filter }))).toBe('BAD_USER_INPUT')
})

test('only who asked sees the job and fetches its result, until it expires', async () => {
  const { id } = await start('subject', { kind: 'subject.created' })
  await world.runner.runDue()
  const path = (await look('subject', id))?.downloadPath ?? null
  expect((await download('subject', path)).status).toBe(200)
  const member = { token: await world.memberToken() }
  for (const as of ['staff', 'otherSubject', 'integration', 'gateway', 'processor', member] as const) {
    expect(await look(as, id)).toBeNull()
    expect((await download(as, path)).status).toBe(404)
  }
  expect((await download(null, path)).status).toBe(404)
  expect((await download({ token: 'x.y.z' }, path)).status).toBe(401)
  const narrow = { token: await world.ownerToken('accounts:read') }
  expect(await look(narrow, id)).not.toBeNull()
  expect((await download(narrow, path)).status).toBe(404)
  world.clock.move(7 * 24 * 3600)
  expect((await download({ token: await world.ownerToken('audit:read') }, path)).status).toBe(404)
  await world.runner.runDue()
  const left = await world.resources.db.worker((tx) => tx.jobChunk.count())
  expect(left).toBe(0)
})

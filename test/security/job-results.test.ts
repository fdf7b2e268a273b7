import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { jobResultListener } from '../../src/http/job-results.ts'
import { openWorld, type World } from '../kit/world.ts'
import { type Callers, callersOf } from './callers.ts'
import { documentOf } from './documents.ts'
import { type Holdings, populate } from './populated.ts'

let world: World
let callers: Callers
let holdings: [own: Holdings, foreign: Holdings]
let server: Server

beforeAll(async () => {
  world = await openWorld()
  holdings = await populate(world)
  callers = await callersOf(world)
  const { sessions } = world.serving
  const listener = jobResultListener({
    db: world.resources.db,
    clock: world.clock,
    scopes: new Map([['audit.export', 'audit:read']]),
    resolveSession: (request) => sessions.resolve(callerHeadersOf(request)),
  })
  server = createServer((request, response) => {
    request.url = request.url?.replace(/^\/jobs/, '')
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  server.close()
  await world.close()
})

async function fetchResult(token: string | null, path: string): Promise<{ status: number; text: string }> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs/${path}/result`
  const response = await fetch(url, token === null ? {} : { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, text: await response.text() }
}

const pathOf = ({ jobId }: Holdings) => Buffer.from(jobId, 'base64').toString().slice('Job:'.length)

test('the result of a job is fetched by the caller that asked for it, and by nobody else', async () => {
  const [own, foreign] = holdings
  const missing = pathOf(own).replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
  let tried = 0
  for (const [name, token] of Object.entries(callers)) {
    const theirs = await fetchResult(token, pathOf(foreign))
    expect({ name, ...theirs }).toEqual({ name, ...(await fetchResult(token, missing)) })
    expect(theirs.status).toBe(404)
    expect({ name, status: (await fetchResult(token, pathOf(own))).status }).toEqual({
      name,
      status: name === 'OWNER' ? 200 : 404,
    })
    tried += 1
  }
  expect(tried).toBe(14)
})

test('the export of a person holds what concerns that person alone', async () => {
  const [own, foreign] = holdings
  const { text } = await fetchResult(world.demo.tokens.subject, pathOf(own))
  const lines = text.trim().split('\n')
  const owner = Buffer.from(own.subjectIds[0] ?? '', 'base64')
    .toString()
    .split('/')[1]
  expect(lines.map((line) => JSON.parse(line).subjectId)).toEqual(lines.map(() => owner))
  expect(text).not.toContain(Buffer.from(foreign.accountId, 'base64').toString().slice('Account:'.length))
})

test("an export that names another person or account is refused, not filled with what is the caller's own", async () => {
  const [own, foreign] = holdings
  const ask = (filter: object) => world.ask('subject', documentOf('exportAudit'), { input: { filter } })
  for (const filter of [
    { accountId: foreign.accountId },
    { subjectId: foreign.subjectIds[0] },
    { subjectId: own.subjectIds[1] },
  ])
    expect((await ask(filter)).errors?.map(({ extensions }) => extensions['code'])).toEqual(['BAD_USER_INPUT'])
  expect((await ask({ accountId: own.accountId, subjectId: own.subjectIds[0] })).errors).toBeUndefined()
})

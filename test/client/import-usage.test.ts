import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RunningServer } from '../../src/server.ts'
import { spawnProgram } from '../kit/server-process.ts'
import { openWorld, type World } from '../kit/world.ts'
import { bodyOf, clientOf, listen, newGateway, serve } from './kit.ts'

const AZURE = 'test/data/azure-trace.csv'
const BURST = 'test/data/burstgpt-trace.csv'
const NOTHING = '0 events, 0 input tokens, 0 output tokens'
const ALL_AZURE = '60 events, 105,081 input tokens, 30,322 output tokens'

let world: World
let server: RunningServer
let gateway: { clientId: string; clientSecret: string }
beforeAll(async () => {
  world = await openWorld()
  server = await serve(world)
  gateway = await newGateway(world)
})
afterAll(async () => {
  await server.stop()
  await world.close()
})
beforeEach(() => world.clock.set('2026-03-15T12:00:00.000Z'))

function start(args: readonly string[], url = server.url) {
  const env = {
    PRIVACY_API_URL: url,
    PRIVACY_API_CLIENT_ID: gateway.clientId,
    PRIVACY_API_CLIENT_SECRET: gateway.clientSecret,
  }
  return spawnProgram('src/cli/import-usage.ts', env, args)
}

const run = (...args: string[]) => start(args).ended

/** What the dashboard of an account shows of a model. */
async function summed(who: 'subject' | 'otherSubject', model: string, from: string, to: string) {
  const summary = await clientOf(world, who).usageSummary({ filter: { from, to, model }, bucket: 'HOUR' })
  const { requests, inputTokens, outputTokens } = summary.totals
  return { requests, inputTokens, outputTokens, hours: summary.edges.map(({ node }) => node.bucketStart) }
}

/** Passes everything on to the server; `beforeAnswer` is called with the number of recordings that were stored. */
function proxy(beforeAnswer: (recordings: number) => void) {
  let recordings = 0
  return listen(async (request, response) => {
    const body = await bodyOf(request)
    const { authorization = '', 'content-type': type = '' } = request.headers
    const headers = { authorization, 'content-type': type, accept: request.headers.accept ?? '' }
    const answer = await fetch(`${server.url}${request.url}`, { method: 'POST', headers, body })
    const text = await answer.text()
    if (body.includes('"recordUsage"')) beforeAnswer(++recordings)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  })
}

test('an import that is killed, repeated and moved stores nothing twice', async () => {
  const { account } = world.ids
  const args = [AZURE, '--account', account, '--model', 'trace/one', '--region', 'eu-central', '--batch', '7']
  const between = await proxy((recordings) => {
    if (recordings === 4) killed.child.kill('SIGKILL')
  })
  const killed = start([...args, '--until', '2026-03-15T11:30:00Z'], between.url)
  expect((await killed.ended).signal).toBe('SIGKILL')
  await between.close()
  const range = ['2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z'] as const
  expect((await summed('subject', 'trace/one', ...range)).requests).toBe(28)

  world.clock.set('2026-03-22T12:00:00.000Z')
  const resumed = await run(...args, '--until', '2026-03-22T11:30:00Z')
  expect(resumed.output.split('\n')).toEqual([
    'Azure LLM inference trace: 60 rows, no fault found.',
    'The times lie where the first run of this file into this account put them.',
    'The last row lies at 2026-03-15T11:30:00.000Z.',
    'rows        60',
    expect.stringMatching(/^recorded {4}32 events, /),
    expect.stringMatching(/^duplicates {2}28 events, /),
    '',
  ])
  expect(resumed.code).toBe(0)

  world.clock.set('2026-03-15T12:00:00.000Z')
  const again = await run(...args, '--batch', '1000', '--until', '2026-03-15T12:00:00Z')
  expect(again.output).toContain(`rows        60\nrecorded    ${NOTHING}\nduplicates  ${ALL_AZURE}\n`)
  expect(await summed('subject', 'trace/one', ...range)).toEqual({
    requests: 60,
    inputTokens: 105_081,
    outputTokens: 30_322,
    hours: ['2026-03-15T10:00:00.000Z', '2026-03-15T11:00:00.000Z'],
  })
})

test('Ctrl-C ends the import after the batch in flight, and tells what was done', async () => {
  const { otherAccount } = world.ids
  const until = ['--until', '2026-03-10T11:30:00Z']
  const args = [AZURE, '--account', otherAccount, '--model', 'trace/two', '--batch', '10', ...until]
  const between = await proxy((recordings) => {
    if (recordings === 2) interrupted.child.kill('SIGINT')
  })
  const interrupted = start(args, between.url)
  const { code, output } = await interrupted.ended
  await between.close()
  expect(code).toBe(130)
  const rows = Number(/^rows +(\d+)$/m.exec(output)?.[1])
  expect(rows % 10).toBe(0)
  expect(rows).toBeGreaterThanOrEqual(20)
  expect(output).toContain('Interrupted. What was sent is kept.')

  const { output: resumed } = await run(...args)
  expect(resumed).toContain('The last row lies at 2026-03-10T11:30:00.000Z.')
  expect(resumed).toMatch(new RegExp(`^recorded +${60 - rows} events, .*\nduplicates +${rows} events, `, 'm'))
  const range = ['2026-03-10T00:00:00Z', '2026-03-11T00:00:00Z'] as const
  expect(await summed('otherSubject', 'trace/two', ...range)).toMatchObject({ requests: 60, inputTokens: 105_081 })
})

test('a trace of months that are no longer kept is refused before its first run decides anything', async () => {
  const { code, output } = await run(AZURE, '--account', world.ids.account, '--until', '2020-01-31T12:00:00Z')
  expect(code).toBe(1)
  expect(output).toMatch(/Usage before 20[0-9]{2}-[0-9]{2}-01T00:00:00.000Z is not taken: say with --until where/)
})

test('a BurstGPT trace is imported with its own models, and needs to be told where it ends', async () => {
  const args = [BURST, '--account', world.ids.account, '--endpoint-kind', 'PRIVATE']
  const refused = await run(...args)
  expect(refused.code).toBe(1)
  expect(refused.output).toContain('say with --until where it ends')
  const { code, output } = await run(...args, '--until', '2026-03-15T12:00:00Z')
  expect(output).toContain('recorded    20 events, 29,812 input tokens, 7,289 output tokens')
  expect(code).toBe(0)
  const range = ['2026-03-15T00:00:00Z', '2026-03-16T00:00:00Z'] as const
  const models = [await summed('subject', 'GPT-4', ...range), await summed('subject', 'ChatGPT', ...range)]
  expect(models.map(({ requests }) => requests)).toEqual([4, 16])
})

test('failures end with 1 and a sentence, before anything is sent', async () => {
  const tried = [
    [
      ['client/operations/fragments.graphql', '--account', world.ids.account],
      'The first line is not the header of a known trace.',
    ],
    [[AZURE, '--account', 'nonsense', '--until', 'now'], 'BAD_USER_INPUT: '],
    [[AZURE], '--account is missing.'],
  ] as const
  for (const [args, message] of tried) {
    const { code, output } = await run(...args)
    expect([code, output]).toEqual([1, expect.stringContaining(message)])
    expect(output).not.toContain('    at ')
  }
  expect(tried.length).toBe(3)
})

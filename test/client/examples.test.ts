import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { paginate } from '../../client/src/index.ts'
import { createTestWebhook } from '../../client/src/webhooks-testing.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import { spawnProgram } from '../kit/server-process.ts'
import { openWorld, type World } from '../kit/world.ts'
import { clientOf, listen, newIntegration, serve } from './kit.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

test('the example of a dashboard prints usage by model and hour', async () => {
  const { account: accountId } = world.ids
  const inference = { kind: 'INFERENCE', endpointKind: 'SERVERLESS', inputTokens: 100, outputTokens: 7 } as const
  const events = ['m/one', 'm/one', 'm/two'].map((model, index) => ({
    ...inference,
    model,
    requestId: `example-${index}`,
    occurredAt: `2026-03-15T1${index}:00:00Z`,
  }))
  await clientOf(world, 'gateway').recordUsage({ accountId, events })
  const server = await listen((request, response) => void world.serving.app(request, response))
  const env = { PRIVACY_API_URL: server.url, PRIVACY_API_TOKEN: world.demo.tokens.subject }
  const range = ['2026-03-15T00:00:00Z', '2026-03-16T00:00:00Z']
  const { output, code } = await spawnProgram('client/examples/dashboard.ts', env, range).ended
  await server.close()
  expect(output).toMatchInlineSnapshot(`
    "2026-03-15T10h  m/one  1 requests  100 in  7 out
    2026-03-15T11h  m/one  1 requests  100 in  7 out
    2026-03-15T12h  m/two  1 requests  100 in  7 out
    total  3 requests  300 in  21 out
    "
  `)
  expect(code).toBe(0)
})

test('the example of a privacy centre tells a person what is held, what for and until when', async () => {
  const token = await world.memberToken()
  const event = { kind: 'API_REQUEST', requestId: 'countdown', occurredAt: '2026-03-15T11:00:00Z' } as const
  const { account: accountId, member: subjectId } = world.ids
  await clientOf(world, 'gateway').recordUsage({ accountId, events: [{ ...event, subjectId }] })
  const server = await listen((request, response) => void world.serving.app(request, response))
  const run = (language: string) =>
    spawnProgram('client/examples/privacy-centre.ts', { PRIVACY_API_URL: server.url, PRIVACY_API_TOKEN: token }, [
      language,
    ]).ended
  const [english, german] = [await run('en'), await run('de')]
  await server.close()
  // Items of one instant come in any order.
  const about = (output: string) =>
    output
      .split('\n')
      .slice(0, -1)
      .flatMap((line, n, all) => (n % 2 ? [] : [`${line}${all[n + 1]}`]))
  expect([about(english.output).sort(), about(german.output).sort()]).toMatchInlineSnapshot(`
    [
      [
        "Account data: Running the service, Signing in, Service messages (GDPR Art. 6(1)(b))  RUNNING  Kept while the account is in use; deleted 30 days after it is closed.",
        "Account data: Signing in (GDPR Art. 6(1)(b))  RUNNING  Kept while the account is in use; deleted 30 days after it is closed.",
        "Usage data: Running the service, Payment, Reports of usage (GDPR Art. 6(1)(b))  RUNNING 2027-04-01 (382 d)  Kept for 13 months; then only sums remain that name nobody.",
      ],
      [
        "Kontodaten: Anmeldung (GDPR Art. 6(1)(b))  RUNNING  Aufbewahrt, solange das Konto genutzt wird; 30 Tage nach dessen Schließung gelöscht.",
        "Kontodaten: Betrieb des Dienstes, Anmeldung, Mitteilungen zum Dienst (GDPR Art. 6(1)(b))  RUNNING  Aufbewahrt, solange das Konto genutzt wird; 30 Tage nach dessen Schließung gelöscht.",
        "Nutzungsdaten: Betrieb des Dienstes, Bezahlung, Nutzungsberichte (GDPR Art. 6(1)(b))  RUNNING 2027-04-01 (382 d)  13 Monate aufbewahrt; danach bleiben nur Summen, die niemanden nennen.",
      ],
    ]
  `)
  expect([english.code, german.code]).toEqual([0, 0])
})

test('the example of an integration makes users known once and finds them by reference', async () => {
  const server = await serve(world)
  const { clientId, clientSecret } = await newIntegration(world)
  const env = {
    PRIVACY_API_URL: server.url,
    PRIVACY_API_CLIENT_ID: clientId,
    PRIVACY_API_CLIENT_SECRET: clientSecret,
  }
  const run = (...references: string[]) =>
    spawnProgram('client/examples/deletion-integration.ts', env, references).ended
  const first = await run('user-1', 'user-2')
  const second = await run('user-1')
  await server.stop()
  expect([first.output, second.output]).toMatchInlineSnapshot(`
    [
      "user-1: created
    user-1: END_USER, ACTIVE, DE
    user-2: created
    user-2: END_USER, ACTIVE, DE
    ",
      "user-1: known already
    user-1: END_USER, ACTIVE, DE
    ",
    ]
  `)
  expect([first.code, second.code]).toEqual([0, 0])
})

/** Waits until a program has printed a line that fits. */
async function printed(program: ReturnType<typeof spawnProgram>, line: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const found = line.exec(program.output())
    if (found) return found
    if (program.child.exitCode !== null) throw new Error(`it ended:\n${program.output()}`)
    await once(program.child.stdout, 'data')
  }
}

test('the example of a receiver does each event once and refuses what is not signed', async () => {
  const keys = `whsec_${Buffer.alloc(32, 3).toString('base64')}`
  const program = spawnProgram('client/examples/webhook-receiver.ts', { PRIVACY_WEBHOOK_KEYS: keys, PORT: '0' })
  const [, url = ''] = await printed(program, /^Listening on (\S+)$/m)
  const webhook = { type: 'subject.created', data: { eventId: 'e-1', subjectId: 'U3ViamVjdDox' }, keys } as const
  const send = async (more: { keys?: string; url?: string }) =>
    (await fetch(await createTestWebhook({ ...webhook, url, ...more }))).status
  const other = `whsec_${Buffer.alloc(32, 4).toString('base64')}`
  expect([await send({}), await send({}), await send({ keys: other })]).toEqual([204, 204, 400])
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(400)
  program.child.kill('SIGTERM')
  const { output, code } = await program.ended
  expect(output.split('\n').slice(1)).toEqual([
    'subject.created U3ViamVjdDox',
    'refused: NO_MATCHING_SIGNATURE',
    'refused: MISSING_HEADER',
    '',
  ])
  expect(code).toBe(0)
})

test('the example that follows events goes on where it was stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-follow-'))
  const server = await serve(world)
  const { clientId, clientSecret } = await newIntegration(world)
  const env = {
    PRIVACY_API_URL: server.url,
    PRIVACY_API_CLIENT_ID: clientId,
    PRIVACY_API_CLIENT_SECRET: clientSecret,
  }
  const happen = async (reference: string) => {
    await clientOf(world, 'integration').createSubject({ reference })
    await sequenceEvents(world.resources.db, world.clock)
  }
  const start = () => spawnProgram('client/examples/follow-events.ts', env, [join(folder, 'place.txt')])
  const lines = (output: string) => output.trim().split('\n')
  await happen('follow-1')
  const { length: count } = await paginate((after) => clientOf(world, 'integration').events({ after })).toArray({
    limit: 100,
  })
  const first = start()
  await printed(first, new RegExp(`^${count} `, 'm'))
  await happen('follow-2')
  await printed(first, new RegExp(`^${count + 1} `, 'm'))
  first.child.kill('SIGTERM')
  const before = lines((await first.ended).output)
  await happen('follow-3')
  const second = start()
  await printed(second, /subject\.created/)
  second.child.kill('SIGTERM')
  const after = await second.ended
  await server.stop()
  await rm(folder, { recursive: true })
  expect(before.map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: count + 1 }, (_, n) => n + 1))
  expect(lines(after.output)).toEqual([`${count + 2} subject.created SubjectCreatedEvent`])
  expect(after.code).toBe(0)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { Database } from '../../src/db/database.ts'
import { enqueueJob, type JobHandler, runJobStep, type ScheduledTask } from '../../src/jobs/jobs.ts'
import { Runner } from '../../src/jobs/runner.ts'
import { newId } from '../../src/time/id.ts'
import { TestClock } from '../kit/clock.ts'
import { openTestBackend } from '../kit/database.ts'

const clock = new TestClock()
let db: Database
beforeAll(async () => {
  db = new Database(await openTestBackend())
})
afterAll(() => db.close())

const accountId = newId(clock)
const enqueue = (kind: string) =>
  db.worker((tx) => enqueueJob(tx, clock, { accountId, kind, caller: 'SYSTEM:-', payload: { at: 0 }, total: 10 }))
const jobOf = (id: string) =>
  db.worker((tx) => tx.job.findUniqueOrThrow({ where: { accountId_id: { accountId, id } } }))
const textOf = async (jobId: string) => {
  const chunks = await db.worker((tx) => tx.jobChunk.findMany({ where: { jobId }, orderBy: { position: 'asc' } }))
  return chunks.map((chunk) => chunk.body).join('')
}

/** Counts to ten, one a step. */
const counting = (kind: string, during: (at: number) => void = () => {}): JobHandler => ({
  kind,
  scope: 'audit:read',
  async step(_tx, job) {
    const at = (job.payload as { at: number }).at + 1
    during(at)
    return { payload: { at }, done: 1, chunk: `${at},`, finished: at === 10 }
  },
})

function runnerOf(tasks: readonly ScheduledTask[], handlers: readonly JobHandler[] = [], failures: string[] = []) {
  return new Runner({ db, clock, tasks, handlers, onFailure: (name) => void failures.push(name) })
}

test('two runners at once run a due task once', async () => {
  let runs = 0
  const run = async () => {
    runs += 1
  }
  const task = { name: 'test.once', everySeconds: 60, run }
  const runners = [runnerOf([task]), runnerOf([task]), runnerOf([task])]
  let rounds = 0
  for (; rounds < 10; rounds += 1) {
    await Promise.all(runners.map((runner) => runner.runDue()))
    expect(runs).toBe(rounds + 1)
    await Promise.all(runners.map((runner) => runner.runDue()))
    clock.move(60)
  }
  expect(runs).toBe(10)
})

test('a task that fails is told, and tried again after 30 seconds', async () => {
  let runs = 0
  const failures: string[] = []
  const run = async () => {
    runs += 1
    if (runs === 1) throw new Error('fails')
  }
  const runner = runnerOf([{ name: 'test.fails', everySeconds: 3_600, run }], [], failures)
  await runner.runDue()
  clock.move(29.999)
  await runner.runDue()
  expect([runs, failures]).toEqual([1, ['test.fails']])
  clock.move(0.001)
  await runner.runDue()
  expect([runs, failures]).toEqual([2, ['test.fails']])
  clock.move(3_599)
  await runner.runDue()
  expect(runs).toBe(2)
})

test('a task that ran while the clock was ahead runs again when the clock is back, and keeps to its interval', async () => {
  let runs = 0
  const run = async () => {
    runs += 1
  }
  const runner = runnerOf([{ name: 'test.ahead', everySeconds: 60, run }])
  const start = clock.now().toISOString()
  clock.move(400 * 86_400)
  await runner.runDue()
  expect(runs).toBe(1)
  clock.set(start)
  await runner.runDue()
  expect(runs).toBe(2)
  clock.move(59)
  await runner.runDue()
  expect(runs).toBe(2)
  clock.move(1)
  await runner.runDue()
  expect(runs).toBe(3)
})

test('clocks of two machines that differ by seconds do not make a task run twice in its interval', async () => {
  let runs = 0
  const run = async () => {
    runs += 1
  }
  const runner = runnerOf([{ name: 'test.skew', everySeconds: 60, run }])
  clock.move(5)
  await runner.runDue()
  clock.move(-5)
  await runner.runDue()
  expect(runs).toBe(1)
  clock.move(5)
})

test('a job that was put off while the clock was ahead goes on when the clock is back', async () => {
  const start = clock.now().toISOString()
  clock.move(400 * 86_400)
  const id = await enqueue('test.ahead')
  clock.set(start)
  await runnerOf([], [counting('test.ahead')]).runDue()
  expect((await jobOf(id)).state).toBe('DONE')
})

test('a task that fails keeps no other from running', async () => {
  const ran: string[] = []
  const failing = { name: 'test.first', everySeconds: 1, run: () => Promise.reject(new Error('fails')) }
  const good = { name: 'test.second', everySeconds: 1, run: async () => void ran.push('second') }
  await runnerOf([failing, good], [counting('test.job')]).runDue()
  expect(ran).toEqual(['second'])
})

test('a task that takes long holds up its own lane and no other', async () => {
  const ran = Promise.withResolvers<void>()
  const order: string[] = []
  const slow = { name: 'test.slow', everySeconds: 1, lane: 'slow', run: () => ran.promise }
  const behind = { name: 'test.behind', everySeconds: 1, lane: 'slow', run: async () => void order.push('behind') }
  const quick = {
    name: 'test.quick',
    everySeconds: 1,
    run: async () => {
      order.push('quick')
      ran.resolve()
    },
  }
  await runnerOf([slow, behind, quick]).runDue()
  expect(order).toEqual(['quick', 'behind'])
})

test('a task is told when the worker ends', async () => {
  const began = Promise.withResolvers<AbortSignal>()
  const run = (signal: AbortSignal) => {
    began.resolve(signal)
    return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  }
  const runner = runnerOf([{ name: 'test.told', everySeconds: 1, lane: 'told', run }])
  runner.start()
  expect((await began.promise).aborted).toBe(false)
  await runner.stop()
  expect((await began.promise).aborted).toBe(true)
})

test('a job that is killed between any two steps loses none and doubles none', async () => {
  let killed = 0
  for (let at = 1; at <= 10; at += 1) {
    const id = await enqueue(`test.kill`)
    let struck = false
    const handler = counting('test.kill', (step) => {
      if (step === at && !struck) {
        struck = true
        throw new Error('killed')
      }
    })
    while (await runJobStep(db, clock, [handler]));
    expect(await jobOf(id)).toMatchObject({ done: at - 1, attempts: 1, lastProblem: 'STEP_FAILED' })
    clock.move(30)
    while (await runJobStep(db, clock, [handler]));
    expect(await jobOf(id)).toMatchObject({ state: 'DONE', done: 10, attempts: 0, lastProblem: null })
    expect(await textOf(id)).toBe('1,2,3,4,5,6,7,8,9,10,')
    killed += 1
  }
  expect(killed).toBe(10)
})

test('several workers share the queue and each step is done once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => enqueue('test.shared')))
  const runners = Array.from({ length: 3 }, () => runnerOf([], [counting('test.shared')]))
  const counts = await Promise.all(runners.map((runner) => runner.runDue()))
  expect(counts.reduce((sum, count) => sum + count)).toBe(60)
  for (const id of ids) expect(await textOf(id)).toBe('1,2,3,4,5,6,7,8,9,10,')
})

test('a job whose step always fails is given up after five attempts, and holds up no other', async () => {
  const bad = await enqueue('test.bad')
  const good = await enqueue('test.good')
  const fails: JobHandler = { kind: 'test.bad', scope: 'audit:read', step: () => Promise.reject(new Error('always')) }
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    await runnerOf([], [fails, counting('test.good')]).runDue()
    expect((await jobOf(bad)).attempts).toBe(attempt)
    clock.move(30)
  }
  expect(await jobOf(good)).toMatchObject({ state: 'DONE', done: 10 })
  expect(await jobOf(bad)).toMatchObject({ state: 'FAILED', done: 0 })
  expect(await runJobStep(db, clock, [fails])).toBe(false)
})

test('a job of a kind that nobody takes waits', async () => {
  const id = await enqueue('test.unknown')
  expect(await runJobStep(db, clock, [counting('test.other')])).toBe(false)
  expect(await jobOf(id)).toMatchObject({ state: 'QUEUED', attempts: 0 })
})

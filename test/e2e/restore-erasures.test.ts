import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { spawnProgram } from '../kit/server-process.ts'
import {
  beyond,
  dropAndRestore,
  dump,
  eraseSome,
  type Persons,
  placeHolds,
  restorablePlace,
  run,
  type State,
  stateOf,
  withPlace,
  writePersons,
} from './erased-kit.ts'
import { dataFolder, type Env } from './kit.ts'

// Several programs, one after the other; each may wait for a machine that does much else.
vi.setConfig({ testTimeout: 240_000 })

const NOTHING = { items: [], keys: [], names: [], rows: [] }

type Erased = { readonly env: Env; readonly persons: Persons; readonly files: readonly string[]; readonly after: State }

/** Persons, a full dump of them, then erasures. */
async function erasedPlace(): Promise<Erased> {
  const place = await restorablePlace()
  const persons = await withPlace(place, async (opened) => {
    const written = await writePersons(opened)
    await placeHolds(opened, written)
    return written
  })
  const files = await dump(place, await dataFolder())
  const after = await withPlace(place, async (opened) => {
    await eraseSome(opened, persons)
    return stateOf(opened)
  })
  return { env: { ...place, WORKER: 'off' }, persons, files, after }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return String(typeof address === 'object' ? address?.port : 0)
}

/** Starts a server whose readiness is asked while it starts. */
async function start(env: Env) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const program = spawnProgram('src/main.ts', { ...env, PORT: port })
  onTestFinished(async () => {
    program.child.kill('SIGKILL')
    await program.ended
  })
  const ask = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init).catch(() => null)
  const until = async (wanted: number) => {
    for (;;) {
      const response = await ask('/ready')
      if (response?.status === wanted) return (await response.json()) as { failing: string[] }
      if (program.child.exitCode !== null) expect.fail(program.output())
      await pause(20)
    }
  }
  const stop = async () => {
    program.child.kill('SIGTERM')
    return program.ended
  }
  return { ask, until, stop, output: program.output }
}

const graphql = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ __typename }"}' }

test('a database that is dropped and restored from before the erasures has none of them back when it serves', async ({
  annotate,
}) => {
  const { env, persons, files, after } = await erasedPlace()
  await dropAndRestore(env, files)
  const restored = await withPlace(env, stateOf)
  const cameBack = beyond(restored, after)
  // Without the ledger all of it would be there again.
  expect(cameBack.items.length).toBeGreaterThan(20)
  expect(cameBack.names.length).toBeGreaterThan(3)
  expect(cameBack.keys.length).toBeGreaterThan(5)
  expect(cameBack.rows.length).toBeGreaterThan(20)
  const foreign = join(env['DATA_DIR'] ?? '', 'ledger', 'ffffffff-altered.ledger')
  await writeFile(foreign, 'not a line of this ledger\n')
  const server = await start(env)
  expect((await server.until(503)).failing).toContain('erasures')
  expect((await server.ask('/graphql', graphql))?.status).toBe(503)
  expect((await server.ask('/oauth/jwks'))?.status).toBe(503)
  expect((await server.ask('/health'))?.status).toBe(200)
  await expect.poll(server.output, { timeout: 20_000 }).toContain('"file":"ffffffff-altered.ledger","line":1')
  expect((await server.ask('/ready'))?.status).toBe(503)
  await rm(foreign)
  expect((await server.until(200)).failing).toEqual([])
  expect((await server.ask('/graphql', graphql))?.status).not.toBe(503)
  expect(await (await server.ask('/metrics'))?.text()).toMatch(/^erasure_lines_replayed [1-9]\d*$/m)
  expect((await server.stop()).output).toContain('"event":"erasures.replayed"')
  const now = await withPlace(env, stateOf)
  expect(beyond(now, after)).toEqual(NOTHING)
  const [kept, released] = [persons.a[5]?.subjectId ?? '', persons.b[3]?.subjectId ?? '']
  expect([kept, released].map((id) => now.names.has(id))).toEqual([true, true])
  expect(beyond(after, now)).toEqual(NOTHING)
  const again = await start(env)
  await again.until(200)
  expect(await (await again.ask('/metrics'))?.text()).toMatch(/^erasure_lines_missing 0$/m)
  expect((await again.stop()).output).not.toContain('erasures.')
  const { items, keys, names, rows } = cameBack
  await annotate(
    `came back with the dump: ${items.length} items, ${keys.length} keys, ${names.length} names, ${rows.length} places; resurrected: 0`,
  )
})

test('a replay that is killed in the middle is finished by the next start', async () => {
  const { env, files, after } = await erasedPlace()
  await dropAndRestore(env, files)
  for (const [place, times] of [
    ['resealed', '1'],
    ['ended', '3'],
    ['finished', '2'],
  ] as const) {
    const { signal } = await spawnProgram('test/e2e/replay-child.ts', env, [place, times]).ended
    expect([place, signal]).toEqual([place, 'SIGKILL'])
  }
  expect(beyond(await withPlace(env, stateOf), after)).not.toEqual(NOTHING)
  const told = await run(env, 'erasures-replay')
  expect(told).toMatch(/Replayed: [1-9]/)
  const now = await withPlace(env, stateOf)
  expect([beyond(now, after), beyond(after, now)]).toEqual([NOTHING, NOTHING])
  const again = await run(env, 'erasures-replay', '--since', '2026-01-01T00:00:00Z')
  expect(again).toMatch(/Announcements: \d+, of which the database did not know 0\.\nReplayed: 0\./)
})

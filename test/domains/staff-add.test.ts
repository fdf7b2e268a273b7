import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readStaffArguments } from '../../src/cli/staff-arguments.ts'
import { lockFolder } from '../../src/db/pglite-lock.ts'
import { seedDemo } from '../../src/demo/demo-data.ts'
import { countRows, localId } from '../api/calls.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const NOW = new Date('2028-02-29T10:00:00.000Z')
const good = ['--issuer', 'https://id.example', '--sub', 'ada', '--role', 'SUPPORT']

test('staff is named by issuer, subject and roles, trained for a year unless a day is named', () => {
  const expected = { issuer: 'https://id.example', sub: 'ada', roles: ['SUPPORT'] }
  expect(readStaffArguments(good, NOW)).toEqual({ ...expected, trainingUntilAt: new Date('2029-03-01T10:00:00.000Z') })
  const more = [...good, '--role', 'ENGINEER', '--role', 'SUPPORT', '--training-until', '2028-12-31']
  expect(readStaffArguments(more, NOW)).toEqual({
    ...expected,
    roles: ['SUPPORT', 'ENGINEER'],
    trainingUntilAt: new Date('2028-12-31T00:00:00.000Z'),
  })
})

test('what is missing or wrong is refused with the usage', () => {
  const bad = [
    [],
    good.slice(2),
    good.slice(0, 4),
    ['--issuer', 'nowhere', ...good.slice(2)],
    [...good, '--role', 'toString'],
    [...good, '--training-until', '2028-02-29'],
    [...good, '--training-until', '2029-02-29'],
    [...good, '--training-until', 'soon'],
    [...good, '--admin'],
    [...good, 'extra'],
  ]
  for (const argv of bad) expect(() => readStaffArguments(argv, NOW)).toThrow(/usage: npm run staff:add/)
  expect(bad.length).toBe(10)
})

test('the command says who uses the embedded database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-staff-'))
  const lock = await lockFolder(join(folder, 'pglite'))
  const lockHere = await lockFolder(folder)
  const env = { PATH: process.env['PATH'], DATA_DIR: folder }
  const { status, stderr } = spawnSync(process.execPath, ['src/cli/staff-add.ts', ...good], { env, encoding: 'utf8' })
  lock.release()
  lockHere.release()
  await rm(folder, { recursive: true, force: true })
  expect(status).toBe(1)
  expect(stderr).toMatch(new RegExp(`process ${process.pid} on .* already uses the data folder`))
})

test('demo data is made once, and never in production', async () => {
  const accounts = [localId(world.ids.account), localId(world.ids.otherAccount)]
  const before = await countRows(world, accounts)
  await seedDemo(world.resources)
  expect(await countRows(world, accounts)).toEqual(before)
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production', DATA_DIR: join(tmpdir(), 'never-made') }
  const { status, stderr } = spawnSync(process.execPath, ['prisma/seed.ts'], { env, encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toMatch(/production/)
})

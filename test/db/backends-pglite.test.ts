import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrationNames } from '../../src/db/migrations.ts'
import { createTemplate, openPglite } from '../../src/db/pglite.ts'
import { serverUrl } from './backends-world.ts'

const onEmbedded = test.runIf(!serverUrl)

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pglite-'))
})
afterEach(() => rm(folder, { recursive: true }))

const state = { kind: 'Test', id: 'kept', payload: {} }

onEmbedded('the database migrates itself once, keeps its rows, and gives its folder back', async () => {
  const first = await openPglite({ dataDir: folder })
  expect(first.migrationsApplied).toEqual(await migrationNames())
  await expect(openPglite({ dataDir: folder })).rejects.toThrow(`process ${process.pid}`)
  await first.client('auth').$transaction(async (tx) => {
    await tx.$executeRaw`set local role privacy_auth`
    await tx.oauthState.create({ data: state })
  })
  await first.close()
  expect(await readdir(folder)).toEqual(['database'])
  const second = await openPglite({ dataDir: folder })
  expect(second.migrationsApplied).toEqual([])
  const kept = await second.client('auth').$transaction(async (tx) => {
    await tx.$executeRaw`set local role privacy_auth`
    return tx.oauthState.count()
  })
  expect(kept).toBe(1)
  await second.close()
})

onEmbedded('closing waits for the transaction that is open, and is done once', async () => {
  const backend = await openPglite({ dataDir: 'memory', loadDataDir: await createTemplate() })
  const entered = Promise.withResolvers<void>()
  const leave = Promise.withResolvers<void>()
  const order: string[] = []
  const work = backend.client('app').$transaction(async (tx) => {
    entered.resolve()
    await leave.promise
    await tx.$queryRaw`select 1`
    order.push('worked')
  })
  await entered.promise
  const closed = Promise.all([backend.close(), backend.close()]).then(() => order.push('closed'))
  leave.resolve()
  await Promise.all([work, closed])
  expect(order).toEqual(['worked', 'closed'])
})

onEmbedded(
  'neither a statement without a caller nor one that resets its role sees a row or gains a right',
  async () => {
    const backend = await openPglite({ dataDir: 'memory', loadDataDir: await createTemplate() })
    const client = backend.client('app')
    for (const attempt of ['select 1', 'reset role', 'reset all', 'set role none', 'reset session authorization']) {
      const [seen] = await client.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(attempt)
        return tx.$queryRaw<unknown[]>`
        select current_user::text as user, current_setting('is_superuser') as superuser,
               (select count(*)::int from account) as accounts`
      })
      expect(seen).toEqual({ user: 'privacy_app', superuser: 'off', accounts: 0 })
    }
    await expect(client.$transaction((tx) => tx.$executeRaw`set local role postgres`)).rejects.toThrow('42501')
    await expect(client.$transaction((tx) => tx.$executeRaw`set local role privacy_backup`)).rejects.toThrow('42501')
    await backend.close()
  },
)

onEmbedded('a killed process leaves a folder that the next one opens, with what was committed', async () => {
  const module = fileURLToPath(new URL('../../src/db/pglite.ts', import.meta.url))
  const script = `
    import { openPglite } from ${JSON.stringify(module)}
    const backend = await openPglite({ dataDir: ${JSON.stringify(folder)} })
    await backend.client('auth').$transaction(async (tx) => {
      await tx.$executeRaw\`set local role privacy_auth\`
      await tx.oauthState.create({ data: ${JSON.stringify(state)} })
    })
    console.log('committed')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  const backend = await openPglite({ dataDir: folder })
  const kept = await backend.client('auth').$transaction(async (tx) => {
    await tx.$executeRaw`set local role privacy_auth`
    return tx.oauthState.count()
  })
  expect(kept).toBe(1)
  await backend.close()
})

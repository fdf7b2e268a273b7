import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { spawnProgram } from '../kit/server-process.ts'
import { ask, dataFolder, type Env, startServer } from './kit.ts'

/** Runs a server that must not come up. */
async function refusedStart(env: Env) {
  const { code, output } = await spawnProgram('src/main.ts', { PORT: '0', ...env }).ended
  return { code, output: output.trim() }
}

describe.runIf(inject('backend') === 'pglite')('a start on the embedded database', () => {
  it('is ready on a free port and hands out demo data that works for each kind of caller', async () => {
    const folder = await dataFolder()
    const server = await startServer({ DATA_DIR: folder })
    const path = join(folder, 'demo.json')
    const demo = JSON.parse(await readFile(path, 'utf8'))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(demo).toEqual({
      url: `${server.url}/graphql`,
      accounts: [
        { id: expect.any(String), subjectIds: Array(4).fill(expect.any(String)) },
        { id: expect.any(String), subjectIds: Array(2).fill(expect.any(String)) },
      ],
      tokens: Object.fromEntries(
        ['subject', 'otherSubject', 'staff', 'integration', 'otherIntegration', 'processor', 'gateway'].map((name) => [
          name,
          expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        ]),
      ),
    })
    const principals: Record<string, unknown> = {}
    for (const [name, token] of Object.entries<string>(demo.tokens)) {
      const { data } = await ask<{ viewer: { principal: string } }>(server.url, token, '{ viewer { principal } }')
      principals[name] = data.viewer.principal
    }
    expect(principals).toEqual({
      subject: 'SUBJECT',
      otherSubject: 'SUBJECT',
      staff: 'STAFF',
      integration: 'INTEGRATION',
      otherIntegration: 'INTEGRATION',
      processor: 'PROCESSOR',
      gateway: 'GATEWAY',
    })
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
  })

  it.each([
    ['NODE_ENV', 'production'],
    ['HOST', '0.0.0.0'],
    ['DEMO', 'off'],
  ])('makes no demo data with %s=%s', async (name, value) => {
    const folder = await dataFolder()
    const server = await startServer({ DATA_DIR: folder, [name]: value })
    await expect(stat(join(folder, 'demo.json'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(server.output()).not.toContain('demo')
    expect((await fetch(`http://127.0.0.1:${new URL(server.url).port}/ready`)).status).toBe(200)
  })

  it('is refused while another process has the data folder, and the other goes on', async () => {
    const folder = await dataFolder()
    const server = await startServer({ DATA_DIR: folder })
    const second = await refusedStart({ DATA_DIR: folder })
    expect(second.code).toBe(1)
    expect(second.output).toMatch(
      new RegExp(
        `^process ${server.child.pid} on \\S+ already uses the data folder ${folder}[\\w/]*: ` +
          'stop it first, or set DATA_DIR to another folder$',
      ),
    )
    expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  })

  it('is refused when the key file is gone and the database holds keys', async () => {
    const folder = await dataFolder()
    await (await startServer({ DATA_DIR: folder })).stop()
    await rm(join(folder, 'keys'), { recursive: true })
    const second = await refusedStart({ DATA_DIR: folder })
    expect(second).toEqual({
      code: 1,
      output:
        `The key file ${join(folder, 'keys', 'keys.json')} is missing, and the database holds data that only it can ` +
        'open. Restore it from your copy; a new one could not open anything.',
    })
  })

  it.each([
    ['PORT', 'a-secret-value'],
    ['DEMO', 'a-secret-value'],
    ['LOG_LEVEL', 'a-secret-value'],
    ['PUBLIC_URL', 'a-secret-value'],
    ['METRICS_TOKEN', 'secret'],
    ['KEY_EPOCH_DAYS', 'a-secret-value'],
    ['PRIVACY_KEYS', 'a-secret-value'],
    ['TRUSTED_ISSUERS', 'a-secret-value'],
    ['DATABASE_URL', 'a-secret-value'],
  ])('with a wrong %s is refused by a text without the value', async (name, value) => {
    const { code, output } = await refusedStart({ DATA_DIR: await dataFolder(), [name]: value })
    expect(code).toBe(1)
    expect(output).toContain(name)
    expect(output).not.toContain('secret')
    expect(output).not.toContain('    at ')
  })
})

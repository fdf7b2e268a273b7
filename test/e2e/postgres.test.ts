import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { hashClientSecret, newClientSecret } from '../../src/auth/oauth/client-secret.ts'
import { withUser } from '../../src/db/postgres.ts'
import { TEST_PASSWORD, withDatabase } from '../kit/global-setup.ts'
import { SEEDED_PUBLIC_URL } from '../kit/seeded.ts'
import { spawnProgram } from '../kit/server-process.ts'
import {
  ask,
  dataFolder,
  type Env,
  events,
  RECORD,
  type Recorded,
  requestsUsed,
  seededPlace,
  serverDatabase,
  startServer,
} from './kit.ts'

const superuser = process.env['TEST_POSTGRES_URL'] ?? ''

async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return fn(client).finally(() => client.end())
}

/** An empty database that goes with the test: the URLs of its owner and of the application. */
async function emptyDatabase(): Promise<{ ownerUrl: string; appUrl: string }> {
  const name = `privacy_empty_${randomUUID().replaceAll('-', '')}`
  await withClient(superuser, (client) => client.query(`create database ${name}`))
  onTestFinished(async () => {
    await withClient(superuser, (client) => client.query(`drop database if exists ${name} with (force)`))
  })
  const ownerUrl = withDatabase(superuser, name)
  const url = new URL(withUser(ownerUrl, 'privacy_app'))
  url.password = TEST_PASSWORD
  return { ownerUrl, appUrl: url.href }
}

/** Runs a program and gives its exit code and what it printed. */
async function run(path: string, env: Env) {
  const { code, output } = await spawnProgram(path, { PORT: '0', ...env }).ended
  return { code, output: output.trim() }
}

describe.runIf(inject('backend') === 'postgres')('servers on PostgreSQL', () => {
  it('refuse an empty database naming the command, and start once it has run', async () => {
    const { ownerUrl, appUrl } = await emptyDatabase()
    const env = { DATA_DIR: await dataFolder(), DATABASE_URL: appUrl, DATABASE_OWNER_URL: ownerUrl }
    expect(await run('src/cli/db-roles.ts', env)).toEqual({
      code: 0,
      output: 'The roles privacy_app, privacy_worker, privacy_auth and privacy_backup are ready.',
    })
    const early = await run('src/main.ts', env)
    expect(early.code).toBe(1)
    expect(early.output).toMatch(/^the database is older than this program, run `npm run db:migrate`: it lacks \d{14}_/)
    const migrated = await run('src/cli/db-migrate.ts', env)
    expect(migrated.code).toBe(0)
    expect(migrated.output).toMatch(/^Applied \d{14}_\w+\.(\nApplied \d{14}_\w+\.)*$/)
    const server = await startServer(env)
    expect(server.output()).not.toContain('demo')
    expect(await server.stop()).toMatchObject({ code: 0 })
    expect(await run('src/cli/db-migrate.ts', env)).toEqual({ code: 0, output: 'The schema is up to date.' })
  })

  it('refuse to sign in as a superuser, who would pass row-level security', async () => {
    const url = new URL(await serverDatabase())
    const env = { DATA_DIR: await dataFolder(), DATABASE_URL: withDatabase(superuser, url.pathname.slice(1)) }
    const { code, output } = await run('src/main.ts', {
      ...env,
      DATABASE_WORKER_URL: url.href,
      DATABASE_AUTH_URL: url.href,
    })
    expect({ code, output }).toEqual({
      code: 1,
      output: 'the app login postgres must not be used: it is a superuser or bypasses row-level security',
    })
  })

  it('share sign-ins and their end: a token of one is good at the other until it is revoked at either', async () => {
    const { env, seeded } = await seededPlace()
    const secret = newClientSecret()
    const hash = await hashClientSecret(secret)
    const database = new URL(env['DATABASE_URL'] ?? '').pathname.slice(1)
    await withClient(withDatabase(superuser, database), (client) =>
      client.query('update api_client set secret_hash = $1 where id = $2', [hash, seeded.gatewayId]),
    )
    const [first, second] = [await startServer(env), await startServer(env)]
    const authorization = `Basic ${Buffer.from(`${seeded.gatewayId}:${secret}`).toString('base64')}`
    const post = (url: string, fields: Record<string, string>) =>
      fetch(url, { method: 'POST', headers: { authorization }, body: new URLSearchParams(fields) })
    const resource = `${SEEDED_PUBLIC_URL}/graphql`
    const grant = { grant_type: 'client_credentials', scope: 'usage:write', resource }
    const granted = await post(`${first.url}/oauth/token`, grant)
    const { access_token: token } = (await granted.json()) as { access_token: string }
    const principalAt = async (url: string) => {
      const answer = await ask<{ viewer: { principal: string } } | null>(url, token, '{ viewer { principal } }')
      return answer.data?.viewer.principal ?? answer.errors?.[0]?.extensions.code
    }
    expect([await principalAt(first.url), await principalAt(second.url)]).toEqual(['GATEWAY', 'GATEWAY'])
    expect((await post(`${second.url}/oauth/revoke`, { token })).status).toBe(200)
    expect([await principalAt(first.url), await principalAt(second.url)]).toEqual([
      'UNAUTHENTICATED',
      'UNAUTHENTICATED',
    ])
  })

  it('share idempotency: 40 equal calls at both at once have one effect and one answer', async () => {
    const { env, seeded } = await seededPlace()
    const servers = [await startServer(env), await startServer(env)]
    const input = { accountId: seeded.account, events: events('both', 7), idempotencyKey: 'equal-call-at-two-servers' }
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        ask<Recorded>(servers[index % 2]?.url ?? '', seeded.gateway, RECORD, { input }),
      ),
    )
    const texts = answers.map(({ data, errors }) => JSON.stringify(errors ?? data.recordUsage))
    expect(texts).toEqual(
      Array(40).fill('{"__typename":"RecordUsageSuccess","recorded":{"events":7},"duplicates":{"events":0}}'),
    )
    expect(await requestsUsed(servers[0]?.url ?? '', seeded.integration)).toBe(7)
  })
})

import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { defineConfig } from 'vitest/config'

const env = process.env

/** Whether the PostgreSQL of `TEST_POSTGRES_URL` answers. Without one the second project is left out, never in CI. */
async function postgresAnswers(): Promise<boolean> {
  const connectionString = env['TEST_POSTGRES_URL']
  if (!connectionString) return false
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3_000 })
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

const withPostgres = await postgresAnswers()
if (!withPostgres && env['CI'] === 'true')
  throw new Error('CI needs a PostgreSQL: set TEST_POSTGRES_URL to a superuser of one that runs')
if (!withPostgres) console.log('Project postgres is left out: no PostgreSQL answers at TEST_POSTGRES_URL.')

const project = (name: 'pglite' | 'postgres') => ({
  extends: true as const,
  test: {
    name,
    include: ['test/**/*.test.ts'],
    env: { TEST_BACKEND: name },
    globalSetup: ['test/kit/global-setup.ts'],
    provide: { backend: name },
  },
})

export default defineConfig({
  resolve: {
    // Sources and libraries must share one graphql, or `instanceof` fails: Vitest would load both of its builds.
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) },
    ],
  },
  test: {
    projects: [project('pglite'), ...(withPostgres ? [project('postgres')] : [])],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})

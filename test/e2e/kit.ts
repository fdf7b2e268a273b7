import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { copyDatabase } from '../kit/global-setup.ts'
import { SEEDED_PUBLIC_URL, type Seeded, seedDatabase } from '../kit/seeded.ts'
import { type ServerProcess, startServerProcess } from '../kit/server-process.ts'

/** Variables of one server's place: data folder and, on PostgreSQL, a migrated database. */
export type Env = Readonly<Record<string, string>>

/** An empty data folder that goes with the test. */
export async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A place of the project's kind with accounts, clients and tokens. */
export async function seededPlace(): Promise<{ env: Env; seeded: Seeded }> {
  const folder = { DATA_DIR: await dataFolder() }
  const env = inject('backend') === 'pglite' ? folder : { ...folder, DATABASE_URL: await serverDatabase() }
  return { env: { ...env, PUBLIC_URL: SEEDED_PUBLIC_URL, DEMO: 'off' }, seeded: await seedDatabase(env) }
}

/** A migrated database on PostgreSQL that goes with the test. @returns the URL of the application's login */
export async function serverDatabase(): Promise<string> {
  const { url, drop } = await copyDatabase(inject('template'))
  onTestFinished(drop)
  return url
}

/** Starts a server that is killed with the test, if it still runs then. */
export async function startServer(env: Env): Promise<ServerProcess> {
  const server = await startServerProcess(env)
  onTestFinished(async () => {
    await server.stop('SIGKILL')
  })
  return server
}

/** A GraphQL answer. */
export type Answer<Data> = {
  readonly data: Data
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[]
}

/** Asks over HTTP. */
export async function ask<Data>(url: string, token: string, query: string, variables: object = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  })
  return (await response.json()) as Answer<Data>
}

/** What `RECORD` answers. */
export type Recorded = {
  readonly recordUsage: { readonly recorded: { events: number }; readonly duplicates: { events: number } }
}

/** What `SUMMARY` answers. */
export type Summary = {
  readonly usageSummary: {
    readonly totals: { readonly requests: number; readonly inputTokens: number }
    readonly edges: readonly { readonly node: { readonly bucketStart: string; readonly requests: number } }[]
  }
}

/** Records usage. */
export const RECORD = `mutation Record($input: RecordUsageInput!) { recordUsage(input: $input) { __typename
  ... on RecordUsageSuccess { recorded { events } duplicates { events } } ... on Problem { code } } }`

/** Sums usage by model and bucket. */
export const SUMMARY = `query Summary($filter: UsageSummaryFilter!, $bucket: UsageBucket!) {
  usageSummary(filter: $filter, bucket: $bucket) { totals { requests inputTokens } edges { node { bucketStart requests } } } }`

/** `count` inferences of one token each, a second apart from `from` on, with ids that start with `name`. */
export function events(name: string, count: number, from = new Date(Date.now() - 3_600_000)) {
  return Array.from({ length: count }, (_, index) => ({
    occurredAt: new Date(from.getTime() + index * 1_000).toISOString(),
    requestId: `${name}-${index}`,
    kind: 'INFERENCE',
    model: 'e2e/model',
    endpointKind: 'SERVERLESS',
    inputTokens: 1,
    outputTokens: 1,
  }))
}

/** How many requests the account has used over the last two days, as the server sums them. */
export async function requestsUsed(url: string, token: string): Promise<number> {
  const now = Date.now()
  const filter = { from: new Date(now - 86_400_000).toISOString(), to: new Date(now + 86_400_000).toISOString() }
  const { data } = await ask<Summary>(url, token, SUMMARY, { filter, bucket: 'DAY' })
  return data.usageSummary.totals.requests
}

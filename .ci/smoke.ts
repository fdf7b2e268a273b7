import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Does in a clean copy what a stranger would: starts, asks as every kind of caller, imports a trace, reads totals,
 * stops. Usage: `node smoke.ts COPY REPORT`; the report has the counts that Vitest's has.
 */
const [copy = '.', report = 'smoke.json'] = process.argv.slice(2)
const dataDir = mkdtempSync(join(tmpdir(), 'privacy-smoke-'))
const counts = { numPassedTests: 0, numFailedTests: 0 }

type Demo = { url: string; accounts: { id: string; subjectIds: string[] }[]; tokens: Record<string, string> }

function check(name: string, holds: boolean): void {
  if (holds) counts.numPassedTests += 1
  else counts.numFailedTests += 1
  console.log(`${holds ? 'ok' : 'FAILED'}: ${name}`)
}

const environment = (more: Record<string, string>) => ({
  ...process.env,
  CI: '',
  DATA_DIR: dataDir,
  PORT: '0',
  ...more,
})

async function readyDemo(server: ChildProcess): Promise<Demo> {
  const file = join(dataDir, 'demo.json')
  for (let tries = 0; tries < 240; tries += 1) {
    if (server.exitCode !== null) throw new Error('the server ended before it was ready')
    if (existsSync(file)) {
      const demo = JSON.parse(readFileSync(file, 'utf8')) as Demo
      const ready = await fetch(new URL('/ready', demo.url)).catch(() => null)
      if (ready?.ok) return demo
    }
    await pause(250)
  }
  throw new Error('the server was not ready in a minute')
}

async function ask(demo: Demo, principal: string, query: string, variables: object = {}) {
  const response = await fetch(demo.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${demo.tokens[principal]}` },
    body: JSON.stringify({ query, variables }),
  })
  return (await response.json()) as { data?: Record<string, never>; errors?: unknown }
}

const SUMMARY = `query ($filter: UsageSummaryFilter!) {
  usageSummary(filter: $filter, bucket: HOUR, groupBy: [MODEL, ENDPOINT_KIND]) {
    totals { requests inputTokens outputTokens } } }`

async function importTwice(demo: Demo): Promise<void> {
  const trace = join(copy, 'test', 'data', 'azure-trace.csv')
  const run = () =>
    spawnSync(
      'npm',
      ['run', '--silent', 'import:usage', '--', trace, '--account', demo.accounts[0]?.id ?? '', '--until', 'now'],
      {
        cwd: copy,
        encoding: 'utf8',
        env: environment({ PRIVACY_API_URL: demo.url, PRIVACY_API_TOKEN: demo.tokens['gateway'] ?? '' }),
      },
    )
  const rows = readFileSync(trace, 'utf8').trim().split('\n').slice(1)
  const sum = (column: number) => rows.reduce((total, row) => total + Number(row.split(',')[column]), 0)
  check('a trace is imported', run().status === 0)
  check('it is imported again without an error', run().status === 0)
  const now = Date.now()
  const filter = { from: new Date(now - 30 * 86_400_000), to: new Date(now + 86_400_000) }
  const { data } = await ask(demo, 'subject', SUMMARY, { filter })
  const expected = { requests: rows.length, inputTokens: sum(1), outputTokens: sum(2) }
  const totals = (data?.['usageSummary'] as unknown as { totals: typeof expected } | undefined)?.totals
  check('the dashboard reads exactly the totals of the file, once', JSON.stringify(totals) === JSON.stringify(expected))
}

const server = spawn('npm', ['start', '--silent'], {
  cwd: copy,
  env: environment({}),
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
})
let output = ''
server.stdout?.on('data', (chunk: Buffer) => {
  output += chunk.toString()
})
try {
  const demo = await readyDemo(server)
  check('demo.json is readable by its owner alone', (statSync(join(dataDir, 'demo.json')).mode & 0o777) === 0o600)
  const kinds = {
    subject: 'SUBJECT',
    otherSubject: 'SUBJECT',
    staff: 'STAFF',
    integration: 'INTEGRATION',
    otherIntegration: 'INTEGRATION',
    processor: 'PROCESSOR',
    gateway: 'GATEWAY',
  }
  for (const [principal, kind] of Object.entries(kinds)) {
    const { data } = await ask(demo, principal, '{ viewer { principal } }')
    check(
      `the token of ${principal} is one of a ${kind}`,
      JSON.stringify(data) === `{"viewer":{"principal":"${kind}"}}`,
    )
  }
  await importTwice(demo)
  const second = spawnSync('npm', ['start', '--silent'], {
    cwd: copy,
    encoding: 'utf8',
    env: environment({}),
    timeout: 60_000,
  })
  check(
    'a second process on the same data is refused in words',
    second.status === 1 && /already uses the data folder/.test(second.stderr),
  )
  process.kill(-(server.pid ?? 0), 'SIGTERM')
  await once(server, 'close')
  check('it stops gracefully when told to', output.includes('"event":"server.stopped"'))
} catch (error) {
  check(error instanceof Error ? error.message : 'the smoke test could not run', false)
  if (server.pid && server.exitCode === null) process.kill(-server.pid, 'SIGKILL')
} finally {
  rmSync(dataDir, { recursive: true, force: true })
  writeFileSync(report, JSON.stringify(counts))
}
process.exitCode = counts.numFailedTests > 0 ? 1 : 0

import { parseArgs } from 'node:util'
import { benchDoor } from './door/door.ts'
import type { BenchOptions, BenchResult } from './frame.ts'
import { benchIngest } from './ingest/ingest.ts'
import { benchReconcile } from './reconcile.ts'
import { benchRetention } from './retention/retention.ts'
import { benchStart } from './start.ts'
import { benchWebhooks } from './webhooks.ts'

/** The benches by name. A new one is a function and a line here. */
const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  door: benchDoor,
  ingest: benchIngest,
  reconcile: benchReconcile,
  retention: benchRetention,
  start: benchStart,
  webhooks: benchWebhooks,
}

const USAGE = `npm run bench -- ${Object.keys(BENCHES).join('|')} [--json] [--rounds 9] [--events 10000] [--finished 1000000] [--foreign 0.25] [--url postgres://owner…]`

function print({ rows, targets }: BenchResult): void {
  console.table(rows)
  if (targets.length > 0) console.table(targets)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '9' },
      events: { type: 'string', default: '10000' },
      finished: { type: 'string', default: '1000000' },
      foreign: { type: 'string', default: '0.25' },
      url: { type: 'string' },
    },
  })
  const bench = BENCHES[positionals[0] ?? '']
  const rounds = Number(values.rounds)
  const events = Number(values.events)
  const finished = Number(values.finished)
  if (
    !bench ||
    positionals.length !== 1 ||
    !Number.isInteger(rounds) ||
    rounds < 1 ||
    !(events >= 1) ||
    !(finished >= 1)
  )
    throw new Error(USAGE)
  const postgresUrl = values.url ?? process.env['BENCH_POSTGRES_URL'] ?? process.env['TEST_POSTGRES_URL']
  const foreignCoresMax = Number(values.foreign)
  const result = await bench({
    rounds,
    events,
    finished,
    postgresUrl,
    foreignCoresMax,
    say: (line) => console.log(line),
  })
  if (values.json) console.log(JSON.stringify(result))
  else print(result)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

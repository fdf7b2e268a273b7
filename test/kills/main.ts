import { parseArgs } from 'node:util'
import { makeTemplate } from '../kit/global-setup.ts'
import { runKills } from './run.ts'

const USAGE = 'npm run test:kills -- [--kills 50] [--backend pglite|postgres] [--seed N]'

/** Kills the engine as often as is said, and tells what was lost, doubled or torn by it. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      backend: { type: 'string', default: 'pglite' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  })
  const { backend } = values
  const [kills, seed] = [Number(values.kills), Number(values.seed)]
  if ((backend !== 'pglite' && backend !== 'postgres') || !(kills >= 1) || !Number.isInteger(kills + seed))
    throw new Error(USAGE)
  if (backend === 'postgres' && !process.env['TEST_POSTGRES_URL'])
    throw new Error('set TEST_POSTGRES_URL to a superuser of a PostgreSQL that runs')
  const print = (line: string) => void process.stdout.write(`${line}\n`)
  print(`${backend}, seed ${seed}`)
  const { template, drop } = await makeTemplate(backend)
  const { faults, ...result } = await runKills({
    ...{ backend, template, kills, seed, persons: 25, batch: 10, say: print },
  }).finally(drop)
  for (const { kind, what } of faults) print(`${kind} ${what}`)
  print(`starts ${result.starts}, databases ${result.databases}`)
  for (const [place, times] of Object.entries(result.places)) print(`${place} ${times}`)
  const count = (kind: string) => faults.filter((fault) => fault.kind === kind).length
  print(`kills ${result.kills}, lost ${count('LOST')}, doubled ${count('DOUBLED')}, torn ${count('TORN')}`)
  if (faults.length > 0) process.exitCode = 1
}

await main()

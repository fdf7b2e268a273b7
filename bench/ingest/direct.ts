import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../src/generated/prisma/client.ts'
import { inParallel } from '../load.ts'
import { type BenchEvent, callsOf } from './events.ts'
import { insertRaw } from './raw-insert.ts'

/** What the bench asks for: `calls` calls of `size` events. Answered with the seconds and the CPU it took. */
export type DirectOrder = { readonly turn: string; readonly calls: number; readonly size: number }

/** The same rows without HTTP, by the way named first. Arguments: way, URL, account, connections. */
const [way, url, accountId = '', connections] = process.argv.slice(2)
const width = Number(connections)
const pool = new pg.Pool({ connectionString: url, max: width })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })

async function createMany(events: readonly BenchEvent[]): Promise<number> {
  const recordedAt = new Date()
  const data = events.map((event) => ({ ...event, accountId, recordedAt }))
  const { count } = await prisma.usageEvent.createMany({ data, skipDuplicates: true })
  return count
}

const insert = way === 'createMany' ? createMany : (events: readonly BenchEvent[]) => insertRaw(pool, accountId, events)

process.on('message', ({ turn, calls, size }: DirectOrder) => {
  const batches = callsOf(turn, calls, size)
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  inParallel(batches, width, async (events) => {
    if ((await insert(events)) !== size) throw new Error('not every event was recorded')
  }).then(
    () => {
      const { user, system } = process.cpuUsage(cpu)
      process.send?.({ seconds: (performance.now() - startedMs) / 1000, cpuMs: (user + system) / 1000 })
    },
    (error: Error) => process.send?.({ failed: error.message }),
  )
})
process.send?.('ready')

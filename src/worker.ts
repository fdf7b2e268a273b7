import { ensurePlatformAccount } from './domains/accounts/platform-account.service.ts'
import { ensureRetentionRules } from './domains/retention/retention-seed.service.ts'
import { readServerEnv } from './env.ts'
import { StartEndedError, settleErasures } from './erasures.ts'
import { createLog } from './http/logging.ts'
import { createMetrics } from './http/metrics.ts'
import { Runner } from './jobs/runner.ts'
import { openResources } from './resources.ts'
import { worksOf } from './works.ts'

/** The job runner alone, for more machines on one PostgreSQL. */
async function main(): Promise<void> {
  const env = readServerEnv()
  const log = createLog({ level: env.logLevel })
  const resources = await openResources()
  const { db, clock } = resources
  const metrics = createMetrics()
  const ending = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ending.abort())
  try {
    await settleErasures(resources, { log, metrics, signal: ending.signal })
  } catch (error) {
    await resources.close()
    throw error
  }
  await ensureRetentionRules(resources)
  await ensurePlatformAccount(resources)
  const onFailure = (name: string, error: unknown) => log.error('job.failed', error, { job: name })
  const runner = new Runner({
    db,
    clock,
    ...worksOf(resources, { metrics, epochDays: resources.epochDays, onFailure }),
    onFailure,
  })
  runner.start()
  log.info('worker.started', { backend: db.kind })
  await ended(ending.signal)
  await runner.stop()
  await resources.close()
  process.exit(0)
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
}

main().catch((error: unknown) => {
  if (error instanceof StartEndedError) process.exit(0)
  console.error(error instanceof Error ? error.message : 'The worker did not start.')
  process.exit(1)
})

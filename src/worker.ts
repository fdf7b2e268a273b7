import { ensurePlatformAccount } from './domains/accounts/platform-account.service.ts'
import { ensureRetentionRules } from './domains/retention/retention-seed.service.ts'
import { readServerEnv } from './env.ts'
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
  await ensureRetentionRules(resources)
  await ensurePlatformAccount(resources)
  const onFailure = (name: string, error: unknown) => log.error('job.failed', error, { job: name })
  const runner = new Runner({
    db,
    clock,
    ...worksOf(resources, { metrics: createMetrics(), epochDays: resources.epochDays, onFailure }),
    onFailure,
  })
  runner.start()
  log.info('worker.started', { backend: db.kind })
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      void runner
        .stop()
        .then(() => resources.close())
        .then(() => process.exit(0))
    })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : 'The worker did not start.')
  process.exit(1)
})

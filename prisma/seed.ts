import { runCommand } from '../src/cli/db-command.ts'
import { seedDemo } from '../src/demo/demo-data.ts'
import { readDatabaseEnv, readServerEnv } from '../src/env.ts'
import { openResources } from '../src/resources.ts'

await runCommand(async () => {
  if (readServerEnv().production || readDatabaseEnv().appUrl !== undefined)
    throw new Error('Demo data is made on the embedded database only, and not with NODE_ENV=production.')
  const resources = await openResources()
  try {
    await resources.keys.ensureEpochRow(resources.db, resources.clock.now(), resources.epochDays)
    await seedDemo(resources)
    return 'The demo data is there: two accounts with persons and clients. `npm start` makes tokens for them.'
  } finally {
    await resources.close()
  }
})

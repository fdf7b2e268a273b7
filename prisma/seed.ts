import { seedDemo } from '../src/demo/demo-data.ts'
import { readDatabaseEnv, readServerEnv } from '../src/env.ts'
import { openResources } from '../src/resources.ts'

const NOT_HERE = 'Demo data is made on the embedded database only, and not with NODE_ENV=production.'

async function seed(): Promise<void> {
  // Asked first: opening makes the embedded database where there is none.
  if (readServerEnv().production || readDatabaseEnv().appUrl !== undefined) throw new Error(NOT_HERE)
  const resources = await openResources()
  try {
    await resources.keys.ensureEpochRow(resources.db, resources.clock.now(), resources.epochDays)
    await seedDemo(resources)
  } finally {
    await resources.close()
  }
  console.log('The demo data is there: two accounts with persons and clients. `npm start` makes tokens for them.')
}

try {
  await seed()
} catch (error) {
  console.error(error instanceof Error ? error.message : 'The demo data could not be made.')
  process.exitCode = 1
}

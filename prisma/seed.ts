import { seedDemo } from '../src/demo/demo-data.ts'
import { readServerEnv } from '../src/env.ts'
import { openResources } from '../src/resources.ts'

const resources = await openResources()
try {
  if (readServerEnv().production || resources.db.kind !== 'pglite')
    throw new Error('Demo data is made on the embedded database only, and not with NODE_ENV=production.')
  await resources.keys.ensureEpochRow(resources.db, resources.clock.now())
  await seedDemo(resources)
  console.log('The demo data is there: two accounts with persons and clients. `npm start` makes tokens for them.')
} catch (error) {
  console.error(error instanceof Error ? error.message : 'The demo data could not be made.')
  process.exitCode = 1
} finally {
  await resources.close()
}

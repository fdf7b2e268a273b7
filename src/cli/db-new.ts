import { relative } from 'node:path'
import { newMigration } from '../db/migrations.ts'
import { openOwned, pgliteTarget } from '../db/pglite.ts'
import { systemClock } from '../time/clock.ts'
import { oneName, readArguments, runCommand } from './db-command.ts'

await runCommand(async () => {
  const name = oneName(readArguments(process.argv).names, 'npm run db:new -- verb_object')
  const { pglite, close } = await openOwned({ dataDir: 'memory' })
  try {
    return `Wrote ${relative(process.cwd(), await newMigration(pgliteTarget(pglite), name, systemClock))}.`
  } finally {
    await close()
  }
})

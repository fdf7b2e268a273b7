import { writeArchive } from '../db/archive.ts'
import { connectForBackup } from '../db/connections.ts'
import { readDatabaseEnv } from '../env.ts'
import { systemClock } from '../time/clock.ts'
import { oneName, readArguments, runCommand } from './db-command.ts'

await runCommand(async () => {
  const file = oneName(readArguments(process.argv).names, 'npm run db:backup -- FILE')
  const connection = await connectForBackup(readDatabaseEnv())
  try {
    const rows = await writeArchive(connection, 'public', file, systemClock)
    return `Wrote ${rows} rows to ${file}. It cannot be read without the data keys: npm run keys:backup saves those.`
  } finally {
    await connection.close()
  }
})

import { writeArchive } from '../db/archive.ts'
import { connectForBackup } from '../db/connections.ts'
import { readDatabaseEnv } from '../env.ts'
import { systemClock } from '../time/clock.ts'
import { oneName, readArguments, runCommand } from './db-command.ts'

await runCommand(async () => {
  const file = oneName(readArguments(process.argv).names, 'npm run keys:backup -- FILE')
  const connection = await connectForBackup(readDatabaseEnv())
  try {
    const rows = await writeArchive(connection, 'keys', file, systemClock)
    return `Wrote ${rows} rows to ${file}. Keep it apart from the data and not for long: what it holds can undo erasures.`
  } finally {
    await connection.close()
  }
})

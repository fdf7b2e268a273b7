import { connectAsOwner } from '../db/connections.ts'
import { findDrift } from '../db/migrations.ts'
import { readDatabaseEnv } from '../env.ts'
import { runCommand } from './db-command.ts'

await runCommand(async () => {
  const owner = await connectAsOwner(readDatabaseEnv())
  try {
    const findings = await findDrift(owner.target)
    if (findings.length > 0) throw new Error(`Drift:\n${findings.join('\n')}`)
    return 'No drift: the migrations make exactly what the models describe.'
  } finally {
    await owner.close()
  }
})

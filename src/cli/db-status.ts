import { connectAsOwner } from '../db/connections.ts'
import { migrationStatus } from '../db/migrations.ts'
import { readDatabaseEnv } from '../env.ts'
import { runCommand } from './db-command.ts'

await runCommand(async () => {
  const owner = await connectAsOwner(readDatabaseEnv())
  try {
    const { pending, unknown, failed, edited } = await migrationStatus(owner.target)
    const lines = [
      ...pending.map((name) => `pending  ${name}`),
      ...failed.map((name) => `failed   ${name}`),
      ...edited.map((name) => `edited   ${name}`),
      ...unknown.map((name) => `unknown  ${name}`),
    ]
    return lines.length === 0 ? 'The schema is up to date.' : lines
  } finally {
    await owner.close()
  }
})

import { connectAsOwner } from '../db/connections.ts'
import { applyMigrations } from '../db/migrations.ts'
import { ensureRoles } from '../db/roles.ts'
import { readDatabaseEnv } from '../env.ts'
import { runCommand } from './db-command.ts'

await runCommand(async () => {
  const owner = await connectAsOwner(readDatabaseEnv())
  try {
    if (owner.kind === 'pglite') await ensureRoles({ kind: owner.kind, query: (sql) => owner.script(sql) })
    const applied = await applyMigrations(owner.target)
    return applied.length === 0 ? 'The schema is up to date.' : applied.map((name) => `Applied ${name}.`)
  } finally {
    await owner.close()
  }
})

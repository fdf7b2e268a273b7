import { connectAsOwner, isServer } from '../db/connections.ts'
import { applyMigrations } from '../db/migrations.ts'
import { dropSchemas } from '../db/restore.ts'
import { ensureRoles } from '../db/roles.ts'
import { readDatabaseEnv, readServerEnv } from '../env.ts'
import { readArguments, runCommand } from './db-command.ts'

await runCommand(async () => {
  const env = readDatabaseEnv()
  if (readServerEnv().production) throw new Error('db:reset loses every row and is refused with NODE_ENV=production')
  if (isServer(env) && !readArguments(process.argv).yes)
    throw new Error('db:reset loses every row of the database: give --yes to do it')
  const owner = await connectAsOwner(env)
  try {
    if (owner.kind === 'pglite') await ensureRoles({ kind: owner.kind, query: (sql) => owner.script(sql) })
    await dropSchemas(owner)
    const applied = await applyMigrations(owner.target)
    return `The database is empty again, with ${applied.length} migrations applied.`
  } finally {
    await owner.close()
  }
})

import { connectAsOwner } from '../db/connections.ts'
import { restoreArchives } from '../db/restore.ts'
import { ensureRoles } from '../db/roles.ts'
import { readDatabaseEnv } from '../env.ts'
import { readArguments, runCommand } from './db-command.ts'

await runCommand(async () => {
  const { names, yes } = readArguments(process.argv)
  if (names.length < 1 || names.length > 2) throw new Error('usage: npm run db:restore -- FILE [KEYS_FILE] [--yes]')
  const owner = await connectAsOwner(readDatabaseEnv())
  try {
    if (owner.kind === 'pglite') await ensureRoles({ kind: owner.kind, query: (sql) => owner.script(sql) })
    const rows = await restoreArchives(owner, names, { overwrite: yes })
    return `Restored ${rows} rows.`
  } finally {
    await owner.close()
  }
})

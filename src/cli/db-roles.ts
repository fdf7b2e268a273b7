import { connectAsOwner, isServer } from '../db/connections.ts'
import { deriveLoginUrls, parseUrl } from '../db/postgres.ts'
import { ensureRoles, type RoleName } from '../db/roles.ts'
import { type DatabaseEnv, readDatabaseEnv } from '../env.ts'
import { runCommand } from './db-command.ts'

/** Each role's password is the one in the URL that signs in as it; a URL of another user is a mistake. */
function passwordsIn(env: DatabaseEnv): Partial<Record<RoleName, string>> {
  const urls = env.appUrl === undefined ? undefined : deriveLoginUrls(env.appUrl, env)
  const wanted = [
    ['DATABASE_URL', 'privacy_app', urls?.appUrl],
    ['DATABASE_WORKER_URL', 'privacy_worker', urls?.workerUrl],
    ['DATABASE_AUTH_URL', 'privacy_auth', urls?.authUrl],
    ['DATABASE_BACKUP_URL', 'privacy_backup', env.backupUrl],
  ] as const
  const passwords: Partial<Record<RoleName, string>> = {}
  for (const [variable, role, url] of wanted) {
    if (url === undefined) continue
    const { username, password } = parseUrl(url)
    if (decodeURIComponent(username) !== role) throw new Error(`${variable} must sign in as ${role}`)
    if (password !== '') passwords[role] = decodeURIComponent(password)
  }
  return passwords
}

await runCommand(async () => {
  const env = readDatabaseEnv()
  const passwords = isServer(env) ? passwordsIn(env) : {}
  const owner = await connectAsOwner(env)
  try {
    await ensureRoles({ kind: owner.kind, query: (sql) => owner.script(sql) }, { passwords })
  } finally {
    await owner.close()
  }
  return 'The roles privacy_app, privacy_worker, privacy_auth and privacy_backup are ready.'
})

import { setTimeout as delay } from 'node:timers/promises'
import { isPostgresError } from './postgres-errors.ts'

/** The logins of the program, none of which owns anything. `privacy_backup` alone passes row-level security, to read. */
export type RoleName = 'privacy_app' | 'privacy_worker' | 'privacy_auth' | 'privacy_backup'

/** What `ensureRoles` needs of a connection of the owner: statements that are run one by one. */
export type RoleConnection = {
  readonly kind: 'pglite' | 'postgres'
  query(sql: string): Promise<unknown>
}

export type RoleOptions = {
  /** Passwords to set; a role without one keeps what it has. Never logged, and not part of any error. */
  readonly passwords?: { readonly [R in RoleName]?: string }
}

const LOGINS = ['privacy_app', 'privacy_worker', 'privacy_auth'] as const
const PLAIN = 'login nosuperuser nobypassrls noinherit nocreatedb nocreaterole noreplication'
const READER = 'login nosuperuser bypassrls inherit nocreatedb nocreaterole noreplication'
const ATTEMPTS_MAX = 20

/**
 * Makes the four roles, or brings existing ones to what they must be. Safe to repeat, and safe to run twice at once:
 * roles belong to the whole cluster, where PostgreSQL lets concurrent statements on them fail.
 * @throws Error when the connection may not make roles, or may not grant BYPASSRLS to `privacy_backup`.
 */
export async function ensureRoles(connection: RoleConnection, options: RoleOptions = {}): Promise<void> {
  for (const name of LOGINS) await ensureRole(connection, name, PLAIN, options.passwords?.[name])
  await ensureRole(connection, 'privacy_backup', READER, options.passwords?.privacy_backup).catch((error: unknown) => {
    if (!isPostgresError(error) || error.code !== '42501') throw error
    throw new Error(
      'the owner may not grant BYPASSRLS to privacy_backup: let a superuser run `npm run db:roles` once, ' +
        'or run `alter role privacy_backup bypassrls` as one',
    )
  })
  await retried(() => connection.query('grant pg_read_all_data to privacy_backup'))
  if (connection.kind === 'pglite')
    await retried(() =>
      connection.query('grant privacy_worker, privacy_auth to privacy_app with inherit false, set true'),
    )
}

async function ensureRole(
  connection: RoleConnection,
  name: RoleName,
  attributes: string,
  password: string | undefined,
): Promise<void> {
  const options = password === undefined ? attributes : `${attributes} password ${quoteLiteral(password)}`
  await retried(async () => {
    await connection.query(`
      do $do$ begin
        if not exists (select from pg_roles where rolname = '${name}') then create role ${name}; end if;
      end $do$`)
    await connection.query(`alter role ${name} ${options}`).catch(withoutStatement)
  })
}

/** Keeps the answer and drops the statement that the driver may have put into the error: it holds the password. */
function withoutStatement(error: unknown): never {
  if (!isPostgresError(error)) throw error
  throw Object.assign(new Error(error.message), { code: error.code })
}

/** Runs `fn` again when it met a concurrent change of the same role. */
async function retried<T>(fn: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await fn()
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !isConcurrentChange(error)) throw error
      await delay(10 * attempt)
    }
}

function isConcurrentChange(error: unknown): boolean {
  if (!isPostgresError(error)) return false
  if (error.code === '23505' || error.code === '42710') return true
  return error.code === 'XX000' && error.message.includes('concurrently updated')
}

/** `value` as a literal of SQL, whatever `standard_conforming_strings` says. */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new Error('a literal must not contain a zero character')
  const doubled = value.replaceAll("'", "''")
  return doubled.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

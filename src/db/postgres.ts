import { PrismaPg } from '@prisma/adapter-pg'
import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  Transaction,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { PrismaClient } from '../generated/prisma/client.ts'
import type { Backend, Login } from './backend.ts'
import { APPLIED_MIGRATIONS_SQL, assertSchemaCurrent, MIGRATIONS_DIR } from './migrations.ts'
import { sqlStateOf } from './postgres-errors.ts'

/** The three logins of the server, as connection URLs. */
export type LoginUrls = { readonly appUrl: string; readonly workerUrl: string; readonly authUrl: string }

export type PostgresOptions = LoginUrls & {
  /** Connections of each login at most. Default 10. */
  readonly poolMax?: number
  /** Shown in `pg_stat_activity`. Default `pipelet-privacy`. */
  readonly applicationName?: string
  /** Default: the program's own migrations. */
  readonly migrationsDir?: string
  /** Told of a connection that broke while nobody used it; the pool replaces it. */
  readonly onConnectionLost?: (login: Login, error: Error) => void
}

const VERSION_MIN = 15
const LOGINS = ['app', 'worker', 'auth'] as const
const CONNECT_MS_MAX = 10_000

/**
 * The worker's and the identity look-ups' URLs: those given, else `databaseUrl` with the user name replaced.
 * @throws Error when `databaseUrl` is not a postgres URL; the message does not repeat it.
 */
export function deriveLoginUrls(
  databaseUrl: string,
  overrides: { readonly workerUrl?: string | undefined; readonly authUrl?: string | undefined } = {},
): LoginUrls {
  return {
    appUrl: databaseUrl,
    workerUrl: overrides.workerUrl ?? withUser(databaseUrl, 'privacy_worker'),
    authUrl: overrides.authUrl ?? withUser(databaseUrl, 'privacy_auth'),
  }
}

/** `url` with another user name and the same password. */
export function withUser(url: string, user: string): string {
  const changed = parseUrl(url)
  changed.username = user
  return changed.href
}

/** Reads a postgres URL. @throws Error that does not repeat it, because it holds a password. */
export function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol))
    throw new Error('a database URL must have the form postgres://user:password@host:port/database')
  return parsed
}

/**
 * Opens PostgreSQL with one pool for each login, every connection in UTC. Never migrates.
 * `close` waits for open transactions.
 * @throws Error when the server is older than 15, a login could pass row-level security (superuser, BYPASSRLS,
 * CREATEROLE, owner of a table), two logins are the same, the time zone is not UTC, or the schema is not this
 * program's.
 */
export async function openPostgres(options: PostgresOptions): Promise<Backend> {
  const pools = new Map(LOGINS.map((login) => [login, openPool(login, options)]))
  try {
    const users = await Promise.all([...pools].map(([login, pool]) => assertFit(login, pool)))
    if (new Set(users).size < users.length)
      throw new Error('the logins of requests, worker and identity look-ups must be three different ones')
    await assertSchemaCurrent(
      async () => (await poolOf(pools, 'app').query(APPLIED_MIGRATIONS_SQL)).rows,
      options.migrationsDir ?? MIGRATIONS_DIR,
    )
  } catch (error) {
    await Promise.all([...pools.values()].map((pool) => pool.end()))
    throw error
  }
  const clients = new Map(
    [...pools].map(([login, pool]) => [login, new PrismaClient({ adapter: new PostgresAdapterFactory(pool) })]),
  )
  let closing: Promise<void> | undefined
  return {
    kind: 'postgres',
    client: (login) => {
      const client = clients.get(login)
      if (!client) throw new Error(`there is no login ${login}`)
      return client
    },
    roleOf: () => null,
    close: () => {
      closing ??= closeAll(pools, clients)
      return closing
    },
  }
}

/** Settings of every connection this program makes: UTC, whatever the server, the role or the machine prefers. */
export function connectionConfig(url: string, applicationName = 'pipelet-privacy'): pg.ClientConfig {
  return {
    connectionString: parseUrl(url).href,
    options: '-c timezone=UTC',
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_MS_MAX,
  }
}

function openPool(login: Login, options: PostgresOptions): pg.Pool {
  const config = connectionConfig(options[`${login}Url`], options.applicationName)
  const pool = new pg.Pool({ ...config, max: options.poolMax ?? 10 })
  pool.on('error', (error) => options.onConnectionLost?.(login, error))
  return pool
}

function poolOf(pools: ReadonlyMap<Login, pg.Pool>, login: Login): pg.Pool {
  const pool = pools.get(login)
  if (!pool) throw new Error(`there is no login ${login}`)
  return pool
}

type Fitness = {
  user: string
  version: number
  timezone: string
  passes_rls: boolean
  makes_roles: boolean
  owns: boolean
}

/** @returns the login's user name. */
/** SQLSTATEs of a login that is missing or whose password is wrong. */
const CANNOT_SIGN_IN = new Set(['28000', '28P01'])

async function assertFit(login: Login, pool: pg.Pool): Promise<string> {
  const { rows } = await pool
    .query<Fitness>(`
    select session_user as user, current_setting('server_version_num')::int / 10000 as version,
           current_setting('timezone') as timezone, rolsuper or rolbypassrls as passes_rls,
           rolcreaterole as makes_roles,
           exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)'
                     and pg_has_role(r.oid, c.relowner, 'member')) as owns
    from pg_roles r where rolname = session_user`)
    .catch((error: unknown) => {
      if (!CANNOT_SIGN_IN.has(sqlStateOf(error) ?? '')) throw error
      throw new Error(
        `the ${login} login cannot sign in: make the roles by npm run db:roles, with the passwords of the URLs`,
      )
    })
  const [row] = rows
  if (!row) throw new Error(`the ${login} login has no role`)
  if (row.version < VERSION_MIN) throw new Error(`PostgreSQL ${VERSION_MIN} or newer is needed; this is ${row.version}`)
  const refused = `the ${login} login ${row.user} must not be used: it`
  if (row.passes_rls) throw new Error(`${refused} is a superuser or bypasses row-level security`)
  if (row.makes_roles) throw new Error(`${refused} may make roles`)
  if (row.owns) throw new Error(`${refused} owns tables, or is a member of a role that does`)
  if (row.timezone !== 'UTC') throw new Error(`the connection's time zone is ${row.timezone}; it must be UTC`)
  return row.user
}

async function closeAll(pools: ReadonlyMap<Login, pg.Pool>, clients: ReadonlyMap<Login, PrismaClient>): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.end()))
  await Promise.all([...clients.values()].map((client) => client.$disconnect()))
}

/** `@prisma/adapter-pg`, except that a commit which the database turned into a rollback fails. */
class PostgresAdapterFactory implements SqlDriverAdapterFactory {
  readonly provider = 'postgres'
  readonly adapterName = '@prisma/adapter-pg'
  readonly #inner: PrismaPg

  constructor(pool: pg.Pool) {
    this.#inner = new PrismaPg(pool)
  }

  async connect(): Promise<SqlDriverAdapter> {
    const adapter: SqlDriverAdapter = await this.#inner.connect()
    const startTransaction = adapter.startTransaction.bind(adapter)
    adapter.startTransaction = async (level?: IsolationLevel) => withHonestCommit(await startTransaction(level))
    return adapter
  }
}

/**
 * After a statement has failed PostgreSQL answers COMMIT with a rollback and no error. So once one has failed, the
 * commit first asks whether the transaction still lives, which fails with SQLSTATE 25P02 when it does not.
 */
function withHonestCommit(transaction: Transaction): Transaction {
  const execute = transaction.executeRaw.bind(transaction)
  const query = transaction.queryRaw.bind(transaction)
  let failed = false
  const noticed = (error: unknown): never => {
    failed = true
    throw error
  }
  const undone = async (error: unknown): Promise<never> => {
    await execute(plain('ROLLBACK'))
    throw error
  }
  transaction.queryRaw = (statement) => query(statement).catch(noticed)
  transaction.executeRaw = async (statement) => {
    if (failed && statement.sql === 'COMMIT') await query(plain('select 1')).catch(undone)
    return execute(statement).catch(noticed)
  }
  return transaction
}

const plain = (sql: string): SqlQuery => ({ sql, args: [], argTypes: [] })

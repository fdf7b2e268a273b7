import { join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

/** The configuration is wrong; the message names each variable and the reason, and shows no value. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

const isNetwork = (value: string) => ipaddr.isValidCIDR(value)
const flag = z.enum(['on', 'off']).transform((value) => value === 'on')
const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max)

const networks = z
  .string()
  .default('')
  .transform((value) => value.split(',').filter((network) => network !== ''))
  .refine((values) => values.every(isNetwork), 'must be networks like 10.1.0.0/16, separated by commas')

const databaseUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    'must have the form postgres://user:password@host:port/database',
  )

const databaseModel = z
  .object({
    DATA_DIR: z.string().min(1).default('.data'),
    LEDGER_DIR: z.string().min(1).optional(),
    DATABASE_URL: databaseUrl.optional(),
    DATABASE_WORKER_URL: databaseUrl.optional(),
    DATABASE_AUTH_URL: databaseUrl.optional(),
    DATABASE_OWNER_URL: databaseUrl.optional(),
    DATABASE_BACKUP_URL: databaseUrl.optional(),
    DATABASE_POOL_MAX: count(1, 500).default(10),
  })
  .transform((env) => ({
    dataDir: resolve(env.DATA_DIR),
    ledgerDir: resolve(env.LEDGER_DIR ?? join(env.DATA_DIR, 'ledger')),
    appUrl: env.DATABASE_URL,
    workerUrl: env.DATABASE_WORKER_URL,
    authUrl: env.DATABASE_AUTH_URL,
    ownerUrl: env.DATABASE_OWNER_URL,
    backupUrl: env.DATABASE_BACKUP_URL,
    poolMax: env.DATABASE_POOL_MAX,
  }))

const keysModel = z
  .object({ PRIVACY_KEYS: z.string().min(1).optional(), KEY_EPOCH_DAYS: count(1, 365).default(30) })
  .transform((env) => ({ keys: env.PRIVACY_KEYS, epochDays: env.KEY_EPOCH_DAYS }))

const settingsModel = z
  .object({ STATISTICS_SUBJECTS_MIN: count(2, 10_000).default(10), WEBHOOK_ALLOWED_NETWORKS: networks })
  .transform((env) => ({
    statisticsSubjectsMin: env.STATISTICS_SUBJECTS_MIN,
    webhookNetworks: env.WEBHOOK_ALLOWED_NETWORKS,
  }))

const serverModel = z
  .object({
    NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
    HOST: z.string().min(1).default('127.0.0.1'),
    PORT: count(0, 65_535).default(4000),
    PUBLIC_URL: z
      .url({ protocol: /^https?$/ })
      .refine((value) => !value.endsWith('/'), 'must not end with a slash')
      .optional(),
    WORKER: flag.default(true),
    DEMO: flag.default(true),
    LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    CORS_ORIGINS: z
      .string()
      .default('')
      .transform((value) => value.split(',').filter((origin) => origin !== '')),
    TRUSTED_PROXIES: count(0, 10).default(0),
    TRUSTED_ISSUERS: z.string().default('[]'),
    METRICS_TOKEN: z.string().min(16).optional(),
    RATE_LIMIT_CALLER_PER_MINUTE: count(1, 10_000_000).optional(),
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: count(1, 10_000_000).optional(),
    GRACE_SECONDS: count(1, 600).default(10),
  })
  .transform((env) => ({
    production: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL,
    worker: env.WORKER,
    demo: env.DEMO,
    logLevel: env.LOG_LEVEL,
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUSTED_PROXIES,
    trustedIssuers: env.TRUSTED_ISSUERS,
    metricsToken: env.METRICS_TOKEN ?? null,
    callerPerMinute: env.RATE_LIMIT_CALLER_PER_MINUTE,
    anonymousPerMinute: env.RATE_LIMIT_ANONYMOUS_PER_MINUTE,
    graceSeconds: env.GRACE_SECONDS,
  }))

type Source = Readonly<Record<string, string | undefined>>

function read<T>(model: z.ZodType<T>, source: Source): T {
  // An empty variable is an absent one: that is how compose files and shells write "not set".
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const result = model.safeParse(given)
  if (result.success) return result.data
  const lines = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigurationError(`The configuration is wrong.\n${lines.join('\n')}`)
}

/**
 * Where the database is, and the ledger of erasures outside it. Without `DATABASE_URL` it is the embedded one below
 * `DATA_DIR`; without `LEDGER_DIR` the ledger is the folder `ledger` there.
 */
export type DatabaseEnv = z.output<typeof databaseModel>

/** @throws ConfigurationError */
export function readDatabaseEnv(source: Source = process.env): DatabaseEnv {
  return read(databaseModel, source)
}

/** Where the keys come from: `PRIVACY_KEYS`, else a file below `DATA_DIR`. */
export type KeysEnv = z.output<typeof keysModel>

/** @throws ConfigurationError */
export function readKeysEnv(source: Source = process.env): KeysEnv {
  return read(keysModel, source)
}

/** What the operator decides about use cases. */
export type SettingsEnv = z.output<typeof settingsModel>

/** @throws ConfigurationError */
export function readSettingsEnv(source: Source = process.env): SettingsEnv {
  return read(settingsModel, source)
}

/** How the server is reached and what it allows. */
export type ServerEnv = z.output<typeof serverModel>

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/

/**
 * Whether the server is one person's on one machine: it listens on a loopback address, names no other address to the
 * outside, and `NODE_ENV` is not `production`. Only then may it show its schema and GraphiQL to everyone, and hold demo
 * data.
 */
export function isLocal(env: Pick<ServerEnv, 'production' | 'host' | 'publicUrl'>): boolean {
  const named = env.publicUrl === undefined ? env.host : new URL(env.publicUrl).hostname
  return !env.production && LOOPBACK.test(env.host) && LOOPBACK.test(named)
}

/** @throws ConfigurationError */
export function readServerEnv(source: Source = process.env): ServerEnv {
  return read(serverModel, source)
}

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Backend } from '../../src/db/backend.ts'
import { applyMigrations, type MigrationTarget } from '../../src/db/migrations.ts'
import { openOwned, openPglite, pgliteTarget } from '../../src/db/pglite.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { openOwner } from '../../src/db/postgres-owner.ts'
import { ensureRoles } from '../../src/db/roles.ts'
import { TEST_PASSWORD } from '../kit/global-setup.ts'

/** A superuser's URL of a PostgreSQL server on which these tests may make databases; absent: not tested there. */
export const serverUrl = process.env['TEST_BACKEND'] === 'postgres' ? process.env['TEST_POSTGRES_URL'] : undefined

/** A new database on the test server, with the roles, no schema, and an owner who is no superuser. */
export async function newServerDatabase(url: string) {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query(`create role ${name} login password 'owner'`)
  await admin.query(`create database ${name} owner ${name}`)
  const passwords = {
    privacy_app: TEST_PASSWORD,
    privacy_worker: TEST_PASSWORD,
    privacy_auth: TEST_PASSWORD,
    privacy_backup: TEST_PASSWORD,
  }
  await ensureRoles({ kind: 'postgres', query: (sql) => admin.query(sql) }, { passwords })
  const as = (user: string, password: string) => {
    const changed = new URL(url)
    changed.pathname = name
    changed.username = user
    changed.password = encodeURIComponent(password)
    return changed.href
  }
  return {
    superUrl: as(decodeURIComponent(new URL(url).username), decodeURIComponent(new URL(url).password)),
    ownerUrl: as(name, 'owner'),
    appUrl: as('privacy_app', TEST_PASSWORD),
    backupUrl: as('privacy_backup', TEST_PASSWORD),
    drop: async () => {
      await admin.query(`drop database ${name} with (force)`)
      await admin.query(`drop role ${name}`)
      await admin.end()
    },
  }
}

/** The backend under test, migrated and empty. */
export async function openBackend(): Promise<Backend> {
  if (!serverUrl) return openPglite({ dataDir: 'memory' })
  const made = await newServerDatabase(serverUrl)
  const owner = await openOwner(made.ownerUrl)
  await applyMigrations(owner.target)
  await owner.close()
  const backend = await openPostgres({ ...deriveLoginUrls(made.appUrl), poolMax: 3 })
  const close = async () => {
    await backend.close()
    await made.drop()
  }
  return { ...backend, close }
}

/** An empty database of the kind under test, as its owner, with the roles. */
export async function openTarget(): Promise<{
  target: MigrationTarget
  rows(sql: string): Promise<unknown[]>
  close(): Promise<void>
}> {
  if (serverUrl) {
    const made = await newServerDatabase(serverUrl)
    const owner = await openOwner(made.ownerUrl)
    const close = async () => {
      await owner.close()
      await made.drop()
    }
    return { target: owner.target, rows: async (sql) => (await owner.client.query(sql)).rows, close }
  }
  const { pglite, close } = await openOwned({ dataDir: 'memory' })
  await ensureRoles({ kind: 'pglite', query: (sql) => pglite.exec(sql) })
  return { target: pgliteTarget(pglite), rows: async (sql) => (await pglite.query(sql)).rows, close }
}

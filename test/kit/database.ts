import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { inject } from 'vitest'
import type { Backend } from '../../src/db/backend.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { TEST_PASSWORD, withDatabase } from './global-setup.ts'

/** A fresh, migrated database of the project's kind, for one test file. */
export async function openTestBackend(options: { dataDir?: string; poolMax?: number } = {}): Promise<Backend> {
  const template = inject('template')
  if (inject('backend') === 'pglite') {
    const loadDataDir = new Blob([new Uint8Array(await readFile(template))])
    return openPglite({ dataDir: options.dataDir ?? 'memory', loadDataDir })
  }
  const { url, drop } = await copyDatabase(template)
  const backend = await openPostgres({ ...deriveLoginUrls(url), poolMax: options.poolMax ?? 4 })
  return {
    ...backend,
    close: async () => {
      await backend.close()
      await drop()
    },
  }
}

/** A copy of the template on PostgreSQL; its URL is that of the application's login. */
export async function copyDatabase(template: string) {
  const ownerUrl = process.env['TEST_POSTGRES_URL'] ?? ''
  const name = `privacy_test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: ownerUrl })
  await admin.connect()
  // Copying locks the template for a moment; two files that start at once wait for each other.
  await admin.query('select pg_advisory_lock(4715)')
  await admin.query(`create database ${name} template ${template}`)
  await admin.query('select pg_advisory_unlock(4715)')
  const url = new URL(withDatabase(ownerUrl, name))
  url.username = 'privacy_app'
  url.password = TEST_PASSWORD
  return {
    url: url.href,
    drop: async () => {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
    },
  }
}

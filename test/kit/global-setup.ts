import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { applyMigrations } from '../../src/db/migrations.ts'
import { createTemplate } from '../../src/db/pglite.ts'
import { openOwner } from '../../src/db/postgres-owner.ts'
import { ensureRoles } from '../../src/db/roles.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Which database the tests run on. */
    backend: 'pglite' | 'postgres'
    /** PGlite: the file with a migrated, empty database. PostgreSQL: the name of such a database. */
    template: string
  }
}

/** The password of the test logins. */
export const TEST_PASSWORD = 'test-only'

/** Makes the migrated template of which every test file gets a copy, once a project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  return project.name === 'postgres' ? setupPostgres(project) : setupPglite(project)
}

async function setupPglite(project: TestProject) {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-template-'))
  const file = join(folder, 'template.tar')
  await writeFile(file, Buffer.from(await (await createTemplate()).arrayBuffer()))
  project.provide('template', file)
  return () => rm(folder, { recursive: true, force: true })
}

async function setupPostgres(project: TestProject) {
  const ownerUrl = process.env['TEST_POSTGRES_URL'] ?? ''
  const name = `privacy_template_${process.pid}_${Date.now()}`
  const admin = new pg.Client({ connectionString: ownerUrl })
  await admin.connect()
  const passwords = Object.fromEntries(
    (['privacy_app', 'privacy_worker', 'privacy_auth', 'privacy_backup'] as const).map((role) => [role, TEST_PASSWORD]),
  )
  await ensureRoles({ kind: 'postgres', query: (sql) => admin.query(sql) }, { passwords })
  await admin.query(`create database ${name}`)
  const owner = await openOwner(withDatabase(ownerUrl, name))
  await applyMigrations(owner.target)
  await owner.close()
  project.provide('template', name)
  return async () => {
    await admin.query(`drop database if exists ${name} with (force)`)
    await admin.end()
  }
}

/** The same connection to another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

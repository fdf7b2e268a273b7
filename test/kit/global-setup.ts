import { randomUUID } from 'node:crypto'
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
  const { template, drop } = await makeTemplate(project.name === 'postgres' ? 'postgres' : 'pglite')
  project.provide('template', template)
  return drop
}

/** A migrated, empty database to copy, and the way to be rid of it. @see ProvidedContext */
export type Template = { readonly template: string; drop(): Promise<void> }

/** Makes a template, on PostgreSQL in the cluster of `TEST_POSTGRES_URL`. */
export function makeTemplate(backend: 'pglite' | 'postgres'): Promise<Template> {
  return backend === 'postgres' ? makeInPostgres() : makePglite()
}

async function makePglite(): Promise<Template> {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-template-'))
  const template = join(folder, 'template.tar')
  await writeFile(template, Buffer.from(await (await createTemplate()).arrayBuffer()))
  return { template, drop: () => rm(folder, { recursive: true, force: true }) }
}

async function makeInPostgres(): Promise<Template> {
  const ownerUrl = process.env['TEST_POSTGRES_URL'] ?? ''
  const template = `privacy_template_${process.pid}_${Date.now()}`
  const admin = new pg.Client({ connectionString: ownerUrl })
  await admin.connect()
  const passwords = Object.fromEntries(
    (['privacy_app', 'privacy_worker', 'privacy_auth', 'privacy_backup'] as const).map((role) => [role, TEST_PASSWORD]),
  )
  await ensureRoles({ kind: 'postgres', query: (sql) => admin.query(sql) }, { passwords })
  await admin.query(`create database ${template}`)
  const owner = await openOwner(withDatabase(ownerUrl, template))
  await applyMigrations(owner.target)
  await owner.close()
  return {
    template,
    drop: async () => {
      await admin.query(`drop database if exists ${template} with (force)`)
      await admin.end()
    },
  }
}

/** A copy of a template on PostgreSQL; its URL is that of the application's login. */
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

/** The same connection to another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

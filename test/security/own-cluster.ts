import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { inject } from 'vitest'
import { makeTemplate, withDatabase } from '../kit/global-setup.ts'

const run = promisify(execFile)

/** Whether this process may read the files of the server at `url`. */
async function isReadable(url: string): Promise<boolean> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
  await client.end()
  return readdir(join(rows[0]?.folder ?? '', 'pg_wal')).then(
    () => true,
    () => false,
  )
}

/**
 * Makes sure that the files of the server under test can be read. Where those of `TEST_POSTGRES_URL` cannot, a cluster of
 * its own is made by `initdb`, and takes its place in this file's process, template and all.
 * @throws Error where neither is possible: a search that looks at nothing proves nothing
 */
export async function readableServer(): Promise<() => Promise<void>> {
  const given = process.env['TEST_POSTGRES_URL'] ?? ''
  if (inject('backend') === 'pglite' || (await isReadable(given))) return async () => undefined
  const bin = await programs()
  const folder = await mkdtemp(join(tmpdir(), 'privacy-cluster-'))
  const port = await freePort()
  await run(join(bin, 'initdb'), ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'])
  const settings = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c fsync=off`
  const ctl = join(bin, 'pg_ctl')
  // A server that inherited the pipes would keep this call from ending.
  await mkdir(join(folder, 'log'))
  await run(ctl, ['-D', folder, '-w', '-l', join(folder, 'log/server.log'), '-o', settings, 'start'])
  process.env['TEST_POSTGRES_URL'] = `postgres://postgres@127.0.0.1:${port}/postgres`
  const { template, drop } = await makeTemplate('postgres')
  const admin = new pg.Client(withDatabase(process.env['TEST_POSTGRES_URL'], 'postgres'))
  await admin.connect()
  await admin.query(`create database ${inject('template')} template ${template}`)
  await admin.end()
  return async () => {
    await drop()
    await run(ctl, ['-D', folder, '-m', 'immediate', 'stop'])
    process.env['TEST_POSTGRES_URL'] = given
    await rm(folder, { recursive: true, force: true })
  }
}

/** The folder of PostgreSQL's programs. */
async function programs(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined)
    throw new Error('the files of TEST_POSTGRES_URL cannot be read, and there is no initdb to make a cluster with')
  return `/usr/lib/postgresql/${newest}/bin`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

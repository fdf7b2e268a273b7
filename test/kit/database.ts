import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'
import type { Backend } from '../../src/db/backend.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { copyDatabase } from './global-setup.ts'

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

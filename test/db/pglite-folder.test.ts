import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openOwned } from '../../src/db/pglite.ts'

test('the embedded database is closed to other users, also in a folder that is open to them', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'privacy-folder-'))
  await chmod(dataDir, 0o755)
  const database = join(dataDir, 'database')
  const mode = async () => ((await stat(database)).mode & 0o777).toString(8)
  try {
    await (await openOwned({ dataDir })).close()
    const made = await mode()
    await chmod(database, 0o755)
    await (await openOwned({ dataDir })).close()
    expect([made, await mode()]).toEqual(['700', '700'])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

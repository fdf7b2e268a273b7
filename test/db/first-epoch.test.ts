import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { isRotationDue } from '../../src/crypto/rotation.ts'
import { Database } from '../../src/db/database.ts'
import { TestClock } from '../kit/clock.ts'
import { openTestBackend } from '../kit/database.ts'

test('the first epoch lasts as many days as were asked for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'privacy-first-epoch-'))
  const db = new Database(await openTestBackend())
  try {
    const clock = new TestClock('2026-03-01T00:00:00.000Z')
    const keys = new Keyring(
      await LocalKeyProvider.open({ path: join(folder, 'keys.json'), clock, mayCreate: true }),
      clock,
    )
    await keys.ensureEpochRow(db, clock.now(), 7)
    expect(await isRotationDue(db, new Date('2026-03-07T23:59:59.999Z'))).toBe(false)
    expect(await isRotationDue(db, new Date('2026-03-08T00:00:00.000Z'))).toBe(true)
  } finally {
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
})

import type { Database, Tx } from '../db/database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { addSeconds } from '../time/clock.ts'
import { enterEpoch, waitForEarlierEpochs } from './epoch-gate.ts'
import { KeysAreReadOnlyError, RotationUnfinishedError } from './errors.ts'
import type { KeyProvider } from './key-provider.ts'

const DAY_SECONDS = 86_400
const PERIOD_DAYS = 30
const BATCH_COUNT = 500

/** How far a rotation has come. */
export type RotationProgress = {
  readonly step: 'CREATE' | 'REWRAP' | 'DESTROY'
  /** How many keys were re-wrapped so far by this run. */
  readonly rewrapped: number
  /** How many keys named an old epoch when this run began. */
  readonly total: number
}

export type RotationOptions = {
  readonly db: Database
  readonly now: Date
  /** After how many days the new epoch is to be rotated. Default 30. */
  readonly periodDays?: number
  /** Keys per transaction. Default 500. */
  readonly batchCount?: number
  readonly onProgress?: (progress: RotationProgress) => void
}

/** What a rotation did. */
export type RotationResult = {
  /** The epoch that every living key names now. */
  readonly epoch: string
  readonly rewrapped: number
  readonly destroyed: readonly string[]
  /** Old epochs without a living key that only the operator can remove: see the message of KeysAreReadOnlyError. */
  readonly awaitingRemoval: readonly string[]
}

/** Epochs that living keys name, with the number of keys. Call it through `Database.worker`. */
export async function epochsInUse(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.$queryRaw<{ epoch: string; count: number }[]>`
    select epoch, count(*)::int as count from (
      select epoch from keys.data_key where wrapped is not null
      union all
      select epoch from keys.signing_key where private_cipher is not null
    ) as living group by epoch order by epoch`
  return new Map(rows.map(({ epoch, count }) => [epoch, count]))
}

/**
 * Records the provider's current epoch with the date of its rotation. Without effect when it is recorded already.
 * Effects: may add a row to `keys.key_epoch`.
 * @returns the epoch's name.
 */
export async function ensureEpochRow(
  provider: KeyProvider,
  db: Database,
  now: Date,
  periodDays = PERIOD_DAYS,
): Promise<string> {
  const id = await provider.currentEpoch()
  const rotateAt = addSeconds(now, periodDays * DAY_SECONDS)
  await db.worker((tx) => tx.keyEpoch.createMany({ data: [{ id, createdAt: now, rotateAt }], skipDuplicates: true }))
  return id
}

/** Whether a rotation is due: the newest epoch's date has come, or an older epoch was left undestroyed. */
export async function isRotationDue(db: Database, now: Date): Promise<boolean> {
  const living = await db.worker((tx) =>
    tx.keyEpoch.findMany({ where: { destroyedAt: null }, select: { rotateAt: true } }),
  )
  return living.length > 1 || living.some(({ rotateAt }) => rotateAt <= now)
}

/**
 * Makes a new epoch, re-wraps every living key under it in bounded transactions, proves that no living key names an
 * old one, and only then destroys the old epochs. After a kill at any point the next run goes on where this one was,
 * without making another epoch. Effects: `keys.key_epoch`, `keys.data_key`, `keys.signing_key`, the key provider.
 * @throws RotationUnfinishedError KEYS.ROTATION_UNFINISHED when a living key still names an old epoch at the end.
 * @throws KeysAreReadOnlyError when only the operator can make an epoch.
 */
export async function rotateEpoch(provider: KeyProvider, options: RotationOptions): Promise<RotationResult> {
  const { db, now, periodDays = PERIOD_DAYS, batchCount = BATCH_COUNT, onProgress = () => {} } = options
  await ensureEpochRow(provider, db, now, periodDays)
  if ((await oldEpochs(provider, db)).length === 0) {
    onProgress({ step: 'CREATE', rewrapped: 0, total: 0 })
    await provider.createEpoch(now)
  }
  const epoch = await ensureEpochRow(provider, db, now, periodDays)
  await db.worker(waitForEarlierEpochs)
  const old = await oldEpochs(provider, db)
  const total = await countLiving(db, old)
  let rewrapped = 0
  for (const from of old)
    for (const whenLocked of ['skip', 'wait'] as const) {
      let count: number
      do {
        count = await db.worker((tx) => rewrapBatch(provider, tx, from, batchCount, whenLocked))
        rewrapped += count
        onProgress({ step: 'REWRAP', rewrapped, total })
      } while (count > 0)
    }
  await db.worker(waitForEarlierEpochs)
  const remaining = await countLiving(db, old)
  if (remaining > 0) throw new RotationUnfinishedError(remaining)
  onProgress({ step: 'DESTROY', rewrapped, total })
  return { epoch, rewrapped, ...(await destroyEpochs(provider, db, old, now)) }
}

/** Epochs that are recorded as living, or named by a living key, and are not the current one. */
async function oldEpochs(provider: KeyProvider, db: Database): Promise<string[]> {
  const current = await provider.currentEpoch()
  const { recorded, inUse } = await db.worker(async (tx) => ({
    recorded: await tx.keyEpoch.findMany({ where: { destroyedAt: null }, orderBy: { id: 'asc' } }),
    inUse: await epochsInUse(tx),
  }))
  return [...new Set([...recorded.map(({ id }) => id), ...inUse.keys()])].filter((id) => id !== current)
}

async function countLiving(db: Database, epochs: readonly string[]): Promise<number> {
  const inUse = await db.worker(epochsInUse)
  return epochs.reduce((sum, epoch) => sum + (inUse.get(epoch) ?? 0), 0)
}

async function destroyEpochs(provider: KeyProvider, db: Database, epochs: readonly string[], now: Date) {
  const destroyed: string[] = []
  const awaitingRemoval: string[] = []
  for (const id of epochs) {
    try {
      await provider.destroyEpoch(id)
    } catch (error) {
      if (!(error instanceof KeysAreReadOnlyError)) throw error
      awaitingRemoval.push(id)
      continue
    }
    await db.worker((tx) => tx.keyEpoch.updateMany({ where: { id, destroyedAt: null }, data: { destroyedAt: now } }))
    destroyed.push(id)
  }
  return { destroyed, awaitingRemoval }
}

/**
 * Re-wraps up to `limit` living data keys of `fromEpoch`, and as many signing keys, under the current epoch. Two that
 * run at once take different rows.
 * @param whenLocked rows that another transaction holds are passed over (default), or waited for.
 * @returns how many keys were re-wrapped; 0 means that none is left that could be taken.
 */
export async function rewrapBatch(
  provider: KeyProvider,
  tx: Tx,
  fromEpoch: string,
  limit: number,
  whenLocked: 'skip' | 'wait' = 'skip',
): Promise<number> {
  await enterEpoch(tx)
  if (fromEpoch === (await provider.currentEpoch())) return 0
  const lock = whenLocked === 'skip' ? Prisma.sql`for update skip locked` : Prisma.sql`for update`
  const dataKeys = await tx.$queryRaw<{ accountId: string; id: string; wrapped: Uint8Array }[]>`
    select account_id as "accountId", id, wrapped from keys.data_key
    where epoch = ${fromEpoch} and wrapped is not null order by account_id, id limit ${limit} ${lock}`
  const signingKeys = await tx.$queryRaw<{ kid: string; wrapped: Uint8Array }[]>`
    select kid, private_cipher as wrapped from keys.signing_key
    where epoch = ${fromEpoch} and private_cipher is not null order by kid limit ${limit} ${lock}`
  for (const { epoch, rows } of await rewrapped(provider, fromEpoch, dataKeys))
    await tx.$executeRaw`
      update keys.data_key set epoch = ${epoch}, wrapped = decode(fresh.wrapped, 'base64')
      from unnest(${rows.map((row) => row.accountId)}::uuid[], ${rows.map((row) => row.id)}::uuid[],
                  ${rows.map((row) => row.wrapped)}::text[]) as fresh (account_id, id, wrapped)
      where data_key.account_id = fresh.account_id and data_key.id = fresh.id`
  for (const { epoch, rows } of await rewrapped(provider, fromEpoch, signingKeys))
    await tx.$executeRaw`
      update keys.signing_key set epoch = ${epoch}, private_cipher = decode(fresh.wrapped, 'base64')
      from unnest(${rows.map((row) => row.kid)}::text[], ${rows.map((row) => row.wrapped)}::text[])
        as fresh (kid, wrapped)
      where signing_key.kid = fresh.kid`
  return dataKeys.length + signingKeys.length
}

/** The rows with fresh wrapped bytes in base64, by the epoch they name (several only if one was made meanwhile). */
async function rewrapped<R extends { wrapped: Uint8Array }>(provider: KeyProvider, from: string, rows: readonly R[]) {
  const fresh = await Promise.all(
    rows.map(async (row) => {
      const secret = await provider.unwrap(from, row.wrapped)
      const { epoch, wrapped } = await provider.wrap(secret)
      secret.fill(0)
      return { epoch, row: { ...row, wrapped: Buffer.from(wrapped).toString('base64') } }
    }),
  )
  return [...Map.groupBy(fresh, ({ epoch }) => epoch)].map(([epoch, group]) => ({
    epoch,
    rows: group.map(({ row }) => row),
  }))
}

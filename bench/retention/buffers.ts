import pg from 'pg'
import type { Backend } from '../../src/db/backend.ts'
import type { Caller } from '../../src/db/caller.ts'
import { asCaller } from '../../src/db/caller.ts'
import { Database, type Tx } from '../../src/db/database.ts'
import { connectionConfig, withUser } from '../../src/db/postgres.ts'
import { Prisma } from '../../src/generated/prisma/client.ts'

/** A statement that was run, as it was sent. */
export type Statement = { readonly text: string; readonly values: readonly unknown[] }

/** The same database, which keeps every statement that reads. */
export class RecordingDatabase extends Database {
  readonly statements: Statement[] = []

  constructor(backend: Backend) {
    super(backend)
  }

  override worker<T>(fn: (tx: Tx) => Promise<T>, accountId?: string): Promise<T> {
    return super.worker((tx) => fn(this.#recording(tx)), accountId)
  }

  override read<T>(caller: Caller, fn: (tx: Tx) => Promise<T>): Promise<T> {
    return super.read(caller, (tx) => fn(this.#recording(tx)))
  }

  #recording(tx: Tx): Tx {
    const query = (text: TemplateStringsArray, ...values: unknown[]) => {
      const statement = Prisma.sql(text, ...values)
      this.statements.push({ text: statement.text, values: statement.values })
      return tx.$queryRaw(statement)
    }
    return new Proxy(tx, {
      get: (target, name) => (name === '$queryRaw' ? query : Reflect.get(target, name, target)),
    })
  }
}

type Blocks = { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number }

/**
 * How many blocks of 8 KiB statements read, by EXPLAIN (ANALYZE, BUFFERS), as a login and with the settings of a caller.
 * Each is run once before, so that a scan has already marked the index entries that lead to dead rows.
 */
export async function countBuffers(
  appUrl: string,
  login: 'privacy_app' | 'privacy_worker',
  caller: Caller,
  statements: readonly Statement[],
): Promise<number> {
  const client = new pg.Client(connectionConfig(withUser(appUrl, login)))
  await client.connect()
  let blocks = 0
  for (const { text, values } of statements) {
    await client.query('begin')
    for (const [name, value] of asCaller(caller)) await client.query('select set_config($1, $2, true)', [name, value])
    const explained = { text: `explain (analyze, buffers, format json) ${text}`, values: [...values] }
    await client.query(explained)
    const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Blocks }] }>(explained)
    const plan = rows[0]?.['QUERY PLAN'][0].Plan
    blocks += (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0)
    await client.query('rollback')
  }
  await client.end()
  return blocks
}

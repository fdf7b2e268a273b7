import type { Call } from '../../src/db/database.ts'
import { Database, type Tx } from '../../src/db/database.ts'

const DOOR = /^\s*insert into inventory_item\b/

/**
 * The same database, whose writes leave out the statement that writes items of the inventory: what a write would be
 * without the door, in everything else the same code.
 */
export class BareDatabase extends Database {
  override write<T>(call: Call, fn: (tx: Tx) => Promise<T>, accountId?: string): Promise<T> {
    return super.write(call, (tx) => fn(withoutDoor(tx)), accountId)
  }
}

function withoutDoor(tx: Tx): Tx {
  const execute = (query: TemplateStringsArray, ...values: unknown[]) =>
    DOOR.test(query[0] ?? '') ? Promise.resolve(0) : tx.$executeRaw(query, ...values)
  return new Proxy(tx, {
    get: (target, name) => (name === '$executeRaw' ? execute : Reflect.get(target, name, target)),
  })
}

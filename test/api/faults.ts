import type { OpenRead, Tx } from '../../src/db/database.ts'
import type { World } from '../kit/world.ts'

/** The fault that tests put into the way of a transaction. */
export class PlannedFault extends Error {}

/** A transaction in which a statement fails: `at` says which, told its number (from 1) and its model. */
function faulty(tx: Tx, at: (step: number, model: string) => boolean): Tx {
  let step = 0
  const checked = (model: string, method: unknown, owner: object) =>
    typeof method !== 'function'
      ? method
      : (...args: unknown[]) => {
          step += 1
          if (at(step, model)) throw new PlannedFault(`step ${step}, ${model}`)
          return method.apply(owner, args)
        }
  return new Proxy(tx, {
    get(target, name: string) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member === 'function') return checked(name, member, target)
      if (typeof member !== 'object' || member === null) return member
      return new Proxy(member, { get: (model, method) => checked(name, Reflect.get(model, method), model) })
    },
  })
}

type Plan = (step: number, model: string) => boolean

/** Lets statements of writes, or of reads that stay open, fail by a plan; null: none. */
export function planFaults(world: World): { write: Plan | null; openRead: Plan | null } {
  const plans: { write: Plan | null; openRead: Plan | null } = { write: null, openRead: null }
  const { db } = world.resources
  const [write, openRead] = [db.write.bind(db), db.openRead.bind(db)]
  db.write = (call, fn, accountId) => write(call, (tx) => fn(plans.write ? faulty(tx, plans.write) : tx), accountId)
  db.openRead = async (caller): Promise<OpenRead> => {
    const read = await openRead(caller)
    return plans.openRead ? { ...read, tx: faulty(read.tx, plans.openRead) } : read
  }
  return plans
}

import type { Deps } from '../../src/domains/deps.ts'
import type { PersonalDataSystem } from '../../src/domains/personal-data.ts'

/**
 * An engine that ends items in one transaction and their data in another: what the check after kills must find out. The
 * data goes when the first has committed, before the ledger outside is told.
 */
export function twoTransactions(deps: Deps, systems: readonly PersonalDataSystem[]) {
  const waiting: (() => Promise<unknown>)[] = []
  const later = systems.map(
    (system): PersonalDataSystem => ({
      ...system,
      end: async (_tx, _deps, accountId, action, pieces) => {
        waiting.push(() => deps.db.worker((tx) => system.end(tx, deps, accountId, action, pieces), accountId))
        return { rows: pieces.length, remaining: 0 }
      },
    }),
  )
  const { ledger } = deps
  const told: Deps['ledger'] = {
    intend: (lineId, at, effects) => ledger.intend(lineId, at, effects),
    done: async (lineId, at) => {
      for (const effect of waiting.splice(0)) await effect()
      await ledger.done(lineId, at)
    },
    aborted: (lineId, at) => ledger.aborted(lineId, at),
  }
  return { deps: { ...deps, ledger: told }, systems: later }
}

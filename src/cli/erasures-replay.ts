import { replayErasures } from '../domains/retention/replay.service.ts'
import { openResources } from '../resources.ts'
import { SYSTEMS } from '../systems.ts'
import { runCommand } from './db-command.ts'

const USAGE = 'usage: npm run erasures:replay [-- --since INSTANT], e.g. --since 2026-11-24T08:00:00Z'

/** @throws Error with the usage when it is not an instant of ISO 8601 with its zone */
function readSince([flag, text, ...more]: readonly string[]): Date | undefined {
  if (flag === undefined) return undefined
  const given = flag.startsWith('--since=') ? flag.slice('--since='.length) : flag === '--since' ? text : undefined
  const rest = flag === '--since' ? more.length : Number(text !== undefined)
  const isInstant = given !== undefined && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(given)
  const since = new Date(isInstant ? given : Number.NaN)
  if (rest > 0 || Number.isNaN(since.getTime())) throw new Error(USAGE)
  return since
}

await runCommand(async () => {
  const since = readSince(process.argv.slice(2))
  const resources = await openResources()
  try {
    const { known, missing, replayed, items, held, unannounced } = await replayErasures(resources, SYSTEMS, {
      lines: () => resources.ledger.read(),
      ...(since ? { since } : {}),
    })
    return [
      `The ledger verifies. Announcements: ${known}, of which the database did not know ${missing}.`,
      `Replayed: ${replayed}. Items ended again: ${items}.`,
      ...(held > 0 ? [`Items that a hold covers, and that were left: ${held}.`] : []),
      ...(unannounced ? [`Erasures in the database that no file of LEDGER_DIR announces: ${unannounced}.`] : []),
    ]
  } finally {
    await resources.close()
  }
})

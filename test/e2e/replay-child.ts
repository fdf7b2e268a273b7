import { replayErasures } from '../../src/domains/retention/replay.service.ts'
import { openResources } from '../../src/resources.ts'
import { SYSTEMS } from '../../src/systems.ts'

/** Replays, and is killed when it comes to a place for the n-th time. */
const [place, times] = process.argv.slice(2)
let left = Number(times)
const resources = await openResources()
const failpoint = (name: string) => {
  if (name !== place) return
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
}
await replayErasures({ ...resources, failpoint }, SYSTEMS, { lines: () => resources.ledger.read() })
await resources.close()

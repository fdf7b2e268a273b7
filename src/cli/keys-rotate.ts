import { SingleBar } from 'cli-progress'
import { openResources } from '../resources.ts'
import { runCommand } from './db-command.ts'

await runCommand(async () => {
  const { db, keys, clock, epochDays, close } = await openResources()
  const bar = new SingleBar({ format: 'keys [{bar}] {value}/{total}', clearOnComplete: true })
  try {
    bar.start(0, 0)
    const result = await keys.rotateEpoch({
      db,
      now: clock.now(),
      periodDays: epochDays,
      onProgress: ({ rewrapped, total }) => {
        bar.setTotal(total)
        bar.update(rewrapped)
      },
    })
    return [
      `Keys re-wrapped: ${result.rewrapped}. Current epoch: ${result.epoch}.`,
      ...result.destroyed.map((epoch) => `Destroyed epoch ${epoch}.`),
      ...result.awaitingRemoval.map(
        (epoch) =>
          `Epoch ${epoch} is needed no more. Remove it from PRIVACY_KEYS and from every copy, restart every process, ` +
          'and run this again.',
      ),
    ]
  } finally {
    bar.stop()
    await close()
  }
})

import { SingleBar } from 'cli-progress'
import { KeyError } from '../crypto/errors.ts'
import { openResources } from '../resources.ts'

const resources = await openResources()
const bar = new SingleBar({ format: 'keys [{bar}] {value}/{total}', clearOnComplete: true })
try {
  const { db, keys, clock } = resources
  bar.start(0, 0)
  const result = await keys.rotateEpoch({
    db,
    now: clock.now(),
    onProgress: ({ rewrapped, total }) => {
      bar.setTotal(total)
      bar.update(rewrapped)
    },
  })
  bar.stop()
  console.log(`Keys re-wrapped: ${result.rewrapped}. Current epoch: ${result.epoch}.`)
  for (const epoch of result.destroyed) console.log(`Destroyed epoch ${epoch}.`)
  for (const epoch of result.awaitingRemoval)
    console.log(
      `Epoch ${epoch} is needed no more. Remove it from PRIVACY_KEYS and from every copy, restart every process, ` +
        'and run this again.',
    )
} catch (error) {
  if (!(error instanceof KeyError)) throw error
  bar.stop()
  console.error(error.message)
  process.exitCode = 1
} finally {
  bar.stop()
  await resources.close()
}

import { LocalKeyProvider } from '../../../src/crypto/local-key-provider.ts'

/** A process of its own that opens the key file given, and makes as many epochs as told. Prints the current epoch. */
const [, , path = '', epochs = '0'] = process.argv
const at = new Date('2026-11-23T18:00:00Z')
const provider = await LocalKeyProvider.open({ path, clock: { now: () => at }, mayCreate: true })
for (let made = 0; made < Number(epochs); made++) await provider.createEpoch(at)
process.stdout.write(await provider.currentEpoch())

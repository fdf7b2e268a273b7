import { Keyring } from '../../src/crypto/keyring.ts'
import { LocalKeyProvider } from '../../src/crypto/local-key-provider.ts'
import { Database } from '../../src/db/database.ts'
import { deriveLoginUrls, openPostgres } from '../../src/db/postgres.ts'
import { sendWebhooks } from '../../src/domains/webhooks/webhooks.sender.ts'
import { postGuarded } from '../../src/net/guarded-post.ts'
import { keyFileOf } from '../../src/resources.ts'

/** A worker for tests: sends what is due at an instant, and ends. Arguments: URL of the database, data folder, instant. */
const [url = '', folder = '', instant = ''] = process.argv.slice(2)
const clock = { now: () => new Date(instant) }
const db = new Database(await openPostgres({ ...deriveLoginUrls(url), poolMax: 4 }))
const keyProvider = await LocalKeyProvider.open({ path: keyFileOf(folder), clock, mayCreate: false })
const allowedNetworks = ['127.0.0.0/8']
await sendWebhooks(
  {
    ...{ db, clock, keys: new Keyring(keyProvider, clock) },
    settings: { statisticsSubjectsMin: 10, webhookNetworks: allowedNetworks },
  },
  { post: (post) => postGuarded(post, { allowedNetworks, timeoutMs: 1_000 }) },
)
await db.close()

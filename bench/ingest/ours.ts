import { createOAuthServer } from '../../src/auth/oauth/oauth-server.ts'
import { CLIENT_SCOPES } from '../../src/auth/permissions.ts'
import { DEMO_ACCOUNTS, DEMO_GATEWAY_ID, seedDemo } from '../../src/demo/demo-data.ts'
import { readDatabaseEnv, readKeysEnv } from '../../src/env.ts'
import { openResources } from '../../src/resources.ts'
import { globalId } from '../../src/schema/global-id.ts'
import { type ServerProcess, startServerProcess } from '../../test/kit/server-process.ts'

/** The account that the events belong to. */
export const BENCH_ACCOUNT_ID = DEMO_ACCOUNTS[0].id

/** What the issuer and audience of tokens are called; nothing is reached under it. */
const PUBLIC_URL = 'http://privacy.bench'

/** The server with everything switched on, and a gateway's token for it. */
export type Ours = {
  readonly server: ServerProcess
  readonly token: string
  readonly accountId: string
}

/** Makes accounts and a gateway through the services, a token by the OAuth server's key, and starts the server. */
export async function startOurs(
  appUrl: string,
  dataDir: string,
  connections: number,
  nodeArgs: readonly string[] = [],
): Promise<Ours> {
  const env = { DATABASE_URL: appUrl, DATA_DIR: dataDir, DATABASE_POOL_MAX: String(connections) }
  const resources = await openResources({ database: readDatabaseEnv(env), keys: readKeysEnv({}) })
  let token: string
  try {
    await resources.keys.ensureEpochRow(resources.db, resources.clock.now())
    await seedDemo(resources)
    const oauth = await createOAuthServer({ ...resources, publicUrl: PUBLIC_URL })
    token = await oauth.issueAccessToken(DEMO_GATEWAY_ID, CLIENT_SCOPES.GATEWAY, 3_600)
  } finally {
    await resources.close()
  }
  const limits = { RATE_LIMIT_CALLER_PER_MINUTE: '10000000', RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000' }
  const server = await startServerProcess({ ...env, ...limits, PUBLIC_URL, NODE_ENV: 'production' }, nodeArgs)
  return { server, token, accountId: globalId('Account', BENCH_ACCOUNT_ID) }
}

import { SEEDED_PUBLIC_URL, seedDatabase } from '../../test/kit/seeded.ts'
import { type ServerProcess, startServerProcess } from '../../test/kit/server-process.ts'

/** The server with everything switched on, and a gateway's token for it. */
export type Ours = {
  readonly server: ServerProcess
  readonly token: string
  /** Global id of the account that the events belong to. */
  readonly account: string
}

/** Makes accounts, a gateway and its token, and starts the server as in production. Rate limits are far away. */
export async function startOurs(
  appUrl: string,
  dataDir: string,
  connections: number,
  nodeArgs: readonly string[] = [],
): Promise<Ours> {
  const env = { DATABASE_URL: appUrl, DATA_DIR: dataDir, DATABASE_POOL_MAX: String(connections) }
  const { gateway, account } = await seedDatabase(env)
  const limits = { RATE_LIMIT_CALLER_PER_MINUTE: '10000000', RATE_LIMIT_ANONYMOUS_PER_MINUTE: '10000000' }
  const production = { PUBLIC_URL: SEEDED_PUBLIC_URL, NODE_ENV: 'production' }
  return { server: await startServerProcess({ ...env, ...limits, ...production }, nodeArgs), token: gateway, account }
}

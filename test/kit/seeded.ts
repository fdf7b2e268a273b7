import { createOAuthServer } from '../../src/auth/oauth/oauth-server.ts'
import { CLIENT_SCOPES } from '../../src/auth/permissions.ts'
import { DEMO_ACCOUNTS, DEMO_GATEWAY_ID, seedDemo } from '../../src/demo/demo-data.ts'
import { readDatabaseEnv, readKeysEnv, readSettingsEnv } from '../../src/env.ts'
import { openResources } from '../../src/resources.ts'
import { globalId } from '../../src/schema/global-id.ts'

/** What the issuer and audience of seeded tokens are called; nothing is reached under it. */
export const SEEDED_PUBLIC_URL = 'http://privacy.seeded'

/** The account that a seeded database's events belong to. */
export const SEEDED_ACCOUNT_ID = DEMO_ACCOUNTS[0].id

/** Clients of a seeded database and their tokens, good for an hour. */
export type Seeded = {
  /** Global id of the account. */
  readonly account: string
  readonly gatewayId: string
  readonly gateway: string
  readonly integration: string
}

/**
 * Fills a migrated database with the invented accounts and makes tokens by the OAuth server's own key, for processes
 * that have no demo data. They must run with `PUBLIC_URL` = {@link SEEDED_PUBLIC_URL}. Closes the database again.
 */
export async function seedDatabase(env: Readonly<Record<string, string>>): Promise<Seeded> {
  const resources = await openResources({
    database: readDatabaseEnv(env),
    keys: readKeysEnv({}),
    settings: readSettingsEnv({}),
  })
  try {
    await resources.keys.ensureEpochRow(resources.db, resources.clock.now())
    await seedDemo(resources)
    const oauth = await createOAuthServer({ ...resources, publicUrl: SEEDED_PUBLIC_URL })
    return {
      account: globalId('Account', SEEDED_ACCOUNT_ID),
      gatewayId: DEMO_GATEWAY_ID,
      gateway: await oauth.issueAccessToken(DEMO_GATEWAY_ID, CLIENT_SCOPES.GATEWAY, 3_600),
      integration: await oauth.issueAccessToken(DEMO_ACCOUNTS[0].clientId, CLIENT_SCOPES.INTEGRATION, 3_600),
    }
  } finally {
    await resources.close()
  }
}

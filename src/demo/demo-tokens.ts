import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, print } from 'graphql'
import { DEMO_TOKEN_LIFETIME_SECONDS, type DemoIssuer } from '../auth/demo-issuer.ts'
import type { OAuthServer } from '../auth/oauth/oauth-server.ts'
import { CLIENT_SCOPES, SCOPES } from '../auth/permissions.ts'
import type { GraphiqlTab } from '../http/graphiql.ts'
import { globalId, tenantKey } from '../schema/global-id.ts'
import { DEMO_ACCOUNTS, DEMO_GATEWAY_ID, DEMO_PROCESSOR_CLIENT_ID, DEMO_STAFF_SUB, demoSub } from './demo-data.ts'

/** Who the demo has tokens for; `other` belongs to the second account. */
export type DemoPrincipal =
  | 'subject'
  | 'otherSubject'
  | 'staff'
  | 'integration'
  | 'otherIntegration'
  | 'processor'
  | 'gateway'

/** The content of `demo.json`: where the server is, global ids, and tokens that live 12 hours. */
export type Demo = {
  readonly url: string
  readonly accounts: readonly { readonly id: string; readonly subjectIds: readonly string[] }[]
  readonly tokens: Readonly<Record<DemoPrincipal, string>>
}

/** Makes a token for each kind of caller. */
export async function makeDemo(url: string, issuer: DemoIssuer, oauth: OAuthServer): Promise<Demo> {
  const person = (sub: string) => issuer.issue({ sub, scope: Object.keys(SCOPES).join(' ') })
  const client = (clientId: string, kind: keyof typeof CLIENT_SCOPES) =>
    oauth.issueAccessToken(clientId, CLIENT_SCOPES[kind], DEMO_TOKEN_LIFETIME_SECONDS)
  const [account, other] = DEMO_ACCOUNTS
  return {
    url: `${url}/graphql`,
    accounts: DEMO_ACCOUNTS.map(({ id: accountId, subjects }) => ({
      id: globalId('Account', accountId),
      subjectIds: subjects.map(({ id }) => globalId('Subject', tenantKey({ accountId, id }))),
    })),
    tokens: {
      subject: await person(demoSub(account.subjects[0].id)),
      otherSubject: await person(demoSub(other.subjects[0].id)),
      staff: await person(DEMO_STAFF_SUB),
      integration: await client(account.clientId, 'INTEGRATION'),
      otherIntegration: await client(other.clientId, 'INTEGRATION'),
      processor: await client(DEMO_PROCESSOR_CLIENT_ID, 'PROCESSOR'),
      gateway: await client(DEMO_GATEWAY_ID, 'GATEWAY'),
    },
  }
}

/** Writes `demo.json` below the data folder, readable by its owner alone. @returns its path */
export async function writeDemoFile(dataDir: string, demo: Demo): Promise<string> {
  const path = join(dataDir, 'demo.json')
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(`${JSON.stringify(demo, null, 2)}\n`)
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  return path
}

/** A first query for each kind of caller. */
export const FIRST_QUERIES: Readonly<Record<'subject' | 'staff' | 'integration' | 'processor' | 'gateway', string>> = {
  subject: '{ viewer { principal subject { id name email accountRole } account { id name } } }',
  staff: '{ accounts(first: 10) { edges { node { id name status } } } }',
  integration: '{ subjects(first: 10) { totalCount edges { node { id kind reference } } } }',
  processor: '{ viewer { principal scopes } }',
  gateway: '{ viewer { principal scopes } }',
}

/** Tabs of GraphiQL: each kind of caller with its token and first query. */
export function demoTabs(demo: Demo): GraphiqlTab[] {
  return Object.entries(FIRST_QUERIES).map(([principal, query]) => ({
    title: `As ${principal}`,
    // The editor names a tab after its operation.
    query: print(parse(`query As${principal[0]?.toUpperCase()}${principal.slice(1)} ${query}`)),
    headers: { authorization: `Bearer ${demo.tokens[principal as keyof typeof FIRST_QUERIES]}` },
  }))
}

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { callerHeadersOf } from '../../src/auth/caller-headers.ts'
import { createDemoIssuer } from '../../src/auth/demo-issuer.ts'
import { hashClientSecret } from '../../src/auth/oauth/client-secret.ts'
import { createOAuthServer } from '../../src/auth/oauth/oauth-server.ts'
import type { Session } from '../../src/auth/session.ts'
import { createSessionResolver } from '../../src/auth/session-resolver.ts'
import { createTokenVerifier } from '../../src/auth/token-verifier.ts'
import type { IssuerTrust } from '../../src/auth/trusted-issuers.ts'
import { EnvKeyProvider } from '../../src/crypto/env-key-provider.ts'
import type { Backend } from '../../src/db/backend.ts'
import { PLATFORM_ACCOUNT_ID } from '../../src/db/caller.ts'
import { Database, type Tx } from '../../src/db/database.ts'
import { createTemplate, openPglite } from '../../src/db/pglite.ts'
import type { Prisma } from '../../src/generated/prisma/client.ts'
import { newId } from '../../src/time/id.ts'

let template: Promise<Blob> | undefined

const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')

/** A clock that starts at the machine's time (the OAuth library knows no other) and is moved by hand. */
export function movableClock() {
  let offset = 0
  return {
    now: () => new Date(Date.now() + offset),
    advance: (seconds: number) => {
      offset += seconds * 1000
    },
  }
}

/** Everything that finds out who calls, behind a real HTTP server that answers with the session. */
export async function startAuth() {
  const clock = movableClock()
  template ??= createTemplate()
  const backend = await openPglite({ dataDir: 'memory', loadDataDir: await template })
  const db = new Database(backend)
  const keyProvider = new EnvKeyProvider(`index=${key(1)},first=${key(2)}`)
  const errors: unknown[] = []
  const http = await listen()
  const { publicUrl } = http
  const oauth = await createOAuthServer({ db, keyProvider, clock, publicUrl, onError: (error) => errors.push(error) })
  const demo = await createDemoIssuer({ publicUrl, clock })
  const resolverFor = (...issuers: readonly IssuerTrust[]) => {
    const verifier = createTokenVerifier({ issuers: [oauth.trust, ...issuers], clock })
    return createSessionResolver({ db, keyProvider, verifier, clock, publicUrl })
  }
  http.server.on('request', (request, response) => oauth.handle(request, response))
  return {
    ...{ backend, clock, db, keyProvider, errors, publicUrl, oauth, demo, resolverFor },
    resolver: resolverFor(demo.trust),
    seed: <T>(fn: (tx: Tx) => Promise<T>) => asOwner(backend, fn),
    stop: async () => {
      await http.stop()
      await db.close()
    },
  }
}

export type Auth = Awaited<ReturnType<typeof startAuth>>

/** An HTTP server on a free port, with nobody answering yet. */
async function listen() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { server, publicUrl: `http://127.0.0.1:${port}`, stop }
}

/** Runs `fn` as the owner of the tables, past all policies. Embedded database only. */
function asOwner<T>(backend: Backend, fn: (tx: Tx) => Promise<T>): Promise<T> {
  return backend.client('app').$transaction(async (tx) => {
    await tx.$executeRaw`set local session authorization postgres`
    return fn(tx)
  })
}

/** What a request with these headers is taken for. */
export function sessionOf(auth: Auth, token: string, headers: Record<string, string> = {}): Promise<Session> {
  const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]]))
  const headersDistinct = { ...distinct, authorization: [`Bearer ${token}`] }
  return auth.resolver.resolve(callerHeadersOf({ url: '/graphql', headersDistinct }))
}

export async function addAccount(auth: Auth, change: Partial<Prisma.AccountCreateManyInput> = {}): Promise<string> {
  const id = change.id ?? newId(auth.clock)
  const createdAt = auth.clock.now()
  const nameCipher = new Uint8Array([1])
  await auth.seed((tx) =>
    tx.account.create({ data: { id, nameCipher, country: 'DE', region: 'eu-central', createdAt, ...change } }),
  )
  return id
}

/** A subject, linked to an identity of the demo issuer. */
export async function addPerson(
  auth: Auth,
  accountId: string,
  sub: string,
  change: Partial<Prisma.SubjectCreateManyInput> = {},
): Promise<string> {
  const id = newId(auth.clock)
  const at = auth.clock.now()
  const identityHash = await auth.keyProvider.mac('identity', [auth.demo.issuer, sub])
  const person = { kind: 'MEMBER', accountRole: 'MEMBER', createdAt: at, updatedAt: at } as const
  await auth.seed(async (tx) => {
    await tx.subject.create({ data: { ...person, accountId, id, ...change } })
    await tx.identityLink.create({ data: { accountId, identityHash, subjectId: id, createdAt: at } })
  })
  return id
}

/** A client with a secret, or with keys where they are given. */
export async function addClient(auth: Auth, change: Partial<Prisma.ApiClientCreateManyInput> = {}) {
  const id = newId(auth.clock)
  const accountId = change.accountId ?? (await addAccount(auth))
  const secret = 'a-secret-of-the-client'
  const secretHash = change.publicJwks === undefined ? await hashClientSecret(secret) : null
  const scopes = ['usage:read', 'subjects:read']
  const client = { accountId, id, kind: 'INTEGRATION', secretHash, scopes, createdAt: auth.clock.now() } as const
  if (change.processorId) await addProcessor(auth, accountId, change.processorId)
  await auth.seed((tx) => tx.apiClient.create({ data: { ...client, ...change } }))
  return { accountId, id, secret }
}

/** The register's entry of a processor, unless the database has it. */
async function addProcessor(auth: Auth, accountId: string, id: string): Promise<void> {
  const at = auth.clock.now()
  const processor = {
    accountId,
    id,
    name: 'Somebody',
    role: 'PROCESSOR',
    country: 'DE',
    createdAt: at,
    updatedAt: at,
  } as const
  await auth.seed((tx) => tx.processor.createMany({ data: [processor], skipDuplicates: true }))
}

export async function disableClient(auth: Auth, id: string): Promise<void> {
  await auth.seed((tx) => tx.apiClient.updateMany({ where: { id }, data: { disabledAt: auth.clock.now() } }))
}

/** Adds the account of gateways and processors, unless the database has it. */
export async function addPlatform(auth: Auth): Promise<string> {
  const there = await auth.seed((tx) => tx.account.findUnique({ where: { id: PLATFORM_ACCOUNT_ID } }))
  return there ? there.id : addAccount(auth, { id: PLATFORM_ACCOUNT_ID, isPlatform: true })
}

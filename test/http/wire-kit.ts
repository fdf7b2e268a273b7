import { GraphQLError, GraphQLInputObjectType, GraphQLScalarType, type GraphQLSchema } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { BadTokenError } from '../../src/auth/bad-token.ts'
import { anonymousSession, type Session } from '../../src/auth/session.ts'
import { createLog, type Log } from '../../src/http/logging.ts'
import { createMetrics, type Metrics } from '../../src/http/metrics.ts'
import { createRateLimits, DEFAULT_RATE_LIMITS } from '../../src/http/rate-limit.ts'
import { forbidden } from '../../src/http/request-error.ts'
import { type WireOptions, wireYogaOptions } from '../../src/http/yoga-plugins.ts'

/** Personal data that callers send and that must come back in no error and no log. */
export const CANARY = 'canary-jane.doe@example.org'

/** A token of the test's one integration client. */
export const TOKEN = 'good'

const integration: Session = {
  ...anonymousSession,
  principal: 'INTEGRATION',
  callerId: '0197a3f2-7c1b-7d41-8c55-000000000001',
  accountId: '0197a3f2-7c1b-7d41-8c55-0000000000aa',
  scopes: new Set(['usage:read']),
}

const typeDefs = /* GraphQL */ `
  scalar Email
  enum Colour {
    RED
    GREEN
  }
  input Inner {
    email: Email
    names: [String!]
    inner: Inner
    colour: Colour
    count: Int
  }
  input RecordInput {
    events: [Inner!]!
    name: String!
  }
  type Item {
    id: ID!
    name: String
    items(first: Int, ids: [ID!]): Items!
    self: Item!
  }
  type Items {
    nodes: [Item!]!
  }
  type Query {
    hello(name: String, email: Email, count: Int, inner: Inner, names: [String!], lists: [[Int!]!]): String
    items(first: Int, ids: [ID!]): Items!
    item: Item!
    me: String
    boom: String
    leak: String
    wrong: Int
    closed: String
  }
  type Mutation {
    record(input: RecordInput!): Int
    other: Int
  }
  type Subscription {
    ticks: Int
  }
`

const item = () => ({ id: '1', name: 'one', items: { nodes: [] }, self: item })

function createTestSchema(runs: { count: number }): GraphQLSchema {
  const ran = <T>(value: T) => {
    runs.count += 1
    return value
  }
  const Email = new GraphQLScalarType({
    name: 'Email',
    parseValue(value) {
      if (typeof value === 'string' && value.endsWith('@ok.example')) return value
      throw new GraphQLError(`no e-mail address: ${String(value)}`)
    },
  })
  const schema = createSchema<{ session: Session }>({
    typeDefs,
    resolvers: {
      Email,
      Query: {
        hello: (_, { name }) => ran(`hello ${name ?? ''}`),
        items: () => ran({ nodes: [item()] }),
        item,
        me: (_source, _args, { session }) => session.principal,
        boom: () => {
          throw new Error(`unique constraint: ${CANARY}`)
        },
        leak: () => {
          throw new GraphQLError(`row ${CANARY}`)
        },
        wrong: () => CANARY,
        closed: () => {
          throw forbidden()
        },
      },
      Mutation: { record: (_, { input }) => ran(input.events.length), other: () => ran(1) },
      Subscription: {
        ticks: {
          async *subscribe() {
            yield { ticks: 1 }
            throw new Error(CANARY)
          },
        },
      },
    },
  })
  const input = schema.getType('RecordInput')
  if (!(input instanceof GraphQLInputObjectType)) throw new Error('the test schema has no RecordInput')
  const { events } = input.getFields()
  if (!events) throw new Error('the test schema has no events')
  events.extensions = { listLengthMax: 5_000 }
  return schema
}

/** A wire around a small schema, its log lines, its metrics and how many resolvers ran. */
export type TestWire = {
  readonly yoga: ReturnType<typeof createYoga>
  readonly lines: string[]
  readonly metrics: Metrics
  readonly log: Log
  readonly runs: { count: number }
  post(body: unknown, headers?: Record<string, string>): Promise<Response>
}

/** Builds the wire with settings of its own. The token `good` is an integration's, any other is refused. */
export function createTestWire(options: Partial<WireOptions> = {}): TestWire {
  const lines: string[] = []
  const runs = { count: 0 }
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics({ processMetrics: false })
  const plenty = { callerPerMinute: 1e6, anonymousPerMinute: 1e6, failuresPerMinute: 1e6 }
  const yoga = createYoga({
    schema: createTestSchema(runs),
    ...wireYogaOptions({
      clock: { now: () => new Date('2026-11-23T12:00:00Z') },
      development: false,
      authenticate: async (request) => {
        const sent = request.headers.get('authorization')
        if (sent === null) return anonymousSession
        if (sent !== `Bearer ${TOKEN}`) throw new BadTokenError('signature')
        return integration
      },
      log,
      metrics,
      rateLimits: createRateLimits({ ...DEFAULT_RATE_LIMITS, ...plenty }),
      stopwatch: () => 0,
      ...options,
    }),
  })
  const post = async (body: unknown, headers: Record<string, string> = {}) =>
    yoga.fetch('http://api.example/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { yoga, lines, metrics, log, runs, post }
}

type ErrorExtensions = {
  code?: string
  requestId?: string
  limit?: string
  maximum?: number
  retryAfterSeconds?: number
}

/** The parsed answer of a request. */
export type Answer = {
  data?: Record<string, unknown> | null
  errors?: { message: string; path?: unknown[]; locations?: unknown[]; extensions: ErrorExtensions }[]
}

/** Reads an answer. */
export async function answerOf(response: Response): Promise<Answer> {
  return (await response.json()) as Answer
}

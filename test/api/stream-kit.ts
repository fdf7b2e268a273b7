import { systemSession } from '../../src/auth/session.ts'
import { sequenceEvents } from '../../src/domains/events/events.feed.ts'
import type { EventPayload } from '../../src/domains/events/events.rules.ts'
import { emitEvent } from '../../src/domains/events/events.service.ts'
import { securityHeaders } from '../../src/http/headers.ts'
import { createLog } from '../../src/http/logging.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { newId } from '../../src/time/id.ts'
import type { World } from '../kit/world.ts'

/** What is selected of each event. */
export const EVENT = `__typename id sequence kind version occurredAt accountId subjectId cursor
  ... on AccountClosingEvent { closingAt } ... on ClientDisabledEvent { clientId }`

/** Follows everything. */
export const FOLLOW = `subscription ($after: String, $filter: EventFilter) { events(after: $after, filter: $filter) { ${EVENT} } }`

/** One server-sent event. */
export type Sent = {
  readonly event: string
  readonly id: string | null
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by whole-value comparisons
  readonly data: any
}

/** An open stream. */
export type Stream = {
  readonly status: number
  readonly headers: Headers
  /** The next event, comments passed over; null when the connection has ended. */
  next(): Promise<Sent | null>
  /** Everything to the end of the connection. */
  rest(): Promise<Sent[]>
  /** Drops the connection. */
  drop(): void
}

/** Opens a stream at `url`. */
export async function openStream(
  url: string,
  token: string | null,
  options: {
    readonly variables?: object
    readonly query?: string
    readonly headers?: Record<string, string>
    readonly method?: 'GET' | 'POST'
  } = {},
): Promise<Stream> {
  const { variables = {}, query = FOLLOW, method = 'POST' } = options
  const abort = new AbortController()
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables) })
  const response = await fetch(method === 'GET' ? `${url}/graphql?${search}` : `${url}/graphql`, {
    method,
    headers: {
      accept: 'text/event-stream',
      ...(method === 'GET' ? { 'x-graphql-csrf': '1' } : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    ...(method === 'GET' ? {} : { body: JSON.stringify({ query, variables }) }),
    signal: abort.signal,
  })
  const events = readEvents(response)
  const next = async () => {
    const step = await events.next()
    return step.done ? null : step.value
  }
  return {
    status: response.status,
    headers: response.headers,
    next,
    rest: async () => {
      const all: Sent[] = []
      for (let sent = await next(); sent; sent = await next()) all.push(sent)
      return all
    },
    drop: () => abort.abort(),
  }
}

async function* readEvents(response: Response): AsyncGenerator<Sent, void> {
  let buffer = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    buffer += chunk
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const block = buffer.slice(0, end)
      buffer = buffer.slice(end + 2)
      const sent = parseEvent(block)
      if (sent) yield sent
    }
  }
}

function parseEvent(block: string): Sent | null {
  const fields = new Map(block.split('\n').map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^\w*: ?/, '')]))
  const event = fields.get('event')
  if (event === undefined) return null
  const data = fields.get('data') ?? ''
  return { event, id: fields.get('id') ?? null, data: data === '' ? null : JSON.parse(data) }
}

/** The first event of a subscription, straight from the application; its connection is dropped then. */
export async function firstOf(world: World, token: string | null, query: string, variables: object): Promise<Sent> {
  const response = await world.serving.app.fetch('http://privacy.test/graphql', {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
  const events = readEvents(response)
  const { value } = await events.next()
  await events.return()
  if (!value) throw new Error('the stream ended without an event')
  return value
}

/** The world's application behind the program's own HTTP server. */
export async function listen(world: World, graceSeconds = 10) {
  const http = createHttpServer({
    routes: { '/graphql': { listener: (request, response) => world.serving.app(request, response), capsBody: true } },
    bodyBytesMax: 1_000_000,
    headers: securityHeaders('http://privacy.test'),
    newRequestId: () => newId(world.clock),
    log: createLog({ level: 'silent' }),
    observe: () => {},
    graceSeconds,
  })
  return { url: await http.listen(0, '127.0.0.1'), stop: () => http.stop() }
}

/** Writes an event as a service does, and gives it its place. */
export async function happen(
  world: World,
  event: { accountId: string; subjectId: string; processorId?: string },
  place = true,
): Promise<void> {
  const { accountId, subjectId } = event
  const payload: EventPayload<'subject.updated'> = { subjectId }
  await world.resources.db.write({ caller: systemSession(accountId), requestId: 'test' }, (tx) =>
    emitEvent(tx, world.clock, { ...event, kind: 'subject.updated', payload }),
  )
  if (place) await sequenceEvents(world.resources.db, world.clock)
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

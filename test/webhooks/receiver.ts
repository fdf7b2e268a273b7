import { createPublicKey, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

/** A request as it arrived. */
export type Arrival = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Says what a receiver does with a request; the default answers 204. */
export type Behaviour = (arrival: Arrival, response: ServerResponse, request: IncomingMessage) => void

/** A real receiver on loopback that keeps what arrived. */
export type Receiver = {
  readonly url: string
  readonly arrivals: Arrival[]
  behave(behaviour: Behaviour): void
  close(): Promise<void>
}

/** Answers 204. */
export const accept: Behaviour = (_arrival, response) => void response.writeHead(204).end()
/** Answers with a status. */
export const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_arrival, response) =>
    void response.writeHead(status, headers).end()

/** Opens a receiver. Every arrival is kept before it is answered. */
export async function openReceiver(): Promise<Receiver> {
  const arrivals: Arrival[] = []
  let behaviour = accept
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const arrival = { path: request.url ?? '', headers, body: Buffer.concat(chunks).toString('utf8') }
    arrivals.push(arrival)
    behaviour(arrival, response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    behave: (next) => {
      behaviour = next
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** An endpoint just made. */
export type Endpoint = { readonly id: string; readonly secret: string; readonly publicKey: string }

const SPKI_OF_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/** How many of the signatures of an arrival each pair of keys verifies: `v1` by the library, `v1a` by node:crypto. */
export function verified(arrival: Arrival, endpoint: Pick<Endpoint, 'secret' | 'publicKey'>) {
  const { 'webhook-id': id = '', 'webhook-timestamp': at = '', 'webhook-signature': list = '' } = arrival.headers
  const content = Buffer.from(`${id}.${at}.${arrival.body}`)
  const key = createPublicKey({
    key: Buffer.concat([SPKI_OF_ED25519, Buffer.from(endpoint.publicKey.slice('whpk_'.length), 'base64')]),
    format: 'der',
    type: 'spki',
  })
  const v1a = list.split(' ').filter((signature) => {
    const [version, value = ''] = signature.split(',')
    return version === 'v1a' && verify(null, content, key, Buffer.from(value, 'base64'))
  })
  const expected = new Webhook(endpoint.secret).sign(id, new Date(Number(at) * 1000), arrival.body)
  const v1 = list.split(' ').filter((signature) => signature === expected)
  return { v1: v1.length, v1a: v1a.length }
}

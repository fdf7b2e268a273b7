/**
 * A receiver of webhooks: believes what is signed, does each event once, and answers fast. Where it stores the ids of
 * events that it has done, a real one has its database.
 *
 * Run: PRIVACY_WEBHOOK_KEYS='whpk_… whsec_…' PORT=8080 npx node client/examples/webhook-receiver.ts
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verifyWebhook, WebhookVerificationError } from '@pipelet/privacy/webhooks'

const keys = (process.env['PRIVACY_WEBHOOK_KEYS'] ?? '').split(' ')
const BODY_BYTES_MAX = 20_000
const done = new Set<string>()

/** The body as it was sent: a signature is of bytes. */
async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > BODY_BYTES_MAX) throw new Error('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function receive(request: IncomingMessage): Promise<number> {
  const event = await verifyWebhook({ headers: request.headers, body: await bytesOf(request), keys })
  const { eventId } = event.data
  if (done.has(eventId)) return 204
  switch (event.type) {
    case 'subject.created':
      console.log(`${event.type} ${event.data.subjectId}`)
      break
    case 'account.closing':
      console.log(`${event.type} since ${event.data.closingAt}`)
      break
    default:
      console.log(`${event.type}: nothing to do`)
  }
  done.add(eventId)
  return 204
}

const server = createServer((request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    (error: unknown) => {
      const refusal = error instanceof WebhookVerificationError ? error.reason : 'FAILED'
      console.log(`refused: ${refusal}`)
      // Whatever is not 2xx is sent again; what is not believed need not be.
      response.writeHead(refusal === 'FAILED' ? 500 : 400).end()
    },
  )
})
server.listen(Number(process.env['PORT'] ?? 8080), () => {
  console.log(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.on('SIGTERM', () => server.close())

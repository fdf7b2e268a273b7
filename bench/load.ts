import { Agent, request } from 'node:http'

/** One connection pool of a load; `close` ends it. */
export type Client = {
  /** Sends a JSON body and gives the answer's. @throws Error on any status but 2xx */
  post(url: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<string>
  close(): void
}

/** A client that keeps up to `connections` connections open. */
export function createClient(connections: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    close: () => agent.destroy(),
    post: (url, body, headers) =>
      new Promise((resolve, reject) => {
        const fixed = { 'content-type': 'application/json', 'content-length': body.length }
        const sent = request(url, { method: 'POST', agent, headers: { ...fixed, ...headers } }, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            const { statusCode = 0 } = response
            if (statusCode >= 200 && statusCode < 300) resolve(text)
            else reject(new Error(`answered ${statusCode}: ${text.slice(0, 300)}`))
          })
        })
        sent.on('error', reject)
        sent.end(body)
      }),
  }
}

/** Does `work` for each item, `width` at a time. Ends with the first failure. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) {
  const queue = items[Symbol.iterator]()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

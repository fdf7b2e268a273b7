import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { insertRaw } from './raw-insert.ts'

/** The limit that the API is measured against: node:http, pg and one statement. Arguments: URL, account, connections. */
const [url, accountId = '', connections] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: Number(connections) })

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { events } = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    insertRaw(pool, accountId, events).then(
      (recorded) => response.end(JSON.stringify({ recorded })),
      () => response.writeHead(500).end(),
    )
  })
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))

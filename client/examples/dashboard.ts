/**
 * Usage by model and hour, as a dashboard shows it.
 *
 * Run: PRIVACY_API_URL=… PRIVACY_API_TOKEN=… npx node client/examples/dashboard.ts 2026-03-15T00:00:00Z 2026-03-16T00:00:00Z
 */
import { createClient, paginate } from '@pipelet/privacy'

const ROWS_MAX = 1_000

const [from, to] = process.argv.slice(2)
if (!from || !to) throw new Error('Say from when to when: two instants such as 2026-03-15T00:00:00Z.')

const client = createClient()
const filter = { from, to }
const rows = await paginate((after) =>
  client.usageSummary({ filter, bucket: 'HOUR', groupBy: ['MODEL'], first: 100, after }),
).toArray({ limit: ROWS_MAX })

for (const { bucketStart, model, requests, inputTokens, outputTokens } of rows)
  console.log(`${bucketStart.slice(0, 13)}h  ${model}  ${requests} requests  ${inputTokens} in  ${outputTokens} out`)

const { totals } = await client.usageSummary({ filter, bucket: 'HOUR', first: 1 })
console.log(`total  ${totals.requests} requests  ${totals.inputTokens} in  ${totals.outputTokens} out`)

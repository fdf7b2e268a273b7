import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const at = (minute: number) => `2026-03-15T11:${String(minute).padStart(2, '0')}:00.000Z`
const RECORD = `mutation($input: RecordUsageInput!) { recordUsage(input: $input) { __typename
  ... on RecordUsageSuccess { recorded { events inputTokens outputTokens } duplicates { events inputTokens } }
  ... on UsageEventNotValid { index field reason } ... on Problem { code } } }`

test('usage that a gateway records is summed for the dashboard', async () => {
  const events = [0, 1, 2].map((index) => ({
    occurredAt: at(index),
    requestId: `r-${index}`,
    kind: 'INFERENCE',
    model: 'm/one',
    endpointKind: 'SERVERLESS',
    inputTokens: 100 + index,
    outputTokens: 10,
    latencyMs: 100,
  }))
  const input = { accountId: world.ids.account, events }
  const first = await world.ask('gateway', RECORD, { input })
  expect(first.errors).toBeUndefined()
  expect(first.data.recordUsage).toEqual({
    __typename: 'RecordUsageSuccess',
    recorded: { events: 3, inputTokens: 303, outputTokens: 30 },
    duplicates: { events: 0, inputTokens: 0 },
  })
  const second = await world.ask('gateway', RECORD, { input })
  expect(second.data.recordUsage.duplicates).toEqual({ events: 3, inputTokens: 303 })
  const summary = await world.ask(
    'subject',
    `query($f: UsageSummaryFilter!) { usageSummary(filter: $f, bucket: HOUR, groupBy: [MODEL, ENDPOINT_KIND]) {
      totals { requests inputTokens outputTokens } edges { node { bucketStart model endpointKind requests latencyMs { p50 p99 } } } } }`,
    { f: { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' } },
  )
  expect(summary.errors).toBeUndefined()
  expect(summary.data).toMatchInlineSnapshot(`
    {
      "usageSummary": {
        "edges": [
          {
            "node": {
              "bucketStart": "2026-03-15T11:00:00.000Z",
              "endpointKind": "SERVERLESS",
              "latencyMs": {
                "p50": 99,
                "p99": 99,
              },
              "model": "m/one",
              "requests": 3,
            },
          },
        ],
        "totals": {
          "inputTokens": 303,
          "outputTokens": 30,
          "requests": 3,
        },
      },
    }
  `)
})

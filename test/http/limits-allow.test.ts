import { expect, test } from 'vitest'
import { answerOf, createTestWire } from './wire-kit.ts'

const RECORD = 'mutation($i: RecordInput!) { record(input: $i) }'
const many = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ')

test('5,000 events of the measured size fit with head-room', async () => {
  const wire = createTestWire()
  const event = { names: ['x'.repeat(100), 'y'.repeat(256), 'z'.repeat(128)], count: 1, email: 'gateway@ok.example' }
  const body = JSON.stringify({ query: RECORD, variables: { i: { name: 'n', events: Array(5_000).fill(event) } } })
  expect(body.length).toBeGreaterThan(2_700_000)
  expect(await answerOf(await wire.post(body))).toEqual({ data: { record: 5_000 } })
})

test.each([
  ['30 aliases', `{ ${many(30, (i) => `a${i}: me`)} }`],
  ['250 fields', `{ ${many(250, () => 'me')} }`],
  ['12 levels', `{ item ${'{ self '.repeat(10)} { id } ${'}'.repeat(10)} }`],
  ['9 directives', `{ ${many(9, () => 'me @include(if: true)')} }`],
  ['100 ids', `{ items(ids: [${many(100, (i) => `"${i}"`)}]) { nodes { id } } }`],
  ['a mutation of one field', 'mutation { other }'],
  ['an operation chosen of several', 'query A { me } mutation B { other }', 'A'],
])('a request at its limit runs: %s', async (_, query, operationName?: string) => {
  const wire = createTestWire()
  const answer = await answerOf(await wire.post({ query, operationName }))
  expect(answer.errors).toBeUndefined()
})

test('a GET with the header reads', async () => {
  const { yoga } = createTestWire()
  const response = await yoga.fetch('http://api.example/graphql?query={hello}&variables={}', {
    headers: { 'x-graphql-csrf': '1' },
  })
  expect(await answerOf(response)).toEqual({ data: { hello: 'hello ' } })
})

test('repeating a document costs no memory of errors between callers: ids differ', async () => {
  const wire = createTestWire()
  const ids = ['request-a', 'request-b'].map(async (id) => {
    const answer = await answerOf(await wire.post({ query: '{ nothing }' }, { 'x-request-id': id }))
    return answer.errors?.[0]?.extensions.requestId
  })
  expect(await Promise.all(ids)).toEqual(['request-a', 'request-b'])
})

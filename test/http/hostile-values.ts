import { type Hostile, json, limit, malformed, misfit, nest, repeat } from './hostile.ts'
import { CANARY } from './wire-kit.ts'

const deepVariable = (depth: number) => `${'{"inner":'.repeat(depth)}1${'}'.repeat(depth)}`
const INNER = 'query($i: Inner) { hello(inner: $i) }'
const RECORD = 'mutation($i: RecordInput!) { record(input: $i) }'
const record = (events: unknown[]) => ({ i: { name: 'n', events } })

/** Lists that are too long. */
export const lists: Hostile[] = [
  {
    name: '101 ids in the document',
    body: json(`{ items(ids: [${repeat(101, (i) => `"${i}"`)}]) { nodes { id } } }`),
    ...limit('listLength.ids'),
  },
  {
    name: '101 ids in variables',
    body: json('query($ids: [ID!]) { items(ids: $ids) { nodes { id } } }', {
      ids: Array.from({ length: 101 }, String),
    }),
    ...limit('listLength.ids'),
  },
  {
    name: '101 ids as default',
    body: json(`query($ids: [ID!] = [${repeat(101, (i) => `"${i}"`)}]) { items(ids: $ids) { nodes { id } } }`),
    ...limit('listLength.ids'),
  },
  {
    name: '101 names in an input object',
    body: json(INNER, { i: { names: Array.from({ length: 101 }, String) } }),
    ...limit('listLength.names'),
  },
  {
    name: '101 items in an inner list',
    body: json('query($l: [[Int!]!]) { hello(lists: $l) }', { l: [Array.from({ length: 101 }, Number)] }),
    ...limit('listLength.lists'),
  },
  {
    name: '5,001 events',
    body: () => json(RECORD, record(Array.from({ length: 5_001 }, () => ({})))),
    ...limit('listLength.events'),
  },
  {
    name: '101 names in one of many events',
    body: json(RECORD, record([{}, { names: Array.from({ length: 101 }, String) }])),
    ...limit('listLength.names'),
  },
  {
    name: '101 ids under a variable of a fragment',
    body: json('query($ids: [ID!]) { item { ...A } } fragment A on Item { items(ids: $ids) { nodes { id } } }', {
      ids: Array.from({ length: 101 }, String),
    }),
    ...limit('listLength.ids'),
  },
]

/** Variables that are too large or do not fit. */
export const variables: Hostile[] = [
  {
    name: 'variables 13 deep',
    body: `{"query":"${INNER}","variables":${deepVariable(13)}}`,
    ...limit('variablesDepth'),
  },
  {
    name: 'variables 100,000 deep',
    body: () => `{"query":"${INNER}","variables":${deepVariable(100_000)}}`,
    ...limit('variablesDepth'),
  },
  {
    name: 'lists 1,000 deep',
    body: `{"query":"${INNER}","variables":{"i":${nest(1_000, '[', ']', '')}}}`,
    ...limit('variablesDepth'),
  },
  {
    name: 'variables of 2 MB',
    body: () => json(INNER, { i: { names: ['x'.repeat(2_000_000)] } }),
    ...limit('variablesBytes'),
  },
  {
    name: 'a __proto__ key',
    body: `{"query":"${INNER}","variables":{"i":{"__proto__":{"admin":true}}}}`,
    ...malformed,
  },
  { name: 'a __proto__ variable', body: `{"query":"${INNER}","variables":{"__proto__":{"i":1}}}`, ...malformed },
  {
    name: 'a constructor key',
    body: json(INNER, { i: { constructor: { prototype: { admin: true } } } }),
    ...malformed,
  },
  { name: '__proto__ as parameter', body: `{"query":"{ me }","__proto__":{"x":1}}`, ...malformed },
  { name: 'a value that is no enum', body: json(INNER, { i: { colour: CANARY } }), ...misfit },
  { name: 'a scalar that quotes its value', body: json(INNER, { i: { email: CANARY } }), ...misfit },
  { name: 'an unknown field named by a person', body: json(INNER, { i: { [CANARY]: 1 } }), ...misfit },
  { name: 'a string for a number', body: json('query($n: Int) { hello(count: $n) }', { n: CANARY }), ...misfit },
  { name: 'null for a list', body: json(RECORD, { i: { events: null, name: CANARY } }), ...misfit },
  { name: 'a missing variable', body: json(RECORD, {}), ...misfit },
]

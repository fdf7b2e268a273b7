import { bytes, csrf, type Hostile, invalid, json, malformed, one, unmarked, unparsable, untyped } from './hostile.ts'
import { CANARY } from './wire-kit.ts'

/** Several mutations in one request. */
export const mutations: Hostile[] = [
  { name: 'two mutations', body: json('mutation { other record(input: {events: [], name: "n"}) }'), ...one },
  { name: 'one mutation under two aliases', body: json('mutation { a: other b: other }'), ...one },
  {
    name: 'two mutations through a fragment',
    body: json('mutation { ...M } fragment M on Mutation { a: other b: other }'),
    ...one,
  },
  {
    name: 'two mutations in inline fragments',
    body: json('mutation { ... { a: other } ... on Mutation { b: other } }'),
    ...one,
  },
  { name: 'a mutation beside __typename', body: json('mutation { __typename other }'), ...one },
]

/** Requests that no API client makes. */
export const forms: Hostile[] = [
  {
    name: 'a form post',
    body: 'query=mutation+%7Bother%7D',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    ...unmarked,
  },
  {
    name: 'a form post with the header',
    body: 'query=%7Bme%7D',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...csrf },
    ...untyped,
  },
  {
    name: 'a multipart post',
    body: '--b\r\n\r\n--b--',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    ...unmarked,
  },
  {
    name: 'a multipart post with the header',
    body: '--b\r\n\r\n--b--',
    headers: { 'content-type': 'multipart/form-data; boundary=b', ...csrf },
    ...untyped,
  },
  { name: 'plain text', body: json('{ me }'), headers: { 'content-type': 'text/plain' }, ...unmarked },
  {
    name: 'application/graphql',
    body: '{ me }',
    headers: { 'content-type': 'application/graphql', ...csrf },
    ...untyped,
  },
  { name: 'no content type', body: json('{ me }'), headers: { 'content-type': '' }, ...unmarked },
  {
    name: 'JSON in UTF-16',
    body: json('{ me }'),
    headers: { 'content-type': 'application/json; charset=utf-16' },
    ...untyped,
  },
  {
    name: 'two content types',
    body: json('{ me }'),
    headers: { 'content-type': 'application/json, text/plain', ...csrf },
    ...untyped,
  },
  { name: 'a GET without the header', body: '', method: 'GET', search: '?query={me}', ...unmarked },
  {
    name: 'a mutation by GET',
    body: '',
    method: 'GET',
    search: '?query=mutation{other}',
    headers: csrf,
    code: 'METHOD_NOT_ALLOWED',
    status: 405,
  },
  { name: 'a PUT', body: json('{ me }'), method: 'PUT', code: 'METHOD_NOT_ALLOWED', status: 405 },
  {
    name: 'broken variables in a GET',
    body: '',
    method: 'GET',
    search: `?query={me}&variables={${CANARY}`,
    headers: csrf,
    ...malformed,
  },
  {
    name: 'a parameter twice',
    body: '',
    method: 'GET',
    search: '?query={me}&query={boom}',
    headers: csrf,
    ...malformed,
  },
]

/** Bodies that are not what they should be. */
export const bodies: Hostile[] = [
  { name: 'a batch', body: JSON.stringify([{ query: '{ me }' }, { query: '{ me }' }]), ...malformed },
  {
    name: 'a batch of 10,000',
    body: () => JSON.stringify(Array.from({ length: 10_000 }, () => ({ query: '{ me }' }))),
    ...malformed,
  },
  { name: 'an empty batch', body: '[]', ...malformed },
  { name: 'an empty body', body: '', ...malformed },
  { name: 'null', body: 'null', ...malformed },
  { name: 'a number', body: '1', ...malformed },
  { name: 'broken JSON with personal data', body: `{"query":"{ me }","variables":{"n":"${CANARY}`, ...malformed },
  { name: 'a byte order mark', body: bytes([0xef, 0xbb, 0xbf], json('{ me }')), ...malformed },
  { name: 'broken UTF-8', body: bytes('{"query":"{ hello(name: \\"', [0xc3, 0x28], '\\") }"}'), ...malformed },
  { name: 'JSON in UTF-16 bytes', body: new Uint8Array(Buffer.from(json('{ me }'), 'utf16le')), ...malformed },
  {
    name: 'an unknown parameter named by a person',
    body: JSON.stringify({ query: '{ me }', [CANARY]: 1 }),
    ...malformed,
  },
  { name: 'a query that is a list', body: JSON.stringify({ query: ['{ me }'] }), ...malformed },
  { name: 'variables that are a list', body: JSON.stringify({ query: '{ me }', variables: [1] }), ...malformed },
  { name: 'an operation name that is an object', body: json('{ me }', null, { operationName: {} }), ...malformed },
  {
    name: 'no such operation',
    body: json('query A { me } query B { me }', null, { operationName: 'C' }),
    code: 'OPERATION_RESOLUTION_FAILURE',
    status: 400,
  },
  {
    name: 'more bytes than a body may have',
    body: () => json('{ me }', { x: 'x'.repeat(3_000_000) }),
    code: 'BODY_TOO_LARGE',
    status: 413,
  },
  { name: 'a syntax error after personal data', body: json(`{ hello(name: "x") "${CANARY}" }`), ...unparsable },
  { name: 'a syntax error in a block string', body: json(`{ hello """${CANARY}""" }`), ...unparsable },
  { name: 'an unended string', body: json(`{ hello(name: "${CANARY}) }`), ...unparsable },
  { name: 'a literal that does not fit', body: json(`{ hello(count: "${CANARY}") }`), ...invalid },
  { name: 'a literal that a scalar refuses', body: json(`{ hello(email: "${CANARY}") }`), ...invalid },
  { name: 'a literal for an enum', body: json(`{ hello(inner: {colour: "${CANARY}"}) }`), ...invalid },
]

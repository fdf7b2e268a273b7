import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Manifest, readManifest } from '../../../src/domains/processing/fides-manifest.rules.ts'
import { writeYaml } from '../../../src/domains/processing/fides-yaml.rules.ts'

const SAMPLE = await readFile(new URL('../../data/fides/manifest.yml', import.meta.url), 'utf8')

function manifestOf(yaml: string): Manifest {
  const read = readManifest(yaml)
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.manifest
}
function faultsOf(yaml: string): readonly { path: string; reason: string }[] {
  const read = readManifest(yaml)
  return 'faults' in read ? read.faults : []
}
const system = (more: string) =>
  `system:\n- fides_key: a\n  system_type: Service\n  privacy_declarations: []\n${more.replaceAll(/^/gm, '  ')}`
const dataset = (fields: string) => `dataset:\n- fides_key: a\n  collections:\n  - name: c\n    fields: ${fields}`

describe('a manifest with the constructs of the samples of Fides', () => {
  const manifest = manifestOf(SAMPLE)

  test('gives its systems with kind and categories, and its datasets with their number of fields', () => {
    expect(manifest.systems.map(({ key, kind, categories }) => [key, kind, categories])).toEqual([
      ['shop', 'APPLICATION', ['ACCOUNT', 'PAYMENT', 'COMMUNICATION']],
      ['warehouse', 'OBJECT_STORE', []],
    ])
    expect(manifest.datasets.map(({ key, fieldCount }) => [key, fieldCount])).toEqual([['orders_postgres', 7]])
  })

  test('names every key that fideslang does not know by its path, at any depth', () => {
    expect(manifest.unknownKeys).toEqual([
      'dataset[0].data_qualifiers',
      'dataset[0].retention',
      'dataset[0].third_country_transfers',
      'dataset[0].collections[0].fields[1].data_qualifier',
      'dataset[0].collections[0].fields[1].retention',
      'dataset[0].collections[0].fields[3].fields[1].foo',
      'system[0].data_responsibility_title',
      'policy',
    ])
  })

  test('names keys that the taxonomy lacks, and takes those below one that it has', () => {
    // user.content.private.wish lies below user.content.private; improve.system was of fideslang 1.
    expect(manifest.unknownTaxonomyKeys).toEqual([
      { path: 'dataset[0].collections[0].fields[2].data_categories[1]', key: 'person.favourite_colour' },
      { path: 'system[0].privacy_declarations[0].data_subjects[1]', key: 'collector' },
      { path: 'system[1].privacy_declarations[0].data_use', key: 'improve.system' },
    ])
  })

  test('is the same after it was written and read again', () => {
    const bodies = ({ systems, datasets }: Manifest) => ({
      system: systems.map(({ body }) => body),
      dataset: datasets.map(({ body }) => body),
    })
    const written = writeYaml(bodies(manifest))
    const again = manifestOf(written)
    expect(again.systems).toEqual(manifest.systems)
    expect(again.datasets).toEqual(manifest.datasets)
    expect(again.unknownKeys).toEqual([])
    expect(writeYaml(bodies(again))).toBe(written)
  })
})

test('free texts and extra maps of any content are the same after they were written and read again', () => {
  const text = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .filter((value) => !/[^\P{Cc}\t\n\r\u0085]|[\p{Cs}\ufffe\uffff]/u.test(value))
  const meta = fc.dictionary(
    text,
    fc.jsonValue({ maxDepth: 3 }).filter((value) => !/\\u00|\\u007f|\\ud|\\uff/i.test(JSON.stringify(value))),
    { maxKeys: 5 },
  )
  fc.assert(
    fc.property(text, meta, (description, extra) => {
      const body = { fides_key: 'a', description, meta: extra, system_type: 'Service', privacy_declarations: [] }
      const first = manifestOf(writeYaml({ system: [body] })).systems[0]?.body
      const second = manifestOf(writeYaml({ system: [first] })).systems[0]?.body
      expect(JSON.stringify(second)).toBe(JSON.stringify(first))
      expect(first?.['description']).toBe(description)
    }),
    { numRuns: 300 },
  )
})

test('words that YAML 1.1 takes for something else are quoted', () => {
  expect(writeYaml(['yes', 'off', 'null', '2024-01-31', '12:30', '0777', 'text'])).toBe(
    '- "yes"\n- "off"\n- "null"\n- "2024-01-31"\n- "12:30"\n- "0777"\n- text\n',
  )
})

describe('what has another shape is refused with its path', () => {
  test.each([
    ['a list is missing', 'policy: []', '', 'has neither the list system nor the list dataset'],
    [
      'the key is missing',
      'system:\n- system_type: Service\n  privacy_declarations: []',
      'system[0].fides_key',
      'is missing',
    ],
    [
      'the declarations are missing',
      'system:\n- fides_key: a\n  system_type: b',
      'system[0].privacy_declarations',
      'is missing',
    ],
    [
      'a key has a space',
      system('dataset_references: ["a b"]'),
      'system[0].dataset_references[0]',
      'must match ^[A-Za-z0-9_.<>-]{1,128}$',
    ],
    [
      'a key is 129 long',
      `system:\n- fides_key: ${'a'.repeat(129)}\n  system_type: b\n  privacy_declarations: []`,
      'system[0].fides_key',
      'must match ^[A-Za-z0-9_.<>-]{1,128}$',
    ],
    ['a text is a list', system('name: [a]'), 'system[0].name', 'must be a text'],
    ['a list is a text', system('tags: a'), 'system[0].tags', 'must be a list'],
    ['a flag is a text', system('uses_cookies: "true"'), 'system[0].uses_cookies', 'must be true or false'],
    ['an entry is empty', 'system:\n-', 'system[0]', 'must not be empty'],
    [
      'two have the same key',
      `system:${'\n- {fides_key: a, system_type: b, privacy_declarations: []}'.repeat(2)}`,
      'system[1].fides_key',
      'is there twice',
    ],
    ['a map has a key twice', system('name: a\nname: b'), 'system[0]', 'has a key twice'],
    ['a key is a map', system('? {a: b}\n: c'), 'system[0]', 'has a key that is no text'],
    [
      'a flow is of no kind',
      system('egress: [{fides_key: b, type: file}]'),
      'system[0].egress[0].type',
      'must be one of: dataset, system, user',
    ],
    [
      'a flow to users has another key',
      system('egress: [{fides_key: b, type: user}]'),
      'system[0].egress[0].type',
      'user goes with the key user, and with no other',
    ],
    [
      'two fields have the same name',
      dataset('[{name: x}, {name: x}]'),
      'dataset[0].collections[0].fields[1].name',
      'is there twice',
    ],
    [
      'a field with fields is no object',
      dataset('[{name: x, fides_meta: {data_type: string}, fields: [{name: y}]}]'),
      'dataset[0].collections[0].fields[0].fields',
      'are for the data type object only',
    ],
    [
      'a length is negative',
      dataset('[{name: x, fides_meta: {length: -1}}]'),
      'dataset[0].collections[0].fields[0].fides_meta.length',
      'must be positive',
    ],
    [
      'all elements are of no array',
      dataset('[{name: x, fides_meta: {return_all_elements: true}}]'),
      'dataset[0].collections[0].fields[0].fides_meta.return_all_elements',
      'is for arrays only',
    ],
    ['a number is not finite', system('meta: {a: .nan}'), 'system[0].meta', 'holds a number that is not finite'],
  ])('%s', (_what, yaml, path, reason) => {
    expect(faultsOf(yaml)[0]).toEqual({ path, reason })
  })

  test('a declaration names a flow that its system has not', () => {
    const yaml =
      'system:\n- fides_key: a\n  system_type: b\n  privacy_declarations: [{data_categories: [user], data_use: sales, egress: [c]}]'
    expect(faultsOf(yaml)).toEqual([
      { path: 'system[0].privacy_declarations[0].egress', reason: 'names a flow that the system has not' },
    ])
  })

  test('all faults are told, 100 at most', () => {
    const yaml = `system:\n${'- {}\n'.repeat(150)}`
    expect(faultsOf(yaml)).toHaveLength(100)
  })
})

describe('YAML that could do harm is refused, in bounded time', () => {
  const bomb = `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nsystem: [*c]`
  test.each([
    ['an anchor', 'a: &x 1\nsystem: []', 'has an anchor: line 1'],
    ['aliases that multiply', bomb, 'has an anchor: line 1'],
    [
      'a tag of a program',
      'system: !!python/object/apply:os.system [ls]',
      'is no YAML that is taken: line 1, TAG_RESOLVE_FAILED',
    ],
    ['a tag of the core', 'system: !!seq []', 'has a tag: line 1'],
    ['a directive', '%YAML 1.1\n---\nsystem: []', 'has a directive'],
    ['two documents', 'system: []\n---\nsystem: []', 'has more than one document'],
    ['nothing', '', 'is empty'],
    ['a comment alone', '# nothing', 'is empty'],
    ['a control character', 'system: []\n# \u0000', 'holds a control character'],
    ['deep nesting', `system: ${'['.repeat(50_000)}`, 'is no YAML that is taken: line 1, RESOURCE_EXHAUSTION'],
    ['text without end', 'a'.repeat(256 * 1024 + 1), 'is larger than 262144 bytes'],
    ['too many parts', 'a: 1\n'.repeat(30_000), 'has too many parts'],
    ['brackets that close nothing', ']'.repeat(90_000), 'is no YAML: line 1'],
  ])('%s', (_what, yaml, reason) => {
    expect(faultsOf(yaml)[0]).toEqual({ path: '', reason })
  })

  test('a map of maps nested deeper than 32 in free content', () => {
    const deep = `${'{a: '.repeat(40)}1${'}'.repeat(40)}`
    expect(faultsOf(system(`meta: ${deep}`))[0]).toEqual({ path: 'system[0].meta', reason: 'is nested deeper than 32' })
  })

  test('keys that name parts of objects are keys like others', () => {
    const { systems, unknownKeys } = manifestOf(
      system('__proto__: {x: 1}\nconstructor: 2\nmeta: {__proto__: {polluted: true}}'),
    )
    expect(unknownKeys).toEqual(['system[0].__proto__', 'system[0].constructor'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(JSON.stringify(systems[0]?.body['meta'])).toBe('{"__proto__":{"polluted":true}}')
  })
})

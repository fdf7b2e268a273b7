import {
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  buildSchema as parse,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { isScope, SCOPES, type Scope } from '../../src/auth/permissions.ts'
import { buildSchema } from '../../src/schema/index.ts'
import { elementsOf, inputsOf, notEmpty, rootFieldsOf } from './schema-walk.ts'

const schema = buildSchema()
const mutations = rootFieldsOf(schema).filter(({ operation }) => operation === 'mutation')

describe('every root field', () => {
  test('declares a scope of the list, and its description names it with its sentence', () => {
    const wrong = rootFieldsOf(schema).filter(({ field }) => {
      const scope = String(field.extensions['scope'])
      if (!isScope(scope)) return true
      return !field.description?.endsWith(`Scope: \`${scope}\`. ${SCOPES[scope]}`)
    })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  test('needs a scope that some caller can have', () => {
    const used = new Set(rootFieldsOf(schema).map(({ field }) => field.extensions['scope'] as Scope))
    expect(Object.keys(SCOPES).filter((scope) => !used.has(scope as Scope))).toEqual([])
  })
})

test('a subscription takes arguments and scope of the query of its name', () => {
  const fields = rootFieldsOf(schema)
  const wrong = notEmpty(fields.filter(({ operation }) => operation === 'subscription')).filter(({ name, field }) => {
    const query = fields.find((each) => each.operation === 'query' && each.name === name)
    if (!query || query.field.extensions['scope'] !== field.extensions['scope']) return true
    const types = new Map(query.field.args.map((each) => [each.name, String(each.type)]))
    return field.args.some((each) => types.get(each.name) !== String(each.type))
  })
  expect(wrong.map(({ name }) => name)).toEqual([])
})

describe('every mutation', () => {
  test('takes one input of its own with an optional idempotency key', () => {
    const wrong = notEmpty(mutations).filter(({ name, field }) => {
      const [input, ...more] = field.args
      if (input?.name !== 'input' || more.length > 0 || !isNonNullType(input.type)) return true
      const type = getNamedType(input.type)
      if (!isInputObjectType(type) || type.name.toLowerCase() !== `${name}input`.toLowerCase()) return true
      return String(type.getFields()['idempotencyKey']?.type) !== 'String'
    })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  test('answers a union of its own success and problems', () => {
    const problem = schema.getType('Problem')
    const wrong = notEmpty(mutations).filter(({ name, field }) => {
      const type = getNamedType(field.type)
      if (!isUnionType(type) || type.name.toLowerCase() !== `${name}result`.toLowerCase()) return true
      const others = type.getTypes().filter((each) => each.name.toLowerCase() !== `${name}success`.toLowerCase())
      if (others.length !== type.getTypes().length - 1) return true
      return others.some((each) => !each.getInterfaces().includes(problem as never))
    })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })
})

test('every element of the schema has a description', () => {
  const elements = elementsOf(schema)
  expect(elements.filter(({ description }) => !description?.trim()).map(({ path }) => path)).toEqual([])
})

/** Lists that are bounded by what they are made of. */
const BOUNDED_LISTS: Readonly<Record<string, string>> = {
  'AccountClosing.lines': 'categories, legal bases and rules of them',
  'ApiClient.allowedNetworks': 'at most 20',
  'ApiClient.scopes': 'at most the scopes of its kind',
  'AuditEvent.recordIds': 'the service writes few ids, else a count',
  'DataCategoryInfo.dpvTerms': 'reference data',
  'DataCategoryInfo.fideslangKeys': 'reference data',
  'DataCategoryInfo.retention': 'at most one for each trigger',
  'Dataset.collections': 'what a manifest of 256 kB holds',
  'Dataset.dataCategories': 'what a manifest of 256 kB holds',
  'DatasetCollection.dataCategories': 'what a manifest of 256 kB holds',
  'DatasetCollection.fields': 'what a manifest of 256 kB holds',
  'DatasetField.dataCategories': 'what a manifest of 256 kB holds',
  'DatasetField.fields': 'what a manifest of 256 kB holds',
  'FidesNotValid.faults': 'at most 100',
  'ImportFidesManifestSuccess.unknownKeys': 'at most 1,000',
  'ImportFidesManifestSuccess.unknownTaxonomyKeys': 'at most 1,000',
  'InventoryItem.purposes': 'at most all purposes',
  'ProcessingRecipient.mayReceive': 'at most all categories',
  'ProcessingRecord.categories': 'at most all categories',
  'ProcessingRecord.legalBases': 'at most the six of the law',
  'ProcessingRecord.otherCountries': 'at most all countries',
  'ProcessingRecord.persons': 'at most the kinds of persons',
  'ProcessingRecord.systems': 'at most the systems of this program',
  'ProcessingRecordCategory.retention': 'at most one for each trigger',
  'Processor.categories': 'at most the nine categories',
  'Processor.purposes': 'at most the eleven purposes',
  'Processor.regions': 'at most 50',
  'Query.dataCategories': 'reference data: one for each value of an enum',
  'Query.nodes': 'as long as the list of ids, which the wire caps at 100',
  'Query.purposes': 'reference data: one for each value of an enum',
  'RetentionStatus.categories': 'reference data: one for each value of an enum',
  'System.categories': 'at most all categories',
  'Viewer.scopes': 'at most all scopes',
  'WebhookEndpoint.keys': 'at most two',
  'WebhookEndpoint.kinds': 'at most all kinds of events',
}

test('every list that can grow is a connection', () => {
  const lists = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type) || type.name.startsWith('__') || type.name.endsWith('Connection')) return []
    return Object.values(type.getFields())
      .filter((field) => isListType(isNonNullType(field.type) ? field.type.ofType : field.type))
      .map((field) => `${type.name}.${field.name}`)
  })
  expect(notEmpty(lists).sort()).toEqual(Object.keys(BOUNDED_LISTS))
})

/** Lists that a caller sends are capped by the wire; those that may be longer say how long. */
test('a list that a caller may send longer than the wire allows says how long it may be', () => {
  const long = inputsOf(schema).filter(({ input }) => input.extensions['listLengthMax'] !== undefined)
  expect(long.map(({ path, input }) => [path, input.extensions['listLengthMax']])).toEqual([
    ['RecordRecipientInput.entries', 500],
    ['RecordUsageInput.events', 5_000],
  ])
})

test('a walk over nothing fails', () => {
  const empty = parse('scalar Nothing')
  expect(() => rootFieldsOf(empty)).toThrow('nothing to check')
  expect(() => inputsOf(empty)).toThrow('nothing to check')
  expect(() => notEmpty([])).toThrow('nothing to check')
})

test('a description that is missing is found', () => {
  const found = elementsOf(parse('type Query { "Told." told: Int untold(argument: Int): Int }'))
  expect(found.filter(({ description }) => !description).map(({ path }) => path)).toEqual(
    expect.arrayContaining(['Query', 'Query.untold', 'Query.untold(argument)']),
  )
})

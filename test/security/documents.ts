import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isUnionType,
} from 'graphql'
import { buildSchema } from '../../src/schema/index.ts'
import { type RootField, rootFieldsOf } from '../schema/schema-walk.ts'

/** The schema under test. */
export const schema: GraphQLSchema = buildSchema()

const DEPTH = 6

/**
 * A document that calls one root field with all its arguments as variables and selects everything below it. Of a query
 * and a subscription of the same name it is the query, where no operation is named.
 */
export function documentOf(name: string, of?: RootField['operation']): string {
  const root = rootFieldsOf(schema).find((each) => each.name === name && (of === undefined || each.operation === of))
  if (!root) throw new Error(`there is no root field ${name}`)
  const { operation, field } = root
  const variables = field.args.map((each) => `$${each.name}: ${each.type}`).join(', ')
  const args = field.args.map((each) => `${each.name}: $${each.name}`).join(', ')
  const call = args ? `${name}(${args})` : name
  return `${operation} Probe${variables ? `(${variables})` : ''} { ${call} ${selectionOf(getNamedType(field.type), DEPTH)} }`
}

function selectionOf(type: GraphQLNamedType, depth: number): string {
  if (isLeafType(type)) return ''
  if (isUnionType(type)) {
    const members = type.getTypes().map((each) => `... on ${each.name} ${selectionOf(each, depth)}`)
    return `{ __typename ${members.join(' ')} }`
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return ''
  const fields = Object.values(type.getFields()).flatMap((field) => select(field, depth))
  return `{ __typename ${fields.join(' ')} }`
}

function select(field: GraphQLField<unknown, unknown>, depth: number): string[] {
  const type = getNamedType(field.type)
  if (isLeafType(type)) return [field.name]
  if (depth <= 1 || field.args.some((each) => String(each.type).endsWith('!'))) return []
  return [`${field.name} ${selectionOf(type, depth - 1)}`]
}

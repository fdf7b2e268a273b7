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
/** Types that lead back to each other: what was selected above is not selected again. */
const IN_CIRCLES: ReadonlySet<string> = new Set(['InventoryItem', 'RetentionTimer'])

/** Settings of a document. */
export type DocumentOptions = {
  /** Which root field, where a query and a subscription have one name; default: the query. */
  readonly of?: RootField['operation']
  /** The length of every list below the root field; default: as the server has it. */
  readonly nestedFirst?: number
}

/** A document that calls one root field with all its arguments as variables and selects everything below it. */
export function documentOf(name: string, { of, nestedFirst }: DocumentOptions = {}): string {
  const root = rootFieldsOf(schema).find((each) => each.name === name && (of === undefined || each.operation === of))
  if (!root) throw new Error(`there is no root field ${name}`)
  const { operation, field } = root
  const variables = field.args.map((each) => `$${each.name}: ${each.type}`).join(', ')
  const args = field.args.map((each) => `${each.name}: $${each.name}`).join(', ')
  const call = args ? `${name}(${args})` : name
  return `${operation} Probe${variables ? `(${variables})` : ''} { ${call} ${selectionOf(getNamedType(field.type), DEPTH, nestedFirst, [])} }`
}

type First = number | undefined

function selectionOf(type: GraphQLNamedType, depth: number, first: First, above: readonly string[]): string {
  if (isLeafType(type)) return ''
  if (isUnionType(type)) {
    const members = type.getTypes().map((each) => `... on ${each.name} ${selectionOf(each, depth, first, above)}`)
    return `{ __typename ${members.join(' ')} }`
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return ''
  const fields = Object.values(type.getFields()).flatMap((field) => select(field, depth, first, [...above, type.name]))
  return `{ __typename ${fields.join(' ')} }`
}

function select(
  field: GraphQLField<unknown, unknown>,
  depth: number,
  first: First,
  above: readonly string[],
): string[] {
  const type = getNamedType(field.type)
  if (isLeafType(type)) return [field.name]
  if (depth <= 1 || (IN_CIRCLES.has(type.name) && above.includes(type.name))) return []
  if (field.args.some((each) => String(each.type).endsWith('!'))) return []
  const isList = first !== undefined && field.args.some((each) => each.name === 'first')
  return [`${field.name}${isList ? `(first: ${first})` : ''} ${selectionOf(type, depth - 1, first, above)}`]
}

/** How late a mutation comes among all: what ends a record after what uses it, and the account at the very end, reopened. */
function lateness(name: string): number {
  if (name === 'reopenAccount') return 3
  if (name === 'closeAccount') return 2
  return /^(delete|disable|end|remove)[A-Z]/.test(name) ? 1 : 0
}

/** Calls in an order in which none takes away what another needs. */
export function inOrderOfLife<T>(calls: readonly T[], nameOf: (call: T) => string): T[] {
  return calls.toSorted((a, b) => lateness(nameOf(a)) - lateness(nameOf(b)))
}

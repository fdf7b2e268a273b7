import {
  type DocumentNode,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  Kind,
  TypeInfo,
  type ValueNode,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { limitExceeded } from './request-error.ts'

/** The extension of an argument or input field that allows longer (or only shorter) lists than the default. */
export type ListLengthExtension = { readonly listLengthMax: number }

type Variables = Readonly<Record<string, unknown>>
type Place = { readonly name: string; readonly maximum: number }

function placeOf(definition: GraphQLArgument | GraphQLInputField, fallback: number): Place {
  const { listLengthMax: own } = definition.extensions
  return { name: definition.name, maximum: typeof own === 'number' ? own : fallback }
}

function assertCount(count: number, place: Place): void {
  if (count > place.maximum) throw limitExceeded(`listLength.${place.name}`, place.maximum)
}

/** Checks a variable's value along its input type. Goes through each item once. */
function assertValue(value: unknown, type: GraphQLInputType, place: Place, walk: Walk): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    assertCount(value.length, place)
    for (const item of value) assertValue(item, type, place, walk)
    return
  }
  const named = getNamedType(type)
  if (!isInputObjectType(named)) return
  for (const field of fieldsOf(named, walk))
    assertValue((value as Variables)[field.name], field.type, field.place, walk)
}

type Field = { readonly name: string; readonly type: GraphQLInputType; readonly place: Place }

type Walk = {
  readonly variables: Variables
  readonly defaults: ReadonlyMap<string, ValueNode>
  readonly fallback: number
  readonly fields: Map<GraphQLInputObjectType, readonly Field[]>
}

/** The fields of a type with their places, found once for each request. */
function fieldsOf(type: GraphQLInputObjectType, { fields, fallback }: Walk): readonly Field[] {
  const known = fields.get(type)
  if (known) return known
  const found = Object.values(type.getFields()).map((field) => ({
    name: field.name,
    type: field.type,
    place: placeOf(field, fallback),
  }))
  fields.set(type, found)
  return found
}

/** Checks a literal along its input type; a variable in it is checked by its value, once for each place. */
function assertLiteral(node: ValueNode, type: GraphQLInputType, place: Place, walk: Walk, checked: Set<string>): void {
  if (node.kind === Kind.LIST) {
    assertCount(node.values.length, place)
    for (const item of node.values) assertLiteral(item, type, place, walk, checked)
  } else if (node.kind === Kind.OBJECT) {
    const named = getNamedType(type)
    if (!isInputObjectType(named)) return
    for (const { name, value } of node.fields) {
      const field = named.getFields()[name.value]
      if (field) assertLiteral(value, field.type, placeOf(field, walk.fallback), walk, checked)
    }
  } else if (node.kind === Kind.VARIABLE) {
    const name = node.name.value
    const key = `${name} ${String(type)} ${place.name} ${place.maximum}`
    if (checked.has(key)) return
    checked.add(key)
    const standard = walk.defaults.get(name)
    if (Object.hasOwn(walk.variables, name)) assertValue(walk.variables[name], type, place, walk)
    else if (standard) assertLiteral(standard, type, place, walk, checked)
  }
}

/**
 * Refuses a valid document whose arguments, as literals or through variables, hold a list that is longer than
 * `listLength`, or than the `listLengthMax` in the `extensions` of the argument or input field that holds the list.
 * @throws LIMIT_EXCEEDED with the limit `listLength.<argument or field>`.
 */
export function assertListLengths(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Variables,
  listLength: number,
): void {
  const types = new TypeInfo(schema)
  const defaults = new Map<string, ValueNode>()
  const checked = new Set<string>()
  const walk: Walk = { variables, defaults, fallback: listLength, fields: new Map() }
  visit(
    document,
    visitWithTypeInfo(types, {
      VariableDefinition: ({ variable, defaultValue }) => {
        if (defaultValue) defaults.set(variable.name.value, defaultValue)
        return false
      },
      Argument: ({ value }) => {
        const argument = types.getArgument()
        if (argument) assertLiteral(value, argument.type, placeOf(argument, listLength), walk, checked)
        return false
      },
    }),
  )
}

import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql'

/** One thing of the schema that carries a description, by its path: `Type`, `Type.field`, `Type.field(argument)`. */
export type Element = { readonly path: string; readonly description: string | null | undefined }

type Described = { readonly name: string; readonly description?: string | null | undefined }

/** A root field with the operation it belongs to. */
export type RootField = {
  readonly operation: 'query' | 'mutation' | 'subscription'
  readonly name: string
  readonly field: GraphQLField<unknown, unknown>
}

/** Every type, field, argument, input field and enum value of the schema itself. @throws Error on an empty schema */
export function elementsOf(schema: GraphQLSchema): Element[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'))
  const at = (path: string, { description }: Described) => ({ path, description })
  return notEmpty(
    types.flatMap((type) => {
      const self = at(type.name, type)
      if (isEnumType(type)) return [self, ...type.getValues().map((value) => at(`${type.name}.${value.name}`, value))]
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [self]
      const fields: Described[] = Object.values(type.getFields())
      return [
        self,
        ...fields.flatMap((field) => [at(`${type.name}.${field.name}`, field), ...argumentsOf(type, field)]),
      ]
    }),
  )
}

function argumentsOf(type: Described, field: Described): Element[] {
  const { args = [] } = field as { args?: readonly Described[] }
  return args.map(({ name, description }) => ({ path: `${type.name}.${field.name}(${name})`, description }))
}

/** Every field of Query, Mutation and Subscription, in this order. @throws Error when there is none */
export function rootFieldsOf(schema: GraphQLSchema): RootField[] {
  const of = (operation: RootField['operation'], type: GraphQLObjectType | null | undefined) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({ operation, name: field.name, field }))
  return notEmpty([
    ...of('query', schema.getQueryType()),
    ...of('mutation', schema.getMutationType()),
    ...of('subscription', schema.getSubscriptionType()),
  ])
}

/** Every argument and input field, with the type or field that has it. @throws Error when there is none */
export function inputsOf(schema: GraphQLSchema): { path: string; input: GraphQLArgument | GraphQLInputField }[] {
  return notEmpty(
    Object.values(schema.getTypeMap()).flatMap((type) => {
      if (type.name.startsWith('__')) return []
      if (isInputObjectType(type))
        return Object.values(type.getFields()).map((input) => ({ path: `${type.name}.${input.name}`, input }))
      if (!isObjectType(type)) return []
      return Object.values(type.getFields()).flatMap((field) =>
        field.args.map((input) => ({ path: `${type.name}.${field.name}(${input.name})`, input })),
      )
    }),
  )
}

/** A check over nothing proves nothing. @throws Error when there is nothing to check */
export function notEmpty<T>(items: T[]): T[] {
  if (items.length === 0) throw new Error('there is nothing to check')
  return items
}

import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  print,
  stripIgnoredCharacters,
  visit,
} from 'graphql'

/** A document as the code generator hands it over. */
type SourceFile = { readonly document?: DocumentNode; readonly location?: string }

type Operation = {
  readonly name: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  /** The one root field: the operation's name, but for a subscription, which is named `followField`. */
  readonly field: string
  readonly description: string
  readonly node: OperationDefinitionNode
}

const upperFirst = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`

/**
 * A plugin of graphql-codegen that writes, for each operation, its document as a typed string, an entry of `operations`
 * and a method of `Methods`. A new operation file becomes a method without a line by hand. Queries and mutations have the
 * name of their root field; the subscription of a field `events` is `followEvents`.
 * @throws Error for an operation of another name, a mutation without `$input` alone, a subscription without `$after`
 */
export function plugin(schema: GraphQLSchema, files: readonly SourceFile[]): string {
  const definitions = files.flatMap(({ document }) => document?.definitions ?? [])
  const fragments = new Map(
    definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
  )
  const operations = definitions
    .flatMap((node) => (node.kind === Kind.OPERATION_DEFINITION ? [readOperation(schema, node)] : []))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return [
    "import type { CallOptions, TypedDocument } from '../src/types.ts'",
    ...operations.map((operation) => printDocument(operation, fragments)),
    'export const operations = {',
    ...operations.map(({ name, kind }) => `  ${name}: { kind: '${kind}', document: ${upperFirst(name)}Document },`),
    '} as const',
    '/** A method for each operation. */',
    'export type Methods = {',
    ...operations.map(printMethod),
    '}',
  ].join('\n')
}

function readOperation(schema: GraphQLSchema, node: OperationDefinitionNode): Operation {
  const name = node.name?.value ?? ''
  const roots = node.selectionSet.selections.filter((each): each is FieldNode => each.kind === Kind.FIELD)
  const [root] = roots
  const field = root?.name.value ?? ''
  const expected = node.operation === 'subscription' ? `follow${upperFirst(field)}` : field
  if (roots.length !== 1 || !root || root.alias || name !== expected)
    throw new Error(`the operation ${name} must select one root field, and have its name`)
  const variables = (node.variableDefinitions ?? []).map(({ variable }) => variable.name.value)
  if (node.operation === 'mutation' && variables.join() !== 'input')
    throw new Error(`the mutation ${name} must have the one variable $input`)
  if (node.operation === 'subscription' && !variables.includes('after'))
    throw new Error(`the subscription ${name} must have a variable $after, to go on after an event`)
  const description = schema.getRootType(node.operation)?.getFields()[field]?.description ?? ''
  return { name, kind: node.operation, field, description, node }
}

/** The operation and the fragments that it uses, each once. */
function printDocument({ name, kind, node }: Operation, fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
  const used = new Map<string, FragmentDefinitionNode>()
  const collect = (within: OperationDefinitionNode | FragmentDefinitionNode) => {
    visit(within, {
      FragmentSpread({ name: { value } }) {
        const fragment = fragments.get(value)
        if (!fragment) throw new Error(`${name}: there is no fragment ${value}`)
        if (used.has(value)) return
        used.set(value, fragment)
        collect(fragment)
      },
    })
  }
  collect(node)
  const text = stripIgnoredCharacters([node, ...used.values()].map(print).join('\n'))
  const Name = upperFirst(name)
  const types = `TypedDocument<${Name}${upperFirst(kind)}, ${Name}${upperFirst(kind)}Variables>`
  return `export const ${Name}Document = ${JSON.stringify(text)} as ${types}`
}

function printMethod({ name, kind, field, description, node }: Operation): string {
  const Name = upperFirst(name)
  const value = `${Name}${upperFirst(kind)}['${field}']`
  const result = kind === 'subscription' ? `AsyncIterableIterator<${value}>` : `Promise<${value}>`
  const lines = description.split('\n').map((line) => `   * ${line}`.trimEnd())
  const variables = node.variableDefinitions ?? []
  const optional = variables.every(({ type, defaultValue }) => type.kind !== Kind.NON_NULL_TYPE || defaultValue)
  const given =
    kind === 'mutation'
      ? `input: ${Name}MutationVariables['input']`
      : `variables${optional ? '?' : ''}: ${Name}${upperFirst(kind)}Variables`
  return ['  /**', ...lines, '   */', `  ${name}(${given}, options?: CallOptions): ${result}`].join('\n')
}

import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'

/** How large a document is when its fragments are written out. May be Infinity; never takes longer than reading it. */
export type DocumentSize = {
  readonly operations: number
  readonly fields: number
  readonly aliases: number
  readonly directives: number
  /** Deepest nesting of fields; a root field has depth 1. */
  readonly depth: number
  /** Estimated number of values in the answer. */
  readonly cost: number
  /** Whether all root fields are `__schema`, `__type` or `__typename`, and one at least is not the last. */
  readonly introspectionOnly: boolean
}

type Size = { fields: number; aliases: number; directives: number; depth: number; cost: number }
type Variables = Readonly<Record<string, unknown>>

/** How many items a connection is taken to return when the document does not say. */
export const PAGE_SIZE_ASSUMED = 20
const PAGE_ARGUMENTS: ReadonlySet<string> = new Set(['first', 'last'])
const PAGE_FIELDS: ReadonlySet<string> = new Set(['edges', 'nodes'])
const zero = (): Size => ({ fields: 0, aliases: 0, directives: 0, depth: 0, cost: 0 })

function add(total: Size, part: Size): void {
  total.fields += part.fields
  total.aliases += part.aliases
  total.directives += part.directives
  total.cost += part.cost
  total.depth = Math.max(total.depth, part.depth)
}

function countOf(value: ValueNode, variables: Variables): number {
  if (value.kind === Kind.INT) return Number(value.value)
  if (value.kind === Kind.LIST) return value.values.length
  if (value.kind !== Kind.VARIABLE) return 1
  const given = variables[value.name.value]
  return Array.isArray(given) ? given.length : typeof given === 'number' ? given : 1
}

function itemsOf(field: FieldNode, variables: Variables): number {
  let items = 0
  for (const { name, value } of field.arguments ?? [])
    if (PAGE_ARGUMENTS.has(name.value) || name.value === 'ids') items = Math.max(items, countOf(value, variables))
  if (items > 0) return items
  const pages = field.selectionSet?.selections.some((one) => one.kind === Kind.FIELD && PAGE_FIELDS.has(one.name.value))
  return pages ? PAGE_SIZE_ASSUMED : 1
}

/** Measures selections; each fragment once, whatever number of times it is spread. A cycle counts as nothing. */
function createMeasure(document: DocumentNode, variables: Variables) {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const one of document.definitions) if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one)
  const measured = new Map<string, Size>()

  const ofFragment = (name: string): Size => {
    const known = measured.get(name)
    if (known) return known
    measured.set(name, zero())
    const fragment = fragments.get(name)
    if (!fragment) return zero()
    const size = ofSelections(fragment.selectionSet)
    size.directives += fragment.directives?.length ?? 0
    measured.set(name, size)
    return size
  }
  const ofField = (field: FieldNode): Size => {
    const inner = field.selectionSet ? ofSelections(field.selectionSet) : zero()
    inner.fields += 1
    inner.aliases += field.alias ? 1 : 0
    inner.directives += field.directives?.length ?? 0
    inner.depth += 1
    inner.cost = 1 + inner.cost * itemsOf(field, variables)
    return inner
  }
  const ofSelections = ({ selections }: SelectionSetNode): Size => {
    const total = zero()
    for (const one of selections) {
      if (one.kind === Kind.FIELD) add(total, ofField(one))
      else {
        add(total, one.kind === Kind.FRAGMENT_SPREAD ? ofFragment(one.name.value) : ofSelections(one.selectionSet))
        total.directives += one.directives?.length ?? 0
      }
    }
    return total
  }
  return { fragments, measured, ofFragment, ofSelections }
}

/** Names of the fields at the root of an operation, also through fragments; each as often as it stands there. */
export function rootFieldNames(document: DocumentNode, operation: OperationDefinitionNode): string[] {
  const names: string[] = []
  const seen = new Set<string>()
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const one of selections) {
      if (one.kind === Kind.FIELD) names.push(one.name.value)
      else if (one.kind === Kind.INLINE_FRAGMENT) collect(one.selectionSet)
      else if (!seen.has(one.name.value)) {
        seen.add(one.name.value)
        for (const fragment of document.definitions)
          if (fragment.kind === Kind.FRAGMENT_DEFINITION && fragment.name.value === one.name.value)
            collect(fragment.selectionSet)
      }
    }
  }
  collect(operation.selectionSet)
  return names
}

/**
 * Measures a document with its fragments written out, fragments nobody spreads included. Takes time proportional to the
 * document's length, also for cycles and for fragments that double at each level.
 */
export function measureDocument(document: DocumentNode, variables: Variables = {}): DocumentSize {
  const { fragments, measured, ofFragment, ofSelections } = createMeasure(document, variables)
  const total = zero()
  let operations = 0
  let introspects = false
  let reads = false
  for (const one of document.definitions) {
    if (one.kind !== Kind.OPERATION_DEFINITION) continue
    operations += 1
    add(total, ofSelections(one.selectionSet))
    total.directives += one.directives?.length ?? 0
    for (const definition of one.variableDefinitions ?? []) total.directives += definition.directives?.length ?? 0
    for (const name of rootFieldNames(document, one)) {
      if (name === '__schema' || name === '__type') introspects = true
      else if (name !== '__typename') reads = true
    }
  }
  for (const name of fragments.keys()) if (!measured.has(name)) add(total, ofFragment(name))
  return { ...total, operations, introspectionOnly: introspects && !reads }
}

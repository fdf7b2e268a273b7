import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import { isTaxonomyKey, type TaxonomyKind } from './fides-taxonomy.rules.ts'
import type { Fault } from './fides-yaml.rules.ts'
import { FIDES_KEY } from './processing.rules.ts'

/** A map of a manifest, as it is kept. */
export type Body = { readonly [key: string]: unknown }

/** The shape of a part of a manifest. `text` and `key` take a number for its text, as fideslang does, where `coerced`. */
export type Shape =
  | { readonly kind: 'text'; readonly coerced?: true }
  | { readonly kind: 'flag' }
  | { readonly kind: 'integer' }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'key'; readonly coerced?: true; readonly of?: TaxonomyKind }
  | { readonly kind: 'list'; readonly of: () => Shape; readonly unique?: string }
  | RecordShape
  /** Whatever a team likes. */
  | { readonly kind: 'free' }

/** A map with known keys, kept in this order. */
export type RecordShape = {
  readonly kind: 'record'
  readonly fields: Readonly<Record<string, Shape>>
  readonly required: readonly string[]
  /** Older names of keys: taken where the newer one is absent. */
  readonly older?: Readonly<Record<string, string>>
  /** What must hold between its values, else why not; `path` below the map. */
  readonly rule?: (body: Body) => Fault | null
}

/** What was found beside the values. */
export class Findings {
  readonly faults: Fault[] = []
  /** Paths of keys that fideslang does not know. */
  readonly unknownKeys: string[] = []
  readonly unknownTaxonomyKeys: { readonly path: string; readonly key: string }[] = []
}

const DEPTH_MAX = 32
const KEY_SHOWN_MAX = 100

const below = (path: string, key: string) => (path === '' ? key : `${path}.${key}`)

/** Reads a node by its shape. @returns undefined where it is absent, null, or at fault */
export function readNode(node: unknown, shape: Shape, path: string, into: Findings): unknown {
  const fault = (reason: string) => void into.faults.push({ path, reason })
  const value = isScalar(node) ? node.value : undefined
  if (node === null || node === undefined || value === null) return undefined
  switch (shape.kind) {
    case 'text':
      if (typeof value === 'string') return value
      return shape.coerced && isFiniteNumber(value) ? String(value) : fault('must be a text')
    case 'key':
      return readKey(shape, value, path, into)
    case 'flag':
      return typeof value === 'boolean' ? value : fault('must be true or false')
    case 'integer':
      return Number.isSafeInteger(value) ? value : fault('must be a whole number')
    case 'word':
      return shape.words.includes(String(value)) ? value : fault(`must be one of: ${shape.words.join(', ')}`)
    case 'list':
      return isSeq(node) ? readList(node.items, shape, path, into) : fault('must be a list')
    case 'record':
      return isMap(node) ? readRecord(node, shape, path, into) : fault('must be a map')
    case 'free':
      return isMap(node) || isSeq(node) ? readFree(node as Node, fault, 0) : fault('must be a map or a list')
  }
}

const isFiniteNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function readKey(shape: Extract<Shape, { kind: 'key' }>, value: unknown, path: string, into: Findings) {
  const key = shape.coerced && isFiniteNumber(value) ? String(value) : value
  if (typeof key !== 'string' || !FIDES_KEY.test(key))
    return void into.faults.push({ path, reason: `must match ${FIDES_KEY.source}` })
  if (shape.of && !isTaxonomyKey(shape.of, key)) into.unknownTaxonomyKeys.push({ path, key })
  return key
}

function readList(items: readonly unknown[], shape: Extract<Shape, { kind: 'list' }>, path: string, into: Findings) {
  const of = shape.of()
  const seen = new Set<unknown>()
  const values: unknown[] = []
  for (const [index, item] of items.entries()) {
    const at = `${path}[${index}]`
    const faults = into.faults.length
    const value = readNode(item, of, at, into)
    if (value === undefined) {
      if (into.faults.length === faults) into.faults.push({ path: at, reason: 'must not be empty' })
      continue
    }
    if (shape.unique !== undefined) {
      const name = (value as Body)[shape.unique]
      if (name !== undefined && seen.has(name))
        into.faults.push({ path: below(at, shape.unique), reason: 'is there twice' })
      seen.add(name)
    }
    values.push(value)
  }
  return values
}

function readRecord(map: YAMLMap, shape: RecordShape, path: string, into: Findings): Body {
  const { fields, required, older = {}, rule } = shape
  const faults = into.faults.length
  const values = new Map<string, unknown>()
  const failed = new Set<string>()
  for (const [key, node] of entriesOf(map, (reason) => into.faults.push({ path, reason }))) {
    const field = Object.hasOwn(older, key) ? older[key] : key
    const of = field !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined
    if (field === undefined || !of) {
      into.unknownKeys.push(below(path, key.slice(0, KEY_SHOWN_MAX)))
      continue
    }
    const earlier = into.faults.length
    const value = readNode(node, of, below(path, key), into)
    if (into.faults.length > earlier) failed.add(field)
    if (value !== undefined && (field === key || !values.has(field))) values.set(field, value)
  }
  for (const key of required)
    if (!values.has(key) && !failed.has(key)) into.faults.push({ path: below(path, key), reason: 'is missing' })
  const body = Object.fromEntries(
    Object.keys(fields).flatMap((key) => (values.has(key) ? [[key, values.get(key)]] : [])),
  )
  const broken = into.faults.length === faults ? rule?.(body) : null
  if (broken) into.faults.push({ path: below(path, broken.path), reason: broken.reason })
  return body
}

/** The entries of a map, each key once. */
function* entriesOf(map: YAMLMap, fault: (reason: string) => void): Generator<[key: string, node: unknown]> {
  const seen = new Set<string>()
  for (const { key, value } of map.items) {
    if (!isScalar(key) || key.value === null) {
      fault('has a key that is no text')
      continue
    }
    const name = String(key.value)
    if (seen.has(name)) fault('has a key twice')
    else yield [name, value]
    seen.add(name)
  }
}

function readFree(node: Node, fault: (reason: string) => void, depth: number): unknown {
  if (depth > DEPTH_MAX) return fault(`is nested deeper than ${DEPTH_MAX}`)
  const inner = (item: unknown) =>
    item === null || item === undefined ? null : readFree(item as Node, fault, depth + 1)
  if (isSeq(node)) return node.items.map(inner)
  if (isMap(node)) return Object.fromEntries([...entriesOf(node, fault)].map(([key, item]) => [key, inner(item)]))
  const value = isScalar(node) ? node.value : null
  if (typeof value === 'number' && !Number.isFinite(value)) return fault('holds a number that is not finite')
  return value
}

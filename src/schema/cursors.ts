import { decodeCursorChunk } from '@pothos/core'
import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { Purpose } from '../generated/prisma/enums.ts'
import { isUuid } from '../time/id.ts'
import { badInput } from './refusals.ts'

/** What one part of a cursor may be. */
export type CursorPart = 'uuid' | 'instant' | 'request-id' | 'purpose'

const PARTS: Readonly<Record<CursorPart, (part: unknown) => boolean>> = {
  uuid: (part) => isUuid(part),
  instant: (part) => part instanceof Date && !Number.isNaN(part.getTime()) && part.getUTCFullYear() > 0,
  'request-id': (part) => typeof part === 'string' && /^[\x21-\x7e]{1,64}$/.test(part),
  purpose: (part) => typeof part === 'string' && Object.hasOwn(Purpose, part),
}

/** Parts of the cursors of a tenant's rows: account and id. */
const TENANT_PARTS: readonly CursorPart[] = ['uuid', 'uuid']

/** Says what the cursors of a node's lists are made of, where not of account and id; null: its list reads them itself. */
export function cursorOf(parts: readonly CursorPart[] | null) {
  return { cursorParts: parts } as const
}

/**
 * Makes every list check the cursors it is given before it reads: one that no answer gave out is refused in words and
 * never reaches the database.
 */
export function checkCursors(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      const node = field.args.some(({ name }) => name === 'after') ? nodeOf(getNamedType(field.type)) : null
      const resolve = field.resolve
      if (!node || !resolve) continue
      const declared = node.extensions['cursorParts'] as readonly CursorPart[] | null | undefined
      if (declared === null) continue
      const parts = declared ?? TENANT_PARTS
      field.resolve = (parent, args, context, info) => {
        for (const name of ['after', 'before'] as const) assertCursor(name, args[name], parts)
        return resolve(parent, args, context, info)
      }
    }
  }
  return schema
}

/** The type of the nodes of a connection. */
function nodeOf(connection: unknown): GraphQLObjectType | null {
  const inner = (type: unknown, field: string) =>
    isObjectType(type) ? getNamedType(type.getFields()[field]?.type) : undefined
  const node = inner(inner(connection, 'edges'), 'node')
  return isObjectType(node) ? node : null
}

function assertCursor(name: string, value: unknown, parts: readonly CursorPart[]): void {
  if (value === null || value === undefined) return
  const found = typeof value === 'string' ? partsOf(value) : []
  const fits = found.length === parts.length && parts.every((part, index) => PARTS[part](found[index]))
  if (!fits) throw badInput(name, 'is not a cursor of this list')
}

function partsOf(cursor: string): readonly unknown[] {
  try {
    const text = Buffer.from(cursor, 'base64').toString()
    const parts: unknown = text.startsWith('GPC:') ? decodeCursorChunk(text.slice(4)) : []
    return Array.isArray(parts) ? parts : [parts]
  } catch {
    return []
  }
}

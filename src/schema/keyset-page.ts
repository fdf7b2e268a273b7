import { queryFromInfo } from '@pothos/plugin-prisma'
import { type DefaultConnectionArguments, resolveCursorConnection } from '@pothos/plugin-relay'
import type { GraphQLResolveInfo } from 'graphql'
import type { Context } from './types.ts'

/** How many rows a page has where nothing is said, and at most. */
const SIZES = { defaultSize: 20, maxSize: 100 } as const

/** Which rows of a list a page asks for: so many, from the beginning or (inverted) from the end of what it bounds. */
export type KeysetPage = { readonly limit: number; readonly inverted: boolean }

/** What Prisma reads for the nodes of a list, in one statement with what they refer to. */
export function selectionOfNodes(context: Context, info: GraphQLResolveInfo, typeName: string): object {
  return queryFromInfo({ context, info, path: ['edges', 'node'], typeName })
}

/**
 * A page, both ways, of a list that bounds its rows by conditions of its own: where its order is not that of a unique
 * key. Rows come as `inverted` says, and one more than the page has.
 */
export function keysetPage<Row>(
  args: DefaultConnectionArguments,
  cursorOf: (row: Row) => string,
  read: (page: KeysetPage) => Promise<Row[]>,
) {
  return resolveCursorConnection<Promise<Row[]>>({ args, ...SIZES, toCursor: cursorOf }, ({ limit, inverted }) =>
    read({ limit, inverted }),
  )
}

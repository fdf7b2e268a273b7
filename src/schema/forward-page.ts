import { badInput } from './refusals.ts'

type PageArgs = { readonly [K in 'first' | 'last']?: number | null | undefined } & {
  readonly [K in 'after' | 'before']?: string | null | undefined
}

/** How many rows a page of a list has that pages forward alone. @throws BAD_USER_INPUT */
export function readPageSize(args: PageArgs, { byDefault, max }: { byDefault: number; max: number }): number {
  if (args.last != null || args.before != null) throw badInput('last', 'is not offered: this list pages forward')
  const limit = args.first ?? byDefault
  if (limit < 1 || limit > max) throw badInput('first', `must be 1 to ${max}`)
  return limit
}

/** A page of what follows `after`: one row more than `limit` says that there is another page. */
export function pageOf<T>(rows: readonly T[], limit: number, after: unknown, cursor: (row: T) => string) {
  const edges = rows.slice(0, limit).map((node) => ({ node, cursor: cursor(node) }))
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > limit,
      hasPreviousPage: after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}

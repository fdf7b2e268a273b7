/** How many rows a system reads at a time. */
export const PAGE_ROWS = 1_000

/**
 * Rows of any number, of which only a page is in memory.
 * @param next gives up to `PAGE_ROWS` rows after the given one, in the order of their key
 */
export async function* inPages<R>(next: (last: R | null) => Promise<readonly R[]>): AsyncGenerator<R> {
  let last: R | null = null
  for (;;) {
    const rows: readonly R[] = await next(last)
    yield* rows
    if (rows.length < PAGE_ROWS) return
    last = rows.at(-1) ?? null
  }
}

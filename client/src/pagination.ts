/** A page of a connection. */
export type Page<Node> = {
  readonly edges: readonly { readonly node: Node }[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor?: string | null | undefined }
}

/** All nodes of a connection, page by page as they are asked for. */
export type Nodes<Node> = AsyncIterable<Node> & {
  /** The first `limit` nodes. */
  toArray(options: { readonly limit: number }): Promise<Node[]>
}

/**
 * Walks a connection: `load` is called with the cursor after which to go on, undefined at first.
 * @example paginate((after) => client.subjects({ first: 100, after }))
 */
export function paginate<Node>(load: (after: string | undefined) => Promise<Page<Node>>): Nodes<Node> {
  async function* walk() {
    let after: string | undefined
    do {
      const { edges, pageInfo }: Page<Node> = await load(after)
      for (const { node } of edges) yield node
      after = pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined
    } while (after !== undefined)
  }
  return {
    [Symbol.asyncIterator]: walk,
    toArray: async ({ limit }) => {
      const nodes: Node[] = []
      if (limit > 0)
        for await (const node of walk()) {
          nodes.push(node)
          if (nodes.length >= limit) break
        }
      return nodes
    },
  }
}

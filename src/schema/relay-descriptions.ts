import { type GraphQLSchema, isObjectType } from 'graphql'

/** What the schema says of the types, fields and arguments that the Relay plugin makes by itself. */
export const RELAY_DESCRIPTIONS = {
  nodeTypeOptions: { description: 'A record with a global id.' },
  idFieldOptions: { description: 'Global id: opaque, the same for ever.' },
  pageInfoTypeOptions: { description: 'Where a page of a connection lies.' },
  hasNextPageFieldOptions: { description: 'Whether there is more after the page.' },
  hasPreviousPageFieldOptions: { description: 'Whether there is more before the page.' },
  startCursorFieldOptions: { description: 'Cursor of the first edge; null on an empty page.' },
  endCursorFieldOptions: { description: 'Cursor of the last edge; null on an empty page.' },
  defaultConnectionTypeOptions: { description: 'A page of a list.' },
  defaultEdgeTypeOptions: { description: 'A record of a page, with its cursor.' },
  edgesFieldOptions: { description: 'The records of the page.' },
  pageInfoFieldOptions: { description: 'Where the page lies.' },
  cursorFieldOptions: { description: 'Where the record lies in the list, for `after` and `before`.' },
  nodeFieldOptions: { description: 'The record.' },
  firstArgOptions: {
    description:
      'How many records from the start or from `after`; default 20, at most 100, unless the list says otherwise.',
  },
  lastArgOptions: { description: 'How many records from the end or from `before`, at most 100; not beside `first`.' },
  afterArgOptions: { description: 'Only what follows this cursor.' },
  beforeArgOptions: { description: 'Only what precedes this cursor.' },
} as const

/** Describes what plugins make and take no text for: total counts of connections, and the ids of `node` and `nodes`. */
export function describeTheRest(schema: GraphQLSchema): GraphQLSchema {
  const fields = schema.getQueryType()?.getFields()
  for (const argument of [...(fields?.['node']?.args ?? []), ...(fields?.['nodes']?.args ?? [])])
    argument.description ??= argument.name === 'id' ? 'The global id.' : 'The global ids, 100 at most.'
  for (const type of Object.values(schema.getTypeMap())) {
    const total = isObjectType(type) ? type.getFields()['totalCount'] : undefined
    if (total) total.description ??= 'How many records the list has in all, on all pages together.'
  }
  return schema
}

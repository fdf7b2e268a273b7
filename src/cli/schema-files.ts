import { type GraphQLSchema, isInterfaceType, printSchema } from 'graphql'
import { EVENTS } from '../domains/events/events.rules.ts'

/** The files that the client is made of, by their path below `client/`: the schema, and the catalogue of events twice. */
export function printForClient(schema: GraphQLSchema): Readonly<Record<string, string>> {
  return {
    'schema.graphql': `${printSchema(schema)}\n`,
    'events.json': `${JSON.stringify(EVENTS, null, 2)}\n`,
    'operations/event-fields.graphql': eventFields(schema),
  }
}

/** A fragment with every field of every kind of event, so that a new kind needs no line by hand. */
function eventFields(schema: GraphQLSchema): string {
  const event = schema.getType('Event')
  if (!isInterfaceType(event)) throw new Error('the schema has no interface Event')
  const common = Object.keys(event.getFields())
  const own = schema.getPossibleTypes(event).flatMap((type) => {
    const names = Object.keys(type.getFields()).filter((name) => !common.includes(name))
    return names.length === 0 ? [] : [`  ... on ${type.name} {`, ...names.map((name) => `    ${name}`), '  }']
  })
  return `${['fragment EventFields on Event {', '  __typename', ...common.map((name) => `  ${name}`), ...own, '}'].join('\n')}\n`
}

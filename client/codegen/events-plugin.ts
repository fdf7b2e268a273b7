type EventField = {
  readonly description: string
  readonly type: 'id' | 'instant' | 'count' | 'word'
  readonly of?: string | null
  readonly words?: readonly string[]
}

type EventDefinition = {
  readonly version: number
  readonly description: string
  readonly fields: Readonly<Record<string, EventField>>
}

/** The catalogue of events, as `npm run schema` prints it into `client/events.json`. */
export type EventCatalogue = Readonly<Record<string, EventDefinition>>

/** A plugin of graphql-codegen that writes the fields of each kind of event. */
export function plugin(_schema: unknown, _documents: unknown, { events }: { readonly events: EventCatalogue }): string {
  return [
    '/** The fields of each kind of event. */',
    'export type WebhookEventFields = {',
    ...Object.entries(events).flatMap(([kind, { description, fields }]) => [
      `  /** ${description} */`,
      `  readonly '${kind}': {`,
      ...Object.entries(fields).flatMap(([name, field]) => [
        `    /** ${field.description} */`,
        `    readonly ${name}: ${typeOf(field)}`,
      ]),
      '  }',
    ]),
    '}',
  ].join('\n')
}

/** A processor is told no person's id. */
function typeOf({ type, of, words = [] }: EventField): string {
  if (type === 'count') return 'number'
  if (type === 'word') return [...words, '%future added value'].map((word) => `'${word}'`).join(' | ')
  return type === 'id' && of === 'Subject' ? 'string | null' : 'string'
}

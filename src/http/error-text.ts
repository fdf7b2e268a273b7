import { type GraphQLError, Kind } from 'graphql'

const VALUE_KINDS: ReadonlySet<string> = new Set([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
])
const REQUIRED_FIELD = /^Field "[\w.]+" of required type "[\w![\]]+" was not provided\.$/
const EXPECTED_TYPE = /^Expected value of type "([\w![\]]+)", found /
const SYNTAX =
  /^Syntax Error: (?:Expected ("[^"\s]{1,20}"|\w{1,20}), found|Unexpected) (Name|String|BlockString|Int|Float|"\S{1,3}"|<EOF>)/
const MESSAGE_CHARS_MAX = 300

/** Removes suggestions, which tell strangers names of the schema. */
export function withoutSuggestion(message: string): string {
  return message.replace(/\s*Did you mean [\s\S]*$/, '')
}

/**
 * A syntax error's text without the text that was found: strings of a document can be personal data.
 * The position stays in the error's locations.
 */
export function syntaxText(message: string): string {
  const [, expected, found] = SYNTAX.exec(message) ?? []
  if (found === undefined) return 'The document has a syntax error.'
  return expected === undefined
    ? `Syntax error: unexpected ${found}.`
    : `Syntax error: expected ${expected}, found ${found}.`
}

/**
 * A validation error's text without literals and without suggestions (unless `suggest`). An error that points at no node
 * is a scalar's own, which may quote the literal.
 */
export function validationText(error: GraphQLError, suggest: boolean): string {
  const aboutValue = !error.nodes?.length || error.nodes.some((node) => VALUE_KINDS.has(node.kind))
  if (aboutValue && !REQUIRED_FIELD.test(error.message)) {
    const type = EXPECTED_TYPE.exec(error.message)?.[1]
    return type === undefined ? 'A literal does not fit its type.' : `A literal does not fit its type "${type}".`
  }
  const text = suggest && !aboutValue ? error.message : withoutSuggestion(error.message)
  return text.length > MESSAGE_CHARS_MAX ? `${text.slice(0, MESSAGE_CHARS_MAX)}…` : text
}

import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  stringify,
  visit,
} from 'yaml'

/** What is wrong with a manifest, and where: keys that fideslang knows, and positions from 0. Never a value of it. */
export type Fault = { readonly path: string; readonly reason: string }

/** Largest manifest, in bytes of UTF-8: 256 kB. */
export const MANIFEST_BYTES_MAX = 256 * 1024

/** Words, punctuation and spaces of YAML together; 256 kB of an ordinary manifest have some 75,000. */
const LEXEMES_MAX = 100_000
const FAULTS_MAX = 100
/** What YAML 1.2 does not allow (section 5.1): control characters, lone surrogates, and what is no character. */
const NOT_PRINTABLE = /[^\P{Cc}\t\n\r\u0085]|[\p{Cs}\ufffe\uffff]/u

/**
 * Reads one YAML 1.2 document into its tree. Refused are anchors, aliases, tags and directives: nothing is repeated,
 * and nothing is made but texts, numbers, booleans, null, lists and maps. Time and memory are bounded by the size.
 * @returns the document, or what is wrong with it by its line
 */
export function parseYaml(text: string): { readonly document: Document } | { readonly faults: readonly Fault[] } {
  const bad = (reason: string) => ({ faults: [{ path: '', reason }] })
  if (Buffer.byteLength(text) > MANIFEST_BYTES_MAX) return bad(`is larger than ${MANIFEST_BYTES_MAX} bytes`)
  if (NOT_PRINTABLE.test(text)) return bad('holds a control character')
  let lexemes = 0
  for (const _ of new Lexer().lex(text)) {
    lexemes += 1
    if (lexemes > LEXEMES_MAX) return bad('has too many parts')
  }
  const lines = new LineCounter()
  const tokens = []
  let documents = 0
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === 'directive') return bad('has a directive')
    if (token.type === 'error') return bad(`is no YAML: line ${lines.linePos(token.offset).line}`)
    if (token.type === 'document') documents += 1
    if (documents > 1) return bad('has more than one document')
    tokens.push(token)
  }
  // Duplicate keys are looked for by the reader: here every key would be compared with every other.
  const [document] = new Composer({ uniqueKeys: false }).compose(tokens, true, text.length)
  if (!document?.contents) return bad('is empty')
  const at = (offset: number) => `line ${lines.linePos(offset).line}`
  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    path: '',
    reason: `is no YAML that is taken: ${at(pos[0])}, ${code}`,
  }))
  visit(document, (_key, node) => {
    if (faults.length >= FAULTS_MAX) return visit.BREAK
    const offset = (node as { range?: readonly [number, number, number] | null } | null)?.range?.[0] ?? 0
    if (isAlias(node)) faults.push({ path: '', reason: `has an alias: ${at(offset)}` })
    else if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined) faults.push({ path: '', reason: `has an anchor: ${at(offset)}` })
      if (node.tag !== undefined) faults.push({ path: '', reason: `has a tag: ${at(offset)}` })
    }
    return undefined
  })
  return faults.length > 0 ? { faults: faults.slice(0, FAULTS_MAX) } : { document: document as Document }
}

/**
 * Writes a value as YAML that readers of YAML 1.1 (as Fides is) and 1.2 understand alike. The same value has the same
 * text.
 */
export function writeYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' })
}

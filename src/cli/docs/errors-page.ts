import { KEY_ERROR_CODES } from '../../crypto/errors.ts'
import { REQUEST_CODES, type RequestCodeEntry } from '../../http/request-codes.ts'
import { buildSchema } from '../../schema/index.ts'
import { problemCodes } from '../../schema/problems.ts'
import { table, WRITTEN } from './table.ts'

const yes = (value: boolean) => (value ? 'yes' : 'no')

/** The text of `docs/errors.md`: every code that a caller or the operator can meet, and whether to try again. */
export function errorsPage(): string {
  buildSchema()
  const requests = Object.entries<RequestCodeEntry>(REQUEST_CODES).map(([code, { message, status, retry }]) => [
    `\`${code}\``,
    String(status ?? '200'),
    yes(retry),
    message,
  ])
  const problems = [...problemCodes]
    .map(([type, { code, description, retryable }]) => [`\`${code}\``, `\`${type}\``, yes(retryable), description])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  const keys = Object.entries(KEY_ERROR_CODES).map(([code, { message, retry }]) => [`\`${code}\``, yes(retry), message])
  return `# Errors

${WRITTEN}

Codes never change once released. Texts may: match on codes. No text holds a value that was sent, or data of anyone.
"Retry" says whether the same request may succeed later without being changed. Where it is unknown whether a mutation
took effect (no answer, or \`INTERNAL\`), send it again with the same \`idempotencyKey\`: it has one effect.

## Failures of a request

In \`errors[].extensions.code\`, beside \`requestId\` and, where they help, \`field\`, \`limit\`, \`maximum\`,
\`retryAfterSeconds\` and \`oldestCursor\`. The status is that of an answer that carries nothing else.

${table(['Code', 'Status', 'Retry', 'Meaning'], requests)}

A read never fails for a record that the caller may not see: it is \`null\` or left out, as if it did not exist.

## Problems of a mutation

Members of the result's union that implement \`Problem\`: \`code\`, \`message\`, \`retryable\`, and fields of their own.

${table(['Code', 'Type', 'Retry', 'Meaning'], problems)}

## Failures with keys

For the operator, in logs and on the command line. A caller is told \`INTERNAL\`.

${table(['Code', 'Retry', 'Meaning'], keys)}

The token endpoint answers with the codes of OAuth 2.0 (RFC 6749 section 5.2) and RFC 7009.
`
}

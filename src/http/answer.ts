import type { ServerResponse } from 'node:http'
import { REQUEST_CODES, type RequestCode } from './request-codes.ts'

/** Answers JSON. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

/** Answers a refusal outside GraphQL in the form that GraphQL errors have. */
export function answerRefusal(response: ServerResponse, code: RequestCode): void {
  const { message, status } = REQUEST_CODES[code]
  const requestId = response.getHeader('X-Request-Id')
  answerJson(response, status ?? 400, { errors: [{ message, extensions: { code, requestId } }] })
}

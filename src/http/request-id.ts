const REQUEST_ID = /^[A-Za-z0-9-]{8,64}$/

/**
 * The id that a request goes by in answers, logs and audit rows: what the caller sent in `X-Request-Id` when it is 8 to
 * 64 letters, digits and hyphens, else a new one. Always answered in `X-Request-Id`.
 */
export function requestIdOf(sent: string | null | undefined, newRequestId: () => string): string {
  return sent && REQUEST_ID.test(sent) ? sent : newRequestId()
}

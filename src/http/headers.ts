const HSTS_SECONDS = 31_536_000

/**
 * The headers of every answer: nothing is cached, framed, sniffed or passed on as referrer, and no page may load
 * anything. HSTS when the public address is https.
 * @see RFC 6797, https://www.w3.org/TR/CSP3/
 */
export function securityHeaders(publicUrl: string): Record<string, string> {
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'Cross-Origin-Resource-Policy': 'same-site',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(publicUrl.startsWith('https://')
      ? { 'Strict-Transport-Security': `max-age=${HSTS_SECONDS}; includeSubDomains` }
      : {}),
  }
}

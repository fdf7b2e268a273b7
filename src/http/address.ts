import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

type Source = Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } }

const UNKNOWN = 'unknown'

function parsed(text: string | undefined) {
  return text !== undefined && ipaddr.isValid(text) ? ipaddr.process(text) : null
}

/**
 * Where a request comes from: the socket's address, or with `trustedProxies` proxies in front the one that the outermost
 * of them saw. Entries of `X-Forwarded-For` to the left of that are the caller's own words and are ignored. Null where
 * nothing is known. Personal data: kept in memory only, never logged.
 */
export function addressOf(source: Source | undefined, trustedProxies: number): string | null {
  return sourceAddress(source, trustedProxies)?.toString() ?? null
}

function sourceAddress(source: Source | undefined, trustedProxies: number) {
  if (!source) return null
  const header = source.headers['x-forwarded-for']
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((hop) => hop.trim())
  const forwarded = trustedProxies > 0 ? parsed(hops[Math.max(0, hops.length - trustedProxies)]) : null
  return forwarded ?? parsed(source.socket.remoteAddress)
}

/**
 * The address that requests are counted by: `addressOf`, IPv6 cut to its /64, which one subscriber has to itself.
 * Personal data: kept in memory only, never logged.
 */
export function addressKeyOf(source: Source | undefined, trustedProxies: number): string {
  const address = sourceAddress(source, trustedProxies)
  if (!address) return UNKNOWN
  return address.kind() === 'ipv6' ? address.toByteArray().slice(0, 8).join('.') : address.toString()
}

/** Whether a request comes from this machine itself and not through a proxy on it. */
export function isLocal(source: Source): boolean {
  const { forwarded } = source.headers
  if (source.headers['x-forwarded-for'] !== undefined || forwarded !== undefined) return false
  return parsed(source.socket.remoteAddress)?.range() === 'loopback'
}

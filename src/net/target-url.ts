import { isIP } from 'node:net'
import { isAddressAllowed, isInNetworks } from './addresses.ts'

/** The longest URL that is taken, in characters. */
export const URL_LENGTH_MAX = 2_000

/** Names of hosts that exist only inside a network, by their last labels (RFC 6761, RFC 6762, RFC 8375, RFC 9476). */
const INTERNAL =
  /(^|\.)(localhost|local|localdomain|internal|intranet|private|corp|home|lan|home\.arpa|test|invalid|onion|alt)$/

/**
 * Ports of other protocols, to which browsers send nothing.
 * @see https://fetch.spec.whatwg.org/#port-blocking
 */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
])

/** The host of a URL without the brackets of IPv6. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/**
 * Why nothing may be sent to a URL, as the rest of a sentence ("must be ..."); null where it may. A name is judged
 * again, by its addresses, whenever something is sent to it. `networks` (CIDR) are allowed although they are not public:
 * to them alone HTTP without TLS is allowed, and where there are some, names of the inside are.
 */
export function refuseTarget(text: string, networks: readonly string[] = []): string | null {
  if (text.length === 0 || text.length > URL_LENGTH_MAX) return `must have 1 to ${URL_LENGTH_MAX} characters`
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return 'must be a URL of ASCII without white space'
  const url = new URL(text)
  const host = hostOf(url)
  const isPlain = url.protocol === 'http:' && networks.length > 0
  if (url.protocol !== 'https:' && !isPlain) return 'must begin with https://'
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/*[^/?#]*@/i.test(text)) return 'must hold no credentials'
  if (text.includes('#')) return 'must have no fragment'
  if (BLOCKED_PORTS.has(Number(url.port === '' ? 443 : url.port))) return 'must not name a port of another protocol'
  if (isIP(host) !== 0) {
    const allowed = isPlain ? isInNetworks(host, networks) : isAddressAllowed(host, networks)
    return allowed ? null : 'must not name an address that is not public'
  }
  const name = host.replace(/\.$/, '')
  if (networks.length === 0 && (!name.includes('.') || INTERNAL.test(name)))
    return 'must name a host that is known to the public'
  return null
}

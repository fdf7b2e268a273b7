import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** How many networks a client may be bound to. */
export const NETWORKS_MAX = 20

const BITS = { ipv4: 32, ipv6: 128 }

/**
 * A network in CIDR notation in its canonical form (IPv6 by RFC 5952); null for any other text: an address without a
 * prefix, one with bits behind the prefix, IPv4 written as IPv6, octal or shortened numbers, a zone.
 * @see RFC 4632 section 3.1, RFC 4291 section 2.3
 */
export function readNetwork(text: string): string | null {
  const [, written = '', prefix = ''] = /^([0-9A-Fa-f:.]{2,45})\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  if (isIP(written) === 0) return null
  const address = ipaddr.parse(written)
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
  if (isMapped || Number(prefix) > BITS[address.kind()]) return null
  const canonical = `${address.toString()}/${prefix}`
  const network =
    address instanceof ipaddr.IPv6
      ? ipaddr.IPv6.networkAddressFromCIDR(canonical)
      : ipaddr.IPv4.networkAddressFromCIDR(canonical)
  return network.toString() === address.toString() ? canonical : null
}

/**
 * Whether an address (of a socket, or as a proxy wrote it) lies in one of the networks. An IPv4 address that was
 * written as IPv6 counts as IPv4; an unknown one lies in none.
 * @param networks as `readNetwork` gives them; without any, every address will do
 */
export function isAddressAllowed(address: string | null, networks: readonly string[]): boolean {
  if (networks.length === 0) return true
  if (address === null || isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  return networks.some((network) => {
    const [range, bits] = ipaddr.parseCIDR(network)
    return range.kind() === parsed.kind() && parsed.match(range as ipaddr.IPv4 & ipaddr.IPv6, bits)
  })
}

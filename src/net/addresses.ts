import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Public by its range, and yet the inside of a cloud: the host of a virtual machine there (Azure). */
const INSIDE_A_CLOUD = ipaddr.parseCIDR('168.63.129.16/32')
/** All of IPv6 that is given out for use on the Internet (RFC 4291, IANA). */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3')

function parse(text: string): Address | null {
  return isIP(text) === 0 || text.includes('%') ? null : ipaddr.parse(text)
}

function isIn(address: Address, network: [Address, number]): boolean {
  return address.kind() === network[0].kind() && address.match(network as [ipaddr.IPv4 & ipaddr.IPv6, number])
}

const v4 = (bytes: readonly number[]) => new ipaddr.IPv4([...bytes])

/**
 * The IPv4 addresses that a packet to an IPv6 address may end at: mapped (`::ffff:0:0/96`), compatible (`::/96`, which
 * holds `::` and `::1`), NAT64 (`64:ff9b::/96`, RFC 6052), 6to4 (`2002::/16`, RFC 3056), and the server and the client
 * of Teredo (`2001::/32`, RFC 4380). Null where there is none.
 */
function addressesInside(address: Address): readonly ipaddr.IPv4[] | null {
  if (address.kind() === 'ipv4') return null
  const bytes = address.toByteArray()
  const isPrefix = (...prefix: number[]) => prefix.every((byte, index) => bytes[index] === byte)
  const last = bytes.slice(12)
  const zeros = Array<number>(10).fill(0)
  if (isPrefix(...zeros, 0xff, 0xff) || isPrefix(...zeros, 0, 0)) return [v4(last)]
  if (isPrefix(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)) return [v4(last)]
  if (isPrefix(0x20, 0x02)) return [v4(bytes.slice(2, 6))]
  if (isPrefix(0x20, 0x01, 0, 0)) return [v4(bytes.slice(4, 8)), v4(last.map((byte) => byte ^ 0xff))]
  return null
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' ? !isIn(address, INSIDE_A_CLOUD) : isIn(address, GLOBAL_UNICAST)
}

const isOneOf = (address: Address, networks: readonly string[]) =>
  networks.some((network) => isIn(address, ipaddr.parseCIDR(network)))

/**
 * Whether an address lies in one of `networks` (CIDR). An IPv6 address that stands for IPv4 ones counts as those.
 */
export function isInNetworks(text: string, networks: readonly string[]): boolean {
  const address = parse(text)
  if (!address) return false
  return isOneOf(address, networks) || (addressesInside(address) ?? []).some((inner) => isOneOf(inner, networks))
}

/**
 * Whether a connection to an address may be made: only to public unicast, or to one of `networks` (CIDR). An IPv6
 * address that stands for IPv4 ones is judged by each of those. Text that is no address in its plain form is not.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6
 */
export function isAddressAllowed(text: string, networks: readonly string[]): boolean {
  const address = parse(text)
  if (!address) return false
  if (isOneOf(address, networks)) return true
  return (addressesInside(address) ?? [address]).every((each) => isPublic(each) || isOneOf(each, networks))
}

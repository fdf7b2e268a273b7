import { isIP } from 'node:net'
import bowser from 'bowser'
import ipaddr from 'ipaddr.js'
import type { BrowserFamily, OsFamily } from '../../generated/prisma/enums.ts'
import { matchesUsagePattern } from './usage-patterns.rules.ts'

/** What is kept of a user agent: two families, no version and no device model. */
export interface Device {
  readonly browser: BrowserFamily
  readonly os: OsFamily
}

/** How many different user agents are remembered with their families. At that number all are forgotten. */
export const DEVICE_CACHE_ENTRIES_MAX = 2_000

const BROWSERS: ReadonlyMap<string, BrowserFamily> = new Map([
  ['Chrome', 'CHROME'],
  ['Chromium', 'CHROME'],
  ['Firefox', 'FIREFOX'],
  ['Safari', 'SAFARI'],
  ['Microsoft Edge', 'EDGE'],
  ['Opera', 'OPERA'],
  ['Opera Coast', 'OPERA'],
  ['Opera Touch', 'OPERA'],
  ['Samsung Internet for Android', 'SAMSUNG_INTERNET'],
])

const SYSTEMS: ReadonlyMap<string, OsFamily> = new Map([
  ['Windows', 'WINDOWS'],
  ['Windows Phone', 'WINDOWS'],
  ['macOS', 'MACOS'],
  ['Linux', 'LINUX'],
  ['Android', 'ANDROID'],
  ['iOS', 'IOS'],
])

const devices = new Map<string, Device>()

/**
 * Whether `ip` is one address in its standard spelling: four decimal parts without leading zeros, or IPv6 (RFC 4291
 * section 2.2). Octal, hexadecimal and short forms, zone ids, brackets, ports, prefixes and white space are not.
 */
export function isReducibleAddress(ip: string): boolean {
  return isIP(ip) !== 0 && !ip.includes('%')
}

/**
 * The network an address lies in, which is all that is stored of it: the /24 of an IPv4 address, the /48 of an IPv6
 * address (RFC 5952 spelling). An IPv4-mapped address counts as IPv4. So does a 6to4 address (RFC 3056), whose /48
 * would spell out the whole IPv4 address.
 *
 * @throws RangeError when `ip` is not an address in its standard spelling; the message does not contain it
 */
export function reduceAddress(ip: string): string {
  if (!isReducibleAddress(ip)) throw new RangeError('Not an IP address in its standard spelling')
  if (!ip.includes(':')) return `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`
  const groups = leadingGroups(ip)
  if (groups !== null) return ipv6Network(groups)
  const address = ipaddr.IPv6.parse(ip)
  return address.isIPv4MappedAddress() ? ipv4Network(address.parts.slice(6)) : ipv6Network(address.parts)
}

/**
 * The families of browser and operating system a user agent names; `OTHER` for what is not a browser or system of the
 * list, such as an HTTP library. Total: never throws, whatever the string.
 */
export function reduceDevice(userAgent: string): Device {
  const parser = bowser.getParser(userAgent || '-', true)
  return {
    browser: BROWSERS.get(parser.parseBrowser().name ?? '') ?? 'OTHER',
    os: SYSTEMS.get(parser.parseOS().name ?? '') ?? 'OTHER',
  }
}

/**
 * {@link reduceDevice} for a user agent of the published shape, null for any other. Answers for up to
 * {@link DEVICE_CACHE_ENTRIES_MAX} user agents are kept in memory, because most events name one of a few.
 */
export function deviceOf(userAgent: string): Device | null {
  const known = devices.get(userAgent)
  if (known !== undefined) return known
  if (!matchesUsagePattern('userAgent', userAgent)) return null
  const device = reduceDevice(userAgent)
  if (devices.size >= DEVICE_CACHE_ENTRIES_MAX) devices.clear()
  devices.set(userAgent, device)
  return device
}

/** The /24 of an IPv4 address given as two groups of 16 bits. */
function ipv4Network([high = 0, low = 0]: readonly number[]): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.0/24`
}

/**
 * The first three groups of a valid IPv6 address that spells them out and does not start with 0, so that it can be
 * neither mapped nor shortened there. Most addresses are such, and this is several times faster than parsing the whole.
 */
function leadingGroups(ip: string): readonly number[] | null {
  const spelled = /^(0{0,3}[1-9a-f][0-9a-f]{0,3}):([0-9a-f]{1,4}):([0-9a-f]{1,4}):/i.exec(ip)
  return spelled === null ? null : spelled.slice(1).map((group) => Number.parseInt(group, 16))
}

/** The /48 of an IPv6 address: the rest is the longest run of zero groups, so `::` stands at the end. */
function ipv6Network(parts: readonly number[]): string {
  if (parts[0] === 0x2002) return ipv4Network(parts.slice(1))
  const groups = parts.slice(0, 3)
  while (groups.at(-1) === 0) groups.pop()
  return `${groups.map((group) => group.toString(16)).join(':')}::/48`
}

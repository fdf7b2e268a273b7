import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import {
  DEVICE_CACHE_ENTRIES_MAX,
  deviceOf,
  isReducibleAddress,
  reduceAddress,
  reduceDevice,
} from '../../../src/domains/usage/usage-device.rules.ts'
import { BROWSER_AGENTS, LIBRARY_AGENTS } from './user-agents.ts'

describe('reduceAddress', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['0.0.0.0', '0.0.0.0/24'],
    ['255.255.255.255', '255.255.255.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:DB8:1::5', '2001:db8:1::/48'],
    ['2001:0db8:0001:0000::', '2001:db8:1::/48'],
    ['2001:db8:0:9::1', '2001:db8::/48'],
    ['2001:db8::1', '2001:db8::/48'],
    ['fe80::1', 'fe80::/48'],
    ['0:0:1::', '0:0:1::/48'],
    ['::1', '::/48'],
    ['::', '::/48'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['::FFFF:cb00:714d', '203.0.113.0/24'],
    ['0:0:0:0:0:ffff:203.0.113.77', '203.0.113.0/24'],
    ['2002:cb00:714d::1', '203.0.113.0/24'],
    ['64:ff9b::203.0.113.77', '64:ff9b::/48'],
  ])('keeps of %s only %s', (ip, prefix) => {
    expect(isReducibleAddress(ip)).toBe(true)
    expect(reduceAddress(ip)).toBe(prefix)
  })

  it('keeps the network that ipaddr.js computes, for any address in any spelling', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
    let tried = 0
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (parts) => {
        fc.pre(parts[0] !== 0x2002)
        const address = new ipaddr.IPv6(parts)
        const mapped = address.isIPv4MappedAddress()
        const expected = mapped
          ? `${ipaddr.IPv4.networkAddressFromCIDR(`${address.toIPv4Address()}/24`)}/24`
          : `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toNormalizedString()}/48`)}/48`
        const padded = parts.map((part) => part.toString(16).padStart(4, '0')).join(':')
        for (const spelling of [address.toString(), address.toNormalizedString(), padded, padded.toUpperCase()]) {
          expect(reduceAddress(spelling)).toBe(expected)
          tried += 1
        }
      }),
      { numRuns: 2_000, seed: 20_260_605 },
    )
    expect(tried).toBe(8_000)
  })

  it.each([
    '',
    ' 203.0.113.7',
    '203.0.113.7 ',
    '203.0.113.7\n',
    '203.0.113',
    '1.2',
    '3405803783',
    '0xcb007107',
    '0xcb.0x0.0x71.0x07',
    '0313.0.0161.07',
    '203.000.113.007',
    '203.0.113.256',
    '203.0.113.7:443',
    '203.0.113.0/24',
    '[2001:db8::1]',
    '[2001:db8::1]:443',
    '2001:db8::1/64',
    'fe80::1%eth0',
    'fe80::1%25eth0',
    '2001:db8::1::2',
    '2001:db8:00001::',
    '::ffff:010.0.0.1',
    '::ffff:1.2.3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '２０３.0.113.7',
    'localhost',
    'anna@example.com',
  ])('refuses %j without repeating it', (ip) => {
    expect(isReducibleAddress(ip)).toBe(false)
    expect(() => reduceAddress(ip)).toThrow(new RangeError('Not an IP address in its standard spelling'))
  })
})

describe('reduceDevice', () => {
  it.each(BROWSER_AGENTS)('keeps of %j only %s and %s', (userAgent, browser, os) => {
    expect(reduceDevice(userAgent)).toEqual({ browser, os })
    expect(deviceOf(userAgent)).toEqual({ browser, os })
  })

  it('names no browser for tools, libraries and SDKs', () => {
    const tools = LIBRARY_AGENTS.filter((userAgent) => !userAgent.startsWith('Mozilla/'))
    expect(tools.filter((userAgent) => reduceDevice(userAgent).browser !== 'OTHER')).toEqual([])
    expect(tools).toHaveLength(39)
  })

  it.each(['', ' ', 'constructor/1.0', '__proto__/1', 'toString', '🦊', '('])('answers OTHER for %j', (userAgent) => {
    expect(reduceDevice(userAgent)).toEqual({ browser: 'OTHER', os: 'OTHER' })
  })
})

describe('deviceOf', () => {
  it('refuses a user agent it cannot parse, also at the second time', () => {
    expect(deviceOf('a Firefox on Windows')).toBeNull()
    expect(deviceOf('a Firefox on Windows')).toBeNull()
  })

  it('answers the same after its memory has overflowed', () => {
    const agentOf = (minor: number) => `Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.${minor}`
    const answers = new Set<string>()
    let tried = 0
    for (const round of [0, 1]) {
      for (let minor = 0; minor < DEVICE_CACHE_ENTRIES_MAX + 10; minor += 1) {
        answers.add(JSON.stringify(deviceOf(agentOf(minor + round))))
        tried += 1
      }
    }
    expect([...answers]).toEqual(['{"browser":"FIREFOX","os":"LINUX"}'])
    expect(tried).toBe(4_020)
  })
})

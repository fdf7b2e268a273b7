import { expect, test } from 'vitest'
import { isAddressAllowed, readNetwork } from '../../../src/auth/networks.ts'

// IPv4 and IPv6 documentation ranges: RFC 5737, RFC 3849. Canonical IPv6: RFC 5952 section 4.
test.each([
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['192.0.2.7/32', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:DB8::/32', '2001:db8::/32'],
  ['2001:0db8:0000:0000:0001:0000:0000:0000/80', '2001:db8:0:0:1::/80'],
  ['2001:db8::1:0:0:1/128', '2001:db8::1:0:0:1/128'],
  ['::/0', '::/0'],
  ['64:ff9b::192.0.2.0/120', '64:ff9b::c000:200/120'],
])('%s is the network %s', (text, canonical) => {
  expect(readNetwork(text)).toBe(canonical)
})

test.each([
  ['an address', '192.0.2.1'],
  ['bits behind the prefix', '192.0.2.1/24'],
  ['IPv6 bits behind the prefix', '2001:db8::1/64'],
  ['a prefix that is too long', '192.0.2.0/33'],
  ['an IPv6 prefix that is too long', '2001:db8::/129'],
  ['a prefix with a zero before', '192.0.2.0/024'],
  ['a negative prefix', '192.0.2.0/-1'],
  ['a mask', '192.0.2.0/255.255.255.0'],
  ['no prefix', '192.0.2.0/'],
  ['octal numbers', '0300.0.2.0/24'],
  ['leading zeros', '192.000.002.000/24'],
  ['hexadecimal numbers', '0xc0.0.2.0/24'],
  ['one number', '3221225984/24'],
  ['a shortened address', '10.1/16'],
  ['IPv4 as IPv6', '::ffff:192.0.2.0/120'],
  ['a zone', 'fe80::%eth0/64'],
  ['a space', ' 192.0.2.0/24'],
  ['a list', '192.0.2.0/24,198.51.100.0/24'],
  ['a name', 'localhost/8'],
  ['nothing', ''],
])('%s is no network', (_what, text) => {
  expect(readNetwork(text)).toBeNull()
})

test('an address is allowed from the first to the last of a network, and not beside it', () => {
  const networks = ['192.0.2.64/26', '2001:db8:1::/48']
  const outcome = (address: string | null) => isAddressAllowed(address, networks)
  const inside = ['192.0.2.64', '192.0.2.127', '::ffff:192.0.2.64', '2001:db8:1::', '2001:DB8:1:ffff::1']
  const outside = [null, '', 'x', '192.0.2.63', '192.0.2.128', '2001:db8:2::', '192.0.2.64/26', '192.0.2.64, 1']
  expect(inside.map(outcome)).toEqual(inside.map(() => true))
  expect(outside.map(outcome)).toEqual(outside.map(() => false))
})

test('every IPv4 address is no IPv6 address, and the other way round', () => {
  expect(isAddressAllowed('192.0.2.1', ['::/0'])).toBe(false)
  expect(isAddressAllowed('::ffff:192.0.2.1', ['::/0'])).toBe(false)
  expect(isAddressAllowed('::ffff:192.0.2.1', ['0.0.0.0/0'])).toBe(true)
  expect(isAddressAllowed('2001:db8::1', ['0.0.0.0/0'])).toBe(false)
})

test('without networks every address will do, an unknown one too', () => {
  expect([isAddressAllowed(null, []), isAddressAllowed('192.0.2.1', [])]).toEqual([true, true])
})

import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAddressAllowed } from '../../src/net/addresses.ts'
import { type PostOptions, postGuarded } from '../../src/net/guarded-post.ts'
import { refuseTarget } from '../../src/net/target-url.ts'
import { answer, openReceiver, type Receiver } from '../webhooks/receiver.ts'

/** Listens where nobody may arrive, and counts whoever does. */
let inside: Receiver
let port: string
beforeAll(async () => {
  inside = await openReceiver()
  port = new URL(inside.url).port
})
afterAll(() => inside.close())

/** Addresses of the inside in their plain form. */
const ADDRESSES = [
  ...['127.0.0.1', '127.1.2.3', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '172.16.0.1', '172.31.255.255'],
  ...['192.168.0.1', '169.254.169.254', '169.254.170.2', '100.64.0.1', '100.100.100.200', '192.0.0.192', '192.0.2.1'],
  ...['198.18.0.1', '198.51.100.1', '203.0.113.1', '192.88.99.1', '224.0.0.1', '239.255.255.255', '240.0.0.1'],
  ...['255.255.255.255', '168.63.129.16', '::', '::1', '::2', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
  ...['::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::10.0.0.1'],
  ...['64:ff9b:1::1', '2002:7f00:1::', '2002:a00:1::1', '2001:0:7f00:1::', '2001::80ff:fffe', 'fe80::1', 'febf::1'],
  ...['fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', 'ff0e::1', '100::1', '2001:db8::1', '2001:2::1', '2001:10::1'],
  ...['3fff::1', '5f00::1', '4000::1', 'fe80::1%lo'],
]

/** The same in spellings that a URL may have. */
const SPELLINGS = [
  ...['2130706433', '0x7f000001', '017700000001', '0x7f.0.0.1', '0177.0.0.1', '127.1', '127.0.1', '0x7f.1', '0'],
  ...['127.0.0.1.', '①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]'],
  ...['[::ffff:7f00:0001]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'metadata.google.internal', 'printer.local', 'router'],
  ...['db.internal.', 'x.home.arpa', 'vault.corp', 'nas.lan', 'a.intranet', 'a.test', 'a.invalid'],
]

const URLS = [
  'http://hooks.example/',
  'ftp://hooks.example/',
  'file:///etc/passwd',
  'gopher://hooks.example/',
  'data:text/plain,x',
  'javascript:alert(1)',
  'ws://hooks.example/',
  'unix:/var/run/docker.sock',
  'https://user@hooks.example/',
  'https://user:password@hooks.example/',
  'https://@hooks.example/',
  'https://:@hooks.example/',
  'https://hooks.example@127.0.0.1/',
  'https://hooks.example/#fragment',
  'https://hooks.example/#',
  'https://hooks.example:22/',
  'https://hooks.example:25/',
  'https://hooks.example:6667/',
  'https://hooks.example:0/',
  'https://hooks.example:65536/',
  'https://',
  'https:///path',
  'hooks.example',
  '//hooks.example/',
  '',
  ' https://hooks.example/',
  'https://hooks.example/\n',
  'https://hooks.example/\r\nX-Header: 1',
  'https://hooks.exa\tmple/',
  'https://hooks.example/ü',
  `https://hooks.example/${'x'.repeat(2_000)}`,
]

const tried = new Set<string>()
const attempt = async (url: string, options: Partial<PostOptions> = {}) => {
  tried.add(`${url} ${tried.size}`)
  const { problem } = await postGuarded(
    { url, headers: {}, body: '{}' },
    { allowedNetworks: [], timeoutMs: 1_000, ...options },
  )
  return problem
}
const literal = (address: string) => (address.includes(':') ? `[${address.replace(/%.*/, '')}]` : address)

test('no endpoint can be made with a URL that names the inside', () => {
  const hosts = [...ADDRESSES.map(literal), ...SPELLINGS]
  const urls = [...hosts.map((host) => `https://${host}:8443/`), ...URLS]
  expect(urls.length).toBeGreaterThan(110)
  expect(urls.filter((url) => refuseTarget(url) === null)).toEqual([])
  expect(
    ['https://hooks.example/a?b=c', 'https://8.8.8.8/', 'https://[2606:4700::1111]:8443/'].map((url) =>
      refuseTarget(url),
    ),
  ).toEqual([null, null, null])
})

test('nothing is dialled at an address of the inside, however it is written or found', async () => {
  const problems: unknown[] = []
  for (const address of ADDRESSES) {
    expect([address, isAddressAllowed(address, [])]).toEqual([address, false])
    problems.push(await attempt(`https://${literal(address)}:${port}/`))
    problems.push(await attempt(`http://${literal(address)}:${port}/`))
    problems.push(await attempt(`https://hooks.example:${port}/`, { resolve: async () => [address] }))
    problems.push(await attempt(`https://hooks.example:${port}/`, { resolve: async () => ['8.8.8.8', address] }))
  }
  for (const host of SPELLINGS.filter((spelling) => URL.canParse(`https://${spelling}/`)))
    problems.push(await attempt(`https://${host}:${port}/`, { resolve: async () => ['127.0.0.1'] }))
  expect(new Set(problems)).toEqual(new Set(['ADDRESS_NOT_ALLOWED']))
  expect(inside.arrivals).toEqual([])
  expect(tried.size).toBeGreaterThan(240)
})

test('a name that turns to the inside after it was looked at is not followed there', async () => {
  let asked = 0
  const rebinding = async () => {
    asked += 1
    return asked === 1 ? ['8.8.8.8'] : ['127.0.0.1']
  }
  const dialled: string[] = []
  const options: Partial<PostOptions> = {
    resolve: rebinding,
    connect: ({ host }) => {
      dialled.push(host)
      // Nobody is there: the attempt fails as it would on the Internet.
      return connect({ host: '127.0.0.1', port: 1 })
    },
  }
  const url = `https://rebinding.example:${port}/`
  expect(await attempt(url, options)).toBe('CONNECTION_REFUSED')
  expect([asked, dialled]).toEqual([1, ['8.8.8.8']])
  expect(await attempt(url, options)).toBe('ADDRESS_NOT_ALLOWED')
  expect(dialled).toEqual(['8.8.8.8'])
})

test('where a connection ends at another address than was dialled, not a byte is written', async () => {
  for (const protocol of ['https', 'http']) {
    const bytes: number[] = []
    const problem = await attempt(`${protocol}://hooks.example:${port}/`, {
      allowedNetworks: protocol === 'http' ? ['8.8.8.0/24'] : [],
      resolve: async () => ['8.8.8.8'],
      connect: () => {
        const socket = connect({ host: '127.0.0.1', port: Number(port) })
        socket.once('close', () => bytes.push(socket.bytesWritten))
        return socket
      },
    })
    expect(problem).toBe('ADDRESS_NOT_ALLOWED')
    await expect.poll(() => bytes).toEqual([0])
  }
  expect(inside.arrivals).toEqual([])
})

test('a redirect to the inside is a failure, and not followed', async () => {
  const outside = await openReceiver()
  const problems: unknown[] = []
  for (const status of [301, 302, 303, 307, 308]) {
    outside.behave(answer(status, { location: `${inside.url}/` }))
    problems.push(await attempt(outside.url, { allowedNetworks: ['127.0.0.1/32'] }))
  }
  expect([problems, outside.arrivals.length]).toEqual([Array(5).fill('REDIRECTED'), 5])
  expect(inside.arrivals).toEqual([])
  await outside.close()
})

test('the operator opens single networks, and HTTP to them alone', async () => {
  const networks = ['10.1.0.0/16', 'fd00::/8']
  const allowed = ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '8.8.8.8']
  expect(allowed.map((address) => isAddressAllowed(address, networks))).toEqual([true, true, true, true])
  expect(['10.2.0.1', '127.0.0.1', 'fc00::1', '::1'].filter((address) => isAddressAllowed(address, networks))).toEqual(
    [],
  )
  expect(refuseTarget('http://10.1.2.3/', networks)).toBeNull()
  expect(refuseTarget('http://8.8.8.8/', networks)).toBe('must not name an address that is not public')
  expect(await attempt('http://hooks.example/', { allowedNetworks: networks, resolve: async () => ['8.8.8.8'] })).toBe(
    'ADDRESS_NOT_ALLOWED',
  )
})

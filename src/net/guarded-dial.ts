import { Resolver } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isAddressAllowed, isInNetworks } from './addresses.ts'
import { PostFailure } from './post-failure.ts'
import { hostOf } from './target-url.ts'

/** How a connection is made. */
export type DialOptions = {
  /** Networks (CIDR) that may be dialled although they are not public. */
  readonly allowedNetworks: readonly string[]
  /** All addresses of a name. Default: asks the name servers of the machine; its hosts file is not read. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
  /** Opens a connection to an address and a port. */
  readonly connect?: (to: { readonly host: string; readonly port: number }) => Socket
  /** Certificate authorities (PEM) instead of those that come with the program. */
  readonly ca?: string
}

const ADDRESSES_MAX = 4
/** How long one of several addresses may take to answer, in milliseconds. */
const ADDRESS_MS_MAX = 3_000

/** Asks for IPv4 and IPv6 addresses, without a thread of the pool that a name server could hold up. */
async function resolveName(name: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}

/**
 * Connects to the host of a URL. A name is resolved once; when any of its addresses is not allowed nothing is dialled.
 * Dialled is an address, so that no second answer of a name server counts; and before a byte is written, the address at
 * the other end is looked at. HTTP without TLS goes to `allowedNetworks` alone. Proxies of the environment are not used.
 * @throws PostFailure
 */
export async function dial(url: URL, options: DialOptions, signal: AbortSignal): Promise<Socket> {
  const isTls = url.protocol === 'https:'
  const host = hostOf(url)
  const networks = options.allowedNetworks
  const isAllowed = (address: string) => (isTls ? isAddressAllowed(address, networks) : isInNetworks(address, networks))
  const addresses = isIP(host) !== 0 ? [host] : await addressesOf(host, options, signal)
  if (!addresses.every(isAllowed)) throw new PostFailure('ADDRESS_NOT_ALLOWED')
  const to = { port: Number(url.port === '' ? (isTls ? 443 : 80) : url.port), isAllowed }
  const socket = await connectToOne(addresses.slice(0, ADDRESSES_MAX), to, options, signal)
  return isTls ? secure(socket, host, options.ca, signal) : socket
}

async function addressesOf(name: string, options: DialOptions, signal: AbortSignal): Promise<readonly string[]> {
  const asked = (options.resolve ?? resolveName)(name).catch(() => [])
  const addresses = await Promise.race([asked, aborted(signal)])
  if (addresses.length === 0) throw new PostFailure('NAME_NOT_RESOLVED')
  return addresses
}

type To = { readonly port: number; readonly isAllowed: (address: string) => boolean }

async function connectToOne(
  addresses: readonly string[],
  to: To,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Socket> {
  let failure = new PostFailure('CONNECTION_FAILED')
  for (const [index, host] of addresses.entries()) {
    const isLast = index === addresses.length - 1
    const patience = isLast ? signal : AbortSignal.any([signal, AbortSignal.timeout(ADDRESS_MS_MAX)])
    const socket = (options.connect ?? connect)({ host, port: to.port })
    try {
      await whenOpen(socket, 'connect', patience)
    } catch (error) {
      socket.destroy()
      if (signal.aborted) throw new PostFailure('TIMEOUT')
      failure = new PostFailure(codeOf(error) === 'ECONNREFUSED' ? 'CONNECTION_REFUSED' : 'CONNECTION_FAILED')
      continue
    }
    if (to.isAllowed(socket.remoteAddress ?? '')) return socket
    socket.destroy()
    throw new PostFailure('ADDRESS_NOT_ALLOWED')
  }
  throw failure
}

async function secure(inner: Socket, host: string, ca: string | undefined, signal: AbortSignal): Promise<Socket> {
  const socket = connectTls({
    socket: inner,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  })
  try {
    await whenOpen(socket, 'secureConnect', signal)
    return socket
  } catch {
    socket.destroy()
    inner.destroy()
    throw new PostFailure(signal.aborted ? 'TIMEOUT' : 'TLS_FAILED')
  }
}

/** Rejects when the socket fails, ends or is not open in time. */
function whenOpen(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const abort = () => reject(new Error('aborted'))
  socket.once(event, resolve)
  // The listener stays: a socket that fails while nobody uses it must not end the process.
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('closed')))
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(new PostFailure('TIMEOUT'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code

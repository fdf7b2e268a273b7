import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

const bytes = (...parts: readonly (Uint8Array | readonly number[])[]) => Buffer.concat(parts.map((p) => Buffer.from(p)))

/** One value of DER: tag, length, content. */
function der(tag: number, ...content: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = bytes(...content)
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return bytes([tag], size, body)
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content)
const text = (value: string) => der(0x0c, Buffer.from(value))
const nameOf = (value: string) => sequence(der(0x31, sequence(oid('550403'), text(value))))
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

function pem(label: string, body: Uint8Array): string {
  const lines =
    Buffer.from(body)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/** A certificate with its key, for a host (a name or an IPv4 address), valid from 2020 to 2049. */
export type Certificate = { readonly cert: string; readonly key: string }

function certificate(host: string, issuer: { name: string; key: KeyObject } | null): Certificate & { own: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const isAddress = /^[\d.]+$/.test(host)
  const alternative = isAddress ? der(0x87, host.split('.').map(Number)) : der(0x82, Buffer.from(host))
  const extension = (id: string, value: Uint8Array) => sequence(oid(id), der(0x01, [0xff]), der(0x04, value))
  const extensions = issuer
    ? [extension('551d11', sequence(alternative))]
    : [extension('551d13', sequence(der(0x01, [0xff])))]
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1], createHash('sha256').update(spki).digest().subarray(0, 8)),
    ECDSA_SHA256,
    nameOf(issuer?.name ?? host),
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z'))),
    nameOf(host),
    spki,
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', body, issuer?.key ?? privateKey)
  const cert = pem('CERTIFICATE', sequence(body, ECDSA_SHA256, der(0x03, [0], signature)))
  return { cert, key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), own: privateKey }
}

/** A certificate authority of the test's own, and certificates that it signs. */
export function createAuthority() {
  const name = 'Authority of the tests'
  const { cert, own } = certificate(name, null)
  return { ca: cert, issue: (host: string): Certificate => certificate(host, { name, key: own }) }
}

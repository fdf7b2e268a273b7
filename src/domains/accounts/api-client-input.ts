import { NETWORKS_MAX, readNetwork } from '../../auth/networks.ts'
import { isSigningKeySet, type SigningKeySet } from '../../auth/oauth/client-keys.ts'
import { ClientKeysNotValid, ClientNetworksNotValid } from './accounts.problems.ts'

/** A JWK Set of public signing keys from JSON text. @throws CLIENT.KEYS_NOT_VALID */
export function readKeySet(text: string): SigningKeySet {
  try {
    const parsed: unknown = JSON.parse(text)
    if (isSigningKeySet(parsed)) return parsed
  } catch {
    throw new ClientKeysNotValid()
  }
  throw new ClientKeysNotValid()
}

/** Networks in their canonical form, each once, in the given order. @throws CLIENT.NETWORKS_NOT_VALID */
export function readNetworks(texts: readonly string[]): string[] {
  const networks = texts.map((text) => {
    const network = texts.length <= NETWORKS_MAX ? readNetwork(text) : null
    if (network === null) throw new ClientNetworksNotValid()
    return network
  })
  return [...new Set(networks)]
}

import type { Session } from '../../auth/session.ts'
import type { Call } from '../../db/database.ts'
import { addSeconds } from '../../time/clock.ts'
import type { Deps } from '../deps.ts'
import { addKey, type EndpointKey, lockEndpoint, type NewKeys, note, ownWebhooks } from './webhook-endpoint.service.ts'
import { newWebhookKeyPair } from './webhook-keys.ts'

/**
 * Gives an endpoint a new pair, which signs at once. The one before goes on signing for `overlapHours` (0 to 168; 0: it
 * ends now). There are never more than two: a pair that an earlier rotation left signing ends now.
 * Effects: `webhook_key`; audit.
 * @throws NOT_AVAILABLE
 */
export async function rotateWebhookKeys(
  deps: Deps,
  call: Call<Session>,
  key: EndpointKey,
  overlapHours: number,
): Promise<NewKeys> {
  const home = ownWebhooks(call.caller)
  const pair = newWebhookKeyPair()
  const made = await deps.db.write(
    call,
    async (tx) => {
      await lockEndpoint(tx, home, key)
      const now = deps.clock.now()
      const of = { accountId: key.accountId, endpointId: key.id }
      await tx.webhookKey.deleteMany({
        where: { ...of, ...(overlapHours === 0 ? {} : { expiresAt: { not: null } }) },
      })
      await tx.webhookKey.updateMany({ where: of, data: { expiresAt: addSeconds(now, overlapHours * 3_600) } })
      await addKey(deps, tx, key, pair)
      await note(deps, tx, call, key, 'webhook.keys_rotated')
      return { ...key, publicKey: pair.publicKey }
    },
    home.accountId,
  )
  return { ...made, secret: made.publicKey === pair.publicKey ? pair.secret : null }
}

import { createClient, unwrap } from '@pipelet/privacy'
import { verifyWebhook } from '@pipelet/privacy/webhooks'
import { createTestWebhook } from '@pipelet/privacy/webhooks/testing'

const client = createClient({ url: 'http://api.test', token: 't' })

/** Each line marked is a mistake that the types must refuse; an unused mark is an error too. */
export async function mistakes(): Promise<void> {
  // @ts-expect-error an option that does not exist
  createClient({ timeout: 3 })
  // @ts-expect-error a required field is missing
  await client.createSubject({})
  // @ts-expect-error a field that does not exist
  await client.createSubject({ reference: 'r', nickname: 'x' })
  // @ts-expect-error a value that the enum does not have
  await client.subjects({ filter: { kind: 'ROBOT' } })
  const result = await client.createSubject({ reference: 'r' })
  // @ts-expect-error the result may be a problem
  result.subject.id
  unwrap(result).subject.id
  const event = await verifyWebhook({ headers: {}, body: '', keys: [] })
  // @ts-expect-error a field that not every kind of event has
  event.data.closingAt.length
  if (event.type === 'account.closing') event.data.closingAt.length
  // @ts-expect-error a kind of event that there is not
  event.type === 'account.opened'
  // @ts-expect-error a field of another kind
  await createTestWebhook({ type: 'subject.created', data: { closingAt: '' }, keys: [] })
  // @ts-expect-error a field that was not selected
  unwrap(result).subject.password
}

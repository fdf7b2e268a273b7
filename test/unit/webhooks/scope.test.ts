import { expect, test } from 'vitest'
import type { Session } from '../../../src/auth/session.ts'
import { anonymousSession } from '../../../src/auth/session.ts'
import { webhookDeliveryScope, webhookEndpointScope } from '../../../src/domains/webhooks/webhooks.scope.ts'

const session = (more: Partial<Session>): Session => ({
  ...anonymousSession,
  scopes: new Set(['webhooks:read']),
  ...more,
})
const NOBODY = [{ accountId: { in: [] } }, { accountId: { in: [] } }]
const scopes = (of: Session) => [webhookEndpointScope(of), webhookDeliveryScope(of)]

test('an account’s callers see its endpoints, a processor its own, and nobody else any', () => {
  const account = { principal: 'INTEGRATION', accountId: 'a', reach: 'ACCOUNT' } as const
  const ofAccount = { accountId: 'a', processorId: null }
  expect(scopes(session(account))).toEqual([ofAccount, { accountId: 'a', endpoint: ofAccount }])
  const platform = '00000000-0000-7000-8000-000000000000'
  const ofProcessor = { accountId: platform, processorId: 'p' }
  expect(scopes(session({ principal: 'PROCESSOR', processorId: 'p' }))).toEqual([
    ofProcessor,
    { accountId: platform, endpoint: ofProcessor },
  ])
  expect(scopes(session({ principal: 'PROCESSOR', processorId: null }))).toEqual(NOBODY)
  expect(scopes(session({ principal: 'SUBJECT', accountId: 'a', subjectId: 's', reach: 'SELF' }))).toEqual(NOBODY)
  expect(scopes(session({ principal: 'STAFF' }))).toEqual(NOBODY)
  expect(scopes(session({ ...account, scopes: new Set(['webhooks:manage']) }))).toEqual(NOBODY)
})

import { expect, test } from 'vitest'
import type { Session } from '../../../src/auth/session.ts'
import { anonymousSession } from '../../../src/auth/session.ts'
import { webhookDeliveryScope, webhookEndpointScope } from '../../../src/domains/webhooks/webhooks.scope.ts'

const session = (more: Partial<Session>): Session => ({
  ...anonymousSession,
  scopes: new Set(['webhooks:read']),
  ...more,
})
const NOBODY = { accountId: { in: [] } }

test('an account’s callers see its endpoints, a processor its own, and nobody else any', () => {
  const account = { principal: 'INTEGRATION', accountId: 'a', reach: 'ACCOUNT' } as const
  const seen: [Partial<Session>, object][] = [
    [account, { accountId: 'a', processorId: null }],
    [{ principal: 'PROCESSOR', processorId: 'p' }, { processorId: 'p' }],
    [{ principal: 'PROCESSOR', processorId: null }, NOBODY],
    [{ principal: 'SUBJECT', accountId: 'a', subjectId: 's', reach: 'SELF' }, NOBODY],
    [{ principal: 'STAFF' }, NOBODY],
    [{ ...account, scopes: new Set(['webhooks:manage']) }, NOBODY],
  ]
  for (const [of, expected] of seen) {
    expect(webhookEndpointScope(session(of))).toEqual(expected)
    expect(webhookDeliveryScope(session(of))).toEqual({ endpoint: expected })
  }
})

import { describe, expect, test } from 'vitest'
import { anonymousSession, type Session } from '../../../src/auth/session.ts'
import {
  isVisiblyHeld,
  type StoredState,
  seesConfidentialHolds,
  visibleState,
  whereVisibleState,
} from '../../../src/domains/inventory/visible-state.rules.ts'

const session = (
  principal: Session['principal'],
  ...scopes: Session['scopes'] extends ReadonlySet<infer S> ? S[] : []
) => ({ ...anonymousSession, principal, scopes: new Set(scopes) }) as Session

const keeper = session('STAFF', 'inventory:read', 'holds:manage')
const others = {
  'a person, an owner': session('SUBJECT', 'inventory:read'),
  'an integration': session('INTEGRATION', 'inventory:read'),
  'Staff without holds:manage': session('STAFF', 'inventory:read'),
  'a caller that is no Staff but names the scope': session('SUBJECT', 'holds:manage'),
}

const live: StoredState = { state: 'LIVE', resumesAs: null, holdConfidential: false }
const restricted: StoredState = { state: 'RESTRICTED', resumesAs: null, holdConfidential: false }
const held: StoredState = { state: 'HELD', resumesAs: 'LIVE', holdConfidential: false }
const hidden: StoredState = { state: 'HELD', resumesAs: 'LIVE', holdConfidential: true }
const hiddenRestricted: StoredState = { state: 'HELD', resumesAs: 'RESTRICTED', holdConfidential: true }
const erased: StoredState = { state: 'ERASED', resumesAs: null, holdConfidential: false }

describe('the visible state', () => {
  test('is what is stored for Staff that keeps holds', () => {
    expect(
      [live, restricted, held, hidden, hiddenRestricted, erased].map((item) => visibleState(keeper, item)),
    ).toEqual(['LIVE', 'RESTRICTED', 'HELD', 'HELD', 'HELD', 'ERASED'])
    expect(seesConfidentialHolds(keeper)).toBe(true)
    expect(isVisiblyHeld(keeper, hidden)).toBe(true)
  })

  test.each(Object.entries(others))('tells %s nothing of confidential holds', (_name, viewer) => {
    expect(
      [live, restricted, held, hidden, hiddenRestricted, erased].map((item) => visibleState(viewer, item)),
    ).toEqual(['LIVE', 'RESTRICTED', 'HELD', 'LIVE', 'RESTRICTED', 'ERASED'])
    expect(seesConfidentialHolds(viewer)).toBe(false)
    expect(isVisiblyHeld(viewer, hidden)).toBe(false)
    expect(isVisiblyHeld(viewer, held)).toBe(true)
    expect(isVisiblyHeld(viewer, live)).toBe(false)
  })

  test('is what a condition finds', () => {
    const owner = others['a person, an owner']
    expect(whereVisibleState(keeper, 'LIVE')).toEqual({ state: 'LIVE' })
    expect(whereVisibleState(keeper, 'HELD')).toEqual({ state: 'HELD' })
    expect(whereVisibleState(owner, 'HELD')).toEqual({ state: 'HELD', holdConfidential: false })
    expect(whereVisibleState(owner, 'LIVE')).toEqual({
      OR: [{ state: 'LIVE' }, { state: 'HELD', holdConfidential: true, resumesAs: 'LIVE' }],
    })
    expect(whereVisibleState(owner, 'RESTRICTED')).toEqual({
      OR: [{ state: 'RESTRICTED' }, { state: 'HELD', holdConfidential: true, resumesAs: 'RESTRICTED' }],
    })
  })
})

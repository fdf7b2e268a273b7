import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCOPES } from '../../src/auth/permissions.ts'
import { addStaffMember } from '../../src/domains/accounts/staff.service.ts'
import { addSeconds } from '../../src/time/clock.ts'
import { newId } from '../../src/time/id.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

test('a person who is added calls as Staff with the roles given last, until the training ends', async () => {
  const { resources, clock, serving } = world
  const issuer = serving.demoIssuer
  if (!issuer) throw new Error('the world has no issuer')
  const person = { issuer: issuer.issuer, sub: 'new-in-staff', trainingUntilAt: addSeconds(clock.now(), 60) }
  const add = (roles: readonly ('SUPPORT' | 'AUDITOR')[]) =>
    addStaffMember(resources, newId(clock), { ...person, roles })
  const token = await issuer.issue({ sub: person.sub, scope: Object.keys(SCOPES).join(' ') })
  const viewer = async () => {
    const { data } = await world.ask({ token }, '{ viewer { principal scopes } }')
    return data.viewer
  }
  const id = await add(['SUPPORT'])
  expect(await viewer()).toEqual({ principal: 'STAFF', scopes: ['accounts:read', 'public', 'subjects:read'] })
  expect(await add(['AUDITOR'])).toBe(id)
  expect(await viewer()).toEqual({ principal: 'STAFF', scopes: ['accounts:read', 'audit:read', 'public'] })
  clock.move(61)
  expect((await viewer()).scopes).toEqual(['public'])
  const audit = await world.ask(
    'staff',
    '{ auditEvents(filter: { kind: "staff.added" }) { edges { node { actorKind recordType recordIds } } } }',
  )
  const node = { actorKind: 'SYSTEM', recordType: 'StaffMember', recordIds: [id] }
  expect(audit.data.auditEvents.edges).toEqual([{ node }, { node }])
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotateSigningKeyWhenDue } from '../../src/auth/oauth/signing-keys.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const keyCount = () => world.resources.db.auth((tx) => tx.signingKey.count())

test('a signing key is replaced at the age of 30 days, not before, and once by two that ask', async () => {
  expect(await rotateSigningKeyWhenDue(world.resources, 30)).toBe(false)
  world.clock.move(30 * 86_400 - 1)
  expect(await rotateSigningKeyWhenDue(world.resources, 30)).toBe(false)
  world.clock.move(1)
  await world.runner.runDue()
  expect(await keyCount()).toBe(2)
  expect(await rotateSigningKeyWhenDue(world.resources, 30)).toBe(false)
  world.clock.move(60)
  const token = await world.serving.oauth.issueAccessToken('0199aa00-0000-7000-8000-000900000001', ['usage:write'], 600)
  expect((await world.ask({ token }, '{ viewer { principal } }')).data).toEqual({ viewer: { principal: 'GATEWAY' } })
})

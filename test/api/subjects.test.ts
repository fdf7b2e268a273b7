import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO_ACCOUNTS } from '../../src/demo/demo-data.ts'
import { openWorld, type World } from '../kit/world.ts'
import { codeOf, fresh, join, type Outcome, perform, type Who } from './calls.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const create = (input: object, as: Who = 'integration') =>
  perform(world, as, 'createSubject', { reference: `ref-${fresh()}`, ...input })
const update = (subjectId: unknown, input: object, as: Who = 'integration') =>
  perform(world, as, 'updateSubject', { subjectId, ...input })
const subjectOf = (outcome: Outcome) => outcome['subject'] as Record<string, string | null>
const found = async (filter: object, as: Who = 'integration'): Promise<(string | null)[]> => {
  const query = 'query($f: SubjectFilter) { subjects(filter: $f) { totalCount edges { node { name } } } }'
  const { data, errors } = await world.ask(as, query, { f: filter })
  expect(errors).toBeUndefined()
  expect(data.subjects.totalCount).toBe(data.subjects.edges.length)
  return data.subjects.edges.map(({ node }: { node: { name: string } }) => node.name)
}

test('what is absent stays and null clears', async () => {
  const all = { name: 'Ada', email: `${fresh()}@mail.example`, country: 'US', subdivision: 'US-CA' }
  const created = subjectOf(await create(all))
  expect(created).toMatchObject(all)
  expect(subjectOf(await update(created['id'], {}))).toEqual(created)
  const named = subjectOf(await update(created['id'], { name: 'Ada L.' }))
  expect(named).toEqual({ ...created, name: 'Ada L.' })
  const cleared = await update(created['id'], { name: null, email: null, country: null, reference: null })
  expect(subjectOf(cleared)).toEqual({
    id: created['id'],
    reference: null,
    name: null,
    email: null,
    country: null,
    subdivision: null,
  })
})

test('a reference and an address are unique within an account, however they are written', async () => {
  const name = fresh()
  const first = await create({ reference: `Zoë-${name}`, email: `zoe.${name}@mail.example` })
  expect(first.code).toBeUndefined()
  const again = async (input: object, as: Who = 'integration') => codeOf(create(input, as))
  expect(await again({ reference: `Zoe\u0308-${name}` })).toBe('SUBJECT.REFERENCE_TAKEN')
  expect(await again({ reference: ` Zoë-${name} ` })).toBe('SUBJECT.REFERENCE_TAKEN')
  expect(await again({ email: `ZOE.${name.toUpperCase()}@Mail.Example` })).toBe('SUBJECT.EMAIL_TAKEN')
  expect(await again({ reference: `zoë-${name}` })).toBe('CreateSubjectSuccess')
  expect(await again({ reference: `Zoë-${name}`, email: `zoe.${name}@mail.example` }, 'otherIntegration')).toBe(
    'CreateSubjectSuccess',
  )
  const other = subjectOf(await create({}))
  expect(await codeOf(update(other['id'], { reference: `Zoë-${name}` }))).toBe('SUBJECT.REFERENCE_TAKEN')
  expect(await codeOf(update(other['id'], { email: `zoe.${name}@mail.example` }))).toBe('SUBJECT.EMAIL_TAKEN')
  const own = { reference: `Zoë-${name}`, email: `zoe.${name}@mail.example` }
  expect(await codeOf(update(subjectOf(first)['id'], own))).toBe('UpdateSubjectSuccess')
})

test('of 20 equal creations at once one succeeds, and the others are told why not', async () => {
  const reference = `ref-${fresh()}`
  const byReference = await Promise.all(Array.from({ length: 20 }, () => codeOf(create({ reference }))))
  expect(byReference.filter((each) => each === 'CreateSubjectSuccess')).toHaveLength(1)
  expect(byReference.filter((each) => each === 'SUBJECT.REFERENCE_TAKEN')).toHaveLength(19)
  const email = `${fresh()}@mail.example`
  const byEmail = await Promise.all(Array.from({ length: 20 }, () => codeOf(create({ email }))))
  expect(byEmail.filter((each) => each === 'CreateSubjectSuccess')).toHaveLength(1)
  expect(byEmail.filter((each) => each === 'SUBJECT.EMAIL_TAKEN')).toHaveLength(19)
})

test('an invitation and a creation with one address at once end in one person', async () => {
  let tried = 0
  for (let round = 0; round < 10; round += 1) {
    const email = `${fresh()}@mail.example`
    const codes = await Promise.all([
      codeOf(create({ email })),
      codeOf(perform(world, 'subject', 'inviteMember', { name: 'Both', email, role: 'MEMBER' })),
    ])
    expect([
      ['CreateSubjectSuccess', 'ACCOUNT.MEMBER_EXISTS'],
      ['SUBJECT.EMAIL_TAKEN', 'InviteMemberSuccess'],
    ]).toContainEqual(codes)
    tried += 1
  }
  expect(tried).toBe(10)
})

test('a country is stored as the standard writes it, and a subdivision lies in it', async () => {
  expect(subjectOf(await create({ country: 'de' }))['country']).toBe('DE')
  expect(subjectOf(await create({ subdivision: 'US-CA' }))).toMatchObject({ country: 'US', subdivision: 'US-CA' })
  const moved = subjectOf(await create({ country: 'US', subdivision: 'US-CA' }))['id']
  expect(subjectOf(await update(moved, { country: 'US' }))['subdivision']).toBe('US-CA')
  expect(subjectOf(await update(moved, { country: 'DE' }))).toMatchObject({ country: 'DE', subdivision: null })
  expect(subjectOf(await update(moved, { subdivision: 'FR-75' }))).toMatchObject({ country: 'FR' })
  const bad = [
    { country: 'XX' },
    { country: 'DEU' },
    { subdivision: 'ZZ-1' },
    { subdivision: 'US-' },
    { subdivision: 'us-ca' },
    { country: 'DE', subdivision: 'US-CA' },
    { country: null, subdivision: 'US-CA' },
  ]
  for (const each of bad) expect(await codeOf(create(each))).toBe('BAD_USER_INPUT')
  expect(bad.length).toBe(7)
})

test('lengths are counted in characters, and what is too long or blank is refused', async () => {
  const good = [{ name: '🙂'.repeat(200) }, { reference: fresh() + 'r'.repeat(243) }, { name: 'a\u0000b' }]
  for (const each of good) expect(subjectOf(await create(each))).toMatchObject(each)
  const bad = [
    { name: '🙂'.repeat(201) },
    { name: '' },
    { name: ' \t\n' },
    { reference: 'r'.repeat(257) },
    { reference: '' },
    { email: 'nobody' },
    { email: `${'a'.repeat(250)}@mail.example` },
    { email: 'ü@mail.example' },
  ]
  for (const each of bad) expect(await codeOf(create(each))).toBe('BAD_USER_INPUT')
  expect(good.length + bad.length).toBe(11)
})

test('a person is found by reference or address, within the account alone', async () => {
  const name = fresh()
  await create({ reference: `Ö-${name}`, email: `${name}@mail.example`, name })
  expect(await found({ reference: `O\u0308-${name}` })).toEqual([name])
  expect(await found({ reference: `ö-${name}` })).toEqual([])
  expect(await found({ email: `${name.toUpperCase()}@MAIL.example` })).toEqual([name])
  expect(await found({ email: `${name}@mail.example`, kind: 'MEMBER' })).toEqual([])
  expect(await found({ email: `${name}@mail.example` }, 'otherIntegration')).toEqual([])
  const there = { email: `${name}@mail.example`, accountId: world.ids.account }
  expect(await found(there, 'otherIntegration')).toEqual([])
  expect(await found(there, { token: await world.memberToken() })).toEqual([])
  expect(await found(there, 'staff')).toEqual([name])
  expect(await found({ email: `${name}@mail.example` }, 'staff')).toEqual([])
})

test('a subject of another account is out of reach', async () => {
  expect(await codeOf(update(world.ids.other, { name: 'Mine' }))).toBe('NOT_AVAILABLE')
  expect(await codeOf(update(world.ids.other, { name: 'Mine' }, 'subject'))).toBe('NOT_AVAILABLE')
  const { data } = await world.ask('integration', 'query($id: ID!) { subject(id: $id) { id } }', {
    id: world.ids.other,
  })
  expect(data).toEqual({ subject: null })
})

test('who may write but not read is shown nothing of a person', async () => {
  const { clientId } = DEMO_ACCOUNTS[0]
  const token = await world.serving.oauth.issueAccessToken(clientId, ['subjects:write'], 600)
  const changed = await update(world.ids.endUser, { country: 'IT' }, { token })
  expect(subjectOf(changed)).toEqual({
    id: world.ids.endUser,
    reference: null,
    name: null,
    email: null,
    country: 'IT',
    subdivision: null,
  })
})

test('members read and write none but themselves', async () => {
  const { who } = await join(world, 'MEMBER', 'Only Me')
  expect(await codeOf(create({}, who))).toBe('FORBIDDEN')
  expect(await codeOf(update(world.ids.endUser, {}, who))).toBe('FORBIDDEN')
  expect(await found({}, who)).toEqual(['Only Me'])
})

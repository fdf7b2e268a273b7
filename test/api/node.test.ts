import type { GraphQLInterfaceType } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NODE_TYPES } from '../../src/schema/global-id.ts'
import { buildSchema } from '../../src/schema/index.ts'
import { openWorld, type World } from '../kit/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const NODE = 'query($id: ID!) { node(id: $id) { __typename id ... on Subject { email } ... on Account { name } } }'
const NODES = 'query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }'

test('a record is found by its global id', async () => {
  expect((await world.ask('subject', NODE, { id: world.ids.endUser })).data).toEqual({
    node: { __typename: 'Subject', id: world.ids.endUser, email: 'chiara@mail.example' },
  })
  expect((await world.ask('integration', NODE, { id: world.ids.account })).data).toEqual({
    node: { __typename: 'Account', id: world.ids.account, name: 'Aster Analytics' },
  })
})

test('a foreign record and a missing one are answered with the same bytes, and so is a record without the scope', async () => {
  const missing = Buffer.from(Buffer.from(world.ids.other, 'base64').toString().replace(/.$/, 'f')).toString('base64')
  const answers = await Promise.all([
    world.ask('subject', NODE, { id: world.ids.other }),
    world.ask('subject', NODE, { id: missing }),
    world.ask('gateway', NODE, { id: world.ids.endUser }),
    world.ask(null, NODE, { id: world.ids.endUser }),
    world.ask({ token: await world.memberToken() }, NODE, { id: world.ids.endUser }),
  ])
  expect(new Set(answers.map(({ data, errors }) => JSON.stringify({ data, errors })))).toEqual(
    new Set(['{"data":{"node":null}}']),
  )
})

test('records keep their places, and what may not be seen leaves a gap', async () => {
  const ids = [world.ids.endUser, world.ids.other, world.ids.account, world.ids.owner]
  expect((await world.ask('subject', NODES, { ids })).data).toEqual({
    nodes: [
      { __typename: 'Subject', id: world.ids.endUser },
      null,
      { __typename: 'Account', id: world.ids.account },
      { __typename: 'Subject', id: world.ids.owner },
    ],
  })
})

test('an id that is none, or of a type that is none, is refused or missing, never an internal error', async () => {
  const of = (text: string) => Buffer.from(text).toString('base64')
  const odd = [
    '',
    'x',
    of('Subject'),
    of('Subject:'),
    of('Subject:x'),
    of('Nothing:1'),
    of('Query:1'),
    of('DataKey:1'),
    of('__proto__:1'),
  ]
  for (const id of odd) {
    const { data, errors } = await world.ask('subject', NODE, { id })
    expect({ id, node: data?.node ?? null }).toEqual({ id, node: null })
    for (const error of errors ?? []) expect(error.extensions['code']).toBe('BAD_USER_INPUT')
  }
  expect(odd).toHaveLength(9)
})

test('every type with a global id can be found by it', () => {
  const schema = buildSchema()
  expect(
    schema
      .getImplementations(schema.getType('Node') as GraphQLInterfaceType)
      .objects.map(({ name }) => name)
      .sort(),
  ).toEqual([...NODE_TYPES])
})

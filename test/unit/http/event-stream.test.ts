import { createSchema, createYoga } from 'graphql-yoga'
import { expect, test } from 'vitest'
import { type StreamContext, useEventStreams } from '../../../src/http/event-stream.ts'
import { createWireStates } from '../../../src/http/state.ts'

/** An application whose one subscription tells what `source` yields. */
function appOf(source: () => AsyncIterable<string>, onEnd: () => void) {
  const { states, plugin } = createWireStates(
    () => 'request',
    () => 0,
  )
  return createYoga({
    schema: createSchema<StreamContext>({
      typeDefs: 'type Query { a: Int } type Subscription { words: String }',
      resolvers: {
        Subscription: {
          words: {
            subscribe: source,
            resolve: (word: string, _args, { nameEvent }) => {
              nameEvent(`id-${word}`)
              return word
            },
          },
        },
      },
    }),
    plugins: [plugin, useEventStreams({ states, onEnd, heartbeatMs: 5 })],
    logging: false,
  })
}

const ask = async (app: ReturnType<typeof appOf>) =>
  app.fetch('http://test/graphql', {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'subscription { words }' }),
  })

test('events leave with their ids, then the end; who wrote them is told once that it is over', async () => {
  let ends = 0
  const app = appOf(
    async function* () {
      yield 'one'
      yield 'two'
    },
    () => {
      ends += 1
    },
  )
  const text = (await (await ask(app)).text()).replaceAll(/^:\n\n/gm, '')
  expect(text).toBe(
    [
      'event: next\nid: id-one\ndata: {"data":{"words":"one"}}\n\n',
      'event: next\nid: id-two\ndata: {"data":{"words":"two"}}\n\n',
      'event: complete\ndata:\n\n',
    ].join(''),
  )
  expect(ends).toBe(1)
})

test('a silent stream sends comments, and ends its source when the reader goes', async () => {
  const gone = Promise.withResolvers<string>()
  let ends = 0
  const source = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<string>>(() => {}),
      return: async () => {
        gone.resolve('told')
        return { done: true as const, value: undefined }
      },
    }),
  })
  const app = appOf(source, () => {
    ends += 1
  })
  const reader = (await ask(app)).body?.getReader()
  for (let beat = 0; beat < 3; beat += 1) expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(':\n\n')
  await reader?.cancel()
  expect(await gone.promise).toBe('told')
  expect(ends).toBe(1)
})

test('an id that does not fit on a line is left out', async () => {
  const app = appOf(
    async function* () {
      yield 'a\ndata: forged'
    },
    () => {},
  )
  expect(await (await ask(app)).text()).not.toMatch(/^id:/m)
})

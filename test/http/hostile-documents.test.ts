import { describe, expect, test } from 'vitest'
import type { Hostile } from './hostile.ts'
import { bodies, forms, mutations } from './hostile-requests.ts'
import { shapes } from './hostile-shapes.ts'
import { lists, variables } from './hostile-values.ts'
import { type Answer, CANARY, createTestWire, TOKEN } from './wire-kit.ts'

const HOSTILE = [...shapes, ...lists, ...variables, ...mutations, ...forms, ...bodies]
const wire = createTestWire({ limits: { bodyBytes: 2_500_000, variablesBytes: 1_000_000 } })
let tried = 0
let refusedCount = 0

async function send({ body, headers, method = 'POST', search = '' }: Hostile): Promise<Response> {
  const content = typeof body === 'function' ? body() : body
  return wire.yoga.fetch(`http://api.example/graphql${encodeURI(search)}`, {
    method,
    headers: {
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${TOKEN}`,
      'x-request-id': 'hostile-request',
      ...headers,
    },
    ...(method === 'GET' ? {} : { body: content }),
  })
}

describe('a hostile request is refused before anything runs', () => {
  test.each(HOSTILE)('$name', async (hostile) => {
    tried += 1
    const response = await send(hostile)
    const text = await response.text()
    const answer = JSON.parse(text) as Answer
    expect({ status: response.status, code: answer.errors?.[0]?.extensions.code }).toEqual({
      status: hostile.status,
      code: hostile.code,
    })
    expect(answer.errors?.[0]?.extensions.limit).toBe(hostile.limit)
    for (const { extensions } of answer.errors ?? []) expect(extensions.requestId).toBe('hostile-request')
    expect(answer.data ?? null).toBeNull()
    expect(wire.runs.count).toBe(0)
    expect(text).not.toContain(CANARY)
    expect(text).not.toContain('Did you mean')
    expect(text.length).toBeLessThan(20_000)
    refusedCount += 1
  })

  test('all of them, none logged with what it sent', () => {
    expect({ tried, refused: refusedCount }).toEqual({ tried: 93, refused: 93 })
    expect(wire.lines.length).toBe(93)
    expect(wire.lines.join('')).not.toContain('canary')
    expect(wire.log.droppedCount()).toBe(0)
  })
})

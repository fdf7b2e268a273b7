import { expect, test } from 'vitest'
import { loggedError } from '../../../src/http/log-error.ts'
import { allowedFields, createLog } from '../../../src/http/logging.ts'
import { refused } from '../../../src/http/request-error.ts'

const CANARY = 'jane.doe@example.org'
const collect = () => {
  const lines: string[] = []
  return { lines, destination: { write: (line: string) => void lines.push(line) } }
}

test('only listed keys with well-formed values pass; the rest is counted', () => {
  const { lines, destination } = collect()
  const log = createLog({ destination })
  log.info('server.started', {
    port: 1,
    requestId: 'request-1',
    email: CANARY,
    fields: ['a', CANARY],
    principal: CANARY,
  })
  const { time, ...line } = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({
    level: 'info',
    event: 'server.started',
    port: 1,
    requestId: 'request-1',
    fields: ['a'],
    dropped: 2,
  })
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  expect(log.droppedCount()).toBe(2)
})

test('a canary in any listed key, as text, list or object, reaches no line', () => {
  const keys = ['requestId', 'principal', 'operation', 'fields', 'status', 'code', 'codes', 'reason', 'job', 'checks']
  let tried = 0
  for (const key of [...keys, '__proto__', 'constructor', 'toString', 'msg', 'err', 'error', 'req', 'headers'])
    for (const value of [CANARY, [CANARY], { a: CANARY }, [[CANARY]], new Error(CANARY)]) {
      tried += 1
      expect(JSON.stringify(allowedFields({ [key]: value }).allowed)).not.toContain('jane')
    }
  expect(tried).toBe(90)
})

test('an event that is no constant of the code is replaced', () => {
  const { lines, destination } = collect()
  createLog({ destination }).info(`user ${CANARY}`)
  expect(JSON.parse(lines[0] ?? '').event).toBe('log.event_not_allowed')
})

test('an error is logged by class, code, frames and causes, never by message', () => {
  const { lines, destination } = collect()
  const cause = Object.assign(new TypeError(`bad\n    at ${CANARY} (/x/${CANARY}:1:1)`), { code: 'P2002' })
  createLog({ destination }).error('request.failed', new Error(`row of ${CANARY}`, { cause }))
  const { error } = JSON.parse(lines[0] ?? '')
  expect(lines.join('')).not.toContain('jane')
  expect([error.name, error.cause.name, error.cause.code]).toEqual(['Error', 'TypeError', 'P2002'])
  expect(error.stack[0]).toMatch(/^test\/unit\/http\/logging\.test\.ts:\d+:\d+$/)
})

test('a message is logged only of classes named as safe', () => {
  class Safe extends Error {}
  expect(loggedError(new Safe('fixed text'), '/', [Safe]).message).toBe('fixed text')
  expect(loggedError(refused('FORBIDDEN'), '/', [Safe])).not.toHaveProperty('message')
})

test.each([['text'], [null], [undefined], [{ message: CANARY }]])('a thrown %s is logged as no error', (thrown) => {
  expect(loggedError(thrown, '/', [])).toEqual({ name: 'NotAnError', stack: [] })
})

test('a hostile name or code is left out', () => {
  const error = Object.assign(new Error('x'), { name: CANARY, code: CANARY })
  expect(loggedError(error, '/', [])).toMatchObject({ name: 'Error' })
  expect(loggedError(error, '/', [])).not.toHaveProperty('code')
})

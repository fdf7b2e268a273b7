import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSseParser } from '../../client/src/sse.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What a parser makes of chunks, and the last id. */
function parse(...chunks: readonly Uint8Array[]) {
  const parser = createSseParser()
  const messages = chunks.flatMap((chunk) => parser.push(chunk))
  return { messages, lastEventId: parser.lastEventId() }
}

const parsed = (text: string) => parse(bytes(text)).messages.map(({ event, data }) => [event, data])

// The examples of https://html.spec.whatwg.org/multipage/server-sent-events.html, "Interpreting an event stream"
test('the examples of the standard are read as it says', () => {
  expect(parsed('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([['message', 'YHOO\n+2\n10']])
  const fourBlocks = ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n'
  expect(parse(bytes(fourBlocks)).messages).toEqual([
    { event: 'message', data: 'first event', lastEventId: '1' },
    { event: 'message', data: 'second event', lastEventId: '' },
    { event: 'message', data: ' third event', lastEventId: '' },
  ])
  expect(parsed('data\n\ndata\ndata\n\ndata:')).toEqual([
    ['message', ''],
    ['message', '\n'],
  ])
  expect(parsed('data:test\n\ndata: test\n\n')).toEqual([
    ['message', 'test'],
    ['message', 'test'],
  ])
})

test.each([
  ['CR', 'event: next\rdata: a\rdata: b\r\r'],
  ['LF', 'event: next\ndata: a\ndata: b\n\n'],
  ['CRLF', 'event: next\r\ndata: a\r\ndata: b\r\n\r\n'],
  ['all of them', 'event: next\rdata: a\ndata: b\r\n\r'],
])('lines end with %s', (_what, text) => {
  expect(parsed(text)).toEqual([['next', 'a\nb']])
})

test('comments, unknown fields and retry are passed over, and a mark of byte order at the beginning', () => {
  expect(parsed('\uFEFFdata: a\n: comment\nretry: 5\nfoo: bar\n data: x\nDATA: y\n\n')).toEqual([['message', 'a']])
})

test('a message without its empty line is none, and neither its id', () => {
  expect(parse(bytes('id: 1\ndata: a\n\nid: 2\ndata: b\n'))).toEqual({
    messages: [{ event: 'message', data: 'a', lastEventId: '1' }],
    lastEventId: '1',
  })
})

test('an id holds until the next one, stands without data too, and is none with a null byte', () => {
  const { messages, lastEventId } = parse(bytes('id: 1\n\ndata: a\n\nid: 2\0\ndata: b\n\nid: 3\nevent: x\n\n'))
  expect(messages.map((message) => message.lastEventId)).toEqual(['1', '1'])
  expect(lastEventId).toBe('3')
})

test('a message of more than 1 MiB is refused, however it is cut', () => {
  const part = bytes(`data: ${'x'.repeat(70_000)}\n`)
  expect(() => parse(...Array(16).fill(part))).toThrow(/larger than 1 MiB/)
  expect(() => parse(...Array(20).fill(bytes('x'.repeat(70_000))))).toThrow(/larger than 1 MiB/)
  expect(parse(...Array(14).fill(part), bytes('\n')).messages[0]?.data.length).toBe(14 * 70_001 - 1)
})

const STREAM = bytes(
  '\uFEFF:\n\nevent: next\r\nid: a1\r\ndata: {"name":"Zoë 漢字 🦊"}\r\n\r\nevent: next\rid: a2\rdata: x\rdata: y\r\r:\n\nevent: complete\ndata:\n\n',
)
const WHOLE = parse(STREAM)

test('wherever a stream is cut in two, it is read the same', () => {
  expect(WHOLE.messages.map(({ event, data, lastEventId }) => [event, data, lastEventId])).toEqual([
    ['next', '{"name":"Zoë 漢字 🦊"}', 'a1'],
    ['next', 'x\ny', 'a2'],
    ['complete', '', 'a2'],
  ])
  for (let at = 0; at <= STREAM.length; at += 1)
    expect(parse(STREAM.subarray(0, at), STREAM.subarray(at))).toEqual(WHOLE)
  expect(parse(...Array.from(STREAM, (byte) => Uint8Array.of(byte)))).toEqual(WHOLE)
})

test('whatever a stream holds and however it is cut, it is read the same', () => {
  const piece = fc.constantFrom('data', 'id', 'event', ':', ' ', '\r', '\n', '\r\n', 'é', '🦊', 'a', '\0', '\uFEFF')
  const stream = fc.array(piece, { maxLength: 60 }).map((pieces) => bytes(pieces.join('')))
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200), { maxLength: 8 }), (whole, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
      expect(parse(...at.slice(1).map((end, index) => whole.subarray(at[index], end)))).toEqual(parse(whole))
    }),
    { numRuns: 2_000 },
  )
})

import { describe, expect, test } from 'vitest'
import { AZURE, BURST_GPT, formatOf } from '../../../src/cli/import/trace-formats.ts'

describe('the Azure trace', () => {
  test('times are UTC, cut to the millisecond', () => {
    expect(AZURE.read(['2023-11-16 18:15:46.6805900', '374', '44'], 2)).toEqual({
      timeMs: Date.UTC(2023, 10, 16, 18, 15, 46, 680),
      model: null,
      inputTokens: 374,
      outputTokens: 44,
    })
    expect(AZURE.read(['2024-02-29 23:59:59.9999999', '0', '0'], 2).timeMs).toBe(Date.UTC(2024, 1, 29, 23, 59, 59, 999))
    expect(AZURE.read(['2024-05-10 00:00:00', '0', '0'], 2).timeMs).toBe(Date.UTC(2024, 4, 10))
    expect(AZURE.read(['2024-05-10 00:00:00.009930+00:00', '0', '0'], 2).timeMs).toBe(Date.UTC(2024, 4, 10) + 9)
  })

  test.each([
    [['2023-02-29 10:00:00', '1', '1'], 'line 7, column TIMESTAMP: is not an instant'],
    [['2023-11-16 24:00:01', '1', '1'], 'line 7, column TIMESTAMP: is not an instant'],
    [['2023-11-16T10:00:00Z', '1', '1'], 'line 7, column TIMESTAMP: is not an instant'],
    [['', '1', '1'], 'line 7, column TIMESTAMP: is not an instant'],
    [['2023-11-16 10:00:00', '1.5', '1'], 'line 7, column ContextTokens: is not a whole number'],
    [['2023-11-16 10:00:00', '-1', '1'], 'line 7, column ContextTokens: is not a whole number'],
    [['2023-11-16 10:00:00', '1', ''], 'line 7, column GeneratedTokens: is not a whole number'],
    [['2023-11-16 10:00:00', '1', '2147483648'], 'line 7, column GeneratedTokens: is larger than 2^31 - 1'],
  ])('%j is refused with its place', (fields, message) => {
    expect(() => AZURE.read(fields, 7)).toThrow(message)
  })
})

describe('BurstGPT', () => {
  test('times count from the begin, and the model becomes one word', () => {
    expect(BURST_GPT.read(['45.25', 'ChatGPT 4', '10', '3', '13', 'API log'], 2)).toEqual({
      timeMs: 45_250,
      model: 'ChatGPT-4',
      inputTokens: 10,
      outputTokens: 3,
    })
  })

  test.each([
    [['x', 'm', '1', '1', '2', 'API log'], 'line 3, column Timestamp: is not a number of seconds'],
    [['-1', 'm', '1', '1', '2', 'API log'], 'line 3, column Timestamp: is not a number of seconds'],
    [['1', '', '1', '1', '2', 'API log'], 'line 3, column Model: is not a name of a model'],
    [['1', 'm"x"', '1', '1', '2', 'API log'], 'line 3, column Model: is not a name of a model'],
    [['1', 'm', '', '1', '2', 'API log'], 'line 3, column Request tokens: is not a whole number'],
    [['1', 'm', '1', 'NaN', '2', 'API log'], 'line 3, column Response tokens: is not a whole number'],
    [['1', 'm', '1', '1', '1e3', 'API log'], 'line 3, column Total tokens: is not a whole number'],
  ])('%j is refused with its place', (fields, message) => {
    expect(() => BURST_GPT.read(fields, 3)).toThrow(message)
  })
})

test('an unknown header is refused with the known ones', () => {
  expect(() => formatOf(['time', 'tokens'])).toThrow(
    'The first line is not the header of a known trace. Known are\n' +
      '  Azure LLM inference trace: TIMESTAMP,ContextTokens,GeneratedTokens\n' +
      '  BurstGPT: Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type',
  )
})

import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { showProgress } from '../../../src/cli/import/import-progress.ts'

function output() {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text }
}

test('without a terminal a line is written at most every 5 seconds', () => {
  const { stream, text } = output()
  let nowMs = 0
  const progress = showProgress(100, { stream, now: () => nowMs })
  for (const [atMs, rows] of [
    [1_000, 10],
    [5_000, 50],
    [9_999, 80],
    [10_000, 90],
  ] as const) {
    nowMs = atMs
    progress.show(rows)
  }
  progress.stop()
  expect(text()).toBe('50 of 100 rows\n90 of 100 rows\n')
})

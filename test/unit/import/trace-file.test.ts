import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eachBatch, scanTrace } from '../../../src/cli/import/trace-file.ts'

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens'
const ROW = '2023-11-16 18:15:46.6805900,1,2'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'privacy-trace-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'trace.csv')
  await writeFile(path, text)
  return path
}

test('a scan finds number of rows, hash and last time of the small Azure trace', async () => {
  const { format, ...scan } = await scanTrace('test/data/azure-trace.csv')
  expect(format.name).toBe('Azure LLM inference trace')
  expect(scan).toEqual({
    fileHash: 'efac5dc5e881c19fb544d1dc27def5c2d4e913f8ed9742e69fdd97ce915b641d',
    rows: 60,
    lastTimeMs: Date.UTC(2023, 10, 16, 18, 56, 42, 854),
  })
})

test('a scan finds number of rows, hash and last time of the small BurstGPT trace', async () => {
  const { format, ...scan } = await scanTrace('test/data/burstgpt-trace.csv')
  expect(format.name).toBe('BurstGPT')
  expect(scan).toEqual({
    fileHash: '70e8768bbd6fb2f08e20a63e6d7b86f6c822b2c531ca3da56b8874eb27c220cf',
    rows: 20,
    lastTimeMs: 2_769_000,
  })
})

test('the last time is the latest one, wherever it stands', async () => {
  const path = await fileOf(`${HEADER}\n2024-01-02 00:00:00,1,1\n2024-01-01 00:00:00,1,1\n`)
  expect((await scanTrace(path)).lastTimeMs).toBe(Date.UTC(2024, 0, 2))
})

test('a byte order mark, CRLF, empty lines and a missing last line end are taken', async () => {
  const path = await fileOf(`\uFEFF${HEADER}\r\n${ROW}\r\n\r\n${ROW}`)
  const lines: number[] = []
  const scan = await scanTrace(path)
  await eachBatch(path, scan, 10, async (rows) => {
    lines.push(...rows.map(({ line }) => line))
  })
  expect([scan.rows, lines]).toEqual([2, [2, 4]])
})

test.each([
  ['', 'The file is empty.'],
  [`${HEADER}\n`, 'The file has no rows.'],
  ['a,b\n1,2\n', 'The first line is not the header of a known trace.'],
  [`${HEADER}\n${ROW}\n2023-11-16 18:15:46,1\n`, 'line 3: has 2 columns instead of 3'],
  [`${HEADER}\n${ROW},9\n`, 'line 2: has 4 columns instead of 3'],
  [`${HEADER}\n${ROW}\n${ROW}\n2023-11-16 18:15:46,x,1\n`, 'line 4, column ContextTokens: is not a whole number'],
  [`${HEADER}\n"2023-11-16 18:15:46,1,1\n`, 'is not CSV'],
])('the file %j is refused: %s', async (text, message) => {
  await expect(scanTrace(await fileOf(text))).rejects.toThrow(message)
})

test('a file that is not there is refused in plain words', async () => {
  await expect(scanTrace(join(folder, 'none.csv'))).rejects.toThrow('The file does not exist.')
  await expect(scanTrace(folder)).rejects.toThrow('The file cannot be read.')
})

test('batches follow one another, full ones first, each row once', async () => {
  const path = 'test/data/azure-trace.csv'
  const sizes: number[] = []
  let busy = false
  await eachBatch(path, await scanTrace(path), 25, async (rows) => {
    expect(busy).toBe(false)
    busy = true
    await new Promise((resolve) => setImmediate(resolve))
    busy = false
    sizes.push(rows.length)
  })
  expect(sizes).toEqual([25, 25, 10])
})

test('a file that changes between the passes is noticed', async () => {
  const path = await fileOf(`${HEADER}\n${ROW}\n`)
  const scan = await scanTrace(path)
  await fileOf(`${HEADER}\n${ROW}\n${ROW}\n`)
  await expect(eachBatch(path, scan, 10, async () => {})).rejects.toThrow('The file has changed while it was imported.')
})

import { badRow, TraceError } from './trace-error.ts'

/** One request of a trace. */
export type TraceRow = {
  /** Milliseconds since 1970 or, where the file knows no date, since the trace began. */
  readonly timeMs: number
  /** The model; null where the file names none. */
  readonly model: string | null
  readonly inputTokens: number
  readonly outputTokens: number
}

/** A kind of trace file that can be read. */
export type TraceFormat = {
  readonly name: string
  readonly columns: readonly string[]
  /** Whether its times are instants; else they count from the trace's begin. */
  readonly hasInstants: boolean
  /** @throws TraceError naming line and column */
  read(fields: readonly string[], line: number): TraceRow
}

const TOKENS_MAX = 2 ** 31 - 1
const AZURE_TIME = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:\+00:00)?$/
const SECONDS = /^\d{1,10}(?:\.\d{1,9})?$/

function readCount(text: string, line: number, column: string): number {
  if (!/^\d{1,10}$/.test(text)) throw badRow(line, column, 'is not a whole number')
  const count = Number(text)
  if (count > TOKENS_MAX) throw badRow(line, column, 'is larger than 2^31 - 1')
  return count
}

/** An instant in UTC as `2023-11-16 18:15:46.6805900`; what is finer than a millisecond is cut off. */
function readInstant(text: string, line: number, column: string): number {
  const [, day = '', time = '', fraction = ''] = AZURE_TIME.exec(text) ?? []
  const iso = `${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`
  const timeMs = Date.parse(iso)
  // A day that the month does not have is moved on by some parsers; the round trip finds it.
  if (Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== iso) throw badRow(line, column, 'is not an instant')
  return timeMs
}

function readModel(text: string, line: number, column: string): string {
  const model = text.trim().replaceAll(/\s+/g, '-')
  if (!/^[A-Za-z0-9._:/-]{1,128}$/.test(model)) throw badRow(line, column, 'is not a name of a model')
  return model
}

const field = (fields: readonly string[], index: number) => fields[index] ?? ''

/**
 * The Azure LLM inference trace: instants in UTC with up to 7 decimal places.
 * @see https://github.com/Azure/AzurePublicDataset/blob/master/AzureLLMInferenceDataset2023.md
 */
export const AZURE: TraceFormat = {
  name: 'Azure LLM inference trace',
  columns: ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'],
  hasInstants: true,
  read: (fields, line) => ({
    timeMs: readInstant(field(fields, 0), line, 'TIMESTAMP'),
    model: null,
    inputTokens: readCount(field(fields, 1), line, 'ContextTokens'),
    outputTokens: readCount(field(fields, 2), line, 'GeneratedTokens'),
  }),
}

/**
 * BurstGPT: seconds since the trace began, and the model.
 * @see https://github.com/HPMLL/BurstGPT
 */
export const BURST_GPT: TraceFormat = {
  name: 'BurstGPT',
  columns: ['Timestamp', 'Model', 'Request tokens', 'Response tokens', 'Total tokens', 'Log Type'],
  hasInstants: false,
  read: (fields, line) => {
    const seconds = field(fields, 0)
    if (!SECONDS.test(seconds)) throw badRow(line, 'Timestamp', 'is not a number of seconds')
    readCount(field(fields, 4), line, 'Total tokens')
    return {
      timeMs: Math.floor(Number(seconds) * 1000),
      model: readModel(field(fields, 1), line, 'Model'),
      inputTokens: readCount(field(fields, 2), line, 'Request tokens'),
      outputTokens: readCount(field(fields, 3), line, 'Response tokens'),
    }
  },
}

const FORMATS: readonly TraceFormat[] = [AZURE, BURST_GPT]

/** The format with exactly these columns. @throws TraceError listing the known ones */
export function formatOf(header: readonly string[]): TraceFormat {
  const format = FORMATS.find(({ columns }) => columns.join('\n') === header.join('\n'))
  if (format) return format
  const known = FORMATS.map(({ name, columns }) => `  ${name}: ${columns.join(',')}`)
  throw new TraceError(`The first line is not the header of a known trace. Known are\n${known.join('\n')}`)
}

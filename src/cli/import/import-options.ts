import { parseArgs } from 'node:util'
import type { EndpointKind, RecordUsageInput } from '@pipelet/privacy'
import { TraceError } from './trace-error.ts'

/** Checked arguments of the command. */
export type ImportOptions = {
  readonly path: string
  /** Global id of the account. */
  readonly accountId: string
  /** The model of rows that name none. */
  readonly model: string
  readonly region: string | null
  readonly endpointKind: EndpointKind
  /** Where the last row shall lie; null leaves the times as they are. */
  readonly until: Date | null
  /** Events of one call. */
  readonly batchSize: number
}

type UsageEventInput = RecordUsageInput['events'][number]

/** How the command is called. */
export const USAGE = `Usage: npm run import:usage -- FILE --account ID [options]

  FILE                  a trace with the columns TIMESTAMP,ContextTokens,GeneratedTokens (Azure LLM inference) or
                        Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type (BurstGPT)
  --account ID          global id of the account
  --model NAME          model of an Azure trace, which names none; default azure-llm
  --region REGION       where it was processed; default none
  --endpoint-kind KIND  SERVERLESS, PRIVATE or BATCH; default SERVERLESS
  --until INSTANT       moves all times so that the last row lies there: now, or e.g. 2026-01-31T12:00:00Z.
                        Needed for BurstGPT. The first run of a file into an account decides for all later ones.
  --batch N             events of one call, 1 to 5000; default 1000

Address and token: PRIVACY_API_URL, and PRIVACY_API_TOKEN or PRIVACY_API_CLIENT_ID and PRIVACY_API_CLIENT_SECRET.`

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/
const ENDPOINT_KINDS: Readonly<Record<string, UsageEventInput['endpointKind']>> = {
  SERVERLESS: 'SERVERLESS',
  PRIVATE: 'PRIVATE',
  BATCH: 'BATCH',
}

/** Reads the arguments. @throws TraceError naming the wrong one */
export function readImportOptions(args: readonly string[], now: Date): ImportOptions {
  const { values, positionals } = parse(args)
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new TraceError(`Name one file.\n\n${USAGE}`)
  if (!values.account) throw new TraceError(`--account is missing.\n\n${USAGE}`)
  if (!/^[A-Za-z0-9._:/-]{1,128}$/.test(values.model))
    throw new TraceError('--model must be 1 to 128 letters, digits and . _ : / -')
  if (values.region !== undefined && !/^[a-z0-9-]{1,32}$/.test(values.region))
    throw new TraceError('--region must be 1 to 32 lower-case letters, digits and -')
  const endpointKind = ENDPOINT_KINDS[values['endpoint-kind']]
  if (!endpointKind) throw new TraceError('--endpoint-kind must be SERVERLESS, PRIVATE or BATCH')
  const batchSize = Number(values.batch)
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 5000)
    throw new TraceError('--batch must be a whole number from 1 to 5000')
  return {
    path,
    accountId: values.account,
    model: values.model,
    region: values.region ?? null,
    endpointKind,
    until: values.until === undefined ? null : readUntil(values.until, now),
    batchSize,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        account: { type: 'string' },
        model: { type: 'string', default: 'azure-llm' },
        region: { type: 'string' },
        'endpoint-kind': { type: 'string', default: 'SERVERLESS' },
        until: { type: 'string' },
        batch: { type: 'string', default: '1000' },
      },
    })
  } catch (error) {
    throw new TraceError(`${error instanceof Error ? error.message : 'Wrong arguments.'}\n\n${USAGE}`)
  }
}

function readUntil(text: string, now: Date): Date {
  if (text === 'now') return now
  const until = new Date(INSTANT.test(text) ? text : Number.NaN)
  if (Number.isNaN(until.getTime()))
    throw new TraceError('--until must be now, or an instant with its offset, e.g. 2026-01-31T12:00:00Z')
  return until
}

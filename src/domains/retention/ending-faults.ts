import { KeyError } from '../../crypto/errors.ts'
import { sqlStateOf } from '../../db/postgres-errors.ts'
import { Prisma } from '../../generated/prisma/client.ts'
import { ENDING_PROBLEMS, type EndingProblem } from './ending.rules.ts'

/** Items could not be ended, for a reason that has a code. Nothing was changed. */
export class EndingFault extends Error {
  override readonly name = 'EndingFault'
  readonly code: EndingProblem
  /** Whether the reason lies outside the data, so that other items would meet it too. */
  readonly outside: boolean

  constructor(code: EndingProblem, options: { readonly outside?: boolean; readonly cause?: unknown } = {}) {
    super(ENDING_PROBLEMS[code], options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.outside = options.outside ?? false
  }
}

/** Why an attempt failed, without a word of the error: its texts may say more than a timer should. */
export function problemOf(error: unknown): { readonly code: EndingProblem; readonly outside: boolean } {
  if (error instanceof EndingFault) return { code: error.code, outside: error.outside }
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'string' && Object.hasOwn(ENDING_PROBLEMS, code))
    return { code: code as EndingProblem, outside: false }
  return { code: 'ERASURE.FAILED', outside: false }
}

/**
 * Runs what needs the key provider. @throws EndingFault KEYS.PROVIDER_UNAVAILABLE where the provider is what failed;
 * answers of the database and states of single keys go through as they are
 */
export async function withKeys<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isAboutData(error)) throw error
    throw new EndingFault('KEYS.PROVIDER_UNAVAILABLE', { outside: true, cause: error })
  }
}

/** Runs a write to the ledger outside. @throws EndingFault LEDGER.UNAVAILABLE */
export async function withLedger<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new EndingFault('LEDGER.UNAVAILABLE', { outside: true, cause: error })
  }
}

const OF_ONE_KEY: ReadonlySet<string> = new Set(['KEYS.DECRYPTION_FAILED', 'KEYS.DESTROYED'])

function isAboutData(error: unknown): boolean {
  if (error instanceof KeyError) return OF_ONE_KEY.has(error.code)
  const ofPrisma =
    error instanceof Prisma.PrismaClientKnownRequestError || error instanceof Prisma.PrismaClientUnknownRequestError
  return error instanceof EndingFault || ofPrisma || sqlStateOf(error) !== undefined
}

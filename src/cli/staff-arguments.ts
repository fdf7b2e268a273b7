import { parseArgs } from 'node:util'
import type { StaffInput } from '../domains/accounts/staff.service.ts'
import { StaffRole } from '../generated/prisma/enums.ts'

const USAGE = `usage: npm run staff:add -- --issuer URL --sub SUB --role ROLE [--role ROLE] [--training-until YYYY-MM-DD]
roles: ${Object.keys(StaffRole).join(', ')}`

const TRAINING_YEARS = 1

/**
 * Reads who is to become a member of staff from the command line. Training is good for a year unless a day is named,
 * and then until that day begins (UTC).
 * @throws Error with the reason and the usage
 */
export function readStaffArguments(argv: readonly string[], now: Date): StaffInput {
  const { issuer, sub, role: roles = [], ...rest } = parse(argv)
  if (!issuer || !URL.canParse(issuer)) throw refusal('--issuer must be the URL of the issuer, as its tokens name it')
  if (!sub || sub.length > 255) throw refusal('--sub must be 1 to 255 characters')
  if (roles.length === 0 || !roles.every(isStaffRole)) throw refusal('--role must name a role, once or several times')
  const trainingUntilAt = trainingUntil(rest['training-until'], now)
  return { issuer, sub, roles: [...new Set(roles.filter(isStaffRole))], trainingUntilAt }
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const options = { issuer: text, sub: text, role: { ...text, multiple: true }, 'training-until': text } as const
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : 'an option is wrong')
  }
}

function trainingUntil(value: string | undefined, now: Date): Date {
  if (value === undefined) {
    const until = new Date(now)
    until.setUTCFullYear(until.getUTCFullYear() + TRAINING_YEARS)
    return until
  }
  const day = new Date(`${value}T00:00:00.000Z`)
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(value) && day.toJSON()?.slice(0, 10) === value
  if (!isDay || day <= now) throw refusal('--training-until must be a day to come, YYYY-MM-DD')
  return day
}

const isStaffRole = (value: string): value is StaffRole => Object.hasOwn(StaffRole, value)

const refusal = (reason: string) => new Error(`${reason}\n${USAGE}`)

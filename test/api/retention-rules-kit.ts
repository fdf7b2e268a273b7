import { addStaffMember } from '../../src/domains/accounts/staff.service.ts'
import type { World } from '../kit/world.ts'
import { aRule } from '../security/valid-variables.ts'

export { aRule } from '../security/valid-variables.ts'

import { fresh, type Outcome, perform, person, type Who } from './calls.ts'

/** Another member of staff with the role, beside the demo's. */
export async function staffMember(
  world: World,
  role: 'PRIVACY_OFFICER' | 'AUDITOR' | 'SUPPORT',
  scope?: string,
): Promise<Who> {
  const sub = `staff-${fresh()}`
  const trainingUntilAt = new Date(world.clock.now().getTime() + 365 * 86_400_000)
  const issuer = world.serving.demoIssuer?.issuer ?? ''
  await addStaffMember(world.resources, 'test-staff', { issuer, sub, roles: [role], trainingUntilAt })
  return person(world, { sub, ...(scope === undefined ? {} : { scope }) })
}

/** Proposes a rule. @returns the global id of the proposal */
export async function propose(world: World, as: Who, rule: object = {}): Promise<string> {
  const outcome = await perform(world, as, 'proposeRetentionRule', { ...aRule, ...rule })
  if (!outcome['approval']) throw new Error(`the proposal: ${JSON.stringify(outcome)}`)
  return (outcome['approval'] as { id: string }).id
}

/** Approves it. */
export const approve = (world: World, as: Who, approvalId: string): Promise<Outcome> =>
  perform(world, as, 'approveRetentionRule', { approvalId })

import { ensurePlatformAccount } from '../domains/accounts/platform-account.service.ts'
import { addStaffMember } from '../domains/accounts/staff.service.ts'
import { ensureRetentionRules } from '../domains/retention/retention-seed.service.ts'
import { openResources } from '../resources.ts'
import { newId } from '../time/id.ts'
import { runCommand } from './db-command.ts'
import { readStaffArguments } from './staff-arguments.ts'

await runCommand(async () => {
  const resources = await openResources()
  try {
    const { db, keys, clock } = resources
    const input = readStaffArguments(process.argv.slice(2), clock.now())
    await keys.ensureEpochRow(db, clock.now(), resources.epochDays)
    await ensureRetentionRules(resources)
    await ensurePlatformAccount(resources)
    const id = await addStaffMember(resources, newId(clock), input)
    return `Member of staff ${id} has ${input.roles.join(', ')} until ${input.trainingUntilAt.toISOString()}.`
  } finally {
    await resources.close()
  }
})

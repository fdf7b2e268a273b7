import { accountsSystem } from './domains/accounts/accounts.system.ts'
import { keysSystem } from './domains/accounts/keys.system.ts'
import { auditSystem } from './domains/audit/audit.system.ts'
import { jobsSystem } from './domains/audit/jobs.system.ts'
import { eventsSystem } from './domains/events/events.system.ts'
import { inventorySystem } from './domains/inventory/inventory.system.ts'
import type { PersonalDataSystem } from './domains/personal-data.ts'
import { processingSystem } from './domains/processing/processing.system.ts'
import { holdsSystem } from './domains/retention/holds.system.ts'
import { usageSystem } from './domains/usage/usage.system.ts'
import { webhooksSystem } from './domains/webhooks/webhooks.system.ts'

/** Every place of this program where personal data rests. No table of persons belongs to none of them. */
export const SYSTEMS: readonly PersonalDataSystem[] = [
  accountsSystem,
  usageSystem,
  auditSystem,
  eventsSystem,
  jobsSystem,
  inventorySystem,
  holdsSystem,
  processingSystem,
  webhooksSystem,
  keysSystem,
]

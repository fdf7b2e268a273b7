import type { GraphQLSchema } from 'graphql'
import '../domains/accounts/accounts.schema.ts'
import '../domains/accounts/api-clients.schema.ts'
import '../domains/accounts/subjects.schema.ts'
import '../domains/approvals/approvals.schema.ts'
import '../domains/audit/audit.schema.ts'
import '../domains/inventory/inventory.schema.ts'
import '../domains/events/events.schema.ts'
import '../domains/processing/processing-records.schema.ts'
import '../domains/processors/processors.schema.ts'
import '../domains/processing/fides.schema.ts'
import '../domains/processing/processing.schema.ts'
import '../domains/processing/reconciliation.schema.ts'
import '../domains/retention/account-closing.schema.ts'
import '../domains/retention/holds.schema.ts'
import '../domains/retention/retention-rules.schema.ts'
import '../domains/retention/retention-status.schema.ts'
import '../domains/usage/usage.schema.ts'
import '../domains/webhooks/webhooks.schema.ts'
import { builder } from './builder.ts'
import { checkCursors } from './cursors.ts'
import { describeTheRest } from './relay-descriptions.ts'
import './scalars.ts'
import { noteStaffReads } from './staff-reads.ts'

builder.queryType({ description: 'Reads. What a caller may not see is answered like what does not exist.' })
builder.mutationType({ description: 'Writes: one a request. Each answers its success or the reason why not.' })
builder.subscriptionType({
  description: 'Follows what happens, as server-sent events: one field a request.',
})

/** The whole schema. Only the app and the script that prints it build it. */
export function buildSchema(): GraphQLSchema {
  return describeTheRest(checkCursors(noteStaffReads(builder.toSchema({ sortSchema: true }))))
}

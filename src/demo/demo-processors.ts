import { PLATFORM_ACCOUNT_ID } from '../db/caller.ts'
import type { DataCategory, ProcessorRole, Purpose } from '../generated/prisma/enums.ts'
import { demoId } from './demo-id.ts'

/** Ids of the demo's processors: the regional operator that has a client, one for payments, one at the edge. */
export const DEMO_PROCESSOR_ID = demoId(9, 3)
export const DEMO_PAYMENT_PROCESSOR_ID = demoId(9, 5)
export const DEMO_EDGE_PROCESSOR_ID = demoId(9, 6)

type DemoProcessor = {
  readonly accountId: string
  readonly id: string
  readonly name: string
  readonly role: ProcessorRole
  readonly country: string
  readonly regions: string[]
  readonly categories: DataCategory[]
  readonly purposes: Purpose[]
  readonly contractOn: Date
}

/** Invented third parties of the public register. */
export const DEMO_PROCESSORS: readonly DemoProcessor[] = [
  {
    accountId: PLATFORM_ACCOUNT_ID,
    id: DEMO_PROCESSOR_ID,
    name: 'Norrvik Compute',
    role: 'PROCESSOR',
    country: 'SE',
    regions: ['eu-north'],
    categories: ['ACCOUNT', 'CONTENT_BATCH', 'USAGE'],
    purposes: ['SERVICE_PROVISION'],
    contractOn: new Date('2025-05-02'),
  },
  {
    accountId: PLATFORM_ACCOUNT_ID,
    id: DEMO_PAYMENT_PROCESSOR_ID,
    name: 'Quillpay',
    role: 'CONTROLLER',
    country: 'IE',
    regions: ['eu-west'],
    categories: ['ACCOUNT', 'PAYMENT', 'USAGE'],
    purposes: ['PAYMENT_PROCESSING', 'FRAUD_PREVENTION'],
    contractOn: new Date('2025-06-11'),
  },
  {
    accountId: PLATFORM_ACCOUNT_ID,
    id: DEMO_EDGE_PROCESSOR_ID,
    name: 'Edgewright',
    role: 'SUB_PROCESSOR',
    country: 'US',
    regions: ['us-east', 'eu-central'],
    categories: ['SECURITY', 'USAGE'],
    purposes: ['FRAUD_PREVENTION', 'SECURITY'],
    contractOn: new Date('2025-06-30'),
  },
]

import type { z } from 'zod'
import type { ApprovalKind } from '../../generated/prisma/enums.ts'
import { ruleProposalShape } from '../retention/retention-proposal.rules.ts'

/** How long a proposal waits for a decision: 14 days. */
export const APPROVAL_SECONDS = 14 * 86_400

/** What is proposed, by kind: closed shapes, ids and public statements alone. */
const PAYLOADS = { RETENTION_RULE: ruleProposalShape } as const satisfies Record<ApprovalKind, z.ZodType>

/** What a proposal of a kind asks for. */
export type ApprovalPayload<K extends ApprovalKind> = z.output<(typeof PAYLOADS)[K]>

/** Reads what is stored of a proposal. @throws ZodError when it has another shape: a mistake of the program */
export function readApprovalPayload<K extends ApprovalKind>(kind: K, payload: unknown): ApprovalPayload<K> {
  return PAYLOADS[kind].parse(payload) as ApprovalPayload<K>
}

/** States as callers are told them: a proposal that waits is EXPIRED when its time is over. */
export const APPROVAL_STATES = ['PENDING', 'EXPIRED', 'APPROVED', 'REJECTED', 'WITHDRAWN'] as const

/** The name of such a state. */
export type ApprovalStateName = (typeof APPROVAL_STATES)[number]

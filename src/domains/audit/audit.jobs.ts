import { z } from 'zod'
import type { Scope } from '../../auth/permissions.ts'
import type { Tx } from '../../db/database.ts'
import type { AuditEvent, Job, Prisma } from '../../generated/prisma/client.ts'
import type { JobHandler, JobStep } from '../../jobs/jobs.ts'

/** The kind of job that exports audit events. */
export const AUDIT_EXPORT = 'audit.export'

const PAGE = 1_000

const payloadShape = z.strictObject({
  where: z.strictObject({
    accountId: z.uuid().optional(),
    subjectId: z.uuid().optional(),
    actorId: z.uuid().optional(),
    kind: z.string().optional(),
    from: z.iso.datetime().optional(),
    to: z.iso.datetime(),
  }),
  after: z.strictObject({ at: z.iso.datetime(), id: z.uuid() }).nullable(),
})

/** Which events an export holds, and how far it has come. Parsed when queued and when run. */
export type AuditExport = z.infer<typeof payloadShape>

/** Reads an export's payload. @throws ZodError when it is none */
export function readAuditExport(payload: unknown): AuditExport {
  return payloadShape.parse(payload)
}

/** The condition of an export. */
export function exportWhere({ where }: AuditExport): Prisma.AuditEventWhereInput {
  const { accountId, subjectId, actorId, kind, from, to } = where
  return {
    ...(accountId ? { accountId } : {}),
    ...(subjectId ? { subjectId } : {}),
    ...(actorId ? { actorId } : {}),
    ...(kind ? { kind } : {}),
    at: { lt: new Date(to), ...(from ? { gte: new Date(from) } : {}) },
  }
}

/** Writes audit events as JSON Lines, 1,000 a step, in order of time. */
export const auditExportHandler: JobHandler = {
  kind: AUDIT_EXPORT,
  scope: 'audit:read' satisfies Scope,
  async step(tx: Tx, job: Job): Promise<JobStep> {
    const payload = readAuditExport(job.payload)
    const { after } = payload
    const beyond: Prisma.AuditEventWhereInput = after
      ? { OR: [{ at: { gt: new Date(after.at) } }, { at: new Date(after.at), id: { gt: after.id } }] }
      : {}
    const rows = await tx.auditEvent.findMany({
      where: { AND: [exportWhere(payload), beyond] },
      orderBy: [{ at: 'asc' }, { id: 'asc' }],
      take: PAGE,
    })
    const last = rows.at(-1)
    return {
      payload: { ...payload, after: last ? { at: last.at.toISOString(), id: last.id } : after },
      done: rows.length,
      chunk: rows.map((row) => `${JSON.stringify(line(row))}\n`).join(''),
      finished: rows.length < PAGE,
    }
  },
}

function line(row: AuditEvent): object {
  const { at, ...rest } = row
  return { at: at.toISOString(), ...rest }
}

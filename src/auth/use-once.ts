import type { Tx } from '../db/database.ts'

/** Something that may be used once, until it ends anyway. */
export type SingleUse = {
  /** Keeps the ids of different things apart. */
  readonly kind: string
  readonly id: string
  /** From this instant on the record may be removed. */
  readonly expiresAt: Date
}

/**
 * Records a use in `oauth_state`, in one statement, so that of several at once only one passes.
 * @returns whether this is the first use
 */
export async function recordUse(tx: Tx, { kind, id, expiresAt }: SingleUse, now: Date): Promise<boolean> {
  const recorded = await tx.$executeRaw`
    insert into oauth_state (kind, id, payload, expires_at)
    values (${kind}, ${id}, '{}', ${expiresAt})
    on conflict (kind, id) do update set expires_at = excluded.expires_at where oauth_state.expires_at <= ${now}`
  return recorded > 0
}

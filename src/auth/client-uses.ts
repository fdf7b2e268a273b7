import type { Database } from '../db/database.ts'

/** How often uses are written, in seconds: each process writes a client's last use once in this time at most. */
export const CLIENT_USES_FLUSH_SECONDS = 60

/**
 * When clients were last given a token or used one. Noted in memory, so that no request waits for it or fails by it,
 * and written now and then. A process that is killed loses the notes of its last minute.
 */
export class ClientUses {
  #latest = new Map<string, Date>()

  /** Notes a use of a client that has proven itself. */
  note(clientId: string, at: Date): void {
    const known = this.#latest.get(clientId)
    if (!known || known < at) this.#latest.set(clientId, at)
  }

  /**
   * Writes what was noted, all clients in one statement; notes that could not be written are kept for the next time.
   * Effects: `last_used_at` of those clients, never set back.
   */
  async flush(db: Database): Promise<void> {
    const uses = [...this.#latest]
    if (uses.length === 0) return
    this.#latest.clear()
    try {
      await db.auth(
        (tx) => tx.$executeRaw`
          update api_client c set last_used_at = u.at
          from unnest(${uses.map(([id]) => id)}::uuid[], ${uses.map(([, at]) => at)}::timestamptz[]) as u (id, at)
          where c.id = u.id and (c.last_used_at is null or c.last_used_at < u.at)`,
      )
    } catch (error) {
      for (const [id, at] of uses) this.note(id, at)
      throw error
    }
  }
}

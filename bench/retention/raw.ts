import pg from 'pg'
import { SWEEP_ITEMS } from '../../src/domains/retention/ending.rules.ts'

/**
 * The same work as one statement, on the same tables, by the owner: claims what is due, deletes sign-ins, clears persons
 * and accounts, ends the timers, and writes a row of the ledger for each. Without row-level security, count afterwards,
 * keys, holds, a ledger outside, audit and delays.
 */
const STATEMENT = `
  with claimed as materialized (
    select account_id, id, subject_id, locator from inventory_item
    where attempt_at is not null and attempt_at <= $1 order by attempt_at limit ${SWEEP_ITEMS} for update skip locked),
  links as (
    delete from identity_link l using claimed c
    where c.locator = 'identity_link' and l.account_id = c.account_id and l.subject_id = c.subject_id),
  persons as (
    update subject s set name_cipher = null, email_cipher = null, email_index = null, reference_cipher = null,
      reference_index = null, country = null, subdivision = null, account_role = null, joined_at = null, left_at = null,
      status = 'ERASED', updated_at = $1
    from claimed c where c.locator = 'subject' and s.account_id = c.account_id and s.id = c.subject_id),
  accounts as (
    update account a set status = 'CLOSED', closed_at = $1, name_cipher = null
    from claimed c where c.locator = 'account' and a.id = c.account_id),
  ended as (
    update inventory_item i set state = 'ERASED', state_changed_at = $1, done_at = $1, attempt_at = null
    from claimed c where i.account_id = c.account_id and i.id = c.id),
  begun as (
    insert into erasure (account_id, id, cause, action, system, category, items, begun_at)
    select account_id, gen_random_uuid(), 'RETENTION', 'DELETE', 'accounts', 'ACCOUNT', count(*), $1
    from claimed group by account_id returning account_id, id)
  insert into erasure_item (account_id, item_id, erasure_id)
  select c.account_id, c.id, b.id from claimed c join begun b on b.account_id = c.account_id`

/** The raw contender: one connection of the owner. */
export async function openRaw(ownerUrl: string) {
  const client = new pg.Client({ connectionString: ownerUrl, options: '-c timezone=UTC' })
  await client.connect()
  return {
    /** @returns how many timers were done */
    sweep: async (now: Date): Promise<number> => {
      let done = 0
      for (;;) {
        const { rowCount } = await client.query({ name: 'raw', text: STATEMENT, values: [now] })
        if (!rowCount) return done
        done += rowCount
      }
    },
    close: () => client.end(),
  }
}

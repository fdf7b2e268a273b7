import { systemSession } from '../../auth/session.ts'
import { PLATFORM_ACCOUNT_ID } from '../../db/caller.ts'
import { newId } from '../../time/id.ts'
import type { Deps } from '../deps.ts'
import type { PersonalDataSystem } from '../personal-data.ts'

/**
 * Notes the systems of this program as rows of the platform's account, which must exist. Every start does; any number of
 * starts at once make one row each. What the program says anew of a system (name, kind, categories) is updated, and
 * nothing else is touched.
 * Effects: rows of `system`.
 */
export async function ensureSystems(deps: Deps, systems: readonly PersonalDataSystem[]): Promise<void> {
  const accountId = PLATFORM_ACCOUNT_ID
  const now = deps.clock.now()
  await deps.db.write(
    { caller: systemSession(accountId), requestId: 'start' },
    (tx) => tx.$executeRaw`
      insert into system (account_id, id, key, kind, built_in, name, categories, created_at, updated_at)
      select ${accountId}::uuid, s.id, s.key, s.kind, true, s.name, string_to_array(s.categories, ',')::data_category[],
        ${now}, ${now}
      from unnest(${systems.map(() => newId(deps.clock))}::uuid[], ${systems.map(({ key }) => key)}::text[],
        ${systems.map(({ kind }) => kind)}::system_kind[], ${systems.map(({ name }) => name)}::text[],
        ${systems.map(({ categories }) => categories.join(','))}::text[]) as s (id, key, kind, name, categories)
      order by s.key
      on conflict (account_id, key) do update set kind = excluded.kind, built_in = true, name = excluded.name,
        body_cipher = null, categories = excluded.categories, updated_at = excluded.updated_at
      where (system.kind, system.built_in, system.name, system.categories)
        is distinct from (excluded.kind, true, excluded.name, excluded.categories)`,
  )
}

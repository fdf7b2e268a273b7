-- Retention that happens: rules as rows, a timer in every item, holds, the ledger of what was ended, approvals.
--
-- Items that are there already are planned by the worker: their planned_version of 0 is older than any rule.

alter type data_category add value 'CONTENT_REALTIME' before 'CONTENT_BATCH';

create type retention_trigger as enum ('CREATED', 'DELIVERED', 'RESOLVED', 'ACCOUNT_CLOSED', 'REQUEST_VERIFIED');
create type retention_action as enum ('DELETE', 'ANONYMISE', 'SHRED', 'DROP_PARTITION');
create type hold_scope as enum ('ITEM', 'CATEGORY', 'SUBJECT', 'ACCOUNT');
create type erasure_cause as enum ('RETENTION', 'CALLER', 'REQUEST', 'REPLAY');
create type approval_kind as enum ('RETENTION_RULE');
create type approval_state as enum ('PENDING', 'APPROVED', 'REJECTED', 'WITHDRAWN');

-- tables

create table approval (
  account_id uuid not null,
  id uuid not null,
  kind approval_kind not null,
  state approval_state not null default 'PENDING',
  payload jsonb not null,
  proposed_by uuid not null,
  proposed_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  decided_by uuid,
  decided_at timestamptz(3),
  constraint approval_pkey primary key (account_id, id),
  constraint approval_is_decided_or_not check ((state = 'PENDING') = (decided_at is null)),
  -- Two persons. Only taking a proposal back is for who made it.
  constraint approval_by_another check
    ((decided_at is null) = (decided_by is null) and (state = 'WITHDRAWN' or decided_by <> proposed_by))
);

create table retention_rule (
  id uuid not null,
  version integer not null check (version > 0),
  category data_category not null,
  trigger retention_trigger not null,
  period text not null check (period ~ '^P([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,4}D)?$|^PT0S$' and period <> 'P'),
  action retention_action not null,
  clause text not null check (clause ~ '^§[0-9]+\.[0-9]+$'),
  description jsonb not null,
  legal_source text not null check (length(legal_source) between 1 and 500),
  source text not null check (length(source) between 1 and 500),
  verified_on date not null,
  verified boolean not null,
  note text check (length(note) between 1 and 1000),
  effective_from timestamptz(3) not null,
  created_at timestamptz(3) not null,
  approval_id uuid,
  replan_total integer,
  replan_done integer not null default 0,
  replan_moved integer not null default 0,
  replanned_at timestamptz(3),
  constraint retention_rule_pkey primary key (id)
);

create table legal_hold (
  account_id uuid not null,
  id uuid not null,
  scope hold_scope not null,
  item_id uuid,
  subject_id uuid,
  category data_category,
  authority_cipher bytea not null,
  reason_cipher bytea not null,
  confidential boolean not null,
  review_on date not null,
  placed_by text not null check (placed_by ~ '^[A-Z]+:([0-9a-f-]{36}|-)$'),
  placed_at timestamptz(3) not null,
  released_by text check (released_by ~ '^[A-Z]+:([0-9a-f-]{36}|-)$'),
  released_at timestamptz(3),
  release_reason_cipher bytea,
  mark_pending boolean not null default true,
  mark_cursor uuid,
  held_items integer not null default 0,
  resumed_items integer not null default 0,
  constraint legal_hold_pkey primary key (account_id, id),
  constraint legal_hold_names_what_it_covers check (
    (scope = 'ITEM') = (item_id is not null) and (scope in ('CATEGORY', 'SUBJECT')) = (subject_id is not null)
    and (scope = 'CATEGORY') = (category is not null)),
  constraint legal_hold_is_released_by_somebody check
    ((released_at is null) = (released_by is null) and (released_at is null) = (release_reason_cipher is null))
);

create table retention_drift (
  account_id uuid not null,
  id uuid not null,
  category data_category not null,
  at timestamptz(3) not null,
  drift_seconds integer[],
  timers integer[],
  drift_seconds_max integer not null,
  constraint retention_drift_pkey primary key (account_id, id)
);

create table erasure (
  account_id uuid not null,
  id uuid not null,
  line_id uuid,
  cause erasure_cause not null,
  action retention_action not null,
  system text not null check (system ~ '^[a-z][a-z0-9_.-]{0,127}$'),
  category data_category not null,
  items integer not null,
  begun_at timestamptz(3) not null,
  finished_at timestamptz(3),
  rows bigint,
  remaining bigint,
  keys_destroyed integer,
  constraint erasure_pkey primary key (account_id, id),
  -- What is finished was counted again, and nothing was there.
  constraint erasure_was_read_back check (
    (finished_at is null and rows is null and remaining is null and keys_destroyed is null)
    or (finished_at is not null and rows is not null and keys_destroyed is not null
      and remaining is not null and remaining = 0))
);

create table erasure_item (
  account_id uuid not null,
  item_id uuid not null,
  erasure_id uuid not null,
  -- An item is ended once: two effects of one timer cannot both be written down.
  constraint erasure_item_pkey primary key (account_id, item_id)
);

alter table inventory_item
  add column resumes_as inventory_state,
  add column hold_confidential boolean not null default false,
  add column trigger retention_trigger,
  add column triggered_at timestamptz(3),
  add column retention_rule_id uuid,
  add column planned_version integer not null default 0,
  add column due_at timestamptz(3),
  add column attempt_at timestamptz(3),
  add column attempts integer not null default 0,
  add column last_problem text check (last_problem ~ '^[A-Z]+([._][A-Z]+)*$'),
  add column done_at timestamptz(3);
-- Until now nothing held an item but tests; what is held resumes as living. What an account itself tells is an item now.
alter table inventory_item no force row level security;
alter table account no force row level security;
update inventory_item set resumes_as = 'LIVE' where state = 'HELD';
update inventory_item set done_at = state_changed_at where state in ('ERASED', 'ANONYMISED');
insert into inventory_item (account_id, id, category, system, locator, purposes, legal_basis, collected_at, state,
  state_changed_at)
select id, gen_random_uuid(), 'ACCOUNT', 'accounts', 'account', '{SERVICE_PROVISION}', 'CONTRACT', created_at, 'LIVE',
  created_at
from account where status <> 'CLOSED';
alter table account force row level security;
alter table inventory_item force row level security;
alter table inventory_item
  add constraint inventory_item_resumes_when_held check
    ((state = 'HELD') = (resumes_as is not null) and (resumes_as is null or resumes_as in ('LIVE', 'RESTRICTED'))),
  add constraint inventory_item_is_taken_while_it_lives check
    (attempt_at is null or (due_at is not null and state in ('LIVE', 'RESTRICTED'))),
  add constraint inventory_item_is_done_when_ended check ((state in ('ERASED', 'ANONYMISED')) = (done_at is not null)),
  add constraint inventory_item_is_triggered_at check ((trigger is null) = (triggered_at is null)),
  add constraint inventory_item_retention_rule_id_fkey
    foreign key (retention_rule_id) references retention_rule(id) on delete restrict on update restrict;
-- Ending many items leaves many dead entries at the front of the indexes below, which every poll would read.
alter table inventory_item set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

alter table account
  alter column name_cipher drop not null,
  add column plan_pending boolean not null default false,
  add column plan_cursor uuid;
-- An ended link stays for a hold; the same identity may be linked anew meanwhile, to the same person or to another.
alter table identity_link add column ended_at timestamptz(3),
  drop constraint identity_link_pkey,
  add constraint identity_link_pkey primary key (account_id, identity_hash, subject_id);
create unique index identity_link_of_identity on identity_link (account_id, identity_hash) where ended_at is null;
create index identity_link_of_subject on identity_link (account_id, subject_id);
-- A client of a closed account has nothing to prove itself with any more.
alter table api_client drop constraint api_client_proves_itself;
alter table api_client add constraint api_client_proves_itself
  check (secret_hash is not null or public_jwks is not null or disabled_at is not null);
alter table keys.data_key add column item_id uuid;

alter table erasure_item
  add constraint erasure_item_account_id_erasure_id_fkey
  foreign key (account_id, erasure_id) references erasure(account_id, id) on delete restrict on update restrict;

create unique index retention_rule_version_key on retention_rule(version);
create index retention_rule_category_effective_from_idx on retention_rule(category, effective_from);
create index retention_drift_at_idx on retention_drift(at);
create index erasure_item_account_id_erasure_id_idx on erasure_item(account_id, erasure_id);
-- What the sweep takes next: of all accounts, and of one, there the data of a person together, so that its key goes with
-- it. Neither knows anything of what is done.
create index inventory_item_attempt on inventory_item (attempt_at) where attempt_at is not null;
create index inventory_item_account_attempt on inventory_item (account_id, attempt_at, subject_id)
  where attempt_at is not null;
-- What is due when, held or not, also where something else than the sweep ends it: of all accounts, and of one. Callers
-- find both by done_at is null, as a word of an enum that is sent as a parameter proves nothing to the planner.
create index inventory_item_due on inventory_item (due_at, id) where done_at is null;
create index inventory_item_account_due on inventory_item (account_id, due_at, id) where done_at is null;
create index inventory_item_failed on inventory_item (account_id) where attempts > 0 and done_at is null;
-- What was planned by rules that are no longer the newest.
create index inventory_item_planned on inventory_item (category, planned_version)
  where state in ('LIVE', 'HELD', 'RESTRICTED');
create index inventory_item_held on inventory_item (account_id, id) where state = 'HELD';
-- An item has one key of its own, ever.
create unique index data_key_of_item_key on keys.data_key (account_id, item_id) where item_id is not null;
create index legal_hold_in_force on legal_hold (account_id) where released_at is null;
create index legal_hold_to_mark on legal_hold (placed_at) where mark_pending;
create index account_to_plan on account (id) where plan_pending;

-- When an item is due, by the rules in effect at an instant: of every trigger that has happened, the earliest. Without a
-- rule of the category there is no row. Where a rule says that it may not be kept at all, nothing of it may be written.
create function app.retention_plan(of_category data_category, starts_at timestamptz, happened retention_trigger,
    happened_at timestamptz, closing_at timestamptz, at timestamptz)
  returns table (rule_id uuid, action retention_action, due_at timestamptz, version integer, forbidden boolean)
  language sql stable as $$
  with in_effect as (
    select distinct on (r.trigger) r.id, r.trigger, r.period, r.action
    from public.retention_rule r where r.category = of_category and r.effective_from <= at
    order by r.trigger, r.effective_from desc, r.version desc)
  select e.id, e.action,
    ((case e.trigger when 'CREATED' then starts_at when 'ACCOUNT_CLOSED' then closing_at
        else case when e.trigger = happened then happened_at end end)
      at time zone 'UTC' + e.period::interval) at time zone 'UTC' as due_at,
    (select max(r.version) from public.retention_rule r where r.category = of_category and r.effective_from <= at),
    (select bool_or(f.period = 'PT0S') from in_effect f)
  from in_effect e
  order by due_at nulls last, e.trigger limit 1
$$;

-- Until when a closing can be taken back: when the first data is due by it. Null where no rule counts from a closing.
create function app.reopen_until(closing_at timestamptz, at timestamptz)
  returns timestamptz language sql stable as $$
  select min((closing_at at time zone 'UTC' + e.period::interval) at time zone 'UTC') from (
    select distinct on (r.category) r.period
    from public.retention_rule r where r.trigger = 'ACCOUNT_CLOSED' and r.effective_from <= at
    order by r.category, r.effective_from desc, r.version desc) as e
  where e.period <> 'PT0S'
$$;

-- Whether a hold covers a place or an item: 0 none does, 1 at least one that may be known, 2 only confidential ones. The
-- writer of an item must learn it, and nothing else of a hold; the owner's right to read is for this alone.
create function app.hold_over(of_account uuid, of_subject uuid, of_category data_category, of_item uuid)
  returns integer language sql stable security definer set search_path = pg_catalog as $$
  select case when count(*) = 0 then 0 when bool_and(h.confidential) then 2 else 1 end
  from public.legal_hold h
  where h.account_id = of_account and h.released_at is null
    and (h.scope = 'ACCOUNT' or (h.scope = 'SUBJECT' and h.subject_id = of_subject)
      or (h.scope = 'CATEGORY' and h.subject_id = of_subject and h.category = of_category)
      or (h.scope = 'ITEM' and h.item_id = of_item))
$$;
revoke all on function app.hold_over(uuid, uuid, data_category, uuid) from public;
grant execute on function app.hold_over(uuid, uuid, data_category, uuid) to privacy_app, privacy_worker;

-- The ledger is added to. What was begun is finished once; nothing else of it changes, and nothing goes.
create function app.keep_erasure() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.finished_at is null and (new.account_id, new.id, new.line_id, new.cause, new.action,
      new.system, new.category, new.items, new.begun_at) is not distinct from (old.account_id, old.id, old.line_id,
      old.cause, old.action, old.system, old.category, old.items, old.begun_at) then
    return new;
  end if;
  raise exception 'the ledger of erasures is only added to' using errcode = 'integrity_constraint_violation';
end $$;
create trigger erasure_kept before update or delete on erasure for each row execute function app.keep_erasure();
create trigger erasure_item_kept before update or delete on erasure_item
  for each row execute function app.refuse_change();

-- the second wall

do $$
declare
  t text;
begin
  foreach t in array array['approval', 'retention_rule', 'legal_hold', 'retention_drift', 'erasure', 'erasure_item'] loop
    execute format('alter table %s enable row level security, force row level security', t);
  end loop;
end $$;

create policy owner_reads on legal_hold for select to current_user using (true);

-- privacy_app

grant select, insert, update on approval, legal_hold, erasure to privacy_app;
grant select, insert on retention_rule, erasure_item to privacy_app;
grant select on retention_drift to privacy_app;
grant update (state, state_changed_at, resumes_as, hold_confidential, attempt_at, attempts, last_problem, done_at)
  on inventory_item to privacy_app;

create policy app_reads on approval for select to privacy_app using
  ((select app.staff('approvals:read')) or (select app.staff('approvals:manage')) or (select app.staff('retention:manage')));
create policy app_adds on approval for insert to privacy_app with check
  (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('retention:manage')));
create policy app_changes on approval for update to privacy_app using
  ((select app.staff('approvals:manage')) or (select app.staff('retention:manage')));

-- Rules are public.
create policy all_read on retention_rule for select using (true);
create policy app_adds on retention_rule for insert to privacy_app with check
  ((select app.staff('retention:manage')) or (select app.principal()) = 'SYSTEM');

-- Whoever it concerns sees a hold, unless it is confidential.
create policy app_reads on legal_hold for select to privacy_app using
  ((select app.staff('holds:manage')) or (not confidential and ((select app.staff('inventory:read'))
    or (account_id = (select app.tenant_id()) and ((select app.reach()) = 'ACCOUNT'
      or ((select app.reach()) = 'SELF' and (scope = 'ACCOUNT' or subject_id = (select app.subject_id())
        or exists (select from inventory_item i where i.account_id = legal_hold.account_id
          and i.id = legal_hold.item_id and i.subject_id = (select app.subject_id())))))))));
create policy app_adds on legal_hold for insert to privacy_app with check
  (account_id = (select app.account_id()) and (select app.staff('holds:manage')));
create policy app_changes on legal_hold for update to privacy_app using
  (account_id = (select app.account_id()) and (select app.staff('holds:manage')));
create policy staff_holds on inventory_item for update to privacy_app
  using (account_id = (select app.account_id()) and (select app.staff('holds:manage'))
    and state in ('LIVE', 'HELD', 'RESTRICTED'))
  with check (account_id = (select app.account_id()) and state in ('LIVE', 'HELD', 'RESTRICTED'));
create policy staff_finds on inventory_item for select to privacy_app using ((select app.staff('holds:manage')));
-- By whose authority and why is sealed under the platform's own key, which nobody of the account can reach.
create policy staff_opens_holds on keys.data_key for select to privacy_app using
  (account_id = '00000000-0000-7000-8000-000000000000' and subject_id is null and category = 'SECURITY'
    and (select app.staff('holds:manage')));
create policy staff_seals_holds on keys.data_key for insert to privacy_app with check
  (account_id = '00000000-0000-7000-8000-000000000000' and subject_id is null and category = 'SECURITY'
    and (select app.staff('holds:manage')));
create policy staff_finds on subject for select to privacy_app using
  (account_id = (select app.account_id()) and (select app.staff('holds:manage')));
create policy staff_finds on account for select to privacy_app using ((select app.staff('holds:manage')));

create policy app_reads on retention_drift for select to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT') or (select app.staff('retention:read')));
create policy app_reads on erasure for select to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT') or (select app.staff('retention:read')));
create policy app_adds on erasure for insert to privacy_app with check
  (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT');
create policy app_finishes on erasure for update to privacy_app using
  (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT');
create policy app_reads on erasure_item for select to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT') or (select app.staff('retention:read')));
create policy app_adds on erasure_item for insert to privacy_app with check
  (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT');
create policy staff_reads_timers on inventory_item for select to privacy_app using
  ((select app.staff('retention:read')));
grant update (ended_at) on identity_link to privacy_app;
-- Whoever ends what a hold keeps makes it due at once; whoever brings it back has it planned anew. What ended is out of
-- reach, so that nobody brings an item back to life.
grant update (due_at, planned_version, retention_rule_id) on inventory_item to privacy_app;
alter policy app_ends on inventory_item using (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT'
  and state in ('LIVE', 'HELD', 'RESTRICTED'));
create policy app_plans on inventory_item for update to privacy_app
  using (account_id = (select app.tenant_id()) and state in ('LIVE', 'HELD', 'RESTRICTED')
    and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())))
  with check (account_id = (select app.tenant_id()) and state in ('LIVE', 'HELD', 'RESTRICTED'));

-- privacy_worker

grant select (closing_at, closed_at, plan_pending, plan_cursor, name_cipher) on account to privacy_worker;
grant update (status, closing_at, closed_at, plan_pending, plan_cursor, name_cipher) on account to privacy_worker;
grant select on retention_rule, legal_hold to privacy_worker;
grant update (replan_total, replan_done, replan_moved, replanned_at) on retention_rule to privacy_worker;
grant update (mark_pending, mark_cursor, held_items, resumed_items) on legal_hold to privacy_worker;
grant select, insert on retention_drift, erasure, erasure_item to privacy_worker;
grant update on erasure to privacy_worker;

-- An account that is closed: its clients are shut out, its endpoints, systems and datasets go.
grant select (account_id, id, label_cipher, secret_hash, previous_secret_hash, previous_secret_until, public_jwks,
  allowed_networks, disabled_at) on api_client to privacy_worker;
grant update (label_cipher, secret_hash, previous_secret_hash, previous_secret_until, public_jwks, allowed_networks,
  disabled_at) on api_client to privacy_worker;
grant delete on webhook_endpoint to privacy_worker;
grant select, delete on system, dataset to privacy_worker;

create policy worker_changes on account for update to privacy_worker using (id = (select app.account_id()));
create policy worker_all on api_client for all to privacy_worker using (account_id = (select app.account_id()));
create policy worker_all on system for all to privacy_worker using (account_id = (select app.account_id()));
create policy worker_all on dataset for all to privacy_worker using (account_id = (select app.account_id()));
create policy worker_changes on retention_rule for update to privacy_worker using (true);
do $$
declare
  t text;
begin
  foreach t in array array['legal_hold', 'retention_drift', 'erasure', 'erasure_item'] loop
    execute format('create policy worker_all on %s for all to privacy_worker using (true)', t);
  end loop;
end $$;

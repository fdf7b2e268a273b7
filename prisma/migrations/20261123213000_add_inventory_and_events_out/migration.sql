-- The inventory of personal data, who receives it, aggregates of usage, and events that leave the house.
--
-- Every new table has forced row-level security, like those before. What was written before this migration gets its
-- items here, so that the inventory is complete from the first moment on.

alter type keys.key_category rename to data_category;
alter type keys.data_category set schema public;

create type purpose as enum
  ('SERVICE_PROVISION', 'AUTHENTICATION', 'PAYMENT_PROCESSING', 'SECURITY', 'FRAUD_PREVENTION', 'CUSTOMER_SUPPORT', 'SERVICE_NOTIFICATIONS', 'USAGE_REPORTING',
   'SERVICE_IMPROVEMENT', 'RIGHTS_FULFILMENT', 'LEGAL_COMPLIANCE');
create type legal_basis as enum
  ('CONSENT', 'CONTRACT', 'LEGAL_OBLIGATION', 'VITAL_INTERESTS', 'PUBLIC_TASK', 'LEGITIMATE_INTERESTS');
create type inventory_state as enum ('LIVE', 'HELD', 'RESTRICTED', 'ERASED', 'ANONYMISED');
create type system_kind as enum ('DATABASE', 'OBJECT_STORE', 'SERVICE', 'INFERENCE_CLUSTER', 'APPLICATION', 'OTHER');
create type finding_kind as enum ('MISSING', 'ORPHANED');
create type processor_role as enum ('PROCESSOR', 'SUB_PROCESSOR', 'CONTROLLER');
create type webhook_endpoint_state as enum ('ACTIVE', 'PAUSED', 'DISABLED');
create type webhook_delivery_state as enum ('PENDING', 'DELIVERED', 'DEAD');

-- clients: a second secret while one is replaced, where they may call from, and when they last did

alter table api_client
  add column allowed_networks text[] default '{}',
  add column last_used_at timestamptz(3),
  add column previous_secret_hash text,
  add column previous_secret_until timestamptz(3),
  add column rotated_at timestamptz(3),
  add constraint api_client_previous_secret check ((previous_secret_hash is null) = (previous_secret_until is null));
alter table api_client alter column allowed_networks drop default;

-- events: an order of writing, and the processor they are for

alter table outbox_event
  add column position bigserial not null,
  add column processor_id uuid,
  add column sequenced_at timestamptz(3);
-- What has no place in a feed yet, in order. An event is dispatched only after it has one.
create index outbox_event_unsequenced on outbox_event (position) where sequenced_at is null;
drop index outbox_event_due;
create index outbox_event_due on outbox_event (next_attempt_at) where dispatched_at is null and sequenced_at is not null;

-- tables

create table processor (
  account_id uuid not null,
  id uuid not null,
  name text not null check (length(name) between 1 and 200),
  role processor_role not null,
  country char(2) not null check (country ~ '^[A-Z]{2}$'),
  regions text[],
  categories data_category[],
  purposes purpose[],
  contract_on date,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  ended_at timestamptz(3),
  constraint processor_pkey primary key (account_id, id)
);

create table inventory_item (
  account_id uuid not null,
  id uuid not null,
  subject_id uuid,
  category data_category not null,
  system text not null check (system ~ '^[a-z][a-z0-9_.-]{0,127}$'),
  locator text not null check (locator ~ '^[a-z0-9_.:/-]{1,128}$'),
  purposes purpose[] check (coalesce(cardinality(purposes), 0) > 0),
  legal_basis legal_basis not null,
  collected_at timestamptz(3) not null,
  retention_starts_at timestamptz(3),
  state inventory_state not null default 'LIVE',
  state_changed_at timestamptz(3) not null,
  constraint inventory_item_pkey primary key (account_id, id)
);

create table inventory_recipient (
  account_id uuid not null,
  item_id uuid not null,
  processor_home_id uuid not null,
  processor_id uuid not null,
  purpose purpose not null,
  first_at timestamptz(3) not null,
  last_at timestamptz(3) not null,
  constraint inventory_recipient_pkey primary key (account_id, item_id, processor_id, purpose)
);

create table system (
  account_id uuid not null,
  id uuid not null,
  key text not null check (key ~ '^[A-Za-z0-9_.<>-]{1,128}$'),
  kind system_kind not null,
  built_in boolean not null,
  name text,
  body_cipher bytea,
  categories data_category[],
  processor_home_id uuid,
  processor_id uuid,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint system_pkey primary key (account_id, id),
  constraint system_names_itself check (built_in = (name is not null) and built_in = (body_cipher is null))
);

create table dataset (
  account_id uuid not null,
  id uuid not null,
  key text not null check (key ~ '^[A-Za-z0-9_.<>-]{1,128}$'),
  body_cipher bytea not null,
  field_count integer not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint dataset_pkey primary key (account_id, id)
);

create table reconciliation (
  account_id uuid not null,
  id uuid not null,
  job_id uuid not null,
  compared_id uuid,
  items bigint not null default 0,
  missing bigint not null default 0,
  orphaned bigint not null default 0,
  started_at timestamptz(3) not null,
  finished_at timestamptz(3),
  constraint reconciliation_pkey primary key (account_id, id)
);

create table reconciliation_finding (
  account_id uuid not null,
  id uuid not null,
  reconciliation_home_id uuid not null,
  reconciliation_id uuid not null,
  kind finding_kind not null,
  system text not null check (system ~ '^[a-z][a-z0-9_.-]{0,127}$'),
  category data_category not null,
  locator text not null check (locator ~ '^[a-z0-9_.:/-]{1,128}$'),
  subject_id uuid,
  rows integer not null,
  constraint reconciliation_finding_pkey primary key (account_id, id)
);

create table usage_aggregate (
  account_id uuid not null,
  id uuid not null,
  day date not null,
  kind usage_kind not null,
  model text check (model ~ '^[A-Za-z0-9._:/-]{1,128}$'),
  endpoint_kind endpoint_kind,
  region text check (region ~ '^[a-z0-9-]{1,32}$'),
  latency_bucket integer,
  requests bigint not null,
  input_tokens decimal(38,0) not null,
  output_tokens decimal(38,0) not null,
  payload_bytes decimal(38,0) not null,
  constraint usage_aggregate_pkey primary key (account_id, id)
);

create table usage_aggregate_subjects (
  account_id uuid not null,
  id uuid not null,
  month date not null,
  kind usage_kind not null,
  dimension text not null check (dimension in ('NONE', 'MODEL', 'ENDPOINT_KIND', 'REGION')),
  value text check (value ~ '^[A-Za-z0-9._:/-]{1,128}$'),
  subjects integer not null,
  constraint usage_aggregate_subjects_pkey primary key (account_id, id)
);

create table usage_month (
  month date not null,
  folded_at timestamptz(3) not null,
  constraint usage_month_pkey primary key (month)
);

create table usage_event_held (
  account_id uuid not null,
  occurred_at timestamptz(3) not null,
  request_id text not null check (request_id ~ '^[A-Za-z0-9._:-]{1,64}$'),
  kind usage_kind not null,
  subject_id uuid,
  address_prefix text check (address_prefix ~ '^[0-9a-f.:]{2,24}/(24|48)$'),
  browser browser_family,
  os os_family,
  page text check (length(page) <= 256 and page ~ '^(/[A-Za-z0-9._~-]{0,64})+$'),
  model text check (model ~ '^[A-Za-z0-9._:/-]{1,128}$'),
  endpoint_kind endpoint_kind,
  region text check (region ~ '^[a-z0-9-]{1,32}$'),
  input_tokens integer,
  output_tokens integer,
  payload_bytes bigint,
  latency_ms integer,
  recorded_at timestamptz(3) not null,
  constraint usage_event_held_pkey primary key (account_id, occurred_at, request_id)
);

create table event_feed (
  feed_id uuid not null,
  sequence bigint not null,
  account_id uuid not null,
  event_id uuid not null,
  kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  subject_id uuid,
  constraint event_feed_pkey primary key (feed_id, sequence)
);

create table event_counter (
  feed_id uuid not null,
  sequence bigint not null,
  forgotten bigint not null default 0,
  constraint event_counter_pkey primary key (feed_id)
);

create table webhook_endpoint (
  account_id uuid not null,
  id uuid not null,
  processor_id uuid,
  url_cipher bytea not null,
  label_cipher bytea,
  kinds text[],
  state webhook_endpoint_state not null default 'ACTIVE',
  disabled_reason text check (disabled_reason in ('GONE', 'CALLER')),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint webhook_endpoint_pkey primary key (account_id, id),
  constraint webhook_endpoint_of_processor check
    (processor_id is null or account_id = '00000000-0000-7000-8000-000000000000'),
  constraint webhook_endpoint_says_why check ((state = 'DISABLED') = (disabled_reason is not null))
);

create table webhook_key (
  account_id uuid not null,
  id uuid not null,
  endpoint_id uuid not null,
  secret_cipher bytea not null,
  private_cipher bytea not null,
  public_key text not null check (public_key ~ '^whpk_[A-Za-z0-9+/]{43}=$'),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3),
  constraint webhook_key_pkey primary key (account_id, id)
);

create table webhook_delivery (
  account_id uuid not null,
  id uuid not null,
  endpoint_id uuid not null,
  event_account_id uuid not null,
  event_id uuid not null,
  sequence bigint not null,
  kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  subject_id uuid,
  state webhook_delivery_state not null default 'PENDING',
  attempts integer not null default 0,
  next_attempt_at timestamptz(3) not null,
  leased_until timestamptz(3),
  last_status integer,
  last_problem text check (last_problem ~ '^[A-Z]+(_[A-Z]+)*$'),
  created_at timestamptz(3) not null,
  finished_at timestamptz(3),
  constraint webhook_delivery_pkey primary key (account_id, id)
);

create table webhook_attempt (
  account_id uuid not null,
  id uuid not null,
  delivery_id uuid not null,
  number integer not null,
  at timestamptz(3) not null,
  status integer,
  problem text check (problem ~ '^[A-Z]+(_[A-Z]+)*$'),
  duration_ms integer not null,
  constraint webhook_attempt_pkey primary key (account_id, id)
);

create index event_feed_account_id_event_id_idx on event_feed(account_id, event_id);
create index inventory_item_account_id_subject_id_id_idx on inventory_item(account_id, subject_id, id);
create index inventory_item_account_id_system_locator_idx on inventory_item(account_id, system, locator);
create index inventory_recipient_processor_home_id_processor_id_idx on inventory_recipient(processor_home_id, processor_id);
create unique index system_account_id_key_key on system(account_id, key);
create unique index dataset_account_id_key_key on dataset(account_id, key);
create index reconciliation_finding_reconciliation_home_id_reconciliatio_idx on reconciliation_finding(reconciliation_home_id, reconciliation_id);
create index usage_aggregate_account_id_day_idx on usage_aggregate(account_id, day);
create index usage_aggregate_subjects_account_id_month_idx on usage_aggregate_subjects(account_id, month);
create index usage_event_held_account_id_subject_id_idx on usage_event_held(account_id, subject_id);
create index webhook_key_account_id_endpoint_id_idx on webhook_key(account_id, endpoint_id);
create index webhook_delivery_event_account_id_event_id_idx on webhook_delivery(event_account_id, event_id);
create unique index webhook_delivery_account_id_endpoint_id_event_id_key on webhook_delivery(account_id, endpoint_id, event_id);
create index webhook_attempt_account_id_delivery_id_number_idx on webhook_attempt(account_id, delivery_id, number);
-- One living item for a place; what was erased does not stand in the way of a new one.
create unique index inventory_item_of_subject_key on inventory_item (account_id, subject_id, system, locator, category)
  where subject_id is not null and state in ('LIVE', 'HELD', 'RESTRICTED');
create unique index inventory_item_of_nobody_key on inventory_item (account_id, system, locator, category)
  where subject_id is null and state in ('LIVE', 'HELD', 'RESTRICTED');
-- A comparison reads the living items of a system in the order in which the system finds its data: by bytes, nobody's
-- first. The word of a category never changes, which the cast does not promise.
create function app.category_word(category data_category) returns text language sql immutable parallel safe
  as 'select category::text';
create index inventory_item_place on inventory_item (account_id, system collate "C", locator collate "C",
  app.category_word(category) collate "C", coalesce(subject_id, '00000000-0000-0000-0000-000000000000'))
  where state in ('LIVE', 'HELD', 'RESTRICTED');
-- The sender's poll reads only what waits, for each endpoint apart; the second index finds what must go first.
create index webhook_delivery_due on webhook_delivery (account_id, endpoint_id, next_attempt_at, sequence)
  where state = 'PENDING';
create index webhook_delivery_order on webhook_delivery (account_id, endpoint_id, subject_id, sequence)
  where state = 'PENDING';

alter table event_feed
  add constraint event_feed_account_id_event_id_fkey
  foreign key (account_id, event_id) references outbox_event(account_id, id) on delete cascade on update restrict;
alter table inventory_item
  add constraint inventory_item_account_id_subject_id_fkey
  foreign key (account_id, subject_id) references subject(account_id, id) on delete restrict on update restrict;
alter table inventory_recipient
  add constraint inventory_recipient_account_id_item_id_fkey
  foreign key (account_id, item_id) references inventory_item(account_id, id) on delete cascade on update restrict;
alter table inventory_recipient
  add constraint inventory_recipient_processor_home_id_processor_id_fkey
  foreign key (processor_home_id, processor_id) references processor(account_id, id) on delete restrict on update restrict;
alter table system
  add constraint system_account_id_fkey
  foreign key (account_id) references account(id) on delete restrict on update restrict;
alter table system
  add constraint system_processor_home_id_processor_id_fkey
  foreign key (processor_home_id, processor_id) references processor(account_id, id) on delete restrict on update restrict;
alter table dataset
  add constraint dataset_account_id_fkey
  foreign key (account_id) references account(id) on delete restrict on update restrict;
alter table reconciliation_finding
  add constraint reconciliation_finding_reconciliation_home_id_reconciliati_fkey
  foreign key (reconciliation_home_id, reconciliation_id) references reconciliation(account_id, id) on delete cascade on update restrict;
alter table webhook_endpoint
  add constraint webhook_endpoint_account_id_fkey
  foreign key (account_id) references account(id) on delete restrict on update restrict;
alter table webhook_key
  add constraint webhook_key_account_id_endpoint_id_fkey
  foreign key (account_id, endpoint_id) references webhook_endpoint(account_id, id) on delete cascade on update restrict;
alter table webhook_delivery
  add constraint webhook_delivery_account_id_endpoint_id_fkey
  foreign key (account_id, endpoint_id) references webhook_endpoint(account_id, id) on delete cascade on update restrict;
alter table webhook_delivery
  add constraint webhook_delivery_event_account_id_event_id_fkey
  foreign key (event_account_id, event_id) references outbox_event(account_id, id) on delete cascade on update restrict;
alter table webhook_attempt
  add constraint webhook_attempt_account_id_delivery_id_fkey
  foreign key (account_id, delivery_id) references webhook_delivery(account_id, id) on delete cascade on update restrict;

-- usage: closing and dropping a month, for the worker alone

-- Nobody writes into the month from here to the end of the transaction; reading goes on.
create function app.close_usage_partition(month date) returns boolean
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  name text := 'usage_event_' || to_char(month, 'YYYYMM');
begin
  if to_regclass(format('partitions.%I', name)) is null then
    return false;
  end if;
  execute format('lock table partitions.%I in share mode', name);
  return true;
end $$;

-- Drops a month that is noted as folded, and no other.
create function app.drop_usage_partition(month date) returns boolean
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  name text := 'usage_event_' || to_char(month, 'YYYYMM');
begin
  if not exists (select from public.usage_month m where m.month = drop_usage_partition.month) then
    raise exception 'the month was not folded: %', month using errcode = 'invalid_parameter_value';
  end if;
  if to_regclass(format('partitions.%I', name)) is null then
    return false;
  end if;
  lock table public.usage_event in access exclusive mode;
  execute format('drop table partitions.%I', name);
  return true;
end $$;

-- As before, and a month that was folded is never made again: nothing could tell its events from those that were summed.
create or replace function app.ensure_usage_partition(month date) returns boolean
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  name text := 'usage_event_' || to_char(month, 'YYYYMM');
begin
  if month <> date_trunc('month', month)::date or month < date '2000-01-01' or month > current_date + 366 then
    raise exception 'not a month that usage can be recorded in: %', month using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('usage_partition'), to_char(month, 'YYYYMM')::int);
  if to_regclass(format('partitions.%I', name)) is not null then
    return false;
  end if;
  -- After looking for the table: where it is gone because it was dropped, the note of that is there to be seen.
  if exists (select from public.usage_month m where m.month = ensure_usage_partition.month) then
    raise exception 'the month was folded: %', month using errcode = 'invalid_parameter_value';
  end if;
  -- Attaching takes a weaker lock on the parent than making it in place: recording goes on meanwhile.
  execute format('create table partitions.%I (like public.usage_event including all)', name);
  execute format('alter table public.usage_event attach partition partitions.%I for values from (%L) to (%L)', name,
    to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  execute format('alter table partitions.%I enable row level security, force row level security', name);
  return true;
end $$;
revoke all on function app.close_usage_partition(date), app.drop_usage_partition(date) from public;
grant execute on function app.close_usage_partition(date), app.drop_usage_partition(date) to privacy_worker;

-- the second wall

create function app.processor_id() returns uuid language sql stable
  return case when app.principal() = 'PROCESSOR' then nullif(current_setting('app.processor_id', true), '')::uuid end;

do $$
declare
  t text;
begin
  foreach t in array array['processor', 'inventory_item', 'inventory_recipient', 'system', 'dataset', 'reconciliation',
    'reconciliation_finding', 'usage_aggregate', 'usage_aggregate_subjects', 'usage_month', 'usage_event_held',
    'event_feed', 'event_counter', 'webhook_endpoint', 'webhook_key', 'webhook_delivery', 'webhook_attempt'] loop
    execute format('alter table %s enable row level security, force row level security', t);
  end loop;
end $$;

-- privacy_app

grant usage on sequence outbox_event_position_seq to privacy_app, privacy_worker;
grant select on outbox_event, event_feed, event_counter to privacy_app;
grant select, insert, update on processor, system, dataset to privacy_app;
grant select, insert on inventory_item, reconciliation to privacy_app;
grant update (state, state_changed_at) on inventory_item to privacy_app;
grant select, insert, update on inventory_recipient to privacy_app;
grant select on reconciliation_finding, usage_aggregate, usage_aggregate_subjects, usage_month to privacy_app;
grant select, insert, update, delete on webhook_endpoint, webhook_key to privacy_app;
grant select, insert, update on webhook_delivery to privacy_app;
grant select on webhook_attempt to privacy_app;

create policy app_reads on outbox_event for select to privacy_app using
  ((account_id = (select app.tenant_id())
      and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())))
    or processor_id = (select app.processor_id()));
create policy app_reads on event_feed for select to privacy_app using
  ((feed_id = (select app.tenant_id())
      and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())))
    or feed_id = (select app.processor_id()));
create policy app_reads on event_counter for select to privacy_app using
  (feed_id = (select app.tenant_id()) or feed_id = (select app.processor_id()));

-- The register is public; an account's own processors are seen by it alone.
create policy app_reads on processor for select to privacy_app using
  (account_id = '00000000-0000-7000-8000-000000000000' or account_id = (select app.tenant_id())
    or (select app.staff('processing:read')) or (select app.staff('inventory:read')));
create policy app_adds on processor for insert to privacy_app with check
  (account_id = (select app.account_id())
    and ((select app.staff('processors:manage')) or (select app.principal()) = 'SYSTEM'));
create policy app_changes on processor for update to privacy_app using ((select app.staff('processors:manage')));

create policy app_reads on inventory_item for select to privacy_app using
  ((account_id = (select app.tenant_id())
      and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())))
    or (select app.staff('inventory:read')) or (select app.staff('processing:read'))
    or (select app.staff('inventory:reconcile')));
-- A gateway names the person whose data it passed on; it learns whether there are items, and nothing of them.
create policy gateway_finds on inventory_item for select to privacy_app using
  (account_id = (select app.account_id()) and (select app.principal()) = 'GATEWAY');
create policy app_adds on inventory_item for insert to privacy_app with check
  (account_id = (select app.account_id())
    and (select app.principal()) in ('SUBJECT', 'INTEGRATION', 'GATEWAY', 'STAFF', 'SYSTEM'));

-- Who deletes data of an account ends its items. Nothing else of an item changes, and none comes back to life.
create policy app_ends on inventory_item for update to privacy_app
  using (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT')
  with check (account_id = (select app.tenant_id()) and state in ('ERASED', 'ANONYMISED'));

create policy app_reads on inventory_recipient for select to privacy_app using
  (exists (select from inventory_item i where i.account_id = inventory_recipient.account_id
    and i.id = inventory_recipient.item_id));
create policy gateway_all on inventory_recipient for all to privacy_app using
  (account_id = (select app.account_id()) and (select app.principal()) = 'GATEWAY');

-- Records of processing say of what kinds of persons data is; nothing else of them is selected, and their keys stay shut.
create policy staff_counts on subject for select to privacy_app using ((select app.staff('processing:read')));
-- How old the current epoch is; the table names epochs and times alone.
grant select on keys.key_epoch to privacy_app;
create policy app_reads on keys.key_epoch for select to privacy_app using
  (((select app.tenant_id()) is not null and (select app.reach()) = 'ACCOUNT') or (select app.staff('processing:read')));

create policy app_reads on system for select to privacy_app using
  (account_id = (select app.tenant_id())
    or (account_id = '00000000-0000-7000-8000-000000000000' and built_in
      and (select app.principal()) in ('SUBJECT', 'INTEGRATION', 'STAFF', 'SYSTEM'))
    or (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('systems:manage')))
    or (select app.staff('processing:read')));
create policy app_adds on system for insert to privacy_app with check
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT')
    or (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('systems:manage'))));
create policy app_changes on system for update to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT')
    or (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('systems:manage'))));
create policy app_all on dataset for all to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT')
    or (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('systems:manage'))));
create policy staff_reads on dataset for select to privacy_app using ((select app.staff('processing:read')));

-- What was brought in is sealed under the account's own key, and opened with it.
create policy staff_opens on keys.data_key for select to privacy_app using
  (subject_id is null and category = 'ACCOUNT' and ((select app.staff('processing:read'))
    or (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('systems:manage')))));

-- Whoever has the inventory compared names the account.
create policy staff_reconciles on account for select to privacy_app using ((select app.staff('inventory:reconcile')));
create policy staff_reads on reconciliation for select to privacy_app using ((select app.staff('processing:read')));
create policy staff_adds on reconciliation for insert to privacy_app with check
  (account_id = (select app.account_id()) and (select app.staff('inventory:reconcile')));
create policy staff_reads on reconciliation_finding for select to privacy_app using
  ((select app.staff('processing:read')));

create policy app_reads on usage_aggregate for select to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT')
    or (select app.staff('statistics:read')));
create policy app_reads on usage_aggregate_subjects for select to privacy_app using
  ((select app.staff('statistics:read')));
-- Counting persons behind statistics needs the events; what is shown of them is held to the smallest group.
create policy staff_counts on usage_event for select to privacy_app using ((select app.staff('statistics:read')));
create policy all_read on usage_month for select using (true);

create policy app_all on webhook_endpoint for all to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT' and processor_id is null)
    or processor_id = (select app.processor_id()));
create policy app_all on webhook_key for all to privacy_app using
  (exists (select from webhook_endpoint e where e.account_id = webhook_key.account_id
    and e.id = webhook_key.endpoint_id));
create policy app_all on webhook_delivery for all to privacy_app using
  (exists (select from webhook_endpoint e where e.account_id = webhook_delivery.account_id
    and e.id = webhook_delivery.endpoint_id));
create policy app_reads on webhook_attempt for select to privacy_app using
  (exists (select from webhook_delivery d where d.account_id = webhook_attempt.account_id
    and d.id = webhook_attempt.delivery_id));
-- A processor's endpoints are sealed under the platform's key for this, and it sees no other key.
create policy processor_reads on keys.data_key for select to privacy_app using
  ((select app.processor_id()) is not null and account_id = '00000000-0000-7000-8000-000000000000'
    and subject_id is null and category = 'SECURITY');
create policy processor_adds on keys.data_key for insert to privacy_app with check
  ((select app.processor_id()) is not null and account_id = '00000000-0000-7000-8000-000000000000'
    and subject_id is null and category = 'SECURITY');

-- privacy_worker

grant select (id, status, is_platform, country, region, created_at) on account to privacy_worker;
grant select, update, delete on subject, identity_link, usage_event to privacy_worker;
grant delete on invitation to privacy_worker;
grant select, insert, update, delete on event_feed, event_counter, inventory_item, inventory_recipient, usage_aggregate,
  usage_aggregate_subjects, usage_event_held, usage_month, reconciliation, reconciliation_finding, webhook_delivery,
  webhook_attempt to privacy_worker;
grant select, update on webhook_endpoint to privacy_worker;
grant select, delete on webhook_key to privacy_worker;
grant insert on keys.data_key to privacy_worker; -- tombstones of keys that were never made

create policy worker_reads on account for select to privacy_worker using (true);
create policy worker_all on subject for all to privacy_worker using (account_id = (select app.account_id()));
create policy worker_all on identity_link for all to privacy_worker using (account_id = (select app.account_id()));
-- A month is folded for all accounts; erasing names the account.
create policy worker_reads on usage_event for select to privacy_worker using (true);
create policy worker_changes on usage_event for update to privacy_worker using (account_id = (select app.account_id()));
create policy worker_deletes on usage_event for delete to privacy_worker using (account_id = (select app.account_id()));
do $$
declare
  t text;
begin
  foreach t in array array['event_feed', 'event_counter', 'inventory_item', 'inventory_recipient', 'usage_aggregate',
    'usage_aggregate_subjects', 'usage_event_held', 'usage_month', 'reconciliation', 'reconciliation_finding',
    'webhook_endpoint', 'webhook_key', 'webhook_delivery', 'webhook_attempt'] loop
    execute format('create policy worker_all on %s for all to privacy_worker using (true)', t);
  end loop;
end $$;

-- privacy_auth notes when a client was last used

grant update (last_used_at) on api_client to privacy_auth;
create policy auth_notes on api_client for update to privacy_auth using (true);

-- and whether a client's processor has ended

grant select (account_id, id, ended_at) on processor to privacy_auth;
create policy auth_reads on processor for select to privacy_auth using (true);

-- items of what is there already; the owner sees rows only where its own policies do not hide them

alter table subject no force row level security;
alter table identity_link no force row level security;
alter table usage_event no force row level security;
alter table inventory_item no force row level security;

insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
  retention_starts_at, state, state_changed_at)
select account_id, gen_random_uuid(), id, 'ACCOUNT'::data_category, 'accounts', 'subject',
  (case when kind = 'MEMBER' then array['SERVICE_PROVISION', 'AUTHENTICATION', 'SERVICE_NOTIFICATIONS']
    else array['SERVICE_PROVISION', 'RIGHTS_FULFILMENT'] end)::purpose[],
  'CONTRACT'::legal_basis, created_at, null::timestamptz, 'LIVE'::inventory_state, created_at
from subject where status <> 'ERASED'
union all
select account_id, gen_random_uuid(), subject_id, 'ACCOUNT', 'accounts', 'identity_link', '{AUTHENTICATION}', 'CONTRACT',
  min(created_at), null, 'LIVE', min(created_at)
from identity_link group by account_id, subject_id;

insert into inventory_item (account_id, id, subject_id, category, system, locator, purposes, legal_basis, collected_at,
  retention_starts_at, state, state_changed_at)
select account_id, gen_random_uuid(), subject_id, category, 'usage', 'usage_event/' || to_char(month, 'YYYY-MM'),
  (case category when 'SECURITY' then array['SECURITY', 'FRAUD_PREVENTION']
    else array['SERVICE_PROVISION', 'PAYMENT_PROCESSING', 'USAGE_REPORTING'] end)::purpose[],
  (case category when 'SECURITY' then 'LEGITIMATE_INTERESTS' else 'CONTRACT' end)::legal_basis,
  first_at, month at time zone 'UTC', 'LIVE', recorded_at
from (
  select account_id, subject_id, (case kind when 'SECURITY' then 'SECURITY' else 'USAGE' end)::data_category as category,
    date_trunc('month', occurred_at at time zone 'UTC') as month, min(occurred_at) as first_at,
    min(recorded_at) as recorded_at
  from usage_event group by 1, 2, 3, 4) as used;

alter table subject force row level security;
alter table identity_link force row level security;
alter table usage_event force row level security;
alter table inventory_item force row level security;

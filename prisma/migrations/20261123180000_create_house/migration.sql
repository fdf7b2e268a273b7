-- The first tables, and the second wall around them.
--
-- Every table has forced row-level security: a login sees what a policy written for it allows, and nothing where no
-- policy is. The policies read transaction-local settings, which src/db/caller.ts sets; unset means no rows. Each
-- setting is read inside a scalar sub-select, so that it is evaluated once for a statement and not once for a row.
-- Roles belong to the cluster and are made by `npm run db:roles`; here they are only granted.

create schema if not exists keys;
create schema app;
create schema partitions;

grant usage on schema public, app to privacy_app, privacy_worker, privacy_auth;
grant usage on schema keys to privacy_app, privacy_worker, privacy_auth;

create function app.principal() returns text language sql stable
  return nullif(current_setting('app.principal', true), '');
create function app.caller() returns text language sql stable
  return nullif(current_setting('app.caller', true), '');
create function app.account_id() returns uuid language sql stable
  return nullif(current_setting('app.account_id', true), '')::uuid;
create function app.subject_id() returns uuid language sql stable
  return nullif(current_setting('app.subject_id', true), '')::uuid;
create function app.reach() returns text language sql stable
  return nullif(current_setting('app.reach', true), '');
-- The account of a caller that belongs to one. Staff acts on an account by scope, never by belonging to it.
create function app.tenant_id() returns uuid language sql stable
  return case when app.principal() in ('SUBJECT', 'INTEGRATION', 'GATEWAY', 'SYSTEM') then app.account_id() end;
create function app.staff(scope text) returns boolean language sql stable
  return coalesce(app.principal() = 'STAFF'
    and scope = any (string_to_array(current_setting('app.staff_scopes', true), ',')), false);

-- accounts

create type account_status as enum ('ACTIVE', 'CLOSING', 'CLOSED');
create type subject_kind as enum ('MEMBER', 'END_USER', 'CONTACT', 'VISITOR');
create type subject_status as enum ('ACTIVE', 'RESTRICTED', 'ERASING', 'ERASED');
create type account_role as enum ('OWNER', 'ADMIN', 'MEMBER');

create table account (
  id uuid not null,
  status account_status not null default 'ACTIVE',
  is_platform boolean not null default false,
  name_cipher bytea not null,
  country char(2) not null check (country ~ '^[A-Z]{2}$'),
  region text not null check (region ~ '^[a-z0-9-]{1,32}$'),
  created_at timestamptz(3) not null,
  closing_at timestamptz(3),
  closed_at timestamptz(3),
  constraint account_pkey primary key (id)
);

create table subject (
  account_id uuid not null,
  id uuid not null,
  kind subject_kind not null,
  status subject_status not null default 'ACTIVE',
  account_role account_role,
  name_cipher bytea,
  email_cipher bytea,
  email_index bytea,
  reference_cipher bytea,
  reference_index bytea,
  country char(2) check (country ~ '^[A-Z]{2}$'),
  subdivision text check (subdivision ~ '^[A-Z]{2}-[A-Z0-9]{1,3}$'),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  joined_at timestamptz(3),
  left_at timestamptz(3),
  constraint subject_pkey primary key (account_id, id),
  constraint subject_account_id_fkey foreign key (account_id) references account (id) on delete restrict on update restrict,
  constraint subject_role_of_members check (account_role is null or kind = 'MEMBER')
);
create unique index subject_account_id_email_index_key on subject (account_id, email_index);
create unique index subject_account_id_reference_index_key on subject (account_id, reference_index);

create table invitation (
  account_id uuid not null,
  id uuid not null,
  subject_id uuid not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  accepted_at timestamptz(3),
  revoked_at timestamptz(3),
  constraint invitation_pkey primary key (account_id, id),
  constraint invitation_account_id_subject_id_fkey foreign key (account_id, subject_id)
    references subject (account_id, id) on delete restrict on update restrict
);

-- callers

create type client_kind as enum ('INTEGRATION', 'PROCESSOR', 'GATEWAY');
create type staff_role as enum ('PRIVACY_OFFICER', 'SUPPORT', 'ENGINEER', 'SECURITY', 'AUDITOR');

create table identity_link (
  account_id uuid not null,
  identity_hash bytea not null,
  subject_id uuid not null,
  created_at timestamptz(3) not null,
  constraint identity_link_pkey primary key (account_id, identity_hash),
  constraint identity_link_account_id_subject_id_fkey foreign key (account_id, subject_id)
    references subject (account_id, id) on delete restrict on update restrict
);
create index identity_link_identity_hash_idx on identity_link (identity_hash);

create table staff_member (
  id uuid not null,
  identity_hash bytea not null,
  roles staff_role[],
  training_until_at timestamptz(3) not null,
  created_at timestamptz(3) not null,
  disabled_at timestamptz(3),
  constraint staff_member_pkey primary key (id)
);
create unique index staff_member_identity_hash_key on staff_member (identity_hash);

create table api_client (
  account_id uuid not null,
  id uuid not null,
  kind client_kind not null,
  processor_id uuid,
  label_cipher bytea,
  secret_hash text,
  public_jwks jsonb,
  scopes text[],
  created_at timestamptz(3) not null,
  disabled_at timestamptz(3),
  constraint api_client_pkey primary key (account_id, id),
  constraint api_client_account_id_fkey foreign key (account_id) references account (id) on delete restrict on update restrict,
  constraint api_client_processor check ((kind = 'PROCESSOR') = (processor_id is not null)),
  constraint api_client_proves_itself check (secret_hash is not null or public_jwks is not null)
);
create index api_client_id_idx on api_client (id);

create table oauth_state (
  kind text not null,
  id text not null,
  payload jsonb not null,
  expires_at timestamptz(3),
  consumed_at timestamptz(3),
  constraint oauth_state_pkey primary key (kind, id)
);
create index oauth_state_expires_at_idx on oauth_state (expires_at);

create table revoked_token (
  jti text not null,
  client_id uuid not null,
  revoked_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  constraint revoked_token_pkey primary key (jti)
);
create index revoked_token_expires_at_idx on revoked_token (expires_at);

-- keys: a schema of its own, left out of backups of the data

create type keys.key_category as enum
  ('ACCOUNT', 'CONTENT_BATCH', 'PAYMENT', 'USAGE', 'COMMUNICATION', 'COOKIE', 'CONSENT', 'SECURITY');

create table keys.signing_key (
  kid text not null,
  algorithm text not null check (algorithm in ('ES256', 'Ed25519')),
  public_jwk jsonb not null,
  private_cipher bytea,
  epoch text not null,
  created_at timestamptz(3) not null,
  retired_at timestamptz(3),
  remove_at timestamptz(3),
  constraint signing_key_pkey primary key (kid)
);

create table keys.data_key (
  account_id uuid not null,
  id uuid not null,
  subject_id uuid,
  category keys.key_category not null,
  version integer not null check (version > 0),
  epoch text not null,
  wrapped bytea,
  created_at timestamptz(3) not null,
  destroyed_at timestamptz(3),
  constraint data_key_pkey primary key (account_id, id),
  constraint data_key_account_id_fkey foreign key (account_id) references account (id) on delete restrict on update restrict,
  constraint data_key_account_id_subject_id_fkey foreign key (account_id, subject_id)
    references subject (account_id, id) on delete restrict on update restrict,
  constraint data_key_is_live_or_tombstone check ((wrapped is null) = (destroyed_at is not null))
);
create index data_key_account_id_subject_id_category_version_idx
  on keys.data_key (account_id, subject_id, category, version);
create index data_key_epoch_idx on keys.data_key (epoch);
-- One key for each version, also where two transactions make the first one at once.
create unique index data_key_of_subject_key on keys.data_key (account_id, subject_id, category, version)
  where subject_id is not null;
create unique index data_key_of_account_key on keys.data_key (account_id, category, version)
  where subject_id is null;

create table keys.key_epoch (
  id text not null,
  created_at timestamptz(3) not null,
  rotate_at timestamptz(3) not null,
  destroyed_at timestamptz(3),
  constraint key_epoch_pkey primary key (id)
);

-- audit: append-only for everyone, the owner too

create type principal_kind as enum ('ANONYMOUS', 'SUBJECT', 'INTEGRATION', 'PROCESSOR', 'STAFF', 'GATEWAY', 'SYSTEM');

create table audit_event (
  account_id uuid not null,
  id uuid not null,
  at timestamptz(3) not null,
  actor_kind principal_kind not null,
  actor_id uuid,
  kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  subject_id uuid,
  record_type text not null check (record_type ~ '^[A-Z][A-Za-z]{0,63}$'),
  record_ids text[],
  count integer not null default 1,
  request_id text not null check (request_id ~ '^[A-Za-z0-9-]{1,64}$'),
  constraint audit_event_pkey primary key (account_id, id)
);
create index audit_event_account_id_subject_id_at_idx on audit_event (account_id, subject_id, at);
create index audit_event_at_id_idx on audit_event (at, id);

create function app.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_event_append_only before update or delete on audit_event
  for each row execute function app.refuse_change();
create trigger audit_event_no_truncate before truncate on audit_event
  for each statement execute function app.refuse_change();

-- events

create table outbox_event (
  account_id uuid not null,
  id uuid not null,
  kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  subject_id uuid,
  payload jsonb not null,
  created_at timestamptz(3) not null,
  next_attempt_at timestamptz(3) not null,
  attempts integer not null default 0,
  last_problem text,
  dispatched_at timestamptz(3),
  constraint outbox_event_pkey primary key (account_id, id)
);
-- The dispatcher's poll reads only what waits.
create index outbox_event_due on outbox_event (next_attempt_at) where dispatched_at is null;

create index outbox_event_delivered on outbox_event (dispatched_at) where dispatched_at is not null;

-- jobs

create type job_state as enum ('QUEUED', 'RUNNING', 'DONE', 'FAILED');

create table job (
  account_id uuid not null,
  id uuid not null,
  kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  state job_state not null default 'QUEUED',
  caller text not null,
  payload jsonb not null,
  total integer,
  done integer not null default 0,
  attempts integer not null default 0,
  last_problem text,
  created_at timestamptz(3) not null,
  run_at timestamptz(3) not null,
  finished_at timestamptz(3),
  expires_at timestamptz(3) not null,
  constraint job_pkey primary key (account_id, id)
);
create index job_expires_at_idx on job (expires_at);
create index job_due on job (run_at) where state in ('QUEUED', 'RUNNING');

create table job_chunk (
  account_id uuid not null,
  job_id uuid not null,
  position integer not null,
  body text not null,
  constraint job_chunk_pkey primary key (account_id, job_id, position),
  constraint job_chunk_account_id_job_id_fkey foreign key (account_id, job_id)
    references job (account_id, id) on delete cascade on update restrict
);

create table schedule (
  name text not null check (name ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
  due_at timestamptz(3) not null,
  last_run_at timestamptz(3),
  attempts integer not null default 0,
  last_problem text,
  constraint schedule_pkey primary key (name)
);

create table idempotency_record (
  account_id uuid not null,
  caller text not null,
  mutation text not null,
  key_hash bytea not null,
  fingerprint bytea not null,
  outcome jsonb,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  constraint idempotency_record_pkey primary key (account_id, caller, mutation, key_hash)
);
create index idempotency_record_expires_at_idx on idempotency_record (expires_at);

-- usage: partitioned by month, so that a month past its window is dropped in one statement

create type usage_kind as enum ('API_REQUEST', 'PAGE_VIEW', 'INFERENCE', 'SECURITY');
create type endpoint_kind as enum ('SERVERLESS', 'PRIVATE', 'BATCH');
create type browser_family as enum ('CHROME', 'FIREFOX', 'SAFARI', 'EDGE', 'OPERA', 'SAMSUNG_INTERNET', 'OTHER');
create type os_family as enum ('WINDOWS', 'MACOS', 'LINUX', 'ANDROID', 'IOS', 'OTHER');

-- The checks are the last wall against content: no column takes free text.
create table usage_event (
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
  input_tokens integer check (input_tokens >= 0),
  output_tokens integer check (output_tokens >= 0),
  payload_bytes bigint check (payload_bytes >= 0),
  latency_ms integer check (latency_ms >= 0),
  recorded_at timestamptz(3) not null,
  constraint usage_event_pkey primary key (account_id, occurred_at, request_id)
) partition by range (occurred_at);
create index usage_event_account_id_subject_id_occurred_at_idx on usage_event (account_id, subject_id, occurred_at);

create table usage_import (
  account_id uuid not null,
  file_hash text not null check (file_hash ~ '^[0-9a-f]{64}$'),
  shift_ms bigint not null,
  created_at timestamptz(3) not null,
  constraint usage_import_pkey primary key (account_id, file_hash)
);

-- The application owns no table and so can make no partition. The worker may ask for one month, and for nothing else.
create function app.ensure_usage_partition(month date) returns boolean
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
  -- Attaching takes a weaker lock on the parent than making it in place: recording goes on meanwhile.
  execute format('create table partitions.%I (like public.usage_event including all)', name);
  execute format('alter table public.usage_event attach partition partitions.%I for values from (%L) to (%L)', name,
    to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  execute format('alter table partitions.%I enable row level security, force row level security', name);
  return true;
end $$;
revoke all on function app.ensure_usage_partition(date) from public;
grant execute on function app.ensure_usage_partition(date) to privacy_worker;

-- the second wall

do $$
declare
  t text;
begin
  foreach t in array array['account', 'subject', 'invitation', 'identity_link', 'staff_member', 'api_client',
    'oauth_state', 'revoked_token', 'keys.signing_key', 'keys.data_key', 'keys.key_epoch', 'audit_event',
    'outbox_event', 'job', 'job_chunk', 'schedule', 'idempotency_record', 'usage_event', 'usage_import'] loop
    execute format('alter table %s enable row level security, force row level security', t);
  end loop;
end $$;

-- privacy_app: what requests may touch

grant select, insert, update on account, subject, invitation to privacy_app;
grant select, insert, delete on identity_link to privacy_app;
grant select, insert, update on staff_member, api_client to privacy_app;
grant select, insert on audit_event to privacy_app;
grant insert on outbox_event to privacy_app;
grant select, insert on job to privacy_app;
grant select on job_chunk to privacy_app;
grant select, insert, update on idempotency_record to privacy_app;
grant select, insert on usage_event, usage_import to privacy_app;
grant select, insert, update on keys.data_key to privacy_app;

create policy app_reads on account for select to privacy_app using
  (id = (select app.tenant_id()) or (select app.staff('accounts:read')));
create policy app_adds on account for insert to privacy_app with check
  (id = (select app.account_id()) and ((select app.principal()) = 'SYSTEM' or (select app.staff('accounts:create'))));
create policy app_changes on account for update to privacy_app using
  ((id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT') or (select app.staff('accounts:manage'))
    or (id = (select app.account_id()) and (select app.staff('accounts:create'))));

create policy app_reads on subject for select to privacy_app using
  ((account_id = (select app.tenant_id())
      and ((select app.reach()) = 'ACCOUNT' or id = (select app.subject_id()) or (select app.principal()) = 'GATEWAY'))
    or (account_id = (select app.account_id()) and (select app.staff('accounts:create')))
    or (select app.staff('subjects:read')));
create policy app_adds on subject for insert to privacy_app with check
  (account_id = (select app.account_id())
    and ((select app.reach()) = 'ACCOUNT' or (select app.staff('accounts:create'))));
create policy app_changes on subject for update to privacy_app using
  (account_id = (select app.tenant_id())
    and ((select app.reach()) = 'ACCOUNT' or id = (select app.subject_id())));
-- Staff invites the first owner of an account; from the moment of joining on, the account's own people decide.
create policy staff_invites on subject for update to privacy_app using
  (account_id = (select app.account_id()) and kind = 'MEMBER' and joined_at is null
    and (select app.staff('accounts:create')));

create policy app_reads on invitation for select to privacy_app using
  (account_id = (select app.tenant_id())
    and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())));
create policy app_adds on invitation for insert to privacy_app with check
  (account_id = (select app.account_id())
    and ((select app.reach()) = 'ACCOUNT' or (select app.staff('accounts:create'))));
create policy app_changes on invitation for update to privacy_app using
  (account_id = (select app.tenant_id())
    and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())));

create policy app_all on identity_link for all to privacy_app using
  (account_id = (select app.tenant_id())
    and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())));

create policy app_all on staff_member for all to privacy_app using ((select app.principal()) = 'SYSTEM');

create policy app_all on api_client for all to privacy_app using
  (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT');
create policy staff_reads on api_client for select to privacy_app using ((select app.staff('clients:read')));
create policy staff_manages on api_client for all to privacy_app using
  (account_id = '00000000-0000-7000-8000-000000000000' and (select app.staff('platform-clients:manage')));

create policy app_reads on audit_event for select to privacy_app using
  ((account_id = (select app.tenant_id()) and subject_id = (select app.subject_id()))
    or (select app.staff('audit:read')));
create policy app_adds on audit_event for insert to privacy_app with check
  (account_id = (select app.account_id()) or (select app.principal()) = 'STAFF');

create policy app_adds on outbox_event for insert to privacy_app with check
  (account_id = (select app.account_id()));

create policy app_all on job for all to privacy_app using (caller = (select app.caller()));
create policy app_reads on job_chunk for select to privacy_app using
  (exists (select from job where job.account_id = job_chunk.account_id and job.id = job_chunk.job_id));

create policy app_all on idempotency_record for all to privacy_app using (caller = (select app.caller()));

create policy app_reads on usage_event for select to privacy_app using
  ((account_id = (select app.tenant_id())
      and ((select app.reach()) = 'ACCOUNT' or subject_id = (select app.subject_id())))
    or (select app.staff('usage:read')));
-- A gateway sees what it is recording in this very call, to be told what was new, and nothing else.
create policy gateway_sees_own_call on usage_event for select to privacy_app using
  (account_id = (select app.account_id()) and (select app.principal()) = 'GATEWAY'
    and recorded_at = (select nullif(current_setting('app.recorded_at', true), '')::timestamptz));
create policy app_adds on usage_event for insert to privacy_app with check
  (account_id = (select app.account_id()) and (select app.principal()) = 'GATEWAY');
create policy app_all on usage_import for all to privacy_app using
  (account_id = (select app.account_id()) and (select app.principal()) = 'GATEWAY');

create policy app_reads on keys.data_key for select to privacy_app using
  ((account_id = (select app.tenant_id()) and (select app.principal()) <> 'GATEWAY'
      and ((select app.reach()) = 'ACCOUNT' or subject_id is null or subject_id = (select app.subject_id())))
    or (subject_id is null and (select app.staff('accounts:read')))
    or (select app.staff('subjects:read')) or (select app.staff('accounts:create')));
create policy app_adds on keys.data_key for insert to privacy_app with check
  (account_id = (select app.account_id()) and (select app.principal()) in ('SUBJECT', 'INTEGRATION', 'STAFF', 'SYSTEM'));
create policy app_changes on keys.data_key for update to privacy_app using
  (account_id = (select app.tenant_id()) and (select app.reach()) = 'ACCOUNT');

-- privacy_worker: sweeps, outbox, jobs, key rotation

grant select, update, delete on outbox_event to privacy_worker;
grant insert on outbox_event to privacy_worker;
grant select, insert, update, delete on job, job_chunk, schedule to privacy_worker;
grant select, update, delete on idempotency_record to privacy_worker; -- `for update` asks for update
grant select, insert on audit_event to privacy_worker;
grant select, update on invitation to privacy_worker;
grant select, update on keys.data_key, keys.signing_key to privacy_worker;
grant select, insert, update on keys.key_epoch to privacy_worker;

create policy worker_all on outbox_event for all to privacy_worker using (true);
create policy worker_all on job for all to privacy_worker using (true);
create policy worker_all on job_chunk for all to privacy_worker using (true);
create policy worker_all on schedule for all to privacy_worker using (true);
create policy worker_all on idempotency_record for all to privacy_worker using (true);
create policy worker_reads on audit_event for select to privacy_worker using (true);
create policy worker_adds on audit_event for insert to privacy_worker with check
  (account_id = (select app.account_id()));
create policy worker_all on invitation for all to privacy_worker using (account_id = (select app.account_id()));
create policy worker_all on keys.data_key for all to privacy_worker using (true);
create policy worker_all on keys.signing_key for all to privacy_worker using (true);
create policy worker_all on keys.key_epoch for all to privacy_worker using (true);

-- privacy_auth: who is calling

grant select (id, status, is_platform) on account to privacy_auth;
grant select (account_id, id, kind, status, account_role, email_index, left_at) on subject to privacy_auth;
grant select on invitation, identity_link, staff_member, api_client to privacy_auth;
grant select, insert, update, delete on oauth_state, revoked_token to privacy_auth;
grant select, insert, update, delete on keys.signing_key to privacy_auth;

create policy auth_reads on account for select to privacy_auth using (true);
create policy auth_reads on subject for select to privacy_auth using (true);
create policy auth_reads on invitation for select to privacy_auth using (true);
create policy auth_reads on identity_link for select to privacy_auth using (true);
create policy auth_reads on staff_member for select to privacy_auth using (true);
create policy auth_reads on api_client for select to privacy_auth using (true);
create policy auth_all on oauth_state for all to privacy_auth using (true);
create policy auth_all on revoked_token for all to privacy_auth using (true);
create policy auth_all on keys.signing_key for all to privacy_auth using (true);

-- every login compares the migrations it finds with those it was built for

grant select on _prisma_migrations to privacy_app, privacy_worker, privacy_auth;

-- Identity: what stands beside the log and not in it (accounts, sessions, devices, keys).
-- Times are epoch milliseconds UTC. No secret is stored as it is: passwords by argon2id, tokens by SHA-256,
-- record keys wrapped by the master key, which lies in a file outside the database.

create table account (
  account_id    text   primary key,
  name          text   not null,
  password_hash text   not null,
  roles         text[] not null,
  regions       text[] not null,
  unit_ids      text[] not null default '{}',
  disabled      boolean not null default false,
  must_change   boolean not null default true,
  failures      integer not null default 0,
  locked_until  bigint,
  -- A failure remembered by another process from before this instant no longer counts.
  unlocked_at   bigint not null default 0,
  created_at    bigint not null,
  changed_at    bigint not null
);
-- 'Admin' beside 'admin' would be two people who look like one in the audit trail.
create unique index account_id_lower on account (lower(account_id));

create table session (
  token_hash bytea  primary key,
  session_id text   not null unique,
  account_id text   not null references account (account_id) on delete cascade,
  created_at bigint not null,
  seen_at    bigint not null,
  expires_at bigint not null,
  -- Milliseconds of rest after which the session ends; null for a dispatch seat.
  idle_ms    bigint
);
create index session_account on session (account_id, created_at);
create index session_expires on session (expires_at);

create table device (
  device_id  text   primary key,
  token_hash bytea  not null unique,
  name       text   not null,
  role       text   not null,
  regions    text[] not null,
  unit_ids   text[] not null default '{}',
  created_at bigint not null,
  created_by text   not null,
  revoked_at bigint
);

-- One row per record with personal fields. A forgotten record keeps its row without a key: the tombstone that
-- refuses a late note and a restore.
create table record_key (
  record_kind  text   not null,
  record_id    text   not null,
  key_id       text,
  wrapped      bytea,
  created_at   bigint not null,
  forgotten_at bigint,
  primary key (record_kind, record_id),
  check ((wrapped is null) = (forgotten_at is not null) and (wrapped is null) = (key_id is null))
);
create index record_key_key on record_key (key_id);

-- Keyed hashes of phone and identity numbers, so that a record can be found without being opened.
create table record_hash (
  record_kind text  not null,
  record_id   text  not null,
  hash_kind   text  not null,
  hash        bytea not null,
  primary key (record_kind, record_id, hash_kind, hash)
);
create index record_hash_hash on record_hash (hash_kind, hash);

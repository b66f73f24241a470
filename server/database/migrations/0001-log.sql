-- The log and what keeps it: entries (small, kept), the big tables (position, vitals, tick: compressed, retention), outcomes,
-- one hash-chained row per group commit, checkpoints, eras, quarantine, the lease of the one writer.
-- Times are epoch milliseconds (bigint): exact, and the same number everywhere.

CREATE TABLE log_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO log_state DEFAULT VALUES;

CREATE TABLE lease (
  name text PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  until timestamptz NOT NULL,
  last_seq bigint NOT NULL DEFAULT 0
);

CREATE TABLE entry (
  seq bigint PRIMARY KEY,
  logged_at bigint NOT NULL,
  kind text NOT NULL,
  source text NOT NULL,
  epoch text,
  source_seq bigint,
  uuid uuid,
  actor jsonb,
  occurred_at bigint NOT NULL,
  received_at bigint NOT NULL,
  expects jsonb,
  expires_at bigint,
  body jsonb NOT NULL
);
CREATE UNIQUE INDEX entry_uuid ON entry (uuid) WHERE uuid IS NOT NULL;
CREATE UNIQUE INDEX entry_source ON entry (source, epoch, source_seq) WHERE source_seq IS NOT NULL;
CREATE INDEX entry_incident ON entry ((body ->> 'incidentId')) WHERE body ? 'incidentId';
CREATE INDEX entry_alert ON entry ((body ->> 'alertId')) WHERE body ? 'alertId';
CREATE INDEX entry_call ON entry ((body ->> 'callId')) WHERE body ? 'callId';
CREATE INDEX entry_kind ON entry (kind, seq);

CREATE TABLE position (
  seq bigint NOT NULL,
  logged_at bigint NOT NULL,
  source text NOT NULL,
  epoch text NOT NULL,
  source_seq bigint NOT NULL,
  occurred_at bigint NOT NULL,
  received_at bigint NOT NULL,
  unit_id text NOT NULL,
  lon double precision NOT NULL,
  lat double precision NOT NULL,
  speed_kmh double precision,
  course_deg double precision,
  altitude_m double precision,
  accuracy_m double precision
);

CREATE TABLE vitals (
  seq bigint NOT NULL,
  logged_at bigint NOT NULL,
  source text NOT NULL,
  epoch text NOT NULL,
  source_seq bigint NOT NULL,
  occurred_at bigint NOT NULL,
  received_at bigint NOT NULL,
  unit_id text NOT NULL,
  incident_id text,
  hr_per_min double precision,
  spo2_pct double precision,
  rr_per_min double precision,
  sbp_mm_hg double precision,
  dbp_mm_hg double precision,
  map_mm_hg double precision,
  temp_c double precision
);

CREATE TABLE tick (
  seq bigint NOT NULL,
  logged_at bigint NOT NULL,
  source text NOT NULL,
  epoch text NOT NULL,
  source_seq bigint NOT NULL,
  occurred_at bigint NOT NULL,
  received_at bigint NOT NULL,
  gap_ms bigint NOT NULL,
  boundary text NOT NULL
);

-- seq rises with the rows' place on disk, so a block-range index finds a tail for next to nothing on insert.
CREATE INDEX position_seq ON position USING brin (seq) WITH (pages_per_range = 32);
CREATE INDEX position_unit ON position (unit_id, occurred_at);
CREATE INDEX vitals_seq ON vitals USING brin (seq) WITH (pages_per_range = 32);
CREATE INDEX vitals_unit ON vitals (unit_id, occurred_at);
CREATE INDEX tick_seq ON tick USING brin (seq) WITH (pages_per_range = 32);

-- timescale
SELECT create_hypertable('position', 'logged_at', chunk_time_interval => 21600000, create_default_indexes => false);
SELECT create_hypertable('vitals', 'logged_at', chunk_time_interval => 21600000, create_default_indexes => false);
SELECT create_hypertable('tick', 'logged_at', chunk_time_interval => 604800000, create_default_indexes => false);
ALTER TABLE position SET (timescaledb.compress, timescaledb.compress_segmentby = 'unit_id', timescaledb.compress_orderby = 'seq');
ALTER TABLE vitals SET (timescaledb.compress, timescaledb.compress_segmentby = 'unit_id', timescaledb.compress_orderby = 'seq');
ALTER TABLE tick SET (timescaledb.compress, timescaledb.compress_orderby = 'seq');
-- end timescale

CREATE TABLE outcome (
  seq bigint PRIMARY KEY,
  commit_no bigint NOT NULL,
  result text NOT NULL,
  code text,
  params jsonb
);
CREATE INDEX outcome_commit ON outcome (commit_no);

CREATE TABLE log_commit (
  commit_no bigint PRIMARY KEY,
  first_seq bigint NOT NULL,
  entry_count integer NOT NULL,
  outcome_count integer NOT NULL,
  logged_from bigint NOT NULL,
  logged_to bigint NOT NULL,
  previous_hash text NOT NULL,
  hash text NOT NULL
);
CREATE INDEX log_commit_seq ON log_commit (first_seq);

CREATE TABLE era (
  era_no integer PRIMARY KEY,
  opening_seq bigint NOT NULL,
  core_version integer NOT NULL,
  reason text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE checkpoint (
  checkpoint_seq bigint PRIMARY KEY,
  era_no integer NOT NULL,
  core_version integer NOT NULL,
  slice_count integer NOT NULL,
  hash text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE checkpoint_slice (
  checkpoint_seq bigint NOT NULL,
  slice_no integer NOT NULL,
  content text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (checkpoint_seq, slice_no)
);

CREATE TABLE quarantine (
  seq bigint PRIMARY KEY,
  kind text NOT NULL,
  fault text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);

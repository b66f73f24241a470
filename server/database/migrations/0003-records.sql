-- Projections for history and search (fanout/tables.ts). Rebuilt from the log at any time; the world holds only what is recent.

CREATE TABLE incident_record (
  id text PRIMARY KEY,
  at bigint NOT NULL,
  state text NOT NULL,
  region_code text NOT NULL,
  level integer NOT NULL,
  view jsonb NOT NULL
);
CREATE INDEX incident_record_at ON incident_record (at DESC, id DESC);
CREATE INDEX incident_record_region ON incident_record (region_code, at DESC);

CREATE TABLE alert_record (
  id text PRIMARY KEY,
  at bigint NOT NULL,
  state text NOT NULL,
  region_code text NOT NULL,
  level integer NOT NULL,
  view jsonb NOT NULL
);
CREATE INDEX alert_record_at ON alert_record (at DESC, id DESC);

CREATE TABLE call_record (
  id text PRIMARY KEY,
  at bigint NOT NULL,
  state text NOT NULL,
  region_code text NOT NULL,
  level integer NOT NULL,
  view jsonb NOT NULL
);
CREATE INDEX call_record_at ON call_record (at DESC, id DESC);

-- The newest report of a facility for a period: what analysts and long charts read.
CREATE TABLE count_record (
  source_kind text NOT NULL,
  syndrome text NOT NULL,
  region_code text NOT NULL,
  facility_id text NOT NULL,
  period text NOT NULL,
  count integer NOT NULL,
  denominator integer,
  logged_at bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (source_kind, syndrome, facility_id, period)
);
CREATE INDEX count_record_region ON count_record (region_code, source_kind, syndrome, period);

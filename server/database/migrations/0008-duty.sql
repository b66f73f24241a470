-- Projections of shift hand-overs and of quality reviews: kept as long as the log, read by month.

CREATE TABLE handover_record (
  id text PRIMARY KEY,
  at bigint NOT NULL,
  state text NOT NULL,
  region_code text NOT NULL,
  level integer NOT NULL,
  view jsonb NOT NULL
);
CREATE INDEX handover_record_at ON handover_record (at DESC, id DESC);

CREATE TABLE review_record (
  id text PRIMARY KEY,
  at bigint NOT NULL,
  state text NOT NULL,
  region_code text NOT NULL,
  level integer NOT NULL,
  view jsonb NOT NULL
);
CREATE INDEX review_record_at ON review_record (at DESC, id DESC);

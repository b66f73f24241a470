-- Report cards, public-health events and the pseudonyms of persons. card_record is a projection like the others: the line list
-- of every card ever filed, without its person. Days are those of Asia/Shanghai; the columns are what a line list filters by.

create table card_record (
  id text primary key,
  disease_id text not null,
  -- The disease of the list it belongs to: a filter on hepatitis finds hepatitis A.
  root_id text not null,
  case_class text not null,
  state text not null,
  region_code text not null,
  facility_id text not null,
  place_id text,
  source text not null,
  age_band text not null,
  sex text not null,
  onset_day date,
  diagnosis_day date not null,
  filing_day date not null,
  review_day date,
  filed_late boolean not null,
  review_due_at bigint not null,
  duplicate_of text,
  version integer not null,
  view jsonb not null
);
-- One index a date for the open list, one a disease and one a region for the filters that narrow most; the id makes paging exact.
create index card_record_diagnosis on card_record (diagnosis_day desc, id desc);
create index card_record_filing on card_record (filing_day desc, id desc);
create index card_record_onset on card_record (onset_day desc, id desc) where onset_day is not null;
create index card_record_review on card_record (review_day desc, id desc) where review_day is not null;
create index card_record_disease on card_record (root_id, diagnosis_day desc, id desc);
-- What counts as a case, without the row itself: series of years come from the index alone.
create index card_record_case on card_record (root_id, diagnosis_day, region_code, disease_id)
  where duplicate_of is null and state <> 'retracted';
create index card_record_region on card_record (region_code, diagnosis_day desc, id desc);
create index card_record_facility on card_record (facility_id, diagnosis_day desc, id desc);
create index card_record_source on card_record (source, diagnosis_day desc, id desc);
create index card_record_waiting on card_record (review_due_at) where state = 'filed';

create table event_record (
  id text primary key,
  at bigint not null,
  state text not null,
  region_code text not null,
  level integer not null,
  view jsonb not null
);
create index event_record_at on event_record (at desc, id desc);

-- A random name for a person by the keyed hash of an identity number, or of phone and name. It goes into the log so that the line
-- can join two cards of one person; when the last record with the hash is forgotten the row goes, and the name means nothing.
create table person_token (
  hash_kind text not null,
  hash bytea not null,
  token text not null,
  primary key (hash_kind, hash)
);

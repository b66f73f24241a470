/** SQL of the projections: upserts in batches. A row is replaced only by a newer state of the same record. */
import type { Pool } from 'pg'
import type { EntryOf } from '#contract/entry.ts'

export type RecordRow = { id: string; at: number; state: string; regionCode: string; level: number; view: unknown }

/** Writes records into one of the record tables. */
export async function upsertRecords(
  pool: Pool,
  table: 'incident_record' | 'alert_record' | 'call_record' | 'event_record' | 'handover_record' | 'review_record',
  rows: readonly RecordRow[],
): Promise<void> {
  await pool.query(
    `INSERT INTO ${table} (id, at, state, region_code, level, view)
     SELECT id, at, state, "regionCode", level, view
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, at bigint, state text, "regionCode" text, level int, view jsonb)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, region_code = excluded.region_code, level = excluded.level, view = excluded.view`,
    [JSON.stringify(rows)],
  )
}

export type CardRow = {
  id: string
  diseaseId: string
  rootId: string
  caseClass: string
  state: string
  regionCode: string
  facilityId: string
  placeId: string | null
  source: string
  ageBand: string
  sex: string
  onsetDay: string | null
  diagnosisDay: string
  filingDay: string
  reviewDay: string | null
  filedLate: boolean
  reviewDueAt: number
  duplicateOf: string | null
  version: number
  view: unknown
}

/** Writes cards into the line list; an older version than the one there changes nothing. */
export async function upsertCards(pool: Pool, rows: readonly CardRow[]): Promise<void> {
  await pool.query(
    `INSERT INTO card_record (id, disease_id, root_id, case_class, state, region_code, facility_id, place_id, source, age_band, sex,
       onset_day, diagnosis_day, filing_day, review_day, filed_late, review_due_at, duplicate_of, version, view)
     SELECT id, "diseaseId", "rootId", "caseClass", state, "regionCode", "facilityId", "placeId", source, "ageBand", sex,
       "onsetDay", "diagnosisDay", "filingDay", "reviewDay", "filedLate", "reviewDueAt", "duplicateOf", version, view
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, "diseaseId" text, "rootId" text, "caseClass" text, state text, "regionCode" text,
       "facilityId" text, "placeId" text, source text, "ageBand" text, sex text, "onsetDay" date, "diagnosisDay" date,
       "filingDay" date, "reviewDay" date, "filedLate" boolean, "reviewDueAt" bigint, "duplicateOf" text, version int, view jsonb)
     ON CONFLICT (id) DO UPDATE SET disease_id = excluded.disease_id, root_id = excluded.root_id, case_class = excluded.case_class,
       state = excluded.state, region_code = excluded.region_code, facility_id = excluded.facility_id, place_id = excluded.place_id,
       source = excluded.source, age_band = excluded.age_band, sex = excluded.sex, onset_day = excluded.onset_day,
       diagnosis_day = excluded.diagnosis_day, filing_day = excluded.filing_day, review_day = excluded.review_day,
       filed_late = excluded.filed_late, review_due_at = excluded.review_due_at, duplicate_of = excluded.duplicate_of,
       version = excluded.version, view = excluded.view
     WHERE card_record.version <= excluded.version`,
    [JSON.stringify(rows)],
  )
}

/** Writes counts; one row a facility and period, the later seq stands. */
export async function upsertCounts(pool: Pool, entries: readonly EntryOf<'count.reported'>[]): Promise<void> {
  await pool.query(
    `INSERT INTO count_record (source_kind, syndrome, region_code, facility_id, period, count, denominator, logged_at, seq)
     SELECT "sourceKind", syndrome, "regionCode", "facilityId", period, count, denominator, "loggedAt", seq
     FROM jsonb_to_recordset($1::jsonb) AS r("sourceKind" text, syndrome text, "regionCode" text, "facilityId" text, period text,
       count int, denominator int, "loggedAt" bigint, seq bigint)
     ON CONFLICT (source_kind, syndrome, facility_id, period) DO UPDATE SET
       count = excluded.count, denominator = excluded.denominator, region_code = excluded.region_code,
       logged_at = excluded.logged_at, seq = excluded.seq
     WHERE count_record.seq < excluded.seq`,
    [JSON.stringify(entries.map(e => ({ ...e.body, loggedAt: e.loggedAt, seq: e.seq })))],
  )
}

/** Brings the counts level with the log after a stop: everything logged after the newest row, newest per key. */
export async function levelCounts(pool: Pool): Promise<void> {
  await pool.query(
    `INSERT INTO count_record (source_kind, syndrome, region_code, facility_id, period, count, denominator, logged_at, seq)
     SELECT DISTINCT ON (1, 2, 4, 5) body ->> 'sourceKind', body ->> 'syndrome', body ->> 'regionCode', body ->> 'facilityId', body ->> 'period',
       (body ->> 'count')::int, (body ->> 'denominator')::int, logged_at, seq
     FROM entry WHERE kind = 'count.reported' AND seq > (SELECT coalesce(max(seq), 0) FROM count_record)
     ORDER BY 1, 2, 4, 5, seq DESC
     ON CONFLICT (source_kind, syndrome, facility_id, period) DO UPDATE SET
       count = excluded.count, denominator = excluded.denominator, region_code = excluded.region_code,
       logged_at = excluded.logged_at, seq = excluded.seq
     WHERE count_record.seq < excluded.seq`,
  )
}

/** SQL of the analysts: long history from the table of counts, one facility and day a row. Read only, bounded. */
import type pg from 'pg'
import type { DailyRow } from './study.ts'

/** Rows of one study at most: 500 facilities × 6 syndromes × 365 days × 6 years is beyond it; then the newest are taken. */
export const rowsMax = 2_000_000

/** Counts since a day; a day reported by the hour is the sum of its hours unless the day itself was reported. */
export async function listDailyCounts(pool: pg.Pool, fromDay: string): Promise<DailyRow[]> {
  const rows = await pool.query<DailyRow>(
    `SELECT source_kind AS "sourceKind", syndrome, facility_id AS "facilityId", max(region_code) AS "regionCode",
       (left(period, 10)::date - DATE '1970-01-01')::int AS day,
       coalesce(sum(count) FILTER (WHERE length(period) = 10), sum(count) FILTER (WHERE length(period) > 10))::int AS count
     FROM count_record WHERE period >= $1
     GROUP BY source_kind, syndrome, facility_id, left(period, 10)
     ORDER BY left(period, 10) DESC LIMIT ${rowsMax}`,
    [fromDay],
  )
  return rows.rows
}

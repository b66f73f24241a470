/**
 * SQL of query/: reading history from the log's tables and the projections. Read only, paged, every page with a Max.
 */
import type { Pool } from 'pg'
import type { AlertView, CallView, IncidentView } from '#contract/view.ts'
import type { PositionRow } from '#contract/wire.ts'

/** Rows of one page at most. */
export const pageMax = 200
/** Fixes of one track at most: a day at 5 s is 17,280. */
export const trackMax = 20_000

export type PageOf<T> = { rows: T[]; next?: string }
export type HistoryFilter = {
  state?: string
  regionCodes?: readonly string[]
  from?: number
  to?: number
  limit: number
  before?: string
}

type RecordTable = 'incident_record' | 'alert_record' | 'call_record'

/** Records of a projection, newest first; `before` is the cursor a page gave. */
async function listRecords<T>(pool: Pool, table: RecordTable, filter: HistoryFilter): Promise<PageOf<T>> {
  const limit = Math.min(filter.limit, pageMax)
  const [beforeAt, beforeId] = filter.before?.split('~') ?? []
  const found = await pool.query<{ id: string; at: number; view: T }>(
    `SELECT id, at, view FROM ${table}
     WHERE ($1::text IS NULL OR state = $1) AND ($2::text[] IS NULL OR region_code = ANY($2))
       AND ($3::bigint IS NULL OR at >= $3) AND ($4::bigint IS NULL OR at < $4)
       AND ($5::bigint IS NULL OR (at, id) < ($5, $6))
     ORDER BY at DESC, id DESC LIMIT $7`,
    [
      filter.state ?? null,
      filter.regionCodes ?? null,
      filter.from ?? null,
      filter.to ?? null,
      beforeAt === undefined ? null : Number(beforeAt),
      beforeId ?? '',
      limit + 1,
    ],
  )
  const rows = found.rows.slice(0, limit)
  const last = rows.at(-1)
  const page: PageOf<T> = { rows: rows.map(row => row.view) }
  if (found.rows.length > limit && last) page.next = `${last.at}~${last.id}`
  return page
}

export const listIncidents = (pool: Pool, filter: HistoryFilter) =>
  listRecords<IncidentView>(pool, 'incident_record', filter)
export const listAlerts = (pool: Pool, filter: HistoryFilter) => listRecords<AlertView>(pool, 'alert_record', filter)
export const listCalls = (pool: Pool, filter: HistoryFilter) => listRecords<CallView>(pool, 'call_record', filter)

/** Fixes of one unit by device time. */
export async function listTrack(pool: Pool, unitId: string, from: number, to: number): Promise<PositionRow[]> {
  const rows = await pool.query<{ lon: number; lat: number; at: number; course: number | null; speed: number | null }>(
    `SELECT lon, lat, occurred_at AS at, course_deg AS course, speed_kmh AS speed FROM position
     WHERE unit_id = $1 AND occurred_at >= $2 AND occurred_at < $3 ORDER BY occurred_at LIMIT ${trackMax}`,
    [unitId, from, to],
  )
  return rows.rows.map(r => [unitId, r.lon, r.lat, r.at, r.course ?? -1, r.speed ?? -1])
}

export type TrailRow = {
  seq: number
  kind: string
  loggedAt: number
  occurredAt: number
  source: string
  actor: { name: string; accountId: string } | null
  body: Record<string, unknown>
  result: string | null
  code: string | null
  /** Regions of the incident, call and alert it names, by the projections: also of what the world no longer holds. */
  regions: (string | null)[]
}

export type TrailFilter = {
  incidentId?: string
  alertId?: string
  kinds: readonly string[]
  beforeSeq?: number
  limit: number
}

/** Entries of the small table, newest first, with their outcomes: the audit trail. Sealed values come sealed. */
export async function listTrail(pool: Pool, filter: TrailFilter): Promise<TrailRow[]> {
  const rows = await pool.query<TrailRow>(
    `SELECT e.seq, e.kind, e.logged_at AS "loggedAt", e.occurred_at AS "occurredAt", e.source, e.actor, e.body, o.result, o.code,
       ARRAY[i.region_code, c.region_code, a.region_code] AS regions
     FROM entry e LEFT JOIN outcome o ON o.seq = e.seq
       LEFT JOIN incident_record i
         ON i.id = coalesce(e.body ->> 'incidentId', CASE WHEN e.body ->> 'recordKind' = 'incident' THEN e.body ->> 'recordId' END)
       LEFT JOIN call_record c
         ON c.id = coalesce(e.body ->> 'callId', CASE WHEN e.body ->> 'recordKind' = 'call' THEN e.body ->> 'recordId' END)
       LEFT JOIN alert_record a ON a.id = coalesce(e.body ->> 'alertId', substring(e.body ->> 'pageId' FROM '^P-(.*)-[0-9]+$'))
     WHERE e.kind = ANY($1) AND ($2::bigint IS NULL OR e.seq < $2)
       AND ($3::text IS NULL OR (e.body ? 'incidentId' AND e.body ->> 'incidentId' = $3))
       AND ($4::text IS NULL OR (e.body ? 'alertId' AND e.body ->> 'alertId' = $4))
     ORDER BY e.seq DESC LIMIT $5`,
    [
      filter.kinds,
      filter.beforeSeq ?? null,
      filter.incidentId ?? null,
      filter.alertId ?? null,
      Math.min(filter.limit, pageMax),
    ],
  )
  return rows.rows
}

/** One record of a projection by its id; undefined when there is none. */
export async function findRecord<T>(
  pool: Pool,
  table: 'incident_record' | 'alert_record',
  id: string,
): Promise<T | undefined> {
  const rows = await pool.query<{ view: T }>(`SELECT view FROM ${table} WHERE id = $1`, [id])
  return rows.rows[0]?.view
}

const recordKinds = {
  call: { kinds: ['call.received'], idField: 'callId' },
  incident: { kinds: ['incident.opened', 'incident.noted'], idField: 'incidentId' },
  card: { kinds: ['report.received'], idField: 'cardId' },
} as const

/** One entry that holds sealed fields of a record: its body, when it was written and by whom. */
export type RecordBody = { body: Record<string, unknown>; loggedAt: number; by: string }

/** Entries that hold a record's sealed fields, oldest first, refused ones left out. */
export async function listRecordBodies(
  pool: Pool,
  recordKind: keyof typeof recordKinds,
  recordId: string,
): Promise<RecordBody[]> {
  const { kinds, idField } = recordKinds[recordKind]
  const rows = await pool.query<RecordBody>(
    `SELECT e.body, e.logged_at AS "loggedAt", coalesce(e.actor ->> 'name', e.source) AS by
     FROM entry e LEFT JOIN outcome o ON o.seq = e.seq
     WHERE e.kind = ANY($1) AND e.body ->> '${idField}' = $2 AND e.body ? '${idField}' AND coalesce(o.result, 'done') = 'done' ORDER BY e.seq LIMIT ${pageMax}`,
    [kinds, recordId],
  )
  return rows.rows
}

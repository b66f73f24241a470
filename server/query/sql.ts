/**
 * SQL of query/: reading history from the log's tables and the projections. Read only, paged, every page with a Max.
 */
import type { Pool } from 'pg'
import type { HandoverView, ReviewView } from '#contract/duty.ts'
import { dayMs, shanghaiOffsetMs } from '#contract/scalars.ts'
import type { AlertView, CallView, CardDate, CardView, EventView, IncidentView, StampView } from '#contract/view.ts'
import { cardPageMax, cardTotalMax, type PositionRow } from '#contract/wire.ts'

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

type RecordTable =
  | 'incident_record'
  | 'alert_record'
  | 'call_record'
  | 'event_record'
  | 'handover_record'
  | 'review_record'

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
export const listHandovers = (pool: Pool, filter: HistoryFilter) =>
  listRecords<HandoverView>(pool, 'handover_record', filter)
export const listReviews = (pool: Pool, filter: HistoryFilter) => listRecords<ReviewView>(pool, 'review_record', filter)

/** Earlier and later calls of one call's number, by the keyed hashes of identity: a forgotten call is not among them. Newest first. */
export async function listNumberCalls(pool: Pool, callId: string, max: number): Promise<CallView[]> {
  const rows = await pool.query<{ view: CallView }>(
    `SELECT c.view FROM record_hash h
       JOIN record_hash o ON o.hash_kind = h.hash_kind AND o.hash = h.hash AND o.record_kind = 'call' AND o.record_id <> h.record_id
       JOIN call_record c ON c.id = o.record_id
     WHERE h.record_kind = 'call' AND h.record_id = $1 AND h.hash_kind = 'phone'
     ORDER BY c.at DESC, c.id DESC LIMIT $2`,
    [callId, Math.min(max, pageMax)],
  )
  return rows.rows.map(row => row.view)
}
export const listEvents = (pool: Pool, filter: HistoryFilter) => listRecords<EventView>(pool, 'event_record', filter)

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
  table: 'incident_record' | 'alert_record' | 'event_record',
  id: string,
): Promise<T | undefined> {
  const rows = await pool.query<{ view: T }>(`SELECT view FROM ${table} WHERE id = $1`, [id])
  return rows.rows[0]?.view
}

const recordKinds = {
  call: { kinds: ['call.received', 'call.described', 'call.linked'], idField: 'callId' },
  incident: {
    kinds: ['incident.opened', 'incident.noted', 'incident.questioned', 'slip.entered'],
    idField: 'incidentId',
  },
  card: { kinds: ['report.received', 'report.drafted', 'report.corrected'], idField: 'cardId' },
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
     WHERE e.kind = ANY($1) AND e.body ->> '${idField}' = $2 AND e.body ? '${idField}' AND coalesce(o.result, 'done') = 'done'
       AND (e.kind <> 'incident.questioned' OR e.body ? 'note') ORDER BY e.seq LIMIT ${pageMax}`,
    [kinds, recordId],
  )
  return rows.rows
}

/** Sources of one answer at most: facilities × kinds of a prefecture are a few thousand. */
export const sourcesMax = 10_000
/** Figures of one week at most: kinds × syndromes × streets of a prefecture × 14 days. */
export const figuresMax = 200_000
/** Publications of rules looked at by one reading of their history. */
export const publicationsMax = 21

export type SourceRow = {
  sourceKind: string
  facilityId: string
  regionCode: string
  isHourly: boolean
  lastPeriod: string
  lastAt: number
  firstSlot: number
  lastSlot: number
  reported: number
  /** Of those reported, the ones whose period ended after the source joined: earlier ones are its history, not its lateness. */
  current: number
  late: number
  recentTotal: number | null
  recentDays: number
  usualTotal: number | null
  usualDays: number
}

export type SourceFilter = {
  regionCodes: readonly string[]
  /** Days looked at, consecutive, oldest first; slots are counted from the first. */
  days: readonly string[]
  /** First instant of the first day, epoch ms. */
  startAt: number
  /** Slots [from, to) whose completeness is told, for days and for hours. */
  daySlots: readonly [number, number]
  hourSlots: readonly [number, number]
  /** Days [from, to) that are compared: recent against usual. */
  recentDays: readonly [number, number]
  usualDays: readonly [number, number]
  /** Milliseconds after its end at which a day or an hour is late. */
  lateAfterMs: Readonly<Record<'hour' | 'day', number>>
}

/** Sources by facility × kind × rhythm with what they reported over a span of days; a day that is none drops out. */
export async function listSources(pool: Pool, filter: SourceFilter): Promise<SourceRow[]> {
  const rows = await pool.query<SourceRow>(
    `WITH span AS (SELECT day, (ord - 1)::int AS day_no FROM unnest($2::text[]) WITH ORDINALITY AS d(day, ord)),
     slot AS (
       SELECT c.source_kind, c.facility_id, c.region_code, c.period, s.day_no, c.count, c.logged_at,
         length(c.period) > 10 AS is_hourly,
         CASE WHEN length(c.period) > 10 THEN s.day_no * 24 + right(c.period, 2)::int ELSE s.day_no END AS slot_no
       FROM count_record c JOIN span s ON s.day = left(c.period, 10)
       WHERE c.region_code = ANY($1) AND c.period >= $2[1]),
     report AS (
       SELECT source_kind, facility_id, is_hourly, slot_no, day_no, max(region_code) AS region_code, max(period) AS period,
         sum(count)::float8 AS total, max(logged_at) AS logged_at,
         $3 + (slot_no + 1) * CASE WHEN is_hourly THEN 3600000::bigint ELSE 86400000::bigint END AS end_at,
         min(max(logged_at)) OVER (PARTITION BY source_kind, facility_id, is_hourly) AS joined_at,
         CASE WHEN is_hourly THEN slot_no >= $6 AND slot_no < $7 ELSE slot_no >= $4 AND slot_no < $5 END AS is_due
       FROM slot GROUP BY source_kind, facility_id, is_hourly, slot_no, day_no)
     SELECT source_kind AS "sourceKind", facility_id AS "facilityId", max(region_code) AS "regionCode", is_hourly AS "isHourly",
       max(period) AS "lastPeriod", max(logged_at) AS "lastAt", min(slot_no) AS "firstSlot", max(slot_no) AS "lastSlot",
       (count(*) FILTER (WHERE is_due))::int AS reported, (count(*) FILTER (WHERE is_due AND end_at >= joined_at))::int AS current,
       (count(*) FILTER (WHERE is_due AND end_at >= joined_at
         AND logged_at > end_at + CASE WHEN is_hourly THEN $12::bigint ELSE $13::bigint END))::int AS late,
       sum(total) FILTER (WHERE day_no >= $8 AND day_no < $9) AS "recentTotal",
       (count(DISTINCT day_no) FILTER (WHERE day_no >= $8 AND day_no < $9))::int AS "recentDays",
       sum(total) FILTER (WHERE day_no >= $10 AND day_no < $11) AS "usualTotal",
       (count(DISTINCT day_no) FILTER (WHERE day_no >= $10 AND day_no < $11))::int AS "usualDays"
     FROM report GROUP BY source_kind, facility_id, is_hourly ORDER BY facility_id, source_kind, is_hourly LIMIT ${sourcesMax}`,
    [
      filter.regionCodes,
      filter.days,
      filter.startAt,
      ...filter.daySlots,
      ...filter.hourSlots,
      ...filter.recentDays,
      ...filter.usualDays,
      filter.lateAfterMs.hour,
      filter.lateAfterMs.day,
    ],
  )
  return rows.rows
}

export type FigureRow = {
  sourceKind: string
  syndrome: string
  regionCode: string
  day: string
  count: number
  reporters: number
}

/** Counts by source kind × syndrome × region × day of [fromDay, toDay); a facility's own day stands before the sum of its hours. */
export async function listFigures(
  pool: Pool,
  filter: { regionCodes: readonly string[]; fromDay: string; toDay: string; sourceKind?: string; syndrome?: string },
): Promise<FigureRow[]> {
  const rows = await pool.query<FigureRow>(
    `WITH day_of AS (
       SELECT source_kind, syndrome, facility_id, max(region_code) AS region_code, left(period, 10) AS day,
         coalesce(sum(count) FILTER (WHERE length(period) = 10), sum(count)) AS total
       FROM count_record
       WHERE region_code = ANY($1) AND period >= $2 AND period < $3
         AND ($4::text IS NULL OR source_kind = $4) AND ($5::text IS NULL OR syndrome = $5)
       GROUP BY source_kind, syndrome, facility_id, left(period, 10))
     SELECT source_kind AS "sourceKind", syndrome, region_code AS "regionCode", day, sum(total)::int AS count, count(*)::int AS reporters
     FROM day_of GROUP BY source_kind, syndrome, region_code, day ORDER BY day LIMIT ${figuresMax}`,
    [filter.regionCodes, filter.fromDay, filter.toDay, filter.sourceKind ?? null, filter.syndrome ?? null],
  )
  return rows.rows
}

/** 120 calls by syndrome × region × day since 1970-01-01 in Asia/Shanghai, of [from, to). */
export async function listCallFigures(
  pool: Pool,
  filter: { regionCodes: readonly string[]; from: number; to: number; syndrome?: string },
): Promise<{ syndrome: string; regionCode: string; dayIndex: number; count: number }[]> {
  const rows = await pool.query<{ syndrome: string; regionCode: string; dayIndex: number; count: number }>(
    `SELECT coalesce(view ->> 'syndrome', 'unknown') AS syndrome, region_code AS "regionCode",
       ((at + ${shanghaiOffsetMs}) / ${dayMs})::int AS "dayIndex", count(*)::int AS count
     FROM call_record
     WHERE region_code = ANY($1) AND at >= $2 AND at < $3
       AND ($4::text IS NULL OR coalesce(view ->> 'syndrome', 'unknown') = $4)
     GROUP BY 1, 2, 3 LIMIT ${figuresMax}`,
    [filter.regionCodes, filter.from, filter.to, filter.syndrome ?? null],
  )
  return rows.rows
}

/** Publications of rules that were carried out, newest first: version, who, when, the rules as they were said. */
export async function listPublications(
  pool: Pool,
): Promise<
  { seq: number; loggedAt: number; actor: { name: string } | null; body: { version: number; rules: unknown[] } }[]
> {
  const rows = await pool.query<{
    seq: number
    loggedAt: number
    actor: { name: string } | null
    body: { version: number; rules: unknown[] }
  }>(
    `SELECT e.seq, e.logged_at AS "loggedAt", e.actor, e.body FROM entry e LEFT JOIN outcome o ON o.seq = e.seq
     WHERE e.kind = 'rule.published' AND coalesce(o.result, 'done') = 'done' ORDER BY e.seq DESC LIMIT ${publicationsMax}`,
  )
  return rows.rows
}
/** Records of one page of a report: small enough that a click never waits long behind it. */
export const reportPageMax = 2_000

export type ReportIncidentRow = {
  id: string
  at: number
  state: string
  regionCode: string
  level: number
  outcome: string | null
  isMerged: boolean
  stamps: StampView[]
}
export type ReportCallRow = {
  id: string
  at: number
  regionCode: string
  level: number | null
  answeredAt: number | null
  abandonedAt: number | null
  outcome: string | null
}
export type ReportFilter = {
  from: number
  to: number
  regionCodes: readonly string[]
  after?: { at: number; id: string }
}

async function listReportRows<T>(pool: Pool, table: RecordTable, fields: string, filter: ReportFilter): Promise<T[]> {
  const found = await pool.query(
    `SELECT id, at, region_code AS "regionCode", ${fields} FROM ${table}
     WHERE at >= $1 AND at < $2 AND region_code = ANY($3) AND ($4::bigint IS NULL OR (at, id) > ($4, $5))
     ORDER BY at, id LIMIT ${reportPageMax}`,
    [filter.from, filter.to, filter.regionCodes, filter.after?.at ?? null, filter.after?.id ?? ''],
  )
  return found.rows as T[]
}

/** Incidents of a report by the time they were opened, oldest first; `after` is the last row of the page before. */
export const listReportIncidents = (pool: Pool, filter: ReportFilter) =>
  listReportRows<ReportIncidentRow>(
    pool,
    'incident_record',
    `state, level, view ->> 'outcome' AS outcome, view ? 'mergedInto' AS "isMerged", view -> 'stamps' AS stamps`,
    filter,
  )

/** Calls of a report by the time they rang. */
export const listReportCalls = (pool: Pool, filter: ReportFilter) =>
  listReportRows<ReportCallRow>(
    pool,
    'call_record',
    `(view ->> 'level')::int AS level, (view ->> 'answeredAt')::bigint AS "answeredAt",
     (view ->> 'abandonedAt')::bigint AS "abandonedAt", view ->> 'outcome' AS outcome`,
    filter,
  )

/** Column of each date a line list can go by. */
const cardDays: Readonly<Record<CardDate, string>> = {
  onset: 'onset_day',
  diagnosis: 'diagnosis_day',
  filing: 'filing_day',
  review: 'review_day',
}

export type CardFilter = {
  by: CardDate
  regionCodes: readonly string[]
  /** Ids of the disease and what lies under it. */
  rootId?: string
  diseaseIds?: readonly string[]
  fromDay?: string
  untilDay?: string
  caseClass?: string
  facilityId?: string
  placeId?: string
  source?: string
  state?: string
  ageBand?: string
  sex?: string
  isLate?: boolean
  /** Set to the city's now: only cards whose review is (true) or is not (false) overdue then. */
  overdue?: { now: number; isOverdue: boolean }
  hasDuplicates?: boolean
}

/**
 * The condition of a filter as text and values. Only what is asked for stands in it: a condition that may be null hides the
 * index from the planner.
 */
function buildCardWhere(filter: CardFilter): { where: string; values: unknown[] } {
  const day = cardDays[filter.by]
  const terms: string[] = []
  const values: unknown[] = []
  const add = (term: (place: string) => string, value: unknown) => {
    if (value === undefined) return
    values.push(value)
    terms.push(term(`$${values.length}`))
  }
  add(p => `region_code = ANY(${p}::text[])`, filter.regionCodes)
  if (filter.by === 'onset' || filter.by === 'review') terms.push(`${day} IS NOT NULL`)
  add(p => `${day} >= ${p}::date`, filter.fromDay)
  add(p => `${day} <= ${p}::date`, filter.untilDay)
  add(p => `root_id = ${p}`, filter.rootId)
  add(p => `disease_id = ANY(${p}::text[])`, filter.diseaseIds)
  add(p => `case_class = ${p}`, filter.caseClass)
  add(p => `facility_id = ${p}`, filter.facilityId)
  add(p => `place_id = ${p}`, filter.placeId)
  add(p => `source = ${p}`, filter.source)
  add(p => `state = ${p}`, filter.state)
  add(p => `age_band = ${p}`, filter.ageBand)
  add(p => `sex = ${p}`, filter.sex)
  add(p => `filed_late = ${p}`, filter.isLate)
  if (filter.overdue)
    add(p => `${filter.overdue!.isOverdue ? '' : 'NOT '}(state = 'filed' AND review_due_at < ${p})`, filter.overdue.now)
  if (filter.hasDuplicates === false) terms.push('duplicate_of IS NULL')
  return { where: terms.join(' AND '), values }
}

/** One page of the line list, newest first by the date it goes by; `before` is the cursor a page gave. */
export async function listCards(
  pool: Pool,
  filter: CardFilter,
  page: { limit: number; before?: string | undefined },
): Promise<PageOf<CardView>> {
  const day = cardDays[filter.by]
  const limit = Math.min(page.limit, cardPageMax)
  const { where, values } = buildCardWhere(filter)
  const [beforeDay, beforeId] = page.before?.split('~') ?? []
  if (beforeDay !== undefined) values.push(beforeDay, beforeId ?? '')
  const cursor = beforeDay === undefined ? '' : ` AND (${day}, id) < ($${values.length - 1}::date, $${values.length})`
  const found = await pool.query<{ id: string; day: string; view: CardView }>(
    `SELECT id, to_char(${day}, 'YYYY-MM-DD') AS day, view FROM card_record
     WHERE ${where}${cursor} ORDER BY ${day} DESC, id DESC LIMIT ${limit + 1}`,
    values,
  )
  const rows = found.rows.slice(0, limit)
  const last = rows.at(-1)
  return {
    rows: rows.map(row => row.view),
    ...(found.rows.length > limit && last ? { next: `${last.day}~${last.id}` } : {}),
  }
}

/** How many cards match, up to `cardTotalMax`. */
export async function countCards(pool: Pool, filter: CardFilter): Promise<{ total: number; isMore: boolean }> {
  const { where, values } = buildCardWhere(filter)
  const found = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT 1 FROM card_record WHERE ${where} LIMIT ${cardTotalMax + 1}) AS found`,
    values,
  )
  const n = found.rows[0]?.n ?? 0
  return { total: Math.min(n, cardTotalMax), isMore: n > cardTotalMax }
}

/** Cases by day: cards that are no duplicates and not retracted; null is the row of those without the date asked for. */
export async function countCardsByDay(pool: Pool, filter: CardFilter): Promise<{ day: string | null; n: number }[]> {
  const day = cardDays[filter.by]
  const { fromDay, untilDay, ...rest } = filter
  const { where, values } = buildCardWhere({ ...rest, by: 'diagnosis' })
  values.push(fromDay, untilDay)
  const [from, until] = [`$${values.length - 1}::date`, `$${values.length}::date`]
  const within =
    day === 'diagnosis_day'
      ? `diagnosis_day >= ${from} AND diagnosis_day <= ${until}`
      : `((${day} >= ${from} AND ${day} <= ${until})
          OR (${day} IS NULL AND diagnosis_day >= ${from} AND diagnosis_day <= ${until}))`
  const found = await pool.query<{ day: string | null; n: number }>(
    `SELECT to_char(on_day, 'YYYY-MM-DD') AS day, n FROM (
       SELECT ${day} AS on_day, count(*)::int AS n FROM card_record
       WHERE ${where} AND duplicate_of IS NULL AND state <> 'retracted' AND ${within} GROUP BY 1) AS counted`,
    values,
  )
  return found.rows
}

/** The source that filed a card, for whom only its own are shown; undefined for a card the tables do not hold. */
export async function findCardRow(pool: Pool, cardId: string): Promise<{ view: CardView; source: string } | undefined> {
  const rows = await pool.query<{ view: CardView; source: string }>(
    'SELECT view, source FROM card_record WHERE id = $1',
    [cardId],
  )
  return rows.rows[0]
}

/** Fixes of one replay at most: some 4 MB of answer. */
export const trackRowsMax = 60_000

export type TrackRow = {
  unitId: string
  at: number
  lon: number
  lat: number
  course: number | null
  speed: number | null
}

/** Fixes of several units in a stretch, the first of each step, by device time. */
export async function listTracks(
  pool: Pool,
  unitIds: readonly string[],
  from: number,
  to: number,
  stepMs: number,
): Promise<TrackRow[]> {
  const rows = await pool.query<TrackRow>(
    `SELECT DISTINCT ON (unit_id, (occurred_at - $2) / $4) unit_id AS "unitId", occurred_at AS at, lon, lat,
       course_deg AS course, speed_kmh AS speed
     FROM position WHERE unit_id = ANY($1) AND occurred_at >= $2 AND occurred_at < $3
     ORDER BY unit_id, (occurred_at - $2) / $4, occurred_at LIMIT ${trackRowsMax}`,
    [unitIds, from, to, stepMs],
  )
  return rows.rows
}

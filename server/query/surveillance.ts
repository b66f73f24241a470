/**
 * Reads of surveillance: health of the sources, the figures of a week, a long calendar of days, the history of the rules. GET
 * only, over the projections of fanout/tables.ts; every answer holds only regions the asker covers. What stands in the live
 * world (series, alerts) is read in routes.ts.
 */
import type { Pool } from 'pg'
import { z } from 'zod'
import { reject } from '#contract/errors.ts'
import { Rule } from '#contract/rule.ts'
import {
  Day,
  dayMs,
  EpochMs,
  formatDay,
  getDayIndex,
  getDayStartAt,
  hourMs,
  Id,
  parseDay,
  RegionCode,
  SourceKind,
  Syndrome,
} from '#contract/scalars.ts'
import {
  type AlertView,
  CalendarDayView,
  type EvidenceView,
  FacilityCountView,
  SourceHealthView,
  WeekFigureView,
} from '#contract/view.ts'
import type { World } from '../state/world.ts'
import type { Asker } from './routes.ts'
import { listCallFigures, listFigures, listPublications, listSources, type SourceRow } from './sql.ts'

/** Days of reports looked at: a source silent for longer is no longer watched. */
const healthDays = 90
/** Due days whose completeness is told. */
const completenessDays = 14
/** Recent days against usual ones before them. */
const recentDays = 7
const usualDays = 28
/** A day's figures are usual during the day after, an hour's for six hours: the same limits as detect/rules.ts. */
const lateAfterMs = { day: dayMs, hour: 6 * hourMs } as const
/** Days of one calendar at most: a leap year and four weeks. */
export const calendarDaysMax = 394
/** Facilities listed behind one alert at most. */
export const facilitiesMax = 500

type Get = <Q>(
  url: string,
  documented: { summary: string; querystring?: z.ZodType<Q>; params?: z.ZodType; response: z.ZodType },
  work: (asker: Asker, query: Q, params: Record<string, string>) => Promise<unknown> | unknown,
) => void

export type SurveillancePorts = {
  pool: Pool
  world: World
  /** Codes of all regions the asker covers at and below one, or everywhere. */
  listBelow(covers: (code: string) => boolean, scope: string | undefined): string[]
}

/** Judges one source from what it reported; `today` is the index of the running day within the span, `now` epoch ms. */
export function judgeSource(row: SourceRow, span: { startAt: number; today: number; now: number }): SourceHealthView {
  const slotMs = row.isHourly ? hourMs : dayMs
  const usualMs = lateAfterMs[row.isHourly ? 'hour' : 'day']
  // The period after the last one reported is overdue once its own usual delay has passed.
  const overdueAt = span.startAt + (row.lastSlot + 2) * slotMs + usualMs
  const due = countDue(span, row.isHourly)
  const first = Math.max(row.firstSlot, due - completenessDays * (row.isHourly ? 24 : 1))
  const expected = Math.max(0, due - first)
  const recentMean = row.recentDays > 0 ? row.recentTotal! / row.recentDays : undefined
  const usualMean = row.usualDays > 0 ? row.usualTotal! / row.usualDays : undefined
  return {
    facilityId: row.facilityId,
    sourceKind: row.sourceKind as SourceHealthView['sourceKind'],
    regionCode: row.regionCode,
    period: row.isHourly ? 'hour' : 'day',
    lastPeriod: row.lastPeriod,
    lastAt: row.lastAt,
    ...(span.now >= overdueAt ? { silentSince: overdueAt } : {}),
    completeness: expected === 0 ? 1 : Math.min(1, row.reported / expected),
    ...(row.current > 0 ? { lateShare: row.late / row.current } : {}),
    ...(recentMean === undefined ? {} : { recentMean }),
    ...(usualMean === undefined ? {} : { usualMean }),
    volumeChanged: isChanged(recentMean, row.recentDays, usualMean, row.usualDays),
  }
}

/** Slots of the span that are due by now: ended, and their usual delay over. */
function countDue({ startAt, now }: { startAt: number; now: number }, isHourly: boolean): number {
  const slotMs = isHourly ? hourMs : dayMs
  return Math.max(0, Math.floor((now - lateAfterMs[isHourly ? 'hour' : 'day'] - startAt) / slotMs))
}

/**
 * True when the recent mean differs from the usual one beyond three standard errors of two Poisson means and is at most half
 * or at least double of it. Fewer than three recent or fourteen usual days say nothing.
 */
function isChanged(
  recent: number | undefined,
  recentCount: number,
  usual: number | undefined,
  usualCount: number,
): boolean {
  if (recent === undefined || usual === undefined || recentCount < 3 || usualCount < 14) return false
  const error = Math.sqrt(Math.max(recent, 1) / recentCount + Math.max(usual, 1) / usualCount)
  return Math.abs(recent - usual) > 3 * error && (recent <= usual / 2 || recent >= usual * 2)
}

/** Days before the newest one that a facility is compared with. */
const usualOfFacilityDays = 7

/** What each facility under an evidence's region reported for its day, the largest excess first, at most `facilitiesMax`. */
export function listFacilities(
  world: Pick<World, 'series' | 'regions'>,
  evidence: readonly EvidenceView[],
  covers: (code: string) => boolean,
): FacilityCountView[] {
  const wanted = new Map<string, EvidenceView>()
  for (const each of evidence)
    if (each.sourceKind && each.syndrome && each.period.length === 10)
      wanted.set(`${each.sourceKind}|${each.syndrome}`, each)
  if (wanted.size === 0) return []
  const found: FacilityCountView[] = []
  for (const series of world.series.values()) {
    if (series.facilityId === undefined || series.period !== 'day') continue
    const each = wanted.get(`${series.sourceKind}|${series.syndrome}`)
    const slot = each && parseDay(each.period)! - series.firstIndex
    const regionCode = slot === undefined ? undefined : series.where?.[slot]
    const count = slot === undefined ? null : (series.values[slot] ?? null)
    if (!each || slot === undefined || !regionCode || count === null) continue
    if (!covers(regionCode) || !isBelow(world, regionCode, each.regionCode)) continue
    const before = series.values.slice(Math.max(0, slot - usualOfFacilityDays), slot).filter(value => value !== null)
    found.push({
      facilityId: series.facilityId,
      sourceKind: each.sourceKind!,
      syndrome: each.syndrome!,
      regionCode,
      period: each.period,
      count,
      ...(before.length > 0 ? { usual: before.reduce((sum, value) => sum + value, 0) / before.length } : {}),
    })
  }
  const excess = (row: FacilityCountView) => row.count - (row.usual ?? 0)
  return found.sort((a, b) => excess(b) - excess(a) || (a.facilityId < b.facilityId ? -1 : 1)).slice(0, facilitiesMax)
}

/** True when a region is another or lies below it. */
function isBelow(world: Pick<World, 'regions'>, code: string, scope: string): boolean {
  let at: string | undefined = code
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    if (at === scope) return true
    at = world.regions.get(at)?.parentCode
  }
  return false
}

/** The county a region is or lies in, else the region itself. */
function findCountyOf(world: World, code: string): string {
  let at: string | undefined = code
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (!region) return code
    if (region.level === 'county') return at
    at = region.parentCode
  }
  return code
}

/** Monday of the week a day index lies in: 1970-01-01 was a Thursday. */
function getMonday(dayIndex: number): number {
  return dayIndex - ((((dayIndex + 3) % 7) + 7) % 7)
}

const Scope = z.object({ regionCode: RegionCode.optional() })
const WeekQuery = Scope.extend({ day: Day.optional() })
const CalendarQuery = z.object({
  sourceKind: SourceKind,
  syndrome: Syndrome,
  regionCode: RegionCode,
  fromDay: Day,
  toDay: Day,
})
const RuleChange = z.object({
  ruleId: z.string(),
  what: z.enum(['added', 'changed', 'removed']),
  before: Rule.optional(),
  after: Rule.optional(),
})
const Publication = z.object({
  seq: z.int(),
  loggedAt: EpochMs,
  by: z.string().optional(),
  version: z.int(),
  changes: z.array(RuleChange),
})

/** What one publication changed against the one before it. */
function compareRules(before: readonly Rule[], after: readonly Rule[]): z.infer<typeof RuleChange>[] {
  const was = new Map(before.map(rule => [rule.ruleId, rule]))
  const is = new Map(after.map(rule => [rule.ruleId, rule]))
  return [...new Set([...was.keys(), ...is.keys()])].flatMap<z.infer<typeof RuleChange>>(ruleId => {
    const [old, now] = [was.get(ruleId), is.get(ruleId)]
    if (!old) return [{ ruleId, what: 'added' as const, after: now! }]
    if (!now) return [{ ruleId, what: 'removed' as const, before: old }]
    return JSON.stringify(old) === JSON.stringify(now)
      ? []
      : [{ ruleId, what: 'changed' as const, before: old, after: now }]
  })
}

/** Registers the reads; `get` is the one way of query/ to answer a GET. */
export function registerSurveillanceReads(get: Get, ports: SurveillancePorts): void {
  const { pool, world } = ports

  get(
    '/v1/sources/health',
    {
      summary: 'Every facility that reports counts: last report, silence, lateness, completeness, changed volume',
      querystring: Scope,
      response: z.object({ at: EpochMs, days: z.int(), sources: z.array(SourceHealthView) }),
    },
    async (asker, query) => {
      const { regionCode } = query as z.infer<typeof Scope>
      if (regionCode !== undefined && !asker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
      const now = world.city.now
      const today = getDayIndex(now)
      const firstDay = today - healthDays + 1
      const startAt = getDayStartAt(firstDay)
      const span = { startAt, today: healthDays - 1, now }
      const dueDays = countDue(span, false)
      const dueHours = countDue(span, true)
      const rows = await listSources(pool, {
        regionCodes: ports.listBelow(asker.covers, regionCode),
        days: Array.from({ length: healthDays }, (_, at) => formatDay(firstDay + at)),
        startAt,
        daySlots: [dueDays - completenessDays, dueDays],
        hourSlots: [dueHours - completenessDays * 24, dueHours],
        recentDays: [dueDays - recentDays, dueDays],
        usualDays: [dueDays - recentDays - usualDays, dueDays - recentDays],
        lateAfterMs,
      })
      return { at: now, days: healthDays, sources: rows.map(row => judgeSource(row, span)) }
    },
  )

  get(
    '/v1/alerts/:alertId/facilities',
    {
      summary: 'The facilities behind an alert: what each reported in the newest period against its own week before',
      params: z.object({ alertId: Id }),
      response: z.object({ facilities: z.array(FacilityCountView) }),
    },
    (asker, _query, params) => {
      const alertId = params.alertId!
      const alert = world.alerts.get(alertId)
      if (!alert || !asker.sees('alerts', alert)) return reject('ALERT_UNKNOWN', { alertId })
      const { evidence } = asker.show('alerts', alert) as AlertView
      return { facilities: listFacilities(world, evidence, asker.covers) }
    },
  )

  get(
    '/v1/surveillance/week',
    {
      summary: 'Figures of one week, Monday to Sunday, by source, syndrome and county',
      querystring: WeekQuery,
      response: z.object({ fromDay: Day, toDay: Day, figures: z.array(WeekFigureView) }),
    },
    async (asker, query) => {
      const { regionCode, day } = query as z.infer<typeof WeekQuery>
      if (regionCode !== undefined && !asker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
      const index = day === undefined ? getDayIndex(world.city.now) : parseDay(day)
      if (index === undefined) return reject('DAY_INVALID', { day: day! })
      const monday = getMonday(index)
      const regionCodes = ports.listBelow(asker.covers, regionCode)
      const [counts, calls] = await Promise.all([
        listFigures(pool, { regionCodes, fromDay: formatDay(monday - 7), toDay: formatDay(monday + 7) }),
        listCallFigures(pool, { regionCodes, from: getDayStartAt(monday - 7), to: getDayStartAt(monday + 7) }),
      ])
      const figures = new Map<string, WeekFigureView>()
      const add = (
        figure: { sourceKind: string; syndrome: string; regionCode: string; count: number; reporters: number },
        dayIndex: number,
      ) => {
        const county = findCountyOf(world, figure.regionCode)
        const key = `${figure.sourceKind}|${figure.syndrome}|${county}`
        const held = figures.get(key) ?? {
          sourceKind: figure.sourceKind as WeekFigureView['sourceKind'],
          syndrome: figure.syndrome as WeekFigureView['syndrome'],
          regionCode: county,
          days: new Array<number | null>(7).fill(null),
          reporters: 0,
        }
        figures.set(key, held)
        const at = dayIndex - monday
        if (at < 0) held.before = (held.before ?? 0) + figure.count
        else {
          held.days[at] = (held.days[at] ?? 0) + figure.count
          held.reporters = Math.max(held.reporters, figure.reporters)
        }
      }
      for (const row of counts) {
        const dayIndex = parseDay(row.day)
        if (dayIndex !== undefined) add(row, dayIndex)
      }
      for (const row of calls) add({ ...row, sourceKind: 'call-120', reporters: 1 }, row.dayIndex)
      return { fromDay: formatDay(monday), toDay: formatDay(monday + 6), figures: [...figures.values()] }
    },
  )

  get(
    '/v1/surveillance/calendar',
    {
      summary: 'Daily counts of one source, syndrome and region over up to thirteen months',
      querystring: CalendarQuery,
      response: z.object({ days: z.array(CalendarDayView) }),
    },
    async (asker, query) => {
      const { sourceKind, syndrome, regionCode, fromDay, toDay } = query as z.infer<typeof CalendarQuery>
      if (!asker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
      const [from, to] = [parseDay(fromDay), parseDay(toDay)]
      if (from === undefined) return reject('DAY_INVALID', { day: fromDay })
      if (to === undefined) return reject('DAY_INVALID', { day: toDay })
      const last = Math.min(to, from + calendarDaysMax - 1)
      const regionCodes = ports.listBelow(asker.covers, regionCode)
      const days = new Map<string, { count: number; reporters: number }>()
      const add = (day: string, count: number, reporters: number) => {
        const held = days.get(day) ?? { count: 0, reporters: 0 }
        days.set(day, { count: held.count + count, reporters: held.reporters + reporters })
      }
      if (sourceKind === 'call-120') {
        const range = { from: getDayStartAt(from), to: getDayStartAt(last + 1) }
        for (const row of await listCallFigures(pool, { regionCodes, ...range, syndrome }))
          add(formatDay(row.dayIndex), row.count, 1)
      } else {
        const range = { fromDay: formatDay(from), toDay: formatDay(last + 1) }
        for (const row of await listFigures(pool, { regionCodes, ...range, sourceKind, syndrome }))
          add(row.day, row.count, row.reporters)
      }
      return {
        days: [...days].map(([day, held]) => ({ day, ...held })).sort((a, b) => (a.day < b.day ? -1 : 1)),
      }
    },
  )

  get(
    '/v1/rules/history',
    {
      summary: 'Publications of rules, newest first: who, when, and what each changed',
      response: z.object({ publications: z.array(Publication) }),
    },
    async () => {
      // A rule of an older release that this one no longer reads is left out of the comparison, not an error of the asker.
      const rows = (await listPublications(pool)).map(row => ({
        ...row,
        rules: row.body.rules.flatMap(rule => {
          const parsed = Rule.safeParse(rule)
          return parsed.success ? [parsed.data] : []
        }),
      }))
      return {
        // The oldest row read is only there to be compared with, unless it is the first ever.
        publications: rows.flatMap((row, at) => {
          const before = rows[at + 1]
          if (!before && row.body.version !== 1 && at > 0) return []
          return [
            {
              seq: row.seq,
              loggedAt: row.loggedAt,
              ...(row.actor ? { by: row.actor.name } : {}),
              version: row.body.version,
              changes: compareRules(before?.rules ?? [], row.rules),
            },
          ]
        }),
      }
    },
  )
}

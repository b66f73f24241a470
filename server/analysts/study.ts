/**
 * Study: what an analyst makes of long history, pure over rows. Weekly Farrington flexible on the counts of a county, and the
 * prospective space-time permutation scan over the facilities of a city; each finding is a body of `signal.found`.
 */
import type { BodyInputOf } from '#contract/entry.ts'
import { formatDay, type SourceKind, type Syndrome } from '#contract/scalars.ts'
import { assessFarringtonFlexible } from '../detect/farrington-flexible.ts'
import { isRefusal } from '../detect/refusal.ts'
import { scanClusters } from '../detect/scan.ts'

/** Count of one facility on one Shanghai day (days since 1970-01-01). */
export type DailyRow = {
  sourceKind: SourceKind
  syndrome: Syndrome
  facilityId: string
  regionCode: string
  day: number
  count: number
}
export type Site = { lon: number; lat: number }
export type Found = BodyInputOf<'signal.found'>

/** Years of weeks Farrington looks back on. */
export const yearsBack = 5
/** Days the scan studies, and the longest cluster it looks for. */
export const scanDays = 60
const clusterDaysMax = 14
const clusterRadiusKm = 10
/** A week with fewer reported days is not a week: null, no opinion. */
const weekDaysMin = 5
/** One alarm in 200 quiet weeks a series. */
const alpha = 0.005
/** Fewer cases than this carry no scan. */
const scanCasesMin = 30
const replications = 999
/** A scan runs every day; an interval shorter than this is everyday chance. */
const recurrenceMinDays = 100
const facilitiesNamedMax = 20

/** Monday-Sunday week of a day: 1970-01-01 was a Thursday. */
export function getWeek(day: number): number {
  return Math.floor((day + 3) / 7)
}

/** First day (a Monday) of a week. */
export function getWeekStart(week: number): number {
  return week * 7 - 3
}

/**
 * Judges the last complete week of each county, source kind and syndrome. `scopeOf` gives the county of a region.
 * @param today day that has begun; its week is not complete
 * @source Noufaily et al. 2013 (detect/farrington-flexible.ts)
 */
export function studyWeeks(
  rows: readonly DailyRow[],
  today: number,
  scopeOf: (regionCode: string) => string | undefined,
): Found[] {
  const lastWeek = getWeek(today) - 1
  const firstWeek = lastWeek - Math.ceil(52.18 * (yearsBack + 1))
  const held = new Map<string, { row: DailyRow; region: string; sums: Float64Array; days: Map<number, Set<number>> }>()
  for (const row of rows) {
    const week = getWeek(row.day)
    const region = scopeOf(row.regionCode)
    if (week < firstWeek || week > lastWeek || region === undefined) continue
    const key = `${row.sourceKind}|${row.syndrome}|${region}`
    let series = held.get(key)
    if (!series) {
      series = { row, region, sums: new Float64Array(lastWeek - firstWeek + 1), days: new Map() }
      held.set(key, series)
    }
    const slot = week - firstWeek
    series.sums[slot]! += row.count
    const days = series.days.get(slot) ?? new Set()
    series.days.set(slot, days.add(row.day))
  }
  const found: Found[] = []
  for (const { row, region, sums, days } of held.values()) {
    const counts = [...sums].map((sum, slot) => ((days.get(slot)?.size ?? 0) >= weekDaysMin ? sum : null))
    const at = counts.length - 1
    const epochDays = counts.map((_, slot) => getWeekStart(firstWeek + slot))
    const judged = assessFarringtonFlexible(
      { counts, frequency: 52, epochDays },
      { first: at, last: at },
      { b: yearsBack, alpha },
    )
    if (isRefusal(judged)) continue
    const point = judged[0]!
    if (point.alarm !== true || point.upperbound === null) continue
    found.push({
      method: 'farrington-weekly',
      sourceKind: row.sourceKind,
      syndrome: row.syndrome,
      regionCode: region,
      period: formatDay(getWeekStart(lastWeek) + 6),
      observed: counts[at]!,
      ...(point.expected === null ? {} : { expected: point.expected }),
      threshold: point.upperbound,
      ...(point.pValue === null ? {} : { pValue: Math.min(1, Math.max(0, point.pValue)) }),
    })
  }
  return found
}

/**
 * Looks for clusters alive yesterday among the facilities that report daily, one scan a source kind and syndrome.
 * @param seed fixed by the day, so that an analysis run twice says the same
 * @source Kulldorff et al. 2005 (detect/scan.ts)
 */
export function studyPlaces(
  rows: readonly DailyRow[],
  today: number,
  sites: ReadonlyMap<string, Site>,
  scopeOf: (regionCode: string) => string | undefined,
): Found[] {
  const [firstDay, lastDay] = [today - scanDays, today - 1]
  const groups = new Map<string, DailyRow[]>()
  for (const row of rows) {
    if (row.day < firstDay || row.day > lastDay || row.count === 0 || !sites.has(row.facilityId)) continue
    const key = `${row.sourceKind}|${row.syndrome}`
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  const found: Found[] = []
  for (const group of groups.values()) {
    const facilityIds = [...new Set(group.map(row => row.facilityId))].sort()
    const index = new Map(facilityIds.map((id, i) => [id, i]))
    const total = group.reduce((sum, row) => sum + row.count, 0)
    if (facilityIds.length < 2 || total < scanCasesMin) continue
    const result = scanClusters(
      {
        locations: facilityIds.map(id => ({ id, ...sites.get(id)! })),
        cases: group.map(row => ({ location: index.get(row.facilityId)!, day: row.day, count: row.count })),
      },
      {
        model: 'permutation',
        mode: 'prospective',
        firstDay,
        lastDay,
        radiusMaxKm: clusterRadiusKm,
        lengthMaxDays: clusterDaysMax,
        replications,
        seed: today,
        isWeekdayAdjusted: true,
      },
    )
    if (isRefusal(result)) continue
    const [cluster] = result.clusters
    if (!cluster || (cluster.recurrenceDays ?? 0) < recurrenceMinDays) continue
    const centre = facilityIds[cluster.centre]!
    const regionCode = scopeOf(group.find(row => row.facilityId === centre)!.regionCode)
    if (regionCode === undefined) continue
    found.push({
      method: 'scan-permutation',
      sourceKind: group[0]!.sourceKind,
      syndrome: group[0]!.syndrome,
      regionCode,
      period: formatDay(lastDay),
      observed: cluster.observed,
      expected: cluster.expected,
      ...(cluster.pValue === null ? {} : { pValue: cluster.pValue }),
      recurrenceIntervalDays: cluster.recurrenceDays!,
      subjects: cluster.locations.slice(0, facilitiesNamedMax).map(at => facilityIds[at]!),
    })
  }
  return found
}

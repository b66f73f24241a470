/**
 * Leaves on series: detector, count, count of one facility, joined p. Part of `detect/`, pure: each looks at the world's series up
 * to the slot it judges and answers with a signal or with nothing. Counts are told as reported, also where the calendar was
 * taken out of them for judging.
 */
import type { CombinedCondition, CountCondition, DetectorCondition, PlaceCountCondition, Rule } from '#contract/rule.ts'
import { formatDay } from '#contract/scalars.ts'
import type { Series, World } from '../state/world.ts'
import { adjustUntil, getCalendar } from './calendar.ts'
import { correlationDaysMin, estimateCorrelation, findBestSubset } from './combine.ts'
import { assessCountTail, pFloor } from './count-tail.ts'
import { computeStudentUpperTail } from './distributions.ts'
import { evaluateEars } from './ears.ts'
import { getFacilityIndex } from './facility-index.ts'
import { describePeriod, findScope, getPeriodEndAt, isLate, type Judged } from './leaf.ts'
import { countWitnesses } from './witness.ts'

/** Scratch for proportions: percent of the denominator, null where either is missing. */
function toPercents(series: Series): (number | null)[] {
  return series.values.map((value, slot) => {
    const denominator = series.denominators[slot] ?? null
    return value === null || denominator === null || denominator === 0 ? null : (value / denominator) * 100
  })
}

export type Assessment = {
  observed: number
  expected: number
  threshold: number
  statistic?: number
  /** Absent for C3, whose statistic sums three days. */
  pValue?: number
  /** Absent when the calendar played no part. */
  dayFactor?: number
  alarm: boolean
}

/**
 * What a detector leaf makes of one slot of a series; undefined is no opinion (missing counts, a closed day, too little
 * history). The p-value is that of a new observation against a mean and spread estimated from the baseline.
 */
export function assessDetector(
  world: World,
  series: Series,
  index: number,
  leaf: DetectorCondition,
): Assessment | undefined {
  const at = index - series.firstIndex
  const raw = leaf.proportion ? toPercents(series) : series.values
  const observed = raw[at]
  if (observed === null || observed === undefined) return undefined
  let values: ArrayLike<number | null> = raw
  let slot = at
  let factor = 1
  if (leaf.adjust === 'calendar' && series.period === 'day') {
    const adjusted = adjustUntil(raw, series.firstIndex, at, getCalendar(world.calendar))
    if (!adjusted) return undefined
    values = adjusted.values
    slot = adjusted.slot
    factor = adjusted.factor
  }
  const method = leaf.method.slice(4) as 'C1' | 'C2' | 'C3'
  const judged = evaluateEars(values, slot, {
    method,
    baselineDays: leaf.baseline,
    minSigma: leaf.minSigma,
    ...(leaf.alpha === undefined || method === 'C3' ? {} : { alpha: leaf.alpha }),
  })
  if (!judged) return undefined
  const assessment: Assessment = {
    observed,
    expected: judged.expected * factor,
    threshold: judged.threshold * factor,
    alarm: judged.alarm,
  }
  if (judged.statistic !== null) assessment.statistic = judged.statistic
  if (values !== raw) assessment.dayFactor = factor
  if (method !== 'C3') {
    const excess = values[slot]! - judged.expected
    const t = judged.sd > 0 ? excess / (judged.sd * Math.sqrt(1 + 1 / leaf.baseline)) : 0
    const p = judged.sd > 0 ? computeStudentUpperTail(t, leaf.baseline - 1) : excess > 0 ? pFloor : 1
    assessment.pValue = Math.max(pFloor, p)
  }
  return assessment
}

/** The signal of a detector leaf at one slot; undefined when it does not fire. */
export function judgeDetector(
  world: World,
  series: Series,
  index: number,
  leaf: DetectorCondition,
): Judged | undefined {
  const count = series.values[index - series.firstIndex]
  if (count === null || count === undefined || count < leaf.minCount) return undefined
  const assessment = assessDetector(world, series, index, leaf)
  if (!assessment?.alarm) return undefined
  const { alarm: _alarm, ...figures } = assessment
  return {
    method: leaf.method,
    sourceKind: series.sourceKind,
    syndrome: series.syndrome,
    regionCode: series.regionCode,
    period: describePeriod(series, index),
    until: getPeriodEndAt(series, index),
    ...figures,
    late: isLate(world, series, index),
    at: world.city.now,
    subjects: [],
  }
}

/** Slots of a count leaf's window. */
export function countWindowSlots(period: Series['period'], windowH: number): number {
  return period === 'day' ? Math.max(1, Math.ceil(windowH / 24)) : windowH
}

function sumSlots(series: Series, index: number, slots: number): number {
  const slot = index - series.firstIndex
  let sum = 0
  for (let at = Math.max(0, slot - slots + 1); at <= slot; at++) sum += series.values[at] ?? 0
  return sum
}

/** The signal of a count leaf: the plain sum of its window up to one slot. */
export function judgeCount(
  world: World,
  series: Series,
  index: number,
  leaf: CountCondition,
  windowH: number,
): Judged | undefined {
  const observed = sumSlots(series, index, countWindowSlots(series.period, windowH))
  if (observed < leaf.min) return undefined
  return {
    method: 'count',
    sourceKind: series.sourceKind,
    syndrome: series.syndrome,
    regionCode: series.regionCode,
    period: describePeriod(series, index),
    until: getPeriodEndAt(series, index),
    observed,
    threshold: leaf.min,
    late: isLate(world, series, index),
    at: world.city.now,
    subjects: [],
  }
}

/** The signal of a facility's own counts: the fullest window that holds the slot told. `series` is that facility's by day. */
export function judgePlaceCount(
  world: World,
  series: Series,
  index: number,
  leaf: PlaceCountCondition,
  regionCode: string,
): Judged | undefined {
  const newest = series.firstIndex + series.values.length - 1
  let observed = -1
  let end = index
  for (let at = index; at <= Math.min(newest, index + leaf.windowDays - 1); at++) {
    const sum = sumSlots(series, at, leaf.windowDays)
    if (sum > observed) {
      observed = sum
      end = at
    }
  }
  if (observed < leaf.min) return undefined
  return {
    method: 'place-count',
    sourceKind: series.sourceKind,
    syndrome: series.syndrome,
    regionCode,
    period: formatDay(end),
    until: getPeriodEndAt(series, end),
    observed,
    threshold: leaf.min,
    late: isLate(world, series, end),
    at: world.city.now,
    subjects: [series.facilityId!],
  }
}

/**
 * Facilities that counted somebody in a window of slots ending at `index`, in a region of the rule's level; undefined for a
 * source that knows no facilities (120 calls).
 */
export function listFacilities(
  world: World,
  rule: Pick<Rule, 'regionLevel'>,
  regionCode: string,
  name: { period: Series['period']; sourceKind: string; syndrome: string },
  index: number,
  slots = 1,
): Set<string> | undefined {
  const own = getFacilityIndex(world).byName.get(`${name.period}|${name.sourceKind}|${name.syndrome}`)
  if (!own) return undefined
  const found = new Set<string>()
  for (const series of own)
    for (let at = index - slots + 1 - series.firstIndex; at <= index - series.firstIndex; at++) {
      const where = series.where?.[at]
      if (!series.values[at] || !where || findScope(world, where, rule) !== regionCode) continue
      found.add(series.facilityId!)
      break
    }
  return found.size > 0 ? found : undefined
}

type Part = {
  sourceKind: string
  observed: number
  expected: number
  pValue: number
  /** Counts freed of the calendar, by day index, for the correlation. */
  byDay: Map<number, number | null>
}

/** Histories of two sources on the days both have, oldest first. */
function align(a: Part, b: Part, day: number): [(number | null)[], (number | null)[]] {
  const left: (number | null)[] = []
  const right: (number | null)[] = []
  for (const [at, value] of a.byDay) {
    if (at >= day || !b.byDay.has(at)) continue
    left.push(value)
    right.push(b.byDay.get(at)!)
  }
  return [left, right]
}

/** The signal of joined p-values of a region on one day: the best subset of the sources that spoke. */
export function judgeCombined(
  world: World,
  rule: Pick<Rule, 'regionLevel'>,
  regionCode: string,
  day: number,
  leaf: CombinedCondition,
): Judged | undefined {
  const calendar = getCalendar(world.calendar)
  const parts: Part[] = []
  for (const sourceKind of leaf.sourceKinds) {
    const series = world.series.get(`day|${sourceKind}|${leaf.syndrome}|${regionCode}`)
    const slot = series ? day - series.firstIndex : -1
    const observed = series?.values[slot]
    if (!series || observed === null || observed === undefined) continue
    const history =
      leaf.adjust === 'calendar'
        ? adjustUntil(series.values, series.firstIndex, slot, calendar)
        : {
            values: series.values.slice(0, slot + 1),
            days: series.values.slice(0, slot + 1).map((_, i) => series.firstIndex + i),
            slot,
            factor: 1,
          }
    if (!history) continue
    const tail = assessCountTail(history.values, history.slot, observed, {
      baselineDays: leaf.baseline,
      factor: history.factor,
    })
    if (!tail) continue
    const byDay = new Map(history.days.map((at, i) => [at, history.values[i]!]))
    parts.push({ sourceKind, observed, expected: tail.expected, pValue: tail.pValue, byDay })
  }
  if (parts.length < leaf.minSources) return undefined
  const correlations = parts.map((a, i) =>
    parts.map((b, j) => {
      if (i === j) return 1
      const [left, right] = align(a, b, day)
      return left.length < correlationDaysMin ? undefined : estimateCorrelation(left, right, left.length)
    }),
  )
  const facilities = new Map<string, Set<string> | undefined>()
  const facilitiesOf = (sourceKind: string) => {
    if (!facilities.has(sourceKind))
      facilities.set(
        sourceKind,
        listFacilities(world, rule, regionCode, { period: 'day', sourceKind, syndrome: leaf.syndrome }, day),
      )
    return facilities.get(sourceKind)
  }
  const best = findBestSubset(
    parts.map(part => part.pValue),
    correlations,
    leaf.method,
    leaf.minSources,
    members =>
      members.reduce((sum, i) => sum + parts[i]!.observed, 0) >= leaf.minCount &&
      // Two kinds told by one facility are copies: joined they would count one source twice.
      countWitnesses(members.map(i => facilitiesOf(parts[i]!.sourceKind))) === members.length,
  )
  if (!best || best.pValue > leaf.alpha) return undefined
  const chosen = best.members.map(i => parts[i]!)
  return {
    method: 'combined-p',
    syndrome: leaf.syndrome,
    regionCode,
    period: formatDay(day),
    until: getPeriodEndAt({ period: 'day' }, day),
    observed: chosen.reduce((sum, part) => sum + part.observed, 0),
    expected: chosen.reduce((sum, part) => sum + part.expected, 0),
    pValue: best.pValue,
    correction: best.correction,
    sourceKinds: chosen.map(part => part.sourceKind),
    counts: chosen.map(part => part.observed),
    late: isLate(world, { period: 'day' }, day),
    at: world.city.now,
    subjects: [],
  }
}

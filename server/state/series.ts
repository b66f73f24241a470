/**
 * Series: counts per source kind × syndrome × region, by hour and by day, for detection. A report replaces its period and
 * re-assesses it today; sums of regions are kept exact by difference, so the order of arrival never matters. Absence is null,
 * a reported zero is 0. Live series hold about 60 days and 8 weeks of hours; older periods go to the tables only.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import { getDayIndex, getHourIndex, parseDay } from '#contract/scalars.ts'
import type { Series, Touched, World } from './world.ts'

/** Slots of a live series: 64 days ≥ 60; 8 weeks × 168 h = 1,344 hours. */
export const slotsMax = { day: 64, hour: 1_344 } as const
/** Live series at most; beyond it a new series is refused nothing but is kept in tables alone. */
export const seriesMax = 400_000

export type SeriesName = {
  period: 'hour' | 'day'
  sourceKind: string
  syndrome: string
  regionCode: string
  facilityId?: string
}

export function getSeriesKey(name: SeriesName): string {
  const region = `${name.period}|${name.sourceKind}|${name.syndrome}|${name.regionCode}`
  return name.facilityId === undefined ? region : `${region}|${name.facilityId}`
}

/** Period text as kind and index; undefined for a day that does not exist. */
export function parsePeriod(period: string): { period: 'hour' | 'day'; index: number } | undefined {
  const dayIndex = parseDay(period.slice(0, 10))
  if (dayIndex === undefined) return undefined
  if (period.length === 10) return { period: 'day', index: dayIndex }
  return { period: 'hour', index: dayIndex * 24 + Number(period.slice(11)) }
}

function getOrCreate(world: World, name: SeriesName): Series | undefined {
  const key = getSeriesKey(name)
  const held = world.series.get(key)
  if (held) return held
  if (world.series.size >= seriesMax) return undefined
  const series: Series = { key, ...name, firstIndex: 0, values: [], denominators: [], reporters: [] }
  world.series.set(key, series)
  return series
}

/** Offset of a period in the series, growing it (bounded) on either side; undefined when older than it can hold. */
function reachSlot(series: Series, index: number): number | undefined {
  const max = slotsMax[series.period]
  if (series.values.length === 0) series.firstIndex = index
  const newest = series.firstIndex + series.values.length - 1
  if (index <= newest - max) return undefined
  if (index < series.firstIndex) {
    const missing = series.firstIndex - index
    series.values.unshift(...new Array<null>(missing).fill(null))
    series.denominators.unshift(...new Array<null>(missing).fill(null))
    series.reporters.unshift(...new Array<number>(missing).fill(0))
    series.where?.unshift(...new Array<null>(missing).fill(null))
    series.firstIndex = index
  } else if (index - newest >= max && series.values.length > 0) {
    // A leap beyond everything held: start anew at this period.
    series.firstIndex = index
    series.values = [null]
    series.denominators = [null]
    series.reporters = [0]
    if (series.where) series.where = [null]
  } else {
    for (let at = newest; at < index || series.values.length === 0; at++) {
      series.values.push(null)
      series.denominators.push(null)
      series.reporters.push(0)
      series.where?.push(null)
    }
  }
  const surplus = series.values.length - max
  if (surplus > 0) {
    series.values.splice(0, surplus)
    series.denominators.splice(0, surplus)
    series.reporters.splice(0, surplus)
    series.where?.splice(0, surplus)
    series.firstIndex += surplus
  }
  return index - series.firstIndex
}

/** The region and every ancestor of it: a street's cases are also its county's and its city's. */
function listScopes(world: World, regionCode: string): string[] {
  const scopes = [regionCode]
  let parent = world.regions.get(regionCode)?.parentCode
  while (parent !== undefined && scopes.length < 8 && !scopes.includes(parent)) {
    scopes.push(parent)
    parent = world.regions.get(parent)?.parentCode
  }
  return scopes
}

type Difference = { count: number; denominator: number | null; reporters: number }

function addToSeries(world: World, name: SeriesName, index: number, by: Difference, touched: Touched): void {
  const series = getOrCreate(world, name)
  if (!series) return
  const slot = reachSlot(series, index)
  if (slot === undefined) return
  series.values[slot] = (series.values[slot] ?? 0) + by.count
  if (by.denominator !== null) series.denominators[slot] = (series.denominators[slot] ?? 0) + by.denominator
  series.reporters[slot] = (series.reporters[slot] ?? 0) + by.reporters
  // Nobody reports here any more (the only report moved to another region): absence again, not a zero.
  if (by.reporters < 0 && series.reporters[slot] === 0) {
    series.values[slot] = null
    series.denominators[slot] = null
  }
  touched.series.add(series.key)
  touched.judged.push({ seriesKey: series.key, index })
}

/** One facility's count of one period: replaces what it said before, in its own series and in every region above it. */
export function applyCount(world: World, entry: EntryOf<'count.reported'>, touched: Touched): Outcome {
  const { body } = entry
  const at = parsePeriod(body.period)
  if (!at) return { result: 'refused', code: 'DAY_INVALID', params: { day: body.period } }
  const name = { period: at.period, sourceKind: body.sourceKind, syndrome: body.syndrome }
  // A facility's own series does not hang on the region it names: a correction may name the street where the first said the county.
  const leaf = getOrCreate(world, { ...name, regionCode: '', facilityId: body.facilityId })
  if (leaf) leaf.where ??= []
  const slot = leaf && reachSlot(leaf, at.index)
  if (!leaf || slot === undefined) return done
  const before = leaf.values[slot] ?? null
  const denominatorBefore = leaf.denominators[slot] ?? null
  leaf.values[slot] = body.count
  leaf.denominators[slot] = body.denominator ?? null
  leaf.reporters[slot] = 1
  const counted = leaf.where![slot] ?? body.regionCode
  leaf.where![slot] = body.regionCode
  const has = (value: number | null | undefined) => value !== null && value !== undefined
  const spread = (regionCode: string, count: number, denominator: number | null, reporters: number) => {
    for (const scope of listScopes(world, regionCode))
      addToSeries(world, { ...name, regionCode: scope }, at.index, { count, denominator, reporters }, touched)
  }
  if (counted !== body.regionCode) {
    spread(counted, -(before ?? 0), denominatorBefore === null ? null : -denominatorBefore, before === null ? 0 : -1)
    spread(body.regionCode, body.count, body.denominator ?? null, 1)
    return done
  }
  const denominator =
    has(body.denominator) || has(denominatorBefore) ? (body.denominator ?? 0) - (denominatorBefore ?? 0) : null
  spread(body.regionCode, body.count - (before ?? 0), denominator, before === null ? 1 : 0)
  return done
}

/** One 120 call more, in its hour and its day. Days without a call since the first ever are true zeros. */
export function addCallToSeries(
  world: World,
  syndrome: string,
  regionCode: string,
  at: number,
  touched: Touched,
): void {
  if (world.city.firstCallAt === 0 || at < world.city.firstCallAt) world.city.firstCallAt = at
  const by: Difference = { count: 1, denominator: null, reporters: 0 }
  for (const period of ['day', 'hour'] as const) {
    const index = period === 'day' ? getDayIndex(at) : getHourIndex(at)
    for (const scope of listScopes(world, regionCode)) {
      const name = { period, sourceKind: 'call-120', syndrome, regionCode: scope }
      fillCallZeros(world, name, index)
      addToSeries(world, name, index, by, touched)
    }
  }
}

/** A call already counted turns out to be of another syndrome: its hour and day move, the sums stay. */
export function moveCallInSeries(
  world: World,
  from: string,
  to: string,
  regionCode: string,
  at: number,
  touched: Touched,
): void {
  const by: Difference = { count: -1, denominator: null, reporters: 0 }
  for (const period of ['day', 'hour'] as const)
    for (const scope of listScopes(world, regionCode)) {
      const name = { period, sourceKind: 'call-120', syndrome: from, regionCode: scope }
      const index = period === 'day' ? getDayIndex(at) : getHourIndex(at)
      addToSeries(world, name, index, by, touched)
    }
  addCallToSeries(world, to, regionCode, at, touched)
}

/**
 * Fills a call series with zeros from the first call of the city (or as far back as it holds) up to a period. What was filled
 * before is not walked again: an hour boundary touches every call series of a city.
 */
function fillCallZeros(world: World, name: SeriesName, index: number): void {
  const series = getOrCreate(world, name)
  if (!series) return
  const first = name.period === 'day' ? getDayIndex(world.city.firstCallAt) : getHourIndex(world.city.firstCallAt)
  const from = Math.max(first, index - slotsMax[name.period] + 1)
  const filledUntil = series.values.length === 0 ? undefined : series.firstIndex + series.values.length - 1
  if (reachSlot(series, index) === undefined) return
  if (from < series.firstIndex) reachSlot(series, from)
  const fill = (start: number, end: number) => {
    for (let at = Math.max(start, series.firstIndex); at <= end; at++) {
      const slot = at - series.firstIndex
      if (series.values[slot] !== null) continue
      series.values[slot] = 0
      series.reporters[slot] = 1
    }
  }
  if (series.zeroFrom === undefined || filledUntil === undefined) fill(from, index)
  else {
    if (from < series.zeroFrom) fill(from, series.zeroFrom)
    fill(filledUntil + 1, index)
  }
  series.zeroFrom = Math.min(series.zeroFrom ?? from, from)
}

/** On a new day or hour: the period just ended was a zero for every call series that had none. */
export function applyCallBoundary(world: World, at: number, period: 'hour' | 'day', touched: Touched): void {
  if (world.city.firstCallAt === 0) return
  const index = (period === 'day' ? getDayIndex(at) : getHourIndex(at)) - 1
  for (const series of world.series.values()) {
    if (series.sourceKind !== 'call-120' || series.period !== period) continue
    fillCallZeros(world, series, index)
    touched.judged.push({ seriesKey: series.key, index })
  }
}

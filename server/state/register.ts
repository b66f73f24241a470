/**
 * Register: regions, places, rules, the calendar, histories and units as an administrator published them. Facts: the newest publication stands.
 */
import { spanDaysMax } from '#contract/calendar.ts'
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import { parseDay } from '#contract/scalars.ts'
import type { Touched, World } from './world.ts'

/** Replaces the region tree; an older version than the one held changes nothing. */
export function applyRegions(world: World, entry: EntryOf<'region.published'>, touched: Touched): Outcome {
  if (entry.body.version < world.city.regionsVersion) return done
  world.city.regionsVersion = entry.body.version
  const before = new Map(world.regions)
  world.regions.clear()
  for (const region of entry.body.regions) {
    // How its centre works was said apart from the tree and outlives it.
    const { mode, movesPerShiftMax } = before.get(region.code) ?? {}
    world.regions.set(region.code, {
      ...region,
      ...(mode === undefined ? {} : { mode }),
      ...(movesPerShiftMax === undefined ? {} : { movesPerShiftMax }),
    })
    touched.regions.add(region.code)
  }
  touched.city = true
  return done
}

/** Replaces the rules; an older version than the one held changes nothing. */
export function applyRules(world: World, entry: EntryOf<'rule.published'>, touched: Touched): Outcome {
  if (entry.body.version < world.city.rulesVersion) return done
  world.city.rulesVersion = entry.body.version
  // A new map: whatever was derived from the old rules is keyed by it and falls away with it.
  world.rules = new Map(entry.body.rules.map(rule => [rule.ruleId, rule]))
  touched.city = true
  return done
}

/**
 * Replaces the calendar; an older version than the one held changes nothing. Refused when a span names a day that does not
 * exist, ends before it begins or is longer than any holiday: one bad span would move every detector silently.
 */
export function applyCalendar(world: World, entry: EntryOf<'calendar.published'>, touched: Touched): Outcome {
  if (entry.body.version < (world.city.calendarVersion ?? 0)) return done
  for (const { fromDay, untilDay } of entry.body.spans) {
    const from = parseDay(fromDay)
    const until = parseDay(untilDay)
    if (from === undefined || until === undefined)
      return { result: 'refused', code: 'DAY_INVALID', params: { day: from === undefined ? fromDay : untilDay } }
    if (until < from || until - from >= spanDaysMax)
      return { result: 'refused', code: 'CALENDAR_INVALID', params: { fromDay, untilDay, max: spanDaysMax } }
  }
  world.city.calendarVersion = entry.body.version
  // A new map: what was derived from the old calendar is keyed by it and falls away with it.
  world.calendar = new Map(entry.body.spans.map((span, n) => [String(n), span]))
  touched.city = true
  return done
}

/** Histories held at most: 100 diseases in 500 regions. */
export const historiesMax = 50_000

/** Keeps a disease's weeks of one past year in a region; the newest publication of a year stands. */
export function applyHistory(world: World, entry: EntryOf<'history.published'>, touched: Touched): Outcome {
  const { diseaseId, regionCode, year, weeks } = entry.body
  const key = `${diseaseId}|${regionCode}`
  const held = world.histories.get(key)
  if (!held && world.histories.size >= historiesMax)
    return { result: 'refused', code: 'HISTORY_FULL', params: { max: historiesMax } }
  world.histories.set(key, { diseaseId, regionCode, years: { ...held?.years, [year]: weeks } })
  touched.city = true
  return done
}

export function applyPlace(world: World, entry: EntryOf<'place.registered'>, touched: Touched): Outcome {
  const hospital = world.places.get(entry.body.placeId)?.hospital
  world.places.set(entry.body.placeId, { ...entry.body, ...(hospital ? { hospital } : {}) })
  touched.places.add(entry.body.placeId)
  return done
}

/** Adds a unit, or renews its description without touching what it is doing. */
export function applyUnit(world: World, entry: EntryOf<'unit.registered'>, touched: Touched): Outcome {
  const held = world.units.get(entry.body.unitId)
  if (held) Object.assign(held, entry.body, { version: held.version + 1 })
  else
    world.units.set(entry.body.unitId, {
      ...entry.body,
      status: 'idle',
      statusAt: entry.occurredAt,
      statusBy: 'unit',
      version: 1,
      silent: false,
    })
  touched.units.add(entry.body.unitId)
  return done
}

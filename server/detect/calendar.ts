/**
 * Calendar for detectors: what kind of day a day is, and daily counts freed of weekday and holiday. Part of `detect/`, pure.
 * Factors are multiplicative and estimated only from days before the one judged; too little history is a factor of 1. Absence
 * stays absence. Days on which a source never speaks (a school's Sundays) are closed: left out, and no opinion is given on them.
 */
import type { CalendarSpan, DayKind } from '#contract/calendar.ts'
import { parseDay } from '#contract/scalars.ts'

export type DayMark = { readonly kind?: DayKind; readonly isVacation: boolean; readonly name?: string }
/** Day index (Asia/Shanghai, contract/scalars.ts) → what the calendar says of it; a day that is not in it is plain. */
export type Calendar = ReadonlyMap<number, DayMark>

/** Expands spans into days; a span with an unknown day is left out (the fold refuses such a calendar). */
export function buildCalendar(spans: Iterable<CalendarSpan>): Calendar {
  const days = new Map<number, DayMark>()
  for (const { fromDay, untilDay, mark, name } of spans) {
    const from = parseDay(fromDay)
    const until = parseDay(untilDay)
    if (from === undefined || until === undefined) continue
    for (let day = from; day <= until; day++) {
      const held = days.get(day)
      if (mark === 'school-vacation') days.set(day, { ...held, isVacation: true })
      else days.set(day, { isVacation: held?.isVacation ?? false, kind: mark, name })
    }
  }
  return days
}

const calendars = new WeakMap<ReadonlyMap<string, CalendarSpan>, Calendar>()

/** The calendar a world holds, expanded once per publication. */
export function getCalendar(spans: ReadonlyMap<string, CalendarSpan>): Calendar {
  const held = calendars.get(spans)
  if (held) return held
  const built = buildCalendar(spans.values())
  calendars.set(spans, built)
  return built
}

/** Day of the week of a day index, 0 Sunday … 6 Saturday: 1970-01-01 was a Thursday. */
export function getWeekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7
}

/** What a day is: what the calendar says of it, else working day or weekend by its weekday. */
export function getDayKind(calendar: Calendar, day: number): DayKind {
  const weekday = getWeekday(day)
  return calendar.get(day)?.kind ?? (weekday === 0 || weekday === 6 ? 'weekend' : 'working-day')
}

/** True in school vacation by the calendar. */
export function isVacation(calendar: Calendar, day: number): boolean {
  return calendar.get(day)?.isVacation ?? false
}

export type AdjustOptions = {
  /** Past days looked at; default 371 = 53 weeks, so that last year's festival counts where it is held. */
  readonly historyDaysMax?: number
  /** Days of one class that must have been seen before it has a factor of its own; default 3. */
  readonly daysMin?: number
  /** Cases added to both sides of a ratio, so that few cases pull it towards 1; default 5. */
  readonly shrinkCases?: number
}

const HISTORY_DAYS_MAX = 371
const DAYS_MIN = 3
const SHRINK_CASES = 5
/** Half a week each side: a window of seven days holds every weekday once, so its mean is free of the week. */
const HALF_WEEK = 3
/** A day over four times its level is no weekday effect; it counts as four. */
const RATIO_MAX = 4
/** A weekday absent this often while its week spoke is closed. */
const CLOSED_SHARE = 0.8
/** A class below a tenth of the level is closed too: a school's reported Sunday zeros are no baseline. */
const CLOSED_FACTOR = 0.1
/** Days either side that give a holiday's level. */
const LEVEL_DAYS = 7
const LEVEL_DAYS_MIN = 3

/** Classes of days: 0-6 plain weekdays, then the kinds the calendar makes. */
const HOLIDAY = 7
const FESTIVAL = 8
const WORKED = 9
const CLASSES = 10

/** Factors as known before one day: by class, NaN where too few days of the class were seen. */
export type DayFactors = { readonly byClass: Float64Array; readonly closed: readonly boolean[] }

function getDayClass(calendar: Calendar, day: number): number {
  switch (calendar.get(day)?.kind) {
    case 'public-holiday':
      return HOLIDAY
    case 'spring-festival':
      return FESTIVAL
    case 'adjusted-working-day':
      return WORKED
    default:
      return getWeekday(day)
  }
}

/**
 * Estimates the factors of weekdays and holidays from the slots before `slot` alone.
 * A weekday's factor is the ratio of its counts to the mean of the seven plain days around each, summed over its days (a ratio
 * estimate, days of a large level weighing no more than usual ones); a holiday's is the same against the plain days near it.
 * @source ratio to centred moving average, as in classical seasonal decomposition (Macaulay 1931; X-11); holidays as a class of
 *   their own as in Burkom, Murphy, Shmueli 2007, Stat Med 26:4202-4218 (section on day-of-week and holiday effects).
 */
export function measureDayFactors(
  values: ArrayLike<number | null>,
  firstDay: number,
  slot: number,
  calendar: Calendar,
  options: AdjustOptions = {},
): DayFactors {
  const { historyDaysMax = HISTORY_DAYS_MAX, daysMin = DAYS_MIN, shrinkCases = SHRINK_CASES } = options
  const from = Math.max(0, slot - historyDaysMax)
  const length = Math.max(0, Math.min(slot, values.length) - from)
  const classes = new Uint8Array(length)
  for (let i = 0; i < length; i++) classes[i] = getDayClass(calendar, firstDay + from + i)
  const valueAt = (i: number): number | null => values[from + i] ?? null

  // Weekdays on which the source never speaks, in weeks in which it spoke at all.
  const seen = new Float64Array(7)
  const absent = new Float64Array(7)
  let lastSpoke = Number.NEGATIVE_INFINITY
  const spokeNear = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    if (valueAt(i) !== null) lastSpoke = i
    if (i - lastSpoke <= HALF_WEEK) spokeNear[i] = 1
  }
  lastSpoke = Number.POSITIVE_INFINITY
  for (let i = length - 1; i >= 0; i--) {
    if (valueAt(i) !== null) lastSpoke = i
    if (lastSpoke - i <= HALF_WEEK) spokeNear[i] = 1
    const weekday = classes[i]!
    if (weekday >= 7 || spokeNear[i] === 0) continue
    seen[weekday]!++
    if (valueAt(i) === null) absent[weekday]!++
  }
  const closed = new Array<boolean>(CLASSES).fill(false)
  for (let weekday = 0; weekday < 7; weekday++)
    closed[weekday] = seen[weekday]! >= daysMin && absent[weekday]! >= CLOSED_SHARE * seen[weekday]!

  // Level of each day with a full plain week around it, all of it before the day judged.
  const levels = new Float64Array(length).fill(Number.NaN)
  const known: number[] = []
  for (let i = HALF_WEEK; i + HALF_WEEK < length; i++) {
    let sum = 0
    let open = 0
    let isWhole = true
    for (let j = i - HALF_WEEK; j <= i + HALF_WEEK && isWhole; j++) {
      const dayClass = classes[j]!
      if (dayClass >= 7) isWhole = false
      else if (!closed[dayClass]) {
        const value = valueAt(j)
        if (value === null) isWhole = false
        else {
          sum += value
          open++
        }
      }
    }
    if (!isWhole || open === 0) continue
    levels[i] = sum / open
    known.push(levels[i]!)
  }
  known.sort((a, b) => a - b)
  const usual = known.length === 0 ? 0 : known[known.length >> 1]!

  const byClass = new Float64Array(CLASSES).fill(Number.NaN)
  const counted = new Float64Array(CLASSES)
  const expected = new Float64Array(CLASSES)
  const days = new Float64Array(CLASSES)
  const add = (dayClass: number, value: number, level: number) => {
    // A week of an outbreak tells the week's shape no better than a quiet one.
    const weight = level > usual && usual > 0 ? usual / level : 1
    counted[dayClass]! += weight * Math.min(value, RATIO_MAX * level)
    expected[dayClass]! += weight * level
    days[dayClass]!++
  }
  const settle = (dayClass: number) => {
    if (days[dayClass]! < daysMin) return
    // The level is a mean over open days; a week without any case says nothing and gives 1.
    byClass[dayClass] = (counted[dayClass]! + shrinkCases) / (expected[dayClass]! + shrinkCases)
    if (expected[dayClass]! > shrinkCases && counted[dayClass]! < CLOSED_FACTOR * expected[dayClass]!)
      closed[dayClass] = true
  }
  for (let i = 0; i < length; i++) {
    const value = valueAt(i)
    if (value !== null && classes[i]! < 7 && !Number.isNaN(levels[i]!)) add(classes[i]!, value, levels[i]!)
  }
  for (let weekday = 0; weekday < 7; weekday++) settle(weekday)
  for (let i = 0; i < length; i++) {
    const value = valueAt(i)
    const dayClass = classes[i]!
    if (value === null || dayClass < 7) continue
    let sum = 0
    let plain = 0
    for (let j = Math.max(0, i - LEVEL_DAYS); j <= Math.min(length - 1, i + LEVEL_DAYS); j++) {
      const near = valueAt(j)
      const nearClass = classes[j]!
      if (near === null || nearClass >= 7 || closed[nearClass]) continue
      const factor = byClass[nearClass]!
      sum += Number.isNaN(factor) ? near : near / factor
      plain++
    }
    if (plain >= LEVEL_DAYS_MIN) add(dayClass, value, sum / plain)
  }
  for (let dayClass = HOLIDAY; dayClass < CLASSES; dayClass++) settle(dayClass)
  return { byClass, closed }
}

/**
 * Factor of a day by the factors known: its class's own; a holiday without one is like a Sunday, 调休 like the mean working day,
 * the first working day after a holiday like a Monday; 1 where that too is unknown. Undefined when the day is closed.
 */
export function findDayFactor(factors: DayFactors, calendar: Calendar, day: number): number | undefined {
  const { byClass, closed } = factors
  const own = getDayClass(calendar, day)
  const orOne = (factor: number) => (Number.isNaN(factor) ? 1 : factor)
  if (own === HOLIDAY || own === FESTIVAL) {
    for (const dayClass of own === FESTIVAL ? [FESTIVAL, HOLIDAY] : [HOLIDAY])
      if (closed[dayClass]) return undefined
      else if (!Number.isNaN(byClass[dayClass]!)) return byClass[dayClass]!
    return closed[0] ? undefined : orOne(byClass[0]!)
  }
  if (own === WORKED) {
    if (!Number.isNaN(byClass[WORKED]!)) return closed[WORKED] ? undefined : byClass[WORKED]!
    let sum = 0
    for (let weekday = 1; weekday <= 5; weekday++) sum += orOne(byClass[weekday]!)
    return sum / 5
  }
  if (closed[own]) return undefined
  const before = getDayClass(calendar, day - 1)
  const isBackToWork = own >= 1 && own <= 5 && (before === HOLIDAY || before === FESTIVAL)
  return orOne(byClass[isBackToWork && !closed[1] ? 1 : own]!)
}

/** A day's history freed of the calendar, as known on that day. */
export type AdjustedHistory = {
  /** Adjusted counts of the open days up to and with the day judged, oldest first; null is absence on an open day. */
  readonly values: (number | null)[]
  /** Day index of each value. */
  readonly days: number[]
  /** Position of the day judged in `values`: the last. */
  readonly slot: number
  /** Factor of the day judged: an expected value or threshold times this is in counts again. */
  readonly factor: number
}

/**
 * History of one day with factors estimated before it; undefined when the day is closed to this source or out of range.
 * @param firstDay Day index of `values[0]`.
 */
export function adjustUntil(
  values: ArrayLike<number | null>,
  firstDay: number,
  slot: number,
  calendar: Calendar,
  options: AdjustOptions = {},
): AdjustedHistory | undefined {
  if (!Number.isInteger(slot) || slot < 0 || slot >= values.length) return undefined
  const factors = measureDayFactors(values, firstDay, slot, calendar, options)
  const factor = findDayFactor(factors, calendar, firstDay + slot)
  if (factor === undefined) return undefined
  const adjusted: (number | null)[] = []
  const days: number[] = []
  for (let i = Math.max(0, slot - (options.historyDaysMax ?? HISTORY_DAYS_MAX)); i <= slot; i++) {
    const own = findDayFactor(factors, calendar, firstDay + i)
    if (own === undefined) continue
    const value = values[i] ?? null
    adjusted.push(value === null ? null : value / own)
    days.push(firstDay + i)
  }
  return { values: adjusted, days, slot: adjusted.length - 1, factor }
}

/**
 * A whole series freed of the calendar, each day by the factors known on that day (no later knowledge): same length; null where
 * the count is absent or the day closed to this source.
 * @param firstDay Day index of `values[0]`.
 */
export function adjustForCalendar(
  values: ArrayLike<number | null>,
  firstDay: number,
  calendar: Calendar,
  options: AdjustOptions = {},
): (number | null)[] {
  const adjusted: (number | null)[] = []
  for (let slot = 0; slot < values.length; slot++) {
    const value = values[slot] ?? null
    if (value === null) {
      adjusted.push(null)
      continue
    }
    const factors = measureDayFactors(values, firstDay, slot, calendar, options)
    const factor = findDayFactor(factors, calendar, firstDay + slot)
    adjusted.push(factor === undefined ? null : value / factor)
  }
  return adjusted
}

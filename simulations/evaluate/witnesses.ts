// Simulated years of a city seen through several noisy sources: what each source kind would report for each county and day,
// with planted outbreaks (some that only one source can see) and false shocks that several sources share.
// Stands outside the house: it knows the truth, the house only the counts. Every number follows from seed and plan.
import type { CalendarSpan } from '#contract/calendar.ts'
import type { SourceKind, Syndrome } from '#contract/scalars.ts'
import { type Chance, createChance } from '../seed.ts'

export type WatchedSyndrome = Extract<Syndrome, 'respiratory' | 'diarrhoeal'>

/** 2024-11-01 in days since 1970-01-01: two months to warm up, then the 52 weeks that count, 2025-01-01 to 2025-12-30. */
export const firstDay = 20_028
export const warmUpDays = 61
export const yearDays = 364
export const lastDay = firstDay + warmUpDays + yearDays - 1

/** Days off of 2025 and the working weekends that pay for them. @source 国办发明电〔2024〕12号 */
const holidaySpans: readonly (readonly [string, string])[] = [
  ['2025-01-01', '2025-01-01'],
  ['2025-01-28', '2025-02-04'],
  ['2025-04-04', '2025-04-06'],
  ['2025-05-01', '2025-05-05'],
  ['2025-05-31', '2025-06-02'],
  ['2025-10-01', '2025-10-08'],
]
const workingWeekends = ['2025-01-26', '2025-02-08', '2025-04-27', '2025-09-28', '2025-10-11'] as const
/** School holidays of a usual school year: winter and summer. */
const schoolBreaks: readonly (readonly [string, string])[] = [
  ['2025-01-18', '2025-02-10'],
  ['2025-07-05', '2025-08-31'],
]

const dayMs = 86_400_000
const toDay = (text: string): number => Math.round(Date.parse(`${text}T00:00:00Z`) / dayMs)
const toText = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10)

function isWithinSpans(day: number, spans: readonly (readonly [string, string])[]): boolean {
  return spans.some(([from, to]) => day >= toDay(from) && day <= toDay(to))
}

/** What kind of day it is for people and schools. */
export type DayKind = 'working' | 'weekend' | 'holiday'

/** Kind of a day of the simulated year. */
export function getDayKind(day: number): DayKind {
  const weekday = (day + 4) % 7
  if (isWithinSpans(day, holidaySpans)) return 'holiday'
  return (weekday === 0 || weekday === 6) && !(workingWeekends as readonly string[]).includes(toText(day))
    ? 'weekend'
    : 'working'
}

/** The calendar a city would publish for the year: holidays, working weekends, school vacations. */
export function listCalendarSpans(): CalendarSpan[] {
  const span = (fromDay: string, untilDay: string, mark: CalendarSpan['mark'], name: string): CalendarSpan => ({
    fromDay,
    untilDay,
    mark,
    name,
    basis: '国办发明电〔2024〕12号',
  })
  return [
    ...holidaySpans.map(([from, to]) =>
      from.startsWith('2025-01-28')
        ? span(from, to, 'spring-festival', '春节')
        : span(from, to, 'public-holiday', '节假日'),
    ),
    ...workingWeekends.map(day => span(day, day, 'adjusted-working-day', '调休上班')),
    ...schoolBreaks.map(([from, to]) => span(from, to, 'school-vacation', '寒暑假')),
  ]
}

const isSchoolDay = (day: number): boolean => getDayKind(day) === 'working' && !isWithinSpans(day, schoolBreaks)

type Profile = {
  sourceKind: SourceKind
  /** Everyday cases of a county of 700,000 a day. */
  mean: Record<WatchedSyndrome, number>
  /** Sunday first. */
  weekdays: readonly number[]
  holiday: number
  /** On the first working day after days off. */
  rebound: number
  /** Share of an outbreak's cases that this source hears of, and how many days after falling ill. */
  share: number
  lagDays: number
}

/**
 * The witnesses. Means and weekday shapes are of the order of a Chinese county's figures, not anybody's measurement; shares
 * may sum above one, since a patient can show in several sources.
 */
export const profiles: readonly Profile[] = [
  {
    sourceKind: 'hospital-outpatient',
    mean: { respiratory: 90, diarrhoeal: 22 },
    weekdays: [0.72, 1.2, 1.08, 1.04, 1.02, 1.04, 0.9],
    holiday: 0.65,
    rebound: 1.2,
    share: 0.45,
    lagDays: 2,
  },
  {
    sourceKind: 'hospital-emergency',
    mean: { respiratory: 35, diarrhoeal: 12 },
    weekdays: [1.12, 1, 0.96, 0.95, 0.96, 0.98, 1.08],
    holiday: 1.3,
    rebound: 1,
    share: 0.2,
    lagDays: 2,
  },
  {
    sourceKind: 'pharmacy',
    mean: { respiratory: 110, diarrhoeal: 30 },
    weekdays: [1.08, 0.98, 0.96, 0.97, 0.98, 1.01, 1.06],
    holiday: 0.9,
    rebound: 1.08,
    share: 0.5,
    lagDays: 0,
  },
  {
    sourceKind: 'school-absence',
    mean: { respiratory: 40, diarrhoeal: 10 },
    weekdays: [0, 1.12, 1, 0.97, 0.96, 1.05, 0],
    holiday: 0,
    rebound: 1.1,
    share: 0.3,
    lagDays: 1,
  },
  {
    sourceKind: 'call-120',
    mean: { respiratory: 7, diarrhoeal: 3 },
    weekdays: [1.03, 1, 0.99, 0.98, 0.99, 1, 1.02],
    holiday: 1.1,
    rebound: 1,
    share: 0.05,
    lagDays: 3,
  },
  {
    sourceKind: 'hotline',
    mean: { respiratory: 6, diarrhoeal: 3 },
    weekdays: [0.85, 1.1, 1.04, 1.02, 1, 1.02, 0.92],
    holiday: 0.85,
    rebound: 1.05,
    share: 0.05,
    lagDays: 1,
  },
]

/** Counties with their size relative to 700,000 people. */
const countySizes = [0.65, 0.8, 0.9, 1, 1.1, 1.3, 1.5] as const
/** Codes of the simulated city and its counties. */
export const cityCode = '990100'
export const countyCodes: readonly string[] = countySizes.map((_, at) => `9901${String(at + 1).padStart(2, '0')}`)

/** Variance of an everyday count over its mean is 1 + mean / sizeOfNoise: crowds scatter more than Poisson. */
const sizeOfNoise = 60
/** Spread of what all sources of a county, and of the city, share on a day (weather, traffic, a match). */
const countyDaySigma = 0.05
const cityDaySigma = 0.04

/** A planted truth. `sources` are the kinds that can see it. */
export type Planted = {
  kind: 'spread' | 'single'
  countyCode: string
  syndrome: WatchedSyndrome
  sources: readonly SourceKind[]
  /** Small, medium or large: see sizes. */
  size: number
  startDay: number
  /** Last day on which an alert still counts as its detection. */
  endDay: number
}

/** A disturbance that is no outbreak. */
export type Shock = { kind: 'outage' | 'campaign'; countyCodes: readonly string[]; startDay: number; endDay: number }

/** What one source kind of one county reports for one day; null is a missing report. */
export type DayCount = {
  countyCode: string
  sourceKind: SourceKind
  syndrome: WatchedSyndrome
  day: number
  count: number | null
}

export type CityYear = { seed: number; planted: Planted[]; shocks: Shock[]; counts: DayCount[] }

/** What is planted into a year. A quiet year has neither outbreaks nor shocks; its holidays are those of the calendar. */
export type YearPlan = {
  seed: number
  syndromes: readonly WatchedSyndrome[]
  /** Outbreaks per county. */
  spreadPerCounty: number
  singlePerCounty: number
  outages: number
  campaigns: number
}

/** Cases of a spread outbreak in a county of 700,000, from small to large. */
export const spreadCases = [200, 400, 800] as const
/** Height of a single-source outbreak's worst day, in standard deviations of that source's day. */
export const singleHeights = [3, 5, 8] as const
/** Shape of a spread outbreak in two weeks, and of one that a single source sees in six days. Sums are 1. */
const spreadCurve = [0.02, 0.04, 0.07, 0.1, 0.13, 0.14, 0.13, 0.11, 0.09, 0.07, 0.05, 0.03, 0.02]
const singleCurve = [0.5, 1, 0.8, 0.5, 0.3, 0.15]
/** A detection may come this long after the last day of illness. */
const graceDays = 3
/** Room each outbreak has for itself: its curve, its lag and the baseline of the next. */
const slotDays = 42

const getMean = (profile: Profile, syndrome: WatchedSyndrome, size: number, day: number): number => {
  const kind = getDayKind(day)
  if (profile.sourceKind === 'school-absence' && !isSchoolDay(day)) return Number.NaN
  const weekday = (day + 4) % 7
  // A working weekend is worked like a Thursday.
  const byWeekday =
    kind === 'working' && (weekday === 0 || weekday === 6) ? profile.weekdays[4]! : profile.weekdays[weekday]!
  const byHoliday = kind === 'holiday' ? profile.holiday : getDayKind(day - 1) === 'holiday' ? profile.rebound : 1
  // Respiratory illness peaks in mid-January, diarrhoea in mid-July.
  const peak = syndrome === 'respiratory' ? toDay('2025-01-15') : toDay('2025-07-15')
  const season = Math.exp(0.35 * Math.cos((2 * Math.PI * (day - peak)) / 365.25))
  return profile.mean[syndrome] * size * byWeekday * byHoliday * season
}

const getSd = (mean: number): number => Math.sqrt(mean * (1 + mean / sizeOfNoise))

/**
 * Draws a simulated year of the city; the same plan gives the same year. Counts are ordered by day. `isBare` leaves the
 * outbreaks' cases out and everything else as it is: what would have been seen without them.
 */
export function generateYear(plan: YearPlan, isBare = false): CityYear {
  const chance = createChance(plan.seed).fork('witnesses')
  const planted = plantOutbreaks(plan, chance.fork('planted'))
  const shocks = plantShocks(plan, chance.fork('shocks'))
  const excess = new Map<string, number>()
  if (!isBare) for (const [at, outbreak] of planted.entries()) addExcess(outbreak, chance.fork('cases', at), excess)
  const counts: DayCount[] = []
  /** Cases of an outage that will be reported with the first day after it. */
  const held = new Map<string, number>()
  for (let day = firstDay; day <= lastDay; day++) {
    const cityNoise = chance.fork('city', day).logNormal(1, cityDaySigma)
    countyCodes.forEach((countyCode, at) => {
      const countyNoise = cityNoise * chance.fork('county', countyCode, day).logNormal(1, countyDaySigma)
      for (const syndrome of plan.syndromes)
        for (const profile of profiles) {
          const { sourceKind } = profile
          const mean = getMean(profile, syndrome, countySizes[at]!, day)
          const key = `${countyCode}|${sourceKind}|${syndrome}`
          if (Number.isNaN(mean)) {
            counts.push({ countyCode, sourceKind, syndrome, day, count: null })
            continue
          }
          const draw = chance.fork(key, day)
          const hit = shocks.filter(
            shock => shock.countyCodes.includes(countyCode) && day >= shock.startDay && day <= shock.endDay,
          )
          const lift = hit.some(shock => shock.kind === 'campaign') ? (campaignLift[sourceKind] ?? 1) : 1
          let count = draw.negativeBinomial(mean * countyNoise * lift, sizeOfNoise) + (excess.get(`${key}|${day}`) ?? 0)
          const outage = hit.find(shock => shock.kind === 'outage')
          if (outage && onePlatform.includes(sourceKind)) {
            if (day < outage.endDay) {
              held.set(key, (held.get(key) ?? 0) + count)
              counts.push({ countyCode, sourceKind, syndrome, day, count: null })
              continue
            }
            count += held.get(key) ?? 0
            held.delete(key)
          }
          counts.push({ countyCode, sourceKind, syndrome, day, count })
        }
    })
  }
  return { seed: plan.seed, planted, shocks, counts }
}

/** A hospital's visits of both kinds come through one platform: when it stands still, both are missing, then both come at once. */
const onePlatform: readonly SourceKind[] = ['hospital-outpatient', 'hospital-emergency']
/** A health campaign sells medicine and makes people ring up; nobody is ill. */
const campaignLift: Partial<Record<SourceKind, number>> = { pharmacy: 1.5, hotline: 2 }

function plantOutbreaks(plan: YearPlan, chance: Chance): Planted[] {
  const planted: Planted[] = []
  const perCounty = plan.spreadPerCounty + plan.singlePerCounty
  if (perCounty * slotDays > yearDays) throw new RangeError(`no room for ${perCounty} outbreaks in ${yearDays} days`)
  countyCodes.forEach((countyCode, at) => {
    const own = chance.fork(countyCode)
    const width = Math.floor(yearDays / Math.max(1, perCounty))
    for (let slot = 0; slot < perCounty; slot++) {
      const earliest = firstDay + warmUpDays + slot * width
      const startDay = earliest + own.int(width - slotDays + 1)
      // Kinds and sizes go round over counties and slots, so that every year holds each of them.
      const turn = slot + at
      const isSpread = turn % perCounty < plan.spreadPerCounty
      const syndrome = plan.syndromes[own.int(plan.syndromes.length)]!
      const size = own.int(3)
      const open = profiles.filter(profile => profile.sourceKind !== 'school-absence' || isTermTime(startDay))
      const sources = isSpread ? open.map(one => one.sourceKind) : [own.pick(open).sourceKind]
      const curveDays = isSpread ? spreadCurve.length + 2 : singleCurve.length
      const endDay = startDay + curveDays - 1 + graceDays
      planted.push({ kind: isSpread ? 'spread' : 'single', countyCode, syndrome, sources, size, startDay, endDay })
    }
  })
  return planted
}

/** Whether the schools are open on most of the coming days. */
const isTermTime = (day: number): boolean => [0, 1, 2, 3, 4, 5, 6].filter(after => isSchoolDay(day + after)).length >= 4

function addExcess(outbreak: Planted, chance: Chance, excess: Map<string, number>): void {
  const size = countySizes[countyCodes.indexOf(outbreak.countyCode)]!
  for (const profile of profiles.filter(one => outbreak.sources.includes(one.sourceKind))) {
    const curve = outbreak.kind === 'spread' ? spreadCurve : singleCurve
    const lagDays = outbreak.kind === 'spread' ? profile.lagDays : 0
    curve.forEach((weight, after) => {
      const day = outbreak.startDay + lagDays + after
      const everyday = getMean(profile, outbreak.syndrome, size, day)
      if (Number.isNaN(everyday)) return
      const cases =
        outbreak.kind === 'spread'
          ? spreadCases[outbreak.size]! * size * profile.share * weight
          : singleHeights[outbreak.size]! * getSd(everyday) * weight
      const key = `${outbreak.countyCode}|${profile.sourceKind}|${outbreak.syndrome}|${day}`
      excess.set(key, (excess.get(key) ?? 0) + chance.poisson(cases))
    })
  }
}

function plantShocks(plan: YearPlan, chance: Chance): Shock[] {
  const shocks: Shock[] = []
  const from = firstDay + warmUpDays
  for (let one = 0; one < plan.outages; one++) {
    // Two days of silence, then everything on the third.
    const startDay = from + chance.int(yearDays - 3)
    shocks.push({ kind: 'outage', countyCodes: [chance.pick(countyCodes)], startDay, endDay: startDay + 2 })
  }
  for (let one = 0; one < plan.campaigns; one++) {
    const startDay = from + chance.int(yearDays - 4)
    shocks.push({ kind: 'campaign', countyCodes, startDay, endDay: startDay + 3 })
  }
  return shocks
}

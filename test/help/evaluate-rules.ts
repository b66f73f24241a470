// Plays simulated city years through the real pure line and scores what its rules raised against what was planted.
// Stands in test/, beside the generators and the line. A reviewer answers every alert after 24 hours, as the verification
// clock asks; all rule sets see the same entries, so every comparison is paired by year.
import type { Entry } from '#contract/entry.ts'
import { Rule } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs, type SourceKind } from '#contract/scalars.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld } from '../../server/state/world.ts'
import {
  type CityYear,
  cityCode,
  countyCodes,
  firstDay,
  generateYear,
  lastDay,
  listCalendarSpans,
  type Planted,
  type WatchedSyndrome,
  warmUpDays,
  type YearPlan,
  yearDays,
} from '../../simulations/evaluate/witnesses.ts'
import { makeEntry } from './line.ts'

/** A day's figures reach the line at six in the morning after it. */
const reportHour = 6
/** A reviewer answers a statistical signal within its verification clock. @source 24 h, issue of early warning */
const verifyMs = 24 * hourMs

/** Entries of one morning, in the order they are said. */
type Morning = { at: number; entries: Entry[] }
export type Feed = { year: CityYear; mornings: Morning[] }

/** An alert the line raised. `day` is the morning's day index. */
export type RaisedAlert = { ruleId: string; countyCode: string; syndrome: string | undefined; day: number }

/** Makes the entries of a year once; every rule set plays the same ones. */
export function buildFeed(year: CityYear): Feed {
  let sourceSeq = 0
  const key = () => ({ epoch: 'year', sourceSeq: ++sourceSeq })
  const mornings: Morning[] = []
  let next = 0
  for (let day = firstDay; day <= lastDay; day++) {
    const at = getDayStartAt(day + 1) + reportHour * hourMs
    const entries: Entry[] = [makeEntry('clock.ticked', 'clock', key(), { gapMs: 1_000, boundary: 'day' }, at)]
    for (; next < year.counts.length && year.counts[next]!.day === day; next++) {
      const { countyCode, sourceKind, syndrome, count } = year.counts[next]!
      if (count === null) continue
      // A hospital tells of both its doors: two kinds of count, one witness.
      const facilityId = `${countyCode}-${sourceKind.startsWith('hospital') ? 'hospital' : sourceKind}`
      entries.push(
        makeEntry(
          'count.reported',
          `${countyCode}-${sourceKind}`,
          key(),
          { sourceKind, facilityId, syndrome, regionCode: countyCode, period: formatDay(day), count },
          at,
        ),
      )
    }
    mornings.push({ at, entries })
  }
  return { year, mornings }
}

function listCityEntries(rules: readonly Rule[], at: number): Entry[] {
  const region = (code: string, level: 'city' | 'county', parentCode?: string) => ({
    code,
    ...(parentCode === undefined ? {} : { parentCode }),
    name: code,
    nameEn: code,
    level,
    lon: 120.7,
    lat: 30.7,
    population: 700_000,
  })
  const regions = [region(cityCode, 'city'), ...countyCodes.map(code => region(code, 'county', cityCode))]
  return [
    makeEntry('region.published', 'register', { epoch: 'r', sourceSeq: 1 }, { version: 1, regions }, at),
    makeEntry('rule.published', 'register', { epoch: 'r', sourceSeq: 2 }, { version: 1, rules: [...rules] }, at),
    makeEntry(
      'calendar.published',
      'register',
      { epoch: 'r', sourceSeq: 3 },
      { version: 1, spans: listCalendarSpans() },
      at,
    ),
  ]
}

/**
 * Plays a year through the line under the given rules and lists the alerts raised in its 52 weeks. `only` leaves out the
 * counts of other source kinds, for rules that do not look at them.
 */
export function playYear(feed: Feed, rules: readonly Rule[], only?: SourceKind): RaisedAlert[] {
  const world = createWorld()
  const touched = createTouched()
  let seq = 0
  const fold = (entry: Entry, at: number) => {
    seq++
    advance(world, { ...entry, seq, loggedAt: at }, touched)
  }
  const start = feed.mornings[0]!.at - dayMs
  for (const entry of listCityEntries(rules, start)) fold(entry, start)
  const raised: RaisedAlert[] = []
  const seen = new Set<string>()
  for (const { at, entries } of feed.mornings) {
    for (const alert of [...world.alerts.values()]) {
      if (alert.state === 'closed' || at - alert.raisedAt < verifyMs) continue
      const body = { alertId: alert.alertId, verdict: 'noise' as const, reason: 'answered' }
      fold(makeEntry('alert.closed', 'reviewer', { epoch: 'a', sourceSeq: seq + 1 }, body, at), at)
    }
    for (const entry of entries) {
      if (only !== undefined && entry.kind === 'count.reported' && entry.body.sourceKind !== only) continue
      fold(entry, at)
    }
    for (const alert of world.alerts.values()) {
      if (seen.has(alert.alertId)) continue
      seen.add(alert.alertId)
      const day = getDayIndex(at)
      if (day <= firstDay + warmUpDays) continue
      raised.push({ ruleId: alert.ruleId, countyCode: alert.regionCode, syndrome: alert.syndrome, day })
    }
    touched.alerts.clear()
    touched.series.clear()
    touched.pages.clear()
  }
  return raised
}

/** A rule of one source kind alone at a level: EARS C2 against a month of history, freed of the calendar. */
export function makeSingleRule(sourceKind: SourceKind, syndrome: WatchedSyndrome, alpha: number): Rule {
  return Rule.parse({
    ruleId: `single-${sourceKind}`,
    version: 1,
    name: `单一来源 ${sourceKind}`,
    nameEn: `Single source ${sourceKind}`,
    level: 2,
    syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: {
      type: 'detector',
      method: 'earsC2',
      // As long as the joined p-values look back: a single source shall not lose for want of history.
      baseline: 28,
      sourceKind,
      syndrome,
      period: 'day',
      minSigma: 1,
      minCount: singleMinCount,
      adjust: 'calendar',
      alpha,
    },
    escalation: [{ afterS: 0, role: 'epidemiologist' }],
    basis: 'evaluation: one source against all',
  })
}

/** Alerts per county and week over years. */
export function getAlertRate(alerts: number, years: number): number {
  return alerts / (years * countyCodes.length * (yearDays / 7))
}

/** Levels between which a source is calibrated, as exponents of ten; twelve halvings find it to 8.3 / 2^12 = 0.002 decades. */
const alphaMax = 0.2
const alphaExponents = { low: -9, high: Math.log10(alphaMax) } as const
const bisections = 12
/** Counts below this never fire. */
const singleMinCount = 3

export type Calibrated = { rule: Rule; alpha: number; alerts: number }

/** Finds the level at which a single source raises as many alerts as the target, on years without outbreaks. */
export function calibrateSource(options: {
  feeds: readonly Feed[]
  sourceKind: SourceKind
  syndrome: WatchedSyndrome
  targetAlerts: number
}): Calibrated {
  const { feeds, sourceKind, syndrome, targetAlerts } = options
  const measure = (exponent: number): Calibrated => {
    const alpha = Math.min(alphaMax, 10 ** exponent)
    const rule = makeSingleRule(sourceKind, syndrome, alpha)
    const alerts = feeds.reduce((sum, feed) => sum + playYear(feed, [rule], sourceKind).length, 0)
    return { rule, alpha, alerts }
  }
  let { low, high } = alphaExponents as { low: number; high: number }
  let best = measure(high)
  if (best.alerts <= targetAlerts) return best
  for (let round = 0; round < bisections && best.alerts !== targetAlerts; round++) {
    const middle = (low + high) / 2
    const measured = measure(middle)
    if (Math.abs(measured.alerts - targetAlerts) <= Math.abs(best.alerts - targetAlerts)) best = measured
    if (measured.alerts > targetAlerts) high = middle
    else low = middle
  }
  return best
}

/** What became of one planted outbreak under one rule set: days from its start to the first alert, undefined when missed. */
export type Catch = { outbreak: Planted; delayDays: number | undefined }

/** One year under one rule set. */
export type YearScore = { seed: number; alerts: number; trueAlerts: number; shockAlerts: number; catches: Catch[] }

/** An alert belongs to an outbreak of its county and syndrome when the morning before it lies within the outbreak. */
function isOf(alert: RaisedAlert, outbreak: Planted): boolean {
  return (
    alert.countyCode === outbreak.countyCode &&
    (alert.syndrome === undefined || alert.syndrome === outbreak.syndrome) &&
    alert.day > outbreak.startDay &&
    alert.day <= outbreak.endDay + 1
  )
}

/** Scores the alerts of a year against what was planted in it. */
export function scoreYear(year: CityYear, alerts: readonly RaisedAlert[]): YearScore {
  const catches = year.planted.map(outbreak => {
    const first = alerts.find(alert => isOf(alert, outbreak))
    return { outbreak, delayDays: first === undefined ? undefined : first.day - outbreak.startDay }
  })
  let trueAlerts = 0
  let shockAlerts = 0
  for (const alert of alerts) {
    if (year.planted.some(outbreak => isOf(alert, outbreak))) trueAlerts++
    else if (
      year.shocks.some(
        shock =>
          shock.countyCodes.includes(alert.countyCode) && alert.day > shock.startDay && alert.day <= shock.endDay + 2,
      )
    )
      shockAlerts++
  }
  return { seed: year.seed, alerts: alerts.length, trueAlerts, shockAlerts, catches }
}

/** Years of a plan, seeds counted up from the plan's. */
export function buildFeeds(plan: YearPlan, years: number, isBare = false): Feed[] {
  return Array.from({ length: years }, (_, at) => buildFeed(generateYear({ ...plan, seed: plan.seed + at }, isBare)))
}

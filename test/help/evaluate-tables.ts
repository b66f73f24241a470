// The comparison of the multi-trigger rules with each single source, and the burden of the default rules, as tables.
// Stands in test/, on evaluate-rules.ts. Years are the clusters of every interval; losses stay in the tables.
import type { Rule } from '#contract/rule.ts'
import type { SourceKind } from '#contract/scalars.ts'
import { computeBootstrap, computeWilson, findQuantile, type Interval } from '../../simulations/evaluate/intervals.ts'
import { countyCodes, firstDay, profiles, warmUpDays, yearDays } from '../../simulations/evaluate/witnesses.ts'
import {
  buildFeeds,
  calibrateSource,
  type Feed,
  getAlertRate,
  playYear,
  type RaisedAlert,
  scoreYear,
  type YearScore,
} from './evaluate-rules.ts'

/** Seeds of the three sets of years lie apart: nothing is judged on what it was calibrated on. */
const seedSteps = { judged: 1_000, calibrated: 501_000, quiet: 701_000 } as const
/** Outbreaks of each kind per county and year, and false shocks per city and year. */
const perYear = { spreadPerCounty: 4, singlePerCounty: 4, outages: 8, campaigns: 4 } as const

export type Compared = {
  name: string
  /** How it was calibrated; the rules under test are as published. */
  setting: string
  calibratedAlerts: number
  scores: YearScore[]
  /** The same years without the outbreaks' cases: what is "detected" here is chance. */
  bare: YearScore[]
}

export type Comparison = { years: number; calibratedYears: number; seed: number; compared: Compared[] }

/** The rules that are compared: those of the default rules that watch the syndrome by detectors. */
export function listWatching(rules: readonly Rule[], syndrome: string): Rule[] {
  return rules.filter(rule => rule.syndrome === syndrome)
}

/**
 * Plays the same years under the multi-trigger rules and under each source alone, every source calibrated to raise as many
 * alerts as the multi-trigger rules do on other years that hold the same false shocks and no outbreak.
 */
export function compareRules(options: {
  rules: readonly Rule[]
  years: number
  seed: number
  say?: (line: string) => void
}): Comparison {
  const { years, seed } = options
  const syndrome = 'respiratory'
  const rules = listWatching(options.rules, syndrome)
  const plan = { ...perYear, syndromes: [syndrome] as const }
  const calibratedYears = Math.max(1, Math.ceil(years / 2))
  const quietFeeds = buildFeeds(
    { ...plan, spreadPerCounty: 0, singlePerCounty: 0, seed: seedSteps.calibrated + seed },
    calibratedYears,
  )
  const feeds = buildFeeds({ ...plan, seed: seedSteps.judged * seed }, years)
  const bareFeeds = buildFeeds({ ...plan, seed: seedSteps.judged * seed }, years, true)
  const score = (own: readonly Rule[], only?: SourceKind) => ({
    scores: scoreFeeds(feeds, own, only),
    bare: scoreFeeds(bareFeeds, own, only),
  })
  const targetAlerts = quietFeeds.reduce((sum, feed) => sum + playYear(feed, rules).length, 0)
  const compared: Compared[] = [
    { name: 'multi-trigger', setting: 'as published', calibratedAlerts: targetAlerts, ...score(rules) },
  ]
  for (const { sourceKind } of profiles) {
    const calibrated = calibrateSource({ feeds: quietFeeds, sourceKind, syndrome, targetAlerts })
    const setting = `C2, 28 days, alpha ${calibrated.alpha.toExponential(1)}`
    compared.push({
      name: sourceKind,
      setting,
      calibratedAlerts: calibrated.alerts,
      ...score([calibrated.rule], sourceKind),
    })
    options.say?.(`calibrated ${sourceKind}`)
  }
  return { years, calibratedYears, seed, compared }
}

function scoreFeeds(feeds: readonly Feed[], rules: readonly Rule[], only?: SourceKind): YearScore[] {
  return feeds.map(feed => scoreYear(feed.year, playYear(feed, rules, only)))
}

type Kind = 'spread' | 'single'
const listOf = (scores: readonly YearScore[], kind: Kind) =>
  scores.flatMap(score => score.catches.filter(one => one.outbreak.kind === kind))
const countCaught = (scores: readonly YearScore[], kind: Kind): number =>
  listOf(scores, kind).filter(one => one.delayDays !== undefined).length
const total = (scores: readonly YearScore[], pick: (score: YearScore) => number): number =>
  scores.reduce((sum, score) => sum + pick(score), 0)

/** Median delay in days over the outbreaks that were detected. */
function findMedianDelay(scores: readonly YearScore[], kind: Kind): number {
  const delays = listOf(scores, kind).flatMap(one => (one.delayDays === undefined ? [] : [one.delayDays]))
  return findQuantile(
    delays.sort((a, b) => a - b),
    0.5,
  )
}

const percent = (value: number): string => (Number.isFinite(value) ? (100 * value).toFixed(1) : '—')
const showShare = (one: Interval): string => `${percent(one.value)} (${percent(one.low)} – ${percent(one.high)})`
const fixed = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '—')
const show = (one: Interval, digits = 2): string =>
  `${fixed(one.value, digits)} (${fixed(one.low, digits)} – ${fixed(one.high, digits)})`
const showGain = (one: Interval): string => `${one.value > 0 ? '+' : ''}${showShare(one)}`

/** The comparison as markdown tables. */
export function formatComparison(comparison: Comparison): string[] {
  const { compared, seed, years } = comparison
  const lines = [
    '| rules | setting | alerts in calibration | alerts per county and week | PPV, % | spread outbreaks detected, % | single-source detected, % | all, % | by chance, % | delay of spread, days: median | alerts on false shocks, % |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ]
  for (const { name, setting, calibratedAlerts, scores, bare } of compared) {
    const alerts = computeBootstrap(
      scores,
      some =>
        getAlertRate(
          total(some, one => one.alerts),
          some.length,
        ),
      seed,
    )
    const ppv = computeBootstrap(
      scores,
      some => total(some, one => one.trueAlerts) / total(some, one => one.alerts),
      seed,
    )
    const share = (kind: Kind) => computeWilson(countCaught(scores, kind), listOf(scores, kind).length)
    const all = computeWilson(
      countCaught(scores, 'spread') + countCaught(scores, 'single'),
      listOf(scores, 'spread').length + listOf(scores, 'single').length,
    )
    const planted = listOf(bare, 'spread').length + listOf(bare, 'single').length
    const chance = (countCaught(bare, 'spread') + countCaught(bare, 'single')) / planted
    const delay = computeBootstrap(scores, some => findMedianDelay(some, 'spread'), seed)
    const shocks = total(scores, one => one.shockAlerts) / total(scores, one => one.alerts)
    lines.push(
      `| ${name} | ${setting} | ${calibratedAlerts} | ${show(alerts)} | ${showShare(ppv)} | ${showShare(share('spread'))} | ${showShare(share('single'))} | ${showShare(all)} | ${percent(chance)} | ${show(delay, 1)} | ${percent(shocks)} |`,
    )
  }
  const [multi, ...singles] = compared
  if (!multi) return lines
  lines.push(
    '',
    'Multi-trigger minus one source, paired by year (percentage points and days, 95 % by bootstrap over years; negative = a loss):',
    '',
    '| against | spread outbreaks | single-source outbreaks | PPV | days later on spread outbreaks both detected: mean |',
    '|---|---|---|---|---|',
  )
  for (const single of singles) {
    const pairs = multi.scores.map((score, at) => ({ multi: score, single: single.scores[at]! }))
    const gain = (kind: Kind) =>
      computeBootstrap(
        pairs,
        some =>
          some.reduce((sum, one) => sum + countCaught([one.multi], kind) - countCaught([one.single], kind), 0) /
          some.reduce((sum, one) => sum + listOf([one.multi], kind).length, 0),
        seed,
      )
    const ppv = computeBootstrap(
      pairs,
      some =>
        some.reduce((sum, one) => sum + one.multi.trueAlerts, 0) /
          some.reduce((sum, one) => sum + one.multi.alerts, 0) -
        some.reduce((sum, one) => sum + one.single.trueAlerts, 0) /
          some.reduce((sum, one) => sum + one.single.alerts, 0),
      seed,
    )
    const later = computeBootstrap(
      pairs,
      some => {
        const differences = some.flatMap(one =>
          one.multi.catches.flatMap((caught, at) => {
            const other = one.single.catches[at]!.delayDays
            return caught.outbreak.kind === 'spread' && caught.delayDays !== undefined && other !== undefined
              ? [caught.delayDays - other]
              : []
          }),
        )
        return differences.reduce((sum, one) => sum + one, 0) / differences.length
      },
      seed,
    )
    lines.push(
      `| ${single.name} | ${showGain(gain('spread'))} | ${showGain(gain('single'))} | ${showGain(ppv)} | ${show(later)} |`,
    )
  }
  lines.push(
    '',
    'Single-source outbreaks by the source that alone could see them: detected / planted. The diagonal is the price of watching all at once:',
    '',
    `| only seen by | planted | ${compared.map(one => one.name).join(' | ')} |`,
    `|---|---|${compared.map(() => '---').join('|')}|`,
  )
  for (const { sourceKind } of profiles) {
    const own = (scores: readonly YearScore[]) =>
      listOf(scores, 'single').filter(one => one.outbreak.sources[0] === sourceKind)
    lines.push(
      `| ${sourceKind} | ${own(multi.scores).length} | ${compared
        .map(one => own(one.scores).filter(caught => caught.delayDays !== undefined).length)
        .join(' | ')} |`,
    )
  }
  const caughtSum = (one: Compared) => countCaught(one.scores, 'single')
  lines.push(
    `| all | ${listOf(multi.scores, 'single').length} | ${compared.map(caughtSum).join(' | ')} |`,
    '',
    'Detected by size of the outbreak, % (spread: 200, 400, 800 cases in a county of 700,000; single-source: worst day 3, 5, 8 sd):',
    '',
    '| rules | spread small | middle | large | single small | middle | large |',
    '|---|---|---|---|---|---|---|',
  )
  for (const { name, scores } of compared) {
    const cells = (['spread', 'single'] as const).flatMap(kind =>
      [0, 1, 2].map(size => {
        const own = listOf(scores, kind).filter(one => one.outbreak.size === size)
        return percent(own.filter(one => one.delayDays !== undefined).length / own.length)
      }),
    )
    lines.push(`| ${name} | ${cells.join(' | ')} |`)
  }
  lines.push('', `${years} years of seven counties judged, ${comparison.calibratedYears} others for calibration.`)
  return lines
}

export type Burden = { years: number; alerts: { raised: RaisedAlert[] }[] }

/** Alerts of the default rules in quiet years: both syndromes, the calendar's holidays, no outbreak and no shock. */
export function measureBurden(options: { rules: readonly Rule[]; years: number; seed: number }): Burden {
  const feeds = buildFeeds(
    {
      seed: seedSteps.quiet + options.seed,
      syndromes: ['respiratory', 'diarrhoeal'],
      spreadPerCounty: 0,
      singlePerCounty: 0,
      outages: 0,
      campaigns: 0,
    },
    options.years,
  )
  const alerts = feeds.map(feed => ({ raised: playYear(feed, options.rules) }))
  return { years: options.years, alerts }
}

/** Alerts per county and week over all quiet years. */
export function getBurdenRate(burden: Burden): number {
  return getAlertRate(
    burden.alerts.reduce((sum, one) => sum + one.raised.length, 0),
    burden.years,
  )
}

/** The burden as a markdown table. */
export function formatBurden(burden: Burden, seed: number): string[] {
  const rates = (pick: (alert: RaisedAlert) => boolean): Interval =>
    computeBootstrap(
      burden.alerts,
      some =>
        getAlertRate(
          some.reduce((sum, one) => sum + one.raised.filter(pick).length, 0),
          some.length,
        ),
      seed,
    )
  const weeks = burden.alerts.flatMap(one =>
    countyCodes.flatMap(countyCode => {
      const byWeek = new Array<number>(yearDays / 7).fill(0)
      const own = one.raised.filter(alert => alert.countyCode === countyCode)
      for (const alert of own) {
        // The morning after the first of the 52 weeks' days is the first that counts.
        const week = Math.floor((alert.day - firstDay - warmUpDays - 1) / 7)
        if (byWeek[week] !== undefined) byWeek[week]++
      }
      return byWeek
    }),
  )
  const ruleIds = [...new Set(burden.alerts.flatMap(one => one.raised.map(alert => alert.ruleId)))].sort()
  return [
    '| rule | alerts per county and week (95 %) |',
    '|---|---|',
    ...ruleIds.map(
      ruleId =>
        `| ${ruleId} | ${show(
          rates(alert => alert.ruleId === ruleId),
          3,
        )} |`,
    ),
    `| all default rules | ${show(
      rates(() => true),
      3,
    )} |`,
    '',
    `Worst county-week of ${weeks.length}: ${weeks.reduce((most, one) => Math.max(most, one), 0)} alerts; county-weeks with more than 2: ${weeks.filter(one => one > 2).length}.`,
  ]
}

// Scores the detectors on the series of the Noufaily study: false positive rate, power by size, delay.
// Stands in test/, the one place that may hold simulations and detectors together. Deterministic by its seed; every
// detector judges the same weeks of the same series.

import { assessCusum } from '../../server/detect/cusum.ts'
import { assessEars, type EarsMethod } from '../../server/detect/ears.ts'
import { assessFarrington } from '../../server/detect/farrington.ts'
import { assessFarringtonFlexible, type FarringtonFlexibleOptions } from '../../server/detect/farrington-flexible.ts'
import { assessMovingPercentile } from '../../server/detect/moving-percentile.ts'
import { isRefusal, type Refusal } from '../../server/detect/refusal.ts'
import { computeWilson, findQuantile } from '../../simulations/evaluate/intervals.ts'
import {
  currentFirst,
  currentSizes,
  type GeneratedSeries,
  generateSeries,
  listScenarios,
  weeksMax,
} from '../../simulations/evaluate/noufaily.ts'

/** A detector under test: judges weeks first..last (0-based) of a weekly series. */
export type WeeklyDetector = {
  name: string
  setting: string
  judge(counts: readonly number[], first: number, last: number): (boolean | null)[]
}

function listAlarms(points: readonly { alarm: boolean | null }[] | Refusal): (boolean | null)[] {
  if (isRefusal(points)) throw new Error(points.en)
  return points.map(point => point.alarm)
}

function makeEars(method: EarsMethod): WeeklyDetector {
  return {
    name: `EARS ${method}`,
    setting: '7 weeks, least sd 0.5',
    judge: (counts, first, last) => listAlarms(assessEars(counts, { first, last }, { method, minSigma: 0.5 })),
  }
}

function makeFlexible(thresholdMethod: NonNullable<FarringtonFlexibleOptions['thresholdMethod']>): WeeklyDetector {
  return {
    name: `Farrington flexible ${thresholdMethod}`,
    setting: 'b 5, w 3, 10 periods, alpha 0.005',
    judge: (counts, first, last) =>
      listAlarms(assessFarringtonFlexible({ counts, frequency: 52 }, { first, last }, { thresholdMethod })),
  }
}

/** 2001-01-01, a Monday: any date does, the percentile goes by calendar. */
const percentileFirstDay = 11_323

function makePercentile(percentile: number): WeeklyDetector {
  return {
    name: `moving percentile P${Math.round(percentile * 100)}`,
    setting: '5 weeks × 5 years',
    judge: (counts, first, last) => {
      // A week's cases on its last day: every block of seven days then holds exactly one week.
      const days = new Array<number>(counts.length * 7).fill(0)
      counts.forEach((count, week) => {
        days[week * 7 + 6] = count
      })
      const alarms: (boolean | null)[] = []
      for (let week = first; week <= last; week++)
        alarms.push(
          ...listAlarms(
            assessMovingPercentile(
              days,
              percentileFirstDay,
              { first: week * 7 + 6, last: week * 7 + 6 },
              { percentile },
            ),
          ),
        )
      return alarms
    },
  }
}

/** Every detector of the house that judges a weekly series, each with the setting of its paper. */
export const weeklyDetectors: readonly WeeklyDetector[] = [
  makeEars('C1'),
  makeEars('C2'),
  makeEars('C3'),
  makeFlexible('nbPlugin'),
  makeFlexible('muan'),
  makeFlexible('delta'),
  {
    name: 'Farrington classic',
    setting: 'b 5, w 3, alpha 0.01 two-sided',
    judge: (counts, first, last) => listAlarms(assessFarrington(counts, 52, { first, last }, { b: 5 })),
  },
  {
    name: 'CUSUM',
    setting: 'Rossi, k 1.04, h 2.26, seasonal mean of 5 years',
    judge: (counts, first, last) => {
      // The sum runs on from the start of the judged year, whichever weeks are asked for.
      const from = currentFirst - 5 * 52
      const points = assessCusum(
        counts.slice(from),
        { first: currentFirst - from, last: last - from },
        { transform: 'rossi', mean: 'glm', frequency: 52, startPeriod: (from % 52) + 1 },
      )
      return listAlarms(points).slice(first - currentFirst)
    },
  },
  makePercentile(0.5),
  makePercentile(0.9),
]

/** Sums of one detector over all series. */
export type SeriesScore = {
  name: string
  setting: string
  quietWeeks: number
  falseAlarms: number
  unjudged: number
  /** By parameter set 1-7: judged quiet weeks and alarms in them. */
  bySet: { weeks: number; alarms: number }[]
  /** By outbreak size 1-10. */
  bySize: { outbreaks: number; detected: number; byChance: number }[]
  /** Weeks from the start of an outbreak to its first alarm. */
  delaysWeeks: number[]
}

function createScore(detector: WeeklyDetector): SeriesScore {
  return {
    name: detector.name,
    setting: detector.setting,
    quietWeeks: 0,
    falseAlarms: 0,
    unjudged: 0,
    bySet: Array.from({ length: 7 }, () => ({ weeks: 0, alarms: 0 })),
    bySize: currentSizes.map(() => ({ outbreaks: 0, detected: 0, byChance: 0 })),
    delaysWeeks: [],
  }
}

/**
 * Adds one series. False alarms are counted over the whole judged year without its outbreak; an outbreak is detected by an
 * alarm from its start to its last case. `byChance` counts the outbreaks in whose weeks the quiet series alarms as well.
 */
export function scoreSeries(score: SeriesScore, detector: WeeklyDetector, series: GeneratedSeries): void {
  const quiet = detector.judge(series.quiet, currentFirst, weeksMax - 1)
  const set = score.bySet[Math.floor((series.scenario.scenario - 1) / 6)]!
  for (const alarm of quiet) {
    if (alarm === null) {
      score.unjudged++
      continue
    }
    score.quietWeeks++
    set.weeks++
    if (alarm) {
      score.falseAlarms++
      set.alarms++
    }
  }
  const { start, size, cases } = series.current
  if (cases.length === 0) return
  const last = start + cases.length - 1
  const size1 = score.bySize[size - 1]!
  size1.outbreaks++
  const delay = detector.judge(series.counts, start, last).indexOf(true)
  if (delay >= 0) {
    size1.detected++
    score.delaysWeeks.push(delay)
  }
  if (quiet.slice(start - currentFirst, last - currentFirst + 1).includes(true)) size1.byChance++
}

/** Scores detectors on `runs` replicates of every scenario. */
export function evaluateSeries(options: {
  runs: number
  seed: number
  detectors?: readonly WeeklyDetector[]
  say?: (line: string) => void
}): SeriesScore[] {
  const detectors = options.detectors ?? weeklyDetectors
  const scores = detectors.map(createScore)
  for (const scenario of listScenarios()) {
    for (let replicate = 0; replicate < options.runs; replicate++) {
      const series = generateSeries(scenario, options.seed, replicate)
      detectors.forEach((detector, at) => {
        scoreSeries(scores[at]!, detector, series)
      })
    }
    options.say?.(`scenario ${scenario.scenario} of 42`)
  }
  return scores
}

const percent = (share: number): string => (Number.isFinite(share) ? (100 * share).toFixed(1) : '—')
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The scores as markdown tables. */
export function formatSeriesScores(scores: readonly SeriesScore[]): string[] {
  const lines = [
    '| detector | setting | false positive rate, % of weeks (95 %) | power, % of outbreaks (95 %) | by chance, % | delay, weeks: mean, 90 % |',
    '|---|---|---|---|---|---|',
  ]
  for (const score of scores) {
    const wrong = computeWilson(score.falseAlarms, score.quietWeeks)
    const outbreaks = sum(score.bySize.map(one => one.outbreaks))
    const power = computeWilson(sum(score.bySize.map(one => one.detected)), outbreaks)
    const chance = sum(score.bySize.map(one => one.byChance)) / outbreaks
    const delays = [...score.delaysWeeks].sort((a, b) => a - b)
    const mean = delays.length > 0 ? (sum(delays) / delays.length).toFixed(2) : '—'
    lines.push(
      `| ${score.name} | ${score.setting} | ${formatShare(wrong)} | ${formatShare(power)} | ${percent(chance)} | ${mean}, ${delays.length > 0 ? findQuantile(delays, 0.9).toFixed(0) : '—'} |`,
    )
  }
  lines.push(
    '',
    'Power by size k of the outbreak (k standard deviations of the week it starts in), % of outbreaks with a case:',
    '',
    `| detector | ${currentSizes.join(' | ')} |`,
    `|---|${currentSizes.map(() => '---').join('|')}|`,
  )
  for (const score of scores)
    lines.push(`| ${score.name} | ${score.bySize.map(one => percent(one.detected / one.outbreaks)).join(' | ')} |`)
  lines.push(
    `| outbreaks | ${(scores[0]?.bySize ?? []).map(one => one.outbreaks).join(' | ')} |`,
    '',
    'False positive rate by parameter set (six scenarios each), % of quiet weeks:',
    '',
    '| detector | 1 (mean about 1) | 2 (about 0.1) | 3 (about 5) | 4 (about 2, phi 5) | 5 (about 12, phi 3) | 6 (about 43) | 7 (about 148) |',
    '|---|---|---|---|---|---|---|---|',
  )
  for (const score of scores)
    lines.push(`| ${score.name} | ${score.bySet.map(one => percent(one.alarms / one.weeks)).join(' | ')} |`)
  return lines
}

function formatShare(interval: { value: number; low: number; high: number }): string {
  return `${percent(interval.value)} (${percent(interval.low)} – ${percent(interval.high)})`
}

// Farrington flexible: this week's count against the same season of earlier years. Part of `detect/`, pure; run by analysts.
// A quasi-Poisson regression with season blocks and trend, past outbreaks down-weighted, gives the threshold.
// Right by the papers by default: every standard error uses the dispersion of the fit. `compat: 'r-surveillance'` repeats
// what R's farringtonFlexible computes, its dispersion after reweighting and its odd score included.

import {
  type CountDistribution,
  computeCountQuantile,
  computeCountUpperTail,
  computeNormalQuantile,
  computeNormalUpperTail,
  computeStudentTwoSided,
} from './distributions.ts'
import {
  findAnscombeWeights,
  findLastSlopeVariance,
  fitLogLinear,
  type LogLinearDesign,
  type LogLinearFit,
  measureDispersion,
  predictLogLinear,
} from './glm.ts'
import {
  findRangeRefusal,
  findValueRefusal,
  isRefusal,
  type Refusal,
  refuse,
  type SeriesRange,
  toFinite,
} from './refusal.ts'

export type PowerTransform = '2/3' | '1/2' | 'none'

/** A regular series of counts; null = missing. With `epochDays` (days since 1970-01-01, rising) seasons go by calendar date. */
export type DatedSeries = {
  readonly counts: ArrayLike<number | null>
  /** Points per year: 52 weekly, 12 monthly, 365 daily. */
  readonly frequency: number
  readonly epochDays?: ArrayLike<number>
}

export type FarringtonFlexibleOptions = {
  /** Years back; default 5. */
  readonly b?: number
  /** Half width of the season window, in points; default 3. */
  readonly w?: number
  /** Season blocks per year, the window being one of them; 1 = windows only; default 10. */
  readonly noPeriods?: number
  /** Points before the judged one that stay out of the baseline (points, also for daily series); default 26. */
  readonly pastWeeksNotIncluded?: number
  /** Down-weight past outbreaks; default true. */
  readonly reweight?: boolean
  /** Anscombe residual from which a past point is down-weighted; default 2.58. */
  readonly weightsThreshold?: number
  /** Fit a trend at all; default true. */
  readonly trend?: boolean
  /** Keep the trend only if its p-value is below this; 1 = always; default 1. */
  readonly pThresholdTrend?: number
  /** One-sided level; default 0.005. */
  readonly alpha?: number
  /** [cases, points]: silent unless at least this many cases in the last points; default [5, 4]. */
  readonly limit54?: readonly [number, number]
  readonly thresholdMethod?: 'nbPlugin' | 'muan' | 'delta'
  /** Scale on which the `delta` threshold is symmetric; default '2/3'. */
  readonly powertrans?: PowerTransform
  readonly compat?: 'r-surveillance'
}

/** One judged point. Null = no opinion: the count is missing, nothing to compare with, or the fit did not settle. */
export type FarringtonPoint = {
  readonly alarm: boolean | null
  /** Largest count that does not alarm; null also below the least number of recent cases. */
  readonly upperbound: number | null
  readonly expected: number | null
  /** Mean behind the threshold: the expected count, for `muan` its upper confidence limit. */
  readonly mu0: number | null
  readonly phi: number | null
  readonly isTrendKept: boolean | null
  /** Log increase per point (per step of the dates). */
  readonly trendCoefficient: number | null
  /** (y - expected) / (upperbound - expected); above 1 alarms. */
  readonly score: number | null
  readonly pValue: number | null
}

type Setting = Required<Omit<FarringtonFlexibleOptions, 'compat'>> & { readonly isLikeR: boolean; readonly z: number }

/** More years or blocks than any archive holds; keeps loops and labels (bytes) bounded. */
const YEARS_MAX = 100
const PERIODS_MAX = 250
const DAY_MS = 86_400_000

function admitSetting(options: FarringtonFlexibleOptions): Setting | Refusal {
  const setting = {
    b: options.b ?? 5,
    w: options.w ?? 3,
    noPeriods: options.noPeriods ?? 10,
    pastWeeksNotIncluded: options.pastWeeksNotIncluded ?? 26,
    reweight: options.reweight ?? true,
    weightsThreshold: options.weightsThreshold ?? 2.58,
    trend: options.trend ?? true,
    pThresholdTrend: options.pThresholdTrend ?? 1,
    alpha: options.alpha ?? 0.005,
    limit54: options.limit54 ?? ([5, 4] as const),
    thresholdMethod: options.thresholdMethod ?? 'nbPlugin',
    powertrans: options.powertrans ?? '2/3',
  } as const
  const { b, w, noPeriods, pastWeeksNotIncluded, weightsThreshold, pThresholdTrend, alpha, limit54 } = setting
  const isSound =
    isWithin(b, 1, YEARS_MAX) &&
    isWithin(w, 0, Number.MAX_SAFE_INTEGER) &&
    isWithin(noPeriods, 1, PERIODS_MAX) &&
    isWithin(pastWeeksNotIncluded, 0, Number.MAX_SAFE_INTEGER) &&
    weightsThreshold >= 0 &&
    pThresholdTrend >= 0 &&
    alpha > 0 &&
    alpha < 1 &&
    limit54[0] >= 0 &&
    isWithin(limit54[1], 1, Number.MAX_SAFE_INTEGER) &&
    ['nbPlugin', 'muan', 'delta'].includes(setting.thresholdMethod) &&
    ['2/3', '1/2', 'none'].includes(setting.powertrans)
  if (!isSound) return refuse('OPTION_INVALID', 'Farrington 参数无效', 'A Farrington option is out of its range')
  return { ...setting, isLikeR: options.compat === 'r-surveillance', z: computeNormalQuantile(1 - alpha) }
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

/** Position of a day in rising days, or undefined. */
function findPosition(epochDays: ArrayLike<number>, day: number): number | undefined {
  let low = 0
  let high = epochDays.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const value = epochDays[middle]!
    if (value === day) return middle
    if (value < day) low = middle + 1
    else high = middle - 1
  }
  return undefined
}

/** The day `years` before; 29 February becomes 1 March where there is none. */
function shiftYears(epochDay: number, years: number): number {
  const date = new Date(epochDay * DAY_MS)
  return Math.round(Date.UTC(date.getUTCFullYear() - years, date.getUTCMonth(), date.getUTCDate()) / DAY_MS)
}

/** Day of the week, Sunday = 0; 1970-01-01 was a Thursday. */
function getWeekday(epochDay: number): number {
  return (((epochDay + 4) % 7) + 7) % 7
}

/** For weekly series: the date with the wanted weekday that is nearest to `day`. */
function moveToWeekday(day: number, weekday: number): number {
  const a = day - (getWeekday(day) - weekday)
  const b = a > day ? a - 7 : a + 7
  return Math.abs(a - day) > Math.abs(b - day) ? b : a
}

/** Positions of this season now and 1..b years back, or undefined when one is not in the series. */
function findReferences(series: DatedSeries, k: number, b: number): number[] | undefined {
  const references = [k]
  for (let i = 1; i <= b; i++) {
    let position: number | undefined = k - i * series.frequency
    if (series.epochDays) {
      const today = series.epochDays[k]!
      let day = shiftYears(today, i)
      if (series.frequency === 52) day = moveToWeekday(day, getWeekday(today))
      position = findPosition(series.epochDays, day)
    }
    if (position === undefined || position < 0) return undefined
    references.push(position)
  }
  return references
}

/** Season block of each position 0..k (0 = not used), block `noPeriods` being the season judged. */
function labelPositions(references: readonly number[], k: number, setting: Setting): Uint8Array | Refusal {
  const { b, w, noPeriods, pastWeeksNotIncluded } = setting
  const labels = new Uint8Array(k + 1)
  const label = (from: number, count: number, block: number) => {
    for (let i = Math.max(0, from); i < Math.min(k + 1, from + count); i++) labels[i] = block
  }
  label(k - w, w + 1, noPeriods)
  for (let i = 1; i <= b; i++) label(references[i]! - w, 2 * w + 1, noPeriods)
  if (noPeriods > 1)
    for (let i = 0; i < b; i++) {
      const gap = references[i]! - 2 * w - 1 - references[i + 1]!
      if (gap < noPeriods - (2 * w + 1))
        return refuse(
          'PERIODS_TOO_MANY',
          '季节分段数过多',
          'There are more season blocks than points between two seasons',
        )
      const long = Math.floor(Math.max(0, gap) / (noPeriods - 1))
      const longer = Math.max(0, gap) % (noPeriods - 1)
      let at = references[i + 1]! + w + 1
      for (let block = 1; block < noPeriods; block++) {
        const length = long + (block <= longer ? 1 : 0)
        label(at, length, block)
        at += length
      }
    }
  labels.fill(0, Math.max(0, k - pastWeeksNotIncluded))
  return labels
}

/** Rows of a Farrington regression and the point to be forecast. `times` and `now` share one scale. */
export type FarringtonBaseline = {
  readonly counts: Float64Array
  readonly levels: Uint8Array
  readonly levelCount: number
  readonly times: Float64Array
  /** Time of the judged point on the same scale. */
  readonly now: number
  readonly level: number
  readonly countMax: number
}

function collectBaseline(
  series: DatedSeries,
  k: number,
  labels: Uint8Array,
  noPeriods: number,
): FarringtonBaseline | undefined {
  let rows = 0
  let first = -1
  for (let i = 0; i <= k; i++)
    if (labels[i]! > 0 && series.counts[i] !== null) {
      if (first < 0) first = i
      rows++
    }
  if (rows === 0) return undefined
  const { epochDays } = series
  const step = epochDays && epochDays.length > 1 ? epochDays[1]! - epochDays[0]! : 1
  const getTime = (i: number) => (epochDays ? (epochDays[i]! - epochDays[first]!) / step : i + 1)
  const counts = new Float64Array(rows)
  const levels = new Uint8Array(rows)
  const times = new Float64Array(rows)
  let countMax = 0
  let row = 0
  for (let i = first; i <= k; i++) {
    const count = series.counts[i]!
    if (labels[i] === 0 || count === null) continue
    counts[row] = count
    levels[row] = labels[i]! - 1
    times[row++] = getTime(i)
    if (count > countMax) countMax = count
  }
  return { counts, levels, levelCount: noPeriods, times, now: getTime(k), level: noPeriods - 1, countMax }
}

/** How the regression of a baseline is fitted and its trend judged. */
export type FarringtonModelSetting = {
  readonly b: number
  readonly reweight: boolean
  readonly weightsThreshold: number
  readonly trend: boolean
  readonly pThresholdTrend: number
  readonly isLikeR: boolean
  /** Test the trend with the estimated dispersion even when it is below 1. */
  readonly isTrendTestedRaw?: boolean
}

export type FarringtonModel = {
  readonly fit: LogLinearFit
  readonly phi: number
  /** What standard errors are scaled by: phi, or R's figure after reweighting. */
  readonly dispersion: number
  /** The same for the test of the trend. */
  readonly trendDispersion: number
  readonly hasTrend: boolean
  readonly freedom: number
}

/** Fits, then once more with past outbreaks down-weighted; undefined when the first fit does not settle. */
function fitModel(
  baseline: FarringtonBaseline,
  hasTrend: boolean,
  setting: FarringtonModelSetting,
): FarringtonModel | undefined {
  const { counts, levels, levelCount, times } = baseline
  const design: LogLinearDesign = { counts, levels, levelCount, covariates: hasTrend ? [times] : [] }
  const fit = fitLogLinear(design)
  if (!fit?.converged) return undefined
  const freedom = counts.length - fit.rank
  const raw = measureDispersion(fit, design, fit.workingWeights)
  const phi = Math.max(1, raw)
  if (Number.isNaN(phi)) return undefined
  if (!setting.reweight) {
    const dispersion = setting.isLikeR ? raw : phi
    return { fit, phi, dispersion, trendDispersion: setting.isTrendTestedRaw ? raw : dispersion, hasTrend, freedom }
  }
  const priorWeights = findAnscombeWeights(fit, design, phi, setting.weightsThreshold)
  if (!priorWeights) return undefined
  const again: LogLinearDesign = { ...design, priorWeights }
  const refit = fitLogLinear(again)
  if (!refit) return undefined
  const rawAgain = measureDispersion(refit, again, refit.workingWeights)
  const phiAgain = Math.max(1, rawAgain)
  const dispersion = setting.isLikeR ? measureDispersion(refit, again, priorWeights) : phiAgain
  const trendDispersion = setting.isTrendTestedRaw ? rawAgain : dispersion
  return { fit: refit, phi: phiAgain, dispersion, trendDispersion, hasTrend, freedom }
}

/** Chooses between the model with and without trend; undefined when neither settles. */
export function chooseFarringtonModel(
  baseline: FarringtonBaseline,
  setting: FarringtonModelSetting,
): FarringtonModel | undefined {
  if (!setting.trend) return fitModel(baseline, false, setting)
  const model = fitModel(baseline, true, setting)
  if (!model) return fitModel(baseline, false, setting)
  const variance = findLastSlopeVariance(model.fit)
  const slope = model.fit.slopes[0] ?? 0
  const t = variance === undefined ? 0 : slope / Math.sqrt(model.trendDispersion * variance)
  const isSignificant = variance !== undefined && computeStudentTwoSided(t, model.freedom) < setting.pThresholdTrend
  const forecast = predictLogLinear(model.fit, baseline.level, [baseline.now])
  // A hair of tolerance: in a constant series forecast and largest count are equal up to rounding.
  const isWithinPast = forecast !== undefined && Math.exp(forecast.eta) <= baseline.countMax * (1 + 1e-12)
  return setting.b >= 3 && (isSignificant || setting.pThresholdTrend >= 1) && isWithinPast
    ? model
    : fitModel(baseline, false, setting)
}

const NO_OPINION: FarringtonPoint = {
  alarm: null,
  upperbound: null,
  expected: null,
  mu0: null,
  phi: null,
  isTrendKept: null,
  trendCoefficient: null,
  score: null,
  pValue: null,
}

/**
 * Threshold and tail probability on a power scale. `deviation` is the standard deviation of the transformed count.
 * @source Farrington et al. 1996, section 3.6 (2/3 power).
 */
export function computePowerThreshold(
  mean: number,
  tau: number,
  z: number,
  power: PowerTransform,
): { threshold: number; findTail: (count: number) => number } {
  if (power === 'none') {
    const deviation = Math.sqrt(mean * tau)
    return { threshold: mean + z * deviation, findTail: y => computeNormalUpperTail((y - mean) / deviation) }
  }
  if (power === '1/2') {
    const deviation = Math.sqrt(tau / 4)
    const root = Math.max(0, Math.sqrt(mean) + z * deviation)
    const findTail = (y: number) => computeNormalUpperTail((Math.sqrt(y) - Math.sqrt(mean)) / deviation)
    return { threshold: root ** 2, findTail }
  }
  const deviation = Math.sqrt((4 / 9) * Math.cbrt(mean) * tau)
  const root = Math.max(0, mean ** (2 / 3) + z * deviation)
  return {
    threshold: root ** 1.5,
    findTail: y => computeNormalUpperTail((y ** (2 / 3) - mean ** (2 / 3)) / deviation),
  }
}

function judge(series: DatedSeries, k: number, setting: Setting): FarringtonPoint | Refusal {
  const { thresholdMethod, z, isLikeR } = setting
  const references = findReferences(series, k, setting.b)
  if (!references)
    return refuse(
      'REFERENCE_MISSING',
      '历史同期参考点不存在',
      'A reference point of an earlier year is not in the series',
    )
  const labels = labelPositions(references, k, setting)
  if (isRefusal(labels)) return labels
  const baseline = collectBaseline(series, k, labels, setting.noPeriods)
  const model = baseline && chooseFarringtonModel(baseline, setting)
  const forecast = model && predictLogLinear(model.fit, baseline.level, model.hasTrend ? [baseline.now] : [])
  if (!forecast) return isLikeR ? { ...NO_OPINION, alarm: false } : NO_OPINION
  const { phi, dispersion, fit, hasTrend } = model
  const expected = Math.exp(forecast.eta)
  const se = Math.sqrt(dispersion * forecast.variance)
  const today = series.counts[k] ?? null
  let upperbound: number
  let mu0 = expected
  let findTail: (count: number) => number
  if (thresholdMethod === 'delta') {
    const seMean = expected * se
    const tau = phi + (seMean * seMean) / expected
    const power = computePowerThreshold(expected, tau, z, setting.powertrans)
    upperbound = power.threshold
    findTail = power.findTail
    // R prints the exponential of a mean here.
    if (isLikeR) mu0 = Math.exp(expected + z * seMean)
  } else {
    mu0 = thresholdMethod === 'muan' ? Math.exp(forecast.eta + z * se) : expected
    const distribution: CountDistribution = { mean: mu0, dispersion: phi }
    upperbound = computeCountQuantile(1 - setting.alpha, distribution)
    findTail = y => (Number.isFinite(mu0) ? computeCountUpperTail(y, distribution) : Number.NaN)
  }
  const centre = isLikeR && thresholdMethod !== 'delta' ? forecast.eta : expected
  const score = today === null ? Number.NaN : (today - centre) / (upperbound - centre)
  const isEnough = countRecent(series.counts, k, setting) >= setting.limit54[0]
  const isJudged = isEnough && today !== null && Number.isFinite(upperbound)
  const alarm = isJudged && today > 0 && today > upperbound
  return {
    alarm: isLikeR || isJudged || (today !== null && !isEnough) ? alarm : null,
    upperbound: (isLikeR ? isJudged : isEnough) ? toFinite(upperbound) : null,
    expected: (isLikeR ? isJudged : isEnough && Number.isFinite(upperbound)) ? toFinite(expected) : null,
    mu0: toFinite(mu0),
    phi,
    isTrendKept: hasTrend,
    trendCoefficient: hasTrend ? toFinite(fit.slopes[0]!) : null,
    score: toFinite(score),
    pValue: today === null ? null : toFinite(findTail(today)),
  }
}

/** Cases in the last points. R has no sum where one is missing; otherwise what is known decides. */
function countRecent(counts: ArrayLike<number | null>, k: number, setting: Setting): number {
  let sum = 0
  for (let i = Math.max(0, k - setting.limit54[1] + 1); i <= k; i++) {
    const count = counts[i] ?? null
    if (count === null && setting.isLikeR) return Number.NEGATIVE_INFINITY
    sum += count ?? 0
  }
  return sum
}

/**
 * Judges a range of points of a series, one answer per point.
 * Refuses `REFERENCE_MISSING` (an earlier year's point is not in the series), `PERIODS_TOO_MANY`, `OPTION_INVALID`,
 * `RANGE_INVALID`, `VALUE_INVALID`.
 * @source Noufaily, Enki, Farrington, Garthwaite, Andrews, Charlett 2013, Stat Med 32:1206-1222; Farrington et al. 1996.
 */
export function assessFarringtonFlexible(
  series: DatedSeries,
  range: SeriesRange,
  options: FarringtonFlexibleOptions = {},
): FarringtonPoint[] | Refusal {
  const setting = admitSetting(options)
  if (isRefusal(setting)) return setting
  const { counts, frequency, epochDays } = series
  if (!isWithin(frequency, 1, 100_000) || (epochDays && epochDays.length !== counts.length))
    return refuse('OPTION_INVALID', '序列频率或日期无效', 'The frequency or the dates of the series are not valid')
  const refusal = findRangeRefusal(range, counts.length) ?? findValueRefusal(counts)
  if (refusal) return refusal
  const points: FarringtonPoint[] = []
  for (let k = range.first; k <= range.last; k++) {
    const point = judge(series, k, setting)
    if (isRefusal(point)) return point
    points.push(point)
  }
  return points
}

// EARS C1, C2, C3: today's count against the mean and spread of the last days. Part of `detect/`, pure; runs in the hot line.
// Right by the papers by default: C3 sums today's excess with the two days before. `compat: 'r-surveillance'` gives
// the C3 of R's earsC, which does not look at today's count. Missing counts are never imputed: they mean no opinion.

import { computeNormalQuantile } from './distributions.ts'
import { findRangeRefusal, findValueRefusal, type Refusal, refuse, type SeriesRange, toFinite } from './refusal.ts'

export type EarsMethod = 'C1' | 'C2' | 'C3'

export type EarsOptions = {
  readonly method: EarsMethod
  /** Days in the window, 3 or more; default 7. */
  readonly baselineDays?: number
  /** Least standard deviation, in cases; 0.5 to 1 for sparse series; default 0. */
  readonly minSigma?: number
  /** One-sided level of C1 and C2 (default 0.001) and of R's C3 (default 0.025); the paper's C3 has no level. */
  readonly alpha?: number
  /** Limit of the paper's C3 statistic; default 2. */
  readonly c3Limit?: number
  readonly compat?: 'r-surveillance'
}

/** One judged day. `expected` and `sd` describe the window, `threshold` is the largest count that does not alarm. */
export type EarsJudgement = {
  readonly method: EarsMethod
  readonly expected: number
  readonly sd: number
  /** (y - expected) / sd, for C3 the summed excess; null when the spread is zero. */
  readonly statistic: number | null
  readonly threshold: number
  readonly alarm: boolean
}

/** One day of a judged series; every field is null where a count it needs is missing. */
export type EarsPoint = {
  readonly alarm: boolean | null
  readonly upperbound: number | null
  readonly expected: number | null
  readonly sd: number | null
  readonly statistic: number | null
}

/** C2 and C3 leave the two days before today out of the window. */
const GUARD_DAYS = 2
const BASELINE_DAYS = 7
const BASELINE_DAYS_MIN = 3
const ALPHA = { C1: 0.001, C2: 0.001, C3: 0.025 } as const
/** Hutwagner 2003 and Fricker 2008 alarm above 2. */
const C3_LIMIT = 2

// The hot line asks the same few levels all day long.
const quantiles = new Map<number, number>()
const QUANTILES_MAX = 64

function getUpperQuantile(alpha: number): number {
  const known = quantiles.get(alpha)
  if (known !== undefined) return known
  const z = computeNormalQuantile(1 - alpha)
  if (quantiles.size < QUANTILES_MAX) quantiles.set(alpha, z)
  return z
}

type Setting = {
  readonly method: EarsMethod
  readonly baselineDays: number
  readonly guardDays: number
  readonly minSigma: number
  readonly z: number
  readonly c3Limit: number
  readonly isLikeR: boolean
  readonly first: number
}

function admitSetting(options: EarsOptions): Setting | Refusal {
  const { method, baselineDays = BASELINE_DAYS, minSigma = 0, c3Limit = C3_LIMIT } = options
  const alpha = options.alpha ?? ALPHA[method]
  if (
    !(method in ALPHA) ||
    !Number.isInteger(baselineDays) ||
    baselineDays < BASELINE_DAYS_MIN ||
    !(minSigma >= 0 && minSigma < Number.POSITIVE_INFINITY) ||
    !(alpha > 0 && alpha < 1) ||
    !(c3Limit >= 0)
  )
    return refuse('OPTION_INVALID', 'EARS 参数无效', 'An EARS option is out of its range')
  const guardDays = method === 'C1' ? 0 : GUARD_DAYS
  const first = baselineDays + guardDays + (method === 'C3' ? 2 : 0)
  const z = getUpperQuantile(alpha)
  return { method, baselineDays, guardDays, minSigma, z, c3Limit, isLikeR: options.compat === 'r-surveillance', first }
}

// Mean and spread of one window; module-level so that the hot line allocates nothing per window.
let windowMean = 0
let windowSd = 0

function measureWindow(values: ArrayLike<number | null>, t: number, setting: Setting): boolean {
  const end = t - setting.guardDays
  const start = end - setting.baselineDays
  let sum = 0
  for (let i = start; i < end; i++) {
    const value = values[i]
    if (value === null || value === undefined) return false
    sum += value
  }
  const mean = sum / setting.baselineDays
  let squares = 0
  for (let i = start; i < end; i++) {
    const difference = (values[i] as number) - mean
    squares += difference * difference
  }
  windowMean = mean
  windowSd = Math.max(Math.sqrt(squares / (setting.baselineDays - 1)), setting.minSigma)
  return true
}

/** max(0, C2 - 1); a flat window with a flat day has no excess in the paper's sense and is NaN in R. */
function measureExcess(values: ArrayLike<number | null>, t: number, setting: Setting): number {
  const value = values[t]
  if (value === null || value === undefined || !measureWindow(values, t, setting)) return Number.NaN
  const difference = value - windowMean
  if (!setting.isLikeR && windowSd === 0) return difference > 0 ? Number.POSITIVE_INFINITY : 0
  return Math.max(0, difference / windowSd - 1)
}

function judge(values: ArrayLike<number | null>, t: number, setting: Setting): EarsPoint {
  const today = values[t] ?? null
  if (setting.method !== 'C3') {
    if (!measureWindow(values, t, setting)) return NO_OPINION
    const upperbound = windowMean + setting.z * windowSd
    return {
      alarm: today === null ? null : today > upperbound,
      upperbound,
      expected: windowMean,
      sd: windowSd,
      statistic: today === null ? null : toFinite((today - windowMean) / windowSd),
    }
  }
  const before = measureExcess(values, t - 1, setting) + measureExcess(values, t - 2, setting)
  if (!measureWindow(values, t, setting)) return NO_OPINION
  const expected = windowMean
  const sd = windowSd
  if (today === null || Number.isNaN(before)) return { alarm: null, upperbound: null, expected, sd, statistic: null }
  if (setting.isLikeR) {
    const upperbound = Math.max(0, today + sd * (setting.z - before))
    if (Number.isNaN(upperbound)) return { alarm: null, upperbound: null, expected, sd, statistic: null }
    return { alarm: today > upperbound, upperbound: toFinite(upperbound), expected, sd, statistic: toFinite(before) }
  }
  const statistic = before + measureExcess(values, t, setting)
  const alarm = statistic > setting.c3Limit
  // Once the two days before exceed the limit alone, no count of today can keep it silent.
  const upperbound = before > setting.c3Limit ? 0 : expected + sd * (1 + setting.c3Limit - before)
  return { alarm, upperbound, expected, sd, statistic: toFinite(statistic) }
}

const NO_OPINION: EarsPoint = { alarm: null, upperbound: null, expected: null, sd: null, statistic: null }

/**
 * Judges one day of a series, cheap enough for the hot line.
 * `t` is a 0-based position; undefined when a needed count is missing, `t` is too early, or an option is out of range.
 * @source Hutwagner, Thompson, Seeman, Treadwell 2003, J Urban Health 80(2 Suppl 1):i89-96.
 */
export function evaluateEars(
  values: ArrayLike<number | null>,
  t: number,
  options: EarsOptions,
): EarsJudgement | undefined {
  const setting = admitSetting(options)
  if ('code' in setting || !Number.isInteger(t) || t < setting.first || t >= values.length) return undefined
  const { alarm, upperbound, expected, sd, statistic } = judge(values, t, setting)
  if (alarm === null || upperbound === null || expected === null || sd === null) return undefined
  if (!Number.isFinite(upperbound) || !Number.isFinite(expected)) return undefined
  return { method: setting.method, expected, sd, statistic, threshold: upperbound, alarm }
}

/**
 * Judges a range of days of a series (counts per day, null = missing), one point per day.
 * Refuses `SERIES_TOO_SHORT` when the range starts before the first day that has a full window (C1: B, C2: B+2, C3: B+4,
 * 0-based), `OPTION_INVALID`, `RANGE_INVALID`, `VALUE_INVALID`.
 * @source Hutwagner et al. 2003; Fricker, Hegler, Dunfee 2008, Stat Med 27:3407-3429 (C3 limit).
 */
export function assessEars(
  values: ArrayLike<number | null>,
  range: SeriesRange,
  options: EarsOptions,
): EarsPoint[] | Refusal {
  const setting = admitSetting(options)
  if ('code' in setting) return setting
  const refusal = findRangeRefusal(range, values.length) ?? findValueRefusal(values)
  if (refusal) return refusal
  if (range.first < setting.first)
    return refuse('SERIES_TOO_SHORT', '序列太短，基线窗口不完整', 'The series is too short for a full baseline window')
  const points: EarsPoint[] = []
  for (let t = range.first; t <= range.last; t++) points.push(judge(values, t, setting))
  return points
}

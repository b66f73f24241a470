// Classic Farrington (1996): the same weeks of earlier years as baseline, no season blocks. Part of `detect/`, pure.
// Kept beside the flexible method because published systems and their thresholds still refer to it.
// The series goes by position; earlier years that are not in the series are left out of the baseline.

import { computeNormalQuantile } from './distributions.ts'
import {
  chooseFarringtonModel,
  computePowerThreshold,
  type FarringtonBaseline,
  type PowerTransform,
} from './farrington-flexible.ts'
import { predictLogLinear } from './glm.ts'
import {
  findRangeRefusal,
  findValueRefusal,
  isRefusal,
  type Refusal,
  refuse,
  type SeriesRange,
  toFinite,
} from './refusal.ts'

export type FarringtonOptions = {
  /** Years back; default 3. */
  readonly b?: number
  /** Half width of the season window, in points; default 3. */
  readonly w?: number
  /** Down-weight past outbreaks (Anscombe residual above 1); default true. */
  readonly reweight?: boolean
  /** Fit a trend, kept when its p-value is below 0.05; default true. */
  readonly trend?: boolean
  /** Two-sided level; default 0.01. */
  readonly alpha?: number
  /** [cases, points]: silent unless at least this many cases in the last points; default [5, 4]. */
  readonly limit54?: readonly [number, number]
  readonly powertrans?: PowerTransform
}

/** One judged point; null = no opinion. `upperbound` is 0 below the least number of recent cases. */
export type ClassicFarringtonPoint = {
  readonly alarm: boolean | null
  readonly upperbound: number | null
  readonly expected: number | null
  readonly isTrendKept: boolean | null
  /** P(Y <= y) on the power scale. */
  readonly quantile: number | null
}

const NO_OPINION: ClassicFarringtonPoint = {
  alarm: null,
  upperbound: null,
  expected: null,
  isTrendKept: null,
  quantile: null,
}

/** Farrington 1996 keeps a trend significant at 5 % and down-weights residuals above 1. */
const P_TREND = 0.05
const RESIDUAL_LIMIT = 1
const YEARS_MAX = 100

type Setting = Required<FarringtonOptions> & { readonly z: number }

function admitSetting(options: FarringtonOptions): Setting | Refusal {
  const { b = 3, w = 3, reweight = true, trend = true, alpha = 0.01, limit54 = [5, 4] as const } = options
  const powertrans = options.powertrans ?? '2/3'
  const isSound =
    Number.isInteger(b) &&
    b >= 1 &&
    b <= YEARS_MAX &&
    Number.isSafeInteger(w) &&
    w >= 0 &&
    alpha > 0 &&
    alpha < 1 &&
    limit54[0] >= 0 &&
    Number.isSafeInteger(limit54[1]) &&
    limit54[1] >= 1 &&
    ['2/3', '1/2', 'none'].includes(powertrans)
  if (!isSound) return refuse('OPTION_INVALID', 'Farrington 参数无效', 'A Farrington option is out of its range')
  return { b, w, reweight, trend, alpha, limit54, powertrans, z: computeNormalQuantile(1 - alpha / 2) }
}

/** The same points of earlier years with their neighbours, oldest first; undefined when none is in the series. */
function collectBaseline(
  counts: ArrayLike<number | null>,
  frequency: number,
  k: number,
  setting: Setting,
): FarringtonBaseline | undefined {
  const kept: number[] = []
  for (let i = setting.b; i >= 1; i--)
    for (let j = Math.max(0, k - i * frequency - setting.w); j <= Math.min(k - 1, k - i * frequency + setting.w); j++)
      if ((counts[j] ?? null) !== null) kept.push(j)
  if (kept.length === 0) return undefined
  const values = Float64Array.from(kept, j => counts[j]!)
  return {
    counts: values,
    levels: new Uint8Array(kept.length),
    levelCount: 1,
    times: Float64Array.from(kept, j => j + 1),
    now: k + 1,
    level: 0,
    countMax: values.reduce((most, value) => Math.max(most, value), 0),
  }
}

function judge(
  counts: ArrayLike<number | null>,
  frequency: number,
  k: number,
  setting: Setting,
): ClassicFarringtonPoint | Refusal {
  const baseline = collectBaseline(counts, frequency, k, setting)
  if (!baseline)
    return refuse('SERIES_TOO_SHORT', '序列太短，没有历史同期数据', 'The series holds none of the earlier seasons')
  const model = chooseFarringtonModel(baseline, {
    ...setting,
    weightsThreshold: RESIDUAL_LIMIT,
    pThresholdTrend: P_TREND,
    isLikeR: false,
    isTrendTestedRaw: true,
  })
  const forecast = model && predictLogLinear(model.fit, 0, model.hasTrend ? [baseline.now] : [])
  if (!forecast) return NO_OPINION
  const expected = Math.exp(forecast.eta)
  const tau = model.phi + model.dispersion * forecast.variance * expected
  const { threshold, findTail } = computePowerThreshold(expected, tau, setting.z, setting.powertrans)
  const today = counts[k] ?? null
  let recent = 0
  for (let i = Math.max(0, k - setting.limit54[1] + 1); i <= k; i++) recent += counts[i] ?? 0
  const isEnough = recent >= setting.limit54[0]
  return {
    alarm: today === null ? null : isEnough && (today - expected) / (threshold - expected) > 1,
    upperbound: isEnough ? toFinite(threshold) : 0,
    expected: toFinite(expected),
    isTrendKept: model.hasTrend,
    quantile: today === null ? null : toFinite(1 - findTail(today)),
  }
}

/**
 * Judges a range of points of a series, one answer per point; `frequency` is the number of points per year.
 * Refuses `SERIES_TOO_SHORT` when no earlier season is in the series, `OPTION_INVALID`, `RANGE_INVALID`, `VALUE_INVALID`.
 * @source Farrington, Andrews, Beale, Catchpole 1996, JRSS A 159:547-563.
 */
export function assessFarrington(
  counts: ArrayLike<number | null>,
  frequency: number,
  range: SeriesRange,
  options: FarringtonOptions = {},
): ClassicFarringtonPoint[] | Refusal {
  const setting = admitSetting(options)
  if (isRefusal(setting)) return setting
  if (!Number.isSafeInteger(frequency) || frequency < 1)
    return refuse('OPTION_INVALID', '序列频率无效', 'The frequency of the series is not valid')
  const refusal = findRangeRefusal(range, counts.length) ?? findValueRefusal(counts)
  if (refusal) return refusal
  const points: ClassicFarringtonPoint[] = []
  for (let k = range.first; k <= range.last; k++) {
    const point = judge(counts, frequency, k, setting)
    if (isRefusal(point)) return point
    points.push(point)
  }
  return points
}

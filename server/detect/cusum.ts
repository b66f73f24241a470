// CUSUM: small lasting rises, summed up day after day. Part of `detect/`, pure.
// The count is first transformed so that its spread is known, against a constant mean or a seasonal one.
// There is no reset after an alarm: the sum falls again when the rise ends.

import { fitLogLinear, predictLogLinear } from './glm.ts'
import { findRangeRefusal, findValueRefusal, type Refusal, refuse, type SeriesRange, toFinite } from './refusal.ts'

export type CusumTransform = 'standard' | 'rossi' | 'anscombe' | 'anscombe2nd' | 'pearsonNegBin'

export type CusumOptions = {
  /** Reference value; default 1.04. */
  readonly k?: number
  /** Decision interval; default 2.26. */
  readonly h?: number
  /** In-control mean: given, the mean of all points before the range (default), or a seasonal regression on them. */
  readonly mean?: number | 'baseline' | 'glm'
  readonly transform?: CusumTransform
  /** Variance m + a m^2 for `pearsonNegBin`; default 0. */
  readonly a?: number
  /** For 'glm': points per year and the season (1-based) of the first point. */
  readonly frequency?: number
  readonly startPeriod?: number
  /** As R: an undefined step leaves every later sum undefined too. */
  readonly compat?: 'r-surveillance'
}

/** One judged point; null = no opinion (count missing, or a mean of zero that leaves the transformed count undefined). */
export type CusumPoint = {
  readonly alarm: boolean | null
  readonly cusum: number | null
  /** Smallest count that alarms given the sum so far. */
  readonly upperbound: number | null
  readonly mean: number | null
}

const TRANSFORMS: readonly CusumTransform[] = ['standard', 'rossi', 'anscombe', 'anscombe2nd', 'pearsonNegBin']

/**
 * Transformed count of mean 0 and spread about 1.
 * @source Rossi, Lampugnani, Marchi 1999, Stat Med 18:2111-2122; Rogerson & Yamada 2004.
 */
function transformCount(y: number, m: number, transform: CusumTransform, a: number): number {
  switch (transform) {
    case 'standard':
      return (y - m) / Math.sqrt(m)
    case 'rossi':
      return (y - 3 * m + 2 * Math.sqrt(y * m)) / (2 * Math.sqrt(m))
    case 'anscombe':
      return (1.5 * (y ** (2 / 3) - m ** (2 / 3))) / m ** (1 / 6)
    case 'anscombe2nd':
      return (y ** (2 / 3) - (m ** (2 / 3) - m ** (-1 / 3) / 9)) / ((2 / 3) * m ** (1 / 6))
    case 'pearsonNegBin':
      return (y - m) / Math.sqrt(m + a * m * m)
  }
}

/** The count whose transformed value is x; NaN where there is none. */
function invertTransform(x: number, m: number, transform: CusumTransform, a: number): number {
  switch (transform) {
    case 'standard':
      return Math.ceil(Math.sqrt(m) * x + m)
    case 'rossi':
      return (Math.sqrt(4 * m + 2 * Math.sqrt(m) * x) - Math.sqrt(m)) ** 2
    case 'anscombe':
      return ((2 / 3) * m ** (1 / 6) * x + m ** (2 / 3)) ** 1.5
    case 'anscombe2nd':
      return ((2 / 3) * m ** (1 / 6) * x + (m ** (2 / 3) - m ** (-1 / 3) / 9)) ** 1.5
    case 'pearsonNegBin':
      return Math.sqrt(m + a * m * m) * x + m
  }
}

/** Seasonal Poisson means of the judged points: log m = b0 + b1 cos + b2 sin, fitted on the points before them. */
function listSeasonalMeans(
  counts: ArrayLike<number | null>,
  range: SeriesRange,
  frequency: number,
  startPeriod: number,
): number[] | undefined {
  const kept: number[] = []
  for (let i = 0; i < range.first; i++) if ((counts[i] ?? null) !== null) kept.push(i)
  const turn = (i: number) => (2 * Math.PI * (startPeriod + i)) / frequency
  const fit = fitLogLinear({
    counts: Float64Array.from(kept, i => counts[i]!),
    levels: new Uint8Array(kept.length),
    levelCount: 1,
    covariates: [Float64Array.from(kept, i => Math.cos(turn(i))), Float64Array.from(kept, i => Math.sin(turn(i)))],
  })
  if (!fit) return undefined
  const means: number[] = []
  for (let i = range.first; i <= range.last; i++)
    means.push(Math.exp(predictLogLinear(fit, 0, [Math.cos(turn(i)), Math.sin(turn(i))])?.eta ?? Number.NaN))
  return means
}

/** Mean of the known counts before the range; undefined without any. */
function findBaselineMean(counts: ArrayLike<number | null>, first: number): number | undefined {
  let sum = 0
  let known = 0
  for (let i = 0; i < first; i++) {
    const count = counts[i] ?? null
    if (count === null) continue
    sum += count
    known++
  }
  return known > 0 ? sum / known : undefined
}

/**
 * Judges a range of points of a series, one answer per point. A missing count leaves the sum where it was.
 * Refuses `SERIES_TOO_SHORT` (no point before the range to take the mean from), `OPTION_INVALID`, `RANGE_INVALID`,
 * `VALUE_INVALID`.
 * @source Rossi et al. 1999; Höhle 2007, Comput Stat 22:571-582 (mean by regression).
 */
export function assessCusum(
  counts: ArrayLike<number | null>,
  range: SeriesRange,
  options: CusumOptions = {},
): CusumPoint[] | Refusal {
  const { k = 1.04, h = 2.26, mean = 'baseline', transform = 'standard', a = 0 } = options
  const { frequency = 52, startPeriod = 1 } = options
  const isSound =
    Number.isFinite(k) &&
    Number.isFinite(h) &&
    TRANSFORMS.includes(transform) &&
    a >= 0 &&
    a < Number.POSITIVE_INFINITY &&
    frequency > 0 &&
    Number.isFinite(frequency) &&
    Number.isFinite(startPeriod) &&
    (typeof mean !== 'number' || (mean >= 0 && mean < Number.POSITIVE_INFINITY))
  if (!isSound) return refuse('OPTION_INVALID', 'CUSUM 参数无效', 'A CUSUM option is out of its range')
  const refusal = findRangeRefusal(range, counts.length) ?? findValueRefusal(counts)
  if (refusal) return refusal
  const means = mean === 'glm' ? listSeasonalMeans(counts, range, frequency, startPeriod) : undefined
  const constant = typeof mean === 'number' ? mean : findBaselineMean(counts, range.first)
  if (constant === undefined || (mean === 'glm' && !means))
    return refuse('SERIES_TOO_SHORT', '检测范围之前没有数据', 'No known count lies before the range')
  const points: CusumPoint[] = []
  let sum = 0
  for (let t = range.first; t <= range.last; t++) {
    const m = means ? means[t - range.first]! : constant
    const bound = invertTransform(h + k - sum, m, transform, a)
    const upperbound = bound > 0 ? toFinite(bound) : 0
    const count = counts[t] ?? null
    const next = count === null ? Number.NaN : Math.max(0, sum + transformCount(count, m, transform, a) - k)
    if (Number.isNaN(next)) {
      // One missing day must not silence a detector for good; R lets it.
      if (options.compat === 'r-surveillance') sum = Number.NaN
      points.push({ alarm: null, cusum: null, upperbound, mean: toFinite(m) })
    } else {
      sum = next
      points.push({ alarm: sum >= h, cusum: toFinite(sum), upperbound, mean: toFinite(m) })
    }
  }
  return points
}

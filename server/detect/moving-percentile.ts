// Moving percentile method of CIDARS: the last seven days against the same season of earlier years. Part of `detect/`, pure.
// The daily working horse of China's automated early warning: county by disease, every day.
// Percentile, years, blocks, the quantile rule and the comparison are settings, because the published texts leave them open.

import { findRangeRefusal, findValueRefusal, type Refusal, refuse, type SeriesRange } from './refusal.ts'

export type MovingPercentileOptions = {
  /** Years of history; default 5 (25 values with five blocks). */
  readonly years?: number
  /** Shifts of the history blocks in days; default -14, -7, 0, 7, 14. */
  readonly blocks?: readonly number[]
  /** Days in a block; default 7. */
  readonly blockDays?: number
  /** 0 to 1; default 0.5. */
  readonly percentile?: number
  /** Sample quantile definition 1 to 9 of Hyndman and Fan; default 7 (as spreadsheets' PERCENTILE.INC). */
  readonly quantileType?: number
  /** 'above' alarms when the current block exceeds the percentile, 'reach' also when equal; default 'above'. */
  readonly rule?: 'above' | 'reach'
  /** Least current count that may alarm; default 1. */
  readonly countMin?: number
}

/** One judged day; null = no opinion (a day of the current block is missing, or nothing is known of the history). */
export type MovingPercentilePoint = {
  readonly alarm: boolean | null
  /** Cases in the current block. */
  readonly current: number | null
  readonly upperbound: number | null
  /** Complete history blocks behind the percentile. */
  readonly known: number
}

const DAY_MS = 86_400_000
const BLOCKS = [-14, -7, 0, 7, 14] as const
const YEARS_MAX = 50
const BLOCKS_MAX = 64

/**
 * Sample quantile of ascending values; NaN without any.
 * @source Hyndman & Fan 1996, Am Stat 50:361-365, definitions 1 to 9.
 */
export function computeSampleQuantile(sorted: ArrayLike<number>, p: number, type: number): number {
  const n = sorted.length
  if (n === 0) return Number.NaN
  const at = (rank: number) => sorted[Math.min(n, Math.max(1, rank)) - 1]!
  if (type <= 3) {
    // The hair keeps n p that should be whole from falling on the wrong side.
    const position = type === 3 ? n * p - 0.5 : n * p
    const whole = Math.floor(position + 4 * Number.EPSILON * Math.max(1, position))
    const isWhole = Math.abs(position - whole) <= 4 * Number.EPSILON * Math.max(1, position)
    if (!isWhole) return at(whole + 1)
    if (type === 1) return at(whole)
    if (type === 2) return (at(whole) + at(whole + 1)) / 2
    return whole % 2 === 0 ? at(whole) : at(whole + 1)
  }
  const [alpha, beta] = INTERPOLATIONS[type - 4]!
  const position = alpha + p * (n + 1 - alpha - beta)
  const fuzz = 4 * Number.EPSILON
  const whole = Math.floor(position + fuzz)
  const part = position - whole
  if (Math.abs(part) < fuzz) return at(whole)
  return (1 - part) * at(whole) + part * at(whole + 1)
}

/** Plotting positions (alpha, beta) of definitions 4 to 9. */
const INTERPOLATIONS: readonly (readonly [number, number])[] = [
  [0, 1],
  [0.5, 0.5],
  [0, 0],
  [1, 1],
  [1 / 3, 1 / 3],
  [3 / 8, 3 / 8],
]

/** The same month and day `years` before, in epoch days; 29 February becomes 28 February where there is none. */
function shiftYears(epochDay: number, years: number): number {
  const date = new Date(epochDay * DAY_MS)
  const year = date.getUTCFullYear() - years
  const month = date.getUTCMonth()
  const shifted = new Date(Date.UTC(year, month, date.getUTCDate()))
  if (shifted.getUTCMonth() !== month) shifted.setUTCDate(0)
  return Math.round(shifted.getTime() / DAY_MS)
}

type Setting = {
  readonly years: number
  readonly blocks: readonly number[]
  readonly blockDays: number
  readonly percentile: number
  readonly quantileType: number
  readonly rule: 'above' | 'reach'
  readonly countMin: number
}

function admitSetting(options: MovingPercentileOptions): Setting | Refusal {
  const setting: Setting = {
    years: options.years ?? 5,
    blocks: options.blocks ?? BLOCKS,
    blockDays: options.blockDays ?? 7,
    percentile: options.percentile ?? 0.5,
    quantileType: options.quantileType ?? 7,
    rule: options.rule ?? 'above',
    countMin: options.countMin ?? 1,
  }
  const isWithin = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most
  const isSound =
    isWithin(setting.years, 1, YEARS_MAX) &&
    isWithin(setting.blocks.length, 1, BLOCKS_MAX) &&
    setting.blocks.every(shift => isWithin(shift, -366, 366)) &&
    isWithin(setting.blockDays, 1, 366) &&
    setting.percentile >= 0 &&
    setting.percentile <= 1 &&
    isWithin(setting.quantileType, 1, 9) &&
    (setting.rule === 'above' || setting.rule === 'reach') &&
    setting.countMin >= 0
  return isSound
    ? setting
    : refuse('OPTION_INVALID', '移动百分位数法参数无效', 'A moving percentile option is out of its range')
}

/** Cases of one block ending at a position; NaN when a day is missing, undefined when it leaves the series. */
function sumBlock(counts: ArrayLike<number | null>, end: number, blockDays: number): number | undefined {
  if (end >= counts.length || end - blockDays + 1 < 0) return undefined
  let sum = 0
  for (let i = end - blockDays + 1; i <= end; i++) {
    const count = counts[i] ?? null
    if (count === null) return Number.NaN
    sum += count
  }
  return sum
}

function judge(
  counts: ArrayLike<number | null>,
  firstDay: number,
  k: number,
  setting: Setting,
  scratch: Float64Array,
): MovingPercentilePoint | Refusal {
  let known = 0
  for (let year = 1; year <= setting.years; year++) {
    const centre = shiftYears(firstDay + k, year) - firstDay
    for (const shift of setting.blocks) {
      const sum = sumBlock(counts, centre + shift, setting.blockDays)
      if (sum === undefined)
        return refuse(
          'SERIES_TOO_SHORT',
          '历史数据年数不足',
          'The series does not reach back over the years of history',
        )
      if (!Number.isNaN(sum)) scratch[known++] = sum
    }
  }
  const sorted = scratch.subarray(0, known).sort()
  const current = sumBlock(counts, k, setting.blockDays) ?? Number.NaN
  const upperbound = computeSampleQuantile(sorted, setting.percentile, setting.quantileType)
  if (Number.isNaN(current) || Number.isNaN(upperbound)) {
    const bound = Number.isNaN(upperbound) ? null : upperbound
    return { alarm: null, current: Number.isNaN(current) ? null : current, upperbound: bound, known }
  }
  const isBeyond = setting.rule === 'above' ? current > upperbound : current >= upperbound
  return { alarm: isBeyond && current >= setting.countMin, current, upperbound, known }
}

/**
 * Judges a range of days of a daily series without gaps in its calendar; `firstDay` is the epoch day (days since
 * 1970-01-01) of the first count. History blocks with a missing day are left out and counted in `known`.
 * Refuses `SERIES_TOO_SHORT` when a history block leaves the series, `OPTION_INVALID`, `RANGE_INVALID`, `VALUE_INVALID`.
 * @source Yang W et al. 2011, WPSAR 2(1):10-15; Wang R et al. 2017, BMC Public Health, 10.1186/s12889-017-4488-0.
 */
export function assessMovingPercentile(
  counts: ArrayLike<number | null>,
  firstDay: number,
  range: SeriesRange,
  options: MovingPercentileOptions = {},
): MovingPercentilePoint[] | Refusal {
  const setting = admitSetting(options)
  if ('code' in setting) return setting
  if (!Number.isInteger(firstDay) || Math.abs(firstDay) > 10_000_000)
    return refuse('OPTION_INVALID', '序列起始日期无效', 'The first day of the series is not valid')
  const refusal = findRangeRefusal(range, counts.length) ?? findValueRefusal(counts)
  if (refusal) return refusal
  const scratch = new Float64Array(setting.years * setting.blocks.length)
  const points: MovingPercentilePoint[] = []
  for (let k = range.first; k <= range.last; k++) {
    const point = judge(counts, firstDay, k, setting, scratch)
    if ('code' in point) return point
    points.push(point)
  }
  return points
}

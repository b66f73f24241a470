/**
 * Ratio: cases of a week against the same week of the years before, the statistical rule of the grading text (超过前五年同期平均
 * 发病水平 1 倍 / 2 倍以上). Part of `detect/`, pure. It proposes a grade to be verified (待核实) and never more.
 */
import { computeCountUpperTail } from './distributions.ts'

export type RatioOptions = {
  /** Over this many times the mean; 1 倍以上 is usually read as 2. */
  readonly factor: number
  /** Years of which all must be known. */
  readonly years: number
  readonly minCases: number
  /** The count model's p-value must be at or below this. */
  readonly alpha: number
}

export type RatioJudgement = {
  readonly ratio: number
  readonly mean: number
  /** Cases that would be just too few: the factor times the mean. */
  readonly threshold: number
  readonly pValue: number
  readonly fires: boolean
  /** Above three times the mean (2 倍以上): grade II when two counties of a city are. */
  readonly isTriple: boolean
}

/** 2 倍以上 is read as more than three times the mean. */
const TRIPLE = 3

/**
 * Judges a week; undefined (no opinion) when a year of history is missing, when the mean is zero, or a count is no count.
 * @param history Counts of the same week, one a year, null = unknown.
 * @source 国家突发公共卫生事件分级标准 Ⅲ 级第 4 条, Ⅱ 级第 5 条; p by a negative binomial with the years' mean and variance,
 *   Poisson at the least, widened by the mean's own variance.
 */
export function assessRatio(
  cases: number,
  history: readonly (number | null | undefined)[],
  options: RatioOptions,
): RatioJudgement | undefined {
  const known = history.filter(value => typeof value === 'number' && Number.isFinite(value) && value >= 0) as number[]
  const n = known.length
  if (!Number.isFinite(cases) || cases < 0 || n < 2 || n < options.years) return undefined
  const mean = known.reduce((sum, value) => sum + value, 0) / n
  if (!(mean > 0)) return undefined
  const spread = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const variance = Math.max(spread, mean) * (1 + 1 / n)
  const pValue = computeCountUpperTail(cases, { mean, dispersion: variance / mean })
  if (!Number.isFinite(pValue)) return undefined
  const ratio = cases / mean
  return {
    ratio,
    mean,
    threshold: options.factor * mean,
    pValue,
    fires: ratio > options.factor && cases >= options.minCases && pValue <= options.alpha,
    isTriple: ratio > TRIPLE,
  }
}

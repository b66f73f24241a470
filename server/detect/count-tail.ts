/**
 * Count tail: how unlikely today's count is against its own recent days, as a one-sided p-value of a count model. Part of
 * `detect/`, pure. Made for joining sources: EARS gives a yes or no, a joined p needs the probability behind it.
 */
import { computeCountUpperTail } from './distributions.ts'

export type CountTail = {
  /** P(Y >= today), never 0 and never NaN. */
  readonly pValue: number
  /** Mean of today under the model, in counts. */
  readonly expected: number
}

/** Days left out between the history and today, as in EARS C2: an outbreak's first days are no baseline. */
const GUARD_DAYS = 2
/** Share of the baseline that must be there; below it there is no opinion. */
const BASELINE_SHARE = 0.75
/** Jeffreys' half case keeps the mean of an all-zero history above zero. */
const PRIOR_CASES = 0.5
/** Below this a logarithm would run away; nothing is that sure. */
export const pFloor = 1e-16

/**
 * P-value of a count against its history: negative binomial with the history's mean and variance, Poisson at the least, the
 * mean's own uncertainty added to the variance. Undefined (no opinion) with fewer than three quarters of the baseline.
 * @param history Counts by day up to and with today at `slot`; freed of the calendar where that was wanted.
 * @param today Today's count as reported; `factor` is today's calendar factor (1 without).
 * @source negative binomial predictive tail by moments, as in Farrington et al. 1996 (plug-in) with the prediction variance of a mean.
 */
export function assessCountTail(
  history: ArrayLike<number | null>,
  slot: number,
  today: number,
  options: { baselineDays: number; factor?: number },
): CountTail | undefined {
  const { baselineDays, factor = 1 } = options
  const end = slot - GUARD_DAYS
  const start = Math.max(0, end - baselineDays)
  let n = 0
  let sum = 0
  let squares = 0
  for (let i = start; i < end; i++) {
    const value = history[i]
    if (value === null || value === undefined) continue
    n++
    sum += value
    squares += value * value
  }
  if (n < 3 || n < BASELINE_SHARE * baselineDays) return undefined
  const mean = (sum + PRIOR_CASES) / n
  const spread = Math.max(0, (squares - (sum * sum) / n) / (n - 1))
  const excess = Math.max(0, spread - mean)
  const expected = mean * factor
  // Poisson part, the history's excess, and the mean's own variance, all brought to today's scale.
  const variance = expected + (excess + (mean + excess) / n) * factor * factor
  const p = computeCountUpperTail(today, { mean: expected, dispersion: variance / expected })
  if (!Number.isFinite(p) || !Number.isFinite(expected)) return undefined
  return { pValue: Math.min(1, Math.max(pFloor, p)), expected }
}

/**
 * Combine: one p-value from those of several sources, by Fisher or Stouffer, with the sources' dependence taken from history
 * (Brown, Strube). Part of `detect/`, pure. Judged over every subset of sources, the smallest counts: a further source can
 * only raise. The price of looking at all subsets is not corrected away (that would let a source lower); a dry run shows it.
 */
import { computeChiSquareUpperTail, computeNormalQuantile, computeNormalUpperTail } from './distributions.ts'

export type CombineMethod = 'fisher' | 'stouffer'
export type Correction = 'brown' | 'strube' | 'uncorrected'
export type CombinedP = { readonly pValue: number; readonly correction: Correction }

/** Days both sources must have spoken before their correlation is estimated. */
export const correlationDaysMin = 20
/** Sources of one subset search at most: 2^8 subsets. */
export const subsetSourcesMax = 8

const P_MIN = 1e-300
const clampP = (p: number) => Math.min(1 - 1e-16, Math.max(P_MIN, p))

/**
 * Correlation of two sources' daily counts over the days both spoke, on log(1 + count); undefined with too few days or without
 * spread. Days at and after `until` are not looked at.
 */
export function estimateCorrelation(
  a: ArrayLike<number | null>,
  b: ArrayLike<number | null>,
  until: number,
): number | undefined {
  let n = 0
  let sumA = 0
  let sumB = 0
  let squaresA = 0
  let squaresB = 0
  let products = 0
  const days = Math.min(until, a.length, b.length)
  for (let i = 0; i < days; i++) {
    const countA = a[i]
    const countB = b[i]
    if (countA === null || countA === undefined || countB === null || countB === undefined) continue
    const x = Math.log1p(countA)
    const y = Math.log1p(countB)
    n++
    sumA += x
    sumB += y
    squaresA += x * x
    squaresB += y * y
    products += x * y
  }
  if (n < correlationDaysMin) return undefined
  const spreadA = squaresA - (sumA * sumA) / n
  const spreadB = squaresB - (sumB * sumB) / n
  if (!(spreadA > 1e-9) || !(spreadB > 1e-9)) return undefined
  return Math.max(-1, Math.min(1, (products - (sumA * sumB) / n) / Math.sqrt(spreadA * spreadB)))
}

/** Sum over pairs of what `of` makes of their correlation; undefined when a pair is unknown. Negative ones count as 0: on the safe side. */
function sumPairs(
  members: readonly number[],
  correlations: readonly (readonly (number | undefined)[])[],
  of: (rho: number) => number,
): number | undefined {
  let sum = 0
  for (let i = 0; i < members.length; i++)
    for (let j = i + 1; j < members.length; j++) {
      const rho = correlations[members[i]!]?.[members[j]!]
      if (rho === undefined) return undefined
      sum += of(Math.max(0, rho))
    }
  return sum
}

/**
 * Joins one-sided p-values. With every pair's correlation known the dependence is corrected (Brown for Fisher, Strube for
 * Stouffer), else the sources are taken as independent and the answer is marked `uncorrected` (未校正).
 * @param correlations By position of the p-values; undefined where history was too short.
 * @source Fisher 1932 (-2 Σ ln p ~ χ² with 2k degrees); Brown 1975, Biometrics 31:987-992 (scaled χ², covariance
 *   ρ(3.25 + 0.75ρ)); Stouffer et al. 1949 (Σz/√k); Strube 1985, Psychol Bull 97:334-341 (√(k + 2Σρ)).
 */
export function combineP(
  pValues: readonly number[],
  correlations: readonly (readonly (number | undefined)[])[],
  method: CombineMethod,
): CombinedP {
  return combineMembers(
    pValues,
    pValues.map((_, i) => i),
    correlations,
    method,
  )
}

function combineMembers(
  pValues: readonly number[],
  members: readonly number[],
  correlations: readonly (readonly (number | undefined)[])[],
  method: CombineMethod,
): CombinedP {
  const k = members.length
  if (method === 'fisher') {
    let sum = 0
    for (const i of members) sum -= 2 * Math.log(clampP(pValues[i]!))
    const covariance = sumPairs(members, correlations, rho => rho * (3.25 + 0.75 * rho))
    // Mean of -2 ln p is 2, its variance 4; the scaled chi-square has the sum's mean 2k and variance.
    const variance = 4 * k + 2 * (covariance ?? 0)
    const scale = variance / (4 * k)
    // Below the mean the wider distribution has the smaller tail: dependence is never allowed to help.
    const p = Math.max(computeChiSquareUpperTail(sum, 2 * k), computeChiSquareUpperTail(sum / scale, (2 * k) / scale))
    return { pValue: Math.max(P_MIN, p), correction: covariance === undefined ? 'uncorrected' : 'brown' }
  }
  let sum = 0
  for (const i of members) {
    const p = clampP(pValues[i]!)
    sum += p < 0.5 ? -computeNormalQuantile(p) : computeNormalQuantile(1 - p)
  }
  const pairs = sumPairs(members, correlations, rho => rho)
  const free = computeNormalUpperTail(sum / Math.sqrt(k))
  const p = Math.max(free, computeNormalUpperTail(sum / Math.sqrt(k + 2 * (pairs ?? 0))))
  return { pValue: Math.max(P_MIN, p), correction: pairs === undefined ? 'uncorrected' : 'strube' }
}

/**
 * The smallest joined p-value any subset of at least `sizeMin` sources could have if all were independent: for each size the
 * smallest p-values do best. A bound: the corrected one of any subset is no smaller.
 */
export function findLeastP(pValues: readonly number[], method: CombineMethod, sizeMin: number): number {
  const sorted = [...pValues].sort((a, b) => a - b)
  let least = 1
  for (let size = sizeMin; size <= sorted.length; size++)
    least = Math.min(least, combineP(sorted.slice(0, size), [], method).pValue)
  // A hair below: the same sources in another order round differently.
  return least * (1 - 1e-9)
}

export type Subset = CombinedP & {
  /** Positions of the sources in it, ascending. */
  readonly members: readonly number[]
}

/**
 * The subset of sources whose joined p-value is smallest, among those with at least `sizeMin` sources that `admits` lets pass;
 * undefined when there is none. More sources never make the answer larger.
 */
export function findBestSubset(
  pValues: readonly number[],
  correlations: readonly (readonly (number | undefined)[])[],
  method: CombineMethod,
  sizeMin: number,
  admits: (members: readonly number[]) => boolean = () => true,
): Subset | undefined {
  const n = Math.min(pValues.length, subsetSourcesMax)
  let best: Subset | undefined
  for (let mask = 1; mask < 1 << n; mask++) {
    const members: number[] = []
    for (let i = 0; i < n; i++) if (mask & (1 << i)) members.push(i)
    if (members.length < sizeMin) continue
    const joined = combineMembers(pValues, members, correlations, method)
    if (best && joined.pValue >= best.pValue) continue
    if (admits(members)) best = { ...joined, members }
  }
  return best
}

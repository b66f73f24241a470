// Log-linear regression of counts (quasi-Poisson), shared by Farrington's methods and CUSUM. Part of `detect/`, pure.
// One factor (its levels, possibly a single one) and at most a few covariates. The indicator columns of a factor are
// orthogonal, so the QR step takes them in closed form and orthogonalises only the covariates: exact, and much
// cheaper than a dense QR. Rounds, weights and the stopping rule are those of iteratively reweighted least squares
// as statisticians' software runs it, because in series of zeros the answer depends on the round reached.

const ROUNDS_MAX = 25
const CONVERGENCE = 1e-8
const MEAN_MIN = Number.EPSILON
/** A covariate whose part outside the columns before it is smaller than this is taken as aliased. */
const ALIASED = 1e-11

/** Rows of a log-linear model: counts, the level of each row (0-based), covariate columns, prior weights (default 1). */
export type LogLinearDesign = {
  readonly counts: Float64Array
  readonly levels: Uint8Array
  readonly levelCount: number
  readonly covariates: readonly Float64Array[]
  readonly priorWeights?: Float64Array
}

export type LogLinearFit = {
  readonly converged: boolean
  readonly mu: Float64Array
  /** Working weights of the last round, taken before its update. */
  readonly workingWeights: Float64Array
  /** One per covariate, per unit of it; 0 when aliased. */
  readonly slopes: readonly number[]
  readonly isAliased: readonly boolean[]
  /** Estimated parameters: levels present plus covariates not aliased. */
  readonly rank: number
  readonly levelWeights: Float64Array
  readonly levelMeans: Float64Array
  /** Weighted mean of each covariate within each level. */
  readonly covariateMeans: readonly Float64Array[]
  /** Orthonormal covariate columns, scaled by the square root of the working weights. */
  readonly columns: readonly Float64Array[]
  /** Upper triangle of the QR step, row by row. */
  readonly triangle: readonly (readonly number[])[]
}

/**
 * Fits log(mu) = level + covariates by iteratively reweighted least squares (at most 25 rounds, relative change of the
 * deviance below 1e-8). Undefined when there are no rows or no finite fit exists; `converged` tells the rest.
 * @source McCullagh & Nelder 1989, Generalized Linear Models, 2nd ed., section 2.5.
 */
export function fitLogLinear(design: LogLinearDesign): LogLinearFit | undefined {
  const { counts, levels, levelCount, covariates, priorWeights } = design
  const rows = counts.length
  if (rows === 0) return undefined
  const width = covariates.length
  const eta = new Float64Array(rows)
  const etaBefore = new Float64Array(rows)
  const mu = new Float64Array(rows)
  const response = new Float64Array(rows)
  const weights = new Float64Array(rows)
  const levelWeights = new Float64Array(levelCount)
  const levelMeans = new Float64Array(levelCount)
  const covariateMeans = covariates.map(() => new Float64Array(levelCount))
  const columns = covariates.map(() => new Float64Array(rows))
  const triangle = covariates.map(() => new Array<number>(width).fill(0))
  const slopes = new Array<number>(width).fill(0)
  const isAliased = new Array<boolean>(width).fill(false)
  // y log(y) does not change from round to round.
  let saturated = 0
  for (let i = 0; i < rows; i++) {
    const y = counts[i]!
    mu[i] = y + 0.1
    eta[i] = Math.log(y + 0.1)
    if (y > 0) saturated += (priorWeights ? priorWeights[i]! : 1) * (y * Math.log(y) - y)
  }
  let deviance = measureDeviance(design, eta, mu, saturated)
  let converged = false
  for (let round = 1; round <= ROUNDS_MAX && !converged; round++) {
    levelWeights.fill(0)
    levelMeans.fill(0)
    for (let j = 0; j < width; j++) covariateMeans[j]!.fill(0)
    for (let i = 0; i < rows; i++) {
      const m = mu[i]!
      const w = priorWeights ? priorWeights[i]! * m : m
      const z = eta[i]! + (counts[i]! - m) / m
      const level = levels[i]!
      weights[i] = w
      response[i] = z
      levelWeights[level]! += w
      levelMeans[level]! += w * z
      for (let j = 0; j < width; j++) covariateMeans[j]![level]! += w * covariates[j]![i]!
    }
    for (let level = 0; level < levelCount; level++) {
      const total = levelWeights[level]!
      if (total === 0) continue
      levelMeans[level]! /= total
      for (let j = 0; j < width; j++) covariateMeans[j]![level]! /= total
    }
    solveCovariates(design, weights, response, levelMeans, covariateMeans, columns, triangle, slopes, isAliased)
    etaBefore.set(eta)
    for (let i = 0; i < rows; i++) {
      const level = levels[i]!
      let value = levelMeans[level]!
      for (let j = 0; j < width; j++) value += slopes[j]! * (covariates[j]![i]! - covariateMeans[j]![level]!)
      eta[i] = value
    }
    computeMeans(eta, mu)
    let next = measureDeviance(design, eta, mu, saturated)
    // A step that overshoots to infinity is halved until the deviance is finite again.
    for (let halving = 0; halving < ROUNDS_MAX && !Number.isFinite(next); halving++) {
      for (let i = 0; i < rows; i++) eta[i] = (eta[i]! + etaBefore[i]!) / 2
      computeMeans(eta, mu)
      next = measureDeviance(design, eta, mu, saturated)
    }
    if (!Number.isFinite(next)) return undefined
    converged = Math.abs(next - deviance) / (Math.abs(next) + 0.1) < CONVERGENCE
    deviance = next
  }
  let rank = 0
  for (let level = 0; level < levelCount; level++) if (levelWeights[level]! > 0) rank++
  for (let j = 0; j < width; j++) if (!isAliased[j]) rank++
  return {
    converged,
    mu,
    workingWeights: weights,
    slopes,
    isAliased,
    rank,
    levelWeights,
    levelMeans,
    covariateMeans,
    columns,
    triangle,
  }
}

function computeMeans(eta: Float64Array, mu: Float64Array): void {
  for (let i = 0; i < eta.length; i++) mu[i] = Math.max(Math.exp(eta[i]!), MEAN_MIN)
}

function measureDeviance(design: LogLinearDesign, eta: Float64Array, mu: Float64Array, saturated: number): number {
  const { counts, priorWeights } = design
  let sum = 0
  if (priorWeights) for (let i = 0; i < eta.length; i++) sum += priorWeights[i]! * (mu[i]! - counts[i]! * eta[i]!)
  else for (let i = 0; i < eta.length; i++) sum += mu[i]! - counts[i]! * eta[i]!
  return 2 * (sum + saturated)
}

/** The QR step on the covariates, centred within the levels (modified Gram-Schmidt), and its back substitution. */
function solveCovariates(
  design: LogLinearDesign,
  weights: Float64Array,
  response: Float64Array,
  levelMeans: Float64Array,
  covariateMeans: readonly Float64Array[],
  columns: readonly Float64Array[],
  triangle: readonly number[][],
  slopes: number[],
  isAliased: boolean[],
): void {
  const { levels, covariates } = design
  const rows = levels.length
  const width = covariates.length
  const projections = new Array<number>(width).fill(0)
  for (let j = 0; j < width; j++) {
    const column = columns[j]!
    const covariate = covariates[j]!
    const means = covariateMeans[j]!
    let whole = 0
    for (let i = 0; i < rows; i++) {
      const root = Math.sqrt(weights[i]!)
      const raw = covariate[i]! * root
      whole += raw * raw
      column[i] = root * (covariate[i]! - means[levels[i]!]!)
    }
    for (let other = 0; other < j; other++) {
      if (isAliased[other]) continue
      const basis = columns[other]!
      let dot = 0
      for (let i = 0; i < rows; i++) dot += basis[i]! * column[i]!
      triangle[other]![j] = dot
      for (let i = 0; i < rows; i++) column[i]! -= dot * basis[i]!
    }
    let own = 0
    for (let i = 0; i < rows; i++) own += column[i]! * column[i]!
    isAliased[j] = !(own > ALIASED * ALIASED * whole)
    slopes[j] = 0
    if (isAliased[j]) {
      column.fill(0)
      continue
    }
    const norm = Math.sqrt(own)
    triangle[j]![j] = norm
    let dot = 0
    for (let i = 0; i < rows; i++) {
      column[i]! /= norm
      dot += column[i]! * Math.sqrt(weights[i]!) * (response[i]! - levelMeans[levels[i]!]!)
    }
    projections[j] = dot
  }
  for (let j = width - 1; j >= 0; j--) {
    if (isAliased[j]) continue
    let value = projections[j]!
    for (let other = j + 1; other < width; other++) value -= triangle[j]![other]! * slopes[other]!
    slopes[j] = value / triangle[j]![j]!
  }
}

/** Linear predictor and its variance (before the dispersion) at one level; undefined when no row had that level. */
export function predictLogLinear(
  fit: LogLinearFit,
  level: number,
  covariates: readonly number[],
): { eta: number; variance: number } | undefined {
  const weight = fit.levelWeights[level] ?? 0
  if (!(weight > 0)) return undefined
  let eta = fit.levelMeans[level]!
  let variance = 1 / weight
  const forward: number[] = []
  for (let j = 0; j < fit.slopes.length; j++) {
    const distance = covariates[j]! - fit.covariateMeans[j]![level]!
    eta += fit.slopes[j]! * distance
    let value = distance
    for (let other = 0; other < j; other++) value -= fit.triangle[other]![j]! * forward[other]!
    const part = fit.isAliased[j] ? 0 : value / fit.triangle[j]![j]!
    forward.push(part)
    variance += part * part
  }
  return { eta, variance }
}

/** Variance of the last covariate's slope before the dispersion; undefined when there is none or it is aliased. */
export function findLastSlopeVariance(fit: LogLinearFit): number | undefined {
  const last = fit.slopes.length - 1
  if (last < 0 || fit.isAliased[last]) return undefined
  const norm = fit.triangle[last]![last]!
  return 1 / (norm * norm)
}

/** Diagonal of the hat matrix of the weighted fit, one per row. */
export function listLeverages(fit: LogLinearFit, design: LogLinearDesign): Float64Array {
  const leverages = new Float64Array(design.counts.length)
  for (let i = 0; i < leverages.length; i++) {
    let h = fit.workingWeights[i]! / fit.levelWeights[design.levels[i]!]!
    for (const column of fit.columns) h += column[i]! * column[i]!
    leverages[i] = h
  }
  return leverages
}

/** Pearson dispersion: sum of weight * ((y - mu) / mu)^2 over the degrees of freedom; NaN without any. */
export function measureDispersion(fit: LogLinearFit, design: LogLinearDesign, weights: Float64Array): number {
  let sum = 0
  for (let i = 0; i < weights.length; i++) {
    const residual = (design.counts[i]! - fit.mu[i]!) / fit.mu[i]!
    sum += weights[i]! * residual * residual
  }
  return sum / (weights.length - fit.rank)
}

/**
 * Down-weights rows whose standardised Anscombe residual exceeds `threshold`, so that past outbreaks do not raise the
 * baseline; the weights sum to the number of rows. Undefined when they cannot be computed.
 * @source Farrington, Andrews, Beale, Catchpole 1996, JRSS A 159:547-563 (threshold 1); Noufaily et al. 2013,
 * Stat Med 32:1206-1222 (2.58).
 */
export function findAnscombeWeights(
  fit: LogLinearFit,
  design: LogLinearDesign,
  dispersion: number,
  threshold: number,
): Float64Array | undefined {
  const leverages = listLeverages(fit, design)
  const weights = new Float64Array(leverages.length)
  let sum = 0
  for (let i = 0; i < weights.length; i++) {
    const m = fit.mu[i]!
    // A row that fits itself (leverage 1) has no residual to judge.
    const free = 1 - leverages[i]!
    const anscombe = 1.5 * (Math.cbrt(design.counts[i]!) ** 2 * m ** (-1 / 6) - Math.sqrt(m))
    const residual = free > 1e-10 ? anscombe / Math.sqrt(dispersion * free) : 0
    const weight = residual > threshold ? 1 / (residual * residual) : 1
    weights[i] = weight
    sum += weight
  }
  const gamma = weights.length / sum
  if (!Number.isFinite(gamma)) return undefined
  for (let i = 0; i < weights.length; i++) weights[i]! *= gamma
  return weights
}

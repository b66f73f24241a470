// Probability distributions the detectors share: normal, Student, Poisson, negative binomial. Part of `detect/`, pure.
// Equal to R's within the golden vectors' 1e-9, also where the negative binomial is nearly Poisson: probabilities of
// counts are built on saddle-point densities, so large means lose no digits to cancelling log-gammas.

const TWO_PI = 2 * Math.PI
const LOG_SQRT_TWO_PI = 0.5 * Math.log(TWO_PI)
const CONTINUED_FRACTION_ROUNDS_MAX = 100_000
const TINY = 1e-300

/** Density of the standard normal distribution. */
export function computeNormalDensity(x: number): number {
  return Math.exp(-0.5 * x * x - LOG_SQRT_TWO_PI)
}

/**
 * P(Z > x) of the standard normal distribution, exact in the far tail.
 * @source Marsaglia 2004, J Stat Softw 11(4) (series); Abramowitz & Stegun 26.2.14 (continued fraction).
 */
export function computeNormalUpperTail(x: number): number {
  if (Number.isNaN(x)) return Number.NaN
  if (x < 0) return 1 - computeNormalUpperTail(-x)
  if (x < 2.5) {
    // Every term is positive, so nothing cancels before the one subtraction from 1/2.
    let term = x
    let sum = x
    for (let n = 3; term > sum * 1e-17; n += 2) {
      term *= (x * x) / n
      sum += term
    }
    return 0.5 - sum * computeNormalDensity(x)
  }
  if (x > 40) return 0
  let fraction = 0
  for (let k = 160; k > 0; k--) fraction = k / (x + fraction)
  return computeNormalDensity(x) / (x + fraction)
}

/** P(Z <= x) of the standard normal distribution. */
export function computeNormalCdf(x: number): number {
  return computeNormalUpperTail(-x)
}

/**
 * Quantile of the standard normal distribution; -Infinity and Infinity at 0 and 1, NaN outside.
 * @source starting value Abramowitz & Stegun 26.2.23, then Halley steps on the tail probability.
 */
export function computeNormalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0) return Number.NEGATIVE_INFINITY
  if (p === 1) return Number.POSITIVE_INFINITY
  if (p === 0.5) return 0
  const tail = Math.min(p, 1 - p)
  const t = Math.sqrt(-2 * Math.log(tail))
  let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  for (let round = 0; round < 4; round++) {
    const step = (computeNormalUpperTail(z) - tail) / computeNormalDensity(z)
    z += step / (1 + 0.5 * z * step)
  }
  return p < 0.5 ? -z : z
}

/**
 * Natural logarithm of the gamma function for x > 0.
 * @source Stirling's series after shifting the argument to 15 or more.
 */
export function computeLogGamma(x: number): number {
  let shift = 0
  let y = x
  if (y < 15) {
    let product = 1
    while (y < 15) {
      product *= y
      y += 1
    }
    shift = Math.log(product)
  }
  return (y - 0.5) * Math.log(y) - y + LOG_SQRT_TWO_PI + computeStirlingTail(y) - shift
}

/** log Γ(x) minus Stirling's leading terms, for x >= 15: 1/(12x) - 1/(360x^3) + … */
function computeStirlingTail(x: number): number {
  const r = 1 / (x * x)
  return (1 / 12 + r * (-1 / 360 + r * (1 / 1260 + r * (-1 / 1680 + r * (1 / 1188 - (r * 691) / 360360))))) / x
}

/** Error of Stirling's formula for n!: log(n!) - log(sqrt(2 pi n) (n/e)^n), n > 0. */
function computeStirlingError(n: number): number {
  if (n >= 15) return computeStirlingTail(n)
  return computeLogGamma(n + 1) - (n + 0.5) * Math.log(n) + n - LOG_SQRT_TWO_PI
}

/** x log(x/m) + m - x without cancellation where x is close to m. */
function computeDeviancePart(x: number, m: number): number {
  const difference = x - m
  if (Math.abs(difference) < 0.1 * (x + m)) {
    const v = difference / (x + m)
    let sum = difference * v
    let power = 2 * x * v
    for (let j = 1; j < 1000; j++) {
      power *= v * v
      const next = sum + power / (2 * j + 1)
      if (next === sum) return next
      sum = next
    }
    return sum
  }
  return x * Math.log(x / m) + m - x
}

/**
 * Poisson density for a real x >= 0 (the gamma functions need the real case).
 * @source Loader 2000, Fast and Accurate Computation of Binomial Probabilities.
 */
export function computePoissonDensity(x: number, mean: number): number {
  if (x < 0) return 0
  if (mean === 0) return x === 0 ? 1 : 0
  if (x === 0) return Math.exp(-mean)
  if (x < TINY) return Math.exp(-mean + x * Math.log(mean) - computeLogGamma(x + 1))
  return Math.exp(-computeStirlingError(x) - computeDeviancePart(x, mean)) / Math.sqrt(TWO_PI * x)
}

/** Binomial density for real x and n, p + q = 1. @source Loader 2000. */
function computeBinomialDensity(x: number, n: number, p: number, q: number): number {
  if (x < 0 || x > n) return 0
  if (p === 0) return x === 0 ? 1 : 0
  if (q === 0) return x === n ? 1 : 0
  if (x === 0) return n === 0 ? 1 : Math.exp(p < 0.1 ? -computeDeviancePart(n, n * q) - n * p : n * Math.log(q))
  if (x === n) return Math.exp(q < 0.1 ? -computeDeviancePart(n, n * p) - n * q : n * Math.log(p))
  const exponent =
    computeStirlingError(n) -
    computeStirlingError(x) -
    computeStirlingError(n - x) -
    computeDeviancePart(x, n * p) -
    computeDeviancePart(n - x, n * q)
  return Math.exp(exponent) * Math.sqrt(n / (TWO_PI * x * (n - x)))
}

/** Both tails of the regularised incomplete gamma function, [P(a, x), Q(a, x)]. */
function computeGammaTails(a: number, x: number): [number, number] {
  if (x <= 0) return [0, 1]
  if (x === Number.POSITIVE_INFINITY) return [1, 0]
  const front = computePoissonDensity(a, x)
  if (x < a + 1) {
    let term = 1
    let sum = 1
    for (let n = 1; n < CONTINUED_FRACTION_ROUNDS_MAX && term > sum * 1e-17; n++) {
      term *= x / (a + n)
      sum += term
    }
    const lower = Math.min(1, front * sum)
    return [lower, 1 - lower]
  }
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / b
  let h = d
  for (let i = 1; i < CONTINUED_FRACTION_ROUNDS_MAX; i++) {
    const an = -i * (i - a)
    b += 2
    d = an * d + b
    if (Math.abs(d) < TINY) d = TINY
    c = b + an / c
    if (Math.abs(c) < TINY) c = TINY
    d = 1 / d
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-16) break
  }
  // front is x^a e^-x / Γ(a+1); the fraction wants x^a e^-x / Γ(a).
  const upper = Math.min(1, front * a * h)
  return [1 - upper, upper]
}

/** Both tails of the regularised incomplete beta function, [I_x(a, b), 1 - I_x(a, b)], given x and y = 1 - x. */
function computeBetaTails(x: number, y: number, a: number, b: number): [number, number] {
  if (x <= 0) return [0, 1]
  if (y <= 0) return [1, 0]
  // Continued fraction on the side where it converges fast. @source DLMF 8.17.22
  if (x > (a + 1) / (a + b + 2)) {
    const lower = computeBetaFraction(y, x, b, a)
    return [1 - lower, lower]
  }
  const lower = computeBetaFraction(x, y, a, b)
  return [lower, 1 - lower]
}

function computeBetaFraction(x: number, y: number, a: number, b: number): number {
  let c = 1
  let d = 1 - ((a + b) * x) / (a + 1)
  if (Math.abs(d) < TINY) d = TINY
  d = 1 / d
  let h = d
  for (let m = 1; m < CONTINUED_FRACTION_ROUNDS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 + even * d
    if (Math.abs(d) < TINY) d = TINY
    c = 1 + even / c
    if (Math.abs(c) < TINY) c = TINY
    d = 1 / d
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 + odd * d
    if (Math.abs(d) < TINY) d = TINY
    c = 1 + odd / c
    if (Math.abs(c) < TINY) c = TINY
    d = 1 / d
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-16) break
  }
  // x^a y^b / (a B(a, b)) as a binomial density: accurate where log-gammas of large a or b would cancel.
  return Math.min(1, computeBinomialDensity(a, a + b, x, y) * (b / (a + b)) * h)
}

/** P(X > x) of the chi-square distribution with `freedom` > 0 degrees of freedom, which need not be whole. */
export function computeChiSquareUpperTail(x: number, freedom: number): number {
  if (!(freedom > 0) || Number.isNaN(x)) return Number.NaN
  return x <= 0 ? 1 : computeGammaTails(freedom / 2, x / 2)[1]
}

/** P(T > t) of Student's t with `freedom` degrees of freedom. */
export function computeStudentUpperTail(t: number, freedom: number): number {
  const half = computeStudentTwoSided(t, freedom) / 2
  return t >= 0 ? half : 1 - half
}

/** Two-sided p-value of Student's t with `freedom` degrees of freedom. */
export function computeStudentTwoSided(t: number, freedom: number): number {
  if (!(freedom > 0) || Number.isNaN(t)) return Number.NaN
  if (!Number.isFinite(t)) return 0
  const total = freedom + t * t
  return computeBetaTails(freedom / total, (t * t) / total, freedom / 2, 0.5)[0]
}

/** A count distribution of mean `mean` and variance `dispersion * mean`: negative binomial, or Poisson at dispersion 1. */
export type CountDistribution = { readonly mean: number; readonly dispersion: number }

/** [P(Y <= x), P(Y > x)] of a count distribution at a whole x. */
export function computeCountTails(x: number, distribution: CountDistribution): [number, number] {
  const { mean, dispersion } = distribution
  if (x < 0) return [0, 1]
  if (!(mean > 0)) return [1, 0]
  if (!(dispersion > 1)) {
    const [lower, upper] = computeGammaTails(x + 1, mean)
    return [upper, lower]
  }
  return computeBetaTails(1 / dispersion, (dispersion - 1) / dispersion, mean / (dispersion - 1), x + 1)
}

/** P(Y >= x) of a count distribution; a fractional x counts as the next whole number. */
export function computeCountUpperTail(x: number, distribution: CountDistribution): number {
  return x <= 0 ? 1 : computeCountTails(Math.ceil(x) - 1, distribution)[1]
}

/** Smallest whole u with P(Y <= u) >= p; Infinity when p is 1, NaN for a mean that is not finite. */
export function computeCountQuantile(p: number, distribution: CountDistribution): number {
  const { mean, dispersion } = distribution
  if (!(p >= 0 && p <= 1) || !Number.isFinite(mean) || mean < 0 || !Number.isFinite(dispersion)) return Number.NaN
  if (mean === 0 || p === 0) return 0
  if (p === 1) return Number.POSITIVE_INFINITY
  const sd = Math.sqrt(mean * Math.max(1, dispersion))
  const z = computeNormalQuantile(p)
  // Cornish-Fisher start; the search below needs it near, not exact.
  const skew = (2 * Math.max(1, dispersion) - 1) / sd
  let u = Math.max(0, Math.floor(mean + sd * (z + (skew * (z * z - 1)) / 6) + 0.5))
  // A relative hair absorbs the last rounding error of a cdf that equals p exactly in theory.
  const target = p * (1 - 64 * Number.EPSILON)
  let step = Math.max(1, Math.floor(sd / 8))
  let high = u
  let low = -1
  if (computeCountTails(u, distribution)[0] >= target) {
    for (;;) {
      const probe = Math.max(-1, high - step)
      if (probe === -1 || computeCountTails(probe, distribution)[0] < target) {
        low = probe
        break
      }
      high = probe
      step *= 2
    }
  } else {
    low = u
    for (;;) {
      high = low + step
      if (!(computeCountTails(high, distribution)[0] < target)) break
      low = high
      step *= 2
    }
  }
  while (high - low > 1) {
    u = Math.floor((low + high) / 2)
    // Beyond 2^53 whole numbers are sparser than one: the nearest is all there is.
    if (u <= low || u >= high) break
    if (computeCountTails(u, distribution)[0] >= target) high = u
    else low = u
  }
  return high
}

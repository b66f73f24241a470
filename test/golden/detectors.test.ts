// Golden tests of the detectors: other people's answers where ../shared is present, and everywhere own synthetic series
// judged by plain second implementations written here from the formulas, without any code of server/detect/.
// An absent ../shared counts as `no data` and passes.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { assessCusum } from '../../server/detect/cusum.ts'
import { computeCountQuantile, computeCountTails, computeNormalQuantile } from '../../server/detect/distributions.ts'
import { assessEars, evaluateEars } from '../../server/detect/ears.ts'
import { assessFarrington } from '../../server/detect/farrington.ts'
import { assessFarringtonFlexible } from '../../server/detect/farrington-flexible.ts'
import { assessMovingPercentile, computeSampleQuantile } from '../../server/detect/moving-percentile.ts'
import { isRefusal, type Refusal } from '../../server/detect/refusal.ts'
import { computeRecurrenceDays, type ScanLocation, scanClusters } from '../../server/detect/scan.ts'
import { checkFolder } from '../check/detectors.ts'

const SHARED = resolve(import.meta.dirname, '../../../shared/vectors/detection')
/** z of 0.999 and 0.995 as printed in every table of the normal distribution. */
const Z_999 = 3.090232306167813
const Z_995 = 2.5758293035489004

/** A small generator of its own, so that a fault in the house's generator cannot hide. */
function createUniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function drawCount(uniform: () => number, mean: number): number {
  let count = 0
  for (let product = uniform(); product > Math.exp(-mean); product *= uniform()) count++
  return count
}

function makeSeries(seed: number, length: number, mean: number): number[] {
  const uniform = createUniform(seed)
  return Array.from({ length }, (_, t) => drawCount(uniform, mean * (1 + 0.4 * Math.cos((2 * Math.PI * t) / 52))))
}

function getAnswer<Answer>(answer: Answer | Refusal): Answer {
  assert.ok(!isRefusal(answer), isRefusal(answer) ? answer.code : '')
  return answer as Answer
}

function assertClose(actual: number | null | undefined, expected: number, relative: number, what: string): void {
  assert.ok(typeof actual === 'number', `${what}: ${actual}`)
  const difference = Math.abs(actual - expected)
  assert.ok(difference <= relative * Math.abs(expected) + 1e-12, `${what}: ${actual}, wanted ${expected}`)
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const deviation = (values: number[]) => {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

test('DET-1 every detector equals the golden vectors of R', t => {
  if (!existsSync(SHARED)) return t.diagnostic('no data')
  const lines = [...checkFolder(SHARED, { isScanSkipped: true })]
  assert.ok(lines.length > 0)
  const failed = lines.filter(({ outcome }) => outcome !== 'ok')
  assert.deepEqual(failed.slice(0, 5), [], `${failed.length} of ${lines.length} runs`)
})

test('DET-2 the scan equals the golden answers of SaTScan for three seeds', t => {
  if (!existsSync(SHARED)) return t.diagnostic('no data')
  const lines = [...checkFolder(SHARED, { isGoldenSkipped: true })]
  assert.ok(lines.length > 0)
  assert.deepEqual(
    lines.filter(({ outcome }) => outcome !== 'ok'),
    [],
  )
})

test('DET-3 C1, C2 and the C3 of the paper agree with a plain second implementation', () => {
  const y = makeSeries(11, 300, 4)
  const excess = (t: number) => {
    const window = y.slice(t - 9, t - 2)
    return Math.max(0, (y[t]! - mean(window)) / deviation(window) - 1)
  }
  const c1 = getAnswer(assessEars(y, { first: 11, last: 299 }, { method: 'C1' }))
  const c2 = getAnswer(assessEars(y, { first: 11, last: 299 }, { method: 'C2' }))
  const c3 = getAnswer(assessEars(y, { first: 11, last: 299 }, { method: 'C3' }))
  let alarms = 0
  for (let t = 11; t < 300; t++) {
    const near = y.slice(t - 7, t)
    const guarded = y.slice(t - 9, t - 2)
    assertClose(c1[t - 11]!.upperbound, mean(near) + Z_999 * deviation(near), 1e-12, `C1 at ${t}`)
    assertClose(c2[t - 11]!.upperbound, mean(guarded) + Z_999 * deviation(guarded), 1e-12, `C2 at ${t}`)
    const sum = excess(t) + excess(t - 1) + excess(t - 2)
    assertClose(c3[t - 11]!.statistic, sum, 1e-12, `C3 at ${t}`)
    assert.equal(c3[t - 11]!.alarm, sum > 2)
    assert.equal(c2[t - 11]!.alarm, y[t]! > mean(guarded) + Z_999 * deviation(guarded))
    if (sum > 2) alarms++
  }
  assert.ok(alarms > 0, 'the series must hold alarms to compare')
})

test('DET-4 the C3 of the paper counts today, the C3 of R does not', () => {
  const y = [3, 4, 3, 5, 4, 3, 4, 3, 4, 3, 4, 3, 40]
  assert.equal(evaluateEars(y, 12, { method: 'C3' })?.alarm, true)
  assert.equal(evaluateEars(y, 12, { method: 'C3', compat: 'r-surveillance' })?.alarm, false)
})

test('DET-5 the single point form says what the series form says', () => {
  const y: (number | null)[] = makeSeries(5, 60, 3)
  y[20] = null
  for (const method of ['C1', 'C2', 'C3'] as const) {
    const points = getAnswer(assessEars(y, { first: 11, last: 59 }, { method, minSigma: 0.5 }))
    for (let t = 11; t < 60; t++) {
      const judged = evaluateEars(y, t, { method, minSigma: 0.5 })
      assert.equal(judged?.alarm ?? null, points[t - 11]!.alarm)
      if (judged) assert.equal(judged.threshold, points[t - 11]!.upperbound)
    }
  }
})

/** Dense Poisson regression by Newton's method on the normal equations: nothing in common with server/detect/glm.ts. */
function fitDense(x: number[][], y: number[], prior: number[]): { beta: number[]; inverse: number[][]; mu: number[] } {
  const width = x[0]!.length
  let beta = [Math.log(mean(y) + 0.1), ...new Array<number>(width - 1).fill(0)]
  let inverse: number[][] = []
  let mu: number[] = []
  const eta = (row: number[]) => row.reduce((sum, value, j) => sum + value * beta[j]!, 0)
  for (let round = 0; round < 60; round++) {
    mu = x.map(row => Math.exp(eta(row)))
    const matrix = beta.map((_, a) =>
      beta.map((_, b) => x.reduce((s, r, i) => s + prior[i]! * mu[i]! * r[a]! * r[b]!, 0)),
    )
    const gradient = beta.map((_, a) => x.reduce((s, r, i) => s + prior[i]! * (y[i]! - mu[i]!) * r[a]!, 0))
    inverse = invert(matrix)
    beta = beta.map((value, a) => value + inverse[a]!.reduce((s, v, b) => s + v * gradient[b]!, 0))
  }
  return { beta, inverse, mu: x.map(row => Math.exp(eta(row))) }
}

function invert(matrix: number[][]): number[][] {
  const size = matrix.length
  const work = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column; row < size; row++)
      if (Math.abs(work[row]![column]!) > Math.abs(work[pivot]![column]!)) pivot = row
    ;[work[column], work[pivot]] = [work[pivot]!, work[column]!]
    const lead = work[column]![column]!
    work[column] = work[column]!.map(value => value / lead)
    for (let row = 0; row < size; row++) {
      const factor = work[row]![column]!
      if (row !== column) work[row] = work[row]!.map((value, j) => value - factor * work[column]![j]!)
    }
  }
  return work.map(row => row.slice(size))
}

/** Weights of Farrington 1996 from a dense fit. */
function weighDense(x: number[][], y: number[], fit: ReturnType<typeof fitDense>, limit: number): number[] {
  const ones = y.map(() => 1)
  const phi = Math.max(1, measurePhi(y, fit.mu, ones, x[0]!.length))
  const weights = y.map((count, i) => {
    const row = x[i]!
    const h = fit.mu[i]! * row.reduce((s, v, a) => s + v * fit.inverse[a]!.reduce((q, w, b) => q + w * row[b]!, 0), 0)
    const anscombe = 1.5 * (count ** (2 / 3) * fit.mu[i]! ** (-1 / 6) - Math.sqrt(fit.mu[i]!))
    const residual = anscombe / Math.sqrt(phi * (1 - h))
    return residual > limit ? residual ** -2 : 1
  })
  return weights.map(weight => weight / mean(weights))
}

function measurePhi(y: number[], mu: number[], prior: number[], width: number): number {
  return y.reduce((s, count, i) => s + (prior[i]! * (count - mu[i]!) ** 2) / mu[i]!, 0) / (y.length - width)
}

test('DET-6 Farrington flexible by the papers agrees with a dense second implementation', () => {
  for (const seed of [1, 2, 3]) {
    const y = makeSeries(seed, 330, 9)
    y[160] = 60
    const k = 329
    // Season blocks written down position by position: distance to the season decides.
    const x: number[][] = []
    const counts: number[] = []
    for (let t = k - 5 * 52 - 3; t < k - 26; t++) {
      const past = (((k - t) % 52) + 52) % 52
      const inWindow = past <= 3 || past >= 49
      // 45 points between two windows, in nine blocks of five, counted in time order.
      const block = inWindow ? 10 : Math.floor((48 - past) / 5) + 1
      x.push([1, t + 1, ...Array.from({ length: 9 }, (_, j) => (block === j + 2 ? 1 : 0))])
      counts.push(y[t]!)
    }
    const first = fitDense(
      x,
      counts,
      counts.map(() => 1),
    )
    const prior = weighDense(x, counts, first, 2.58)
    const second = fitDense(x, counts, prior)
    const phi = Math.max(1, measurePhi(counts, second.mu, prior, 11))
    const now = [1, k + 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    const eta = now.reduce((s, v, j) => s + v * second.beta[j]!, 0)
    const variance = now.reduce((s, v, a) => s + v * second.inverse[a]!.reduce((q, w, b) => q + w * now[b]!, 0), 0)
    const mu0 = Math.exp(eta)
    const tau = phi + mu0 * phi * variance
    const delta = (mu0 ** (2 / 3) + Z_995 * Math.sqrt((4 / 9) * mu0 ** (1 / 3) * tau)) ** 1.5
    const judge = (thresholdMethod: 'delta' | 'muan' | 'nbPlugin') =>
      getAnswer(assessFarringtonFlexible({ counts: y, frequency: 52 }, { first: k, last: k }, { thresholdMethod }))[0]!
    assertClose(judge('delta').expected, mu0, 1e-6, 'expected')
    assertClose(judge('delta').phi, phi, 1e-4, 'phi')
    assertClose(judge('delta').upperbound, delta, 1e-4, 'delta threshold')
    assertClose(judge('muan').mu0, Math.exp(eta + Z_995 * Math.sqrt(phi * variance)), 1e-4, 'muan mean')
    for (const method of ['muan', 'nbPlugin'] as const) {
      const { mu0: m, upperbound } = judge(method)
      assert.equal(upperbound, findQuantileBySum(0.995, m!, phi), method)
    }
  }
})

/** Smallest u with P(Y <= u) >= p by adding up the recursion of the probabilities. */
function findQuantileBySum(p: number, m: number, phi: number): number {
  let density = phi > 1 ? phi ** (-m / (phi - 1)) : Math.exp(-m)
  let sum = density
  let u = 0
  while (sum < p) {
    const size = m / (phi - 1)
    density *= phi > 1 ? (((u + size) / (u + 1)) * (phi - 1)) / phi : m / (u + 1)
    sum += density
    u++
  }
  return u
}

test('DET-7 classic Farrington agrees with a dense second implementation', () => {
  const y = makeSeries(21, 260, 12)
  y[100] = 70
  const k = 259
  const x: number[][] = []
  const counts: number[] = []
  for (let i = 4; i >= 1; i--)
    for (let j = -3; j <= 3; j++) {
      x.push([1])
      counts.push(y[k - i * 52 + j]!)
    }
  const first = fitDense(
    x,
    counts,
    counts.map(() => 1),
  )
  const prior = weighDense(x, counts, first, 1)
  const second = fitDense(x, counts, prior)
  const phi = Math.max(1, measurePhi(counts, second.mu, prior, 1))
  const mu0 = Math.exp(second.beta[0]!)
  const tau = phi + mu0 * phi * second.inverse[0]![0]!
  const threshold = (mu0 ** (2 / 3) + Z_995 * Math.sqrt((4 / 9) * mu0 ** (1 / 3) * tau)) ** 1.5
  const point = getAnswer(assessFarrington(y, 52, { first: k, last: k }, { b: 4, trend: false }))[0]!
  assertClose(point.expected, mu0, 1e-6, 'expected')
  assertClose(point.upperbound, threshold, 1e-5, 'threshold')
})

test('DET-8 CUSUM sums what exceeds the reference value and never resets', () => {
  const y = [...makeSeries(8, 40, 6), 12, 14, 13, 15, 9]
  const m = mean(y.slice(0, 40))
  const points = getAnswer(assessCusum(y, { first: 40, last: 44 }))
  let sum = 0
  for (let t = 40; t < 45; t++) {
    const bound = Math.max(0, Math.ceil(Math.sqrt(m) * (2.26 + 1.04 - sum) + m))
    sum = Math.max(0, sum + (y[t]! - m) / Math.sqrt(m) - 1.04)
    assertClose(points[t - 40]!.cusum, sum, 1e-12, `sum at ${t}`)
    assertClose(points[t - 40]!.upperbound, bound, 1e-12, `bound at ${t}`)
    assert.equal(points[t - 40]!.alarm, sum >= 2.26)
  }
  assert.equal(points[4]!.alarm, true)
  for (const transform of ['rossi', 'anscombe', 'anscombe2nd', 'pearsonNegBin'] as const) {
    // A count at the bound brings the sum exactly to h.
    const bound = getAnswer(assessCusum(y, { first: 40, last: 40 }, { transform, a: 0.1 }))[0]!.upperbound!
    const at = getAnswer(assessCusum([...y.slice(0, 40), bound], { first: 40, last: 40 }, { transform, a: 0.1 }))[0]!
    assertClose(at.cusum, 2.26, 1e-9, transform)
  }
})

test('DET-9 the moving percentile takes 25 blocks of five years by calendar date, also over year borders', () => {
  const firstDay = Date.UTC(2019, 0, 1) / 86_400_000
  const uniform = createUniform(3)
  const y = Array.from({ length: 2600 }, () => drawCount(uniform, 1.2))
  for (const date of ['2026-01-02', '2024-12-31', '2025-03-01', '2024-02-29']) {
    const day = Date.parse(date) / 86_400_000
    const k = day - firstDay
    if (k >= y.length) continue
    const block = (end: number) => y.slice(end - 6, end + 1).reduce((s, v) => s + v, 0)
    const values: number[] = []
    for (let year = 1; year <= 5; year++) {
      const [full, month, dayOfMonth] = date.split('-').map(Number)
      const then = date.endsWith('02-29') && (full! - year) % 4 !== 0 ? 28 : dayOfMonth!
      const centre = Date.UTC(full! - year, month! - 1, then) / 86_400_000 - firstDay
      for (const shift of [-14, -7, 0, 7, 14]) values.push(block(centre + shift))
    }
    if (values.length !== 25) assert.fail('25 values')
    values.sort((a, b) => a - b)
    const point = assessMovingPercentile(y, firstDay, { first: k, last: k }, { percentile: 0.8 })
    if (isRefusal(point)) {
      // The first block of the oldest year must really lie before the series.
      assert.equal(point.code, 'SERIES_TOO_SHORT')
      assert.ok(Date.UTC(Number(date.slice(0, 4)) - 5, 0, 21) / 86_400_000 < firstDay + 21)
      continue
    }
    const [at, above] = [values[19]!, values[20]!]
    assertClose(point[0]!.upperbound, at + (24 * 0.8 - 19) * (above - at), 1e-12, date)
    assert.equal(point[0]!.current, block(k))
    assert.equal(point[0]!.known, 25)
    assert.equal(point[0]!.alarm, block(k) > point[0]!.upperbound! && block(k) >= 1)
  }
})

test('DET-10 sample quantiles follow the nine definitions of Hyndman and Fan', () => {
  const x = [1, 2, 4, 8, 16, 32]
  // Worked by hand for p = 0.3: types 1-3 by rank (n p = 1.8), types 4-9 between ranks 1.8, 2.3, 2.1, 2.5, 2.2333, 2.25.
  const wanted = [2, 2, 2, 1.8, 2.6, 2.2, 3, 2 + (2 * 7) / 30, 2.5]
  wanted.forEach((value, i) => {
    assertClose(computeSampleQuantile(x, 0.3, i + 1), value, 1e-12, `type ${i + 1}`)
  })
})

test('DET-11 count quantiles and tails agree with summed probabilities', () => {
  for (const m of [0.02, 0.7, 3, 41.3, 300])
    for (const phi of [1, 1.000001, 1.4, 6])
      for (const p of [0.5, 0.95, 0.995, 0.999]) {
        const u = findQuantileBySum(p, m, phi)
        const distribution = { mean: m, dispersion: phi }
        assert.equal(computeCountQuantile(p, distribution), u, `mean ${m} dispersion ${phi} p ${p}`)
        const [lower, upper] = computeCountTails(u, distribution)
        assertClose(lower + upper, 1, 1e-12, 'tails')
      }
  assertClose(computeNormalQuantile(0.999), Z_999, 1e-14, 'z of 0.999')
  assertClose(computeNormalQuantile(0.995), Z_995, 1e-14, 'z of 0.995')
})

type PlainCluster = { llr: number; places: string }

/** Every cylinder, one by one, by the formula. */
function scanPlainly(
  locations: ScanLocation[],
  cases: [number, number][],
  days: number,
  settings: { isRetrospective: boolean; lengthMax: number; radiusMaxKm: number },
): PlainCluster {
  const total = cases.length
  let best: PlainCluster = { llr: 0, places: '' }
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const measure = (a: ScanLocation, b: ScanLocation) =>
    6367 *
    Math.acos(
      Math.min(
        1,
        Math.sin(radians(a.lat)) * Math.sin(radians(b.lat)) +
          Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.cos(radians(b.lon - a.lon)),
      ),
    )
  locations.forEach(centre => {
    const near = locations
      .map((place, i) => ({ i, distance: place === centre ? 0 : measure(centre, place) }))
      .filter(({ distance }) => distance <= settings.radiusMaxKm)
      .sort((a, b) => a.distance - b.distance)
    for (let size = 1; size <= near.length; size++) {
      const members = new Set(near.slice(0, size).map(({ i }) => i))
      const inCircle = cases.filter(([place]) => members.has(place))
      if (inCircle.length > total / 2) break
      for (let end = settings.isRetrospective ? 0 : days - 1; end < days; end++)
        for (let start = Math.max(0, end - settings.lengthMax + 1); start <= end; start++) {
          const c = inCircle.filter(([, day]) => day >= start && day <= end).length
          const inTime = cases.filter(([, day]) => day >= start && day <= end).length
          const mu = (inCircle.length * inTime) / total
          if (c < 2 || c <= mu) continue
          const llr = c * Math.log(c / mu) + (total - c) * Math.log((total - c) / (total - mu))
          if (llr > best.llr + 1e-9) best = { llr, places: [...members].sort((a, b) => a - b).join(' ') }
        }
    }
  })
  return best
}

test('DET-12 the scan finds the strongest cylinder and its null distribution as a plain second implementation does', () => {
  const uniform = createUniform(77)
  const locations = Array.from({ length: 12 }, (_, i) => ({
    id: String(i),
    lon: 120 + uniform() * 0.1,
    lat: 31 + uniform() * 0.1,
  }))
  const days = 14
  const cases: [number, number][] = Array.from({ length: 50 }, () => [
    Math.floor(uniform() * 12),
    Math.floor(uniform() * days),
  ])
  for (const isRetrospective of [false, true]) {
    const settings = { isRetrospective, lengthMax: 5, radiusMaxKm: 6 }
    const input = { locations, cases: cases.map(([location, day]) => ({ location, day: 100 + day, count: 1 })) }
    const options = { firstDay: 100, lastDay: 113, radiusMaxKm: 6, lengthMaxDays: 5, seed: 5, replications: 999 }
    const mode = isRetrospective ? 'retrospective' : 'prospective'
    const result = getAnswer(scanClusters(input, { ...options, mode }))
    const plain = scanPlainly(locations, cases, days, settings)
    const own = result.clusters[0]!
    assertClose(own.llr, plain.llr, 1e-9, mode)
    assert.equal([...own.locations].sort((a, b) => a - b).join(' '), plain.places)
    // The null distribution: 60 plain permutations against 999 of ours, within 4.5 standard errors.
    const maxima: number[] = []
    const labels = cases.map(([, day]) => day)
    for (let r = 0; r < 60; r++) {
      for (let i = labels.length - 1; i > 0; i--) {
        const j = Math.floor(uniform() * (i + 1))
        ;[labels[i], labels[j]] = [labels[j]!, labels[i]!]
      }
      const permuted = cases.map(([place], i): [number, number] => [place, labels[i]!])
      maxima.push(scanPlainly(locations, permuted, days, settings).llr)
    }
    const ours = [...result.maxima]
    const error = Math.sqrt(deviation(maxima) ** 2 / 60 + deviation(ours) ** 2 / 999)
    assert.ok(Math.abs(mean(maxima) - mean(ours)) < 4.5 * error, `${mode}: ${mean(ours)}, plainly ${mean(maxima)}`)
  }
})

test('DET-13 a planted outbreak is found by every form of the scan, and its rarity follows the recurrence formula', () => {
  const uniform = createUniform(31)
  const locations = Array.from({ length: 25 }, (_, i) => ({
    id: String(i),
    lon: 120 + (i % 5) * 0.02,
    lat: 31 + Math.floor(i / 5) * 0.02,
    population: 1000,
  }))
  const cases = Array.from({ length: 200 }, () => ({
    location: Math.floor(uniform() * 25),
    day: Math.floor(uniform() * 28),
    count: 1,
  }))
  cases.push({ location: 12, day: 27, count: 9 }, { location: 13, day: 26, count: 7 })
  const base = { firstDay: 0, lastDay: 27, lengthMaxDays: 7, seed: 9, replications: 199, radiusMaxKm: 5 }
  const forms = [
    { ...base },
    { ...base, isWeekdayAdjusted: true },
    { ...base, surveillanceFirstDay: 14 },
    { ...base, mode: 'retrospective' as const },
    { ...base, model: 'poisson' as const },
    { ...base, model: 'poisson' as const, mode: 'retrospective' as const },
    { ...base, model: 'poisson' as const, shape: 'spatial' as const },
  ]
  for (const form of forms) {
    const { clusters } = getAnswer(scanClusters({ locations, cases }, form))
    const top = clusters[0]!
    assert.ok(top.locations.includes(12), JSON.stringify(form))
    assert.ok(top.pValue! <= 0.01, `${JSON.stringify(form)}: p ${top.pValue}`)
    const analyses = 'surveillanceFirstDay' in form ? 14 : 1
    assertClose(top.recurrenceDays, 1 / (1 - (1 - top.pValue!) ** (1 / analyses)), 1e-9, 'recurrence')
  }
  const temporal = getAnswer(scanClusters({ locations, cases }, { ...base, model: 'poisson', shape: 'temporal' }))
  assert.equal(temporal.clusters[0]!.locations.length, 25)
  assert.equal(temporal.clusters[0]!.lastDay, 27)
  assertClose(computeRecurrenceDays(0.01, 7, 1), 700, 1e-12, 'weekly analyses')
})

test('DET-14 input that cannot be judged is refused with a code, never thrown', () => {
  const refusals = [
    assessEars([1, 2, 3], { first: 0, last: 2 }, { method: 'C1' }),
    assessFarringtonFlexible({ counts: [1, 2, 3], frequency: 52 }, { first: 2, last: 2 }),
    assessFarringtonFlexible(
      { counts: makeSeries(1, 330, 3), frequency: 52 },
      { first: 329, last: 329 },
      { noPeriods: 60 },
    ),
    assessFarrington([1, 2, 3], 52, { first: 2, last: 2 }),
    assessCusum([4], { first: 0, last: 0 }),
    assessMovingPercentile([1, 2, 3], 20_000, { first: 2, last: 2 }),
    assessEars([1, Number.NaN, 3], { first: 0, last: 2 }, { method: 'C1' }),
    scanClusters({ locations: [], cases: [] }, { firstDay: 0, lastDay: 9, seed: 1 }),
  ]
  const codes = refusals.map(refusal => (isRefusal(refusal) ? refusal.code : 'answered'))
  assert.deepEqual(codes, [
    'SERIES_TOO_SHORT',
    'REFERENCE_MISSING',
    'PERIODS_TOO_MANY',
    'SERIES_TOO_SHORT',
    'SERIES_TOO_SHORT',
    'SERIES_TOO_SHORT',
    'VALUE_INVALID',
    'VALUE_INVALID',
  ])
  for (const refusal of refusals) assert.ok(isRefusal(refusal) && refusal.zh.length > 0 && refusal.en.length > 0)
})

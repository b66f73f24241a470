// Property tests of the detectors: what must hold for any series whatever, down to two points, all zeros or a single 10^6.
// Failures print fast-check's seed and the smallest counterexample.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assessCusum } from '../../server/detect/cusum.ts'
import { assessEars, type EarsMethod, evaluateEars } from '../../server/detect/ears.ts'
import { assessFarrington } from '../../server/detect/farrington.ts'
import { assessFarringtonFlexible } from '../../server/detect/farrington-flexible.ts'
import { assessMovingPercentile } from '../../server/detect/moving-percentile.ts'
import { isRefusal } from '../../server/detect/refusal.ts'
import { scanClusters } from '../../server/detect/scan.ts'

type Count = number | null

const count = fc.oneof(
  { weight: 8, arbitrary: fc.nat(30) },
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constant(1_000_000) },
)
const known = (minLength: number, maxLength: number) => fc.array(count, { minLength, maxLength })
const gappy = (minLength: number, maxLength: number) =>
  fc.array(fc.oneof({ weight: 9, arbitrary: count }, { weight: 1, arbitrary: fc.constant(null) }), {
    minLength,
    maxLength,
  })
const shaped = (length: number): fc.Arbitrary<Count[]> =>
  fc.oneof(
    gappy(2, length),
    fc.integer({ min: 2, max: length }).map(size => new Array<Count>(size).fill(0)),
    fc.integer({ min: 2, max: length }).map(size => new Array<Count>(size).fill(null)),
    fc.integer({ min: 2, max: length }).map(size => [...new Array<Count>(size - 1).fill(0), 1_000_000]),
    fc.constant<Count[]>([1, 2]),
  )

/** Short years let a short series hold several of them. */
const FREQUENCY = 12

type Detector = { name: string; assess: (counts: Count[]) => unknown; isMonotone: boolean }

const at = (counts: Count[]) => ({ first: counts.length - 1, last: counts.length - 1 })
const methods: EarsMethod[] = ['C1', 'C2', 'C3']
const thresholds = ['nbPlugin', 'muan', 'delta'] as const
const compats = [undefined, 'r-surveillance'] as const

const DETECTORS: Detector[] = [
  ...methods.flatMap(method =>
    compats.flatMap(compat =>
      [0, 0.5].map(minSigma => ({
        name: `EARS ${method} ${compat} ${minSigma}`,
        assess: (counts: Count[]) =>
          assessEars(counts, at(counts), { method, minSigma, ...(compat ? { compat } : {}) }),
        // R's C3 does not look at today's count, and says so.
        isMonotone: method !== 'C3' || !compat,
      })),
    ),
  ),
  ...thresholds.flatMap(thresholdMethod =>
    compats.flatMap(compat =>
      [1, 0.05].map(pThresholdTrend => ({
        name: `Farrington flexible ${thresholdMethod} ${compat} ${pThresholdTrend}`,
        assess: (counts: Count[]) =>
          assessFarringtonFlexible({ counts, frequency: FREQUENCY }, at(counts), {
            b: 3,
            w: 1,
            noPeriods: 4,
            pastWeeksNotIncluded: 3,
            thresholdMethod,
            pThresholdTrend,
            ...(compat ? { compat } : {}),
          }),
        isMonotone: true,
      })),
    ),
  ),
  ...(['2/3', '1/2', 'none'] as const).map(powertrans => ({
    name: `Farrington ${powertrans}`,
    assess: (counts: Count[]) => assessFarrington(counts, FREQUENCY, at(counts), { b: 3, w: 1, powertrans }),
    isMonotone: true,
  })),
  ...(['standard', 'rossi', 'anscombe', 'anscombe2nd', 'pearsonNegBin'] as const).map(transform => ({
    name: `CUSUM ${transform}`,
    assess: (counts: Count[]) => assessCusum(counts, at(counts), { transform, a: 0.2, frequency: FREQUENCY }),
    isMonotone: true,
  })),
  {
    name: 'CUSUM glm',
    assess: counts => assessCusum(counts, at(counts), { mean: 'glm', frequency: FREQUENCY }),
    isMonotone: true,
  },
  {
    name: 'moving percentile',
    assess: counts => assessMovingPercentile(counts, 20_000, at(counts), { years: 1, blocks: [0], blockDays: 3 }),
    isMonotone: true,
  },
]

/** Fails on NaN or an infinity anywhere in an answer. */
function assertFinite(value: unknown, path: string): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), `${path} is ${value}`)
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) assertFinite(inner, `${path}.${key}`)
}

function findAlarm(answer: unknown): boolean | null {
  if (isRefusal(answer)) return null
  return (answer as { alarm: boolean | null }[])[0]!.alarm
}

test('DET-20 no detector throws or answers NaN, whatever the series', () => {
  for (const { name, assess } of DETECTORS)
    fc.assert(
      fc.property(shaped(60), counts => {
        assertFinite(assess(counts), name)
      }),
      { numRuns: 60 },
    )
  fc.assert(
    fc.property(shaped(420), counts => {
      assertFinite(DETECTORS.find(({ name }) => name === 'moving percentile')!.assess(counts), 'moving percentile')
    }),
    { numRuns: 40 },
  )
})

test('DET-21 a missing count today never alarms', () => {
  for (const { name, assess } of DETECTORS)
    fc.assert(
      fc.property(shaped(60), counts => {
        assert.notEqual(findAlarm(assess([...counts, null])), true, name)
      }),
      { numRuns: 40 },
    )
})

test('DET-22 more cases today never silence an alarm', () => {
  let alarms = 0
  for (const { name, assess, isMonotone } of DETECTORS) {
    if (!isMonotone) continue
    const length = name === 'moving percentile' ? 372 : 40
    fc.assert(
      fc.property(known(length, length + 8), fc.nat(60), fc.nat(60), (past, today, more) => {
        const alarm = findAlarm(assess([...past, today]))
        if (alarm !== true) return
        alarms++
        assert.equal(findAlarm(assess([...past, today + more])), true, name)
      }),
      { numRuns: 40 },
    )
  }
  assert.ok(alarms > 0, 'no alarm was seen')
})

test('DET-23 the hot form of EARS is defined exactly where every count it needs is known', () => {
  fc.assert(
    fc.property(gappy(1, 40), fc.integer({ min: -3, max: 45 }), fc.constantFrom(...methods), (counts, t, method) => {
      const judged = evaluateEars(counts, t, { method })
      assertFinite(judged, 'judged')
      const reach = { C1: 7, C2: 9, C3: 11 }[method]
      const days = method === 'C1' ? counts.slice(Math.max(0, t - 7), Math.max(0, t)) : []
      if (method === 'C2') days.push(...counts.slice(Math.max(0, t - 9), Math.max(0, t - 2)))
      if (method === 'C3') days.push(...counts.slice(Math.max(0, t - 11), Math.max(0, t)))
      const isKnown = t >= reach && t < counts.length && counts[t] !== null && !days.includes(null)
      assert.equal(judged !== undefined, isKnown)
    }),
    { numRuns: 300 },
  )
})

const place = fc.record({ lon: fc.integer({ min: 0, max: 400 }), lat: fc.integer({ min: 0, max: 400 }) })
const city = fc.uniqueArray(place, { minLength: 2, maxLength: 10, selector: ({ lon, lat }) => `${lon},${lat}` })
const caseList = fc.array(fc.tuple(fc.nat(9), fc.nat(13), fc.integer({ min: 1, max: 3 })), {
  minLength: 1,
  maxLength: 40,
})
const scanSettings = fc.record({
  mode: fc.constantFrom('prospective' as const, 'retrospective' as const),
  model: fc.constantFrom('permutation' as const, 'poisson' as const),
  lengthMaxDays: fc.integer({ min: 1, max: 14 }),
  radiusMaxKm: fc.constantFrom(0, 5, 20),
})
type Place = { lon: number; lat: number }

function toInput(places: Place[], cases: [number, number, number][]) {
  return {
    // Irregular by a hair each, so that no two distances are equal.
    locations: places.map(({ lon, lat }, i) => ({
      id: String(i),
      lon: 120 + lon / 1000 + (i * i) / 1e5,
      lat: 31 + lat / 1000 + (i * i * i) / 1e6,
      population: 100 + i,
    })),
    cases: cases.map(([at, day, count]) => ({ location: at % places.length, day: 500 + day, count })),
  }
}

test('DET-24 a scan never throws, never answers NaN, and keeps its totals', () => {
  fc.assert(
    fc.property(city, caseList, scanSettings, fc.integer(), (places, cases, settings, seed) => {
      const options = { ...settings, firstDay: 500, lastDay: 513, seed, replications: 19 }
      const result = scanClusters(toInput(places, cases), options)
      assert.ok(!isRefusal(result))
      assertFinite({ ...result, maxima: [...result.maxima] }, 'scan')
      assert.equal(
        result.total,
        cases.reduce((sum, [, , n]) => sum + n, 0),
      )
      const seen = new Set<number>()
      let before = Number.POSITIVE_INFINITY
      let observed = 0
      for (const cluster of result.clusters) {
        assert.ok(cluster.observed >= 2 && cluster.observed > cluster.expected && cluster.expected >= 0)
        assert.ok(cluster.llr <= before + 1e-9 && cluster.pValue! > 0 && cluster.pValue! <= 1)
        assert.ok(cluster.firstDay >= 500 && cluster.lastDay <= 513)
        if (settings.mode === 'prospective') assert.equal(cluster.lastDay, 513)
        for (const location of cluster.locations) {
          assert.ok(!seen.has(location), 'two clusters share a location')
          seen.add(location)
        }
        before = cluster.llr
        observed += cluster.observed
      }
      assert.ok(observed <= result.total)
    }),
    { numRuns: 120 },
  )
})

test('DET-25 the order of cases does not matter to a scan, and the same seed gives the same answer', () => {
  fc.assert(
    fc.property(city, caseList, scanSettings, fc.integer(), (places, cases, settings, seed) => {
      const options = { ...settings, firstDay: 500, lastDay: 513, seed, replications: 9 }
      const one = scanClusters(toInput(places, cases), options)
      assert.deepEqual(scanClusters(toInput(places, cases), options), one)
      const other = scanClusters(toInput(places, [...cases].reverse()), options)
      assert.ok(!isRefusal(one) && !isRefusal(other))
      const strip = ({ clusters }: typeof one) =>
        clusters.map(({ centre, locations, firstDay, lastDay, observed, llr }) => ({
          centre,
          locations,
          firstDay,
          lastDay,
          observed,
          llr,
        }))
      assert.deepEqual(strip(other), strip(one))
    }),
    { numRuns: 60 },
  )
})

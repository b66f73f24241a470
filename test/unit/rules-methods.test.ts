/**
 * The methods behind the rules, one by one: joined p-values against closed forms and published examples, false discovery against
 * the paper's own table, clusters, ratios, silence.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CalendarSpan } from '#contract/calendar.ts'
import { parseDay } from '#contract/scalars.ts'
import { buildCalendar, getWeekday } from '../../server/detect/calendar.ts'
import { combineP, estimateCorrelation, findBestSubset, findLeastP } from '../../server/detect/combine.ts'
import { assessCountTail } from '../../server/detect/count-tail.ts'
import { computeChiSquareUpperTail, computeStudentUpperTail } from '../../server/detect/distributions.ts'
import { computeQValues } from '../../server/detect/false-discovery.ts'
import { getWeek } from '../../server/detect/leaf-cards.ts'
import { findPlaceCluster } from '../../server/detect/place-cluster.ts'
import { createRandomDraw } from '../../server/detect/random.ts'
import { assessRatio } from '../../server/detect/ratio.ts'
import { findSourceSilence } from '../../server/detect/source-silence.ts'
import { countWitnesses } from '../../server/detect/witness.ts'

const near = (value: number, expected: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${value} against ${expected}`)
const independent = (n: number) => Array.from({ length: n }, () => new Array<number>(n).fill(0))

test('RULE-40 Fisher and Stouffer equal their closed forms; tails equal published tables', () => {
  near(computeChiSquareUpperTail(3.841458820694124, 1), 0.05, 1e-8)
  near(computeChiSquareUpperTail(9.487729036781154, 4), 0.05, 1e-8)
  near(computeStudentUpperTail(2.446911848791681, 6), 0.025, 1e-8)
  near(computeStudentUpperTail(-2.446911848791681, 6), 0.975, 1e-8)
  const fisher = combineP([0.1, 0.2, 0.3], independent(3), 'fisher')
  // χ² with 6 degrees at x: e^(-x/2)(1 + x/2 + (x/2)²/2), x/2 = -ln 0.006.
  const half = -Math.log(0.1 * 0.2 * 0.3)
  near(fisher.pValue, Math.exp(-half) * (1 + half + half ** 2 / 2))
  assert.equal(fisher.correction, 'brown')
  near(combineP([0.05, 0.05], independent(2), 'stouffer').pValue, 0.010006, 1e-5)
})

test('RULE-41 Brown and Strube: full dependence gives back a single p, unknown history is marked uncorrected', () => {
  const one = [
    [1, 1],
    [1, 1],
  ]
  near(combineP([0.01, 0.01], one, 'fisher').pValue, 0.01, 1e-9)
  near(combineP([0.01, 0.01], one, 'stouffer').pValue, 0.01, 1e-9)
  const some = [
    [1, 0.4],
    [0.4, 1],
  ]
  for (const method of ['fisher', 'stouffer'] as const) {
    const free = combineP([0.01, 0.02], independent(2), method)
    assert.ok(combineP([0.01, 0.02], some, method).pValue > free.pValue, 'dependence is no evidence')
    const unknown = combineP([0.01, 0.02], [[], []], method)
    assert.deepEqual([unknown.pValue, unknown.correction], [free.pValue, 'uncorrected'])
    const against = combineP(
      [0.01, 0.02],
      [
        [1, -0.5],
        [-0.5, 1],
      ],
      method,
    )
    assert.equal(against.pValue, free.pValue, 'a negative correlation never helps')
  }
})

test('RULE-42 under independence and under dependence the corrected joined p is level', () => {
  const random = createRandomDraw(20_261_121)
  const draw = () => random(4_294_967_296) / 4_294_967_296
  const gauss = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
  const upper = (z: number) => computeStudentUpperTail(z, 1e7)
  for (const rho of [0, 0.5])
    for (const method of ['fisher', 'stouffer'] as const) {
      const correlations = [
        [1, rho, rho],
        [rho, 1, rho],
        [rho, rho, 1],
      ]
      let below = 0
      const runs = 4_000
      for (let run = 0; run < runs; run++) {
        const shared = gauss()
        const pValues = [0, 1, 2].map(() => upper(Math.sqrt(rho) * shared + Math.sqrt(1 - rho) * gauss()))
        if (combineP(pValues, correlations, method).pValue <= 0.05) below++
      }
      // 4,000 runs at 5 %: a standard error of 0.35 points; Brown's scaled chi-square is itself an approximation.
      assert.ok(Math.abs(below / runs - 0.05) < 0.015, `${method} rho ${rho}: ${below / runs}`)
    }
})

test('RULE-43 correlation of histories: alike 1, too short or flat unknown, days from the judged one on unseen', () => {
  const a = Array.from({ length: 40 }, (_, i) => (i * 7) % 11)
  near(estimateCorrelation(a, a, 40)!, 1)
  assert.equal(estimateCorrelation(a, a, 19), undefined)
  assert.equal(estimateCorrelation(a, new Array(40).fill(3), 40), undefined)
  const b = a.map((x, i) => (i % 3 === 0 ? null : x + (i % 2)))
  const other = [...b.slice(0, 35), 900, 900, 900, 900, 900]
  assert.equal(estimateCorrelation(a, b, 35), estimateCorrelation(a, other, 35))
})

const PValue = fc.double({ min: 1e-12, max: 1, noNaN: true })
test('RULE-44 over subsets a further source only raises, whatever its p and its dependence', () => {
  fc.assert(
    fc.property(
      fc.array(PValue, { minLength: 2, maxLength: 5 }),
      PValue,
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 15, maxLength: 15 }),
      fc.constantFrom('fisher' as const, 'stouffer' as const),
      (pValues, further, rhos, method) => {
        const n = pValues.length + 1
        const correlations = Array.from({ length: n }, (_, i) =>
          Array.from({ length: n }, (_, j) => (i === j ? 1 : rhos[(Math.min(i, j) * 5 + Math.max(i, j)) % 15])),
        )
        const before = findBestSubset(pValues, correlations, method, 2)!
        const after = findBestSubset([...pValues, further], correlations, method, 2)!
        assert.ok(after.pValue <= before.pValue)
        assert.ok(after.pValue > 0 && after.pValue <= 1)
        assert.ok(findLeastP([...pValues, further], method, 2) <= after.pValue, 'the bound holds')
      },
    ),
    { numRuns: 300 },
  )
})

test('RULE-45 witnesses: one facility under two kinds is one, and a further kind or facility never makes fewer', () => {
  const set = (...ids: string[]) => new Set(ids)
  assert.equal(countWitnesses([set('H1'), set('H1')]), 1)
  assert.equal(countWitnesses([set('H1', 'H2'), set('H1')]), 2)
  assert.equal(countWitnesses([set('H1', 'H2'), set('H1', 'H2'), set('H1', 'H2')]), 2)
  assert.equal(countWitnesses([undefined, set('H1'), set('H1')]), 2, 'calls vouch for themselves')
  assert.equal(countWitnesses([]), 0)
  const Kinds = fc.array(fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1 }), { maxLength: 6 })
  fc.assert(
    fc.property(Kinds, fc.array(fc.constantFrom('A', 'B', 'E'), { minLength: 1 }), (kinds, further) => {
      const before = countWitnesses(kinds.map(ids => new Set(ids)))
      assert.ok(countWitnesses([...kinds, further].map(ids => new Set(ids))) >= before)
      if (kinds.length > 0) {
        const more = kinds.map(ids => new Set<string>(ids))
        more[0]!.add('Z')
        assert.ok(countWitnesses(more) >= before)
      }
    }),
  )
})

test('RULE-46 Benjamini-Hochberg keeps what the paper keeps, and its q-values order as the p-values do', () => {
  // The fifteen p-values of Benjamini & Hochberg 1995, section 3.2: four are rejected at 0.05.
  const paper = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ]
  const qValues = computeQValues(paper)
  assert.equal(qValues.filter(q => q <= 0.05).length, 4)
  near(qValues[3]!, (0.0095 * 15) / 4)
  for (let i = 1; i < qValues.length; i++) assert.ok(qValues[i]! >= qValues[i - 1]!)
  assert.deepEqual(computeQValues([Number.NaN, 0.5]), [1, 0.5])
  assert.deepEqual(computeQValues([]), [])
})

test('RULE-47 the ratio rule: over twice the mean with cases and a model behind it; zero mean or a missing year is no opinion', () => {
  const options = { factor: 2, years: 5, minCases: 5, alpha: 0.01 }
  const five = [10, 12, 9, 11, 8]
  const judged = assessRatio(30, five, options)!
  near(judged.mean, 10)
  assert.deepEqual([judged.fires, judged.isTriple, judged.threshold], [true, false, 20])
  assert.equal(assessRatio(20, five, options)!.fires, false, 'exactly twice is not over')
  assert.equal(assessRatio(31, five, options)!.isTriple, true)
  assert.equal(assessRatio(4, [1, 1, 1, 1, 1], options)!.fires, false, 'four times the mean, but four cases')
  assert.equal(assessRatio(25, [2, 40, 1, 3, 4], options)!.fires, false, 'years that swing so much explain it')
  assert.equal(assessRatio(9, [0, 0, 0, 0, 0], options), undefined)
  assert.equal(assessRatio(9, [1, 2, null, 1, 3], options), undefined)
  assert.equal(assessRatio(9, [1, 2], options), undefined)
  assert.equal(assessRatio(Number.NaN, five, options), undefined)
})

test('RULE-48 a place cluster is any run of days around the case; other places and days outside count nothing', () => {
  const at = (caseId: string, day: number, isDeath = false) => ({ caseId, placeId: 'school', day, isDeath })
  const options = { windowDays: 7, min: 3 }
  const found = findPlaceCluster([at('a', 100), at('b', 104), at('c', 106), at('d', 107)], 106, options)!
  assert.deepEqual([found.caseIds.join(''), found.firstDay, found.lastDay], ['bcd', 104, 107])
  assert.equal(findPlaceCluster([at('a', 100), at('b', 104), at('c', 107)], 104, options), undefined)
  assert.equal(findPlaceCluster([at('a', 100), at('b', 103), at('c', 106)], 120, options), undefined)
  const late = findPlaceCluster([at('b', 103), at('c', 106), at('a', 100)], 100, options)!
  assert.equal(late.caseIds.length, 3, 'the case that is told last joins its own week')
  const deaths = findPlaceCluster([at('a', 100, true), at('b', 101, true)], 101, { ...options, minDeaths: 2 })!
  assert.equal(deaths.deaths, 2)
})

test('RULE-49 silence is judged by like days: a school on Sunday is not missed, a hospital is; zero is a report', () => {
  const plain = buildCalendar([])
  const monday = parseDay('2026-09-07')!
  assert.equal(getWeekday(monday), 1)
  const options = { regularDays: 14, regularShare: 0.9, followsTerms: false }
  const always = new Array<boolean>(21).fill(true)
  const weekdays = always.map((_, i) => ![0, 6].includes(getWeekday(monday + i)))
  const saturday = monday + 19
  assert.deepEqual(findSourceSilence(always.slice(0, 19), monday, saturday, plain, options), {
    lastDay: monday + 18,
    missedDays: 1,
  })
  assert.equal(findSourceSilence(weekdays.slice(0, 19), monday, saturday, plain, options), undefined)
  assert.deepEqual(findSourceSilence(weekdays, monday, monday + 22, plain, options), {
    lastDay: monday + 18,
    missedDays: 2,
  })
  assert.equal(findSourceSilence(always, monday, monday + 10, plain, options), undefined, 'it spoke')
  assert.equal(findSourceSilence([true, true], monday, monday + 2, plain, options), undefined, 'no habit yet')
  assert.equal(findSourceSilence(always, monday, monday + 60, plain, options), undefined, 'it has left')
  const terms: CalendarSpan = {
    fromDay: '2026-09-28',
    untilDay: '2026-10-10',
    mark: 'school-vacation',
    name: 'v',
    basis: 'b',
  }
  const vacation = buildCalendar([terms])
  assert.equal(
    findSourceSilence(weekdays, monday, monday + 22, vacation, { ...options, followsTerms: true }),
    undefined,
  )
  assert.equal(findSourceSilence(weekdays, monday, monday + 22, vacation, options)!.missedDays, 2)
  const seldom = always.map((_, i) => i % 3 === 0)
  assert.equal(findSourceSilence(seldom, monday, monday + 21, plain, options), undefined, 'never was regular')
})

test('RULE-50 the count model: level on Poisson days, no opinion on half a baseline, never zero or not a number', () => {
  const random = createRandomDraw(7)
  const draw = () => random(4_294_967_296) / 4_294_967_296
  const poisson = (mean: number) => {
    let n = -1
    for (let left = mean; left >= 0; n++) left += Math.log(1 - draw())
    return n
  }
  let below = 0
  const runs = 3_000
  for (let run = 0; run < runs; run++) {
    const history = Array.from({ length: 31 }, () => poisson(20))
    if (assessCountTail(history, 30, history[30]!, { baselineDays: 28 })!.pValue <= 0.05) below++
  }
  assert.ok(below / runs > 0.02 && below / runs < 0.065, `${below / runs}`)
  const zeros = assessCountTail(new Array(31).fill(0), 30, 3, { baselineDays: 28 })!
  assert.ok(zeros.pValue > 0 && zeros.pValue < 0.001)
  assert.equal(assessCountTail(new Array(31).fill(null), 30, 3, { baselineDays: 28 }), undefined)
  assert.equal(assessCountTail([1, 2], 1, 3, { baselineDays: 28 }), undefined)
  const huge = assessCountTail(new Array(31).fill(4), 30, 1_000_000, { baselineDays: 28 })!
  assert.ok(huge.pValue > 0 && Number.isFinite(huge.pValue))
})

test('RULE-64 weeks run from Monday and belong to the year of their Thursday', () => {
  const week = (day: string) => {
    const { monday, year, week: n } = getWeek(parseDay(day)!)
    return [parseDay(day)! - monday, year, n]
  }
  assert.deepEqual(week('2025-12-28'), [6, 2025, 52])
  assert.deepEqual(week('2025-12-29'), [0, 2026, 1])
  assert.deepEqual(week('2026-12-31'), [3, 2026, 53])
  assert.deepEqual(week('2027-01-03'), [6, 2026, 53])
  assert.deepEqual(week('2027-01-04'), [0, 2027, 1])
})

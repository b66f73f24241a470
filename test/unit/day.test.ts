/**
 * The full day and the mass casualty: what the scenarios say is what the days hold (hours, levels, places, handover, casualties),
 * in the evaluation and in the living city, and the comparison is paired.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countDayCalls, startCity, stepCity } from '../../simulations/city.ts'
import { coreSigmaM, dayRule, generateDay, generateDayCity, listUnitBases } from '../../simulations/evaluate/day.ts'
import { measureMetres } from '../../simulations/evaluate/dispatch-replay.ts'
import { fullDay, fullDayShape } from '../../simulations/scenarios/full-day.ts'
import { coachCrash, massCasualty } from '../../simulations/scenarios/mass-casualty.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { compareDays, formatDays } from '../help/evaluate-day.ts'

const city = generateDayCity(fullDayShape, 3)
const days = Array.from({ length: 60 }, (_, seed) => generateDay(fullDayShape, city, seed)).flat()
const share = (part: number, whole: number) => part / whole

test('DAY-1 a day is seeded, ascending and bounded by midnight; another seed is another day', () => {
  const one = generateDay(fullDayShape, city, 5)
  assert.deepEqual(one, generateDay(fullDayShape, city, 5))
  assert.notDeepEqual(one, generateDay(fullDayShape, city, 6))
  for (const [at, call] of one.entries()) {
    assert.ok(call.timeS >= 0 && call.timeS < 86_400)
    if (at > 0) assert.ok(call.timeS >= one[at - 1]!.timeS)
    assert.ok(call.hospital >= 0 && call.hospital < fullDayShape.hospitals)
  }
})

test('DAY-2 runs, hours and levels are those of the scenario within four standard errors', () => {
  const perDay = (fullDayShape.population * fullDayShape.runsPerThousandYear) / 1_000 / 365
  assert.ok(Math.abs(days.length - perDay * 60) < 4 * Math.sqrt(perDay * 60), `${days.length}`)
  const total = fullDayShape.hours.reduce((sum, weight) => sum + weight, 0)
  for (const [hour, weight] of fullDayShape.hours.entries()) {
    const wanted = weight / total
    const found = share(days.filter(call => Math.floor(call.timeS / 3_600) === hour).length, days.length)
    assert.ok(Math.abs(found - wanted) < 4 * Math.sqrt((wanted * (1 - wanted)) / days.length), `hour ${hour}: ${found}`)
  }
  for (const [quarter, shares] of fullDayShape.levelShares.entries()) {
    const of = days.filter(call => Math.floor(call.timeS / 21_600) === quarter)
    for (const [priority, wanted] of shares.entries()) {
      const found = share(of.filter(call => call.priority === priority).length, of.length)
      assert.ok(Math.abs(found - wanted) < 4 * Math.sqrt((wanted * (1 - wanted)) / of.length), `${quarter} ${priority}`)
    }
  }
})

test('DAY-3 the core draws more by day; hospitals keep crews longer at noon than at night', () => {
  const inCore = (from: number, to: number) => {
    const of = days.filter(call => call.timeS >= from * 3_600 && call.timeS < to * 3_600)
    return share(of.filter(call => measureMetres(call, city.core) < coreSigmaM).length, of.length)
  }
  assert.ok(inCore(12, 18) > inCore(0, 6) + 0.03)
  const median = (from: number, to: number) => {
    const of = days
      .filter(call => call.atHospitalS > 0 && call.timeS >= from * 3_600 && call.timeS < to * 3_600)
      .map(call => call.atHospitalS)
      .sort((a, b) => a - b)
    return of[of.length >> 1]!
  }
  assert.ok(median(10, 12) > 1.5 * median(0, 5))
  const stayed = share(days.filter(call => call.atHospitalS === 0).length, days.length)
  assert.ok(Math.abs(stayed - (1 - fullDayShape.transportShare)) < 0.02)
})

test('DAY-4 a burst adds exactly its casualties, by level, at one place and within its minutes', () => {
  const crash = generateDay(fullDayShape, city, 9, coachCrash).filter(call => call.isBurst)
  assert.deepEqual(
    [0, 1, 2, 3].map(priority => crash.filter(call => call.priority === priority).length),
    [...coachCrash.casualties],
  )
  for (const call of crash) {
    assert.ok(measureMetres(call, crash[0]!) < 1_000)
    assert.ok(
      call.timeS >= coachCrash.atH * 3_600 && call.timeS <= coachCrash.atH * 3_600 + coachCrash.overMinutes * 60,
    )
    assert.equal(call.onSceneS, coachCrash.onSceneS)
  }
})

test('DAY-5 the fleet has a unit at every station first and the stated share of advanced units', () => {
  const bases = listUnitBases(city, fullDayShape)
  assert.equal(bases.length, fullDayShape.units)
  assert.equal(
    new Set(bases.slice(0, fullDayShape.stations).map(base => `${base.lon} ${base.lat}`)).size,
    fullDayShape.stations,
  )
  const advanced = bases.filter((_, unit) => dayRule.typeOf(unit) === 0).length
  assert.ok(Math.abs(advanced / bases.length - 0.6) < 0.02)
  assert.equal(dayRule.mayServe(1, 1), false)
  assert.equal(dayRule.mayServe(1, 2), true)
})

test('DAY-6 policies are compared on the same runs; intervals hold their means; the table names every policy', () => {
  const small = { ...fullDayShape, population: 400_000, units: 14, stations: 9, hospitals: 4 }
  const found = compareDays({ title: 'small', shape: small, seed: 2, days: 4, burst: coachCrash })
  for (const row of [...found.figures, ...found.rest!]) {
    assert.ok(row.meanS.low <= row.meanS.mean && row.meanS.mean <= row.meanS.high, row.policy)
    assert.ok(row.lateShare.mean >= 0 && row.lateShare.mean <= 1)
  }
  const of = (policy: string) => found.figures.find(row => row.policy === policy)!
  for (const row of found.differences) {
    const wanted = of(row.policy).meanS.mean - of(row.minus).meanS.mean
    assert.ok(Math.abs(row.meanS.mean - wanted) < 1e-6, `${row.policy} − ${row.minus}`)
  }
  assert.deepEqual(found, compareDays({ title: 'small', shape: small, seed: 2, days: 4, burst: coachCrash }))
  const text = formatDays(found).join('\n')
  for (const policy of ['closest', 'forward', 'vigil-near', 'vigil']) assert.ok(text.includes(`| ${policy} |`))
})

test('DAY-7 the living city plays the day: calls, levels and handover follow the scenario; the crash rings at its hour', () => {
  assert.ok(Math.abs(countDayCalls(fullDayShape) - 802) < 1)
  const startAt = Date.parse('2026-04-11T00:00:00+08:00')
  const state = startCity({
    city: seedCity({ seed: 4, units: 80 }),
    chance: createChance(4),
    scenario: { ...fullDay, bursts: [{ ...coachCrash, atH: 1 }] },
    startAt,
    patrolShare: 0.01,
    fixEveryMs: 3_600_000,
    parkedFixEveryMs: 3_600_000,
    reportEveryMs: 3_600_000,
    vitalsEveryMs: 3_600_000,
    cardsPerDay: 0,
  })
  const before = stepCity(state, startAt + 3_600_000).filter(event => event.kind === 'call.received').length
  const after = stepCity(state, startAt + 3_600_000 + coachCrash.overMinutes * 60_000)
  const rang = after.filter(event => event.kind === 'call.received')
  assert.ok(rang.length >= 40 && before < 40, `${before}, ${rang.length}`)
  assert.throws(
    () =>
      startCity({
        city: seedCity({ seed: 4, units: 8 }),
        chance: createChance(4),
        scenario: { ...massCasualty, bursts: [{ ...coachCrash, streets: ['999999001'] }] },
        startAt,
      }),
    /no street/,
  )
})

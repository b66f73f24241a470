// Golden tests of dispatch: a small scenario computed by hand, and the published Rio SAMU scenario of ../shared when it is there.
// Stands in test/golden. The figures of ../shared are judged by the Proof's own limits; without the folder they count as `no data`.
// Promises: no timing, no tuning; every limit is the published figure or the client's.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import {
  type EveningCall,
  type Point,
  replayClosest,
  replayForward,
  type ServiceRule,
  type Stage,
  threeTypeRule,
} from '../../simulations/evaluate/dispatch-replay.ts'
import { checkingCities, compareVigil, generateSeededCity } from '../help/dispatch-evenings.ts'
import { findScenario, listDemand, replayScenario, ScenarioReject } from '../help/dispatch-scenario.ts'
import { replayVigil, type ScenarioReading, threeTypeReading } from '../help/vigil-advisor.ts'

const root = resolve(import.meta.dirname, '../..')
const rio = resolve(root, '../shared/data/dispatch-rio')
const hasRio = existsSync(join(rio, 'calls_A_rj.csv'))
const noData = hasRio ? false : 'no data'

// On the equator 0.01 degree is 6371000 × π / 18000 m; at this speed it takes 60 s.
const speedMps = (6_371_000 * Math.PI) / 18_000 / 60
const at = (hundredths: number): Point => ({ lon: hundredths / 100, lat: 0 })
const oneType: ServiceRule = { name: 'one', typeOf: () => 0, mayServe: () => true, cost: responseS => responseS }
const oneReading: ScenarioReading = {
  levelOf: () => 3,
  needsOf: () => [],
  wantsOf: () => [],
  capabilitiesOf: () => ['transport'],
}
const stage: Stage = { bases: [at(0), at(10)], hospitals: [at(4)], unitCount: 2, speedMps, rule: oneType }
const call = (timeS: number, hundredths: number, priority = 2): EveningCall => ({
  ...at(hundredths),
  timeS,
  priority,
  onSceneS: 600,
  atHospitalS: 600,
  hospital: 0,
})
const round = (outcomes: { unit: number; responseS: number; endedAtS: number }[]) =>
  outcomes.map(outcome => [outcome.unit, Math.round(outcome.responseS), Math.round(outcome.endedAtS)])

test('ADV-1 closest: two units, waiting calls first come first served, computed by hand', () => {
  // c0 to unit 0: 60 s there, 600 scene, 180 to the hospital, 600 there: free at 1440. c1 to unit 1 likewise: free at 1620.
  // c2 waits for unit 0 (at the hospital itself), c3 for unit 1, 120 s from the hospital.
  const calls = [call(0, 1), call(60, 9), call(300, 4), call(600, 6)]
  assert.deepEqual(round(replayClosest(stage, calls)), [
    [0, 60, 1440],
    [1, 60, 1620],
    [0, 1140, 2640],
    [1, 1140, 3060],
  ])
})

test('ADV-2 forward waits 40 s for the unit about to be free where closest drives 360 s', () => {
  const calls = [call(0, 1), call(1400, 4)]
  assert.deepEqual(round(replayClosest(stage, calls)), [
    [0, 60, 1440],
    [1, 360, 2960],
  ])
  assert.deepEqual(round(replayForward(stage, calls)), [
    [0, 60, 1440],
    [0, 40, 2640],
  ])
  const vigil = replayVigil(stage, calls, oneReading, [{ ...at(4), priority: 2 }])
  assert.deepEqual(round(vigil), [
    [0, 60, 1440],
    [0, 40, 2640],
  ])
})

test('ADV-3 a unit on its way home is dispatched from where it is', () => {
  // Free at 1440 at 0.04, home to 0: at 1560 it is at 0.02, where the call is.
  const calls = [call(0, 1), call(1560, 2)]
  assert.deepEqual(round(replayClosest(stage, calls))[1], [0, 0, 2880])
  assert.deepEqual(round(replayForward(stage, calls))[1], [0, 0, 2880])
})

test('ADV-4 equal arrival goes to the least capable unit, then to the lowest index', () => {
  const twins: Stage = { ...stage, bases: [at(0), at(0), at(0), at(0)], unitCount: 4, rule: threeTypeRule }
  // Types 2, 1, 0, 2: a priority-2 call may have any, and takes the first of type 2; the next one the other of type 2.
  const outcomes = replayForward(twins, [call(0, 3, 2), call(1, 3, 2), call(2, 3, 2), call(3, 3, 2)])
  assert.deepEqual(
    outcomes.map(outcome => outcome.unit),
    [0, 3, 1, 2],
  )
})

test('ADV-5 a critical call takes over a unit bound for a minor one, which another unit then answers', () => {
  // One unit of each type; only unit 2 (type 0) serves priority 0. It is sent to a priority-2 call far east as it stands nearest;
  // 60 s later a priority-0 call comes near the unit's start: it turns back, and unit 0 takes the abandoned call.
  const three: Stage = {
    bases: [at(0), at(0), at(20)],
    hospitals: [at(0)],
    unitCount: 3,
    speedMps,
    rule: threeTypeRule,
  }
  const outcomes = replayVigil(three, [call(0, 40, 2), call(60, 20, 0)], threeTypeReading, [{ ...at(0), priority: 2 }])
  // Unit 2 is 0.01 from its base when it turns: 60 s back. Unit 0 needs 0.40 = 2400 s from time 60, so 2460 s after the call.
  assert.equal(outcomes[1]!.unit, 2)
  assert.equal(Math.round(outcomes[1]!.responseS), 60)
  assert.notEqual(outcomes[0]!.unit, 2)
  assert.equal(Math.round(outcomes[0]!.responseS), 2460)
})

test('ADV-6 on the published scenario closest is within 1 s of the published means', { skip: noData }, () => {
  const scenario = findScenario(rio, 'rj')
  const published = { 10: 1669.2, 12: 1129.5, 14: 850.1, 16: 654.6, 18: 534.2, 20: 477.5, 30: 287.4 }
  for (const [count, mean] of Object.entries(published)) {
    const measure = replayScenario(scenario, 'closest', Number(count))
    assert.equal(measure.calls, 3546)
    assert.ok(Math.abs(measure.meanS - mean) <= 1, `N = ${count}: ${measure.meanS} against ${mean}`)
  }
})

test('ADV-7 on the published scenario forward is within 0.5 s (3 s at N = 12) of the published means', {
  skip: noData,
}, () => {
  const scenario = findScenario(rio, 'rj')
  const published = { 10: 1410.36, 12: 869.7, 14: 679.39, 16: 549.29, 18: 472.3, 20: 429.19, 30: 272.37 }
  for (const [count, mean] of Object.entries(published)) {
    const measure = replayScenario(scenario, 'forward', Number(count))
    const limit = count === '12' ? 3 : 0.5
    assert.ok(Math.abs(measure.meanS - mean) <= limit, `N = ${count}: ${measure.meanS} against ${mean}`)
  }
})

test('ADV-8 on the published scenario the own advice meets the means and late shares of the Proof', {
  skip: noData,
}, () => {
  const scenario = findScenario(rio, 'rj')
  const limits = [
    { count: 14, meanS: 670, late: 0.26, p0S: 1120 },
    { count: 20, meanS: 425, late: 0.105, p0S: 630 },
    { count: 30, meanS: 275, late: 0.015, p0S: Number.POSITIVE_INFINITY },
  ]
  for (const limit of limits) {
    const measure = replayScenario(scenario, 'vigil', limit.count)
    const shown = `N = ${limit.count}: ${JSON.stringify(measure)}`
    assert.ok(measure.meanS <= limit.meanS, shown)
    assert.ok(measure.late900Share <= limit.late, shown)
    assert.ok(measure.p0MeanS! <= limit.p0S, shown)
  }
})

test('ADV-9 cover never knows a call of the evening being replayed, not even its copy in another', {
  skip: noData,
}, () => {
  const scenario = findScenario(rio, 'rj')
  const own = scenario.evenings[0]!
  const places = new Set(own.map(each => `${each.lat},${each.lon},${each.timeS}`))
  const demand = listDemand(scenario, own)
  assert.ok(demand.length > 50)
  for (const point of demand) assert.ok(!places.has(`${point.lat},${point.lon},${point.timeS}`))
})

test('ADV-10 over 20 generated evenings around the 34 bases vigil is faster than forward at N = 14 and 20', {
  skip: noData,
}, () => {
  const { bases, hospitals } = findScenario(rio, 'rj')
  for (const count of [14, 20]) {
    const comparison = compareVigil({ bases, hospitals }, count, 20, 1)
    const vigil = comparison.differences.find(difference => difference.name === 'vigil')!
    assert.equal(comparison.evenings, 20)
    assert.ok(vigil.high < 0, `N = ${count}: ${vigil.low} .. ${vigil.high}`)
  }
})

test('ADV-11 over 60 evenings of a generated city no setting was chosen on, vigil is faster than forward', () => {
  const city = generateSeededCity(checkingCities[0])
  for (const count of [14, 20]) {
    const vigil = compareVigil(city, count, 60, 2).differences.find(difference => difference.name === 'vigil')!
    assert.ok(vigil.high < 0, `N = ${count}: ${vigil.low} .. ${vigil.high}`)
  }
})

// A tiny scenario on disk, for the command itself.
const directory = mkdtempSync(join(tmpdir(), 'dispatch-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const header = 'scenario,call,time_s,region,priority,on_scene_s,lat,lon,at_hospital_s,hospital_index'
writeFileSync(join(directory, 'bases.csv'), 'index,lat,lon\n0,0,0\n1,0,0.1\n2,0,0.2\n')
writeFileSync(join(directory, 'hospitals.csv'), 'index,lat,lon\n0,0,0.04\n')
writeFileSync(
  join(directory, 'calls_T_rj.csv'),
  `${header}\n0,1,1400,1,2,600,0,0.04,600,0\n0,0,0,1,2,600,0,0.01,600,0\n1,0,0,1,1,600,0,0.1,600,0\n1,1,9,1,0,600,0,0.2,600,0\n`,
)
writeFileSync(join(directory, 'calls_T_us.csv'), `${header}\n0,0,0,1,0,600,0,0.01,600,0\n0,1,5,1,3,600,0,0.01,600,0\n`)

function runCheck(...args: string[]) {
  return spawnSync(process.execPath, [join(root, 'test/check/dispatch.ts'), ...args], { cwd: root, encoding: 'utf8' })
}

test('ADV-12 the command prints the CSV of the Proof and nothing else', () => {
  const run = runCheck(directory, '--set', 'rj', '--policy', 'closest', '--n', '3')
  assert.equal(run.status, 0, run.stderr)
  assert.equal(run.stderr, '')
  const lines = run.stdout.trimEnd().split('\n')
  assert.equal(lines[0], 'set,n,policy,calls,mean_s,q90_s,max_s,late900_share,p0_mean_s')
  assert.equal(lines.length, 2)
  // Straight lines at 60.0001 km/h: 0.01 degree is 1111.95 m or 66.72 s. Scenario 0: unit 0 to 0.01 (66.72 s), then, as it is busy
  // until 1466.8, unit 1 from 0.1 to 0.04 (6 × 66.72 = 400.30 s). Scenario 1: units at 0.1 and 0.2 are there. Mean (66.72 + 400.30) / 4.
  assert.equal(lines[1], 'rj,3,closest,4,116.75,400.30,400.30,0.0000,0.00')
})

test('ADV-13 the command replays the us set by its cost rule', () => {
  const run = runCheck(directory, '--set', 'us', '--policy', 'closest,forward', '--n', '2')
  assert.equal(run.status, 0, run.stderr)
  const lines = run.stdout.trimEnd().split('\n')
  // Unit 0 is of type 1, unit 1 of type 0. Priority 0: unit 0 costs 4 × 66.72 + 6000, unit 1 (0.09 away, 600.45 s) 4 × 600.45 = 2401.8:
  // unit 1 goes. Priority 3: unit 0 costs 66.72. Mean (600.45 + 66.72) / 2 = 333.58.
  for (const policy of ['closest', 'forward']) {
    assert.ok(lines.includes(`us,2,${policy},2,333.58,600.45,600.45,0.0000,600.45`), run.stdout)
  }
})

test('ADV-14 the command refuses what it cannot replay, with a code in two languages and status 2', () => {
  const refusals: [string[], string][] = [
    [[join(directory, 'nowhere')], 'SCENARIO_FILE_MISSING'],
    [[directory, '--set', 'mars'], 'SET_UNKNOWN'],
    [[directory, '--policy', 'best'], 'POLICY_UNKNOWN'],
    [[directory, '--n', '0'], 'COUNT_INVALID'],
    [[directory, '--n', '35'], 'COUNT_INVALID'],
    [[directory, '--n', 'ten'], 'COUNT_INVALID'],
    [[directory, '--n', '1'], 'COUNT_INVALID'],
    [[directory, '--nonsense'], 'ARGUMENTS_INVALID'],
  ]
  for (const [args, code] of refusals) {
    const run = runCheck(...args)
    assert.equal(run.status, 2, `${args.join(' ')}: ${run.stdout}${run.stderr}`)
    assert.equal(run.stdout, '')
    assert.match(run.stderr, new RegExp(`^${code}: .*[\\u4e00-\\u9fff].* / .+`))
  }
})

test('ADV-15 a scenario with a broken row is refused with its line', () => {
  const broken = mkdtempSync(join(tmpdir(), 'dispatch-'))
  try {
    execFileSync('cp', [join(directory, 'bases.csv'), join(directory, 'hospitals.csv'), broken])
    const rows = ['0,0,zero,1,2,600,0,0.04,600,0', '0,0,5,1,2,600,91,0.04,600,0', '0,0,5,1,2,600,0,0.04,600,7', '0,0,5']
    for (const row of rows) {
      writeFileSync(join(broken, 'calls_T_rj.csv'), `${header}\n${row}\n`)
      assert.throws(() => findScenario(broken, 'rj'), ScenarioReject)
    }
  } finally {
    rmSync(broken, { recursive: true, force: true })
  }
})

/**
 * Rules: k of n counts witnesses and not leaves, allOf and anyOf, windows, minimum cases, late reports, and silence.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RuleInput } from '#contract/rule.ts'
import { formatDay, getDayIndex, type SourceKind } from '#contract/scalars.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'

const today = (f: Folding, daysAgo = 0) => formatDay(getDayIndex(f.now()) - daysAgo)
const count = (
  f: Folding,
  sourceKind: SourceKind,
  n: number,
  more: { facilityId?: string; daysAgo?: number; regionCode?: string } = {},
) =>
  f.say('count.reported', {
    sourceKind,
    facilityId: more.facilityId ?? `F-${sourceKind}`,
    syndrome: 'respiratory',
    regionCode: more.regionCode ?? '330402',
    period: today(f, more.daysAgo ?? 0),
    count: n,
  })
const leaf = (sourceKind: SourceKind, min = 10) =>
  ({ type: 'count', sourceKind, syndrome: 'respiratory', period: 'day', min }) as const
const detector = (sourceKind: SourceKind, method: 'earsC1' | 'earsC2' | 'earsC3') =>
  ({ type: 'detector', method, sourceKind, syndrome: 'respiratory', period: 'day', minSigma: 1, minCount: 5 }) as const
const start = (...rules: RuleInput[]) => {
  const f = createFolding()
  f.publish(...rules)
  return f
}
const alerts = (f: Folding) => [...f.world.alerts.values()]

test('PAGE-20 k of n counts independent source kinds: two feeds or two methods of one kind are one witness', () => {
  const f = start(
    makeRule({
      when: {
        type: 'kOf',
        k: 2,
        of: [leaf('pharmacy'), leaf('pharmacy', 20), detector('pharmacy', 'earsC1'), leaf('school-absence')],
      },
    }),
  )
  for (let day = 20; day > 0; day--) count(f, 'pharmacy', 2, { daysAgo: day })
  count(f, 'pharmacy', 60)
  count(f, 'pharmacy', 40, { facilityId: 'F2' })
  assert.equal([...f.world.signals.values()].filter(s => s.regionCode === '330402').length, 3, 'three leaves fire')
  assert.deepEqual(alerts(f), [])
  count(f, 'school-absence', 30)
  const [alert] = alerts(f)
  assert.deepEqual([alert!.independentSources, alert!.neededSources, alert!.cases], [2, 2, 60 + 40 + 2 + 30])
  assert.equal(alert!.evidence.length, 4)
  assert.equal(alerts(f).length, 1, 'the county alone: the rule is judged there')
})

test('PAGE-21 allOf needs every leaf, anyOf one; minimum cases are summed over kinds', () => {
  const of = [leaf('pharmacy'), leaf('hotline')]
  const f = start(
    makeRule({ ruleId: 'all', when: { type: 'allOf', of } }),
    makeRule({ ruleId: 'any', when: { type: 'anyOf', of } }),
    makeRule({ ruleId: 'many', when: { type: 'anyOf', of }, minCases: 40 }),
  )
  // Of one place and syndrome they are parts of one alert.
  const parts = (folding: Folding) => alerts(folding).flatMap(a => a.rules!.map(part => part.ruleId))
  count(f, 'pharmacy', 15)
  assert.deepEqual(parts(f), ['any'])
  count(f, 'hotline', 15)
  assert.deepEqual(parts(f), ['any', 'all'])
  count(f, 'hotline', 25)
  assert.deepEqual(parts(f), ['any', 'all', 'many'])
})

test('PAGE-22 older periods raise nothing; within the window leaves of different days count together', () => {
  const f = start(makeRule({ windowH: 48, when: { type: 'kOf', k: 2, of: [leaf('pharmacy'), leaf('hotline')] } }))
  count(f, 'pharmacy', 50, { daysAgo: 4 })
  count(f, 'hotline', 50, { daysAgo: 4 })
  assert.deepEqual(alerts(f), [])
  count(f, 'pharmacy', 50, { daysAgo: 1 })
  count(f, 'hotline', 50)
  assert.equal(alerts(f).length, 1)
})

test('PAGE-23 a late or corrected report re-assesses its period: it fires today, marked late; corrected away its signal goes', () => {
  const f = start(makeRule({ windowH: 96, when: detector('pharmacy', 'earsC2') }))
  for (let day = 20; day > 0; day--) count(f, 'pharmacy', day === 2 ? 3 : 4, { daysAgo: day })
  count(f, 'pharmacy', 4)
  assert.deepEqual(alerts(f), [])
  count(f, 'pharmacy', 40, { daysAgo: 2 })
  const [alert] = alerts(f)
  assert.deepEqual(
    [alert!.evidence[0]!.late, alert!.evidence[0]!.period, alert!.evidence[0]!.observed],
    [true, today(f, 2), 40],
  )
  assert.equal(f.world.signals.size, 1)
  count(f, 'pharmacy', 4, { daysAgo: 2 })
  assert.equal(f.world.signals.size, 0)
  assert.equal(alert!.state, 'open', 'history stays: a person answers it')
})

test('PAGE-24 a single statutory case is told also when it is reported late; a cluster counts what lies in its window', () => {
  const f = start(
    makeRule({ ruleId: 'one', windowH: 24, when: { type: 'card', diseaseIds: ['plague'], min: 1 } }),
    makeRule({ ruleId: 'three', windowH: 24, when: { type: 'card', diseaseIds: ['flu'], min: 3 } }),
  )
  const card = (cardId: string, diseaseId: string, hoursAgo: number) =>
    f.say('report.received', {
      cardId,
      diseaseId,
      caseClass: 'confirmed',
      regionCode: '330402',
      facilityId: 'F1',
      diagnosedAt: f.now() - hoursAgo * 3_600_000,
    })
  card('P1', 'plague', 72)
  const [alert] = alerts(f)
  assert.deepEqual([alert!.ruleId, alert!.evidence[0]!.late, alert!.evidence[0]!.subjects], ['one', true, ['P1']])
  card('F1', 'flu', 48)
  card('F2', 'flu', 2)
  card('F3', 'flu', 1)
  assert.equal(alerts(f).length, 1)
  card('F4', 'flu', 0)
  assert.deepEqual(
    alerts(f).map(a => a.ruleId),
    ['one', 'three'],
  )
  assert.equal(alerts(f)[1]!.evidence[0]!.late, false)
  const twice = f.say('report.received', {
    cardId: 'F4',
    diseaseId: 'flu',
    caseClass: 'confirmed',
    regionCode: '330402',
    facilityId: 'F1',
    diagnosedAt: f.now(),
  })
  assert.equal(twice.result === 'refused' && twice.code, 'CARD_EXISTS')
})

test('PAGE-25 a unit nobody hears raises its county, on a task sooner; each silence rule is told for itself', () => {
  const silence = (ruleId: string, idleS: number) =>
    makeRule({ ruleId, windowH: 1, when: { type: 'unit-silence', onTaskS: 60, idleS } })
  const f = start(silence('soon', 100), silence('alike', 100), silence('later', 300))
  f.say('unit.position', { unitId: 'U1', lon: 120, lat: 30 })
  const wait = (s: number) => {
    for (let n = 0; n < s; n += 10) {
      f.turn(10_000)
      f.tick(10_000)
    }
  }
  wait(100)
  assert.deepEqual(alerts(f), [])
  wait(10)
  assert.deepEqual(
    alerts(f).map(a => a.ruleId),
    ['soon', 'alike'],
  )
  wait(200)
  assert.deepEqual(
    alerts(f).map(a => a.ruleId),
    ['soon', 'alike', 'later'],
  )
  assert.deepEqual(alerts(f)[0]!.evidence[0]!.subjects, ['U1'])
  // Never heard at all is not silent: it was never on the air.
  assert.ok(alerts(f).every(a => !a.evidence[0]!.subjects.includes('U2')))
  // A unit heard within a gap of ours is not excused for the length of it.
  const late = start(silence('soon', 100))
  late.tick()
  late.turn(36_000_000)
  late.say('unit.position', { unitId: 'U1', lon: 120, lat: 30 })
  late.turn(1_000)
  late.tick(36_001_000)
  assert.ok(late.world.units.get('U1')!.heardAt! <= late.now())
  late.turn(101_000)
  late.tick()
  assert.equal(alerts(late).length, 1)
})

test('PAGE-26 a gap between our own ticks raises one alert where the tree begins; a disabled rule raises none', () => {
  const gap = makeRule({ ruleId: 'gap', regionLevel: 'city', windowH: 1, when: { type: 'tick-gap', minGapS: 30 } })
  const f = start(gap, { ...gap, ruleId: 'off', enabled: false })
  f.tick(29_000)
  assert.deepEqual(alerts(f), [])
  f.turn(40_000)
  f.tick(40_000)
  assert.deepEqual(
    alerts(f).map(a => [a.ruleId, a.regionCode, a.evidence[0]!.observed]),
    [['gap', '330400', 40]],
  )
})

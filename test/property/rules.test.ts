/**
 * Rules, as properties: a further source never lowers a level, the law wins, a dry run knows nothing later than the moment it
 * judges, whatever the order reports arrive in the series end the same, and no figure of an evidence is ever not a number.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '#contract/entry.ts'
import { type LeafCondition, Rule, type RuleInput } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs, type SourceKind } from '#contract/scalars.ts'
import { defaultCalendar } from '../../server/detect/default-calendar.ts'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { openDryRun } from '../../server/operations/dry-run-fold.ts'
import { judge } from '../../server/pipeline.ts'
import { createTouched, createWorld, type Finding, type World } from '../../server/state/world.ts'
import { makeRule } from '../help/folding.ts'
import { makeCity, makeEntry, startAt } from '../help/line.ts'

const runs = { numRuns: 120, seed: Number(process.env.SEED ?? Date.now() % 2_147_483_647) }
console.log(`rules seed ${runs.seed}`)

const counties = ['330402', '330411'] as const
const kinds = ['pharmacy', 'school-absence', 'hotline', 'hospital-outpatient'] as const
const further = 'hospital-emergency' as const
const days = 45
const day0 = getDayIndex(startAt)

type Said = { day: number; kind: SourceKind; facility: number; north: boolean; count: number; lateH: number }
const Count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 41, max: 400 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1_000_000) },
)
const Said = (kind: fc.Arbitrary<SourceKind>) =>
  fc.record({
    day: fc.integer({ min: 0, max: days - 1 }),
    kind,
    facility: fc.integer({ min: 0, max: 2 }),
    north: fc.boolean(),
    count: Count,
    lateH: fc.integer({ min: 0, max: 60 }),
  })

/** A base of usual days, so that detectors have something to say, and random reports over it. */
const Base = fc.record({
  swings: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: kinds.length, maxLength: kinds.length }),
  odd: fc.array(Said(fc.constantFrom(...kinds)), { maxLength: 25 }),
})
type Base = { swings: number[]; odd: Said[] }

function listSaid({ swings, odd }: Base): Said[] {
  const usual: Said[] = []
  for (let day = 0; day < days; day++)
    for (const [k, kind] of kinds.entries())
      for (const north of [false, true])
        usual.push({ day, kind, facility: k % 3, north, count: 12 + ((day * (swings[k]! + 1)) % 7), lateH: 0 })
  return [...usual, ...odd]
}

/** Reports as entries in the order they would be logged: at six in the morning after their day, or later. */
function toEntries(said: readonly Said[]): Entry[] {
  return said
    .map((one, n) => ({ one, n, at: getDayStartAt(day0 + one.day + 1) + (6 + one.lateH) * hourMs }))
    .sort((a, b) => a.at - b.at || a.n - b.n)
    .map(({ one, n, at }) => ({
      ...makeEntry(
        'count.reported',
        'test',
        { epoch: `e-${one.kind}`, sourceSeq: n + 1 },
        {
          sourceKind: one.kind,
          facilityId: `${one.north ? 'N' : 'S'}${one.facility}`,
          syndrome: 'respiratory',
          regionCode: counties[one.north ? 1 : 0],
          period: formatDay(day0 + one.day),
          count: one.count,
        },
        at,
      ),
      loggedAt: at,
    }))
}

const leafOf = (kind: SourceKind, detector: boolean, calendar: boolean): LeafCondition =>
  detector
    ? {
        type: 'detector',
        method: 'earsC2',
        sourceKind: kind,
        syndrome: 'respiratory',
        period: 'day',
        baseline: 7,
        minSigma: 1,
        proportion: false,
        minCount: 3,
        adjust: calendar ? 'calendar' : 'none',
      }
    : { type: 'count', sourceKind: kind, syndrome: 'respiratory', period: 'day', min: 30 }

/** Rules over all five kinds, so that the further source has a say in them. */
const RuleSet = fc
  .record({
    k: fc.integer({ min: 1, max: 3 }),
    detector: fc.boolean(),
    calendar: fc.boolean(),
    minCases: fc.constantFrom(0, 30),
    method: fc.constantFrom('fisher' as const, 'stouffer' as const),
    rate: fc.option(fc.constantFrom(0.001, 0.05), { nil: undefined }),
  })
  .map(({ k, detector, calendar, minCases, method, rate }): RuleInput[] => {
    const all = [...kinds, further]
    return [
      makeRule({
        ruleId: 'k-of-n',
        level: 2,
        minCases,
        when: { type: 'kOf', k, of: all.map(kind => leafOf(kind, detector, calendar)) },
      }),
      makeRule({
        ruleId: 'joined',
        level: 1,
        when: {
          type: 'combined-p',
          method,
          sourceKinds: all,
          syndrome: 'respiratory',
          adjust: calendar ? 'calendar' : 'none',
        },
      }),
      makeRule({
        ruleId: 'single',
        level: 3,
        ...(rate === undefined ? {} : { falseDiscoveryRate: rate }),
        when: { type: 'anyOf', of: all.map(kind => leafOf(kind, true, calendar)) },
      }),
    ]
  })

/** Folds entries on a fresh city under rules; every finding as it is found. */
function play(
  rules: readonly RuleInput[],
  entries: readonly Entry[],
  onFinding: (f: Finding, e: Entry) => void,
): World {
  const world = createWorld()
  const touched = createTouched()
  const parsed = rules.map(rule => Rule.parse(rule))
  const first = [
    ...makeCity(0, startAt),
    makeEntry(
      'calendar.published',
      'seed',
      { epoch: 'c', sourceSeq: 1 },
      { version: 1, spans: [...defaultCalendar] },
      startAt,
    ),
    makeEntry('rule.published', 'seed', { epoch: 'c', sourceSeq: 2 }, { version: 1, rules: parsed }, startAt),
  ]
  let seq = 0
  for (const entry of [...first, ...entries]) {
    const said = { ...entry, seq: ++seq, loggedAt: entry.loggedAt || startAt }
    for (const finding of judge(world, said, touched).findings) onFinding(finding, said)
  }
  return world
}

/** Most urgent level ever shown, by region. */
function findLevels(rules: readonly RuleInput[], entries: readonly Entry[]): Map<string, number> {
  const levels = new Map<string, number>()
  play(rules, entries, finding => {
    if (!finding.hidden) levels.set(finding.regionCode, Math.min(levels.get(finding.regionCode) ?? 9, finding.level))
  })
  return levels
}

test('RULE-80 a further source never lowers a level and never takes an alert away', () => {
  let compared = 0
  fc.assert(
    fc.property(Base, RuleSet, fc.array(Said(fc.constant(further)), { maxLength: 40 }), (base, rules, more) => {
      const before = findLevels(rules, toEntries(listSaid(base)))
      const after = findLevels(rules, toEntries([...listSaid(base), ...more]))
      compared += before.size
      for (const [region, level] of before)
        assert.ok((after.get(region) ?? 9) <= level, `${region}: ${level} became ${after.get(region)}`)
    }),
    { ...runs, numRuns: 60 },
  )
  assert.ok(compared > 0, 'some run raised something')
})

test('RULE-81 the law wins: a statutory case is found at its level and never hidden, whatever else is said and ruled', () => {
  const law = makeRule({ ruleId: 'law', level: 1, windowH: 24, when: { type: 'card', diseaseIds: ['cholera'] } })
  fc.assert(
    fc.property(Base, RuleSet, fc.constantFrom(0.001, 0.5), fc.nat({ max: days - 1 }), (base, rules, rate, day) => {
      const at = getDayStartAt(day0 + day + 1) + 7 * hourMs
      const card = {
        ...makeEntry(
          'report.received',
          'test',
          { epoch: 'card', sourceSeq: 1 },
          {
            cardId: 'K1',
            diseaseId: 'cholera',
            caseClass: 'confirmed',
            regionCode: counties[0],
            facilityId: 'S0',
            diagnosedAt: at - hourMs,
          },
          at,
        ),
        loggedAt: at,
      }
      const entries = [...toEntries(listSaid(base)), card].sort((a, b) => a.loggedAt - b.loggedAt)
      const found: Finding[] = []
      play([...rules, { ...law, falseDiscoveryRate: rate }], entries, (finding, entry) => {
        if (entry.kind === 'report.received') found.push(finding)
      })
      assert.deepEqual(
        found.map(f => [f.rule.ruleId, f.level, f.statutory, f.hidden, f.cases]),
        [['law', 1, true, false, 1]],
      )
    }),
    { ...runs, numRuns: 40 },
  )
})

/** True when every number in a value is finite. */
function isFiniteDeep(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  return typeof value !== 'object' || value === null || Object.values(value).every(isFiniteDeep)
}

test('RULE-82 no evidence ever holds what is not a number: gaps, zeros, two points, a single million', () => {
  const Wild = fc.array(Said(fc.constantFrom(...kinds, further)), { maxLength: 60 })
  fc.assert(
    fc.property(Wild, fc.boolean(), RuleSet, fc.option(Base, { nil: undefined }), (wild, isZero, rules, base) => {
      const said = [...(base ? listSaid(base) : []), ...wild].map(one => (isZero ? { ...one, count: 0 } : one))
      const world = play([...rules, ...defaultRules], toEntries(said), finding => {
        const { rule: _rule, ...figures } = finding
        assert.ok(isFiniteDeep(figures), JSON.stringify(figures))
        if (isZero) assert.fail(`zeros raise nothing: ${finding.rule.ruleId}`)
      })
      for (const signal of world.signals.values()) assert.ok(isFiniteDeep(signal), JSON.stringify(signal))
    }),
    { ...runs, numRuns: 60 },
  )
})

test('RULE-83 too little history is no opinion: two points, however large, raise no statistical signal', () => {
  fc.assert(
    fc.property(
      RuleSet,
      fc.array(fc.constantFrom(0, 5, 1_000_000), { minLength: 2, maxLength: 2 }),
      (rules, [a, b]) => {
        const two = kinds.flatMap(kind => [
          { day: 20, kind, facility: 0, north: false, count: a!, lateH: 0 },
          { day: 21, kind, facility: 1, north: false, count: b!, lateH: 0 },
        ])
        play(rules, toEntries(two), finding => {
          for (const { method } of finding.evidence) assert.equal(method, 'count', 'a plain count alone may speak')
        })
      },
    ),
    runs,
  )
})

test('RULE-84 series end the same whatever the order of arrival, across kinds, regions and facilities', () => {
  const Reports = fc.uniqueArray(Said(fc.constantFrom(...kinds)), {
    maxLength: 50,
    selector: r => `${r.kind}/${r.facility}/${r.north}/${r.day}`,
  })
  const shape = (world: World) => {
    const ended: Record<string, Record<number, [number, number]>> = {}
    for (const key of [...world.series.keys()].sort()) {
      const { firstIndex, values, reporters } = world.series.get(key)!
      ended[key] = {}
      for (const [slot, value] of values.entries())
        if (value !== null) ended[key][firstIndex + slot] = [value, reporters[slot]!]
    }
    return ended
  }
  fc.assert(
    fc.property(
      Reports.chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        // All told on the last day, so that the order of the list is the order of arrival.
        const at = getDayStartAt(day0 + days + 1)
        const told = (said: readonly Said[]) => toEntries(said).map(entry => ({ ...entry, loggedAt: at }))
        const inOrder = (said: readonly Said[]) =>
          said.flatMap((one, n) => told([one]).map(entry => ({ ...entry, sourceSeq: n + 1 })))
        assert.deepEqual(
          shape(play([], inOrder(shuffled), () => undefined)),
          shape(play([], inOrder([...list].sort((a, b) => a.day - b.day)), () => undefined)),
        )
      },
    ),
    runs,
  )
})

test('RULE-85 a dry run uses no later knowledge: whatever is received after a day, the days before are judged the same', () => {
  let raisedCount = 0
  fc.assert(
    fc.property(
      Base,
      RuleSet,
      fc.integer({ min: 35, max: days - 2 }),
      fc.array(Said(fc.constantFrom(...kinds, further)), { maxLength: 40 }),
      (base, rules, lastDay, other) => {
        const candidate = rules.map(rule => Rule.parse(rule))
        const untilAt = getDayStartAt(day0 + lastDay + 1)
        const run = (entries: readonly Entry[], untilDay = lastDay) => {
          const request = {
            rules: candidate,
            fromDay: formatDay(day0 + 30),
            untilDay: formatDay(day0 + untilDay),
            planted: [],
          }
          const dry = openDryRun(request, { version: 1, rules: defaultRules }, () => true)
          for (const entry of [...makeCity(0, startAt), ...entries])
            dry.take({ ...entry, loggedAt: entry.loggedAt || startAt })
          return dry.finish([])
        }
        const entries = toEntries(listSaid(base))
        const known = entries.filter(entry => entry.loggedAt < untilAt)
        // Everything received later is replaced by something else, told of days before and after alike.
        const later = toEntries(other).map(entry => ({
          ...entry,
          loggedAt: Math.max(untilAt, entry.loggedAt + 5 * dayMs),
        }))
        later.sort((a, b) => a.loggedAt - b.loggedAt)
        const whole = run(entries)
        raisedCount += whole.candidate.alertCount
        assert.deepEqual(run([...known, ...later]), whole)
        assert.deepEqual(run(known), whole)
        // A longer run tells the same of the days both judge, as it stood when it was raised.
        const raised = (view: typeof whole) =>
          view.candidate.alerts
            .filter(alert => alert.raisedAt < untilAt)
            .map(({ regionCode, raisedAt, evidence }) => ({ regionCode, raisedAt, evidence }))
        assert.deepEqual(raised(run(entries, days - 1)), raised(whole))
      },
    ),
    { ...runs, numRuns: 25 },
  )
  assert.ok(raisedCount > 0, 'some run raised something')
})

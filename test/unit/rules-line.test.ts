/**
 * Rules in the line: witnesses, joined p, clusters, ratio, silence of sources, false discovery, the calendar and what a rule may
 * not say. Entries go in, findings come out as alerts and signals.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rule, type RuleInput } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, hourMs, type SourceKind } from '#contract/scalars.ts'
import { getWeekday } from '../../server/detect/calendar.ts'
import { detect } from '../../server/detect/rules.ts'
import { judge } from '../../server/pipeline.ts'
import { createTouched, type Finding } from '../../server/state/world.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'
import { makeEntry } from '../help/line.ts'

const county = '330402'
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
    regionCode: more.regionCode ?? county,
    period: today(f, more.daysAgo ?? 0),
    count: n,
  })
const leaf = (sourceKind: SourceKind, min = 10) =>
  ({ type: 'count', sourceKind, syndrome: 'respiratory', period: 'day', min }) as const
const start = (...rules: RuleInput[]) => {
  const f = createFolding(0)
  f.publish(...rules)
  return f
}
const alerts = (f: Folding) => [...f.world.alerts.values()]
const signals = (f: Folding) => [...f.world.signals.values()]
/** Findings of one count said now, without alerts. */
const find = (f: Folding, sourceKind: SourceKind, n: number, facilityId: string): readonly Finding[] => {
  const body = {
    sourceKind,
    facilityId,
    syndrome: 'respiratory',
    regionCode: county,
    period: today(f),
    count: n,
  } as const
  const entry = makeEntry('count.reported', 'test', { epoch: 'find', sourceSeq: 1 }, body, f.now())
  return judge(f.world, { ...entry, seq: f.world.seq + 1, loggedAt: f.now() }, createTouched()).findings
}
let cards = 0
const card = (f: Folding, diseaseId: string, more: Record<string, unknown> = {}) =>
  f.say('report.received', {
    cardId: `K${++cards}`,
    diseaseId,
    caseClass: 'confirmed',
    regionCode: county,
    facilityId: 'H1',
    diagnosedAt: f.now(),
    ...more,
  })

test('RULE-51 one facility that reports two kinds is one witness; a second facility makes two', () => {
  const rule = makeRule({ when: { type: 'kOf', k: 2, of: [leaf('hospital-outpatient'), leaf('hospital-emergency')] } })
  const f = start(rule)
  count(f, 'hospital-outpatient', 30, { facilityId: 'H1' })
  count(f, 'hospital-emergency', 30, { facilityId: 'H1' })
  assert.equal(signals(f).filter(s => s.regionCode === county).length, 2)
  assert.deepEqual(alerts(f), [])
  count(f, 'hospital-emergency', 12, { facilityId: 'H2' })
  assert.deepEqual([alerts(f).length, alerts(f)[0]!.independentSources], [1, 2])
})

const joined = (more: Record<string, unknown> = {}): RuleInput =>
  makeRule({
    when: {
      type: 'combined-p',
      sourceKinds: ['pharmacy', 'school-absence', 'hotline'],
      syndrome: 'respiratory',
      adjust: 'none',
      alpha: 0.001,
      ...more,
    },
  })
/** Forty quiet days of one kind, each with a swing of its own so that no two move together. */
const quiet = (f: Folding, sourceKind: SourceKind, step: number, facilityId?: string) => {
  for (let day = 40; day > 0; day--)
    count(f, sourceKind, 20 + ((day * step) % 7), { daysAgo: day, ...(facilityId ? { facilityId } : {}) })
}

test('RULE-52 joined p: sources too weak alone fire together, say which and how their dependence was met', () => {
  const f = start(joined())
  quiet(f, 'pharmacy', 3)
  quiet(f, 'school-absence', 5)
  count(f, 'pharmacy', 39)
  assert.deepEqual(alerts(f), [], 'one source is no joined p')
  count(f, 'school-absence', 39)
  const [alert] = alerts(f)
  const [evidence] = alert!.evidence
  assert.equal(evidence!.method, 'combined-p')
  assert.deepEqual(evidence!.sourceKinds, ['pharmacy', 'school-absence'])
  assert.deepEqual(evidence!.counts, [39, 39])
  assert.equal(evidence!.correction, 'brown')
  assert.ok(evidence!.pValue! < 0.001 && evidence!.pValue! > 0)
  assert.deepEqual([alert!.independentSources, alert!.neededSources, alert!.cases], [2, 2, 78])
  const before = evidence!.pValue!
  quiet(f, 'hotline', 4)
  count(f, 'hotline', 21)
  const held = f.world.signals.get(signals(f).find(s => s.regionCode === county)!.key)!
  assert.ok(held.pValue! <= before, 'a source that says nothing does not lower')
  assert.deepEqual(held.sourceKinds, ['pharmacy', 'school-absence'])
})

test('RULE-53 joined p with a short history is marked uncorrected; copies by one facility are not joined', () => {
  const short = start(joined({ baseline: 14 }))
  for (const [kind, step] of [
    ['pharmacy', 3],
    ['school-absence', 5],
  ] as const)
    for (let day = 17; day > 0; day--) count(short, kind, 20 + ((day * step) % 7), { daysAgo: day })
  count(short, 'pharmacy', 60)
  count(short, 'school-absence', 60)
  assert.equal(alerts(short)[0]!.evidence[0]!.correction, 'uncorrected')
  const copies = start(joined())
  quiet(copies, 'pharmacy', 3, 'H1')
  quiet(copies, 'school-absence', 5, 'H1')
  count(copies, 'pharmacy', 90, { facilityId: 'H1' })
  count(copies, 'school-absence', 90, { facilityId: 'H1' })
  assert.deepEqual(alerts(copies), [])
})

test('RULE-54 cases that share a school within a week raise their county outright; elsewhere or apart they do not', () => {
  const cluster = makeRule({
    level: 1,
    statutory: true,
    when: { type: 'place-cluster', diseaseIds: ['varicella'], windowDays: 7, min: 3 },
  })
  const f = start(cluster)
  f.say('place.registered', {
    placeId: 'S1',
    placeKind: 'school',
    name: '实验小学',
    regionCode: '330411',
    lon: 120.7,
    lat: 30.7,
  })
  /** A card as the world holds one, judged as it arrives. */
  const tell = (diseaseId: string, ago: number, placeId?: string) => {
    const cardId = `P${++cards}`
    const at = f.now() - ago * dayMs
    const body = {
      cardId,
      diseaseId,
      caseClass: 'confirmed',
      regionCode: county,
      facilityId: 'H1',
      diagnosedAt: at,
    } as const
    const held = { ...body, onsetDay: today(f, ago), at: f.now(), ...(placeId === undefined ? {} : { placeId }) }
    f.world.cards.set(cardId, held as never)
    const entry = makeEntry('report.received', 'test', { epoch: 'p', sourceSeq: cards }, body, f.now())
    return detect(f.world, entry, createTouched())
  }
  assert.deepEqual(
    [
      tell('varicella', 6, 'S1'),
      tell('varicella', 2, 'S1'),
      tell('varicella', 1, 'S2'),
      tell('varicella', 1),
      tell('measles', 1, 'S1'),
    ].flat(),
    [],
  )
  const [finding] = tell('varicella', 3, 'S1')
  assert.deepEqual([finding!.level, finding!.regionCode, finding!.cases], [1, '330411', 3], 'where the school is')
  assert.deepEqual([finding!.statutory, finding!.hidden], [true, false])
  assert.deepEqual([finding!.evidence[0]!.placeId, finding!.evidence[0]!.period], ['S1', today(f, 2)])
})

test('RULE-55 a disease stands for everything under it; a retracted card withdraws what rested on it', () => {
  const rule = makeRule({ windowH: 48, when: { type: 'card', diseaseIds: ['hepatitis'], min: 2 } })
  const f = start(rule)
  card(f, 'hepatitis_a')
  card(f, 'hepatitis_e')
  assert.equal(alerts(f).length, 1)
  const key = signals(f)[0]!.key
  const found = judge(
    f.world,
    {
      ...makeEntry(
        'report.retracted',
        'test',
        { epoch: 'r', sourceSeq: 1 },
        { cardId: `K${cards}`, reason: 'x' },
        f.now(),
      ),
      seq: f.world.seq + 1,
      loggedAt: f.now(),
    },
    createTouched(),
  )
  assert.equal(found.outcome.result, 'done')
  assert.deepEqual(found.findings, [])
  assert.equal(f.world.signals.has(key), false)
})

test('RULE-56 the ratio proposes a grade and never more than 核实; without the years, or on a zero mean, it says nothing', () => {
  const ratio = makeRule({ level: 2, windowH: 168, when: { type: 'ratio', diseaseId: 'scarlet' } })
  assert.throws(() => Rule.parse({ ...ratio, level: 1 }), /grade candidate/)
  const f = start(ratio)
  const year = Number(today(f).slice(0, 4))
  const publish = (regionCode: string, n: number, years = 5) => {
    for (let back = 1; back <= years; back++)
      f.say('history.published', { diseaseId: 'scarlet', regionCode, year: year - back, weeks: new Array(52).fill(n) })
  }
  const weekday = (getWeekday(getDayIndex(f.now())) + 6) % 7
  const fall = (regionCode: string, n: number) => {
    for (let i = 0; i < n; i++) card(f, 'scarlet', { regionCode, diagnosedAt: f.now() - (i % (weekday + 1)) * hourMs })
  }
  fall(county, 12)
  assert.deepEqual(alerts(f), [], 'no history: no opinion')
  publish(county, 0)
  fall(county, 1)
  assert.deepEqual(alerts(f), [], 'a zero mean: no opinion')
  publish(county, 3)
  fall(county, 1)
  const [alert] = alerts(f)
  const [evidence] = alert!.evidence
  assert.deepEqual([alert!.level, evidence!.gradeCandidate, evidence!.expected, evidence!.observed], [2, 'III', 3, 14])
  assert.match(evidence!.period, /^\d{4}-W\d\d$/)
  // A second county of the city above three times its mean: the text's grade II, still to be verified.
  publish('330411', 3)
  fall('330411', 14)
  const other = signals(f).find(s => s.regionCode === '330411')!
  assert.equal(other.gradeCandidate, 'II')
})

test('RULE-57 a facility that reported daily and stops is told by name, once; an explicit zero is a report', () => {
  const rule = makeRule({
    level: 3,
    windowH: 48,
    when: { type: 'source-silence', sourceKinds: ['hospital-outpatient'], graceH: 12 },
  })
  const f = start(rule)
  const pass = (hours: number) => {
    for (let h = 0; h < hours; h++) {
      f.turn(hourMs)
      f.tick(1_000, (f.now() + 8 * hourMs) % dayMs === 0 ? 'day' : 'hour')
    }
  }
  f.turn(dayMs - ((f.now() + 8 * hourMs) % dayMs))
  for (let day = 0; day < 10; day++) {
    pass(6)
    count(f, 'hospital-outpatient', 0, { facilityId: 'H0', daysAgo: 1 })
    if (day < 8) count(f, 'hospital-outpatient', 5, { facilityId: 'H1', daysAgo: 1 })
    if (day < 9) count(f, 'hospital-outpatient', 5, { facilityId: 'H2', daysAgo: 1 })
    pass(18)
    const told = alerts(f).flatMap(a => a.evidence.flatMap(e => e.subjects))
    if (day < 8) assert.deepEqual(told, [])
    if (day === 8) assert.deepEqual(told, ['H1'])
  }
  const held = signals(f).find(s => s.method === 'source-silence')!
  assert.deepEqual([...held.subjects].sort(), ['H1', 'H2'])
  assert.ok(!held.subjects.includes('H0'), 'zeros are reports')
  pass(6)
  for (const facilityId of ['H0', 'H1', 'H2']) count(f, 'hospital-outpatient', 5, { facilityId, daysAgo: 1 })
  pass(12)
  assert.ok(!signals(f).some(s => s.method === 'source-silence'), 'they speak again')
})

test('RULE-58 counts of one school add up over its own days only', () => {
  const rule = makeRule({
    level: 2,
    windowH: 48,
    when: { type: 'place-count', sourceKind: 'school-absence', syndrome: 'respiratory', windowDays: 7, min: 10 },
  })
  const f = start(rule)
  count(f, 'school-absence', 6, { facilityId: 'S1', daysAgo: 8 })
  count(f, 'school-absence', 6, { facilityId: 'S1', daysAgo: 1 })
  count(f, 'school-absence', 9, { facilityId: 'S2' })
  assert.deepEqual(alerts(f), [])
  count(f, 'school-absence', 4, { facilityId: 'S1' })
  assert.deepEqual(
    alerts(f).map(a => [a.evidence[0]!.observed, a.evidence[0]!.subjects]),
    [[10, ['S1']]],
  )
  count(f, 'school-absence', 0, { facilityId: 'S1' })
  assert.equal(signals(f).length, 0, 'corrected away')
})

const single = (more: Partial<RuleInput> = {}): RuleInput =>
  makeRule({
    level: 3,
    when: {
      type: 'detector',
      method: 'earsC2',
      sourceKind: 'pharmacy',
      syndrome: 'respiratory',
      period: 'day',
      minSigma: 1,
      minCount: 5,
    },
    ...more,
  })

test('RULE-59 false discovery hides a weak single signal and no strong one, no statutory and no k-of-n finding', () => {
  const weak = (rule: RuleInput) => {
    const f = start(rule)
    for (let day = 20; day > 0; day--) {
      count(f, 'pharmacy', 20 + ((day * 3) % 7), { daysAgo: day })
      count(f, 'pharmacy', 20 + ((day * 5) % 7), { daysAgo: day, regionCode: '330411', facilityId: 'G' })
    }
    count(f, 'pharmacy', 22, { regionCode: '330411', facilityId: 'G' })
    return f
  }
  const rate = 0.002
  const [hidden] = find(weak(single({ falseDiscoveryRate: rate })), 'pharmacy', 31, 'F-pharmacy')
  assert.equal(hidden!.hidden, true)
  assert.ok(hidden!.evidence[0]!.qValue! > rate && hidden!.evidence[0]!.qValue! >= hidden!.evidence[0]!.pValue!)
  assert.equal(find(weak(single({ falseDiscoveryRate: rate })), 'pharmacy', 90, 'F-pharmacy')[0]!.hidden, false)
  assert.equal(find(weak(single()), 'pharmacy', 31, 'F-pharmacy')[0]!.hidden, false, 'without a rate nothing is hidden')
  const law = single({ falseDiscoveryRate: rate, statutory: true })
  assert.equal(find(weak(law), 'pharmacy', 31, 'F-pharmacy')[0]!.hidden, false)
  const both = weak(
    single({ falseDiscoveryRate: rate, when: { type: 'kOf', k: 2, of: [single().when as never, leaf('hotline', 3)] } }),
  )
  count(both, 'hotline', 9)
  assert.equal(find(both, 'pharmacy', 31, 'F-pharmacy')[0]!.hidden, false)
})

test('RULE-60 with the calendar a usual Monday is no signal and an unusual Sunday is; figures are told as reported', () => {
  const rule = (adjust: 'none' | 'calendar') =>
    single({ when: { ...(single().when as object), adjust } as RuleInput['when'] })
  const play = (adjust: 'none' | 'calendar', sunday: number) => {
    const f = start(rule(adjust))
    // Until a Sunday: quiet weekends, busy Mondays.
    const base = getDayIndex(f.now())
    f.turn(((7 - getWeekday(base)) % 7) * dayMs)
    for (let ago = 56; ago > 0; ago--) {
      const weekday = getWeekday(getDayIndex(f.now()) - ago)
      count(f, 'pharmacy', weekday === 0 ? 10 : weekday === 6 ? 15 : 60 + ((ago * 3) % 5), { daysAgo: ago })
    }
    count(f, 'pharmacy', sunday)
    return f
  }
  assert.equal(alerts(play('none', 40)).length, 0, 'plain C2 does not see a Sunday four times its usual')
  const [alert] = alerts(play('calendar', 40))
  const [evidence] = alert!.evidence
  assert.equal(evidence!.observed, 40)
  assert.ok(evidence!.dayFactor! < 0.4 && evidence!.expected! > 7 && evidence!.expected! < 16, JSON.stringify(evidence))
  assert.ok(evidence!.threshold! < 40)
  assert.equal(alerts(play('calendar', 11)).length, 0)
})

test('RULE-61 an analyst is heard through a found leaf, as sure as the rule wants', () => {
  const rule = makeRule({
    windowH: 24,
    when: { type: 'found', method: 'scan', sourceKind: 'report-card', syndrome: 'diarrhoeal', minRecurrenceDays: 365 },
  })
  const f = start(rule)
  const found = (recurrenceIntervalDays?: number) =>
    f.say('signal.found', {
      method: 'scan',
      sourceKind: 'report-card',
      syndrome: 'diarrhoeal',
      regionCode: county,
      period: today(f),
      observed: 9,
      ...(recurrenceIntervalDays === undefined ? {} : { recurrenceIntervalDays }),
    })
  found(100)
  found()
  assert.deepEqual(alerts(f), [])
  found(400)
  assert.equal(alerts(f)[0]!.evidence[0]!.recurrenceDays, 400)
})

test('RULE-62 a rule that could never hold is refused when it is written', () => {
  const kinds: RuleInput['when'] = {
    type: 'kOf',
    k: 3,
    of: [leaf('pharmacy'), leaf('pharmacy', 20), leaf('hotline')],
  }
  assert.throws(() => Rule.parse(makeRule({ when: kinds })), /asks for 3 source kinds and names 2/)
  const twice = joined({ sourceKinds: ['pharmacy', 'pharmacy'] })
  assert.throws(() => Rule.parse(twice), /fewer different source kinds/)
  assert.throws(() => Rule.parse(joined({ sourceKinds: ['pharmacy', 'crystal-ball'] })))
})

test('RULE-63 the level of an alert is the most urgent over its rules of one place and syndrome, and never falls again', () => {
  const of = (ruleId: string, level: number, kind: SourceKind) =>
    makeRule({ ruleId, level, syndrome: 'respiratory', when: leaf(kind) })
  const f = start(of('mild', 3, 'pharmacy'), of('grave', 1, 'hotline'), of('slight', 4, 'school-absence'))
  const levels: number[][] = []
  for (const kind of ['pharmacy', 'hotline', 'school-absence'] as const) {
    count(f, kind, 20)
    levels.push(alerts(f).map(alert => alert.level))
  }
  assert.deepEqual(levels, [[3], [1], [1]])
})

/**
 * The judgements of the review board and of surveillance without a browser or a database: what stands on top, what is wrong with
 * a source, the arithmetic of a week, what a draft of a rule changes and whether it holds, who may publish it, CSV cells.
 * Expected values are written out by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rule, type RuleInput } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs, parseDay } from '#contract/scalars.ts'
import type { AlertView, SeriesView, SourceHealthView, WeekFigureView } from '#contract/view.ts'
import { groupBoard, isOverdue, orderBoard } from '../../console/alerts/board-order.ts'
import { findReach } from '../../console/alerts/reach.ts'
import { zh } from '../../console/language/zh.ts'
import { buildAligned, joinPeriods } from '../../console/surveillance/aligned.ts'
import { openCaseFilter, toCardQuery } from '../../console/surveillance/case-query.ts'
import {
  createRule,
  joinLeaves,
  listDifferences,
  listFaults,
  replaceRule,
} from '../../console/surveillance/rule-draft.ts'
import { listTroubles, orderSources } from '../../console/surveillance/source-order.ts'
import { findChange, getWeek, sumAlerts, sumFigures, sumSources } from '../../console/surveillance/week.ts'
import { judgeRules } from '../../server/identity/sight.ts'
import type { SourceRow } from '../../server/query/sql.ts'
import { judgeSource, listFacilities } from '../../server/query/surveillance.ts'
import type { Region, Series } from '../../server/state/world.ts'

const now = Date.UTC(2026, 10, 21, 12)

function makeAlert(alertId: string, more: Partial<AlertView> = {}): AlertView {
  return {
    alertId,
    version: 1,
    ruleId: 'r',
    ruleVersion: 1,
    ruleName: '规则',
    ruleNameEn: 'rule',
    basis: '-',
    level: 3,
    regionCode: '330402',
    state: 'open',
    raisedAt: now - hourMs,
    updatedAt: now,
    evidence: [],
    independentSources: 1,
    neededSources: 1,
    cases: 0,
    escalationStep: 0,
    notes: [],
    ...more,
  }
}

/** Words of the screen by their keys, with holes filled. */
const t = (key: string, values: Readonly<Record<string, string | number>> = {}) => {
  const text = key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], zh)
  return typeof text === 'string' ? text.replace(/\{\{(\w+)\}\}/g, (_, name) => String(values[name])) : key
}

test('BOARD-20 the board: level, then overdue, then what needs a person, then the law, then age; the shelf below all', () => {
  const ids = orderBoard(
    [
      makeAlert('shelved-1', { level: 1, state: 'shelved' }),
      makeAlert('plain-3', { raisedAt: now - 5 * hourMs }),
      makeAlert('late-2', { level: 2, verifyDueAt: now - 1 }),
      makeAlert('lawful-2', { level: 2, statutory: true, verifyDueAt: now + 1 }),
      makeAlert('older-2', { level: 2, raisedAt: now - 9 * hourMs }),
      makeAlert('verified-2', {
        level: 2,
        state: 'verified',
        verification: { verdict: 'confirmed', reason: '-', at: now, by: '甲' },
      }),
      makeAlert('closing-3', { state: 'closing' }),
      makeAlert('closed-1', { level: 1, state: 'closed' }),
    ],
    now,
  ).map(alert => alert.alertId)
  assert.deepEqual(ids, ['late-2', 'lawful-2', 'older-2', 'verified-2', 'plain-3', 'closing-3', 'shelved-1'])
})

test('BOARD-21 overdue is what nobody verified in time, at the instant and not before; a verdict ends it', () => {
  const alert = makeAlert('a', { verifyDueAt: now })
  assert.equal(isOverdue(alert, now - 1), false)
  assert.equal(isOverdue(alert, now), true)
  assert.equal(isOverdue({ ...alert, state: 'acknowledged' }, now), true)
  const verification = { verdict: 'noise' as const, reason: '-', at: now, by: '甲' }
  assert.equal(isOverdue({ ...alert, state: 'verified', verification }, now), false)
  assert.equal(isOverdue({ ...alert, state: 'shelved' }, now), false)
  assert.equal(isOverdue(makeAlert('b'), now), false)
})

test('BOARD-22 groups stand where their foremost alert would, with their number and highest level', () => {
  const ordered = [
    makeAlert('a', { level: 1, regionCode: 'x' }),
    makeAlert('b', { level: 2, regionCode: 'y' }),
    makeAlert('c', { level: 3, regionCode: 'x' }),
  ]
  assert.deepEqual(
    groupBoard(ordered, 'place').map(row => row.key),
    ['head:x', 'a', 'c', 'head:y', 'b'],
  )
  const [head] = groupBoard(ordered, 'place')
  assert.deepEqual(head, { kind: 'head', key: 'head:x', group: 'x', count: 2, level: 1 })
  assert.deepEqual(
    groupBoard(ordered, 'none').map(row => row.key),
    ['a', 'b', 'c'],
  )
})

const day0 = parseDay('2026-11-01')!
const startAt = getDayStartAt(day0)
function makeRow(more: Partial<SourceRow> = {}): SourceRow {
  return {
    sourceKind: 'pharmacy',
    facilityId: 'F1',
    regionCode: '330402',
    isHourly: false,
    lastPeriod: '2026-11-18',
    lastAt: startAt,
    firstSlot: 0,
    lastSlot: 17,
    reported: 14,
    current: 14,
    late: 0,
    recentTotal: 70,
    recentDays: 7,
    usualTotal: 280,
    usualDays: 28,
    ...more,
  }
}
const judge = (row: SourceRow, at: number) => judgeSource(row, { startAt, today: 20, now: at })

test('BOARD-23 a day is missed when the day after it is over, an hour six hours after its end', () => {
  // The last day is slot 17; slot 18 ends at the start of day 19 and is usual until the start of day 20.
  const overdueAt = startAt + 20 * dayMs
  assert.equal(judge(makeRow(), overdueAt - 1).silentSince, undefined)
  assert.equal(judge(makeRow(), overdueAt).silentSince, overdueAt)
  const hourly = makeRow({ isHourly: true, lastSlot: 100 })
  const hourAt = startAt + 102 * hourMs + 6 * hourMs
  assert.equal(judge(hourly, hourAt - 1).silentSince, undefined)
  assert.equal(judge(hourly, hourAt).silentSince, hourAt)
})

test('BOARD-24 completeness counts due periods since the source joined; lateness only what it reported since then', () => {
  const at = startAt + 20 * dayMs
  // 19 days are due; of the last 14 ten were reported.
  assert.equal(judge(makeRow({ reported: 7 }), at).completeness, 0.5)
  // It joined on day 12: 7 days are due.
  assert.equal(judge(makeRow({ firstSlot: 12, reported: 7 }), at).completeness, 1)
  assert.equal(judge(makeRow({ current: 8, late: 2 }), at).lateShare, 0.25)
  assert.equal(judge(makeRow({ current: 0, late: 0 }), at).lateShare, undefined)
})

test('BOARD-25 a volume has changed when it doubled or halved beyond three standard errors, and on enough days', () => {
  const at = startAt + 19 * dayMs
  assert.equal(judge(makeRow(), at).volumeChanged, false)
  assert.equal(judge(makeRow({ recentTotal: 210 }), at).volumeChanged, true)
  assert.equal(judge(makeRow({ recentTotal: 28 }), at).volumeChanged, true)
  // 13 against 10 a day is beyond the error and is no change to speak of.
  assert.equal(judge(makeRow({ recentTotal: 91 }), at).volumeChanged, false)
  // 2 against 1 a day is a doubling within the error.
  assert.equal(judge(makeRow({ recentTotal: 14, usualTotal: 28 }), at).volumeChanged, false)
  assert.equal(judge(makeRow({ recentTotal: 60, recentDays: 2 }), at).volumeChanged, false)
  const silentWeek = judge(makeRow({ recentTotal: null, recentDays: 0 }), at)
  assert.equal(silentWeek.volumeChanged, false)
  assert.equal(silentWeek.recentMean, undefined)
})

const makeHealth = (facilityId: string, more: Partial<SourceHealthView> = {}): SourceHealthView => ({
  facilityId,
  sourceKind: 'pharmacy',
  regionCode: '330402',
  period: 'day',
  lastPeriod: '2026-11-20',
  lastAt: now,
  completeness: 1,
  volumeChanged: false,
  ...more,
})

test('BOARD-26 sources in trouble come first, the longest silent before all', () => {
  const sources = [
    makeHealth('well'),
    makeHealth('late', { lateShare: 0.5 }),
    makeHealth('gaps', { completeness: 0.6 }),
    makeHealth('volume', { volumeChanged: true, completeness: 0.2 }),
    makeHealth('silent-2', { silentSince: now - dayMs }),
    makeHealth('silent-1', { silentSince: now - 9 * dayMs }),
  ]
  assert.deepEqual(
    orderSources(sources).map(source => source.facilityId),
    ['silent-1', 'silent-2', 'volume', 'gaps', 'late', 'well'],
  )
  assert.deepEqual(listTroubles(sources[3]!), ['volume', 'incomplete'])
  assert.deepEqual(listTroubles(sources[0]!), [])
  const [sum] = sumSources(sources)
  assert.equal(sum!.count, 6)
  assert.equal(sum!.silent, 2)
  assert.equal(sum!.late, 1)
  assert.ok(Math.abs(sum!.completeness - 4.8 / 6) < 1e-12)
})

test('BOARD-27 a week runs from Monday to Sunday and is numbered by ISO 8601, also across New Year', () => {
  const of = (day: string) => {
    const { fromDay, toDay, year, week } = getWeek(parseDay(day)!)
    return [fromDay, toDay, year, week]
  }
  assert.deepEqual(of('2026-11-22'), ['2026-11-16', '2026-11-22', 2026, 47])
  assert.deepEqual(of('2026-11-23'), ['2026-11-23', '2026-11-29', 2026, 48])
  assert.deepEqual(of('2027-01-03'), ['2026-12-28', '2027-01-03', 2026, 53])
  assert.deepEqual(of('2024-12-31'), ['2024-12-30', '2025-01-05', 2025, 1])
  assert.equal(getWeek(getDayIndex(now)).to - getWeek(getDayIndex(now)).from, 7 * dayMs)
})

test('BOARD-28 the figures of a week: a zero is counted, absence is no number, change needs a week before', () => {
  const figure = (regionCode: string, days: (number | null)[], before?: number): WeekFigureView => ({
    sourceKind: 'pharmacy',
    syndrome: 'respiratory',
    regionCode,
    days,
    reporters: 1,
    ...(before === undefined ? {} : { before }),
  })
  const none = [null, null, null, null, null, null, null]
  const [line] = sumFigures(
    [figure('a', [0, 0, 0, 0, 0, 0, 0], 4), figure('b', [1, 2, null, 3, null, null, null], 2), figure('c', none)],
    9,
  )
  assert.equal(line!.total, 6)
  assert.equal(line!.before, 6)
  assert.equal(line!.byRegion.get('a'), 0)
  assert.equal(line!.byRegion.get('c'), undefined)
  assert.equal(findChange(line!), 0)
  assert.equal(findChange({ total: 3, before: 0 }), undefined)
  assert.equal(findChange({ total: 3, before: undefined }), undefined)
  assert.equal(findChange({ total: 3, before: 2 }), 50)
  const sum = sumAlerts([
    makeAlert('a', { level: 1, eventId: 'E-1' }),
    makeAlert('b', { level: 1, state: 'closed', verdict: 'noise', eventId: 'E-1' }),
    makeAlert('c', { level: 4, state: 'closed', verdict: 'confirmed' }),
  ])
  assert.deepEqual(sum, {
    total: 3,
    byLevel: [2, 0, 0, 1],
    byVerdict: { confirmed: 1, noise: 1, false: 0 },
    unanswered: 1,
    events: 1,
  })
})

const base: RuleInput = {
  ruleId: 'multi',
  version: 3,
  name: '多点触发',
  nameEn: 'multi',
  level: 2,
  syndrome: 'respiratory',
  regionLevel: 'county',
  windowH: 48,
  when: {
    type: 'kOf',
    k: 2,
    of: (['pharmacy', 'school-absence', 'hotline'] as const).map(sourceKind => ({
      type: 'detector',
      method: 'earsC2',
      sourceKind,
      syndrome: 'respiratory',
      period: 'day',
    })),
  },
  escalation: [{ afterS: 0, role: 'epidemiologist' }],
  basis: 'EARS',
}
const rule = Rule.parse(base)

test('BOARD-29 a draft that cannot hold is told in words; one that can has no fault', () => {
  assert.deepEqual(listFaults(rule, t), [])
  const faults = (draft: Rule) => listFaults(draft, t).map(fault => fault.text)
  assert.deepEqual(faults({ ...rule, when: { ...rule.when, k: 4 } as Rule['when'] }), [
    '要求 4 类来源，而条件中只有 3 类，规则永远不会成立',
  ])
  assert.deepEqual(faults({ ...rule, windowH: 0 }), ['「窗口（小时）」不得小于 1'])
  assert.deepEqual(faults({ ...rule, windowH: 2_000 }), ['「窗口（小时）」不得大于 1440'])
  assert.deepEqual(faults({ ...rule, basis: ' - ' }), ['须写明依据'])
  assert.deepEqual(faults({ ...rule, escalation: [{ afterS: 60, role: 'epidemiologist' }] }), [
    '第一步通知须为立即（0 分钟）',
  ])
  const [leaf] = 'of' in rule.when ? rule.when.of : []
  assert.deepEqual(faults({ ...rule, when: joinLeaves('anyOf', [leaf!, leaf!], 2) }), ['有两个条件完全相同'])
  const emptied = { ...leaf!, baseline: Number.NaN } as never
  assert.equal(faults({ ...rule, when: joinLeaves('single', [emptied], 2) }).length, 1, 'an emptied field is no zero')
  assert.equal(faults(createRule('local-1')).length, 1, 'a new rule must still say what it rests on')
})

test('BOARD-30 what differs from the rule in force, and the list as it would be published', () => {
  assert.deepEqual(listDifferences(rule, rule), [])
  const draft = { ...rule, minCases: 20, when: { ...rule.when, k: 3 } as Rule['when'] }
  assert.deepEqual(listDifferences(rule, draft), [
    { field: 'when.k', before: '2', after: '3' },
    { field: 'minCases', before: '0', after: '20' },
  ])
  const other = Rule.parse({ ...base, ruleId: 'other', version: 7 })
  const published = replaceRule([other, rule], draft)
  assert.deepEqual(
    published.map(each => [each.ruleId, each.version]),
    [
      ['other', 7],
      ['multi', 4],
    ],
  )
  const added = replaceRule([other], { ...draft, ruleId: 'new', version: 9 })
  assert.deepEqual(
    added.map(each => [each.ruleId, each.version]),
    [
      ['other', 7],
      ['new', 1],
    ],
  )
})

test('BOARD-31 an epidemiologist of the whole tree publishes statistical rules, on the version in force, and no others', () => {
  const statutory = Rule.parse({
    ...base,
    ruleId: 'law',
    when: { type: 'card', diseaseIds: ['plague'], min: 1 },
  })
  const silence = Rule.parse({ ...base, ruleId: 'units', when: { type: 'unit-silence' } })
  const world = {
    city: { rulesVersion: 5 },
    regions: new Map([
      ['330400', { code: '330400' }],
      ['330402', { code: '330402', parentCode: '330400' }],
    ]),
    rules: new Map([rule, statutory, silence].map(each => [each.ruleId, each])),
  } as never
  const person = (roles: string[], regions: string[]) =>
    ({ type: 'account', accountId: 'a', sessionId: 's', name: '甲', roles, regions, unitIds: [] }) as never
  const epidemiologist = person(['epidemiologist'], ['330400'])
  const say = (who: never, version: number, rules: readonly Rule[]) => judgeRules(who, world, { version, rules })?.code
  const changed = { ...rule, minCases: 9 }
  assert.equal(say(epidemiologist, 6, [changed, statutory, silence]), undefined)
  assert.equal(say(epidemiologist, 6, [statutory, silence]), undefined, 'a statistical rule may go')
  assert.equal(say(epidemiologist, 5, [changed, statutory, silence]), 'RULES_STALE')
  assert.equal(say(epidemiologist, 7, [changed, statutory, silence]), 'RULES_STALE')
  assert.equal(say(epidemiologist, 6, [changed, silence]), 'RULE_FOREIGN', 'the law does not go')
  assert.equal(say(epidemiologist, 6, [rule, { ...statutory, enabled: false }, silence]), 'RULE_FOREIGN')
  assert.equal(say(epidemiologist, 6, [rule, statutory, { ...silence, level: 4 }]), 'RULE_FOREIGN')
  const law = Rule.parse({ ...base, ruleId: 'own-law', statutory: true })
  assert.equal(say(epidemiologist, 6, [rule, statutory, silence, law]), 'RULE_FOREIGN')
  assert.equal(say(person(['epidemiologist'], ['330402']), 6, [changed, statutory, silence]), 'REGION_FOREIGN')
  assert.equal(say(person(['administrator'], []), 9, [statutory]), undefined)
})

test('BOARD-33 strips share every day any of them has; absence is a gap', () => {
  const make = (sourceKind: SeriesView['sourceKind'], periods: string[], values: (number | null)[]): SeriesView => ({
    sourceKind,
    syndrome: 'respiratory',
    regionCode: '330402',
    period: 'day',
    periods,
    values,
    denominators: values,
    reporters: values.map(value => (value === null ? 0 : 2)),
    expected: values,
    threshold: values,
    alarms: values.map(() => false),
  })
  const one = make('pharmacy', ['2026-11-01', '2026-11-03'], [1, 2])
  const two = make('hotline', ['2026-11-02', '2026-11-03'], [null, 0])
  assert.deepEqual(joinPeriods([one, two]), ['2026-11-01', '2026-11-02', '2026-11-03'])
  const drawn = buildAligned([one, two], series => series.sourceKind, t)
  const bars = drawn.series.filter(series => series.type === 'bar')
  assert.deepEqual(
    bars.map(bar => bar.data.map(slot => (slot as { value: number | null }).value)),
    [
      [1, null, 2],
      [null, null, 0],
    ],
  )
  assert.deepEqual(findReach(one, '2026-11-03'), { got: 2, usual: 2 })
  assert.equal(findReach(one, '2026-11-09'), undefined)
})

test('BOARD-34 the facilities behind an alert: only its region and the asker’s, the largest excess first', () => {
  const slot = parseDay('2026-11-21')!
  const series = (facilityId: string, values: number[], regionCode: string): Series => ({
    key: facilityId,
    sourceKind: 'pharmacy',
    syndrome: 'respiratory',
    regionCode: '',
    facilityId,
    period: 'day',
    firstIndex: slot - values.length + 1,
    values,
    denominators: values,
    reporters: values.map(() => 1),
    where: values.map(() => regionCode),
  })
  const all = [
    series('F1', [4, 4, 20], '330402001'),
    series('F2', [9, 9, 30], '330402'),
    series('F3', [1, 1, 99], '330411'),
    series('F4', [8], '330402002'),
  ]
  const world = {
    series: new Map(all.map(each => [each.key, each])),
    regions: new Map<string, unknown>([
      ['330402001', { code: '330402001', parentCode: '330402' }],
      ['330402002', { code: '330402002', parentCode: '330402' }],
      ['330402', { code: '330402' }],
    ]) as Map<string, Region>,
  }
  const evidence = [
    {
      sourceKind: 'pharmacy' as const,
      syndrome: 'respiratory' as const,
      method: 'earsC2',
      regionCode: '330402',
      period: formatDay(slot),
      observed: 50,
      late: false,
      at: now,
      subjects: [],
    },
  ]
  assert.deepEqual(
    listFacilities(world, evidence, () => true).map(row => [row.facilityId, row.count, row.usual]),
    [
      ['F2', 30, 9],
      ['F1', 20, 4],
      ['F4', 8, undefined],
    ],
  )
  assert.deepEqual(
    listFacilities(world, evidence, code => code === '330402001').map(row => row.facilityId),
    ['F1'],
  )
  assert.deepEqual(
    listFacilities(world, [], () => true),
    [],
  )
})

test('BOARD-35 filters of the line list: an impossible day filters nothing, a mark is one parameter', () => {
  const { mark: _mark, ...plain } = openCaseFilter
  assert.deepEqual(toCardQuery(openCaseFilter), { ...plain, fromDay: undefined, untilDay: undefined })
  const query = toCardQuery({ ...openCaseFilter, fromDay: '2026-02-30', untilDay: '2026-02-28', mark: 'overdue' })
  assert.equal(query.fromDay, undefined)
  assert.equal(query.untilDay, '2026-02-28')
  assert.equal(query.overdue, 'true')
})

/**
 * Duty in the pure world: what is late and why, the hand-over with two signatures, paper slips with their numbers and times, reviews
 * with scores, appeal and decision; and the samples anybody can draw again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCsv, formatCsvCell } from '#contract/csv.ts'
import { defaultScoreSheet, formatSlipNo } from '#contract/duty.ts'
import type { Entry, Kind, Outcome } from '#contract/entry.ts'
import { findPercentile } from '#contract/report.ts'
import { chooseStamp } from '#contract/stamps.ts'
import type { IncidentView } from '#contract/view.ts'
import { describeLate, listLate } from '#contract/waits.ts'
import { buildReel } from '../../console/replay/moment.ts'
import { findPeriod, listPeriodDays } from '../../console/reports/period.ts'
import { parseClock, parseSlipNo, readSlipTimes } from '../../console/shift/slip-times.ts'
import { createReport } from '../../server/query/dispatch-report.ts'
import { findMonth, listSheets, summariseMonth } from '../../server/query/duty-routes.ts'
import { countRandom, drawSamples, hashText, listTriggers } from '../../server/query/samples.ts'
import { applyEntry } from '../../server/state/apply.ts'
import { createTouched, createWorld } from '../../server/state/world.ts'

const start = Date.parse('2026-04-11T08:00:00+08:00')
const region = '330402'

/** A small world that is told entries one by one. */
function tell() {
  const world = createWorld()
  let seq = 0
  const say = (kind: Kind, body: object, at = start, who?: string): Outcome => {
    seq++
    world.city.now = Math.max(world.city.now, at)
    const actor =
      who === undefined ? {} : { actor: { accountId: who, name: `${who} 名`, roles: [], regions: [region] } }
    const entry = { seq, kind, source: who ?? 'device', occurredAt: at, receivedAt: at, loggedAt: at, body, ...actor }
    return applyEntry(world, entry as unknown as Entry, createTouched())
  }
  const place = { lon: 120.75, lat: 30.75 }
  say('region.published', {
    version: 1,
    regions: [
      { code: '330400', name: '市', nameEn: 'city', level: 'city', ...place, population: 1 },
      { code: region, parentCode: '330400', name: '南', nameEn: 'south', level: 'county', ...place, population: 1 },
      { code: '330411', parentCode: '330400', name: '北', nameEn: 'north', level: 'county', ...place, population: 1 },
    ],
  })
  for (const [unitId, regionCode] of [
    ['U1', region],
    ['U2', region],
    ['N1', '330411'],
  ])
    say('unit.registered', { unitId, name: unitId, unitClass: 'B', capabilities: [], regionCode })
  return { world, say, place }
}
const code = (outcome: Outcome) => (outcome.result === 'refused' ? outcome.code : 'done')

function openCase(city: ReturnType<typeof tell>, id: string, level: number, at: number) {
  const body = { callId: `C-${id}`, regionCode: region, ...city.place }
  city.say('call.received', body, at)
  city.say('call.answered', { callId: `C-${id}` }, at + 5_000)
  const opened = { incidentId: id, callIds: [`C-${id}`], level, regionCode: region, ...city.place }
  assert.equal(code(city.say('incident.opened', opened, at + 30_000, 'd1')), 'done')
}

test('KPI-5 a percentile is a time that happened: place ⌈p·n⌉', () => {
  assert.equal(findPercentile([], 0.9), undefined)
  assert.equal(findPercentile([7], 0.5), 7)
  assert.equal(findPercentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), 9)
  assert.equal(findPercentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 0.9), 10)
  assert.equal(findPercentile([1, 2], 0.5), 1)
})

test('KPI-6 missing, reversed and withdrawn are counted and in no mean; a stamp by edit counts before a key', () => {
  const report = createReport({ from: 0, to: 1, reactionFrom: 'answer', computedAt: 1, areaOf: c => c })
  const stamp = (stamp: string, at: number, unitId?: string, source = 'key') =>
    ({ stamp, at, source, ...(unitId ? { unitId } : {}), ...(source === 'edit' ? { enteredAt: at } : {}) }) as never
  const base = { regionCode: 'r', level: 2, isClosed: true, isMerged: false, outcome: 'transported' }
  report.addIncident({
    ...base,
    incidentId: 'whole',
    stamps: [
      stamp('answered', 1_000),
      stamp('ordered', 21_000, 'a'),
      stamp('rolling', 141_000, 'a', 'gps'),
      stamp('rolling', 121_000, 'a', 'key'),
      stamp('rolling', 81_000, 'a', 'edit'),
      stamp('on-scene', 401_000, 'a'),
      stamp('loaded', 900_000, 'a'),
      stamp('returning', 990_000, 'a'),
    ],
  })
  report.addIncident({
    ...base,
    incidentId: 'lost',
    stamps: [stamp('ordered', 5_000, 'a'), stamp('rolling', 4_000, 'a')],
  })
  report.addIncident({
    ...base,
    incidentId: 'back',
    stamps: [stamp('answered', 1_000), stamp('ordered', 2_000, 'a'), stamp('released', 3_000, 'a')],
  })
  report.addIncident({ ...base, incidentId: 'none', stamps: [stamp('answered', 1_000)] })
  report.addIncident({ ...base, incidentId: 'false', outcome: 'false-call', stamps: [] })
  report.addIncident({ ...base, incidentId: 'joined', isMerged: true, stamps: [] })
  const view = report.finish()
  const of = (kpi: string) => view.rows.find(row => row.kpi === kpi && row.regionCode === '' && row.level === 0)!
  assert.deepEqual(
    [of('rolling').n, of('rolling').meanS, of('rolling').reversed, of('rolling').missing, of('rolling').edited],
    [1, 60, 1, 0, 1],
  )
  assert.deepEqual([of('order').n, of('order').missing, of('order').meanS], [2, 1, 10.5])
  assert.deepEqual([of('reaction').n, of('reaction').missing], [1, 1])
  assert.deepEqual([view.withdrawn, view.merged, view.runs], [1, 1, 2])
  const met = view.ratios.find(row => row.ratio === 'fulfilment' && row.regionCode === '' && row.level === 0)!
  assert.deepEqual([met.numerator, met.denominator], [3, 4])
  const empty = view.ratios.find(row => row.ratio === 'empty' && row.regionCode === '' && row.level === 0)!
  assert.deepEqual([empty.numerator, empty.denominator], [1, 2])
})

test('KPI-7 CSV: byte order mark, quotes, and no cell a spreadsheet would run', () => {
  for (const cell of ['=1+1', '+86', '-2', '@SUM(A1)', '\t=1', '＝1', ' =1'])
    assert.ok(/^"?'/.test(formatCsvCell(cell)), cell)
  assert.equal(formatCsvCell(-2.5), '-2.5')
  assert.equal(formatCsvCell('a"b,c'), '"a""b,c"')
  assert.equal(formatCsvCell(Number.NaN), '')
  assert.equal(
    formatCsv([
      ['a', 1],
      [undefined, true],
    ]),
    '\uFEFFa,1\r\n,1\r\n',
  )
})

test('KPI-8 named periods are days of the city; an impossible or reversed one is none', () => {
  const now = Date.parse('2026-03-01T00:30:00+08:00')
  assert.deepEqual(listPeriodDays('today', now), { fromDay: '2026-03-01', toDay: '2026-03-01' })
  assert.deepEqual(listPeriodDays('yesterday', now), { fromDay: '2026-02-28', toDay: '2026-02-28' })
  assert.deepEqual(listPeriodDays('week', now), { fromDay: '2026-02-23', toDay: '2026-03-01' })
  assert.deepEqual(listPeriodDays('month', now), { fromDay: '2026-03-01', toDay: '2026-03-01' })
  assert.deepEqual(findPeriod('2026-03-01', '2026-03-01'), {
    from: Date.parse('2026-03-01T00:00:00+08:00'),
    to: Date.parse('2026-03-02T00:00:00+08:00'),
  })
  assert.equal(findPeriod('2026-03-02', '2026-03-01'), undefined)
  assert.equal(findPeriod('2026-02-30', '2026-03-01'), undefined)
})

test('HANDOVER-1 what is late is told with its limit and its reason, worst first; what is in time is not', () => {
  const city = tell()
  openCase(city, 'I-1', 1, start)
  openCase(city, 'I-3', 3, start)
  city.say('call.received', { callId: 'C-9', regionCode: region }, start + 60_000)
  const at = start + 30_000 + 90_000
  const late = listLate(city.world as never, at)
  assert.deepEqual(
    late.map(row => [row.kind, row.incidentId ?? row.callId, row.why]),
    [
      ['answer', 'C-9', 'NOBODY_ANSWERED'],
      ['dispatch', 'I-1', 'UNITS_FREE'],
    ],
  )
  assert.equal(describeLate(late[1]!, 'en'), '3 units are free and none was sent')
  const expects = {}
  assert.equal(code(city.say('incident.unitAssigned', { incidentId: 'I-1', unitId: 'U1', expects }, at, 'd1')), 'done')
  const afterOrder = listLate(city.world as never, at + 31_000).filter(row => row.incidentId === 'I-1')
  assert.deepEqual(
    afterOrder.map(row => [row.kind, row.why]),
    [['acknowledge', 'CREW_SILENT']],
  )
  // An offer nobody answers is late by its own clock, beside whatever else is.
  const waiting = structuredClone(city.world)
  waiting.incidents.get('I-3')!.transfer = { toCode: '330411', fromCode: region, at, by: 'd1', reason: 'x' }
  const offered = listLate(waiting as never, at + 61_000).find(row => row.kind === 'transfer')
  assert.deepEqual([offered?.incidentId, offered?.why, offered?.facts.toCode], ['I-3', 'TRANSFER_PENDING', '330411'])
  // Another county sees nothing of it.
  assert.equal(listLate(city.world as never, at + 31_000, regionCode => regionCode === '330411').length, 0)
})

test('HANDOVER-2 two accounts sign one sheet: made by the house, once, never by the same person, never an old one', () => {
  const city = tell()
  openCase(city, 'I-1', 2, start)
  city.say('incident.unitAssigned', { incidentId: 'I-1', unitId: 'U1' }, start + 60_000, 'd1')
  const at = start + 600_000
  const offer = { handoverId: 'H-1', regionCode: region, note: '交接班' }
  assert.equal(code(city.say('shift.handoverOffered', offer, at)), 'SIGNATURE_MISSING')
  assert.equal(code(city.say('shift.handoverOffered', offer, at, 'd1')), 'done')
  assert.equal(code(city.say('shift.handoverOffered', { ...offer, handoverId: 'H-2' }, at, 'd2')), 'HANDOVER_OPEN')
  const held = city.world.handovers.get('H-1')!
  assert.deepEqual(
    held.sheet.incidents.map(row => [row.incidentId, row.level, row.unitIds]),
    [['I-1', 2, ['U1']]],
  )
  assert.deepEqual(
    held.sheet.units.map(row => [row.unitId, row.status]),
    [['U1', 'ordered']],
  )
  assert.ok(held.sheet.late.some(row => row.unitId === 'U1'))
  const made = structuredClone(held.sheet)
  const take = { handoverId: 'H-1', regionCode: region }
  assert.equal(code(city.say('shift.handedOver', { ...take, regionCode: '330411' }, at, 'd2')), 'HANDOVER_UNKNOWN')
  assert.equal(code(city.say('shift.handedOver', take, at + 1_000, 'd1')), 'HANDOVER_SELF')
  assert.equal(code(city.say('shift.handedOver', take, at + 2_000, 'd2')), 'done')
  assert.equal(code(city.say('shift.handedOver', take, at + 3_000, 'd3')), 'HANDOVER_ENDED')
  assert.deepEqual([held.state, held.offeredBy, held.endedBy, held.endedAt], ['done', 'd1 名', 'd2 名', at + 2_000])
  assert.deepEqual(held.sheet, made, 'the signed sheet stays as it was')
  city.say('shift.handoverOffered', { ...offer, handoverId: 'H-3' }, at + 10_000, 'd2')
  assert.equal(
    code(city.say('shift.handedOver', { ...take, handoverId: 'H-3' }, at + 10_000 + 31 * 60_000, 'd1')),
    'HANDOVER_OLD',
  )
  const end = { handoverId: 'H-3', regionCode: region, reason: '过时' }
  assert.equal(code(city.say('shift.handoverWithdrawn', end, at + 3_000_000, 'd1')), 'done')
})

test('DEGRADE-1 slip numbers are given once, in order, never twice, whatever the seat', () => {
  const city = tell()
  const issue = (rangeId: string, count: number) =>
    code(city.say('slip.rangeIssued', { rangeId, regionCode: region, seat: '1 席', count }, start, 'd1'))
  assert.equal(issue('R-1', 20), 'done')
  assert.equal(issue('R-1', 20), 'SLIP_RANGE_EXISTS')
  assert.equal(issue('R-2', 5), 'done')
  assert.deepEqual(
    [...city.world.slipRanges.values()].map(range => [range.from, range.to]),
    [
      [1, 20],
      [21, 25],
    ],
  )
  assert.equal(formatSlipNo(21), 'P000021')
})

test('DEGRADE-2 a slip brings its case with the times on the paper and keeps its number; the same number twice is refused', () => {
  const city = tell()
  city.say('slip.rangeIssued', { rangeId: 'R-1', regionCode: region, seat: '1 席', count: 10 }, start, 'd1')
  const at = start + 7_200_000
  const slip = {
    slipNo: 3,
    incidentId: 'I-P3',
    callId: 'C-P3',
    level: 2,
    regionCode: region,
    ...city.place,
    stamps: [
      { stamp: 'ring', at: start + 60_000 },
      { stamp: 'answered', at: start + 66_000 },
      { stamp: 'ordered', at: start + 120_000, unitId: 'U1' },
      { stamp: 'rolling', at: start + 240_000, unitId: 'U1' },
      { stamp: 'on-scene', at: start + 900_000, unitId: 'U1' },
    ],
    outcome: 'transported',
  }
  assert.equal(code(city.say('slip.entered', { ...slip, slipNo: 99 }, at, 'd1')), 'SLIP_NOT_ISSUED')
  assert.equal(code(city.say('slip.entered', { ...slip, regionCode: '330411' }, at, 'd1')), 'SLIP_NOT_ISSUED')
  const future = { ...slip, stamps: [{ stamp: 'ring', at: at + 60_000 }] }
  assert.equal(code(city.say('slip.entered', future, at, 'd1')), 'STAMP_IN_FUTURE')
  const strange = { ...slip, stamps: [{ stamp: 'ordered', at: start, unitId: 'U99' }] }
  assert.equal(code(city.say('slip.entered', strange, at, 'd1')), 'UNIT_UNKNOWN')
  assert.equal(city.world.incidents.size, 0, 'a refused slip leaves nothing')
  assert.equal(code(city.say('slip.entered', slip, at, 'd1')), 'done')
  assert.equal(code(city.say('slip.entered', { ...slip, incidentId: 'I-X', callId: 'C-X' }, at, 'd2')), 'SLIP_TAKEN')
  const incident = city.world.incidents.get('I-P3')!
  assert.deepEqual([incident.slipNo, incident.state, incident.openedAt], [3, 'closed', start + 60_000])
  assert.equal(chooseStamp(incident.stamps, 'rolling', 'U1')?.at, start + 240_000)
  assert.ok(incident.stamps.every(stamp => stamp.source === 'edit' && stamp.reason?.includes('P000003')))
  assert.deepEqual(
    [city.world.calls.get('C-P3')!.receivedAt, city.world.calls.get('C-P3')!.answeredAt],
    [start + 60_000, start + 66_000],
  )
  assert.equal(city.world.units.get('U1')!.status, 'idle', 'paper of the past moves no unit')
})

const row = (id: string, more: Partial<IncidentView> = {}): IncidentView => ({
  incidentId: id,
  version: 1,
  state: 'closed',
  level: 3,
  regionCode: region,
  lon: 120,
  lat: 30,
  callIds: [],
  unitIds: [],
  openedAt: start,
  outcome: 'transported',
  stamps: [{ stamp: 'ordered', at: start + 30_000, source: 'key', unitId: 'U1' }],
  sealedFields: [],
  noteCount: 0,
  ...more,
})

test('QC-1 the random sample is the same for everybody with the same day and seed, another for another, and of its stated size', () => {
  const cases = Array.from({ length: 400 }, (_, n) => row(`I-${n}`))
  const draw = (day: string, seed: number, of = cases) =>
    drawSamples(of, day, seed, new Map()).samples.map(s => s.incidentId)
  assert.deepEqual(draw('2026-04-11', 1), draw('2026-04-11', 1, cases.toReversed()))
  assert.notDeepEqual(draw('2026-04-11', 1), draw('2026-04-11', 2))
  assert.notDeepEqual(draw('2026-04-11', 1), draw('2026-04-12', 1))
  assert.equal(draw('2026-04-11', 1).length, 12)
  assert.deepEqual(
    [countRandom(0), countRandom(2), countRandom(50), countRandom(400), countRandom(5_000)],
    [0, 2, 3, 12, 30],
  )
  // Every case has about the same chance: over many days none is drawn far more often than the rest.
  const hits = new Map<string, number>()
  for (let day = 0; day < 1_000; day++) for (const id of draw(`d${day}`, 1)) hits.set(id, (hits.get(id) ?? 0) + 1)
  assert.ok(hits.size === 400 && Math.max(...hits.values()) < 65, `${Math.max(...hits.values())} of an expected 30`)
  assert.notEqual(hashText('a'), hashText('b'))
})

test('QC-2 late, complaint, over- and under-triage are triggered and never drawn as random', () => {
  const lateOrder = [{ stamp: 'ordered', at: start + 16 * 60_000, source: 'key' as const, unitId: 'U1' }]
  assert.deepEqual(listTriggers(row('a')), [])
  assert.deepEqual(listTriggers(row('b', { stamps: lateOrder })), ['late'])
  const slow = [
    ...row('c').stamps,
    { stamp: 'on-scene', at: start + 30_000 + 901_000, source: 'gps' as const, unitId: 'U1' },
  ]
  assert.deepEqual(listTriggers(row('c', { stamps: slow })), ['late'])
  assert.deepEqual(listTriggers(row('d', { level: 1, outcome: 'no-patient' })), ['over-triage'])
  assert.deepEqual(listTriggers(row('e', { level: 4, outcome: 'deceased' })), ['under-triage'])
  assert.deepEqual(listTriggers(row('f', { stamps: [], outcome: 'cancelled' })), [])
  const drawn = drawSamples(
    [row('a'), row('d', { level: 1, outcome: 'no-patient' }), row('g'), row('open', { state: 'open' })],
    '2026-04-11',
    1,
    new Map([['g', ['complaint']]]),
  )
  assert.deepEqual(
    drawn.samples.map(s => [s.incidentId, s.sample, s.triggers]),
    [
      ['d', 'triggered', ['over-triage']],
      ['g', 'triggered', ['complaint']],
      ['a', 'random', []],
    ],
  )
  assert.equal(drawn.cases, 3)
})

test('QC-3 a score fits its sheet, is appealed by the person judged alone and decided by a third', () => {
  const city = tell()
  const scores = defaultScoreSheet.items.map(item => ({ itemId: item.itemId, points: item.points }))
  const body = {
    reviewId: 'Q-1',
    incidentId: 'I-1',
    regionCode: region,
    sample: 'random',
    triggers: [],
    sheetVersion: 1,
    subject: 'd1 名',
  }
  const score = (more: object, who = 's1') => code(city.say('review.scored', { ...body, scores, ...more }, start, who))
  assert.equal(score({ scores: scores.slice(1) }), 'SCORES_INVALID')
  assert.equal(score({ scores: scores.map(r => ({ ...r, points: 101 })) }), 'SCORES_INVALID')
  assert.equal(score({ sheetVersion: 7 }), 'SCORES_INVALID')
  assert.equal(score({}, 'd1'), 'REVIEW_SELF')
  const vital = scores.map(r => (r.itemId === 'address' ? { ...r, points: 0 } : r))
  assert.equal(score({ scores: vital }), 'done')
  const review = city.world.reviews.get('Q-1')!
  assert.deepEqual([review.share, review.isPassed], [0.86, false], 'a vital item at zero fails the whole')
  assert.equal(score({}), 'REVIEW_EXISTS')
  const appeal = { reviewId: 'Q-1', regionCode: region, reason: '录音可证' }
  const decide = { reviewId: 'Q-1', regionCode: region, verdict: 'changed', reason: '复听录音', scores }
  assert.equal(code(city.say('review.decided', decide, start, 's2')), 'REVIEW_STATE')
  assert.equal(code(city.say('review.appealed', appeal, start, 'd2')), 'REVIEW_FOREIGN')
  assert.equal(code(city.say('review.appealed', appeal, start + 8 * 86_400_000, 'd1')), 'APPEAL_LATE')
  assert.equal(code(city.say('review.appealed', appeal, start + 86_400_000, 'd1')), 'done')
  assert.equal(code(city.say('review.decided', decide, start, 's1')), 'REVIEW_SELF')
  assert.equal(code(city.say('review.decided', { ...decide, scores: undefined }, start, 's2')), 'SCORES_INVALID')
  assert.equal(code(city.say('review.decided', decide, start, 's2')), 'done')
  assert.deepEqual(
    [review.state, review.share, review.isPassed, review.decision?.verdict],
    ['decided', 1, true, 'changed'],
  )
})

test('QC-4 the sheet is versioned: a version never changes its meaning, an older one still judges its own scores', () => {
  const city = tell()
  const next = { ...defaultScoreSheet, version: 2, items: defaultScoreSheet.items.slice(0, 2) }
  assert.equal(code(city.say('review.sheetPublished', { ...next, version: 1 }, start, 's1')), 'SHEET_STALE')
  const twice = { ...next, items: [next.items[0]!, next.items[0]!] }
  assert.equal(code(city.say('review.sheetPublished', twice, start, 's1')), 'SHEET_INVALID')
  assert.equal(code(city.say('review.sheetPublished', next, start, 's1')), 'done')
  assert.deepEqual(
    listSheets(city.world).map(sheet => sheet.version),
    [2, 1],
  )
  assert.equal(
    defaultScoreSheet.items.reduce((sum, item) => sum + item.points, 0),
    100,
  )
})

test('QC-5 the month counts reviews, passes, appeals and means by item and by person', () => {
  assert.deepEqual(findMonth('2026-12'), {
    from: Date.parse('2026-12-01T00:00:00+08:00'),
    to: Date.parse('2027-01-01T00:00:00+08:00'),
  })
  const sheet = { ...defaultScoreSheet, items: defaultScoreSheet.items.slice(0, 1) }
  const full = sheet.items[0]!.points
  const review = (reviewId: string, points: number, subject: string, more = {}) =>
    ({
      reviewId,
      incidentId: reviewId,
      regionCode: region,
      sample: 'random',
      triggers: [],
      sheetVersion: 1,
      scores: [{ itemId: sheet.items[0]!.itemId, points }],
      share: points / full,
      isPassed: points / full >= 0.8,
      subject,
      state: 'scored',
      scoredAt: start,
      scoredBy: 's',
      scoredById: 's',
      ...more,
    }) as never
  const decision = { at: start, by: 'x', verdict: 'changed', reason: 'y' }
  const appeal = { at: start, by: 'b', reason: 'z' }
  const month = summariseMonth(
    '2026-04',
    [review('1', full, 'a'), review('2', full / 2, 'b', { appeal, decision, sample: 'triggered' })],
    [sheet],
  )
  assert.deepEqual(
    [month.reviews, month.random, month.triggered, month.passed, month.appealed, month.changed, month.meanShare],
    [2, 1, 1, 1, 1, 1, 0.75],
  )
  assert.deepEqual(month.items, [{ itemId: 'answer-time', sheetVersion: 1, n: 2, meanShare: 0.75 }])
  assert.deepEqual(
    month.subjects.map(s => [s.subject, s.n, s.passed]),
    [
      ['b', 1, 0],
      ['a', 1, 1],
    ],
  )
})

test('DEGRADE-4 times on paper: read as written, over midnight, and a step back is said, never guessed', () => {
  assert.deepEqual(['08:05', '8:05:30', '0805', '080530', '8.05', '08：05', '24:00', '8:61', 'x', ''].map(parseClock), [
    29_100_000,
    29_130_000,
    29_100_000,
    29_130_000,
    29_100_000,
    29_100_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  assert.deepEqual(['P000012', 'p12', '12', '0', 'P1234567', 'x'].map(parseSlipNo), [
    12,
    12,
    12,
    undefined,
    undefined,
    undefined,
  ])
  const night = readSlipTimes('2026-04-11', [
    { times: { ring: '23:58', answered: '23:58:10', opened: '23:59' } },
    { unitId: 'U1', times: { ordered: '23:59:30', rolling: '00:02', 'on-scene': '00:15' } },
  ])!
  assert.deepEqual(night.faults, [])
  const at = (text: string) => Date.parse(`${text}+08:00`)
  assert.deepEqual(
    night.stamps.map(stamp => stamp.at),
    [
      '2026-04-11T23:58:00',
      '2026-04-11T23:58:10',
      '2026-04-11T23:59:00',
      '2026-04-11T23:59:30',
      '2026-04-12T00:02:00',
      '2026-04-12T00:15:00',
    ].map(at),
  )
  const wrong = readSlipTimes('2026-04-11', [
    { times: { ring: '10:00', answered: '9:59', opened: 'zehn' } },
    { unitId: 'U1', times: { ordered: '09:30' } },
  ])!
  assert.deepEqual(wrong.faults, [
    { step: 'answered', fault: 'backwards' },
    { step: 'opened', fault: 'unreadable' },
    { step: 'ordered', unitId: 'U1', fault: 'backwards' },
  ])
  assert.equal(readSlipTimes('2026-02-30', []), undefined)
})

test('DAY-9 a moment of the past: the last fix before it, the last step before it, nothing from after it', () => {
  const reel = buildReel(
    {
      from: start,
      to: start + 600_000,
      stepMs: 5_000,
      isCut: false,
      units: ['U1', 'U2'],
      rows: [
        [0, start + 10_000, 120.1, 30, 90, 40],
        [0, start, 120, 30, -1, -1],
        [1, start + 300_000, 121, 31, -1, 0],
      ],
    },
    [
      row('I-1', {
        openedAt: start - 1_000,
        closedAt: start + 400_000,
        stamps: [
          { stamp: 'ordered', at: start, source: 'key', unitId: 'U1' },
          { stamp: 'rolling', at: start + 20_000, source: 'key', unitId: 'U1' },
          { stamp: 'released', at: start + 350_000, source: 'key', unitId: 'U1' },
        ],
      }),
    ],
  )
  assert.deepEqual(reel.findUnits(start - 1), [])
  const [first] = reel.findUnits(start + 9_999)
  assert.deepEqual([first!.lon, first!.status, first!.courseDeg, first!.silent], [120, 'ordered', undefined, false])
  const [second] = reel.findUnits(start + 20_000)
  assert.deepEqual([second!.lon, second!.status, second!.courseDeg, second!.speedKmh], [120.1, 'rolling', 90, 40])
  const later = reel.findUnits(start + 360_000)
  assert.deepEqual(
    later.map(unit => [unit.unitId, unit.status, unit.silent]),
    [
      ['U1', 'returning', true],
      ['U2', 'idle', false],
    ],
  )
  assert.deepEqual([reel.listOpen(start).length, reel.listOpen(start + 400_000).length], [1, 0])
  assert.deepEqual(reel.listPath('U1'), [
    [120, 30],
    [120.1, 30],
  ])
  assert.deepEqual(reel.listPath('U9'), [])
})

/**
 * Report cards on the pure line and at the door: the code tree, field validation, the workflow, clocks, duplicates, history.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { judgeCard } from '#contract/cards.ts'
import {
  cardLimitsMs,
  diseases,
  findDisease,
  findDiseaseById,
  findLawClass,
  getDiseaseRoot,
  isUrgent,
  listDiseaseIds,
} from '#contract/diseases.ts'
import type { BodyInputOf } from '#contract/entry.ts'
import { describeReject } from '#contract/errors.ts'
import { dayMs, formatDay, getDayIndex, hourMs } from '#contract/scalars.ts'
import { CardView, DraftView } from '#contract/view.ts'
import { toCardRow } from '../../server/fanout/tables.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'

const statutory = resolve(import.meta.dirname, '../../../shared/domain/thresholds.json')

test('CARD-1 the tree: 40 diseases (2 + 27 + 11), unique ids and ICD-10 prefixes, parents that exist', () => {
  const roots = diseases.filter(one => one.lawClass !== undefined)
  assert.deepEqual(
    (['A', 'B', 'C'] as const).map(cls => roots.filter(one => one.lawClass === cls).length),
    [2, 27, 11],
  )
  const ids = diseases.flatMap(one => [one.diseaseId, ...(one.aliases ?? [])])
  assert.equal(new Set(ids).size, ids.length)
  const prefixes = diseases.flatMap(one => one.icd10)
  assert.equal(new Set(prefixes).size, prefixes.length)
  for (const one of diseases) {
    for (const prefix of one.icd10) {
      assert.match(prefix, /^[A-Z]\d\d(\.\d{1,2})?$/)
      assert.equal(findDisease(prefix)?.diseaseId, one.diseaseId, prefix)
    }
    if (one.parentId === undefined) {
      assert.ok(one.lawClass !== undefined || one.eventOnly !== undefined, one.diseaseId)
      continue
    }
    const parent = findDiseaseById(one.parentId)!
    assert.equal(parent.parentId, undefined, `${one.diseaseId}: two levels`)
    assert.equal(findLawClass(one.diseaseId), parent.lawClass)
  }
})

test('CARD-2 the statutory frame: every disease of the list with its class, limit and ICD-10 set, every id of an event', t => {
  if (!existsSync(statutory)) return t.skip('no data')
  const frame = JSON.parse(readFileSync(statutory, 'utf8')) as {
    diseases: { id: string; name_zh: string; cls: string; icd10: string[]; managed_as_A: boolean; card_limit: string }[]
    event_thresholds: { disease: string }[]
  }
  for (const row of frame.diseases) {
    const found = findDiseaseById(row.id)
    assert.ok(found, row.id)
    assert.equal({ 甲: 'A', 乙: 'B', 丙: 'C' }[row.cls], findLawClass(row.id), row.id)
    assert.equal(isUrgent(row.id), row.card_limit === '2h', row.id)
    for (const code of row.icd10) {
      // An A22.1 stands at its own node; any other code of the list leads to the disease it is listed for.
      const id = findDisease(code)?.diseaseId
      assert.ok(
        id !== undefined && (id === row.id || getDiseaseRoot(id) === getDiseaseRoot(row.id)),
        `${row.id} ${code}`,
      )
    }
  }
  for (const { disease } of frame.event_thresholds) assert.ok(findDiseaseById(disease), disease)
})

test('CARD-3 the most specific code wins, however it is written; what no node holds is undefined', () => {
  const found = (code: string) => findDisease(code)?.diseaseId
  assert.deepEqual(
    [
      'A22',
      'A22.1',
      'a22.100x001',
      ' A22 .1',
      'A22.9',
      'B15.9',
      'B16.0',
      'B16.9',
      'B17.1',
      'B17.2',
      'B18.2',
      'B18.9',
    ].map(found),
    [
      'anthrax',
      'anthrax_pulm',
      'anthrax_pulm',
      'anthrax_pulm',
      'anthrax',
      'hepatitis_a',
      'hepatitis_d',
      'hepatitis_b',
      'hepatitis_c',
      'hepatitis_e',
      'hepatitis_c',
      'hepatitis_untyped',
    ],
  )
  assert.deepEqual(['A01.0', 'A01.3', 'A01'].map(found), ['typhoid_fever', 'paratyphoid', 'typhoid'])
  for (const nothing of ['', 'X', 'I21.9', '霍乱', 'A', 'A2', 'J18.9', 'B08', '__proto__'])
    assert.equal(found(nothing), undefined)
  assert.deepEqual(listDiseaseIds('anthrax'), ['anthrax', 'anthrax_pulm', 'anthrax_cutaneous', 'anthrax_intestinal'])
  assert.deepEqual(listDiseaseIds('anthrax_pulm'), ['anthrax_pulm'])
  assert.equal(findDiseaseById('hand-foot-mouth')?.diseaseId, 'hfmd')
})

const at = Date.UTC(2026, 10, 21, 0, 0)
const day = (offset: number) => formatDay(getDayIndex(at) + offset)

test('CARD-4 a card must hold together: tree, code, class, dates, ages; refusals carry both languages', () => {
  const card = { diseaseId: 'measles', caseClass: 'confirmed', diagnosedAt: at, filedAt: at }
  const code = (more: object) => {
    const fault = judgeCard({ ...card, ...more })
    if (!fault) return 'holds'
    const told = describeReject(fault)
    assert.doesNotMatch(told.zh + told.en, /—|\{/, JSON.stringify(told))
    assert.match(told.zh, /[\u4e00-\u9fff]/)
    return told.code
  }
  for (const [more, wanted] of [
    [{}, 'holds'],
    [{ diseaseId: 'flu' }, 'DISEASE_UNKNOWN'],
    [{ diseaseId: '' }, 'DISEASE_UNKNOWN'],
    [{ diseaseId: 'foodpoisoning' }, 'DISEASE_UNKNOWN'],
    [{ diseaseId: 'pneumonia_unknown' }, 'holds'],
    [{ diseaseId: 'varicella', icd10: 'B01.9' }, 'holds'],
    [{ icd10: 'B05.9' }, 'holds'],
    [{ icd10: 'J18.9' }, 'holds'],
    [{ icd10: 'B06.9' }, 'CARD_ICD10'],
    [{ diseaseId: 'hepatitis', icd10: 'B15.9' }, 'holds'],
    [{ caseClass: 'carrier' }, 'CARD_CLASS'],
    [{ diseaseId: 'cholera', caseClass: 'carrier' }, 'holds'],
    [{ diseaseId: 'malaria_vivax', caseClass: 'carrier' }, 'holds'],
    [{ onsetDay: day(0) }, 'holds'],
    [{ onsetDay: day(1) }, 'CARD_DATES'],
    [{ onsetDay: '2026-02-30' }, 'DAY_INVALID'],
    [{ filedAt: at - 1 }, 'CARD_DATES'],
    [{ onsetDay: day(-2), deathDay: day(-3) }, 'CARD_DATES'],
    [{ deathDay: day(1) }, 'CARD_DATES'],
    [{ deathDay: day(0) }, 'holds'],
    [{ diseaseId: 'nntetanus', ageBand: '25-59' }, 'CARD_AGE'],
    [{ diseaseId: 'nntetanus', ageBand: '0-4' }, 'holds'],
    [{ ageBand: '60+', occupation: 'preschool-kindergarten' }, 'CARD_AGE'],
    [{ ageBand: '0-4', occupation: 'student' }, 'CARD_AGE'],
    [{ ageBand: '5-14', occupation: 'student' }, 'holds'],
    [{ ageBand: '5-14', occupation: 'farmer' }, 'holds'],
  ] as const)
    assert.equal(code(more), wanted, JSON.stringify(more))
})

type Said = Partial<BodyInputOf<'report.received'>>
let serial = 0
const file = (f: Folding, said: Said = {}) => {
  const cardId = said.cardId ?? `C${++serial}`
  const outcome = f.say('report.received', {
    cardId,
    diseaseId: 'measles',
    caseClass: 'clinical',
    regionCode: '330402',
    facilityId: 'F1',
    diagnosedAt: f.now() - hourMs,
    ...said,
  })
  assert.equal(outcome.result, 'done', JSON.stringify(outcome))
  return f.world.cards.get(cardId)!
}
const codeOf = (outcome: ReturnType<Folding['say']>) => (outcome.result === 'refused' ? outcome.code : 'done')

test('CARD-5 clocks: filing and review are due in 2 h for class A and what is managed so, 24 h for the rest; late is marked', () => {
  const f = createFolding()
  for (const [diseaseId, limit] of [
    ['cholera', cardLimitsMs.urgent],
    ['anthrax_pulm', cardLimitsMs.urgent],
    ['plague_bubonic', cardLimitsMs.urgent],
    ['pneumonia_unknown', cardLimitsMs.urgent],
    ['anthrax', cardLimitsMs.usual],
    ['hfmd', cardLimitsMs.usual],
  ] as const) {
    const inTime = file(f, { diseaseId, diagnosedAt: f.now() - limit.file })
    const late = file(f, { diseaseId, diagnosedAt: f.now() - limit.file - 1 })
    assert.deepEqual([inTime.filedLate, late.filedLate], [false, true], diseaseId)
    assert.deepEqual([inTime.fileDueAt, inTime.reviewDueAt], [f.now(), f.now() + limit.review])
  }
  const told = file(f, { diseaseId: 'cholera', diagnosedAt: f.now() - dayMs, filedAt: f.now() - dayMs + hourMs })
  assert.deepEqual([told.filedLate, told.reviewDueAt], [false, f.now() + cardLimitsMs.urgent.review])
})

test('CARD-6 the workflow: review, return, correction, retraction; every step stays, with before and after', () => {
  const f = createFolding()
  const card = file(f, { patientName: 'sealed:v1:x' })
  const { cardId } = card
  const review = (decision: 'accepted' | 'returned', more = {}) =>
    codeOf(f.say('report.reviewed', { cardId, decision, reason: 'r' }, more))
  assert.equal(codeOf(f.say('report.reviewed', { cardId: 'none', decision: 'accepted' })), 'CARD_UNKNOWN')
  assert.equal(review('accepted', { expects: { card: 9 } }), 'VERSION_STALE')
  assert.equal(review('returned'), 'done')
  assert.equal(review('accepted'), 'CARD_TRANSITION')
  f.turn(hourMs)
  const correct = (body: object) => codeOf(f.say('report.corrected', { cardId, reason: 'r', ...body }))
  assert.equal(correct({ diseaseId: 'rubella', onsetDay: day(-1), identityNumber: 'sealed:v1:y' }), 'done')
  assert.deepEqual([card.state, card.diseaseId, card.reviewDueAt], ['filed', 'rubella', f.now() + 24 * hourMs])
  assert.equal(correct({ diseaseId: 'gone' }), 'DISEASE_UNKNOWN')
  assert.equal(correct({ onsetDay: day(3) }), 'CARD_DATES')
  assert.equal(card.onsetDay, day(-1), 'a refused correction changes nothing')
  assert.equal(review('accepted'), 'done')
  assert.ok(card.reviewedAt)
  assert.equal(codeOf(f.say('report.retracted', { cardId, reason: '误报' })), 'done')
  assert.equal(codeOf(f.say('report.retracted', { cardId, reason: '误报' })), 'CARD_TRANSITION')
  assert.equal(correct({ sex: 'male' }), 'CARD_TRANSITION')
  assert.deepEqual(
    card.history.map(step => step.action),
    ['filed', 'returned', 'corrected', 'reviewed', 'retracted'],
  )
  assert.deepEqual(card.history[2]!.changes, { diseaseId: ['measles', 'rubella'], onsetDay: ['', day(-1)] })
  assert.deepEqual(card.history[2]!.personalFields, ['identityNumber'])
  assert.deepEqual(card.sealedFields, ['patientName', 'identityNumber'])
  assert.doesNotMatch(JSON.stringify(card), /sealed:v1/)
  CardView.parse(card)
  assert.equal(codeOf(f.say('report.received', { ...bodyOf(card), cardId })), 'CARD_EXISTS')
})

const bodyOf = (card: { regionCode: string; facilityId: string }): BodyInputOf<'report.received'> => ({
  cardId: 'x',
  diseaseId: 'measles',
  caseClass: 'clinical',
  regionCode: card.regionCode,
  facilityId: card.facilityId,
  diagnosedAt: at,
})

test('CARD-7 a person, a disease, a window: later cards are joined to the first and shown; any order of arrival joins them', () => {
  const f = createFolding()
  const key = (name: string) => ({ personKeys: [name] })
  const one = file(f, { ...key('i1'), diseaseId: 'hepatitis_a' })
  const same = file(f, { ...key('i1'), diseaseId: 'hepatitis_untyped' })
  const other = file(f, { ...key('i1'), diseaseId: 'measles' })
  const stranger = file(f, { ...key('i2'), diseaseId: 'hepatitis_a' })
  const nobody = file(f, { diseaseId: 'hepatitis_a' })
  const far = file(f, { ...key('i1'), diseaseId: 'hepatitis_a', diagnosedAt: f.now() - 31 * dayMs })
  assert.deepEqual(
    [one, same, other, stranger, nobody, far].map(card => card.duplicateOf),
    [undefined, one.cardId, undefined, undefined, undefined, undefined],
  )
  assert.deepEqual(one.duplicateIds, [same.cardId])
  assert.deepEqual([one.history.at(-1)!.action, same.history.at(-1)!.action], ['joined', 'joined'])
  // By phone and name too, and through either of two keys.
  const both = file(f, { personKeys: ['i3', 'n3'] })
  assert.equal(file(f, { personKeys: ['n3'] }).duplicateOf, both.cardId)
  assert.equal(file(f, { personKeys: ['i3'] }).duplicateOf, both.cardId)
  assert.equal(both.duplicateIds.length, 2)
  // Once for life: years apart it is still one case.
  const hiv = file(f, { ...key('i4'), diseaseId: 'hiv_infection', diagnosedAt: f.now() - 3_000 * dayMs })
  assert.equal(file(f, { ...key('i4'), diseaseId: 'aids' }).duplicateOf, hiv.cardId)
})

test('CARD-8 a retraction or a correction of the first card lets the next one lead; nothing stays joined to what is gone', () => {
  const f = createFolding()
  const [a, b, c] = [1, 2, 3].map(() => file(f, { personKeys: ['i9'] }))
  f.say('report.retracted', { cardId: a!.cardId, reason: 'x' })
  assert.deepEqual([b!.duplicateOf, b!.duplicateIds, c!.duplicateOf], [undefined, [c!.cardId], b!.cardId])
  assert.deepEqual([a!.duplicateIds, a!.state], [[], 'retracted'])
  f.say('report.corrected', { cardId: b!.cardId, reason: 'x', diseaseId: 'rubella' })
  assert.deepEqual([b!.duplicateIds, c!.duplicateOf], [[], undefined])
  f.say('report.corrected', { cardId: b!.cardId, reason: 'x', diseaseId: 'measles' })
  assert.equal(b!.duplicateOf, c!.cardId, 'joined again, now behind the one that led meanwhile')
  assert.deepEqual(c!.duplicateIds, [b!.cardId])
  f.say('person.forgotten', { recordKind: 'card', recordId: c!.cardId, reason: 'x' })
  assert.equal(c!.personKeys, undefined)
  assert.equal(file(f, { personKeys: ['i9'] }).duplicateOf, c!.cardId, 'through the card that is still known')
})

test('CARD-9 a feed drafts, a person files under the same id or says why not; a draft is no case', () => {
  const f = createFolding()
  f.publish(makeRule({ windowH: 24, when: { type: 'card', diseaseIds: ['cholera'], min: 1 } }))
  const draft = (cardId: string) =>
    codeOf(
      f.say('report.drafted', {
        cardId,
        diseaseId: 'cholera',
        icd10: 'A00.9',
        regionCode: '330402',
        facilityId: 'F1',
        diagnosedAt: f.now(),
        patientName: 'sealed:v1:x',
      }),
    )
  assert.equal(draft('D1'), 'done')
  assert.equal(draft('D2'), 'done')
  assert.deepEqual([f.world.drafts.size, f.world.cards.size, f.world.alerts.size], [2, 0, 0])
  DraftView.parse(f.world.drafts.get('D1'))
  assert.doesNotMatch(JSON.stringify([...f.world.drafts]), /sealed:v1/)
  assert.equal(f.world.drafts.get('D1')!.fileDueAt, f.now() + 2 * hourMs)
  const card = file(f, { cardId: 'D1', diseaseId: 'cholera', diagnosedAt: f.now() })
  assert.deepEqual([f.world.drafts.has('D1'), f.world.alerts.size, card.sealedFields], [false, 1, ['patientName']])
  assert.equal(draft('D1'), 'CARD_EXISTS')
  // A person who has a card of this disease already: the hospital is told before it files another.
  file(f, { cardId: 'P1', diseaseId: 'hfmd', personKeys: ['i5'] })
  f.say('report.drafted', {
    cardId: 'D3',
    diseaseId: 'hfmd',
    regionCode: '330402',
    facilityId: 'F1',
    personKeys: ['i5'],
  })
  assert.equal(f.world.drafts.get('D3')!.duplicateOf, 'P1')
  assert.equal(codeOf(f.say('report.draftDismissed', { cardId: 'D2', reason: '非病例' })), 'done')
  assert.equal(codeOf(f.say('report.draftDismissed', { cardId: 'D2', reason: '非病例' })), 'DRAFT_UNKNOWN')
})

test('CARD-10 a row of the line list holds what it is filtered by and nothing of the person', () => {
  const f = createFolding()
  const card = file(f, {
    diseaseId: 'hepatitis_a',
    personKeys: ['i77'],
    patientName: 'sealed:v1:x',
    onsetDay: day(-3),
    // 23:30 of the day before in UTC is the day itself in Shanghai.
    diagnosedAt: Date.UTC(2026, 10, 20, 23, 30),
    filedAt: Date.UTC(2026, 10, 21, 17, 0),
  })
  const row = toCardRow(card)
  assert.deepEqual(
    [row.rootId, row.onsetDay, row.diagnosisDay, row.filingDay, row.reviewDay, row.ageBand],
    ['hepatitis', day(-3), '2026-11-21', '2026-11-22', null, 'unknown'],
  )
  assert.doesNotMatch(JSON.stringify(row.view), /i77|sealed:|personKeys/)
})

test('CARD-11 the limits are settings: published anew they hold for what is filed from then on, an older version for nothing', () => {
  const f = createFolding()
  const before = file(f, { diseaseId: 'cholera' })
  const publish = (version: number, body: object) => f.say('report.limitsPublished', { version, ...body })
  publish(2, { urgent: { fileS: 1_800, reviewS: 3_600 } })
  publish(1, { urgent: { fileS: 60, reviewS: 60 } })
  const after = file(f, { diseaseId: 'cholera' })
  assert.deepEqual(
    [before, after].map(card => [card.fileDueAt - card.diagnosedAt, card.reviewDueAt - card.at]),
    [
      [2 * hourMs, 2 * hourMs],
      [hourMs / 2, hourMs],
    ],
  )
  assert.equal(file(f, { diseaseId: 'hfmd' }).filedLate, false, 'a class left out keeps the limit of the law')
})

test('CARD-12 what is over leaves the world after its time, what the county has not reviewed stays', () => {
  const f = createFolding()
  const [waiting, reviewed] = [file(f), file(f)]
  f.say('report.reviewed', { cardId: reviewed!.cardId, decision: 'accepted' })
  f.turn(61 * dayMs)
  f.tick(1_000, 'day')
  assert.deepEqual([...f.world.cards.keys()], [waiting!.cardId])
  assert.equal(codeOf(f.say('report.reviewed', { cardId: waiting!.cardId, decision: 'accepted' })), 'done')
})

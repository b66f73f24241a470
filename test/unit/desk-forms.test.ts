/**
 * What the form of a new case is made of, without a browser: which pack fits what is typed, what a pack proposes there, the beat,
 * the grade of a confidence, the county that answers for a place beyond every border, and keys that do not collide.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RegionView } from '#contract/view.ts'
import type { BasemapPack } from '#contract/wire.ts'
import { gradeConfidence } from '../../console/incidents/confidence.ts'
import { listBeats } from '../../console/incidents/metronome.ts'
import {
  changeAsking,
  draftSubject,
  isUsable,
  listAskings,
  matchPacks,
  openPack,
  runAll,
} from '../../console/incidents/packs.ts'
import { findKeyRow, keyTable } from '../../console/shell/keys.ts'
import { findNearestCounty, findRegionHolding, findRegionOf } from '../../console/shell/region-words.ts'
import { defaultPacks } from '../../server/operations/default-packs.ts'

test('PACK-12 a pack is offered by title, word, initials or what the caller said; none is offered for nothing that fits', () => {
  const first = (text: string) => matchPacks(defaultPacks, text)[0]?.packId
  for (const [text, packId] of [
    ['xt', 'chest-pain'],
    ['XT', 'chest-pain'],
    ['胸痛', 'chest-pain'],
    ['老人胸痛半小时,出冷汗', 'chest-pain'],
    ['zf', 'stroke'],
    ['ysl', 'obstetric'],
    ['chest', 'chest-pain'],
    ['没呼吸', 'arrest'],
  ] as const)
    assert.equal(first(text), packId, text)
  assert.equal(first('qqqq'), undefined)
  assert.equal(matchPacks(defaultPacks, '').length, defaultPacks.length)
})

test('PACK-13 without approval a pack is usable in a demo or a drill alone, a retired one nowhere', () => {
  const [pack] = defaultPacks
  const approved = { ...pack!, approval: { approver: '沈医生', day: '2026-11-20' } }
  const answer = { version: 1, mayDrill: false, packs: [] }
  assert.equal(isUsable(pack!, answer), false)
  assert.equal(isUsable(pack!, { ...answer, mayDrill: true }), true)
  assert.equal(isUsable(approved, answer), true)
  assert.equal(isUsable({ ...approved, retired: true }, { ...answer, mayDrill: true }), false)
})

test('PACK-14 an answer that leads to another pack opens it, and the most urgent of both is proposed', () => {
  openPack(draftSubject, 'chest-pain')
  const answer = (questionId: string, answerId: string) =>
    changeAsking(draftSubject, defaultPacks, asking => ({
      ...asking,
      answers: [...asking.answers, { questionId, answerId }],
    }))
  answer('awake', 'no')
  answer('breathes', 'no')
  const askings = listAskings(draftSubject, undefined)
  assert.deepEqual(
    askings.map(each => each.packId),
    ['chest-pain', 'arrest'],
  )
  const { runs, level } = runAll(askings, defaultPacks)
  assert.equal(level, 1)
  assert.equal(runs.at(-1)?.run.metronomePerMin, 110)
})

test('PACK-15 the beat is even and starts where it stopped being planned', () => {
  const first = listBeats(10, 0, 12, 110)
  const later = listBeats(10, first.length, 14, 110)
  const all = [...first, ...later]
  for (let n = 1; n < all.length; n++) assert.ok(Math.abs(all[n]! - all[n - 1]! - 60 / 110) < 1e-9)
  assert.equal(all.length, Math.ceil((4 * 110) / 60))
})

test('ADDR-15 a confidence is one of three words; a place beyond every border is answered for by the nearest county', () => {
  assert.deepEqual([0.99, 0.75, 0.5, 0.35, 0.2, 0].map(gradeConfidence), [
    'high',
    'high',
    'middle',
    'middle',
    'low',
    'low',
  ])
  const county = (code: string, lon: number): RegionView => ({
    code,
    name: code,
    nameEn: code,
    level: 'county',
    lon,
    lat: 30.75,
    population: 1,
  })
  const regions = new Map([county('330402', 120.75), county('330411', 120.6)].map(each => [each.code, each]))
  const ring = [
    [120.7, 30.7],
    [120.8, 30.7],
    [120.8, 30.8],
    [120.7, 30.8],
    [120.7, 30.7],
  ] as const
  const pack = { regions: [{ ...regions.get('330402')!, polygon: [ring] }] } as unknown as BasemapPack
  assert.equal(findRegionHolding({ lon: 120.75, lat: 30.75 }, regions, pack), '330402')
  const beyond = { lon: 116.4, lat: 39.9 }
  assert.equal(findRegionHolding(beyond, regions, pack), undefined)
  assert.equal(findRegionOf(beyond, regions, pack), undefined)
  assert.equal(findNearestCounty(beyond, regions), '330411')
  assert.equal(findNearestCounty(beyond, new Map()), undefined)
})

test('SHIFT-2 no two keys of one place collide, and the keys of the form work while text is typed', () => {
  const seen = new Map<string, string>()
  for (const row of keyTable.filter(each => each.where !== 'review'))
    for (const key of row.keys) {
      assert.equal(seen.get(key), undefined, `${key} is ${seen.get(key)} and ${row.id}`)
      seen.set(key, row.id)
    }
  const press = (key: string, more: object = {}) =>
    findKeyRow({ key, altKey: false, ctrlKey: false, metaKey: false, ...more }, true)?.id
  assert.deepEqual(
    [
      press('F1'),
      press('F2'),
      press('F3'),
      press('F4'),
      press('Enter', { altKey: true }),
      press('Enter', { ctrlKey: true }),
    ],
    ['answer', 'pack', 'toAddress', 'toLevel', 'sendLater', 'send'],
  )
  for (const key of ['1', '2', 'x', 'j', '-', '0'])
    assert.equal(press(key), undefined, `${key} is a letter while typing`)
})

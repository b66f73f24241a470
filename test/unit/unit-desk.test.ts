/**
 * What the desk works out by itself about tasks and centres: the words of its command line, who may stand down, which cases are
 * near, what sounds at which seat, the order of the queue, times written by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { overrideCauses } from '#contract/entry.ts'
import type { IncidentView, PlaceView, RegionView, UnitView } from '#contract/view.ts'
import {
  findCarrier,
  findFreed,
  isOfferedTo,
  listLate,
  listNear,
  mergesMax,
  readClockTime,
} from '../../console/incidents/choices.ts'
import { listQueue, openFilter } from '../../console/incidents/order.ts'
import { findUnitWait, getIncidentWait, judgeWait } from '../../console/incidents/timers.ts'
import { en } from '../../console/language/en.ts'
import { zh } from '../../console/language/zh.ts'
import { readCommand } from '../../console/shell/command-words.ts'
import { getUnitLook } from '../../console/units/status.ts'
import { listUnitAlarms } from '../../console/units/unit-alarms.ts'

/** 2026-11-21 08:00 in Shanghai. */
const now = Date.UTC(2026, 10, 21)

const unit = (unitId: string, more: Partial<UnitView> = {}): UnitView => ({
  unitId,
  name: `${unitId} 号车`,
  unitClass: 'B',
  capabilities: [],
  regionCode: '330402',
  status: 'idle',
  statusAt: now,
  version: 1,
  silent: false,
  ...more,
})
const incident = (incidentId: string, more: Partial<IncidentView> = {}): IncidentView => ({
  incidentId,
  version: 1,
  state: 'open',
  level: 2,
  regionCode: '330402',
  lon: 120.7,
  lat: 30.7,
  callIds: [],
  unitIds: [],
  openedAt: now,
  stamps: [],
  sealedFields: [],
  noteCount: 0,
  ...more,
})
const region = (code: string, name: string, level: RegionView['level'] = 'county'): RegionView => ({
  code,
  name,
  nameEn: name,
  level,
  lon: 120.7,
  lat: 30.7,
  population: 1,
})
const place = (placeId: string, placeKind: string, name: string): PlaceView => ({
  placeId,
  placeKind,
  name,
  regionCode: '330402',
  lon: 120.7,
  lat: 30.7,
})

test('TASK-11 the command line hands over, queues, diverts, moves, joins, chooses a hospital and declares; a wrong word says which', () => {
  const lists = {
    incidents: [incident('A-118'), incident('A-119', { unitIds: ['U1'] })],
    units: [unit('U1', { incidentId: 'A-119', status: 'rolling' }), unit('U2')],
    alerts: [],
    regions: [region('330411', '秀洲区'), region('330402', '南湖区'), region('330400', '嘉兴市', 'city')],
    places: [place('P1', 'standby', '北郊驻点'), place('H1', 'hospital', '市一院'), place('F1', 'pharmacy', '药店')],
    findStatus: () => undefined,
    statusWords: [],
  }
  const read = (line: string) => {
    const reading = readCommand(line, lists)
    return reading.ok ? reading.command : `${reading.why}:${reading.word}`
  }
  const transfer = read('T 118 秀洲中心 更近')
  assert.ok(typeof transfer === 'object' && transfer.verb === 'transfer')
  assert.deepEqual([transfer.incident.incidentId, transfer.region.code, transfer.reason], ['A-118', '330411', '更近'])
  for (const line of ['T 118 330411', '移交 118 秀洲区', 't 118 秀洲急救中心'])
    assert.equal(typeof read(line), 'object', line)
  assert.equal(read('T 118 月球'), 'region:月球')
  assert.equal(read('T 777 秀洲区'), 'incident:777')
  const verbs: [string, string][] = [
    ['Q 118 U1', 'queue'],
    ['V 118 U1', 'divert'],
    ['M U2 P1', 'move'],
    ['M U2 北郊驻点', 'move'],
    ['J 118 119', 'merge'],
    ['H U1 市一院', 'hospital'],
    ['G 118 12', 'mass'],
  ]
  for (const [line, verb] of verbs) {
    const command = read(line)
    assert.ok(typeof command === 'object' && command.verb === verb, `${line}: ${JSON.stringify(command)}`)
  }
  assert.equal(read('M U2 市一院'), 'place:市一院', 'a hospital is no base')
  assert.equal(read('H U1 药店'), 'place:药店', 'a pharmacy is no hospital')
  assert.equal(read('H U2 市一院'), 'incident:U2 号车', 'who has no case takes nobody to hospital')
  assert.equal(read('G 118 0'), 'count:0')
  assert.equal(read('G 118 许多'), 'count:许多')
  for (const texts of [zh, en])
    for (const [, verb] of verbs) {
      assert.ok(verb in texts.command.preview, verb)
      assert.ok(verb in texts.command.form, verb)
    }
  for (const cause of overrideCauses)
    assert.ok(cause in zh.dispatch.overrideCause && cause in en.dispatch.overrideCause)
})

test('TASK-12 the latest order stands down when another is there; a crew that confirmed is waited for at the wheels', () => {
  const there = unit('U1', { status: 'on-scene' })
  const early = unit('U2', { status: 'rolling', statusAt: now - 60_000 })
  const late = unit('U3', { status: 'ordered', statusAt: now - 1_000 })
  assert.deepEqual(listLate([early, late]), [])
  assert.deepEqual(
    listLate([there, early, late]).map(each => each.unitId),
    ['U3', 'U2'],
  )
  assert.equal(findUnitWait(late)?.kind, 'acknowledge')
  assert.equal(findUnitWait({ ...late, acknowledgedAt: now })?.kind, 'roll')
  assert.equal(findCarrier([early, there], undefined)?.unitId, 'U1')
  assert.equal(findCarrier([early, there], 'U2')?.unitId, 'U2')
  assert.equal(findCarrier([], 'U2'), undefined)
  assert.equal(getUnitLook(unit('U9', { silent: true, distress: { at: now } })).status, 'distress')
  const freed = unit('U4', { status: 'returning', baseIds: ['P1'], statusAt: now - 5_000 })
  assert.equal(findFreed([freed], undefined, now)?.unitId, 'U4')
  assert.equal(findFreed([freed], undefined, now + 120_000), undefined)
  assert.equal(findFreed([{ ...freed, movedAt: freed.statusAt }], undefined, now), undefined, 'sent on its way already')
  assert.equal(findFreed([freed], unit('U5'), now)?.unitId, 'U5')
})

test('TASK-13 the queue: a case whose unit was taken stands first in its level; near cases are offered nearest first', () => {
  const cases = [
    incident('OLD', { openedAt: now - 600_000 }),
    incident('BACK', { openedAt: now - 10_000, requeuedAt: now - 1_000 }),
    incident('TOP', { level: 1 }),
  ]
  const { rows } = listQueue(cases, () => undefined, openFilter, now)
  assert.deepEqual(
    rows.map(row => row.incident.incidentId),
    ['TOP', 'BACK', 'OLD'],
  )
  const far = incident('FAR', { lat: 31.7 })
  const close = incident('NEAR', { lat: 30.701 })
  const closed = incident('CLOSED', { state: 'closed' })
  assert.deepEqual(
    listNear(cases[0]!, [far, close, closed, cases[0]!]).map(each => each.incidentId),
    ['NEAR', 'FAR'],
  )
  assert.equal(
    listNear(
      cases[0]!,
      Array.from({ length: 20 }, (_, n) => incident(`N${n}`)),
    ).length,
    mergesMax,
  )
})

test('CENTRE-4 an offer rings only at the seat it is made to, turns amber and red, and distress comes before it', () => {
  const transfer = { toCode: '330411', fromCode: '330400', at: now - 45_000, by: '甲', reason: '更近' }
  const offered = incident('I1', { transfer, aid: [{ ofCode: '330402', at: now, by: '甲', reason: '无车' }] })
  assert.equal(isOfferedTo(offered, ['330411']), true)
  assert.equal(isOfferedTo(offered, ['330400']), false)
  const cry = unit('U1', { distress: { at: now } })
  const seen = unit('U2', { distress: { at: now, acknowledgedAt: now, acknowledgedBy: '乙' } })
  const sounds = (own: string[]) => listUnitAlarms([cry, seen], [offered], own).map(alarm => alarm.tone)
  assert.deepEqual(sounds(['330411']), ['distress', 'transfer'])
  assert.deepEqual(sounds(['330402']), ['distress', 'transfer'], 'a neighbour asked for a unit is rung too')
  assert.deepEqual(sounds(['330400']), ['distress'])
  const wait = getIncidentWait(offered, () => undefined, now)
  assert.deepEqual([wait.kind, judgeWait(wait, now)], ['transfer', 'warn'])
  assert.equal(judgeWait(wait, now + 20_000), 'over')
})

test('TASK-14 a time written by hand is the nearest such time, also over midnight; what is none changes nothing', () => {
  assert.equal(readClockTime('08:00:30', now), now + 30_000)
  assert.equal(readClockTime('8:01', now), now + 60_000)
  const midnight = Date.UTC(2026, 10, 20, 16, 0, 30)
  assert.equal(readClockTime('23:59:50', midnight), midnight - 40_000)
  assert.equal(readClockTime('00:00:10', midnight - 60_000), midnight - 20_000)
  for (const wrong of ['', '25:00', '8', '08:60', '08:00:60', 'acht'])
    assert.equal(readClockTime(wrong, now), undefined, wrong)
})

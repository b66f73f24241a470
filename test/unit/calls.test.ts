/**
 * Calls, folded: pick-up by two desks, a line that closes before an answer, the callback task, positions, joining, linked
 * transfers, nuisance marks, and what a forgotten person leaves behind.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor, Outcome } from '#contract/entry.ts'
import {
  callbackAgainMs,
  callbackDueMs,
  callsOnIncidentMax,
  choosePosition,
  nuisanceMaxMs,
  numberCallsMax,
  positionFreshMs,
  positionsMax,
} from '../../server/state/calls.ts'
import { keptMs } from '../../server/state/clock.ts'
import { createFolding, type Folding } from '../help/folding.ts'

const region = '330402'
const number = 'a'.repeat(32)
const desk = (id: string): { actor: Actor } => ({
  actor: { accountId: id, name: `座席 ${id}`, roles: ['dispatcher'], regions: ['330400'] },
})
const codeOf = (outcome: Outcome) => (outcome.result === 'refused' ? outcome.code : outcome.result)

function ring(folding: Folding, callId: string, more: Record<string, unknown> = {}) {
  return folding.say('call.received', { callId, regionCode: region, ...more })
}
function open(folding: Folding, incidentId: string, callIds: string[] = []) {
  return folding.say('incident.opened', { incidentId, callIds, level: 2, regionCode: region, lon: 120.7, lat: 30.7 })
}
const get = (folding: Folding, callId: string) => folding.world.calls.get(callId)!

test('CALL-40 the first desk answers, the second is told who has the call; telephony and desk tell of one pick-up', () => {
  const folding = createFolding()
  ring(folding, 'C1')
  const rungAt = folding.now()
  folding.turn(4_000)
  assert.equal(codeOf(folding.say('call.answered', { callId: 'C1' }, desk('a'))), 'done')
  const second = folding.say('call.answered', { callId: 'C1' }, desk('b'))
  assert.deepEqual(second, { result: 'refused', code: 'CALL_TAKEN', params: { callId: 'C1', by: '座席 a' } })
  // The telephone system knew half a second earlier, and names the seat.
  folding.turn(1_000)
  folding.say('call.answered', { callId: 'C1', seat: '8001' }, { occurredAt: rungAt + 3_500 })
  assert.equal(codeOf(folding.say('call.answered', { callId: 'C1' }, desk('a'))), 'done')
  const call = get(folding, 'C1')
  assert.deepEqual([call.answeredAt, call.answeredBy, call.seat], [rungAt + 3_500, '座席 a', '8001'])
  assert.equal(codeOf(folding.say('call.answered', { callId: 'nobody' }, desk('a'))), 'CALL_UNKNOWN')
})

test('CALL-41 a line that closes before an answer is a callback task with its own timer until somebody settles it', () => {
  const folding = createFolding()
  ring(folding, 'C1')
  folding.turn(7_000)
  const goneAt = folding.now()
  assert.equal(codeOf(folding.say('call.abandoned', { callId: 'C1' })), 'done')
  assert.deepEqual(get(folding, 'C1').callback, {
    state: 'open',
    openedAt: goneAt,
    dueAt: goneAt + callbackDueMs,
    attempts: 0,
  })
  assert.equal(codeOf(folding.say('call.answered', { callId: 'C1' }, desk('a'))), 'CALL_GONE')
  folding.turn(30_000)
  folding.say('call.calledBack', { callId: 'C1', result: 'no-answer' }, desk('a'))
  const tried = get(folding, 'C1').callback!
  assert.deepEqual(
    [tried.state, tried.attempts, tried.dueAt, tried.lastBy],
    ['open', 1, folding.now() + callbackAgainMs, '座席 a'],
  )
  folding.say('call.calledBack', { callId: 'C1', result: 'reached' }, desk('b'))
  assert.equal(get(folding, 'C1').callback!.state, 'reached')
  assert.equal(codeOf(folding.say('call.calledBack', { callId: 'C1', result: 'busy' }, desk('a'))), 'CALLBACK_NONE')
  // Who was reached may need an ambulance after all.
  assert.equal(codeOf(open(folding, 'I1', ['C1'])), 'done')

  ring(folding, 'C2')
  folding.say('call.hungUp', { callId: 'C2', by: 'caller' })
  assert.equal(get(folding, 'C2').callback?.state, 'open', 'a hang-up before an answer is the same thing')
  folding.say('call.callbackGivenUp', { callId: 'C2', reason: '三次无人接听' }, desk('a'))
  assert.deepEqual([get(folding, 'C2').callback!.state, get(folding, 'C2').outcome], ['given-up', 'abandoned'])

  ring(folding, 'C3')
  folding.say('call.answered', { callId: 'C3' }, desk('a'))
  folding.say('call.abandoned', { callId: 'C3' })
  assert.equal(get(folding, 'C3').callback, undefined, 'an answered call cannot be abandoned')
  assert.equal(get(folding, 'C3').hungUpAt, folding.now())

  ring(folding, 'C4')
  folding.say('call.abandoned', { callId: 'C4' })
  folding.say('call.abandoned', { callId: 'C4' })
  folding.say('call.ended', { callId: 'C4', outcome: 'test' }, desk('a'))
  assert.deepEqual([get(folding, 'C4').callback!.state, get(folding, 'C4').outcome], ['settled', 'test'])
})

test('CALL-42 whoever rings again has no callback left; earlier calls of a number are counted without the number', () => {
  const folding = createFolding()
  ring(folding, 'C1', { numberHash: number })
  folding.say('call.abandoned', { callId: 'C1' })
  folding.turn(20_000)
  ring(folding, 'C2', { numberHash: number })
  assert.equal(get(folding, 'C1').callback!.state, 'rang-again')
  assert.deepEqual([get(folding, 'C1').earlierCalls, get(folding, 'C2').earlierCalls], [undefined, 1])
  ring(folding, 'C3', { numberHash: 'b'.repeat(32) })
  assert.equal(get(folding, 'C3').earlierCalls, undefined)
  for (let n = 0; n < numberCallsMax + 5; n++) ring(folding, `M${n}`, { numberHash: number })
  const record = folding.world.numbers.get(number)!
  assert.equal(record.callIds.length, numberCallsMax)
  assert.equal(record.callCount, numberCallsMax + 7)
  folding.turn(keptMs.number + 3 * 3_600_000)
  folding.tick(1_000, 'hour')
  assert.equal(folding.world.numbers.size, 0)
})

test("CALL-43 the position shown: a person's newest word, else the narrowest that is fresh; the history is kept", () => {
  const folding = createFolding()
  ring(folding, 'C1', { lon: 120.7, lat: 30.7, radiusM: 2_000, positionSource: 'operator' })
  const at = folding.now()
  const locate = (positionSource: 'operator' | 'sms-link' | 'map' | 'browser', lon: number, radiusM: number) => {
    folding.turn(1_000)
    folding.say('call.located', { callId: 'C1', positionSource, lon, lat: 30.7, radiusM })
    return get(folding, 'C1')
  }
  assert.equal(locate('sms-link', 120.71, 30).lon, 120.71)
  assert.equal(locate('operator', 120.72, 900).lon, 120.71, 'wider and newer does not win')
  assert.equal(locate('map', 120.73, 50).lon, 120.73)
  assert.equal(locate('browser', 120.74, 5).lon, 120.73, 'a device does not overrule a person')
  assert.equal(locate('map', 120.75, 80).lon, 120.75)
  const call = get(folding, 'C1')
  assert.deepEqual([call.positions!.length, call.positionSource, call.radiusM], [6, 'map', 80])
  assert.equal(call.positions![0]!.at, at)
  for (let n = 0; n < positionsMax + 3; n++) locate('browser', 120.8, 10)
  assert.equal(get(folding, 'C1').positions!.length, positionsMax)
  const old = { positionSource: 'sms-link' as const, lon: 1, lat: 1, radiusM: 5, at: 0 }
  const wide = { positionSource: 'operator' as const, lon: 2, lat: 2, radiusM: 3_000, at: positionFreshMs + 1 }
  assert.equal(
    choosePosition([old, wide])!.lon,
    2,
    'a narrow position of a quarter of an hour ago is where the caller was',
  )
  assert.equal(choosePosition([old, { ...wide, at: positionFreshMs }])!.lon, 1)
})

test("CALL-44 joining keeps both records, moves the incident's version, and is refused where it makes no sense", () => {
  const folding = createFolding()
  for (const id of ['C1', 'C2', 'C3']) ring(folding, id)
  open(folding, 'I1', ['C1'])
  const version = folding.world.incidents.get('I1')!.version
  assert.equal(codeOf(folding.say('call.joined', { callId: 'C2', incidentId: 'I1' }, desk('a'))), 'done')
  const incident = folding.world.incidents.get('I1')!
  assert.deepEqual(incident.callIds, ['C1', 'C2'])
  assert.ok(incident.version > version)
  assert.ok(incident.stamps.some(row => row.stamp === 'joined' && row.by === '座席 a'))
  assert.deepEqual([get(folding, 'C2').incidentId, get(folding, 'C2').outcome], ['I1', 'repeat'])
  const again = folding.say('call.joined', { callId: 'C2', incidentId: 'I1' }, desk('a'))
  assert.equal(codeOf(again), 'CALL_SETTLED')
  assert.equal(codeOf(folding.say('call.joined', { callId: 'C3', incidentId: 'I9' }, desk('a'))), 'INCIDENT_UNKNOWN')
  folding.say('incident.closed', { incidentId: 'I1', outcome: 'no-patient' }, desk('a'))
  assert.equal(codeOf(folding.say('call.joined', { callId: 'C3', incidentId: 'I1' }, desk('a'))), 'INCIDENT_CLOSED')
  open(folding, 'I2')
  for (let n = 0; n < callsOnIncidentMax; n++) {
    ring(folding, `J${n}`)
    assert.equal(codeOf(folding.say('call.joined', { callId: `J${n}`, incidentId: 'I2' }, desk('a'))), 'done')
  }
  assert.equal(codeOf(folding.say('call.joined', { callId: 'C3', incidentId: 'I2' }, desk('a'))), 'INCIDENT_FULL')
})

test('CALL-45 a linked transfer is pending until the other side acknowledges; the first acknowledgement stands', () => {
  const folding = createFolding()
  ring(folding, 'C1')
  const link = { linkId: 'L1', callId: 'C1', direction: 'out', service: '122' } as const
  folding.say('call.linked', link, desk('a'))
  assert.equal(get(folding, 'C1').links![0]!.acknowledgedAt, undefined)
  assert.equal(codeOf(folding.say('call.linked', link, desk('a'))), 'LINK_EXISTS')
  folding.turn(20_000)
  const at = folding.now()
  folding.say('call.linkAcknowledged', { callId: 'C1', linkId: 'L1', reference: 'JT-7', by: '交警 3 台' })
  folding.turn(5_000)
  folding.say('call.linkAcknowledged', { callId: 'C1', linkId: 'L1', reference: 'JT-8' })
  const held = get(folding, 'C1').links![0]!
  assert.deepEqual([held.acknowledgedAt, held.reference, held.acknowledgedBy], [at, 'JT-7', '交警 3 台'])
  assert.equal(codeOf(folding.say('call.linkAcknowledged', { callId: 'C1', linkId: 'L2' })), 'LINK_UNKNOWN')
})

test('CALL-46 a nuisance mark lowers the rank until it expires and never drops a call; it can be taken away', () => {
  const folding = createFolding()
  const leader = { actor: { ...desk('l').actor, roles: ['shift-leader' as const] } }
  ring(folding, 'C0')
  assert.equal(
    codeOf(folding.say('number.marked', { callId: 'C0', isNuisance: true, reason: 'x' }, leader)),
    'CALL_NUMBER_UNKNOWN',
  )
  ring(folding, 'C1', { numberHash: number })
  const expiresAt = folding.now() + 3_600_000
  folding.say('number.marked', { callId: 'C1', isNuisance: true, reason: '一天 40 次', expiresAt }, leader)
  assert.deepEqual([get(folding, 'C1').rank, get(folding, 'C1').isNuisance], [1, true])
  ring(folding, 'C2', { numberHash: number })
  assert.deepEqual([get(folding, 'C2').rank, get(folding, 'C2').isNuisance], [1, true])
  ring(folding, 'C3', { numberHash: number, isOverLimit: true })
  assert.equal(get(folding, 'C3').rank, 2)
  folding.say('number.marked', { callId: 'C1', isNuisance: false, reason: '误标' }, leader)
  assert.deepEqual([get(folding, 'C2').rank, get(folding, 'C3').rank], [0, 2])
  folding.say('number.marked', { callId: 'C1', isNuisance: true, reason: 'x', expiresAt: folding.now() * 2 }, leader)
  assert.equal(folding.world.numbers.get(number)!.mark!.expiresAt, folding.now() + nuisanceMaxMs)
  folding.turn(nuisanceMaxMs + 1)
  ring(folding, 'C4', { numberHash: number })
  assert.deepEqual([get(folding, 'C4').rank, get(folding, 'C4').isNuisance], [undefined, undefined])
})

test('CALL-47 what the desk hears moves the call in the series: counted once, under the right syndrome', () => {
  const folding = createFolding()
  const count = (syndrome: string) => {
    const series = folding.world.series.get(`day|call-120|${syndrome}|${region}`)
    return series?.values.at(-1) ?? 0
  }
  ring(folding, 'C1')
  assert.deepEqual([count('unknown'), count('respiratory')], [1, 0])
  const complaint = { code: 'r.cough', syndrome: 'respiratory', dictionary: 'desk' } as const
  folding.say('call.described', { callId: 'C1', level: 2, callKind: 'rescue', complaint })
  assert.deepEqual([count('unknown'), count('respiratory')], [0, 1])
  folding.say('call.described', { callId: 'C1', level: 1, complaint })
  assert.deepEqual([count('unknown'), count('respiratory')], [0, 1])
  assert.deepEqual([get(folding, 'C1').level, get(folding, 'C1').syndrome], [1, 'respiratory'])
  // A ring of a telephone system says nothing of what is wrong: the case that is opened from it does.
  ring(folding, 'C2')
  ring(folding, 'N1', { isVerified: false })
  assert.deepEqual([count('unknown'), count('respiratory')], [1, 1])
  folding.say('incident.opened', {
    incidentId: 'I1',
    callIds: ['C2', 'N1'],
    level: 2,
    regionCode: region,
    lon: 120.7,
    lat: 30.7,
    complaint,
  })
  assert.deepEqual([count('unknown'), count('respiratory')], [0, 3])
})

test('CALL-49 an unverified internet call is no witness until somebody answers it or it is verified; its mark changes alone', () => {
  const folding = createFolding()
  const count = (syndrome: string) => folding.world.series.get(`day|call-120|${syndrome}|${region}`)?.values.at(-1) ?? 0
  const complaint = { code: 'r.cough', syndrome: 'respiratory', dictionary: 'd' } as const
  const internet = { channel: 'internet', callKind: 'internet', isVerified: false, complaint } as const
  ring(folding, 'N1', internet)
  ring(folding, 'N2', internet)
  ring(folding, 'N3', internet)
  assert.equal(count('respiratory'), 0)
  const before = structuredClone(get(folding, 'N1'))
  folding.say('call.verified', { callId: 'N1' })
  const { isUncounted: _uncounted, ...rest } = before
  assert.deepEqual(get(folding, 'N1'), { ...rest, isVerified: true })
  folding.say('call.answered', { callId: 'N2' }, desk('a'))
  folding.say('call.verified', { callId: 'N2' })
  assert.equal(count('respiratory'), 2)
  assert.equal(get(folding, 'N3').isVerified, false)
})

test('CALL-48 a forgotten person leaves no hash: neither on the call nor under a number', () => {
  const folding = createFolding()
  ring(folding, 'C1', { numberHash: number })
  ring(folding, 'C2', { numberHash: number })
  const forget = (recordId: string) =>
    folding.say('person.forgotten', { recordKind: 'call', recordId, reason: '本人要求' })
  forget('C1')
  assert.equal(get(folding, 'C1').numberHash, undefined)
  assert.deepEqual(folding.world.numbers.get(number)!.callIds, ['C2'])
  forget('C2')
  assert.equal(folding.world.numbers.size, 0)
  // Also of a call that the world has long let go.
  ring(folding, 'C3', { numberHash: number })
  folding.world.calls.delete('C3')
  forget('C3')
  assert.equal(folding.world.numbers.size, 0)
})

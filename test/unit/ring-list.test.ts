/**
 * The desk's judgements about calls without a browser: which call stands in which list, which one the seat is busy with, the three
 * clocks, what sounds, and the circle of an operator's area.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallView } from '#contract/view.ts'
import { listAlarms } from '../../console/calls/alarm-list.ts'
import {
  answerOverMs,
  answerWarnMs,
  callbackOverMs,
  drawCircle,
  findCurrent,
  isAddress,
  judgeAnswer,
  judgeCallback,
  judgeLink,
  linkOverMs,
  linkWarnMs,
  listCallbacks,
  listPendingLinks,
  listTalking,
  listWaiting,
} from '../../console/calls/waiting.ts'
import { measureMetres } from '../../server/advise/duplicates.ts'

const at = Date.UTC(2026, 10, 21)
const call = (callId: string, more: Partial<CallView> = {}): CallView => ({
  callId,
  regionCode: '330402',
  receivedAt: at,
  ...more,
})
const ids = (calls: readonly CallView[]) => calls.map(one => one.callId)
const callback = (state: 'open' | 'reached' | 'given-up', dueAt = at) => ({ state, openedAt: at, dueAt, attempts: 0 })
const calls = [
  call('young', { receivedAt: at + 5_000 }),
  call('old'),
  call('marked', { receivedAt: at - 60_000, rank: 1, isNuisance: true }),
  call('surplus', { receivedAt: at - 90_000, rank: 2, isVerified: false }),
  call('talk-b', { answeredAt: at + 9_000, answeredBy: 'B' }),
  call('talk-a', { answeredAt: at + 8_000, answeredBy: 'A' }),
  call('gone', { abandonedAt: at + 1_000, callback: callback('open', at + 61_000) }),
  call('gone-first', { abandonedAt: at, callback: callback('open', at + 60_000) }),
  call('reached', { abandonedAt: at, callback: callback('reached', at + 90_000) }),
  call('given-up', { abandonedAt: at, outcome: 'abandoned', callback: callback('given-up') }),
  call('case', { incidentId: 'I1' }),
  call('ended', { outcome: 'test' }),
]

test('CALL-80 every call stands in one list: ringing by rank and age, in talk, to be rung back, or settled', () => {
  assert.deepEqual(ids(listWaiting(calls)), ['old', 'young', 'marked', 'surplus'])
  assert.deepEqual(ids(listTalking(calls)), ['talk-a', 'talk-b'])
  assert.deepEqual(ids(listCallbacks(calls)), ['gone-first', 'gone', 'reached'])
  const settled = ['given-up', 'case', 'ended']
  const shown = [...listWaiting(calls), ...listTalking(calls), ...listCallbacks(calls)].map(one => one.callId)
  assert.deepEqual([...shown, ...settled].toSorted(), ids(calls).toSorted())
})

test('CALL-81 a seat is busy with its own talk, else with the call it chose, else with the one that waits longest', () => {
  const map = new Map(calls.map(one => [one.callId, one]))
  assert.equal(findCurrent(map, 'A', 'young')?.callId, 'talk-a')
  assert.equal(findCurrent(map, 'C', 'young')?.callId, 'young')
  assert.equal(findCurrent(map, 'C', 'ended')?.callId, 'old')
  assert.equal(findCurrent(map, 'C', undefined)?.callId, 'old')
  assert.equal(findCurrent(new Map(), 'C', undefined), undefined)
})

test('CALL-82 the clocks turn amber and red where the table says', () => {
  assert.deepEqual([answerWarnMs, answerOverMs, linkWarnMs, linkOverMs], [5_000, 10_000, 30_000, 60_000])
  assert.deepEqual([5_000, 5_001, 10_000, 10_001].map(judgeAnswer), ['ok', 'warn', 'warn', 'over'])
  const due = (ms: number) => judgeCallback(at + ms, at)
  assert.deepEqual([-1, 0, callbackOverMs, callbackOverMs + 1].map(due), ['ok', 'warn', 'warn', 'over'])
  const link = (ms: number) => judgeLink(at + ms, { at })
  assert.deepEqual([30_000, 30_001, 60_000, 60_001].map(link), ['ok', 'warn', 'warn', 'over'])
  assert.equal(judgeLink(at + 999_999, { at, acknowledgedAt: at + 90_000 }), 'ok', 'a stopped clock is no alarm')
})

test('CALL-83 what rings: waiting calls and cases handed to us; what is beyond the public limit stands and is silent', () => {
  const link = { linkId: 'L1', service: '122', at, by: 'x' } as const
  const rung = [
    ...calls,
    call('handed', { answeredAt: at, links: [{ ...link, direction: 'in' }] }),
    call('sent', { outcome: 'transferred', links: [{ ...link, linkId: 'L2', direction: 'out' }] }),
    call('answered-link', {
      outcome: 'other',
      links: [{ ...link, linkId: 'L3', direction: 'in', acknowledgedAt: at }],
    }),
  ]
  assert.deepEqual(
    listPendingLinks(rung).map(({ link: one }) => one.linkId),
    ['L1', 'L2'],
  )
  const alarms = listAlarms(['dispatcher'], 'live', { calls: rung, units: [], alerts: [] }, at + 20_000)
  assert.deepEqual(
    alarms.map(alarm => [alarm.id, alarm.tone]),
    [
      ['call:marked', 'callRing'],
      ['call:old', 'callRing'],
      ['link:L1', 'transfer'],
      ['call:young', 'callRing'],
    ],
  )
  assert.deepEqual(listAlarms(['epidemiologist'], 'live', { calls: rung, units: [], alerts: [] }, at), [])
})

test("CALL-84 an operator's area is shown as a circle of its radius and is no address to send somebody to", () => {
  const place = { lon: 120.75, lat: 30.75 }
  for (const radiusM of [50, 650, 5_000]) {
    const ring = drawCircle(place.lon, place.lat, radiusM)
    assert.deepEqual(ring[0], ring.at(-1), 'closed')
    for (const [lon, lat] of ring) {
      const metres = measureMetres(place, { lon, lat })
      assert.ok(Math.abs(metres - radiusM) < radiusM * 0.01, `${metres} of ${radiusM}`)
    }
  }
  assert.equal(isAddress(call('c', { ...place, radiusM: 650 })), false)
  assert.equal(isAddress(call('c', { ...place, radiusM: 30 })), true)
  assert.equal(isAddress(call('c', place)), true)
  assert.equal(isAddress(call('c')), false)
})

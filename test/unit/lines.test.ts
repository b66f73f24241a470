/**
 * The simulated city on its telephone lines: what rings, what waits until the house shows the call, what a person has taken, and
 * whom the simulation rings back; and the script of rings of a seeded city.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallView } from '#contract/view.ts'
import type { Saying } from '../../simulations/door.ts'
import { createLines } from '../../simulations/lines.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { drawRings } from '../../simulations/telephony.ts'

const start = Date.UTC(2026, 10, 21)

function createHouse() {
  const calls = new Map<string, CallView>()
  const told: string[] = []
  const lines = createLines({
    calls,
    prefix: 'CALL-',
    telephony: {
      ring: (ring, at) => told.push(`ring ${ring.call} ${ring.number} ${ring.trunk} ${ring.radiusM} ${at! - start}`),
      answer: call => told.push(`answer ${call}`),
      hangUp: (call, isAnswered) => told.push(`hangup ${call} ${isAnswered}`),
      record: call => told.push(`record ${call}`),
    },
  })
  const show = (callId: string, more: Partial<CallView> = {}) =>
    calls.set(callId, { callId, regionCode: '330402', receivedAt: start, ...more })
  const at = (s: number, sayings: readonly Saying[] = []) => lines.divert(sayings, start + s * 1_000)
  return { told, lines, show, at, calls }
}
const rings = (n: string, more = {}): Saying => ({
  kind: 'call.received',
  at: start,
  from: 'centre',
  body: {
    callId: `CALL-${n}`,
    regionCode: '330402',
    callerNumber: '13900000001',
    lon: 120.7,
    lat: 30.7,
    level: 2,
    complaintText: '胸痛',
    ...more,
  },
})
const opens = (n: string): Saying => ({
  kind: 'incident.opened',
  at: start + 20_000,
  from: 'desk',
  body: { incidentId: `INC-${n}`, callIds: [`CALL-${n}`], level: 2 },
})
const assigns = (n: string): Saying => ({
  kind: 'incident.unitAssigned',
  at: start + 21_000,
  from: 'desk',
  body: { incidentId: `INC-${n}`, unitId: 'U1' },
})
const ends = (n: string, outcome: string): Saying => ({
  kind: 'call.ended',
  at: start + 20_000,
  from: 'centre',
  body: { callId: `CALL-${n}`, outcome },
})
const kindsOf = (sayings: readonly Saying[]) => sayings.map(saying => saying.kind)

test('CTI-30 a call rings in the telephone system; what is said of it waits until the house shows it, in its order', () => {
  const house = createHouse()
  const unrelated: Saying = { kind: 'unit.status', at: start, from: 'U9', body: { unitId: 'U9' } }
  assert.deepEqual(kindsOf(house.at(0, [rings('a'), unrelated])), ['unit.status'])
  assert.deepEqual(house.told, ['ring a 13900000001 330402 450 0'])
  assert.deepEqual(
    house.at(40, [opens('a'), ends('a', 'incident'), assigns('a')]),
    [],
    'the house does not know the call yet',
  )
  house.show('CALL-a')
  assert.deepEqual(kindsOf(house.at(42)), [
    'call.described',
    'call.located',
    'incident.opened',
    'call.ended',
    'incident.unitAssigned',
  ])
  for (const n of ['p', 'q', 'r', 's']) {
    const other = createHouse()
    other.at(0, [rings(n)])
    other.show(`CALL-${n}`)
    for (let s = 1; s < 30; s++)
      for (const saying of other.at(s)) assert.ok(Number.isInteger(saying.at), `${saying.kind} ${saying.at}`)
  }
  assert.deepEqual(house.told.slice(1), ['answer a', 'record a', 'hangup a true'])
  assert.deepEqual(house.at(43, [assigns('a')]).length, 1, 'what comes later goes straight through')
})

test("CTI-31 a call a person has taken is the person's: no case of the simulation, and the city lets go", () => {
  const house = createHouse()
  house.at(0, [rings('b')])
  house.show('CALL-b', { answeredBy: '调度员 陈', answeredAt: start + 3_000 })
  assert.deepEqual(house.at(20, [opens('b'), ends('b', 'incident')]), [])
  assert.deepEqual(house.lines.takeForeign(), ['INC-b'])
  assert.deepEqual(house.lines.takeForeign(), [])
  assert.ok(!house.told.includes('answer b'))
})

test('CTI-32 whoever hangs up first is a callback; the simulation rings back only when nobody has', () => {
  const house = createHouse()
  // Numbers drawn so that both are left ringing.
  const left = Array.from({ length: 40 }, (_, n) => `w${n}`).filter(n => {
    const one = createHouse()
    one.at(0, [rings(n)])
    one.at(30)
    return !one.told.includes(`answer ${n}`)
  })
  assert.ok(left.length >= 2, 'about half of the calls are left to a person')
  const [first, second] = left as [string, string]
  house.at(0, [rings(first), rings(second)])
  const callback = { state: 'open', openedAt: start, dueAt: start, attempts: 0 } as const
  house.show(`CALL-${first}`)
  house.show(`CALL-${second}`)
  assert.deepEqual(house.at(20, [ends(first, 'abandoned'), ends(second, 'abandoned')]), [])
  assert.ok(!house.told.includes(`hangup ${first} false`), 'a person has 25 s for it')
  assert.deepEqual(house.at(26), [])
  assert.ok(house.told.includes(`hangup ${first} false`) && house.told.includes(`hangup ${second} false`))
  house.show(`CALL-${first}`, { callback })
  house.show(`CALL-${second}`, { callback: { ...callback, state: 'reached' } })
  const said = house.at(200)
  assert.deepEqual(
    said.map(saying => [saying.kind, (saying.body as { callId: string }).callId]),
    [
      ['call.calledBack', `CALL-${first}`],
      ['call.ended', `CALL-${first}`],
    ],
  )
})

test('CTI-33 the same seed rings the same: places of the city, some abandoned, some numbers again', () => {
  const city = seedCity({ seed: 7 })
  const draw = () => drawRings(city, createChance('x'), { count: 400, everyMs: 1_000 })
  const script = draw()
  assert.deepEqual(draw(), script)
  const abandoned = script.filter(call => call.abandonAfterMs !== undefined).length
  const again = 400 - new Set(script.map(call => call.ring.number)).size
  assert.ok(abandoned >= 8 && abandoned <= 60, `${abandoned} abandoned`)
  assert.ok(again >= 20 && again <= 140, `${again} again`)
  assert.ok(script.every(call => (call.answerAfterMs === undefined) !== (call.abandonAfterMs === undefined)))
  const mean = script.at(-1)!.atMs / 400
  assert.ok(mean > 800 && mean < 1_200, `${mean} ms between two rings`)
})

/** What a review of the line found, each held by a test: clocks that go back, rules of one version, silence among many, desks behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit } from '../../server/intake/admit.ts'
import { createWallClock } from '../../server/operations/clock.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld, type World } from '../../server/state/world.ts'
import { makeCity, makeEntry, startAt } from '../help/line.ts'

function createCity(units = 4) {
  const world: World = createWorld()
  const touched = createTouched()
  let now = startAt
  let seq = 0
  const say = (...[kind, source, body]: Parameters<typeof sayOne>) => sayOne(kind, source, body)
  const sayOne = (kind: Parameters<typeof makeEntry>[0], source: string, body: never) => {
    const entry = makeEntry(kind, source, { epoch: 'r', sourceSeq: ++seq }, body, now)
    entry.seq = world.seq + 1
    entry.loggedAt = now
    return advance(world, entry, touched)
  }
  for (const entry of makeCity(units)) {
    entry.seq = world.seq + 1
    entry.loggedAt = now
    advance(world, entry, touched)
  }
  return {
    world,
    say,
    tick(ms: number) {
      now += ms
      return sayOne('clock.ticked', 'server', { gapMs: 1_000, boundary: 'none' } as never)
    },
  }
}

const silence = (ruleId: string, minLevel: number) => ({
  ruleId,
  version: 1,
  name: ruleId,
  nameEn: ruleId,
  level: minLevel,
  regionLevel: 'county',
  windowH: 1,
  when: { type: 'unit-silence', onTaskS: 60, idleS: 60 },
  escalation: [{ afterS: 0, role: 'dispatcher' }],
  basis: 'test',
})

test('LOG-30 a machine clock set back stops neither time nor commands: the city goes on, slower, until they meet', () => {
  let wall = 1_000_000
  let monotonic = 0
  const clock = createWallClock(
    1_500_000,
    () => wall,
    () => monotonic,
  )
  assert.equal(clock.now(), 1_500_000)
  monotonic += 10_000
  wall += 10_000
  assert.equal(clock.now(), 1_509_000)
  wall = 2_000_000
  assert.equal(clock.now(), 2_000_000)
  wall = 1_990_000
  monotonic += 100
  assert.equal(clock.now(), 2_000_090)
})

test('LOG-31 a client UUID in capitals is the same key', () => {
  const { world } = createCity()
  const speaker = { source: 'desk:a', isRelay: false, judge: () => undefined, covers: () => true }
  const entry = admit(
    {
      kind: 'incident.opened',
      uuid: 'ABCDEF00-0000-4000-8000-00000000000A',
      occurredAt: startAt,
      body: { incidentId: 'I1', level: 1, regionCode: '330402', lon: 120.7, lat: 30.7 },
    },
    { now: startAt, receivedAt: startAt, speaker, world },
  )
  assert.equal('uuid' in entry && entry.uuid, 'abcdef00-0000-4000-8000-00000000000a')
})

test('PAGE-37 rules published again under the same version are judged by at once', () => {
  const city = createCity()
  city.say('rule.published', 'a', { version: 1, rules: [silence('one', 4)] } as never)
  city.tick(1_000)
  city.say('rule.published', 'a', { version: 1, rules: [silence('two', 1)] } as never)
  city.say('unit.position', 'u', { unitId: 'U1', lon: 120.7, lat: 30.7 } as never)
  city.tick(61_000)
  assert.deepEqual(
    [...city.world.alerts.values()].map(a => a.ruleId),
    ['two'],
  )
})

test('PAGE-38 a unit that falls silent again after its alert was closed, beside one that stayed silent, is told', () => {
  const city = createCity(4)
  city.say('rule.published', 'a', { version: 1, rules: [silence('silence', 3)] } as never)
  const fix = (unitId: string) => city.say('unit.position', 'u', { unitId, lon: 120.7, lat: 30.7 } as never)
  fix('U2')
  fix('U4')
  city.tick(61_000)
  const [first] = city.world.alerts.values()
  assert.deepEqual(first!.evidence[0]!.subjects.toSorted(), ['U2', 'U4'])
  first!.state = 'closed'
  city.tick(10_000)
  fix('U4')
  city.tick(1_000)
  assert.equal(city.world.alerts.size, 1)
  city.tick(65_000)
  assert.equal(city.world.alerts.size, 2)
  assert.equal([...city.world.alerts.values()][1]!.evidence[0]!.subjects[0], 'U4')
})

test('IN-28 a status about another incident than the present one ends no task', () => {
  const city = createCity()
  const place = { level: 1, regionCode: '330402', lon: 120.7, lat: 30.7 }
  for (const incidentId of ['X', 'Y']) city.say('incident.opened', 'd', { incidentId, ...place } as never)
  city.say('incident.unitAssigned', 'd', { incidentId: 'Y', unitId: 'U2' } as never)
  city.tick(1_000)
  city.say('unit.status', 'd', { unitId: 'U2', status: 'returning', incidentId: 'X', by: 'key' } as never)
  assert.equal(city.world.units.get('U2')!.incidentId, 'Y')
  assert.ok(city.world.incidents.get('X')!.stamps.some(s => s.stamp === 'returning'))
  city.say('unit.status', 'd', { unitId: 'U2', status: 'returning', incidentId: 'Y', by: 'key' } as never)
  assert.equal(city.world.units.get('U2')!.incidentId, undefined)
})

test('PAGE-39 a count corrected under another region is counted once; the region it left has no report again', () => {
  const city = createCity()
  const count = (regionCode: string, n: number) =>
    city.say('count.reported', 'f', {
      sourceKind: 'pharmacy',
      facilityId: 'F1',
      syndrome: 'respiratory',
      regionCode,
      period: '2026-11-20',
      count: n,
    } as never)
  count('330402', 20)
  count('330411', 25)
  const value = (code: string) => city.world.series.get(`day|pharmacy|respiratory|${code}`)!.values
  assert.deepEqual([value('330402'), value('330411'), value('330400')], [[null], [25], [25]])
})

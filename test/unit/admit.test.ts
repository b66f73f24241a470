/** Admit: any JSON becomes an entry or a refusal, never a throw; what is admitted is in normal form and admits to itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, kindNames } from '#contract/entry.ts'
import { refusals } from '#contract/errors.ts'
import { admit, type Door } from '../../server/intake/admit.ts'
import { chooseLane } from '../../server/intake/routes.ts'
import { createFolding } from '../help/folding.ts'
import { makeUuid, startAt } from '../help/line.ts'

const runs = { numRuns: 2_000, seed: Number(process.env.SEED ?? Date.now() % 2_147_483_647) }
console.log(`admit seed ${runs.seed}`)
const door = (): Door => ({
  now: startAt,
  receivedAt: startAt,
  world: createFolding(2).world,
  speaker: { source: 'gw', isRelay: true, judge: () => undefined, covers: () => true },
})
const fix = (more: Record<string, unknown> = {}, body: Record<string, unknown> = {}) => ({
  kind: 'unit.position',
  uuid: makeUuid(),
  occurredAt: startAt,
  ...more,
  body: { unitId: 'U1', lon: 120.7, lat: 30.7, ...body },
})

function assertNormal(value: unknown): void {
  if (typeof value === 'string')
    assert.ok(value.isWellFormed() && !value.includes('\0') && value === value.normalize('NFC'))
  if (typeof value === 'number') assert.ok(Number.isFinite(value) && !Object.is(value, -0))
  if (typeof value === 'object' && value !== null) {
    assert.ok(Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
    for (const inner of Object.values(value)) assertNormal(inner)
  }
}

test('IN-24 whatever is offered is an entry or a refusal of the table, and never a throw', () => {
  const at = door()
  const Raw = fc.oneof(
    fc.jsonValue() as fc.Arbitrary<unknown>,
    fc.record({
      kind: fc.constantFrom(...kindNames, 'x'),
      uuid: fc.constant(makeUuid(1)),
      occurredAt: fc.constant(startAt),
      body: fc.dictionary(fc.string(), fc.jsonValue()),
    }),
    fc
      .record({
        lon: fc.double(),
        lat: fc.double(),
        speedKmh: fc.double(),
        unitId: fc.constantFrom('U1', 'U2', 'U3', '\0', '\ud800'),
      })
      .map(body => fix({}, body)),
    fc.string({ unit: 'binary' }).map(note => fix({ kind: 'incident.noted' }, { incidentId: 'I1', note })),
  )
  fc.assert(
    fc.property(Raw, raw => {
      const admitted = admit(raw, at)
      if ('code' in admitted) assert.ok(Object.hasOwn(refusals, admitted.code), admitted.code)
      else assertNormal(admitted)
    }),
    runs,
  )
})

test('IN-25 ranges: the edges of every place and number are in, what lies beyond is out', () => {
  const at = door()
  const codeOf = (body: Record<string, unknown>) => {
    const admitted = admit(fix({}, body), at)
    return 'code' in admitted ? admitted.code : 'done'
  }
  for (const [body, code] of [
    [{ lon: 180, lat: 90 }, 'done'],
    [{ lon: -180, lat: -90 }, 'done'],
    [{ lon: 180.000001, lat: 95 }, 'LOCATION_OUT_OF_RANGE'],
    [{ lon: 0, lat: 90.000001 }, 'LOCATION_SWAPPED'],
    [{ lon: 30.7, lat: 120.7 }, 'LOCATION_SWAPPED'],
    [{ lon: 30.7, lat: 89 }, 'done'],
    [{ speedKmh: 400 }, 'done'],
    [{ speedKmh: 400.1 }, 'SHAPE_INVALID'],
    [{ speedKmh: -0.1 }, 'SHAPE_INVALID'],
    [{ courseDeg: 360 }, 'done'],
    [{ courseDeg: 361 }, 'SHAPE_INVALID'],
    [{ altitudeM: -500 }, 'done'],
    [{ altitudeM: -501 }, 'SHAPE_INVALID'],
    [{ speedKmh: Number.NaN }, 'NUMBER_INVALID'],
    [{ speedKmh: Number.POSITIVE_INFINITY }, 'NUMBER_INVALID'],
  ] as const)
    assert.equal(codeOf(body), code, JSON.stringify(body))
  // Swapped within range, seen by where the city lies: only a neighbour of the poles could be meant otherwise.
  const near = { ...at, world: createFolding(2).world }
  for (const region of near.world.regions.values()) Object.assign(region, { lon: 80, lat: 40 })
  const swapped = admit(fix({}, { lon: 40, lat: 80 }), near)
  assert.equal('code' in swapped && swapped.code, 'LOCATION_SWAPPED')
})

test('IN-26 the future has a limit; the past has none for facts; a command lives as long as it asks, within bounds', () => {
  const at = door()
  const told = (more: Record<string, unknown>) => admit(fix(more), at)
  assert.ok(!('code' in told({ occurredAt: startAt + 300_000 })))
  assert.equal((told({ occurredAt: startAt + 300_001 }) as { code: string }).code, 'TIME_IN_FUTURE')
  assert.ok(!('code' in told({ occurredAt: startAt - 3_000 * 86_400_000 })))
  const command = (more: Record<string, unknown>) =>
    admit({ ...fix(more), kind: 'incident.closed', body: { incidentId: 'I1', outcome: 'cancelled' } }, at) as Entry
  assert.equal(command({}).expiresAt, startAt + 15_000)
  assert.equal(command({ expiresAt: startAt + 60_000 }).expiresAt, startAt + 60_000)
  assert.equal(command({ expiresAt: startAt + 86_400_000 }).expiresAt, startAt + 600_000)
  assert.equal(command({ expiresAt: startAt - 5 }).expiresAt, startAt - 5)
})

test('IN-27 lanes: clicks and calls first, live facts next, what comes late last; a played city keeps one order', () => {
  const entry = (kind: string, lateMs: number) => ({ kind, occurredAt: startAt - lateMs, receivedAt: startAt }) as Entry
  assert.equal(chooseLane(entry('incident.opened', 600_000), false), 'urgent')
  assert.equal(chooseLane(entry('call.received', 600_000), false), 'urgent')
  assert.equal(chooseLane(entry('unit.position', 0), false), 'live')
  assert.equal(chooseLane(entry('unit.position', 120_001), false), 'backfill')
  assert.equal(chooseLane(entry('call.received', 0), true), chooseLane(entry('unit.position', 120_001), true))
})

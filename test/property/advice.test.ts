/**
 * Properties of the desk's advice over generated worlds and road sources that answer, answer late, wrong or never: whatever the
 * city looks like, the line takes the order for every row, and the answer says how it was found.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '#contract/entry.ts'
import { UnitStatus } from '#contract/scalars.ts'
import { AdviceView } from '#contract/view.ts'
import { createAdvisor } from '../../server/operations/advice.ts'
import { advance } from '../../server/pipeline.ts'
import { createTravel, type RoadLegs, type RoadSource, type TravelOrder } from '../../server/roads/travel.ts'
import { createTouched, createWorld, type Incident, type Unit, type World } from '../../server/state/world.ts'
import { startAt } from '../help/line.ts'

const place = fc.record({
  lon: fc.double({ min: 120.5, max: 121.1, noNaN: true }),
  lat: fc.double({ min: 30.4, max: 30.9, noNaN: true }),
})
const unit: fc.Arbitrary<Omit<Unit, 'unitId' | 'name'>> = fc
  .record({
    unitClass: fc.constantFrom('A' as const, 'B' as const, 'C' as const, 'D' as const),
    capabilities: fc.subarray(['transport', 'monitor', 'defibrillator', 'als', 'isolation']),
    regionCode: fc.constantFrom('330402', '330411'),
    stationId: fc.option(fc.constantFrom('S1', 'S2', 'S9'), { nil: undefined }),
    status: fc.constantFrom(...UnitStatus.options),
    statusAt: fc.integer({ min: startAt - 7_200_000, max: startAt + 60_000 }),
    statusBy: fc.constant('unit' as const),
    incidentId: fc.option(fc.constantFrom('I-other', 'I-gone'), { nil: undefined, freq: 3 }),
    version: fc.constant(1),
    at: fc.option(place, { nil: undefined, freq: 8 }),
    fixAt: fc.integer({ min: startAt - 400_000, max: startAt + 5_000 }),
    silent: fc.boolean(),
  })
  .map(({ at, fixAt, incidentId, stationId, ...rest }) => ({
    ...rest,
    ...(stationId === undefined ? {} : { stationId }),
    // A unit with a task is not idle in any world the line makes; here it may be, and must not be offered.
    ...(incidentId === undefined ? {} : { incidentId }),
    ...(at ? { ...at, fixAt } : {}),
  }))
const incident = fc.record({
  level: fc.constantFrom(1, 2, 3, 4),
  at: place,
  complaintCode: fc.constantFrom('arrest', 'stroke', 'fever-rash', 'unknown', 'toString', undefined),
})

type Asked = { level: number; at: { lon: number; lat: number }; complaintCode: string | undefined }

function makeIncident(
  incidentId: string,
  given: { level: number; lon: number; lat: number; complaintCode?: string | undefined },
): Incident {
  return {
    incidentId,
    version: 1,
    state: 'open',
    regionCode: '330402001',
    callIds: [],
    unitIds: [],
    openedAt: startAt,
    stamps: [],
    sealedFields: [],
    noteCount: 0,
    ...given,
  }
}

function makeWorld(units: readonly Omit<Unit, 'unitId' | 'name'>[], asked: Asked): World {
  const world = createWorld()
  world.city.now = startAt
  for (const [code, parentCode, level, lon, population] of [
    ['330402', undefined, 'county', 120.75, 600_000],
    ['330402001', '330402', 'street', 120.7, 200_000],
    ['330402002', '330402', 'street', 120.9, 50_000],
  ] as const)
    world.regions.set(code, {
      code,
      ...(parentCode ? { parentCode } : {}),
      name: code,
      nameEn: code,
      level,
      lon,
      lat: 30.7,
      population,
    })
  for (const [placeId, lon] of [
    ['S1', 120.7],
    ['S2', 120.9],
  ] as const)
    world.places.set(placeId, { placeId, placeKind: 'station', name: placeId, regionCode: '330402', lon, lat: 30.7 })
  units.forEach((given, at) => {
    const unitId = `U${at}`
    world.units.set(unitId, { unitId, name: unitId, ...given })
  })
  world.incidents.set('I-other', makeIncident('I-other', { level: 3, lon: 120.8, lat: 30.6 }))
  const { at, level, complaintCode } = asked
  world.incidents.set('I-1', makeIncident('I-1', { ...at, level, ...(complaintCode ? { complaintCode } : {}) }))
  return world
}

type Temper = 'answers' | 'islands' | 'never' | 'throws' | 'rejects' | 'wrong-length' | 'negative' | 'off-road'
const tempers = ['answers', 'islands', 'never', 'throws', 'rejects', 'wrong-length', 'negative', 'off-road'] as const

/** A road source of a temper; places east of 120.8 lie on an island when it has one. */
function makeSource(temper: Temper): RoadSource & { restarts: number } {
  const source = {
    restarts: 0,
    getState: () => ({ holds: 'roads' as const }),
    measure({ places, target }: TravelOrder): Promise<RoadLegs | 'off-road'> {
      const metres = Float64Array.from(places, ({ lon, lat }) =>
        temper === 'islands' && lon > 120.8 ? Number.NaN : Math.hypot(lon - target.lon, lat - target.lat) * 130_000,
      )
      const seconds = metres.map(length => length / 14)
      if (temper === 'never') return new Promise(() => {})
      if (temper === 'throws') throw new Error('broken')
      if (temper === 'rejects') return Promise.reject(new Error('broken'))
      if (temper === 'wrong-length') return Promise.resolve({ seconds: seconds.slice(1), metres })
      if (temper === 'negative') return Promise.resolve({ seconds: seconds.map(value => -1 - value), metres })
      return Promise.resolve(temper === 'off-road' ? 'off-road' : { seconds, metres })
    },
    restart: () => {
      source.restarts += 1
    },
    stop: () => Promise.resolve(),
  }
  return source
}

function order(world: World, unitId: string): string {
  const entry = {
    seq: 1,
    loggedAt: startAt,
    kind: 'incident.unitAssigned',
    source: 'desk:a',
    uuid: 'u',
    occurredAt: startAt,
    receivedAt: startAt,
    expects: { unit: world.units.get(unitId)!.version },
    body: { incidentId: 'I-1', unitId },
  } as unknown as Entry
  const outcome = advance(structuredClone(world), entry, createTouched())
  return outcome.result === 'done' ? 'done' : (outcome.code ?? 'refused')
}

test('REC-1 the line takes the order for every row, the view is whole, and the answer says how it was found', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(unit, { maxLength: 24 }),
      incident,
      fc.constantFrom(...tempers),
      async (units, asked, temper) => {
        const world = makeWorld(units, asked)
        const travel = createTravel(makeSource(temper), { timeoutMs: 5, stuckAfterMs: 20 })
        const advisor = createAdvisor({ world, travel, now: () => startAt })
        const view = await advisor.advise(world.incidents.get('I-1')!, () => true)
        await travel.stop()
        AdviceView.parse(view)
        for (const row of view.rows) assert.equal(order(world, row.unitId), 'done', row.unitId)
        assert.deepEqual(
          view.rows.map(row => row.rank),
          view.rows.map((_, at) => at + 1),
        )
        const named = [...view.rows, ...view.soonFree, ...view.nearer].map(row => row.unitId)
        assert.equal(new Set(named).size, named.length)
        assert.equal(view.travelWhy === undefined, view.travel === 'roads')
        const free = [...world.units.values()].filter(
          each =>
            (each.status === 'idle' || each.status === 'returning') &&
            each.incidentId === undefined &&
            !each.silent &&
            each.lon !== undefined,
        )
        if (free.length > 0) {
          assert.ok(view.rows.length > 0, 'somebody who is free is always named')
          const isByRoad = temper === 'answers' || (temper === 'islands' && free.some(each => each.lon! <= 120.8))
          if (temper !== 'islands') assert.equal(view.travel, isByRoad ? 'roads' : 'straight-line')
          if (view.travel === 'roads' && temper === 'islands')
            for (const row of view.rows) assert.ok(world.units.get(row.unitId)!.lon! <= 120.8)
        }
        if (view.level === 1 && view.rows.length > 0)
          assert.equal(view.rows[0]!.etaP50S, Math.min(...view.rows.map(row => row.etaP50S)))
      },
    ),
    { numRuns: 150 },
  )
})

test('REC-2 a unit outside the sight of the asker is neither offered nor named', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(unit, { maxLength: 16 }), incident, async (units, asked) => {
      const world = makeWorld(units, asked)
      const travel = createTravel(undefined)
      const advisor = createAdvisor({ world, travel, now: () => startAt })
      const view = await advisor.advise(world.incidents.get('I-1')!, each => each.regionCode === '330411')
      for (const { unitId } of [...view.rows, ...view.soonFree, ...view.nearer])
        assert.equal(world.units.get(unitId)!.regionCode, '330411')
      assert.equal(view.travelWhy?.code, 'no-pack')
    }),
    { numRuns: 60 },
  )
})

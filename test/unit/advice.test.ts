/**
 * How the desk's advice reads the world and the roads: mapping of statuses and complaints, habits from stamps, road packs in both
 * forms, speeds, and travel before sources that do not answer. Expected values are written out by hand.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultAdviseSettings } from '../../server/advise/settings.ts'
import {
  buildArea,
  countStations,
  habitsDefault,
  type Lens,
  listDemand,
  listStations,
  listWants,
  measureHabits,
  predictRest,
  readCall,
  readUnit,
  samplesMin,
} from '../../server/advise/situation.ts'
import { complaintDictionary } from '../../server/intake/codes.ts'
import { createAdvisor, deskSettings, isAssignable } from '../../server/operations/advice.ts'
import { admitRoadsCsv, admitRoadsJson, readRoadPack } from '../../server/roads/pack.ts'
import { circuity, getHourOfWeek, makeHourFactors, measureStraightLeg } from '../../server/roads/speeds.ts'
import { startRoadThread } from '../../server/roads/thread.ts'
import { createTravel, type RoadSource, type TravelOrder } from '../../server/roads/travel.ts'
import { createWorld, type Incident, type Unit } from '../../server/state/world.ts'
import { listHourFactors, SPEED_KMH } from '../../simulations/city.ts'
import { packRoads, seedCity } from '../../simulations/seed.ts'

// 2026-11-21 12:00 in Shanghai, a Saturday.
const now = Date.UTC(2026, 10, 21, 4, 0, 0)

function makeUnit(unitId: string, more: Partial<Unit> = {}): Unit {
  return {
    unitId,
    name: unitId,
    unitClass: 'B',
    capabilities: [],
    regionCode: '330402',
    status: 'idle',
    statusAt: now - 60_000,
    statusBy: 'unit',
    version: 1,
    lon: 120.75,
    lat: 30.75,
    fixAt: now - 5_000,
    silent: false,
    ...more,
  }
}

function makeIncident(incidentId: string, more: Partial<Incident> = {}): Incident {
  return {
    incidentId,
    version: 1,
    state: 'open',
    level: 2,
    regionCode: '330402001',
    lon: 120.76,
    lat: 30.75,
    callIds: [],
    unitIds: [],
    openedAt: now,
    stamps: [],
    sealedFields: [],
    noteCount: 0,
    ...more,
  }
}

const lens: Lens = {
  now,
  habits: { ...habitsDefault, demandShare: {} },
  countyOf: code => code.slice(0, 6),
  stationAt: unit => (unit.stationId === 'S1' ? 0 : -1),
}
const read = (more: Partial<Unit>, incidents: [string, Incident][] = []) =>
  readUnit(makeUnit('U1', more), new Map(incidents), lens)

test('REC-10 statuses become phases; silent and unavailable units are blocked, a unit without a fix has no place', () => {
  assert.deepEqual(
    (['idle', 'returning', 'ordered', 'rolling', 'on-scene', 'loaded', 'at-hospital', 'handover'] as const).map(
      status => read({ status }).phase,
    ),
    ['idle', 'returning', 'enRoute', 'enRoute', 'onScene', 'transporting', 'handover', 'handover'],
  )
  assert.equal(read({ silent: true }).blocked, 'silent')
  assert.equal(read({ status: 'unavailable' }).blocked, 'outOfService')
  assert.equal(read({}).blocked, undefined)
  assert.equal(read({}).turnoutSeconds, 120)
  assert.equal(read({ status: 'returning' }).turnoutSeconds, 0)
  assert.equal(read({}).fixAgeSeconds, 5)
  const { lon: _lon, lat: _lat, fixAt: _fixAt, ...blind } = makeUnit('U2')
  const unseen = readUnit(blind as Unit, new Map(), lens)
  assert.ok(Number.isNaN(unseen.place.lon))
  assert.equal(unseen.fixAgeSeconds, Number.POSITIVE_INFINITY)
})

test('REC-11 a unit counts at its station only while it is free, and carries what its class carries when nothing is listed', () => {
  assert.equal(read({ stationId: 'S1' }).cover?.base, 0)
  assert.equal(read({ stationId: 'S1', incidentId: 'I9', status: 'rolling' }).cover?.base, -1)
  assert.equal(read({ stationId: 'S1', silent: true }).cover?.base, -1)
  assert.equal(read({ stationId: 'S7' }).cover?.base, -1)
  assert.deepEqual(read({ unitClass: 'A' }).capabilities, ['transport'])
  assert.deepEqual(read({ capabilities: ['own'] }).capabilities, ['own'])
  assert.ok(read({ unitClass: 'C' }).rank < read({ unitClass: 'A' }).rank)
})

test('REC-12 a release is predicted at the hospital alone, and never for the next second', () => {
  assert.equal(read({ status: 'loaded', incidentId: 'I9' }).release, undefined)
  assert.equal(read({ status: 'on-scene', incidentId: 'I9' }).release, undefined)
  // One minute into a handover of 15 min (p90 30 min).
  const handover = read({ status: 'handover', incidentId: 'I9' }, [['I9', makeIncident('I9', { level: 3 })]])
  assert.deepEqual([handover.release?.p50Seconds, handover.release?.p90Seconds], [14 * 60, 29 * 60])
  assert.equal(handover.active?.call.level, 3)
  assert.equal(read({ status: 'at-hospital', incidentId: 'I9' }).release?.p50Seconds, 19 * 60)
  assert.deepEqual(predictRest({ p50Seconds: 900, p90Seconds: 1800 }, 5_000), { p50Seconds: 225, p90Seconds: 450 })
  assert.deepEqual(predictRest({ p50Seconds: 900, p90Seconds: 1800 }, -50), { p50Seconds: 900, p90Seconds: 1800 })
})

test('REC-13 habits are the default until enough stamps speak, then their median and 90 %; forgotten keys do not count', () => {
  const world = createWorld()
  assert.deepEqual(measureHabits(world), { ...habitsDefault, demandShare: {} })
  for (let at = 0; at < samplesMin; at += 1) {
    const stamp = (name: string, seconds: number) => ({
      stamp: name,
      at: now + seconds * 1000,
      source: 'key' as const,
      unitId: 'U1',
    })
    world.incidents.set(
      `I${at}`,
      makeIncident(`I${at}`, {
        complaintCode: at % 4 === 0 ? 'arrest' : 'fall',
        stamps: [
          stamp('ordered', 0),
          stamp('rolling', 40 + at),
          stamp('at-hospital', 1_000),
          stamp('handover', 1_100),
          stamp('idle', at === 0 ? 90_000 : 1_700),
        ],
      }),
    )
  }
  const habits = measureHabits(world)
  assert.deepEqual(habits.turnout, { p50Seconds: 50, p90Seconds: 58 })
  // One of twenty is a key forgotten for a day: nineteen samples are too few.
  assert.deepEqual(habits.handover, habitsDefault.handover)
  assert.equal(habits.demandShare.defibrillator, 0.25)
})

test('REC-14 what a complaint wants is a table over codes that the dictionary has; strangers want nothing', () => {
  const codes = new Set(complaintDictionary.terms.map(term => term[1]))
  const wanting = [...codes].filter(code => listWants(code).length > 0)
  assert.ok(wanting.length >= 15)
  assert.ok(listWants('arrest').includes('defibrillator'))
  assert.ok(listWants('fever-rash').includes('isolation'))
  for (const code of ['toString', '__proto__', 'unknown', undefined]) assert.deepEqual(listWants(code), [])
  const call = readCall(makeIncident('I1', { level: 1, complaintCode: 'arrest' }), code => code.slice(0, 6))
  assert.deepEqual([call.level, call.regionId, call.needs], [1, '330402', []])
})

test('REC-15 cover is counted from stations over the leaves of the region tree by their people', () => {
  const world = createWorld()
  const region = { nameEn: '', lat: 30.7, name: '' }
  world.regions.set('3304', { ...region, code: '3304', level: 'city', lon: 120.7, population: 900 })
  world.regions.set('a', { ...region, code: 'a', parentCode: '3304', level: 'street', lon: 120.7, population: 300 })
  world.regions.set('b', { ...region, code: 'b', parentCode: '3304', level: 'street', lon: 121.7, population: 100 })
  world.regions.set('c', { ...region, code: 'c', parentCode: '3304', level: 'street', lon: 121.7, population: 0 })
  world.places.set('S1', { placeId: 'S1', placeKind: 'station', name: '', regionCode: 'a', lon: 120.7, lat: 30.7 })
  world.places.set('H1', { placeId: 'H1', placeKind: 'hospital', name: '', regionCode: 'a', lon: 120.7, lat: 30.7 })
  const demand = listDemand(world)
  const stations = listStations(world)
  assert.deepEqual(
    demand.map(cell => [cell.id, cell.weight]),
    [
      ['a', 300],
      ['b', 100],
    ],
  )
  assert.deepEqual(
    stations.map(station => station.id),
    ['S1'],
  )
  const area = buildArea(stations, demand, Float64Array.of(60, Number.NaN), defaultAdviseSettings.cover)
  assert.deepEqual([...area.weight], [0.75, 0.25])
  const units = [read({ stationId: 'S1' }), read({ stationId: 'S1', status: 'returning' }), read({})]
  assert.deepEqual([...countStations(area, units, defaultAdviseSettings.cover).counts], [2, 0])
})

test('REC-16 the hour of the week is that of Shanghai from Monday midnight; rush hours slow, the siren gains', () => {
  assert.equal(getHourOfWeek(Date.parse('2026-11-23T00:00:00+08:00')), 0)
  assert.equal(getHourOfWeek(Date.parse('2026-11-22T23:59:59+08:00')), 167)
  assert.equal(getHourOfWeek(now), 5 * 24 + 12)
  const { plain, siren } = makeHourFactors(1.25)
  assert.deepEqual([plain[8], plain[12], plain[5 * 24 + 8], siren[12]], [0.72, 1, 1, 1.25])
  assert.ok([...plain, ...siren].every(factor => factor > 0))
})

test('REC-17 a straight line is great circle × 1.4 at class speeds, and no place gives no number', () => {
  // 1 km north: 1.4 km of side streets at 32 km/h = 157.5 s at an hour without traffic and siren.
  const from = { lon: 120.7, lat: 30.7 }
  const near = { lon: 120.7, lat: 30.7 + 1_000 / ((6_371_000 * Math.PI) / 180) }
  const short = measureStraightLeg(from, near, 12, false)
  assert.ok(Math.abs(short.metres - 1_000 * circuity) < 0.01)
  assert.ok(Math.abs(short.seconds - (1_400 * 3.6) / 32) < 0.01)
  assert.ok(Math.abs(measureStraightLeg(from, near, 12, true).seconds - short.seconds / 1.25) < 0.01)
  const far = measureStraightLeg(from, { lon: 120.7, lat: 31.2 }, 12, false)
  assert.ok(far.seconds < (far.metres * 3.6) / 48 + 120 && far.seconds > (far.metres * 3.6) / 68)
  assert.ok(Number.isNaN(measureStraightLeg({ lon: Number.NaN, lat: 1 }, near, 12, true).seconds))
})

const smallPack = () => ({
  meta: { name: 'test', source: 'own', licence: 'CC0-1.0', crs: 'WGS-84', day: '2026-11-21' },
  classes: [
    { name: 'fast', speedKmh: 72 },
    { name: 'slow', speedKmh: 36 },
  ],
  nodes: { lon: [120.7, 120.71, 120.72, 120.9], lat: [30.7, 30.7, 30.7, 30.7] },
  arcs: { twoWay: true, from: [0, 1], to: [1, 2], metres: [1_000, 1_000], class: [0, 1] },
})

test('REC-20 a road pack in JSON: both ways, speeds by class, hour and siren; islands are seen', () => {
  const admitted = admitRoadsJson(JSON.stringify({ ...smallPack(), sirenFactor: 2 }))
  assert.ok(admitted.ok)
  const { graph, weigh } = admitted.value
  assert.deepEqual([graph.nodeCount, graph.arcCount, graph.componentCount], [4, 4, 2])
  assert.deepEqual([...weigh(12, false)], [50, 100, 50, 100])
  assert.deepEqual([...weigh(12, true)], [25, 50, 25, 50])
  const hourFactors = { plain: new Array(168).fill(0.5), siren: new Array(168).fill(1) }
  const own = admitRoadsJson(JSON.stringify({ ...smallPack(), hourFactors }))
  assert.ok(own.ok)
  assert.deepEqual([...own.value.weigh(12, false)], [100, 200, 100, 200])
})

test('REC-21 a road pack that is not whole is refused with a code in both languages, never half read', () => {
  const broken: [string, unknown][] = [
    ['no JSON', undefined],
    ['null', null],
    ['another datum', { ...smallPack(), meta: { ...smallPack().meta, crs: 'GCJ-02' } }],
    ['no classes', { ...smallPack(), classes: [] }],
    ['a hole in a column', { ...smallPack(), nodes: { lon: [120.7, null, 1, 2], lat: [1, 2, 3, 4] } }],
    ['columns of two lengths', { ...smallPack(), arcs: { ...smallPack().arcs, metres: [1] } }],
    ['an arc to nowhere', { ...smallPack(), arcs: { ...smallPack().arcs, to: [1, 9] } }],
    ['a class that is none', { ...smallPack(), arcs: { ...smallPack().arcs, class: [0, 2] } }],
    ['twoWay left out', { ...smallPack(), arcs: { ...smallPack().arcs, twoWay: undefined } }],
    ['a negative road', { ...smallPack(), arcs: { ...smallPack().arcs, metres: [1, -1] } }],
    ['a place on no earth', { ...smallPack(), nodes: { lon: [120, 120, 120, 999], lat: [1, 2, 3, 4] } }],
  ]
  for (const [what, given] of broken) {
    const admitted = admitRoadsJson(given === undefined ? '{' : JSON.stringify(given))
    assert.ok(!admitted.ok, what)
    assert.ok(admitted.reject.code && admitted.reject.zh && admitted.reject.en, what)
  }
})

test('REC-22 a road pack in CSV: mode_1 with siren, mode_2 without; a folder with one of the two files is refused', async () => {
  const nodes = 'index,x,y\n1,120.7,30.7\n2,120.71,30.7\n'
  const day = 86_400
  const two = admitRoadsCsv(nodes, `fromNode,toNode,distance,mode_1,mode_2\n1,2,1,${60 / day},${90 / day}\n`)
  assert.ok(two.ok)
  assert.ok(Math.abs(two.value.weigh(12, true)[0]! - 60) < 1e-6)
  assert.ok(Math.abs(two.value.weigh(12, false)[0]! - 90) < 1e-6)
  assert.ok(Math.abs(two.value.weigh(8, false)[0]! - 90 / 0.72) < 1e-6)
  const one = admitRoadsCsv(nodes, `fromNode,toNode,distance,mode_1\n1,2,1,${60 / day}\n`)
  assert.ok(one.ok)
  assert.ok(Math.abs(one.value.weigh(12, false)[0]! - 75) < 1e-6)
  assert.equal(admitRoadsCsv(nodes, 'fromNode,toNode,distance\n1,2,1\n').ok, false)
  const folder = mkdtempSync(join(tmpdir(), 'vigil-roads-'))
  try {
    const none = await readRoadPack(folder)
    assert.ok(none.ok && none.value === undefined)
    writeFileSync(join(folder, 'nodes.csv'), nodes)
    const half = await readRoadPack(folder)
    assert.ok(!half.ok && half.reject.code === 'ROAD_PACK_INVALID')
    writeFileSync(join(folder, 'roads.json'), JSON.stringify(smallPack()))
    const whole = await readRoadPack(folder)
    assert.ok(whole.ok && whole.value?.graph.nodeCount === 4)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('REC-23 the demo city publishes its roads whole: every road once, driven at the speeds of the simulation', () => {
  const city = seedCity({ seed: 7 })
  const admitted = admitRoadsJson(JSON.stringify(packRoads(city, '2026-11-21', SPEED_KMH, listHourFactors())))
  assert.ok(admitted.ok)
  const { graph, weigh } = admitted.value
  assert.equal(graph.nodeCount, city.graph.lon.length)
  assert.equal(graph.arcCount, city.graph.to.length)
  const seconds = weigh(12, false)
  for (let arc = 0; arc < graph.arcCount; arc += 97)
    assert.equal(seconds[arc], (graph.metres[arc]! * 3.6) / SPEED_KMH[graph.roadClass[arc]! as 0 | 1 | 2 | 3])
})

type Settle = { answer(): void; reject(): void }

/** A source whose answers the test gives by hand. */
function makeHeldSource(): RoadSource & { held: Settle[]; restarts: number; asked: TravelOrder[] } {
  const held: Settle[] = []
  const source = {
    held,
    restarts: 0,
    asked: [] as TravelOrder[],
    getState: () => ({ holds: 'roads' as const }),
    measure(order: TravelOrder) {
      source.asked.push(order)
      return new Promise<{ seconds: Float64Array; metres: Float64Array }>((resolve, reject) => {
        held.push({
          answer: () =>
            resolve({ seconds: new Float64Array(order.places.length), metres: new Float64Array(order.places.length) }),
          reject: () => reject(new Error('broken')),
        })
      })
    },
    restart: () => {
      source.restarts += 1
    },
    stop: () => Promise.resolve(),
  }
  return source
}
const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const drive: TravelOrder = {
  target: { lon: 120.7, lat: 30.7 },
  places: [{ lon: 120.71, lat: 30.7 }],
  hourOfWeek: 0,
  siren: true,
  secondsMax: 600,
}

test('REC-30 travel asks one order at a time, in turn, and refuses what its queue cannot hold', async () => {
  const source = makeHeldSource()
  const travel = createTravel(source, { timeoutMs: 60_000, waitingMax: 2 })
  const answers = [travel.measure(drive), travel.measure(drive), travel.measure(drive), travel.measure(drive)]
  await turn()
  assert.equal(source.asked.length, 1)
  assert.deepEqual(await answers[3], { gap: 'busy' })
  source.held[0]!.answer()
  assert.ok('legs' in (await answers[0]!))
  await turn()
  assert.equal(source.asked.length, 2)
  source.held[1]!.reject()
  assert.deepEqual(await answers[1], { gap: 'lost' })
  await turn()
  source.held[2]!.answer()
  assert.ok('legs' in (await answers[2]!))
  await travel.stop()
  assert.deepEqual(await travel.measure(drive), { gap: 'no-pack' })
})

test('REC-31 a source that never answers is late for everybody at once, begun anew, and used again when it answers', async () => {
  const source = makeHeldSource()
  const travel = createTravel(source, { timeoutMs: 20, stuckAfterMs: 80 })
  const [first, second] = [travel.measure(drive), travel.measure(drive)]
  assert.deepEqual(await first, { gap: 'late' })
  assert.deepEqual(await second, { gap: 'late' })
  // While it is overdue nobody waits to learn it.
  assert.deepEqual(await Promise.race([travel.measure(drive), turn()]), { gap: 'late' })
  assert.equal(source.asked.length, 1)
  while (source.restarts === 0) await new Promise(resolve => setTimeout(resolve, 5))
  const third = travel.measure(drive)
  await turn()
  source.held.at(-1)!.answer()
  assert.ok('legs' in (await third))
  await travel.stop()
})

test('REC-32 advice before a provider that never answers goes by the straight line and says it', async () => {
  const world = createWorld()
  world.units.set('U1', makeUnit('U1'))
  world.units.set('U2', makeUnit('U2', { lon: 120.9 }))
  const incident = makeIncident('I1')
  world.incidents.set('I1', incident)
  const travel = createTravel(makeHeldSource(), { timeoutMs: 10, stuckAfterMs: 60_000 })
  const view = await createAdvisor({ world, travel, now: () => now }).advise(incident, () => true)
  assert.equal(view.travel, 'straight-line')
  assert.equal(view.travelWhy?.code, 'late')
  assert.ok(view.travelWhy?.zh && view.travelWhy.en)
  assert.deepEqual(
    view.rows.map(row => row.unitId),
    ['U1', 'U2'],
  )
  await travel.stop()
})

test('REC-33 the road thread answers by its pack, leaves an island out, and says off-road where no road is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-roads-'))
  writeFileSync(join(folder, 'roads.json'), JSON.stringify(smallPack()))
  const seen: string[] = []
  const source = await new Promise<RoadSource>(resolve => {
    const made: RoadSource = startRoadThread({
      directory: folder,
      onRoads: held => {
        seen.push(`${held.name} ${held.nodeCount} ${held.arcCount} ${held.islandNodes}`)
        resolve(made)
      },
      onRefused: refused => seen.push(refused.code),
      onError: error => seen.push(error.message),
    })
  })
  const travel = createTravel(source, { timeoutMs: 10_000 })
  const places = [
    { lon: 120.71, lat: 30.7 },
    { lon: 120.7, lat: 30.7 },
    { lon: 120.9, lat: 30.7 },
  ]
  const answer = await travel.measure({
    ...drive,
    target: { lon: 120.72, lat: 30.7 },
    places,
    hourOfWeek: 12,
    siren: false,
  })
  assert.ok('legs' in answer)
  assert.deepEqual([...answer.legs.seconds], [100, 150, Number.NaN])
  assert.deepEqual([...answer.legs.metres], [1_000, 2_000, Number.NaN])
  assert.deepEqual(await travel.measure({ ...drive, target: { lon: 120.9, lat: 30.7 } }), { gap: 'off-road' })
  // Given up and begun anew: it reads its pack again and answers again.
  source.restart()
  assert.deepEqual(await travel.measure(drive), { gap: 'loading' })
  while (source.getState().holds !== 'roads') await new Promise(resolve => setTimeout(resolve, 5))
  assert.ok('legs' in (await travel.measure({ ...drive, secondsMax: 1_000 })))
  await travel.stop()
  rmSync(folder, { recursive: true })
  assert.deepEqual(seen, ['test 4 4 1', 'test 4 4 1'])
})

test('REC-34 the nearest unit with everything wanted is named and among the rows; units at a hospital stand beside, not in them', async () => {
  const world = createWorld()
  const incident = makeIncident('I1', { level: 1, complaintCode: 'arrest' })
  world.incidents.set('I1', incident)
  world.incidents.set('I2', makeIncident('I2'))
  for (let at = 0; at < 7; at += 1)
    world.units.set(`A${at}`, makeUnit(`A${at}`, { unitClass: 'A', lon: 120.764 + at * 0.004 }))
  world.units.set('B9', makeUnit('B9', { lon: 120.9 }))
  world.units.set(
    'H1',
    makeUnit('H1', { status: 'handover', incidentId: 'I2', lon: 120.76, statusAt: now - 7_200_000 }),
  )
  world.units.set('M1', makeUnit('M1', { silent: true, lon: 120.76 }))
  const travel = createTravel(undefined)
  const advisor = createAdvisor({ world, travel, now: () => now })
  const view = await advisor.advise(incident, () => true)
  assert.deepEqual(
    view.rows.map(row => row.unitId),
    ['A0', 'A1', 'A2', 'A3', 'B9'],
  )
  assert.equal(view.capableUnitId, 'B9')
  assert.deepEqual(view.rows[0]!.missingWants, ['defibrillator', 'als', 'ventilator'])
  assert.match(view.rows[0]!.why.zh, /缺少：除颤仪、高级生命支持、呼吸机/)
  assert.equal(view.settingsVersion, deskSettings.version)
  assert.equal(view.coverTravel, 'none')
  const silent = view.nearer.find(unit => unit.unitId === 'M1')
  assert.equal(silent?.code, 'SILENT')
  assert.ok(!view.rows.some(row => row.unitId === 'H1'))
  // Alone far away: the unit about to be free at the hospital would be earlier, and is shown as such.
  for (let at = 0; at < 7; at += 1) world.units.delete(`A${at}`)
  world.units.get('B9')!.lon = 121.2
  const thin = await advisor.advise(incident, () => true)
  assert.deepEqual([thin.rows.map(row => row.unitId), thin.soonFree.map(row => row.unitId)], [['B9'], ['H1']])
  assert.equal(isAssignable(world.units.get('H1')), false)
})

test('REC-35 a stale position costs seconds and is flagged; a far unit loses to a fresh one', async () => {
  const world = createWorld()
  const incident = makeIncident('I1', { level: 3 })
  world.incidents.set('I1', incident)
  world.units.set('old', makeUnit('old', { fixAt: now - 61_000 }))
  world.units.set('new', makeUnit('new', { fixAt: now - 59_000 }))
  const view = await createAdvisor({ world, travel: createTravel(undefined), now: () => now }).advise(
    incident,
    () => true,
  )
  assert.deepEqual(
    view.rows.map(row => [row.unitId, row.staleFix, row.terms.staleFix]),
    [
      ['new', false, 0],
      ['old', true, 60],
    ],
  )
})

test('REC-36 when no free unit has a road to the scene, the straight line still names somebody and says why', async () => {
  const world = createWorld()
  const incident = makeIncident('I1')
  world.incidents.set('I1', incident)
  world.incidents.set('I2', makeIncident('I2'))
  world.units.set('island', makeUnit('island'))
  // A unit that is not free and has a road makes no difference.
  world.units.set('H1', makeUnit('H1', { status: 'handover', incidentId: 'I2', lon: 120.9 }))
  const source: RoadSource = {
    ...makeHeldSource(),
    measure: ({ places }) => {
      const seconds = Float64Array.from(places, place => (place.lon > 120.8 ? 60 : Number.NaN))
      return Promise.resolve({ seconds, metres: seconds })
    },
  }
  const travel = createTravel(source)
  const view = await createAdvisor({ world, travel, now: () => now }).advise(incident, () => true)
  assert.deepEqual(
    [view.travel, view.travelWhy?.code, view.rows.map(row => row.unitId)],
    ['straight-line', 'off-road', ['island']],
  )
  await travel.stop()
})

test('REC-37 a unit that is taken while the roads are searched is no row any more', async () => {
  const world = createWorld()
  const incident = makeIncident('I1')
  world.incidents.set('I1', incident)
  world.units.set('U1', makeUnit('U1'))
  world.units.set('U2', makeUnit('U2', { lon: 120.9 }))
  const source = makeHeldSource()
  const travel = createTravel(source, { timeoutMs: 60_000 })
  const asked = createAdvisor({ world, travel, now: () => now }).advise(incident, () => true)
  await turn()
  Object.assign(world.units.get('U1')!, { status: 'ordered', incidentId: 'I9' })
  for (let at = 0; at < source.held.length; at += 1) {
    source.held[at]!.answer()
    await turn()
  }
  const view = await asked
  assert.equal(view.travel, 'roads')
  assert.deepEqual(
    view.rows.map(row => [row.rank, row.unitId]),
    [[1, 'U2']],
  )
  await travel.stop()
})

// Tests of the simulated city: the ground that seed.ts draws and the life that city.ts lets run on it.
// They stand outside the line; what they promise is that a demonstration is repeatable, well-formed and believable.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { getBodySchema } from '#contract/entry.ts'
import {
  type CityEvent,
  type CityOptions,
  endIncident,
  locateUnit,
  obeyOrder,
  type Scenario,
  startCity,
  stepCity,
  tellHistory,
  tellRegister,
  withdrawOrder,
} from '../../simulations/city.ts'
import { outbreak } from '../../simulations/scenarios/outbreak.ts'
import { quietDay } from '../../simulations/scenarios/quiet-day.ts'
import { type City, createChance, isInPolygon, packCity, seedCity } from '../../simulations/seed.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
// A Monday, 09:00 in Shanghai.
const START = Date.UTC(2026, 10, 23, 1, 0, 0)
const city = seedCity({ seed: 7 })
const other = seedCity({ seed: 8 })

const wake = (more: Partial<CityOptions> = {}) =>
  startCity({ city, chance: createChance(7), scenario: quietDay, startAt: START, ...more })

const measureArea = (ring: readonly (readonly [number, number])[]): number => {
  let doubled = 0
  for (let i = 0; i + 1 < ring.length; i++) {
    doubled += ring[i]![0] * ring[i + 1]![1] - ring[i + 1]![0] * ring[i]![1]
  }
  return doubled / 2
}
const measureRegion = (one: City['regions'][number]): number =>
  one.polygon.reduce((sum, ring) => sum + measureArea(ring), 0)

const metresToRoads = (drawn: City, lon: number, lat: number): number => {
  const { graph } = drawn
  const kx = 111_195 * Math.cos((lat * Math.PI) / 180)
  let best = Number.POSITIVE_INFINITY
  for (let a = 0; a < graph.lon.length; a++) {
    if (Math.abs(graph.lat[a]! - lat) > 0.03 || Math.abs(graph.lon[a]! - lon) > 0.03) continue
    for (let arc = graph.first[a]!; arc < graph.first[a + 1]!; arc++) {
      const b = graph.to[arc]!
      const px = (lon - graph.lon[a]!) * kx
      const py = (lat - graph.lat[a]!) * 111_195
      const dx = (graph.lon[b]! - graph.lon[a]!) * kx
      const dy = (graph.lat[b]! - graph.lat[a]!) * 111_195
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) / Math.max(1e-9, dx * dx + dy * dy)))
      best = Math.min(best, Math.hypot(px - t * dx, py - t * dy))
    }
  }
  return best
}

test('SIM-1 one seed always draws the same city and another seed another', () => {
  const again = seedCity({ seed: 7 })
  assert.deepEqual(again, city)
  assert.notDeepEqual(other.streets, city.streets)
  assert.notDeepEqual(other.graph.lon, city.graph.lon)
})

test('SIM-2 counties tile the city and streets tile their county, without gap or overlap', () => {
  for (const drawn of [city, other]) {
    const [whole, ...rest] = drawn.regions
    const counties = rest.filter(one => one.level === 'county')
    assert.equal(counties.length, 7)
    const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) < 1e-9, `${what}: ${a} and ${b}`)
    near(
      counties.reduce((sum, one) => sum + measureRegion(one), 0),
      measureRegion(whole!),
      'area of the counties',
    )
    for (const county of counties) {
      const streets = drawn.streets.filter(one => one.parentCode === county.code)
      assert.ok(streets.length >= 6 && streets.length <= 10, `${county.code} has ${streets.length} streets`)
      near(
        streets.reduce((sum, one) => sum + measureRegion(one), 0),
        measureRegion(county),
        `area of the streets of ${county.code}`,
      )
    }
    for (const one of drawn.regions) {
      assert.equal(one.polygon.length, 1, `${one.code} is one ring`)
      const ring = one.polygon[0]!
      assert.deepEqual(ring[0], ring[ring.length - 1], `${one.code} is closed`)
      assert.ok(measureArea(ring) > 0, `${one.code} runs counter-clockwise`)
      assert.ok(isInPolygon(one.lon, one.lat, one.polygon), `${one.code} holds its own label`)
    }
    // Equal areas could hide a gap as large as an overlap; points cannot.
    const chance = createChance('points')
    let inside = 0
    for (let i = 0; i < 4_000; i++) {
      const lon = chance.range(120.2, 121.3)
      const lat = chance.range(30.3, 31)
      const inCity = isInPolygon(lon, lat, whole!.polygon)
      if (inCity) inside++
      const hits = counties.filter(one => isInPolygon(lon, lat, one.polygon)).length
      const streetHits = drawn.streets.filter(one => isInPolygon(lon, lat, one.polygon)).length
      assert.equal(hits, inCity ? 1 : 0, `counties at ${lon}, ${lat}`)
      assert.equal(streetHits, inCity ? 1 : 0, `streets at ${lon}, ${lat}`)
    }
    assert.ok(inside > 1_500)
  }
})

test('SIM-3 the seven counties carry their codes, streets nine digits, and people add up', () => {
  const codes = city.regions.filter(one => one.level === 'county').map(one => [one.code, one.name])
  assert.deepEqual(codes, [
    ['330402', '南湖区'],
    ['330411', '秀洲区'],
    ['330421', '嘉善县'],
    ['330424', '海盐县'],
    ['330481', '海宁市'],
    ['330482', '平湖市'],
    ['330483', '桐乡市'],
  ])
  for (const street of city.streets) {
    assert.match(street.code, /^\d{9}$/)
    assert.equal(street.code.slice(0, 6), street.parentCode)
    assert.ok(street.population > 1_000)
  }
  assert.equal(new Set(city.streets.map(one => one.nameEn)).size, city.streets.length)
  for (const parent of city.regions.filter(one => one.level !== 'street')) {
    const children = city.regions.filter(one => one.parentCode === parent.code)
    assert.equal(
      children.reduce((sum, one) => sum + one.population, 0),
      parent.population,
    )
  }
})

test('SIM-4 the road graph is strongly connected, symmetric and shaped like a country', () => {
  for (const { graph } of [city, other]) {
    const count = graph.lon.length
    const reach = (start: number): number => {
      const seen = new Uint8Array(count)
      const stack = [start]
      seen[start] = 1
      let size = 0
      while (stack.length > 0) {
        const node = stack.pop()!
        size++
        for (let arc = graph.first[node]!; arc < graph.first[node + 1]!; arc++) {
          const to = graph.to[arc]!
          if (!seen[to]) {
            seen[to] = 1
            stack.push(to)
          }
        }
      }
      return size
    }
    const pairs = new Map<string, number>()
    for (let node = 0; node < count; node++) {
      for (let arc = graph.first[node]!; arc < graph.first[node + 1]!; arc++) {
        const key = `${node}>${graph.to[arc]}`
        pairs.set(key, (pairs.get(key) ?? 0) + graph.lengthM[arc]!)
        assert.ok(graph.lengthM[arc]! >= 0 && graph.lengthM[arc]! < 5_000)
      }
    }
    // Every arc has its way back, so reaching all from one node is reaching all from all.
    for (const [key, metres] of pairs) {
      const [a, b] = key.split('>')
      assert.ok(Math.abs((pairs.get(`${b}>${a}`) ?? -1) - metres) < 0.01, `way back of ${key}`)
    }
    assert.equal(reach(0), count)
    const degree = graph.to.length / count
    assert.ok(degree > 2.3 && degree < 3.3, `mean degree ${degree}`)
    assert.ok(graph.bridge.some(flag => flag === 1))
    for (const roadClass of [0, 1, 2, 3]) assert.ok(graph.roadClass.includes(roadClass))
  }
})

test('SIM-5 places stand on their street beside a road, with stable distinct ids', () => {
  assert.equal(city.units.length, 200)
  assert.equal(city.stations.length, 45)
  assert.equal(city.hospitals.length, 14)
  assert.equal(city.facilities.length, 160)
  const places = [...city.stations, ...city.hospitals, ...city.facilities, ...city.centres]
  assert.equal(new Set(places.map(one => one.id)).size, places.length)
  for (const place of places) {
    const street = city.streets.find(one => one.code === place.region)
    assert.ok(street, place.id)
    const { graph } = city
    assert.equal(city.streets[graph.street[place.node]!]!.code, place.region)
    const metres = Math.hypot(
      (graph.lon[place.node]! - place.lon) * 95_600,
      (graph.lat[place.node]! - place.lat) * 111_195,
    )
    assert.ok(metres < 150, `${place.id} is ${metres} m from its road`)
  }
  assert.match(city.units[0]!.id, /^U-JX-001$/)
  assert.ok(city.stations.every(one => one.id.startsWith('ST-JX-')))
  assert.ok(city.hospitals.every(one => one.id.startsWith('H-JX-')))
  assert.ok(city.facilities.every(one => one.id.startsWith('F-JX-')))
  for (const unit of city.units) assert.equal(city.stations.find(one => one.id === unit.stationId)!.node, unit.node)
  assert.equal(new Set(city.units.map(one => one.plate)).size, 200)
  assert.equal(new Set(city.units.map(one => one.class)).size, 4)
})

test('SIM-6 the pack is what the console draws: bounded in size, in the city, in known layers', () => {
  const pack = packCity(city, '2026-11-21')
  const text = JSON.stringify(pack)
  assert.ok(Buffer.byteLength(text) <= 600_000, `${Buffer.byteLength(text)} bytes`)
  assert.equal(pack.meta.schematic, true)
  assert.equal(pack.meta.crs, 'WGS-84')
  const layers = new Set<string>()
  const walk = (value: unknown): void => {
    if (Array.isArray(value) && typeof value[0] === 'number') {
      const [lon, lat] = value as [number, number]
      assert.ok(value.length === 2 && lon >= 119 && lon <= 123 && lat >= 29 && lat <= 31.5, `${lon}, ${lat}`)
    } else if (Array.isArray(value)) value.forEach(walk)
  }
  for (const feature of pack.basemap.features) {
    layers.add(`${feature.properties.layer}/${feature.properties.class ?? ''}`)
    walk(feature.geometry.coordinates)
    assert.equal('name' in feature.properties, 'nameEn' in feature.properties)
  }
  for (const one of [
    'water/sea',
    'water/lake',
    'water/river',
    'water/canal',
    'green/',
    'road/expressway',
    'road/arterial',
    'road/collector',
    'rail/',
    'place/town',
  ]) {
    assert.ok(layers.has(one), one)
  }
  const sea = pack.basemap.features.find(one => one.properties.class === 'sea')!
  const rings = sea.geometry.coordinates as [number, number][][]
  for (const place of [...city.stations, ...city.hospitals])
    assert.ok(!isInPolygon(place.lon, place.lat, rings), place.id)
})

test('SIM-7 the same seed tells the same events whatever the size of the steps', () => {
  const play = (steps: number[], seed = 7): CityEvent[] => {
    const state = wake({ chance: createChance(seed), scenario: outbreak, outbreakPace: 200, callsPerDay: 4_000 })
    return steps.flatMap(at => stepCity(state, START + at))
  }
  const fine = play(Array.from({ length: 1_800 }, (_, i) => (i + 1) * 1_000))
  const coarse = play([7 * MINUTE + 13, 7 * MINUTE + 14, 30 * MINUTE])
  assert.ok(fine.length > 5_000)
  assert.deepEqual(fine, coarse)
  assert.notDeepEqual(play([30 * MINUTE], 9), coarse)
  for (let i = 1; i < fine.length; i++) assert.ok(fine[i]!.at >= fine[i - 1]!.at)
})

test('SIM-8 everything the city says is a body of its kind in the contract', () => {
  const state = wake({
    scenario: outbreak,
    outbreakPace: 400,
    callsPerDay: 6_000,
    cardsPerDay: 2_000,
    dwellFactor: 0.3,
  })
  const events: Iterable<CityEvent>[] = [
    tellRegister(city, START),
    tellHistory(state, 3, 2),
    stepCity(state, START + HOUR),
  ]
  const seen = new Set<string>()
  const wrong: string[] = []
  for (const list of events) {
    for (const event of list) {
      seen.add(event.kind)
      const parsed = getBodySchema(event.kind).safeParse(event.body)
      if (!parsed.success) wrong.push(`${event.kind} ${JSON.stringify(event.body)} ${parsed.error.message}`)
      assert.ok(Number.isInteger(event.at))
      assert.match(event.from, /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/)
    }
  }
  assert.deepEqual(wrong.slice(0, 3), [])
  assert.deepEqual(
    [...seen].sort(),
    [
      'call.answered',
      'call.ended',
      'call.received',
      'count.reported',
      'hospital.stateReported',
      'incident.closed',
      'incident.opened',
      'incident.unitAssigned',
      'place.registered',
      'region.published',
      'report.received',
      'unit.position',
      'unit.registered',
      'unit.status',
      'unit.vitals',
    ].sort(),
  )
})

test('SIM-9 units keep to the roads and to the speed of an ambulance', () => {
  const state = wake({ callsPerDay: 6_000 })
  const last = new Map<string, { at: number; lon: number; lat: number }>()
  let checked = 0
  let moved = 0
  for (const event of stepCity(state, START + 20 * MINUTE)) {
    if (event.kind !== 'unit.position') continue
    const { unitId, lon, lat, speedKmh } = event.body
    const before = last.get(unitId)
    if (before && event.at > before.at) {
      const metres = Math.hypot((lon - before.lon) * 95_600, (lat - before.lat) * 111_195)
      const kmh = (Math.max(0, metres - 25) / (event.at - before.at)) * 3_600
      assert.ok(kmh < 135, `${unitId} jumped ${metres} m in ${event.at - before.at} ms`)
      if (metres > 50) moved++
    }
    assert.ok(speedKmh! <= 130)
    last.set(unitId, { at: event.at, lon, lat })
    if (checked < 600 && event.at % 7 === 0) {
      checked++
      const metres = metresToRoads(city, lon, lat)
      assert.ok(metres < 20, `${unitId} is ${metres} m from a road`)
    }
  }
  assert.equal(last.size, 200)
  assert.ok(checked > 100 && moved > 1_000)
  for (const unit of city.units) {
    const at = locateUnit(state, unit.id)!
    assert.ok(metresToRoads(city, at.lon, at.lat) < 1)
  }
})

test('SIM-10 a run goes through the whole status chain in order and ends at the station', () => {
  const next: Record<string, string[]> = {
    ordered: ['rolling'],
    rolling: ['on-scene'],
    'on-scene': ['loaded', 'returning'],
    loaded: ['at-hospital'],
    'at-hospital': ['handover'],
    handover: ['returning'],
    returning: ['idle', 'ordered'],
    idle: ['ordered'],
  }
  const state = wake({ callsPerDay: 5_000, manualShare: 0, dwellFactor: 0.3 })
  const status = new Map<string, string>()
  const opened = new Map<string, number>()
  let full = 0
  let closed = 0
  for (const event of stepCity(state, START + 4 * HOUR)) {
    if (event.kind === 'incident.opened') opened.set(event.body.incidentId, event.at)
    if (event.kind === 'incident.unitAssigned') {
      const before = status.get(event.body.unitId) ?? 'idle'
      assert.ok(next[before]!.includes('ordered'), `${event.body.unitId} was ${before}`)
      assert.ok(opened.has(event.body.incidentId))
      status.set(event.body.unitId, 'ordered')
    }
    if (event.kind === 'unit.status') {
      const before = status.get(event.body.unitId) ?? 'idle'
      assert.ok(next[before]!.includes(event.body.status), `${event.body.unitId}: ${before} to ${event.body.status}`)
      status.set(event.body.unitId, event.body.status)
      if (event.body.status === 'handover') full++
      if (event.body.status !== 'idle') assert.ok(event.body.incidentId)
    }
    if (event.kind === 'incident.closed') {
      closed++
      assert.ok(opened.get(event.body.incidentId)! < event.at)
    }
  }
  assert.ok(full > 20, `${full} hand-overs`)
  assert.ok(closed > 20, `${closed} closed`)
})

test('SIM-11 history has a figure for every facility, source, syndrome and day, zeros said aloud', () => {
  const state = wake()
  const days = 60
  const hourlyDays = 2
  const daily = new Map<string, number>()
  const hourly = new Map<string, number>()
  let zeros = 0
  let before = 0
  for (const event of tellHistory(state, days, hourlyDays)) {
    assert.ok(event.kind === 'count.reported')
    assert.ok(event.at <= START)
    const { facilityId, sourceKind, syndrome, period, count, regionCode } = event.body
    if (count === 0) zeros++
    const key = `${facilityId} ${sourceKind} ${syndrome} ${regionCode} ${period.slice(0, 10)}`
    if (period.length === 10) {
      assert.ok(!daily.has(key), `${key} is told once`)
      daily.set(key, count)
      assert.ok(event.at >= before)
      before = event.at
    } else hourly.set(key, (hourly.get(key) ?? 0) + count)
  }
  const series = new Map<string, number>()
  for (const key of daily.keys()) {
    const name = key.slice(0, key.lastIndexOf(' '))
    series.set(name, (series.get(name) ?? 0) + 1)
  }
  // 14 hospitals with three sources, 160 facilities and seven hotlines with one, three syndromes each; 120 by county.
  assert.equal(series.size, (14 * 3 + 160 + 7) * 3 + 7 * 3)
  for (const [name, count] of series) assert.equal(count, name.includes('call-120') ? days + 1 : days, name)
  assert.ok(zeros > 1_000)
  let compared = 0
  for (const [key, count] of hourly) {
    if (!daily.has(key)) continue
    assert.equal(count, daily.get(key), key)
    compared++
  }
  assert.equal(compared, 14 * 3 * hourlyDays)
})

test('SIM-12 running counts of a day only grow, begin with zeros and are told a last time at midnight', () => {
  // 23:20 in Shanghai.
  const startAt = Date.UTC(2026, 10, 23, 15, 20, 0)
  const state = wake({ startAt, fixEveryMs: HOUR, parkedFixEveryMs: HOUR })
  const midnight = Date.UTC(2026, 10, 23, 16, 0, 0)
  const told = new Map<string, { count: number; at: number }>()
  let hourOfNight = 0
  for (const event of stepCity(state, midnight + 20 * MINUTE)) {
    if (event.kind !== 'count.reported') continue
    const { facilityId, sourceKind, syndrome, period, count } = event.body
    if (period === '2026-11-23T23') hourOfNight += count
    const key = `${facilityId} ${sourceKind} ${syndrome} ${period}`
    const before = told.get(key)
    if (before) assert.ok(count >= before.count, `${key} fell from ${before.count} to ${count}`)
    told.set(key, { count, at: event.at })
  }
  const first = [...told].filter(([key]) => key.endsWith(' 2026-11-23'))
  assert.equal(first.length, (14 * 3 + 160 + 7) * 3)
  assert.ok(first.every(([, one]) => one.at === midnight))
  const second = [...told].filter(([key]) => key.endsWith(' 2026-11-24'))
  assert.equal(second.length, first.length)
  assert.ok(second.filter(([, one]) => one.count === 0).length > 500)
  assert.ok(hourOfNight > 0, 'the last hour of the day keeps its figures')
})

test('SIM-13 the outbreak stands out in several sources of its county only, the quiet day in none', () => {
  const excessOf = (scenario: Scenario): Map<string, string[]> => {
    const state = wake({ scenario, outbreakPace: 360, fixEveryMs: HOUR, parkedFixEveryMs: HOUR })
    const past = new Map<string, number[]>()
    const bySlot = new Map<string, number>()
    for (const event of tellHistory(state, 14)) {
      if (event.kind !== 'count.reported' || event.body.syndrome !== 'respiratory') continue
      const key = `${event.body.regionCode.slice(0, 6)} ${event.body.sourceKind}|${event.body.period}`
      bySlot.set(key, (bySlot.get(key) ?? 0) + event.body.count)
    }
    for (const [key, count] of bySlot) {
      const [name, period] = key.split('|') as [string, string]
      if (period < '2026-11-23') past.set(name, [...(past.get(name) ?? []), count])
    }
    const now = new Map<string, Map<string, number>>()
    for (const event of stepCity(state, START + 10 * MINUTE)) {
      if (event.kind !== 'count.reported' || event.body.syndrome !== 'respiratory') continue
      if (event.body.period !== '2026-11-23') continue
      const name = `${event.body.regionCode.slice(0, 6)} ${event.body.sourceKind}`
      const leaves = now.get(name) ?? new Map<string, number>()
      now.set(name, leaves.set(event.body.facilityId, event.body.count))
    }
    const found = new Map<string, string[]>()
    for (const [name, leaves] of now) {
      const total = [...leaves.values()].reduce((sum, count) => sum + count, 0)
      const history = past.get(name)!
      // Above the highest of two weeks by half: no detector's trick is needed to see it.
      if (total > 1.5 * Math.max(...history)) {
        const [county, source] = name.split(' ') as [string, string]
        found.set(county, [...(found.get(county) ?? []), source])
      }
    }
    return found
  }
  const planted = excessOf(outbreak)
  assert.deepEqual([...planted.keys()], ['330402'])
  const sources = planted.get('330402')!
  for (const source of ['hotline', 'school-absence', 'hospital-emergency']) assert.ok(sources.includes(source), source)
  assert.equal(excessOf(quietDay).size, 0)
})

test('SIM-14 planted patients also call 120 and become runs', () => {
  const state = wake({ scenario: outbreak, outbreakPace: 360, callsPerDay: 100 })
  const calls = stepCity(state, START + 15 * MINUTE).filter(event => event.kind === 'call.received')
  const inCounty = calls.filter(
    event => event.body.regionCode.startsWith('330402') && /咳嗽|呼吸/.test(event.body.complaintText ?? ''),
  )
  assert.ok(inCounty.length >= 25, `${inCounty.length} calls`)
})

test('SIM-15 an incident left to people waits for their order, obeys it and comes home', () => {
  const state = wake({ manualShare: 1, callsPerDay: 3_000, patrolShare: 0.01, dwellFactor: 0.2 })
  const early = stepCity(state, START + 20 * MINUTE)
  assert.ok(!early.some(event => event.kind === 'incident.unitAssigned'))
  const opened = early.filter(event => event.kind === 'incident.opened')
  assert.ok(opened.length > 3)
  const { incidentId, lon, lat, level } = opened[0]!.body
  const unitId = city.units[0]!.id
  assert.equal(obeyOrder(state, { unitId, incidentId, lon, lat, level }), true)
  assert.equal(obeyOrder(state, { unitId, incidentId, lon, lat, level }), true, 'the same order twice is one order')
  assert.equal(obeyOrder(state, { unitId, incidentId: 'INC-OTHER', lon, lat, level }), false)
  assert.equal(obeyOrder(state, { unitId: 'U-NONE', incidentId, lon, lat, level }), false)
  const chain: string[] = []
  let sceneM = Number.POSITIVE_INFINITY
  for (let minute = 21; minute < 240; minute++) {
    for (const event of stepCity(state, START + minute * MINUTE)) {
      if (event.kind !== 'unit.status' || event.body.unitId !== unitId) continue
      chain.push(event.body.status)
      if (event.body.status === 'on-scene') {
        const at = locateUnit(state, unitId)!
        sceneM = Math.hypot((at.lon - lon) * 95_600, (at.lat - lat) * 111_195)
      }
    }
  }
  assert.equal(chain[0], 'rolling')
  assert.equal(chain[1], 'on-scene')
  assert.equal(chain.at(-1), 'idle')
  assert.ok(sceneM < 150, `${sceneM} m from the scene`)
})

test('SIM-16 an order taken back turns the crew round; an unknown incident of a desk can be obeyed too', () => {
  const state = wake({ manualShare: 1, callsPerDay: 1, patrolShare: 0.01 })
  const unitId = city.units[5]!.id
  const street = city.streets[3]!
  const order = { unitId, incidentId: 'INC-DESK-1', lon: street.lon, lat: street.lat, level: 2 }
  assert.equal(obeyOrder(state, order), true)
  const events = stepCity(state, START + 6 * MINUTE)
  assert.ok(events.some(event => event.kind === 'unit.status' && event.body.status === 'rolling'))
  assert.deepEqual(withdrawOrder(state, unitId, 'INC-OTHER'), [])
  const back = endIncident(state, 'INC-DESK-1')
  assert.equal(back.length, 1)
  assert.ok(back[0]!.kind === 'unit.status' && back[0]!.body.status === 'returning')
  const home = stepCity(state, START + 90 * MINUTE)
  assert.ok(home.some(event => event.kind === 'unit.status' && event.body.status === 'idle'))
  assert.throws(() => stepCity(state, START), RangeError)
})

test('SIM-17 chance: streams are even, independent by key, and counts have the promised spread', () => {
  const root = createChance(1)
  const fresh = createChance(1).fork('a', 2).next()
  for (let i = 0; i < 100; i++) root.next()
  assert.equal(root.fork('a', 2).next(), fresh, 'a fork does not depend on what was drawn')
  assert.notEqual(root.fork('a', 3).next(), fresh)
  const cells = new Array<number>(16).fill(0)
  for (let i = 0; i < 32_000; i++) cells[root.int(16)]!++
  const chi2 = cells.reduce((sum, count) => sum + (count - 2_000) ** 2 / 2_000, 0)
  assert.ok(chi2 < 37.7, `chi2 ${chi2}`) // 15 degrees of freedom, p = 0.001
  const moments = (draw: () => number): [number, number] => {
    const values = Array.from({ length: 20_000 }, draw)
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length]
  }
  const [mean, variance] = moments(() => root.negativeBinomial(12, 6))
  assert.ok(Math.abs(mean - 12) < 0.25 && Math.abs(variance - 36) < 2.5, `${mean} ${variance}`)
  const [rate, spread] = moments(() => root.poisson(70))
  assert.ok(Math.abs(rate - 70) < 0.4 && Math.abs(spread - 70) < 4, `${rate} ${spread}`)
  assert.equal(root.poisson(0), 0)
})

test('SIM-18 a plan outside its bounds is refused', () => {
  for (const plan of [
    { seed: 7, units: 0 },
    { seed: 7, units: 1.5 },
    { seed: -1 },
    { seed: 7, stations: 64 },
    { seed: 7, facilities: 9_999 },
  ]) {
    assert.throws(() => seedCity(plan), RangeError)
  }
})

test('SIM-19 the city imports nothing at run time and uses no clock or chance of the machine', () => {
  for (const file of ['seed.ts', 'city.ts', 'scenarios/outbreak.ts', 'scenarios/quiet-day.ts']) {
    const text = readFileSync(new URL(`../../simulations/${file}`, import.meta.url), 'utf8')
    const imports = text.match(/^\s*(import|export)\s(?!type\b)[^\n]*\bfrom '/gm) ?? []
    assert.deepEqual(imports, [], file)
    assert.doesNotMatch(text, /Math\.random|Date\.now|performance\.now|new Date\(\)|setTimeout|\bimport\(/, file)
  }
})

// Tests of the road graph: exact bounded searches against a plain reference, snapping against brute force, islands, refusals, CSV.
// Stands in test/unit; the Auckland graph of ../shared is read when present, else it counts as `no data`.
// Promises: random graphs are seeded by fast-check; no timing.

import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { admitArcsCsv } from '../../server/roads/arcs-csv.ts'
import {
  admitRoadGraph,
  arrangeWeights,
  findNearestNode,
  makeLegReader,
  makeSearchSpace,
  measureLegsTo,
  type RoadColumns,
  type RoadGraph,
  readSeconds,
  searchRoads,
  traceRoute,
  weighArcs,
  weighHour,
} from '../../server/roads/graph.ts'
import { findSharedRoads, generateTown } from '../help/road-graphs.ts'

const root = resolve(import.meta.dirname, '../..')

function build(columns: RoadColumns): RoadGraph {
  const built = admitRoadGraph(columns)
  assert.ok(built.ok)
  return built.value
}

type Drawn = { lon: number[]; lat: number[]; arcs: [number, number, number][] }

const drawn: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 25 }).chain(count =>
  fc.record({
    lon: fc.array(fc.double({ min: 120, max: 120.05, noNaN: true }), { minLength: count, maxLength: count }),
    lat: fc.array(fc.double({ min: 30, max: 30.05, noNaN: true }), { minLength: count, maxLength: count }),
    arcs: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.constantFrom(0, 1, 2, 5, 9, 14, Number.NaN)), {
      maxLength: 80,
      size: 'max',
    }),
  }),
)

function buildDrawn(made: Drawn): { graph: RoadGraph; seconds: Float64Array } {
  const graph = build({
    lon: Float64Array.from(made.lon),
    lat: Float64Array.from(made.lat),
    from: Int32Array.from(made.arcs, arc => arc[0]),
    to: Int32Array.from(made.arcs, arc => arc[1]),
    metres: Float64Array.from(made.arcs, (_, a) => a + 1),
  })
  return { graph, seconds: Float64Array.from(made.arcs, arc => arc[2]) }
}

/** The reference: relax every arc until nothing changes. */
function relaxAll(made: Drawn, start: number, direction: 'from' | 'to'): number[] {
  const seconds = new Array<number>(made.lon.length).fill(Number.POSITIVE_INFINITY)
  seconds[start] = 0
  for (let changed = true; changed; ) {
    changed = false
    for (const [a, b, cost] of made.arcs) {
      const [near, far] = direction === 'from' ? [a, b] : [b, a]
      if (cost >= 0 && seconds[near]! + cost < seconds[far]!) {
        seconds[far] = seconds[near]! + cost
        changed = true
      }
    }
  }
  return seconds
}

test('ADV-60 a bounded search equals plain relaxation, both ways, again and again in one workspace', () => {
  fc.assert(
    fc.property(drawn, fc.integer({ min: 0, max: 40 }), (made, secondsMax) => {
      const { graph, seconds } = buildDrawn(made)
      const space = makeSearchSpace(graph)
      for (const direction of ['from', 'to'] as const) {
        const weights = arrangeWeights(graph, seconds, direction)
        for (let start = 0; start < graph.nodeCount; start += 1) {
          searchRoads(graph, weights, space, { start, secondsMax })
          relaxAll(made, start, direction).forEach((expected, node) => {
            assert.equal(readSeconds(space, node), expected <= secondsMax ? expected : undefined)
          })
        }
      }
    }),
  )
})

test('ADV-61 a search for targets stops early and has settled every reachable one', () => {
  fc.assert(
    fc.property(drawn, fc.array(fc.nat(24), { maxLength: 6, size: 'max' }), (made, wanted) => {
      const { graph, seconds } = buildDrawn(made)
      const space = makeSearchSpace(graph)
      const weights = arrangeWeights(graph, seconds, 'from')
      const targets = wanted.filter(node => node < graph.nodeCount)
      const found = searchRoads(graph, weights, space, { start: 0, secondsMax: Number.POSITIVE_INFINITY, targets })
      const expected = relaxAll(made, 0, 'from')
      assert.equal(found, new Set(targets.filter(node => Number.isFinite(expected[node]!))).size)
      for (const node of targets) {
        assert.equal(readSeconds(space, node), Number.isFinite(expected[node]!) ? expected[node] : undefined)
      }
      // What the early stop left open is not shown with a time that is not final.
      for (let node = 0; node < graph.nodeCount; node += 1) {
        const shown = readSeconds(space, node)
        if (shown !== undefined) assert.equal(shown, expected[node])
      }
    }),
  )
})

test('ADV-62 a traced route is a chain of arcs whose seconds add up to the arrival', () => {
  fc.assert(
    fc.property(drawn, fc.constantFrom('from' as const, 'to' as const), (made, direction) => {
      const { graph, seconds } = buildDrawn(made)
      const space = makeSearchSpace(graph)
      const weights = arrangeWeights(graph, seconds, direction)
      searchRoads(graph, weights, space, { start: 0, secondsMax: 1000 })
      for (let node = 0; node < graph.nodeCount; node += 1) {
        const route = traceRoute(graph, weights, space, node)
        const arrival = readSeconds(space, node)
        assert.equal(route.length === 0, arrival === undefined)
        if (arrival === undefined) continue
        assert.deepEqual([route[0], route.at(-1)], direction === 'from' ? [0, node] : [node, 0])
        let total = 0
        for (let leg = 1; leg < route.length; leg += 1) {
          const costs = made.arcs.flatMap(([a, b, cost]) =>
            a === route[leg - 1] && b === route[leg] && cost >= 0 ? [cost] : [],
          )
          total += Math.min(...costs)
        }
        assert.ok(Math.abs(total - arrival) < 1e-9)
      }
    }),
  )
})

test('ADV-63 snapping finds the nearest node of the main component, as brute force does', () => {
  const point = fc.record({
    lon: fc.double({ min: 119.9, max: 120.15, noNaN: true }),
    lat: fc.double({ min: 29.9, max: 30.15, noNaN: true }),
  })
  fc.assert(
    fc.property(
      drawn,
      point,
      fc.boolean(),
      fc.constantFrom(300, 3000, 30_000),
      (made, place, anyComponent, metresMax) => {
        const { graph } = buildDrawn(made)
        const perDegree = (6_371_000 * Math.PI) / 180
        let expected = Number.POSITIVE_INFINITY
        for (let node = 0; node < graph.nodeCount; node += 1) {
          if (!anyComponent && graph.component[node] !== graph.mainComponent) continue
          const dx = (graph.lon[node]! - place.lon) * perDegree * Math.cos((place.lat * Math.PI) / 180)
          const dy = (graph.lat[node]! - place.lat) * perDegree
          expected = Math.min(expected, Math.sqrt(dx * dx + dy * dy))
        }
        const snap = findNearestNode(graph, place, { metresMax, anyComponent })
        if (expected <= metresMax) assert.ok(snap && Math.abs(snap.metres - expected) < 1e-6)
        else assert.equal(snap, undefined)
      },
    ),
  )
})

// Two crossings of a town joined both ways, and an island of two more, of which one arc leads to the town but none back.
const islands: RoadColumns = {
  lon: Float64Array.from([120, 120.01, 120.02, 120.2, 120.21]),
  lat: Float64Array.from([30, 30, 30, 30, 30]),
  from: Int32Array.from([0, 1, 1, 2, 3, 4, 3]),
  to: Int32Array.from([1, 0, 2, 1, 4, 3, 0]),
  metres: Float64Array.from([1000, 1000, 1000, 1000, 900, 900, 18_000]),
  roadClass: Uint8Array.from([0, 0, 1, 1, 0, 0, 2]),
}

test('ADV-64 islands are known: nobody is snapped to one, and what cannot be reached says so', () => {
  const graph = build(islands)
  assert.equal(graph.componentCount, 2)
  assert.equal(graph.component[0], graph.component[2])
  assert.notEqual(graph.component[0], graph.component[3])
  assert.equal(graph.component[0], graph.mainComponent)
  const near = { lon: 120.2, lat: 30 }
  assert.equal(findNearestNode(graph, near, { metresMax: 50_000 })!.node, 2)
  assert.equal(findNearestNode(graph, near, { metresMax: 50_000, anyComponent: true })!.node, 3)
  assert.equal(findNearestNode(graph, near, { metresMax: 1000 }), undefined)
  assert.equal(findNearestNode(graph, { lon: Number.NaN, lat: 30 }, { metresMax: 1000 }), undefined)
  const seconds = weighArcs(graph, () => 36)
  const space = makeSearchSpace(graph)
  searchRoads(graph, arrangeWeights(graph, seconds, 'from'), space, { start: 0, secondsMax: 1e9 })
  assert.equal(readSeconds(space, 2), 200)
  assert.equal(readSeconds(space, 3), undefined)
  searchRoads(graph, arrangeWeights(graph, seconds, 'to'), space, { start: 0, secondsMax: 1e9 })
  assert.equal(readSeconds(space, 3), 1800)
})

test('ADV-65 speeds by class, hour and siren; a closed class is not driven', () => {
  const graph = build(islands)
  const speeds = (roadClass: number, hourOfWeek: number, siren: boolean) =>
    roadClass === 2 ? 0 : (hourOfWeek === 8 ? 18 : 36) * (siren ? 2 : 1)
  const leg = (hour: number, siren: boolean, place = { lon: 120.02, lat: 30 }) => {
    const weights = arrangeWeights(graph, weighHour(graph, speeds, hour, siren), 'to')
    return makeLegReader(
      graph,
      weights,
      makeSearchSpace(graph),
      { lon: 120, lat: 30 },
      {
        snapMetresMax: 500,
        offRoadKmh: 10,
        secondsMax: 3600,
      },
    )(place)
  }
  assert.deepEqual(leg(3, false), { seconds: 200, metres: 2000 })
  assert.deepEqual(leg(8, false), { seconds: 400, metres: 2000 })
  assert.deepEqual(leg(8, true), { seconds: 200, metres: 2000 })
  assert.deepEqual(leg(8 + 168, true), leg(8, true))
  assert.equal(leg(3, false, { lon: 120.2, lat: 30 }), undefined)
  // 0.001 degree of latitude off the road: 111.19 m at 10 km/h are 40.03 s more.
  const off = leg(3, false, { lon: 120.02, lat: 30.001 })!
  assert.ok(Math.abs(off.seconds - 200 - (111.195 * 3.6) / 10) < 0.01)
})

test('ADV-66 many places to one in a single search equal single readings, and a stale reader refuses', () => {
  const { graph, seconds } = generateTown(31, 31, 5)
  const weights = arrangeWeights(graph, seconds, 'to')
  const options = { snapMetresMax: 400, offRoadKmh: 5, secondsMax: 200 }
  const places = Array.from({ length: 40 }, (_, n) => ({ lon: 121 + n * 0.0007, lat: 31 + ((n * 7) % 40) * 0.0006 }))
  const target = { lon: 121.012, lat: 31.011 }
  const legs = measureLegsTo(graph, weights, makeSearchSpace(graph), places, target, options)
  const space = makeSearchSpace(graph)
  const reader = makeLegReader(graph, weights, space, target, options)
  assert.deepEqual(places.map(reader), legs)
  assert.ok(legs.some(leg => leg === undefined) && legs.some(leg => leg !== undefined))
  searchRoads(graph, weights, space, { start: 0, secondsMax: 1 })
  assert.throws(() => reader(places[0]!))
})

test('ADV-67 impossible graphs are refused with a code in two languages', () => {
  const empty = new Float64Array(0)
  const none = new Int32Array(0)
  const refusals: [RoadColumns, string][] = [
    [{ lon: empty, lat: empty, from: none, to: none, metres: empty }, 'ROADS_EMPTY'],
    [{ ...islands, lat: Float64Array.from([30, 30, 30, 30, 91]) }, 'ROAD_NODE_INVALID'],
    [{ ...islands, lon: Float64Array.from([120, Number.NaN, 120, 120, 120]) }, 'ROAD_NODE_INVALID'],
    [{ ...islands, lat: Float64Array.from([30]) }, 'ROAD_NODE_INVALID'],
    [{ ...islands, to: Int32Array.from([1, 0, 2, 1, 4, 3, 5]) }, 'ROAD_ARC_INVALID'],
    [{ ...islands, metres: Float64Array.from([1, 1, 1, 1, 1, 1, -1]) }, 'ROAD_ARC_INVALID'],
    [{ ...islands, metres: Float64Array.from([1]) }, 'ROAD_ARC_INVALID'],
  ]
  for (const [columns, code] of refusals) {
    const built = admitRoadGraph(columns)
    assert.ok(!built.ok)
    assert.equal(built.reject.code, code)
    assert.ok(built.reject.zh && built.reject.en)
  }
})

const nodesCsv = 'nodes,,,\r\nindex,x,y,offRoadAccess,\r\n1.0,120,30,1.0\n2.0,120.01,30,0.0\n7.0,120.02,30,1.0\n'
const arcsCsv =
  'miscData,,,\r\narcForm,numModes\ndirected,1\n,\r\narcs,,,\r\nindex,fromNode,toNode,distance,mode_1,\r\n1,1.0,2.0,1,0.001\n2,2,7,2,0.002\n'

test('ADV-68 nodes and arcs are imported from CSV in km and days, whatever the line ends', () => {
  const imported = admitArcsCsv(nodesCsv, arcsCsv)
  assert.ok(imported.ok)
  const { graph, modes } = imported.value
  assert.deepEqual([graph.nodeCount, graph.arcCount], [3, 2])
  assert.deepEqual([...graph.metres], [1000, 2000])
  assert.deepEqual([...modes[0]!].map(Math.round), [86, 173])
  assert.deepEqual([...graph.access], [1, 0, 1])
  assert.deepEqual([...graph.to], [1, 2])
  const both = admitArcsCsv(nodesCsv, arcsCsv.replace('directed', 'undirected'))
  assert.ok(both.ok)
  assert.equal(both.value.graph.arcCount, 4)
  assert.equal(both.value.graph.componentCount, 1)
  const plain = admitArcsCsv('x,y,index\n1,2,3\n4,5,6\n', 'toNode,fromNode,distance\n3,6,8\n')
  assert.ok(plain.ok)
  assert.deepEqual([...plain.value.graph.from, ...plain.value.graph.to], [1, 0])
})

test('ADV-69 a broken CSV is refused with its line', () => {
  const refusals: [string, string, RegExp][] = [
    ['', arcsCsv, /nodes lack/],
    [nodesCsv, '', /arcs lack/],
    [nodesCsv.replace('120.01', 'east'), arcsCsv, /nodes line 4 /],
    [nodesCsv.replace('7.0', '2.0'), arcsCsv, /nodes line 5 /],
    [nodesCsv, arcsCsv.replace('2,2,7,', '2,2,8,'), /arcs line 8 /],
    [nodesCsv, arcsCsv.replace('0.002', '-1'), /arcs line 8 /],
    [nodesCsv, arcsCsv.replace('1.0,2.0,1,', '1.0,2.0,"1",'), /arcs line 7 /],
    [nodesCsv, arcsCsv.replace('directed', 'sideways'), /arcForm/],
  ]
  for (const [nodes, arcs, message] of refusals) {
    const imported = admitArcsCsv(nodes, arcs)
    assert.ok(!imported.ok, String(message))
    assert.equal(imported.reject.code, 'ROADS_CSV_INVALID')
    assert.match(imported.reject.en, message)
    assert.ok(imported.reject.zh)
  }
})

const auckland = findSharedRoads(root, 'auckland')

test('ADV-70 the Auckland graph is read whole, and drives on it obey the triangle of its own arcs', {
  skip: auckland ? false : 'no data',
}, () => {
  const { graph, modes } = auckland!
  assert.equal(graph.nodeCount, 54_370)
  assert.equal(graph.arcCount, 90_638)
  assert.equal(modes.length, 2)
  // Mode 2 is slower everywhere (speeds × 3/4 of mode 1).
  for (let a = 0; a < graph.arcCount; a += 97) assert.ok(modes[1]![a]! >= modes[0]![a]!)
  const space = makeSearchSpace(graph)
  const weights = arrangeWeights(graph, modes[0]!, 'to')
  for (const start of [0, 12_345, 54_000]) {
    searchRoads(graph, weights, space, { start, secondsMax: 600 })
    const seconds = Float64Array.from(
      { length: graph.nodeCount },
      (_, n) => readSeconds(space, n) ?? Number.POSITIVE_INFINITY,
    )
    assert.ok(space.settledCount > 100)
    for (let a = 0; a < graph.arcCount; a += 1) {
      const through = modes[0]![a]! + seconds[graph.to[a]!]!
      if (through <= 600) assert.ok(seconds[graph.from[a]!]! <= through + 1e-9)
    }
  }
})

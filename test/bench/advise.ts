// Bench of advice: bounded Dijkstra, one call against 3,000 units and 2,000 demand cells, and a cover decision for 200 bases.
// Stands in test/bench: `npm run bench -- advise`, or alone with `node test/bench/advise.ts`. Uses the Auckland graph of ../shared
// when present, else a generated town of the same size. Promises: figures beside a bare counterpart, judged by nobody here.

import { loadavg } from 'node:os'
import { resolve } from 'node:path'
import { buildCoverArea, countCover, proposeMoves, rankBases } from '../../server/advise/cover.ts'
import { type AdviseUnit, type LegFinder, recommendUnits, type UnitPhase } from '../../server/advise/recommend.ts'
import { defaultAdviseSettings, type Level } from '../../server/advise/settings.ts'
import {
  arrangeWeights,
  type LegReader,
  makeLegReader,
  makeSearchSpace,
  type RoadGraph,
  readSeconds,
  searchRoads,
} from '../../server/roads/graph.ts'
import { startDraw } from '../../simulations/evaluate/dispatch.ts'
import { findSharedRoads, generateTown } from '../help/road-graphs.ts'

/** One measured thing: milliseconds over `samples` runs, the target for its median or p95, and a bare counterpart of the same run. */
export type BenchFigure = {
  name: string
  samples: number
  medianMs: number
  p95Ms: number
  worstMs: number
  /** Mean processor time of this process per run, which a busy machine does not stretch as it does the clock. */
  cpuMs: number
  target?: { of: 'median' | 'p95'; ms: number }
  bare?: { name: string; medianMs: number }
  note?: string
}

type Measured = Pick<BenchFigure, 'medianMs' | 'p95Ms' | 'worstMs' | 'cpuMs'>

function measure(samples: number, run: (at: number) => void): Measured {
  for (let at = 0; at < Math.min(20, samples); at += 1) run(at)
  const times: number[] = []
  const cpu = process.cpuUsage()
  for (let at = 0; at < samples; at += 1) {
    const from = performance.now()
    run(at)
    times.push(performance.now() - from)
  }
  const used = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  return {
    medianMs: times[Math.floor(samples / 2)]!,
    p95Ms: times[Math.floor(samples * 0.95)]!,
    worstMs: times.at(-1)!,
    cpuMs: (used.user + used.system) / 1000 / samples,
  }
}

const phases: readonly UnitPhase[] = [
  'idle',
  'idle',
  'standby',
  'returning',
  'enRoute',
  'onScene',
  'transporting',
  'handover',
]

function generateUnits(graph: RoadGraph, count: number, draw: () => number): AdviseUnit[] {
  const place = () => {
    const node = Math.floor(draw() * graph.nodeCount)
    return { lon: graph.lon[node]!, lat: graph.lat[node]! }
  }
  return Array.from({ length: count }, (_, at) => {
    const phase = phases[Math.floor(draw() * phases.length)]!
    const busy = phase === 'enRoute' || phase === 'onScene' || phase === 'transporting' || phase === 'handover'
    const free = 300 + draw() * 2400
    const level = (1 + Math.floor(draw() * 4)) as Level
    const advanced = draw() < 0.4
    return {
      unitId: `U${String(at).padStart(4, '0')}`,
      rank: advanced ? 0 : 1,
      capabilities: advanced ? ['transport', 'als'] : ['transport'],
      phase,
      place: place(),
      fixAgeSeconds: draw() * 70,
      turnoutSeconds: phase === 'idle' ? 60 : 0,
      cover: { base: busy ? -1 : at % 200, groups: advanced ? 3 : 1 },
      ...(busy
        ? {
            release: { place: place(), p50Seconds: free, p90Seconds: free * 1.4 },
            active: {
              call: { callId: `C${at}`, level, place: place(), needs: ['transport'] },
              arrivesInSeconds: phase === 'enRoute' ? 60 + draw() * 900 : 0,
              patientOnBoard: phase !== 'enRoute',
              acknowledged: true,
            },
          }
        : {}),
    }
  })
}

/** Measures advice on this machine; takes a few seconds. */
export function benchAdvise(root: string = resolve(import.meta.dirname, '../..')): BenchFigure[] {
  const figures: BenchFigure[] = []
  const shared = findSharedRoads(root, 'auckland')
  const town = shared ? undefined : generateTown(313, 313, 1)
  const graph = shared?.graph ?? town!.graph
  const seconds = shared?.modes[0] ?? town!.seconds
  const where = `${shared ? 'Auckland' : 'generated town'}, ${graph.nodeCount} nodes, ${graph.arcCount} arcs`
  const weights = arrangeWeights(graph, seconds, 'to')
  const space = makeSearchSpace(graph)
  const draw = startDraw(7)
  const starts = Array.from({ length: 400 }, () => Math.floor(draw() * graph.nodeCount))

  let sink = 0
  const scan = measure(200, () => {
    const all = weights.seconds
    let sum = 0
    for (let slot = 0; slot < all.length; slot += 1) sum += all[slot]!
    sink += sum
  })
  const bare = { name: 'one pass over all arc weights', medianMs: scan.medianMs }
  figures.push({
    name: 'bounded Dijkstra, 600 s',
    samples: starts.length,
    ...measure(starts.length, at => {
      searchRoads(graph, weights, space, { start: starts[at]!, secondsMax: 600 })
    }),
    target: { of: 'median', ms: 5 },
    bare,
    note: where,
  })
  figures.push({
    name: 'Dijkstra from one to all',
    samples: 100,
    ...measure(100, at => {
      searchRoads(graph, weights, space, { start: starts[at]!, secondsMax: Number.POSITIVE_INFINITY })
    }),
    bare,
    note: where,
  })

  const baseCount = 200
  const cellCount = 2000
  const baseNodes = starts.slice(0, baseCount)
  const cellNodes = Array.from({ length: cellCount }, () => Math.floor(draw() * graph.nodeCount))
  const forth = arrangeWeights(graph, seconds, 'from')
  const matrix = new Float64Array(baseCount * cellCount).fill(Number.POSITIVE_INFINITY)
  baseNodes.forEach((start, base) => {
    searchRoads(graph, forth, space, { start, secondsMax: 1800 })
    cellNodes.forEach((node, cell) => {
      matrix[base * cellCount + cell] = readSeconds(space, node) ?? Number.POSITIVE_INFINITY
    })
  })
  const settings = defaultAdviseSettings
  const cells = cellNodes.map((_, at) => {
    const level = (1 + (at % 4)) as Level
    return { weight: settings.cover.demandWeight[level], withinSeconds: 480, group: level <= 2 ? 1 : 0 }
  })
  const area = buildCoverArea({ baseCount, cells, travelSeconds: matrix })
  const units = generateUnits(graph, 3000, draw)
  const free = units.flatMap(unit => (unit.cover && unit.cover.base >= 0 ? [unit.cover] : []))
  const counts = countCover(area, free)
  const allBases = Array.from({ length: baseCount }, (_, base) => base)
  figures.push({
    name: 'cover decision on release, 200 bases × 2,000 cells',
    samples: 300,
    ...measure(300, at => {
      sink += rankBases({
        area,
        counts,
        groups: 3,
        allowedBases: allBases,
        travelSecondsTo: base => 60 + ((base * 37 + at) % 900),
        settings: settings.cover,
      })[0]!.base
    }),
    target: { of: 'median', ms: 5 },
    bare,
  })
  const movable = free.slice(0, 60).map((unit, at) => ({
    ...unit,
    unitId: `M${at}`,
    allowedBases: allBases.slice((at * 3) % 190, ((at * 3) % 190) + 8),
    movesThisShift: 0,
  }))
  figures.push({
    name: 'cover moves on demand, 60 units with 8 bases each',
    samples: 50,
    ...measure(50, () => {
      sink += proposeMoves({ area, units: movable, travelSecondsTo: () => 300, settings: settings.cover }).length
    }),
    bare,
  })

  const spaces = Array.from({ length: settings.displacementsMax + 1 }, () => makeSearchSpace(graph))
  figures.push({
    name: 'one call against 3,000 units and 2,000 cells, roads included',
    samples: 300,
    ...measure(300, at => {
      const node = starts[at]!
      const readers = new Map<string, LegReader>()
      const findLeg: LegFinder = (_unit, from, to) => {
        const key = `${to.lon},${to.lat}`
        let reader = readers.get(key)
        if (!reader) {
          reader = makeLegReader(graph, weights, spaces[readers.size]!, to, {
            snapMetresMax: 2000,
            offRoadKmh: 20,
            secondsMax: 1800,
          })
          readers.set(key, reader)
        }
        const leg = reader(from)
        return leg && { p50Seconds: leg.seconds, p90Seconds: leg.seconds * 1.3, metres: leg.metres }
      }
      const advice = recommendUnits({
        call: {
          callId: 'bench',
          level: (1 + (at % 4)) as Level,
          place: { lon: graph.lon[node]!, lat: graph.lat[node]! },
          needs: at % 2 === 0 ? ['als'] : ['transport'],
        },
        units,
        findLeg,
        settings,
        cover: { area, counts, busyFraction: settings.cover.busyFraction },
        demandShare: { als: 0.4, transport: 1 },
      })
      sink += advice.rows.length
    }),
    target: { of: 'p95', ms: 50 },
    bare,
    note: 'without the API around it',
  })
  if (!Number.isFinite(sink)) throw new Error('a benched figure is not finite')
  return figures
}

if (import.meta.main) {
  process.stdout.write(`load ${loadavg()[0]!.toFixed(2)}\n`)
  for (const figure of benchAdvise()) {
    const target = figure.target ? `  target ${figure.target.of} ${figure.target.ms} ms` : ''
    const bare = figure.bare ? `  bare: ${figure.bare.name} ${figure.bare.medianMs.toFixed(3)} ms` : ''
    process.stdout.write(
      `${figure.name}: median ${figure.medianMs.toFixed(3)} p95 ${figure.p95Ms.toFixed(3)} worst ${figure.worstMs.toFixed(3)} cpu ${figure.cpuMs.toFixed(3)} ms` +
        ` over ${figure.samples}${target}${bare}${figure.note ? `  (${figure.note})` : ''}\n`,
    )
  }
}

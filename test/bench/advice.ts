/**
 * Bench of advice through the API: a whole server, 3,000 units, 2,000 demand cells, 200 stations, and the Auckland graph of ../shared
 * as an operator's CSV pack (a generated town of the same size when it is absent). Part of `npm run bench -- advise`.
 * Promises: the figure stands beside the bare counterpart of the same run, a route that only authenticates and reads.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { UnitStatus } from '#contract/scalars.ts'
import type { AdviceView } from '#contract/view.ts'
import type { RoadGraph } from '../../server/roads/graph.ts'
import type { World } from '../../server/state/world.ts'
import { startDraw } from '../../simulations/evaluate/dispatch.ts'
import { findSharedRoads, generateTown } from '../help/road-graphs.ts'
import { startTestServer } from '../help/server.ts'
import type { BenchFigure } from './advise.ts'

const unitCount = 3_000
const cellCount = 2_000
const stationCount = 200
const incidentCount = 50
const samples = 300
const complaints = ['arrest', 'stroke', 'fall', 'fever-rash'] as const

/** Writes a graph with its seconds as nodes.csv and arcs.csv, in km and days. */
function writePack(folder: string, graph: RoadGraph, modes: readonly Float64Array[]): void {
  const nodes = Array.from(graph.lon, (lon, at) => `${at},${lon},${graph.lat[at]},${graph.access[at]}`)
  const arcs = Array.from(graph.from, (from, at) =>
    [from, graph.to[at], graph.metres[at]! / 1_000, ...modes.map(mode => mode[at]! / 86_400)].join(','),
  )
  writeFileSync(join(folder, 'nodes.csv'), `index,x,y,offRoadAccess\n${nodes.join('\n')}\n`)
  const names = modes.map((_, at) => `mode_${at + 1}`).join(',')
  writeFileSync(join(folder, 'arcs.csv'), `fromNode,toNode,distance,${names}\n${arcs.join('\n')}\n`)
  const meta = { name: 'bench', source: 'bench', licence: 'none', crs: 'WGS-84', schematic: true, day: '2026-11-21' }
  writeFileSync(
    join(folder, 'pack.json'),
    JSON.stringify({ meta, regions: [], basemap: { type: 'FeatureCollection', features: [] } }),
  )
}

/** Fills the world of a running server: nothing is measured of how it came there. */
function fillWorld(world: World, graph: RoadGraph): void {
  const draw = startDraw(7)
  const now = Date.now()
  const place = () => {
    const node = Math.floor(draw() * graph.nodeCount)
    return { lon: graph.lon[node]!, lat: graph.lat[node]! }
  }
  const name = { name: '', nameEn: '' }
  world.regions.set('330400', { code: '330400', ...name, level: 'city', ...place(), population: 0 })
  for (let at = 0; at < cellCount; at += 1) {
    const code = `3304${String(at).padStart(5, '0')}`
    const population = 1_000 + Math.floor(draw() * 9_000)
    world.regions.set(code, { code, parentCode: '330400', ...name, level: 'street', ...place(), population })
  }
  for (let at = 0; at < stationCount; at += 1)
    world.places.set(`S${at}`, { placeId: `S${at}`, placeKind: 'station', ...name, regionCode: '330400', ...place() })
  for (let at = 0; at < incidentCount; at += 1)
    world.incidents.set(`I${at}`, {
      incidentId: `I${at}`,
      version: 1,
      state: 'open',
      level: 1 + (at % 4),
      regionCode: '330400',
      ...place(),
      complaintCode: complaints[at % complaints.length]!,
      callIds: [],
      unitIds: [],
      openedAt: now,
      stamps: [],
      sealedFields: [],
      noteCount: 0,
    })
  for (let at = 0; at < unitCount; at += 1) {
    const status = UnitStatus.options[Math.floor(draw() * UnitStatus.options.length)]!
    const isFree = status === 'idle' || status === 'returning' || status === 'unavailable'
    world.units.set(`U${at}`, {
      unitId: `U${at}`,
      name: `U${at}`,
      unitClass: (['A', 'B', 'C'] as const)[at % 3]!,
      capabilities: [],
      stationId: `S${at % stationCount}`,
      regionCode: '330400',
      status,
      statusAt: now - Math.floor(draw() * 1_800_000),
      statusBy: 'unit',
      version: 1,
      ...place(),
      fixAt: now - Math.floor(draw() * 70_000),
      silent: draw() < 0.02,
      ...(isFree ? {} : { incidentId: `I${at % incidentCount}` }),
    })
  }
}

/** Asks a hundred times and more, one after the other, and answers the milliseconds in order. */
async function time(count: number, run: (at: number) => Promise<void>): Promise<number[]> {
  const times: number[] = []
  for (let at = 0; at < count; at += 1) {
    const from = performance.now()
    await run(at)
    times.push(performance.now() - from)
  }
  return times.sort((a, b) => a - b)
}

/** Measures one call's advice through a whole server; takes the start of a server and some seconds. */
export async function benchAdvice(root: string = resolve(import.meta.dirname, '../..')): Promise<BenchFigure[]> {
  const shared = findSharedRoads(root, 'auckland')
  const town = shared ? undefined : generateTown(313, 313, 1)
  const graph = shared?.graph ?? town!.graph
  const pack = mkdtempSync(join(tmpdir(), 'vigil-bench-'))
  writePack(pack, graph, shared?.modes ?? [town!.seconds])
  const server = await startTestServer({ environment: { VIGIL_REGION_PACK: pack } })
  try {
    fillWorld(server.world, graph)
    const { accountId, password } = await server.addPerson('desk', ['dispatcher'], ['330400'])
    const headers = { cookie: await server.signIn(accountId, password) }
    const read = async (path: string): Promise<unknown> => (await fetch(server.url + path, { headers })).json()
    const advise = async (at: number) => (await read(`/v1/incidents/I${at % incidentCount}/advice`)) as AdviceView
    let first = await advise(0)
    while (first.travelWhy?.code === 'loading') {
      await new Promise(next => setTimeout(next, 50))
      first = await advise(0)
    }
    const bareTimes = await time(samples, async () => {
      await read('/v1/basemap')
    })
    const measureAdvice = async (name: string): Promise<BenchFigure> => {
      let byRoad = 0
      const cpu = process.cpuUsage()
      const times = await time(samples, async at => {
        if ((await advise(at)).travel === 'roads') byRoad += 1
      })
      const used = process.cpuUsage(cpu)
      return {
        name,
        samples,
        medianMs: times[samples >> 1]!,
        p95Ms: times[Math.floor(samples * 0.95)]!,
        worstMs: times.at(-1)!,
        cpuMs: (used.user + used.system) / 1_000 / samples,
        target: { of: 'p95', ms: 50 },
        bare: { name: 'a GET that authenticates and reads', medianMs: bareTimes[samples >> 1]! },
        note: `${byRoad} of ${samples} by road, ${graph.nodeCount} nodes; ${unitCount} units, ${cellCount} cells`,
      }
    }
    return [await measureAdvice('one call through the API, cover being measured by road beside it')]
  } finally {
    await server.remove()
    rmSync(pack, { recursive: true, force: true })
  }
}

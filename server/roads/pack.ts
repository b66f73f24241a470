/**
 * Road pack: reads an operator's road graph from the folder of the region pack. Runs in the road worker, before any search.
 * Two forms, the first found counts; a folder with neither is a region without roads, which is no fault:
 *
 * 1. `roads.json`, one object:
 *      meta         { name, source, licence, crs: "WGS-84", day: "YYYY-MM-DD", schematic?: true }
 *      classes      [{ name, speedKmh }]           at most 256; arcs name a class by its place in this list
 *      sirenFactor  1.25                           optional: gain of the siren on every class
 *      hourFactors  { plain: [168], siren: [168] } optional: factor on the speed by hour of week, 0 = Monday 00:00 Asia/Shanghai;
 *                                                  `siren` is then used as it stands, sirenFactor within it
 *      nodes        { lon: [], lat: [], access?: [] }   columns; access 0 marks a node one may not leave the road at
 *      arcs         { twoWay, from: [], to: [], metres: [], class: [] }   columns by node index; twoWay true: each counts both ways
 * 2. `nodes.csv` and `arcs.csv` as JEMSS writes them (arcs-csv.ts: index,x,y and fromNode,toNode,distance in km, mode_1, mode_2 in
 *    days): mode_1 is with siren, mode_2 without; with mode_1 alone the siren's factor is taken off.
 *
 * Promises: what is not whole is refused with a code and both texts; nothing is guessed into the graph.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { admitArcsCsv } from './arcs-csv.ts'
import { type Admitted, type ArcSeconds, admitRoadGraph, type RoadGraph, type RoadReject, weighArcs } from './graph.ts'
import { type HourFactors, hoursOfWeek, makeHourFactors, sirenFactorDefault } from './speeds.ts'

/** A region's roads, ready to be searched. */
export type RoadPack = {
  name: string
  graph: RoadGraph
  /** Seconds of every arc at an hour of the week, with or without siren. */
  weigh(hourOfWeek: number, siren: boolean): ArcSeconds
}

const classesMax = 256
const Factor = z.number().min(0.05).max(10)
const Head = z.object({
  meta: z.object({
    name: z.string().min(1).max(120),
    source: z.string().min(1).max(400),
    licence: z.string().min(1).max(120),
    crs: z.literal('WGS-84'),
    day: z.string().max(10),
    schematic: z.boolean().optional(),
  }),
  classes: z
    .array(z.object({ name: z.string().max(60), speedKmh: z.number().min(0).max(200) }))
    .min(1)
    .max(classesMax),
  sirenFactor: Factor.optional(),
  hourFactors: z
    .object({ plain: z.array(Factor).length(hoursOfWeek), siren: z.array(Factor).length(hoursOfWeek) })
    .optional(),
})

function refuse(zh: string, en: string): { ok: false; reject: RoadReject } {
  return { ok: false, reject: { code: 'ROAD_PACK_INVALID', zh, en } }
}

/** A column of finite numbers, or undefined when it is none. */
function readColumn(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.every(item => typeof item === 'number' && Number.isFinite(item))
    ? value
    : undefined
}

function readIndices(value: unknown, below: number): number[] | undefined {
  const column = readColumn(value)
  return column?.every(item => Number.isInteger(item) && item >= 0 && item < below) ? column : undefined
}

/** Doubles a column for roads that are driven both ways. */
function both(first: readonly number[], second: readonly number[], twoWay: boolean): number[] {
  return twoWay ? [...first, ...second] : [...first]
}

/** Admits the text of a `roads.json`. Refuses text that is no JSON, heads and columns that are not as described above. */
export function admitRoadsJson(text: string): Admitted<RoadPack> {
  let given: Record<string, unknown>
  try {
    given = JSON.parse(text) as Record<string, unknown>
  } catch {
    return refuse('roads.json 不是合法的 JSON', 'roads.json is not valid JSON')
  }
  const head = Head.safeParse(given)
  if (!head.success) {
    const path = head.error.issues[0]?.path.join('.') ?? ''
    return refuse(`roads.json 的 ${path} 不符合要求`, `roads.json: ${path} is not as required`)
  }
  const { nodes, arcs } = given as { nodes?: Record<string, unknown>; arcs?: Record<string, unknown> }
  const lon = readColumn(nodes?.lon)
  const lat = readColumn(nodes?.lat)
  const access = nodes?.access === undefined ? undefined : readIndices(nodes.access, 2)
  if (!lon || !lat || (nodes?.access !== undefined && !access)) {
    return refuse('roads.json 的节点列不是数值', 'roads.json: the node columns are not numbers')
  }
  const from = readIndices(arcs?.from, lon.length)
  const to = readIndices(arcs?.to, lon.length)
  const metres = readColumn(arcs?.metres)
  const roadClass = readIndices(arcs?.class, head.data.classes.length)
  const { twoWay } = arcs ?? {}
  if (!from || !to || !metres || !roadClass || typeof twoWay !== 'boolean') {
    return refuse('roads.json 的弧列或 twoWay 有误', 'roads.json: the arc columns or twoWay are not valid')
  }
  if (to.length !== from.length || metres.length !== from.length || roadClass.length !== from.length) {
    return refuse('roads.json 的弧列长度不一', 'roads.json: the arc columns differ in length')
  }
  const built = admitRoadGraph({
    lon: Float64Array.from(lon),
    lat: Float64Array.from(lat),
    ...(access ? { access: Uint8Array.from(access) } : {}),
    from: Int32Array.from(both(from, to, twoWay)),
    to: Int32Array.from(both(to, from, twoWay)),
    metres: Float64Array.from(both(metres, metres, twoWay)),
    roadClass: Uint8Array.from(both(roadClass, roadClass, twoWay)),
  })
  if (!built.ok) return built
  const { classes, sirenFactor, hourFactors, meta } = head.data
  const factors: HourFactors = hourFactors
    ? { plain: Float64Array.from(hourFactors.plain), siren: Float64Array.from(hourFactors.siren) }
    : makeHourFactors(sirenFactor)
  return {
    ok: true,
    value: {
      name: meta.name,
      graph: built.value,
      weigh: (hourOfWeek, siren) => {
        const factor = (siren ? factors.siren : factors.plain)[hourOfWeek] ?? 1
        return weighArcs(built.value, roadClass => (classes[roadClass]?.speedKmh ?? 0) * factor)
      },
    },
  }
}

/** Admits the texts of `nodes.csv` and `arcs.csv`; refuses files without a travel mode, and what arcs-csv.ts refuses. */
export function admitRoadsCsv(nodesText: string, arcsText: string): Admitted<RoadPack> {
  const imported = admitArcsCsv(nodesText, arcsText)
  if (!imported.ok) return imported
  const { graph, modes } = imported.value
  const [withSiren, without] = modes
  if (!withSiren) return refuse('弧表缺少 mode_1 列', 'the arcs lack the column mode_1')
  // The modes hold the siren already, so only the traffic of the hour is left to the factors.
  const traffic = makeHourFactors(1)
  return {
    ok: true,
    value: {
      name: 'nodes.csv, arcs.csv',
      graph,
      weigh: (hourOfWeek, siren) => {
        const base = siren ? withSiren : (without ?? withSiren)
        const gain = !siren && !without ? sirenFactorDefault : 1
        const factor = (siren ? traffic.siren : traffic.plain)[hourOfWeek] ?? 1
        return base.map(seconds => (seconds * gain) / factor)
      },
    },
  }
}

async function findText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(error => {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  })
}

/** Reads the road pack of a folder; `value` is undefined when the folder holds none. */
export async function readRoadPack(directory: string): Promise<Admitted<RoadPack | undefined>> {
  const json = await findText(join(directory, 'roads.json'))
  if (json !== undefined) return admitRoadsJson(json)
  const [nodes, arcs] = await Promise.all([
    findText(join(directory, 'nodes.csv')),
    findText(join(directory, 'arcs.csv')),
  ])
  if (nodes === undefined && arcs === undefined) return { ok: true, value: undefined }
  if (nodes === undefined || arcs === undefined) {
    return refuse('nodes.csv 与 arcs.csv 须同时存在', 'nodes.csv and arcs.csv must both be there')
  }
  return admitRoadsCsv(nodes, arcs)
}

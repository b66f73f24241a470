// Road graphs for tests and benches: the Auckland graph of ../shared when it is there, else a generated town of the same size.
// Stands in test/: reads files and runs the system's unzip, which server/roads itself never does.
// Promises: nothing is copied into the repository; the generated town is the same for the same seed.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { admitArcsCsv, type ImportedRoads } from '../../server/roads/arcs-csv.ts'
import { admitRoadGraph, type RoadGraph } from '../../server/roads/graph.ts'
import { startDraw } from '../../simulations/evaluate/dispatch.ts'

const unzippedMax = 64 * 2 ** 20

function readZipped(path: string, name: string): string {
  return execFileSync('unzip', ['-p', path, name], { maxBuffer: unzippedMax, encoding: 'utf8' })
}

/** Reads a road graph of ../shared/data/roads, or answers undefined when the folder is absent. */
export function findSharedRoads(root: string, town: 'auckland' | 'manhattan'): ImportedRoads | undefined {
  const path = resolve(root, '../shared/data/roads', town, 'roads.zip')
  if (!existsSync(path)) return undefined
  const imported = admitArcsCsv(readZipped(path, 'nodes.csv'), readZipped(path, 'arcs.csv'))
  if (!imported.ok) throw new Error(`${imported.reject.code}: ${imported.reject.en}`)
  return imported.value
}

/**
 * Generates a town: a grid of streets with about 250 m between crossings and three joints in each block side, every fourth street
 * faster, a tenth of the streets missing. Answers the graph and the seconds of its arcs.
 */
export function generateTown(columns: number, rows: number, seed: number): { graph: RoadGraph; seconds: Float64Array } {
  const draw = startDraw(seed)
  const stepMetres = 83
  const latStep = stepMetres / 111_195
  const lonStep = latStep / Math.cos((31 * Math.PI) / 180)
  const lon: number[] = []
  const lat: number[] = []
  const nodeAt = new Map<number, number>()
  const onStreet = (x: number, y: number) => x % 3 === 0 || y % 3 === 0
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      if (!onStreet(x, y)) continue
      nodeAt.set(y * columns + x, lon.length)
      lon.push(121 + (x + draw() * 0.2) * lonStep)
      lat.push(31 + (y + draw() * 0.2) * latStep)
    }
  }
  const from: number[] = []
  const to: number[] = []
  const metres: number[] = []
  const roadClass: number[] = []
  const join = (a: number | undefined, b: number | undefined, fast: boolean) => {
    if (a === undefined || b === undefined || draw() < 0.1) return
    const length = stepMetres * (1 + draw() * 0.3)
    for (const [start, end] of [
      [a, b],
      [b, a],
    ] as const) {
      from.push(start)
      to.push(end)
      metres.push(length)
      roadClass.push(fast ? 1 : 0)
    }
  }
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      const here = nodeAt.get(y * columns + x)
      if (y % 3 === 0) join(here, x + 1 < columns ? nodeAt.get(y * columns + x + 1) : undefined, y % 12 === 0)
      if (x % 3 === 0) join(here, nodeAt.get((y + 1) * columns + x), x % 12 === 0)
    }
  }
  const built = admitRoadGraph({
    lon: Float64Array.from(lon),
    lat: Float64Array.from(lat),
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    metres: Float64Array.from(metres),
    roadClass: Uint8Array.from(roadClass),
  })
  if (!built.ok) throw new Error(built.reject.en)
  const speeds = [30, 60]
  const seconds = Float64Array.from(metres, (length, a) => (length * 3.6) / speeds[roadClass[a]!]!)
  return { graph: built.value, seconds }
}

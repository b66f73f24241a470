// Imports a road graph from two CSV texts, nodes and arcs, as published with JEMSS (sections with a title line) or as plain tables.
// Stands before graph.ts: text in, columns out. Columns are found by name, so their order is free.
// Promises: a row that is not whole is refused with its line number; an undirected file yields both directions; no file is read here.

import { type Admitted, admitRoadGraph, arcsMax, type RoadGraph } from './graph.ts'

/** A graph with the travel modes of its file: seconds for each arc, one array a mode. */
export type ImportedRoads = { graph: RoadGraph; modes: Float64Array[] }

/** Units of the file. JEMSS gives distances in km and times in days. */
export type CsvUnits = { metresPerDistance: number; secondsPerTime: number }

export const jemssUnits: CsvUnits = { metresPerDistance: 1000, secondsPerTime: 86_400 }

type Table = { header: string[]; rows: string[][]; firstLine: number }

function refuse(zh: string, en: string): { ok: false; reject: { code: 'ROADS_CSV_INVALID'; zh: string; en: string } } {
  return { ok: false, reject: { code: 'ROADS_CSV_INVALID', zh, en } }
}

// These tables hold numbers only, so a cell is what stands between commas: a quoted cell is no number and is refused with its line.
// (A general CSV parser spends 4 s on 145,000 rows of uneven width; this takes a fraction of one.)
function parseRows(text: string): string[][] | undefined {
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  if (lines.length > arcsMax) return undefined
  return lines.map(line => line.split(',').map(cell => cell.trim()))
}

/** Finds the table whose header holds all `columns`; it ends at the first row with an empty first cell. */
function findTable(lines: readonly string[][], columns: readonly string[]): Table | undefined {
  const at = lines.findIndex(line => columns.every(column => line.includes(column)))
  if (at < 0) return undefined
  const rows: string[][] = []
  for (let line = at + 1; line < lines.length; line += 1) {
    if ((lines[line]![0] ?? '') === '') break
    rows.push(lines[line]!)
  }
  return { header: lines[at]!, rows, firstLine: at + 2 }
}

function readNumber(cell: string | undefined): number {
  return cell === undefined || cell === '' ? Number.NaN : Number(cell)
}

/**
 * Imports roads from the texts of nodes (`index,x,y[,offRoadAccess]`, x = lon) and arcs (`fromNode,toNode,distance,mode_1…`).
 * Node indices may be any distinct numbers. Refuses texts without those columns, cells that are no numbers, unknown nodes.
 * @source file formats of JEMSS.jl (Apache-2.0), "nodes.csv" and "arcs.csv"
 */
export function admitArcsCsv(
  nodesText: string,
  arcsText: string,
  units: CsvUnits = jemssUnits,
): Admitted<ImportedRoads> {
  const nodeLines = parseRows(nodesText)
  const arcLines = parseRows(arcsText)
  if (!nodeLines || !arcLines) return refuse(`超过 ${arcsMax} 行`, `over ${arcsMax} lines`)
  const nodes = findTable(nodeLines, ['index', 'x', 'y'])
  if (!nodes) return refuse('节点表缺少 index、x、y 列', 'the nodes lack the columns index, x, y')
  const arcs = findTable(arcLines, ['fromNode', 'toNode', 'distance'])
  if (!arcs) {
    return refuse('弧表缺少 fromNode、toNode、distance 列', 'the arcs lack the columns fromNode, toNode, distance')
  }

  const indexAt = nodes.header.indexOf('index')
  const xAt = nodes.header.indexOf('x')
  const yAt = nodes.header.indexOf('y')
  const accessAt = nodes.header.indexOf('offRoadAccess')
  const nodeOf = new Map<number, number>()
  const lon = new Float64Array(nodes.rows.length)
  const lat = new Float64Array(nodes.rows.length)
  const access = new Uint8Array(nodes.rows.length).fill(1)
  for (let n = 0; n < nodes.rows.length; n += 1) {
    const row = nodes.rows[n]!
    const index = readNumber(row[indexAt])
    lon[n] = readNumber(row[xAt])
    lat[n] = readNumber(row[yAt])
    if (accessAt >= 0) access[n] = readNumber(row[accessAt]) === 0 ? 0 : 1
    if (!Number.isFinite(index) || nodeOf.has(index) || !Number.isFinite(lon[n]) || !Number.isFinite(lat[n])) {
      const line = nodes.firstLine + n
      return refuse(`节点表第 ${line} 行有误`, `nodes line ${line} is not valid`)
    }
    nodeOf.set(index, n)
  }

  const fromAt = arcs.header.indexOf('fromNode')
  const toAt = arcs.header.indexOf('toNode')
  const distanceAt = arcs.header.indexOf('distance')
  const modeAts = arcs.header.flatMap((name, at) => (/^mode_\d+$/.test(name) ? [at] : []))
  const formRow = arcLines.findIndex(line => line.includes('arcForm'))
  const form = formRow < 0 ? 'directed' : arcLines[formRow + 1]?.[arcLines[formRow]!.indexOf('arcForm')]
  if (form !== 'directed' && form !== 'undirected') {
    return refuse('arcForm 应为 directed 或 undirected', 'arcForm must be directed or undirected')
  }
  const copies = form === 'undirected' ? 2 : 1
  const count = arcs.rows.length * copies
  const from = new Int32Array(count)
  const to = new Int32Array(count)
  const metres = new Float64Array(count)
  const modes = modeAts.map(() => new Float64Array(count))
  for (let a = 0; a < arcs.rows.length; a += 1) {
    const row = arcs.rows[a]!
    const fromNode = nodeOf.get(readNumber(row[fromAt]))
    const toNode = nodeOf.get(readNumber(row[toAt]))
    const length = readNumber(row[distanceAt]) * units.metresPerDistance
    const times = modeAts.map(at => readNumber(row[at]) * units.secondsPerTime)
    const whole = fromNode !== undefined && toNode !== undefined && length >= 0 && times.every(time => time >= 0)
    if (!whole || !Number.isFinite(length)) {
      const line = arcs.firstLine + a
      return refuse(`弧表第 ${line} 行有误`, `arcs line ${line} is not valid`)
    }
    for (let copy = 0; copy < copies; copy += 1) {
      const slot = a * copies + copy
      from[slot] = copy === 0 ? fromNode : toNode
      to[slot] = copy === 0 ? toNode : fromNode
      metres[slot] = length
      for (let mode = 0; mode < modes.length; mode += 1) modes[mode]![slot] = times[mode]!
    }
  }
  const built = admitRoadGraph({ lon, lat, access, from, to, metres })
  return built.ok ? { ok: true, value: { graph: built.value, modes } } : built
}

// The road graph: compact, in typed arrays, with snapping and a bounded Dijkstra whose workspace is used again and again.
// Stands behind the drive times that advice is given; importers (arcs-csv.ts) build it, a worker or a test searches it.
// Promises: no allocation in a search; islands, dead ends and bad rows are seen (components, refusals), never a crash;
// arrival seconds are exact for the given weights up to the bound.

export type Place = { lon: number; lat: number }

/** Columns of a graph to be built. `access` 0 marks a node one may not leave the road at (a tunnel, a motorway). */
export type RoadColumns = {
  lon: Float64Array
  lat: Float64Array
  access?: Uint8Array
  /** Directed arcs: a street that runs both ways is two arcs. */
  from: Int32Array
  to: Int32Array
  metres: Float64Array
  roadClass?: Uint8Array
}

/** Rows of arcs by one end: those of node n are `arc[offset[n]..offset[n+1]]`, with their other ends in `node`. */
export type ArcRows = { offset: Int32Array; node: Int32Array; arc: Int32Array }

export type RoadGraph = {
  nodeCount: number
  arcCount: number
  lon: Float64Array
  lat: Float64Array
  access: Uint8Array
  from: Int32Array
  to: Int32Array
  metres: Float64Array
  roadClass: Uint8Array
  leaving: ArcRows
  entering: ArcRows
  /** Strongly connected component of each node; `mainComponent` is the largest. */
  component: Int32Array
  componentCount: number
  mainComponent: number
  grid: SnapGrid
}

/** Nodes by square cell, for snapping. */
type SnapGrid = {
  minLon: number
  minLat: number
  cellLon: number
  cellLat: number
  columns: number
  rows: number
  offset: Int32Array
  node: Int32Array
}

export type RoadReject = {
  code:
    | 'ROADS_EMPTY'
    | 'ROADS_TOO_LARGE'
    | 'ROAD_NODE_INVALID'
    | 'ROAD_ARC_INVALID'
    | 'ROADS_CSV_INVALID'
    | 'ROAD_PACK_INVALID'
  zh: string
  en: string
}

export type Admitted<T> = { ok: true; value: T } | { ok: false; reject: RoadReject }

export const nodesMax = 20_000_000
export const arcsMax = 60_000_000

function refuse(code: RoadReject['code'], zh: string, en: string): { ok: false; reject: RoadReject } {
  return { ok: false, reject: { code, zh, en } }
}

/** Builds a graph from columns. Refuses empty or oversized graphs, impossible places, and arcs to nowhere or of negative length. */
export function admitRoadGraph(columns: RoadColumns): Admitted<RoadGraph> {
  const { lon, lat, from, to, metres } = columns
  const nodeCount = lon.length
  const arcCount = from.length
  if (nodeCount === 0) return refuse('ROADS_EMPTY', '路网没有节点', 'the road graph has no nodes')
  if (nodeCount > nodesMax || arcCount > arcsMax) {
    return refuse('ROADS_TOO_LARGE', `路网超过 ${nodesMax} 个节点或 ${arcsMax} 条弧`, 'the road graph is too large')
  }
  if (lat.length !== nodeCount || (columns.access && columns.access.length !== nodeCount)) {
    return refuse('ROAD_NODE_INVALID', '节点各列长度不一', 'node columns differ in length')
  }
  for (let n = 0; n < nodeCount; n += 1) {
    if (!(Math.abs(lon[n]!) <= 180 && Math.abs(lat[n]!) <= 90)) {
      return refuse('ROAD_NODE_INVALID', `节点 ${n} 的经纬度无效`, `node ${n} has no valid place`)
    }
  }
  if (to.length !== arcCount || metres.length !== arcCount || (columns.roadClass?.length ?? arcCount) !== arcCount) {
    return refuse('ROAD_ARC_INVALID', '弧各列长度不一', 'arc columns differ in length')
  }
  for (let a = 0; a < arcCount; a += 1) {
    const inside = from[a]! >= 0 && from[a]! < nodeCount && to[a]! >= 0 && to[a]! < nodeCount
    if (!inside || !(metres[a]! >= 0 && Number.isFinite(metres[a]!))) {
      return refuse('ROAD_ARC_INVALID', `弧 ${a} 的端点或长度无效`, `arc ${a} has no valid ends or length`)
    }
  }
  const leaving = buildArcRows(nodeCount, from, to)
  const entering = buildArcRows(nodeCount, to, from)
  const { component, sizes } = labelComponents(nodeCount, leaving)
  let mainComponent = 0
  for (let c = 1; c < sizes.length; c += 1) if (sizes[c]! > sizes[mainComponent]!) mainComponent = c
  return {
    ok: true,
    value: {
      nodeCount,
      arcCount,
      lon,
      lat,
      access: columns.access ?? new Uint8Array(nodeCount).fill(1),
      from,
      to,
      metres,
      roadClass: columns.roadClass ?? new Uint8Array(arcCount),
      leaving,
      entering,
      component,
      componentCount: sizes.length,
      mainComponent,
      grid: buildSnapGrid(lon, lat),
    },
  }
}

function buildArcRows(nodeCount: number, near: Int32Array, far: Int32Array): ArcRows {
  const offset = new Int32Array(nodeCount + 1)
  for (let a = 0; a < near.length; a += 1) offset[near[a]! + 1]! += 1
  for (let n = 0; n < nodeCount; n += 1) offset[n + 1]! += offset[n]!
  const at = offset.slice(0, nodeCount)
  const node = new Int32Array(near.length)
  const arc = new Int32Array(near.length)
  for (let a = 0; a < near.length; a += 1) {
    const slot = at[near[a]!]!
    at[near[a]!] = slot + 1
    node[slot] = far[a]!
    arc[slot] = a
  }
  return { offset, node, arc }
}

/**
 * Labels strongly connected components, so that islands are known before anyone is snapped to one.
 * @source Tarjan 1972, SIAM J. Comput. 1 (iterative form, explicit stack)
 */
function labelComponents(nodeCount: number, rows: ArcRows): { component: Int32Array; sizes: number[] } {
  const component = new Int32Array(nodeCount).fill(-1)
  const order = new Int32Array(nodeCount).fill(-1)
  const low = new Int32Array(nodeCount)
  const open = new Int32Array(nodeCount)
  const path = new Int32Array(nodeCount)
  const cursor = rows.offset.slice(0, nodeCount)
  const sizes: number[] = []
  let openCount = 0
  let visited = 0
  for (let root = 0; root < nodeCount; root += 1) {
    if (order[root]! >= 0) continue
    let depth = 0
    path[0] = root
    order[root] = low[root] = visited++
    open[openCount++] = root
    while (depth >= 0) {
      const n = path[depth]!
      if (cursor[n]! < rows.offset[n + 1]!) {
        const next = rows.node[cursor[n]!]!
        cursor[n]! += 1
        if (order[next]! < 0) {
          order[next] = low[next] = visited++
          open[openCount++] = next
          depth += 1
          path[depth] = next
        } else if (component[next]! < 0 && order[next]! < low[n]!) low[n] = order[next]!
        continue
      }
      if (low[n] === order[n]) {
        let size = 0
        for (;;) {
          openCount -= 1
          const member = open[openCount]!
          component[member] = sizes.length
          size += 1
          if (member === n) break
        }
        sizes.push(size)
      }
      depth -= 1
      if (depth >= 0 && low[n]! < low[path[depth]!]!) low[path[depth]!] = low[n]!
    }
  }
  return { component, sizes }
}

const metresPerDegree = (6_371_000 * Math.PI) / 180
// About one street block: a few dozen nodes a cell in a dense town.
const snapCellMetres = 400
const snapCellsMax = 4_000_000

function buildSnapGrid(lon: Float64Array, lat: Float64Array): SnapGrid {
  let minLon = Number.POSITIVE_INFINITY
  let minLat = Number.POSITIVE_INFINITY
  let maxLon = Number.NEGATIVE_INFINITY
  let maxLat = Number.NEGATIVE_INFINITY
  for (let n = 0; n < lon.length; n += 1) {
    minLon = Math.min(minLon, lon[n]!)
    maxLon = Math.max(maxLon, lon[n]!)
    minLat = Math.min(minLat, lat[n]!)
    maxLat = Math.max(maxLat, lat[n]!)
  }
  const middle = Math.max(0.05, Math.cos((((minLat + maxLat) / 2) * Math.PI) / 180))
  let cellLat = snapCellMetres / metresPerDegree
  let cellLon = cellLat / middle
  const count = (cell: number, min: number, max: number) => Math.floor((max - min) / cell) + 1
  while (count(cellLon, minLon, maxLon) * count(cellLat, minLat, maxLat) > snapCellsMax) {
    cellLat *= 2
    cellLon *= 2
  }
  const columns = count(cellLon, minLon, maxLon)
  const rows = count(cellLat, minLat, maxLat)
  const cellOf = new Int32Array(lon.length)
  const offset = new Int32Array(columns * rows + 1)
  for (let n = 0; n < lon.length; n += 1) {
    const cell = Math.floor((lat[n]! - minLat) / cellLat) * columns + Math.floor((lon[n]! - minLon) / cellLon)
    cellOf[n] = cell
    offset[cell + 1]! += 1
  }
  for (let c = 0; c < columns * rows; c += 1) offset[c + 1]! += offset[c]!
  const at = offset.slice(0, columns * rows)
  const node = new Int32Array(lon.length)
  for (let n = 0; n < lon.length; n += 1) {
    node[at[cellOf[n]!]!] = n
    at[cellOf[n]!]! += 1
  }
  return { minLon, minLat, cellLon, cellLat, columns, rows, offset, node }
}

/** A node and how far off the road the place is. */
export type Snap = { node: number; metres: number }

/**
 * Finds the nearest node one may leave the road at; undefined when none lies within `metresMax`.
 * Distances are on the local plane (equirectangular), good to a per mille over the few kilometres of a snap.
 * Only nodes of the main component count unless `anyComponent`, so that nobody is sent to an island.
 */
export function findNearestNode(
  graph: RoadGraph,
  place: Place,
  options: { metresMax: number; anyComponent?: boolean },
): Snap | undefined {
  if (!Number.isFinite(place.lon) || !Number.isFinite(place.lat)) return undefined
  const { grid } = graph
  const scaleLon = metresPerDegree * Math.cos((place.lat * Math.PI) / 180)
  const column = Math.floor((place.lon - grid.minLon) / grid.cellLon)
  const row = Math.floor((place.lat - grid.minLat) / grid.cellLat)
  // A ring of cells at distance r holds nothing nearer than (r - 1) cells.
  const cellMetres = Math.min(grid.cellLat * metresPerDegree, grid.cellLon * Math.abs(scaleLon))
  const beyond = (at: number, size: number) => Math.max(0, -at, at - size + 1)
  const firstRing = Math.max(beyond(column, grid.columns), beyond(row, grid.rows))
  const lastRing = Math.max(column, grid.columns - 1 - column, row, grid.rows - 1 - row)
  let best = -1
  let bestMetres = options.metresMax
  for (let ring = firstRing; ring <= lastRing && (ring - 1) * cellMetres <= bestMetres; ring += 1) {
    for (let y = Math.max(0, row - ring); y <= Math.min(grid.rows - 1, row + ring); y += 1) {
      const isEdge = Math.abs(y - row) === ring
      const step = isEdge ? 1 : Math.max(1, 2 * ring)
      for (let x = column - ring; x <= column + ring; x += step) {
        if (x < 0 || x >= grid.columns) continue
        const cell = y * grid.columns + x
        for (let slot = grid.offset[cell]!; slot < grid.offset[cell + 1]!; slot += 1) {
          const n = grid.node[slot]!
          if (graph.access[n] === 0) continue
          if (!options.anyComponent && graph.component[n] !== graph.mainComponent) continue
          const dx = (graph.lon[n]! - place.lon) * scaleLon
          const dy = (graph.lat[n]! - place.lat) * metresPerDegree
          const metres = Math.sqrt(dx * dx + dy * dy)
          if (metres < bestMetres || (metres === bestMetres && best < 0)) {
            best = n
            bestMetres = metres
          }
        }
      }
    }
  }
  return best < 0 ? undefined : { node: best, metres: bestMetres }
}

/** Seconds for each arc in one state of the world (hour band, siren). Not finite or negative means closed. */
export type ArcSeconds = Float64Array

/** Weighs every arc by the speed of its class: seconds = metres × 3.6 ÷ speedKmh; a speed of 0 or not a number closes the class. */
export function weighArcs(graph: RoadGraph, speedKmhOf: (roadClass: number) => number): ArcSeconds {
  const speedOf = Float64Array.from({ length: 256 }, (_, roadClass) => speedKmhOf(roadClass))
  const seconds = new Float64Array(graph.arcCount)
  for (let a = 0; a < graph.arcCount; a += 1) {
    const speedKmh = speedOf[graph.roadClass[a]!]!
    seconds[a] = speedKmh > 0 ? (graph.metres[a]! * 3.6) / speedKmh : Number.POSITIVE_INFINITY
  }
  return seconds
}

/** Speeds by road class, hour of the week (0 = Monday 00:00) and siren. */
export type SpeedTable = (roadClass: number, hourOfWeek: number, siren: boolean) => number

/** Weighs every arc for one hour of the week and siren on or off. Refuses nothing: an hour outside 0..167 is taken modulo a week. */
export function weighHour(graph: RoadGraph, speeds: SpeedTable, hourOfWeek: number, siren: boolean): ArcSeconds {
  const hour = ((Math.floor(hourOfWeek) % 168) + 168) % 168
  return weighArcs(graph, roadClass => speeds(roadClass, hour, siren))
}

/** Weights in the order a search reads them: `to` finds who can reach a place (incident), `from` where a place can reach. */
export type SearchWeights = { direction: 'from' | 'to'; rows: ArcRows; seconds: Float64Array }

/** Arranges weights for searches in one direction; done once per weights, shared by all searches. */
export function arrangeWeights(graph: RoadGraph, seconds: ArcSeconds, direction: 'from' | 'to'): SearchWeights {
  const rows = direction === 'from' ? graph.leaving : graph.entering
  const arranged = new Float64Array(rows.arc.length)
  for (let slot = 0; slot < arranged.length; slot += 1) {
    const value = seconds[rows.arc[slot]!]!
    arranged[slot] = value >= 0 ? value : Number.POSITIVE_INFINITY
  }
  return { direction, rows, seconds: arranged }
}

/** The memory of searches, used again for each; results stand until the next search. */
export type SearchSpace = {
  seconds: Float64Array
  metres: Float64Array
  /** The slot of the arc each node was reached by, -1 at a start. */
  via: Int32Array
  seen: Uint32Array
  round: number
  heap: Int32Array
  place: Int32Array
  wanted: Uint32Array
  wantedLeft: number
  heapSize: number
  secondsMax: number
  settledCount: number
}

/** Makes the memory for searches of a graph. */
export function makeSearchSpace(graph: RoadGraph): SearchSpace {
  const { nodeCount } = graph
  return {
    seconds: new Float64Array(nodeCount),
    metres: new Float64Array(nodeCount),
    via: new Int32Array(nodeCount),
    seen: new Uint32Array(nodeCount),
    round: 0,
    heap: new Int32Array(nodeCount),
    place: new Int32Array(nodeCount),
    wanted: new Uint32Array(nodeCount),
    wantedLeft: 0,
    heapSize: 0,
    secondsMax: 0,
    settledCount: 0,
  }
}

const settledPlace = -1

/** A search: from `start`, with `startSeconds` already spent, to every node within `secondsMax`. */
export type Search = { start: number; startSeconds?: number; secondsMax: number }

/**
 * Bounded Dijkstra: after it, every node within `secondsMax` of the start has its exact seconds (read with `readSeconds`), as long as
 * the search was not stopped early by having settled all `targets`. Answers how many distinct targets were settled.
 * @source Dijkstra 1959, Numer. Math. 1; binary heap with decrease-key
 */
export function searchRoads(
  graph: RoadGraph,
  weights: SearchWeights,
  space: SearchSpace,
  search: Search & { targets?: readonly number[] | Int32Array },
): number {
  beginSearch(graph, space, search)
  const { round } = space
  let wantedCount = 0
  for (const target of search.targets ?? []) {
    if (target < 0 || target >= graph.nodeCount || space.wanted[target] === round) continue
    space.wanted[target] = round
    wantedCount += 1
  }
  if (search.targets && wantedCount === 0) return 0
  space.wantedLeft = wantedCount
  continueSearch(graph, weights, space, -1)
  return wantedCount - space.wantedLeft
}

/** Lays the start of a search into the workspace; what was there is forgotten. */
function beginSearch(graph: RoadGraph, space: SearchSpace, search: Search): void {
  if (space.round >= 0xfffffff0) {
    space.seen.fill(0)
    space.wanted.fill(0)
    space.round = 0
  }
  space.round += 1
  space.settledCount = 0
  space.wantedLeft = 0
  space.heapSize = 0
  // A closed arc costs infinity, which an unbounded search must not take for an arrival.
  space.secondsMax = Math.min(search.secondsMax, Number.MAX_VALUE)
  const first = search.startSeconds ?? 0
  if (!(search.start >= 0 && search.start < graph.nodeCount) || !(first <= space.secondsMax)) return
  space.heapSize = 1
  space.heap[0] = search.start
  space.place[search.start] = 0
  space.seen[search.start] = space.round
  space.seconds[search.start] = first
  space.metres[search.start] = 0
  space.via[search.start] = -1
}

/** Goes on with the search until `stopNode` is settled (-1: never), all wanted nodes are (if any were), or the bound is reached. */
function continueSearch(graph: RoadGraph, weights: SearchWeights, space: SearchSpace, stopNode: number): void {
  const { seconds, metres, via, seen, heap, place, wanted, round, secondsMax } = space
  const { offset, node } = weights.rows
  const cost = weights.seconds
  let { heapSize } = space
  while (heapSize > 0) {
    const n = heap[0]!
    place[n] = settledPlace
    heapSize -= 1
    if (heapSize > 0) {
      // Sift the last entry down from the top.
      const moved = heap[heapSize]!
      const movedSeconds = seconds[moved]!
      let hole = 0
      for (;;) {
        let child = 2 * hole + 1
        if (child >= heapSize) break
        if (child + 1 < heapSize && seconds[heap[child + 1]!]! < seconds[heap[child]!]!) child += 1
        const below = heap[child]!
        if (seconds[below]! >= movedSeconds) break
        heap[hole] = below
        place[below] = hole
        hole = child
      }
      heap[hole] = moved
      place[moved] = hole
    }
    space.settledCount += 1
    const here = seconds[n]!
    const end = offset[n + 1]!
    for (let slot: number = offset[n]!; slot < end; slot += 1) {
      const next = node[slot]!
      const reached = here + cost[slot]!
      if (!(reached <= secondsMax)) continue
      let hole: number
      if (seen[next] !== round) {
        seen[next] = round
        hole = heapSize
        heapSize += 1
      } else {
        hole = place[next]!
        if (hole === settledPlace || seconds[next]! <= reached) continue
      }
      seconds[next] = reached
      metres[next] = metres[n]! + graph.metres[weights.rows.arc[slot]!]!
      via[next] = slot
      while (hole > 0) {
        const parent: number = (hole - 1) >> 1
        const above = heap[parent]!
        if (seconds[above]! <= reached) break
        heap[hole] = above
        place[above] = hole
        hole = parent
      }
      heap[hole] = next
      place[next] = hole
    }
    if (wanted[n] === round) {
      space.wantedLeft -= 1
      if (space.wantedLeft === 0) break
    }
    if (n === stopNode) break
  }
  space.heapSize = heapSize
}

/** Reads the seconds of a node from the last search; undefined when it was not settled within the bound. */
export function readSeconds(space: SearchSpace, node: number): number | undefined {
  // What is still in the heap was seen but not settled: its seconds are not final and are not shown.
  return space.seen[node] === space.round && space.place[node] === settledPlace ? space.seconds[node] : undefined
}

/** Traces the nodes from `node` to the start of a `to` search (or from the start of a `from` search to `node`), both ends included. */
export function traceRoute(graph: RoadGraph, weights: SearchWeights, space: SearchSpace, node: number): number[] {
  if (readSeconds(space, node) === undefined) return []
  const route = [node]
  const ahead = weights.direction === 'to' ? graph.to : graph.from
  for (let n = node; space.via[n]! >= 0; ) {
    n = ahead[weights.rows.arc[space.via[n]!]!]!
    route.push(n)
  }
  return weights.direction === 'to' ? route : route.reverse()
}

/** A drive found on the graph: road seconds plus the off-road ends; `metres` of both. */
export type RoadLeg = { seconds: number; metres: number }

/** How places are joined to the graph. */
export type Joining = { snapMetresMax: number; offRoadKmh: number }

/**
 * Measures the drives of many places to one place (units to an incident) in a single reverse search.
 * `undefined` for a place that cannot be snapped or not reached within `secondsMax`; seconds include both off-road ends.
 * `weights` must be arranged for direction `to`.
 */
export function measureLegsTo(
  graph: RoadGraph,
  weights: SearchWeights,
  space: SearchSpace,
  places: readonly Place[],
  target: Place,
  options: Joining & { secondsMax: number },
): (RoadLeg | undefined)[] {
  const end = findNearestNode(graph, target, { metresMax: options.snapMetresMax })
  if (!end) return places.map(() => undefined)
  const offRoad = (metres: number) => (metres * 3.6) / options.offRoadKmh
  const starts = places.map(place => findNearestNode(graph, place, { metresMax: options.snapMetresMax }))
  const targets = starts.flatMap(start => (start ? [start.node] : []))
  searchRoads(graph, weights, space, {
    start: end.node,
    startSeconds: offRoad(end.metres),
    secondsMax: options.secondsMax,
    targets,
  })
  return starts.map(start => {
    const road = start ? readSeconds(space, start.node) : undefined
    if (!start || road === undefined) return undefined
    const seconds = road + offRoad(start.metres)
    if (!(seconds <= options.secondsMax)) return undefined
    return { seconds, metres: space.metres[start.node]! + start.metres + end.metres }
  })
}

/** Reads the drive from a place; undefined when it cannot be snapped or reached within the bound. */
export type LegReader = (from: Place) => RoadLeg | undefined

/**
 * Reads drives to `target` from any place, by one backward search that goes only as far as the places asked for.
 * The reader holds until `space` is searched again; give every target that is read at the same time a space of its own.
 * `weights` must be arranged for direction `to`.
 */
export function makeLegReader(
  graph: RoadGraph,
  weights: SearchWeights,
  space: SearchSpace,
  target: Place,
  options: Joining & { secondsMax: number },
): LegReader {
  const end = findNearestNode(graph, target, { metresMax: options.snapMetresMax })
  if (!end) return () => undefined
  const offRoad = (metres: number) => (metres * 3.6) / options.offRoadKmh
  beginSearch(graph, space, {
    start: end.node,
    startSeconds: offRoad(end.metres),
    secondsMax: options.secondsMax,
  })
  const { round } = space
  return from => {
    if (space.round !== round) throw new Error('the search space was used again while this reader was held')
    const start = findNearestNode(graph, from, { metresMax: options.snapMetresMax })
    if (!start) return undefined
    if (readSeconds(space, start.node) === undefined) continueSearch(graph, weights, space, start.node)
    const road = readSeconds(space, start.node)
    if (road === undefined) return undefined
    const seconds = road + offRoad(start.metres)
    if (!(seconds <= options.secondsMax)) return undefined
    return { seconds, metres: space.metres[start.node]! + start.metres + end.metres }
  }
}

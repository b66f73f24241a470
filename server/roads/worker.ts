/**
 * Road worker: a thread that reads the road pack, keeps the graph, and answers drives of many places to one by a bounded Dijkstra.
 * Started and listened to by thread.ts. The graph lives here only: the line's thread never holds it and never searches it.
 * Promises: one answer for each order, in their order; a search goes on where the last one to the same place stopped.
 */
import { parentPort, workerData } from 'node:worker_threads'
import {
  arrangeWeights,
  findNearestNode,
  type LegReader,
  makeLegReader,
  makeSearchSpace,
  type Place,
  type RoadReject,
  type SearchSpace,
  type SearchWeights,
} from './graph.ts'
import { type RoadPack, readRoadPack } from './pack.ts'

/** Drives asked for: `places` holds lon, lat in turn. */
export type RoadOrder = {
  orderNo: number
  target: Place
  places: Float64Array
  hourOfWeek: number
  siren: boolean
  secondsMax: number
}

/** What the thread says: once what it holds, then one answer an order; NaN where there is no drive. */
export type RoadWord =
  | { holds: 'roads'; name: string; nodeCount: number; arcCount: number; islandNodes: number }
  | { holds: 'nothing' }
  | { holds: 'refused'; reject: RoadReject }
  | { orderNo: number; seconds: Float64Array; metres: Float64Array }
  | { orderNo: number; offRoad: true }

/** A place further from any road is answered by the straight line. */
export const snapMetresMax = 3_000
/** What lies between a place and its node is mostly the rest of a street between two crossings, at the pace of a side street. */
const offRoadKmh = 30
const joining = { snapMetresMax, offRoadKmh }

/** Weights of hour and siren kept; two serve a shift, the others a change of hour. */
const weightsMax = 4
/** Searches kept open, and the memory they may take: 36 bytes a node (SearchSpace). */
const readersMax = 8
const readerBytesMax = 256 * 2 ** 20
const bytesPerNode = 36

type Held = { key: string; reader: LegReader; space: SearchSpace }

/** Makes the answering part of the thread from a pack. */
function makeAnswerer(pack: RoadPack): (order: RoadOrder) => RoadWord {
  const { graph } = pack
  const weightsOf = new Map<string, SearchWeights>()
  const readers: Held[] = []
  const heldMax = Math.max(1, Math.min(readersMax, Math.floor(readerBytesMax / (bytesPerNode * graph.nodeCount))))

  const findWeights = (hourOfWeek: number, siren: boolean): SearchWeights => {
    const key = `${hourOfWeek}|${siren}`
    let weights = weightsOf.get(key)
    if (!weights) {
      if (weightsOf.size >= weightsMax) weightsOf.delete(weightsOf.keys().next().value!)
      weights = arrangeWeights(graph, pack.weigh(hourOfWeek, siren), 'to')
      weightsOf.set(key, weights)
    }
    return weights
  }
  const openReader = (order: RoadOrder): LegReader => {
    const { target, hourOfWeek, siren, secondsMax } = order
    const key = `${target.lon}|${target.lat}|${hourOfWeek}|${siren}|${secondsMax}`
    const at = readers.findIndex(held => held.key === key)
    if (at >= 0) {
      const [held] = readers.splice(at, 1)
      readers.push(held!)
      return held!.reader
    }
    const space = readers.length >= heldMax ? readers.shift()!.space : makeSearchSpace(graph)
    const weights = findWeights(hourOfWeek, siren)
    const reader = makeLegReader(graph, weights, space, target, { ...joining, secondsMax })
    readers.push({ key, reader, space })
    return reader
  }
  return order => {
    const { orderNo, places } = order
    if (!findNearestNode(graph, order.target, { metresMax: snapMetresMax })) return { orderNo, offRoad: true }
    const read = openReader(order)
    const count = places.length >> 1
    const seconds = new Float64Array(count).fill(Number.NaN)
    const metres = new Float64Array(count).fill(Number.NaN)
    for (let at = 0; at < count; at += 1) {
      const leg = read({ lon: places[2 * at]!, lat: places[2 * at + 1]! })
      if (!leg) continue
      seconds[at] = leg.seconds
      metres[at] = leg.metres
    }
    return { orderNo, seconds, metres }
  }
}

const say = (word: RoadWord): void => parentPort?.postMessage(word)

const read = await readRoadPack((workerData as { directory: string }).directory)
if (!read.ok) say({ holds: 'refused', reject: read.reject })
else if (read.value === undefined) say({ holds: 'nothing' })
else {
  const { name, graph } = read.value
  let islandNodes = 0
  for (const label of graph.component) if (label !== graph.mainComponent) islandNodes += 1
  const answer = makeAnswerer(read.value)
  parentPort?.on('message', (order: RoadOrder) => say(answer(order)))
  say({ holds: 'roads', name, nodeCount: graph.nodeCount, arcCount: graph.arcCount, islandNodes })
}

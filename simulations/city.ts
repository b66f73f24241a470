// The living city: ambulances drive, people call 120, facilities count patients, outbreaks spread.
// It stands before the line as every source at once and says what real sources would say, as plain events of the contract.
// It imports nothing at run time and reads no clock: stepCity advances it to an instant it is told, and the same seed,
// options and orders give the same events whatever the size of the steps.
import type { BodyInputOf, Kind } from '#contract/entry.ts'
import type { Chance, City, CityPlace, CityUnit, RoadGraph } from './seed.ts'

/** Something a source of the city says; `from` names the source (a unit, a facility, the centre, the desk). */
export type CityEvent = { [K in Kind]: { kind: K; at: number; from: string; body: BodyInputOf<K> } }[Kind]

type SourceKind = BodyInputOf<'count.reported'>['sourceKind']
type Syndrome = BodyInputOf<'count.reported'>['syndrome']
type UnitStatus = BodyInputOf<'unit.status'>['status']

/** Weighted pieces of an epidemic curve; a piece reaches from the end of the one before (hour 0 first) to `untilH`. */
export interface CurvePiece {
  untilH: number
  weight: number
}

/** One planted outbreak: what, where, when, how large, and which sources hear of it how late. */
export interface Outbreak {
  syndrome: 'respiratory' | 'diarrhoeal' | 'fever-rash'
  /** County code. */
  county: string
  /** Street codes that hold `focusShare` of the cases. */
  focusStreets: readonly string[]
  focusShare: number
  cases: number
  startsAfterH: number
  curve: readonly CurvePiece[]
  /** A case shows in a source with probability `share`, `lagH` (median) hours after its onset. */
  sources: readonly { sourceKind: SourceKind; share: number; lagH: number }[]
}

/** How demand and hospitals run over a day: what a scenario may say in place of the city's own habits. */
export interface DayShape {
  population: number
  /** Runs per 1,000 people and year, and calls per run. */
  runsPerThousandYear: number
  callsPerRun: number
  /** Weight of each hour, Shanghai time. */
  hours: readonly number[]
  /** Shares of levels I to IV from midnight, six, noon and eighteen o'clock on. */
  levelShares: readonly (readonly number[])[]
  /** Share of the demand in the core, for the same quarters of the day. */
  coreShares: readonly number[]
  sceneMedianS: number
  sceneSigma: number
  /** Share of runs that take a patient to hospital. */
  transportShare: number
  /** Median time at hospital by hour of arrival. */
  handoverMedianS: readonly number[]
  handoverSigma: number
  units: number
  stations: number
  hospitals: number
}

/** Many casualties at one place within minutes. */
export interface Burst {
  /** Hours after the start of the city. */
  atH: number
  county: string
  /** Street codes; the first that exists is the place. */
  streets: readonly string[]
  /** Casualties of levels I to IV; each needs a vehicle. */
  casualties: readonly [number, number, number, number]
  overMinutes: number
  onSceneS: number
}

/** What happens besides the everyday. */
export interface Scenario {
  id: string
  name: string
  nameEn: string
  outbreaks: readonly Outbreak[]
  day?: DayShape
  bursts?: readonly Burst[]
}

/** How the city is run; everything has a default that is a plain real-time day. */
export interface CityOptions {
  city: City
  chance: Chance
  scenario: Scenario
  /** Epoch ms at which the city begins to live. */
  startAt: number
  /** Calls to 120 in a day. */
  callsPerDay?: number
  /** The first call comes no later than this after the start; at night the next could be minutes away. */
  firstCallMs?: number
  /** Share of incidents left to human dispatchers. */
  manualShare?: number
  /** Share of idle units that are out on a stand-by drive. */
  patrolShare?: number
  /** Factor on every dwell (turn-out, scene, handover); 1 is real. */
  dwellFactor?: number
  /** Hours of an outbreak that pass in one hour of the city; 1 is real. */
  outbreakPace?: number
  fixEveryMs?: number
  parkedFixEveryMs?: number
  /** Vital signs of a loaded unit. */
  vitalsEveryMs?: number
  /** A facility repeats its running counts of the day this often, when they changed. */
  reportEveryMs?: number
  /** Report cards in a day. */
  cardsPerDay?: number
}

/** A human order seen in the server's world. */
export interface Order {
  unitId: string
  incidentId: string
  lon: number
  lat: number
  level: number
}

interface Leg {
  lon: Float64Array
  lat: Float64Array
  /** Epoch ms at each point; the first is the departure. */
  at: Float64Array
  node: Int32Array
}

type Heading = 'none' | 'scene' | 'hospital' | 'station' | 'post'

interface LivingUnit {
  unit: CityUnit
  index: number
  status: UnitStatus
  heading: Heading
  incidentId: string | undefined
  leg: Leg | undefined
  /** Node where it stands when it has no leg. */
  node: number
  lon: number
  lat: number
  placeId: string | undefined
  /** Grows with every new plan, so that agenda items of an old plan fall flat. */
  plan: number
  fixPlan: number
  vitals: { hr: number; spo2: number; rr: number; sbp: number; tempC: number } | undefined
}

interface LivingIncident {
  incidentId: string
  callId: string
  node: number
  lon: number
  lat: number
  level: 1 | 2 | 3 | 4
  region: string
  manual: boolean
  unitIds: string[]
  transported: boolean
  /** A unit has been there and is done. */
  served: boolean
  openedAt: number
}

interface Agenda {
  at: number
  order: number
  act:
    | 'fix'
    | 'arrive'
    | 'roll'
    | 'leave-scene'
    | 'handover'
    | 'release'
    | 'patrol'
    | 'call'
    | 'excess-call'
    | 'burst-call'
    | 'open'
    | 'answer'
    | 'assign'
    | 'close'
    | 'vitals'
    | 'report'
    | 'hour'
    | 'card'
  index: number
  plan: number
}

interface Ledger {
  place: CityPlace
  sourceKind: SourceKind
  syndrome: Syndrome
  /** Sorted instants of today's everyday cases. */
  today: Float64Array
  /** Sorted instants of planted cases, all days. */
  excess: Float64Array
  /** Count last told for today, -1 when none. */
  told: number
}

interface Call {
  callId: string
  region: string
  node: number
  lon: number
  lat: number
  level: 1 | 2 | 3 | 4
  complaint: Complaint
  outcome: 'incident' | 'consultation' | 'repeat' | 'harassment' | 'abandoned'
  addressText: string
}

interface Scratch {
  seconds: Float64Array
  previous: Int32Array
  seen: Int32Array
  round: number
  heapKey: Float64Array
  heapNode: Int32Array
}

/** The whole living state; make it with startCity, change it with stepCity and the order functions only. */
export interface CityState {
  city: City
  chance: Chance
  scenario: Scenario
  options: Required<Omit<CityOptions, 'city' | 'chance' | 'scenario' | 'startAt'>>
  startAt: number
  now: number
  run: string
  units: LivingUnit[]
  unitById: Map<string, LivingUnit>
  incidents: Map<string, LivingIncident>
  incidentIds: string[]
  calls: Call[]
  cardCount: number
  stations: Map<string, CityPlace>
  ledgers: Ledger[]
  /** Ledgers of a facility, by place id: one report carries them together. */
  reporters: { placeId: string; ledgers: Ledger[] }[]
  dayIndex: number
  excessCalls: { at: number; syndrome: string; street: number }[]
  burstCalls: { at: number; street: number; level: 1 | 2 | 3 | 4 }[]
  agenda: Agenda[]
  ordered: number
  scratch: Scratch
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const SHANGHAI_MS = 8 * HOUR_MS
const RETRY_MS = 15_000
const ROUTE_POINTS_MAX = 4_000
const OPEN_INCIDENTS_MAX = 2_000
const CASES_MAX = 50_000

export const SPEED_KMH = [100, 68, 48, 32] as const // expressway, national, arterial, collector
const SIREN = 1.25
// Runs, repeats, consultations, nuisance, hang-ups. @source Anshan 2017: 36,824 runs of 90,101 calls (dispatch.md 1.5)
const OUTCOME_WEIGHTS = [0.41, 0.14, 0.25, 0.08, 0.12]

const HOUR_OF_CALLS = [
  0.55, 0.45, 0.4, 0.36, 0.38, 0.5, 0.75, 1.05, 1.3, 1.4, 1.35, 1.25, 1.15, 1.1, 1.15, 1.2, 1.2, 1.25, 1.35, 1.4, 1.3,
  1.15, 0.95, 0.7,
]
const HOURS_OF_SOURCE: Partial<Record<SourceKind, readonly number[]>> = {
  'hospital-outpatient': [0, 0, 0, 0, 0, 0, 0.2, 1.5, 4, 4.5, 4, 2, 0.8, 2, 3, 3, 2, 0.8, 0.3, 0.1, 0, 0, 0, 0],
  'hospital-emergency': [
    0.7, 0.6, 0.5, 0.4, 0.4, 0.5, 0.7, 0.9, 1.2, 1.3, 1.2, 1.1, 1, 1, 1, 1, 1.1, 1.3, 1.6, 1.8, 1.7, 1.5, 1.2, 0.9,
  ],
  laboratory: [
    0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 0.8, 1.5, 2.5, 3, 2.5, 1.5, 1.5, 2.5, 2.5, 2, 1.2, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2,
  ],
  pharmacy: [0, 0, 0, 0, 0, 0, 0.2, 1, 1.6, 1.8, 1.6, 1.4, 1.1, 1, 1.1, 1.2, 1.4, 1.7, 2, 2, 1.5, 0.7, 0.1, 0],
  'school-absence': [0, 0, 0, 0, 0, 0, 0, 2, 9, 3, 0.5, 0.3, 0.2, 1, 0.5, 0.2, 0, 0, 0, 0, 0, 0, 0, 0],
  hotline: [0.1, 0.1, 0, 0, 0, 0.1, 0.3, 0.8, 2, 2.2, 2, 1.5, 1.1, 1.4, 1.8, 1.8, 1.5, 1.1, 1, 1, 0.8, 0.5, 0.3, 0.2],
}
// Sunday first.
const WEEKDAYS: Partial<Record<SourceKind, readonly number[]>> = {
  'hospital-outpatient': [0.72, 1.2, 1.08, 1.04, 1.02, 1.04, 0.9],
  'hospital-emergency': [1.12, 1, 0.96, 0.95, 0.96, 0.98, 1.08],
  laboratory: [0.75, 1.15, 1.08, 1.05, 1.03, 1.04, 0.85],
  pharmacy: [1.08, 0.98, 0.96, 0.97, 0.98, 1.01, 1.06],
  'school-absence': [0, 1.12, 1, 0.97, 0.96, 1.05, 0],
  hotline: [0.85, 1.1, 1.04, 1.02, 1, 1.02, 0.92],
}

/** Everyday cases a day per unit of a place's size, by source kind and syndrome; a missing pair is not reported. */
const EVERYDAY: Partial<Record<SourceKind, Partial<Record<Syndrome, number>>>> = {
  'hospital-outpatient': { respiratory: 0.055, diarrhoeal: 0.014, 'fever-rash': 0.005 },
  'hospital-emergency': { respiratory: 0.012, diarrhoeal: 0.005, 'fever-rash': 0.0015 },
  laboratory: { respiratory: 0.004, diarrhoeal: 0.0015, 'fever-rash': 0.0004 },
  pharmacy: { respiratory: 0.16, diarrhoeal: 0.05, 'fever-rash': 0.01 },
  'school-absence': { respiratory: 0.006, diarrhoeal: 0.0015, 'fever-rash': 0.0008 },
  hotline: { respiratory: 0.05, diarrhoeal: 0.02, 'fever-rash': 0.006 },
}
const SOURCES_OF_PLACE: Record<CityPlace['kind'], readonly SourceKind[]> = {
  station: [],
  hospital: ['hospital-outpatient', 'hospital-emergency', 'laboratory'],
  clinic: ['hospital-outpatient'],
  school: ['school-absence'],
  pharmacy: ['pharmacy'],
  centre: ['hotline'],
}
const SYNDROMES_COUNTED = ['respiratory', 'diarrhoeal', 'fever-rash'] as const
/** Negative-binomial size of a facility's daily count: variance mean + mean²/25. */
const NOISE_SIZE = 25

/** What a caller says, and what the city means by it. */
export interface Complaint {
  text: string
  syndrome: string
  weight: number
  /** Weights of level I to IV. */
  levels: readonly [number, number, number, number]
  /** Share of the patients who go to hospital. */
  transport: number
}

/** Everything a caller may say; the weights are invented, their order of size is that of a Chinese 120 centre. */
export const COMPLAINTS: readonly Complaint[] = [
  { text: '胸痛胸闷,出冷汗', syndrome: 'cardiac', weight: 10, levels: [2, 5, 3, 0], transport: 0.92 },
  { text: '心跳骤停,没有意识', syndrome: 'cardiac', weight: 2, levels: [10, 0, 0, 0], transport: 0.6 },
  { text: '发热咳嗽,呼吸困难', syndrome: 'respiratory', weight: 5, levels: [1, 4, 4, 1], transport: 0.88 },
  { text: '咳嗽气喘,喘不上气', syndrome: 'respiratory', weight: 4, levels: [1, 5, 4, 0], transport: 0.85 },
  { text: '腹泻呕吐,浑身无力', syndrome: 'diarrhoeal', weight: 4, levels: [0, 1, 6, 3], transport: 0.8 },
  { text: '发热伴皮疹,全身都是', syndrome: 'fever-rash', weight: 1, levels: [0, 1, 5, 4], transport: 0.75 },
  { text: '突然口角歪斜,一侧手脚无力', syndrome: 'neurological', weight: 8, levels: [2, 6, 2, 0], transport: 0.95 },
  { text: '抽搐,口吐白沫', syndrome: 'neurological', weight: 3, levels: [3, 5, 2, 0], transport: 0.85 },
  { text: '头晕站不稳', syndrome: 'neurological', weight: 8, levels: [0, 2, 5, 3], transport: 0.75 },
  { text: '车祸,腿部外伤出血', syndrome: 'trauma', weight: 14, levels: [1, 4, 4, 1], transport: 0.86 },
  { text: '老人摔伤,髋部疼痛', syndrome: 'trauma', weight: 13, levels: [0, 2, 6, 2], transport: 0.88 },
  { text: '高处坠落,多处受伤', syndrome: 'trauma', weight: 2, levels: [6, 4, 0, 0], transport: 0.9 },
  { text: '误服农药', syndrome: 'poisoning', weight: 1, levels: [4, 5, 1, 0], transport: 0.95 },
  { text: '煤气中毒,昏睡不醒', syndrome: 'poisoning', weight: 1, levels: [4, 5, 1, 0], transport: 0.95 },
  { text: '酒精中毒,叫不醒', syndrome: 'poisoning', weight: 7, levels: [0, 2, 5, 3], transport: 0.6 },
  { text: '剧烈腹痛', syndrome: 'other', weight: 8, levels: [0, 3, 6, 1], transport: 0.85 },
  { text: '快要分娩,羊水已破', syndrome: 'other', weight: 2, levels: [1, 6, 3, 0], transport: 0.98 },
  { text: '糖尿病人,浑身无力', syndrome: 'unknown', weight: 3, levels: [2, 6, 2, 0], transport: 0.88 },
]
const COMPLAINT_WEIGHTS = COMPLAINTS.map(one => one.weight)
const COMPLAINT_TOTAL = COMPLAINT_WEIGHTS.reduce((sum, weight) => sum + weight, 0)

const SURNAMES = [...'王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗']
const GIVEN = [...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉秀珍建国']
const ROADS_ZH = [
  '解放',
  '人民',
  '中山',
  '文化',
  '新华',
  '城北',
  '城南',
  '东升',
  '振兴',
  '友谊',
  '和平',
  '广益',
] as const
const AGE_BANDS = ['0-4', '5-14', '15-24', '25-59', '60+'] as const
const AGE_WEIGHTS = [5, 5, 8, 34, 48]

// ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const dayIndexOf = (at: number): number => Math.floor((at + SHANGHAI_MS) / DAY_MS)
const dayStartAt = (dayIndex: number): number => dayIndex * DAY_MS - SHANGHAI_MS
const formatDay = (dayIndex: number): string => new Date(dayIndex * DAY_MS).toISOString().slice(0, 10)
const formatHour = (dayIndex: number, hour: number): string => `${formatDay(dayIndex)}T${`${hour}`.padStart(2, '0')}`
/** 0 is Sunday; day 0 of the epoch was a Thursday. */
const weekdayOf = (dayIndex: number): number => (((dayIndex + 4) % 7) + 7) % 7

const schedule = (state: CityState, at: number, act: Agenda['act'], index: number, plan = 0): void => {
  const heap = state.agenda
  const item: Agenda = { at: Math.max(at, state.now), order: state.ordered++, act, index, plan }
  let slot = heap.length
  heap.push(item)
  while (slot > 0) {
    const parent = (slot - 1) >> 1
    if (!isBefore(item, heap[parent]!)) break
    heap[slot] = heap[parent]!
    slot = parent
  }
  heap[slot] = item
}

const isBefore = (a: Agenda, b: Agenda): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

const takeNext = (state: CityState): Agenda => {
  const heap = state.agenda
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let slot = 0
  for (;;) {
    let child = slot * 2 + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[slot] = heap[child]!
    slot = child
  }
  heap[slot] = last
  return top
}

// ── roads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const createScratch = (graph: RoadGraph): Scratch => ({
  seconds: new Float64Array(graph.lon.length),
  previous: new Int32Array(graph.lon.length),
  seen: new Int32Array(graph.lon.length),
  round: 0,
  heapKey: new Float64Array(graph.to.length + 1),
  heapNode: new Int32Array(graph.to.length + 1),
})

/** Traffic slows everyone without a siren in the two rush hours, and the siren's gain shrinks. */
const speedFactor = (siren: boolean, at: number): number => {
  const hour = Math.floor(((at + SHANGHAI_MS) % DAY_MS) / HOUR_MS)
  const rush = hour === 7 || hour === 8 || hour === 17 || hour === 18
  return siren ? SIREN * (rush ? 0.88 : 1) : rush ? 0.72 : 1
}

/** The factors on SPEED_KMH for each hour of a week from Monday 00:00, as a road pack publishes them. */
export const listHourFactors = (): { plain: number[]; siren: number[] } => {
  const hours = Array.from({ length: 168 }, (_, hour) => hour * HOUR_MS - SHANGHAI_MS)
  return { plain: hours.map(at => speedFactor(false, at)), siren: hours.map(at => speedFactor(true, at)) }
}

/** Dijkstra from a node; calls `settle` for each node in order of travel time until it returns true. */
const spread = (
  graph: RoadGraph,
  scratch: Scratch,
  source: number,
  factor: number,
  settle: (node: number, seconds: number) => boolean,
): void => {
  const { seconds, previous, seen, heapKey, heapNode } = scratch
  // Marks: 2r = reached, 2r+1 = settled in this round, so nothing has to be cleared between runs.
  const reached = ++scratch.round * 2
  let size = 0
  const push = (key: number, node: number): void => {
    let at = size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heapKey[parent]! <= key) break
      heapKey[at] = heapKey[parent]!
      heapNode[at] = heapNode[parent]!
      at = parent
    }
    heapKey[at] = key
    heapNode[at] = node
  }
  seconds[source] = 0
  previous[source] = -1
  seen[source] = reached
  push(0, source)
  while (size > 0) {
    const node = heapNode[0]!
    size--
    const lastKey = heapKey[size]!
    const lastNode = heapNode[size]!
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && heapKey[child + 1]! < heapKey[child]!) child++
      if (heapKey[child]! >= lastKey) break
      heapKey[at] = heapKey[child]!
      heapNode[at] = heapNode[child]!
      at = child
    }
    heapKey[at] = lastKey
    heapNode[at] = lastNode
    if (seen[node] === reached + 1) continue
    seen[node] = reached + 1
    const here = seconds[node]!
    if (settle(node, here)) return
    for (let arc = graph.first[node]!; arc < graph.first[node + 1]!; arc++) {
      const other = graph.to[arc]!
      if (seen[other] === reached + 1) continue
      const next = here + (graph.lengthM[arc]! * 3.6) / (SPEED_KMH[graph.roadClass[arc]!]! * factor)
      if (seen[other] !== reached || next < seconds[other]!) {
        seconds[other] = next
        previous[other] = node
        seen[other] = reached
        push(next, other)
      }
    }
  }
}

/** Nodes from one node to another on the fastest way, both included; undefined when there is none. */
export const findRoute = (state: CityState, from: number, to: number, siren: boolean): number[] | undefined => {
  const factor = speedFactor(siren, state.now)
  let found = false
  // Spread from the goal: the chain of predecessors then already runs in driving order.
  spread(state.city.graph, state.scratch, to, factor, node => (found = node === from))
  if (!found) return undefined
  const nodes: number[] = []
  for (let node = from; node >= 0; node = state.scratch.previous[node]!) nodes.push(node)
  return nodes
}

const metresBetween = (lonA: number, latA: number, lonB: number, latB: number): number =>
  Math.hypot((lonA - lonB) * 111_195 * Math.cos((latA * Math.PI) / 180), (latA - latB) * 111_195)

const arcSpeed = (graph: RoadGraph, from: number, to: number): number => {
  for (let arc = graph.first[from]!; arc < graph.first[from + 1]!; arc++) {
    if (graph.to[arc] === to) return SPEED_KMH[graph.roadClass[arc]!]!
  }
  return SPEED_KMH[3]
}

interface Sight {
  lon: number
  lat: number
  speedKmh: number
  courseDeg: number
  /** Node it will reach next (or stands on). */
  ahead: number
  /** Milliseconds until it is there. */
  aheadMs: number
}

const lookAt = (unit: LivingUnit, at: number): Sight => {
  const leg = unit.leg
  if (!leg || at >= leg.at[leg.at.length - 1]!) {
    const node = leg ? leg.node[leg.node.length - 1]! : unit.node
    const lon = leg ? leg.lon[leg.lon.length - 1]! : unit.lon
    const lat = leg ? leg.lat[leg.lat.length - 1]! : unit.lat
    return { lon, lat, speedKmh: 0, courseDeg: 0, ahead: node, aheadMs: 0 }
  }
  let low = 0
  let high = leg.at.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (leg.at[middle]! <= at) low = middle
    else high = middle
  }
  const span = leg.at[high]! - leg.at[low]!
  const t = span > 0 ? Math.max(0, (at - leg.at[low]!) / span) : 0
  const east = (leg.lon[high]! - leg.lon[low]!) * Math.cos((leg.lat[low]! * Math.PI) / 180)
  const north = leg.lat[high]! - leg.lat[low]!
  const metres = metresBetween(leg.lon[low]!, leg.lat[low]!, leg.lon[high]!, leg.lat[high]!)
  return {
    lon: leg.lon[low]! + (leg.lon[high]! - leg.lon[low]!) * t,
    lat: leg.lat[low]! + (leg.lat[high]! - leg.lat[low]!) * t,
    speedKmh: span > 0 ? (metres / span) * 3_600 : 0,
    courseDeg: ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360,
    ahead: leg.node[high]!,
    aheadMs: leg.at[high]! - at,
  }
}

/** Where a unit is at the state's now, WGS-84, without the noise of a receiver. */
export const locateUnit = (state: CityState, unitId: string): { lon: number; lat: number } | undefined => {
  const unit = state.unitById.get(unitId)
  if (!unit) return undefined
  const sight = lookAt(unit, state.now)
  return { lon: sight.lon, lat: sight.lat }
}

const drive = (state: CityState, unit: LivingUnit, to: number, siren: boolean, heading: Heading): void => {
  const { graph } = state.city
  const sight = lookAt(unit, state.now)
  const nodes = findRoute(state, sight.ahead, to, siren) ?? [sight.ahead]
  const factor = speedFactor(siren, state.now)
  const count = Math.min(nodes.length, ROUTE_POINTS_MAX) + 1
  const leg: Leg = {
    lon: new Float64Array(count),
    lat: new Float64Array(count),
    at: new Float64Array(count),
    node: new Int32Array(count),
  }
  leg.lon[0] = sight.lon
  leg.lat[0] = sight.lat
  leg.at[0] = state.now
  leg.node[0] = sight.ahead
  let at = state.now + sight.aheadMs
  for (let i = 0; i + 1 < count; i++) {
    const node = nodes[i]!
    if (i > 0) {
      const before = nodes[i - 1]!
      const metres = metresBetween(graph.lon[before]!, graph.lat[before]!, graph.lon[node]!, graph.lat[node]!)
      at += (metres * 3_600) / (arcSpeed(graph, before, node) * factor)
    }
    leg.lon[i + 1] = graph.lon[node]!
    leg.lat[i + 1] = graph.lat[node]!
    leg.at[i + 1] = at
    leg.node[i + 1] = node
  }
  unit.leg = leg
  unit.heading = heading
  unit.placeId = undefined
  unit.plan++
  schedule(state, Math.ceil(at), 'arrive', unit.index, unit.plan)
  // The first fix of a drive comes at once, so the map shows the start.
  unit.fixPlan++
  schedule(state, state.now, 'fix', unit.index, unit.fixPlan)
}

const park = (state: CityState, unit: LivingUnit): void => {
  const sight = lookAt(unit, state.now)
  unit.lon = sight.lon
  unit.lat = sight.lat
  unit.node = sight.ahead
  unit.leg = undefined
  unit.heading = 'none'
}

// ── the everyday counts ───────────────────────────────────────────────────────────────────────────────────────────

const seasonOf = (syndrome: Syndrome, dayIndex: number): number => {
  const yearly = (2 * Math.PI * (dayIndex % 365)) / 365
  if (syndrome === 'respiratory') return 1 + 0.2 * Math.cos(yearly - 0.25)
  if (syndrome === 'diarrhoeal') return 1 - 0.2 * Math.cos(yearly - 0.4)
  return 1
}

/** Sorted instants of a ledger's everyday cases on one day; a pure function of seed, ledger and day. */
const drawDay = (
  chance: Chance,
  place: CityPlace,
  sourceKind: SourceKind,
  syndrome: Syndrome,
  dayIndex: number,
): Float64Array => {
  const county = place.region.slice(0, 6)
  const weather = chance.fork('weather', county, syndrome, dayIndex).logNormal(1, 0.04)
  const mean =
    place.size *
    (EVERYDAY[sourceKind]?.[syndrome] ?? 0) *
    WEEKDAYS[sourceKind]![weekdayOf(dayIndex)]! *
    seasonOf(syndrome, dayIndex) *
    weather
  const own = chance.fork('count', place.id, sourceKind, syndrome, dayIndex)
  const count = own.negativeBinomial(mean, NOISE_SIZE)
  const hours = HOURS_OF_SOURCE[sourceKind]!
  const start = dayStartAt(dayIndex)
  const times = new Float64Array(count)
  for (let i = 0; i < count; i++) times[i] = Math.floor(start + (own.weighted(hours) + own.next()) * HOUR_MS)
  return times.sort()
}

/** How many of the sorted instants lie in [from, to). */
const countBetween = (times: Float64Array, from: number, to: number): number => {
  const lowerBound = (value: number): number => {
    let low = 0
    let high = times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (times[middle]! < value) low = middle + 1
      else high = middle
    }
    return low
  }
  return Math.max(0, lowerBound(to) - lowerBound(from))
}

const denominatorOf = (ledger: Pick<Ledger, 'place' | 'sourceKind'>, dayIndex: number): number | undefined => {
  if (ledger.sourceKind === 'school-absence')
    return WEEKDAYS['school-absence']![weekdayOf(dayIndex)]! > 0 ? ledger.place.size : 0
  return undefined
}

const tellCount = (ledger: Ledger, at: number, dayIndex: number, period: string, count: number): CityEvent => {
  const enrolled = denominatorOf(ledger, dayIndex)
  return {
    kind: 'count.reported',
    at,
    from: ledger.place.id,
    body: {
      sourceKind: ledger.sourceKind,
      facilityId: ledger.place.id,
      syndrome: ledger.syndrome,
      regionCode: ledger.place.region,
      period,
      count,
      // An absence never exceeds the roll, also on an outbreak day.
      ...(enrolled === undefined ? {} : { denominator: Math.max(enrolled, count) }),
    },
  }
}

const createLedgers = (city: City): Ledger[] => {
  const ledgers: Ledger[] = []
  for (const place of [...city.hospitals, ...city.facilities, ...city.centres.slice(1)]) {
    for (const sourceKind of SOURCES_OF_PLACE[place.kind]) {
      for (const syndrome of SYNDROMES_COUNTED) {
        ledgers.push({
          place,
          sourceKind,
          syndrome,
          today: new Float64Array(0),
          excess: new Float64Array(0),
          told: -1,
        })
      }
    }
  }
  return ledgers
}

/** Share of the calls that carry a syndrome. */
const callShareOf = (syndrome: string): number => {
  let weight = 0
  for (const complaint of COMPLAINTS) if (complaint.syndrome === syndrome) weight += complaint.weight
  return weight / COMPLAINT_TOTAL
}

// Consultations, nuisance calls and hang-ups carry no complaint; runs and repeats do.
const CALLS_WITH_COMPLAINT = OUTCOME_WEIGHTS[0]! + OUTCOME_WEIGHTS[1]!

/** What 120 heard on a past day in each county, told as one count by the centre. */
function* tellPastCalls(state: CityState, dayIndex: number, dayShare: number, at: number): Generator<CityEvent> {
  const centre = state.city.centres[0]!
  const total = state.city.regions[0]!.population
  for (const county of state.city.regions) {
    if (county.level !== 'county') continue
    for (const syndrome of SYNDROMES_COUNTED) {
      const mean =
        state.options.callsPerDay *
        CALLS_WITH_COMPLAINT *
        callShareOf(syndrome) *
        dayShare *
        (county.population / total)
      const own = state.chance.fork('past-calls', county.code, syndrome, dayIndex)
      yield {
        kind: 'count.reported',
        at,
        from: centre.id,
        body: {
          sourceKind: 'call-120',
          facilityId: centre.id,
          syndrome,
          regionCode: county.code,
          period: formatDay(dayIndex),
          count: own.negativeBinomial(mean, 60),
        },
      }
    }
  }
}

/**
 * Tells the history before the city's start, oldest first: daily counts of `days` whole days, hourly emergency counts
 * of the last `hourlyDays` of them, and the calls that 120 heard today before the start. Every figure is explicit,
 * zeros included. The 120 calls of the past are told as counts of the centre.
 */
export function* tellHistory(state: CityState, days: number, hourlyDays = 0): Generator<CityEvent> {
  const today = dayIndexOf(state.startAt)
  for (let dayIndex = today - days; dayIndex < today; dayIndex++) {
    const at = dayStartAt(dayIndex + 1)
    for (const ledger of state.ledgers) {
      const times = drawDay(state.chance, ledger.place, ledger.sourceKind, ledger.syndrome, dayIndex)
      if (ledger.sourceKind === 'hospital-emergency' && dayIndex >= today - hourlyDays) {
        for (let hour = 0; hour < 24; hour++) {
          const from = dayStartAt(dayIndex) + hour * HOUR_MS
          const count = countBetween(times, from, from + HOUR_MS)
          yield tellCount(ledger, from + HOUR_MS, dayIndex, formatHour(dayIndex, hour), count)
        }
      }
      yield tellCount(ledger, at, dayIndex, formatDay(dayIndex), times.length)
    }
    yield* tellPastCalls(state, dayIndex, 1, at)
  }
  const hours = HOUR_OF_CALLS.reduce((sum, weight) => sum + weight, 0)
  const gone = (state.startAt - dayStartAt(today)) / HOUR_MS
  let share = 0
  for (let hour = 0; hour < gone; hour++) share += (HOUR_OF_CALLS[hour]! * Math.min(1, gone - hour)) / hours
  yield* tellPastCalls(state, today, share, state.startAt)
  for (const ledger of state.ledgers) {
    if (ledger.sourceKind !== 'hospital-emergency' || hourlyDays === 0) continue
    for (let hour = 0; hour + 1 <= gone; hour++) {
      const from = dayStartAt(today) + hour * HOUR_MS
      const count = countBetween(ledger.today, from, from + HOUR_MS)
      yield tellCount(ledger, from + HOUR_MS, today, formatHour(today, hour), count)
    }
  }
}

/** Tells who is who: regions, places and units, as an administrator would register them. */
export function* tellRegister(city: City, at: number): Generator<CityEvent> {
  yield {
    kind: 'region.published',
    at,
    from: 'city',
    body: {
      version: 1,
      regions: city.regions.map(({ polygon: _, ...region }) => region),
    },
  }
  for (const place of [...city.stations, ...city.hospitals, ...city.facilities, ...city.centres]) {
    yield {
      kind: 'place.registered',
      at,
      from: 'city',
      body: {
        placeId: place.id,
        placeKind: place.kind,
        name: place.name,
        nameEn: place.nameEn,
        regionCode: place.region,
        lon: place.lon,
        lat: place.lat,
      },
    }
  }
  const capabilities: Record<CityUnit['class'], string[]> = {
    A: ['transport'],
    B: ['transport', 'monitor', 'defibrillator', 'ventilator', 'als'],
    C: ['transport', 'monitor', 'defibrillator', 'ventilator', 'als', 'isolation'],
    D: ['transport', 'monitor', 'special'],
  }
  for (const unit of city.units) {
    yield {
      kind: 'unit.registered',
      at,
      from: 'city',
      body: {
        unitId: unit.id,
        name: unit.callSign,
        plate: unit.plate,
        unitClass: unit.class,
        capabilities: capabilities[unit.class],
        stationId: unit.stationId,
        regionCode: unit.region,
        baseIds: listBases(city, unit.stationId),
      },
    }
  }
  for (const [index, hospital] of city.hospitals.entries()) {
    yield {
      kind: 'hospital.stateReported',
      at,
      from: 'city',
      body: {
        placeId: hospital.id,
        edState: index % 5 === 3 ? 'busy' : 'open',
        edPatients: 18 + ((index * 7) % 20),
        edCapacity: 30,
        offloadMin: 4 + ((index * 3) % 12),
        services: ['emergency', ...HOSPITAL_SERVICES.filter((_, at) => index === 0 || (at + index) % 3 !== 0)],
      },
    }
  }
}

/** Services the hospitals of the city share out; the first has all of them. */
const HOSPITAL_SERVICES = [
  'chest-pain',
  'stroke',
  'trauma',
  'obstetric',
  'paediatric',
  'poisoning',
  'isolation',
] as const
/** Other stations a unit may be sent to stand at: the nearest. */
const BASES_MAX = 2

/** The stations nearest to a unit's own, nearest first. */
function listBases(city: City, stationId: string): string[] {
  const home = city.stations.find(({ id }) => id === stationId)
  if (!home) return []
  const squared = ({ lon, lat }: { lon: number; lat: number }) => (lon - home.lon) ** 2 + (lat - home.lat) ** 2
  return city.stations
    .filter(({ id }) => id !== stationId)
    .sort((a, b) => squared(a) - squared(b) || (a.id < b.id ? -1 : 1))
    .slice(0, BASES_MAX)
    .map(({ id }) => id)
}

// ── planted outbreaks ─────────────────────────────────────────────────────────────────────────────────────────────

const plantOutbreaks = (state: CityState): void => {
  const { city, scenario, options } = state
  const excess = new Map<Ledger, number[]>()
  for (const [number, outbreak] of scenario.outbreaks.entries()) {
    if (outbreak.cases > CASES_MAX) throw new RangeError(`an outbreak has at most ${CASES_MAX} cases`)
    const chance = state.chance.fork('outbreak', scenario.id, number)
    const inCounty = city.streets
      .map((street, index) => ({ street, index }))
      .filter(({ street }) => street.parentCode === outbreak.county)
    if (inCounty.length === 0) throw new RangeError(`county ${outbreak.county} is not in the city`)
    const focus = inCounty.filter(({ street }) => outbreak.focusStreets.includes(street.code))
    const weights = outbreak.curve.map(piece => piece.weight)
    for (let n = 0; n < outbreak.cases; n++) {
      const piece = chance.weighted(weights)
      const fromH = piece > 0 ? outbreak.curve[piece - 1]!.untilH : 0
      const onsetH = outbreak.startsAfterH + chance.range(fromH, outbreak.curve[piece]!.untilH)
      const streets = focus.length > 0 && chance.next() < outbreak.focusShare ? focus : inCounty
      const home = streets[chance.weighted(streets.map(({ street }) => street.population))]!
      for (const source of outbreak.sources) {
        if (chance.next() >= source.share) continue
        const seenH = onsetH + source.lagH * chance.logNormal(1, 0.4)
        const at = Math.floor(state.startAt + (seenH * HOUR_MS) / options.outbreakPace)
        // No roll is called on a day without school.
        if (source.sourceKind === 'school-absence' && WEEKDAYS['school-absence']![weekdayOf(dayIndexOf(at))] === 0)
          continue
        if (source.sourceKind === 'call-120') {
          state.excessCalls.push({ at, syndrome: outbreak.syndrome, street: home.index })
          continue
        }
        const ledgers = state.ledgers.filter(
          ledger =>
            ledger.sourceKind === source.sourceKind &&
            ledger.syndrome === outbreak.syndrome &&
            ledger.place.region.startsWith(outbreak.county),
        )
        if (ledgers.length === 0) continue
        // A patient goes where he lives when he can, and to a large house rather than a small one.
        const ledger =
          ledgers[
            chance.weighted(ledgers.map(one => one.place.size * (one.place.region === home.street.code ? 6 : 1)))
          ]!
        const times = excess.get(ledger)
        if (times) times.push(at)
        else excess.set(ledger, [at])
      }
    }
  }
  for (const [ledger, times] of excess) ledger.excess = Float64Array.from(times).sort()
  state.excessCalls.sort((a, b) => a.at - b.at)
  state.excessCalls.forEach((call, index) => {
    schedule(state, call.at, 'excess-call', index)
  })
}

// ── start ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Calls of a day by the shape of it. */
export const countDayCalls = (day: DayShape): number =>
  (day.population * day.runsPerThousandYear * day.callsPerRun) / 1_000 / 365

const plantBursts = (state: CityState): void => {
  for (const [number, burst] of (state.scenario.bursts ?? []).entries()) {
    const chance = state.chance.fork('burst', state.scenario.id, number)
    const street = state.city.streets.findIndex(one => burst.streets.includes(one.code))
    if (street < 0) throw new RangeError(`no street of burst ${number} is in the city`)
    for (const [at, count] of burst.casualties.entries()) {
      for (let n = 0; n < count; n++) {
        const level = (at + 1) as 1 | 2 | 3 | 4
        const afterMs = chance.range(0, burst.overMinutes * 60_000)
        state.burstCalls.push({ at: Math.floor(state.startAt + burst.atH * HOUR_MS + afterMs), street, level })
      }
    }
  }
  state.burstCalls.sort((a, b) => a.at - b.at)
  state.burstCalls.forEach((call, index) => {
    schedule(state, call.at, 'burst-call', index)
  })
}

/** Wakes a city at an instant: units in their stations, counters at the day so far, outbreaks planted. */
export const startCity = (given: CityOptions): CityState => {
  const { city, chance, scenario, startAt } = given
  const run = Math.floor(startAt / 1000)
    .toString(36)
    .toUpperCase()
  const state: CityState = {
    city,
    chance: chance.fork('living'),
    scenario,
    options: {
      callsPerDay: given.callsPerDay ?? (scenario.day ? countDayCalls(scenario.day) : 1_100),
      firstCallMs: given.firstCallMs ?? Number.MAX_SAFE_INTEGER,
      manualShare: given.manualShare ?? 0.15,
      patrolShare: given.patrolShare ?? 0.5,
      dwellFactor: given.dwellFactor ?? 1,
      outbreakPace: given.outbreakPace ?? 1,
      fixEveryMs: given.fixEveryMs ?? 5_000,
      parkedFixEveryMs: given.parkedFixEveryMs ?? 30_000,
      vitalsEveryMs: given.vitalsEveryMs ?? 5_000,
      reportEveryMs: given.reportEveryMs ?? 15 * 60_000,
      cardsPerDay: given.cardsPerDay ?? 40,
    },
    startAt,
    now: startAt,
    run,
    units: [],
    unitById: new Map(),
    incidents: new Map(),
    incidentIds: [],
    calls: [],
    cardCount: 0,
    stations: new Map(city.stations.map(station => [station.id, station])),
    ledgers: createLedgers(city),
    reporters: [],
    dayIndex: dayIndexOf(startAt),
    excessCalls: [],
    burstCalls: [],
    agenda: [],
    ordered: 0,
    scratch: createScratch(city.graph),
  }
  for (const [index, unit] of city.units.entries()) {
    const living: LivingUnit = {
      unit,
      index,
      status: 'idle',
      heading: 'none',
      incidentId: undefined,
      leg: undefined,
      node: unit.node,
      lon: city.graph.lon[unit.node]!,
      lat: city.graph.lat[unit.node]!,
      placeId: unit.stationId,
      plan: 0,
      fixPlan: 0,
      vitals: undefined,
    }
    state.units.push(living)
    state.unitById.set(unit.id, living)
    // Everyone is on the map within two seconds; after that each keeps his own beat.
    schedule(state, startAt + Math.floor((2_000 * index) / city.units.length), 'fix', index, 0)
    const own = state.chance.fork('first-patrol', unit.id)
    const waits = own.next() < state.options.patrolShare ? own.range(0, 8_000) : own.exponential(restMeanMs(state))
    schedule(state, Math.floor(startAt + waits), 'patrol', index, 0)
  }
  for (const ledger of state.ledgers) {
    ledger.today = drawDay(state.chance, ledger.place, ledger.sourceKind, ledger.syndrome, state.dayIndex)
  }
  plantOutbreaks(state)
  plantBursts(state)
  const byPlace = new Map<string, Ledger[]>()
  for (const ledger of state.ledgers) {
    const list = byPlace.get(ledger.place.id)
    if (list) list.push(ledger)
    else byPlace.set(ledger.place.id, [ledger])
  }
  for (const [placeId, ledgers] of byPlace) state.reporters.push({ placeId, ledgers })
  state.reporters.forEach((_, index) => {
    // First the day so far from everyone, spread over two seconds, then each in its own turn.
    schedule(state, startAt + Math.floor((2_000 * index) / state.reporters.length), 'report', index)
  })
  schedule(state, Math.min(nextCallAt(state, 0), startAt + state.options.firstCallMs), 'call', 0)
  if (state.options.cardsPerDay > 0) {
    schedule(state, nextCardAt(state), 'card', 0)
  }
  const nextHour = (Math.floor((startAt + SHANGHAI_MS) / HOUR_MS) + 1) * HOUR_MS - SHANGHAI_MS
  schedule(state, nextHour, 'hour', 0)
  return state
}

const nextCallAt = (state: CityState, number: number): number => {
  // Thinning: candidates at the peak rate, each kept with the hour's share of it.
  const own = state.chance.fork('next-call', number)
  const hours = state.scenario.day?.hours ?? HOUR_OF_CALLS
  const peak = Math.max(...hours)
  const perMs = ((state.options.callsPerDay / DAY_MS) * peak * 24) / hours.reduce((a, b) => a + b, 0)
  let at = state.now
  for (;;) {
    at += own.exponential(1 / perMs)
    const hour = Math.floor(((at + SHANGHAI_MS) % DAY_MS) / HOUR_MS)
    if (own.next() * peak < hours[hour]!) return Math.ceil(at)
  }
}

const nextCardAt = (state: CityState): number =>
  Math.ceil(state.now + state.chance.fork('next-card', state.cardCount).exponential(DAY_MS / state.options.cardsPerDay))

/** Mean rest in the station so that `patrolShare` of the idle units are out: a drive and stop take about 14 minutes. */
const restMeanMs = (state: CityState): number => {
  const share = Math.min(0.95, Math.max(0.001, state.options.patrolShare))
  return (14 * 60_000 * (1 - share)) / share
}

const dwellMs = (state: CityState, chance: Chance, medianS: number, sigma: number): number =>
  Math.ceil(chance.logNormal(medianS, sigma) * 1000 * state.options.dwellFactor)

// ── calls and the desk ────────────────────────────────────────────────────────────────────────────────────────────

const nameSomebody = (chance: Chance): string =>
  chance.pick(SURNAMES) + chance.pick(GIVEN) + (chance.next() < 0.7 ? chance.pick(GIVEN) : '')
// 1390000xxxx: a block of made-up subscriber numbers, enough for a demonstration.
const numberSomebody = (chance: Chance): string => `1390000${`${chance.int(10_000)}`.padStart(4, '0')}`

const drawOutcome = (chance: Chance): Call['outcome'] =>
  (['incident', 'repeat', 'consultation', 'harassment', 'abandoned'] as const)[chance.weighted(OUTCOME_WEIGHTS)]!

const hourOf = (at: number): number => Math.floor(((at + SHANGHAI_MS) % DAY_MS) / HOUR_MS)

/** By the shape of the day where there is one, else by the complaint. */
const drawLevel = (state: CityState, chance: Chance, complaint: Complaint): 1 | 2 | 3 | 4 => {
  const shares = state.scenario.day?.levelShares[Math.floor(hourOf(state.now) / 6)] ?? complaint.levels
  return (chance.weighted(shares) + 1) as 1 | 2 | 3 | 4
}

const takeCall = (
  state: CityState,
  chance: Chance,
  streetIndex: number,
  complaint: Complaint,
  outcome: Call['outcome'],
  given?: 1 | 2 | 3 | 4,
): CityEvent[] => {
  const { city } = state
  const street = city.streets[streetIndex]!
  const nodes = city.streetNodes[streetIndex]!
  const node = nodes[chance.int(nodes.length)]!
  // The address lies up to 90 m off the road node where the ambulance will stop.
  const lon = city.graph.lon[node]! + chance.range(-0.0009, 0.0009)
  const lat = city.graph.lat[node]! + chance.range(-0.0008, 0.0008)
  const index = state.calls.length
  const call: Call = {
    callId: `CALL-${state.run}-${`${index + 1}`.padStart(5, '0')}`,
    region: street.code,
    node,
    lon: Math.round(lon * 1e6) / 1e6,
    lat: Math.round(lat * 1e6) / 1e6,
    level: given ?? drawLevel(state, chance, complaint),
    complaint,
    outcome,
    addressText: `${street.name}${chance.pick(ROADS_ZH)}路${1 + chance.int(400)}号`,
  }
  state.calls.push(call)
  const told = outcome === 'incident' || outcome === 'repeat'
  const event: CityEvent = {
    kind: 'call.received',
    at: state.now,
    from: city.centres[0]!.id,
    body: {
      callId: call.callId,
      regionCode: call.region,
      ...(told ? { lon: call.lon, lat: call.lat, level: call.level } : {}),
      ageBand: told ? AGE_BANDS[chance.weighted(AGE_WEIGHTS)]! : 'unknown',
      sex: told ? (chance.next() < 0.52 ? 'male' : 'female') : 'unknown',
      callerNumber: numberSomebody(chance),
      ...(told
        ? { callerName: nameSomebody(chance), addressText: call.addressText, complaintText: complaint.text }
        : {}),
    },
  }
  const talkMs = dwellMs(state, chance, told ? 45 : 30, 0.35)
  schedule(state, state.now + talkMs, 'open', index)
  // The simulation's desk leaves people at the console time to be first; on a scenario's own day it is as quick as a good one.
  const answerShare = state.scenario.day ? 0.15 : 0.8
  if (outcome !== 'abandoned') schedule(state, state.now + Math.ceil(talkMs * answerShare), 'answer', index)
  return [event]
}

const openIncident = (state: CityState, index: number): CityEvent[] => {
  const call = state.calls[index]!
  const centre = state.city.centres[0]!.id
  const events: CityEvent[] = []
  const isRun = call.outcome === 'incident' && state.incidents.size < OPEN_INCIDENTS_MAX
  if (isRun) {
    const chance = state.chance.fork('incident', index)
    const incident: LivingIncident = {
      incidentId: `INC-${state.run}-${`${index + 1}`.padStart(5, '0')}`,
      callId: call.callId,
      node: call.node,
      lon: call.lon,
      lat: call.lat,
      level: call.level,
      region: call.region,
      manual: chance.next() < state.options.manualShare,
      unitIds: [],
      transported: chance.next() < call.complaint.transport,
      served: false,
      openedAt: state.now,
    }
    state.incidents.set(incident.incidentId, incident)
    const slot = state.incidentIds.push(incident.incidentId) - 1
    events.push({
      kind: 'incident.opened',
      at: state.now,
      from: 'desk',
      body: {
        incidentId: incident.incidentId,
        callIds: [call.callId],
        level: call.level,
        regionCode: call.region,
        lon: call.lon,
        lat: call.lat,
        complaintText: call.complaint.text,
        addressText: call.addressText,
      },
    })
    if (!incident.manual) schedule(state, state.now + dwellMs(state, chance, 9, 0.4), 'assign', slot)
  }
  events.push({
    kind: 'call.ended',
    at: state.now,
    from: centre,
    body: { callId: call.callId, outcome: isRun ? 'incident' : call.outcome === 'incident' ? 'other' : call.outcome },
  })
  return events
}

const isFit = (unit: CityUnit, level: number): boolean =>
  unit.class !== 'D' && (level > 2 || unit.class === 'B' || unit.class === 'C')

/** The desk of the simulation: nearest fitting idle or returning unit by road time. */
const assignUnit = (state: CityState, slot: number): CityEvent[] => {
  const incident = state.incidents.get(state.incidentIds[slot]!)
  if (!incident || incident.served || incident.unitIds.length > 0) return []
  const standing = new Map<number, LivingUnit[]>()
  for (const unit of state.units) {
    if ((unit.status !== 'idle' && unit.status !== 'returning') || !isFit(unit.unit, incident.level)) continue
    const node = lookAt(unit, state.now).ahead
    const list = standing.get(node)
    if (list) list.push(unit)
    else standing.set(node, [unit])
  }
  let chosen: LivingUnit | undefined
  spread(state.city.graph, state.scratch, incident.node, speedFactor(true, state.now), node => {
    chosen = standing.get(node)?.[0]
    return chosen !== undefined
  })
  if (!chosen) {
    schedule(state, state.now + RETRY_MS, 'assign', slot)
    return []
  }
  takeOrder(state, chosen, incident)
  return [
    {
      kind: 'incident.unitAssigned',
      at: state.now,
      from: 'desk',
      body: { incidentId: incident.incidentId, unitId: chosen.unit.id },
    },
  ]
}

const takeOrder = (state: CityState, unit: LivingUnit, incident: LivingIncident): void => {
  unit.status = 'ordered'
  unit.incidentId = incident.incidentId
  incident.unitIds.push(unit.unit.id)
  unit.plan++
  // A unit on the road keeps its way until the crew has read the order.
  const chance = state.chance.fork('turnout', incident.incidentId, unit.unit.id)
  const median = unit.leg ? 20 : 75
  schedule(state, state.now + dwellMs(state, chance, median, 0.35), 'roll', unit.index, unit.plan)
}

/**
 * Obeys an assignment that a human made in the server's world. Returns false, changing nothing, when the unit is not in
 * the city or already has a task that cannot be left (it is busy with another incident).
 */
export const obeyOrder = (state: CityState, order: Order): boolean => {
  const unit = state.unitById.get(order.unitId)
  if (!unit) return false
  if (unit.incidentId === order.incidentId) return true
  if (unit.status !== 'idle' && unit.status !== 'returning') return false
  let incident = state.incidents.get(order.incidentId)
  if (!incident) {
    let node = 0
    let best = Number.POSITIVE_INFINITY
    const { graph } = state.city
    for (let other = 0; other < graph.lon.length; other++) {
      const metres = metresBetween(graph.lon[other]!, graph.lat[other]!, order.lon, order.lat)
      if (graph.street[other]! >= 0 && metres < best) {
        best = metres
        node = other
      }
    }
    incident = {
      incidentId: order.incidentId,
      callId: '',
      node,
      lon: order.lon,
      lat: order.lat,
      level: Math.min(4, Math.max(1, Math.round(order.level))) as 1 | 2 | 3 | 4,
      region: state.city.streets[graph.street[node]!]!.code,
      manual: true,
      unitIds: [],
      transported: true,
      served: false,
      openedAt: state.now,
    }
    state.incidents.set(incident.incidentId, incident)
    state.incidentIds.push(incident.incidentId)
  }
  takeOrder(state, unit, incident)
  return true
}

/**
 * Takes an order back: the server refused it, or a human released the unit. The crew turns round unless a patient is on
 * board; an incident of the simulation's own desk goes back to its queue.
 */
export const withdrawOrder = (state: CityState, unitId: string, incidentId: string): CityEvent[] => {
  const unit = state.unitById.get(unitId)
  if (!unit || unit.incidentId !== incidentId) return []
  if (unit.status !== 'ordered' && unit.status !== 'rolling' && unit.status !== 'on-scene') return []
  const wasOut = unit.status !== 'ordered'
  const incident = state.incidents.get(incidentId)
  if (incident) {
    incident.unitIds = incident.unitIds.filter(id => id !== unitId)
    const slot = state.incidentIds.lastIndexOf(incidentId)
    if (!incident.manual && incident.unitIds.length === 0) schedule(state, state.now + RETRY_MS, 'assign', slot)
  }
  unit.incidentId = undefined
  unit.plan++
  if (!wasOut && unit.placeId !== undefined) {
    unit.status = 'idle'
    schedule(state, state.now + RETRY_MS, 'patrol', unit.index, unit.plan)
    return []
  }
  unit.status = 'returning'
  drive(state, unit, state.stations.get(unit.unit.stationId)!.node, false, 'station')
  return [tellStatus(state, unit, 'auto')]
}

/** Forgets an incident that a human closed; its unit, if still on the way, turns round. */
export const endIncident = (state: CityState, incidentId: string): CityEvent[] => {
  const incident = state.incidents.get(incidentId)
  if (!incident) return []
  state.incidents.delete(incidentId)
  return incident.unitIds.flatMap(unitId => withdrawOrder(state, unitId, incidentId))
}

// ── units at work ─────────────────────────────────────────────────────────────────────────────────────────────────

const tellStatus = (state: CityState, unit: LivingUnit, by: 'key' | 'gps' | 'auto'): CityEvent => ({
  kind: 'unit.status',
  at: state.now,
  from: unit.unit.id,
  body: {
    unitId: unit.unit.id,
    status: unit.status,
    ...(unit.incidentId === undefined ? {} : { incidentId: unit.incidentId }),
    ...(unit.placeId === undefined ? {} : { placeId: unit.placeId }),
    by,
  },
})

const tellFix = (state: CityState, unit: LivingUnit): CityEvent => {
  const sight = lookAt(unit, state.now)
  const chance = state.chance.fork('fix', unit.unit.id, state.now)
  const moving = sight.speedKmh > 0
  // A receiver wanders: about 3 m on the road, 1 m when it stands.
  const sigma = moving ? 3 : 1
  const lat = sight.lat + (chance.normal() * sigma) / 111_195
  const lon = sight.lon + (chance.normal() * sigma) / (111_195 * Math.cos((sight.lat * Math.PI) / 180))
  return {
    kind: 'unit.position',
    at: state.now,
    from: unit.unit.id,
    body: {
      unitId: unit.unit.id,
      lon: Math.round(lon * 1e6) / 1e6,
      lat: Math.round(lat * 1e6) / 1e6,
      speedKmh: Math.round(sight.speedKmh * 10) / 10,
      ...(moving ? { courseDeg: Math.round(sight.courseDeg) } : {}),
      accuracyM: Math.round(chance.range(2, 8)),
    },
  }
}

const tellVitals = (state: CityState, unit: LivingUnit): CityEvent => {
  const chance = state.chance.fork('vitals', unit.unit.id, state.now)
  const vitals = unit.vitals!
  const drift = (value: number, home: number, sigma: number): number =>
    value + 0.1 * (home - value) + sigma * chance.normal()
  vitals.hr = Math.min(190, Math.max(35, drift(vitals.hr, 88, 2)))
  vitals.spo2 = Math.min(100, Math.max(70, drift(vitals.spo2, 96, 0.5)))
  vitals.rr = Math.min(45, Math.max(6, drift(vitals.rr, 18, 0.7)))
  vitals.sbp = Math.min(220, Math.max(60, drift(vitals.sbp, 128, 2)))
  vitals.tempC = Math.min(41, Math.max(35, drift(vitals.tempC, 36.9, 0.03)))
  return {
    kind: 'unit.vitals',
    at: state.now,
    from: unit.unit.id,
    body: {
      unitId: unit.unit.id,
      ...(unit.incidentId === undefined ? {} : { incidentId: unit.incidentId }),
      hrPerMin: Math.round(vitals.hr),
      spo2Pct: Math.round(vitals.spo2),
      rrPerMin: Math.round(vitals.rr),
      sbpMmHg: Math.round(vitals.sbp),
      dbpMmHg: Math.round(vitals.sbp * 0.62),
      tempC: Math.round(vitals.tempC * 10) / 10,
    },
  }
}

const arrive = (state: CityState, unit: LivingUnit): CityEvent[] => {
  const heading = unit.heading
  park(state, unit)
  const chance = state.chance.fork('stop', unit.unit.id, state.now)
  if (heading === 'scene') {
    unit.status = 'on-scene'
    schedule(state, state.now + dwellMs(state, chance, 720, 0.45), 'leave-scene', unit.index, unit.plan)
    return [tellFix(state, unit), tellStatus(state, unit, 'key')]
  }
  if (heading === 'hospital') {
    unit.status = 'at-hospital'
    unit.placeId = nearestHospital(state, unit)?.id
    unit.vitals = undefined
    schedule(state, state.now + dwellMs(state, chance, 120, 0.4), 'handover', unit.index, unit.plan)
    return [tellFix(state, unit), tellStatus(state, unit, 'gps')]
  }
  if (heading === 'station') {
    const wasIdle = unit.status === 'idle'
    unit.status = 'idle'
    unit.placeId = unit.unit.stationId
    schedule(state, state.now + Math.ceil(chance.exponential(restMeanMs(state))), 'patrol', unit.index, unit.plan)
    return wasIdle ? [tellFix(state, unit)] : [tellFix(state, unit), tellStatus(state, unit, 'gps')]
  }
  if (heading === 'post') {
    schedule(state, state.now + Math.ceil(chance.range(60_000, 240_000)), 'patrol', unit.index, unit.plan)
    return [tellFix(state, unit)]
  }
  return []
}

const nearestHospital = (state: CityState, unit: LivingUnit): CityPlace | undefined => {
  let best: CityPlace | undefined
  let bestM = Number.POSITIVE_INFINITY
  for (const hospital of state.city.hospitals) {
    const metres = metresBetween(unit.lon, unit.lat, hospital.lon, hospital.lat)
    if (metres < bestM) {
      best = hospital
      bestM = metres
    }
  }
  return best
}

/** Hospital with the shortest drive; general hospitals only for level I and II. */
const chooseHospital = (state: CityState, unit: LivingUnit, level: number): CityPlace => {
  const fitting = state.city.hospitals.filter((_, index) => level > 2 || index % 2 === 0)
  const byNode = new Map(fitting.map(hospital => [hospital.node, hospital]))
  let chosen: CityPlace | undefined
  spread(state.city.graph, state.scratch, unit.node, speedFactor(level <= 2, state.now), node => {
    chosen = byNode.get(node)
    return chosen !== undefined
  })
  return chosen ?? state.city.hospitals[0]!
}

const leaveScene = (state: CityState, unit: LivingUnit): CityEvent[] => {
  const incident = unit.incidentId === undefined ? undefined : state.incidents.get(unit.incidentId)
  if (!incident?.transported) return goHome(state, unit)
  const chance = state.chance.fork('patient', incident.incidentId)
  unit.status = 'loaded'
  const told = tellStatus(state, unit, 'key')
  unit.vitals = {
    hr: chance.range(60, 125),
    spo2: incident.level <= 2 ? chance.range(84, 96) : chance.range(94, 99),
    rr: chance.range(12, 28),
    sbp: chance.range(95, 170),
    tempC: chance.range(36.3, 38.8),
  }
  drive(state, unit, chooseHospital(state, unit, incident.level).node, incident.level <= 2, 'hospital')
  schedule(state, state.now, 'vitals', unit.index, unit.plan)
  return [told]
}

const goHome = (state: CityState, unit: LivingUnit): CityEvent[] => {
  const incidentId = unit.incidentId
  unit.status = 'returning'
  unit.vitals = undefined
  const told = tellStatus(state, { ...unit, placeId: undefined }, 'key')
  unit.incidentId = undefined
  drive(state, unit, state.stations.get(unit.unit.stationId)!.node, false, 'station')
  const incident = incidentId === undefined ? undefined : state.incidents.get(incidentId)
  if (incident) {
    incident.unitIds = incident.unitIds.filter(id => id !== unit.unit.id)
    incident.served = true
    const chance = state.chance.fork('close', incident.incidentId)
    // The desk closes its own cases soon; one that a human dispatched is left to him for a quarter of an hour.
    const wait = incident.manual ? 900_000 : dwellMs(state, chance, 25, 0.4)
    schedule(state, state.now + wait, 'close', state.incidentIds.lastIndexOf(incident.incidentId))
  }
  return [told]
}

const patrol = (state: CityState, unit: LivingUnit): void => {
  if (unit.status !== 'idle' || unit.heading !== 'none') return
  if (unit.placeId === undefined) {
    drive(state, unit, state.stations.get(unit.unit.stationId)!.node, false, 'station')
    return
  }
  const { city } = state
  const chance = state.chance.fork('post', unit.unit.id, state.now)
  const county = unit.unit.region
  const options: number[] = []
  for (let i = 0; i < 24 && options.length < 3; i++) {
    const street = chance.int(city.streets.length)
    const nodes = city.streetNodes[street]!
    const node = nodes[chance.int(nodes.length)]!
    const metres = metresBetween(city.graph.lon[node]!, city.graph.lat[node]!, unit.lon, unit.lat)
    if (city.streets[street]!.parentCode === county && metres > 1_500 && metres < 14_000) options.push(node)
  }
  if (options.length === 0) {
    schedule(state, state.now + Math.ceil(chance.exponential(restMeanMs(state))), 'patrol', unit.index, unit.plan)
    return
  }
  drive(state, unit, options[0]!, false, 'post')
}

// ── the step ──────────────────────────────────────────────────────────────────────────────────────────────────────

const report = (state: CityState, index: number): CityEvent[] => {
  const events: CityEvent[] = []
  const from = dayStartAt(state.dayIndex)
  let isExcess = false
  for (const ledger of state.reporters[index]!.ledgers) {
    const excess = countBetween(ledger.excess, from, state.now)
    isExcess ||= ledger.excess.length > 0
    const count = countBetween(ledger.today, from, state.now) + excess
    if (count === ledger.told) continue
    ledger.told = count
    events.push(tellCount(ledger, state.now, state.dayIndex, formatDay(state.dayIndex), count))
  }
  // When an outbreak is pressed into minutes its facilities must report at that pace too, or the curve is lost.
  const every = isExcess
    ? state.options.reportEveryMs / Math.max(1, state.options.outbreakPace)
    : state.options.reportEveryMs
  schedule(state, state.now + Math.max(5_000, Math.round(every)), 'report', index)
  return events
}

const endHour = (state: CityState): CityEvent[] => {
  const events: CityEvent[] = []
  const from = state.now - HOUR_MS
  const dayIndex = dayIndexOf(from)
  const hour = Math.floor(((from + SHANGHAI_MS) % DAY_MS) / HOUR_MS)
  for (const ledger of state.ledgers) {
    if (ledger.sourceKind !== 'hospital-emergency') continue
    const count = countBetween(ledger.today, from, state.now) + countBetween(ledger.excess, from, state.now)
    events.push(tellCount(ledger, state.now, dayIndex, formatHour(dayIndex, hour), count))
  }
  schedule(state, state.now + HOUR_MS, 'hour', 0)
  // The last hour of a day is told before the day is.
  return dayIndex === dayIndexOf(state.now) ? events : [...events, ...endDay(state)]
}

const endDay = (state: CityState): CityEvent[] => {
  const events: CityEvent[] = []
  const from = dayStartAt(state.dayIndex)
  for (const ledger of state.ledgers) {
    const count = ledger.today.length + countBetween(ledger.excess, from, state.now)
    // The day's last word, zeros included, also from a facility that has told the same figure before.
    events.push(tellCount(ledger, state.now, state.dayIndex, formatDay(state.dayIndex), count))
  }
  state.dayIndex++
  for (const ledger of state.ledgers) {
    ledger.today = drawDay(state.chance, ledger.place, ledger.sourceKind, ledger.syndrome, state.dayIndex)
    ledger.told = -1
  }
  return events
}

const CARDS = [
  { diseaseId: 'influenza', weight: 46 },
  { diseaseId: 'hand-foot-mouth', weight: 24 },
  { diseaseId: 'other-infectious-diarrhoea', weight: 20 },
  { diseaseId: 'mumps', weight: 6 },
  { diseaseId: 'scarlet-fever', weight: 4 },
] as const

const tellCard = (state: CityState): CityEvent => {
  const number = state.cardCount++
  const chance = state.chance.fork('card', number)
  const hospital = chance.pick(state.city.hospitals)
  const disease = CARDS[chance.weighted(CARDS.map(one => one.weight))]!
  const street = state.city.streets.find(one => one.code === hospital.region)!
  return {
    kind: 'report.received',
    at: state.now,
    from: hospital.id,
    body: {
      cardId: `CARD-${state.run}-${`${number + 1}`.padStart(5, '0')}`,
      diseaseId: disease.diseaseId,
      caseClass: chance.next() < 0.6 ? 'clinical' : 'confirmed',
      regionCode: hospital.region,
      facilityId: hospital.id,
      onsetDay: formatDay(state.dayIndex - chance.int(4)),
      diagnosedAt: state.now - chance.int(3 * HOUR_MS),
      ageBand: AGE_BANDS[chance.weighted([20, 35, 15, 20, 10])]!,
      sex: chance.next() < 0.5 ? 'male' : 'female',
      patientName: nameSomebody(chance),
      patientPhone: numberSomebody(chance),
      // 999999 is no division code, so no living person has this number.
      identityNumber: `999999${1950 + chance.int(70)}0101${`${chance.int(1_000)}`.padStart(3, '0')}X`,
      addressText: `${street.name}${chance.pick(ROADS_ZH)}路${1 + chance.int(400)}号`,
    },
  }
}

const act = (state: CityState, item: Agenda): CityEvent[] => {
  const unit = state.units[item.index]
  switch (item.act) {
    case 'fix': {
      if (!unit || item.plan !== unit.fixPlan) return []
      const every = unit.leg ? state.options.fixEveryMs : state.options.parkedFixEveryMs
      schedule(state, state.now + every, 'fix', item.index, unit.fixPlan)
      return [tellFix(state, unit)]
    }
    case 'arrive':
      return unit && item.plan === unit.plan ? arrive(state, unit) : []
    case 'roll': {
      if (!unit || item.plan !== unit.plan || unit.incidentId === undefined) return []
      const incident = state.incidents.get(unit.incidentId)
      if (!incident) return []
      unit.status = 'rolling'
      unit.placeId = undefined
      drive(state, unit, incident.node, incident.level <= 2, 'scene')
      return [tellStatus(state, unit, 'key')]
    }
    case 'leave-scene':
      return unit && item.plan === unit.plan ? leaveScene(state, unit) : []
    case 'handover': {
      if (!unit || item.plan !== unit.plan) return []
      unit.status = 'handover'
      const chance = state.chance.fork('handover', unit.unit.id, state.now)
      const { day } = state.scenario
      const median = day?.handoverMedianS[hourOf(state.now)] ?? 840
      const stay = dwellMs(state, chance, median, day?.handoverSigma ?? 0.4)
      schedule(state, state.now + stay, 'release', unit.index, unit.plan)
      return [tellStatus(state, unit, 'key')]
    }
    case 'release':
      return unit && item.plan === unit.plan ? goHome(state, unit) : []
    case 'vitals': {
      if (!unit || item.plan !== unit.plan || !unit.vitals) return []
      schedule(state, state.now + state.options.vitalsEveryMs, 'vitals', unit.index, unit.plan)
      return [tellVitals(state, unit)]
    }
    case 'patrol':
      if (unit && item.plan === unit.plan) patrol(state, unit)
      return []
    case 'call': {
      const chance = state.chance.fork('call', item.index)
      const street = chance.weighted(state.city.streets.map(one => one.population))
      schedule(state, nextCallAt(state, item.index + 1), 'call', item.index + 1)
      return takeCall(state, chance, street, COMPLAINTS[chance.weighted(COMPLAINT_WEIGHTS)]!, drawOutcome(chance))
    }
    case 'excess-call': {
      const excess = state.excessCalls[item.index]!
      const fitting = COMPLAINTS.filter(one => one.syndrome === excess.syndrome)
      const chance = state.chance.fork('excess-call', item.index)
      return takeCall(state, chance, excess.street, chance.pick(fitting), 'incident')
    }
    case 'burst-call': {
      const { street, level } = state.burstCalls[item.index]!
      const chance = state.chance.fork('burst-call', item.index)
      const injured = COMPLAINTS.filter(one => one.syndrome === 'trauma')
      return takeCall(state, chance, street, chance.pick(injured), 'incident', level)
    }
    case 'answer': {
      const { callId } = state.calls[item.index]!
      return [{ kind: 'call.answered', at: state.now, from: state.city.centres[0]!.id, body: { callId } }]
    }
    case 'open':
      return openIncident(state, item.index)
    case 'assign':
      return assignUnit(state, item.index)
    case 'close': {
      const incident = state.incidents.get(state.incidentIds[item.index]!)
      // Another unit may still be at it: its own return brings the next attempt.
      if (!incident || incident.unitIds.length > 0) return []
      state.incidents.delete(incident.incidentId)
      const outcome = incident.transported ? 'transported' : 'treated-on-scene'
      const body = { incidentId: incident.incidentId, outcome } as const
      return [{ kind: 'incident.closed', at: state.now, from: 'desk', body }]
    }
    case 'report':
      return report(state, item.index)
    case 'hour':
      return endHour(state)
    case 'card':
      schedule(state, nextCardAt({ ...state, cardCount: state.cardCount + 1 }), 'card', 0)
      return [tellCard(state)]
  }
}

/**
 * Lets the city live until `nowMs` and returns what its sources said, in order of time.
 * Throws a RangeError when asked to go back.
 */
export const stepCity = (state: CityState, nowMs: number): CityEvent[] => {
  if (nowMs < state.now) throw new RangeError(`the city is at ${state.now} and cannot go back to ${nowMs}`)
  const events: CityEvent[] = []
  while (state.agenda.length > 0 && state.agenda[0]!.at <= nowMs) {
    const item = takeNext(state)
    state.now = item.at
    events.push(...act(state, item))
  }
  state.now = nowMs
  return events
}

/** Figures of the living city for a progress line. */
export const countCity = (
  state: CityState,
): { units: number; moving: number; idle: number; openIncidents: number; waiting: number; calls: number } => {
  let moving = 0
  let idle = 0
  for (const unit of state.units) {
    if (unit.leg) moving++
    if (unit.status === 'idle') idle++
  }
  let waiting = 0
  for (const incident of state.incidents.values()) if (incident.unitIds.length === 0) waiting++
  return {
    units: state.units.length,
    moving,
    idle,
    openIncidents: state.incidents.size,
    waiting,
    calls: state.calls.length,
  }
}

// The demo city, drawn from a seed: regions, roads, water, stations, hospitals, facilities and ambulances.
// It stands before the line, as the ground the simulation drives on; nothing in the product depends on it.
// It imports nothing, reads no clock and uses its own generator: the same seed always draws the same city.
// It is an own schematic (示意). Only the seven county names and codes are real; every line, street name,
// population and place is invented, and no boundary or road survey was used.

/** A stream of pseudo-random numbers; `fork` opens an independent stream by key, whatever was drawn before. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform whole number in [0, below). */
  int(below: number): number
  /** Uniform in [low, high). */
  range(low: number, high: number): number
  /** Standard normal. */
  normal(): number
  /** Exponential with the given mean. */
  exponential(mean: number): number
  /** Log-normal with the given median and sigma of the logarithm. */
  logNormal(median: number, sigma: number): number
  /** Poisson count. */
  poisson(mean: number): number
  /** Negative binomial count with variance mean + mean²/size. */
  negativeBinomial(mean: number, size: number): number
  /** One element of a non-empty list. */
  pick<T>(list: readonly T[]): T
  /** Index drawn with probability proportional to its weight. */
  weighted(weights: ArrayLike<number>): number
  /** An independent stream that depends on this stream's seed and the keys only. */
  fork(...keys: (string | number)[]): Chance
}

/** City, county or street; `polygon` holds the rings of one polygon, outer first, closed, WGS-84. */
export interface CityRegion {
  code: string
  parentCode?: string
  name: string
  nameEn: string
  level: 'city' | 'county' | 'street'
  lon: number
  lat: number
  population: number
  polygon: [number, number][][]
}

/** A feature of the basemap; classes are those the console's style knows. */
export interface BasemapFeature {
  type: 'Feature'
  properties: {
    layer: 'water' | 'green' | 'road' | 'rail' | 'place'
    class?: 'expressway' | 'arterial' | 'collector' | 'river' | 'canal' | 'lake' | 'sea' | 'town'
    name?: string
    nameEn?: string
  }
  geometry:
    | { type: 'Point'; coordinates: [number, number] }
    | { type: 'LineString'; coordinates: [number, number][] }
    | { type: 'MultiLineString' | 'Polygon'; coordinates: [number, number][][] }
}

/** The region and basemap pack, in the shape that GET /v1/basemap publishes. */
export interface CityPack {
  meta: {
    name: string
    source: string
    licence: string
    crs: 'WGS-84'
    approval?: string
    schematic: true
    day: string
  }
  regions: CityRegion[]
  basemap: { type: 'FeatureCollection'; features: BasemapFeature[] }
}

/** Index into ROAD_CLASSES. */
export type RoadClassIndex = 0 | 1 | 2 | 3

/** Compressed sparse rows: arcs of node n are first[n] .. first[n+1]-1. Every road can be driven both ways. */
export interface RoadGraph {
  lon: Float64Array
  lat: Float64Array
  first: Int32Array
  to: Int32Array
  lengthM: Float32Array
  roadClass: Uint8Array
  bridge: Uint8Array
  /** Index of the street in City.streets, -1 outside the city. */
  street: Int16Array
}

/** A place with a stable id: station, hospital or reporting facility. `node` is its node of the road graph. */
export interface CityPlace {
  id: string
  name: string
  nameEn: string
  /** Street code, nine digits; the first six are the county. */
  region: string
  lon: number
  lat: number
  node: number
  kind: 'station' | 'hospital' | 'clinic' | 'school' | 'pharmacy' | 'centre'
  /** Relative size: daily visitors of a clinic, hospital or pharmacy, pupils of a school, bays of a station. */
  size: number
}

/** An ambulance without crew. */
export interface CityUnit {
  id: string
  callSign: string
  plate: string
  /** WS/T 292: A transport, B intensive, C negative pressure, D special. */
  class: 'A' | 'B' | 'C' | 'D'
  stationId: string
  /** County code of its station. */
  region: string
  node: number
}

/** Everything the simulation stands on. */
export interface City {
  seed: number
  regions: CityRegion[]
  /** Street regions only, in the order that RoadGraph.street and streetNodes use. */
  streets: CityRegion[]
  /** Road nodes of each street where people live. */
  streetNodes: Int32Array[]
  basemap: { type: 'FeatureCollection'; features: BasemapFeature[] }
  graph: RoadGraph
  stations: CityPlace[]
  hospitals: CityPlace[]
  facilities: CityPlace[]
  /** The 120 centre first, then one 12320 hotline desk per county. */
  centres: CityPlace[]
  units: CityUnit[]
}

/** What may be asked of a city. */
export interface CityPlan {
  seed: number
  /** Ambulances. */
  units?: number
  stations?: number
  facilities?: number
}

/** Road classes in the order RoadGraph.roadClass counts them. */
export const ROAD_CLASSES = ['expressway', 'national', 'arterial', 'collector'] as const

type Point = [number, number]

const UNITS_DEFAULT = 200
const STATIONS_DEFAULT = 45
const FACILITIES_DEFAULT = 160
const UNITS_MAX = 5_000
const STATIONS_MAX = 63 // one for each street
const FACILITIES_MAX = 2_000
const VILLAGES_MAX = 240

const RADIANS = Math.PI / 180
const KM_PER_DEGREE = 111.195 // 6371 km × π / 180
const LAT_MID = 30.65
const KM_PER_DEGREE_LON = KM_PER_DEGREE * Math.cos(LAT_MID * RADIANS)

// ── chance ────────────────────────────────────────────────────────────────────────────────────────────────────────

const mixHash = (text: string, start: number): number => {
  let hash = start >>> 0
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * Opens a stream of pseudo-random numbers from a seed.
 * @source sfc32 of PractRand (Chris Doty-Humphrey, public domain), seeded by FNV-1a with the murmur3 finaliser.
 */
export const createChance = (seed: number | string): Chance => openChance(`${seed}`)

const openChance = (key: string): Chance => {
  let a = mixHash(key, 0x811c9dc5)
  let b = mixHash(key, 0x9e3779b9)
  let c = mixHash(key, 0x7f4a7c15)
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 4294967296
  }
  // The first draws still show the seed's bits; twelve rounds are what the generator's author asks for.
  for (let i = 0; i < 12; i++) next()
  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()))
    return radius * Math.cos(2 * Math.PI * next())
  }
  const gamma = (shape: number): number => {
    // Marsaglia and Tsang 2000; a shape under 1 is lifted by one and scaled back.
    if (shape < 1) return gamma(shape + 1) * (1 - next()) ** (1 / shape)
    const d = shape - 1 / 3
    const k = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = (1 + k * x) ** 3
      if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }
  const poisson = (mean: number): number => {
    if (!(mean > 0)) return 0
    // Knuth's product would underflow for large means, so the mean is taken in pieces.
    let left = mean
    let total = 0
    while (left > 0) {
      const piece = Math.min(left, 30)
      const floor = Math.exp(-piece)
      for (let product = next(); product > floor; product *= next()) total++
      left -= piece
    }
    return total
  }
  return {
    next,
    int: below => Math.floor(next() * below),
    range: (low, high) => low + (high - low) * next(),
    normal,
    exponential: mean => -mean * Math.log(1 - next()),
    logNormal: (median, sigma) => median * Math.exp(sigma * normal()),
    poisson,
    negativeBinomial: (mean, size) => (mean > 0 ? poisson((gamma(size) * mean) / size) : 0),
    pick: list => list[Math.floor(next() * list.length)]!,
    weighted: weights => {
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]!
      let at = next() * sum
      for (let i = 0; i < weights.length; i++) {
        at -= weights[i]!
        if (at < 0) return i
      }
      return weights.length - 1
    },
    fork: (...keys) => openChance(`${key}/${keys.join('/')}`),
  }
}

// ── the hand-made outline ─────────────────────────────────────────────────────────────────────────────────────────

interface CountyDraft {
  code: string
  name: string
  nameEn: string
  population: number
  streets: number
  seat: Point
  seatRadiusKm: number
  ring: Point[]
}

// Corners where counties meet; they are shared, so the seven rings tile by construction.
const C = {
  westBay: [120.46, 30.335],
  westMid: [120.33, 30.53],
  north1: [120.52, 30.87],
  north2: [120.78, 30.965],
  east: [121.08, 30.835],
  coast1: [121.0, 30.545],
  coast2: [120.8, 30.375],
  txXzHn: [120.62, 30.63],
  xzHnNh: [120.735, 30.605],
  nhHnHy: [120.81, 30.57],
  nhHyPh: [120.93, 30.61],
  nhPhJs: [120.965, 30.75],
  nhJsXz: [120.845, 30.825],
} satisfies Record<string, Point>

// Invented outlines: only the neighbourhood of the seven names follows common knowledge.
const WEST_ARC: Point[] = [
  [120.27, 30.6],
  [120.25, 30.7],
  [120.35, 30.77],
  [120.4, 30.85],
]
const NORTH_ARC: Point[] = [
  [120.6, 30.93],
  [120.69, 30.945],
]
const NORTH_EAST_ARC: Point[] = [
  [120.87, 30.985],
  [120.99, 30.955],
  [121.05, 30.9],
]
const EAST_ARC: Point[] = [
  [121.16, 30.81],
  [121.235, 30.76],
  [121.265, 30.695],
  [121.18, 30.625],
  [121.09, 30.575],
]
const HAIYAN_COAST: Point[] = [
  [120.965, 30.49],
  [120.9, 30.43],
]
const HAINING_COAST: Point[] = [
  [120.7, 30.36],
  [120.58, 30.345],
]
const HAINING_WEST: Point[] = [
  [120.395, 30.4],
  [120.37, 30.47],
]
const XZ_NH_ARC: Point[] = [
  [120.755, 30.77],
  [120.73, 30.7],
]
const TX_XZ_ARC: Point[] = [
  [120.6, 30.8],
  [120.58, 30.71],
]
const TX_HN_ARC: Point[] = [
  [120.52, 30.57],
  [120.42, 30.56],
]

const COUNTIES: CountyDraft[] = [
  {
    code: '330402',
    name: '南湖区',
    nameEn: 'Nanhu',
    population: 900_000,
    streets: 8,
    seat: [120.795, 30.74],
    seatRadiusKm: 5.2,
    ring: [C.xzHnNh, C.nhHnHy, C.nhHyPh, C.nhPhJs, C.nhJsXz, ...XZ_NH_ARC],
  },
  {
    code: '330411',
    name: '秀洲区',
    nameEn: 'Xiuzhou',
    population: 850_000,
    streets: 9,
    seat: [120.705, 30.778],
    seatRadiusKm: 4.2,
    ring: [
      C.txXzHn,
      C.xzHnNh,
      ...[...XZ_NH_ARC].reverse(),
      C.nhJsXz,
      C.north2,
      ...[...NORTH_ARC].reverse(),
      C.north1,
      ...TX_XZ_ARC,
    ],
  },
  {
    code: '330421',
    name: '嘉善县',
    nameEn: 'Jiashan',
    population: 600_000,
    streets: 9,
    seat: [120.93, 30.845],
    seatRadiusKm: 3.4,
    ring: [C.nhJsXz, C.nhPhJs, C.east, ...[...NORTH_EAST_ARC].reverse(), C.north2],
  },
  {
    code: '330424',
    name: '海盐县',
    nameEn: 'Haiyan',
    population: 450_000,
    streets: 8,
    seat: [120.925, 30.515],
    seatRadiusKm: 2.9,
    ring: [C.coast2, ...[...HAIYAN_COAST].reverse(), C.coast1, C.nhHyPh, C.nhHnHy],
  },
  {
    code: '330481',
    name: '海宁市',
    nameEn: 'Haining',
    population: 1_050_000,
    streets: 10,
    seat: [120.675, 30.525],
    seatRadiusKm: 3.7,
    ring: [
      C.westMid,
      ...[...HAINING_WEST].reverse(),
      C.westBay,
      ...[...HAINING_COAST].reverse(),
      C.coast2,
      C.nhHnHy,
      C.xzHnNh,
      C.txXzHn,
      ...TX_HN_ARC,
    ],
  },
  {
    code: '330482',
    name: '平湖市',
    nameEn: 'Pinghu',
    population: 650_000,
    streets: 9,
    seat: [121.03, 30.695],
    seatRadiusKm: 3.3,
    ring: [C.coast1, ...[...EAST_ARC].reverse(), C.east, C.nhPhJs, C.nhHyPh],
  },
  {
    code: '330483',
    name: '桐乡市',
    nameEn: 'Tongxiang',
    population: 1_000_000,
    streets: 10,
    seat: [120.52, 30.645],
    seatRadiusKm: 3.6,
    ring: [
      C.westMid,
      ...[...TX_HN_ARC].reverse(),
      C.txXzHn,
      ...[...TX_XZ_ARC].reverse(),
      C.north1,
      ...[...WEST_ARC].reverse(),
    ],
  },
]

const CITY_CODE = '330400'

// The bay: north coast from west to east (shared with the counties), then out to sea and back along the south bank.
const SEA_RING: Point[] = [
  [119.9, 30.285],
  [120.15, 30.275],
  [120.32, 30.3],
  C.westBay,
  ...[...HAINING_COAST].reverse(),
  C.coast2,
  ...[...HAIYAN_COAST].reverse(),
  C.coast1,
  ...[...EAST_ARC].reverse().slice(0, 3),
  [121.6, 30.86],
  [121.6, 30.0],
  [121.02, 30.0],
  [120.96, 30.17],
  [120.74, 30.245],
  [120.5, 30.25],
  [120.28, 30.225],
  [119.9, 30.235],
]

interface WaterDraft {
  name?: string
  nameEn?: string
  class: 'river' | 'canal'
  line: Point[]
}

const WATERWAYS: WaterDraft[] = [
  {
    name: '运河(示意)',
    nameEn: 'Grand Canal (schematic)',
    class: 'canal',
    line: [
      [120.66, 31.05],
      [120.67, 30.93],
      [120.71, 30.84],
      [120.755, 30.765],
      [120.7, 30.71],
      [120.61, 30.675],
      [120.53, 30.625],
      [120.44, 30.545],
      [120.33, 30.47],
      [120.1, 30.4],
    ],
  },
  {
    name: '平川塘',
    nameEn: 'Pingchuan River',
    class: 'river',
    line: [
      [120.755, 30.765],
      [120.84, 30.735],
      [120.93, 30.69],
      [121.02, 30.69],
      [121.11, 30.67],
      [121.2, 30.68],
    ],
  },
  {
    name: '盐港河',
    nameEn: 'Yangang River',
    class: 'river',
    line: [
      [120.79, 30.735],
      [120.83, 30.66],
      [120.87, 30.59],
      [120.92, 30.53],
      [120.955, 30.5],
    ],
  },
  {
    name: '汾溪',
    nameEn: 'Fen River',
    class: 'river',
    line: [
      [120.46, 30.92],
      [120.6, 30.87],
      [120.74, 30.86],
      [120.85, 30.85],
      [120.94, 30.855],
      [121.04, 30.885],
      [121.2, 30.93],
      [121.4, 30.95],
    ],
  },
  {
    name: '潮塘江',
    nameEn: 'Chaotang River',
    class: 'river',
    line: [
      [120.62, 30.67],
      [120.66, 30.6],
      [120.66, 30.52],
      [120.61, 30.45],
      [120.56, 30.4],
      [120.53, 30.345],
    ],
  },
]

interface BlobDraft {
  name?: string
  nameEn?: string
  centre: Point
  radiusKm: number
}

const LAKES: BlobDraft[] = [
  { name: '鸳湖', nameEn: 'Yuan Lake', centre: [120.768, 30.742], radiusKm: 0.9 },
  { name: '北荡', nameEn: 'North Mere', centre: [120.735, 30.9], radiusKm: 1.9 },
  { name: '莲荡', nameEn: 'Lotus Mere', centre: [120.84, 30.915], radiusKm: 1.6 },
  { name: '汾湖', nameEn: 'Fen Lake', centre: [120.93, 30.925], radiusKm: 2.1 },
  { name: '西圩漾', nameEn: 'Xiwei Mere', centre: [120.47, 30.77], radiusKm: 1.3 },
  { name: '鹭湖', nameEn: 'Egret Lake', centre: [120.872, 30.482], radiusKm: 0.9 },
  { name: '东泖', nameEn: 'East Mere', centre: [121.11, 30.745], radiusKm: 1.1 },
]

const GREENS: BlobDraft[] = [
  { name: '鹰窠山', nameEn: 'Yingke Hill', centre: [120.835, 30.468], radiusKm: 2.3 },
  { name: '九里山', nameEn: 'Jiuli Hill', centre: [121.12, 30.628], radiusKm: 2.0 },
  { name: '审山', nameEn: 'Shen Hill', centre: [120.715, 30.5], radiusKm: 1.3 },
  { name: '运河湿地', nameEn: 'Canal Wetland', centre: [120.645, 30.71], radiusKm: 1.7 },
  { centre: [120.735, 30.895], radiusKm: 3.0 },
  { centre: [120.93, 30.925], radiusKm: 3.1 },
  { centre: [120.47, 30.765], radiusKm: 2.2 },
  { centre: [120.775, 30.73], radiusKm: 1.7 },
  { centre: [120.4, 30.66], radiusKm: 1.6 },
  { centre: [120.86, 30.69], radiusKm: 1.3 },
  { centre: [120.56, 30.43], radiusKm: 1.6 },
  { centre: [121.16, 30.72], radiusKm: 1.5 },
]

interface RouteDraft {
  name: string
  nameEn: string
  line: Point[]
}

const EXPRESSWAYS: RouteDraft[] = [
  {
    name: 'G91 东西高速',
    nameEn: 'G91 East-West Expressway',
    line: [
      [120.0, 30.38],
      [120.25, 30.45],
      [120.45, 30.53],
      [120.6, 30.6],
      [120.74, 30.665],
      [120.86, 30.755],
      [120.98, 30.8],
      [121.12, 30.875],
      [121.44, 30.98],
    ],
  },
  {
    name: 'G92 南北高速',
    nameEn: 'G92 North-South Expressway',
    line: [
      [120.6, 31.13],
      [120.635, 30.95],
      [120.63, 30.83],
      [120.655, 30.7],
      [120.72, 30.6],
      [120.79, 30.5],
      [120.86, 30.41],
      [120.905, 30.3],
      [120.94, 30.14],
    ],
  },
  {
    name: 'S93 滨海高速',
    nameEn: 'S93 Bay Expressway',
    line: [
      [120.1, 30.33],
      [120.4, 30.42],
      [120.55, 30.42],
      [120.7, 30.42],
      [120.84, 30.49],
      [120.95, 30.575],
      [121.06, 30.635],
      [121.18, 30.715],
      [121.44, 30.83],
    ],
  },
  {
    name: 'S94 北线高速',
    nameEn: 'S94 North Expressway',
    line: [
      [120.05, 30.74],
      [120.3, 30.73],
      [120.46, 30.715],
      [120.6, 30.76],
      [120.72, 30.835],
      [120.88, 30.875],
      [121.0, 30.87],
      [121.06, 30.77],
      [121.09, 30.66],
    ],
  },
]

const RAILWAYS: RouteDraft[] = [
  {
    name: '东西铁路',
    nameEn: 'East-West Railway',
    line: [
      [120.0, 30.33],
      [120.3, 30.43],
      [120.52, 30.49],
      [120.69, 30.545],
      [120.77, 30.65],
      [120.81, 30.755],
      [120.92, 30.83],
      [121.1, 30.9],
      [121.44, 31.03],
    ],
  },
  {
    name: '南北铁路',
    nameEn: 'North-South Railway',
    line: [
      [120.68, 31.13],
      [120.7, 30.93],
      [120.73, 30.8],
      [120.75, 30.68],
      [120.83, 30.57],
      [120.92, 30.46],
      [120.985, 30.3],
      [121.04, 30.14],
    ],
  },
]

const SEAT_ROADS: [string, string, string, string][] = [
  ['330402', '330411', '建设大道', 'Jianshe Avenue'],
  ['330411', '330483', '国道 501', 'National Road 501'],
  ['330402', '330421', '国道 502', 'National Road 502'],
  ['330402', '330482', '国道 503', 'National Road 503'],
  ['330402', '330424', '国道 504', 'National Road 504'],
  ['330402', '330481', '国道 505', 'National Road 505'],
  ['330481', '330483', '国道 506', 'National Road 506'],
  ['330424', '330482', '国道 507', 'National Road 507'],
  ['330421', '330482', '国道 508', 'National Road 508'],
  ['330481', '330424', '国道 509', 'National Road 509'],
]

// Street names are joined from two syllables; pairs are drawn without repetition.
const NAME_FIRST: [string, string][] = [
  ['云', 'Yun'],
  ['清', 'Qing'],
  ['栖', 'Qi'],
  ['澄', 'Cheng'],
  ['芦', 'Lu'],
  ['菱', 'Ling'],
  ['荷', 'He'],
  ['棠', 'Tang'],
  ['柳', 'Liu'],
  ['松', 'Song'],
  ['鹤', 'He'],
  ['雁', 'Yan'],
  ['霞', 'Xia'],
  ['晴', 'Qing'],
  ['桑', 'Sang'],
  ['稻', 'Dao'],
  ['蚕', 'Can'],
  ['竹', 'Zhu'],
  ['梅', 'Mei'],
  ['兰', 'Lan'],
  ['秋', 'Qiu'],
  ['月', 'Yue'],
  ['星', 'Xing'],
  ['文', 'Wen'],
  ['安', 'An'],
  ['永', 'Yong'],
]
const NAME_LAST: [string, string][] = [
  ['溪', 'xi'],
  ['桥', 'qiao'],
  ['塘', 'tang'],
  ['浜', 'bang'],
  ['港', 'gang'],
  ['湾', 'wan'],
  ['泾', 'jing'],
  ['渡', 'du'],
  ['荡', 'dang'],
  ['圩', 'wei'],
  ['浦', 'pu'],
  ['里', 'li'],
]

// ── plane geometry ────────────────────────────────────────────────────────────────────────────────────────────────

/** Distance between two points in kilometres, on the plane of the city's mid latitude. */
const measureKm = (a: Point, b: Point): number =>
  Math.hypot((a[0] - b[0]) * KM_PER_DEGREE_LON, (a[1] - b[1]) * KM_PER_DEGREE)

const offsetKm = (from: Point, eastKm: number, northKm: number): Point => [
  from[0] + eastKm / KM_PER_DEGREE_LON,
  from[1] + northKm / KM_PER_DEGREE,
]

const round5 = (value: number): number => Math.round(value * 1e5) / 1e5
const roundPoint = (point: Point): Point => [round5(point[0]), round5(point[1])]

const isInRing = (x: number, y: number, ring: readonly Point[]): boolean => {
  let inside = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const a = ring[i]!
    const b = ring[j]!
    if (a[1] > y !== b[1] > y && x < ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside
  }
  return inside
}

/** Tells whether a point lies in the rings of one polygon (even-odd rule, so holes count as outside). */
export const isInPolygon = (lon: number, lat: number, rings: readonly (readonly [number, number][])[]): boolean => {
  let inside = false
  for (const ring of rings) if (isInRing(lon, lat, ring)) inside = !inside
  return inside
}

const measureRingArea = (ring: readonly Point[]): number => {
  let doubled = 0
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    doubled += (ring[j]![0] - ring[i]![0]) * (ring[j]![1] + ring[i]![1])
  }
  return doubled / 2
}

/** Chaikin's corner cutting with fixed ends. */
const smoothLine = (line: Point[], rounds: number): Point[] => {
  let out = line
  for (let round = 0; round < rounds; round++) {
    const cut: Point[] = [out[0]!]
    for (let i = 0; i + 1 < out.length; i++) {
      const a = out[i]!
      const b = out[i + 1]!
      cut.push([a[0] * 0.75 + b[0] * 0.25, a[1] * 0.75 + b[1] * 0.25])
      cut.push([a[0] * 0.25 + b[0] * 0.75, a[1] * 0.25 + b[1] * 0.75])
    }
    cut.push(out[out.length - 1]!)
    out = cut
  }
  return out
}

/** Splits long legs by midpoint displacement, so a hand-drawn line looks like a thing of the country. */
const roughenLine = (line: Point[], legKm: number, roughness: number, chance: Chance): Point[] => {
  const out: Point[] = [line[0]!]
  const split = (a: Point, b: Point): void => {
    const km = measureKm(a, b)
    if (km > legKm) {
      const shift = chance.range(-roughness, roughness) * km
      const east = (b[0] - a[0]) * KM_PER_DEGREE_LON
      const north = (b[1] - a[1]) * KM_PER_DEGREE
      const middle = offsetKm([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], (-north / km) * shift, (east / km) * shift)
      split(a, middle)
      split(middle, b)
    } else out.push(b)
  }
  for (let i = 0; i + 1 < line.length; i++) split(line[i]!, line[i + 1]!)
  return out
}

/** Points every `stepKm` along a line, ends included. */
const resampleLine = (line: Point[], stepKm: number): Point[] => {
  const out: Point[] = [line[0]!]
  let left = stepKm
  for (let i = 0; i + 1 < line.length; i++) {
    let a = line[i]!
    const b = line[i + 1]!
    let km = measureKm(a, b)
    while (km > left) {
      const t = left / km
      a = [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
      out.push(a)
      km -= left
      left = stepKm
    }
    left -= km
  }
  out.push(line[line.length - 1]!)
  return out
}

const crossAt = (a: Point, b: Point, c: Point, d: Point): number | undefined => {
  const rx = b[0] - a[0]
  const ry = b[1] - a[1]
  const sx = d[0] - c[0]
  const sy = d[1] - c[1]
  const det = rx * sy - ry * sx
  if (det === 0) return undefined
  const t = ((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / det
  const u = ((c[0] - a[0]) * ry - (c[1] - a[1]) * rx) / det
  return t > 0 && t < 1 && u > 0 && u < 1 ? t : undefined
}

const drawBlob = (blob: BlobDraft, points: number, chance: Chance): Point[] => {
  const waves = [1, 2, 3, 5].map(order => ({
    order,
    size: chance.range(0.05, 0.2) / Math.sqrt(order),
    phase: chance.range(0, 2 * Math.PI),
  }))
  const squeeze = chance.range(0.7, 1)
  const ring: Point[] = []
  for (let i = 0; i < points; i++) {
    const angle = (2 * Math.PI * i) / points
    let radius = blob.radiusKm
    for (const wave of waves) radius += blob.radiusKm * wave.size * Math.sin(wave.order * angle + wave.phase)
    ring.push(roundPoint(offsetKm(blob.centre, Math.cos(angle) * radius, Math.sin(angle) * radius * squeeze)))
  }
  ring.push(ring[0]!)
  return ring
}

// ── regions: a raster of labels, traced into shared arcs ──────────────────────────────────────────────────────────

const RASTER = { west: 120.02, south: 30.14, east: 121.42, north: 31.14, columns: 280, rows: 230 }
const CELL_LON = (RASTER.east - RASTER.west) / RASTER.columns // 0.005° ≈ 478 m
const CELL_LAT = (RASTER.north - RASTER.south) / RASTER.rows // 0.00435° ≈ 483 m
const LABEL_VOID = -3
const LABEL_SEA = -2
const LABEL_OUTSIDE = -1

/** Smooth value noise in [-1, 1] on a lattice of the given size in degrees. */
const createNoise = (chance: Chance, latticeDegrees: number): ((x: number, y: number) => number) => {
  const side = 256
  const values = Float64Array.from({ length: side * side }, () => chance.range(-1, 1))
  const at = (i: number, j: number): number => values[(j & 255) * side + (i & 255)]!
  return (x, y) => {
    const fx = x / latticeDegrees
    const fy = y / latticeDegrees
    const i = Math.floor(fx)
    const j = Math.floor(fy)
    const u = (fx - i) ** 2 * (3 - 2 * (fx - i))
    const v = (fy - j) ** 2 * (3 - 2 * (fy - j))
    const low = at(i, j) * (1 - u) + at(i + 1, j) * u
    const high = at(i, j + 1) * (1 - u) + at(i + 1, j + 1) * u
    return low * (1 - v) + high * v
  }
}

const cellCentre = (cell: number): Point => [
  RASTER.west + ((cell % RASTER.columns) + 0.5) * CELL_LON,
  RASTER.south + (Math.floor(cell / RASTER.columns) + 0.5) * CELL_LAT,
]

const findCell = (lon: number, lat: number): number => {
  const i = Math.floor((lon - RASTER.west) / CELL_LON)
  const j = Math.floor((lat - RASTER.south) / CELL_LAT)
  return i < 0 || j < 0 || i >= RASTER.columns || j >= RASTER.rows ? -1 : j * RASTER.columns + i
}

const listNeighbours = (cell: number): number[] => {
  const i = cell % RASTER.columns
  const out: number[] = []
  if (i > 0) out.push(cell - 1)
  if (i + 1 < RASTER.columns) out.push(cell + 1)
  if (cell >= RASTER.columns) out.push(cell - RASTER.columns)
  if (cell + RASTER.columns < RASTER.columns * RASTER.rows) out.push(cell + RASTER.columns)
  return out
}

/** County index, sea or outside for each cell; every county is one connected piece. */
const labelCounties = (chance: Chance): Int16Array => {
  const wide = [createNoise(chance.fork('wide-x'), 0.07), createNoise(chance.fork('wide-y'), 0.07)] as const
  const fine = [createNoise(chance.fork('fine-x'), 0.022), createNoise(chance.fork('fine-y'), 0.022)] as const
  const labels = new Int16Array(RASTER.columns * RASTER.rows)
  for (let cell = 0; cell < labels.length; cell++) {
    const [lon, lat] = cellCentre(cell)
    const x = lon + 0.02 * wide[0](lon, lat) + 0.009 * fine[0](lon, lat)
    const y = lat + 0.015 * wide[1](lon, lat) + 0.007 * fine[1](lon, lat)
    const county = COUNTIES.findIndex(draft => isInRing(x, y, draft.ring))
    labels[cell] = county >= 0 ? county : isInRing(x, y, SEA_RING) ? LABEL_SEA : LABEL_OUTSIDE
  }
  keepLargestPieces(labels)
  return labels
}

/** Gives every islet of a label to its neighbour, so that each label is one piece. */
const keepLargestPieces = (labels: Int16Array): void => {
  const piece = new Int32Array(labels.length).fill(-1)
  const sizes: number[] = []
  const labelOf: number[] = []
  for (let start = 0; start < labels.length; start++) {
    if (piece[start]! >= 0) continue
    const id = sizes.length
    const stack = [start]
    piece[start] = id
    let size = 0
    while (stack.length > 0) {
      const cell = stack.pop()!
      size++
      for (const other of listNeighbours(cell)) {
        if (piece[other]! < 0 && labels[other] === labels[start]) {
          piece[other] = id
          stack.push(other)
        }
      }
    }
    sizes.push(size)
    labelOf.push(labels[start]!)
  }
  const largest = new Map<number, number>()
  for (let id = 0; id < sizes.length; id++) {
    const best = largest.get(labelOf[id]!)
    if (best === undefined || sizes[id]! > sizes[best]!) largest.set(labelOf[id]!, id)
  }
  // Outside land may rightly lie in two pieces (north and south of the bay).
  const isKept = (cell: number): boolean =>
    labels[cell] === LABEL_OUTSIDE ? sizes[piece[cell]!]! > 200 : largest.get(labels[cell]!) === piece[cell]
  let open: number[] = []
  for (let cell = 0; cell < labels.length; cell++) if (!isKept(cell)) open.push(cell)
  const kept = Uint8Array.from(labels, (_, cell) => (isKept(cell) ? 1 : 0))
  while (open.length > 0) {
    const rest: number[] = []
    for (const cell of open) {
      const from = listNeighbours(cell).find(other => kept[other] === 1)
      if (from === undefined) rest.push(cell)
      else {
        labels[cell] = labels[from]!
        kept[cell] = 1
      }
    }
    open = rest
  }
}

interface Town {
  county: number
  site: Point
  radiusKm: number
  rank: 'seat' | 'subdistrict' | 'town'
}

/** Places the towns of every county: the seat, urban subdistricts round it, then towns as far apart as they go. */
const placeTowns = (labels: Int16Array, chance: Chance): Town[] => {
  const towns: Town[] = []
  const isInland = (cell: number, label: number): boolean => {
    const i = cell % RASTER.columns
    const j = Math.floor(cell / RASTER.columns)
    for (let di = -5; di <= 5; di++) {
      for (let dj = -5; dj <= 5; dj++) {
        if (di * di + dj * dj > 25) continue
        const other = (j + dj) * RASTER.columns + i + di
        if (labels[other] !== label) return false
      }
    }
    return true
  }
  const isDry = (point: Point): boolean => LAKES.every(lake => measureKm(point, lake.centre) > lake.radiusKm + 1.2)
  for (let county = 0; county < COUNTIES.length; county++) {
    const draft = COUNTIES[county]!
    const own = chance.fork('towns', draft.code)
    towns.push({ county, site: draft.seat, radiusKm: draft.seatRadiusKm, rank: 'seat' })
    const cells: number[] = []
    for (let cell = 0; cell < labels.length; cell++) {
      if (labels[cell] === county && isInland(cell, county) && isDry(cellCentre(cell))) cells.push(cell)
    }
    for (let count = 1; count < draft.streets; count++) {
      const urban = count <= 2
      let best: Point = draft.seat
      let bestKm = -1
      for (let candidate = 0; candidate < 60; candidate++) {
        const site = cellCentre(own.pick(cells))
        let nearestKm = Number.POSITIVE_INFINITY
        for (const town of towns) nearestKm = Math.min(nearestKm, measureKm(site, town.site))
        const fromSeatKm = measureKm(site, draft.seat)
        const ringKm = draft.seatRadiusKm + 2.2
        // Urban subdistricts hug the built-up edge of the seat; towns keep their distance from every other.
        const worth = urban ? Math.min(nearestKm, ringKm + 1) - Math.abs(fromSeatKm - ringKm) : nearestKm
        if (worth > bestKm || candidate === 0) {
          best = site
          bestKm = worth
        }
      }
      towns.push({
        county,
        site: best,
        radiusKm: urban ? own.range(1.5, 1.9) : own.range(1.0, 1.6),
        rank: urban ? 'subdistrict' : 'town',
      })
    }
  }
  return towns
}

/** Grows one street per town inside its county; growth over noisy ground gives natural, connected cells. */
const growStreets = (counties: Int16Array, towns: Town[], chance: Chance): Int16Array => {
  const noise = createNoise(chance, 0.03)
  const street = Int16Array.from(counties, label => (label >= 0 ? LABEL_VOID : label))
  const cost = new Float64Array(counties.length).fill(Number.POSITIVE_INFINITY)
  const heap = createHeap(counties.length * 4)
  const owner = new Int16Array(counties.length)
  for (let index = 0; index < towns.length; index++) {
    const cell = findCell(...towns[index]!.site)
    cost[cell] = 0
    owner[cell] = index
    heap.push(0, cell)
  }
  for (;;) {
    const cell = heap.pop()
    if (cell < 0) break
    if (street[cell] !== LABEL_VOID) continue
    street[cell] = owner[cell]!
    const [lon, lat] = cellCentre(cell)
    // Walking cost 0.4-1.6 per cell; a subdistrict pays more, so the dense middle is divided finely.
    const rank = towns[owner[cell]!]!.rank
    const step = (1 + 0.6 * noise(lon, lat)) * (rank === 'subdistrict' ? 1.25 : 1)
    for (const other of listNeighbours(cell)) {
      if (counties[other] !== counties[cell]) continue
      const next = cost[cell]! + step
      if (next < cost[other]!) {
        cost[other] = next
        owner[other] = owner[cell]!
        heap.push(next, other)
      }
    }
  }
  return street
}

interface Heap {
  push(key: number, value: number): void
  /** Value of the least key, -1 when empty. */
  pop(): number
}

const createHeap = (capacity: number): Heap => {
  const keys = new Float64Array(capacity)
  const values = new Int32Array(capacity)
  let size = 0
  return {
    push: (key, value) => {
      let at = size++
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (keys[parent]! <= key) break
        keys[at] = keys[parent]!
        values[at] = values[parent]!
        at = parent
      }
      keys[at] = key
      values[at] = value
    },
    pop: () => {
      if (size === 0) return -1
      const top = values[0]!
      size--
      const key = keys[size]!
      const value = values[size]!
      let at = 0
      for (;;) {
        let child = at * 2 + 1
        if (child >= size) break
        if (child + 1 < size && keys[child + 1]! < keys[child]!) child++
        if (keys[child]! >= key) break
        keys[at] = keys[child]!
        values[at] = values[child]!
        at = child
      }
      keys[at] = key
      values[at] = value
      return top
    },
  }
}

interface Arc {
  line: Point[]
  left: number
  right: number
  from: number
  to: number
}

/** Traces the borders between labels as arcs that both neighbours share, so polygons meet without gap or overlap. */
const traceArcs = (labels: Int16Array): Arc[] => {
  const across = RASTER.columns + 1
  const labelAt = (i: number, j: number): number =>
    i < 0 || j < 0 || i >= RASTER.columns || j >= RASTER.rows ? LABEL_VOID : labels[j * RASTER.columns + i]!
  const vertexCount = across * (RASTER.rows + 1)
  const links: number[][] = Array.from({ length: vertexCount }, () => [])
  for (let j = 0; j <= RASTER.rows; j++) {
    for (let i = 0; i <= RASTER.columns; i++) {
      const vertex = j * across + i
      if (i < RASTER.columns && labelAt(i, j) !== labelAt(i, j - 1)) {
        links[vertex]!.push(vertex + 1)
        links[vertex + 1]!.push(vertex)
      }
      if (j < RASTER.rows && labelAt(i - 1, j) !== labelAt(i, j)) {
        links[vertex]!.push(vertex + across)
        links[vertex + across]!.push(vertex)
      }
    }
  }
  const isFrame = (vertex: number): boolean => {
    const i = vertex % across
    const j = Math.floor(vertex / across)
    return i === 0 || j === 0 || i === RASTER.columns || j === RASTER.rows
  }
  // Averaging with the neighbours takes the stairs out; each vertex has one place, so nothing comes apart.
  const x = Float64Array.from({ length: vertexCount }, (_, vertex) => RASTER.west + (vertex % across) * CELL_LON)
  const y = Float64Array.from(
    { length: vertexCount },
    (_, vertex) => RASTER.south + Math.floor(vertex / across) * CELL_LAT,
  )
  for (let round = 0; round < 5; round++) {
    const oldX = x.slice()
    const oldY = y.slice()
    for (let vertex = 0; vertex < vertexCount; vertex++) {
      const near = links[vertex]!
      if (near.length === 0 || isFrame(vertex)) continue
      let sumX = 0
      let sumY = 0
      for (const other of near) {
        sumX += oldX[other]!
        sumY += oldY[other]!
      }
      x[vertex] = 0.5 * oldX[vertex]! + (0.5 * sumX) / near.length
      y[vertex] = 0.5 * oldY[vertex]! + (0.5 * sumY) / near.length
    }
  }
  const sidesOf = (from: number, to: number): [number, number] => {
    const i = from % across
    const j = Math.floor(from / across)
    if (to === from + 1) return [labelAt(i, j), labelAt(i, j - 1)]
    if (to === from - 1) return [labelAt(i - 1, j - 1), labelAt(i - 1, j)]
    if (to === from + across) return [labelAt(i - 1, j), labelAt(i, j)]
    return [labelAt(i, j - 1), labelAt(i - 1, j - 1)]
  }
  const arcs: Arc[] = []
  const used = new Set<number>()
  const edgeKey = (a: number, b: number): number => (a < b ? a * vertexCount + b : b * vertexCount + a)
  const follow = (start: number, second: number): void => {
    if (used.has(edgeKey(start, second))) return
    const path = [start, second]
    used.add(edgeKey(start, second))
    for (;;) {
      const at = path[path.length - 1]!
      if (at === start || links[at]!.length !== 2) break
      const next = links[at]!.find(other => other !== path[path.length - 2])!
      used.add(edgeKey(at, next))
      path.push(next)
    }
    const line: Point[] = []
    for (let index = 0; index < path.length; index++) {
      // Every third vertex (about 1.4 km) is enough once the line is smooth; the ends always stay.
      if (index % 3 === 0 || index === path.length - 1) line.push(roundPoint([x[path[index]!]!, y[path[index]!]!]))
    }
    const [left, right] = sidesOf(start, second)
    arcs.push({ line, left, right, from: start, to: path[path.length - 1]! })
  }
  for (let vertex = 0; vertex < vertexCount; vertex++) {
    const near = links[vertex]!
    if (near.length !== 0 && near.length !== 2) for (const other of near) follow(vertex, other)
  }
  for (let vertex = 0; vertex < vertexCount; vertex++) for (const other of links[vertex]!) follow(vertex, other)
  return arcs
}

/** Rings of the union of some labels, the outer one first and counter-clockwise. */
const stitchRings = (arcs: Arc[], isMember: (label: number) => boolean): Point[][] => {
  const starts = new Map<number, { line: Point[]; to: number }[]>()
  for (const arc of arcs) {
    const left = isMember(arc.left)
    if (left === isMember(arc.right)) continue
    const from = left ? arc.from : arc.to
    const piece = left ? { line: arc.line, to: arc.to } : { line: [...arc.line].reverse(), to: arc.from }
    const list = starts.get(from)
    if (list) list.push(piece)
    else starts.set(from, [piece])
  }
  const rings: Point[][] = []
  for (const [from, pieces] of starts) {
    while (pieces.length > 0) {
      const ring: Point[] = []
      let at = from
      do {
        const piece = starts.get(at)!.pop()!
        ring.push(...(ring.length > 0 ? piece.line.slice(1) : piece.line))
        at = piece.to
      } while (at !== from)
      if (ring.length > 3) rings.push(ring)
    }
  }
  return rings.sort((a, b) => Math.abs(measureRingArea(b)) - Math.abs(measureRingArea(a)))
}

// ── roads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface RoadEdge {
  a: number
  b: number
  roadClass: RoadClassIndex
  name: number
  bridge: boolean
}

interface RoadDraft {
  points: Point[]
  edges: RoadEdge[]
  names: { zh: string; en: string }[]
}

const addPoint = (roads: RoadDraft, point: Point): number => roads.points.push(roundPoint(point)) - 1

const addLine = (roads: RoadDraft, nodes: number[], roadClass: RoadClassIndex, name: number): void => {
  for (let i = 0; i + 1 < nodes.length; i++) {
    const a = nodes[i]!
    const b = nodes[i + 1]!
    if (a !== b) roads.edges.push({ a, b, roadClass, name, bridge: false })
  }
}

/** Bends a point out of the lakes, so a road passes round the shore. */
const avoidLakes = (point: Point): Point => {
  for (const lake of LAKES) {
    const km = measureKm(point, lake.centre)
    const keep = lake.radiusKm * 1.35
    if (km < keep && km > 0) {
      return [
        lake.centre[0] + ((point[0] - lake.centre[0]) * keep) / km,
        lake.centre[1] + ((point[1] - lake.centre[1]) * keep) / km,
      ]
    }
  }
  return point
}

/** Street grids of the towns: rotated, jittered, with missing blocks; every third line is an arterial. */
const drawTownGrids = (roads: RoadDraft, towns: Town[], labels: Int16Array, chance: Chance): number[][] => {
  const nodesOfTown: number[][] = []
  const edgeNoise = createNoise(chance.fork('edge'), 0.02)
  const nearestTown = (point: Point): number => {
    let best = 0
    let bestRatio = Number.POSITIVE_INFINITY
    for (let index = 0; index < towns.length; index++) {
      const ratio = measureKm(point, towns[index]!.site) / towns[index]!.radiusKm
      if (ratio < bestRatio) {
        best = index
        bestRatio = ratio
      }
    }
    return best
  }
  for (let index = 0; index < towns.length; index++) {
    const town = towns[index]!
    const own = chance.fork('grid', index)
    const stepKm = town.rank === 'seat' ? 0.56 : 0.42
    const angle = own.range(-0.35, 0.35)
    const reach = Math.ceil((town.radiusKm * 1.3) / stepKm)
    const at = new Map<string, number>()
    for (let row = -reach; row <= reach; row++) {
      for (let column = -reach; column <= reach; column++) {
        const east = (column + own.range(-0.13, 0.13)) * stepKm
        const north = (row + own.range(-0.13, 0.13)) * stepKm
        const point = offsetKm(
          town.site,
          east * Math.cos(angle) - north * Math.sin(angle),
          east * Math.sin(angle) + north * Math.cos(angle),
        )
        const limit = town.radiusKm * (1 + 0.3 * edgeNoise(point[0], point[1]))
        if (Math.hypot(east, north) > limit || nearestTown(point) !== index) continue
        if (labels[findCell(point[0], point[1])]! < 0) continue
        if (LAKES.some(lake => measureKm(point, lake.centre) < lake.radiusKm * 1.25)) continue
        at.set(`${row},${column}`, addPoint(roads, point))
      }
    }
    const link = (row: number, column: number, down: number, right: number): void => {
      const a = at.get(`${row},${column}`)
      const b = at.get(`${row + down},${column + right}`)
      if (a === undefined || b === undefined) return
      const line = down === 0 ? row : column
      const arterial = line % 3 === 0
      // 15 % of the lesser streets are missing, as in the superblocks of a Chinese city.
      if (arterial || own.next() > 0.15) {
        roads.edges.push({ a, b, roadClass: arterial ? 2 : 3, name: -1, bridge: false })
      }
    }
    for (let row = -reach; row <= reach; row++) {
      for (let column = -reach; column <= reach; column++) {
        link(row, column, 0, 1)
        link(row, column, 1, 0)
      }
    }
    nodesOfTown.push([...at.values()])
  }
  return nodesOfTown
}

/** Pairs of towns with no third town in the circle between them: the natural net of country roads (Gabriel graph). */
const pairTowns = (towns: Town[]): [number, number][] => {
  const pairs: [number, number][] = []
  for (let a = 0; a < towns.length; a++) {
    for (let b = a + 1; b < towns.length; b++) {
      const middle: Point = [(towns[a]!.site[0] + towns[b]!.site[0]) / 2, (towns[a]!.site[1] + towns[b]!.site[1]) / 2]
      const radiusKm = measureKm(towns[a]!.site, towns[b]!.site) / 2
      if (towns.every((town, c) => c === a || c === b || measureKm(town.site, middle) >= radiusKm)) pairs.push([a, b])
    }
  }
  return pairs
}

/** Marks the pairs on the way between neighbouring county seats; those become named national roads. */
const nameNationalRoads = (towns: Town[], pairs: [number, number][], roads: RoadDraft): Map<string, number> => {
  const named = new Map<string, number>()
  const seatOf = (code: string): number =>
    towns.findIndex(town => town.rank === 'seat' && COUNTIES[town.county]!.code === code)
  for (const [from, to, zh, en] of SEAT_ROADS) {
    const km = towns.map(() => Number.POSITIVE_INFINITY)
    const via = towns.map(() => -1)
    const done = new Set<number>()
    km[seatOf(from)] = 0
    while (done.size < towns.length) {
      let at = -1
      for (let i = 0; i < towns.length; i++) if (!done.has(i) && (at < 0 || km[i]! < km[at]!)) at = i
      done.add(at)
      for (const [a, b] of pairs) {
        const other = a === at ? b : b === at ? a : -1
        if (other < 0) continue
        // Detours cost more than length, so that the road picks few, long legs.
        const next = km[at]! + measureKm(towns[at]!.site, towns[other]!.site) ** 1.05
        if (next < km[other]!) {
          km[other] = next
          via[other] = at
        }
      }
    }
    const name = roads.names.push({ zh, en }) - 1
    for (let at = seatOf(to); via[at]! >= 0; at = via[at]!) {
      const key = `${Math.min(at, via[at]!)},${Math.max(at, via[at]!)}`
      if (!named.has(key)) named.set(key, name)
    }
  }
  return named
}

const findNearestNode = (roads: { points: Point[] }, nodes: Iterable<number>, point: Point): number => {
  let best = -1
  let bestKm = Number.POSITIVE_INFINITY
  for (const node of nodes) {
    const km = measureKm(roads.points[node]!, point)
    if (km < bestKm) {
      best = node
      bestKm = km
    }
  }
  return best
}

/** Villages between the towns and the small roads that join them with each other and with the towns. */
const drawVillageRoads = (
  roads: RoadDraft,
  towns: Town[],
  nodesOfTown: number[][],
  labels: Int16Array,
  chance: Chance,
): void => {
  const spots: Point[] = []
  for (let tries = 0; tries < 6_000 && spots.length < VILLAGES_MAX; tries++) {
    const spot: Point = [chance.range(120.25, 121.26), chance.range(30.33, 30.98)]
    if (labels[findCell(spot[0], spot[1])]! < 0) continue
    if (LAKES.some(lake => measureKm(spot, lake.centre) < lake.radiusKm * 1.6)) continue
    if (towns.some(town => measureKm(spot, town.site) < town.radiusKm + 1.4)) continue
    if (spots.every(other => measureKm(spot, other) > 2.6)) spots.push(spot)
  }
  const nodes = spots.map(spot => addPoint(roads, spot))
  // Relative neighbourhood among villages keeps the net thin; each village also reaches its nearest town.
  for (let a = 0; a < spots.length; a++) {
    for (let b = a + 1; b < spots.length; b++) {
      const span = measureKm(spots[a]!, spots[b]!)
      if (span > 7) continue
      const isFree = spots.every(
        (spot, c) => c === a || c === b || Math.max(measureKm(spot, spots[a]!), measureKm(spot, spots[b]!)) >= span,
      )
      if (!isFree) continue
      const line = roughenLine([spots[a]!, spots[b]!], 1.1, 0.14, chance.fork(a, b)).map(avoidLakes)
      if (line.some(point => labels[findCell(point[0], point[1])]! < 0)) continue
      addLine(roads, [nodes[a]!, ...line.slice(1, -1).map(point => addPoint(roads, point)), nodes[b]!], 3, -1)
    }
    let town = 0
    for (let index = 1; index < towns.length; index++) {
      if (measureKm(spots[a]!, towns[index]!.site) < measureKm(spots[a]!, towns[town]!.site)) town = index
    }
    const gate = findNearestNode(roads, nodesOfTown[town]!, spots[a]!)
    const km = measureKm(roads.points[gate]!, spots[a]!)
    if (km > 4.5) continue
    const line = roughenLine([spots[a]!, roads.points[gate]!], 1.1, 0.14, chance.fork(a, 'town')).map(avoidLakes)
    addLine(roads, [nodes[a]!, ...line.slice(1, -1).map(point => addPoint(roads, point)), gate], 3, -1)
  }
}

const drawCountryRoads = (
  roads: RoadDraft,
  towns: Town[],
  nodesOfTown: number[][],
  labels: Int16Array,
  chance: Chance,
): void => {
  const pairs = pairTowns(towns)
  const named = nameNationalRoads(towns, pairs, roads)
  for (const [a, b] of pairs) {
    const name = named.get(`${a},${b}`) ?? -1
    const from = towns[a]!
    const to = towns[b]!
    const own = chance.fork('road', a, b)
    const rough = roughenLine([from.site, to.site], 1.1, name >= 0 ? 0.07 : 0.12, own)
    const line = resampleLine(smoothLine(rough, 2), 0.8).map(avoidLakes)
    if (line.some(point => labels[findCell(point[0], point[1])] === LABEL_SEA)) continue
    const open = line.filter(
      point =>
        measureKm(point, from.site) > from.radiusKm * 1.02 + 0.25 &&
        measureKm(point, to.site) > to.radiusKm * 1.02 + 0.25,
    )
    const start = findNearestNode(roads, nodesOfTown[a]!, open[0] ?? to.site)
    const end = findNearestNode(roads, nodesOfTown[b]!, open[open.length - 1] ?? from.site)
    addLine(roads, [start, ...open.map(point => addPoint(roads, point)), end], name >= 0 ? 1 : 2, name)
  }
  drawVillageRoads(roads, towns, nodesOfTown, labels, chance.fork('villages'))
  // The ring road of the twin seats, six kilometres outside their common middle.
  const ringName = roads.names.push({ zh: '环城路', en: 'Ring Road' }) - 1
  const middle: Point = [120.757, 30.757]
  const ring: number[] = []
  for (let i = 0; i < 60; i++) {
    const angle = (2 * Math.PI * i) / 60
    const stretch = 1 + 0.06 * Math.sin(3 * angle + 1)
    // The seats lie north-west and south-east of each other, so the ring is longer on that diagonal.
    const along = Math.cos(angle) * 10.4 * stretch
    const across = Math.sin(angle) * 7.2 * stretch
    ring.push(
      addPoint(
        roads,
        offsetKm(
          middle,
          along * Math.cos(-0.5) - across * Math.sin(-0.5),
          along * Math.sin(-0.5) + across * Math.cos(-0.5),
        ),
      ),
    )
  }
  addLine(roads, [...ring, ring[0]!], 1, ringName)
}

/** Puts a node wherever two roads of the ground cross; expressways pass above and are left out. */
const joinCrossings = (roads: RoadDraft): void => {
  const buckets = new Map<number, number[]>()
  const size = 0.01
  const bucketsOf = (edge: RoadEdge): number[] => {
    const a = roads.points[edge.a]!
    const b = roads.points[edge.b]!
    const keys: number[] = []
    for (let i = Math.floor(Math.min(a[0], b[0]) / size); i <= Math.floor(Math.max(a[0], b[0]) / size); i++) {
      for (let j = Math.floor(Math.min(a[1], b[1]) / size); j <= Math.floor(Math.max(a[1], b[1]) / size); j++) {
        keys.push(i * 100_000 + j)
      }
    }
    return keys
  }
  const cuts = new Map<number, { t: number; node: number }[]>()
  const cut = (edge: number, t: number, node: number): void => {
    const list = cuts.get(edge)
    if (list) list.push({ t, node })
    else cuts.set(edge, [{ t, node }])
  }
  for (let index = 0; index < roads.edges.length; index++) {
    const edge = roads.edges[index]!
    const seen = new Set<number>()
    for (const key of bucketsOf(edge)) {
      const bucket = buckets.get(key)
      for (const other of bucket ?? []) {
        if (seen.has(other)) continue
        seen.add(other)
        const rival = roads.edges[other]!
        if (rival.a === edge.a || rival.a === edge.b || rival.b === edge.a || rival.b === edge.b) continue
        const a = roads.points[edge.a]!
        const b = roads.points[edge.b]!
        const t = crossAt(a, b, roads.points[rival.a]!, roads.points[rival.b]!)
        if (t === undefined) continue
        const node = addPoint(roads, [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t])
        const c = roads.points[rival.a]!
        const d = roads.points[rival.b]!
        const at = roads.points[node]!
        cut(index, t, node)
        cut(other, measureKm(c, at) / Math.max(1e-9, measureKm(c, d)), node)
      }
      if (bucket) bucket.push(index)
      else buckets.set(key, [index])
    }
  }
  const split: RoadEdge[] = []
  roads.edges.forEach((edge, index) => {
    const list = cuts.get(index)
    if (!list) {
      split.push(edge)
      return
    }
    let from = edge.a
    for (const { node } of list.sort((x, y) => x.t - y.t)) {
      if (node !== from) split.push({ ...edge, a: from, b: node })
      from = node
    }
    if (from !== edge.b) split.push({ ...edge, a: from, b: edge.b })
  })
  roads.edges = split
}

const drawExpressways = (roads: RoadDraft): void => {
  const ground = roads.points.map((_, node) => node)
  const lines: number[][] = []
  for (const route of EXPRESSWAYS) {
    const name = roads.names.push({ zh: route.name, en: route.nameEn }) - 1
    const points = resampleLine(smoothLine(route.line, 3), 1.2).filter(point => findCell(point[0], point[1]) >= 0)
    const nodes = points.map(point => addPoint(roads, point))
    addLine(roads, nodes, 0, name)
    lines.push(nodes)
    // An interchange about every seven kilometres, where a road of the ground is near.
    let sinceKm = 4
    for (let i = 1; i < nodes.length; i++) {
      sinceKm += measureKm(roads.points[nodes[i]!]!, roads.points[nodes[i - 1]!]!)
      const near = findNearestNode(roads, ground, roads.points[nodes[i]!]!)
      if (sinceKm > 7 && measureKm(roads.points[near]!, roads.points[nodes[i]!]!) < 1.6) {
        roads.edges.push({ a: nodes[i]!, b: near, roadClass: 2, name: -1, bridge: false })
        sinceKm = 0
      }
    }
  }
  for (let a = 0; a < lines.length; a++) {
    for (let b = a + 1; b < lines.length; b++) {
      let best: [number, number] | undefined
      let bestKm = 1.3
      for (const i of lines[a]!) {
        for (const j of lines[b]!) {
          const km = measureKm(roads.points[i]!, roads.points[j]!)
          if (km < bestKm) {
            best = [i, j]
            bestKm = km
          }
        }
      }
      if (best) roads.edges.push({ a: best[0], b: best[1], roadClass: 0, name: -1, bridge: false })
    }
  }
}

/** Marks edges over water as bridges and takes most of the lesser streets over the named rivers away. */
const bridgeWater = (roads: RoadDraft, waters: { line: Point[]; major: boolean }[], chance: Chance): RoadEdge[] => {
  const cells = new Map<number, { a: Point; b: Point; major: boolean }[]>()
  const size = 0.02
  for (const water of waters) {
    for (let i = 0; i + 1 < water.line.length; i++) {
      const a = water.line[i]!
      const b = water.line[i + 1]!
      for (let x = Math.floor(Math.min(a[0], b[0]) / size) - 1; x <= Math.floor(Math.max(a[0], b[0]) / size) + 1; x++) {
        for (
          let y = Math.floor(Math.min(a[1], b[1]) / size) - 1;
          y <= Math.floor(Math.max(a[1], b[1]) / size) + 1;
          y++
        ) {
          const key = x * 100_000 + y
          const list = cells.get(key)
          if (list) list.push({ a, b, major: water.major })
          else cells.set(key, [{ a, b, major: water.major }])
        }
      }
    }
  }
  const removed: RoadEdge[] = []
  roads.edges = roads.edges.filter(edge => {
    const a = roads.points[edge.a]!
    const b = roads.points[edge.b]!
    const key = Math.floor((a[0] + b[0]) / 2 / size) * 100_000 + Math.floor((a[1] + b[1]) / 2 / size)
    let major = false
    for (const leg of cells.get(key) ?? []) {
      if (crossAt(a, b, leg.a, leg.b) !== undefined) {
        edge.bridge = true
        major ||= leg.major
      }
    }
    if (major && edge.roadClass === 3 && chance.next() < 0.75) {
      removed.push(edge)
      return false
    }
    return true
  })
  return removed
}

/** Makes the roads one connected whole: first by the streets taken away, then by short links, then by leaving islets out. */
const connectRoads = (roads: RoadDraft, removed: RoadEdge[]): void => {
  const parent = roads.points.map((_, node) => node)
  const find = (node: number): number => {
    let root = node
    while (parent[root] !== root) root = parent[root]!
    let at = node
    while (parent[at] !== root) {
      const next = parent[at]!
      parent[at] = root
      at = next
    }
    return root
  }
  const unite = (a: number, b: number): void => {
    parent[find(a)] = find(b)
  }
  for (const edge of roads.edges) unite(edge.a, edge.b)
  for (const edge of removed) {
    if (find(edge.a) !== find(edge.b)) {
      roads.edges.push(edge)
      unite(edge.a, edge.b)
    }
  }
  const groups = new Map<number, number[]>()
  for (let node = 0; node < roads.points.length; node++) {
    const root = find(node)
    const group = groups.get(root)
    if (group) group.push(node)
    else groups.set(root, [node])
  }
  const bySize = [...groups.values()].sort((a, b) => b.length - a.length)
  const main = bySize[0]!
  const kept = new Set(main)
  for (const group of bySize.slice(1)) {
    let best: [number, number] | undefined
    let bestKm = 2
    for (const node of group) {
      const near = findNearestNode(roads, main, roads.points[node]!)
      const km = measureKm(roads.points[near]!, roads.points[node]!)
      if (km < bestKm) {
        best = [node, near]
        bestKm = km
      }
    }
    if (!best) continue
    roads.edges.push({ a: best[0], b: best[1], roadClass: 3, name: -1, bridge: false })
    for (const node of group) kept.add(node)
  }
  const renumber = new Int32Array(roads.points.length).fill(-1)
  const points: Point[] = []
  for (let node = 0; node < roads.points.length; node++) {
    if (kept.has(node)) renumber[node] = points.push(roads.points[node]!) - 1
  }
  roads.points = points
  roads.edges = roads.edges
    .filter(edge => kept.has(edge.a) && kept.has(edge.b))
    .map(edge => ({ ...edge, a: renumber[edge.a]!, b: renumber[edge.b]! }))
}

const packGraph = (roads: RoadDraft, street: Int16Array): RoadGraph => {
  const count = roads.points.length
  const first = new Int32Array(count + 1)
  for (const edge of roads.edges) {
    first[edge.a + 1] = first[edge.a + 1]! + 1
    first[edge.b + 1] = first[edge.b + 1]! + 1
  }
  for (let node = 0; node < count; node++) first[node + 1] = first[node + 1]! + first[node]!
  const arcs = roads.edges.length * 2
  const graph: RoadGraph = {
    lon: Float64Array.from(roads.points, point => point[0]),
    lat: Float64Array.from(roads.points, point => point[1]),
    first,
    to: new Int32Array(arcs),
    lengthM: new Float32Array(arcs),
    roadClass: new Uint8Array(arcs),
    bridge: new Uint8Array(arcs),
    street: Int16Array.from(roads.points, point => {
      const cell = findCell(point[0], point[1])
      return cell < 0 ? -1 : Math.max(-1, street[cell]!)
    }),
  }
  const next = first.slice()
  const put = (from: number, to: number, edge: RoadEdge): void => {
    const arc = next[from]!
    next[from] = arc + 1
    graph.to[arc] = to
    graph.lengthM[arc] = measureKm(roads.points[from]!, roads.points[to]!) * 1000
    graph.roadClass[arc] = edge.roadClass
    graph.bridge[arc] = edge.bridge ? 1 : 0
  }
  for (const edge of roads.edges) {
    put(edge.a, edge.b, edge)
    put(edge.b, edge.a, edge)
  }
  return graph
}

/** Joins edges of one class and name into long lines, going straight on where it can. */
const mergeLines = (roads: RoadDraft, edges: RoadEdge[]): Point[][] => {
  const at = new Map<number, number[]>()
  edges.forEach((edge, index) => {
    for (const node of [edge.a, edge.b]) {
      const list = at.get(node)
      if (list) list.push(index)
      else at.set(node, [index])
    }
  })
  const used = new Uint8Array(edges.length)
  const lines: Point[][] = []
  const extend = (path: number[]): void => {
    for (;;) {
      const end = path[path.length - 1]!
      const before = path[path.length - 2]!
      const p = roads.points[before]!
      const q = roads.points[end]!
      let best = -1
      let bestTurn = 0.5 // cosine: turns over 60° end the line
      for (const index of at.get(end)!) {
        if (used[index]) continue
        const edge = edges[index]!
        const r = roads.points[edge.a === end ? edge.b : edge.a]!
        const ux = (q[0] - p[0]) * KM_PER_DEGREE_LON
        const uy = (q[1] - p[1]) * KM_PER_DEGREE
        const vx = (r[0] - q[0]) * KM_PER_DEGREE_LON
        const vy = (r[1] - q[1]) * KM_PER_DEGREE
        const turn = (ux * vx + uy * vy) / Math.max(1e-12, Math.hypot(ux, uy) * Math.hypot(vx, vy))
        if (turn > bestTurn) {
          best = index
          bestTurn = turn
        }
      }
      if (best < 0) return
      used[best] = 1
      path.push(edges[best]!.a === end ? edges[best]!.b : edges[best]!.a)
    }
  }
  for (let index = 0; index < edges.length; index++) {
    if (used[index]) continue
    used[index] = 1
    const path = [edges[index]!.a, edges[index]!.b]
    extend(path)
    path.reverse()
    extend(path)
    lines.push(path.map(node => roads.points[node]!))
  }
  return lines
}

// ── the basemap ───────────────────────────────────────────────────────────────────────────────────────────────────

const drawWaters = (
  towns: Town[],
  labels: Int16Array,
  chance: Chance,
): { draft: WaterDraft; line: Point[]; major: boolean }[] => {
  const waters = WATERWAYS.map((draft, index) => ({
    draft,
    line: smoothLine(roughenLine(draft.line, 2.5, 0.14, chance.fork('river', index)), 1)
      .filter(point => labels[findCell(point[0], point[1])] !== LABEL_SEA)
      .map(roundPoint),
    major: true,
  }))
  // Small canals join neighbouring wet spots: the texture of a water-net plain.
  const spots: Point[] = []
  const own = chance.fork('canals')
  for (let tries = 0; tries < 4000 && spots.length < 95; tries++) {
    const spot: Point = [own.range(120.28, 121.2), own.range(30.36, 30.95)]
    const isInland = COUNTIES.some(county => isInRing(spot[0], spot[1], county.ring))
    if (isInland && spots.every(other => measureKm(spot, other) > 4.6)) spots.push(spot)
  }
  for (let a = 0; a < spots.length; a++) {
    for (let b = a + 1; b < spots.length; b++) {
      const span = measureKm(spots[a]!, spots[b]!)
      if (span > 9) continue
      // Relative neighbourhood: no third spot nearer to both than they are to each other.
      const isFree = spots.every(
        (spot, c) => c === a || c === b || Math.max(measureKm(spot, spots[a]!), measureKm(spot, spots[b]!)) >= span,
      )
      if (!isFree || own.next() < 0.12) continue
      const line = smoothLine(roughenLine([spots[a]!, spots[b]!], 1.6, 0.16, own.fork(a, b)), 1).map(roundPoint)
      if (towns.some(town => line.some(point => measureKm(point, town.site) < town.radiusKm * 0.35))) continue
      waters.push({ draft: { class: 'canal', line }, line, major: false })
    }
  }
  return waters
}

const pushOut = (ring: Point[]): Point[] =>
  // The sea runs on beyond the raster, so that a wide screen shows no cut edge.
  ring.map(([lon, lat]) => [
    lon <= RASTER.west + 1e-6 ? 119 : lon >= RASTER.east - 1e-6 ? 123 : lon,
    lat <= RASTER.south + 1e-6 ? 29.2 : lat,
  ])

const drawBasemap = (
  roads: RoadDraft,
  waters: ReturnType<typeof drawWaters>,
  seaRings: Point[][],
  towns: Town[],
  streets: CityRegion[],
  chance: Chance,
): BasemapFeature[] => {
  const features: BasemapFeature[] = []
  const add = (properties: BasemapFeature['properties'], geometry: BasemapFeature['geometry']): void => {
    features.push({ type: 'Feature', properties, geometry })
  }
  add(
    { layer: 'water', class: 'sea', name: '杭州湾(示意)', nameEn: 'Hangzhou Bay (schematic)' },
    { type: 'Polygon', coordinates: seaRings.map(pushOut) },
  )
  GREENS.forEach((green, index) => {
    const label = green.name && green.nameEn ? { name: green.name, nameEn: green.nameEn } : {}
    const ring = drawBlob(green, 40, chance.fork('green', index))
    add({ layer: 'green', ...label }, { type: 'Polygon', coordinates: [ring] })
  })
  LAKES.forEach((lake, index) => {
    const label = lake.name && lake.nameEn ? { name: lake.name, nameEn: lake.nameEn } : {}
    const ring = drawBlob(lake, 44, chance.fork('lake', index))
    add({ layer: 'water', class: 'lake', ...label }, { type: 'Polygon', coordinates: [ring] })
  })
  for (const water of waters.filter(one => one.major)) {
    const { name, nameEn } = water.draft
    add(
      { layer: 'water', class: water.draft.class, ...(name && nameEn ? { name, nameEn } : {}) },
      { type: 'LineString', coordinates: water.line },
    )
  }
  add(
    { layer: 'water', class: 'canal' },
    { type: 'MultiLineString', coordinates: waters.filter(one => !one.major).map(one => one.line) },
  )
  for (const railway of RAILWAYS) {
    const line = smoothLine(railway.line, 3).map(roundPoint)
    add({ layer: 'rail', name: railway.name, nameEn: railway.nameEn }, { type: 'LineString', coordinates: line })
  }
  const shown = ['expressway', 'arterial', 'arterial', 'collector'] as const
  for (const roadClass of [3, 2, 1, 0] as const) {
    for (let name = -1; name < roads.names.length; name++) {
      const edges = roads.edges.filter(edge => edge.roadClass === roadClass && edge.name === name)
      if (edges.length === 0) continue
      const label = name >= 0 ? { name: roads.names[name]!.zh, nameEn: roads.names[name]!.en } : {}
      add(
        { layer: 'road', class: shown[roadClass], ...label },
        { type: 'MultiLineString', coordinates: mergeLines(roads, edges) },
      )
    }
  }
  towns.forEach((town, index) => {
    const county = COUNTIES[town.county]!
    const street = streets[index]!
    const label =
      town.rank === 'seat'
        ? { name: county.name, nameEn: county.nameEn }
        : { name: street.name.replace(/(街道|镇)$/, ''), nameEn: street.nameEn.replace(/ (Subdistrict|Town)$/, '') }
    add(
      { layer: 'place', ...(town.rank === 'seat' ? {} : { class: 'town' as const }), ...label },
      { type: 'Point', coordinates: roundPoint(town.site) },
    )
  })
  return features
}

// ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────────

const nameStreets = (towns: Town[], chance: Chance): { zh: string; en: string }[] => {
  const used = new Set<string>()
  return towns.map(town => {
    for (;;) {
      const [firstZh, firstEn] = chance.pick(NAME_FIRST)
      const [lastZh, lastEn] = chance.pick(NAME_LAST)
      // The romanised name must be free as well: 荷 and 鹤 read the same.
      if (used.has(firstZh + lastZh) || used.has(firstEn + lastEn)) continue
      used.add(firstZh + lastZh).add(firstEn + lastEn)
      return town.rank === 'town'
        ? { zh: `${firstZh}${lastZh}镇`, en: `${firstEn}${lastEn} Town` }
        : { zh: `${firstZh}${lastZh}街道`, en: `${firstEn}${lastEn} Subdistrict` }
    }
  })
}

/** Splits a whole number by weights so that the parts add up to it exactly (largest remainders). */
const apportion = (total: number, weights: number[]): number[] => {
  const sum = weights.reduce((a, b) => a + b, 0)
  const parts = weights.map(weight => Math.floor((total * weight) / sum))
  const order = weights
    .map((weight, index) => ({ index, rest: (total * weight) / sum - parts[index]! }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index)
  let left = total - parts.reduce((a, b) => a + b, 0)
  for (const { index } of order) {
    if (left-- <= 0) break
    parts[index] = parts[index]! + 1
  }
  return parts
}

const drawRegions = (
  arcs: Arc[],
  towns: Town[],
  names: { zh: string; en: string }[],
  chance: Chance,
): { regions: CityRegion[]; streets: CityRegion[] } => {
  const streets: CityRegion[] = []
  const counties: CityRegion[] = []
  COUNTIES.forEach((county, countyIndex) => {
    const own = towns.map((town, index) => ({ town, index })).filter(({ town }) => town.county === countyIndex)
    const rings = own.map(({ index }) => stitchRings(arcs, label => label === index))
    const weights = own.map(({ town }, index) => {
      // Density per square kilometre falls from the seat to the towns; the ground counts, but little.
      const area = Math.abs(measureRingArea(rings[index]![0]!)) * KM_PER_DEGREE * KM_PER_DEGREE_LON
      const density = town.rank === 'seat' ? 5_200 : town.rank === 'subdistrict' ? 1_900 : 780
      return density * Math.min(area, 90) * chance.range(0.85, 1.15)
    })
    const population = apportion(county.population, weights)
    own.forEach(({ town, index }, at) => {
      streets[index] = {
        code: `${county.code}${`${at + 1}`.padStart(3, '0')}`,
        parentCode: county.code,
        name: names[index]!.zh,
        nameEn: names[index]!.en,
        level: 'street',
        lon: round5(town.site[0]),
        lat: round5(town.site[1]),
        population: population[at]!,
        polygon: rings[at]!,
      }
    })
    counties.push({
      code: county.code,
      parentCode: CITY_CODE,
      name: county.name,
      nameEn: county.nameEn,
      level: 'county',
      lon: county.seat[0],
      lat: county.seat[1],
      population: county.population,
      polygon: stitchRings(arcs, label => label >= 0 && towns[label]!.county === countyIndex),
    })
  })
  const city: CityRegion = {
    code: CITY_CODE,
    name: '嘉兴市(示意)',
    nameEn: 'Jiaxing (schematic)',
    level: 'city',
    lon: 120.757,
    lat: 30.757,
    population: COUNTIES.reduce((sum, county) => sum + county.population, 0),
    polygon: stitchRings(arcs, label => label >= 0),
  }
  return { regions: [city, ...counties, ...streets], streets }
}

const listStreetNodes = (graph: RoadGraph, streets: CityRegion[]): Int32Array[] => {
  const lists: number[][] = streets.map(() => [])
  for (let node = 0; node < graph.street.length; node++) {
    const street = graph.street[node]!
    if (street < 0) continue
    // Nobody lives on an expressway: only nodes that a street or arterial touches can be an address.
    let lived = false
    for (let arc = graph.first[node]!; arc < graph.first[node + 1]!; arc++) lived ||= graph.roadClass[arc]! >= 1
    if (lived) lists[street]!.push(node)
  }
  return lists.map(list => Int32Array.from(list))
}

const pad = (value: number, width: number): string => `${value}`.padStart(width, '0')

const placeStations = (
  city: Omit<City, 'stations' | 'hospitals' | 'facilities' | 'centres' | 'units'>,
  count: number,
): CityPlace[] => {
  const { streets, graph } = city
  // Largest streets first, yet every county gets its seat and no county is left with one station.
  const order = streets.map((street, index) => ({ street, index, rank: street.code.endsWith('001') ? 0 : 1 }))
  order.sort((a, b) => a.rank - b.rank || b.street.population - a.street.population)
  return order.slice(0, count).map(({ street, index }, at) => {
    const site: Point = [street.lon, street.lat]
    const node = findNearestNode(
      { points: Array.from(graph.lon, (lon, i): Point => [lon, graph.lat[i]!]) },
      city.streetNodes[index]!,
      site,
    )
    return {
      id: `ST-JX-${pad(at + 1, 2)}`,
      name: `${street.name.replace(/(街道|镇)$/, '')}急救站`,
      nameEn: `${street.nameEn.replace(/ (Subdistrict|Town)$/, '')} EMS Station`,
      region: street.code,
      lon: graph.lon[node]!,
      lat: graph.lat[node]!,
      node,
      kind: 'station' as const,
      size: 1,
    }
  })
}

const placeAtStreet = (
  city: Pick<City, 'streets' | 'graph' | 'streetNodes'>,
  streetIndex: number,
  candidatesMax: number,
  chance: Chance,
): { region: string; lon: number; lat: number; node: number } => {
  const nodes = city.streetNodes[streetIndex]!
  const street = city.streets[streetIndex]!
  let node = -1
  let nodeKm = Number.POSITIVE_INFINITY
  // The nearest of some candidates: the more candidates, the closer to the middle of the street's town.
  for (let i = 0; i < candidatesMax; i++) {
    const candidate = nodes[chance.int(nodes.length)]!
    const km = measureKm([city.graph.lon[candidate]!, city.graph.lat[candidate]!], [street.lon, street.lat])
    if (km < nodeKm) {
      node = candidate
      nodeKm = km
    }
  }
  const point = roundPoint(
    offsetKm([city.graph.lon[node]!, city.graph.lat[node]!], chance.range(-0.08, 0.08), chance.range(-0.08, 0.08)),
  )
  return { region: street.code, lon: point[0], lat: point[1], node }
}

const placeHospitals = (city: Pick<City, 'streets' | 'graph' | 'streetNodes'>, chance: Chance): CityPlace[] => {
  const hospitals: CityPlace[] = []
  for (const county of COUNTIES) {
    const own = city.streets
      .map((street, index) => ({ street, index }))
      .filter(({ street }) => street.parentCode === county.code)
    const kinds: [string, string, number][] = [
      ['综合医院', 'General Hospital', 2_400],
      ['中医医院', 'Chinese Medicine Hospital', 1_100],
    ]
    kinds.forEach(([zh, en, size], at) => {
      hospitals.push({
        id: `H-JX-${pad(hospitals.length + 1, 2)}`,
        name: `${county.name}${zh}`,
        nameEn: `${county.nameEn} ${en}`,
        ...placeAtStreet(city, own[at]!.index, 6, chance.fork('hospital', county.code, at)),
        kind: 'hospital',
        size: Math.round((size * county.population) / 800_000),
      })
    })
  }
  return hospitals
}

const placeFacilities = (
  city: Pick<City, 'streets' | 'graph' | 'streetNodes'>,
  count: number,
  chance: Chance,
): CityPlace[] => {
  const kinds = [
    { kind: 'clinic', zh: '社区卫生服务站', en: 'Community Clinic', share: 0.38, size: [60, 220] },
    { kind: 'school', zh: '学校', en: 'School', share: 0.32, size: [500, 1_900] },
    { kind: 'pharmacy', zh: '药房', en: 'Pharmacy', share: 0.3, size: [80, 320] },
  ] as const
  const numbers = apportion(
    count,
    kinds.map(one => one.share),
  )
  const facilities: CityPlace[] = []
  kinds.forEach((one, at) => {
    const perStreet = apportion(
      numbers[at]!,
      // Every street should have one of each kind before the large ones get a second.
      city.streets.map(street => 20_000 + street.population),
    )
    perStreet.forEach((many, streetIndex) => {
      const street = city.streets[streetIndex]!
      for (let i = 0; i < many; i++) {
        const own = chance.fork('facility', one.kind, street.code, i)
        const ordinal = many > 1 ? ['第一', '第二', '第三', '第四', '第五', '第六', '第七', '第八'][i % 8]! : ''
        facilities.push({
          id: `F-JX-${pad(facilities.length + 1, 3)}`,
          name: `${street.name.replace(/(街道|镇)$/, '')}${ordinal}${one.zh}`,
          nameEn: `${street.nameEn.replace(/ (Subdistrict|Town)$/, '')} ${one.en}${many > 1 ? ` ${i + 1}` : ''}`,
          ...placeAtStreet(city, streetIndex, 2, own),
          kind: one.kind,
          size: Math.round(own.range(one.size[0], one.size[1])),
        })
      }
    })
  })
  return facilities
}

const placeCentres = (city: Pick<City, 'streets' | 'graph' | 'streetNodes'>, chance: Chance): CityPlace[] => {
  const seatOf = (code: string): number => city.streets.findIndex(street => street.code === `${code}001`)
  const first = COUNTIES[0]!
  const centres: CityPlace[] = [
    {
      id: 'C-JX-120',
      name: '市 120 急救指挥中心',
      nameEn: 'City 120 Command Centre',
      ...placeAtStreet(city, seatOf(first.code), 12, chance.fork('centre')),
      kind: 'centre',
      size: 1,
    },
  ]
  for (const county of COUNTIES) {
    centres.push({
      id: `C-JX-12320-${county.code}`,
      name: `${county.name} 12320 卫生热线`,
      nameEn: `${county.nameEn} 12320 Health Hotline`,
      ...placeAtStreet(city, seatOf(county.code), 8, chance.fork('hotline', county.code)),
      kind: 'centre',
      size: Math.round(county.population / 10_000),
    })
  }
  return centres
}

const raiseFleet = (stations: CityPlace[], streets: CityRegion[], count: number, chance: Chance): CityUnit[] => {
  const byCode = new Map(streets.map(street => [street.code, street]))
  const perStation = apportion(
    count,
    stations.map(station => 30_000 + byCode.get(station.region)!.population),
  )
  const units: CityUnit[] = []
  const numberOf = new Map<string, number>()
  stations.forEach((station, index) => {
    const countyCode = station.region.slice(0, 6)
    const county = COUNTIES.find(one => one.code === countyCode)!
    for (let i = 0; i < perStation[index]!; i++) {
      const number = (numberOf.get(countyCode) ?? 0) + 1
      numberOf.set(countyCode, number)
      units.push({
        id: `U-JX-${pad(units.length + 1, 3)}`,
        callSign: `${county.name.slice(0, 2)} ${pad(number, 2)}`,
        // 急 and four digits is no pattern of real plates, so nobody's plate can be hit by chance.
        plate: `浙F·急${pad(units.length + 1, 4)}`,
        // Two in five with negative pressure is the national target for 2025.
        class: (['A', 'B', 'C', 'D'] as const)[chance.weighted([0.24, 0.32, 0.4, 0.04])]!,
        stationId: station.id,
        region: countyCode,
        node: station.node,
      })
    }
    station.size = perStation[index]!
  })
  return units
}

/**
 * Draws the demo city of a seed.
 * Throws a RangeError when a number of the plan is not a whole number in its range.
 */
export const seedCity = (plan: CityPlan): City => {
  const unitCount = plan.units ?? UNITS_DEFAULT
  const stationCount = plan.stations ?? STATIONS_DEFAULT
  const facilityCount = plan.facilities ?? FACILITIES_DEFAULT
  const checks: [string, number, number, number][] = [
    ['seed', plan.seed, 0, Number.MAX_SAFE_INTEGER],
    ['units', unitCount, 1, UNITS_MAX],
    ['stations', stationCount, COUNTIES.length, STATIONS_MAX],
    ['facilities', facilityCount, 3, FACILITIES_MAX],
  ]
  for (const [name, value, low, high] of checks) {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new RangeError(`${name} must be a whole number from ${low} to ${high}, not ${value}`)
    }
  }
  const chance = createChance(plan.seed).fork('city')
  const counties = labelCounties(chance.fork('counties'))
  const towns = placeTowns(counties, chance.fork('towns'))
  const streetLabels = growStreets(counties, towns, chance.fork('streets'))
  const arcs = traceArcs(streetLabels)
  const names = nameStreets(towns, chance.fork('names'))
  const { regions, streets } = drawRegions(arcs, towns, names, chance.fork('population'))

  const waters = drawWaters(towns, counties, chance.fork('water'))
  const roads: RoadDraft = { points: [], edges: [], names: [] }
  const nodesOfTown = drawTownGrids(roads, towns, counties, chance.fork('grids'))
  drawCountryRoads(roads, towns, nodesOfTown, counties, chance.fork('country'))
  joinCrossings(roads)
  drawExpressways(roads)
  const removed = bridgeWater(roads, waters, chance.fork('bridges'))
  connectRoads(roads, removed)
  const graph = packGraph(roads, streetLabels)

  const seaRings = stitchRings(arcs, label => label === LABEL_SEA)
  const features = drawBasemap(roads, waters, seaRings, towns, streets, chance.fork('basemap'))
  const ground = {
    seed: plan.seed,
    regions,
    streets,
    streetNodes: listStreetNodes(graph, streets),
    basemap: { type: 'FeatureCollection' as const, features },
    graph,
  }
  const stations = placeStations(ground, stationCount)
  return {
    ...ground,
    stations,
    hospitals: placeHospitals(ground, chance.fork('hospitals')),
    facilities: placeFacilities(ground, facilityCount, chance.fork('facilities')),
    centres: placeCentres(ground, chance.fork('centres')),
    units: raiseFleet(stations, streets, unitCount, chance.fork('fleet')),
  }
}

/** The road pack of a region, in the shape that the house reads from `roads.json` (server/roads/pack.ts says what each part means). */
export interface CityRoads {
  meta: { name: string; source: string; licence: string; crs: 'WGS-84'; schematic: true; day: string }
  classes: { name: string; speedKmh: number }[]
  hourFactors: { plain: number[]; siren: number[] }
  nodes: { lon: number[]; lat: number[] }
  arcs: { twoWay: true; from: number[]; to: number[]; metres: number[]; class: number[] }
}

/**
 * Makes the road pack of a city; `day` is the day it is published, `speedsKmh` stand in the order of ROAD_CLASSES, the factors on
 * them for each hour of the week from Monday 00:00. Every road is written once, from its lower node.
 */
export const packRoads = (
  city: City,
  day: string,
  speedsKmh: readonly number[],
  hourFactors: { plain: number[]; siren: number[] },
): CityRoads => {
  const { lon, lat, first, to, lengthM, roadClass } = city.graph
  const arcs: CityRoads['arcs'] = { twoWay: true, from: [], to: [], metres: [], class: [] }
  for (let node = 0; node < lon.length; node++) {
    for (let arc = first[node]!; arc < first[node + 1]!; arc++) {
      if (to[arc]! <= node) continue
      arcs.from.push(node)
      arcs.to.push(to[arc]!)
      arcs.metres.push(Math.round(lengthM[arc]! * 10) / 10)
      arcs.class.push(roadClass[arc]!)
    }
  }
  const { name, source, licence, crs, schematic } = packCity(city, day).meta
  return {
    meta: { name, source, licence, crs, schematic, day },
    classes: ROAD_CLASSES.map((className, index) => ({ name: className, speedKmh: speedsKmh[index] ?? 0 })),
    hourFactors,
    nodes: { lon: [...lon], lat: [...lat] },
    arcs,
  }
}

/** Makes the region and basemap pack of a city; `day` is the day it is published, YYYY-MM-DD. */
export const packCity = (city: City, day: string): CityPack => ({
  meta: {
    name: '嘉兴市(示意)',
    source:
      '程序按种子自绘的示意图,非实测;除县(市、区)名称外均为虚构 / drawn from a seed; only the county names are real',
    licence: 'CC0-1.0',
    crs: 'WGS-84',
    schematic: true,
    day,
  },
  regions: city.regions,
  basemap: city.basemap,
})

// The gazetteer of the demo city: roads drawn along the streets of its graph, their junctions, mile posts of the trunk roads,
// villages, estates and landmarks near where people live, and the places the register knows. Every name is invented but for the
// seven counties; names that every Chinese town has (人民路, 中山路) stand once in each county, as they do in life.
// It stands before the line beside seed.ts: the same seed draws the same names. `drawNames` makes as many as a bench asks for.
import { type City, createChance, isInPolygon } from './seed.ts'

/** A line of `gazetteer.ndjson` (contract/address.ts). */
export interface NameRow {
  id: string
  kind: 'region' | 'place' | 'road' | 'junction' | 'landmark' | 'facility'
  name: string
  nameEn?: string
  aliases?: string[]
  regionCode?: string
  lon: number
  lat: number
  weight?: number
  roads?: string[]
  code?: string
  posts?: [number, number, number][]
}

const TOWN_ROADS = [
  ...'人民 中山 建国 解放 建设 新华 文化 和平 友谊 振兴 环城东 环城西 环城南 环城北 城东 城西 迎宾 站前 体育 学府'.split(
    ' ',
  ),
]
const ROAD_FIRST = [...'云清栖澄芦菱荷棠柳松鹤雁霞晴桑稻蚕竹梅兰秋月星文安永凤龙东西南北春洪庆禾嘉秀纺丝甪']
const ROAD_LAST = [...'溪桥塘浜港湾泾渡荡圩浦里园山河湖源阳祥和兴盛安泰宁']
const PLACE_FIRST = [
  ...'金 银 阳光 碧水 世纪 锦绣 翠湖 紫荆 香樟 丽景 江南 水岸 名仕 东方 盛世 月河 梅湾 凤凰 望湖 秀水 穆湖 绿洲 天鹅 百合 玫瑰 云澜 清河'.split(
    ' ',
  ),
]
const ESTATES = ['花园', '小区', '家园', '新村', '公寓', '苑', '嘉园', '雅苑', '名邸', '花苑']
const VILLAGE_LAST = ['村', '社区', '浜村', '桥村', '埭村', '渡村', '荡村', '新村']
const LANDMARKS: readonly [suffix: string, en: string, weight: number][] = [
  ['广场', 'Plaza', 0.7],
  ['大厦', 'Tower', 0.5],
  ['公园', 'Park', 0.6],
  ['农贸市场', 'Market', 0.6],
  ['购物中心', 'Mall', 0.8],
  ['汽车站', 'Bus Station', 0.8],
  ['大酒店', 'Hotel', 0.5],
  ['加油站', 'Filling Station', 0.4],
  ['工业园', 'Industrial Park', 0.4],
  ['小学', 'Primary School', 0.5],
  ['中学', 'Middle School', 0.6],
  ['幼儿园', 'Kindergarten', 0.4],
  ['敬老院', 'Nursing Home', 0.5],
  ['影城', 'Cinema', 0.4],
  ['大桥', 'Bridge', 0.5],
  ['码头', 'Wharf', 0.3],
]

const round6 = (value: number): number => Math.round(value * 1e6) / 1e6
const kmPerDegree = 111.195

const measureM = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot((a[0]! - b[0]!) * Math.cos((30.65 * Math.PI) / 180), a[1]! - b[1]!) * kmPerDegree * 1_000

/** Posts of a line, one every 500 m from K0. */
const postLine = (line: readonly (readonly number[])[]): [number, number, number][] => {
  const posts: [number, number, number][] = []
  let walked = 0
  let next = 0
  for (let i = 1; i < line.length; i++) {
    const from = line[i - 1]!
    const to = line[i]!
    const length = measureM(from, to)
    for (; next <= walked + length && length > 0; next += 500) {
      const share = (next - walked) / length
      posts.push([next, round6(from[0]! + (to[0]! - from[0]!) * share), round6(from[1]! + (to[1]! - from[1]!) * share)])
    }
    walked += length
  }
  return posts
}

/** Follows a road straight on from an arc as long as one of its class goes on without much of a turn. */
const followRoad = (city: City, node: number, arc: number, used: Set<number>): number[] => {
  const { lon, lat, first, to, roadClass } = city.graph
  const path = [node]
  let at = node
  let along = arc
  for (let step = 0; step < 40; step++) {
    const next = to[along]!
    used.add(Math.min(at, next) * 65_536 + Math.max(at, next))
    path.push(next)
    let best: { arc: number; turn: number } | undefined
    for (let other = first[next]!; other < first[next + 1]!; other++) {
      const far = to[other]!
      if (far === at || roadClass[other] !== roadClass[arc]) continue
      if (used.has(Math.min(next, far) * 65_536 + Math.max(next, far))) continue
      const [ax, ay] = [lon[next]! - lon[at]!, lat[next]! - lat[at]!]
      const [bx, by] = [lon[far]! - lon[next]!, lat[far]! - lat[next]!]
      const turn = 1 - (ax * bx + ay * by) / (Math.hypot(ax, ay) * Math.hypot(bx, by) || 1)
      if (turn < 0.15 && (!best || turn < best.turn)) best = { arc: other, turn }
    }
    if (!best) break
    at = next
    along = best.arc
  }
  return path
}

/** Draws the names of a city. */
export const drawGazetteer = (city: City): NameRow[] => {
  const chance = createChance(city.seed).fork('gazetteer')
  const rows: NameRow[] = []
  const { lon, lat, first, to, roadClass, street } = city.graph
  const regionOf = (node: number): string | undefined =>
    street[node]! < 0 ? undefined : city.streets[street[node]!]!.code
  const pointOf = (node: number): [number, number] => [lon[node]!, lat[node]!]
  const inRegion = (code: string | undefined) => (code === undefined ? {} : { regionCode: code })
  const taken = new Set<string>()
  /** A name not yet given in a scope; undefined when a few draws found none. */
  const fresh = (scope: string, make: () => string): string | undefined => {
    for (let n = 0; n < 20; n++) {
      const name = make()
      if (taken.has(`${scope}|${name}`)) continue
      taken.add(`${scope}|${name}`)
      return name
    }
    return undefined
  }

  for (const region of city.regions)
    rows.push({
      id: `R-${region.code}`,
      kind: 'region',
      name: region.name,
      nameEn: region.nameEn,
      regionCode: region.code,
      lon: round6(region.lon),
      lat: round6(region.lat),
      weight: region.level === 'city' ? 0.9 : region.level === 'county' ? 0.8 : 0.6,
    })
  for (const place of [...city.stations, ...city.hospitals, ...city.facilities, ...city.centres])
    rows.push({
      id: `P-${place.id}`,
      kind: 'facility',
      name: place.name,
      nameEn: place.nameEn,
      regionCode: place.region,
      lon: round6(place.lon),
      lat: round6(place.lat),
      weight: place.kind === 'hospital' ? 1 : place.kind === 'school' ? 0.6 : 0.5,
    })

  // Trunk roads as the basemap names them, with their posts.
  for (const feature of city.basemap.features) {
    const { layer, name, nameEn } = feature.properties
    if (layer !== 'road' || !name || feature.geometry.type !== 'MultiLineString') continue
    const line = feature.geometry.coordinates.toSorted((a, b) => b.length - a.length)[0]!
    const posts = postLine(line)
    const middle = line[line.length >> 1]!
    const sign = /([GS])?(?:国道 )?(\d{2,3})/.exec(name)
    const code = sign ? `${sign[1] ?? 'G'}${sign[2]}` : undefined
    const region = city.streets.find(one => isInPolygon(middle[0], middle[1], one.polygon))?.code
    rows.push({
      id: `T-${rows.length}`,
      kind: 'road',
      name,
      ...(nameEn ? { nameEn } : {}),
      ...inRegion(region),
      lon: round6(middle[0]),
      lat: round6(middle[1]),
      weight: 0.9,
      ...(code ? { code } : {}),
      ...(posts.length > 1 ? { posts } : {}),
    })
  }

  // Streets: straight runs of arterials and collectors; a county's own town roads first, then invented ones.
  const used = new Set<number>()
  const roadsAt = new Map<number, string[]>()
  const pool = new Map<string, string[]>()
  for (const wanted of [2, 3])
    for (let node = 0; node < lon.length; node++)
      for (let arc = first[node]!; arc < first[node + 1]!; arc++) {
        if (roadClass[arc] !== wanted) continue
        if (used.has(Math.min(node, to[arc]!) * 65_536 + Math.max(node, to[arc]!))) continue
        // Followed both ways from here: first backwards to its end, then on from there.
        const path = followRoad(city, node, arc, used)
        const middle = path[path.length >> 1]!
        const region = regionOf(middle)
        const lengthM = path.slice(1).reduce((sum, each, at) => sum + measureM(pointOf(path[at]!), pointOf(each)), 0)
        if (region === undefined || lengthM < 400 || path.length < 3) continue
        const county = region.slice(0, 6)
        const towns = pool.get(county) ?? TOWN_ROADS.map(one => `${one}路`)
        pool.set(county, towns)
        const name =
          (wanted === 2 && lengthM > 1_200 ? towns.shift() : undefined) ??
          fresh(
            county,
            () =>
              `${chance.pick(ROAD_FIRST)}${chance.pick(ROAD_LAST)}${wanted === 2 ? '大道' : chance.pick(['路', '路', '路', '街', '弄'])}`,
          )
        if (!name) continue
        taken.add(`${county}|${name}`)
        rows.push({
          id: `W-${rows.length}`,
          kind: 'road',
          name,
          regionCode: region,
          lon: round6(lon[middle]!),
          lat: round6(lat[middle]!),
          weight: wanted === 2 ? 0.6 : 0.3,
        })
        for (const each of path) {
          const held = roadsAt.get(each) ?? []
          if (!held.includes(name)) roadsAt.set(each, [...held, name])
        }
      }
  for (const [node, names] of roadsAt) {
    const region = regionOf(node)
    if (names.length < 2 || region === undefined) continue
    rows.push({
      id: `J-${node}`,
      kind: 'junction',
      name: `${names[0]}与${names[1]}路口`,
      regionCode: region,
      lon: round6(lon[node]!),
      lat: round6(lat[node]!),
      weight: 0.3,
      roads: names.slice(0, 4),
    })
  }

  // Where people live: villages and estates, and what they name the way by.
  city.streets.forEach((one, at) => {
    const nodes = city.streetNodes[at]!
    if (nodes.length === 0) return
    const short = one.name.replace(/(街道|镇)$/, '')
    const near = (): [number, number] => {
      const node = nodes[chance.int(nodes.length)]!
      return [round6(lon[node]! + chance.range(-0.0012, 0.0012)), round6(lat[node]! + chance.range(-0.001, 0.001))]
    }
    const add = (kind: NameRow['kind'], name: string | undefined, weight: number, nameEn?: string) => {
      if (!name) return
      const [x, y] = near()
      rows.push({
        id: `${kind === 'place' ? 'V' : 'L'}-${one.code}-${rows.length}`,
        kind,
        name,
        ...(nameEn ? { nameEn } : {}),
        regionCode: one.code,
        lon: x,
        lat: y,
        weight,
      })
    }
    for (let n = 0; n < 14; n++)
      add(
        'place',
        fresh(one.code, () => `${chance.pick(ROAD_FIRST)}${chance.pick(ROAD_LAST)}${chance.pick(VILLAGE_LAST)}`),
        0.2,
      )
    for (let n = 0; n < 22; n++)
      add(
        'place',
        fresh(one.code.slice(0, 6), () => `${chance.pick(PLACE_FIRST)}${chance.pick(ESTATES)}`) ??
          fresh(one.code, () => `${short}${chance.pick(PLACE_FIRST)}${chance.pick(ESTATES)}`),
        0.35,
      )
    for (const [suffix, en, weight] of LANDMARKS) {
      add(
        'landmark',
        fresh(one.code, () => `${short}${suffix}`),
        weight,
        `${one.nameEn.replace(/ (Subdistrict|Town)$/, '')} ${en}`,
      )
      if (chance.next() < 0.5)
        add(
          'landmark',
          fresh(one.code.slice(0, 6), () => `${chance.pick(PLACE_FIRST)}${suffix}`),
          weight * 0.8,
        )
    }
  })
  return rows
}

/** The file of a gazetteer, line by line. */
export const writeGazetteer = (rows: readonly NameRow[], version: string, day: string): string[] => [
  JSON.stringify({
    format: 1,
    version,
    name: '嘉兴市(示意)',
    source: '程序按种子自绘的示意地名,除县(市、区)名称外均为虚构 / drawn from a seed; only the county names are real',
    licence: 'CC0-1.0',
    crs: 'WGS-84',
    day,
  }),
  ...rows.map(row => JSON.stringify(row)),
]

/** A gazetteer of a given size for a bench: the demo city's names and as many estates and shops as are missing. */
export const drawNames = (city: City, count: number): NameRow[] => {
  const rows = drawGazetteer(city).slice(0, count)
  const chance = createChance(city.seed).fork('many-names')
  const things = [
    ...ESTATES,
    ...LANDMARKS.map(([suffix]) => suffix),
    '超市',
    '药店',
    '饭店',
    '诊所',
    '银行',
    '服装店',
    '五金店',
    '有限公司',
    '纺织厂',
    '物流园',
  ]
  while (rows.length < count) {
    const at = chance.int(city.streets.length)
    const nodes = city.streetNodes[at]!
    if (nodes.length === 0) continue
    const node = nodes[chance.int(nodes.length)]!
    const one = city.streets[at]!
    rows.push({
      id: `N-${rows.length}`,
      kind: 'landmark',
      name: `${chance.next() < 0.5 ? one.name.replace(/(街道|镇)$/, '') : ''}${chance.pick(PLACE_FIRST)}${chance.pick(ROAD_FIRST)}${chance.pick(ROAD_LAST)}${chance.pick(things)}`,
      regionCode: one.code,
      lon: round6(city.graph.lon[node]!),
      lat: round6(city.graph.lat[node]!),
      weight: 0.1,
    })
  }
  return rows
}

// Real recordings, read as what their sources would have said: taxi fixes as units, 911 calls as calls, triage counts.
// They stand before the door like any source; nothing is filtered here that the door should judge. A recording's local time
// is played as the city's local time, so that a day of the recording stays one day. The files are read where they lie.
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'
import type { z } from 'zod'
import type { RegionLevel } from '#contract/scalars.ts'
import { dayMs, parseDay, shanghaiOffsetMs } from '#contract/scalars.ts'
import type { Saying } from './door.ts'

/** Most rows read from one file. */
export const rowsMax = 5_000_000

/** A row that cannot be told at all, because it has no readable time. */
export interface Unread {
  line: number
  why: string
}

export interface Region {
  code: string
  parentCode?: string
  name: string
  nameEn: string
  level: z.infer<typeof RegionLevel>
  lon: number
  lat: number
  population: number
}

/** One recording, ready to be played. */
export interface Recording {
  name: string
  file: string
  rows: number
  unread: Unread[]
  regions: Region[]
  /** Registrations of units and places; their time is set by whoever plays them. */
  register: Saying[]
  /** In order of time. */
  sayings: Saying[]
  /** Time in which units are on the road: the clock must run there, not leap. */
  live?: { from: number; until: number }
}

/** Recordings that were not found, by name. */
export interface Found {
  recordings: Recording[]
  missing: string[]
}

type Row = Record<string, string>

/** Rows of a CSV file, plain or gzipped, with their line. */
export async function* readRows(file: string): AsyncGenerator<{ row: Row; line: number }> {
  const raw = createReadStream(file)
  const text = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  const parser = text.pipe(
    parse({ columns: true, skip_empty_lines: true, relax_column_count: true, bom: true, to: rowsMax }),
  )
  // pipe() does not carry errors on: a broken file must end the reading, not hang it.
  raw.on('error', error => parser.destroy(error))
  if (text !== raw) text.on('error', (error: Error) => parser.destroy(error))
  let line = 1
  for await (const row of parser) yield { row: row as Row, line: ++line }
}

/** Local wall-clock text `YYYY-MM-DD HH:MM[:SS]` as an instant of the city; undefined when it is none. */
export function parseLocalTime(text: string | undefined): number | undefined {
  const found = /^(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?$/.exec(text ?? '')
  if (!found) return undefined
  const day = parseDay(found[1]!)
  const [hour, minute, second] = [Number(found[2]), Number(found[3]), Number(found[4] ?? 0)]
  if (day === undefined || hour > 23 || minute > 59 || second > 59) return undefined
  return day * dayMs + ((hour * 60 + minute) * 60 + second) * 1_000 - shanghaiOffsetMs
}

/** An identifier of the house from any text: other characters become a hyphen. */
const toId = (prefix: string, text: string): string => `${prefix}${text.replace(/[^A-Za-z0-9_.:-]/g, '-')}`.slice(0, 64)

const byTime = (a: Saying, b: Saying): number => a.at - b.at

// ── Wuxi taxis ────────────────────────────────────────────────────────────────────────────────────────────────────

const WUXI = '320200'

/**
 * Reads a day of taxi fixes as units. Each taxi is out of service after the recording's last day, so that a recording
 * that ends is not taken for 475 units that fell silent.
 * @source data/README.md: CoST project, `longitude,latitude,timestamp (local),name_id`; no datum is stated, WGS-84 is taken.
 */
export async function readTaxis(file: string): Promise<Recording> {
  const unread: Unread[] = []
  const sayings: Saying[] = []
  const unitIds = new Map<string, number>()
  let rows = 0
  for await (const { row, line } of readRows(file)) {
    rows++
    const at = parseLocalTime(row.timestamp)
    if (at === undefined || !row.name_id) {
      unread.push({ line, why: at === undefined ? 'time' : 'name_id' })
      continue
    }
    const unitId = toId('WX-', row.name_id)
    unitIds.set(unitId, Math.max(unitIds.get(unitId) ?? 0, at))
    const body = { unitId, lon: Number(row.longitude), lat: Number(row.latitude) }
    sayings.push({ kind: 'unit.position', at, from: unitId, body })
  }
  sayings.sort(byTime)
  const from = sayings[0]?.at ?? 0
  const last = sayings.at(-1)?.at ?? 0
  const until = last === 0 ? 0 : (Math.floor((last + shanghaiOffsetMs) / dayMs) + 1) * dayMs - shanghaiOffsetMs
  for (const unitId of unitIds.keys()) {
    sayings.push({ kind: 'unit.status', at: until, from: unitId, body: { unitId, status: 'unavailable', by: 'auto' } })
  }
  return {
    name: 'Wuxi taxis',
    file,
    rows,
    unread,
    regions: [{ code: WUXI, name: '无锡市', nameEn: 'Wuxi', level: 'city', lon: 120.31, lat: 31.49, population: 0 }],
    register: [...unitIds.keys()].map(unitId => ({
      kind: 'unit.registered',
      at: 0,
      from: 'replay',
      body: { unitId, name: `出租 ${unitId.slice(-4)}`, unitClass: 'A', capabilities: [], regionCode: WUXI },
    })),
    sayings,
    live: { from, until },
  }
}

// ── Montgomery County 911 ─────────────────────────────────────────────────────────────────────────────────────────

const MONTGOMERY = 'US-42091' // FIPS code of the county

/** Level by kind of emergency: the recording has none. I: no pulse or breath; II: may kill within the hour; IV: no patient yet. */
const LEVELS: readonly [RegExp, 1 | 2 | 3 | 4][] = [
  [/CARDIAC ARREST|UNRESPONSIVE|CHOKING/, 1],
  [/RESPIRATORY|CARDIAC|STROKE|SEIZURE|UNCONSCIOUS|HEAD INJURY|OVERDOSE|HEMORRHAG|ALLERGIC|MONOXIDE|BURN|MENTAL/, 2],
  [/ALARM|SPECIAL SERVICE|VEHICLE FIRE|BUILDING FIRE/, 4],
]

/** Level of an EMS title. */
export function gradeTitle(title: string): 1 | 2 | 3 | 4 {
  for (const [pattern, level] of LEVELS) if (pattern.test(title)) return level
  return 3
}

/**
 * Reads 911 calls. An EMS title is a run: its words are the chief complaint, which the door codes, and an incident is
 * opened. Fire and traffic calls end as calls of another service. The recording does not tell how a case ended, so its
 * incidents stay open.
 * @source data/README.md: Kaggle mchirico/montcoalert, `lat,lng,title,time,township,address`
 */
export async function readCalls(file: string): Promise<Recording> {
  const unread: Unread[] = []
  const sayings: Saying[] = []
  const towns = new Map<string, { code: string; lon: number; lat: number; count: number }>()
  let rows = 0
  for await (const { row, line } of readRows(file)) {
    rows++
    const at = parseLocalTime(row.time)
    if (at === undefined) {
      unread.push({ line, why: 'time' })
      continue
    }
    const lon = Number(row.lng)
    const lat = Number(row.lat)
    const township = row.township || 'UNKNOWN'
    let town = towns.get(township)
    if (!town) {
      town = { code: `${MONTGOMERY}-${`${towns.size + 1}`.padStart(3, '0')}`, lon: 0, lat: 0, count: 0 }
      towns.set(township, town)
    }
    if (Number.isFinite(lon) && Number.isFinite(lat)) {
      town.lon += lon
      town.lat += lat
      town.count++
    }
    const [service = '', title = ''] = (row.title ?? '').split(/:\s*/, 2)
    const number = `${rows}`.padStart(6, '0')
    const callId = `MC-CALL-${number}`
    const isRun = service === 'EMS'
    const complaintText = title.replace(/[\s-]+$/, '')
    const addressText = [row.address, row.township].filter(Boolean).join(', ')
    const sealed = { ...(addressText ? { addressText } : {}), ...(isRun && complaintText ? { complaintText } : {}) }
    const place = { regionCode: town.code, lon, lat }
    sayings.push({
      kind: 'call.received',
      at,
      from: 'MC-911',
      body: { callId, ...place, ...(isRun ? { level: gradeTitle(title) } : {}), ...sealed },
    })
    if (isRun) {
      const body = { incidentId: `MC-INC-${number}`, callIds: [callId], level: gradeTitle(title), ...place, ...sealed }
      sayings.push({ kind: 'incident.opened', at, from: 'MC-desk', body })
    } else sayings.push({ kind: 'call.ended', at, from: 'MC-911', body: { callId, outcome: 'other' } })
  }
  sayings.sort(byTime)
  const regions: Region[] = [
    {
      code: MONTGOMERY,
      name: '蒙哥马利县',
      nameEn: 'Montgomery County',
      level: 'city',
      lon: -75.37,
      lat: 40.21,
      population: 0,
    },
  ]
  for (const [township, town] of towns) {
    const name = township
    regions.push({
      code: town.code,
      parentCode: MONTGOMERY,
      name,
      nameEn: name,
      level: 'county',
      lon: town.count > 0 ? town.lon / town.count : -75.37,
      lat: town.count > 0 ? town.lat / town.count : 40.21,
      population: 0,
    })
  }
  return { name: 'Montgomery 911', file, rows, unread, regions, register: [], sayings }
}

// ── NHS triage ────────────────────────────────────────────────────────────────────────────────────────────────────

const ENGLAND = 'GB-E'
/** Rough middle of each NHS region, for a label on a map; nothing is computed from it. */
const NHS_MIDDLE: Readonly<Record<string, [number, number]>> = {
  'East of England': [0.5, 52.2],
  London: [-0.1, 51.5],
  Midlands: [-1.5, 52.7],
  'North East and Yorkshire': [-1.4, 54.4],
  'North West': [-2.6, 53.8],
  'South East': [-0.8, 51.3],
  'South West': [-3.3, 50.9],
}

/**
 * Reads daily counts of telephone and online triage as a syndromic source, one facility per area and channel. A day's
 * figure is told when the day is over.
 * @source data/README.md: NHS 111 triage, `site_type,date,ccg_code,nhs_region,count`
 */
export async function readTriage(file: string): Promise<Recording> {
  const unread: Unread[] = []
  const sayings: Saying[] = []
  const regionCodes = new Map<string, string>()
  const facilities = new Map<string, { regionCode: string; name: string; middle: [number, number] }>()
  let rows = 0
  for await (const { row, line } of readRows(file)) {
    rows++
    const day = parseDay(row.date ?? '')
    if (day === undefined) {
      unread.push({ line, why: 'date' })
      continue
    }
    const region = row.nhs_region || 'unknown'
    let regionCode = regionCodes.get(region)
    if (regionCode === undefined) {
      regionCode = `${ENGLAND}-${`${regionCodes.size + 1}`.padStart(2, '0')}`
      regionCodes.set(region, regionCode)
    }
    // The rows without an area code are kept apart by region, or seven places would share one name.
    const area = row.ccg_code && row.ccg_code !== 'null' ? row.ccg_code : `none-${regionCode}`
    const facilityId = toId('CCG-', `${area}-${row.site_type}`)
    const middle = NHS_MIDDLE[region] ?? [-1.5, 52.5]
    if (!facilities.has(facilityId))
      facilities.set(facilityId, { regionCode, name: `${area} ${row.site_type}`, middle })
    sayings.push({
      kind: 'count.reported',
      at: (day + 1) * dayMs - shanghaiOffsetMs,
      from: facilityId,
      body: {
        sourceKind: 'triage',
        facilityId,
        syndrome: 'respiratory',
        regionCode,
        period: row.date,
        count: Number(row.count),
      },
    })
  }
  sayings.sort(byTime)
  const regions: Region[] = [
    { code: ENGLAND, name: '英格兰', nameEn: 'England', level: 'province', lon: -1.5, lat: 52.5, population: 0 },
  ]
  for (const [region, code] of regionCodes) {
    const [lon, lat] = NHS_MIDDLE[region] ?? [-1.5, 52.5]
    regions.push({ code, parentCode: ENGLAND, name: region, nameEn: region, level: 'city', lon, lat, population: 0 })
  }
  return {
    name: 'NHS triage',
    file,
    rows,
    unread,
    regions,
    register: [...facilities].map(
      ([
        placeId,
        {
          regionCode,
          name,
          middle: [lon, lat],
        },
      ]) => ({
        kind: 'place.registered',
        at: 0,
        from: 'replay',
        body: { placeId, placeKind: 'other', name, regionCode, lon, lat },
      }),
    ),
    sayings,
  }
}

const FILES = [
  { path: 'calls/montgomery_911.csv', read: readCalls },
  { path: 'taxis/wuxi_2020-07-18.csv', read: readTaxis },
  { path: 'syndromic/nhs_111_triage_2020.csv.gz', read: readTriage },
] as const

/** Reads every known recording of a folder; a file that is not there is named in `missing`. */
export async function findRecordings(folder: string): Promise<Found> {
  const found: Found = { recordings: [], missing: [] }
  for (const { path, read } of FILES) {
    const file = join(folder, path)
    if (existsSync(file)) found.recordings.push(await read(file))
    else found.missing.push(path)
  }
  return found
}

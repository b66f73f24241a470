// The command `npm run -s check:detectors -- DIR`: every detector against golden vectors made by other people's software.
// Reads each ews-golden/1 and ews-scan/1 file of a folder, prints one line per run and `N passed, M failed` last;
// ends with code 1 when any failed. Also imported by the golden test, which counts an absent folder as `no data`.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { assessCusum, type CusumTransform } from '../../server/detect/cusum.ts'
import { assessEars, type EarsMethod } from '../../server/detect/ears.ts'
import { assessFarrington, type FarringtonOptions } from '../../server/detect/farrington.ts'
import {
  assessFarringtonFlexible,
  type DatedSeries,
  type FarringtonFlexibleOptions,
} from '../../server/detect/farrington-flexible.ts'
import { assessMovingPercentile, type MovingPercentileOptions } from '../../server/detect/moving-percentile.ts'
import { isRefusal, type Refusal, type SeriesRange } from '../../server/detect/refusal.ts'
import { type ScanInput, type ScanOptions, type ScanResult, scanClusters } from '../../server/detect/scan.ts'

type Value = number | boolean | null
type Column = Value[]
type Control = Record<string, unknown>
type GoldenSeries = { freq: number; start: [number, number]; observed: (number | null)[]; dates?: string[] }
type GoldenRun = {
  fn: string
  control: Control
  range?: [number, number] | number
  error?: unknown
  derived?: { mean?: (number | null)[]; sd?: (number | null)[] }
} & Record<string, unknown>
type GoldenFile = { schema: string; id: string; series: GoldenSeries; runs: GoldenRun[] }

export type CheckLine = {
  file: string
  fn: string
  settings: string
  outcome: 'ok' | 'FAIL' | 'not built'
  why?: string
}

/** What a detector answered, by the vectors' column names. */
type Answer = { columns: Record<string, Column>; integers?: string[] } | Refusal

type Runner = (series: GoldenSeries, control: Control, range: SeriesRange) => Answer

const TOLERANCE_RELATIVE = 1e-9
/** Rounding noise around zero (a trend of 7e-18, a tail of 1e-300) is no difference. */
const TOLERANCE_ABSOLUTE = 1e-12

const RUNNERS: Record<string, Runner> = {
  earsC: runEars,
  farringtonFlexible: runFarringtonFlexible,
  'algo.farrington': runFarrington,
  'algo.cusum': runCusum,
  mpm: runMovingPercentile,
}

function getNumber(control: Control, key: string, fallback: number): number {
  const value = control[key]
  return typeof value === 'number' ? value : fallback
}

/** Turns rows into named columns. */
function toColumns<Row extends object>(rows: Row[], names: Record<string, keyof Row>): Record<string, Column> {
  const columns: Record<string, Column> = {}
  for (const [name, key] of Object.entries(names)) columns[name] = rows.map(row => row[key] as Value)
  return columns
}

function runEars(series: GoldenSeries, control: Control, range: SeriesRange): Answer {
  const points = assessEars(series.observed, range, {
    method: control.method as EarsMethod,
    baselineDays: getNumber(control, 'baseline', 7),
    minSigma: getNumber(control, 'minSigma', 0),
    ...(typeof control.alpha === 'number' ? { alpha: control.alpha } : {}),
    compat: 'r-surveillance',
  })
  if (isRefusal(points)) return points
  return { columns: toColumns(points, { alarm: 'alarm', upperbound: 'upperbound', mean: 'expected', sd: 'sd' }) }
}

const DAY_MS = 86_400_000

function toDatedSeries(series: GoldenSeries, control: Control): DatedSeries {
  const dates = control.epochAsDate === false ? undefined : series.dates
  const days = dates?.map(date => Math.round(Date.parse(date) / DAY_MS))
  return { counts: series.observed, frequency: series.freq, ...(days ? { epochDays: days } : {}) }
}

/** The settings our detectors share with R's control list by name. */
function pickControl<Options>(control: Control, names: (keyof Options & string)[]): Partial<Options> {
  const picked: Control = {}
  for (const name of names) if (control[name] !== undefined && control[name] !== null) picked[name] = control[name]
  return picked as Partial<Options>
}

function runFarringtonFlexible(series: GoldenSeries, control: Control, range: SeriesRange): Answer {
  const options = pickControl<FarringtonFlexibleOptions>(control, [
    'b',
    'w',
    'noPeriods',
    'pastWeeksNotIncluded',
    'reweight',
    'weightsThreshold',
    'trend',
    'pThresholdTrend',
    'alpha',
    'limit54',
    'thresholdMethod',
    'powertrans',
  ])
  const points = assessFarringtonFlexible(toDatedSeries(series, control), range, {
    ...options,
    compat: 'r-surveillance',
  })
  if (isRefusal(points)) return points
  const columns = toColumns(points, {
    alarm: 'alarm',
    upperbound: 'upperbound',
    expected: 'expected',
    mu0: 'mu0',
    phi: 'phi',
    trendCoef: 'trendCoefficient',
    score: 'score',
    pvalue: 'pValue',
  })
  columns.trend = points.map(point => (point.isTrendKept === null ? null : Number(point.isTrendKept)))
  return { columns, integers: options.thresholdMethod === 'delta' ? [] : ['upperbound'] }
}

function runFarrington(series: GoldenSeries, control: Control, range: SeriesRange): Answer {
  const names: (keyof FarringtonOptions & string)[] = ['b', 'w', 'reweight', 'trend', 'alpha', 'limit54', 'powertrans']
  const options = pickControl<FarringtonOptions>(control, names)
  const points = assessFarrington(series.observed, series.freq, range, options)
  if (isRefusal(points)) return points
  const columns = toColumns(points, {
    alarm: 'alarm',
    upperbound: 'upperbound',
    q: 'quantile',
    median: 'expected',
  })
  columns.trend = points.map(point => (point.isTrendKept === null ? null : Number(point.isTrendKept)))
  return { columns }
}

function runCusum(series: GoldenSeries, control: Control, range: SeriesRange): Answer {
  const mean = typeof control.m === 'number' || control.m === 'glm' ? control.m : 'baseline'
  const points = assessCusum(series.observed, range, {
    k: getNumber(control, 'k', 1.04),
    h: getNumber(control, 'h', 2.26),
    mean,
    transform: (control.trans ?? 'standard') as CusumTransform,
    a: getNumber(control, 'alpha', getNumber(control, 'a', 0)),
    frequency: series.freq,
    startPeriod: series.start[1],
    compat: 'r-surveillance',
  })
  if (isRefusal(points)) return points
  return { columns: toColumns(points, { alarm: 'alarm', upperbound: 'upperbound', cusum: 'cusum', m: 'mean' }) }
}

function runMovingPercentile(series: GoldenSeries, control: Control, range: SeriesRange): Answer {
  const [year, period] = series.start
  const firstDay = series.dates
    ? Math.round(Date.parse(series.dates[0]!) / DAY_MS)
    : Math.round(Date.UTC(year, 0, period) / DAY_MS)
  const rule = typeof control.rule === 'string' ? control.rule : 'C > U and C >= 1'
  const countMin = /C *>= *(\d+)/.exec(rule.replace(/C *>=? *U/, ''))?.[1]
  const options: MovingPercentileOptions = {
    ...pickControl<MovingPercentileOptions>(control, ['years', 'blocks', 'percentile']),
    blockDays: getNumber(control, 'block_days', 7),
    quantileType: getNumber(control, 'quantile_type', 7),
    rule: /C *>= *U/.test(rule) ? 'reach' : 'above',
    countMin: countMin === undefined ? 0 : Number(countMin),
  }
  const points = assessMovingPercentile(series.observed, firstDay, range, options)
  if (isRefusal(points)) return points
  return { columns: toColumns(points, { alarm: 'alarm', upperbound: 'upperbound', current: 'current' }) }
}

function isClose(actual: Value, expected: Value, isExact: boolean): boolean {
  if (typeof actual !== 'number' || typeof expected !== 'number') return actual === expected
  if (isExact) return actual === expected
  const difference = Math.abs(actual - expected)
  return difference <= TOLERANCE_ABSOLUTE || difference <= TOLERANCE_RELATIVE * Math.abs(expected)
}

function toColumn(value: unknown, length: number): Column | undefined {
  if (Array.isArray(value)) return value as Column
  if (value === null || typeof value === 'number' || typeof value === 'boolean')
    return new Array<Value>(length).fill(value)
  return undefined
}

/** Names the first disagreement of a run, or undefined. */
function findDisagreement(run: GoldenRun, answer: Exclude<Answer, Refusal>, range: SeriesRange): string | undefined {
  const length = range.last - range.first + 1
  const wanted: [string, unknown][] = Object.entries(run)
  if (run.derived) {
    // The window as base R sees it; the floor of the spread is the method's own.
    const floor = getNumber(run.control, 'minSigma', 0)
    wanted.push(
      ['mean', run.derived.mean],
      ['sd', run.derived.sd?.map(sd => (sd === null ? null : Math.max(sd, floor)))],
    )
  }
  let compared = 0
  for (const [name, value] of wanted) {
    const actual = answer.columns[name]
    const expected = toColumn(value, length)
    if (!actual || !expected) continue
    compared++
    if (actual.length !== expected.length) return `${name}: ${actual.length} values, wanted ${expected.length}`
    const isExact = answer.integers?.includes(name) ?? false
    for (let i = 0; i < length; i++) {
      const [a, e] = [actual[i] ?? null, expected[i] ?? null]
      if (!isClose(a, e, isExact)) return `${name} at ${range.first + i + 1}: ${a}, wanted ${e}`
    }
  }
  if (!('alarm' in run) || compared === 0) return 'the run holds nothing to compare'
  return undefined
}

/** The judged positions, 0-based: as recorded, else as many last points as there are answers, else the whole series. */
function resolveRange(run: GoldenRun, length: number): SeriesRange {
  if (typeof run.range === 'number') return { first: run.range - 1, last: run.range - 1 }
  if (Array.isArray(run.range)) return { first: run.range[0] - 1, last: run.range[run.range.length - 1]! - 1 }
  const answers = Array.isArray(run.alarm) ? run.alarm.length : length
  return { first: length - answers, last: length - 1 }
}

function writeSettings(control: Control | undefined): string {
  const parts = Object.entries(control ?? {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
  return parts.join(',').replaceAll('"', '').replaceAll(' ', '-') || '-'
}

/** Checks every run of one ews-golden/1 file. */
export function checkGolden(name: string, file: GoldenFile): CheckLine[] {
  return file.runs.map(run => {
    const line = { file: name, fn: run.fn, settings: writeSettings(run.control) }
    const runner = RUNNERS[run.fn]
    if (!runner) return { ...line, outcome: 'not built' }
    const range = resolveRange(run, file.series.observed.length)
    const answer = runner(file.series, run.control ?? {}, range)
    if ('error' in run) {
      if (isRefusal(answer)) return { ...line, outcome: 'ok' }
      return { ...line, outcome: 'FAIL', why: `answered, wanted a refusal (${String(run.error)})` }
    }
    if (isRefusal(answer)) return { ...line, outcome: 'FAIL', why: `refused with ${answer.code}` }
    const why = findDisagreement(run, answer, range)
    return why ? { ...line, outcome: 'FAIL', why } : { ...line, outcome: 'ok' }
  })
}

type ScanVector = {
  schema: string
  id: string
  model: string
  parameters: Record<string, unknown>
  input: {
    locations?: [string | number, number, number, number?][]
    cases?: [string | number, number, string][]
    population?: unknown[] | Record<string, number>
    files?: unknown
  }
  clusters: {
    cluster: number
    locations: (string | number)[]
    llr: number
    p_value?: number | null
    observed?: number
    start?: string
    end?: string
  }[]
  tie_sensitive?: boolean
  error?: unknown
}

/** Replications per seed, and the seeds: all three must agree with the other software's 999. */
const SCAN_REPLICATIONS = 9_999
const SCAN_SEEDS = [20_260_101, 7, 4_041_972] as const
/** Replications behind the answers we compare with. */
const SCAN_REPLICATIONS_THEIRS = 999
const LLR_TOLERANCE = 1e-6

function parseDay(text: string): number {
  const [year, month = 1, day = 1] = text.split(/[/-]/).map(Number)
  return Math.round(Date.UTC(year!, month - 1, day) / DAY_MS)
}

/** Rows of a .geo, .cas or .pop file: fields separated by blanks or commas. */
function readRows(path: string): string[][] {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/)
  return lines.map(line => line.trim().split(/[\s,]+/)).filter(fields => fields.length > 1)
}

/** Finds the files a scan vector names: in the folder, beside it under data/scan, or where the name itself leads. */
function findScanFiles(folder: string, named: unknown): string[] {
  const words = JSON.stringify(named).match(/[\w./-]+\.(geo|cas|pop)/g) ?? []
  const files: string[] = []
  for (const word of words) {
    const name = basename(word)
    const homes = [join(folder, name), resolve(folder, '../../data/scan', name), resolve(folder, '../data/scan', name)]
    const found = [resolve(folder, word), ...homes].find(path => existsSync(path))
    if (found) files.push(found)
  }
  return files
}

function readScanInput(folder: string, vector: ScanVector): { input: ScanInput; ids: string[] } | string {
  const files = vector.input.files ? findScanFiles(folder, vector.input.files) : []
  const fileOf = (ending: string) => files.find(path => path.endsWith(ending))
  const [geo, cas, pop] = [fileOf('.geo'), fileOf('.cas'), fileOf('.pop')]
  const places = vector.input.locations ?? (geo ? readRows(geo) : undefined)
  const rows = vector.input.cases ?? (cas ? readRows(cas) : undefined)
  if (!places || !rows) return 'the input files were not found'
  const populations = new Map<string, number>()
  // [place, population] or [place, time, population] (the last field is the figure), or an object by place.
  const given = vector.input.population ?? (pop ? readRows(pop) : [])
  const populationRows = (Array.isArray(given) ? given : Object.entries(given)) as (string | number)[][]
  for (const row of populationRows) populations.set(String(row[0]), Number(row[row.length - 1]))
  const ids = places.map(([id]) => String(id))
  const positions = new Map(ids.map((id, i) => [id, i]))
  const locations = places.map(([id, lat, lon, population]) => ({
    id: String(id),
    lat: Number(lat),
    lon: Number(lon),
    population: population === undefined ? (populations.get(String(id)) ?? 0) : Number(population),
  }))
  const cases = rows.map(([id, count, date]) => ({
    location: positions.get(String(id)) ?? -1,
    day: parseDay(String(date)),
    count: Number(count),
  }))
  return { input: { locations, cases }, ids }
}

function toScanOptions(vector: ScanVector): Omit<ScanOptions, 'seed'> {
  const { parameters, model } = vector
  const surveillance = parameters.surveillance_start ?? parameters.prospective_start
  return {
    model: /poisson/i.test(model) ? 'poisson' : 'permutation',
    mode: /retrospective/i.test(model) ? 'retrospective' : 'prospective',
    shape: /purely spatial/i.test(model) ? 'spatial' : /purely temporal/i.test(model) ? 'temporal' : 'space-time',
    firstDay: parseDay(String(parameters.start)),
    lastDay: parseDay(String(parameters.end)),
    radiusMaxKm: getNumber(parameters, 'max_radius_km', 0),
    casesMaxPercent: getNumber(
      parameters,
      'max_percent_of_cases',
      getNumber(parameters, 'max_percent_of_population', 50),
    ),
    ...(typeof parameters.max_days === 'number' ? { lengthMaxDays: parameters.max_days } : {}),
    casesMin: getNumber(parameters, 'min_cases', 2),
    earthRadiusKm: getNumber(parameters, 'earth_radius_km', 6367),
    ...(typeof surveillance === 'string' ? { surveillanceFirstDay: parseDay(surveillance) } : {}),
    replications: SCAN_REPLICATIONS,
  }
}

/** Compares our clusters with the file's, each by likelihood ratio and locations; undefined when all agree. */
function findScanDisagreement(vector: ScanVector, result: ScanResult, ids: string[]): string | undefined {
  const wanted = vector.tie_sensitive ? vector.clusters.slice(0, 1) : vector.clusters
  if (wanted.length === 0 && vector.clusters.length === 0 && result.clusters.length > 0)
    return `${result.clusters.length} clusters, wanted none`
  for (const cluster of wanted) {
    const set = cluster.locations.map(String).sort().join(' ')
    const near = result.clusters.filter(({ llr }) => Math.abs(llr - cluster.llr) <= LLR_TOLERANCE)
    const label = `cluster ${cluster.cluster}`
    if (near.length === 0) return `${label}: llr ${result.clusters[cluster.cluster - 1]?.llr}, wanted ${cluster.llr}`
    const nameSet = (places: readonly number[]) =>
      places
        .map(place => ids[place]!)
        .sort()
        .join(' ')
    const own = near.find(({ locations }) => nameSet(locations) === set)
    if (!own) return `${label}: locations ${nameSet(near[0]!.locations)}, wanted ${set}`
    if (cluster.observed !== undefined && own.observed !== cluster.observed)
      return `${label}: ${own.observed} cases, wanted ${cluster.observed}`
    const p = cluster.p_value
    if (typeof p !== 'number' || own.pValue === null) continue
    const tolerance = 3 * Math.sqrt((p * (1 - p)) / SCAN_REPLICATIONS_THEIRS) + 0.001
    if (!(Math.abs(own.pValue - p) <= tolerance))
      return `${label}: p ${own.pValue}, wanted ${p} ± ${tolerance.toFixed(4)}`
  }
  return undefined
}

/** Checks one ews-scan/1 file with every seed. */
export function checkScan(name: string, vector: ScanVector, folder: string): CheckLine {
  const settings = writeSettings(vector.parameters)
  const line = { file: name, fn: vector.model.replaceAll(' ', '-'), settings }
  const read = readScanInput(folder, vector)
  if (typeof read === 'string') return { ...line, outcome: 'FAIL', why: read }
  for (const seed of SCAN_SEEDS) {
    const result = scanClusters(read.input, { ...toScanOptions(vector), seed })
    if ('error' in vector) {
      if (isRefusal(result)) return { ...line, outcome: 'ok' }
      return { ...line, outcome: 'FAIL', why: 'answered, wanted a refusal' }
    }
    if (isRefusal(result)) return { ...line, outcome: 'FAIL', why: `refused with ${result.code}` }
    const why = findScanDisagreement(vector, result, read.ids)
    if (why) return { ...line, outcome: 'FAIL', why: `seed ${seed}: ${why}` }
  }
  return { ...line, outcome: 'ok' }
}

/** Checks every vector file of a folder, in name order; other files are passed over. */
export function* checkFolder(
  folder: string,
  skip: { isGoldenSkipped?: boolean; isScanSkipped?: boolean } = {},
): Generator<CheckLine> {
  const names = readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()
  for (const name of names)
    try {
      const file = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { schema?: string }
      if (file.schema === 'ews-golden/1' && !skip.isGoldenSkipped) yield* checkGolden(name, file as GoldenFile)
      else if (file.schema === 'ews-scan/1' && !skip.isScanSkipped) yield checkScan(name, file as ScanVector, folder)
    } catch (error) {
      yield {
        file: name,
        fn: '-',
        settings: '-',
        outcome: 'FAIL',
        why: error instanceof Error ? error.message : 'thrown',
      }
    }
}

function main(folder: string | undefined): number {
  if (!folder || !existsSync(folder)) {
    console.error('Usage: npm run -s check:detectors -- DIR')
    return 2
  }
  let passed = 0
  let failed = 0
  let absent = 0
  for (const { file, fn, settings, outcome, why } of checkFolder(resolve(folder))) {
    console.log(`${file} ${fn} ${settings} ${outcome}${why ? ` ${why}` : ''}`)
    if (outcome === 'ok') passed++
    else if (outcome === 'FAIL') failed++
    else absent++
  }
  if (absent > 0) console.log(`${absent} not built`)
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = main(process.argv[2])

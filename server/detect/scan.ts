// Scan statistics: where and when cases cluster, whatever the size of the place or the length of the rise. Part of
// `detect/`, pure; run by analysts. Space-time permutation (cases alone) and Poisson (population known), prospective
// (clusters alive on the last day) and retrospective. Every chance comes from the caller's seed. The search is exact:
// a cylinder is passed over only where its likelihood ratio cannot reach what is already known to be needed.

import { createRandomDraw, type RandomDraw } from './random.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

export type ScanLocation = {
  readonly id: string
  readonly lon: number
  readonly lat: number
  readonly population?: number
}

/** Cases of one location (its position in the list) on one day (days since 1970-01-01). */
export type ScanCase = { readonly location: number; readonly day: number; readonly count: number }

export type ScanInput = { readonly locations: readonly ScanLocation[]; readonly cases: readonly ScanCase[] }

export type ScanOptions = {
  readonly model?: 'permutation' | 'poisson'
  readonly mode?: 'prospective' | 'retrospective'
  /** 'spatial' and 'temporal' are for the Poisson model only. */
  readonly shape?: 'space-time' | 'spatial' | 'temporal'
  /** Study period in epoch days, inclusive; cases outside are dropped. */
  readonly firstDay: number
  readonly lastDay: number
  /** 0 = no limit (default). */
  readonly radiusMaxKm?: number
  /** Largest share of all cases (Poisson: of the population) in a circle; default 50. */
  readonly casesMaxPercent?: number
  /** Longest cluster; default half of the period. */
  readonly lengthMaxDays?: number
  /** Least cases in a reported cluster; default 2. */
  readonly casesMin?: number
  /** Monte Carlo replications; default 999; 0 = no p-values. */
  readonly replications?: number
  readonly seed: number
  readonly earthRadiusKm?: number
  /** Permute within weekdays only, so that a place with its own weekly rhythm is no cluster (permutation model). */
  readonly isWeekdayAdjusted?: boolean
  /** Prospective: first day on which an analysis was run; adjusts for all analyses since. */
  readonly surveillanceFirstDay?: number
  /** Days between two analyses; default 1. */
  readonly intervalDays?: number
}

export type ScanCluster = {
  readonly centre: number
  /** Positions of the locations, nearest to the centre first. */
  readonly locations: readonly number[]
  readonly radiusKm: number
  readonly firstDay: number
  readonly lastDay: number
  readonly observed: number
  readonly expected: number
  /** Log likelihood ratio. */
  readonly llr: number
  /** Monte Carlo p-value; null without replications. */
  readonly pValue: number | null
  /** p-value from a Gumbel curve through the replications; not capped by their number. */
  readonly gumbelP: number | null
  /** Days between two clusters this strong by chance. */
  readonly recurrenceDays: number | null
}

export type ScanResult = {
  readonly total: number
  readonly days: number
  /** Strongest first; no two share a location. */
  readonly clusters: readonly ScanCluster[]
  /** Largest log likelihood ratio of each replication, ascending. */
  readonly maxima: Float64Array
}

/** Radius with which the reference software's distances agree. */
const EARTH_RADIUS_KM = 6367
/** Distances closer than this are the same distance (1 mm). */
const TIE_KM = 1e-6
/** Likelihood ratios closer than this are the same (rounding of sums). */
const TIE_LLR = 1e-9
export const LOCATIONS_MAX = 5_000
export const SCAN_CASES_MAX = 1_000_000
export const REPLICATIONS_MAX = 99_999
export const SCAN_DAYS_MAX = 4_000
const WEEKDAYS = 7
const EULER = 0.5772156649015329

/** Everything the passes share, prepared once. A circle is one position in `members`: that location and all before it. */
type Field = {
  readonly days: number
  readonly total: number
  readonly places: number
  readonly strata: number
  readonly stratumOfDay: Uint8Array
  /** First circle of each centre; one more at the end. */
  readonly offsets: Int32Array
  readonly members: Int32Array
  readonly radiiKm: Float64Array
  /** Expected cases of each place, all strata together. */
  readonly placeWeights: Float64Array
  /** Expected weight of each circle by stratum: cases (permutation) or expected cases (Poisson). */
  readonly weights: Float64Array
  /** Share of each stratum's weight before day d: [stratum * (days + 1) + d]. */
  readonly shares: Float64Array
  readonly lengths: Int32Array
  readonly lengthMax: number
  readonly casesMin: number
}

type CaseList = { readonly places: Int32Array; readonly days: Int32Array }

type Best = { llr: number; circle: number; first: number; last: number; observed: number; expected: number }

/**
 * Log likelihood ratio of `c` cases where `mu` of `total` are expected; 0 unless c > mu.
 * @source Kulldorff 1997, Commun Stat Theory Methods 26:1481-1496.
 */
export function computeLogLikelihoodRatio(c: number, mu: number, total: number): number {
  if (!(c > mu)) return 0
  const inside = c * Math.log(c / mu)
  return c >= total ? inside : inside + (total - c) * Math.log((total - c) / (total - mu))
}

/** For each count the expectation below which its likelihood ratio exceeds `level`; -1 for counts too small to report. */
function listExpectationLimits(level: number, total: number, countMax: number, casesMin: number): Float64Array {
  const limits = new Float64Array(countMax + 1).fill(-1)
  let start = 0
  for (let c = Math.max(1, casesMin); c <= countMax; c++) {
    if (level <= 0) {
      limits[c] = c
      continue
    }
    let low = start
    let high = c
    for (let round = 0; round < 45 && high - low > 1e-9 * high; round++) {
      const middle = (low + high) / 2
      if (computeLogLikelihoodRatio(c, middle, total) > level) low = middle
      else high = middle
    }
    // The upper end: a cylinder must never be passed over because of the search's own rounding.
    limits[c] = high
    start = low
  }
  return limits
}

/** One level of the ladder: what a count may expect at most, and what an expectation needs at least. */
type Rung = {
  readonly limits: Float64Array
  /** A lower bound of the least count whose limit lies above mu, at [floor(mu * NEED_STEPS)]. */
  readonly needs: Int32Array
  /** The likelihood ratio from which the next rung holds. */
  readonly climbAt: number
}

/** Tables at rising levels, made when first needed. A search climbs as its best rises. */
type LimitLadder = {
  readonly total: number
  readonly countMax: number
  readonly casesMin: number
  readonly rungs: Map<number, Rung>
}

/** Log likelihood ratio between two rungs. */
const RUNG_LLR = 0.5
/** Table entries per expected case. */
const NEED_STEPS = 4

function createLimitLadder(field: Field, countMax: number): LimitLadder {
  return { total: field.total, countMax, casesMin: field.casesMin, rungs: new Map() }
}

/** The highest rung whose level does not exceed a likelihood ratio. */
function getRung(ladder: LimitLadder, llr: number): Rung {
  const step = Math.floor(llr / RUNG_LLR)
  const known = ladder.rungs.get(step)
  if (known) return known
  const limits = listExpectationLimits(step * RUNG_LLR, ladder.total, ladder.countMax, ladder.casesMin)
  const needs = new Int32Array((ladder.total + 1) * NEED_STEPS + 1)
  let need = 0
  for (let i = 0; i < needs.length; i++) {
    while (need < limits.length && limits[need]! <= i / NEED_STEPS) need++
    needs[i] = need
  }
  const rung = { limits, needs, climbAt: (step + 1) * RUNG_LLR }
  ladder.rungs.set(step, rung)
  return rung
}

/** Great-circle distance. */
function measureDistanceKm(a: ScanLocation, b: ScanLocation, earthRadiusKm: number): number {
  const toRadians = Math.PI / 180
  const halfLat = Math.sin(((b.lat - a.lat) * toRadians) / 2)
  const halfLon = Math.sin(((b.lon - a.lon) * toRadians) / 2)
  const chord = halfLat * halfLat + Math.cos(a.lat * toRadians) * Math.cos(b.lat * toRadians) * halfLon * halfLon
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)))
}

/** Locations within reach of a centre, nearest first; at equal distance the one later in the input enters first. */
function listNeighbours(
  locations: readonly ScanLocation[],
  centre: number,
  radiusMaxKm: number,
  earthRadiusKm: number,
): { places: number[]; distances: number[] } {
  const distances = locations.map(location => measureDistanceKm(locations[centre]!, location, earthRadiusKm))
  const order = locations
    .map((_, i) => i)
    .filter(i => radiusMaxKm === 0 || distances[i]! <= radiusMaxKm + TIE_KM / 1000)
  order.sort((i, j) => distances[i]! - distances[j]! || j - i)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && distances[order[to]!]! - distances[order[to - 1]!]! <= TIE_KM) to++
    if (to - from > 1) {
      const tied = order.slice(from, to).sort((i, j) => j - i)
      for (let i = from; i < to; i++) order[i] = tied[i - from]!
    }
    from = to
  }
  return { places: order, distances: order.map(i => distances[i]!) }
}

type Setting = Required<Omit<ScanOptions, 'surveillanceFirstDay' | 'lengthMaxDays'>> & {
  readonly lengthMax: number
  readonly days: number
  /** First day (0-based in the period) on which a prospective analysis ended. */
  readonly analysisFirst: number
}

function admitSetting(options: ScanOptions): Setting | Refusal {
  const { firstDay, lastDay, seed } = options
  const days = lastDay - firstDay + 1
  if (!Number.isSafeInteger(firstDay) || !Number.isSafeInteger(lastDay) || !(days >= 1 && days <= SCAN_DAYS_MAX))
    return refuse('RANGE_INVALID', '研究期起止日期无效', 'The study period is not valid')
  const surveillanceFirstDay = options.surveillanceFirstDay ?? lastDay
  const shape = options.shape ?? 'space-time'
  const setting: Setting = {
    firstDay,
    lastDay,
    seed,
    days,
    shape,
    model: options.model ?? 'permutation',
    mode: options.mode ?? 'prospective',
    radiusMaxKm: options.radiusMaxKm ?? 0,
    casesMaxPercent: options.casesMaxPercent ?? 50,
    lengthMax: Math.min(days, options.lengthMaxDays ?? Math.max(1, Math.floor(days / 2))),
    casesMin: options.casesMin ?? 2,
    replications: options.replications ?? 999,
    earthRadiusKm: options.earthRadiusKm ?? EARTH_RADIUS_KM,
    isWeekdayAdjusted: options.isWeekdayAdjusted ?? false,
    intervalDays: options.intervalDays ?? 1,
    analysisFirst: surveillanceFirstDay - firstDay,
  }
  const isSound =
    Number.isFinite(seed) &&
    (setting.model === 'permutation' || setting.model === 'poisson') &&
    (setting.mode === 'prospective' || setting.mode === 'retrospective') &&
    (shape === 'space-time' || (setting.model === 'poisson' && (shape === 'spatial' || shape === 'temporal'))) &&
    !(setting.isWeekdayAdjusted && setting.model === 'poisson') &&
    setting.radiusMaxKm >= 0 &&
    setting.casesMaxPercent > 0 &&
    setting.casesMaxPercent <= 100 &&
    Number.isInteger(setting.lengthMax) &&
    setting.lengthMax >= 1 &&
    Number.isInteger(setting.casesMin) &&
    setting.casesMin >= 1 &&
    Number.isInteger(setting.replications) &&
    setting.replications >= 0 &&
    setting.replications <= REPLICATIONS_MAX &&
    setting.earthRadiusKm > 0 &&
    setting.intervalDays > 0 &&
    Number.isInteger(setting.analysisFirst) &&
    setting.analysisFirst >= 0 &&
    setting.analysisFirst < days
  return isSound ? setting : refuse('OPTION_INVALID', '扫描统计参数无效', 'A scan option is out of its range')
}

/** The cases of the period, one entry per case. */
function admitCases(input: ScanInput, setting: Setting): CaseList | Refusal {
  const places: number[] = []
  const days: number[] = []
  for (const { location, day, count } of input.cases) {
    if (!input.locations[location])
      return refuse('LOCATION_UNKNOWN', '病例的地点不在地点表中', 'A case lies at a location that is not listed')
    if (!Number.isInteger(day) || !Number.isInteger(count) || count < 0)
      return refuse('VALUE_INVALID', '病例数或日期无效', 'A count or a day of a case is not a whole number')
    if (day < setting.firstDay || day > setting.lastDay) continue
    if (places.length + count > SCAN_CASES_MAX)
      return refuse('VALUE_INVALID', '病例数超出上限', 'There are more cases than a scan accepts')
    for (let i = 0; i < count; i++) {
      places.push(setting.shape === 'temporal' ? 0 : location)
      days.push(day - setting.firstDay)
    }
  }
  if (places.length === 0) return refuse('NO_CASES', '研究期内没有病例', 'There are no cases in the study period')
  // By weekday, so that a stratum is one block of the list; without strata the order is the input's.
  const order = places.map((_, i) => i)
  if (setting.isWeekdayAdjusted) order.sort((i, j) => (days[i]! % WEEKDAYS) - (days[j]! % WEEKDAYS))
  return { places: Int32Array.from(order, i => places[i]!), days: Int32Array.from(order, i => days[i]!) }
}

function prepareField(input: ScanInput, setting: Setting, cases: CaseList): Field | Refusal {
  const { days, shape, model } = setting
  const total = cases.places.length
  const strata = setting.isWeekdayAdjusted ? WEEKDAYS : 1
  const stratumOfDay = Uint8Array.from({ length: days }, (_, day) => (strata === 1 ? 0 : day % WEEKDAYS))
  const locations = shape === 'temporal' ? input.locations.slice(0, 1) : input.locations
  const places = locations.length
  const placeWeights = new Float64Array(places * strata)
  const dayWeights = new Float64Array(strata * days)
  if (model === 'poisson') {
    const population = input.locations.reduce((sum, { population = 0 }) => sum + population, 0)
    if (!(population > 0) || input.locations.some(({ population = 0 }) => !(population >= 0)))
      return refuse('VALUE_INVALID', '人口数无效', 'The Poisson scan needs the population of the locations')
    locations.forEach((location, place) => {
      placeWeights[place] = shape === 'temporal' ? total : (total * (location.population ?? 0)) / population
    })
    dayWeights.fill(1)
  } else
    for (let i = 0; i < total; i++) {
      const day = cases.days[i]!
      const stratum = stratumOfDay[day]!
      placeWeights[cases.places[i]! * strata + stratum]! += 1
      dayWeights[stratum * days + day]! += 1
    }
  const shares = new Float64Array(strata * (days + 1))
  for (let stratum = 0; stratum < strata; stratum++) {
    let whole = 0
    for (let day = 0; day < days; day++) whole += dayWeights[stratum * days + day]!
    let sum = 0
    for (let day = 0; day < days; day++) {
      sum += dayWeights[stratum * days + day]!
      shares[stratum * (days + 1) + day + 1] = whole > 0 ? sum / whole : 0
    }
  }
  const offsets = new Int32Array(places + 1)
  const members: number[] = []
  const radii: number[] = []
  const weights: number[] = []
  const weightMax = shape === 'temporal' ? Number.POSITIVE_INFINITY : (total * setting.casesMaxPercent) / 100 + TIE_LLR
  for (let centre = 0; centre < places; centre++) {
    const neighbours = listNeighbours(locations, centre, setting.radiusMaxKm, setting.earthRadiusKm)
    const sums = new Float64Array(strata)
    for (let i = 0; i < neighbours.places.length; i++) {
      const place = neighbours.places[i]!
      let whole = 0
      for (let stratum = 0; stratum < strata; stratum++) {
        sums[stratum]! += placeWeights[place * strata + stratum]!
        whole += sums[stratum]!
      }
      if (whole > weightMax) break
      members.push(place)
      radii.push(neighbours.distances[i]!)
      weights.push(...sums)
    }
    offsets[centre + 1] = members.length
  }
  const lengths =
    shape === 'spatial' ? Int32Array.of(days) : Int32Array.from({ length: setting.lengthMax }, (_, i) => i + 1)
  const wholeWeights = new Float64Array(places)
  placeWeights.forEach((weight, i) => {
    wholeWeights[Math.floor(i / strata)]! += weight
  })
  return {
    days,
    total,
    places,
    strata,
    placeWeights: wholeWeights,
    stratumOfDay,
    offsets,
    members: Int32Array.from(members),
    radiiKm: Float64Array.from(radii),
    weights: Float64Array.from(weights),
    shares,
    lengths,
    lengthMax: setting.lengthMax,
    casesMin: setting.casesMin,
  }
}

/** Expected cases of a circle from day `first` up to, not including, day `end`. */
function computeExpected(field: Field, circle: number, first: number, end: number): number {
  const { strata, weights, shares, days } = field
  let sum = 0
  for (let stratum = 0; stratum < strata; stratum++) {
    const at = stratum * (days + 1)
    sum += weights[circle * strata + stratum]! * (shares[at + end]! - shares[at + first]!)
  }
  return sum
}

/** Counts of the last days: for each place and length the cases in it, and the first length that holds any. */
type RecentCounts = {
  readonly counts: Int32Array
  readonly firsts: Int32Array
  /** The counts of two lengths in one word, 16 bits each, four words a place, one block of all places per 8 lengths. */
  readonly packed: Int32Array
}

function createRecentCounts(field: Field): RecentCounts {
  const width = field.lengths.length
  return {
    counts: new Int32Array(field.places * width),
    firsts: new Int32Array(field.places),
    packed: new Int32Array(field.places * 4 * Math.ceil(width / BLOCK_LENGTHS)),
  }
}

/** Lengths in one block: four words of two. */
const BLOCK_LENGTHS = 8

/** Turns counts by age into counts by length, in place. */
function accumulateRecent(field: Field, { counts, firsts, packed }: RecentCounts): void {
  const width = field.lengths.length
  packed.fill(0)
  for (let place = 0; place < field.places; place++) {
    let sum = 0
    let first = width
    for (let t = 0, at = place * width; t < width; t++, at++) {
      sum += counts[at]!
      counts[at] = sum
      if (sum > 0 && first === width) first = t
    }
    firsts[place] = first
    for (let t = first; t < width; t++) {
      const word = (Math.floor(t / BLOCK_LENGTHS) * field.places + place) * 4 + ((t % BLOCK_LENGTHS) >> 1)
      packed[word]! |= counts[place * width + t]! << (16 * (t & 1))
    }
  }
}

/** Age class of a day: the position of the shortest length that reaches it; -1 when none does. */
function findAgeClass(field: Field, day: number): number {
  if (field.lengths.length === 1 && field.lengths[0] === field.days) return 0
  const age = field.days - 1 - day
  return age < field.lengths.length ? age : -1
}

/** A search under way: its best so far, and the rung that best allows (kept low while every centre's best is wanted). */
type Search = { readonly ladder: LimitLadder; rung: Rung; best: number; readonly centreBests: Best[] | undefined }

function startSearch(ladder: LimitLadder, level: number, centreBests?: Best[]): Search {
  return { ladder, rung: getRung(ladder, level), best: 0, centreBests }
}

function noteLikelihoodRatio(search: Search, llr: number): void {
  if (llr <= search.best) return
  search.best = llr
  if (llr >= search.rung.climbAt && !search.centreBests) search.rung = getRung(search.ladder, llr)
}

/**
 * Largest likelihood ratio of all cylinders that end on the last day, among those above `level`.
 * As circles grow their expectation never falls, so a length is looked at again only when it has the cases it last
 * needed; a location without recent cases needs no look at all.
 */
function findProspectiveMaximum(
  field: Field,
  recent: RecentCounts,
  tails: Float64Array,
  ladder: LimitLadder,
  level: number,
  centreBests?: Best[],
): number {
  const width = field.lengths.length
  const search = startSearch(ladder, level, centreBests)
  const needs = new Int32Array(width)
  const missing = new Int32Array(width)
  // Packed counts hold while no place can have more cases than a field.
  const isPacked = !centreBests && field.total <= FIELD_MAX
  for (let centre = 0; centre < field.places; centre++)
    if (isPacked) searchPackedCentre(field, recent.packed, tails, search, centre, needs)
    else searchProspectiveCentre(field, recent, tails, search, centre, needs, missing)
  return search.best
}

/** A field of 16 bits holds FIELD_BIAS + missing cases - 1: its bias bit goes out when a length has what it needed. */
const FIELD_BIAS = 0x4000
const FIELD_MAX = 0x3fff
const BOTH_BIASES = FIELD_BIAS | (FIELD_BIAS << 16)

// The same search as below, eight lengths in four subtractions and one comparison, for the many replications that need
// no more than the best. Lengths do not touch each other, so each block of eight goes through the circles on its own.
function searchPackedCentre(
  field: Field,
  packed: Int32Array,
  tails: Float64Array,
  search: Search,
  centre: number,
  needs: Int32Array,
): void {
  const { members, places } = field
  const end = field.offsets[centre + 1]!
  const least = Math.min(field.casesMin, FIELD_MAX + 1)
  const start = (FIELD_BIAS + least - 1) | ((FIELD_BIAS + least - 1) << 16)
  needs.fill(least)
  for (let length = 0; length < field.lengths.length; length += BLOCK_LENGTHS) {
    const block = (length / BLOCK_LENGTHS) * places
    let a = start
    let b = start
    let c = start
    let d = start
    for (let circle = field.offsets[centre]!; circle < end; circle++) {
      const at = (block + members[circle]!) * 4
      a -= packed[at]!
      b -= packed[at + 1]!
      c -= packed[at + 2]!
      d -= packed[at + 3]!
      if ((a & b & c & d & BOTH_BIASES) === BOTH_BIASES) continue
      if ((a & BOTH_BIASES) !== BOTH_BIASES) a = settleWord(field, tails, search, circle, needs, length, a)
      if ((b & BOTH_BIASES) !== BOTH_BIASES) b = settleWord(field, tails, search, circle, needs, length + 2, b)
      if ((c & BOTH_BIASES) !== BOTH_BIASES) c = settleWord(field, tails, search, circle, needs, length + 4, c)
      if ((d & BOTH_BIASES) !== BOTH_BIASES) d = settleWord(field, tails, search, circle, needs, length + 6, d)
    }
  }
}

/** Looks at the lengths of a word that have what they last needed, and returns the word with what they need next. */
function settleWord(
  field: Field,
  tails: Float64Array,
  search: Search,
  circle: number,
  needs: Int32Array,
  length: number,
  word: number,
): number {
  const { weights, lengths, strata, total, days } = field
  let next = word
  for (let t = length, shift = 0; shift <= 16; t++, shift += 16) {
    const left = ((next >> shift) & 0x7fff) - FIELD_BIAS + 1
    if (left > 0) continue
    const c = needs[t]! - left
    const mu = strata === 1 ? weights[circle]! * tails[t]! : computeExpected(field, circle, days - lengths[t]!, days)
    if (mu < search.rung.limits[c]!) noteLikelihoodRatio(search, computeLogLikelihoodRatio(c, mu, total))
    const need = Math.max(c + 1, search.rung.needs[Math.floor(mu * NEED_STEPS)]!)
    needs[t] = need
    next = (next & ~(0x7fff << shift)) | ((FIELD_BIAS + need - c - 1) << shift)
  }
  return next
}

// A function of its own so that the engine compiles it whole: this is where a scan spends its time.
function searchProspectiveCentre(
  field: Field,
  recent: RecentCounts,
  tails: Float64Array,
  search: Search,
  centre: number,
  needs: Int32Array,
  missing: Int32Array,
): void {
  const { members, weights, lengths, strata, total, days } = field
  const { counts, firsts } = recent
  const width = lengths.length
  const end = field.offsets[centre + 1]!
  let own: Best | undefined
  for (let t = 0; t < width; t++) {
    needs[t] = field.casesMin
    missing[t] = field.casesMin
  }
  for (let circle = field.offsets[centre]!; circle < end; circle++) {
    const place = members[circle]!
    const base = place * width
    for (let t = firsts[place]!; t < width; t++) {
      const left = missing[t]! - counts[base + t]!
      if (left > 0) {
        missing[t] = left
        continue
      }
      const c = needs[t]! - left
      const mu = strata === 1 ? weights[circle]! * tails[t]! : computeExpected(field, circle, days - lengths[t]!, days)
      if (mu < search.rung.limits[c]!) {
        const llr = computeLogLikelihoodRatio(c, mu, total)
        noteLikelihoodRatio(search, llr)
        if (search.centreBests && llr > (own?.llr ?? 0) + TIE_LLR)
          own = { llr, circle, first: days - lengths[t]!, last: days - 1, observed: c, expected: mu }
      }
      const need = Math.max(c + 1, search.rung.needs[Math.floor(mu * NEED_STEPS)]!)
      needs[t] = need
      missing[t] = need - c
    }
  }
  if (own) search.centreBests?.push(own)
}

/** Lengths in growing groups, [1], [2], [3, 4], [5, 6, 7], …: one comparison can rule out a group. */
function listLengthGroups(lengthMax: number): [number, number][] {
  const groups: [number, number][] = []
  for (let from = 1; from <= lengthMax; ) {
    const to = Math.min(lengthMax, Math.floor(1.4 * from))
    groups.push([from, to])
    from = to + 1
  }
  return groups
}

/** Cases by place: the days of place p are days[starts[p]] … days[starts[p + 1] - 1]. */
type CasesByPlace = { readonly starts: Int32Array; readonly days: Int32Array }

function groupByPlace(field: Field, places: Int32Array, caseDays: Int32Array, into: CasesByPlace): void {
  const { starts, days } = into
  starts.fill(0)
  for (let i = 0; i < places.length; i++) starts[places[i]! + 1]! += 1
  for (let place = 0; place < field.places; place++) starts[place + 1]! += starts[place]!
  const at = starts.slice(0, field.places)
  for (let i = 0; i < places.length; i++) {
    const place = places[i]!
    days[at[place]!] = caseDays[i]!
    at[place]! += 1
  }
}

/**
 * Largest likelihood ratio of all cylinders over any interval that ends on day `endFirst` or later.
 * Intervals start (and, beyond `endFirst`, end) on days with cases and hold a case of the location that came last: every
 * other has the same cases and no smaller expectation than one of these.
 */
function findIntervalMaximum(
  field: Field,
  byPlace: CasesByPlace,
  groups: readonly [number, number][],
  endFirst: number,
  ladder: LimitLadder,
  level: number,
  centreBests?: Best[],
): number {
  const search = startSearch(ladder, level, centreBests)
  const scratch = {
    counts: new Int32Array(field.days),
    before: new Int32Array(field.days + 1),
    shortests: Int32Array.from(groups, ([shortest]) => shortest),
    longests: Int32Array.from(groups, ([, longest]) => longest),
  }
  for (let centre = 0; centre < field.places; centre++)
    searchIntervalCentre(field, byPlace, endFirst, search, centre, scratch)
  return search.best
}

type IntervalScratch = {
  readonly counts: Int32Array
  readonly before: Int32Array
  readonly shortests: Int32Array
  readonly longests: Int32Array
}

function searchIntervalCentre(
  field: Field,
  byPlace: CasesByPlace,
  endFirst: number,
  search: Search,
  centre: number,
  { counts, before, shortests, longests }: IntervalScratch,
): void {
  const { offsets, members, weights, shares, strata, total, days, lengthMax } = field
  counts.fill(0)
  let own: Best | undefined
  const circleEnd = offsets[centre + 1]!
  for (let circle = offsets[centre]!; circle < circleEnd; circle++) {
    const place = members[circle]!
    const from = byPlace.starts[place]!
    const to = byPlace.starts[place + 1]!
    if (from === to) continue
    let newFirst = days
    let newLast = 0
    for (let i = from; i < to; i++) {
      const day = byPlace.days[i]!
      counts[day]! += 1
      if (day < newFirst) newFirst = day
      if (day > newLast) newLast = day
    }
    const startFirst = Math.max(0, newFirst - lengthMax + 1, endFirst - lengthMax + 1)
    const dayEnd = Math.min(days, newLast + lengthMax)
    before[startFirst] = 0
    for (let day = startFirst; day < dayEnd; day++) before[day + 1] = before[day]! + counts[day]!
    const weight = weights[circle]!
    for (let start = startFirst; start <= newLast; start++) {
      if (counts[start] === 0) continue
      const base = before[start]!
      const limits = search.rung.limits
      for (let group = 0; group < shortests.length; group++) {
        const shortest = shortests[group]!
        if (start + shortest > dayEnd) break
        const groupEnd = Math.min(start + longests[group]!, dayEnd)
        // All cases of the longest against the expectation of the shortest: rules out most groups at once.
        const most = before[groupEnd]! - base
        const least =
          strata === 1
            ? weight * (shares[start + shortest]! - shares[start]!)
            : computeExpected(field, circle, start, start + shortest)
        if (least >= limits[most]!) continue
        for (let end = Math.max(start + shortest, endFirst + 1); end <= groupEnd; end++) {
          const c = before[end]! - base
          const mu =
            strata === 1 ? weight * (shares[end]! - shares[start]!) : computeExpected(field, circle, start, end)
          if (mu >= limits[c]!) continue
          const llr = computeLogLikelihoodRatio(c, mu, total)
          noteLikelihoodRatio(search, llr)
          if (search.centreBests && llr > (own?.llr ?? 0) + TIE_LLR)
            own = { llr, circle, first: start, last: end - 1, observed: c, expected: mu }
        }
      }
    }
  }
  if (own) search.centreBests?.push(own)
}

/** Draws samples under the null hypothesis and searches the one drawn last for what exceeds a level. */
type Sampler = { readonly draw: () => void; readonly findMaximum: (level: number) => number }

/** Draws replications and finds the maximum of each. */
function listMaxima(field: Field, setting: Setting, cases: CaseList): Float64Array {
  const draw = createRandomDraw(setting.seed)
  const maxima = new Float64Array(setting.replications)
  const isRecent =
    setting.shape === 'spatial' || (setting.mode === 'prospective' && setting.analysisFirst === field.days - 1)
  const sampler = isRecent
    ? createRecentSampler(field, setting, cases, draw)
    : createIntervalSampler(field, setting, cases, draw)
  let least = 0
  for (let r = 0; r < maxima.length; r++) {
    sampler.draw()
    // What every replication so far has reached, this one will nearly always reach too …
    let best = sampler.findMaximum(least)
    // … and if not, look again without a level, on the same draw.
    if (best < least) best = sampler.findMaximum(0)
    maxima[r] = best
    least = r === 0 ? best : Math.min(least, best)
  }
  return maxima.sort()
}

/** First case of each stratum in the case list (sorted by stratum), one more at the end. */
function listStratumStarts(field: Field, cases: CaseList): Int32Array {
  const starts = new Int32Array(field.strata + 1)
  for (let i = 0; i < cases.days.length; i++) starts[field.stratumOfDay[cases.days[i]!]! + 1]! += 1
  for (let stratum = 0; stratum < field.strata; stratum++) starts[stratum + 1]! += starts[stratum]!
  return starts
}

/** Draws places in proportion to their expectation. @source Vose 1991, IEEE Trans Softw Eng 17:972-975. */
function createPlaceDraw(placeWeights: Float64Array, draw: RandomDraw): () => number {
  const size = placeWeights.length
  const whole = placeWeights.reduce((sum, weight) => sum + weight, 0)
  const chances = placeWeights.map(weight => (weight / whole) * size)
  const aliases = new Int32Array(size)
  const small: number[] = []
  const large: number[] = []
  chances.forEach((chance, i) => {
    ;(chance < 1 ? small : large).push(i)
  })
  while (small.length > 0 && large.length > 0) {
    const low = small.pop()!
    const high = large[large.length - 1]!
    aliases[low] = high
    chances[high]! -= 1 - chances[low]!
    if (chances[high]! < 1) small.push(large.pop()!)
  }
  for (const i of [...small, ...large]) chances[i] = 1
  const fine = 2 ** 32
  return () => {
    const place = draw(size)
    return draw(fine) / fine < chances[place]! ? place : aliases[place]!
  }
}

/** Samples what cylinders ending on the last day can see: only the recent labels need a random case each. */
function createRecentSampler(field: Field, setting: Setting, cases: CaseList, draw: RandomDraw): Sampler {
  const width = field.lengths.length
  const recent = createRecentCounts(field)
  const tails = listTailShares(field)
  const places = cases.places.slice()
  const starts = listStratumStarts(field, cases)
  const ages: number[][] = Array.from({ length: field.strata }, () => [])
  for (const day of cases.days) {
    const age = findAgeClass(field, day)
    if (age >= 0) ages[field.stratumOfDay[day]!]!.push(age)
  }
  const drawPlace = createPlaceDraw(field.placeWeights, draw)
  const drawPermutation = () => {
    for (let stratum = 0; stratum < field.strata; stratum++) {
      const first = starts[stratum]!
      const size = starts[stratum + 1]! - first
      const own = ages[stratum]!
      for (let i = 0; i < own.length; i++) {
        const at = first + i
        const other = at + draw(size - i)
        const place = places[other]!
        places[other] = places[at]!
        places[at] = place
        recent.counts[place * width + own[i]!]! += 1
      }
    }
  }
  const drawPoisson = () => {
    for (let i = 0; i < field.total; i++) {
      const age = findAgeClass(field, draw(field.days))
      if (age >= 0) recent.counts[drawPlace() * width + age]! += 1
    }
  }
  const recentMax = ages.reduce((sum, { length }) => sum + length, 0)
  const ladder = createLimitLadder(field, setting.model === 'poisson' ? field.total : recentMax)
  return {
    draw: () => {
      recent.counts.fill(0)
      if (setting.model === 'poisson') drawPoisson()
      else drawPermutation()
      accumulateRecent(field, recent)
    },
    findMaximum: level => findProspectiveMaximum(field, recent, tails, ladder, level),
  }
}

/** Samples every day of the period: retrospective scans, and prospective ones adjusted for earlier analyses. */
function createIntervalSampler(field: Field, setting: Setting, cases: CaseList, draw: RandomDraw): Sampler {
  const groups = listLengthGroups(field.lengthMax)
  const byPlace = createCasesByPlace(field)
  const endFirst = setting.mode === 'retrospective' ? 0 : setting.analysisFirst
  const days = cases.days.slice()
  const places = cases.places.slice()
  const starts = listStratumStarts(field, cases)
  const drawPlace = createPlaceDraw(field.placeWeights, draw)
  const ladder = createLimitLadder(field, field.total)
  return {
    draw: () => {
      if (setting.model === 'poisson')
        for (let i = 0; i < field.total; i++) {
          places[i] = drawPlace()
          days[i] = draw(field.days)
        }
      else
        for (let stratum = 0; stratum < field.strata; stratum++)
          for (let i = starts[stratum + 1]! - 1; i > starts[stratum]!; i--) {
            const other = starts[stratum]! + draw(i - starts[stratum]! + 1)
            const day = days[other]!
            days[other] = days[i]!
            days[i] = day
          }
      groupByPlace(field, places, days, byPlace)
    },
    findMaximum: level => findIntervalMaximum(field, byPlace, groups, endFirst, ladder, level),
  }
}

function createCasesByPlace(field: Field): CasesByPlace {
  return { starts: new Int32Array(field.places + 1), days: new Int32Array(field.total) }
}

/** Share of the expectation that falls into the last days, by length (one stratum). */
function listTailShares(field: Field): Float64Array {
  return Float64Array.from(field.lengths, length => field.shares[field.days]! - field.shares[field.days - length]!)
}

/** The best cylinder of each centre in what really happened. */
function listCentreBests(field: Field, setting: Setting, cases: CaseList): Best[] {
  const ladder = createLimitLadder(field, field.total)
  const bests: Best[] = []
  if (setting.mode === 'prospective' || setting.shape === 'spatial') {
    const width = field.lengths.length
    const recent = createRecentCounts(field)
    cases.days.forEach((day, i) => {
      const age = findAgeClass(field, day)
      if (age >= 0) recent.counts[cases.places[i]! * width + age]! += 1
    })
    accumulateRecent(field, recent)
    findProspectiveMaximum(field, recent, listTailShares(field), ladder, 0, bests)
  } else {
    const groups = listLengthGroups(field.lengthMax)
    const byPlace = createCasesByPlace(field)
    groupByPlace(field, cases.places, cases.days, byPlace)
    findIntervalMaximum(field, byPlace, groups, 0, ladder, 0, bests)
  }
  return bests
}

/** Number of ascending values that are at least `value`, up to rounding. */
function countAtLeast(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! >= value - TIE_LLR) high = middle
    else low = middle + 1
  }
  return ascending.length - low
}

/**
 * p-value from a Gumbel curve with the mean and spread of the replications; undefined under two of them.
 * @source Abrams, Kulldorff, Kleinman 2010, Int J Health Geogr 9:61.
 */
export function findGumbelP(maxima: Float64Array, llr: number): number | undefined {
  if (maxima.length < 2) return undefined
  const mean = maxima.reduce((sum, value) => sum + value, 0) / maxima.length
  const squares = maxima.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const scale = (Math.sqrt(squares / (maxima.length - 1)) * Math.sqrt(6)) / Math.PI
  if (!(scale > 0)) return undefined
  return -Math.expm1(-Math.exp(-(llr - (mean - EULER * scale)) / scale))
}

/**
 * Days between two signals this strong by chance: D/p, or D/(1-(1-p)^(1/A)) when adjusted for A - 1 earlier analyses.
 * @source Kleinman, Lazarus, Platt 2004, Am J Epidemiol 159:217-224; SaTScan User Guide v10.
 */
export function computeRecurrenceDays(pValue: number, intervalDays: number, analyses: number): number {
  return analyses > 1 ? intervalDays / -Math.expm1(Math.log1p(-pValue) / analyses) : intervalDays / pValue
}

/**
 * Scans for clusters and tells how rare each is. Locations in WGS-84 degrees.
 * Refuses `NO_CASES` (none in the period), `LOCATION_UNKNOWN`, `VALUE_INVALID`, `RANGE_INVALID`, `OPTION_INVALID`.
 * @source Kulldorff, Heffernan, Hartman, Assunção, Mostashari 2005, PLoS Med 2(3):e59 (space-time permutation);
 * Kulldorff 2001, JRSS A 164:61-72 (prospective); Kulldorff 1997, Commun Stat Theory Methods 26:1481-1496 (Poisson).
 */
export function scanClusters(input: ScanInput, options: ScanOptions): ScanResult | Refusal {
  const setting = admitSetting(options)
  if (isRefusal(setting)) return setting
  const { locations } = input
  const isPlaced = locations.every(({ lon, lat }) => Math.abs(lon) <= 360 && Math.abs(lat) <= 90)
  if (locations.length === 0 || locations.length > LOCATIONS_MAX || !isPlaced)
    return refuse(
      'VALUE_INVALID',
      '地点表无效',
      'The list of locations is empty, too long or holds a place off the map',
    )
  const cases = admitCases(input, setting)
  if (isRefusal(cases)) return cases
  const field = prepareField(input, setting, cases)
  if (isRefusal(field)) return field
  const bests = listCentreBests(field, setting, cases)
  const maxima = listMaxima(field, setting, cases)
  const centreOf = (circle: number) => {
    let centre = 0
    while (field.offsets[centre + 1]! <= circle) centre++
    return centre
  }
  const sizeOf = (best: Best) => best.circle - field.offsets[centreOf(best.circle)]! + 1
  const ranked = bests
    .map(best => ({ best, size: sizeOf(best) }))
    .sort((a, b) => (Math.abs(a.best.llr - b.best.llr) > TIE_LLR ? b.best.llr - a.best.llr : a.size - b.size))
  const taken = new Uint8Array(field.places)
  const clusters: ScanCluster[] = []
  const analyses = setting.mode === 'prospective' ? field.days - setting.analysisFirst : 1
  for (const { best, size } of ranked) {
    const members = Array.from(field.members.subarray(best.circle - size + 1, best.circle + 1))
    if (members.some(place => taken[place] === 1)) continue
    for (const place of members) taken[place] = 1
    const pValue = maxima.length > 0 ? (1 + countAtLeast(maxima, best.llr)) / (maxima.length + 1) : null
    clusters.push({
      centre: centreOf(best.circle),
      locations: setting.shape === 'temporal' ? locations.map((_, i) => i) : members,
      radiusKm: field.radiiKm[best.circle]!,
      firstDay: setting.firstDay + best.first,
      lastDay: setting.firstDay + best.last,
      observed: best.observed,
      expected: best.expected,
      llr: best.llr,
      pValue,
      gumbelP: findGumbelP(maxima, best.llr) ?? null,
      recurrenceDays: pValue === null ? null : computeRecurrenceDays(pValue, setting.intervalDays, analyses),
    })
  }
  return { total: field.total, days: field.days, clusters, maxima }
}

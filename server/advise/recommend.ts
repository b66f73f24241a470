// Recommendation: which unit should take a call, with every term of the choice shown, and why nearer ones were left out.
// Stands beside the line: asked for, answers rows, changes nothing. Drive times come in as a function (matrix, graph or great circle).
// Promises: pure and deterministic; a unit with an active task is offered only as its one next task or as a diversion; the first
// row lies within the band of its level; no row carries a number that is not finite.

import { type CoverArea, type CoverUnit, changeCover, measureLoss } from './cover.ts'
import type { AdviseSettings, Level } from './settings.ts'
import { describeExclusion, describeRow, type ExclusionCode, type RowKind, type Words } from './why.ts'

export type Place = { lon: number; lat: number }

/** A drive: median and 90 % seconds, and metres of road. */
export type Leg = { p50Seconds: number; p90Seconds: number; metres: number }

/** The call to be answered. `needs` must all be met by a unit; each of `wants` that is missing costs seconds. */
export type AdviseCall = {
  callId: string
  level: Level
  place: Place
  needs: readonly string[]
  wants?: readonly string[]
  regionId?: string
  /** A call that has just lost its unit to another displaces nobody in turn, so advice always settles. */
  displaced?: boolean
}

/** Where a unit is in its work. The first three can start now. */
export type UnitPhase = 'idle' | 'standby' | 'returning' | 'enRoute' | 'onScene' | 'transporting' | 'handover'

export type UnitBlock = 'outOfService' | 'fatigue' | 'shiftEnd' | 'onBreak' | 'distress' | 'silent'

/** A task a unit has: an active one, or the one next task (预派). */
export type UnitTask = { call: AdviseCall; arrivesInSeconds: number; patientOnBoard: boolean; acknowledged: boolean }

/** A unit as advice sees it. `rank` orders units by capability (0 = most capable) for ties only. */
export type AdviseUnit = {
  unitId: string
  rank: number
  capabilities: readonly string[]
  phase: UnitPhase
  place: Place
  fixAgeSeconds: number
  turnoutSeconds: number
  /** The predicted release of the active task; without it a busy unit is no soon-free candidate. */
  release?: { place: Place; p50Seconds: number; p90Seconds: number }
  active?: UnitTask
  next?: UnitTask
  blocked?: UnitBlock
  regionId?: string
  cover?: CoverUnit
}

/** Finds the drive of a unit between two places; undefined when there is no road within bounds. */
export type LegFinder = (unit: AdviseUnit, from: Place, to: Place) => Leg | undefined

/** The cover of the moment: counts include every unit that `AdviseUnit.cover` places. */
export type CoverNow = { area: CoverArea; counts: Int32Array; busyFraction: number }

export type AdviseInput = {
  call: AdviseCall
  units: readonly AdviseUnit[]
  findLeg: LegFinder
  settings: AdviseSettings
  cover?: CoverNow
  /** Share of calls (0..1) that need each capability, to know which capability is scarce. */
  demandShare?: Readonly<Record<string, number>>
}

/** The terms of a score, all in seconds; their sum is the score. */
export type ScoreTerms = {
  start: number
  turnout: number
  drive: number
  spread: number
  coverageLoss: number
  scarcity: number
  shortfall: number
  crossArea: number
  staleFix: number
  diversion: number
}

/** What a diversion or a withdrawal does to the call it leaves. */
export type Displacement = {
  callId: string
  level: Level
  delaySeconds: number
  replacementUnitId: string
  replacementEtaSeconds: number
}

export type AdviceRow = {
  unitId: string
  kind: RowKind
  etaP50Seconds: number
  etaP90Seconds: number
  metres: number
  terms: ScoreTerms
  scoreSeconds: number
  /** Share of all demand that loses cover when this unit goes. */
  coverLossShare: number
  withinBand: boolean
  /** Whether the one key may send this row unasked. */
  auto: boolean
  staleFix: boolean
  missingWants: readonly string[]
  displaces?: Displacement
  why: Words
}

/** A unit that is nearer or would be faster than the first row, and the reason it does not stand first. */
export type NearerUnit = { unitId: string; crowMetres: number; etaP50Seconds?: number; code: ExclusionCode; why: Words }

export type Advice = {
  settingsVersion: string
  callId: string
  /** The least arrival of any row; undefined when nobody can come. */
  bestEtaSeconds: number | undefined
  /** The least arrival without taking a unit from another call. */
  bestUndisplacedSeconds: number | undefined
  /** The unit the one key may send unasked: the first row that starts now, or is soon free at a level that allows it. */
  autoUnitId: string | undefined
  rows: AdviceRow[]
  nearer: NearerUnit[]
}

type Candidate = {
  unit: AdviseUnit
  kind: RowKind
  from: Place
  startP50: number
  startP90: number
  turnout: number
  lowerBound: number
}

type Arrival = Candidate & { leg: Leg; etaP50: number; etaP90: number }

const earthRadiusM = 6_371_000
const radiansPerDegree = Math.PI / 180

/** Great-circle metres (haversine, R = 6371 km). */
export function measureCrowMetres(from: Place, to: Place): number {
  const dLat = (to.lat - from.lat) * radiansPerDegree
  const dLon = (to.lon - from.lon) * radiansPerDegree
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(from.lat * radiansPerDegree) * Math.cos(to.lat * radiansPerDegree) * Math.sin(dLon / 2) ** 2
  return 2 * earthRadiusM * Math.asin(Math.min(1, Math.sqrt(a)))
}

function canStartNow(unit: AdviseUnit): boolean {
  return unit.active === undefined && (unit.phase === 'idle' || unit.phase === 'standby' || unit.phase === 'returning')
}

function isPlace(place: Place | undefined): place is Place {
  return place !== undefined && Number.isFinite(place.lon) && Number.isFinite(place.lat)
}

function isSeconds(value: number): boolean {
  return Number.isFinite(value) && value >= 0
}

function meetsNeeds(unit: AdviseUnit, call: AdviseCall): boolean {
  return call.needs.every(need => unit.capabilities.includes(need))
}

function isDisplacing(kind: RowKind): boolean {
  return kind === 'divert' || kind === 'withdraw'
}

/** The ways this unit could take the call, or the reason it cannot. Displacements are judged for worth later. */
function admitUnit(input: AdviseInput, unit: AdviseUnit): Candidate[] | ExclusionCode {
  const { call, settings } = input
  if (unit.blocked) return blockCode[unit.blocked]
  if (!isPlace(unit.place)) return 'NO_POSITION'
  if (!meetsNeeds(unit, call)) return 'MISSING_CAPABILITY'
  const build = (kind: RowKind, from: Place, startP50: number, startP90: number, turnout: number): Candidate => {
    const flight = measureCrowMetres(from, call.place) / settings.speedMetresPerSecondMax
    return { unit, kind, from, startP50, startP90, turnout, lowerBound: startP50 + turnout + flight }
  }
  if (canStartNow(unit)) {
    return [build('now', unit.place, 0, 0, isSeconds(unit.turnoutSeconds) ? unit.turnoutSeconds : 0)]
  }
  const candidates: Candidate[] = []
  let code: ExclusionCode = 'BUSY_NO_PREDICTION'
  const { active, release } = unit
  const mayDisplace = (task: UnitTask, gapMin: number) => !call.displaced && task.call.level - call.level >= gapMin
  if (
    unit.phase === 'enRoute' &&
    active &&
    !active.patientOnBoard &&
    mayDisplace(active, settings.diversionLevelGapMin)
  ) {
    if (active.arrivesInSeconds >= settings.diversionNearSceneSeconds) {
      candidates.push(build('divert', unit.place, 0, 0, 0))
    } else code = 'NEAR_SCENE'
  }
  if (release && isPlace(release.place) && isSeconds(release.p50Seconds)) {
    const start90 = Math.max(release.p50Seconds, isSeconds(release.p90Seconds) ? release.p90Seconds : 0)
    if (release.p50Seconds > settings.soonFreeSecondsMax[call.level]) code = 'BUSY_TOO_LONG'
    else if (!unit.next) candidates.push(build('next', release.place, release.p50Seconds, start90, 0))
    else if (!unit.next.acknowledged && mayDisplace(unit.next, settings.withdrawalLevelGapMin)) {
      candidates.push(build('withdraw', release.place, release.p50Seconds, start90, 0))
    } else code = 'NEXT_TAKEN'
  }
  return candidates.length > 0 ? candidates : code
}

const blockCode = {
  outOfService: 'OUT_OF_SERVICE',
  fatigue: 'FATIGUE',
  shiftEnd: 'SHIFT_END',
  onBreak: 'ON_BREAK',
  distress: 'DISTRESS',
  silent: 'SILENT',
} as const satisfies Record<UnitBlock, ExclusionCode>

function measureArrival(input: AdviseInput, candidate: Candidate): Arrival | undefined {
  const leg = input.findLeg(candidate.unit, candidate.from, input.call.place)
  if (!leg || !isSeconds(leg.p50Seconds)) return undefined
  const legP90 = Math.max(leg.p50Seconds, isSeconds(leg.p90Seconds) ? leg.p90Seconds : leg.p50Seconds)
  const etaP50 = candidate.startP50 + candidate.turnout + leg.p50Seconds
  // The release and the drive vary independently, so their distances from the median add as squares.
  const spread = Math.hypot(candidate.startP90 - candidate.startP50, legP90 - leg.p50Seconds)
  return {
    ...candidate,
    leg: { p50Seconds: leg.p50Seconds, p90Seconds: legP90, metres: isSeconds(leg.metres) ? leg.metres : 0 },
    etaP50,
    etaP90: etaP50 + spread,
  }
}

/**
 * Searches the candidates with the lowest bounds: `searchesMin` of them (no more than there are), and more only while one could still
 * be the fastest. Candidates are taken from a heap, since of thousands only a few dozen are ever looked at.
 */
function listArrivals(
  input: AdviseInput,
  candidates: Candidate[],
  searchesMin: number,
): { arrivals: Arrival[]; unreachable: Set<string> } {
  const arrivals: Arrival[] = []
  const unreachable = new Set<string>()
  const heap = candidates
  for (let at = (heap.length >> 1) - 1; at >= 0; at -= 1) siftDown(heap, at, heap.length)
  let best = Number.POSITIVE_INFINITY
  for (let searched = 0, size = heap.length; size > 0; searched += 1) {
    const candidate = heap[0]!
    if (searched >= searchesMin && candidate.lowerBound > best) break
    size -= 1
    heap[0] = heap[size]!
    siftDown(heap, 0, size)
    const arrival = measureArrival(input, candidate)
    if (!arrival) {
      unreachable.add(candidate.unit.unitId)
      continue
    }
    arrivals.push(arrival)
    if (arrival.etaP50 < best) best = arrival.etaP50
  }
  return { arrivals, unreachable }
}

function comesBefore(a: Candidate, b: Candidate): boolean {
  return a.lowerBound < b.lowerBound || (a.lowerBound === b.lowerBound && compareIds(a.unit, b.unit) < 0)
}

function siftDown(heap: Candidate[], from: number, size: number): void {
  const moved = heap[from]!
  let hole = from
  for (;;) {
    let child = 2 * hole + 1
    if (child >= size) break
    if (child + 1 < size && comesBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!comesBefore(heap[child]!, moved)) break
    heap[hole] = heap[child]!
    hole = child
  }
  heap[hole] = moved
}

function compareIds(a: AdviseUnit, b: AdviseUnit): number {
  return a.unitId < b.unitId ? -1 : a.unitId > b.unitId ? 1 : 0
}

/** What the call that is left would get instead: its fastest other unit, without further displacements. */
function findReplacement(input: AdviseInput, left: AdviseCall, leaver: AdviseUnit): Arrival | undefined {
  const own: AdviseInput = { ...input, call: { ...left, displaced: true } }
  const candidates: Candidate[] = []
  for (const unit of input.units) {
    if (unit.unitId === leaver.unitId) continue
    const admitted = admitUnit(own, unit)
    if (typeof admitted === 'string') continue
    for (const candidate of admitted) if (!isDisplacing(candidate.kind)) candidates.push(candidate)
  }
  const { arrivals } = listArrivals(own, candidates, 1)
  return arrivals.sort((a, b) => a.etaP50 - b.etaP50 || compareIds(a.unit, b.unit))[0]
}

/** Whether a displacement is worth it: the gain is large enough, pays for the weighted delay, and the left call is answered in time. */
function judgeDisplacement(
  input: AdviseInput,
  arrival: Arrival,
  bestWithout: number,
): { displaces: Displacement; costSeconds: number } | undefined {
  const { call, settings } = input
  const task = arrival.kind === 'divert' ? arrival.unit.active : arrival.unit.next
  if (!task) return undefined
  const gain = bestWithout - arrival.etaP50
  if (gain < (arrival.kind === 'divert' ? settings.diversionGainSecondsMin : settings.withdrawalGainSecondsMin)) {
    return undefined
  }
  const replacement = findReplacement(input, task.call, arrival.unit)
  if (!replacement || replacement.etaP50 > settings.diversionReplacementSecondsMax[task.call.level]) return undefined
  const delaySeconds = Math.max(0, replacement.etaP50 - task.arrivesInSeconds)
  if (!Number.isFinite(delaySeconds)) return undefined
  const costSeconds = (delaySeconds * settings.levelWeight[task.call.level]) / settings.levelWeight[call.level]
  if (gain <= costSeconds) return undefined
  return {
    costSeconds,
    displaces: {
      callId: task.call.callId,
      level: task.call.level,
      delaySeconds,
      replacementUnitId: replacement.unit.unitId,
      replacementEtaSeconds: replacement.etaP50,
    },
  }
}

/** How scarce the capabilities are that this unit has and the call does not need: each weighed by demand and by who else is ready. */
function measureScarcity(input: AdviseInput, unit: AdviseUnit, ready: ReadonlyMap<string, number>): number {
  const share = input.demandShare
  if (!share) return 0
  let scarcity = 0
  for (const capability of unit.capabilities) {
    if (input.call.needs.includes(capability) || input.call.wants?.includes(capability)) continue
    const others = (ready.get(capability) ?? 0) - (canStartNow(unit) && !unit.blocked ? 1 : 0)
    const demand = share[capability] ?? 0
    if (demand > 0) scarcity += Math.min(1, demand) * input.settings.scarcityBusyFraction ** Math.max(0, others)
  }
  return scarcity
}

function countReady(units: readonly AdviseUnit[]): Map<string, number> {
  const ready = new Map<string, number>()
  for (const unit of units) {
    if (unit.blocked || !canStartNow(unit)) continue
    for (const capability of unit.capabilities) ready.set(capability, (ready.get(capability) ?? 0) + 1)
  }
  return ready
}

/** Whether the one key may send the row unasked: a unit that starts now, or a soon-free one where the level allows; never a displacement. */
function mayAuto(settings: AdviseSettings, level: Level, kind: RowKind): boolean {
  return kind === 'now' || (kind === 'next' && settings.soonFreeAuto[level])
}

/**
 * Recommends units for a call: up to `rowsMax` rows, the first within the band of the level, each with all its terms.
 * No rows when no unit may come. Ties go to the earlier arrival, then the least capable unit, then the lowest id.
 * @source docs of the house, dispatch §4.1; soon-free from arXiv 2409.09158 ("forward"); cover from DMEXCLP
 */
export function recommendUnits(input: AdviseInput): Advice {
  const { call, settings } = input
  const level = call.level
  const empty: Advice = {
    settingsVersion: settings.version,
    callId: call.callId,
    bestEtaSeconds: undefined,
    bestUndisplacedSeconds: undefined,
    autoUnitId: undefined,
    rows: [],
    nearer: [],
  }
  if (!isPlace(call.place)) return empty
  const excluded = new Map<string, ExclusionCode>()
  const candidates: Candidate[] = []
  for (const unit of input.units) {
    const admitted = admitUnit(input, unit)
    if (typeof admitted === 'string') excluded.set(unit.unitId, admitted)
    else candidates.push(...admitted)
  }
  const { arrivals, unreachable } = listArrivals(input, candidates, settings.candidatesMax)
  for (const unitId of unreachable) excluded.set(unitId, 'NO_ROAD')

  const ready = countReady(input.units)
  let bestWithout = Number.POSITIVE_INFINITY
  for (const arrival of arrivals) {
    if (!isDisplacing(arrival.kind) && arrival.etaP50 < bestWithout) bestWithout = arrival.etaP50
  }
  const rowOf = new Map<string, { row: AdviceRow; unit: AdviseUnit }>()
  let judgements = 0
  for (const arrival of arrivals.sort((a, b) => a.etaP50 - b.etaP50 || compareIds(a.unit, b.unit))) {
    const { unit } = arrival
    const judged =
      isDisplacing(arrival.kind) && judgements < settings.displacementsMax
        ? judgeDisplacement(input, arrival, bestWithout)
        : undefined
    if (isDisplacing(arrival.kind)) judgements += 1
    if (isDisplacing(arrival.kind) && !judged) {
      const slowerCode = arrival.kind === 'withdraw' ? 'NEXT_TAKEN' : 'SLOWER'
      excluded.set(unit.unitId, arrival.etaP50 < bestWithout ? 'DISPLACEMENT_NOT_WORTH' : slowerCode)
      continue
    }
    const row = buildRow(input, arrival, ready, judged)
    const known = rowOf.get(unit.unitId)
    if (!known || row.etaP50Seconds < known.row.etaP50Seconds) rowOf.set(unit.unitId, { row, unit })
  }
  const ranked = [...rowOf.values()]
  let best = Number.POSITIVE_INFINITY
  for (const { row } of ranked) if (row.etaP50Seconds < best) best = row.etaP50Seconds
  for (const { row } of ranked) row.withinBand = row.etaP50Seconds <= best + settings.bandSeconds[level]
  ranked.sort(
    (a, b) =>
      Number(b.row.withinBand) - Number(a.row.withinBand) ||
      a.row.scoreSeconds - b.row.scoreSeconds ||
      a.row.etaP50Seconds - b.row.etaP50Seconds ||
      b.unit.rank - a.unit.rank ||
      compareIds(a.unit, b.unit),
  )
  const rows = ranked.slice(0, settings.rowsMax).map(({ row }) => row)
  const auto = ranked.find(({ row }) => row.auto)
  if (auto && rows.length > 1 && !rows.includes(auto.row)) rows[rows.length - 1] = auto.row
  rows.forEach((row, at) => {
    row.why = describeRow(row, at === 0, row.etaP50Seconds - best)
  })
  return {
    settingsVersion: settings.version,
    callId: call.callId,
    bestEtaSeconds: Number.isFinite(best) ? best : undefined,
    bestUndisplacedSeconds: Number.isFinite(bestWithout) ? bestWithout : undefined,
    rows,
    autoUnitId: auto && rows.includes(auto.row) ? auto.unit.unitId : undefined,
    nearer: listNearer(input, ranked, excluded),
  }
}

function buildRow(
  input: AdviseInput,
  arrival: Arrival,
  ready: ReadonlyMap<string, number>,
  judged: { displaces: Displacement; costSeconds: number } | undefined,
): AdviceRow {
  const { call, settings, cover } = input
  const { unit } = arrival
  const level = call.level
  const coverLossShare =
    cover && cover.counts.length === cover.area.cellCount && unit.cover && canStartNow(unit)
      ? measureLoss(cover.area, cover.counts, unit.cover, cover.busyFraction)
      : 0
  const missingWants = (call.wants ?? []).filter(want => !unit.capabilities.includes(want))
  const staleFix = !(unit.fixAgeSeconds <= settings.fixAgeSecondsMax)
  const crossesArea = call.regionId !== undefined && unit.regionId !== undefined && call.regionId !== unit.regionId
  const terms: ScoreTerms = {
    start: arrival.startP50,
    turnout: arrival.turnout,
    drive: arrival.leg.p50Seconds,
    spread: settings.spreadWeight[level] * (arrival.etaP90 - arrival.etaP50),
    coverageLoss: settings.coverageLossSeconds[level] * coverLossShare,
    scarcity: settings.scarcitySeconds[level] * measureScarcity(input, unit, ready),
    shortfall: settings.shortfallSeconds[level] * missingWants.length,
    crossArea: crossesArea ? settings.crossAreaSeconds : 0,
    staleFix: staleFix ? settings.staleFixSeconds : 0,
    diversion: judged?.costSeconds ?? 0,
  }
  let scoreSeconds = 0
  for (const value of Object.values(terms)) scoreSeconds += value
  return {
    unitId: unit.unitId,
    kind: arrival.kind,
    etaP50Seconds: arrival.etaP50,
    etaP90Seconds: arrival.etaP90,
    metres: arrival.leg.metres,
    terms,
    scoreSeconds,
    coverLossShare,
    withinBand: false,
    auto: mayAuto(settings, level, arrival.kind),
    staleFix,
    missingWants,
    ...(judged ? { displaces: judged.displaces } : {}),
    why: { zh: '', en: '' },
  }
}

/** The units that are nearer as the crow flies, or faster, than the first row, each with its reason; nearest first, bounded. */
function listNearer(
  input: AdviseInput,
  ranked: readonly { row: AdviceRow; unit: AdviseUnit }[],
  excluded: ReadonlyMap<string, ExclusionCode>,
): NearerUnit[] {
  const { call, settings } = input
  const first = ranked[0]
  const firstMetres = first ? measureCrowMetres(first.unit.place, call.place) : Number.POSITIVE_INFINITY
  const rowOf = new Map(ranked.map(entry => [entry.unit.unitId, entry.row]))
  const nearer: NearerUnit[] = []
  for (const unit of input.units) {
    if (unit.unitId === first?.unit.unitId || !isPlace(unit.place)) continue
    const crowMetres = measureCrowMetres(unit.place, call.place)
    const row = rowOf.get(unit.unitId)
    const faster = row !== undefined && first !== undefined && row.etaP50Seconds < first.row.etaP50Seconds
    if (!faster && crowMetres >= firstMetres) continue
    const code = (row ? undefined : excluded.get(unit.unitId)) ?? explainRow(row, first?.row)
    nearer.push({
      unitId: unit.unitId,
      crowMetres,
      ...(row ? { etaP50Seconds: row.etaP50Seconds } : {}),
      code,
      why: describeExclusion(
        code,
        call.needs.filter(need => !unit.capabilities.includes(need)),
        row?.etaP50Seconds,
      ),
    })
  }
  return nearer
    .sort((a, b) => a.crowMetres - b.crowMetres || (a.unitId < b.unitId ? -1 : 1))
    .slice(0, settings.nearerMax)
}

function explainRow(row: AdviceRow | undefined, first: AdviceRow | undefined): ExclusionCode {
  if (!row || !first) return 'NOT_SEARCHED'
  if (row.etaP50Seconds >= first.etaP50Seconds) return 'SLOWER'
  if (row.terms.scarcity > first.terms.scarcity) return 'SPARED'
  if (row.terms.coverageLoss > first.terms.coverageLoss) return 'KEEPS_COVER'
  if (row.terms.diversion > first.terms.diversion) return 'DISPLACES'
  if (row.terms.staleFix > first.terms.staleFix) return 'STALE_FIX'
  if (row.terms.shortfall > first.terms.shortfall) return 'MISSING_WANT'
  return 'SCORE'
}

/**
 * Recommends two units for marked codes (arrest): the nearest of any class, then the nearest with everything needed.
 * `any` ignores needs; both lists are without displacement of each other; `capable` never names the first unit of `any`.
 */
export function recommendPair(input: AdviseInput): { any: Advice; capable: Advice } {
  const any = recommendUnits({ ...input, call: { ...input.call, needs: [] } })
  const taken = any.rows[0]?.unitId
  return { any, capable: recommendUnits({ ...input, units: input.units.filter(unit => unit.unitId !== taken) }) }
}

/** One pick of a mass-casualty plan. */
export type MassPick = { slot: number; row: AdviceRow }

/**
 * Recommends units for several slots at one place, greedily, the cover recounted after each pick; only units that can start now.
 * Stops early so that floor(`massReserveShare` × idle) units stay in the rest of the city, unless `reserveLifted`.
 * `short` is the number of slots left open.
 */
export function recommendMany(
  input: AdviseInput,
  slots: readonly { needs: readonly string[]; wants?: readonly string[] }[],
  options: { reserveLifted: boolean },
): { picks: MassPick[]; short: number } {
  let units = input.units.filter(unit => canStartNow(unit) && !unit.blocked)
  const reserve = options.reserveLifted ? 0 : Math.floor(units.length * input.settings.massReserveShare)
  const counts = input.cover ? Int32Array.from(input.cover.counts) : undefined
  const picks: MassPick[] = []
  for (let slot = 0; slot < slots.length && units.length > reserve; slot += 1) {
    const { needs, wants } = slots[slot]!
    const cover = input.cover && counts ? { ...input.cover, counts } : undefined
    const { cover: _coverBefore, ...rest } = input
    const row = recommendUnits({
      ...rest,
      units,
      call: { ...input.call, needs, ...(wants ? { wants } : {}) },
      ...(cover ? { cover } : {}),
    }).rows[0]
    if (!row) continue
    picks.push({ slot, row })
    const gone = units.find(unit => unit.unitId === row.unitId)
    units = units.filter(unit => unit.unitId !== row.unitId)
    if (cover && gone?.cover) changeCover(cover.area, cover.counts, gone.cover, -1)
  }
  return { picks, short: slots.length - picks.length }
}

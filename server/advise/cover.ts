// Cover: how well the free units cover the demand of the area, and which base a unit should go to (DMEXCLP), on release and on demand.
// Stands beside the line: asked for, answers a proposal, changes nothing. Times come in as a base × cell matrix from roads.
// Promises: pure and deterministic; a gain is never negative; a cell nobody can reach or that is not a number counts for nothing.

import type { CoverSettings } from './settings.ts'

/** A piece of demand: `weight` of its calls, the time a unit may need, and the need group (0..30) a unit must serve. */
export type CoverCell = { weight: number; withinSeconds: number; group: number }

/** Which cells each base covers, in compressed rows: base b covers `cell[offset[b]..offset[b+1]]`. Weights sum to 1 (or to 0). */
export type CoverArea = {
  baseCount: number
  cellCount: number
  weight: Float64Array
  groupBit: Int32Array
  offset: Int32Array
  cell: Int32Array
}

/** A free unit as cover sees it: the base it stands at or drives to, and the bit mask of need groups it may serve. */
export type CoverUnit = { base: number; groups: number }

export const groupsMax = 31

/**
 * Builds the table of what each base covers.
 * `travelSeconds` is row-major base × cell; a time that is not a number, or over the cell's limit, is not covered.
 * Weights that are negative or not finite count as 0.
 */
export function buildCoverArea(input: {
  baseCount: number
  cells: readonly CoverCell[]
  travelSeconds: ArrayLike<number>
}): CoverArea {
  const { baseCount, cells, travelSeconds } = input
  const cellCount = cells.length
  const weight = new Float64Array(cellCount)
  const groupBit = new Int32Array(cellCount)
  let total = 0
  cells.forEach((cell, i) => {
    weight[i] = Number.isFinite(cell.weight) && cell.weight > 0 ? cell.weight : 0
    groupBit[i] = cell.group >= 0 && cell.group < groupsMax ? 1 << cell.group : 0
    total += weight[i]!
  })
  if (total > 0) for (let i = 0; i < cellCount; i += 1) weight[i]! /= total
  const offset = new Int32Array(baseCount + 1)
  const covered: number[] = []
  for (let base = 0; base < baseCount; base += 1) {
    for (let i = 0; i < cellCount; i += 1) {
      const seconds = travelSeconds[base * cellCount + i]
      if (weight[i]! > 0 && seconds !== undefined && seconds <= cells[i]!.withinSeconds) covered.push(i)
    }
    offset[base + 1] = covered.length
  }
  return { baseCount, cellCount, weight, groupBit, offset, cell: Int32Array.from(covered) }
}

/** The number of units that cover each cell (k of DMEXCLP). Units at no base (-1) cover nothing. */
export function countCover(area: CoverArea, units: Iterable<CoverUnit>): Int32Array {
  const counts = new Int32Array(area.cellCount)
  for (const unit of units) changeCover(area, counts, unit, 1)
  return counts
}

/** Adds (1) or removes (-1) one unit in `counts`, touching only the cells its base covers. */
export function changeCover(area: CoverArea, counts: Int32Array, unit: CoverUnit, by: 1 | -1): void {
  if (unit.base < 0 || unit.base >= area.baseCount) return
  const end = area.offset[unit.base + 1]!
  for (let at = area.offset[unit.base]!; at < end; at += 1) {
    const i = area.cell[at]!
    if ((area.groupBit[i]! & unit.groups) !== 0) counts[i]! += by
  }
}

/** Share of demand gained by the (k+1)-th unit: (1-q) q^k for k = 0..length-1. `busyFraction` is clamped to 0..1. */
function tabulateMargins(busyFraction: number, length: number): Float64Array {
  const q = Number.isFinite(busyFraction) ? Math.min(1, Math.max(0, busyFraction)) : 0.5
  const margins = new Float64Array(length)
  for (let k = 0, power = 1; k < length; k += 1, power *= q) margins[k] = (1 - q) * power
  return margins
}

function findLargest(counts: Int32Array): number {
  let largest = 0
  for (const count of counts) if (count > largest) largest = count
  return largest
}

/**
 * The marginal cover of one more unit at `base`: Σ d_i (1-q) q^k_i over the cells it would cover; `counts` are without it.
 * @source Daskin 1983 (MEXCLP); Jagtenberg, Bhulai, van der Mei 2015, Operations Research for Health Care 4 (DMEXCLP)
 */
export function measureGain(
  area: CoverArea,
  counts: Int32Array,
  unit: CoverUnit,
  busyFraction: number,
  margins: Float64Array = tabulateMargins(busyFraction, findLargest(counts) + 1),
): number {
  if (unit.base < 0 || unit.base >= area.baseCount) return 0
  let gain = 0
  const end = area.offset[unit.base + 1]!
  for (let at = area.offset[unit.base]!; at < end; at += 1) {
    const i = area.cell[at]!
    if ((area.groupBit[i]! & unit.groups) !== 0) gain += area.weight[i]! * margins[Math.max(0, counts[i]!)]!
  }
  return gain
}

/** The cover that is lost when `unit`, counted in `counts`, is taken away: Σ d_i (1-q) q^(k_i - 1). */
export function measureLoss(area: CoverArea, counts: Int32Array, unit: CoverUnit, busyFraction: number): number {
  if (unit.base < 0 || unit.base >= area.baseCount) return 0
  const margins = tabulateMargins(busyFraction, findLargest(counts) + 1)
  let loss = 0
  const end = area.offset[unit.base + 1]!
  for (let at = area.offset[unit.base]!; at < end; at += 1) {
    const i = area.cell[at]!
    if ((area.groupBit[i]! & unit.groups) !== 0) loss += area.weight[i]! * margins[Math.max(0, counts[i]! - 1)]!
  }
  return loss
}

/** Expected share of demand covered: Σ d_i (1 - q^k_i). */
export function measureCover(area: CoverArea, counts: Int32Array, busyFraction: number): number {
  const prepared = mapPreparedness(counts, busyFraction)
  let covered = 0
  for (let i = 0; i < area.cellCount; i += 1) covered += area.weight[i]! * prepared[i]!
  return covered
}

/** The preparedness of each cell, 0..1: the probability 1 - q^k that one of its k covering units is free when asked. */
export function mapPreparedness(counts: Int32Array, busyFraction: number): Float64Array {
  const q = Number.isFinite(busyFraction) ? Math.min(1, Math.max(0, busyFraction)) : 0.5
  return Float64Array.from(counts, count => (count > 0 ? 1 - q ** count : 0))
}

/** One base a unit might go to; `worth` is the gain less what the drive costs, and orders the list. */
export type BaseChoice = { base: number; gain: number; travelSeconds: number; worth: number }

/**
 * Ranks the allowed bases of a freed unit, best first: most cover gained, then nearest, then lowest index.
 * `counts` are without the unit. `travelSecondsTo` may answer not-a-number for a base that cannot be reached: it is left out.
 * Bases beyond the travel limit are left out unless none is within it. Empty only when no allowed base can be reached.
 * @source DMEXCLP as above; ties to the nearest base
 */
export function rankBases(input: {
  area: CoverArea
  counts: Int32Array
  groups: number
  allowedBases: readonly number[]
  travelSecondsTo: (base: number) => number
  settings: CoverSettings
}): BaseChoice[] {
  const { area, counts, groups, settings } = input
  const margins = tabulateMargins(settings.busyFraction, findLargest(counts) + 1)
  const choices: BaseChoice[] = []
  for (const base of input.allowedBases) {
    const travelSeconds = input.travelSecondsTo(base)
    if (!Number.isFinite(travelSeconds) || base < 0 || base >= area.baseCount) continue
    const gain = measureGain(area, counts, { base, groups }, settings.busyFraction, margins)
    choices.push({ base, gain, travelSeconds, worth: gain - (settings.travelLossPerHour * travelSeconds) / 3600 })
  }
  const near = choices.filter(choice => choice.travelSeconds <= settings.travelSecondsMax)
  return (near.length > 0 ? near : choices).sort(
    (a, b) => b.worth - a.worth || a.travelSeconds - b.travelSeconds || a.base - b.base,
  )
}

/** A free unit that may be moved: where it counts now, where it may stand, and what it has done this shift. */
export type MovableUnit = CoverUnit & { unitId: string; allowedBases: readonly number[]; movesThisShift: number }

/** A proposed move with its cover, `gain` being a share of all demand; a dispatcher accepts or not. */
export type MoveProposal = {
  unitId: string
  fromBase: number
  toBase: number
  gain: number
  travelSeconds: number
  why: { zh: string; en: string }
}

/**
 * Proposes moves on demand, best first, each counted before the next is sought; at most `movesMax`, one per unit.
 * A unit at its shift's limit stays; a move must gain `moveGainMin` after the cost of the drive.
 */
export function proposeMoves(input: {
  area: CoverArea
  units: readonly MovableUnit[]
  /** Free units that count but may not be moved. */
  fixed?: readonly CoverUnit[]
  travelSecondsTo: (unit: MovableUnit, base: number) => number
  settings: CoverSettings
}): MoveProposal[] {
  const { area, settings } = input
  const counts = countCover(area, [...input.units, ...(input.fixed ?? [])])
  const still = input.units.filter(unit => unit.movesThisShift < settings.movesPerShiftMax)
  const proposals: MoveProposal[] = []
  while (proposals.length < settings.movesMax) {
    let best: { at: number; choice: BaseChoice; net: number } | undefined
    for (let at = 0; at < still.length; at += 1) {
      const unit = still[at]!
      changeCover(area, counts, unit, -1)
      const stay = measureGain(area, counts, unit, settings.busyFraction)
      const choice = rankBases({
        area,
        counts,
        groups: unit.groups,
        allowedBases: unit.allowedBases.filter(base => base !== unit.base),
        travelSecondsTo: base => input.travelSecondsTo(unit, base),
        settings,
      })[0]
      changeCover(area, counts, unit, 1)
      if (!choice) continue
      const net = choice.worth - stay
      if (net > 0 && net >= settings.moveGainMin && (!best || net > best.net)) best = { at, choice, net }
    }
    if (!best) break
    const [unit] = still.splice(best.at, 1)
    changeCover(area, counts, unit!, -1)
    changeCover(area, counts, { base: best.choice.base, groups: unit!.groups }, 1)
    const percent = (best.net * 100).toFixed(1)
    const minutes = Math.round(best.choice.travelSeconds / 60)
    proposals.push({
      unitId: unit!.unitId,
      fromBase: unit!.base,
      toBase: best.choice.base,
      gain: best.net,
      travelSeconds: best.choice.travelSeconds,
      why: {
        zh: `调防后全区覆盖提高 ${percent} 个百分点，行驶约 ${minutes} 分钟`,
        en: `cover of the area rises by ${percent} percentage points, about ${minutes} min drive`,
      },
    })
  }
  return proposals
}

/**
 * Crews: who rides on a unit and until when, a crew in distress, and where a free unit stands to cover its area. Rosters and
 * distress are facts; a move is a command, within the bases agreed for the unit and the moves a shift may ask of it.
 */
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { movesPerShiftDefault, type Shift, shiftsMax } from '#contract/fleet.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import { isCommandStale } from './commands.ts'
import { refuse } from './open.ts'
import { isFree } from './tasks.ts'
import type { Touched, Unit, World } from './world.ts'

/** A shift that ended this long ago is left out. */
const shiftKeptMs = 12 * 3_600_000

/** The shift that runs at an instant; undefined between shifts and for a unit without roster. */
export function findShift(unit: Pick<Unit, 'shifts'>, at: number): Shift | undefined {
  return unit.shifts?.find(shift => shift.startsAt <= at && at < shift.endsAt)
}

/** Adds or replaces one shift of a unit. */
export function applyCrew(world: World, entry: EntryOf<'crew.assigned'>, touched: Touched): Outcome {
  const { unitId, ...shift } = entry.body
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  const isWhole =
    shift.startsAt < shift.endsAt &&
    shift.breaks.every(pause => pause.from < pause.to && pause.from >= shift.startsAt && pause.to <= shift.endsAt)
  if (!isWhole) return refuse('SHIFT_INVALID', {})
  const others = (unit.shifts ?? []).filter(
    held => held.shiftId !== shift.shiftId && held.endsAt > entry.loggedAt - shiftKeptMs,
  )
  unit.shifts = [...others, shift].sort((a, b) => a.startsAt - b.startsAt).slice(-shiftsMax)
  unit.version++
  touched.units.add(unitId)
  return done
}

/** 求助: stands until somebody ends it; said again it keeps its first instant. */
export function applyDistress(world: World, entry: EntryOf<'unit.distressed'>, touched: Touched): Outcome {
  const { unitId } = entry.body
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  unit.distress ??= { at: entry.occurredAt }
  unit.version++
  touched.units.add(unitId)
  return done
}

/** Somebody at a desk has seen it; the first name stands. */
export function applyDistressAck(world: World, entry: EntryOf<'unit.distressAcknowledged'>, touched: Touched): Outcome {
  const { unitId } = entry.body
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  if (!unit.distress) return refuse('DISTRESS_UNKNOWN', { unitId })
  if (unit.distress.acknowledgedAt !== undefined) return done
  unit.distress = { ...unit.distress, acknowledgedAt: entry.occurredAt, acknowledgedBy: nameActor(entry) }
  unit.version++
  touched.units.add(unitId)
  return done
}

export function applyDistressEnd(world: World, entry: EntryOf<'unit.distressEnded'>, touched: Touched): Outcome {
  const { unitId } = entry.body
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  // An end that was said before the cry, and came late, ends nothing.
  if (unit.distress && entry.occurredAt < unit.distress.at) return done
  unit.distress = undefined
  unit.version++
  touched.units.add(unitId)
  return done
}

/** Most moves of this unit in a shift: of the nearest region above it that says so. */
export function getMovesMax(world: Pick<World, 'regions'>, unit: Pick<Unit, 'regionCode'>): number {
  let at: string | undefined = unit.regionCode
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (region?.movesPerShiftMax !== undefined) return region.movesPerShiftMax
    at = region?.parentCode
  }
  return movesPerShiftDefault
}

/** What the moves of a unit are counted by: its shift, or the day when it has none. */
export function nameMovesSpan(unit: Unit, at: number): string {
  return findShift(unit, at)?.shiftId ?? formatDay(getDayIndex(at))
}

/** Moves of a unit in the span that runs now. */
export function countMoves(unit: Unit, at: number): number {
  return unit.movesOf === nameMovesSpan(unit, at) ? (unit.moves ?? 0) : 0
}

/** Sends a free unit to stand at one of its bases. */
export function applyMove(world: World, entry: EntryOf<'unit.moveOrdered'>, touched: Touched): Outcome {
  const { unitId, placeId } = entry.body
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  if (!world.places.has(placeId)) return refuse('PLACE_UNKNOWN', { placeId })
  if (unit.incidentId !== undefined)
    return refuse('UNIT_TAKEN', { unitId, incidentId: unit.incidentId, by: unit.assignedBy ?? '' })
  if (!isFree(unit)) return refuse('UNIT_UNAVAILABLE', { unitId })
  if (isCommandStale(entry.expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  if (placeId !== unit.stationId && !(unit.baseIds ?? []).includes(placeId))
    return refuse('BASE_NOT_ALLOWED', { unitId, placeId })
  const moves = countMoves(unit, entry.loggedAt)
  const max = getMovesMax(world, unit)
  // The way home is no move: a crew may always be sent back to its station.
  const isHome = placeId === unit.stationId
  if (!isHome && moves >= max) return refuse('MOVES_EXHAUSTED', { unitId, max })
  unit.baseId = isHome ? undefined : placeId
  unit.movedAt = entry.occurredAt
  unit.moves = isHome ? moves : moves + 1
  unit.movesOf = nameMovesSpan(unit, entry.loggedAt)
  unit.status = 'returning'
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'desk'
  unit.suggestion = undefined
  unit.version++
  touched.units.add(unitId)
  return done
}

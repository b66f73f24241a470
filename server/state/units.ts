/**
 * Units: where each is, what it does, whether it is heard. A late fix moves nothing; a late status fills its incident's
 * timeline and never regresses the current one; silence is judged by our clock, on ticks.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import { applyMotion } from './motion.ts'
import { addStamp, makeStamp } from './stamps.ts'
import { endsTask, endTask, stampImplied } from './tasks.ts'
import type { Touched, Unit, World } from './world.ts'

/** Seconds without any fix before a unit on a task, or an idle one, is called silent on screens. */
export const silentOnTaskMs = 60_000
export const silentIdleMs = 300_000

/** A device clock may lag the desk's by this much and its status still follows the desk's order. */
export const statusLagMs = 10_000

/** Moves the unit when the fix is newer than the one shown. */
export function applyPosition(world: World, entry: EntryOf<'unit.position'>, touched: Touched): Outcome {
  const { body } = entry
  const unit = world.units.get(body.unitId)
  if (!unit) return { result: 'refused', code: 'UNIT_UNKNOWN', params: { unitId: body.unitId } }
  unit.heardAt = entry.loggedAt
  if (unit.silent) {
    unit.silent = false
    touched.units.add(unit.unitId)
  }
  if (unit.fixAt !== undefined && entry.occurredAt <= unit.fixAt) return done
  unit.fixAt = entry.occurredAt
  unit.lon = body.lon
  unit.lat = body.lat
  unit.speedKmh = body.speedKmh
  unit.courseDeg = body.courseDeg
  touched.positions.add(unit.unitId)
  applyMotion(world, unit, entry, touched)
  return done
}

/** Vitals live in their table and go to watching sockets; the world only notes that the unit is heard. */
export function applyVitals(world: World, entry: EntryOf<'unit.vitals'>): Outcome {
  const unit = world.units.get(entry.body.unitId)
  if (!unit) return { result: 'refused', code: 'UNIT_UNKNOWN', params: { unitId: entry.body.unitId } }
  unit.heardAt = entry.loggedAt
  return done
}

/** Sets the status when it is newer than the one held; stamps the incident's timeline in any case. */
export function applyStatus(world: World, entry: EntryOf<'unit.status'>, touched: Touched): Outcome {
  const { body } = entry
  const unit = world.units.get(body.unitId)
  if (!unit) return { result: 'refused', code: 'UNIT_UNKNOWN', params: { unitId: body.unitId } }
  const incidentId = body.incidentId ?? unit.incidentId
  const incident = incidentId === undefined ? undefined : world.incidents.get(incidentId)
  if (incident && body.status !== 'ordered') addStamp(incident, makeStamp(entry, body.status, body.by, unit.unitId))
  if (incident) touched.incidents.add(incident.incidentId)
  // A word about another incident than the unit's own stamps that one and ends nothing: its desk was behind.
  if (body.incidentId !== undefined && unit.incidentId !== undefined && body.incidentId !== unit.incidentId) return done
  const lagMs = unit.statusBy === 'desk' && !endsTask.has(body.status) ? statusLagMs : 0
  if (entry.occurredAt < unit.statusAt - lagMs) return done
  if (incident) stampImplied(unit, incident, entry, body.status)
  unit.status = body.status
  unit.suggestion = undefined
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'unit'
  unit.version++
  touched.units.add(unit.unitId)
  if (endsTask.has(body.status)) endTask(world, unit, entry, touched)
  return done
}

/** Milliseconds without a fix after which this unit is silent. */
function getSilentAfterMs(unit: Unit): number {
  return unit.incidentId === undefined ? silentIdleMs : silentOnTaskMs
}

/** On a tick: marks units not heard for too long. Our own silence is not theirs: `ownGapMs` is forgiven. */
export function applySilence(world: World, ownGapMs: number, touched: Touched): void {
  const now = world.city.now
  for (const unit of world.units.values()) {
    if (unit.heardAt === undefined || unit.status === 'unavailable') continue
    // Never beyond now: a unit heard within the gap would be excused for the length of it.
    if (ownGapMs > 0) unit.heardAt = Math.min(now, unit.heardAt + ownGapMs)
    if (unit.silent || now - unit.heardAt <= getSilentAfterMs(unit)) continue
    unit.silent = true
    touched.units.add(unit.unitId)
  }
}

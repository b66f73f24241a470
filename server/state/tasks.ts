/**
 * Tasks of a unit: at most one active and at most one next (预派). One file owns how a task begins, ends, is queued, withdrawn,
 * diverted and confirmed, so that the two slots can never disagree with the incidents. A next task exists only behind an active
 * one and becomes active by itself when that ends. The log's order decides between desks; the loser is told who won.
 */
import { done, type Entry, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { answerAid } from './centres.ts'
import { isCommandStale } from './commands.ts'
import { findOpen, refuse, unitsOnIncidentMax } from './open.ts'
import { addStamp, getSource, hasStamp, makeStamp } from './stamps.ts'
import type { Incident, Touched, Unit, World } from './world.ts'

/** Statuses in which the patient is not reached yet: only then may a unit be sent elsewhere. */
const enRoute: ReadonlySet<string> = new Set(['ordered', 'rolling'])

/** True when the line takes an order for this unit now. */
export function isFree(unit: Unit): boolean {
  return unit.incidentId === undefined && (unit.status === 'idle' || unit.status === 'returning')
}

/** Makes an incident the unit's active task: status, stamp and the lists of both. */
export function beginTask(
  unit: Unit,
  incident: Incident,
  entry: Entry,
  by: string,
  source: 'key' | 'auto',
  touched: Touched,
): void {
  unit.status = 'ordered'
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'desk'
  unit.incidentId = incident.incidentId
  unit.assignedBy = by
  unit.acknowledgedAt = undefined
  unit.destinationId = undefined
  unit.suggestion = undefined
  unit.baseId = undefined
  unit.orderedFrom = unit.lon === undefined || unit.lat === undefined ? undefined : { lon: unit.lon, lat: unit.lat }
  unit.version++
  incident.unitIds = [...incident.unitIds, unit.unitId]
  incident.requeuedAt = undefined
  incident.version++
  addStamp(incident, { ...makeStamp(entry, 'ordered', source, unit.unitId), by })
  touched.units.add(unit.unitId)
  touched.incidents.add(incident.incidentId)
}

/** Takes the next task away and notes it on its incident, which returns to the head of its level when it has nobody else. */
export function dropNext(world: World, unit: Unit, entry: Entry, touched: Touched, reason?: string): void {
  const incident = unit.nextIncidentId === undefined ? undefined : world.incidents.get(unit.nextIncidentId)
  unit.nextIncidentId = undefined
  unit.nextBy = undefined
  unit.nextAcknowledgedAt = undefined
  touched.units.add(unit.unitId)
  if (!incident) return
  incident.nextUnitIds = (incident.nextUnitIds ?? []).filter(id => id !== unit.unitId)
  addStamp(incident, {
    ...makeStamp(entry, 'withdrawn', getSource(entry), unit.unitId),
    ...(reason === undefined ? {} : { reason }),
  })
  incident.version++
  touched.incidents.add(incident.incidentId)
}

/** Puts an incident that lost its unit before the patient was reached at the head of its level. */
function requeue(incident: Incident, at: number): void {
  if (incident.state === 'open' && incident.unitIds.length === 0 && (incident.nextUnitIds ?? []).length === 0)
    incident.requeuedAt = at
}

/**
 * Ends the active task: the unit leaves the incident's list, its stamps stay. The next task, if any, becomes active at once;
 * a unit that is out of service gives it up instead.
 */
export function endTask(world: World, unit: Unit, entry: Entry, touched: Touched): void {
  if (unit.incidentId === undefined) return
  const incident = world.incidents.get(unit.incidentId)
  unit.incidentId = undefined
  unit.assignedBy = undefined
  unit.acknowledgedAt = undefined
  unit.destinationId = undefined
  unit.suggestion = undefined
  unit.orderedFrom = undefined
  touched.units.add(unit.unitId)
  if (incident) {
    incident.unitIds = incident.unitIds.filter(id => id !== unit.unitId)
    incident.version++
    touched.incidents.add(incident.incidentId)
  }
  if (unit.nextIncidentId !== undefined) promoteNext(world, unit, entry, touched)
}

function promoteNext(world: World, unit: Unit, entry: Entry, touched: Touched): void {
  const next = world.incidents.get(unit.nextIncidentId!)
  const by = unit.nextBy ?? nameActor(entry)
  const isConfirmed = unit.nextAcknowledgedAt !== undefined
  if (unit.status === 'unavailable' || !next || next.state === 'closed') {
    dropNext(world, unit, entry, touched)
    if (next) requeue(next, entry.occurredAt)
    return
  }
  unit.nextIncidentId = undefined
  unit.nextBy = undefined
  unit.nextAcknowledgedAt = undefined
  next.nextUnitIds = (next.nextUnitIds ?? []).filter(id => id !== unit.unitId)
  beginTask(unit, next, entry, by, 'auto', touched)
  if (isConfirmed) noteAcknowledged(unit, next, entry, 'auto')
}

function noteAcknowledged(unit: Unit, incident: Incident, entry: Entry, source: 'auto' | 'key' | 'gps' | 'edit'): void {
  if (unit.acknowledgedAt !== undefined) return
  unit.acknowledgedAt = entry.occurredAt
  addStamp(incident, makeStamp(entry, 'acknowledged', source, unit.unitId))
}

/** Notes what a status implies at the same instant: rolling was confirmed, free again was handed over. Marked auto. */
export function stampImplied(unit: Unit, incident: Incident, entry: Entry, status: string): void {
  const { unitId } = unit
  const orderedAt = incident.stamps.findLast(s => s.stamp === 'ordered' && s.unitId === unitId)?.at ?? 0
  const add = (stamp: string) => {
    if (!hasStamp(incident, stamp, unitId, orderedAt)) addStamp(incident, makeStamp(entry, stamp, 'auto', unitId))
  }
  if (unit.incidentId === incident.incidentId && status !== 'ordered') {
    if (!endsTask.has(status) && unit.acknowledgedAt === undefined) {
      unit.acknowledgedAt = entry.occurredAt
      add('acknowledged')
    }
    if (endsTask.has(status) && unit.status === 'handover') add('handed-over')
    if (status === 'idle') add('returning')
  }
}

/** Statuses that end a task: these are taken strictly in order, so that a buffered "idle" never ends a newer task. */
export const endsTask: ReadonlySet<string> = new Set(['idle', 'returning', 'unavailable'])

/** The refusal of an order about a unit, common to both slots; undefined when there is none. */
function findObjection(entry: Entry, unit: Unit, incident: Incident): Outcome | undefined {
  if (isCommandStale(entry.expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  if (isCommandStale(entry.expects?.incident, incident.version))
    return refuse('VERSION_STALE', { what: incident.incidentId })
  if (incident.unitIds.length + (incident.nextUnitIds?.length ?? 0) >= unitsOnIncidentMax)
    return refuse('UNIT_UNAVAILABLE', { unitId: unit.unitId })
  return undefined
}

/** Gives a unit its active task. The second desk gets UNIT_TAKEN with the name of the first. */
export function applyAssign(world: World, entry: EntryOf<'incident.unitAssigned'>, touched: Touched): Outcome {
  const { body } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  if (unit.incidentId !== undefined)
    return refuse('UNIT_TAKEN', { unitId: unit.unitId, incidentId: unit.incidentId, by: unit.assignedBy ?? '' })
  if (!isFree(unit)) return refuse('UNIT_UNAVAILABLE', { unitId: unit.unitId })
  const objection = findObjection(entry, unit, incident)
  if (objection) return objection
  beginTask(unit, incident, entry, nameActor(entry), getSource(entry), touched)
  answerAid(world, incident, unit, entry.occurredAt)
  return done
}

/** Gives a busy unit its one next task; a unit that has become free meanwhile starts at once. NEXT_TAKEN names who was first. */
export function applyQueue(world: World, entry: EntryOf<'incident.unitQueued'>, touched: Touched): Outcome {
  const { body } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  const { unitId } = unit
  if (unit.nextIncidentId !== undefined)
    return refuse('NEXT_TAKEN', { unitId, incidentId: unit.nextIncidentId, by: unit.nextBy ?? '' })
  if (unit.incidentId === incident.incidentId)
    return refuse('UNIT_TAKEN', { unitId, incidentId: incident.incidentId, by: unit.assignedBy ?? '' })
  if (unit.incidentId === undefined && !isFree(unit)) return refuse('UNIT_UNAVAILABLE', { unitId })
  const objection = findObjection(entry, unit, incident)
  if (objection) return objection
  const by = nameActor(entry)
  if (unit.incidentId === undefined) {
    beginTask(unit, incident, entry, by, getSource(entry), touched)
    return done
  }
  unit.nextIncidentId = incident.incidentId
  unit.nextBy = by
  unit.nextAcknowledgedAt = undefined
  unit.version++
  incident.nextUnitIds = [...(incident.nextUnitIds ?? []), unitId]
  incident.requeuedAt = undefined
  incident.version++
  addStamp(incident, makeStamp(entry, 'queued', getSource(entry), unitId))
  touched.units.add(unitId)
  touched.incidents.add(incident.incidentId)
  return done
}

/** Takes a next task back until the crew has confirmed it. */
export function applyWithdraw(world: World, entry: EntryOf<'incident.nextWithdrawn'>, touched: Touched): Outcome {
  const { body } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  const { unitId } = unit
  if (unit.nextIncidentId !== body.incidentId) return refuse('UNIT_NOT_ASSIGNED', { unitId })
  if (unit.nextAcknowledgedAt !== undefined) return refuse('NEXT_ACKNOWLEDGED', { unitId })
  if (isCommandStale(entry.expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  dropNext(world, unit, entry, touched, body.reason)
  unit.version++
  return done
}

/**
 * Sends a unit on its way elsewhere. The incident it leaves returns to the head of its level; the crew must confirm anew.
 * Refused once the scene is reached: then it is no diversion.
 */
export function applyDivert(world: World, entry: EntryOf<'incident.unitDiverted'>, touched: Touched): Outcome {
  const { body } = entry
  if (body.incidentId === body.fromIncidentId) return refuse('INCIDENT_SAME', {})
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  const { unitId } = unit
  if (unit.incidentId !== undefined && unit.incidentId !== body.fromIncidentId)
    return refuse('UNIT_TAKEN', { unitId, incidentId: unit.incidentId, by: unit.assignedBy ?? '' })
  if (unit.incidentId === undefined) return refuse('UNIT_NOT_ASSIGNED', { unitId })
  if (!enRoute.has(unit.status)) return refuse('UNIT_BEYOND_DIVERSION', { unitId })
  const objection = findObjection(entry, unit, incident)
  if (objection) return objection
  const before = world.incidents.get(body.fromIncidentId)
  if (unit.nextIncidentId === incident.incidentId) dropNext(world, unit, entry, touched)
  if (before) {
    before.unitIds = before.unitIds.filter(id => id !== unitId)
    before.version++
    addStamp(before, { ...makeStamp(entry, 'diverted', getSource(entry), unitId), reason: body.reason })
    requeue(before, entry.occurredAt)
    touched.incidents.add(before.incidentId)
  }
  beginTask(unit, incident, entry, nameActor(entry), getSource(entry), touched)
  return done
}

/** Takes the task back, with the reason; a next task then begins, else the unit returns. */
export function applyRelease(world: World, entry: EntryOf<'incident.unitReleased'>, touched: Touched): Outcome {
  const { body, expects } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  if (unit.incidentId !== body.incidentId) return refuse('UNIT_NOT_ASSIGNED', { unitId: body.unitId })
  if (isCommandStale(expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  releaseUnit(world, unit, found.incident, entry, touched, body.reason)
  return done
}

/** Frees a unit of an incident by the desk: stamp with the reason, returning, and its next task begins if it has one. */
export function releaseUnit(
  world: World,
  unit: Unit,
  incident: Incident,
  entry: Entry,
  touched: Touched,
  reason: string,
): void {
  addStamp(incident, { ...makeStamp(entry, 'released', getSource(entry), unit.unitId), reason })
  unit.status = 'returning'
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'desk'
  unit.version++
  endTask(world, unit, entry, touched)
}

/** The crew has read its task (t4), or its next one: from then on the next is not withdrawn. Said again it is the same. */
export function applyTaskAcknowledged(
  world: World,
  entry: EntryOf<'unit.taskAcknowledged'>,
  touched: Touched,
): Outcome {
  const { body } = entry
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  const incident = world.incidents.get(body.incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId: body.incidentId })
  if (unit.incidentId === body.incidentId) {
    noteAcknowledged(unit, incident, entry, body.by)
  } else if (unit.nextIncidentId === body.incidentId) {
    unit.nextAcknowledgedAt ??= entry.occurredAt
  } else if (hasStamp(incident, 'ordered', unit.unitId)) {
    // The task is over: the record of it is completed, nothing that is true now changes.
    addStamp(incident, makeStamp(entry, 'acknowledged', body.by, unit.unitId))
  } else return refuse('UNIT_NOT_ASSIGNED', { unitId: unit.unitId })
  unit.version++
  touched.units.add(unit.unitId)
  touched.incidents.add(incident.incidentId)
  return done
}

/** A step of the chain that is no status: patient reached, scene left, handover signed. */
export function applyStamped(world: World, entry: EntryOf<'incident.stamped'>, touched: Touched): Outcome {
  const { incidentId, unitId, stamp, by } = entry.body
  const incident = world.incidents.get(incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId })
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  if (unit.incidentId !== incidentId && !hasStamp(incident, 'ordered', unitId))
    return refuse('UNIT_NOT_ASSIGNED', { unitId })
  if (stamp === 'acknowledged' && unit.incidentId === incidentId) {
    noteAcknowledged(unit, incident, entry, by)
    unit.version++
    touched.units.add(unitId)
  } else addStamp(incident, makeStamp(entry, stamp, by, unitId))
  touched.incidents.add(incidentId)
  return done
}

/** Adds a corrected time in the name of a shift leader, with the reason; what stood before stays. */
export function applyStampEdited(world: World, entry: EntryOf<'incident.stampEdited'>, touched: Touched): Outcome {
  const { incidentId, unitId, stamp, at, reason } = entry.body
  const incident = world.incidents.get(incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId })
  if (at > entry.loggedAt) return refuse('STAMP_IN_FUTURE', {})
  if (isCommandStale(entry.expects?.incident, incident.version)) return refuse('VERSION_STALE', { what: incidentId })
  addStamp(incident, { ...makeStamp(entry, stamp, 'edit', unitId), at, reason })
  touched.incidents.add(incidentId)
  return done
}

/**
 * Links: how the records of incidents come of each other: merged, split, reopened, cancelled. Both records are always kept and
 * name each other; calls and units move whole, and a unit's steps so far go with its run, so that the clock of the run stays
 * whole in the record that is served.
 */
import { done, type Entry, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { isCommandStale } from './commands.ts'
import { findOpen, refuse, unitsOnIncidentMax } from './open.ts'
import { addStamp, getSource, makeStamp, stampCall } from './stamps.ts'
import { dropNext, releaseUnit } from './tasks.ts'
import type { Incident, Touched, Unit, World } from './world.ts'

/** Statuses of a unit that has the patient: such a case is not cancelled. */
const hasPatient: ReadonlySet<string> = new Set(['loaded', 'at-hospital', 'handover'])

function moveCalls(world: World, callIds: readonly string[], from: Incident, to: Incident, touched: Touched): void {
  for (const callId of callIds) {
    const call = world.calls.get(callId)
    if (call) {
      call.incidentId = to.incidentId
      touched.calls.add(callId)
      stampCall(to, call)
    }
  }
  from.callIds = from.callIds.filter(id => !callIds.includes(id))
  to.callIds = [...new Set([...to.callIds, ...callIds])]
}

/** The unit's run goes on under another record: its steps since it was ordered stand there too. */
function moveUnit(unit: Unit, from: Incident, to: Incident, touched: Touched): void {
  for (const stamp of from.stamps) if (stamp.unitId === unit.unitId) addStamp(to, { ...stamp })
  unit.incidentId = to.incidentId
  unit.version++
  from.unitIds = from.unitIds.filter(id => id !== unit.unitId)
  to.unitIds = [...to.unitIds, unit.unitId]
  touched.units.add(unit.unitId)
}

/** Joins one incident into another: two calls were one place. The more urgent level stands. */
export function applyMerge(world: World, entry: EntryOf<'incident.merged'>, touched: Touched): Outcome {
  const { incidentId, mergedId, reason } = entry.body
  if (incidentId === mergedId) return refuse('INCIDENT_SAME', {})
  const keptFound = findOpen(world, incidentId)
  if ('refusal' in keptFound) return keptFound.refusal
  const mergedFound = findOpen(world, mergedId)
  if ('refusal' in mergedFound) return mergedFound.refusal
  const kept = keptFound.incident
  const merged = mergedFound.incident
  if (isCommandStale(entry.expects?.incident, kept.version)) return refuse('VERSION_STALE', { what: incidentId })
  if (merged.transfer) return refuse('TRANSFER_PENDING', { incidentId: mergedId, toCode: merged.transfer.toCode })
  if (kept.unitIds.length + merged.unitIds.length > unitsOnIncidentMax) return refuse('INCIDENT_BUSY', { incidentId })
  moveCalls(world, [...merged.callIds], merged, kept, touched)
  for (const unitId of [...merged.unitIds]) {
    const unit = world.units.get(unitId)
    if (!unit) continue
    if (unit.nextIncidentId === incidentId) dropNext(world, unit, entry, touched)
    moveUnit(unit, merged, kept, touched)
  }
  for (const unitId of merged.nextUnitIds ?? []) {
    const unit = world.units.get(unitId)
    if (!unit) continue
    if (unit.incidentId === incidentId) dropNext(world, unit, entry, touched)
    else {
      unit.nextIncidentId = incidentId
      unit.version++
      kept.nextUnitIds = [...(kept.nextUnitIds ?? []), unitId]
      touched.units.add(unitId)
    }
  }
  merged.nextUnitIds = []
  kept.level = Math.min(kept.level, merged.level)
  kept.mergedFrom = [...(kept.mergedFrom ?? []), mergedId]
  kept.requeuedAt = kept.unitIds.length > 0 ? undefined : kept.requeuedAt
  merged.mergedInto = incidentId
  close(merged, entry, 'merged', reason)
  addStamp(kept, { ...makeStamp(entry, 'merged', getSource(entry)), ...(reason === undefined ? {} : { reason }) })
  for (const one of [kept, merged]) {
    one.version++
    touched.incidents.add(one.incidentId)
  }
  return done
}

/** Takes calls and units out of an incident into a new one: one call was two places. */
export function applySplit(world: World, entry: EntryOf<'incident.split'>, touched: Touched): Outcome {
  const { body } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (world.incidents.has(body.newIncidentId)) return refuse('INCIDENT_EXISTS', { incidentId: body.newIncidentId })
  if (isCommandStale(entry.expects?.incident, incident.version))
    return refuse('VERSION_STALE', { what: incident.incidentId })
  for (const callId of body.callIds) if (!incident.callIds.includes(callId)) return refuse('CALL_UNKNOWN', { callId })
  for (const unitId of body.unitIds)
    if (!incident.unitIds.includes(unitId)) return refuse('UNIT_NOT_ASSIGNED', { unitId })
  const made = makeIncident(entry, incident, body.newIncidentId, body.level)
  made.regionCode = body.regionCode
  made.lon = body.lon
  made.lat = body.lat
  made.splitFrom = incident.incidentId
  moveCalls(world, body.callIds, incident, made, touched)
  for (const unitId of new Set(body.unitIds)) {
    const unit = world.units.get(unitId)
    if (!unit) continue
    if (unit.nextIncidentId === made.incidentId) dropNext(world, unit, entry, touched)
    moveUnit(unit, incident, made, touched)
  }
  incident.splitInto = [...(incident.splitInto ?? []), made.incidentId]
  const reason = body.reason === undefined ? {} : { reason: body.reason }
  addStamp(incident, { ...makeStamp(entry, 'split', getSource(entry)), ...reason })
  world.incidents.set(made.incidentId, made)
  incident.version++
  touched.incidents.add(incident.incidentId)
  touched.incidents.add(made.incidentId)
  return done
}

/** A closed case that needs somebody again is a new case at the same place, linked to the old one. */
export function applyReopen(world: World, entry: EntryOf<'incident.reopened'>, touched: Touched): Outcome {
  const { body } = entry
  const closed = world.incidents.get(body.incidentId)
  if (!closed) return refuse('INCIDENT_UNKNOWN', { incidentId: body.incidentId })
  if (closed.state === 'open') return refuse('INCIDENT_OPEN', { incidentId: body.incidentId })
  if (world.incidents.has(body.newIncidentId)) return refuse('INCIDENT_EXISTS', { incidentId: body.newIncidentId })
  if (closed.reopenedAs !== undefined) return refuse('INCIDENT_EXISTS', { incidentId: closed.reopenedAs })
  const made = makeIncident(entry, closed, body.newIncidentId, body.level)
  made.reopenedFrom = closed.incidentId
  closed.reopenedAs = made.incidentId
  addStamp(closed, { ...makeStamp(entry, 'reopened', getSource(entry)), reason: body.reason })
  world.incidents.set(made.incidentId, made)
  closed.version++
  touched.incidents.add(closed.incidentId)
  touched.incidents.add(made.incidentId)
  return done
}

/** A new open incident of the kind and place of another; personal fields stay with the record they were told to. */
function makeIncident(entry: Entry, like: Incident, incidentId: string, level: number): Incident {
  const made: Incident = {
    incidentId,
    version: 1,
    state: 'open',
    level,
    regionCode: like.regionCode,
    lon: like.lon,
    lat: like.lat,
    syndrome: like.syndrome,
    complaintCode: like.complaintCode,
    callIds: [],
    unitIds: [],
    openedAt: entry.occurredAt,
    openedBy: nameActor(entry),
    stamps: [],
    sealedFields: [],
    noteCount: 0,
    ...(like.ownerCode === undefined ? {} : { ownerCode: like.ownerCode }),
    ...(like.visibleTo === undefined ? {} : { visibleTo: [...like.visibleTo] }),
  }
  addStamp(made, makeStamp(entry, 'opened', getSource(entry)))
  return made
}

/** Ends a case before it is served: every unit on its way is freed. Refused when one has the patient. */
export function applyCancel(world: World, entry: EntryOf<'incident.cancelled'>, touched: Touched): Outcome {
  const { incidentId, cause, reason } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (isCommandStale(entry.expects?.incident, incident.version)) return refuse('VERSION_STALE', { what: incidentId })
  const units = incident.unitIds.flatMap(unitId => world.units.get(unitId) ?? [])
  if (units.some(unit => hasPatient.has(unit.status))) return refuse('INCIDENT_BUSY', { incidentId })
  const why = reason === undefined || reason === '' ? cause : `${cause}: ${reason}`
  for (const unit of units) releaseUnit(world, unit, incident, entry, touched, why)
  for (const unitId of incident.nextUnitIds ?? []) {
    const unit = world.units.get(unitId)
    if (unit) dropNext(world, unit, entry, touched, why)
  }
  addStamp(incident, { ...makeStamp(entry, 'cancelled', getSource(entry)), reason: why })
  close(incident, entry, 'cancelled', why)
  touched.incidents.add(incidentId)
  return done
}

/** Closes a record with its outcome; an offer to another centre falls with it. */
export function close(incident: Incident, entry: Entry, outcome: string, reason: string | undefined): void {
  incident.state = 'closed'
  incident.closedAt = entry.occurredAt
  incident.outcome = outcome
  if (reason !== undefined && reason !== '') incident.closeReason = reason
  incident.transfer = undefined
  incident.requeuedAt = undefined
  addStamp(incident, makeStamp(entry, 'closed', getSource(entry)))
  incident.version++
}

/** Says why another unit than the first advised was sent; asked afterwards and never in the way. */
export function applyOverride(world: World, entry: EntryOf<'incident.overrideReasoned'>, touched: Touched): Outcome {
  const { incidentId, ...said } = entry.body
  const incident = world.incidents.get(incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId })
  const others = (incident.overrides ?? []).filter(row => row.unitId !== said.unitId)
  incident.overrides = [...others, { ...said, at: entry.occurredAt, by: nameActor(entry) }]
  incident.version++
  touched.incidents.add(incidentId)
  return done
}

/** Declares a mass-casualty incident; said again it renews the number expected. */
export function applyMass(world: World, entry: EntryOf<'incident.massDeclared'>, touched: Touched): Outcome {
  const { incidentId, expected, reserveLifted } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const at = incident.mass?.at ?? entry.occurredAt
  incident.mass = { at, by: nameActor(entry), expected, reserveLifted }
  addStamp(incident, makeStamp(entry, 'mass-declared', getSource(entry)))
  incident.version++
  touched.incidents.add(incidentId)
  return done
}

/**
 * Incidents: one place, many calls, many units. Commands are judged on the versions their sender saw; the log's order
 * decides, the loser is told who won. Stamps are added, never overwritten.
 */
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { isCommandStale } from './commands.ts'
import { findUnreasoned } from './packs.ts'
import { addStamp } from './stamps.ts'
import { clearTask } from './units.ts'
import type { Incident, Touched, World } from './world.ts'

/** Most units on one incident. */
export const unitsOnIncidentMax = 64

function refuse(code: string, params: Record<string, string>): Outcome {
  return { result: 'refused', code, params }
}

export function applyOpen(world: World, entry: EntryOf<'incident.opened'>, touched: Touched): Outcome {
  const { body } = entry
  if (world.incidents.has(body.incidentId)) return refuse('INCIDENT_EXISTS', { incidentId: body.incidentId })
  for (const callId of body.callIds) {
    const call = world.calls.get(callId)
    if (!call) return refuse('CALL_UNKNOWN', { callId })
    if (call.incidentId !== undefined) return refuse('INCIDENT_EXISTS', { incidentId: call.incidentId })
  }
  const by = nameActor(entry)
  const incident: Incident = {
    incidentId: body.incidentId,
    version: 1,
    state: 'open',
    level: body.level,
    regionCode: body.regionCode,
    lon: body.lon,
    lat: body.lat,
    syndrome: body.complaint?.syndrome,
    complaintCode: body.complaint?.code,
    callIds: [...body.callIds],
    unitIds: [],
    openedAt: entry.occurredAt,
    openedBy: by,
    stamps: [],
    sealedFields: (['complaintText', 'addressText', 'note'] as const).filter(field => body[field] !== undefined),
    noteCount: body.note === undefined ? 0 : 1,
    ...(body.gazetteerId === undefined ? {} : { gazetteerId: body.gazetteerId }),
    ...(body.isOutside === true ? { isOutside: true } : {}),
  }
  for (const callId of body.callIds) {
    const call = world.calls.get(callId)!
    call.incidentId = body.incidentId
    call.outcome ??= 'incident'
    touched.calls.add(callId)
    addStamp(incident, { stamp: 'ring', at: call.receivedAt, source: 'auto' })
  }
  addStamp(incident, { stamp: 'opened', at: entry.occurredAt, source: entry.actor ? 'key' : 'auto', by })
  world.incidents.set(incident.incidentId, incident)
  touched.incidents.add(incident.incidentId)
  return done
}

/** Finds the open incident a command is about, or the refusal. */
function findOpen(world: World, incidentId: string): { incident: Incident } | { refusal: Outcome } {
  const incident = world.incidents.get(incidentId)
  if (!incident) return { refusal: refuse('INCIDENT_UNKNOWN', { incidentId }) }
  if (incident.state === 'closed') return { refusal: refuse('INCIDENT_CLOSED', { incidentId }) }
  return { incident }
}

/** Gives a unit its task. One active task a unit: the second desk gets UNIT_TAKEN with the name of the first. */
export function applyAssign(world: World, entry: EntryOf<'incident.unitAssigned'>, touched: Touched): Outcome {
  const { body, expects } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  if (unit.incidentId !== undefined)
    return refuse('UNIT_TAKEN', { unitId: unit.unitId, incidentId: unit.incidentId, by: unit.assignedBy ?? '' })
  if (unit.status !== 'idle' && unit.status !== 'returning') return refuse('UNIT_UNAVAILABLE', { unitId: unit.unitId })
  if (isCommandStale(expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  if (isCommandStale(expects?.incident, incident.version)) return refuse('VERSION_STALE', { what: incident.incidentId })
  if (incident.unitIds.length >= unitsOnIncidentMax) return refuse('UNIT_UNAVAILABLE', { unitId: unit.unitId })
  const by = nameActor(entry)
  unit.status = 'ordered'
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'desk'
  unit.incidentId = incident.incidentId
  unit.assignedBy = by
  unit.version++
  incident.unitIds = [...incident.unitIds, unit.unitId]
  incident.version++
  addStamp(incident, {
    stamp: 'ordered',
    at: entry.occurredAt,
    source: entry.actor ? 'key' : 'auto',
    unitId: unit.unitId,
    by,
  })
  touched.units.add(unit.unitId)
  touched.incidents.add(incident.incidentId)
  return done
}

/** Takes the task back, with the reason stamped by name; the unit returns unless it is already idle elsewhere. */
export function applyRelease(world: World, entry: EntryOf<'incident.unitReleased'>, touched: Touched): Outcome {
  const { body, expects } = entry
  const found = findOpen(world, body.incidentId)
  if ('refusal' in found) return found.refusal
  const unit = world.units.get(body.unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId: body.unitId })
  if (unit.incidentId !== body.incidentId) return refuse('UNIT_NOT_ASSIGNED', { unitId: body.unitId })
  if (isCommandStale(expects?.unit, unit.version)) return refuse('VERSION_STALE', { what: unit.name })
  addStamp(found.incident, {
    stamp: 'released',
    at: entry.occurredAt,
    source: entry.actor ? 'key' : 'auto',
    unitId: unit.unitId,
    by: nameActor(entry),
  })
  clearTask(world, unit, touched)
  unit.status = 'returning'
  unit.statusAt = Math.max(unit.statusAt, entry.occurredAt)
  unit.statusBy = 'desk'
  unit.version++
  return done
}

export function applyLevel(world: World, entry: EntryOf<'incident.levelChanged'>, touched: Touched): Outcome {
  const found = findOpen(world, entry.body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (isCommandStale(entry.expects?.incident, incident.version))
    return refuse('VERSION_STALE', { what: incident.incidentId })
  const lowered = findUnreasoned(incident, entry.body.level, entry.body.reason)
  if (lowered) return lowered
  incident.level = entry.body.level
  incident.version++
  touched.incidents.add(incident.incidentId)
  return done
}

/** A note may be added to a closed incident too: the record is completed afterwards. */
export function applyNote(world: World, entry: EntryOf<'incident.noted'>, touched: Touched): Outcome {
  const incident = world.incidents.get(entry.body.incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId: entry.body.incidentId })
  incident.noteCount++
  if (!incident.sealedFields.includes('note')) incident.sealedFields = [...incident.sealedFields, 'note']
  incident.version++
  touched.incidents.add(incident.incidentId)
  return done
}

/** Closes an incident without units on task. */
export function applyClose(world: World, entry: EntryOf<'incident.closed'>, touched: Touched): Outcome {
  const found = findOpen(world, entry.body.incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (incident.unitIds.length > 0) return refuse('INCIDENT_BUSY', { incidentId: incident.incidentId })
  if (isCommandStale(entry.expects?.incident, incident.version))
    return refuse('VERSION_STALE', { what: incident.incidentId })
  incident.state = 'closed'
  incident.closedAt = entry.occurredAt
  incident.outcome = entry.body.outcome
  addStamp(incident, {
    stamp: 'closed',
    at: entry.occurredAt,
    source: entry.actor ? 'key' : 'auto',
    by: nameActor(entry),
  })
  incident.version++
  touched.incidents.add(incident.incidentId)
  return done
}

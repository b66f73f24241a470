/**
 * Incidents: one place, many calls, many units. Commands are judged on the versions their sender saw; the log's order
 * decides, the loser is told who won. Stamps are added, never overwritten.
 */
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { settleWitness } from './calls.ts'
import { isCommandStale } from './commands.ts'
import { close } from './links.ts'
import { findOpen, refuse } from './open.ts'
import { findUnreasoned } from './packs.ts'
import { addStamp, getSource, makeStamp, stampCall } from './stamps.ts'
import { type Incident, isWithin, type Touched, type World } from './world.ts'

export function applyOpen(world: World, entry: EntryOf<'incident.opened'>, touched: Touched): Outcome {
  const { body } = entry
  if (world.incidents.has(body.incidentId)) return refuse('INCIDENT_EXISTS', { incidentId: body.incidentId })
  for (const callId of body.callIds) {
    const call = world.calls.get(callId)
    if (!call) return refuse('CALL_UNKNOWN', { callId })
    if (call.incidentId !== undefined) return refuse('INCIDENT_EXISTS', { incidentId: call.incidentId })
  }
  const ownerCode = entry.actor?.regions.find(code => isWithin(world, body.regionCode, code))
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
    openedBy: nameActor(entry),
    stamps: [],
    sealedFields: (['complaintText', 'addressText', 'note'] as const).filter(field => body[field] !== undefined),
    noteCount: body.note === undefined ? 0 : 1,
    ...(ownerCode === undefined ? {} : { ownerCode }),
    ...(body.gazetteerId === undefined ? {} : { gazetteerId: body.gazetteerId }),
    ...(body.isOutside === true ? { isOutside: true } : {}),
  }
  for (const callId of body.callIds) {
    const call = world.calls.get(callId)!
    call.incidentId = body.incidentId
    call.outcome ??= 'incident'
    settleWitness(world, call, body.complaint, touched)
    touched.calls.add(callId)
    stampCall(incident, call)
  }
  addStamp(incident, makeStamp(entry, 'opened', getSource(entry)))
  world.incidents.set(incident.incidentId, incident)
  touched.incidents.add(incident.incidentId)
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
  if (incident.unitIds.length > 0 || (incident.nextUnitIds ?? []).length > 0)
    return refuse('INCIDENT_BUSY', { incidentId: incident.incidentId })
  if (isCommandStale(entry.expects?.incident, incident.version))
    return refuse('VERSION_STALE', { what: incident.incidentId })
  close(incident, entry, entry.body.outcome, entry.body.reason)
  touched.incidents.add(incident.incidentId)
  return done
}

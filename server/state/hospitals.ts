/**
 * Hospitals: what each says of its emergency department, beds and diversions, and who has been told of which patient. An older
 * report than the one held moves nothing; a diversion carries its end and is nobody's business after it.
 */
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { diversionMaxMs } from '#contract/fleet.ts'
import { findOpen, refuse } from './open.ts'
import { addStamp, getSource, makeStamp } from './stamps.ts'
import type { Touched, World } from './world.ts'

/** Replaces what a hospital says of itself; ended diversions are left out. */
export function applyHospitalState(world: World, entry: EntryOf<'hospital.stateReported'>, touched: Touched): Outcome {
  const { placeId, ...state } = entry.body
  const place = world.places.get(placeId)
  if (!place) return refuse('PLACE_UNKNOWN', { placeId })
  if (place.placeKind !== 'hospital' && place.placeKind !== 'clinic') return refuse('NOT_A_HOSPITAL', { placeId })
  // Counted from the report, not from now: a report that comes late says no less.
  if (state.diversions.some(row => row.until > entry.occurredAt + diversionMaxMs))
    return refuse('DIVERSION_INVALID', {})
  if (place.hospital && entry.occurredAt < place.hospital.reportedAt) return done
  const diversions = state.diversions.filter(row => row.until > entry.loggedAt)
  const hospital = { ...state, diversions, reportedAt: entry.occurredAt, by: nameActor(entry) }
  world.places.set(placeId, { ...place, hospital })
  touched.places.add(placeId)
  return done
}

/** Tells a hospital that a unit brings a patient: the unit's destination from now on. The newest notice of a unit stands. */
export function applyNotice(world: World, entry: EntryOf<'hospital.notified'>, touched: Touched): Outcome {
  const { placeId, incidentId, unitId, etaAt } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const place = world.places.get(placeId)
  if (!place) return refuse('PLACE_UNKNOWN', { placeId })
  if (place.placeKind !== 'hospital' && place.placeKind !== 'clinic') return refuse('NOT_A_HOSPITAL', { placeId })
  const unit = world.units.get(unitId)
  if (!unit) return refuse('UNIT_UNKNOWN', { unitId })
  if (unit.incidentId !== incidentId) return refuse('UNIT_NOT_ASSIGNED', { unitId })
  const others = (incident.notices ?? []).filter(row => row.unitId !== unitId)
  const told = {
    placeId,
    placeName: place.name,
    unitId,
    at: entry.occurredAt,
    by: nameActor(entry),
    ...(etaAt === undefined ? {} : { etaAt }),
  }
  incident.notices = [...others, told]
  unit.destinationId = placeId
  unit.version++
  incident.version++
  addStamp(incident, makeStamp(entry, 'hospital-notified', getSource(entry), unitId))
  touched.units.add(unitId)
  touched.incidents.add(incidentId)
  return done
}

/** The hospital has read the notice; the first name stands. */
export function applyNoticeAck(world: World, entry: EntryOf<'hospital.noticeAcknowledged'>, touched: Touched): Outcome {
  const { placeId, incidentId, unitId } = entry.body
  const incident = world.incidents.get(incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId })
  const notice = (incident.notices ?? []).find(row => row.placeId === placeId && row.unitId === unitId)
  if (!notice) return refuse('NOTICE_UNKNOWN', { placeId })
  if (notice.acknowledgedAt !== undefined) return done
  incident.notices = incident.notices!.map(row =>
    row === notice ? { ...row, acknowledgedAt: entry.occurredAt, acknowledgedBy: nameActor(entry) } : row,
  )
  addStamp(incident, makeStamp(entry, 'hospital-acknowledged', getSource(entry), unitId))
  incident.version++
  touched.incidents.add(incidentId)
  return done
}

/**
 * What a desk can do to calls, incidents and units: each one command through the one door, with the versions it was
 * decided on and a subject, so that what came of it is shown beside the thing it was done to.
 */
import type { BodyInputOf } from '#contract/entry.ts'
import { type Level, shanghaiOffsetMs, type UnitStatus } from '#contract/scalars.ts'
import type { AdviceView, CallView, IncidentView, UnitView } from '#contract/view.ts'
import { getCityNow } from '../live/clock.ts'
import { say } from '../live/commands.ts'
import { ask, type Refusal } from '../live/http.ts'
import { useWorld } from '../live/store.ts'

/** Subjects under which the outcome of a command is noted. */
export const subjectOf = {
  incident: (incidentId: string) => `incident:${incidentId}`,
  task: (incidentId: string, unitId: string) => `task:${incidentId}:${unitId}`,
  unit: (unitId: string) => `unit:${unitId}`,
  call: (callId: string) => `call:${callId}`,
  alert: (alertId: string) => `alert:${alertId}`,
  draft: 'draft',
} as const

/** Sends a unit to an incident. Only the unit's version counts: two units may be sent to one case at once. */
export function assignUnit(incident: IncidentView, unit: UnitView): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  return say(
    subjectOf.task(incidentId, unitId),
    'incident.unitAssigned',
    { incidentId, unitId },
    { unit: unit.version },
  )
}

/** Takes the task of a unit back, with the reason in words. */
export function releaseUnit(incident: IncidentView, unit: UnitView, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  const body = { incidentId, unitId, reason }
  return say(subjectOf.task(incidentId, unitId), 'incident.unitReleased', body, { unit: unit.version })
}

/** Sets a unit's status by key: a fact about the unit, in the name of the seat. */
export function setUnitStatus(unit: UnitView, status: UnitStatus): Promise<Refusal | undefined> {
  return say(subjectOf.unit(unit.unitId), 'unit.status', {
    unitId: unit.unitId,
    status,
    by: 'key',
    ...(unit.incidentId && status !== 'idle' ? { incidentId: unit.incidentId } : {}),
  })
}

/** Changes the level on the version seen; refused when somebody changed the case meanwhile. */
export function changeLevel(incident: IncidentView, level: Level, reason?: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(
    subjectOf.incident(incidentId),
    'incident.levelChanged',
    { incidentId, level, ...(reason === undefined ? {} : { reason }) },
    { incident: incident.version },
  )
}

/** Adds a note, sealed at the door. */
export function noteIncident(incident: IncidentView, note: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.noted', { incidentId, note })
}

/** Closes a case with its outcome; refused while units are on it. */
export function closeIncident(
  incident: IncidentView,
  outcome: BodyInputOf<'incident.closed'>['outcome'],
  reason: string,
): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const body = { incidentId, outcome, ...(reason === '' ? {} : { reason }) }
  return say(subjectOf.incident(incidentId), 'incident.closed', body, { incident: incident.version })
}

/** Opens an incident; the outcome is noted under the call it came from, or under the draft. */
export function openIncident(body: BodyInputOf<'incident.opened'>): Promise<Refusal | undefined> {
  const callId = body.callIds?.[0]
  return say(callId ? subjectOf.call(callId) : subjectOf.draft, 'incident.opened', body)
}

/**
 * Sends the first recommended unit (for an arrest the advised two) to a case just opened: one key from address and level to a rolling unit. Without an answer or
 * a free unit nothing is sent, and the list beside the case says why.
 */
export async function sendFirst(incidentId: string): Promise<Refusal | undefined> {
  const advice = await ask<AdviceView>('GET', `/v1/incidents/${encodeURIComponent(incidentId)}/advice`)
  if (!advice.ok) return undefined
  // An arrest wants two at once: the nearest of any class and the nearest that has everything.
  const { pair, rows } = advice.value
  const unitIds = pair && pair.length > 0 ? pair : rows.slice(0, 1).map(row => row.unitId)
  const refusals = await Promise.all(
    unitIds.map(unitId => {
      const unit = useWorld.getState().units.get(unitId)
      if (!unit) return undefined
      const task = subjectOf.task(incidentId, unitId)
      return say(task, 'incident.unitAssigned', { incidentId, unitId }, { unit: unit.version })
    }),
  )
  return refusals.find(refusal => refusal !== undefined)
}

/** Ends a call that is none of our cases, with its kind. */
export function endCall(call: CallView, outcome: BodyInputOf<'call.ended'>['outcome']): Promise<Refusal | undefined> {
  return say(subjectOf.call(call.callId), 'call.ended', { callId: call.callId, outcome })
}

/** Gives a busy unit its next task (预派): it begins by itself when the present one ends. */
export function queueUnit(incident: IncidentView, unit: UnitView): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  return say(subjectOf.task(incidentId, unitId), 'incident.unitQueued', { incidentId, unitId }, { unit: unit.version })
}

/** Takes a next task back while the crew has not confirmed it. */
export function withdrawNext(incident: IncidentView, unit: UnitView, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  const body = { incidentId, unitId, reason }
  return say(subjectOf.task(incidentId, unitId), 'incident.nextWithdrawn', body, { unit: unit.version })
}

/** Sends a unit on its way to another case; the case it leaves returns to the head of its level. */
export function divertUnit(incident: IncidentView, unit: UnitView, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  const body = { incidentId, fromIncidentId: unit.incidentId ?? incidentId, unitId, reason }
  return say(subjectOf.task(incidentId, unitId), 'incident.unitDiverted', body, { unit: unit.version })
}

/** Confirms the step the fixes suggest: the status with source GPS. */
export function confirmSuggestion(unit: UnitView): Promise<Refusal | undefined> {
  const { unitId, suggestion, incidentId } = unit
  if (!suggestion) return Promise.resolve(undefined)
  return say(subjectOf.unit(unitId), 'unit.status', {
    unitId,
    status: suggestion.status,
    by: 'gps',
    ...(incidentId && suggestion.status !== 'idle' ? { incidentId } : {}),
    ...(suggestion.placeId ? { placeId: suggestion.placeId } : {}),
  })
}

/** Ends a case before it is served; every unit on its way is freed with it. */
export function cancelIncident(
  incident: IncidentView,
  cause: BodyInputOf<'incident.cancelled'>['cause'],
  reason: string,
): Promise<Refusal | undefined> {
  const { incidentId, version } = incident
  const body = { incidentId, cause, ...(reason === '' ? {} : { reason }) }
  return say(subjectOf.incident(incidentId), 'incident.cancelled', body, { incident: version })
}

/** Joins another case into this one. */
export function mergeIncident(incident: IncidentView, mergedId: string): Promise<Refusal | undefined> {
  const { incidentId, version } = incident
  return say(subjectOf.incident(incidentId), 'incident.merged', { incidentId, mergedId }, { incident: version })
}

/** Takes one unit and what it serves out into a case of its own at the same place. Answers the new case's number. */
export async function splitIncident(incident: IncidentView, unitIds: string[]): Promise<string | undefined> {
  const { incidentId, version, level, regionCode, lon, lat } = incident
  const newIncidentId = createIncidentId()
  const body = { incidentId, newIncidentId, unitIds, level, regionCode, lon, lat }
  const refusal = await say(subjectOf.incident(incidentId), 'incident.split', body, { incident: version })
  return refusal ? undefined : newIncidentId
}

/** Opens a closed case again as a new one; answers its number when the house took it. */
export async function reopenIncident(incident: IncidentView, reason: string): Promise<string | undefined> {
  const { incidentId, level } = incident
  const newIncidentId = createIncidentId()
  const body = { incidentId, newIncidentId, level, reason }
  const refusal = await say(subjectOf.incident(incidentId), 'incident.reopened', body)
  return refusal ? undefined : newIncidentId
}

/** Offers a case to another centre. */
export function offerTransfer(incident: IncidentView, toCode: string, reason: string): Promise<Refusal | undefined> {
  const { incidentId, version } = incident
  const body = { incidentId, toCode, reason }
  return say(subjectOf.incident(incidentId), 'incident.transferOffered', body, { incident: version })
}

/** Takes a case another centre offers. */
export function acceptTransfer(incident: IncidentView): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.transferAccepted', { incidentId })
}

/** Refuses an offered case, with the reason. */
export function refuseTransfer(incident: IncidentView, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.transferRefused', { incidentId, reason })
}

/** Takes an unanswered offer back. */
export function withdrawTransfer(incident: IncidentView): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.transferWithdrawn', { incidentId })
}

/** Asks a neighbour's centre for a unit. */
export function askAid(incident: IncidentView, ofCode: string, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.aidAsked', { incidentId, ofCode, reason })
}

/** Says that this centre cannot send a unit. */
export function refuseAid(incident: IncidentView, ofCode: string, reason: string): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.aidRefused', { incidentId, ofCode, reason })
}

/** Declares a mass casualty, or renews the number expected. */
export function declareMass(
  incident: IncidentView,
  expected: number,
  reserveLifted: boolean,
): Promise<Refusal | undefined> {
  const { incidentId } = incident
  return say(subjectOf.incident(incidentId), 'incident.massDeclared', { incidentId, expected, reserveLifted })
}

/** Tells a hospital of the patient a unit brings. */
export function notifyHospital(
  incident: IncidentView,
  unit: UnitView,
  placeId: string,
  etaAt: number | undefined,
): Promise<Refusal | undefined> {
  const { incidentId } = incident
  const { unitId } = unit
  const body = { placeId, incidentId, unitId, ...(etaAt === undefined ? {} : { etaAt }) }
  return say(subjectOf.incident(incidentId), 'hospital.notified', body)
}

/** Sends a free unit to stand at one of its bases. */
export function moveUnit(unit: UnitView, placeId: string, gain?: number): Promise<Refusal | undefined> {
  const { unitId } = unit
  const body = { unitId, placeId, ...(gain === undefined ? {} : { gain: Math.max(0, Math.min(1, gain)) }) }
  return say(subjectOf.unit(unitId), 'unit.moveOrdered', body, { unit: unit.version })
}

/** Adds or corrects one shift of a unit. */
export function assignCrew(
  unit: UnitView,
  shift: Omit<BodyInputOf<'crew.assigned'>, 'unitId'>,
): Promise<Refusal | undefined> {
  return say(subjectOf.unit(unit.unitId), 'crew.assigned', { unitId: unit.unitId, ...shift })
}

/** Sets how a region's centre works, and how often a unit may be moved in a shift. */
export function setMode(
  regionCode: string,
  mode: BodyInputOf<'region.modeChanged'>['mode'],
  movesPerShiftMax: number | undefined,
): Promise<Refusal | undefined> {
  const body = { regionCode, mode, ...(movesPerShiftMax === undefined ? {} : { movesPerShiftMax }) }
  return say(`region:${regionCode}`, 'region.modeChanged', body)
}

/** Says why another unit than the first advised was sent. */
export function reasonOverride(
  incidentId: string,
  said: Omit<BodyInputOf<'incident.overrideReasoned'>, 'incidentId'>,
): Promise<Refusal | undefined> {
  return say(subjectOf.incident(incidentId), 'incident.overrideReasoned', { incidentId, ...said })
}

/** This seat has seen that a crew is in distress. */
export function acknowledgeDistress(unitId: string): Promise<Refusal | undefined> {
  return say(subjectOf.unit(unitId), 'unit.distressAcknowledged', { unitId })
}

/** Ends the distress of a crew, said by somebody who has spoken to it. */
export function endDistress(unitId: string): Promise<Refusal | undefined> {
  return say(subjectOf.unit(unitId), 'unit.distressEnded', { unitId })
}

/** Confirms a task for a crew that said so by phone. */
export function acknowledgeTask(incidentId: string, unitId: string): Promise<Refusal | undefined> {
  return say(subjectOf.task(incidentId, unitId), 'unit.taskAcknowledged', { unitId, incidentId, by: 'key' })
}

/** Adds a corrected time to the clock of a case; the house takes it from a shift leader alone. */
export function editStamp(
  incident: IncidentView,
  said: Omit<BodyInputOf<'incident.stampEdited'>, 'incidentId'>,
): Promise<Refusal | undefined> {
  const { incidentId, version } = incident
  return say(subjectOf.incident(incidentId), 'incident.stampEdited', { incidentId, ...said }, { incident: version })
}

/** Letters and digits nobody mishears: no I, O, 0, 1, and no vowels that make words. */
const spoken = '23456789BCDFGHJKLMNPQRSTVWXZ'

/** A new incident number: city day and minute, then four characters of chance: 28⁴ = 614,656 a minute. */
export function createIncidentId(now: number = getCityNow()): string {
  const stamp = new Date(now + shanghaiOffsetMs).toISOString()
  const day = stamp.slice(2, 10).replaceAll('-', '')
  const minute = stamp.slice(11, 16).replace(':', '')
  const chance = [...crypto.getRandomValues(new Uint8Array(4))].map(byte => spoken[byte % spoken.length]).join('')
  return `${day}-${minute}-${chance}`
}

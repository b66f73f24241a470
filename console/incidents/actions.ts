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
 * Sends the first recommended unit to a case just opened: one key from address and level to a rolling unit. Without an answer or
 * a free unit nothing is sent, and the list beside the case says why.
 */
export async function sendFirst(incidentId: string): Promise<Refusal | undefined> {
  const advice = await ask<AdviceView>('GET', `/v1/incidents/${encodeURIComponent(incidentId)}/advice`)
  const unitId = advice.ok ? advice.value.rows[0]?.unitId : undefined
  const unit = unitId === undefined ? undefined : useWorld.getState().units.get(unitId)
  if (!unit) return undefined
  return say(
    subjectOf.task(incidentId, unit.unitId),
    'incident.unitAssigned',
    { incidentId, unitId: unit.unitId },
    { unit: unit.version },
  )
}

/** Ends a call that is none of our cases, with its kind. */
export function endCall(call: CallView, outcome: BodyInputOf<'call.ended'>['outcome']): Promise<Refusal | undefined> {
  return say(subjectOf.call(call.callId), 'call.ended', { callId: call.callId, outcome })
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

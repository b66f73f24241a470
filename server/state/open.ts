/**
 * Open: what every command about an incident asks first: is there such an incident, and is it still open. One place for the
 * refusals that several folds share.
 */
import type { Outcome } from '#contract/entry.ts'
import type { Incident, World } from './world.ts'

/** Most units on one incident, active and next together. */
export const unitsOnIncidentMax = 64

/** A refusal as an outcome. */
export function refuse(code: string, params: Record<string, string | number>): Outcome {
  return { result: 'refused', code, params }
}

/** Finds the open incident a command is about, or the refusal. */
export function findOpen(world: World, incidentId: string): { incident: Incident } | { refusal: Outcome } {
  const incident = world.incidents.get(incidentId)
  if (!incident) return { refusal: refuse('INCIDENT_UNKNOWN', { incidentId }) }
  if (incident.state === 'closed') return { refusal: refuse('INCIDENT_CLOSED', { incidentId }) }
  return { incident }
}

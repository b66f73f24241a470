/**
 * Stamps: the timeline of an incident, t0 to t14, each with its time and source. Added, never overwritten.
 * @source WS/T 451-2014 time chain; domain/dispatch.md §1.5
 */
import { type Entry, nameActor } from '#contract/entry.ts'
import type { StampView } from '#contract/view.ts'
import type { Call, Incident } from './world.ts'

/** Most stamps kept on an open incident: 64 units × 15 steps, and as many again in a hundred for the case itself. */
export const stampsMax = 1_024
/** A key or a fix that reaches the log this long after it happened was pressed without network. */
export const offlineAfterMs = 60_000

/** Adds a stamp in order of time; the same stamp of the same unit from the same source at the same instant is one. */
export function addStamp(incident: Incident, stamp: StampView): void {
  const twin = incident.stamps.some(
    s => s.stamp === stamp.stamp && s.at === stamp.at && s.unitId === stamp.unitId && s.source === stamp.source,
  )
  if (twin || incident.stamps.length >= stampsMax) return
  let place = incident.stamps.length
  while (place > 0 && incident.stamps[place - 1]!.at > stamp.at) place--
  incident.stamps.splice(place, 0, stamp)
  incident.version++
}

/** Brings a call's own clock into its incident: t0, and t1 when somebody has picked up already. */
export function stampCall(
  incident: Incident,
  call: Pick<Call, 'receivedAt' | 'answeredAt' | 'answeredBy' | 'answeredById'>,
): void {
  addStamp(incident, { stamp: 'ring', at: call.receivedAt, source: 'auto' })
  if (call.answeredAt === undefined) return
  const by = call.answeredBy === undefined ? {} : { by: call.answeredBy }
  addStamp(incident, {
    stamp: 'answered',
    at: call.answeredAt,
    source: call.answeredById === undefined ? 'auto' : 'key',
    ...by,
  })
}

/** A stamp of what an entry says: its time and speaker; a late key or fix is marked offline. */
export function makeStamp(entry: Entry, stamp: string, source: StampView['source'], unitId?: string): StampView {
  const isOffline = (source === 'key' || source === 'gps') && entry.loggedAt - entry.occurredAt > offlineAfterMs
  return {
    stamp,
    at: entry.occurredAt,
    source,
    ...(unitId === undefined ? {} : { unitId }),
    by: nameActor(entry),
    enteredAt: entry.loggedAt,
    ...(isOffline ? { offline: true } : {}),
  }
}

/** How a desk's command came to be: a key of a person, or the house itself. */
export function getSource(entry: Entry): 'key' | 'auto' {
  return entry.actor ? 'key' : 'auto'
}

/** True when a unit's step already stands on the incident, from any source but GPS, at or after `sinceAt`. */
export function hasStamp(incident: Incident, stamp: string, unitId: string, sinceAt = 0): boolean {
  return incident.stamps.some(s => s.stamp === stamp && s.unitId === unitId && s.source !== 'gps' && s.at >= sinceAt)
}

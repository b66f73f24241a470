/**
 * Stamps: the timeline of an incident, t0 to t14, each with its time and source. Added, never overwritten.
 * @source WS/T 451-2014 time chain; domain/dispatch.md §1.5
 */
import type { Incident } from './world.ts'

/** Most stamps kept on an open incident; 16 units × 9 statuses stay below it. */
export const stampsMax = 256
type StampRow = Incident['stamps'][number]

/** Adds a stamp in order of time; the same stamp of the same unit at the same instant is one. */
export function addStamp(incident: Incident, stamp: StampRow): void {
  const twin = incident.stamps.some(s => s.stamp === stamp.stamp && s.at === stamp.at && s.unitId === stamp.unitId)
  if (twin || incident.stamps.length >= stampsMax) return
  let place = incident.stamps.length
  while (place > 0 && incident.stamps[place - 1]!.at > stamp.at) place--
  incident.stamps.splice(place, 0, stamp)
  incident.version++
}

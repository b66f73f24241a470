/**
 * Motion: what a unit's fixes suggest about its run: it left where it was ordered, it stands at the scene, at a hospital, at its
 * base. Shown to the crew and the desk and stamped with source `gps`; the status is never changed by it.
 * @source domain/dispatch.md §6.2 point 2: left station, within 80 m stopped 20 s
 */
import type { EntryOf } from '#contract/entry.ts'
import type { UnitView } from '#contract/view.ts'
import { addStamp, makeStamp } from './stamps.ts'
import type { Touched, Unit, World } from './world.ts'

export const arrivedWithinM = 80
export const stoppedForMs = 20_000
/** A fix wanders by some metres while the wheels stand: within this it has not moved. GPS without sky: 25 m. */
export const wanderM = 25
/** Beyond this from where the order found it a unit has left: a yard and a gate are not. */
export const leftBeyondM = 150

type Point = { lon: number; lat: number }

/** Metres between near points on a plane; false by under 0.1 % within a kilometre. R = 6,371,000 m × π / 180 = 111,195 m a degree. */
export function measureMetres(a: Point, b: Point): number {
  const x = (b.lon - a.lon) * Math.cos(((a.lat + b.lat) / 2) * (Math.PI / 180))
  return Math.hypot(x, b.lat - a.lat) * 111_195
}

/** Renews where the unit stands still. */
function watchStill(unit: Unit, at: number): void {
  const here = { lon: unit.lon!, lat: unit.lat! }
  if (!unit.still || measureMetres(unit.still, here) > wanderM) unit.still = { since: at, ...here }
}

type Suggested = NonNullable<UnitView['suggestion']>

function findSuggestion(world: World, unit: Unit, at: number): Suggested | undefined {
  const here = { lon: unit.lon!, lat: unit.lat! }
  const isStopped = unit.still !== undefined && at - unit.still.since >= stoppedForMs
  const since = unit.still?.since ?? at
  const incident = unit.incidentId === undefined ? undefined : world.incidents.get(unit.incidentId)
  if (incident && (unit.status === 'ordered' || unit.status === 'rolling') && isStopped) {
    if (measureMetres(incident, here) <= arrivedWithinM) return { status: 'on-scene', at: since }
  }
  if (unit.status === 'ordered' && unit.orderedFrom && measureMetres(unit.orderedFrom, here) > leftBeyondM)
    return { status: 'rolling', at }
  if (!isStopped) return undefined
  if (unit.status === 'loaded') {
    for (const place of world.places.values()) {
      if (place.placeKind !== 'hospital' || measureMetres(place, here) > arrivedWithinM) continue
      return { status: 'at-hospital', at: since, placeId: place.placeId }
    }
  }
  const base = world.places.get(unit.baseId ?? unit.stationId ?? '')
  if (unit.status === 'returning' && base && measureMetres(base, here) <= arrivedWithinM)
    return { status: 'idle', at: since, placeId: base.placeId }
  return undefined
}

/** Reads a fix that moved the unit; touches the unit only when a new step is suggested. */
export function applyMotion(world: World, unit: Unit, entry: EntryOf<'unit.position'>, touched: Touched): void {
  if (unit.incidentId === undefined && unit.status !== 'returning') {
    if (unit.still) unit.still = undefined
    return
  }
  watchStill(unit, entry.occurredAt)
  // One suggestion a status: the next comes when somebody has answered this one, or when it would be a later step.
  const found = findSuggestion(world, unit, entry.occurredAt)
  if (!found || unit.suggestion?.status === found.status || found.at < unit.statusAt) return
  unit.suggestion = found
  touched.units.add(unit.unitId)
  const incident = unit.incidentId === undefined ? undefined : world.incidents.get(unit.incidentId)
  if (!incident) return
  addStamp(incident, { ...makeStamp(entry, found.status, 'gps', unit.unitId), at: found.at })
  touched.incidents.add(incident.incidentId)
}

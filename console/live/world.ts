/**
 * What this console knows of the world: the fold of one snapshot and the packets after it. Pure; a packet that does not
 * continue the last one is not applied but reported, and the socket asks for a snapshot again. Maps are replaced when
 * something in them changed, so that a screen can compare by reference.
 */
import type {
  AlertView,
  CallView,
  CardView,
  CityView,
  DraftView,
  EventView,
  IncidentView,
  PlaceView,
  RegionView,
  UnitView,
} from '#contract/view.ts'
import type { Changes, Packet, Snapshot } from '#contract/wire.ts'

export type LiveWorld = {
  incarnation: string
  seq: number
  city: CityView | undefined
  regions: ReadonlyMap<string, RegionView>
  places: ReadonlyMap<string, PlaceView>
  units: ReadonlyMap<string, UnitView>
  calls: ReadonlyMap<string, CallView>
  incidents: ReadonlyMap<string, IncidentView>
  alerts: ReadonlyMap<string, AlertView>
  events: ReadonlyMap<string, EventView>
  cards: ReadonlyMap<string, CardView>
  drafts: ReadonlyMap<string, DraftView>
}

export const emptyWorld: LiveWorld = {
  incarnation: '',
  seq: -1,
  city: undefined,
  regions: new Map(),
  places: new Map(),
  units: new Map(),
  calls: new Map(),
  incidents: new Map(),
  alerts: new Map(),
  events: new Map(),
  cards: new Map(),
  drafts: new Map(),
}

function index<T>(rows: readonly T[], getId: (row: T) => string): ReadonlyMap<string, T> {
  return new Map(rows.map(row => [getId(row), row]))
}

/** Builds the world of a snapshot. */
export function applySnapshot(snapshot: Snapshot): LiveWorld {
  const { world } = snapshot
  return {
    incarnation: snapshot.incarnation,
    seq: snapshot.seq,
    city: world.city,
    regions: index(world.regions, row => row.code),
    places: index(world.places, row => row.placeId),
    units: index(world.units, row => row.unitId),
    calls: index(world.calls, row => row.callId),
    incidents: index(world.incidents, row => row.incidentId),
    alerts: index(world.alerts, row => row.alertId),
    events: index(world.events ?? [], row => row.eventId),
    cards: index(world.cards ?? [], row => row.cardId),
    drafts: index(world.drafts ?? [], row => row.cardId),
  }
}

function change<T>(
  before: ReadonlyMap<string, T>,
  rows: readonly T[] | undefined,
  gone: readonly string[] | undefined,
  getId: (row: T) => string,
): ReadonlyMap<string, T> {
  if (!rows?.length && !gone?.length) return before
  const after = new Map(before)
  for (const id of gone ?? []) after.delete(id)
  for (const row of rows ?? []) after.set(getId(row), row)
  return after
}

/** Applies the whole records and departures of one packet; positions are kept elsewhere (positions.ts). */
export function applyChanges(world: LiveWorld, changes: Changes, seq: number): LiveWorld {
  const { gone } = changes
  return {
    incarnation: world.incarnation,
    seq,
    city: changes.city ?? world.city,
    regions: change(world.regions, changes.regions, undefined, row => row.code),
    places: change(world.places, changes.places, gone?.places, row => row.placeId),
    units: change(world.units, changes.units, gone?.units, row => row.unitId),
    calls: change(world.calls, changes.calls, gone?.calls, row => row.callId),
    incidents: change(world.incidents, changes.incidents, gone?.incidents, row => row.incidentId),
    alerts: change(world.alerts, changes.alerts, gone?.alerts, row => row.alertId),
    events: change(world.events, changes.events, gone?.events, row => row.eventId),
    cards: change(world.cards, changes.cards, gone?.cards, row => row.cardId),
    drafts: change(world.drafts, changes.drafts, gone?.drafts, row => row.cardId),
  }
}

/** Applies a packet, or returns undefined when it does not continue this world: then a snapshot is needed. */
export function applyPacket(world: LiveWorld, packet: Packet): LiveWorld | undefined {
  if (packet.afterSeq !== world.seq) return undefined
  return applyChanges(world, packet.changes, packet.seq)
}

/**
 * Outbox: what a scope, or one slow client, has yet to be told. Holds ids, not records: at the moment of telling the newest
 * state is read from the world, so a newer state never follows an older one and a lost record is impossible. Pure.
 */

import type { CityView, WorldView } from '#contract/view.ts'
import type { Changes, PositionRow } from '#contract/wire.ts'
import type {
  Call,
  Card,
  Draft,
  Incident,
  Place,
  PublicEvent,
  Region,
  ShownCollection,
  Touched,
  Unit,
  World,
} from '../state/world.ts'

/** Ids one slow client may have waiting; beyond it the client gets a snapshot instead. */
export const outboxMax = 5_000

/** What a scope may see, decided by identity/: whether it sees a record, and how it is shown. */
export type Scope = {
  key: string
  sees(collection: ShownCollection, record: unknown): boolean
  show(collection: ShownCollection, record: unknown): unknown
}

type Shown = Exclude<ShownCollection, never>
const shownCollections: readonly Shown[] = [
  'regions',
  'places',
  'units',
  'calls',
  'incidents',
  'alerts',
  'events',
  'cards',
  'drafts',
]
/** Collections whose records can leave a scope or the world one by one. */
const leaving = ['places', 'units', 'calls', 'incidents', 'alerts', 'events', 'cards', 'drafts'] as const
type Leaving = (typeof leaving)[number]

export type Outbox = { city: boolean; ids: Record<Shown, Set<string>>; positions: Set<string> }

export function createOutbox(): Outbox {
  return {
    city: false,
    ids: {
      regions: new Set(),
      places: new Set(),
      units: new Set(),
      calls: new Set(),
      incidents: new Set(),
      alerts: new Set(),
      events: new Set(),
      cards: new Set(),
      drafts: new Set(),
    },
    positions: new Set(),
  }
}

/** Adds what the line touched. */
export function addTouched(outbox: Outbox, touched: Touched): void {
  outbox.city ||= touched.city
  for (const name of shownCollections) for (const id of touched[name]) outbox.ids[name].add(id)
  for (const id of touched.positions) outbox.positions.add(id)
}

/** Takes over what the line touched: an empty outbox and the touched sets change places, nothing is copied. */
export function takeTouched(outbox: Outbox, touched: Touched): void {
  if (!isEmpty(outbox)) {
    addTouched(outbox, touched)
    for (const name of shownCollections) touched[name].clear()
    touched.positions.clear()
  } else {
    outbox.city = touched.city
    for (const name of shownCollections) [outbox.ids[name], touched[name]] = [touched[name], outbox.ids[name]]
    ;[outbox.positions, touched.positions] = [touched.positions, outbox.positions]
  }
  touched.city = false
}

export function isEmpty(outbox: Outbox): boolean {
  return !outbox.city && outbox.positions.size === 0 && shownCollections.every(name => outbox.ids[name].size === 0)
}

export function countIds(outbox: Outbox): number {
  return shownCollections.reduce((sum, name) => sum + outbox.ids[name].size, outbox.positions.size)
}

export function clearOutbox(outbox: Outbox): void {
  outbox.city = false
  outbox.positions.clear()
  for (const name of shownCollections) outbox.ids[name].clear()
}

/** Ids a receiver has been shown, to tell it when one leaves its scope. */
export type Held = Record<Leaving, Set<string>>
export function createHeld(): Held {
  return {
    places: new Set(),
    units: new Set(),
    calls: new Set(),
    incidents: new Set(),
    alerts: new Set(),
    events: new Set(),
    cards: new Set(),
    drafts: new Set(),
  }
}

/** A screen holds the cards that await something; what is reviewed or retracted is read from the line list. */
function isShown(name: Shown, record: unknown): boolean {
  if (name !== 'cards') return true
  const { state } = record as Card
  return state === 'filed' || state === 'returned'
}

function toPositionRow(unit: Unit): PositionRow | undefined {
  if (unit.fixAt === undefined) return undefined
  return [unit.unitId, unit.lon!, unit.lat!, unit.fixAt, unit.courseDeg ?? -1, unit.speedKmh ?? -1]
}

/** Builds the changes of an outbox for a scope, newest state first read now; keeps `held` true. Undefined when nothing is seen. */
export function buildChanges(
  outbox: Outbox,
  world: World,
  scope: Scope,
  held: Held,
  city: CityView,
): Changes | undefined {
  const changes: Record<string, unknown> = {}
  const gone: Record<string, string[]> = {}
  if (outbox.city) changes.city = city
  for (const name of shownCollections) {
    const rows: unknown[] = []
    for (const id of outbox.ids[name]) {
      const record = (world[name] as Map<string, unknown>).get(id)
      if (record !== undefined && isShown(name, record) && scope.sees(name, record)) {
        rows.push(scope.show(name, record))
        if (name !== 'regions') held[name].add(id)
      } else if (name !== 'regions' && held[name].delete(id)) gone[name] = [...(gone[name] ?? []), id]
    }
    if (rows.length > 0) changes[name] = rows
  }
  const positions: PositionRow[] = []
  const hasUnits = outbox.ids.units.size > 0
  for (const id of outbox.positions) {
    if ((hasUnits && outbox.ids.units.has(id)) || !held.units.has(id)) continue
    const unit = world.units.get(id)
    const row = unit && toPositionRow(unit)
    if (row) positions.push(row)
  }
  if (positions.length > 0) changes.positions = positions
  if (Object.keys(gone).length > 0) changes.gone = gone
  return Object.keys(changes).length > 0 ? (changes as Changes) : undefined
}

/** Everything a scope sees now; `held` is set to exactly that. */
export function buildSnapshot(world: World, scope: Scope, held: Held, city: CityView): WorldView {
  const list = <T>(name: Shown, idOf: (record: T) => string): unknown[] => {
    const rows: unknown[] = []
    if (name !== 'regions') held[name].clear()
    for (const record of (world[name] as unknown as Map<string, T>).values()) {
      if (!isShown(name, record) || !scope.sees(name, record)) continue
      rows.push(scope.show(name, record))
      if (name !== 'regions') held[name].add(idOf(record))
    }
    return rows
  }
  return {
    city,
    regions: list<Region>('regions', r => r.code),
    places: list<Place>('places', p => p.placeId),
    units: list<Unit>('units', u => u.unitId),
    calls: list<Call>('calls', c => c.callId),
    incidents: list<Incident>('incidents', i => i.incidentId),
    alerts: list<{ alertId: string }>('alerts', a => a.alertId),
    events: list<PublicEvent>('events', e => e.eventId),
    cards: list<Card>('cards', c => c.cardId),
    drafts: list<Draft>('drafts', d => d.cardId),
  } as WorldView
}

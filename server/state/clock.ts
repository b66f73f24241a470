/**
 * Clock: what a tick changes. Only ticks move time-driven things: silence of units, hour and day boundaries, pruning of what
 * is no longer open or recent. A gap between ticks over 30 s is our own silence and is forgiven to everyone else.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import { dayMs } from '#contract/scalars.ts'
import { applyCallBoundary } from './series.ts'
import { applySilence } from './units.ts'
import type { Touched, World } from './world.ts'

/** A gap between ticks above this is our own silence. */
export const ownSilenceMs = 30_000

/** How long the world keeps what is over; tables keep it for good. */
export const keptMs = {
  closedIncident: dayMs,
  endedCall: dayMs,
  openCall: 3 * dayMs,
  /** A number that has not rung for this long starts anew, unless it is marked. */
  number: 30 * dayMs,
  closedAlert: 14 * dayMs,
  signal: 60 * dayMs,
  card: 60 * dayMs,
  /** A card the county has not reviewed can still be. */
  openCard: 366 * dayMs,
  /** A draft nobody filed or dismissed. */
  draft: 14 * dayMs,
  closedEvent: 30 * dayMs,
  page: 2 * dayMs,
  /** Longer than the 48 h for which gateways offer acknowledged entries again. */
  source: 60 * dayMs,
} as const

/** The gap of a tick that counts as our own silence, else 0; ms. */
export function getOwnGapMs(entry: EntryOf<'clock.ticked'>): number {
  return entry.body.gapMs > ownSilenceMs ? entry.body.gapMs : 0
}

export function applyTick(world: World, entry: EntryOf<'clock.ticked'>, touched: Touched): Outcome {
  world.city.tickedAt = entry.loggedAt
  world.city.lastTickGapMs = entry.body.gapMs
  const ownGapMs = getOwnGapMs(entry)
  applySilence(world, ownGapMs, touched)
  if (ownGapMs > 0) touched.city = true
  const { boundary } = entry.body
  if (boundary === 'none') return done
  applyCallBoundary(world, entry.occurredAt, 'hour', touched)
  if (boundary === 'day') applyCallBoundary(world, entry.occurredAt, 'day', touched)
  prune(world, touched)
  return done
}

function drop<T>(map: Map<string, T>, isOver: (record: T) => boolean, gone?: Set<string>): void {
  for (const [id, record] of map) {
    if (!isOver(record)) continue
    map.delete(id)
    gone?.add(id)
  }
}

/** Each hour: drops what has been over for its time. */
function prune(world: World, touched: Touched): void {
  const before = (ms: number) => world.city.now - ms
  drop(
    world.incidents,
    i => i.state === 'closed' && (i.closedAt ?? 0) < before(keptMs.closedIncident),
    touched.incidents,
  )
  drop(
    world.calls,
    c =>
      c.receivedAt < before(c.outcome === undefined ? keptMs.openCall : keptMs.endedCall) &&
      (c.incidentId === undefined || !world.incidents.has(c.incidentId)),
    touched.calls,
  )
  drop(world.numbers, n => n.lastAt < before(keptMs.number) && (n.mark?.expiresAt ?? 0) < world.city.now)
  drop(world.alerts, a => a.state === 'closed' && (a.closedAt ?? 0) < before(keptMs.closedAlert), touched.alerts)
  drop(world.signals, s => s.until < before(keptMs.signal))
  const isOpen = (state: string) => state === 'filed' || state === 'returned'
  drop(world.cards, c => c.at < before(isOpen(c.state) ? keptMs.openCard : keptMs.card), touched.cards)
  drop(world.drafts, d => d.draftedAt < before(keptMs.draft), touched.drafts)
  drop(world.events, e => e.state === 'closed' && (e.closedAt ?? 0) < before(keptMs.closedEvent), touched.events)
  drop(world.pages, p => p.dueAt < before(keptMs.page))
  drop(world.sources, s => s.heardAt < before(keptMs.source))
  touched.city = true
}

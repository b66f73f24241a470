/**
 * Tables: the projection for history, search and long charts. Reads the newest state from the world when it writes, so a row is
 * never older than one already written; behind by at most a second, and brought level at boot from the world itself.
 */
import type { Pool } from 'pg'
import { getDiseaseRoot } from '#contract/diseases.ts'
import type { Entry, EntryOf } from '#contract/entry.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import type { Alert, Call, Card, Handover, Incident, PublicEvent, Review, Touched, World } from '../state/world.ts'
import { type CardRow, levelCounts, upsertCards, upsertCounts, upsertRecords } from './sql.ts'

export const projectEveryMs = 1_000
/** Records waiting at most; beyond it the writer of entries is slowed by nothing, the oldest ids simply wait their turn. */
export const rowsMax = 1_000
/** Counts waiting at most; beyond it they are left to the log and read from there once those that wait are written. */
export const countsMax = 200_000

/** Collections with a record table of one shape; cards have a line list of their own. */
const recordNames = ['incidents', 'alerts', 'calls', 'events', 'handovers', 'reviews'] as const
type Dirty = Record<(typeof recordNames)[number] | 'cards', Set<string>>

export type Tables = {
  /** Notes what the line touched; call before fan-out clears it. */
  note(touched: Touched): void
  /** Notes counts as they were applied. */
  onApplied(entries: readonly Entry[]): void
  waiting(): number
  close(): Promise<void>
}

const show = {
  incidents: (i: Incident) => ({
    id: i.incidentId,
    at: i.openedAt,
    state: i.state,
    regionCode: i.regionCode,
    level: i.level,
    view: i,
  }),
  alerts: ({ mergeKey: _m, pausedMs: _p, ladderStep: _s, ladderFromAt: _f, ...a }: Alert) => ({
    id: a.alertId,
    at: a.raisedAt,
    state: a.state,
    regionCode: a.regionCode,
    level: a.level,
    view: a,
  }),
  calls: ({ numberHash: _h, answeredById: _b, isUncounted: _u, ...c }: Call) => ({
    id: c.callId,
    at: c.receivedAt,
    state: c.outcome ?? 'open',
    regionCode: c.regionCode,
    level: c.level ?? 4,
    view: c,
  }),
  events: (e: PublicEvent) => ({
    id: e.eventId,
    at: e.openedAt,
    state: e.state,
    regionCode: e.regionCode,
    // Ungraded stands behind every grade.
    level: e.grade ?? 5,
    view: e,
  }),
  handovers: (h: Handover) => ({
    id: h.handoverId,
    at: h.offeredAt,
    state: h.state,
    regionCode: h.regionCode,
    level: 4,
    view: h,
  }),
  reviews: (r: Review) => ({
    id: r.reviewId,
    at: r.scoredAt,
    state: r.state,
    regionCode: r.regionCode,
    level: 4,
    view: r,
  }),
}
const tableOf = {
  incidents: 'incident_record',
  alerts: 'alert_record',
  calls: 'call_record',
  events: 'event_record',
  handovers: 'handover_record',
  reviews: 'review_record',
} as const
const toDay = (at: number) => formatDay(getDayIndex(at))

/** One row of the line list; the pseudonyms of the person stay in the log and the world. */
export function toCardRow({ at: _at, source, personKeys: _keys, ...view }: Card): CardRow {
  return {
    id: view.cardId,
    diseaseId: view.diseaseId,
    rootId: getDiseaseRoot(view.diseaseId),
    caseClass: view.caseClass,
    state: view.state,
    regionCode: view.regionCode,
    facilityId: view.facilityId,
    placeId: view.placeId ?? null,
    source,
    ageBand: view.ageBand ?? 'unknown',
    sex: view.sex ?? 'unknown',
    onsetDay: view.onsetDay ?? null,
    diagnosisDay: toDay(view.diagnosedAt),
    filingDay: toDay(view.filedAt),
    reviewDay: view.reviewedAt === undefined ? null : toDay(view.reviewedAt),
    filedLate: view.filedLate,
    reviewDueAt: view.reviewDueAt,
    duplicateOf: view.duplicateOf ?? null,
    version: view.version,
    view,
  }
}

/** Starts the projection; everything the world holds is written first. */
export function startTables(pool: Pool, world: World, onError: (error: Error) => void, waitingMax = countsMax): Tables {
  const dirty: Dirty = {
    incidents: new Set(world.incidents.keys()),
    alerts: new Set(world.alerts.keys()),
    calls: new Set(world.calls.keys()),
    events: new Set(world.events.keys()),
    cards: new Set(world.cards.keys()),
    handovers: new Set(world.handovers.keys()),
    reviews: new Set(world.reviews.keys()),
  }
  const counts = new Map<string, EntryOf<'count.reported'>>()
  /** Set while counts are left to the log: none may be written meanwhile, the newest row says how far the table is level. */
  let isOverfull = false
  let running: Promise<void> = Promise.resolve()
  let isBusy = false

  const project = async () => {
    for (const name of recordNames) {
      const ids = [...dirty[name]].slice(0, rowsMax)
      const rows = ids.flatMap(id => {
        const record = (world[name] as Map<string, never>).get(id)
        return record === undefined ? [] : [show[name](record)]
      })
      // Taken off before the write: what is touched while it runs is written again, not forgotten.
      for (const id of ids) dirty[name].delete(id)
      try {
        if (rows.length > 0) await upsertRecords(pool, tableOf[name], rows)
      } catch (error) {
        for (const id of ids) dirty[name].add(id)
        throw error
      }
    }
    const cardIds = [...dirty.cards].slice(0, rowsMax)
    for (const id of cardIds) dirty.cards.delete(id)
    const cards = cardIds.flatMap(id => {
      const card = world.cards.get(id)
      return card ? [toCardRow(card)] : []
    })
    try {
      if (cards.length > 0) await upsertCards(pool, cards)
    } catch (error) {
      for (const id of cardIds) dirty.cards.add(id)
      throw error
    }
    const batch = [...counts].slice(0, rowsMax)
    if (batch.length > 0)
      await upsertCounts(
        pool,
        batch.map(([, entry]) => entry),
      )
    for (const [key, entry] of batch) if (counts.get(key) === entry) counts.delete(key)
    if (!isOverfull || counts.size > 0) return
    // From here on counts wait again, and what waits has a newer seq than what is read now.
    isOverfull = false
    await levelCounts(pool).catch(error => {
      isOverfull = true
      throw error
    })
  }
  const waiting = () => Object.values(dirty).reduce((sum, ids) => sum + ids.size, counts.size + (isOverfull ? 1 : 0))
  const run = () => {
    if (isBusy || waiting() === 0) return running
    isBusy = true
    running = project()
      .catch(onError)
      .finally(() => {
        isBusy = false
        if (waiting() > rowsMax) setImmediate(run)
      })
    return running
  }
  const timer = setInterval(run, projectEveryMs)

  return {
    note(touched) {
      for (const name of [...recordNames, 'cards'] as const) for (const id of touched[name]) dirty[name].add(id)
    },
    onApplied(entries) {
      for (const entry of entries) {
        if (entry.kind !== 'count.reported' || isOverfull) continue
        if (counts.size >= waitingMax) {
          isOverfull = true
          continue
        }
        const { sourceKind, syndrome, facilityId, period } = entry.body
        // Moved to the end: rows are written in order of seq, so that the newest row says how far the table is level.
        const key = `${sourceKind}|${syndrome}|${facilityId}|${period}`
        counts.delete(key)
        counts.set(key, entry)
      }
    },
    waiting,
    async close() {
      clearInterval(timer)
      await running
      while (waiting() > 0) {
        const before = waiting()
        await run()
        if (waiting() >= before) break
      }
    },
  }
}

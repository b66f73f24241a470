/**
 * Bus: what processes of one city tell each other. Doors hand admitted entries to the line and wait for the outcomes; the line
 * says what it has committed, and whoever follows folds it. Two carriers stand behind this port (memory.ts, redis.ts) and one
 * contract suite proves them the same. It carries and never remembers: what it loses, a sender offers again by the key it used,
 * and a follower reads from the log.
 */
import type { Entry, Lane } from '#contract/entry.ts'
import type { Told } from '../log/writer.ts'

/** Entries of one door under way at most; beyond it the door says LANE_FULL. */
export const underWayMax = 20_000
/** Committed groups the carrier keeps for a follower that reads slowly; who misses one reads the log. */
export const groupsKeptMax = 200
/** Requests waiting before the line at most; older ones are dropped and their senders told LINE_AWAY. */
export const requestsKeptMax = 2_000
/** A click is answered within this, come what may. */
export const urgentAnswerMaxMs = 2_000
/** Facts and backfill may wait behind a backlog this long. */
export const answerMaxMs = 10_000

/** A group as it stands in the log, entries in order of seq. */
export type Group = { entries: readonly Entry[] }

export type CarrierState = 'ready' | 'away'

export interface Bus {
  /**
   * Hands entries to the line of the city; `lanes` are aligned with them. Answers in order; LINE_AWAY when nobody answered in
   * time (then nothing is known: the sender offers them again).
   */
  submit(entries: readonly Entry[], lanes: readonly Lane[]): Promise<Told[]>
  /** Takes what doors hand over, one line at a time per city. Answers how to stop. */
  serve(take: (entries: readonly Entry[], lanes: readonly Lane[]) => Promise<Told[]>): () => Promise<void>
  /** Says what was committed; never waits and never fails: a follower that misses it reads the log. */
  publish(group: Group): void
  /** Hears what is committed from now on. Answers how to stop. */
  follow(onGroup: (group: Group) => void): () => Promise<void>
  getState(): CarrierState
  /** Entries this process has handed over and not had answered. */
  countUnderWay(): number
  close(): Promise<void>
}

/** True when any of these entries is a click or a call: then the answer is due sooner. */
export function isUrgent(lanes: readonly Lane[]): boolean {
  return lanes.includes('urgent')
}

/** The answer when nobody answered. */
export function tellAway(count: number): Told[] {
  return Array.from({ length: count }, () => ({ result: 'refused', reject: { code: 'LINE_AWAY' } }))
}

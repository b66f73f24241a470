/**
 * City clock: what "now" is at the door and in the log. On the wall it is this machine's; in a played city it is the newest
 * tick a player gave, so that a recording of any year is judged by its own time.
 */
import type { Entry } from '#contract/entry.ts'

export type CityClock = { now(): number; observe(entry: Entry): void }

/** The clock of a live city. */
export function createWallClock(): CityClock {
  return { now: Date.now, observe: () => undefined }
}

/** The clock of a played city, standing at `startAt` until the first tick; it never goes back. */
export function createEntriesClock(startAt: number): CityClock {
  let at = startAt
  return {
    now: () => at,
    observe(entry) {
      if (entry.kind === 'clock.ticked' && entry.occurredAt > at) at = entry.occurredAt
    },
  }
}

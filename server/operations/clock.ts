/**
 * City clock: what "now" is at the door and in the log. On the wall it is this machine's; in a played city it is the newest
 * tick a player gave, so that a recording of any year is judged by its own time.
 */
import type { Entry } from '#contract/entry.ts'

export type CityClock = { now(): number; observe(entry: Entry): void }

/** While the wall is behind the city, the city's time passes this much slower until they meet. */
const slewRate = 0.9

/**
 * The clock of a live city: this machine's, but never behind `floorAt` (the log's newest time) and never going back. When the
 * machine's clock was set back, the city's time goes on a tenth slower until the wall has caught up; the door and the log use
 * this one clock, so that no command is called expired because of it.
 */
export function createWallClock(
  floorAt = 0,
  readWall: () => number = Date.now,
  readMonotonic: () => number = () => performance.now(),
): CityClock {
  let lastAt = floorAt
  let readAt = readMonotonic()
  return {
    now() {
      const monotonic = readMonotonic()
      const wall = readWall()
      lastAt = wall >= lastAt ? wall : lastAt + (monotonic - readAt) * slewRate
      readAt = monotonic
      return Math.floor(lastAt)
    },
    observe: () => undefined,
  }
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

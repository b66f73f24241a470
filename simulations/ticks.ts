// Ticks of a played city (CLOCK=entries): time is a source there, and the player is that source.
// It stands beside play.ts and replay.ts; it promises every hour and day boundary in order and never a step back.
import { dayMs, getDayIndex, getDayStartAt, getHourIndex, getHourStartAt } from '#contract/scalars.ts'
import type { Saying } from './door.ts'

/** Longest step between two ticks of a city that is being lived in; above 30 s the house would call it its own silence. */
export const tickEveryMaxMs = 30_000

/** Source under which a player ticks. */
export const tickSource = 'player-clock'

/** A clock that only ticks forward. */
export interface Ticker {
  /** Ticks at most `everyMs` apart up to and including `until`, boundaries exactly on the hour. */
  runTo(until: number, everyMs?: number): Saying[]
  /**
   * Leaps to `until`: within a day one tick an hour, beyond it one tick a day, and over more than three days the boundary
   * that closes the last day played, then the last one before `until`. A recording is read in leaps on purpose and
   * nobody was silent meanwhile, so each of these ticks counts as a first one (gap 0); days on which the recording says
   * nothing at all are not told one by one, for each would open a partition of the log.
   */
  leapTo(until: number): Saying[]
  readonly at: number
}

/** Starts a clock at an instant; the first tick is due there. */
export function createTicker(startAt: number): Ticker {
  let at = startAt
  let ticked = false
  const tick = (to: number, gapMs: number): Saying => {
    const isHour = getHourStartAt(getHourIndex(to)) === to
    const isDay = isHour && getDayStartAt(getDayIndex(to)) === to
    at = to
    const boundary = isDay ? 'day' : isHour ? 'hour' : 'none'
    return { kind: 'clock.ticked', at: to, from: tickSource, body: { gapMs, boundary } }
  }
  const open = (): Saying[] => {
    if (ticked) return []
    ticked = true
    return [tick(at, 0)]
  }
  return {
    get at() {
      return at
    },
    runTo(until, everyMs = tickEveryMaxMs) {
      const ticks = open()
      const step = Math.min(tickEveryMaxMs, Math.max(1, Math.floor(everyMs)))
      while (at < until) {
        const hour = getHourStartAt(getHourIndex(at) + 1)
        const next = Math.min(until, at + step, hour)
        ticks.push(tick(next, next - at))
      }
      return ticks
    },
    leapTo(until) {
      const ticks = open()
      if (until - at > 40_000 * dayMs) throw new RangeError('a leap of more than a century')
      while (at < until) {
        const nextDay = getDayStartAt(getDayIndex(at) + 1)
        const isBoundary = at === getDayStartAt(getDayIndex(at))
        let next = getHourStartAt(getHourIndex(at) + 1)
        if (until - at >= dayMs) next = nextDay
        if (until - at > 3 * dayMs && isBoundary) next = getDayStartAt(getDayIndex(until))
        ticks.push(tick(Math.min(until, next), 0))
      }
      return ticks
    },
  }
}

/** Merges ticks and sayings by time, a tick before what happened at its instant; both lists are in order already. */
export function mergeByTime(ticks: readonly Saying[], sayings: readonly Saying[]): Saying[] {
  const merged: Saying[] = []
  let next = 0
  for (const saying of sayings) {
    while (next < ticks.length && ticks[next]!.at <= saying.at) merged.push(ticks[next++]!)
    merged.push(saying)
  }
  merged.push(...ticks.slice(next))
  return merged
}

/**
 * Ticker: time is a source, and only the server ticks. Once a second, through the door like anything else; hour and day
 * boundaries that were missed are ticked in order before the present one. Bound to the world's last tick, not to its own memory.
 */
import type { Entry } from '#contract/entry.ts'
import { getDayIndex, getHourIndex, getHourStartAt } from '#contract/scalars.ts'

export const tickEveryMs = 1_000
/** Boundaries caught up after a long stop at most: 60 days of hours; older ones have left every live series. */
export const boundariesMax = 1_440

export type TickPorts = {
  now(): number
  lastTickAt(): number
  submit(entries: readonly Entry[]): Promise<unknown>
  onError(error: Error): void
}

function toTick(
  source: { epoch: string; seq: number },
  at: number,
  gapMs: number,
  boundary: 'none' | 'hour' | 'day',
): Entry {
  return {
    seq: 0,
    loggedAt: 0,
    kind: 'clock.ticked',
    source: 'server',
    epoch: source.epoch,
    sourceSeq: source.seq,
    occurredAt: at,
    receivedAt: at,
    body: { gapMs, boundary },
  }
}

/** Ticks owed between the last tick and now, in order; the last one is now itself. */
export function listOwedTicks(
  lastAt: number,
  now: number,
): { at: number; gapMs: number; boundary: 'none' | 'hour' | 'day' }[] {
  const ticks: { at: number; gapMs: number; boundary: 'none' | 'hour' | 'day' }[] = []
  const gapMs = lastAt === 0 ? 0 : Math.max(0, now - lastAt)
  if (lastAt > 0) {
    const first = Math.max(getHourIndex(lastAt) + 1, getHourIndex(now) - boundariesMax + 1)
    for (let hour = first; hour <= getHourIndex(now); hour++) {
      const at = getHourStartAt(hour)
      ticks.push({ at, gapMs: 0, boundary: getDayIndex(at) !== getDayIndex(at - 1) ? 'day' : 'hour' })
    }
  }
  ticks.push({ at: now, gapMs: 0, boundary: 'none' })
  // All of them are logged now: the whole gap lies before the first, and is forgiven before any of them judges silence.
  ticks[0]!.gapMs = gapMs
  return ticks
}

/** Starts ticking; returns what stops it. One tick is under way at a time. */
export function startTicker(epoch: string, ports: TickPorts): () => void {
  let seq = 0
  let isBusy = false
  const tick = async () => {
    if (isBusy) return
    isBusy = true
    try {
      const owed = listOwedTicks(ports.lastTickAt(), ports.now())
      await ports.submit(owed.map(t => toTick({ epoch, seq: ++seq }, t.at, t.gapMs, t.boundary)))
    } catch (error) {
      ports.onError(error as Error)
    } finally {
      isBusy = false
    }
  }
  const timer = setInterval(tick, tickEveryMs)
  void tick()
  return () => clearInterval(timer)
}

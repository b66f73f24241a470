/**
 * Epochs: how many new epochs a source may begin in an hour. A source begins one when its queue is made anew, a few times in its
 * life; the world remembers each for ever, so a broken or hostile sender that begins one per entry is stopped at the door.
 */
import { hourMs } from '#contract/scalars.ts'

/** New epochs of one source within an hour: a terminal that restarts every minute still speaks. */
export const newEpochsMax = 60
/** New (source, epoch) pairs of all sources within an hour: every device of a province once. */
export const newPairsMax = 50_000

export type EpochGate = { admits(source: string, epoch: string, now: number): boolean }

/** Opens the gate before the epochs a world knows. Counts are per clock hour of the city and forgotten with it. */
export function createEpochGate(isKnown: (source: string, epoch: string) => boolean): EpochGate {
  let hour = -1
  const begun = new Map<string, Set<string>>()
  let pairs = 0
  return {
    admits(source, epoch, now) {
      if (isKnown(source, epoch)) return true
      const hourNow = Math.floor(now / hourMs)
      if (hourNow !== hour) {
        hour = hourNow
        begun.clear()
        pairs = 0
      }
      const epochs = begun.get(source)
      if (epochs?.has(epoch)) return true
      if (pairs >= newPairsMax || (epochs?.size ?? 0) >= newEpochsMax) return false
      pairs++
      if (epochs) epochs.add(epoch)
      else begun.set(source, new Set([epoch]))
      return true
    },
  }
}

/**
 * Sources: which sequence numbers of which source and epoch have been counted, as exact ranges. Part of the world, so that
 * "twice is once" survives boot, replay and restore. The writer asks `isCounted`; the line records with `recordKey`.
 */
import type { Entry } from '#contract/entry.ts'
import type { SourceRanges, World } from './world.ts'

/** Most separate ranges kept per source and epoch; beyond it the oldest gap is closed (its numbers count as seen). */
export const rangesMax = 4_096

export function getSourceKey(source: string, epoch: string): string {
  return `${source}/${epoch}`
}

/** Position of the first boundary greater than n, in a flat ascending list of [from, to] pairs. */
function findSlot(ranges: readonly number[], n: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle]! <= n) low = middle + 1
    else high = middle
  }
  return low
}

/** True when this sequence number of a source key (getSourceKey) has been counted. */
export function isCounted(world: Pick<World, 'sources'>, sourceKey: string, seq: number): boolean {
  const ranges = world.sources.get(sourceKey)?.ranges
  if (!ranges) return false
  const last = ranges.length - 1
  if (last >= 0 && seq > ranges[last]!) return false
  const slot = findSlot(ranges, seq)
  return slot % 2 === 1 || (slot > 0 && ranges[slot - 1] === seq)
}

/** Adds one number to exact ranges, joining neighbours. */
export function addToRanges(ranges: number[], n: number): void {
  const last = ranges.length - 1
  if (last >= 0 && n === ranges[last]! + 1) {
    ranges[last] = n
    return
  }
  const slot = findSlot(ranges, n)
  if (slot % 2 === 1 || (slot > 0 && ranges[slot - 1] === n)) return
  const joinsBefore = slot > 0 && ranges[slot - 1] === n - 1
  const joinsAfter = slot < ranges.length && ranges[slot] === n + 1
  if (joinsBefore && joinsAfter) ranges.splice(slot - 1, 2)
  else if (joinsBefore) ranges[slot - 1] = n
  else if (joinsAfter) ranges[slot] = n
  else ranges.splice(slot, 0, n, n)
  if (ranges.length > rangesMax * 2) ranges.splice(1, 2)
}

/** Records the key of an entry as counted. */
export function recordKey(world: World, entry: Entry): void {
  if (entry.epoch === undefined || entry.sourceSeq === undefined) return
  const key = getSourceKey(entry.source, entry.epoch)
  let held: SourceRanges | undefined = world.sources.get(key)
  if (!held) {
    held = { key, ranges: [], heardAt: entry.loggedAt }
    world.sources.set(key, held)
  }
  held.heardAt = entry.loggedAt
  addToRanges(held.ranges, entry.sourceSeq)
}

/**
 * THE LINE. Every entry, live or replayed, goes through here once, in the order of the log:
 *
 *   state (what is true now) → detect (what is unusual) → notify (who must know)
 *
 * Pure: the same world and entry give the same world and outcome, which is why replay, boot, audit and test are one thing.
 * An outcome that was stored is obeyed: a refusal once given is given again.
 */
import type { Entry, Outcome } from '#contract/entry.ts'
import { detect } from './detect/rules.ts'
import { notify } from './notify/alerts.ts'
import { applyArrival, applyEntry } from './state/apply.ts'
import { getOwnGapMs } from './state/clock.ts'
import type { Finding, Touched, World } from './state/world.ts'

/** Grows with every release that would fold an old log differently: such a release starts an era. */
export const coreVersion = 2

/** The first two stages alone: what is true and what is unusual, with nobody told. Dry runs of rules judge by it. */
export function judge(
  world: World,
  entry: Entry,
  touched: Touched,
  stored?: Outcome,
): { outcome: Outcome; findings: readonly Finding[] } {
  touched.judged.length = 0
  applyArrival(world, entry)
  if (stored?.result === 'refused') return { outcome: stored, findings: [] }
  const outcome = applyEntry(world, entry, touched)
  return { outcome, findings: outcome.result === 'refused' ? [] : detect(world, entry, touched) }
}

/** Advances the world by one entry. `stored` is the outcome the log holds for it, when it holds one. */
export function advance(world: World, entry: Entry, touched: Touched, stored?: Outcome): Outcome {
  const { outcome, findings } = judge(world, entry, touched, stored)
  if (outcome.result === 'refused') return outcome
  const ownGapMs = entry.kind === 'clock.ticked' ? getOwnGapMs(entry) : 0
  return notify(world, entry, findings, ownGapMs, touched)
}

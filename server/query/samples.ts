/**
 * Samples of quality control: which closed cases of a day are to be looked at. Pure and reproducible: the random part is a keyed
 * order of the day's cases by day, seed and case, so that anybody can draw it again and nobody can choose; the triggered part
 * follows from the records alone.
 */
import type { ReviewTrigger } from '#contract/duty.ts'
import { chooseStamp } from '#contract/stamps.ts'
import type { IncidentView } from '#contract/view.ts'
import { dispatchLimitMs, waitLimits } from '#contract/waits.ts'

/** Share of a day's cases drawn at random, and the fewest and most drawn. @source WS/T 451 7.3 asks for spot checks; DECISIONS 44 */
export const randomShare = 0.03
export const randomMin = 3
export const randomMax = 30
/** Triggered cases of one day at most; the count beside them says how many there were. */
export const triggeredMax = 200

export type Sample = { incidentId: string; sample: 'random' | 'triggered'; triggers: ReviewTrigger[] }

/** A 32-bit hash of a text. @source FNV-1a, then the finaliser of MurmurHash3 so that neighbours part */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Cases drawn at random from `count`. */
export function countRandom(count: number): number {
  return Math.min(count, randomMax, Math.max(randomMin, Math.ceil(count * randomShare)))
}

/**
 * What in a case's own record asks for a look. Late: the first unit was sent beyond the limit of its level, or arrived beyond the
 * limit of arrival. Over-triage: level I or II and nobody was there, or nothing but a refusal. Under-triage: level III or IV and the
 * patient died, or the level was raised after the first unit was sent.
 */
export function listTriggers(incident: IncidentView): ReviewTrigger[] {
  const found: ReviewTrigger[] = []
  const ordered = chooseStamp(incident.stamps, 'ordered')
  const arrived = chooseStamp(incident.stamps, 'on-scene')
  const orderLimitMs = dispatchLimitMs[incident.level] ?? Number.POSITIVE_INFINITY
  const isLate =
    (ordered
      ? ordered.at - incident.openedAt > orderLimitMs
      : incident.outcome !== 'cancelled' && incident.outcome !== 'false-call') ||
    (arrived && ordered ? arrived.at - ordered.at > waitLimits.arrive![1] : false)
  if (isLate) found.push('late')
  const isEmpty =
    incident.outcome === 'no-patient' || incident.outcome === 'refused' || incident.outcome === 'false-call'
  if (incident.level <= 2 && isEmpty) found.push('over-triage')
  if (incident.level >= 3 && incident.outcome === 'deceased') found.push('under-triage')
  return found
}

/** The samples of a day: triggered first, then those drawn at random among the others. */
export function drawSamples(
  incidents: readonly IncidentView[],
  day: string,
  seed: number,
  wishes: ReadonlyMap<string, readonly ReviewTrigger[]>,
): { samples: Sample[]; cases: number; triggered: number } {
  const closed = incidents.filter(incident => incident.state === 'closed' && incident.mergedInto === undefined)
  const triggered: Sample[] = []
  const others: { incidentId: string; rank: number }[] = []
  for (const incident of closed) {
    const { incidentId } = incident
    const triggers = [...new Set([...listTriggers(incident), ...(wishes.get(incidentId) ?? [])])]
    if (triggers.length > 0) triggered.push({ incidentId, sample: 'triggered', triggers })
    else others.push({ incidentId, rank: hashText(`${day}|${seed}|${incidentId}`) })
  }
  triggered.sort((a, b) => b.triggers.length - a.triggers.length || (a.incidentId < b.incidentId ? -1 : 1))
  others.sort((a, b) => a.rank - b.rank || (a.incidentId < b.incidentId ? -1 : 1))
  const random = others.slice(0, countRandom(closed.length))
  return {
    samples: [
      ...triggered.slice(0, triggeredMax),
      ...random.map(({ incidentId }): Sample => ({ incidentId, sample: 'random', triggers: [] })),
    ],
    cases: closed.length,
    triggered: triggered.length,
  }
}

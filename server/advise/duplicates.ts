// Duplicates: which open cases may be the same event as a call that rings. Stands beside the line: asked for, changes nothing; a
// person joins or does not. Four witnesses: the number, the place (with the radius it is meant with), the time, the complaint.
// Promises: pure and deterministic; a score is 0 to 1 and every point of it has a reason; more evidence never lowers it; at most
// candidatesShownMax rows, best first.
import type { DuplicateView } from '#contract/view.ts'
import type { Call, Incident, World } from '../state/world.ts'

/** Rows of one answer. */
export const candidatesShownMax = 5
/**
 * Below this nothing is shown. It is the score of a case exactly 500 m and 15 min away with nothing else in common, so that
 * whatever dispatch.md asks for is shown. 0.55 × 0.6 = 0.33.
 * @source domain/dispatch.md §6.1 point 6: 500 m, 15 min, or the same number
 */
export const duplicateShownMin = 0.33
/** What each witness can carry alone (DECISIONS 39). */
const weights = { number: 0.7, place: 0.55, complaint: 0.3, kind: 0.15 } as const
/** Place counts in full within this, by 0.6 at 500 m, and no more beyond a kilometre. */
const nearFullM = 150
const nearM = 500
const farM = 1_000
/** Time counts in full within 15 min and no more after 45. */
const timeFullMs = 15 * 60_000
const timeEndMs = 45 * 60_000
/** The same number rings again about the same patient for longer than strangers do about one crash. */
const numberEndMs = 3 * 3_600_000
/** Other calls are compared while they are this young; open incidents always. */
export const callAgeMaxMs = 60 * 60_000

const radians = Math.PI / 180
/** @source IUGG mean Earth radius, 6,371 km */
const earthM = 6_371_000

/** Great-circle metres. */
export function measureMetres(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const s1 = Math.sin(((b.lat - a.lat) * radians) / 2)
  const s2 = Math.sin(((b.lon - a.lon) * radians) / 2)
  return (
    2 *
    earthM *
    Math.asin(Math.min(1, Math.sqrt(s1 * s1 + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * s2 * s2)))
  )
}

/** One side of a comparison: a call, or an incident with the calls it holds. */
export type Case = {
  at: number
  lon?: number | undefined
  lat?: number | undefined
  /** Metres the position is meant with; 0 for an address. */
  radiusM?: number | undefined
  numbers: readonly string[]
  syndrome?: string | undefined
  complaintCode?: string | undefined
  callKind?: string | undefined
}

function fall(value: number, full: number, end: number): number {
  return value <= full ? 1 : value >= end ? 0 : (end - value) / (end - full)
}

/** Nearness 0 to 1: 1 within 150 m, 0.6 at 500 m, 0 from 1,000 m. */
function judgeDistance(metres: number): number {
  if (metres <= nearFullM) return 1
  if (metres <= nearM) return 1 - (0.4 * (metres - nearFullM)) / (nearM - nearFullM)
  return 0.6 * fall(metres, nearM, farM)
}

/** Kinds that, when equal, say that two calls are about one thing. */
const tellingKinds: ReadonlySet<string> = new Set(['mass-casualty', 'transfer'])
const vague: ReadonlySet<string> = new Set(['other', 'unknown'])

/** Compares two cases. Undefined distance where either has no position. */
export function scoreDuplicate(
  one: Case,
  other: Case,
): Pick<DuplicateView, 'score' | 'distanceM' | 'apartS' | 'reasons'> {
  const apartMs = Math.abs(one.at - other.at)
  const reasons: DuplicateView['reasons'] = []
  const time = fall(apartMs, timeFullMs, timeEndMs)
  const isSameNumber = one.numbers.some(number => other.numbers.includes(number))
  const number = isSameNumber ? fall(apartMs, timeEndMs, numberEndMs) : 0
  let place = 0
  let distanceM: number | undefined
  if (one.lon !== undefined && one.lat !== undefined && other.lon !== undefined && other.lat !== undefined) {
    distanceM = measureMetres({ lon: one.lon, lat: one.lat }, { lon: other.lon, lat: other.lat })
    const areaM = (one.radiusM ?? 0) + (other.radiusM ?? 0)
    const near = judgeDistance(distanceM)
    // Inside each other's area it may be one place, the less surely the wider the area is.
    const overlap =
      areaM > 0 && distanceM <= areaM
        ? Math.min(1, 0.6 + 0.4 * fall(areaM, nearFullM, farM)) * fall(areaM, farM, 5_000)
        : 0
    place = Math.max(near, overlap) * time
    if (near * time > 0) reasons.push('near')
    else if (overlap * time > 0) reasons.push('area-overlaps')
  }
  if (number > 0) reasons.unshift('same-number')
  // What is heard says nothing about two ends of a city: it counts where number or place have spoken.
  const gate = Math.max(number, place)
  const isVague = (syndrome: string | undefined) => syndrome !== undefined && vague.has(syndrome)
  const isSameComplaint =
    one.complaintCode !== undefined &&
    one.complaintCode === other.complaintCode &&
    !isVague(one.syndrome) &&
    !isVague(other.syndrome)
  const isSameSyndrome = one.syndrome !== undefined && one.syndrome === other.syndrome && !vague.has(one.syndrome)
  const complaint = gate * (isSameComplaint ? 1 : isSameSyndrome ? 0.6 : 0)
  const isSameKind = one.callKind !== undefined && one.callKind === other.callKind && tellingKinds.has(one.callKind)
  if (complaint > 0) reasons.push('same-complaint')
  if (isSameKind && gate > 0) reasons.push('same-kind')
  if (gate > 0 && apartMs <= timeFullMs) reasons.push('minutes-apart')
  // Independent witnesses: each leaves a doubt, the doubts multiply.
  const doubt =
    (1 - weights.number * number) *
    (1 - weights.place * place) *
    (1 - weights.complaint * complaint) *
    (1 - (isSameKind ? weights.kind * gate : 0))
  return {
    score: 1 - doubt,
    ...(distanceM === undefined ? {} : { distanceM: Math.round(distanceM) }),
    apartS: Math.round(apartMs / 1_000),
    reasons,
  }
}

function readCase(call: Call): Case {
  const { receivedAt, lon, lat, radiusM, syndrome, complaintCode, callKind, numberHash } = call
  return {
    at: receivedAt,
    lon,
    lat,
    radiusM,
    syndrome,
    complaintCode,
    callKind,
    numbers: numberHash ? [numberHash] : [],
  }
}

/**
 * The cases a call may belong to, among what the asker sees: open incidents, and calls of the last hour of which nothing has become yet.
 * An incident is as near in time as its newest call.
 */
export function findDuplicates(
  world: World,
  call: Call,
  sees: (collection: 'calls' | 'incidents', record: Call | Incident) => boolean,
): DuplicateView[] {
  const asked = readCase(call)
  const found: DuplicateView[] = []
  for (const incident of world.incidents.values()) {
    if (incident.state !== 'open' || incident.incidentId === call.incidentId || !sees('incidents', incident)) continue
    const calls = incident.callIds.flatMap(callId => world.calls.get(callId) ?? [])
    const at = Math.max(incident.openedAt, ...calls.map(one => one.receivedAt))
    const { lon, lat, syndrome, complaintCode } = incident
    const numbers = calls.flatMap(one => one.numberHash ?? [])
    const callKind = calls.find(one => one.callKind !== undefined)?.callKind
    const scored = scoreDuplicate(asked, { at, lon, lat, syndrome, complaintCode, callKind, numbers })
    if (scored.score >= duplicateShownMin) found.push({ incidentId: incident.incidentId, ...scored })
  }
  for (const other of world.calls.values()) {
    if (other.callId === call.callId || other.incidentId !== undefined || other.outcome !== undefined) continue
    if (Math.abs(other.receivedAt - call.receivedAt) > callAgeMaxMs || !sees('calls', other)) continue
    const scored = scoreDuplicate(asked, readCase(other))
    if (scored.score >= duplicateShownMin) found.push({ callId: other.callId, ...scored })
  }
  const nameOf = (one: DuplicateView) => one.incidentId ?? one.callId ?? ''
  return found
    .sort((a, b) => b.score - a.score || a.apartS - b.apartS || (nameOf(a) < nameOf(b) ? -1 : 1))
    .slice(0, candidatesShownMax)
}

/**
 * Straight-line distance and the nearest idle units by it. Labelled 直线距离 wherever it is shown: it is no travel time.
 * Units that are nearer but cannot go are listed with the reason, so that nobody wonders why they were passed over.
 */
import type { UnitView } from '#contract/view.ts'
import type { Fix } from '../live/positions.ts'
import { judgeFreshness } from '../units/freshness.ts'

/** Mean radius of the earth in km. @source IUGG mean radius R1 = 6371.0088 km */
const earthRadiusKm = 6_371.0088

/** Candidates shown for an incident: one for each of the keys Alt+1 to Alt+5. */
export const candidatesMax = 5
/** Passed-over nearer units shown with their reason. */
export const passedOverMax = 3

/** Great-circle distance in km between two WGS-84 points. @source haversine formula */
export function getDistanceKm(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const rad = Math.PI / 180
  const dLat = (b.lat - a.lat) * rad
  const dLon = (b.lon - a.lon) * rad
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)))
}

export type Candidate = { unit: UnitView; fix: Fix; km: number }
export type PassedOver = { unit: UnitView; km: number; reason: 'silent' | 'old' }

/**
 * The nearest idle units of a place, nearest first, and the idle ones nearer than the last of them that were passed over
 * because their place is not known well enough (silent, or fix older than the limit). Equal distance: unit id.
 */
export function listCandidates(
  place: { lon: number; lat: number },
  units: Iterable<UnitView>,
  findFix: (unitId: string) => Fix | undefined,
  now: number,
): { candidates: readonly Candidate[]; passedOver: readonly PassedOver[] } {
  const able: Candidate[] = []
  const unable: PassedOver[] = []
  for (const unit of units) {
    if (unit.status !== 'idle') continue
    const fix = findFix(unit.unitId)
    if (!fix) continue
    const km = getDistanceKm(place, fix)
    if (unit.silent) unable.push({ unit, km, reason: 'silent' })
    else if (judgeFreshness(now - fix.fixAt) === 'lost') unable.push({ unit, km, reason: 'old' })
    else able.push({ unit, fix, km })
  }
  const byDistance = (a: { km: number; unit: UnitView }, b: { km: number; unit: UnitView }) =>
    a.km - b.km || (a.unit.unitId < b.unit.unitId ? -1 : 1)
  const candidates = able.sort(byDistance).slice(0, candidatesMax)
  const limitKm = candidates.at(-1)?.km ?? Number.POSITIVE_INFINITY
  const passedOver = unable
    .sort(byDistance)
    .filter(each => each.km < limitKm)
    .slice(0, passedOverMax)
  return { candidates, passedOver }
}

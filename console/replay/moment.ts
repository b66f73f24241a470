/**
 * A moment of the past from what the tables kept: where every unit was by its last fix, what it was doing by its last step, and how
 * far each case had come. Pure; nothing is guessed between two fixes.
 */
import { UnitStatus } from '#contract/scalars.ts'
import type { IncidentView, StampView } from '#contract/view.ts'
import type { UnitGlyph } from '../map/unit-motion.ts'
import { getStatusLook } from '../units/status.ts'

/** GET /v1/tracks. */
export type Tracks = {
  from: number
  to: number
  stepMs: number
  isCut: boolean
  units: readonly string[]
  /** [index of unit, at, lon, lat, course or -1, speed or -1], by unit and time. */
  rows: readonly (readonly [number, number, number, number, number, number])[]
}

/** A fix older than this says no longer where the unit is: drawn as silent. */
export const staleAfterMs = 180_000

export type Reel = {
  findUnits(at: number): UnitGlyph[]
  /** Cases open at an instant, most urgent first. */
  listOpen(at: number): IncidentView[]
  /** Path of a unit over the whole stretch. */
  listPath(unitId: string): [number, number][]
}

type Step = { at: number; status: UnitStatus }
const statuses: ReadonlySet<string> = new Set(UnitStatus.options)

/** Last element with at ≤ the instant, in an ascending list; -1 for none. */
export function findLast(ascending: readonly { at: number }[], at: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]!.at <= at) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Steps of a case as they stood at an instant. */
export function listStampsUntil(stamps: readonly StampView[], at: number): StampView[] {
  return stamps.filter(stamp => stamp.at <= at)
}

/** Prepares a stretch of the past for looking at any of its moments. */
export function buildReel(tracks: Tracks, incidents: readonly IncidentView[]): Reel {
  const fixes = tracks.units.map(() => [] as { at: number; lon: number; lat: number; course: number; speed: number }[])
  for (const [unit, at, lon, lat, course, speed] of tracks.rows) fixes[unit]?.push({ at, lon, lat, course, speed })
  for (const list of fixes) list.sort((a, b) => a.at - b.at)
  const steps = new Map<string, Step[]>()
  for (const incident of incidents)
    for (const stamp of incident.stamps) {
      if (stamp.unitId === undefined) continue
      const status = stamp.stamp === 'released' ? 'returning' : stamp.stamp
      if (!statuses.has(status)) continue
      const list = steps.get(stamp.unitId) ?? []
      list.push({ at: stamp.at, status: status as UnitStatus })
      steps.set(stamp.unitId, list)
    }
  for (const list of steps.values()) list.sort((a, b) => a.at - b.at)
  return {
    findUnits(at) {
      return tracks.units.flatMap((unitId, index) => {
        const list = fixes[index]!
        const fix = list[findLast(list, at)]
        if (!fix) return []
        const own = steps.get(unitId) ?? []
        const step = own[findLast(own, at)]
        return [
          {
            unitId,
            lon: fix.lon,
            lat: fix.lat,
            ...(fix.course < 0 ? {} : { courseDeg: fix.course }),
            ...(fix.speed < 0 ? {} : { speedKmh: fix.speed }),
            status: getStatusLook(step?.status ?? 'idle').status as UnitGlyph['status'],
            fixAt: fix.at,
            silent: at - fix.at > staleAfterMs,
          },
        ]
      })
    },
    listOpen: at =>
      incidents
        .filter(incident => incident.openedAt <= at && (incident.closedAt === undefined || incident.closedAt > at))
        .toSorted((a, b) => a.level - b.level || a.openedAt - b.openedAt),
    listPath(unitId) {
      const index = tracks.units.indexOf(unitId)
      return (fixes[index] ?? []).map(fix => [fix.lon, fix.lat])
    },
  }
}

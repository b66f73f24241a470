/**
 * The order of the queue and what its filter chips may hide. Pure. Level first, then the wait beyond its target, then
 * time; level I is never hidden, and how many rows are hidden is always known.
 */
import type { IncidentView, UnitView } from '#contract/view.ts'
import { getIncidentWait, type Wait } from './timers.ts'

export type QueueRow = { incident: IncidentView; wait: Wait }

export type QueueFilter = {
  /** Levels whose rows are left out; 1 is ignored. */
  hiddenLevels: readonly number[]
  /** Only incidents that have no unit yet. */
  onlyUnassigned: boolean
  /** Only this county (code), with the streets in it; empty for all. */
  regionCode: string
}

export const openFilter: QueueFilter = { hiddenLevels: [], onlyUnassigned: false, regionCode: '' }

/** True when a filter leaves an incident out; never for level I. */
export function isHidden(
  incident: IncidentView,
  filter: QueueFilter,
  getCounty: (code: string) => string = code => code,
): boolean {
  if (incident.level === 1) return false
  if (filter.hiddenLevels.includes(incident.level)) return true
  if (filter.onlyUnassigned && incident.unitIds.length > 0) return true
  return filter.regionCode !== '' && getCounty(incident.regionCode) !== filter.regionCode
}

/** ms a wait has gone beyond its red limit; 0 while it has not. */
function getExcessMs(wait: Wait, now: number): number {
  return wait.overMs === undefined ? 0 : Math.max(0, now - wait.since - wait.overMs)
}

/** The rows of the queue in order, and how many the filter hides. */
export function listQueue(
  incidents: Iterable<IncidentView>,
  findUnit: (unitId: string) => UnitView | undefined,
  filter: QueueFilter,
  now: number,
  getCounty: (code: string) => string = code => code,
): { rows: readonly QueueRow[]; hiddenCount: number } {
  const rows: QueueRow[] = []
  let hiddenCount = 0
  for (const incident of incidents) {
    if (incident.state !== 'open') continue
    if (isHidden(incident, filter, getCounty)) hiddenCount++
    else rows.push({ incident, wait: getIncidentWait(incident, findUnit, now) })
  }
  rows.sort(
    (a, b) =>
      a.incident.level - b.incident.level ||
      // Whose unit was taken away stands at the head of its level until it has another.
      Number(b.incident.requeuedAt !== undefined) - Number(a.incident.requeuedAt !== undefined) ||
      getExcessMs(b.wait, now) - getExcessMs(a.wait, now) ||
      a.incident.openedAt - b.incident.openedAt ||
      (a.incident.incidentId < b.incident.incidentId ? -1 : 1),
  )
  return { rows, hiddenCount }
}

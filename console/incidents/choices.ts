/**
 * What the desk works out by itself beside the server's advice: which unit may stand down, which cases are near, whose hospital is
 * asked for, which freed unit wants a place, whose offer it is, what a time written by hand means. Pure.
 */
import { dayMs, shanghaiOffsetMs } from '#contract/scalars.ts'
import type { IncidentView, UnitView } from '#contract/view.ts'
import { isFree } from './advice.ts'
import { getDistanceKm } from './distance.ts'

const there: ReadonlySet<string> = new Set(['on-scene', 'loaded', 'at-hospital', 'handover'])

/** The units still on their way although another is at the patient: proposed to stand down, by one key, latest order first. */
export function listLate(assigned: readonly UnitView[]): UnitView[] {
  if (!assigned.some(unit => there.has(unit.status))) return []
  return assigned
    .filter(unit => unit.status === 'ordered' || unit.status === 'rolling')
    .toSorted((a, b) => b.statusAt - a.statusAt)
}

/** Cases offered to be joined: the nearest open ones. */
export const mergesMax = 6

/** The nearest other open cases of the list, nearest first. */
export function listNear(incident: IncidentView, others: Iterable<IncidentView>): IncidentView[] {
  return [...others]
    .filter(each => each.state === 'open' && each.incidentId !== incident.incidentId)
    .map(each => ({ each, km: getDistanceKm(incident, each) }))
    .sort((a, b) => a.km - b.km || (a.each.incidentId < b.each.incidentId ? -1 : 1))
    .slice(0, mergesMax)
    .map(({ each }) => each)
}

/** The unit a destination is asked for: the chosen one, else the one with the patient, else the first. */
export function findCarrier(assigned: readonly UnitView[], chosenId: string | undefined): UnitView | undefined {
  return (
    assigned.find(unit => unit.unitId === chosenId) ??
    assigned.find(unit => unit.status === 'loaded') ??
    assigned.find(unit => unit.status === 'on-scene') ??
    assigned[0]
  )
}

/** Units freed this long ago are asked for by themselves. */
export const freedWithinMs = 60_000

/** The unit a place is sought for: the chosen free one, else the one freed last within a minute. */
export function findFreed(units: Iterable<UnitView>, chosen: UnitView | undefined, now: number): UnitView | undefined {
  if (chosen && isFree(chosen)) return chosen
  let freed: UnitView | undefined
  for (const unit of units) {
    if (unit.status !== 'returning' || unit.incidentId !== undefined || unit.movedAt === unit.statusAt) continue
    if (now - unit.statusAt > freedWithinMs || (unit.baseIds ?? []).length === 0) continue
    if (!freed || unit.statusAt > freed.statusAt) freed = unit
  }
  return freed
}

/** The instant a clock time means near another instant: the same day by Shanghai, else undefined for no time at all. */
export function readClockTime(text: string, near: number): number | undefined {
  const parts = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim())
  if (!parts) return undefined
  const [hours, minutes, seconds] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)]
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  const start = Math.floor((near + shanghaiOffsetMs) / dayMs) * dayMs - shanghaiOffsetMs
  const at = start + ((hours * 60 + minutes) * 60 + seconds) * 1_000
  // A run over midnight: the nearer of the days before and after.
  return [at - dayMs, at, at + dayMs].reduce((a, b) => (Math.abs(b - near) < Math.abs(a - near) ? b : a))
}

/** True when an open offer is this seat's to answer. */
export function isOfferedTo(incident: IncidentView, regions: readonly string[]): boolean {
  return incident.transfer !== undefined && regions.includes(incident.transfer.toCode)
}

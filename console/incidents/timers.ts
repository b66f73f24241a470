/**
 * What is being waited for in an incident, since when, and when that wait turns amber and red. Pure. One timer a row, in
 * the same place: the wait that is worst against its own limit.
 */
import type { IncidentView, UnitView } from '#contract/view.ts'
import { dispatchLimitMs, type LateKind, waitLimits, waitOfStatus } from '#contract/waits.ts'

const min = 60_000
/** An offer to another centre: amber and red of its answer. */
export const transferLimitMs = waitLimits.transfer!

export type WaitKind = Exclude<LateKind, 'answer' | 'callback'> | 'none'
export type WaitState = 'ok' | 'warn' | 'over'

export type Wait = {
  kind: WaitKind
  since: number
  /** ms of waiting until amber and until red; undefined when this wait has no limit. */
  warnMs: number | undefined
  overMs: number | undefined
  unitId?: string
}

/** How far a wait has gone at an instant. */
export function judgeWait(wait: Wait, now: number): WaitState {
  const waitedMs = now - wait.since
  if (wait.overMs !== undefined && waitedMs > wait.overMs) return 'over'
  if (wait.warnMs !== undefined && waitedMs > wait.warnMs) return 'warn'
  return 'ok'
}

/** What a unit on a task is being waited for; undefined when nothing is. */
export function findUnitWait(unit: UnitView): Wait | undefined {
  // A confirmed order is waited for at the wheels, not at the key.
  const kind = unit.status === 'ordered' && unit.acknowledgedAt !== undefined ? 'roll' : waitOfStatus[unit.status]
  if (!kind) return undefined
  const limit = waitLimits[kind]
  return { kind, since: unit.statusAt, warnMs: limit?.[0], overMs: limit?.[1], unitId: unit.unitId }
}

/** Share of its limit a wait has used; a wait without limit counts as a little, so that any limited one beats it. */
export function getUrgency(wait: Wait, now: number): number {
  return wait.overMs === undefined ? 0 : (now - wait.since) / wait.overMs
}

/** The wait an incident's row shows: for a first unit while it has none, else the worst of its units. */
export function getIncidentWait(
  incident: IncidentView,
  findUnit: (unitId: string) => UnitView | undefined,
  now: number,
): Wait {
  if (incident.state === 'closed')
    return { kind: 'none', since: incident.openedAt, warnMs: undefined, overMs: undefined }
  if (incident.transfer) {
    const [warnMs, overMs] = transferLimitMs
    return { kind: 'transfer', since: incident.transfer.at, warnMs, overMs }
  }
  if (incident.unitIds.length === 0) {
    const overMs = dispatchLimitMs[incident.level] ?? 30 * min
    return { kind: 'dispatch', since: incident.requeuedAt ?? incident.openedAt, warnMs: overMs / 2, overMs }
  }
  let worst: Wait | undefined
  for (const unitId of incident.unitIds) {
    const unit = findUnit(unitId)
    const wait = unit && findUnitWait(unit)
    if (wait && (!worst || getUrgency(wait, now) > getUrgency(worst, now))) worst = wait
  }
  return worst ?? { kind: 'none', since: incident.openedAt, warnMs: undefined, overMs: undefined }
}

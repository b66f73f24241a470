/**
 * What is being waited for in an incident, since when, and when that wait turns amber and red. Pure. One timer a row, in
 * the same place: the wait that is worst against its own limit.
 */
import type { IncidentView, UnitView } from '#contract/view.ts'

export type WaitKind =
  | 'transfer'
  | 'dispatch'
  | 'acknowledge'
  | 'roll'
  | 'arrive'
  | 'scene'
  | 'transport'
  | 'handover'
  | 'none'
export type WaitState = 'ok' | 'warn' | 'over'

export type Wait = {
  kind: WaitKind
  since: number
  /** ms of waiting until amber and until red; undefined when this wait has no limit. */
  warnMs: number | undefined
  overMs: number | undefined
  unitId?: string
}

const s = 1_000
const min = 60_000

/**
 * Amber and red of each wait. Dispatch by level: the ageing thresholds 60 s, 5 min, 15 min, 30 min, amber at half.
 * @source domain/dispatch.md 6.1 (Aware CAD ageing thresholds) and its point 12: order acknowledged 20/30 s, roll
 * 150/180 s, on scene 20/30 min, handover 15/30 min; arrival 15 min: Beijing city-centre target of 2011 (1.5)
 */
export const dispatchLimitMs: Readonly<Record<number, number>> = { 1: 60 * s, 2: 5 * min, 3: 15 * min, 4: 30 * min }
/** An offer to another centre: amber and red of its answer. @source the acknowledgement clock of orders, domain/dispatch.md 6.1 point 12 */
export const transferLimitMs = [30 * s, 60 * s] as const
const limits: Readonly<
  Record<Exclude<WaitKind, 'transfer' | 'dispatch' | 'none'>, readonly [warnMs: number, overMs: number] | undefined>
> = {
  acknowledge: [20 * s, 30 * s],
  roll: [150 * s, 180 * s],
  arrive: [10 * min, 15 * min],
  scene: [20 * min, 30 * min],
  transport: undefined,
  handover: [15 * min, 30 * min],
}

const waitOfStatus: Readonly<
  Record<UnitView['status'], Exclude<WaitKind, 'transfer' | 'dispatch' | 'none'> | undefined>
> = {
  idle: undefined,
  ordered: 'acknowledge',
  rolling: 'arrive',
  'on-scene': 'scene',
  loaded: 'transport',
  'at-hospital': 'handover',
  handover: 'handover',
  returning: undefined,
  unavailable: undefined,
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
  const limit = limits[kind]
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

/**
 * Waits: what somebody is being waited for in dispatch, since when, when that turns amber and red, and why it is late. One table of
 * limits for the timers at the desk, the shift leader's page and the hand-over sheet. Pure.
 */
import type { CallView, IncidentView, PlaceView, UnitView } from './view.ts'

export const waitKinds = [
  'answer',
  'callback',
  'transfer',
  'dispatch',
  'acknowledge',
  'roll',
  'arrive',
  'scene',
  'transport',
  'handover',
] as const
export type LateKind = (typeof waitKinds)[number]

const s = 1_000
const min = 60_000

/**
 * Amber and red of each wait, milliseconds; undefined has no limit. `dispatch` is by level.
 * @source domain/dispatch.md 6.1 point 12: answer 10 s, order acknowledged 20/30 s, roll 150/180 s, on scene 20/30 min, handover
 * 15/30 min; an offer to another centre by the acknowledgement clock; arrival 15 min: Beijing city-centre target of 2011 (1.5)
 */
export const waitLimits: Readonly<
  Record<Exclude<LateKind, 'dispatch'>, readonly [warnMs: number, overMs: number] | undefined>
> = {
  answer: [5 * s, 10 * s],
  callback: [0, 60 * s],
  transfer: [30 * s, 60 * s],
  acknowledge: [20 * s, 30 * s],
  roll: [150 * s, 180 * s],
  arrive: [10 * min, 15 * min],
  scene: [20 * min, 30 * min],
  transport: undefined,
  handover: [15 * min, 30 * min],
}

/** Until the first unit is sent, by level; amber at half. @source the ageing thresholds of Aware CAD, domain/dispatch.md 6.1 */
export const dispatchLimitMs: Readonly<Record<number, number>> = { 1: 60 * s, 2: 5 * min, 3: 15 * min, 4: 30 * min }

/** What a unit in a status is being waited for. */
export const waitOfStatus: Readonly<
  Record<UnitView['status'], 'acknowledge' | 'arrive' | 'scene' | 'transport' | 'handover' | undefined>
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

/** Why something is late, as far as the world shows it; `{name}` is filled from the row's facts. */
export const lateReasons = {
  SEATS_BUSY: { zh: '另有 {waiting} 个来电在等，席位占满', en: '{waiting} more calls wait, seats are busy' },
  NOBODY_ANSWERED: { zh: '尚无人接听', en: 'nobody has answered yet' },
  CALLBACK_TRIED: { zh: '已回拨 {attempts} 次未通', en: 'rung back {attempts} times without an answer' },
  CALLBACK_UNTRIED: { zh: '尚未回拨', en: 'not rung back yet' },
  TRANSFER_PENDING: { zh: '正移交 {toCode}，未答复', en: 'offered to {toCode}, no answer yet' },
  NO_UNIT_FREE: { zh: '辖区内无待命车组', en: 'no unit is free in the area' },
  UNITS_FREE: { zh: '有 {free} 个车组待命而未派', en: '{free} units are free and none was sent' },
  UNIT_SILENT: { zh: '车组失联', en: 'the unit is silent' },
  CREW_SILENT: { zh: '车组未确认任务', en: 'the crew has not confirmed the order' },
  CREW_NOT_ROLLING: { zh: '已确认，未出车', en: 'confirmed, not rolling' },
  STANDING: { zh: '距现场 {km} 公里，车速近零', en: '{km} km from the scene and standing' },
  FAR: { zh: '距现场 {km} 公里', en: '{km} km from the scene' },
  POSITION_UNKNOWN: { zh: '位置不明', en: 'its position is not known' },
  LONG_ON_SCENE: { zh: '现场处置时间长', en: 'long treatment on scene' },
  HOSPITAL_QUEUE: { zh: '{place}，另有 {waiting} 车等待交接', en: '{place}, {waiting} more units wait there' },
} as const
export type LateReason = keyof typeof lateReasons

/** One thing that is late, and why. Facts fill the reason's words. */
export type Late = {
  kind: LateKind
  regionCode: string
  since: number
  overMs: number
  why: LateReason
  facts: Readonly<Record<string, string | number>>
  level?: number
  callId?: string
  incidentId?: string
  unitId?: string
}

/** The part of a world that waits are read from; the server's world and a console's both are one. */
export type WaitWorld = {
  units: ReadonlyMap<
    string,
    Pick<UnitView, 'unitId' | 'regionCode' | 'status' | 'statusAt' | 'silent'> & Partial<UnitView>
  >
  calls: ReadonlyMap<string, CallView>
  incidents: ReadonlyMap<string, IncidentView>
  places: ReadonlyMap<string, PlaceView>
}

/** Words of a reason in a language. */
export function describeLate(late: Pick<Late, 'why' | 'facts'>, language: 'zh' | 'en'): string {
  return lateReasons[late.why][language].replace(/\{(\w+)\}/g, (_, name: string) => String(late.facts[name] ?? '—'))
}

/** Great-circle km between two points. @source haversine, R = 6371 km */
function getKm(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const rad = Math.PI / 180
  const h =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2
  return 2 * 6_371 * Math.asin(Math.min(1, Math.sqrt(h)))
}

type Reasoned = { why: LateReason; facts?: Late['facts'] }

function explainDispatch(world: WaitWorld, incident: IncidentView, isIn: (code: string) => boolean): Reasoned {
  if (incident.transfer) return { why: 'TRANSFER_PENDING', facts: { toCode: incident.transfer.toCode } }
  let free = 0
  for (const unit of world.units.values())
    if ((unit.status === 'idle' || unit.status === 'returning') && !unit.silent && isIn(unit.regionCode)) free++
  return free === 0 ? { why: 'NO_UNIT_FREE' } : { why: 'UNITS_FREE', facts: { free } }
}

function explainUnit(
  world: WaitWorld,
  kind: LateKind,
  unit: WaitWorld['units'] extends ReadonlyMap<string, infer U> ? U : never,
  incident: IncidentView,
): Reasoned {
  if (unit.silent) return { why: 'UNIT_SILENT' }
  if (kind === 'acknowledge') return { why: unit.acknowledgedAt === undefined ? 'CREW_SILENT' : 'CREW_NOT_ROLLING' }
  if (kind === 'roll') return { why: 'CREW_NOT_ROLLING' }
  if (kind === 'scene') return { why: 'LONG_ON_SCENE' }
  if (kind === 'handover') {
    const place = unit.destinationId === undefined ? undefined : world.places.get(unit.destinationId)
    let waiting = 0
    for (const other of world.units.values())
      if (
        other.unitId !== unit.unitId &&
        other.destinationId !== undefined &&
        other.destinationId === unit.destinationId &&
        waitOfStatus[other.status] === 'handover'
      )
        waiting++
    return { why: 'HOSPITAL_QUEUE', facts: { place: place?.name ?? '—', waiting } }
  }
  if (unit.lon === undefined || unit.lat === undefined) return { why: 'POSITION_UNKNOWN' }
  const km = getKm({ lon: unit.lon, lat: unit.lat }, incident).toFixed(1)
  return { why: (unit.speedKmh ?? 0) < 5 ? 'STANDING' : 'FAR', facts: { km } }
}

/** Everything late now in the regions asked for, worst against its own limit first. `isIn` says which regions count. */
export function listLate(world: WaitWorld, now: number, isIn: (regionCode: string) => boolean = () => true): Late[] {
  const found: Late[] = []
  const ringing = [...world.calls.values()].filter(
    call =>
      call.answeredAt === undefined &&
      call.abandonedAt === undefined &&
      call.incidentId === undefined &&
      call.outcome === undefined,
  ).length
  for (const call of world.calls.values()) {
    if (!isIn(call.regionCode)) continue
    const { callId, regionCode, level } = call
    const of = { callId, regionCode, ...(level === undefined ? {} : { level }) }
    if (call.callback?.state === 'open') {
      const { dueAt, attempts } = call.callback
      const overMs = waitLimits.callback![1]
      if (now - dueAt > overMs)
        found.push({
          ...of,
          kind: 'callback',
          since: dueAt,
          overMs,
          why: attempts > 0 ? 'CALLBACK_TRIED' : 'CALLBACK_UNTRIED',
          facts: { attempts },
        })
      continue
    }
    const isWaiting =
      call.answeredAt === undefined &&
      call.abandonedAt === undefined &&
      call.incidentId === undefined &&
      call.outcome === undefined
    const overMs = waitLimits.answer![1]
    if (isWaiting && now - call.receivedAt > overMs)
      found.push({
        ...of,
        kind: 'answer',
        since: call.receivedAt,
        overMs,
        why: ringing > 1 ? 'SEATS_BUSY' : 'NOBODY_ANSWERED',
        facts: { waiting: ringing - 1 },
      })
  }
  for (const incident of world.incidents.values()) {
    if (incident.state === 'closed' || !isIn(incident.regionCode)) continue
    const { incidentId, regionCode, level } = incident
    if (incident.transfer) {
      const { toCode, at } = incident.transfer
      const overMs = waitLimits.transfer![1]
      if (now - at > overMs)
        found.push({
          incidentId,
          regionCode,
          level,
          kind: 'transfer',
          since: at,
          overMs,
          why: 'TRANSFER_PENDING',
          facts: { toCode },
        })
    }
    if (incident.unitIds.length === 0) {
      const since = incident.requeuedAt ?? incident.openedAt
      const overMs = dispatchLimitMs[level] ?? 30 * min
      // A case that was served and only waits to be closed is nobody's delay.
      const wasServed = incident.stamps.some(stamp => stamp.stamp === 'on-scene')
      if (!wasServed && now - since > overMs) {
        const reason = explainDispatch(world, incident, isIn)
        found.push({ incidentId, regionCode, level, kind: 'dispatch', since, overMs, facts: {}, ...reason })
      }
      continue
    }
    for (const unitId of incident.unitIds) {
      const unit = world.units.get(unitId)
      if (!unit) continue
      const isRolling = unit.status === 'ordered' && unit.acknowledgedAt !== undefined
      const kind = isRolling ? 'roll' : waitOfStatus[unit.status]
      const limit = kind && waitLimits[kind]
      if (!kind || !limit || now - unit.statusAt <= limit[1]) continue
      const reason = explainUnit(world, kind, unit, incident)
      found.push({
        incidentId,
        regionCode,
        level,
        unitId,
        kind,
        since: unit.statusAt,
        overMs: limit[1],
        facts: {},
        ...reason,
      })
    }
  }
  return found.sort((a, b) => (now - b.since) / b.overMs - (now - a.since) / a.overMs || a.since - b.since)
}

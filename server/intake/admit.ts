/**
 * Admit: what came in → one Entry or one Reject. Pure. Normalises first (no NUL, well-formed NFC strings, finite numbers,
 * no -0), so that live and replay see one object; then judges shape, sender, time and place. Personal fields are still plain
 * here and are sealed by the caller before the entry goes any further.
 */

import { type CardFacts, judgeCard } from '#contract/cards.ts'
import {
  type Actor,
  commandLifeMs,
  depthMax,
  type Entry,
  futureToleranceMs,
  getBodySchema,
  isKind,
  type Kind,
  kinds,
  Submission,
} from '#contract/entry.ts'
import { type Reject, reject } from '#contract/errors.ts'
import { getDayIndex, getHourIndex, parseDay } from '#contract/scalars.ts'
import type { Incident, World } from '../state/world.ts'
import { codeComplaint } from './codes.ts'
import { isPlainPosition, type PlainPosition } from './plain.ts'

/** Who is speaking, as far as the door must know. */
export type Speaker = {
  /** The source an entry gets when it names none. */
  source: string
  actor?: Actor
  /** True for gateways and players, which speak for many sources. */
  isRelay: boolean
  /** Refusal for a kind this speaker may not say, or a unit or alert it may not speak for. */
  judge(kind: Kind, body: Readonly<Record<string, unknown>>): Reject | undefined
  /** True when a region lies in the speaker's scope. */
  covers(regionCode: string): boolean
}

export type Door = { now: number; receivedAt: number; speaker: Speaker; world: World }

/** A command may ask for a longer life than 15 s, up to this. */
const commandLifeMaxMs = 10 * 60_000

/** Walks a JSON value: refuses bad text, numbers and depth, returns it in normal form. */
function normalise(value: unknown, path: string, depth: number): { value: unknown } | Reject {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0') || !value.isWellFormed()) return reject('TEXT_INVALID', { path })
      return { value: value.normalize('NFC') }
    case 'number':
      if (!Number.isFinite(value)) return reject('NUMBER_INVALID', { path })
      return { value: value === 0 ? 0 : value }
    case 'object': {
      if (value === null) return { value }
      if (depth > depthMax) return reject('DEPTH_EXCEEDED', { max: depthMax })
      if (Array.isArray(value)) {
        const items: unknown[] = []
        for (const [i, item] of value.entries()) {
          const done = normalise(item, `${path}[${i}]`, depth + 1)
          if ('code' in done) return done
          items.push(done.value)
        }
        return { value: items }
      }
      const record: Record<string, unknown> = {}
      for (const key of Object.keys(value)) {
        if (key.includes('\0') || !key.isWellFormed()) return reject('TEXT_INVALID', { path })
        // Copied by assignment it would become the record's prototype and speak through every missing field.
        if (key === '__proto__')
          return reject('SHAPE_INVALID', { path: path === '' ? key : `${path}.${key}`, why: 'forbidden key' })
        const done = normalise((value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`, depth + 1)
        if ('code' in done) return done
        record[key] = done.value
      }
      return { value: record }
    }
    default:
      return { value }
  }
}

type Issue = { path: PropertyKey[]; message: string }

function refuseShape(issue: Issue | undefined, prefix: string): Reject {
  const path = [prefix, ...(issue?.path ?? []).map(String)].filter(part => part !== '').join('.')
  return reject('SHAPE_INVALID', { path, why: (issue?.message ?? '').slice(0, 160) })
}

type Located = { lon?: unknown; lat?: unknown }

/** Longitude or latitude is the trouble: says whether the two are swapped or simply out of range. */
function refuseLocation({ lon, lat }: Located): Reject | undefined {
  if (typeof lon !== 'number' || typeof lat !== 'number') return undefined
  if (Math.abs(lon) <= 180 && Math.abs(lat) <= 90) return undefined
  return Math.abs(lat) <= 180 && Math.abs(lon) <= 90 ? reject('LOCATION_SWAPPED') : reject('LOCATION_OUT_OF_RANGE')
}

/** Degrees around the published region centres inside which a swapped pair is recognised: a province is not wider. */
const nearDeg = 3

function isNear(world: World, lon: number, lat: number): boolean {
  for (const region of world.regions.values())
    if (Math.abs(region.lon - lon) <= nearDeg && Math.abs(region.lat - lat) <= nearDeg) return true
  return false
}

function findSwap(world: World, { lon, lat }: Located): Reject | undefined {
  if (typeof lon !== 'number' || typeof lat !== 'number' || world.regions.size === 0) return undefined
  return !isNear(world, lon, lat) && isNear(world, lat, lon) ? reject('LOCATION_SWAPPED') : undefined
}

type Named = {
  unitId?: string
  incidentId?: string
  fromIncidentId?: string
  mergedId?: string
  placeId?: string
  callId?: string
  callIds?: readonly string[]
  alertId?: string
  regionCode?: string
  facilityId?: string
  period?: string
  alertIds?: readonly string[]
  eventId?: string
  cardId?: string
}

/** Kinds that create the very thing they name. */
const registers: ReadonlySet<Kind> = new Set([
  'unit.registered',
  'incident.opened',
  'region.published',
  'place.registered',
])

/** Kinds about an incident that a centre which only sees it may say: to note, to answer an offer or a question for help. */
const sharedKinds: ReadonlySet<Kind> = new Set([
  'incident.noted',
  'incident.transferAccepted',
  'incident.transferRefused',
  'incident.aidRefused',
])
/** What a unit or its crew says about its own task, wherever the incident lies. */
const ownTaskKinds: ReadonlySet<Kind> = new Set([
  'unit.status',
  'unit.vitals',
  'unit.taskAcknowledged',
  'incident.stamped',
  'hospital.notified',
])
/** What a desk may say of a neighbour's unit while it serves a case of its own, beside what is about the case itself. */
const guidingKinds: ReadonlySet<Kind> = new Set(['unit.status', 'unit.taskAcknowledged', 'hospital.notified'])
/** Kinds in which a hospital speaks of itself: its own region counts, not that of the unit or the case. */
const hospitalKinds: ReadonlySet<Kind> = new Set(['hospital.stateReported', 'hospital.noticeAcknowledged'])

/** True when this speaker's centre answers for the incident: its owner, or the region it lies in until it was handed over. */
function answersFor(incident: Incident, speaker: Speaker): boolean {
  if (incident.ownerCode !== undefined && speaker.covers(incident.ownerCode)) return true
  const isHandedOver = incident.stamps.some(row => row.stamp === 'transfer-accepted')
  return !isHandedOver && speaker.covers(incident.regionCode)
}

/** The refusal of what is said about an incident: foreign when it is not seen at all, owned elsewhere when it is. */
function findForeignIncident(incident: Incident, kind: Kind, body: Named, door: Door): Reject | undefined {
  const { speaker, world } = door
  if (answersFor(incident, speaker)) return undefined
  const seen = [incident.regionCode, ...(incident.visibleTo ?? [])].some(code => speaker.covers(code))
  if (seen && sharedKinds.has(kind)) return undefined
  const unit = body.unitId === undefined ? undefined : world.units.get(body.unitId)
  // A neighbour that was asked sends a unit of its own.
  const isAsked = (incident.aid ?? []).some(row => row.answeredAt === undefined && speaker.covers(row.ofCode))
  if (isAsked && kind === 'incident.unitAssigned') return undefined
  // A unit sent across the border stamps the incident it was sent to, also late.
  const isOwnTask =
    ownTaskKinds.has(kind) &&
    (unit?.nextIncidentId === incident.incidentId ||
      incident.stamps.some(row => row.unitId === body.unitId && row.stamp === 'ordered'))
  if (isOwnTask) return undefined
  return seen
    ? reject('INCIDENT_FOREIGN', {
        incidentId: incident.incidentId,
        owner: world.regions.get(incident.ownerCode ?? incident.regionCode)?.name ?? incident.regionCode,
      })
    : reject('REGION_FOREIGN', { regionCode: incident.regionCode })
}

/** Incidents an entry names: what is not known has no region, the world refuses it. */
function listIncidents(world: World, body: Named): Incident[] {
  const ids = [body.incidentId, body.fromIncidentId, body.mergedId]
  return ids.flatMap(id => (id === undefined ? [] : (world.incidents.get(id) ?? [])))
}

/**
 * Every region an entry reaches into beside its incidents: its own, and those of the things it names. A desk that may not see a
 * unit or a call may not move it either, whatever region it writes beside it. Unknown things have none: the world refuses them.
 */
function listRegions(world: World, body: Named, kind: Kind): string[] {
  const unit = body.unitId === undefined ? undefined : world.units.get(body.unitId)
  // A neighbour's unit on our case is ours to order back or to guide while it serves it.
  const isLent =
    unit?.incidentId !== undefined &&
    (kind.startsWith('incident.') || guidingKinds.has(kind)) &&
    unit.incidentId === (body.fromIncidentId ?? body.incidentId)
  const isHospital = hospitalKinds.has(kind)
  const codes = [
    body.regionCode,
    isLent || isHospital ? undefined : unit?.regionCode,
    body.alertId === undefined ? undefined : world.alerts.get(body.alertId)?.regionCode,
    body.callId === undefined ? undefined : world.calls.get(body.callId)?.regionCode,
    isHospital && body.placeId !== undefined ? world.places.get(body.placeId)?.regionCode : undefined,
    kind === 'count.reported' && body.facilityId !== undefined
      ? world.places.get(body.facilityId)?.regionCode
      : undefined,
    ...(kind === 'incident.split' ? [] : (body.callIds ?? []).map(callId => world.calls.get(callId)?.regionCode)),
    ...(body.alertIds ?? []).map(alertId => world.alerts.get(alertId)?.regionCode),
    body.eventId === undefined ? undefined : world.events.get(body.eventId)?.regionCode,
    body.cardId === undefined ? undefined : world.cards.get(body.cardId)?.regionCode,
    body.cardId === undefined ? undefined : world.drafts.get(body.cardId)?.regionCode,
  ]
  return [...new Set(codes.filter(code => code !== undefined))]
}

/** The refusals that depend on who speaks about what; undefined when there is none. */
function findForeign(kind: Kind, body: Named, door: Door): Reject | undefined {
  const { world, speaker } = door
  if (body.unitId !== undefined && kind !== 'unit.registered') {
    if (!world.units.has(body.unitId)) return reject('UNIT_UNKNOWN', { unitId: body.unitId })
  }
  if (body.facilityId !== undefined && !world.places.has(body.facilityId))
    return reject('PLACE_UNKNOWN', { placeId: body.facilityId })
  const isCard = kind === 'report.received' || kind === 'report.drafted' || kind === 'report.corrected'
  if (isCard && body.placeId !== undefined && !world.places.has(body.placeId))
    return reject('PLACE_UNKNOWN', { placeId: body.placeId })
  if (kind === 'region.published') return undefined
  // The first publication of a tree and the things registered with it find no tree yet: the sender's own scope is enough.
  if (world.regions.size === 0) return undefined
  for (const regionCode of listRegions(world, body, kind)) {
    if (!world.regions.has(regionCode)) return reject('REGION_UNKNOWN', { regionCode })
    if (!speaker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
  }
  if (hospitalKinds.has(kind)) return undefined
  for (const incident of listIncidents(world, body)) {
    const foreign = findForeignIncident(incident, kind, body, door)
    if (foreign) return foreign
  }
  return undefined
}

function findBadPeriod(period: string, now: number): Reject | undefined {
  const day = parseDay(period.slice(0, 10))
  if (day === undefined) return reject('DAY_INVALID', { day: period })
  const ahead = period.length === 10 ? day > getDayIndex(now) : day * 24 + Number(period.slice(11)) > getHourIndex(now)
  return ahead ? reject('TIME_IN_FUTURE', { aheadS: 3_600 }) : undefined
}

/** What a new card or draft has against itself; a correction is judged in the world, which holds the rest of the card. */
function findBadCard(kind: Kind, body: Record<string, unknown>, latestAt: number): Reject | undefined {
  // Who the person is, is said by the door alone.
  delete body.personKeys
  if (kind === 'report.received') return judgeCard({ filedAt: latestAt, ...body } as CardFacts)
  return kind === 'report.drafted' ? judgeCard(body as CardFacts) : undefined
}

/** Codes the complaint of a text the sender did not code. */
function addComplaint(body: Record<string, unknown>): void {
  if (typeof body.complaintText === 'string' && body.complaint === undefined)
    body.complaint = codeComplaint(body.complaintText)
}

/** The judgements of admit for a position whose form needs none, in the same order. */
function admitPosition(said: PlainPosition, door: Door): Entry | Reject {
  const { kind, body } = said
  const { speaker } = door
  const forbidden = speaker.judge(kind, {})
  if (forbidden) return forbidden
  const source = said.source ?? speaker.source
  if (source !== speaker.source && !speaker.isRelay) return reject('SOURCE_FOREIGN', { source })
  const objection = speaker.judge(kind, body)
  if (objection) return objection
  const aheadMs = said.occurredAt - door.now
  if (aheadMs > futureToleranceMs) return reject('TIME_IN_FUTURE', { aheadS: Math.round(aheadMs / 1_000) })
  const refused = findForeign(kind, body, door) ?? findSwap(door.world, body)
  if (refused) return refused
  const entry: Entry = {
    seq: 0,
    loggedAt: 0,
    kind,
    source,
    epoch: said.epoch,
    sourceSeq: said.seq,
    occurredAt: said.occurredAt,
    receivedAt: door.receivedAt,
    body,
  }
  if (speaker.actor) entry.actor = speaker.actor
  return entry
}

/** Admits one item of a request. */
export function admit(raw: unknown, door: Door): Entry | Reject {
  if (isPlainPosition(raw)) return admitPosition(raw, door)
  const normal = normalise(raw, '', 0)
  if ('code' in normal) return normal
  const envelope = Submission.safeParse(normal.value)
  if (!envelope.success) return refuseShape(envelope.error.issues[0], '')
  const submission = envelope.data
  if (!isKind(submission.kind)) return reject('KIND_UNKNOWN', { kind: submission.kind })
  const kind = submission.kind
  const { speaker } = door
  const forbidden = speaker.judge(kind, {})
  if (forbidden) return forbidden
  const hasSeq = submission.epoch !== undefined && submission.seq !== undefined
  if (!hasSeq && submission.uuid === undefined) return reject('KEY_MISSING')
  const source = submission.source ?? speaker.source
  if (source !== speaker.source && !speaker.isRelay) return reject('SOURCE_FOREIGN', { source })
  const located = refuseLocation(submission.body as Located)
  if (located) return located
  const shaped = getBodySchema(kind).safeParse(submission.body)
  if (!shaped.success) return refuseShape(shaped.error.issues[0], 'body')
  const body = shaped.data as Named & Located & { count?: number; denominator?: number }
  const objection = speaker.judge(kind, body as Readonly<Record<string, unknown>>)
  if (objection) return objection
  const aheadMs = submission.occurredAt - door.now
  if (aheadMs > futureToleranceMs && !(kind === 'clock.ticked' && speaker.isRelay))
    return reject('TIME_IN_FUTURE', { aheadS: Math.round(aheadMs / 1_000) })
  const foreign = findForeign(kind, body, door)
  if (foreign) return foreign
  if (!registers.has(kind) || kind === 'incident.opened') {
    const swapped = findSwap(door.world, body)
    if (swapped) return swapped
  }
  if (body.period !== undefined) {
    const bad = findBadPeriod(body.period, door.now)
    if (bad) return bad
  }
  if (body.denominator !== undefined && body.count !== undefined && body.denominator < body.count)
    return reject('SHAPE_INVALID', { path: 'body.denominator', why: 'smaller than the count' })
  if (kind.startsWith('report.')) {
    // A device's clock may run ahead as far as anywhere.
    const latestAt = Math.max(door.receivedAt, submission.occurredAt) + futureToleranceMs
    const bad = findBadCard(kind, body as Record<string, unknown>, latestAt)
    if (bad) return bad
  }
  addComplaint(body as Record<string, unknown>)
  const isCommand = kinds[kind].family === 'command'
  const lifeMs =
    submission.expiresAt === undefined
      ? commandLifeMs
      : Math.min(submission.expiresAt - door.receivedAt, commandLifeMaxMs)
  return {
    seq: 0,
    loggedAt: 0,
    kind,
    source,
    ...(hasSeq ? { epoch: submission.epoch, sourceSeq: submission.seq } : { uuid: submission.uuid }),
    ...(speaker.actor ? { actor: speaker.actor } : {}),
    occurredAt: submission.occurredAt,
    receivedAt: door.receivedAt,
    ...(isCommand && submission.expects ? { expects: submission.expects } : {}),
    ...(isCommand ? { expiresAt: door.receivedAt + lifeMs } : {}),
    body,
  } as unknown as Entry
}

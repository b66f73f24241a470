/**
 * Calls: from ring to hang-up. Who rang (by keyed hash), where, of which kind, who picked up, and what must still be done:
 * ring back, hand over, settle. Six in ten end without a run, so an outcome is as good an end as an incident. A call is also
 * a witness: its syndrome counts in the series of source kind `call-120`. What ranks low rings late; nothing is dropped.
 */
import { type BodyOf, done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { dayMs } from '#contract/scalars.ts'
import { addCallToSeries, moveCallInSeries } from './series.ts'
import { addStamp, stampCall } from './stamps.ts'
import type { Call, NumberRecord, Touched, World } from './world.ts'

/** Positions kept of one caller, newest last. */
export const positionsMax = 16
/** Conferences and transfers kept of one call. */
export const partiesMax = 32
/** Linked transfers kept of one call. */
export const linksMax = 16
/** Calls one incident may hold: a crash on a motorway brings dozens. */
export const callsOnIncidentMax = 200
/** Calls remembered by id of one number. */
export const numberCallsMax = 20
/** Numbers remembered at once: 2,000 calls a day × 30 days, and as much again. */
export const numbersMax = 120_000
/** Whoever hung up is rung back within a minute (DECISIONS 39), and again after two when nobody answers. */
export const callbackDueMs = 60_000
export const callbackAgainMs = 120_000
/** A nuisance mark without an end stands for 30 days; nobody may mark for longer than 180. */
export const nuisanceMs = 30 * dayMs
export const nuisanceMaxMs = 180 * dayMs
/** A position older than the newest by more than this is history: the caller may have moved. */
export const positionFreshMs = 10 * 60_000

type Position = NonNullable<Call['positions']>[number]

function refuse(code: string, params: Record<string, string | number>): Outcome {
  return { result: 'refused', code, params }
}

function refuseUnknown(callId: string): Outcome {
  return refuse('CALL_UNKNOWN', { callId })
}

/** True while a nuisance mark counts. */
export function isMarked(record: NumberRecord | undefined, now: number): boolean {
  return record?.mark !== undefined && record.mark.expiresAt > now
}

/**
 * The position that is shown: the newest word of a person; else the narrowest of those not older than ten minutes than the
 * newest, the newer of two equals. Undefined without any.
 */
export function choosePosition(positions: readonly Position[]): Position | undefined {
  const newestAt = Math.max(...positions.map(one => one.at))
  let best: Position | undefined
  for (const one of positions) {
    const isWord = one.positionSource === 'map' || one.positionSource === 'manual'
    const isBestWord = best?.positionSource === 'map' || best?.positionSource === 'manual'
    if (!isWord && one.at < newestAt - positionFreshMs) continue
    if (best === undefined || (isWord && (!isBestWord || one.at >= best.at))) best = one
    else if (
      !isWord &&
      !isBestWord &&
      (one.radiusM < best.radiusM || (one.radiusM === best.radiusM && one.at >= best.at))
    )
      best = one
  }
  return best
}

function addPosition(call: Call, position: Position): void {
  const positions = [...(call.positions ?? []), position].sort((a, b) => a.at - b.at).slice(-positionsMax)
  call.positions = positions
  const best = choosePosition(positions)!
  call.lon = best.lon
  call.lat = best.lat
  call.radiusM = best.radiusM
  call.positionSource = best.positionSource
}

/** Notes the call under its number; a callback still open for an earlier call is done: the caller rang again. */
function countNumber(world: World, call: Call, touched: Touched): void {
  const { numberHash } = call
  if (numberHash === undefined) return
  const held = world.numbers.get(numberHash)
  // Newest last, so that the oldest number is the first to give way.
  world.numbers.delete(numberHash)
  const record: NumberRecord = held ?? { numberHash, callIds: [], callCount: 0, lastAt: call.receivedAt }
  if (isMarked(held, call.receivedAt)) {
    call.isNuisance = true
    call.rank = Math.max(call.rank ?? 0, 1)
  }
  if (record.callCount > 0) call.earlierCalls = record.callCount
  for (const callId of record.callIds) {
    const earlier = world.calls.get(callId)
    if (earlier?.callback?.state !== 'open') continue
    earlier.callback = { ...earlier.callback, state: 'rang-again', closedAt: call.receivedAt }
    earlier.outcome ??= 'repeat'
    touched.calls.add(callId)
  }
  record.callIds = [...record.callIds, call.callId].slice(-numberCallsMax)
  record.callCount++
  record.lastAt = Math.max(record.lastAt, call.receivedAt)
  world.numbers.set(numberHash, record)
  if (world.numbers.size > numbersMax) {
    for (const [key, one] of world.numbers) {
      // A mark is a decision of a person: it goes by its own time alone.
      if (isMarked(one, world.city.now)) continue
      world.numbers.delete(key)
      break
    }
  }
}

/** A call rings. A call id is counted once; a second call under the same id is refused. */
export function applyCall(world: World, entry: EntryOf<'call.received'>, touched: Touched): Outcome {
  const { body } = entry
  if (world.calls.has(body.callId)) return refuse('CALL_EXISTS', { callId: body.callId })
  const call: Call = {
    callId: body.callId,
    regionCode: body.regionCode,
    receivedAt: entry.occurredAt,
    lon: body.lon,
    lat: body.lat,
    level: body.level,
    syndrome: body.complaint?.syndrome,
    complaintCode: body.complaint?.code,
  }
  if (body.callKind !== undefined) call.callKind = body.callKind
  if (body.channel !== undefined) call.channel = body.channel
  if (body.isVerified !== undefined) call.isVerified = body.isVerified
  if (body.numberHash !== undefined) call.numberHash = body.numberHash
  if (body.isOverLimit === true) call.rank = 2
  if (body.lon !== undefined && body.lat !== undefined && body.positionSource !== undefined)
    addPosition(call, {
      positionSource: body.positionSource,
      lon: body.lon,
      lat: body.lat,
      radiusM: body.radiusM ?? 0,
      at: entry.occurredAt,
    })
  countNumber(world, call, touched)
  world.calls.set(body.callId, call)
  touched.calls.add(body.callId)
  // Anybody may press a button a thousand times: such a call counts as a witness once a person or a code stands for it.
  if (call.isVerified === false) call.isUncounted = true
  else addCallToSeries(world, call.syndrome ?? 'unknown', call.regionCode, call.receivedAt, touched)
  return done
}

/** Counts a call that was waiting to be believed. */
function countWitness(world: World, call: Call, touched: Touched): void {
  if (!call.isUncounted) return
  delete call.isUncounted
  addCallToSeries(world, call.syndrome ?? 'unknown', call.regionCode, call.receivedAt, touched)
}

/** A case was opened from a call: it is believed, and what was heard is its syndrome when it had none. */
export function settleWitness(
  world: World,
  call: Call,
  complaint: BodyOf<'incident.opened'>['complaint'],
  touched: Touched,
): void {
  countWitness(world, call, touched)
  if (complaint === undefined || call.syndrome !== undefined) return
  moveCallInSeries(world, 'unknown', complaint.syndrome, call.regionCode, call.receivedAt, touched)
  call.syndrome = complaint.syndrome
  call.complaintCode = complaint.code
}

/**
 * Somebody picked up. The first person stands: a second desk gets CALL_TAKEN with the name. The telephony and the desk tell of
 * one pick-up; the earlier instant is t1.
 */
export function applyAnswer(world: World, entry: EntryOf<'call.answered'>, touched: Touched): Outcome {
  const { callId, seat } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  if (entry.actor) {
    const { accountId, name } = entry.actor
    if (call.answeredById !== undefined && call.answeredById !== accountId)
      return refuse('CALL_TAKEN', { callId, by: call.answeredBy ?? call.answeredById })
    if (call.abandonedAt !== undefined) return refuse('CALL_GONE', { callId })
    call.answeredById = accountId
    call.answeredBy = name
  }
  if (seat !== undefined) call.seat = seat
  countWitness(world, call, touched)
  call.answeredAt = Math.min(call.answeredAt ?? entry.occurredAt, entry.occurredAt)
  const incident = call.incidentId === undefined ? undefined : world.incidents.get(call.incidentId)
  if (incident) {
    addStamp(incident, {
      stamp: 'answered',
      at: call.answeredAt,
      source: entry.actor ? 'key' : 'auto',
      by: nameActor(entry),
    })
    touched.incidents.add(incident.incidentId)
  }
  touched.calls.add(callId)
  return done
}

/**
 * The line closed. Before an answer, and while nothing has become of the call, that is a callback task; after one it is the
 * end of the talk and nothing more. `call.abandoned` and `call.hungUp` differ only in what the telephone system believed.
 */
export function applyHangUp(
  world: World,
  entry: EntryOf<'call.abandoned'> | EntryOf<'call.hungUp'>,
  touched: Touched,
): Outcome {
  const { callId } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  const at = entry.occurredAt
  call.hungUpAt ??= at
  const isOpen = call.answeredAt === undefined && call.incidentId === undefined && call.outcome === undefined
  if (isOpen && call.abandonedAt === undefined) {
    call.abandonedAt = at
    call.callback = { state: 'open', openedAt: at, dueAt: at + callbackDueMs, attempts: 0 }
  }
  touched.calls.add(callId)
  return done
}

/** Adds where the caller is; the best of what is known is shown, the rest is history. */
export function applyLocation(world: World, entry: EntryOf<'call.located'>, touched: Touched): Outcome {
  const { callId, positionSource, lon, lat, radiusM } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  const by = entry.actor ? { by: entry.actor.name } : {}
  addPosition(call, { positionSource, lon, lat, radiusM, at: entry.occurredAt, ...by })
  touched.calls.add(callId)
  return done
}

/** Adds what the desk heard. Another syndrome moves the call's count instead of counting it twice. */
export function applyDescription(world: World, entry: EntryOf<'call.described'>, touched: Touched): Outcome {
  const { body } = entry
  const call = world.calls.get(body.callId)
  if (!call) return refuseUnknown(body.callId)
  if (body.callKind !== undefined) call.callKind = body.callKind
  if (body.level !== undefined) call.level = body.level
  if (body.complaint !== undefined) {
    countWitness(world, call, touched)
    const before = call.syndrome ?? 'unknown'
    if (before !== body.complaint.syndrome)
      moveCallInSeries(world, before, body.complaint.syndrome, call.regionCode, call.receivedAt, touched)
    call.syndrome = body.complaint.syndrome
    call.complaintCode = body.complaint.code
  }
  touched.calls.add(call.callId)
  return done
}

/** Third parties: brought in, or handed to. */
export function applyParty(
  world: World,
  entry: EntryOf<'call.conferenced'> | EntryOf<'call.transferred'>,
  touched: Touched,
): Outcome {
  const call = world.calls.get(entry.body.callId)
  if (!call) return refuseUnknown(entry.body.callId)
  const at = entry.occurredAt
  const party =
    entry.kind === 'call.conferenced'
      ? { way: 'conference' as const, partyKind: entry.body.partyKind, party: entry.body.party, at }
      : { way: 'transfer' as const, partyKind: entry.body.toKind, party: entry.body.to, at }
  call.parties = [...(call.parties ?? []), party].slice(-partiesMax)
  touched.calls.add(call.callId)
  return done
}

export function applyRecording(world: World, entry: EntryOf<'call.recorded'>, touched: Touched): Outcome {
  const call = world.calls.get(entry.body.callId)
  if (!call) return refuseUnknown(entry.body.callId)
  call.recordingRef = entry.body.recordingRef
  touched.calls.add(call.callId)
  return done
}

/** Closes an open callback task, if there is one. */
function settleCallback(call: Call, state: NonNullable<Call['callback']>['state'], at: number): void {
  if (call.callback?.state === 'open') call.callback = { ...call.callback, state, closedAt: at }
}

/** Joins a call to an open incident: both records stay, the crews see it in the incident's version. */
export function applyJoin(world: World, entry: EntryOf<'call.joined'>, touched: Touched): Outcome {
  const { callId, incidentId } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  if (call.incidentId !== undefined) return refuse('CALL_SETTLED', { callId, incidentId: call.incidentId })
  const incident = world.incidents.get(incidentId)
  if (!incident) return refuse('INCIDENT_UNKNOWN', { incidentId })
  if (incident.state === 'closed') return refuse('INCIDENT_CLOSED', { incidentId })
  if (incident.callIds.length >= callsOnIncidentMax)
    return refuse('INCIDENT_FULL', { incidentId, max: callsOnIncidentMax })
  incident.callIds = [...incident.callIds, callId]
  incident.version++
  addStamp(incident, {
    stamp: 'joined',
    at: entry.occurredAt,
    source: entry.actor ? 'key' : 'auto',
    by: nameActor(entry),
  })
  stampCall(incident, call)
  call.incidentId = incidentId
  call.outcome ??= 'repeat'
  settleCallback(call, 'settled', entry.occurredAt)
  touched.calls.add(callId)
  touched.incidents.add(incidentId)
  return done
}

/** One try to ring back: reached ends the task, anything else makes it due again. */
export function applyCallback(world: World, entry: EntryOf<'call.calledBack'>, touched: Touched): Outcome {
  const { callId, result } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  if (call.callback?.state !== 'open') return refuse('CALLBACK_NONE', { callId })
  const at = entry.occurredAt
  const by = nameActor(entry)
  call.callback = {
    ...call.callback,
    attempts: call.callback.attempts + 1,
    lastResult: result,
    lastBy: by,
    dueAt: at + callbackAgainMs,
    ...(result === 'reached' ? { state: 'reached' as const, closedAt: at } : {}),
  }
  touched.calls.add(callId)
  return done
}

/** The task is given up, with the reason and who said so. */
export function applyCallbackEnd(world: World, entry: EntryOf<'call.callbackGivenUp'>, touched: Touched): Outcome {
  const { callId, reason } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  if (call.callback?.state !== 'open') return refuse('CALLBACK_NONE', { callId })
  settleCallback(call, 'given-up', entry.occurredAt)
  call.callback = { ...call.callback, reason, lastBy: nameActor(entry) }
  call.outcome ??= 'abandoned'
  touched.calls.add(callId)
  return done
}

/** A case goes to another service, or comes from one; its clock runs until the other side (or our desk) acknowledges. */
export function applyLink(world: World, entry: EntryOf<'call.linked'>, touched: Touched): Outcome {
  const { callId, linkId, direction, service, reference } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  if (call.links?.some(link => link.linkId === linkId)) return refuse('LINK_EXISTS', { linkId })
  const link = {
    linkId,
    direction,
    service,
    at: entry.occurredAt,
    by: nameActor(entry),
    ...(reference === undefined ? {} : { reference }),
  }
  call.links = [...(call.links ?? []), link].slice(-linksMax)
  touched.calls.add(callId)
  return done
}

/** The first acknowledgement stands; a second one changes nothing. */
export function applyLinkAcknowledgement(
  world: World,
  entry: EntryOf<'call.linkAcknowledged'>,
  touched: Touched,
): Outcome {
  const { callId, linkId, reference, by } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  const held = call.links?.find(link => link.linkId === linkId)
  if (!held) return refuse('LINK_UNKNOWN', { linkId })
  if (held.acknowledgedAt !== undefined) return done
  const acknowledged = {
    ...held,
    acknowledgedAt: entry.occurredAt,
    acknowledgedBy: by ?? nameActor(entry),
    ...(reference === undefined ? {} : { reference }),
  }
  call.links = call.links!.map(link => (link === held ? acknowledged : link))
  touched.calls.add(callId)
  return done
}

export function applyVerification(world: World, entry: EntryOf<'call.verified'>, touched: Touched): Outcome {
  const call = world.calls.get(entry.body.callId)
  if (!call) return refuseUnknown(entry.body.callId)
  call.isVerified = true
  countWitness(world, call, touched)
  touched.calls.add(call.callId)
  return done
}

/** Marks the number of a call, or takes the mark away; calls of it that still ring change their rank at once. */
export function applyNumberMark(world: World, entry: EntryOf<'number.marked'>, touched: Touched): Outcome {
  const { callId, isNuisance, reason, expiresAt } = entry.body
  const call = world.calls.get(callId)
  if (!call) return refuseUnknown(callId)
  const record = call.numberHash === undefined ? undefined : world.numbers.get(call.numberHash)
  if (!record) return refuse('CALL_NUMBER_UNKNOWN', { callId })
  const at = entry.occurredAt
  if (isNuisance)
    record.mark = {
      by: nameActor(entry),
      reason,
      at,
      expiresAt: Math.min(expiresAt ?? at + nuisanceMs, at + nuisanceMaxMs),
    }
  else delete record.mark
  for (const each of record.callIds) {
    const one = world.calls.get(each)
    if (!one) continue
    one.isNuisance = isMarked(record, at)
    if (one.rank !== 2) one.rank = one.isNuisance ? 1 : 0
    touched.calls.add(each)
  }
  return done
}

/** What became of a call, in one word. Ends the callback too: somebody has decided. */
export function applyCallEnd(world: World, entry: EntryOf<'call.ended'>, touched: Touched): Outcome {
  const call = world.calls.get(entry.body.callId)
  if (!call) return refuseUnknown(entry.body.callId)
  call.outcome = entry.body.outcome
  call.endedAt = entry.occurredAt
  call.endedBy = nameActor(entry)
  settleCallback(call, 'settled', entry.occurredAt)
  touched.calls.add(call.callId)
  return done
}

/** A person is forgotten: the number's hash leaves the call, and the call leaves the number. */
export function applyForgotten(world: World, entry: EntryOf<'person.forgotten'>, touched: Touched): Outcome {
  const { recordKind, recordId } = entry.body
  const call = recordKind === 'call' ? world.calls.get(recordId) : undefined
  if (recordKind !== 'call') return done
  for (const record of call?.numberHash === undefined ? world.numbers.values() : listNumber(world, call.numberHash)) {
    if (!record.callIds.includes(recordId)) continue
    record.callIds = record.callIds.filter(id => id !== recordId)
    record.callCount--
    if (record.callIds.length === 0) world.numbers.delete(record.numberHash)
  }
  if (call) {
    delete call.numberHash
    touched.calls.add(recordId)
  }
  return done
}

function listNumber(world: World, numberHash: string): NumberRecord[] {
  const record = world.numbers.get(numberHash)
  return record ? [record] : []
}

/**
 * Slips: numbered paper for the hour without a server. Numbers are given out once, counting up for the whole city; what was written
 * is entered afterwards with the times on the paper, and the number stays on the case. Nothing is renumbered.
 */
import { formatSlipNo } from '#contract/duty.ts'
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { refuse } from './open.ts'
import { addCallToSeries } from './series.ts'
import { addStamp, stampsMax } from './stamps.ts'
import { type Incident, isWithin, type Touched, type World } from './world.ts'

/** Ranges the world remembers; slips of older ones are no longer taken. */
export const slipRangesMax = 500

/** Gives a seat the next free numbers. */
export function applySlipRange(world: World, entry: EntryOf<'slip.rangeIssued'>): Outcome {
  const { rangeId, regionCode, seat, count } = entry.body
  if (world.slipRanges.has(rangeId)) return refuse('SLIP_RANGE_EXISTS', { rangeId })
  const from = (world.city.slipsIssued ?? 0) + 1
  world.city.slipsIssued = from + count - 1
  world.slipRanges.set(rangeId, {
    rangeId,
    regionCode,
    seat,
    from,
    to: from + count - 1,
    issuedAt: entry.loggedAt,
    issuedBy: nameActor(entry),
    used: [],
  })
  for (const rangeOld of world.slipRanges.keys()) {
    if (world.slipRanges.size <= slipRangesMax) break
    world.slipRanges.delete(rangeOld)
  }
  return done
}

/**
 * Enters a slip: the case comes into being with the times on the paper as edits by name. Refused when the number was never issued in
 * this region, or was entered before: two cases under one number would be one case to whoever reads the paper.
 */
export function applySlip(world: World, entry: EntryOf<'slip.entered'>, touched: Touched): Outcome {
  const { body } = entry
  const slip = formatSlipNo(body.slipNo)
  let range: typeof world.slipRanges extends Map<string, infer R> ? R | undefined : never
  for (const held of world.slipRanges.values()) if (body.slipNo >= held.from && body.slipNo <= held.to) range = held
  if (!range || !isWithin(world, body.regionCode, range.regionCode)) return refuse('SLIP_NOT_ISSUED', { slip })
  const twin = range.used.find(row => row.slipNo === body.slipNo)
  if (twin) return refuse('SLIP_TAKEN', { slip, incidentId: twin.incidentId, by: twin.by })
  if (world.incidents.has(body.incidentId)) return refuse('INCIDENT_EXISTS', { incidentId: body.incidentId })
  if (world.calls.has(body.callId)) return refuse('CALL_EXISTS', { callId: body.callId })
  const { stamps } = body
  for (const stamp of stamps) {
    if (stamp.at > entry.loggedAt) return refuse('STAMP_IN_FUTURE', {})
    if (stamp.unitId !== undefined && !world.units.has(stamp.unitId))
      return refuse('UNIT_UNKNOWN', { unitId: stamp.unitId })
  }
  const by = nameActor(entry)
  const first = (name: string) => stamps.filter(s => s.stamp === name).sort((a, b) => a.at - b.at)[0]?.at
  const ringAt = first('ring') ?? Math.min(entry.occurredAt, ...stamps.map(s => s.at))
  const openedAt = first('opened') ?? ringAt
  const syndrome = body.complaint?.syndrome
  const incident: Incident = {
    incidentId: body.incidentId,
    version: 1,
    state: 'open',
    level: body.level,
    regionCode: body.regionCode,
    lon: body.lon,
    lat: body.lat,
    syndrome,
    complaintCode: body.complaint?.code,
    callIds: [body.callId],
    unitIds: [],
    openedAt,
    openedBy: by,
    stamps: [],
    sealedFields: (['complaintText', 'addressText', 'note'] as const).filter(field => body[field] !== undefined),
    noteCount: body.note === undefined ? 0 : 1,
    slipNo: body.slipNo,
  }
  const reason = `纸单 ${slip} slip`
  for (const { stamp, at, unitId } of stamps.slice(0, stampsMax))
    addStamp(incident, {
      stamp,
      at,
      source: 'edit',
      ...(unitId === undefined ? {} : { unitId }),
      by,
      enteredAt: entry.loggedAt,
      reason,
    })
  if (first('ring') === undefined)
    addStamp(incident, { stamp: 'ring', at: ringAt, source: 'edit', by, enteredAt: entry.loggedAt, reason })
  if (body.outcome !== undefined) {
    const closedAt = Math.max(openedAt, ...stamps.map(s => s.at))
    incident.state = 'closed'
    incident.closedAt = closedAt
    incident.outcome = body.outcome
    addStamp(incident, { stamp: 'closed', at: closedAt, source: 'edit', by, enteredAt: entry.loggedAt, reason })
  }
  incident.version = 1
  const answeredAt = first('answered')
  world.calls.set(body.callId, {
    callId: body.callId,
    regionCode: body.regionCode,
    receivedAt: ringAt,
    lon: body.lon,
    lat: body.lat,
    level: body.level,
    syndrome,
    complaintCode: body.complaint?.code,
    incidentId: body.incidentId,
    outcome: 'incident',
    ...(answeredAt === undefined ? {} : { answeredAt, answeredBy: by }),
  })
  world.incidents.set(incident.incidentId, incident)
  range.used.push({ slipNo: body.slipNo, incidentId: body.incidentId, enteredAt: entry.loggedAt, by })
  touched.calls.add(body.callId)
  touched.incidents.add(body.incidentId)
  // The patient was ill then, whoever wrote it down: the witness counts at the time of the ring.
  addCallToSeries(world, syndrome ?? 'unknown', body.regionCode, ringAt, touched)
  return done
}

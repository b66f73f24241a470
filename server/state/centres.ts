/**
 * Centres: which region's centre answers for an incident, who else sees it, and how it is handed over. An offer stands until the
 * other centre takes or refuses it or it is taken back; until then nothing changes hands. A neighbour asked for a unit sees the
 * case and sends one of its own, or says no with a reason.
 */
import { done, type Entry, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { isCommandStale } from './commands.ts'
import { findOpen, refuse } from './open.ts'
import { addStamp, getSource, makeStamp } from './stamps.ts'
import { type Incident, isWithin, type Touched, type Unit, type World } from './world.ts'

/** Centres one incident may be shown to beside its owner. */
export const visibleToMax = 16

function addSight(incident: Incident, code: string): boolean {
  const held = incident.visibleTo ?? []
  if (held.includes(code)) return true
  if (held.length >= visibleToMax) return false
  incident.visibleTo = [...held, code]
  return true
}

/** Takes the sight of a centre away, unless it owns the case or was asked for a unit and has not refused. */
function dropSight(incident: Incident, code: string): void {
  const isAsked = (incident.aid ?? []).some(row => row.ofCode === code && row.refused === undefined)
  if (incident.ownerCode === code || isAsked) return
  incident.visibleTo = (incident.visibleTo ?? []).filter(held => held !== code)
}

/** Offers a case to another centre, which sees it from then on. */
export function applyTransferOffer(
  world: World,
  entry: EntryOf<'incident.transferOffered'>,
  touched: Touched,
): Outcome {
  const { incidentId, toCode, reason } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (incident.transfer) return refuse('TRANSFER_PENDING', { incidentId, toCode: incident.transfer.toCode })
  if (!world.regions.has(toCode)) return refuse('REGION_UNKNOWN', { regionCode: toCode })
  if (incident.ownerCode === toCode) return refuse('TRANSFER_SAME', { toCode })
  if (isCommandStale(entry.expects?.incident, incident.version)) return refuse('VERSION_STALE', { what: incidentId })
  const fromCode = incident.ownerCode ?? entry.actor?.regions[0] ?? incident.regionCode
  if (fromCode === toCode) return refuse('TRANSFER_SAME', { toCode })
  if (!addSight(incident, toCode)) return refuse('TRANSFER_PENDING', { incidentId, toCode })
  incident.transfer = { toCode, fromCode, at: entry.occurredAt, by: nameActor(entry), reason }
  addStamp(incident, { ...makeStamp(entry, 'transfer-offered', getSource(entry)), reason })
  incident.version++
  touched.incidents.add(incidentId)
  touchParts(incident, touched)
  return done
}

/** Units and calls of a case are seen with it: their screens learn it together. */
function touchParts(incident: Incident, touched: Touched): void {
  for (const unitId of incident.unitIds) touched.units.add(unitId)
  for (const callId of incident.callIds) touched.calls.add(callId)
}

/** The refusal of an answer given by the centre that made the offer; a person who sits for both may give it. */
function findOwnAnswer(entry: Entry, incident: Incident): Outcome | undefined {
  const { toCode, fromCode } = incident.transfer!
  const regions = entry.actor?.regions ?? []
  return regions.includes(fromCode) && !regions.includes(toCode) ? refuse('TRANSFER_OWN', { toCode }) : undefined
}

function findOffer(world: World, incidentId: string): { incident: Incident } | { refusal: Outcome } {
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found
  return found.incident.transfer ? found : { refusal: refuse('TRANSFER_UNKNOWN', { incidentId }) }
}

/** The other centre takes the case: it owns it now, the former owner still sees it. */
export function applyTransferAccept(
  world: World,
  entry: EntryOf<'incident.transferAccepted'>,
  touched: Touched,
): Outcome {
  const { incidentId } = entry.body
  const found = findOffer(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const own = findOwnAnswer(entry, incident)
  if (own) return own
  const { toCode, fromCode } = incident.transfer!
  incident.ownerCode = toCode
  addSight(incident, fromCode)
  incident.transfer = undefined
  addStamp(incident, makeStamp(entry, 'transfer-accepted', getSource(entry)))
  incident.version++
  touched.incidents.add(incidentId)
  touchParts(incident, touched)
  return done
}

/** The other centre refuses (reason), or the offer is taken back: the case stays where it was. */
export function applyTransferEnd(
  world: World,
  entry: EntryOf<'incident.transferRefused'> | EntryOf<'incident.transferWithdrawn'>,
  touched: Touched,
): Outcome {
  const { incidentId } = entry.body
  const found = findOffer(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const isRefused = entry.kind === 'incident.transferRefused'
  const own = isRefused ? findOwnAnswer(entry, incident) : undefined
  if (own) return own
  const { toCode } = incident.transfer!
  incident.transfer = undefined
  dropSight(incident, toCode)
  addStamp(incident, {
    ...makeStamp(entry, isRefused ? 'transfer-refused' : 'transfer-withdrawn', getSource(entry)),
    ...(isRefused ? { reason: entry.body.reason } : {}),
  })
  incident.version++
  touched.incidents.add(incidentId)
  touchParts(incident, touched)
  return done
}

/** Asks a neighbour for a unit; it sees the case and may send one of its own. */
export function applyAidAsk(world: World, entry: EntryOf<'incident.aidAsked'>, touched: Touched): Outcome {
  const { incidentId, ofCode, unitClass, reason } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  if (!world.regions.has(ofCode)) return refuse('REGION_UNKNOWN', { regionCode: ofCode })
  const rows = incident.aid ?? []
  if (rows.some(row => row.ofCode === ofCode && row.answeredAt === undefined))
    return refuse('TRANSFER_PENDING', { incidentId, toCode: ofCode })
  if (!addSight(incident, ofCode)) return refuse('TRANSFER_PENDING', { incidentId, toCode: ofCode })
  const asked = { ofCode, at: entry.occurredAt, by: nameActor(entry), reason, ...(unitClass ? { unitClass } : {}) }
  incident.aid = [...rows, asked].slice(-visibleToMax)
  addStamp(incident, { ...makeStamp(entry, 'aid-asked', getSource(entry)), reason })
  incident.version++
  touched.incidents.add(incidentId)
  touchParts(incident, touched)
  return done
}

/** A neighbour cannot help, and says why. */
export function applyAidRefuse(world: World, entry: EntryOf<'incident.aidRefused'>, touched: Touched): Outcome {
  const { incidentId, ofCode, reason } = entry.body
  const found = findOpen(world, incidentId)
  if ('refusal' in found) return found.refusal
  const { incident } = found
  const open = (incident.aid ?? []).find(row => row.ofCode === ofCode && row.answeredAt === undefined)
  if (!open) return refuse('AID_UNKNOWN', { ofCode })
  incident.aid = incident.aid!.map(row =>
    row === open ? { ...row, refused: reason, answeredAt: entry.occurredAt } : row,
  )
  dropSight(incident, ofCode)
  addStamp(incident, { ...makeStamp(entry, 'aid-refused', getSource(entry)), reason })
  incident.version++
  touched.incidents.add(incidentId)
  touchParts(incident, touched)
  return done
}

/** A unit of an asked neighbour that was sent answers the question. */
export function answerAid(world: World, incident: Incident, unit: Unit, at: number): void {
  const open = (incident.aid ?? []).find(
    row => row.answeredAt === undefined && isWithin(world, unit.regionCode, row.ofCode),
  )
  if (!open) return
  incident.aid = incident.aid!.map(row => (row === open ? { ...row, unitId: unit.unitId, answeredAt: at } : row))
  addStamp(incident, { stamp: 'aid-answered', at, source: 'auto', unitId: unit.unitId })
}

/** Sets how a region's centre works. */
export function applyMode(world: World, entry: EntryOf<'region.modeChanged'>, touched: Touched): Outcome {
  const { regionCode, mode, movesPerShiftMax } = entry.body
  const region = world.regions.get(regionCode)
  if (!region) return refuse('REGION_UNKNOWN', { regionCode })
  world.regions.set(regionCode, {
    ...region,
    mode,
    ...(movesPerShiftMax === undefined ? {} : { movesPerShiftMax }),
  })
  touched.regions.add(regionCode)
  return done
}

/**
 * Hand-overs: one shift leaves, the next takes over, both sign by their own account. The sheet is made here, from the world at the
 * instant of the offer, so that nobody writes it and replay makes the same one.
 */
import type { HandoverSheet } from '#contract/duty.ts'
import { sheetAgeMaxMs, sheetRowsMax } from '#contract/duty.ts'
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import type { UnitStatus } from '#contract/scalars.ts'
import { listLate } from '#contract/waits.ts'
import { refuse } from './open.ts'
import { type Handover, isWithin, type Touched, type World } from './world.ts'

/** Hand-overs the world remembers; older ones stand in their table. */
export const handoversMax = 200

const idleStatuses: ReadonlySet<string> = new Set(['idle', 'unavailable'])

/** Makes the sheet of a region as the world is now. */
export function makeSheet(world: World, regionCode: string): HandoverSheet {
  const isIn = (code: string) => isWithin(world, code, regionCode)
  const incidents = [...world.incidents.values()]
    .filter(incident => incident.state === 'open' && isIn(incident.regionCode))
    .sort((a, b) => a.level - b.level || a.openedAt - b.openedAt)
  const units = [...world.units.values()].filter(unit => !idleStatuses.has(unit.status) && isIn(unit.regionCode))
  const callbacks = [...world.calls.values()].filter(call => call.callback?.state === 'open' && isIn(call.regionCode))
  const late = listLate(world as Parameters<typeof listLate>[0], world.city.now, isIn)
  return {
    madeAt: world.city.now,
    incidents: incidents.slice(0, sheetRowsMax).map(incident => ({
      incidentId: incident.incidentId,
      level: incident.level,
      regionCode: incident.regionCode,
      openedAt: incident.openedAt,
      unitIds: [...incident.unitIds],
      noteCount: incident.noteCount,
      ...(incident.syndrome === undefined ? {} : { syndrome: incident.syndrome }),
    })),
    incidentCount: incidents.length,
    units: units.slice(0, sheetRowsMax).map(unit => ({
      unitId: unit.unitId,
      status: unit.status as UnitStatus,
      since: unit.statusAt,
      ...(unit.incidentId === undefined ? {} : { incidentId: unit.incidentId }),
      silent: unit.silent,
    })),
    unitCount: units.length,
    callbacks: callbacks.slice(0, sheetRowsMax).map(call => ({
      callId: call.callId,
      regionCode: call.regionCode,
      dueAt: call.callback!.dueAt,
      attempts: call.callback!.attempts,
    })),
    callbackCount: callbacks.length,
    late: late.slice(0, sheetRowsMax).map(row => ({ ...row, facts: { ...row.facts } })),
    lateCount: late.length,
  }
}

function findOffer(world: World, handoverId: string, regionCode: string): Handover | undefined {
  const found = world.handovers.get(handoverId)
  return found?.regionCode === regionCode ? found : undefined
}

/** The leaving side signs: the sheet is made and stands as it is. One open offer a region. */
export function applyHandoverOffer(world: World, entry: EntryOf<'shift.handoverOffered'>, touched: Touched): Outcome {
  const { handoverId, regionCode, note } = entry.body
  if (!entry.actor) return refuse('SIGNATURE_MISSING', {})
  if (world.handovers.has(handoverId)) return refuse('HANDOVER_EXISTS', { handoverId })
  for (const held of world.handovers.values())
    if (held.state === 'offered' && held.regionCode === regionCode)
      return refuse('HANDOVER_OPEN', { by: held.offeredBy })
  world.handovers.set(handoverId, {
    handoverId,
    regionCode,
    state: 'offered',
    offeredAt: entry.loggedAt,
    offeredBy: entry.actor.name,
    offeredById: entry.actor.accountId,
    ...(note === undefined ? {} : { note }),
    sheet: makeSheet(world, regionCode),
  })
  touched.handovers.add(handoverId)
  for (const [id, held] of world.handovers) {
    if (world.handovers.size <= handoversMax) break
    if (held.state !== 'offered') world.handovers.delete(id)
  }
  return done
}

/** The taking side signs: another account, on a sheet that is still fresh. */
export function applyHandover(world: World, entry: EntryOf<'shift.handedOver'>, touched: Touched): Outcome {
  const { handoverId, regionCode, note } = entry.body
  const offer = findOffer(world, handoverId, regionCode)
  if (!offer) return refuse('HANDOVER_UNKNOWN', { handoverId })
  if (!entry.actor) return refuse('SIGNATURE_MISSING', {})
  if (offer.state !== 'offered') return refuse('HANDOVER_ENDED', { by: offer.endedBy ?? '' })
  if (entry.actor.accountId === offer.offeredById) return refuse('HANDOVER_SELF', {})
  if (entry.loggedAt - offer.offeredAt > sheetAgeMaxMs)
    return refuse('HANDOVER_OLD', { minutes: sheetAgeMaxMs / 60_000 })
  offer.state = 'done'
  offer.endedAt = entry.loggedAt
  offer.endedBy = entry.actor.name
  offer.endedById = entry.actor.accountId
  if (note !== undefined) offer.takerNote = note
  touched.handovers.add(handoverId)
  return done
}

/** An offer is taken back, by either side. */
export function applyHandoverEnd(world: World, entry: EntryOf<'shift.handoverWithdrawn'>, touched: Touched): Outcome {
  const { handoverId, regionCode } = entry.body
  const offer = findOffer(world, handoverId, regionCode)
  if (!offer) return refuse('HANDOVER_UNKNOWN', { handoverId })
  if (offer.state !== 'offered') return refuse('HANDOVER_ENDED', { by: offer.endedBy ?? '' })
  offer.state = 'withdrawn'
  offer.endedAt = entry.loggedAt
  offer.endedBy = nameActor(entry)
  if (entry.actor) offer.endedById = entry.actor.accountId
  touched.handovers.add(handoverId)
  return done
}

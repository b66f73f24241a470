/**
 * Packs: question packs as published, and what was asked of an incident with them. The answers are evaluated here once more, by the
 * evaluator the consoles run: what a level, a capability or a syndrome hangs on is never a browser's word.
 */
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { type PackRunView, packRunsMax, packsMax, runPack } from '#contract/pack.ts'
import { moveCallInSeries } from './series.ts'
import type { Incident, Touched, World } from './world.ts'

/** Publishes one pack; an older version than the one held changes nothing. */
export function applyPack(world: World, { body }: EntryOf<'pack.published'>, touched: Touched): Outcome {
  const held = world.packs.get(body.packId)
  if (held && held.version > body.version) return done
  if (!held && world.packs.size >= packsMax) return { result: 'refused', code: 'PACKS_FULL', params: { max: packsMax } }
  world.packs.set(body.packId, body)
  world.city.packsVersion = (world.city.packsVersion ?? 0) + 1
  touched.city = true
  return done
}

/**
 * Keeps what was asked, evaluates it, and gives the incident and its calls the complaint the answers speak of. A pack of another
 * version than the one held is kept as said and says nothing more. A closed incident is completed too.
 */
export function applyQuestions(world: World, entry: EntryOf<'incident.questioned'>, touched: Touched): Outcome {
  const { body } = entry
  const incident = world.incidents.get(body.incidentId)
  if (!incident) return { result: 'refused', code: 'INCIDENT_UNKNOWN', params: { incidentId: body.incidentId } }
  const pack = world.packs.get(body.packId)
  if (!pack) return { result: 'refused', code: 'PACK_UNKNOWN', params: { packId: body.packId } }
  const run = pack.version === body.packVersion ? runPack(pack, body.answers) : undefined
  const kept: PackRunView = {
    packId: body.packId,
    packVersion: body.packVersion,
    answers: body.answers,
    isEnded: run !== undefined && run.current === undefined,
    ...(run ? { level: run.level } : {}),
    wants: run ? [...run.wants] : [],
    ...(body.externalCode === undefined ? {} : { externalCode: body.externalCode }),
    ...(body.levelReason === undefined ? {} : { levelReason: body.levelReason }),
    at: entry.occurredAt,
    by: nameActor(entry),
  }
  const before = incident.packRuns?.find(each => each.packId === body.packId)
  // Answers travel one entry each: one that was said earlier and came later changes nothing.
  if (before && before.at > kept.at) return done
  incident.packRuns = [...(incident.packRuns ?? []).filter(each => each !== before), kept].slice(-packRunsMax)
  const levels = incident.packRuns.flatMap(each => (each.level === undefined ? [] : [each.level]))
  if (levels.length > 0) incident.proposedLevel = Math.min(...levels)
  else delete incident.proposedLevel
  if (body.note !== undefined && !incident.sealedFields.includes('note')) {
    incident.sealedFields = [...incident.sealedFields, 'note']
  }
  if (run) tellComplaint(world, incident, run.complaintCode, run.syndrome, touched)
  touched.incidents.add(incident.incidentId)
  return done
}

/** The complaint as asked replaces the one guessed from a text; each call's count moves to the syndrome it now has. */
function tellComplaint(
  world: World,
  incident: Incident,
  code: string,
  syndrome: NonNullable<Incident['syndrome']>,
  touched: Touched,
): void {
  incident.complaintCode = code
  incident.syndrome = syndrome
  for (const callId of incident.callIds) {
    const call = world.calls.get(callId)
    if (!call) continue
    const counted = call.syndrome ?? 'unknown'
    if (counted !== syndrome) moveCallInSeries(world, counted, syndrome, call.regionCode, call.receivedAt, touched)
    call.syndrome = syndrome
    call.complaintCode = code
    touched.calls.add(callId)
  }
}

/** The refusal of a level less urgent than the answers propose without a reason; undefined when it may stand. */
export function findUnreasoned(incident: Incident, level: number, reason: string | undefined): Outcome | undefined {
  const proposed = incident.proposedLevel
  if (proposed === undefined || level <= proposed || (reason ?? '').trim() !== '') return undefined
  return { result: 'refused', code: 'LEVEL_REASON_NEEDED', params: { level: proposed } }
}

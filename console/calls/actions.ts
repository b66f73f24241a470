/**
 * What a desk can do to a call: each one command or fact through the one door, under the call's subject, so that a refusal
 * stands beside the call it was given for.
 */
import type { BodyInputOf } from '#contract/entry.ts'
import type { CallKind, LinkedService } from '#contract/scalars.ts'
import type { CallLinkView, CallView } from '#contract/view.ts'
import { subjectOf } from '../incidents/actions.ts'
import { createUuid, noteRefusal, say } from '../live/commands.ts'
import { ask, type Refusal } from '../live/http.ts'

type Said = Promise<Refusal | undefined>

/** Picks a call up; refused with the name when another desk was first. */
export function answerCall({ callId }: CallView): Said {
  return say(subjectOf.call(callId), 'call.answered', { callId })
}

/** Joins a call to an open incident. */
export function joinCall({ callId }: CallView, incidentId: string): Said {
  return say(subjectOf.call(callId), 'call.joined', { callId, incidentId })
}

/** Notes what came of ringing back. */
export function callBack({ callId }: CallView, result: BodyInputOf<'call.calledBack'>['result']): Said {
  return say(subjectOf.call(callId), 'call.calledBack', { callId, result })
}

/** Gives a callback up, with the reason. */
export function giveUpCallback({ callId }: CallView, reason: string): Said {
  return say(subjectOf.call(callId), 'call.callbackGivenUp', { callId, reason })
}

/** Marks the number of a call as a nuisance, or takes the mark away. */
export function markNumber({ callId }: CallView, isNuisance: boolean, reason: string): Said {
  return say(subjectOf.call(callId), 'number.marked', { callId, isNuisance, reason })
}

/** Hands the case of a call to another service; its clock runs until that service acknowledges. */
export function linkCall({ callId }: CallView, service: LinkedService): Said {
  const linkId = `L-${createUuid().slice(0, 13)}`
  return say(subjectOf.call(callId), 'call.linked', { linkId, callId, direction: 'out', service })
}

/** Notes that the other side (or, for a case handed to us, this desk) has acknowledged. */
export function acknowledgeLink({ callId }: CallView, { linkId }: CallLinkView): Said {
  return say(subjectOf.call(callId), 'call.linkAcknowledged', { linkId, callId })
}

/** Says what a call is about. */
export function setCallKind({ callId }: CallView, callKind: CallKind): Said {
  return say(subjectOf.call(callId), 'call.described', { callId, callKind })
}

/** A place somebody pointed at on the map: the dispatcher's word about where the caller is. */
export function pointAtCall(callId: string, lon: number, lat: number): Said {
  return say(subjectOf.call(callId), 'call.located', {
    callId,
    positionSource: 'map',
    lon,
    lat,
    radiusM: pointedRadiusM,
  })
}
/** A click on the map is meant within a building or a crossing. */
const pointedRadiusM = 30

/** Sends the caller a link that gives us the telephone's position; the link itself where no message could be sent. */
export async function askPosition({ callId }: CallView): Promise<{ link: string; isSent: boolean } | undefined> {
  const path = `/v1/calls/${encodeURIComponent(callId)}/position-link`
  const answer = await ask<{ link: string; isSent: boolean }>('POST', path, {})
  if (answer.ok) return answer.value
  noteRefusal(subjectOf.call(callId), 'call.located', answer.refusal)
  return undefined
}

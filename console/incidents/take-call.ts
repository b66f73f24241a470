/**
 * From a call to an incident by one key: pick up (t1), then register. A call that brings place and level becomes an incident at once; one that does
 * not opens the form with what is known, and the missing place is clicked on the map.
 */

import type { CallView } from '#contract/view.ts'
import type { BasemapPack } from '#contract/wire.ts'
import { answerCall } from '../calls/actions.ts'
import { isAddress, listTalking, listWaiting } from '../calls/waiting.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, useDesk } from '../shell/desk.ts'
import { findRegionOf } from '../shell/region-words.ts'
import { useBasemap } from '../shell/regions.ts'
import { createIncidentId, openIncident } from './actions.ts'

/** Registers a call in hand: an incident at once when the call says where and how urgent, else the form. */
export async function registerCall(call: CallView, pack: BasemapPack | null | undefined): Promise<void> {
  const regionCode =
    call.lon === undefined || call.lat === undefined
      ? undefined
      : (findRegionOf({ lon: call.lon, lat: call.lat }, useWorld.getState().regions, pack) ?? call.regionCode)
  // An operator's area is shown and not driven to: the address is asked for.
  if (!isAddress(call) || call.lon === undefined || call.lat === undefined || call.level === undefined || !regionCode) {
    useDesk.setState({
      incidentId: undefined,
      draft: {
        callId: call.callId,
        level: (call.level ?? 3) as 1 | 2 | 3 | 4,
        syndrome: call.syndrome ?? 'unknown',
        ...(call.lon === undefined || call.lat === undefined ? {} : { lon: call.lon, lat: call.lat }),
      },
    })
    return
  }
  const incidentId = createIncidentId()
  const refusal = await openIncident({
    incidentId,
    callIds: [call.callId],
    level: call.level,
    regionCode,
    lon: call.lon,
    lat: call.lat,
    ...(call.syndrome && call.complaintCode
      ? { complaint: { code: call.complaintCode, syndrome: call.syndrome, dictionary: 'call' } }
      : {}),
  })
  if (!refusal) chooseIncident(incidentId)
}

/**
 * Picks a call up and registers it. While a form is open nothing is put into it: the call is answered, waits in the slip, and
 * the next press brings it in.
 */
export async function takeCall(call: CallView, pack: BasemapPack | null | undefined): Promise<void> {
  const desk = useDesk.getState()
  const isRinging = call.answeredAt === undefined && call.abandonedAt === undefined
  const isOwn = call.answeredBy !== undefined && call.answeredBy === desk.seatName
  if (isRinging || (call.abandonedAt === undefined && !isOwn)) {
    // Refused when another desk has it: then it is theirs, and the refusal stands at the call.
    if (await answerCall(call)) return
  }
  if (useDesk.getState().draft === undefined) await registerCall(call, pack)
}

/** Takes the call given, else the one that waits longest, else the own one that is answered and not registered yet. */
export function useTakeCall(): (call?: CallView) => boolean {
  const pack = useBasemap()
  return call => {
    const { calls } = useWorld.getState()
    const { seatName } = useDesk.getState()
    const own = listTalking(calls.values()).find(one => one.answeredBy === seatName)
    const chosen = call ?? listWaiting(calls.values())[0] ?? own
    if (chosen) void takeCall(chosen, pack)
    return chosen !== undefined
  }
}

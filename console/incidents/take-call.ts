/**
 * From a call to an incident by one key. A call that brings place and level becomes an incident at once; one that does
 * not opens the form with what is known, and the missing place is clicked on the map.
 */

import type { CallView } from '#contract/view.ts'
import type { BasemapPack } from '#contract/wire.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, useDesk } from '../shell/desk.ts'
import { findRegionOf } from '../shell/region-words.ts'
import { useBasemap } from '../shell/regions.ts'
import { createIncidentId, openIncident } from './actions.ts'

/** Calls nobody has answered, longest waiting first. */
export function listWaiting(calls: Iterable<CallView>): readonly CallView[] {
  return [...calls]
    .filter(call => !call.incidentId && !call.outcome)
    .sort((a, b) => a.receivedAt - b.receivedAt || (a.callId < b.callId ? -1 : 1))
}

/** Takes a call: an incident at once when the call says where and how urgent, else the form. */
export async function takeCall(call: CallView, pack: BasemapPack | null | undefined): Promise<void> {
  const regionCode =
    call.lon === undefined || call.lat === undefined
      ? undefined
      : (findRegionOf({ lon: call.lon, lat: call.lat }, useWorld.getState().regions, pack) ?? call.regionCode)
  if (call.lon === undefined || call.lat === undefined || call.level === undefined || !regionCode) {
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

/** Takes the call that waits longest, or the one given. */
export function useTakeCall(): (call?: CallView) => void {
  const pack = useBasemap()
  return call => {
    const chosen = call ?? listWaiting(useWorld.getState().calls.values())[0]
    if (chosen) void takeCall(chosen, pack)
  }
}

/**
 * Calls: what rang, where, of which kind. A call is also a witness: its syndrome counts in the series of source kind
 * `call-120`, minutes after onset and hours before a laboratory.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import { addCallToSeries } from './series.ts'
import type { Touched, World } from './world.ts'

/** A call id is counted once; a second call under the same id is refused. */
export function applyCall(world: World, entry: EntryOf<'call.received'>, touched: Touched): Outcome {
  const { body } = entry
  if (world.calls.has(body.callId)) return { result: 'refused', code: 'CALL_EXISTS', params: { callId: body.callId } }
  world.calls.set(body.callId, {
    callId: body.callId,
    regionCode: body.regionCode,
    receivedAt: entry.occurredAt,
    lon: body.lon,
    lat: body.lat,
    level: body.level,
    syndrome: body.complaint?.syndrome,
    complaintCode: body.complaint?.code,
  })
  touched.calls.add(body.callId)
  addCallToSeries(world, body.complaint?.syndrome ?? 'unknown', body.regionCode, entry.occurredAt, touched)
  return done
}

export function applyCallEnd(world: World, entry: EntryOf<'call.ended'>, touched: Touched): Outcome {
  const call = world.calls.get(entry.body.callId)
  if (!call) return { result: 'refused', code: 'CALL_UNKNOWN', params: { callId: entry.body.callId } }
  call.outcome = entry.body.outcome
  touched.calls.add(call.callId)
  return done
}

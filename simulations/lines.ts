/**
 * Lines: lets the simulated city's calls ring through its telephone system instead of the door, as they do in a centre: a ring with
 * number and the operator's area, picked up by the simulation's own seats or by a person, described when somebody has heard it,
 * hung up. Promises: what the city says about a call waits until the house has shown that call, in its order; a call a person has
 * taken is the person's: the simulation opens no case for it.
 */
import type { CallView } from '#contract/view.ts'
import type { Saying } from './door.ts'
import type { Telephony } from './telephony.ts'

/** Sayings held back at once; beyond it the oldest goes as it is, and the house judges it. */
export const heldMax = 2_000
/** A call the house has not shown for this long is not waited for any more. */
const holdMaxMs = 120_000
/** The simulation's seats pick up after 4 to 11 s; every other call is left to a person for at least 25 s. */
const leftShare = 0.5
const leftMs = 25_000
const answerFirstMs = 4_000
const answerSpreadMs = 7_000
/** What was said on the line is typed in after this. */
const describeMs = 2_500
/** Whoever hung up is rung back by the simulation after this, when nobody has done it. */
const callBackMs = 90_000
/** Radius of an operator's cell as the telephone system gives it. */
const cellM = 450

export interface LinesOptions {
  telephony: Pick<Telephony, 'ring' | 'answer' | 'hangUp' | 'record'>
  /** Calls as the house shows them. */
  calls: ReadonlyMap<string, CallView>
  /** Stands before every call's number in the gateway's configuration. */
  prefix: string
}

export interface Lines {
  /** Takes what the city says; gives back what is for the door now. */
  divert(sayings: readonly Saying[], now: number): Saying[]
  /** Cases that a person has taken over and the city must let go; emptied by reading. */
  takeForeign(): string[]
}

interface Line {
  call: string
  rungAt: number
  answerAt: number | undefined
  isAnswered: boolean
  isHungUp: boolean
  /** Waiting for the house to show the call. */
  held: Saying[]
  described: Saying[]
  describeAt: number
  callBackAt: number | undefined
}

type Body = Record<string, unknown>

/** A number that depends on the call alone, 0 to 1: the same city rings the same way. */
function drawShare(callId: string): number {
  let hash = 0x811c9dc5
  for (let n = 0; n < callId.length; n++) hash = Math.imul(hash ^ callId.charCodeAt(n), 0x01000193)
  // Neighbouring numbers differ in the last digit alone: their shares must not.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296
}

/** Opens the lines of one player. */
export function createLines(options: LinesOptions): Lines {
  const { telephony, calls, prefix } = options
  const lines = new Map<string, Line>()
  const foreign: string[] = []
  /** Incident → the call it waits for. */
  const waiting = new Map<string, string>()

  const isOfPerson = (callId: string): boolean => {
    const shown = calls.get(callId)
    return shown?.answeredBy !== undefined || (shown?.incidentId !== undefined && !shown.incidentId.startsWith('INC-'))
  }

  const ring = (saying: Saying): void => {
    const body = saying.body as Body
    const callId = String(body.callId)
    const call = callId.slice(prefix.length)
    const share = drawShare(callId)
    const { lon, lat } = body as { lon?: number; lat?: number }
    telephony.ring(
      {
        call,
        ...(typeof body.callerNumber === 'string' ? { number: body.callerNumber } : {}),
        trunk: String(body.regionCode),
        // The operator's cell: its middle lies some hundred metres beside the caller.
        ...(lon === undefined || lat === undefined
          ? {}
          : { lon: lon + (share - 0.5) * 0.004, lat: lat + (((share * 7) % 1) - 0.5) * 0.004, radiusM: cellM }),
      },
      saying.at,
    )
    const { level, complaintText, addressText, callerName, ageBand, sex } = body
    const told = { level, complaintText, addressText, callerName, ageBand, sex }
    const known = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
    const answerAt = share < leftShare ? undefined : Math.round(saying.at + answerFirstMs + share * answerSpreadMs)
    const describeAt = (answerAt ?? saying.at + answerFirstMs + answerSpreadMs) + describeMs
    lines.set(callId, {
      call,
      rungAt: saying.at,
      answerAt,
      isAnswered: false,
      isHungUp: false,
      held: [],
      described: [
        { kind: 'call.described', at: describeAt, from: saying.from, body: { callId, callKind: 'rescue', ...known } },
        ...(lon === undefined || lat === undefined
          ? []
          : [
              {
                kind: 'call.located' as const,
                at: describeAt,
                from: saying.from,
                body: { callId, positionSource: 'manual', lon, lat, radiusM: 20 },
              },
            ]),
      ],
      describeAt,
      callBackAt: undefined,
    })
  }

  const answer = (line: Line, at: number): void => {
    if (line.isAnswered || line.isHungUp) return
    line.isAnswered = true
    telephony.answer(line.call, '8001', at)
    telephony.record(line.call, `sim/${line.call}.wav`)
  }
  const hangUp = (line: Line, isAnswered: boolean, at: number): void => {
    if (line.isHungUp) return
    line.isHungUp = true
    telephony.hangUp(line.call, isAnswered, at)
  }

  /** What the city decided about a call: told to the line, and to the door where the door must know. */
  const settle = (callId: string, line: Line, saying: Saying): Saying[] => {
    const body = saying.body as Body
    if (saying.kind === 'call.ended' && body.outcome === 'abandoned' && !line.isAnswered) {
      hangUp(line, false, saying.at)
      line.callBackAt = saying.at + callBackMs
      return []
    }
    if (isOfPerson(callId)) {
      if (saying.kind === 'incident.opened') foreign.push(String(body.incidentId))
      return []
    }
    answer(line, saying.at)
    if (saying.kind === 'call.ended') hangUp(line, true, saying.at)
    return [...line.described.splice(0).map(one => ({ ...one, at: Math.min(one.at, saying.at) })), saying]
  }

  const findCall = (saying: Saying): string | undefined => {
    const { callId, callIds, incidentId } = saying.body as { callId?: string; callIds?: string[]; incidentId?: string }
    const named = callId ?? callIds?.[0]
    if (named !== undefined && lines.has(named)) return named
    return incidentId === undefined ? undefined : waiting.get(incidentId)
  }

  return {
    divert(sayings, now) {
      const out: Saying[] = []
      let heldCount = 0
      for (const saying of sayings) {
        if (saying.kind === 'call.received') {
          ring(saying)
          continue
        }
        const callId = findCall(saying)
        const line = callId === undefined ? undefined : lines.get(callId)
        if (!line || callId === undefined) {
          out.push(saying)
          continue
        }
        line.held.push(saying)
        if (saying.kind === 'incident.opened') waiting.set(String((saying.body as Body).incidentId), callId)
      }
      for (const [callId, line] of lines) {
        if (line.answerAt !== undefined && now >= line.answerAt && !isOfPerson(callId)) answer(line, line.answerAt)
        const isShown = calls.has(callId) || now - line.rungAt > holdMaxMs
        if (isShown && now >= line.describeAt && line.isAnswered && !isOfPerson(callId))
          out.push(...line.described.splice(0))
        const isTime = line.answerAt !== undefined || now - line.rungAt >= leftMs || isOfPerson(callId)
        if ((isShown && isTime) || heldCount > heldMax) {
          for (const saying of line.held.splice(0)) {
            if (saying.kind === 'incident.opened') waiting.delete(String((saying.body as Body).incidentId))
            const isDecision = saying.kind === 'incident.opened' || saying.kind === 'call.ended'
            out.push(...(isDecision ? settle(callId, line, saying) : [saying]))
          }
        }
        heldCount += line.held.length
        if (line.callBackAt !== undefined && now >= line.callBackAt) {
          line.callBackAt = undefined
          if (calls.get(callId)?.callback?.state === 'open') {
            const said = { at: now, from: 'desk' }
            out.push({ ...said, kind: 'call.calledBack', body: { callId, result: 'reached' } })
            out.push({ ...said, kind: 'call.ended', body: { callId, outcome: 'other' } })
          }
        }
        if (line.isHungUp && line.callBackAt === undefined && line.held.length === 0) lines.delete(callId)
        else if (now - line.rungAt > 10 * holdMaxMs) lines.delete(callId)
      }
      return out
    },
    takeForeign: () => foreign.splice(0),
  }
}

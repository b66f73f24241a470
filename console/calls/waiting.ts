/**
 * Which calls stand where at a desk: ringing, in talk, to be rung back, handed over and not acknowledged. Pure; lists, top bar,
 * sounds and slip read these and therefore always agree.
 */
import type { CallLinkView, CallView } from '#contract/view.ts'

/** @source domain/dispatch.md 1.5: 120 answered in 10 s */
export const answerWarnMs = 5_000
export const answerOverMs = 10_000
/** Amber when a callback is due, red two minutes later (DECISIONS 39). */
export const callbackOverMs = 120_000
/** A linked transfer without an acknowledgement: amber, red (DECISIONS 39). */
export const linkWarnMs = 30_000
export const linkOverMs = 60_000
/** A position wider than this is where somebody is, not an address an ambulance can be sent to. */
export const addressRadiusM = 100

export type ClockState = 'ok' | 'warn' | 'over'

function isSettled(call: CallView): boolean {
  return call.incidentId !== undefined || call.outcome !== undefined
}
const byId = (a: CallView, b: CallView) => (a.callId < b.callId ? -1 : 1)

/** Calls nobody has answered: marked and surplus ones last, then longest waiting first. */
export function listWaiting(calls: Iterable<CallView>): readonly CallView[] {
  return [...calls]
    .filter(call => !isSettled(call) && call.answeredAt === undefined && call.abandonedAt === undefined)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.receivedAt - b.receivedAt || byId(a, b))
}

/** Calls that were answered and of which nothing has become yet: oldest answer first. */
export function listTalking(calls: Iterable<CallView>): readonly CallView[] {
  return [...calls]
    .filter(call => !isSettled(call) && call.answeredAt !== undefined)
    .sort((a, b) => a.answeredAt! - b.answeredAt! || byId(a, b))
}

/** Callback tasks: open ones, and those where somebody was reached and nothing decided yet; first due first. */
export function listCallbacks(calls: Iterable<CallView>): readonly CallView[] {
  return [...calls]
    .filter(call => call.callback?.state === 'open' || (call.callback?.state === 'reached' && !isSettled(call)))
    .sort((a, b) => a.callback!.dueAt - b.callback!.dueAt || byId(a, b))
}

/** Linked transfers nobody has acknowledged, oldest first. */
export function listPendingLinks(calls: Iterable<CallView>): readonly { call: CallView; link: CallLinkView }[] {
  return [...calls]
    .flatMap(call => (call.links ?? []).filter(link => link.acknowledgedAt === undefined).map(link => ({ call, link })))
    .sort((a, b) => a.link.at - b.link.at)
}

/** The call a seat is busy with: its own talk, else the one chosen in the list, else the one that waits longest. */
export function findCurrent(
  calls: ReadonlyMap<string, CallView>,
  seatName: string,
  chosenId: string | undefined,
): CallView | undefined {
  const own = listTalking(calls.values()).find(call => call.answeredBy === seatName)
  const chosen = chosenId === undefined ? undefined : calls.get(chosenId)
  const isOpen = chosen !== undefined && !isSettled(chosen)
  return own ?? (isOpen ? chosen : undefined) ?? listWaiting(calls.values())[0]
}

/** The answer clock. */
export function judgeAnswer(waitedMs: number): ClockState {
  return waitedMs > answerOverMs ? 'over' : waitedMs > answerWarnMs ? 'warn' : 'ok'
}

/** The callback clock against its due time. */
export function judgeCallback(now: number, dueAt: number): ClockState {
  return now > dueAt + callbackOverMs ? 'over' : now >= dueAt ? 'warn' : 'ok'
}

/** The acknowledgement clock of a linked transfer; one that is acknowledged has stopped. */
export function judgeLink(now: number, link: Pick<CallLinkView, 'at' | 'acknowledgedAt'>): ClockState {
  const pendingMs = (link.acknowledgedAt ?? now) - link.at
  if (link.acknowledgedAt !== undefined) return 'ok'
  return pendingMs > linkOverMs ? 'over' : pendingMs > linkWarnMs ? 'warn' : 'ok'
}

/** True when the position of a call is good enough to send somebody there. */
export function isAddress(call: CallView): boolean {
  if (call.lon === undefined || call.lat === undefined) return false
  return call.radiusM === undefined || call.radiusM <= addressRadiusM
}

/** A circle around a position as a closed ring, 48 corners; [lon, lat]. @source IUGG mean Earth radius, 111,195 m a degree */
export function drawCircle(lon: number, lat: number, radiusM: number): [number, number][] {
  const northDeg = radiusM / 111_195
  const eastDeg = northDeg / Math.max(0.01, Math.cos((lat * Math.PI) / 180))
  return Array.from({ length: 49 }, (_, n) => {
    const turn = (n % 48) * (Math.PI / 24)
    return [lon + eastDeg * Math.sin(turn), lat + northDeg * Math.cos(turn)]
  })
}

// Replays one evening of calls over a fleet: the mechanics (travel, scene, hospital, way home) and the two bare policies that
// everything is compared with. The product's own advice is plugged in as an Advisor, so nothing of the server is imported here.
// Promises: deterministic, no chance, no clock; one evening in, one outcome per call out; seconds since midnight throughout.

/** A point in WGS-84 degrees. */
export type Point = { lon: number; lat: number }

/** One call of an evening; `priority` 0 is the most urgent; the patient always goes to `hospital`. */
export type EveningCall = Point & {
  timeS: number
  priority: number
  onSceneS: number
  atHospitalS: number
  hospital: number
}

/**
 * Which unit may answer which call, and what a minute is worth.
 * `mayServe` false makes a unit no candidate at all; `cost` is minimised by `closest` and `forward` (response seconds in, cost out).
 */
export type ServiceRule = {
  name: string
  typeOf: (unit: number) => number
  mayServe: (type: number, priority: number) => boolean
  cost: (responseS: number, type: number, priority: number) => number
}

/** The stage of a replay: `bases[a]` is where unit `a` starts; only the first `unitCount` bases exist, also as bases to return to. */
export type Stage = {
  bases: readonly Point[]
  hospitals: readonly Point[]
  unitCount: number
  speedMps: number
  rule: ServiceRule
}

/** What became of one call. */
export type CallOutcome = { unit: number; responseS: number; arrivedAtS: number; endedAtS: number }

/**
 * The "rj" set: types cycle 2, 1, 0 by unit index; type t may serve priorities >= t; the nearest in time wins.
 * @source arXiv 2409.09158 (Rio de Janeiro SAMU), its repository's scenario set "rj"
 */
export const threeTypeRule: ServiceRule = {
  name: 'rj',
  typeOf: unit => 2 - (unit % 3),
  mayServe: (type, priority) => priority >= type,
  cost: responseS => responseS,
}

const twoTypeWeight = [4, 1, 4, 1]
const twoTypePenalty = [
  [0, 0, 1, 1],
  [4, 4, 0, 0],
]

/**
 * The "us" set: types cycle 1, 0; every unit may serve every call, at cost RT × {4,1,4,1} + 1500 × penalty[type][priority].
 * @source arXiv 2409.09158, its repository's scenario set "us"
 */
export const twoTypeRule: ServiceRule = {
  name: 'us',
  typeOf: unit => 1 - (unit % 2),
  mayServe: () => true,
  cost: (responseS, type, priority) =>
    responseS * (twoTypeWeight[priority] ?? 1) + 1500 * (twoTypePenalty[type]?.[priority] ?? 0),
}

const earthRadiusM = 6_371_000
const radiansPerDegree = Math.PI / 180

/** Great-circle metres between two points (haversine, R = 6371 km). */
export function measureMetres(from: Point, to: Point): number {
  const dLat = (to.lat - from.lat) * radiansPerDegree
  const dLon = (to.lon - from.lon) * radiansPerDegree
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(from.lat * radiansPerDegree) * Math.cos(to.lat * radiansPerDegree) * Math.sin(dLon / 2) ** 2
  return 2 * earthRadiusM * Math.asin(Math.min(1, Math.sqrt(a)))
}

/** A straight run from one point to another, begun at `leftAtS`, finished at `arrivesAtS`. */
export type Run = { from: Point; to: Point; leftAtS: number; arrivesAtS: number }

/** Where a unit on that run is at `nowS`: before the start at `from`, after the end at `to`, between them on the straight line. */
export function locateOnRun(run: Run, nowS: number): Point {
  const duration = run.arrivesAtS - run.leftAtS
  if (nowS >= run.arrivesAtS || duration <= 0) return run.to
  if (nowS <= run.leftAtS) return run.from
  const share = (nowS - run.leftAtS) / duration
  return {
    lon: run.from.lon + (run.to.lon - run.from.lon) * share,
    lat: run.from.lat + (run.to.lat - run.from.lat) * share,
  }
}

/** The index of the point nearest to `place` among the first `count`; the lowest index wins a tie. */
export function nearestIndex(points: readonly Point[], count: number, place: Point): number {
  let best = 0
  let bestMetres = Number.POSITIVE_INFINITY
  for (let i = 0; i < count; i += 1) {
    const metres = measureMetres(points[i]!, place)
    if (metres < bestMetres) {
      best = i
      bestMetres = metres
    }
  }
  return best
}

type BareUnit = { type: number; freeAtS: number; run: Run }

function placeBareUnits(stage: Stage): BareUnit[] {
  return Array.from({ length: stage.unitCount }, (_, index) => {
    const base = stage.bases[index]!
    return {
      type: stage.rule.typeOf(index),
      freeAtS: Number.NEGATIVE_INFINITY,
      run: { from: base, to: base, leftAtS: Number.NEGATIVE_INFINITY, arrivesAtS: Number.NEGATIVE_INFINITY },
    }
  })
}

function sendBareUnit(stage: Stage, unit: BareUnit, index: number, call: EveningCall, leavesAtS: number): CallOutcome {
  const from = locateOnRun(unit.run, leavesAtS)
  const arrivedAtS = leavesAtS + measureMetres(from, call) / stage.speedMps
  const hospital = stage.hospitals[call.hospital]!
  const endedAtS = arrivedAtS + call.onSceneS + measureMetres(call, hospital) / stage.speedMps + call.atHospitalS
  const home = stage.bases[nearestIndex(stage.bases, stage.unitCount, hospital)]!
  unit.freeAtS = endedAtS
  unit.run = {
    from: hospital,
    to: home,
    leftAtS: endedAtS,
    arrivesAtS: endedAtS + measureMetres(hospital, home) / stage.speedMps,
  }
  return { unit: index, responseS: arrivedAtS - call.timeS, arrivedAtS, endedAtS }
}

/**
 * Closest available unit, first come first served: a call nobody free may serve waits; a freed unit takes the oldest call it may serve.
 * `calls` ascend in time; outcomes come in the same order.
 * @source arXiv 2409.09158, policy "queue" with return to the nearest base
 */
export function replayClosest(stage: Stage, calls: readonly EveningCall[]): CallOutcome[] {
  const units = placeBareUnits(stage)
  const outcomes: CallOutcome[] = new Array(calls.length)
  const waiting: number[] = []
  const trySend = (callIndex: number, nowS: number): boolean => {
    const call = calls[callIndex]!
    let best = -1
    let bestCost = Number.POSITIVE_INFINITY
    for (let index = 0; index < units.length; index += 1) {
      const unit = units[index]!
      if (unit.freeAtS > nowS || !stage.rule.mayServe(unit.type, call.priority)) continue
      const responseS = nowS - call.timeS + measureMetres(locateOnRun(unit.run, nowS), call) / stage.speedMps
      const cost = stage.rule.cost(responseS, unit.type, call.priority)
      if (cost < bestCost) {
        best = index
        bestCost = cost
      }
    }
    if (best < 0) return false
    outcomes[callIndex] = sendBareUnit(stage, units[best]!, best, call, nowS)
    return true
  }
  const drain = (untilS: number) => {
    for (;;) {
      if (waiting.length === 0) return
      const nextFreeS = Math.min(
        ...units.map(unit => (unit.freeAtS > drainedS ? unit.freeAtS : Number.POSITIVE_INFINITY)),
      )
      if (nextFreeS > untilS || !Number.isFinite(nextFreeS)) return
      drainedS = nextFreeS
      for (let w = 0; w < waiting.length; ) {
        if (trySend(waiting[w]!, nextFreeS)) waiting.splice(w, 1)
        else w += 1
      }
    }
  }
  let drainedS = Number.NEGATIVE_INFINITY
  for (let index = 0; index < calls.length; index += 1) {
    const nowS = calls[index]!.timeS
    drain(nowS)
    drainedS = nowS
    if (!trySend(index, nowS)) waiting.push(index)
  }
  drain(Number.MAX_VALUE)
  return outcomes
}

/**
 * Soon-free: at its arrival a call is bound for good to the unit with the least cost of (time to free + travel), however many calls
 * that unit already has before it. Equal cost goes to the least capable unit (highest type), then to the lowest index.
 * @source arXiv 2409.09158, policy "forward"
 */
export function replayForward(stage: Stage, calls: readonly EveningCall[]): CallOutcome[] {
  const units = placeBareUnits(stage)
  return calls.map(call => {
    let best = -1
    let bestCost = Number.POSITIVE_INFINITY
    for (let index = 0; index < units.length; index += 1) {
      const unit = units[index]!
      if (!stage.rule.mayServe(unit.type, call.priority)) continue
      const leavesAtS = Math.max(call.timeS, unit.freeAtS)
      const responseS = leavesAtS - call.timeS + measureMetres(locateOnRun(unit.run, leavesAtS), call) / stage.speedMps
      const cost = stage.rule.cost(responseS, unit.type, call.priority)
      if (cost < bestCost || (cost === bestCost && unit.type > units[best]!.type)) {
        best = index
        bestCost = cost
      }
    }
    if (best < 0) throw new Error(`no unit may ever serve priority ${call.priority}`)
    const unit = units[best]!
    return sendBareUnit(stage, unit, best, call, Math.max(call.timeS, unit.freeAtS))
  })
}

/** A task of an advised unit; times are those the mechanics will keep unless it is diverted. */
export type ReplayTask = { call: number; leftAtS: number; arrivesAtS: number; patientAtS: number; endsAtS: number }

/** A unit as an Advisor may read it. `toBase` is the base it stands at or drives to while it has no active task. */
export type ReplayUnit = {
  index: number
  type: number
  run: Run
  toBase: number
  active?: ReplayTask | undefined
  /** Index of the one next call. */
  next?: number | undefined
}

/** A decision: how the call is taken. Undefined means it waits, at its place by priority, then time. */
export type ReplayDecision = { unit: number; kind: 'now' | 'next' | 'divert' | 'withdraw' }

/** The advice under test. It reads, never changes, what it is given. */
export type Advisor = {
  adviseCall: (
    nowS: number,
    call: number,
    units: readonly ReplayUnit[],
    displaced: boolean,
  ) => ReplayDecision | undefined
  adviseBase: (nowS: number, unit: number, units: readonly ReplayUnit[]) => number
}

/** Predicts a task from its start: straight to the call, scene, straight to the hospital, handover. */
export function predictTask(stage: Stage, call: EveningCall, index: number, from: Point, leftAtS: number): ReplayTask {
  const arrivesAtS = leftAtS + measureMetres(from, call) / stage.speedMps
  const patientAtS = arrivesAtS + call.onSceneS
  const hospital = stage.hospitals[call.hospital]!
  const endsAtS = patientAtS + measureMetres(call, hospital) / stage.speedMps + call.atHospitalS
  return { call: index, leftAtS, arrivesAtS, patientAtS, endsAtS }
}

/**
 * Replays an evening under an Advisor whose word is always followed. A unit has one active and at most one next task; a call that is
 * displaced goes back to the head of its priority and is advised again at once; waiting calls are advised again whenever a unit is
 * released or begins its next task. Throws when the advice breaks a rule of the house: that is a bug of the advice, not of the evening.
 */
export function replayAdvised(stage: Stage, calls: readonly EveningCall[], advisor: Advisor): CallOutcome[] {
  const units: ReplayUnit[] = Array.from({ length: stage.unitCount }, (_, index) => {
    const base = stage.bases[index]!
    const run = { from: base, to: base, leftAtS: Number.NEGATIVE_INFINITY, arrivesAtS: Number.NEGATIVE_INFINITY }
    return { index, type: stage.rule.typeOf(index), run, toBase: index }
  })
  const outcomes: CallOutcome[] = new Array(calls.length)
  const waiting: number[] = []
  const displaced = new Set<number>()

  const start = (unit: ReplayUnit, call: number, nowS: number) => {
    const from = locateOnRun(unit.run, nowS)
    unit.active = predictTask(stage, calls[call]!, call, from, nowS)
    unit.run = { from, to: calls[call]!, leftAtS: nowS, arrivesAtS: unit.active.arrivesAtS }
  }
  const queue = (call: number, atHead: boolean) => {
    if (atHead) displaced.add(call)
    waiting.push(call)
    waiting.sort(
      (a, b) => calls[a]!.priority - calls[b]!.priority || Number(displaced.has(b)) - Number(displaced.has(a)) || a - b,
    )
  }
  const refuse = (call: number, decision: ReplayDecision, reason: string): never => {
    throw new Error(`advice for call ${call}: unit ${decision.unit} ${decision.kind}: ${reason}`)
  }
  /** Follows the advice for one call; answers whether it is assigned, and which call it displaced. */
  const follow = (call: number, nowS: number): { assigned: boolean; left?: number } => {
    const decision = advisor.adviseCall(nowS, call, units, displaced.has(call))
    if (!decision) return { assigned: false }
    const unit = units[decision.unit]
    if (!unit) return refuse(call, decision, 'no such unit')
    if (!stage.rule.mayServe(unit.type, calls[call]!.priority)) refuse(call, decision, 'may not serve it')
    if (decision.kind === 'now') {
      if (unit.active) refuse(call, decision, 'has an active task')
      start(unit, call, nowS)
      return { assigned: true }
    }
    if (!unit.active) return refuse(call, decision, 'has no active task')
    if (decision.kind === 'next') {
      if (unit.next !== undefined) refuse(call, decision, 'has a next task')
      unit.next = call
      return { assigned: true }
    }
    if (decision.kind === 'withdraw') {
      const left = unit.next
      if (left === undefined) return refuse(call, decision, 'has no next task')
      unit.next = call
      return { assigned: true, left }
    }
    const left = unit.active.call
    if (nowS >= unit.active.arrivesAtS) refuse(call, decision, 'is at its scene')
    start(unit, call, nowS)
    return { assigned: true, left }
  }
  const settle = (nowS: number) => {
    // A displaced call displaces nobody, so the queue settles; the bound only guards against a faulty advisor.
    const roundsMax = 4 * (calls.length + 1) * (stage.unitCount + 1)
    for (let round = 0, at = 0; at < waiting.length; ) {
      if (round++ > roundsMax) throw new Error('the advice never settles')
      const call = waiting[at]!
      const { assigned, left } = follow(call, nowS)
      if (!assigned) {
        at += 1
        continue
      }
      waiting.splice(at, 1)
      displaced.delete(call)
      if (left !== undefined) {
        queue(left, true)
        at = 0
      }
    }
  }
  const release = (unit: ReplayUnit) => {
    const done = unit.active!
    const call = calls[done.call]!
    const nowS = done.endsAtS
    outcomes[done.call] = {
      unit: unit.index,
      responseS: done.arrivesAtS - call.timeS,
      arrivedAtS: done.arrivesAtS,
      endedAtS: done.endsAtS,
    }
    const hospital = stage.hospitals[call.hospital]!
    unit.active = undefined
    unit.run = { from: hospital, to: hospital, leftAtS: nowS, arrivesAtS: nowS }
    unit.toBase = -1
    const next = unit.next
    unit.next = undefined
    if (next !== undefined) start(unit, next, nowS)
    settle(nowS)
    if (unit.active) return
    const base = advisor.adviseBase(nowS, unit.index, units)
    if (!(base >= 0 && base < stage.unitCount)) throw new Error(`advice sends unit ${unit.index} to base ${base}`)
    unit.toBase = base
    const home = stage.bases[base]!
    unit.run = {
      from: hospital,
      to: home,
      leftAtS: nowS,
      arrivesAtS: nowS + measureMetres(hospital, home) / stage.speedMps,
    }
  }
  const releaseUntil = (untilS: number) => {
    for (;;) {
      let first: ReplayUnit | undefined
      for (const unit of units) {
        if (unit.active && unit.active.endsAtS <= untilS && (!first || unit.active.endsAtS < first.active!.endsAtS)) {
          first = unit
        }
      }
      if (!first) return
      release(first)
    }
  }
  calls.forEach((call, index) => {
    releaseUntil(call.timeS)
    queue(index, false)
    settle(call.timeS)
  })
  releaseUntil(Number.MAX_VALUE)
  if (waiting.length > 0) throw new Error(`${waiting.length} calls were never answered`)
  return outcomes
}

// The product's own advice as a policy of the replay: maps replayed units to what server/advise reads, and follows its first row.
// Stands in test/ because only test/ may import both the server and simulations/.
// Promises: straight-line travel as in the scenario, first row always accepted, soon-free at all levels, nothing else changed.

import { buildCoverArea, type CoverArea, type CoverCell, countCover, rankBases } from '../../server/advise/cover.ts'
import {
  type AdviceRow,
  type AdviseCall,
  type AdviseInput,
  type AdviseUnit,
  type LegFinder,
  recommendUnits,
  type UnitTask,
} from '../../server/advise/recommend.ts'
import { type AdviseSettings, defaultAdviseSettings, type Level } from '../../server/advise/settings.ts'
import {
  type Advisor,
  type CallOutcome,
  type EveningCall,
  locateOnRun,
  measureMetres,
  type Point,
  predictTask,
  type ReplayUnit,
  replayAdvised,
  type Stage,
} from '../../simulations/evaluate/dispatch-replay.ts'

/** A past call, as demand: where and how urgent. */
export type DemandPoint = Point & { priority: number }

/** How a scenario's priorities and types read in the product: levels, needs, wants and capabilities. */
export type ScenarioReading = {
  levelOf: (priority: number) => Level
  needsOf: (priority: number) => readonly string[]
  wantsOf: (priority: number) => readonly string[]
  capabilitiesOf: (type: number) => readonly string[]
}

/** "rj": priorities 0, 1, 2 are levels I, II, III; a unit has one capability for each priority it may serve. */
export const threeTypeReading: ScenarioReading = {
  levelOf: priority => Math.min(4, priority + 1) as Level,
  needsOf: priority => [`serves-${priority}`],
  wantsOf: () => [],
  capabilitiesOf: type => [0, 1, 2].filter(priority => priority >= type).map(priority => `serves-${priority}`),
}

/** "us": weights 4, 1, 4, 1 make priorities 0 and 2 the urgent ones; 0 and 1 want an advanced unit but may do without. */
export const twoTypeReading: ScenarioReading = {
  levelOf: priority => ([1, 3, 2, 4] as const)[priority] ?? 4,
  needsOf: () => [],
  wantsOf: priority => (priority <= 1 ? ['advanced'] : []),
  capabilitiesOf: type => (type === 0 ? ['advanced', 'basic'] : ['basic']),
}

function buildArea(stage: Stage, reading: ScenarioReading, demand: readonly DemandPoint[], settings: AdviseSettings) {
  const cells: CoverCell[] = []
  const places: Point[] = []
  for (const point of demand) {
    const level = reading.levelOf(point.priority)
    const limits = settings.cover.withinSeconds[level]
    for (const withinSeconds of limits) {
      cells.push({
        weight: settings.cover.demandWeight[level] / limits.length,
        withinSeconds,
        group: point.priority,
      })
      places.push(point)
    }
  }
  const travelSeconds = new Float64Array(stage.unitCount * cells.length)
  for (let base = 0; base < stage.unitCount; base += 1) {
    for (let i = 0; i < cells.length; i += 1) {
      travelSeconds[base * cells.length + i] = measureMetres(stage.bases[base]!, places[i]!) / stage.speedMps
    }
  }
  return buildCoverArea({ baseCount: stage.unitCount, cells, travelSeconds })
}

function countGroups(stage: Stage, type: number): number {
  let groups = 0
  for (let priority = 0; priority < 4; priority += 1) {
    if (stage.rule.mayServe(type, priority)) groups |= 1 << priority
  }
  return groups
}

/** Builds the Advisor that speaks with the product's voice for this evening; `demand` must not hold calls of the evening itself. */
export function buildVigilAdvisor(
  stage: Stage,
  calls: readonly EveningCall[],
  reading: ScenarioReading,
  demand: readonly DemandPoint[],
  settings: AdviseSettings = defaultAdviseSettings,
): Advisor {
  const area: CoverArea = buildArea(stage, reading, demand, settings)
  const demandShare: Record<string, number> = {}
  for (const point of demand) {
    for (const name of [...reading.needsOf(point.priority), ...reading.wantsOf(point.priority)]) {
      demandShare[name] = (demandShare[name] ?? 0) + 1 / demand.length
    }
  }
  const readCall = (index: number): AdviseCall => {
    const call = calls[index]!
    return {
      callId: String(index),
      level: reading.levelOf(call.priority),
      place: { lon: call.lon, lat: call.lat },
      needs: reading.needsOf(call.priority),
      wants: reading.wantsOf(call.priority),
    }
  }
  const readUnit = (nowS: number, unit: ReplayUnit): AdviseUnit => {
    const base = {
      unitId: String(unit.index).padStart(3, '0'),
      rank: unit.type,
      capabilities: reading.capabilitiesOf(unit.type),
      place: locateOnRun(unit.run, nowS),
      fixAgeSeconds: 0,
      turnoutSeconds: 0,
      cover: { base: unit.active ? -1 : unit.toBase, groups: countGroups(stage, unit.type) },
    }
    const { active } = unit
    if (!active) return { ...base, phase: nowS < unit.run.arrivesAtS ? 'returning' : 'idle' }
    const call = calls[active.call]!
    const hospital = stage.hospitals[call.hospital]!
    const free = active.endsAtS - nowS
    const task: UnitTask = {
      call: readCall(active.call),
      arrivesInSeconds: active.arrivesAtS - nowS,
      patientOnBoard: nowS >= active.arrivesAtS,
      acknowledged: true,
    }
    const place = nowS < active.arrivesAtS ? base.place : nowS < active.patientAtS ? call : hospital
    let next: UnitTask | undefined
    if (unit.next !== undefined) {
      const planned = predictTask(stage, calls[unit.next]!, unit.next, hospital, active.endsAtS)
      next = {
        call: readCall(unit.next),
        arrivesInSeconds: planned.arrivesAtS - nowS,
        patientOnBoard: false,
        acknowledged: false,
      }
    }
    const phase =
      nowS < active.arrivesAtS
        ? 'enRoute'
        : nowS < active.patientAtS
          ? 'onScene'
          : nowS < active.endsAtS - call.atHospitalS
            ? 'transporting'
            : 'handover'
    return {
      ...base,
      place,
      phase,
      active: task,
      release: { place: hospital, p50Seconds: free, p90Seconds: free },
      ...(next ? { next } : {}),
    }
  }
  const findLeg: LegFinder = (_unit, from, to) => {
    const metres = measureMetres(from, to)
    const seconds = metres / stage.speedMps
    return { p50Seconds: seconds, p90Seconds: seconds, metres }
  }
  const freeCover = (units: readonly ReplayUnit[], except = -1) =>
    countCover(
      area,
      units
        .filter(unit => !unit.active && unit.index !== except)
        .map(unit => ({ base: unit.toBase, groups: countGroups(stage, unit.type) })),
    )
  const readInput = (nowS: number, call: AdviseCall, units: readonly ReplayUnit[]): AdviseInput => ({
    call,
    units: units.map(unit => readUnit(nowS, unit)),
    findLeg,
    settings,
    cover: { area, counts: freeCover(units), busyFraction: settings.cover.busyFraction },
    demandShare,
  })
  const readRow = (row: AdviceRow | undefined) => (row ? { unit: Number(row.unitId), kind: row.kind } : undefined)
  const allowedBases = Array.from({ length: stage.unitCount }, (_, base) => base)
  return {
    adviseCall: (nowS, index, units, displaced) =>
      readRow(recommendUnits(readInput(nowS, { ...readCall(index), displaced }, units)).rows[0]),
    adviseBase: (nowS, index, units) => {
      const from = locateOnRun(units[index]!.run, nowS)
      const ranked = rankBases({
        area,
        counts: freeCover(units, index),
        groups: countGroups(stage, units[index]!.type),
        allowedBases,
        travelSecondsTo: base => measureMetres(from, stage.bases[base]!) / stage.speedMps,
        settings: settings.cover,
      })
      return ranked[0]!.base
    },
  }
}

/** Replays an evening under the product's own advice. */
export function replayVigil(
  stage: Stage,
  calls: readonly EveningCall[],
  reading: ScenarioReading,
  demand: readonly DemandPoint[],
  settings: AdviseSettings = defaultAdviseSettings,
): CallOutcome[] {
  return replayAdvised(stage, calls, buildVigilAdvisor(stage, calls, reading, demand, settings))
}

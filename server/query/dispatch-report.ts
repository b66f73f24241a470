/**
 * Dispatch report: the key figures from records of calls and incidents, folded one page at a time; pure but for the arrays it
 * fills. What a figure means stands in contract/report.ts; here is only the arithmetic. Nothing is dropped silently: what
 * cannot be a figure is counted as missing, reversed, withdrawn or still on.
 */
import {
  type DispatchReportView,
  findPercentile,
  type KpiId,
  type KpiRowView,
  kpiDefinitions,
  type RatioId,
  type RatioRowView,
  type ReactionFrom,
  ratioDefinitions,
} from '#contract/report.ts'
import { chooseStamp } from '#contract/stamps.ts'
import type { StampView } from '#contract/view.ts'

/** Level of a call nobody gave one. */
export const levelUnknown = 9

export type ReportCall = {
  callId: string
  regionCode: string
  level?: number | undefined
  ringAt: number
  answeredAt?: number | undefined
  /** Hung up before anybody answered. */
  isAbandoned: boolean
  /** Still ringing: neither answered nor over. */
  isRinging: boolean
}

export type ReportIncident = {
  incidentId: string
  regionCode: string
  level: number
  outcome?: string | undefined
  isClosed: boolean
  /** Joined to another incident, which carries its calls and units: no need of its own. */
  isMerged: boolean
  stamps: readonly StampView[]
}

export type ReportFrame = {
  from: number
  to: number
  regionCode?: string | undefined
  reactionFrom: ReactionFrom
  computedAt: number
  /** The area a record is shown under: its county, or itself. */
  areaOf(regionCode: string): string
}

export type ReportFold = {
  addCall(call: ReportCall): void
  addIncident(incident: ReportIncident): void
  finish(): DispatchReportView
}

type Tally = {
  valuesMs: number[]
  missing: number
  reversed: number
  offline: number
  edited: number
}
/** A stamp that counts, as far as a figure needs it. */
type Mark = Pick<StampView, 'at' | 'source' | 'offline'>
type Share = { numerator: number; denominator: number }

/** Stamps that say a patient was on board. */
const loadedStamps = ['loaded', 'at-hospital', 'handover'] as const
/** Stamps by which the desk takes a unit off again. */
const takenOffStamps = ['released', 'diverted'] as const
/** Stamps that end a run. */
const endStamps = [...takenOffStamps, 'returning', 'idle', 'unavailable'] as const

function hasStamp(stamps: readonly StampView[], unitId: string, names: readonly string[]): boolean {
  return stamps.some(s => s.unitId === unitId && names.includes(s.stamp))
}

/** Starts an empty report. */
export function createReport(frame: ReportFrame): ReportFold {
  const tallies = new Map<string, Tally>()
  const shares = new Map<string, Share>()
  const areas = new Set<string>()
  const counts = { calls: 0, abandoned: 0, ringing: 0, incidents: 0, runs: 0, runsOn: 0, withdrawn: 0, merged: 0 }

  /** Keys a record counts under: the whole, its level, its area, its area and level. */
  const listKeys = (name: string, area: string, level: number) => {
    areas.add(area)
    return [`${name}||0`, `${name}||${level}`, `${name}|${area}|0`, `${name}|${area}|${level}`]
  }
  const tally = (kpi: KpiId, area: string, level: number, from?: Mark, to?: Mark) => {
    for (const key of listKeys(kpi, area, level)) {
      let row = tallies.get(key)
      if (!row) {
        row = { valuesMs: [], missing: 0, reversed: 0, offline: 0, edited: 0 }
        tallies.set(key, row)
      }
      if (!from || !to) row.missing++
      else if (to.at < from.at) row.reversed++
      else {
        row.valuesMs.push(to.at - from.at)
        if (from.offline || to.offline) row.offline++
        if (from.source === 'edit' || to.source === 'edit') row.edited++
      }
    }
  }
  const share = (ratio: RatioId, area: string, level: number, isCounted: boolean) => {
    for (const key of listKeys(ratio, area, level)) {
      let row = shares.get(key)
      if (!row) {
        row = { numerator: 0, denominator: 0 }
        shares.set(key, row)
      }
      row.denominator++
      if (isCounted) row.numerator++
    }
  }

  const addRun = (incident: ReportIncident, area: string, unitId: string): void => {
    const has = (names: readonly string[]) => hasStamp(incident.stamps, unitId, names)
    const rolling = chooseStamp(incident.stamps, 'rolling', unitId)
    const isOut = rolling !== undefined || has(['on-scene', ...loadedStamps])
    const isOver = incident.isClosed || has(endStamps)
    const ordered = chooseStamp(incident.stamps, 'ordered', unitId)
    if (!isOut) {
      if (has(takenOffStamps)) counts.withdrawn++
      // Over without a word of the road: the stamp is missing. An order just given is neither a figure nor missing yet.
      else if (isOver) tally('rolling', area, incident.level, ordered, undefined)
      return
    }
    counts.runs++
    tally('rolling', area, incident.level, ordered, rolling)
    if (isOver) share('empty', area, incident.level, !has(loadedStamps))
    else counts.runsOn++
  }

  return {
    addCall(call) {
      counts.calls++
      if (call.isAbandoned) {
        counts.abandoned++
        return
      }
      if (call.isRinging) {
        counts.ringing++
        return
      }
      const area = frame.areaOf(call.regionCode)
      const ring: Mark = { at: call.ringAt, source: 'auto' }
      const answer: Mark | undefined =
        call.answeredAt === undefined ? undefined : { at: call.answeredAt, source: 'key' }
      tally('answer', area, call.level ?? levelUnknown, ring, answer)
    },
    addIncident(incident) {
      if (incident.isMerged) {
        counts.merged++
        return
      }
      counts.incidents++
      const area = frame.areaOf(incident.regionCode)
      const { level, stamps } = incident
      const unitIds = [...new Set(stamps.flatMap(s => (s.stamp === 'ordered' && s.unitId ? [s.unitId] : [])))]
      const answer = chooseStamp(stamps, 'answered')
      const order = chooseStamp(stamps, 'ordered')
      const isFalse = incident.outcome === 'false-call'
      // Nobody was sent: no stamp is missing, the call waits or was not met; fulfilment says so.
      if (order) {
        tally('order', area, level, answer, order)
        const arrival = chooseStamp(stamps, 'on-scene')
        const isWithdrawn = unitIds.every(unitId => hasStamp(stamps, unitId, takenOffStamps))
        const start = frame.reactionFrom === 'ring' ? chooseStamp(stamps, 'ring') : answer
        if (arrival || (incident.isClosed && !isWithdrawn)) tally('reaction', area, level, start, arrival)
      }
      if (!isFalse) share('fulfilment', area, level, order !== undefined)
      for (const unitId of unitIds) addRun(incident, area, unitId)
    },
    finish() {
      const names = ['', ...[...areas].sort()]
      const rows: KpiRowView[] = []
      const ratios: RatioRowView[] = []
      for (const regionCode of names)
        for (const level of [0, 1, 2, 3, 4, levelUnknown]) {
          for (const { kpi, targetS } of kpiDefinitions) {
            const found = tallies.get(`${kpi}|${regionCode}|${level}`)
            if (found) rows.push(describeTally(kpi, regionCode, level, targetS, found))
          }
          for (const { ratio } of ratioDefinitions) {
            const found = shares.get(`${ratio}|${regionCode}|${level}`)
            if (found) ratios.push({ ratio, regionCode, level, ...found })
          }
        }
      const { from, to, reactionFrom, computedAt } = frame
      return {
        from,
        to,
        ...(frame.regionCode === undefined ? {} : { regionCode: frame.regionCode }),
        reactionFrom,
        computedAt,
        ...counts,
        rows,
        ratios,
      }
    },
  }
}

function describeTally(kpi: KpiId, regionCode: string, level: number, targetS: number, tally: Tally): KpiRowView {
  const ascending = Float64Array.from(tally.valuesMs).sort()
  const n = ascending.length
  let sum = 0
  let within = 0
  for (const value of ascending) {
    sum += value
    if (value <= targetS * 1_000) within++
  }
  return {
    kpi,
    regionCode,
    level,
    n,
    missing: tally.missing,
    reversed: tally.reversed,
    offline: tally.offline,
    edited: tally.edited,
    within,
    ...(n === 0
      ? {}
      : {
          meanS: sum / n / 1_000,
          p50S: findPercentile(ascending, 0.5)! / 1_000,
          p90S: findPercentile(ascending, 0.9)! / 1_000,
        }),
  }
}

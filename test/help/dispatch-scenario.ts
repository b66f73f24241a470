// Reads a dispatch scenario directory and replays it under a policy, all scenarios pooled.
// Stands in test/ beside the check that prints it and the golden test that asserts it.
// Promises: every file is checked on reading and refused with a code, zh and en; for `vigil`, cover never sees a call of the
// scenario being replayed, not even a copy of it under another scenario's number.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { measurePolicy, type PolicyMeasure } from '../../simulations/evaluate/dispatch.ts'
import {
  type CallOutcome,
  type EveningCall,
  type Point,
  replayClosest,
  replayForward,
  type ServiceRule,
  type Stage,
  threeTypeRule,
  twoTypeRule,
} from '../../simulations/evaluate/dispatch-replay.ts'
import { replayVigil, type ScenarioReading, threeTypeReading, twoTypeReading } from './vigil-advisor.ts'

export const dispatchPolicies = ['closest', 'forward', 'vigil'] as const
export type DispatchPolicy = (typeof dispatchPolicies)[number]

/** The scenario's speed: 60.0001 km/h. */
export const scenarioSpeedMps = 60_000.1 / 3600

/** A refusal of the scenario's files or of what was asked of them. */
export class ScenarioReject extends Error {
  readonly code: string
  readonly zh: string
  readonly en: string
  constructor(code: string, zh: string, en: string) {
    super(`${code}: ${en}`)
    this.code = code
    this.zh = zh
    this.en = en
  }
}

export type DispatchScenario = {
  set: string
  rule: ServiceRule
  reading: ScenarioReading
  bases: Point[]
  hospitals: Point[]
  /** Calls by scenario, each ascending in time, then in number. */
  evenings: EveningCall[][]
}

const sets: Record<string, { rule: ServiceRule; reading: ScenarioReading; priorities: number }> = {
  rj: { rule: threeTypeRule, reading: threeTypeReading, priorities: 3 },
  us: { rule: twoTypeRule, reading: twoTypeReading, priorities: 4 },
}

const rowsMax = 2_000_000

function readRows(path: string, columns: readonly string[]): number[][] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new ScenarioReject('SCENARIO_FILE_MISSING', `读不到文件 ${path}`, `cannot read ${path}`)
  }
  let records: Record<string, string>[]
  try {
    records = parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true, to: rowsMax + 1 })
  } catch (error) {
    throw new ScenarioReject('SCENARIO_CSV_INVALID', `${path} 不是有效的 CSV`, `${path}: ${(error as Error).message}`)
  }
  if (records.length > rowsMax) {
    throw new ScenarioReject('SCENARIO_TOO_LARGE', `${path} 超过 ${rowsMax} 行`, `${path} has over ${rowsMax} rows`)
  }
  return records.map((record, at) =>
    columns.map(column => {
      const raw = record[column]
      const value = raw === undefined || raw === '' ? Number.NaN : Number(raw)
      if (!Number.isFinite(value)) {
        throw new ScenarioReject(
          'SCENARIO_VALUE_INVALID',
          `${path} 第 ${at + 2} 行 ${column} 不是数字`,
          `${path} line ${at + 2}: ${column} is not a number`,
        )
      }
      return value
    }),
  )
}

function readPoints(path: string): Point[] {
  const rows = readRows(path, ['index', 'lat', 'lon']).sort((a, b) => a[0]! - b[0]!)
  return rows.map(([index, lat, lon], at) => {
    if (index !== at || Math.abs(lat!) > 90 || Math.abs(lon!) > 180) {
      throw new ScenarioReject(
        'SCENARIO_POINT_INVALID',
        `${path} 的第 ${at} 点有误`,
        `${path}: point ${at} is not valid`,
      )
    }
    return { lon: lon!, lat: lat! }
  })
}

/** Reads and checks a scenario directory for one set of calls (`rj` or `us`). */
export function findScenario(directory: string, set: string): DispatchScenario {
  const known = Object.hasOwn(sets, set) ? sets[set] : undefined
  if (!known)
    throw new ScenarioReject('SET_UNKNOWN', `没有数据集 ${set}（可用：rj、us）`, `no set ${set} (there are rj, us)`)
  let names: string[]
  try {
    names = readdirSync(directory)
      .filter(name => name.startsWith('calls_') && name.endsWith(`_${set}.csv`))
      .sort()
  } catch {
    throw new ScenarioReject('SCENARIO_FILE_MISSING', `读不到目录 ${directory}`, `cannot read ${directory}`)
  }
  if (names.length === 0) {
    throw new ScenarioReject(
      'SCENARIO_FILE_MISSING',
      `${directory} 中没有 calls_*_${set}.csv`,
      `${directory} holds no calls_*_${set}.csv`,
    )
  }
  const bases = readPoints(join(directory, 'bases.csv'))
  const hospitals = readPoints(join(directory, 'hospitals.csv'))
  const columns = [
    'scenario',
    'call',
    'time_s',
    'priority',
    'on_scene_s',
    'lat',
    'lon',
    'at_hospital_s',
    'hospital_index',
  ]
  const evenings: EveningCall[][] = []
  for (const name of names) {
    const byScenario = new Map<number, { number: number; call: EveningCall }[]>()
    const path = join(directory, name)
    readRows(path, columns).forEach((row, at) => {
      const [scenario, number, timeS, priority, onSceneS, lat, lon, atHospitalS, hospital] = row as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      const valid =
        Math.abs(lat) <= 90 &&
        Math.abs(lon) <= 180 &&
        onSceneS >= 0 &&
        atHospitalS >= 0 &&
        Number.isInteger(priority) &&
        priority >= 0 &&
        priority < known.priorities &&
        hospitals[hospital] !== undefined
      if (!valid) {
        throw new ScenarioReject(
          'SCENARIO_CALL_INVALID',
          `${path} 第 ${at + 2} 行的呼救有误`,
          `${path} line ${at + 2}: the call is not valid`,
        )
      }
      const calls = byScenario.get(scenario) ?? []
      calls.push({ number, call: { timeS, priority, onSceneS, atHospitalS, lat, lon, hospital } })
      byScenario.set(scenario, calls)
    })
    for (const calls of byScenario.values()) {
      calls.sort((a, b) => a.call.timeS - b.call.timeS || a.number - b.number)
      evenings.push(calls.map(({ call }) => call))
    }
  }
  return { set, rule: known.rule, reading: known.reading, bases, hospitals, evenings }
}

/** Parses `10,12,14` into fleet sizes between 1 and the number of bases. */
export function parseCounts(listed: string, baseCount: number): number[] {
  return listed.split(',').map(part => {
    const count = Number(part.trim() === '' ? Number.NaN : part)
    if (!Number.isInteger(count) || count < 1 || count > baseCount) {
      throw new ScenarioReject(
        'COUNT_INVALID',
        `车辆数 ${part} 应为 1 到 ${baseCount} 的整数`,
        `fleet size ${part} must be a whole number from 1 to ${baseCount}`,
      )
    }
    return count
  })
}

function identify(call: EveningCall): string {
  return `${call.timeS}|${call.priority}|${call.lat}|${call.lon}|${call.hospital}`
}

/** Replays every evening of the scenario under the policy with `count` units, and measures all calls together. */
export function replayScenario(scenario: DispatchScenario, policy: DispatchPolicy, count: number): PolicyMeasure {
  const stage: Stage = {
    bases: scenario.bases,
    hospitals: scenario.hospitals,
    unitCount: count,
    speedMps: scenarioSpeedMps,
    rule: scenario.rule,
  }
  for (const priority of new Set(scenario.evenings.flat().map(call => call.priority))) {
    const served = Array.from({ length: count }, (_, unit) => scenario.rule.typeOf(unit))
    if (!served.some(type => scenario.rule.mayServe(type, priority))) {
      throw new ScenarioReject(
        'COUNT_INVALID',
        `${count} 辆车中没有一辆可接优先级 ${priority}`,
        `none of ${count} units may serve priority ${priority}`,
      )
    }
  }
  const outcomes: CallOutcome[] = []
  for (const calls of scenario.evenings) {
    if (policy === 'closest') outcomes.push(...replayClosest(stage, calls))
    else if (policy === 'forward') outcomes.push(...replayForward(stage, calls))
    else outcomes.push(...replayVigil(stage, calls, scenario.reading, listDemand(scenario, calls)))
  }
  return measurePolicy(scenario.evenings.flat(), outcomes)
}

/** Lists the distinct calls of the other evenings, leaving out every call that also occurs in `own`. */
export function listDemand(scenario: DispatchScenario, own: readonly EveningCall[]): EveningCall[] {
  const known = new Set(own.map(identify))
  const demand: EveningCall[] = []
  for (const calls of scenario.evenings) {
    for (const call of calls) {
      const key = identify(call)
      if (known.has(key)) continue
      known.add(key)
      demand.push(call)
    }
  }
  return demand
}

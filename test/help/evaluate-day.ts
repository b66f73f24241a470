/**
 * Compares dispatch policies over full days on paired seeds: the same days for every policy, every figure with its 95 % interval
 * over days. Stands in test/ because it joins simulations/ (days, bare policies) with server/advise (through the vigil advisor).
 */
import { defaultAdviseSettings } from '../../server/advise/settings.ts'
import type { Burst, DayShape } from '../../simulations/city.ts'
import {
  crowSpeedMps,
  type DayCall,
  type DayCity,
  dayRule,
  generateDay,
  generateDayCity,
  lateAfterS,
  listUnitBases,
} from '../../simulations/evaluate/day.ts'
import { measurePaired } from '../../simulations/evaluate/dispatch.ts'
import {
  type CallOutcome,
  locateOnRun,
  nearestIndex,
  replayAdvised,
  replayClosest,
  replayForward,
  type Stage,
} from '../../simulations/evaluate/dispatch-replay.ts'
import { buildVigilAdvisor, type DemandPoint, replayVigil, type ScenarioReading } from './vigil-advisor.ts'

/** `vigil-near` is the recommendation alone: freed units go to the base nearest the hospital, as under the bare policies. */
export const policyNames = ['closest', 'forward', 'vigil-near', 'vigil'] as const
export type PolicyName = (typeof policyNames)[number]

/** Levels I to IV; I and II need advanced life support. */
export const dayReading: ScenarioReading = {
  levelOf: priority => (priority + 1) as 1 | 2 | 3 | 4,
  needsOf: priority => (priority < 2 ? ['als'] : []),
  wantsOf: () => [],
  capabilitiesOf: type => (type === 0 ? ['als'] : []),
}

export type Interval = { mean: number; low: number; high: number }
/** Figures of one policy: each is the mean over days with its interval; undefined where no day had such a call. */
export type DayFigures = {
  policy: PolicyName
  meanS: Interval
  p90S: Interval
  lateShare: Interval
  meanByLevelS: (Interval | undefined)[]
  lateByLevel: (Interval | undefined)[]
}
export type DayComparison = {
  title: string
  days: number
  calls: number
  units: number
  figures: DayFigures[]
  /** Of the calls outside the burst, when there is one. */
  rest?: DayFigures[]
  /** Paired by day: policy minus reference. */
  differences: {
    policy: PolicyName
    minus: PolicyName
    meanS: Interval
    p90S: Interval
    lateShare: Interval
    lateByLevel: (Interval | undefined)[]
  }[]
}

type DayMeasure = { meanS: number; p90S: number; lateShare: number; meanByLevelS: number[]; lateByLevel: number[] }

function measureDay(
  calls: readonly DayCall[],
  outcomes: readonly CallOutcome[],
  only: (c: DayCall) => boolean,
): DayMeasure {
  const pairs = calls.flatMap((call, at) => (only(call) ? [{ call, s: outcomes[at]!.responseS }] : []))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const late = (values: readonly number[]) => values.filter(value => value > lateAfterS).length / values.length
  const all = pairs.map(pair => pair.s).sort((a, b) => a - b)
  const ofLevel = (priority: number) => pairs.filter(pair => pair.call.priority === priority).map(pair => pair.s)
  return {
    meanS: mean(all),
    p90S: all[Math.ceil(0.9 * all.length) - 1] ?? Number.NaN,
    lateShare: late(all),
    meanByLevelS: [0, 1, 2, 3].map(priority => mean(ofLevel(priority))),
    lateByLevel: [0, 1, 2, 3].map(priority => late(ofLevel(priority))),
  }
}

/** Mean over days with its interval; days without such a call (NaN) do not count. */
function average(values: readonly number[]): Interval | undefined {
  const known = values.filter(value => !Number.isNaN(value))
  return known.length === 0 ? undefined : measurePaired(known)
}

function gather(policy: PolicyName, days: readonly DayMeasure[]): DayFigures {
  return {
    policy,
    meanS: average(days.map(day => day.meanS))!,
    p90S: average(days.map(day => day.p90S))!,
    lateShare: average(days.map(day => day.lateShare))!,
    meanByLevelS: [0, 1, 2, 3].map(level => average(days.map(day => day.meanByLevelS[level]!))),
    lateByLevel: [0, 1, 2, 3].map(level => average(days.map(day => day.lateByLevel[level]!))),
  }
}

// Days that are judged have seeds below this; the days cover knows have theirs above.
const demandSeedFrom = 2 ** 31
const demandDays = 2

/** Past days as demand: other seeds than any judged day, and never with the burst. */
export function listDayDemand(shape: DayShape, city: DayCity, seed: number): DemandPoint[] {
  return Array.from({ length: demandDays }, (_, at) =>
    generateDay(shape, city, demandSeedFrom + seed * demandDays + at),
  ).flat()
}

/** Compares the policies over `days` days in the city of a seed. */
export function compareDays(options: {
  title: string
  shape: DayShape
  seed: number
  days: number
  burst?: Burst
  say?: (line: string) => void
}): DayComparison {
  const { shape, seed, days, burst } = options
  const city = generateDayCity(shape, seed)
  const stage: Stage = {
    bases: listUnitBases(city, shape),
    hospitals: city.hospitals,
    unitCount: shape.units,
    speedMps: crowSpeedMps,
    rule: dayRule,
  }
  const demand = listDayDemand(shape, city, seed)
  const replay: Record<PolicyName, (calls: readonly DayCall[]) => CallOutcome[]> = {
    closest: calls => replayClosest(stage, calls),
    forward: calls => replayForward(stage, calls),
    'vigil-near': calls => {
      const advisor = buildVigilAdvisor(stage, calls, dayReading, demand, defaultAdviseSettings)
      return replayAdvised(stage, calls, {
        ...advisor,
        adviseBase: (nowS, index, units) =>
          nearestIndex(stage.bases, stage.unitCount, locateOnRun(units[index]!.run, nowS)),
      })
    },
    vigil: calls => replayVigil(stage, calls, dayReading, demand, defaultAdviseSettings),
  }
  const measures: Record<PolicyName, DayMeasure[]> = { closest: [], forward: [], 'vigil-near': [], vigil: [] }
  const rest: Record<PolicyName, DayMeasure[]> = { closest: [], forward: [], 'vigil-near': [], vigil: [] }
  let count = 0
  for (let day = 0; day < days; day++) {
    const calls = generateDay(shape, city, (seed * 10_007 + day) % demandSeedFrom, burst)
    count += calls.length
    for (const policy of policyNames) {
      const outcomes = replay[policy](calls)
      measures[policy].push(measureDay(calls, outcomes, () => true))
      rest[policy].push(measureDay(calls, outcomes, call => !call.isBurst))
    }
    options.say?.(`${options.title}: day ${day + 1} of ${days}, ${calls.length} runs`)
  }
  const pair = (policy: PolicyName, minus: PolicyName) => {
    const of = (find: (day: DayMeasure) => number) =>
      average(measures[policy].map((day, at) => find(day) - find(measures[minus][at]!)))
    return {
      policy,
      minus,
      meanS: of(day => day.meanS)!,
      p90S: of(day => day.p90S)!,
      lateShare: of(day => day.lateShare)!,
      lateByLevel: [0, 1, 2, 3].map(level => of(day => day.lateByLevel[level]!)),
    }
  }
  return {
    title: options.title,
    days,
    calls: count,
    units: shape.units,
    figures: policyNames.map(policy => gather(policy, measures[policy])),
    ...(burst ? { rest: policyNames.map(policy => gather(policy, rest[policy])) } : {}),
    differences: [
      pair('forward', 'closest'),
      pair('vigil-near', 'closest'),
      pair('vigil', 'closest'),
      pair('vigil', 'forward'),
    ],
  }
}

const seconds = (value: Interval | undefined) =>
  value === undefined ? '–' : `${value.mean.toFixed(0)} (${value.low.toFixed(0)}…${value.high.toFixed(0)})`
const percent = (value: Interval | undefined) =>
  value === undefined
    ? '–'
    : `${(value.mean * 100).toFixed(1)} (${(value.low * 100).toFixed(1)}…${(value.high * 100).toFixed(1)})`

function formatFigures(rows: readonly DayFigures[]): string[] {
  return [
    '| policy | mean s | p90 s | late % | late % I | II | III | IV | mean s I | II | III | IV |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map(
      row =>
        `| ${row.policy} | ${seconds(row.meanS)} | ${seconds(row.p90S)} | ${percent(row.lateShare)} | ` +
        `${row.lateByLevel.map(percent).join(' | ')} | ${row.meanByLevelS.map(seconds).join(' | ')} |`,
    ),
  ]
}

/** A comparison as markdown. */
export function formatDays(comparison: DayComparison): string[] {
  return [
    `### ${comparison.title}`,
    '',
    `${comparison.days} days, ${comparison.calls} runs, ${comparison.units} units.`,
    '',
    ...formatFigures(comparison.figures),
    '',
    ...(comparison.rest ? ['Calls outside the burst:', '', ...formatFigures(comparison.rest), ''] : []),
    '| paired difference | mean s | p90 s | late points | late points I | II | III | IV |',
    '|---|---|---|---|---|---|---|---|',
    ...comparison.differences.map(
      row =>
        `| ${row.policy} − ${row.minus} | ${seconds(row.meanS)} | ${seconds(row.p90S)} | ${percent(row.lateShare)} | ` +
        `${row.lateByLevel.map(percent).join(' | ')} |`,
    ),
    '',
  ]
}

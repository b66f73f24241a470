// Compares dispatch policies on generated evenings with paired seeds: the same calls for every policy, differences per evening.
// Stands outside the house: generates calls and cities, measures outcomes; the policies come in as functions.
// Promises: seeded, so the same seed gives the same evenings on every machine; no clock, no chance of its own.

import { type CallOutcome, type EveningCall, nearestIndex, type Point } from './dispatch-replay.ts'

/** A seeded stream of numbers in [0, 1). */
export type Draw = () => number

/**
 * Starts a seeded stream of uniform numbers in [0, 1).
 * @source mulberry32 (public domain, T. Ettinger 2017): one 32-bit state word, period 2^32
 */
export function startDraw(seed: number): Draw {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws from the standard normal law (Box-Muller). */
export function drawNormal(draw: Draw): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}

/** Draws the waiting time to the next arrival of a Poisson process, in seconds. */
export function drawWaitS(draw: Draw, perHour: number): number {
  return (-Math.log(1 - draw()) * 3600) / perHour
}

const metresPerDegree = (6_371_000 * Math.PI) / 180

/** A point at normally distributed distances east and north of `centre`. */
export function drawPointAround(draw: Draw, centre: Point, sigmaM: number): Point {
  const lat = centre.lat + (drawNormal(draw) * sigmaM) / metresPerDegree
  const lon = centre.lon + (drawNormal(draw) * sigmaM) / (metresPerDegree * Math.cos((centre.lat * Math.PI) / 180))
  return { lon, lat }
}

export type EveningPlan = {
  bases: readonly Point[]
  hospitals: readonly Point[]
  callsPerHour: number
  fromS: number
  toS: number
  sigmaM: number
  /** Probability of each priority, summing to 1. */
  priorityShares: readonly number[]
  onSceneS: number
  atHospitalS: number
}

/** The evenings of the Proof: 18:00-20:00, 18 calls an hour, 3 km around all bases, priorities .15/.32/.53. */
export function planEvening(bases: readonly Point[], hospitals: readonly Point[]): EveningPlan {
  return {
    bases,
    hospitals,
    callsPerHour: 18,
    fromS: 18 * 3600,
    toS: 20 * 3600,
    sigmaM: 3000,
    priorityShares: [0.15, 0.32, 0.53],
    onSceneS: 600,
    atHospitalS: 600,
  }
}

/** Generates one evening's calls, ascending in time; patients go to the hospital nearest to them. */
export function generateEvening(plan: EveningPlan, seed: number): EveningCall[] {
  const draw = startDraw(seed)
  const calls: EveningCall[] = []
  for (let timeS = plan.fromS + drawWaitS(draw, plan.callsPerHour); timeS < plan.toS; ) {
    const centre = plan.bases[Math.floor(draw() * plan.bases.length)]!
    const place = drawPointAround(draw, centre, plan.sigmaM)
    let mark = draw()
    let priority = 0
    while (priority < plan.priorityShares.length - 1 && mark >= plan.priorityShares[priority]!) {
      mark -= plan.priorityShares[priority]!
      priority += 1
    }
    calls.push({
      ...place,
      timeS,
      priority,
      onSceneS: plan.onSceneS,
      atHospitalS: plan.atHospitalS,
      hospital: nearestIndex(plan.hospitals, plan.hospitals.length, place),
    })
    timeS += drawWaitS(draw, plan.callsPerHour)
  }
  return calls
}

/**
 * Generates a city of `baseCount` bases and `hospitalCount` hospitals: a dense core and towns around it, bases in random order.
 * Used to choose settings, so that no real scenario is ever tuned to.
 */
export function generateCity(
  seed: number,
  shape: { baseCount: number; hospitalCount: number; coreSigmaM: number; townCount: number; townDistanceM: number },
): { bases: Point[]; hospitals: Point[] } {
  const draw = startDraw(seed)
  const centre = { lon: 113 + draw() * 8, lat: 24 + draw() * 14 }
  const towns = Array.from({ length: shape.townCount }, () => drawPointAround(draw, centre, shape.townDistanceM))
  const place = (): Point => {
    const inCore = towns.length === 0 || draw() < 0.6
    const around = inCore ? centre : towns[Math.floor(draw() * towns.length)]!
    return drawPointAround(draw, around, inCore ? shape.coreSigmaM : shape.coreSigmaM / 2)
  }
  const bases = Array.from({ length: shape.baseCount }, place)
  // A hospital without a base close to it is rare, so most stand near one.
  const hospitals = Array.from({ length: shape.hospitalCount }, () =>
    drawPointAround(draw, bases[Math.floor(draw() * bases.length)]!, 1500),
  )
  return { bases, hospitals }
}

/** What a policy did: over all calls, and for priority 0 (undefined when there was none). */
export type PolicyMeasure = {
  calls: number
  meanS: number
  q90S: number
  maxS: number
  late900Share: number
  p0MeanS: number | undefined
}

/** Measures outcomes: the 90 % quantile is the value at position floor(0.9 n) in ascending order; late is over 900 s. */
export function measurePolicy(calls: readonly EveningCall[], outcomes: readonly CallOutcome[]): PolicyMeasure {
  const sorted = outcomes.map(outcome => outcome.responseS).sort((a, b) => a - b)
  const urgent = outcomes.filter((_, index) => calls[index]!.priority === 0)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    calls: sorted.length,
    meanS: sorted.length > 0 ? sum(sorted) / sorted.length : Number.NaN,
    q90S: sorted[Math.floor(0.9 * sorted.length)] ?? Number.NaN,
    maxS: sorted.at(-1) ?? Number.NaN,
    late900Share: sorted.length > 0 ? sorted.filter(value => value > 900).length / sorted.length : Number.NaN,
    p0MeanS: urgent.length > 0 ? sum(urgent.map(outcome => outcome.responseS)) / urgent.length : undefined,
  }
}

// Two-sided 97.5 % points of Student's t for 1..30 degrees of freedom.
const studentPoints = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]

/** The mean of paired differences with its 95 % interval (Student's t). Needs two differences or more; else the interval is unbounded. */
export function measurePaired(differences: readonly number[]): { mean: number; low: number; high: number } {
  const n = differences.length
  const mean = differences.reduce((total, value) => total + value, 0) / n
  if (n < 2) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  const variance = differences.reduce((total, value) => total + (value - mean) ** 2, 0) / (n - 1)
  // Beyond 30 degrees the expansion 1.96 + 2.37/df is within 0.001 of the table.
  const point = studentPoints[n - 2] ?? 1.96 + 2.37 / (n - 1)
  const half = point * Math.sqrt(variance / n)
  return { mean, low: mean - half, high: mean + half }
}

export type Policy = { name: string; replay: (calls: readonly EveningCall[], seed: number) => CallOutcome[] }

export type PolicyComparison = {
  evenings: number
  measures: { name: string; measure: PolicyMeasure; lateShareByPriority: number[] }[]
  /** Mean response of each policy minus that of the first one, paired by evening. */
  differences: { name: string; minus: string; mean: number; low: number; high: number }[]
}

/** Compares policies on the evenings of `seeds`; the first policy is the one the others are measured against. */
export function comparePolicies(
  plan: EveningPlan,
  seeds: readonly number[],
  policies: readonly Policy[],
): PolicyComparison {
  const allCalls: EveningCall[] = []
  const allOutcomes: CallOutcome[][] = policies.map(() => [])
  const means: number[][] = policies.map(() => [])
  for (const seed of seeds) {
    const calls = generateEvening(plan, seed)
    if (calls.length === 0) continue
    allCalls.push(...calls)
    policies.forEach((policy, at) => {
      const outcomes = policy.replay(calls, seed)
      allOutcomes[at]!.push(...outcomes)
      means[at]!.push(outcomes.reduce((total, outcome) => total + outcome.responseS, 0) / outcomes.length)
    })
  }
  const first = policies[0]!
  return {
    evenings: means[0]!.length,
    measures: policies.map((policy, at) => ({
      name: policy.name,
      measure: measurePolicy(allCalls, allOutcomes[at]!),
      lateShareByPriority: plan.priorityShares.map((_, priority) => {
        const own = allOutcomes[at]!.filter((_outcome, index) => allCalls[index]!.priority === priority)
        return own.length > 0 ? own.filter(outcome => outcome.responseS > 900).length / own.length : 0
      }),
    })),
    differences: policies.slice(1).map((policy, at) => ({
      name: policy.name,
      minus: first.name,
      ...measurePaired(means[at + 1]!.map((mean, evening) => mean - means[0]![evening]!)),
    })),
  }
}

/** Prints a comparison as lines of text, one policy a line, then one paired difference a line. */
export function formatComparison(title: string, comparison: PolicyComparison): string {
  const lines = [`${title}: ${comparison.evenings} evenings, ${comparison.measures[0]?.measure.calls ?? 0} calls`]
  for (const { name, measure, lateShareByPriority } of comparison.measures) {
    const late = lateShareByPriority.map(share => share.toFixed(3)).join('/')
    lines.push(
      `  ${name.padEnd(8)} mean ${measure.meanS.toFixed(1)} s  p90 ${measure.q90S.toFixed(1)} s  late ${measure.late900Share.toFixed(4)}` +
        `  p0 mean ${measure.p0MeanS?.toFixed(1) ?? '-'} s  late by priority ${late}`,
    )
  }
  for (const difference of comparison.differences) {
    lines.push(
      `  ${difference.name} minus ${difference.minus}: ${difference.mean.toFixed(1)} s, 95 % interval ${difference.low.toFixed(1)} .. ${difference.high.toFixed(1)} s`,
    )
  }
  return lines.join('\n')
}

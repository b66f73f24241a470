// The simulation study of Noufaily et al. 2013: 42 kinds of weekly surveillance series with planted outbreaks.
// Stands outside the house: it makes series, it judges nothing. Every number follows from the scenario, the seed and the
// replicate, so that a table can be made again on any machine.
import { type Chance, createChance } from '../seed.ts'

/** One of the 42 series laws. `beta` is 0 without a trend, the gammas are 0 without a season. */
export type Scenario = {
  scenario: number
  theta: number
  beta: number
  gamma1: number
  gamma2: number
  /** Variance over mean; 1 is Poisson. */
  phi: number
  /** Harmonics of the season: 0, 1 or 2. */
  m: 0 | 1 | 2
  trend: 0 | 1
}

/** Weeks of a series: 12 years of 52. */
export const weeksMax = 624
/** 0-based first weeks of the baseline (week 313) and of the judged year (week 576). */
export const baselineFirst = 312
export const currentFirst = 575
/** Outbreaks planted in the baseline, and the sizes they may have. */
export const baselineOutbreaks = 4
export const baselineSizes = [2, 3, 5, 10] as const
/** Sizes of the one outbreak of the judged year. */
export const currentSizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const
/** Standard deviation of the logarithm of a case's delay in weeks; its median is one week. */
const delaySigma = 0.5

const parameterSets: readonly (readonly [number, number, number, number, number])[] = [
  [0.1, 0.0025, 0.6, 0.6, 1.5],
  [-2, 0.005, 0.1, 0.3, 2],
  [1.5, 0.003, 0.2, -0.4, 1],
  [0.5, 0.002, 0.5, 0.5, 5],
  [2.5, 0.001, 1, 0.1, 3],
  [3.75, 0.001, 0.1, -0.1, 1.1],
  [5, 0.0001, 0.05, 0.01, 1.2],
]

/**
 * Lists the 42 scenarios in their published order: number = 6(set - 1) + 3 trend + m + 1.
 * @source Noufaily et al. 2013, Stat Med 32:1206-1222; parameters as two public replications of the study agree on them
 */
export function listScenarios(): Scenario[] {
  return parameterSets.flatMap(([theta, beta, gamma1, gamma2, phi], set) =>
    ([0, 1] as const).flatMap(trend =>
      ([0, 1, 2] as const).map(m => ({
        scenario: 6 * set + 3 * trend + m + 1,
        theta,
        beta: trend === 1 ? beta : 0,
        gamma1: m > 0 ? gamma1 : 0,
        gamma2: m > 0 ? gamma2 : 0,
        phi,
        m,
        trend,
      })),
    ),
  )
}

/** Expected count of week `t`, 1-based: exp(theta + beta t + sum over the harmonics of gamma1 cos + gamma2 sin). */
export function getMean(scenario: Scenario, t: number): number {
  let exponent = scenario.theta + scenario.beta * t
  for (let j = 1; j <= scenario.m; j++) {
    const turn = (2 * Math.PI * j * t) / 52
    exponent += scenario.gamma1 * Math.cos(turn) + scenario.gamma2 * Math.sin(turn)
  }
  return Math.exp(exponent)
}

/** Draws a count of mean `mean` and variance phi × mean: negative binomial of size mean/(phi - 1), Poisson at phi = 1. */
export function drawCount(chance: Chance, mean: number, phi: number): number {
  return phi > 1 ? chance.negativeBinomial(mean, mean / (phi - 1)) : chance.poisson(mean)
}

/** A planted outbreak. `cases` are its additional cases by week from `start` (0-based) on; empty when none were drawn. */
export type PlantedOutbreak = { start: number; size: number; cases: number[] }

/**
 * Draws the outbreak of size `size` that starts in week `start` (0-based): Poisson(size × sd) cases, sd the standard
 * deviation of that week's count, each delayed by floor(LogNormal(0, 0.5)) weeks. Cases beyond the series are lost.
 */
export function drawOutbreak(chance: Chance, scenario: Scenario, start: number, size: number): PlantedOutbreak {
  const sd = Math.sqrt(scenario.phi * getMean(scenario, start + 1))
  const total = chance.poisson(size * sd)
  const cases: number[] = []
  for (let one = 0; one < total; one++) {
    const delay = Math.floor(chance.logNormal(1, delaySigma))
    if (start + delay >= weeksMax) continue
    while (cases.length <= delay) cases.push(0)
    cases[delay]!++
  }
  return { start, size, cases }
}

/** A generated series: `quiet` has the baseline outbreaks alone, `counts` the outbreak of the judged year besides. */
export type GeneratedSeries = {
  scenario: Scenario
  quiet: number[]
  counts: number[]
  planted: PlantedOutbreak[]
  current: PlantedOutbreak
}

/**
 * Generates one replicate of a scenario. The sizes go round with the replicate, so that every size is equally frequent;
 * everything else is drawn from (seed, scenario, replicate).
 */
export function generateSeries(scenario: Scenario, seed: number, replicate: number): GeneratedSeries {
  const chance = createChance(seed).fork('noufaily', scenario.scenario, replicate)
  const quiet = Array.from({ length: weeksMax }, (_, week) =>
    drawCount(chance, getMean(scenario, week + 1), scenario.phi),
  )
  const baselineSize = baselineSizes[replicate % baselineSizes.length]!
  const planted: PlantedOutbreak[] = []
  for (let one = 0; one < baselineOutbreaks; one++) {
    const start = baselineFirst + chance.int(currentFirst - baselineFirst)
    // What reaches into the judged year would make its quiet weeks unquiet.
    const outbreak = drawOutbreak(chance, scenario, start, baselineSize)
    outbreak.cases.splice(currentFirst - start)
    addCases(quiet, outbreak)
    planted.push(outbreak)
  }
  const counts = [...quiet]
  const size = currentSizes[replicate % currentSizes.length]!
  const current = drawOutbreak(chance, scenario, currentFirst + chance.int(weeksMax - currentFirst), size)
  addCases(counts, current)
  return { scenario, quiet, counts, planted, current }
}

function addCases(counts: number[], outbreak: PlantedOutbreak): void {
  outbreak.cases.forEach((cases, delay) => {
    counts[outbreak.start + delay]! += cases
  })
}

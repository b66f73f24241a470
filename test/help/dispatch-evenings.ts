// Runs the paired comparison of dispatch policies over generated evenings with the product's own advice among them.
// Stands in test/ because it joins simulations/ (evenings, bare policies) with server/advise (through the vigil advisor).
// Promises: seeded; the demand that cover knows is drawn from seeds that no compared evening uses.

import {
  comparePolicies,
  type EveningPlan,
  generateEvening,
  type PolicyComparison,
  planEvening,
} from '../../simulations/evaluate/dispatch.ts'
import {
  type Point,
  replayClosest,
  replayForward,
  type Stage,
  threeTypeRule,
} from '../../simulations/evaluate/dispatch-replay.ts'
import { scenarioSpeedMps } from './dispatch-scenario.ts'
import { type DemandPoint, replayVigil, threeTypeReading } from './vigil-advisor.ts'

// Evening seeds stay below this; demand seeds lie above.
const demandSeedFrom = 2 ** 31
const demandEvenings = 6

/** Generates the past calls that cover knows: six evenings of the same plan, on seeds of their own. */
export function generateDemand(plan: EveningPlan, seed: number): DemandPoint[] {
  return Array.from({ length: demandEvenings }, (_, at) =>
    generateEvening(plan, demandSeedFrom + seed * demandEvenings + at),
  ).flat()
}

/** Compares forward (the reference), closest and vigil over `evenings` generated evenings in one city. */
export function compareVigil(
  city: { bases: readonly Point[]; hospitals: readonly Point[] },
  unitCount: number,
  evenings: number,
  seed: number,
): PolicyComparison {
  const plan = planEvening(city.bases, city.hospitals)
  const stage: Stage = { ...city, unitCount, speedMps: scenarioSpeedMps, rule: threeTypeRule }
  const demand = generateDemand(plan, seed)
  // Neighbouring seeds of the stream are unrelated, but a step keeps the evenings of two runs apart.
  const seeds = Array.from({ length: evenings }, (_, at) => (seed * 10_007 + at) % demandSeedFrom)
  return comparePolicies(plan, seeds, [
    { name: 'forward', replay: calls => replayForward(stage, calls) },
    { name: 'closest', replay: calls => replayClosest(stage, calls) },
    { name: 'vigil', replay: calls => replayVigil(stage, calls, threeTypeReading, demand) },
  ])
}

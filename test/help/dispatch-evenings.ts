// Runs the paired comparison of dispatch policies over generated evenings with the product's own advice among them.
// Stands in test/ because it joins simulations/ (evenings, bare policies) with server/advise (through the vigil advisor).
// Promises: seeded; the demand that cover knows is drawn from seeds that no compared evening uses.

import { type AdviseSettings, defaultAdviseSettings } from '../../server/advise/settings.ts'
import {
  comparePolicies,
  type EveningPlan,
  generateCity,
  generateEvening,
  type PolicyComparison,
  planEvening,
} from '../../simulations/evaluate/dispatch.ts'
import {
  type EveningCall,
  type Point,
  replayClosest,
  replayForward,
  type Stage,
  threeTypeRule,
} from '../../simulations/evaluate/dispatch-replay.ts'
import { scenarioSpeedMps } from './dispatch-scenario.ts'
import { type DemandPoint, replayVigil, threeTypeReading } from './vigil-advisor.ts'

/** Cities on which the settings were chosen, and cities kept apart to check that choice; never the other way round. */
export const choosingCities = [11, 12, 13, 14, 15, 16, 31, 32, 33, 34, 35, 36, 61, 62, 63, 64, 65, 66] as const
export const checkingCities = [101, 102, 103, 104, 105, 106] as const

const shapes = [
  { baseCount: 34, hospitalCount: 10, coreSigmaM: 6000, townCount: 4, townDistanceM: 18_000 },
  { baseCount: 34, hospitalCount: 8, coreSigmaM: 9000, townCount: 0, townDistanceM: 0 },
  { baseCount: 34, hospitalCount: 10, coreSigmaM: 5000, townCount: 6, townDistanceM: 14_000 },
]

/** Generates the city of a seed: one of three shapes (towns around a core, one wide town, many small towns). */
export function generateSeededCity(citySeed: number): { bases: Point[]; hospitals: Point[] } {
  return generateCity(citySeed, shapes[citySeed % shapes.length]!)
}

// Evening seeds stay below this; demand seeds lie above.
const demandSeedFrom = 2 ** 31
const demandEvenings = 6

/** Generates the past calls that cover knows: six evenings of the same plan, on seeds of their own. */
export function generateDemand(plan: EveningPlan, seed: number): DemandPoint[] {
  return Array.from({ length: demandEvenings }, (_, at) =>
    generateEvening(plan, demandSeedFrom + seed * demandEvenings + at),
  ).flat()
}

/** Compares forward (the reference), closest and vigil, or the named settings of it, over `evenings` generated evenings in one city. */
export function compareVigil(
  city: { bases: readonly Point[]; hospitals: readonly Point[] },
  unitCount: number,
  evenings: number,
  seed: number,
  variants: Readonly<Record<string, AdviseSettings>> = { vigil: defaultAdviseSettings },
): PolicyComparison {
  const plan = planEvening(city.bases, city.hospitals)
  const stage: Stage = { ...city, unitCount, speedMps: scenarioSpeedMps, rule: threeTypeRule }
  const demand = generateDemand(plan, seed)
  // Neighbouring seeds of the stream are unrelated, but a step keeps the evenings of two runs apart.
  const seeds = Array.from({ length: evenings }, (_, at) => (seed * 10_007 + at) % demandSeedFrom)
  return comparePolicies(plan, seeds, [
    { name: 'forward', replay: calls => replayForward(stage, calls) },
    { name: 'closest', replay: calls => replayClosest(stage, calls) },
    ...Object.entries(variants).map(([name, settings]) => ({
      name,
      replay: (calls: readonly EveningCall[]) => replayVigil(stage, calls, threeTypeReading, demand, settings),
    })),
  ])
}

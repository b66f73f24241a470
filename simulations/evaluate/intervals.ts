// Intervals for the evaluation tables: shares by Wilson, everything else by the bootstrap over whole cities.
// Stands outside the house. Seeded: the same values and seed give the same interval.
import { type Chance, createChance } from '../seed.ts'

/** A figure with its 95 % interval. */
export type Interval = { value: number; low: number; high: number }

/** 97.5 % point of the standard normal law. */
const z = 1.959964

/**
 * The share `hits` of `trials` with its 95 % score interval; NaN with the whole range without trials.
 * @source Wilson 1927, J Am Stat Assoc 22:209-212
 */
export function computeWilson(hits: number, trials: number): Interval {
  if (trials <= 0) return { value: Number.NaN, low: 0, high: 1 }
  const share = hits / trials
  const scale = 1 + (z * z) / trials
  const centre = (share + (z * z) / (2 * trials)) / scale
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))
  // Rounding must not carry a bound past a share of 0 or 1.
  return {
    value: share,
    low: Math.max(0, Math.min(share, centre - half)),
    high: Math.min(1, Math.max(share, centre + half)),
  }
}

/** Sample quantile by linear interpolation between order statistics of ascending values; NaN without any. */
export function findQuantile(ascending: readonly number[], share: number): number {
  if (ascending.length === 0) return Number.NaN
  const at = share * (ascending.length - 1)
  const below = ascending[Math.floor(at)]!
  const above = ascending[Math.ceil(at)]!
  return below + (above - below) * (at - Math.floor(at))
}

/**
 * A statistic of independent clusters (cities, evenings) with its 95 % percentile interval, clusters drawn with replacement:
 * what happens within one city hangs together, so cities and not alerts are drawn. Draws on which the statistic is not
 * finite are left out; the value is that of all clusters.
 * @source Efron 1979, Ann Stat 7:1-26; percentile interval
 */
export function computeBootstrap<T>(
  clusters: readonly T[],
  measure: (clusters: readonly T[]) => number,
  seed: number,
  rounds = 1_000,
): Interval {
  const value = measure(clusters)
  const chance: Chance = createChance(seed).fork('bootstrap', clusters.length)
  const drawn: number[] = []
  for (let round = 0; round < rounds && clusters.length > 0; round++) {
    const figure = measure(clusters.map(() => clusters[chance.int(clusters.length)]!))
    if (Number.isFinite(figure)) drawn.push(figure)
  }
  drawn.sort((a, b) => a - b)
  return { value, low: findQuantile(drawn, 0.025), high: findQuantile(drawn, 0.975) }
}

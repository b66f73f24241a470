/**
 * Speeds: how fast an ambulance drives by road class, hour of the week and siren, and what a drive costs where no road is known.
 * Stands before graph.ts (which weighs arcs by it) and behind travel.ts (whose fallback it is). Pure.
 * Promises: every factor is a positive number; the straight line never pretends to be a road, its caller says which it was.
 */
import { getHourIndex } from '#contract/scalars.ts'
import type { Place, RoadLeg } from './graph.ts'

export const hoursOfWeek = 168

/** Hour of the week of an instant in Asia/Shanghai, 0 = Monday 00:00. */
export function getHourOfWeek(at: number): number {
  // Day 0 of the epoch was a Thursday: three days after the Monday of its week.
  return (((getHourIndex(at) + 3 * 24) % hoursOfWeek) + hoursOfWeek) % hoursOfWeek
}

/** Factors on a class's speed for each hour of the week, without and with siren. */
export type HourFactors = { plain: Float64Array; siren: Float64Array }

/**
 * Gain of the siren over ordinary traffic outside the rush hours. An estimate a region replaces in its road pack.
 * @source order of size only: savings of under a minute in town to a few minutes outside (Hunt et al. 1995, Ann Emerg Med 25:507;
 * Ho & Lindquist 2001, Prehosp Emerg Care 5:159)
 */
export const sirenFactorDefault = 1.25

/** Ordinary traffic in a rush hour against free flow, and what is left of it for a siren. Estimates, replaced by a road pack. */
const rushPlain = 0.72
const rushSiren = 0.88
const rushHours: readonly number[] = [7, 8, 17, 18]

/** The factors a region starts with: two rush hours, morning and evening, on working days. */
export function makeHourFactors(sirenFactor: number = sirenFactorDefault): HourFactors {
  const plain = new Float64Array(hoursOfWeek).fill(1)
  const siren = new Float64Array(hoursOfWeek).fill(sirenFactor)
  for (let day = 0; day < 5; day += 1) {
    for (const hour of rushHours) {
      plain[day * 24 + hour] = rushPlain
      siren[day * 24 + hour] = sirenFactor * rushSiren
    }
  }
  return { plain, siren }
}

/** Road metres for each metre of straight line. @source domain/dispatch.md §4.3; circuity of towns is 1.25-1.45 (§5) */
export const circuity = 1.4

/**
 * Class speeds of a drive whose roads are not known: it starts on side streets, goes on over arterials, and only its middle, when
 * it is long, over national roads. `untilMetres` counts from the start.
 */
const straightStages = [
  { untilMetres: 2_000, speedKmh: 32 },
  { untilMetres: 10_000, speedKmh: 48 },
  { untilMetres: Number.POSITIVE_INFINITY, speedKmh: 68 },
] as const

const straightFactors = makeHourFactors()
const earthRadiusM = 6_371_000

/** Great-circle metres (haversine, R = 6371 km). */
function measureCrow(from: Place, to: Place): number {
  const rad = Math.PI / 180
  const a =
    Math.sin(((to.lat - from.lat) * rad) / 2) ** 2 +
    Math.cos(from.lat * rad) * Math.cos(to.lat * rad) * Math.sin(((to.lon - from.lon) * rad) / 2) ** 2
  return 2 * earthRadiusM * Math.asin(Math.min(1, Math.sqrt(a)))
}

/** A drive by the straight line: great circle × 1.4 at class speeds for the hour and siren. Not finite for a place that is none. */
export function measureStraightLeg(from: Place, to: Place, hourOfWeek: number, siren: boolean): RoadLeg {
  const metres = measureCrow(from, to) * circuity
  const factor = (siren ? straightFactors.siren : straightFactors.plain)[hourOfWeek] ?? 1
  let seconds = 0
  let before = 0
  for (const { untilMetres, speedKmh } of straightStages) {
    const here = Math.min(metres, untilMetres) - before
    if (!(here > 0)) break
    seconds += (here * 3.6) / (speedKmh * factor)
    before = untilMetres
  }
  return { seconds: Number.isFinite(metres) ? seconds : Number.NaN, metres }
}

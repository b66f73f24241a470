// A full day of dispatch for the evaluation: a generated city of stations and hospitals, and days of calls drawn from the shape of a
// scenario (demand by hour, place and level, time on scene and at hospital), with or without a burst of casualties.
// Stands outside the house; the policies come in as functions. Promises: seeded, no clock, no chance of its own.

import type { Burst, DayShape } from '../city.ts'
import { drawNormal, drawPointAround, drawWaitS, startDraw } from './dispatch.ts'
import { type EveningCall, measureMetres, type Point, type ServiceRule } from './dispatch-replay.ts'

/** A city to play days in: a dense core and towns around it; stations are in random order, one unit starts at each place. */
export type DayCity = { core: Point; towns: readonly Point[]; stations: readonly Point[]; hospitals: readonly Point[] }

/** Spread of the core and of a town, metres, and how far towns lie: a city of four million on some 4,000 km². */
export const coreSigmaM = 6_500
export const townSigmaM = 2_500
export const townCount = 6
export const townDistanceM = 24_000
/** Straight-line speed: about 45 km/h by road over a circuity of 1.35. */
export const crowSpeedMps = 45_000 / 3_600 / 1.35
/** Share of units with advanced life support (classes B and C of WS/T 292). */
export const advancedShare = 0.6
/** A response later than this is late: the reaction target of the report. */
export const lateAfterS = 900

/** Generates the city of a seed for the fleet and the hospitals of a shape. */
export function generateDayCity(shape: DayShape, seed: number): DayCity {
  const draw = startDraw(seed)
  const core = { lon: 115 + draw() * 5, lat: 27 + draw() * 8 }
  const towns = Array.from({ length: townCount }, () => drawPointAround(draw, core, townDistanceM))
  const place = (): Point =>
    draw() < 0.6
      ? drawPointAround(draw, core, coreSigmaM)
      : drawPointAround(draw, towns[Math.floor(draw() * towns.length)]!, townSigmaM)
  return {
    core,
    towns,
    stations: Array.from({ length: shape.stations }, place),
    hospitals: Array.from({ length: shape.hospitals }, place),
  }
}

/** Bases of a fleet: units are spread over the stations in turn, so that the first units are one a station. */
export function listUnitBases(city: DayCity, shape: DayShape): Point[] {
  return Array.from({ length: shape.units }, (_, unit) => city.stations[unit % city.stations.length]!)
}

/** Advanced units serve every level; the others levels III and IV. The nearest in time wins. */
export const dayRule: ServiceRule = {
  name: 'day',
  // Five units in turn: advanced, basic, advanced, advanced, basic.
  typeOf: unit => ([0, 1, 0, 0, 1] as const)[unit % 5]!,
  mayServe: (type, priority) => type === 0 || priority >= 2,
  cost: responseS => responseS,
}

/** One call of a day; `isBurst` marks the casualties of a burst. */
export type DayCall = EveningCall & { isBurst: boolean }

function drawLogNormal(draw: () => number, median: number, sigma: number): number {
  return median * Math.exp(sigma * drawNormal(draw))
}

/** A patient goes to the nearest hospital; one in five to the second nearest, where the bed or the speciality is. */
function drawHospital(draw: () => number, city: DayCity, place: Point): number {
  const near = city.hospitals
    .map((hospital, index) => ({ index, metres: measureMetres(place, hospital) }))
    .sort((a, b) => a.metres - b.metres || a.index - b.index)
  return near[draw() < 0.2 && near.length > 1 ? 1 : 0]!.index
}

/** Draws the runs of one day, ascending in time, seconds since midnight. With a burst its casualties are among them. */
export function generateDay(shape: DayShape, city: DayCity, seed: number, burst?: Burst): DayCall[] {
  const draw = startDraw(seed)
  const perDay = (shape.population * shape.runsPerThousandYear) / 1_000 / 365
  const total = shape.hours.reduce((sum, weight) => sum + weight, 0)
  const peak = Math.max(...shape.hours)
  const calls: DayCall[] = []
  const add = (timeS: number, place: Point, priority: number, onSceneS: number, isBurst: boolean) => {
    const hour = Math.floor(timeS / 3_600) % 24
    const isTransport = isBurst || draw() < shape.transportShare
    const hospital = drawHospital(draw, city, place)
    // Who stays at home costs no time at hospital; the drive there is what the replay's mechanics always count.
    const atHospitalS = drawLogNormal(draw, shape.handoverMedianS[hour]!, shape.handoverSigma)
    calls.push({ ...place, timeS, priority, onSceneS, hospital, atHospitalS: isTransport ? atHospitalS : 0, isBurst })
  }
  const perHour = (perDay * peak) / total
  for (let timeS = drawWaitS(draw, perHour); timeS < 86_400; timeS += drawWaitS(draw, perHour)) {
    const hour = Math.floor(timeS / 3_600)
    // Thinning: candidates at the peak rate, each kept with its hour's share of it.
    if (draw() * peak >= shape.hours[hour]!) continue
    const quarter = Math.floor(hour / 6)
    const place =
      draw() < shape.coreShares[quarter]!
        ? drawPointAround(draw, city.core, coreSigmaM)
        : drawPointAround(draw, city.towns[Math.floor(draw() * city.towns.length)]!, townSigmaM)
    let mark = draw()
    let priority = 0
    const shares = shape.levelShares[quarter]!
    while (priority < shares.length - 1 && mark >= shares[priority]!) {
      mark -= shares[priority]!
      priority++
    }
    add(timeS, place, priority, drawLogNormal(draw, shape.sceneMedianS, shape.sceneSigma), false)
  }
  if (burst) {
    const place = drawPointAround(draw, city.core, coreSigmaM)
    for (const [priority, count] of burst.casualties.entries())
      for (let n = 0; n < count; n++) {
        const timeS = burst.atH * 3_600 + draw() * burst.overMinutes * 60
        add(timeS, drawPointAround(draw, place, 80), priority, burst.onSceneS, true)
      }
    calls.sort((a, b) => a.timeS - b.timeS)
  }
  return calls
}

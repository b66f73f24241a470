/**
 * Outlook: what every question for advice looks at first: habits of crews, the cover area, which base counts each unit. Kept
 * between questions; cover is measured by road in the background and by the straight line until then. Reads the world only.
 */
import type { CoverArea } from '../advise/cover.ts'
import { defaultAdviseSettings } from '../advise/settings.ts'
import {
  buildArea,
  type CoverPoint,
  type Habits,
  type Lens,
  listDemand,
  listStations,
  measureHabits,
} from '../advise/situation.ts'
import { getHourOfWeek, measureStraightLeg } from '../roads/speeds.ts'
import type { Travel } from '../roads/travel.ts'
import { findRegionAt, type World } from '../state/world.ts'

/** City time after which habits are measured again, and after which cover by road is tried again when it failed. */
const habitsKeptMs = 60_000
const coverRetryMs = 60_000
const coverSettings = defaultAdviseSettings.cover
export const coverSecondsMax = Math.max(...coverSettings.withinSeconds[2])

export type Cover = {
  stations: CoverPoint[]
  demand: CoverPoint[]
  area: CoverArea
  travel: 'roads' | 'straight-line'
  key: string
  roadKey?: string
}

export type Look = {
  lens: Lens
  area: CoverArea
  stations: readonly CoverPoint[]
  demand: readonly CoverPoint[]
  coverTravel: 'roads' | 'straight-line'
}
export type Outlook = { look(now: number): Look }

/** Makes the outlook of a world. */
export function createOutlook(ports: { world: World; travel: Travel }): Outlook {
  const { world, travel } = ports
  let habits: Habits | undefined
  let habitsAt = 0
  let cover: Cover | undefined
  let isBuilding = false
  let coverFailedAt = Number.NEGATIVE_INFINITY

  const getHabits = (now: number): Habits => {
    if (!habits || Math.abs(now - habitsAt) > habitsKeptMs) {
      habits = measureHabits(world)
      habitsAt = now
    }
    return habits
  }

  /** Measures every station to every cell by road, one cell an order so that a desk's question waits for one at most. */
  const buildByRoad = async (now: number, base: Cover, demand: readonly CoverPoint[]): Promise<void> => {
    const hourOfWeek = getHourOfWeek(now)
    const seconds = new Float64Array(base.stations.length * demand.length)
    for (let cell = 0; cell < demand.length; cell += 1) {
      const target = demand[cell]!
      // Beyond the threshold nothing is covered, so a search as far as it is enough and keeps a desk's question short.
      const order = { target, places: base.stations, hourOfWeek, siren: true, secondsMax: coverSecondsMax }
      const answer = await travel.measure(order)
      if ('gap' in answer && answer.gap !== 'off-road') {
        coverFailedAt = now
        return
      }
      base.stations.forEach((station, at) => {
        seconds[at * demand.length + cell] =
          'legs' in answer ? answer.legs.seconds[at]! : measureStraightLeg(station, target, hourOfWeek, true).seconds
      })
    }
    if (cover?.key !== base.key) return
    const area = buildArea(base.stations, demand, seconds, coverSettings)
    cover = { ...base, area, travel: 'roads', roadKey: `${base.key}|${hourOfWeek}` }
  }
  const getCover = (now: number): Cover => {
    const stations = listStations(world)
    const key = `${world.city.regionsVersion}|${stations.map(({ id, lon, lat }) => `${id},${lon},${lat}`).join(';')}`
    const hourOfWeek = getHourOfWeek(now)
    const isNew = cover?.key !== key
    if (!isNew && (isBuilding || cover!.roadKey === `${key}|${hourOfWeek}`)) return cover!
    if (!isNew && Math.abs(now - coverFailedAt) < coverRetryMs) return cover!
    const demand = listDemand(world)
    if (!cover || isNew) {
      const seconds = new Float64Array(stations.length * demand.length)
      stations.forEach((station, at) => {
        demand.forEach((cell, to) => {
          seconds[at * demand.length + to] = measureStraightLeg(station, cell, hourOfWeek, true).seconds
        })
      })
      cover = {
        stations,
        demand,
        area: buildArea(stations, demand, seconds, coverSettings),
        travel: 'straight-line',
        key,
      }
    }
    if (!isBuilding && stations.length > 0 && demand.length > 0) {
      isBuilding = true
      void buildByRoad(now, cover, demand).finally(() => {
        isBuilding = false
      })
    }
    return cover
  }

  const countyOf = (regionCode: string): string => findRegionAt(world, regionCode, 'county') ?? regionCode

  return {
    look(now) {
      const { stations, demand, area, travel: coverTravel } = getCover(now)
      const stationOf = new Map(stations.map((station, at) => [station.id, at]))
      const lens: Lens = {
        now,
        habits: getHabits(now),
        countyOf,
        // A unit sent to stand elsewhere covers from there.
        stationAt: unit => stationOf.get(unit.baseId ?? unit.stationId ?? '') ?? -1,
      }
      return { lens, area, stations, demand, coverTravel }
    },
  }
}

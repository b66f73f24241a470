/**
 * Advice: who should go to an incident, asked for by a desk. Joins the pure recommendation (advise/) with drives (roads/) and
 * writes the view. Reads the world, changes nothing, is no part of the line.
 * Promises: every row can be ordered at the moment it is computed; an answer goes wholly by road or wholly by the straight line
 * and says which and why; roads that do not answer never keep a desk waiting beyond the timeout of travel.
 */
import type { AdviceRowView, AdviceView, TravelKind } from '#contract/view.ts'
import type { CoverArea } from '../advise/cover.ts'
import {
  type AdviceRow,
  type AdviseInput,
  type AdviseUnit,
  type Leg,
  measureCrowMetres,
  type Place,
  recommendUnits,
} from '../advise/recommend.ts'
import { type AdviseSettings, defaultAdviseSettings } from '../advise/settings.ts'
import {
  buildArea,
  type CoverPoint,
  countStations,
  type Habits,
  type Lens,
  listDemand,
  listStations,
  measureHabits,
  readCall,
  readUnit,
} from '../advise/situation.ts'
import type { RoadLeg } from '../roads/graph.ts'
import { getHourOfWeek, measureStraightLeg } from '../roads/speeds.ts'
import type { Travel, TravelGap } from '../roads/travel.ts'
import { unitsOnIncidentMax } from '../state/open.ts'
import { isFree } from '../state/tasks.ts'
import { findRegionAt, type Incident, type Unit, type World } from '../state/world.ts'

/**
 * The settings of the desk. The line takes an order only for a unit that is free (UNIT_TAKEN otherwise), so nothing is diverted or
 * sent as a next task: no level is 9 levels below another, and no release lies before now.
 */
export const deskSettings: AdviseSettings = {
  ...defaultAdviseSettings,
  version: `${defaultAdviseSettings.version}-desk`,
  soonFreeSecondsMax: { 1: -1, 2: -1, 3: -1, 4: -1 },
  soonFreeAuto: { 1: false, 2: false, 3: false, 4: false },
  diversionLevelGapMin: 9,
  withdrawalLevelGapMin: 9,
  // All that were searched: the five shown are chosen among them.
  rowsMax: defaultAdviseSettings.candidatesMax,
  nearerMax: 16,
}
const soonFreeSettings: AdviseSettings = {
  ...deskSettings,
  soonFreeSecondsMax: defaultAdviseSettings.soonFreeSecondsMax,
}

export const rowsShownMax = 5
export const soonFreeShownMax = 3
export const nearerShownMax = 5
/** Levels driven to with siren: I to III; a minor case is reached in ordinary traffic. */
const sirenLevelMax = 3
/** No ambulance is sent on a longer drive; further units have no road. */
const driveSecondsMax = 2 * 3_600
/** 90 % of a drive against its median: of a road whose traffic is an estimate, and of a line that knows no river. Estimates. */
const p90Factor: Readonly<Record<TravelKind, number>> = { roads: 1.4, 'straight-line': 1.7 }
/** Drives asked for before anything is judged: those of every row, and a few more that often spare a second round. */
const likelyMax = deskSettings.candidatesMax + 8
/** Rounds of asking for the drives a choice turned out to want; one or two are usual, since each settles what the last one guessed. */
const roundsMax = 6
const coverSecondsMax = Math.max(...deskSettings.cover.withinSeconds[2])
/** City time after which habits are measured again, and after which cover by road is tried again when it failed. */
const habitsKeptMs = 60_000
const coverRetryMs = 60_000

const gapText: Readonly<Record<TravelGap, { zh: string; en: string }>> = {
  'no-pack': { zh: '未配置路网', en: 'no road pack is configured' },
  refused: { zh: '路网包有误，未启用', en: 'the road pack was refused' },
  loading: { zh: '路网正在读取', en: 'the roads are still being read' },
  busy: { zh: '路网查询繁忙', en: 'the road search is busy' },
  late: { zh: '路网查询超时', en: 'the road search did not answer in time' },
  lost: { zh: '路网查询失败', en: 'the road search failed' },
  'off-road': { zh: '没有道路通达现场', en: 'no road leads to the scene' },
}

export type AdvisorPorts = { world: World; travel: Travel; now(): number }
export type Advisor = {
  /** Advises on an open incident, among the units that `sees` admits. */
  advise(incident: Incident, sees: (unit: Unit) => boolean): Promise<AdviceView>
}

type Cover = { stations: CoverPoint[]; area: CoverArea; travel: TravelKind; key: string; roadKey?: string }

/** True when the line would take an order for this unit now; the test of state/tasks.ts. */
export function isAssignable(unit: Unit | undefined): boolean {
  return unit !== undefined && isFree(unit)
}

/** Makes the advisor of a world; it keeps habits and cover between questions. */
export function createAdvisor(ports: AdvisorPorts): Advisor {
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
    const area = buildArea(base.stations, demand, seconds, deskSettings.cover)
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
      cover = { stations, area: buildArea(stations, demand, seconds, deskSettings.cover), travel: 'straight-line', key }
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
    async advise(incident, sees) {
      const now = ports.now()
      const { stations, area, travel: coverTravel } = getCover(now)
      const stationOf = new Map(stations.map((station, at) => [station.id, at]))
      const lens: Lens = {
        now,
        habits: getHabits(now),
        countyOf,
        stationAt: unit => (unit.stationId === undefined ? undefined : stationOf.get(unit.stationId)) ?? -1,
      }
      const units: AdviseUnit[] = []
      if (incident.unitIds.length < unitsOnIncidentMax) {
        for (const unit of world.units.values()) {
          if (unit.incidentId !== incident.incidentId && sees(unit)) units.push(readUnit(unit, world.incidents, lens))
        }
      }
      const call = readCall(incident, countyOf)
      const { version } = incident
      const hasCover = area.baseCount > 0 && area.weight.some(weight => weight > 0)
      const input: Omit<AdviseInput, 'findLeg'> = {
        call,
        units,
        settings: deskSettings,
        demandShare: lens.habits.demandShare,
        ...(hasCover ? { cover: countStations(area, units, deskSettings.cover) } : {}),
      }
      const hasFree = units.some(
        unit => !unit.blocked && isAssignable(world.units.get(unit.unitId)) && Number.isFinite(unit.place.lon),
      )
      const hourOfWeek = getHourOfWeek(now)
      const siren = call.level <= sirenLevelMax
      const readLeg = (leg: RoadLeg, kind: TravelKind): Leg => ({
        p50Seconds: leg.seconds,
        p90Seconds: leg.seconds * p90Factor[kind],
        metres: leg.metres,
      })
      const judge = (findLeg: AdviseInput['findLeg']) => {
        const free = recommendUnits({ ...input, findLeg })
        // A unit at a hospital is looked at only when it could be there before the first of those that are free.
        const firstEta = free.rows[0]?.etaP50Seconds ?? Number.POSITIVE_INFINITY
        const soon = units.filter(
          unit => unit.release && !unit.blocked && boundArrival(unit, unit.release.p50Seconds, call.place) < firstEta,
        )
        const { rows } = recommendUnits({ ...input, units: soon, settings: soonFreeSettings, findLeg })
        return { free, soon: rows }
      }
      const judgeStraight = () =>
        judge((_unit, from, to) => readLeg(measureStraightLeg(from, to, hourOfWeek, siren), 'straight-line'))

      /** Asks for the drives that will surely be wanted, judges, asks for those that were wanted besides, until none is missing. */
      const judgeByRoad = async (): Promise<ReturnType<typeof judge> | { gap: TravelGap; code?: string }> => {
        // A unit's drive starts where it stands, also when it first has to end its task there, so its id is the key.
        const known = new Map<string, Leg | undefined>()
        let wanted = listLikely(units, call.place)
        for (let round = 0; round < roundsMax; round += 1) {
          // Asked also when nobody can drive, so that the answer never claims roads that are not there.
          const places = wanted.map(unit => unit.place)
          const order = { target: call.place, places, hourOfWeek, siren, secondsMax: driveSecondsMax }
          const answer = await travel.measure(order)
          if ('gap' in answer) return answer
          wanted.forEach(({ unitId }, at) => {
            const [seconds, metres] = [answer.legs.seconds[at]!, answer.legs.metres[at]!]
            known.set(unitId, Number.isFinite(seconds) ? readLeg({ seconds, metres }, 'roads') : undefined)
          })
          const missing = new Map<string, AdviseUnit>()
          const judged = judge((unit, from, to) => {
            if (known.has(unit.unitId)) return known.get(unit.unitId)
            missing.set(unit.unitId, unit)
            return readLeg(measureStraightLeg(from, to, hourOfWeek, siren), 'straight-line')
          })
          if (missing.size === 0) {
            // Free units and no road from any of them: the straight line still names somebody.
            return judged.free.rows.length === 0 && hasFree ? { gap: 'off-road' } : judged
          }
          wanted = [...missing.values()]
        }
        return { gap: 'late' }
      }
      const byRoad = await judgeByRoad()
      const judged = 'gap' in byRoad ? judgeStraight() : byRoad

      // What was ordered elsewhere while the roads were searched is no choice any more.
      const ready = judged.free.rows.filter(row => isAssignable(world.units.get(row.unitId)))
      const capable =
        (call.wants?.length ?? 0) === 0
          ? undefined
          : ready
              .filter(row => row.missingWants.length === 0)
              .reduce<AdviceRow | undefined>((a, b) => (a && a.etaP50Seconds <= b.etaP50Seconds ? a : b), undefined)
      const rows = ready.slice(0, rowsShownMax)
      if (capable && !rows.includes(capable)) rows[rows.length - 1] = capable
      const firstEta = rows[0]?.etaP50Seconds ?? Number.POSITIVE_INFINITY
      const soonFree = judged.soon
        .filter(row => row.kind === 'next' && row.etaP50Seconds < firstEta)
        .sort((a, b) => a.etaP50Seconds - b.etaP50Seconds)
        .slice(0, soonFreeShownMax)
      const shown = new Set([...rows, ...soonFree].map(row => row.unitId))
      return {
        incidentId: incident.incidentId,
        incidentVersion: version,
        level: call.level,
        computedAt: now,
        settingsVersion: deskSettings.version,
        travel: 'gap' in byRoad ? 'straight-line' : 'roads',
        ...('gap' in byRoad ? { travelWhy: { code: byRoad.code ?? byRoad.gap, ...gapText[byRoad.gap] } } : {}),
        coverTravel: hasCover ? coverTravel : 'none',
        wants: [...(call.wants ?? [])],
        rows: rows.map(writeRow),
        ...(capable ? { capableUnitId: capable.unitId } : {}),
        soonFree: soonFree.map(writeRow),
        nearer: judged.free.nearer
          .filter(unit => !shown.has(unit.unitId))
          .slice(0, nearerShownMax)
          .map(({ unitId, crowMetres, etaP50Seconds, code, why }) => ({
            unitId,
            crowKm: round(crowMetres / 1000, 2),
            ...(etaP50Seconds === undefined ? {} : { etaP50S: round(etaP50Seconds, 1) }),
            code,
            why,
          })),
      }
    },
  }
}

/** The soonest a unit could be at a place: after its start, as the crow flies at a speed no ambulance averages. */
function boundArrival(unit: AdviseUnit, startSeconds: number, target: Place): number {
  return startSeconds + measureCrowMetres(unit.place, target) / deskSettings.speedMetresPerSecondMax
}

/** The free units whose drives a judgement asks for first, by the soonest they could be there. */
function listLikely(units: readonly AdviseUnit[], target: Place): AdviseUnit[] {
  const likely: { unit: AdviseUnit; boundSeconds: number }[] = []
  for (const unit of units) {
    const isFree = unit.active === undefined && (unit.phase === 'idle' || unit.phase === 'returning')
    if (unit.blocked || !isFree || !Number.isFinite(unit.place.lon)) continue
    likely.push({ unit, boundSeconds: boundArrival(unit, unit.turnoutSeconds, target) })
  }
  return likely
    .sort((a, b) => a.boundSeconds - b.boundSeconds)
    .slice(0, likelyMax)
    .map(({ unit }) => unit)
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}

function writeRow(row: AdviceRow, at: number): AdviceRowView {
  const terms = { ...row.terms }
  for (const name of Object.keys(terms) as (keyof typeof terms)[]) terms[name] = round(terms[name], 1)
  return {
    unitId: row.unitId,
    rank: at + 1,
    etaP50S: round(row.etaP50Seconds, 1),
    etaP90S: round(row.etaP90Seconds, 1),
    roadKm: round(row.metres / 1000, 2),
    why: row.why,
    terms,
    scoreS: round(row.scoreSeconds, 1),
    coverLoss: round(Math.min(1, row.coverLossShare), 4),
    staleFix: row.staleFix,
    missingWants: [...row.missingWants],
  }
}

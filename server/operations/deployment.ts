/**
 * Deployment: the other questions a desk asks of advice: who goes to a mass casualty, where a patient should go, how well the
 * region is covered and which free unit should stand elsewhere. Joins advise/ (pure) with roads/; reads the world, changes
 * nothing: every proposal is ordered by a person.
 */
import type { CoverView, DestinationView, MassView } from '#contract/view.ts'
import {
  changeCover,
  countCover,
  type MovableUnit,
  mapPreparedness,
  measureCover,
  proposeMoves,
  rankBases,
} from '../advise/cover.ts'
import { rankHospitals } from '../advise/destination.ts'
import { type AdviseUnit, measureCrowMetres, recommendMany } from '../advise/recommend.ts'
import { defaultAdviseSettings, defaultDestinationSettings } from '../advise/settings.ts'
import { countStations, listServices, listWants, readCall, readUnit } from '../advise/situation.ts'
import { getHourOfWeek, measureStraightLeg } from '../roads/speeds.ts'
import type { Travel } from '../roads/travel.ts'
import { countMoves, getMovesMax } from '../state/crews.ts'
import { isFree } from '../state/tasks.ts'
import type { Incident, Unit, World } from '../state/world.ts'
import { deskSettings, driveSecondsMax, p90Factor, round, sirenLevelMax, writeRow } from './advice.ts'
import type { Outlook } from './outlook.ts'

/** Most units one question for a mass casualty may ask for. */
export const massMax = 20
const coverGroup = 1

export type DeploymentPorts = { world: World; travel: Travel; outlook: Outlook; now(): number }
export type Deployment = {
  /** Several units for one place, the rest of the region kept covered. */
  planMass(incident: Incident, sees: (unit: Unit) => boolean, asked: number, reserveLifted: boolean): MassView
  /** Hospitals for a patient, by the drive of the unit that has it, else from the scene. */
  listDestinations(incident: Incident, unit: Unit | undefined): Promise<DestinationView>
  /** Cover of what the asker sees, and moves that would help; for one unit, its bases in order. */
  measureCoverage(
    sees: (unit: Unit) => boolean,
    covers: (regionCode: string) => boolean,
    unit: Unit | undefined,
  ): CoverView
}

/** Makes the deployment of a world. */
export function createDeployment(ports: DeploymentPorts): Deployment {
  const { world, travel, outlook } = ports

  return {
    planMass(incident, sees, asked, reserveLifted) {
      const now = ports.now()
      const { lens, area } = outlook.look(now)
      const units: AdviseUnit[] = []
      for (const unit of world.units.values())
        if (isFree(unit) && sees(unit)) units.push(readUnit(unit, world.incidents, lens))
      const call = readCall(incident, lens.countyOf)
      const hourOfWeek = getHourOfWeek(now)
      const siren = call.level <= sirenLevelMax
      const hasCover = area.baseCount > 0 && area.weight.some(weight => weight > 0)
      const idle = units.filter(unit => !unit.blocked).length
      const { picks, short } = recommendMany(
        {
          call,
          units,
          settings: deskSettings,
          demandShare: lens.habits.demandShare,
          ...(hasCover ? { cover: countStations(area, units, deskSettings.cover) } : {}),
          findLeg: (_unit, from, to) => {
            const { seconds, metres } = measureStraightLeg(from, to, hourOfWeek, siren)
            return { p50Seconds: seconds, p90Seconds: seconds * p90Factor['straight-line'], metres }
          },
        },
        Array.from({ length: Math.min(asked, massMax) }, () => ({
          needs: [],
          wants: listWants(incident.complaintCode),
        })),
        { reserveLifted },
      )
      return {
        incidentId: incident.incidentId,
        computedAt: now,
        settingsVersion: deskSettings.version,
        travel: 'straight-line',
        asked,
        idle,
        kept: reserveLifted ? 0 : Math.floor(idle * deskSettings.massReserveShare),
        reserveLifted,
        rows: picks.map(({ row }, at) => writeRow(row, at)),
        short: Math.max(0, asked - picks.length, short),
      }
    },

    async listDestinations(incident, unit) {
      const now = ports.now()
      const hourOfWeek = getHourOfWeek(now)
      const siren = incident.level <= sirenLevelMax
      const from =
        unit?.lon === undefined || unit.lat === undefined
          ? { lon: incident.lon, lat: incident.lat }
          : { lon: unit.lon, lat: unit.lat }
      const near = [...world.places.values()]
        .filter(place => place.placeKind === 'hospital')
        .map(place => ({ place, crow: measureCrowMetres(from, place) }))
        .sort((a, b) => a.crow - b.crow)
        .slice(0, defaultDestinationSettings.searchedMax)
      // One hospital an order: the roads are searched from the target backwards.
      const byRoad: { seconds: number; metres: number }[] = []
      for (const { place } of near) {
        const answer = await travel.measure({
          target: place,
          places: [from],
          hourOfWeek,
          siren,
          secondsMax: driveSecondsMax,
        })
        if ('gap' in answer && answer.gap !== 'off-road') break
        byRoad.push(
          'legs' in answer
            ? { seconds: answer.legs.seconds[0]!, metres: answer.legs.metres[0]! }
            : { seconds: Number.NaN, metres: Number.NaN },
        )
      }
      const isByRoad =
        near.length > 0 && byRoad.length === near.length && byRoad.some(leg => Number.isFinite(leg.seconds))
      const wants = listServices(incident.complaintCode)
      const rows = rankHospitals({
        wants,
        now,
        settings: defaultDestinationSettings,
        hospitals: near.map(({ place }, at) => {
          const leg = isByRoad ? byRoad[at]! : measureStraightLeg(from, place, hourOfWeek, siren)
          return {
            placeId: place.placeId,
            driveSeconds: leg.seconds,
            metres: leg.metres,
            ...(place.hospital ? { state: place.hospital } : {}),
          }
        }),
      })
      return {
        incidentId: incident.incidentId,
        ...(unit ? { unitId: unit.unitId } : {}),
        computedAt: now,
        settingsVersion: defaultDestinationSettings.version,
        travel: isByRoad ? 'roads' : 'straight-line',
        wants: [...wants],
        rows: rows.map((row, at) => {
          const state = world.places.get(row.placeId)?.hospital
          return {
            placeId: row.placeId,
            name: world.places.get(row.placeId)?.name ?? row.placeId,
            rank: at + 1,
            driveS: round(row.driveSeconds, 1),
            km: round(row.metres / 1000, 2),
            scoreS: round(row.scoreSeconds, 1),
            missing: [...row.missing],
            isOld: row.isOld,
            ...(state
              ? {
                  reportedAt: state.reportedAt,
                  edState: state.edState,
                  ...(state.edPatients === undefined ? {} : { edPatients: state.edPatients }),
                  ...(state.edCapacity === undefined ? {} : { edCapacity: state.edCapacity }),
                  ...(state.offloadMin === undefined ? {} : { offloadMin: state.offloadMin }),
                }
              : {}),
            diverted: [...row.diverted],
            why: row.why,
          }
        }),
      }
    },

    measureCoverage(sees, covers, asked) {
      const now = ports.now()
      const { lens, area, stations, demand, coverTravel } = outlook.look(now)
      const settings = defaultAdviseSettings.cover
      const hourOfWeek = getHourOfWeek(now)
      const stationOf = new Map(stations.map((station, at) => [station.id, at]))
      const toBase = (unit: { place: { lon: number; lat: number } }, base: number) =>
        measureStraightLeg(unit.place, stations[base]!, hourOfWeek, false).seconds
      const free: (MovableUnit & { place: { lon: number; lat: number }; unit: Unit })[] = []
      for (const unit of world.units.values()) {
        if (!isFree(unit) || !sees(unit)) continue
        const { blocked, place } = readUnit(unit, world.incidents, lens)
        if (blocked) continue
        const bases = [unit.stationId, ...(unit.baseIds ?? [])].flatMap(id =>
          id === undefined ? [] : (stationOf.get(id) ?? []),
        )
        free.push({
          unitId: unit.unitId,
          unit,
          place,
          base: lens.stationAt(unit),
          groups: coverGroup,
          allowedBases: Number.isFinite(place.lon) ? [...new Set(bases)] : [],
          movesThisShift: countMoves(unit, now) < getMovesMax(world, unit) ? 0 : settings.movesPerShiftMax,
        })
      }
      const counts = countCover(area, free)
      const prepared = mapPreparedness(counts, settings.busyFraction)
      const proposals = proposeMoves({
        area,
        units: free,
        travelSecondsTo: (unit, base) => toBase(unit as (typeof free)[number], base),
        settings,
      })
      const own = asked ? free.find(unit => unit.unitId === asked.unitId) : undefined
      if (own) changeCover(area, counts, own, -1)
      return {
        computedAt: now,
        settingsVersion: defaultAdviseSettings.version,
        coverTravel: area.baseCount > 0 && demand.length > 0 ? coverTravel : 'none',
        withinS: settings.withinSeconds[2][0] ?? 0,
        covered: Math.min(1, measureCover(area, countCover(area, free), settings.busyFraction)),
        freeUnits: free.length,
        cells: demand.flatMap(({ id, lon, lat, weight }, at) =>
          covers(id) ? [{ code: id, lon, lat, people: weight, prepared: round(prepared[at]!, 4) }] : [],
        ),
        proposals: proposals.map(({ unitId, fromBase, toBase: base, gain, travelSeconds, why }) => {
          const unit = world.units.get(unitId)!
          return {
            unitId,
            ...(fromBase >= 0 ? { fromPlaceId: stations[fromBase]!.id } : {}),
            toPlaceId: stations[base]!.id,
            gain: round(gain, 4),
            driveS: round(travelSeconds, 1),
            why,
            movesLeft: Math.max(0, getMovesMax(world, unit) - countMoves(unit, now)),
          }
        }),
        ...(own
          ? {
              choices: rankBases({
                area,
                counts,
                groups: coverGroup,
                allowedBases: own.allowedBases,
                travelSecondsTo: base => toBase(own, base),
                settings,
              }).map(({ base, gain, travelSeconds }) => ({
                placeId: stations[base]!.id,
                gain: round(gain, 4),
                driveS: round(travelSeconds, 1),
                isHome: stations[base]!.id === own.unit.stationId,
              })),
            }
          : {}),
      }
    },
  }
}

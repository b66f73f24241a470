/**
 * Advice: who should go to an incident, asked for by a desk. Joins the pure recommendation (advise/) with drives (roads/) and
 * writes the view. Reads the world, changes nothing, is no part of the line.
 * Promises: every row can be ordered at the moment it is computed; an answer goes wholly by road or wholly by the straight line
 * and says which and why; roads that do not answer never keep a desk waiting beyond the timeout of travel.
 */
import type { AdviceRowView, AdviceView, TravelKind } from '#contract/view.ts'
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
import { countStations, isPaired, readCall, readUnit } from '../advise/situation.ts'
import type { RoadLeg } from '../roads/graph.ts'
import { getHourOfWeek, measureStraightLeg } from '../roads/speeds.ts'
import type { Travel, TravelGap } from '../roads/travel.ts'
import { unitsOnIncidentMax } from '../state/open.ts'
import { isFree } from '../state/tasks.ts'
import type { Incident, Unit, World } from '../state/world.ts'
import { createOutlook, type Outlook } from './outlook.ts'

/**
 * The settings of the rows of the desk: each is an order the line takes at once, so units with a task stand apart, as soon free
 * (a next task) or as a diversion: no level is 9 levels below another, and no release lies before now.
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

/** Diversions are proposals of their own, weighed as the issue of settings says; nothing soon free, nothing withdrawn. */
const diversionSettings: AdviseSettings = {
  ...deskSettings,
  diversionLevelGapMin: defaultAdviseSettings.diversionLevelGapMin,
}
export const diversionsShownMax = 2

export const rowsShownMax = 5
export const soonFreeShownMax = 3
export const nearerShownMax = 5
/** Levels driven to with siren: I to III; a minor case is reached in ordinary traffic. */
export const sirenLevelMax = 3
/** No ambulance is sent on a longer drive; further units have no road. */
export const driveSecondsMax = 2 * 3_600
/** 90 % of a drive against its median: of a road whose traffic is an estimate, and of a line that knows no river. Estimates. */
export const p90Factor: Readonly<Record<TravelKind, number>> = { roads: 1.4, 'straight-line': 1.7 }
/** Drives asked for before anything is judged: those of every row, and a few more that often spare a second round. */
const likelyMax = deskSettings.candidatesMax + 8
/** Rounds of asking for the drives a choice turned out to want; one or two are usual, since each settles what the last one guessed. */
const roundsMax = 6

const gapText: Readonly<Record<TravelGap, { zh: string; en: string }>> = {
  'no-pack': { zh: '未配置路网', en: 'no road pack is configured' },
  refused: { zh: '路网包有误，未启用', en: 'the road pack was refused' },
  loading: { zh: '路网正在读取', en: 'the roads are still being read' },
  busy: { zh: '路网查询繁忙', en: 'the road search is busy' },
  late: { zh: '路网查询超时', en: 'the road search did not answer in time' },
  lost: { zh: '路网查询失败', en: 'the road search failed' },
  'off-road': { zh: '没有道路通达现场', en: 'no road leads to the scene' },
}

export type AdvisorPorts = { world: World; travel: Travel; outlook?: Outlook; now(): number }
export type Advisor = {
  /** Advises on an open incident, among the units that `sees` admits. */
  advise(incident: Incident, sees: (unit: Unit) => boolean): Promise<AdviceView>
}

/** True when the line would take an order for this unit now; the test of state/tasks.ts. */
export function isAssignable(unit: Unit | undefined): boolean {
  return unit !== undefined && isFree(unit)
}

/** Makes the advisor of a world; what it looks at is kept between questions by its outlook. */
export function createAdvisor(ports: AdvisorPorts): Advisor {
  const { world, travel, outlook = createOutlook(ports) } = ports
  return {
    async advise(incident, sees) {
      const now = ports.now()
      const { lens, area, coverTravel } = outlook.look(now)
      const { countyOf } = lens
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
      const pair = isPaired(incident.complaintCode) ? choosePair(ready) : []
      const diversions = call.level <= 2 ? listDiversions(input, hourOfWeek) : []
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
        ...(pair.length > 0 ? { pair } : {}),
        ...(diversions.length > 0 ? { diversions } : {}),
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

/** The nearest of any class, then the nearest other with everything wanted (or simply the next nearest, when none has). */
function choosePair(ready: readonly AdviceRow[]): string[] {
  const byArrival = ready.toSorted((a, b) => a.etaP50Seconds - b.etaP50Seconds)
  const first = byArrival[0]
  if (!first) return []
  const others = byArrival.filter(row => row !== first)
  const second = others.find(row => row.missingWants.length === 0) ?? others[0]
  return second ? [first.unitId, second.unitId] : [first.unitId]
}

/**
 * Units on their way to a much less urgent case that would be earlier by minutes. Both sides of the comparison go by the straight
 * line, since the case that is left needs drives of its own.
 */
function listDiversions(
  input: Omit<AdviseInput, 'findLeg'>,
  hourOfWeek: number,
): NonNullable<AdviceView['diversions']> {
  const units = input.units
    .filter(unit => unit.active === undefined || unit.phase === 'enRoute')
    .map(unit =>
      unit.active
        ? {
            ...unit,
            active: {
              ...unit.active,
              arrivesInSeconds: measureStraightLeg(unit.place, unit.active.call.place, hourOfWeek, true).seconds,
            },
          }
        : unit,
    )
  if (!units.some(unit => unit.active !== undefined)) return []
  const advice = recommendUnits({
    ...input,
    units,
    settings: diversionSettings,
    findLeg: (_unit, from, to) => {
      const { seconds, metres } = measureStraightLeg(from, to, hourOfWeek, true)
      return { p50Seconds: seconds, p90Seconds: seconds * p90Factor['straight-line'], metres }
    },
  })
  return advice.rows
    .flatMap(row => (row.kind === 'divert' && row.displaces ? [{ ...row, displaces: row.displaces }] : []))
    .slice(0, diversionsShownMax)
    .map(({ unitId, etaP50Seconds, displaces, why }) => ({
      unitId,
      fromIncidentId: displaces.callId,
      etaP50S: round(etaP50Seconds, 1),
      gainS: round(Math.max(0, (advice.bestUndisplacedSeconds ?? driveSecondsMax) - etaP50Seconds), 1),
      delayS: round(displaces.delaySeconds, 1),
      replacementUnitId: displaces.replacementUnitId,
      why,
    }))
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

/** Rounds to a number of decimals. */
export function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}

/** Writes a row of the recommendation as a view. */
export function writeRow(row: AdviceRow, at: number): AdviceRowView {
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

/**
 * Situation: the world as advice reads it: the call of an incident, the units, what the recent past says of turnouts and
 * handovers, the demand that cover is measured against. Stands between state/world.ts (read only) and recommend.ts.
 * Promises: pure; nothing is invented: a unit without a position has none, a prediction is made only where its place is known,
 * and a figure with too few samples behind it is the conservative default.
 */
import type { HospitalService } from '#contract/fleet.ts'
import type { Incident, Unit, World } from '../state/world.ts'
import { buildCoverArea, type CoverArea } from './cover.ts'
import type { AdviseCall, AdviseUnit, CoverNow, Place, UnitBlock, UnitPhase, UnitTask } from './recommend.ts'
import type { CoverSettings, Level } from './settings.ts'

/**
 * Capabilities wanted by complaint code (dictionary zh-2026.11). Wanted, not needed: a unit without them pays seconds and may still
 * be the right one, since the nearest of any class is better than a long wait. Codes that stand here not at all want nothing.
 */
const wantsByComplaint: Readonly<Record<string, readonly string[]>> = {
  arrest: ['defibrillator', 'als', 'ventilator'],
  'chest-pain': ['defibrillator', 'monitor'],
  palpitation: ['monitor'],
  unconscious: ['als', 'monitor'],
  syncope: ['monitor'],
  'altered-mental': ['monitor'],
  stroke: ['monitor'],
  seizure: ['monitor'],
  breathing: ['ventilator', 'monitor'],
  asthma: ['ventilator', 'monitor'],
  haemoptysis: ['monitor', 'isolation'],
  'carbon-monoxide': ['ventilator', 'monitor'],
  pesticide: ['als', 'monitor'],
  poisoning: ['monitor'],
  overdose: ['als', 'monitor'],
  traffic: ['als'],
  bleeding: ['als'],
  burn: ['als'],
  allergy: ['als', 'monitor'],
  influenza: ['isolation'],
  'fever-rash': ['isolation'],
  rash: ['isolation'],
}

/**
 * Complaints for which two units go at once: the nearest of any class and the nearest with everything wanted. Unconscious stands
 * beside arrest because a caller cannot tell one from the other; own choice, until a city's medical director marks its own.
 */
const pairedComplaints: ReadonlySet<string> = new Set(['arrest', 'unconscious'])

/** True when one key should send two units. */
export function isPaired(complaintCode: string | undefined): boolean {
  return complaintCode !== undefined && pairedComplaints.has(complaintCode)
}

/** The services of a hospital a complaint wants. @source the five centres of Chinese hospitals: 胸痛 卒中 创伤 孕产妇 新生儿 */
const servicesByComplaint: Readonly<Record<string, readonly HospitalService[]>> = {
  arrest: ['chest-pain'],
  'chest-pain': ['chest-pain'],
  palpitation: ['chest-pain'],
  stroke: ['stroke'],
  'altered-mental': ['stroke'],
  traffic: ['trauma'],
  fall: ['trauma'],
  bleeding: ['trauma'],
  burn: ['burn'],
  labour: ['obstetric'],
  'carbon-monoxide': ['hyperbaric', 'poisoning'],
  pesticide: ['poisoning'],
  poisoning: ['poisoning'],
  overdose: ['poisoning'],
  influenza: ['isolation'],
  'fever-rash': ['isolation'],
  rash: ['isolation'],
}

/** The hospital services a complaint wants; none for a code that is unknown or missing. */
export function listServices(complaintCode: string | undefined): readonly HospitalService[] {
  return complaintCode !== undefined && Object.hasOwn(servicesByComplaint, complaintCode)
    ? servicesByComplaint[complaintCode]!
    : []
}

/** The capabilities a complaint wants; none for a code that is unknown or missing. */
export function listWants(complaintCode: string | undefined): readonly string[] {
  return complaintCode !== undefined && Object.hasOwn(wantsByComplaint, complaintCode)
    ? wantsByComplaint[complaintCode]!
    : []
}

/** What an incident wants: by its complaint, and by what the caller answered. */
export function listIncidentWants(incident: Pick<Incident, 'complaintCode' | 'packRuns'>): readonly string[] {
  const answered = (incident.packRuns ?? []).flatMap(run => run.wants)
  return [...new Set([...listWants(incident.complaintCode), ...answered])]
}

/** What a class carries when the register lists nothing for a unit. @source WS/T 292: A transport, B rescue, C isolation, D special */
const capabilitiesByClass: Readonly<Record<Unit['unitClass'], readonly string[]>> = {
  A: ['transport'],
  B: ['transport', 'monitor', 'defibrillator', 'ventilator', 'als'],
  C: ['transport', 'monitor', 'defibrillator', 'ventilator', 'als', 'isolation'],
  D: ['special'],
}

/** The order of classes for ties, 0 = most capable: an equal arrival sends the least capable that will do. */
const rankByClass: Readonly<Record<Unit['unitClass'], number>> = { C: 0, B: 1, D: 2, A: 3 }

/** A duration as two figures. */
export type Spread = { p50Seconds: number; p90Seconds: number }

/** What the recent past says: times of crews, and which share of calls wants each capability. */
export type Habits = {
  /** Order to wheels rolling of a unit that stood. */
  turnout: Spread
  /** Arrival at the hospital until the unit is free again, and the start of the handover until then. */
  hospital: Spread
  handover: Spread
  demandShare: Readonly<Record<string, number>>
}

/** Fewer samples than this say nothing: the default stands. */
export const samplesMin = 20

/**
 * Defaults, on the slow side of the targets, so that a prediction errs towards sending somebody who is free now.
 * @source domain/dispatch.md §1.5: roll 2 min (Beijing), 3-minute rate; §6.1 point 12: handover amber 15, red 30 min
 */
export const habitsDefault: Omit<Habits, 'demandShare'> = {
  turnout: { p50Seconds: 120, p90Seconds: 180 },
  hospital: { p50Seconds: 20 * 60, p90Seconds: 40 * 60 },
  handover: { p50Seconds: 15 * 60, p90Seconds: 30 * 60 },
}

/** A sample outside is a forgotten key, not a crew's time. */
const sampleSecondsMax = 3 * 3_600

function summarise(samples: number[], otherwise: Spread): Spread {
  if (samples.length < samplesMin) return otherwise
  samples.sort((a, b) => a - b)
  return {
    p50Seconds: samples[Math.floor(samples.length * 0.5)]!,
    p90Seconds: samples[Math.floor(samples.length * 0.9)]!,
  }
}

/** Measures habits from the stamps of the incidents the world still holds (open, and closed within a day). */
export function measureHabits(world: Pick<World, 'incidents' | 'calls'>): Habits {
  const turnout: number[] = []
  const hospital: number[] = []
  const handover: number[] = []
  const wanted = new Map<string, number>()
  let asked = 0
  for (const incident of world.incidents.values()) {
    if (incident.complaintCode !== undefined) {
      asked += 1
      for (const want of listIncidentWants(incident)) wanted.set(want, (wanted.get(want) ?? 0) + 1)
    }
    const since = new Map<string, number>()
    for (const { stamp, at, unitId, source } of incident.stamps) {
      // What GPS suggested stands beside what the crew pressed: one run is one sample.
      if (unitId === undefined || source === 'gps') continue
      const take = (from: string, samples: number[]) => {
        const started = since.get(`${unitId}|${from}`)
        const seconds = started === undefined ? Number.NaN : (at - started) / 1000
        if (seconds >= 0 && seconds <= sampleSecondsMax) samples.push(seconds)
      }
      if (stamp === 'rolling') take('ordered', turnout)
      if (stamp === 'idle' || stamp === 'returning') {
        take('at-hospital', hospital)
        take('handover', handover)
        since.delete(`${unitId}|at-hospital`)
        since.delete(`${unitId}|handover`)
      } else since.set(`${unitId}|${stamp}`, at)
    }
  }
  const demandShare: Record<string, number> = {}
  if (asked >= samplesMin) for (const [want, count] of wanted) demandShare[want] = count / asked
  return {
    turnout: summarise(turnout, habitsDefault.turnout),
    hospital: summarise(hospital, habitsDefault.hospital),
    handover: summarise(handover, habitsDefault.handover),
    demandShare,
  }
}

/**
 * What is left of a duration after `elapsedSeconds`. Past its median it is about to end and still is not: a quarter of the median
 * is kept, so that a handover that drags on is never promised for the next second.
 */
export function predictRest(whole: Spread, elapsedSeconds: number): Spread {
  const elapsed = Math.max(0, elapsedSeconds)
  const p50Seconds = Math.max(whole.p50Seconds - elapsed, whole.p50Seconds / 4)
  return { p50Seconds, p90Seconds: Math.max(whole.p90Seconds - elapsed, p50Seconds * 2) }
}

const phaseOf: Readonly<Record<string, UnitPhase>> = {
  idle: 'idle',
  returning: 'returning',
  ordered: 'enRoute',
  rolling: 'enRoute',
  'on-scene': 'onScene',
  loaded: 'transporting',
  'at-hospital': 'handover',
  handover: 'handover',
}

/** What advice needs beside the world: the city's now, habits, the county of a region, where cover counts a unit. */
export type Lens = {
  now: number
  habits: Habits
  countyOf(regionCode: string): string
  stationAt(unit: Unit): number
}

const nowhere: Place = { lon: Number.NaN, lat: Number.NaN }
const coverGroup = 1

/**
 * A free unit whose shift ends within this is not sent out any more: half of a usual run (about an hour from order to free again).
 * @source domain/dispatch.md §3.3: scene 10 min and hospital 10 min beside two drives; own estimate, to be corrected by a city's runs
 */
export const shiftEndMarginMs = 30 * 60_000

/** Why a unit is not recommended although the line would take the order: the desk may still send it by hand. */
export function findBlock(unit: Unit, now: number): UnitBlock | undefined {
  if (unit.status === 'unavailable') return 'outOfService'
  if (unit.distress) return 'distress'
  if (unit.silent) return 'silent'
  const shift = unit.shifts?.find(each => each.startsAt <= now && now < each.endsAt)
  if (!shift) return undefined
  if (shift.breaks.some(pause => pause.from <= now && now < pause.to)) return 'onBreak'
  // Who is followed by another shift without a gap is relieved on the road or at the base, not taken out of service.
  const isRelieved = unit.shifts!.some(
    each => each !== shift && each.startsAt <= shift.endsAt && each.endsAt > shift.endsAt,
  )
  return !isRelieved && shift.endsAt - now <= shiftEndMarginMs ? 'shiftEnd' : undefined
}

/** The steps that a unit's task still has before it may be sent elsewhere, read for advice. */
function readTask(incident: Incident | undefined, callId: string, phase: UnitPhase, acknowledged: boolean): UnitTask {
  return {
    call: {
      callId,
      level: (incident?.level ?? 1) as Level,
      place: incident ? { lon: incident.lon, lat: incident.lat } : nowhere,
      needs: [],
    },
    arrivesInSeconds: 0,
    patientOnBoard: phase !== 'enRoute',
    acknowledged,
  }
}

/** Reads a unit for advice. Release is predicted only at a hospital: elsewhere nobody knows yet where the unit will be free. */
export function readUnit(unit: Unit, incidents: ReadonlyMap<string, Incident>, lens: Lens): AdviseUnit {
  const { now, habits } = lens
  const place = unit.lon === undefined || unit.lat === undefined ? nowhere : { lon: unit.lon, lat: unit.lat }
  const phase = phaseOf[unit.status] ?? 'onScene'
  const blocked = findBlock(unit, now)
  const isReady = unit.incidentId === undefined && (phase === 'idle' || phase === 'returning') && blocked === undefined
  const elapsed = (now - unit.statusAt) / 1000
  const release =
    phase === 'handover'
      ? predictRest(unit.status === 'handover' ? habits.handover : habits.hospital, elapsed)
      : undefined
  const incident = unit.incidentId === undefined ? undefined : incidents.get(unit.incidentId)
  return {
    unitId: unit.unitId,
    rank: rankByClass[unit.unitClass],
    capabilities: unit.capabilities.length > 0 ? unit.capabilities : capabilitiesByClass[unit.unitClass],
    phase,
    place,
    fixAgeSeconds: unit.fixAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, (now - unit.fixAt) / 1000),
    // A crew on its way back is already in its vehicle.
    turnoutSeconds: phase === 'idle' ? habits.turnout.p50Seconds : 0,
    regionId: lens.countyOf(unit.regionCode),
    ...(blocked ? { blocked } : {}),
    ...(release ? { release: { place, ...release } } : {}),
    ...(unit.incidentId === undefined
      ? {}
      : { active: readTask(incident, unit.incidentId, phase, unit.status !== 'ordered') }),
    ...(unit.nextIncidentId === undefined
      ? {}
      : {
          next: readTask(
            incidents.get(unit.nextIncidentId),
            unit.nextIncidentId,
            'enRoute',
            unit.nextAcknowledgedAt !== undefined,
          ),
        }),
    cover: { base: isReady ? lens.stationAt(unit) : -1, groups: coverGroup },
  }
}

/** Reads the call of an incident. Nothing is needed outright: what it wants is a matter of seconds. */
export function readCall(incident: Incident, countyOf: (regionCode: string) => string): AdviseCall {
  return {
    callId: incident.incidentId,
    level: incident.level as Level,
    place: { lon: incident.lon, lat: incident.lat },
    needs: [],
    wants: listIncidentWants(incident),
    regionId: countyOf(incident.regionCode),
  }
}

/** A place where demand is counted, or where free units stand. */
export type CoverPoint = Place & { id: string; weight: number }

/** Demand cells: the leaves of the published region tree with the people who live there. */
export function listDemand(world: Pick<World, 'regions'>): CoverPoint[] {
  const parents = new Set<string>()
  for (const region of world.regions.values()) if (region.parentCode !== undefined) parents.add(region.parentCode)
  const demand: CoverPoint[] = []
  for (const { code, lon, lat, population } of world.regions.values()) {
    if (!parents.has(code) && population > 0) demand.push({ id: code, lon, lat, weight: population })
  }
  return demand
}

/** The stations that free units belong to and the agreed standby points, in the order of the register. */
export function listStations(world: Pick<World, 'places'>): CoverPoint[] {
  const stations: CoverPoint[] = []
  for (const { placeId, placeKind, lon, lat } of world.places.values()) {
    if (placeKind === 'station' || placeKind === 'standby') stations.push({ id: placeId, lon, lat, weight: 0 })
  }
  return stations
}

/** Builds the cover area of stations × demand for a level's thresholds; `seconds` is row-major station × cell. */
export function buildArea(
  stations: readonly CoverPoint[],
  demand: readonly CoverPoint[],
  seconds: Float64Array,
  settings: CoverSettings,
): CoverArea {
  // One threshold for the map of cover: the one the city is measured by for its severe cases.
  const withinSeconds = settings.withinSeconds[2][0] ?? Number.POSITIVE_INFINITY
  return buildCoverArea({
    baseCount: stations.length,
    cells: demand.map(({ weight }) => ({ weight, withinSeconds, group: 0 })),
    travelSeconds: seconds,
  })
}

/** Counts the cover of the moment: by station first, since a hundred units stand at a few dozen stations. */
export function countStations(area: CoverArea, units: readonly AdviseUnit[], settings: CoverSettings): CoverNow {
  const free = new Int32Array(area.baseCount)
  for (const { cover } of units) if (cover && cover.base >= 0 && cover.base < area.baseCount) free[cover.base]! += 1
  const counts = new Int32Array(area.cellCount)
  for (let base = 0; base < area.baseCount; base += 1) {
    if (free[base] === 0) continue
    for (let at = area.offset[base]!; at < area.offset[base + 1]!; at += 1) counts[area.cell[at]!]! += free[base]!
  }
  return { area, counts, busyFraction: settings.busyFraction }
}

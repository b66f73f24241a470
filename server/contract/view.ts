/**
 * Views: what leaves the house about what is true now. A view holds no personal field; a console that needs one asks
 * GET /v1/persons/… . Fan-out and query build these from the world; consoles and simulations read them.
 */
import { z } from 'zod'
import { HospitalService, HospitalState, OperatingMode, Shift } from './fleet.ts'
import {
  EpochMs,
  Id,
  Lat,
  Level,
  Lon,
  RegionCode,
  RegionLevel,
  Role,
  SourceKind,
  StampSource,
  Syndrome,
  UnitClass,
  UnitStatus,
} from './scalars.ts'

export const RegionView = z.object({
  code: RegionCode,
  parentCode: RegionCode.optional(),
  name: z.string(),
  nameEn: z.string(),
  level: RegionLevel,
  lon: Lon,
  lat: Lat,
  population: z.int(),
  /** How its centre works, and how often a unit may be moved in a shift; absent: never set. */
  mode: OperatingMode.optional(),
  movesPerShiftMax: z.int().optional(),
})
export type RegionView = z.infer<typeof RegionView>

export const PlaceView = z.object({
  placeId: Id,
  placeKind: z.string(),
  name: z.string(),
  nameEn: z.string().optional(),
  regionCode: RegionCode,
  lon: Lon,
  lat: Lat,
  /** What a hospital last said of itself, and when: its age is shown wherever it counts. */
  hospital: z.object({ ...HospitalState.shape, reportedAt: EpochMs, by: z.string() }).optional(),
})
export type PlaceView = z.infer<typeof PlaceView>

export const UnitView = z.object({
  unitId: Id,
  name: z.string(),
  plate: z.string().optional(),
  unitClass: UnitClass,
  capabilities: z.array(z.string()),
  stationId: Id.optional(),
  regionCode: RegionCode,
  status: UnitStatus,
  statusAt: EpochMs,
  incidentId: Id.optional(),
  /** Grows with status and task, not with positions: the version a command expects. */
  version: z.int(),
  lon: Lon.optional(),
  lat: Lat.optional(),
  speedKmh: z.number().optional(),
  courseDeg: z.number().optional(),
  /** Device time of the fix shown; age is judged against the city clock. */
  fixAt: EpochMs.optional(),
  silent: z.boolean(),
  /** When the crew confirmed its active task. */
  acknowledgedAt: EpochMs.optional(),
  /** The one next task (预派): becomes the active one when that ends; withdrawn only until the crew has confirmed it. */
  nextIncidentId: Id.optional(),
  nextBy: z.string().optional(),
  nextAcknowledgedAt: EpochMs.optional(),
  /** A step the fixes suggest; shown, never applied. */
  suggestion: z.object({ status: UnitStatus, at: EpochMs, placeId: Id.optional() }).optional(),
  /** 求助: laid over any status until somebody ends it. */
  distress: z
    .object({
      at: EpochMs,
      acknowledgedAt: EpochMs.optional(),
      acknowledgedBy: z.string().optional(),
    })
    .optional(),
  /** The present shift and the next ones, by start. */
  shifts: z.array(Shift).optional(),
  /** Bases it may be sent to beside its station. */
  baseIds: z.array(Id).optional(),
  /** Where it stands or is heading when that is not its station, since when, and moves in the present shift. */
  baseId: Id.optional(),
  movedAt: EpochMs.optional(),
  moves: z.int().optional(),
  /** The hospital it is taking its patient to. */
  destinationId: Id.optional(),
})
export type UnitView = z.infer<typeof UnitView>

export const StampView = z.object({
  stamp: z.string(),
  at: EpochMs,
  source: StampSource,
  unitId: Id.optional(),
  by: z.string().optional(),
  /** loggedAt of the entry that brought it: the newest of several edits counts. */
  enteredAt: EpochMs.optional(),
  /** True when it came over a minute after it happened: a key pressed without network, by the device's clock. */
  offline: z.boolean().optional(),
  /** Why, of an edit, a release, a withdrawal, a diversion. */
  reason: z.string().optional(),
})
export type StampView = z.infer<typeof StampView>

export const CallView = z.object({
  callId: Id,
  regionCode: RegionCode,
  receivedAt: EpochMs,
  lon: Lon.optional(),
  lat: Lat.optional(),
  level: Level.optional(),
  syndrome: Syndrome.optional(),
  complaintCode: z.string().optional(),
  incidentId: Id.optional(),
  outcome: z.string().optional(),
})
export type CallView = z.infer<typeof CallView>

export const IncidentView = z.object({
  incidentId: Id,
  version: z.int(),
  state: z.enum(['open', 'closed']),
  level: Level,
  regionCode: RegionCode,
  lon: Lon,
  lat: Lat,
  syndrome: Syndrome.optional(),
  complaintCode: z.string().optional(),
  callIds: z.array(Id),
  unitIds: z.array(Id),
  openedAt: EpochMs,
  openedBy: z.string().optional(),
  closedAt: EpochMs.optional(),
  outcome: z.string().optional(),
  stamps: z.array(StampView),
  /** Personal fields that exist and can be asked for. */
  sealedFields: z.array(z.string()),
  noteCount: z.int(),
  /** Units whose next task this is. */
  nextUnitIds: z.array(Id).optional(),
  /** Set when its unit was taken away before the patient was reached: it stands at the head of its level. */
  requeuedAt: EpochMs.optional(),
  closeReason: z.string().optional(),
  /** Links between records; both are kept. */
  mergedInto: Id.optional(),
  mergedFrom: z.array(Id).optional(),
  splitFrom: Id.optional(),
  splitInto: z.array(Id).optional(),
  reopenedFrom: Id.optional(),
  reopenedAs: Id.optional(),
  /** The region whose centre answers for it; absent: that of `regionCode`. Others that see it are in `visibleTo`. */
  ownerCode: RegionCode.optional(),
  visibleTo: z.array(RegionCode).optional(),
  /** An offer to another centre that nobody has answered yet. */
  transfer: z
    .object({ toCode: RegionCode, fromCode: RegionCode, at: EpochMs, by: z.string(), reason: z.string() })
    .optional(),
  /** Neighbours asked for a unit. */
  aid: z
    .array(
      z.object({
        ofCode: RegionCode,
        at: EpochMs,
        by: z.string(),
        reason: z.string(),
        unitClass: UnitClass.optional(),
        /** Set by the unit that was sent, or by the refusal with its reason. */
        unitId: Id.optional(),
        refused: z.string().optional(),
        answeredAt: EpochMs.optional(),
      }),
    )
    .optional(),
  mass: z.object({ at: EpochMs, by: z.string(), expected: z.int(), reserveLifted: z.boolean() }).optional(),
  /** Hospitals told of a patient, by unit; the newest of a unit stands. */
  notices: z
    .array(
      z.object({
        placeId: Id,
        unitId: Id,
        at: EpochMs,
        by: z.string(),
        etaAt: EpochMs.optional(),
        acknowledgedAt: EpochMs.optional(),
        acknowledgedBy: z.string().optional(),
      }),
    )
    .optional(),
  /** Why another unit than the first advised was sent. */
  overrides: z
    .array(
      z.object({
        unitId: Id,
        advisedUnitId: Id.optional(),
        rank: z.int().optional(),
        cause: z.string(),
        note: z.string().optional(),
        at: EpochMs,
        by: z.string(),
      }),
    )
    .optional(),
})
export type IncidentView = z.infer<typeof IncidentView>

/** A sentence in both languages. */
const Words = z.object({ zh: z.string(), en: z.string() })
const Seconds = z.number().min(0)

/** The terms of an advice row's score in seconds; their sum is the score. */
export const AdviceTermsView = z.object({
  start: Seconds,
  turnout: Seconds,
  drive: Seconds,
  spread: Seconds,
  coverageLoss: Seconds,
  scarcity: Seconds,
  shortfall: Seconds,
  crossArea: Seconds,
  staleFix: Seconds,
  diversion: Seconds,
})
export type AdviceTermsView = z.infer<typeof AdviceTermsView>

/** One recommended unit. `etaP50S` and `etaP90S` count from `computedAt`; `roadKm` is by road only where the travel is. */
export const AdviceRowView = z.object({
  unitId: Id,
  rank: z.int().min(1),
  etaP50S: Seconds,
  etaP90S: Seconds,
  roadKm: z.number().min(0),
  why: Words,
  terms: AdviceTermsView,
  scoreS: Seconds,
  /** Share (0..1) of the area's people who lose a covering unit when this one goes, each weighed by how many are left. */
  coverLoss: z.number().min(0).max(1),
  staleFix: z.boolean(),
  missingWants: z.array(z.string()),
})
export type AdviceRowView = z.infer<typeof AdviceRowView>

/** A unit nearer as the crow flies than the first row that is no row itself, and why. */
export const NearerUnitView = z.object({
  unitId: Id,
  crowKm: z.number().min(0),
  etaP50S: Seconds.optional(),
  code: z.string(),
  why: Words,
})
export type NearerUnitView = z.infer<typeof NearerUnitView>

export const TravelKind = z.enum(['roads', 'straight-line'])
export type TravelKind = z.infer<typeof TravelKind>

/** Who should go to an incident: GET /v1/incidents/:incidentId/advice. Asked for, never pushed; it changes nothing. */
export const AdviceView = z.object({
  incidentId: Id,
  /** Version of the incident that was judged. */
  incidentVersion: z.int(),
  level: Level,
  computedAt: EpochMs,
  settingsVersion: z.string(),
  /** How every arrival of this answer was found; a straight line is great circle × 1.4 at class speeds. */
  travel: TravelKind,
  /** Why it is a straight line; absent by road. */
  travelWhy: z.object({ code: z.string(), zh: z.string(), en: z.string() }).optional(),
  /** How cover was found; `none` without stations or published people. */
  coverTravel: z.enum(['roads', 'straight-line', 'none']),
  /** Capabilities the complaint wants. */
  wants: z.array(z.string()),
  /** At most five, best first; each can be ordered now. */
  rows: z.array(AdviceRowView),
  /** The row that arrives first with everything wanted; absent when none has or nothing is wanted. */
  capableUnitId: Id.optional(),
  /** Units at a hospital that would still be earlier than the first row once free; they cannot be ordered yet. */
  soonFree: z.array(AdviceRowView),
  /** For marked complaints (arrest): the nearest of any class, then the nearest other with everything wanted. One key sends both. */
  pair: z.array(Id).max(2).optional(),
  /** Units on their way to a less urgent case that would be earlier by minutes; the case they leave has a replacement. */
  diversions: z
    .array(
      z.object({
        unitId: Id,
        fromIncidentId: Id,
        etaP50S: Seconds,
        gainS: Seconds,
        delayS: Seconds,
        replacementUnitId: Id,
        why: Words,
      }),
    )
    .optional(),
  nearer: z.array(NearerUnitView),
})
export type AdviceView = z.infer<typeof AdviceView>

/** Where a patient should go: GET /v1/incidents/:incidentId/destinations. */
export const DestinationView = z.object({
  incidentId: Id,
  /** The unit whose drive was asked for; absent: from the scene. */
  unitId: Id.optional(),
  computedAt: EpochMs,
  settingsVersion: z.string(),
  travel: TravelKind,
  wants: z.array(HospitalService),
  rows: z.array(
    z.object({
      placeId: Id,
      rank: z.int().min(1),
      driveS: Seconds,
      km: z.number().min(0),
      scoreS: Seconds,
      missing: z.array(HospitalService),
      /** What is known is older than a shift, or nothing is. */
      isOld: z.boolean(),
      reportedAt: EpochMs.optional(),
      edState: z.string().optional(),
      edPatients: z.int().optional(),
      edCapacity: z.int().optional(),
      offloadMin: z.int().optional(),
      diverted: z.array(z.object({ service: HospitalService, reason: z.string(), until: EpochMs })),
      why: Words,
    }),
  ),
})
export type DestinationView = z.infer<typeof DestinationView>

/** Several units for a mass casualty, greedily, the rest of the region kept covered: GET /v1/incidents/:incidentId/mass. */
export const MassView = z.object({
  incidentId: Id,
  computedAt: EpochMs,
  settingsVersion: z.string(),
  travel: TravelKind,
  asked: z.int(),
  /** Free units in sight, and how many of them stay for the rest: floor(0.3 × idle) unless lifted. */
  idle: z.int(),
  kept: z.int(),
  reserveLifted: z.boolean(),
  rows: z.array(AdviceRowView),
  /** Slots nobody can fill. */
  short: z.int(),
})
export type MassView = z.infer<typeof MassView>

/** How well the region is covered and what would help: GET /v1/cover. Proposals only: a dispatcher orders a move. */
export const CoverView = z.object({
  computedAt: EpochMs,
  settingsVersion: z.string(),
  /** How reach was found; drives of proposals go by the straight line. */
  coverTravel: z.enum(['roads', 'straight-line', 'none']),
  withinS: Seconds,
  /** Share of people that finds a free unit within the threshold, 0..1. */
  covered: z.number().min(0).max(1),
  freeUnits: z.int(),
  /** Preparedness of each cell: the chance that a unit in reach is free when asked. */
  cells: z.array(z.object({ code: RegionCode, lon: Lon, lat: Lat, people: z.number(), prepared: z.number() })),
  proposals: z.array(
    z.object({
      unitId: Id,
      fromPlaceId: Id.optional(),
      toPlaceId: Id,
      gain: z.number(),
      driveS: Seconds,
      why: Words,
      movesLeft: z.int(),
    }),
  ),
  /** Bases of the unit asked about, best first (on release). */
  choices: z.array(z.object({ placeId: Id, gain: z.number(), driveS: Seconds, isHome: z.boolean() })).optional(),
})
export type CoverView = z.infer<typeof CoverView>

/** One source's part in an alert: everything needed to say why it fired. */
export const EvidenceView = z.object({
  sourceKind: SourceKind.optional(),
  syndrome: Syndrome.optional(),
  method: z.string(),
  regionCode: RegionCode,
  period: z.string(),
  observed: z.number(),
  expected: z.number().optional(),
  threshold: z.number().optional(),
  statistic: z.number().optional(),
  late: z.boolean(),
  at: EpochMs,
  /** Units, cards or facilities behind the figure, at most 20 ids. */
  subjects: z.array(z.string()),
})
export type EvidenceView = z.infer<typeof EvidenceView>

export const alertStates = ['open', 'acknowledged', 'closed'] as const
export const AlertView = z.object({
  alertId: Id,
  version: z.int(),
  ruleId: Id,
  ruleVersion: z.int(),
  ruleName: z.string(),
  ruleNameEn: z.string(),
  basis: z.string(),
  level: Level,
  syndrome: Syndrome.optional(),
  regionCode: RegionCode,
  state: z.enum(alertStates),
  raisedAt: EpochMs,
  updatedAt: EpochMs,
  evidence: z.array(EvidenceView),
  independentSources: z.int(),
  neededSources: z.int(),
  cases: z.int(),
  escalationStep: z.int(),
  nextEscalationAt: EpochMs.optional(),
  acknowledgedAt: EpochMs.optional(),
  acknowledgedBy: z.string().optional(),
  closedAt: EpochMs.optional(),
  closedBy: z.string().optional(),
  verdict: z.string().optional(),
  reason: z.string().optional(),
  notes: z.array(z.object({ at: EpochMs, by: z.string(), text: z.string() })),
})
export type AlertView = z.infer<typeof AlertView>

/** The city's own state: clock, mode, trouble. */
export const CityView = z.object({
  now: EpochMs,
  clock: z.enum(['wall', 'entries']),
  pager: z.enum(['live', 'dry']),
  quarantined: z.int(),
  lastTickGapMs: z.int(),
  rulesVersion: z.int(),
  regionsVersion: z.int(),
})
export type CityView = z.infer<typeof CityView>

/** Everything a console's scope may see, by collection. */
export const WorldView = z.object({
  city: CityView,
  regions: z.array(RegionView),
  places: z.array(PlaceView),
  units: z.array(UnitView),
  calls: z.array(CallView),
  incidents: z.array(IncidentView),
  alerts: z.array(AlertView),
})
export type WorldView = z.infer<typeof WorldView>

/** A series for a chart: GET /v1/series. `values` and the bands are aligned; null is absence, 0 is a reported zero. */
export const SeriesView = z.object({
  sourceKind: SourceKind,
  syndrome: Syndrome,
  regionCode: RegionCode,
  period: z.enum(['hour', 'day']),
  periods: z.array(z.string()),
  values: z.array(z.number().nullable()),
  denominators: z.array(z.number().nullable()),
  reporters: z.array(z.int()),
  expected: z.array(z.number().nullable()),
  threshold: z.array(z.number().nullable()),
  alarms: z.array(z.boolean()),
  method: z.string().optional(),
})
export type SeriesView = z.infer<typeof SeriesView>

/** Who is signed in. */
export const SessionView = z.object({
  accountId: Id,
  name: z.string(),
  roles: z.array(Role),
  regions: z.array(RegionCode),
  expiresAt: EpochMs,
  mustChangePassword: z.boolean(),
})
export type SessionView = z.infer<typeof SessionView>

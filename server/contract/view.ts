/**
 * Views: what leaves the house about what is true now. A view holds no personal field; a console that needs one asks
 * GET /v1/persons/… . Fan-out and query build these from the world; consoles and simulations read them.
 */
import { z } from 'zod'
import { HospitalService, HospitalState, OperatingMode, Shift } from './fleet.ts'
import { PackRunView } from './pack.ts'
import { DutyShift, QuietHours } from './roster.ts'
import {
  AgeBand,
  CallChannel,
  CallKind,
  CallOutcome,
  CaseClass,
  Day,
  EpochMs,
  Id,
  Lat,
  Level,
  LinkedService,
  Lon,
  Occupation,
  PositionSource,
  RegionCode,
  RegionLevel,
  Role,
  Sex,
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

/** One position of a caller; the newest of the best is the call's own. */
export const CallPositionView = z.object({
  positionSource: PositionSource,
  lon: Lon,
  lat: Lat,
  radiusM: z.number(),
  at: EpochMs,
  by: z.string().optional(),
})
export type CallPositionView = z.infer<typeof CallPositionView>

/** The task to ring back whoever hung up before an answer. `state` open until somebody was reached or it was given up. */
export const CallbackView = z.object({
  state: z.enum(['open', 'reached', 'given-up', 'rang-again', 'settled']),
  openedAt: EpochMs,
  /** When the next try is due. */
  dueAt: EpochMs,
  attempts: z.int(),
  lastResult: z.string().optional(),
  lastBy: z.string().optional(),
  closedAt: EpochMs.optional(),
  reason: z.string().optional(),
})
export type CallbackView = z.infer<typeof CallbackView>

/** A case handed to or from another service, pending until the other side acknowledges. */
export const CallLinkView = z.object({
  linkId: Id,
  direction: z.enum(['out', 'in']),
  service: LinkedService,
  at: EpochMs,
  by: z.string(),
  reference: z.string().optional(),
  acknowledgedAt: EpochMs.optional(),
  acknowledgedBy: z.string().optional(),
})
export type CallLinkView = z.infer<typeof CallLinkView>

/** Third parties brought in or handed to, oldest first. */
export const CallPartyView = z.object({
  way: z.enum(['conference', 'transfer']),
  partyKind: z.string(),
  party: z.string(),
  at: EpochMs,
})
export type CallPartyView = z.infer<typeof CallPartyView>

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
  outcome: CallOutcome.optional(),
  callKind: CallKind.optional(),
  channel: CallChannel.optional(),
  /** Metres the position shown is meant with, and who gave it. */
  radiusM: z.number().optional(),
  positionSource: PositionSource.optional(),
  positions: z.array(CallPositionView).optional(),
  /** t1; `answeredBy` is the person, `seat` what the telephone system calls the place. */
  answeredAt: EpochMs.optional(),
  answeredBy: z.string().optional(),
  seat: z.string().optional(),
  abandonedAt: EpochMs.optional(),
  hungUpAt: EpochMs.optional(),
  endedAt: EpochMs.optional(),
  endedBy: z.string().optional(),
  callback: CallbackView.optional(),
  links: z.array(CallLinkView).optional(),
  parties: z.array(CallPartyView).optional(),
  recordingRef: z.string().optional(),
  /** False: an internet call nobody has verified; absent: not asked. */
  isVerified: z.boolean().optional(),
  /** Place in the ring list: 0 usual, 1 lowered by a nuisance mark, 2 last (beyond the public limit). Never dropped. */
  rank: z.int().min(0).max(2).optional(),
  /** Earlier calls of the same number that the world remembers. */
  earlierCalls: z.int().optional(),
  isNuisance: z.boolean().optional(),
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
  /** What the address search offered and the desk accepted. */
  gazetteerId: Id.optional(),
  isOutside: z.boolean().optional(),
  /** Question packs asked, oldest first, and the most urgent level they propose. */
  packRuns: z.array(PackRunView).optional(),
  proposedLevel: Level.optional(),
  /** Number of the paper slip it was run on, when there was no server. */
  slipNo: z.int().optional(),
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
        placeName: z.string(),
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

/** Cases that may be the same event as a call: GET /v1/calls/:callId/duplicates. Asked for, changes nothing. */
export const DuplicateView = z.object({
  /** The incident, or the other call where there is no incident yet. */
  incidentId: Id.optional(),
  callId: Id.optional(),
  /** 0 to 1; what scores too low is not shown. */
  score: z.number().min(0).max(1),
  distanceM: z.number().optional(),
  /** Between the two rings. */
  apartS: z.number(),
  reasons: z.array(z.enum(['same-number', 'near', 'area-overlaps', 'minutes-apart', 'same-complaint', 'same-kind'])),
})
export type DuplicateView = z.infer<typeof DuplicateView>

/** What is known of a caller's number, without the number: GET /v1/calls/:callId/history. */
export const NumberHistoryView = z.object({
  callId: Id,
  /** Earlier calls of the same number in the asker's sight, newest first. */
  calls: z.array(CallView),
  mark: z
    .object({ by: z.string(), reason: z.string(), at: EpochMs, expiresAt: EpochMs, isInForce: z.boolean() })
    .optional(),
})
export type NumberHistoryView = z.infer<typeof NumberHistoryView>

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
      /** Hospitals beyond the asker's region are named here alone. */
      name: z.string(),
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
  /** One-sided p-value of this part, and the Benjamini-Hochberg q-value within its source × detector × day. */
  pValue: z.number().optional(),
  qValue: z.number().optional(),
  /** Source kinds joined in this part (combined p), and how their dependence was met: `uncorrected` is 未校正. */
  sourceKinds: z.array(SourceKind).optional(),
  /** What each of `sourceKinds` counted, in their order. */
  counts: z.array(z.number()).optional(),
  recurrenceDays: z.number().optional(),
  /** School, kindergarten or site of a cluster. */
  placeId: Id.optional(),
  correction: z.enum(['brown', 'strube', 'uncorrected']).optional(),
  /** Grade the ratio rule proposes, to be verified (待核实): III or II. */
  gradeCandidate: z.enum(['III', 'II']).optional(),
  /** Factor of weekday and holiday that `expected` and `threshold` hold; absent when the calendar played no part. */
  dayFactor: z.number().optional(),
  late: z.boolean(),
  at: EpochMs,
  /** Units, cards or facilities behind the figure, at most 20 ids. */
  subjects: z.array(z.string()),
})
export type EvidenceView = z.infer<typeof EvidenceView>

/**
 * 待确认 open · 核实中 acknowledged · 已核实 verified · 搁置 shelved · 待复核 closing (a second person is awaited) · 已关闭 closed.
 */
export const alertStates = ['open', 'acknowledged', 'verified', 'shelved', 'closing', 'closed'] as const

/** One rule's part in an alert, with its own evidence. */
export const AlertPartView = z.object({
  ruleId: Id,
  ruleVersion: z.int(),
  name: z.string(),
  nameEn: z.string(),
  basis: z.string(),
  level: Level,
  /** A statutory rule wins outright: it is the basis whatever other rules say. */
  statutory: z.boolean(),
  /** A single statistical signal above its rule's false-discovery rate. */
  hidden: z.boolean().optional(),
  evidence: z.array(EvidenceView),
  independentSources: z.int(),
  neededSources: z.int(),
  cases: z.int(),
  /** When this rule first and last had a part in it. */
  firstAt: EpochMs,
  lastAt: EpochMs,
})
export type AlertPartView = z.infer<typeof AlertPartView>

/** A verdict with who gave it. `grade` is a proposal: 4 = IV 蓝 … 1 = I 红. */
export const VerdictView = z.object({
  verdict: z.enum(['confirmed', 'noise', 'false']),
  reason: z.string(),
  grade: Level.optional(),
  at: EpochMs,
  by: z.string(),
  /** Whose account it was: the second person must be another. */
  byAccountId: Id.optional(),
})
export type VerdictView = z.infer<typeof VerdictView>

/**
 * An alert. `level`, `evidence` and the rule fields are those of the whole: the most urgent level of its parts, the evidence of
 * all, and the leading rule (a statutory one first, then the most urgent). What is optional is absent when it does not apply.
 */
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
  /** Set when a report-card rule has a part in it and its cases are of one disease of the list. */
  diseaseId: Id.optional(),
  regionCode: RegionCode,
  state: z.enum(alertStates),
  raisedAt: EpochMs,
  updatedAt: EpochMs,
  evidence: z.array(EvidenceView),
  independentSources: z.int(),
  neededSources: z.int(),
  cases: z.int(),
  /** Every rule that has a part in it, the leading one first. Absent in records of earlier eras. */
  rules: z.array(AlertPartView).optional(),
  /** A statutory rule has a part in it: to close it takes two people. */
  statutory: z.boolean().optional(),
  /** Every part is hidden: listed last, nobody is told and no clock runs, until a part is not. */
  hidden: z.boolean().optional(),
  escalationStep: z.int(),
  nextEscalationAt: EpochMs.optional(),
  acknowledgedAt: EpochMs.optional(),
  acknowledgedBy: z.string().optional(),
  /** When it must be verified: 2 h for statutory rules, 24 h for statistical ones, unless the rule says otherwise. */
  verifyDueAt: EpochMs.optional(),
  /** Set at the tick that found it unverified past `verifyDueAt`. */
  overdueAt: EpochMs.optional(),
  verification: VerdictView.optional(),
  /** The proposal that awaits a second person (state `closing`), or the one that was confirmed. */
  closure: VerdictView.optional(),
  shelvedUntil: EpochMs.optional(),
  shelvedBy: z.string().optional(),
  shelfReason: z.string().optional(),
  reopenedAt: EpochMs.optional(),
  /** The public-health event it was opened as, or joined to. */
  eventId: Id.optional(),
  closedAt: EpochMs.optional(),
  closedBy: z.string().optional(),
  verdict: z.string().optional(),
  reason: z.string().optional(),
  notes: z.array(z.object({ at: EpochMs, by: z.string(), text: z.string() })),
})
export type AlertView = z.infer<typeof AlertView>

/** A public-health event (突发公共卫生事件). Grade 4 = IV 蓝 … 1 = I 红: the colours belong to it alone. */
export const EventView = z.object({
  eventId: Id,
  version: z.int(),
  state: z.enum(['open', 'closed']),
  regionCode: RegionCode,
  diseaseId: Id.optional(),
  syndrome: Syndrome.optional(),
  /** Absent until graded: 未定级. */
  grade: Level.optional(),
  grades: z.array(z.object({ at: EpochMs, by: z.string(), grade: Level, reason: z.string() })),
  alertIds: z.array(Id),
  reason: z.string(),
  openedAt: EpochMs,
  openedBy: z.string(),
  /** The initial report is due within 2 h of opening. */
  reportDueAt: EpochMs,
  reportedAt: EpochMs.optional(),
  /** Set at the tick that found the initial report missing. */
  overdueAt: EpochMs.optional(),
  reports: z.array(
    z.object({
      at: EpochMs,
      by: z.string(),
      report: z.enum(['initial', 'progress', 'final']),
      reference: z.string().optional(),
    }),
  ),
  closedAt: EpochMs.optional(),
  closedBy: z.string().optional(),
  closeReason: z.string().optional(),
})
export type EventView = z.infer<typeof EventView>

/** 待审 filed · 退回 returned · 已审 reviewed · 已删除 retracted. */
export const cardStates = ['filed', 'returned', 'reviewed', 'retracted'] as const

/** One thing that happened to a card. `changes` holds plain fields before and after; of a personal field only its name. */
export const CardStepView = z.object({
  at: EpochMs,
  by: z.string(),
  action: z.enum(['filed', 'corrected', 'returned', 'reviewed', 'retracted', 'joined']),
  reason: z.string().optional(),
  changes: z.record(z.string(), z.tuple([z.string(), z.string()])).optional(),
  personalFields: z.array(z.string()).optional(),
})
export type CardStepView = z.infer<typeof CardStepView>

/** A report card without its person. Names open at GET /v1/persons/card/:cardId. */
export const CardView = z.object({
  cardId: Id,
  version: z.int(),
  state: z.enum(cardStates),
  diseaseId: Id,
  caseClass: CaseClass,
  regionCode: RegionCode,
  facilityId: Id,
  icd10: z.string().optional(),
  placeId: Id.optional(),
  onsetDay: Day.optional(),
  deathDay: Day.optional(),
  ageBand: AgeBand.optional(),
  sex: Sex.optional(),
  occupation: Occupation.optional(),
  diagnosedAt: EpochMs,
  filedAt: EpochMs,
  filedBy: z.string().optional(),
  /** Diagnosis plus the limit of the disease (2 h or 24 h); late when `filedAt` lies behind it. */
  fileDueAt: EpochMs,
  filedLate: z.boolean(),
  /** When the county's review is due; overdue when this has passed in state `filed`. */
  reviewDueAt: EpochMs,
  reviewedAt: EpochMs.optional(),
  reviewedBy: z.string().optional(),
  /** The earlier card of the same person and disease within its window; such a card is no case of its own. */
  duplicateOf: Id.optional(),
  /** Later cards joined to this one. */
  duplicateIds: z.array(Id),
  history: z.array(CardStepView),
  sealedFields: z.array(z.string()),
})
export type CardView = z.infer<typeof CardView>

/** A card a feed prepared: a person files it (`report.received` under the same cardId) or says why not. */
export const DraftView = z.object({
  cardId: Id,
  diseaseId: Id,
  caseClass: CaseClass.optional(),
  regionCode: RegionCode,
  facilityId: Id,
  icd10: z.string().optional(),
  placeId: Id.optional(),
  onsetDay: Day.optional(),
  deathDay: Day.optional(),
  ageBand: AgeBand.optional(),
  sex: Sex.optional(),
  occupation: Occupation.optional(),
  diagnosedAt: EpochMs.optional(),
  draftedAt: EpochMs,
  draftedBy: z.string(),
  /** When filing is due, counted from the diagnosis the feed told, else from the draft. */
  fileDueAt: EpochMs,
  sealedFields: z.array(z.string()),
})
export type DraftView = z.infer<typeof DraftView>

/** The roster of one region: GET /v1/rosters. */
export const RosterView = z.object({
  regionCode: RegionCode,
  version: z.int(),
  shifts: z.array(DutyShift),
  quietHours: z.array(QuietHours),
})
export type RosterView = z.infer<typeof RosterView>

/** Dates a line list or a series of cards can go by. */
export const CardDate = z.enum(['onset', 'diagnosis', 'filing', 'review'])
export type CardDate = z.infer<typeof CardDate>

/** Cards of a disease (children included) by day: GET /v1/card-series. Days without a card are true zeros. */
export const CardSeriesView = z.object({
  diseaseId: Id,
  regionCode: RegionCode,
  by: CardDate,
  days: z.array(Day),
  values: z.array(z.int()),
  /** Cards of these days that have no such date (no onset told, not yet reviewed) and stand nowhere in `values`. */
  undated: z.int(),
})
export type CardSeriesView = z.infer<typeof CardSeriesView>

/** The city's own state: clock, mode, trouble. */
export const CityView = z.object({
  now: EpochMs,
  clock: z.enum(['wall', 'entries']),
  pager: z.enum(['live', 'dry']),
  quarantined: z.int(),
  lastTickGapMs: z.int(),
  rulesVersion: z.int(),
  packsVersion: z.int().optional(),
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
  /** Public-health events; cards that await something (filed or returned); drafts. Absent from a server that knows none. */
  events: z.array(EventView).optional(),
  cards: z.array(CardView).optional(),
  drafts: z.array(DraftView).optional(),
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

// --- surveillance reads (query/surveillance.ts)

/** One source of counts: a facility × source kind × rhythm, and whether its reports can be relied on. */
export const SourceHealthView = z.object({
  facilityId: Id,
  sourceKind: SourceKind,
  regionCode: RegionCode,
  period: z.enum(['hour', 'day']),
  lastPeriod: z.string(),
  /** When its newest report was logged. */
  lastAt: EpochMs,
  /** When the first report that is missing since the last one became overdue; absent while nothing is overdue. */
  silentSince: EpochMs.optional(),
  /** Share (0..1) of its due periods of the last 14 days that were reported. */
  completeness: z.number().min(0).max(1),
  /** Share (0..1) of those reported whose newest figure came after the usual delay, corrections included; absent without any. */
  lateShare: z.number().min(0).max(1).optional(),
  /** Mean of a reported day over the last 7 due days, and over the 28 before. */
  recentMean: z.number().optional(),
  usualMean: z.number().optional(),
  /** True when the recent days differ from the usual ones beyond three standard errors and by half or double. */
  volumeChanged: z.boolean(),
})
export type SourceHealthView = z.infer<typeof SourceHealthView>

/** Figures of one week (Monday to Sunday) of source × syndrome × county; null is a day nobody reported. */
export const WeekFigureView = z.object({
  sourceKind: SourceKind,
  syndrome: Syndrome,
  regionCode: RegionCode,
  days: z.array(z.int().nullable()).length(7),
  /** Sum of the week before; absent when nobody reported in it. */
  before: z.int().optional(),
  reporters: z.int(),
})
export type WeekFigureView = z.infer<typeof WeekFigureView>

/** What one facility reported for the period an alert is about; `usual` is its mean of the seven days before. */
export const FacilityCountView = z.object({
  facilityId: Id,
  sourceKind: SourceKind,
  syndrome: Syndrome,
  regionCode: RegionCode,
  period: z.string(),
  count: z.number(),
  usual: z.number().optional(),
})
export type FacilityCountView = z.infer<typeof FacilityCountView>

/** One day of a long history; days nobody reported are not listed. */
export const CalendarDayView = z.object({ day: z.string(), count: z.int(), reporters: z.int() })
export type CalendarDayView = z.infer<typeof CalendarDayView>

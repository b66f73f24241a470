/**
 * Views: what leaves the house about what is true now. A view holds no personal field; a console that needs one asks
 * GET /v1/persons/… . Fan-out and query build these from the world; consoles and simulations read them.
 */
import { z } from 'zod'
import { QuietHours, Shift } from './roster.ts'
import {
  AgeBand,
  CaseClass,
  Day,
  EpochMs,
  Id,
  Lat,
  Level,
  Lon,
  Occupation,
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
})
export type UnitView = z.infer<typeof UnitView>

export const StampView = z.object({
  stamp: z.string(),
  at: EpochMs,
  source: StampSource,
  unitId: Id.optional(),
  by: z.string().optional(),
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
  nearer: z.array(NearerUnitView),
})
export type AdviceView = z.infer<typeof AdviceView>

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
  shifts: z.array(Shift),
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

/**
 * Entry: one thing a source told us, immutable. The only way anything enters the house.
 * This file holds the one table of kinds: family, lane, shape of the body, which fields are personal and to which record they
 * belong. A kind never changes its meaning; a new meaning is a new kind (upcasters stand at the end of this file).
 */
import { z } from 'zod'
import { CalendarSpan, calendarSpansMax } from './calendar.ts'
import { ReviewTrigger, ScoreRow, ScoreSheet, SlipStamp, slipStampsMax, slipsPerRangeMax } from './duty.ts'
import { basesMax, HospitalState, OperatingMode, Shift } from './fleet.ts'
import { GivenAnswer, Pack } from './pack.ts'
import { DutyShift, QuietHours, quietHoursMax, shiftsMax } from './roster.ts'
import { Rule, rulesMax } from './rule.ts'
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
  Name,
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
import { chainStamps, spokenStamps } from './stamps.ts'

/** Most entries in one request. */
export const batchMax = 1_000
/** Deepest nesting of one request. */
export const depthMax = 8
/** Largest request body, in bytes: 1,000 entries of 4 KB. */
export const bodyMaxBytes = 4 * 1024 * 1024
/** Milliseconds a command stays valid when the sender says nothing; judged on loggedAt. */
export const commandLifeMs = 15_000
/** A device clock may run ahead of the city's by this much before it is refused. */
export const futureToleranceMs = 5 * 60_000
/** Facts older than this at the door go to the backfill lane. */
export const backfillAgeMs = 2 * 60_000

/** Text that names or could name a person. Plain in a submission, `sealed:v1:…` from the door on; never fanned out. */
export const Personal = z.string().min(1).max(2_000)
export const sealedPrefix = 'sealed:v1:'

const Place = { lon: Lon, lat: Lat }

/** Chief complaint as coded at the door by a named dictionary version; the sealed original travels beside it. */
export const Complaint = z.strictObject({ code: Id, syndrome: Syndrome, dictionary: z.string().max(40) })
export type Complaint = z.infer<typeof Complaint>

/** A period of a count: the Shanghai day `2026-11-21`, or its hour `2026-11-21T08`. A field, not a time. */
export const Period = z.string().regex(/^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]))?$/)

/** Seat, extension, service or hospital of a telephone system, as it names them. */
const SeatName = z.string().min(1).max(60)
const RadiusM = z.number().min(0).max(100_000)
/** 128 bits of a keyed hash, in hex. */
export const NumberHash = z.string().regex(/^[0-9a-f]{32}$/)

const Vital = (min: number, max: number) => z.number().min(min).max(max).optional()

/** Why an incident is cancelled before it is served. */
export const cancelCauses = [
  'caller-withdrew',
  'false-call',
  'already-gone',
  'handled-elsewhere',
  'duplicate',
  'drill',
  'other',
] as const
/** Why another unit than the first advised was sent; asked after sending. */
export const overrideCauses = [
  'local-knowledge',
  'road-closed',
  'crew-state',
  'equipment',
  'leader-order',
  'hospital-asked',
  'other',
] as const
/** What a report card may say beside disease, class, place and diagnosis. */
const cardFields = {
  icd10: z.string().max(16).optional(),
  onsetDay: Day.optional(),
  deathDay: Day.optional(),
  ageBand: AgeBand.optional(),
  sex: Sex.optional(),
  occupation: Occupation.optional(),
  /** School, kindergarten, site: the collective the case belongs to, a registered place. */
  placeId: Id.optional(),
}
const cardPerson = {
  patientName: Personal.optional(),
  patientPhone: Personal.optional(),
  identityNumber: Personal.optional(),
  addressText: Personal.optional(),
  /**
   * Pseudonyms of the person, put in by the door alone (what a sender writes here is dropped): equal for equal identity
   * numbers, or equal phone and name; random, so that they mean nothing once the door has forgotten the person.
   */
  personKeys: z.array(Id).max(2).optional(),
}
/** Id of a public-health event: it can never be taken for an alert's. */
const EventId = z.string().regex(/^E-[A-Za-z0-9_.:-]{1,50}$/)
/** What came of an alert. */
export const Verdict = z.enum(['confirmed', 'noise', 'false'])
export type Verdict = z.infer<typeof Verdict>
/** Alerts joined in one event at most. */
export const eventAlertsMax = 50
/** Longest time an alert may be shelved: a week. */
export const shelfMaxMs = 7 * 86_400_000

const bodies = {
  // --- the city's register (facts of an administrator)
  'region.published': z.strictObject({
    version: z.int().min(1),
    regions: z
      .array(
        z.strictObject({
          code: RegionCode,
          parentCode: RegionCode.optional(),
          name: Name,
          nameEn: Name,
          level: RegionLevel,
          ...Place,
          population: z.int().min(0),
        }),
      )
      .min(1)
      .max(5_000),
  }),
  'rule.published': z.strictObject({ version: z.int().min(1), rules: z.array(Rule).max(rulesMax) }),
  'pack.published': Pack,
  'calendar.published': z.strictObject({
    version: z.int().min(1),
    spans: z.array(CalendarSpan).max(calendarSpansMax),
  }),
  /** Cases of a disease by week (Monday to Sunday, ISO 8601) of one past year: what the ratio rule compares with. null = unknown. */
  'history.published': z.strictObject({
    diseaseId: Id,
    regionCode: RegionCode,
    year: z.int().min(1990).max(2100),
    weeks: z.array(z.int().min(0).max(10_000_000).nullable()).min(52).max(53),
  }),
  'place.registered': z.strictObject({
    placeId: Id,
    placeKind: z.enum([
      'station',
      'standby',
      'hospital',
      'clinic',
      'school',
      'pharmacy',
      'laboratory',
      'centre',
      'other',
    ]),
    name: Name,
    nameEn: Name.optional(),
    regionCode: RegionCode,
    ...Place,
  }),
  'unit.registered': z.strictObject({
    unitId: Id,
    name: Name,
    plate: z.string().max(20).optional(),
    unitClass: UnitClass,
    capabilities: z.array(Id).max(32).default([]),
    stationId: Id.optional(),
    regionCode: RegionCode,
    /** Bases it may be sent to: agreed standby points and other stations; its own station is always one. */
    baseIds: z.array(Id).max(basesMax).optional(),
  }),
  // --- vehicles
  'unit.position': z.strictObject({
    unitId: Id,
    ...Place,
    speedKmh: z.number().min(0).max(400).optional(),
    courseDeg: z.number().min(0).max(360).optional(),
    altitudeM: z.number().min(-500).max(9_000).optional(),
    accuracyM: z.number().min(0).max(100_000).optional(),
  }),
  'unit.vitals': z.strictObject({
    unitId: Id,
    incidentId: Id.optional(),
    hrPerMin: Vital(0, 350),
    spo2Pct: Vital(0, 100),
    rrPerMin: Vital(0, 150),
    sbpMmHg: Vital(0, 350),
    dbpMmHg: Vital(0, 300),
    mapMmHg: Vital(0, 320),
    tempC: Vital(10, 46),
  }),
  'unit.status': z.strictObject({
    unitId: Id,
    status: UnitStatus,
    incidentId: Id.optional(),
    placeId: Id.optional(),
    by: StampSource,
  }),
  // --- calls
  'call.received': z.strictObject({
    callId: Id,
    regionCode: RegionCode,
    lon: Lon.optional(),
    lat: Lat.optional(),
    level: Level.optional(),
    complaint: Complaint.optional(),
    ageBand: AgeBand.optional(),
    sex: Sex.optional(),
    callerNumber: Personal.optional(),
    callerName: Personal.optional(),
    addressText: Personal.optional(),
    complaintText: Personal.optional(),
    callKind: CallKind.optional(),
    channel: CallChannel.optional(),
    /** Radius in metres the position is meant with, and who gave it. */
    radiusM: RadiusM.optional(),
    positionSource: PositionSource.optional(),
    /** Keyed hash of callerNumber. Written by the door alone: what a sender puts here is thrown away. */
    numberHash: NumberHash.optional(),
    /** An internet call until a code has been told; absent for everybody else. */
    isVerified: z.boolean().optional(),
    /** Beyond the limit of the public door: rings, ranked last. */
    isOverLimit: z.boolean().optional(),
  }),
  /** Picked up (t1): by the telephony with its seat, by a desk with its actor. */
  'call.answered': z.strictObject({ callId: Id, seat: SeatName.optional() }),
  /** The line closed before anybody answered: a callback task begins. */
  'call.abandoned': z.strictObject({ callId: Id }),
  /** The line closed. */
  'call.hungUp': z.strictObject({ callId: Id, by: z.enum(['caller', 'seat', 'network']).optional() }),
  /** Where the caller is, by one source; the history is kept and the best is shown. */
  'call.located': z.strictObject({ callId: Id, positionSource: PositionSource, ...Place, radiusM: RadiusM }),
  /** What the desk heard: kind, level, complaint; what is left out stays as it was. */
  'call.described': z.strictObject({
    callId: Id,
    callKind: CallKind.optional(),
    level: Level.optional(),
    complaint: Complaint.optional(),
    ageBand: AgeBand.optional(),
    sex: Sex.optional(),
    callerName: Personal.optional(),
    addressText: Personal.optional(),
    complaintText: Personal.optional(),
  }),
  'call.conferenced': z.strictObject({
    callId: Id,
    partyKind: z.enum(['seat', 'crew', 'hospital', 'service', 'expert', 'other']),
    party: SeatName,
  }),
  'call.transferred': z.strictObject({
    callId: Id,
    toKind: z.enum(['seat', 'centre', 'hospital', 'service', 'other']),
    to: SeatName,
  }),
  /** Name of the recording in the recorder, never an address with a password in it. */
  'call.recorded': z.strictObject({
    callId: Id,
    recordingRef: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:/~-]{0,199}$/),
  }),
  'call.joined': z.strictObject({ callId: Id, incidentId: Id, reason: z.string().max(200).optional() }),
  'call.calledBack': z.strictObject({
    callId: Id,
    result: z.enum(['reached', 'no-answer', 'busy', 'switched-off', 'wrong-number']),
  }),
  'call.callbackGivenUp': z.strictObject({ callId: Id, reason: z.string().min(1).max(200) }),
  /** A case handed to or from 110, 119, 122 …: pending until the other side acknowledges. */
  'call.linked': z.strictObject({
    linkId: Id,
    callId: Id,
    direction: z.enum(['out', 'in']),
    service: LinkedService,
    /** Their case number, when they gave one. */
    reference: Id.optional(),
    caseText: Personal.optional(),
  }),
  'call.linkAcknowledged': z.strictObject({ linkId: Id, callId: Id, reference: Id.optional(), by: Name.optional() }),
  /** An internet caller told the code: only the mark changes. */
  'call.verified': z.strictObject({ callId: Id }),
  /** Marks the number of a call as a nuisance until a time, or takes the mark away. Lowers the rank, never drops. */
  'number.marked': z.strictObject({
    callId: Id,
    isNuisance: z.boolean(),
    reason: z.string().min(1).max(200),
    expiresAt: EpochMs.optional(),
  }),
  'call.ended': z.strictObject({ callId: Id, outcome: CallOutcome }),
  // --- incidents (commands of a desk)
  'incident.opened': z.strictObject({
    incidentId: Id,
    callIds: z.array(Id).max(50).default([]),
    level: Level,
    regionCode: RegionCode,
    ...Place,
    complaint: Complaint.optional(),
    complaintText: Personal.optional(),
    addressText: Personal.optional(),
    note: Personal.optional(),
    /** What the address search offered and the desk accepted: clear, beside the sealed text. */
    gazetteerId: Id.optional(),
    /** True when the place lies in no published region; the region is then that of the desk nearest to it. */
    isOutside: z.boolean().optional(),
  }),
  /** What was asked of an incident with one pack so far: replaces what was said before with the same pack. */
  'incident.questioned': z.strictObject({
    incidentId: Id,
    packId: Id,
    packVersion: z.int().min(1),
    answers: z.array(GivenAnswer).max(40),
    /** Why the desk chose a less urgent level than the answers propose. */
    levelReason: z.string().min(1).max(200).optional(),
    /** Code of a licensed protocol, as typed. */
    externalCode: z.string().trim().min(1).max(40).optional(),
    /** What the caller said besides. */
    note: Personal.optional(),
  }),
  'incident.unitAssigned': z.strictObject({ incidentId: Id, unitId: Id }),
  'incident.unitReleased': z.strictObject({ incidentId: Id, unitId: Id, reason: z.string().min(1).max(200) }),
  'incident.levelChanged': z.strictObject({ incidentId: Id, level: Level, reason: z.string().max(200).optional() }),
  'incident.noted': z.strictObject({ incidentId: Id, note: Personal }),
  'incident.closed': z.strictObject({
    incidentId: Id,
    outcome: z.enum([
      'transported',
      'treated-on-scene',
      'refused',
      'no-patient',
      'deceased',
      'cancelled',
      'false-call',
    ]),
    reason: z.string().max(200).optional(),
  }),
  // --- the clock, tasks and life of incidents
  'incident.stamped': z.strictObject({
    incidentId: Id,
    unitId: Id,
    stamp: z.enum(spokenStamps),
    by: StampSource,
  }),
  'incident.stampEdited': z.strictObject({
    incidentId: Id,
    unitId: Id.optional(),
    stamp: z.enum(chainStamps),
    at: EpochMs,
    reason: z.string().min(1).max(200),
  }),
  'incident.unitQueued': z.strictObject({ incidentId: Id, unitId: Id }),
  'incident.nextWithdrawn': z.strictObject({ incidentId: Id, unitId: Id, reason: z.string().min(1).max(200) }),
  'incident.unitDiverted': z.strictObject({
    incidentId: Id,
    fromIncidentId: Id,
    unitId: Id,
    reason: z.string().min(1).max(200),
  }),
  'unit.taskAcknowledged': z.strictObject({ unitId: Id, incidentId: Id, by: StampSource }),
  'incident.cancelled': z.strictObject({
    incidentId: Id,
    cause: z.enum(cancelCauses),
    reason: z.string().max(200).optional(),
  }),
  'incident.merged': z.strictObject({ incidentId: Id, mergedId: Id, reason: z.string().max(200).optional() }),
  'incident.split': z.strictObject({
    incidentId: Id,
    newIncidentId: Id,
    callIds: z.array(Id).max(50).default([]),
    unitIds: z.array(Id).max(64).default([]),
    level: Level,
    regionCode: RegionCode,
    ...Place,
    reason: z.string().max(200).optional(),
  }),
  'incident.reopened': z.strictObject({
    incidentId: Id,
    newIncidentId: Id,
    level: Level,
    reason: z.string().min(1).max(200),
  }),
  'incident.overrideReasoned': z.strictObject({
    incidentId: Id,
    unitId: Id,
    advisedUnitId: Id.optional(),
    rank: z.int().min(1).max(40).optional(),
    cause: z.enum(overrideCauses),
    note: z.string().max(200).optional(),
  }),
  'incident.massDeclared': z.strictObject({
    incidentId: Id,
    expected: z.int().min(1).max(10_000),
    /** The commander lifts the share of idle units kept for the rest of the city. */
    reserveLifted: z.boolean().default(false),
  }),
  // --- centres
  'incident.transferOffered': z.strictObject({
    incidentId: Id,
    toCode: RegionCode,
    reason: z.string().min(1).max(200),
  }),
  'incident.transferAccepted': z.strictObject({ incidentId: Id }),
  'incident.transferRefused': z.strictObject({ incidentId: Id, reason: z.string().min(1).max(200) }),
  'incident.transferWithdrawn': z.strictObject({ incidentId: Id }),
  'incident.aidAsked': z.strictObject({
    incidentId: Id,
    ofCode: RegionCode,
    unitClass: UnitClass.optional(),
    reason: z.string().min(1).max(200),
  }),
  'incident.aidRefused': z.strictObject({ incidentId: Id, ofCode: RegionCode, reason: z.string().min(1).max(200) }),
  'region.modeChanged': z.strictObject({
    regionCode: RegionCode,
    mode: OperatingMode,
    /** Most moves to another base per unit and shift; absent leaves it as it is. */
    movesPerShiftMax: z.int().min(0).max(50).optional(),
  }),
  // --- crews, distress, cover
  'crew.assigned': z.strictObject({ unitId: Id, ...Shift.shape }),
  'unit.distressed': z.strictObject({ unitId: Id, lon: Lon.optional(), lat: Lat.optional() }),
  'unit.distressAcknowledged': z.strictObject({ unitId: Id }),
  'unit.distressEnded': z.strictObject({ unitId: Id, reason: z.string().max(200).optional() }),
  'unit.moveOrdered': z.strictObject({ unitId: Id, placeId: Id, gain: z.number().min(0).max(1).optional() }),
  // --- hospitals
  'hospital.stateReported': z.strictObject({ placeId: Id, ...HospitalState.shape }),
  'hospital.notified': z.strictObject({ placeId: Id, incidentId: Id, unitId: Id, etaAt: EpochMs.optional() }),
  'hospital.noticeAcknowledged': z.strictObject({ placeId: Id, incidentId: Id, unitId: Id }),
  // --- shifts, paper, quality control
  'shift.handoverOffered': z.strictObject({
    handoverId: Id,
    regionCode: RegionCode,
    /** About the shift, never about a patient. */
    note: z.string().min(1).max(1_000).optional(),
  }),
  'shift.handedOver': z.strictObject({
    handoverId: Id,
    regionCode: RegionCode,
    note: z.string().min(1).max(1_000).optional(),
  }),
  'shift.handoverWithdrawn': z.strictObject({
    handoverId: Id,
    regionCode: RegionCode,
    reason: z.string().min(1).max(200),
  }),
  'slip.rangeIssued': z.strictObject({
    rangeId: Id,
    regionCode: RegionCode,
    seat: Name,
    count: z.int().min(1).max(slipsPerRangeMax),
  }),
  /** A case that was run on paper, with the times written there. */
  'slip.entered': z.strictObject({
    slipNo: z.int().min(1).max(999_999),
    incidentId: Id,
    callId: Id,
    level: Level,
    regionCode: RegionCode,
    ...Place,
    stamps: z.array(SlipStamp).max(slipStampsMax),
    outcome: z
      .enum(['transported', 'treated-on-scene', 'refused', 'no-patient', 'deceased', 'cancelled', 'false-call'])
      .optional(),
    complaint: Complaint.optional(),
    complaintText: Personal.optional(),
    addressText: Personal.optional(),
    note: Personal.optional(),
  }),
  'review.sheetPublished': ScoreSheet,
  'review.requested': z.strictObject({
    incidentId: Id,
    regionCode: RegionCode,
    trigger: ReviewTrigger,
    reason: z.string().min(1).max(400),
  }),
  'review.scored': z.strictObject({
    reviewId: Id,
    incidentId: Id,
    regionCode: RegionCode,
    sample: z.enum(['random', 'triggered']),
    triggers: z.array(ReviewTrigger).max(5).default([]),
    sheetVersion: z.int().min(1),
    scores: z.array(ScoreRow).min(1).max(60),
    subject: Name,
    comment: z.string().min(1).max(1_000).optional(),
  }),
  'review.appealed': z.strictObject({ reviewId: Id, regionCode: RegionCode, reason: z.string().min(1).max(1_000) }),
  'review.decided': z.strictObject({
    reviewId: Id,
    regionCode: RegionCode,
    verdict: z.enum(['upheld', 'changed']),
    reason: z.string().min(1).max(1_000),
    scores: z.array(ScoreRow).max(60).optional(),
  }),
  // --- surveillance
  'count.reported': z.strictObject({
    sourceKind: SourceKind,
    facilityId: Id,
    syndrome: Syndrome,
    regionCode: RegionCode,
    period: Period,
    count: z.int().min(0).max(1_000_000),
    denominator: z.int().min(0).max(10_000_000).optional(),
  }),
  'report.received': z.strictObject({
    cardId: Id,
    diseaseId: Id,
    caseClass: CaseClass,
    ...cardFields,
    regionCode: RegionCode,
    facilityId: Id,
    diagnosedAt: EpochMs,
    /** When the card was filled in; the door's time when absent. */
    filedAt: EpochMs.optional(),
    ...cardPerson,
  }),
  // --- report cards: what may happen to one. A feed drafts, a person files; nothing of a card is ever overwritten unseen.
  'report.drafted': z.strictObject({
    cardId: Id,
    diseaseId: Id,
    ...cardFields,
    caseClass: CaseClass.optional(),
    regionCode: RegionCode,
    facilityId: Id,
    diagnosedAt: EpochMs.optional(),
    ...cardPerson,
  }),
  'report.draftDismissed': z.strictObject({ cardId: Id, reason: z.string().min(1).max(400) }),
  /** Replaces the fields it names and no other. */
  'report.corrected': z.strictObject({
    cardId: Id,
    reason: z.string().min(1).max(400),
    diseaseId: Id.optional(),
    caseClass: CaseClass.optional(),
    ...cardFields,
    regionCode: RegionCode.optional(),
    diagnosedAt: EpochMs.optional(),
    ...cardPerson,
  }),
  'report.retracted': z.strictObject({ cardId: Id, reason: z.string().min(1).max(400) }),
  'report.reviewed': z.strictObject({
    cardId: Id,
    decision: z.enum(['accepted', 'returned']),
    reason: z.string().min(1).max(400).optional(),
  }),
  'signal.found': z.strictObject({
    method: Id,
    sourceKind: SourceKind,
    syndrome: Syndrome,
    regionCode: RegionCode,
    period: Period,
    observed: z.number(),
    expected: z.number().optional(),
    threshold: z.number().optional(),
    pValue: z.number().min(0).max(1).optional(),
    recurrenceIntervalDays: z.number().min(0).optional(),
    /** Facilities of a cluster, the centre first. */
    subjects: z.array(Id).max(20).optional(),
  }),
  // --- alerts (commands of a desk)
  'alert.acknowledged': z.strictObject({ alertId: Id }),
  'alert.noted': z.strictObject({ alertId: Id, note: z.string().min(1).max(1_000) }),
  'alert.closed': z.strictObject({
    alertId: Id,
    verdict: Verdict,
    reason: z.string().min(1).max(400),
  }),
  /** What came of looking into it; stops the verification clock and closes nothing. `grade` is a proposal, 4 = IV … 1 = I. */
  'alert.verified': z.strictObject({
    alertId: Id,
    verdict: Verdict,
    reason: z.string().min(1).max(400),
    grade: Level.optional(),
  }),
  'alert.shelved': z.strictObject({ alertId: Id, until: EpochMs, reason: z.string().min(1).max(400) }),
  /** Takes a closure, a proposal to close or a shelf back. */
  'alert.reopened': z.strictObject({ alertId: Id, reason: z.string().min(1).max(400) }),
  /** A statutory alert is closed by two: one proposes, another confirms. */
  'alert.closureProposed': z.strictObject({
    alertId: Id,
    verdict: Verdict,
    reason: z.string().min(1).max(400),
  }),
  'alert.closureConfirmed': z.strictObject({ alertId: Id }),
  // --- public-health events (commands of a desk). "event" in the WHO sense alone: 突发公共卫生事件
  'event.opened': z.strictObject({
    eventId: EventId,
    regionCode: RegionCode,
    alertIds: z.array(Id).max(eventAlertsMax).default([]),
    diseaseId: Id.optional(),
    syndrome: Syndrome.optional(),
    grade: Level.optional(),
    reason: z.string().min(1).max(400),
  }),
  'event.alertAdded': z.strictObject({ eventId: EventId, alertId: Id }),
  'event.graded': z.strictObject({ eventId: EventId, grade: Level, reason: z.string().min(1).max(400) }),
  'event.reported': z.strictObject({
    eventId: EventId,
    report: z.enum(['initial', 'progress', 'final']),
    /** Number the report has in the system it went to. */
    reference: Id.optional(),
  }),
  'event.closed': z.strictObject({ eventId: EventId, reason: z.string().min(1).max(400) }),
  // --- who is on duty: replaces what was published for the same region
  'roster.published': z.strictObject({
    regionCode: RegionCode,
    version: z.int().min(1),
    shifts: z.array(DutyShift).max(shiftsMax),
    quietHours: z.array(QuietHours).max(quietHoursMax).default([]),
  }),
  // --- time, which is a source
  'clock.ticked': z.strictObject({
    /** Milliseconds since the tick before; 0 for the first. Over 30 s it is our own silence. */
    gapMs: z.int().min(0),
    /** Set when this tick is the first instant of a Shanghai hour, or of a day (which is also an hour). */
    boundary: z.enum(['none', 'hour', 'day']),
  }),
  // --- the house about itself
  'page.attempted': z.strictObject({
    pageId: Id,
    channel: z.enum(['sms', 'webhook']),
    attempt: z.int().min(1).max(100),
    result: z.enum(['accepted', 'failed', 'dry']),
    detail: z.string().max(200).optional(),
  }),
  'page.receipted': z.strictObject({ pageId: Id, channel: z.enum(['sms', 'webhook']) }),
  'record.viewed': z.strictObject({
    recordKind: z.enum(['call', 'incident', 'card']),
    recordId: Id,
    fields: z.array(z.string().max(40)).max(20),
  }),
  'person.forgotten': z.strictObject({
    recordKind: z.enum(['call', 'incident', 'card']),
    recordId: Id,
    reason: z.string().min(1).max(400),
  }),
  'account.changed': z.strictObject({
    accountId: Id,
    change: z.enum([
      'created',
      'roles',
      'password',
      'locked',
      'unlocked',
      'disabled',
      'enabled',
      'signed-in',
      'signed-out',
      'sign-in-failed',
    ]),
    roles: z.array(Role).max(8).optional(),
    regions: z.array(RegionCode).max(200).optional(),
  }),
  'device.changed': z.strictObject({
    deviceId: Id,
    change: z.enum(['enrolled', 'revoked']),
    role: Role.optional(),
    regions: z.array(RegionCode).max(200).optional(),
  }),
  'entry.quarantined': z.strictObject({
    entrySeq: z.int().min(1),
    kind: z.string().max(64),
    fault: z.string().max(400),
  }),
} as const

export type Kind = keyof typeof bodies
export type BodyOf<K extends Kind> = z.infer<(typeof bodies)[K]>
export type BodyInputOf<K extends Kind> = z.input<(typeof bodies)[K]>
export const kindNames = Object.keys(bodies) as Kind[]
export const Kind = z.enum(kindNames as [Kind, ...Kind[]])

/** commands and calls first, live facts next, backfill last: a backlog never delays a click. */
export type Lane = 'urgent' | 'live' | 'backfill'
export type RecordKind = 'call' | 'incident' | 'card'

export type KindTraits = {
  body: z.ZodType
  /** A fact is never refused for its age; a command carries expectations and expires. */
  family: 'fact' | 'command'
  lane: Lane
  /** Stored in the big tables (compressed, retention) or in the small one (kept). */
  storage: 'small' | 'position' | 'vitals' | 'tick'
  /** Fields sealed at the door, and the record whose key seals them. */
  personal: readonly string[]
  record?: { kind: RecordKind; idField: string }
  zh: string
  en: string
}

type Row = Omit<KindTraits, 'body' | 'personal' | 'storage'> & Partial<Pick<KindTraits, 'personal' | 'storage'>>
const fact = (lane: Lane, zh: string, en: string, more: Partial<Row> = {}): Row => ({
  family: 'fact',
  lane,
  zh,
  en,
  ...more,
})
const command = (zh: string, en: string, more: Partial<Row> = {}): Row => ({
  family: 'command',
  lane: 'urgent',
  zh,
  en,
  ...more,
})

const rows: Record<Kind, Row> = {
  'region.published': fact('urgent', '区划发布', 'regions published'),
  'rule.published': fact('urgent', '规则发布', 'rules published'),
  'pack.published': fact('urgent', '问卷发布', 'question pack published'),
  'calendar.published': fact('urgent', '日历发布', 'calendar published'),
  'history.published': fact('live', '历年同期发布', 'history published'),
  'place.registered': fact('live', '机构登记', 'place registered'),
  'unit.registered': fact('live', '车组登记', 'unit registered'),
  'unit.position': fact('live', '车组位置', 'unit position', { storage: 'position' }),
  'unit.vitals': fact('live', '生命体征', 'vital signs', { storage: 'vitals' }),
  'unit.status': fact('urgent', '车组状态', 'unit status'),
  'call.received': fact('urgent', '来电', 'call received', {
    personal: ['callerNumber', 'callerName', 'addressText', 'complaintText'],
    record: { kind: 'call', idField: 'callId' },
  }),
  'call.answered': fact('urgent', '摘机', 'call answered'),
  'call.abandoned': fact('urgent', '接听前挂断', 'call abandoned'),
  'call.hungUp': fact('urgent', '挂机', 'call hung up'),
  'call.located': fact('urgent', '来电定位', 'caller located'),
  'call.described': fact('urgent', '来电登记', 'call described', {
    personal: ['callerName', 'addressText', 'complaintText'],
    record: { kind: 'call', idField: 'callId' },
  }),
  'call.conferenced': fact('urgent', '多方通话', 'call conferenced'),
  'call.transferred': fact('urgent', '来电转接', 'call transferred'),
  'call.recorded': fact('urgent', '通话录音', 'call recorded'),
  'call.joined': command('并入事件', 'call joined'),
  'call.calledBack': command('回拨', 'called back'),
  'call.callbackGivenUp': command('放弃回拨', 'callback given up'),
  'call.linked': fact('urgent', '联动移交', 'linked transfer', {
    personal: ['caseText'],
    record: { kind: 'call', idField: 'callId' },
  }),
  'call.linkAcknowledged': fact('urgent', '联动签收', 'linked transfer acknowledged'),
  'call.verified': fact('urgent', '来电核实', 'call verified'),
  'number.marked': command('骚扰号码标记', 'number marked'),
  'call.ended': fact('urgent', '来电结束', 'call ended'),
  'incident.opened': command('事件受理', 'incident opened', {
    personal: ['complaintText', 'addressText', 'note'],
    record: { kind: 'incident', idField: 'incidentId' },
  }),
  'incident.questioned': fact('urgent', '问卷应答', 'questions answered', {
    personal: ['note'],
    record: { kind: 'incident', idField: 'incidentId' },
  }),
  'incident.unitAssigned': command('派车', 'unit assigned'),
  'incident.unitReleased': command('撤销派车', 'unit released'),
  'incident.levelChanged': command('级别变更', 'level changed'),
  'incident.noted': command('事件备注', 'incident note', {
    personal: ['note'],
    record: { kind: 'incident', idField: 'incidentId' },
  }),
  'incident.closed': command('事件关闭', 'incident closed'),
  'incident.stamped': fact('urgent', '时刻登记', 'clock step'),
  'incident.stampEdited': command('时刻补正', 'clock step edited'),
  'incident.unitQueued': command('预派', 'next task given'),
  'incident.nextWithdrawn': command('撤回预派', 'next task withdrawn'),
  'incident.unitDiverted': command('途中改派', 'unit diverted'),
  'unit.taskAcknowledged': fact('urgent', '任务确认', 'task acknowledged'),
  'incident.cancelled': command('事件取消', 'incident cancelled'),
  'incident.merged': command('并案', 'incidents merged'),
  'incident.split': command('分案', 'incident split'),
  'incident.reopened': command('事件重启', 'incident reopened'),
  'incident.overrideReasoned': fact('urgent', '未按推荐说明', 'override explained'),
  'incident.massDeclared': command('批量伤员', 'mass casualty declared'),
  'incident.transferOffered': command('移交发出', 'transfer offered'),
  'incident.transferAccepted': command('移交接收', 'transfer accepted'),
  'incident.transferRefused': command('移交退回', 'transfer refused'),
  'incident.transferWithdrawn': command('移交撤回', 'transfer withdrawn'),
  'incident.aidAsked': command('请求增援', 'mutual aid asked'),
  'incident.aidRefused': command('谢绝增援', 'mutual aid refused'),
  'region.modeChanged': fact('urgent', '运行模式', 'operating mode'),
  'crew.assigned': fact('urgent', '排班', 'crew assigned'),
  'unit.distressed': fact('urgent', '车组求助', 'unit in distress'),
  'unit.distressAcknowledged': command('求助确认', 'distress acknowledged'),
  'unit.distressEnded': fact('urgent', '求助解除', 'distress ended'),
  'unit.moveOrdered': command('调防', 'move ordered'),
  'hospital.stateReported': fact('urgent', '医院状态', 'hospital state'),
  'hospital.notified': command('通知医院', 'hospital notified'),
  'hospital.noticeAcknowledged': fact('urgent', '医院确认', 'notice acknowledged'),
  'shift.handoverOffered': command('交班发起', 'hand-over offered'),
  'shift.handedOver': command('接班确认', 'shift handed over'),
  'shift.handoverWithdrawn': command('交班撤回', 'hand-over withdrawn'),
  'slip.rangeIssued': command('纸单号段', 'slip numbers issued'),
  'slip.entered': fact('urgent', '纸单补录', 'paper slip entered', {
    personal: ['complaintText', 'addressText', 'note'],
    record: { kind: 'incident', idField: 'incidentId' },
  }),
  'review.sheetPublished': fact('urgent', '评分表发布', 'score sheet published'),
  'review.requested': fact('urgent', '质控申请', 'review requested'),
  'review.scored': command('质控评分', 'review scored'),
  'review.appealed': command('质控申诉', 'review appealed'),
  'review.decided': command('申诉裁定', 'appeal decided'),
  'count.reported': fact('live', '监测计数', 'count reported'),
  'report.received': fact('live', '报告卡', 'report card', {
    personal: ['patientName', 'patientPhone', 'identityNumber', 'addressText'],
    record: { kind: 'card', idField: 'cardId' },
  }),
  'report.drafted': fact('live', '报告卡草稿', 'report card drafted', {
    personal: ['patientName', 'patientPhone', 'identityNumber', 'addressText'],
    record: { kind: 'card', idField: 'cardId' },
  }),
  'report.draftDismissed': command('报告卡草稿不报', 'draft dismissed'),
  'report.corrected': fact('live', '报告卡订正', 'report card corrected', {
    personal: ['patientName', 'patientPhone', 'identityNumber', 'addressText'],
    record: { kind: 'card', idField: 'cardId' },
  }),
  'report.retracted': fact('live', '报告卡删除', 'report card retracted'),
  'report.reviewed': command('报告卡审核', 'report card reviewed'),
  'signal.found': fact('live', '分析信号', 'signal found'),
  'alert.acknowledged': command('预警确认', 'alert acknowledged'),
  'alert.noted': command('预警备注', 'alert note'),
  'alert.closed': command('预警关闭', 'alert closed'),
  'alert.verified': command('预警核实', 'alert verified'),
  'alert.shelved': command('预警搁置', 'alert shelved'),
  'alert.reopened': command('预警重开', 'alert reopened'),
  'alert.closureProposed': command('预警提请关闭', 'alert closure proposed'),
  'alert.closureConfirmed': command('预警复核关闭', 'alert closure confirmed'),
  'event.opened': command('突发公共卫生事件立案', 'public-health event opened'),
  'event.alertAdded': command('预警并入突发公共卫生事件', 'alert added to public-health event'),
  'event.graded': command('突发公共卫生事件定级', 'public-health event graded'),
  'event.reported': command('突发公共卫生事件上报', 'public-health event reported'),
  'event.closed': command('突发公共卫生事件结案', 'public-health event closed'),
  'roster.published': fact('urgent', '值班表发布', 'roster published'),
  'clock.ticked': fact('urgent', '时钟', 'clock tick', { storage: 'tick' }),
  'page.attempted': fact('urgent', '通知发送', 'page attempted'),
  'page.receipted': fact('urgent', '通知回执', 'page receipted'),
  'record.viewed': fact('urgent', '查看个人信息', 'personal data viewed'),
  'person.forgotten': fact('urgent', '删除个人信息', 'personal data erased'),
  'account.changed': fact('urgent', '账号变更', 'account changed'),
  'device.changed': fact('urgent', '设备变更', 'device changed'),
  'entry.quarantined': fact('urgent', '条目隔离', 'entry quarantined'),
}

/** The table of kinds. */
export const kinds: Readonly<Record<Kind, KindTraits>> = Object.fromEntries(
  kindNames.map(kind => [kind, { personal: [], storage: 'small', ...rows[kind], body: bodies[kind] }]),
) as unknown as Record<Kind, KindTraits>

export function isKind(value: unknown): value is Kind {
  return typeof value === 'string' && Object.hasOwn(bodies, value)
}

/** Body schema of one kind, typed. */
export function getBodySchema<K extends Kind>(kind: K): (typeof bodies)[K] {
  return bodies[kind]
}

/** Who spoke, with roles and regions as they were. Absent for devices. */
export const Actor = z.strictObject({
  accountId: Id,
  name: Name,
  roles: z.array(Role).max(8),
  regions: z.array(RegionCode).max(200),
})
export type Actor = z.infer<typeof Actor>

/** Versions a command was decided on: unit, incident, alert, event and card as the sender saw them. */
export const Expects = z.strictObject({
  unit: z.int().min(0).optional(),
  incident: z.int().min(0).optional(),
  alert: z.int().min(0).optional(),
  event: z.int().min(0).optional(),
  card: z.int().min(0).optional(),
})
export type Expects = z.infer<typeof Expects>

/**
 * What a sender posts. Keyed either by (source, epoch, seq), counted up by the source's own durable queue, or by a client
 * UUID. `source` may be left out: then it is the sender itself.
 */
export const Submission = z.strictObject({
  kind: z.string().max(64),
  source: Id.optional(),
  epoch: Id.optional(),
  seq: z.int().min(1).optional(),
  /** In lower case from here on: a database gives it back so. */
  uuid: z.uuid().toLowerCase().optional(),
  occurredAt: EpochMs,
  expects: Expects.optional(),
  expiresAt: EpochMs.optional(),
  body: z.record(z.string(), z.unknown()),
})
export type Submission = z.infer<typeof Submission>

type EntryBase = {
  /** Gapless, given by the writer; 0 until then. */
  seq: number
  /** The writer's time, never decreasing: the core's only "now". 0 until written. */
  loggedAt: number
  source: string
  epoch?: string
  sourceSeq?: number
  uuid?: string
  actor?: Actor
  occurredAt: number
  receivedAt: number
  expects?: Expects
  expiresAt?: number
}

/** One entry of one kind. */
export type EntryOf<K extends Kind> = EntryBase & { kind: K; body: BodyOf<K> }
/** Any entry. */
export type Entry = { [K in Kind]: EntryOf<K> }[Kind]

/** Outcome of an entry: done, or refused by the world with a code (stored by seq, obeyed by replay and resends). */
export type Outcome =
  | { result: 'done' }
  | { result: 'refused'; code: string; params?: Readonly<Record<string, string | number>> }
export const done: Outcome = { result: 'done' }

/** Name shown for who acted: the account's display name, or the source for a device. */
export function nameActor(entry: { actor?: Actor; source: string }): string {
  return entry.actor ? entry.actor.name : entry.source
}

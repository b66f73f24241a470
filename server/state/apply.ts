/**
 * State: the first stage of the line. One table from kind to fold; the only way the world changes from what was said.
 * Pure: same world and entry, same result.
 */
import { done, type Entry, type EntryOf, type Kind, type Outcome } from '#contract/entry.ts'
import {
  applyAnswer,
  applyCall,
  applyCallback,
  applyCallbackEnd,
  applyCallEnd,
  applyDescription,
  applyForgotten,
  applyHangUp,
  applyJoin,
  applyLink,
  applyLinkAcknowledgement,
  applyLocation,
  applyNumberMark,
  applyParty,
  applyRecording,
  applyVerification,
} from './calls.ts'
import {
  applyCard,
  applyCorrection,
  applyDismissal,
  applyDraft,
  applyForgetting,
  applyLimits,
  applyRetraction,
  applyReview,
} from './cards.ts'
import {
  applyAidAsk,
  applyAidRefuse,
  applyMode,
  applyTransferAccept,
  applyTransferEnd,
  applyTransferOffer,
} from './centres.ts'
import { applyTick } from './clock.ts'
import { findExpiry } from './commands.ts'
import { applyCrew, applyDistress, applyDistressAck, applyDistressEnd, applyMove } from './crews.ts'
import { applyEventChange, applyEventOpening } from './events.ts'
import { applyHandover, applyHandoverEnd, applyHandoverOffer } from './handovers.ts'
import { applyHospitalState, applyNotice, applyNoticeAck } from './hospitals.ts'
import { applyClose, applyLevel, applyNote, applyOpen } from './incidents.ts'
import { applyCancel, applyMass, applyMerge, applyOverride, applyReopen, applySplit } from './links.ts'
import { applyPack, applyQuestions } from './packs.ts'
import { applyCalendar, applyHistory, applyPlace, applyRegions, applyRules, applyUnit } from './register.ts'
import { applyAppeal, applyAppealDecision, applyReviewWish, applyScore, applyScoreSheet } from './reviews.ts'
import { applyRoster } from './roster.ts'
import { applyCount } from './series.ts'
import { applySlip, applySlipRange } from './slips.ts'
import { recordKey } from './sources.ts'
import {
  applyAssign,
  applyDivert,
  applyQueue,
  applyRelease,
  applyStampEdited,
  applyStamped,
  applyTaskAcknowledged,
  applyWithdraw,
} from './tasks.ts'
import { applyPosition, applyStatus, applyVitals } from './units.ts'
import type { Touched, World } from './world.ts'

type Fold<K extends Kind> = (world: World, entry: EntryOf<K>, touched: Touched) => Outcome

/** Kinds that are the log's and the tables' business alone: the world does not change. */
const keep = () => done

/** Alert commands and pages are folded by notify/, the last stage, which owns alerts. */
const folds: { [K in Kind]: Fold<K> } = {
  'region.published': applyRegions,
  'rule.published': applyRules,
  'pack.published': applyPack,
  'calendar.published': applyCalendar,
  'history.published': applyHistory,
  'place.registered': applyPlace,
  'unit.registered': applyUnit,
  'unit.position': applyPosition,
  'unit.vitals': applyVitals,
  'unit.status': applyStatus,
  'call.received': applyCall,
  'call.answered': applyAnswer,
  'call.abandoned': applyHangUp,
  'call.hungUp': applyHangUp,
  'call.located': applyLocation,
  'call.described': applyDescription,
  'call.conferenced': applyParty,
  'call.transferred': applyParty,
  'call.recorded': applyRecording,
  'call.joined': applyJoin,
  'call.calledBack': applyCallback,
  'call.callbackGivenUp': applyCallbackEnd,
  'call.linked': applyLink,
  'call.linkAcknowledged': applyLinkAcknowledgement,
  'call.verified': applyVerification,
  'number.marked': applyNumberMark,
  'call.ended': applyCallEnd,
  'incident.opened': applyOpen,
  'incident.questioned': applyQuestions,
  'incident.unitAssigned': applyAssign,
  'incident.unitReleased': applyRelease,
  'incident.levelChanged': applyLevel,
  'incident.noted': applyNote,
  'incident.closed': applyClose,
  'incident.stamped': applyStamped,
  'incident.stampEdited': applyStampEdited,
  'incident.unitQueued': applyQueue,
  'incident.nextWithdrawn': applyWithdraw,
  'incident.unitDiverted': applyDivert,
  'unit.taskAcknowledged': applyTaskAcknowledged,
  'incident.cancelled': applyCancel,
  'incident.merged': applyMerge,
  'incident.split': applySplit,
  'incident.reopened': applyReopen,
  'incident.overrideReasoned': applyOverride,
  'incident.massDeclared': applyMass,
  'incident.transferOffered': applyTransferOffer,
  'incident.transferAccepted': applyTransferAccept,
  'incident.transferRefused': applyTransferEnd,
  'incident.transferWithdrawn': applyTransferEnd,
  'incident.aidAsked': applyAidAsk,
  'incident.aidRefused': applyAidRefuse,
  'region.modeChanged': applyMode,
  'crew.assigned': applyCrew,
  'unit.distressed': applyDistress,
  'unit.distressAcknowledged': applyDistressAck,
  'unit.distressEnded': applyDistressEnd,
  'unit.moveOrdered': applyMove,
  'hospital.stateReported': applyHospitalState,
  'hospital.notified': applyNotice,
  'hospital.noticeAcknowledged': applyNoticeAck,
  'shift.handoverOffered': applyHandoverOffer,
  'shift.handedOver': applyHandover,
  'shift.handoverWithdrawn': applyHandoverEnd,
  'slip.rangeIssued': applySlipRange,
  'slip.entered': applySlip,
  'review.sheetPublished': applyScoreSheet,
  'review.requested': applyReviewWish,
  'review.scored': applyScore,
  'review.appealed': applyAppeal,
  'review.decided': applyAppealDecision,
  'count.reported': applyCount,
  'report.received': applyCard,
  'report.drafted': applyDraft,
  'report.draftDismissed': applyDismissal,
  'report.corrected': applyCorrection,
  'report.retracted': applyRetraction,
  'report.reviewed': applyReview,
  'report.limitsPublished': applyLimits,
  'signal.found': keep,
  'alert.acknowledged': keep,
  'alert.noted': keep,
  'alert.closed': keep,
  'alert.verified': keep,
  'alert.shelved': keep,
  'alert.reopened': keep,
  'alert.closureProposed': keep,
  'alert.closureConfirmed': keep,
  'event.opened': applyEventOpening,
  'event.alertAdded': applyEventChange,
  'event.graded': applyEventChange,
  'event.reported': applyEventChange,
  'event.closed': applyEventChange,
  'roster.published': applyRoster,
  'clock.ticked': applyTick,
  'page.attempted': keep,
  'page.receipted': keep,
  'record.viewed': keep,
  'person.forgotten': (world, entry, touched) => {
    applyForgetting(world, entry)
    return applyForgotten(world, entry, touched)
  },
  'account.changed': keep,
  'device.changed': keep,
  'entry.quarantined': (world, _entry, touched) => {
    world.city.quarantined++
    touched.city = true
    return done
  },
}

/** Records the entry's key and time; every entry counts here, refused or not. */
export function applyArrival(world: World, entry: Entry): void {
  world.seq = entry.seq
  if (entry.loggedAt > world.city.now) world.city.now = entry.loggedAt
  recordKey(world, entry)
}

/** Folds one entry into the world; a command past its time is refused before anything else. */
export function applyEntry(world: World, entry: Entry, touched: Touched): Outcome {
  const expired = findExpiry(entry)
  if (expired) return expired
  return (folds[entry.kind] as Fold<Kind>)(world, entry as EntryOf<Kind>, touched)
}

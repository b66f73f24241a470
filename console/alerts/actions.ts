/**
 * What a desk can do to an alert and to the public-health event opened from it: each one command on the version seen. A
 * statutory alert is closed by two: one proposes, another confirms; the server holds it to that whatever a screen offers.
 */
import type { BodyOf } from '#contract/entry.ts'
import type { AlertView, EventView } from '#contract/view.ts'
import { subjectOf } from '../incidents/actions.ts'
import { getCityNow } from '../live/clock.ts'
import { createUuid, say } from '../live/commands.ts'
import type { Refusal } from '../live/http.ts'
import { formatCityDay } from '../shell/format.ts'

export type Verdict = BodyOf<'alert.closed'>['verdict']
export const verdicts: readonly Verdict[] = ['confirmed', 'noise', 'false']

type Answer = Promise<Refusal | undefined>

/** Says that somebody has taken this alert up; stops its escalation. */
export function acknowledgeAlert(alert: AlertView): Answer {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.acknowledged', { alertId }, { alert: alert.version })
}

/** Adds a note everyone with this alert in sight reads. */
export function noteAlert(alert: AlertView, note: string): Answer {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.noted', { alertId, note })
}

/** Says what looking into it found; stops the verification clock and closes nothing. `grade` is a proposal. */
export function verifyAlert(alert: AlertView, verdict: Verdict, reason: string, grade: number | undefined): Answer {
  const { alertId } = alert
  const body = { alertId, verdict, reason, ...(grade === undefined ? {} : { grade }) }
  return say(subjectOf.alert(alertId), 'alert.verified', body, { alert: alert.version })
}

/** Closes an alert with what it turned out to be and why; of a statutory one it proposes the closure to a second person. */
export function closeAlert(alert: AlertView, verdict: Verdict, reason: string): Answer {
  const { alertId } = alert
  const kind = alert.statutory ? 'alert.closureProposed' : 'alert.closed'
  return say(subjectOf.alert(alertId), kind, { alertId, verdict, reason }, { alert: alert.version })
}

/** Confirms a proposed closure as the second person. */
export function confirmClosure(alert: AlertView): Answer {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.closureConfirmed', { alertId }, { alert: alert.version })
}

/** Puts an alert aside for some hours with the reason. */
export function shelveAlert(alert: AlertView, hours: number, reason: string): Answer {
  const { alertId } = alert
  const until = getCityNow() + hours * 3_600_000
  return say(subjectOf.alert(alertId), 'alert.shelved', { alertId, until, reason }, { alert: alert.version })
}

/** Takes a closure, a proposal or a shelf back. */
export function reopenAlert(alert: AlertView, reason: string): Answer {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.reopened', { alertId, reason }, { alert: alert.version })
}

/** Opens a public-health event from an alert; its clock to the initial report starts there. */
export function openEvent(alert: AlertView, reason: string, grade: number | undefined): Answer {
  // Day and place are what people say aloud; the tail makes two of one day two.
  const eventId = `E-${formatCityDay(getCityNow()).replaceAll('-', '')}-${alert.regionCode}-${createUuid().slice(0, 4)}`
  return say(
    subjectOf.alert(alert.alertId),
    'event.opened',
    {
      eventId,
      regionCode: alert.regionCode,
      alertIds: [alert.alertId],
      ...(alert.diseaseId === undefined ? {} : { diseaseId: alert.diseaseId }),
      ...(alert.syndrome === undefined ? {} : { syndrome: alert.syndrome }),
      ...(grade === undefined ? {} : { grade }),
      reason,
    },
    { alert: alert.version },
  )
}

/** Subject of an event's own commands. */
export function getEventSubject(eventId: string): string {
  return `event:${eventId}`
}

/** Says that a report of the event was sent upwards. */
export function reportEvent(event: EventView, report: BodyOf<'event.reported'>['report']): Answer {
  const { eventId } = event
  return say(getEventSubject(eventId), 'event.reported', { eventId, report }, { event: event.version })
}

/** Grades an event with the reason: 4 = IV blue … 1 = I red. */
export function gradeEvent(event: EventView, grade: number, reason: string): Answer {
  const { eventId } = event
  return say(getEventSubject(eventId), 'event.graded', { eventId, grade, reason }, { event: event.version })
}

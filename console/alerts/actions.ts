/** What a desk can do to an alert: acknowledge, note, close with verdict and reason; each a command on the version seen. */
import type { BodyOf } from '#contract/entry.ts'
import type { AlertView } from '#contract/view.ts'
import { subjectOf } from '../incidents/actions.ts'
import { say } from '../live/commands.ts'
import type { Refusal } from '../live/http.ts'

/** Says that somebody has taken this alert up; stops its escalation. */
export function acknowledgeAlert(alert: AlertView): Promise<Refusal | undefined> {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.acknowledged', { alertId }, { alert: alert.version })
}

/** Adds a note everyone with this alert in sight reads. */
export function noteAlert(alert: AlertView, note: string): Promise<Refusal | undefined> {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.noted', { alertId, note })
}

/** Closes an alert with what it turned out to be and why. */
export function closeAlert(
  alert: AlertView,
  verdict: BodyOf<'alert.closed'>['verdict'],
  reason: string,
): Promise<Refusal | undefined> {
  const { alertId } = alert
  return say(subjectOf.alert(alertId), 'alert.closed', { alertId, verdict, reason }, { alert: alert.version })
}

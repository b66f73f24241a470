/**
 * The order of the review board and its groups: what matters stands on top. Pure: levels first, then what is overdue for
 * verification, then what needs a person, then the law's, then the oldest; the shelf lies below everything.
 */
import type { AlertView } from '#contract/view.ts'

export const groupings = ['none', 'place', 'syndrome', 'rule'] as const
export type Grouping = (typeof groupings)[number]

/** True for an alert that a person must verify and nobody has in time. */
export function isOverdue(alert: AlertView, now: number): boolean {
  return isUnverified(alert) && alert.verifyDueAt !== undefined && now >= alert.verifyDueAt
}

/** True while nobody has said what came of looking into it. */
export function isUnverified(alert: AlertView): boolean {
  return alert.verification === undefined && (alert.state === 'open' || alert.state === 'acknowledged')
}

/** True for the law's own: a report card or a rule of the law has a part in it. */
export function isLawful(alert: AlertView): boolean {
  return alert.statutory ?? alert.evidence.some(each => each.method === 'card')
}

/** True while somebody must look or sign: not yet verified, or waiting for a second person. */
function needsPerson(alert: AlertView): boolean {
  return isUnverified(alert) || alert.state === 'closing'
}

/** Alerts that are not closed, the ones that matter first. */
export function orderBoard(alerts: Iterable<AlertView>, now: number): readonly AlertView[] {
  return [...alerts]
    .filter(alert => alert.state !== 'closed')
    .sort(
      (a, b) =>
        Number(a.state === 'shelved') - Number(b.state === 'shelved') ||
        a.level - b.level ||
        Number(isOverdue(b, now)) - Number(isOverdue(a, now)) ||
        Number(needsPerson(b)) - Number(needsPerson(a)) ||
        Number(isLawful(b)) - Number(isLawful(a)) ||
        a.raisedAt - b.raisedAt ||
        (a.alertId < b.alertId ? -1 : 1),
    )
}

export type BoardRow =
  | { kind: 'head'; key: string; group: string; count: number; level: number }
  | { kind: 'alert'; key: string; alert: AlertView }

/** What an alert is grouped by; alerts without a syndrome go by their disease. */
export function findGroup(alert: AlertView, by: Grouping): string {
  if (by === 'place') return alert.regionCode
  if (by === 'syndrome') return alert.syndrome ?? alert.diseaseId ?? ''
  return by === 'rule' ? alert.ruleId : ''
}

/** Rows of the board: alone, or under heads; a group stands where its foremost alert would. */
export function groupBoard(ordered: readonly AlertView[], by: Grouping): readonly BoardRow[] {
  const toRow = (alert: AlertView): BoardRow => ({ kind: 'alert', key: alert.alertId, alert })
  if (by === 'none') return ordered.map(toRow)
  const groups = Map.groupBy(ordered, alert => findGroup(alert, by))
  return [...groups].flatMap(([group, alerts]): BoardRow[] => [
    {
      kind: 'head',
      key: `head:${group}`,
      group,
      count: alerts.length,
      level: Math.min(...alerts.map(alert => alert.level)),
    },
    ...alerts.map(toRow),
  ])
}

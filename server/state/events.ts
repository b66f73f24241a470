/**
 * Events: public-health events (突发公共卫生事件) in the WHO sense: opened by a person from alerts, graded I-IV, reported within
 * two hours, closed with a reason. Here the event itself; what it does to its alerts is notify's. Pure.
 * @source 突发公共卫生事件与传染病疫情监测信息报告管理办法: initial report within 2 h
 */
import { findDiseaseById } from '#contract/diseases.ts'
import { done, type EntryOf, eventAlertsMax, nameActor, type Outcome } from '#contract/entry.ts'
import { isCommandStale } from './commands.ts'
import type { PublicEvent, Touched, World } from './world.ts'

/** Time to the initial report. */
export const reportWithinMs = 2 * 3_600_000
/** Reports and gradings kept on one event; the log keeps all. */
export const stepsMax = 200

function refuse(code: string, params: Record<string, string>): Outcome {
  return { result: 'refused', code, params }
}

/** The refusal of an alert that cannot join; undefined when it can. */
function findBar(world: World, alertId: string, eventId: string): Outcome | undefined {
  const alert = world.alerts.get(alertId)
  if (!alert) return refuse('ALERT_UNKNOWN', { alertId })
  if (alert.eventId !== undefined && alert.eventId !== eventId)
    return refuse('ALERT_IN_EVENT', { eventId: alert.eventId })
  if (alert.state === 'closed') return refuse('ALERT_TRANSITION', { state: '已关闭', action: '立为突发公共卫生事件' })
  return undefined
}

/** Opens an event from alerts, or from none (a report by telephone); its statutory clock starts now. */
export function applyEventOpening(world: World, entry: EntryOf<'event.opened'>, touched: Touched): Outcome {
  const { eventId, regionCode, grade, reason } = entry.body
  if (world.events.has(eventId)) return refuse('EVENT_EXISTS', { eventId })
  const alertIds = [...new Set(entry.body.alertIds)]
  for (const alertId of alertIds) {
    const bar = findBar(world, alertId, eventId)
    if (bar) return bar
  }
  if (entry.body.diseaseId !== undefined && !findDiseaseById(entry.body.diseaseId))
    return refuse('DISEASE_UNKNOWN', { diseaseId: entry.body.diseaseId })
  const alerts = alertIds.map(alertId => world.alerts.get(alertId)!)
  const diseaseId = entry.body.diseaseId ?? alerts.find(a => a.diseaseId !== undefined)?.diseaseId
  const syndrome = entry.body.syndrome ?? alerts.find(a => a.syndrome !== undefined)?.syndrome
  const at = entry.loggedAt
  const by = nameActor(entry)
  const opened: PublicEvent = {
    eventId,
    version: 1,
    state: 'open',
    regionCode,
    ...(diseaseId === undefined ? {} : { diseaseId }),
    ...(syndrome === undefined ? {} : { syndrome }),
    ...(grade === undefined ? {} : { grade }),
    grades: grade === undefined ? [] : [{ at, by, grade, reason }],
    alertIds,
    reason,
    openedAt: at,
    openedBy: by,
    reportDueAt: at + reportWithinMs,
    reports: [],
  }
  world.events.set(eventId, opened)
  touched.events.add(eventId)
  return done
}

type Change =
  | EntryOf<'event.alertAdded'>
  | EntryOf<'event.graded'>
  | EntryOf<'event.reported'>
  | EntryOf<'event.closed'>

/** Adds an alert, grades, reports or closes an open event. Unreported it cannot be closed: that would hide the clock. */
export function applyEventChange(world: World, entry: Change, touched: Touched): Outcome {
  const { eventId } = entry.body
  const held = world.events.get(eventId)
  if (!held) return refuse('EVENT_UNKNOWN', { eventId })
  if (held.state === 'closed') return refuse('EVENT_CLOSED', { eventId })
  if (isCommandStale(entry.expects?.event, held.version)) return refuse('VERSION_STALE', { what: eventId })
  const at = entry.loggedAt
  const by = nameActor(entry)
  switch (entry.kind) {
    case 'event.alertAdded': {
      const bar = findBar(world, entry.body.alertId, eventId)
      if (bar) return bar
      if (held.alertIds.includes(entry.body.alertId)) return done
      if (held.alertIds.length >= eventAlertsMax) return refuse('ALERT_IN_EVENT', { eventId })
      held.alertIds = [...held.alertIds, entry.body.alertId]
      break
    }
    case 'event.graded': {
      const { grade, reason } = entry.body
      held.grade = grade
      held.grades = [...held.grades, { at, by, grade, reason }].slice(-stepsMax)
      break
    }
    case 'event.reported': {
      const { report, reference } = entry.body
      held.reportedAt ??= at
      held.reports = [...held.reports, { at, by, report, ...(reference === undefined ? {} : { reference }) }].slice(
        -stepsMax,
      )
      break
    }
    case 'event.closed':
      if (held.reportedAt === undefined) return refuse('EVENT_UNREPORTED', { eventId })
      Object.assign(held, { state: 'closed', closedAt: at, closedBy: by, closeReason: entry.body.reason })
  }
  held.version++
  touched.events.add(eventId)
  return done
}

/**
 * Alerts: the last stage of the line: a finding becomes something a person must answer. One transition table says what may
 * follow what; findings of one rule and region merge into one open alert; ticks escalate what nobody answers. Pure.
 */
import { done, type Entry, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import type { Alert, Finding, Signal, Touched, World } from '../state/world.ts'
import { addPage, withdrawPages } from './routing.ts'

type State = Alert['state']
type Action = 'acknowledge' | 'note' | 'close'

/** What each command needs and makes. Closed is closed: a new finding raises a new alert. */
const transitions: Readonly<Record<Action, { from: readonly State[]; to?: State; zh: string }>> = {
  acknowledge: { from: ['open'], to: 'acknowledged', zh: '确认' },
  note: { from: ['open', 'acknowledged', 'closed'], zh: '备注' },
  close: { from: ['open', 'acknowledged'], to: 'closed', zh: '关闭' },
}
const stateNames: Readonly<Record<State, string>> = {
  open: '待确认',
  acknowledged: '核实中',
  verified: '已核实',
  shelved: '搁置',
  closing: '待复核',
  closed: '已关闭',
}

/** Notes kept on one alert. */
export const notesMax = 200
/** Evidence rows kept on one alert: leaves of a rule, renewed in place. */
export const evidenceMax = 64

type Evidence = Alert['evidence'][number]

function toEvidence(signal: Signal): Evidence {
  const { key: _key, until: _until, ...rest } = signal
  return rest as Evidence
}

function nameEvidence(e: Evidence): string {
  return `${e.method}|${e.sourceKind ?? ''}|${e.syndrome ?? ''}|${e.regionCode}`
}

/** True when the finding says something the alert does not yet hold. */
function isNews(alert: Alert, evidence: readonly Evidence[]): boolean {
  return evidence.some(e => {
    const held = alert.evidence.find(h => nameEvidence(h) === nameEvidence(e))
    return (
      !held || held.period !== e.period || held.observed !== e.observed || held.subjects.join() !== e.subjects.join()
    )
  })
}

function findByMergeKey(world: World, mergeKey: string, open: boolean): Alert | undefined {
  let newest: Alert | undefined
  for (const alert of world.alerts.values())
    if (alert.mergeKey === mergeKey && (alert.state !== 'closed') === open) newest = alert
  return newest
}

/** Raises a new alert or renews the open one of the same rule and region. */
function settleFinding(world: World, finding: Finding, touched: Touched): void {
  const { rule, regionCode } = finding
  const now = world.city.now
  const mergeKey = `${rule.ruleId}@${regionCode}`
  const evidence = finding.evidence.slice(0, evidenceMax).map(toEvidence)
  const figures = {
    independentSources: finding.independentSources,
    neededSources: finding.neededSources,
    cases: finding.cases,
  }
  const open = findByMergeKey(world, mergeKey, true)
  if (open) {
    if (!isNews(open, evidence)) return
    const kept = open.evidence.filter(h => !evidence.some(e => nameEvidence(e) === nameEvidence(h)))
    Object.assign(open, figures, {
      evidence: [...evidence, ...kept].slice(0, evidenceMax),
      updatedAt: now,
      version: open.version + 1,
    })
    touched.alerts.add(open.alertId)
    return
  }
  // What a person has closed stays closed until a period or subject shows up that the closed alert did not hold.
  const closed = findByMergeKey(world, mergeKey, false)
  if (closed && !evidence.some(e => isFresh(closed, e))) return
  world.city.issued++
  const alert: Alert = {
    alertId: `A-${world.city.issued}`,
    mergeKey,
    version: 1,
    ruleId: rule.ruleId,
    ruleVersion: rule.version,
    ruleName: rule.name,
    ruleNameEn: rule.nameEn,
    basis: rule.basis,
    level: rule.level,
    ...(rule.syndrome === undefined ? {} : { syndrome: rule.syndrome }),
    regionCode,
    state: 'open',
    raisedAt: now,
    updatedAt: now,
    evidence,
    ...figures,
    escalationStep: 0,
    nextEscalationAt: now + rule.escalation[0]!.afterS * 1_000,
    notes: [],
  }
  world.alerts.set(alert.alertId, alert)
  touched.alerts.add(alert.alertId)
  escalateDue(world, alert, touched)
}

function isFresh(closed: Alert, e: Evidence): boolean {
  const held = closed.evidence.find(h => nameEvidence(h) === nameEvidence(e))
  return !held || e.period > held.period || e.subjects.some(id => !held.subjects.includes(id))
}

/** Tells every step whose time has come, and sets when the next is due. */
function escalateDue(world: World, alert: Alert, touched: Touched): void {
  const steps = world.rules.get(alert.ruleId)?.escalation ?? []
  while (alert.nextEscalationAt !== undefined && alert.nextEscalationAt <= world.city.now) {
    const step = steps[alert.escalationStep]
    if (step) addPage(world, alert, alert.escalationStep, step.role, touched)
    alert.escalationStep++
    alert.version++
    const next = steps[alert.escalationStep]
    if (next) alert.nextEscalationAt = alert.raisedAt + next.afterS * 1_000 + (alert.pausedMs ?? 0)
    else delete alert.nextEscalationAt
  }
  touched.alerts.add(alert.alertId)
}

/** On a tick: escalates open alerts. Our own silence does not run against anybody's clock. */
function applyTick(world: World, ownGapMs: number, touched: Touched): void {
  for (const alert of world.alerts.values()) {
    if (alert.state !== 'open') continue
    // An alert raised within the gap waited only since then.
    const pausedMs = Math.min(ownGapMs, Math.max(0, world.city.now - alert.raisedAt))
    if (pausedMs > 0) {
      alert.pausedMs = (alert.pausedMs ?? 0) + pausedMs
      if (alert.nextEscalationAt !== undefined) alert.nextEscalationAt += pausedMs
    }
    if (alert.nextEscalationAt !== undefined && alert.nextEscalationAt <= world.city.now)
      escalateDue(world, alert, touched)
  }
}

type Command = EntryOf<'alert.acknowledged'> | EntryOf<'alert.noted'> | EntryOf<'alert.closed'>
const actionOf = { 'alert.acknowledged': 'acknowledge', 'alert.noted': 'note', 'alert.closed': 'close' } as const

function applyCommand(world: World, entry: Command, touched: Touched): Outcome {
  const { alertId } = entry.body
  const alert = world.alerts.get(alertId)
  if (!alert) return { result: 'refused', code: 'ALERT_UNKNOWN', params: { alertId } }
  const rule = transitions[actionOf[entry.kind]]
  if (!rule.from.includes(alert.state))
    return { result: 'refused', code: 'ALERT_TRANSITION', params: { state: stateNames[alert.state], action: rule.zh } }
  // A note is an addition: it cannot be wrong because somebody else wrote one first.
  if (
    entry.kind !== 'alert.noted' &&
    entry.expects?.alert !== undefined &&
    entry.expects.alert < alert.version &&
    alert.state !== 'open'
  )
    return { result: 'refused', code: 'VERSION_STALE', params: { what: alert.ruleName } }
  const by = nameActor(entry)
  const at = entry.loggedAt
  if (entry.kind === 'alert.acknowledged') Object.assign(alert, { acknowledgedAt: at, acknowledgedBy: by })
  else if (entry.kind === 'alert.noted')
    alert.notes = [...alert.notes, { at, by, text: entry.body.note }].slice(-notesMax)
  else Object.assign(alert, { closedAt: at, closedBy: by, verdict: entry.body.verdict, reason: entry.body.reason })
  if (rule.to) {
    alert.state = rule.to
    delete alert.nextEscalationAt
    withdrawPages(world, alertId, touched)
  }
  alert.updatedAt = at
  alert.version++
  touched.alerts.add(alertId)
  return done
}

/** Folds alert commands and page receipts, settles the findings of this entry and, on ticks, escalates. */
export function notify(
  world: World,
  entry: Entry,
  findings: readonly Finding[],
  ownGapMs: number,
  touched: Touched,
): Outcome {
  for (const finding of findings) settleFinding(world, finding, touched)
  switch (entry.kind) {
    case 'alert.acknowledged':
    case 'alert.noted':
    case 'alert.closed':
      return applyCommand(world, entry, touched)
    case 'clock.ticked':
      applyTick(world, ownGapMs, touched)
      return done
    case 'page.attempted':
    case 'page.receipted': {
      const page = world.pages.get(entry.body.pageId)
      if (!page) return { result: 'refused', code: 'PAGE_UNKNOWN', params: { pageId: entry.body.pageId } }
      if (entry.kind === 'page.attempted') {
        page.attempts = Math.max(page.attempts, entry.body.attempt)
        page.lastAttemptAt = entry.loggedAt
      } else page.receiptedAt ??= entry.loggedAt
      touched.pages.add(page.pageId)
      return done
    }
    default:
      return done
  }
}

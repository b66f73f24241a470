/**
 * Alerts: the last stage of the line: a finding becomes something a person must answer. One transition table says what may
 * follow what. Promises: a statutory alert is closed by two people and by no other way; what is shelved comes back; a level
 * only rises; ticks escalate what nobody answers or verifies. Colours belong to graded events alone. Pure.
 */
import { done, type Entry, type EntryOf, nameActor, type Outcome, shelfMaxMs } from '#contract/entry.ts'
import { findVerifyWithinS } from '#contract/rule.ts'
import { hourMs } from '#contract/scalars.ts'
import type { Alert, Finding, Touched, World } from '../state/world.ts'
import { createParts, getSubject, isFresh, mergeFinding, type Subject, summarise } from './merging.ts'
import { addEventPage, addPage, withdrawPages } from './routing.ts'

type State = Alert['state']
export type Action = 'acknowledge' | 'note' | 'verify' | 'shelve' | 'reopen' | 'close' | 'propose' | 'confirm'

const live: readonly State[] = ['open', 'acknowledged', 'verified', 'shelved']
/** What each command needs and makes. What is closed stays closed unless a person reopens it; a new finding raises a new alert. */
const transitions: Readonly<Record<Action, { from: readonly State[]; to?: State; zh: string }>> = {
  acknowledge: { from: ['open'], to: 'acknowledged', zh: '确认' },
  note: { from: [...live, 'closing', 'closed'], zh: '备注' },
  verify: { from: live, to: 'verified', zh: '核实' },
  shelve: { from: ['open', 'acknowledged', 'verified'], to: 'shelved', zh: '搁置' },
  reopen: { from: ['shelved', 'closing', 'closed'], to: 'acknowledged', zh: '重开' },
  close: { from: live, to: 'closed', zh: '关闭' },
  propose: { from: live, to: 'closing', zh: '提请关闭' },
  confirm: { from: ['closing'], to: 'closed', zh: '复核关闭' },
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
/** Who is told of a public-health event without its report in time. */
const eventRoles = ['epidemiologist', 'shift-leader'] as const

function findByMergeKey(world: World, subject: Subject, finding: Finding, open: boolean): Alert | undefined {
  // An alert of an earlier era has no parts and was merged by its rule.
  const former = `${finding.rule.ruleId}@${finding.regionCode}`
  let newest: Alert | undefined
  for (const alert of world.alerts.values())
    if (
      (alert.mergeKey === subject.mergeKey || (alert.rules === undefined && alert.mergeKey === former)) &&
      (alert.state !== 'closed') === open
    )
      newest = alert
  return newest
}

function getVerifyDueAt(finding: Finding, now: number): number | undefined {
  const withinS = findVerifyWithinS(finding.rule)
  return withinS === undefined ? undefined : now + withinS * 1_000
}

/** Raises a new alert or gives the open one of the same place and syndrome a further part. */
function settleFinding(world: World, finding: Finding, touched: Touched): void {
  const now = world.city.now
  const subject = getSubject(finding)
  const open = findByMergeKey(world, subject, finding, true)
  if (open) {
    renew(world, open, finding, subject, touched)
    return
  }
  // What a person has closed stays closed until a period or subject shows up that the closed alert did not hold.
  const closed = findByMergeKey(world, subject, finding, false)
  const rules = createParts(finding, now)
  if (closed && !rules[0]!.evidence.some(e => isFresh(closed.evidence, e))) return
  world.city.issued++
  const verifyDueAt = finding.hidden ? undefined : getVerifyDueAt(finding, now)
  const { level, ...summary } = summarise(rules, 4)
  const alert: Alert = {
    alertId: `A-${world.city.issued}`,
    ...subject,
    version: 1,
    ...summary,
    level,
    regionCode: finding.regionCode,
    state: 'open',
    raisedAt: now,
    updatedAt: now,
    ...(verifyDueAt === undefined ? {} : { verifyDueAt }),
    escalationStep: 0,
    notes: [],
  } as Alert
  world.alerts.set(alert.alertId, alert)
  climb(world, alert, touched)
}

function renew(world: World, alert: Alert, finding: Finding, subject: Subject, touched: Touched): void {
  const now = world.city.now
  const merged = mergeFinding(alert, finding, now)
  if (!merged.isNews && finding.level >= alert.level) return
  const before = { level: alert.level, statutory: alert.statutory === true, hidden: alert.hidden === true }
  Object.assign(alert, summarise(merged.parts, Math.min(alert.level, finding.level)))
  if (subject.syndrome !== undefined) alert.syndrome ??= subject.syndrome as Alert['syndrome']
  if (subject.diseaseId !== undefined) alert.diseaseId ??= subject.diseaseId
  alert.mergeKey = subject.mergeKey
  alert.updatedAt = now
  alert.version++
  touched.alerts.add(alert.alertId)
  const isShown = before.hidden && !alert.hidden
  const isWorse = isShown || alert.level < before.level || (alert.statutory === true && !before.statutory)
  const due = finding.hidden ? undefined : getVerifyDueAt(finding, now)
  if (isWorse) {
    // Worse than what was answered: it must be answered anew, by the ladder of the rule that leads now.
    clearAnswers(alert)
    alert.state = 'open'
    if (due !== undefined) alert.verifyDueAt = Math.min(alert.verifyDueAt ?? due, due)
    climb(world, alert, touched)
    return
  }
  if (due !== undefined && alert.verification === undefined && alert.state !== 'shelved')
    alert.verifyDueAt = Math.min(alert.verifyDueAt ?? due, due)
  // Nobody has judged what came after the proposal.
  if (alert.state === 'closing' && merged.isFresh) {
    delete alert.closure
    alert.state = 'acknowledged'
  }
}

/** Forgets what was said about an alert that has become another; the log and its notes keep it. */
function clearAnswers(alert: Alert): void {
  if (alert.verification) {
    delete alert.verification
    delete alert.verifyDueAt
  }
  delete alert.overdueAt
  delete alert.closure
  delete alert.acknowledgedAt
  delete alert.acknowledgedBy
  leaveShelf(alert)
}

/** Takes an alert off the shelf: the verification clock of a statistical one had waited for it. */
function leaveShelf(alert: Alert, now?: number): void {
  if (alert.shelvedUntil !== undefined && now !== undefined && alert.verifyDueAt !== undefined && !alert.statutory)
    alert.verifyDueAt -= Math.max(0, alert.shelvedUntil - now)
  delete alert.shelvedUntil
  delete alert.shelvedBy
  delete alert.shelfReason
}

/** Starts the leading rule's ladder from its foot: now. Of what is hidden nobody is told. */
function climb(world: World, alert: Alert, touched: Touched): void {
  const first = world.rules.get(alert.ruleId)?.escalation[0]
  alert.ladderStep = 0
  alert.ladderFromAt = world.city.now
  delete alert.pausedMs
  if (first && !alert.hidden) alert.nextEscalationAt = world.city.now + first.afterS * 1_000
  else delete alert.nextEscalationAt
  touched.alerts.add(alert.alertId)
  escalateDue(world, alert, touched)
}

/** Tells every step whose time has come, and sets when the next is due. A step with nobody on duty is not waited for. */
function escalateDue(world: World, alert: Alert, touched: Touched): void {
  const steps = world.rules.get(alert.ruleId)?.escalation ?? []
  while (alert.nextEscalationAt !== undefined && alert.nextEscalationAt <= world.city.now) {
    const place = alert.ladderStep ?? alert.escalationStep
    const step = steps[place]
    const isStaffed = step ? addPage(world, alert, alert.escalationStep, step.role, touched) : true
    alert.escalationStep++
    alert.ladderStep = place + 1
    alert.version++
    const next = steps[alert.ladderStep]
    if (!next) delete alert.nextEscalationAt
    else if (!isStaffed) alert.nextEscalationAt = world.city.now
    else alert.nextEscalationAt = (alert.ladderFromAt ?? alert.raisedAt) + next.afterS * 1_000 + (alert.pausedMs ?? 0)
  }
  touched.alerts.add(alert.alertId)
}

/**
 * Verification was due and nobody gave a verdict: the ladder goes on, also when somebody had it in hand; at its end the last
 * role is told once more.
 */
function markOverdue(world: World, alert: Alert, touched: Touched): void {
  const now = world.city.now
  alert.overdueAt = now
  if (alert.state === 'shelved') {
    leaveShelf(alert)
    alert.state = 'open'
  }
  alert.version++
  const steps = world.rules.get(alert.ruleId)?.escalation ?? []
  const place = Math.min(alert.ladderStep ?? alert.escalationStep, steps.length - 1)
  if (place < 0) return void touched.alerts.add(alert.alertId)
  alert.ladderStep = place
  // The rest of the ladder keeps its own distances from here on.
  alert.ladderFromAt = now - steps[place]!.afterS * 1_000
  delete alert.pausedMs
  alert.nextEscalationAt = now
  escalateDue(world, alert, touched)
}

/** On a tick: brings back what was shelved, marks what is overdue, escalates what waits. */
function applyTick(world: World, ownGapMs: number, touched: Touched): void {
  const now = world.city.now
  for (const alert of world.alerts.values()) {
    if (alert.state === 'closed') continue
    if (alert.state === 'shelved' && alert.shelvedUntil !== undefined && alert.shelvedUntil <= now) {
      leaveShelf(alert)
      alert.state = 'open'
      alert.version++
      climb(world, alert, touched)
    }
    // Our own silence runs against nobody; what came within the gap waited only since then.
    if (alert.verifyDueAt !== undefined && alert.verification === undefined)
      alert.verifyDueAt += Math.min(ownGapMs, Math.max(0, now - (alert.reopenedAt ?? alert.raisedAt)))
    if (
      alert.verifyDueAt !== undefined &&
      alert.verifyDueAt <= now &&
      alert.verification === undefined &&
      alert.overdueAt === undefined
    )
      markOverdue(world, alert, touched)
    if (alert.nextEscalationAt === undefined) continue
    const pausedMs = Math.min(ownGapMs, Math.max(0, now - (alert.ladderFromAt ?? alert.raisedAt)))
    if (pausedMs > 0) {
      alert.pausedMs = (alert.pausedMs ?? 0) + pausedMs
      alert.nextEscalationAt += pausedMs
    }
    if (alert.nextEscalationAt <= now) escalateDue(world, alert, touched)
  }
  for (const event of world.events.values()) {
    if (event.state === 'closed' || event.reportedAt !== undefined || event.overdueAt !== undefined) continue
    // The law's own clock: whoever opened the event knows of it, and it does not wait for a server.
    if (event.reportDueAt > now) continue
    event.overdueAt = now
    event.version++
    touched.events.add(event.eventId)
    for (const [step, role] of eventRoles.entries()) addEventPage(world, event, step, role, touched)
  }
}

const actionOf = {
  'alert.acknowledged': 'acknowledge',
  'alert.noted': 'note',
  'alert.verified': 'verify',
  'alert.shelved': 'shelve',
  'alert.reopened': 'reopen',
  'alert.closed': 'close',
  'alert.closureProposed': 'propose',
  'alert.closureConfirmed': 'confirm',
} as const satisfies Partial<Record<Entry['kind'], Action>>
type Command = Extract<Entry, { kind: keyof typeof actionOf }>

function refuse(code: string, params?: Record<string, string | number>): Outcome {
  return params ? { result: 'refused', code, params } : { result: 'refused', code }
}

function isCommand(entry: Entry): entry is Command {
  return Object.hasOwn(actionOf, entry.kind)
}

/** What the alert itself has against a command that its state would allow; undefined when nothing. */
function findBar(world: World, alert: Alert, entry: Command): Outcome | undefined {
  const now = entry.loggedAt
  switch (entry.kind) {
    case 'alert.closed':
      return alert.statutory ? refuse('SECOND_PERSON_NEEDED') : undefined
    case 'alert.closureConfirmed': {
      const second = entry.actor?.accountId
      const by = alert.closure?.by ?? ''
      return second === undefined || second === alert.closure?.byAccountId
        ? refuse('SECOND_PERSON_SAME', { by })
        : undefined
    }
    case 'alert.shelved': {
      const { until } = entry.body
      if (alert.level === 1) return refuse('ALERT_UNSHELVABLE')
      const isPastDue = alert.statutory && alert.verification === undefined && until > (alert.verifyDueAt ?? until)
      return until <= now || until > now + shelfMaxMs || isPastDue
        ? refuse('SHELF_INVALID', { hours: shelfMaxMs / hourMs })
        : undefined
    }
    case 'alert.reopened': {
      if (alert.state !== 'closed') return undefined
      for (const other of world.alerts.values())
        if (other.mergeKey === alert.mergeKey && other.state !== 'closed')
          return refuse('ALERT_SUPERSEDED', { alertId: other.alertId })
      return undefined
    }
    default:
      return undefined
  }
}

/** Writes what a command says into the alert; its state is changed by the table. */
function write(world: World, alert: Alert, entry: Command): void {
  const by = nameActor(entry)
  const at = entry.loggedAt
  const account = entry.actor === undefined ? {} : { byAccountId: entry.actor.accountId }
  switch (entry.kind) {
    case 'alert.acknowledged':
      Object.assign(alert, { acknowledgedAt: at, acknowledgedBy: by })
      return
    case 'alert.noted':
      alert.notes = [...alert.notes, { at, by, text: entry.body.note }].slice(-notesMax)
      return
    case 'alert.verified': {
      const { verdict, reason, grade } = entry.body
      leaveShelf(alert, at)
      alert.verification = { verdict, reason, ...(grade === undefined ? {} : { grade }), at, by, ...account }
      return
    }
    case 'alert.shelved': {
      const { until, reason } = entry.body
      Object.assign(alert, { shelvedUntil: until, shelvedBy: by, shelfReason: reason })
      // A statistical alert's clock waits on the shelf; a statutory one's never does.
      if (!alert.statutory && alert.verification === undefined && alert.verifyDueAt !== undefined)
        alert.verifyDueAt += until - at
      return
    }
    case 'alert.reopened': {
      if (alert.state === 'shelved') leaveShelf(alert, at)
      if (alert.state === 'closed') {
        const rule = world.rules.get(alert.ruleId)
        const withinS = rule && findVerifyWithinS(rule)
        clearAnswers(alert)
        if (withinS !== undefined) alert.verifyDueAt = at + withinS * 1_000
        delete alert.closedAt
        delete alert.closedBy
        delete alert.verdict
        delete alert.reason
      }
      delete alert.closure
      Object.assign(alert, { reopenedAt: at, acknowledgedAt: at, acknowledgedBy: by })
      return
    }
    case 'alert.closureProposed': {
      const { verdict, reason } = entry.body
      leaveShelf(alert, at)
      alert.closure = { verdict, reason, at, by, ...account }
      return
    }
    case 'alert.closureConfirmed': {
      const { verdict, reason } = alert.closure!
      Object.assign(alert, { closedAt: at, closedBy: by, verdict, reason })
      return
    }
    case 'alert.closed': {
      const { verdict, reason } = entry.body
      leaveShelf(alert)
      Object.assign(alert, { closedAt: at, closedBy: by, verdict, reason })
    }
  }
}

function applyCommand(world: World, entry: Command, touched: Touched): Outcome {
  const { alertId } = entry.body
  const alert = world.alerts.get(alertId)
  if (!alert) return refuse('ALERT_UNKNOWN', { alertId })
  const rule = transitions[actionOf[entry.kind]]
  if (!rule.from.includes(alert.state))
    return refuse('ALERT_TRANSITION', { state: stateNames[alert.state], action: rule.zh })
  // A note is an addition: it cannot be wrong because somebody else wrote one first.
  if (
    entry.kind !== 'alert.noted' &&
    entry.expects?.alert !== undefined &&
    entry.expects.alert < alert.version &&
    alert.state !== 'open'
  )
    return refuse('VERSION_STALE', { what: alert.ruleName })
  const bar = findBar(world, alert, entry)
  if (bar) return bar
  write(world, alert, entry)
  if (rule.to) {
    alert.state = rule.to
    delete alert.nextEscalationAt
    withdrawPages(world, alertId, touched)
  }
  alert.updatedAt = entry.loggedAt
  alert.version++
  touched.alerts.add(alertId)
  return done
}

/** The alerts of a public-health event are verified by it and carry its id; they are closed as any other. */
function joinEvent(
  world: World,
  entry: EntryOf<'event.opened'> | EntryOf<'event.alertAdded'>,
  touched: Touched,
): Outcome {
  const { eventId } = entry.body
  const event = world.events.get(eventId)
  const alertIds = entry.kind === 'event.opened' ? entry.body.alertIds : [entry.body.alertId]
  for (const alertId of new Set(alertIds)) {
    const alert = world.alerts.get(alertId)
    if (!alert || alert.eventId === eventId) continue
    alert.eventId = eventId
    leaveShelf(alert, entry.loggedAt)
    delete alert.closure
    if (alert.verification?.verdict !== 'confirmed')
      alert.verification = {
        verdict: 'confirmed',
        reason: event?.reason ?? '',
        ...(event?.grade === undefined ? {} : { grade: event.grade }),
        at: entry.loggedAt,
        by: nameActor(entry),
        ...(entry.actor === undefined ? {} : { byAccountId: entry.actor.accountId }),
      }
    alert.state = 'verified'
    delete alert.nextEscalationAt
    withdrawPages(world, alertId, touched)
    alert.updatedAt = entry.loggedAt
    alert.version++
    touched.alerts.add(alertId)
  }
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
  if (isCommand(entry)) return applyCommand(world, entry, touched)
  switch (entry.kind) {
    case 'event.opened':
    case 'event.alertAdded':
      return joinEvent(world, entry, touched)
    case 'event.reported':
      // What was due is done: nobody need be told any more.
      withdrawPages(world, entry.body.eventId, touched)
      return done
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

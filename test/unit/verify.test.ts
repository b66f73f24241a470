/**
 * Verification of alerts: the transition table walked whole (every state × action, one person and two), merging by place and
 * syndrome, clocks, shelf, events, roster and quiet hours. On the pure line.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor, BodyInputOf, Kind } from '#contract/entry.ts'
import type { RuleInput } from '#contract/rule.ts'
import { hourMs } from '#contract/scalars.ts'
import { composePage } from '../../server/fanout/pager.ts'
import { notify } from '../../server/notify/alerts.ts'
import { reportWithinMs } from '../../server/state/events.ts'
import { type Alert, createTouched } from '../../server/state/world.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'
import { makeEntry } from '../help/line.ts'

const person = (accountId: string): Actor => ({
  accountId,
  name: `${accountId} 医师`,
  roles: ['epidemiologist'],
  regions: ['330400'],
})
const first = person('first')
const second = person('second')

let cards = 0
const file = (f: Folding, diseaseId = 'cholera', regionCode = '330402') =>
  f.say('report.received', {
    cardId: `V${++cards}`,
    diseaseId,
    caseClass: 'confirmed',
    regionCode,
    facilityId: 'F1',
    diagnosedAt: f.now() - 1_000,
  })
const ladder = [
  { afterS: 0, role: 'epidemiologist' as const },
  { afterS: 600, role: 'shift-leader' as const },
]
const cardRule = (more: Partial<RuleInput> = {}): RuleInput =>
  makeRule({
    ruleId: 'single',
    level: 1,
    windowH: 24,
    escalation: ladder,
    when: { type: 'card', diseaseIds: ['cholera', 'plague', 'sars'], min: 1 },
    ...more,
  })
/** Fires at ten visits of diarrhoea in a day: a statistical rule of the same syndrome as cholera. */
const countRule = (more: Partial<RuleInput> = {}): RuleInput =>
  makeRule({
    ruleId: 'counts',
    level: 3,
    syndrome: 'diarrhoeal',
    windowH: 48,
    escalation: ladder,
    when: { type: 'count', sourceKind: 'pharmacy', syndrome: 'diarrhoeal', period: 'day', min: 10 },
    ...more,
  })
const sell = (f: Folding, count: number, facilityId = 'F1') =>
  f.say('count.reported', {
    sourceKind: 'pharmacy',
    facilityId,
    syndrome: 'diarrhoeal',
    regionCode: '330402',
    period: new Date(f.now() + 8 * hourMs).toISOString().slice(0, 10),
    count,
  })
const say = <K extends Kind>(f: Folding, kind: K, body: BodyInputOf<K>, actor: Actor = first) => {
  const outcome = f.say(kind, body, { actor })
  return outcome.result === 'refused' ? outcome.code : 'done'
}
const alertsOf = (f: Folding) => [...f.world.alerts.values()]
const start = (...rules: RuleInput[]) => {
  const f = createFolding()
  f.publish(...rules)
  return f
}
const raise = (isStatutory: boolean): { f: Folding; alert: Alert; alertId: string } => {
  const f = start(isStatutory ? cardRule({ level: 2 }) : countRule())
  if (isStatutory) file(f)
  else sell(f, 20)
  const [alert] = alertsOf(f)
  return { f, alert: alert!, alertId: alert!.alertId }
}

const actions = {
  acknowledge: (f: Folding, alertId: string) => say(f, 'alert.acknowledged', { alertId }),
  note: (f: Folding, alertId: string) => say(f, 'alert.noted', { alertId, note: 'x' }),
  verify: (f: Folding, alertId: string) =>
    say(f, 'alert.verified', { alertId, verdict: 'confirmed', reason: 'x', grade: 3 }),
  shelve: (f: Folding, alertId: string) => say(f, 'alert.shelved', { alertId, until: f.now() + hourMs, reason: 'x' }),
  reopen: (f: Folding, alertId: string) => say(f, 'alert.reopened', { alertId, reason: 'x' }),
  close: (f: Folding, alertId: string) => say(f, 'alert.closed', { alertId, verdict: 'noise', reason: 'x' }),
  propose: (f: Folding, alertId: string) => say(f, 'alert.closureProposed', { alertId, verdict: 'false', reason: 'x' }),
  confirm: (f: Folding, alertId: string) => say(f, 'alert.closureConfirmed', { alertId }, second),
  confirmSame: (f: Folding, alertId: string) => say(f, 'alert.closureConfirmed', { alertId }, first),
} as const
type ActionName = keyof typeof actions
const reach: Record<Alert['state'], readonly ActionName[]> = {
  open: [],
  acknowledged: ['acknowledge'],
  verified: ['verify'],
  shelved: ['shelve'],
  closing: ['propose'],
  closed: ['propose', 'confirm'],
}
const T = 'ALERT_TRANSITION'
/** What each action makes of each state, or the code it is refused with; written by hand. `2`: only with a second person. */
const expected: Record<Alert['state'], Record<ActionName, string>> = {
  open: {
    acknowledge: 'acknowledged',
    note: 'open',
    verify: 'verified',
    shelve: 'shelved',
    reopen: T,
    close: '2',
    propose: 'closing',
    confirm: T,
    confirmSame: T,
  },
  acknowledged: {
    acknowledge: T,
    note: 'acknowledged',
    verify: 'verified',
    shelve: 'shelved',
    reopen: T,
    close: '2',
    propose: 'closing',
    confirm: T,
    confirmSame: T,
  },
  verified: {
    acknowledge: T,
    note: 'verified',
    verify: 'verified',
    shelve: 'shelved',
    reopen: T,
    close: '2',
    propose: 'closing',
    confirm: T,
    confirmSame: T,
  },
  shelved: {
    acknowledge: T,
    note: 'shelved',
    verify: 'verified',
    shelve: T,
    reopen: 'acknowledged',
    close: '2',
    propose: 'closing',
    confirm: T,
    confirmSame: T,
  },
  closing: {
    acknowledge: T,
    note: 'closing',
    verify: T,
    shelve: T,
    reopen: 'acknowledged',
    close: T,
    propose: T,
    confirm: 'closed',
    confirmSame: 'SECOND_PERSON_SAME',
  },
  closed: {
    acknowledge: T,
    note: 'closed',
    verify: T,
    shelve: T,
    reopen: 'acknowledged',
    close: T,
    propose: T,
    confirm: T,
    confirmSame: T,
  },
}

test('VERIFY-1 every state × action, statistical and statutory: what follows, what is refused, and a refusal changes nothing', () => {
  let walked = 0
  for (const isStatutory of [false, true])
    for (const [state, row] of Object.entries(expected) as [Alert['state'], Record<ActionName, string>][])
      for (const [name, told] of Object.entries(row) as [ActionName, string][]) {
        const where = `${isStatutory ? 'statutory' : 'statistical'} ${state} × ${name}`
        const { f, alert, alertId } = raise(isStatutory)
        for (const step of reach[state]) assert.equal(actions[step](f, alertId), 'done', where)
        assert.equal(alert.state, state, where)
        const wanted = told === '2' ? (isStatutory ? 'SECOND_PERSON_NEEDED' : 'closed') : told
        const before = structuredClone(alert)
        const got = actions[name](f, alertId)
        if (/^[A-Z_]+$/.test(wanted)) {
          assert.equal(got, wanted, where)
          assert.deepEqual(alert, before, `${where}: nothing changed`)
        } else {
          assert.equal(got, 'done', where)
          assert.deepEqual([alert.state, alert.version], [wanted, before.version + 1], where)
        }
        walked++
      }
  assert.equal(walked, 2 * 6 * 9)
})

test('VERIFY-2 the verdict of a statutory alert is proposed by one and confirmed by another, and both names stand', () => {
  const { f, alert, alertId } = raise(true)
  assert.equal(actions.verify(f, alertId), 'done')
  assert.deepEqual(
    [alert.verification?.verdict, alert.verification?.grade, alert.verification?.byAccountId],
    ['confirmed', 3, 'first'],
  )
  actions.propose(f, alertId)
  assert.equal(f.say('alert.closureConfirmed', { alertId }).result, 'refused', 'a device is nobody')
  assert.equal(actions.confirm(f, alertId), 'done')
  assert.deepEqual(
    [alert.closedBy, alert.closure?.by, alert.verdict, alert.reason],
    ['second 医师', 'first 医师', 'false', 'x'],
  )
})

test('VERIFY-3 one place and syndrome is one alert: level is the highest, the statutory rule leads, parts keep their evidence', () => {
  const f = start(cardRule({ level: 2 }), countRule({ level: 1 }))
  sell(f, 20)
  const [alert] = alertsOf(f)
  assert.deepEqual([alert!.ruleId, alert!.level, alert!.statutory], ['counts', 1, false])
  file(f)
  file(f, 'cholera', '330411')
  assert.deepEqual(
    alertsOf(f).map(a => [a.regionCode, a.ruleId, a.level, a.statutory, a.syndrome, a.diseaseId]),
    [
      ['330402', 'single', 1, true, 'diarrhoeal', 'cholera'],
      ['330411', 'single', 2, true, 'diarrhoeal', 'cholera'],
    ],
  )
  assert.deepEqual(
    alert!.rules!.map(part => [part.ruleId, part.level, part.evidence.map(e => e.method).join()]),
    [
      ['single', 2, 'card'],
      ['counts', 1, 'count'],
    ],
  )
  assert.deepEqual([alert!.evidence.length, alert!.independentSources, alert!.cases], [2, 2, 21])
  // A rule published anew with a lesser level does not quieten what it raised.
  f.publish(cardRule({ level: 4, version: 2 }), countRule({ level: 4, version: 2 }))
  sell(f, 40)
  file(f)
  assert.equal(alert!.level, 1)
  // Another disease without a syndrome of its own is another alert.
  file(f, 'plague')
  assert.equal(alertsOf(f).at(-1)!.diseaseId, 'plague')
  assert.equal(alertsOf(f).length, 3)
})

test('VERIFY-4 what gets worse must be answered anew: acknowledged, verified, shelved and closing go back to open', () => {
  for (const step of ['acknowledge', 'verify', 'shelve', 'propose'] as const) {
    const f = start(cardRule({ level: 1 }), countRule())
    sell(f, 20)
    const [alert] = alertsOf(f)
    assert.equal(actions[step](f, alert!.alertId), 'done')
    const told = f.world.pages.size
    sell(f, 21)
    assert.notEqual(alert!.state, 'open', 'another figure of the same rule is no worse')
    file(f)
    assert.deepEqual(
      [alert!.state, alert!.level, alert!.shelvedUntil, alert!.closure],
      ['open', 1, undefined, undefined],
    )
    assert.equal(alert!.verification, undefined)
    assert.ok(alert!.verifyDueAt! <= f.now() + 2 * hourMs, 'the statutory clock runs')
    assert.equal(f.world.pages.size, told + 1, `${step}: somebody is told at once`)
  }
})

test('VERIFY-5 clocks: 2 h for a statutory rule, 24 h for a statistical one, the rule may say otherwise; overdue climbs the ladder', () => {
  const due = (...rules: RuleInput[]) => {
    const f = start(...rules)
    if (rules[0]!.ruleId === 'single') file(f)
    else sell(f, 20)
    return { f, alert: alertsOf(f)[0]!, raisedAt: f.now() }
  }
  assert.equal(due(cardRule()).alert.verifyDueAt! - due(cardRule()).raisedAt, 2 * hourMs)
  const hours = (rule: RuleInput) => {
    const { alert, raisedAt } = due(rule)
    return (alert.verifyDueAt! - raisedAt) / hourMs
  }
  assert.equal(hours(countRule()), 24)
  assert.equal(hours(countRule({ verifyWithinS: 1_800 })), 0.5)
  const { f, alert } = due(cardRule())
  actions.acknowledge(f, alert.alertId)
  f.turn(2 * hourMs - 1_000)
  f.tick()
  assert.equal(alert.overdueAt, undefined)
  const told = f.world.pages.size
  f.turn(1_000)
  f.tick()
  assert.equal(alert.overdueAt, f.now())
  const roles = [...f.world.pages.values()].slice(told).map(page => page.role)
  assert.deepEqual(roles, ['shift-leader'], 'somebody has it in hand, yet nobody said what it is')
  f.tick()
  assert.equal(f.world.pages.size, told + 1, 'told once')
  actions.verify(f, alert.alertId)
  f.turn(50 * hourMs)
  f.tick()
  assert.equal(f.world.pages.size, told + 1)
})

test('VERIFY-6 our own silence runs against nobody: the verification clock waits for us', () => {
  const { f, alert } = raise(true)
  const dueAt = alert.verifyDueAt!
  f.turn(hourMs)
  f.tick()
  f.turn(5 * hourMs)
  f.tick(5 * hourMs)
  assert.deepEqual([alert.overdueAt, alert.verifyDueAt], [undefined, dueAt + 5 * hourMs])
})

test('VERIFY-7 a shelf ends: at its time the alert is open again and told anew; the statistical clock waited, bounds hold', () => {
  const { f, alert, alertId } = raise(false)
  const dueAt = alert.verifyDueAt!
  const shelve = (until: number) => say(f, 'alert.shelved', { alertId, until, reason: 'x' })
  assert.equal(shelve(f.now()), 'SHELF_INVALID')
  assert.equal(shelve(f.now() + 8 * 24 * hourMs), 'SHELF_INVALID')
  assert.equal(shelve(f.now() + 30 * hourMs), 'done')
  f.turn(29 * hourMs)
  f.tick()
  assert.deepEqual([alert.state, alert.overdueAt], ['shelved', undefined])
  const told = f.world.pages.size
  f.turn(hourMs)
  f.tick()
  assert.deepEqual([alert.state, alert.shelvedUntil, alert.verifyDueAt], ['open', undefined, dueAt + 30 * hourMs])
  assert.equal(f.world.pages.size, told + 1)
  // Taken off early, the clock has waited only as long as it lay there.
  assert.equal(shelve(f.now() + 10 * hourMs), 'done')
  f.turn(2 * hourMs)
  assert.equal(actions.reopen(f, alertId), 'done')
  assert.deepEqual([alert.state, alert.verifyDueAt], ['acknowledged', dueAt + 32 * hourMs])
})

test('VERIFY-8 the most urgent level is never shelved; a statutory alert not past its verification', () => {
  const f = start(cardRule({ level: 1 }))
  file(f)
  const { alertId } = alertsOf(f)[0]!
  assert.equal(actions.shelve(f, alertId), 'ALERT_UNSHELVABLE')
  const other = raise(true)
  const shelve = (hours: number) =>
    say(other.f, 'alert.shelved', { alertId: other.alertId, until: other.f.now() + hours * hourMs, reason: 'x' })
  assert.equal(shelve(2.1), 'SHELF_INVALID')
  assert.equal(shelve(2), 'done')
  other.f.turn(2 * hourMs)
  other.f.tick()
  assert.equal(other.alert.state, 'open')
  assert.ok(other.alert.overdueAt)
})

test('VERIFY-9 what came after a proposal to close was judged by nobody: the proposal falls; the same figure again leaves it', () => {
  const { f, alert, alertId } = raise(true)
  actions.propose(f, alertId)
  f.tick()
  assert.equal(alert.state, 'closing')
  file(f)
  assert.deepEqual([alert.state, alert.closure], ['acknowledged', undefined])
  assert.equal(actions.confirm(f, alertId), T)
})

test('VERIFY-10 reopened, an alert has its clock again; not while another of the same place and kind is open', () => {
  const { f, alert, alertId } = raise(false)
  actions.close(f, alertId)
  f.turn(hourMs)
  assert.equal(actions.reopen(f, alertId), 'done')
  assert.deepEqual(
    [alert.state, alert.verdict, alert.closedAt, alert.verifyDueAt, alert.reopenedAt],
    ['acknowledged', undefined, undefined, f.now() + 24 * hourMs, f.now()],
  )
  actions.close(f, alertId)
  f.turn(24 * hourMs)
  sell(f, 20)
  assert.equal(alertsOf(f).length, 2)
  assert.equal(actions.reopen(f, alertId), 'ALERT_SUPERSEDED')
})

test('VERIFY-11 a public-health event verifies its alerts, runs its two hours, and is not closed unreported', () => {
  const { f, alert, alertId } = raise(true)
  const open = (eventId: string, alertIds: string[]) =>
    say(f, 'event.opened', { eventId, regionCode: '330402', alertIds, grade: 3, reason: '聚集' })
  assert.equal(open('E-1', ['A-404']), 'ALERT_UNKNOWN')
  assert.equal(open('E-1', [alertId]), 'done')
  assert.equal(open('E-1', []), 'EVENT_EXISTS')
  assert.equal(open('E-2', [alertId]), 'ALERT_IN_EVENT')
  const event = f.world.events.get('E-1')!
  assert.deepEqual([event.grade, event.diseaseId, event.reportDueAt - event.openedAt], [3, 'cholera', reportWithinMs])
  assert.deepEqual([alert.state, alert.eventId, alert.verification?.verdict], ['verified', 'E-1', 'confirmed'])
  assert.equal(say(f, 'event.closed', { eventId: 'E-1', reason: 'x' }), 'EVENT_UNREPORTED')
  f.turn(2 * hourMs)
  const told = f.world.pages.size
  f.tick()
  assert.equal(event.overdueAt, f.now())
  assert.deepEqual(
    [...f.world.pages.values()].slice(told).map(page => [page.eventId, page.role, page.level]),
    [
      ['E-1', 'epidemiologist', 1],
      ['E-1', 'shift-leader', 1],
    ],
  )
  assert.equal(say(f, 'event.reported', { eventId: 'E-1', report: 'initial' }), 'done')
  assert.ok([...f.world.pages.values()].filter(page => page.eventId).every(page => page.withdrawn))
  assert.equal(say(f, 'event.graded', { eventId: 'E-1', grade: 2, reason: '升级' }), 'done')
  assert.deepEqual(
    event.grades.map(row => row.grade),
    [3, 2],
  )
  assert.equal(say(f, 'event.closed', { eventId: 'E-1', reason: 'x' }), 'done')
  for (const code of [
    say(f, 'event.graded', { eventId: 'E-1', grade: 1, reason: 'x' }),
    say(f, 'event.reported', { eventId: 'E-1', report: 'final' }),
    say(f, 'event.closed', { eventId: 'E-1', reason: 'x' }),
  ])
    assert.equal(code, 'EVENT_CLOSED')
  assert.equal(alert.state, 'verified', 'closing an event closes no alert')
})

test('VERIFY-12 the roster says who is told: the nearest region with somebody on duty; a step with nobody is not waited for', () => {
  const { f } = { f: start(cardRule()) }
  const shift = (role: 'epidemiologist' | 'shift-leader', accountId: string, hours: number) => ({
    role,
    accountId,
    contactRef: `ref-${accountId}`,
    fromAt: f.now() - hourMs,
    untilAt: f.now() + hours * hourMs,
  })
  const publish = (regionCode: string, version: number, shifts: ReturnType<typeof shift>[]) =>
    f.say('roster.published', { regionCode, version, shifts })
  publish('330400', 1, [shift('shift-leader', 'city-leader', 8), shift('epidemiologist', 'city-epi', 1)])
  publish('330402', 1, [shift('epidemiologist', 'county-epi', 8)])
  file(f)
  const [alert] = alertsOf(f)
  const pages = () => [...f.world.pages.values()].map(page => [page.role, page.to?.map(one => one.accountId).join()])
  assert.deepEqual(pages(), [['epidemiologist', 'county-epi']])
  f.turn(600_000)
  f.tick()
  assert.deepEqual(pages().at(-1), ['shift-leader', 'city-leader'], 'the county has none: the city above it')
  // In the other county the epidemiologist of the city has gone home: its leader is told at once.
  f.turn(hourMs)
  file(f, 'cholera', '330411')
  const other = alertsOf(f).find(a => a.regionCode === '330411')!
  assert.deepEqual(
    [...f.world.pages.values()]
      .filter(page => page.alertId === other.alertId)
      .map(page => [page.role, page.to?.length]),
    [
      ['epidemiologist', undefined],
      ['shift-leader', 1],
    ],
  )
  // An older publication that comes late changes nothing.
  publish('330402', 0 + 1, [])
  assert.equal(f.world.rosters.get('330402')!.shifts.length, 0, 'the same version replaces')
  publish('330402', 3, [shift('epidemiologist', 'late', 1)])
  publish('330402', 2, [])
  assert.equal(f.world.rosters.get('330402')!.shifts[0]!.accountId, 'late')
  const text = JSON.stringify(composePage(f.world, f.world.pages.get(`P-${alert!.alertId}-0`)!, 'http://x'))
  assert.match(text, /ref-county-epi/)
  assert.doesNotMatch(text, /医师|规则|cholera/)
})

test('VERIFY-13 quiet hours hold lesser pages to their end, across midnight, and never the most urgent level', () => {
  // 22:30 in Shanghai.
  const at = Date.UTC(2026, 10, 21, 14, 30)
  const f = createFolding(2, at)
  f.publish(cardRule({ level: 1 }), countRule({ level: 3 }))
  f.say('roster.published', {
    regionCode: '330400',
    version: 1,
    shifts: [
      { role: 'epidemiologist', accountId: 'night', fromAt: at - hourMs, untilAt: at + hourMs },
      { role: 'epidemiologist', accountId: 'morning', fromAt: at + hourMs, untilAt: at + 24 * hourMs },
    ],
    quietHours: [{ from: '22:00', until: '06:30', fromLevel: 2 }],
  })
  sell(f, 20)
  const [held] = [...f.world.pages.values()]
  assert.equal(held!.dueAt, at + 8 * hourMs, 'half past six')
  assert.equal(held!.to![0]!.accountId, 'morning', 'who is on duty when it is sent')
  file(f, 'plague')
  const urgent = [...f.world.pages.values()].at(-1)!
  assert.deepEqual([urgent.level, urgent.dueAt, urgent.to![0]!.accountId], [1, at, 'night'])
})

test('VERIFY-14 what is hidden tells nobody and runs no clock; shown, it is told at once and stays shown', () => {
  const f = start(countRule())
  const rule = f.world.rules.get('counts')!
  const find = (observed: number, hidden: boolean) =>
    notify(
      f.world,
      makeEntry('clock.ticked', 's', { epoch: 'x', sourceSeq: 1 }, { gapMs: 0, boundary: 'none' }, f.now()),
      [
        {
          rule,
          regionCode: '330402',
          evidence: [
            {
              key: 'k',
              method: 'earsC2',
              sourceKind: 'pharmacy',
              syndrome: 'diarrhoeal',
              regionCode: '330402',
              period: '2026-11-21',
              until: f.now(),
              observed,
              late: false,
              at: f.now(),
              subjects: [],
            },
          ],
          independentSources: 1,
          neededSources: 1,
          cases: observed,
          level: 3,
          statutory: false,
          hidden,
        },
      ],
      0,
      createTouched(),
    )
  find(12, true)
  const [alert] = alertsOf(f)
  assert.deepEqual([alert!.hidden, alert!.state, alert!.verifyDueAt, f.world.pages.size], [true, 'open', undefined, 0])
  f.turn(48 * hourMs)
  f.tick()
  assert.deepEqual([alert!.overdueAt, f.world.pages.size], [undefined, 0])
  find(12, false)
  assert.deepEqual([alert!.hidden, alert!.verifyDueAt, f.world.pages.size], [false, f.now() + 24 * hourMs, 1])
  find(13, true)
  assert.deepEqual([alertsOf(f).length, alert!.hidden, alert!.cases], [1, false, 13])
})

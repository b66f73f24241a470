/**
 * Alerts: the transition table walked whole, merging per rule and region, what is fresh after closing, escalation by ticks and
 * its pause through our own silence.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notesMax } from '../../server/notify/alerts.ts'
import { listOwedTicks } from '../../server/operations/ticker.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'

/** One person may close what it raises: the way of two is test/unit/verify.test.ts. */
const single = makeRule({
  statutory: false,
  verifyWithinS: 7_200,
  when: { type: 'card', diseaseIds: ['plague'], min: 1 },
  windowH: 24,
  escalation: [
    { afterS: 0, role: 'epidemiologist' },
    { afterS: 60, role: 'shift-leader' },
    { afterS: 600, role: 'administrator' },
  ],
})
let cards = 0
const card = (f: Folding, regionCode = '330402', diagnosedAt = f.now() - 1_000) =>
  f.say('report.received', {
    cardId: `K${++cards}`,
    diseaseId: 'plague',
    caseClass: 'suspected',
    regionCode,
    facilityId: 'F1',
    diagnosedAt,
  })
const raise = () => {
  const f = createFolding()
  f.publish(single)
  card(f)
  const [alert] = [...f.world.alerts.values()]
  return { f, alert: alert!, alertId: alert!.alertId }
}
const pages = (f: Folding) => [...f.world.pages.values()].map(p => p.role)

test('PAGE-10 the transition table: what may follow what, and nothing else', () => {
  const commands = {
    ack: (f: Folding, alertId: string) => f.say('alert.acknowledged', { alertId }),
    note: (f: Folding, alertId: string) => f.say('alert.noted', { alertId, note: 'x' }),
    close: (f: Folding, alertId: string) => f.say('alert.closed', { alertId, verdict: 'noise', reason: 'x' }),
  }
  const expected: Record<string, Record<keyof typeof commands, string>> = {
    open: { ack: 'acknowledged', note: 'open', close: 'closed' },
    acknowledged: { ack: 'refused', note: 'acknowledged', close: 'closed' },
    closed: { ack: 'refused', note: 'closed', close: 'refused' },
  }
  for (const [state, row] of Object.entries(expected))
    for (const [name, wanted] of Object.entries(row) as [keyof typeof commands, string][]) {
      const { f, alert, alertId } = raise()
      if (state === 'acknowledged') commands.ack(f, alertId)
      if (state === 'closed') commands.close(f, alertId)
      assert.equal(alert.state, state)
      const { version } = alert
      const outcome = commands[name](f, alertId)
      if (wanted === 'refused') {
        assert.deepEqual(
          [outcome.result, outcome.result === 'refused' && outcome.code],
          ['refused', 'ALERT_TRANSITION'],
        )
        assert.deepEqual([alert.state, alert.version], [state, version], 'a refusal changes nothing')
      } else {
        assert.equal(outcome.result, 'done')
        assert.deepEqual([alert.state, alert.version], [wanted, version + 1], `${name} from ${state}`)
      }
    }
  const { f } = raise()
  for (const command of Object.values(commands)) {
    const outcome = command(f, 'A-404')
    assert.equal(outcome.result === 'refused' && outcome.code, 'ALERT_UNKNOWN')
  }
})

test('PAGE-11 findings of one rule and region are one open alert; another region is another; evidence is renewed', () => {
  const { f, alert } = raise()
  card(f)
  assert.equal(f.world.alerts.size, 1)
  assert.equal(alert.evidence.length, 1)
  assert.equal(alert.evidence[0]!.observed, 2)
  card(f, '330411')
  assert.deepEqual(
    [...f.world.alerts.values()].map(a => a.regionCode),
    ['330402', '330411'],
  )
})

test('PAGE-12 what a person closed stays closed until something new shows', () => {
  const { f, alert, alertId } = raise()
  f.say('alert.closed', { alertId, verdict: 'noise', reason: 'x' })
  f.tick()
  assert.equal(f.world.alerts.size, 1)
  assert.equal(alert.state, 'closed')
  card(f)
  assert.equal(f.world.alerts.size, 2, 'a new card is a new alert')
})

test('PAGE-13 ticks escalate what nobody answers, step by step, and stop at an answer', () => {
  const { f, alert, alertId } = raise()
  assert.deepEqual(pages(f), ['epidemiologist'])
  f.turn(59_000)
  f.tick()
  assert.deepEqual(pages(f), ['epidemiologist'])
  f.turn(1_000)
  f.tick()
  assert.deepEqual(pages(f), ['epidemiologist', 'shift-leader'])
  f.tick()
  assert.equal(pages(f).length, 2, 'a step is told once')
  f.say('alert.acknowledged', { alertId })
  assert.ok([...f.world.pages.values()].every(p => p.withdrawn))
  assert.equal(alert.nextEscalationAt, undefined)
  f.turn(3_600_000)
  f.tick()
  assert.equal(pages(f).length, 2)
})

test('PAGE-14 our own silence runs against nobody: escalation is paused by the gap, and by no more than the alert waited', () => {
  const { f, alert } = raise()
  f.turn(10_000)
  f.tick(10_000)
  // Two hours without us: 50 s are still left when we are back.
  f.turn(7_200_000)
  f.tick(7_200_000)
  assert.equal(pages(f).length, 1)
  f.turn(49_000)
  f.tick()
  assert.equal(pages(f).length, 1)
  f.turn(1_000)
  f.tick()
  assert.equal(pages(f).length, 2)
  assert.equal(alert.pausedMs, 7_200_000)
  // Raised in the middle of a gap: only what lies behind it is forgiven.
  const late = createFolding()
  late.publish(single)
  late.turn(100_000)
  card(late)
  late.turn(20_000)
  late.tick(120_000)
  const [raised] = [...late.world.alerts.values()]
  assert.equal(raised!.pausedMs, 20_000)
  late.turn(60_000)
  late.tick()
  assert.equal(pages(late).length, 2)
})

test('PAGE-15 ticks owed after a stop forgive the gap before anything is judged: no false silence, no false escalation', () => {
  const { f } = raise()
  f.publish(single, makeRule({ ruleId: 'S', windowH: 1, when: { type: 'unit-silence', onTaskS: 60, idleS: 300 } }))
  f.say('unit.position', { unitId: 'U1', lon: 120, lat: 30 })
  f.tick()
  const before = { alerts: f.world.alerts.size, pages: f.world.pages.size }
  const lastAt = f.now()
  // Down over two full hours.
  f.turn(2.5 * 3_600_000)
  const owed = listOwedTicks(lastAt, f.now())
  assert.ok(owed.length >= 3 && owed.filter(t => t.boundary !== 'none').length >= 2)
  for (const tick of owed)
    f.say('clock.ticked', { gapMs: tick.gapMs, boundary: tick.boundary }, { occurredAt: tick.at })
  assert.equal(f.world.units.get('U1')!.silent, false)
  assert.deepEqual({ alerts: f.world.alerts.size, pages: f.world.pages.size }, before)
  f.turn(301_000)
  f.tick()
  assert.equal(f.world.units.get('U1')!.silent, true, 'a real silence is still seen')
})

test('PAGE-16 what is kept on an alert is bounded', () => {
  const { f, alert, alertId } = raise()
  for (let n = 0; n < notesMax + 5; n++) f.say('alert.noted', { alertId, note: `n${n}` })
  assert.equal(alert.notes.length, notesMax)
  assert.equal(alert.notes.at(-1)!.text, `n${notesMax + 4}`)
  for (let n = 0; n < 40; n++) card(f)
  assert.ok(alert.evidence[0]!.subjects.length <= 20)
  assert.equal(alert.evidence[0]!.observed, 41)
})

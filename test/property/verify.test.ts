/**
 * Alerts under random hands: whatever a few people, devices, ticks and findings do in any order, no statutory alert is ever closed
 * without two accounts, a level never falls, what is shelved comes back, and the world stays what a replay makes of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Actor } from '#contract/entry.ts'
import { hourMs } from '#contract/scalars.ts'
import { AlertView, EventView } from '#contract/view.ts'
import { createFolding, type Folding, makeRule } from '../help/folding.ts'

const seed = Number(process.env.SEED ?? Date.now() % 10_000_000)
console.log(`verify seed ${seed}`)

const people: (Actor | undefined)[] = [
  { accountId: 'one', name: '甲', roles: ['epidemiologist'], regions: ['330400'] },
  { accountId: 'two', name: '乙', roles: ['epidemiologist'], regions: ['330400'] },
  undefined,
]
const rules = [
  makeRule({ ruleId: 'single', level: 2, windowH: 24, when: { type: 'card', diseaseIds: ['cholera'], min: 1 } }),
  makeRule({
    ruleId: 'cluster',
    level: 1,
    windowH: 24,
    when: { type: 'card', diseaseIds: ['cholera'], min: 3 },
  }),
  makeRule({
    ruleId: 'counts',
    level: 3,
    syndrome: 'diarrhoeal',
    when: { type: 'count', sourceKind: 'pharmacy', syndrome: 'diarrhoeal', period: 'day', min: 10 },
  }),
]

type Step = { what: string; who: number; which: number; n: number }
const step = fc.record({
  what: fc.constantFrom(
    'ack',
    'note',
    'verify',
    'shelve',
    'reopen',
    'close',
    // Twice as often: two people must meet at one alert.
    'propose',
    'propose',
    'confirm',
    'confirm',
    'confirm',
    'open',
    'add',
    'report',
    'end',
    'card',
    'count',
    'turn',
    'publish',
  ),
  who: fc.nat({ max: people.length - 1 }),
  which: fc.nat({ max: 3 }),
  n: fc.nat({ max: 40 }),
})

function take(f: Folding, { what, who, which, n }: Step, index: number): void {
  const actor = people[who]
  const more = actor ? { actor } : {}
  const alertId = [...f.world.alerts.keys()][which % Math.max(1, f.world.alerts.size)] ?? 'A-0'
  const eventId = `E-${which}`
  const reason = 'r'
  const verdict = (['noise', 'false', 'confirmed'] as const)[n % 3]!
  if (what === 'ack') f.say('alert.acknowledged', { alertId }, more)
  else if (what === 'note') f.say('alert.noted', { alertId, note: 'n' }, more)
  else if (what === 'verify') f.say('alert.verified', { alertId, verdict, reason }, more)
  else if (what === 'shelve') f.say('alert.shelved', { alertId, until: f.now() + n * hourMs, reason }, more)
  else if (what === 'reopen') f.say('alert.reopened', { alertId, reason }, more)
  else if (what === 'close') f.say('alert.closed', { alertId, verdict, reason }, more)
  else if (what === 'propose') f.say('alert.closureProposed', { alertId, verdict, reason }, more)
  else if (what === 'confirm') f.say('alert.closureConfirmed', { alertId }, more)
  else if (what === 'open') f.say('event.opened', { eventId, regionCode: '330402', alertIds: [alertId], reason }, more)
  else if (what === 'add') f.say('event.alertAdded', { eventId, alertId }, more)
  else if (what === 'report') f.say('event.reported', { eventId, report: 'initial' }, more)
  else if (what === 'end') f.say('event.closed', { eventId, reason }, more)
  else if (what === 'card')
    f.say('report.received', {
      cardId: `R${index}`,
      diseaseId: 'cholera',
      caseClass: 'confirmed',
      regionCode: which % 2 === 0 ? '330402' : '330411',
      facilityId: 'F1',
      diagnosedAt: f.now(),
    })
  else if (what === 'count')
    f.say('count.reported', {
      sourceKind: 'pharmacy',
      facilityId: 'F1',
      syndrome: 'diarrhoeal',
      regionCode: which % 2 === 0 ? '330402' : '330411',
      period: new Date(f.now() + 8 * hourMs).toISOString().slice(0, 10),
      count: n,
    })
  else if (what === 'publish') f.publish(...rules.map(rule => ({ ...rule, level: ((n % 4) + 1) as 1 })))
  else {
    f.turn(n * 600_000)
    f.tick(1_000, n % 5 === 0 ? 'hour' : 'none')
  }
}

test('VERIFY-20 no path closes a statutory alert with one person; levels only rise; the shelf ends; views hold', () => {
  let closedByTwo = 0
  let closedByOne = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), steps => {
      const f = createFolding()
      f.publish(...rules)
      const levels = new Map<string, number>()
      const wasStatutory = new Set<string>()
      for (const [index, one] of steps.entries()) {
        const before = new Map([...f.world.alerts].map(([id, a]) => [id, { state: a.state, closure: a.closure }]))
        take(f, one, index)
        for (const [id, alert] of f.world.alerts) {
          assert.ok(alert.level <= (levels.get(id) ?? 4), `${id} fell to ${alert.level}`)
          levels.set(id, alert.level)
          if (alert.statutory) wasStatutory.add(id)
          assert.equal(alert.statutory === true, wasStatutory.has(id), 'statutory once, statutory for good')
          if (alert.state === 'shelved') assert.ok(alert.level !== 1 && alert.shelvedUntil !== undefined)
          else assert.equal(alert.shelvedUntil, undefined)
          if (alert.state === 'closed' && before.get(id)?.state !== 'closed') {
            assert.ok(alert.verdict && alert.reason && alert.closedBy)
            if (alert.statutory) {
              const proposal = before.get(id)!.closure
              assert.equal(before.get(id)!.state, 'closing')
              assert.ok(people[one.who] && people[one.who]!.accountId !== proposal!.byAccountId)
              closedByTwo++
            } else closedByOne++
          }
          assert.ok(
            alert.rules!.every((part, n, all) => n === 0 || Number(all[n - 1]!.statutory) >= Number(part.statutory)),
          )
        }
      }
      // A week on, nothing lies on a shelf any more.
      f.turn(8 * 24 * hourMs)
      f.tick()
      for (const alert of f.world.alerts.values()) {
        assert.notEqual(alert.state, 'shelved')
        AlertView.parse(alert)
      }
      for (const event of f.world.events.values()) EventView.parse(event)
    }),
    { seed, numRuns: 300 },
  )
  assert.ok(
    closedByTwo > 10 && closedByOne > 10,
    `${closedByTwo} closed by two, ${closedByOne} by one: the walk is real`,
  )
})

test('VERIFY-21 a further rule never lowers a level, and the order in which findings come does not change it', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(['card', 'card', 'card', 'count'], { minLength: 1 }), order => {
      const f = createFolding()
      f.publish(...rules)
      for (const [index, what] of order.entries()) {
        const before = [...f.world.alerts.values()].map(a => a.level)
        take(f, { what, who: 0, which: 0, n: 20 }, index)
        for (const [n, alert] of [...f.world.alerts.values()].entries()) assert.ok(alert.level <= (before[n] ?? 4))
      }
      const cards = order.filter(what => what === 'card').length
      const [alert] = [...f.world.alerts.values()]
      assert.equal(f.world.alerts.size, 1, 'one place, one syndrome')
      assert.equal(alert!.level, cards === 3 ? 1 : cards > 0 ? 2 : 3)
      assert.equal(alert!.statutory, cards > 0)
    }),
    { seed, numRuns: 100 },
  )
})

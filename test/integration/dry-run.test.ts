/**
 * The dry run on a whole server: a played city of three months with a planted outbreak, asked at its door.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DryRunView } from '#contract/dry-run.ts'
import { Rule, type RuleInput } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs } from '#contract/scalars.ts'
import { type CityServer, city, north, south, startCity, submission } from '../help/city-server.ts'
import { makeRule } from '../help/folding.ts'

/** A played city begins where its first tick stands, which is now; its days are yet to come. */
const firstDay = getDayIndex(Date.now()) + 1
const days = 90
const outbreakDay = 80
let server: CityServer

/** Counts of a day: flat but for the planted week in the south. */
function countOf(facility: string, day: number): number {
  const usual = 20 + ((day * 7 + facility.length) % 5)
  return facility === 'F1' && day >= outbreakDay && day < outbreakDay + 5 ? usual * 4 : usual
}

before(async () => {
  server = await startCity({ environment: { CLOCK: 'entries' } })
  let said: unknown[] = []
  const send = async () => {
    const { status, body } = await server.post(said)
    assert.equal(status, 200, JSON.stringify(body))
    for (const outcome of body.outcomes) assert.ok(outcome.result !== 'refused', JSON.stringify(outcome))
    said = []
  }
  for (let day = 0; day < days; day++) {
    const at = getDayStartAt(firstDay + day + 1) + 6 * hourMs
    said.push(submission('clock.ticked', { gapMs: 1_000, boundary: 'day' }, { occurredAt: at }))
    // The door judges by the clock that stands: the counts follow their tick.
    await send()
    for (const [facilityId, regionCode] of [
      ['F1', south],
      ['F2', north],
    ] as const)
      said.push(
        submission(
          'count.reported',
          {
            sourceKind: 'hospital-outpatient',
            facilityId,
            syndrome: 'respiratory',
            regionCode,
            period: formatDay(firstDay + day),
            count: countOf(facilityId, day),
          },
          { occurredAt: at },
        ),
      )
    await send()
  }
})
after(() => server?.remove())

const rule = (ruleId: string, minCount: number): RuleInput =>
  makeRule({
    ruleId,
    syndrome: 'respiratory',
    when: {
      type: 'detector',
      method: 'earsC2',
      sourceKind: 'hospital-outpatient',
      syndrome: 'respiratory',
      period: 'day',
      minSigma: 1,
      minCount,
    },
  })
const span = () => ({ fromDay: formatDay(firstDay + 40), untilDay: formatDay(firstDay + days - 2) })

test('RULE-70 the price and the catch of a list of rules are told before it is published, and nothing is', async () => {
  const epidemiologist = await server.as('epidemiologist')
  const planted = [
    {
      regionCode: south,
      syndrome: 'respiratory',
      fromDay: formatDay(firstDay + outbreakDay),
      untilDay: formatDay(firstDay + outbreakDay + 4),
    },
  ]
  const before = server.world.city.rulesVersion
  const alerts = server.world.alerts.size
  const answer = await server.ask('POST', '/v1/rules/dry-run', epidemiologist, {
    rules: [rule('wanted', 5)],
    ...span(),
    planted,
  })
  assert.equal(answer.status, 200, answer.text)
  const view = answer.body as unknown as DryRunView
  assert.deepEqual([view.fromDay, view.untilDay, view.counties], [span().fromDay, span().untilDay, 2])
  assert.equal(view.candidate.alertCount, 1, JSON.stringify(view.candidate))
  const [alert] = view.candidate.alerts
  assert.deepEqual([alert!.regionCode, alert!.level, alert!.ruleIds], [south, 2, ['wanted']])
  // Logged at six in the morning after the first day of the outbreak.
  assert.equal(alert!.raisedAt, getDayStartAt(firstDay + outbreakDay + 1) + 6 * hourMs)
  assert.equal(alert!.evidence[0]!.observed, countOf('F1', outbreakDay))
  assert.equal(view.candidate.perCountyWeek, 1 / 2 / view.weeks)
  const [caught] = view.catches
  assert.deepEqual([caught!.what, caught!.candidate!.delayH], ['planted', 30])
  assert.equal(view.currentVersion, before)
  assert.ok(view.current.alertCount > 0, 'the default rules see it too')
  assert.deepEqual([server.world.city.rulesVersion, server.world.alerts.size], [before, alerts])

  const blunt = await server.ask('POST', '/v1/rules/dry-run', epidemiologist, {
    rules: [rule('blunt', 500)],
    ...span(),
    planted,
  })
  const missed = blunt.body as unknown as DryRunView
  assert.deepEqual([missed.candidate.alertCount, missed.gained], [0, []])
  assert.equal(missed.catches[0]!.candidate, undefined)
  assert.equal(missed.lost.length, missed.current.alertCount, 'what would be lost is named')
})

test('RULE-71 an asker is told of its own regions alone', async () => {
  const northern = await server.as('epidemiologist', [north])
  const answer = await server.ask('POST', '/v1/rules/dry-run', northern, { rules: [rule('wanted', 5)], ...span() })
  const view = answer.body as unknown as DryRunView
  assert.deepEqual([answer.status, view.candidate.alertCount, view.counties], [200, 0, 1])
  const foreign = await server.ask('POST', '/v1/rules/dry-run', northern, {
    rules: [],
    ...span(),
    planted: [{ regionCode: city, ...span() }],
  })
  assert.deepEqual([foreign.status, foreign.body.code], [403, 'REGION_FOREIGN'])
})

test('RULE-72 bad askings are refused with a code: role, shape, days, contradictory rules, a second run at once', async () => {
  const epidemiologist = await server.as('epidemiologist')
  const code = async (body: unknown, as = epidemiologist) => {
    const answer = await server.ask('POST', '/v1/rules/dry-run', as, body)
    assert.ok(typeof answer.body.zh === 'string' && typeof answer.body.en === 'string', answer.text)
    return answer.body.code
  }
  assert.equal(await code({ rules: [], ...span() }, await server.as('dispatcher')), 'ROLE_FORBIDDEN')
  assert.equal(await code({ rules: [], ...span() }, {}), 'SIGN_IN_REQUIRED')
  assert.equal(await code({ rules: [] }), 'SHAPE_INVALID')
  assert.equal(await code({ rules: [], fromDay: '2026-02-30', untilDay: '2026-03-01' }), 'DAY_INVALID')
  assert.equal(await code({ rules: [], fromDay: span().untilDay, untilDay: span().fromDay }), 'DRY_RUN_PERIOD')
  assert.equal(await code({ rules: [], fromDay: span().fromDay, untilDay: '2099-01-01' }), 'DRY_RUN_PERIOD')
  const wanted = rule('unknown', 5)
  const unknown = { ...wanted, when: { ...(wanted.when as object), sourceKind: 'crystal-ball' } }
  assert.equal(await code({ rules: [unknown], ...span() }), 'SHAPE_INVALID')
  const twice = await Promise.all([1, 2].map(() => code2(server, epidemiologist)))
  assert.deepEqual(twice.sort(), ['DRY_RUN_BUSY', undefined])
})

async function code2(at: CityServer, as: Readonly<Record<string, string>>): Promise<unknown> {
  const answer = await at.ask('POST', '/v1/rules/dry-run', as, { rules: [rule('wanted', 5)], ...span() })
  return answer.body.code
}

test('RULE-73 the rules in force stand beside the candidate under the same past', async () => {
  const epidemiologist = await server.as('epidemiologist')
  const rules = [rule('same', 5)].map(input => Rule.parse(input))
  const published = submission(
    'rule.published',
    { version: server.world.city.rulesVersion + 1, rules },
    { occurredAt: server.world.city.now },
  )
  await server.post([published])
  const answer = await server.ask('POST', '/v1/rules/dry-run', epidemiologist, { rules, ...span() })
  const view = answer.body as unknown as DryRunView
  assert.equal(view.current.alertCount, 1)
  assert.deepEqual(view.current.alerts, view.candidate.alerts)
  assert.deepEqual([view.gained, view.lost], [[], []])
  assert.ok(view.readEntries >= days && dayMs > 0)
})

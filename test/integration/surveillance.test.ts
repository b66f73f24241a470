/**
 * Reads of surveillance through the door of a whole server: figures come out as they went in, nobody is told of a region that is
 * not theirs, a day that does not exist is refused, and who may not change a rule is told why.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dayMs, formatDay, getDayIndex } from '#contract/scalars.ts'
import { type CityServer, city, north, south, startCity, until } from '../help/city-server.ts'

let server: CityServer
const today = getDayIndex(Date.now())
const dayOf = (back: number) => formatDay(today - back)

before(async () => {
  server = await startCity()
  const counts: [string, string, number, number][] = []
  // F1 reports every day to yesterday, F2 fell silent ten days ago.
  for (let back = 30; back >= 1; back--) counts.push(['F1', south, back, back])
  for (let back = 30; back >= 11; back--) counts.push(['F2', north, back, 2])
  for (const [facilityId, regionCode, back, count] of counts) {
    const told = await server.say(server.device, 'count.reported', {
      sourceKind: 'pharmacy',
      facilityId,
      syndrome: 'respiratory',
      regionCode,
      period: dayOf(back),
      count,
    })
    assert.equal(told.result, 'done', JSON.stringify(told))
  }
  await server.say(server.device, 'call.received', {
    callId: 'K1',
    regionCode: south,
    receivedAt: Date.now(),
    complaint: { syndrome: 'respiratory', level: 3 },
  })
  await until('the projection is level', async () => {
    const { rows } = await server.database.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM count_record')
    return rows[0]!.n === counts.length
  })
})

after(() => server?.remove())

test('BOARD-40 source health: every facility of the scope, silence told, another county unseen', async () => {
  const all = await server.ask('GET', '/v1/sources/health', await server.as('epidemiologist', [city]))
  assert.equal(all.status, 200, all.text)
  const sources = all.body.sources as {
    facilityId: string
    silentSince?: number
    completeness: number
    lastPeriod: string
  }[]
  assert.deepEqual(
    sources.map(source => source.facilityId),
    ['F1', 'F2'],
  )
  const [one, two] = sources
  assert.equal(one!.silentSince, undefined)
  assert.equal(one!.completeness, 1)
  assert.equal(one!.lastPeriod, dayOf(1))
  assert.ok(two!.silentSince !== undefined && two!.silentSince < Date.now() - 6 * dayMs)
  assert.ok(two!.completeness < 0.5)
  const own = await server.ask('GET', '/v1/sources/health', await server.as('epidemiologist', [south]))
  assert.deepEqual(
    (own.body.sources as typeof sources).map(source => source.facilityId),
    ['F1'],
  )
  const foreign = await server.ask(
    'GET',
    `/v1/sources/health?regionCode=${north}`,
    await server.as('epidemiologist', [south]),
  )
  assert.equal(foreign.body.code, 'REGION_FOREIGN')
  const dispatcher = await server.ask('GET', '/v1/sources/health', await server.as('dispatcher', [city]))
  assert.equal(dispatcher.body.code, 'ROLE_FORBIDDEN')
})

test('BOARD-41 the week and the calendar tell what was reported, absence as absence, a foreign region not at all', async () => {
  const who = await server.as('epidemiologist', [city])
  const week = await server.ask('GET', `/v1/surveillance/week?day=${dayOf(8)}`, who)
  assert.equal(week.status, 200, week.text)
  const figures = week.body.figures as { sourceKind: string; regionCode: string; days: (number | null)[] }[]
  const own = figures.find(figure => figure.regionCode === south && figure.sourceKind === 'pharmacy')!
  const monday = getDayIndex(Date.parse(`${week.body.fromDay as string}T00:00:00+08:00`))
  assert.deepEqual(
    own.days,
    Array.from({ length: 7 }, (_, at) => (today - (monday + at) >= 1 ? today - (monday + at) : null)),
  )
  const calendar = await server.ask(
    'GET',
    `/v1/surveillance/calendar?sourceKind=pharmacy&syndrome=respiratory&regionCode=${city}&fromDay=${dayOf(12)}&toDay=${dayOf(9)}`,
    who,
  )
  assert.deepEqual(calendar.body.days, [
    { day: dayOf(12), count: 14, reporters: 2 },
    { day: dayOf(11), count: 13, reporters: 2 },
    { day: dayOf(10), count: 10, reporters: 1 },
    { day: dayOf(9), count: 9, reporters: 1 },
  ])
  const bad = await server.ask('GET', '/v1/surveillance/week?day=2026-02-30', who)
  assert.equal(bad.body.code, 'DAY_INVALID')
  const foreign = await server.ask(
    'GET',
    `/v1/surveillance/calendar?sourceKind=pharmacy&syndrome=respiratory&regionCode=${north}&fromDay=${dayOf(9)}&toDay=${dayOf(9)}`,
    await server.as('epidemiologist', [south]),
  )
  assert.equal(foreign.body.code, 'REGION_FOREIGN')
})

test('BOARD-42 a statistical rule is published by an epidemiologist and stands in the history; the law is not theirs', async () => {
  const who = await server.as('epidemiologist', [city])
  const { body } = await server.ask('GET', '/v1/rules', who)
  const rules = body.rules as { ruleId: string; version: number; minCases: number }[]
  const version = (body.version as number) + 1
  const changed = rules.map(rule =>
    rule.ruleId === 'multi-respiratory' ? { ...rule, version: rule.version + 1, minCases: 33 } : rule,
  )
  const law = await server.say(who, 'rule.published', {
    version,
    rules: rules.filter(rule => rule.ruleId !== 'statutory-single'),
  })
  assert.equal(law.code, 'RULE_FOREIGN')
  const stale = await server.say(who, 'rule.published', { version: version + 1, rules: changed })
  assert.equal(stale.code, 'RULES_STALE')
  const narrow = await server.say(await server.as('epidemiologist', [south]), 'rule.published', {
    version,
    rules: changed,
  })
  assert.equal(narrow.code, 'REGION_FOREIGN')
  assert.equal((await server.say(who, 'rule.published', { version, rules: changed })).result, 'done')
  assert.equal(server.world.rules.get('multi-respiratory')?.minCases, 33)
  const history = await server.ask('GET', '/v1/rules/history', who)
  assert.equal(history.status, 200, history.text)
  const publications = history.body.publications as {
    version: number
    by?: string
    changes: { ruleId: string; what: string }[]
  }[]
  assert.deepEqual(
    publications.map(each => each.version),
    [version, version - 1],
  )
  assert.ok(publications[0]!.by?.startsWith('epidemiologist'))
  assert.deepEqual(
    publications[0]!.changes.map(change => [change.ruleId, change.what]),
    [['multi-respiratory', 'changed']],
  )
  assert.ok(publications[1]!.changes.every(change => change.what === 'added'))
})

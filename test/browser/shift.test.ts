/**
 * A shift on the screen against a real server: what is late and why, the hand-over signed at two seats, slips taken, printed without
 * a server and entered afterwards, the replay of a case, and a score appealed and decided. Screenshots go to test/.artifacts.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { HandoverView } from '#contract/duty.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import type { OpenBrowser } from '../help/browser.ts'
import { type As, type CityServer, centre, city, south, startCity, until } from '../help/city-server.ts'
import { buildConsole, launchConsole, openConsole } from '../help/console-page.ts'

const artifacts = resolve(import.meta.dirname, '../.artifacts')
const shoot = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `shift-${name}.png`) })

let server: CityServer
let built: Awaited<ReturnType<typeof buildConsole>>
let one: OpenBrowser
let two: OpenBrowser
const people: Record<string, { password: string; as: As }> = {}
const startedAt = Date.now()

async function add(accountId: string, role: string): Promise<void> {
  const { password } = await server.addPerson(accountId, [role], [city])
  people[accountId] = { password, as: { cookie: await server.signIn(accountId, password) } }
}
const open = (by: OpenBrowser, accountId: string, hash: string) =>
  openConsole(by, built.dist, { url: server.url, accountId, password: people[accountId]!.password, hash })

/** A case of a while ago, told by the player with its times. */
async function openCase(id: string, level: number, minutesAgo: number): Promise<void> {
  const at = startedAt - minutesAgo * 60_000
  const told = await server.post([
    {
      kind: 'call.received',
      uuid: crypto.randomUUID(),
      occurredAt: at,
      body: { callId: `C-${id}`, regionCode: south, ...centre },
    },
    { kind: 'call.answered', uuid: crypto.randomUUID(), occurredAt: at + 6_000, body: { callId: `C-${id}` } },
    {
      kind: 'call.recorded',
      uuid: crypto.randomUUID(),
      occurredAt: at + 6_000,
      body: { callId: `C-${id}`, recordingRef: `rec/${id}.wav` },
    },
  ])
  assert.ok(
    told.body.outcomes.every(outcome => outcome.result === 'done'),
    JSON.stringify(told.body),
  )
  const opened = { incidentId: id, callIds: [`C-${id}`], level, regionCode: south, ...centre }
  const said = await server.say(people.dispatcher!.as, 'incident.opened', opened, { occurredAt: at + 40_000 })
  assert.equal(said.result, 'done', JSON.stringify(said))
}

before(async () => {
  await mkdir(artifacts, { recursive: true })
  server = await startCity()
  for (const [accountId, role] of [
    ['dispatcher', 'dispatcher'],
    ['leader', 'shift-leader'],
    ['judge', 'shift-leader'],
  ] as const)
    await add(accountId, role)
  built = await buildConsole()
  one = await launchConsole({ width: 1920, height: 1080 })
  two = await launchConsole({ width: 1366, height: 768 })
})

after(async () => {
  await one?.close()
  await two?.close()
  await built?.remove()
  await server?.remove()
})

test('HANDOVER-3 the leader sees what is late and why; two seats sign one sheet; it is stored and listed', async () => {
  await openCase('INC-LATE1', 1, 12)
  await openCase('INC-EASY3', 3, 2)
  const giver = await open(one, 'leader', '#/shift')
  const row = giver.page.locator('[data-testid="late-row"][data-kind="dispatch"]')
  await row.waitFor()
  assert.equal(await row.count(), 1, 'a case in time is not late')
  assert.match((await row.textContent())!, /待命而未派/)
  await giver.page.getByTestId('handover-note').fill('2 号车左后灯待修')
  await giver.page.getByTestId('handover-offer').click()
  await giver.page.getByTestId('handover-waiting').waitFor()
  assert.ok(await giver.page.getByTestId('handover-take').isDisabled(), 'nobody takes over from himself')
  await shoot(giver.page, 'offer-1920')
  const taker = await open(two, 'dispatcher', '#/shift')
  await taker.page.getByTestId('handover-waiting').waitFor()
  await shoot(taker.page, 'take-1366')
  await taker.page.getByTestId('handover-take').click()
  await giver.page.getByTestId('handover-taker').filter({ hasText: 'dispatcher' }).waitFor()
  const { body } = await server.ask('GET', '/v1/handovers', people.leader!.as)
  const [kept] = body.handovers as HandoverView[]
  assert.deepEqual([kept!.state, kept!.offeredBy, kept!.endedBy], ['done', 'leader', 'dispatcher'])
  assert.deepEqual(
    kept!.sheet.incidents.map(each => each.incidentId),
    ['INC-LATE1', 'INC-EASY3'],
  )
  await until('the table holds it', async () => {
    const found = await server.database.pool.query('SELECT state FROM handover_record')
    return found.rows[0]?.state === 'done'
  })
  assert.deepEqual([...giver.faults, ...taker.faults], [])
  await giver.page.close()
  await taker.page.close()
})

test('DEGRADE-3 numbers are taken, slips print without a server, and a slip is entered with the times on the paper', async () => {
  const { page, faults } = await open(two, 'dispatcher', '#/shift')
  await page.getByTestId('slip-count').fill('3')
  await page.getByTestId('slip-issue').click()
  await page.getByTestId('slip-print-1').waitFor()
  // The server is gone for this seat: what it holds must be enough to print.
  await page.evaluate(() => {
    ;(window as unknown as { printed: string[] }).printed = []
    window.print = () => {
      ;(window as unknown as { printed: string[] }).printed.push(document.querySelector('.paper')?.textContent ?? '')
    }
  })
  await page.context().setOffline(true)
  await page.locator('[data-testid="link"][data-state="offline"]').waitFor()
  await page.getByTestId('band-paper').click()
  await page.getByTestId('slip-print-1').click()
  await page.waitForFunction(() => (window as unknown as { printed: string[] }).printed.length > 0)
  const printed = await page.evaluate(() => (window as unknown as { printed: string[] }).printed[0]!)
  for (const slip of ['P000001', 'P000002', 'P000003']) assert.ok(printed.includes(slip), slip)
  assert.ok(printed.includes('t14'))
  await shoot(page, 'offline-1366')
  await page.context().setOffline(false)
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  // Times of an hour ago, as a pencil writes them.
  const clock = (minutesAgo: number) => {
    const date = new Date(startedAt - minutesAgo * 60_000 + 8 * 3_600_000)
    return date.toISOString().slice(11, 16)
  }
  const day = formatDay(getDayIndex(startedAt - 60 * 60_000))
  const fill = async (slip: string) => {
    await page.getByTestId('slip-no').fill(slip)
    await page.getByTestId('slip-day').fill(day)
    await page.getByTestId('slip-address').fill('中山路 1 号')
    await page.getByTestId('slip-ring').fill(clock(60))
    await page.getByTestId('slip-answered').fill(clock(60))
    await page.getByTestId('slip-opened').fill(clock(59))
    await page.getByTestId('slip-unit-0').selectOption('U3')
    await page.getByTestId('slip-ordered-0').fill(clock(58))
    await page.getByTestId('slip-rolling-0').fill(clock(56))
    await page.getByTestId('slip-on-scene-0').fill(clock(45))
    await page.getByTestId('slip-idle-0').fill(clock(20))
    await page.getByTestId('slip-outcome').selectOption('treated-on-scene')
  }
  await fill('P000002')
  await page.getByTestId('slip-rolling-0').fill(clock(59))
  await page.getByText('早于前一步').waitFor()
  await page.getByTestId('slip-rolling-0').fill(clock(56))
  await shoot(page, 'slip-1366')
  await page.getByTestId('slip-enter').click()
  await page.getByText('已补录 1 / 3').waitFor()
  const incident = [...server.world.incidents.values()].find(each => each.slipNo === 2)!
  assert.equal(incident.state, 'closed')
  const minute = Math.floor((startedAt - 56 * 60_000) / 60_000) * 60_000
  assert.equal(incident.stamps.find(stamp => stamp.stamp === 'rolling')?.at, minute)
  assert.ok(incident.sealedFields.includes('addressText'))
  await fill('2')
  await page.getByTestId('slip-enter').click()
  await page.locator('[data-testid="refusal"][data-code="SLIP_TAKEN"]').waitFor()
  assert.equal([...server.world.incidents.values()].filter(each => each.slipNo === 2).length, 1)
  assert.deepEqual(faults, [])
  await page.close()
})

test('DAY-8 a case is replayed with a slider: units where they were, the clock and the recording beside it', async () => {
  await openCase('INC-REPLAY', 2, 3)
  const dispatcher = people.dispatcher!.as
  await server.say(dispatcher, 'incident.unitAssigned', { incidentId: 'INC-REPLAY', unitId: 'U1' })
  const base = Date.now() - 150_000
  const fixes = Array.from({ length: 30 }, (_, n) => ({
    kind: 'unit.position',
    epoch: 'replay',
    seq: n + 1,
    source: 'U1',
    occurredAt: base + n * 5_000,
    body: { unitId: 'U1', lon: centre.lon + n * 0.001, lat: centre.lat, speedKmh: 60, courseDeg: 90 },
  }))
  const told = await server.post(fixes)
  assert.ok(
    told.body.outcomes.every(outcome => outcome.result === 'done'),
    JSON.stringify(told.body.outcomes[0]),
  )
  const { page, faults } = await open(one, 'leader', '#/replay')
  await page.getByTestId('replay-case').click()
  await page.getByTestId('replay-case-id').fill('INC-REPLAY')
  await page.getByTestId('replay-load').click()
  await page.getByTestId('replay-clock').waitFor()
  await page.getByTestId('replay-recordings').getByText('rec/INC-REPLAY.wav').waitFor()
  const before = await page.getByTestId('replay-now').textContent()
  await page.getByTestId('replay-slider').focus()
  await page.keyboard.press('End')
  const later = await page.getByTestId('replay-now').textContent()
  assert.ok(later! > before!, `${before} → ${later}`)
  await page.locator('[data-testid="map"][data-ready="true"]').waitFor()
  await page.waitForTimeout(1_500)
  await shoot(page, 'replay-1920')
  const south_ = await server.as('dispatcher', ['330411'])
  const foreign = await server.ask(
    'GET',
    '/v1/replay?from=1600000000000&to=1600000001000&incidentId=INC-REPLAY',
    south_,
  )
  assert.equal(foreign.body.code, 'INCIDENT_UNKNOWN')
  const tracks = await server.ask('GET', `/v1/tracks?from=${base}&to=${base + 150_000}`, south_)
  assert.deepEqual(
    (tracks.body.units as string[]).filter(unitId => unitId !== 'U2'),
    [],
    'only its own units',
  )
  const long = await server.ask('GET', `/v1/tracks?from=${base}&to=${base + 5 * 3_600_000}`, dispatcher)
  assert.equal(long.body.code, 'REPLAY_TOO_LONG')
  assert.deepEqual(faults, [])
  await page.close()
})

test('QC-6 a sample is scored beside its clock and recording, appealed by the person judged, decided by another leader', async () => {
  const dispatcher = people.dispatcher!.as
  await server.say(dispatcher, 'incident.closed', { incidentId: 'INC-EASY3', outcome: 'cancelled' })
  await until('the table holds the closed case', async () => {
    const found = await server.database.pool.query("SELECT state FROM incident_record WHERE id = 'INC-EASY3'")
    return found.rows[0]?.state === 'closed'
  })
  const day = formatDay(getDayIndex(server.world.incidents.get('INC-EASY3')!.openedAt))
  const leader = await open(one, 'leader', '#/quality')
  await leader.page.getByTestId('samples-panel').locator('.chip-day').fill(day)
  await leader.page.getByTestId('complaint-case').fill('INC-NOWHERE')
  await leader.page.getByTestId('complaint-reason').fill('来电人称等候过久')
  await leader.page.getByTestId('complaint-send').click()
  await leader.page.locator('[data-testid="refusal"][data-code="INCIDENT_UNKNOWN"]').waitFor()
  await leader.page.getByTestId('complaint-case').fill('INC-EASY3')
  await leader.page.getByTestId('complaint-send').click()
  await leader.page.getByTestId('samples').getByText('投诉').waitFor()
  await leader.page.getByTestId('sample-INC-EASY3').click()
  await leader.page.getByTestId('review-recordings').getByText('rec/INC-EASY3.wav').waitFor()
  assert.equal(await leader.page.getByTestId('review-subject').inputValue(), 'dispatcher')
  await leader.page.getByTestId('score-address').fill('0')
  await leader.page.getByTestId('score-total').filter({ hasText: '86 / 100' }).waitFor()
  await shoot(leader.page, 'review-1920')
  await leader.page.getByTestId('review-score').click()
  await leader.page.getByTestId('reviews').getByText('不及格').waitFor()
  const judged = await open(two, 'dispatcher', '#/quality')
  await judged.page.getByTestId('reviews').waitFor()
  await judged.page.getByTestId('review-reason').fill('录音 00:12 已核实地址')
  await judged.page.getByTestId('review-appeal').click()
  await judged.page.locator('[data-testid="reviews"] tr[data-state="appealed"]').waitFor()
  await shoot(judged.page, 'appeal-1366')
  await judged.page.close()
  await leader.page.close()
  const review = [...server.world.reviews.values()][0]!
  const scores = review.scores.map(row => (row.itemId === 'address' ? { ...row, points: 14 } : row))
  const decide = {
    reviewId: review.reviewId,
    regionCode: review.regionCode,
    verdict: 'changed',
    reason: '复听属实',
    scores,
  }
  assert.equal((await server.say(people.leader!.as, 'review.decided', decide)).code, 'REVIEW_SELF')
  assert.equal((await server.say(people.judge!.as, 'review.decided', decide)).result, 'done')
  const month = await server.ask(
    'GET',
    `/v1/reviews?month=${formatDay(getDayIndex(review.scoredAt)).slice(0, 7)}`,
    people.judge!.as,
  )
  const report = month.body.report as { reviews: number; changed: number; passed: number }
  assert.deepEqual([report.reviews, report.changed, report.passed], [1, 1, 1])
  const stranger = await server.as('dispatcher', [south])
  const own = await server.ask(
    'GET',
    `/v1/reviews?month=${formatDay(getDayIndex(review.scoredAt)).slice(0, 7)}`,
    stranger,
  )
  assert.deepEqual(own.body.reviews, [], 'scores are shown to who leads and to who was judged')
  assert.deepEqual([...leader.faults, ...judged.faults], [])
})

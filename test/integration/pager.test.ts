/**
 * The pager against a receiver on this machine that plays the SMS gateway and the webhook: what is due is sent, signed, retried
 * and receipted, and nothing else ever is: no name, nothing old, nothing answered, nothing without PAGER=live, and nothing
 * from a city that came out of a backup.
 */
import assert from 'node:assert/strict'
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Rule } from '#contract/rule.ts'
import { migrate } from '../../server/database/migrate.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { attemptsMax, isDue, pageAgeMaxMs, retryAfterMs } from '../../server/fanout/pager.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { backupDatabase } from '../../server/operations/backup.ts'
import { restoreDatabase } from '../../server/operations/restore.ts'
import { armPager } from '../../server/operations/sql.ts'
import type { Page } from '../../server/state/world.ts'
import { type CityServer, south, startCity, submission, until } from '../help/city-server.ts'
import { bootLine, createHandClock, makeCity, makeEntry } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'

type Page_ = { pageId: string; alertId: string; role: string; text: string; link: string; place: string }
type Got = { path: string; headers: IncomingHttpHeaders; raw: string; page: Page_; at: number }

const secret = 'a secret of the pager 47'
const got: Got[] = []
/** What the receiver answers, by page and attempt; default: accepted with a receipt. */
let answer: (got: Got, nth: number) => { status: number; body: string } = () => ({
  status: 200,
  body: '{"receipt":true}',
})
let receiver: Server
let database: Awaited<ReturnType<typeof startPostgres>>
const homes: string[] = []
let environment: Record<string, string>
before(async () => {
  receiver = createServer((request, response) => {
    let raw = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      raw += text
    })
    request.on('end', () => {
      const one = { path: request.url!, headers: request.headers, raw, page: JSON.parse(raw) as Page_, at: Date.now() }
      got.push(one)
      const { status, body } = answer(one, got.filter(g => g.page.pageId === one.page.pageId).length)
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  const { port } = receiver.address() as AddressInfo
  environment = {
    VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${port}/sms`,
    VIGIL_PAGER_WEBHOOK_URL: `http://127.0.0.1:${port}/hook`,
    VIGIL_PAGER_SECRET: secret,
    VIGIL_PUBLIC_URL: 'http://127.0.0.1:9',
  }
  database = await startPostgres()
})
after(async () => {
  await database.stop()
  receiver.closeAllConnections()
  await new Promise(resolve => receiver.close(resolve))
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

/** The default rules with the single case escalating within seconds. */
const quickRules = defaultRules.map(rule =>
  Rule.parse(
    rule.ruleId === 'statutory-single'
      ? {
          ...rule,
          version: 2,
          escalation: [
            { afterS: 0, role: 'epidemiologist' },
            { afterS: 2, role: 'shift-leader' },
            { afterS: 600, role: 'administrator' },
          ],
        }
      : rule,
  ),
)
const planted = {
  patientName: '诸葛页测试',
  patientPhone: '13611112222',
  identityNumber: '330402199001011234',
  addressText: '页测路 9 号',
}
let patients = 0
/** Another person each time: a second card of the same one is joined to the first and is no new case. */
const card = () =>
  submission('report.received', {
    cardId: randomUUID(),
    diseaseId: 'plague',
    caseClass: 'suspected',
    regionCode: south,
    facilityId: 'F1',
    diagnosedAt: Date.now() - 1_000,
    ...planted,
    patientPhone: `1361111${String(++patients).padStart(4, '0')}`,
    identityNumber: `33040219900101${String(patients).padStart(4, '0')}`,
  })
const pagesOf = (alertId: string) => got.filter(g => g.page.alertId === alertId)

async function raise(server: CityServer): Promise<string> {
  const before = new Set(server.world.alerts.keys())
  const told = await server.post([card()])
  assert.equal(told.body.outcomes[0]!.result, 'done', JSON.stringify(told.body))
  const alert = await until('the alert', () =>
    [...server.world.alerts.values()].find(a => !before.has(a.alertId) && a.ruleId === 'statutory-single'),
  )
  return alert.alertId
}
async function close(server: CityServer, alertId: string): Promise<void> {
  // A statutory alert takes two people: one proposes, another confirms.
  const told = await server.say(await server.as('epidemiologist'), 'alert.closureProposed', {
    alertId,
    verdict: 'confirmed',
    reason: '已处置',
  })
  assert.equal(told.result, 'done', JSON.stringify(told))
  const confirmed = await server.say(await server.as('epidemiologist', [south]), 'alert.closureConfirmed', { alertId })
  assert.equal(confirmed.result, 'done', JSON.stringify(confirmed))
}

async function makeDatabase(name: string): Promise<string> {
  const admin = await openDatabase({ databaseUrl: database.url, directory: '' })
  await admin.pool.query(`CREATE DATABASE ${name}`)
  await admin.close()
  return database.url.replace('/postgres?', `/${name}?`)
}
function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'vigil-pager-'))
  homes.push(home)
  writeFileSync(join(home, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 })
  return home
}

test('PAGE-1 a page is due once, in its time: not before, not after 15 minutes, with growing pauses, at most five times', () => {
  const page = (more: Partial<Page>): Page => ({
    pageId: 'P',
    alertId: 'A',
    step: 0,
    role: 'r',
    regionCode: 'x',
    level: 1,
    dueAt: 1_000,
    attempts: 0,
    withdrawn: false,
    ...more,
  })
  assert.equal(isDue(page({}), 999), false)
  assert.equal(isDue(page({}), 1_000), true)
  assert.equal(isDue(page({}), 1_000 + pageAgeMaxMs), true)
  assert.equal(isDue(page({}), 1_001 + pageAgeMaxMs), false)
  assert.equal(isDue(page({ withdrawn: true }), 1_000), false)
  assert.equal(isDue(page({ receiptedAt: 1_000 }), 1_000), false)
  const pauses = [1, 2, 3, 4].map(attempts => {
    const waits = (ms: number) => isDue(page({ attempts, lastAttemptAt: 1_000 }), 1_000 + ms)
    const pause = retryAfterMs * 2 ** (attempts - 1)
    assert.equal(waits(pause - 1), false)
    assert.equal(waits(pause), true)
    return pause
  })
  assert.deepEqual(pauses, [5_000, 10_000, 20_000, 40_000])
  assert.equal(isDue(page({ attempts: attemptsMax, lastAttemptAt: 1_000 }), 500_000), false)
})

test('PAGE-2 live: sent, signed, retried over the other channel, receipted; escalated by ticks; withdrawn once answered', async () => {
  const server = await startCity({
    databaseUrl: await makeDatabase('live'),
    environment: { ...environment, PAGER: 'live' },
  })
  try {
    assert.equal((await server.ask('GET', '/readyz')).body.pager, 'live')
    await server.post([submission('rule.published', { version: 2, rules: quickRules })])
    // The gateway refuses the first try, accepts the second without a receipt, and gives the receipt with the third.
    answer = (_one, nth) =>
      nth === 1
        ? { status: 503, body: 'busy' }
        : nth === 2
          ? { status: 202, body: '{}' }
          : { status: 200, body: '{"receipt": true}' }
    const alertId = await raise(server)
    const first = await until('the first page', () => pagesOf(alertId)[0])
    assert.deepEqual([first.page.role, first.path, first.page.pageId], ['epidemiologist', '/sms', `P-${alertId}-0`])
    // Nobody answers: the next step follows by ticks, without anything else being said.
    const second = await until('the second step', () => pagesOf(alertId).find(g => g.page.pageId === `P-${alertId}-1`))
    assert.equal(second.page.role, 'shift-leader')
    const tries = await until('three tries', () => {
      const own = pagesOf(alertId).filter(g => g.page.pageId === `P-${alertId}-0`)
      return own.length >= 3 && own
    })
    assert.deepEqual(
      tries.map(g => g.path),
      ['/sms', '/hook', '/sms'],
      'the other channel is tried too',
    )
    assert.ok(
      tries[1]!.at - tries[0]!.at >= retryAfterMs - 1_100 && tries[2]!.at - tries[1]!.at >= 2 * retryAfterMs - 1_100,
      'with growing pauses',
    )
    const page = await until('the receipt', () => {
      const held = server.world.pages.get(`P-${alertId}-0`)
      return held?.receiptedAt !== undefined && held
    })
    assert.equal(page.attempts, 3)
    for (const one of pagesOf(alertId)) {
      assert.equal(one.headers['x-vigil-signature'], createHmac('sha256', secret).update(one.raw).digest('hex'))
      assert.equal(one.headers['idempotency-key'], one.page.pageId)
      // Level and place, nothing that anybody typed: a rule's name is free text too.
      assert.equal(one.page.text, '【守望】处置:南湖区')
      assert.equal(one.page.link, `http://127.0.0.1:9/#/alerts/${alertId}`)
      for (const text of Object.values(planted)) assert.ok(!one.raw.includes(text), text)
    }
    // Answered: what is not yet sent is withdrawn, and no further step comes.
    answer = () => ({ status: 500, body: '' })
    const other = await (async () => {
      await close(server, alertId)
      return raise(server)
    })()
    await until('its first page', () => pagesOf(other)[0])
    const told = await server.say(await server.as('epidemiologist'), 'alert.acknowledged', { alertId: other })
    assert.equal(told.result, 'done')
    const sent = pagesOf(other).length
    const escalations = [...server.world.pages.values()].filter(p => p.alertId === other).length
    assert.ok([...server.world.pages.values()].filter(p => p.alertId === other).every(p => p.withdrawn))
    await new Promise(resolve => setTimeout(resolve, 7_000))
    assert.ok(pagesOf(other).length <= sent + 1, 'at most the one under way')
    assert.equal([...server.world.pages.values()].filter(p => p.alertId === other).length, escalations)
    // Every attempt and receipt stands in the log.
    const trail = (await server.log.list(0))
      .map(l => l.entry)
      .filter(e => e.kind === 'page.attempted' || e.kind === 'page.receipted')
    const ofFirst = trail
      .filter(e => e.body.pageId === `P-${alertId}-0`)
      .map(e => ('result' in e.body ? `${e.body.attempt} ${e.body.channel} ${e.body.result}` : 'receipt'))
    assert.deepEqual(ofFirst, ['1 sms failed', '2 webhook accepted', '3 sms accepted', 'receipt'])
  } finally {
    answer = () => ({ status: 200, body: '{"receipt":true}' })
    await server.remove()
  }
})

test('PAGE-3 without PAGER=live, and in a played city, nothing leaves the house; the log says what would have', async () => {
  const before = got.length
  for (const [name, mode] of [
    ['dry', {}],
    ['played', { PAGER: 'live', CLOCK: 'entries' }],
  ] as const) {
    const server = await startCity({ databaseUrl: await makeDatabase(name), environment: { ...environment, ...mode } })
    try {
      assert.equal((await server.ask('GET', '/readyz')).body.pager, 'dry')
      let at = Date.now()
      if (name === 'played')
        await server.post([submission('clock.ticked', { gapMs: 0, boundary: 'none' }, { occurredAt: at })])
      const alertId = await raise(server)
      await until('a dry attempt', async () => {
        at += 1_000
        if (name === 'played')
          await server.post([submission('clock.ticked', { gapMs: 1_000, boundary: 'none' }, { occurredAt: at })])
        return server.world.pages.get(`P-${alertId}-0`)?.attempts === attemptsMax
      })
    } finally {
      await server.remove()
    }
  }
  assert.equal(got.length, before)
})

test('PAGE-4 after a stop, what is older than 15 minutes is not sent; what is younger is', async () => {
  const url = await makeDatabase('older')
  const home = makeHome()
  const opened = await openDatabase({ databaseUrl: url, directory: '' })
  await migrate(opened)
  const now = Date.now()
  const clock = createHandClock(now - 40 * 60_000)
  const line = await bootLine(await openPostgresLog(opened.pool), clock)
  const cardAt = (cardId: string, regionCode: string, seq: number) =>
    makeEntry(
      'report.received',
      's',
      { epoch: 'e', sourceSeq: seq },
      { cardId, diseaseId: 'plague', caseClass: 'suspected', regionCode, facilityId: 'F1', diagnosedAt: clock.now() },
      clock.now(),
    )
  await line.writer.submit([
    ...makeCity(2, clock.now()),
    makeEntry(
      'rule.published',
      's',
      { epoch: 'e', sourceSeq: 1 },
      { version: 1, rules: [...defaultRules] },
      clock.now(),
    ),
  ])
  clock.turn(20 * 60_000)
  await line.writer.submit([cardAt('K-old', '330402', 2)])
  clock.turn(15 * 60_000)
  await line.writer.submit([cardAt('K-young', '330411', 3)])
  const [old, young] = ['330402', '330411'].map(
    code => [...line.world.alerts.values()].find(a => a.regionCode === code)!.alertId,
  )
  await line.writer.stop()
  await opened.close()
  const server = await startCity({ databaseUrl: url, directory: home, environment: { ...environment, PAGER: 'live' } })
  try {
    await until('the younger page', () => got.find(g => g.page.place === '330411' && g.page.alertId === young))
    await new Promise(resolve => setTimeout(resolve, 3_000))
    assert.deepEqual(
      got.filter(g => g.page.place === '330402' && g.page.pageId === `P-${old}-0`),
      [],
    )
    assert.equal(server.world.pages.get(`P-${old}-0`)!.attempts, 0)
  } finally {
    await server.stop()
  }
})

test('PAGE-5 a restored city pages nobody until an operator arms it, whatever PAGER says', async () => {
  const url = await makeDatabase('saved')
  const home = makeHome()
  answer = () => ({ status: 503, body: '' })
  const server = await startCity({
    databaseUrl: url,
    directory: undefined as never,
    environment: { ...environment, PAGER: 'live' },
  })
  const alertId = await raise(server)
  await until('a failed page', () => (server.world.pages.get(`P-${alertId}-0`)?.attempts ?? 0) >= 1)
  const file = join(home, 'backup.tgz')
  await backupDatabase(server.database, file)
  const incarnation = server.log.incarnation
  const keyFile = join(server.directory, 'master.key')
  await server.stop()
  answer = () => ({ status: 200, body: '{"receipt":true}' })
  const target = await makeDatabase('elsewhere')
  await restoreDatabase({ from: file, directory: '', databaseUrl: target })
  const before = got.length
  const start = (directory: string) =>
    startCity({
      databaseUrl: target,
      directory,
      environment: { ...environment, PAGER: 'live', VIGIL_MASTER_KEY_FILE: keyFile },
    })
  const restored = await start(home)
  try {
    assert.notEqual(restored.log.incarnation, incarnation)
    assert.ok(restored.world.pages.has(`P-${alertId}-0`), 'it knows the page')
    assert.equal((await restored.ask('GET', '/readyz')).body.pager, 'dry')
    await until('a dry attempt', () => restored.world.pages.get(`P-${alertId}-0`)!.attempts === attemptsMax)
    assert.equal(got.length, before)
  } finally {
    await restored.stop()
  }
  const opened = await openDatabase({ databaseUrl: target, directory: '' })
  await armPager(opened)
  await opened.close()
  const armed = await start(home)
  try {
    assert.equal((await armed.ask('GET', '/readyz')).body.pager, 'live')
    await new Promise(resolve => setTimeout(resolve, 2_500))
    assert.equal(got.length, before, 'what was due before stays unsent')
    await close(armed, alertId)
    const next = await raise(armed)
    await until('a page of the armed city', () => got.slice(before).some(g => g.page.alertId === next))
  } finally {
    await armed.stop()
    rmSync(server.directory, { recursive: true, force: true })
  }
})

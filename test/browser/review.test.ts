/**
 * A review morning against everything that is real: a whole server on PostgreSQL with sixty days behind it, two epidemiologists
 * with a browser each, pages taken by a receiver on this machine. Screenshots go to test/.artifacts, in both sizes.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import { startPostgres } from '../help/postgres.ts'
import { type ReviewCity, startReviewCity } from '../help/review-city.ts'

const root = resolve(import.meta.dirname, '../..')
const artifacts = join(root, 'test/.artifacts')
/** Waits are generous: nothing here is about time, and the machine may be busy. */
const waitMs = 120_000

let postgres: Awaited<ReturnType<typeof startPostgres>>
let city: ReviewCity
let first: Page
let second: Page
const browsers: OpenBrowser[] = []
const faults: string[] = []

async function openDesk(who: 'epidemiologist' | 'second', width: number, height: number): Promise<Page> {
  const opened = await launchBrowser({ width, height })
  browsers.push(opened)
  const page = await opened.browser.newPage()
  page.setDefaultTimeout(waitMs)
  page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
  await page.goto(city.url)
  await page.getByTestId('account').fill(city.people[who].account)
  await page.getByTestId('password').fill(city.people[who].password)
  await page.getByTestId('sign-in-submit').click()
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  return page
}

const shoot = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `review-${name}.png`) })
const rows = (page: Page) => page.getByTestId('alert-list').locator('[role="row"][data-key]')
const findAlert = (ruleId: string, regionCode: string) => {
  const alert = [...city.world.alerts.values()].find(
    each => each.state !== 'closed' && each.ruleId === ruleId && each.regionCode === regionCode,
  )
  assert.ok(alert, `${ruleId} stands in ${regionCode}`)
  return alert
}
const alertOf = (alertId: string) => city.world.alerts.get(alertId)!

async function choose(page: Page, alertId: string): Promise<void> {
  await page.getByTestId('nav-alerts').click()
  await page.locator(`[data-testid="alert-list"] [data-key="${alertId}"]`).click()
  await page.getByTestId('alert-panel').getByText(alertId, { exact: true }).waitFor()
}

before(async () => {
  await mkdir(artifacts, { recursive: true })
  await build({ root: join(root, 'console'), configFile: join(root, 'console/vite.config.ts'), logLevel: 'error' })
  postgres = await startPostgres()
  city = await startReviewCity({ databaseUrl: postgres.url })
  first = await openDesk('epidemiologist', 1920, 1080)
  second = await openDesk('second', 1366, 768)
})

after(async () => {
  for (const opened of browsers) await opened.close()
  await city?.stopAll()
  await postgres?.stop()
})

test('BOARD-1 the morning list: level first, the law before the rest, walked and grouped by keys', async () => {
  await rows(first).first().waitFor()
  const shown = await rows(first).evaluateAll(all => all.map(row => row.getAttribute('data-key')!))
  const levels = shown.map(alertId => alertOf(alertId).level)
  assert.deepEqual(levels, levels.toSorted(), `levels in order: ${levels}`)
  const statutory = findAlert('statutory-single', '330481')
  assert.equal(shown[0], statutory.alertId)
  await first.keyboard.press('j')
  await first.locator(`[data-key="${shown[0]}"][aria-selected="true"]`).waitFor()
  await first.keyboard.press('j')
  await first.locator(`[data-key="${shown[1]}"][aria-selected="true"]`).waitFor()
  await first.keyboard.press('k')
  await first.locator(`[data-key="${shown[0]}"][aria-selected="true"]`).waitFor()
  await first.getByTestId('verify-clock').waitFor()
  await first.keyboard.press('g')
  await first.locator('[data-testid="alert-list"] .grid-group').first().waitFor()
  await shoot(first, 'grouped-1920')
  for (let at = 0; at < 3; at++) await first.keyboard.press('g')
  assert.equal(await first.locator('[data-testid="alert-list"] .grid-group').count(), 0)
})

test('BOARD-2 why it fired, with every figure; the curve, the other sources, the map, who is behind it', async () => {
  const alert = findAlert('multi-respiratory', '330402')
  for (const page of [first, second]) await choose(page, alert.alertId)
  const why = (await first.getByTestId('why').textContent()) ?? ''
  for (const word of ['规则', '来源', '预期', '阈值', '倍数']) assert.ok(why.includes(word), `${word} in ${why}`)
  const sources = first.getByTestId('sources')
  for (const each of alert.evidence) await sources.getByText(String(each.observed), { exact: true }).first().waitFor()
  for (const page of [first, second]) {
    await page.locator('[data-testid="curve"][data-drawn="true"]').waitFor()
    await page.locator('[data-testid="aligned"][data-drawn="true"]').waitFor()
    await page.locator('[data-testid="map"][data-ready="true"]').waitFor()
    await page.locator('.map-legend .circle-keys').waitFor()
  }
  const facilities = first.getByTestId('facilities').locator('tbody tr')
  await facilities.first().waitFor()
  await shoot(first, 'why-1920')
  await shoot(second, 'why-1366')
  await second.getByTestId('facilities').scrollIntoViewIfNeeded()
  await shoot(second, 'behind-1366')
  await first.getByTestId('alert-cases').click()
  const cards = first.getByTestId('case-list').locator('[role="row"][data-key]')
  await cards.first().waitFor()
  await cards.first().click()
  await first.getByTestId('card-panel').getByTestId('person-show').waitFor()
  assert.equal(await first.getByTestId('person-fields').count(), 0, 'no name before it is asked for')
  await first.keyboard.press('p')
  await first.getByTestId('person-fields').waitFor()
  await shoot(first, 'cases-1920')
  const viewed = await city.database.pool.query("SELECT 1 FROM entry WHERE kind = 'record.viewed'")
  assert.equal(viewed.rowCount, 1, 'the look is in the log')
})

test('BOARD-3 one key verifies, one closes with a reason, one shelves; nothing without a reason', async () => {
  const alert = findAlert('multi-respiratory', '330402')
  await choose(first, alert.alertId)
  await first.keyboard.press('v')
  assert.equal(await first.getByTestId('verdict-confirmed').isDisabled(), true)
  await first.getByTestId('alert-reason').fill('电话核实：三所学校缺课增多，门诊流感样病例翻倍')
  await first.getByTestId('grade-4').click()
  await shoot(first, 'verify-1920')
  await first.getByTestId('verdict-confirmed').click()
  await first.getByTestId('verified-by').getByText('三所学校缺课增多').waitFor()
  await second.getByTestId('verified-by').getByText('三所学校缺课增多').waitFor()
  assert.equal(alertOf(alert.alertId).verification?.grade, 4)

  const noise = findAlert('single-fever-rash', '330424')
  await choose(first, noise.alertId)
  await first.keyboard.press('x')
  await first.getByTestId('alert-reason').fill('学校集中补报，逐日核对后无聚集')
  await first.getByTestId('verdict-noise').click()
  await first.getByTestId('closed-by').getByText('学校集中补报').waitFor()
  await rows(first).locator(`[data-key="${noise.alertId}"]`).waitFor({ state: 'detached' })
  await first.getByTestId('inbox-history').click()
  await first.getByTestId(`history-${noise.alertId}`).getByText('学校集中补报').waitFor()
  await first.getByTestId('inbox-current').click()

  const later = findAlert('multi-diarrhoeal', '330482')
  await choose(first, later.alertId)
  await first.keyboard.press('s')
  await first.getByTestId('alert-reason').fill('等实验室结果')
  await first.getByTestId('shelf-4').click()
  await first.getByTestId('shelved-by').getByText('等实验室结果').waitFor()
  assert.equal(alertOf(later.alertId).state, 'shelved')
})

test('BOARD-4 one key opens a public-health event with its clock; the initial report stops it', async () => {
  const alert = findAlert('multi-respiratory', '330402')
  await choose(first, alert.alertId)
  await first.keyboard.press('e')
  await first.getByTestId('alert-reason').fill('流感样病例聚集，按一般事件处置')
  await first.getByTestId('grade-4').click()
  await first.getByTestId('event-open').click()
  await first.getByTestId('event').getByTestId('event-grade').getByText('Ⅳ 一般').waitFor()
  await first.getByTestId('event-clock').getByText('初次报告剩余').waitFor()
  await shoot(first, 'event-1920')
  await choose(second, alert.alertId)
  await second.getByTestId('event-clock').getByText('初次报告剩余').waitFor()
  await shoot(second, 'event-1366')
  await first.getByTestId('event-report').click()
  await first.getByTestId('event-clock').getByText('初次报告').waitFor()
  await first.locator('[data-testid="event-clock"]').getByText('已于').waitFor()
  const event = [...city.world.events.values()][0]
  assert.ok(event?.reportedAt, 'the event is reported in the world')
})

test('BOARD-5 a statutory alert is closed by two: the proposer cannot confirm, another can', async () => {
  const alert = findAlert('statutory-single', '330481')
  await choose(first, alert.alertId)
  await first.getByTestId('alert-card-list').getByText('霍乱').waitFor()
  await first.keyboard.press('x')
  await first.getByTestId('alert-reason').fill('复检阴性，排除霍乱')
  await first.getByTestId('verdict-false').click()
  await first.getByTestId('closing-note').getByText('复检阴性').waitFor()
  assert.equal(await first.getByTestId('alert-second').isDisabled(), true)
  await first.keyboard.press('y')
  assert.equal(alertOf(alert.alertId).state, 'closing', 'the proposer is not the second person')
  await shoot(first, 'second-person-1920')
  await choose(second, alert.alertId)
  await second.getByTestId('closing-note').getByText('复检阴性').waitFor()
  await second.keyboard.press('y')
  await second.locator('[data-testid="evidence"][data-state="closed"]').waitFor()
  const closed = alertOf(alert.alertId)
  assert.equal(closed.state, 'closed')
  assert.equal(closed.closedBy, city.people.second.account)
  await second.getByTestId('timeline').getByText('预警复核关闭').waitFor()
  await shoot(second, 'second-person-1366')
})

test('BOARD-6 a rule is changed, its price and catch are seen beside the rule in force, then it is published', async () => {
  await first.getByTestId('nav-rules').click()
  await first.locator('[data-testid="rule-rows"] [data-key="statutory-single"]').click()
  assert.equal(await first.getByTestId('rule-edit').count(), 0, 'a rule of the law is read only here')
  await first.locator('[data-testid="rule-rows"] [data-key="multi-respiratory"]').click()
  await first.getByTestId('rule-edit').click()
  await first.getByTestId('rule-k').fill('9')
  await first.getByTestId('rule-faults').getByText('规则永远不会成立').waitFor()
  assert.equal(await first.getByTestId('dry-run-start').isDisabled(), true)
  await first.getByTestId('rule-k').fill('3')
  await first.getByTestId('rule-diff').getByText('来源类数').waitFor()
  assert.equal(await first.getByTestId('rule-publish').isDisabled(), true, 'not before its dry run was read')
  await first.getByTestId('dry-span').selectOption('28')
  await first.getByTestId('dry-run-start').click()
  await first.getByTestId('dry-price').getByText('每县区每周预警').waitFor()
  await first.getByTestId('dry-catches').getByText('桐乡市').first().waitFor()
  await shoot(first, 'dry-run-1920')
  await first.setViewportSize({ width: 1366, height: 768 })
  await shoot(first, 'dry-run-1366')
  await first.setViewportSize({ width: 1920, height: 1080 })
  await first.getByTestId('rule-min-cases').fill('25')
  await first.getByText('请重新试运行').waitFor()
  assert.equal(await first.getByTestId('rule-publish').isDisabled(), true, 'a changed draft needs its own dry run')
  await first.getByTestId('dry-run-start').click()
  await first.locator('[data-testid="rule-publish"]:not([disabled])').click()
  await first.getByTestId('published').waitFor()
  const rule = city.world.rules.get('multi-respiratory')!
  assert.equal(city.world.city.rulesVersion, 3)
  assert.equal(rule.version, 2)
  assert.equal(rule.when.type === 'kOf' && rule.when.k, 3)
  const history = first.getByTestId('rule-history')
  await history.getByText('第 3 版').waitFor()
  await history.getByText(city.people.epidemiologist.account).waitFor()
  await shoot(first, 'published-1920')
})

test('BOARD-7 sources say who is silent; a series has its calendar and its neighbours', async () => {
  await second.getByTestId('nav-sources').click()
  const silent = second.locator(`[data-testid="source-list"] [data-key^="${city.silentFacility}|"]`).first()
  await silent.getByText('沉默').waitFor()
  await second.getByTestId('sources-silent').click()
  assert.equal(
    await second.getByTestId('source-list').locator('[role="row"][data-key]').count(),
    await second.locator(`[data-testid="source-list"] [data-key^="${city.silentFacility}|"]`).count(),
  )
  await second.getByTestId('sources-all').click()
  await shoot(second, 'sources-1366')
  await second.getByTestId('nav-series').click()
  await second.getByTestId('series-region').selectOption('330402')
  await second.locator('[data-testid="curve"][data-drawn="true"]').waitFor()
  await second.locator('[data-testid="calendar"][data-drawn="true"][data-days="61"]').waitFor()
  await second.locator('[data-testid="compare"][data-drawn="true"]').waitFor()
  await shoot(second, 'series-1366')
})

test('BOARD-8 the weekly report is a sheet of A4 with the verdicts of the week', async () => {
  await first.getByTestId('nav-weekly').click()
  await first.locator('[data-testid="paper"][data-ready="true"]').waitFor()
  const paper = first.getByTestId('paper')
  await paper.getByTestId('week-alerts').getByText('学校集中补报').waitFor()
  await paper.getByTestId('week-sources').getByText('学校缺课').waitFor()
  await shoot(first, 'weekly-1920')
  const pdf = await first.pdf({ preferCSSPageSize: true })
  await first.pdf({ path: join(artifacts, 'review-weekly.pdf'), preferCSSPageSize: true })
  const boxes = [...pdf.toString('latin1').matchAll(/\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]/g)]
  assert.ok(boxes.length > 0)
  // A4 is 595 × 842 pt.
  for (const [, width, height] of boxes) assert.deepEqual([Number(width), Number(height)].map(Math.round), [595, 842])
  await second.getByTestId('language-switch').click()
  await second.getByTestId('nav-alerts').click()
  await second.getByTestId('alert-list').getByText('To verify').waitFor()
  await second.keyboard.press('j')
  await shoot(second, 'english-1366')
  await second.getByTestId('language-switch').click()
})

test('BOARD-9 pages reached the receiver, signed, receipted, with level, place and link and no name', () => {
  const alert = [...city.world.alerts.values()].find(each => each.ruleId === 'statutory-single')!
  const pages = city.received.filter(page => page.link.includes(alert.alertId))
  assert.ok(pages.length > 0, 'the single case was paged')
  for (const page of city.received) {
    assert.doesNotMatch(JSON.stringify(page), /示例/, 'no personal field leaves by a page')
    assert.ok(page.link.startsWith('http'))
  }
  const kept = [...city.world.pages.values()].filter(page => page.alertId === alert.alertId)
  assert.ok(kept.some(page => page.receiptedAt !== undefined))
  assert.deepEqual(faults, [])
})

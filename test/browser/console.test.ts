/**
 * The console's journeys in a real browser against the scripted city: what a dispatcher, an epidemiologist, an
 * administrator and an auditor must be able to do, what they are told when something is refused or the link is lost, and
 * that nothing is cut off at 1366×768 and 1920×1080. Screenshots go to test/.artifacts.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { keyTable } from '../../console/shell/keys.ts'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import { type DeskServer, serveDesk } from './fixtures/desk/server.ts'

const artifacts = join(import.meta.dirname, '../.artifacts')
const root = join(import.meta.dirname, '../../console')
/** Software WebGL on a shared machine is slow; a journey that needs longer hangs. */
const patienceMs = 30_000

let dist = ''
let one: OpenBrowser
let two: OpenBrowser

before(async () => {
  await mkdir(artifacts, { recursive: true })
  dist = await mkdtemp(join(tmpdir(), 'vigil-console-'))
  await build({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist, emptyOutDir: true, reportCompressedSize: false },
  })
  one = await launchBrowser()
  two = await launchBrowser()
})

after(async () => {
  await one?.close()
  await two?.close()
  await rm(dist, { recursive: true, force: true })
})

/** Runs a journey against a city of its own; faults of a page fail it. */
function journey(
  name: string,
  run: (desk: DeskServer, open: (by: OpenBrowser) => Promise<Page>) => Promise<void>,
): void {
  test(name, async () => {
    const desk = await serveDesk({ dist })
    const pages: Page[] = []
    const faults: string[] = []
    try {
      await run(desk, async by => {
        await by.browser.clearCookies()
        const page = await by.browser.newPage()
        page.setDefaultTimeout(patienceMs)
        page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
        pages.push(page)
        await page.goto(desk.origin)
        return page
      })
      assert.deepEqual(faults, [])
    } finally {
      for (const page of pages) await page.close()
      await desk.close()
    }
  })
}

async function signIn(page: Page, desk: DeskServer, accountId: string, password = desk.password): Promise<void> {
  await page.getByTestId('account').fill(accountId)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('sign-in-submit').click()
}

async function enter(page: Page, desk: DeskServer, accountId: string): Promise<void> {
  await signIn(page, desk, accountId)
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
}

const rowsOf = (page: Page, list: string) => page.getByTestId(list).locator('[role="row"][data-key]')

/** Selects an incident by its row, wherever the window of the list stands. */
async function choose(page: Page, incidentId: string): Promise<void> {
  await page.keyboard.press('/')
  await page.getByTestId('command-input').fill(`F ${incidentId}`)
  await page.keyboard.press('Enter')
  await page.getByTestId('incident-panel').getByText(incidentId, { exact: true }).waitFor()
}

function getUnassigned(desk: DeskServer) {
  const found = [...desk.world.incidents.values()].find(incident => incident.unitIds.length === 0)
  assert.ok(found)
  return found
}

journey(
  'CON-30 signing in: a refusal in words, the lock, the forced change of a first password, the language kept',
  async (desk, open) => {
    const page = await open(one)
    await page.getByTestId('demo-hint').waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
    await signIn(page, desk, 'disp2', 'wrong')
    const refusal = page.getByTestId('refusal')
    await refusal.getByText('账号或口令不正确').waitFor()
    for (let at = 0; at < 5; at++) {
      // Answered before the next try: two clicks on a button that has not begun to turn would be one.
      const answered = page.waitForResponse(response => response.url().endsWith('/v1/session'))
      await page.locator('[data-testid="sign-in-submit"]:not(.ant-btn-loading)').click()
      await answered
    }
    await page.locator('[data-testid="refusal"][data-code="ACCOUNT_LOCKED"]').waitFor()
    await page.getByTestId('language-switch').click()
    await refusal.getByText('Locked after failures; try again in 15 min').waitFor()
    await page.screenshot({ path: join(artifacts, 'console-door.png') })

    await signIn(page, desk, 'fresh')
    await page.getByTestId('password-change').waitFor()
    await page.getByTestId('password-current').fill(desk.password)
    await page.getByTestId('password-next').fill('short')
    await page.getByTestId('password-again').fill('short')
    await page.getByTestId('password-submit').click()
    await page.locator('[data-testid="refusal"][data-code="PASSWORD_WEAK"]').waitFor()
    await page.getByTestId('password-next').fill('a-much-longer-one-2')
    await page.getByTestId('password-again').fill('a-much-longer-one-2')
    await page.getByTestId('password-submit').click()
    await page.getByTestId('page-dispatch').waitFor()
    await page.reload()
    await page.getByTestId('nav-dispatch').getByText('Dispatch').waitFor()
    await page.getByTestId('language-switch').click()
    await page.getByTestId('nav-dispatch').getByText('调度').waitFor()
    await page.getByTestId('sign-out').click()
    await page.getByTestId('sign-in').waitFor()
  },
)

journey(
  'CON-31 two desks: what one does the other sees; a unit grabbed twice is refused with the name beside it',
  async (desk, open) => {
    const first = await open(one)
    const second = await open(two)
    await enter(first, desk, 'disp1')
    await enter(second, desk, 'disp2')
    const incident = getUnassigned(desk)
    await choose(first, incident.incidentId)
    await choose(second, incident.incidentId)
    const nearest = await first.getByTestId('candidate-1').getAttribute('data-unit')
    assert.ok(nearest)
    assert.equal(await second.getByTestId('candidate-1').getAttribute('data-unit'), nearest)
    // Nobody hears anything while both reach for the same unit: the log decides, the second is told who won.
    desk.hush(true)
    await first.keyboard.press('Alt+1')
    await first.getByTestId('candidate-1').getByText('发送中').waitFor({ state: 'detached' })
    assert.equal(desk.world.units.get(nearest)?.incidentId, incident.incidentId)
    await second.keyboard.press('Alt+1')
    const refusal = second.locator('[data-testid="candidates"] [data-testid="refusal"][data-code="UNIT_TAKEN"]')
    await refusal.getByText('王敏').waitFor()
    await second.screenshot({ path: join(artifacts, 'console-unit-taken.png') })
    desk.hush(false)
    // The unit leaves the recommendations for the list of units sent; the refusal goes with it until it is dismissed.
    await second.getByTestId(`task-${nearest}`).waitFor()
    const kept = second.locator('[data-testid="assigned"] [data-testid="refusal"][data-code="UNIT_TAKEN"]')
    await kept.getByRole('button').click()
    await kept.waitFor({ state: 'detached' })
    await first.locator(`[data-testid="task-${nearest}"] .order-mark[data-step="2"]`).waitFor()
    desk.world.setStatus(desk.world.units.get(nearest)!, 'rolling', 'gps')
    await second.locator(`[data-testid="task-${nearest}"] .order-mark[data-step="3"]`).waitFor()
  },
)

journey(
  'CON-32 a call becomes an incident by one key; one without a place waits for a click on the map',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    await page.locator('[data-testid="map"][data-ready="true"]').waitFor()
    const [located, unlocated] = [...desk.world.calls.values()]
    assert.ok(located && unlocated && located.lon !== undefined && unlocated.lon === undefined)
    await page.keyboard.press('F1')
    await page.getByTestId('incident-panel').getByTestId('stamps').getByText('受理').waitFor()
    assert.ok(located.incidentId)
    assert.equal(desk.world.incidents.get(located.incidentId)?.level, located.level)

    await page.keyboard.press('F1')
    await page.getByTestId('draft-form').waitFor()
    assert.equal(await page.getByTestId('draft-submit').isDisabled(), true)
    // Without a place the address has the focus: the level is one key away.
    await page.keyboard.press('F4')
    await page.keyboard.press('2')
    await page.locator('[data-testid="draft-level-2"][aria-pressed="true"]').waitFor()
    await page.getByTestId('draft-address').fill('F1 路 2 号,j k 1 2 都是字')
    const map = await page.getByTestId('map').boundingBox()
    assert.ok(map)
    await page.mouse.click(map.x + map.width * 0.46, map.y + map.height * 0.45)
    await page.locator('[data-testid="draft-place"] b').waitFor()
    await page.screenshot({ path: join(artifacts, 'console-draft.png') })
    await page.keyboard.press('Control+Enter')
    await page.getByTestId('incident-panel').waitFor()
    assert.ok(unlocated.incidentId)
    const incident = desk.world.incidents.get(unlocated.incidentId)
    assert.equal(incident?.level, 2)
    assert.deepEqual(incident?.sealedFields, ['addressText'])
  },
)

journey(
  'CON-33 level by two keys, status by two keys, note, release with a reason, close with an outcome',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    const incident = [...desk.world.incidents.values()].find(each => each.unitIds.length === 1 && each.level !== 4)
    assert.ok(incident)
    const unit = desk.world.units.get(incident.unitIds[0]!)!
    await choose(page, incident.incidentId)
    await page.keyboard.press('4')
    await page.getByTestId('level-confirm').waitFor()
    await page.keyboard.press('Escape')
    await page.getByTestId('level-confirm').waitFor({ state: 'detached' })
    assert.notEqual(incident.level, 4)
    await page.keyboard.press('4')
    await page.keyboard.press('Enter')
    await page.locator('[data-testid="level-4"][aria-pressed="true"]').waitFor()
    assert.equal(incident.level, 4)

    await page.getByTestId(`task-${unit.unitId}`).click()
    await page.keyboard.press('s')
    await page.getByTestId('status-strip').waitFor()
    // A letter that is no status does nothing, and no other action hears it.
    await page.keyboard.press('w')
    await page.getByTestId('status-strip').waitFor()
    await page.keyboard.press('y')
    await page.getByTestId('status-strip').waitFor({ state: 'detached' })
    await page.getByTestId(`task-${unit.unitId}`).getByText('载人').waitFor()

    await page.keyboard.press('w')
    await page.keyboard.type('家属在北门, x r s 1')
    await page.keyboard.press('Control+Enter')
    await page.getByText('1 条备注').waitFor()
    assert.deepEqual(desk.world.readNotes(incident.incidentId), ['家属在北门, x r s 1'])

    await page.keyboard.press('Escape')
    await page.keyboard.press('x')
    await page.getByTestId('close-treated-on-scene').click()
    await page.locator('[data-testid="refusal"][data-code="INCIDENT_BUSY"]').getByText('仍有车组执行任务').waitFor()
    await page.keyboard.press('r')
    await page.getByTestId('release-cancelled').click()
    await page.getByTestId(`task-${unit.unitId}`).waitFor({ state: 'detached' })
    await page.keyboard.press('x')
    await page.getByTestId('close-cancelled').click()
    await page.getByTestId('incident-panel').getByText('已关闭', { exact: false }).first().waitFor()
    assert.equal(incident.outcome, 'cancelled')
    // Esc leaves one thing at a time: the unit, then the case.
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByTestId('overview').waitFor()
    await page.getByTestId('history-open').click()
    await page.getByTestId('closed-incidents').getByText(incident.incidentId.split('-').at(-1)!).first().waitFor()
  },
)

journey('CON-34 personal data: warned first, shown on demand, gone with the record', async (desk, open) => {
  const page = await open(one)
  await enter(page, desk, 'leader')
  const [first, second] = [...desk.world.incidents.values()]
  assert.ok(first && second)
  await choose(page, first.incidentId)
  await page.getByTestId('person').getByText('查看将被记录').waitFor()
  assert.equal(await page.getByTestId('person-fields').count(), 0)
  await page.keyboard.press('p')
  await page.getByTestId('person-fields').getByText('示例路 12 号 3 幢').waitFor()
  await page.getByTestId('person-fields').getByText('13800000000').waitFor()
  await choose(page, second.incidentId)
  await page.getByTestId('person-fields').waitFor({ state: 'detached' })
  await page.getByTestId('timeline').waitFor()
})

journey(
  'CON-35 the command line: an unknown word suggests and changes nothing, a known one says what it will do',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    const incident = getUnassigned(desk)
    const seq = desk.world.trail.length
    await page.keyboard.press('/')
    await page.getByTestId('command-input').fill('dispach 1 2')
    await page.keyboard.press('Enter')
    await page.getByTestId('command-reading').getByText('什么都没有改变').waitFor()
    await page.getByTestId('command-reading').getByText('D 事件 车组').waitFor()
    assert.equal(desk.world.trail.length, seq)
    const unit = [...desk.world.units.values()].find(each => each.status === 'idle' && !each.silent)!
    await page.getByTestId('command-input').fill(`d ${incident.incidentId} ${unit.unitId}`)
    await page.getByTestId('command-reading').getByText(`派 ${unit.name} 到事件`).waitFor()
    await page.screenshot({ path: join(artifacts, 'console-command.png') })
    await page.keyboard.press('Enter')
    await page.getByTestId(`task-${unit.unitId}`).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.press('ArrowUp')
    assert.equal(await page.getByTestId('command-input').inputValue(), `d ${incident.incidentId} ${unit.unitId}`)
    await page.keyboard.press('Escape')
    await page.getByTestId('command-line').waitFor({ state: 'detached' })
  },
)

journey(
  'CON-36 a silent link makes data old, a torn one offline, both with their age; a missed packet is fetched again',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    desk.skipPacket()
    const before = desk.resyncs()
    for (let at = 0; desk.resyncs() === before && at < 100; at++) await page.waitForTimeout(100)
    assert.ok(desk.resyncs() > before)
    desk.hush(true)
    await page.locator('[data-testid="link"][data-state="old"]').waitFor()
    await page.getByTestId('band').getByText('没有收到新数据').waitFor()
    desk.hush(false)
    await page.locator('[data-testid="link"][data-state="live"]').waitFor()
    assert.equal(await page.getByTestId('band').count(), 0)
    desk.cut(true)
    await page.locator('[data-testid="link"][data-state="offline"]').waitFor()
    await page.getByTestId('band').getByText('请用电话指挥').waitFor()
    assert.ok((await rowsOf(page, 'queue-list').count()) > 0)
    await page.screenshot({ path: join(artifacts, 'console-offline.png') })
    desk.cut(false)
    await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  },
)

journey(
  'CON-37 an alert says why, shows its curve, is acknowledged here and seen there, and closes with a reason',
  async (desk, open) => {
    const first = await open(one)
    const second = await open(two)
    await enter(first, desk, 'epi1')
    await enter(second, desk, 'epi2')
    const outbreak = desk.world.alerts.get('a-1')!
    for (const page of [first, second]) await rowsOf(page, 'alert-list').and(page.locator('[data-key="a-1"]')).click()
    await first.getByTestId('why').getByText('需要 2 类独立来源同时异常,现有 3 类'.replace(',', '，')).waitFor()
    const observed = String(outbreak.evidence[0]!.observed)
    await first.getByTestId('sources').getByText(observed, { exact: true }).waitFor()
    // One curve large, the other sources in strips under it.
    await first.locator('[data-testid="curve"][data-drawn="true"]').waitFor()
    assert.equal(await first.getByTestId('curve').count(), 1)
    await first.locator('[data-testid="aligned"][data-drawn="true"]').waitFor()
    await first.locator('[data-testid="map"][data-ready="true"]').waitFor()
    await first.screenshot({ path: join(artifacts, 'console-alert-1366.png') })
    await first.keyboard.press('a')
    await second.getByTestId('acknowledged-by').getByText('林岚').waitFor()
    await second.keyboard.press('w')
    await second.keyboard.type('已联系学校 a x')
    await second.keyboard.press('Control+Enter')
    await first.locator('.notes').getByText('已联系学校 a x').waitFor()
    await second.keyboard.press('Escape')
    await second.keyboard.press('x')
    assert.equal(await second.getByTestId('verdict-confirmed').isDisabled(), true)
    await second.getByTestId('alert-reason').fill('实验室检出诺如病毒')
    await second.getByTestId('verdict-confirmed').click()
    await first.locator('[data-testid="evidence"][data-state="closed"]').waitFor()
    await first.getByTestId('closed-by').getByText('实验室检出诺如病毒').waitFor()
    await first.getByTestId('inbox-history').click()
    await first.getByTestId('history-a-1').waitFor()
    await first.getByTestId('nav-series').click()
    await first.getByTestId('series-region').selectOption('330482')
    await first.getByTestId('series-syndrome').selectOption('diarrhoeal')
    await first.locator('[data-testid="curve"][data-drawn="true"]').waitFor()
    await first.getByTestId('series-side-table').click()
    await first.getByTestId('series-table').getByText('报警').first().waitFor()
    await first.getByTestId('series-period').selectOption('hour')
    await first.getByTestId('empty').waitFor()
  },
)

journey(
  'CON-38 an administrator sees a first password once; an auditor reads what was done and refused',
  async (desk, open) => {
    const admin = await open(one)
    await enter(admin, desk, 'admin')
    await admin.getByTestId('account-new').click()
    await admin.locator('#accountId').fill('newdisp')
    await admin.locator('#name').fill('新调度')
    await admin.locator('#roles').click()
    await admin.locator('.ant-select-item-option', { hasText: '调度员' }).click()
    await admin.keyboard.press('Escape')
    await admin.getByTestId('account-save').click()
    await admin.getByTestId('secret').getByText('first-secret-4711').waitFor()
    await admin.getByTestId('secret-seen').click()
    assert.equal(await admin.getByText('first-secret-4711').count(), 0)
    await admin.getByTestId('admin-rules').click()
    await admin.getByTestId('rules').getByText('至少 2 类独立来源').waitFor()
    await admin.getByTestId('admin-health').click()
    await admin.getByTestId('health').getByText('log.seq').waitFor()

    const uuid = '7b7e4f2a-6f3e-4c60-9a53-0b6f8f0f1a11'
    const say = {
      kind: 'incident.unitAssigned',
      uuid,
      occurredAt: Date.now(),
      body: { incidentId: 'nowhere', unitId: 'u001' },
    }
    desk.world.say(say, { accountId: 'disp1', name: '王敏' }, Date.now())
    const auditor = await open(two)
    await enter(auditor, desk, 'audit')
    await auditor.getByTestId('audit-table').getByText('拒绝：INCIDENT_UNKNOWN').waitFor()
  },
)

journey(
  'CON-39 every key stands in the help; typing into a field is never taken for a key; Esc always leaves',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    await page.keyboard.press('?')
    const help = page.getByTestId('help')
    await help.waitFor()
    const shown = await help.locator('kbd').allTextContents()
    for (const row of keyTable) assert.ok(shown.includes(row.shown), row.id)
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await page.getByTestId('unit-search').fill('')
    await page.getByTestId('unit-search').pressSequentially('nxsa?/v1')
    assert.equal(await page.getByTestId('unit-search').inputValue(), 'nxsa?/v1')
    assert.equal(await page.getByTestId('draft-form').count(), 0)
    assert.equal(await help.count(), 0)
    assert.equal(await page.getByTestId('command-line').count(), 0)
  },
)

journey(
  'CON-40 lists are walked by arrows with one tab stop, and the focused row is the selected one',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    await page.keyboard.press('q')
    const list = page.getByTestId('queue-list')
    const first = await list.locator('[role="row"][aria-selected="true"]').getAttribute('data-key')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-key'))
    assert.ok(focused && focused !== first)
    assert.equal(await list.locator('[role="row"][aria-selected="true"]').getAttribute('data-key'), focused)
    assert.equal(await list.locator('[role="row"][tabindex="0"]').count(), 1)
    await page.keyboard.press('End')
    const last = await page.evaluate(() => document.activeElement?.getAttribute('data-key'))
    assert.ok(last && last !== focused)
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
    assert.equal(outline, 'solid')
  },
)

journey(
  'CON-41 nothing a person acts on is cut off, at 1366×768 and 1920×1080, in both languages',
  async (desk, open) => {
    const page = await open(one)
    await enter(page, desk, 'disp1')
    const incident = getUnassigned(desk)
    await choose(page, incident.incidentId)
    await page.keyboard.press('Alt+1')
    await page.locator('.task-row').waitFor()
    // The longest words of a unit's way, whatever time the machine takes.
    desk.world.setStatus(desk.world.units.get(incident.unitIds[0]!)!, 'at-hospital', 'gps')
    await page.locator('.task-row .order-mark[data-step="3"]').waitFor()
    await page.locator('[data-testid="map"][data-ready="true"]').waitFor()
    const listCut = () =>
      page.evaluate(() => {
        const cut: string[] = []
        for (const element of document.querySelectorAll<HTMLElement>(
          '.act, .tab, .chip, .top-cell, .top-seat, .grid-row > :last-child',
        )) {
          const box = element.getBoundingClientRect()
          if (box.width === 0) continue
          const frame = (element.closest('.panel, .top, .map-panel') ?? document.body).getBoundingClientRect()
          if (
            box.right > frame.right + 0.5 ||
            box.left < frame.left - 0.5 ||
            element.scrollWidth > element.clientWidth + 1
          )
            cut.push(
              `${element.className} ${element.textContent} ${Math.round(box.right)} > ${Math.round(frame.right)}`,
            )
        }
        return cut
      })
    for (const language of ['zh', 'en']) {
      for (const [width, height] of [
        [1366, 768],
        [1920, 1080],
      ] as const) {
        await page.setViewportSize({ width, height })
        await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))))
        await page.screenshot({ path: join(artifacts, `console-dispatch-${language}-${width}.png`) })
        assert.deepEqual(await listCut(), [], `${language} ${width}`)
      }
      if (language === 'zh') {
        await page.getByTestId('language-switch').click()
        // The ground's own words follow the language too.
        await page.locator('.vigil-hud-schematic').getByText('Schematic').waitFor()
      }
    }
    await page.getByTestId('language-switch').click()
    await page.setViewportSize({ width: 1366, height: 768 })
  },
)

test('CON-42 without WebGL the lists work and the map says why it is missing', async () => {
  const desk = await serveDesk({ dist })
  const bare = await launchBrowser({ switches: ['--disable-3d-apis'] })
  try {
    const page = await bare.browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(desk.origin)
    await enter(page, desk, 'disp1')
    await page.getByTestId('map-unavailable').waitFor()
    const incident = getUnassigned(desk)
    await choose(page, incident.incidentId)
    await page.keyboard.press('Alt+1')
    await page.locator('.task-row').waitFor()
    await page.screenshot({ path: join(artifacts, 'console-no-webgl.png') })
  } finally {
    await bare.close()
    await desk.close()
  }
})

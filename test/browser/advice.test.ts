/**
 * The advised units in a real browser against the scripted city: rows with arrival, road, reason and cover; keys; who was left out;
 * how the drives were found, in both languages; and the straight-line list when the server has no advice.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { build } from 'vite'
import { AdviceView } from '#contract/view.ts'
import { launchBrowser } from '../help/browser.ts'
import { serveDesk } from './fixtures/desk/server.ts'

const artifacts = join(import.meta.dirname, '../.artifacts')
const root = join(import.meta.dirname, '../../console')
const patienceMs = 30_000

const terms = {
  start: 0,
  turnout: 60,
  drive: 312,
  spread: 37,
  coverageLoss: 0,
  scarcity: 0,
  shortfall: 0,
  crossArea: 0,
  staleFix: 0,
  diversion: 0,
}

test('REC-60 the drawer shows the advice, orders by its keys, says how it was found, and falls back when there is none', async () => {
  await mkdir(artifacts, { recursive: true })
  const dist = await mkdtemp(join(tmpdir(), 'vigil-console-'))
  const own = await launchBrowser()
  let desk: Awaited<ReturnType<typeof serveDesk>> | undefined
  try {
    await build({
      root,
      configFile: join(root, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir: dist, emptyOutDir: true, reportCompressedSize: false },
    })
    desk = await serveDesk({ dist })
    const { world } = desk
    const incident = [...world.incidents.values()].find(each => each.state === 'open' && each.unitIds.length === 0)
    assert.ok(incident)
    const idle = [...world.units.values()].filter(unit => unit.status === 'idle' && !unit.silent)
    assert.ok(idle.length >= 8)
    const row = (at: number) => ({
      unitId: idle[at]!.unitId,
      rank: at + 1,
      etaP50S: 372 + at * 60,
      etaP90S: 521 + at * 60,
      roadKm: 4.2 + at,
      why: { zh: `理由${at}`, en: `reason ${at}` },
      terms,
      scoreS: 409,
      coverLoss: at === 1 ? 0.04 : 0.01,
      staleFix: false,
      missingWants: [],
    })
    let travel: Pick<AdviceView, 'travel' | 'travelWhy'> = { travel: 'roads' }
    let isAnswered = true
    const taken = new Set<string>()

    await own.browser.clearCookies()
    const page = await own.browser.newPage()
    page.setDefaultTimeout(patienceMs)
    const faults: string[] = []
    page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
    await page.route('**/v1/incidents/*/advice', async route => {
      if (!isAnswered) return route.fulfill({ status: 503, json: { code: 'STOPPING', zh: '停机', en: 'stopping' } })
      const view = AdviceView.parse({
        incidentId: incident.incidentId,
        incidentVersion: incident.version,
        level: incident.level,
        computedAt: Date.now(),
        settingsVersion: 'test',
        ...travel,
        coverTravel: 'roads',
        wants: ['defibrillator'],
        rows: [0, 1, 2, 3, 4].map(row).filter(each => !taken.has(each.unitId)),
        capableUnitId: idle[2]!.unitId,
        soonFree: [{ ...row(5), rank: 1 }],
        nearer: [{ unitId: idle[6]!.unitId, crowKm: 1.2, code: 'SILENT', why: { zh: '失联', en: 'silent' } }],
      })
      return route.fulfill({ json: view })
    })
    await page.goto(desk.origin)
    await page.getByTestId('account').fill('disp1')
    await page.getByTestId('password').fill(desk.password)
    await page.getByTestId('sign-in-submit').click()
    await page.locator('[data-testid="link"][data-state="live"]').waitFor()
    await page.keyboard.press('/')
    await page.getByTestId('command-input').fill(`F ${incident.incidentId}`)
    await page.keyboard.press('Enter')

    const list = page.getByTestId('candidates')
    await list.locator('[data-testid="advice-travel"][data-travel="roads"]').getByText('按道路').waitFor()
    const first = page.getByTestId('candidate-1')
    assert.equal(await first.getAttribute('data-unit'), idle[0]!.unitId)
    const text = (await first.textContent()) ?? ''
    for (const part of ['6:12', '8:41', '4.2 km', '理由0']) assert.ok(text.includes(part), `${part} in ${text}`)
    assert.ok((await page.getByTestId('candidate-3').textContent())?.includes('能力齐备中最快'))
    const bar = (at: number) => page.getByTestId(`candidate-${at}`).locator('meter').getAttribute('value')
    assert.deepEqual([await bar(1), await bar(2)], ['0.25', '1'])
    const left = list.locator('[data-testid="advice-nearer"][data-code="SILENT"]')
    assert.ok((await left.textContent())?.includes('失联'))
    await list.getByTestId('advice-soon').getByText('交接后可派，届时更快').waitFor()
    await page.screenshot({ path: join(artifacts, 'console-advice.png') })

    await page.keyboard.press('Alt+2')
    await page.getByTestId(`task-${idle[1]!.unitId}`).waitFor()
    assert.equal(world.units.get(idle[1]!.unitId)?.incidentId, incident.incidentId)
    // Until the next answer the key of the sent unit rests and no other unit moves under it; then it is gone.
    taken.add(idle[1]!.unitId)
    await page.locator(`[data-testid="candidates"] [data-unit="${idle[1]!.unitId}"]`).waitFor({ state: 'detached' })
    assert.equal(await page.getByTestId('candidate-1').getAttribute('data-unit'), idle[0]!.unitId)

    travel = {
      travel: 'straight-line',
      travelWhy: { code: 'late', zh: '路网查询超时', en: 'the road search did not answer in time' },
    }
    const straight = list.locator('[data-testid="advice-travel"][data-travel="straight-line"]')
    await straight.getByText('直线距离').waitFor()
    assert.ok((await straight.textContent())?.includes('路网查询超时'))
    await page.getByTestId('language-switch').click()
    await straight.getByText('straight-line distance').waitFor()
    assert.ok((await straight.textContent())?.includes('the road search did not answer in time'))
    assert.ok(((await first.textContent()) ?? '').includes('reason 0'))

    isAnswered = false
    await list.getByText('Nearest idle units').waitFor()
    assert.equal(await list.getByTestId('advice-travel').count(), 0)
    await page.getByTestId('assign-1').waitFor()
    assert.deepEqual(faults, [])
    await page.close()
  } finally {
    await desk?.close()
    await own.close()
    await rm(dist, { recursive: true, force: true })
  }
})

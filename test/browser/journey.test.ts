/**
 * The journey of both desks against everything that is real: `npm run demo` brings up the database, the server, the gateway and
 * the living city; two dispatchers and two epidemiologists sign in with a browser each. Screenshots go to test/.artifacts.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'

const root = resolve(import.meta.dirname, '../..')
const artifacts = join(root, 'test/.artifacts')
const readyMaxMs = 300_000
/** Waits are generous: nothing here is about time, and the machine may be busy. */
const waitMs = 240_000

let demo: ChildProcess
let url = ''
let password = ''
let directory = ''
const browsers: OpenBrowser[] = []

/** A browser of its own for one person, signed in. */
async function openDesk(accountId: string, width: number, height: number): Promise<Page> {
  const opened = await launchBrowser({ width, height })
  browsers.push(opened)
  const page = await opened.browser.newPage()
  page.setDefaultTimeout(waitMs)
  await page.goto(url)
  await page.getByTestId('account').fill(accountId)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('sign-in-submit').click()
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  return page
}

const shoot = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `journey-${name}.png`) })

before(async () => {
  await mkdir(artifacts, { recursive: true })
  directory = await mkdtemp(join(tmpdir(), 'vigil-journey-'))
  demo = spawn(
    process.execPath,
    ['simulations/demo.ts', '--data', directory, '--port', '0', '--seed', '7', '--pace', '1440'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let said = ''
  await new Promise<void>((ready, fail) => {
    const timer = setTimeout(() => fail(new Error(`the demo did not start:\n${said.slice(-3_000)}`)), readyMaxMs)
    const read = (chunk: Buffer) => {
      said = (said + chunk).slice(-20_000)
      url = /demo +(http:\/\/\S+)/.exec(said)?.[1] ?? url
      password = /口令 password, for all: (\S+)/.exec(said)?.[1] ?? password
      if (!url || !password) return
      clearTimeout(timer)
      ready()
    }
    demo.stdout!.on('data', read)
    demo.stderr!.on('data', read)
    demo.once('exit', code => fail(new Error(`the demo ended with ${code}:\n${said.slice(-3_000)}`)))
  })
})

afterEach(async () => {
  // Software rendering of four maps would take the machine from what is watched.
  for (const opened of browsers.splice(0)) await opened.close()
})

after(async () => {
  const ended = new Promise(done => demo.once('exit', done))
  demo.kill('SIGINT')
  await ended
  await rm(directory, { recursive: true, force: true })
})

test('E2E-1 a call rings, a unit is sent by key and drives; the other desk sees it', async () => {
  const desk = await openDesk('desk1', 1920, 1080)
  const other = await openDesk('desk2', 1366, 768)
  await desk.locator('[data-testid="map"][data-ready="true"]').waitFor()
  await desk.getByTestId('ringing').waitFor()
  await shoot(desk, 'ringing-1920')
  // A ring says where the operator believes the caller is and nothing more: F1 picks up and opens the form. The seats of the
  // simulation pick up too; who is beaten to a call takes the next.
  const form = desk.getByTestId('draft-form')
  for (let n = 0; n < waitMs / 2_000 && (await form.count()) === 0; n++) {
    await desk.keyboard.press('F1')
    await form.waitFor({ timeout: 2_000 }).catch(() => undefined)
  }
  await form.waitFor()
  await shoot(desk, 'form-1920')
  await desk.keyboard.press('Alt+Enter')
  await desk.getByTestId('incident-panel').getByTestId('stamps').getByText('受理').waitFor()
  const unitId = await desk.getByTestId('candidate-1').getAttribute('data-unit')
  assert.ok(unitId, 'a unit is proposed')
  await desk.keyboard.press('Alt+1')
  await desk.getByTestId(`task-${unitId}`).waitFor()
  // The simulated crew takes the order and rolls.
  await desk
    .getByTestId(`task-${unitId}`)
    .getByText(/出车|现场/)
    .waitFor()
  await shoot(desk, 'sent-1920')
  await shoot(other, 'other-1366')
  const incident = await desk.getByTestId('incident-panel').locator('small, .faint, .muted').first().textContent()
  assert.ok(incident)
  assert.ok(
    (await other.getByTestId('queue').locator('[role="row"][data-key]').count()) > 0,
    'the other desk shows cases',
  )
})

test('E2E-2 the planted outbreak raises an alert that says why; an acknowledgement reaches the second screen', async t => {
  const first = await openDesk('cdc1', 1920, 1080)
  const second = await openDesk('cdc2', 1366, 768)
  const inbox = first.locator('[data-testid="page-alerts"] [role="row"][data-key]')
  await inbox.first().waitFor()
  await first.keyboard.press('j')
  const why = first.getByTestId('why')
  await why.waitFor()
  const said = (await why.textContent()) ?? ''
  for (const word of ['来源', '预期', '阈值', '规则'])
    assert.ok(said.includes(word), `the reason names ${word}: ${said}`)
  await first.getByTestId('curve').first().waitFor()
  await first.waitForTimeout(1_500)
  await shoot(first, 'alert-1920')
  await second.locator('[data-testid="page-alerts"] [role="row"][data-key]').first().waitFor()
  await second.keyboard.press('j')
  await second.getByTestId('why').waitFor()
  const sentAt = Date.now()
  await first.keyboard.press('a')
  await second.getByTestId('acknowledged-by').waitFor()
  t.diagnostic(`acknowledgement on the second screen after ${Date.now() - sentAt} ms`)
  await shoot(second, 'acknowledged-1366')
  await second.getByTestId('language-switch').click()
  await second.getByText('Acknowledged', { exact: false }).first().waitFor()
  await shoot(second, 'english-1366')
})

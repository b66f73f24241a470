/**
 * A shift of ten calls by keyboard only against the real server: its own embedded database, the names and roads of the demo city,
 * calls posted as a switchboard would. Nothing here touches the mouse. Screenshots go to test/.artifacts for eyes to judge.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import type { Incident } from '../../server/state/world.ts'
import { listHourFactors, SPEED_KMH, tellRegister } from '../../simulations/city.ts'
import { drawGazetteer, type NameRow, writeGazetteer } from '../../simulations/gazetteer.ts'
import { packCity, packRoads, seedCity } from '../../simulations/seed.ts'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import { startTestServer, type TestServer } from '../help/server.ts'

const root = resolve(import.meta.dirname, '../..')
const artifacts = join(root, 'test/.artifacts')
const day = '2026-11-21'
/** Waits are generous: nothing here is about time, and the machine may be busy. */
const waitMs = 30_000

let server: TestServer
let directory = ''
let reporting: NodeJS.Timeout | undefined
let rows: NameRow[] = []
const browsers: OpenBrowser[] = []
const city = seedCity({ seed: 7, units: 40 })

const say = async (kind: string, body: unknown) => {
  const entry = { kind, uuid: randomUUID(), occurredAt: Date.now(), body }
  const { body: answer } = await server.post([entry])
  assert.equal(answer.outcomes?.[0]?.result, 'done', `${kind}: ${JSON.stringify(answer)}`)
}

/** Waits until the world of the server is as wanted. */
async function until<T>(what: string, find: () => T | undefined | false): Promise<T> {
  const endAt = Date.now() + waitMs
  for (;;) {
    const found = find()
    if (found) return found
    if (Date.now() > endAt) throw new Error(`waited in vain: ${what}`)
    await new Promise(done => setTimeout(done, 50))
  }
}

before(async () => {
  await mkdir(artifacts, { recursive: true })
  directory = await mkdtemp(join(tmpdir(), 'vigil-shift-'))
  const pack = join(directory, 'pack')
  await mkdir(pack)
  rows = drawGazetteer(city)
  await writeFile(join(pack, 'pack.json'), JSON.stringify(packCity(city, day)))
  await writeFile(join(pack, 'roads.json'), JSON.stringify(packRoads(city, day, SPEED_KMH, listHourFactors())))
  await writeFile(join(pack, 'gazetteer.ndjson'), writeGazetteer(rows, 'shift', day).join('\n'))
  const { mkdirSync } = await import('node:fs')
  mkdirSync(join(directory, 'house'))
  await build({
    root: join(root, 'console'),
    configFile: join(root, 'console/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: join(root, 'console/dist'), emptyOutDir: true, reportCompressedSize: false },
  })
  server = await startTestServer({ environment: { VIGIL_REGION_PACK: pack, VIGIL_DEMO: 'true' } })
  const at = Date.now()
  const told = [...tellRegister(city, at)]
  for (let from = 0; from < told.length; from += 500)
    await server.post(
      told.slice(from, from + 500).map(({ kind, body }) => ({ kind, uuid: randomUUID(), occurredAt: at, body })),
    )
  // Every unit stands at its station and says so, as long as the shift lasts.
  let seq = 0
  const report = () => {
    seq++
    return server.post(
      city.units.map((unit, n) => ({
        kind: 'unit.position',
        occurredAt: Date.now(),
        source: `gps-${n}`,
        epoch: 'e',
        seq,
        body: { unitId: unit.id, lon: city.graph.lon[unit.node], lat: city.graph.lat[unit.node], speedKmh: 0 },
      })),
    )
  }
  await report()
  reporting = setInterval(() => void report().catch(() => undefined), 15_000)
})

after(async () => {
  // What was on the screen when something failed is worth more than a stack.
  for (const opened of browsers) {
    const page = opened.browser.pages().at(-1)
    await page?.screenshot({ path: join(artifacts, 'shift-last.png') }).catch(() => undefined)
  }
  clearInterval(reporting)
  for (const opened of browsers.splice(0)) await opened.close()
  await server?.remove()
  await rm(directory, { recursive: true, force: true })
})

async function openDesk(width: number, height: number): Promise<Page> {
  const opened = await launchBrowser({ width, height })
  browsers.push(opened)
  const page = await opened.browser.newPage()
  page.setDefaultTimeout(waitMs)
  const accountId = `desk${width}`
  const { password } = await server.addPerson(accountId, ['dispatcher'], ['330400'])
  await page.goto(server.url)
  await page.getByTestId('account').waitFor()
  await page.keyboard.press('Tab')
  await page.getByTestId('account').focus()
  await page.keyboard.type(accountId)
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  return page
}

const shoot = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `shift-${name}.png`) })
const initialsOf = async (name: string) => {
  const { plainText, readUnits } = await import('../../server/addresses/pinyin.ts')
  return readUnits(plainText(name))
    .map(unit => unit.readings[0]?.[0] ?? unit.char)
    .join('')
}
let rung = 0
/** A call rings without a place, as most do. */
async function ring(more: Record<string, unknown> = {}): Promise<string> {
  const callId = `C-${++rung}`
  await say('call.received', { callId, regionCode: '330402', callerNumber: `1380000${1000 + rung}`, ...more })
  return callId
}

/** Answers by F1, takes the address as typed, the level, and what else is pressed; returns the incident of the call. */
async function takeCall(page: Page, callId: string, address: string, level: string): Promise<void> {
  await page.getByTestId('call-list').locator(`[data-key="${callId}"]`).waitFor()
  await page.keyboard.press('F1')
  await page.getByTestId('draft-form').waitFor()
  await page.keyboard.press('F3')
  await page.keyboard.type(address)
  await page.getByTestId('address-hit-1').waitFor()
  await page.keyboard.press('Enter')
  await page.locator('[data-testid="draft-place"] b').waitFor()
  await page.keyboard.press('Enter')
  await page.keyboard.press(level)
  await page.locator(`[data-testid="draft-level-${level}"][aria-pressed="true"]`).waitFor()
}
/** The incident of a call, once the desk shows it too. */
async function incidentOf(page: Page, callId: string): Promise<Incident> {
  const incident = await until(`an incident of ${callId}`, () =>
    [...server.world.incidents.values()].find((each: Incident) => each.callIds.includes(callId)),
  )
  await page.getByTestId('incident-panel').getByText(incident.incidentId, { exact: true }).waitFor()
  return incident
}
/** Status of the unit on a case by the command line, as a dispatcher types what the radio says. */
async function command(page: Page, line: string): Promise<void> {
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.getByTestId('command-input').waitFor()
  await page.keyboard.type(line)
  await page.keyboard.press('Enter')
  await page.getByTestId('command-input').waitFor({ state: 'detached' })
}
const unitName = (unitId: string) => server.world.units.get(unitId)!.name.replace(' ', '')

test('SHIFT-1 ten calls by keyboard only: address by initials, landmark, junction, mile post and position; questions while it rolls', async t => {
  const page = await openDesk(1366, 768)
  let clicks = 0
  await page.exposeFunction('noteClick', () => clicks++)
  await page.evaluate('addEventListener("pointerdown", () => noteClick(), true)')
  const faults: string[] = []
  page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
  const junction = rows.find(each => each.kind === 'junction' && each.regionCode?.startsWith('330402'))!
  const landmark = rows.find(each => each.kind === 'landmark' && each.regionCode?.startsWith('330402'))!
  const hospital = rows.find(each => each.kind === 'facility' && each.name.includes('医院'))!
  const road = rows.find(each => each.posts && each.code === 'G91')!

  // 1: pinyin initials, level by one key, the best unit by one more.
  const first = await ring()
  await takeCall(page, first, 'zsl', '2')
  await shoot(page, 'address-1366')
  await page.keyboard.press('Control+Enter')
  const one = await incidentOf(page, first)
  await until('a unit on the first case', () => one.unitIds[0])
  assert.equal(one.level, 2)
  assert.ok(one.gazetteerId && rows.find(each => each.id === one.gazetteerId)?.name === '中山路')
  await shoot(page, 'sent-1366')

  // 2: a landmark by its initials; the complaint opens the questions; the unit goes first, the questions go on.
  const second = await ring()
  await takeCall(page, second, await initialsOf(landmark.name), '2')
  await page.keyboard.type('xt')
  await page.getByTestId('pack-offer-chest-pain').waitFor()
  await page.keyboard.press('Enter')
  await page.getByTestId('pack-question').waitFor()
  await shoot(page, 'questions-1366')
  await page.keyboard.press('Control+Enter')
  const two = await incidentOf(page, second)
  await until('a unit on the second case', () => two.unitIds[0])
  await page.keyboard.press('F2')
  for (const [question, key] of [
    ['awake', '1'],
    ['kind', '1'],
    ['spread', '1'],
    ['sweat', '1'],
  ] as const) {
    await page.locator(`[data-testid="pack-question"][data-question="${question}"]`).waitFor()
    await page.keyboard.press(key)
  }
  await page.locator('[data-testid="pack-question"][data-question="since"]').waitFor()
  // One back, and another answer.
  await page.keyboard.press('Backspace')
  await page.locator('[data-testid="pack-question"][data-question="sweat"]').waitFor()
  await page.keyboard.press('1')
  await page.locator('[data-testid="pack-proposal"][data-level="1"]').waitFor()
  await page.keyboard.press('0')
  await until('the proposed level taken', () => two.level === 1)
  await page.keyboard.press('1')
  await page.keyboard.press('2')
  await page.getByTestId('pack-end').waitFor()
  await until('the answers in the line', () => two.packRuns?.[0]?.isEnded)
  assert.equal(two.packRuns?.[0]?.answers.length, 6)
  assert.equal(two.syndrome, 'cardiac')
  await shoot(page, 'asked-1366')
  await page.keyboard.press('F2')

  // 3: a junction by two roads; arrest: the beat sounds, the case is level I.
  const third = await ring()
  await takeCall(page, third, junction.roads!.join(' '), '1')
  await page.keyboard.type('xtzt')
  await page.getByTestId('pack-offer-arrest').waitFor()
  await page.keyboard.press('Enter')
  await page.locator('[data-testid="pack-metronome"][aria-pressed="true"]').waitFor()
  await page.keyboard.press('Control+Enter')
  const three = await incidentOf(page, third)
  await until('a unit on the third case', () => three.unitIds[0])
  assert.equal(three.gazetteerId, junction.id)
  await until('arrest in the line', () => three.complaintCode === 'arrest')
  await shoot(page, 'arrest-1366')

  // 4: a mile post on the expressway.
  const fourth = await ring()
  await takeCall(page, fourth, `${road.code} K6+300`, '3')
  await page.keyboard.press('Control+Enter')
  const four = await incidentOf(page, fourth)
  const post = road.posts!.find(each => each[0] === 6_500)!
  assert.ok(Math.hypot(four.lon - post[1], four.lat - post[2]) < 0.02)
  await until('a unit on the fourth case', () => four.unitIds[0])

  // 5: a pasted position outside every region: taken, with its mark.
  const fifth = await ring()
  await takeCall(page, fifth, '121.4737, 31.2304', '3')
  await page.getByTestId('draft-outside').waitFor()
  await shoot(page, 'outside-1366')
  await page.keyboard.press('Alt+Enter')
  const five = await incidentOf(page, fifth)
  assert.equal(five.isOutside, true)
  assert.equal(five.unitIds.length, 0)

  // 6: less urgent than the answers propose: a reason by one key.
  const sixth = await ring()
  await takeCall(page, sixth, await initialsOf(hospital.name), '3')
  await page.keyboard.type('zf')
  await page.getByTestId('pack-offer-stroke').waitFor()
  await page.keyboard.press('Enter')
  await page.getByTestId('level-reason').waitFor()
  await page.keyboard.press('2')
  await page.keyboard.press('Control+Enter')
  const six = await incidentOf(page, sixth)
  await until('the reason in the line', () => six.packRuns?.[0]?.levelReason)
  assert.equal(six.level, 3)

  // 7: a consultation that needs no run: six calls in ten end so.
  const seventh = await ring()
  await page.keyboard.press('Escape')
  await page.keyboard.press('c')
  await page.getByTestId('call-list').locator(`[data-key="${seventh}"]`).waitFor()
  await page.locator('[data-testid="call-end"]').focus()
  await page.keyboard.press('Enter')
  await page.getByTestId('call-end-consultation').waitFor()
  await page.getByTestId('call-end-consultation').focus()
  await page.keyboard.press('Enter')
  await until('the consultation ended', () => server.world.calls.get(seventh)?.outcome === 'consultation')

  // 8: statuses by the command line; 9: a cancel; 10: a close with its outcome.
  const eighth = await ring()
  await takeCall(page, eighth, await initialsOf(landmark.name), '3')
  await page.keyboard.press('Control+Enter')
  const eight = await incidentOf(page, eighth)
  const unitId = await until('a unit on the eighth case', () => eight.unitIds[0])
  const name = unitName(unitId)
  for (const [word, status] of [
    ['出车', 'rolling'],
    ['现场', 'on-scene'],
  ] as const) {
    await command(page, `S ${name} ${word}`)
    await until(`${name} ${status}`, () => server.world.units.get(unitId)?.status === status)
  }
  await shoot(page, 'status-1366')

  const ninth = await ring()
  await takeCall(page, ninth, 'zsl', '4')
  await page.keyboard.press('Alt+Enter')
  const nine = await incidentOf(page, ninth)
  await command(page, `X ${nine.incidentId.slice(-4)} 来电人撤回`)
  await until('the ninth case cancelled', () => nine.state === 'closed')

  await command(page, `S ${name} 待命`)
  await until(`${name} idle`, () => server.world.units.get(unitId)?.incidentId === undefined)
  await command(page, `F ${eight.incidentId.slice(-4)}`)
  await page.keyboard.press('x')
  await page.getByTestId('close-form').waitFor()
  await page.getByTestId('close-treated-on-scene').focus()
  await page.keyboard.press('Enter')
  await until('the eighth case closed', () => eight.state === 'closed')

  const tenth = await ring()
  await takeCall(page, tenth, 'rml', '2')
  await page.keyboard.press('Control+Enter')
  const ten = await incidentOf(page, tenth)
  await until('a unit on the tenth case', () => ten.unitIds[0])
  await shoot(page, 'tenth-1366')
  assert.equal(clicks, 0, 'nobody touched the mouse')
  assert.deepEqual(faults, [])
  t.diagnostic(`${server.world.incidents.size} cases, ${server.world.calls.size} calls`)

  // The same desk at full size, for the eye.
  await page.setViewportSize({ width: 1920, height: 1080 })
  await command(page, `F ${two.incidentId.slice(-4)}`)
  await page.keyboard.press('F2')
  await page.getByTestId('pack-body').waitFor()
  await page.waitForTimeout(1_500)
  await shoot(page, 'case-1920')
  const last = await ring()
  await takeCall(page, last, 'zsl', '2')
  await page.keyboard.type('ch')
  await page.getByTestId('pack-offer-trauma').waitFor()
  await page.keyboard.press('Enter')
  await page.getByTestId('pack-question').waitFor()
  await page.keyboard.press('F3')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('rm')
  await page.getByTestId('address-hit-1').waitFor()
  await shoot(page, 'form-1920')
})

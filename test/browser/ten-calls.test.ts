/**
 * A shift of ten calls by keyboard only against the real server: its own embedded database, the names and roads of the demo city,
 * calls posted as a switchboard would. Nothing here touches the mouse. Screenshots go to test/.artifacts for eyes to judge.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { plainText, readUnits } from '../../server/addresses/pinyin.ts'
import type { Incident } from '../../server/state/world.ts'
import { type ShiftCity, startShiftCity, waitMs } from '../help/shift-city.ts'

const artifacts = join(resolve(import.meta.dirname, '../..'), 'test/.artifacts')
let shift: ShiftCity

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
  shift = await startShiftCity(40)
})

after(async () => {
  // What was on the screen when something failed is worth more than a stack.
  for (const page of shift?.pages() ?? [])
    await page.screenshot({ path: join(artifacts, 'shift-last.png') }).catch(() => undefined)
  await shift?.stop()
})

const shoot = (page: Page, name: string) => page.screenshot({ path: join(artifacts, `shift-${name}.png`) })
const initialsOf = (name: string) =>
  readUnits(plainText(name))
    .map(unit => unit.readings[0]?.[0] ?? unit.char)
    .join('')
let rung = 0
/** A call rings without a place, as most do. */
async function ring(more: Record<string, unknown> = {}): Promise<string> {
  const callId = `C-${++rung}`
  await shift.say('call.received', { callId, regionCode: '330402', callerNumber: `1380000${1000 + rung}`, ...more })
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
    [...shift.server.world.incidents.values()].find((each: Incident) => each.callIds.includes(callId)),
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
const unitName = (unitId: string) => shift.server.world.units.get(unitId)!.name.replace(' ', '')

test('SHIFT-1 ten calls by keyboard only: address by initials, landmark, junction, mile post and position; questions while it rolls', async t => {
  const { server, rows } = shift
  const page = await shift.openDesk(1366, 768)
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
  await takeCall(page, second, initialsOf(landmark.name), '2')
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
  await until('two units on the arrest', () => three.unitIds.length === 2)
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
  await takeCall(page, sixth, initialsOf(hospital.name), '3')
  await page.keyboard.type('zf')
  await page.getByTestId('pack-offer-stroke').waitFor()
  await page.keyboard.press('Enter')
  await page.getByTestId('level-reason').waitFor()
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'draft-complaint', 'typing is not interrupted')
  await page.keyboard.press('F2')
  await page.keyboard.press('-')
  await page.keyboard.press('2')
  await page.locator('[data-testid="level-reason-doctor-says"][aria-pressed="true"]').waitFor()
  await page.keyboard.press('Control+Enter')
  const six = await incidentOf(page, sixth)
  await until('the reason in the line', () => six.packRuns?.[0]?.levelReason)
  assert.equal(six.level, 3)

  // 7: a consultation that needs no run: six calls in ten end so.
  const seventh = await ring()
  await page.getByTestId('call-list').locator(`[data-key="${seventh}"]`).waitFor()
  await page.keyboard.press('F1')
  await page.getByTestId('draft-form').waitFor()
  await page.keyboard.press('Alt+z')
  await until('the consultation ended', () => server.world.calls.get(seventh)?.outcome === 'consultation')

  // 8: statuses by the command line; 9: a cancel; 10: a close with its outcome.
  const eighth = await ring()
  await takeCall(page, eighth, initialsOf(landmark.name), '3')
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

  // 10: the first caller rings again: the case is offered by itself, and joined by one key.
  const tenth = await ring({ callerNumber: '13800001001' })
  await page.getByTestId('call-list').locator(`[data-key="${tenth}"]`).waitFor()
  await page.keyboard.press('F1')
  await page.getByTestId('slip-duplicates').waitFor()
  await shoot(page, 'duplicate-1366')
  await page.keyboard.press('Control+j')
  await until('the tenth call joined', () => server.world.calls.get(tenth)?.incidentId === one.incidentId)
  assert.ok(one.callIds.includes(first) && one.callIds.includes(tenth), 'both records are kept')
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

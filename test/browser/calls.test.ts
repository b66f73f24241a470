/**
 * Calls in a real browser against a whole server: the one-key page of the public on a phone, and the ring list of a desk by keyboard
 * alone: history, mark, duplicates joined, typing never interrupted, callbacks, outcomes by one key. Screenshots at 1366×768
 * and 1920×1080 go to a folder for people to look at.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import { type CityServer, centre, city, south, startCity, until } from '../help/city-server.ts'

const artifacts = join(import.meta.dirname, '../.artifacts')
const root = join(import.meta.dirname, '../../console')
const patienceMs = 30_000

let server: CityServer
let open: OpenBrowser
let sms: HttpServer
const messages: { to: string; text: string }[] = []

before(async () => {
  mkdirSync(artifacts, { recursive: true })
  await build({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'error',
    build: { reportCompressedSize: false },
  })
  sms = createServer((request, reply) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      messages.push(JSON.parse(body))
      reply.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await new Promise(done => sms.once('listening', done))
  server = await startCity({
    environment: {
      PUBLIC_CALLS: 'on',
      PAGER: 'live',
      VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${(sms.address() as AddressInfo).port}`,
    },
  })
  open = await launchBrowser()
})
after(async () => {
  await open?.close()
  await server?.remove()
  sms?.close()
})

const faults: string[] = []
async function newPage(width: number, height: number): Promise<Page> {
  const page = await open.browser.newPage()
  await page.setViewportSize({ width, height })
  page.setDefaultTimeout(patienceMs)
  page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
  return page
}

const ring = (callId: string, more: Record<string, unknown> = {}) =>
  server.say(server.device, 'call.received', { callId, regionCode: south, ...more })
const findNet = () => [...server.world.calls.values()].filter(call => call.callId.startsWith('NET-'))

test('CALL-70 one press calls at once; position and code follow; the mark changes and nothing else', async () => {
  await open.browser.grantPermissions(['geolocation'], { origin: server.url })
  await open.browser.setGeolocation({ latitude: centre.lat, longitude: centre.lon, accuracy: 45 })
  const page = await newPage(390, 844)
  await page.goto(`${server.url}/call.html`)
  await page.getByTestId('number').fill('13712345678')
  await page.screenshot({ path: join(artifacts, 'call-page-ready.png') })
  await page.getByTestId('call').click()
  await page.getByTestId('called').waitFor()
  const [call] = findNet()
  assert.ok(call)
  assert.deepEqual([call.isVerified, call.channel], [false, 'internet'])
  await page.getByTestId('mark').getByText('未核实').waitFor()
  await until('the position arrives', () => call.radiusM === 45)
  await page.getByTestId('place').getByText('45').waitFor()
  await page.screenshot({ path: join(artifacts, 'call-page-called.png') })
  await page.getByTestId('code').fill(/\d{6}/.exec(messages[0]!.text)![0])
  await page.getByTestId('verify').click()
  await page.getByTestId('mark').getByText('已核实').waitFor()
  assert.equal(call.isVerified, true)
  await page.reload()
  await page.getByTestId('called').waitFor()
  assert.equal(findNet().length, 1, 'loaded again it is the same call')
  await page.getByTestId('language').click()
  await page.getByText('Keep your phone free').waitFor()
  await page.screenshot({ path: join(artifacts, 'call-page-en.png') })
  assert.equal(await page.getByTestId('dial').getAttribute('href'), 'tel:120')
  await page.close()
  assert.deepEqual(faults, [])
})

test('CALL-71 without a network the page says dial 120, tries on, and calls once when the network is back', async () => {
  const before = findNet().length
  const page = await newPage(390, 844)
  await page.goto(`${server.url}/call.html`)
  let tries = 0
  await page.route('**/v1/public/calls', route => {
    tries++
    // The request may also have arrived and only its answer have been lost.
    if (tries === 1) return route.abort()
    if (tries === 2) return route.fetch().then(() => route.abort())
    return route.continue()
  })
  await page.getByTestId('call').click()
  await page.getByTestId('retry').waitFor()
  await page.screenshot({ path: join(artifacts, 'call-page-away.png') })
  await page.getByTestId('called').waitFor()
  assert.ok(tries >= 3)
  assert.equal(findNet().length, before + 1)
  await page.close()
  assert.deepEqual(faults, [])
})

test('CALL-73 the link a desk has sent gives the position of the telephone to its call and nothing else', async () => {
  await ring('L-0001', { callerNumber: '13612340000' })
  const desk = await server.as('dispatcher', [city])
  const { body } = await server.ask('POST', '/v1/calls/L-0001/position-link', desk, {})
  const before = server.world.calls.size
  const page = await newPage(390, 844)
  await page.goto(String(body.link))
  await page.getByTestId('asked').waitFor()
  await page.getByTestId('send-position').click()
  await page.getByTestId('place').getByText('45').waitFor()
  await page.screenshot({ path: join(artifacts, 'call-page-asked.png') })
  const call = server.world.calls.get('L-0001')!
  assert.deepEqual([call.positionSource, call.radiusM, server.world.calls.size], ['sms-link', 45, before])
  await server.say(server.device, 'call.ended', { callId: 'L-0001', outcome: 'test' })
  await page.goto(`${server.url}/call.html#p=L-0001~zzzzzzzz~forged`)
  await page.reload()
  await page.getByTestId('send-position').click()
  await page.getByText('链接已失效').waitFor()
  await page.close()
  assert.deepEqual(faults, [])
})

test('CALL-72 the ring list by keyboard: history, typing never stolen, duplicates joined, callbacks, outcomes by one key', async () => {
  for (const call of findNet()) await server.say(server.device, 'call.ended', { callId: call.callId, outcome: 'test' })
  const { accountId, password } = await server.addPerson('leader-1', ['shift-leader', 'dispatcher'], [city])
  const place = { lon: 120.75, lat: 30.75, radiusM: 20, positionSource: 'operator' }
  await ring('T-0001', { callerNumber: '13600001111', ...place, level: 2 })
  await server.say(server.device, 'call.ended', { callId: 'T-0001', outcome: 'consultation' })
  const page = await newPage(1366, 768)
  await page.goto(server.url)
  await page.getByTestId('account').fill(accountId)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('sign-in-submit').click()
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  assert.equal(await page.getByTestId('call-slip').count(), 0)

  await ring('T-0002', {
    callerNumber: '136 0000 1111',
    lon: 120.752,
    lat: 30.751,
    radiusM: 650,
    positionSource: 'operator',
  })
  const slip = page.getByTestId('call-slip')
  await slip.getByText('此号码此前 1 次').waitFor()
  await slip.getByTestId('slip-history').getByText('咨询').waitFor()
  await page.screenshot({ path: join(artifacts, 'calls-ringing-1366.png') })

  // Picked up: t1 with the name; an operator's area is no address, so the form asks for one.
  await page.keyboard.press('F1')
  await page.getByTestId('draft-form').waitFor()
  const second = await until('answered', () => {
    const call = server.world.calls.get('T-0002')!
    return call.answeredAt === undefined ? undefined : call
  })
  assert.equal(second.answeredBy, 'leader-1')

  // The kind by one choice, the position of the telephone by one key.
  await slip.getByTestId('slip-kind').selectOption('mass-casualty')
  await until('the kind', () => second.callKind === 'mass-casualty')
  await page.keyboard.press('Alt+l')
  await slip.getByTestId('slip-asked').getByText('定位链接已发送').waitFor()
  assert.equal(messages.at(-1)!.to, '136 0000 1111')

  // Another call rings while somebody types: nothing moves, nothing is lost; F1 answers it and leaves the form alone.
  const address = page.getByTestId('draft-address')
  await address.click()
  await address.pressSequentially('中山路 1')
  await ring('T-0003', { callerNumber: '13600002222' })
  await until('the list shows it', async () => (await page.getByTestId('call-list').getByText('0003').count()) > 0)
  await address.pressSequentially('2 号')
  assert.equal(await address.inputValue(), '中山路 12 号')
  assert.equal(await address.evaluate(element => element === document.activeElement), true)
  await page.keyboard.press('F1')
  await until('the third is answered', () => server.world.calls.get('T-0003')!.answeredAt !== undefined)
  assert.equal(await address.inputValue(), '中山路 12 号')
  assert.equal(await address.evaluate(element => element === document.activeElement), true)
  await page.screenshot({ path: join(artifacts, 'calls-typing-1366.png') })
  // The call of the form ends as a consultation, also while typing; the answered one comes into hand.
  await page.keyboard.press('Alt+z')
  await until('ended', () => server.world.calls.get('T-0002')!.outcome === 'consultation')
  await page.getByTestId('draft-form').waitFor({ state: 'detached' })
  await page.locator('[data-testid="call-slip"][data-call="T-0003"]').waitFor()
  await page.keyboard.press('Alt+w')
  await until('ended', () => server.world.calls.get('T-0003')!.outcome === 'wrong-number')
  await slip.waitFor({ state: 'detached' })

  // A duplicate shows itself; one key joins it to the case.
  const opened = { incidentId: 'I-100', callIds: [], level: 2, regionCode: south, lon: 120.76, lat: 30.76 }
  assert.equal((await server.say(await server.as('dispatcher'), 'incident.opened', opened)).result, 'done')
  await ring('T-0004', { lon: 120.7605, lat: 30.7602, radiusM: 60, positionSource: 'operator' })
  await page.getByTestId('slip-duplicates').getByText('距离近').waitFor()
  await page.setViewportSize({ width: 1920, height: 1080 })
  await page.screenshot({ path: join(artifacts, 'calls-duplicate-1920.png') })
  await page.keyboard.press('Control+j')
  await until('joined', () => server.world.calls.get('T-0004')!.incidentId === 'I-100')
  assert.deepEqual(server.world.incidents.get('I-100')!.callIds, ['T-0004'])

  // Who hung up must be rung back: the task stays until somebody settles it.
  await ring('T-0005', { callerNumber: '13600003333' })
  await server.say(server.device, 'call.abandoned', { callId: 'T-0005' })
  const task = page.locator('[data-testid="callback"][data-call="T-0005"]')
  await task.waitFor()
  await task.getByTestId('callback-no-answer').click()
  await task.getByText('已拨 1 次').waitFor()
  await ring('N-1', { callKind: 'internet', channel: 'internet', isVerified: false, ...place })
  await ring('T-0006', { callerNumber: '13600001111' })
  await page.getByTestId('call-list').getByText('网 未核实').waitFor()
  await server.say(server.device, 'call.linked', {
    linkId: 'L-1',
    callId: 'T-0006',
    direction: 'in',
    service: '122',
    reference: 'JT-7',
  })
  await page.screenshot({ path: join(artifacts, 'calls-callback-1920.png') })
  await page.setViewportSize({ width: 1366, height: 768 })
  await page.screenshot({ path: join(artifacts, 'calls-callback-1366.png') })
  await task.getByTestId('callback-give-up').click()
  await task.getByTestId('callback-reason').fill('三次无人接听')
  await task.getByTestId('callback-send').click()
  await until('given up', () => server.world.calls.get('T-0005')!.callback!.state === 'given-up')
  await task.waitFor({ state: 'detached' })

  // The shift leader marks a number; the call goes on ringing, lower.
  await page.getByTestId('call-list').getByText('0006').click()
  await slip.getByTestId('slip-mark').click()
  await slip.getByTestId('slip-mark-reason').fill('一夜二十次')
  await slip.getByTestId('slip-mark-send').click()
  await until('marked', () => server.world.calls.get('T-0006')!.rank === 1)
  await slip.getByText('骚扰标记').waitFor()
  await page.getByTestId('language-switch').click()
  await slip.getByText('Take mark away').waitFor()
  await page.screenshot({ path: join(artifacts, 'calls-marked-en-1366.png') })
  await page.close()
  assert.deepEqual(faults, [])
})

/**
 * Calls through the doors of a whole server: history and mark of a number without the number, duplicates by scope, and the
 * one-key call of the public: rings at once, unverified, ranked last beyond the limits, bounded, verified by a code.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { DuplicateView, NumberHistoryView } from '#contract/view.ts'
import {
  addressCallsMax,
  allCallsMax,
  createPositionToken,
  findPositionCall,
  getAddressKey,
  getPublicCallId,
  overLimitWaitingMax,
} from '../../server/intake/public-calls.ts'
import { type CityServer, centre, city, north, south, startCity, until } from '../help/city-server.ts'

let server: CityServer
let messages: { to: string; text: string }[] = []
let sms: HttpServer

before(async () => {
  sms = createServer((request, reply) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      messages.push(JSON.parse(body))
      reply.end('{}')
    })
  })
  sms.listen(0, '127.0.0.1')
  await new Promise(done => sms.once('listening', done))
  server = await startCity({
    environment: {
      PUBLIC_CALLS: 'on',
      PAGER: 'live',
      VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${(sms.address() as AddressInfo).port}`,
    },
  })
})
after(async () => {
  await server?.remove()
  sms?.close()
})

const ring = (callId: string, more: Record<string, unknown> = {}) =>
  server.say(server.device, 'call.received', { callId, regionCode: south, ...more })

test('CALL-60 the history of a number: earlier calls in sight and the mark, never the number; forgetting ends it', async () => {
  const desk = await server.as('dispatcher', [city])
  const leader = await server.as('shift-leader', [city])
  const southern = await server.as('dispatcher', [south])
  await ring('H1', { callerNumber: '0573-8282 1111' })
  await ring('H2', { callerNumber: '057382821111', regionCode: north })
  await ring('H3', { callerNumber: '+86 573 82821111' })
  await ring('X1', { callerNumber: '13900000000' })
  await ring('W1', { callerNumber: '匿名' })
  await ring('W2', { callerNumber: 'anonymous' })
  assert.equal(server.world.calls.get('W2')!.numberHash, undefined, 'who withholds the number is not one caller')
  const read = async (callId: string, as = desk) =>
    (await server.ask('GET', `/v1/calls/${callId}/history`, as)).body as unknown as NumberHistoryView
  const listed = (view: NumberHistoryView) => view.calls.map(call => call.callId)
  await until('the projection has them', async () => listed(await read('H3')).length === 2)
  assert.deepEqual(listed(await read('H3')), ['H2', 'H1'])
  assert.deepEqual(listed(await read('H3', southern)), ['H1'], 'what lies outside the scope does not exist')
  assert.deepEqual(listed(await read('H1')), [])
  assert.equal((await server.ask('GET', '/v1/calls/H2/history', southern)).body.code, 'CALL_UNKNOWN')
  const epi = await server.as('epidemiologist', [city])
  assert.equal((await server.ask('GET', '/v1/calls/H3/history', epi)).status, 403)

  const mark = { callId: 'H3', isNuisance: true, reason: '一夜二十次' }
  assert.equal((await server.say(desk, 'number.marked', mark)).code, 'KIND_FORBIDDEN')
  assert.equal((await server.say(leader, 'number.marked', mark)).result, 'done')
  const marked = await read('H1')
  assert.deepEqual([marked.mark!.reason, marked.mark!.isInForce], ['一夜二十次', true])
  await ring('H4', { callerNumber: '0573 82821111' })
  assert.deepEqual([server.world.calls.get('H4')!.rank, server.world.calls.get('H4')!.earlierCalls], [1, 3])
  const text = JSON.stringify([await read('H4'), (await server.ask('GET', '/v1/calls', desk)).body])
  assert.ok(
    !text.includes('8282') && !text.includes('numberHash') && !text.includes(server.world.calls.get('H4')!.numberHash!),
  )
  const trail = await server.ask('GET', '/v1/entries?limit=200', leader)
  assert.ok(!trail.text.includes(server.world.calls.get('H4')!.numberHash!))

  const administrator = await server.as('administrator', [])
  const gone = await server.ask('DELETE', '/v1/persons/call/H1', administrator, { reason: '本人要求' })
  assert.ok(gone.status < 300, gone.text)
  assert.equal(server.world.calls.get('H1')!.numberHash, undefined)
  assert.deepEqual(listed(await read('H4')), ['H3', 'H2'])
})

test('CALL-61 a sender cannot ring in the name of another number', async () => {
  const forged = server.world.calls.get('X1')!.numberHash!
  await ring('F1', { numberHash: forged })
  assert.equal(server.world.calls.get('F1')!.numberHash, undefined)
  await ring('F2', { numberHash: forged, callerNumber: '13811111111' })
  assert.ok(![forged, undefined].includes(server.world.calls.get('F2')!.numberHash))
})

test("CALL-62 duplicates are found in the asker's scope and joined by one command", async () => {
  const desk = await server.as('dispatcher', [city])
  const place = { lon: 120.8, lat: 30.8, radiusM: 30, positionSource: 'operator' }
  await ring('D1', place)
  const opened = { incidentId: 'I-D1', callIds: ['D1'], level: 2, regionCode: south, lon: 120.8, lat: 30.8 }
  assert.equal((await server.say(desk, 'incident.opened', opened)).result, 'done')
  await ring('D2', { ...place, lon: 120.8005 })
  const read = async (as: typeof desk) =>
    (await server.ask('GET', '/v1/calls/D2/duplicates', as)).body.candidates as DuplicateView[]
  const [first] = await read(desk)
  assert.deepEqual([first!.incidentId, first!.reasons.includes('near')], ['I-D1', true])
  const joined = await server.say(desk, 'call.joined', { callId: 'D2', incidentId: 'I-D1' })
  assert.equal(joined.result, 'done')
  assert.deepEqual(server.world.incidents.get('I-D1')!.callIds, ['D1', 'D2'])
  assert.equal(server.world.calls.get('D2')!.incidentId, 'I-D1')
  const northern = await server.as('dispatcher', [north])
  const refused = await server.say(northern, 'call.joined', { callId: 'D1', incidentId: 'I-D1' })
  assert.equal(refused.code, 'REGION_FOREIGN')
})

const post = (path: string, body: unknown) => server.ask('POST', `/v1/public/calls${path}`, {}, body)

test('CALL-63 a one-key call rings at once, unverified; asked twice it rings once; a bad position does not cost it', async () => {
  const uuid = randomUUID()
  const first = await post('', { uuid, position: { ...centre, accuracyM: 35 }, text: '胸痛' })
  assert.equal(first.status, 201, first.text)
  const callId = getPublicCallId(uuid)
  assert.deepEqual(first.body, { callId, isLast: false, isCodeSent: false })
  const call = server.world.calls.get(callId)!
  assert.deepEqual([call.isVerified, call.channel, call.callKind, call.radiusM], [false, 'internet', 'internet', 35])
  assert.ok([south, north].includes(call.regionCode), 'the county the point lies in')
  assert.equal((await post('', { uuid })).body.callId, callId)
  const swapped = randomUUID()
  const answer = await post('', { uuid: swapped, position: { lon: centre.lat, lat: centre.lon - 60, accuracyM: 5 } })
  assert.equal(answer.status, 201, answer.text)
  assert.equal(server.world.calls.get(getPublicCallId(swapped))!.regionCode, city)

  const moved = await post(`/${callId}/position`, { uuid, lon: 120.76, lat: 30.76, accuracyM: 8 })
  assert.equal(moved.status, 204, moved.text)
  assert.deepEqual([call.lon, call.positions!.length], [120.76, 2])
  const stranger = await post(`/${callId}/position`, { uuid: randomUUID(), lon: 120.7, lat: 30.7, accuracyM: 8 })
  assert.equal(stranger.body.code, 'CALL_UNKNOWN')
  for (const bad of [
    {},
    { uuid: 'x' },
    { uuid, position: { lon: 500, lat: 0, accuracyM: 1 } },
    { uuid, number: 'DROP' },
  ])
    assert.equal((await post('', bad)).status, 400)
})

test('CALL-64 the code changes the mark and nothing else; guesses are bounded; one message a minute to a number', async () => {
  messages = []
  const uuid = randomUUID()
  const { body } = await post('', { uuid, number: '13700001111' })
  const callId = String(body.callId)
  assert.equal(body.isCodeSent, true)
  assert.equal(messages[0]!.to, '13700001111')
  const code = /\d{6}/.exec(messages[0]!.text)![0]
  const wrong = code === '000000' ? '000001' : '000000'
  assert.equal((await post(`/${callId}/verification`, { uuid, code: wrong })).body.code, 'CODE_WRONG')
  assert.equal(server.world.calls.get(callId)!.isVerified, false)
  assert.equal((await post(`/${callId}/verification`, { uuid, code })).status, 204)
  assert.equal(server.world.calls.get(callId)!.isVerified, true)

  const second = randomUUID()
  assert.equal((await post('', { uuid: second, number: '137 0000 1111' })).body.isCodeSent, false)
  assert.equal(server.world.calls.get(getPublicCallId(second))!.earlierCalls, 1)
  const third = randomUUID()
  await post('', { uuid: third, number: '13700002222' })
  const held = /\d{6}/.exec(messages.at(-1)!.text)![0]
  const guess = held === '123456' ? '654321' : '123456'
  const thirdId = getPublicCallId(third)
  for (let n = 0; n < 5; n++) await post(`/${thirdId}/verification`, { uuid: third, code: guess })
  const late = await post(`/${thirdId}/verification`, { uuid: third, code: held })
  assert.equal(late.body.code, 'CODE_WRONG', 'after five tries the code is void')
})

test('CALL-65 beyond the limit a call still rings, ranked last; only a full waiting room sends the caller to 120', async () => {
  const answers: { status: number; body: Record<string, unknown> }[] = []
  let usual = 0
  let last = 0
  // One address and one minute: whatever the tests before have used up, this is beyond both limits.
  for (let n = 0; n < addressCallsMax + allCallsMax + 3; n++) {
    const answer = await post('', { uuid: randomUUID() })
    answers.push(answer)
    if (answer.body.isLast) last++
    else usual++
  }
  assert.ok(answers.every(answer => answer.status === 201))
  assert.ok(usual <= addressCallsMax && last >= allCallsMax, `${usual} usual, ${last} last`)
  const held = server.world.calls.get(String(answers.at(-1)!.body.callId))!
  assert.deepEqual([held.rank, held.isVerified], [2, false])
  let full: { status: number; body: Record<string, unknown> } | undefined
  for (let n = last; n <= overLimitWaitingMax && !full; n++) {
    const answer = await post('', { uuid: randomUUID() })
    if (answer.status !== 201) full = answer
  }
  assert.deepEqual([full?.status, full?.body.code], [503, 'PUBLIC_CALLS_FULL'])
  // A desk settles one, and the next caller rings again.
  const desk = await server.as('dispatcher', [city])
  await server.say(desk, 'call.ended', { callId: held.callId, outcome: 'test' })
  assert.equal((await post('', { uuid: randomUUID() })).status, 201)
})

test('CALL-66 closed unless the operator opens it; other sites cannot post a form into it', async () => {
  const closed = await startCity()
  try {
    const answer = await closed.ask('POST', '/v1/public/calls', {}, { uuid: randomUUID() })
    assert.deepEqual([answer.status, answer.body.code], [404, 'PUBLIC_CALLS_OFF'])
    assert.equal((await closed.ask('GET', '/v1/settings')).body.publicCalls, false)
  } finally {
    await closed.remove()
  }
  const form = await fetch(`${server.url}/v1/public/calls`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', origin: 'https://elsewhere.example' },
    body: JSON.stringify({ uuid: randomUUID() }),
  })
  assert.equal(form.status, 415)
  const preflight = await fetch(`${server.url}/v1/public/calls`, {
    method: 'OPTIONS',
    headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
  })
  assert.equal(preflight.headers.get('access-control-allow-origin'), null)
})

test('CALL-67 limits are counted by address, and an IPv6 subscriber is a whole /64', () => {
  assert.equal(getAddressKey('10.1.2.3'), '10.1.2.3')
  assert.equal(getAddressKey('::ffff:10.1.2.3'), '10.1.2.3')
  assert.equal(getAddressKey('2001:db8:1:2:3:4:5:6'), getAddressKey('2001:0db8:1:2::9'))
  assert.notEqual(getAddressKey('2001:db8:1:2::1'), getAddressKey('2001:db8:1:3::1'))
  assert.equal(getAddressKey('::1'), '0:0:0:0::/64')
})

test("CALL-68 a desk asks for the position by a link: the look at the number is logged, the link is the call's alone and ends", async () => {
  messages = []
  const desk = await server.as('dispatcher', [city])
  await ring('P1', { callerNumber: '13755556666' })
  await ring('P2')
  const asked = await server.ask('POST', '/v1/calls/P1/position-link', desk, {})
  assert.deepEqual([asked.status, asked.body.isSent], [200, true], asked.text)
  assert.equal(messages[0]!.to, '13755556666')
  const { link } = asked.body as { link: string }
  assert.ok(messages[0]!.text.includes(link) && link.startsWith(`${server.url}/call.html#p=P1~`))
  const { rows } = await server.database.pool.query(
    `SELECT 1 FROM entry WHERE kind = 'record.viewed' AND body ->> 'recordId' = 'P1'`,
  )
  assert.equal(rows.length, 1)
  const token = link.split('#p=')[1]!
  const send = (given: string) =>
    server.ask('POST', '/v1/public/positions', {}, { token: given, lon: 120.77, lat: 30.77, accuracyM: 12 })
  assert.equal((await send(token)).status, 204)
  const call = server.world.calls.get('P1')!
  assert.deepEqual([call.lon, call.radiusM, call.positionSource], [120.77, 12, 'sms-link'])
  for (const forged of [token.replace('P1', 'P2'), `${token}x`, 'P1~zzzzzzzz~x', ''])
    assert.equal((await send(forged)).body.code, 'TOKEN_INVALID', forged)
  const secret = 'of the test'
  const made = createPositionToken(secret, 'P1', 1_000)
  assert.deepEqual([findPositionCall(secret, made, 1_000), findPositionCall(secret, made, 1_001)], ['P1', undefined])
  // Without a number the link is read out; another city's desk does not learn that the call exists.
  const spoken = await server.ask('POST', '/v1/calls/P2/position-link', desk, {})
  assert.deepEqual([spoken.body.isSent, String(spoken.body.link).includes('#p=P2~')], [false, true])
  const northern = await server.as('dispatcher', [north])
  assert.equal((await server.ask('POST', '/v1/calls/P1/position-link', northern, {})).body.code, 'CALL_UNKNOWN')
  assert.equal((await server.ask('POST', '/v1/calls/P1/position-link', {}, {})).status, 401)
})

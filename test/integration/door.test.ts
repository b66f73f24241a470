/**
 * The door in, attacked over HTTP and sockets on a whole server: every item of bad input is refused by itself, with a stable
 * code, both languages and its index, and the rest of the batch goes through. Then every route and message × role × region.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { batchMax, bodyMaxBytes, depthMax, kinds } from '#contract/entry.ts'
import { refusals } from '#contract/errors.ts'
import type { EntryOutcome } from '#contract/wire.ts'
import { mayUse, type Principal, routeNames, routeTable } from '../../server/identity/permissions.ts'
import { type CityServer, centre, city, north, south, startCity, submission } from '../help/city-server.ts'

let server: CityServer
before(async () => {
  server = await startCity()
})
after(() => server.remove())

const fix = (more: Record<string, unknown> = {}, body: Record<string, unknown> = {}) =>
  submission('unit.position', { unitId: 'U1', ...centre, ...body }, more)

/** Posts bytes as they are. */
async function postRaw(
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${server.url}/v1/entries`, {
    method: 'POST',
    headers: { ...server.device, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

function assertRefusal(told: Record<string, unknown>, code: string, what: string): void {
  assert.equal(told.code, code, `${what}: ${JSON.stringify(told)}`)
  assert.ok(Object.hasOwn(refusals, code), `${code} stands in the table`)
  assert.match(String(told.zh), /[\u4e00-\u9fff]/, `${what}: a Chinese text`)
  assert.match(String(told.en), /^[\x20-\x7e]+$/, `${what}: an English text`)
}

/** Posts good, bad, good: the bad one is refused with its index, the good ones are done. `bad` is JSON text. */
async function assertItem(
  bad: string,
  code: string,
  what: string,
  as: Readonly<Record<string, string>> = server.device,
): Promise<EntryOutcome> {
  const good = () =>
    JSON.stringify(
      as === server.device ? fix() : submission('call.received', { callId: randomUUID(), regionCode: south }),
    )
  const { status, body } = await postRaw(`{"entries":[${good()},${bad},${good()}]}`, { ...as })
  assert.equal(status, 200, `${what}: ${JSON.stringify(body)}`)
  const outcomes = body.outcomes as EntryOutcome[]
  assert.deepEqual(
    outcomes.map(o => [o.index, o.result]),
    [
      [0, 'done'],
      [1, 'refused'],
      [2, 'done'],
    ],
    `${what}: ${JSON.stringify(body)}`,
  )
  assertRefusal(outcomes[1] as unknown as Record<string, unknown>, code, what)
  return outcomes[1]!
}

/** A position as text, with something in it that JSON.stringify would not write. */
const fixText = (body: string, envelope = '') =>
  `{"kind":"unit.position","uuid":"${randomUUID()}","occurredAt":${Date.now()},${envelope}"body":{"unitId":"U1","lon":120.75,"lat":30.75${body}}}`

test('IN-1 each bad item has its code, both texts and its index; the rest of the batch goes through', async () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const now = Date.now()
  const text = (value: unknown) => JSON.stringify(value)
  const items: [what: string, bad: string, code: string][] = [
    ['null', 'null', 'SHAPE_INVALID'],
    ['a number', '7', 'SHAPE_INVALID'],
    ['a list', '[]', 'SHAPE_INVALID'],
    ['an empty object', '{}', 'SHAPE_INVALID'],
    ['no body', text({ kind: 'unit.position', uuid: randomUUID(), occurredAt: now }), 'SHAPE_INVALID'],
    ['text for a number', text(fix({}, { lon: '120.7' })), 'SHAPE_INVALID'],
    ['null for a number', text(fix({}, { speedKmh: null })), 'SHAPE_INVALID'],
    ['a field nobody knows', text(fix({}, { mood: 'good' })), 'SHAPE_INVALID'],
    ['an envelope field nobody knows', text(fix({ loggedAt: 1 })), 'SHAPE_INVALID'],
    ['an actor of its own', text(fix({ actor: { accountId: 'x' } })), 'SHAPE_INVALID'],
    ['time as text', text(fix({ occurredAt: '2026' })), 'SHAPE_INVALID'],
    ['time in seconds', text(fix({ occurredAt: Math.round(now / 1_000) })), 'SHAPE_INVALID'],
    ['time in microseconds', text(fix({ occurredAt: now * 1_000 })), 'SHAPE_INVALID'],
    ['a broken time', text(fix({ occurredAt: now + 0.5 })), 'SHAPE_INVALID'],
    ['a uuid that is none', text(fix({ uuid: 'u' })), 'SHAPE_INVALID'],
    ['a negative seq', text(fix({ uuid: undefined, epoch: 'e', seq: -1 })), 'SHAPE_INVALID'],
    ['a seq beyond 2^53', fixText('', '"epoch":"e","seq":9007199254740993,'), 'SHAPE_INVALID'],
    ['no key', text(fix({ uuid: undefined })), 'KEY_MISSING'],
    ['half a key', text(fix({ uuid: undefined, epoch: 'e' })), 'KEY_MISSING'],
    ['an unknown kind', text(submission('unit.stolen', {})), 'KIND_UNKNOWN'],
    ['a kind of the prototype', text(submission('toString', {})), 'KIND_UNKNOWN'],
    ['a kind called __proto__', text(submission('__proto__', {})), 'KIND_UNKNOWN'],
    ['NUL as an escape', text(fix({}, { unitId: 'U\u00001' })), 'TEXT_INVALID'],
    ['NUL in a key', text(fix({}, { 'a\u0000b': 1 })), 'TEXT_INVALID'],
    ['a lone high surrogate as an escape', fixText(',"x":"\\ud83d"'), 'TEXT_INVALID'],
    ['a lone low surrogate as an escape', fixText(',"x":"\\ude00"'), 'TEXT_INVALID'],
    ['surrogates the wrong way round', fixText(',"x":"\\ude00\\ud83d"'), 'TEXT_INVALID'],
    ['a lone surrogate in a key', fixText(',"\\ud83d":1'), 'TEXT_INVALID'],
    ['1e400', fixText(',"speedKmh":1e400'), 'NUMBER_INVALID'],
    ['-1e400', fixText(',"altitudeM":-1e400'), 'NUMBER_INVALID'],
    ['nested too deep', fixText(`,"x":${nested(depthMax + 1)}`), 'DEPTH_EXCEEDED'],
    ['nested 100,000 deep', fixText(`,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`), 'DEPTH_EXCEEDED'],
    ['__proto__ in the body', fixText(',"__proto__":{"unitId":"U2"}'), 'SHAPE_INVALID'],
    ['__proto__ in the envelope', fixText('', '"__proto__":{"source":"x"},'), 'SHAPE_INVALID'],
    ['constructor.prototype', fixText(',"constructor":{"prototype":{"x":1}}'), 'SHAPE_INVALID'],
    ['a future time', text(fix({ occurredAt: now + 3_600_000 })), 'TIME_IN_FUTURE'],
    ['longitude out of range', text(fix({}, { lon: 181, lat: 95 })), 'LOCATION_OUT_OF_RANGE'],
    ['latitude out of range, as swapped', text(fix({}, { lon: 30.75, lat: 120.75 })), 'LOCATION_SWAPPED'],
    ['an unregistered unit', text(fix({}, { unitId: 'U404' })), 'UNIT_UNKNOWN'],
    ['a unit called __proto__', text(fix({}, { unitId: '__proto__' })), 'SHAPE_INVALID'],
    ['a unit called constructor', text(fix({}, { unitId: 'constructor' })), 'UNIT_UNKNOWN'],
    ['an unknown region', text(submission('call.received', { callId: 'X1', regionCode: '110000' })), 'REGION_UNKNOWN'],
    [
      'a place nobody registered',
      text(
        submission('count.reported', {
          sourceKind: 'pharmacy',
          facilityId: 'F404',
          syndrome: 'other',
          regionCode: south,
          period: '2026-01-01',
          count: 1,
        }),
      ),
      'PLACE_UNKNOWN',
    ],
    [
      'a day that does not exist',
      text(
        submission('count.reported', {
          sourceKind: 'pharmacy',
          facilityId: 'F1',
          syndrome: 'other',
          regionCode: south,
          period: '2026-02-30',
          count: 1,
        }),
      ),
      'DAY_INVALID',
    ],
    [
      'a count of tomorrow',
      text(
        submission('count.reported', {
          sourceKind: 'pharmacy',
          facilityId: 'F1',
          syndrome: 'other',
          regionCode: south,
          period: '2099-01-01',
          count: 1,
        }),
      ),
      'TIME_IN_FUTURE',
    ],
    [
      'a count above its denominator',
      text(
        submission('count.reported', {
          sourceKind: 'triage',
          facilityId: 'F1',
          syndrome: 'other',
          regionCode: south,
          period: '2026-01-01',
          count: 9,
          denominator: 3,
        }),
      ),
      'SHAPE_INVALID',
    ],
    [
      'a count of -1',
      text(
        submission('count.reported', {
          sourceKind: 'triage',
          facilityId: 'F1',
          syndrome: 'other',
          regionCode: south,
          period: '2026-01-01',
          count: -1,
        }),
      ),
      'SHAPE_INVALID',
    ],
    ['a word of the house', text(submission('signal.found', {})), 'KIND_FORBIDDEN'],
    [
      'a tick in a city of the wall clock',
      text(submission('clock.ticked', { gapMs: 0, boundary: 'none' })),
      'KIND_FORBIDDEN',
    ],
    [
      'an expired command',
      text(
        submission(
          'incident.opened',
          { incidentId: 'IX', level: 1, regionCode: south, ...centre },
          { expiresAt: now - 1_000 },
        ),
      ),
      'COMMAND_EXPIRED',
    ],
  ]
  for (const [what, bad, code] of items) await assertItem(bad, code, what)
  assert.equal(server.world.incidents.has('IX'), false)
  assert.equal(({} as Record<string, unknown>).x, undefined, 'no prototype was touched')
})

test('IN-2 a request that cannot be read is refused whole: malformed, not UTF-8, empty, too many, too large, wrong type', async () => {
  const bad: [what: string, body: string | Buffer, code: string, status: number, headers?: Record<string, string>][] = [
    ['cut off', '{"entries":[{"kind"', 'JSON_MALFORMED', 400],
    ['nothing', '', 'JSON_MALFORMED', 400],
    ['NaN', '{"entries":[NaN]}', 'JSON_MALFORMED', 400],
    ['a raw NUL in a text', '{"entries":["\u0000"]}', 'JSON_MALFORMED', 400],
    [
      'a raw surrogate half',
      Buffer.from([...Buffer.from('{"entries":["'), 0xed, 0xa0, 0x80, ...Buffer.from('"]}')]),
      'JSON_MALFORMED',
      400,
    ],
    [
      'GBK bytes',
      Buffer.from([...Buffer.from('{"entries":["'), 0xc4, 0xe3, ...Buffer.from('"]}')]),
      'JSON_MALFORMED',
      400,
    ],
    [
      'an overlong form',
      Buffer.from([...Buffer.from('{"entries":["'), 0xc0, 0x80, ...Buffer.from('"]}')]),
      'JSON_MALFORMED',
      400,
    ],
    ['null', 'null', 'SHAPE_INVALID', 400],
    ['a text', '"entries"', 'SHAPE_INVALID', 400],
    ['a list', '[]', 'SHAPE_INVALID', 400],
    ['entries that are no list', '{"entries":{"0":{}}}', 'SHAPE_INVALID', 400],
    ['no entries', '{"entries":[]}', 'BATCH_EMPTY', 400],
    ['too many entries', `{"entries":[${'{},'.repeat(batchMax)}{}]}`, 'BATCH_TOO_LARGE', 413],
    ['too many bytes', `{"entries":["${'x'.repeat(bodyMaxBytes)}"]}`, 'BODY_TOO_LARGE', 413],
    ['plain text', '{"entries":[]}', 'MEDIA_UNSUPPORTED', 415, { 'content-type': 'text/plain' }],
    ['a form', 'entries=1', 'MEDIA_UNSUPPORTED', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['nobody', '{"entries":[]}', 'TOKEN_INVALID', 401, { authorization: 'Bearer nobody' }],
    ['basic credentials', '{"entries":[]}', 'TOKEN_INVALID', 401, { authorization: 'Basic YTpi' }],
  ]
  const seq = server.writer.getHead().seq
  for (const [what, body, code, status, headers] of bad) {
    const answer = await postRaw(body, headers)
    assertRefusal(answer.body, code, what)
    assert.equal(answer.status, status, what)
  }
  const missing = await server.ask('POST', '/v1/entries', {}, { entries: [fix()] })
  assert.equal(missing.status, 401)
  assertRefusal(missing.body, 'SIGN_IN_REQUIRED', 'no credentials')
  const foreign = await server.ask(
    'POST',
    '/v1/entries',
    { ...(await server.as('dispatcher')), origin: 'https://evil.example' },
    { entries: [] },
  )
  assertRefusal(foreign.body, 'ORIGIN_FORBIDDEN', "another site's page")
  assert.ok(server.writer.getHead().seq >= seq)
  assert.equal((await server.ask('GET', '/readyz')).status, 200)
})

test('IN-3 50 MB are refused before they are read, announced or in pieces', async () => {
  // A client of its own: it goes on sending for a while after the answer, as a real one would.
  const send = (headers: readonly string[], pieces: number) =>
    new Promise<{ status: number; body: string }>((resolve, fail) => {
      const socket = connect(server.port, '127.0.0.1')
      let text = ''
      socket.setEncoding('utf8').on('data', more => {
        text += more
        const found = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n(\{.*\})/.exec(text)
        if (!found) return
        resolve({ status: Number(found[1]), body: found[2]! })
        socket.destroy()
      })
      socket.on('error', error => fail(new Error(`${error.message}: ${text}`)))
      const [name, token] = Object.entries(server.device)[0]!
      const head = [
        'POST /v1/entries HTTP/1.1',
        'host: here',
        `${name}: ${token}`,
        'content-type: application/json',
        ...headers,
      ]
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      const piece = ' '.repeat(1024 * 1024)
      let sent = 0
      const more = () => {
        if (socket.destroyed || sent++ >= pieces) return
        socket.write(headers[0]!.startsWith('transfer') ? `100000\r\n${piece}\r\n` : piece, () => setTimeout(more, 20))
      }
      setTimeout(more, 200)
    })
  const announced = await send([`content-length: ${50 * 1024 * 1024}`], 50)
  assert.equal(announced.status, 413)
  assertRefusal(JSON.parse(announced.body), 'BODY_TOO_LARGE', 'announced')
  const inPieces = await send(['transfer-encoding: chunked'], 50)
  assert.equal(inPieces.status, 413)
  assertRefusal(JSON.parse(inPieces.body), 'BODY_TOO_LARGE', 'in pieces')
})

test('IN-4 what is said is kept as it is: NFC, -0 becomes 0, the largest numbers and texts', async () => {
  const callId = randomUUID()
  const told = await postRaw(
    `{"entries":[${fixText(',"altitudeM":-0,"speedKmh":-0.0')},${JSON.stringify(submission('call.received', { callId, regionCode: south, callerName: 'e\u0301 \u{1F691}' }))}]}`,
  )
  const outcomes = told.body.outcomes as EntryOutcome[]
  assert.deepEqual(
    outcomes.map(o => o.result),
    ['done', 'done'],
    JSON.stringify(told.body),
  )
  const [held] = await server.log.list(outcomes[0]!.seq! - 1, 1)
  const body = held!.entry.body as unknown as Record<string, number>
  assert.ok(Object.is(body.altitudeM, 0) && Object.is(body.speedKmh, 0))
  const person = await server.ask('GET', `/v1/persons/call/${callId}`, await server.as('dispatcher'))
  assert.deepEqual(person.body.fields, { callerName: 'é \u{1F691}' })
})

test('IN-5 duplicate, reordered and reused sequences: once, in any order, never twice with other content', async () => {
  const epoch = `e-${randomUUID().slice(0, 8)}`
  const at = Date.now()
  const make = (seq: number, lon = 120.7 + seq / 1_000) => ({
    kind: 'unit.position',
    epoch,
    seq,
    occurredAt: at + seq,
    body: { unitId: 'U3', lon, lat: 30.7 },
  })
  const first = await server.post([5, 3, 4, 1].map(n => make(n)))
  assert.ok(first.body.outcomes.every(o => o.result === 'done' && !o.repeated))
  const again = await server.post([make(1), make(2), make(3, 119), make(5), make(5), make(2)])
  assert.deepEqual(
    again.body.outcomes.map(o => o.code ?? (o.repeated ? 'repeated' : 'done')),
    ['repeated', 'done', 'SEQ_REUSED', 'repeated', 'repeated', 'repeated'],
  )
  assert.equal(again.body.outcomes[0]!.seq, first.body.outcomes[3]!.seq)
  assertRefusal(again.body.outcomes[2] as never, 'SEQ_REUSED', 'reused')
  assert.equal(server.world.units.get('U3')!.fixAt, at + 5, 'the newest by device time is shown')
  const call = submission('call.received', { callId: randomUUID(), regionCode: south, callerNumber: '13900000000' })
  const calls = await server.post([call, call, { ...call, body: { ...(call.body as object), regionCode: north } }])
  assert.deepEqual(
    calls.body.outcomes.map(o => o.code ?? (o.repeated ? 'repeated' : 'done')),
    ['done', 'repeated', 'SEQ_REUSED'],
    'a sealed entry said twice is the same entry',
  )
})

test('IN-6 nobody speaks for another: a foreign unit, source, region, and a revoked token', async () => {
  const enrol = async (deviceId: string, role: string, regions: string[], unitIds: string[]) => {
    const made = await server.identity.devices.enrol(
      { deviceId, name: deviceId, role: role as never, regions, unitIds },
      'test',
    )
    assert.ok(!('code' in made))
    return { authorization: `Bearer ${made.token}` }
  }
  const tablet = await enrol('tablet-1', 'terminal', [south], ['U1'])
  const gateway = await enrol('gateway-south', 'gateway', [south], [])
  const feed = await enrol('feed-south', 'feed', [south], [])
  const codeOf = async (as: Readonly<Record<string, string>>, kind: string, body: unknown, more = {}) => {
    const told = await server.say(as, kind, body, more)
    if (told.result !== 'done') assertRefusal(told as never, told.code!, kind)
    return told.code ?? told.result
  }
  const at = (unitId: string) => ({ unitId, ...centre })
  assert.equal(await codeOf(tablet, 'unit.position', at('U1')), 'done')
  assert.equal(await codeOf(tablet, 'unit.position', at('U3')), 'DEVICE_NOT_UNIT')
  assert.equal(await codeOf(tablet, 'unit.vitals', { unitId: 'U3', hrPerMin: 60 }), 'DEVICE_NOT_UNIT')
  assert.equal(await codeOf(tablet, 'unit.position', at('U1'), { source: 'tablet-2' }), 'SOURCE_FOREIGN')
  assert.equal(await codeOf(gateway, 'unit.position', at('U2')), 'REGION_FOREIGN')
  assert.equal(await codeOf(feed, 'unit.position', at('U1')), 'KIND_FORBIDDEN')
  const count = { sourceKind: 'pharmacy', syndrome: 'other', period: '2026-11-01', count: 1 }
  assert.equal(await codeOf(feed, 'count.reported', { ...count, facilityId: 'F1', regionCode: south }), 'done')
  assert.equal(
    await codeOf(feed, 'count.reported', { ...count, facilityId: 'F1', regionCode: north }),
    'REGION_FOREIGN',
  )
  assert.equal(
    await codeOf(feed, 'count.reported', { ...count, facilityId: 'F2', regionCode: south }),
    'REGION_FOREIGN',
  )

  // A desk of one county, and things of the other.
  const desk = await server.as('dispatcher', [south])
  const other = await server.as('dispatcher', [north])
  const [here, there, callId] = [randomUUID(), randomUUID(), randomUUID()]
  assert.equal(
    await codeOf(desk, 'incident.opened', { incidentId: here, level: 2, regionCode: south, ...centre }),
    'done',
  )
  assert.equal(
    await codeOf(other, 'incident.opened', { incidentId: there, level: 2, regionCode: north, ...centre }),
    'done',
  )
  assert.equal(await codeOf(other, 'call.received', { callId, regionCode: north }), 'done')
  for (const [kind, body] of [
    ['incident.unitAssigned', { incidentId: here, unitId: 'U2' }],
    ['incident.unitAssigned', { incidentId: there, unitId: 'U1' }],
    ['incident.closed', { incidentId: there, outcome: 'cancelled' }],
    ['incident.noted', { incidentId: there, note: 'x' }],
    ['incident.levelChanged', { incidentId: there, level: 1 }],
    ['incident.opened', { incidentId: randomUUID(), callIds: [callId], level: 2, regionCode: south, ...centre }],
    ['call.ended', { callId, outcome: 'harassment' }],
    ['unit.status', { unitId: 'U2', status: 'unavailable', by: 'key' }],
    ['unit.status', { unitId: 'U1', status: 'on-scene', by: 'key', incidentId: there }],
  ] as const)
    assert.equal(await codeOf(desk, kind, body), 'REGION_FOREIGN', kind)
  assert.equal(server.world.incidents.get(there)!.stamps.length, 1, 'nothing was stamped on it')
  // Sent across the border by who may, the unit's own word reaches the incident it was sent to.
  assert.equal(
    await codeOf(await server.as('dispatcher'), 'incident.unitAssigned', { incidentId: there, unitId: 'U1' }),
    'done',
  )
  assert.equal(
    await codeOf(tablet, 'unit.status', { unitId: 'U1', status: 'rolling', by: 'key', incidentId: there }),
    'done',
  )

  await server.identity.devices.revoke('tablet-1')
  const revoked = await server.ask('POST', '/v1/entries', tablet, { entries: [fix()] })
  assert.equal(revoked.status, 401)
  assertRefusal(revoked.body, 'TOKEN_INVALID', 'a revoked token')
})

test('IN-7 a full lane answers 429 with Retry-After; sent again everything goes through, once', async () => {
  const batches = Array.from({ length: 14 }, () =>
    Array.from({ length: batchMax }, () => submission('call.received', { callId: randomUUID(), regionCode: south })),
  )
  const send = (entries: unknown[]) => server.ask('POST', '/v1/entries', server.device, { entries })
  const before = server.world.calls.size
  let waiting = batches
  let refused = 0
  for (let round = 0; waiting.length > 0 && round < 60; round++) {
    const answers = await Promise.all(waiting.map(send))
    const again: typeof batches = []
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 429) {
        refused++
        assertRefusal(answer.body, 'LANE_FULL', 'a full lane')
        assert.equal(answer.headers.get('retry-after'), '1')
        again.push(waiting[i]!)
        continue
      }
      assert.equal(answer.status, 200, answer.text.slice(0, 300))
      const codes = (answer.body.outcomes as EntryOutcome[]).filter(o => o.result !== 'done')
      assert.deepEqual(codes, [])
    }
    waiting = again
  }
  assert.equal(waiting.length, 0)
  assert.ok(refused > 0, 'the lane was full')
  assert.equal(server.world.calls.size, before + batches.length * batchMax)
})

test('IN-8 the OpenAPI 3.1 document lists the routes and holds together; /docs opens for a signed-in person alone', async () => {
  const as = await server.as('dispatcher')
  const { status, body } = await server.ask('GET', '/docs/json', as)
  assert.equal(status, 200)
  assert.equal(body.openapi, '3.1.0')
  const paths = body.paths as Record<string, Record<string, { responses?: Record<string, unknown> }>>
  const hidden = new Set(['GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /docs', 'GET /v1/socket'])
  const listed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  assert.deepEqual(
    listed.filter(name => !name.startsWith('HEAD ')).sort(),
    routeNames.filter(name => !hidden.has(name)).sort(),
  )
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      assert.ok(operation.responses && Object.keys(operation.responses).length > 0, `${method} ${path} has answers`)
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(m => m[1])
      const parameters = ((operation as { parameters?: { in: string; name: string }[] }).parameters ?? [])
        .filter(p => p.in === 'path')
        .map(p => p.name)
      assert.deepEqual(parameters.sort(), named.sort(), `${method} ${path} names its parameters`)
    }
  // Every reference points at something.
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const target = (value as { $ref?: unknown }).$ref
    if (typeof target === 'string') {
      assert.match(target, /^#\//)
      const found = target
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/')], body)
      assert.ok(found !== undefined, `${target} is there`)
    }
    for (const inner of Object.values(value)) look(inner)
  }
  look(body)
  for (const path of ['/docs', '/docs/', '/docs/json', '/docs/yaml', '/docs/static/index.html']) {
    assert.equal((await server.ask('GET', path)).status, 401, `${path} for a stranger`)
    assert.equal((await server.ask('GET', path, server.device)).status, 403, `${path} for a device`)
    assert.equal((await server.ask('GET', path, as)).status, 200, `${path} for a person`)
  }
})

/** The routes the app really has, by its own printed tree. */
function listRoutes(): string[] {
  const lines = server.app.printRoutes({ commonPrefix: false }).split('\n')
  const trail: string[] = []
  const found: string[] = []
  for (const line of lines) {
    const match = /^((?:│ {3}| {4})*)(?:├── |└── )(.*) \(([A-Z, ]+)\)$/.exec(line)
    if (!match) continue
    const depth = match[1]!.length / 4
    trail.length = depth
    trail[depth] = match[2]!
    const path = trail.join('').replace(/^\*$/, '/*')
    for (const method of match[3]!.split(', ')) found.push(`${method} ${path}`)
  }
  return found
}

test("IN-9 the app's routes are the table of permissions, neither more nor fewer", () => {
  const real = listRoutes().filter(name => !name.startsWith('HEAD '))
  assert.ok(real.length > 20, real.join('\n'))
  const isConsole = (name: string) => /^GET \/?\*$/.test(name) || name === 'GET /'
  const isDocs = (name: string) => name.startsWith('GET /docs')
  const unknown = real.filter(name => !isConsole(name) && !isDocs(name) && !Object.hasOwn(routeTable, name))
  assert.deepEqual(unknown, [], 'routes without a row')
  // The socket's handshake is a row of the table and no route of the app.
  const missing = routeNames.filter(name => name !== 'GET /v1/socket' && !real.includes(name))
  assert.deepEqual(missing, [], 'rows without a route')
})

const people = ['dispatcher', 'shift-leader', 'epidemiologist', 'hospital', 'crew', 'administrator', 'auditor'] as const
const devices = ['gateway', 'terminal', 'feed', 'player'] as const

test('IN-10 every route × role × region and strangers: who may is let in, who may not is refused', async () => {
  const incidentId = randomUUID()
  const callId = randomUUID()
  await server.say(server.device, 'call.received', { callId, regionCode: south, callerName: '某' })
  await server.say(server.device, 'incident.opened', { incidentId, level: 2, regionCode: south, ...centre })
  await server.say(await server.as('hospital', [south]), 'report.received', {
    cardId: `K-${callId}`,
    diseaseId: 'plague',
    caseClass: 'suspected',
    regionCode: south,
    facilityId: 'F1',
    diagnosedAt: Date.now() - 1_000,
  })
  const alertId = [...server.world.alerts.values()].find(a => a.ruleId === 'statutory-single')!.alertId
  const path = (name: string) =>
    name
      .split(' ')[1]!
      .replace(':recordKind/:recordId', `call/${callId}`)
      .replace(':incidentId', incidentId)
      .replace(':alertId', alertId)
      .replace(':callId', callId)
      .replace(':id', 'U1')
      .replace(':accountId', 'nobody')
      .replace(':deviceId', 'nobody')
      .replace(':eventId', 'E-none')
      .replace(':cardId', `K-${callId}`)
      .replace(
        '/v1/card-series',
        `/v1/card-series?diseaseId=plague&fromDay=2026-01-01&untilDay=2026-01-31&regionCode=${south}`,
      )
      .replace(
        '/v1/surveillance/calendar',
        `/v1/surveillance/calendar?sourceKind=pharmacy&syndrome=unknown&regionCode=${south}&fromDay=2026-01-01&toDay=2026-01-31`,
      )
      .replace('/v1/addresses', '/v1/addresses?q=x')
      .replace(/reviews\/samples$/, 'reviews/samples?day=2026-01-01')
      .replace(/reviews(\.csv)?$/, path => `${path}?month=2026-01`)
      .replace(
        /^\/v1\/(reports\/dispatch(\.csv)?|tracks|replay)$/,
        path => `${path}?from=1700000000000&to=1700000001000`,
      )
      .replace('/v1/series', `/v1/series?sourceKind=call-120&syndrome=unknown&regionCode=${south}`)
      .replace(/\/track$/, '/track?from=1700000000000&to=1700000001000')
  type Asker = { name: string; as: Readonly<Record<string, string>>; principal: Principal; region: string }
  const askers: Asker[] = []
  for (const region of [south, north]) {
    for (const role of people)
      askers.push({
        name: `${role} of ${region}`,
        as: await server.as(role, [region]),
        region,
        principal: {
          type: 'account',
          accountId: 'x',
          sessionId: 's',
          name: 'x',
          roles: [role],
          regions: [region],
          unitIds: [],
        },
      })
    for (const role of devices) {
      const deviceId = `${role}-${region}`
      const made = await server.identity.devices.enrol(
        { deviceId, name: deviceId, role, regions: [region], unitIds: role === 'terminal' ? ['U1'] : [] },
        'test',
      )
      assert.ok(!('code' in made))
      askers.push({
        name: deviceId,
        as: { authorization: `Bearer ${made.token}` },
        region,
        principal: { type: 'device', deviceId, role, regions: [region], unitIds: [] },
      })
    }
  }
  const skipped = new Set(['GET /v1/socket', 'DELETE /v1/session', 'POST /v1/session', 'POST /v1/session/password'])
  let walked = 0
  for (const name of routeNames) {
    if (skipped.has(name)) continue
    const [method] = name.split(' ') as [string]
    const body = method === 'GET' || method === 'DELETE' ? undefined : {}
    if (!mayUse(undefined, name, true)) {
      const stranger = await server.ask(method, path(name), {}, body)
      assert.equal(stranger.status, 401, `${name} × stranger: ${stranger.text}`)
    }
    for (const { name: who, as, principal, region } of askers) {
      const answer = await server.ask(method, path(name), as, body)
      const where = `${name} × ${who}: ${answer.status} ${answer.text.slice(0, 200)}`
      const code = String(answer.body.code ?? '')
      if (mayUse(principal, name, true)) assert.ok(code !== 'ROLE_FORBIDDEN' || name.includes('/persons/'), where)
      else assert.ok(answer.status === 403 && code === 'ROLE_FORBIDDEN', where)
      assert.ok(answer.status < 500, where)
      // What lies in the other county is not there for this one.
      if (region === north && /incidents|calls|alerts|persons|track|series/.test(name) && answer.status === 200)
        for (const id of [incidentId, callId, alertId])
          assert.ok(!answer.text.includes(`"${id}"`), `${where} shows ${id}`)
      if (region === north && /:(incidentId|alertId|recordId|id)\b/.test(name)) assert.ok(answer.status >= 400, where)
      if (name === 'GET /v1/entries' && region === north && answer.status === 200)
        for (const id of [incidentId, callId, alertId, 'U1', 'U3'])
          assert.ok(!answer.text.includes(`"${id}"`), `${where} shows ${id}`)
      walked++
    }
  }
  assert.ok(walked > 500, `${walked} walked`)
})

test('IN-11 every message of the socket × role × region', async () => {
  const incidentId = randomUUID()
  await server.say(server.device, 'incident.opened', { incidentId, level: 3, regionCode: north, ...centre })
  for (const role of people)
    for (const region of [south, north]) {
      const desk = await server.open(await server.as(role, [region]))
      try {
        const world = desk.snapshots[0]!.world
        const foreign = region === south ? north : south
        for (const name of ['places', 'units', 'calls', 'incidents', 'alerts'] as const)
          for (const row of world[name]) {
            // A neighbour's unit is seen while it serves a case that is seen.
            const serves = name === 'units' ? (row as { incidentId?: string }).incidentId : undefined
            if (serves !== undefined && world.incidents.some(each => each.incidentId === serves)) continue
            assert.notEqual(row.regionCode, foreign, `${role} of ${region} sees ${name}`)
          }
        const answer = await desk.submit([
          submission('incident.noted', { incidentId, note: 'x' }),
          submission('unit.position', { unitId: 'U1', ...centre }),
          { nonsense: true },
        ])
        if (role === 'auditor') assert.equal(answer.code, 'ROLE_FORBIDDEN')
        else {
          const codes = answer.outcomes!.map(o => o.code ?? o.result)
          const mayNote = ['dispatcher', 'shift-leader', 'crew'].includes(role)
          assert.equal(
            codes[0],
            mayNote ? (region === north ? 'done' : 'REGION_FOREIGN') : 'KIND_FORBIDDEN',
            `${role} of ${region}`,
          )
          assert.deepEqual(codes.slice(1), ['KIND_FORBIDDEN', 'SHAPE_INVALID'], `${role} of ${region}`)
          for (const o of answer.outcomes!) if (o.code) assertRefusal(o as never, o.code, role)
        }
        desk.socket.emit('watch', { unitId: region === south ? 'U2' : 'U1', on: true })
      } finally {
        desk.socket.disconnect()
      }
    }
  for (const role of ['gateway', 'feed'] as const) {
    const deviceId = `${role}-socket`
    const made = await server.identity.devices.enrol(
      { deviceId, name: deviceId, role, regions: [city], unitIds: [] },
      'test',
    )
    assert.ok(!('code' in made))
    await assert.rejects(server.open({ authorization: `Bearer ${made.token}` }), /ROLE_FORBIDDEN/)
  }
  await assert.rejects(server.open({}), /SIGN_IN_REQUIRED/)
  await assert.rejects(server.open({ cookie: 'vigil=nonsense' }), /SIGN_IN_REQUIRED/)
})

test('IN-12 bad input over the socket: the frame is refused whole, an item by itself; every click is answered', async () => {
  const desk = await server.open(await server.as('dispatcher'))
  const { socket } = desk
  const tell = (raw: unknown) => socket.timeout(20_000).emitWithAck('submit', raw) as Promise<Record<string, unknown>>
  for (const raw of [null, undefined, 7, 'x', [], {}, { entries: {} }, { entries: 'x' }])
    assertRefusal(await tell(raw), 'SHAPE_INVALID', String(raw))
  assertRefusal(await tell({ entries: [] }), 'BATCH_EMPTY', 'empty')
  assertRefusal(await tell({ entries: new Array(21).fill({}) }), 'BATCH_TOO_LARGE', '21 items')
  const good = () => submission('call.received', { callId: randomUUID(), regionCode: south })
  const answer = (await tell({
    entries: [
      good(),
      null,
      JSON.parse(`{"__proto__":{"kind":"call.received"},"uuid":"${randomUUID()}"}`),
      submission('call.received', { callId: 'NUL\u0000', regionCode: south }),
      submission('call.received', { callId: randomUUID(), regionCode: south, callerName: '\ud800' }),
      good(),
    ],
  })) as { outcomes: EntryOutcome[] }
  assert.deepEqual(
    answer.outcomes.map(o => o.code ?? o.result),
    ['done', 'SHAPE_INVALID', 'SHAPE_INVALID', 'TEXT_INVALID', 'TEXT_INVALID', 'done'],
    JSON.stringify(answer),
  )
  socket.disconnect()
})

test('IN-13 every kind that carries personal text is sealed at the door, whoever says it', async () => {
  for (const [kind, traits] of Object.entries(kinds))
    assert.equal(traits.personal.length > 0, traits.record !== undefined, kind)
  const cardId = randomUUID()
  const told = await server.say(server.device, 'report.received', {
    cardId,
    diseaseId: 'influenza',
    caseClass: 'clinical',
    regionCode: south,
    facilityId: 'F1',
    diagnosedAt: Date.now(),
    patientName: '张三丰',
  })
  assert.equal(told.result, 'done')
  const [held] = await server.log.list(told.seq! - 1, 1)
  assert.match(String((held!.entry.body as Record<string, unknown>).patientName), /^sealed:v1:/)
})

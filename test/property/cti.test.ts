/**
 * The telephone system's decoder against inputs nobody thought of: any bytes, any slicing, any JSON, mutated good lines. What it
 * lets through always has the shape of its kind and passes the house's own normal form. `node test/property/cti.test.ts 200000`
 * runs the mutation campaign in full length by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { getBodySchema } from '#contract/entry.ts'
import {
  createCtiFramer,
  ctiClockAheadMaxMs,
  ctiClockBehindMaxMs,
  ctiLineMaxBytes,
  ctiTexts,
  decodeCti,
  encodeCtiAnswer,
} from '../../edge-gateway/sources/cti.ts'

const clockAt = Date.parse('2026-11-21T10:30:00Z')
const settings = { prefix: 'T-', regionCode: '330400', trunks: { h1: '330424' }, datum: 'WGS84' as const }
const campaignRuns = Number(process.argv[2] ?? 4_000)
const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (message: unknown, at = clockAt) => decodeCti(toBytes(JSON.stringify(message)), settings, at)

/** What must hold of every answer of the decoder. */
function judge(line: Uint8Array): void {
  const message = decodeCti(line, settings, clockAt)
  if (message.kind === 'refused') assert.ok(ctiTexts[message.code].zh !== '')
  if (message.kind !== 'said') return
  assert.ok(message.entries.length > 0)
  for (const { kind, body, occurredAt } of message.entries) {
    const shaped = getBodySchema(kind).safeParse(body)
    assert.ok(shaped.success, JSON.stringify(shaped.error?.issues))
    assert.ok(occurredAt <= clockAt + ctiClockAheadMaxMs && occurredAt >= clockAt - ctiClockBehindMaxMs)
    for (const value of Object.values(body))
      if (typeof value === 'string')
        assert.ok(value.isWellFormed() && !value.includes('\0') && value === value.normalize('NFC'))
  }
}

test('CTI-1 every message of the protocol becomes the entries it means', () => {
  const kinds = (message: Record<string, unknown>) => {
    const said = read({ id: 1, call: 'c1', ...message })
    assert.equal(said.kind, 'said', JSON.stringify(said))
    return said.kind === 'said' ? said.entries : []
  }
  const rung = kinds({ type: 'ring', number: '139 0000 1234', lon: 120.7, lat: 30.7, radiusM: 650, trunk: 'h1' })
  assert.deepEqual(
    rung.map(entry => entry.body),
    [
      { callId: 'T-c1', regionCode: '330424', channel: 'telephone', callerNumber: '139 0000 1234' },
      { callId: 'T-c1', positionSource: 'operator', lon: 120.7, lat: 30.7, radiusM: 650 },
    ],
  )
  assert.deepEqual(kinds({ type: 'answer', seat: '8001' })[0]!.body, { callId: 'T-c1', seat: '8001' })
  assert.equal(kinds({ type: 'hangup', answered: false })[0]!.kind, 'call.abandoned')
  assert.deepEqual(kinds({ type: 'hangup', answered: true, by: 'caller' })[0]!.body, { callId: 'T-c1', by: 'caller' })
  assert.equal(kinds({ type: 'locate', lon: 120, lat: 30, source: 'sms-link' })[0]!.kind, 'call.located')
  assert.equal(kinds({ type: 'conference', party: '110', partyKind: 'service' })[0]!.kind, 'call.conferenced')
  assert.equal(kinds({ type: 'transfer', to: '海盐', toKind: 'centre' })[0]!.kind, 'call.transferred')
  assert.equal(kinds({ type: 'recording', recording: 'a/b.wav' })[0]!.kind, 'call.recorded')
  const linked = kinds({
    type: 'link',
    link: 'L1',
    service: '122',
    reference: 'JT-9',
    text: '两车相撞',
    number: '13900001234',
  })
  assert.deepEqual(
    linked.map(entry => entry.kind),
    ['call.received', 'call.linked'],
  )
  assert.equal(kinds({ type: 'linkAcknowledged', link: 'L1', by: '110' })[0]!.kind, 'call.linkAcknowledged')
  assert.equal(read({ type: 'ping' }).kind, 'ping')
  assert.equal(read({ type: 'hello', key: 'k' }).kind, 'hello')
})

test('CTI-2 a ring is never refused for what came with it: the bad part is left out and named', () => {
  for (const [field, bad] of [
    ['lon', { lon: 'x', lat: 30 }],
    ['lon', { lon: 30, lat: 120 }],
    ['lon', { lon: 0, lat: 0 }],
    ['at', { at: clockAt + 3_600_000 }],
    ['at', { at: 'noon' }],
    ['number', { number: ' \u0000 ' }],
    ['name', { name: 7 }],
  ] as const) {
    const said = read({ id: 1, type: 'ring', call: 'c1', ...bad })
    assert.equal(said.kind, 'said', JSON.stringify(bad))
    if (said.kind !== 'said') continue
    assert.deepEqual(said.omitted, [field])
    assert.deepEqual(
      said.entries.map(entry => [entry.kind, entry.occurredAt]),
      [['call.received', clockAt]],
    )
  }
})

test('CTI-3 what cannot be used is refused with a stable code and the field', () => {
  const refused = (message: unknown) => {
    const said = read(message)
    return said.kind === 'refused' ? [said.code, said.field] : [said.kind]
  }
  assert.deepEqual(refused({ id: 1, type: 'ring' }), ['FIELD_INVALID', 'call'])
  assert.deepEqual(refused({ id: 1, type: 'ring', call: '-x y' }), ['FIELD_INVALID', 'call'])
  assert.deepEqual(refused({ type: 'ring', call: 'c1' }), ['FIELD_INVALID', 'id'])
  assert.deepEqual(refused({ id: 1, type: 'hangup', call: 'c1' }), ['FIELD_INVALID', 'answered'])
  assert.deepEqual(refused({ id: 1, type: 'link', call: 'c1', link: 'L', service: '114' }), [
    'FIELD_INVALID',
    'service',
  ])
  assert.deepEqual(refused({ id: 1, type: 'recording', call: 'c1', recording: 'http://u:p@h/x' }), [
    'FIELD_INVALID',
    'recordingRef',
  ])
  assert.deepEqual(refused({ id: 1, type: 'dial', call: 'c1' }), ['TYPE_UNKNOWN', undefined])
  for (const text of ['', 'null', '[]', '1', '"ring"', '{', '{"a":1}}'])
    assert.equal(decodeCti(toBytes(text), settings, clockAt).kind, 'refused', text)
  const broken = decodeCti(Uint8Array.of(0x7b, 0xff, 0x7d), settings, clockAt)
  assert.deepEqual(broken, { kind: 'refused', id: undefined, code: 'NOT_UTF8' })
})

test('CTI-4 the framer gives the same lines however the bytes are sliced, and drops a long line alone', () => {
  const content = fc.uint8Array({ maxLength: 60 }).map(bytes => bytes.filter(byte => byte !== 10 && byte !== 13))
  fc.assert(
    fc.property(
      fc.array(content, { maxLength: 12 }),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 40 }),
      (lines, cuts) => {
        const stream = Buffer.concat(lines.flatMap(line => [line, Uint8Array.of(13, 10)]))
        const framer = createCtiFramer()
        const got: Uint8Array[] = []
        for (let from = 0, n = 0; from < stream.length; n++) {
          const to = Math.min(stream.length, from + 1 + cuts[n % cuts.length]!)
          for (const line of framer.push(stream.subarray(from, to), 1)) if ('bytes' in line) got.push(line.bytes)
          from = to
        }
        assert.deepEqual(
          got.map(line => Buffer.from(line).toString('hex')),
          lines.filter(line => line.length > 0).map(line => Buffer.from(line).toString('hex')),
        )
        assert.equal(framer.getBegunAt(), undefined)
      },
    ),
    { numRuns: 300 },
  )
  const framer = createCtiFramer()
  const long = Buffer.alloc(ctiLineMaxBytes * 3, 0x61)
  const told = [
    ...framer.push(long.subarray(0, 30_000), 5),
    ...framer.push(long.subarray(30_000), 6),
    ...framer.push(Buffer.from('tail\n{"a":1}\nhalf'), 7),
  ]
  assert.deepEqual(
    told.map(line => ('bytes' in line ? Buffer.from(line.bytes).toString() : line.code)),
    ['LINE_TOO_LONG', '{"a":1}'],
  )
  assert.equal(framer.getBegunAt(), 7)
  const exact = createCtiFramer().push(
    Buffer.from(`${'a'.repeat(ctiLineMaxBytes)}\r\n${'a'.repeat(ctiLineMaxBytes + 1)}\n`),
    1,
  )
  assert.deepEqual(
    exact.map(line => 'bytes' in line),
    [true, false],
  )
})

test('CTI-5 any bytes and any JSON: never a throw, only refusals or entries of the right shape', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), judge), { numRuns: 1_000 })
  const field = fc.constantFrom(
    'id',
    'type',
    'call',
    'number',
    'name',
    'lon',
    'lat',
    'radiusM',
    'at',
    'seat',
    'answered',
    'by',
    'link',
    'service',
    'text',
    'to',
    'party',
    'recording',
    'reference',
    '__proto__',
  )
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('ring', 'answer', 'hangup', 'link', 'locate', 'c1', '110', true, false, 120.5, 1e308, -0),
    fc.string({ unit: 'binary', maxLength: 300 }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(field, value), { maxLength: 14 }), pairs =>
      judge(toBytes(JSON.stringify(Object.fromEntries(pairs)))),
    ),
    { numRuns: 2_000 },
  )
})

test('CTI-6 mutated good lines: the campaign', () => {
  const good = [
    {
      id: 1,
      type: 'ring',
      call: 'c1',
      number: '13900001234',
      name: '王\u{20BB7}',
      lon: 120.7,
      lat: 30.7,
      radiusM: 500,
      at: clockAt,
    },
    { id: 'x', type: 'hangup', call: 'c1', answered: true, by: 'caller' },
    {
      id: 2,
      type: 'link',
      call: 'c2',
      link: 'L1',
      service: '110',
      reference: 'R-1',
      text: '车祸,两人受伤',
      number: '110',
    },
    { id: 3, type: 'conference', call: 'c1', party: '第一医院', partyKind: 'hospital' },
  ].map(message => toBytes(JSON.stringify(message)))
  let state = 20_261_121
  const chance = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 4_294_967_296) * below)
  }
  let said = 0
  for (let run = 0; run < campaignRuns; run++) {
    const line = Uint8Array.from(good[run % good.length]!)
    for (let n = chance(3); n >= 0; n--) line[chance(line.length)] = chance(4) === 0 ? chance(256) : 0x20 + chance(0x5f)
    const cut = chance(5) === 0 ? line.subarray(0, chance(line.length)) : line
    judge(cut)
    if (decodeCti(cut, settings, clockAt).kind === 'said') said++
  }
  // Most mutations break the JSON; enough must reach the fields behind it.
  assert.ok(said > campaignRuns / 20, `${said} of ${campaignRuns} came through`)
})

test('CTI-7 an answer is one line, whatever it answers', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 64 }), fc.integer()), id => {
      const text = encodeCtiAnswer({ id, ok: false, code: 'FIELD_INVALID', field: 'call' })
      assert.equal(text.indexOf('\n'), text.length - 1)
      assert.equal(JSON.parse(text).en, ctiTexts.FIELD_INVALID.en)
    }),
    { numRuns: 200 },
  )
})

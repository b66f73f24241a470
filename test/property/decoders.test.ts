/**
 * The decoders of the edge gateway against inputs nobody thought of: any bytes, any slicing, mutated good input, and the way
 * there and back. `node test/property/decoders.test.ts 200000 [seed]` runs the mutation campaigns in full length by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  buildHl7Answers,
  createMllpFramer,
  decodeHl7,
  encodeMllp,
  findHl7Segment,
  getHl7Field,
  type Hl7Content,
  mllpFrameBytesMax,
  parseHl7,
  toVitalsEntry,
  vitalKeys,
} from '../../edge-gateway/sources/hl7.ts'
import {
  assembliesMax,
  assemblyBytesMax,
  createJt808Framer,
  decodeJt808,
  decodeJt808Fix,
  encodeGbk,
  encodeJt808,
  encodeJt808Batch,
  encodeJt808Fix,
  frameBytesMax,
  getJt808Address,
  type Jt808Frame,
  type Jt808Roster,
  type Jt808Session,
  jt808Ids,
  openJt808Session,
  parseJt808,
  recentMax,
  stepJt808,
  tickJt808,
  toEntries,
} from '../../edge-gateway/sources/jt808.ts'
import { getBodySchema } from '../../server/contract/entry.ts'

const clockAt = Date.parse('2026-11-21T10:30:00Z')
const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** Inputs of each campaign: a short form by default, the full one by hand. */
const campaignRuns = Number(process.argv[2] ?? 4_000)
const campaignSeed = Number(process.argv[3] ?? 20_261_121)

/** Mulberry32: a small generator whose runs can be repeated by their seed. */
function createChance(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Bytes that mean something to one of the decoders. */
const spice = [
  0x7e, 0x7d, 0x01, 0x02, 0x00, 0xff, 0x0b, 0x1c, 0x0d, 0x0a, 0x7c, 0x5e, 0x7e, 0x5c, 0x26, 0x22, 0x80, 0x30,
]

/** A copy with one to eight changes: flipped, replaced, inserted, deleted, doubled, cut short. */
function mutate(input: Uint8Array, chance: (below: number) => number): Uint8Array {
  let bytes = [...input]
  for (let change = chance(8); change >= 0; change--) {
    const at = chance(Math.max(1, bytes.length))
    const kind = chance(7)
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << chance(8))
    else if (kind === 1) bytes[at] = chance(256)
    else if (kind === 2) bytes.splice(at, 0, spice[chance(spice.length)] as number)
    else if (kind === 3) bytes.splice(at, 1 + chance(6))
    else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + chance(40)))
    else if (kind === 5) bytes[at] = spice[chance(spice.length)] as number
    else if (chance(4) === 0) bytes = bytes.slice(0, at)
  }
  return Uint8Array.from(bytes)
}

/** Cuts bytes at the given places, in any order, repeated or outside. */
function slice(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length]
  return places.slice(1).map((to, index) => bytes.subarray(places[index], to))
}

// ------------------------------------------------------------------------------------------------------------- JT/T 808

const terminal = {
  number: '13800138000',
  unitId: 'unit-1',
  authCode: 'secret',
  datum: 'GCJ02' as const,
  isRegistrationOpen: true,
}
/** Every number is enrolled, so that mutations of the number reach the decoder too. */
const openRoster: Jt808Roster = {
  findTerminal: number => ({ ...terminal, number }),
  findHolder: () => undefined,
  isAddressAllowed: () => true,
}
const positionSchema = getBodySchema('unit.position')
const vitalsSchema = getBodySchema('unit.vitals')

function openAuthenticated(): Jt808Session {
  const address = getJt808Address(terminal.number, false)
  const wire = encodeJt808(jt808Ids.authenticate, address, 0, toBytes(terminal.authCode))[0] as Uint8Array
  const frame = createJt808Framer().push(wire, clockAt).frames[0] as Jt808Frame
  return stepJt808(openJt808Session('c', '127.0.0.1'), frame, clockAt, openRoster).session
}

/** What must hold of a session and what it gave, whatever came. */
function assertBounded(session: Jt808Session): void {
  assert.ok(session.assemblies.length <= assembliesMax)
  assert.ok(session.assemblies.reduce((sum, each) => sum + each.bytes, 0) <= assemblyBytesMax)
  assert.ok(session.recent.length <= recentMax)
}

/** Sends a stream through a framer and a session; every entry must satisfy the contract. */
function driveJt808(session: Jt808Session, bytes: Uint8Array): Jt808Session {
  const framer = createJt808Framer()
  const { frames } = framer.push(bytes, clockAt)
  assert.ok(framer.getHeldBytes() <= frameBytesMax)
  let next = session
  for (const frame of frames) {
    const step = stepJt808(next, frame, clockAt, openRoster)
    next = step.session
    for (const { body, occurredAt } of toEntries(step.fixes)) {
      assert.ok(positionSchema.safeParse(body).success, JSON.stringify(body))
      assert.ok(Number.isSafeInteger(occurredAt))
    }
    for (const reply of step.replies) assert.equal(createJt808Framer().push(reply, clockAt).frames.length, 1)
  }
  assertBounded(next)
  return next
}

const anyFix = fc.record({
  fixedAt: fc.integer({ min: Date.UTC(2001, 0, 1) / 1000, max: Date.UTC(2098, 0, 1) / 1000 }).map(s => s * 1000),
  lon: fc.integer({ min: -180_000_000, max: 180_000_000 }).map(value => value / 1e6),
  lat: fc.integer({ min: -90_000_000, max: 90_000_000 }).map(value => value / 1e6),
  altitudeM: fc.integer({ min: -32_768, max: 32_767 }),
  speedKmh: fc.integer({ min: 0, max: 3_000 }).map(value => value / 10),
  courseDeg: fc.integer({ min: 0, max: 359 }),
  valid: fc.boolean(),
  alarmBits: fc.integer({ min: 0, max: 0xffffffff }),
  items: fc.array(
    fc
      .tuple(fc.integer({ min: 0xe0, max: 0xff }), fc.uint8Array({ maxLength: 40 }))
      .map(([id, bytes]) => ({ id, bytes })),
    {
      maxLength: 6,
    },
  ),
})

test('JT-20 any bytes are taken without a throw and within the bounds', () => {
  const session = openAuthenticated()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), bytes => {
      driveJt808(session, bytes)
      driveJt808(session, Uint8Array.from([0x7e, ...bytes, 0x7e]))
      parseJt808(bytes)
      decodeJt808Fix(bytes)
    }),
    { numRuns: 2_000 },
  )
})

test('JT-21 any slicing of a stream gives the same frames, faults and counts', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    anyFix.map(
      fix => encodeJt808(0x0200, getJt808Address('13800138000', true), 7, encodeJt808Fix(fix))[0] as Uint8Array,
    ),
    fc.constant(Uint8Array.of(0x7e, 0x7e)),
    fc.constant(Uint8Array.of(0x7d)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (pieces, cuts) => {
      const stream = Uint8Array.from(pieces.flatMap(each => [...each]))
      const whole = createJt808Framer()
      const sliced = createJt808Framer()
      const expected = whole.push(stream, clockAt)
      const got = slice(stream, cuts).map(part => sliced.push(part, clockAt))
      assert.deepEqual(
        got.flatMap(each => each.frames),
        expected.frames,
      )
      assert.deepEqual(
        got.flatMap(each => each.faults),
        expected.faults,
      )
      assert.deepEqual(sliced.getCounts(), whole.getCounts())
    }),
    { numRuns: 1_000 },
  )
})

test('JT-22 a position encoded is the position decoded, through escapes, batches and split packets', () => {
  fc.assert(
    fc.property(
      fc.array(anyFix, { minLength: 1, maxLength: 60 }),
      fc.boolean(),
      fc.nat(0xffff),
      (fixes, is2019, serial) => {
        const address = getJt808Address('13800138000', is2019)
        const bodies = fixes.map(encodeJt808Fix)
        const wires = encodeJt808(jt808Ids.batch, address, serial, encodeJt808Batch(bodies, true))
        const framer = createJt808Framer()
        const packets = wires.flatMap(wire => framer.push(wire, clockAt).frames).map(frame => parseJt808(frame.raw))
        const parts = packets.map(packet => {
          assert.ok('body' in packet)
          assert.equal(packet.header.number, '13800138000')
          assert.deepEqual(packet.remarks, [])
          return packet
        })
        const body = Uint8Array.from(parts.flatMap(packet => [...packet.body]))
        const message = decodeJt808((parts[0] as (typeof parts)[0]).header, body)
        assert.ok(message.kind === 'batch')
        assert.equal(message.fixes.length, fixes.length)
        message.fixes.forEach((fix, index) => {
          const sent = fixes[index] as (typeof fixes)[0]
          assert.equal(fix.fixedAt, sent.fixedAt)
          assert.equal(fix.lon, sent.lon + 0)
          assert.equal(fix.lat, sent.lat + 0)
          assert.equal(fix.altitudeM, sent.altitudeM)
          assert.equal(fix.speedKmh, sent.speedKmh)
          assert.equal(fix.courseDeg, sent.courseDeg)
          assert.equal(fix.valid, sent.valid)
          assert.equal(fix.alarmBits, sent.alarmBits)
          assert.deepEqual(fix.items.raw, sent.items)
        })
      },
    ),
    { numRuns: 200 },
  )
})

test('JT-23 text encoded in GBK is the text decoded', () => {
  const decoder = new TextDecoder('gbk')
  const han = fc.integer({ min: 0x4e00, max: 0x9fa5 }).map(point => String.fromCodePoint(point))
  const mixed = fc.array(
    fc.oneof(
      han,
      fc.integer({ min: 0x20, max: 0x7e }).map(point => String.fromCharCode(point)),
    ),
  )
  fc.assert(
    fc.property(mixed, letters => {
      const text = letters.join('')
      const { bytes, lost } = encodeGbk(text)
      assert.equal(lost, 0)
      assert.equal(decoder.decode(bytes), text)
    }),
    { numRuns: 500 },
  )
})

/** Good streams to mutate: every message the session knows, both headers, whole and split. */
function listJt808Seeds(): Uint8Array[] {
  const seeds: Uint8Array[] = []
  const items = [
    { id: 0x01, bytes: Uint8Array.of(0, 0, 3, 0xe8) },
    { id: 0x11, bytes: Uint8Array.of(1, 0, 0, 0, 9) },
    { id: 0x12, bytes: Uint8Array.of(1, 0, 0, 0, 9, 1) },
    { id: 0x13, bytes: Uint8Array.of(0, 0, 0, 9, 0, 60, 0) },
    { id: 0x06, bytes: Uint8Array.of(0x80, 5) },
    { id: 0x2b, bytes: Uint8Array.of(0, 1, 0, 2) },
    { id: 0xeb, bytes: Uint8Array.of(0x7e, 0x7d, 0x7e) },
  ]
  const fix = (index: number) =>
    encodeJt808Fix({ fixedAt: clockAt - index * 1000, lon: 120.75, lat: 30.75, speedKmh: 40, courseDeg: 90, items })
  for (const is2019 of [false, true]) {
    const address = getJt808Address(terminal.number, is2019)
    const add = (id: number, body?: Uint8Array) => seeds.push(...encodeJt808(id, address, 65_534, body))
    add(jt808Ids.location, fix(0))
    add(jt808Ids.batch, encodeJt808Batch([fix(1), fix(2), fix(3)], true))
    add(jt808Ids.register, Uint8Array.from([0, 33, 0, 4, ...new Uint8Array(71), 2, ...encodeGbk('浙F12345').bytes]))
    add(jt808Ids.authenticate, Uint8Array.from([6, ...toBytes(terminal.authCode), ...new Uint8Array(35)]))
    add(jt808Ids.heartbeat)
    add(jt808Ids.terminalAck, Uint8Array.of(0, 1, 0x83, 0, 0))
    add(jt808Ids.timeQuery)
    add(0x0900, Uint8Array.of(0xf0, 1, 2, 3))
    const parts = encodeJt808(
      jt808Ids.batch,
      address,
      1,
      encodeJt808Batch(
        Array.from({ length: 30 }, (_, n) => fix(n)),
        true,
      ),
    )
    seeds.push(Uint8Array.from(parts.flatMap(part => [...part])))
  }
  return seeds
}

/** Sets the checksum of a single unescaped-looking frame right again, so that mutations reach behind it. */
function repairChecksum(wire: Uint8Array): Uint8Array {
  const framer = createJt808Framer()
  const fault = framer.push(wire, clockAt).faults.find(each => each.code === 'CHECKSUM')
  if (!fault) return wire
  const plain = fault.raw
  let xor = 0
  for (let at = 0; at < plain.length - 1; at++) xor ^= plain[at] as number
  const repaired = Uint8Array.from([...plain.subarray(0, -1), xor])
  return Uint8Array.from([
    0x7e,
    ...[...repaired].flatMap(byte => (byte === 0x7d ? [0x7d, 1] : byte === 0x7e ? [0x7d, 2] : [byte])),
    0x7e,
  ])
}

test('JT-24 mutated messages never throw, never hang, never leave the bounds', { timeout: 3_600_000 }, context => {
  const chance = createChance(campaignSeed)
  const seeds = listJt808Seeds()
  let session = openAuthenticated()
  let reached = 0
  for (let run = 0; run < campaignRuns; run++) {
    const mutated = mutate(seeds[chance(seeds.length)] as Uint8Array, chance)
    const before = session.counts.messages
    session = driveJt808(session, chance(5) === 0 ? mutated : repairChecksum(mutated))
    if (session.counts.messages > before) reached++
    if (run % 64 === 0) session = tickJt808(session, clockAt + run).session
    // a mutated logout or number ends a session; a fresh one keeps the campaign behind the door
    if (!session.terminal || run % 500 === 0) session = openAuthenticated()
  }
  assert.ok(reached > campaignRuns / 4, `${reached} of ${campaignRuns} reached the session`)
  context.diagnostic(`seed ${campaignSeed}, ${campaignRuns} inputs, ${reached} reached the session`)
})

// ---------------------------------------------------------------------------------------------------------------- HL7 v2

const oru = [
  'MSH|^~\\&|MON|WARD|VIGIL|EDGE|20261121183000+0800||ORU^R01^ORU_R01|C-1|P|2.6|||AL|NE||UNICODE UTF-8',
  'PID|1||P-1^^^H^MR~P-2||张^三||19800101|M',
  'PV1||E|ED^1^2||||||||||||||||V-1',
  'OBR|1|||182777000^monitoring^SCT|||20261121182959.500',
  'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1|98|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121183000',
  'OBX|2|NM|8310-5^T^LN||98.6|[degF]|||||F',
  'OBX|3|ST|NIBP^Blood Pressure^L||128/79(95)|mmHg||DEMO~N|||F|20261121183000',
  'OBX|4|SN|147842^MDC_ECG_HEART_RATE^MDC|1|=^72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F',
  'OBX|5||70739^MDC_DEV_CARD_RATE_CHAN^MDC|1|||||||X',
].join('\r')
const adt = [
  'MSH|^~\\&||JXH^1^NPI|||202611211900||ADT^A04^ADT_A01|V-1|T|2.5.1',
  'EVN||202611211855|||||JXH^1^NPI',
  'PID|1||77001^^^^MR||^^^^^^S||19800101|F||2106-3|^^^^314000^CHN^^^330402',
  'PV2|||^胸\\T\\痛 \\XE79787\\ \\.br\\ end',
  'DG1|1||I21.9^MI^I10|||A',
  'OBX|1|NM|21612-7^^LN||18|mo^^UCUM|||||F',
].join('\r\n')

/** Everything the gateway does with a message; every entry must satisfy the contract. */
function driveHl7(bytes: Uint8Array): Hl7Content | undefined {
  const message = parseHl7(bytes)
  if ('code' in message) return undefined
  const content = decodeHl7(message)
  if (content.kind === 'vitals') {
    for (const key of vitalKeys) assert.ok(content.values[key] === undefined || Number.isFinite(content.values[key]))
    const entry = toVitalsEntry(content, { unitId: 'u1' }, clockAt)
    assert.ok(!entry || vitalsSchema.safeParse(entry.body).success, JSON.stringify(entry))
  }
  const outcome =
    content.kind === 'refused' ? { result: content.result, code: content.code } : { result: 'accept' as const }
  const answers = buildHl7Answers(message, outcome, { nowAt: clockAt, controlId: 'T' })
  for (const text of [answers.accept, answers.application]) {
    if (text === undefined) continue
    const answer = parseHl7(text)
    assert.ok('segments' in answer, 'our own answer parses')
    const sent = getHl7Field(findHl7Segment(message, 'MSH'), 10)
    assert.equal(getHl7Field(findHl7Segment(answer, 'MSA'), 2).trim(), sent.trim())
  }
  return content
}

test('HL7-20 any bytes and any text are taken without a throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.nat(0xffff), { maxLength: 400 }).map(codes => toBytes(String.fromCharCode(...codes))),
      ),
      bytes => {
        driveHl7(bytes)
        driveHl7(Uint8Array.from([...toBytes('MSH|^~\\&|'), ...bytes]))
        createMllpFramer(64).push(bytes, clockAt)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('HL7-21 any slicing of an MLLP stream gives the same messages and counts, within the limit', () => {
  const alphabet = fc.constantFrom(0x0b, 0x1c, 0x0d, 0x41, 0x42)
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 300 }), fc.array(fc.nat(), { maxLength: 30 }), (bytes, cuts) => {
      const stream = Uint8Array.from(bytes)
      const whole = createMllpFramer(100)
      const sliced = createMllpFramer(100)
      const expected = whole.push(stream, clockAt)
      const got = slice(stream, cuts).map(part => {
        const framing = sliced.push(part, clockAt)
        assert.ok(sliced.getHeldBytes() <= 100)
        return framing
      })
      assert.deepEqual(
        got.flatMap(each => each.messages),
        expected.messages,
      )
      assert.deepEqual(sliced.getCounts(), whole.getCounts())
      assert.equal(got.at(-1)?.isCut, expected.isCut)
    }),
    { numRuns: 1_000 },
  )
})

test('HL7-22 vital signs written in any unit are read in ours', () => {
  const writers = {
    sbp: [
      ['8480-6^^LN', 'mm[Hg]', (value: number) => value],
      ['8480-6^^LN', 'kPa', (value: number) => (value * 101.325) / 760],
    ],
    spo2: [
      ['150456^^MDC', '%', (value: number) => value],
      ['SpO2^SpO2', '1', (value: number) => value / 100],
    ],
    temp: [
      ['150344^MDC_TEMP^MDC', '°C', (value: number) => value],
      ['8310-5^^LN', 'degF', (value: number) => (value * 9) / 5 + 32],
    ],
    hr: [
      ['HR^心率', '次/分', (value: number) => value],
      ['147842^MDC_ECG_HEART_RATE^MDC', 'Hz', (value: number) => value / 60],
    ],
  } as const
  const anyValues = fc.record({
    sbp: fc.integer({ min: 40, max: 250 }),
    spo2: fc.integer({ min: 50, max: 100 }),
    temp: fc.integer({ min: 300, max: 420 }).map(value => value / 10),
    hr: fc.integer({ min: 20, max: 250 }),
  })
  fc.assert(
    fc.property(anyValues, fc.array(fc.nat(1), { minLength: 4, maxLength: 4 }), (values, choices) => {
      const rows = (Object.keys(writers) as (keyof typeof writers)[]).map((key, index) => {
        const [code, unit, write] = writers[key][choices[index] as 0 | 1]
        return `OBX|${index}|NM|${code}||${write(values[key]).toFixed(6)}|${unit}|||||F`
      })
      const framed = createMllpFramer().push(encodeMllp([oru.split('\r')[0], ...rows].join('\r')), clockAt).messages[0]
      const content = driveHl7(framed as Uint8Array)
      assert.ok(content?.kind === 'vitals')
      for (const [key, value] of Object.entries(values))
        assert.ok(Math.abs((content.values[key as keyof typeof values] ?? -1) - value) <= 0.011, `${key} ${value}`)
    }),
    { numRuns: 500 },
  )
})

test('HL7-23 mutated messages never throw, never hang, never make an entry the contract refuses', {
  timeout: 3_600_000,
}, context => {
  const chance = createChance(campaignSeed + 1)
  const seeds = [oru, adt, oru.replaceAll('|NM|', '||'), adt.replaceAll('\r\n', '\n')].map(toBytes)
  let reached = 0
  for (let run = 0; run < campaignRuns; run++) {
    const wire = mutate(encodeMllp(new TextDecoder().decode(seeds[chance(seeds.length)])), chance)
    const framer = createMllpFramer()
    const { messages } = framer.push(wire, clockAt)
    assert.ok(framer.getHeldBytes() <= mllpFrameBytesMax)
    for (const message of messages) {
      const content = driveHl7(message)
      if (content && content.kind !== 'refused') reached++
    }
  }
  assert.ok(reached > campaignRuns / 4, `${reached} of ${campaignRuns} reached a decoder`)
  context.diagnostic(`seed ${campaignSeed + 1}, ${campaignRuns} inputs, ${reached} reached a decoder`)
})

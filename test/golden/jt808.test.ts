/**
 * JT/T 808 against vectors: other people's frames under ../shared when present, and our own written here byte by byte.
 * Drives the framer and the session as the gateway does, with the clock of the malformed cases.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { convertDatum, toWgs84 } from '../../edge-gateway/datum.ts'
import {
  assemblyOpenMax,
  createJt808Framer,
  decodeJt808,
  decodeJt808Fix,
  encodeGbk,
  encodeJt808,
  encodeJt808Ack,
  encodeJt808Batch,
  encodeJt808Fix,
  encodeJt808RegisterAck,
  encodeJt808Rerequest,
  encodeJt808Text,
  encodeJt808Time,
  frameBytesMax,
  frameOpenMax,
  getJt808Address,
  type Jt808Frame,
  type Jt808Message,
  type Jt808Packet,
  type Jt808Roster,
  type Jt808Session,
  type Jt808Step,
  type Jt808Terminal,
  jt808Ids,
  openJt808Session,
  parseJt808,
  resumeJt808Session,
  stepJt808,
  tickJt808,
  toEntries,
} from '../../edge-gateway/sources/jt808.ts'
import { checkJt808Vector, readJt808Vectors } from '../check/jt808.ts'

const shared = resolve(import.meta.dirname, '../../../shared/vectors/jt808')
const hasShared = existsSync(shared)
const skip = hasShared ? false : 'no data'
const clockAt = Date.parse('2026-11-21T10:30:00Z')

const parseHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
const formatHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Adds the checksum, the escapes and the flags, as the standard writes them and without our encoder. */
function frameOf(hex: string): Uint8Array {
  const plain = parseHex(hex)
  let xor = 0
  for (const byte of plain) xor ^= byte
  const escaped = `${formatHex(plain)}${formatHex(Uint8Array.of(xor))}`
    .replaceAll(/../g, pair => (pair === '7d' ? '7D01' : pair === '7e' ? '7D02' : pair))
    .toLowerCase()
  return parseHex(`7e${escaped}7e`)
}

const terminal: Jt808Terminal = {
  number: '13800138000',
  unitId: 'unit-1',
  authCode: 'secret-1',
  datum: 'WGS84',
  isRegistrationOpen: true,
}

function makeRoster(more: Partial<Jt808Roster> = {}, terminals: readonly Jt808Terminal[] = [terminal]): Jt808Roster {
  return {
    findTerminal: number => terminals.find(each => each.number === number),
    findHolder: () => undefined,
    isAddressAllowed: () => true,
    ...more,
  }
}

/** A connection as the gateway keeps it. */
function connect(options: { terminal?: Jt808Terminal; roster?: Jt808Roster; isAuthenticated?: boolean } = {}) {
  const roster = options.roster ?? makeRoster({}, [options.terminal ?? terminal])
  const framer = createJt808Framer()
  let session: Jt808Session = openJt808Session('connection-1', '10.0.0.7')
  const total = {
    fixes: [] as Jt808Step['fixes'],
    raw: [] as Jt808Step['raw'],
    alarms: [] as Jt808Step['alarms'],
    acks: [] as Jt808Step['acks'],
    replies: [] as Jt808Packet[],
    isClosing: false,
    isCut: false,
  }
  function absorb(step: Jt808Step): void {
    session = step.session
    total.fixes.push(...step.fixes)
    total.raw.push(...step.raw)
    total.alarms.push(...step.alarms)
    total.acks.push(...step.acks)
    for (const wire of step.replies) {
      const { frames, faults } = createJt808Framer().push(wire, clockAt)
      assert.equal(faults.length, 0, 'our own answer frames cleanly')
      for (const { raw } of frames) {
        const packet = parseJt808(raw)
        assert.ok('body' in packet)
        total.replies.push(packet)
      }
    }
    total.isClosing ||= step.isClosing
  }
  function send(bytes: Uint8Array, nowAt = clockAt): void {
    const framing = framer.push(bytes, nowAt)
    total.isCut ||= framing.isCut
    for (const frame of framing.frames) absorb(stepJt808(session, frame, nowAt, roster))
  }
  function reset(): void {
    for (const list of [total.fixes, total.raw, total.alarms, total.acks, total.replies]) list.length = 0
  }
  if (options.isAuthenticated ?? true) {
    const known = options.terminal ?? terminal
    send(encodeJt808(jt808Ids.authenticate, getJt808Address(known.number, false), 0, toBytes(known.authCode))[0]!)
    assert.equal(total.replies[0]?.body[4], 0, 'authenticated')
    reset()
  }
  return {
    total,
    framer,
    send,
    reset,
    tick: (nowAt: number) => absorb(tickJt808(session, nowAt)),
    getSession: () => session,
    setSession: (next: Jt808Session) => {
      session = next
    },
  }
}

/** Results of the 0x8001 answers seen. */
const resultsOf = (replies: readonly Jt808Packet[]): number[] =>
  replies.filter(each => each.header.messageId === jt808Ids.platformAck).map(each => each.body[4] as number)

function decodeWire(wire: Uint8Array): { packet: Jt808Packet; message: Jt808Message } {
  const { frames } = createJt808Framer().push(wire, clockAt)
  assert.equal(frames.length, 1)
  const packet = parseJt808((frames[0] as Jt808Frame).raw)
  assert.ok('body' in packet, 'a packet')
  return { packet, message: decodeJt808(packet.header, packet.body) }
}

// --------------------------------------------------------------------------------------------------------- shared vectors

test('JT-1 frames of a public decoder agree in place, time, speed, course and number', { skip }, () => {
  const vectors = readJt808Vectors(shared)
  assert.ok(vectors.length > 0)
  for (const [index, vector] of vectors.entries()) {
    const { failures, title } = checkJt808Vector(vector)
    assert.deepEqual(failures, [], `${index} ${title}`)
  }
})

test('JT-1 the comparison itself fails on a wrong figure', { skip }, () => {
  const vectors = readJt808Vectors(shared)
  const vector = structuredClone(vectors.find(each => each.header?.msgId === '0x0200' && each.checksumOk))
  assert.ok(vector?.traccarRun?.result && !Array.isArray(vector.traccarRun.result))
  vector.traccarRun.result.lat = (vector.traccarRun.result.lat as number) + 3e-6
  assert.equal(checkJt808Vector(vector).failures.length, 1)
  const broken = structuredClone(vector)
  broken.checksumOk = false
  assert.equal(checkJt808Vector(broken).failures.length, 1, 'a good checksum named bad')
})

type SmallchiVector = {
  source: string
  kind: string
  wire: string
  expected: { asserts: string[]; assigned: string[] }
}

test('JT-2 the public C# vectors are read and written byte for byte', { skip }, () => {
  const vectors = JSON.parse(readFileSync(resolve(shared, 'smallchi.json'), 'utf8')) as SmallchiVector[]
  const wireOf = (name: string): Uint8Array => {
    const vector = vectors.find(each => each.source.includes(name))
    assert.ok(vector, name)
    return parseHex(vector.wire)
  }
  let count = 0
  for (const vector of vectors) {
    const { packet } = decodeWire(parseHex(vector.wire))
    count++
    for (const line of vector.expected.asserts) {
      const [value, name] = [line.slice(0, line.lastIndexOf(', ')), line.slice(line.lastIndexOf(', ') + 2)]
      if (name.endsWith('Header.MsgNum')) assert.equal(packet.header.serial, Number(value), line)
      if (name.endsWith('Header.TerminalPhoneNo')) assert.equal(`"${packet.header.number}"`, value, line)
      if (name.endsWith('Header.ProtocolVersion')) assert.equal(packet.header.protocolVersion, Number(value), line)
      if (name.endsWith('DataLength')) assert.equal(packet.header.bodyLength, Number(value), line)
    }
  }
  assert.ok(count >= 15)

  const location = decodeWire(wireOf('JT808_0x0200Test.cs Test5')).message
  assert.ok(location.kind === 'location')
  assert.equal(location.fix.lat, 12.222222)
  assert.equal(location.fix.lon, 132.444444)
  assert.equal(location.fix.speedWord, 60)
  assert.equal(location.fix.alarmBits, 1)
  assert.equal(location.fix.statusBits, 2)
  assert.equal(location.fix.fixedAt, Date.parse('2018-07-15T10:10:10+08:00'))
  assert.equal(location.fix.items.mileageKm, 10)
  assert.equal(location.fix.items.fuelL, 5.5)

  const address = getJt808Address('12345678900', false)
  assert.deepEqual(encodeJt808RegisterAck(address, 10, 100, 4), wireOf('JT808_0x8100Test.cs Test3'))
  const ack = encodeJt808Ack(address, 10, { serial: 100, messageId: 0x0200 }, 0)
  assert.deepEqual(ack, wireOf('JT808_0x8001Test.cs Test1'))
  const terminalAck = parseHex('03e8 0002 00')
  assert.deepEqual(encodeJt808(0x0001, address, 1203, terminalAck)[0], wireOf('JT808_0x0001Test.cs Test1'))
  assert.deepEqual(decodeWire(wireOf('JT808_0x0001Test.cs Test2')).message, {
    kind: 'terminalAck',
    serial: 1000,
    messageId: 0x0002,
    result: 0,
  })
  assert.deepEqual(encodeJt808(0x0102, address, 12345, toBytes('456121111'))[0], wireOf('JT808_0x0102Test.cs Test3'))
  assert.deepEqual(decodeWire(wireOf('JT808_0x0102Test.cs Test4')).message, {
    kind: 'authenticate',
    code: '456121111',
  })
  assert.deepEqual(encodeJt808(0x0002, address, 10)[0], wireOf('JT808_0x0002Test.cs Test1'))
  assert.deepEqual(decodeWire(wireOf('JT808_0x0002Test.cs Test2')).message, { kind: 'heartbeat' })
  assert.deepEqual(decodeWire(wireOf('Test2019_4_1')).message, {
    kind: 'register',
    provinceCode: 0,
    cityCode: 0,
    maker: 'Koike002',
    model: 'Koike002',
    terminalId: 'Koike002',
    plateColour: 2,
    plate: '粤A12346',
  })
  for (const name of ['Test2019_1 ', 'Test2019_2 '])
    assert.deepEqual(decodeWire(wireOf(`JT808_0x0100Test.cs ${name}`)).message, {
      kind: 'register',
      provinceCode: 40,
      cityCode: 50,
      maker: '1234',
      model: 'smallchi123',
      terminalId: 'CHI123',
      plateColour: 1,
      plate: '粤A12345',
    })
})

// --------------------------------------------------------------------------------------------------------- malformed input

type Case = { name: string; hex?: string; segments?: string[] }
type Connection = ReturnType<typeof connect>

/** What a refused message leaves: nothing stored, the connection open, the result given. */
const refuses =
  (result: number) =>
  ({ total }: Connection): void => {
    assert.equal(total.fixes.length, 0)
    assert.deepEqual(resultsOf(total.replies), [result])
    assert.equal(total.isClosing, false)
    assert.equal(total.raw.length, 1, 'kept raw with its reason')
  }
/** What a frame that never becomes a message leaves. */
const drops =
  (fault: 'checksum' | 'escape') =>
  ({ total, framer }: Connection): void => {
    assert.equal(total.fixes.length, 0)
    assert.equal(total.replies.length, 0)
    assert.equal(total.isClosing || total.isCut, false)
    assert.equal(framer.getCounts()[fault], 1)
  }
const baseline = ({ total }: Connection): void => {
  assert.equal(total.fixes.length, 1)
  const fix = total.fixes[0]!
  assert.deepEqual([fix.lat, fix.lon, fix.speedKmh, fix.courseDeg], [30.752311, 120.755123, 43.5, 271])
  assert.equal(fix.fixedAt, clockAt)
  assert.equal(fix.standing, 'live')
  assert.deepEqual(resultsOf(total.replies), [0])
}
const stores =
  (count: number, remark?: string, standing = 'live') =>
  ({ total }: Connection): void => {
    assert.equal(total.fixes.length, count)
    if (remark)
      for (const fix of total.fixes)
        assert.ok(
          fix.remarks.some(code => code === remark),
          remark,
        )
    assert.equal(total.fixes[0]?.standing, standing)
    assert.ok(resultsOf(total.replies).every(result => result === 0))
    assert.equal(total.isClosing, false)
  }
const quarantines = (remark: string) => (connection: Connection) => {
  stores(1, remark, 'quarantined')(connection)
  assert.equal(toEntries(connection.total.fixes).length, 0, 'no entry is made of it')
  assert.equal(connection.getSession().latestAt, 0, 'it never becomes the latest')
}
const reassembles = ({ total }: Connection): void => {
  assert.equal(total.raw.length, 1)
  assert.equal(total.raw[0]?.bytes.length, 1536)
  total.raw[0]?.bytes.forEach((byte, at) => {
    // the cases fill the body with 00 01 … e7 over and over within the first part, then go on
    if (at < 1000) assert.equal(byte, at & 255)
  })
  assert.ok(resultsOf(total.replies).every(result => result === 3))
}

const expectations: Record<string, (connection: Connection) => void> = {
  'good baseline (2013)': baseline,
  'good baseline (2019 header)': baseline,
  'bad checksum': drops('checksum'),
  'truncated mid-body, then flag': drops('checksum'),
  'truncated header only': ({ total, framer }) => {
    assert.equal(total.replies.length, 0)
    assert.equal(framer.isStalled(clockAt + frameOpenMax), false)
    assert.equal(framer.isStalled(clockAt + frameOpenMax + 1), true)
  },
  'empty frame 7e7e': ({ total, framer }) => {
    assert.equal(total.replies.length, 0)
    assert.deepEqual(framer.getCounts(), { frames: 1, checksum: 0, escape: 0, garbageBytes: 0 })
    assert.equal(framer.isStalled(clockAt + 10 * frameOpenMax), false, 'idle fill is not an open frame')
  },
  'shared flag between two frames': ({ total, framer }) => {
    assert.equal(framer.getCounts().frames, 3)
    assert.deepEqual(resultsOf(total.replies), [0, 0])
    // the two frames of this case are the same position, so the second is a repeat
    assert.equal(total.fixes.length, 1)
  },
  'two frames in one segment with garbage between': ({ total, framer }) => {
    assert.equal(framer.getCounts().frames, 3)
    assert.equal(framer.getCounts().garbageBytes, 9)
    assert.deepEqual(resultsOf(total.replies), [0, 0])
  },
  'bad frame followed by good frame': connection => {
    assert.equal(connection.framer.getCounts().checksum, 1)
    baseline(connection)
  },
  'length field larger than body': refuses(2),
  'length field smaller than body': refuses(2),
  'length field 1023, tiny body': refuses(2),
  'body of 28 bytes minus 1': refuses(2),
  'additional item overruns body': stores(1, 'ITEM_OVERRUN'),
  'additional item length 0': connection => {
    stores(1, 'ITEM_LENGTH')(connection)
    assert.equal(connection.total.fixes[0]?.items.mileageKm, undefined)
    assert.equal(connection.total.fixes[0]?.items.signalStrength, undefined)
  },
  'mileage item with length 3': connection => {
    stores(1, 'ITEM_LENGTH')(connection)
    assert.equal(connection.total.fixes[0]?.items.mileageKm, undefined)
    assert.deepEqual(
      connection.total.fixes[0]?.items.raw.map(item => item.id),
      [1],
    )
  },
  'dangling escape 7d before flag': drops('escape'),
  'unknown escape 7d 03': drops('escape'),
  'data full of 7e and 7d (nested escapes)': ({ total }) => {
    assert.deepEqual(resultsOf(total.replies), [3])
    const packet = parseJt808(total.raw[0]!.bytes)
    assert.ok('body' in packet)
    assert.equal(packet.body.length, packet.header.bodyLength)
    const address = { numberRaw: packet.header.numberRaw, is2019: false }
    const wire = encodeJt808(packet.header.messageId, address, packet.header.serial, packet.body)[0]!
    const again = createJt808Framer().push(wire, clockAt)
    assert.deepEqual(again.frames[0]?.raw, total.raw[0]?.bytes)
  },
  'checksum byte itself 7e/7d': stores(1),
  'month 13 in BCD time': quarantines('TIME_NOT_A_DATE'),
  'non-BCD nibble in time': quarantines('TIME_NOT_BCD'),
  'all-zero time': quarantines('TIME_UNSET'),
  'time 2 days in the future': quarantines('TIME_FUTURE'),
  'latitude 95 deg': quarantines('LATITUDE_RANGE'),
  '0,0 with valid bit': quarantines('NULL_ISLAND'),
  'not-fixed bit with stale coordinates': connection => {
    stores(1, 'NOT_POSITIONED', 'stale')(connection)
    assert.equal(connection.total.fixes[0]?.valid, false)
    assert.equal(toEntries(connection.total.fixes).length, 0)
  },
  'south + west bits': ({ total }) => {
    assert.deepEqual([total.fixes[0]?.lat, total.fixes[0]?.lon], [-30.752311, -120.755123])
  },
  'speed 6553.5 km/h': connection => {
    stores(1, 'SPEED_IMPLAUSIBLE')(connection)
    assert.equal(toEntries(connection.total.fixes)[0]?.body.speedKmh, undefined)
  },
  'course 400': connection => {
    stores(1, 'COURSE_RANGE')(connection)
    assert.equal(connection.total.fixes[0]?.courseDeg, undefined)
  },
  'encrypted body bit10': refuses(3),
  'reserved bit15 set': connection => {
    stores(1)(connection)
    assert.equal(connection.getSession().counts.reservedBit, 1)
  },
  '2019 bit with version byte 0': connection => {
    stores(1)(connection)
    assert.equal(connection.getSession().counts.oddVersion, 1)
  },
  'non-BCD phone (hex digits)': ({ total }) => {
    assert.equal(total.fixes.length, 0)
    assert.deepEqual(resultsOf(total.replies), [1])
    assert.equal(total.alarms.length, 1)
  },
  'split body 2 of 2 in order': reassembles,
  'split body out of order + duplicate': reassembles,
  'split index > total': refuses(2),
  'split total 0': refuses(2),
  'split total 65535, only part 1': connection => {
    const { total, getSession, tick } = connection
    assert.equal(total.replies.length, 0)
    assert.equal(getSession().assemblies.length, 1)
    assert.equal(getSession().assemblies[0]?.bytes, 1000)
    tick(clockAt + 20_000)
    assert.equal(total.replies.length, 0, 'thousands of missing parts are not asked for')
    tick(clockAt + assemblyOpenMax + 1)
    assert.equal(getSession().assemblies.length, 0)
    assert.equal(total.raw[0]?.code, 'SPLIT_TIMEOUT')
  },
  '0x0704 blind batch of 3, newest last': connection => {
    stores(3, undefined, 'record')(connection)
    assert.ok(connection.total.fixes.every(fix => fix.isReplay && fix.standing === 'record'))
    assert.equal(connection.getSession().latestAt, 0)
    assert.equal(toEntries(connection.total.fixes).length, 3)
  },
  '0x0704 count says 5, has 3': ({ total }) => {
    const packet = parseJt808(total.raw[0]!.bytes)
    assert.ok('body' in packet)
    const message = decodeJt808(packet.header, packet.body)
    assert.ok(message.kind === 'batch')
    assert.deepEqual([message.fixes.length, message.declared], [3, 5])
    // the three items of this case are one position three times: kept by the decoder, stored once
    assert.equal(total.fixes.length, 1)
    assert.deepEqual(
      total.raw.map(each => each.code),
      ['BATCH_COUNT'],
    )
    assert.deepEqual(resultsOf(total.replies), [0])
  },
  '0x0704 item length runs past the end': ({ total }) => {
    assert.equal(total.fixes.length, 1)
    assert.equal(total.raw[0]?.code, 'BATCH_ITEM')
    assert.deepEqual(resultsOf(total.replies), [0])
  },
  '0x0704 count 0': ({ total }) => {
    assert.equal(total.fixes.length, 0)
    assert.deepEqual(resultsOf(total.replies), [0])
  },
  'duplicate frame (same phone+serial)': connection => {
    assert.equal(connection.total.fixes.length, 1)
    assert.deepEqual(resultsOf(connection.total.replies), [0, 0])
    assert.equal(connection.getSession().counts.repeated, 1)
  },
  'byte-by-byte TCP segments': stores(1),
  'split inside an escape pair': ({ total, framer }) => {
    assert.equal(framer.getCounts().frames, 2)
    assert.deepEqual(resultsOf(total.replies), [3])
  },
  '5 MB without a flag': ({ total, framer, send }) => {
    const zeros = new Uint8Array(65_536)
    for (let sent = 0; sent < 5 * 1024 * 1024; sent += zeros.length) {
      send(zeros)
      assert.ok(framer.getHeldBytes() <= frameBytesMax)
    }
    assert.equal(total.isCut, true)
    assert.equal(framer.getHeldBytes(), 0)
  },
}

test('JT-3 the malformed cases each end as their page asks', { skip }, async context => {
  const cases = JSON.parse(readFileSync(resolve(shared, 'malformed.json'), 'utf8')) as Case[]
  assert.deepEqual(
    cases.map(each => each.name).sort(),
    Object.keys(expectations).sort(),
    'every case has an expectation and the other way round',
  )
  for (const { name, hex, segments } of cases)
    await context.test(`JT-3 ${name}`, () => {
      const connection = connect()
      for (const segment of segments ?? [hex as string]) connection.send(parseHex(segment))
      expectations[name]?.(connection)
    })
})

// ------------------------------------------------------------------------------------------------------- our own vectors

// 0x0200 of number 13912345678, serial 7: alarm SOS, positioned, BeiDou (bit 19), ACC; 25.043210 N 102.712345 E; 1,890 m;
// 61.3 km/h; 359 degrees; 2026-03-05 06:07:08 GMT+8; mileage 1,234.5 km, satellites 14, vendor item E1 of 3 bytes
const ownLocation =
  '0200 002a 013912345678 0007 00000001 00080003 017e210a 061f3f59 0762 0265 0167 260305060708' +
  ' 0104 00003039 3101 0e e103 aabbcc'

test('JT-4 a position of our own is read field by field', () => {
  const wire = frameOf(ownLocation)
  assert.deepEqual(encodeJt808(0x0200, getJt808Address('13912345678', false), 7, parseHex(ownLocation).slice(12)), [
    wire,
  ])
  const { packet, message } = decodeWire(wire)
  assert.equal(packet.header.bodyLength, 28 + 6 + 3 + 5)
  assert.equal(packet.header.number, '13912345678')
  assert.equal(packet.header.serial, 7)
  assert.ok(message.kind === 'location')
  const { fix } = message
  assert.equal(fix.lat, 0x017e210a / 1e6)
  assert.equal(fix.lon, 0x061f3f59 / 1e6)
  assert.equal(fix.altitudeM, 1890)
  assert.equal(fix.speedKmh, 61.3)
  assert.equal(fix.courseDeg, 359)
  assert.equal(fix.fixedAt, Date.UTC(2026, 2, 4, 22, 7, 8))
  assert.equal(fix.alarmBits & 1, 1)
  assert.equal(fix.valid, true)
  assert.equal(fix.items.mileageKm, 1234.5)
  assert.equal(fix.items.satellites, 14)
  assert.deepEqual(fix.items.raw, [{ id: 0xe1, bytes: parseHex('aabbcc') }])
  assert.deepEqual(fix.remarks, [])
})

test('JT-5 every additional item of the standard is read, also negative and short ones', () => {
  const items: [number, string][] = [
    [0x03, '0258'],
    [0x04, 'beef'],
    [0x05, '1a1b1c1d'],
    [0x06, '8005'],
    [0x11, '00'],
    [0x12, '03 0000abcd 01'],
    [0x13, '00000102 003c 01'],
    [0x25, '80000001'],
    [0x2a, '0003'],
    [0x2b, '00110022'],
    [0x30, '1f'],
    [0x77, ''],
  ]
  const body = encodeJt808Fix({
    fixedAt: clockAt,
    lon: -0.5,
    lat: -89.999999,
    altitudeM: -154,
    items: items.map(([id, hex]) => ({ id, bytes: parseHex(hex) })),
  })
  const fix = decodeJt808Fix(body)!
  assert.equal(fix.lat, -89.999999)
  assert.equal(fix.lon, -0.5)
  assert.equal(fix.altitudeM, -154)
  assert.equal(fix.items.recorderSpeedKmh, 60)
  assert.equal(fix.items.alarmEventId, 0xbeef)
  assert.deepEqual(fix.items.tyrePressure, parseHex('1a1b1c1d'))
  assert.equal(fix.items.cabinC, -5)
  assert.deepEqual(fix.items.overspeed, { placeKind: 0 })
  assert.deepEqual(fix.items.area, { placeKind: 3, areaId: 0xabcd, direction: 1 })
  assert.deepEqual(fix.items.section, { sectionId: 0x102, durationS: 60, result: 1 })
  assert.equal(fix.items.signalBits, 0x80000001)
  assert.equal(fix.items.ioBits, 3)
  assert.deepEqual(fix.items.analog, { ad0: 0x22, ad1: 0x11 })
  assert.equal(fix.items.signalStrength, 31)
  assert.deepEqual(
    fix.items.raw.map(item => item.id),
    [0x77],
  )
  assert.deepEqual(fix.remarks, [])
  const complement = decodeJt808Fix(
    encodeJt808Fix({ fixedAt: clockAt, lon: 1, lat: 1, items: [{ id: 6, bytes: parseHex('fffb') }] }),
  )
  assert.equal(complement?.items.cabinC, -5)
})

test('JT-6 encrypted coordinates and minus zero never reach an entry', () => {
  const connection = connect()
  const address = getJt808Address('13800138000', false)
  const shifted = encodeJt808Fix({ fixedAt: clockAt, lon: 120, lat: 30, statusBits: 0x20 })
  connection.send(encodeJt808(0x0200, address, 1, shifted)[0]!)
  assert.equal(connection.total.fixes[0]?.standing, 'stale')
  assert.ok(connection.total.fixes[0]?.isEncrypted)
  assert.deepEqual(toEntries(connection.total.fixes), [])
  const zero = decodeJt808Fix(parseHex('00000000 0000000e 00000000 00000001 0000 0000 0000 261121183000'))
  assert.ok(Object.is(zero?.lat, 0))
})

test('JT-7 a terminal is heard only after its code, from its network, as itself and once', () => {
  const address = getJt808Address('13800138000', true)
  const position = encodeJt808(0x0200, address, 5, encodeJt808Fix({ fixedAt: clockAt, lon: 120, lat: 30 }))[0]!
  const wrong = Uint8Array.from([5, ...toBytes('wrong')])

  const early = connect({ isAuthenticated: false })
  early.send(position)
  assert.deepEqual([early.total.fixes.length, resultsOf(early.total.replies)], [0, [1]])
  assert.deepEqual(
    early.total.alarms.map(each => each.code),
    ['AUTH_MISSING'],
  )

  const guessing = connect({ isAuthenticated: false })
  for (let attempt = 0; attempt < 3; attempt++) guessing.send(encodeJt808(0x0102, address, attempt, wrong)[0]!)
  assert.deepEqual(resultsOf(guessing.total.replies), [1, 1, 1])
  assert.equal(guessing.total.isClosing, true)
  assert.deepEqual(
    guessing.total.alarms.map(each => each.code),
    ['AUTH_FAILED'],
  )

  const stranger = connect({ isAuthenticated: false, roster: makeRoster({}, []) })
  for (let sent = 0; sent < 19; sent++) stranger.send(position)
  assert.deepEqual([stranger.total.isClosing, stranger.total.alarms.length], [false, 1])
  stranger.send(position)
  assert.equal(stranger.total.isClosing, true)

  const held = connect({ isAuthenticated: false, roster: makeRoster({ findHolder: () => 'connection-0' }) })
  held.send(encodeJt808(0x0102, address, 0, Uint8Array.from([8, ...toBytes('secret-1')]))[0]!)
  assert.deepEqual(
    held.total.alarms.map(each => each.code),
    ['NUMBER_HELD'],
  )
  assert.deepEqual([resultsOf(held.total.replies), held.total.isClosing], [[1], true])

  const foreign = connect({ isAuthenticated: false, roster: makeRoster({ isAddressAllowed: () => false }) })
  foreign.send(position)
  assert.deepEqual(
    foreign.total.alarms.map(each => each.code),
    ['ADDRESS_FOREIGN'],
  )

  const lying = connect({ roster: makeRoster({}, [terminal, { ...terminal, number: '13900000000' }]) })
  const other = encodeJt808Fix({ fixedAt: clockAt, lon: 120, lat: 30 })
  lying.send(encodeJt808(0x0200, getJt808Address('13900000000', false), 5, other)[0]!)
  assert.deepEqual([lying.total.fixes.length, lying.total.isClosing], [0, true])
  assert.deepEqual(
    lying.total.alarms.map(each => each.code),
    ['NUMBER_CHANGED'],
  )
})

test('JT-8 registration tells the code only while it is open, and an unknown number that it is unknown', () => {
  const body = Uint8Array.from([
    ...parseHex('0021 0004'),
    ...new Uint8Array(5 + 20 + 7),
    2,
    ...encodeGbk('浙F12345').bytes,
  ])
  const register = encodeJt808(0x0100, getJt808Address('13800138000', false), 9, body)[0]!
  const open = connect({ isAuthenticated: false })
  open.send(register)
  assert.equal(formatHex(open.total.replies[0]!.body), `000900${formatHex(toBytes('secret-1'))}`)
  const message = decodeWire(register).message
  assert.ok(message.kind === 'register')
  assert.deepEqual([message.provinceCode, message.cityCode, message.plate], [0x21, 4, '浙F12345'])

  const closed = connect({ isAuthenticated: false, terminal: { ...terminal, isRegistrationOpen: false } })
  closed.send(register)
  assert.equal(formatHex(closed.total.replies[0]!.body), '000903')
  const unknown = connect({ isAuthenticated: false, roster: makeRoster({}, []) })
  unknown.send(register)
  assert.equal(formatHex(unknown.total.replies[0]!.body), '000904')
  // 2011: 8 bytes of model
  const old = Uint8Array.from([
    ...parseHex('0021 0004'),
    ...toBytes('MAKER'),
    ...toBytes('MODEL-11'),
    ...toBytes('ID00001'),
    1,
  ])
  const read = decodeJt808({ ...decodeWire(register).packet.header }, old)
  assert.ok(read.kind === 'register')
  assert.deepEqual([read.maker, read.model, read.terminalId, read.plateColour], ['MAKER', 'MODEL-11', 'ID00001', 1])
})

test('JT-9 a 2019 authentication gives code, IMEI and software in both spellings', () => {
  const imei = '860000000000017'
  const address = getJt808Address('13800138000', true)
  const head = [8, ...toBytes('secret-1'), ...toBytes(imei)]
  const fixed = new Uint8Array(20)
  fixed.set(toBytes('V1.2'))
  const spellings = [fixed, Uint8Array.from([4, ...toBytes('V1.2')])]
  for (const software of spellings) {
    const wire = encodeJt808(0x0102, address, 0, Uint8Array.from([...head, ...software]))[0]!
    assert.deepEqual(decodeWire(wire).message, { kind: 'authenticate', code: 'secret-1', imei, software: 'V1.2' })
  }
  const bare = encodeJt808(0x0102, address, 0, toBytes('secret-1'))[0]!
  assert.deepEqual(decodeWire(bare).message, { kind: 'authenticate', code: 'secret-1' })
})

test('JT-10 missing parts are asked for by index, three times, and every part is answered when the whole is there', () => {
  const connection = connect()
  const address = getJt808Address('13800138000', false)
  const fixes = Array.from({ length: 80 }, (_, index) =>
    encodeJt808Fix({ fixedAt: clockAt - index * 1000, lon: 120, lat: 30 }),
  )
  const parts = encodeJt808(0x0704, address, 0xfffe, encodeJt808Batch(fixes, true))
  assert.equal(parts.length, 3)
  connection.send(parts[0]!)
  connection.send(parts[2]!)
  assert.equal(connection.total.replies.length, 0, 'nothing is acknowledged before it is whole')
  for (let second = 0; second < 40; second++) connection.tick(clockAt + second * 1000)
  const asked = connection.total.replies.filter(each => each.header.messageId === 0x8003)
  assert.deepEqual(
    asked.map(each => formatHex(each.body)),
    Array(3).fill('fffe010002'),
  )
  connection.reset()
  connection.send(parts[1]!, clockAt + 41_000)
  assert.equal(connection.total.fixes.length, 80)
  assert.deepEqual(
    connection.total.replies.map(each => formatHex(each.body)),
    ['fffe070400', 'ffff070400', '0000070400'],
  )
  connection.reset()
  connection.send(parts[2]!, clockAt + 42_000)
  assert.deepEqual(resultsOf(connection.total.replies), [0], 'a part repeated later is answered again')
  assert.equal(connection.total.fixes.length, 0)
  assert.equal(
    formatHex(encodeJt808Rerequest(getJt808Address('1', true), 0, 258, [2, 3])).slice(36, -4),
    '0102000200020003',
  )
})

test('JT-11 split messages cannot fill the memory', () => {
  const connection = connect()
  const address = getJt808Address('13800138000', false)
  for (let first = 0; first < 40; first++) {
    const parts = encodeJt808(0x0801, address, first * 100, new Uint8Array(90 * 1023))
    for (const part of parts.slice(0, -1)) connection.send(part)
  }
  const held = connection.getSession().assemblies
  assert.ok(held.length <= 4)
  assert.ok(held.reduce((sum, each) => sum + each.bytes, 0) <= 262_144)
  assert.deepEqual(
    connection.total.alarms.map(each => each.code),
    ['SPLIT_TOO_LARGE'],
  )
})

test('JT-12 a position sent again after a reconnect, alone or in a batch, is stored once and never moves back', () => {
  const address = getJt808Address('13800138000', false)
  const newer = encodeJt808Fix({ fixedAt: clockAt, lon: 120.2, lat: 30 })
  const older = encodeJt808Fix({ fixedAt: clockAt - 60_000, lon: 120.1, lat: 30 })
  const first = connect()
  first.send(encodeJt808(0x0200, address, 1, newer)[0]!)
  const second = connect()
  second.setSession(resumeJt808Session(second.getSession(), first.getSession()))
  second.send(encodeJt808(0x0704, address, 1, encodeJt808Batch([newer, older], false))[0]!)
  assert.deepEqual(
    second.total.fixes.map(fix => [fix.lon, fix.standing]),
    [[120.1, 'record']],
  )
  assert.equal(second.getSession().latestAt, clockAt)
})

test('JT-13 texts go out in GBK, long ones in two packets, and too long ones are refused', () => {
  const address = getJt808Address('13800138000', true)
  const sent = encodeJt808Text(address, 3, { flagBits: 0x0c, textType: 2, text: '急救:胸痛,南湖区中山路1号€' })
  assert.ok('frames' in sent)
  assert.equal(sent.lost, 0)
  const { packet } = decodeWire(sent.frames[0]!)
  assert.equal(packet.header.messageId, 0x8300)
  assert.deepEqual([...packet.body.subarray(0, 2)], [0x0c, 2])
  assert.equal(new TextDecoder('gbk').decode(packet.body.subarray(2)), '急救:胸痛,南湖区中山路1号€')
  const full = encodeJt808Text(address, 3, { flagBits: 1, text: '汉'.repeat(512) })
  assert.ok('frames' in full)
  assert.equal(full.frames.length, 2)
  assert.deepEqual(encodeJt808Text(address, 3, { flagBits: 1, text: '汉'.repeat(513) }), { code: 'TEXT_TOO_LONG' })
  assert.deepEqual(encodeGbk('😀𠀀a'), { bytes: toBytes('??a'), lost: 2 })
})

test('JT-14 the time query is answered in UTC, terminal answers are reported, logout ends the session', () => {
  const connection = connect()
  const address = getJt808Address('13800138000', true)
  connection.send(encodeJt808(0x0004, address, 1)[0]!)
  assert.equal(formatHex(connection.total.replies[0]!.body), '261121103000')
  assert.deepEqual(decodeWire(encodeJt808Time(address, 1, clockAt)).packet.body, connection.total.replies[0]!.body)
  connection.send(encodeJt808(0x0001, address, 2, parseHex('0009 8300 00'))[0]!)
  assert.deepEqual(connection.total.acks, [{ serial: 9, messageId: 0x8300, result: 0 }])
  connection.send(encodeJt808(0x0003, address, 3)[0]!)
  connection.reset()
  connection.send(encodeJt808(0x0200, address, 4, encodeJt808Fix({ fixedAt: clockAt, lon: 1, lat: 1 }))[0]!)
  assert.deepEqual(resultsOf(connection.total.replies), [1])
})

test('JT-15 a vendor whose length field is wrong is read only when enrolled so', () => {
  const plain = parseHex(ownLocation)
  plain[3] = 0x20
  const wire = frameOf(formatHex(plain))
  const strict = connect({ terminal: { ...terminal, number: '13912345678' } })
  strict.send(wire)
  assert.deepEqual([strict.total.fixes.length, resultsOf(strict.total.replies)], [0, [2]])
  const tolerant = connect({ terminal: { ...terminal, number: '13912345678', tolerateLength: true } })
  tolerant.send(wire)
  assert.equal(tolerant.total.fixes.length, 1)
  assert.equal(tolerant.getSession().counts.lengthTolerated, 1)
})

test('JT-16 a slow frame is seen although bytes keep coming, and garbage without end cuts the connection', () => {
  const framer = createJt808Framer()
  framer.push(Uint8Array.from([0x7e]), clockAt)
  for (let second = 1; second <= 31; second++) framer.push(Uint8Array.from([second]), clockAt + second * 1000)
  assert.equal(framer.isStalled(clockAt + 31_000), false, 'the flag alone opens nothing')
  assert.equal(framer.isStalled(clockAt + 1_000 + frameOpenMax + 1), true)
  const noise = createJt808Framer()
  assert.equal(noise.push(new Uint8Array(65_536).fill(0x41), clockAt).isCut, false)
  assert.equal(noise.push(new Uint8Array(1), clockAt).isCut, true)
})

test('JT-17 a bit 13 without packet item is read whole', () => {
  const plain = parseHex(ownLocation)
  plain[2] = 0x20
  const { packet, message } = decodeWire(frameOf(formatHex(plain)))
  assert.deepEqual([packet.header.isSplit, packet.remarks], [false, ['SPLIT_ABSENT']])
  assert.equal(message.kind, 'location')
})

test('JT-18 coordinates of a terminal that speaks GCJ-02 or BD-09 arrive in WGS-84', () => {
  const place = { lon: 120.755123, lat: 30.752311 }
  for (const datum of ['GCJ02', 'BD09'] as const) {
    const spoken = convertDatum(place, 'WGS84', datum)
    const metres = Math.hypot((spoken.lon - place.lon) * 95_600, (spoken.lat - place.lat) * 111_300)
    assert.ok(metres > 200, `${datum} is ${metres} m off`)
    const connection = connect({ terminal: { ...terminal, datum } })
    const body = encodeJt808Fix({ fixedAt: clockAt, ...spoken })
    connection.send(encodeJt808(0x0200, getJt808Address('13800138000', false), 1, body)[0]!)
    const entry = toEntries(connection.total.fixes)[0]!
    // two roundings to the sixth digit
    assert.ok(Math.abs(entry.body.lon - place.lon) < 3e-6)
    assert.ok(Math.abs(entry.body.lat - place.lat) < 3e-6)
  }
  assert.deepEqual(toWgs84(place, 'WGS84'), place)
  const abroad = { lon: 13.4, lat: 52.5 }
  assert.deepEqual(toWgs84(abroad, 'GCJ02'), abroad)
})

test('JT-19 broken frames of our own are counted, never answered, and the next good one is heard', () => {
  const address = getJt808Address('13800138000', false)
  const good = encodeJt808(0x0200, address, 1, encodeJt808Fix({ fixedAt: clockAt, lon: 120.5, lat: 30.5 }))[0]!
  const flipped = good.map((byte, at) => (at === 20 ? byte ^ 0x10 : byte))
  const unknownEscape = Uint8Array.from([...good.subarray(0, 20), 0x7d, 0x03, ...good.subarray(20)])
  const dangling = Uint8Array.from([...good.subarray(0, -1), 0x7d, 0x7e])
  const cases: [Uint8Array, Partial<ReturnType<Connection['framer']['getCounts']>>][] = [
    [flipped, { checksum: 1 }],
    [good.subarray(0, 30), { checksum: 1 }],
    [unknownEscape, { escape: 1 }],
    [dangling, { escape: 1 }],
    [Uint8Array.from([0x7e, ...toBytes('NOISE'), 0x7e]), { garbageBytes: 5 }],
    [toBytes('(013612345678BP05)'), { checksum: 1 }],
    [Uint8Array.of(0x7e, 0x7e, 0x7e), { garbageBytes: 0, checksum: 0, escape: 0 }],
  ]
  for (const [bytes, counts] of cases) {
    const connection = connect()
    connection.send(bytes)
    assert.equal(connection.total.replies.length, 0)
    connection.send(good)
    assert.deepEqual(resultsOf(connection.total.replies), [0])
    assert.equal(connection.total.fixes.length, 1)
    assert.equal(connection.total.isCut || connection.total.isClosing, false)
    for (const [name, count] of Object.entries(counts))
      assert.equal(connection.framer.getCounts()[name as keyof typeof counts], count, name)
  }
})

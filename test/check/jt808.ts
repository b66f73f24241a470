/**
 * `npm run -s check:jt808 -- DIR`: runs the frames of DIR/traccar.json through the framer, the decoder and a session, compares
 * them with what another decoder made of them, prints a line per frame and `N passed, M failed`; exit 1 on a failure.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createJt808Framer,
  type DecodedFix,
  decodeJt808,
  encodeJt808,
  type Jt808Frame,
  type Jt808Header,
  jt808Ids,
  jt808Results,
  openJt808Session,
  parseJt808,
  parseJt808Number,
  stepJt808,
} from '../../edge-gateway/sources/jt808.ts'

/** One frame of the file. Everything but `wire` may be missing. */
type Vector = {
  wire: string
  hex?: string
  kind?: string
  checksumOk?: boolean
  header?: {
    msgId?: string
    bodyLenField?: number
    fragmented?: boolean
    encrypt?: number
    v2019?: boolean
    protocolVersion?: number | null
    phoneRaw?: string
  } | null
  traccarRun?: { deviceId?: string | null; result?: RunResult | RunResult[] | null } | null
}
type RunResult = {
  time?: string
  valid?: boolean
  lat?: number
  lon?: number
  altitude_m?: number
  speed_kmh?: number
  course?: number
}

/** Differences found in one frame, and remarks that are no difference. */
export type Jt808Verdict = { title: string; failures: string[]; notes: string[] }

const clockAt = Date.UTC(2026, 10, 21, 10, 30)
const authCode = 'check'

const parseHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const formatHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function compareFix(fix: DecodedFix, run: RunResult, where: string, verdict: Jt808Verdict): void {
  const far = (name: string, got: number, wanted: number | undefined, within: number) => {
    if (wanted !== undefined && !(Math.abs(got - wanted) <= within))
      verdict.failures.push(`${where}${name} ${got}, expected ${wanted}`)
  }
  // the statement allows one unit of the sixth digit, the margin is for the binary fraction
  far('lat', fix.lat, run.lat, 1e-6 + 1e-9)
  far('lon', fix.lon, run.lon, 1e-6 + 1e-9)
  far('altitude', fix.altitudeM, run.altitude_m, 1e-9)
  far('speed', fix.speedWord / 10, run.speed_kmh, 0.01)
  far('course', fix.courseWord, run.course, 1e-9)
  // status is the second double word of the body, bit 1 its second lowest
  const isPositioned = ((fix.body[7] as number) & 2) !== 0
  if (fix.valid !== isPositioned) verdict.failures.push(`${where}valid ${fix.valid}, status bit 1 is ${isPositioned}`)
  if (run.valid !== undefined && run.valid !== fix.valid)
    verdict.notes.push(`${where}valid ${fix.valid} by bit 1, the other decoder says ${run.valid}`)
  if (run.time === undefined) return
  if (fix.fixedAt === undefined) verdict.notes.push(`${where}no time on the wire: ${fix.remarks.join(' ')}`)
  else if (fix.fixedAt !== Date.parse(run.time))
    verdict.failures.push(`${where}time ${new Date(fix.fixedAt).toISOString()}, expected ${run.time}`)
}

function compareHeader(header: Jt808Header, wanted: NonNullable<Vector['header']>, verdict: Jt808Verdict): void {
  const same = (name: string, got: unknown, expected: unknown) => {
    if (expected !== undefined && expected !== null && got !== expected)
      verdict.failures.push(`${name} ${String(got)}, expected ${String(expected)}`)
  }
  same('message id', `0x${header.messageId.toString(16).padStart(4, '0')}`, wanted.msgId?.toLowerCase())
  same('length field', header.bodyLength, wanted.bodyLenField)
  same('encryption', header.encryption !== 0, wanted.encrypt === undefined ? undefined : wanted.encrypt !== 0)
  same('2019', header.is2019, wanted.v2019)
  same('protocol version', header.protocolVersion, wanted.protocolVersion)
  same('phone', header.numberRaw, wanted.phoneRaw?.toLowerCase())
}

/** What a session of the enrolled number makes of a frame after authentication. */
function runSession(frame: Jt808Frame, header: Jt808Header): { results: number[]; raw: Uint8Array[] } {
  const terminal = {
    number: header.number,
    unitId: 'check-unit',
    authCode,
    datum: 'WGS84' as const,
    isRegistrationOpen: true,
    tolerateLength: true,
  }
  const roster = {
    findTerminal: (number: string) => (number === header.number ? terminal : undefined),
    findHolder: () => undefined,
    isAddressAllowed: () => true,
  }
  const address = { numberRaw: header.numberRaw, is2019: header.is2019 }
  const code = new TextEncoder().encode(authCode)
  const body = header.is2019 ? Uint8Array.from([code.length, ...code]) : code
  const framer = createJt808Framer()
  const hello = framer.push(encodeJt808(jt808Ids.authenticate, address, 0, body)[0] as Uint8Array, clockAt).frames[0]
  const opened = stepJt808(openJt808Session('check', '127.0.0.1'), hello as Jt808Frame, clockAt, roster)
  const step = stepJt808(opened.session, frame, clockAt, roster)
  const answers = step.replies.flatMap(reply => createJt808Framer().push(reply, clockAt).frames)
  const results = answers.flatMap(({ raw }) => {
    const packet = parseJt808(raw)
    const isAck = 'body' in packet && packet.header.messageId === jt808Ids.platformAck
    return isAck ? [packet.body[4] as number] : []
  })
  return { results, raw: step.raw.map(each => each.bytes) }
}

/** Checks one frame of the file. */
export function checkJt808Vector(vector: Vector): Jt808Verdict {
  const verdict: Jt808Verdict = { title: vector.header?.msgId ?? vector.kind ?? 'frame', failures: [], notes: [] }
  const wire = parseHex(vector.wire)
  const framer = createJt808Framer()
  const { frames, faults } = framer.push(wire, clockAt)
  if (vector.checksumOk === false) {
    if (frames.length > 0) verdict.failures.push('a bad checksum was accepted')
    verdict.notes.push(`refused: ${faults.map(fault => fault.code).join(' ') || 'no frame'}`)
    return verdict
  }
  const first = wire.indexOf(0x7e)
  if (first < 0 || wire.indexOf(0x7e, first + 1) < 0) {
    if (frames.length > 0) verdict.failures.push('a frame was made of bytes without flags')
    verdict.notes.push(`no flags: ${framer.getCounts().garbageBytes} bytes of garbage`)
    return verdict
  }
  const pieces = [...frames, ...faults].map(each => formatHex(each.raw))
  const wantedHex = vector.hex?.toLowerCase()
  if (wantedHex !== undefined && !pieces.some(piece => `7e${piece}7e` === wantedHex))
    verdict.failures.push(`unescaped ${pieces.join(' | ') || 'nothing'}, expected ${wantedHex}`)
  if (!vector.header) {
    verdict.notes.push('framing only')
    return verdict
  }
  const frame = frames[0]
  if (!frame || frames.length !== 1) {
    verdict.failures.push(`${frames.length} frames, expected 1`)
    return verdict
  }
  const packet = parseJt808(frame.raw, { tolerateLength: true })
  if ('code' in packet) {
    if (packet.header) compareHeader(packet.header, vector.header, verdict)
    if (packet.code === 'ENCRYPTED' && vector.header.encrypt) {
      verdict.notes.push('encrypted: result 3')
      return verdict
    }
    verdict.failures.push(`refused: ${packet.code}`)
    return verdict
  }
  const { header, body, remarks } = packet
  verdict.title = `${verdict.title} ${header.number}`
  verdict.notes.push(...remarks)
  compareHeader(header, vector.header, verdict)
  if (!vector.traccarRun) {
    verdict.notes.push('framing only')
    return verdict
  }
  const ids = (vector.traccarRun.deviceId ?? '').split('|').filter(id => id !== '')
  const isOpaque = !parseJt808Number(header.numberRaw).isBcd
  if (isOpaque && header.number !== (vector.header.phoneRaw ?? header.numberRaw).toLowerCase())
    verdict.failures.push(`device ${header.number}, expected the raw hex ${vector.header.phoneRaw}`)
  if (!isOpaque && ids.length > 0 && !ids.includes(header.number))
    verdict.failures.push(`device ${header.number}, expected one of ${ids.join(' ')}`)
  if (header.isSplit && (header.total as number) > 1) {
    verdict.notes.push(`part ${header.index} of ${header.total}: held`)
    return verdict
  }
  const message = decodeJt808(header, body)
  const result = vector.traccarRun.result
  const runs = result === null || result === undefined ? [] : Array.isArray(result) ? result : [result]
  if (message.kind === 'vendor') {
    const { results, raw } = runSession(frame, header)
    if (results.length !== 1 || results[0] !== jt808Results.unsupported)
      verdict.failures.push(`answered ${results.join(' ') || 'nothing'}, expected result 3`)
    if (!raw.some(bytes => formatHex(bytes) === formatHex(frame.raw))) verdict.failures.push('not kept raw')
    verdict.notes.push('vendor: result 3, raw')
  } else if (message.kind === 'location' || message.kind === 'batch') {
    const fixes = message.kind === 'location' ? [message.fix] : message.fixes
    if (runs.length > 0 && runs.length !== fixes.length)
      verdict.failures.push(`${fixes.length} positions, expected ${runs.length}`)
    fixes.forEach((fix, index) => {
      const run = runs[index]
      if (run) compareFix(fix, run, fixes.length > 1 ? `[${index}] ` : '', verdict)
      if (fixes.length > 1) return
      const time = fix.fixedAt === undefined ? 'no time' : new Date(fix.fixedAt).toISOString()
      verdict.notes.push(`${fix.lat},${fix.lon} ${time}${fix.valid ? '' : ' not positioned'}`)
    })
    if (fixes.length > 1) verdict.notes.push(`${fixes.length} positions`)
    const { results } = runSession(frame, header)
    if (results.length !== 1 || results[0] !== jt808Results.ok)
      verdict.failures.push(`answered ${results.join(' ') || 'nothing'}, expected result 0`)
  } else if (message.kind === 'refused') verdict.failures.push(`refused: ${message.code}`)
  else verdict.notes.push(message.kind)
  return verdict
}

/** Reads the frames of a folder; throws when there is no traccar.json. */
export function readJt808Vectors(folder: string): Vector[] {
  const parsed: unknown = JSON.parse(readFileSync(join(folder, 'traccar.json'), 'utf8'))
  if (!Array.isArray(parsed)) throw new Error(`${join(folder, 'traccar.json')} is not a list`)
  return parsed as Vector[]
}

function main(folder: string | undefined): number {
  if (!folder) {
    console.error('usage: npm run -s check:jt808 -- DIR')
    return 2
  }
  let failed = 0
  const vectors = readJt808Vectors(folder)
  vectors.forEach((vector, index) => {
    const { title, failures, notes } = checkJt808Vector(vector)
    if (failures.length > 0) failed++
    const text = failures.length > 0 ? failures.join('; ') : notes.join('; ')
    console.log(`${failures.length > 0 ? 'FAIL' : 'pass'} ${index} ${title} ${text}`)
  })
  console.log(`${vectors.length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = main(process.argv[2])

/**
 * Bench of the edge gateway's decoder: JT/T 808 location frames per CPU second, from the bytes of a socket to a typed position,
 * and further to an admitted entry with its answer. CPU time, not wall time, so that a busy machine says the same.
 */
import {
  createJt808Framer,
  decodeJt808,
  encodeJt808,
  encodeJt808Fix,
  getJt808Address,
  type Jt808Frame,
  jt808Ids,
  openJt808Session,
  parseJt808,
  stepJt808,
  toEntries,
} from '../../edge-gateway/sources/jt808.ts'

/** Frames of one round, and of a warm-up before it. */
const roundFrames = 200_000
const rounds = 5
/** Location frames a decoder must do in one CPU second. */
export const jt808FramesPerCpuSecondMin = 150_000

export type GatewayBench = {
  /** Bytes on the wire of one frame. */
  frameBytes: number
  rounds: number
  framesPerRound: number
  /** Socket bytes → framer → header → position with its items. */
  decodeFramesPerCpuSecond: { median: number; worst: number }
  /** The same, then identity, repeat check, admission, 0x8001 and the entry. */
  sessionFramesPerCpuSecond: { median: number; worst: number }
  target: number
  isPassed: boolean
}

/** A stream of distinct location frames as a terminal sends them: six items, every tenth with bytes to escape. */
function buildStream(frames: number): Uint8Array[] {
  const startAt = Date.UTC(2026, 10, 21)
  const address = getJt808Address('13800138000', true)
  return Array.from({ length: frames }, (_, index) => {
    const body = encodeJt808Fix({
      fixedAt: startAt + index * 1000,
      lon: 120.7 + (index % 10_000) / 1e5,
      lat: 30.7 + (index % 7_000) / 1e5,
      altitudeM: index % 10 === 0 ? 0x7e : 12,
      speedKmh: index % 120,
      courseDeg: index % 360,
      items: [
        { id: 0x01, bytes: Uint8Array.of(0, 0, 3, index & 255) },
        { id: 0x03, bytes: Uint8Array.of(1, 0xb3) },
        { id: 0x25, bytes: Uint8Array.of(0, 0, 0, 0) },
        { id: 0x2b, bytes: Uint8Array.of(0, 0, 0, 0) },
        { id: 0x30, bytes: Uint8Array.of(24) },
        { id: 0x31, bytes: Uint8Array.of(9) },
      ],
    })
    return encodeJt808(jt808Ids.location, address, index & 0xffff, body)[0] as Uint8Array
  })
}

/** Packs frames into pieces of a socket's size, so that frames are cut anywhere. */
function packSegments(frames: readonly Uint8Array[], segmentBytes: number): Uint8Array[] {
  const whole = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0))
  let at = 0
  for (const frame of frames) {
    whole.set(frame, at)
    at += frame.length
  }
  return Array.from({ length: Math.ceil(whole.length / segmentBytes) }, (_, index) =>
    whole.subarray(index * segmentBytes, (index + 1) * segmentBytes),
  )
}

function measure(run: () => number): { median: number; worst: number } {
  run()
  const rates = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage()
    const frames = run()
    const { user, system } = process.cpuUsage(before)
    return (frames * 1e6) / (user + system)
  }).sort((one, other) => one - other)
  return { median: Math.round(rates[rounds >> 1] as number), worst: Math.round(rates[0] as number) }
}

/** Runs the bench; throws when a frame was lost, so that speed is never bought with errors. */
export function benchGateway(): GatewayBench {
  const frames = buildStream(roundFrames)
  const segments = packSegments(frames, 16_384)
  const nowAt = Date.UTC(2026, 10, 24)

  const decode = measure(() => {
    const framer = createJt808Framer()
    let fixes = 0
    for (const segment of segments)
      for (const { raw } of framer.push(segment, nowAt).frames) {
        const packet = parseJt808(raw)
        if ('body' in packet && decodeJt808(packet.header, packet.body).kind === 'location') fixes++
      }
    if (fixes !== roundFrames) throw new Error(`${fixes} of ${roundFrames} frames decoded`)
    return fixes
  })

  const terminal = {
    number: '13800138000',
    unitId: 'unit-1',
    authCode: 'bench',
    datum: 'WGS84' as const,
    isRegistrationOpen: false,
  }
  const roster = { findTerminal: () => terminal, findHolder: () => undefined, isAddressAllowed: () => true }
  const hello = encodeJt808(
    jt808Ids.authenticate,
    getJt808Address(terminal.number, false),
    0,
    new TextEncoder().encode('bench'),
  )
  const helloFrame = createJt808Framer().push(hello[0] as Uint8Array, nowAt).frames[0] as Jt808Frame
  const session = measure(() => {
    const framer = createJt808Framer()
    let { session: held } = stepJt808(openJt808Session('bench', '127.0.0.1'), helloFrame, nowAt, roster)
    let entries = 0
    let replies = 0
    for (const segment of segments)
      for (const frame of framer.push(segment, nowAt).frames) {
        const step = stepJt808(held, frame, nowAt, roster)
        held = step.session
        entries += toEntries(step.fixes).length
        replies += step.replies.length
      }
    if (entries !== roundFrames || replies !== roundFrames) throw new Error(`${entries} entries, ${replies} replies`)
    return entries
  })

  return {
    frameBytes: (frames[1] as Uint8Array).length,
    rounds,
    framesPerRound: roundFrames,
    decodeFramesPerCpuSecond: decode,
    sessionFramesPerCpuSecond: session,
    target: jt808FramesPerCpuSecondMin,
    isPassed: decode.median >= jt808FramesPerCpuSecondMin,
  }
}

if (import.meta.main) console.log(JSON.stringify(benchGateway(), null, 2))

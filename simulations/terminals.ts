/**
 * Terminals: simulated JT/T 808 vehicle terminals. Each unit's fixes leave as 0x0200 frames over TCP to a gateway: register,
 * authenticate, locate; what a dead zone or a lost connection kept back comes as 0x0704. The encoder is written a second time
 * here, apart from the gateway's decoder, so that one's mistake is not the other's. Promises: a fix is kept until the gateway
 * has acknowledged it (bounded, the oldest goes and is counted); a repeat carries the same bytes.
 */
import { connect, type Socket } from 'node:net'

/** Fixes one terminal keeps: three hours at 1 Hz. */
export const keptMax = 10_800
/** Fixes in one batch: 3 + 34 × (2 + 28) bytes are within the 1,023 of one packet. */
export const batchFixesMax = 30
/** Frames on their way without an answer, per terminal. */
const underWayMax = 8
const answerMaxMs = 10_000
const reconnectFirstMs = 300
const reconnectMaxMs = 5_000
const heartbeatEveryMs = 20_000
const beatMs = 250

/** A terminal as it was installed. `authCode`: known from before; without it the terminal registers and is told. */
export interface Terminal {
  number: string
  unitId: string
  plate?: string
  authCode?: string
}

/** Where a unit was. */
export interface TerminalFix {
  at: number
  lon: number
  lat: number
  speedKmh?: number
  courseDeg?: number
  altitudeM?: number
}

export interface TerminalTotals {
  connected: number
  reported: number
  acknowledged: number
  /** Fixes still here. */
  kept: number
  /** Given up because more than keptMax waited. */
  lost: number
  frames: number
  batches: number
  reconnects: number
  /** Answers that said no, by result. */
  refused: number
}

export interface Terminals {
  /** A new fix of a unit; unknown units are ignored. */
  report(unitId: string, fix: TerminalFix): void
  /** A dead zone begins (false) or ends (true): without reach nothing is sent and the fixes are kept. */
  setReach(unitId: string, isReached: boolean): void
  totals(): TerminalTotals
  stop(): Promise<void>
}

export interface TerminalsOptions {
  host: string
  port: number
  terminals: readonly Terminal[]
  /** Told of every fix the gateway has acknowledged. */
  onAcknowledged?: (unitId: string, fix: TerminalFix) => void
}

const FLAG = 0x7e
const ESCAPE = 0x7d

/** Wraps a message: header of 2013, checksum, escapes, flags. */
function encodeFrame(messageId: number, number: string, serial: number, body: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(messageId, 0)
  head.writeUInt16BE(body.length, 2)
  head.write(number.padStart(12, '0'), 4, 'hex')
  head.writeUInt16BE(serial, 10)
  const plain = Buffer.concat([head, body, Buffer.alloc(1)])
  plain[plain.length - 1] = plain.reduce((sum, byte) => sum ^ byte, 0)
  const wire = [FLAG]
  for (const byte of plain) {
    if (byte === FLAG) wire.push(ESCAPE, 2)
    else if (byte === ESCAPE) wire.push(ESCAPE, 1)
    else wire.push(byte)
  }
  wire.push(FLAG)
  return Buffer.from(wire)
}

/** The 28 bytes of a position: alarm, status (ACC on, positioned), place, height, speed, course, time at GMT+8 in BCD. */
function encodePosition(fix: TerminalFix): Buffer {
  const body = Buffer.alloc(28)
  body.writeUInt32BE(0, 0)
  body.writeUInt32BE(1 | 2 | (fix.lat < 0 ? 4 : 0) | (fix.lon < 0 ? 8 : 0), 4)
  body.writeUInt32BE(Math.round(Math.abs(fix.lat) * 1e6), 8)
  body.writeUInt32BE(Math.round(Math.abs(fix.lon) * 1e6), 12)
  body.writeInt16BE(Math.round(fix.altitudeM ?? 5), 16)
  body.writeUInt16BE(Math.round(Math.min(fix.speedKmh ?? 0, 220) * 10), 18)
  body.writeUInt16BE(Math.round(fix.courseDeg ?? 0) % 360, 20)
  const local = new Date(fix.at + 8 * 3_600_000).toISOString()
  body.write(local.replace(/\D/g, '').slice(2, 14), 22, 'hex')
  return body
}

/** A registration: province, city, maker, model, terminal id, blue plate. The plate is sent in its letters and digits alone. */
function encodeRegister(terminal: Terminal): Buffer {
  const body = Buffer.alloc(37)
  body.writeUInt16BE(33, 0)
  body.writeUInt16BE(400, 2)
  body.write('VIGIL', 4, 'latin1')
  body.write('SIMULATED', 9, 'latin1')
  body.write(terminal.number.slice(-7), 29, 'latin1')
  body[36] = 1
  return Buffer.concat([body, Buffer.from((terminal.plate ?? '').replace(/[^A-Z0-9]/g, ''), 'latin1')])
}

/** Cuts what came into frames, unescaped; the remainder waits for more. */
function cutFrames(held: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = []
  let from = held.indexOf(FLAG)
  while (from >= 0) {
    const end = held.indexOf(FLAG, from + 1)
    if (end < 0) break
    const bytes: number[] = []
    for (let at = from + 1; at < end; at++) {
      if (held[at] === ESCAPE && at + 1 < end) bytes.push(held[++at] === 2 ? FLAG : ESCAPE)
      else bytes.push(held[at]!)
    }
    if (bytes.length >= 13 && bytes.reduce((sum, byte) => sum ^ byte, 0) === 0) frames.push(Buffer.from(bytes))
    from = end
  }
  return { frames, rest: from < 0 ? Buffer.alloc(0) : held.subarray(from) }
}

interface Kept {
  fix: TerminalFix
  body: Buffer
  /** Held back once: it goes in a batch from then on. */
  isLate: boolean
}
interface UnderWay {
  kept: Kept[]
  sentAt: number
}

/** One terminal with its connection. */
function startTerminal(terminal: Terminal, options: TerminalsOptions, totals: TerminalTotals) {
  let socket: Socket | undefined
  let phase: 'away' | 'connecting' | 'registering' | 'authenticating' | 'ready' = 'away'
  let authCode = terminal.authCode
  let serial = 0
  let held: Buffer = Buffer.alloc(0)
  let waiting: Kept[] = []
  const underWay = new Map<number, UnderWay>()
  let attempt = 0
  let nextTryAt = 0
  let sentAt = 0
  let isReached = true

  const send = (messageId: number, body: Buffer): number => {
    const used = serial
    serial = (serial + 1) & 0xffff
    socket?.write(encodeFrame(messageId, terminal.number, used, body))
    sentAt = Date.now()
    totals.frames++
    return used
  }

  /** What was on its way comes back to the front, to go again as a batch. */
  const takeBack = () => {
    const back = [...underWay.values()].flatMap(one => one.kept)
    underWay.clear()
    for (const kept of waiting) kept.isLate = true
    for (const kept of back) kept.isLate = true
    waiting = [...back, ...waiting]
  }

  const hangUp = () => {
    if (phase === 'ready') totals.connected--
    phase = 'away'
    socket?.destroy()
    socket = undefined
    held = Buffer.alloc(0)
    takeBack()
    nextTryAt = Date.now() + Math.min(reconnectMaxMs, reconnectFirstMs * 2 ** Math.min(attempt++, 5))
  }

  const call = () => {
    phase = 'connecting'
    const made = connect({ host: options.host, port: options.port, noDelay: true })
    socket = made
    sentAt = Date.now()
    made.on('connect', () => {
      if (authCode === undefined) {
        phase = 'registering'
        send(0x0100, encodeRegister(terminal))
      } else {
        phase = 'authenticating'
        send(0x0102, Buffer.from(authCode, 'latin1'))
      }
    })
    made.on('data', bytes => {
      const cut = cutFrames(Buffer.concat([held, bytes]))
      held = Buffer.from(cut.rest)
      for (const frame of cut.frames) take(frame)
    })
    made.on('error', () => undefined)
    made.on('close', () => {
      if (socket !== made) return
      totals.reconnects++
      hangUp()
    })
  }

  const take = (frame: Buffer) => {
    const messageId = frame.readUInt16BE(0)
    const body = frame.subarray(12, frame.length - 1)
    if (messageId === 0x8100 && body.length >= 3 && phase === 'registering') {
      if (body[2] !== 0) {
        totals.refused++
        return hangUp()
      }
      authCode = body.subarray(3).toString('latin1')
      phase = 'authenticating'
      send(0x0102, Buffer.from(authCode, 'latin1'))
    } else if (messageId === 0x8001 && body.length >= 5) takeAnswer(body)
  }

  const takeAnswer = (body: Buffer) => {
    const to = body.readUInt16BE(0)
    const about = body.readUInt16BE(2)
    const isDone = body[4] === 0
    if (!isDone) totals.refused++
    if (about === 0x0102) {
      if (!isDone) return hangUp()
      if (phase === 'ready') return
      phase = 'ready'
      attempt = 0
      totals.connected++
      return work()
    }
    const answered = underWay.get(to)
    if (!answered || !isDone) return
    underWay.delete(to)
    for (const { fix } of answered.kept) {
      totals.acknowledged++
      options.onAcknowledged?.(terminal.unitId, fix)
    }
    work()
  }

  /** Sends what may go: fixes of now one by one, late ones in batches. */
  const work = () => {
    while (phase === 'ready' && isReached && waiting.length > 0 && underWay.size < underWayMax) {
      const first = waiting[0]!
      const size = first.isLate ? waiting.slice(0, batchFixesMax).findIndex(kept => !kept.isLate) : 1
      const kept = waiting.splice(0, size < 0 ? batchFixesMax : size)
      let used: number
      if (first.isLate) {
        const head = Buffer.alloc(3)
        head.writeUInt16BE(kept.length, 0)
        head[2] = 1
        const parts = kept.flatMap(({ body }) => [Buffer.from([0, body.length]), body])
        used = send(0x0704, Buffer.concat([head, ...parts]))
        totals.batches++
      } else used = send(0x0200, first.body)
      underWay.set(used, { kept, sentAt: Date.now() })
    }
  }

  return {
    terminal,
    report(fix: TerminalFix) {
      totals.reported++
      waiting.push({ fix, body: encodePosition(fix), isLate: !isReached || phase !== 'ready' })
      if (waiting.length > keptMax) {
        waiting.shift()
        totals.lost++
      }
      work()
    },
    setReach(given: boolean) {
      isReached = given
      // a dead zone is not told to anybody: the connection just stops being heard
      if (!given) {
        const dead = socket
        socket = undefined
        dead?.destroy()
        hangUp()
      } else nextTryAt = 0
    },
    beat(now: number) {
      if (phase === 'away') {
        if (isReached && now >= nextTryAt) call()
        return
      }
      const oldest = Math.min(...[...underWay.values()].map(one => one.sentAt))
      const isStuck = now - oldest > answerMaxMs || (phase !== 'ready' && now - sentAt > answerMaxMs)
      if (isStuck) return hangUp()
      if (phase === 'ready' && now - sentAt > heartbeatEveryMs) send(0x0002, Buffer.alloc(0))
      work()
    },
    countKept: () => waiting.length + [...underWay.values()].reduce((sum, one) => sum + one.kept.length, 0),
    stop() {
      if (phase === 'ready') send(0x0003, Buffer.alloc(0))
      const last = socket
      socket = undefined
      phase = 'away'
      return new Promise<void>(resolve => {
        if (!last) return resolve()
        last.once('close', () => resolve())
        last.end()
        setTimeout(() => last.destroy(), 500)
      })
    },
  }
}

/** Starts a terminal for each unit; they connect by themselves, again and again, until stopped. */
export function startTerminals(options: TerminalsOptions): Terminals {
  const totals: TerminalTotals = {
    connected: 0,
    reported: 0,
    acknowledged: 0,
    kept: 0,
    lost: 0,
    frames: 0,
    batches: 0,
    reconnects: 0,
    refused: 0,
  }
  const started = new Map(options.terminals.map(one => [one.unitId, startTerminal(one, options, totals)]))
  const timer = setInterval(() => {
    const now = Date.now()
    for (const one of started.values()) one.beat(now)
  }, beatMs)
  for (const one of started.values()) one.beat(Date.now())
  return {
    report(unitId, fix) {
      started.get(unitId)?.report(fix)
    },
    setReach(unitId, isReached) {
      started.get(unitId)?.setReach(isReached)
    },
    totals: () => ({ ...totals, kept: [...started.values()].reduce((sum, one) => sum + one.countKept(), 0) }),
    async stop() {
      clearInterval(timer)
      await Promise.all([...started.values()].map(one => one.stop()))
    },
  }
}

/**
 * CTI listener: the TCP socket before the decoder of cti.ts and the spool behind it. Telephone system → lines → entries → spool
 * → one answer a line. Promises: `ok` leaves only after the append is durable, in the order of the lines; the same line again
 * (same number, same content) is answered and stored once; a bad line is refused with its code and the next one is read; a
 * fast sender is read more slowly and loses nothing; strangers, half lines and silence are bounded in time, connections in number.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { createNetworkJudge, type TelephonySource } from '../config.ts'
import type { SpoolItem } from '../spool.ts'
import {
  type CtiAnswer,
  type CtiCode,
  type CtiFramer,
  type CtiLine,
  createCtiFramer,
  ctiTexts,
  decodeCti,
  encodeCtiAnswer,
} from './cti.ts'
import { type Listener, type ListenerCounts, type ListenerPorts, unreadBytesMax } from './jt808-listener.ts'

/** Lines of one connection waiting for the spool; above it the connection is not read. */
export const ctiLinesWaitingMax = 200
/** Lines taken of one connection in a second; the rest waits in the socket. A city of 10 million rings 20 times a second at worst. */
export const ctiLinesPerSecondMax = 500
/** Lines put into one append. */
const appendLinesMax = 100
/** Milliseconds half a line may stand: a telephone system writes whole lines. */
export const ctiLineMaxMs = 10_000
/** Marks of stored lines remembered: what may be on its way twice after a connection broke. */
export const ctiMarksMax = 256
/** Wrong keys of one connection until it is closed. */
const helloTriesMax = 3
const tickMs = 1_000

/** Name of a telephone system's numbering in the log. */
export function getCtiDevice(prefix: string): string {
  return `cti:${prefix}`.slice(0, 64)
}

/** 48 bits of the line's SHA-256. */
function getLineMark(bytes: Uint8Array): number {
  return createHash('sha256').update(bytes).digest().readUIntBE(0, 6)
}

function isSameKey(given: string, held: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(held))
}

type Peer = {
  socket: Socket
  address: string
  framer: CtiFramer
  lines: CtiLine[]
  openedAt: number
  heardAt: number
  isKnown: boolean
  wrongKeys: number
  /** Second of the clock in which `taken` lines were read. */
  second: number
  taken: number
  isBusy: boolean
  isGone: boolean
  work: Promise<void>
}

/** Starts listening for one configured telephone system; answers when the port is open. */
export async function startCtiListener(source: TelephonySource, ports: ListenerPorts): Promise<Listener> {
  const { spool, limits, now } = ports
  const counts: ListenerCounts = {
    connections: 0,
    accepted: 0,
    refusedConnections: 0,
    cut: 0,
    frames: 0,
    faults: 0,
    stored: 0,
    repeated: 0,
    raw: 0,
    unstored: 0,
    unstoredAt: 0,
    alarms: {},
  }
  const isAllowed = createNetworkJudge(source.networks)
  const device = getCtiDevice(source.prefix)
  const recent: number[] = spool.recall(device).recent
  /** Lines on their way to the spool, by mark: a second connection's repetition shares their fate. */
  const storing = new Map<number, Promise<boolean>>()
  const peers = new Set<Peer>()
  let isStopping = false

  const forget = (peer: Peer): void => {
    peer.isGone = true
    peers.delete(peer)
    counts.connections = peers.size
  }
  const cut = (peer: Peer, why: string): void => {
    if (peer.isGone) return
    counts.cut++
    ports.onLine('warn', { address: peer.address, why }, 'cti: cut')
    forget(peer)
    peer.lines = []
    peer.socket.end()
    setTimeout(() => peer.socket.destroy(), 1_000).unref()
  }
  const answer = (peer: Peer, given: CtiAnswer): void => {
    if (!given.ok) {
      counts.alarms[given.code] = (counts.alarms[given.code] ?? 0) + 1
      const { code } = given
      ports.onLine(
        'warn',
        { code, field: given.field, address: peer.address, zh: ctiTexts[code].zh },
        `cti: ${ctiTexts[code].en}`,
      )
    }
    if (peer.socket.destroyed) return
    peer.socket.write(encodeCtiAnswer(given))
    if (peer.socket.writableLength > unreadBytesMax) cut(peer, 'unread')
  }

  type Step = { given: CtiAnswer } | { id: string | number | undefined; omitted: string[]; isStored: Promise<boolean> }

  /** Reads up to appendLinesMax lines; what they mean goes to the spool as one append, then every line is answered in order. */
  const takeLines = async (peer: Peer): Promise<void> => {
    const steps: Step[] = []
    const items: SpoolItem[] = []
    const marks: number[] = []
    let settle: (isStored: boolean) => void = () => undefined
    const writing = new Promise<boolean>(resolve => {
      settle = resolve
    })
    const refuse = (code: CtiCode, id?: string | number, field?: string) =>
      steps.push({
        given: { ...(id === undefined ? {} : { id }), ok: false, code, ...(field === undefined ? {} : { field }) },
      })
    for (const line of peer.lines.splice(0, appendLinesMax)) {
      if ('code' in line) {
        counts.faults++
        refuse(line.code)
        continue
      }
      const message = decodeCti(line.bytes, source, now())
      const named = message.id === undefined ? {} : { id: message.id }
      if (message.kind === 'hello') {
        if (isSameKey(message.key, source.key)) {
          peer.isKnown = true
          steps.push({ given: { ...named, ok: true } })
        } else {
          refuse('KEY_WRONG', message.id)
          if (++peer.wrongKeys >= helloTriesMax) break
        }
      } else if (!peer.isKnown) refuse('HELLO_REQUIRED', message.id)
      else if (message.kind === 'ping') steps.push({ given: { ...named, ok: true } })
      else if (message.kind === 'refused') {
        counts.faults++
        refuse(message.code, message.id, message.field)
      } else {
        const { id, omitted } = message
        const mark = getLineMark(line.bytes)
        if (recent.includes(mark)) {
          counts.repeated++
          steps.push({ id, omitted, isStored: storing.get(mark) ?? Promise.resolve(true) })
          continue
        }
        // Remembered before it is durable, so that a second connection does not store it beside this one.
        recent.push(mark)
        if (recent.length > ctiMarksMax) recent.shift()
        marks.push(mark)
        storing.set(mark, writing)
        for (const entry of message.entries) items.push({ device, ...entry, isLive: false, mark })
        steps.push({ id, omitted, isStored: writing })
      }
    }
    if (items.length > 0) {
      const isStored = await spool.append(items).then(
        () => true,
        () => false,
      )
      for (const mark of marks) {
        storing.delete(mark)
        if (!isStored && recent.includes(mark)) recent.splice(recent.indexOf(mark), 1)
      }
      if (isStored) {
        counts.stored += items.length
        ports.onStored()
      } else {
        counts.unstored += items.length
        counts.unstoredAt = now()
      }
      settle(isStored)
    } else settle(true)
    for (const step of steps) {
      if ('given' in step) answer(peer, step.given)
      else {
        const named = step.id === undefined ? {} : { id: step.id }
        const { omitted } = step
        if (await step.isStored) answer(peer, { ...named, ok: true, ...(omitted.length > 0 ? { omitted } : {}) })
        else answer(peer, { ...named, ok: false, code: 'STORE_FAILED' })
      }
    }
    if (peer.wrongKeys >= helloTriesMax) cut(peer, 'key')
  }

  const begin = (peer: Peer): void => {
    if (peer.isBusy) return
    peer.isBusy = true
    peer.work = (async () => {
      while (peer.lines.length > 0 && !peer.isGone) await takeLines(peer)
    })()
      .catch(fault => {
        ports.onLine('warn', { message: (fault as Error).message }, 'cti: fault')
        cut(peer, 'fault')
      })
      .finally(() => {
        peer.isBusy = false
        if (peer.isGone) return
        if (peer.taken <= ctiLinesPerSecondMax) peer.socket.resume()
        if (peer.lines.length > 0) begin(peer)
      })
  }

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, socket => {
    socket.on('error', () => undefined)
    const address = socket.remoteAddress ?? ''
    const strangers = [...peers].filter(peer => !peer.isKnown)
    if (isStopping || !isAllowed(address) || peers.size >= limits.connectionsMax) {
      counts.refusedConnections++
      return socket.destroy()
    }
    // The oldest who has not proven who it is gives way to the newest.
    if (strangers.length >= limits.strangersMax) cut(strangers[0]!, 'strangers')
    const at = now()
    const peer: Peer = {
      socket,
      address,
      framer: createCtiFramer(),
      lines: [],
      openedAt: at,
      heardAt: at,
      isKnown: false,
      wrongKeys: 0,
      second: 0,
      taken: 0,
      isBusy: false,
      isGone: false,
      work: Promise.resolve(),
    }
    peers.add(peer)
    counts.accepted++
    counts.connections = peers.size
    socket.on('data', bytes => {
      if (peer.isGone || isStopping) return
      const heardAt = now()
      const lines = peer.framer.push(bytes, heardAt)
      if (lines.length === 0) return
      peer.heardAt = heardAt
      counts.frames += lines.length
      const second = Math.floor(heardAt / 1_000)
      if (second !== peer.second) {
        peer.second = second
        peer.taken = 0
      }
      peer.taken += lines.length
      peer.lines.push(...lines)
      if (peer.lines.length > ctiLinesWaitingMax || peer.taken > ctiLinesPerSecondMax) socket.pause()
      begin(peer)
    })
    socket.on('close', () => forget(peer))
  })
  server.listen({ host: source.host, port: source.port })
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  server.on('error', fault => ports.onLine('warn', { message: fault.message }, 'cti: listener'))

  const timer = setInterval(() => {
    const at = now()
    for (const peer of [...peers]) {
      const begunAt = peer.framer.getBegunAt()
      if (begunAt !== undefined && at - begunAt > ctiLineMaxMs) cut(peer, 'slow')
      else if (!peer.isKnown && at - peer.openedAt > limits.strangerMaxMs) cut(peer, 'stranger')
      else if (at - peer.heardAt > limits.silenceMaxMs) cut(peer, 'silent')
      else if (Math.floor(at / 1_000) !== peer.second && !peer.isBusy) {
        peer.taken = 0
        peer.socket.resume()
      }
    }
  }, tickMs)

  return {
    kind: 'cti',
    transport: 'tcp',
    host: source.host,
    port: (server.address() as AddressInfo).port,
    getCounts: () => structuredClone(counts),
    async stop() {
      isStopping = true
      clearInterval(timer)
      await Promise.allSettled([...peers].map(peer => peer.work))
      const closing = new Promise<void>(resolve => server.close(() => resolve()))
      for (const peer of [...peers]) {
        forget(peer)
        peer.socket.end()
        setTimeout(() => peer.socket.destroy(), 1_000).unref()
      }
      await closing
    },
  }
}

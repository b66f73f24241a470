/**
 * MLLP listener: the TCP socket before the decoder of hl7.ts and the spool behind it. Monitor → frames → message → vital signs of
 * the unit its bed is enrolled for → spool → the answer the sender asked for. Promises: accept leaves only after the append is
 * durable, else the sender hears an error and sends again; the same message again is answered and stored once; visits are
 * rejected, as nothing here counts them; drills are accepted and never stored; connections and waiting messages are bounded.
 */
import { createHash } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { createNetworkJudge, type MonitorSource } from '../config.ts'
import {
  buildHl7Answers,
  createMllpFramer,
  decodeHl7,
  encodeMllp,
  type Hl7Code,
  type Hl7Message,
  type Hl7Result,
  hl7Texts,
  type MllpFramer,
  parseHl7,
  toVitalsEntry,
} from './hl7.ts'
import { type Listener, type ListenerCounts, type ListenerPorts, unreadBytesMax } from './jt808-listener.ts'

/** Messages of one connection waiting for the spool; above it the connection is not read. */
export const messagesWaitingMax = 100
/** Marks of stored messages remembered for a device. */
export const messageMarksMax = 256
/** Messages without a readable head until the connection is closed: there is nobody to answer. */
export const unreadableMax = 20
const tickMs = 1_000

/** Name of a monitor's numbering in the log. */
export function getMonitorDevice(unitId: string): string {
  return `hl7:${unitId}`.slice(0, 64)
}

/** 48 bits of the message's SHA-256: enough to tell the messages of one monitor apart. */
function getMessageMark(bytes: Uint8Array): number {
  return createHash('sha256').update(bytes).digest().readUIntBE(0, 6)
}

type Line = {
  socket: Socket
  address: string
  framer: MllpFramer
  messages: Uint8Array[]
  heardAt: number
  unreadable: number
  isBusy: boolean
  isGone: boolean
  work: Promise<void>
}
type Judgement = { result: Hl7Result; code?: Hl7Code }

/** Starts listening for one configured door; answers when the port is open. */
export async function startMllpListener(source: MonitorSource, ports: ListenerPorts): Promise<Listener> {
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
  const monitors = source.monitors.map(monitor => ({ ...monitor, isAllowed: createNetworkJudge(monitor.networks) }))
  const lines = new Set<Line>()
  const recents = new Map<string, number[]>()
  /** Messages on their way to the spool, by device and mark. */
  const storing = new Map<string, Promise<boolean>>()
  let controlId = 0
  let isStopping = false

  const cut = (line: Line, why: string): void => {
    if (line.isGone) return
    counts.cut++
    ports.onLine('info', { address: line.address, why }, 'mllp: cut')
    forget(line)
    line.socket.end()
    setTimeout(() => line.socket.destroy(), 1_000).unref()
  }
  const forget = (line: Line): void => {
    line.isGone = true
    line.messages = []
    lines.delete(line)
    counts.connections = lines.size
  }
  const alarm = (code: Hl7Code, line: Line): void => {
    counts.alarms[code] = (counts.alarms[code] ?? 0) + 1
    ports.onLine('warn', { code, address: line.address, zh: hl7Texts[code].zh }, `mllp: ${hl7Texts[code].en}`)
  }

  /** The unit a message is of: by its bed, else by the network it comes from. */
  const findUnit = (bed: string | undefined, address: string): string | undefined => {
    const allowed = monitors.filter(monitor => monitor.isAllowed(address))
    const byBed = bed === undefined ? undefined : allowed.find(monitor => monitor.bed === bed)
    return (byBed ?? allowed.find(monitor => monitor.bed === undefined))?.unitId
  }

  const judge = async (line: Line, message: Hl7Message, bytes: Uint8Array): Promise<Judgement> => {
    const content = decodeHl7(message)
    if (content.kind === 'refused') return { result: content.result, code: content.code }
    if (content.kind === 'visit') return { result: 'reject', code: 'TYPE_UNSUPPORTED' }
    const unitId = findUnit(content.patient.bed, line.address)
    if (unitId === undefined) return { result: 'reject', code: 'MONITOR_UNKNOWN' }
    const entry = toVitalsEntry(content, { unitId }, now())
    if (!entry) return { result: 'accept' }
    const device = getMonitorDevice(unitId)
    const mark = getMessageMark(bytes)
    const recent = recents.get(device) ?? spool.recall(device).recent
    recents.set(device, recent)
    const key = `${device}/${mark}`
    if (recent.includes(mark)) {
      // another connection may have it on the way: its fate is this one's
      const isStored = (await storing.get(key)) ?? true
      if (!isStored) return { result: 'error', code: 'STORE_FAILED' }
      counts.repeated++
      return { result: 'accept' }
    }
    // remembered before it is durable, so that a second connection does not store it beside this one
    recent.push(mark)
    if (recent.length > messageMarksMax) recent.shift()
    const writing = spool.append([{ device, ...entry, isLive: true, mark }]).then(
      () => true,
      () => false,
    )
    storing.set(key, writing)
    const isStored = await writing
    storing.delete(key)
    if (!isStored) {
      counts.unstored++
      counts.unstoredAt = now()
      recent.splice(recent.indexOf(mark), 1)
      return { result: 'error', code: 'STORE_FAILED' }
    }
    counts.stored++
    ports.onStored()
    return { result: 'accept' }
  }

  const work = async (line: Line): Promise<void> => {
    while (line.messages.length > 0 && !line.isGone) {
      const bytes = line.messages.shift()!
      const message = parseHl7(bytes)
      if ('code' in message) {
        counts.faults++
        alarm(message.code, line)
        if (++line.unreadable >= unreadableMax) cut(line, 'unreadable')
        continue
      }
      const judgement = await judge(line, message, bytes)
      if (judgement.code) alarm(judgement.code, line)
      const answers = buildHl7Answers(message, judgement, { nowAt: now(), controlId: `vigil-${++controlId}` })
      for (const text of [answers.accept, answers.application]) {
        if (text === undefined || line.socket.destroyed) continue
        line.socket.write(encodeMllp(text))
        if (line.socket.writableLength > unreadBytesMax) cut(line, 'unread')
      }
    }
  }

  const begin = (line: Line): void => {
    if (line.isBusy) return
    line.isBusy = true
    line.work = work(line)
      .catch(fault => {
        ports.onLine('warn', { message: (fault as Error).message }, 'mllp: fault')
        cut(line, 'fault')
      })
      .finally(() => {
        line.isBusy = false
        if (line.isGone) return
        line.socket.resume()
        if (line.messages.length > 0) begin(line)
      })
  }

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, socket => {
    socket.on('error', () => undefined)
    const address = socket.remoteAddress ?? ''
    const isKnown = monitors.some(monitor => monitor.isAllowed(address))
    if (isStopping || lines.size >= limits.connectionsMax || !isKnown) {
      counts.refusedConnections++
      return socket.destroy()
    }
    const line: Line = {
      socket,
      address,
      framer: createMllpFramer(),
      messages: [],
      heardAt: now(),
      unreadable: 0,
      isBusy: false,
      isGone: false,
      work: Promise.resolve(),
    }
    lines.add(line)
    counts.accepted++
    counts.connections = lines.size
    socket.on('data', bytes => {
      if (line.isGone || isStopping) return
      const at = now()
      const framing = line.framer.push(bytes, at)
      counts.frames += framing.messages.length
      if (framing.messages.length > 0) {
        line.heardAt = at
        line.messages.push(...framing.messages)
        if (line.messages.length > messagesWaitingMax) socket.pause()
        begin(line)
      }
      if (framing.isCut) cut(line, 'bounds')
    })
    socket.on('close', () => forget(line))
  })
  server.listen({ host: source.host, port: source.port })
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  server.on('error', fault => ports.onLine('warn', { message: fault.message }, 'mllp: listener'))

  const timer = setInterval(() => {
    const at = now()
    for (const line of [...lines]) {
      if (line.framer.isStalled(at)) cut(line, 'stalled')
      // a monitor is silent between patients: it is closed only where others wait for its place
      else if (at - line.heardAt > limits.silenceMaxMs && lines.size >= limits.connectionsMax) cut(line, 'silent')
    }
  }, tickMs)

  return {
    kind: 'mllp',
    transport: 'tcp',
    host: source.host,
    port: (server.address() as AddressInfo).port,
    getCounts: () => structuredClone(counts),
    async stop() {
      isStopping = true
      clearInterval(timer)
      await Promise.allSettled([...lines].map(line => line.work))
      const closing = new Promise<void>(resolve => server.close(() => resolve()))
      for (const line of [...lines]) {
        forget(line)
        line.socket.end()
        setTimeout(() => line.socket.destroy(), 1_000).unref()
      }
      await closing
    },
  }
}

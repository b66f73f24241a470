/**
 * JT/T 808 listener: the sockets (TCP, UDP) before the decoder of jt808.ts and the spool behind it. Terminal → frames → session
 * → spool → answers. Promises: an answer leaves only after everything it answers is durable; if that fails the old session value
 * stays and nothing is answered, so the terminal sends again; connections, waiting frames and answers are bounded; strangers are
 * cut after a while and give way to newcomers; of two connections of one number the one that still speaks is kept.
 */
import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { createNetworkJudge, type GatewayLimits, type TerminalSource } from '../config.ts'
import type { Spool } from '../spool.ts'
import {
  type AdmittedFix,
  createJt808Framer,
  type Jt808Frame,
  type Jt808Framer,
  type Jt808Roster,
  type Jt808Session,
  type Jt808Step,
  jt808Texts,
  openJt808Session,
  parseJt808,
  resumeJt808Session,
  stepJt808,
  tickJt808,
  toEntries,
} from './jt808.ts'

/** Frames of one connection that go into the spool together. */
export const framesTogetherMax = 500
/** Frames of one connection waiting for the spool; above it the connection is not read. */
export const framesWaitingMax = 2_000
/** Answers a terminal has not read, bytes; above it the connection is cut. */
export const unreadBytesMax = 65_536
/** Datagrams waiting for the spool in all; above it they are dropped, the terminal sends them again. */
export const datagramsWaitingMax = 10_000
const tickMs = 1_000

export type ListenerCounts = {
  connections: number
  accepted: number
  refusedConnections: number
  cut: number
  frames: number
  faults: number
  stored: number
  repeated: number
  raw: number
  unstored: number
  /** When something last could not be stored; 0: never. */
  unstoredAt: number
  alarms: Record<string, number>
}
export type Listener = {
  kind: string
  transport: 'tcp' | 'udp'
  host: string
  port: number
  getCounts(): ListenerCounts
  /** Takes no more, finishes what is on its way to the spool, closes every connection. */
  stop(): Promise<void>
}
export type ListenerPorts = {
  spool: Spool
  limits: GatewayLimits
  now: () => number
  onLine: (level: 'info' | 'warn', words: Record<string, unknown>, text: string) => void
  /** Something was appended. */
  onStored: () => void
}

/** One peer: a TCP connection, or an address that sends datagrams. */
type Peer = {
  name: string
  session: Jt808Session
  framer: Jt808Framer
  frames: Jt808Frame[]
  openedAt: number
  heardAt: number
  isResumed: boolean
  isGone: boolean
  /** Ends when nothing of this peer is on its way to the spool. */
  work: Promise<void> | undefined
  send(bytes: Uint8Array): void
  pause(isPaused: boolean): void
  close(): void
}

/** What a terminal's sessions have to know of each other. */
type Memory = Pick<Jt808Session, 'latestAt' | 'recent'>

/** Name of a terminal's numbering in the log: by unit, so that no telephone number enters it. */
export function getTerminalDevice(unitId: string): string {
  return `jt808:${unitId}`.slice(0, 64)
}

/** Starts listening for one configured door; answers when the port is open. */
export async function startJt808Listener(source: TerminalSource, ports: ListenerPorts): Promise<Listener> {
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
  const terminals = new Map(source.terminals.map(terminal => [terminal.number, terminal]))
  const judges = new Map(source.terminals.map(({ number, networks }) => [number, createNetworkJudge(networks)]))
  const peers = new Map<string, Peer>()
  /** Unproven peers, oldest first. */
  const strangers = new Set<Peer>()
  const holders = new Map<string, Peer>()
  const memories = new Map<string, Memory>()
  /** Last piece of a number on its way to the spool, whichever connection brought it. */
  const storing = new Map<string, Promise<boolean>>()
  let waitingFrames = 0
  let isStopping = false
  let lastName = 0

  const findHolder = (number: string): Peer | undefined => {
    const peer = holders.get(number)
    // a half-open connection says nothing: it must not keep the terminal's next one out
    return peer && !peer.isGone && now() - peer.heardAt <= limits.holderMaxMs ? peer : undefined
  }
  const roster: Jt808Roster = {
    findTerminal: number => terminals.get(number),
    findHolder: number => findHolder(number)?.name,
    isAddressAllowed: (number, address) => judges.get(number)?.(address) ?? false,
  }

  const forget = (peer: Peer): void => {
    if (peer.isGone) return
    peer.isGone = true
    waitingFrames -= peer.frames.length
    peer.frames = []
    peers.delete(peer.name)
    strangers.delete(peer)
    const number = peer.session.terminal?.number
    if (number !== undefined && holders.get(number) === peer) holders.delete(number)
    counts.connections = peers.size
  }
  const cut = (peer: Peer, why: string): void => {
    if (peer.isGone) return
    counts.cut++
    ports.onLine('info', { connection: peer.name, address: peer.session.address, why }, 'jt808: cut')
    forget(peer)
    peer.close()
  }

  const tellAlarms = (step: Jt808Step): void => {
    for (const { code, number, address } of step.alarms) {
      counts.alarms[code] = (counts.alarms[code] ?? 0) + 1
      ports.onLine('warn', { code, number, address, zh: jt808Texts[code].zh }, `jt808: ${jt808Texts[code].en}`)
    }
  }

  /** Carries over what the terminal's connection before knew, once the first frame says which terminal this is. */
  const resume = async (peer: Peer, frame: Jt808Frame): Promise<void> => {
    peer.isResumed = true
    const packet = parseJt808(frame.raw, { tolerateLength: true })
    const terminal = packet.header && terminals.get(packet.header.number)
    if (!terminal) return
    // what its last connection still has on the way must be known first, or a repeat of it would count twice
    await storing.get(terminal.number)
    const memory = memories.get(terminal.number) ?? spool.recall(getTerminalDevice(terminal.unitId))
    peer.session = resumeJt808Session(peer.session, memory)
  }

  /** A hash of the position as the session counts it: the last part of the key. */
  const getMark = (fix: AdmittedFix): number => Number.parseInt(fix.key.slice(fix.key.lastIndexOf('/') + 1), 36)

  /** Takes what the peer has sent, in order, a bounded piece at a time. */
  const work = async (peer: Peer): Promise<void> => {
    while (peer.frames.length > 0 && !peer.isGone) {
      if (!peer.isResumed) await resume(peer, peer.frames[0]!)
      if (peer.isGone) return
      const frames = peer.frames.splice(0, framesTogetherMax)
      waitingFrames -= frames.length
      let { session } = peer
      const before = session
      const steps: Jt808Step[] = []
      for (const frame of frames) {
        const step = stepJt808(session, frame, now(), roster)
        session = step.session
        steps.push(step)
        // claimed at once: the next frame of another connection is judged before this one is durable
        if (session.terminal && !before.terminal) claim(peer, session.terminal.number)
        if (step.isClosing) break
      }
      const number = (session.terminal ?? before.terminal)?.number
      const writing = store(steps)
      if (number !== undefined) storing.set(number, writing)
      const isStored = await writing
      if (number !== undefined && storing.get(number) === writing) storing.delete(number)
      if (!isStored) {
        // nothing is answered: the terminal sends it again
        if (!before.terminal && session.terminal && holders.get(session.terminal.number) === peer)
          holders.delete(session.terminal.number)
        continue
      }
      accept(peer, session, steps)
    }
  }

  const claim = (peer: Peer, number: string): void => {
    const old = holders.get(number)
    if (old === peer) return
    holders.set(number, peer)
    if (old) cut(old, 'replaced')
  }

  /** Makes durable what a run of steps found; true also when there was nothing. */
  const store = async (steps: readonly Jt808Step[]): Promise<boolean> => {
    const items = []
    const raw = []
    for (const step of steps) {
      for (const fix of step.fixes) {
        const device = getTerminalDevice(fix.unitId)
        const mark = getMark(fix)
        const entry = toEntries([fix])[0]
        if (entry) items.push({ device, ...entry, isLive: fix.standing === 'live', mark })
        else raw.push({ device, code: fix.remarks[0] ?? fix.standing, messageId: 0x0200, bytes: fix.body, mark })
      }
      for (const one of step.raw) {
        const unitId = terminals.get(one.number)?.unitId
        if (unitId !== undefined && step.session.terminal)
          raw.push({ device: getTerminalDevice(unitId), code: one.code, messageId: one.messageId, bytes: one.bytes })
      }
    }
    try {
      await spool.append(items, raw)
    } catch {
      counts.unstored += items.length + raw.length
      counts.unstoredAt = now()
      return false
    }
    counts.stored += items.length
    counts.raw += raw.length
    if (items.length > 0) ports.onStored()
    return true
  }

  /** Everything is durable: the new session counts, and the answers go out. */
  const accept = (peer: Peer, session: Jt808Session, steps: readonly Jt808Step[]): void => {
    counts.repeated += session.counts.repeated - peer.session.counts.repeated
    const number = (session.terminal ?? peer.session.terminal)?.number
    if (number !== undefined) memories.set(number, { latestAt: session.latestAt, recent: session.recent })
    if (peer.session.terminal && !session.terminal && !peer.isGone) {
      if (holders.get(peer.session.terminal.number) === peer) holders.delete(peer.session.terminal.number)
      strangers.add(peer)
      peer.openedAt = now()
    }
    if (session.terminal) strangers.delete(peer)
    peer.session = session
    for (const step of steps) {
      tellAlarms(step)
      for (const reply of step.replies) peer.send(reply)
      if (step.isClosing) cut(peer, step.alarms[0]?.code ?? 'closing')
    }
  }

  const begin = (peer: Peer): void => {
    if (peer.work) return
    peer.work = work(peer)
      .catch(fault => {
        ports.onLine('warn', { connection: peer.name, message: (fault as Error).message }, 'jt808: fault')
        cut(peer, 'fault')
      })
      .finally(() => {
        peer.work = undefined
        if (peer.isGone) return
        peer.pause(false)
        if (peer.frames.length > 0) begin(peer)
      })
  }

  const take = (peer: Peer, bytes: Uint8Array): void => {
    if (peer.isGone || isStopping) return
    const at = now()
    const framing = peer.framer.push(bytes, at)
    counts.frames += framing.frames.length
    counts.faults += framing.faults.length
    if (framing.frames.length > 0) {
      // only whole frames prove that somebody is there: single bytes are what a slow-loris sends
      peer.heardAt = at
      for (const frame of framing.frames) peer.frames.push(frame)
      waitingFrames += framing.frames.length
      if (peer.frames.length > framesWaitingMax) peer.pause(true)
      begin(peer)
    }
    if (framing.isCut) cut(peer, 'bounds')
  }

  const makePeer = (address: string, doors: Pick<Peer, 'send' | 'pause' | 'close'>, given?: string): Peer => {
    const name = given ?? `tcp-${++lastName}`
    const at = now()
    return {
      name,
      session: openJt808Session(name, address),
      framer: createJt808Framer(),
      frames: [],
      openedAt: at,
      heardAt: at,
      isResumed: false,
      isGone: false,
      work: undefined,
      ...doors,
    }
  }

  /** Finds room for a peer: the oldest stranger gives way to a new one. */
  const admit = (peer: Peer): boolean => {
    if (strangers.size >= limits.strangersMax || peers.size >= limits.connectionsMax) {
      const [oldest] = strangers
      if (!oldest) {
        counts.refusedConnections++
        return false
      }
      cut(oldest, 'room')
    }
    peers.set(peer.name, peer)
    strangers.add(peer)
    counts.accepted++
    counts.connections = peers.size
    return true
  }

  const timer = setInterval(() => {
    const at = now()
    for (const peer of [...peers.values()]) {
      if (peer.framer.isStalled(at)) cut(peer, 'stalled')
      else if (!peer.session.terminal && at - peer.openedAt > limits.strangerMaxMs) cut(peer, 'unproven')
      else if (at - peer.heardAt > limits.silenceMaxMs) cut(peer, 'silent')
      // while frames are on their way the session is theirs; the next second will do
      else if (!peer.work && peer.session.assemblies.length > 0) tick(peer, at)
    }
  }, tickMs)

  const tick = (peer: Peer, at: number): void => {
    const step = tickJt808(peer.session, at)
    peer.work = store([step])
      .then(isStored => {
        if (isStored && !peer.isGone) accept(peer, step.session, [step])
      })
      .finally(() => {
        peer.work = undefined
        if (!peer.isGone && peer.frames.length > 0) begin(peer)
      })
  }

  const open = source.transport === 'tcp' ? await openTcp() : await openUdp()

  async function openTcp(): Promise<{ port: number; close(): Promise<void> }> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, socket => {
      const peer = makePeer(socket.remoteAddress ?? '', {
        send: bytes => {
          if (socket.destroyed) return
          socket.write(bytes)
          if (socket.writableLength > unreadBytesMax) cut(peer, 'unread')
        },
        pause: isPaused => {
          if (isPaused) socket.pause()
          else socket.resume()
        },
        // what was written goes out first; a peer that does not read is ended by its own silence
        close: () => {
          socket.end()
          setTimeout(() => socket.destroy(), 1_000).unref()
        },
      })
      socket.on('error', () => undefined)
      if (isStopping || !admit(peer)) return socket.destroy()
      socket.on('data', bytes => take(peer, bytes))
      socket.on('close', () => forget(peer))
    })
    // the kernel's queue of half-open handshakes; more knock again
    server.listen({ host: source.host, port: source.port, backlog: 1_024 })
    await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
    server.on('error', fault => ports.onLine('warn', { message: fault.message }, 'jt808: listener'))
    return {
      port: (server.address() as AddressInfo).port,
      close: () => new Promise(resolve => server.close(() => resolve())),
    }
  }

  async function openUdp(): Promise<{ port: number; close(): Promise<void> }> {
    const socket = createSocket(source.host.includes(':') ? 'udp6' : 'udp4')
    socket.on('message', (bytes, from) => {
      if (isStopping) return
      const name = `udp-${from.address}:${from.port}`
      let peer = peers.get(name)
      if (!peer) {
        const made = makePeer(
          from.address,
          {
            send: reply => socket.send(reply, from.port, from.address),
            pause: () => undefined,
            close: () => undefined,
          },
          name,
        )
        if (!admit(made)) return
        peer = made
      }
      if (waitingFrames >= datagramsWaitingMax) return
      // a datagram is whole: what one leaves unfinished is no beginning of the next
      peer.framer = createJt808Framer()
      take(peer, bytes)
    })
    socket.bind(source.port, source.host)
    await new Promise<void>((resolve, reject) => socket.once('listening', resolve).once('error', reject))
    socket.on('error', fault => ports.onLine('warn', { message: fault.message }, 'jt808: listener'))
    return {
      port: socket.address().port,
      close: () => new Promise(resolve => socket.close(() => resolve())),
    }
  }

  return {
    kind: 'jt808',
    transport: source.transport,
    host: source.host,
    port: open.port,
    getCounts: () => structuredClone(counts),
    async stop() {
      isStopping = true
      clearInterval(timer)
      await Promise.allSettled([...peers.values()].map(peer => peer.work))
      const closing = open.close()
      for (const peer of [...peers.values()]) {
        forget(peer)
        peer.close()
      }
      await closing
    },
  }
}

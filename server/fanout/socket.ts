/**
 * Socket: the door out, and the only user of socket.io. Clients of one scope share one encoded packet every 250 ms; a client
 * that is behind leaves the room, collects in its own outbox, and comes back by its own packet or, beyond outboxMax, by a
 * snapshot. A packet is sent each second even when empty: reach is proven, not assumed. Nothing bypasses this file.
 */
import type { Server as HttpServer } from 'node:http'
import { type Socket, Server as SocketServer } from 'socket.io'
import type { Entry, EntryOf } from '#contract/entry.ts'
import { describeReject, type Reject, reject } from '#contract/errors.ts'
import type { CityView, SessionView, WorldView } from '#contract/view.ts'
import {
  type EntriesRequest,
  type EntriesResponse,
  type ErrorResponse,
  heartbeatEveryMs,
  LookRequest,
  lookersMax,
  packetEveryMs,
  WatchRequest,
  wireVersion,
} from '#contract/wire.ts'
import type { Touched, World } from '../state/world.ts'
import {
  buildChanges,
  buildSnapshot,
  clearOutbox,
  countIds,
  createHeld,
  createOutbox,
  type Held,
  isEmpty,
  type Outbox,
  outboxMax,
  type Scope,
  takeTouched,
} from './outbox.ts'

/** Bytes waiting in a client's socket above which it is behind. */
export const behindBytes = 256 * 1024
/** Consoles one process serves at most. */
export const clientsMax = 2_000
/** Units one console may watch at a time. */
export const watchedMax = 8
/** A client may ask for a snapshot this often. */
const resyncEveryMs = 1_000
/** A client may say what it looks at this often: a key held down on a list is no news to others. */
const lookEveryMs = 100
/** A submission over the socket is a click, not a feed. */
const submitMax = 20

/** A signed-in client, as identity/ sees it. */
export type Client = { session: SessionView; scope: Scope }

export type FanoutPorts = {
  world: World
  touched: Touched
  getCity(): CityView
  incarnation: string
  serverVersion: string
  origins: readonly string[]
  /** Judges the handshake. */
  authenticate(
    headers: Readonly<Record<string, string | string[] | undefined>>,
    remoteAddress: string,
  ): Promise<Client | Reject>
  /** Called with everything touched since the last packet, before it is cleared: projections note it. */
  beforeFlush(): void
  /** Ends the client when its session ends; undefined when no more can be watched. */
  watch(client: Client, onEnd: () => void): (() => void) | undefined
  onGone(client: Client): void
  /** Judges a client again before each of its messages. */
  isStillSignedIn(client: Client): Promise<boolean>
  submit(client: Client, request: EntriesRequest): Promise<EntriesResponse | ErrorResponse>
  onError(error: Error): void
}

type Member = {
  socket: Socket
  client: Client
  room: Room
  /** Set while the client is behind. */
  own?: { outbox: Outbox; held: Held; seq: number; needsSnapshot: boolean }
  resyncedAt: number
  watched: Set<string>
  /** The case it has open: a whisper, kept here as long as the socket is open and nowhere else. */
  looksAt?: string
  lookedAt: number
}
type Room = { scope: Scope; seq: number; held: Held; members: Set<Member>; joining: Set<Member>; sentAt: number }

export type Fanout = {
  /** Vitals of watched units leave at once; everything else leaves with the next packet. */
  onApplied(entries: readonly Entry[]): void
  countClients(): { clients: number; behind: number; packets: number; updates: number }
  flush(): void
  close(): Promise<void>
}

/** True when bytes wait in the client's socket: it reads slower than we write. */
function isBehind(socket: Socket): boolean {
  const transport = socket.conn.transport as unknown as { socket?: { bufferedAmount?: number } }
  return (transport.socket?.bufferedAmount ?? 0) > behindBytes
}

/** Opens the door out on an HTTP server. */
export function startFanout(server: HttpServer, ports: FanoutPorts): Fanout {
  const { world, touched } = ports
  const io = new SocketServer(server, {
    transports: ['websocket'],
    serveClient: false,
    maxHttpBufferSize: 256 * 1024,
    pingInterval: 10_000,
    pingTimeout: 10_000,
    perMessageDeflate: false,
    allowRequest: (request, answer) => {
      const origin = request.headers.origin
      const own = origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.headers.host
      answer(null, origin === undefined || own || ports.origins.includes(origin))
    },
  })
  const rooms = new Map<string, Room>()
  const members = new Map<string, Member>()
  const pending = createOutbox()
  let packets = 0
  let updates = 0

  io.use((socket, next) => {
    if (members.size >= clientsMax) return next(new Error('TOO_MANY_REQUESTS'))
    ports.authenticate(socket.handshake.headers, socket.handshake.address).then(
      client => {
        if ('code' in client) return next(new Error(client.code))
        socket.data.client = client
        next()
      },
      error => {
        ports.onError(error as Error)
        next(new Error('INTERNAL'))
      },
    )
  })

  const sendSnapshot = (to: Member, snapshot: WorldView) => {
    to.socket.emit('snapshot', {
      incarnation: ports.incarnation,
      seq: world.seq,
      at: ports.getCity().now,
      world: snapshot,
    })
  }

  /** Lets joiners in right after a flush: the room's seq and their snapshot's seq are one. */
  const admitJoiners = (room: Room) => {
    // Who still has bytes waiting gets no snapshot on top: a client that asks and does not read must cost no memory.
    const ready = [...room.joining].filter(member => !isBehind(member.socket))
    if (ready.length === 0) return
    const snapshot = buildSnapshot(world, room.scope, room.held, ports.getCity())
    for (const member of ready) {
      sendSnapshot(member, snapshot)
      room.joining.delete(member)
      room.members.add(member)
      void member.socket.join(room.scope.key)
    }
  }

  const fallBehind = (member: Member) => {
    void member.socket.leave(member.room.scope.key)
    member.own = {
      outbox: createOutbox(),
      held: Object.fromEntries(Object.entries(member.room.held).map(([k, v]) => [k, new Set(v)])) as Held,
      seq: member.room.seq,
      needsSnapshot: false,
    }
  }

  const catchUp = (member: Member) => {
    const own = member.own!
    if (own.needsSnapshot) {
      delete member.own
      member.room.members.delete(member)
      member.room.joining.add(member)
      return
    }
    const changes = buildChanges(own.outbox, world, member.room.scope, own.held, ports.getCity()) ?? {}
    member.socket.emit('packet', { afterSeq: own.seq, seq: member.room.seq, at: ports.getCity().now, changes })
    packets++
    delete member.own
    void member.socket.join(member.room.scope.key)
  }

  const flushRoom = (room: Room, now: number) => {
    const changes = isEmpty(pending) ? undefined : buildChanges(pending, world, room.scope, room.held, ports.getCity())
    // Those already behind collect ids first; those in the room are told; then it is seen who has fallen behind or caught up.
    for (const member of room.members) {
      if (!member.own) continue
      for (const name of Object.keys(pending.ids) as (keyof Outbox['ids'])[])
        for (const id of pending.ids[name]) member.own.outbox.ids[name].add(id)
      for (const id of pending.positions) member.own.outbox.positions.add(id)
      member.own.outbox.city ||= pending.city
      if (countIds(member.own.outbox) > outboxMax) {
        member.own.needsSnapshot = true
        clearOutbox(member.own.outbox)
      }
    }
    // Joiners get a snapshot of now, which moves the room's seq: those already in it are told, or they would see a gap.
    const isJoined = [...room.joining].some(member => !isBehind(member.socket))
    if (changes || isJoined || now - room.sentAt >= heartbeatEveryMs) {
      io.to(room.scope.key).emit('packet', {
        afterSeq: room.seq,
        seq: world.seq,
        at: ports.getCity().now,
        changes: changes ?? {},
      })
      room.seq = world.seq
      room.sentAt = now
      packets++
      updates += changes?.positions?.length ?? 0
    }
    for (const member of room.members) {
      const behind = isBehind(member.socket)
      if (member.own && !behind) catchUp(member)
      else if (!member.own && behind) fallBehind(member)
    }
    admitJoiners(room)
  }

  const restartRoom = (room: Room) => {
    for (const member of room.members) {
      void member.socket.leave(room.scope.key)
      delete member.own
      room.joining.add(member)
    }
    room.members.clear()
  }

  let shapeSeen = `${world.city.regionsVersion}/${world.city.rulesVersion}`
  const flush = () => {
    ports.beforeFlush()
    takeTouched(pending, touched)
    touched.pages.clear()
    touched.series.clear()
    touched.handovers.clear()
    touched.reviews.clear()
    const now = performance.now()
    // A new region tree or new rules change what a scope sees without touching one record: everybody begins anew.
    const shape = `${world.city.regionsVersion}/${world.city.rulesVersion}`
    if (shape !== shapeSeen || pending.ids.regions.size > 0) for (const room of rooms.values()) restartRoom(room)
    shapeSeen = shape
    for (const [key, room] of rooms) {
      if (room.members.size + room.joining.size === 0) rooms.delete(key)
      else flushRoom(room, now)
    }
    clearOutbox(pending)
  }
  const timer = setInterval(() => {
    try {
      flush()
    } catch (error) {
      ports.onError(error as Error)
    }
  }, packetEveryMs)

  const getRoom = (scope: Scope): Room => {
    const held = rooms.get(scope.key)
    if (held) return held
    const room: Room = { scope, seq: world.seq, held: createHeld(), members: new Set(), joining: new Set(), sentAt: 0 }
    rooms.set(scope.key, room)
    return room
  }

  /** Tells everybody who has a case open who else has. Seats are few; a case is open at a handful of them. */
  const tellLookers = (incidentId: string | undefined) => {
    if (incidentId === undefined) return
    const incident = world.incidents.get(incidentId)
    const lookers = [...members.values()].filter(each => each.looksAt === incidentId)
    for (const each of lookers) {
      // Judged at each telling: a case may have left the scope since it was opened.
      if (!incident || !each.room.scope.sees('incidents', incident) || isBehind(each.socket)) continue
      const names = lookers
        .filter(other => other.client.session.accountId !== each.client.session.accountId)
        .map(other => other.client.session.name)
      each.socket.emit('looking', { incidentId, names: [...new Set(names)].slice(0, lookersMax) })
    }
  }
  const lookAt = (member: Member, incidentId: string | undefined) => {
    const before = member.looksAt
    if (before === incidentId) return
    if (incidentId === undefined) delete member.looksAt
    else member.looksAt = incidentId
    tellLookers(before)
    tellLookers(incidentId)
  }

  io.on('connection', socket => {
    const client = socket.data.client as Client
    const room = getRoom(client.scope)
    const member: Member = { socket, client, room, resyncedAt: 0, watched: new Set(), lookedAt: 0 }
    const endSession = () => {
      socket.emit('signedOut', 'SIGN_IN_REQUIRED')
      socket.disconnect(true)
    }
    const unwatch = ports.watch(client, endSession)
    if (!unwatch) return void socket.disconnect(true)
    members.set(socket.id, member)
    socket.emit('hello', {
      wireVersion,
      serverVersion: ports.serverVersion,
      incarnation: ports.incarnation,
      session: client.session,
    })
    room.joining.add(member)

    /** Every message is authorised anew, not only the handshake. */
    const guarded = (work: () => Promise<void> | void) => {
      ports
        .isStillSignedIn(client)
        .then(signedIn => {
          if (signedIn) return work()
          endSession()
        })
        .catch(ports.onError)
    }

    socket.on('resync', () =>
      guarded(() => {
        const now = performance.now()
        if (now - member.resyncedAt < resyncEveryMs && member.resyncedAt > 0) return
        member.resyncedAt = now
        void socket.leave(room.scope.key)
        delete member.own
        room.members.delete(member)
        room.joining.add(member)
      }),
    )
    socket.on('watch', (raw: unknown) =>
      guarded(() => {
        const parsed = WatchRequest.safeParse(raw)
        const unit = parsed.success ? world.units.get(parsed.data.unitId) : undefined
        if (!parsed.success || !unit || !room.scope.sees('units', unit)) return
        if (!parsed.data.on) member.watched.delete(parsed.data.unitId)
        else if (member.watched.size < watchedMax) member.watched.add(parsed.data.unitId)
      }),
    )
    socket.on('look', (raw: unknown) =>
      guarded(() => {
        const parsed = LookRequest.safeParse(raw)
        if (!parsed.success) return
        const { incidentId } = parsed.data
        const now = performance.now()
        // Leaving is always heard: a name must not stand where nobody sits.
        if (incidentId !== undefined && member.lookedAt > 0 && now - member.lookedAt < lookEveryMs) return
        if (incidentId !== undefined) member.lookedAt = now
        const incident = incidentId === undefined ? undefined : world.incidents.get(incidentId)
        lookAt(member, incident && room.scope.sees('incidents', incident) ? incidentId : undefined)
      }),
    )
    socket.on('submit', (raw: unknown, answer: unknown) => {
      if (typeof answer !== 'function') return
      guarded(async () => {
        // Only the frame is judged here; items are judged one by one at the door, and one bad item harms no other.
        const entries = (raw as { entries?: unknown } | null | undefined)?.entries
        const refused = !Array.isArray(entries)
          ? reject('SHAPE_INVALID', { path: 'entries', why: 'an array is expected' })
          : entries.length > submitMax
            ? reject('BATCH_TOO_LARGE', { max: submitMax })
            : undefined
        if (refused) {
          const { http: _http, ...text } = describeReject(refused)
          answer(text)
          return
        }
        answer(await ports.submit(client, { entries: entries as EntriesRequest['entries'] }))
      })
    })
    socket.on('disconnect', () => {
      unwatch()
      ports.onGone(client)
      members.delete(socket.id)
      tellLookers(member.looksAt)
      room.members.delete(member)
      room.joining.delete(member)
    })
  })

  return {
    onApplied(entries) {
      if (members.size === 0) return
      for (const entry of entries) {
        if (entry.kind !== 'unit.vitals') continue
        const { unitId, ...row } = (entry as EntryOf<'unit.vitals'>).body
        const unit = world.units.get(unitId)
        // Judged at each delivery: a unit may have left the scope since it was watched.
        for (const member of members.values())
          if (member.watched.has(unitId) && unit && member.room.scope.sees('units', unit) && !isBehind(member.socket))
            member.socket.emit('vitals', { unitId, rows: [{ at: entry.occurredAt, ...row }] })
      }
    },
    countClients: () => ({
      clients: members.size,
      behind: [...members.values()].filter(m => m.own).length,
      packets,
      updates,
    }),
    flush,
    async close() {
      clearInterval(timer)
      await io.close()
    },
  }
}

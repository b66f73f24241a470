// The simulation's eyes: the world as the house fans it out to a player, over the socket that consoles use.
// It stands at the door out; it keeps the newest view of units and incidents and tells what changed, nothing more.
import { io, type Socket } from 'socket.io-client'
import type { CallView, IncidentView, UnitView } from '#contract/view.ts'
import type { Packet, Snapshot } from '#contract/wire.ts'

/** A parked receiver wanders by a few metres; beyond this a unit has been driven. */
const MOVED_M = 30

/** What the house shows of units and incidents. */
export interface Watch {
  units: ReadonlyMap<string, UnitView>
  incidents: ReadonlyMap<string, IncidentView>
  calls: ReadonlyMap<string, CallView>
  /** Units that have been driven since the socket opened. */
  moved: ReadonlySet<string>
  firstMoveAt: number | undefined
  isOpen: boolean
  /** Everything up to this seq of the log has been seen. */
  seq: number
  close(): void
}

/** Opens a socket with a bearer token (device) or a cookie (person). */
export function openWatch(options: {
  url: string
  token?: string
  cookie?: string
  onAlert?: (alert: NonNullable<Packet['changes']['alerts']>[number]) => void
  /** What the house sent and this cannot read, or why it closed the socket. */
  onTrouble?: (why: string) => void
}): Watch {
  const trouble = options.onTrouble ?? (() => {})
  const units = new Map<string, UnitView>()
  const incidents = new Map<string, IncidentView>()
  const calls = new Map<string, CallView>()
  const firstSeen = new Map<string, { lon: number; lat: number }>()
  const moved = new Set<string>()
  const socket: Socket = io(options.url, {
    transports: ['websocket'],
    reconnectionDelayMax: 5_000,
    extraHeaders: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.cookie === undefined ? {} : { cookie: options.cookie, origin: new URL(options.url).origin }),
    },
  })
  const watch = { units, incidents, calls, moved, firstMoveAt: undefined as number | undefined, isOpen: false, seq: -1 }
  const notice = (unitId: string, lon: number | undefined, lat: number | undefined): void => {
    if (lon === undefined || lat === undefined) return
    const first = firstSeen.get(unitId)
    if (!first) {
      firstSeen.set(unitId, { lon, lat })
      return
    }
    const metres = Math.hypot(
      (lon - first.lon) * 111_195 * Math.cos((lat * Math.PI) / 180),
      (lat - first.lat) * 111_195,
    )
    if (metres < MOVED_M || moved.has(unitId)) return
    watch.firstMoveAt ??= Date.now()
    moved.add(unitId)
  }
  // Like a console, the player trusts the fields of its own house and looks only for a foreign message as a whole.
  const isWhole = (raw: unknown, part: string): boolean => {
    const one = raw as Record<string, unknown> | null
    const isOwn = typeof one?.seq === 'number' && typeof one[part] === 'object' && one[part] !== null
    if (!isOwn) trouble('a message without seq and content')
    return isOwn
  }
  socket.on('snapshot', (snapshot: Snapshot) => {
    if (!isWhole(snapshot, 'world')) return
    watch.isOpen = true
    units.clear()
    incidents.clear()
    calls.clear()
    for (const call of snapshot.world.calls) calls.set(call.callId, call)
    for (const unit of snapshot.world.units) {
      units.set(unit.unitId, unit)
      notice(unit.unitId, unit.lon, unit.lat)
    }
    for (const incident of snapshot.world.incidents) incidents.set(incident.incidentId, incident)
    for (const alert of snapshot.world.alerts) options.onAlert?.(alert)
    watch.seq = snapshot.seq
  })
  socket.on('packet', (packet: Packet) => {
    if (!isWhole(packet, 'changes')) return
    if (packet.afterSeq > watch.seq) {
      socket.emit('resync')
      return
    }
    const { changes } = packet
    for (const unit of changes.units ?? []) {
      units.set(unit.unitId, unit)
      notice(unit.unitId, unit.lon, unit.lat)
    }
    for (const [unitId, lon, lat] of changes.positions ?? []) notice(unitId, lon, lat)
    for (const incident of changes.incidents ?? []) incidents.set(incident.incidentId, incident)
    for (const call of changes.calls ?? []) calls.set(call.callId, call)
    for (const callId of changes.gone?.calls ?? []) calls.delete(callId)
    for (const alert of changes.alerts ?? []) options.onAlert?.(alert)
    for (const unitId of changes.gone?.units ?? []) units.delete(unitId)
    for (const incidentId of changes.gone?.incidents ?? []) incidents.delete(incidentId)
    watch.seq = Math.max(watch.seq, packet.seq)
  })
  socket.on('signedOut', (why: unknown) => trouble(`signed out: ${String(why)}`))
  socket.on('connect_error', error => trouble(`socket: ${error.message}`))
  socket.on('disconnect', reason => {
    watch.isOpen = false
    if (reason !== 'io client disconnect') trouble(`socket: ${reason}`)
  })
  return Object.assign(watch, {
    close: () => {
      socket.close()
    },
  })
}

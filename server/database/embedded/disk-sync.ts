/**
 * The thread of the embedded database's process that syncs files to disk for its WASM backend.
 * Node closes the synchronous fsync calls under its permission model but leaves FileHandle.sync open, and the backend
 * can only wait synchronously: so this thread awaits the handle while the backend's thread waits on a shared number.
 * Promises: the answer comes after the disk's; an error is an error, never silence. It also ends the process when the
 * server that started it is gone and the backend's thread is too stuck to notice, so that the directory comes free.
 */
import { open } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'

/** What the shared number says: still waiting, on disk, refused by the disk. */
export const WAITING = 0
export const SYNCED = 1
export const REFUSED = 2

/** One wish: the host path of a file or directory, and whether its length and times matter too. */
export type SyncWish = { path: string; whole: boolean }

/** How long an orphan may take for its own clean stop before this thread ends it: one minute. */
const orphanMaxMs = 60_000
const orphanCheckMs = 5_000

async function sync(wish: SyncWish): Promise<number> {
  try {
    const handle = await open(wish.path, 'r')
    try {
      await (wish.whole ? handle.sync() : handle.datasync())
      return SYNCED
    } finally {
      await handle.close()
    }
  } catch (error) {
    process.stderr.write(`embedded database: ${String(error)}\n`)
    return REFUSED
  }
}

if (parentPort) {
  const state = workerData as Int32Array
  parentPort.on('message', async (wish: SyncWish) => {
    Atomics.store(state, 0, await sync(wish))
    Atomics.notify(state, 0)
  })
  const parentPid = process.ppid
  let orphanedForMs = 0
  setInterval(() => {
    orphanedForMs = process.ppid === parentPid ? 0 : orphanedForMs + orphanCheckMs
    if (orphanedForMs > orphanMaxMs) process.kill(process.pid, 'SIGKILL')
  }, orphanCheckMs)
}

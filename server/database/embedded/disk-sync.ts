/**
 * The helper process that syncs files to disk for the embedded database. Node closes fsync and fdatasync under its
 * permission model, and a thread that could still do it (--allow-worker) would open that model: a Worker may be given
 * other rights than its process. So this small process of ours, without foreign code, does it over a socket pair.
 * Promises: one byte of answer after the disk's own, '1' on disk or '0' refused; only files of the cluster; and it ends
 * the database's process when the server that started both is gone and that process is too stuck to notice.
 */
import fs from 'node:fs'
import net from 'node:net'
import { sep } from 'node:path'
import { createInterface } from 'node:readline'

/** One wish, a line of JSON: the host path of a file or folder, and whether its length and times matter too. */
export type SyncWish = { path: string; whole: boolean }

/** How long an orphan may take for its own clean stop: one minute. */
const orphanMaxMs = 60_000

function sync(root: string, line: string): boolean {
  try {
    const { path, whole } = JSON.parse(line) as SyncWish
    if (path !== root && !path.startsWith(root + sep)) throw new Error(`not a file of the cluster: ${path}`)
    // Opened anew every time: a recycled WAL segment keeps its bytes under another name.
    const file = fs.openSync(path, 'r')
    try {
      if (whole) fs.fsyncSync(file)
      else fs.fdatasyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    return true
  } catch (error) {
    fs.writeSync(2, `embedded database: no sync: ${String(error)}\n`)
    return false
  }
}

function serve(root: string): void {
  let databasePid: number | undefined
  const pair = new net.Socket({ fd: 0 })
  createInterface({ input: pair }).on('line', line => pair.write(sync(root, line) ? '1' : '0'))
  pair.on('error', () => process.exit(0))
  pair.on('close', () => process.exit(0)) // the database's process has ended
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('message', (message: { databasePid: number }) => {
    databasePid = message.databasePid
  })
  process.on('disconnect', () => {
    // While the pair is open the database's process lives, so the pid is still its own.
    setTimeout(() => {
      if (databasePid !== undefined) process.kill(databasePid, 'SIGKILL')
      process.exit(0)
    }, orphanMaxMs)
  })
}

if (import.meta.main) serve(process.argv[2]!)

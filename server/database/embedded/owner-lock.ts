/**
 * One owner per data directory. Two openers of one WASM cluster destroy it, and the backend takes no lock itself.
 * Two locks hold together: the kernel's (an exclusive transaction on an empty SQLite file, which ends with its process
 * and is seen across containers) and a file made with O_EXCL that names the owner by pid and start time.
 * Promises: a live owner is never robbed, however busy or stuck it is; a dead owner's file is replaced atomically,
 * because only the holder of the kernel's lock may replace it.
 */
import { closeSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Who holds a directory. `startedAtTicks` is the kernel's start time of the process, so a reused pid is not it. */
export type Owner = { pid: number; startedAtTicks: string; bootId: string; pidSpace: string; parentPid: number }

export type OwnerLock = { release(): void }

const ownerFile = (directory: string) => join(directory, 'owner.json')

function readOr(read: () => string): string {
  try {
    return read()
  } catch {
    return '' // no /proc: the kernel's lock alone decides
  }
}

/** What the kernel says of a process; undefined when it does not exist or the system cannot say. */
function findProcess(pid: number): { isEnded: boolean; startedAtTicks: string } | undefined {
  const line = readOr(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (line === '') return undefined
  // Fields 3 (state) and 22 (start time), counted after the bracket that closes the command name.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended and only waits for a parent to read its exit code; under a careless pid 1 that is for ever.
  return { isEnded: fields[0] === 'Z' || fields[0] === 'X', startedAtTicks: fields[19] ?? '' }
}

function describeSelf(): Owner {
  return {
    pid: process.pid,
    startedAtTicks: findProcess(process.pid)?.startedAtTicks ?? '',
    bootId: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim(),
    pidSpace: readOr(() => readlinkSync('/proc/self/ns/pid')),
    parentPid: process.ppid,
  }
}

/** Reads the owner a directory names; undefined when it names none or the file is torn. */
export function findOwner(directory: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(ownerFile(directory), 'utf8')) as Owner
  } catch {
    return undefined
  }
}

/** Says whether an owner named in a file is still running, as far as this process can see it. */
export function isOwnerAlive(owner: Owner): boolean {
  const self = describeSelf()
  if (owner.bootId !== self.bootId || owner.pidSpace !== self.pidSpace) return false // the kernel's lock has judged
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return false
  }
  const found = findProcess(owner.pid)
  if (!found || owner.startedAtTicks === '') return true // no /proc: the bare pid decides, to the safe side
  return !found.isEnded && found.startedAtTicks === owner.startedAtTicks
}

/**
 * Takes a directory for this process until it releases it or dies.
 *
 * @returns the lock, or the owner that has it (undefined inside when the owner has not written its name yet)
 */
export function takeOwnership(directory: string): OwnerLock | { heldBy: Owner | undefined } {
  const kernelLock = new DatabaseSync(join(directory, 'owner.lock'))
  try {
    kernelLock.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    kernelLock.close()
    return { heldBy: findOwner(directory) }
  }
  const named = findOwner(directory)
  if (named && named.pid !== process.pid && isOwnerAlive(named)) {
    kernelLock.close() // a file system without working locks: the name still protects its owner
    return { heldBy: named }
  }
  const fresh = `${ownerFile(directory)}.${process.pid}`
  rmSync(fresh, { force: true })
  const file = openSync(fresh, 'wx', 0o600)
  writeSync(file, JSON.stringify(describeSelf()))
  closeSync(file)
  renameSync(fresh, ownerFile(directory))
  return {
    release() {
      rmSync(ownerFile(directory), { force: true })
      kernelLock.close()
    },
  }
}

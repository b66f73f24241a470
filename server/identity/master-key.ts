/**
 * Master key: the one secret that opens every record key. It lies in a file beside the database and never in it, so that a
 * copy of the database alone opens nothing. Lost, all personal data are lost: the backup carries it apart.
 */

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Bytes of a master key: AES-256. */
export const masterKeyBytes = 32

/** The key file cannot be used; the text says why and what to do, and holds nothing of the key. */
export class MasterKeyFault extends Error {
  override name = 'MasterKeyFault'
}

/**
 * Reads the master key (64 hex digits, or base64 of 32 bytes, one line).
 * With `create` a missing file is made with mode 0600 and is on disk before this returns; of two processes that start at
 * once one makes it and both read it. Refuses a file that others on the machine may read.
 */
export async function loadMasterKey(path: string, options: { create: boolean }): Promise<Buffer> {
  const text = (await findText(path)) ?? (options.create ? await createFile(path) : undefined)
  if (text === undefined)
    throw new MasterKeyFault(
      `No master key at ${path}. Beside a database of your own it must be given: put 64 random hex digits there, mode 0600.`,
    )
  const key = parseKey(text)
  if (!key) throw new MasterKeyFault(`${path} does not hold ${masterKeyBytes} bytes in hex or base64.`)
  if (new Set(key).size < 8) throw new MasterKeyFault(`The key in ${path} is not random.`)
  return key
}

function parseKey(text: string): Buffer | undefined {
  const line = text.trim()
  if (/^[0-9a-fA-F]{64}$/.test(line)) return Buffer.from(line, 'hex')
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(line)) return undefined
  const key = Buffer.from(line, 'base64')
  return key.length === masterKeyBytes ? key : undefined
}

async function findText(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) throw new MasterKeyFault(`Others may read ${path}. Say: chmod 600 ${path}`)
    return await readFile(path, 'utf8')
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fault
  }
}

async function createFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const text = `${randomBytes(masterKeyBytes).toString('hex')}\n`
  // Written whole under another name and then linked: a second process never reads half a key, and link refuses to replace.
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(draft, path)
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault
    return (await findText(path)) ?? text
  } finally {
    await unlink(draft)
  }
  const directory = await open(dirname(path), constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  return text
}

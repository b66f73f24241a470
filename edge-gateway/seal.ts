/**
 * Seal: what lies in the spool is unreadable without the key file beside it (AES-256-GCM, 128-bit tag). Used by the spool alone.
 * Promises: a nonce is never used twice under one key: every start derives its own key from a fresh salt and counts its nonces
 * up; what was changed, or moved to another row, does not open.
 * @source NIST SP 800-38D §8.2.1 (deterministic nonces); RFC 5869 (HKDF)
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
/** Bytes of a run's salt. */
export const saltBytes = 32

/** The key file cannot be used, or does not fit what is sealed; the text says why and what to do. */
export class SealFault extends Error {
  override name = 'SealFault'
}

/** Reads the key file (64 hex digits, mode 0600); a missing one is made. Throws SealFault. */
export function loadSpoolKey(path: string): Buffer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, `${randomBytes(keyBytes).toString('hex')}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new SealFault(`others may read ${path}; say: chmod 600 ${path} / 密钥文件权限过宽`)
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new SealFault(`${path} does not hold 64 hex digits / 密钥文件内容不正确`)
  return Buffer.from(text, 'hex')
}

/** Seals and opens the rows of one run. */
export type Sealer = {
  seal(text: string | Uint8Array, place: string): Uint8Array
  /** Throws SealFault when the bytes are not what was sealed for this place. */
  open(sealed: Uint8Array, place: string): Buffer
}

/** Creates the sealer of run `runNo`, whose salt is kept beside the rows. `place` names the row and is proven on opening. */
export function createSealer(key: Uint8Array, runNo: number, salt: Uint8Array): Sealer {
  // a key object: bytes would be looked at anew for every row, which costs five times the sealing itself
  const runKey = createSecretKey(Buffer.from(hkdfSync('sha256', key, salt, 'vigil spool', keyBytes)))
  let count = 0n
  return {
    seal(text, place) {
      const nonce = Buffer.alloc(nonceBytes)
      nonce.writeUInt32BE(runNo >>> 0, 0)
      nonce.writeBigUInt64BE(count++, 4)
      const cipher = createCipheriv('aes-256-gcm', runKey, nonce)
      cipher.setAAD(Buffer.from(place))
      const body = typeof text === 'string' ? cipher.update(text, 'utf8') : cipher.update(text)
      cipher.final()
      return Buffer.concat([nonce, body, cipher.getAuthTag()])
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes.length < nonceBytes + tagBytes) throw new SealFault('too few bytes for a sealed row')
      const decipher = createDecipheriv('aes-256-gcm', runKey, bytes.subarray(0, nonceBytes))
      decipher.setAAD(Buffer.from(place))
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
      try {
        const text = decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes))
        decipher.final()
        return text
      } catch {
        throw new SealFault(`the row ${place} does not open with this key`)
      }
    },
  }
}

/** Run number at the head of a sealed row. */
export function getRunNo(sealed: Uint8Array): number {
  return Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength).readUInt32BE(0)
}

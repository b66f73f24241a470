/**
 * Seal: personal fields are sealed at the door and opened only for a named person at GET /v1/persons.
 * Every record (call, incident, report card) has its own random key, wrapped by the master key; destroying it forgets the
 * person everywhere at once, also in the log and in copies of it made after the key was gone.
 * Promises: a record's key is durable before seal answers; the same text of the same field seals to the same bytes, so that a
 * resend is recognised as one; a changed byte, or a field moved to another record, is refused and never opened.
 *
 * Form of a sealed field: `sealed:v1:` + base64url(nonce 12 | ciphertext | tag 16), AES-256-GCM, AAD = kind 0 id 0 field.
 * The nonce is the first 12 bytes of HMAC-SHA256(nonce key, field 0 text): equal only for equal text of one field of one
 * record, which is all an onlooker learns. Both keys come from the record key by HKDF-SHA256.
 * @source NIST SP 800-38D (GCM); RFC 5869 (HKDF); the synthetic nonce follows RFC 5297's idea
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import type { RecordKind } from '#contract/entry.ts'
import { sealedPrefix } from '#contract/entry.ts'
import type { Reject } from '#contract/errors.ts'
import { reject } from '#contract/errors.ts'
import type { KeyKind, RecordKeyRow } from './sql.ts'
import {
  findRecordKey,
  forgetRecords,
  insertRecordHashes,
  insertRecordKeys,
  listKeyIds,
  listKeysOfOthers,
  listRecordsByHash,
  nameTokens,
  updateWrappings,
} from './sql.ts'

const nonceBytes = 12
const tagBytes = 16
const keyBytes = 32
/** Record keys kept in memory, derived: about 300 bytes each, 3 MB. */
export const recordKeysCachedMax = 10_000
/** A cached key is asked for again after this: another process may have forgotten the record. */
const recordKeyFreshMs = 60_000
/** Most items of one sealMany: a batch of the door. */
export const sealManyMax = 1_000
/** Times a batch asks again for keys that another process was just creating. */
const createAttemptsMax = 5
/** Records forgotten in one transaction. */
const forgetMax = 1_000
/** Keys wrapped anew in one statement. */
const rewrapMax = 500
/** Passes of a rotation over the table. */
const rewrapPassesMax = 5

/** Fewer digits are no number: a withheld one must not make all who withhold it one caller. */
const numberDigitsMin = 5

/** Fields that can be searched for by a keyed hash, and how their text is made comparable. */
const hashedFields: Readonly<Record<string, HashKind>> = {
  callerNumber: 'phone',
  patientPhone: 'phone',
  identityNumber: 'identity',
}
export type HashKind = 'phone' | 'identity' | 'person'

/** A sealed text that does not open: changed, or moved from another record or field. Never says what it held. */
export class SealBroken extends Error {
  override name = 'SealBroken'
}

/** One record's fields, to be sealed. */
export type SealItem = { recordKind: RecordKind; recordId: string; fields: Readonly<Record<string, string>> }
/** Sealed or opened fields, or why not (RECORD_FORGOTTEN, RECORD_UNKNOWN). */
export type SealAnswer =
  | { fields: Record<string, string>; reject?: undefined; personKeys?: string[] }
  | { fields?: undefined; reject: Reject; personKeys?: undefined }

export type Sealer = {
  /** Seals the fields of one record; RECORD_FORGOTTEN once the record has been forgotten. */
  seal(recordKind: RecordKind, recordId: string, fields: Readonly<Record<string, string>>): Promise<SealAnswer>
  /** Seals a batch, answers in its order; all missing keys are created in one statement. At most sealManyMax items. */
  sealMany(items: readonly SealItem[]): Promise<SealAnswer[]>
  /** Opens fields; RECORD_FORGOTTEN, RECORD_UNKNOWN; throws SealBroken for a text that was changed. */
  unseal(recordKind: RecordKind, recordId: string, sealed: Readonly<Record<string, string>>): Promise<SealAnswer>
  /** Destroys a record's key and hashes for ever. Said twice is once; also for a record never seen. */
  forget(recordKind: RecordKind, recordId: string): Promise<void>
  /** The same for many, in batches: what a start applies again after a restore. */
  forgetMany(records: readonly { recordKind: RecordKind; recordId: string }[]): Promise<void>
  /** Records in which a phone or identity number was given, newest first, at most 200. */
  findRecords(hashKind: HashKind, text: string): Promise<{ recordKind: RecordKind; recordId: string }[]>
  /** Keyed hash of a phone number, the same for every way of writing it. */
  hashPhone(text: string): Promise<Buffer>
  /**
   * Pseudonym of a phone number for the log: 128 bits of a keyed hash, in hex, of another family than the search hashes, so that
   * neither table leads to the other. Undefined for what is no number (withheld, fewer than five digits).
   */
  hashNumber(text: string): Promise<string | undefined>
  /** Keyed hash of an identity number. */
  hashIdentity(text: string): Promise<Buffer>
  /** Wraps every key anew that a former master key still wraps; answers how many. Run it after a rotation. */
  rewrap(): Promise<number>
  /** Fails when the database holds keys that none of the given master keys opens. */
  check(): Promise<void>
}

type Derived = { encrypt: Buffer; nonce: Buffer }
type Cached = Derived & { at: number }

/** The house's own key record: the hash key, wrapped like any other, so that it survives a rotation of the master key. */
const houseKind = 'house'
const hashKeyId = 'hash'

/** A short name of a master key that tells nothing of it. */
export function nameMasterKey(masterKey: Buffer): string {
  return createHmac('sha256', masterKey).update('vigil master key id v1').digest('hex').slice(0, 16)
}

/** Digits of a phone number without spaces, dashes, +86 and the trunk 0: the same for a mobile and a land line. */
export function normalisePhone(text: string): string {
  const digits = text.normalize('NFKC').replaceAll(/\D/g, '')
  return digits.replace(/^(?:00)?86(?=0?\d{10,11}$)/, '').replace(/^0(?=\d{9,11}$)/, '')
}

/** Identity number without spaces, with a capital X. */
export function normaliseIdentity(text: string): string {
  return text.normalize('NFKC').replaceAll(/[\s-]/g, '').toUpperCase()
}

/**
 * Creates the sealer.
 * @param options.masterKey the 32-byte key that wraps from now on
 * @param options.formerKeys keys that may still have wrapped older records
 */
export function createSealer(options: {
  pool: Pool
  masterKey: Buffer
  formerKeys?: readonly Buffer[]
  now?: () => number
}): Sealer {
  const { pool, masterKey } = options
  const now = options.now ?? Date.now
  const keyId = nameMasterKey(masterKey)
  const ring = new Map<string, Buffer>()
  for (const key of [masterKey, ...(options.formerKeys ?? [])]) {
    if (key.length !== keyBytes) throw new Error(`a master key has ${keyBytes} bytes, not ${key.length}`)
    ring.set(nameMasterKey(key), key)
  }
  const cache = new Map<string, Cached>()
  let hashKey: Promise<Buffer> | undefined

  function wrap(recordKind: KeyKind, recordId: string, key: Buffer): Buffer {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', masterKey, nonce)
    cipher.setAAD(Buffer.from(`${recordKind}\0${recordId}\0${keyId}`))
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
  }

  function unwrap(row: RecordKeyRow & { wrapped: Buffer }): Buffer {
    const master = ring.get(row.keyId ?? '')
    if (!master) throw new SealBroken(`the key of ${row.recordKind} ${row.recordId} belongs to another master key`)
    try {
      const { wrapped } = row
      const decipher = createDecipheriv('aes-256-gcm', master, wrapped.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
      decipher.setAAD(Buffer.from(`${row.recordKind}\0${row.recordId}\0${row.keyId}`))
      decipher.setAuthTag(wrapped.subarray(-tagBytes))
      return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, -tagBytes)), decipher.final()])
    } catch {
      throw new SealBroken(`the key of ${row.recordKind} ${row.recordId} does not open`)
    }
  }

  function remember(recordKind: KeyKind, recordId: string, derived: Derived): void {
    const name = `${recordKind}\0${recordId}`
    cache.delete(name)
    cache.set(name, { ...derived, at: now() })
    if (cache.size > recordKeysCachedMax) {
      const oldest = cache.keys().next()
      if (!oldest.done) cache.delete(oldest.value)
    }
  }

  /** Keys of records, made where missing; undefined stands for a forgotten record. */
  async function getKeys(
    records: readonly { recordKind: KeyKind; recordId: string }[],
  ): Promise<Map<string, Derived | undefined>> {
    const keys = new Map<string, Derived | undefined>()
    let missing = new Map<string, { recordKind: KeyKind; recordId: string }>()
    for (const record of records) {
      const name = `${record.recordKind}\0${record.recordId}`
      const cached = cache.get(name)
      if (cached && now() - cached.at < recordKeyFreshMs) keys.set(name, cached)
      else missing.set(name, record)
    }
    for (let attempt = 0; missing.size > 0; attempt++) {
      if (attempt === createAttemptsMax) throw new Error(`${missing.size} record keys could not be created`)
      const offers = [...missing.values()].map(record => ({
        ...record,
        wrapped: wrap(record.recordKind, record.recordId, randomBytes(keyBytes)),
      }))
      // One order for everybody: two batches with the same records wait for each other and never deadlock.
      offers.sort((a, b) => compare(a.recordKind, b.recordKind) || compare(a.recordId, b.recordId))
      const still = new Map(missing)
      for (const row of await insertRecordKeys(pool, keyId, now(), offers)) {
        const name = `${row.recordKind}\0${row.recordId}`
        still.delete(name)
        if (row.wrapped === undefined) keys.set(name, undefined)
        else {
          const derived = derive(unwrap({ ...row, wrapped: row.wrapped }))
          keys.set(name, derived)
          remember(row.recordKind, row.recordId, derived)
        }
      }
      missing = still
    }
    return keys
  }

  async function loadHashKey(): Promise<Buffer> {
    for (let attempt = 0; attempt < createAttemptsMax; attempt++) {
      const offer = { recordKind: houseKind, recordId: hashKeyId } as const
      const wrapped = wrap(houseKind, hashKeyId, randomBytes(keyBytes))
      const [row] = await insertRecordKeys(pool, keyId, now(), [{ ...offer, wrapped }])
      if (row?.wrapped) return unwrap({ ...row, wrapped: row.wrapped })
    }
    throw new Error('the key of the search hashes could not be created')
  }

  function getHashKey(): Promise<Buffer> {
    hashKey ??= loadHashKey().catch((fault: unknown) => {
      hashKey = undefined
      throw fault
    })
    return hashKey
  }

  async function hashText(kind: HashKind, text: string): Promise<Buffer> {
    const plain = kind === 'phone' ? normalisePhone(text) : kind === 'identity' ? normaliseIdentity(text) : text
    return createHmac('sha256', await getHashKey())
      .update(`${kind}\0${plain}`)
      .digest()
  }

  /** Texts of a record whose hash can find it: single fields, and phone with name, which together mean one person. */
  function listHashed({ recordKind, fields }: SealItem): { hashKind: HashKind; text: string }[] {
    const found = Object.entries(fields).flatMap(([field, text]) => {
      const hashKind = hashedFields[field]
      return hashKind === undefined ? [] : [{ hashKind, text }]
    })
    const { patientName, patientPhone } = fields
    if (recordKind === 'card' && patientName !== undefined && patientPhone !== undefined)
      found.push({ hashKind: 'person', text: `${normalisePhone(patientPhone)}\0${normaliseIdentity(patientName)}` })
    return found
  }

  /** Pseudonyms for the persons of cards: by identity number, and by phone with name. None for what names nobody. */
  async function nameCards(items: readonly SealItem[], answers: readonly SealAnswer[]): Promise<void> {
    const offers = new Map<string, { hashKind: string; hash: Buffer; token: string; owners: number[] }>()
    for (const [index, item] of items.entries()) {
      if (item.recordKind !== 'card' || answers[index]!.fields === undefined) continue
      for (const { hashKind, text } of listHashed(item)) {
        if (hashKind === 'phone' || text.replaceAll(/\W/g, '').length < numberDigitsMin) continue
        if (hashKind === 'person' && text.indexOf('\0') < numberDigitsMin) continue
        const hash = await hashText(hashKind, text)
        const name = `${hashKind} ${hash.toString('hex')}`
        const held = offers.get(name)
        if (held) held.owners.push(index)
        else
          offers.set(name, {
            hashKind,
            hash,
            token: `${hashKind === 'identity' ? 'i' : 'n'}${randomBytes(12).toString('hex')}`,
            owners: [index],
          })
      }
    }
    if (offers.size === 0) return
    const sorted = [...offers.keys()].sort(compare).map(name => offers.get(name)!)
    const tokens = await nameTokens(pool, sorted)
    for (const [n, { owners }] of sorted.entries())
      for (const index of owners) {
        const answer = answers[index]!
        if (answer.fields) answer.personKeys = [...(answer.personKeys ?? []), tokens[n]!].sort(compare)
      }
  }

  async function storeHashes(items: readonly SealItem[]): Promise<void> {
    const hashes = new Map<string, { recordKind: RecordKind; recordId: string; hashKind: string; hash: Buffer }>()
    for (const item of items)
      for (const { hashKind, text } of listHashed(item)) {
        const { recordKind, recordId } = item
        const hash = await hashText(hashKind, text)
        hashes.set([recordKind, recordId, hashKind, hash.toString('hex')].join('\0'), {
          recordKind,
          recordId,
          hashKind,
          hash,
        })
      }
    const sorted = [...hashes.keys()].sort(compare).map(name => hashes.get(name)!)
    if (sorted.length > 0) await insertRecordHashes(pool, sorted)
  }

  async function sealMany(items: readonly SealItem[]): Promise<SealAnswer[]> {
    if (items.length > sealManyMax) throw new Error(`at most ${sealManyMax} records are sealed at once`)
    const filled = items.filter(item => Object.keys(item.fields).length > 0)
    const keys = await getKeys(filled)
    const answers = items.map((item): SealAnswer => {
      if (Object.keys(item.fields).length === 0) return { fields: {} }
      const key = keys.get(`${item.recordKind}\0${item.recordId}`)
      if (!key) return { reject: reject('RECORD_FORGOTTEN') }
      const fields: Record<string, string> = {}
      for (const [field, text] of Object.entries(item.fields)) fields[field] = sealText(key, item, field, text)
      return { fields }
    })
    await storeHashes(items.filter((_, index) => answers[index]!.fields !== undefined))
    await nameCards(items, answers)
    return answers
  }

  async function forgetMany(records: readonly { recordKind: RecordKind; recordId: string }[]): Promise<void> {
    const named = new Map(records.map(record => [`${record.recordKind}\0${record.recordId}`, record]))
    const names = [...named.keys()].sort(compare)
    for (let at = 0; at < names.length; at += forgetMax) {
      const page = names.slice(at, at + forgetMax)
      for (const name of page) cache.delete(name)
      await forgetRecords(
        pool,
        page.map(name => named.get(name)!),
        now(),
      )
      // Again: a batch that ran meanwhile may have put one back.
      for (const name of page) cache.delete(name)
    }
  }

  return {
    sealMany,
    async seal(recordKind, recordId, fields) {
      const [answer] = await sealMany([{ recordKind, recordId, fields }])
      return answer!
    },
    async unseal(recordKind, recordId, sealed) {
      // Always asked of the database: what another process has forgotten is not shown from this one's memory.
      const row = await findRecordKey(pool, recordKind, recordId)
      if (!row) return { reject: reject('RECORD_UNKNOWN') }
      if (!row.wrapped) return { reject: reject('RECORD_FORGOTTEN') }
      const key = derive(unwrap({ ...row, wrapped: row.wrapped }))
      const fields: Record<string, string> = {}
      for (const [field, text] of Object.entries(sealed))
        fields[field] = openText(key, { recordKind, recordId }, field, text)
      return { fields }
    },
    forget: (recordKind, recordId) => forgetMany([{ recordKind, recordId }]),
    forgetMany,
    async findRecords(hashKind, text) {
      return listRecordsByHash(pool, hashKind, await hashText(hashKind, text), 200)
    },
    hashPhone: text => hashText('phone', text),
    async hashNumber(text) {
      const plain = normalisePhone(text)
      if (plain.length < numberDigitsMin) return undefined
      return createHmac('sha256', await getHashKey())
        .update(`number\0${plain}`)
        .digest('hex')
        .slice(0, 32)
    },
    hashIdentity: text => hashText('identity', text),
    async rewrap() {
      let done = 0
      // A server still on the former key may add records behind a pass: pass again until one finds nothing.
      for (let pass = 0; pass < rewrapPassesMax; pass++) {
        let after = { recordKind: '', recordId: '' }
        let found = 0
        for (;;) {
          const rows = await listKeysOfOthers(pool, keyId, after, rewrapMax)
          if (rows.length === 0) break
          found += rows.length
          after = rows.at(-1)!
          const renewed = rows.flatMap(row => {
            if (!row.wrapped) return []
            const key = unwrap({ ...row, wrapped: row.wrapped })
            return [{ ...row, oldWrapped: row.wrapped, wrapped: wrap(row.recordKind, row.recordId, key) }]
          })
          done += await updateWrappings(pool, keyId, renewed)
        }
        if (found === 0) return done
      }
      throw new Error('records are still being sealed under a former master key; stop that server and rotate again')
    },
    async check() {
      const foreign = (await listKeyIds(pool)).filter(id => !ring.has(id))
      if (foreign.length > 0)
        throw new SealBroken(
          `the database holds records sealed under another master key (${foreign.join(', ')}); this one is ${keyId}`,
        )
      await getHashKey()
    },
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function derive(recordKey: Buffer): Derived {
  const from = (purpose: string) => Buffer.from(hkdfSync('sha256', recordKey, '', `vigil seal v1 ${purpose}`, keyBytes))
  return { encrypt: from('encrypt'), nonce: from('nonce') }
}

type RecordName = { recordKind: RecordKind; recordId: string }

function sealText(key: Derived, record: RecordName, field: string, text: string): string {
  const nonce = createHmac('sha256', key.nonce).update(`${field}\0${text}`).digest().subarray(0, nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key.encrypt, nonce)
  cipher.setAAD(Buffer.from(`${record.recordKind}\0${record.recordId}\0${field}`))
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return sealedPrefix + sealed.toString('base64url')
}

function openText(key: Derived, record: RecordName, field: string, text: string): string {
  const broken = () => new SealBroken(`field ${field} of ${record.recordKind} ${record.recordId} does not open`)
  const encoded = text.slice(sealedPrefix.length)
  if (!text.startsWith(sealedPrefix) || !/^[A-Za-z0-9_-]+$/.test(encoded)) throw broken()
  const sealed = Buffer.from(encoded, 'base64url')
  // Base64 lets the unused bits of its last character differ: only the one spelling we wrote is ours.
  if (sealed.length < nonceBytes + tagBytes || sealed.toString('base64url') !== encoded) throw broken()
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.encrypt, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(Buffer.from(`${record.recordKind}\0${record.recordId}\0${field}`))
    decipher.setAuthTag(sealed.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
    return plain.toString('utf8')
  } catch {
    throw broken()
  }
}

/**
 * All SQL of identity: accounts, sessions, devices, record keys and hashes. Nothing else in identity knows a table.
 * Every statement stands alone or in `runTransaction`; SET LOCAL and advisory locks are never used, so that all of it runs on
 * the embedded database's one serial session as on PostgreSQL 15. Times are epoch ms; a bigint comes back as a number.
 */
import type { Pool, PoolClient } from 'pg'
import type { RecordKind } from '#contract/entry.ts'
import type { Role } from '#contract/scalars.ts'
import type { DeviceRole } from './permissions.ts'

/** A pool, or the client of a running transaction. */
export type Queryable = Pick<Pool, 'query'> | Pick<PoolClient, 'query'>

/** Most rows any list of identity answers at once. */
export const pageMax = 200

/**
 * Runs `work` in one transaction on one client; rolls back when it throws. Inside it only that client may be awaited: on the
 * embedded database a query of another client would wait for this one forever.
 */
export async function runTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (fault) {
    await client.query('rollback').catch((second: unknown) => {
      broken = second instanceof Error ? second : new Error(String(second))
    })
    throw fault
  } finally {
    client.release(broken)
  }
}

/** Longest wait for an answer that something remembered can stand in for: a click hears of a database away within 2 s. */
export const askMaxMs = 1_000

/** The database did not answer in time. */
export class AnswerLate extends Error {
  override name = 'AnswerLate'
}

/** An answer of the database if it comes within `askMaxMs`, else AnswerLate; the late answer is dropped. */
export async function askInTime<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new AnswerLate('the database did not answer in time')), askMaxMs)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
    asked.catch(() => undefined)
  }
}

// --- accounts

export type AccountRow = {
  accountId: string
  name: string
  passwordHash: string
  roles: Role[]
  regions: string[]
  unitIds: string[]
  disabled: boolean
  mustChange: boolean
  failures: number
  lockedUntil: number | undefined
  unlockedAt: number
  createdAt: number
  changedAt: number
}

type Raw = Record<string, unknown>
const toNumber = (value: unknown): number => Number(value)
const toOptional = (value: unknown): number | undefined => (value === null ? undefined : Number(value))

function toAccount(raw: Raw): AccountRow {
  return {
    accountId: raw.account_id as string,
    name: raw.name as string,
    passwordHash: raw.password_hash as string,
    roles: raw.roles as Role[],
    regions: raw.regions as string[],
    unitIds: raw.unit_ids as string[],
    disabled: raw.disabled as boolean,
    mustChange: raw.must_change as boolean,
    failures: raw.failures as number,
    lockedUntil: toOptional(raw.locked_until),
    unlockedAt: toNumber(raw.unlocked_at),
    createdAt: toNumber(raw.created_at),
    changedAt: toNumber(raw.changed_at),
  }
}

/** One account, or undefined. The id is matched as written. */
export async function findAccountRow(on: Queryable, accountId: string): Promise<AccountRow | undefined> {
  const { rows } = await on.query('select * from account where account_id = $1', [accountId])
  return rows[0] ? toAccount(rows[0]) : undefined
}

/** True when an id is taken, in any spelling of upper and lower case. */
export async function isAccountTaken(on: Queryable, accountId: string): Promise<boolean> {
  const { rowCount } = await on.query('select 1 from account where lower(account_id) = lower($1)', [accountId])
  return (rowCount ?? 0) > 0
}

/** True when any account exists: false is a first run. */
export async function isAnyAccount(on: Queryable): Promise<boolean> {
  const { rowCount } = await on.query('select 1 from account limit 1')
  return (rowCount ?? 0) > 0
}

/** Accounts in order of id, after `after`, at most pageMax. */
export async function listAccountRows(on: Queryable, after: string, limit: number): Promise<AccountRow[]> {
  const { rows } = await on.query('select * from account where account_id > $1 order by account_id limit $2', [
    after,
    Math.min(limit, pageMax),
  ])
  return rows.map(toAccount)
}

/** Inserts an account; false when the id is taken. */
export async function insertAccount(
  on: Queryable,
  account: Pick<AccountRow, 'accountId' | 'name' | 'passwordHash' | 'roles' | 'regions' | 'unitIds' | 'createdAt'>,
): Promise<boolean> {
  const { rowCount } = await on.query(
    `insert into account (account_id, name, password_hash, roles, regions, unit_ids, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing`,
    [
      account.accountId,
      account.name,
      account.passwordHash,
      account.roles,
      account.regions,
      account.unitIds,
      account.createdAt,
    ],
  )
  return rowCount === 1
}

export type AccountPatch = Partial<
  Pick<AccountRow, 'name' | 'roles' | 'regions' | 'unitIds' | 'disabled' | 'passwordHash' | 'mustChange'>
>

/**
 * Changes an account. Locks every active administrator first, so that of two people who demote each other at once one is
 * told `last-administrator`: a house without an administrator cannot be repaired from inside.
 */
export async function updateAccount(
  pool: Pool,
  accountId: string,
  patch: AccountPatch,
  unlock: boolean,
  now: number,
): Promise<'done' | 'unknown' | 'last-administrator'> {
  return runTransaction(pool, async client => {
    const administrators = await client.query(
      `select account_id from account where 'administrator' = any(roles) and not disabled order by account_id for update`,
    )
    const losesRole = patch.roles !== undefined && !patch.roles.includes('administrator')
    const ids = administrators.rows.map((row: Raw) => row.account_id as string)
    if ((losesRole || patch.disabled === true) && ids.length === 1 && ids[0] === accountId) return 'last-administrator'
    const { rowCount } = await client.query(
      `update account set
         name = coalesce($2, name), roles = coalesce($3, roles), regions = coalesce($4, regions),
         unit_ids = coalesce($5, unit_ids), disabled = coalesce($6, disabled),
         password_hash = coalesce($7, password_hash), must_change = coalesce($8, must_change),
         failures = case when $9 then 0 else failures end,
         locked_until = case when $9 then null else locked_until end,
         unlocked_at = case when $9 then $10 else unlocked_at end,
         changed_at = $10
       where account_id = $1`,
      [
        accountId,
        patch.name ?? null,
        patch.roles ?? null,
        patch.regions ?? null,
        patch.unitIds ?? null,
        patch.disabled ?? null,
        patch.passwordHash ?? null,
        patch.mustChange ?? null,
        unlock,
        now,
      ],
    )
    return rowCount === 1 ? 'done' : 'unknown'
  })
}

/** Counts one failure; sets the lock with the last one allowed, and starts again after a lock that has run out. */
export async function countFailure(
  on: Queryable,
  accountId: string,
  now: number,
  failuresMax: number,
  lockMs: number,
): Promise<{ locked: boolean }> {
  const { rows } = await on.query(
    `update account set
       failures = case when locked_until <= $2 then 1 else failures + 1 end,
       locked_until = case
         when locked_until > $2 then locked_until
         when (case when locked_until <= $2 then 1 else failures + 1 end) >= $3::int then $2 + $4::bigint
         else null end
     where account_id = $1 returning locked_until`,
    [accountId, now, failuresMax, lockMs],
  )
  return { locked: rows[0] !== undefined && rows[0].locked_until !== null }
}

/** Forgets the failures after a sign-in; a new hash replaces one made with older parameters. */
export async function clearFailures(on: Queryable, accountId: string, rehashed: string | undefined): Promise<void> {
  await on.query(
    `update account set failures = 0, locked_until = null, password_hash = coalesce($2::text, password_hash)
     where account_id = $1 and (failures > 0 or locked_until is not null or $2::text is not null)`,
    [accountId, rehashed ?? null],
  )
}

// --- sessions

export type SessionRow = {
  sessionId: string
  createdAt: number
  seenAt: number
  expiresAt: number
  idleMs: number | undefined
  account: AccountRow
}

function toSession(raw: Raw): SessionRow {
  return {
    sessionId: raw.session_id as string,
    createdAt: toNumber(raw.session_created_at),
    seenAt: toNumber(raw.seen_at),
    expiresAt: toNumber(raw.expires_at),
    idleMs: toOptional(raw.idle_ms),
    account: toAccount(raw),
  }
}

/** Session and account of a token's hash, or undefined. Limits are judged by the caller. */
export async function findSessionRow(on: Queryable, tokenHash: Buffer): Promise<SessionRow | undefined> {
  const { rows } = await on.query(
    `select s.session_id, s.created_at as session_created_at, s.seen_at, s.expires_at, s.idle_ms, a.*
     from session s join account a using (account_id) where s.token_hash = $1`,
    [tokenHash],
  )
  return rows[0] ? toSession(rows[0]) : undefined
}

/**
 * Opens a session if the account still stands as it was judged (not disabled, same password); answers the ids of sessions
 * that had to end: the one replaced, and the oldest above `sessionsMax`. Undefined when the account has changed meanwhile.
 */
export async function insertSession(
  pool: Pool,
  session: {
    tokenHash: Buffer
    sessionId: string
    accountId: string
    passwordHash: string
    createdAt: number
    expiresAt: number
    idleMs: number | undefined
  },
  replaces: string | undefined,
  sessionsMax: number,
): Promise<string[] | undefined> {
  return runTransaction(pool, async client => {
    const account = await client.query(
      'select 1 from account where account_id = $1 and not disabled and password_hash = $2 for update',
      [session.accountId, session.passwordHash],
    )
    if (account.rowCount !== 1) return undefined
    await client.query(
      `insert into session (token_hash, session_id, account_id, created_at, seen_at, expires_at, idle_ms)
       values ($1, $2, $3, $4, $4, $5, $6)`,
      [
        session.tokenHash,
        session.sessionId,
        session.accountId,
        session.createdAt,
        session.expiresAt,
        session.idleMs ?? null,
      ],
    )
    const ended = await client.query(
      `delete from session where (account_id = $1 and session_id = $2) or session_id in (
         select session_id from session where account_id = $1 and session_id <> $3
         order by created_at desc, session_id offset $4) returning session_id`,
      [session.accountId, replaces ?? '', session.sessionId, sessionsMax - 1],
    )
    return ended.rows.map((row: Raw) => row.session_id as string)
  })
}

/** Marks sessions with an idle limit as used; never moves a mark back. */
export async function touchSessions(on: Queryable, sessionIds: string[], seenAts: number[]): Promise<void> {
  await on.query(
    `update session s set seen_at = greatest(s.seen_at, t.seen_at)
     from unnest($1::text[], $2::bigint[]) as t (session_id, seen_at)
     where s.session_id = t.session_id and s.idle_ms is not null`,
    [sessionIds, seenAts],
  )
}

/** Ends one session. */
export async function deleteSession(on: Queryable, sessionId: string): Promise<void> {
  await on.query('delete from session where session_id = $1', [sessionId])
}

/** Ends every session of an account; answers their ids. */
export async function deleteSessionsOf(on: Queryable, accountId: string): Promise<string[]> {
  const { rows } = await on.query('delete from session where account_id = $1 returning session_id', [accountId])
  return rows.map((row: Raw) => row.session_id as string)
}

/** Removes sessions long past their end, at most `limit`. */
export async function deleteExpiredSessions(on: Queryable, now: number, limit: number): Promise<void> {
  await on.query(
    'delete from session where session_id in (select session_id from session where expires_at <= $1 limit $2)',
    [now, limit],
  )
}

/** Which of these sessions still hold: not ended, not expired, not idle too long, account not disabled. */
export async function listLiveSessions(on: Queryable, sessionIds: string[], now: number): Promise<Set<string>> {
  const { rows } = await on.query(
    `select s.session_id from session s join account a using (account_id)
     where s.session_id = any($1::text[]) and s.expires_at > $2 and not a.disabled
       and (s.idle_ms is null or s.seen_at + s.idle_ms > $2)`,
    [sessionIds, now],
  )
  return new Set(rows.map((row: Raw) => row.session_id as string))
}

// --- devices

export type DeviceRow = {
  deviceId: string
  name: string
  role: DeviceRole
  regions: string[]
  unitIds: string[]
  createdAt: number
  createdBy: string
  revokedAt: number | undefined
}

function toDevice(raw: Raw): DeviceRow {
  return {
    deviceId: raw.device_id as string,
    name: raw.name as string,
    role: raw.role as DeviceRole,
    regions: raw.regions as string[],
    unitIds: raw.unit_ids as string[],
    createdAt: toNumber(raw.created_at),
    createdBy: raw.created_by as string,
    revokedAt: toOptional(raw.revoked_at),
  }
}

/** Device of a token's hash, revoked ones too, or undefined. */
export async function findDeviceByToken(on: Queryable, tokenHash: Buffer): Promise<DeviceRow | undefined> {
  const { rows } = await on.query('select * from device where token_hash = $1', [tokenHash])
  return rows[0] ? toDevice(rows[0]) : undefined
}

/** One device by its id, or undefined. */
export async function findDeviceRow(on: Queryable, deviceId: string): Promise<DeviceRow | undefined> {
  const { rows } = await on.query('select * from device where device_id = $1', [deviceId])
  return rows[0] ? toDevice(rows[0]) : undefined
}

/** Devices in order of id, after `after`, at most pageMax. */
export async function listDeviceRows(on: Queryable, after: string, limit: number): Promise<DeviceRow[]> {
  const { rows } = await on.query('select * from device where device_id > $1 order by device_id limit $2', [
    after,
    Math.min(limit, pageMax),
  ])
  return rows.map(toDevice)
}

/** Enrols a device, or gives a revoked one a new token; false when the id is in use. */
export async function insertDevice(
  on: Queryable,
  device: Omit<DeviceRow, 'revokedAt'> & { tokenHash: Buffer },
): Promise<boolean> {
  const { rowCount } = await on.query(
    `insert into device (device_id, token_hash, name, role, regions, unit_ids, created_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (device_id) do update set token_hash = excluded.token_hash, name = excluded.name, role = excluded.role,
       regions = excluded.regions, unit_ids = excluded.unit_ids, created_at = excluded.created_at,
       created_by = excluded.created_by, revoked_at = null
     where device.revoked_at is not null`,
    [
      device.deviceId,
      device.tokenHash,
      device.name,
      device.role,
      device.regions,
      device.unitIds,
      device.createdAt,
      device.createdBy,
    ],
  )
  return rowCount === 1
}

/** Revokes a device; false when there is none or it was revoked before. */
export async function revokeDeviceRow(on: Queryable, deviceId: string, now: number): Promise<boolean> {
  const { rowCount } = await on.query('update device set revoked_at = $2 where device_id = $1 and revoked_at is null', [
    deviceId,
    now,
  ])
  return rowCount === 1
}

/** Which of these devices still hold. A device that was revoked and enrolled again holds only with its new token. */
export async function listLiveDevices(on: Queryable, deviceIds: string[]): Promise<Map<string, number>> {
  const { rows } = await on.query(
    'select device_id, created_at from device where device_id = any($1::text[]) and revoked_at is null',
    [deviceIds],
  )
  return new Map(rows.map((row: Raw) => [row.device_id as string, toNumber(row.created_at)]))
}

// --- record keys and hashes

/** `house` holds keys of the installation itself, wrapped like any other. */
export type KeyKind = RecordKind | 'house'
/** A record's wrapped key; without `wrapped` the record is forgotten. */
export type RecordKeyRow = { recordKind: KeyKind; recordId: string; keyId?: string; wrapped?: Buffer }

function toRecordKey(raw: Raw): RecordKeyRow {
  const row: RecordKeyRow = { recordKind: raw.record_kind as KeyKind, recordId: raw.record_id as string }
  if (raw.wrapped !== null) {
    row.wrapped = raw.wrapped as Buffer
    row.keyId = raw.key_id as string
  }
  return row
}

/**
 * Stores the offered keys where a record has none yet and answers the key every record now has (theirs or ours), in one
 * statement. A record another process is just creating may be missing in the answer: ask again.
 */
export async function insertRecordKeys(
  on: Queryable,
  keyId: string,
  now: number,
  offers: readonly { recordKind: KeyKind; recordId: string; wrapped: Buffer }[],
): Promise<RecordKeyRow[]> {
  const { rows } = await on.query(
    `with offer as (
       select * from unnest($1::text[], $2::text[], $3::bytea[]) as o (record_kind, record_id, wrapped)),
     made as (
       insert into record_key (record_kind, record_id, key_id, wrapped, created_at)
       select record_kind, record_id, $4, wrapped, $5 from offer
       on conflict do nothing returning record_kind, record_id, key_id, wrapped)
     select record_kind, record_id, key_id, wrapped from made
     union all
     select k.record_kind, k.record_id, k.key_id, k.wrapped from record_key k join offer o using (record_kind, record_id)`,
    [
      offers.map(offer => offer.recordKind),
      offers.map(offer => offer.recordId),
      offers.map(offer => offer.wrapped),
      keyId,
      now,
    ],
  )
  return rows.map(toRecordKey)
}

/** The key row of one record, or undefined when it never had one. */
export async function findRecordKey(
  on: Queryable,
  recordKind: KeyKind,
  recordId: string,
): Promise<RecordKeyRow | undefined> {
  const { rows } = await on.query(
    'select record_kind, record_id, key_id, wrapped from record_key where record_kind = $1 and record_id = $2',
    [recordKind, recordId],
  )
  return rows[0] ? toRecordKey(rows[0]) : undefined
}

/**
 * Stores search hashes of records that are not forgotten. The share lock makes a forgetting that runs at the same time wait,
 * or be seen: no hash outlives its record.
 */
export async function insertRecordHashes(
  on: Queryable,
  hashes: readonly { recordKind: RecordKind; recordId: string; hashKind: string; hash: Buffer }[],
): Promise<void> {
  await on.query(
    `insert into record_hash (record_kind, record_id, hash_kind, hash)
     select record_kind, record_id, h.hash_kind, h.hash
     from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as h (record_kind, record_id, hash_kind, hash)
     join record_key k using (record_kind, record_id) where k.forgotten_at is null
     for share of k
     on conflict do nothing`,
    [
      hashes.map(one => one.recordKind),
      hashes.map(one => one.recordId),
      hashes.map(one => one.hashKind),
      hashes.map(one => one.hash),
    ],
  )
}

/** Tokens of persons by hash, in the order asked; made where missing. Offers come sorted: two batches never deadlock. */
export async function nameTokens(
  on: Queryable,
  offers: readonly { hashKind: string; hash: Buffer; token: string }[],
): Promise<string[]> {
  const { rows } = await on.query(
    `insert into person_token (hash_kind, hash, token)
     select * from unnest($1::text[], $2::bytea[], $3::text[])
     on conflict (hash_kind, hash) do update set token = person_token.token
     returning hash_kind, encode(hash, 'hex') as hash, token`,
    [offers.map(one => one.hashKind), offers.map(one => one.hash), offers.map(one => one.token)],
  )
  const held = new Map(rows.map((row: Raw) => [`${row.hash_kind} ${row.hash}`, row.token as string]))
  return offers.map(one => held.get(`${one.hashKind} ${one.hash.toString('hex')}`)!)
}

/** Records that carry a hash, newest first, at most `limit`. */
export async function listRecordsByHash(
  on: Queryable,
  hashKind: string,
  hash: Buffer,
  limit: number,
): Promise<{ recordKind: RecordKind; recordId: string }[]> {
  const { rows } = await on.query(
    `select h.record_kind, h.record_id from record_hash h join record_key k using (record_kind, record_id)
     where h.hash_kind = $1 and h.hash = $2 and k.forgotten_at is null
     order by k.created_at desc, h.record_id limit $3`,
    [hashKind, hash, Math.min(limit, pageMax)],
  )
  return rows.map((row: Raw) => ({ recordKind: row.record_kind as RecordKind, recordId: row.record_id as string }))
}

/** Destroys keys and hashes of records and leaves tombstones, also where no key ever was. Each record once. */
export async function forgetRecords(
  pool: Pool,
  records: readonly { recordKind: RecordKind; recordId: string }[],
  now: number,
): Promise<void> {
  const kinds = records.map(record => record.recordKind)
  const ids = records.map(record => record.recordId)
  await runTransaction(pool, async client => {
    await client.query(
      `insert into record_key (record_kind, record_id, key_id, wrapped, created_at, forgotten_at)
       select record_kind, record_id, null, null, $3, $3
       from unnest($1::text[], $2::text[]) as f (record_kind, record_id)
       on conflict (record_kind, record_id) do update set key_id = null, wrapped = null, forgotten_at = $3
       where record_key.forgotten_at is null`,
      [kinds, ids, now],
    )
    // A second statement, so that it sees what the first has waited for.
    const gone = await client.query(
      `delete from record_hash h using unnest($1::text[], $2::text[]) as f (record_kind, record_id)
       where h.record_kind = f.record_kind and h.record_id = f.record_id returning h.hash_kind, h.hash`,
      [kinds, ids],
    )
    // A third one, that sees them gone: the pseudonym of whom no record names any more.
    await client.query(
      `delete from person_token t using unnest($1::text[], $2::bytea[]) as g (hash_kind, hash)
       where t.hash_kind = g.hash_kind and t.hash = g.hash
         and not exists (select 1 from record_hash h where h.hash_kind = t.hash_kind and h.hash = t.hash)`,
      [gone.rows.map((row: Raw) => row.hash_kind), gone.rows.map((row: Raw) => row.hash)],
    )
  })
}

/** Keys not wrapped by `keyId`, in order of record, after `after`, at most `limit`. */
export async function listKeysOfOthers(
  on: Queryable,
  keyId: string,
  after: { recordKind: string; recordId: string },
  limit: number,
): Promise<RecordKeyRow[]> {
  const { rows } = await on.query(
    `select record_kind, record_id, key_id, wrapped from record_key
     where key_id is not null and key_id <> $1 and (record_kind, record_id) > ($2, $3)
     order by record_kind, record_id limit $4`,
    [keyId, after.recordKind, after.recordId, limit],
  )
  return rows.map(toRecordKey)
}

/** Replaces wrappings; a record forgotten meanwhile, or wrapped anew by somebody else, is left as it is. */
export async function updateWrappings(
  on: Queryable,
  keyId: string,
  rows: readonly { recordKind: KeyKind; recordId: string; oldWrapped: Buffer; wrapped: Buffer }[],
): Promise<number> {
  const { rowCount } = await on.query(
    `update record_key k set key_id = $1, wrapped = n.wrapped
     from unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) as n (record_kind, record_id, old_wrapped, wrapped)
     where k.record_kind = n.record_kind and k.record_id = n.record_id and k.wrapped = n.old_wrapped`,
    [
      keyId,
      rows.map(row => row.recordKind),
      rows.map(row => row.recordId),
      rows.map(row => row.oldWrapped),
      rows.map(row => row.wrapped),
    ],
  )
  return rowCount ?? 0
}

/** Ids of the master keys in use; hops through the index instead of reading every record. */
export async function listKeyIds(on: Queryable): Promise<string[]> {
  const { rows } = await on.query(
    `with recursive used as (
       (select key_id from record_key where key_id is not null order by key_id limit 1)
       union all
       select (select k.key_id from record_key k where k.key_id > used.key_id order by k.key_id limit 1)
       from used where used.key_id is not null)
     select key_id from used where key_id is not null limit 100`,
  )
  return rows.map((row: Raw) => row.key_id as string)
}

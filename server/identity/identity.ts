/**
 * Identity: who somebody is and what they may open; joins accounts, sessions, devices, seal and watchers behind one name.
 * main.ts builds it; intake, query and fan-out ask `authenticate`, `admitOrigin`, `watch` and the sealer.
 * Promises: an opened personal field has a committed `record.viewed` before it; what cannot be noted is not shown.
 */
import type { Pool } from 'pg'
import type { RecordKind } from '#contract/entry.ts'
import type { Reject } from '#contract/errors.ts'
import { reject } from '#contract/errors.ts'
import type { Accounts, Say } from './accounts.ts'
import { createAccounts } from './accounts.ts'
import { createAttempts } from './attempts.ts'
import type { Devices } from './devices.ts'
import { createDevices, toDevicePrincipal } from './devices.ts'
import type { AccountPrincipal, Principal } from './permissions.ts'
import { findActor, isInScope, mayUse, reachOfPerson } from './permissions.ts'
import type { Sealer } from './seal.ts'
import { createSealer } from './seal.ts'
import type { RevokedListener, SessionLimits, Sessions } from './sessions.ts'
import { createSessions, defaultSessionLimits, toPrincipal } from './sessions.ts'
import type { SessionRow } from './sql.ts'
import { createBoundedMap } from './tokens.ts'
import type { Watchers } from './watchers.ts'
import { createWatchers } from './watchers.ts'

/** Personal records one account may open in a minute; a person reading aloud needs fewer. */
export const viewsPerMinuteMax = 60
/** Accounts whose views are counted. */
const viewersMax = 5_000
/** Longest Authorization or Cookie header read. */
const headerMax = 8_192

/** The log could not take an entry that must stand there first: nothing was done or shown. */
export class AuditAway extends Error {
  override name = 'AuditAway'
}

/** Sealed fields of a record as the log holds them, and where the record lies. */
export type SealedRecord = {
  regionCode: string
  fields: Record<string, string>
  /** Units that have or had a part in it: what a crew may open. */
  unitIds?: readonly string[] | undefined
  /** Every note of an incident, oldest first; each is sealed as the field `note`. */
  notes?: readonly { at: number; by: string; sealed: string }[]
  /** Other centres that were shown the case. */
  seenBy?: readonly string[]
}

/** A note of an incident in the open, numbered from 1 in the order they were written. */
export type OpenNote = { number: number; at: number; by: string; text: string }

export type IdentityOptions = {
  pool: Pool
  /** 32 bytes; see master-key.ts. */
  masterKey: Buffer
  /** Master keys of before a rotation, until `sealer.rewrap` is done. */
  formerKeys?: readonly Buffer[]
  /** Puts an entry into the log; resolves after its commit. */
  say: Say
  /** Newest sealed fields of a record; undefined when there is no such record. */
  findSealed(recordKind: RecordKind, recordId: string): Promise<SealedRecord | undefined>
  /** The published region tree, as it is now. */
  regions(): ReadonlyMap<string, { parentCode?: string | undefined }>
  /** Wall clock, epoch ms: sessions do not follow a played city. */
  now?: () => number
  /** True when browsers reach the house by TLS (ours or a proxy's): the cookie is then `__Host-vigil` and Secure. */
  isSecure: boolean
  /** Origins allowed beside the host the request was sent to, such as `https://vigil.example`. */
  origins?: readonly string[]
  limits?: Partial<SessionLimits>
  /** Told of faults nobody waits for. */
  onFault?: (fault: unknown) => void
}

/** Headers as Node gives them; only these are read. */
export type DoorHeaders = {
  authorization?: string | undefined
  cookie?: string | undefined
  origin?: string | undefined
  host?: string | undefined
  'sec-fetch-site'?: string | string[] | undefined
}

export type Identity = {
  accounts: Accounts
  sessions: Sessions
  devices: Devices
  sealer: Sealer
  say: Say
  isSecure: boolean
  cookieName: string
  now(): number
  /** Checks the master key against the database, then makes the first administrator; its secret is to be printed once. */
  open(): Promise<{ first: { accountId: string; secret: string } | undefined }>
  /**
   * Who a request or socket handshake comes from: a device by `Authorization: Bearer`, else a person by the session cookie.
   * SIGN_IN_REQUIRED, TOKEN_INVALID, and PASSWORD_EXPIRED unless `allowExpired`.
   */
  authenticate(headers: DoorHeaders, options?: { allowExpired?: boolean }): Promise<Principal | Reject>
  /** The session of a request's cookie, or undefined. */
  findSession(headers: DoorHeaders): Promise<SessionRow | undefined>
  /** ORIGIN_FORBIDDEN for a state-changing request or a handshake that another site's page has sent. */
  admitOrigin(headers: DoorHeaders): Reject | undefined
  /** Ends a long connection when its principal ends; undefined when too many are watched. */
  watch: Watchers['watch']
  /** Asks the database now which of the watched have ended; its own timer does so every three seconds. */
  sweep: Watchers['sweep']
  /** Marks the session of a principal as used, for messages of sockets; returns at once and never fails. */
  touch(principal: Principal): Promise<void>
  /** Told of each revocation in this process; answers how to stop. */
  onRevoked(listener: RevokedListener): () => void
  /** Opens the personal fields of a record for a person, after `record.viewed` is committed. */
  readPerson(
    principal: AccountPrincipal,
    recordKind: RecordKind,
    recordId: string,
  ): Promise<{ fields: Record<string, string>; notes?: OpenNote[] } | Reject>
  /** Notes `person.forgotten` in the log, then destroys the record's key and hashes. */
  forgetPerson(
    principal: AccountPrincipal,
    recordKind: RecordKind,
    recordId: string,
    reason: string,
  ): Promise<Reject | undefined>
  /** Ends timers and watchers; sessions stay. */
  close(): void
}

/** Creates identity on a migrated database. Nothing is read before `open`. */
export function createIdentity(options: IdentityOptions): Identity {
  const { pool, regions, findSealed, isSecure } = options
  const now = options.now ?? Date.now
  const onFault = options.onFault ?? (() => undefined)
  const cookieName = isSecure ? '__Host-vigil' : 'vigil'
  const origins = new Set((options.origins ?? []).map(origin => origin.toLowerCase()))
  const listeners = new Set<RevokedListener>()
  const watchers = createWatchers({ pool, now, onFault })

  const onRevoked: RevokedListener = revoked => {
    watchers.end(revoked)
    for (const listener of listeners)
      try {
        listener(revoked)
      } catch (fault) {
        onFault(fault)
      }
  }
  const say: Say = async entry => {
    try {
      await options.say(entry)
    } catch (cause) {
      throw new AuditAway(`${entry.kind} could not be noted`, { cause })
    }
  }

  const sealer = createSealer({ pool, masterKey: options.masterKey, formerKeys: options.formerKeys ?? [], now })
  const attempts = createAttempts(now)
  const sessions = createSessions({
    pool,
    now,
    limits: { ...defaultSessionLimits, ...options.limits },
    onRevoked,
    onFault,
  })
  const accounts = createAccounts({ pool, now, say, attempts, sessions, onFault })
  const devices = createDevices({ pool, now, onRevoked, onFault })
  const views = createBoundedMap<string, { from: number; count: number }>(viewersMax)

  function countView(accountId: string): Reject | undefined {
    const before = views.get(accountId)
    const current = before && now() - before.from < 60_000 && now() >= before.from ? before : { from: now(), count: 0 }
    current.count++
    views.set(accountId, current)
    if (current.count <= viewsPerMinuteMax) return undefined
    return reject('TOO_MANY_REQUESTS', { retryAfterS: Math.ceil((current.from + 60_000 - now()) / 1_000) })
  }

  async function findSession(headers: DoorHeaders): Promise<SessionRow | undefined> {
    const token = findCookie(headers.cookie, cookieName)
    return token === undefined ? undefined : sessions.find(token)
  }

  return {
    accounts,
    sessions,
    devices,
    sealer,
    say,
    isSecure,
    cookieName,
    now,
    watch: watchers.watch,
    sweep: watchers.sweep,
    findSession,
    close: () => watchers.close(),

    async open() {
      await sealer.check()
      return { first: await accounts.ensureFirst() }
    },

    async authenticate(headers, how) {
      if (headers.authorization !== undefined) {
        const found = /^Bearer +([A-Za-z0-9_-]{1,128}) *$/i.exec(headers.authorization.slice(0, headerMax))
        const device = found ? await devices.find(found[1]!) : undefined
        return device ? toDevicePrincipal(device) : reject('TOKEN_INVALID')
      }
      const session = await findSession(headers)
      if (!session) return reject('SIGN_IN_REQUIRED')
      if (session.account.mustChange && !how?.allowExpired) return reject('PASSWORD_EXPIRED')
      return toPrincipal(session)
    },

    admitOrigin(headers) {
      const { origin } = headers
      if (origin === undefined) {
        // No page sent it, or an old browser did: then Fetch Metadata says so, and SameSite=Strict keeps the cookie away.
        const site = headers['sec-fetch-site']
        return site === undefined || site === 'same-origin' || site === 'none' ? undefined : reject('ORIGIN_FORBIDDEN')
      }
      if (origins.has(origin.toLowerCase())) return undefined
      const host = headers.host?.toLowerCase()
      const own = host === undefined ? [] : isSecure ? [`https://${host}`] : [`http://${host}`]
      return own.includes(origin.toLowerCase()) ? undefined : reject('ORIGIN_FORBIDDEN')
    },

    async touch(principal) {
      // Not waited for: while the database is away a click must be refused by the line, not lost here.
      if (principal.type === 'account') sessions.touch(principal.sessionId).catch(onFault)
    },

    onRevoked(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    async readPerson(principal, recordKind, recordId) {
      const reach = reachOfPerson(principal, recordKind)
      if (reach === 'none') return reject('ROLE_FORBIDDEN')
      const tooMany = countView(principal.accountId)
      if (tooMany) return tooMany
      const record = await findSealed(recordKind, recordId)
      // What lies outside the scope does not exist for the asker: ids can be guessed, and a 403 would confirm them.
      const codes = record ? [record.regionCode, ...(record.seenBy ?? [])] : []
      if (!record || !codes.some(code => isInScope(principal, code, regions()))) return reject('RECORD_UNKNOWN')
      if (reach === 'own' && !record.unitIds?.some(unitId => principal.unitIds.includes(unitId)))
        return reject('RECORD_UNKNOWN')
      const opened = await sealer.unseal(recordKind, recordId, record.fields)
      if (opened.reject) return opened.reject
      const notes: OpenNote[] = []
      for (const { at, by, sealed } of record.notes ?? []) {
        const one = await sealer.unseal(recordKind, recordId, { note: sealed })
        if (one.reject) return one.reject
        notes.push({ number: notes.length + 1, at, by, text: one.fields.note! })
      }
      await say({
        kind: 'record.viewed',
        body: { recordKind, recordId, fields: Object.keys(opened.fields).sort().slice(0, 20) },
        actor: findActor(principal)!,
      })
      return { fields: opened.fields, ...(notes.length > 0 ? { notes } : {}) }
    },

    async forgetPerson(principal, recordKind, recordId, reason) {
      if (!mayUse(principal, 'DELETE /v1/persons/:recordKind/:recordId')) return reject('ROLE_FORBIDDEN')
      const record = await findSealed(recordKind, recordId)
      if (!record || !isInScope(principal, record.regionCode, regions())) return reject('RECORD_UNKNOWN')
      // Said first: after a crash in between, the entry is there and boot applies it again.
      await say({
        kind: 'person.forgotten',
        body: { recordKind, recordId, reason },
        actor: findActor(principal)!,
      })
      await sealer.forget(recordKind, recordId)
      return undefined
    },
  }
}

/** One cookie's value out of a Cookie header; undefined when it is absent, doubled or the header is too long. */
export function findCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > headerMax) return undefined
  const values = header
    .split(';')
    .map(part => part.trim())
    .filter(part => part.startsWith(`${name}=`))
    .map(part => part.slice(name.length + 1))
  return values.length === 1 ? values[0] : undefined
}

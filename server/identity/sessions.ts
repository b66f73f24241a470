/**
 * Sessions: who is signed in, by opaque tokens kept as hashes. Asked by every request and socket handshake.
 * Promises: a revoked session is refused at once in this process and within two seconds in any other; limits are absolute
 * (12 h) and, for keepers of the system and its audit, of rest (15 min); a dispatch seat is never put out by silence.
 */
import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import type { SessionView } from '#contract/view.ts'
import type { AccountPrincipal } from './permissions.ts'
import type { AccountRow, SessionRow } from './sql.ts'
import {
  askInTime,
  deleteExpiredSessions,
  deleteSession,
  deleteSessionsOf,
  findSessionRow,
  insertSession,
  touchSessions,
} from './sql.ts'
import { createBoundedMap, createToken, hashToken } from './tokens.ts'

export type SessionLimits = {
  /** A session ends this long after sign-in, whatever happens: a shift and its handover. */
  absoluteMs: number
  /** Rest after which a session of an administrator or auditor ends. */
  keeperIdleMs: number
  /** Sessions of one account at once; the oldest ends. */
  sessionsMax: number
}
/** @source domain/trust.md §4: absolute 12 h, idle 15 min for administrators */
export const defaultSessionLimits: SessionLimits = {
  absoluteMs: 12 * 3_600_000,
  keeperIdleMs: 15 * 60_000,
  sessionsMax: 5,
}

/** A cached session is asked for again after this. */
export const sessionFreshMs = 2_000
/**
 * While the database is away a session known here is believed for this long since it was last asked for: desks go on, are
 * told DATABASE_AWAY by the line and not to sign in, and nobody can be revoked elsewhere without the database either.
 */
export const awayGraceMs = 15 * 60_000
/** Sessions kept in memory: a province has about 2,000 seats and viewers. */
export const sessionsCachedMax = 10_000
/** Use of a session with an idle limit is written at most this often; it may end earlier by as much, never later. */
const touchEveryMs = 15_000
/** Expired sessions removed at each sign-in. */
const purgeMax = 100

/** What ended: one session, all of an account, or a device. Listeners end its sockets. */
export type Revoked = { sessionId: string } | { accountId: string } | { deviceId: string }
export type RevokedListener = (revoked: Revoked) => void

export type Sessions = {
  /** Opens a session and answers its token, shown once; undefined when the account was changed or disabled meanwhile. */
  open(account: AccountRow, replaces: string | undefined): Promise<{ token: string; session: SessionRow } | undefined>
  /** The session of a token, or undefined: unknown, ended, expired, idle too long, or of a disabled account. */
  find(token: string): Promise<SessionRow | undefined>
  /** Marks a session as used, as its sockets speak. */
  touch(sessionId: string): Promise<void>
  /** Ends one session. */
  revoke(sessionId: string): Promise<void>
  /** Ends every session of an account. */
  revokeAll(accountId: string): Promise<void>
}

/** Creates the sessions. @param options.onRevoked told after the session has ended in the database */
export function createSessions(options: {
  pool: Pool
  now: () => number
  limits: SessionLimits
  onRevoked: RevokedListener
  onFault: (fault: unknown) => void
}): Sessions {
  const { pool, now, limits, onRevoked, onFault } = options
  type Cached = { row: SessionRow; checkedAt: number }
  const cache = createBoundedMap<string, Cached>(sessionsCachedMax)
  /** When sockets last marked a session, so that a message costs a write only now and then. */
  const touched = createBoundedMap<string, number>(sessionsCachedMax)
  /** Counts what has ended: a row read from the database before an end that came meanwhile is not put into the cache. */
  let ends = 0

  function dropCached(isEnded: (row: SessionRow) => boolean): void {
    ends++
    const names = [...cache.entries()].filter(([, cached]) => isEnded(cached.row)).map(([name]) => name)
    for (const name of names) cache.delete(name)
  }

  function isLive(row: SessionRow): boolean {
    const at = now()
    return at < row.expiresAt && !row.account.disabled && (row.idleMs === undefined || at < row.seenAt + row.idleMs)
  }

  async function touchRow(row: SessionRow): Promise<void> {
    const at = now()
    if (row.idleMs === undefined || at - row.seenAt < Math.min(touchEveryMs, row.idleMs / 4)) return
    row.seenAt = at
    await askInTime(touchSessions(pool, [row.sessionId], [at])).catch(onFault)
  }

  /** The row of a token: the database's, or while it is away the one remembered. */
  async function readRow(hash: Buffer, remembered: Cached | undefined): Promise<SessionRow | undefined> {
    if (!remembered || now() - remembered.checkedAt >= awayGraceMs) return findSessionRow(pool, hash)
    try {
      return await askInTime(findSessionRow(pool, hash))
    } catch (fault) {
      onFault(fault)
      return remembered.row
    }
  }

  return {
    async open(account, replaces) {
      const token = createToken()
      const at = now()
      const isKeeper = account.roles.includes('administrator') || account.roles.includes('auditor')
      const session: SessionRow = {
        sessionId: randomUUID(),
        createdAt: at,
        seenAt: at,
        expiresAt: at + limits.absoluteMs,
        idleMs: isKeeper ? limits.keeperIdleMs : undefined,
        account,
      }
      await deleteExpiredSessions(pool, at, purgeMax)
      const ended = await insertSession(
        pool,
        {
          tokenHash: hashToken(token)!,
          sessionId: session.sessionId,
          accountId: account.accountId,
          passwordHash: account.passwordHash,
          createdAt: at,
          expiresAt: session.expiresAt,
          idleMs: session.idleMs,
        },
        replaces,
        limits.sessionsMax,
      )
      if (!ended) return undefined
      dropCached(row => ended.includes(row.sessionId))
      for (const sessionId of ended) onRevoked({ sessionId })
      return { token, session }
    },
    async find(token) {
      const hash = hashToken(token)
      if (!hash) return undefined
      const name = hash.toString('base64')
      const cached = cache.get(name)
      const at = now()
      let row = cached?.row
      if (!cached || at - cached.checkedAt >= sessionFreshMs || at < cached.checkedAt) {
        const endsBefore = ends
        row = await readRow(hash, cached)
        // Something ended while we were reading: read again, once, and keep nothing.
        if (endsBefore !== ends) row = await findSessionRow(pool, hash)
        else if (!row) cache.delete(name)
        // What was only remembered keeps its age, so that the database is asked again next time.
        else if (row !== cached?.row) cache.set(name, { row, checkedAt: at })
      }
      if (!row || !isLive(row)) return undefined
      await touchRow(row)
      return row
    },
    async touch(sessionId) {
      const at = now()
      const before = touched.get(sessionId)
      if (before !== undefined && at - before < touchEveryMs && at >= before) return
      touched.set(sessionId, at)
      await touchSessions(pool, [sessionId], [at])
    },
    async revoke(sessionId) {
      dropCached(row => row.sessionId === sessionId)
      await deleteSession(pool, sessionId)
      dropCached(row => row.sessionId === sessionId)
      onRevoked({ sessionId })
    },
    async revokeAll(accountId) {
      dropCached(row => row.account.accountId === accountId)
      await deleteSessionsOf(pool, accountId)
      dropCached(row => row.account.accountId === accountId)
      onRevoked({ accountId })
    },
  }
}

/** The principal a session stands for. */
export function toPrincipal(row: SessionRow): AccountPrincipal {
  const { account } = row
  return {
    type: 'account',
    accountId: account.accountId,
    sessionId: row.sessionId,
    name: account.name,
    roles: account.roles,
    regions: account.regions,
    unitIds: account.unitIds,
  }
}

/** A session as its holder sees it. */
export function toSessionView(row: SessionRow): SessionView {
  const { account } = row
  return {
    accountId: account.accountId,
    name: account.name,
    roles: account.roles,
    regions: account.regions,
    expiresAt: row.expiresAt,
    mustChangePassword: account.mustChange,
  }
}

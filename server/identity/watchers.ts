/**
 * Watchers: long connections of principals, ended when the principal ends. A revocation in this process ends them at once;
 * one in another process, an expiry or a rest too long is found by a sweep within `sweepEveryMs`.
 * Promises: a socket outlives its session by at most five seconds. While the database is away nothing is ended: screens keep
 * the last world.
 */
import type { Pool } from 'pg'
import type { Principal } from './permissions.ts'
import type { Revoked } from './sessions.ts'
import { listLiveDevices, listLiveSessions } from './sql.ts'

/** Time between sweeps. */
export const sweepEveryMs = 3_000
/** Ids asked for in one statement. */
const sweepMax = 1_000
/** Connections watched by one process; above it a connection is refused. */
export const watchedMax = 20_000

type Watched = { principal: Principal; since: number; onEnd: () => void }

export type Watchers = {
  /** Watches a principal until it ends; answers how to stop watching. Undefined above watchedMax: refuse the connection. */
  watch(principal: Principal, onEnd: () => void): (() => void) | undefined
  /** Ends those of one revocation. */
  end(revoked: Revoked): void
  /** Asks the database which of the watched have ended. Called by its own timer. */
  sweep(): Promise<void>
  close(): void
}

/** Creates the watchers. @param onFault told when a sweep could not ask the database */
export function createWatchers(options: {
  pool: Pool
  now: () => number
  onFault: (fault: unknown) => void
}): Watchers {
  const { pool, now, onFault } = options
  const watched = new Set<Watched>()
  let isSweeping = false

  function endWhere(isEnded: (principal: Principal, since: number) => boolean): void {
    for (const one of [...watched])
      if (isEnded(one.principal, one.since)) {
        watched.delete(one)
        try {
          one.onEnd()
        } catch (fault) {
          onFault(fault)
        }
      }
  }

  async function sweep(): Promise<void> {
    if (isSweeping || watched.size === 0) return
    isSweeping = true
    try {
      const startedAt = now()
      const sessionIds = new Set<string>()
      const deviceIds = new Set<string>()
      for (const { principal } of watched)
        if (principal.type === 'account') sessionIds.add(principal.sessionId)
        else deviceIds.add(principal.deviceId)
      const deadSessions = new Set<string>()
      for (const page of paginate([...sessionIds])) {
        const live = await listLiveSessions(pool, page, startedAt)
        for (const id of page) if (!live.has(id)) deadSessions.add(id)
      }
      const deadDevices = new Map<string, number>()
      for (const page of paginate([...deviceIds])) {
        const live = await listLiveDevices(pool, page)
        // Enrolled again after the connection began: the connection came with the old token.
        for (const id of page) deadDevices.set(id, live.get(id) ?? Number.POSITIVE_INFINITY)
      }
      endWhere((principal, since) =>
        principal.type === 'account'
          ? deadSessions.has(principal.sessionId)
          : (deadDevices.get(principal.deviceId) ?? 0) > since,
      )
    } catch (fault) {
      onFault(fault)
    } finally {
      isSweeping = false
    }
  }

  const timer = setInterval(() => void sweep(), sweepEveryMs)
  timer.unref()

  return {
    watch(principal, onEnd) {
      if (watched.size >= watchedMax) return undefined
      const one = { principal, since: now(), onEnd }
      watched.add(one)
      return () => void watched.delete(one)
    },
    end(revoked) {
      endWhere(principal => {
        if (principal.type === 'device') return 'deviceId' in revoked && principal.deviceId === revoked.deviceId
        if ('sessionId' in revoked) return principal.sessionId === revoked.sessionId
        return 'accountId' in revoked && principal.accountId === revoked.accountId
      })
    },
    sweep,
    close() {
      clearInterval(timer)
      watched.clear()
    },
  }
}

function* paginate(ids: string[]): Iterable<string[]> {
  for (let at = 0; at < ids.length; at += sweepMax) yield ids.slice(at, at + sweepMax)
}

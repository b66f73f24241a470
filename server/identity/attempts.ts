/**
 * Attempts: how often somebody has failed to sign in, by account and by address, in bounded memory.
 * Promises: an account that does not exist locks exactly like one that does, so that nobody learns which accounts exist;
 * attempts on one account run one after another, so that a flood of parallel guesses is counted before it is answered.
 */
import type { Reject } from '#contract/errors.ts'
import { reject } from '#contract/errors.ts'
import { createBoundedMap } from './tokens.ts'

/** Failures in a row that lock an account. @source GB/T 22239-2019 8.1.4.1; domain/trust.md §4 */
export const failuresMax = 5
/** How long the lock lasts. */
export const lockMs = 15 * 60_000
/** Failures of one address in `lockMs`: a centre of 20 seats behind one address mistypes less than twice a seat. */
export const addressFailuresMax = 40
/** Accounts and addresses remembered; the oldest is forgotten first. About 150 bytes each. */
export const rememberedMax = 20_000
/** Attempts on one account that wait for the one before. */
export const turnsMax = 8
/** Accounts with an attempt under way. */
export const turnsAccountsMax = 2_000

type Count = { failures: number; firstAt: number; lastAt: number; lockedUntil: number }

export type Attempts = {
  /** Why an attempt may not even be tried: ACCOUNT_LOCKED or TOO_MANY_REQUESTS. `unlockedAt`: failures before it are void. */
  findRefusal(accountId: string, address: string, unlockedAt?: number): Reject | undefined
  /** Counts a failure; true when it locked the account. */
  count(accountId: string, address: string): boolean
  /** Forgets the failures of an account. */
  clear(accountId: string): void
  /** Runs attempts on one account one by one; TOO_MANY_REQUESTS when too many wait. */
  takeTurn<T>(accountId: string, work: () => Promise<T>): Promise<T | Reject>
}

/** Creates the counters. @param now the wall clock, epoch ms */
export function createAttempts(now: () => number): Attempts {
  const accounts = createBoundedMap<string, Count>(rememberedMax)
  const addresses = createBoundedMap<string, Count>(rememberedMax)
  const turns = new Map<string, { waiting: number; last: Promise<unknown> }>()

  function findCurrent(map: typeof accounts, key: string): Count | undefined {
    const count = map.get(key)
    if (!count) return undefined
    const isOver = count.lockedUntil > 0 ? count.lockedUntil <= now() : now() - count.lastAt >= lockMs
    if (!isOver) return count
    map.delete(key)
    return undefined
  }

  function add(map: typeof accounts, key: string, max: number): boolean {
    const before = findCurrent(map, key)
    const at = now()
    const failures = (before?.failures ?? 0) + 1
    const lockedUntil = before && before.lockedUntil > 0 ? before.lockedUntil : failures >= max ? at + lockMs : 0
    map.set(key, { failures, firstAt: before?.firstAt ?? at, lastAt: at, lockedUntil })
    return lockedUntil > 0 && !(before && before.lockedUntil > 0)
  }

  return {
    findRefusal(accountId, address, unlockedAt = 0) {
      const byAddress = findCurrent(addresses, address)
      if (byAddress && byAddress.lockedUntil > 0)
        return reject('TOO_MANY_REQUESTS', { retryAfterS: Math.ceil((byAddress.lockedUntil - now()) / 1_000) })
      const byAccount = findCurrent(accounts, accountId)
      if (!byAccount || byAccount.lockedUntil === 0) return undefined
      if (byAccount.lastAt < unlockedAt) {
        accounts.delete(accountId)
        return undefined
      }
      return describeLock(byAccount.lockedUntil, now())
    },
    count(accountId, address) {
      add(addresses, address, addressFailuresMax)
      return add(accounts, accountId, failuresMax)
    },
    clear(accountId) {
      accounts.delete(accountId)
    },
    async takeTurn(accountId, work) {
      const turn = turns.get(accountId)
      if (turn ? turn.waiting >= turnsMax : turns.size >= turnsAccountsMax)
        return reject('TOO_MANY_REQUESTS', { retryAfterS: 2 })
      const mine = turn ?? { waiting: 0, last: Promise.resolve() }
      turns.set(accountId, mine)
      mine.waiting++
      const result = mine.last.then(work)
      mine.last = result.catch(() => undefined)
      try {
        return await result
      } finally {
        mine.waiting--
        if (mine.waiting === 0) turns.delete(accountId)
      }
    },
  }
}

/** The refusal of a locked account, with the minutes left. */
export function describeLock(lockedUntil: number, now: number): Reject {
  return reject('ACCOUNT_LOCKED', { minutes: Math.max(1, Math.ceil((lockedUntil - now) / 60_000)) })
}

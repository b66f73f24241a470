/**
 * Accounts: people who may sign in, their roles and regions, and signing in itself.
 * Promises: nobody learns from text or time whether an account exists; five failures lock for 15 minutes; every change is in
 * the log before it is made (without the secret), so a change nobody could trace is not made at all; the last administrator
 * cannot be removed; first passwords are random, shown once and must be changed.
 */
import type { Pool } from 'pg'
import type { Actor, BodyOf } from '#contract/entry.ts'
import type { Reject } from '#contract/errors.ts'
import { reject } from '#contract/errors.ts'
import type { Role } from '#contract/scalars.ts'
import type { Attempts } from './attempts.ts'
import { describeLock, failuresMax, lockMs } from './attempts.ts'
import { createSecret, findWeakness, hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import type { AccountPrincipal } from './permissions.ts'
import { findActor, findRoleConflict } from './permissions.ts'
import type { Sessions } from './sessions.ts'
import type { AccountPatch, AccountRow, SessionRow } from './sql.ts'
import {
  clearFailures,
  countFailure,
  findAccountRow,
  insertAccount,
  isAccountTaken,
  isAnyAccount,
  listAccountRows,
  updateAccount,
} from './sql.ts'

/** What identity says to the log; resolves when it is committed. Throws when it could not be. */
export type Said = {
  [K in 'account.changed' | 'device.changed' | 'record.viewed' | 'person.forgotten']: {
    kind: K
    body: BodyOf<K>
    actor?: Actor
  }
}['account.changed' | 'device.changed' | 'record.viewed' | 'person.forgotten']
export type Say = (entry: Said) => Promise<void>

/** The account that a first run creates. */
export const firstAccountId = 'admin'

export type NewAccount = { accountId: string; name: string; roles: Role[]; regions: string[]; unitIds: string[] }
export type AccountChange = {
  name?: string | undefined
  roles?: Role[] | undefined
  regions?: string[] | undefined
  unitIds?: string[] | undefined
  disabled?: boolean | undefined
  /** Ends a lock before its time. */
  unlock?: boolean | undefined
  /** Gives a new random first password, shown once. */
  resetPassword?: boolean | undefined
}
export type SignedIn = { token: string; session: SessionRow }

export type Accounts = {
  /** On a first run creates `admin` and answers its secret, to be printed once by the caller; undefined ever after. */
  ensureFirst(): Promise<{ accountId: string; secret: string } | undefined>
  /** SIGN_IN_FAILED, ACCOUNT_LOCKED, TOO_MANY_REQUESTS. `replaces` is the session that came with the request. */
  signIn(accountId: string, password: string, address: string, replaces?: string): Promise<SignedIn | Reject>
  signOut(principal: AccountPrincipal): Promise<void>
  /** Changes one's own password, ends every session of the account and opens a new one. Also PASSWORD_WEAK. */
  changePassword(
    principal: AccountPrincipal,
    current: string,
    next: string,
    address: string,
  ): Promise<SignedIn | Reject>
  /** Creates an account with a random first password. ACCOUNT_EXISTS; SHAPE_INVALID for roles that exclude each other. */
  create(
    account: NewAccount,
    actor: AccountPrincipal | undefined,
  ): Promise<{ account: AccountRow; secret: string } | Reject>
  list(after: string, limit: number): Promise<AccountRow[]>
  /** Changes an account; a change of what it may do ends its sessions. ACCOUNT_UNKNOWN, SHAPE_INVALID. */
  change(
    accountId: string,
    change: AccountChange,
    actor: AccountPrincipal,
  ): Promise<{ account: AccountRow; secret?: string } | Reject>
  /** Sets a password chosen elsewhere (the demo's sign-ins, a restore drill) without forcing a change. Never routed. */
  setPassword(accountId: string, password: string): Promise<Reject | undefined>
}

/**
 * Creates the accounts.
 * @param options.say puts an entry into the log and resolves after its commit
 * @param options.onFault told when a failed sign-in could not be noted; the answer to the sender does not wait for it
 */
export function createAccounts(options: {
  pool: Pool
  now: () => number
  say: Say
  attempts: Attempts
  sessions: Sessions
  onFault: (fault: unknown) => void
}): Accounts {
  const { pool, now, say, attempts, sessions, onFault } = options

  function sayChanged(
    body: BodyOf<'account.changed'>,
    actor: Pick<AccountRow, 'accountId' | 'name' | 'roles' | 'regions'> | undefined,
  ): Promise<void> {
    if (!actor) return say({ kind: 'account.changed', body })
    const { accountId, name, roles, regions } = actor
    return say({ kind: 'account.changed', body, actor: { accountId, name, roles: [...roles], regions: [...regions] } })
  }

  /** Notes a failure after the answer: waiting for the disk only where an account exists would tell that it exists. */
  function noteFailure(row: AccountRow): void {
    const note = async () => {
      const { locked } = await countFailure(pool, row.accountId, now(), failuresMax, lockMs)
      await sayChanged({ accountId: row.accountId, change: 'sign-in-failed' }, undefined)
      if (locked) await sayChanged({ accountId: row.accountId, change: 'locked' }, undefined)
    }
    note().catch(onFault)
  }

  /** The account if the password is right; counts and locks if not. Runs inside the account's turn. */
  async function admitPassword(accountId: string, password: string, address: string): Promise<AccountRow | Reject> {
    const row = await findAccountRow(pool, accountId)
    const refusal = attempts.findRefusal(accountId, address, row?.unlockedAt)
    if (refusal) return refusal
    if (row?.lockedUntil !== undefined && row.lockedUntil > now()) return describeLock(row.lockedUntil, now())
    const usable = row && !row.disabled ? row : undefined
    if (!(await verifyPassword(password, usable?.passwordHash)) || !usable) {
      attempts.count(accountId, address)
      if (row) noteFailure(row)
      return reject('SIGN_IN_FAILED')
    }
    attempts.clear(accountId)
    return usable
  }

  async function open(row: AccountRow, replaces: string | undefined): Promise<SignedIn | Reject> {
    const opened = await sessions.open(row, replaces)
    return opened ?? reject('SIGN_IN_FAILED')
  }

  return {
    async ensureFirst() {
      if (await isAnyAccount(pool)) return undefined
      const secret = createSecret()
      const passwordHash = await hashPassword(secret)
      const roles: Role[] = ['administrator']
      await sayChanged({ accountId: firstAccountId, change: 'created', roles, regions: [] }, undefined)
      const isMade = await insertAccount(pool, {
        accountId: firstAccountId,
        name: '系统管理员',
        passwordHash,
        roles,
        regions: [],
        unitIds: [],
        createdAt: now(),
      })
      return isMade ? { accountId: firstAccountId, secret } : undefined
    },

    signIn(accountId, password, address, replaces) {
      return attempts.takeTurn(accountId, async () => {
        const row = await admitPassword(accountId, password, address)
        if ('code' in row) return row
        const passwordHash = isOutdated(row.passwordHash) ? await hashPassword(password) : row.passwordHash
        await sayChanged({ accountId, change: 'signed-in' }, row)
        await clearFailures(pool, accountId, passwordHash === row.passwordHash ? undefined : passwordHash)
        return open({ ...row, passwordHash }, replaces)
      })
    },

    async signOut(principal) {
      await say({
        kind: 'account.changed',
        body: { accountId: principal.accountId, change: 'signed-out' },
        actor: findActor(principal)!,
      })
      await sessions.revoke(principal.sessionId)
    },

    changePassword(principal, current, next, address) {
      const { accountId } = principal
      return attempts.takeTurn(accountId, async () => {
        const row = await admitPassword(accountId, current, address)
        if ('code' in row) return row
        const why =
          current.normalize('NFC') === next.normalize('NFC')
            ? '与原口令相同 / it is the current password'
            : findWeakness(next, accountId)
        if (why) return reject('PASSWORD_WEAK', { why })
        const passwordHash = await hashPassword(next)
        await sayChanged({ accountId, change: 'password' }, row)
        const result = await updateAccount(pool, accountId, { passwordHash, mustChange: false }, true, now())
        if (result !== 'done') return reject('SIGN_IN_FAILED')
        await sessions.revokeAll(accountId)
        return open({ ...row, passwordHash, mustChange: false }, undefined)
      })
    },

    async create(account, actor) {
      const conflict = findRoleConflict(account.roles)
      if (conflict) return reject('SHAPE_INVALID', { path: 'roles', why: conflict })
      if (await isAccountTaken(pool, account.accountId)) return reject('ACCOUNT_EXISTS')
      const secret = createSecret()
      const passwordHash = await hashPassword(secret)
      const { accountId, roles, regions } = account
      await sayChanged({ accountId, change: 'created', roles, regions }, actor && asActor(actor))
      if (!(await insertAccount(pool, { ...account, passwordHash, createdAt: now() }))) return reject('ACCOUNT_EXISTS')
      const made = await findAccountRow(pool, accountId)
      return made ? { account: made, secret } : reject('ACCOUNT_UNKNOWN')
    },

    list: (after, limit) => listAccountRows(pool, after, limit),

    async change(accountId, change, actor) {
      const before = await findAccountRow(pool, accountId)
      if (!before) return reject('ACCOUNT_UNKNOWN')
      const conflict = change.roles && findRoleConflict(change.roles)
      if (conflict) return reject('SHAPE_INVALID', { path: 'roles', why: conflict })
      const by = asActor(actor)
      const patch: AccountPatch = {}
      if (change.name !== undefined) patch.name = change.name
      if (change.roles !== undefined) patch.roles = change.roles
      if (change.regions !== undefined) patch.regions = change.regions
      if (change.unitIds !== undefined) patch.unitIds = change.unitIds
      if (change.disabled !== undefined) patch.disabled = change.disabled
      const secret = change.resetPassword ? createSecret() : undefined
      if (secret !== undefined) {
        patch.passwordHash = await hashPassword(secret)
        patch.mustChange = true
      }
      const isUnlocked = change.unlock === true || secret !== undefined
      const endsSessions =
        patch.disabled === true ||
        secret !== undefined ||
        patch.roles !== undefined ||
        patch.regions !== undefined ||
        patch.unitIds !== undefined
      if (patch.disabled !== undefined && patch.disabled !== before.disabled)
        await sayChanged({ accountId, change: patch.disabled ? 'disabled' : 'enabled' }, by)
      if (patch.roles || patch.regions || patch.unitIds || patch.name !== undefined)
        await sayChanged(
          {
            accountId,
            change: 'roles',
            roles: patch.roles ?? before.roles,
            regions: patch.regions ?? before.regions,
          },
          by,
        )
      if (secret !== undefined) await sayChanged({ accountId, change: 'password' }, by)
      if (change.unlock === true) await sayChanged({ accountId, change: 'unlocked' }, by)
      const result = await updateAccount(pool, accountId, patch, isUnlocked, now())
      if (result === 'unknown') return reject('ACCOUNT_UNKNOWN')
      if (result === 'last-administrator')
        return reject('SHAPE_INVALID', {
          path: patch.disabled ? 'disabled' : 'roles',
          why: '不能移除最后一名管理员 / the last administrator cannot be removed',
        })
      if (isUnlocked) attempts.clear(accountId)
      if (endsSessions) await sessions.revokeAll(accountId)
      const account = await findAccountRow(pool, accountId)
      if (!account) return reject('ACCOUNT_UNKNOWN')
      return secret === undefined ? { account } : { account, secret }
    },

    async setPassword(accountId, password) {
      const row = await findAccountRow(pool, accountId)
      if (!row) return reject('ACCOUNT_UNKNOWN')
      const why = findWeakness(password, accountId)
      if (why) return reject('PASSWORD_WEAK', { why })
      const passwordHash = await hashPassword(password)
      await sayChanged({ accountId, change: 'password' }, undefined)
      await updateAccount(pool, accountId, { passwordHash, mustChange: false }, true, now())
      await sessions.revokeAll(accountId)
      return undefined
    },
  }
}

function asActor(principal: AccountPrincipal): Pick<AccountRow, 'accountId' | 'name' | 'roles' | 'regions'> {
  const { accountId, name, roles, regions } = principal
  return { accountId, name, roles: [...roles], regions: [...regions] }
}

/**
 * Identity on the embedded database: one serial session that all share. What PostgreSQL does in parallel must come out the
 * same here and must not wait for itself for ever.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createIdentity, type Identity } from '../../server/identity/identity.ts'
import type { AccountPrincipal } from '../../server/identity/permissions.ts'
import { createSealer } from '../../server/identity/seal.ts'
import type { IdentityDatabase } from '../help/identity-database.ts'
import { startEmbeddedIdentityDatabase } from '../help/identity-database.ts'

let database: IdentityDatabase
let identity: Identity
let clock = Date.UTC(2026, 10, 21, 4)
const masterKey = randomBytes(32)
const said: string[] = []
const faults: unknown[] = []

before(async () => {
  database = await startEmbeddedIdentityDatabase()
  identity = createIdentity({
    pool: database.pool,
    masterKey,
    // What the house says is written by the same session: a wait inside a transaction would stop here for ever.
    say: async ({ kind }) => {
      await database.pool.query('select 1')
      said.push(kind)
    },
    findSealed: async () => undefined,
    regions: () => new Map(),
    now: () => clock,
    isSecure: false,
    onFault: fault => faults.push(fault),
  })
})
after(async () => {
  identity.close()
  await database.stop()
})

test('ID-70 signing in, locking, changing, sessions and devices come out the same on the embedded database', async () => {
  const { first } = await identity.open()
  assert.ok(first)
  const password = 'wander-lemon-quiet-47'
  assert.equal(await identity.accounts.setPassword('admin', password), undefined)
  const signedIn = await identity.accounts.signIn('admin', password, '192.0.2.1')
  assert.ok('token' in signedIn)
  const cookie = `vigil=${signedIn.token}`
  const admin = (await identity.authenticate({ cookie })) as AccountPrincipal
  assert.equal(admin.type, 'account')
  const names = Array.from({ length: 6 }, (_, index) => `desk-${index}`)
  const made = await Promise.all(
    names.map(accountId =>
      identity.accounts.create(
        { accountId, name: accountId, roles: ['dispatcher'], regions: ['330400'], unitIds: [] },
        admin,
      ),
    ),
  )
  assert.ok(made.every(answer => 'secret' in answer))
  const flood = await Promise.all(
    Array.from({ length: 8 }, (_, index) => identity.accounts.signIn('desk-0', 'wrong', `198.51.100.${index}`)),
  )
  assert.equal(flood.filter(answer => 'code' in answer && answer.code === 'SIGN_IN_FAILED').length, 5)
  const [changed, refused] = await Promise.all([
    identity.accounts.change('desk-1', { roles: ['shift-leader'], regions: ['330402'] }, admin),
    identity.accounts.change('admin', { disabled: true }, admin),
  ])
  assert.ok('account' in changed && 'code' in refused)
  const enrolled = await identity.devices.enrol(
    { deviceId: 'gw-1', name: 'gw', role: 'gateway', regions: ['330400'], unitIds: [] },
    'admin',
  )
  assert.ok('token' in enrolled)
  const ends: string[] = []
  const gateway = await identity.authenticate({ authorization: `Bearer ${enrolled.token}` })
  assert.ok('type' in gateway)
  identity.watch(gateway, () => ends.push('gateway'))
  identity.watch(admin, () => ends.push('admin'))
  await identity.sweep()
  assert.deepEqual(ends, [])
  assert.equal(await identity.devices.revoke('gw-1'), true)
  clock += 16 * 60_000
  await identity.sweep()
  assert.deepEqual(ends, ['gateway', 'admin'])
  assert.deepEqual(faults, [])
})

test('SEAL-20 sealing, forgetting at the same time, and rotation come out the same on the embedded database', async () => {
  const sealers = [1, 2, 3].map(() => createSealer({ pool: database.pool, masterKey }))
  const items = Array.from({ length: 200 }, (_, index) => ({
    recordKind: 'call' as const,
    recordId: `C-${index}`,
    fields: { callerNumber: `1380000${1000 + index}`, callerName: '王小明' },
  }))
  const answers = await Promise.all(sealers.map(sealer => sealer.sealMany(items)))
  assert.deepEqual(answers[1], answers[0])
  assert.deepEqual(answers[2], answers[0])
  await Promise.all([
    sealers[0]!.forget('call', 'C-1'),
    sealers[1]!.sealMany(items),
    sealers[2]!.forgetMany([
      { recordKind: 'call', recordId: 'C-2' },
      { recordKind: 'call', recordId: 'C-1' },
    ]),
  ])
  assert.deepEqual(await sealers[1]!.findRecords('phone', '13800001001'), [])
  assert.deepEqual(await sealers[1]!.findRecords('phone', '+86 138 0000 1003'), [
    { recordKind: 'call', recordId: 'C-3' },
  ])
  const nextKey = randomBytes(32)
  const next = createSealer({ pool: database.pool, masterKey: nextKey, formerKeys: [masterKey] })
  assert.equal(await next.rewrap(), 199) // 200 records and the hash key, without two forgotten
  assert.deepEqual((await next.unseal('call', 'C-3', answers[0]![3]!.fields!)).fields, items[3]!.fields)
  assert.equal((await next.unseal('call', 'C-1', answers[0]![1]!.fields!)).reject?.code, 'RECORD_FORGOTTEN')
})

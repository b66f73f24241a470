/**
 * Seal on a real PostgreSQL: what is sealed opens only with its key, in its place; a resend is the same bytes; forgetting is
 * for ever and for all processes; a rotated master key opens what the former one sealed.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { sealedPrefix } from '#contract/entry.ts'
import { loadMasterKey, MasterKeyFault } from '../../server/identity/master-key.ts'
import type { SealAnswer } from '../../server/identity/seal.ts'
import { createSealer, normaliseIdentity, normalisePhone, SealBroken } from '../../server/identity/seal.ts'
import type { IdentityDatabase } from '../help/identity-database.ts'
import { startIdentityDatabase } from '../help/identity-database.ts'

let database: IdentityDatabase
const masterKey = randomBytes(32)
before(async () => {
  database = await startIdentityDatabase()
})
after(() => database.stop())

const newSealer = async (key = masterKey, formerKeys: Buffer[] = []) =>
  createSealer({ pool: await database.newPool(), masterKey: key, formerKeys })
function getFields(answer: SealAnswer): Record<string, string> {
  assert.ok(answer.fields, JSON.stringify(answer.reject))
  return answer.fields
}

test('SEAL-1 what was sealed opens to the same text, for any text', async () => {
  const sealer = await newSealer()
  const text = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 300 }).filter(one => one.isWellFormed())
  await fc.assert(
    fc.asyncProperty(
      fc.uuid(),
      fc.dictionary(fc.constantFrom('callerName', 'addressText', 'note'), text),
      async (id, fields) => {
        const sealed = getFields(await sealer.seal('call', id, fields))
        assert.deepEqual(Object.keys(sealed).sort(), Object.keys(fields).sort())
        for (const [field, value] of Object.entries(sealed)) {
          assert.match(value, /^sealed:v1:[A-Za-z0-9_-]{38,}$/)
          assert.ok(fields[field]!.length < 4 || !value.includes(fields[field]!))
        }
        if (Object.keys(fields).length > 0)
          assert.deepEqual(getFields(await sealer.unseal('call', id, sealed)), { ...fields })
      },
    ),
    { numRuns: 60 },
  )
})

test('SEAL-2 a resend seals to the same bytes, from any process; another record, field or text does not', async () => {
  const one = await newSealer()
  const other = await newSealer()
  const first = getFields(await one.seal('call', 'C-2', { callerName: '王小明', addressText: '王小明' }))
  assert.deepEqual(getFields(await other.seal('call', 'C-2', { addressText: '王小明', callerName: '王小明' })), first)
  assert.notEqual(first.callerName, first.addressText)
  assert.notEqual(getFields(await one.seal('call', 'C-2b', { callerName: '王小明' })).callerName, first.callerName)
  assert.notEqual(getFields(await one.seal('incident', 'C-2', { callerName: '王小明' })).callerName, first.callerName)
  assert.notEqual(getFields(await one.seal('call', 'C-2', { callerName: '王小明 ' })).callerName, first.callerName)
})

test('SEAL-3 two processes that meet a new record at once seal under one key', async () => {
  const sealers = [await newSealer(), await newSealer(), await newSealer()]
  for (let round = 0; round < 20; round++) {
    const items = Array.from({ length: 25 }, (_, index) => ({
      recordKind: 'incident' as const,
      recordId: `R${round}-${index}`,
      fields: { note: `note ${index}` },
    }))
    const answers = await Promise.all(
      sealers.map((sealer, index) => sealer.sealMany(index === 1 ? [...items].reverse() : items)),
    )
    assert.deepEqual(answers[1]!.toReversed(), answers[0])
    assert.deepEqual(answers[2], answers[0])
  }
})

test('SEAL-4 every changed byte of a sealed field is refused, and so is a field moved elsewhere', async () => {
  const sealer = await newSealer()
  const { callerName } = getFields(await sealer.seal('call', 'C-4', { callerName: '李四' }))
  await sealer.seal('call', 'C-4b', { callerName: 'x' })
  const encoded = callerName!.slice(sealedPrefix.length)
  const bytes = Buffer.from(encoded, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    await assert.rejects(
      sealer.unseal('call', 'C-4', { callerName: sealedPrefix + changed.toString('base64url') }),
      SealBroken,
    )
  }
  const forms = [
    '',
    'plain text',
    sealedPrefix,
    `${sealedPrefix}AAAA`,
    `${callerName}=`,
    `${callerName}A`,
    'sealed:v2:AAAA',
  ]
  for (const form of [...forms, callerName!.slice(0, -1), callerName!.replace('v1', 'v0')])
    await assert.rejects(sealer.unseal('call', 'C-4', { callerName: form }), SealBroken, form)
  await assert.rejects(sealer.unseal('call', 'C-4', { addressText: callerName! }), SealBroken)
  await assert.rejects(sealer.unseal('call', 'C-4b', { callerName: callerName! }), SealBroken)
  await assert.rejects(
    sealer.unseal('call', 'C-4', { callerName: callerName!.slice(0, -2) }).catch(fault => {
      assert.ok(!String(fault.message).includes('李四'))
      throw fault
    }),
    SealBroken,
  )
})

test('SEAL-5 a key is durable before seal answers, and wrapped: the table holds no usable key', async () => {
  const sealer = await newSealer()
  const { callerName } = getFields(await sealer.seal('call', 'C-5', { callerName: '赵六' }))
  const { rows } = await (await database.newPool()).query(`select * from record_key where record_id = 'C-5'`)
  assert.equal(rows.length, 1)
  assert.equal(rows[0].wrapped.length, 12 + 32 + 16)
  // A key row moved to another record does not open there.
  await sealer.seal('call', 'C-5b', { callerName: 'x' })
  await database.pool.query(
    `update record_key set wrapped = (select wrapped from record_key where record_id = 'C-5') where record_id = 'C-5b'`,
  )
  await assert.rejects((await newSealer()).unseal('call', 'C-5b', { callerName: callerName! }), SealBroken)
  await database.pool.query(`delete from record_key where record_id = 'C-5b'`)
})

test('SEAL-6 forgetting is for ever: nothing opens, nothing is sealed again, hashes are gone, in every process', async () => {
  const sealer = await newSealer()
  const other = await newSealer()
  const fields = { patientName: '钱七', patientPhone: '13800000001', identityNumber: '33040219900101001X' }
  const sealed = getFields(await sealer.seal('card', 'K-6', fields))
  assert.deepEqual(await other.findRecords('phone', '138 0000 0001'), [{ recordKind: 'card', recordId: 'K-6' }])
  await sealer.forget('card', 'K-6')
  await sealer.forget('card', 'K-6')
  for (const one of [sealer, other, await newSealer()]) {
    assert.equal((await one.unseal('card', 'K-6', sealed)).reject?.code, 'RECORD_FORGOTTEN')
    assert.deepEqual(await one.findRecords('phone', '13800000001'), [])
    assert.deepEqual(await one.findRecords('identity', fields.identityNumber), [])
  }
  assert.equal((await sealer.seal('card', 'K-6', fields)).reject?.code, 'RECORD_FORGOTTEN')
  assert.equal((await (await newSealer()).seal('card', 'K-6', fields)).reject?.code, 'RECORD_FORGOTTEN')
  const { rows } = await database.pool.query(`select key_id, wrapped from record_key where record_id = 'K-6'`)
  assert.deepEqual(rows, [{ key_id: null, wrapped: null }])
  // A record never seen here (a restore re-applies forgetting before the record comes back).
  await sealer.forget('call', 'C-6-late')
  const [late, next] = await sealer.sealMany([
    { recordKind: 'call', recordId: 'C-6-late', fields: { callerName: 'x' } },
    { recordKind: 'call', recordId: 'C-6-next', fields: { callerName: 'x' } },
  ])
  assert.equal(late!.reject?.code, 'RECORD_FORGOTTEN')
  assert.ok(next!.fields)
  assert.equal((await sealer.unseal('call', 'C-6-never', sealed)).reject?.code, 'RECORD_UNKNOWN')
})

test('SEAL-14 a start applies thousands of erasures again in batches; said twice is once, and the first time stands', async () => {
  const sealer = await newSealer()
  const records = Array.from({ length: 2_500 }, (_, index) => ({
    recordKind: 'card' as const,
    recordId: `K-14-${index}`,
  }))
  await sealer.seal('card', 'K-14-7', { patientPhone: '13600000014' })
  await sealer.forgetMany([...records, ...records.slice(0, 5)])
  const read = async () =>
    (
      await database.pool.query(
        `select record_id, forgotten_at from record_key where record_id like 'K-14-%' order by 1`,
      )
    ).rows
  const first = await read()
  assert.equal(first.length, records.length)
  await sealer.forgetMany(records)
  assert.deepEqual(await read(), first)
  assert.deepEqual(await sealer.findRecords('phone', '13600000014'), [])
  assert.equal((await sealer.seal('card', 'K-14-2499', { patientName: 'x' })).reject?.code, 'RECORD_FORGOTTEN')
})

test('SEAL-7 no hash outlives its record when sealing and forgetting run at once', async () => {
  const sealers = [await newSealer(), await newSealer()]
  for (let round = 0; round < 30; round++) {
    const recordId = `K-7-${round}`
    await Promise.all([
      sealers[0]!.seal('card', recordId, { patientPhone: `1380000${1000 + round}` }),
      sealers[1]!.forget('card', recordId),
      sealers[0]!.seal('card', recordId, { patientPhone: `1390000${1000 + round}` }),
    ])
  }
  const { rows } = await database.pool.query(
    `select count(*)::int as left from record_hash where record_id like 'K-7-%'`,
  )
  assert.equal(rows[0].left, 0)
})

test('SEAL-8 a number is found however it was written, and the table shows none', async () => {
  const sealer = await newSealer()
  const ways = [
    '13912345678',
    '139 1234 5678',
    '+86 139-1234-5678',
    '0086 13912345678',
    '013912345678',
    '１３９１２３４５６７８',
  ]
  for (const way of ways) assert.equal(normalisePhone(way), '13912345678', way)
  for (const way of ['0573-82081234', '+86 573 82081234', '+86 0573 8208 1234', '57382081234'])
    assert.equal(normalisePhone(way), '57382081234', way)
  for (const way of ['010-12345678', '+86 10 1234 5678']) assert.equal(normalisePhone(way), '1012345678', way)
  for (const way of ['120', '82081234', '86123456', '10086']) assert.equal(normalisePhone(way), way)
  assert.equal(normaliseIdentity(' 330402 19900101 001x '), '33040219900101001X')
  await sealer.seal('call', 'C-8', { callerNumber: ways[2]! })
  for (const way of ways)
    assert.deepEqual(await sealer.findRecords('phone', way), [{ recordKind: 'call', recordId: 'C-8' }])
  assert.deepEqual(await sealer.findRecords('identity', ways[0]!), [])
  const { rows } = await database.pool.query(
    `select string_agg(record_key::text, ' ') || string_agg(record_hash::text, ' ') as all_of_it
     from record_key left join record_hash using (record_kind, record_id)`,
  )
  assert.ok(!rows[0].all_of_it.includes('13912345678'))
  assert.ok(!rows[0].all_of_it.includes(Buffer.from('13912345678').toString('hex')))
})

test('SEAL-9 after a rotation old records open, rewrap leaves none under the former key, and a wrong key is noticed', async () => {
  const former = await newSealer()
  const sealed = getFields(await former.seal('call', 'C-9', { callerNumber: '13700000009' }))
  const nextKey = randomBytes(32)
  await assert.rejects((await newSealer(nextKey)).check(), SealBroken)
  await assert.rejects((await newSealer(nextKey)).unseal('call', 'C-9', sealed), SealBroken)
  const next = await newSealer(nextKey, [masterKey])
  await next.check()
  assert.equal(getFields(await next.unseal('call', 'C-9', sealed)).callerNumber, '13700000009')
  const { rows } = await database.pool.query('select count(*)::int as count from record_key where key_id is not null')
  assert.equal(await next.rewrap(), rows[0].count)
  assert.equal(await next.rewrap(), 0)
  const alone = await newSealer(nextKey)
  await alone.check()
  assert.equal(getFields(await alone.unseal('call', 'C-9', sealed)).callerNumber, '13700000009')
  assert.deepEqual(getFields(await alone.seal('call', 'C-9', { callerNumber: '13700000009' })), sealed)
  assert.deepEqual(await alone.findRecords('phone', '13700000009'), [{ recordKind: 'call', recordId: 'C-9' }])
  await assert.rejects((await newSealer(masterKey)).check(), SealBroken)
  // Back again, for the tests that follow.
  await (await newSealer(masterKey, [nextKey])).rewrap()
})

test('SEAL-10 a batch keeps its order, empty records need no key, and more than a batch is refused', async () => {
  const sealer = await newSealer()
  const answers = await sealer.sealMany([
    { recordKind: 'call', recordId: 'C-10', fields: { callerName: 'a' } },
    { recordKind: 'call', recordId: 'C-10-none', fields: {} },
    { recordKind: 'call', recordId: 'C-10', fields: { addressText: 'b' } },
  ])
  assert.deepEqual(
    answers.map(answer => Object.keys(answer.fields ?? {})),
    [['callerName'], [], ['addressText']],
  )
  const { rowCount } = await database.pool.query(`select 1 from record_key where record_id = 'C-10-none'`)
  assert.equal(rowCount, 0)
  await assert.rejects(
    sealer.sealMany(Array.from({ length: 1_001 }, () => ({ recordKind: 'call' as const, recordId: 'x', fields: {} }))),
  )
})

test('SEAL-11 a database that is away is a fault: nothing is answered as sealed', async () => {
  const pool = await database.newPool()
  const sealer = createSealer({ pool, masterKey })
  const client = await pool.connect()
  client.on('error', () => undefined)
  const { rows } = await client.query('select pg_backend_pid() as pid')
  await database.pool.query('select pg_terminate_backend($1)', [rows[0].pid])
  client.release(true)
  const broken = createSealer({
    pool: { query: () => Promise.reject(Object.assign(new Error('away'), { code: '57P01' })) } as never,
    masterKey,
  })
  await assert.rejects(broken.seal('call', 'C-11', { callerName: 'x' }), /away/)
  assert.ok((await sealer.seal('call', 'C-11', { callerName: 'x' })).fields)
})

test('SEAL-12 the cost of sealing 1,000 records of four fields, first and again (reported)', async t => {
  const sealer = await newSealer()
  const items = Array.from({ length: 1_000 }, (_, index) => ({
    recordKind: 'call' as const,
    recordId: `C-12-${index}`,
    fields: {
      callerNumber: `138${String(index).padStart(8, '0')}`,
      callerName: '张三丰',
      addressText: '浙江省嘉兴市南湖区中山东路 100 号 3 幢 501 室',
      complaintText: '老人胸痛半小时,伴大汗',
    },
  }))
  for (const round of ['new records', 'known records']) {
    const before = process.cpuUsage()
    const startedAt = performance.now()
    const answers = await sealer.sealMany(items)
    const used = process.cpuUsage(before)
    assert.ok(answers.every(answer => Object.keys(answer.fields ?? {}).length === 4))
    t.diagnostic(
      `${round}: ${((used.user + used.system) / 1_000).toFixed(0)} ms CPU, ${(performance.now() - startedAt).toFixed(0)} ms wall for 1,000`,
    )
  }
})

test('SEAL-13 the master key file: made once with mode 0600, read by all, refused when open to others or not a key', async () => {
  const home = mkdtempSync(join(tmpdir(), 'vigil-key-'))
  try {
    const path = join(home, 'deep', 'master.key')
    await assert.rejects(loadMasterKey(path, { create: false }), MasterKeyFault)
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadMasterKey(path, { create: true })))
    for (const key of keys) assert.deepEqual(key, keys[0])
    assert.equal(keys[0]!.length, 32)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(await loadMasterKey(path, { create: false }), keys[0])
    for (const [name, text, mode] of [
      ['open', randomBytes(32).toString('hex'), 0o644],
      ['empty', '', 0o600],
      ['short', 'abcd', 0o600],
      ['zero', '0'.repeat(64), 0o600],
      ['text', 'x'.repeat(200), 0o600],
    ] as const) {
      writeFileSync(join(home, name), text, { mode })
      await assert.rejects(
        loadMasterKey(join(home, name), { create: true }),
        fault => fault instanceof MasterKeyFault && (text === '' || !fault.message.includes(text)),
        name,
      )
    }
    const key = randomBytes(32)
    writeFileSync(join(home, 'base64'), `${key.toString('base64')}\n`, { mode: 0o600 })
    assert.deepEqual(await loadMasterKey(join(home, 'base64'), { create: false }), key)
  } finally {
    rmSync(home, { recursive: true })
  }
})

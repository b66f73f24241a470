/**
 * A real PostgreSQL 15: the pool's promises, transactions of many clients at once, migrations that race, backups.
 */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listMigrations, migrate, selectBlocks } from '../../server/database/migrate.ts'
import { type Database, isDatabaseAway, isDataFault, openDatabase, transaction } from '../../server/database/pool.ts'
import { readManifest, runTool } from '../../server/operations/archive.ts'
import { backupDatabase } from '../../server/operations/backup.ts'
import { restoreDatabase } from '../../server/operations/restore.ts'
import { makeDirectory } from '../help/embedded.ts'
import { startPostgres } from '../help/postgres.ts'

/** The schema both kinds of database get in these tests, with one block for each. */
function writeMigrations(directory: string): string {
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, '0001-position.sql'),
    `CREATE TABLE position (unit_id int NOT NULL, at timestamptz NOT NULL, lon float8 NOT NULL);
-- timescale
SELECT create_hypertable('position', by_range('at', INTERVAL '1 day'));
-- end timescale
-- plain
CREATE INDEX position_at ON position USING brin (at);
-- end plain
`,
  )
  writeFileSync(
    join(directory, '0002-log-state.sql'),
    `CREATE TABLE log_state (incarnation uuid NOT NULL);
INSERT INTO log_state VALUES (gen_random_uuid());
`,
  )
  return directory
}

async function hasTable(database: Database, name: string): Promise<boolean> {
  const { rows } = await database.pool.query('SELECT to_regclass($1) IS NOT NULL AS there', [name])
  return rows[0].there
}

/** What must hold for migrations on either kind of database. */
async function checkMigrations(database: Database): Promise<void> {
  const directory = writeMigrations(makeDirectory('migrations'))
  try {
    assert.deepEqual(await migrate(database, directory), ['0001-position.sql', '0002-log-state.sql'])
    assert.deepEqual(await migrate(database, directory), [])
    assert.equal(await hasTable(database, 'position_at'), !database.timescale)
    assert.equal(await hasTable(database, '_timescaledb_catalog.hypertable'), database.timescale)

    writeFileSync(join(directory, '0003-broken.sql'), 'CREATE TABLE half (n int); SELECT nothing FROM nowhere;')
    await assert.rejects(migrate(database, directory), { code: 'MIGRATION_FAILED' })
    assert.equal(await hasTable(database, 'half'), false)
    writeFileSync(join(directory, '0003-broken.sql'), 'CREATE TABLE whole (n int);')
    assert.deepEqual(await migrate(database, directory), ['0003-broken.sql'])

    writeFileSync(join(directory, '0003-broken.sql'), 'CREATE TABLE whole (n bigint);')
    await assert.rejects(migrate(database, directory), { code: 'MIGRATION_CHANGED' })
    rmSync(join(directory, '0003-broken.sql'))
    await assert.rejects(migrate(database, directory), { code: 'MIGRATION_MISSING' })
    writeFileSync(join(directory, '0003-broken.sql'), 'CREATE TABLE whole (n int);')
    writeFileSync(join(directory, '0000-late.sql'), 'SELECT 1;')
    await assert.rejects(migrate(database, directory), { code: 'MIGRATION_ORDER' })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** What must hold for a backup of either kind; leaves the restored target to the caller. */
async function checkBackup(database: Database, file: string): Promise<string> {
  await database.pool.query(`INSERT INTO position SELECT n % 7, timestamptz '2026-01-01' + n * interval '1 minute', n
    FROM generate_series(1, 5000) n`)
  const before = await database.pool.query<{ incarnation: string }>('SELECT incarnation FROM log_state')
  const manifest = await backupDatabase(database, file)
  assert.deepEqual(await readManifest(file), manifest)
  assert.equal(manifest.kind, database.kind)
  assert.equal(manifest.versions.postgres, database.version)
  assert.ok(Object.keys(manifest.files).length > 0)
  assert.equal((await database.pool.query('SELECT count(*)::int AS n FROM position')).rows[0].n, 5000)
  return before.rows[0]!.incarnation
}

async function checkRestored(restored: Database, oldIncarnation: string): Promise<void> {
  const { rows } = await restored.pool.query(`SELECT count(*)::int AS n, sum(lon)::int AS lon FROM position`)
  assert.deepEqual(rows[0], { n: 5000, lon: 12_502_500 }) // 1 + 2 + … + 5000
  const state = await restored.pool.query('SELECT incarnation FROM log_state')
  assert.notEqual(state.rows[0].incarnation, oldIncarnation)
}

describe('native PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let database: Database
  const folder = makeDirectory('native')
  before(async () => {
    server = await startPostgres()
    database = await openDatabase({ databaseUrl: server.url, directory: folder })
  })
  after(async () => {
    await database?.close()
    await server?.stop()
    rmSync(folder, { recursive: true })
  })

  test('DB-20 the server is the one that was started, and its kind and version are known', async () => {
    const { rows } = await database.pool.query('SHOW data_directory')
    assert.equal(rows[0].data_directory, server.directory)
    assert.equal(database.kind, 'server')
    assert.match(database.version, /^\d+\.\d+/)
    const extension = await database.pool.query(`SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'`)
    assert.equal(database.timescale, extension.rows.length > 0)
  })

  test('DB-21 int8 is an exact number or an error, never rounded', async () => {
    const { rows } = await database.pool.query(`SELECT 9007199254740991::int8 AS big, count(*) AS n FROM pg_class`)
    assert.equal(rows[0].big, Number.MAX_SAFE_INTEGER)
    assert.equal(typeof rows[0].n, 'number')
    await assert.rejects(database.pool.query('SELECT 9007199254740993::int8 AS big'), { code: 'INT8_UNSAFE' })
    assert.equal((await database.pool.query('SELECT NULL::int8 AS nothing')).rows[0].nothing, null)
  })

  test('DB-22 a transaction commits, rolls back, and says so when a swallowed error undid it', async () => {
    await database.pool.query('CREATE TABLE moved (n int PRIMARY KEY)')
    await transaction(database, client => client.query('INSERT INTO moved VALUES (1)'))
    await assert.rejects(
      transaction(database, async client => {
        await client.query('INSERT INTO moved VALUES (2)')
        throw new Error('changed my mind')
      }),
      /changed my mind/,
    )
    await assert.rejects(
      transaction(database, async client => {
        await client.query('INSERT INTO moved VALUES (3)')
        await client.query('INSERT INTO moved VALUES (1)').catch(() => {})
      }),
      { code: 'TRANSACTION_LOST' },
    )
    assert.deepEqual((await database.pool.query('SELECT n FROM moved')).rows, [{ n: 1 }])
  })

  test('DB-23 lost updates do not happen: concurrent transactions on one row all count', async () => {
    await database.pool.query('CREATE TABLE counter AS SELECT 0 AS n')
    await Promise.all(
      Array.from({ length: 60 }, () =>
        transaction(database, async client => {
          const { rows } = await client.query('SELECT n FROM counter FOR UPDATE')
          await client.query('UPDATE counter SET n = $1', [rows[0].n + 1])
        }),
      ),
    )
    assert.equal((await database.pool.query('SELECT n FROM counter')).rows[0].n, 60)
  })

  test('DB-24 errors are told apart: the database is away, or this row is wrong', async () => {
    const seen = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => assert.fail('it should have failed'),
        (reason: unknown) => reason,
      )
      return [isDatabaseAway(error), isDataFault(error)]
    }
    assert.deepEqual(await seen(database.pool.query(`SELECT 'x'::int`)), [false, true])
    assert.deepEqual(await seen(database.pool.query('INSERT INTO moved VALUES (1)')), [false, true])
    assert.deepEqual(await seen(database.pool.query('SELEC')), [false, false])
    assert.deepEqual(await seen(Promise.reject(new Error('a bug of ours'))), [false, false])
    assert.deepEqual(await seen(openDatabase({ databaseUrl: 'postgres://x@127.0.0.1:1/x', directory: '' })), [
      true,
      false,
    ])
    assert.deepEqual(await seen(openDatabase({ databaseUrl: 'postgres://x@/x?host=/nowhere', directory: '' })), [
      true,
      false,
    ])
    const slow = await openDatabase({ databaseUrl: server.url, directory: '', statementTimeoutMs: 50 })
    assert.deepEqual(await seen(slow.pool.query('SELECT pg_sleep(60)')), [true, false])
    await slow.close()
    await assert.rejects(
      transaction(database, async client => {
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
        await client.query('SELECT 1')
      }),
      error => isDatabaseAway(error),
    )
    assert.equal((await database.pool.query('SELECT 1 AS v')).rows[0].v, 1)
  })

  test('DB-25 migrations: in order, once, whole or not at all, never changed, never missing', () =>
    checkMigrations(database))

  test('DB-26 two servers that migrate one database at once wait for each other', async () => {
    await database.pool.query('CREATE DATABASE raced')
    const directory = writeMigrations(join(folder, 'raced'))
    const url = server.url.replace('/postgres?', '/raced?')
    const racers = await Promise.all([1, 2, 3, 4].map(() => openDatabase({ databaseUrl: url, directory: '' })))
    const applied = (await Promise.all(racers.map(racer => migrate(racer, directory)))).flat()
    assert.deepEqual(applied.sort(), ['0001-position.sql', '0002-log-state.sql'])
    await Promise.all(racers.map(racer => racer.close()))
  })

  test('DB-27 blocks and file names that are wrong are refused', () => {
    const text = 'a\n-- timescale\nb\n-- end timescale\n-- plain\nc\n-- end plain'
    assert.equal(selectBlocks('x', text, true), 'a\n\nb\n\n\n\n')
    assert.equal(selectBlocks('x', text, false), 'a\n\n\n\n\nc\n')
    for (const wrong of ['-- timescale\na', '-- end plain', '-- plain\n-- timescale\n-- end timescale\n-- end plain']) {
      assert.throws(() => selectBlocks('x', wrong, true), { code: 'MIGRATION_BLOCK' })
    }
    const directory = join(folder, 'names')
    mkdirSync(directory)
    writeFileSync(join(directory, '0001-a.sql'), '')
    writeFileSync(join(directory, '0001-b.sql'), '')
    assert.throws(() => listMigrations(directory), { code: 'MIGRATION_NAME' })
  })

  test('DB-28 a backup of a server is verified, restores into an empty database only, and begins an incarnation', async () => {
    const file = join(folder, 'server.tar.gz')
    const incarnation = await checkBackup(database, file)
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith('.')),
      [],
    )
    await database.pool.query('CREATE DATABASE restored')
    // A password with every awkward character travels by a file, not on a command line.
    const databaseUrl = server.url.replace('/postgres?', '/restored?').replace('postgres@', 'postgres:a%3Ab%5Cc%40d@')
    await restoreDatabase({ from: file, directory: '', databaseUrl })
    const restored = await openDatabase({ databaseUrl, directory: '' })
    await checkRestored(restored, incarnation)
    await restored.close()
    await assert.rejects(restoreDatabase({ from: file, directory: '', databaseUrl }), { code: 'RESTORE_NOT_EMPTY' })
    await assert.rejects(restoreDatabase({ from: file, directory: join(folder, 'x') }), { code: 'RESTORE_KIND' })
    assert.equal(existsSync(join(folder, 'x')), false)
  })
})

describe('the same on the embedded database', () => {
  const folder = makeDirectory('embedded-operations')
  let database: Database
  before(async () => {
    database = await openDatabase({ directory: join(folder, 'city') })
  })
  after(async () => {
    await database?.close()
    rmSync(folder, { recursive: true })
  })

  test('DB-29 migrations hold on the embedded database, and a swallowed error is told there, too', async () => {
    await checkMigrations(database)
    await assert.rejects(
      transaction(database, client => client.query('SELEC').catch(() => {})),
      { code: 'TRANSACTION_LOST' },
    )
  })

  test('DB-30 a backup of the running embedded database is verified and restores to the same rows', async () => {
    const file = join(folder, 'city.tar.gz')
    const incarnation = await checkBackup(database, file)
    await restoreDatabase({ from: file, directory: join(folder, 'restored') })
    const restored = await openDatabase({ directory: join(folder, 'restored') })
    await checkRestored(restored, incarnation)
    await restored.close()
    await assert.rejects(restoreDatabase({ from: file, directory: join(folder, 'restored') }), {
      code: 'RESTORE_NOT_EMPTY',
    })
  })

  test('DB-33 the backup command refuses a directory a server owns and says how, and saves a free one', async () => {
    const command = (script: string, ...args: string[]) =>
      runTool(process.execPath, [fileURLToPath(new URL(`../../server/operations/${script}`, import.meta.url)), ...args])
    const file = join(folder, 'command.tar.gz')
    await assert.rejects(
      command('backup.ts', '--out', file, '--directory', database.embedded!.directory),
      (error: Error) => {
        assert.match(error.message, new RegExp(`in use by process ${database.embedded!.pid()}; stop that one first`))
        assert.match(error.message, /A running server can save itself/)
        return true
      },
    )
    assert.equal(existsSync(file), false)
    assert.match(await command('backup.ts', '--out', file, '--directory', join(folder, 'restored')), /verified/)
    const again = join(folder, 'again')
    assert.match(await command('restore.ts', '--from', file, '--directory', again), /restored embedded backup/)
    assert.ok(existsSync(join(again, 'postgres', 'PG_VERSION')))
  })

  test('DB-31 a damaged archive is refused and leaves nothing behind', async () => {
    const file = join(folder, 'city.tar.gz')
    const damaged = join(folder, 'damaged.tar.gz')
    copyFileSync(file, damaged)
    const bytes = readFileSync(damaged)
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff
    writeFileSync(damaged, bytes)
    await assert.rejects(
      restoreDatabase({ from: damaged, directory: join(folder, 'never') }),
      (error: Error & { code?: string }) =>
        ['ARCHIVE_BROKEN', 'ARCHIVE_UNREADABLE', 'TOOL_FAILED'].includes(error.code ?? ''),
    )
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith('.')),
      [],
    )
    assert.deepEqual(readdirSync(folder).includes('never') ? readdirSync(join(folder, 'never')) : [], [])
    writeFileSync(damaged, 'not an archive')
    await assert.rejects(restoreDatabase({ from: damaged, directory: join(folder, 'never') }), {
      code: 'ARCHIVE_UNREADABLE',
    })
  })
})

/**
 * The embedded database in a real process of its own: many clients on one session, disk syncs, crashes, one owner.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import pg from 'pg'
import { type EmbeddedDatabase, SOCKET_PORT, startEmbedded } from '../../server/database/embedded/embedded.ts'
import { findOwner, takeOwnership } from '../../server/database/embedded/owner-lock.ts'
import { buildMessage } from '../../server/database/embedded/protocol.ts'
import { connectionsMax, unitBytesMax, waitingMax } from '../../server/database/embedded/wire-server.ts'
import { isDatabaseAway, openDatabase, transaction } from '../../server/database/pool.ts'
import { connectEmbedded, makeDirectory, startEmbeddedForTest } from '../help/embedded.ts'
import { postgresFolder } from '../help/postgres.ts'

const idleMs = 1_000
const killRounds = 5

/** Runs a program of PostgreSQL 15 against the embedded database. */
async function runTool(embedded: EmbeddedDatabase, tool: string, args: string[], input = '', env = {}) {
  const child = spawn(join(postgresFolder, tool), args, {
    env: { PGHOST: embedded.host, PGPORT: `${SOCKET_PORT}`, PGUSER: 'postgres', PGDATABASE: 'template1', ...env },
  })
  let output = ''
  child.stdout.on('data', text => {
    output += text
  })
  child.stderr.on('data', text => {
    output += text
  })
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

async function waitUntil(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 3_600; tries++) {
    if (await done()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.fail(`waited three minutes for: ${what}`)
}

/** Sends raw bytes and collects the letters of the answers until a number of bytes of them has come. */
async function speakRaw(host: string, bytes: Buffer): Promise<Buffer> {
  const socket = net.connect(join(host, `.s.PGSQL.${SOCKET_PORT}`))
  socket.write(bytes)
  const parts: Buffer[] = []
  socket.on('data', part => parts.push(part as Buffer))
  socket.setTimeout(500, () => socket.destroy())
  await once(socket, 'close')
  return Buffer.concat(parts)
}

describe('one session shared by many clients', () => {
  let embedded: Awaited<ReturnType<typeof startEmbeddedForTest>>
  let a: pg.Client
  let b: pg.Client
  before(async () => {
    embedded = await startEmbeddedForTest({ idleInTransactionMs: idleMs, port: 0 })
  })
  after(() => embedded.remove())
  beforeEach(async () => {
    a = await connectEmbedded(embedded)
    b = await connectEmbedded(embedded)
  })
  afterEach(async () => {
    await Promise.allSettled([a.end(), b.end()])
  })

  test('DB-1 TimescaleDB is loaded before anyone connects: a hypertable works from the first client', async () => {
    await a.query('CREATE TABLE metric (at timestamptz NOT NULL, value float8)')
    await a.query(`SELECT create_hypertable('metric', by_range('at', INTERVAL '1 day'))`)
    await a.query(`INSERT INTO metric SELECT timestamptz '2026-01-01' + n * interval '1 hour', n
      FROM generate_series(0, 99) n`)
    const { rows } = await b.query('SELECT count(*)::int AS n FROM metric')
    assert.equal(rows[0].n, 100)
    const chunks = await b.query(`SELECT count(*)::int AS n FROM timescaledb_information.chunks`)
    assert.ok(chunks.rows[0].n >= 4, 'the rows lie in chunks')
  })

  test('DB-2 every commit is synced to disk before it is answered', async () => {
    await a.query('CREATE TABLE synced (n int)')
    const before = (await embedded.measure()).syncs
    for (let n = 0; n < 50; n++) await a.query('INSERT INTO synced VALUES ($1)', [n])
    const after = (await embedded.measure()).syncs
    assert.ok(after - before >= 50, `50 commits made ${after - before} syncs`)
  })

  test('DB-3 same-named prepared statements of two clients stay apart, beside a 600 kB parameter', async () => {
    const large = 'x'.repeat(600_000)
    const lengthText = 'SELECT length($1) AS v, $2::text AS w'
    const work: Promise<void>[] = []
    for (let n = 0; n < 100; n++) {
      work.push(
        a.query({ name: 'same', text: 'SELECT $1::int + 1 AS v', values: [n] }).then(r => {
          assert.equal(r.rows[0].v, n + 1)
        }),
      )
      work.push(
        b.query({ name: 'same', text: lengthText, values: [large, `b${n}`] }).then(r => {
          assert.deepEqual(r.rows[0], { v: 600_000, w: `b${n}` })
        }),
      )
      work.push(
        a
          .query('SELECT $1::text AS t, $2::int AS u', ['q', n])
          .then(r => assert.deepEqual(r.rows[0], { t: 'q', u: n })),
      )
    }
    await Promise.all(work)
    await a.query('DISCARD ALL') // throws away the session's statements: the other client must not notice
    const again = await b.query({ name: 'same', text: lengthText, values: [large, 'z'] })
    assert.equal(again.rows[0].w, 'z')
    await assert.rejects(b.query({ name: 'bad', text: 'SELECT nothing FROM nowhere' }), { code: '42P01' })
    assert.equal((await b.query({ name: 'bad', text: 'SELECT 7 AS v' })).rows[0].v, 7)
  })

  test('DB-4 a connection owns the backend until its transaction ends, and nobody reads half of it', async () => {
    await a.query('CREATE TABLE owned (n int)')
    await a.query('BEGIN')
    await a.query('INSERT INTO owned VALUES (1)')
    const order: string[] = []
    const reading = b.query('SELECT count(*)::int AS n FROM owned').then(r => {
      order.push('read')
      return r.rows[0].n
    })
    await a.query('INSERT INTO owned VALUES (2)')
    order.push('commit')
    await a.query('COMMIT')
    assert.equal(await reading, 2)
    assert.deepEqual(order, ['commit', 'read'])
  })

  test('DB-5 a client that leaves inside a transaction is rolled back and its statements are gone', async () => {
    await a.query('CREATE TABLE gone (n int)')
    const leaving = await connectEmbedded(embedded)
    await leaving.query({ name: 'kept', text: 'SELECT 1' })
    await leaving.query('BEGIN')
    await leaving.query('INSERT INTO gone VALUES (1)')
    ;(leaving as unknown as { connection: { stream: net.Socket } }).connection.stream.destroy()
    const { rows } = await b.query('SELECT count(*)::int AS n FROM gone')
    assert.equal(rows[0].n, 0)
    const left = await b.query('SELECT count(*)::int AS n FROM pg_prepared_statements')
    assert.equal(left.rows[0].n, 0)
  })

  test('DB-6 an idle owner of a transaction is thrown out with 25P03 and the others go on', async () => {
    await a.query('CREATE TABLE idle (n int)')
    await a.query('BEGIN')
    await a.query('INSERT INTO idle VALUES (1)')
    const lost = once(a, 'error') as Promise<[Error & { code?: string }]>
    const { rows } = await b.query('SELECT count(*)::int AS n FROM idle')
    assert.equal(rows[0].n, 0)
    const [error] = await lost
    assert.equal(error.code, '25P03')
    assert.equal(isDatabaseAway(error), true)
  })

  test('DB-7 psql works, and neither it nor an ordinary pg_dump takes the search path from the product', async () => {
    await a.query('CREATE TABLE pathed (n int)')
    await a.query('INSERT INTO pathed VALUES (1)')
    const seen = await runTool(embedded, 'psql', ['-Atc', 'SELECT count(*) FROM pathed', '-c', '\\dt pathed'])
    assert.equal(seen.code, 0, seen.output)
    assert.match(seen.output, /^1\n/)
    assert.match(seen.output, /pathed/)
    // pg_dump 15 first empties the session's search_path, then finds a server newer than itself and leaves.
    const dumped = await runTool(embedded, 'pg_dump', ['-s'])
    assert.match(dumped.output, /server version mismatch/)
    const set = await runTool(embedded, 'psql', ['-Atc', `SELECT set_config('search_path', '', false)`])
    assert.equal(set.code, 0, set.output)
    for (const client of [a, b, await connectEmbedded(embedded)]) {
      assert.equal((await client.query('SELECT n FROM pathed')).rows[0].n, 1)
      assert.equal((await client.query('SHOW search_path')).rows[0].search_path, '"$user", public')
      if (client !== a && client !== b) await client.end()
    }
    await b.query(`SET statement_timeout = 5; SET TimeZone = 'Asia/Shanghai'; SET ROLE pg_monitor`)
    const own = await a.query(`SELECT current_setting('statement_timeout') AS s, current_setting('TimeZone') AS z,
      current_user AS u`)
    assert.deepEqual(own.rows[0], { s: '0', z: 'UTC', u: 'postgres' })
  })

  test('DB-8 COPY in and out, its errors, and refusals that leave the connection usable', async () => {
    await a.query('CREATE TABLE copied (n int, t text)')
    const rows = Array.from({ length: 20_000 }, (_, n) => `${n}\ttext ${n}`).join('\n')
    const into = await runTool(embedded, 'psql', ['-c', 'COPY copied FROM STDIN'], `${rows}\n\\.\n`)
    assert.match(into.output, /COPY 20000/)
    const out = await runTool(embedded, 'psql', ['-Atc', 'COPY (SELECT * FROM copied ORDER BY n) TO STDOUT'])
    assert.equal(out.output.trimEnd(), rows)
    const wrong = await runTool(embedded, 'psql', ['-c', 'COPY copied FROM STDIN'], 'not a number\tx\n\\.\n')
    assert.match(wrong.output, /invalid input syntax/)
    const missing = await runTool(embedded, 'psql', ['-c', 'COPY nowhere FROM STDIN'], '1\n\\.\n')
    assert.match(missing.output, /does not exist/)
    await assert.rejects(a.query('SELECT 1; COPY copied FROM STDIN'), { code: '57014' })
    await assert.rejects(a.query({ text: 'COPY copied FROM STDIN', values: [], name: 'copying' }), { code: '57014' })
    const long = `1\t${'x'.repeat(1_000_000)}\n`.repeat(Math.ceil(unitBytesMax / 1_000_000))
    const over = await runTool(embedded, 'psql', ['-v', 'VERBOSITY=verbose', '-c', 'COPY copied FROM STDIN'], long)
    assert.match(over.output, /54000/)
    assert.equal((await a.query('SELECT count(*)::int AS n FROM copied')).rows[0].n, 20_000)
  })

  test('DB-9 notifications reach the clients that listen, and only those', async () => {
    const heard: string[] = []
    a.on('notification', message => heard.push(`a:${message.channel}:${message.payload}`))
    b.on('notification', message => heard.push(`b:${message.channel}:${message.payload}`))
    await a.query('LISTEN first')
    await b.query('LISTEN "Second"')
    await b.query(`NOTIFY first, 'one'`)
    await a.query(`SELECT pg_notify('Second', 'two')`)
    await waitUntil(() => heard.length === 2, 'two notifications')
    assert.deepEqual(heard, ['a:first:one', 'b:Second:two'])
    await b.query('UNLISTEN *') // one session: this silenced everybody until the server listened again
    await b.query(`NOTIFY first, 'three'`)
    await b.query(`NOTIFY "Second", 'four'`)
    await waitUntil(() => heard.length === 3, 'the third notification')
    assert.deepEqual(heard[2], 'a:first:three')
  })

  test('DB-10 the loopback port asks for the password, the handshake says no to SSL, cancel is ignored', async () => {
    const password = readFileSync(join(embedded.directory, 'password'), 'utf8').trim()
    const tcp = { host: '127.0.0.1', port: embedded.port!, user: 'postgres', database: 'template1' }
    const right = new pg.Client({ ...tcp, password })
    await right.connect()
    assert.equal((await right.query('SELECT 5 AS v')).rows[0].v, 5)
    await right.end()
    await assert.rejects(new pg.Client({ ...tcp, password: 'wrong' }).connect(), { code: '28P01' })
    await assert.rejects(
      new pg.Client({ host: embedded.host, port: SOCKET_PORT, user: 'postgres', database: 'other' }).connect(),
      { code: '3D000' },
    )
    const ssl = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
    assert.equal((await speakRaw(embedded.host, ssl)).toString(), 'N')
    const cancel = Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 1])
    assert.equal((await speakRaw(embedded.host, cancel)).length, 0)
    const nonsense = await speakRaw(embedded.host, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    assert.match(nonsense.toString('latin1'), /08P01/)
    assert.equal((await a.query('SELECT 6 AS v')).rows[0].v, 6)
  })

  test('DB-11 clients and waiting work are bounded and refused with 53300', async () => {
    const clients: pg.Client[] = []
    await assert.rejects(
      async () => {
        for (let n = 0; n <= connectionsMax; n++) clients.push(await connectEmbedded(embedded))
      },
      { code: '53300' },
    )
    assert.ok(clients.length >= connectionsMax - 4, 'two of ours and the watchdog have places, too')
    await clients[0]!.query('BEGIN')
    const outcomes = await Promise.all([
      ...clients.slice(1).map(client =>
        client.query('SELECT 1').then(
          () => 'done',
          error => error.code as string,
        ),
      ),
      new Promise(resolve => setTimeout(resolve, 200)).then(() => clients[0]!.query('COMMIT')).then(() => 'done'),
    ])
    const refused = outcomes.filter(outcome => outcome === '53300').length
    assert.ok(refused >= clients.length - 1 - waitingMax, `${refused} of ${clients.length} were refused`)
    assert.equal(outcomes.filter(outcome => outcome === 'done').length, outcomes.length - refused)
    assert.equal((await clients.at(-1)!.query('SELECT 9 AS v')).rows[0].v, 9)
    await Promise.all(clients.map(client => client.end()))
  })

  test('DB-12 a second owner of the directory is refused with the pid of the first, which goes on', async () => {
    await assert.rejects(startEmbedded({ directory: embedded.directory }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DATABASE_OWNED')
      assert.match(error.message, new RegExp(`process ${embedded.pid()};`))
      return true
    })
    assert.equal((await a.query('SELECT 8 AS v')).rows[0].v, 8)
  })

  test('DB-13 the process has no environment of ours and may not read outside its directory', async () => {
    const environment = readFileSync(`/proc/${embedded.pid()}/environ`, 'latin1').split('\0').filter(Boolean)
    const names = environment.map(line => line.split('=')[0]).sort()
    assert.deepEqual(names, ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'TZ'])
    const flags = readFileSync(`/proc/${embedded.pid()}/cmdline`, 'latin1').split('\0')
    assert.ok(flags.includes('--permission'))
    assert.ok(!flags.some(flag => /^--allow-(child|worker|addons|wasi)/.test(flag)))
    assert.ok(!flags.some(flag => flag.startsWith('--allow-fs') && flag.endsWith('=*')))
  })
})

describe('hostile bytes', () => {
  let embedded: Awaited<ReturnType<typeof startEmbeddedForTest>>
  before(async () => {
    embedded = await startEmbeddedForTest({ idleInTransactionMs: 200 })
  })
  after(() => embedded.remove())

  const text = fc.constantFrom(
    'SELECT 1',
    'BEGIN',
    'COPY pg_class TO STDOUT',
    'COPY nowhere FROM STDIN',
    'LISTEN a',
    'DISCARD ALL',
    'DECLARE c CURSOR FOR SELECT 1',
    'SET search_path TO pg_catalog',
    '',
  )
  const name = fc.constantFrom('', 'a', 'S', 'P', 'Sa')
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
    text.map(sql => Buffer.from(`${sql}\0`)),
    fc
      .tuple(name, text, fc.nat(8))
      .map(([n, sql, zeros]) => Buffer.concat([Buffer.from(`${n}\0${sql}\0`), Buffer.alloc(zeros)])),
  )
  const message = fc
    .tuple(fc.constantFrom(...'QPBDECSHFdcfpXZz'), body)
    .map(([letter, bytes]) => buildMessage(letter, bytes))
  const said = Buffer.from('user\0postgres\0database\0template1\0\0')
  const startup = Buffer.concat([Buffer.from([0, 0, 0, said.length + 8, 0, 3, 0, 0]), said])

  test('DB-34 no bytes of a client end the process or reach into another client', async () => {
    const first = embedded.pid()
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 12 }), fc.boolean(), async (messages, ends) => {
        const socket = net.connect(join(embedded.host, `.s.PGSQL.${SOCKET_PORT}`))
        socket.on('error', () => {})
        socket.resume()
        socket.write(Buffer.concat([startup, ...messages]))
        if (ends) socket.end()
        setTimeout(() => socket.destroy(), 30)
        await once(socket, 'close')
        const other = await connectEmbedded(embedded)
        const { rows } = await other.query({
          name: 'a',
          text: `SELECT current_setting('search_path') AS path, $1::int AS v`,
          values: [7],
        })
        await other.end()
        assert.deepEqual(rows, [{ path: '"$user", public', v: 7 }])
        assert.equal(embedded.pid(), first)
      }),
      { numRuns: 80 },
    )
    assert.equal(embedded.restarts(), 0)
  })
})

describe('one owner', () => {
  const directory = makeDirectory('owner')
  const file = join(directory, 'owner.json')
  after(() => rmSync(directory, { recursive: true }))
  const take = () => {
    const taken = takeOwnership(directory)
    return 'release' in taken ? taken : assert.fail(`held by ${JSON.stringify(taken.heldBy)}`)
  }

  test('DB-18 a directory is held while its owner lives, and a second taker is told the name', () => {
    const lock = take()
    const second = takeOwnership(directory)
    assert.ok('heldBy' in second)
    assert.equal(second.heldBy?.pid, process.pid)
    lock.release()
    take().release()
    assert.equal(existsSync(file), false)
  })

  test('DB-19 a dead owner, a reused pid, another boot and a torn file are taken over; a live name never is', async () => {
    const lock = take()
    const self = findOwner(directory)!
    lock.release()
    const sleeper = spawn('sleep', ['60'])
    await once(sleeper, 'spawn')
    const fields = readFileSync(`/proc/${sleeper.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    const alive = { ...self, pid: sleeper.pid!, startedAtTicks: fields[19]! }
    const stale = [
      { ...alive, startedAtTicks: '1' }, // the pid was given to another process since
      { ...alive, bootId: 'another boot' },
      { ...self, pid: 2 ** 22 + 1 }, // above the kernel's largest pid
    ]
    for (const owner of stale) {
      writeFileSync(file, JSON.stringify(owner))
      take().release()
    }
    writeFileSync(file, '{"pid":')
    take().release()
    writeFileSync(file, JSON.stringify(alive))
    assert.deepEqual(takeOwnership(directory), { heldBy: alive })
    sleeper.kill('SIGKILL')
    await once(sleeper, 'close')
    take().release()
  })
})

// One directory for all, in this order: each test finds what the crash before it left.
describe('crashes', () => {
  const directory = makeDirectory('crash')
  after(() => rmSync(directory, { recursive: true, force: true }))

  test('DB-14 kill -9 during commits loses no acknowledged row, and the pool finds the new process', async t => {
    const states: string[] = []
    const database = await openDatabase({ directory, onState: state => states.push(state) })
    t.after(() => database.close())
    await database.pool.query('CREATE TABLE acked (n int PRIMARY KEY)')
    const acked: number[] = []
    let serial = 0
    for (let round = 0; round < killRounds; round++) {
      const before = acked.length
      let isKilled = false
      const writing = (async () => {
        while (!isKilled) {
          const from = serial
          serial += 20
          try {
            await transaction(database, client =>
              client.query('INSERT INTO acked SELECT generate_series($1::int, $2::int)', [from, from + 19]),
            )
            for (let n = from; n < from + 20; n++) acked.push(n)
          } catch (error) {
            assert.ok(isDatabaseAway(error), String(error))
          }
        }
      })()
      await waitUntil(() => acked.length - before >= 200 * (round + 1), 'acknowledged rows')
      process.kill(database.embedded!.pid()!, 'SIGKILL')
      isKilled = true
      await writing
      await waitUntil(() => states.filter(state => state === 'ready').length === round + 2, 'the next process')
      const { rows } = await database.pool.query<{ n: number }>('SELECT n FROM acked')
      const stored = new Set(rows.map(row => row.n))
      assert.deepEqual(
        acked.filter(n => !stored.has(n)),
        [],
      )
    }
    assert.equal(database.embedded!.restarts(), killRounds)
  })

  test('DB-15 the watchdog replaces a process that hangs', async t => {
    const states: string[] = []
    const embedded = await startEmbedded({
      directory,
      hangMaxMs: 1_500,
      pingEveryMs: 200,
      onState: state => states.push(state),
    })
    t.after(() => embedded.stop())
    const first = embedded.pid()!
    const client = await connectEmbedded(embedded)
    await client.query('CREATE TABLE survivor (n int)')
    const stuck = client.query('DO $$ BEGIN LOOP END LOOP; END $$')
    await assert.rejects(stuck, error => isDatabaseAway(error))
    await waitUntil(() => embedded.restarts() === 1 && states.at(-1) === 'ready', 'the next process')
    assert.notEqual(embedded.pid(), first)
    const again = await connectEmbedded(embedded)
    assert.equal((await again.query('SELECT count(*)::int AS n FROM survivor')).rows[0].n, 0)
    await again.end()

    // A clean stop leaves nothing to recover and no name of an owner.
    await embedded.stop()
    assert.equal(embedded.pid(), undefined)
    assert.equal(existsSync(join(embedded.directory, 'owner.json')), false)
  })

  test('DB-16 when the server is killed its database stops by itself, cleanly, and the directory comes free', async t => {
    const start = fileURLToPath(new URL('../help/start-embedded.ts', import.meta.url))
    const server = spawn(process.execPath, [start, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const { pid, host } = JSON.parse(line.toString()) as { pid: number; host: string }
    server.kill('SIGKILL')
    const embedded = await startEmbedded({ directory }) // waits for the orphan's checkpoint instead of refusing
    t.after(() => embedded.stop())
    assert.notEqual(embedded.pid(), pid)
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'latin1') : ') gone'
    assert.equal(existsSync(host), false)
    assert.match(stat, /\) (Z|gone)/) // ended; a zombie only waits to be counted by pid 1
    const client = await connectEmbedded(embedded)
    assert.equal((await client.query('SELECT count(*)::int AS n FROM orphaned')).rows[0].n, 1)
    await client.end()
  })

  test('DB-32 of two servers that start at once on what a crash left, exactly one gets the directory', async () => {
    writeFileSync(join(directory, 'owner.json'), '{"pid":')
    const starts = await Promise.allSettled([startEmbedded({ directory }), startEmbedded({ directory })])
    const started = starts.filter(start => start.status === 'fulfilled')
    assert.equal(started.length, 1)
    await started[0]!.value.stop()
    const refused = starts.find(start => start.status === 'rejected')
    assert.equal(refused?.reason.code, 'DATABASE_OWNED')
  })

  test('DB-17 a broken directory is a fault with a text, not a hang; half a first start is begun again', async t => {
    rmSync(join(directory, 'postgres', 'global'), { recursive: true })
    await assert.rejects(startEmbedded({ directory }), { code: 'DATABASE_START_FAILED' })
    // The same ruin with the mark of a first start that never ended held nothing yet, and is made again.
    writeFileSync(join(directory, 'creating'), '')
    const embedded = await startEmbedded({ directory })
    t.after(() => embedded.stop())
    const client = await connectEmbedded(embedded)
    assert.equal((await client.query(`SELECT to_regclass('acked') AS old`)).rows[0].old, null)
    await client.end()
    assert.equal(existsSync(join(directory, 'creating')), false)
  })
})

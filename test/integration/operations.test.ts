/**
 * Operations on whole servers: health, restart, checkpoints, retention, compression, poison, audit, backup and restore, and a
 * database that goes away under load. After each the world is the same, nothing acknowledged is lost, and the chain verifies.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Entry } from '#contract/entry.ts'
import type { EntryOutcome } from '#contract/wire.ts'
import { migrate } from '../../server/database/migrate.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { poisonPerHourMax, rebuildWorld, storeUndecided } from '../../server/log/boot.ts'
import { canonicaliseEntry } from '../../server/log/chain.ts'
import { hashWorld } from '../../server/log/checkpoint.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { startWriter } from '../../server/log/writer.ts'
import { verifyLog } from '../../server/operations/audit.ts'
import { parseAnchors } from '../../server/operations/audit-verify.ts'
import { compressOld, cutOld } from '../../server/operations/jobs.ts'
import { findCutSeq } from '../../server/operations/sql.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched } from '../../server/state/world.ts'
import { type CityServer, centre, south, startCity, submission, until } from '../help/city-server.ts'
import { bootLine, createHandClock, makeCity, makeEntry, makeUuid } from '../help/line.ts'
import { postgresFolder, startPostgres } from '../help/postgres.ts'

const root = resolve(import.meta.dirname, '../..')
const dayMs = 86_400_000
let database: Awaited<ReturnType<typeof startPostgres>>
const homes: string[] = []
const servers: CityServer[] = []
/** Starts a server that ends with the file at the latest. */
async function start(options?: Parameters<typeof startCity>[0]): Promise<CityServer> {
  const server = await startCity(options)
  servers.push(server)
  return server
}
before(async () => {
  database = await startPostgres()
})
after(async () => {
  for (const server of servers) await server.stop()
  await database.stop()
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

function makeHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'vigil-operations-'))
  homes.push(home)
  return home
}
async function makeDatabase(name: string): Promise<string> {
  const admin = await openDatabase({ databaseUrl: database.url, directory: '' })
  await admin.pool.query(`CREATE DATABASE ${name}`)
  await admin.close()
  return database.url.replace('/postgres?', `/${name}?`)
}
/** Runs one of the product's commands; its code and what it printed. */
function run(file: string, args: string[], env: Record<string, string> = {}): Promise<{ code: number; text: string }> {
  return new Promise(done =>
    execFile(
      process.execPath,
      [join(root, file), ...args],
      { cwd: root, env: { PATH: process.env.PATH ?? '', ...env } },
      (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, text: stdout + stderr }),
    ),
  )
}
const fixes = (from: number, n: number, epoch = 'ops') =>
  Array.from({ length: n }, (_, i) => ({
    kind: 'unit.position',
    epoch,
    seq: from + i,
    occurredAt: Date.now(),
    body: { unitId: `U${1 + (i % 3)}`, lon: 120.7 + i / 1e5, lat: 30.7 },
  }))
async function sayAll(server: CityServer, entries: readonly unknown[]): Promise<void> {
  const { body } = await server.post(entries)
  assert.deepEqual(body.outcomes.filter(o => o.result !== 'done').slice(0, 3), [])
}

test('OPS-1 health, readiness and figures; a graceful stop; a restart rebuilds the same world, also from its checkpoint', async () => {
  const url = await makeDatabase('restart')
  const server = await start({ databaseUrl: url })
  const { directory } = server
  homes.push(directory)
  await sayAll(server, fixes(1, 500))
  await server.say(await server.as('dispatcher'), 'incident.opened', {
    incidentId: 'I1',
    level: 2,
    regionCode: south,
    ...centre,
  })
  assert.deepEqual((await server.ask('GET', '/healthz')).body, { alive: true })
  const ready = (await server.ask('GET', '/readyz')).body
  assert.deepEqual([ready.ready, ready.database, ready.clock, ready.pager], [true, 'ready', 'wall', 'dry'])
  assert.ok(Number(ready.logSeq) >= 500 && Number(ready.lag) >= 0)
  const { text } = await server.ask('GET', '/metrics')
  for (const name of [
    'vigil_log_seq',
    'vigil_log_lag',
    'vigil_lane_waiting',
    'vigil_entries_total',
    'vigil_clients',
    'vigil_tick_age_ms',
  ])
    assert.match(text, new RegExp(`^${name}(\\{[^}]*\\})? \\d`, 'm'), name)
  const made = (await server.makeCheckpoint()) as { seq: number }
  assert.ok(made.seq >= 500, JSON.stringify(made))
  await sayAll(server, fixes(501, 300))
  await server.stop()
  await assert.rejects(fetch(`${server.url}/healthz`))
  const live = hashWorld(server.world)
  const opened = await openDatabase({ databaseUrl: url, directory: '' })
  const log = await openPostgresLog(opened.pool)
  const [fromCheckpoint, fromFirst] = [await rebuildWorld(log, advance), await rebuildWorld(log, advance, true)]
  assert.ok(fromCheckpoint.fromCheckpointSeq === made.seq && fromCheckpoint.replayed < fromFirst.replayed)
  assert.equal(hashWorld(fromCheckpoint.world), live)
  assert.equal(hashWorld(fromFirst.world), live)
  await opened.close()
  const again = await start({ databaseUrl: url, directory })
  assert.equal(again.log.incarnation, server.log.incarnation)
  assert.ok(again.world.incidents.has('I1') && again.world.units.get('U1')!.fixAt)
  const { anchors } = parseAnchors(readFileSync(join(directory, 'anchors.jsonl'), 'utf8'))
  assert.equal(anchors.length, 1, 'an anchor stands beside the database')
  await again.stop()
})

for (const kind of ['native', 'embedded'] as const)
  describe(`retention on ${kind}`, () => {
    test(`OPS-2 old positions are compressed and cut; an era begins; boot, replay and audit need nothing of what is gone (${kind})`, async () => {
      const home = makeHome()
      const url = kind === 'native' ? await makeDatabase('retention') : undefined
      // The embedded database's key is made by the server itself.
      if (url) writeFileSync(join(home, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 })
      const place = url ? { databaseUrl: url, directory: '' } : { directory: join(home, 'database') }
      const opened = await openDatabase(place)
      await migrate(opened)
      const beganAt = Date.now() - 45 * dayMs
      const clock = createHandClock(beganAt)
      const line = await bootLine(await openPostgresLog(opened.pool), clock)
      await line.writer.submit(makeCity(3, beganAt))
      for (let day = 0; day < 40; day++) {
        clock.turn(dayMs)
        const told = await line.writer.submit([
          ...Array.from({ length: 20 }, (_, n) =>
            makeEntry(
              'unit.position',
              'gw',
              { epoch: 'e', sourceSeq: day * 20 + n + 1 },
              { unitId: `U${1 + (n % 3)}`, lon: 120 + n / 100, lat: 30 },
              clock.now(),
            ),
          ),
          makeEntry(
            'unit.vitals',
            'gw',
            { epoch: 'v', sourceSeq: day + 1 },
            { unitId: 'U1', hrPerMin: 60 + day },
            clock.now(),
          ),
          makeEntry(
            'clock.ticked',
            'server',
            { epoch: 't', sourceSeq: day + 1 },
            { gapMs: 1_000, boundary: 'none' },
            clock.now(),
          ),
        ])
        assert.ok(told.every(t => t.result === 'done'))
      }
      await line.writer.stop()
      await opened.close()

      const server = await start({ ...(url ? { databaseUrl: url } : {}), directory: home })
      const { pool, timescale } = server.database
      assert.equal(timescale, kind === 'embedded')
      const read = async () => {
        const lines: string[] = []
        for (let after = 0; ; ) {
          const page = await server.log.list(after)
          if (page.length === 0 || after > 900) return lines
          for (const { entry } of page) if (entry.seq <= 880) lines.push(canonicaliseEntry(entry))
          after = page.at(-1)!.entry.seq
        }
      }
      const ports = {
        pool,
        timescale,
        cityNow: Date.now,
        retentionDays: 30,
        log: server.log,
        makeCheckpoint: server.makeCheckpoint,
      }
      if (timescale) {
        const before = await read()
        let compressed = 0
        for (let n = await compressOld(ports); n > 0; n = await compressOld(ports)) compressed += n
        assert.ok(compressed > 20, `${compressed} chunks compressed`)
        assert.deepEqual(await read(), before, 'compressed rows read back as they were')
        assert.deepEqual((await verifyLog(server.log)).findings, [])
        const again = await server.post([])
        assert.equal(again.status, 400)
      }
      const eraBefore = await server.log.findEra()
      let cut = 0
      for (let n = await cutOld(ports); n > 0; n = await cutOld(ports)) cut += n
      assert.ok(cut > 0)
      const era = await server.log.findEra()
      assert.equal(era!.eraNo, eraBefore!.eraNo + 1)
      assert.match(era!.reason, /^retention 30/)
      assert.equal(await cutOld(ports), 0, 'twice is once')
      assert.equal((await server.log.findEra())!.eraNo, era!.eraNo)
      const oldest = Number((await pool.query('SELECT min(logged_at) AS at FROM position')).rows[0].at)
      assert.ok(
        oldest >= Date.now() - 31 * dayMs && oldest < Date.now() - 20 * dayMs,
        `oldest is ${(Date.now() - oldest) / dayMs} days old`,
      )
      // The world still counts what retention took: an old fix offered again changes nothing.
      await server.stop()
      const live = hashWorld(server.world)
      const reopened = await openDatabase(place)
      const log = await openPostgresLog(reopened.pool)
      const rebuilt = await rebuildWorld(log, advance)
      assert.equal(hashWorld(rebuilt.world), live)
      assert.ok(rebuilt.fromCheckpointSeq >= era!.openingSeq)
      const blind = await verifyLog(log)
      assert.ok(blind.findings.length > 0, 'without the cut the gap shows')
      const audit = await verifyLog(log, [], await findCutSeq(reopened.pool))
      assert.deepEqual(audit.findings, [])
      assert.ok(audit.expired > 0)
      await reopened.close()
      const booted = await start({ ...(url ? { databaseUrl: url } : {}), directory: home })
      assert.equal(booted.world.units.get('U1')!.lon, line.world.units.get('U1')!.lon)
      await booted.stop()
    })
  })

test('OPS-3 a poison entry is set aside, its sender is told QUARANTINED for ever, and nothing else is lost', async () => {
  const log = createMemoryLog()
  const clock = createHandClock()
  const line = await bootLine(log, clock)
  const card = (n: number, how: { uuid?: string; seq?: number }) =>
    makeEntry(
      'report.received',
      's',
      how.uuid ? { uuid: how.uuid } : { epoch: 'e', sourceSeq: how.seq! },
      {
        cardId: `K${n}`,
        diseaseId: 'flu',
        caseClass: 'clinical',
        regionCode: '330402',
        facilityId: 'F1',
        diagnosedAt: clock.now(),
      },
      clock.now(),
    )
  await line.writer.submit([
    ...makeCity(2),
    card(1, { seq: 1 }),
    card(2, { seq: 2 }),
    card(3, { uuid: makeUuid(777) }),
    card(4, { seq: 4 }),
  ])
  await line.writer.stop()
  const poisoned = new Set(['K2', 'K3'])
  /** A core with a bug: some cards throw. */
  const throwing: typeof advance = (world, entry, touched, stored) => {
    if (entry.kind === 'report.received' && poisoned.has(entry.body.cardId)) throw new Error('planted')
    return advance(world, entry, touched, stored)
  }
  const rebuilt = await rebuildWorld(log, throwing)
  assert.deepEqual(
    rebuilt.quarantined.map(q => q.kind),
    ['report.received', 'report.received'],
  )
  assert.deepEqual([...rebuilt.world.cards.keys()], ['K1', 'K4'])
  const fatal: Error[] = []
  const writer = startWriter(
    {
      log,
      world: rebuilt.world,
      touched: createTouched(),
      advance: throwing,
      clock,
      isAway: () => false,
      isDataFault: () => false,
      onApplied: () => undefined,
      onFatal: error => fatal.push(error),
    },
    await storeUndecided(log, await log.getHead(), rebuilt.undecided),
  )
  const told = await writer.submit([card(2, { seq: 2 }), card(3, { uuid: makeUuid(777) }), card(5, { seq: 5 })])
  assert.deepEqual(
    told.map(t => t.reject?.code ?? t.result),
    ['QUARANTINED', 'QUARANTINED', 'done'],
  )
  await writer.stop()
  assert.deepEqual(fatal, [])
  const again = await rebuildWorld(log, throwing)
  assert.equal(hashWorld(again.world), hashWorld(rebuilt.world))
  assert.deepEqual(again.quarantined, [], 'set aside once')
  assert.deepEqual((await verifyLog(log)).findings, [])
  // More than a few in an hour is no poison but a broken core: stay down.
  for (const n of [1, 4, 5]) poisoned.add(`K${n}`)
  await assert.rejects(rebuildWorld(log, throwing), /staying down/)
  assert.equal((await log.listQuarantined()).length, poisonPerHourMax)
})

test('OPS-4 a row broken in the database: the server quarantines it at boot and says so, the audit finds it, and above three it stays down', async () => {
  const url = await makeDatabase('poison')
  const server = await start({ databaseUrl: url })
  const { directory } = server
  homes.push(directory)
  const seqs: number[] = []
  for (let n = 0; n < 5; n++) {
    const told = await server.say(server.device, 'count.reported', {
      sourceKind: 'pharmacy',
      facilityId: 'F1',
      syndrome: 'other',
      regionCode: south,
      period: `2026-10-0${n + 1}`,
      count: n,
    })
    seqs.push(told.seq!)
  }
  await server.stop()
  const breakRow = async (seq: number) => {
    const opened = await openDatabase({ databaseUrl: url, directory: '' })
    await opened.pool.query(`UPDATE entry SET body = body - 'period' WHERE seq = $1`, [seq])
    await opened.close()
  }
  await breakRow(seqs[1]!)
  const hurt = await start({ databaseUrl: url, directory })
  assert.equal(hurt.world.city.quarantined, 1)
  const desk = await hurt.open(await hurt.as('administrator'))
  assert.equal(desk.snapshots[0]!.world.city.quarantined, 1, 'every console is told')
  desk.socket.disconnect()
  assert.match((await hurt.ask('GET', '/metrics')).text, /^vigil_quarantined_total 1$/m)
  const values = hurt.world.series.get(`day|pharmacy|other|${south}`)!.values
  assert.deepEqual(values, [0, null, 2, 3, 4])
  await sayAll(hurt, fixes(1, 10))
  await hurt.stop()
  const found = await run('server/operations/audit-verify.ts', [], {
    DATABASE_URL: url,
    VIGIL_DATA: directory,
    VIGIL_MASTER_KEY_FILE: join(directory, 'master.key'),
  })
  assert.equal(found.code, 1, found.text)
  assert.match(found.text, /^edited: commit \d+/m)
  assert.match(found.text, /findings=1 /)
  for (const seq of [seqs[0]!, seqs[2]!, seqs[3]!]) await breakRow(seq)
  await assert.rejects(start({ databaseUrl: url, directory }), /staying down/)
})

test('OPS-5 audit:verify, backup and restore as commands: clean, truncated by anchor, restored elsewhere with the same world', async () => {
  const server = await start()
  const { directory } = server
  homes.push(directory)
  await sayAll(server, fixes(1, 200))
  const callId = randomUUID()
  await server.say(server.device, 'call.received', { callId, regionCode: south, callerName: '测试某人' })
  await server.stop()
  const live = hashWorld(server.world)
  const clean = await run('server/operations/audit-verify.ts', [], { VIGIL_DATA: directory })
  assert.equal(clean.code, 0, clean.text)
  assert.match(clean.text, /^audit: commits=\d+ entries=\d+ expired=0 anchors=1 findings=0 /m)
  const nothing = await run('server/operations/audit-verify.ts', [], { VIGIL_DATA: makeHome() })
  assert.equal(nothing.code, 2, nothing.text)
  assert.match(nothing.text, /there is no database/)

  const file = join(makeHome(), 'backup.tgz')
  const saved = await run('server/operations/backup.ts', ['--out', file], { VIGIL_DATA: directory })
  assert.equal(saved.code, 0, saved.text)
  assert.ok(!existsSync(join(directory, 'postgres')), 'no database was made beside the real one')
  const elsewhere = join(makeHome(), 'data')
  const restored = await run('server/operations/restore.ts', [
    '--from',
    file,
    '--directory',
    join(elsewhere, 'database'),
  ])
  assert.equal(restored.code, 0, restored.text)
  const refused = await run('server/operations/restore.ts', [
    '--from',
    file,
    '--directory',
    join(elsewhere, 'database'),
  ])
  assert.notEqual(refused.code, 0)
  assert.match(refused.text, /must be empty/)

  const opened = await openDatabase({ directory: join(elsewhere, 'database') })
  const log = await openPostgresLog(opened.pool)
  assert.notEqual(log.incarnation, server.log.incarnation)
  assert.equal(hashWorld((await rebuildWorld(log, advance)).world), live)
  assert.deepEqual((await verifyLog(log)).findings, [])
  await opened.close()
  copyFileSync(join(directory, 'master.key'), join(elsewhere, 'master.key'))
  const second = await start({ directory: elsewhere })
  const person = await second.ask('GET', `/v1/persons/call/${callId}`, await second.as('dispatcher'))
  assert.deepEqual(person.body.fields, { callerName: '测试某人' })
  const answer = await second.post(fixes(1, 3))
  assert.notEqual(answer.body.incarnation, server.log.incarnation)
  await second.stop()

  // Somebody cuts the tail and leaves no trace in the database: the anchor beside it tells.
  const cut = await openDatabase({ directory: join(directory, 'database') })
  await cut.pool.query(
    `DELETE FROM position WHERE seq >= (SELECT first_seq FROM log_commit ORDER BY commit_no DESC LIMIT 1)`,
  )
  await cut.pool.query(
    `DELETE FROM tick WHERE seq >= (SELECT first_seq FROM log_commit ORDER BY commit_no DESC LIMIT 1)`,
  )
  await cut.pool.query(
    `DELETE FROM entry WHERE seq >= (SELECT first_seq FROM log_commit ORDER BY commit_no DESC LIMIT 1)`,
  )
  await cut.pool.query(`DELETE FROM outcome WHERE commit_no = (SELECT max(commit_no) FROM log_commit)`)
  await cut.pool.query(`DELETE FROM log_commit WHERE commit_no = (SELECT max(commit_no) FROM log_commit)`)
  assert.deepEqual((await verifyLog(await openPostgresLog(cut.pool))).findings, [], 'the rest looks whole')
  await cut.close()
  const truncated = await run('server/operations/audit-verify.ts', [], { VIGIL_DATA: directory })
  assert.equal(truncated.code, 1, truncated.text)
  assert.match(truncated.text, /^truncated: the log ends at commit \d+, an anchor names \d+/m)
})

// --- the database goes away under a running server

/** Processes of one PostgreSQL: the postmaster and its children. */
function listProcesses(directory: string): number[] {
  const postmaster = Number(readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[0])
  const children = readdirSync('/proc').filter(name => {
    if (!/^\d+$/.test(name)) return false
    try {
      return Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]) === postmaster
    } catch {
      return false
    }
  })
  return [postmaster, ...children.map(Number)]
}

test('OPS-6 the database is killed and comes back, then hangs and comes back: clicks are told DATABASE_AWAY, nothing acknowledged is lost', async t => {
  const own = await startPostgres()
  const base = dirname(own.directory)
  let second: ChildProcess | undefined
  let isFeeding = true
  const server = await start({ databaseUrl: own.url })
  homes.push(server.directory)
  try {
    const as = await server.as('dispatcher')
    const desk = await server.open(as)
    const acked = new Map<number, number>()
    const unsent = new Set<number>()
    let next = 0
    const send = async (seqs: readonly number[]) => {
      const entries = seqs.map(seq => ({ ...fixes(seq, 1, 'away')[0]!, occurredAt: 1_795_000_000_000 + seq }))
      const { body } = await server.post(entries).catch(() => ({ body: { outcomes: [] as EntryOutcome[] } }))
      for (const [i, o] of (body.outcomes ?? []).entries())
        if (o.result === 'done') {
          const before = acked.get(seqs[i]!)
          if (before !== undefined) assert.equal(o.seq, before)
          acked.set(seqs[i]!, o.seq!)
          unsent.delete(seqs[i]!)
        }
    }
    const feeding = (async () => {
      while (isFeeding) {
        const seqs = Array.from({ length: 20 }, () => ++next)
        for (const seq of seqs) unsent.add(seq)
        await send(seqs)
        await new Promise(done => setTimeout(done, 20))
      }
    })()
    const click = async () => {
      const startedAt = performance.now()
      const said = submission('incident.opened', {
        incidentId: randomUUID(),
        level: 2,
        regionCode: south,
        ...centre,
        note: '某某',
      })
      const overSocket = await desk.submit([said], 60_000)
      const other = submission('incident.opened', { ...(said.body as object), incidentId: randomUUID() })
      const overHttp = await server.ask('POST', '/v1/entries', as, { entries: [other] })
      const codes = [
        overSocket.outcomes?.[0]?.code ?? overSocket.code ?? 'done',
        String((overHttp.body.outcomes as EntryOutcome[] | undefined)?.[0]?.code ?? overHttp.body.code ?? 'done'),
      ]
      return { codes, status: overHttp.status, ms: performance.now() - startedAt }
    }
    await until('the feed runs', () => acked.size > 100)
    assert.deepEqual((await click()).codes, ['done', 'done'])

    for (const how of ['killed', 'hanging'] as const) {
      const pids = listProcesses(own.directory)
      if (how === 'killed') {
        for (const pid of pids) process.kill(pid, 'SIGKILL')
        await until('the processes are gone', () =>
          pids.every(
            pid =>
              !existsSync(`/proc/${pid}/status`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
          ),
        )
      } else for (const pid of pids) process.kill(pid, 'SIGSTOP')
      const away = await click()
      t.diagnostic(`${how}: two clicks answered after ${Math.round(away.ms)} ms`)
      assert.deepEqual(away.codes, ['DATABASE_AWAY', 'DATABASE_AWAY'], how)
      assert.equal(away.status, 503)
      assert.equal((await server.ask('GET', '/readyz')).status, 503)
      assert.equal((await server.ask('GET', '/healthz')).status, 200)
      assert.equal(desk.socket.connected, true, 'screens keep the last world')
      if (how === 'killed') {
        rmSync(join(own.directory, 'postmaster.pid'), { force: true })
        const { uid, gid } = statSync(own.directory)
        second = spawn(
          join(postgresFolder, 'postgres'),
          [
            '-D',
            own.directory,
            '-c',
            `unix_socket_directories=${base}`,
            '-c',
            'listen_addresses=',
            '-c',
            'timezone=UTC',
          ],
          {
            ...(process.getuid?.() === 0 ? { uid, gid } : {}),
            cwd: base,
            env: { LANG: 'C.UTF-8', PATH: process.env.PATH ?? '' },
            stdio: 'ignore',
          },
        )
      } else for (const pid of pids) process.kill(pid, 'SIGCONT')
      await until(
        `${how}: ready again by itself`,
        async () => (await server.ask('GET', '/readyz')).status === 200,
        90_000,
      )
      await until(
        `${how}: clicks go through again`,
        async () => (await click()).codes.every(code => code === 'done'),
        90_000,
      )
      const held = acked.size
      await until(`${how}: the feed goes on`, () => acked.size > held + 100)
    }
    isFeeding = false
    await feeding
    for (let n = 0; n < 20 && unsent.size > 0; n++)
      for (const page of [...unsent].length > 0 ? [[...unsent].slice(0, 1_000)] : []) await send(page)
    assert.equal(unsent.size, 0)
    desk.socket.disconnect()
    await server.stop()
    const opened = await openDatabase({ databaseUrl: own.url, directory: '' })
    const log = await openPostgresLog(opened.pool)
    assert.deepEqual((await verifyLog(log)).findings, [])
    const logged = new Map<number, number[]>()
    for (let after = 0; ; ) {
      const page = await log.list(after)
      if (page.length === 0) break
      for (const { entry } of page as { entry: Entry }[])
        if (entry.epoch === 'away') logged.set(entry.sourceSeq!, [...(logged.get(entry.sourceSeq!) ?? []), entry.seq])
      after = page.at(-1)!.entry.seq
    }
    for (const [sourceSeq, seq] of acked)
      assert.deepEqual(logged.get(sourceSeq), [seq], `entry ${sourceSeq} stands once, where it was told`)
    assert.equal(hashWorld((await rebuildWorld(log, advance, true)).world), hashWorld(server.world))
    await opened.close()
  } finally {
    isFeeding = false
    await server.stop().catch(() => undefined)
    if (second && second.exitCode === null) {
      const ended = new Promise(done => second!.once('close', done))
      second.kill('SIGINT')
      await ended
    }
    await own.stop()
  }
})

/**
 * Processes of one city: a line with a standby, a door in, a door out, over a real PostgreSQL and a real Redis. Lines are
 * processes of their own, so that they can be killed and hung; the doors run in this one.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { io } from 'socket.io-client'
import { loadConfig } from '../../server/config.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { rebuildWorld } from '../../server/log/boot.ts'
import { hashWorld } from '../../server/log/checkpoint.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { type Server, startFollowing } from '../../server/main.ts'
import { verifyLog } from '../../server/operations/audit.ts'
import { advance } from '../../server/pipeline.ts'
import { makeCity } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'
import { startRedis, type TestRedis } from '../help/redis.ts'

const root = resolve(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'vigil-roles-'))
const masterKeyFile = join(directory, 'master.key')
writeFileSync(masterKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
let postgres: Awaited<ReturnType<typeof startPostgres>>
let redis: TestRedis
const lines: LineProcess[] = []
const doors: Server[] = []

type LineProcess = { child: ChildProcess; said: () => string; isLeading: Promise<void>; ended: Promise<number | null> }

function describeRole(role: string, name: string): Record<string, string> {
  return {
    VIGIL_ROLE: role,
    VIGIL_DATA: join(directory, name),
    VIGIL_PORT: '0',
    VIGIL_LOG_LEVEL: 'error',
    VIGIL_MASTER_KEY_FILE: masterKeyFile,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
  }
}

/** Starts a line as a process; the first to come leads, the next stands by. */
function startLineProcess(name: string): LineProcess {
  const child = spawn(process.execPath, [join(root, 'server/main.ts')], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...describeRole('line', name) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let lead = () => {}
  const isLeading = new Promise<void>(done => {
    lead = done
  })
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('守望 Vigil')) lead()
    })
  const ended = new Promise<number | null>(done => child.once('exit', code => done(code)))
  const line = { child, said: () => text, isLeading, ended }
  lines.push(line)
  return line
}

async function waitFor(what: string, isSo: () => boolean | Promise<boolean>, maxMs = 60_000): Promise<void> {
  const until = performance.now() + maxMs
  while (!(await isSo())) {
    if (performance.now() > until)
      assert.fail(`${what}: waited too long\n${lines.map(line => line.said().slice(-600)).join('\n---\n')}`)
    await new Promise(done => setTimeout(done, 25))
  }
}

async function startDoor(role: 'intake' | 'fanout'): Promise<Server> {
  const door = await startFollowing(loadConfig(describeRole(role, role)), error => assert.fail(error))
  doors.push(door)
  return door
}

before(async () => {
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
})
after(async () => {
  for (const door of doors) await door.stop()
  for (const { child, ended } of lines) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
  }
  await redis.remove()
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
})

let token = ''
/** Offers entries at a door until each is acknowledged, by the keys they have: as a gateway's queue does. */
async function offer(door: Server, entries: readonly { seq?: number }[], acked: Map<number, number>): Promise<void> {
  await waitFor('acknowledgement', async () => {
    const open = entries.filter(entry => !acked.has(entry.seq!))
    if (open.length === 0) return true
    const answer = await fetch(`${door.url}/v1/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ entries: open }),
    })
    const { outcomes = [] } = (await answer.json()) as {
      outcomes?: { result: string; seq?: number; code?: string; index: number }[]
    }
    for (const outcome of outcomes) {
      if (outcome.result === 'done') acked.set(open[outcome.index]!.seq!, outcome.seq!)
      else assert.match(outcome.code!, /^(LINE_AWAY|DATABASE_AWAY|LANE_FULL|STOPPING)$/)
    }
    return false
  })
}

let sent = 0
const makeFixes = (count: number) =>
  Array.from({ length: count }, () => ({
    kind: 'unit.position',
    epoch: 'e1',
    seq: ++sent,
    occurredAt: Date.now(),
    body: { unitId: 'U1', lon: 120 + (sent % 1_000) / 1_000, lat: 30 },
  }))

/** The city's database, for looking. */
const openReader = () => openDatabase({ databaseUrl: postgres.url, directory })

/** What the log says of every acknowledged entry, and that it holds together: nothing lost, nothing twice, no fork. */
async function checkLog(acked: ReadonlyMap<number, number>): Promise<void> {
  const database = await openReader()
  try {
    const log = await openPostgresLog(database.pool)
    const seqs = new Map<number, number[]>()
    for (let after = 0; ; ) {
      const page = await log.list(after)
      if (page.length === 0) break
      after = page.at(-1)!.entry.seq
      for (const { entry } of page)
        if (entry.kind === 'unit.position') {
          const n = entry.sourceSeq!
          seqs.set(n, [...(seqs.get(n) ?? []), entry.seq])
        }
    }
    for (const [n, seq] of acked) assert.deepEqual(seqs.get(n), [seq], `entry ${n}`)
    const { findings } = await verifyLog(log)
    assert.deepEqual(findings, [])
  } finally {
    await database.close()
  }
}

const acked = new Map<number, number>()

test('ROLE-1 entries taken at one process are written by a second and shown by a third; all hold the same world', async () => {
  const line = startLineProcess('line-a')
  await waitFor('a leader', async () => {
    await Promise.race([line.isLeading, new Promise(done => setTimeout(done, 100))])
    return line.said().includes('守望 Vigil')
  })
  const [intake, fanout] = [await startDoor('intake'), await startDoor('fanout')]
  const device = { deviceId: 'player-1', name: 'player-1', role: 'player' as const, regions: ['330400'], unitIds: [] }
  await waitFor('an enrolled device', async () => {
    const made = await intake.identity.devices.enrol(device, 'test').catch(() => undefined)
    if (!made || 'code' in made) return false
    token = made.token
    return true
  })
  const city = makeCity(3).map(({ kind, epoch, sourceSeq, body }) => ({
    kind,
    epoch,
    seq: sourceSeq,
    occurredAt: Date.now(),
    body,
  }))
  await offer(intake, city as never, new Map())
  await offer(intake, makeFixes(200), acked)
  const database = await openReader()
  const full = await rebuildWorld(await openPostgresLog(database.pool), advance, true)
  await database.close()
  await waitFor('level worlds', () => [intake, fanout].every(door => door.world.seq >= full.world.seq))
  assert.equal(fanout.world.units.get('U1')!.lon, full.world.units.get('U1')!.lon)
  // The door out shows it to a client of its own.
  const socket = io(fanout.url, {
    transports: ['websocket'],
    extraHeaders: { authorization: `Bearer ${token}` },
    reconnection: false,
  })
  const snapshot = await new Promise<{ world: { units: { unitId: string }[] } }>((done, fail) => {
    socket.once('snapshot', done)
    socket.once('connect_error', fail)
  })
  assert.ok(snapshot.world.units.some(unit => unit.unitId === 'U1'))
  socket.close()
  // A door in has no sockets' work and a door out takes no entries.
  assert.equal((await fetch(`${fanout.url}/v1/entries`, { method: 'POST', body: '{}' })).status, 404)
})

test('ROLE-2 a line killed without warning is followed by its standby; nothing acknowledged is lost, the log has no fork', async t => {
  const [intake] = doors as [Server]
  const standby = startLineProcess('line-b')
  await waitFor('a standby', () => standby.said().includes('standby'))
  const leader = lines.at(-2)!
  const flow = offer(intake, makeFixes(300), acked)
  leader.child.kill('SIGKILL')
  const killedAt = performance.now()
  await flow
  await standby.isLeading
  t.diagnostic(`acknowledged again after ${Math.round(performance.now() - killedAt)} ms`)
  await offer(intake, makeFixes(100), acked)
  await checkLog(acked)
})

test('ROLE-3 a leader that hung and wakes up is stopped by its old token and writes nothing more', async () => {
  const [intake] = doors as [Server]
  const hung = lines.at(-1)!
  const standby = startLineProcess('line-c')
  await waitFor('a standby', () => standby.said().includes('standby'))
  hung.child.kill('SIGSTOP')
  await offer(intake, makeFixes(150), acked)
  await standby.isLeading
  hung.child.kill('SIGCONT')
  assert.equal(await hung.ended, 70)
  await offer(intake, makeFixes(150), acked)
  await checkLog(acked)
})

test('ROLE-4 a Redis that is killed and comes back empty costs nothing acknowledged; doors say so and go on', async () => {
  const [intake, fanout] = doors as [Server, Server]
  const ready = async (door: Server) => (await (await fetch(`${door.url}/readyz`)).json()) as Record<string, unknown>
  await redis.kill()
  await waitFor('said to be away', async () => (await ready(intake)).bus === 'away')
  const refused = await fetch(`${intake.url}/v1/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ entries: makeFixes(1) }),
  })
  const { outcomes } = (await refused.json()) as { outcomes: { code?: string; zh?: string }[] }
  assert.equal(outcomes[0]!.code, 'LINE_AWAY')
  assert.ok(outcomes[0]!.zh)
  // The line ticks on without it, and the door out follows by the log.
  const before = fanout.world.seq
  await waitFor('ticks by the log', () => fanout.world.seq > before)
  await redis.start()
  await waitFor('said to be back', async () => (await ready(intake)).bus === 'ready')
  await offer(intake, makeFixes(100), acked)
  await checkLog(acked)
})

test('ROLE-5 after all of it every world is the one the log folds to', async () => {
  for (const door of doors) {
    const database = await openReader()
    try {
      const log = await openPostgresLog(database.pool)
      await waitFor('one world', async () => {
        const seq = door.world.seq
        const { world } = await rebuildWorld(log, advance, true)
        // The city ticks every second: compare when both stand at the same seq.
        return world.seq === seq && door.world.seq === seq && hashWorld(door.world) === hashWorld(world)
      })
    } finally {
      await database.close()
    }
  }
})

/**
 * The telephone system over real TCP: simulated lines → gateway process → spool → server → world. The gateway is killed while it
 * rings, the server is away while it rings: no ring that was answered with ok is lost, none counts twice, order is kept.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import type { GatewayConfigInput } from '../../edge-gateway/config.ts'
import type { GatewayHealth } from '../../edge-gateway/health.ts'
import { ctiLineMaxMs, ctiLinesPerSecondMax, startCtiListener } from '../../edge-gateway/sources/cti-listener.ts'
import { openSpool } from '../../edge-gateway/spool.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { drawRings, startTelephony, type Telephony } from '../../simulations/telephony.ts'
import { type CityServer, city, startCity, until } from '../help/city-server.ts'

const root = resolve(import.meta.dirname, '../..')
const key = 'a-shared-secret-of-the-test'

let server: CityServer
let token: string

before(async () => {
  server = await startCity()
  const made = await server.identity.devices.enrol(
    { deviceId: 'gateway-tel', name: 'gateway', role: 'gateway', regions: [city], unitIds: [] },
    'test',
  )
  if ('code' in made) throw new Error(made.code)
  token = made.token
})
after(() => server?.remove())

type Running = { port: number; health: string; kill(): Promise<void>; stop(): Promise<void> }

/** Starts a gateway process; with `port` it takes the address of the one before it. */
async function startGateway(t: TestContext, folder: string, url: string, prefix: string, port = 0): Promise<Running> {
  const file = join(folder, 'gateway.json')
  const config: GatewayConfigInput = {
    server: { urls: [url], token },
    spool: { directory: join(folder, 'spool') },
    health: { port: 0 },
    logLevel: 'warn',
    sources: [{ kind: 'cti', port, prefix, key, regionCode: city, networks: ['127.0.0.1'] }],
  }
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  const child: ChildProcess = spawn(process.execPath, ['edge-gateway/main.ts', '--config', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>(done => child.once('exit', () => done()))
  let said = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', chunk => (said = (said + chunk).slice(-9_000)))
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  t.after(() => end('SIGKILL'))
  await until('the gateway listens', () => {
    assert.equal(child.exitCode, null, said)
    return /^gateway ready .*$/m.test(said)
  })
  const ready = JSON.parse(/^gateway ready (.*)$/m.exec(said)![1]!) as { health: string; listeners: { port: number }[] }
  return {
    port: ready.listeners[0]!.port,
    health: ready.health,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-telephony-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function open(t: TestContext, port: number, told: Set<string>): Telephony {
  const telephony = startTelephony({
    host: '127.0.0.1',
    port,
    key,
    onAnswered: message => {
      if (message.type === 'ring') told.add(String(message.call))
    },
  })
  t.after(() => telephony.stop())
  return telephony
}

/** Calls of a prefix in the log, in its order. */
async function readRings(prefix: string): Promise<string[]> {
  const { rows } = await server.database.pool.query<{ id: string }>(
    `SELECT body ->> 'callId' AS id FROM entry WHERE kind = 'call.received' AND body ->> 'callId' LIKE $1 ORDER BY seq`,
    [`${prefix}%`],
  )
  return rows.map(row => row.id)
}

test('CTI-20 a call from ring to hang-up: position, seat, conference, recording; the number is nowhere in the clear', async t => {
  const gateway = await startGateway(t, makeFolder(t), server.url, 'A-')
  const telephony = open(t, gateway.port, new Set())
  telephony.ring({ call: '1', number: '13911112222', name: '王五', lon: 120.75, lat: 30.75, radiusM: 480 })
  telephony.answer('1', '8003')
  telephony.conference('1', 'service', '110')
  telephony.record('1', '2026/A-1.wav')
  telephony.hangUp('1', true)
  telephony.ring({ call: '2', number: '139-1111-2222', lon: 30.75, lat: 120.75 })
  telephony.hangUp('2', false)
  const call = await until('both calls are over', () =>
    server.world.calls.get('A-2')?.callback === undefined ? undefined : server.world.calls.get('A-1'),
  )
  assert.deepEqual([call.lon, call.lat, call.radiusM, call.positionSource], [120.75, 30.75, 480, 'operator'])
  assert.deepEqual([call.seat, call.recordingRef, call.parties![0]!.party], ['8003', '2026/A-1.wav', '110'])
  assert.ok(call.answeredAt !== undefined && call.hungUpAt !== undefined && call.callback === undefined)
  const abandoned = server.world.calls.get('A-2')!
  assert.equal(abandoned.callback!.state, 'open')
  assert.equal(abandoned.earlierCalls, 1, 'the same number, written otherwise, has rung before')
  assert.equal(abandoned.numberHash, call.numberHash)
  assert.equal(abandoned.lon, undefined, 'a position that cannot be one is left out, the call rings')
  const { rows } = await server.database.pool.query<{ text: string }>(
    `SELECT string_agg(body::text, ' ') AS text FROM entry WHERE kind LIKE 'call.%'`,
  )
  assert.ok(!rows[0]!.text.includes('1391111') && !rows[0]!.text.includes('王五'))
  const desk = await server.open(await server.as('dispatcher'))
  assert.ok(!desk.seen.join('').includes(call.numberHash!), 'the hash stays in the house')
  assert.ok(desk.snapshots[0]!.world.calls.some(one => one.callId === 'A-2' && one.callback?.state === 'open'))
  desk.socket.close()
})

test('CTI-21 the gateway is killed again and again while it rings: no answered ring is lost, none counts twice', async t => {
  const folder = makeFolder(t)
  let gateway = await startGateway(t, folder, server.url, 'B-')
  const told = new Set<string>()
  const telephony = open(t, gateway.port, told)
  const count = 120
  const script = drawRings(seedCity({ seed: 3 }), createChance(3), { count, everyMs: 10, run: 'k' })
  for (const [n, { ring }] of script.entries()) {
    telephony.ring(ring)
    telephony.hangUp(ring.call, false)
    if (n % 30 === 29) {
      // In the middle of what is on its way.
      await new Promise(done => setTimeout(done, 15))
      await gateway.kill()
      gateway = await startGateway(t, folder, server.url, 'B-', gateway.port)
    }
  }
  await until('everything is answered', () => telephony.totals().kept === 0)
  await until('everything is in the world', () => script.every(({ ring }) => server.world.calls.has(`B-${ring.call}`)))
  assert.equal(told.size, count)
  const { refused, lost, reconnects } = telephony.totals()
  assert.deepEqual([refused.size, lost], [0, 0])
  assert.ok(reconnects > 0, 'the connection was lost at least once')
  const rings = await readRings('B-')
  assert.deepEqual(
    rings,
    script.map(({ ring }) => `B-${ring.call}`),
    'each once, in the order they rang',
  )
  for (const { ring } of script) assert.ok(server.world.calls.get(`B-${ring.call}`)!.abandonedAt !== undefined)
})

test('CTI-22 the server is away: rings wait on disk and keep the time they rang', async t => {
  const folder = makeFolder(t)
  // Nobody listens there.
  const away = await startGateway(t, folder, 'http://127.0.0.1:9', 'C-')
  const told = new Set<string>()
  const telephony = open(t, away.port, told)
  const rungAt = Date.now()
  for (let n = 0; n < 20; n++) telephony.ring({ call: `${n}`, number: `1380000${1000 + n}` })
  await until('all are on disk', () => told.size === 20)
  assert.equal(server.world.calls.has('C-0'), false)
  const health = (await (await fetch(`${away.health}/healthz`)).json()) as GatewayHealth
  assert.equal(health.spool.waiting['call.received'], 20)
  await telephony.stop()
  await away.stop()
  await startGateway(t, folder, server.url, 'C-')
  await until('all ring', () => server.world.calls.has('C-19'))
  assert.equal((await readRings('C-')).length, 20)
  assert.ok(Math.abs(server.world.calls.get('C-0')!.receivedAt - rungAt) < 30_000)
})

/** Says lines on a bare socket; the answers, one a line. */
async function talk(
  t: TestContext,
  port: number,
  lines: readonly (string | Uint8Array)[],
  answers: number,
): Promise<string[]> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  let got = ''
  socket.on('data', chunk => (got += chunk.toString()))
  for (const line of lines) socket.write(line)
  await until(`${answers} answers: ${got}`, () => got.split('\n').length > answers || socket.destroyed)
  return got.split('\n').filter(line => line !== '')
}

test('CTI-23 bad input is refused with its code and the next line is read; strangers say nothing', async t => {
  const gateway = await startGateway(t, makeFolder(t), server.url, 'D-')
  const hello = `${JSON.stringify({ id: 'h', type: 'hello', key })}\n`
  const ring = (call: string, id = call) => `${JSON.stringify({ id, type: 'ring', call })}\n`
  const codes = (answers: string[]) => answers.map(text => (JSON.parse(text) as { code?: string }).code ?? 'ok')
  assert.deepEqual(codes(await talk(t, gateway.port, [ring('1'), hello, ring('1')], 3)), ['HELLO_REQUIRED', 'ok', 'ok'])
  const answers = await talk(
    t,
    gateway.port,
    [
      hello,
      'not json\n',
      Uint8Array.of(0x22, 0xff, 0x22, 0x0a),
      `${'x'.repeat(40_000)}\n`,
      '{"id":1,"type":"dial","call":"1"}\n',
      ring('2'),
      // The same line again, as after a lost answer.
      ring('2'),
    ],
    7,
  )
  assert.deepEqual(codes(answers), ['ok', 'JSON_MALFORMED', 'NOT_UTF8', 'LINE_TOO_LONG', 'TYPE_UNKNOWN', 'ok', 'ok'])
  const wrong = `${JSON.stringify({ id: 1, type: 'hello', key: 'guess' })}\n`
  assert.deepEqual(codes(await talk(t, gateway.port, [wrong, wrong, wrong, wrong], 4)), [
    'KEY_WRONG',
    'KEY_WRONG',
    'KEY_WRONG',
  ])
  await until('the call rings', () => server.world.calls.has('D-2'))
  assert.deepEqual(await readRings('D-'), ['D-1', 'D-2'])
  const health = (await (await fetch(`${gateway.health}/healthz`)).json()) as GatewayHealth
  assert.equal(health.listeners[0]!.counts.repeated, 1)
})

test('CTI-24 what the telephone system said goes ahead of every backlog of positions, in its own order', async t => {
  const folder = makeFolder(t)
  const spool = openSpool({
    directory: folder,
    keyFile: join(folder, 'spool.key'),
    bytesMax: 1e8,
    ageMaxMs: 86_400_000,
    now: () => Date.now(),
    onGap: () => undefined,
    onFault: fault => assert.fail(fault),
  })
  t.after(() => spool.close())
  const at = Date.now()
  const fix = (n: number) =>
    ({ device: 'jt808:U1', kind: 'unit.position', occurredAt: at + n, body: { n }, isLive: false }) as const
  const call = (kind: 'call.received' | 'call.answered') =>
    ({ device: 'cti:T-', kind, occurredAt: at, body: { callId: 'T-1' }, isLive: false }) as const
  await spool.append(Array.from({ length: 500 }, (_, n) => fix(n)))
  await spool.append([call('call.received'), call('call.answered')])
  assert.deepEqual(
    spool.takeRecord(4).map(entry => [entry.kind, entry.seq]),
    [
      ['call.received', 1],
      ['call.answered', 2],
      ['unit.position', 1],
      ['unit.position', 2],
    ],
  )
  await spool.append([call('call.answered')])
  assert.deepEqual(
    spool.takeRecord(2).map(entry => [entry.kind, entry.seq]),
    [
      ['call.answered', 3],
      ['unit.position', 3],
    ],
  )
})

/** A listener in this process on a real spool, with a clock the test turns. */
async function listen(t: TestContext, clock: { at: number }) {
  const folder = makeFolder(t)
  const spool = openSpool({
    directory: folder,
    keyFile: join(folder, 'spool.key'),
    bytesMax: 1e8,
    ageMaxMs: 86_400_000,
    now: () => clock.at,
    onGap: () => undefined,
    onFault: fault => assert.fail(fault),
  })
  const listener = await startCtiListener(
    {
      kind: 'cti',
      host: '127.0.0.1',
      port: 0,
      prefix: 'E-',
      key,
      regionCode: city,
      trunks: {},
      datum: 'WGS84',
      networks: undefined,
    },
    {
      spool,
      now: () => clock.at,
      onLine: () => undefined,
      onStored: () => undefined,
      limits: {
        spoolBytesMax: 1e8,
        spoolAgeMaxMs: 86_400_000,
        connectionsMax: 8,
        strangersMax: 2,
        strangerMaxMs: 30_000,
        silenceMaxMs: 180_000,
        holderMaxMs: 30_000,
      },
    },
  )
  t.after(async () => {
    await listener.stop()
    spool.close()
  })
  return { spool, listener }
}

/** A bare connection: what it was answered, and whether it was closed. */
function dial(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  const line = { socket, lines: [] as Record<string, unknown>[], isClosed: false }
  let rest = ''
  socket.on('data', chunk => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    line.lines.push(...parts.map(part => JSON.parse(part) as Record<string, unknown>))
  })
  socket.on('close', () => {
    line.isClosed = true
  })
  return line
}
const hello = `${JSON.stringify({ id: 'h', type: 'hello', key })}\n`
const ringLine = (call: string) => `${JSON.stringify({ id: call, type: 'ring', call })}\n`

test('CTI-25 half a line, a stranger and silence are closed in time; whoever speaks in time stays', async t => {
  const clock = { at: Date.now() }
  const { listener } = await listen(t, clock)
  const slow = dial(t, listener.port)
  const stranger = dial(t, listener.port)
  const well = dial(t, listener.port)
  slow.socket.write(`${hello}{"id":1,"ty`)
  well.socket.write(hello)
  await until('both are known', () => slow.lines.length === 1 && well.lines.length === 1)
  clock.at += ctiLineMaxMs + 1
  await until('the half line is closed', () => slow.isClosed)
  assert.deepEqual([stranger.isClosed, well.isClosed], [false, false])
  clock.at += 20_001
  await until('the stranger is closed', () => stranger.isClosed)
  assert.equal(well.isClosed, false)
  clock.at += 140_000
  well.socket.write('{"id":"p","type":"ping"}\n')
  await until('the ping is answered', () => well.lines.length === 2)
  clock.at += 100_000
  await new Promise(done => setTimeout(done, 1_500))
  assert.equal(well.isClosed, false, 'a ping a minute keeps the line')
  clock.at += 81_000
  await until('silence is closed', () => well.isClosed)
  assert.equal(listener.getCounts().cut, 3)
})

test('CTI-26 a flood is read more slowly and loses nothing; what cannot be stored is said so and may be said again', async t => {
  const clock = { at: Date.now() }
  const { spool, listener } = await listen(t, clock)
  const line = dial(t, listener.port)
  const count = ctiLinesPerSecondMax * 3
  line.socket.write(hello + Array.from({ length: count }, (_, n) => ringLine(`f${n}`)).join(''))
  // The clock stands while it is read: only the next second lets more in.
  await until('all are answered', () => {
    clock.at += 1_000
    return line.lines.length === count + 1
  })
  assert.ok(line.lines.every(answer => answer.ok === true))
  assert.deepEqual(
    line.lines.slice(1).map(answer => answer.id),
    Array.from({ length: count }, (_, n) => `f${n}`),
    'answered in order',
  )
  assert.equal(listener.getCounts().stored, count)
  spool.close()
  line.socket.write(ringLine('late'))
  await until('refused', () => line.lines.length === count + 2)
  assert.deepEqual([line.lines.at(-1)!.ok, line.lines.at(-1)!.code], [false, 'STORE_FAILED'])
  line.socket.write(ringLine('late'))
  await until('refused again, not taken for a repetition', () => line.lines.length === count + 3)
  assert.equal(line.lines.at(-1)!.code, 'STORE_FAILED')
})

/**
 * The edge gateway as a process before a real server: simulated terminals with an encoder of their own → TCP → gateway → spool
 * → POST /v1/entries → log. The server goes and comes back, the gateway is killed, the log becomes another one, the link is
 * narrow: what a terminal was told is stored stands in the log exactly once, in order.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { Agent, fetch as undiciFetch } from 'undici'
import type { GatewayConfigInput } from '../../edge-gateway/config.ts'
import type { GatewayHealth } from '../../edge-gateway/health.ts'
import { createMllpFramer, encodeMllp } from '../../edge-gateway/sources/hl7.ts'
import {
  createJt808Framer,
  encodeJt808,
  encodeJt808Fix,
  getJt808Address,
  jt808Ids,
  parseJt808,
} from '../../edge-gateway/sources/jt808.ts'
import { enrolTerminals, startEdge } from '../../simulations/edge.ts'
import { startTerminals, type Terminals } from '../../simulations/terminals.ts'
import { makeCity } from '../help/line.ts'
import { startTestServer, type TestServer } from '../help/server.ts'

const root = resolve(import.meta.dirname, '../..')
const unitsCount = 12
/** Longest wait for something that must come: a busy machine is no reason to fail. */
const waitMaxMs = 180_000

const unitIds = Array.from({ length: unitsCount }, (_, index) => `U${index + 1}`)
const terminals = unitIds.map((unitId, index) => ({
  number: String(13_900_000_001 + index),
  unitId,
  authCode: `code-${unitId}-${randomBytes(4).toString('hex')}`,
}))

let server: TestServer
let directory: string
let token: string
let front: Front

/** A narrow link before the server, at one address for all its lives: passes requests on, or answers 429, or is away. */
type Front = {
  url: string
  target: string
  mode: 'open' | 'busy' | 'away'
  requests: { at: number; mode: string; entries: number }[]
  close(): Promise<void>
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function openFront(target: string): Promise<Front> {
  const closing = new Agent({ pipelining: 0 })
  const http: HttpServer = createServer(async (request, reply) => {
    try {
      const body = await readBody(request)
      const entries = (JSON.parse(body.toString()) as { entries: unknown[] }).entries.length
      made.requests.push({ at: Date.now(), mode: made.mode, entries })
      if (made.mode === 'away') return request.socket.destroy()
      if (made.mode === 'busy') {
        const text = JSON.stringify({ code: 'LANE_FULL', zh: '满', en: 'full', params: { retryAfterS: 1 } })
        return reply.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' }).end(text)
      }
      const answer = await undiciFetch(`${made.target}${request.url}`, {
        method: 'POST',
        // no connection is left over that a stopping server would wait for
        dispatcher: closing,
        headers: {
          'content-type': request.headers['content-type'] ?? '',
          authorization: request.headers.authorization ?? '',
        },
        body: new Uint8Array(body),
      })
      const text = await answer.text()
      reply.writeHead(answer.status, {
        'content-type': 'application/json',
        date: answer.headers.get('date') ?? '',
        ...(answer.headers.has('retry-after') ? { 'retry-after': answer.headers.get('retry-after')! } : {}),
      })
      reply.end(text)
    } catch {
      request.socket.destroy()
    }
  })
  http.listen(0, '127.0.0.1')
  await new Promise(done => http.once('listening', done))
  const made: Front = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    target,
    mode: 'open',
    requests: [],
    close: () =>
      new Promise(done => {
        http.close(() => void closing.close().then(() => done()))
        http.closeAllConnections()
      }),
  }
  return made
}

type Running = {
  child: ChildProcess
  port: number
  health: string
  listeners: { kind: string; transport: string; port: number }[]
  said(): string
  read(): Promise<GatewayHealth>
  kill(): Promise<void>
  stop(): Promise<number | null>
}

/** Starts a gateway process on a configuration in `folder`, and ends it with the test. */
async function startGatewayProcess(
  t: TestContext,
  folder: string,
  change: Partial<GatewayConfigInput> = {},
): Promise<Running> {
  const configFile = join(folder, 'gateway.json')
  const config: GatewayConfigInput = {
    server: { urls: [front.url], token },
    spool: { directory: 'spool' },
    health: { port: 0 },
    logLevel: 'warn',
    sources: [
      {
        kind: 'jt808',
        port: 0,
        terminals: terminals.map(one => ({ ...one, networks: ['127.0.0.0/8'], isRegistrationOpen: true })),
      },
    ],
    ...change,
  }
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 })
  const child = spawn(process.execPath, ['edge-gateway/main.ts', '--config', configFile], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(done => child.once('exit', done))
  let said = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', chunk => {
      said = (said + chunk).slice(-20_000)
    })
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return ended
  }
  t.after(() => end('SIGKILL'))
  await waitFor('the gateway is ready', () => {
    assert.equal(child.exitCode, null, said)
    return /^gateway ready .*$/m.test(said)
  })
  const ready = JSON.parse(/^gateway ready (.*)$/m.exec(said)![1]!) as {
    health: string
    listeners: Running['listeners']
  }
  return {
    child,
    port: ready.listeners[0]!.port,
    health: ready.health,
    listeners: ready.listeners,
    said: () => said,
    read: async () => (await (await fetch(`${ready.health}/healthz`)).json()) as GatewayHealth,
    kill: async () => {
      await end('SIGKILL')
    },
    stop: () => end('SIGTERM'),
  }
}

async function waitFor(what: string, holds: () => boolean | Promise<boolean>, everyMs = 50): Promise<void> {
  const endAt = Date.now() + waitMaxMs
  while (!(await holds())) {
    assert.ok(Date.now() < endAt, `in vain: ${what}`)
    await new Promise(done => setTimeout(done, everyMs))
  }
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-gateway-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What one test's terminals have been told is stored: unit → instants of fixes. */
type Told = Map<string, Set<number>>

function openTerminals(t: TestContext, port: number, told: Told, which = terminals): Terminals {
  const started = startTerminals({
    host: '127.0.0.1',
    port,
    terminals: which.map(({ number, unitId }) => ({ number, unitId })),
    onAcknowledged: (unitId, fix) => {
      if (!told.has(unitId)) told.set(unitId, new Set())
      told.get(unitId)!.add(fix.at)
    },
  })
  t.after(() => started.stop())
  return started
}

type Logged = { unitId: string; at: number; source: string; epoch: string; sourceSeq: number; seq: number; lon: number }

/** The positions in the log, of some units and from an instant on, in the order of the log. */
async function readLog(fromAt: number): Promise<Logged[]> {
  const { rows } = await server.database.pool.query<Record<string, string>>(
    `SELECT unit_id, occurred_at, source, epoch, source_seq, seq, lon FROM position WHERE occurred_at >= $1 ORDER BY seq`,
    [fromAt],
  )
  return rows.map(row => ({
    unitId: row.unit_id!,
    at: Number(row.occurred_at),
    source: row.source!,
    epoch: row.epoch!,
    sourceSeq: Number(row.source_seq),
    seq: Number(row.seq),
    lon: Number(row.lon),
  }))
}

/** Every fix told to a terminal stands in the log once, and nothing stands there twice. */
function judgeLog(logged: readonly Logged[], told: Told): void {
  const seen = new Map<string, number>()
  for (const { unitId, at } of logged) seen.set(`${unitId}/${at}`, (seen.get(`${unitId}/${at}`) ?? 0) + 1)
  const doubled = [...seen].filter(([, count]) => count > 1)
  assert.deepEqual(doubled, [], 'nothing twice')
  const missing = [...told].flatMap(([unitId, ats]) =>
    [...ats].filter(at => !seen.has(`${unitId}/${at}`)).map(at => `${unitId}/${at}`),
  )
  assert.deepEqual(missing, [], 'nothing acknowledged is lost')
}

/** True when the numbers are two rising rows, one shuffled into the other: the larger end that fits takes the next number. */
function isTwoLanes(numbers: readonly number[]): boolean {
  let high = 0
  let low = 0
  for (const number of numbers) {
    if (number > high) high = number
    else if (number > low) low = number
    else return false
  }
  return true
}

/** Each test's fixes lie in a second range of their own, all in the past, so that the log can be read apart. */
let nextSpanAt = Math.floor(Date.now() / 1_000) * 1_000 - 6 * 3_600_000
function takeSpan(seconds: number): number {
  const from = nextSpanAt
  nextSpanAt += seconds * 1_000
  assert.ok(nextSpanAt < Date.now())
  return from
}

const placeOf = (unit: number, n: number) => ({ lon: 120.5 + unit / 100 + n / 1e6, lat: 30.5 + n / 1e6 })

/** One fix each second of the span, for each unit. */
function reportSpan(started: Terminals, fromAt: number, count: number, which = unitIds): void {
  for (let n = 0; n < count; n++)
    for (const [index, unitId] of which.entries())
      started.report(unitId, { at: fromAt + n * 1_000, ...placeOf(index, n), speedKmh: 40, courseDeg: n % 360 })
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'vigil-gateway-server-'))
  server = await startTestServer({ directory })
  await server.writer.submit(makeCity(unitsCount).map(e => ({ ...e, occurredAt: Date.now(), receivedAt: Date.now() })))
  const made = await server.identity.devices.enrol(
    { deviceId: 'gateway-1', name: 'gateway', role: 'gateway', regions: ['330400'], unitIds: [] },
    'test',
  )
  if ('code' in made) throw new Error(made.code)
  token = made.token
  front = await openFront(server.url)
})

after(async () => {
  await front?.close()
  await server?.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function restartServer(between?: () => Promise<void>): Promise<void> {
  await server.stop()
  await between?.()
  server = await startTestServer({ directory })
  front.target = server.url
}

test('GW-20 positions of terminals that speak by another encoder arrive in the world as they were sent', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t))
  const told: Told = new Map()
  const started = openTerminals(t, gateway.port, told)
  const fromAt = takeSpan(60)
  await waitFor('all terminals are known', () => started.totals().connected === unitsCount)
  reportSpan(started, fromAt, 30)
  await waitFor('the world shows the last fix', () =>
    unitIds.every(unitId => server.world.units.get(unitId)?.fixAt === fromAt + 29_000),
  )
  const shown = server.world.units.get('U3')!
  assert.equal(shown.lon, Math.round((120.5 + 0.02 + 29e-6) * 1e6) / 1e6)
  assert.deepEqual([shown.speedKmh, shown.courseDeg], [40, 29])
  await waitFor('everything is answered', () => started.totals().acknowledged === unitsCount * 30)
  const logged = await readLog(fromAt)
  judgeLog(logged, told)
  assert.equal(logged.length, unitsCount * 30)
  const health = await gateway.read()
  assert.equal(health.spool.waitingCount, 0)
  assert.deepEqual(health.troubles, [])
  assert.ok(Math.abs(health.uplink.clock!.offsetMs) <= health.uplink.clock!.withinMs + 50)
  assert.match(await (await fetch(`${gateway.health}/metrics`)).text(), /vigil_gateway_uplink_connected 1/)
  assert.equal(await gateway.stop(), 0)
})

test('GW-21 a dead zone: what the terminal kept comes as a batch, once, and never moves the map back', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t))
  const told: Told = new Map()
  const started = openTerminals(t, gateway.port, told, terminals.slice(0, 2))
  const fromAt = takeSpan(200)
  await waitFor('known', () => started.totals().connected === 2)
  reportSpan(started, fromAt, 5, ['U1', 'U2'])
  started.setReach('U1', false)
  reportSpan(started, fromAt + 5_000, 100, ['U1'])
  started.setReach('U1', true)
  await waitFor('the batch is acknowledged', () => told.get('U1')?.size === 105 && told.get('U2')?.size === 5)
  await waitFor('the spool is empty', async () => (await gateway.read()).spool.waitingCount === 0)
  judgeLog(await readLog(fromAt), told)
  assert.ok(started.totals().batches > 0)
  assert.equal((await gateway.read()).listeners[0]!.counts.alarms.NUMBER_HELD, undefined)
})

test('GW-22 the server away and back: nothing lost, nothing twice, each lane in order, the present first', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t))
  const told: Told = new Map()
  const started = openTerminals(t, gateway.port, told)
  const fromAt = takeSpan(400)
  await waitFor('known', () => started.totals().connected === unitsCount)
  reportSpan(started, fromAt, 10)
  await waitFor('first ones', () => started.totals().acknowledged === unitsCount * 10)
  await restartServer(async () => {
    // the spool takes what the server cannot
    for (let n = 10; n < 160; n += 50) {
      reportSpan(started, fromAt + n * 1_000, 50)
      await waitFor('kept by the gateway', () => started.totals().acknowledged === unitsCount * (n + 50))
    }
    const away = await gateway.read()
    assert.ok(away.spool.waitingCount > 1_500)
    assert.ok(away.troubles.includes('away'))
  })
  await waitFor('drained', async () => (await gateway.read()).spool.waitingCount === 0)
  const logged = await readLog(fromAt)
  judgeLog(logged, told)
  assert.equal(logged.length, unitsCount * 160)
  const health = await gateway.read()
  assert.ok(health.uplink.sent.live > 0, 'the live lane passed the backlog')
  for (const unitId of unitIds) {
    const own = logged.filter(one => one.unitId === unitId)
    assert.ok(isTwoLanes(own.map(one => one.sourceSeq)), `${unitId}: each lane in order`)
    const newestAt = own.findIndex(one => one.sourceSeq === 160)
    assert.ok(own.length - newestAt > 20, `${unitId}: the present came before the past was through`)
    assert.deepEqual(
      own.map(one => one.sourceSeq).toSorted((one, other) => one - other),
      Array.from({ length: 160 }, (_, index) => index + 1),
      `${unitId}: numbered without a hole`,
    )
  }
  assert.equal(server.world.units.get('U1')?.fixAt, fromAt + 159_000)
})

test('GW-23 kill -9 of the gateway in mid-load: nothing told is lost, nothing twice', async t => {
  const folder = makeFolder(t)
  const fromAt = takeSpan(700)
  const told: Told = new Map()
  let gateway = await startGatewayProcess(t, folder)
  const { port } = gateway
  const started = openTerminals(t, port, told)
  const fixedPort = {
    sources: [
      { kind: 'jt808' as const, port, terminals: terminals.map(one => ({ ...one, isRegistrationOpen: true })) },
    ],
  }
  let n = 0
  for (let round = 0; round < 3; round++) {
    const goal = started.totals().acknowledged + unitsCount * 60
    reportSpan(started, fromAt + n * 1_000, 100)
    n += 100
    await waitFor('half of it is told', () => started.totals().acknowledged >= goal)
    await gateway.kill()
    gateway = await startGatewayProcess(t, folder, fixedPort)
  }
  await waitFor('all is told', () => started.totals().acknowledged === unitsCount * n)
  await waitFor('drained', async () => (await gateway.read()).spool.waitingCount === 0)
  const logged = await readLog(fromAt)
  judgeLog(logged, told)
  assert.equal(logged.length, unitsCount * n)
  assert.equal(new Set(logged.map(one => one.epoch)).size, 1, 'one spool is one epoch')
  assert.ok(started.totals().reconnects >= unitsCount * 3)
})

test('GW-24 another log answers: what it does not know is offered again, what it knows counts once', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t))
  const told: Told = new Map()
  const started = openTerminals(t, gateway.port, told)
  const fromAt = takeSpan(100)
  reportSpan(started, fromAt, 20)
  await waitFor('told', () => started.totals().acknowledged === unitsCount * 20)
  await waitFor('drained', async () => (await gateway.read()).spool.waitingCount === 0)
  const before = (await gateway.read()).uplink
  await server.database.pool.query('UPDATE log_state SET incarnation = gen_random_uuid()')
  await restartServer()
  reportSpan(started, fromAt + 20_000, 1)
  await waitFor('all of it was offered again', async () => {
    const { uplink, spool } = await gateway.read()
    return uplink.repeated - before.repeated >= unitsCount * 20 && spool.waitingCount === 0
  })
  const health = await gateway.read()
  assert.deepEqual(health.uplink.refused, {})
  assert.notEqual(health.spool.incarnation, undefined)
  const logged = await readLog(fromAt)
  judgeLog(logged, told)
  assert.equal(logged.length, unitsCount * 21)
})

test('GW-25 a busy server is given the time it asks for; a refused token acknowledges nothing until it is right', async t => {
  const folder = makeFolder(t)
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, 'no-such-token-'.repeat(3), { mode: 0o600 })
  const gateway = await startGatewayProcess(t, folder, { server: { urls: [front.url], tokenFile } })
  const told: Told = new Map()
  const started = openTerminals(t, gateway.port, told, terminals.slice(0, 2))
  const fromAt = takeSpan(100)
  await waitFor('known', () => started.totals().connected === 2)
  reportSpan(started, fromAt, 5, ['U1', 'U2'])
  await waitFor('refused', async () => /TOKEN_INVALID/.test((await gateway.read()).uplink.trouble ?? ''))
  assert.equal((await gateway.read()).spool.waitingCount, 10)
  writeFileSync(tokenFile, `${token}\n`)
  await waitFor('taken', async () => (await gateway.read()).spool.waitingCount === 0)
  front.mode = 'busy'
  t.after(() => {
    front.mode = 'open'
  })
  front.requests.length = 0
  reportSpan(started, fromAt + 5_000, 5, ['U1', 'U2'])
  await waitFor('asked three times', () => front.requests.filter(one => one.mode === 'busy').length >= 3)
  front.mode = 'open'
  await waitFor('taken', async () => (await gateway.read()).spool.waitingCount === 0)
  const busy = front.requests.filter(one => one.mode === 'busy')
  for (const [index, request] of busy.entries())
    if (index > 0) assert.ok(request.at - busy[index - 1]!.at >= 1_000, 'never before Retry-After')
  await waitFor('told', () => started.totals().acknowledged === 20)
  judgeLog(await readLog(fromAt), told)
})

test('GW-26 an entry the city refuses for good is kept with its reason and holds nothing up', async t => {
  const stranger = { number: '13911111111', unitId: 'U-NOBODY', authCode: 'nobody-knows' }
  const gateway = await startGatewayProcess(t, makeFolder(t), {
    sources: [{ kind: 'jt808', port: 0, terminals: [...terminals, stranger] }],
  })
  const told: Told = new Map()
  const started = startTerminals({
    host: '127.0.0.1',
    port: gateway.port,
    terminals: [stranger, terminals[0]!],
    onAcknowledged: (unitId, fix) => told.set(unitId, (told.get(unitId) ?? new Set()).add(fix.at)),
  })
  t.after(() => started.stop())
  const fromAt = takeSpan(60)
  reportSpan(started, fromAt, 10, ['U-NOBODY', 'U1'])
  await waitFor('both are answered', async () => {
    const { uplink } = await gateway.read()
    return uplink.refused.UNIT_UNKNOWN === 10 && uplink.done === 10
  })
  const health = await gateway.read()
  assert.equal(health.spool.waitingCount, 0)
  assert.ok(health.troubles.includes('refused'))
  told.delete('U-NOBODY')
  judgeLog(await readLog(fromAt), told)
})

test('GW-33 the demonstration starts its gateway by the command line; its codes outlive a restart and lie in 0600', async t => {
  const folder = makeFolder(t)
  const codesFile = join(folder, 'codes.json')
  const units = unitIds.slice(0, 4).map(id => ({ id, plate: '浙F·120' }))
  const enrolled = await enrolTerminals(units, codesFile)
  assert.deepEqual(await enrolTerminals(units, codesFile), enrolled)
  assert.equal(statSync(codesFile).mode & 0o777, 0o600)
  const edge = await startEdge({ directory: join(folder, 'edge'), serverUrl: server.url, token, terminals: enrolled })
  t.after(() => edge.stop())
  assert.equal(statSync(join(folder, 'edge/gateway.json')).mode & 0o777, 0o600)
  const told: Told = new Map()
  const started = openTerminals(t, edge.port, told, enrolled)
  const fromAt = takeSpan(60)
  reportSpan(started, fromAt, 5, unitIds.slice(0, 4))
  await waitFor('told', () => started.totals().acknowledged === 20)
  await edge.stop()
  assert.equal(await edge.ended, 0)
  judgeLog(await readLog(fromAt), told)
})

// --- single sockets

/** A bare connection that frames what it hears. */
function openBare(t: TestContext, port: number) {
  const socket: Socket = connect({ host: '127.0.0.1', port })
  const framer = createJt808Framer()
  const heard: { messageId: number; body: Uint8Array }[] = []
  let isClosed = false
  socket.on('data', bytes => {
    for (const { raw } of framer.push(bytes, Date.now()).frames) {
      const packet = parseJt808(raw)
      if ('body' in packet) heard.push({ messageId: packet.header.messageId, body: packet.body })
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
  })
  t.after(() => socket.destroy())
  return { socket, heard, isClosed: () => isClosed }
}

const bytesOf = (text: string) => new TextEncoder().encode(text)
const hello = (terminal: { number: string; authCode: string }, serial = 1) =>
  encodeJt808(jt808Ids.authenticate, getJt808Address(terminal.number, false), serial, bytesOf(terminal.authCode))[0]!
const fixFrame = (number: string, fixedAt: number, serial: number) =>
  encodeJt808(
    jt808Ids.location,
    getJt808Address(number, false),
    serial,
    encodeJt808Fix({ fixedAt, lon: 120.7, lat: 30.7 }),
  )[0]!

test('GW-27 a second connection of a number is refused and alarmed while the first one speaks; a silent one gives way', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t), { limits: { holderMaxMs: 2_000, strangerMaxMs: 3_000 } })
  const [terminal] = terminals
  const first = openBare(t, gateway.port)
  first.socket.write(hello(terminal!))
  await waitFor('the first one is in', () => first.heard.length === 1)
  assert.equal(first.heard[0]!.body[4], 0)
  const second = openBare(t, gateway.port)
  second.socket.write(hello(terminal!))
  await waitFor('the second one is cut', second.isClosed)
  assert.equal(second.heard[0]!.body[4], 1)
  assert.equal((await gateway.read()).listeners[0]!.counts.alarms.NUMBER_HELD, 1)
  assert.match(gateway.said(), /NUMBER_HELD/)
  // the first one falls silent, half-open for all anybody knows
  await new Promise(done => setTimeout(done, 2_100))
  const third = openBare(t, gateway.port)
  third.socket.write(hello(terminal!))
  await waitFor('the third one is in', () => third.heard.length === 1)
  assert.equal(third.heard[0]!.body[4], 0)
  await waitFor('the first one is cut', first.isClosed)
})

test('GW-32 a position whose answer was lost is answered again after a reconnect and after kill -9, and counts once', async t => {
  const folder = makeFolder(t)
  const fromAt = takeSpan(60)
  const [terminal] = terminals
  const sendAll = async (port: number, frames: Uint8Array[]) => {
    const bare = openBare(t, port)
    bare.socket.write(hello(terminal!))
    for (const frame of frames) bare.socket.write(frame)
    await waitFor('answers', () => bare.heard.length === frames.length + 1)
    assert.ok(bare.heard.every(({ body }) => body[4] === 0))
    bare.socket.destroy()
    await waitFor('gone', async () => (await gateway.read()).listeners[0]!.counts.connections === 0)
  }
  const frames = [1, 2, 3].map(n => fixFrame(terminal!.number, fromAt + n * 1_000, n))
  const all = [...frames, fixFrame(terminal!.number, fromAt + 4_000, 4)]
  let gateway = await startGatewayProcess(t, folder)
  await sendAll(gateway.port, frames)
  await sendAll(gateway.port, frames)
  await gateway.kill()
  gateway = await startGatewayProcess(t, folder)
  await sendAll(gateway.port, all)
  await waitFor('sent', async () => (await gateway.read()).spool.waitingCount === 0)
  assert.deepEqual(
    (await readLog(fromAt)).map(one => one.at),
    [1, 2, 3, 4].map(n => fromAt + n * 1_000),
  )
})

test('GW-28 strangers, wrong codes, foreign networks and slow senders store nothing and are cut; real ones stay', async t => {
  const foreign = { ...terminals[1]!, networks: ['192.0.2.0/24'] }
  const gateway = await startGatewayProcess(t, makeFolder(t), {
    limits: { strangerMaxMs: 1_500, strangersMax: 20 },
    sources: [{ kind: 'jt808', port: 0, terminals: [terminals[0]!, foreign] }],
  })
  const fromAt = takeSpan(60)
  const real = openBare(t, gateway.port)
  real.socket.write(hello(terminals[0]!))
  await waitFor('the real one is in', () => real.heard.length === 1)
  const wrong = openBare(t, gateway.port)
  for (let serial = 0; serial < 3; serial++)
    wrong.socket.write(hello({ number: terminals[0]!.number, authCode: 'wrong-code' }, serial))
  await waitFor('a wrong code is cut', wrong.isClosed)
  const abroad = openBare(t, gateway.port)
  abroad.socket.write(hello(foreign))
  await waitFor('a foreign network is cut', abroad.isClosed)
  const unproven = openBare(t, gateway.port)
  unproven.socket.write(fixFrame('13999999999', fromAt, 1))
  const slow = openBare(t, gateway.port)
  const dripping = setInterval(() => slow.socket.write(Uint8Array.of(0x7e)), 100)
  t.after(() => clearInterval(dripping))
  const crowd = Array.from({ length: 60 }, () => openBare(t, gateway.port))
  await waitFor('the crowd is cut', () => crowd.every(one => one.isClosed()) && slow.isClosed() && unproven.isClosed())
  real.socket.write(fixFrame(terminals[0]!.number, fromAt, 2))
  await waitFor('the real one is heard', () => real.heard.length === 2)
  assert.equal(real.heard[1]!.body[4], 0)
  const { counts } = (await gateway.read()).listeners[0]!
  assert.equal(counts.stored, 1)
  assert.equal(counts.connections, 1)
  assert.ok(counts.alarms.AUTH_FAILED! >= 1 || counts.alarms.NUMBER_HELD! >= 1)
  assert.ok(counts.alarms.ADDRESS_FOREIGN! >= 1)
  assert.ok(counts.alarms.NUMBER_UNKNOWN! >= 1)
})

test('GW-29 the same over datagrams; a repeated datagram is answered and stored once', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t), {
    sources: [{ kind: 'jt808', port: 0, transport: 'udp', terminals }],
  })
  const fromAt = takeSpan(60)
  const [terminal] = terminals
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const heard: number[] = []
  socket.on('message', bytes => {
    for (const { raw } of createJt808Framer().push(bytes, Date.now()).frames) {
      const packet = parseJt808(raw)
      if ('body' in packet) heard.push(packet.body[4]!)
    }
  })
  const send = async (frame: Uint8Array, answers: number) => {
    socket.send(frame, gateway.port, '127.0.0.1')
    await waitFor('an answer', () => heard.length >= answers)
  }
  await send(hello(terminal!), 1)
  await send(fixFrame(terminal!.number, fromAt, 2), 2)
  await send(fixFrame(terminal!.number, fromAt, 2), 3)
  await send(fixFrame(terminal!.number, fromAt + 1_000, 3), 4)
  assert.deepEqual(heard, [0, 0, 0, 0])
  await waitFor('sent', async () => (await gateway.read()).spool.waitingCount === 0)
  const logged = await readLog(fromAt)
  assert.deepEqual(
    logged.map(one => one.at),
    [fromAt, fromAt + 1_000],
  )
})

const oru = (controlId: string, bed: string, pulse: number, mode = '|', kind = 'P') =>
  [
    `MSH|^~\\&|MON|ICU|VIGIL|EMS|20261121080000+0800||ORU^R01^ORU_R01|${controlId}|${kind}|2.6|||${mode}|||UNICODE UTF-8`,
    'PID|1||P-1^^^H||ZHANG^SAN',
    `PV1|1|E|${bed}`,
    'OBR|1|||182777000^monitoring^SCT|||20261121080000+0800',
    `OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|${pulse}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R|||20261121080000+0800`,
    '',
  ].join('\r')

test('GW-30 a monitor is answered as it asked, after its vital signs are stored, and a repeat counts once', async t => {
  const gateway = await startGatewayProcess(t, makeFolder(t), {
    sources: [{ kind: 'mllp', port: 0, monitors: [{ unitId: 'U4', bed: 'AMB 4' }] }],
  })
  const socket = connect({ host: '127.0.0.1', port: gateway.port })
  t.after(() => socket.destroy())
  const framer = createMllpFramer()
  const heard: string[] = []
  socket.on('data', bytes => {
    for (const message of framer.push(bytes, Date.now()).messages)
      heard.push(
        /MSA\|(\w\w)\|(\S+)/.exec(new TextDecoder().decode(message).replaceAll('\r', '\n'))!.slice(1).join(' '),
      )
  })
  const say = async (text: string, answers: number) => {
    socket.write(encodeMllp(text))
    await waitFor('an answer', () => heard.length >= answers)
  }
  await say(oru('1', 'AMB^4', 88), 1)
  await say(oru('1', 'AMB^4', 88), 2)
  await say(oru('2', 'AMB^4', 90, 'AL|NE'), 3)
  await say(oru('3', 'WARD^9', 70), 4)
  await say(oru('4', 'AMB^4', 250, '|', 'T'), 5)
  assert.deepEqual(heard, ['AA 1', 'AA 1', 'CA 2', 'AR 3', 'AA 4'])
  await waitFor('sent', async () => {
    const { uplink } = await gateway.read()
    return uplink.done === 2
  })
  const { rows } = await server.database.pool.query<{ hr: number }>(
    `SELECT hr_per_min AS hr FROM vitals WHERE unit_id = 'U4' ORDER BY seq`,
  )
  assert.deepEqual(
    rows.map(row => Number(row.hr)),
    [88, 90],
  )
})

test('GW-31 a configuration with a mistake does not start, says where, and shows no secret', async t => {
  const folder = makeFolder(t)
  const file = join(folder, 'gateway.json')
  writeFileSync(
    file,
    JSON.stringify({ server: { urls: ['http://192.0.2.1'], token }, spool: { directory: 's' }, sources: [] }),
  )
  const child = spawn(process.execPath, ['edge-gateway/main.ts', '--config', file], { cwd: root, stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const code = await new Promise<number | null>(done => child.once('exit', done))
  assert.equal(code, 2)
  assert.match(said, /sources/)
  assert.ok(!said.includes(token))
  assert.ok(!readFileSync(join(root, 'edge-gateway/main.ts'), 'utf8').includes('process.env'))
})

/**
 * Bench of the door out: processor time of the server's thread per client and unit update, for 500 units at 1 Hz and consoles of
 * one scope, beside a bare socket.io server that broadcasts the same rows as one JSON array. Flushes alternate in one run; only
 * the flush and its writing are counted, on both sides. Target: ≤ 1.5 of the bare broadcast. Bytes a unit update are printed.
 */
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Server as SocketServer } from 'socket.io'
import type { PositionRow } from '#contract/wire.ts'
import { startFanout } from '../../server/fanout/socket.ts'
import type { Principal } from '../../server/identity/permissions.ts'
import { createSight } from '../../server/identity/sight.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched } from '../../server/state/world.ts'
import { makeEntry, startAt } from '../help/line.ts'
import { prepareWorld } from './line.ts'
import { formatCount, judge, pickQuantile, print } from './measure.ts'
import type { ClientsOrder } from './socket-clients.ts'

const units = 500
/** A quarter of the units has moved by each packet: 1 Hz, four packets a second. */
const movedPerFlush = units / 4
const flushesPerTurn = 40
const turns = 8
const ratioMax = 1.5

const principal: Principal = { type: 'device', deviceId: 'bench', role: 'player', regions: ['330400'], unitIds: [] }

async function listen(server: HttpServer): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts clients in a thread; the counters are shared: connected, packets with positions, their characters. */
export async function startClients(order: ClientsOrder): Promise<{
  counters: Int32Array
  take(): Promise<number[]>
  end(): Promise<void>
}> {
  const tally = new SharedArrayBuffer(12)
  const worker = new Worker(new URL('./socket-clients.ts', import.meta.url), { workerData: { ...order, tally } })
  const next = <T>() =>
    new Promise<T>((resolve, fail) => {
      worker.once('message', resolve)
      worker.once('error', fail)
    })
  await next()
  return {
    counters: new Int32Array(tally),
    async take() {
      const answer = next<{ delaysMs: number[] }>()
      worker.postMessage('take')
      return (await answer).delaysMs
    },
    async end() {
      const ended = new Promise(resolve => worker.once('exit', resolve))
      worker.postMessage('end')
      await ended
    },
  }
}

/** Waits until the clients have read this many packets, bounded. */
async function waitForPackets(counters: Int32Array, wanted: number): Promise<void> {
  const until = performance.now() + 20_000
  while (Atomics.load(counters, 1) < wanted && performance.now() < until)
    await new Promise(resolve => setTimeout(resolve, 5))
}

async function benchClients(clients: number): Promise<void> {
  const world = prepareWorld(units)
  const touched = createTouched()
  let n = 0
  const move = (): PositionRow[] => {
    const rows: PositionRow[] = []
    for (let i = 0; i < movedPerFlush; i++, n++) {
      const at = startAt + 1_000 + n
      const unitId = `U${(n % units) + 1}`
      const body = {
        unitId,
        lon: 120 + ((n * 37) % 99_991) / 100_000,
        lat: 30 + ((n * 53) % 99_989) / 100_000,
        speedKmh: n % 90,
        courseDeg: n % 360,
      }
      const entry = makeEntry('unit.position', `T${n % units}`, { epoch: 'f', sourceSeq: n + 1 }, body, at)
      entry.seq = world.seq + 1
      entry.loggedAt = at
      advance(world, entry, touched)
      rows.push([unitId, body.lon, body.lat, at, body.courseDeg, body.speedKmh])
    }
    return rows
  }

  const ownServer = createServer()
  const sight = createSight(principal, world)
  const fanout = startFanout(ownServer, {
    world,
    touched,
    getCity: () => ({
      now: startAt,
      clock: 'wall',
      pager: 'dry',
      quarantined: 0,
      lastTickGapMs: 0,
      rulesVersion: 0,
      regionsVersion: 1,
    }),
    incarnation: 'bench',
    serverVersion: 'bench',
    origins: [],
    authenticate: async () => ({
      session: {
        accountId: 'bench',
        name: 'bench',
        roles: ['player'],
        regions: ['330400'],
        expiresAt: Date.UTC(2099, 0, 1),
        mustChangePassword: false,
      },
      scope: sight,
    }),
    beforeFlush: () => undefined,
    watch: () => () => undefined,
    onGone: () => undefined,
    isStillSignedIn: async () => true,
    submit: async () => ({ incarnation: 'bench', outcomes: [] }),
    onError: error => {
      throw error
    },
  })
  const bareServer = createServer()
  const bare = new SocketServer(bareServer, { transports: ['websocket'], serveClient: false })
  bare.on('connection', socket => void socket.join('all'))

  const own = await startClients({ url: await listen(ownServer), count: clients, headers: {}, isParsing: false })
  const other = await startClients({ url: await listen(bareServer), count: clients, headers: {}, isParsing: false })
  fanout.flush()
  // Every unit is shown once before anything is counted: a first fix is more than a move.
  for (let i = 0; i < 8; i++) {
    move()
    fanout.flush()
  }

  const runTurn = async (counters: Int32Array, flush: (rows: PositionRow[]) => void): Promise<number> => {
    let usedUs = 0
    const before = Atomics.load(counters, 1)
    for (let i = 0; i < flushesPerTurn; i++) {
      const rows = move()
      const from = process.threadCpuUsage()
      flush(rows)
      // Writing goes on in the turns after the flush.
      for (let t = 0; t < 3; t++) await turn()
      const used = process.threadCpuUsage(from)
      usedUs += used.user + used.system
      await waitForPackets(counters, before + (i + 1) * clients)
    }
    return usedUs / (flushesPerTurn * movedPerFlush * clients)
  }
  const sendOwn = () => fanout.flush()
  const sendBare = (rows: PositionRow[]) => {
    bare.to('all').emit('packet', { positions: rows })
  }
  const drop = (send: (rows: PositionRow[]) => void) => (rows: PositionRow[]) => {
    for (const row of rows) touched.positions.delete(row[0])
    send(rows)
  }
  await runTurn(own.counters, sendOwn)
  await runTurn(other.counters, drop(sendBare))
  const startedPackets = [own, other].map(c => Atomics.load(c.counters, 1))
  const startedBytes = [own, other].map(c => Atomics.load(c.counters, 2))
  const ownUs: number[] = []
  const bareUs: number[] = []
  for (let i = 0; i < turns; i++) {
    ownUs.push(await runTurn(own.counters, sendOwn))
    bareUs.push(await runTurn(other.counters, drop(sendBare)))
  }
  const bytes = [own, other].map(
    (c, i) =>
      (Atomics.load(c.counters, 2) - startedBytes[i]!) /
      (Atomics.load(c.counters, 1) - startedPackets[i]!) /
      movedPerFlush,
  )
  const { behind } = fanout.countClients()
  await Promise.all([own.end(), other.end()])
  await fanout.close()
  await bare.close()
  const median = (list: number[]) =>
    pickQuantile(
      [...list].sort((a, b) => a - b),
      0.5,
    )
  const [mine, theirs] = [median(ownUs), median(bareUs)]
  print(
    'fanout',
    `${clients} clients of one scope, ${units} units at 1 Hz: ${mine.toFixed(3)} µs CPU per client-update (worst turn ${Math.max(...ownUs).toFixed(3)}), ` +
      `bare socket.io broadcast ${theirs.toFixed(3)} µs, ratio ${(mine / theirs).toFixed(2)}, ${judge(mine / theirs, ratioMax, true)}`,
  )
  print(
    'fanout',
    `${clients} clients: ${bytes[0]!.toFixed(1)} bytes per unit update, bare ${bytes[1]!.toFixed(1)}; ${behind} clients behind; ${formatCount(turns * flushesPerTurn)} packets a side, median of ${turns} turns`,
  )
}

/** Prints both sides for 20 and 100 clients. */
export async function benchFanout(): Promise<void> {
  for (const clients of [20, 100]) await benchClients(clients)
}

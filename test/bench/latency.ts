/**
 * Bench of the whole way: 500 units at 1 Hz and 20 consoles, milliseconds from the POST to the console's handler, beside a bare
 * socket.io echo to as many clients in the same process at the same time. The house batches packets every 250 ms, so half of
 * that is its floor. Target on an idle machine: p99 ≤ 600 ms.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { Server as SocketServer } from 'socket.io'
import { makeCity } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'
import { startTestServer } from '../help/server.ts'
import { startClients } from './fanout.ts'
import type { LatencyOrder } from './latency-load.ts'
import { formatCount, judge, pickQuantile, print } from './measure.ts'

const units = 500
const consoles = 20
const seconds = 20
const p99MaxMs = 600

function describe(delaysMs: readonly number[]): { text: string; p99: number } {
  const sorted = [...delaysMs].sort((a, b) => a - b)
  const at = (share: number) => pickQuantile(sorted, share)
  return {
    text: `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${sorted.at(-1)} ms over ${formatCount(sorted.length)}`,
    p99: at(0.99),
  }
}

async function benchPlace(name: string, databaseUrl?: string): Promise<void> {
  const server = await startTestServer(databaseUrl ? { databaseUrl } : {})
  const echoServer = createServer()
  const echo = new SocketServer(echoServer, { transports: ['websocket'], serveClient: false })
  try {
    const now = Date.now()
    await server.writer.submit(makeCity(units).map(e => ({ ...e, occurredAt: now, receivedAt: now })))
    const { accountId, password } = await server.addPerson('bench', ['dispatcher'], ['330400'])
    const cookie = await server.signIn(accountId, password)
    echo.on('connection', socket => void socket.on('say', (at: number) => void echo.emit('echo', at)))
    await new Promise<void>(resolve => echoServer.listen(0, '127.0.0.1', resolve))
    const echoUrl = `ws://127.0.0.1:${(echoServer.address() as AddressInfo).port}`
    const own = await startClients({
      url: server.url.replace('http', 'ws'),
      count: consoles,
      headers: { cookie },
      isParsing: true,
    })
    const bare = await startClients({ url: echoUrl, count: consoles, headers: {}, isParsing: true })
    const runLoad = async (forSeconds: number) => {
      const order: LatencyOrder = { url: server.url, token: server.token, echoUrl, units, seconds: forSeconds }
      const worker = new Worker(new URL('./latency-load.ts', import.meta.url), { workerData: order })
      const answer = await new Promise<{ ackMs: number[]; refused: number }>((resolve, fail) => {
        worker.once('message', resolve)
        worker.once('error', fail)
      })
      // The last packet is on its way for at most one beat.
      await new Promise(resolve => setTimeout(resolve, 500))
      return answer
    }
    await runLoad(3)
    await Promise.all([own.take(), bare.take()])
    const { ackMs, refused } = await runLoad(seconds)
    const [ownMs, bareMs] = await Promise.all([own.take(), bare.take()])
    const toHandler = describe(ownMs)
    print(
      'latency',
      `${name}: ${units} units at 1 Hz, ${consoles} consoles, POST to handler: ${toHandler.text}, p99 ${judge(toHandler.p99, p99MaxMs, true, ' ms')}`,
    )
    print(
      'latency',
      `${name}: bare socket.io echo to ${consoles} clients: ${describe(bareMs).text}; POST to acknowledgement: ${describe(ackMs).text}${refused > 0 ? `; ${refused} refused` : ''}`,
    )
    await Promise.all([own.end(), bare.end()])
  } finally {
    await echo.close()
    await server.remove()
  }
}

/** Prints both sides, on native PostgreSQL and on the embedded database. */
export async function benchLatency(): Promise<void> {
  const native = await startPostgres()
  try {
    await benchPlace('native', native.url)
  } finally {
    await native.stop()
  }
  await benchPlace('embedded')
}

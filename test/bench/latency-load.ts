/**
 * Load of the latency bench, in a thread of its own: what a gateway with 500 units at 1 Hz does (ten requests a second, 50 fixes
 * each), and beside every request one message to the bare echo. Answers the milliseconds from request to acknowledgement.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Agent } from 'undici'

export type LatencyOrder = { url: string; token: string; echoUrl: string; units: number; seconds: number }

const { url, token, echoUrl, units, seconds } = workerData as LatencyOrder
const perSecond = 10
const perRequest = units / perSecond
const agent = new Agent({ connections: 4, pipelining: 1 })

const echo = await new Promise<WebSocket>((resolve, fail) => {
  const socket = new WebSocket(`${echoUrl}/socket.io/?EIO=4&transport=websocket`)
  socket.onerror = () => fail(new Error('no socket'))
  socket.onmessage = ({ data }) => {
    const text = data as string
    if (text.startsWith('0{')) socket.send('40')
    else if (text === '2') socket.send('3')
    else if (text.startsWith('40')) resolve(socket)
  }
})

const ackMs: number[] = []
let refused = 0
const epoch = `latency-${Date.now()}`

const post = async (round: number) => {
  const from = Date.now()
  const entries = Array.from({ length: perRequest }, (_, i) => {
    const unit = ((round % perSecond) * perRequest + i) % units
    const seq = Math.floor(round / perSecond) + 1
    const body = {
      unitId: `U${unit + 1}`,
      lon: 120 + ((seq * 37 + unit) % 997) / 1_000,
      lat: 30.5,
      speedKmh: 40,
      courseDeg: 90,
    }
    return { kind: 'unit.position', source: `T${unit}`, epoch, seq, occurredAt: from, body }
  })
  const answer = await agent.request({
    origin: url,
    path: '/v1/entries',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ entries }),
  })
  const said = (await answer.body.json()) as { outcomes?: { result: string }[] }
  refused += perRequest - (said.outcomes?.filter(o => o.result === 'done').length ?? 0)
  ackMs.push(Date.now() - from)
}

const startedAt = performance.now()
const underWay: Promise<void>[] = []
for (let round = 0; round < seconds * perSecond; round++) {
  const waitMs = startedAt + round * (1_000 / perSecond) - performance.now()
  if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
  echo.send(`42["say",${Date.now()}]`)
  underWay.push(post(round))
}
await Promise.all(underWay)
parentPort?.postMessage({ ackMs, refused })
echo.close()
await agent.close()

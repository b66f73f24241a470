/**
 * Load of the ingest bench, in a thread of its own: posts position batches over keep-alive connections and answers how many
 * were acknowledged and how long it took.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Agent } from 'undici'

const { url, token, rows, batch, inFlight, units, round } = workerData as {
  url: string
  token: string
  rows: number
  batch: number
  inFlight: number
  units: number
  round: number
}
const agent = new Agent({ connections: inFlight, pipelining: 1 })
const base = Date.now() - 60_000
const bodies: string[] = []
for (let n = 0; n < rows; n += batch)
  bodies.push(
    JSON.stringify({
      entries: Array.from({ length: batch }, (_, i) => ({
        kind: 'unit.position',
        source: `T${(n + i) % units}`,
        epoch: `bench-${round}`,
        seq: Math.floor((n + i) / units) + 1,
        occurredAt: base + Math.floor((n + i) / units),
        body: {
          unitId: `U${((n + i) % units) + 1}`,
          lon: 120 + ((n + i) % 997) / 1_000,
          lat: 30.5,
          speedKmh: 40,
          courseDeg: (n + i) % 360,
        },
      })),
    }),
  )
let next = 0
let done = 0
const lane = async () => {
  while (next < bodies.length) {
    const body = bodies[next++]!
    const answer = await agent.request({
      origin: url,
      path: '/v1/entries',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
    })
    const said = (await answer.body.json()) as { outcomes?: { result: string }[] }
    if (answer.statusCode === 429) {
      next--
      await new Promise(resolve => setTimeout(resolve, 50))
      continue
    }
    done += said.outcomes?.filter(o => o.result === 'done').length ?? 0
  }
}
const startedAt = performance.now()
await Promise.all(Array.from({ length: inFlight }, lane))
parentPort?.postMessage({ done, seconds: (performance.now() - startedAt) / 1_000 })
await agent.close()

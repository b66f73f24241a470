/**
 * Clients of the fan-out and latency benches, in a thread of their own: raw engine.io websockets that sign in to the default
 * namespace, answer pings and count what arrives. With `isParsing` they do what a console does first: parse the packet.
 */
import { parentPort, workerData } from 'node:worker_threads'

export type ClientsOrder = { url: string; count: number; headers: Record<string, string>; isParsing: boolean }
export type ClientsTally = {
  /** Packets of one name and their UTF-16 units, which are bytes here: positions are ASCII. */
  packets: number
  units: number
}

const { url, count, headers, isParsing, tally } = workerData as ClientsOrder & { tally: SharedArrayBuffer }
/** 0 connected, 1 packets that hold positions, 2 their characters; in isParsing the arrivals are posted too. */
const counters = new Int32Array(tally)
type Arrival = { unitId: string; at: number }
let arrivals: Arrival[] = []

const open = () =>
  new Promise<WebSocket>((resolve, fail) => {
    // `headers` is undici's own addition to the standard class.
    const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { headers } as never)
    socket.onerror = () => fail(new Error('no socket'))
    socket.onmessage = ({ data }) => {
      const text = data as string
      if (text.startsWith('0{')) socket.send('40')
      else if (text === '2') socket.send('3')
      else if (text.startsWith('40')) {
        Atomics.add(counters, 0, 1)
        resolve(socket)
      } else if (text.startsWith('44')) fail(new Error(text))
      else if (text.startsWith('42["packet"') && text.includes('"positions"')) {
        const now = performance.timeOrigin + performance.now()
        Atomics.add(counters, 1, 1)
        Atomics.add(counters, 2, text.length)
        if (isParsing) {
          const packet = JSON.parse(text.slice(2))[1] as { changes: { positions: [string, number, number, number][] } }
          for (const [unitId, , , at] of packet.changes.positions) arrivals.push({ unitId, at: now - at })
        }
      } else if (text.startsWith('42["echo"')) {
        const sentAt = JSON.parse(text.slice(2))[1] as number
        arrivals.push({ unitId: '', at: performance.timeOrigin + performance.now() - sentAt })
      }
    }
  })

const sockets: WebSocket[] = []
for (let n = 0; n < count; n++) sockets.push(await open())
parentPort?.on('message', (order: 'take' | 'end') => {
  if (order === 'take') {
    parentPort?.postMessage({ delaysMs: arrivals.map(a => a.at) })
    arrivals = []
    return
  }
  for (const socket of sockets) socket.close()
  setTimeout(() => process.exit(0), 50)
})
parentPort?.postMessage('ready')

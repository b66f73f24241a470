/**
 * Clients of the fan-out and latency benches, in a thread of their own: raw engine.io websockets that sign in to the default
 * namespace, answer pings and count what arrives. With `isParsing` they do what a console does first: parse the packet.
 */
import { parentPort, workerData } from 'node:worker_threads'

export type ClientsOrder = { url: string; count: number; headers: Record<string, string>; isParsing: boolean }
const { url, count, headers, isParsing, tally } = workerData as ClientsOrder & { tally: SharedArrayBuffer }
/** 0 connected, 1 packets that hold positions, 2 their UTF-16 units, which are bytes here: positions are ASCII. */
const counters = new Int32Array(tally)
/** Milliseconds from the sender's clock, which is this machine's, to the handler here. */
let delaysMs: number[] = []

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
        const now = Date.now()
        Atomics.add(counters, 1, 1)
        Atomics.add(counters, 2, text.length)
        if (isParsing) {
          const packet = JSON.parse(text.slice(2))[1] as { changes: { positions: [string, number, number, number][] } }
          for (const [, , , sentAt] of packet.changes.positions) delaysMs.push(now - sentAt)
        }
      } else if (text.startsWith('42["echo"')) {
        const sentAt = JSON.parse(text.slice(2))[1] as number
        delaysMs.push(Date.now() - sentAt)
      }
    }
  })

const sockets: WebSocket[] = []
for (let n = 0; n < count; n++) sockets.push(await open())
parentPort?.on('message', (order: 'take' | 'end') => {
  if (order === 'take') {
    parentPort?.postMessage({ delaysMs })
    delaysMs = []
    return
  }
  for (const socket of sockets) socket.close()
  setTimeout(() => process.exit(0), 50)
})
parentPort?.postMessage('ready')

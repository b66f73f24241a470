/**
 * Road thread: starts worker.ts on the folder of the region pack, hands it orders, and starts it anew when it must be given up.
 * One kind of road source; travel.ts stands before it with the queue, the timeout and the fallback.
 * Promises: an order that the thread will never answer is rejected, so nobody waits for a dead thread.
 */
import { Worker } from 'node:worker_threads'
import type { RoadReject } from './graph.ts'
import type { RoadSource, SourceState, TravelOrder } from './travel.ts'
import type { RoadOrder, RoadWord } from './worker.ts'

/** Times a thread is started anew before the roads are given up until the next start of the house. */
export const restartsMax = 5

export type RoadThreadPorts = {
  directory: string
  onRoads(roads: { name: string; nodeCount: number; arcCount: number; islandNodes: number }): void
  onRefused(refused: RoadReject): void
  onError(error: Error): void
}

/** Starts the thread. Reading a pack takes its time; until then the state is `loading`. */
export function startRoadThread(ports: RoadThreadPorts): RoadSource {
  let state: SourceState = { holds: 'loading' }
  let worker: Worker | undefined
  let isStopped = false
  let restarts = 0
  let orderNo = 0
  let waiting: { orderNo: number; done: (word: RoadWord) => void; fail: (error: Error) => void } | undefined

  const abandon = (error: Error): void => {
    waiting?.fail(error)
    waiting = undefined
  }
  const hear = (word: RoadWord): void => {
    if (!('holds' in word)) {
      // An answer to an order that was given up is of no use to anybody.
      if (waiting?.orderNo !== word.orderNo) return
      const { done } = waiting
      waiting = undefined
      done(word)
      return
    }
    if (word.holds === 'roads') {
      state = { holds: 'roads' }
      ports.onRoads(word)
    } else if (word.holds === 'refused') {
      state = { holds: 'refused', code: word.reject.code }
      ports.onRefused(word.reject)
    } else state = { holds: 'nothing' }
  }
  const start = (): void => {
    state = { holds: 'loading' }
    const made = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { directory: ports.directory } })
    made.unref()
    made.on('message', hear)
    made.on('error', error => ports.onError(error as Error))
    made.on('exit', () => {
      if (made !== worker || isStopped) return
      // A thread without roads has nothing left to do and ends by itself.
      if (state.holds === 'nothing' || state.holds === 'refused') return
      restart()
    })
    worker = made
  }
  const restart = (): void => {
    abandon(new Error('the road thread was given up'))
    const former = worker
    worker = undefined
    void former?.terminate()
    if (isStopped || restarts >= restartsMax) {
      state = { holds: 'lost' }
      return
    }
    restarts += 1
    start()
  }
  start()
  return {
    getState: () => state,
    measure(order: TravelOrder) {
      return new Promise((resolve, reject) => {
        if (!worker || state.holds !== 'roads' || waiting) {
          reject(new Error('the road thread takes no order now'))
          return
        }
        orderNo += 1
        waiting = {
          orderNo,
          done: word => resolve('seconds' in word ? { seconds: word.seconds, metres: word.metres } : 'off-road'),
          fail: reject,
        }
        const places = new Float64Array(order.places.length * 2)
        order.places.forEach((place, at) => {
          places[2 * at] = place.lon
          places[2 * at + 1] = place.lat
        })
        const { target, hourOfWeek, siren, secondsMax } = order
        const sent: RoadOrder = {
          orderNo,
          target: { lon: target.lon, lat: target.lat },
          places,
          hourOfWeek,
          siren,
          secondsMax,
        }
        worker.postMessage(sent, [places.buffer])
      })
    },
    restart,
    async stop() {
      isStopped = true
      abandon(new Error('stopping'))
      await worker?.terminate()
    },
  }
}

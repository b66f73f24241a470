/**
 * Address thread: starts worker.ts on the folder of the region pack, hands it searches, starts it anew when it dies.
 * Stands between query/ and the index. Promises: a search is answered or refused within a second, and no more than searchesMax
 * wait; without a gazetteer positions are still read.
 */
import { Worker } from 'node:worker_threads'
import { type Reject, reject } from '#contract/errors.ts'
import type { AddressOrder, FoundHit } from './search.ts'
import type { AddressWord } from './worker.ts'

/** Searches that may wait: forty desks typing at once. */
export const searchesMax = 64
/** A search answered later than this is of no use to somebody who goes on typing. */
export const searchMaxMs = 1_000
/** Times the thread is started anew before addresses are given up until the next start of the house. */
export const restartsMax = 5

export type AddressState =
  | { holds: 'loading' | 'nothing' | 'lost' }
  | { holds: 'names'; version: string; name: string; rowCount: number }
  | { holds: 'refused'; refused: Reject }

export type Addresses = {
  getState(): AddressState
  search(order: AddressOrder): Promise<{ hits: FoundHit[]; tookMs: number } | Reject>
  stop(): Promise<void>
}

export type AddressPorts = {
  directory: string | undefined
  onNames(names: { version: string; name: string; rowCount: number; formCount: number; buildMs: number }): void
  onRefused(refused: Reject): void
  onError(error: Error): void
}

/** Starts the thread; reading a gazetteer takes its time, searches asked meanwhile wait for it up to searchMaxMs. */
export function startAddresses(ports: AddressPorts): Addresses {
  let state: AddressState = { holds: 'loading' }
  let worker: Worker | undefined
  let isStopped = false
  let restarts = 0
  let orderNo = 0
  const waiting = new Map<number, (word: { hits: FoundHit[]; tookMs: number } | Reject) => void>()
  const late = () => reject('ADDRESSES_AWAY')

  const hear = (word: AddressWord): void => {
    if ('orderNo' in word) {
      waiting.get(word.orderNo)?.({ hits: word.hits, tookMs: word.tookMs })
      waiting.delete(word.orderNo)
    } else if (word.holds === 'names') {
      state = { holds: 'names', version: word.version, name: word.name, rowCount: word.rowCount }
      ports.onNames(word)
    } else if (word.holds === 'refused') {
      state = word
      ports.onRefused(word.refused)
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
      for (const answer of waiting.values()) answer(late())
      waiting.clear()
      worker = undefined
      if (restarts++ >= restartsMax) state = { holds: 'lost' }
      else start()
    })
    worker = made
  }
  start()
  return {
    getState: () => state,
    search(order) {
      if (!worker || isStopped) return Promise.resolve(late())
      if (waiting.size >= searchesMax) return Promise.resolve(reject('TOO_MANY_REQUESTS', { retryAfterS: 1 }))
      orderNo += 1
      const no = orderNo
      const { promise, resolve } = Promise.withResolvers<{ hits: FoundHit[]; tookMs: number } | Reject>()
      const timer = setTimeout(() => {
        waiting.delete(no)
        resolve(late())
      }, searchMaxMs)
      waiting.set(no, answer => {
        clearTimeout(timer)
        resolve(answer)
      })
      worker.postMessage({ ...order, orderNo: no })
      return promise
    },
    async stop() {
      isStopped = true
      for (const answer of waiting.values()) answer(late())
      waiting.clear()
      await worker?.terminate()
    },
  }
}

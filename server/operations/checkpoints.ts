/**
 * Checkpoints: decides when one is due and has the worker make it; keeps the hourly anchor of the chain outside the database,
 * so that a truncated tail shows.
 */
import { appendFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { PoolConfig } from 'pg'
import type { Head } from '../log/log.ts'
import type { CheckpointAnswer, CheckpointOrder } from './checkpoint-worker.ts'

export const checkEveryMs = 5_000
/** A quiet city still gets a checkpoint this often. */
export const checkpointAtLeastMs = 15 * 60_000
export const anchorEveryMs = 3_600_000

export type CheckpointPorts = {
  connection: PoolConfig
  everyEntries: number
  fromSeq: number
  anchorFile: string
  /** Id of the log, so that a restore is told from a truncated tail. */
  incarnation: string
  getHead(): Head
  /** The newest seq whose outcomes are all durable: a checkpoint beyond it would hide one that still has to be stored. */
  getSettledSeq(): number
  onMade(answer: CheckpointAnswer): void
  onError(error: Error): void
}

export type Checkpoints = { makeNow(): Promise<CheckpointAnswer>; stop(): Promise<void> }

/** Starts the worker and the watch over it. */
export function startCheckpoints(ports: CheckpointPorts): Checkpoints {
  let worker: Worker | undefined
  let doneSeq = ports.fromSeq
  let doneAt = performance.now()
  let underWay: Promise<CheckpointAnswer> | undefined

  /** One worker at a time; one that died (out of memory, a crash of the thread) is replaced when it is needed next. */
  const getWorker = (): Worker => {
    if (worker) return worker
    const started = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: { connection: ports.connection },
    })
    started.unref()
    started.on('error', error => ports.onError(error as Error))
    started.once('exit', () => {
      if (worker === started) worker = undefined
    })
    worker = started
    return started
  }

  const makeNow = (): Promise<CheckpointAnswer> => {
    underWay ??= new Promise<CheckpointAnswer>(resolve => {
      const asked = getWorker()
      const end = () => resolve({ fault: 'the checkpoint worker ended' })
      asked.once('exit', end)
      asked.once('message', (answer: CheckpointAnswer) => {
        asked.off('exit', end)
        resolve(answer)
      })
      asked.postMessage({ untilSeq: ports.getSettledSeq() } satisfies CheckpointOrder)
    }).then(answer => {
      underWay = undefined
      doneAt = performance.now()
      if ('seq' in answer) doneSeq = answer.seq
      ports.onMade(answer)
      return answer
    })
    return underWay
  }
  const timer = setInterval(() => {
    const grown = ports.getSettledSeq() - doneSeq
    if (grown >= ports.everyEntries || (grown > 0 && performance.now() - doneAt > checkpointAtLeastMs)) void makeNow()
  }, checkEveryMs)
  const anchor = () => {
    const { commitNo, hash } = ports.getHead()
    const { incarnation } = ports
    if (commitNo > 0)
      appendFile(ports.anchorFile, `${JSON.stringify({ at: Date.now(), incarnation, commitNo, hash })}\n`, {
        mode: 0o600,
      }).catch(ports.onError)
  }
  const anchorTimer = setInterval(anchor, anchorEveryMs)
  return {
    makeNow,
    async stop() {
      clearInterval(timer)
      clearInterval(anchorTimer)
      anchor()
      await worker?.terminate()
    },
  }
}

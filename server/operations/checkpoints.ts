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
  getHead(): Head
  onMade(answer: CheckpointAnswer): void
  onError(error: Error): void
}

export type Checkpoints = { makeNow(): Promise<CheckpointAnswer>; stop(): Promise<void> }

/** Starts the worker and the watch over it. */
export function startCheckpoints(ports: CheckpointPorts): Checkpoints {
  const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
    workerData: { connection: ports.connection },
  })
  worker.unref()
  worker.on('error', error => ports.onError(error as Error))
  let doneSeq = ports.fromSeq
  let doneAt = performance.now()
  let underWay: Promise<CheckpointAnswer> | undefined

  const makeNow = (): Promise<CheckpointAnswer> => {
    underWay ??= new Promise<CheckpointAnswer>(resolve => {
      worker.once('message', resolve)
      worker.postMessage({ untilSeq: ports.getHead().seq } satisfies CheckpointOrder)
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
    const grown = ports.getHead().seq - doneSeq
    if (grown >= ports.everyEntries || (grown > 0 && performance.now() - doneAt > checkpointAtLeastMs)) void makeNow()
  }, checkEveryMs)
  const anchor = () => {
    const { commitNo, hash } = ports.getHead()
    if (commitNo > 0)
      appendFile(ports.anchorFile, `${JSON.stringify({ at: Date.now(), commitNo, hash })}\n`, { mode: 0o600 }).catch(
        ports.onError,
      )
  }
  const anchorTimer = setInterval(anchor, anchorEveryMs)
  return {
    makeNow,
    async stop() {
      clearInterval(timer)
      clearInterval(anchorTimer)
      anchor()
      await worker.terminate()
    },
  }
}

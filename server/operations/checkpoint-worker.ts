/**
 * Checkpoint worker: a thread that folds its own world from the last checkpoint plus the log and saves it in slices. The line
 * never serialises its world; it is only asked for nothing. Runs once per message, then waits for the next.
 */
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import { foldTail, openCheckpoint } from '../log/boot.ts'
import { hashSlices, sliceWorld } from '../log/checkpoint.ts'
import { openPostgresLog } from '../log/postgres.ts'
import { advance, coreVersion } from '../pipeline.ts'
import type { World } from '../state/world.ts'

export type CheckpointOrder = { untilSeq: number }
export type CheckpointAnswer = { seq: number; slices: number; bytes: number; tookMs: number } | { fault: string }

// On Linux this is the priority of the calling thread alone: the line goes first whenever both want a processor.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)

const { connection } = workerData as { connection: pg.PoolConfig }
const pool = new pg.Pool({ ...connection, max: 1 })
pool.on('error', () => undefined)
pg.types.setTypeParser(20, Number)
let world: World | undefined

/** Folds up to a seq and saves the world there. */
async function makeCheckpoint({ untilSeq }: CheckpointOrder): Promise<CheckpointAnswer> {
  const startedAt = performance.now()
  const log = await openPostgresLog(pool)
  world ??= await openCheckpoint(log)
  const skipped = new Set((await log.listQuarantined()).map(q => q.seq))
  await foldTail(log, advance, world, skipped, untilSeq)
  const slices = [...sliceWorld(world)]
  const era = await log.findEra()
  await log.saveCheckpoint({ seq: world.seq, eraNo: era?.eraNo ?? 1, coreVersion, hash: hashSlices(slices), slices })
  return {
    seq: world.seq,
    slices: slices.length,
    bytes: slices.reduce((n, s) => n + s.length, 0),
    tookMs: performance.now() - startedAt,
  }
}

let queue: Promise<unknown> = Promise.resolve()
parentPort?.on('message', (order: CheckpointOrder) => {
  queue = queue.then(() =>
    makeCheckpoint(order).then(
      answer => parentPort?.postMessage(answer),
      error => {
        // A fold that failed midway must not be built upon.
        world = undefined
        parentPort?.postMessage({ fault: String((error as Error).message) } satisfies CheckpointAnswer)
      },
    ),
  )
})

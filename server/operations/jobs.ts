/**
 * Jobs: compression and retention of the big tables, in slices, by our own timer (the embedded database has no background
 * workers). A retention cut starts an era: a checkpoint newer than everything cut is made first and is kept, so that boot and
 * replay never need what is gone.
 */
import type { Pool } from 'pg'
import { dayMs, hourMs } from '#contract/scalars.ts'
import type { Log } from '../log/log.ts'
import { coreVersion } from '../pipeline.ts'
import { bigTables, compressChunk, deleteSlice, dropChunks, findSeqBefore, listChunks } from './sql.ts'

export const jobsEveryMs = 10 * 60_000
/** Chunks are compressed a day after they end: late rows are rare by then. */
export const compressAfterMs = dayMs
/** How the reason of an era begins that a retention cut has started; operations/sql.ts looks for it. */
export const cutReason = 'retention'
/** Chunks compressed, or slices deleted, in one round: short pauses between long ones. */
const slicesPerRoundMax = 8

export type JobPorts = {
  pool: Pool
  timescale: boolean
  retentionDays: number
  cityNow(): number
  log: Log
  makeCheckpoint(): Promise<unknown>
  onError(error: Error): void
  onDone(job: string, detail: Record<string, number>): void
}

/** Compresses chunks that are old enough; answers how many. */
export async function compressOld({ pool, cityNow }: Pick<JobPorts, 'pool' | 'cityNow'>): Promise<number> {
  let compressed = 0
  for (const table of bigTables)
    for (const chunk of await listChunks(pool, table, cityNow() - compressAfterMs, false, slicesPerRoundMax)) {
      await compressChunk(pool, chunk)
      compressed++
    }
  return compressed
}

/** Cuts what is older than the retention; a new era begins when anything goes. Answers how many chunks or rows went. */
export async function cutOld(ports: Omit<JobPorts, 'onError' | 'onDone'>): Promise<number> {
  const { pool, log, timescale } = ports
  const before = ports.cityNow() - ports.retentionDays * dayMs
  const lastSeq = await findSeqBefore(pool, before)
  if (lastSeq === 0) return 0
  const owed = timescale
    ? (await Promise.all(bigTables.map(table => listChunks(pool, table, before, undefined, 1)))).some(
        chunks => chunks.length > 0,
      )
    : true
  if (!owed) return 0
  const era = await log.findEra()
  // An era of another reason may lie late enough and yet not say that something was cut: audit must know from where on all is there.
  if (!era || era.openingSeq < lastSeq || !era.reason.startsWith(cutReason)) {
    await ports.makeCheckpoint()
    const checkpoint = await log.findCheckpoint()
    if (!checkpoint || checkpoint.seq < lastSeq) return 0
    await log.startEra({
      eraNo: (era?.eraNo ?? 0) + 1,
      openingSeq: checkpoint.seq,
      coreVersion,
      reason: `${cutReason} ${ports.retentionDays} days`,
    })
  }
  let gone = 0
  for (const table of bigTables) {
    if (timescale) gone += await dropChunks(pool, table, before)
    else
      for (let slice = 0; slice < slicesPerRoundMax; slice++) {
        const deleted = await deleteSlice(pool, table, before)
        gone += deleted
        if (deleted === 0) break
      }
  }
  return gone
}

/** Starts the timer; returns what stops it after the job under way. */
export function startJobs(ports: JobPorts): () => Promise<void> {
  let underWay: Promise<void> = Promise.resolve()
  const run = async () => {
    const compressed = ports.timescale ? await compressOld(ports) : 0
    const cut = await cutOld(ports)
    if (compressed + cut > 0) ports.onDone('tables', { compressed, cut })
  }
  const timer = setInterval(
    () => {
      underWay = underWay.then(run).catch(ports.onError)
    },
    Math.min(jobsEveryMs, hourMs),
  )
  return async () => {
    clearInterval(timer)
    await underWay
  }
}

/**
 * Dry-run worker: a thread that reads past entries of the small table in slices and folds them under two lists of rules. It runs
 * once, answers once and ends; it writes nothing. Whoever started it ends it when it takes too long.
 */
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import type { DryRunRequest, DryRunView } from '#contract/dry-run.ts'
import { type Reject, reject } from '#contract/errors.ts'
import type { Rule } from '#contract/rule.ts'
import { dayMs, getDayStartAt, parseDay } from '#contract/scalars.ts'
import { judgedKinds, openDryRun, registerKinds, warmUpDays } from './dry-run-fold.ts'
import { countPastEntries, findSeqBefore, listConfirmedAlerts, listPastEntries } from './sql.ts'

export type DryRunOrder = {
  connection: pg.PoolConfig
  request: DryRunRequest
  current: { version: number; rules: readonly Rule[] }
  /** Codes of the regions the asker covers. */
  regionCodes: readonly string[]
}
export type DryRunAnswer = { view: DryRunView } | { refused: Reject } | { fault: string }

/** Entries of one dry run at most: two years of a prefecture with 700 reports a day. */
export const dryRunEntriesMax = 500_000
/** Past alerts a person confirmed, looked at for the catch. */
const confirmedMax = 500

/** Folds every page of some kinds between two seqs. */
async function foldPages(
  pool: pg.Pool,
  kinds: readonly string[],
  fromSeq: number,
  untilSeq: number,
  take: (entry: Parameters<ReturnType<typeof openDryRun>['take']>[0]) => void,
): Promise<void> {
  for (let afterSeq = fromSeq; ; ) {
    const page = await listPastEntries(pool, { afterSeq, untilSeq, kinds })
    for (const entry of page) take(entry)
    const last = page.at(-1)
    if (!last) return
    afterSeq = last.seq
  }
}

async function run({ connection, request, current, regionCodes }: DryRunOrder): Promise<DryRunAnswer> {
  const pool = new pg.Pool({ ...connection, max: 1 })
  pool.on('error', () => undefined)
  try {
    const fromAt = getDayStartAt(parseDay(request.fromDay)!)
    const untilAt = getDayStartAt(parseDay(request.untilDay)! + 1)
    const firstSeq = await findSeqBefore(pool, fromAt - warmUpDays * dayMs)
    // A day further: the group that holds the last instant may hold later entries, which the fold leaves out.
    const lastSeq = (await findSeqBefore(pool, untilAt + dayMs)) || Number.MAX_SAFE_INTEGER
    const span = { afterSeq: firstSeq, untilSeq: lastSeq, kinds: [...judgedKinds, ...registerKinds] }
    if ((await countPastEntries(pool, span, dryRunEntriesMax)) > dryRunEntriesMax)
      return { refused: reject('DRY_RUN_TOO_LARGE', { max: dryRunEntriesMax }) }
    const covered = new Set(regionCodes)
    const dry = openDryRun(request, current, regionCode => covered.has(regionCode))
    await foldPages(pool, registerKinds, 0, firstSeq, entry => dry.take(entry))
    await foldPages(pool, span.kinds, firstSeq, lastSeq, entry => dry.take(entry))
    return { view: dry.finish(await listConfirmedAlerts(pool, fromAt, untilAt, confirmedMax)) }
  } finally {
    await pool.end()
  }
}

// On Linux this is the priority of the calling thread alone: the line goes first whenever both want a processor.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)
run(workerData as DryRunOrder).then(
  answer => parentPort?.postMessage(answer),
  error => parentPort?.postMessage({ fault: String((error as Error).message) } satisfies DryRunAnswer),
)

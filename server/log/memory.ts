/**
 * Memory log: the same port without a database, for the simulation tests and the pure benches. Loses everything when the
 * process ends, and says so by its incarnation. Rows are kept as text, so that what is read is what would be read from a table.
 */
import { randomUUID } from 'node:crypto'
import type { Entry } from '#contract/entry.ts'
import { genesisHash } from './chain.ts'
import {
  type Checkpoint,
  type Commit,
  type CommitRow,
  checkpointsKept,
  type Era,
  type Head,
  type Log,
  type LoggedEntry,
  readMax,
  type StoredOutcome,
} from './log.ts'

/** What a test may do to the next append: fail before anything is durable, or after (a lost answer of COMMIT). */
export type AppendFault = 'before' | 'after'

export type MemoryLog = Log & { failNext(fault: AppendFault, error?: Error): void }

export function createMemoryLog(): MemoryLog {
  const entries: string[] = []
  const outcomes = new Map<number, StoredOutcome['outcome']>()
  const outcomesByCommit = new Map<number, StoredOutcome[]>()
  const commits: CommitRow[] = []
  const byKey = new Map<string, number>()
  const byUuid = new Map<string, number>()
  const quarantined: { seq: number; fault: string; at: number }[] = []
  let checkpoints: Checkpoint[] = []
  let era: Era | undefined
  let fault: { when: AppendFault; error: Error } | undefined

  const parse = (seq: number): LoggedEntry => {
    const entry = JSON.parse(entries[seq - 1]!) as Entry
    const outcome = outcomes.get(seq)
    return outcome ? { entry, outcome } : { entry }
  }

  const keep = (commit: Commit) => {
    for (const entry of commit.entries) {
      if (entry.seq !== entries.length + 1) throw new Error(`seq ${entry.seq} does not follow ${entries.length}`)
      entries.push(JSON.stringify(entry))
      if (entry.uuid) byUuid.set(entry.uuid, entry.seq)
      if (entry.sourceSeq !== undefined) byKey.set(`${entry.source}/${entry.epoch}/${entry.sourceSeq}`, entry.seq)
    }
    for (const { seq, outcome } of commit.outcomes) outcomes.set(seq, outcome)
    outcomesByCommit.set(commit.commitNo, [...commit.outcomes])
    const { entries: rows, outcomes: told, ...row } = commit
    commits.push({ ...row, entryCount: rows.length, outcomeCount: told.length })
  }

  return {
    incarnation: randomUUID(),
    failNext(when, error = Object.assign(new Error('connection lost'), { code: '08006' })) {
      fault = { when, error }
    },
    async getHead(): Promise<Head> {
      const last = commits.at(-1)
      const loggedAt = entries.length === 0 ? 0 : (JSON.parse(entries.at(-1)!) as Entry).loggedAt
      return { seq: entries.length, loggedAt, commitNo: last?.commitNo ?? 0, hash: last?.hash ?? genesisHash }
    },
    async append(commit) {
      const planned = fault
      fault = undefined
      if (planned?.when === 'before') throw planned.error
      keep(commit)
      if (planned) throw planned.error
    },
    async list(afterSeq, max = readMax) {
      const found: LoggedEntry[] = []
      for (let seq = afterSeq + 1; seq <= entries.length && found.length < Math.min(max, readMax); seq++)
        found.push(parse(seq))
      return found
    },
    async listCommits(fromNo, max) {
      return commits.filter(row => row.commitNo >= fromNo).slice(0, max)
    },
    async listOutcomes(commitNo) {
      return [...(outcomesByCommit.get(commitNo) ?? [])].sort((a, b) => a.seq - b.seq)
    },
    async findByKey(entry) {
      const seq = byKey.get(`${entry.source}/${entry.epoch}/${entry.sourceSeq}`)
      return seq === undefined ? undefined : parse(seq)
    },
    async findByUuids(uuids) {
      return new Map(uuids.flatMap(uuid => (byUuid.has(uuid) ? [[uuid, parse(byUuid.get(uuid)!)] as const] : [])))
    },
    async findCheckpoint(beforeSeq = Number.MAX_SAFE_INTEGER) {
      return checkpoints.findLast(held => held.seq < beforeSeq)
    },
    async saveCheckpoint(next) {
      const others = checkpoints.filter(held => held.seq !== next.seq)
      checkpoints = [...others, next].sort((a, b) => a.seq - b.seq).slice(-checkpointsKept)
    },
    async findEra() {
      return era
    },
    async startEra(next) {
      era = next
    },
    async listQuarantined() {
      return [...quarantined]
    },
    async quarantine(seq, _kind, text) {
      if (!quarantined.some(q => q.seq === seq)) quarantined.push({ seq, fault: text, at: Date.now() })
    },
  }
}

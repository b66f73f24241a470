/**
 * Log: the port of the one truth. Two storages stand behind it (memory.ts, postgres.ts) and one contract suite proves them
 * the same. Only the writer appends; boot, replay, audit and the checkpoint worker read.
 */
import type { Entry, Outcome } from '#contract/entry.ts'

/** Where the log ends. */
export type Head = { seq: number; loggedAt: number; commitNo: number; hash: string }

export type StoredOutcome = { seq: number; outcome: Outcome }

/** One group commit: entries with seq and loggedAt given, the outcomes of earlier entries, and the chain row. */
export type Commit = {
  commitNo: number
  firstSeq: number
  entries: readonly Entry[]
  outcomes: readonly StoredOutcome[]
  previousHash: string
  hash: string
}

export type CommitRow = Omit<Commit, 'entries' | 'outcomes'> & { entryCount: number; outcomeCount: number }

/** An entry as read back, with the outcome stored for it. No stored outcome means: a fact that was done, or not yet decided. */
export type LoggedEntry = { entry: Entry; outcome?: Outcome }

/** A checkpoint of the world: slices of at most 1 MB with a hash each. */
export type Checkpoint = { seq: number; eraNo: number; coreVersion: number; hash: string; slices: readonly string[] }

export type Era = { eraNo: number; openingSeq: number; coreVersion: number; reason: string }

/** Checkpoints kept beside those that open an era: an older one is there when the newest is damaged. */
export const checkpointsKept = 2

/** Most entries one read returns. */
export const readMax = 5_000

export interface Log {
  /** Changes with every restore: gateways offer again what they had acknowledged. */
  readonly incarnation: string
  getHead(): Promise<Head>
  /**
   * Makes a group durable in one transaction, or throws and has made nothing durable that a re-read head does not show. May
   * call `onSent` once, when the storage has all it needs but its commit: the caller's time until then is free.
   */
  append(commit: Commit, onSent?: () => void): Promise<void>
  /** Entries with afterSeq < seq in order, at most readMax; an empty list is the end. */
  list(afterSeq: number, max?: number): Promise<LoggedEntry[]>
  /** Commit rows from a number on, at most `max`. */
  listCommits(fromNo: number, max: number): Promise<CommitRow[]>
  /** Outcomes stored by one commit, in order of seq. */
  listOutcomes(commitNo: number): Promise<StoredOutcome[]>
  /** The entry that used this source key, by the content now offered under it. */
  findByKey(entry: Entry): Promise<LoggedEntry | undefined>
  /** Entries that used these client UUIDs. */
  findByUuids(uuids: readonly string[]): Promise<Map<string, LoggedEntry>>
  /** The newest checkpoint, or the newest before a seq; its slices may be damaged: parseWorld judges them. */
  findCheckpoint(beforeSeq?: number): Promise<Checkpoint | undefined>
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>
  findEra(): Promise<Era | undefined>
  startEra(era: Era): Promise<void>
  /** Seqs set aside: boot and replay step over them. */
  listQuarantined(): Promise<{ seq: number; fault: string; at: number }[]>
  quarantine(seq: number, kind: string, fault: string): Promise<void>
}

/** Another process holds the city: this writer must stop at once. */
export class LeaseLost extends Error {
  constructor() {
    super('the lease of the line is held by another process')
    this.name = 'LeaseLost'
  }
}

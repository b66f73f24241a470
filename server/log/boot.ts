/**
 * Boot: rebuilds the world from the newest checkpoint and the tail of the log, obeying stored outcomes. An entry that throws in
 * the core twice is set aside, its seq is stepped over in every replay, and everything before it is folded anew.
 */
import type { Entry, Outcome } from '#contract/entry.ts'
import { kinds } from '#contract/entry.ts'
import { recordKey } from '../state/sources.ts'
import { clearTouched, createTouched, createWorld, type Touched, type World } from '../state/world.ts'
import { canonicaliseOutcome, hashCommit } from './chain.ts'
import { parseWorld } from './checkpoint.ts'
import { type Head, type Log, readMax, type StoredOutcome } from './log.ts'

type Advance = (world: World, entry: Entry, touched: Touched, stored?: Outcome) => Outcome

export type Rebuilt = {
  world: World
  /** Outcomes of the tail's last group that the log does not hold yet: the first commit stores them. */
  undecided: StoredOutcome[]
  replayed: number
  fromCheckpointSeq: number
  /** Checkpoints whose bytes no longer fit their hash: an older one was used. */
  damagedSeqs: number[]
  quarantined: { seq: number; kind: string; fault: string }[]
}

/** More poison than this in an hour: stay down rather than skip. */
export const poisonPerHourMax = 3
const hourMs = 3_600_000

class Poison extends Error {
  readonly entry: Entry
  constructor(entry: Entry, cause: Error) {
    super(`entry ${entry.seq} (${entry.kind}) throws in the core: ${cause.message}`, { cause })
    this.entry = entry
  }
}

/** Folds the log up to `untilSeq` (or its end) onto a world; steps over quarantined seqs. Throws Poison at the first throw. */
export async function foldTail(
  log: Log,
  advance: Advance,
  world: World,
  skipped: ReadonlySet<number>,
  untilSeq = Number.MAX_SAFE_INTEGER,
  touched: Touched = createTouched(),
): Promise<{ undecided: StoredOutcome[]; replayed: number }> {
  const undecided: StoredOutcome[] = []
  let replayed = 0
  let last = world.seq
  const readPage = (afterSeq: number) => {
    const page = afterSeq < untilSeq ? log.list(afterSeq, Math.min(readMax, untilSeq - afterSeq)) : Promise.resolve([])
    // Read ahead: a fault is met where the page is awaited, or not at all when folding the page before it throws.
    page.catch(() => undefined)
    return page
  }
  for (let reading = readPage(last); ; ) {
    const page = await reading
    if (page.length === 0) break
    reading = readPage(page.at(-1)!.entry.seq)
    for (const { entry, outcome } of page) {
      last = entry.seq
      if (skipped.has(entry.seq)) {
        // Its key counts and its outcome is a refusal: a sender that offers it again is told so and cannot poison us twice.
        world.seq = entry.seq
        recordKey(world, entry)
        if (!outcome) undecided.push({ seq: entry.seq, outcome: { result: 'refused', code: 'QUARANTINED' } })
        continue
      }
      let decided: Outcome
      try {
        decided = advance(world, entry, touched, outcome)
      } catch (error) {
        throw new Poison(entry, error as Error)
      }
      replayed++
      if (!outcome && (decided.result === 'refused' || kinds[entry.kind].family === 'command'))
        undecided.push({ seq: entry.seq, outcome: decided })
    }
    clearTouched(touched)
  }
  return { undecided, replayed }
}

/**
 * The world of the newest checkpoint that is whole. Never one from before the running era, which another core folded or
 * retention has cut: then boot stays down and the operator restores a backup.
 */
export async function openCheckpoint(log: Log, damagedSeqs: number[] = []): Promise<World> {
  const openingSeq = (await log.findEra())?.openingSeq ?? 0
  for (let beforeSeq = Number.MAX_SAFE_INTEGER; ; ) {
    const held = await log.findCheckpoint(beforeSeq)
    if (!held) break
    if (damagedSeqs.length > 0 && held.seq < openingSeq) break
    try {
      return parseWorld(held.slices, held.hash)
    } catch {
      if (!damagedSeqs.includes(held.seq)) damagedSeqs.push(held.seq)
      beforeSeq = held.seq
    }
  }
  if (damagedSeqs.length > 0 && openingSeq > 0)
    throw new Error(`every checkpoint of this era is damaged (${damagedSeqs.join(', ')}): restore a backup`)
  return createWorld()
}

/**
 * Makes the outcomes the tail lacked durable by a commit of their own, before a new era begins: a core that folds differently
 * must find what this one decided. Returns the head after it.
 */
export async function storeUndecided(log: Log, head: Head, undecided: readonly StoredOutcome[]): Promise<Head> {
  if (undecided.length === 0) return head
  const outcomes = [...undecided].sort((a, b) => a.seq - b.seq)
  const commitNo = head.commitNo + 1
  const lines = outcomes.map(({ seq, outcome }) => canonicaliseOutcome(seq, outcome))
  const hash = hashCommit(head.hash, commitNo, lines)
  await log.append({ commitNo, firstSeq: head.seq + 1, entries: [], outcomes, previousHash: head.hash, hash })
  return { ...head, commitNo, hash }
}

/**
 * Rebuilds the world. `fresh` ignores checkpoints (full replay); `warm` is a world of this log that a standby has kept nearly
 * level and now gives away. Throws when poison is too frequent to step over.
 */
export async function rebuildWorld(log: Log, advance: Advance, fresh = false, warm?: World): Promise<Rebuilt> {
  const quarantined: Rebuilt['quarantined'] = []
  const damagedSeqs: number[] = []
  let given = warm
  for (;;) {
    const held = await log.listQuarantined()
    const skipped = new Set(held.map(q => q.seq))
    const world = given ?? (fresh ? createWorld() : await openCheckpoint(log, damagedSeqs))
    // A world that threw halfway is not built upon.
    given = undefined
    const fromCheckpointSeq = world.seq
    try {
      const { undecided, replayed } = await foldTail(log, advance, world, skipped)
      return { world, undecided, replayed, fromCheckpointSeq, damagedSeqs, quarantined }
    } catch (error) {
      if (!(error instanceof Poison)) throw error
      const recent = held.filter(q => q.at > Date.now() - hourMs).length
      if (recent + 1 > poisonPerHourMax)
        throw new Error(`more than ${poisonPerHourMax} poison entries in an hour: staying down`, { cause: error })
      // Folding is deterministic: a second run from the same checkpoint would throw again, and this run was the second.
      const fault = String((error.cause as Error)?.message ?? error.message)
      await log.quarantine(error.entry.seq, error.entry.kind, fault)
      quarantined.push({ seq: error.entry.seq, kind: error.entry.kind, fault })
    }
  }
}

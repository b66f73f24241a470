/**
 * Writer: the one appender of a city. Takes admitted entries in three bounded lanes, gives them seq and loggedAt, commits them
 * as a group, applies the group to the world and only then answers. Outcomes of commands, and refusals by the world, are stored
 * by the next commit and told after it. Twice is once: keys are checked against the world's exact ranges, UUIDs against the log.
 */
import type { Entry, Lane, Outcome } from '#contract/entry.ts'
import { kinds } from '#contract/entry.ts'
import { type RefusalCode, type Reject, reject } from '#contract/errors.ts'
import { getSourceKey, isCounted } from '../state/sources.ts'
import type { Touched, World } from '../state/world.ts'
import { canonicaliseEntry, canonicaliseOutcome, canonicaliseSaid, hashCommit } from './chain.ts'
import { type Commit, type Head, LeaseLost, type Log, type LoggedEntry, type StoredOutcome } from './log.ts'

/** Entries waiting per lane at most. Urgent is small: 2,000 clicks waiting would be an outage, not a queue. */
export const laneMax: Readonly<Record<Lane, number>> = { urgent: 4_000, live: 20_000, backfill: 20_000 }
/** Entries in one group at most. */
export const groupMax = 5_000
/** UTF-16 units of text in one group at most, well inside what one message of any storage may hold (64 MiB embedded). */
export const groupTextMax = 8_000_000
/** UTF-16 units waiting in all lanes together at most; a request more is let in whole, then the door says LANE_FULL. */
export const waitingTextMax = 64_000_000
/** What an entry of a big table weighs, counted once: 20 numbers and names. */
const bigEntryText = 400
/** Milliseconds one commit should take: the backfill share of a group is halved above it and grown below it. */
export const commitBudgetMs = 150
/** Smallest backfill share, so that a slow disk still drains. */
export const backfillMin = 200
/** Commands are told DATABASE_AWAY within this. */
export const awayAfterMs = 2_000
/** Repeats looked up in one turn: each is a read of the log, and clicks wait behind them. */
export const repeatsPerTurnMax = 100
/** Recent UUIDs remembered before the log is asked. */
const uuidsMax = 20_000

/** What became of one submitted entry. */
export type Told = { result: 'done' | 'refused'; seq?: number; reject?: Reject; repeated?: boolean }

export type WriterPorts = {
  log: Log
  world: World
  touched: Touched
  /** The pure line (pipeline.ts). A throw is a bug: the writer stops and says so. */
  advance: (world: World, entry: Entry, touched: Touched, stored?: Outcome) => Outcome
  /** The city's clock in epoch ms; a tick may move it (CLOCK=entries). */
  clock: { now(): number; observe(entry: Entry): void }
  /** True for errors that mean the database is away, not that the data are bad. */
  isAway: (error: unknown) => boolean
  /** True for errors that one entry of the batch causes (22xxx, 23xxx). */
  isDataFault: (error: unknown) => boolean
  onApplied: (group: readonly Entry[]) => void
  /** A bug or a lost lease: the process must end. */
  onFatal: (error: Error, entry?: Entry) => void
  onState?: (state: 'ready' | 'away') => void
}

type Batch = { told: (Told | undefined)[]; missing: number; resolve: (told: Told[]) => void }
type Pending = { entry: Entry; batch: Batch; index: number; text: number }

/** Bounded first-in first-out without shifting. */
function createQueue() {
  let items: Pending[] = []
  let head = 0
  let text = 0
  const sum = (of: readonly Pending[]) => of.reduce((units, item) => units + item.text, 0)
  return {
    get size() {
      return items.length - head
    },
    /** UTF-16 units waiting here. */
    get text() {
      return text
    },
    push(item: Pending) {
      items.push(item)
      text += item.text
    },
    /** The first items up to a count and a weight; the first of all goes whatever it weighs. */
    take(max: number, textMax: number, isFirst: boolean): Pending[] {
      let end = head
      let weight = 0
      while (end < items.length && end - head < max) {
        weight += items[end]!.text
        if (weight > textMax && !(isFirst && end === head)) break
        end++
      }
      const taken = items.slice(head, end)
      head = end
      text -= sum(taken)
      if (head > 4_096 && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return taken
    },
    putBack(front: readonly Pending[]) {
      items = [...front, ...items.slice(head)]
      head = 0
      text += sum(front)
    },
    drain(): Pending[] {
      const all = items.slice(head)
      items = []
      head = 0
      text = 0
      return all
    },
  }
}

/** UTF-16 units an entry weighs in a commit, near enough to bound one: its body as text and the envelope around it. */
function weigh(entry: Entry): number {
  return kinds[entry.kind].storage === 'small' ? JSON.stringify(entry.body).length + bigEntryText : bigEntryText
}

/** True when the commit's own place in the log is taken: a commit thought lost stands there. That is doubt, not bad data. */
function isPlaceTaken(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: string; constraint?: string }
  return code === '23505' && (constraint === 'log_commit_pkey' || constraint === 'entry_pkey')
}

const laneOrder: readonly Lane[] = ['urgent', 'live', 'backfill']

export type Writer = {
  /** Answers each entry after it is durable and decided; the list is in the order given. */
  submit(entries: readonly Entry[], lane?: (entry: Entry) => Lane): Promise<Told[]>
  /** True when this many more entries fit the lanes. */
  hasRoom(counts: Readonly<Record<Lane, number>>): boolean
  getHead(): Head
  /** The newest seq up to which every outcome is durable: what a checkpoint may cover. */
  getSettledSeq(): number
  getState(): {
    state: 'ready' | 'away' | 'stopped'
    waiting: Record<Lane, number>
    commits: number
    awaySince?: number
  }
  /** Finishes what waits (bounded), then stops. */
  stop(drainMs?: number): Promise<void>
}

/** Starts the writer on a log whose tail the world has already folded and whose outcomes are all stored (boot.ts). */
export function startWriter(ports: WriterPorts, head: Head): Writer {
  const { log, world, touched, advance, clock } = ports
  const lanes = { urgent: createQueue(), live: createQueue(), backfill: createQueue() }
  const recentUuids = new Set<string>()
  /** Decided but not yet durable: stored by the next commit, told after it. */
  let untold: { stored: StoredOutcome; pending: Pending }[] = []
  const untoldSeqs = new Set<number>()
  let at = { ...head }
  let backfillShare = 1_000
  let state: 'ready' | 'away' | 'stopped' = 'ready'
  let awaySince: number | undefined
  let stopping = false
  let commits = 0
  let wake: (() => void) | undefined
  let inDoubt: { commit: Commit; group: Pending[] } | undefined
  /** Durable and decided, not yet told: told while the storage works on the next group. */
  let answers: { pending: Pending; told: Told }[] = []

  const tell = (pending: Pending, told: Told) => {
    const { batch, index } = pending
    if (batch.told[index]) return
    batch.told[index] = told
    if (--batch.missing === 0) batch.resolve(batch.told as Told[])
  }
  const tellAnswers = () => {
    const now = answers
    answers = []
    for (const { pending, told } of now) tell(pending, told)
  }
  const refuse = (pending: Pending, code: RefusalCode, params?: Reject['params']) =>
    tell(pending, { result: 'refused', reject: reject(code, params) })
  const toTold = (seq: number, outcome: Outcome | undefined, repeated: boolean): Told => {
    const told: Told =
      outcome?.result === 'refused'
        ? {
            result: 'refused',
            seq,
            reject: { code: outcome.code as RefusalCode, ...(outcome.params ? { params: outcome.params } : {}) },
          }
        : { result: 'done', seq }
    return repeated ? { ...told, repeated: true } : told
  }

  /** Answers an entry whose key was used before: the same outcome again, or SEQ_REUSED for other content. */
  const tellRepeated = (pending: Pending, held: LoggedEntry | undefined) => {
    // Not found under this content: another content had the key (or retention has taken it; then nothing can be compared).
    if (!held || canonicaliseSaid(held.entry) !== canonicaliseSaid(pending.entry)) return refuse(pending, 'SEQ_REUSED')
    tell(pending, toTold(held.entry.seq, held.outcome, true))
  }

  const lookUpRepeated = async (repeated: readonly Pending[]) => {
    tellAnswers()
    for (const pending of repeated) {
      const held = await log.findByKey(pending.entry)
      if (held && untoldSeqs.has(held.entry.seq)) lanes.urgent.putBack([pending])
      else tellRepeated(pending, held)
    }
  }

  /** Sorts a taken group into what is new, what repeats, and what must wait for its own twin in this very group. */
  const sift = async (taken: readonly Pending[]): Promise<Pending[]> => {
    const fresh: Pending[] = []
    const repeated: Pending[] = []
    const waiting: Pending[] = []
    const uuidsHere = new Set<string>()
    const seqsHere = new Map<string, Set<number>>()
    const uuids = taken.flatMap(p => (p.entry.uuid && !recentUuids.has(p.entry.uuid) ? [p.entry.uuid] : []))
    // A look-up may hang on a database that is away: what is durable is told before it.
    if (uuids.length > 0) tellAnswers()
    const known = uuids.length > 0 ? await log.findByUuids(uuids) : new Map<string, LoggedEntry>()
    for (const pending of taken) {
      const { entry } = pending
      if (entry.uuid) {
        if (uuidsHere.has(entry.uuid)) waiting.push(pending)
        else if (recentUuids.has(entry.uuid) || known.has(entry.uuid)) {
          tellAnswers()
          const held = known.get(entry.uuid) ?? (await log.findByUuids([entry.uuid])).get(entry.uuid)
          if (held && untoldSeqs.has(held.entry.seq)) waiting.push(pending)
          else tellRepeated(pending, held)
        } else {
          uuidsHere.add(entry.uuid)
          fresh.push(pending)
        }
        continue
      }
      const sourceKey = getSourceKey(entry.source, entry.epoch!)
      const sourceSeq = entry.sourceSeq!
      let seqs = seqsHere.get(sourceKey)
      if (seqs?.has(sourceSeq)) {
        waiting.push(pending)
        continue
      }
      if (isCounted(world, sourceKey, sourceSeq)) {
        repeated.push(pending)
        continue
      }
      if (!seqs) {
        seqs = new Set()
        seqsHere.set(sourceKey, seqs)
      }
      seqs.add(sourceSeq)
      fresh.push(pending)
    }
    // A flood of repeats (a gateway offering again) is looked up a little at a time, behind everything else.
    if (repeated.length > repeatsPerTurnMax) lanes.backfill.putBack(repeated.splice(repeatsPerTurnMax))
    if (repeated.length > 0) await lookUpRepeated(repeated)
    if (waiting.length > 0) lanes.urgent.putBack(waiting)
    return fresh
  }

  const build = (group: readonly Pending[]): Commit => {
    let { loggedAt } = at
    const lines: string[] = []
    const entries = group.map((pending, i) => {
      const { entry } = pending
      clock.observe(entry)
      loggedAt = Math.max(loggedAt, clock.now())
      entry.seq = at.seq + 1 + i
      entry.loggedAt = loggedAt
      lines.push(canonicaliseEntry(entry))
      return entry
    })
    const outcomes = untold.map(u => u.stored).sort((a, b) => a.seq - b.seq)
    for (const { seq, outcome } of outcomes) lines.push(canonicaliseOutcome(seq, outcome))
    const commitNo = at.commitNo + 1
    return {
      commitNo,
      firstSeq: at.seq + 1,
      entries,
      outcomes,
      previousHash: at.hash,
      hash: hashCommit(at.hash, commitNo, lines),
    }
  }

  /** The group is durable: fold it, answer what may be answered, keep the rest for the next commit. */
  const settle = (commit: Commit, group: readonly Pending[]) => {
    commits++
    at = {
      seq: at.seq + commit.entries.length,
      loggedAt: commit.entries.at(-1)?.loggedAt ?? at.loggedAt,
      commitNo: commit.commitNo,
      hash: commit.hash,
    }
    const nowDurable = untold
    untold = []
    for (const { stored, pending } of nowDurable) {
      untoldSeqs.delete(stored.seq)
      answers.push({ pending, told: toTold(stored.seq, stored.outcome, false) })
    }
    for (const pending of group) {
      const { entry } = pending
      let outcome: Outcome
      try {
        outcome = advance(world, entry, touched)
      } catch (error) {
        ports.onFatal(error as Error, entry)
        state = 'stopped'
        return
      }
      if (entry.uuid) {
        recentUuids.add(entry.uuid)
        if (recentUuids.size > uuidsMax) recentUuids.delete(recentUuids.values().next().value!)
      }
      if (outcome.result === 'done' && kinds[entry.kind].family === 'fact')
        answers.push({ pending, told: { result: 'done', seq: entry.seq } })
      else {
        untold.push({ stored: { seq: entry.seq, outcome }, pending })
        untoldSeqs.add(entry.seq)
      }
    }
    if (commit.entries.length > 0) ports.onApplied(commit.entries)
  }

  const enterAway = () => {
    if (state === 'stopped') return
    if (state === 'ready') {
      state = 'away'
      awaySince = Date.now()
      ports.onState?.('away')
    }
    for (const lane of laneOrder) for (const pending of lanes[lane].drain()) refuse(pending, 'DATABASE_AWAY')
    // Decided, but the outcome is not durable yet: their senders ask again and get it then, by the key they used.
    for (const { pending } of untold) refuse(pending, 'DATABASE_AWAY')
  }
  /** Says DATABASE_AWAY to a group, and to all that waits, when the database does not answer in time. */
  const watchGroup = (group: readonly Pending[]) =>
    setTimeout(() => {
      tellAnswers()
      enterAway()
      for (const pending of group) refuse(pending, 'DATABASE_AWAY')
    }, awayAfterMs)

  const enterReady = () => {
    if (state !== 'away') return
    state = 'ready'
    awaySince = undefined
    ports.onState?.('ready')
  }

  /** After a lost answer: the head says whether the group in doubt was committed. Nothing else is written before it is known. */
  const resolveDoubt = async (): Promise<boolean> => {
    let now: Head
    try {
      now = await log.getHead()
    } catch (error) {
      if (!(error instanceof LeaseLost)) return false
      ports.onFatal(error)
      state = 'stopped'
      return true
    }
    const doubt = inDoubt
    inDoubt = undefined
    if (doubt && now.commitNo === doubt.commit.commitNo && now.hash === doubt.commit.hash)
      settle(doubt.commit, doubt.group)
    else if (now.commitNo !== at.commitNo || now.hash !== at.hash) {
      ports.onFatal(new LeaseLost())
      state = 'stopped'
      return true
    } else if (doubt) for (const pending of doubt.group) refuse(pending, 'DATABASE_AWAY')
    enterReady()
    return true
  }

  /** Commits a group; data faults bisect it until the one bad entry is found and refused alone. */
  const commitGroup = async (group: Pending[]): Promise<void> => {
    if (group.length === 0 && untold.length === 0) {
      tellAnswers()
      return
    }
    const commit = build(group)
    const timer = watchGroup(group)
    try {
      await log.append(commit, tellAnswers)
    } catch (error) {
      clearTimeout(timer)
      if (error instanceof LeaseLost) {
        ports.onFatal(error)
        state = 'stopped'
        return
      }
      if (ports.isDataFault(error) && !isPlaceTaken(error) && group.length > 0) {
        if (group.length === 1) {
          refuse(group[0]!, 'QUARANTINED')
          return
        }
        const middle = group.length >>> 1
        await commitGroup(group.slice(0, middle))
        const rest = group.slice(middle)
        // With the first half in doubt nothing else is written before it is known whether it stands.
        if (inDoubt || state === 'stopped') for (const pending of rest) refuse(pending, 'DATABASE_AWAY')
        else await commitGroup(rest)
        return
      }
      if (!ports.isAway(error) && !isPlaceTaken(error)) {
        ports.onFatal(error as Error)
        state = 'stopped'
        return
      }
      inDoubt = { commit, group }
      tellAnswers()
      for (const pending of group) refuse(pending, 'DATABASE_AWAY')
      enterAway()
      return
    }
    clearTimeout(timer)
    enterReady()
    settle(commit, group)
  }

  const takeGroup = (): Pending[] => {
    const group: Pending[] = []
    let textLeft = groupTextMax
    for (const lane of laneOrder) {
      const left = groupMax - group.length
      const taken = lanes[lane].take(
        lane === 'backfill' ? Math.min(backfillShare, left) : left,
        textLeft,
        group.length === 0,
      )
      for (const pending of taken) {
        group.push(pending)
        textLeft -= pending.text
      }
    }
    return group
  }
  const isIdle = () => untold.length === 0 && laneOrder.every(lane => lanes[lane].size === 0)

  const run = async () => {
    while (state !== 'stopped') {
      if (state === 'away' && (inDoubt || awaySince !== undefined)) {
        if (!(await resolveDoubt())) {
          for (const lane of laneOrder) for (const pending of lanes[lane].drain()) refuse(pending, 'DATABASE_AWAY')
          await new Promise(resolve => setTimeout(resolve, 250))
        }
        continue
      }
      if (isIdle()) {
        tellAnswers()
        if (stopping) break
        await new Promise<void>(resolve => {
          wake = resolve
        })
        wake = undefined
        continue
      }
      const startedAt = performance.now()
      const backfillWaits = lanes.backfill.size > 0
      let group: Pending[] = takeGroup()
      const timer = watchGroup(group)
      try {
        group = await sift(group)
        clearTimeout(timer)
        // It answers after all; what was refused meanwhile is not written: its sender was told that it is not confirmed.
        if ((state as string) === 'away') {
          enterReady()
          group = group.filter(pending => !pending.batch.told[pending.index])
        }
      } catch (error) {
        clearTimeout(timer)
        // The look-up failed before anything was written: the senders keep their entries.
        for (const pending of group) refuse(pending, 'DATABASE_AWAY')
        if (ports.isAway(error)) enterAway()
        else {
          ports.onFatal(error as Error)
          state = 'stopped'
        }
        continue
      }
      await commitGroup(group)
      if (laneOrder.every(lane => lanes[lane].size === 0)) tellAnswers()
      if (backfillWaits) {
        const took = performance.now() - startedAt
        backfillShare =
          took > commitBudgetMs ? Math.max(backfillMin, backfillShare >>> 1) : Math.min(groupMax, backfillShare * 2)
      }
    }
    state = 'stopped'
    tellAnswers()
    for (const lane of laneOrder) for (const pending of lanes[lane].drain()) refuse(pending, 'STOPPING')
    for (const { pending } of untold) refuse(pending, 'STOPPING')
  }
  const running = run()

  return {
    submit(entries, laneOf) {
      return new Promise<Told[]>(resolve => {
        if (entries.length === 0) return resolve([])
        const batch: Batch = {
          told: new Array(entries.length),
          missing: entries.length,
          resolve,
        }
        for (const [index, entry] of entries.entries()) {
          const pending = { entry, batch, index, text: weigh(entry) }
          const lane = laneOf ? laneOf(entry) : kinds[entry.kind].lane
          if (state === 'away') refuse(pending, 'DATABASE_AWAY')
          else if (state === 'stopped' || stopping) refuse(pending, 'STOPPING')
          else if (lanes[lane].size >= laneMax[lane]) refuse(pending, 'LANE_FULL', { retryAfterS: 1 })
          else lanes[lane].push(pending)
        }
        wake?.()
      })
    },
    hasRoom: counts =>
      laneOrder.every(lane => lanes[lane].size + counts[lane] <= laneMax[lane]) &&
      laneOrder.reduce((units, lane) => units + lanes[lane].text, 0) <= waitingTextMax,
    getHead: () => ({ ...at }),
    getSettledSeq: () => untold.reduce((seq, { stored }) => Math.min(seq, stored.seq - 1), at.seq),
    getState: () => ({
      state,
      waiting: { urgent: lanes.urgent.size, live: lanes.live.size, backfill: lanes.backfill.size },
      commits,
      ...(awaySince === undefined ? {} : { awaySince }),
    }),
    async stop(drainMs = 10_000) {
      stopping = true
      wake?.()
      await Promise.race([running, new Promise(resolve => setTimeout(resolve, drainMs).unref())])
      state = 'stopped'
      wake?.()
    },
  }
}

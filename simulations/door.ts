// The simulation's side of the one door: it sends events to POST /v1/entries as any other source would.
// It keys every event by its own source, epoch and seq, sends bounded batches one after the other, backs off when the
// house says so and offers the same key again, so that nothing is lost and nothing counts twice.
import type { Kind, Submission } from '#contract/entry.ts'
import { batchMax, commandLifeMs, kinds } from '#contract/entry.ts'
import { EntriesResponse, type EntryOutcome, ErrorResponse } from '#contract/wire.ts'

/** What a source says; the door adds the key. */
export interface Saying {
  kind: Kind
  at: number
  from: string
  body: object
}

/** What became of one saying. */
export interface Answer {
  saying: Saying
  outcome: EntryOutcome
}

/** Running totals of a door. */
export interface DoorTotals {
  sent: number
  logged: number
  repeated: number
  /** Refusals by kind and code, with the first text of each. */
  refused: Map<string, { count: number; kind: string; code: string; zh: string; en: string; sample: string }>
  waits: number
  requests: number
  byKind: Map<string, number>
  /** Highest seq of the log that an answer named. */
  seqMax: number
}

export interface DoorOptions {
  url: string
  /** Device token of a player. */
  token: string
  /** Names this run: the same epoch and seq are the same entry for ever. */
  epoch: string
  /**
   * The city's time is told through this very door (CLOCK=entries). A batch then carries its own ticks, and a command's
   * life is counted from the moment it was said, not from the moment the batch came in.
   */
  isPlayed?: boolean
  batchMax?: number
  /** Attempts on one batch before the door is given up. */
  attemptsMax?: number
  signal?: AbortSignal
  /** Replaces the network in tests. */
  request?: typeof fetch
  /** Replaces waiting in tests, milliseconds. */
  sleep?: (ms: number) => Promise<void>
}

export interface Door {
  /** Sends sayings in order; the answers stand in the same order. Throws DoorClosed when the house does not answer. */
  send(sayings: readonly Saying[]): Promise<Answer[]>
  totals: DoorTotals
}

/** The house could not be reached or did not take a batch within attemptsMax attempts, or the run was ended. */
export class DoorClosed extends Error {
  override name = 'DoorClosed'
}

const ATTEMPTS_MAX = 40
/** Answers 500 to one batch before the door is given up. */
const BUGS_MAX = 8
const WAIT_FIRST_MS = 200
const WAIT_MAX_MS = 10_000
const REQUEST_MAX_MS = 60_000

/** Refusals that ask for the same entry again, unchanged. */
const AGAIN: ReadonlySet<string> = new Set(['LANE_FULL', 'DATABASE_AWAY', 'STOPPING', 'TOO_MANY_REQUESTS', 'INTERNAL'])

/** Waits, and ends early with DoorClosed when the signal fires. */
export function sleepFor(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new DoorClosed('the run was ended'))
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(new DoorClosed('the run was ended'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Opens the door for one run. */
export function openDoor(options: DoorOptions): Door {
  const request = options.request ?? fetch
  const sleep = options.sleep ?? (ms => sleepFor(ms, options.signal))
  const sizeMax = Math.min(batchMax, options.batchMax ?? batchMax)
  const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX
  const nextSeq = new Map<string, number>()
  const totals: DoorTotals = {
    sent: 0,
    logged: 0,
    repeated: 0,
    refused: new Map(),
    waits: 0,
    requests: 0,
    byKind: new Map(),
    seqMax: 0,
  }

  const key = (saying: Saying): Submission => {
    const seq = (nextSeq.get(saying.from) ?? 0) + 1
    nextSeq.set(saying.from, seq)
    return {
      kind: saying.kind,
      source: saying.from,
      epoch: options.epoch,
      seq,
      occurredAt: saying.at,
      body: saying.body as Record<string, unknown>,
      ...(options.isPlayed && kinds[saying.kind].family === 'command' ? { expiresAt: saying.at + commandLifeMs } : {}),
    }
  }

  /** One request; without outcomes it must be made again, after `waitMs` when the house named a time. */
  const post = async (
    entries: readonly Submission[],
  ): Promise<{ outcomes: EntryOutcome[] } | { why: string; waitMs?: number; isBug?: boolean }> => {
    totals.requests++
    const timeout = AbortSignal.timeout(REQUEST_MAX_MS)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    let response: Response
    let answer: unknown
    try {
      response = await request(new URL('/v1/entries', options.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${options.token}` },
        body: JSON.stringify({ entries }),
        signal,
      })
      answer = await response.json()
    } catch (error) {
      if (options.signal?.aborted) throw new DoorClosed('the run was ended', { cause: error })
      return { why: String((error as Error).cause ?? error) }
    }
    const refusal = ErrorResponse.safeParse(answer)
    const why = refusal.success
      ? `${refusal.data.code} ${refusal.data.zh} / ${refusal.data.en}`
      : `HTTP ${response.status}`
    if (response.status === 429 || response.status >= 500) {
      const seconds = Number(response.headers.get('retry-after'))
      // A house that names a time is busy, whatever the status; a plain 500 is a bug.
      return Number.isFinite(seconds) && seconds > 0
        ? { why, waitMs: seconds * 1_000 }
        : { why, isBug: response.status === 500 }
    }
    if (!response.ok) {
      throw new DoorClosed(`the house refuses the whole batch: ${why}`)
    }
    return { outcomes: EntriesResponse.parse(answer).outcomes }
  }

  const count = (saying: Saying, outcome: EntryOutcome): void => {
    if (outcome.repeated) totals.repeated++
    totals.seqMax = Math.max(totals.seqMax, outcome.seq ?? 0)
    if (outcome.seq !== undefined || outcome.result === 'done') {
      totals.logged++
      totals.byKind.set(saying.kind, (totals.byKind.get(saying.kind) ?? 0) + 1)
    }
    if (outcome.result !== 'refused') return
    const code = outcome.code ?? 'INTERNAL'
    const name = `${saying.kind} ${code}`
    const held = totals.refused.get(name)
    if (held) held.count++
    else {
      totals.refused.set(name, {
        count: 1,
        kind: saying.kind,
        code,
        zh: outcome.zh ?? '',
        en: outcome.en ?? '',
        sample: saying.from,
      })
    }
  }

  const sendBatch = async (sayings: readonly Saying[]): Promise<Answer[]> => {
    const entries = sayings.map(key)
    const outcomes: (EntryOutcome | undefined)[] = sayings.map(() => undefined)
    let open = sayings.map((_, index) => index)
    let why = ''
    let bugs = 0
    for (let attempt = 0; open.length > 0; attempt++) {
      if (attempt >= attemptsMax) throw new DoorClosed(`no answer after ${attemptsMax} attempts: ${why}`)
      // A batch that did not pass twice is tried in halves: a house under load takes small ones first.
      const part = open.slice(0, Math.max(1, Math.ceil(open.length / 2 ** Math.max(0, attempt - 1))))
      const result = await post(part.map(index => entries[index]!))
      let waitMs: number | undefined
      if ('outcomes' in result) {
        const again: number[] = []
        for (const outcome of result.outcomes) {
          const index = part[outcome.index]
          if (index === undefined)
            throw new DoorClosed(`the house answers for item ${outcome.index}, which was not sent`)
          if (outcome.result === 'refused' && AGAIN.has(outcome.code ?? '')) again.push(index)
          else outcomes[index] = { ...outcome, index }
        }
        if (result.outcomes.length !== part.length) throw new DoorClosed('the house left items without an answer')
        const isAllTaken = again.length === 0
        // Whatever was taken is progress: the count of attempts is for a house that takes nothing.
        if (again.length < part.length) attempt = -1
        open = [...again, ...open.slice(part.length)]
        if (isAllTaken) continue
      } else {
        waitMs = result.waitMs
        why = result.why
        // Waiting helps a busy house or one that starts anew; a bug answers the same for ever.
        if (result.isBug && ++bugs > BUGS_MAX) throw new DoorClosed(`the house fails: ${why}`)
      }
      totals.waits++
      await sleep(Math.min(WAIT_MAX_MS, waitMs ?? WAIT_FIRST_MS * 2 ** Math.min(Math.max(0, attempt), 6)))
    }
    return sayings.map((saying, index) => {
      const outcome = outcomes[index]!
      totals.sent++
      count(saying, outcome)
      return { saying, outcome }
    })
  }

  return {
    totals,
    async send(sayings) {
      const answers: Answer[] = []
      for (let from = 0; from < sayings.length; from += sizeMax) {
        answers.push(...(await sendBatch(sayings.slice(from, from + sizeMax))))
      }
      return answers
    },
  }
}

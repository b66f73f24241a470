/**
 * Uplink: spool → POST /v1/entries, the only way out of the gateway. Two lanes, one request of each under way at most: `record`
 * sends everything in order, `live` sends the newest fixes past it while there is a backlog or the record lane waits. An entry
 * leaves the spool's offer only when the server has answered for it. Promises: nothing is dropped on trouble: it is sent again
 * after a pause that grows, with jitter, and never before the server's Retry-After; a bad token acknowledges nothing.
 */
import { readFileSync } from 'node:fs'
import { Agent, fetch } from 'undici'
import { EntriesResponse, ErrorResponse } from '#contract/wire.ts'
import type { Spool, SpoolEntry } from './spool.ts'

/** Entries in one request. */
export const uplinkBatchMax = 500
/** Milliseconds a request may take. */
export const requestMaxMs = 10_000
/** First pause after trouble; each further one is twice as long, up to the limit of its kind. */
const pauseFirstMs = 200
/** A link that is away is tried again soon: present data must be live within 2 s of its return. */
export const awayPauseMaxMs = 1_500
/** A busy server is given time. */
export const busyPauseMaxMs = 10_000
/** A server that refuses this gateway is asked rarely: somebody must act. */
export const refusedPauseMaxMs = 30_000
/** Longest Retry-After obeyed. */
const retryAfterMaxMs = 60_000
/** Answers 500 to one single entry until it is set aside with the code INTERNAL. */
export const bugsMax = 5
/** The record lane counts as slow, and the live lane passes it, when a request of it takes longer. */
const slowMs = 500
const idleMs = 1_000
/** Milliseconds an idle connection to the server is kept. */
const idleConnectionMaxMs = 5_000

/** Refusals of an item that ask for the same entry again. */
const againCodes: ReadonlySet<string> = new Set([
  'LANE_FULL',
  'DATABASE_AWAY',
  'STOPPING',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
])

/** Offset of the server's clock against ours, and how far it may be from the truth. */
export type ClockOffset = { offsetMs: number; withinMs: number }

/**
 * Narrows the offset with one more answer. The Date header is cut to whole seconds: when it was written, the server's clock was
 * in [dateAt, dateAt + 1 s), and ours in [sentAt, receivedAt]. Ranges that do not meet mean a clock was set: the new one counts.
 */
export function narrowOffset(
  before: ClockOffset | undefined,
  answer: { dateAt: number; sentAt: number; receivedAt: number },
): ClockOffset {
  let from = answer.dateAt - answer.receivedAt
  let to = answer.dateAt + 1_000 - answer.sentAt
  if (before) {
    // clocks drift: 5 ms of doubt are added with every answer, so that an old estimate gives way
    const oldFrom = before.offsetMs - before.withinMs - 5
    const oldTo = before.offsetMs + before.withinMs + 5
    if (oldFrom <= to && from <= oldTo) {
      from = Math.max(from, oldFrom)
      to = Math.min(to, oldTo)
    }
  }
  return { offsetMs: Math.round((from + to) / 2), withinMs: Math.max(1, Math.ceil((to - from) / 2)) }
}

/** Milliseconds to pause before attempt `attempt` (from 0): half fixed, half chance, so that gateways do not come in step. */
export function choosePause(attempt: number, maxMs: number, chance: number): number {
  const whole = Math.min(maxMs, pauseFirstMs * 2 ** Math.min(attempt, 16))
  return Math.round(whole / 2 + (whole / 2) * chance)
}

type Lane = 'record' | 'live'
type Trouble = { why: string; kind: 'away' | 'busy' | 'refused' | 'bug' | 'shape'; waitMs?: number }

export type UplinkState = {
  url: string
  isConnected: boolean
  lastAnswerAt: number | undefined
  trouble: string | undefined
  retryAt: number | undefined
  sent: Record<Lane, number>
  done: number
  repeated: number
  /** Refusals for good, by code. */
  refused: Record<string, number>
  requests: number
  pauses: number
  clock: ClockOffset | undefined
}

export type Uplink = {
  /** Something was appended. */
  wake(): void
  getState(): UplinkState
  /** Waits for the requests under way, at most requestMaxMs, and ends. */
  stop(): Promise<void>
}

export type UplinkPorts = {
  spool: Spool
  urls: readonly string[]
  readToken: () => string
  caFile?: string
  now: () => number
  chance: () => number
  /** Told when the state of the link changes, and of every refusal for good (once a code and request). */
  onLine: (level: 'info' | 'warn', words: Record<string, unknown>, text: string) => void
}

/** Starts sending. */
export function startUplink(ports: UplinkPorts): Uplink {
  const { spool, urls, now } = ports
  const agent = new Agent({
    connections: 2,
    // a server that ends waits for idle connections: ours are given up soon, whatever it offers to keep them
    keepAliveMaxTimeout: idleConnectionMaxMs,
    ...(ports.caFile === undefined ? {} : { connect: { ca: readFileSync(ports.caFile, 'utf8') } }),
  })
  const state: UplinkState = {
    url: urls[0]!,
    isConnected: false,
    lastAnswerAt: undefined,
    trouble: undefined,
    retryAt: undefined,
    sent: { record: 0, live: 0 },
    done: 0,
    repeated: 0,
    refused: {},
    requests: 0,
    pauses: 0,
    clock: undefined,
  }
  let urlIndex = 0
  let attempt = 0
  let sizeMax = uplinkBatchMax
  let bugs = 0
  let isStopping = false
  let recordSince: number | undefined
  const sleepers = new Set<() => void>()

  /** Sleeps until woken, or the time is over. `isDeep`: only the end wakes. */
  const sleep = (ms: number, isDeep = false) =>
    new Promise<void>(resolve => {
      if (isStopping) return resolve()
      const end = () => {
        clearTimeout(timer)
        sleepers.delete(wakeUp)
        resolve()
      }
      const wakeUp = () => {
        if (!isDeep || isStopping) end()
      }
      const timer = setTimeout(end, ms)
      sleepers.add(wakeUp)
    })

  const tellTrouble = (trouble: Trouble) => {
    if (state.trouble !== trouble.why)
      ports.onLine('warn', { url: state.url, kind: trouble.kind }, `uplink: ${trouble.why}`)
    state.trouble = trouble.why
    state.isConnected = false
  }
  const tellAnswer = () => {
    if (!state.isConnected) ports.onLine('info', { url: state.url }, 'uplink: the server answers')
    state.isConnected = true
    state.trouble = undefined
    state.retryAt = undefined
    state.lastAnswerAt = now()
    attempt = 0
  }

  /** Entries as the door wants them; the body is copied as text, so that every offer is the same to the byte. */
  const write = (entries: readonly SpoolEntry[]): string => {
    const items = entries.map(
      entry =>
        `{"kind":${JSON.stringify(entry.kind)},"source":${JSON.stringify(entry.device)},"epoch":${JSON.stringify(entry.epoch)},"seq":${entry.seq},"occurredAt":${entry.occurredAt},"body":${entry.bodyText}}`,
    )
    return `{"entries":[${items.join(',')}]}`
  }

  const post = async (entries: readonly SpoolEntry[]): Promise<EntriesResponse | Trouble> => {
    state.requests++
    const sentAt = now()
    let status: number
    let retryAfter: string | null
    let answer: unknown
    try {
      const response = await fetch(new URL('/v1/entries', state.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${ports.readToken()}` },
        body: write(entries),
        redirect: 'error',
        signal: AbortSignal.timeout(requestMaxMs),
        dispatcher: agent,
      })
      status = response.status
      retryAfter = response.headers.get('retry-after')
      const dateAt = Date.parse(response.headers.get('date') ?? '')
      const text = await response.text()
      if (Number.isFinite(dateAt)) state.clock = narrowOffset(state.clock, { dateAt, sentAt, receivedAt: now() })
      answer = text === '' ? undefined : JSON.parse(text)
    } catch (fault) {
      const cause = (fault as { cause?: { code?: string; message?: string } }).cause
      return { why: `no answer: ${cause?.code ?? cause?.message ?? (fault as Error).message}`, kind: 'away' }
    }
    const parsed = EntriesResponse.safeParse(answer)
    if (parsed.success && (status === 200 || status === 503)) return parsed.data
    const refusal = ErrorResponse.safeParse(answer)
    const why = refusal.success ? `${refusal.data.code} ${refusal.data.zh} / ${refusal.data.en}` : `HTTP ${status}`
    const seconds = Number(retryAfter ?? Number.NaN)
    const wait = Number.isFinite(seconds) && seconds > 0 ? { waitMs: Math.min(retryAfterMaxMs, seconds * 1_000) } : {}
    if (status === 429 || status === 503) return { why, kind: 'busy', ...wait }
    if (status === 401 || status === 403 || status === 404) return { why, kind: 'refused' }
    if (status >= 500) return { why, kind: status === 500 ? 'bug' : 'away' }
    return { why, kind: 'shape' }
  }

  const pause = async (trouble: Trouble): Promise<void> => {
    tellTrouble(trouble)
    state.pauses++
    if (trouble.kind === 'away') {
      urlIndex = (urlIndex + 1) % urls.length
      state.url = urls[urlIndex]!
    }
    const maxMs =
      trouble.kind === 'away' ? awayPauseMaxMs : trouble.kind === 'refused' ? refusedPauseMaxMs : busyPauseMaxMs
    const chosen = choosePause(attempt++, maxMs, ports.chance())
    const waitMs = trouble.waitMs === undefined ? chosen : trouble.waitMs + choosePause(0, maxMs, ports.chance())
    state.retryAt = Math.max(state.retryAt ?? 0, now() + waitMs)
    await sleep(waitMs, true)
  }

  /** Sets apart the entries a whole request failed for: fewer in the next one, and one alone is answered for. */
  const narrow = (trouble: Trouble, entries: readonly SpoolEntry[]): void => {
    if (entries.length > 1) {
      sizeMax = Math.max(1, Math.floor(entries.length / 2))
      bugs = 0
      return
    }
    if (trouble.kind === 'bug' && ++bugs < bugsMax) return
    bugs = 0
    settle(entries, [{ id: entries[0]!.id, code: trouble.kind === 'bug' ? 'INTERNAL' : trouble.why.split(' ')[0]! }])
  }

  const settle = (entries: readonly SpoolEntry[], answers: readonly { id: number; code?: string }[]): void => {
    spool.acknowledge(answers)
    const codes = new Map<string, number>()
    for (const { code } of answers)
      if (code !== undefined) {
        state.refused[code] = (state.refused[code] ?? 0) + 1
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
    const first = entries[0]
    for (const [code, count] of codes) ports.onLine('warn', { code, count, device: first?.device }, 'uplink: refused')
  }

  /** One request of a lane. False when there was nothing to send. */
  const sendOnce = async (lane: Lane): Promise<boolean> => {
    const entries = lane === 'live' ? spool.takeLive(uplinkBatchMax) : spool.takeRecord(sizeMax)
    if (entries.length === 0) return false
    try {
      await offer(lane, entries)
    } catch (fault) {
      spool.release(entries.map(entry => entry.id))
      throw fault
    }
    return true
  }

  const offer = async (lane: Lane, entries: readonly SpoolEntry[]): Promise<void> => {
    if (lane === 'record') recordSince = now()
    const answer = await post(entries)
    if (lane === 'record') recordSince = undefined
    if ('why' in answer) {
      if (lane === 'record' && (answer.kind === 'bug' || answer.kind === 'shape')) narrow(answer, entries)
      spool.release(entries.map(entry => entry.id))
      return pause(answer)
    }
    if (spool.noteIncarnation(answer.incarnation))
      ports.onLine(
        'warn',
        { incarnation: answer.incarnation },
        'uplink: another log answers; everything kept is offered again',
      )
    const answers: { id: number; code?: string }[] = []
    let again: { code: string; words: string } | undefined
    const isAnswered = new Set<number>()
    for (const outcome of answer.outcomes) {
      const entry = entries[outcome.index]
      if (!entry || isAnswered.has(entry.id)) continue
      if (outcome.result === 'refused' && againCodes.has(outcome.code ?? 'INTERNAL')) {
        again ??= {
          code: outcome.code ?? 'INTERNAL',
          words: `${outcome.code} ${outcome.zh ?? ''} / ${outcome.en ?? ''}`,
        }
        continue
      }
      isAnswered.add(entry.id)
      if (outcome.repeated) state.repeated++
      if (outcome.result === 'done') {
        state.done++
        answers.push({ id: entry.id })
      } else answers.push({ id: entry.id, code: outcome.code ?? 'INTERNAL' })
    }
    state.sent[lane] += answers.length
    settle(entries, answers)
    spool.release(entries.filter(entry => !isAnswered.has(entry.id)).map(entry => entry.id))
    if (again) return pause({ why: again.words, kind: again.code === 'DATABASE_AWAY' ? 'away' : 'busy' })
    tellAnswer()
    if (lane === 'record') sizeMax = Math.min(uplinkBatchMax, sizeMax * 2)
  }

  /** The live lane passes the record lane when that has a backlog, or hangs. */
  const isPassing = () =>
    spool.getWaitingCount() > uplinkBatchMax || (recordSince !== undefined && now() - recordSince > slowMs)

  const run = async (lane: Lane): Promise<void> => {
    while (!isStopping) {
      const waitMs = (state.retryAt ?? 0) - now()
      if (waitMs > 0) {
        await sleep(waitMs, true)
        continue
      }
      try {
        const isWanted = lane === 'record' || isPassing()
        if (!(isWanted && (await sendOnce(lane)))) await sleep(lane === 'record' ? idleMs : slowMs)
      } catch (fault) {
        ports.onLine('warn', { message: (fault as Error).message }, 'uplink: fault')
        await sleep(idleMs, true)
      }
    }
  }
  const running = [run('record'), run('live')]

  return {
    wake() {
      for (const wakeUp of [...sleepers]) wakeUp()
    },
    getState: () => structuredClone(state),
    async stop() {
      isStopping = true
      for (const wakeUp of [...sleepers]) wakeUp()
      await Promise.all(running)
      await agent.close().catch(() => undefined)
    },
  }
}

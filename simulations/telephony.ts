/**
 * Telephony: a simulated telephone system of a 120 centre. It says what its lines do to an edge gateway, by the newline-JSON
 * protocol of docs/cti.md, with an encoder of its own. Promises: a line is kept and said again, with the same bytes, until the
 * gateway has answered it, also over a broken connection; order is kept; what waits is bounded and what was refused is counted.
 * `drawRings` makes calls of a seeded city: where they ring from, which are abandoned, how long each talk lasts.
 *
 *   node simulations/telephony.ts --port N --key KEY [--seed 7] [--count 20] [--every-ms 3000]
 */
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { type Chance, type City, createChance, seedCity } from './seed.ts'

/** Lines kept without an answer: an hour of a large city. */
export const linesKeptMax = 20_000
/** Lines on their way at once. */
const underWayMax = 64
const reconnectFirstMs = 200
const reconnectMaxMs = 5_000
const pingEveryMs = 30_000

/** A call that rings: the position is the operator's, with the radius it is meant with. */
export interface Ring {
  /** Number of the call in this telephone system: letters, digits, `_ . : -`. */
  call: string
  number?: string
  name?: string
  trunk?: string
  lon?: number
  lat?: number
  radiusM?: number
}

export interface TelephonyTotals {
  isConnected: boolean
  said: number
  answered: number
  /** Refusals by code. */
  refused: Map<string, number>
  /** Lines without an answer. */
  kept: number
  /** Given up because more than linesKeptMax waited. */
  lost: number
  reconnects: number
}

export interface Telephony {
  ring(ring: Ring, at?: number): void
  answer(call: string, seat: string, at?: number): void
  hangUp(call: string, isAnswered: boolean, at?: number): void
  conference(call: string, partyKind: string, party: string): void
  transfer(call: string, toKind: string, to: string): void
  record(call: string, recording: string): void
  /** Another service hands a case over. */
  link(ring: Ring & { link: string; service: string; reference?: string; text?: string }): void
  acknowledgeLink(call: string, link: string, reference: string, by: string): void
  /** Any message of the protocol; its number is added here. */
  say(message: Record<string, unknown>): void
  totals(): TelephonyTotals
  stop(): Promise<void>
}

export interface TelephonyOptions {
  host: string
  port: number
  key: string
  /** Told of every line the gateway has answered with ok. */
  onAnswered?: (message: Readonly<Record<string, unknown>>) => void
}

interface Kept {
  id: string
  text: string
  message: Readonly<Record<string, unknown>>
  isSent: boolean
}

/** Opens the telephone system's side of the connection; it connects again by itself until it is stopped. */
export function startTelephony(options: TelephonyOptions): Telephony {
  const kept = new Map<string, Kept>()
  const refused = new Map<string, number>()
  const run = Date.now().toString(36)
  let serial = 0
  let said = 0
  let answered = 0
  let lost = 0
  let reconnects = 0
  let waitMs = reconnectFirstMs
  let socket: Socket | undefined
  let isGreeted = false
  let isStopped = false
  let retry: NodeJS.Timeout | undefined

  const pump = (): void => {
    if (!socket || !isGreeted) return
    let underWay = 0
    for (const line of kept.values()) {
      if (underWay++ >= underWayMax) break
      if (line.isSent) continue
      line.isSent = true
      socket.write(line.text)
    }
  }
  const take = (text: string): void => {
    let answer: { id?: unknown; ok?: unknown; code?: unknown }
    try {
      answer = JSON.parse(text) as typeof answer
    } catch {
      return
    }
    if (answer.id === 'hello') {
      isGreeted = answer.ok === true
      if (!isGreeted) socket?.destroy()
      for (const line of kept.values()) line.isSent = false
      pump()
      return
    }
    const line = typeof answer.id === 'string' ? kept.get(answer.id) : undefined
    if (!line) return
    if (answer.ok === true) {
      kept.delete(line.id)
      answered++
      waitMs = reconnectFirstMs
      options.onAnswered?.(line.message)
    } else {
      const code = String(answer.code)
      refused.set(code, (refused.get(code) ?? 0) + 1)
      // What could not be stored is said again; what is wrong stays wrong.
      if (code === 'STORE_FAILED') {
        line.isSent = false
        setTimeout(pump, waitMs).unref()
        return
      }
      kept.delete(line.id)
    }
    pump()
  }
  const open = (): void => {
    if (isStopped) return
    const made = connect({ host: options.host, port: options.port, noDelay: true })
    socket = made
    isGreeted = false
    let rest = ''
    made.setEncoding('utf8')
    made.on('connect', () => made.write(`${JSON.stringify({ id: 'hello', type: 'hello', key: options.key })}\n`))
    made.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line !== '') take(line)
    })
    made.on('error', () => undefined)
    made.on('close', () => {
      if (socket === made) socket = undefined
      isGreeted = false
      if (isStopped) return
      reconnects++
      retry = setTimeout(open, waitMs)
      waitMs = Math.min(reconnectMaxMs, waitMs * 2)
    })
  }
  const ping = setInterval(() => {
    if (isGreeted) socket?.write(`${JSON.stringify({ id: 'ping', type: 'ping' })}\n`)
  }, pingEveryMs)
  open()

  const say = (message: Record<string, unknown>): void => {
    const id = `${run}-${++serial}`
    const told = { id, ...message }
    kept.set(id, { id, text: `${JSON.stringify(told)}\n`, message: told, isSent: false })
    said++
    if (kept.size > linesKeptMax) {
      const oldest = kept.keys().next()
      if (!oldest.done) kept.delete(oldest.value)
      lost++
    }
    pump()
  }
  return {
    ring: (ring, at = Date.now()) => say({ type: 'ring', at, ...ring }),
    answer: (call, seat, at = Date.now()) => say({ type: 'answer', at, call, seat }),
    hangUp: (call, isAnswered, at = Date.now()) =>
      say({ type: 'hangup', at, call, answered: isAnswered, ...(isAnswered ? { by: 'caller' } : {}) }),
    conference: (call, partyKind, party) => say({ type: 'conference', at: Date.now(), call, partyKind, party }),
    transfer: (call, toKind, to) => say({ type: 'transfer', at: Date.now(), call, toKind, to }),
    record: (call, recording) => say({ type: 'recording', at: Date.now(), call, recording }),
    link: link => say({ type: 'link', at: Date.now(), ...link }),
    acknowledgeLink: (call, link, reference, by) =>
      say({ type: 'linkAcknowledged', at: Date.now(), call, link, reference, by }),
    say,
    totals: () => ({
      isConnected: isGreeted,
      said,
      answered,
      refused: new Map(refused),
      kept: kept.size,
      lost,
      reconnects,
    }),
    async stop() {
      isStopped = true
      clearInterval(ping)
      clearTimeout(retry)
      const held = socket
      if (!held || held.destroyed) return
      const ended = new Promise<void>(resolve => held.once('close', () => resolve()))
      held.end()
      const late = setTimeout(() => held.destroy(), 1_000)
      await ended
      clearTimeout(late)
    },
  }
}

/** One call as it will go: rings at `atMs`, is picked up or hangs up first, ends. Milliseconds from the start of the script. */
export interface ScriptedCall {
  atMs: number
  ring: Ring
  /** Undefined: nobody answers by itself (a person at a desk may). */
  answerAfterMs?: number
  /** Hangs up unanswered after this. */
  abandonAfterMs?: number
  talkMs: number
}

/** Share of calls that hang up before an answer. @source assumption, stated: 6 %, between the 3 and 10 % centres speak of */
const abandonedShare = 0.06
/** Share of calls that come from a number that has rung before. */
const repeatShare = 0.15

/**
 * Draws calls of a city: places where people live, numbers of a made-up block (1390000xxxx), a radius of an operator's cell.
 * `everyMs` is the mean time between two rings; the same chance gives the same script.
 */
export function drawRings(
  city: City,
  chance: Chance,
  options: { count: number; everyMs: number; run?: string },
): ScriptedCall[] {
  const script: ScriptedCall[] = []
  const numbers: string[] = []
  let atMs = 0
  for (let n = 1; n <= options.count; n++) {
    atMs += Math.round(-Math.log(1 - chance.next()) * options.everyMs)
    const nodes = city.streetNodes[chance.int(city.streets.length)]!
    const node = nodes[chance.int(nodes.length)]!
    const isKnown = numbers.length > 0 && chance.next() < repeatShare
    const number = isKnown ? chance.pick(numbers) : `1390000${`${chance.int(10_000)}`.padStart(4, '0')}`
    numbers.push(number)
    // A cell of a town is some hundred metres wide, one of the country some kilometres.
    const radiusM = Math.round(chance.logNormal(600, 0.6))
    const isAbandoned = chance.next() < abandonedShare
    script.push({
      atMs,
      ring: {
        call: `${options.run ?? 'sim'}-${`${n}`.padStart(5, '0')}`,
        number,
        lon: round(city.graph.lon[node]! + chance.range(-0.003, 0.003)),
        lat: round(city.graph.lat[node]! + chance.range(-0.003, 0.003)),
        radiusM,
      },
      ...(isAbandoned
        ? { abandonAfterMs: Math.round(chance.range(3_000, 14_000)) }
        : { answerAfterMs: Math.round(chance.logNormal(5_000, 0.4)) }),
      talkMs: Math.round(chance.logNormal(70_000, 0.5)),
    })
  }
  return script
}

const round = (degrees: number): number => Math.round(degrees * 1e6) / 1e6

/** Plays a script in real time until it is over or the signal fires. `seat` picks up what is to be picked up. */
export async function playRings(
  telephony: Pick<Telephony, 'ring' | 'answer' | 'hangUp' | 'record'>,
  script: readonly ScriptedCall[],
  options: { signal: AbortSignal; seat?: string },
): Promise<void> {
  const acts: { atMs: number; act: () => void }[] = []
  for (const { atMs, ring, answerAfterMs, abandonAfterMs, talkMs } of script) {
    const { call } = ring
    acts.push({ atMs, act: () => telephony.ring(ring) })
    if (abandonAfterMs !== undefined)
      acts.push({ atMs: atMs + abandonAfterMs, act: () => telephony.hangUp(call, false) })
    else if (answerAfterMs !== undefined) {
      const answeredMs = atMs + answerAfterMs
      acts.push({ atMs: answeredMs, act: () => telephony.answer(call, options.seat ?? '8001') })
      acts.push({ atMs: answeredMs, act: () => telephony.record(call, `sim/${call}.wav`) })
      acts.push({ atMs: answeredMs + talkMs, act: () => telephony.hangUp(call, true) })
    }
  }
  acts.sort((a, b) => a.atMs - b.atMs)
  const startedAt = performance.now()
  for (const { atMs, act } of acts) {
    await waitFor(atMs - (performance.now() - startedAt), options.signal)
    if (options.signal.aborted) return
    act()
  }
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      key: { type: 'string' },
      seed: { type: 'string', default: '7' },
      count: { type: 'string', default: '20' },
      'every-ms': { type: 'string', default: '3000' },
    },
  })
  if (!values.port || !values.key) {
    process.stderr.write('usage: node simulations/telephony.ts --port N --key KEY [--count 20] [--every-ms 3000]\n')
    process.exitCode = 2
    return
  }
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  const telephony = startTelephony({ host: values.host, port: Number(values.port), key: values.key })
  const seed = Number(values.seed)
  const script = drawRings(seedCity({ seed }), createChance(`${seed}/telephony`), {
    count: Number(values.count),
    everyMs: Number(values['every-ms']),
    run: Date.now().toString(36),
  })
  await playRings(telephony, script, { signal: end.signal })
  const { said, answered, refused } = telephony.totals()
  process.stdout.write(`telephony: said ${said}, answered ${answered}, refused ${[...refused].join(' ') || 'none'}\n`)
  await telephony.stop()
}

if (import.meta.main) await main()

/**
 * Routes of the door in: POST /v1/entries. One request holds up to 1,000 items; each gets its own outcome; what is refused
 * harms nothing else. The answer is given after the commit, and for commands after their outcome is durable too.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  backfillAgeMs,
  batchMax,
  bodyMaxBytes,
  type Entry,
  kinds,
  type Lane,
  type RecordKind,
  type Submission,
} from '#contract/entry.ts'
import { describeReject, type Reject, reject, sendReject } from '#contract/errors.ts'
import { EntriesRequest, EntriesResponse, type EntryOutcome, ErrorResponse } from '#contract/wire.ts'
import type { World } from '../state/world.ts'
import { admit, type Speaker } from './admit.ts'
import type { EpochGate } from './epochs.ts'

/** What the writer told of one entry. */
type Told = { result: 'done' | 'refused'; seq?: number; reject?: Reject; repeated?: boolean }
type SealItem = { recordKind: RecordKind; recordId: string; fields: Readonly<Record<string, string>> }
type SealAnswer = {
  fields?: Record<string, string> | undefined
  reject?: Reject | undefined
  personKeys?: string[] | undefined
}

export type IntakePorts = {
  world: World
  incarnation: () => string
  cityNow(): number
  /** One lane for everything: a played city keeps the order of its recording. */
  isPlayed: boolean
  authenticate(request: FastifyRequest): Promise<Speaker | Reject>
  seal(items: readonly SealItem[]): Promise<readonly SealAnswer[]>
  /** Keyed hash of a caller's number; undefined for what is no number. */
  hashNumber(text: string): Promise<string | undefined>
  /** True while the writer knows the database to be away: nobody need wait for a second answer of it. */
  isWriterAway(): boolean
  /** True for errors that mean the database is away. */
  isAway(error: unknown): boolean
  submit(entries: readonly Entry[], laneOf: (entry: Entry) => Lane): Promise<Told[]>
  hasRoom(counts: Readonly<Record<Lane, number>>): boolean
  epochs: EpochGate
  count(result: 'done' | 'refused', code: string, n: number): void
}

/** Lane of an entry: by kind; live facts that come late are backfill. */
export function chooseLane(entry: Entry, isPlayed: boolean): Lane {
  if (isPlayed) return 'live'
  const { lane } = kinds[entry.kind]
  return lane === 'live' && entry.receivedAt - entry.occurredAt > backfillAgeMs ? 'backfill' : lane
}

/** A record's key lies in the database; whoever clicks is told within 2 s in all that it is away. */
const sealMaxMs = 1_500

/** Seals, or throws what counts as the database being away when it does not answer in time. */
async function sealInTime<T>(seal: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(
      () => refuse(Object.assign(new Error('no answer of the database'), { code: 'DATABASE_AWAY' })),
      sealMaxMs,
    )
  })
  try {
    return await Promise.race([seal(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Seals the personal fields of admitted entries in place; what could not be sealed becomes a reject. */
async function sealEntries(
  admitted: (Entry | Reject)[],
  { seal, hashNumber, isAway, isWriterAway }: Pick<IntakePorts, 'seal' | 'hashNumber' | 'isAway' | 'isWriterAway'>,
): Promise<void> {
  const items: SealItem[] = []
  const owners: number[] = []
  const numbers: { body: Record<string, unknown>; text: string }[] = []
  for (const [i, entry] of admitted.entries()) {
    if ('code' in entry) continue
    const { personal, record } = kinds[entry.kind]
    if (!record) continue
    const body = entry.body as Record<string, unknown>
    if (entry.kind === 'call.received') {
      // The door alone says whose number it is: nobody may ring in another's name.
      delete body.numberHash
      if (typeof body.callerNumber === 'string') numbers.push({ body, text: body.callerNumber })
    }
    const fields: Record<string, string> = {}
    for (const name of personal) if (typeof body[name] === 'string') fields[name] = body[name]
    if (Object.keys(fields).length === 0) continue
    items.push({ recordKind: record.kind, recordId: body[record.idField] as string, fields })
    owners.push(i)
  }
  if (items.length === 0) return
  let answers: readonly SealAnswer[]
  if (isWriterAway()) {
    for (const i of owners) admitted[i] = reject('DATABASE_AWAY')
    return
  }
  try {
    answers = await sealInTime(async () => {
      for (const { body, text } of numbers) {
        const numberHash = await hashNumber(text)
        if (numberHash !== undefined) body.numberHash = numberHash
      }
      return seal(items)
    })
  } catch (error) {
    if (!isAway(error)) throw error
    for (const i of owners) admitted[i] = reject('DATABASE_AWAY')
    return
  }
  for (const [n, answer] of answers.entries()) {
    const i = owners[n]!
    if (answer.reject) admitted[i] = answer.reject
    else {
      const { body } = admitted[i] as Entry
      Object.assign(body, answer.fields, answer.personKeys ? { personKeys: answer.personKeys } : {})
    }
  }
}

function toOutcome(index: number, told: Told): EntryOutcome {
  const outcome: EntryOutcome = { index, result: told.result }
  if (told.seq !== undefined) outcome.seq = told.seq
  if (told.repeated) outcome.repeated = true
  if (told.reject) {
    const { http: _http, ...text } = describeReject(told.reject)
    Object.assign(outcome, text)
  }
  return outcome
}

/** Tells the metrics once per result and code, not once per item. */
function countOutcomes(outcomes: readonly EntryOutcome[], count: IntakePorts['count']): void {
  let done = 0
  const refused = new Map<string, number>()
  for (const { result, code = '' } of outcomes)
    if (result === 'done') done++
    else refused.set(code, (refused.get(code) ?? 0) + 1)
  if (done > 0) count('done', '', done)
  for (const [code, n] of refused) count('refused', code, n)
}

/** Admits, seals and submits one request of a known speaker; the whole road of the door for HTTP and sockets alike. */
export async function takeEntries(
  items: readonly unknown[],
  speaker: Speaker,
  ports: IntakePorts,
): Promise<EntriesResponse | { refused: Reject }> {
  if (items.length === 0) return { refused: reject('BATCH_EMPTY') }
  if (items.length > batchMax) return { refused: reject('BATCH_TOO_LARGE', { max: batchMax }) }
  const now = ports.cityNow()
  const door = { now, receivedAt: now, speaker, world: ports.world }
  const admitted = items.map(item => {
    const entry = admit(item, door)
    if ('code' in entry || entry.epoch === undefined || ports.epochs.admits(entry.source, entry.epoch, now))
      return entry
    return reject('EPOCHS_TOO_MANY', { source: entry.source, retryAfterS: 3_600 })
  })
  await sealEntries(admitted, ports)
  const counts = { urgent: 0, live: 0, backfill: 0 }
  const accepted: Entry[] = []
  for (const entry of admitted)
    if (!('code' in entry)) {
      accepted.push(entry)
      counts[chooseLane(entry, ports.isPlayed)]++
    }
  if (!ports.hasRoom(counts)) {
    ports.count('refused', 'LANE_FULL', items.length)
    return { refused: reject('LANE_FULL', { retryAfterS: 1 }) }
  }
  const told = await ports.submit(accepted, entry => chooseLane(entry, ports.isPlayed))
  let next = 0
  const outcomes = admitted.map((entry, index) =>
    toOutcome(index, 'code' in entry ? { result: 'refused', reject: entry } : told[next++]!),
  )
  countOutcomes(outcomes, ports.count)
  return { incarnation: ports.incarnation(), outcomes }
}

/** Registers the door in, in a scope of its own: the sender is known before the body is read, and the body is read here. */
export function registerIntakeRoutes(app: FastifyInstance, ports: IntakePorts): void {
  app.register(async scope => {
    const speakers = new WeakMap<FastifyRequest, Speaker>()
    scope.removeContentTypeParser('application/json')
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
      if (!isUtf8(body)) return done(new SyntaxError('not UTF-8'), undefined)
      try {
        // JSON.parse keeps `__proto__` as a plain key: admit() refuses the one item that holds it, the rest goes through.
        done(null, JSON.parse(body.toString('utf8')))
      } catch {
        done(new SyntaxError('not JSON'), undefined)
      }
    })
    scope.post('/v1/entries', {
      bodyLimit: bodyMaxBytes,
      schema: {
        summary: 'Say one or many things (up to 1,000); each item gets its own outcome',
        description:
          'Device token (Authorization: Bearer) or session cookie. Keyed by source, epoch and seq, or by a client uuid: twice is once.',
        tags: ['entries'],
        body: EntriesRequest,
        response: {
          200: EntriesResponse,
          '4xx': ErrorResponse,
          503: z.union([EntriesResponse, ErrorResponse]),
          '5xx': ErrorResponse,
        },
      },
      // Items are judged one by one by admit(); the schema above documents them.
      validatorCompiler: () => value => ({ value }),
      // Built here field by field to the documented shape: parsing it once more would cost more than admitting it.
      serializerCompiler: () => answer => JSON.stringify(answer),
      onRequest: async (request, reply) => {
        const speaker = await ports.authenticate(request)
        if ('code' in speaker) return sendReject(reply, speaker)
        speakers.set(request, speaker)
      },
      handler: async (request, reply) => {
        const body = request.body as { entries?: unknown } | null
        const items: readonly unknown[] | undefined = Array.isArray(body?.entries)
          ? body.entries
          : isOne(body)
            ? [body]
            : undefined
        if (!items) return sendReject(reply, reject('SHAPE_INVALID', { path: 'entries', why: 'an array is expected' }))
        const answer = await takeEntries(items, speakers.get(request)!, ports)
        if ('refused' in answer) return sendReject(reply, answer.refused)
        if (answer.outcomes.every(o => o.code === 'DATABASE_AWAY'))
          return reply.code(503).header('retry-after', '1').send(answer)
        return answer
      },
    })
  })
}

function isOne(body: unknown): body is Submission {
  return typeof body === 'object' && body !== null && 'kind' in body
}

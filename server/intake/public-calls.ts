/**
 * Public calls: the one-key call of a phone's browser, the only door for somebody nobody knows. Opt-in (PUBLIC_CALLS=on). It
 * never blocks: the call rings at once, marked 互联网 未核实; a code told later changes that mark and nothing else. Beyond the
 * limits, and for marked numbers, a call still rings, ranked last; only when overLimitWaitingMax of those wait is the caller told to
 * dial 120. Everything it says goes through the same road as any other entry (takeEntries).
 *
 * Abuse, and what stands against it:
 * - Forged requests of another site: no cookie is read or set here, so there is nobody to impersonate; only JSON is taken, which
 *   another site's page cannot send without a preflight that this server does not answer.
 * - Floods: limits by address (an IPv6 caller is its /64) and for all; above them calls are ranked last and bounded in number.
 * - Text messages sent to strangers: one a minute and five a day to a number, sixty an hour in all; never in a dry city.
 * - Guessing: the caller's secret is the uuid its page drew (122 bits), the call's id is a hash of it; five tries at a code.
 * - Whose numbers: a number is sealed with the call; here it lives only as long as one request.
 */
import { createHash, createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import { Id, Lat, Lon } from '#contract/scalars.ts'
import { type EntryOutcome, ErrorResponse } from '#contract/wire.ts'
import type { World } from '../state/world.ts'
import type { Speaker } from './admit.ts'
import { type IntakePorts, takeEntries } from './routes.ts'

/** Calls of one address in ten minutes that rank as usual: a family, an office behind one router. */
export const addressCallsMax = 5
const addressWindowMs = 10 * 60_000
/** Calls of everybody in a minute that rank as usual: five times the peak hour of a centre with 2,000 calls a day. */
export const allCallsMax = 10
const allWindowMs = 60_000
/** Requests of one address in a minute to the routes beside the call itself (positions, codes); more are refused. */
export const sideRequestsMax = 60
/** Calls beyond the limits that may wait at the desks at once. Above it the page says: dial 120. */
export const overLimitWaitingMax = 200
/** Codes remembered; the oldest goes. */
const codesMax = 2_000
const codeLifeMs = 10 * 60_000
const codeTriesMax = 5
/** Positions one call may send: one each 5 s for ten minutes. */
export const positionsOfCallMax = 120
const smsGapMs = 60_000
const smsOfNumberMax = 5
const smsOfAllMax = 60
const numbersRememberedMax = 5_000
const answerMaxMs = 5_000
/** A link to the position page can be used this long; a call is over by then. */
export const positionLinkMs = 30 * 60_000

const Place = { lon: Lon, lat: Lat, accuracyM: z.number().min(0).max(1_000_000) }
export const PublicCallRequest = z.strictObject({
  uuid: z.uuid().toLowerCase(),
  position: z.strictObject(Place).optional(),
  number: z
    .string()
    .max(30)
    .regex(/^[0-9+ ()-]*$/)
    .optional(),
  /** What happened, in the caller's words. */
  text: z.string().max(500).optional(),
})
export const PublicCallResponse = z.object({
  callId: Id,
  /** True when the call waits behind the usual ones: the page advises to dial 120 as well. */
  isLast: z.boolean(),
  /** A code was sent by text message; false without a number, in a dry city or beyond the limits of messages. */
  isCodeSent: z.boolean(),
})
const PublicPosition = z.strictObject({ uuid: z.uuid().toLowerCase(), ...Place })
const PublicCode = z.strictObject({ uuid: z.uuid().toLowerCase(), code: z.string().regex(/^\d{6}$/) })

export const PositionLinkResponse = z.object({
  /** Read out or sent by hand when no message could be sent. */
  link: z.string(),
  isSent: z.boolean(),
})
const LinkedPosition = z.strictObject({ token: z.string().max(200), ...Place })

export type PublicCallPorts = {
  isOn: boolean
  /** Signs links to the position page. */
  linkSecret: string
  /** Where callers reach this server. */
  publicUrl(): string
  /** Judges the desk that asks for a link, and reads the caller's number for it: the look is logged first. */
  readNumber(request: FastifyRequest, callId: string): Promise<{ number?: string } | Reject>
  intake: IntakePorts
  world: World
  /** Region a point lies in; undefined outside what is published. */
  findRegion(point: { lon: number; lat: number }): string | undefined
  now(): number
  /** Sends a text message to a number; undefined in a city that is dry or has no gateway. */
  sendMessage?: (number: string, text: string) => Promise<void>
  onError(error: Error): void
}

/** Number of the call a page's uuid stands for: nobody who sees the number can speak for the caller. */
export function getPublicCallId(uuid: string): string {
  return `NET-${createHash('sha256').update(`vigil public call ${uuid}`).digest('hex').slice(0, 20)}`
}

/** The address limits are counted by: an IPv6 subscriber holds a whole /64. */
export function getAddressKey(ip: string): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip.replace('::ffff:', '')
  const [head = '', tail = ''] = ip.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const groups = ip.includes('::')
    ? [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
    : front
  return `${groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

function signLink(secret: string, callId: string, expiresAt: number): string {
  return createHmac('sha256', secret).update(`position ${callId} ${expiresAt}`).digest('base64url').slice(0, 32)
}

/** The token of a position link: call, end and signature. */
export function createPositionToken(secret: string, callId: string, expiresAt: number): string {
  return `${callId}~${expiresAt.toString(36)}~${signLink(secret, callId, expiresAt)}`
}

/** The call of a token; undefined when it is forged or over. */
export function findPositionCall(secret: string, token: string, now: number): string | undefined {
  const [callId = '', until = '', signature = '', ...rest] = token.split('~')
  const expiresAt = Number.parseInt(until, 36)
  if (rest.length > 0 || !Number.isSafeInteger(expiresAt) || expiresAt < now) return undefined
  const expected = Buffer.from(signLink(secret, callId, expiresAt))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? callId : undefined
}

/** Calls beyond the limits that nobody has answered or settled. */
export function countOverLimit(world: Pick<World, 'calls'>): number {
  let count = 0
  for (const call of world.calls.values())
    if (call.rank === 2 && call.answeredAt === undefined && call.outcome === undefined && call.incidentId === undefined)
      count++
  return count
}

/** Speaks for callers: three kinds, any region, nothing else. */
const speaker: Speaker = {
  source: 'public',
  isRelay: false,
  judge: kind =>
    kind === 'call.received' || kind === 'call.located' || kind === 'call.verified'
      ? undefined
      : reject('KIND_FORBIDDEN', { kind }),
  covers: () => true,
}

type Code = { code: string; tries: number; expiresAt: number }

/** Registers the routes; each answers 404 unless the operator has opened them. */
export async function registerPublicCallRoutes(app: FastifyInstance, ports: PublicCallPorts): Promise<void> {
  const { world, intake } = ports
  const codes = new Map<string, Code>()
  const positions = new Map<string, number>()
  const numbers = new Map<string, { sentAt: number; count: number; since: number }>()
  let hour = { since: 0, count: 0 }

  /** One entry by the common road; the refusal of the request as one of the entry. */
  const say = async (kind: string, uuid: string, body: unknown): Promise<EntryOutcome | Reject> => {
    const answer = await takeEntries([{ kind, uuid, occurredAt: ports.now(), body }], speaker, intake)
    return 'refused' in answer ? answer.refused : answer.outcomes[0]!
  }
  const findFault = (outcome: EntryOutcome | Reject): Reject | undefined =>
    'result' in outcome
      ? outcome.result === 'done'
        ? undefined
        : ({ code: outcome.code ?? 'INTERNAL', ...(outcome.params ? { params: outcome.params } : {}) } as Reject)
      : outcome

  const mayMessage = (numberKey: string, now: number): boolean => {
    if (now - hour.since > 3_600_000) hour = { since: now, count: 0 }
    const held = numbers.get(numberKey) ?? { sentAt: 0, count: 0, since: now }
    const isNewDay = now - held.since > 86_400_000
    const row = isNewDay ? { sentAt: held.sentAt, count: 0, since: now } : held
    if (hour.count >= smsOfAllMax || row.count >= smsOfNumberMax || now - row.sentAt < smsGapMs) return false
    hour.count++
    numbers.delete(numberKey)
    numbers.set(numberKey, { ...row, sentAt: now, count: row.count + 1 })
    if (numbers.size > numbersRememberedMax) numbers.delete(numbers.keys().next().value!)
    return true
  }

  /** Counts a position of a call; false beyond what one call may send. */
  const admitPosition = (callId: string): boolean => {
    const count = (positions.get(callId) ?? 0) + 1
    if (count > positionsOfCallMax) return false
    positions.set(callId, count)
    if (positions.size > codesMax) positions.delete(positions.keys().next().value!)
    return true
  }

  /** Draws a code and sends it; false when none was sent. The call rings already and does not wait for this. */
  const sendCode = async (callId: string, number: string | undefined): Promise<boolean> => {
    if (!ports.sendMessage || number === undefined || codes.has(callId)) return false
    const numberKey = await intake.hashNumber(number)
    const now = ports.now()
    if (numberKey === undefined || !mayMessage(numberKey, now)) return false
    const code = randomInt(0, 1_000_000).toString().padStart(6, '0')
    codes.set(callId, { code, tries: 0, expiresAt: now + codeLifeMs })
    if (codes.size > codesMax) codes.delete(codes.keys().next().value!)
    try {
      await ports.sendMessage(number, `【120】验证码 ${code},10 分钟内有效。急救电话:120`)
      return true
    } catch (error) {
      codes.delete(callId)
      ports.onError(error as Error)
      return false
    }
  }

  await app.register(async scope => {
    await scope.register(rateLimit, { global: false })
    const keyGenerator = (request: FastifyRequest) => getAddressKey(request.ip)
    const countAddress = scope.createRateLimit({ max: addressCallsMax, timeWindow: addressWindowMs, keyGenerator })
    const countAll = scope.createRateLimit({ max: allCallsMax, timeWindow: allWindowMs, keyGenerator: () => 'all' })
    const countSide = scope.createRateLimit({ max: sideRequestsMax, timeWindow: 60_000, keyGenerator })
    const tags = ['public']
    const errors = { '4xx': ErrorResponse, '5xx': ErrorResponse }

    /** A request beside the call: known by its uuid, bounded by address. */
    const admitSide = async (request: FastifyRequest, uuid: string): Promise<Reject | undefined> => {
      if (!ports.isOn) return reject('PUBLIC_CALLS_OFF')
      const { callId } = request.params as { callId: string }
      const limit = await countSide(request)
      if (!limit.isAllowed && limit.isExceeded) return reject('TOO_MANY_REQUESTS', { retryAfterS: limit.ttlInSeconds })
      // Of a call that is not the asker's not even its being there is told.
      return getPublicCallId(uuid) === callId && world.calls.has(callId)
        ? undefined
        : reject('CALL_UNKNOWN', { callId })
    }

    scope.post('/v1/public/calls', {
      bodyLimit: 4_096,
      schema: {
        summary: 'A one-key call by internet: rings at once, unverified; nobody need be known',
        tags,
        security: [],
        body: PublicCallRequest,
        response: { 201: PublicCallResponse, ...errors },
      },
      handler: async (request, reply) => {
        if (!ports.isOn) return sendReject(reply, reject('PUBLIC_CALLS_OFF'))
        const { uuid, position, number, text } = request.body as z.infer<typeof PublicCallRequest>
        const callId = getPublicCallId(uuid)
        const held = world.calls.get(callId)
        // The page asks again when it heard nothing: the call rings once.
        if (held) return reply.code(201).send({ callId, isLast: held.rank === 2, isCodeSent: codes.has(callId) })
        const [byAddress, byAll] = [await countAddress(request), await countAll(request)]
        const isOverLimit = [byAddress, byAll].some(limit => !limit.isAllowed && limit.isExceeded)
        if (isOverLimit && countOverLimit(world) >= overLimitWaitingMax)
          return sendReject(reply, reject('PUBLIC_CALLS_FULL'))
        const root = [...world.regions.values()].find(region => region.parentCode === undefined)?.code
        const regionCode = (position && ports.findRegion(position)) ?? root
        // No region, no desk it could ring at.
        if (regionCode === undefined) return sendReject(reply, reject('PUBLIC_CALLS_FULL'))
        const isNumber = number !== undefined && number.trim() !== ''
        const words = text?.trim() ?? ''
        const body = {
          callId,
          regionCode,
          callKind: 'internet',
          channel: 'internet',
          isVerified: false,
          ...(isOverLimit ? { isOverLimit } : {}),
          ...(isNumber ? { callerNumber: number.trim() } : {}),
          ...(words === '' ? {} : { complaintText: words }),
        }
        const place = position && {
          lon: position.lon,
          lat: position.lat,
          radiusM: Math.min(100_000, position.accuracyM),
          positionSource: 'browser',
        }
        let outcome = await say('call.received', uuid, { ...body, ...place })
        const fault = findFault(outcome)
        // A position the house cannot take must not cost the call.
        if (place && fault && (fault.code === 'LOCATION_SWAPPED' || fault.code === 'LOCATION_OUT_OF_RANGE'))
          outcome = await say('call.received', uuid, body)
        const refused = findFault(outcome)
        if (refused && refused.code !== 'CALL_EXISTS') return sendReject(reply, refused)
        const isCodeSent = await sendCode(callId, isNumber ? number.trim() : undefined)
        return reply.code(201).send({ callId, isLast: isOverLimit, isCodeSent })
      },
    })

    scope.post('/v1/public/calls/:callId/position', {
      bodyLimit: 1_024,
      schema: {
        summary: 'A better position of a one-key call',
        tags,
        security: [],
        params: z.object({ callId: Id }),
        body: PublicPosition,
        response: { 204: z.null(), ...errors },
      },
      handler: async (request, reply) => {
        const { uuid, lon, lat, accuracyM } = request.body as z.infer<typeof PublicPosition>
        const refused = await admitSide(request, uuid)
        if (refused) return sendReject(reply, refused)
        const callId = getPublicCallId(uuid)
        if (!admitPosition(callId)) return sendReject(reply, reject('TOO_MANY_REQUESTS', { retryAfterS: 60 }))
        const radiusM = Math.min(100_000, accuracyM)
        const body = { callId, positionSource: 'browser', lon, lat, radiusM }
        return settle(reply, await say('call.located', crypto.randomUUID(), body), findFault)
      },
    })

    scope.post('/v1/calls/:callId/position-link', {
      bodyLimit: 1_024,
      schema: {
        summary:
          'Sends the caller a link that gives us the position of the telephone; the look at the number is logged',
        tags: ['calls'],
        params: z.object({ callId: Id }),
        response: { 200: PositionLinkResponse, ...errors },
      },
      handler: async (request, reply) => {
        const { callId } = request.params as { callId: string }
        const read = await ports.readNumber(request, callId)
        if ('code' in read) return sendReject(reply, read)
        const token = createPositionToken(ports.linkSecret, callId, ports.now() + positionLinkMs)
        const link = `${ports.publicUrl()}/call.html#p=${token}`
        const numberKey = read.number === undefined ? undefined : await intake.hashNumber(read.number)
        let isSent = false
        if (
          ports.sendMessage &&
          read.number !== undefined &&
          numberKey !== undefined &&
          mayMessage(numberKey, ports.now())
        )
          isSent = await ports.sendMessage(read.number, `【120】请点击发送您的位置:${link}`).then(
            () => true,
            error => {
              ports.onError(error)
              return false
            },
          )
        return { link, isSent }
      },
    })

    scope.post('/v1/public/positions', {
      bodyLimit: 1_024,
      schema: {
        summary: 'The position of a caller, by the link a desk has sent',
        tags,
        security: [],
        body: LinkedPosition,
        response: { 204: z.null(), ...errors },
      },
      handler: async (request, reply) => {
        const { token, lon, lat, accuracyM } = request.body as z.infer<typeof LinkedPosition>
        if (!ports.isOn) return sendReject(reply, reject('PUBLIC_CALLS_OFF'))
        const limit = await countSide(request)
        if (!limit.isAllowed && limit.isExceeded)
          return sendReject(reply, reject('TOO_MANY_REQUESTS', { retryAfterS: limit.ttlInSeconds }))
        const callId = findPositionCall(ports.linkSecret, token, ports.now())
        if (callId === undefined) return sendReject(reply, reject('TOKEN_INVALID'))
        if (!admitPosition(callId)) return sendReject(reply, reject('TOO_MANY_REQUESTS', { retryAfterS: 60 }))
        const body = { callId, positionSource: 'sms-link', lon, lat, radiusM: Math.min(100_000, accuracyM) }
        return settle(reply, await say('call.located', crypto.randomUUID(), body), findFault)
      },
    })

    scope.post('/v1/public/calls/:callId/verification', {
      bodyLimit: 1_024,
      schema: {
        summary: 'The code of the text message: changes the mark of a one-key call and nothing else',
        tags,
        security: [],
        params: z.object({ callId: Id }),
        body: PublicCode,
        response: { 204: z.null(), ...errors },
      },
      handler: async (request, reply) => {
        const { uuid, code } = request.body as z.infer<typeof PublicCode>
        const refused = await admitSide(request, uuid)
        if (refused) return sendReject(reply, refused)
        const callId = getPublicCallId(uuid)
        const held = codes.get(callId)
        if (!held || held.expiresAt < ports.now() || ++held.tries > codeTriesMax) {
          codes.delete(callId)
          return sendReject(reply, reject('CODE_WRONG'))
        }
        if (!timingSafeEqual(Buffer.from(held.code), Buffer.from(code))) return sendReject(reply, reject('CODE_WRONG'))
        codes.delete(callId)
        return settle(reply, await say('call.verified', crypto.randomUUID(), { callId }), findFault)
      },
    })
  })
}

function settle(
  reply: FastifyReply,
  outcome: EntryOutcome | Reject,
  findFault: (outcome: EntryOutcome | Reject) => Reject | undefined,
): unknown {
  const refused = findFault(outcome)
  return refused ? sendReject(reply, refused) : reply.code(204).send(null)
}

/** Sends text messages by the pager's SMS gateway: POST {to, text}, signed like a page. Throws when it does not take it. */
export function createMessenger(
  url: string,
  sign: (body: string) => Record<string, string>,
): (number: string, text: string) => Promise<void> {
  return async (number, text) => {
    const body = JSON.stringify({ to: number, text })
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sign(body) },
      body,
      signal: AbortSignal.timeout(answerMaxMs),
    })
    if (!answer.ok) throw new Error(`the SMS gateway answered ${answer.status}`)
  }
}

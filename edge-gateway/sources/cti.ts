/**
 * CTI: what a telephone system says about its lines, decoded. Newline-delimited JSON over TCP (docs/cti.md): ring, answer, hang-up,
 * conference, transfer, recording, position, linked transfer. Pure: bytes → lines → entries of the contract or a refusal with
 * a stable code. Promises: nothing it is given makes it throw; a ring is never refused for a bad position, name or time: what
 * is wrong with it is left out and named beside the answer; every entry it returns has the shape of its kind.
 */
import { type BodyOf, getBodySchema, type Kind } from '#contract/entry.ts'
import { Id } from '#contract/scalars.ts'
import { type Datum, toWgs84 } from '../datum.ts'

/** Longest line, in bytes, without its line feed: a linked case with 2,000 characters of text in UTF-8 is about 7 KB. */
export const ctiLineMaxBytes = 16_384
/** A telephone system's clock, or a line it kept, may be this much behind; beyond it the gateway's own time is taken … */
export const ctiClockBehindMaxMs = 15 * 60_000
/** … and this much ahead: the house refuses what it takes for the future. */
export const ctiClockAheadMaxMs = 60_000
/** Longest text of a personal field, as the contract bounds it. */
const textMax = 2_000

export type CtiCode =
  | 'LINE_TOO_LONG'
  | 'NOT_UTF8'
  | 'JSON_MALFORMED'
  | 'HELLO_REQUIRED'
  | 'KEY_WRONG'
  | 'TYPE_UNKNOWN'
  | 'FIELD_INVALID'
  | 'STORE_FAILED'

export const ctiTexts: Readonly<Record<CtiCode, { zh: string; en: string }>> = {
  LINE_TOO_LONG: { zh: '一行超过 16384 字节', en: 'a line is longer than 16384 bytes' },
  NOT_UTF8: { zh: '不是 UTF-8 文本', en: 'not UTF-8' },
  JSON_MALFORMED: { zh: '不是一个 JSON 对象', en: 'not one JSON object' },
  HELLO_REQUIRED: { zh: '须先发送 hello', en: 'say hello first' },
  KEY_WRONG: { zh: '密钥不正确', en: 'the key is wrong' },
  TYPE_UNKNOWN: { zh: '未知的消息类型', en: 'unknown type of message' },
  FIELD_INVALID: { zh: '字段缺失或不正确', en: 'a field is missing or not correct' },
  STORE_FAILED: { zh: '未能写入缓存,请重发', en: 'could not be stored: send it again' },
}

/** What the configuration says about one telephone system. */
export type CtiLineSettings = {
  /** Stands before every call number of this system in the log. */
  prefix: string
  regionCode: string
  /** Regions of trunks whose callers are of one county. */
  trunks: Readonly<Record<string, string>>
  datum: Datum
}

export type CtiEntry = { [K in Kind]: { kind: K; occurredAt: number; body: BodyOf<K> } }[Kind]

export type CtiMessage =
  | { kind: 'hello'; id: string | number | undefined; key: string }
  | { kind: 'ping'; id: string | number | undefined }
  /** `omitted`: names of fields that were left out because they could not be used. */
  | { kind: 'said'; id: string | number | undefined; entries: CtiEntry[]; omitted: string[] }
  | { kind: 'refused'; id: string | number | undefined; code: CtiCode; field?: string }

// --- lines

export type CtiLine = { bytes: Uint8Array } | { code: 'LINE_TOO_LONG' }
export type CtiFramer = {
  /** Lines completed by these bytes, in order; empty lines are nothing. */
  push(bytes: Uint8Array, at: number): CtiLine[]
  /** When the line that is not complete yet began; undefined without one. */
  getBegunAt(): number | undefined
}

/** Cuts a stream into lines at LF (CR before it is dropped). A line beyond the limit is thrown away up to its end and told once. */
export function createCtiFramer(): CtiFramer {
  let parts: Uint8Array[] = []
  let length = 0
  let isSkipping = false
  let begunAt: number | undefined
  const take = (): Uint8Array => {
    const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    parts = []
    length = 0
    return line.at(-1) === 0x0d ? line.subarray(0, -1) : line
  }
  return {
    push(bytes, at) {
      const lines: CtiLine[] = []
      let from = 0
      while (from < bytes.length) {
        const end = bytes.indexOf(0x0a, from)
        const piece = bytes.subarray(from, end < 0 ? bytes.length : end)
        begunAt ??= at
        if (!isSkipping && length + piece.length > ctiLineMaxBytes + 1) {
          parts = []
          length = 0
          isSkipping = true
          lines.push({ code: 'LINE_TOO_LONG' })
        }
        if (!isSkipping && piece.length > 0) {
          // A copy: the socket's buffer is used again.
          parts.push(Uint8Array.from(piece))
          length += piece.length
        }
        if (end < 0) break
        from = end + 1
        begunAt = undefined
        if (isSkipping) isSkipping = false
        else if (length > 0) {
          const line = take()
          if (line.length > ctiLineMaxBytes) lines.push({ code: 'LINE_TOO_LONG' })
          else if (line.length > 0) lines.push({ bytes: line })
        }
      }
      return lines
    },
    getBegunAt: () => begunAt,
  }
}

// --- messages

type Fields = Readonly<Record<string, unknown>>

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** One line of text without control characters, whole characters only; undefined for what is none. */
function readText(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
  // Cut by characters, so that no pair is torn.
  return text === ''
    ? undefined
    : [...text].slice(0, max).join('').slice(0, max).toWellFormed().normalize('NFC').slice(0, max)
}

function readId(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  return Id.safeParse(text).success ? (text as string) : undefined
}

/** WGS-84 position of a message; undefined when there is none, `invalid` when it cannot be one. */
function readPlace(
  fields: Fields,
  datum: Datum,
): { lon: number; lat: number; radiusM: number } | 'invalid' | undefined {
  if (fields.lon === undefined && fields.lat === undefined) return undefined
  const { lon, lat } = fields
  if (typeof lon !== 'number' || typeof lat !== 'number' || !Number.isFinite(lon) || !Number.isFinite(lat))
    return 'invalid'
  if (Math.abs(lon) > 180 || Math.abs(lat) > 90 || (lon === 0 && lat === 0)) return 'invalid'
  const radiusM = typeof fields.radiusM === 'number' && Number.isFinite(fields.radiusM) ? fields.radiusM : 1_000
  const place = toWgs84({ lon, lat }, datum)
  if (!Number.isFinite(place.lon) || !Number.isFinite(place.lat)) return 'invalid'
  return { ...place, radiusM: Math.min(100_000, Math.max(0, radiusM)) }
}

const partyKinds: ReadonlySet<unknown> = new Set(['seat', 'crew', 'hospital', 'service', 'expert', 'other'])
const toKinds: ReadonlySet<unknown> = new Set(['seat', 'centre', 'hospital', 'service', 'other'])
const closers: ReadonlySet<unknown> = new Set(['caller', 'seat', 'network'])
const services: ReadonlySet<unknown> = new Set(['110', '119', '122', '12345', '120'])
const sources: ReadonlySet<unknown> = new Set(['operator', 'sms-link'])

class Refusal {
  readonly field: string
  constructor(field: string) {
    this.field = field
  }
}

function need<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new Refusal(field)
  return value
}

type Draft = { kind: Kind; body: Record<string, unknown> }

/** The entries one message means. Throws Refusal, caught by decodeCti alone. */
function toEntries(type: string, fields: Fields, settings: CtiLineSettings, omitted: string[]): Draft[] | undefined {
  const callId = () => need(readId(`${settings.prefix}${need(readId(fields.call), 'call')}`), 'call')
  const usable = (field: string, max: number): Record<string, string> => {
    const text = readText(fields[field], max)
    if (text === undefined && fields[field] !== undefined) omitted.push(field)
    return text === undefined ? {} : { [field]: text }
  }
  const ring = (channel: 'telephone' | 'linked'): Draft[] => {
    const trunk = typeof fields.trunk === 'string' ? fields.trunk : ''
    const regionCode = Object.hasOwn(settings.trunks, trunk) ? settings.trunks[trunk]! : settings.regionCode
    const { number, name } = { ...usable('number', 60), ...usable('name', 120) }
    const id = callId()
    const drafts: Draft[] = [
      {
        kind: 'call.received',
        body: {
          callId: id,
          regionCode,
          channel,
          ...(number === undefined ? {} : { callerNumber: number }),
          ...(name === undefined ? {} : { callerName: name }),
        },
      },
    ]
    const place = readPlace(fields, settings.datum)
    // A position of its own: what the house may refuse about it must not cost the ring.
    if (place === 'invalid') omitted.push('lon')
    else if (place) drafts.push({ kind: 'call.located', body: { callId: id, positionSource: 'operator', ...place } })
    return drafts
  }
  switch (type) {
    case 'ring':
      return ring('telephone')
    case 'answer': {
      const seat = readText(fields.seat, 60)
      return [{ kind: 'call.answered', body: { callId: callId(), ...(seat === undefined ? {} : { seat }) } }]
    }
    case 'hangup': {
      if (typeof fields.answered !== 'boolean') throw new Refusal('answered')
      if (!fields.answered) return [{ kind: 'call.abandoned', body: { callId: callId() } }]
      const by = closers.has(fields.by) ? { by: fields.by } : {}
      return [{ kind: 'call.hungUp', body: { callId: callId(), ...by } }]
    }
    case 'locate': {
      const place = readPlace(fields, settings.datum)
      if (place === undefined || place === 'invalid') throw new Refusal('lon')
      const positionSource = sources.has(fields.source) ? fields.source : 'operator'
      return [{ kind: 'call.located', body: { callId: callId(), positionSource, ...place } }]
    }
    case 'conference': {
      const partyKind = partyKinds.has(fields.partyKind) ? fields.partyKind : 'other'
      const party = need(readText(fields.party, 60), 'party')
      return [{ kind: 'call.conferenced', body: { callId: callId(), partyKind, party } }]
    }
    case 'transfer': {
      const toKind = toKinds.has(fields.toKind) ? fields.toKind : 'other'
      return [{ kind: 'call.transferred', body: { callId: callId(), toKind, to: need(readText(fields.to, 60), 'to') } }]
    }
    case 'recording':
      return [{ kind: 'call.recorded', body: { callId: callId(), recordingRef: fields.recording } }]
    case 'link': {
      if (!services.has(fields.service)) throw new Refusal('service')
      const link = need(readId(fields.link), 'link')
      const reference = readId(fields.reference)
      const caseText = readText(fields.text, textMax)
      return [
        ...ring('linked'),
        {
          kind: 'call.linked',
          body: {
            linkId: link,
            callId: callId(),
            direction: 'in',
            service: fields.service,
            ...(reference === undefined ? {} : { reference }),
            ...(caseText === undefined ? {} : { caseText }),
          },
        },
      ]
    }
    case 'linkAcknowledged': {
      const reference = readId(fields.reference)
      const by = readText(fields.by, 120)
      return [
        {
          kind: 'call.linkAcknowledged',
          body: {
            linkId: need(readId(fields.link), 'link'),
            callId: callId(),
            ...(reference === undefined ? {} : { reference }),
            ...(by === undefined ? {} : { by }),
          },
        },
      ]
    }
    default:
      return undefined
  }
}

/** Reads one line. `nowAt` stands for a time that is missing or too far off. */
export function decodeCti(line: Uint8Array, settings: CtiLineSettings, nowAt: number): CtiMessage {
  let text: string
  try {
    text = decoder.decode(line)
  } catch {
    return { kind: 'refused', id: undefined, code: 'NOT_UTF8' }
  }
  let fields: Fields
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object')
    fields = value as Fields
  } catch {
    return { kind: 'refused', id: undefined, code: 'JSON_MALFORMED' }
  }
  const id =
    typeof fields.id === 'number' || (typeof fields.id === 'string' && fields.id.length <= 64) ? fields.id : undefined
  const type = typeof fields.type === 'string' ? fields.type : ''
  if (type === 'hello') return { kind: 'hello', id, key: typeof fields.key === 'string' ? fields.key : '' }
  if (type === 'ping') return { kind: 'ping', id }
  // A message can be told from its own repetition by its number alone.
  if (id === undefined) return { kind: 'refused', id, code: 'FIELD_INVALID', field: 'id' }
  const omitted: string[] = []
  let occurredAt = nowAt
  if (fields.at !== undefined) {
    const at = typeof fields.at === 'number' ? fields.at : Number.NaN
    if (Number.isSafeInteger(at) && at - nowAt <= ctiClockAheadMaxMs && nowAt - at <= ctiClockBehindMaxMs)
      occurredAt = at
    else omitted.push('at')
  }
  let drafts: Draft[] | undefined
  try {
    drafts = toEntries(type, fields, settings, omitted)
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault
    return { kind: 'refused', id, code: 'FIELD_INVALID', field: fault.field }
  }
  if (!drafts) return { kind: 'refused', id, code: 'TYPE_UNKNOWN' }
  const entries: CtiEntry[] = []
  for (const { kind, body } of drafts) {
    const shaped = getBodySchema(kind).safeParse(body)
    if (!shaped.success)
      return { kind: 'refused', id, code: 'FIELD_INVALID', field: String(shaped.error.issues[0]?.path[0] ?? 'call') }
    entries.push({ kind, occurredAt, body: shaped.data } as CtiEntry)
  }
  return { kind: 'said', id, entries, omitted }
}

/** What a line is answered with, as one line. */
export type CtiAnswer =
  | { id?: string | number; ok: true; omitted?: readonly string[] }
  | { id?: string | number; ok: false; code: CtiCode; field?: string }

/** Writes an answer: one JSON object and a line feed, both texts with a refusal. */
export function encodeCtiAnswer(answer: CtiAnswer): string {
  return `${JSON.stringify(answer.ok ? answer : { ...answer, ...ctiTexts[answer.code] })}\n`
}

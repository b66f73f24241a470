/**
 * HL7 v2 over MLLP, the language of bedside monitors and hospital systems: bytes → frames → segments → vital signs (ORU^R01)
 * or a visit (ADT A01, A03, A04, A08) → the answer the sender asked for. Stands behind the socket of the edge gateway.
 * Promises: pure ("now" is handed in); no input throws; every buffer is bounded; a value is taken only when code, unit, status
 * and range agree, never guessed; what is left out is named with a code.
 * @source HL7 v2.3-v2.8; IHE PCD-01; ISO/IEEE 11073-10101; PHIN Syndromic Surveillance 2.0 (April 2015)
 */
import type { BodyInputOf } from '#contract/entry.ts'

/** Bytes of one MLLP frame kept at most: waveforms and documents come by other doors. */
export const mllpFrameBytesMax = 1_048_576
/** Bytes outside frames in a row before the connection is cut. */
export const mllpGarbageBytesMax = 65_536
/** Milliseconds a frame may stay open. */
export const mllpOpenMax = 30_000
/** Segments read from one message. */
export const segmentsMax = 10_000
/** Fields read from one segment. */
export const fieldsMax = 256
/** Repetitions read from one field. */
export const repetitionsMax = 64
/** Remarks kept per message. */
export const remarksMax = 200

/** Everything this file says no to or leaves out, in words. Codes are never renamed; `hl7` is the code of table 0357. */
export const hl7Texts = {
  MSH_MISSING: { hl7: '100', zh: '消息不以 MSH 段开头', en: 'The message does not begin with MSH' },
  MSH_INVALID: { hl7: '100', zh: 'MSH 分隔符不合法', en: 'The delimiters in MSH are not legal' },
  TYPE_MISSING: { hl7: '101', zh: '缺少消息类型 MSH-9', en: 'The message type MSH-9 is missing' },
  CONTROL_ID_MISSING: { hl7: '101', zh: '缺少消息标识 MSH-10', en: 'The control id MSH-10 is missing' },
  TYPE_UNSUPPORTED: { hl7: '200', zh: '不支持的消息类型', en: 'The message type is not supported' },
  EVENT_UNSUPPORTED: { hl7: '201', zh: '不支持的触发事件', en: 'The trigger event is not supported' },
  SEGMENTS_TOO_MANY: { hl7: '207', zh: '消息段过多', en: 'The message has too many segments' },
  SEGMENT_STRAY: { hl7: '100', zh: '无法识别的消息行', en: 'A line is not a segment' },
  CHARSET_WRONG: { hl7: '102', zh: '声明的字符集与内容不符', en: 'The text is not in the character set it declares' },
  STATUS_SKIPPED: { hl7: '103', zh: '结果状态表示无有效值', en: 'The result status says there is no value' },
  FLAG_SKIPPED: { hl7: '103', zh: '标志表示数值无效', en: 'A flag says the value is not valid' },
  VALUE_MISSING: { hl7: '101', zh: '没有数值', en: 'There is no value' },
  VALUE_NOT_NUMERIC: { hl7: '102', zh: '数值不是数字', en: 'The value is not a number' },
  UNIT_UNKNOWN: { hl7: '103', zh: '未知单位', en: 'The unit is not known' },
  VALUE_IMPLAUSIBLE: { hl7: '103', zh: '数值超出可信范围', en: 'The value is outside the plausible range' },
  MONITOR_UNKNOWN: { hl7: '204', zh: '床位或监护仪未登记', en: 'The bed or monitor is not enrolled' },
  STORE_FAILED: { hl7: '207', zh: '网关未能保存,请稍后重发', en: 'The gateway could not store it; send it again' },
  LABORATORY: { hl7: '103', zh: '检验结果,不作生命体征', en: 'A laboratory result, not a vital sign' },
} as const

export type Hl7Code = keyof typeof hl7Texts

// ------------------------------------------------------------------------------------------------------------------- MLLP

const startByte = 0x0b
const endByte = 0x1c
const returnByte = 0x0d

/** What one piece of a stream gave. `isCut`: a bound was broken; close the connection, later pushes give nothing. */
export type MllpFraming = { messages: Uint8Array[]; isCut: boolean }
export type MllpCounts = { messages: number; unfinished: number; garbageBytes: number }
export type MllpFramer = {
  /** Takes the next bytes of the stream, in any slicing. */
  push(bytes: Uint8Array, nowAt: number): MllpFraming
  /** True when a frame has been open for longer than mllpOpenMax. */
  isStalled(nowAt: number): boolean
  /** Bytes of an unfinished frame held now, never above the limit. */
  getHeldBytes(): number
  getCounts(): MllpCounts
}

/**
 * Cuts a byte stream into MLLP frames `0b … 1c 0d`. A start byte inside a frame begins anew (the first was never finished);
 * a frame whose `0d` is missing ends where the next one starts; a `1c` followed by anything else is content.
 */
export function createMllpFramer(frameBytesMax: number = mllpFrameBytesMax): MllpFramer {
  const counts: MllpCounts = { messages: 0, unfinished: 0, garbageBytes: 0 }
  let held = new Uint8Array(1_024)
  let fill = 0
  let state: 'outside' | 'inside' | 'ending' = 'outside'
  let openedAt = 0
  let garbageRow = 0
  let isCut = false

  function put(byte: number): void {
    if (fill >= frameBytesMax) {
      isCut = true
      return
    }
    if (fill === held.length) {
      const wider = new Uint8Array(Math.min(held.length * 2, frameBytesMax))
      wider.set(held)
      held = wider
    }
    held[fill++] = byte
  }

  function deliver(into: MllpFraming): void {
    into.messages.push(held.slice(0, fill))
    counts.messages++
    garbageRow = 0
    fill = 0
    // a single large frame must not keep its buffer for the life of the connection
    if (held.length > 65_536) held = new Uint8Array(1_024)
  }

  return {
    push(bytes, nowAt) {
      const framing: MllpFraming = { messages: [], isCut }
      for (let at = 0; at < bytes.length && !isCut; at++) {
        const byte = bytes[at] as number
        if (state === 'outside') {
          if (byte === startByte) {
            state = 'inside'
            openedAt = nowAt
          } else {
            counts.garbageBytes++
            if (++garbageRow > mllpGarbageBytesMax) isCut = true
          }
          continue
        }
        if (state === 'ending') {
          if (byte === returnByte) {
            deliver(framing)
            state = 'outside'
            continue
          }
          if (byte === startByte) {
            deliver(framing)
            state = 'inside'
            openedAt = nowAt
            continue
          }
          put(endByte)
          state = 'inside'
        }
        if (byte === endByte) state = 'ending'
        else if (byte === startByte) {
          counts.unfinished++
          fill = 0
          openedAt = nowAt
        } else put(byte)
      }
      if (isCut) {
        fill = 0
        held = new Uint8Array(0)
      }
      framing.isCut = isCut
      return framing
    },
    isStalled: nowAt => state !== 'outside' && nowAt - openedAt > mllpOpenMax,
    getHeldBytes: () => fill,
    getCounts: () => ({ ...counts }),
  }
}

/** Wraps a message for the wire, as UTF-8. */
export function encodeMllp(text: string): Uint8Array {
  const content = new TextEncoder().encode(text)
  const frame = new Uint8Array(content.length + 3)
  frame[0] = startByte
  frame.set(content, 1)
  frame[frame.length - 2] = endByte
  frame[frame.length - 1] = returnByte
  return frame
}

// -------------------------------------------------------------------------------------------------------------- tokenizer

export type Hl7Delimiters = { field: string; component: string; repetition: string; escape: string; sub: string }
/** `fields[n]` is field n as sent, escapes and all; `fields[0]` is the id. In MSH, fields[1] is the separator itself. */
export type Hl7Segment = { id: string; fields: readonly string[] }
export type Hl7Message = { delimiters: Hl7Delimiters; segments: readonly Hl7Segment[]; remarks: Hl7Code[] }
export type Hl7Refusal = { code: Hl7Code }

/** Character sets of MSH-18 (table 0211) by the names the platform's decoder knows; also what Chinese systems write there. */
const charsets: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ASCII: 'utf-8',
    UNICODE: 'utf-8',
    UNICODEUTF8: 'utf-8',
    UTF8: 'utf-8',
    GB180302000: 'gb18030',
    GB18030: 'gb18030',
    GB2312: 'gb18030',
    GBK: 'gb18030',
    BIG5: 'big5',
    KSX1001: 'euc-kr',
    ISOIR87: 'iso-2022-jp',
  }),
)

function findCharset(declared: string): string | undefined {
  const name = declared.toUpperCase().replaceAll(/[^A-Z0-9/]/g, '')
  const part = /^(?:ISO)?8859\/?(\d{1,2})$/.exec(name)?.[1]
  if (part === '1') return 'windows-1252'
  if (part !== undefined) return Number(part) <= 16 && part !== '12' ? `iso-8859-${part}` : undefined
  return charsets.get(name)
}

// building a decoder costs more than decoding a message with it
const utf8Strict = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')
const gb18030 = new TextDecoder('gb18030')

/** Decodes bytes by their mark, by MSH-18, else as UTF-8, else as GB 18030, which never fails. */
function decodeBytes(bytes: Uint8Array): { text: string; isWrong: boolean } {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { text: new TextDecoder('utf-16le').decode(bytes), isWrong: false }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { text: new TextDecoder('utf-16be').decode(bytes), isWrong: false }
  const end = bytes.findIndex((byte, at) => at > 8 && (byte === 0x0d || byte === 0x0a))
  const head = latin1.decode(bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, 2_000)))
  const start = head.indexOf('MSH')
  const separator = head[start + 3] ?? '|'
  const declared = start < 0 ? '' : (head.slice(start).split(separator, 19)[17] ?? '')
  const charset = findCharset(declared.split(/[~^]/, 1)[0] ?? '')
  if (charset !== undefined && charset !== 'utf-8')
    return { text: new TextDecoder(charset).decode(bytes), isWrong: false }
  try {
    return { text: utf8Strict.decode(bytes), isWrong: false }
  } catch {
    return { text: gb18030.decode(bytes), isWrong: charset !== undefined }
  }
}

/**
 * Splits a message into segments and fields. Accepts CR, LF and CRLF, a byte order mark, blank lines; lines that are no segment
 * are left out and remarked. Refused: MSH_MISSING, MSH_INVALID, SEGMENTS_TOO_MANY.
 */
export function parseHl7(input: Uint8Array | string): Hl7Message | Hl7Refusal {
  const decoded = typeof input === 'string' ? { text: input, isWrong: false } : decodeBytes(input)
  const text = decoded.text.replace(/^[\ufeff\s]+/, '')
  if (!text.startsWith('MSH')) return { code: 'MSH_MISSING' }
  const field = text[3]
  if (field === undefined || /[A-Za-z0-9\s]/.test(field)) return { code: 'MSH_INVALID' }
  const lines = text.split(/\r\n|\r|\n/, segmentsMax + 1)
  if (lines.length > segmentsMax) return { code: 'SEGMENTS_TOO_MANY' }
  const marks = (lines[0] as string).slice(4).split(field, 1)[0] ?? ''
  const delimiters: Hl7Delimiters = {
    field,
    component: marks[0] ?? '^',
    repetition: marks[1] ?? '~',
    escape: marks[2] ?? '\\',
    sub: marks[3] ?? '&',
  }
  if (new Set(Object.values(delimiters)).size < 5 || /[A-Za-z0-9\s]/.test(marks)) return { code: 'MSH_INVALID' }
  const remarks: Hl7Code[] = decoded.isWrong ? ['CHARSET_WRONG'] : []
  const segments: Hl7Segment[] = []
  lines.forEach((line, index) => {
    const trimmed = line.trim()
    if (trimmed === '') return
    const fields = trimmed.split(field, fieldsMax)
    const id = fields[0] as string
    if (!/^[A-Z][A-Z0-9]{2}$/.test(id)) {
      if (remarks.length < remarksMax) remarks.push('SEGMENT_STRAY')
      return
    }
    segments.push({ id, fields: index === 0 ? ['MSH', field, ...fields.slice(1)] : fields })
  })
  return { delimiters, segments, remarks }
}

/** First segment of an id. */
export function findHl7Segment(message: Hl7Message, id: string): Hl7Segment | undefined {
  return message.segments.find(segment => segment.id === id)
}

/** A field as sent; empty when it is not there. */
export function getHl7Field(segment: Hl7Segment | undefined, number: number): string {
  return segment?.fields[number] ?? ''
}

/** Resolves escape sequences; formatting ones become a blank or nothing, unknown ones are left out. */
export function unescapeHl7(text: string, delimiters: Hl7Delimiters): string {
  const mark = delimiters.escape
  if (!text.includes(mark)) return text
  let plain = ''
  let at = 0
  while (at < text.length) {
    const from = text.indexOf(mark, at)
    const to = from < 0 ? -1 : text.indexOf(mark, from + 1)
    // no closing mark, or too far for a sequence: the mark is content
    if (to < 0) return plain + text.slice(at)
    const name = text.slice(from + 1, to)
    plain += text.slice(at, from)
    at = to + 1
    if (name === 'F') plain += delimiters.field
    else if (name === 'S') plain += delimiters.component
    else if (name === 'T') plain += delimiters.sub
    else if (name === 'R') plain += delimiters.repetition
    else if (name === 'E') plain += mark
    else if (/^X(?:[0-9A-Fa-f]{2})+$/.test(name)) {
      const hex = name.slice(1)
      const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
        Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
      )
      plain += new TextDecoder().decode(bytes)
    } else if (/^\.(?:br|sp|fi|nf|in|ti|sk|ce)/.test(name)) plain += ' '
    else if (!/^(?:H|N|P|Z.*|[CM][0-9A-Fa-f]+)$/.test(name)) {
      // not a sequence: what looked like the closing mark may open the next one
      plain += mark + name
      at = to
    }
  }
  return plain
}

/** Repetitions of a field, as sent. */
function listRepetitions(message: Hl7Message, field: string): string[] {
  return field.split(message.delimiters.repetition, repetitionsMax)
}

/**
 * Text of a component (counted from 1) of a field, or of one of its repetitions: first subcomponent, unescaped, trimmed.
 * The explicit null `""` reads as empty.
 */
function getComponent(message: Hl7Message, field: string, component: number): string {
  const { delimiters } = message
  const first = field.split(delimiters.repetition, 1)[0] ?? ''
  const whole = first.split(delimiters.component, component)[component - 1] ?? ''
  const text = unescapeHl7(whole.split(delimiters.sub, 1)[0] ?? '', delimiters).trim()
  return text === '""' ? '' : text
}

/** Text of component `component` of field `number` of a segment; empty when absent. */
export function getHl7Text(
  message: Hl7Message,
  segment: Hl7Segment | undefined,
  number: number,
  component = 1,
): string {
  return getComponent(message, getHl7Field(segment, number), component)
}

// ------------------------------------------------------------------------------------------------------------------- time

/** Offset of clocks that do not name one: China Standard Time. */
export const zoneOffsetDefaultMs = 8 * 3_600_000

const hl7Time = /^(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?)?)?)?([+-]\d{4})?$/
const isoTime = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?$/

export type Hl7Time = {
  at: number
  /** Offset named by the time itself; undefined when the default was used. */
  offsetMs: number | undefined
  /** False for a bare date. */
  hasHour: boolean
}

/**
 * Reads a TS/DTM, also in the ISO spelling some devices use. Undefined when it is not in the calendar or outside 1900-2100.
 */
export function parseHl7Time(text: string, zoneOffsetMs: number = zoneOffsetDefaultMs): Hl7Time | undefined {
  const match = hl7Time.exec(text) ?? isoTime.exec(text)
  if (!match) return undefined
  const [, year, month = '01', day = '01', hour, minute = '00', second = '00', fraction = '', zone] = match
  const wall = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour ?? 0), Number(minute), Number(second))
  const shown = new Date(wall)
  const isReal =
    Number(year) >= 1900 &&
    Number(year) <= 2100 &&
    shown.getUTCMonth() === Number(month) - 1 &&
    shown.getUTCDate() === Number(day) &&
    shown.getUTCHours() === Number(hour ?? 0) &&
    shown.getUTCMinutes() === Number(minute) &&
    shown.getUTCSeconds() === Number(second)
  if (!isReal) return undefined
  let offsetMs: number | undefined
  if (zone === 'Z') offsetMs = 0
  else if (zone !== undefined) {
    const hours = Number(zone.slice(1, 3))
    const minutes = Number(zone.slice(-2))
    if (hours > 14 || minutes > 59) return undefined
    offsetMs = (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
  }
  const fractionMs = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return { at: wall + fractionMs - (offsetMs ?? zoneOffsetMs), offsetMs, hasHour: hour !== undefined }
}

/** Writes an instant as DTM with its offset. */
export function formatHl7Time(at: number, zoneOffsetMs: number = zoneOffsetDefaultMs): string {
  const digits = new Date(at + zoneOffsetMs).toISOString().replaceAll(/[-:TZ]/g, '')
  const minutes = Math.round(Math.abs(zoneOffsetMs) / 60_000)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${digits}${zoneOffsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
}

// ----------------------------------------------------------------------------------------------------------------- vitals

/** sbp, dbp, map in mmHg; hr, pulse, rr, rrPleth in /min; spo2 in %; temp in °C. */
export type VitalKey = 'sbp' | 'dbp' | 'map' | 'hr' | 'pulse' | 'spo2' | 'temp' | 'rr' | 'rrPleth'
export const vitalKeys: readonly VitalKey[] = ['sbp', 'dbp', 'map', 'hr', 'pulse', 'spo2', 'temp', 'rr', 'rrPleth']

/** Where a value comes from: lower rank wins among values of one key. `pair`: a text such as 120/80. */
type Source = { key: VitalKey | 'pair'; rank: number }

/** Names of one source list: `|` parts ranks, best first; blanks part names of equal rank. */
type SourceTable = Record<VitalKey | 'pair', string>

/**
 * MDC reference ids without the prefix.
 * @source ISO/IEEE 11073-10101
 */
const mdcNames: SourceTable = {
  hr: 'ECG_HEART_RATE ECG_CARD_BEAT_RATE | HEART_RATE CARD_BEAT_RATE',
  pulse: `PULS_OXIM_PULS_RATE | PLETH_PULS_RATE PULS_OXIM_PLETH_PULS_RATE | PULS_RATE
    | BLD_PULS_RATE_INV PRESS_BLD_ART_PULS_RATE PRESS_BLD_ART_ABP_PULS_RATE
    | PULS_RATE_NON_INV PRESS_BLD_NONINV_PULS_RATE PRESS_CUFF_PULS_RATE`,
  spo2: 'PULS_OXIM_SAT_O2 | PULS_OXIM_SAT_O2_ART_LEFT PULS_OXIM_SAT_O2_ART_RIGHT PULS_OXIM_SAT_O2_PRE_DUCTAL | SAT_O2',
  rr: `RESP_RATE TTHOR_RESP_RATE | ECG_RESP_RATE CO2_RESP_RATE
    | AWAY_RESP_RATE ACOUSTIC_RESP_RATE RESP_RATE_ACOUSTIC PRESS_RESP_RATE VOL_RESP_RATE | VENT_RESP_RATE`,
  rrPleth: 'PULS_OXIM_PLETH_RESP_RATE PLETH_RESP_RATE',
  sbp: `PRESS_BLD_NONINV_SYS PRESS_CUFF_SYS CUFF_SYS | PRESS_BLD_SYS | PRESS_BLD_ART_ABP_SYS PRESS_BLD_ART_SYS
    | PRESS_BLD_AORT_SYS`,
  dbp: `PRESS_BLD_NONINV_DIA PRESS_CUFF_DIA CUFF_DIA | PRESS_BLD_DIA | PRESS_BLD_ART_ABP_DIA PRESS_BLD_ART_DIA
    | PRESS_BLD_AORT_DIA`,
  map: `PRESS_BLD_NONINV_MEAN PRESS_CUFF_MEAN CUFF_MEAN | PRESS_BLD_MEAN | PRESS_BLD_ART_ABP_MEAN PRESS_BLD_ART_MEAN
    | PRESS_BLD_AORT_MEAN`,
  temp: `TEMP TEMP_BODY TEMP_CORE TEMP_GENERIC
    | TEMP_ORAL TEMP_EAR TEMP_TYMP TEMP_RECT TEMP_ESOPH TEMP_NASOPH TEMP_BLD TEMP_ART TEMP_VEN
    | TEMP_AXILLA TEMP_AWAY TEMP_GIT`,
  pair: 'PRESS_BLD_NONINV PRESS_CUFF',
}

/**
 * MDC codes. 150017-150019 is the generic pressure of the nomenclature; monitors send the cuff there.
 * The aortic codes 150029-150031 are left out: 150031 was seen on the wire as a cuff systolic, there only the name is believed.
 * @source ISO/IEEE 11073-10101
 */
const mdcCodes: SourceTable = {
  hr: '147842',
  pulse: '149530 | 149538 | 149514 | 149522 | 149546',
  spo2: '150456 | 150316',
  rr: '151562 151578 | 151594 | 151570 | 151586',
  rrPleth: '151658',
  sbp: '150021 150301 | 150017 | 150033 150037',
  dbp: '150022 150302 | 150018 | 150034 150038',
  map: '150023 150303 | 150019 | 150035 150039',
  temp: '150344 150364 150368 | 188424 188428 150392 188420 150372 150380 188436 150352 | 188496 150356 188500',
  pair: '150016 150020 150300',
}

/** LOINC codes. @source loinc.org, vital signs and oximetry */
const loincCodes: SourceTable = {
  hr: '8867-4 76282-3 | 76477-9',
  pulse: '8889-8 | 8893-0',
  spo2: '59408-5 | 2708-6 20564-1 2710-2',
  rr: '9279-1 76270-8 | 76171-8 76172-6 19840-8',
  rrPleth: '',
  sbp: '8480-6 76534-7 8459-0 8460-8 8461-6 8479-8 | 76215-3',
  dbp: '8462-4 76535-4 8453-3 8454-1 8455-8 | 76213-8',
  map: '8478-0 76536-2 | 76214-6',
  temp: '8310-5 8329-5 | 8331-1 8332-9 8333-7 8330-3 8334-5 76010-8 60836-8 60838-4 | 8328-7 75539-7 76011-6',
  pair: '85354-9 55284-4 35094-2',
}

/** SNOMED CT concepts. */
const snomedCodes: SourceTable = {
  hr: '364075005',
  pulse: '78564009',
  spo2: '431314004 103228002',
  rr: '86290005',
  rrPleth: '',
  sbp: '271649006 72313002',
  dbp: '271650006',
  map: '6797001',
  temp: '386725007 276885007 | 415945006 307047009 415974002 | 415882003',
  pair: '75367002',
}

/**
 * Plain names of vendors as spellPlain writes them: upper case letters, digits and Han characters only. A name two vendors use
 * for two things is left out: SPO2R is a right hand here and a pulse rate there.
 */
const plainNames: SourceTable = {
  hr: 'HR HEARTRATE ECGHR HRECG ECGHEARTRATE HEARTRATEECG 心率',
  pulse: `SPO2PR PRSPO2 PULSESPO2 SPO2PULSE SPO2PULSERATE SPO2RATE PLETHPULSE PULSEOXIMETERPULSERATE
    | PR PULSE PULSERATE PULS 脉率 脉搏 脉搏率 | ABPPR ARTPR IBPPR PULSEABP PULSEART
    | NIBPPR NBPPR PULSENBP PULSENIBP NIBPPULSE NIBPPULSERATE`,
  spo2: `SPO2 SPO2SAT O2SAT OXYGENSATURATION PULSEOXIMETRY PERIPHERALOXYGENSATURATION 血氧 血氧饱和度
    | SPO2LEFT SPO2RIGHT | SPO22 SPO2B`,
  rr: `RR RESP RESPRATE RESPIRATIONRATE RESPIRATORYRATE RESPIRATION RESPIRATIONS BREATHRATE BREATHINGRATE ECGRR RRECG
    呼吸 呼吸率 呼吸频率 | AWRR CO2RR RRCO2 ETCO2RR AIRWAYRESPIRATIONRATE RRA | VENTRR RRVENT`,
  rrPleth: 'RRPLETH PLETHRR PLETHRESPRATE RRP',
  sbp: `NIBPSYS NIBPS NIBPSYSTOLIC NIBPSYST NBPSYS NBPS NBPSYSTOLIC CUFFSYS CUFFSYSTOLIC
    | SYS SYSTOLIC SBP SYSTOLICBP SYSTOLICPRESSURE SYSTOLICBLOODPRESSURE BPS BPSYS BPSYSTOLIC BLOODPRESSURESYSTOLIC 收缩压
    | ABPSYS ABPS ABPSYSTOLIC ARTSYS ARTS ARTSYSTOLIC IBPSYS IBPS`,
  dbp: `NIBPDIA NIBPD NIBPDIASTOLIC NIBPDIAS NBPDIA NBPD NBPDIASTOLIC CUFFDIA CUFFDIASTOLIC
    | DIA DIASTOLIC DBP DIASTOLICBP DIASTOLICPRESSURE DIASTOLICBLOODPRESSURE BPD BPDIA BPDIASTOLIC BLOODPRESSUREDIASTOLIC 舒张压
    | ABPDIA ABPD ABPDIASTOLIC ARTDIA ARTD ARTDIASTOLIC IBPDIA IBPD`,
  map: `NIBPMEAN NIBPM NIBPMAP NBPMEAN NBPM NBPMAP CUFFMEAN
    | MAP MEAN MBP MEANBP MEANARTERIALPRESSURE MEANBLOODPRESSURE MEANARTERIALBLOODPRESSURE BPMEAN BPMAP 平均压 平均动脉压
    | ABPMEAN ABPM ABPMAP ARTMEAN ARTM ARTMAP IBPMEAN IBPM`,
  temp: `BODYTEMPERATURE BODYTEMP CORETEMP CORETEMPERATURE TCORE 体温
    | TEMP TEMPERATURE T T1 TEMP1 TEMPERATURE1 TEMPA TBLOOD TORAL TRECT TTYMP TESOPH TNASO
    | T2 TEMP2 TEMPERATURE2 TEMPB TAXIL`,
  pair: 'BP NIBP NBP BLOODPRESSURE 血压 无创血压',
}

function indexSources(table: SourceTable): ReadonlyMap<string, Source> {
  const index = new Map<string, Source>()
  for (const key of [...vitalKeys, 'pair'] as const)
    table[key].split('|').forEach((names, rank) => {
      for (const name of names.split(/\s+/)) if (name !== '') index.set(name, { key, rank })
    })
  return index
}

const byMdcName = indexSources(mdcNames)
const byMdcCode = indexSources(mdcCodes)
const byLoinc = indexSources(loincCodes)
const bySnomed = indexSources(snomedCodes)
const byPlainName = indexSources(plainNames)

/** Words that make a value something else than the patient's own measurement. */
const otherThings =
  /specimen|ambient|room|device|limit|alarm|high|low|set|skin|incub|water|target|delta|diff|上限|下限/i

/** A name as the table of plain names spells it. */
const spellPlain = (text: string): string =>
  text
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9\u4e00-\u9fff]/g, '')

/** A plain name with, else without, what stands in parentheses: `Temp (C)` is a temperature, `NIBP (interval)` is no pair. */
function findPlain(text: string): Source | undefined {
  const whole = byPlainName.get(spellPlain(text))
  if (whole || !text.includes('(') || otherThings.test(text)) return whole
  const bare = byPlainName.get(spellPlain(text.replaceAll(/\([^()]*\)/g, '')))
  return bare?.key === 'pair' ? undefined : bare
}

/**
 * What one coded name (id, text, system) stands for. In the medical device nomenclature the name is believed before the code:
 * devices were seen with a systolic name on a mean's code.
 */
function findCoded(code: string, name: string, system: string): Source | undefined {
  const upper = system.toUpperCase()
  const reference = [name, code].map(text => text.toUpperCase()).find(text => text.startsWith('MDC_'))
  if (upper === 'MDC' || reference !== undefined) {
    const named = byMdcName.get((reference ?? name.toUpperCase()).replace(/^MDC_/, ''))
    const plain = reference === undefined ? byPlainName.get(spellPlain(name)) : undefined
    return named ?? plain ?? byMdcCode.get(code)
  }
  // Philips writes the same code as partition and number in hex: 0002-4bb8 is 150456
  const hex = /^(000[0-9a-f])-([0-9a-f]{4})$/i.exec(code)
  if (hex) return byMdcCode.get(String(Number.parseInt(`${hex[1]}${hex[2]}`, 16)))
  if (upper === 'LN' || upper === 'LOINC' || /^\d{3,5}-\d$/.test(code)) return byLoinc.get(code)
  if (upper === 'SCT' || upper === 'SNOMED' || upper === 'SNOMED-CT' || upper === 'SNM') return bySnomed.get(code)
  const named = findPlain(name)
  if (named) return named
  const coded = upper === '' ? byMdcCode.get(code) : undefined
  return coded ?? (otherThings.test(name) ? undefined : findPlain(code))
}

function findSource(message: Hl7Message, identifier: string): Source | undefined {
  const part = (component: number) => getComponent(message, identifier, component)
  return findCoded(part(1), part(2), part(3)) ?? (part(4) ? findCoded(part(4), part(5), part(6)) : undefined)
}

type Dimension = 'pressure' | 'rate' | 'percent' | 'temperature'
const dimensions: Record<VitalKey, Dimension> = {
  sbp: 'pressure',
  dbp: 'pressure',
  map: 'pressure',
  hr: 'rate',
  pulse: 'rate',
  rr: 'rate',
  rrPleth: 'rate',
  spo2: 'percent',
  temp: 'temperature',
}

type Conversion = (value: number) => number
const keep: Conversion = value => value
/** 101.325 kPa are 760 mmHg. */
const fromKiloPascal: Conversion = value => (value * 760) / 101.325
/** 1 cmH2O is 98.0665 Pa. */
const fromWater: Conversion = value => fromKiloPascal(value * 0.0980665)
const fromFahrenheit: Conversion = value => ((value - 32) * 5) / 9
/** A pure number: 0.97 is a share, 97 can only be percent. */
const fromShare: Conversion = value => (value <= 1 ? value * 100 : value)

/**
 * Units by dimension: names in lower case without blanks, brackets and braces, MDC codes, and the way to ours.
 * @source ISO/IEEE 11073-10101, UCUM, and what devices write
 */
const units: Record<Dimension, ReadonlyMap<string, Conversion>> = {
  pressure: indexUnits([
    ['mmhg torr mdc_dim_mmhg 266016', keep],
    ['kpa mdc_dim_kilo_pascal 265987', fromKiloPascal],
    ['hpa mbar', value => fromKiloPascal(value / 10)],
    ['cmh2o mdc_dim_cm_h2o 266048', fromWater],
  ]),
  rate: indexUnits([
    ['/min 1/min /m min-1 min^-1 permin perminute mdc_dim_per_min 264672 次/分 次/分钟 次/min', keep],
    ['bpm b/min beat/min beats/min beats/minute beatsperminute bts/min mdc_dim_beat_per_min 264864', keep],
    ['p/min ppm pulses/min rpm brpm br/min breath/min breaths/min breaths/minute breathsperminute', keep],
    ['resp/min resps/min rr/min mdc_dim_resp_per_min 264928', keep],
    ['hz /s 1/s mdc_dim_hz', value => value * 60],
  ]),
  percent: indexUnits([
    ['% percent pct %o2 %spo2 mdc_dim_percent 262688', keep],
    ['1 mdc_dim_dimless 262656', fromShare],
  ]),
  temperature: indexUnits([
    ['c cel °c ºc ℃ degc degreec degreesc degreecelsius degreescelsius celsius 摄氏度 mdc_dim_degc 268192', keep],
    ['f °f ºf ℉ degf degreef degreesf degreefahrenheit fahrenheit 华氏度 mdc_dim_fahr 266560', fromFahrenheit],
    ['k kelvin mdc_dim_kelvin', value => value - 273.15],
  ]),
}

function indexUnits(rows: readonly (readonly [names: string, convert: Conversion])[]): ReadonlyMap<string, Conversion> {
  return new Map(rows.flatMap(([names, convert]) => names.split(' ').map(name => [name, convert] as const)))
}

/**
 * Limits of the contract; 0 is kept for what can be absent (asystole, apnoea) and is no measurement elsewhere. An SpO2 of 1 is
 * a share without its unit.
 */
const limits: Record<VitalKey, readonly [number, number]> = {
  hr: [0, 350],
  pulse: [0, 350],
  rr: [0, 150],
  rrPleth: [0, 150],
  spo2: [2, 100],
  sbp: [1, 350],
  dbp: [1, 300],
  map: [1, 320],
  temp: [10, 46],
}

/** "No value" by convention of the devices: the 24-bit float's NaN and a plain mark. */
const sentinels: ReadonlySet<number> = new Set([8_388_607, 8_388_608, -8_388_608, -100])

export type TimeSource = 'OBX-14' | 'OBX-12' | 'OBR-7' | 'MSH-7'

/** One value taken. */
export type VitalReading = {
  key: VitalKey
  value: number
  rank: number
  at: number | undefined
  timeFrom: TimeSource | undefined
  /** OBX-3 as sent. */
  identifier: string
  /** OBX-8 says DEMO or TEST: shown as 演练, never an alarm. */
  isDemo: boolean
  isAssumedUnit: boolean
}

export type Hl7Patient = {
  /** First identifier of PID-3. */
  id?: string
  /** PID-5, or PID-4 where a device puts the name there. Personal: to be sealed or dropped by the gateway. */
  name?: string
  visitNumber?: string
  bed?: string
}

export type Hl7Vitals = {
  kind: 'vitals'
  controlId: string
  /** Time of the newest value taken, epoch ms; without values, of the message; undefined when no time can be read. */
  at: number | undefined
  timeFrom: TimeSource | undefined
  patient: Hl7Patient
  /** Best value of each key; a key that was not measured is absent. */
  values: Partial<Record<VitalKey, number>>
  readings: VitalReading[]
  /** MSH-11 is T or D. */
  isTest: boolean
  /** Every value taken is marked DEMO or TEST. */
  isDemo: boolean
  /** What was left out, with OBX-3 as sent. */
  omitted: { code: Hl7Code; identifier: string }[]
}

/** Sections of a laboratory in OBR-24. @source HL7 table 0074 */
const laboratorySections: ReadonlySet<string> = new Set([
  'LAB',
  'CH',
  'HM',
  'MB',
  'BLB',
  'BG',
  'SR',
  'TX',
  'VR',
  'MCB',
  'MYC',
  'IMM',
  'CTH',
  'TOX',
  'SP',
  'CP',
  'PAT',
  'URN',
  'GE',
])

/** OBX-11 without a value that counts: cannot be obtained, deleted, wrong, not asked, pending, order detail only. */
const emptyStatuses: ReadonlySet<string> = new Set(['X', 'D', 'W', 'N', 'I', 'O'])

type Observation = { obx: Hl7Segment; obr: Hl7Segment | undefined; isLaboratory: boolean }

/** OBX segments with the order they belong to; a specimen in the order makes it a laboratory's. */
function listObservations(message: Hl7Message): Observation[] {
  const observations: Observation[] = []
  let obr: Hl7Segment | undefined
  let group: Observation[] = []
  const markLaboratory = () => {
    for (const observation of group) observation.isLaboratory = true
  }
  for (const segment of message.segments) {
    if (segment.id === 'OBR') {
      obr = segment
      group = []
    } else if (segment.id === 'OBX') {
      const section = getHl7Text(message, obr, 24).toUpperCase()
      const observation = { obx: segment, obr, isLaboratory: laboratorySections.has(section) }
      group.push(observation)
      observations.push(observation)
    } else if (segment.id === 'SPM') markLaboratory()
  }
  return observations
}

/** Value types that can hold one number. Arrays, documents and codes cannot. */
const numberTypes: ReadonlySet<string> = new Set(['', 'NM', 'SN', 'ST', 'TX', 'FT'])

/** Reads OBX-5; the comparators of SN make it a bound, not a value. `suffix` is a unit written behind the number. */
function parseValue(message: Hl7Message, type: string, field: string): { value: number; suffix: string } | undefined {
  if (!numberTypes.has(type)) return undefined
  if (type === 'SN') {
    const comparator = getComponent(message, field, 1)
    const isPlain = (comparator === '' || comparator === '=') && getComponent(message, field, 4) === ''
    return isPlain ? parseNumber(getComponent(message, field, 2)) : undefined
  }
  return parseNumber(getComponent(message, field, 1))
}

function parseNumber(text: string): { value: number; suffix: string } | undefined {
  const match = /^([+-]?\d{1,12}(?:[.,]\d{1,12})?)\s*([^\d\s+-][^\d]{0,20})?$/.exec(text)
  if (!match) return undefined
  const value = Number((match[1] as string).replace(',', '.'))
  return { value, suffix: match[2] ?? '' }
}

/** Way from a unit's name to ours; undefined when it is no unit of that dimension. UCUM notes in braces count for nothing. */
function findUnit(dimension: Dimension, name: string): Conversion | undefined {
  const table = units[dimension]
  const plain = name.toLowerCase().replaceAll(/[\s[\]().]/g, '')
  return table.get(plain.replaceAll(/\{[^}]*\}/g, '')) ?? table.get(plain.replaceAll(/[{}]/g, ''))
}

/** Turns a value into the unit of its key. */
function convertUnit(
  message: Hl7Message,
  key: VitalKey,
  value: number,
  unitField: string,
  suffix: string,
): { value: number; isAssumed: boolean } | 'UNIT_UNKNOWN' {
  const dimension = dimensions[key]
  if (suffix !== '' && !findUnit(dimension, suffix)) return 'UNIT_UNKNOWN'
  const names = [1, 2, 4, 5].map(component => getComponent(message, unitField, component)).filter(name => name !== '')
  if (names.length === 0 && suffix !== '') names.push(suffix)
  if (names.length === 0) {
    // without a unit only a value that fits one unit alone is taken in another than ours
    const isFahrenheit = dimension === 'temperature' && value >= 77 && value <= 115
    return { value: isFahrenheit ? ((value - 32) * 5) / 9 : value, isAssumed: true }
  }
  for (const name of names) {
    const convert = findUnit(dimension, name)
    if (convert) return { value: convert(value), isAssumed: false }
  }
  return 'UNIT_UNKNOWN'
}

/** Rounds off binary noise of a conversion: hundredths are finer than any of these is measured. */
const roundHundredth = (value: number): number => Math.round(value * 100) / 100 + 0

function findObservedAt(
  message: Hl7Message,
  { obx, obr }: Pick<Observation, 'obr'> & { obx?: Hl7Segment },
  zoneOffsetMs: number,
): { at: number; timeFrom: TimeSource } | undefined {
  const msh = findHl7Segment(message, 'MSH')
  const candidates: [TimeSource, Hl7Segment | undefined, number][] = [
    ['OBX-14', obx, 14],
    ['OBX-12', obx, 12],
    ['OBR-7', obr, 7],
    ['MSH-7', msh, 7],
  ]
  for (const [timeFrom, segment, number] of candidates) {
    const time = parseHl7Time(getHl7Text(message, segment, number), zoneOffsetMs)
    // a bare date is no time of a measurement
    if (time?.hasHour) return { at: time.at, timeFrom }
  }
  return undefined
}

/** Offset for times that name none: that of MSH-7, else the given one. */
function getZoneOffset(message: Hl7Message, zoneOffsetMs: number): number {
  return parseHl7Time(getHl7Text(message, findHl7Segment(message, 'MSH'), 7))?.offsetMs ?? zoneOffsetMs
}

function parsePatient(message: Hl7Message): Hl7Patient {
  const pid = findHl7Segment(message, 'PID')
  const pv1 = findHl7Segment(message, 'PV1')
  const nameField = getHl7Text(message, pid, 5) || getHl7Text(message, pid, 5, 2) ? 5 : 4
  const id = listRepetitions(message, getHl7Field(pid, 3))
    .map(each => getComponent(message, each, 1))
    .find(each => each !== '')
  const name = [2, 1].map(component => getHl7Text(message, pid, nameField, component)).filter(part => part !== '')
  // PID-4 is an alternate identifier by the standard; only words are a name
  const isName = nameField === 5 || (name.length > 0 && !/\d/.test(name.join('')))
  const visitNumber = getHl7Text(message, pv1, 19)
  const bed = [1, 2, 3].map(component => getHl7Text(message, pv1, 3, component)).filter(part => part !== '')
  return {
    ...(id ? { id } : {}),
    ...(name.length > 0 && isName ? { name: name.join(' ') } : {}),
    ...(visitNumber ? { visitNumber } : {}),
    ...(bed.length > 0 ? { bed: bed.join(' ') } : {}),
  }
}

/** True for MSH-11 T (training) or D (debugging): never an alarm, never a count. */
function isTestMessage(message: Hl7Message): boolean {
  return /^[TD]$/i.test(getHl7Text(message, findHl7Segment(message, 'MSH'), 11))
}

/** Picks among readings of one key: demo last, then rank, then the newer, then the first sent. */
function isBetter(one: VitalReading, other: VitalReading): boolean {
  if (one.isDemo !== other.isDemo) return other.isDemo
  if (one.rank !== other.rank) return one.rank < other.rank
  return (one.at ?? 0) > (other.at ?? 0)
}

/** Reads the vital signs of an ORU^R01. A message without any, such as a laboratory's, gives empty `values`. */
export function parseVitals(message: Hl7Message, zoneOffsetMs: number = zoneOffsetDefaultMs): Hl7Vitals {
  const zone = getZoneOffset(message, zoneOffsetMs)
  const readings: VitalReading[] = []
  const omitted: Hl7Vitals['omitted'] = []
  for (const observation of listObservations(message)) {
    const { obx } = observation
    const identifier = getHl7Field(obx, 3)
    const source = findSource(message, identifier)
    if (!source) continue
    const omit = (code: Hl7Code): void => {
      if (omitted.length < remarksMax) omitted.push({ code, identifier })
    }
    if (observation.isLaboratory) {
      omit('LABORATORY')
      continue
    }
    if (emptyStatuses.has(getHl7Text(message, obx, 11).toUpperCase())) {
      omit('STATUS_SKIPPED')
      continue
    }
    const flags = listRepetitions(message, getHl7Field(obx, 8)).map(each =>
      getComponent(message, each, 1).toUpperCase(),
    )
    // @source IHE PCD TF-2, OBX-8: INV invalid, NAV not available, CAL calibration in progress
    if (flags.some(each => each === 'INV' || each === 'NAV' || each === 'CAL')) {
      omit('FLAG_SKIPPED')
      continue
    }
    const valueField = getHl7Field(obx, 5)
    if (getComponent(message, valueField, 1) === '' && getComponent(message, valueField, 2) === '') {
      omit('VALUE_MISSING')
      continue
    }
    const values: [VitalKey, number, string][] = []
    if (source.key === 'pair') {
      const text = getComponent(message, valueField, 1)
      const pair =
        /^(\d{1,3}(?:\.\d{1,2})?)\s*\/\s*(\d{1,3}(?:\.\d{1,2})?)(?:\s*[(/]\s*(\d{1,3}(?:\.\d{1,2})?)\s*\)?)?$/.exec(
          text,
        )
      const keys = ['sbp', 'dbp', 'map'] as const
      keys.forEach((key, index) => {
        const part = pair?.[index + 1]
        if (part !== undefined) values.push([key, Number(part), ''])
      })
    } else {
      const parsed = parseValue(message, getHl7Text(message, obx, 2).toUpperCase(), valueField)
      if (parsed) values.push([source.key, parsed.value, parsed.suffix])
    }
    if (values.length === 0) {
      omit('VALUE_NOT_NUMERIC')
      continue
    }
    const time = findObservedAt(message, observation, zone)
    for (const [key, raw, suffix] of values) {
      const converted = convertUnit(message, key, raw, getHl7Field(obx, 6), suffix)
      if (converted === 'UNIT_UNKNOWN') {
        omit('UNIT_UNKNOWN')
        continue
      }
      const value = roundHundredth(converted.value)
      const [min, max] = limits[key]
      if (sentinels.has(raw) || value < min || value > max) {
        omit('VALUE_IMPLAUSIBLE')
        continue
      }
      readings.push({
        key,
        value,
        rank: source.rank,
        at: time?.at,
        timeFrom: time?.timeFrom,
        identifier,
        isDemo: flags.some(each => each === 'DEMO' || each === 'TEST'),
        isAssumedUnit: converted.isAssumed,
      })
    }
  }
  const isDemo = readings.length > 0 && readings.every(reading => reading.isDemo)
  const best = new Map<VitalKey, VitalReading>()
  for (const reading of readings) {
    // beside real values a demonstration's are no values
    if (reading.isDemo && !isDemo) continue
    const before = best.get(reading.key)
    if (!before || isBetter(reading, before)) best.set(reading.key, reading)
  }
  const values: Partial<Record<VitalKey, number>> = {}
  let newest: { at: number; timeFrom: TimeSource } | undefined
  for (const { key, value, at, timeFrom } of best.values()) {
    values[key] = value
    if (at !== undefined && timeFrom && (!newest || at > newest.at)) newest = { at, timeFrom }
  }
  newest ??= findObservedAt(message, { obr: findHl7Segment(message, 'OBR') }, zone)
  return {
    kind: 'vitals',
    controlId: getHl7Text(message, findHl7Segment(message, 'MSH'), 10),
    at: newest?.at,
    timeFrom: newest?.timeFrom,
    patient: parsePatient(message),
    values,
    readings,
    isTest: isTestMessage(message),
    isDemo,
    omitted,
  }
}

// ----------------------------------------------------------------------------------------------------------------- visits

export const visitEvents = ['A01', 'A03', 'A04', 'A08'] as const
export type VisitEvent = (typeof visitEvents)[number]

/** A visit as an ADT tells it: A01 admitted, A03 left, A04 registered, A08 updated. Absent fields were not sent. */
export type Hl7Visit = {
  kind: 'visit'
  event: VisitEvent
  controlId: string
  eventAt: number | undefined
  facility?: string
  facilityNpi?: string
  facilityType?: string
  /** PV1-2: E emergency, I inpatient, O outpatient … */
  patientClass?: string
  patient: Hl7Patient
  sex: 'male' | 'female' | 'unknown'
  birthDay?: string
  age?: number
  /** UCUM: a, mo, wk, d, h, min. */
  ageUnit?: string
  ageYears?: number
  race?: string
  ethnicity?: string
  zip?: string
  county?: string
  admittedAt?: number
  dischargedAt?: number
  disposition?: string
  /** As typed: to be coded at the door by a dictionary, and sealed. */
  chiefComplaint?: string
  diagnoses: { code: string; system: string; text: string; type: string }[]
  /** MSH-11 is T or D: never a count. */
  isTest: boolean
}

/** Age units in years, by UCUM code; a month is a twelfth, a year 365.25 days. */
const ageYearsOf: ReadonlyMap<string, number> = new Map(
  Object.entries({
    a: 1,
    mo: 1 / 12,
    wk: 7 / 365.25,
    d: 1 / 365.25,
    h: 1 / 8_766,
    min: 1 / 525_960,
  }),
)

/** First text among components of a field that is not empty. */
function findText(
  message: Hl7Message,
  segment: Hl7Segment | undefined,
  number: number,
  components: readonly number[],
): string {
  return components.map(component => getHl7Text(message, segment, number, component)).find(text => text !== '') ?? ''
}

function parseVisit(message: Hl7Message, event: VisitEvent, zoneOffsetMs: number): Hl7Visit {
  const zone = getZoneOffset(message, zoneOffsetMs)
  const segmentOf = (id: string) => findHl7Segment(message, id)
  const [msh, evn, pid, pv1, pv2] = ['MSH', 'EVN', 'PID', 'PV1', 'PV2'].map(segmentOf)
  const observed = (loinc: string): Hl7Segment | undefined =>
    message.segments.find(segment => segment.id === 'OBX' && getHl7Text(message, segment, 3) === loinc)
  const timeAt = (segment: Hl7Segment | undefined, number: number): number | undefined =>
    parseHl7Time(getHl7Text(message, segment, number), zone)?.at
  const eventAt = timeAt(evn, 2) ?? timeAt(msh, 7)
  const birth = parseHl7Time(getHl7Text(message, pid, 7), zone)
  // @source PHIN: age in OBX 21612-7, facility type in OBX SS003, chief complaint in OBX 8661-1 or 10154-3
  const ageObx = observed('21612-7')
  const ageSent = parseValue(message, getHl7Text(message, ageObx, 2), getHl7Field(ageObx, 5))?.value
  const ageUnit = getHl7Text(message, ageObx, 6).toLowerCase()
  const yearsPerUnit = ageYearsOf.get(ageUnit)
  // 31,557,600,000 ms are 365.25 days
  const ageByBirth = birth && eventAt !== undefined ? Math.floor((eventAt - birth.at) / 31_557_600_000) : undefined
  const ageYears = ageSent !== undefined && yearsPerUnit !== undefined ? ageSent * yearsPerUnit : ageByBirth
  const isAge = ageYears !== undefined && ageYears >= 0 && ageYears <= 130
  const complaintObx = observed('8661-1') ?? observed('10154-3')
  const chiefComplaint = findText(message, complaintObx, 5, [9, 2, 5, 1]) || findText(message, pv2, 3, [2, 5, 1])
  const diagnoses = message.segments
    .filter(segment => segment.id === 'DG1')
    .map(segment => ({
      code: getHl7Text(message, segment, 3),
      system: getHl7Text(message, segment, 3, 3),
      text: getHl7Text(message, segment, 3, 2) || getHl7Text(message, segment, 4),
      type: getHl7Text(message, segment, 6),
    }))
    .filter(diagnosis => diagnosis.code !== '' || diagnosis.text !== '')
  const sexCode = getHl7Text(message, pid, 8).toUpperCase()
  const isNpi = (segment: Hl7Segment | undefined, number: number) => getHl7Text(message, segment, number, 3) === 'NPI'
  const optional: Partial<Hl7Visit> = {
    facility: getHl7Text(message, evn, 7) || getHl7Text(message, msh, 4),
    facilityNpi: isNpi(evn, 7) ? getHl7Text(message, evn, 7, 2) : isNpi(msh, 4) ? getHl7Text(message, msh, 4, 2) : '',
    facilityType: getHl7Text(message, observed('SS003'), 5),
    patientClass: getHl7Text(message, pv1, 2),
    race: getHl7Text(message, pid, 10),
    ethnicity: getHl7Text(message, pid, 22),
    zip: getHl7Text(message, pid, 11, 5),
    county: getHl7Text(message, pid, 11, 9),
    disposition: getHl7Text(message, pv1, 36),
    chiefComplaint,
    birthDay: birth ? new Date(birth.at + (birth.offsetMs ?? zone)).toISOString().slice(0, 10) : undefined,
    age: ageSent,
    ageUnit: ageSent === undefined ? undefined : ageUnit,
    ageYears: isAge ? ageYears : undefined,
    admittedAt: timeAt(pv1, 44),
    dischargedAt: timeAt(pv1, 45),
  }
  const sent = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined && value !== ''))
  return {
    kind: 'visit',
    event,
    controlId: getHl7Text(message, msh, 10),
    eventAt,
    patient: parsePatient(message),
    sex: sexCode === 'M' ? 'male' : sexCode === 'F' ? 'female' : 'unknown',
    diagnoses,
    isTest: isTestMessage(message),
    ...sent,
  }
}

// ---------------------------------------------------------------------------------------------------------------- decoding

/** What a message says; `refused` carries the answer's strength: reject (do not send this again) or error. */
export type Hl7Content = Hl7Vitals | Hl7Visit | { kind: 'refused'; code: Hl7Code; result: 'error' | 'reject' }

/** Reads a parsed message: ORU^R01 as vital signs, ADT A01, A03, A04, A08 as a visit, everything else refused. */
export function decodeHl7(message: Hl7Message, zoneOffsetMs: number = zoneOffsetDefaultMs): Hl7Content {
  const msh = findHl7Segment(message, 'MSH')
  const type = getHl7Text(message, msh, 9).toUpperCase()
  const event = (getHl7Text(message, msh, 9, 2) || getHl7Text(message, findHl7Segment(message, 'EVN'), 1)).toUpperCase()
  if (getHl7Text(message, msh, 10) === '') return { kind: 'refused', code: 'CONTROL_ID_MISSING', result: 'reject' }
  if (type === '') return { kind: 'refused', code: 'TYPE_MISSING', result: 'reject' }
  if (type === 'ORU')
    return event === 'R01' || event === ''
      ? parseVitals(message, zoneOffsetMs)
      : { kind: 'refused', code: 'EVENT_UNSUPPORTED', result: 'reject' }
  if (type === 'ADT') {
    const known = visitEvents.find(each => each === event)
    return known
      ? parseVisit(message, known, zoneOffsetMs)
      : { kind: 'refused', code: 'EVENT_UNSUPPORTED', result: 'reject' }
  }
  return { kind: 'refused', code: 'TYPE_UNSUPPORTED', result: 'reject' }
}

// ----------------------------------------------------------------------------------------------------------------- answers

export type Hl7Result = 'accept' | 'error' | 'reject'

/** Answers to one message, each a whole message text; absent when the sender asked for none. */
export type Hl7Answers = {
  /** Enhanced mode: CA, CE or CR, once the message is durable. */
  accept?: string
  /** AA, AE or AR: original mode always, enhanced mode only if MSH-16 asks. */
  application?: string
}

/** AL always, NE never, ER on error or reject only, SU on success only. @source HL7 table 0155 */
function isAsked(condition: string, result: Hl7Result): boolean {
  if (condition === 'NE' || condition === '') return false
  if (condition === 'ER') return result !== 'accept'
  if (condition === 'SU') return result === 'accept'
  return true
}

const letters: Record<Hl7Result, string> = { accept: 'A', error: 'E', reject: 'R' }

/**
 * Builds the answers the sender asked for: original mode when MSH-15 and MSH-16 are both empty, else enhanced mode with the
 * accept level by MSH-15 and the application level by MSH-16 (an empty one asks for nothing). MSA-2 is the sender's MSH-10
 * as sent, in the sender's own delimiters.
 */
export function buildHl7Answers(
  message: Hl7Message,
  outcome: { result: Hl7Result; code?: Hl7Code },
  by: { nowAt: number; controlId: string; zoneOffsetMs?: number },
): Hl7Answers {
  const { delimiters } = message
  const msh = findHl7Segment(message, 'MSH')
  const raw = (number: number) => getHl7Field(msh, number)
  const acceptAsked = getHl7Text(message, msh, 15).toUpperCase()
  const applicationAsked = getHl7Text(message, msh, 16).toUpperCase()
  const isEnhanced = acceptAsked !== '' || applicationAsked !== ''
  const { field, component } = delimiters
  const marks = raw(2)
  const escapeText = (text: string): string =>
    [...text]
      .map(character => {
        if (character === delimiters.escape) return `${delimiters.escape}E${delimiters.escape}`
        if (character === field) return `${delimiters.escape}F${delimiters.escape}`
        if (character === component) return `${delimiters.escape}S${delimiters.escape}`
        if (character === delimiters.repetition) return `${delimiters.escape}R${delimiters.escape}`
        if (character === delimiters.sub) return `${delimiters.escape}T${delimiters.escape}`
        return character
      })
      .join('')
  const event = raw(9).split(component)[1] ?? ''
  const type = event === '' ? 'ACK' : ['ACK', event, 'ACK'].join(component)
  const build = (level: 'A' | 'C'): string => {
    const head = [
      'MSH',
      marks,
      raw(5),
      raw(6),
      raw(3),
      raw(4),
      formatHl7Time(by.nowAt, by.zoneOffsetMs),
      '',
      type,
      escapeText(`${by.controlId}${level === 'A' && isEnhanced ? '.A' : ''}`),
      raw(11) || 'P',
      raw(12) || '2.5',
      '',
      '',
      '',
      '',
      '',
      'UNICODE UTF-8',
    ].join(field)
    const lines = [head, ['MSA', level + letters[outcome.result], raw(10)].join(field)]
    if (outcome.code) {
      const text = hl7Texts[outcome.code]
      const words = `${outcome.code}: ${text.en} / ${text.zh}`
      lines.push(['ERR', '', '', text.hl7, 'E', '', '', '', escapeText(words)].join(field))
    }
    return `${lines.join('\r')}\r`
  }
  if (!isEnhanced) return { application: build('A') }
  return {
    ...(isAsked(acceptAsked, outcome.result) ? { accept: build('C') } : {}),
    ...(isAsked(applicationAsked, outcome.result) ? { application: build('A') } : {}),
  }
}

// ---------------------------------------------------------------------------------------------------------------- entries

export type VitalsSubmission = { kind: 'unit.vitals'; occurredAt: number; body: BodyInputOf<'unit.vitals'> }

/**
 * Vital signs as an entry of a unit, in the contract's units. Undefined when nothing was measured, and for a drill (MSH-11 T
 * or D, OBX-8 DEMO): `unit.vitals` has no mark for it, so it may not enter. hr falls back to pulse, rr to the pleth's.
 */
export function toVitalsEntry(
  vitals: Hl7Vitals,
  unit: { unitId: string; incidentId?: string },
  nowAt: number,
): VitalsSubmission | undefined {
  if (vitals.isTest || vitals.isDemo || Object.keys(vitals.values).length === 0) return undefined
  const { sbp, dbp, map, hr, pulse, spo2, temp, rr, rrPleth } = vitals.values
  const measured = {
    hrPerMin: hr ?? pulse,
    spo2Pct: spo2,
    rrPerMin: rr ?? rrPleth,
    sbpMmHg: sbp,
    dbpMmHg: dbp,
    mapMmHg: map,
    tempC: temp,
  }
  const present = Object.fromEntries(Object.entries(measured).filter(([, value]) => value !== undefined))
  return { kind: 'unit.vitals', occurredAt: vitals.at ?? nowAt, body: { ...unit, ...present } }
}

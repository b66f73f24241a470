/**
 * JT/T 808-2011/2013/2019, the vehicle terminal's protocol: bytes of a connection → frames → typed messages → what to store
 * and what to answer. First thing behind the socket of the edge gateway; the process, the spool and the uplink stand outside.
 * Promises: pure (no clock, no socket, "now" is handed in); no input throws; every buffer is bounded; what is refused carries
 * a code; an answer is only ever to be sent after the durable append of what it answers.
 * @source JT/T 808-2011, -2013 and -2019 as transcribed publicly
 */
import type { BodyInputOf } from '#contract/entry.ts'
import { type Datum, toWgs84 } from '../datum.ts'

const flagByte = 0x7e
const escapeByte = 0x7d

/** Unescaped bytes of one frame kept at most: four times the largest legal frame (21 + 1,023 + 1). */
export const frameBytesMax = 4_096
/** Bytes outside frames in a row that are skipped before the connection is cut. */
export const garbageBytesMax = 65_536
/** Milliseconds a frame may stay open: 4 KiB take 4 s on a 9,600 baud link. */
export const frameOpenMax = 30_000
/** Largest body of one packet: ten bits of the properties word. */
export const packetBodyMax = 1_023
/** Split messages put together at once, per session. */
export const assembliesMax = 4
/** Bytes held for split messages, per session. */
export const assemblyBytesMax = 262_144
/** Milliseconds a split message may stay incomplete. */
export const assemblyOpenMax = 60_000
/** Milliseconds of silence in a split message before its missing parts are asked for. */
export const rerequestAfterMs = 5_000
/** Times missing parts are asked for. */
export const rerequestsMax = 3
/** Missing parts named in one request; when more are missing nothing is asked, the message times out. */
export const rerequestPartsMax = 125
/** Keys of stored positions remembered to store a repeated one once. A batch of 1,023 bytes holds at most 34 positions. */
export const recentMax = 256
/** Positions read from one batch message. */
export const batchFixesMax = 2_048
/** Additional items read from one position. */
export const itemsMax = 256
/** Failed authentications before the connection is closed. */
export const authFailuresMax = 3
/** Messages refused before the first authentication until the connection is closed: a stranger costs no more than this. */
export const strangerRefusalsMax = 20
/** Bytes of a text to the terminal, in GBK. @source JT/T 808-2013 table 33 */
export const textBytesMax = 1_024
/** A vehicle faster than this has a broken receiver. */
export const speedMaxKmh = 300
/** A device clock may run ahead of ours by this much: the tolerance of the door. */
export const fixAheadMax = 5 * 60_000
/** Positions older than this are quarantined: a blind-area upload spans days, a dead clock spans years. */
export const fixAgeMax = 366 * 86_400_000
/** Milliseconds of the terminal's clock ahead of UTC: always GMT+8. */
const terminalOffsetMs = 8 * 3_600_000

/** Message ids read or written here. */
export const jt808Ids = {
  terminalAck: 0x0001,
  heartbeat: 0x0002,
  logout: 0x0003,
  timeQuery: 0x0004,
  register: 0x0100,
  authenticate: 0x0102,
  location: 0x0200,
  batch: 0x0704,
  platformAck: 0x8001,
  rerequest: 0x8003,
  timeAnswer: 0x8004,
  registerAck: 0x8100,
  text: 0x8300,
} as const

const known: ReadonlySet<number> = new Set([
  jt808Ids.terminalAck,
  jt808Ids.heartbeat,
  jt808Ids.logout,
  jt808Ids.timeQuery,
  jt808Ids.register,
  jt808Ids.authenticate,
  jt808Ids.location,
  jt808Ids.batch,
])

/** Results of 0x8001. */
export const jt808Results = { ok: 0, failed: 1, badMessage: 2, unsupported: 3, alarmConfirmed: 4 } as const

/** Everything this file says no to or remarks on, in words. Codes are never renamed. */
export const jt808Texts = {
  CHECKSUM: { zh: '校验码不符', en: 'The checksum does not match' },
  ESCAPE: { zh: '转义序列不合法', en: 'An escape sequence is not legal' },
  FRAME_SHORT: { zh: '两个标识位之间不足一帧', en: 'Too few bytes between two flags for a frame' },
  FRAME_OVERFLOW: { zh: '数据超长而无标识位,连接已断开', en: 'No flag within the limit; the connection is cut' },
  HEADER_SHORT: { zh: '消息头不完整', en: 'The header is not complete' },
  LENGTH_MISMATCH: { zh: '消息体长度与实际不符', en: 'The length field differs from the body' },
  ENCRYPTED: { zh: '不支持加密的消息体', en: 'Encrypted bodies are not supported' },
  SPLIT_ABSENT: { zh: '分包标志置位但无分包项', en: 'Marked as split without a packet item' },
  SPLIT_INVALID: { zh: '分包总数或序号不合法', en: 'Packet total or index is not legal' },
  SPLIT_TOO_LARGE: { zh: '分包消息超过缓存上限', en: 'The split message is larger than the buffer' },
  SPLIT_TIMEOUT: { zh: '分包消息未收齐已超时', en: 'The split message stayed incomplete' },
  BODY_SHORT: { zh: '消息体不足固定长度', en: 'The body is shorter than its fixed part' },
  BATCH_COUNT: { zh: '批量位置项数与声明不符', en: 'The batch holds another number of items than it says' },
  BATCH_ITEM: { zh: '批量位置中有无法读取的项', en: 'The batch holds an item that cannot be read' },
  TIME_UNSET: { zh: '终端时钟未设置', en: 'The clock of the terminal is not set' },
  TIME_NOT_BCD: { zh: '定位时间不是 BCD 码', en: 'The time is not BCD' },
  TIME_NOT_A_DATE: { zh: '定位时间不是有效日期', en: 'The time is not in the calendar' },
  TIME_FUTURE: { zh: '定位时间晚于当前时间', en: 'The time lies in the future' },
  TIME_ANCIENT: { zh: '定位时间过于久远', en: 'The time lies too far back' },
  LATITUDE_RANGE: { zh: '纬度超出范围', en: 'The latitude is out of range' },
  LONGITUDE_RANGE: { zh: '经度超出范围', en: 'The longitude is out of range' },
  NULL_ISLAND: { zh: '坐标为 0,0,视为未定位', en: 'Coordinates are 0,0: no fix' },
  NOT_POSITIONED: { zh: '终端未定位', en: 'The terminal has no fix' },
  DATUM_ENCRYPTED: { zh: '坐标已加偏,不可上图', en: 'Coordinates are encrypted and must not be drawn' },
  SPEED_IMPLAUSIBLE: { zh: '速度不可信', en: 'The speed is not plausible' },
  COURSE_RANGE: { zh: '方向超出 0–359', en: 'The course is outside 0-359' },
  ITEM_OVERRUN: { zh: '附加信息长度越界', en: 'An additional item runs past the end' },
  ITEM_LENGTH: { zh: '附加信息长度不符,已忽略', en: 'An additional item of wrong length was ignored' },
  NUMBER_UNKNOWN: { zh: '终端号码未登记', en: 'The number of the terminal is not enrolled' },
  NUMBER_CHANGED: { zh: '同一连接冒用其他终端号码', en: 'The connection speaks for another number' },
  NUMBER_HELD: { zh: '该号码已有在线连接,拒绝第二个连接', en: 'The number is held by another connection' },
  ADDRESS_FOREIGN: { zh: '终端来自未授权网络', en: 'The terminal speaks from a foreign network' },
  REGISTRATION_CLOSED: { zh: '该终端未开放注册', en: 'Registration of this terminal is not open' },
  AUTH_FAILED: { zh: '鉴权码不正确', en: 'The authentication code is not correct' },
  AUTH_MISSING: { zh: '终端尚未鉴权', en: 'The terminal has not authenticated' },
  VENDOR_MESSAGE: { zh: '厂商消息,原样保存', en: 'Vendor message, kept raw' },
  BIT15_SET: { zh: '保留位 15 被置位', en: 'Reserved bit 15 is set' },
  VERSION_UNKNOWN: { zh: '协议版本号不是 1', en: 'The protocol version is not 1' },
  TEXT_TOO_LONG: { zh: '下发文本超过 1024 字节', en: 'The text is longer than 1,024 bytes' },
} as const

export type Jt808Code = keyof typeof jt808Texts

/** Builds an empty list of remarks; the common case allocates nothing else. */
const none: readonly Jt808Code[] = []

// ---------------------------------------------------------------------------------------------------------------- framing

/** One whole frame: unescaped, without flags, checksum included and proven. Its bytes belong to the receiver. */
export type Jt808Frame = { raw: Uint8Array }
/** Bytes between two flags that are not a frame, with the reason. */
export type Jt808FrameFault = { code: 'CHECKSUM' | 'ESCAPE' | 'FRAME_SHORT'; raw: Uint8Array }
/** What one piece of a stream gave. `isCut`: the stream broke a bound; close the connection, later pushes give nothing. */
export type Jt808Framing = { frames: Jt808Frame[]; faults: Jt808FrameFault[]; isCut: boolean }
export type Jt808FramerCounts = { frames: number; checksum: number; escape: number; garbageBytes: number }

export type Jt808Framer = {
  /** Takes the next bytes of the stream, in any slicing. */
  push(bytes: Uint8Array, nowAt: number): Jt808Framing
  /** True when a frame has been open for longer than frameOpenMax: a slow or dead sender. */
  isStalled(nowAt: number): boolean
  /** Bytes of an unfinished frame held now, never above frameBytesMax. */
  getHeldBytes(): number
  getCounts(): Jt808FramerCounts
}

/** 12 header bytes of 2011/2013 and the checksum. */
const frameBytesMin = 13

/**
 * Cuts a byte stream into frames. One per connection; a UDP datagram gets a fresh one.
 * Idle fill and shared flags cost nothing; bytes before the first flag and pieces too short for a frame count as garbage.
 */
export function createJt808Framer(): Jt808Framer {
  const counts: Jt808FramerCounts = { frames: 0, checksum: 0, escape: 0, garbageBytes: 0 }
  let held = new Uint8Array(256)
  let fill = 0
  let xor = 0
  let isOpen = false
  let isEscaped = false
  let isBroken = false
  let isCut = false
  let openedAt = 0
  let garbageRow = 0

  function addGarbage(count: number): void {
    counts.garbageBytes += count
    garbageRow += count
    if (garbageRow > garbageBytesMax) isCut = true
  }

  function put(byte: number): void {
    if (fill === held.length) {
      const wider = new Uint8Array(held.length * 2)
      wider.set(held)
      held = wider
    }
    held[fill++] = byte
    xor ^= byte
  }

  function close(into: Jt808Framing): void {
    if (isEscaped) isBroken = true
    if (fill > 0) {
      const raw = held.slice(0, fill)
      if (fill < frameBytesMin) {
        addGarbage(fill)
        into.faults.push({ code: 'FRAME_SHORT', raw })
      } else if (isBroken) {
        counts.escape++
        garbageRow += fill
        into.faults.push({ code: 'ESCAPE', raw })
      } else if (xor !== 0) {
        counts.checksum++
        garbageRow += fill
        into.faults.push({ code: 'CHECKSUM', raw })
      } else {
        counts.frames++
        garbageRow = 0
        into.frames.push({ raw })
      }
      if (garbageRow > garbageBytesMax) isCut = true
    } else if (isBroken) {
      counts.escape++
    }
    fill = 0
    xor = 0
    isEscaped = false
    isBroken = false
  }

  return {
    push(bytes, nowAt) {
      const framing: Jt808Framing = { frames: [], faults: [], isCut }
      let from = 0
      while (from < bytes.length && !isCut) {
        const found = bytes.indexOf(flagByte, from)
        const end = found < 0 ? bytes.length : found
        if (!isOpen) {
          addGarbage(end - from)
          if (found < 0) break
          isOpen = true
          openedAt = nowAt
          from = found + 1
          continue
        }
        if (fill === 0 && !isEscaped && end > from) openedAt = nowAt
        for (let at = from; at < end; at++) {
          const byte = bytes[at] as number
          if (isEscaped) {
            isEscaped = false
            if (byte === 0x01) put(escapeByte)
            else if (byte === 0x02) put(flagByte)
            else {
              isBroken = true
              put(escapeByte)
              put(byte)
            }
          } else if (byte === escapeByte) isEscaped = true
          else put(byte)
          if (fill > frameBytesMax) {
            isCut = true
            break
          }
        }
        if (isCut || found < 0) break
        close(framing)
        from = found + 1
      }
      if (isCut) {
        fill = 0
        held = new Uint8Array(0)
      }
      framing.isCut = isCut
      return framing
    },
    isStalled: nowAt => (fill > 0 || isEscaped) && nowAt - openedAt > frameOpenMax,
    getHeldBytes: () => fill,
    getCounts: () => ({ ...counts }),
  }
}

/** Computes the checksum of a range: XOR of every byte. */
function getXor(bytes: Uint8Array): number {
  let xor = 0
  for (let at = 0; at < bytes.length; at++) xor ^= bytes[at] as number
  return xor
}

// ----------------------------------------------------------------------------------------------------------------- header

export type Jt808Header = {
  messageId: number
  /** Length field as sent. */
  bodyLength: number
  /** Bits 10-12: 0 none, 1 RSA. */
  encryption: number
  isSplit: boolean
  is2019: boolean
  /** Only in a 2019 header. */
  protocolVersion?: number
  /** Number as sent: 12 (2011/2013) or 20 (2019) hex digits. Answers carry it back unchanged. */
  numberRaw: string
  /** Number with leading zeros stripped when it is BCD, else the raw hex: opaque. A terminal keeps it from 2013 to 2019. */
  number: string
  isBcd: boolean
  serial: number
  /** Only when isSplit: packets in all, and this one's index from 1. */
  total?: number
  index?: number
}

export type Jt808Packet = { header: Jt808Header; body: Uint8Array; remarks: readonly Jt808Code[] }
export type Jt808Refusal = { code: Jt808Code; header?: Jt808Header }

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Writes bytes as lower-case hex. */
function formatHex(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += hexPairs[bytes[at] as number]
  return text
}

/** Reads a big-endian word; the caller has checked the bounds. */
function getWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

/** Reads a big-endian unsigned double word; the caller has checked the bounds. */
function getDword(bytes: Uint8Array, at: number): number {
  return ((getWord(bytes, at) << 16) | getWord(bytes, at + 2)) >>> 0
}

/**
 * Number as it identifies a terminal: leading zeros stripped from digits, anything else stays opaque lower-case hex.
 */
export function parseJt808Number(numberRaw: string): { number: string; isBcd: boolean } {
  let zeros = 0
  let isBcd = true
  let isLeading = true
  for (let at = 0; at < numberRaw.length; at++) {
    const code = numberRaw.charCodeAt(at)
    if (code < 0x30 || code > 0x39) isBcd = false
    if (isLeading && code === 0x30) zeros++
    else isLeading = false
  }
  if (!isBcd) return { number: numberRaw, isBcd }
  return { number: zeros === numberRaw.length ? '0' : numberRaw.slice(zeros), isBcd }
}

/**
 * Reads header and body of a frame. Refused: HEADER_SHORT, LENGTH_MISMATCH, ENCRYPTED, SPLIT_INVALID.
 * Unknown message ids are never refused for length or encryption: vendors use header bits of their own, the frame is kept raw.
 * `tolerateLength`: take the body that is there (the checksum has proven it) instead of the length field, and remark on it.
 */
export function parseJt808(raw: Uint8Array, options: { tolerateLength?: boolean } = {}): Jt808Packet | Jt808Refusal {
  if (raw.length < frameBytesMin) return { code: 'HEADER_SHORT' }
  const messageId = getWord(raw, 0)
  const properties = getWord(raw, 2)
  const is2019 = (properties & 0x4000) !== 0
  const isSplit = (properties & 0x2000) !== 0
  const numberAt = is2019 ? 5 : 4
  const serialAt = is2019 ? 15 : 10
  let bodyAt = serialAt + 2
  const bodyEnd = raw.length - 1
  if (bodyEnd < bodyAt) return { code: 'HEADER_SHORT' }
  const numberRaw = formatHex(raw, numberAt, serialAt)
  const { number, isBcd } = parseJt808Number(numberRaw)
  const header: Jt808Header = {
    messageId,
    bodyLength: properties & 0x03ff,
    encryption: (properties >> 10) & 7,
    isSplit,
    is2019,
    numberRaw,
    number,
    isBcd,
    serial: getWord(raw, serialAt),
  }
  let remarks = none
  const isKnown = known.has(messageId)
  if (is2019) {
    header.protocolVersion = raw[4] as number
    if (header.protocolVersion !== 1) remarks = [...remarks, 'VERSION_UNKNOWN']
  }
  if (properties & 0x8000) remarks = [...remarks, 'BIT15_SET']
  if (isKnown && header.encryption !== 0) return { code: 'ENCRYPTED', header }
  // some vendors set bit 13 and send no packet item: the length field then already fits without it
  if (isSplit && header.bodyLength === bodyEnd - bodyAt) {
    header.isSplit = false
    remarks = [...remarks, 'SPLIT_ABSENT']
  } else if (isSplit && (isKnown || header.bodyLength === bodyEnd - bodyAt - 4)) {
    if (bodyEnd < bodyAt + 4) return { code: 'HEADER_SHORT', header }
    header.total = getWord(raw, bodyAt)
    header.index = getWord(raw, bodyAt + 2)
    bodyAt += 4
    if (header.total < 1 || header.index < 1 || header.index > header.total) return { code: 'SPLIT_INVALID', header }
  } else header.isSplit = false
  const body = raw.subarray(bodyAt, bodyEnd)
  if (body.length !== header.bodyLength) {
    if (isKnown && !options.tolerateLength) return { code: 'LENGTH_MISMATCH', header }
    remarks = [...remarks, 'LENGTH_MISMATCH']
  }
  return { header, body, remarks }
}

// --------------------------------------------------------------------------------------------------------------- messages

export type Jt808AreaItem = { placeKind: number; areaId: number; direction: number }
export type Jt808Items = {
  /** 01 */
  mileageKm?: number
  /** 02 */
  fuelL?: number
  /** 03: speed of the recorder */
  recorderSpeedKmh?: number
  /** 04 */
  alarmEventId?: number
  /** 05 (2019): one byte a tyre, as sent */
  tyrePressure?: Uint8Array
  /** 06 (2019) */
  cabinC?: number
  /** 11: kind of place, and its id unless the kind is 0 */
  overspeed?: { placeKind: number; areaId?: number }
  /** 12: direction 0 in, 1 out */
  area?: Jt808AreaItem
  /** 13: result 0 too short, 1 too long */
  section?: { sectionId: number; durationS: number; result: number }
  /** 25 */
  signalBits?: number
  /** 2A */
  ioBits?: number
  /** 2B: AD0 is the low word */
  analog?: { ad0: number; ad1: number }
  /** 30 */
  signalStrength?: number
  /** 31 */
  satellites?: number
  /** E0 and above, and every unknown id: as sent. */
  raw: { id: number; bytes: Uint8Array }[]
}

/** One position as the terminal told it. Coordinates are in the terminal's datum; nothing here has been judged by a clock. */
export type DecodedFix = {
  /** Epoch ms UTC of the terminal's clock; undefined with a TIME_ remark. */
  fixedAt: number | undefined
  lon: number
  lat: number
  altitudeM: number
  /** Undefined with SPEED_IMPLAUSIBLE. */
  speedKmh: number | undefined
  /** 0-359; undefined with COURSE_RANGE. */
  courseDeg: number | undefined
  /** Words as sent: 0.1 km/h, and degrees. */
  speedWord: number
  courseWord: number
  /** Status bit 1: the receiver had a fix. False means the coordinates are stale. */
  valid: boolean
  alarmBits: number
  statusBits: number
  /** Status bit 5: coordinates are encrypted or shifted, not to be drawn. */
  isEncrypted: boolean
  /** Re-upload from a blind area (0x0704 type 1): history, never the latest. */
  isReplay: boolean
  items: Jt808Items
  remarks: Jt808Code[]
  /** The 0x0200 body as sent. */
  body: Uint8Array
}

export type Jt808Message =
  | { kind: 'terminalAck'; serial: number; messageId: number; result: number }
  | { kind: 'heartbeat' }
  | { kind: 'logout' }
  | { kind: 'timeQuery' }
  | {
      kind: 'register'
      provinceCode: number
      cityCode: number
      maker: string
      model: string
      terminalId: string
      /** 0: no plate, `plate` holds the VIN. */
      plateColour: number
      plate: string
    }
  | { kind: 'authenticate'; code: string; imei?: string; software?: string }
  | { kind: 'location'; fix: DecodedFix }
  | { kind: 'batch'; isBlind: boolean; declared: number; fixes: DecodedFix[]; remarks: Jt808Code[] }
  | { kind: 'vendor'; messageId: number; body: Uint8Array }
  | { kind: 'refused'; code: Jt808Code }

const gbkDecoder = new TextDecoder('gbk')

/** Decodes padded GBK text: NUL and space are trimmed on both sides. */
function parseText(bytes: Uint8Array): string {
  let from = 0
  let to = bytes.length
  const isPad = (byte: number | undefined) => byte === 0 || byte === 0x20
  while (from < to && isPad(bytes[from])) from++
  while (to > from && isPad(bytes[to - 1])) to--
  return gbkDecoder.decode(bytes.subarray(from, to))
}

/** Reads two BCD digits; -1 when a nibble is no digit. */
function getBcd(byte: number): number {
  const high = byte >> 4
  const low = byte & 15
  return high > 9 || low > 9 ? -1 : high * 10 + low
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Reads BCD[6] YYMMDDhhmmss of GMT+8 as epoch ms, or the remark that says why not. */
function parseFixTime(bytes: Uint8Array, at: number): number | 'TIME_UNSET' | 'TIME_NOT_BCD' | 'TIME_NOT_A_DATE' {
  const year = getBcd(bytes[at] as number)
  const month = getBcd(bytes[at + 1] as number)
  const day = getBcd(bytes[at + 2] as number)
  const hour = getBcd(bytes[at + 3] as number)
  const minute = getBcd(bytes[at + 4] as number)
  const second = getBcd(bytes[at + 5] as number)
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return 'TIME_NOT_BCD'
  if (year === 0 && month === 0 && day === 0) return 'TIME_UNSET'
  if (month < 1 || month > 12 || day < 1 || day > (monthDays[month - 1] as number)) return 'TIME_NOT_A_DATE'
  if (hour > 23 || minute > 59 || second > 59) return 'TIME_NOT_A_DATE'
  // every year 2000-2099 divisible by four is a leap year
  if (month === 2 && day === 29 && year % 4 !== 0) return 'TIME_NOT_A_DATE'
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second) - terminalOffsetMs
}

/** Temperature word: the standard marks negatives by bit 15, devices also send two's complement; the smaller one is meant. */
function parseCabin(word: number): number {
  if (word < 0x8000) return word
  const signMagnitude = 0x8000 - word
  const complement = word - 0x1_0000
  return Math.abs(signMagnitude) <= Math.abs(complement) ? signMagnitude + 0 : complement
}

/** Reads the additional items; a wrong length drops the item, an overrun ends the list. Neither touches the fixed part. */
function parseItems(bytes: Uint8Array, from: number, remarks: Jt808Code[]): Jt808Items {
  const items: Jt808Items = { raw: [] }
  let at = from
  for (let count = 0; at < bytes.length && count < itemsMax; count++) {
    if (at + 2 > bytes.length || at + 2 + (bytes[at + 1] as number) > bytes.length) {
      remarks.push('ITEM_OVERRUN')
      break
    }
    const id = bytes[at] as number
    const size = bytes[at + 1] as number
    const value = at + 2
    at = value + size
    let isRead = true
    if (id === 0x01 && size === 4) items.mileageKm = getDword(bytes, value) / 10
    else if (id === 0x30 && size === 1) items.signalStrength = bytes[value] as number
    else if (id === 0x31 && size === 1) items.satellites = bytes[value] as number
    else if (id === 0x02 && size === 2) items.fuelL = getWord(bytes, value) / 10
    else if (id === 0x03 && size === 2) items.recorderSpeedKmh = getWord(bytes, value) / 10
    else if (id === 0x04 && size === 2) items.alarmEventId = getWord(bytes, value)
    else if (id === 0x05 && size > 0) items.tyrePressure = bytes.subarray(value, at)
    else if (id === 0x06 && size === 2) items.cabinC = parseCabin(getWord(bytes, value))
    else if (id === 0x11 && size === 1) items.overspeed = { placeKind: bytes[value] as number }
    else if (id === 0x11 && size === 5)
      items.overspeed = { placeKind: bytes[value] as number, areaId: getDword(bytes, value + 1) }
    else if (id === 0x12 && size === 6)
      items.area = {
        placeKind: bytes[value] as number,
        areaId: getDword(bytes, value + 1),
        direction: bytes[value + 5] as number,
      }
    else if (id === 0x13 && size === 7)
      items.section = {
        sectionId: getDword(bytes, value),
        durationS: getWord(bytes, value + 4),
        result: bytes[value + 6] as number,
      }
    else if (id === 0x25 && size === 4) items.signalBits = getDword(bytes, value)
    else if (id === 0x2a && size === 2) items.ioBits = getWord(bytes, value)
    else if (id === 0x2b && size === 4) items.analog = { ad0: getWord(bytes, value + 2), ad1: getWord(bytes, value) }
    else isRead = false
    if (isRead) continue
    if (fixedItems.has(id) && !remarks.includes('ITEM_LENGTH')) remarks.push('ITEM_LENGTH')
    items.raw.push({ id, bytes: bytes.subarray(value, at) })
  }
  return items
}

/** Items of the standard whose length is fixed; another length is a vendor's own use of the id. */
const fixedItems: ReadonlySet<number> = new Set([
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x11, 0x12, 0x13, 0x25, 0x2a, 0x2b, 0x30, 0x31,
])

/** Bytes of the fixed part of a position. */
const fixBytesMin = 28

/** Reads a 0x0200 body; undefined when it is shorter than the fixed part of 28 bytes. */
export function decodeJt808Fix(body: Uint8Array, isReplay = false): DecodedFix | undefined {
  if (body.length < fixBytesMin) return undefined
  const alarmBits = getDword(body, 0)
  const statusBits = getDword(body, 4)
  const latDword = getDword(body, 8)
  const lonDword = getDword(body, 12)
  // 0 - x and not -x: minus zero must not enter the house
  const lat = statusBits & 4 ? 0 - latDword / 1e6 : latDword / 1e6
  const lon = statusBits & 8 ? 0 - lonDword / 1e6 : lonDword / 1e6
  const speedWord = getWord(body, 18)
  const courseWord = getWord(body, 20)
  const time = parseFixTime(body, 22)
  const remarks: Jt808Code[] = []
  if (typeof time === 'string') remarks.push(time)
  if (latDword > 90_000_000) remarks.push('LATITUDE_RANGE')
  if (lonDword > 180_000_000) remarks.push('LONGITUDE_RANGE')
  const valid = (statusBits & 2) !== 0
  if (!valid) remarks.push('NOT_POSITIONED')
  else if (latDword === 0 && lonDword === 0) remarks.push('NULL_ISLAND')
  const isEncrypted = (statusBits & 0x20) !== 0
  if (isEncrypted) remarks.push('DATUM_ENCRYPTED')
  const isFast = speedWord > speedMaxKmh * 10
  if (isFast) remarks.push('SPEED_IMPLAUSIBLE')
  // 360 is north said twice, not an error
  const isCourse = courseWord <= 360
  if (!isCourse) remarks.push('COURSE_RANGE')
  return {
    fixedAt: typeof time === 'number' ? time : undefined,
    lon,
    lat,
    altitudeM: (getWord(body, 16) << 16) >> 16,
    speedKmh: isFast ? undefined : speedWord / 10,
    courseDeg: isCourse ? courseWord % 360 : undefined,
    speedWord,
    courseWord,
    valid,
    alarmBits,
    statusBits,
    isEncrypted,
    isReplay,
    items: parseItems(body, fixBytesMin, remarks),
    remarks,
    body,
  }
}

function decodeBatch(body: Uint8Array): Jt808Message {
  if (body.length < 3) return { kind: 'refused', code: 'BODY_SHORT' }
  const declared = getWord(body, 0)
  const isBlind = body[2] === 1
  const fixes: DecodedFix[] = []
  const remarks: Jt808Code[] = []
  let at = 3
  while (at < body.length && fixes.length < batchFixesMax) {
    const size = at + 2 <= body.length ? getWord(body, at) : Number.POSITIVE_INFINITY
    if (at + 2 + size > body.length) {
      remarks.push('BATCH_ITEM')
      break
    }
    const fix = decodeJt808Fix(body.subarray(at + 2, at + 2 + size), isBlind)
    if (fix) fixes.push(fix)
    else if (!remarks.includes('BATCH_ITEM')) remarks.push('BATCH_ITEM')
    at += 2 + size
  }
  if (fixes.length !== declared) remarks.push('BATCH_COUNT')
  return { kind: 'batch', isBlind, declared, fixes, remarks }
}

function decodeRegister(body: Uint8Array, is2019: boolean): Jt808Message {
  // 2011 gives the model 8 bytes and 2013 gives it 20; a body too short for 2013 is of 2011
  const sizes = is2019 ? [11, 30, 30] : body.length >= 37 ? [5, 20, 7] : [5, 8, 7]
  const [makerSize, modelSize, idSize] = sizes as [number, number, number]
  const modelAt = 4 + makerSize
  const idAt = modelAt + modelSize
  const colourAt = idAt + idSize
  if (body.length < colourAt + 1) return { kind: 'refused', code: 'BODY_SHORT' }
  return {
    kind: 'register',
    provinceCode: getWord(body, 0),
    cityCode: getWord(body, 2),
    maker: parseText(body.subarray(4, modelAt)),
    model: parseText(body.subarray(modelAt, idAt)),
    terminalId: parseText(body.subarray(idAt, colourAt)),
    plateColour: body[colourAt] as number,
    plate: parseText(body.subarray(colourAt + 1)),
  }
}

function decodeAuthenticate(body: Uint8Array, is2019: boolean): Jt808Message {
  const size = body[0] ?? 0
  // some 2019 terminals still send the bare code: its first character is then no length that fits
  if (!is2019 || size === 0 || 1 + size > body.length) return { kind: 'authenticate', code: parseText(body) }
  const imeiAt = 1 + size
  const softwareAt = imeiAt + 15
  const message: Jt808Message = { kind: 'authenticate', code: parseText(body.subarray(1, imeiAt)) }
  if (body.length >= softwareAt) message.imei = parseText(body.subarray(imeiAt, softwareAt))
  if (body.length > softwareAt) {
    const isCounted = body[softwareAt] === body.length - softwareAt - 1
    message.software = parseText(body.subarray(isCounted ? softwareAt + 1 : softwareAt))
  }
  return message
}

/** Reads a whole body (put together, if it was split). Unknown message ids are `vendor`; a body too short is `refused`. */
export function decodeJt808(header: Jt808Header, body: Uint8Array): Jt808Message {
  switch (header.messageId) {
    case jt808Ids.location: {
      const fix = decodeJt808Fix(body)
      return fix ? { kind: 'location', fix } : { kind: 'refused', code: 'BODY_SHORT' }
    }
    case jt808Ids.batch:
      return decodeBatch(body)
    case jt808Ids.heartbeat:
      return { kind: 'heartbeat' }
    case jt808Ids.terminalAck:
      if (body.length < 5) return { kind: 'refused', code: 'BODY_SHORT' }
      return {
        kind: 'terminalAck',
        serial: getWord(body, 0),
        messageId: getWord(body, 2),
        result: body[4] as number,
      }
    case jt808Ids.logout:
      return { kind: 'logout' }
    case jt808Ids.timeQuery:
      return { kind: 'timeQuery' }
    case jt808Ids.register:
      return decodeRegister(body, header.is2019)
    case jt808Ids.authenticate:
      return decodeAuthenticate(body, header.is2019)
    default:
      return { kind: 'vendor', messageId: header.messageId, body }
  }
}

// --------------------------------------------------------------------------------------------------------------- encoders

/** Characters of GBK with their two bytes, turned round from the decoder of the platform; the first code of a character wins. */
const gbkCodes: ReadonlyMap<string, number> = buildGbkCodes()

function buildGbkCodes(): Map<string, number> {
  const codes = new Map<string, number>()
  const pair = new Uint8Array(2)
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    pair[0] = lead
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      if (trail === 0x7f) continue
      pair[1] = trail
      const text = gbkDecoder.decode(pair)
      // a pair outside GBK decodes to U+FFFD, or to two characters
      if ([...text].length !== 1 || text === '\ufffd' || codes.has(text)) continue
      codes.set(text, (lead << 8) | trail)
    }
  }
  return codes
}

/** Encodes text as GBK. `lost` counts characters outside GBK, each written as `?`. */
export function encodeGbk(text: string): { bytes: Uint8Array; lost: number } {
  const bytes: number[] = []
  let lost = 0
  for (const character of text) {
    const point = character.codePointAt(0) as number
    const code = gbkCodes.get(character)
    if (point < 0x80) bytes.push(point)
    else if (character === '€') bytes.push(0x80)
    else if (code !== undefined) bytes.push(code >> 8, code & 255)
    else {
      bytes.push(0x3f)
      lost++
    }
  }
  return { bytes: Uint8Array.from(bytes), lost }
}

/** To whom a frame goes: the number as the terminal sends it, and its header version. A Jt808Header is one. */
export type Jt808Address = { numberRaw: string; is2019: boolean }

/** Address of an enrolled number: digits padded to the width of its header version. */
export function getJt808Address(number: string, is2019: boolean): Jt808Address {
  return { numberRaw: number.padStart(is2019 ? 20 : 12, '0'), is2019 }
}

function encodePacket(
  messageId: number,
  address: Jt808Address,
  serial: number,
  body: Uint8Array,
  split?: { total: number; index: number },
): Uint8Array {
  const numberBytes = address.is2019 ? 10 : 6
  const headerBytes = (address.is2019 ? 7 : 6) + numberBytes + (split ? 4 : 0)
  const plain = new Uint8Array(headerBytes + body.length + 1)
  const view = new DataView(plain.buffer)
  view.setUint16(0, messageId)
  view.setUint16(2, body.length | (split ? 0x2000 : 0) | (address.is2019 ? 0x4000 : 0))
  let at = 4
  if (address.is2019) plain[at++] = 1
  const digits = address.numberRaw.padStart(numberBytes * 2, '0')
  for (let index = 0; index < numberBytes; index++)
    plain[at++] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16) || 0
  view.setUint16(at, serial & 0xffff)
  if (split) {
    view.setUint16(at + 2, split.total)
    view.setUint16(at + 4, split.index)
  }
  plain.set(body, headerBytes)
  plain[plain.length - 1] = getXor(plain.subarray(0, plain.length - 1))
  let special = 0
  for (const byte of plain) if (byte === escapeByte || byte === flagByte) special++
  const wire = new Uint8Array(plain.length + special + 2)
  let place = 0
  wire[place++] = flagByte
  for (const byte of plain) {
    if (byte === escapeByte || byte === flagByte) {
      wire[place++] = escapeByte
      wire[place++] = byte === escapeByte ? 0x01 : 0x02
    } else wire[place++] = byte
  }
  wire[place] = flagByte
  return wire
}

/**
 * Encodes a message as wire frames: one, or consecutive split packets (serials count up from `serial`) when the body is
 * longer than one packet holds.
 */
export function encodeJt808(
  messageId: number,
  address: Jt808Address,
  serial: number,
  body: Uint8Array = new Uint8Array(0),
): Uint8Array[] {
  if (body.length <= packetBodyMax) return [encodePacket(messageId, address, serial, body)]
  const total = Math.ceil(body.length / packetBodyMax)
  return Array.from({ length: total }, (_, index) =>
    encodePacket(
      messageId,
      address,
      serial + index,
      body.subarray(index * packetBodyMax, (index + 1) * packetBodyMax),
      { total, index: index + 1 },
    ),
  )
}

/** 0x8001, the platform's general answer to message `to`. */
export function encodeJt808Ack(
  address: Jt808Address,
  serial: number,
  to: { serial: number; messageId: number },
  result: number,
): Uint8Array {
  const body = new Uint8Array(5)
  const view = new DataView(body.buffer)
  view.setUint16(0, to.serial)
  view.setUint16(2, to.messageId)
  body[4] = result
  return encodePacket(jt808Ids.platformAck, address, serial, body)
}

/** 0x8100, the answer to a registration: 0 ok with the code, 1 vehicle registered, 2 no such vehicle, 3 terminal registered, 4 no such terminal. */
export function encodeJt808RegisterAck(
  address: Jt808Address,
  serial: number,
  toSerial: number,
  result: number,
  authCode = '',
): Uint8Array {
  const code = result === 0 ? encodeGbk(authCode).bytes : new Uint8Array(0)
  const body = new Uint8Array(3 + code.length)
  new DataView(body.buffer).setUint16(0, toSerial)
  body[2] = result
  body.set(code, 3)
  return encodePacket(jt808Ids.registerAck, address, serial, body)
}

/** 0x8003, the request for missing parts of the split message that began with `firstSerial`. At most rerequestPartsMax parts. */
export function encodeJt808Rerequest(
  address: Jt808Address,
  serial: number,
  firstSerial: number,
  missing: readonly number[],
): Uint8Array {
  const named = missing.slice(0, rerequestPartsMax)
  const countBytes = address.is2019 ? 2 : 1
  const body = new Uint8Array(2 + countBytes + named.length * 2)
  const view = new DataView(body.buffer)
  view.setUint16(0, firstSerial)
  if (address.is2019) view.setUint16(2, named.length)
  else body[2] = named.length
  named.forEach((index, place) => {
    view.setUint16(2 + countBytes + place * 2, index)
  })
  return encodePacket(jt808Ids.rerequest, address, serial, body)
}

function putBcdTime(into: Uint8Array, at: number, epochMs: number): void {
  const text = new Date(epochMs).toISOString()
  const digits = text.slice(2, 4) + text.slice(5, 7) + text.slice(8, 10) + text.slice(11, 13) + text.slice(14, 16)
  const all = digits + text.slice(17, 19)
  for (let index = 0; index < 6; index++) into[at + index] = Number.parseInt(all.slice(index * 2, index * 2 + 2), 16)
}

/** 0x8004 (2019), the platform's time in UTC as BCD[6]. */
export function encodeJt808Time(address: Jt808Address, serial: number, nowAt: number): Uint8Array {
  const body = new Uint8Array(6)
  putBcdTime(body, 0, nowAt)
  return encodePacket(jt808Ids.timeAnswer, address, serial, body)
}

/**
 * 0x8300, a text to the terminal's screen; two packets when it is long. `flagBits` differ between terminals: verify them at
 * enrolment (2013: bit 0 urgent, 2 display, 3 read aloud). `textType` 2019 only: 1 notice, 2 service.
 * Refused with TEXT_TOO_LONG above 1,024 bytes of GBK. `lost` counts characters the terminal cannot show.
 */
export function encodeJt808Text(
  address: Jt808Address,
  serial: number,
  text: { flagBits: number; textType?: number; text: string },
): { frames: Uint8Array[]; lost: number } | { code: 'TEXT_TOO_LONG' } {
  const { bytes, lost } = encodeGbk(text.text)
  if (bytes.length > textBytesMax) return { code: 'TEXT_TOO_LONG' }
  const head = address.is2019 ? [text.flagBits & 255, (text.textType ?? 1) & 255] : [text.flagBits & 255]
  const body = new Uint8Array(head.length + bytes.length)
  body.set(head)
  body.set(bytes, head.length)
  return { frames: encodeJt808(jt808Ids.text, address, serial, body), lost }
}

/** What a terminal simulator says of a position. */
export type Jt808FixInput = {
  fixedAt: number
  lon: number
  lat: number
  altitudeM?: number
  speedKmh?: number
  courseDeg?: number
  valid?: boolean
  alarmBits?: number
  /** Status bits beside positioned, south and west, which follow from the rest. */
  statusBits?: number
  items?: readonly { id: number; bytes: Uint8Array }[]
}

/** Encodes a 0x0200 body, for simulators and proofs: the inverse of decodeJt808Fix. */
export function encodeJt808Fix(fix: Jt808FixInput): Uint8Array {
  const items = fix.items ?? []
  const body = new Uint8Array(fixBytesMin + items.reduce((sum, item) => sum + 2 + item.bytes.length, 0))
  const view = new DataView(body.buffer)
  view.setUint32(0, fix.alarmBits ?? 0)
  const sides = ((fix.valid ?? true) ? 2 : 0) | (fix.lat < 0 ? 4 : 0) | (fix.lon < 0 ? 8 : 0)
  view.setUint32(4, (((fix.statusBits ?? 0) & ~14) | sides) >>> 0)
  view.setUint32(8, Math.round(Math.abs(fix.lat) * 1e6))
  view.setUint32(12, Math.round(Math.abs(fix.lon) * 1e6))
  view.setInt16(16, Math.round(fix.altitudeM ?? 0))
  view.setUint16(18, Math.round((fix.speedKmh ?? 0) * 10))
  view.setUint16(20, Math.round(fix.courseDeg ?? 0))
  putBcdTime(body, 22, fix.fixedAt + terminalOffsetMs)
  let at = fixBytesMin
  for (const item of items) {
    body[at] = item.id
    body[at + 1] = item.bytes.length
    body.set(item.bytes, at + 2)
    at += 2 + item.bytes.length
  }
  return body
}

/** Encodes a 0x0704 body of 0x0200 bodies, for simulators and proofs. */
export function encodeJt808Batch(fixes: readonly Uint8Array[], isBlind: boolean): Uint8Array {
  const body = new Uint8Array(3 + fixes.reduce((sum, fix) => sum + 2 + fix.length, 0))
  const view = new DataView(body.buffer)
  view.setUint16(0, fixes.length)
  body[2] = isBlind ? 1 : 0
  let at = 3
  for (const fix of fixes) {
    view.setUint16(at, fix.length)
    body.set(fix, at + 2)
    at += 2 + fix.length
  }
  return body
}

// -------------------------------------------------------------------------------------------------------------- admission

/** How far a position goes: `live` may move the marker, `record` is history, `stale` is kept but is no place, `quarantined` is suspect. */
export type FixStanding = 'live' | 'record' | 'stale' | 'quarantined'

const quarantines: ReadonlySet<Jt808Code> = new Set([
  'TIME_UNSET',
  'TIME_NOT_BCD',
  'TIME_NOT_A_DATE',
  'TIME_FUTURE',
  'TIME_ANCIENT',
  'LATITUDE_RANGE',
  'LONGITUDE_RANGE',
  'NULL_ISLAND',
])

/** A position with its judgement. `key` is equal for the same position sent again, in whatever message. */
export type AdmittedFix = DecodedFix & {
  number: string
  unitId: string
  datum: Datum
  standing: FixStanding
  key: string
}

/**
 * Judges a position by the gateway's clock and by the latest live one. Adds TIME_FUTURE or TIME_ANCIENT.
 * A re-upload, and whatever is not later than `latestAt`, is history and never the latest.
 */
export function admitFix(
  fix: DecodedFix,
  nowAt: number,
  latestAt: number,
): { standing: FixStanding; remarks: Jt808Code[] } {
  const remarks = [...fix.remarks]
  if (fix.fixedAt !== undefined && fix.fixedAt > nowAt + fixAheadMax) remarks.push('TIME_FUTURE')
  if (fix.fixedAt !== undefined && fix.fixedAt < nowAt - fixAgeMax) remarks.push('TIME_ANCIENT')
  if (remarks.some(code => quarantines.has(code))) return { standing: 'quarantined', remarks }
  if (!fix.valid || fix.isEncrypted) return { standing: 'stale', remarks }
  const isNewest = fix.fixedAt !== undefined && fix.fixedAt > latestAt
  return { standing: fix.isReplay || !isNewest ? 'record' : 'live', remarks }
}

/** Two 32-bit mixes of the bytes as one number of 53 bits: enough to tell the positions of one terminal apart. */
function hashBytes(bytes: Uint8Array): number {
  let one = 0x811c9dc5
  let two = 0x01000193
  for (let at = 0; at < bytes.length; at++) {
    one = Math.imul(one ^ (bytes[at] as number), 0x01000193)
    two = Math.imul(two + (bytes[at] as number), 0x85ebca6b) ^ (two >>> 13)
  }
  // 2^21 puts the first mix above the 21 bits kept of the second
  return (one >>> 0) * 0x20_0000 + (two >>> 11)
}

// ---------------------------------------------------------------------------------------------------------------- session

/** A terminal as enrolled. Only enrolled numbers are ever heard. */
export type Jt808Terminal = {
  /** Digits without leading zeros, or 12 hex digits for a device that puts something else there. */
  number: string
  unitId: string
  authCode: string
  datum: Datum
  /** True while an operator lets this terminal register: only then its code is told over the air. */
  isRegistrationOpen: boolean
  /** Take bodies whose length field is wrong. For known bad vendors. */
  tolerateLength?: boolean
}

/** What the gateway knows beside one connection. */
export type Jt808Roster = {
  findTerminal(number: string): Jt808Terminal | undefined
  /** Connection that holds a number now and has spoken lately; a silent half-open one must no longer be named. */
  findHolder(number: string): string | undefined
  /** Whether a terminal may speak from a network address. */
  isAddressAllowed(number: string, address: string): boolean
}

export type Jt808Counts = {
  messages: number
  fixes: number
  repeated: number
  quarantined: number
  refused: number
  vendor: number
  reservedBit: number
  oddVersion: number
  lengthTolerated: number
}

type Assembly = {
  key: string
  header: Jt808Header
  firstSerial: number
  total: number
  parts: ReadonlyMap<number, Uint8Array>
  bytes: number
  openedAt: number
  heardAt: number
  asked: number
}

/** Everything one connection has to remember; a value, replaced by every step. */
export type Jt808Session = {
  connection: string
  address: string
  /** Set by the first accepted 0x0102; until then nothing is stored. */
  terminal?: Jt808Terminal
  speaks?: Jt808Address
  authFailures: number
  serialNext: number
  /** Instant of the latest live position. */
  latestAt: number
  /** Hashes of the last positions stored, newest last. */
  recent: readonly number[]
  assemblies: readonly Assembly[]
  /** Keys of split messages put together lately, so that a repeated part is answered and not collected again. */
  assembled: readonly string[]
  told: readonly Jt808Code[]
  counts: Jt808Counts
}

/** Something an operator must see. `code` explains itself in jt808Texts. */
export type Jt808Alarm = { code: Jt808Code; number: string; connection: string; address: string; at: number }
/** Bytes kept as they came, with the reason. */
export type Jt808Raw = { code: Jt808Code; number: string; messageId: number; bytes: Uint8Array }

export type Jt808Step = {
  session: Jt808Session
  /** Wire bytes, in order. Send them only after everything in this step is durable. */
  replies: Uint8Array[]
  /** New positions, oldest remark first; repeated ones are not among them. */
  fixes: AdmittedFix[]
  raw: Jt808Raw[]
  alarms: Jt808Alarm[]
  /** Answers of the terminal to messages of ours, such as a text. */
  acks: { serial: number; messageId: number; result: number }[]
  /** Close the connection after the replies. */
  isClosing: boolean
}

/**
 * Begins a session. `recent` and `latestAt` of the terminal's session before may be carried over with `resumeJt808Session`.
 */
export function openJt808Session(connection: string, address: string): Jt808Session {
  return {
    connection,
    address,
    authFailures: 0,
    serialNext: 0,
    latestAt: 0,
    recent: [],
    assemblies: [],
    assembled: [],
    told: [],
    counts: {
      messages: 0,
      fixes: 0,
      repeated: 0,
      quarantined: 0,
      refused: 0,
      vendor: 0,
      reservedBit: 0,
      oddVersion: 0,
      lengthTolerated: 0,
    },
  }
}

/** Carries what is known of a terminal into its new connection, so that a resend after a reconnect is still stored once. */
export function resumeJt808Session(
  session: Jt808Session,
  before: Pick<Jt808Session, 'latestAt' | 'recent'>,
): Jt808Session {
  return { ...session, latestAt: Math.max(session.latestAt, before.latestAt), recent: before.recent }
}

/** Compares secrets in time that does not depend on where they differ. */
function isSameSecret(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length
  for (let at = 0; at < given.length; at++)
    difference |= given.charCodeAt(at) ^ expected.charCodeAt(expected.length === 0 ? 0 : at % expected.length)
  return difference === 0 && expected.length > 0
}

/** One step in the making: mutable inside stepJt808, never seen outside. */
type Making = Jt808Step & { nowAt: number }

function makeStep(session: Jt808Session, nowAt: number): Making {
  return {
    session: { ...session, counts: { ...session.counts } },
    replies: [],
    fixes: [],
    raw: [],
    alarms: [],
    acks: [],
    isClosing: false,
    nowAt,
  }
}

function takeSerial(step: Making): number {
  const serial = step.session.serialNext
  step.session.serialNext = (serial + 1) & 0xffff
  return serial
}

function answer(step: Making, header: Jt808Header, result: number): void {
  step.replies.push(encodeJt808Ack(header, takeSerial(step), header, result))
}

/** Says something to the operators, once per session and code. */
function alarm(step: Making, code: Jt808Code, number: string): void {
  if (step.session.told.includes(code)) return
  step.session.told = [...step.session.told, code]
  const { connection, address } = step.session
  step.alarms.push({ code, number, connection, address, at: step.nowAt })
}

function keepRaw(step: Making, code: Jt808Code, header: Jt808Header, bytes: Uint8Array): void {
  step.raw.push({ code, number: header.number, messageId: header.messageId, bytes })
}

function store(step: Making, terminal: Jt808Terminal, fix: DecodedFix): void {
  const { session } = step
  const hash = hashBytes(fix.body)
  if (session.recent.includes(hash)) {
    session.counts.repeated++
    return
  }
  const recent = session.recent.slice(session.recent.length >= recentMax ? 1 : 0)
  recent.push(hash)
  session.recent = recent
  const { standing, remarks } = admitFix(fix, step.nowAt, session.latestAt)
  if (standing === 'live') session.latestAt = fix.fixedAt as number
  if (standing === 'quarantined') session.counts.quarantined++
  session.counts.fixes++
  const { number, unitId, datum } = terminal
  const key = `${number}/${fix.fixedAt ?? 0}/${hash.toString(36)}`
  step.fixes.push({ ...fix, remarks, number, unitId, datum, standing, key })
}

/** Checks who speaks. Undefined when the message must go no further; the refusal has then been answered. */
function identify(step: Making, header: Jt808Header, roster: Jt808Roster): Jt808Terminal | undefined {
  const { session } = step
  const refuse = (code: Jt808Code, isClosing: boolean): undefined => {
    alarm(step, code, header.number)
    session.counts.refused++
    if (header.messageId === jt808Ids.register) {
      // 3: this terminal is registered already, 4: there is no such terminal
      const result = code === 'NUMBER_HELD' || code === 'REGISTRATION_CLOSED' ? 3 : 4
      step.replies.push(encodeJt808RegisterAck(header, takeSerial(step), header.serial, result))
    } else answer(step, header, jt808Results.failed)
    if (isClosing || (!session.terminal && session.counts.refused >= strangerRefusalsMax)) step.isClosing = true
  }
  if (session.terminal && session.terminal.number !== header.number) return refuse('NUMBER_CHANGED', true)
  const terminal = roster.findTerminal(header.number)
  if (!terminal) return refuse('NUMBER_UNKNOWN', false)
  if (!roster.isAddressAllowed(terminal.number, session.address)) return refuse('ADDRESS_FOREIGN', true)
  const holder = roster.findHolder(terminal.number)
  if (holder !== undefined && holder !== session.connection) return refuse('NUMBER_HELD', true)
  if (header.messageId === jt808Ids.register)
    return terminal.isRegistrationOpen ? terminal : refuse('REGISTRATION_CLOSED', false)
  if (header.messageId === jt808Ids.authenticate || session.terminal) return terminal
  return refuse('AUTH_MISSING', false)
}

/** Collects a part. Returns the whole body and the serials to answer when it was the last one. */
function collect(
  step: Making,
  header: Jt808Header,
  part: Uint8Array,
): { body: Uint8Array; headers: Jt808Header[] } | undefined {
  const { session, nowAt } = step
  const total = header.total as number
  const index = header.index as number
  const firstSerial = (header.serial - index + 1) & 0xffff
  const key = `${header.number}/${header.messageId}/${firstSerial}/${total}`
  if (session.assembled.includes(key)) {
    answer(step, header, jt808Results.ok)
    return undefined
  }
  const before = session.assemblies.find(each => each.key === key)
  const others = session.assemblies.filter(each => each.key !== key)
  const parts = new Map(before?.parts)
  // the same part again replaces itself
  const bytes = (before?.bytes ?? 0) - (parts.get(index)?.length ?? 0) + part.length
  parts.set(index, part)
  const heldBytes = others.reduce((sum, each) => sum + each.bytes, 0)
  if (heldBytes + bytes > assemblyBytesMax || (!before && others.length >= assembliesMax)) {
    session.assemblies = others
    session.counts.refused++
    alarm(step, 'SPLIT_TOO_LARGE', header.number)
    answer(step, header, jt808Results.failed)
    return undefined
  }
  if (parts.size < total) {
    const openedAt = before?.openedAt ?? nowAt
    const asked = before?.asked ?? 0
    const first = before?.header ?? header
    session.assemblies = [
      ...others,
      { key, header: first, firstSerial, total, parts, bytes, openedAt, heardAt: nowAt, asked },
    ]
    return undefined
  }
  session.assemblies = others
  session.assembled = [...session.assembled.slice(-assembliesMax), key]
  const body = new Uint8Array(bytes)
  const headers: Jt808Header[] = []
  let at = 0
  for (let each = 1; each <= total; each++) {
    const piece = parts.get(each) as Uint8Array
    body.set(piece, at)
    at += piece.length
    headers.push({ ...header, serial: (firstSerial + each - 1) & 0xffff, index: each })
  }
  return { body, headers }
}

function authenticate(step: Making, header: Jt808Header, terminal: Jt808Terminal, code: string): void {
  const { session } = step
  if (!isSameSecret(code, terminal.authCode)) {
    session.authFailures++
    session.counts.refused++
    alarm(step, 'AUTH_FAILED', header.number)
    answer(step, header, jt808Results.failed)
    if (session.authFailures >= authFailuresMax) step.isClosing = true
    return
  }
  session.terminal = terminal
  session.speaks = { numberRaw: header.numberRaw, is2019: header.is2019 }
  answer(step, header, jt808Results.ok)
}

function takeMessage(
  step: Making,
  terminal: Jt808Terminal,
  header: Jt808Header,
  message: Jt808Message,
): number | undefined {
  const { session } = step
  switch (message.kind) {
    case 'location':
      store(step, terminal, message.fix)
      return jt808Results.ok
    case 'batch':
      for (const fix of message.fixes) store(step, terminal, fix)
      if (message.remarks.length > 0) session.counts.refused++
      return jt808Results.ok
    case 'heartbeat':
      return jt808Results.ok
    case 'logout':
      session.terminal = undefined
      return jt808Results.ok
    case 'terminalAck':
      step.acks.push({ serial: message.serial, messageId: message.messageId, result: message.result })
      return undefined
    case 'timeQuery':
      step.replies.push(encodeJt808Time(header, takeSerial(step), step.nowAt))
      return undefined
    case 'authenticate':
      authenticate(step, header, terminal, message.code)
      return undefined
    case 'register':
      step.replies.push(encodeJt808RegisterAck(header, takeSerial(step), header.serial, 0, terminal.authCode))
      return undefined
    case 'vendor':
      session.counts.vendor++
      return jt808Results.unsupported
    case 'refused':
      session.counts.refused++
      return jt808Results.badMessage
  }
}

/**
 * Takes one frame of a connection and says what to store and, after that is durable, what to answer.
 * Nothing of an unenrolled number, a foreign network, a second connection or an unauthenticated terminal is stored.
 */
export function stepJt808(session: Jt808Session, frame: Jt808Frame, nowAt: number, roster: Jt808Roster): Jt808Step {
  const step = makeStep(session, nowAt)
  const { counts } = step.session
  counts.messages++
  const tolerateLength = session.terminal?.tolerateLength ?? false
  const packet = parseJt808(frame.raw, { tolerateLength })
  if ('code' in packet) {
    counts.refused++
    if (!packet.header || !identify(step, packet.header, roster)) return finish(step)
    const result = packet.code === 'ENCRYPTED' ? jt808Results.unsupported : jt808Results.badMessage
    keepRaw(step, packet.code, packet.header, frame.raw)
    answer(step, packet.header, result)
    return finish(step)
  }
  const { header, remarks } = packet
  if (remarks.includes('BIT15_SET')) counts.reservedBit++
  if (remarks.includes('VERSION_UNKNOWN')) counts.oddVersion++
  if (remarks.includes('LENGTH_MISMATCH')) counts.lengthTolerated++
  const terminal = identify(step, header, roster)
  if (!terminal) return finish(step)
  let body = packet.body
  let headers = [header]
  if (header.isSplit) {
    const whole = collect(step, header, body)
    if (!whole) return finish(step)
    body = whole.body
    headers = whole.headers
  }
  const message = decodeJt808(header, body)
  if (message.kind === 'vendor') keepRaw(step, 'VENDOR_MESSAGE', header, header.isSplit ? body : frame.raw)
  else if (message.kind === 'refused') keepRaw(step, message.code, header, header.isSplit ? body : frame.raw)
  else if (message.kind === 'batch')
    for (const code of message.remarks) keepRaw(step, code, header, header.isSplit ? body : frame.raw)
  const result = takeMessage(step, terminal, header, message)
  // every part of a split message waits for its own answer, and gets it when the whole is stored
  if (result !== undefined) for (const each of headers) answer(step, each, result)
  return finish(step)
}

function finish(making: Making): Jt808Step {
  const { nowAt: _, ...step } = making
  return step
}

/**
 * Looks after split messages without a frame having come: asks for missing parts after 5 s of silence, gives up after 60 s.
 * Call it every second or so. The requests may be sent at once: they acknowledge nothing.
 */
export function tickJt808(session: Jt808Session, nowAt: number): Jt808Step {
  const step = makeStep(session, nowAt)
  const keep: Assembly[] = []
  for (const assembly of step.session.assemblies) {
    if (nowAt - assembly.openedAt > assemblyOpenMax) {
      step.session.counts.refused++
      keepRaw(step, 'SPLIT_TIMEOUT', assembly.header, new Uint8Array(0))
      continue
    }
    const missingCount = assembly.total - assembly.parts.size
    const isDue = nowAt - assembly.heardAt > rerequestAfterMs * (assembly.asked + 1)
    if (!isDue || assembly.asked >= rerequestsMax || missingCount > rerequestPartsMax) {
      keep.push(assembly)
      continue
    }
    const missing: number[] = []
    for (let index = 1; index <= assembly.total; index++) if (!assembly.parts.has(index)) missing.push(index)
    step.replies.push(encodeJt808Rerequest(assembly.header, takeSerial(step), assembly.firstSerial, missing))
    keep.push({ ...assembly, asked: assembly.asked + 1 })
  }
  step.session.assemblies = keep
  return finish(step)
}

// ---------------------------------------------------------------------------------------------------------------- entries

/** What a decoder hands to the spool: kind, the source's own time, body. The spool adds source, epoch and seq. */
export type PositionSubmission = { kind: 'unit.position'; occurredAt: number; body: BodyInputOf<'unit.position'> }

/** Altitudes the contract knows, metres. */
const altitudeMinM = -500
const altitudeMaxM = 9_000

/**
 * Positions as entries, in WGS-84. Only `live` and `record` ones are a place: `unit.position` has no mark for a stale fix, so
 * stale and quarantined ones stay in the gateway's raw store.
 */
export function toEntries(fixes: readonly AdmittedFix[]): PositionSubmission[] {
  const submissions: PositionSubmission[] = []
  for (const fix of fixes) {
    if (fix.fixedAt === undefined || (fix.standing !== 'live' && fix.standing !== 'record')) continue
    const { lon, lat } = toWgs84(fix, fix.datum)
    const isAltitude = fix.altitudeM >= altitudeMinM && fix.altitudeM <= altitudeMaxM
    submissions.push({
      kind: 'unit.position',
      occurredAt: fix.fixedAt,
      body: {
        unitId: fix.unitId,
        lon,
        lat,
        ...(fix.speedKmh !== undefined ? { speedKmh: fix.speedKmh } : {}),
        ...(fix.courseDeg !== undefined ? { courseDeg: fix.courseDeg } : {}),
        ...(isAltitude ? { altitudeM: fix.altitudeM } : {}),
      },
    })
  }
  return submissions
}

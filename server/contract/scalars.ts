/**
 * Scalars: the smallest words of the house (ids, instants, places, roles, statuses), each with its shape and unit.
 * Every other contract file is built of these; nothing here knows an entry, a view or a rule.
 */
import { z } from 'zod'

/** Longest identifier a source may use, in characters. */
export const idMax = 64

/** Identifier: letters, digits, `_ . : -`; starts with a letter or digit. */
export const Id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/)
export type Id = z.infer<typeof Id>

/** Instant in integer milliseconds since 1970-01-01 UTC; 1990 to 2100, so that seconds or microseconds are refused. */
export const EpochMs = z
  .int()
  .min(Date.UTC(1990, 0, 1))
  .max(Date.UTC(2100, 0, 1))
export type EpochMs = z.infer<typeof EpochMs>

/** Calendar day YYYY-MM-DD in Asia/Shanghai. */
export const Day = z.string().regex(/^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/)
export type Day = z.infer<typeof Day>

/** Longitude in degrees, WGS-84. */
export const Lon = z.number().min(-180).max(180)
/** Latitude in degrees, WGS-84. */
export const Lat = z.number().min(-90).max(90)

/** Administrative division code: 6 digits to the county, 9 to the street (GB/T 2260, GB/T 10114), or a foreign code in letters. */
export const RegionCode = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{1,23}$/)
export type RegionCode = z.infer<typeof RegionCode>

export const RegionLevel = z.enum(['province', 'city', 'county', 'street'])
export type RegionLevel = z.infer<typeof RegionLevel>

/** One-line text, trimmed by the sender; no line breaks are needed for names. */
export const Name = z.string().min(1).max(120)

/** Roles of people, then of devices. A device role is given with its token and never to an account. */
export const Role = z.enum([
  'dispatcher',
  'shift-leader',
  'epidemiologist',
  'hospital',
  'crew',
  'administrator',
  'auditor',
  'gateway',
  'terminal',
  'feed',
  'player',
])
export type Role = z.infer<typeof Role>
export const personRoles: readonly Role[] = [
  'dispatcher',
  'shift-leader',
  'epidemiologist',
  'hospital',
  'crew',
  'administrator',
  'auditor',
]

/** Case and alert level: 1 = I 濒危/处置 … 4 = IV. */
export const Level = z.int().min(1).max(4)
export type Level = z.infer<typeof Level>

/** Ambulance class by WS/T 292: A transport, B rescue, C isolation (negative pressure), D special. @source WS/T 292 */
export const UnitClass = z.enum(['A', 'B', 'C', 'D'])
export type UnitClass = z.infer<typeof UnitClass>

/**
 * Status chain of a unit: 待命 idle · 受令 ordered · 出车 rolling · 现场 on-scene · 载人 loaded · 到院 at-hospital · 交接 handover ·
 * 返站 returning · 不可用 unavailable. 失联 silent and 求助 distress are conditions laid over a status, not statuses.
 * @source design of the house, domain/look.md; stamps t3-t14 of WS/T 451-2014
 */
export const UnitStatus = z.enum([
  'idle',
  'ordered',
  'rolling',
  'on-scene',
  'loaded',
  'at-hospital',
  'handover',
  'returning',
  'unavailable',
])
export type UnitStatus = z.infer<typeof UnitStatus>

/** How a stamp came to be: the system, a key press, a GPS rule, or a later edit. */
export const StampSource = z.enum(['auto', 'key', 'gps', 'edit'])
export type StampSource = z.infer<typeof StampSource>

/** Syndromes watched. `unknown` is a text no dictionary could place; it is counted, never guessed. */
export const Syndrome = z.enum([
  'respiratory',
  'diarrhoeal',
  'fever-rash',
  'neurological',
  'poisoning',
  'trauma',
  'cardiac',
  'other',
  'unknown',
])
export type Syndrome = z.infer<typeof Syndrome>

/** Kinds of independent source (S13): two feeds of one kind are one witness. */
export const SourceKind = z.enum([
  'call-120',
  'hospital-outpatient',
  'hospital-emergency',
  'laboratory',
  'pharmacy',
  'school-absence',
  'hotline',
  'death',
  'report-card',
  'triage',
])
export type SourceKind = z.infer<typeof SourceKind>

export const AgeBand = z.enum(['0-4', '5-14', '15-24', '25-59', '60+', 'unknown'])
export const Sex = z.enum(['male', 'female', 'unknown'])

/** What a call is about. `internet` came by the one-key page and is as unverified as its mark says. */
export const CallKind = z.enum([
  'rescue',
  'transfer',
  'consultation',
  'repeat',
  'harassment',
  'mass-casualty',
  'internet',
  'other',
])
export type CallKind = z.infer<typeof CallKind>

/** The way a call came in. */
export const CallChannel = z.enum(['telephone', 'internet', 'linked', 'desk'])
export type CallChannel = z.infer<typeof CallChannel>

/** What became of a call; all but `incident` and `repeat` end without a run (six calls in ten). */
export const CallOutcome = z.enum([
  'incident',
  'repeat',
  'consultation',
  'harassment',
  'transferred',
  'wrong-number',
  'silent',
  'test',
  'abandoned',
  'other',
])
export type CallOutcome = z.infer<typeof CallOutcome>

/** Who said where a caller is. `map` and `manual` are a person's word. */
export const PositionSource = z.enum(['operator', 'sms-link', 'browser', 'map', 'manual'])
export type PositionSource = z.infer<typeof PositionSource>

/** Services a case is handed to or from: police, fire, traffic police, municipal line, another 120 centre. */
export const LinkedService = z.enum(['110', '119', '122', '12345', '120'])
export type LinkedService = z.infer<typeof LinkedService>
/** Class of a reported case: 疑似 · 临床诊断 · 确诊 · 病原携带者. */
export const CaseClass = z.enum(['suspected', 'clinical', 'confirmed', 'carrier'])
/** Groups of occupation of the report card (人群分类), as far as rules use them. @source 中华人民共和国传染病报告卡 */
export const Occupation = z.enum([
  'preschool-home',
  'preschool-kindergarten',
  'student',
  'teacher',
  'nursery',
  'food',
  'service',
  'commerce',
  'medical',
  'worker',
  'migrant-worker',
  'farmer',
  'herdsman',
  'fisher',
  'cadre',
  'retired',
  'homemaker',
  'other',
  'unknown',
])

/** Milliseconds of China Standard Time ahead of UTC: 8 h, no daylight saving since 1991. */
export const shanghaiOffsetMs = 8 * 3_600_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000

/** Index of the Shanghai hour an instant falls in (hours since 1970-01-01T00:00+08:00). */
export function getHourIndex(at: number): number {
  return Math.floor((at + shanghaiOffsetMs) / hourMs)
}

/** Index of the Shanghai day an instant falls in (days since 1970-01-01 in Asia/Shanghai). */
export function getDayIndex(at: number): number {
  return Math.floor((at + shanghaiOffsetMs) / dayMs)
}

/** First instant of a Shanghai day index, epoch ms UTC. */
export function getDayStartAt(dayIndex: number): number {
  return dayIndex * dayMs - shanghaiOffsetMs
}

/** First instant of a Shanghai hour index, epoch ms UTC. */
export function getHourStartAt(hourIndex: number): number {
  return hourIndex * hourMs - shanghaiOffsetMs
}

/** Day index as YYYY-MM-DD. */
export function formatDay(dayIndex: number): Day {
  return new Date(dayIndex * dayMs).toISOString().slice(0, 10)
}

/** YYYY-MM-DD as day index; undefined for a day that is not in the calendar, such as 02-30. */
export function parseDay(day: string): number | undefined {
  const at = Date.parse(`${day}T00:00:00Z`)
  if (!Number.isFinite(at)) return undefined
  const index = Math.floor(at / dayMs)
  return formatDay(index) === day ? index : undefined
}

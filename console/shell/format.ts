/**
 * How numbers, times and ages are written on every screen: Asia/Shanghai, 24 hours, tabular, the same width at every
 * second. Pure; nothing here knows a language but the unit words passed in by i18n.
 */
import { shanghaiOffsetMs } from '#contract/scalars.ts'

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** Shanghai wall time HH:MM:SS of an instant. */
export function formatTime(at: number): string {
  const date = new Date(at + shanghaiOffsetMs)
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
}

/** Shanghai day YYYY-MM-DD of an instant. */
export function formatCityDay(at: number): string {
  return new Date(at + shanghaiOffsetMs).toISOString().slice(0, 10)
}

/** Shanghai day and time MM-DD HH:MM of an instant. */
export function formatDayTime(at: number): string {
  const date = new Date(at + shanghaiOffsetMs)
  return `${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`
}

/** A running clock: M:SS below one hour, H:MM:SS below one day, then D d H h. Never negative. */
export function formatClock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000))
  if (s < 3_600) return `${Math.floor(s / 60)}:${two(s % 60)}`
  if (s < 86_400) return `${Math.floor(s / 3_600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return `${Math.floor(s / 86_400)}d ${Math.floor(s / 3_600) % 24}h`
}

/** Age of a fix or a packet in the shortest form: 4 s, 3 min, 2 h. Never negative. */
export function formatAge(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000))
  if (s < 120) return `${s} s`
  if (s < 7_200) return `${Math.floor(s / 60)} min`
  if (s < 172_800) return `${Math.floor(s / 3_600)} h`
  return `${Math.floor(s / 86_400)} d`
}

/** Distance in km with one decimal below 100 km; '—' when unknown. */
export function formatKm(km: number | undefined): string {
  if (km === undefined) return '—'
  return km < 100 ? km.toFixed(1) : km.toFixed(0)
}

/** A count or a statistic: whole numbers as they are, others with two decimals, absence as an em dash. */
export function formatFigure(value: number | undefined | null): string {
  if (value === undefined || value === null) return '—'
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}

/** The short end of an identifier people say aloud: what follows the last separator, at least three characters. */
export function shortenId(id: string): string {
  const tail = /[A-Za-z0-9]{3,}$/.exec(id)?.[0] ?? id
  return tail.length > 9 ? tail.slice(-9) : tail
}

/** Writes a period for an axis: MM-DD for a day, MM-DD HH for an hour. */
export function shortenPeriod(period: string): string {
  return period.slice(5).replace('T', ' ')
}

/** Periods a report is asked for, as days of the city: the usual ones by name, and what two day fields mean. Pure. */
import { dayMs, formatDay, getDayIndex, getDayStartAt, parseDay } from '#contract/scalars.ts'

export const periodNames = ['today', 'yesterday', 'week', 'month'] as const
export type PeriodName = (typeof periodNames)[number]

/** First and last day of a named period at an instant: today, yesterday, the last 7 days, the days of this month so far. */
export function listPeriodDays(name: PeriodName, now: number): { fromDay: string; toDay: string } {
  const today = getDayIndex(now)
  if (name === 'yesterday') return { fromDay: formatDay(today - 1), toDay: formatDay(today - 1) }
  const toDay = formatDay(today)
  if (name === 'week') return { fromDay: formatDay(today - 6), toDay }
  return { fromDay: name === 'month' ? `${toDay.slice(0, 8)}01` : toDay, toDay }
}

/** The instants of whole days, end excluded; undefined when a day is not in the calendar or the order is wrong. */
export function findPeriod(fromDay: string, toDay: string): { from: number; to: number } | undefined {
  const from = parseDay(fromDay)
  const to = parseDay(toDay)
  if (from === undefined || to === undefined || to < from) return undefined
  return { from: getDayStartAt(from), to: getDayStartAt(to) + dayMs }
}

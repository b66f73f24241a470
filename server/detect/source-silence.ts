/**
 * Source silence: a facility that used to report every day and has stopped. Part of `detect/`, pure. An explicit zero is a
 * report; habit is judged by like days (working days, days of rest; a school's vacation apart), as it was before the silence.
 */
import { type Calendar, getDayKind, isVacation } from './calendar.ts'

export type SilenceOptions = {
  /** Days of habit looked at, up to the last day it spoke. */
  readonly regularDays: number
  /** Share of the like days on which it must have spoken. */
  readonly regularShare: number
  /** A school's vacation is no habit of its term. */
  readonly followsTerms: boolean
}

export type SourceSilence = {
  /** Day index of its last report. */
  readonly lastDay: number
  /** Days it was expected and silent, the judged one included. */
  readonly missedDays: number
}

/** Like days that make a habit: two of three could be chance. */
const LIKE_DAYS_MIN = 3
/** After four weeks a silent source is no longer watched: it has left. */
export const silentDaysMax = 28

/**
 * Judges one facility on one day: how long it has been silent against its habit; undefined when it spoke, was not expected, has
 * no habit, or left long ago.
 * @param spoke True for each day from `firstDay` on that it reported at all; days past the end count as silent.
 */
export function findSourceSilence(
  spoke: readonly boolean[],
  firstDay: number,
  day: number,
  calendar: Calendar,
  options: SilenceOptions,
): SourceSilence | undefined {
  let last = Math.min(day - firstDay, spoke.length - 1)
  while (last >= 0 && !spoke[last]) last--
  const lastDay = firstDay + last
  if (last < 0 || lastDay === day || day - lastDay > silentDaysMax) return undefined
  const classOf = (at: number) => {
    const kind = getDayKind(calendar, at)
    const rest = kind === 'working-day' || kind === 'adjusted-working-day' ? 0 : 1
    return rest + (options.followsTerms && isVacation(calendar, at) ? 2 : 0)
  }
  // Habit by class of day, over the days before the silence began.
  const like = new Map<number, { days: number; spoken: number }>()
  // Before its first report it was no source yet.
  const firstSpoken = firstDay + spoke.indexOf(true)
  for (let at = Math.max(firstSpoken, lastDay - options.regularDays + 1); at <= lastDay; at++) {
    const held = like.get(classOf(at)) ?? { days: 0, spoken: 0 }
    held.days++
    if (spoke[at - firstDay]) held.spoken++
    like.set(classOf(at), held)
  }
  const isExpected = (at: number) => {
    const habit = like.get(classOf(at))
    return habit !== undefined && habit.days >= LIKE_DAYS_MIN && habit.spoken >= options.regularShare * habit.days
  }
  if (!isExpected(day)) return undefined
  let missedDays = 0
  for (let at = lastDay + 1; at <= day; at++) if (isExpected(at)) missedDays++
  return { lastDay, missedDays }
}

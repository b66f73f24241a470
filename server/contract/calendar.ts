/**
 * Calendar as data: spans of days that are not what their weekday says (holidays, 调休 working days, the Spring Festival week)
 * and school vacations. Published as an entry (`calendar.published`), versioned, never code; detect/calendar.ts reads it.
 */
import { z } from 'zod'
import { Day } from './scalars.ts'

/**
 * What a span makes of its days. `adjusted-working-day` is 调休上班, a Saturday or Sunday that is worked; `school-vacation` says
 * nothing of work and stands beside the others.
 */
export const CalendarMark = z.enum(['public-holiday', 'spring-festival', 'adjusted-working-day', 'school-vacation'])
export type CalendarMark = z.infer<typeof CalendarMark>

/** Days from `fromDay` to `untilDay`, both counted. Of overlapping spans the later one in the list stands. */
export const CalendarSpan = z.strictObject({
  fromDay: Day,
  untilDay: Day,
  mark: CalendarMark,
  name: z.string().min(1).max(60),
  /** The notice it rests on, and whether somebody has reviewed it. */
  basis: z.string().min(1).max(200),
})
export type CalendarSpan = z.infer<typeof CalendarSpan>

/** Spans of one calendar at most: 40 a year for 50 years. */
export const calendarSpansMax = 2_000
/** Days of one span at most: the longest school vacation is below. */
export const spanDaysMax = 120

/** What a day is for work and visits. */
export const DayKind = z.enum(['working-day', 'weekend', 'public-holiday', 'spring-festival', 'adjusted-working-day'])
export type DayKind = z.infer<typeof DayKind>

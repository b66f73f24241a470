/**
 * Judging: a question to the analysts about one closed series, and the answer. Not an entry: nothing here enters the house; it is
 * how a replay or an audit asks the same detectors that the house uses about figures it holds itself.
 */
import { z } from 'zod'
import { CalendarSpan, calendarSpansMax } from './calendar.ts'
import { Day } from './scalars.ts'

/** Points of one series at most: 50 years of days. */
export const questionPointsMax = 18_300

const Method = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('ears'),
    method: z.enum(['C1', 'C2', 'C3']),
    baseline: z.int().min(3).max(371),
    minSigma: z.number().min(0).max(1_000_000),
  }),
  z.strictObject({
    type: z.literal('farrington-flexible'),
    /** Points of a year: 12, 52 or 365. */
    frequency: z.int().min(1).max(366),
    years: z.int().min(1).max(50),
    halfWindow: z.int().min(0).max(60),
    periods: z.int().min(1).max(60),
    pastPointsLeftOut: z.int().min(0).max(371),
    alpha: z.number().gt(0).lt(1),
    /** Least cases in the last so many points. */
    leastCases: z.int().min(0).max(1_000_000),
    leastCasesPoints: z.int().min(1).max(371),
  }),
])

/** A series (null = absence) and the positions to judge, 0-based, both counted. With a calendar it is a daily series. */
export const SeriesQuestion = z.strictObject({
  questionId: z.string().min(1).max(120),
  counts: z.array(z.number().min(0).max(1_000_000_000).nullable()).min(1).max(questionPointsMax),
  first: z.int().min(0),
  last: z.int().min(0),
  method: Method,
  /** Free the counts of weekdays and of these holidays first, each day by what was known on it. */
  calendar: z.strictObject({ firstDay: Day, spans: z.array(CalendarSpan).max(calendarSpansMax) }).optional(),
})
export type SeriesQuestion = z.infer<typeof SeriesQuestion>

/** One judged point; null = no opinion. */
export const SeriesOpinion = z.strictObject({
  alarm: z.boolean().nullable(),
  expected: z.number().nullable(),
  threshold: z.number().nullable(),
})
export type SeriesOpinion = z.infer<typeof SeriesOpinion>

/** The opinions from first to last in order, or why there are none. */
export const SeriesAnswer = z.union([
  z.strictObject({ questionId: z.string(), opinions: z.array(SeriesOpinion) }),
  z.strictObject({ questionId: z.string(), code: z.string(), zh: z.string(), en: z.string() }),
])
export type SeriesAnswer = z.infer<typeof SeriesAnswer>

// The analyst that answers questions: `node server/analysts/judge-series.ts` reads one SeriesQuestion a line as JSON from
// standard input and writes one SeriesAnswer a line, in order. It stands beside the line, with the same detectors.
// A question it cannot read or judge gets a code in two languages, never a crash; it keeps nothing.
import { createInterface } from 'node:readline'
import { type SeriesAnswer, type SeriesOpinion, SeriesQuestion } from '#contract/judging.ts'
import { parseDay } from '#contract/scalars.ts'
import { adjustForCalendar, buildCalendar } from '../detect/calendar.ts'
import { assessEars } from '../detect/ears.ts'
import { assessFarringtonFlexible } from '../detect/farrington-flexible.ts'
import { isRefusal, type Refusal } from '../detect/refusal.ts'

type Point = { alarm: boolean | null; expected: number | null; upperbound: number | null }

function assess(question: SeriesQuestion, counts: readonly (number | null)[], at: number): Point[] | Refusal {
  const { method } = question
  const range = { first: at, last: at }
  if (method.type === 'ears')
    return assessEars(counts, range, {
      method: method.method,
      baselineDays: method.baseline,
      minSigma: method.minSigma,
    })
  return assessFarringtonFlexible({ counts, frequency: method.frequency }, range, {
    b: method.years,
    w: method.halfWindow,
    noPeriods: method.periods,
    pastWeeksNotIncluded: method.pastPointsLeftOut,
    alpha: method.alpha,
    limit54: [method.leastCases, method.leastCasesPoints],
  })
}

const noOpinion: SeriesOpinion = { alarm: null, expected: null, threshold: null }

/** Answers one question: an opinion for every point asked; a point the method refuses for want of history has none. */
export function answerQuestion(question: SeriesQuestion): SeriesAnswer {
  const { questionId, counts, first, last, calendar } = question
  const refuse = (code: string, zh: string, en: string): SeriesAnswer => ({ questionId, code, zh, en })
  if (first > last || last >= counts.length)
    return refuse('RANGE_INVALID', '检测范围超出序列', 'The range leaves the series')
  let judged: readonly (number | null)[] = counts
  if (calendar) {
    const firstDay = parseDay(calendar.firstDay)
    if (firstDay === undefined) return refuse('DAY_INVALID', '起始日期不存在', 'The first day is not in the calendar')
    judged = adjustForCalendar(counts, firstDay, buildCalendar(calendar.spans))
  }
  const opinions: SeriesOpinion[] = []
  for (let at = first; at <= last; at++) {
    const points = assess(question, judged, at)
    if (isRefusal(points)) {
      if (points.code !== 'SERIES_TOO_SHORT' && points.code !== 'REFERENCE_MISSING')
        return refuse(points.code, points.zh, points.en)
      opinions.push(noOpinion)
      continue
    }
    const { alarm, expected, upperbound } = points[0]!
    opinions.push(alarm === null ? noOpinion : { alarm, expected, threshold: upperbound })
  }
  return { questionId, opinions }
}

/** Answers one line of JSON. */
export function answerLine(line: string): SeriesAnswer {
  let told: unknown
  try {
    told = JSON.parse(line)
  } catch {
    told = undefined
  }
  const question = SeriesQuestion.safeParse(told)
  if (question.success) return answerQuestion(question.data)
  const questionId =
    typeof told === 'object' && told !== null && 'questionId' in told && typeof told.questionId === 'string'
      ? told.questionId.slice(0, 120)
      : ''
  const path = question.error.issues[0]?.path.join('.') ?? ''
  return { questionId, code: 'SHAPE_INVALID', zh: `问题不成立:${path}`, en: `The question does not hold: ${path}` }
}

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line.trim() !== '') process.stdout.write(`${JSON.stringify(answerLine(line))}\n`)
}

if (import.meta.main) await main()

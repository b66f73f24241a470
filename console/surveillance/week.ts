/**
 * The arithmetic of the weekly report, pure: which week, what its alerts came to, which figures lead, how the sources did.
 * Nothing here draws; every number on the sheet is one of these.
 */
import { dayMs, formatDay, getDayIndex, getDayStartAt, parseDay } from '#contract/scalars.ts'
import type { AlertView, SourceHealthView, WeekFigureView } from '#contract/view.ts'
import { listTroubles } from './source-order.ts'

export type Week = { fromDay: string; toDay: string; from: number; to: number; year: number; week: number }

/**
 * The week, Monday to Sunday in Asia/Shanghai, that a day lies in; numbered by ISO 8601: week 1 holds the year's first Thursday.
 * @source ISO 8601-1:2019 5.2.2
 */
export function getWeek(dayIndex: number): Week {
  // 1970-01-01 was a Thursday: three days after its Monday.
  const monday = dayIndex - ((((dayIndex + 3) % 7) + 7) % 7)
  const thursday = formatDay(monday + 3)
  const year = Number(thursday.slice(0, 4))
  const firstDay = parseDay(`${year}-01-01`)!
  return {
    fromDay: formatDay(monday),
    toDay: formatDay(monday + 6),
    from: getDayStartAt(monday),
    to: getDayStartAt(monday) + 7 * dayMs,
    year,
    week: 1 + Math.floor((monday + 3 - firstDay) / 7),
  }
}

/** The week an instant lies in, moved by whole weeks. */
export function getWeekOf(at: number, moveWeeks = 0): Week {
  return getWeek(getDayIndex(at) + 7 * moveWeeks)
}

export type AlertSum = {
  total: number
  byLevel: readonly [number, number, number, number]
  byVerdict: Readonly<Record<'confirmed' | 'noise' | 'false', number>>
  unanswered: number
  events: number
}

/** What the alerts of a week came to. */
export function sumAlerts(alerts: readonly AlertView[]): AlertSum {
  const count = (is: (alert: AlertView) => boolean) => alerts.filter(is).length
  return {
    total: alerts.length,
    byLevel: [1, 2, 3, 4].map(level => count(alert => alert.level === level)) as [number, number, number, number],
    byVerdict: {
      confirmed: count(alert => alert.verdict === 'confirmed'),
      noise: count(alert => alert.verdict === 'noise'),
      false: count(alert => alert.verdict === 'false'),
    },
    unanswered: count(alert => alert.state === 'open'),
    events: new Set(alerts.flatMap(alert => alert.eventId ?? [])).size,
  }
}

export type FigureLine = {
  sourceKind: string
  syndrome: string
  /** This week by county; undefined where nobody reported. */
  byRegion: ReadonlyMap<string, number>
  total: number
  before: number | undefined
}

/** Lines of source × syndrome with their counties, the largest total first. */
export function sumFigures(figures: readonly WeekFigureView[], linesMax: number): readonly FigureLine[] {
  const lines = new Map<string, FigureLine & { byRegion: Map<string, number> }>()
  for (const figure of figures) {
    const key = `${figure.sourceKind}|${figure.syndrome}`
    const line = lines.get(key) ?? {
      sourceKind: figure.sourceKind,
      syndrome: figure.syndrome,
      byRegion: new Map<string, number>(),
      total: 0,
      before: undefined as number | undefined,
    }
    lines.set(key, line)
    const reported = figure.days.filter(day => day !== null)
    if (reported.length > 0) {
      const sum = reported.reduce((a, b) => a + b, 0)
      line.byRegion.set(figure.regionCode, (line.byRegion.get(figure.regionCode) ?? 0) + sum)
      line.total += sum
    }
    if (figure.before !== undefined) line.before = (line.before ?? 0) + figure.before
  }
  return [...lines.values()]
    .sort((a, b) => b.total - a.total || (a.sourceKind < b.sourceKind ? -1 : 1))
    .slice(0, linesMax)
}

/** Change against the week before in percent; undefined without a week before. */
export function findChange(line: Pick<FigureLine, 'total' | 'before'>): number | undefined {
  return line.before === undefined || line.before === 0 ? undefined : ((line.total - line.before) / line.before) * 100
}

export type SourceSum = { sourceKind: string; count: number; silent: number; completeness: number; late: number }

/** Sources by kind: how many, how many silent, their mean completeness, how many late. */
export function sumSources(sources: readonly SourceHealthView[]): readonly SourceSum[] {
  const kinds = [...new Set(sources.map(source => source.sourceKind))].sort()
  return kinds.map(sourceKind => {
    const own = sources.filter(source => source.sourceKind === sourceKind)
    return {
      sourceKind,
      count: own.length,
      silent: own.filter(source => source.silentSince !== undefined).length,
      completeness: own.reduce((sum, source) => sum + source.completeness, 0) / own.length,
      late: own.filter(source => listTroubles(source).includes('late')).length,
    }
  })
}

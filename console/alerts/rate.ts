/** Cases of the last week per 100,000 people from one series: absence stays absence, a reported zero is zero. Pure. */
import type { SeriesView } from '#contract/view.ts'

/** Days summed. */
export const windowDays = 7

/** Cases of the last days per 100,000 people; undefined when nothing was reported or nobody lives there. */
export function findRate(series: Pick<SeriesView, 'values' | 'period'>, population: number): number | undefined {
  const slots = series.values.slice(-(series.period === 'day' ? windowDays : windowDays * 24))
  const reported = slots.filter(value => value !== null)
  if (reported.length === 0 || population <= 0) return undefined
  return (reported.reduce((sum, value) => sum + value, 0) * 100_000) / population
}

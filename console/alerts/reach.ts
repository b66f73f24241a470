/** How complete the figure behind an alert is: who reported the period against who usually does. Pure. */
import type { SeriesView } from '#contract/view.ts'

/** Facilities that reported the newest period of a series, and how many usually do: how complete the figure is. */
export function findReach(series: SeriesView | undefined, period: string): { got: number; usual: number } | undefined {
  const slot = series?.periods.indexOf(period) ?? -1
  if (!series || slot < 1) return undefined
  const before = series.reporters.slice(Math.max(0, slot - 14), slot)
  return { got: series.reporters[slot] ?? 0, usual: Math.max(...before) }
}

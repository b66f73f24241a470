/**
 * Cases by county for the map beside an alert: the series of its main source in every county of the scope, summed over
 * the last week and divided by the population. Bounded; a county without reports stays blank, it is not zero.
 */
import { useQueries } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { AlertView, RegionView, SeriesView } from '#contract/view.ts'
import { read, writeQuery } from '../live/http.ts'
import type { Level } from '../look/palette.ts'
import type { RegionState } from '../map/map.ts'
import { useRole } from '../shell/desk.ts'
import { findRate } from './rate.ts'

/** Most counties asked for at once. */
export const countiesMax = 40
/** Fill and outline of the counties for an alert, and the range of the fill for its legend. */
export function useChoropleth(
  alert: AlertView | undefined,
  alerts: ReadonlyMap<string, AlertView>,
  regions: ReadonlyMap<string, RegionView>,
): {
  states: ReadonlyMap<string, RegionState>
  max: number | undefined
  main: { sourceKind: string; syndrome: string } | undefined
} {
  const excess = (each: AlertView['evidence'][number]) => each.observed / Math.max(0.5, each.expected ?? each.observed)
  // The source that stands out most is the one worth seeing on the map.
  const evidence = alert?.evidence
    .filter(each => each.sourceKind && each.syndrome)
    .toSorted((a, b) => excess(b) - excess(a))[0]
  const main = evidence ? { sourceKind: evidence.sourceKind!, syndrome: evidence.syndrome! } : undefined
  const surveys = useRole('epidemiologist')
  const counties = useMemo(
    () => [...regions.values()].filter(region => region.level === 'county').slice(0, countiesMax),
    [regions],
  )
  const answers = useQueries({
    queries: counties.map(region => ({
      queryKey: ['series', main?.sourceKind, main?.syndrome, region.code, 'day'],
      queryFn: () => read<SeriesView>(`/v1/series${writeQuery({ ...main, regionCode: region.code, period: 'day' })}`),
      enabled: main !== undefined && surveys,
      staleTime: 60_000,
      retry: false,
    })),
    combine: results => results.map(result => result.data),
  })
  return useMemo(() => {
    const rates = new Map<string, number>()
    counties.forEach((region, at) => {
      const series = answers[at]
      const rate = series && main ? findRate(series, region.population) : undefined
      if (rate !== undefined) rates.set(region.code, rate)
    })
    const max = rates.size > 0 ? Math.max(...rates.values()) : undefined
    const states = new Map<string, RegionState>()
    for (const [code, rate] of rates) states.set(code, { shade: max ? rate / max : 0 })
    for (const each of alerts.values()) {
      if (each.state === 'closed') continue
      const before = states.get(each.regionCode)
      const level = Math.min(each.level, before?.level ?? 4) as Level
      states.set(each.regionCode, { ...before, level })
    }
    if (alert) states.set(alert.regionCode, { ...states.get(alert.regionCode), level: alert.level as Level })
    return { states, max, main }
  }, [answers, counties, alerts, alert, main?.sourceKind, main?.syndrome])
}

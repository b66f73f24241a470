/**
 * Any series of the scope: source × syndrome × region × period, as a curve with its expectation, as a calendar of a year, as
 * the table behind it, and beside it what every other source says of the same place and syndrome. What is not reported is
 * said to be so; the last good curve stays while the next one is read.
 */
import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { SourceKind, Syndrome } from '#contract/scalars.ts'
import type { SeriesView } from '#contract/view.ts'
import { EpiCurve } from '../alerts/epi-curve.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatFigure } from '../shell/format.ts'
import { Action, Empty, Panel, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { AlignedCurves } from './aligned-curves.tsx'
import { HeatCalendar } from './heat-calendar.tsx'
import { Pick } from './pick.tsx'
import './surveillance.css'

const sides = ['compare', 'table'] as const

/** The page with its four choices. */
export function SeriesPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameOf = useRegionNames(language)
  const choices = useMemo(() => [...regions.values()].filter(region => region.level !== 'street'), [regions])
  const [sourceKind, setSource] = useState<string>('hospital-outpatient')
  const [syndrome, setSyndrome] = useState<string>('respiratory')
  const [region, setRegion] = useState('')
  const [period, setPeriod] = useState<'day' | 'hour'>('day')
  const [side, setSide] = useState<(typeof sides)[number]>('compare')
  const regionCode = region || (choices.find(each => each.level === 'county') ?? choices[0])?.code
  const query = { sourceKind, syndrome, regionCode, period }
  const curve = useQuery({
    queryKey: ['series', sourceKind, syndrome, regionCode, period],
    queryFn: () => read<SeriesView>(`/v1/series${writeQuery(query)}`),
    enabled: regionCode !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
  const others = useQueries({
    queries: SourceKind.options.map(kind => ({
      queryKey: ['series', kind, syndrome, regionCode, period],
      queryFn: () => read<SeriesView>(`/v1/series${writeQuery({ ...query, sourceKind: kind })}`),
      enabled: regionCode !== undefined && side === 'compare',
      staleTime: 60_000,
    })),
    combine: answers => ({
      series: answers.flatMap(answer => (answer.data && answer.data.periods.length > 0 ? [answer.data] : [])),
      isLoading: answers.some(answer => answer.isLoading),
    }),
  })
  const series = curve.data
  const absent = series?.values.filter(value => value === null).length ?? 0
  const alarms = series?.alarms.filter(Boolean).length ?? 0
  return (
    <main className="desk desk-single" data-testid="page-series">
      <Panel
        title={t('series.title')}
        testId="series-panel"
        count={series && t('series.facts', { count: series.periods.length, absent, alarms })}
      >
        <div className="picks">
          <Pick
            label={t('series.source')}
            testId="series-source"
            value={sourceKind}
            options={SourceKind.options.map(kind => [kind, t(`source.${kind}`)])}
            onPick={setSource}
          />
          <Pick
            label={t('series.syndrome')}
            testId="series-syndrome"
            value={syndrome}
            options={Syndrome.options.map(each => [each, t(`syndrome.${each}`)])}
            onPick={setSyndrome}
          />
          <Pick
            label={t('series.region')}
            testId="series-region"
            value={regionCode ?? ''}
            options={choices.map(each => [each.code, nameOf(each.code)])}
            onPick={setRegion}
          />
          <Pick
            label={t('series.period')}
            testId="series-period"
            value={period}
            options={[
              ['day', t('series.day')],
              ['hour', t('series.hour')],
            ]}
            onPick={value => setPeriod(value as 'day' | 'hour')}
          />
        </div>
        <ReadState
          isLoading={curve.isLoading}
          thrown={curve.error}
          hasContent={series !== undefined}
          onRetry={() => void curve.refetch()}
        />
        <div className="series-columns">
          <div className="series-body">
            {series && series.periods.length === 0 && <Empty text={t('series.empty')} />}
            {series && series.periods.length > 0 && (
              <EpiCurve series={series} regionName={nameOf(series.regionCode)} heightPx={300} />
            )}
            {regionCode !== undefined && period === 'day' && (
              <HeatCalendar sourceKind={sourceKind} syndrome={syndrome} regionCode={regionCode} />
            )}
          </div>
          <div className="series-side">
            <div className="chips">
              {sides.map(each => (
                <Action
                  key={each}
                  word={t(`review.side.${each}`)}
                  testId={`series-side-${each}`}
                  pressed={side === each}
                  onAct={() => setSide(each)}
                />
              ))}
            </div>
            <div className="series-body">
              {side === 'compare' && others.series.length === 0 && (
                <Empty text={t(others.isLoading ? 'state.loading' : 'review.compareEmpty')} />
              )}
              {side === 'compare' && others.series.length > 0 && (
                <AlignedCurves series={others.series} testId="compare" />
              )}
              {side === 'table' && series && <SeriesTable series={series} />}
            </div>
          </div>
        </div>
      </Panel>
    </main>
  )
}

/** The figures of a series, newest first. */
function SeriesTable({ series }: { series: SeriesView }) {
  const { t } = useTexts()
  return (
    <table className="figures" data-testid="series-table">
      <thead>
        <tr>
          <th>{t('series.period')}</th>
          <th className="right">{t('series.value')}</th>
          <th className="right">{t('alerts.expected')}</th>
          <th className="right">{t('alerts.threshold')}</th>
          <th className="right">{t('series.reporters')}</th>
          <th>{series.method ? translateWord(t, 'method', series.method) : ''}</th>
        </tr>
      </thead>
      <tbody>
        {series.periods
          .map((label, at) => ({ label, at }))
          .toReversed()
          .map(({ label, at }) => (
            <tr key={label}>
              <td className="mono">{label.replace('T', ' ')}</td>
              <td className="right">
                {series.values[at] === null ? (
                  <span className="faint">{t('alerts.absent')}</span>
                ) : (
                  formatFigure(series.values[at])
                )}
              </td>
              <td className="right">{formatFigure(series.expected[at])}</td>
              <td className="right">{formatFigure(series.threshold[at])}</td>
              <td className="right muted">{formatFigure(series.reporters[at])}</td>
              <td>{series.alarms[at] && <em className="tag tag-warn">{t('alerts.alarm')}</em>}</td>
            </tr>
          ))}
      </tbody>
    </table>
  )
}

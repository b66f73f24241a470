/**
 * Any series of the scope: source × syndrome × region × period, as a curve with its expectation and as the table behind
 * it. What is not reported is said to be so; the last good curve stays while the next one is read.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { SourceKind, Syndrome } from '#contract/scalars.ts'
import type { SeriesView } from '#contract/view.ts'
import { EpiCurve } from '../alerts/epi-curve.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatFigure } from '../shell/format.ts'
import { Empty, Panel, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'

/** The page with its four choices. */
export function SeriesPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameOf = useRegionNames(language)
  const choices = useMemo(() => [...regions.values()].filter(region => region.level !== 'street'), [regions])
  const [sourceKind, setSource] = useState<string>('call-120')
  const [syndrome, setSyndrome] = useState<string>('respiratory')
  const [region, setRegion] = useState('')
  const [period, setPeriod] = useState<'day' | 'hour'>('day')
  const regionCode = region || (choices.find(each => each.level === 'county') ?? choices[0])?.code
  const query = { sourceKind, syndrome, regionCode, period }
  const curve = useQuery({
    queryKey: ['series', sourceKind, syndrome, regionCode, period],
    queryFn: () => read<SeriesView>(`/v1/series${writeQuery(query)}`),
    enabled: regionCode !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
  const series = curve.data
  const absent = series?.values.filter(value => value === null).length ?? 0
  const alarms = series?.alarms.filter(Boolean).length ?? 0
  const pick = (
    label: string,
    testId: string,
    value: string | undefined,
    options: readonly [string, string][],
    set: (value: string) => void,
  ) => (
    <label className="pick">
      <span>{label}</span>
      <select className="field" data-testid={testId} value={value} onChange={change => set(change.target.value)}>
        {options.map(([code, word]) => (
          <option key={code} value={code}>
            {word}
          </option>
        ))}
      </select>
    </label>
  )
  return (
    <main className="desk desk-single" data-testid="page-series">
      <Panel
        title={t('series.title')}
        testId="series-panel"
        count={series && t('series.facts', { count: series.periods.length, absent, alarms })}
      >
        <div className="picks">
          {pick(
            t('series.source'),
            'series-source',
            sourceKind,
            SourceKind.options.map(kind => [kind, t(`source.${kind}`)]),
            setSource,
          )}
          {pick(
            t('series.syndrome'),
            'series-syndrome',
            syndrome,
            Syndrome.options.map(each => [each, t(`syndrome.${each}`)]),
            setSyndrome,
          )}
          {pick(
            t('series.region'),
            'series-region',
            regionCode,
            choices.map(each => [each.code, nameOf(each.code)]),
            setRegion,
          )}
          {pick(
            t('series.period'),
            'series-period',
            period,
            [
              ['day', t('series.day')],
              ['hour', t('series.hour')],
            ],
            value => setPeriod(value as 'day' | 'hour'),
          )}
        </div>
        <ReadState
          isLoading={curve.isLoading}
          thrown={curve.error}
          hasContent={series !== undefined}
          onRetry={() => void curve.refetch()}
        />
        {series && series.periods.length === 0 && <Empty text={t('series.empty')} />}
        {series && series.periods.length > 0 && (
          <div className="series-body">
            <EpiCurve series={series} regionName={nameOf(series.regionCode)} heightPx={360} />
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
          </div>
        )}
      </Panel>
    </main>
  )
}

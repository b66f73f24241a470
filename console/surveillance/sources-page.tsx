/**
 * Health of the sources: every facility × kind that reports counts, the ones in trouble first: silent since when, how complete,
 * how late, whether its volume changed. A curve is worth what its sources are worth; this page says it.
 */
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { SourceKind } from '#contract/scalars.ts'
import type { SourceHealthView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatAge, formatDayTime } from '../shell/format.ts'
import { GridList } from '../shell/grid-list.tsx'
import { Action, Empty, Panel, ReadState } from '../shell/parts.tsx'
import { findCounty } from '../shell/region-words.ts'
import { useRegionNames } from '../shell/regions.ts'
import { downloadCsv } from './csv.ts'
import { Pick } from './pick.tsx'
import { findVolumeRatio, listTroubles, orderSources, type Trouble, troubles } from './source-order.ts'
import './surveillance.css'

type Answer = { at: number; days: number; sources: SourceHealthView[] }

/** Reads the health of every source of the scope; renewed once a minute. */
export function useSourceHealth() {
  return useQuery({
    queryKey: ['sources-health'],
    queryFn: () => read<Answer>('/v1/sources/health'),
    refetchInterval: 60_000,
  })
}

/** A share as whole percent. */
export function formatShare(share: number | undefined): string {
  return share === undefined ? '—' : `${Math.round(share * 100)} %`
}

/** The page. */
export function SourcesPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const places = useWorld(world => world.places)
  const nameOf = useRegionNames(language)
  const [kind, setKind] = useState('')
  const [county, setCounty] = useState('')
  const [trouble, setTrouble] = useState<Trouble | ''>('')
  const [chosen, setChosen] = useState<string>()
  const health = useSourceHealth()
  const at = health.data?.at ?? 0
  const all = health.data?.sources ?? []
  const counties = useMemo(() => [...regions.values()].filter(region => region.level === 'county'), [regions])
  const keyOf = (source: SourceHealthView) => `${source.facilityId}|${source.sourceKind}|${source.period}`
  const nameOfPlace = (source: SourceHealthView) => {
    const place = places.get(source.facilityId)
    return place ? (language === 'zh' ? place.name : (place.nameEn ?? place.name)) : source.facilityId
  }
  const rows = useMemo(
    () =>
      orderSources(
        all.filter(
          source =>
            (kind === '' || source.sourceKind === kind) &&
            (county === '' || findCounty(source.regionCode, regions) === county) &&
            (trouble === '' || listTroubles(source).includes(trouble)),
        ),
      ),
    [all, kind, county, trouble, regions],
  )
  const count = (each: Trouble) => all.filter(source => listTroubles(source).includes(each)).length
  const columns = [
    { id: 'facility', title: t('review.sources.facility') },
    { id: 'kind', title: t('alerts.column.source') },
    { id: 'region', title: t('series.region') },
    { id: 'last', title: t('review.sources.last'), className: 'right' },
    { id: 'silent', title: t('review.sources.silent'), className: 'right' },
    { id: 'complete', title: t('review.sources.complete'), className: 'right' },
    { id: 'late', title: t('review.sources.late'), className: 'right' },
    { id: 'volume', title: t('review.sources.volume'), className: 'right' },
    { id: 'trouble', title: t('review.sources.trouble') },
  ]
  return (
    <main className="desk desk-single" data-testid="page-sources">
      <Panel
        title={t('review.sources.title')}
        testId="sources-panel"
        count={health.data && t('review.sources.facts', { count: all.length, silent: count('silent') })}
        tools={
          <>
            <span className="faint">
              {health.data && t('review.sources.asOf', { time: formatDayTime(at), days: health.data.days })}
            </span>
            <Action
              word={t('review.csv')}
              testId="sources-csv"
              disabled={rows.length === 0}
              onAct={() =>
                downloadCsv('sources.csv', [
                  columns.map(column => column.title),
                  ...rows.map(source => [
                    nameOfPlace(source),
                    t(`source.${source.sourceKind}`),
                    nameOf(source.regionCode),
                    source.lastPeriod,
                    source.silentSince === undefined ? '' : formatDayTime(source.silentSince),
                    formatShare(source.completeness),
                    formatShare(source.lateShare),
                    findVolumeRatio(source)?.toFixed(2) ?? '',
                    listTroubles(source)
                      .map(each => t(`review.trouble.${each}`))
                      .join(' '),
                  ]),
                ])
              }
            />
          </>
        }
      >
        <div className="picks picks-low">
          <Pick
            label={t('alerts.column.source')}
            testId="sources-kind"
            value={kind}
            options={[['', t('review.all')], ...SourceKind.options.map(each => [each, t(`source.${each}`)] as const)]}
            onPick={setKind}
          />
          <Pick
            label={t('series.region')}
            testId="sources-county"
            value={county}
            options={[['', t('review.all')], ...counties.map(each => [each.code, nameOf(each.code)] as const)]}
            onPick={setCounty}
          />
          <div className="pick-buttons">
            <Action
              word={`${t('review.all')} ${all.length}`}
              testId="sources-all"
              pressed={trouble === ''}
              onAct={() => setTrouble('')}
            />
            {troubles.map(each => (
              <Action
                key={each}
                word={`${t(`review.trouble.${each}`)} ${count(each)}`}
                testId={`sources-${each}`}
                pressed={trouble === each}
                onAct={() => setTrouble(each)}
              />
            ))}
          </div>
        </div>
        <ReadState
          isLoading={health.isLoading}
          thrown={health.error}
          hasContent={health.data !== undefined}
          onRetry={() => void health.refetch()}
        />
        <GridList
          label={t('review.sources.title')}
          testId="source-list"
          className="cols-sources"
          columns={columns}
          rows={rows}
          getKey={keyOf}
          selectedKey={chosen}
          onSelect={source => setChosen(keyOf(source))}
          getRowClass={source => (source.silentSince === undefined ? '' : 'row-silent')}
          renderRow={source => {
            const ratio = findVolumeRatio(source)
            const wrong = listTroubles(source)
            const mark = (each: Trouble) => (wrong.includes(each) ? 'right warn-text' : 'right')
            return (
              <>
                <span role="gridcell">{nameOfPlace(source)}</span>
                <span role="gridcell">{t(`source.${source.sourceKind}`)}</span>
                <span role="gridcell" className="muted">
                  {nameOf(findCounty(source.regionCode, regions))}
                </span>
                <span role="gridcell" className="right mono muted">
                  {source.lastPeriod.slice(5).replace('T', ' ')}
                </span>
                <span role="gridcell" className={mark('silent')}>
                  {source.silentSince === undefined ? '—' : formatAge(at - source.silentSince)}
                </span>
                <span role="gridcell" className={mark('incomplete')}>
                  <i className="share">
                    <i style={{ width: `${Math.round(source.completeness * 100)}%` }} />
                  </i>
                  {formatShare(source.completeness)}
                </span>
                <span role="gridcell" className={mark('late')}>
                  {formatShare(source.lateShare)}
                </span>
                <span role="gridcell" className={mark('volume')}>
                  {source.recentMean === undefined || source.usualMean === undefined
                    ? '—'
                    : `${source.recentMean.toFixed(1)} / ${source.usualMean.toFixed(1)}`}
                  {ratio !== undefined && <b className="ratio"> ×{ratio.toFixed(1)}</b>}
                </span>
                <span role="gridcell">
                  {wrong.map(each => (
                    <em key={each} className="tag tag-warn">
                      {t(`review.trouble.${each}`)}
                    </em>
                  ))}
                </span>
              </>
            )
          }}
          empty={
            health.data && (
              <Empty
                text={t(all.length === 0 ? 'review.sources.empty' : 'review.sources.none')}
                hint={t('review.sources.emptyHint')}
              />
            )
          }
        />
        <p className="foot-note">{t('review.sources.note')}</p>
      </Panel>
    </main>
  )
}

/**
 * The line list: report cards with their filters, a page at a time into one long list, and one card beside it with what has
 * happened to it. Names stay sealed until somebody asks for one, and that is recorded. The server filters and counts.
 */
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { diseases, findDiseaseById, isFileable } from '#contract/diseases.ts'
import { AgeBand, CaseClass, parseDay } from '#contract/scalars.ts'
import { CardDate, type CardSeriesView, type CardView, cardStates } from '#contract/view.ts'
import { type CardPage, cardPageMax } from '#contract/wire.ts'
import { DayField } from '../incidents/closed-list.tsx'
import { PersonPart } from '../incidents/person.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { surfaces } from '../look/palette.ts'
import { formatCityDay, formatDayTime } from '../shell/format.ts'
import { GridList } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, Panel, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { useCaseFilter } from './case-filter.ts'
import { type CaseFilter, openCaseFilter, toCardQuery } from './case-query.ts'
import { useChart } from './chart.ts'
import { Pick } from './pick.tsx'
import './surveillance.css'

const look = surfaces.dark
/** Days of the curve over a list without dates. */
const curveDays = 90

/** The page; an alert may have set its filters (case-filter.ts). */
export function CasesPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const places = useWorld(world => world.places)
  const nameOf = useRegionNames(language)
  const filter = useCaseFilter()
  const [chosenId, setChosen] = useState<string>()
  const query = toCardQuery(filter)
  const list = useInfiniteQuery({
    queryKey: ['cards', query],
    queryFn: ({ pageParam }) =>
      read<CardPage>(`/v1/cards${writeQuery({ ...query, limit: cardPageMax, before: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next,
    placeholderData: keepPreviousData,
  })
  const rows = useMemo(() => list.data?.pages.flatMap(page => page.cards) ?? [], [list.data])
  const first = list.data?.pages[0]
  const chosen = rows.find(card => card.cardId === chosenId)
  const counties = useMemo(() => [...regions.values()].filter(region => region.level !== 'street'), [regions])
  const nameOfDisease = (id: string) => {
    const disease = findDiseaseById(id)
    return disease ? disease[language] : id
  }
  const nameOfPlace = (id: string) => places.get(id)?.name ?? id
  const set = (change: Partial<CaseFilter>) => useCaseFilter.setState(change)
  const dateOf = (card: CardView) =>
    filter.by === 'onset'
      ? (card.onsetDay ?? '—')
      : formatCityDay(
          filter.by === 'filing'
            ? card.filedAt
            : filter.by === 'review'
              ? (card.reviewedAt ?? card.filedAt)
              : card.diagnosedAt,
        )
  return (
    <main className="desk desk-cases" data-testid="page-cases">
      <Panel
        title={t('review.cases.title')}
        testId="cases-panel"
        count={
          first &&
          t(first.isMore ? 'review.cases.totalMore' : 'review.cases.total', { count: first.total, shown: rows.length })
        }
        tools={
          <>
            <Action
              word={t('review.cases.clear')}
              testId="cases-clear"
              onAct={() => useCaseFilter.setState(openCaseFilter)}
            />
            <a className="act" data-testid="cases-csv" href={`/v1/cards.csv${writeQuery(query)}`} download>
              {t('review.csv')}
            </a>
          </>
        }
      >
        <div className="picks picks-wrap">
          <Pick
            label={t('review.cases.by')}
            testId="cases-by"
            value={filter.by}
            options={CardDate.options.map(each => [each, t(`review.cases.date.${each}`)])}
            onPick={by => set({ by })}
          />
          <Pick
            label={t('review.cases.disease')}
            testId="cases-disease"
            value={filter.diseaseId}
            options={[
              ['', t('review.all')],
              ...diseases
                .filter(isFileable)
                .map(disease => [disease.diseaseId, `${disease.parentId ? '· ' : ''}${disease[language]}`] as const),
            ]}
            onPick={diseaseId => set({ diseaseId })}
          />
          <Pick
            label={t('review.cases.class')}
            testId="cases-class"
            value={filter.caseClass}
            options={[
              ['', t('review.all')],
              ...CaseClass.options.map(each => [each, t(`review.cases.classOf.${each}`)] as const),
            ]}
            onPick={caseClass => set({ caseClass })}
          />
          <Pick
            label={t('series.region')}
            testId="cases-region"
            value={filter.regionCode}
            options={[['', t('review.all')], ...counties.map(each => [each.code, nameOf(each.code)] as const)]}
            onPick={regionCode => set({ regionCode })}
          />
          <Pick
            label={t('review.cases.age')}
            testId="cases-age"
            value={filter.ageBand}
            options={[['', t('review.all')], ...AgeBand.options.map(each => [each, each] as const)]}
            onPick={ageBand => set({ ageBand })}
          />
          <Pick
            label={t('review.cases.state')}
            testId="cases-state"
            value={filter.state}
            options={[
              ['', t('review.all')],
              ...cardStates.map(each => [each, t(`review.cases.stateOf.${each}`)] as const),
            ]}
            onPick={state => set({ state })}
          />
          <Pick
            label={t('review.cases.mark')}
            testId="cases-mark"
            value={filter.mark}
            options={[
              ['', t('review.all')],
              ['late', t('review.cases.late')],
              ['overdue', t('review.cases.overdue')],
            ]}
            onPick={mark => set({ mark: mark as CaseFilter['mark'] })}
          />
          <div className="pick-days">
            <DayField label={t('incident.from')} value={filter.fromDay} onChange={fromDay => set({ fromDay })} />
            <DayField label={t('incident.to')} value={filter.untilDay} onChange={untilDay => set({ untilDay })} />
          </div>
        </div>
        <ReadState
          isLoading={list.isLoading}
          thrown={list.error}
          hasContent={list.data !== undefined}
          onRetry={() => void list.refetch()}
        />
        {filter.diseaseId !== '' && <CaseCurve filter={filter} regionCode={filter.regionCode || findRoot(regions)} />}
        <GridList
          label={t('review.cases.title')}
          testId="case-list"
          className="cols-cases"
          columns={[
            { id: 'id', title: t('review.cases.id') },
            { id: 'date', title: t(`review.cases.date.${filter.by}`) },
            { id: 'disease', title: t('review.cases.disease') },
            { id: 'class', title: t('review.cases.class') },
            { id: 'region', title: t('series.region') },
            { id: 'age', title: t('review.cases.age') },
            { id: 'sex', title: t('review.cases.sex') },
            { id: 'facility', title: t('review.cases.facility') },
            { id: 'state', title: t('review.cases.state') },
          ]}
          rows={rows}
          getKey={card => card.cardId}
          selectedKey={chosenId}
          onSelect={card => {
            setChosen(card.cardId)
            // Near the end the next page is asked for, so that a list is walked by keys alone.
            if (rows.indexOf(card) > rows.length - 20 && list.hasNextPage && !list.isFetchingNextPage)
              void list.fetchNextPage()
          }}
          getRowClass={card => (card.state === 'retracted' || card.duplicateOf ? 'row-stale' : '')}
          renderRow={card => (
            <>
              <span role="gridcell" className="mono">
                {card.cardId}
              </span>
              <span role="gridcell" className="mono">
                {dateOf(card)}
              </span>
              <span role="gridcell">{nameOfDisease(card.diseaseId)}</span>
              <span role="gridcell">{t(`review.cases.classOf.${card.caseClass}`)}</span>
              <span role="gridcell">{nameOf(card.regionCode)}</span>
              <span role="gridcell">{card.ageBand ?? '—'}</span>
              <span role="gridcell">{card.sex ? t(`review.cases.sexOf.${card.sex}`) : '—'}</span>
              <span role="gridcell" className="muted">
                {nameOfPlace(card.facilityId)}
              </span>
              <span role="gridcell">
                {t(`review.cases.stateOf.${card.state}`)}
                {card.filedLate && <em className="tag tag-warn">{t('review.cases.late')}</em>}
                {card.duplicateOf && <em className="tag">{t('review.cases.duplicate')}</em>}
              </span>
            </>
          )}
          empty={list.data && <Empty text={t('review.cases.empty')} hint={t('review.cases.emptyHint')} />}
        />
        {list.hasNextPage && (
          <div className="chips">
            <Action
              word={t('review.cases.more', { count: rows.length })}
              testId="cases-more"
              disabled={list.isFetchingNextPage}
              onAct={() => void list.fetchNextPage()}
            />
          </div>
        )}
      </Panel>
      <CardPanel card={chosen} onLeave={() => setChosen(undefined)} nameOfDisease={nameOfDisease} />
    </main>
  )
}

function findRoot(regions: ReadonlyMap<string, { code: string; parentCode?: string | undefined }>): string {
  return [...regions.values()].find(region => region.parentCode === undefined)?.code ?? ''
}

/** Cards by day over the list, by the same date the list goes by. */
function CaseCurve({ filter, regionCode }: { filter: CaseFilter; regionCode: string }) {
  const { t, language } = useTexts()
  const now = useWorld(world => world.city?.now ?? 0)
  const untilDay = parseDay(filter.untilDay) === undefined ? formatCityDay(now) : filter.untilDay
  const fromDay = parseDay(filter.fromDay) === undefined ? formatCityDay(now - curveDays * 86_400_000) : filter.fromDay
  const curve = useQuery({
    queryKey: ['card-series', filter.diseaseId, regionCode, filter.by, fromDay, untilDay],
    queryFn: () =>
      read<CardSeriesView>(
        `/v1/card-series${writeQuery({ diseaseId: filter.diseaseId, regionCode, by: filter.by, fromDay, untilDay })}`,
      ),
    enabled: regionCode !== '' && now > 0,
    placeholderData: keepPreviousData,
  })
  const series = curve.data
  const { frame, drawn } = useChart(
    () => ({
      animation: false,
      aria: { enabled: true },
      textStyle: { fontFamily: 'inherit', color: look.muted },
      grid: { left: 40, right: 12, top: 10, bottom: 22 },
      tooltip: {
        trigger: 'axis',
        backgroundColor: look.raised,
        borderColor: look.line,
        textStyle: { color: look.text, fontSize: 12 },
      },
      xAxis: {
        type: 'category',
        data: (series?.days ?? []).map(day => day.slice(5)),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: look.line } },
        axisLabel: { color: look.muted, fontSize: 12, hideOverlap: true },
      },
      yAxis: {
        type: 'value',
        minInterval: 1,
        splitNumber: 2,
        axisLabel: { color: look.muted, fontSize: 12 },
        splitLine: { lineStyle: { color: look.line, opacity: 0.6 } },
      },
      series: [
        {
          name: t('alerts.cases'),
          type: 'bar',
          data: series?.values ?? [],
          barMaxWidth: 14,
          itemStyle: { color: '#8fb4d9' },
        },
      ],
    }),
    [series, language],
  )
  return (
    <div className="case-curve" data-testid="case-curve" data-drawn={drawn}>
      <ReadState
        isLoading={curve.isLoading}
        thrown={curve.error}
        hasContent={series !== undefined}
        onRetry={() => void curve.refetch()}
      />
      <div ref={frame} style={{ height: 110 }} />
      {series !== undefined && series.undated > 0 && (
        <p className="faint">{t('review.cases.undated', { count: series.undated })}</p>
      )}
    </div>
  )
}

function CardPanel(props: { card: CardView | undefined; onLeave: () => void; nameOfDisease: (id: string) => string }) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  const places = useWorld(world => world.places)
  const { card } = props
  useKey('leave', card ? props.onLeave : undefined)
  if (!card) {
    return (
      <Panel title={t('review.cases.none')} testId="card-panel">
        <Empty text={t('review.cases.none')} hint={t('review.cases.noneHint')} />
      </Panel>
    )
  }
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['review.cases.id', card.cardId],
    ['review.cases.disease', `${props.nameOfDisease(card.diseaseId)}${card.icd10 ? ` · ${card.icd10}` : ''}`],
    ['review.cases.class', t(`review.cases.classOf.${card.caseClass}`)],
    ['series.region', nameOf(card.regionCode)],
    ['review.cases.facility', places.get(card.facilityId)?.name ?? card.facilityId],
    ['review.cases.place', card.placeId ? (places.get(card.placeId)?.name ?? card.placeId) : undefined],
    ['review.cases.date.onset', card.onsetDay],
    ['review.cases.date.diagnosis', formatDayTime(card.diagnosedAt)],
    [
      'review.cases.date.filing',
      `${formatDayTime(card.filedAt)}${card.filedLate ? ` · ${t('review.cases.late')}` : ''}`,
    ],
    ['review.cases.fileDue', formatDayTime(card.fileDueAt)],
    [
      'review.cases.date.review',
      card.reviewedAt ? `${formatDayTime(card.reviewedAt)} ${card.reviewedBy ?? ''}` : undefined,
    ],
    ['review.cases.reviewDue', formatDayTime(card.reviewDueAt)],
    ['review.cases.death', card.deathDay],
    ['review.cases.duplicateOf', card.duplicateOf],
    ['review.cases.joined', card.duplicateIds.length > 0 ? card.duplicateIds.join(t('state.listed')) : undefined],
  ]
  return (
    <Panel
      title={props.nameOfDisease(card.diseaseId)}
      testId="card-panel"
      count={t(`review.cases.stateOf.${card.state}`)}
      tools={<Action word={t('review.leave')} keyId="leave" testId="card-leave" onAct={props.onLeave} />}
    >
      <div className="case-body">
        <section className="block">
          <dl className="facts">
            {facts.map(
              ([key, value]) =>
                value !== undefined && (
                  <div key={key}>
                    <dt>{t(key)}</dt>
                    <dd>{value}</dd>
                  </div>
                ),
            )}
          </dl>
        </section>
        <PersonPart records={[{ kind: 'card', id: card.cardId }]} sealedFields={card.sealedFields} />
        <section className="block" data-testid="card-history">
          <h3>{t('review.cases.history')}</h3>
          <ol className="trail">
            {card.history.map((step, at) => (
              <li key={`${step.at}-${at}`}>
                <time className="mono">{formatDayTime(step.at)}</time>
                <span>{translateWord(t, 'review.cases.action', step.action)}</span>
                <span>{step.reason ?? ''}</span>
                <span className="muted">
                  {Object.entries(step.changes ?? {})
                    .map(([field, [before, after]]) => `${field}: ${before} → ${after}`)
                    .join(t('state.listed'))}
                </span>
                <span className="muted trail-who">{step.by}</span>
              </li>
            ))}
          </ol>
        </section>
      </div>
    </Panel>
  )
}

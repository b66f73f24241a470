/**
 * Key figures of dispatch: four times and two shares for a period and an area, by area and level, with every definition beside
 * its figure and what is missing counted. Prints as a sheet and leaves as CSV; the server counts, this page only shows.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import {
  type DispatchReportView,
  type KpiDefinition,
  type KpiRowView,
  kpiDefinitions,
  type RatioDefinition,
  type ReactionFrom,
  ratioDefinitions,
  stampRule,
} from '#contract/report.ts'
import { DayField } from '../incidents/closed-list.tsx'
import { type Translate, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatCityDay, formatTime } from '../shell/format.ts'
import { Action, Empty, Panel, PrintLine, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { findPeriod, listPeriodDays, periodNames } from './period.ts'
import './reports.css'

const numerals: Readonly<Record<number, string>> = { 1: 'I', 2: 'II', 3: 'III', 4: 'IV' }

function nameLevel(t: Translate, level: number): string {
  if (level === 0) return t('report.all')
  const numeral = numerals[level]
  return numeral === undefined ? t('report.noLevel') : t('report.ofLevel', { level: numeral })
}

/** Seconds with one decimal; an em dash where there is no figure. */
export function formatSeconds(value: number | undefined): string {
  return value === undefined ? '—' : value.toFixed(1)
}

/** A share in per cent with one decimal; an em dash of nothing. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? '—' : `${((100 * part) / whole).toFixed(1)}%`
}

/** True when a share misses what it should be. */
function isBelow(part: number, whole: number, wanted: number | undefined): boolean {
  return wanted !== undefined && whole > 0 && part / whole < wanted
}

type Sheet = { report: DispatchReportView; nameArea: (code: string) => string }

function KpiTable({ report, nameArea, definition }: Sheet & { definition: KpiDefinition }) {
  const { t, language } = useTexts()
  const rows = report.rows.filter(row => row.kpi === definition.kpi)
  const lines = rows.filter(row => row.level === 0 || row.regionCode === '')
  const nameLine = (row: KpiRowView) => (row.regionCode !== '' ? nameArea(row.regionCode) : nameLevel(t, row.level))
  return (
    <section className="report-figure" data-testid={`kpi-${definition.kpi}`}>
      <h3>
        {definition.name[language]}
        <small className="muted">
          {t('report.target', { s: definition.targetS })}
          {definition.targetShare !== undefined && ` ≥ ${(definition.targetShare * 100).toFixed(0)}%`}
        </small>
      </h3>
      <p className="faint report-definition">{definition.definition[language]}</p>
      {lines.length === 0 && <Empty text={t('report.none')} />}
      {lines.length > 0 && (
        <table className="figures">
          <thead>
            <tr>
              <th>{t('report.column.area')}</th>
              {(['n', 'missing', 'mean', 'p50', 'p90', 'within', 'reversed', 'offline', 'edited'] as const).map(
                name => (
                  <th key={name} className="right" title={t(`report.hint.${name}`)}>
                    {t(`report.column.${name}`)}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {lines.map(row => (
              <tr
                key={`${row.regionCode}|${row.level}`}
                className={row.regionCode === '' && row.level === 0 ? 'report-total' : ''}
                data-area={row.regionCode}
                data-level={row.level}
              >
                <td>{nameLine(row)}</td>
                <td className="right" data-figure="n">
                  {row.n}
                </td>
                <td className={`right ${row.missing > 0 ? 'warn-text' : 'faint'}`} data-figure="missing">
                  {row.missing}
                </td>
                <td className="right" data-figure="mean">
                  {formatSeconds(row.meanS)}
                </td>
                <td className="right" data-figure="p50">
                  {formatSeconds(row.p50S)}
                </td>
                <td className="right" data-figure="p90">
                  {formatSeconds(row.p90S)}
                </td>
                <td
                  className={`right ${isBelow(row.within, row.n, definition.targetShare) ? 'warn-text' : ''}`}
                  data-figure="within"
                >
                  {formatShare(row.within, row.n)}
                </td>
                <td className="right faint" data-figure="reversed">
                  {row.reversed}
                </td>
                <td className="right faint" data-figure="offline">
                  {row.offline}
                </td>
                <td className="right faint" data-figure="edited">
                  {row.edited}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function RatioTable({ report, nameArea, definition }: Sheet & { definition: RatioDefinition }) {
  const { t, language } = useTexts()
  const rows = report.ratios.filter(row => row.ratio === definition.ratio && (row.level === 0 || row.regionCode === ''))
  return (
    <section className="report-figure" data-testid={`ratio-${definition.ratio}`}>
      <h3>
        {definition.name[language]}
        {definition.target !== undefined && (
          <small className="muted">{t('report.wanted', { share: (definition.target * 100).toFixed(0) })}</small>
        )}
      </h3>
      <p className="faint report-definition">{definition.definition[language]}</p>
      {rows.length === 0 && <Empty text={t('report.none')} />}
      {rows.length > 0 && (
        <table className="figures">
          <thead>
            <tr>
              <th>{t('report.column.area')}</th>
              <th className="right">{t('report.column.numerator')}</th>
              <th className="right">{t('report.column.denominator')}</th>
              <th className="right">{t('report.column.share')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr
                key={`${row.regionCode}|${row.level}`}
                className={row.regionCode === '' && row.level === 0 ? 'report-total' : ''}
                data-area={row.regionCode}
                data-level={row.level}
              >
                <td>{row.regionCode !== '' ? nameArea(row.regionCode) : nameLevel(t, row.level)}</td>
                <td className="right" data-figure="numerator">
                  {row.numerator}
                </td>
                <td className="right" data-figure="denominator">
                  {row.denominator}
                </td>
                <td
                  className={`right ${isBelow(row.numerator, row.denominator, definition.target) ? 'warn-text' : ''}`}
                  data-figure="share"
                >
                  {formatShare(row.numerator, row.denominator)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

const counts = ['calls', 'abandoned', 'ringing', 'incidents', 'runs', 'runsOn', 'withdrawn', 'merged'] as const

/** The page: period, area and start of reaction above, the sheet below. */
export function ReportPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameArea = useRegionNames(language)
  const now = useSecond()
  const today = now === 0 ? '' : formatCityDay(now)
  const [days, setDays] = useState<{ fromDay: string; toDay: string }>()
  const { fromDay, toDay } = days ?? { fromDay: today, toDay: today }
  const [region, setRegion] = useState('')
  const [reactionFrom, setReactionFrom] = useState<ReactionFrom>('answer')
  const period = now === 0 ? undefined : findPeriod(fromDay, toDay)
  const choices = useMemo(() => [...regions.values()].filter(each => each.level !== 'street'), [regions])
  const query = writeQuery({ from: period?.from, to: period?.to, region, reactionFrom })
  const asked = useQuery({
    queryKey: ['report-dispatch', query],
    queryFn: () => read<DispatchReportView>(`/v1/reports/dispatch${query}`),
    enabled: period !== undefined,
    placeholderData: keepPreviousData,
  })
  const report = asked.data
  return (
    <main className="desk desk-single" data-testid="page-reports">
      <div className="column column-case">
        <Panel
          title={t('report.title')}
          testId="report-panel"
          className="print-sheet"
          count={
            report &&
            t('report.computed', { time: `${formatCityDay(report.computedAt)} ${formatTime(report.computedAt)}` })
          }
          tools={
            <>
              <Action word={t('report.again')} testId="report-again" onAct={() => void asked.refetch()} />
              <a
                className="act"
                data-testid="report-csv"
                href={period ? `/v1/reports/dispatch.csv${query}` : undefined}
                aria-disabled={!period}
                download
              >
                {t('report.csv')}
              </a>
              <Action word={t('report.print')} testId="report-print" onAct={() => window.print()} />
            </>
          }
        >
          <div className="chips no-print">
            {periodNames.map(name => {
              const named = listPeriodDays(name, now)
              return (
                <button
                  key={name}
                  type="button"
                  className="chip"
                  data-testid={`period-${name}`}
                  aria-pressed={named.fromDay === fromDay && named.toDay === toDay}
                  onClick={() => setDays(named)}
                >
                  {t(`report.period.${name}`)}
                </button>
              )
            })}
            <DayField label={t('incident.from')} value={fromDay} onChange={day => setDays({ fromDay: day, toDay })} />
            <DayField label={t('incident.to')} value={toDay} onChange={day => setDays({ fromDay, toDay: day })} />
            <label className="chip-label">
              {t('report.region')}
              <select
                className="chip"
                data-testid="report-region"
                value={region}
                onChange={change => setRegion(change.target.value)}
              >
                <option value="">{t('report.everywhere')}</option>
                {choices.map(each => (
                  <option key={each.code} value={each.code}>
                    {nameArea(each.code)}
                  </option>
                ))}
              </select>
            </label>
            <label className="chip-label">
              {t('report.reactionFrom')}
              <select
                className="chip"
                data-testid="report-reaction-from"
                value={reactionFrom}
                onChange={change => setReactionFrom(change.target.value as ReactionFrom)}
              >
                <option value="answer">{t('report.from.answer')}</option>
                <option value="ring">{t('report.from.ring')}</option>
              </select>
            </label>
          </div>
          <PrintLine />
          {now !== 0 && !period && <Empty text={t('report.badPeriod')} />}
          <ReadState
            isLoading={asked.isLoading}
            thrown={asked.error}
            hasContent={report !== undefined}
            onRetry={() => void asked.refetch()}
          />
          {report && (
            <div className="report-body" data-testid="report" data-query={query} data-stale={asked.isPlaceholderData}>
              <p className="report-frame">
                {t('report.frame', {
                  from: `${formatCityDay(report.from)} ${formatTime(report.from)}`,
                  to: `${formatCityDay(report.to)} ${formatTime(report.to)}`,
                  area: report.regionCode ? nameArea(report.regionCode) : t('report.everywhere'),
                  start: t(`report.from.${report.reactionFrom}`),
                })}
              </p>
              <dl className="report-counts">
                {counts.map(name => (
                  <div key={name}>
                    <dt>{t(`report.count.${name}`)}</dt>
                    <dd data-figure={name}>{report[name]}</dd>
                  </div>
                ))}
              </dl>
              <div className="report-grid">
                {kpiDefinitions.map(definition => (
                  <KpiTable key={definition.kpi} report={report} nameArea={nameArea} definition={definition} />
                ))}
                {ratioDefinitions.map(definition => (
                  <RatioTable key={definition.ratio} report={report} nameArea={nameArea} definition={definition} />
                ))}
              </div>
              <p className="faint">
                {stampRule[language]} · {t('report.percentile')}
              </p>
            </div>
          )}
        </Panel>
      </div>
    </main>
  )
}

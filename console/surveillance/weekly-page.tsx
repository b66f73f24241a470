/**
 * The weekly report as a sheet of paper: alerts and verdicts, what the leading syndromes did in each county, curves as tables,
 * the sources. Seen as it will be printed: black on white, A4, page header and numbers; no colour carries anything.
 */
import { useQueries, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { AlertView, SeriesView, WeekFigureView } from '#contract/view.ts'
import { findRatio } from '../alerts/why.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { getCityNow } from '../live/clock.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { useDesk } from '../shell/desk.ts'
import { formatAge, formatCityDay, formatDayTime, formatFigure, formatTime } from '../shell/format.ts'
import { Action, Panel, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { formatShare, useSourceHealth } from './sources-page.tsx'
import { findChange, getWeekOf, sumAlerts, sumFigures, sumSources, type Week } from './week.ts'
import './surveillance.css'

/** Pages of alerts read for one week: 10 × 200; a week with more is said to be cut. */
const alertPagesMax = 10
const linesMax = 14
/** Alerts whose curves are printed, and days of each. */
const curvesMax = 4
const curveDays = 14
const weeksBackMax = 104

type AlertPage = { alerts: AlertView[]; next?: string }

async function readAlerts(week: Week): Promise<AlertView[]> {
  const alerts: AlertView[] = []
  let before: string | undefined
  for (let page = 0; page < alertPagesMax; page++) {
    const answer: AlertPage = await read<AlertPage>(
      `/v1/alerts${writeQuery({ from: week.from, to: week.to, limit: 200, before })}`,
    )
    alerts.push(...answer.alerts)
    before = answer.next
    if (before === undefined) break
  }
  return alerts
}

/** The page: week, sheet, print. */
export function WeeklyPage() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const seat = useDesk(desk => desk.seatName)
  const nameOf = useRegionNames(language)
  const [move, setMove] = useState(0)
  const now = getCityNow()
  const week = getWeekOf(now, move)
  const alertList = useQuery({ queryKey: ['week-alerts', week.fromDay], queryFn: () => readAlerts(week) })
  const figureList = useQuery({
    queryKey: ['week-figures', week.fromDay],
    queryFn: () => read<{ figures: WeekFigureView[] }>(`/v1/surveillance/week${writeQuery({ day: week.fromDay })}`),
  })
  const health = useSourceHealth()
  const alerts = (alertList.data ?? []).toSorted((a, b) => a.level - b.level || a.raisedAt - b.raisedAt)
  // What turned out to be nothing is in the list; its days need no room here.
  const isNothing = (alert: AlertView) => Number(alert.verdict === 'noise' || alert.verdict === 'false')
  const drawn = alerts
    .filter(alert => alert.evidence.some(each => each.expected !== undefined))
    .toSorted((a, b) => isNothing(a) - isNothing(b))
    .slice(0, curvesMax)
  const curves = useQueries({
    queries: drawn.map(alert => ({
      queryKey: ['alert-series', alert.alertId, alert.evidence.length, alert.cases],
      queryFn: () => read<{ series: SeriesView[] }>(`/v1/alerts/${encodeURIComponent(alert.alertId)}/series`),
      retry: false,
    })),
  })
  const counties = [...regions.values()].filter(region => region.level === 'county')
  const city = [...regions.values()].find(region => region.parentCode === undefined)
  const sum = sumAlerts(alerts)
  const lines = sumFigures(figureList.data?.figures ?? [], linesMax)
  const sources = sumSources(health.data?.sources ?? [])
  const silent = (health.data?.sources ?? []).filter(source => source.silentSince !== undefined)
  const places = useWorld(world => world.places)
  const title = t('review.week.title', { city: city ? nameOf(city.code) : '' })
  const span = t('review.week.span', { year: week.year, week: week.week, from: week.fromDay, to: week.toDay })
  const nameOfRule = (alert: AlertView) => (language === 'zh' ? alert.ruleName : alert.ruleNameEn)
  const isReady = alertList.data !== undefined && figureList.data !== undefined && health.data !== undefined
  return (
    <main className="desk desk-single" data-testid="page-weekly">
      <style>{`@page { size: A4; margin: 20mm 14mm 18mm; @top-left { content: ${JSON.stringify(title)}; font-size: 9pt } @top-right { content: ${JSON.stringify(`${week.fromDay} — ${week.toDay}`)}; font-size: 9pt } @bottom-right { content: counter(page) " / " counter(pages); font-size: 9pt } @bottom-left { content: ${JSON.stringify(t('review.week.inner'))}; font-size: 9pt } }`}</style>
      <Panel
        title={t('nav.weekly')}
        testId="weekly-panel"
        count={span}
        tools={
          <>
            <Action
              word={t('review.week.before')}
              testId="week-before"
              disabled={move <= -weeksBackMax}
              onAct={() => setMove(move - 1)}
            />
            <Action
              word={t('review.week.after')}
              testId="week-after"
              disabled={move >= 0}
              onAct={() => setMove(move + 1)}
            />
            <Action
              word={t('alerts.print')}
              testId="week-print"
              primary
              disabled={!isReady}
              onAct={() => window.print()}
            />
          </>
        }
      >
        <div className="paper-ground">
          <div className="no-print">
            {[alertList, figureList, health].map((each, at) => (
              <ReadState
                key={at}
                isLoading={each.isLoading}
                thrown={each.error}
                hasContent={each.data !== undefined}
                onRetry={() => void each.refetch()}
              />
            ))}
          </div>
          <article className="paper" data-theme="light" data-testid="paper" data-ready={isReady}>
            <header className="paper-head">
              <h1>{title}</h1>
              <p>{span}</p>
              <p className="paper-meta">
                {t('review.week.made', { seat, time: `${formatCityDay(now)} ${formatTime(now).slice(0, 5)}` })}
                {move === 0 && ` · ${t('review.week.running')}`}
              </p>
            </header>
            <section>
              <h2>{t('review.week.summary')}</h2>
              <p>
                {t('review.week.alerts', {
                  total: sum.total,
                  one: sum.byLevel[0],
                  two: sum.byLevel[1],
                  three: sum.byLevel[2],
                  four: sum.byLevel[3],
                })}
              </p>
              <p>
                {t('review.week.verdicts', {
                  confirmed: sum.byVerdict.confirmed,
                  noise: sum.byVerdict.noise,
                  wrong: sum.byVerdict.false,
                  unanswered: sum.unanswered,
                  events: sum.events,
                })}
              </p>
              <p>
                {t('review.week.sources', {
                  count: health.data?.sources.length ?? 0,
                  silent: silent.length,
                })}
              </p>
            </section>
            <section>
              <h2>{t('review.week.list')}</h2>
              {alerts.length === 0 ? (
                <p>{t('review.week.noAlerts')}</p>
              ) : (
                <table className="paper-table" data-testid="week-alerts">
                  <thead>
                    <tr>
                      <th>{t('queue.column.level')}</th>
                      <th>{t('alerts.raised')}</th>
                      <th>{t('alerts.inbox')}</th>
                      <th>{t('series.region')}</th>
                      <th className="right">{t('alerts.cases')}</th>
                      <th>{t('review.week.result')}</th>
                      <th>{t('review.week.reason')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {alerts.map(alert => (
                      <tr key={alert.alertId}>
                        <td className="nowrap">
                          {levels[alert.level as 1 | 2 | 3 | 4].numeral} {t(`alertLevel.${alert.level}`)}
                        </td>
                        <td className="nowrap">{formatDayTime(alert.raisedAt)}</td>
                        <td>
                          {nameOfRule(alert)} <small>{alert.alertId}</small>
                        </td>
                        <td className="nowrap">{nameOf(alert.regionCode)}</td>
                        <td className="right">{alert.cases > 0 ? alert.cases : '—'}</td>
                        <td className="nowrap">
                          {alert.verdict
                            ? translateWord(t, 'alerts.verdict', alert.verdict)
                            : t(`alerts.state.${alert.state}`)}
                          {!alert.verdict &&
                            alert.verification &&
                            ` · ${t(`alerts.verdict.${alert.verification.verdict}`)}`}
                        </td>
                        <td>{alert.reason ?? alert.verification?.reason ?? alert.shelfReason ?? ''}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </section>
            <section>
              <h2>{t('review.week.figures')}</h2>
              {lines.length === 0 ? (
                <p>{t('review.week.noFigures')}</p>
              ) : (
                <table className="paper-table" data-testid="week-figures">
                  <thead>
                    <tr>
                      <th>{t('review.week.line')}</th>
                      {counties.map(county => (
                        <th key={county.code} className="right">
                          {nameOf(county.code)}
                        </th>
                      ))}
                      <th className="right">{t('review.week.total')}</th>
                      <th className="right">{t('review.week.last')}</th>
                      <th className="right">{t('review.week.change')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {lines.map(line => {
                      const change = findChange(line)
                      return (
                        <tr key={`${line.sourceKind}|${line.syndrome}`}>
                          <td className="nowrap">
                            {translateWord(t, 'source', line.sourceKind)} ·{' '}
                            {translateWord(t, 'syndrome', line.syndrome)}
                          </td>
                          {counties.map(county => (
                            <td key={county.code} className="right">
                              {formatFigure(line.byRegion.get(county.code))}
                            </td>
                          ))}
                          <td className="right">
                            <b>{line.total}</b>
                          </td>
                          <td className="right">{formatFigure(line.before)}</td>
                          <td className="right nowrap">
                            {change === undefined ? '—' : `${change > 0 ? '+' : ''}${change.toFixed(0)} %`}
                          </td>
                        </tr>
                      )
                    })}
                  </tbody>
                </table>
              )}
              <p className="paper-meta">{t('review.week.figuresNote')}</p>
            </section>
            <section>
              <h2>{t('review.week.curves')}</h2>
              {drawn.length === 0 && <p>{t('review.week.noCurves')}</p>}
              {drawn.map((alert, at) => {
                const main = findMain(alert, curves[at]?.data?.series)
                return (
                  <div key={alert.alertId} className="paper-curve">
                    <h3>
                      {nameOf(alert.regionCode)} · {nameOfRule(alert)} <small>{alert.alertId}</small>
                    </h3>
                    {main ? (
                      <CurveTable series={main} />
                    ) : (
                      <p className="paper-meta">
                        {t(curves[at]?.isLoading ? 'state.loading' : 'review.week.curveGone')}
                      </p>
                    )}
                  </div>
                )
              })}
            </section>
            <section>
              <h2>{t('review.week.health')}</h2>
              <table className="paper-table" data-testid="week-sources">
                <thead>
                  <tr>
                    <th>{t('alerts.column.source')}</th>
                    <th className="right">{t('review.week.sourceCount')}</th>
                    <th className="right">{t('review.trouble.silent')}</th>
                    <th className="right">{t('review.sources.complete')}</th>
                    <th className="right">{t('review.trouble.late')}</th>
                  </tr>
                </thead>
                <tbody>
                  {sources.map(line => (
                    <tr key={line.sourceKind}>
                      <td>{translateWord(t, 'source', line.sourceKind)}</td>
                      <td className="right">{line.count}</td>
                      <td className="right">{line.silent}</td>
                      <td className="right">{formatShare(line.completeness)}</td>
                      <td className="right">{line.late}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {silent.length > 0 && (
                <p>
                  {t('review.week.silentList')}
                  {silent
                    .map(source =>
                      t('review.week.silentOne', {
                        name: places.get(source.facilityId)?.name ?? source.facilityId,
                        source: t(`source.${source.sourceKind}`),
                        age: formatAge((health.data?.at ?? now) - source.silentSince!),
                      }),
                    )
                    .join(t('state.listed'))}
                </p>
              )}
            </section>
            <footer className="paper-meta">{t('review.week.foot')}</footer>
          </article>
        </div>
      </Panel>
    </main>
  )
}

/** The series behind an alert that stands out most, of days. */
function findMain(alert: AlertView, series: readonly SeriesView[] | undefined): SeriesView | undefined {
  const evidence = alert.evidence
    .filter(each => each.sourceKind && !each.period.includes('T'))
    .toSorted((a, b) => Number(findRatio(b) ?? 0) - Number(findRatio(a) ?? 0))[0]
  return series?.find(
    each =>
      each.period === 'day' && each.sourceKind === evidence?.sourceKind && each.syndrome === (evidence.syndrome ?? ''),
  )
}

/** A curve as figures: a row a quantity, a column a day. */
function CurveTable({ series }: { series: SeriesView }) {
  const { t } = useTexts()
  const from = Math.max(0, series.periods.length - curveDays)
  const rows = [
    [t('alerts.column.observed'), series.values],
    [t('alerts.expected'), series.expected],
    [t('alerts.threshold'), series.threshold],
  ] as const
  return (
    <table className="paper-table paper-figures">
      <thead>
        <tr>
          <th>
            {translateWord(t, 'source', series.sourceKind)} · {translateWord(t, 'syndrome', series.syndrome)}
          </th>
          {series.periods.slice(from).map(period => (
            <th key={period} className="right">
              {period.slice(5)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([word, values], row) => (
          <tr key={word}>
            <td className="nowrap">{word}</td>
            {values.slice(from).map((value, at) => (
              <td key={series.periods[from + at]} className="right">
                {row === 0 && series.alarms[from + at] ? <b>{formatFigure(value)}▲</b> : round(value)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A column of a day is narrow: one decimal. */
function round(value: number | null): string {
  if (value === null) return '—'
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}

/**
 * The price and the catch of a draft before it is published: alerts per county and week over a past period beside the rules in
 * force, week by week, what each would have caught of the confirmed alerts, and which alerts come or go. The server judges;
 * each moment of the past by what had been received until then.
 */
import type { DryRunAlert, DryRunSide, DryRunView } from '#contract/dry-run.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { formatDayTime } from '../shell/format.ts'
import { LevelSquare } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'

/** Alerts listed on each side of the difference. */
const listedMax = 12

/** Weeks of a side with their shown alerts, every week of the period, also quiet ones. */
export function countWeeks(view: Pick<DryRunView, 'current' | 'candidate'>): readonly {
  monday: string
  current: number
  candidate: number
}[] {
  const sum = (side: DryRunSide, monday: string) =>
    side.weeks.filter(week => week.monday === monday).reduce((total, week) => total + week.count, 0)
  const mondays = [...new Set([...view.current.weeks, ...view.candidate.weeks].map(week => week.monday))].sort()
  return mondays.map(monday => ({
    monday,
    current: sum(view.current, monday),
    candidate: sum(view.candidate, monday),
  }))
}

function AlertRows({ alerts, testId }: { alerts: readonly DryRunAlert[]; testId: string }) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  return (
    <ul className="dry-alerts" data-testid={testId}>
      {alerts.slice(0, listedMax).map((alert, at) => (
        <li key={`${alert.regionCode}-${alert.raisedAt}-${at}`}>
          <LevelSquare level={alert.level} word={t(`alertLevel.${alert.level}`)} />
          <span className="mono">{formatDayTime(alert.raisedAt)}</span>
          <span>
            {nameOf(alert.regionCode)} · {alert.syndrome ? translateWord(t, 'syndrome', alert.syndrome) : ''}
          </span>
          <span className="muted">{t('alerts.casesShort', { count: alert.cases })}</span>
        </li>
      ))}
      {alerts.length > listedMax && (
        <li className="muted">{t('review.dry.more', { count: alerts.length - listedMax })}</li>
      )}
    </ul>
  )
}

/** The answer of a dry run, the rules in force and the draft side by side. */
export function DryRunResult({ view }: { view: DryRunView }) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  const weeks = countWeeks(view)
  const max = Math.max(1, ...weeks.flatMap(week => [week.current, week.candidate]))
  const caught = (side: 'current' | 'candidate') => view.catches.filter(each => each[side] !== undefined).length
  const facts = [
    ['review.dry.perWeek', view.current.perCountyWeek.toFixed(2), view.candidate.perCountyWeek.toFixed(2)],
    ['review.dry.alerts', String(view.current.alertCount), String(view.candidate.alertCount)],
    ['review.dry.hidden', String(view.current.hiddenCount), String(view.candidate.hiddenCount)],
    [
      'review.dry.caught',
      `${caught('current')} / ${view.catches.length}`,
      `${caught('candidate')} / ${view.catches.length}`,
    ],
  ] as const
  return (
    <div className="dry" data-testid="dry-run">
      <p className="muted">
        {t('review.dry.span', {
          from: view.fromDay,
          until: view.untilDay,
          weeks: Number(view.weeks.toFixed(1)),
          counties: view.counties,
          entries: view.readEntries,
        })}
      </p>
      <table className="figures" data-testid="dry-price">
        <thead>
          <tr>
            <th />
            <th className="right">{t('review.dry.current', { version: view.currentVersion })}</th>
            <th className="right">{t('review.dry.candidate')}</th>
          </tr>
        </thead>
        <tbody>
          {facts.map(([key, current, candidate]) => (
            <tr key={key}>
              <td>{t(key)}</td>
              <td className="right">{current}</td>
              <td className="right">
                <b>{candidate}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h4>{t('review.dry.weeks')}</h4>
      {weeks.length === 0 && <p className="muted">{t('review.dry.noWeeks')}</p>}
      <table className="dry-weeks">
        <tbody>
          {weeks.map(week => (
            <tr key={week.monday}>
              <td className="mono muted">{week.monday}</td>
              <td>
                <i className="dry-bar dry-bar-current" style={{ width: `${(week.current / max) * 100}%` }} />
                <i className="dry-bar dry-bar-candidate" style={{ width: `${(week.candidate / max) * 100}%` }} />
              </td>
              <td className="right mono">
                {week.current} → <b>{week.candidate}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <h4>{t('review.dry.catches')}</h4>
      {view.catches.length === 0 ? (
        <p className="muted">{t('review.dry.noCatches')}</p>
      ) : (
        <table className="figures" data-testid="dry-catches">
          <thead>
            <tr>
              <th />
              <th className="right">{t('review.dry.current', { version: view.currentVersion })}</th>
              <th className="right">{t('review.dry.candidate')}</th>
            </tr>
          </thead>
          <tbody>
            {view.catches.slice(0, listedMax).map((each, at) => (
              <tr key={`${each.alertId ?? at}`}>
                <td>
                  {formatDayTime(each.at)} {nameOf(each.regionCode)} ·{' '}
                  {each.syndrome ? translateWord(t, 'syndrome', each.syndrome) : (each.alertId ?? '')}
                </td>
                {(['current', 'candidate'] as const).map(side => (
                  <td key={side} className="right">
                    {each[side] === undefined ? (
                      <span className="warn-text">{t('review.dry.missed')}</span>
                    ) : (
                      t(each[side].delayH < 0 ? 'review.dry.early' : 'review.dry.delay', {
                        hours: Math.abs(Math.round(each[side].delayH)),
                      })
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="dry-difference">
        <div>
          <h4>{t('review.dry.gained', { count: view.gained.length })}</h4>
          <AlertRows alerts={view.gained} testId="dry-gained" />
        </div>
        <div>
          <h4>{t('review.dry.lost', { count: view.lost.length })}</h4>
          <AlertRows alerts={view.lost} testId="dry-lost" />
        </div>
      </div>
      {view.notJudged.length > 0 && (
        <p className="muted">{t('review.dry.notJudged', { rules: view.notJudged.join(t('state.listed')) })}</p>
      )}
    </div>
  )
}

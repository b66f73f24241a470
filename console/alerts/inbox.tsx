/**
 * The review board's list: what matters on top (level, overdue verification, the law's own, age), alone or grouped by place,
 * syndrome or rule. Each row says level, rule, county, cases, what it waits for and how long is left to verify it. One list,
 * one roving focus, group heads between.
 */
import { useMemo, useRef, useState } from 'react'
import { findDiseaseById } from '#contract/diseases.ts'
import type { AlertView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseAlert, followChosen, useDesk } from '../shell/desk.ts'
import { formatAge, formatClock, formatDayTime } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Empty, Key, LevelSquare } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import {
  type BoardRow,
  type Grouping,
  groupBoard,
  groupings,
  isLawful,
  isOverdue,
  isUnverified,
  orderBoard,
} from './board-order.ts'

/** Milliseconds before its end from which a clock to verify is amber: half an hour. */
export const verifyWarnMs = 30 * 60_000

/** What is left to verify an alert, or what it waits for instead. */
export function VerifyClock({ alert, now }: { alert: AlertView; now: number }) {
  const { t } = useTexts()
  if (alert.state === 'shelved')
    return (
      <span className="muted">
        {t('review.until', { time: alert.shelvedUntil ? formatDayTime(alert.shelvedUntil) : '—' })}
      </span>
    )
  if (alert.state === 'closing') return <span className="warn-text">{alert.closure?.by ?? ''}</span>
  if (!isUnverified(alert)) {
    return (
      <span className="muted">
        {alert.verification ? translateWord(t, 'alerts.verdict', alert.verification.verdict) : ''}
      </span>
    )
  }
  if (alert.verifyDueAt === undefined) return <span className="muted">{alert.acknowledgedBy ?? ''}</span>
  const leftMs = alert.verifyDueAt - now
  const state = leftMs <= 0 ? 'over' : leftMs < verifyWarnMs ? 'warn' : 'ok'
  return (
    <span className={`clock clock-${state} live`} data-testid={`verify-clock-${alert.alertId}`}>
      {leftMs <= 0
        ? t('review.verifyOver', { time: formatClock(-leftMs) })
        : t('review.verifyLeft', { time: formatClock(leftMs) })}
    </span>
  )
}

/** The name of what a group holds. */
function useGroupNames(by: Grouping, alerts: readonly AlertView[]): (group: string) => string {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  return group => {
    if (by === 'place') return nameOf(group)
    if (by === 'rule') {
      const alert = alerts.find(each => each.ruleId === group)
      return (language === 'zh' ? alert?.ruleName : alert?.ruleNameEn) ?? group
    }
    if (group === '') return t('review.noSyndrome')
    return findDiseaseById(group)?.[language] ?? translateWord(t, 'syndrome', group)
  }
}

/** The list of everything that is not closed. */
export function Inbox({ flashing }: { flashing: string | undefined }) {
  const { t, language } = useTexts()
  const alerts = useWorld(world => world.alerts)
  const alertId = useDesk(desk => desk.alertId)
  const nameOf = useRegionNames(language)
  const now = useSecond()
  const minute = Math.floor(now / 60_000)
  const reach = useRef<GridReach>(null)
  const [by, setBy] = useState<Grouping>('none')
  // Overdue moves a row up: judged once a minute, so that rows do not move under a reader each second.
  const ordered = useMemo(() => orderBoard(alerts.values(), minute * 60_000), [alerts, minute])
  const rows = useMemo(() => groupBoard(ordered, by), [ordered, by])
  const nameOfGroup = useGroupNames(by, ordered)
  useKey('down', () => reach.current?.step(1))
  useKey('up', () => reach.current?.step(-1))
  useKey('group', () => setBy(groupings[(groupings.indexOf(by) + 1) % groupings.length]!))
  const count = (is: (alert: AlertView) => boolean) => ordered.filter(is).length
  const overdue = count(alert => isOverdue(alert, now))
  return (
    <>
      <div className="chips">
        <span className="tag tag-warn">
          {t('alerts.state.open')} {count(alert => alert.state === 'open')}
        </span>
        {overdue > 0 && (
          <span className="tag tag-over" data-testid="overdue-count">
            {t('review.overdue')} {overdue}
          </span>
        )}
        {count(alert => alert.state === 'closing') > 0 && (
          <span className="tag tag-warn">
            {t('alerts.state.closing')} {count(alert => alert.state === 'closing')}
          </span>
        )}
        <span className="tag">
          {t('review.inHand')} {count(alert => alert.state === 'acknowledged' || alert.state === 'verified')}
        </span>
        <label className="chip-label chip-end">
          {t('review.groupBy')}
          <select
            className="chip"
            data-testid="group-by"
            value={by}
            onChange={change => setBy(change.target.value as Grouping)}
          >
            {groupings.map(each => (
              <option key={each} value={each}>
                {t(`review.grouping.${each}`)}
              </option>
            ))}
          </select>
          <Key id="group" />
        </label>
      </div>
      <GridList<BoardRow>
        label={t('alerts.inbox')}
        testId="alert-list"
        className="cols-alerts"
        rowHeightPx={52}
        columns={[
          { id: 'level', title: t('queue.column.level') },
          { id: 'rule', title: t('alerts.inbox') },
          { id: 'state', title: t('review.verifyColumn'), className: 'right' },
        ]}
        rows={rows}
        isHead={row => row.kind === 'head'}
        getKey={row => row.key}
        selectedKey={alertId}
        onSelect={row => row.kind === 'alert' && chooseAlert(row.alert.alertId)}
        onOpen={row => {
          if (row.kind !== 'alert') return
          followChosen()
          // Enter goes into the evidence: its first thing to act on takes the keyboard.
          document.querySelector<HTMLElement>('[data-testid="evidence"]')?.focus()
        }}
        getRowClass={row =>
          row.kind === 'alert'
            ? `${row.alert.state === 'open' ? 'row-open' : 'row-answered'} ${row.alert.state === 'shelved' ? 'row-stale' : ''} ${flashing?.startsWith(`alert:${row.alert.alertId}:`) ? 'flash' : ''}`
            : ''
        }
        renderRow={row =>
          row.kind === 'head' ? (
            <>
              <b>{nameOfGroup(row.group)}</b>
              <span className="muted">{row.count}</span>
            </>
          ) : (
            <AlertRow alert={row.alert} now={now} place={nameOf(row.alert.regionCode)} language={language} />
          )
        }
        reach={reach}
        empty={<Empty text={t('alerts.empty')} />}
      />
    </>
  )
}

function AlertRow(props: { alert: AlertView; now: number; place: string; language: 'zh' | 'en' }) {
  const { t } = useTexts()
  const { alert, now } = props
  return (
    <>
      <span role="gridcell">
        <LevelSquare level={alert.level} word={t(`alertLevel.${alert.level}`)} />
      </span>
      <span role="gridcell" className="two-lines">
        <span className="row-title">
          <b>
            {props.place} · {props.language === 'zh' ? alert.ruleName : alert.ruleNameEn}
          </b>
          {isLawful(alert) && <em className="tag">{t('review.lawful')}</em>}
          {alert.eventId !== undefined && <em className="tag">{t('review.event')}</em>}
        </span>
        <span className="muted">
          {alert.cases > 0 ? `${t('alerts.casesShort', { count: alert.cases })} · ` : ''}
          {t('alerts.independent', { got: alert.independentSources, needed: alert.neededSources })}
          {alert.diseaseId ? ` · ${findDiseaseById(alert.diseaseId)?.[props.language] ?? alert.diseaseId}` : ''}
        </span>
      </span>
      <span role="gridcell" className="two-lines right">
        <span>
          {t(`alerts.state.${alert.state}`)} <small className="muted live">{formatAge(now - alert.raisedAt)}</small>
        </span>
        <VerifyClock alert={alert} now={now} />
      </span>
    </>
  )
}

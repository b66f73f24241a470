/**
 * The inbox of the alert desk: to acknowledge, in hand; within a state the highest level and the oldest first. Each row
 * says level, rule, county, age, and when it escalates if nobody answers. One list, one roving focus, group heads between.
 */
import { useMemo, useRef } from 'react'
import type { AlertView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseAlert, followChosen, useDesk } from '../shell/desk.ts'
import { formatAge, formatClock } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Empty, LevelSquare } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'

/** Alerts that wait for somebody: unacknowledged first, then by level, then oldest. */
export function listInbox(alerts: Iterable<AlertView>): readonly AlertView[] {
  const rank = { open: 0, closing: 1, acknowledged: 2, verified: 3, shelved: 4, closed: 5 } as const
  return [...alerts]
    .filter(alert => alert.state !== 'closed')
    .sort(
      (a, b) =>
        rank[a.state] - rank[b.state] ||
        a.level - b.level ||
        a.raisedAt - b.raisedAt ||
        (a.alertId < b.alertId ? -1 : 1),
    )
}

/** Milliseconds before an escalation from which its timer is amber. */
const escalationWarnMs = 5 * 60_000

function EscalationTimer({ alert, now }: { alert: AlertView; now: number }) {
  const { t } = useTexts()
  if (alert.state !== 'open') return <span className="muted">{alert.acknowledgedBy ?? ''}</span>
  if (alert.nextEscalationAt === undefined) {
    return (
      <span className="warn-text">
        {alert.escalationStep > 0 ? t('alerts.escalated', { step: alert.escalationStep }) : ''}
      </span>
    )
  }
  const leftMs = alert.nextEscalationAt - now
  const state = leftMs <= 0 ? 'over' : leftMs < escalationWarnMs ? 'warn' : 'ok'
  return (
    <span className={`clock clock-${state} live`}>
      {leftMs <= 0 ? t('alerts.escalateNow') : t('alerts.escalates', { time: formatClock(leftMs) })}
    </span>
  )
}

/** The list of unanswered and open alerts. */
export function Inbox({ flashing }: { flashing: string | undefined }) {
  const { t, language } = useTexts()
  const alerts = useWorld(world => world.alerts)
  const alertId = useDesk(desk => desk.alertId)
  const nameOf = useRegionNames(language)
  const now = useSecond()
  const reach = useRef<GridReach>(null)
  const rows = useMemo(() => listInbox(alerts.values()), [alerts])
  useKey('down', () => reach.current?.step(1))
  useKey('up', () => reach.current?.step(-1))
  const openCount = rows.filter(alert => alert.state === 'open').length
  return (
    <>
      <div className="chips">
        <span className="tag tag-warn">
          {t('alerts.state.open')} {openCount}
        </span>
        <span className="tag">
          {t('alerts.state.acknowledged')} {rows.length - openCount}
        </span>
      </div>
      <GridList
        label={t('alerts.inbox')}
        testId="alert-list"
        className="cols-alerts"
        rowHeightPx={52}
        columns={[
          { id: 'level', title: t('queue.column.level') },
          { id: 'rule', title: t('alerts.inbox') },
          { id: 'state', title: '' },
        ]}
        rows={rows}
        getKey={alert => alert.alertId}
        selectedKey={alertId}
        onSelect={alert => chooseAlert(alert.alertId)}
        onOpen={followChosen}
        getRowClass={alert =>
          `${alert.state === 'open' ? 'row-open' : 'row-answered'} ${flashing?.startsWith(`alert:${alert.alertId}:`) ? 'flash' : ''}`
        }
        renderRow={alert => (
          <>
            <span role="gridcell">
              <LevelSquare level={alert.level} word={t(`alertLevel.${alert.level}`)} />
            </span>
            <span role="gridcell" className="two-lines">
              <b>{language === 'zh' ? alert.ruleName : alert.ruleNameEn}</b>
              <span className="muted">
                {nameOf(alert.regionCode)} ·{' '}
                {alert.cases > 0 ? `${t('alerts.casesShort', { count: alert.cases })} · ` : ''}
                {t('alerts.independent', { got: alert.independentSources, needed: alert.neededSources })}
              </span>
            </span>
            <span role="gridcell" className="two-lines right">
              <span>
                {t(`alerts.state.${alert.state}`)}{' '}
                <small className="muted live">{formatAge(now - alert.raisedAt)}</small>
              </span>
              <EscalationTimer alert={alert} now={now} />
            </span>
          </>
        )}
        reach={reach}
        empty={<Empty text={t('alerts.empty')} />}
      />
    </>
  )
}

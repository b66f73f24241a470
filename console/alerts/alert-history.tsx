/** Closed alerts from the tables, newest first, a page at a time; choosing one shows it in the evidence centre. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { AlertView } from '#contract/view.ts'
import { DayField, findDayStart } from '../incidents/closed-list.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { formatDayTime } from '../shell/format.ts'
import { Action, Empty, LevelSquare, ReadState } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'

/** Rows asked for at once. */
export const historyPageMax = 50

type Page = { alerts: AlertView[]; next?: string }

/** The list of closed alerts; `onChoose` is told which one to show. */
export function AlertHistory({
  chosenId,
  onChoose,
}: {
  chosenId: string | undefined
  onChoose: (alert: AlertView) => void
}) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  const [fromDay, setFrom] = useState('')
  const [toDay, setTo] = useState('')
  const filter = { state: 'closed', from: findDayStart(fromDay), to: findDayStart(toDay, 1), limit: historyPageMax }
  const list = useInfiniteQuery({
    queryKey: ['closed-alerts', filter],
    queryFn: ({ pageParam }) => read<Page>(`/v1/alerts${writeQuery({ ...filter, before: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next,
    refetchInterval: 30_000,
  })
  const rows = list.data?.pages.flatMap(page => page.alerts) ?? []
  return (
    <div className="history" data-testid="closed-alerts">
      <div className="chips">
        <DayField label={t('incident.from')} value={fromDay} onChange={setFrom} />
        <DayField label={t('incident.to')} value={toDay} onChange={setTo} />
        <span className="faint chip-note">{t('state.rows', { count: rows.length })}</span>
      </div>
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={rows.length > 0}
        onRetry={() => void list.refetch()}
      />
      {list.data && rows.length === 0 && <Empty text={t('alerts.historyEmpty')} />}
      <div className="history-rows">
        {rows.map(alert => (
          <button
            type="button"
            key={alert.alertId}
            className={`history-row cols-closed-alerts ${chosenId === alert.alertId ? 'grid-row-chosen' : ''}`}
            data-testid={`history-${alert.alertId}`}
            onClick={() => onChoose(alert)}
          >
            <LevelSquare level={alert.level} />
            <span className="two-lines">
              <b>{language === 'zh' ? alert.ruleName : alert.ruleNameEn}</b>
              <span className="muted">
                {nameOf(alert.regionCode)} · {alert.reason ?? ''}
              </span>
            </span>
            <span className="two-lines right">
              <span>{alert.verdict ? translateWord(t, 'alerts.verdict', alert.verdict) : '—'}</span>
              <span className="mono muted">{alert.closedAt ? formatDayTime(alert.closedAt) : '—'}</span>
            </span>
          </button>
        ))}
      </div>
      {list.hasNextPage && (
        <Action
          word={t('alerts.more')}
          testId="alerts-more"
          disabled={list.isFetchingNextPage}
          onAct={() => void list.fetchNextPage()}
        />
      )}
    </div>
  )
}

/**
 * Closed incidents from the tables, newest first, a page at a time: by county and day. Opening one shows what the tables
 * keep of it; the live world holds only what is open and recent.
 */
import { useInfiniteQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { dayMs, getDayStartAt, parseDay } from '#contract/scalars.ts'
import type { IncidentView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatDayTime, shortenId } from '../shell/format.ts'
import { Action, Empty, LevelSquare, ReadState } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'
import { describeComplaint } from './queue.tsx'

/** Rows asked for at once. */
export const closedPageMax = 50

type Page = { incidents: IncidentView[]; next?: string }

/** First instant of a day written YYYY-MM-DD, moved by whole days; undefined for an empty or impossible day. */
export function findDayStart(day: string, moveDays = 0): number | undefined {
  const index = parseDay(day)
  return index === undefined ? undefined : getDayStartAt(index) + moveDays * dayMs
}

/** A day as text, in one form on every browser; a day that is not in the calendar is marked and filters nothing. */
export function DayField(props: { label: string; value: string; onChange: (day: string) => void }) {
  const { t } = useTexts()
  return (
    <label className="chip-label">
      {props.label}
      <input
        className="chip chip-day"
        inputMode="numeric"
        placeholder={t('state.day')}
        maxLength={10}
        value={props.value}
        aria-invalid={props.value !== '' && parseDay(props.value) === undefined}
        onChange={change => props.onChange(change.target.value)}
      />
    </label>
  )
}

/** The list with its filters and the next page. */
export function ClosedList() {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const nameOf = useCountyNames(language)
  const [regionCode, setRegion] = useState('')
  const [fromDay, setFrom] = useState('')
  const [toDay, setTo] = useState('')
  const filter = {
    state: 'closed',
    regionCode,
    from: findDayStart(fromDay),
    to: findDayStart(toDay, 1),
    limit: closedPageMax,
  }
  const list = useInfiniteQuery({
    queryKey: ['closed-incidents', filter],
    queryFn: ({ pageParam }) => read<Page>(`/v1/incidents${writeQuery({ ...filter, before: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next,
    refetchInterval: 30_000,
  })
  const rows = list.data?.pages.flatMap(page => page.incidents) ?? []
  const counties = useMemo(() => [...regions.values()].filter(region => region.level === 'county'), [regions])
  return (
    <div className="history" data-testid="closed-incidents">
      <div className="chips">
        <select
          className="chip"
          value={regionCode}
          aria-label={t('queue.column.where')}
          onChange={change => setRegion(change.target.value)}
        >
          <option value="">{t('queue.allRegions')}</option>
          {counties.map(region => (
            <option key={region.code} value={region.code}>
              {nameOf(region.code)}
            </option>
          ))}
        </select>
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
      {list.data && rows.length === 0 && <Empty text={t('incident.historyEmpty')} />}
      <div className="history-rows">
        {rows.map(incident => (
          <div key={incident.incidentId} className="history-row cols-closed">
            <LevelSquare level={incident.level} />
            <span className="mono">{shortenId(incident.incidentId)}</span>
            <span>{describeComplaint(t, incident)}</span>
            <span className="muted">{nameOf(incident.regionCode)}</span>
            <span>{incident.outcome ? translateWord(t, 'incident.outcome', incident.outcome) : '—'}</span>
            <span className="mono muted right">{incident.closedAt ? formatDayTime(incident.closedAt) : '—'}</span>
          </div>
        ))}
      </div>
      {list.hasNextPage && (
        <Action
          word={t('incident.more')}
          testId="closed-more"
          disabled={list.isFetchingNextPage}
          onAct={() => void list.fetchNextPage()}
        />
      )}
    </div>
  )
}

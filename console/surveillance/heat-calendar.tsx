/**
 * Thirteen months of one series as a calendar: a column a week (Monday to Sunday), a cell a day. A day nobody reported is an
 * empty cell, a reported zero the darkest one; the highest days are the brightest, on the ramp of the map.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import type { CalendarDayView } from '#contract/view.ts'
import { type Translate, useTexts } from '../language/i18n.ts'
import { getCityNow } from '../live/clock.ts'
import { read, writeQuery } from '../live/http.ts'
import { cartography, surfaces } from '../look/palette.ts'
import { Empty, ReadState } from '../shell/parts.tsx'
import { useChart } from './chart.ts'

const look = surfaces.dark
const ramp = [cartography.dark.shadeLow, cartography.dark.shadeHigh, '#8fb4d9', '#e6edf7'] as const
/** Days shown: 56 weeks. */
export const calendarDays = 392
const cellPx = 16

/** What the calendar draws. */
export function buildCalendar(days: readonly CalendarDayView[], fromDay: string, toDay: string, t: Translate) {
  const max = Math.max(1, ...days.map(day => day.count))
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { color: look.muted },
    tooltip: {
      backgroundColor: look.raised,
      borderColor: look.line,
      textStyle: { color: look.text, fontSize: 12 },
      formatter: (mark: unknown) => {
        const [day, count, reporters] = (mark as { value: [string, number, number] }).value
        return t('review.calendarDay', { day, count, reporters })
      },
    },
    visualMap: {
      min: 0,
      max,
      orient: 'horizontal' as const,
      left: 44,
      bottom: 0,
      itemWidth: 10,
      itemHeight: 120,
      text: [String(max), '0'],
      textStyle: { color: look.muted, fontSize: 12 },
      inRange: { color: [...ramp] },
      dimension: 1,
    },
    calendar: {
      range: [fromDay, toDay],
      left: 44,
      right: 12,
      top: 24,
      cellSize: ['auto', cellPx],
      itemStyle: { color: 'transparent', borderColor: look.line, borderWidth: 1 },
      splitLine: { lineStyle: { color: look.faint, width: 1 } },
      yearLabel: { show: false },
      dayLabel: { firstDay: 1, color: look.muted, fontSize: 12, nameMap: t('review.calendarWeek').split(' ') },
      monthLabel: { color: look.muted, fontSize: 12, nameMap: t('review.calendarMonths').split(' ') },
    },
    series: [
      {
        type: 'heatmap' as const,
        coordinateSystem: 'calendar' as const,
        data: days.map(({ day, count, reporters }) => [day, count, reporters]),
      },
    ],
  }
}

/** The calendar of one source, syndrome and region. */
export function HeatCalendar(props: { sourceKind: string; syndrome: string; regionCode: string }) {
  const { t, language } = useTexts()
  const today = getDayIndex(getCityNow())
  const fromDay = formatDay(today - calendarDays + 1)
  const toDay = formatDay(today)
  const history = useQuery({
    queryKey: ['calendar', props.sourceKind, props.syndrome, props.regionCode, toDay],
    queryFn: () =>
      read<{ days: CalendarDayView[] }>(`/v1/surveillance/calendar${writeQuery({ ...props, fromDay, toDay })}`),
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  })
  const days = history.data?.days ?? []
  const { frame, drawn } = useChart(() => buildCalendar(days, fromDay, toDay, t), [history.data, language, toDay])
  return (
    <section className="calendar" data-testid="calendar" data-drawn={drawn} data-days={days.length}>
      <h3>
        {t('review.calendar')} <span className="faint">{t('review.calendarHint')}</span>
      </h3>
      <ReadState
        isLoading={history.isLoading}
        thrown={history.error}
        hasContent={days.length > 0}
        onRetry={() => void history.refetch()}
      />
      {history.data && days.length === 0 && <Empty text={t('review.calendarEmpty')} />}
      <div ref={frame} style={{ height: 24 + 7 * cellPx + 40 }} />
    </section>
  )
}

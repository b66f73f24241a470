/**
 * The epidemic curve: bars of what was reported, the expected line, the band up to the threshold, a mark over every alarm.
 * A period nobody reported is a cross on the axis, a reported zero is a flat bar: the two never look alike. ECharts is
 * loaded when the first curve is shown.
 */
import type { SeriesView } from '#contract/view.ts'
import { type Translate, translateWord, useTexts } from '../language/i18n.ts'
import { surfaces } from '../look/palette.ts'
import { formatFigure, shortenPeriod } from '../shell/format.ts'
import { useChart } from '../surveillance/chart.ts'

const look = surfaces.dark
const barColour = '#8fb4d9'

/** Everything a chart of one series draws, as ECharts wants it. */
export function buildCurve(series: SeriesView, t: Translate) {
  const unit = t(series.period === 'day' ? 'alerts.perDay' : 'alerts.perHour')
  const band = series.threshold.map((threshold, at) => {
    const expected = series.expected[at]
    return threshold === null || expected === null || expected === undefined ? null : Math.max(0, threshold - expected)
  })
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: 'inherit', color: look.muted },
    grid: { left: 44, right: 12, top: 28, bottom: 24 },
    tooltip: {
      trigger: 'axis' as const,
      backgroundColor: look.raised,
      borderColor: look.line,
      textStyle: { color: look.text, fontSize: 12 },
      formatter: (marks: unknown) => {
        const at = (marks as { dataIndex: number }[])[0]?.dataIndex ?? 0
        const value = series.values[at]
        return [
          `${series.periods[at]?.replace('T', ' ')}${series.alarms[at] ? ` · ${t('alerts.alarm')}` : ''}`,
          value === null ? t('alerts.absent') : `${t('alerts.column.observed')} ${formatFigure(value)}`,
          `${t('alerts.expected')} ${formatFigure(series.expected[at])}`,
          `${t('alerts.threshold')} ${formatFigure(series.threshold[at])}`,
        ].join('<br>')
      },
    },
    xAxis: {
      type: 'category' as const,
      data: series.periods.map(shortenPeriod),
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false },
      axisLabel: { color: look.muted, fontSize: 12, hideOverlap: true },
    },
    yAxis: {
      type: 'value' as const,
      name: unit,
      nameTextStyle: { color: look.muted, fontSize: 12, align: 'left' as const, padding: [0, 0, 0, -36] },
      minInterval: 1,
      axisLabel: { color: look.muted, fontSize: 12 },
      splitLine: { lineStyle: { color: look.line, opacity: 0.6 } },
    },
    series: [
      {
        name: t('alerts.expected'),
        type: 'line' as const,
        data: [...series.expected],
        stack: 'band',
        symbol: 'none',
        step: 'middle' as const,
        lineStyle: { color: look.muted, width: 1.5 },
        z: 4,
      },
      {
        name: t('alerts.threshold'),
        type: 'line' as const,
        data: band,
        stack: 'band',
        symbol: 'none',
        step: 'middle' as const,
        lineStyle: { color: look.clockWarn, width: 1.5, type: 'dashed' as const },
        areaStyle: { color: look.muted, opacity: 0.14 },
        z: 3,
      },
      {
        name: t('alerts.column.observed'),
        type: 'bar' as const,
        data: series.values.map((value, at) => ({
          value,
          itemStyle: { color: series.alarms[at] ? look.clockWarn : barColour },
        })),
        barMinHeight: 2,
        barMaxWidth: 18,
        z: 2,
      },
      {
        name: t('alerts.alarm'),
        type: 'scatter' as const,
        symbol: 'triangle',
        symbolRotate: 180,
        symbolSize: 9,
        symbolOffset: [0, -9] as [number, number],
        itemStyle: { color: look.clockWarn },
        data: series.values.map((value, at) => (series.alarms[at] ? (value ?? 0) : null)),
        z: 5,
      },
      {
        name: t('alerts.absent'),
        type: 'scatter' as const,
        symbol: 'path://M0,1L1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5Z',
        symbolSize: 6,
        symbolOffset: [0, -5] as [number, number],
        itemStyle: { color: look.faint },
        data: series.values.map(value => (value === null ? 0 : null)),
        z: 5,
      },
    ],
  }
}

/** One curve with its caption and keys, drawn anew when series or language change. */
export function EpiCurve({
  series,
  regionName,
  heightPx = 210,
}: {
  series: SeriesView
  regionName: string
  heightPx?: number
}) {
  const { t, language } = useTexts()
  const { frame, drawn } = useChart(() => buildCurve(series, t), [series, language])
  const alarms = series.alarms.filter(Boolean).length
  return (
    <figure className="curve" data-testid="curve" data-drawn={drawn}>
      <figcaption>
        <b>
          {t('alerts.curveOf', {
            source: translateWord(t, 'source', series.sourceKind),
            syndrome: translateWord(t, 'syndrome', series.syndrome),
            region: regionName,
          })}
        </b>
        {series.method && <span className="faint">{translateWord(t, 'method', series.method)}</span>}
        <span className="curve-keys">
          <i className="curve-bar" /> {t('alerts.column.observed')}
          <i className="curve-expected" /> {t('alerts.expected')}
          <i className="curve-threshold" /> {t('alerts.threshold')}
          <i className="curve-alarm">▼</i> {t('alerts.alarm')} {alarms}
          <i className="curve-absent">×</i> {t('alerts.absent')}
        </span>
      </figcaption>
      <div ref={frame} style={{ height: heightPx }} />
    </figure>
  )
}

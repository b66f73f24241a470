/**
 * Several series on one time axis, as an ECharts option: what other sources say about the same place and syndrome, day under
 * day. Each has its own height scale and says its own maximum; absence is a gap, never a zero. Pure.
 */
import type { SeriesView } from '#contract/view.ts'
import type { Translate } from '../language/i18n.ts'
import { surfaces } from '../look/palette.ts'
import { formatFigure, shortenPeriod } from '../shell/format.ts'

const look = surfaces.dark
const barColour = '#8fb4d9'
/** Height of one strip and of the axis under the last, px. */
export const stripPx = 64
const axisPx = 22
/** Series drawn together at most: one of each kind of source. */
export const alignedMax = 12

/** Height of the whole drawing, px. */
export function getAlignedHeightPx(count: number): number {
  return Math.min(count, alignedMax) * stripPx + axisPx
}

/** Every period any of the series has, in order: text periods of one kind sort as time does. */
export function joinPeriods(series: readonly Pick<SeriesView, 'periods'>[]): readonly string[] {
  return [...new Set(series.flatMap(each => each.periods))].sort()
}

/** What a chart of strips draws; all series must be of one kind of period. */
export function buildAligned(series: readonly SeriesView[], nameOf: (series: SeriesView) => string, t: Translate) {
  const shown = series.slice(0, alignedMax)
  const periods = joinPeriods(shown)
  const at = shown.map(each => new Map(each.periods.map((period, slot) => [period, slot])))
  const pick = (index: number, from: (series: SeriesView, slot: number) => number | null | undefined) =>
    periods.map(period => {
      const slot = at[index]!.get(period)
      return slot === undefined ? null : (from(shown[index]!, slot) ?? null)
    })
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { color: look.muted },
    axisPointer: { link: [{ xAxisIndex: 'all' }], lineStyle: { color: look.faint } },
    tooltip: {
      trigger: 'axis' as const,
      backgroundColor: look.raised,
      borderColor: look.line,
      textStyle: { color: look.text, fontSize: 12 },
      formatter: (marks: unknown) => {
        const period = periods[(marks as { dataIndex: number }[])[0]?.dataIndex ?? 0]!
        return [
          period.replace('T', ' '),
          ...shown.map((each, index) => {
            const slot = at[index]!.get(period)
            const value = slot === undefined ? null : each.values[slot]
            const expected = slot === undefined ? null : each.expected[slot]
            return value === null || value === undefined
              ? `${nameOf(each)} ${t('alerts.absent')}`
              : `${nameOf(each)} ${formatFigure(value)} (${t('alerts.expected')} ${formatFigure(expected)})`
          }),
        ].join('<br>')
      },
    },
    // Nothing may move a strip aside: a day stands over the same day.
    grid: shown.map((_, index) => ({
      left: 112,
      right: 44,
      top: index * stripPx + 8,
      height: stripPx - 16,
      outerBoundsMode: 'none' as const,
    })),
    xAxis: shown.map((_, index) => ({
      type: 'category' as const,
      gridIndex: index,
      data: periods.map(shortenPeriod),
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false },
      axisLabel: { show: index === shown.length - 1, color: look.muted, fontSize: 12, hideOverlap: true },
    })),
    yAxis: shown.map((each, index) => ({
      type: 'value' as const,
      gridIndex: index,
      name: nameOf(each),
      nameLocation: 'middle' as const,
      nameRotate: 0,
      nameGap: 12,
      nameTextStyle: {
        color: look.text,
        fontSize: 12,
        align: 'right' as const,
        width: 102,
        overflow: 'truncate' as const,
      },
      position: 'left' as const,
      // A strip is low: it is filled to its own highest value.
      max: 'dataMax' as const,
      splitNumber: 1,
      axisLabel: { show: false },
      splitLine: { show: false },
    })),
    series: shown.flatMap((each, index) => {
      const alarms = periods.map(period => {
        const slot = at[index]!.get(period)
        return slot !== undefined && each.alarms[slot] === true
      })
      const values = pick(index, (one, slot) => one.values[slot])
      const newest = values.findLastIndex(value => value !== null)
      return [
        {
          type: 'bar' as const,
          xAxisIndex: index,
          yAxisIndex: index,
          barMinHeight: 1,
          barMaxWidth: 14,
          data: values.map((value, slot) => ({
            value,
            itemStyle: { color: alarms[slot] ? look.clockWarn : barColour },
            // The newest figure stands beside its bar: the one everybody looks for.
            ...(slot === newest
              ? {
                  label: {
                    show: true,
                    position: 'right' as const,
                    distance: 6,
                    color: alarms[slot] ? look.clockWarn : look.text,
                    fontSize: 12,
                    fontWeight: 600 as const,
                    formatter: formatFigure(value),
                  },
                }
              : {}),
          })),
        },
        {
          type: 'line' as const,
          xAxisIndex: index,
          yAxisIndex: index,
          data: pick(index, (one, slot) => one.expected[slot]),
          symbol: 'none',
          step: 'middle' as const,
          lineStyle: { color: look.muted, width: 1.2 },
        },
        {
          type: 'line' as const,
          xAxisIndex: index,
          yAxisIndex: index,
          data: pick(index, (one, slot) => one.threshold[slot]),
          symbol: 'none',
          step: 'middle' as const,
          lineStyle: { color: look.clockWarn, width: 1.2, type: 'dashed' as const },
        },
      ]
    }),
  }
}

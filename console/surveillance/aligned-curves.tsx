/** The strips of aligned.ts on the screen, with what the marks mean; of every source the newest figure stands at the right. */
import type { SeriesView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { buildAligned, getAlignedHeightPx } from './aligned.ts'
import { useChart } from './chart.ts'

/** Strips of the series given, one under the other on one axis of days. */
export function AlignedCurves({ series, testId }: { series: readonly SeriesView[]; testId: string }) {
  const { t, language } = useTexts()
  const { frame, drawn } = useChart(
    () => buildAligned(series, each => translateWord(t, 'source', each.sourceKind), t),
    [series, language],
  )
  return (
    <figure className="curve" data-testid={testId} data-drawn={drawn}>
      <figcaption>
        <span className="curve-keys">
          <i className="curve-bar" /> {t('alerts.column.observed')}
          <i className="curve-expected" /> {t('alerts.expected')}
          <i className="curve-threshold" /> {t('alerts.threshold')}
          <i className="curve-alarm">■</i> {t('alerts.alarm')}
        </span>
      </figcaption>
      <div ref={frame} style={{ height: getAlignedHeightPx(series.length) }} />
    </figure>
  )
}

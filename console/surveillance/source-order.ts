/** What is wrong with a source of counts, and which to look at first: pure, from what GET /v1/sources/health says. */
import type { SourceHealthView } from '#contract/view.ts'

/** Below this share of due periods a source is called incomplete; above this share of late ones it is called late. */
export const completenessMin = 0.85
export const lateShareMax = 0.25

export const troubles = ['silent', 'volume', 'incomplete', 'late'] as const
export type Trouble = (typeof troubles)[number]

/** Everything that is wrong with a source, the worst first; empty when it can be relied on. */
export function listTroubles(source: SourceHealthView): readonly Trouble[] {
  return [
    ...(source.silentSince === undefined ? [] : ['silent' as const]),
    ...(source.volumeChanged ? ['volume' as const] : []),
    ...(source.completeness < completenessMin ? ['incomplete' as const] : []),
    ...((source.lateShare ?? 0) > lateShareMax ? ['late' as const] : []),
  ]
}

/** Sources by what is wrong with them: silent longest first, then the other troubles, then by name. */
export function orderSources(sources: readonly SourceHealthView[]): readonly SourceHealthView[] {
  const rank = (source: SourceHealthView) => {
    const worst = listTroubles(source)[0]
    return worst === undefined ? troubles.length : troubles.indexOf(worst)
  }
  return [...sources].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.silentSince ?? 0) - (b.silentSince ?? 0) ||
      a.completeness - b.completeness ||
      (`${a.facilityId}${a.sourceKind}` < `${b.facilityId}${b.sourceKind}` ? -1 : 1),
  )
}

/** Recent volume over the usual one; undefined when one of them is unknown or nothing is usual. */
export function findVolumeRatio(source: SourceHealthView): number | undefined {
  if (source.recentMean === undefined || source.usualMean === undefined || source.usualMean === 0) return undefined
  return source.recentMean / source.usualMean
}

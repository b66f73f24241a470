/**
 * Leaf: what every condition of a rule has in common: its name, the period it judges, the region it is judged in. Part of
 * `detect/`, pure. Equal leaves of several rules share one name and so one signal.
 */
import type { LeafCondition, Rule } from '#contract/rule.ts'
import { formatDay, getDayStartAt, getHourStartAt, hourMs } from '#contract/scalars.ts'
import type { Series, Signal, World } from '../state/world.ts'

/** Ids named in one signal at most. */
export const subjectsMax = 20

/** Names a leaf with all its parameters: equal leaves of several rules share one signal. */
export function getLeafKey(rule: Rule, leaf: LeafCondition): string {
  switch (leaf.type) {
    case 'detector':
      return `${leaf.method}(${leaf.baseline},${leaf.minSigma},${leaf.minCount}${leaf.proportion ? ',%' : ''}${leaf.adjust === 'calendar' ? ',calendar' : ''}${leaf.alpha === undefined ? '' : `,α${leaf.alpha}`})|${leaf.sourceKind}|${leaf.syndrome}|${leaf.period}`
    case 'count':
      return `count≥${leaf.min}/${rule.windowH}h|${leaf.sourceKind}|${leaf.syndrome}|${leaf.period}`
    case 'card':
      return `card≥${leaf.min}/${rule.windowH}h|${leaf.diseaseIds.join('+')}`
    case 'unit-silence':
      // By rule: a change of the silent units is told to each rule, and the first to look must not hide it from the next.
      return `unit-silence(${leaf.onTaskS},${leaf.idleS})/${rule.ruleId}`
    case 'tick-gap':
      return `tick-gap(${leaf.minGapS})`
    case 'found':
      return `${leaf.method}|${leaf.sourceKind}|${leaf.syndrome}`
    case 'place-cluster':
      return `place-cluster≥${leaf.min}${leaf.minDeaths === undefined ? '' : `,†${leaf.minDeaths}`}/${leaf.windowDays}d|${leaf.diseaseIds.join('+')}`
    case 'place-count':
      return `place-count≥${leaf.min}/${leaf.windowDays}d|${leaf.sourceKind}|${leaf.syndrome}`
    case 'combined-p':
      return `${leaf.method}(${leaf.baseline},${leaf.minSources},${leaf.alpha},${leaf.minCount}${leaf.adjust === 'calendar' ? ',calendar' : ''})|${leaf.sourceKinds.join('+')}|${leaf.syndrome}`
    case 'ratio':
      return `ratio(${leaf.factor},${leaf.years},${leaf.minCases},${leaf.alpha})|${leaf.diseaseId}`
    case 'source-silence':
      // By rule, as for units: see above.
      return `source-silence(${leaf.graceH},${leaf.regularDays},${leaf.regularShare})|${leaf.sourceKinds.join('+')}/${rule.ruleId}`
  }
}

/** Key of a leaf's signal in a region. */
export function getSignalKey(leafKey: string, regionCode: string): string {
  return `${leafKey}@${regionCode}`
}

/** A slot of a series as a period text. */
export function describePeriod(series: Pick<Series, 'period'>, index: number): string {
  if (series.period === 'day') return formatDay(index)
  return `${formatDay(Math.floor(index / 24))}T${String(index % 24).padStart(2, '0')}`
}

/** End of a period, epoch ms. */
export function getPeriodEndAt(series: Pick<Series, 'period'>, index: number): number {
  return series.period === 'day' ? getDayStartAt(index + 1) : getHourStartAt(index + 1)
}

/** A day's figures are usual during the day after, an hour's for six hours; what comes later is marked late. */
const lateAfterMs = { day: 24 * hourMs, hour: 6 * hourMs } as const

export function isLate(world: World, series: Pick<Series, 'period'>, index: number): boolean {
  return world.city.now - getPeriodEndAt(series, index) > lateAfterMs[series.period]
}

/** Region of a rule's level that contains a code; the code itself when the tree does not know it. */
export function findScope(world: World, regionCode: string, rule: Pick<Rule, 'regionLevel'>): string | undefined {
  let at: string | undefined = regionCode
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (!region) return world.regions.size === 0 ? regionCode : undefined
    if (region.level === rule.regionLevel) return at
    at = region.parentCode
  }
  return undefined
}

/** A signal without the key it will be held under. */
export type Judged = Omit<Signal, 'key'>

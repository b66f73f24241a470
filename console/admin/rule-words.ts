/** A rule in words with every parameter, for people who must be able to check what the machine obeys. Pure. */
import { type LeafCondition, listLeaves, type Rule } from '#contract/rule.ts'
import type { Translate } from '../language/i18n.ts'
import { formatClock } from '../shell/format.ts'

/** One condition in words with every parameter. */
export function describeLeaf(leaf: LeafCondition, t: Translate): string {
  switch (leaf.type) {
    case 'detector':
      return t('admin.leafDetector', {
        source: t(`source.${leaf.sourceKind}`),
        syndrome: t(`syndrome.${leaf.syndrome}`),
        period: t(leaf.period === 'day' ? 'admin.periodDay' : 'admin.periodHour'),
        method: t(`method.${leaf.method}`),
        baseline: leaf.baseline,
        minSigma: leaf.minSigma,
        minCount: leaf.minCount,
        proportion: `${leaf.proportion ? t('admin.leafProportion') : ''}${leaf.adjust === 'calendar' ? t('ruleLeaf.adjusted') : ''}${leaf.alpha === undefined ? '' : t('ruleLeaf.alpha', { alpha: leaf.alpha })}`,
      })
    case 'count':
      return t('admin.leafCount', {
        source: t(`source.${leaf.sourceKind}`),
        syndrome: t(`syndrome.${leaf.syndrome}`),
        period: t(leaf.period === 'day' ? 'admin.periodDay' : 'admin.periodHour'),
        min: leaf.min,
      })
    case 'card':
      return t('admin.leafCard', { diseases: leaf.diseaseIds.join(t('state.listed')), min: leaf.min })
    case 'unit-silence':
      return t('admin.leafSilence', { onTask: leaf.onTaskS, idle: leaf.idleS })
    case 'tick-gap':
      return t('admin.leafTick', { min: leaf.minGapS })
    case 'found':
      return t('ruleLeaf.found', {
        method: leaf.method,
        source: t(`source.${leaf.sourceKind}`),
        syndrome: t(`syndrome.${leaf.syndrome}`),
        limit: `${leaf.maxP === undefined ? '' : t('ruleLeaf.maxP', { p: leaf.maxP })}${leaf.minRecurrenceDays === undefined ? '' : t('ruleLeaf.minRecurrence', { days: leaf.minRecurrenceDays })}`,
      })
    case 'place-cluster':
      return t('ruleLeaf.placeCluster', {
        diseases: leaf.diseaseIds.join(t('state.listed')),
        days: leaf.windowDays,
        min: leaf.min,
        deaths: leaf.minDeaths === undefined ? '' : t('ruleLeaf.deaths', { min: leaf.minDeaths }),
      })
    case 'place-count':
      return t('ruleLeaf.placeCount', {
        source: t(`source.${leaf.sourceKind}`),
        syndrome: t(`syndrome.${leaf.syndrome}`),
        days: leaf.windowDays,
        min: leaf.min,
      })
    case 'combined-p':
      return t('ruleLeaf.combined', {
        method: t(`ruleLeaf.${leaf.method}`),
        sources: leaf.sourceKinds.map(kind => t(`source.${kind}`)).join(t('state.listed')),
        syndrome: t(`syndrome.${leaf.syndrome}`),
        baseline: leaf.baseline,
        least: leaf.minSources,
        alpha: leaf.alpha,
        min: leaf.minCount,
        adjusted: leaf.adjust === 'calendar' ? t('ruleLeaf.adjusted') : '',
      })
    case 'ratio':
      return t('ruleLeaf.ratio', {
        disease: leaf.diseaseId,
        factor: leaf.factor,
        years: leaf.years,
        min: leaf.minCases,
        alpha: leaf.alpha,
      })
    case 'source-silence':
      return t('ruleLeaf.sourceSilence', {
        sources: leaf.sourceKinds.map(kind => t(`source.${kind}`)).join(t('state.listed')),
        hours: leaf.graceH,
        days: leaf.regularDays,
        share: Math.round(leaf.regularShare * 100),
      })
  }
}

export type RuleWords = {
  joint: string | undefined
  leaves: readonly string[]
  window: string
  minCases: string | undefined
  tells: readonly string[]
}

/** Describes a rule: how its conditions join, each condition, its window, its least number of cases and who is told when. */
export function describeRule(rule: Rule, t: Translate): RuleWords {
  const { when } = rule
  const joint =
    when.type === 'allOf'
      ? t('admin.allOf')
      : when.type === 'anyOf'
        ? t('admin.anyOf')
        : when.type === 'kOf'
          ? t('admin.kOf', { k: when.k })
          : undefined
  return {
    joint,
    leaves: listLeaves(rule).map(leaf => describeLeaf(leaf, t)),
    window: t('admin.ruleWindow', { hours: rule.windowH, level: t(`regionLevel.${rule.regionLevel}`) }),
    minCases: rule.minCases > 0 ? t('admin.ruleMinCases', { count: rule.minCases }) : undefined,
    tells: rule.escalation.map(step =>
      t('admin.ruleStep', {
        role: t(`role.${step.role}`),
        after: step.afterS === 0 ? t('admin.atOnce') : t('admin.after', { time: formatClock(step.afterS * 1_000) }),
      }),
    ),
  }
}

/** A rule in words with every parameter, for people who must be able to check what the machine obeys. Pure. */
import { type LeafCondition, listLeaves, type Rule } from '#contract/rule.ts'
import type { Translate } from '../language/i18n.ts'
import { formatClock } from '../shell/format.ts'

function describeLeaf(leaf: LeafCondition, t: Translate): string {
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
        proportion: leaf.proportion ? t('admin.leafProportion') : '',
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

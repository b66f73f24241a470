/**
 * Why an alert fired, in sentences and figures: pure, from the alert alone, so that the same words stand on the screen, on
 * paper and in a test. Needs only a translator and the names of regions.
 */
import type { AlertView, EvidenceView } from '#contract/view.ts'
import type { Translate } from '../language/i18n.ts'
import { formatFigure } from '../shell/format.ts'

export type Why = {
  rule: string
  sources: string
  cases: string
  lines: readonly { text: string; ratio: string | undefined; late: boolean; method: string }[]
}

/** Lists the independent kinds of source behind an alert, each once, in the order they fired. */
export function listSourceKinds(alert: Pick<AlertView, 'evidence'>): readonly string[] {
  return [...new Set(alert.evidence.map(each => each.sourceKind).filter(kind => kind !== undefined))]
}

/** Observed over expected, one decimal; undefined when nothing was expected or no expectation exists. */
export function findRatio(evidence: Pick<EvidenceView, 'observed' | 'expected'>): string | undefined {
  if (evidence.expected === undefined || evidence.expected <= 0) return undefined
  const ratio = evidence.observed / evidence.expected
  return ratio >= 1.05 ? ratio.toFixed(1) : undefined
}

function explainLine(evidence: EvidenceView, t: Translate, nameOf: (code: string) => string): string {
  const values = {
    source: evidence.sourceKind ? t(`source.${evidence.sourceKind}`) : '—',
    syndrome: evidence.syndrome ? t(`syndrome.${evidence.syndrome}`) : '—',
    period: evidence.period.replace('T', ' '),
    observed: formatFigure(evidence.observed),
    expected: formatFigure(evidence.expected),
    threshold: formatFigure(evidence.threshold),
    region: nameOf(evidence.regionCode),
    subjects: evidence.subjects.join(t('state.listed')) || '—',
  }
  if (evidence.method === 'card') return t('alerts.lineCard', values)
  if (evidence.method === 'unit-silence') return t('alerts.lineSilence', values)
  if (evidence.method === 'tick-gap') return t('alerts.lineTick', values)
  return t(evidence.method === 'count' ? 'alerts.lineCount' : 'alerts.line', values)
}

/** Explains an alert: the rule that holds, how many kinds of source it needed and got, and each source's figures. */
export function explainAlert(
  alert: AlertView,
  t: Translate,
  nameOf: (code: string) => string,
  language: 'zh' | 'en',
): Why {
  const kinds = listSourceKinds(alert)
  return {
    rule: t('alerts.whyRule', {
      rule: language === 'zh' ? alert.ruleName : alert.ruleNameEn,
      version: alert.ruleVersion,
      region: nameOf(alert.regionCode),
    }),
    sources:
      alert.neededSources > 1
        ? t('alerts.whySources', {
            needed: alert.neededSources,
            got: alert.independentSources,
            sources: kinds.map(kind => t(`source.${kind}`)).join(t('state.listed')) || '—',
          })
        : t('alerts.whySingle'),
    cases: alert.cases > 0 ? t('alerts.whyCases', { count: alert.cases }) : t('alerts.whyCasesNone'),
    lines: alert.evidence.map(evidence => ({
      text: explainLine(evidence, t, nameOf),
      ratio: findRatio(evidence),
      late: evidence.late,
      method: evidence.method,
    })),
  }
}

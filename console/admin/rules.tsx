/** The published rules, read only, each with all its parameters in words. */
import { useQuery } from '@tanstack/react-query'
import type { Rule } from '#contract/rule.ts'
import { useTexts } from '../language/i18n.ts'
import { read } from '../live/http.ts'
import { Empty, LevelSquare, ReadState } from '../shell/parts.tsx'
import { describeRule } from './rule-words.ts'

/** The list of published rules. */
export function Rules() {
  const { t, language } = useTexts()
  const list = useQuery({ queryKey: ['rules'], queryFn: () => read<{ version: number; rules: Rule[] }>('/v1/rules') })
  const rules = list.data?.rules ?? []
  return (
    <div data-testid="rules">
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={rules.length > 0}
        onRetry={() => void list.refetch()}
      />
      {list.data && rules.length === 0 && <Empty text={t('admin.rulesEmpty')} />}
      {rules.map(rule => {
        const words = describeRule(rule, t)
        return (
          <article key={rule.ruleId} className={`rule ${rule.enabled ? '' : 'rule-off'}`}>
            <header>
              <LevelSquare level={rule.level} word={t(`alertLevel.${rule.level}`)} />
              <b>{language === 'zh' ? rule.name : rule.nameEn}</b>
              <span className="mono faint">
                {rule.ruleId} v{rule.version}
              </span>
              <span className="tag">{t(rule.enabled ? 'admin.ruleOn' : 'admin.ruleOff')}</span>
            </header>
            <p>
              {words.joint ?? t('admin.ruleWhen')}
              <span className="muted"> {words.window}</span>
              {words.minCases && <span className="muted"> · {words.minCases}</span>}
            </p>
            <ul>
              {words.leaves.map(leaf => (
                <li key={leaf}>{leaf}</li>
              ))}
            </ul>
            <p className="muted">
              {t('admin.ruleEscalation')}
              {t('state.colon')}
              {words.tells.join(t('state.listed'))}
            </p>
            <p className="muted">
              {t('alerts.basis')}
              {t('state.colon')}
              {rule.basis}
            </p>
          </article>
        )
      })}
    </div>
  )
}

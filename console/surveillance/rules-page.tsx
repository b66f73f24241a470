/**
 * Rules of detection for who answers their alerts: the list in force, one rule as a form, what differs, what the draft would have
 * cost and caught over a past period, then its publication, and the history of who published what. A draft lives on this
 * screen alone and is published only after its own dry run was read.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { DryRunView } from '#contract/dry-run.ts'
import { isStatutory, listLeaves, type Rule } from '#contract/rule.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import { describeRule } from '../admin/rule-words.ts'
import { useTexts } from '../language/i18n.ts'
import { getCityNow } from '../live/clock.ts'
import { say } from '../live/commands.ts'
import { ask, type Refusal, read } from '../live/http.ts'
import { useRole } from '../shell/desk.ts'
import { formatCityDay, formatTime } from '../shell/format.ts'
import { GridList } from '../shell/grid-list.tsx'
import { Action, Empty, LevelSquare, Panel, ReadState, RefusalNote, SentNote } from '../shell/parts.tsx'
import { DryRunResult } from './dry-run.tsx'
import { Pick } from './pick.tsx'
import { createRule, type Difference, listDifferences, listFaults, nameField, replaceRule } from './rule-draft.ts'
import { RuleForm } from './rule-form.tsx'
import './surveillance.css'

type Answer = { version: number; rules: Rule[] }
type Change = { ruleId: string; what: 'added' | 'changed' | 'removed'; before?: Rule; after?: Rule }
type Publication = { seq: number; loggedAt: number; by?: string; version: number; changes: Change[] }

/** Subject under which the outcome of a publication stays on the screen. */
const subject = 'rules'
/** Periods of a dry run offered, in days. */
const spans = [28, 91, 182, 364] as const

/** True for a rule an epidemiologist may change: about health and not the law's. */
export function isEditableRule(rule: Rule): boolean {
  return !isStatutory(rule) && !listLeaves(rule).every(leaf => leaf.type === 'unit-silence' || leaf.type === 'tick-gap')
}

/** The page. */
export function RulesPage() {
  const { t, language } = useTexts()
  const queries = useQueryClient()
  const edits = useRole('epidemiologist')
  const [chosen, setChosen] = useState<string>()
  const [draft, setDraft] = useState<Rule>()
  const [side, setSide] = useState<'dry' | 'history'>('dry')
  const [span, setSpan] = useState<number>(91)
  const [dry, setDry] = useState<{ of: string; view: DryRunView }>()
  const [running, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Refusal>()
  const [published, setPublished] = useState<string>()
  const list = useQuery({ queryKey: ['rules'], queryFn: () => read<Answer>('/v1/rules') })
  const rules = list.data?.rules ?? []
  const current = rules.find(rule => rule.ruleId === (draft?.ruleId ?? chosen))
  const differences = draft ? listDifferences(current, draft) : []
  const faults = draft && differences.length > 0 ? listFaults(draft, t) : []
  const wish = draft ? JSON.stringify([draft, span]) : ''
  const isJudged = dry !== undefined && dry.of === wish
  useEffect(() => {
    setRefusal(undefined)
    setPublished(undefined)
  }, [chosen])

  const choose = (rule: Rule) => {
    setChosen(rule.ruleId)
    setDraft(undefined)
    setDry(undefined)
  }
  const runDry = async () => {
    if (!draft) return
    setRunning(true)
    setRefusal(undefined)
    // A day still running has not been received yet: the period ends with yesterday.
    const today = getDayIndex(getCityNow()) - 1
    const answer = await ask<DryRunView>(
      'POST',
      '/v1/rules/dry-run',
      { rules: replaceRule(rules, draft), fromDay: formatDay(today - span + 1), untilDay: formatDay(today) },
      dryRunLimitMs,
    )
    setRunning(false)
    if (answer.ok) setDry({ of: wish, view: answer.value })
    else setRefusal(answer.refusal)
  }
  const publish = async () => {
    if (!draft || !list.data || !isJudged || faults.length > 0) return
    const version = list.data.version + 1
    const refused = await say(subject, 'rule.published', { version, rules: [...replaceRule(rules, draft)] })
    await queries.invalidateQueries({ queryKey: ['rules'] })
    void queries.invalidateQueries({ queryKey: ['rules-history'] })
    if (refused) return
    setPublished(t('review.published', { version, rule: draft.name }))
    setChosen(draft.ruleId)
    setDraft(undefined)
    setDry(undefined)
    setSide('history')
  }
  const nameOf = (rule: Rule) => (language === 'zh' ? rule.name : rule.nameEn)
  return (
    <main className="desk desk-rules" data-testid="page-rules">
      <Panel
        title={t('admin.rules')}
        testId="rules-list"
        count={list.data && t('review.rulesInForce', { version: list.data.version, count: rules.length })}
        tools={
          edits && (
            <Action
              word={t('review.ruleNew')}
              testId="rule-new"
              onAct={() => {
                setChosen(undefined)
                setDry(undefined)
                setDraft(createRule(`local-${formatCityDay(getCityNow()).replaceAll('-', '')}-${rules.length + 1}`))
              }}
            />
          )
        }
      >
        <ReadState
          isLoading={list.isLoading}
          thrown={list.error}
          hasContent={rules.length > 0}
          onRetry={() => void list.refetch()}
        />
        <GridList
          label={t('admin.rules')}
          testId="rule-rows"
          className="cols-rules"
          rowHeightPx={48}
          columns={[
            { id: 'level', title: t('queue.column.level') },
            { id: 'name', title: t('admin.rules') },
            { id: 'state', title: '' },
          ]}
          rows={rules}
          getKey={rule => rule.ruleId}
          selectedKey={draft?.ruleId ?? chosen}
          onSelect={choose}
          renderRow={rule => (
            <>
              <span role="gridcell">
                <LevelSquare level={rule.level} word={t(`alertLevel.${rule.level}`)} />
              </span>
              <span role="gridcell" className="two-lines">
                <b>{nameOf(rule)}</b>
                <span className="muted mono">
                  {rule.ruleId} v{rule.version}
                </span>
              </span>
              <span role="gridcell" className="two-lines right">
                <span className={rule.enabled ? '' : 'warn-text'}>
                  {t(rule.enabled ? 'admin.ruleOn' : 'admin.ruleOff')}
                </span>
                <span className="muted">{isEditableRule(rule) ? '' : t('review.ruleKept')}</span>
              </span>
            </>
          )}
          empty={<Empty text={t('admin.rulesEmpty')} />}
        />
      </Panel>
      <Panel
        title={draft ? t('review.draftOf', { rule: draft.name }) : current ? nameOf(current) : t('review.ruleNone')}
        testId="rule-panel"
        count={draft && <em className="tag tag-warn">{t('review.draft')}</em>}
        tools={
          draft ? (
            <Action
              word={t('review.draftDrop')}
              testId="draft-drop"
              onAct={() => {
                setDraft(undefined)
                setDry(undefined)
              }}
            />
          ) : (
            current &&
            edits &&
            isEditableRule(current) && (
              <Action word={t('review.ruleEdit')} testId="rule-edit" primary onAct={() => setDraft(current)} />
            )
          )
        }
      >
        <div className="rule-body">
          {published && (
            <p className="done-note" role="status" data-testid="published">
              {published}
            </p>
          )}
          <SentNote subject={subject} />
          {!draft && !current && <Empty text={t('review.ruleNone')} hint={t('review.ruleNoneHint')} />}
          {!draft && current && <RuleText rule={current} />}
          {draft && <RuleForm rule={draft} onChange={setDraft} />}
          {draft && faults.length > 0 && (
            <ul className="faults" role="alert" data-testid="rule-faults">
              {faults.map(fault => (
                <li key={`${fault.path}-${fault.text}`}>{fault.text}</li>
              ))}
            </ul>
          )}
          {draft && (
            <section className="block">
              <h3>{t('review.differences', { count: differences.length })}</h3>
              <Differences differences={differences} />
            </section>
          )}
        </div>
      </Panel>
      <Panel
        title={t(side === 'dry' ? 'review.dry.title' : 'review.history')}
        testId="rule-side"
        tools={
          <>
            <Action
              word={t('review.dry.title')}
              testId="rule-side-dry"
              pressed={side === 'dry'}
              onAct={() => setSide('dry')}
            />
            <Action
              word={t('review.history')}
              testId="rule-side-history"
              pressed={side === 'history'}
              onAct={() => setSide('history')}
            />
          </>
        }
      >
        {side === 'dry' ? (
          <div className="rule-body">
            <div className="picks picks-low">
              <Pick
                label={t('review.dry.period')}
                testId="dry-span"
                value={String(span)}
                options={spans.map(days => [String(days), t('review.dry.days', { days })])}
                onPick={value => setSpan(Number(value))}
              />
              <div className="pick-buttons">
                <Action
                  word={t(running ? 'review.dry.running' : 'review.dry.run')}
                  testId="dry-run-start"
                  primary={!isJudged}
                  disabled={!draft || differences.length === 0 || faults.length > 0 || running}
                  onAct={() => void runDry()}
                />
                <Action
                  word={t('review.publish')}
                  testId="rule-publish"
                  primary={isJudged}
                  disabled={!draft || !isJudged || faults.length > 0 || running}
                  onAct={() => void publish()}
                />
              </div>
            </div>
            {refusal && <RefusalNote refusal={refusal} onDismiss={() => setRefusal(undefined)} />}
            {!draft && <Empty text={t('review.dry.empty')} hint={t('review.dry.emptyHint')} />}
            {draft && dry === undefined && !running && <Empty text={t('review.dry.none')} />}
            {draft && dry && !isJudged && <p className="dry-stale">{t('review.dry.stale')}</p>}
            {draft && dry && <DryRunResult view={dry.view} />}
          </div>
        ) : (
          <RuleHistory />
        )}
      </Panel>
    </main>
  )
}

/** Milliseconds a dry run may take before the screen stops waiting: a year of entries is folded anew. */
const dryRunLimitMs = 120_000

/** A rule in words, with every parameter. */
function RuleText({ rule }: { rule: Rule }) {
  const { t } = useTexts()
  const words = describeRule(rule, t)
  return (
    <article className="block">
      <p>
        {words.joint ?? t('admin.ruleWhen')} <span className="muted">{words.window}</span>
        {words.minCases && <span className="muted"> · {words.minCases}</span>}
      </p>
      <ul className="why">
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
      {!isEditableRule(rule) && <p className="faint">{t('review.ruleKeptWhy')}</p>}
    </article>
  )
}

function Differences({ differences }: { differences: readonly Difference[] }) {
  const { t } = useTexts()
  if (differences.length === 0) return <p className="muted">{t('review.noDifference')}</p>
  const where = (field: string) => {
    const leaf = /^when\.of\.(\d+)\./.exec(field)?.[1]
    return leaf === undefined ? '' : `${t('review.leafNo', { no: Number(leaf) + 1 })} · `
  }
  return (
    <table className="figures" data-testid="rule-diff">
      <tbody>
        {differences.map(({ field, before, after }) => (
          <tr key={field}>
            <td>
              {where(field)}
              {nameField(field, t)}
            </td>
            <td className="right diff-before">{before || '—'}</td>
            <td className="diff-after">→ {after || '—'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Who published what, newest first. */
export function RuleHistory() {
  const { t, language } = useTexts()
  const history = useQuery({
    queryKey: ['rules-history'],
    queryFn: () => read<{ publications: Publication[] }>('/v1/rules/history'),
  })
  const rows = history.data?.publications ?? []
  return (
    <div className="rule-body" data-testid="rule-history">
      <ReadState
        isLoading={history.isLoading}
        thrown={history.error}
        hasContent={rows.length > 0}
        onRetry={() => void history.refetch()}
      />
      {rows.map(row => (
        <section key={row.seq} className="block">
          <h3>
            {t('review.publication', { version: row.version })}
            <span className="faint">
              {formatCityDay(row.loggedAt)} {formatTime(row.loggedAt)}
            </span>
            <span className="block-tools muted">{row.by ?? t('review.byHouse')}</span>
          </h3>
          {row.changes.length === 0 && <p className="muted">{t('review.noDifference')}</p>}
          {row.changes.slice(0, 20).map(change => {
            const rule = change.after ?? change.before
            return (
              <details key={change.ruleId} open={row === rows[0] && change.what === 'changed'}>
                <summary>
                  <em className="tag">{t(`review.change.${change.what}`)}</em>{' '}
                  {rule && (language === 'zh' ? rule.name : rule.nameEn)}{' '}
                  <span className="mono faint">{change.ruleId}</span>
                </summary>
                {change.what === 'changed' && (
                  <Differences differences={listDifferences(change.before, change.after)} />
                )}
              </details>
            )
          })}
        </section>
      ))}
    </div>
  )
}

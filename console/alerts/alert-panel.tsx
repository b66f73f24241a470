/**
 * The evidence centre: why an alert fired in words and figures, the sources side by side, the epidemic curves behind it,
 * and what a person does about it. An alert that lives in the tables only (closed long ago) is shown the same way.
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { Rule } from '#contract/rule.ts'
import type { AlertView, SeriesView } from '#contract/view.ts'
import { describeRule } from '../admin/rule-words.ts'
import { subjectOf } from '../incidents/actions.ts'
import { PersonPart } from '../incidents/person.tsx'
import { Timeline } from '../incidents/timeline.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { dismissSent } from '../live/commands.ts'
import { read } from '../live/http.ts'
import { chooseAlert, followChosen, useDesk, useRole } from '../shell/desk.ts'
import { formatAge, formatDayTime, formatFigure } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel, PrintLine, ReadState, SentNote } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { acknowledgeAlert, closeAlert, noteAlert } from './actions.ts'
import { EpiCurve } from './epi-curve.tsx'
import { explainAlert } from './why.ts'

const verdicts = ['confirmed', 'noise', 'false'] as const

function Sources({ alert }: { alert: AlertView }) {
  const { t } = useTexts()
  return (
    <table className="figures" data-testid="sources">
      <thead>
        <tr>
          <th>{t('alerts.column.source')}</th>
          <th>{t('alerts.column.period')}</th>
          <th className="right">{t('alerts.column.observed')}</th>
          <th className="right">{t('alerts.column.expected')}</th>
          <th className="right">{t('alerts.column.threshold')}</th>
          <th className="right">{t('alerts.column.statistic')}</th>
          <th>{t('alerts.column.method')}</th>
        </tr>
      </thead>
      <tbody>
        {alert.evidence.map((each, at) => (
          <tr key={`${each.method}-${each.period}-${at}`}>
            <td>
              {each.sourceKind ? translateWord(t, 'source', each.sourceKind) : translateWord(t, 'method', each.method)}
              {each.late && <em className="tag">{t('alerts.late')}</em>}
            </td>
            <td className="mono">{each.period.slice(5).replace('T', ' ')}</td>
            <td className="right">
              <b>{formatFigure(each.observed)}</b>
            </td>
            <td className="right">{formatFigure(each.expected)}</td>
            <td className="right">{formatFigure(each.threshold)}</td>
            <td className="right">{formatFigure(each.statistic)}</td>
            <td className="muted">{translateWord(t, 'method', each.method)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The rule behind an alert with all its parameters, for whoever must judge whether it was right to fire. */
function RulePart({ alert }: { alert: AlertView }) {
  const { t } = useTexts()
  const allowed = useRole('epidemiologist', 'shift-leader', 'administrator', 'auditor')
  const list = useQuery({
    queryKey: ['rules'],
    queryFn: () => read<{ rules: Rule[] }>('/v1/rules'),
    enabled: allowed,
    staleTime: 300_000,
  })
  const rule = list.data?.rules.find(each => each.ruleId === alert.ruleId)
  if (!rule) return null
  const words = describeRule(rule, t)
  return (
    <details className="rule-part" data-testid="rule">
      <summary>
        {t('alerts.rule', { rule: `${rule.ruleId} v${rule.version}` })}
        {rule.version !== alert.ruleVersion && <em className="tag tag-warn">{t('alerts.ruleChanged')}</em>}
      </summary>
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
    </details>
  )
}

/** The evidence centre of one alert, or what will stand here while none is chosen. */
export function AlertPanel({ alert }: { alert: AlertView | undefined }) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  const now = useSecond()
  const alertId = alert?.alertId
  const surveys = useRole('epidemiologist')
  // A seat that sees an alert as a notice gets no evidence with it and cannot answer it.
  const notice = alert !== undefined && alert.evidence.length === 0
  const [closing, setClosing] = useState(false)
  const [reason, setReason] = useState('')
  const [note, setNote] = useState('')
  const noteBox = useRef<HTMLTextAreaElement>(null)
  const reasonBox = useRef<HTMLInputElement>(null)
  const curves = useQuery({
    queryKey: ['alert-series', alertId, alert?.evidence.length, alert?.cases],
    queryFn: () => read<{ series: SeriesView[] }>(`/v1/alerts/${encodeURIComponent(alertId!)}/series`),
    enabled: alertId !== undefined && surveys && !notice,
    placeholderData: (before, query) => (query?.queryKey[1] === alertId ? before : undefined),
    refetchInterval: 60_000,
  })
  const open = alert !== undefined && alert.state !== 'closed' && !notice
  useEffect(() => {
    setClosing(false)
    setReason('')
    setNote('')
  }, [alertId])
  useEffect(() => {
    if (closing) reasonBox.current?.focus()
  }, [closing])
  const acknowledge = () => {
    if (!open || alert?.state !== 'open') return false
    void acknowledgeAlert(alert)
    return true
  }
  const sendNote = async () => {
    const text = note.trim()
    if (alert && text !== '' && !(await noteAlert(alert, text))) setNote('')
  }
  const close = async (verdict: (typeof verdicts)[number]) => {
    if (!alert || reason.trim() === '') return reasonBox.current?.focus()
    if (!(await closeAlert(alert, verdict, reason.trim()))) setClosing(false)
  }
  useKey('acknowledge', open && alert?.state === 'open' ? acknowledge : undefined)
  useKey('note', open ? () => noteBox.current?.focus() : undefined)
  useKey('close', open ? () => setClosing(true) : undefined)
  useKey('follow', followChosen)
  useKey('send', () => {
    if (document.activeElement !== noteBox.current) return false
    void sendNote()
    return true
  })
  useKey('leave', () => {
    if (closing) setClosing(false)
    else if (document.activeElement === noteBox.current) noteBox.current?.blur()
    else if (alertId && dismissSent(subjectOf.alert(alertId))) return true
    else if (useDesk.getState().alertId) chooseAlert(undefined)
    else return false
    return true
  })

  if (!alert) {
    return (
      <Panel title={t('alerts.none')} testId="alert-panel">
        <Empty text={t('alerts.none')} hint={t('alerts.noneHint')} />
      </Panel>
    )
  }
  const cards = alert.evidence.filter(each => each.method === 'card').flatMap(each => each.subjects)
  const why = explainAlert(alert, t, nameOf, language)
  return (
    <Panel
      title={language === 'zh' ? alert.ruleName : alert.ruleNameEn}
      testId="alert-panel"
      className="print-sheet"
      count={t(`alerts.state.${alert.state}`)}
      tools={
        <>
          <Action word={t('incident.follow')} keyId="follow" testId="alert-follow" onAct={followChosen} />
          <Action word={t('alerts.print')} testId="alert-print" onAct={() => window.print()} />
        </>
      }
    >
      <div className="case-body" data-testid="evidence" data-state={alert.state}>
        <PrintLine />
        <div className="case-head">
          <LevelSquare level={alert.level} word={t(`alertLevel.${alert.level}`)} />
          <div className="case-what">
            <strong>
              {nameOf(alert.regionCode)} <span className="muted">{t(`alertLevel.${alert.level}`)}</span>
            </strong>
            <span className="muted">
              {t('alerts.raised')} {formatDayTime(alert.raisedAt)} · {t('alerts.updated')}{' '}
              {formatDayTime(alert.updatedAt)} · <span className="mono">{alert.alertId}</span>
            </span>
            {alert.acknowledgedAt !== undefined && (
              <span data-testid="acknowledged-by">
                {t('alerts.acknowledgedBy', {
                  name: alert.acknowledgedBy ?? '—',
                  time: formatDayTime(alert.acknowledgedAt),
                })}
              </span>
            )}
            {alert.closedAt !== undefined && (
              <span data-testid="closed-by">
                {t('alerts.closedBy', { name: alert.closedBy ?? '—', time: formatDayTime(alert.closedAt) })} ·{' '}
                {alert.verdict ? translateWord(t, 'alerts.verdict', alert.verdict) : ''} · {alert.reason}
              </span>
            )}
          </div>
          <div className="case-clock live">
            <small>{t('alerts.ageWord')}</small>
            <b>{formatAge((alert.closedAt ?? now) - alert.raisedAt)}</b>
          </div>
        </div>
        {open && (
          <div className="case-actions no-print">
            {alert.state === 'open' && (
              <Action
                word={t('alerts.acknowledge')}
                keyId="acknowledge"
                testId="alert-acknowledge"
                primary
                onAct={() => void acknowledge()}
              />
            )}
            <Action
              word={t('alerts.note')}
              keyId="note"
              testId="alert-note-focus"
              onAct={() => noteBox.current?.focus()}
            />
            <Action word={t('alerts.close')} keyId="close" testId="alert-close" danger onAct={() => setClosing(true)} />
          </div>
        )}
        <SentNote subject={subjectOf.alert(alert.alertId)} />
        {closing && open && (
          <div className="strip strip-form" data-testid="alert-close-form">
            <span>{t('alerts.closeTitle')}</span>
            <input
              ref={reasonBox}
              className="field"
              data-testid="alert-reason"
              placeholder={t('alerts.reason')}
              aria-label={t('alerts.reason')}
              value={reason}
              maxLength={400}
              onChange={change => setReason(change.target.value)}
            />
            {verdicts.map(verdict => (
              <Action
                key={verdict}
                word={t(`alerts.verdict.${verdict}`)}
                testId={`verdict-${verdict}`}
                disabled={reason.trim() === ''}
                onAct={() => void close(verdict)}
              />
            ))}
            <Action word={t('form.cancel')} keyId="leave" testId="alert-close-cancel" onAct={() => setClosing(false)} />
          </div>
        )}
        {notice && (
          <p className="block muted" data-testid="notice">
            {t('alerts.notice')}
          </p>
        )}
        {!notice && (
          <section className="block" data-testid="why">
            <h3>{t('alerts.why')}</h3>
            <p>
              {why.rule} {why.sources} {why.cases}
            </p>
            <ul className="why">
              {why.lines.map((line, at) => (
                <li key={`${line.method}-${at}`}>
                  {line.text}
                  {line.ratio && <b> · {t('alerts.ratio', { ratio: line.ratio })}</b>}
                  {line.late && <em className="tag">{t('alerts.late')}</em>}
                </li>
              ))}
            </ul>
            <p className="muted">
              {t('alerts.basis')}
              {t('state.colon')}
              {alert.basis}
            </p>
            <RulePart alert={alert} />
          </section>
        )}
        {!notice && (
          <section className="block">
            <h3>{t('alerts.sources')}</h3>
            <Sources alert={alert} />
          </section>
        )}
        {surveys && cards.length > 0 && (
          <PersonPart records={cards.map(id => ({ kind: 'card' as const, id }))} sealedFields={[]} />
        )}
        {surveys && !notice && (
          <section className="block" data-testid="curves">
            <h3>{t('alerts.curve')}</h3>
            <ReadState
              isLoading={curves.isLoading}
              thrown={curves.error}
              hasContent={curves.data !== undefined}
              onRetry={() => void curves.refetch()}
            />
            {curves.data?.series.length === 0 && <Empty text={t('alerts.curveEmpty')} />}
            {curves.data?.series.map(series => (
              <EpiCurve
                key={`${series.sourceKind}-${series.syndrome}-${series.regionCode}-${series.period}`}
                series={series}
                regionName={nameOf(series.regionCode)}
              />
            ))}
          </section>
        )}
        <section className="block">
          <h3>
            {t('alerts.note')}
            {open && (
              <span className="block-tools no-print">
                <Action
                  word={t('alerts.noteSend')}
                  keyId="send"
                  testId="alert-note-send"
                  disabled={note.trim() === ''}
                  onAct={() => void sendNote()}
                />
              </span>
            )}
          </h3>
          <ul className="notes">
            {alert.notes.map((each, at) => (
              <li key={`${each.at}-${at}`}>
                <time className="mono muted">{formatDayTime(each.at)}</time> <b>{each.by}</b> {each.text}
              </li>
            ))}
          </ul>
          {open && (
            <textarea
              ref={noteBox}
              className="field no-print"
              rows={2}
              data-testid="alert-note"
              aria-label={t('alerts.note')}
              placeholder={t('alerts.notePlaceholder')}
              value={note}
              maxLength={1000}
              onChange={change => setNote(change.target.value)}
            />
          )}
        </section>
        <Timeline alertId={alert.alertId} version={alert.version} />
      </div>
    </Panel>
  )
}

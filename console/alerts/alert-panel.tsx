/**
 * The evidence centre: why an alert fired in words and figures, source by source, its curve with band and threshold, what other
 * sources say of the same place, who is behind the figures, the clocks and what a person does about it. An alert that lives
 * in the tables only (closed long ago) is shown the same way.
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { findDiseaseById } from '#contract/diseases.ts'
import type { Rule } from '#contract/rule.ts'
import type { AlertView, FacilityCountView, SeriesView } from '#contract/view.ts'
import type { CardPage } from '#contract/wire.ts'
import { describeRule } from '../admin/rule-words.ts'
import { subjectOf } from '../incidents/actions.ts'
import { PersonPart } from '../incidents/person.tsx'
import { Timeline } from '../incidents/timeline.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { dismissSent } from '../live/commands.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { chooseAlert, followChosen, useDesk, useRole } from '../shell/desk.ts'
import { formatAge, formatClock, formatDayTime, formatFigure, shortenPeriod } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel, PrintLine, ReadState, SentNote } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { AlignedCurves } from '../surveillance/aligned-curves.tsx'
import { askCases } from '../surveillance/case-filter.ts'
import { noteAlert } from './actions.ts'
import { AnswerBar } from './answer.tsx'
import { isUnverified } from './board-order.ts'
import { EpiCurve } from './epi-curve.tsx'
import { EventBlock } from './event-block.tsx'
import { verifyWarnMs } from './inbox.tsx'
import { findReach } from './reach.ts'
import { explainAlert, findRatio } from './why.ts'

/** Facilities listed under an alert; the rest are counted. */
const facilitiesShown = 10

/** A p-value as papers write it: two digits, below a thousandth only that it is. */
export function formatP(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toPrecision(2)
}

function Sources({ alert, series, now }: { alert: AlertView; series: readonly SeriesView[]; now: number }) {
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
          <th className="right">{t('review.column.ratio')}</th>
          <th className="right">{t('review.column.reach')}</th>
          <th className="right">{t('review.column.age')}</th>
          <th>{t('alerts.column.method')}</th>
        </tr>
      </thead>
      <tbody>
        {alert.evidence.map((each, at) => {
          const own = series.find(
            one =>
              one.sourceKind === each.sourceKind &&
              one.syndrome === each.syndrome &&
              one.regionCode === each.regionCode &&
              one.period === (each.period.includes('T') ? 'hour' : 'day'),
          )
          const reach = findReach(own, each.period)
          const ratio = findRatio(each)
          return (
            <tr key={`${each.method}-${each.period}-${at}`}>
              <td>
                {each.sourceKind
                  ? translateWord(t, 'source', each.sourceKind)
                  : translateWord(t, 'method', each.method)}
                {each.late && <em className="tag">{t('review.late')}</em>}
              </td>
              <td className="mono">{/^\d{4}-/.test(each.period) ? shortenPeriod(each.period) : '—'}</td>
              <td className="right">
                <b>{formatFigure(each.observed)}</b>
              </td>
              <td className="right">{formatFigure(each.expected)}</td>
              <td className="right">{formatFigure(each.threshold)}</td>
              <td className="right">{ratio ? <b>×{ratio}</b> : '—'}</td>
              <td className={`right ${reach && reach.got < reach.usual ? 'warn-text' : ''}`}>
                {reach ? `${reach.got}/${reach.usual}` : '—'}
              </td>
              <td className="right muted">{formatAge(now - each.at)}</td>
              <td className="muted wraps">
                {translateWord(t, 'method', each.method)}
                {each.pValue !== undefined && <span className="nowrap"> p {formatP(each.pValue)}</span>}
                {each.correction === 'uncorrected' && <em className="tag">{t('review.uncorrected')}</em>}
                {each.gradeCandidate && (
                  <em className="tag">{t('review.gradeCandidate', { grade: each.gradeCandidate })}</em>
                )}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** Cards listed under an alert of a disease; the line list has the rest. */
const cardsShown = 8

/** The report cards behind an alert of a disease, newest first; names open one by one in the line list. */
function Cards({ alert }: { alert: AlertView }) {
  const { t, language } = useTexts()
  const places = useWorld(world => world.places)
  const nameOf = useRegionNames(language)
  const query = { diseaseId: alert.diseaseId, regionCode: alert.regionCode, limit: cardsShown }
  const list = useQuery({
    queryKey: ['alert-cards', alert.alertId, alert.version],
    queryFn: () => read<CardPage>(`/v1/cards${writeQuery(query)}`),
    enabled: alert.diseaseId !== undefined,
  })
  const rows = list.data?.cards ?? []
  if (alert.diseaseId === undefined) return null
  return (
    <div data-testid="alert-card-list">
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={list.data !== undefined}
        onRetry={() => void list.refetch()}
      />
      {rows.length > 0 && (
        <table className="figures">
          <thead>
            <tr>
              <th>{t('review.cases.id')}</th>
              <th>{t('review.cases.disease')}</th>
              <th>{t('review.cases.class')}</th>
              <th>{t('review.cases.date.onset')}</th>
              <th>{t('review.cases.date.diagnosis')}</th>
              <th>{t('series.region')}</th>
              <th>{t('review.cases.facility')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(card => (
              <tr key={card.cardId}>
                <td className="mono">{card.cardId}</td>
                <td>{findDiseaseById(card.diseaseId)?.[language] ?? card.diseaseId}</td>
                <td>{t(`review.cases.classOf.${card.caseClass}`)}</td>
                <td className="mono">{card.onsetDay?.slice(5) ?? '—'}</td>
                <td className="mono">{formatDayTime(card.diagnosedAt)}</td>
                <td>{nameOf(card.regionCode)}</td>
                <td className="muted">{places.get(card.facilityId)?.name ?? card.facilityId}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}

/** Who is behind the figures: facilities by how far they stand above their own week before, and the way to the cards. */
function Facilities({ alert }: { alert: AlertView }) {
  const { t } = useTexts()
  const places = useWorld(world => world.places)
  const list = useFacilities(alert, true)
  const rows = list.data?.facilities ?? []
  return (
    <section className="block" data-testid="facilities">
      <h3>
        {t('review.behind')}
        <span className="faint">{rows.length > 0 && t('review.behindCount', { count: rows.length })}</span>
        <span className="block-tools no-print">
          <Action
            word={t('review.toCases')}
            testId="alert-cases"
            onAct={() => askCases({ regionCode: alert.regionCode, diseaseId: alert.diseaseId ?? '' })}
          />
        </span>
      </h3>
      <ReadState
        isLoading={list.isLoading}
        thrown={list.error}
        hasContent={list.data !== undefined}
        onRetry={() => void list.refetch()}
      />
      <Cards alert={alert} />
      {list.data && rows.length === 0 && alert.diseaseId === undefined && (
        <p className="muted">{t('review.behindEmpty')}</p>
      )}
      {rows.length > 0 && (
        <table className="figures">
          <thead>
            <tr>
              <th>{t('review.sources.facility')}</th>
              <th>{t('alerts.column.source')}</th>
              <th className="right">{t('alerts.column.observed')}</th>
              <th className="right">{t('review.usualWeek')}</th>
              <th className="right">{t('review.column.ratio')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, facilitiesShown).map(row => (
              <tr key={`${row.facilityId}-${row.sourceKind}-${row.syndrome}`}>
                <td>{places.get(row.facilityId)?.name ?? row.facilityId}</td>
                <td className="muted">{t(`source.${row.sourceKind}`)}</td>
                <td className="right">
                  <b>{formatFigure(row.count)}</b>
                </td>
                <td className="right">{row.usual === undefined ? '—' : row.usual.toFixed(1)}</td>
                <td className="right">
                  {row.usual === undefined || row.usual === 0 ? '—' : `×${(row.count / row.usual).toFixed(1)}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

/** The facilities behind an alert; the map beside it reads the same answer. */
export function useFacilities(alert: AlertView | undefined, isOn: boolean) {
  const alertId = alert?.alertId
  return useQuery({
    queryKey: ['alert-facilities', alertId, alert?.cases, alert?.evidence.length],
    queryFn: () => read<{ facilities: FacilityCountView[] }>(`/v1/alerts/${encodeURIComponent(alertId!)}/facilities`),
    enabled: isOn && alertId !== undefined && (alert?.evidence.length ?? 0) > 0,
    placeholderData: (before, query) => (query?.queryKey[1] === alertId ? before : undefined),
    retry: false,
  })
}

/** The clock over an alert: to verify while nobody has, its age afterwards. */
function HeadClock({ alert, now }: { alert: AlertView; now: number }) {
  const { t } = useTexts()
  if (!isUnverified(alert) || alert.verifyDueAt === undefined) {
    return (
      <div className="case-clock live">
        <small>{t('alerts.ageWord')}</small>
        <b>{formatAge((alert.closedAt ?? now) - alert.raisedAt)}</b>
      </div>
    )
  }
  const leftMs = alert.verifyDueAt - now
  const state = leftMs <= 0 ? 'over' : leftMs < verifyWarnMs ? 'warn' : 'ok'
  return (
    <div className={`case-clock clock-${state} live`} data-testid="verify-clock">
      <small>{t(leftMs <= 0 ? 'review.verifyIsOver' : 'review.verifyDue')}</small>
      <b>{formatClock(Math.abs(leftMs))}</b>
    </div>
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
  const event = useWorld(world => (alert?.eventId ? world.events.get(alert.eventId) : undefined))
  // A seat that sees an alert as a notice gets no evidence with it and cannot answer it.
  const notice = alert !== undefined && alert.evidence.length === 0
  const [note, setNote] = useState('')
  const noteBox = useRef<HTMLTextAreaElement>(null)
  const curves = useQuery({
    queryKey: ['alert-series', alertId, alert?.evidence.length, alert?.cases],
    queryFn: () => read<{ series: SeriesView[] }>(`/v1/alerts/${encodeURIComponent(alertId!)}/series`),
    enabled: alertId !== undefined && surveys && !notice,
    placeholderData: (before, query) => (query?.queryKey[1] === alertId ? before : undefined),
    refetchInterval: 60_000,
  })
  const open = alert !== undefined && alert.state !== 'closed' && !notice
  const body = useRef<HTMLDivElement>(null)
  useEffect(() => setNote(''), [alertId])
  // Another alert, or the event just opened from this one, is read from its top.
  useEffect(() => {
    body.current?.scrollTo(0, 0)
  }, [alertId, alert?.eventId])
  const sendNote = async () => {
    const text = note.trim()
    if (alert && text !== '' && !(await noteAlert(alert, text))) setNote('')
  }
  useKey('follow', followChosen)
  useKey('send', () => {
    if (document.activeElement !== noteBox.current) return false
    void sendNote()
    return true
  })
  useKey('leave', () => {
    if (document.activeElement === noteBox.current) noteBox.current?.blur()
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
  // The table says every figure; in words stands what it cannot say, and of several sources the foremost.
  const spoken = why.lines.filter(line => line.ratio === undefined)
  const loudest = why.lines.toSorted((a, b) => Number(b.ratio ?? 0) - Number(a.ratio ?? 0)).slice(0, 1)
  const foremost = [...loudest.filter(line => line.ratio !== undefined), ...spoken]
  const series = curves.data?.series ?? []
  const [main, others] = splitSeries(alert, series)
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
      {/* The head and the answers stay while the evidence scrolls under them. */}
      <div className="case-head">
        <LevelSquare level={alert.level} word={t(`alertLevel.${alert.level}`)} />
        <div className="case-what">
          <strong>
            {nameOf(alert.regionCode)}{' '}
            {alert.diseaseId && (findDiseaseById(alert.diseaseId)?.[language] ?? alert.diseaseId)}{' '}
            <span className="muted">{t(`alertLevel.${alert.level}`)}</span>
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
          {alert.verification && (
            <span data-testid="verified-by">
              {t('review.verifiedBy', {
                name: alert.verification.by,
                time: formatDayTime(alert.verification.at),
                verdict: t(`alerts.verdict.${alert.verification.verdict}`),
                reason: alert.verification.reason,
              })}
              {alert.verification.grade !== undefined && (
                <em className="tag">
                  {t('review.gradeCandidate', { grade: t(`review.gradeOf.${alert.verification.grade}`) })}
                </em>
              )}
            </span>
          )}
          {alert.state === 'shelved' && (
            <span data-testid="shelved-by">
              {t('review.shelvedBy', {
                name: alert.shelvedBy ?? '—',
                time: alert.shelvedUntil ? formatDayTime(alert.shelvedUntil) : '—',
                reason: alert.shelfReason ?? '',
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
        <HeadClock alert={alert} now={now} />
      </div>
      {!notice && <AnswerBar alert={alert} onNote={() => noteBox.current?.focus()} />}
      <SentNote subject={subjectOf.alert(alert.alertId)} />
      <div className="case-body" ref={body} data-testid="evidence" data-state={alert.state} tabIndex={-1}>
        <PrintLine />
        {event && <EventBlock event={event} now={now} may={surveys} />}
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
            <Sources alert={alert} series={series} now={now} />
            <ul className="why">
              {foremost.map((line, at) => (
                <li key={`${line.method}-${at}`}>
                  {line.text}
                  {line.ratio && <b> · {t('alerts.ratio', { ratio: line.ratio })}</b>}
                  {line.late && <em className="tag">{t('alerts.late')}</em>}
                </li>
              ))}
            </ul>
            <OtherRules alert={alert} />
            <p className="muted">
              {t('alerts.basis')}
              {t('state.colon')}
              {alert.basis}
            </p>
            <RulePart alert={alert} />
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
            {main && <EpiCurve series={main} regionName={nameOf(main.regionCode)} />}
            {others.length > 0 && (
              <>
                <h3>{t('review.otherSources', { region: nameOf(alert.regionCode) })}</h3>
                <AlignedCurves series={others} testId="aligned" />
              </>
            )}
          </section>
        )}
        {surveys && !notice && <Facilities alert={alert} />}
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

/** The series that stands out most, drawn large, and the other sources of the same kind of period, drawn under each other. */
export function splitSeries(
  alert: AlertView,
  series: readonly SeriesView[],
): readonly [SeriesView | undefined, readonly SeriesView[]] {
  const foremost = alert.evidence
    .filter(each => each.sourceKind)
    .toSorted((a, b) => Number(findRatio(b) ?? 0) - Number(findRatio(a) ?? 0))[0]
  const main =
    series.find(
      each =>
        each.sourceKind === foremost?.sourceKind &&
        each.syndrome === foremost.syndrome &&
        each.regionCode === foremost.regionCode &&
        each.period === (foremost.period.includes('T') ? 'hour' : 'day'),
    ) ?? series[0]
  return [main, series.filter(each => each !== main && each.period === main?.period)]
}

/** Rules that have a part in the alert beside the leading one. */
function OtherRules({ alert }: { alert: AlertView }) {
  const { t, language } = useTexts()
  const others = (alert.rules ?? []).filter(part => part.ruleId !== alert.ruleId)
  if (others.length === 0) return null
  return (
    <p className="muted" data-testid="other-rules">
      {t('review.otherRules')}
      {others
        .map(part => `${language === 'zh' ? part.name : part.nameEn} (${t(`alertLevel.${part.level}`)})`)
        .join(t('state.listed'))}
    </p>
  )
}

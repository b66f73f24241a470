/**
 * Quality control: the samples of a day anybody can draw again, the clock and the recordings of the case in hand beside the score
 * sheet, appeals and their decision, and the month. Whoever does not lead sees the own scores and may appeal.
 */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { ReviewTrigger, ReviewView, ScoreSheet } from '#contract/duty.ts'
import { formatDay, getDayIndex, parseDay } from '#contract/scalars.ts'
import { nameStamp } from '#contract/stamps.ts'
import type { IncidentView } from '#contract/view.ts'
import { DayField } from '../incidents/closed-list.tsx'
import { describeComplaint } from '../incidents/queue.tsx'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { createUuid, noteRefusal, say } from '../live/commands.ts'
import { ask, read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { formatShare } from '../reports/report-page.tsx'
import '../reports/reports.css'
import { useDesk, useRole } from '../shell/desk.ts'
import { formatDayTime, formatTime, shortenId } from '../shell/format.ts'
import { Action, Empty, LevelSquare, Panel, ReadState, SentNote } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'

type SampleRow = {
  incidentId: string
  sample: 'random' | 'triggered'
  triggers: ReviewTrigger[]
  incident: IncidentView
  recordings: string[]
  review?: ReviewView
}
type Samples = { day: string; seed: number; cases: number; triggered: number; samples: SampleRow[]; sheet: ScoreSheet }
type Month = {
  reviews: ReviewView[]
  report: {
    reviews: number
    random: number
    triggered: number
    passed: number
    meanShare?: number
    appealed: number
    changed: number
    items: { itemId: string; sheetVersion: number; n: number; meanShare: number }[]
    subjects: { subject: string; n: number; passed: number; meanShare: number }[]
  }
  sheets: ScoreSheet[]
}

const subject = 'review'
const complaintSubject = 'review-wish'

/** Points typed for each item; undefined until every one holds a number its item allows. */
export function readScores(
  sheet: ScoreSheet,
  typed: Readonly<Record<string, string>>,
): { itemId: string; points: number }[] | undefined {
  const scores = sheet.items.map(item => ({ itemId: item.itemId, points: Number(typed[item.itemId] ?? item.points) }))
  const isWhole = scores.every(
    (row, at) =>
      typed[row.itemId] !== '' &&
      Number.isFinite(row.points) &&
      row.points >= 0 &&
      row.points <= sheet.items[at]!.points,
  )
  return isWhole ? scores : undefined
}

/** The page. */
export function QualityPage() {
  const { t, language } = useTexts()
  const client = useQueryClient()
  const now = useSecond()
  const leads = useRole('shift-leader')
  const seatName = useDesk(desk => desk.seatName)
  const units = useWorld(world => world.units)
  const nameOf = useCountyNames(language)
  const [day, setDay] = useState<string>()
  const [seed, setSeed] = useState('1')
  const [month, setMonth] = useState<string>()
  const [chosenId, setChosen] = useState<string>()
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [person, setPerson] = useState('')
  const [comment, setComment] = useState('')
  const [reason, setReason] = useState('')
  const [complaintCase, setComplaintCase] = useState('')
  const [complaint, setComplaint] = useState('')
  // Yesterday: its cases are closed.
  const onDay = day ?? (now === 0 ? '' : formatDay(getDayIndex(now) - 1))
  const onMonth = month ?? (now === 0 ? '' : formatDay(getDayIndex(now)).slice(0, 7))
  const samples = useQuery({
    queryKey: ['review-samples', onDay, seed],
    queryFn: () => read<Samples>(`/v1/reviews/samples${writeQuery({ day: onDay, seed })}`),
    enabled: leads && parseDay(onDay) !== undefined && /^\d{1,9}$/.test(seed),
    placeholderData: keepPreviousData,
  })
  const monthly = useQuery({
    queryKey: ['reviews', onMonth],
    queryFn: () => read<Month>(`/v1/reviews${writeQuery({ month: onMonth })}`),
    enabled: /^(19|20)\d\d-(0[1-9]|1[0-2])$/.test(onMonth),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  })
  const chosen = samples.data?.samples.find(row => row.incidentId === chosenId)
  const sheet = samples.data?.sheet
  const scores = sheet && readScores(sheet, typed)
  const full = sheet?.items.reduce((sum, item) => sum + item.points, 0) ?? 0
  const sum = scores?.reduce((total, row) => total + row.points, 0)
  useEffect(() => {
    setTyped({})
    setComment('')
    // Whose work it was: who opened the case.
    setPerson(chosen?.incident.openedBy ?? '')
  }, [chosenId])
  const refresh = async (sent: Promise<unknown>) => {
    const refusal = await sent
    if (refusal === undefined) setReason('')
    await client.invalidateQueries({ queryKey: ['review-samples'] })
    await client.invalidateQueries({ queryKey: ['reviews'] })
  }
  const complain = async () => {
    const incidentId = complaintCase.trim()
    // The region of the case says whose desk may ask for it; a case outside the scope does not exist here.
    const found = await ask<IncidentView>('GET', `/v1/incidents/${encodeURIComponent(incidentId)}`)
    if (!found.ok) {
      noteRefusal(complaintSubject, 'review.requested', found.refusal)
      return
    }
    const { regionCode } = found.value
    const wish = { incidentId, regionCode, trigger: 'complaint' as const, reason: complaint.trim() }
    if (await say(complaintSubject, 'review.requested', wish)) return
    setComplaintCase('')
    setComplaint('')
    await client.invalidateQueries({ queryKey: ['review-samples'] })
  }
  const describeItem = (sheets: readonly ScoreSheet[], version: number, itemId: string) =>
    sheets.find(each => each.version === version)?.items.find(item => item.itemId === itemId)?.[language] ?? itemId
  const report = monthly.data?.report
  const name = (trigger: ReviewTrigger) => t(`quality.trigger.${trigger}`)
  return (
    <main className={`desk ${leads ? 'desk-review' : 'desk-single'}`} data-testid="page-quality">
      {leads && (
        <div className="column">
          <Panel title={t('quality.samples')} testId="samples-panel" count={samples.data?.samples.length}>
            <div className="chips">
              <DayField label={t('quality.day')} value={onDay} onChange={setDay} />
              <label className="chip-label">
                {t('quality.seed')}
                <input
                  className="chip slip-time"
                  data-testid="review-seed"
                  value={seed}
                  inputMode="numeric"
                  onChange={change => setSeed(change.target.value)}
                />
              </label>
            </div>
            <div className="report-body">
              <ReadState
                isLoading={samples.isLoading}
                thrown={samples.error}
                hasContent={samples.data !== undefined}
                onRetry={() => void samples.refetch()}
              />
              {samples.data && (
                <p className="faint">
                  {t('quality.facts', { cases: samples.data.cases, triggered: samples.data.triggered })}
                </p>
              )}
              {samples.data?.samples.length === 0 && <Empty text={t('quality.none')} />}
              <form
                className="form-line"
                onSubmit={submit => {
                  submit.preventDefault()
                  void complain()
                }}
              >
                <input
                  className="field"
                  data-testid="complaint-case"
                  placeholder={t('replay.caseId')}
                  aria-label={t('replay.caseId')}
                  value={complaintCase}
                  onChange={change => setComplaintCase(change.target.value)}
                />
                <input
                  className="field form-wide"
                  data-testid="complaint-reason"
                  placeholder={t('quality.complainHint')}
                  aria-label={t('quality.complain')}
                  maxLength={400}
                  value={complaint}
                  onChange={change => setComplaint(change.target.value)}
                />
                <Action
                  word={t('quality.complain')}
                  testId="complaint-send"
                  disabled={complaintCase.trim() === '' || complaint.trim() === ''}
                  onAct={() => void complain()}
                />
                <SentNote subject={complaintSubject} />
              </form>
              <table className="figures" data-testid="samples">
                <tbody>
                  {samples.data?.samples.map(row => (
                    <tr key={row.incidentId} className={row === chosen ? 'report-total' : ''}>
                      <td>
                        <LevelSquare level={row.incident.level} />
                      </td>
                      <td className="mono">
                        <button
                          type="button"
                          className="link-button"
                          data-testid={`sample-${row.incidentId}`}
                          onClick={() => setChosen(row.incidentId)}
                        >
                          {shortenId(row.incidentId)}
                        </button>
                      </td>
                      <td className="mono muted">{formatTime(row.incident.openedAt).slice(0, 5)}</td>
                      <td>
                        {row.sample === 'random' ? t('quality.random') : row.triggers.map(name).join(t('state.listed'))}
                      </td>
                      <td className="muted">{row.review ? t(`quality.state.${row.review.state}`) : ''}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </Panel>
        </div>
      )}
      {leads && (
        <div className="column">
          <Panel title={t('quality.title')} testId="review-panel">
            <div className="report-body">
              {!chosen && <Empty text={t('quality.choose')} />}
              {chosen && sheet && (
                <>
                  <p>
                    <LevelSquare level={chosen.incident.level} />{' '}
                    <span className="mono">{shortenId(chosen.incidentId)}</span> {describeComplaint(t, chosen.incident)}{' '}
                    · {nameOf(chosen.incident.regionCode)} ·{' '}
                    {chosen.incident.outcome ? translateWord(t, 'incident.outcome', chosen.incident.outcome) : '—'}
                  </p>
                  <div className="review-sides">
                    <div>
                      <h4>{t('quality.clock')}</h4>
                      <table className="figures" data-testid="review-clock">
                        <tbody>
                          {chosen.incident.stamps.map((stamp, at) => (
                            <tr key={at}>
                              <td className="mono">{formatTime(stamp.at)}</td>
                              <td>{nameStamp(stamp.stamp, language)}</td>
                              <td>{stamp.unitId ? (units.get(stamp.unitId)?.name ?? stamp.unitId) : ''}</td>
                              <td className="muted">{t(`incident.stampSource.${stamp.source}`)}</td>
                            </tr>
                          ))}
                        </tbody>
                      </table>
                    </div>
                    <div>
                      <h4>{t('quality.recordings')}</h4>
                      {chosen.recordings.length === 0 && <p className="faint">{t('quality.noRecording')}</p>}
                      <ul className="recordings" data-testid="review-recordings">
                        {chosen.recordings.map(ref => (
                          <li key={ref}>
                            <code>{ref}</code>
                          </li>
                        ))}
                      </ul>
                      <p className="faint">
                        {t('quality.sheetVersion', {
                          version: sheet.version,
                          pass: (sheet.passShare * 100).toFixed(0),
                        })}
                      </p>
                    </div>
                  </div>
                  <table className="figures" data-testid="score-sheet">
                    <tbody>
                      {sheet.items.map(item => (
                        <tr key={item.itemId}>
                          <td className="muted">{t(`quality.group.${item.group}`)}</td>
                          <td className="score-item">
                            {item[language]} {item.isVital && <em className="tag tag-warn">{t('quality.vital')}</em>}
                          </td>
                          <td className="right">
                            <input
                              className="field slip-time"
                              data-testid={`score-${item.itemId}`}
                              aria-label={item[language]}
                              inputMode="decimal"
                              value={typed[item.itemId] ?? String(item.points)}
                              aria-invalid={
                                typed[item.itemId] === '' ||
                                !(
                                  Number(typed[item.itemId] ?? 0) >= 0 && Number(typed[item.itemId] ?? 0) <= item.points
                                )
                              }
                              onChange={change => setTyped({ ...typed, [item.itemId]: change.target.value })}
                            />
                          </td>
                          <td className="muted">/ {item.points}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                  <div className="form-line">
                    <b data-testid="score-total">{t('quality.total', { points: sum ?? '—', full })}</b>
                    <label className="pick">
                      <span>{t('quality.subject')}</span>
                      <input
                        className="field"
                        data-testid="review-subject"
                        value={person}
                        onChange={change => setPerson(change.target.value)}
                      />
                    </label>
                    <label className="pick form-wide">
                      <span>{t('quality.comment')}</span>
                      <input
                        className="field"
                        maxLength={1_000}
                        value={comment}
                        onChange={change => setComment(change.target.value)}
                      />
                    </label>
                    <Action
                      word={t('quality.score')}
                      testId="review-score"
                      primary
                      disabled={!scores || person.trim() === '' || chosen.review !== undefined}
                      onAct={() =>
                        void refresh(
                          say(subject, 'review.scored', {
                            reviewId: `Q-${createUuid()}`,
                            incidentId: chosen.incidentId,
                            regionCode: chosen.incident.regionCode,
                            sample: chosen.sample,
                            triggers: chosen.triggers,
                            sheetVersion: sheet.version,
                            scores: scores!,
                            subject: person.trim(),
                            ...(comment.trim() === '' ? {} : { comment: comment.trim() }),
                          }),
                        )
                      }
                    />
                    <SentNote subject={subject} />
                  </div>
                </>
              )}
            </div>
          </Panel>
        </div>
      )}
      <div className="column column-case">
        <Panel
          title={t('quality.month')}
          testId="month-panel"
          className="print-sheet"
          tools={
            <>
              {leads && (
                <a
                  className="act"
                  href={`/v1/reviews.csv${writeQuery({ month: onMonth })}`}
                  download
                  data-testid="reviews-csv"
                >
                  {t('report.csv')}
                </a>
              )}
              <Action word={t('report.print')} testId="month-print" onAct={() => window.print()} />
            </>
          }
        >
          <div className="chips no-print">
            <label className="chip-label">
              {t('quality.monthOf')}
              <input
                className="chip chip-day"
                data-testid="review-month"
                maxLength={7}
                value={onMonth}
                onChange={change => setMonth(change.target.value)}
              />
            </label>
          </div>
          <div className="report-body">
            <ReadState
              isLoading={monthly.isLoading}
              thrown={monthly.error}
              hasContent={monthly.data !== undefined}
              onRetry={() => void monthly.refetch()}
            />
            {report && (
              <dl className="report-counts" data-testid="month-counts">
                {(
                  [
                    ['reviews', String(report.reviews)],
                    ['passed', formatShare(report.passed, report.reviews)],
                    ['meanShare', report.meanShare === undefined ? '—' : formatShare(report.meanShare, 1)],
                    ['appealed', String(report.appealed)],
                    ['changed', String(report.changed)],
                  ] as const
                ).map(([key, text]) => (
                  <div key={key}>
                    <dt>{t(`quality.${key}`)}</dt>
                    <dd>{text}</dd>
                  </div>
                ))}
              </dl>
            )}
            {report?.reviews === 0 && <Empty text={t('quality.noReviews')} />}
            {monthly.data && monthly.data.reviews.length > 0 && (
              <table className="figures" data-testid="reviews">
                <tbody>
                  {monthly.data.reviews.map(review => (
                    <tr key={review.reviewId} data-state={review.state}>
                      <td className="mono">{formatDayTime(review.scoredAt)}</td>
                      <td className="mono">{shortenId(review.incidentId)}</td>
                      <td>{review.subject}</td>
                      <td className={`right ${review.isPassed ? '' : 'warn-text'}`}>
                        {formatShare(review.share, 1)} {t(review.isPassed ? 'quality.pass' : 'quality.fail')}
                      </td>
                      <td className="muted" title={review.appeal?.reason}>
                        {t(`quality.state.${review.state}`)}
                      </td>
                      <td>
                        {review.state === 'scored' && review.subject === seatName && (
                          <Action
                            word={t('quality.appeal')}
                            testId="review-appeal"
                            disabled={reason.trim() === ''}
                            onAct={() =>
                              void refresh(
                                say(subject, 'review.appealed', {
                                  reviewId: review.reviewId,
                                  regionCode: review.regionCode,
                                  reason: reason.trim(),
                                }),
                              )
                            }
                          />
                        )}
                        {leads && review.state === 'appealed' && (
                          <>
                            <Action
                              word={t('quality.uphold')}
                              testId="review-uphold"
                              disabled={reason.trim() === ''}
                              onAct={() =>
                                void refresh(
                                  say(subject, 'review.decided', {
                                    reviewId: review.reviewId,
                                    regionCode: review.regionCode,
                                    verdict: 'upheld',
                                    reason: reason.trim(),
                                  }),
                                )
                              }
                            />
                            <Action
                              word={t('quality.change')}
                              testId="review-change"
                              disabled={reason.trim() === '' || !scores || chosen?.incidentId !== review.incidentId}
                              onAct={() =>
                                void refresh(
                                  say(subject, 'review.decided', {
                                    reviewId: review.reviewId,
                                    regionCode: review.regionCode,
                                    verdict: 'changed',
                                    reason: reason.trim(),
                                    scores: scores!,
                                  }),
                                )
                              }
                            />
                          </>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
            {monthly.data?.reviews.some(
              review => review.state === 'appealed' || (review.state === 'scored' && review.subject === seatName),
            ) && (
              <div className="form-line">
                <label className="pick form-wide">
                  <span>{leads ? t('quality.reason') : t('quality.appealReason')}</span>
                  <input
                    className="field"
                    data-testid="review-reason"
                    maxLength={1_000}
                    value={reason}
                    onChange={change => setReason(change.target.value)}
                  />
                </label>
                {!leads && <SentNote subject={subject} />}
              </div>
            )}
            {report && report.items.length > 0 && monthly.data && (
              <>
                <h4>{t('quality.byItem')}</h4>
                <table className="figures">
                  <tbody>
                    {report.items.map(item => (
                      <tr key={`${item.sheetVersion}|${item.itemId}`}>
                        <td className="score-item">
                          {describeItem(monthly.data.sheets, item.sheetVersion, item.itemId)}
                        </td>
                        <td className="right">{item.n}</td>
                        <td className="right">{formatShare(item.meanShare, 1)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <h4>{t('quality.bySubject')}</h4>
                <table className="figures">
                  <tbody>
                    {report.subjects.map(each => (
                      <tr key={each.subject}>
                        <td>{each.subject}</td>
                        <td className="right">{each.n}</td>
                        <td className="right">{formatShare(each.passed, each.n)}</td>
                        <td className="right">{formatShare(each.meanShare, 1)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </>
            )}
          </div>
        </Panel>
      </div>
    </main>
  )
}

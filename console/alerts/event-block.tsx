/**
 * The public-health event an alert was opened as: its grade in the colour of the law (the only coloured thing about it), the
 * clock to the initial report, what was reported and graded by whom. The colours 蓝黄橙红 belong to this alone.
 */
import { useState } from 'react'
import type { EventView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { formatClock, formatDayTime } from '../shell/format.ts'
import { Action, SentNote } from '../shell/parts.tsx'
import { getEventSubject, gradeEvent, reportEvent } from './actions.ts'

const grades = [4, 3, 2, 1] as const
/** Milliseconds before its end from which the clock to the initial report is amber. */
const reportWarnMs = 30 * 60_000

/** The event with its clock; `open` seats may report and grade it. */
export function EventBlock({ event, now, may }: { event: EventView; now: number; may: boolean }) {
  const { t } = useTexts()
  const [reason, setReason] = useState('')
  const leftMs = event.reportDueAt - now
  const state = event.reportedAt !== undefined ? 'ok' : leftMs <= 0 ? 'over' : leftMs < reportWarnMs ? 'warn' : 'ok'
  const isOpen = event.state === 'open'
  return (
    <section className="block event" data-testid="event">
      <h3>
        {t('review.eventTitle')}
        <span className={`grade grade-${event.grade ?? 'none'}`} data-testid="event-grade">
          {event.grade === undefined ? t('review.ungraded') : t(`review.gradeOf.${event.grade}`)}
        </span>
        <span className="mono faint">{event.eventId}</span>
        <span className={`clock clock-${state} live block-tools`} data-testid="event-clock">
          {event.reportedAt !== undefined
            ? t('review.reportedAt', { time: formatDayTime(event.reportedAt) })
            : leftMs > 0
              ? t('review.reportLeft', { time: formatClock(leftMs) })
              : t('review.reportOver', { time: formatClock(-leftMs) })}
        </span>
      </h3>
      <p>
        {t('review.eventOpened', { by: event.openedBy, time: formatDayTime(event.openedAt), reason: event.reason })}
      </p>
      <ul className="notes">
        {[
          ...event.grades.map(each => ({
            at: each.at,
            by: each.by,
            text: `${t(`review.gradeOf.${each.grade}`)} · ${each.reason}`,
          })),
          ...event.reports.map(each => ({
            at: each.at,
            by: each.by,
            text: `${t(`review.report.${each.report}`)} ${each.reference ?? ''}`,
          })),
        ]
          .sort((a, b) => a.at - b.at)
          .map((each, at) => (
            <li key={`${each.at}-${at}`}>
              <time className="mono muted">{formatDayTime(each.at)}</time> <b>{each.by}</b> {each.text}
            </li>
          ))}
      </ul>
      <SentNote subject={getEventSubject(event.eventId)} />
      {may && isOpen && (
        <div className="event-acts no-print">
          <Action
            word={t(event.reportedAt === undefined ? 'review.reportNow' : 'review.reportProgress')}
            testId="event-report"
            primary={event.reportedAt === undefined}
            onAct={() => void reportEvent(event, event.reportedAt === undefined ? 'initial' : 'progress')}
          />
          <input
            className="field"
            data-testid="event-reason"
            placeholder={t('review.gradeReason')}
            aria-label={t('review.gradeReason')}
            maxLength={400}
            value={reason}
            onChange={change => setReason(change.target.value)}
          />
          {grades.map(each => (
            <button
              key={each}
              type="button"
              className={`act grade grade-${each}`}
              data-testid={`event-grade-${each}`}
              disabled={reason.trim() === '' || event.grade === each}
              onClick={() => void gradeEvent(event, each, reason.trim()).then(refused => refused || setReason(''))}
            >
              {t(`review.gradeOf.${each}`)}
            </button>
          ))}
        </div>
      )}
    </section>
  )
}

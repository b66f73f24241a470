/**
 * The answers to an alert and the one form they share: verify, dismiss, open as event, shelve, reopen; each a key, a reason, and
 * what the answer needs besides. Refusals stay beside it until the next try. Nothing is preselected: a verdict is a decision.
 */
import { useEffect, useRef, useState } from 'react'
import type { AlertView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useDesk, useRole } from '../shell/desk.ts'
import { formatDayTime } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action } from '../shell/parts.tsx'
import {
  acknowledgeAlert,
  closeAlert,
  confirmClosure,
  openEvent,
  reopenAlert,
  shelveAlert,
  type Verdict,
  verdicts,
  verifyAlert,
} from './actions.ts'
import { isLawful } from './board-order.ts'

export type Answering = 'verify' | 'dismiss' | 'openEvent' | 'shelve' | 'reopen'
/** Hours a shelf is offered for. */
const shelfHours = [1, 4, 12, 24, 72] as const
const grades = [4, 3, 2, 1] as const

/** What may be answered now, by state. */
function listAnswers(alert: AlertView, mayOpenEvent: boolean): readonly Answering[] {
  if (alert.state === 'closed' || alert.state === 'closing') return ['reopen']
  if (alert.state === 'shelved') return ['verify', 'dismiss', 'reopen']
  return [
    'verify',
    'dismiss',
    ...(mayOpenEvent && alert.eventId === undefined ? ['openEvent' as const] : []),
    ...(alert.level > 1 ? ['shelve' as const] : []),
  ]
}

/** The buttons with their keys, and the form of the answer begun. */
export function AnswerBar({ alert, onNote }: { alert: AlertView; onNote: () => void }) {
  const { t } = useTexts()
  const [answering, setAnswering] = useState<Answering>()
  const [reason, setReason] = useState('')
  const [grade, setGrade] = useState<number>()
  const reasonBox = useRef<HTMLInputElement>(null)
  const accountId = useDesk(desk => desk.accountId)
  const surveys = useRole('epidemiologist')
  const answers = listAnswers(alert, surveys)
  const isSame = alert.closure?.byAccountId !== undefined && alert.closure.byAccountId === accountId
  const begin = (what: Answering) => {
    setReason('')
    setGrade(undefined)
    setAnswering(what)
  }
  useEffect(() => {
    setAnswering(undefined)
    setReason('')
    setGrade(undefined)
  }, [alert.alertId])
  useEffect(() => {
    if (answering) reasonBox.current?.focus()
  }, [answering])
  const finish = async (sent: Promise<unknown>) => {
    if (!(await sent)) setAnswering(undefined)
  }
  const text = reason.trim()
  const isReady = text !== ''
  const acknowledge = () => {
    if (alert.state !== 'open') return false
    void acknowledgeAlert(alert)
    return true
  }
  useKey('acknowledge', alert.state === 'open' ? acknowledge : undefined)
  useKey('note', onNote)
  useKey('verify', answers.includes('verify') ? () => begin('verify') : undefined)
  useKey('dismiss', answers.includes('dismiss') ? () => begin('dismiss') : undefined)
  useKey('openEvent', answers.includes('openEvent') ? () => begin('openEvent') : undefined)
  useKey('shelve', answers.includes('shelve') ? () => begin('shelve') : undefined)
  useKey('second', alert.state === 'closing' && !isSame ? () => void confirmClosure(alert) : undefined)
  useKey('leave', answering ? () => setAnswering(undefined) : undefined)

  return (
    <>
      <div className="case-actions no-print" data-testid="answers">
        {alert.state === 'open' && (
          <Action
            word={t('alerts.acknowledge')}
            keyId="acknowledge"
            testId="alert-acknowledge"
            primary
            onAct={() => void acknowledge()}
          />
        )}
        {alert.state === 'closing' && (
          <Action
            word={t('review.second')}
            keyId="second"
            testId="alert-second"
            primary
            disabled={isSame}
            {...(isSame ? { title: t('review.secondSame') } : {})}
            onAct={() => void confirmClosure(alert)}
          />
        )}
        {answers.map(each => (
          <Action
            key={each}
            word={t(each === 'dismiss' && isLawful(alert) ? 'review.answer.propose' : `review.answer.${each}`)}
            {...(each === 'reopen' ? {} : { keyId: each })}
            testId={`alert-${each}`}
            danger={each === 'dismiss'}
            pressed={answering === each}
            onAct={() => begin(each)}
          />
        ))}
        <Action word={t('alerts.note')} keyId="note" testId="alert-note-focus" onAct={onNote} />
      </div>
      {alert.state === 'closing' && alert.closure && (
        <p className="strip" data-testid="closing-note">
          <span>
            {t('review.proposed', {
              by: alert.closure.by,
              time: formatDayTime(alert.closure.at),
              verdict: t(`alerts.verdict.${alert.closure.verdict}`),
              reason: alert.closure.reason,
            })}
          </span>
          {isSame && <span className="warn-text">{t('review.secondSame')}</span>}
        </p>
      )}
      {answering && (
        <form
          className="strip strip-form"
          data-testid={answering === 'dismiss' ? 'alert-close-form' : `alert-${answering}-form`}
          onSubmit={submit => submit.preventDefault()}
        >
          <span>{t(`review.ask.${answering}`)}</span>
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
          {(answering === 'verify' || answering === 'openEvent') && (
            <span className="grade-pick" data-testid="grade-pick">
              {t(answering === 'verify' ? 'review.gradeProposal' : 'review.grade')}
              {grades.map(each => (
                <button
                  key={each}
                  type="button"
                  className={`act grade grade-${each}`}
                  data-testid={`grade-${each}`}
                  aria-pressed={grade === each}
                  onClick={() => setGrade(grade === each ? undefined : each)}
                >
                  {t(`review.gradeOf.${each}`)}
                </button>
              ))}
            </span>
          )}
          {(answering === 'verify' || answering === 'dismiss') &&
            verdicts.map((verdict: Verdict) => (
              <Action
                key={verdict}
                word={t(`alerts.verdict.${verdict}`)}
                testId={`verdict-${verdict}`}
                disabled={!isReady}
                onAct={() =>
                  void finish(
                    answering === 'verify'
                      ? verifyAlert(alert, verdict, text, grade)
                      : closeAlert(alert, verdict, text),
                  )
                }
              />
            ))}
          {answering === 'openEvent' && (
            <Action
              word={t('review.openEventNow')}
              testId="event-open"
              primary
              disabled={!isReady}
              onAct={() => void finish(openEvent(alert, text, grade))}
            />
          )}
          {answering === 'shelve' &&
            shelfHours.map(hours => (
              <Action
                key={hours}
                word={t('review.shelfHours', { hours })}
                testId={`shelf-${hours}`}
                disabled={!isReady}
                onAct={() => void finish(shelveAlert(alert, hours, text))}
              />
            ))}
          {answering === 'reopen' && (
            <Action
              word={t('review.answer.reopen')}
              testId="alert-reopen-now"
              disabled={!isReady}
              onAct={() => void finish(reopenAlert(alert, text))}
            />
          )}
          <Action
            word={t('form.cancel')}
            keyId="leave"
            testId="alert-close-cancel"
            onAct={() => setAnswering(undefined)}
          />
        </form>
      )}
    </>
  )
}

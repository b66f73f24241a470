/**
 * The slip docked on the map: the call this seat is busy with, or the one that rings longest. Number history, mark, where it
 * comes from, what it may be a duplicate of, and how it ends without a run, each by one key. It takes no focus and moves
 * no panel: whoever writes in the form writes on. F1 alone brings a call into the form.
 */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { CallKind, type CallOutcome, type LinkedService } from '#contract/scalars.ts'
import type { CallView, DuplicateView, NumberHistoryView } from '#contract/view.ts'
import { endCall, subjectOf } from '../incidents/actions.ts'
import { useTakeCall } from '../incidents/take-call.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, useDesk, useRole } from '../shell/desk.ts'
import { formatClock, formatDayTime, shortenId } from '../shell/format.ts'
import { type KeyId, useKey } from '../shell/keys.ts'
import { Action, LevelSquare, SentNote } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'
import { acknowledgeLink, askPosition, joinCall, linkCall, markNumber, setCallKind } from './actions.ts'
import { findCurrent, judgeAnswer, judgeLink, listWaiting } from './waiting.ts'

/** How calls end without a run, and the key of each. */
export const endings = [
  { outcome: 'consultation', keyId: 'endConsultation' },
  { outcome: 'repeat', keyId: 'endRepeat' },
  { outcome: 'harassment', keyId: 'endHarassment' },
  { outcome: 'transferred', keyId: 'endTransferred' },
  { outcome: 'wrong-number', keyId: 'endWrongNumber' },
  { outcome: 'silent', keyId: 'endSilent' },
  { outcome: 'test', keyId: 'endTest' },
  { outcome: 'other', keyId: 'endOther' },
] as const satisfies readonly { outcome: CallOutcome; keyId: KeyId }[]

const services: readonly LinkedService[] = ['110', '119', '122']
/** Duplicates are asked for again this often while a call is in hand: cases move meanwhile. */
const askAgainMs = 5_000
/** Earlier calls of the number shown. @source domain/dispatch.md 6.1 point 4: the last three */
const historyShown = 3

/** Ends the call as what it was; a form that was open for it closes. */
export async function endAs(call: CallView, outcome: CallOutcome): Promise<void> {
  const refusal = await endCall(call, outcome)
  if (refusal) return
  const desk = useDesk.getState()
  if (desk.draft?.callId === call.callId) useDesk.setState({ draft: undefined })
  if (desk.callId === call.callId) useDesk.setState({ callId: undefined })
}

/** Where a call comes from, in words: radius and who says so. */
export function describePosition(
  call: CallView,
  t: (key: string, values?: Record<string, string | number>) => string,
): string {
  if (call.lon === undefined) return t('calls.unknownPlace')
  if (call.positionSource === undefined) return ''
  return t('slip.position', {
    source: t(`slip.positionSource.${call.positionSource}`),
    radiusM: Math.round(call.radiusM ?? 0),
  })
}

/** The slip; nothing while no call rings or is in hand. */
export function CallSlip() {
  const calls = useWorld(world => world.calls)
  const seatName = useDesk(desk => desk.seatName)
  const callId = useDesk(desk => desk.callId)
  const draftId = useDesk(desk => desk.draft?.callId)
  const current = (draftId === undefined ? undefined : calls.get(draftId)) ?? findCurrent(calls, seatName, callId)
  return current && current.incidentId === undefined && current.outcome === undefined ? (
    <Slip key={current.callId} call={current} waiting={listWaiting(calls.values()).length} />
  ) : null
}

function Slip({ call, waiting }: { call: CallView; waiting: number }) {
  const { t, language } = useTexts()
  const now = useSecond()
  const take = useTakeCall()
  const nameOf = useCountyNames(language)
  const isLeader = useRole('shift-leader')
  const [marking, setMarking] = useState(false)
  const [reason, setReason] = useState('')
  const [asked, setAsked] = useState<{ link: string; isSent: boolean }>()
  const path = `/v1/calls/${encodeURIComponent(call.callId)}`
  const history = useQuery({
    queryKey: ['number-history', call.callId],
    queryFn: () => read<NumberHistoryView>(`${path}/history`),
    enabled: (call.earlierCalls ?? 0) > 0 || call.isNuisance === true,
  })
  const found = useQuery({
    queryKey: ['duplicates', call.callId],
    queryFn: () => read<{ candidates: DuplicateView[] }>(`${path}/duplicates`),
    refetchInterval: askAgainMs,
  })
  const candidates = found.data?.candidates ?? []
  const best = candidates.find(one => one.incidentId !== undefined)
  const join = (one: DuplicateView) => {
    if (!one.incidentId) return
    const { incidentId } = one
    void joinCall(call, incidentId).then(refusal => {
      if (refusal) return
      if (useDesk.getState().draft?.callId === call.callId) useDesk.setState({ draft: undefined })
      chooseIncident(incidentId)
    })
  }
  const askPlace = () => void askPosition(call).then(setAsked)
  useKey('askPosition', askPlace)
  useKey('join', best ? () => join(best) : undefined)
  const isAnswered = call.answeredAt !== undefined
  const others = waiting - (isAnswered || call.abandonedAt !== undefined ? 0 : 1)
  const since = isAnswered ? now - call.answeredAt! : now - call.receivedAt
  const isCallback = call.abandonedAt !== undefined && !isAnswered
  const isInForm = useDesk(desk => desk.draft?.callId === call.callId)
  return (
    <section className="slip no-print" aria-label={t('slip.title')} data-testid="call-slip" data-call={call.callId}>
      <div className="slip-row">
        <b className={isAnswered ? 'slip-state' : 'slip-state slip-ringing'}>
          {t(isAnswered ? 'slip.talking' : isCallback ? 'slip.callback' : 'slip.ringing')}
        </b>
        <span className="mono">{shortenId(call.callId)}</span>
        <span>{nameOf(call.regionCode)}</span>
        <span className="muted">{describePosition(call, t)}</span>
        {call.isVerified === false && <em className="tag tag-warn">{t('calls.unverified')}</em>}
        {call.isVerified === true && <em className="tag">{t('calls.verified')}</em>}
        {call.isNuisance && <em className="tag tag-warn">{t('calls.nuisance')}</em>}
        {isAnswered && <span className="muted">{[call.answeredBy, call.seat].filter(Boolean).join(' · ')}</span>}
        <span className={`clock clock-${isAnswered ? 'ok' : judgeAnswer(since)} live slip-clock`}>
          {formatClock(since)}
        </span>
      </div>
      <div className="slip-row">
        {!isInForm && (
          <Action
            word={t(isAnswered || isCallback ? 'slip.register' : 'calls.answer')}
            keyId="answer"
            testId="slip-take"
            primary
            onAct={() => take(call)}
          />
        )}
        <Action word={t('slip.askPosition')} keyId="askPosition" testId="slip-ask-position" onAct={askPlace} />
        <select
          className="field slip-kind"
          data-testid="slip-kind"
          aria-label={t('slip.kind')}
          value={call.callKind ?? ''}
          onChange={event => {
            const kind = CallKind.safeParse(event.target.value)
            if (kind.success) void setCallKind(call, kind.data)
          }}
        >
          <option value="">{t('slip.kind')}</option>
          {CallKind.options.map(kind => (
            <option key={kind} value={kind}>
              {t(`slip.kindOf.${kind}`)}
            </option>
          ))}
        </select>
        {others > 0 && <span className="muted">{t('slip.more', { count: others })}</span>}
      </div>
      <SentNote subject={subjectOf.call(call.callId)} />
      {asked && (
        <div className="slip-row" data-testid="slip-asked">
          <span className="muted">{t(asked.isSent ? 'slip.linkSent' : 'slip.linkShown')}</span>
          {!asked.isSent && <code className="slip-url">{asked.link}</code>}
        </div>
      )}
      {(call.earlierCalls ?? 0) > 0 && (
        <div className="slip-row" data-testid="slip-history">
          <span className="muted">{t('slip.history', { count: call.earlierCalls! })}</span>
          {(history.data?.calls ?? []).slice(0, historyShown).map(one => (
            <span key={one.callId} className="slip-past">
              <span className="mono">{formatDayTime(one.receivedAt)}</span>{' '}
              {one.outcome ? t(`calls.outcome.${one.outcome}`) : t('slip.open')}
              {one.incidentId && <span className="mono muted"> {shortenId(one.incidentId)}</span>}
            </span>
          ))}
          {isLeader && (
            <Action
              word={t(call.isNuisance ? 'slip.unmark' : 'slip.mark')}
              testId="slip-mark"
              pressed={marking}
              onAct={() => setMarking(!marking)}
            />
          )}
          {history.data?.mark?.isInForce && (
            <span className="muted">
              {t('slip.marked', {
                by: history.data.mark.by,
                reason: history.data.mark.reason,
                until: formatDayTime(history.data.mark.expiresAt),
              })}
            </span>
          )}
        </div>
      )}
      {marking && (
        <form
          className="slip-row"
          onSubmit={event => {
            event.preventDefault()
            if (reason.trim() === '') return
            setMarking(false)
            void markNumber(call, call.isNuisance !== true, reason.trim())
          }}
        >
          <input
            className="field"
            data-testid="slip-mark-reason"
            aria-label={t('slip.markReason')}
            placeholder={t('slip.markReason')}
            value={reason}
            maxLength={200}
            onChange={event => setReason(event.target.value)}
          />
          <button type="submit" className="act" data-testid="slip-mark-send">
            {t(call.isNuisance ? 'slip.unmark' : 'slip.mark')}
          </button>
        </form>
      )}
      {candidates.length > 0 && (
        <ul className="slip-duplicates" data-testid="slip-duplicates" aria-label={t('slip.duplicates')}>
          {candidates.slice(0, historyShown).map(one => (
            <Duplicate key={one.incidentId ?? one.callId} one={one} isBest={one === best} onJoin={() => join(one)} />
          ))}
        </ul>
      )}
      {(call.links ?? []).map(link => (
        <div key={link.linkId} className="slip-row" data-testid="slip-link">
          <span>{t(`slip.link.${link.direction}`, { service: link.service })}</span>
          {link.reference && <span className="mono muted">{link.reference}</span>}
          <span className={`clock clock-${judgeLink(now, link)} live slip-clock`}>
            {formatClock((link.acknowledgedAt ?? now) - link.at)}
          </span>
          {link.acknowledgedAt === undefined ? (
            <Action
              word={t('slip.link.acknowledge')}
              testId="link-acknowledge"
              onAct={() => void acknowledgeLink(call, link)}
            />
          ) : (
            <span className="muted">{t('slip.link.acknowledged', { by: link.acknowledgedBy ?? '' })}</span>
          )}
        </div>
      ))}
      <div className="slip-row slip-ends" data-testid="slip-endings">
        {endings.map(({ outcome, keyId }) => (
          <EndKey key={outcome} call={call} outcome={outcome} keyId={keyId} />
        ))}
        <span className="slip-gap" />
        {services.map(service => (
          <Action
            key={service}
            word={t('slip.linkTo', { service })}
            testId={`link-${service}`}
            onAct={() => void linkCall(call, service)}
          />
        ))}
      </div>
    </section>
  )
}

function EndKey({ call, outcome, keyId }: { call: CallView; outcome: CallOutcome; keyId: KeyId }) {
  const { t } = useTexts()
  const end = () => void endAs(call, outcome)
  useKey(keyId, end)
  return <Action word={t(`calls.outcome.${outcome}`)} keyId={keyId} testId={`slip-end-${outcome}`} onAct={end} />
}

function Duplicate({ one, isBest, onJoin }: { one: DuplicateView; isBest: boolean; onJoin: () => void }) {
  const { t } = useTexts()
  const incident = useWorld(world => (one.incidentId ? world.incidents.get(one.incidentId) : undefined))
  const apart = t('slip.apart', { min: Math.round(one.apartS / 60) })
  const far = one.distanceM === undefined ? '' : `${one.distanceM} m`
  return (
    <li className="slip-row">
      {incident ? <LevelSquare level={incident.level} /> : <span className="level level-none">?</span>}
      <b>{t('slip.duplicate')}</b>
      <span className="mono">{shortenId(one.incidentId ?? one.callId ?? '')}</span>
      {incident?.syndrome && <span>{translateWord(t, 'syndrome', incident.syndrome)}</span>}
      <span className="muted">{[far, apart].filter(Boolean).join(' · ')}</span>
      <span className="muted">{one.reasons.map(reason => t(`slip.reason.${reason}`)).join(' ')}</span>
      <b className="live">{Math.round(one.score * 100)}%</b>
      {one.incidentId && (
        <Action
          word={t('slip.join')}
          {...(isBest ? { keyId: 'join' as const } : {})}
          testId="slip-join"
          onAct={onJoin}
        />
      )}
    </li>
  )
}

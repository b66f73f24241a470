/**
 * Callback tasks: who hung up before an answer and must be rung back, each with its own clock, its tries and the way out: reached,
 * not reached, given up with a reason. Shown under the ringing calls while there is one.
 */
import { useState } from 'react'
import type { CallView } from '#contract/view.ts'
import { subjectOf } from '../incidents/actions.ts'
import { registerCall } from '../incidents/take-call.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseCall, useDesk } from '../shell/desk.ts'
import { formatClock, shortenId } from '../shell/format.ts'
import { Action, SentNote } from '../shell/parts.tsx'
import { useBasemap, useCountyNames } from '../shell/regions.ts'
import { callBack, giveUpCallback } from './actions.ts'
import { judgeCallback, listCallbacks } from './waiting.ts'

/** Tasks shown at once; the count of all stands beside them. */
const rowsShownMax = 2

/** The tasks, first due first; nothing without one. */
export function CallbackList() {
  const { t, language } = useTexts()
  const calls = useWorld(world => world.calls)
  const nameOf = useCountyNames(language)
  const pack = useBasemap()
  const now = useSecond()
  const chosenId = useDesk(desk => desk.callId)
  const [leaving, setLeaving] = useState<string>()
  const [reason, setReason] = useState('')
  const tasks = listCallbacks(calls.values())
  const first = tasks.find(call => call.callId === chosenId) ?? tasks[0]
  if (!first) return null
  const shown = [first, ...tasks.filter(call => call !== first)].slice(0, rowsShownMax)
  const reach = (call: CallView) =>
    void callBack(call, 'reached').then(refusal => {
      if (!refusal && !useDesk.getState().draft) void registerCall(call, pack)
    })
  return (
    <section className="callbacks" aria-label={t('callback.title')} data-testid="callbacks">
      {shown.map((call, at) => {
        const task = call.callback!
        const isReached = task.state === 'reached'
        return (
          <div key={call.callId} className="callback" data-testid="callback" data-call={call.callId}>
            {at === 0 && (
              <b>
                {t('callback.title')} {tasks.length}
              </b>
            )}
            <button type="button" className="link-like mono" onClick={() => chooseCall(call.callId)}>
              {shortenId(call.callId)}
            </button>
            <span className="muted">{nameOf(call.regionCode)}</span>
            <span className="muted">{task.attempts > 0 && t('callback.tries', { count: task.attempts })}</span>
            <span className={`clock clock-${isReached ? 'warn' : judgeCallback(now, task.dueAt)} live`}>
              {formatClock(now - task.openedAt)}
            </span>
            {isReached ? (
              <Action
                word={t('slip.register')}
                testId="callback-register"
                onAct={() => void registerCall(call, pack)}
              />
            ) : (
              <>
                <Action word={t('callback.reached')} testId="callback-reached" onAct={() => reach(call)} />
                <Action
                  word={t('callback.no-answer')}
                  testId="callback-no-answer"
                  onAct={() => void callBack(call, 'no-answer')}
                />
                <Action
                  word={t('callback.giveUp')}
                  testId="callback-give-up"
                  pressed={leaving === call.callId}
                  onAct={() => setLeaving(leaving === call.callId ? undefined : call.callId)}
                />
              </>
            )}
            {leaving === call.callId && (
              <form
                className="slip-row"
                onSubmit={event => {
                  event.preventDefault()
                  if (reason.trim() === '') return
                  setLeaving(undefined)
                  setReason('')
                  void giveUpCallback(call, reason.trim())
                }}
              >
                <input
                  className="field"
                  data-testid="callback-reason"
                  aria-label={t('callback.reason')}
                  placeholder={t('callback.reason')}
                  value={reason}
                  maxLength={200}
                  onChange={event => setReason(event.target.value)}
                />
                <button type="submit" className="act" data-testid="callback-send">
                  {t('callback.giveUp')}
                </button>
              </form>
            )}
            <SentNote subject={subjectOf.call(call.callId)} />
          </div>
        )
      })}
    </section>
  )
}

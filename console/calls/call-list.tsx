/**
 * Calls nobody has answered: longest waiting first, its wait against 10 s, and one key to take it; then those in talk that nothing
 * has become of yet, and whom to ring back. Nothing leaves this list by itself; refusals stand under the row they belong to.
 */
import { useRef, useState } from 'react'
import type { CallView } from '#contract/view.ts'
import { subjectOf } from '../incidents/actions.ts'
import { useTakeCall } from '../incidents/take-call.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseCall, useDesk } from '../shell/desk.ts'
import { formatClock, shortenId } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel, SentNote } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'
import { endAs, endings } from './call-slip.tsx'
import { CallbackList } from './callback-list.tsx'
import { judgeAnswer, listTalking, listWaiting } from './waiting.ts'

/** The panel of waiting calls; `flashing` is the one alarm that may flash. */
export function CallList({ flashing }: { flashing: string | undefined }) {
  const { t, language } = useTexts()
  const calls = useWorld(world => world.calls)
  const callId = useDesk(desk => desk.callId)
  const nameOf = useCountyNames(language)
  const now = useSecond()
  const take = useTakeCall()
  const reach = useRef<GridReach>(null)
  const [ending, setEnding] = useState(false)
  const waiting = listWaiting(calls.values())
  const talking = listTalking(calls.values())
  const rows = [...waiting, ...talking]
  const chosen = rows.find(call => call.callId === callId)
  useKey('answer', () => take(chosen))
  useKey('toCalls', () => reach.current?.focus())
  const renderRow = (call: CallView) => {
    const isTalking = call.answeredAt !== undefined
    const shownMs = now - (call.answeredAt ?? call.receivedAt)
    const state = isTalking ? 'ok' : judgeAnswer(shownMs)
    return (
      <>
        <span role="gridcell">
          {call.level ? <LevelSquare level={call.level} /> : <span className="level level-none">–</span>}
        </span>
        <span role="gridcell">
          {isTalking
            ? (call.answeredBy ?? t('calls.seat', { seat: call.seat ?? '—' }))
            : call.syndrome
              ? translateWord(t, 'syndrome', call.syndrome)
              : t('syndrome.unknown')}
        </span>
        <span role="gridcell" className="muted">
          {nameOf(call.regionCode)}
          {call.isVerified === false && <em className="tag tag-warn">{t('calls.unverifiedShort')}</em>}
          {call.isNuisance && <em className="tag tag-warn">{t('calls.nuisance')}</em>}
          {(call.earlierCalls ?? 0) > 0 && (
            <em className="tag">{t('calls.again', { count: call.earlierCalls! + 1 })}</em>
          )}
          {call.channel === 'linked' && <em className="tag">{t('calls.linked')}</em>}
          {call.lon === undefined && <em className="tag">{t('calls.unknownPlace')}</em>}
        </span>
        <span role="gridcell" className="mono muted">
          {shortenId(call.callId)}
        </span>
        <span role="gridcell" className={`clock clock-${state} live`}>
          {formatClock(shownMs)}
        </span>
      </>
    )
  }
  const first = chosen ?? rows[0]
  return (
    <Panel
      title={t('calls.title')}
      testId="calls"
      count={waiting.length}
      className="calls-panel"
      tools={
        <>
          {first && (
            <Action word={t('calls.end')} testId="call-end" pressed={ending} onAct={() => setEnding(!ending)} />
          )}
          <Action
            word={t('calls.answer')}
            keyId="answer"
            testId="call-take"
            primary={waiting.length > 0}
            disabled={rows.length === 0}
            onAct={() => take(chosen)}
          />
        </>
      }
    >
      {ending && first && (
        <div className="strip" data-testid="call-endings">
          <span className="muted">
            {t('calls.source', { id: shortenId(first.callId) })} · {t('calls.endTitle')}
          </span>
          {endings.map(({ outcome }) => (
            <Action
              key={outcome}
              word={t(`calls.outcome.${outcome}`)}
              testId={`call-end-${outcome}`}
              onAct={() => {
                setEnding(false)
                void endAs(first, outcome)
              }}
            />
          ))}
        </div>
      )}
      {first && <SentNote subject={subjectOf.call(first.callId)} />}
      <GridList
        label={t('calls.title')}
        testId="call-list"
        className="cols-calls"
        columns={[
          { id: 'level', title: t('queue.column.level') },
          { id: 'what', title: t('queue.column.what') },
          { id: 'where', title: t('queue.column.where') },
          { id: 'id', title: t('calls.column') },
          { id: 'wait', title: t('calls.waiting'), className: 'right' },
        ]}
        rows={rows}
        getKey={call => call.callId}
        selectedKey={callId}
        onSelect={call => chooseCall(call.callId)}
        onOpen={call => take(call)}
        renderRow={renderRow}
        getRowClass={call =>
          `${flashing === `call:${call.callId}` ? 'flash' : ''} ${call.answeredAt === undefined ? '' : 'call-talking'}`
        }
        reach={reach}
        empty={<Empty text={t('calls.empty')} />}
      />
      <CallbackList />
    </Panel>
  )
}

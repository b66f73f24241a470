/**
 * Calls nobody has answered: longest waiting first, its wait against 10 s, and one key to take it. A call that is none of
 * our cases is ended with its kind; refusals stand under the row they belong to.
 */
import { useRef, useState } from 'react'
import type { CallView } from '#contract/view.ts'
import { endCall, subjectOf } from '../incidents/actions.ts'
import { listWaiting, useTakeCall } from '../incidents/take-call.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseCall, useDesk } from '../shell/desk.ts'
import { formatClock, shortenId } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel, SentNote } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'

/** @source domain/dispatch.md 1.5: 120 answered in 10 s */
export const answerWarnMs = 5_000
export const answerOverMs = 10_000

const endings = ['consultation', 'repeat', 'harassment', 'abandoned', 'other'] as const

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
  const chosen = waiting.find(call => call.callId === callId)
  useKey('answer', () => take(chosen))
  useKey('toCalls', () => reach.current?.focus())
  const renderRow = (call: CallView) => {
    const waitedMs = now - call.receivedAt
    const state = waitedMs > answerOverMs ? 'over' : waitedMs > answerWarnMs ? 'warn' : 'ok'
    return (
      <>
        <span role="gridcell">
          {call.level ? <LevelSquare level={call.level} /> : <span className="level level-none">–</span>}
        </span>
        <span role="gridcell">
          {call.syndrome ? translateWord(t, 'syndrome', call.syndrome) : t('syndrome.unknown')}
        </span>
        <span role="gridcell" className="muted">
          {nameOf(call.regionCode)}
          {call.lon === undefined && <em className="tag">{t('calls.unknownPlace')}</em>}
        </span>
        <span role="gridcell" className="mono muted">
          {shortenId(call.callId)}
        </span>
        <span role="gridcell" className={`clock clock-${state} live`}>
          {formatClock(waitedMs)}
        </span>
      </>
    )
  }
  const first = chosen ?? waiting[0]
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
            disabled={waiting.length === 0}
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
          {endings.map(outcome => (
            <Action
              key={outcome}
              word={t(`calls.outcome.${outcome}`)}
              testId={`call-end-${outcome}`}
              onAct={() => {
                setEnding(false)
                void endCall(first, outcome)
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
        rows={waiting}
        getKey={call => call.callId}
        selectedKey={callId}
        onSelect={call => chooseCall(call.callId)}
        onOpen={take}
        renderRow={renderRow}
        getRowClass={call => (flashing === `call:${call.callId}` ? 'flash' : '')}
        reach={reach}
        empty={<Empty text={t('calls.empty')} />}
      />
    </Panel>
  )
}

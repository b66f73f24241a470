/**
 * What stands beside the units on a case: those that come next (预派), the one that may stand down because another is there, and
 * why another unit than the advised one was sent. Nothing here ever waits for an answer before a unit may roll.
 */
import { useEffect, useRef } from 'react'
import { overrideCauses } from '#contract/entry.ts'
import type { IncidentView, UnitView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { shortenId } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, SentNote, StatusPill } from '../shell/parts.tsx'
import { acknowledgeTask, reasonOverride, releaseUnit, subjectOf, withdrawNext } from './actions.ts'
import { listLate } from './choices.ts'

/** Units whose next task this case is. */
export function NextTasks({ incident }: { incident: IncidentView }) {
  const { t } = useTexts()
  const units = useWorld(world => world.units)
  const next = (incident.nextUnitIds ?? []).flatMap(unitId => units.get(unitId) ?? [])
  return next.map(unit => (
    <div key={unit.unitId}>
      <div className="task-next" data-testid={`next-${unit.unitId}`}>
        <StatusPill unit={unit} />
        <b>{unit.name}</b>
        <span>{t('dispatch.nextAfter', { id: unit.incidentId ? shortenId(unit.incidentId) : '—' })}</span>
        {unit.nextAcknowledgedAt === undefined ? (
          <>
            <span className="muted">{t('dispatch.nextOpen')}</span>
            <Action
              word={t('dispatch.nextConfirm')}
              testId={`next-confirm-${unit.unitId}`}
              onAct={() => void acknowledgeTask(incident.incidentId, unit.unitId)}
            />
            <Action
              word={t('dispatch.nextWithdraw')}
              testId={`next-withdraw-${unit.unitId}`}
              onAct={() => void withdrawNext(incident, unit, t('incident.releaseReason.other'))}
            />
          </>
        ) : (
          <span>{t('dispatch.nextConfirmed')}</span>
        )}
      </div>
      <SentNote subject={subjectOf.task(incident.incidentId, unit.unitId)} />
    </div>
  ))
}

/** One unit is there, another still drives: stand it down with the reason in the record. */
export function StandDown({ incident, assigned }: { incident: IncidentView; assigned: readonly UnitView[] }) {
  const { t } = useTexts()
  // A mass casualty wants everybody who was sent.
  const late = incident.mass ? undefined : listLate(assigned)[0]
  const stand = () => {
    if (!late) return false
    void releaseUnit(incident, late, t('dispatch.standDownReason'))
    return true
  }
  useKey('standDown', late ? stand : undefined)
  if (!late) return null
  return (
    <div className="strip" data-testid="stand-down">
      <span>{t('dispatch.standDown', { unit: late.name })}</span>
      <Action word={t('dispatch.standDownYes')} keyId="standDown" testId="stand-down-yes" onAct={stand} />
    </div>
  )
}

/** Asked after sending, answered by O and a digit or not at all. */
export function OverrideStrip({ incident }: { incident: IncidentView }) {
  const { t } = useTexts()
  const asked = useDesk(desk => desk.override)
  const units = useWorld(world => world.units)
  const strip = useRef<HTMLDivElement>(null)
  const isShown = asked?.incidentId === incident.incidentId
  const leave = () => useDesk.setState({ override: undefined })
  const choose = (cause: (typeof overrideCauses)[number]) => {
    if (!asked) return
    leave()
    const { unitId, rank, advisedUnitId } = asked
    void reasonOverride(asked.incidentId, { unitId, rank, advisedUnitId, cause })
  }
  useKey('override', isShown ? () => strip.current?.querySelector('button')?.focus() : undefined)
  useEffect(() => {
    // Another case in hand: the question falls away unanswered.
    if (asked && asked.incidentId !== incident.incidentId) useDesk.setState({ override: undefined })
  }, [asked, incident.incidentId])
  if (!asked || !isShown) return null
  return (
    <div
      className="strip"
      data-testid="override-strip"
      ref={strip}
      onKeyDown={press => {
        const cause = overrideCauses[Number(press.key) - 1]
        if (press.key === 'Escape') leave()
        else if (cause) choose(cause)
        else return
        press.preventDefault()
        press.stopPropagation()
      }}
    >
      <span>{t('dispatch.override', { unit: units.get(asked.unitId)?.name ?? asked.unitId, rank: asked.rank })}</span>
      {overrideCauses.map((cause, at) => (
        <button
          key={cause}
          type="button"
          className="act"
          data-testid={`override-${cause}`}
          onClick={() => choose(cause)}
        >
          {t(`dispatch.overrideCause.${cause}`)}
          <kbd className="key">{at + 1}</kbd>
        </button>
      ))}
      <Action word={t('dispatch.overrideLater')} keyId="override" testId="override-leave" onAct={leave} />
    </div>
  )
}

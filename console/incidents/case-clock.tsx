/**
 * The clock of a case, t0 to t14: the case's own steps, then a row for each unit. Shown is the stamp that counts by the one rule
 * of the contract, with the letter of its source; a step nobody stamped is a dash. A shift leader adds a corrected time with the
 * reason; what stood before stays and is told on hover.
 */
import { useState } from 'react'
import { type ChainStamp, chooseStamp, nameStamp, otherStamps, stampChain } from '#contract/stamps.ts'
import type { IncidentView, StampView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useRole } from '../shell/desk.ts'
import { formatTime } from '../shell/format.ts'
import { Action } from '../shell/parts.tsx'
import { editStamp } from './actions.ts'
import { readClockTime } from './choices.ts'
import './incidents.css'

type Editing = { stamp: ChainStamp; unitId: string | undefined; at: number }

function EditForm({ incident, editing, onDone }: { incident: IncidentView; editing: Editing; onDone: () => void }) {
  const { t, language } = useTexts()
  const [time, setTime] = useState(formatTime(editing.at))
  const [reason, setReason] = useState('')
  const at = readClockTime(time, editing.at)
  const save = () => {
    if (at === undefined || reason.trim() === '') return
    onDone()
    const { stamp, unitId } = editing
    void editStamp(incident, { stamp, at, reason: reason.trim(), ...(unitId ? { unitId } : {}) })
  }
  return (
    <div className="strip" data-testid="stamp-edit">
      <span>{t('dispatch.editStamp', { step: nameStamp(editing.stamp, language) })}</span>
      <input
        className="chip chip-input mono"
        aria-label={t('dispatch.editTime')}
        data-testid="stamp-edit-time"
        value={time}
        maxLength={8}
        onChange={change => setTime(change.target.value)}
      />
      <input
        className="chip chip-input stamp-reason"
        placeholder={t('dispatch.editReason')}
        aria-label={t('dispatch.editReason')}
        data-testid="stamp-edit-reason"
        value={reason}
        maxLength={200}
        onChange={change => setReason(change.target.value)}
      />
      <Action
        word={t('dispatch.editSave')}
        testId="stamp-edit-save"
        primary
        disabled={at === undefined || reason.trim() === ''}
        onAct={save}
      />
      <Action word={t('form.cancel')} testId="stamp-edit-cancel" onAct={onDone} />
    </div>
  )
}

/** The clock; test id `stamps`. */
export function CaseClock({ incident }: { incident: IncidentView }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const mayEdit = useRole('shift-leader')
  const [editing, setEditing] = useState<Editing>()
  const { stamps } = incident
  const tell = (rows: readonly StampView[]) =>
    rows
      .map(row =>
        [
          formatTime(row.at),
          t(`incident.stampSource.${row.source}`),
          row.by ?? '',
          row.offline ? t('dispatch.offline') : '',
          row.reason ?? '',
        ]
          .filter(part => part !== '')
          .join(' · '),
      )
      .join('\n')
  const cell = (stamp: ChainStamp, unitId: string | undefined) => {
    const chosen = chooseStamp(stamps, stamp, unitId)
    const all = stamps.filter(row => row.stamp === stamp && row.unitId === unitId)
    const letter = chosen && t(`dispatch.sourceLetter.${chosen.source}`)
    const near = chosen?.at ?? stamps.findLast(row => row.unitId === unitId)?.at ?? incident.openedAt
    return (
      <span
        key={stamp}
        className={`step ${chosen ? `step-${chosen.source}` : 'step-missing'} ${chosen?.offline ? 'step-offline' : ''}`}
        title={tell(all)}
        data-testid={`step-${stamp}`}
        onDoubleClick={mayEdit ? () => setEditing({ stamp, unitId, at: near }) : undefined}
      >
        <small>{nameStamp(stamp, language)}</small>
        <time className="mono">
          {chosen ? formatTime(chosen.at) : '—'}
          {letter && <sup>{letter}</sup>}
        </time>
        {mayEdit && (
          <button
            type="button"
            className="step-pen no-print"
            aria-label={t('dispatch.editStamp', { step: nameStamp(stamp, language) })}
            data-testid={`edit-${stamp}`}
            onClick={() => setEditing({ stamp, unitId, at: near })}
          >
            ✎
          </button>
        )}
      </span>
    )
  }
  const unitIds = [...new Set(stamps.flatMap(row => (row.stamp === 'ordered' && row.unitId ? [row.unitId] : [])))]
  // Of a unit that is on the case every step that is to come is shown as missing; of one that left, what it did.
  const isShown = (row: (typeof stampChain)[number], unitId: string) =>
    row.per === 'unit' && (incident.unitIds.includes(unitId) || chooseStamp(stamps, row.stamp, unitId) !== undefined)
  const others = stamps.filter(row => Object.hasOwn(otherStamps, row.stamp))
  return (
    <div className="case-times" data-testid="stamps">
      <div className="steps">{stampChain.filter(row => row.per === 'case').map(row => cell(row.stamp, undefined))}</div>
      {unitIds.map(unitId => (
        <div key={unitId} className="steps-of" data-testid={`steps-${unitId}`}>
          <b>{units.get(unitId)?.name ?? unitId}</b>
          <div className="steps">
            {stampChain.filter(row => isShown(row, unitId)).map(row => cell(row.stamp, unitId))}
          </div>
        </div>
      ))}
      {others.length > 0 && (
        <ul className="other-steps">
          {others.map((row, at) => (
            <li key={`${row.stamp}-${row.at}-${at}`} title={row.by ?? ''}>
              <time className="mono">{formatTime(row.at)}</time> {nameStamp(row.stamp, language)}{' '}
              {row.unitId ? (units.get(row.unitId)?.name ?? row.unitId) : ''}{' '}
              <span className="muted">{row.reason ?? ''}</span>
            </li>
          ))}
        </ul>
      )}
      <p className="faint no-print">{t('dispatch.sources')}</p>
      {editing && <EditForm incident={incident} editing={editing} onDone={() => setEditing(undefined)} />}
    </div>
  )
}

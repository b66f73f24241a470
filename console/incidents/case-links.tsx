/**
 * How this record hangs together with others: joined, taken apart, opened again, cancelled before it was served. Links are always
 * shown; what can be done stands in a strip that changes nothing until a row of it is pressed.
 */
import { useState } from 'react'
import { cancelCauses } from '#contract/entry.ts'
import type { IncidentView, UnitView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, useDesk } from '../shell/desk.ts'
import { formatKm, formatTime, shortenId } from '../shell/format.ts'
import { Action, LevelSquare } from '../shell/parts.tsx'
import { cancelIncident, mergeIncident, reopenIncident, splitIncident } from './actions.ts'
import { CaseStrip, closeStrip, useStrip } from './case-strip.tsx'
import { listNear } from './choices.ts'
import { getDistanceKm } from './distance.ts'
import { describeComplaint } from './queue.tsx'

/** Causes of a cancellation, each its own button; used by the strip that ends a case. */
export function CancelCauses({
  incident,
  reason,
  onDone,
}: {
  incident: IncidentView
  reason: string
  onDone: () => void
}) {
  const { t } = useTexts()
  return (
    <>
      <span className="strip-break">{t('dispatch.cancelTitle')}</span>
      {cancelCauses.map(cause => (
        <Action
          key={cause}
          word={t(`dispatch.cancelCause.${cause}`)}
          testId={`cancel-${cause}`}
          danger
          onAct={() => {
            onDone()
            void cancelIncident(incident, cause, reason)
          }}
        />
      ))}
    </>
  )
}

/** The links of a record and what can be done about them. */
export function CaseLinks({ incident, assigned }: { incident: IncidentView; assigned: readonly UnitView[] }) {
  const { t } = useTexts()
  const incidents = useWorld(world => world.incidents)
  const open = incident.state === 'open'
  const isMerging = useStrip('merge', 'merge', open)
  const [isReopening, setReopening] = useState(false)
  const links: [word: string, ids: readonly (string | undefined)[]][] = [
    ['mergedInto', [incident.mergedInto]],
    ['mergedFrom', incident.mergedFrom ?? []],
    ['splitFrom', [incident.splitFrom]],
    ['splitInto', incident.splitInto ?? []],
    ['reopenedFrom', [incident.reopenedFrom]],
    ['reopenedAs', [incident.reopenedAs]],
  ]
  const shown = links.flatMap(([word, ids]) => ids.flatMap(id => (id === undefined ? [] : [{ word, id }])))
  const reopen = async (reason: string) => {
    setReopening(false)
    const made = await reopenIncident(incident, reason)
    if (made) chooseIncident(made)
  }
  const split = async (unit: UnitView) => {
    closeStrip()
    const made = await splitIncident(incident, [unit.unitId])
    if (made) chooseIncident(made)
  }
  return (
    <section className="block" data-testid="links">
      <h3>
        {t('dispatch.links')}
        {shown.length === 0 && <span className="faint">{t('dispatch.noLinks')}</span>}
        <span className="block-tools no-print">
          {open ? (
            <Action
              word={t('dispatch.merge')}
              keyId="merge"
              testId="merge-open"
              pressed={isMerging}
              onAct={() => useDesk.setState({ strip: isMerging ? undefined : 'merge' })}
            />
          ) : (
            !incident.reopenedAs &&
            !incident.mergedInto && (
              <Action
                word={t('dispatch.reopen')}
                testId="reopen-open"
                pressed={isReopening}
                onAct={() => setReopening(!isReopening)}
              />
            )
          )}
        </span>
      </h3>
      {shown.map(({ word, id }) => (
        <button
          key={`${word}-${id}`}
          type="button"
          className="act link-row"
          data-testid={`link-${word}`}
          onClick={() => chooseIncident(id)}
        >
          {t(`dispatch.link.${word}`)} <span className="mono">{shortenId(id)}</span>
        </button>
      ))}
      {isMerging && (
        <CaseStrip testId="merge-strip" title={t('dispatch.mergeTitle')}>
          {listNear(incident, incidents.values()).map(near => (
            <button
              key={near.incidentId}
              type="button"
              className="act"
              data-testid={`merge-${near.incidentId}`}
              onClick={() => {
                closeStrip()
                void mergeIncident(incident, near.incidentId)
              }}
            >
              <LevelSquare level={near.level} /> <span className="mono">{shortenId(near.incidentId)}</span>{' '}
              {describeComplaint(t, near)} {formatKm(getDistanceKm(incident, near))} km {formatTime(near.openedAt)}
            </button>
          ))}
          {listNear(incident, incidents.values()).length === 0 && <span>{t('dispatch.mergeNone')}</span>}
          {assigned.length > 1 && <span className="strip-break">{t('dispatch.splitTitle')}</span>}
          {assigned.length > 1 &&
            assigned.map(unit => (
              <Action
                key={unit.unitId}
                word={unit.name}
                testId={`split-${unit.unitId}`}
                onAct={() => void split(unit)}
              />
            ))}
        </CaseStrip>
      )}
      {isReopening && (
        <CaseStrip testId="reopen-strip" title={t('dispatch.reopenTitle')}>
          {(['calledAgain', 'closedEarly', 'worse'] as const).map(reason => (
            <Action
              key={reason}
              word={t(`dispatch.reopenReason.${reason}`)}
              testId={`reopen-${reason}`}
              onAct={() => void reopen(t(`dispatch.reopenReason.${reason}`))}
            />
          ))}
        </CaseStrip>
      )}
    </section>
  )
}

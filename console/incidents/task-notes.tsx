/**
 * What became of an order, beside the unit it was meant for: sending, refused with the reason, and refusals whose unit is no
 * candidate any more. Used by both lists of candidates, the advised one and the straight-line one.
 */
import type { IncidentView, UnitView } from '#contract/view.ts'
import { useSent, useSentOn } from '../live/commands.ts'
import { SentNote } from '../shell/parts.tsx'
import { subjectOf } from './actions.ts'

export function TaskRefusal({ incident, unit }: { incident: IncidentView; unit: UnitView }) {
  const sent = useSentOn(subjectOf.task(incident.incidentId, unit.unitId))
  if (sent?.step !== 'refused' && sent?.step !== 'sending') return null
  return (
    <div className="candidate-note">
      <SentNote subject={subjectOf.task(incident.incidentId, unit.unitId)} />
    </div>
  )
}

/** Refused orders whose unit is no candidate any more (it was taken): the refusal must stay on the screen all the same. */
export function StrayRefusals({ incident, shown }: { incident: IncidentView; shown: readonly string[] }) {
  const prefix = subjectOf.task(incident.incidentId, '')
  const refused = useSent(state =>
    [...state.bySubject]
      .filter(([subject, sent]) => sent.step === 'refused' && subject.startsWith(prefix))
      .map(([subject]) => subject.slice(prefix.length))
      .join('\n'),
  )
  return refused
    .split('\n')
    .filter(unitId => unitId !== '' && !shown.includes(unitId) && !incident.unitIds.includes(unitId))
    .map(unitId => <SentNote key={unitId} subject={subjectOf.task(incident.incidentId, unitId)} />)
}

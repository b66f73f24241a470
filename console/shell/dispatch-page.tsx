/**
 * The dispatch desk: form or case with its questions, the lists (calls, incidents, units), the map. Three fixed regions that never
 * move by themselves. @source domain/dispatch.md §6.1 point 1
 */
import { useState } from 'react'
import { CallList } from '../calls/call-list.tsx'
import { CallSlip } from '../calls/call-slip.tsx'
import { ClosedList } from '../incidents/closed-list.tsx'
import { DraftForm } from '../incidents/draft-form.tsx'
import { IncidentPanel } from '../incidents/incident-panel.tsx'
import { PackPanel } from '../incidents/pack-panel.tsx'
import { IncidentQueue } from '../incidents/queue.tsx'
import { useTexts } from '../language/i18n.ts'
import { UnitList } from '../units/unit-list.tsx'
import { followChosen, useDesk } from './desk.ts'
import { useKey } from './keys.ts'
import { MapPanel } from './map-panel.tsx'
import { Action, Panel } from './parts.tsx'

/** The page; `flashing` is the one alarm that may flash. */
export function DispatchPage({ flashing }: { flashing: string | undefined }) {
  const { t } = useTexts()
  const draft = useDesk(desk => desk.draft)
  const [history, setHistory] = useState(false)
  useKey('newIncident', () => useDesk.setState({ draft: { level: 3, syndrome: 'unknown' }, incidentId: undefined }))
  useKey('follow', followChosen)
  return (
    <main className="desk desk-dispatch" data-testid="page-dispatch">
      <div className="column column-case">
        {draft ? (
          <DraftForm key={draft.callId ?? 'hand'} draft={draft} />
        ) : history ? (
          <Panel
            title={t('incident.history')}
            testId="history-panel"
            tools={<Action word={t('incident.personHide')} testId="history-close" onAct={() => setHistory(false)} />}
          >
            <ClosedList />
          </Panel>
        ) : (
          <IncidentPanel />
        )}
        <PackPanel key="questions" />
        {!draft && !history && (
          <button
            type="button"
            className="column-foot tab no-print"
            data-testid="history-open"
            onClick={() => setHistory(true)}
          >
            {t('incident.history')}
          </button>
        )}
      </div>
      <div className="column column-lists">
        <CallList flashing={flashing} />
        <IncidentQueue />
        <UnitList flashing={flashing} />
      </div>
      <MapPanel flashing={flashing} />
      <CallSlip />
    </main>
  )
}

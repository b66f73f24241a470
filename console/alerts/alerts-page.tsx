/** The alert desk: inbox or history 30 %, evidence centre, map with the county outlined and cases by county. */
import { useState } from 'react'
import type { AlertView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatFigure } from '../shell/format.ts'
import { MapPanel } from '../shell/map-panel.tsx'
import { Action, Panel } from '../shell/parts.tsx'
import { AlertHistory } from './alert-history.tsx'
import { AlertPanel } from './alert-panel.tsx'
import { useChoropleth } from './choropleth.ts'
import { Inbox } from './inbox.tsx'

/** The page; `flashing` is the one alarm that may flash. */
export function AlertsPage({ flashing }: { flashing: string | undefined }) {
  const { t } = useTexts()
  const alerts = useWorld(world => world.alerts)
  const regions = useWorld(world => world.regions)
  const alertId = useDesk(desk => desk.alertId)
  const [past, setPast] = useState<AlertView>()
  const [history, setHistory] = useState(false)
  const alert = history ? past : alertId ? (alerts.get(alertId) ?? past) : undefined
  const { states, max, main } = useChoropleth(alert, alerts, regions)
  return (
    <main className="desk desk-alerts" data-testid="page-alerts">
      <div className="column">
        <Panel
          title={t('alerts.inbox')}
          testId="inbox"
          tools={
            <>
              <Action
                word={t('alerts.current')}
                testId="inbox-current"
                pressed={!history}
                onAct={() => setHistory(false)}
              />
              <Action
                word={t('alerts.history')}
                testId="inbox-history"
                pressed={history}
                onAct={() => setHistory(true)}
              />
            </>
          }
        >
          {history ? <AlertHistory chosenId={past?.alertId} onChoose={setPast} /> : <Inbox flashing={flashing} />}
        </Panel>
      </div>
      <div className="column column-case">
        <AlertPanel alert={alert} />
      </div>
      <MapPanel
        quiet
        regionStates={states}
        legend={
          main &&
          max !== undefined && (
            <>
              <b>{t('alerts.mapLegend')}</b>
              <span>
                {t('alerts.mapLegendOf', {
                  source: translateWord(t, 'source', main.sourceKind),
                  syndrome: translateWord(t, 'syndrome', main.syndrome),
                })}
              </span>
              <span className="ramp">
                0 <i /> {formatFigure(Number(max.toFixed(1)))}
              </span>
            </>
          )
        }
      />
    </main>
  )
}

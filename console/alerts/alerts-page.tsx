/**
 * The review board: list or history, evidence centre, map with the county outlined, cases by county as its fill and the
 * facilities behind the chosen alert as circles.
 */
import { useMemo, useState } from 'react'
import type { AlertView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk, useRole } from '../shell/desk.ts'
import { formatFigure } from '../shell/format.ts'
import { type MapCircle, MapPanel } from '../shell/map-panel.tsx'
import { Action, Panel } from '../shell/parts.tsx'
import '../surveillance/surveillance.css'
import { AlertHistory } from './alert-history.tsx'
import { AlertPanel, useFacilities } from './alert-panel.tsx'
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
  const surveys = useRole('epidemiologist')
  const places = useWorld(world => world.places)
  const behind = useFacilities(alert, surveys)
  const circles = useMemo(() => {
    const rows = behind.data?.facilities ?? []
    const byPlace = new Map<string, { count: number; usual: number }>()
    for (const row of rows) {
      const held = byPlace.get(row.facilityId) ?? { count: 0, usual: 0 }
      byPlace.set(row.facilityId, { count: held.count + row.count, usual: held.usual + (row.usual ?? row.count) })
    }
    const most = Math.max(1, ...[...byPlace.values()].map(each => each.count))
    return [...byPlace].flatMap(([id, { count, usual }]): MapCircle[] => {
      const place = places.get(id)
      // Areas compare, not radii: twice the cases are twice the ink.
      return place
        ? [
            {
              id,
              lon: place.lon,
              lat: place.lat,
              radiusPx: 4 + 18 * Math.sqrt(count / most),
              strong: count >= 2 * usual,
            },
          ]
        : []
    })
  }, [behind.data, places])
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
        circles={circles}
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
              {circles.length > 0 && (
                <span className="circle-keys">
                  <i className="circle-key" /> {t('review.circleKey')} <i className="circle-key circle-strong" />{' '}
                  {t('review.circleStrong')}
                </span>
              )}
            </>
          )
        }
      />
    </main>
  )
}

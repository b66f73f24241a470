/**
 * Where the patient goes: hospitals by drive, service and load with the age of every figure, the notice by one press, and who at
 * the hospital has confirmed it. Asked for when the strip opens and again when a unit's place or a hospital's word changes.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { hospitalServiceNames } from '#contract/fleet.ts'
import type { DestinationView, IncidentView, UnitView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatAge, formatClock, formatKm, formatTime } from '../shell/format.ts'
import { Action, Empty, ReadState } from '../shell/parts.tsx'
import { notifyHospital } from './actions.ts'
import { useStrip } from './case-strip.tsx'
import { findCarrier } from './choices.ts'

/** Asked again while the strip is open: a unit with the patient moves. */
const askAgainMs = 15_000
/** A notice nobody at the hospital has confirmed turns amber and red. @source domain/dispatch.md 6.3 point 4: after 60 s */
export const noticeLimitMs = [30_000, 60_000] as const

export function DestinationPart({
  incident,
  assigned,
  now,
}: {
  incident: IncidentView
  assigned: readonly UnitView[]
  now: number
}) {
  const { t, language } = useTexts()
  const places = useWorld(world => world.places)
  const units = useWorld(world => world.units)
  const unitId = useDesk(desk => desk.unitId)
  const isOpen = useStrip('hospital', 'hospital', incident.state === 'open')
  const carrier = findCarrier(assigned, unitId)
  const query = writeQuery({ unitId: carrier?.unitId })
  const asked = useQuery({
    queryKey: ['destinations', incident.incidentId, query, carrier?.status],
    queryFn: () =>
      read<DestinationView>(`/v1/incidents/${encodeURIComponent(incident.incidentId)}/destinations${query}`),
    enabled: isOpen,
    placeholderData: keepPreviousData,
    refetchInterval: askAgainMs,
  })
  const view = asked.data
  const notices = incident.notices ?? []
  const nameOf = (placeId: string, name: string) =>
    (language === 'en' ? places.get(placeId)?.nameEn : undefined) ?? name
  return (
    <section className="block" data-testid="destinations">
      <h3>
        {t('dispatch.destination')}
        {view && isOpen && (
          <span className="faint">
            {t(`incident.advice.travel.${view.travel}`)}
            {view.wants.length > 0 &&
              ` · ${t('dispatch.wants', {
                list: view.wants.map(each => hospitalServiceNames[each][language]).join(t('state.listed')),
              })}`}
          </span>
        )}
        {incident.state === 'open' && (
          <span className="block-tools no-print">
            <Action
              word={t('dispatch.destinationAsk')}
              keyId="hospital"
              testId="destination-open"
              pressed={isOpen}
              onAct={() => useDesk.setState({ strip: isOpen ? undefined : 'hospital' })}
            />
          </span>
        )}
      </h3>
      {notices.map(notice => {
        const waitedMs = now - notice.at
        const state = waitedMs > noticeLimitMs[1] ? 'over' : waitedMs > noticeLimitMs[0] ? 'warn' : 'ok'
        return (
          <div key={notice.unitId} className="notice-row" data-testid={`notice-${notice.unitId}`}>
            <b>{nameOf(notice.placeId, notice.placeName)}</b>
            <span>{units.get(notice.unitId)?.name ?? notice.unitId}</span>
            {notice.etaAt !== undefined && <span>{t('dispatch.eta', { time: formatTime(notice.etaAt) })}</span>}
            {notice.acknowledgedAt === undefined ? (
              <span className={`clock clock-${state} live`}>
                {t('dispatch.noticeOpen')} {formatClock(waitedMs)}
              </span>
            ) : (
              <span>{t('dispatch.noticeDone', { name: notice.acknowledgedBy ?? '' })}</span>
            )}
          </div>
        )
      })}
      {isOpen && (
        <div className="no-print" data-testid="destination-list">
          <ReadState
            isLoading={asked.isLoading}
            thrown={asked.error}
            hasContent={view !== undefined}
            onRetry={() => void asked.refetch()}
          />
          {view?.rows.length === 0 && <Empty text={t('dispatch.noHospital')} />}
          {!carrier && <p className="muted">{t('dispatch.noCarrier')}</p>}
          {view?.rows.map((row, index) => (
            <div key={row.placeId} className="destination-row" data-testid={`destination-${index + 1}`}>
              <span className="faint">{row.rank}</span>
              <b>{nameOf(row.placeId, row.name)}</b>
              <span className="right">{formatClock(row.driveS * 1_000)}</span>
              <span className="right">{formatKm(row.km)} km</span>
              <span
                className={`right ${row.reportedAt === undefined ? 'faint' : `age ${row.isOld ? 'age-lost' : 'age-fresh'}`}`}
              >
                {row.reportedAt === undefined ? t('dispatch.neverReported') : formatAge(now - row.reportedAt)}
              </span>
              <Action
                word={t('dispatch.notify')}
                testId={`notify-${index + 1}`}
                primary={index === 0 && notices.length === 0}
                disabled={!carrier}
                onAct={() => {
                  if (carrier) void notifyHospital(incident, carrier, row.placeId, Math.round(now + row.driveS * 1_000))
                }}
              />
              <span className={`destination-why ${row.diverted.length > 0 ? 'warn-text' : ''}`}>
                {row.edState ? t(`dispatch.edState.${row.edState}`) : ''} {row.why[language]}
              </span>
            </div>
          ))}
        </div>
      )}
    </section>
  )
}

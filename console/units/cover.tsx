/**
 * Cover: how much of the people find a free unit in time, and which free unit would help more elsewhere. Proposals come on demand
 * and for a unit just freed; a dispatcher presses, nothing moves by itself, and each row says how many moves its shift has left.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { CoverView, UnitView } from '#contract/view.ts'
import { moveUnit, subjectOf } from '../incidents/actions.ts'
import { isFree } from '../incidents/advice.ts'
import { findFreed } from '../incidents/choices.ts'
import { useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatClock } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, ReadState, SentNote } from '../shell/parts.tsx'

const askAgainMs = 30_000

/** The strip under the units; nothing while it is closed. */
export function CoverStrip({ chosen, now }: { chosen: UnitView | undefined; now: number }) {
  const { t, language } = useTexts()
  const places = useWorld(world => world.places)
  const units = useWorld(world => world.units)
  const isOpen = useDesk(desk => desk.strip === 'cover')
  const toggle = () => useDesk.setState({ strip: isOpen ? undefined : 'cover' })
  useKey('cover', toggle)
  useKey('leave', isOpen ? () => useDesk.setState({ strip: undefined }) : undefined)
  const asked = isOpen ? findFreed(units.values(), chosen, now) : undefined
  const query = writeQuery({ unitId: asked?.unitId })
  const answer = useQuery({
    queryKey: ['cover', query, asked?.version],
    queryFn: () => read<CoverView>(`/v1/cover${query}`),
    enabled: isOpen,
    placeholderData: keepPreviousData,
    refetchInterval: askAgainMs,
  })
  if (!isOpen) return null
  const view = answer.data
  const nameOf = (placeId: string | undefined) => (placeId && places.get(placeId)?.name) ?? '—'
  const percent = (share: number) => (share * 100).toFixed(1)
  return (
    <div className="strip cover-strip" data-testid="cover-strip">
      <span>
        <b>{t('dispatch.cover')}</b>{' '}
        {view && t('dispatch.coverNow', { percent: percent(view.covered), count: view.freeUnits, s: view.withinS })}
        {view && (
          <small className="faint">
            {' '}
            {view.coverTravel === 'none' ? t('dispatch.coverNone') : t(`incident.advice.travel.${view.coverTravel}`)}
          </small>
        )}
      </span>
      <ReadState
        isLoading={answer.isLoading}
        thrown={answer.error}
        hasContent={view !== undefined}
        onRetry={() => void answer.refetch()}
      />
      {asked && view?.choices && (
        <div className="cover-rows" data-testid="cover-choices">
          <span>{t('dispatch.coverFor', { unit: asked.name })}</span>
          {view.choices.slice(0, 4).map(choice => (
            <Action
              key={choice.placeId}
              word={`${nameOf(choice.placeId)}${choice.isHome ? ` (${t('dispatch.home')})` : ''} +${percent(choice.gain)}% ${formatClock(choice.driveS * 1_000)}`}
              testId={`cover-choice-${choice.placeId}`}
              pressed={(asked.baseId ?? asked.stationId) === choice.placeId}
              onAct={() => void moveUnit(asked, choice.placeId, choice.gain)}
            />
          ))}
          <SentNote subject={subjectOf.unit(asked.unitId)} />
        </div>
      )}
      <div className="cover-rows" data-testid="cover-proposals">
        {view?.proposals.length === 0 && <span className="muted">{t('dispatch.coverEnough')}</span>}
        {view?.proposals.map(row => {
          const unit = units.get(row.unitId)
          return (
            <div key={row.unitId} className="cover-row" data-testid={`cover-${row.unitId}`}>
              <b>{unit?.name ?? row.unitId}</b>
              <span>
                {nameOf(row.fromPlaceId)} → {nameOf(row.toPlaceId)}
              </span>
              <span className="muted">{row.why[language]}</span>
              <span className="faint">{t('dispatch.movesLeft', { count: row.movesLeft })}</span>
              <Action
                word={t('dispatch.move')}
                testId={`cover-move-${row.unitId}`}
                disabled={!isFree(unit)}
                onAct={() => {
                  if (unit) void moveUnit(unit, row.toPlaceId, row.gain)
                }}
              />
              <SentNote subject={subjectOf.unit(row.unitId)} />
            </div>
          )
        })}
      </div>
      <Action word={t('incident.personHide')} keyId="cover" testId="cover-close" onAct={toggle} />
    </div>
  )
}

/**
 * A mass casualty: declared by one key with the number expected, then several units proposed at once with what stays for the rest
 * of the region. The proposal is sent as single orders, so that a unit another desk took is refused alone and by name.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { IncidentView, MassView, UnitView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatClock, formatTime } from '../shell/format.ts'
import { Action, ReadState } from '../shell/parts.tsx'
import { assignUnit, declareMass } from './actions.ts'
import { isFree } from './advice.ts'
import { CaseStrip, closeStrip, useStrip } from './case-strip.tsx'

const askAgainMs = 10_000
/** Units one proposal asks for at most; the server's own limit is the same. */
const askedMax = 20

export function MassPart({ incident, assigned }: { incident: IncidentView; assigned: readonly UnitView[] }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const isOpen = useStrip('mass', 'mass', incident.state === 'open')
  const { mass } = incident
  const [expected, setExpected] = useState(mass?.expected ?? 5)
  const isLifted = mass?.reserveLifted ?? false
  // One unit a patient until the commander says otherwise; those already on the case count.
  const wanted = Math.max(1, Math.min(askedMax, (mass?.expected ?? expected) - assigned.length))
  const query = writeQuery({ count: String(wanted), lifted: String(isLifted) })
  const plan = useQuery({
    queryKey: ['mass', incident.incidentId, query, incident.version],
    queryFn: () => read<MassView>(`/v1/incidents/${encodeURIComponent(incident.incidentId)}/mass${query}`),
    enabled: incident.state === 'open' && mass !== undefined && isOpen,
    placeholderData: keepPreviousData,
    refetchInterval: askAgainMs,
  })
  if (incident.state !== 'open' && !mass) return null
  const rows = plan.data?.rows ?? []
  const sendAll = () => {
    for (const row of rows) {
      const unit = units.get(row.unitId)
      if (isFree(unit)) void assignUnit(incident, unit)
    }
    closeStrip()
  }
  const declare = (lifted: boolean) => void declareMass(incident, Math.max(1, Math.min(10_000, expected)), lifted)
  return (
    <section className="block" data-testid="mass">
      <h3>
        {mass ? (
          <b className="mass-mark" data-testid="mass-mark">
            {t('dispatch.massMark', { count: mass.expected, time: formatTime(mass.at) })}
          </b>
        ) : (
          t('dispatch.mass')
        )}
        {incident.state === 'open' && (
          <span className="block-tools no-print">
            <Action
              word={t(mass ? 'dispatch.massPlan' : 'dispatch.massDeclare')}
              keyId="mass"
              testId="mass-open"
              pressed={isOpen}
              onAct={() => useDesk.setState({ strip: isOpen ? undefined : 'mass' })}
            />
          </span>
        )}
      </h3>
      {isOpen && (
        <CaseStrip testId="mass-strip" title={t('dispatch.massExpected')}>
          <input
            className="chip chip-input mass-count"
            type="number"
            min={1}
            max={10_000}
            aria-label={t('dispatch.massExpected')}
            data-testid="mass-count"
            value={expected}
            onChange={change => setExpected(Number(change.target.value) || 1)}
            onKeyDown={press => {
              if (press.key !== 'Enter') return
              declare(isLifted)
              press.preventDefault()
            }}
          />
          <Action
            word={t(mass ? 'dispatch.massRenew' : 'dispatch.massDeclare')}
            testId="mass-declare"
            danger={!mass}
            onAct={() => declare(isLifted)}
          />
          {mass && (
            <Action
              word={t(isLifted ? 'dispatch.reserveKeep' : 'dispatch.reserveLift')}
              testId="mass-lift"
              pressed={isLifted}
              onAct={() => declare(!isLifted)}
            />
          )}
        </CaseStrip>
      )}
      {isOpen && mass && (
        <div data-testid="mass-plan">
          <ReadState
            isLoading={plan.isLoading}
            thrown={plan.error}
            hasContent={plan.data !== undefined}
            onRetry={() => void plan.refetch()}
          />
          {plan.data && (
            <p>
              {t('dispatch.massSummary', {
                count: rows.length,
                asked: plan.data.asked,
                idle: plan.data.idle,
                kept: plan.data.kept,
              })}
              {plan.data.short > 0 && (
                <b className="warn-text"> {t('dispatch.massShort', { count: plan.data.short })}</b>
              )}
            </p>
          )}
          {rows.map(row => (
            <div key={row.unitId} className="mass-row" data-testid={`mass-row-${row.unitId}`}>
              <span className="faint">{row.rank}</span>
              <b>{units.get(row.unitId)?.name ?? row.unitId}</b>
              <span className="right">{formatClock(row.etaP50S * 1_000)}</span>
              <span className="muted">{row.why[language]}</span>
            </div>
          ))}
          <Action
            word={t('dispatch.massSend', { count: rows.length })}
            testId="mass-send"
            primary
            disabled={rows.length === 0}
            onAct={sendAll}
          />
        </div>
      )}
    </section>
  )
}

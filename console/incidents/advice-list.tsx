/**
 * The units the server advises: five rows with arrival, road, reason and what the rest of the city loses, keys Alt+1 to Alt+5;
 * below them, greyed, who would be free soon and which nearer units were left out and why. It says whether it went by road.
 */
import type { AdviceView, IncidentView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatClock, formatKm, shortenId } from '../shell/format.ts'
import { type KeyId, useKey } from '../shell/keys.ts'
import { Action } from '../shell/parts.tsx'
import { assignUnit, divertUnit, queueUnit } from './actions.ts'
import { isFree, measureBar } from './advice.ts'
import { StrayRefusals, TaskRefusal } from './task-notes.tsx'

const assignKeys: readonly KeyId[] = ['assign1', 'assign2', 'assign3', 'assign4', 'assign5']

export function AdviceList({ incident, advice }: { incident: IncidentView; advice: AdviceView }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const { rows, soonFree, nearer, travel, travelWhy } = advice
  const nameUnit = (unitId: string) => units.get(unitId)?.name ?? unitId
  // A key belongs to its row: when a unit is taken by another seat its key rests, and no other unit moves under the finger.
  const assign = (index: number) => {
    const unit = units.get(rows[index]?.unitId ?? '')
    if (!isFree(unit)) return false
    void assignUnit(incident, unit)
    // Asked after sending, beside the list: nobody waits for the reason.
    if (index > 0 && incident.unitIds.length === 0 && !pair.includes(unit.unitId))
      useDesk.setState({
        override: {
          incidentId: incident.incidentId,
          unitId: unit.unitId,
          rank: index + 1,
          advisedUnitId: rows[0]!.unitId,
        },
      })
    return true
  }
  const pair = advice.pair ?? []
  const sendPair = () => {
    let sent = 0
    for (const unitId of pair) {
      const unit = units.get(unitId)
      if (!isFree(unit)) continue
      sent++
      void assignUnit(incident, unit)
    }
    return sent > 0
  }
  useKey('pair', pair.length > 0 && incident.unitIds.length === 0 ? sendPair : undefined)
  useKey('assign1', () => assign(0))
  useKey('assign2', () => assign(1))
  useKey('assign3', () => assign(2))
  useKey('assign4', () => assign(3))
  useKey('assign5', () => assign(4))
  const arrival = (row: { etaP50S: number; etaP90S: number }) => (
    <span className="right advice-eta" title={t('incident.advice.etaHow')}>
      <b>{formatClock(row.etaP50S * 1_000)}</b> <small>({formatClock(row.etaP90S * 1_000)})</small>
    </span>
  )
  return (
    <section className="block no-print" data-testid="candidates">
      <h3>
        {t('incident.advice.title')}
        <span className={`advice-travel advice-travel-${travel}`} data-testid="advice-travel" data-travel={travel}>
          {t(`incident.advice.travel.${travel}`)}
          {travelWhy && <small> {travelWhy[language]}</small>}
        </span>
      </h3>
      {pair.length > 0 && incident.unitIds.length === 0 && (
        <div className="strip" data-testid="advice-pair">
          <span>{t('dispatch.pair', { units: pair.map(nameUnit).join(' + ') })}</span>
          <Action word={t('dispatch.pairSend')} keyId="pair" testId="pair-send" primary onAct={sendPair} />
        </div>
      )}
      {(advice.diversions ?? []).map(row => (
        <div key={row.unitId} className="strip" data-testid={`divert-${row.unitId}`}>
          <span>
            {t('dispatch.divert', {
              unit: nameUnit(row.unitId),
              from: shortenId(row.fromIncidentId),
              gain: formatClock(row.gainS * 1_000),
              delay: formatClock(row.delayS * 1_000),
              other: nameUnit(row.replacementUnitId),
            })}
          </span>
          <Action
            word={t('dispatch.divertSend')}
            testId={`divert-send-${row.unitId}`}
            onAct={() => {
              const unit = units.get(row.unitId)
              if (unit?.incidentId === row.fromIncidentId) void divertUnit(incident, unit, t('dispatch.divertReason'))
            }}
          />
        </div>
      ))}
      {rows.length === 0 && <p className="muted">{t('incident.noCandidates')}</p>}
      {rows.map((row, index) => {
        const unit = units.get(row.unitId)
        const percent = (row.coverLoss * 100).toFixed(1)
        const loss = t('incident.advice.coverLoss', { percent })
        return (
          <div
            key={row.unitId}
            className={`advice-row ${isFree(unit) ? '' : 'candidate-passed'}`}
            data-testid={`candidate-${index + 1}`}
            data-unit={row.unitId}
          >
            <span className="faint">{row.rank}</span>
            <b>
              {nameUnit(row.unitId)} <small className="muted">{unit ? t(`units.class.${unit.unitClass}`) : ''}</small>
            </b>
            {arrival(row)}
            <span className="right">{formatKm(row.roadKm)} km</span>
            <meter
              className="advice-loss"
              min={0}
              max={1}
              value={measureBar(row, rows)}
              title={loss}
              aria-label={loss}
            />
            <Action
              word={isFree(unit) ? t('incident.assign') : t('incident.advice.taken')}
              keyId={assignKeys[index]!}
              testId={`assign-${index + 1}`}
              primary={index === 0 && incident.unitIds.length === 0}
              disabled={!isFree(unit)}
              onAct={() => assign(index)}
            />
            <span className="advice-why">
              {row.unitId === advice.capableUnitId && <b>{t('incident.advice.capable')} · </b>}
              {row.why[language]}
            </span>
            {unit && <TaskRefusal incident={incident} unit={unit} />}
          </div>
        )
      })}
      {soonFree.map(row => (
        <div key={row.unitId} className="advice-row candidate-passed" data-testid="advice-soon">
          <span>–</span>
          <span>{nameUnit(row.unitId)}</span>
          {arrival(row)}
          <span className="right">{formatKm(row.roadKm)} km</span>
          <span className="advice-soon">{t('incident.advice.soonFree')}</span>
          <Action
            word={t('dispatch.queue')}
            testId={`queue-${row.unitId}`}
            onAct={() => {
              const unit = units.get(row.unitId)
              if (unit) void queueUnit(incident, unit)
            }}
          />
        </div>
      ))}
      {nearer.map(unit => (
        <div
          key={unit.unitId}
          className="advice-row candidate-passed"
          data-testid="advice-nearer"
          data-code={unit.code}
        >
          <span>–</span>
          <span>{nameUnit(unit.unitId)}</span>
          <span className="right">{unit.etaP50S === undefined ? '' : formatClock(unit.etaP50S * 1_000)}</span>
          <span className="right">{formatKm(unit.crowKm)} km</span>
          <span className="advice-soon" title={unit.why[language]}>
            {unit.why[language]}
          </span>
        </div>
      ))}
      <StrayRefusals incident={incident} shown={rows.map(row => row.unitId)} />
    </section>
  )
}

/**
 * Which centre answers for the case, and handing it over: the offer with its clock, taking or refusing what is offered to this
 * seat by one key, and asking a neighbour for a unit.
 */
import { useState } from 'react'
import type { IncidentView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatClock, formatTime } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { acceptTransfer, askAid, offerTransfer, refuseAid, refuseTransfer, withdrawTransfer } from './actions.ts'
import { CaseStrip, closeStrip, getOwnerCode, listCentres, useStrip } from './case-strip.tsx'
import { isOfferedTo } from './choices.ts'
import { judgeWait, transferLimitMs } from './timers.ts'

const refusals = ['noUnit', 'notOurs', 'wrongPlace'] as const
const reasons = ['nearer', 'theirs', 'noUnit', 'command'] as const

/** Answers to an offer: take it (one key), refuse it with a reason, or take it back. */
function OfferCard({ incident, now }: { incident: IncidentView; now: number }) {
  const { t, language } = useTexts()
  const nameOf = useRegionNames(language)
  const own = useDesk(desk => desk.regions)
  const { transfer } = incident
  const isOurs = isOfferedTo(incident, own)
  useKey('accept', isOurs ? () => void acceptTransfer(incident) : undefined)
  if (!transfer) return null
  const [warnMs, overMs] = transferLimitMs
  const state = judgeWait({ kind: 'transfer', since: transfer.at, warnMs, overMs }, now)
  return (
    <div className={`strip offer offer-${state}`} data-testid="transfer-offer" data-ours={isOurs}>
      <span>
        <b>{t('dispatch.offer', { from: nameOf(transfer.fromCode), to: nameOf(transfer.toCode) })}</b> {transfer.reason}{' '}
        <span className="muted">{transfer.by}</span>
      </span>
      <span className={`clock clock-${state} live`}>{formatClock(now - transfer.at)}</span>
      {isOurs ? (
        <>
          <Action
            word={t('dispatch.accept')}
            keyId="accept"
            testId="transfer-accept"
            primary
            onAct={() => void acceptTransfer(incident)}
          />
          <span className="muted">{t('dispatch.refuse')}</span>
          {refusals.map(reason => (
            <Action
              key={reason}
              word={t(`dispatch.refuseReason.${reason}`)}
              testId={`transfer-refuse-${reason}`}
              onAct={() => void refuseTransfer(incident, t(`dispatch.refuseReason.${reason}`))}
            />
          ))}
        </>
      ) : (
        <Action
          word={t('dispatch.withdraw')}
          testId="transfer-withdraw"
          onAct={() => void withdrawTransfer(incident)}
        />
      )}
    </div>
  )
}

/** Owner, offer, help asked for. */
export function TransferPart({ incident, now }: { incident: IncidentView; now: number }) {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const units = useWorld(world => world.units)
  const nameOf = useRegionNames(language)
  const own = useDesk(desk => desk.regions)
  const open = incident.state === 'open'
  const [reason, setReason] = useState<(typeof reasons)[number]>('nearer')
  const isOffering = useStrip('transfer', 'transfer', open && !incident.transfer)
  const isAsking = useStrip('aid', 'aid', open)
  const owner = getOwnerCode(incident)
  const aid = incident.aid ?? []
  const others = (incident.visibleTo ?? []).filter(code => code !== owner)
  const reasonChoice = (
    <select
      className="chip"
      aria-label={t('dispatch.reasonLabel')}
      data-testid="strip-reason"
      value={reason}
      onChange={change => setReason(change.target.value as typeof reason)}
    >
      {reasons.map(each => (
        <option key={each} value={each}>
          {t(`dispatch.reason.${each}`)}
        </option>
      ))}
    </select>
  )
  return (
    <section className="block" data-testid="centre">
      <h3>
        {t('dispatch.owner')} <b data-testid="owner">{nameOf(owner)}</b>
        {others.length > 0 && (
          <span className="faint">{t('dispatch.visibleTo', { list: others.map(nameOf).join(t('state.listed')) })}</span>
        )}
        {open && (
          <span className="block-tools no-print">
            {!incident.transfer && (
              <Action
                word={t('dispatch.transfer')}
                keyId="transfer"
                testId="transfer-open"
                pressed={isOffering}
                onAct={() => useDesk.setState({ strip: isOffering ? undefined : 'transfer' })}
              />
            )}
            <Action
              word={t('dispatch.aid')}
              keyId="aid"
              testId="aid-open"
              pressed={isAsking}
              onAct={() => useDesk.setState({ strip: isAsking ? undefined : 'aid' })}
            />
          </span>
        )}
      </h3>
      <OfferCard incident={incident} now={now} />
      {isOffering && (
        <CaseStrip testId="transfer-strip" title={t('dispatch.transferTo')}>
          {listCentres(regions, incident, [owner]).map(region => (
            <Action
              key={region.code}
              word={nameOf(region.code)}
              testId={`transfer-to-${region.code}`}
              onAct={() => {
                closeStrip()
                void offerTransfer(incident, region.code, t(`dispatch.reason.${reason}`))
              }}
            />
          ))}
          {reasonChoice}
        </CaseStrip>
      )}
      {isAsking && (
        <CaseStrip testId="aid-strip" title={t('dispatch.aidOf')}>
          {listCentres(regions, incident, [owner]).map(region => (
            <Action
              key={region.code}
              word={nameOf(region.code)}
              testId={`aid-of-${region.code}`}
              onAct={() => {
                closeStrip()
                void askAid(incident, region.code, t('dispatch.reason.noUnit'))
              }}
            />
          ))}
        </CaseStrip>
      )}
      {aid.map(row => (
        <div key={`${row.ofCode}-${row.at}`} className="aid-row" data-testid="aid-row">
          <span>{t('dispatch.aidRow', { name: nameOf(row.ofCode), time: formatTime(row.at) })}</span>
          {row.unitId ? (
            <b>{t('dispatch.aidSent', { unit: units.get(row.unitId)?.name ?? row.unitId })}</b>
          ) : row.refused ? (
            <span className="warn-text">{t('dispatch.aidRefused', { reason: row.refused })}</span>
          ) : own.includes(row.ofCode) ? (
            <>
              <span>{t('dispatch.aidOurs')}</span>
              <Action
                word={t('dispatch.aidNo')}
                testId="aid-refuse"
                onAct={() => void refuseAid(incident, row.ofCode, t('dispatch.refuseReason.noUnit'))}
              />
            </>
          ) : (
            <span className="clock live">{formatClock(now - row.at)}</span>
          )}
        </div>
      ))}
    </section>
  )
}

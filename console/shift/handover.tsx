/**
 * Shift hand-over: one signs the sheet the house makes, another takes over and signs by an own account. What was signed stays as it
 * was and can be printed at any time.
 */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { HandoverView } from '#contract/duty.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { createUuid, say } from '../live/commands.ts'
import { read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { formatCityDay, formatDayTime, formatTime, shortenId } from '../shell/format.ts'
import { Action, Empty, LevelSquare, Panel, ReadState, SentNote, StatusPill } from '../shell/parts.tsx'
import { useRegionNames } from '../shell/regions.ts'
import { LateHead, LateRow } from './late-list.tsx'
import { usePaper } from './paper.tsx'

/** Milliseconds between two readings of the list: the other side signs at another desk. */
const readEveryMs = 5_000
const subject = 'handover'

/** Regions a seat may hand over: the counties it sees units of, and the city above them when there are several. */
export function useSeatRegions(): string[] {
  const units = useWorld(world => world.units)
  const regions = useWorld(world => world.regions)
  return useMemo(() => {
    const own = new Set([...units.values()].map(unit => unit.regionCode))
    const counties = [...regions.values()].filter(region => region.level === 'county' && own.has(region.code))
    const cities = [...regions.values()].filter(region => region.level === 'city')
    const above = cities.filter(city => counties.filter(county => county.parentCode === city.code).length > 1)
    return [...above, ...counties].map(region => region.code)
  }, [units, regions])
}

/** The sheet, on screen and on paper. */
export function HandoverSheetView({ handover }: { handover: HandoverView }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const nameOf = useRegionNames(language)
  const { sheet } = handover
  const nameUnit = (unitId: string) => units.get(unitId)?.name ?? unitId
  const cut = (shown: number, count: number) =>
    count > shown ? <p className="faint">{t('handover.cut', { shown, count })}</p> : null
  return (
    <div className="sheet" data-testid="handover-sheet">
      <h3>
        {t('handover.sheetTitle', {
          region: nameOf(handover.regionCode),
          time: `${formatCityDay(sheet.madeAt)} ${formatTime(sheet.madeAt)}`,
        })}
      </h3>
      {handover.note && <p>{handover.note}</p>}
      <h4>
        {t('handover.open')} {sheet.incidentCount}
      </h4>
      {sheet.incidents.length > 0 && (
        <table className="figures">
          <tbody>
            {sheet.incidents.map(row => (
              <tr key={row.incidentId}>
                <td>
                  <LevelSquare level={row.level} />
                </td>
                <td className="mono">{shortenId(row.incidentId)}</td>
                <td>{row.syndrome ? t(`syndrome.${row.syndrome}`) : ''}</td>
                <td className="muted">{nameOf(row.regionCode)}</td>
                <td className="mono">{formatDayTime(row.openedAt)}</td>
                <td>{row.unitIds.map(nameUnit).join(t('state.listed')) || t('handover.noUnit')}</td>
                <td className="muted">{row.noteCount > 0 ? t('handover.notes', { count: row.noteCount }) : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {cut(sheet.incidents.length, sheet.incidentCount)}
      <h4>
        {t('handover.out')} {sheet.unitCount}
      </h4>
      {sheet.units.length > 0 && (
        <table className="figures">
          <tbody>
            {sheet.units.map(row => (
              <tr key={row.unitId}>
                <td>{nameUnit(row.unitId)}</td>
                <td>
                  <StatusPill unit={row} />
                </td>
                <td className="mono">{formatDayTime(row.since)}</td>
                <td className="mono">{row.incidentId ? shortenId(row.incidentId) : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {cut(sheet.units.length, sheet.unitCount)}
      <h4>
        {t('handover.callbacks')} {sheet.callbackCount}
      </h4>
      {sheet.callbacks.length > 0 && (
        <table className="figures">
          <tbody>
            {sheet.callbacks.map(row => (
              <tr key={row.callId}>
                <td className="mono">{shortenId(row.callId)}</td>
                <td className="muted">{nameOf(row.regionCode)}</td>
                <td className="mono">{t('handover.due', { time: formatDayTime(row.dueAt) })}</td>
                <td>{t('handover.attempts', { count: row.attempts })}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h4>
        {t('handover.late')} {sheet.lateCount}
      </h4>
      {sheet.late.length > 0 && (
        <table className="figures">
          <LateHead />
          <tbody>
            {sheet.late.map(row => (
              <LateRow
                key={`${row.kind}|${row.incidentId ?? row.callId}|${row.unitId ?? ''}`}
                late={row as never}
                now={sheet.madeAt}
              />
            ))}
          </tbody>
        </table>
      )}
      {cut(sheet.late.length, sheet.lateCount)}
      <dl className="signatures">
        <div>
          <dt>{t('handover.giver')}</dt>
          <dd>
            {handover.offeredBy} {formatDayTime(handover.offeredAt)}
          </dd>
        </div>
        <div>
          <dt>{t('handover.taker')}</dt>
          <dd data-testid="handover-taker">
            {handover.state === 'done' && handover.endedAt
              ? `${handover.endedBy} ${formatDayTime(handover.endedAt)}`
              : t(`handover.state.${handover.state}`)}
          </dd>
        </div>
      </dl>
      {handover.takerNote && <p>{handover.takerNote}</p>}
    </div>
  )
}

/** The panel: offer, sign, list, print. */
export function Handover() {
  const { t, language } = useTexts()
  const client = useQueryClient()
  const now = useSecond()
  const seatName = useDesk(desk => desk.seatName)
  const choices = useSeatRegions()
  const nameOf = useRegionNames(language)
  const [region, setRegion] = useState<string>()
  const [note, setNote] = useState('')
  const [chosenId, setChosen] = useState<string>()
  const { paper, print } = usePaper()
  const asked = useQuery({
    queryKey: ['handovers'],
    queryFn: () => read<{ handovers: HandoverView[] }>('/v1/handovers?limit=30'),
    placeholderData: keepPreviousData,
    refetchInterval: readEveryMs,
  })
  const handovers = asked.data?.handovers ?? []
  const regionCode = region ?? choices[0]
  const offer = handovers.find(each => each.state === 'offered' && each.regionCode === regionCode)
  const chosen = handovers.find(each => each.handoverId === chosenId) ?? offer ?? handovers[0]
  const tell = async (sent: Promise<unknown>) => {
    const refusal = await sent
    if (refusal === undefined) setNote('')
    await client.invalidateQueries({ queryKey: ['handovers'] })
  }
  const words = note.trim() === '' ? {} : { note: note.trim() }
  return (
    <Panel
      title={t('handover.title')}
      testId="handover-panel"
      tools={chosen && <Action word={t('report.print')} testId="handover-print" onAct={print} />}
    >
      <div className="report-body">
        <div className="form-line">
          <label className="pick">
            <span>{t('report.region')}</span>
            <select
              className="field"
              data-testid="handover-region"
              value={regionCode ?? ''}
              onChange={change => setRegion(change.target.value)}
            >
              {choices.map(code => (
                <option key={code} value={code}>
                  {nameOf(code)}
                </option>
              ))}
            </select>
          </label>
          <label className="pick form-wide">
            <span>{t('handover.note')}</span>
            <input
              className="field"
              data-testid="handover-note"
              maxLength={1_000}
              value={note}
              placeholder={t('handover.noteHint')}
              onChange={change => setNote(change.target.value)}
            />
          </label>
        </div>
        <div className="form-line">
          {!offer && (
            <Action
              word={t('handover.offer')}
              testId="handover-offer"
              primary
              disabled={!regionCode}
              onAct={() =>
                void tell(
                  say(subject, 'shift.handoverOffered', {
                    handoverId: `H-${createUuid()}`,
                    regionCode: regionCode!,
                    ...words,
                  }),
                )
              }
            />
          )}
          {offer && (
            <>
              <span data-testid="handover-waiting">
                {t('handover.waiting', {
                  by: offer.offeredBy,
                  minutes: Math.max(0, Math.floor((now - offer.offeredAt) / 60_000)),
                })}
              </span>
              <Action
                word={t('handover.take')}
                testId="handover-take"
                primary
                disabled={offer.offeredBy === seatName}
                title={offer.offeredBy === seatName ? t('handover.notSelf') : t('handover.takeHint')}
                onAct={() =>
                  void tell(
                    say(subject, 'shift.handedOver', {
                      handoverId: offer.handoverId,
                      regionCode: offer.regionCode,
                      ...words,
                    }),
                  )
                }
              />
              <Action
                word={t('handover.withdraw')}
                testId="handover-withdraw"
                onAct={() =>
                  void tell(
                    say(subject, 'shift.handoverWithdrawn', {
                      handoverId: offer.handoverId,
                      regionCode: offer.regionCode,
                      reason: note.trim() || t('handover.again'),
                    }),
                  )
                }
              />
            </>
          )}
          <SentNote subject={subject} />
        </div>
        <ReadState
          isLoading={asked.isLoading}
          thrown={asked.error}
          hasContent={asked.data !== undefined}
          onRetry={() => void asked.refetch()}
        />
        {asked.data && handovers.length === 0 && <Empty text={t('handover.none')} hint={t('handover.noneHint')} />}
        {chosen && <HandoverSheetView handover={chosen} />}
        {handovers.length > 0 && (
          <>
            <h4>{t('handover.list')}</h4>
            <table className="figures" data-testid="handover-list">
              <tbody>
                {handovers.map(each => (
                  <tr
                    key={each.handoverId}
                    aria-selected={each === chosen}
                    className={each === chosen ? 'report-total' : ''}
                  >
                    <td className="mono">
                      <button type="button" className="link-button" onClick={() => setChosen(each.handoverId)}>
                        {formatDayTime(each.offeredAt)}
                      </button>
                    </td>
                    <td>{nameOf(each.regionCode)}</td>
                    <td>{each.offeredBy}</td>
                    <td>{each.endedBy ?? ''}</td>
                    <td className="muted">{t(`handover.state.${each.state}`)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </div>
      {chosen && paper(<HandoverSheetView handover={chosen} />)}
    </Panel>
  )
}

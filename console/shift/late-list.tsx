/**
 * What is late now and why, from the live world by the contract's own limits; worst against its limit first. A row opens its case at
 * the desk. While the link is gone it shows the last world and goes on counting: what was late is later.
 */
import { useMemo } from 'react'
import { describeLate, type Late, listLate, waitKinds } from '#contract/waits.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, useDesk } from '../shell/desk.ts'
import { formatClock, shortenId } from '../shell/format.ts'
import { Empty, LevelSquare, Panel } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'

/** Rows drawn at once; more is said as a count. */
const lateShownMax = 120

/** One late thing as a row of a table; used on screen and on the printed sheet. */
export function LateRow({ late, now, onOpen }: { late: Late; now: number; onOpen?: (() => void) | undefined }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const nameOf = useCountyNames(language)
  const id = late.incidentId ?? late.callId ?? ''
  return (
    <tr data-testid="late-row" data-kind={late.kind} data-why={late.why}>
      <td>{late.level === undefined ? '' : <LevelSquare level={late.level} />}</td>
      <td>{t(`late.kind.${late.kind}`)}</td>
      <td className="mono">
        {onOpen && late.incidentId ? (
          <button type="button" className="link-button" onClick={onOpen}>
            {shortenId(id)}
          </button>
        ) : (
          shortenId(id)
        )}
      </td>
      <td>{late.unitId ? (units.get(late.unitId)?.name ?? late.unitId) : ''}</td>
      <td className="muted">{nameOf(late.regionCode)}</td>
      <td className="right mono warn-text">{formatClock(now - late.since)}</td>
      <td className="right mono faint">{formatClock(late.overMs)}</td>
      <td>{describeLate(late, language)}</td>
    </tr>
  )
}

/** Heading of the table of late things. */
export function LateHead() {
  const { t } = useTexts()
  return (
    <thead>
      <tr>
        <th />
        <th>{t('late.column.wait')}</th>
        <th>{t('late.column.case')}</th>
        <th>{t('late.column.unit')}</th>
        <th>{t('late.column.where')}</th>
        <th className="right">{t('late.column.waited')}</th>
        <th className="right">{t('late.column.limit')}</th>
        <th>{t('late.column.why')}</th>
      </tr>
    </thead>
  )
}

/** The panel. */
export function LateList() {
  const { t } = useTexts()
  const now = useSecond()
  const units = useWorld(world => world.units)
  const calls = useWorld(world => world.calls)
  const incidents = useWorld(world => world.incidents)
  const places = useWorld(world => world.places)
  const late = useMemo(() => listLate({ units, calls, incidents, places }, now), [units, calls, incidents, places, now])
  const byKind = waitKinds.map(kind => [kind, late.filter(row => row.kind === kind).length] as const)
  const open = (incidentId: string) => {
    useDesk.setState({ page: 'dispatch' })
    chooseIncident(incidentId)
  }
  return (
    <Panel title={t('late.title')} testId="late-panel" count={late.length}>
      <div className="chips">
        {byKind
          .filter(([, count]) => count > 0)
          .map(([kind, count]) => (
            <span key={kind} className="chip-label">
              {t(`late.kind.${kind}`)} <b className="live">{count}</b>
            </span>
          ))}
        {late.length === 0 && <span className="faint">{t('late.allInTime')}</span>}
      </div>
      <div className="report-body">
        {late.length === 0 && <Empty text={t('late.none')} hint={t('late.noneHint')} />}
        {late.length > 0 && (
          <table className="figures" data-testid="late-table">
            <LateHead />
            <tbody>
              {late.slice(0, lateShownMax).map(row => (
                <LateRow
                  key={`${row.kind}|${row.incidentId ?? row.callId}|${row.unitId ?? ''}`}
                  late={row}
                  now={now}
                  onOpen={row.incidentId ? () => open(row.incidentId!) : undefined}
                />
              ))}
            </tbody>
          </table>
        )}
        {late.length > lateShownMax && <p className="faint">{t('late.more', { count: late.length - lateShownMax })}</p>}
      </div>
    </Panel>
  )
}

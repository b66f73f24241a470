/**
 * All units of the scope: status, county, age of the fix and distance to the selected case. Ordered by what a dispatcher
 * looks for: with a case selected, idle units by distance; without, by status and name. Old fixes look old.
 */
import { useMemo, useRef, useState } from 'react'
import type { UnitView } from '#contract/view.ts'
import { acknowledgeDistress, confirmSuggestion, endDistress, subjectOf } from '../incidents/actions.ts'
import { getDistanceKm } from '../incidents/distance.ts'
import { findUnitWait, judgeWait } from '../incidents/timers.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { findFix } from '../live/positions.ts'
import { useWorld } from '../live/store.ts'
import { chooseIncident, chooseUnit, followChosen, useDesk } from '../shell/desk.ts'
import { formatAge, formatClock, formatKm, formatTime, shortenId } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, Panel, SentNote, StatusPill } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'
import { CoverStrip } from './cover.tsx'
import { judgeFreshness } from './freshness.ts'
import { getStatusLook, unitStatuses } from './status.ts'
import { StatusStrip } from './status-strip.tsx'

type Shown = 'all' | 'idle' | 'busy' | 'out'
const shownKinds: readonly Shown[] = ['all', 'idle', 'busy', 'out']

function isShown(unit: UnitView, shown: Shown): boolean {
  if (shown === 'all') return true
  if (shown === 'idle') return unit.status === 'idle'
  if (shown === 'out') return unit.status === 'unavailable' || unit.silent
  return unit.status !== 'idle' && unit.status !== 'unavailable'
}

/** The panel of units; `flashing` is the one alarm that may flash. */
export function UnitList({ flashing }: { flashing: string | undefined }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const incidentId = useDesk(desk => desk.incidentId)
  const place = useWorld(world => (incidentId ? world.incidents.get(incidentId) : undefined))
  const unitId = useDesk(desk => desk.unitId)
  const statusOf = useDesk(desk => desk.statusOf)
  const trackOf = useDesk(desk => desk.trackOf)
  const stripOpen = useDesk(desk => desk.strip === 'cover')
  const nameOf = useCountyNames(language)
  const now = useSecond()
  const reach = useRef<GridReach>(null)
  const [shown, setShown] = useState<Shown>('all')
  const [word, setWord] = useState('')

  const rows = useMemo(() => {
    const given = word.trim().toLowerCase()
    const kept = [...units.values()].filter(
      unit =>
        isShown(unit, shown) &&
        (given === '' || `${unit.unitId} ${unit.name} ${unit.plate ?? ''}`.toLowerCase().includes(given)),
    )
    const km = new Map<string, number>()
    if (place) {
      for (const unit of kept) {
        const fix = findFix(unit.unitId)
        if (fix) km.set(unit.unitId, getDistanceKm(place, fix))
      }
    }
    const mine = (unit: UnitView) => (place?.unitIds.includes(unit.unitId) ? 0 : 1)
    const order = (unit: UnitView) => unitStatuses.indexOf(unit.status)
    kept.sort((a, b) => {
      if (place) {
        const idle = (unit: UnitView) => (unit.status === 'idle' && !unit.silent ? 0 : 1)
        return (
          mine(a) - mine(b) ||
          idle(a) - idle(b) ||
          (km.get(a.unitId) ?? 1e9) - (km.get(b.unitId) ?? 1e9) ||
          (a.name < b.name ? -1 : 1)
        )
      }
      return order(a) - order(b) || a.name.localeCompare(b.name, 'zh-CN', { numeric: true })
    })
    return kept.map(unit => ({ unit, km: km.get(unit.unitId) }))
    // Distances are taken anew when a record, the case or the filter changes and every five seconds, so rows stand still
    // long enough to be read.
  }, [units, shown, word, place, Math.floor(now / 5_000)])

  const chosen = unitId ? units.get(unitId) : undefined
  const suggestion = chosen?.suggestion
  const distressed = useMemo(() => [...units.values()].filter(unit => unit.distress), [units])
  const shift = chosen?.shifts?.find(each => each.startsAt <= now && now < each.endsAt)
  useKey('suggestion', chosen && suggestion ? () => void confirmSuggestion(chosen) : undefined)
  useKey('toUnits', () => reach.current?.focus())
  useKey('status', chosen ? () => useDesk.setState({ statusOf: chosen.unitId }) : undefined)

  const renderRow = ({ unit, km }: { unit: UnitView; km: number | undefined }) => {
    const fix = findFix(unit.unitId)
    const ageMs = fix ? now - fix.fixAt : undefined
    const freshness = judgeFreshness(ageMs)
    const wait = findUnitWait(unit)
    return (
      <>
        <span role="gridcell">
          <StatusPill unit={unit} />
        </span>
        <span role="gridcell">
          {unit.name}
          {unit.nextIncidentId && <b title={t('dispatch.hasNext', { id: shortenId(unit.nextIncidentId) })}> +1</b>}
        </span>
        <span role="gridcell" className="muted">
          {unit.unitClass}
        </span>
        <span role="gridcell" className="muted">
          {nameOf(unit.regionCode)}
        </span>
        <span role="gridcell" className={`right clock clock-${wait ? judgeWait(wait, now) : 'ok'} live`}>
          {formatClock(now - unit.statusAt)}
        </span>
        <span role="gridcell" className={`right age age-${freshness} live`}>
          {ageMs === undefined ? t('units.noFix') : formatAge(ageMs)}
        </span>
        <span role="gridcell" className="right">
          {place ? (km === undefined ? '—' : `${formatKm(km)} km`) : unit.incidentId ? shortenId(unit.incidentId) : ''}
        </span>
      </>
    )
  }
  return (
    <Panel
      title={t('units.title')}
      testId="units"
      count={t('units.count', { shown: rows.length, total: units.size })}
      tools={
        <>
          <Action
            word={t('dispatch.cover')}
            keyId="cover"
            testId="cover-open"
            pressed={stripOpen}
            onAct={() => useDesk.setState({ strip: stripOpen ? undefined : 'cover' })}
          />
          {chosen && (
            <>
              <Action
                word={trackOf === chosen.unitId ? t('units.trackHide') : t('units.track')}
                testId="unit-track"
                pressed={trackOf === chosen.unitId}
                onAct={() => useDesk.setState({ trackOf: trackOf === chosen.unitId ? undefined : chosen.unitId })}
              />
              {chosen.incidentId && (
                <Action
                  word={t('units.openIncident')}
                  testId="unit-open-incident"
                  onAct={() => chooseIncident(chosen.incidentId)}
                />
              )}
              <Action
                word={t('units.setStatus')}
                keyId="status"
                testId="unit-set-status"
                pressed={statusOf === chosen.unitId}
                onAct={() => useDesk.setState({ statusOf: chosen.unitId })}
              />
            </>
          )}
        </>
      }
    >
      <div className="chips">
        {shownKinds.map(kind => (
          <button
            key={kind}
            type="button"
            className="chip"
            aria-pressed={shown === kind}
            data-testid={`chip-units-${kind}`}
            onClick={() => setShown(kind)}
          >
            {t(kind === 'idle' ? 'units.onlyIdle' : `units.${kind}`)}
          </button>
        ))}
        <input
          className="chip chip-input"
          placeholder={t('units.search')}
          aria-label={t('units.search')}
          data-testid="unit-search"
          value={word}
          maxLength={40}
          onChange={change => setWord(change.target.value)}
        />
        {place && <span className="faint chip-note">{t('units.straight')}</span>}
      </div>
      {statusOf && units.get(statusOf) && <StatusStrip unit={units.get(statusOf)!} />}
      {distressed.map(unit => (
        <div key={unit.unitId} className="strip distress-strip" data-testid={`distress-${unit.unitId}`}>
          <span>
            <StatusPill unit={unit} /> <b>{unit.name}</b> {t('dispatch.distressSince')}{' '}
            <span className="clock clock-over live">{formatClock(now - unit.distress!.at)}</span>
          </span>
          {unit.distress!.acknowledgedAt === undefined ? (
            <Action
              word={t('dispatch.distressSeen')}
              keyId="acknowledge"
              testId={`distress-seen-${unit.unitId}`}
              danger
              onAct={() => void acknowledgeDistress(unit.unitId)}
            />
          ) : (
            <span className="muted">{t('dispatch.distressBy', { name: unit.distress!.acknowledgedBy ?? '' })}</span>
          )}
          <Action
            word={t('dispatch.distressEnd')}
            testId={`distress-end-${unit.unitId}`}
            onAct={() => void endDistress(unit.unitId)}
          />
        </div>
      ))}
      {chosen && suggestion && (
        <div className="strip" data-testid="suggestion">
          <span>
            {t('dispatch.suggested', {
              unit: chosen.name,
              status: getStatusLook(suggestion.status).words[language],
              time: formatTime(suggestion.at),
            })}
          </span>
          <Action
            word={t('incident.confirm')}
            keyId="suggestion"
            testId="suggestion-confirm"
            onAct={() => void confirmSuggestion(chosen)}
          />
        </div>
      )}
      {shift && (
        <p className="shift-line muted" data-testid="shift-line">
          {t('dispatch.shift', {
            from: formatTime(shift.startsAt).slice(0, 5),
            to: formatTime(shift.endsAt).slice(0, 5),
          })}{' '}
          {shift.crew.map(member => `${t(`dispatch.crewRole.${member.role}`)} ${member.name}`).join(t('state.listed'))}
          {shift.breaks.some(pause => pause.from <= now && now < pause.to) && (
            <b className="warn-text"> {t('dispatch.onBreak')}</b>
          )}
        </p>
      )}
      <CoverStrip chosen={chosen} now={now} />
      {chosen && <SentNote subject={subjectOf.unit(chosen.unitId)} />}
      <GridList
        label={t('units.title')}
        testId="unit-list"
        className="cols-units"
        columns={[
          { id: 'status', title: t('units.column.status') },
          { id: 'name', title: t('units.column.name') },
          { id: 'class', title: t('units.column.class') },
          { id: 'where', title: t('units.column.where') },
          { id: 'for', title: t('units.column.since'), className: 'right' },
          { id: 'age', title: t('units.column.age'), className: 'right' },
          { id: 'km', title: place ? t('units.column.distance') : t('units.column.incident'), className: 'right' },
        ]}
        rows={rows}
        getKey={row => row.unit.unitId}
        selectedKey={unitId}
        onSelect={row => chooseUnit(row.unit.unitId)}
        onOpen={row => {
          chooseUnit(row.unit.unitId)
          followChosen()
        }}
        renderRow={renderRow}
        getRowClass={({ unit }) => {
          const fix = findFix(unit.unitId)
          const lost = judgeFreshness(fix ? now - fix.fixAt : undefined) === 'lost' || unit.silent
          const flash = flashing === `order:${unit.unitId}:${unit.statusAt}`
          return `${lost ? 'row-stale' : ''} ${flash ? 'flash' : ''}`
        }}
        reach={reach}
        empty={<Empty text={units.size === 0 ? t('units.empty') : t('units.emptyFiltered')} />}
      />
    </Panel>
  )
}

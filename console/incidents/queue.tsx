/**
 * The queue of open incidents: level, wait beyond target, time. Filter chips never hide level I and always say how many
 * rows they hide. The same place of every row carries its one timer.
 */
import { useMemo, useRef, useState } from 'react'
import type { IncidentView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { chooseIncident, followChosen, useDesk } from '../shell/desk.ts'
import { formatClock, shortenId } from '../shell/format.ts'
import { GridList, type GridReach } from '../shell/grid-list.tsx'
import { useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel } from '../shell/parts.tsx'
import { findCounty } from '../shell/region-words.ts'
import { useCountyNames } from '../shell/regions.ts'
import { listQueue, openFilter, type QueueRow } from './order.ts'
import { judgeWait } from './timers.ts'

/** The panel of open incidents with its filter chips. */
export function IncidentQueue() {
  const { t, language } = useTexts()
  const incidents = useWorld(world => world.incidents)
  const units = useWorld(world => world.units)
  const regions = useWorld(world => world.regions)
  const incidentId = useDesk(desk => desk.incidentId)
  const nameOf = useCountyNames(language)
  const now = useSecond()
  const reach = useRef<GridReach>(null)
  const [filter, setFilter] = useState(openFilter)
  const { rows, hiddenCount } = useMemo(
    () =>
      listQueue(
        incidents.values(),
        unitId => units.get(unitId),
        filter,
        now,
        code => findCounty(code, regions),
      ),
    [incidents, units, filter, now, regions],
  )
  const counties = useMemo(() => [...regions.values()].filter(region => region.level === 'county'), [regions])
  const openCount = rows.length + hiddenCount

  useKey('toQueue', () => reach.current?.focus())
  useKey('down', () => reach.current?.step(1))
  useKey('up', () => reach.current?.step(-1))

  const toggleLevel = (level: number) => {
    const hidden = filter.hiddenLevels.includes(level)
    const hiddenLevels = hidden ? filter.hiddenLevels.filter(each => each !== level) : [...filter.hiddenLevels, level]
    setFilter({ ...filter, hiddenLevels })
  }
  const renderRow = ({ incident, wait }: QueueRow) => {
    const state = judgeWait(wait, now)
    return (
      <>
        <span role="gridcell">
          <LevelSquare level={incident.level} word={t(`level.${incident.level}`)} />
        </span>
        <span role="gridcell" className="mono">
          {shortenId(incident.incidentId)}
        </span>
        <span role="gridcell">{describeComplaint(t, incident)}</span>
        <span role="gridcell" className="muted">
          {nameOf(incident.regionCode)}
        </span>
        <span role="gridcell" className="right">
          {incident.unitIds.length === 0 ? (
            <em className="tag tag-warn">{t('queue.noUnit')}</em>
          ) : (
            incident.unitIds.length
          )}
        </span>
        <span role="gridcell" className="muted wait-kind">
          {t(`wait.${wait.kind}`)}
        </span>
        <span role="gridcell" className={`clock clock-${state} live`}>
          {wait.kind === 'none' ? '—' : formatClock(now - wait.since)}
        </span>
      </>
    )
  }
  return (
    <Panel
      title={t('queue.title')}
      testId="queue"
      count={openCount}
      tools={
        <Action
          word={t('queue.new')}
          keyId="newIncident"
          testId="incident-new"
          onAct={() => useDesk.setState({ draft: { level: 3, syndrome: 'unknown' }, incidentId: undefined })}
        />
      }
    >
      <div className="chips">
        {([2, 3, 4] as const).map(level => (
          <button
            key={level}
            type="button"
            className="chip"
            title={t('queue.neverHidden')}
            aria-pressed={!filter.hiddenLevels.includes(level)}
            data-testid={`chip-level-${level}`}
            onClick={() => toggleLevel(level)}
          >
            {levels[level].numeral}
          </button>
        ))}
        <button
          type="button"
          className="chip"
          aria-pressed={filter.onlyUnassigned}
          data-testid="chip-unassigned"
          onClick={() => setFilter({ ...filter, onlyUnassigned: !filter.onlyUnassigned })}
        >
          {t('queue.onlyUnassigned')}
        </button>
        <select
          className="chip"
          aria-label={t('queue.column.where')}
          data-testid="chip-region"
          value={filter.regionCode}
          onChange={change => setFilter({ ...filter, regionCode: change.target.value })}
        >
          <option value="">{t('queue.allRegions')}</option>
          {counties.map(region => (
            <option key={region.code} value={region.code}>
              {nameOf(region.code)}
            </option>
          ))}
        </select>
        {hiddenCount > 0 && (
          <button
            type="button"
            className="chip chip-warn"
            data-testid="queue-hidden"
            onClick={() => setFilter(openFilter)}
          >
            {t('queue.hidden', { count: hiddenCount })} · {t('queue.showAll')}
          </button>
        )}
      </div>
      <GridList
        label={t('queue.title')}
        testId="queue-list"
        className="cols-queue"
        columns={[
          { id: 'level', title: t('queue.column.level') },
          { id: 'id', title: t('queue.column.id') },
          { id: 'what', title: t('queue.column.what') },
          { id: 'where', title: t('queue.column.where') },
          { id: 'units', title: t('queue.column.units'), className: 'right' },
          { id: 'kind', title: '' },
          { id: 'wait', title: t('queue.column.wait'), className: 'right' },
        ]}
        rows={rows}
        getKey={row => row.incident.incidentId}
        selectedKey={incidentId}
        onSelect={row => chooseIncident(row.incident.incidentId)}
        onOpen={() => {
          followChosen()
          document.querySelector<HTMLElement>('[data-testid="incident-panel"] .act')?.focus()
        }}
        renderRow={renderRow}
        getRowClass={row => (judgeWait(row.wait, now) === 'over' && row.incident.level === 1 ? 'row-critical' : '')}
        reach={reach}
        empty={<Empty text={hiddenCount > 0 ? t('queue.emptyFiltered', { count: hiddenCount }) : t('queue.empty')} />}
      />
    </Panel>
  )
}

/** What is the matter, in words: the syndrome, since the complaint itself is sealed. */
export function describeComplaint(t: (key: string) => string, incident: Pick<IncidentView, 'syndrome'>): string {
  return incident.syndrome ? translateWord(t, 'syndrome', incident.syndrome) : t('syndrome.unknown')
}

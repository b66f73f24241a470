/**
 * Replay at the desk: an hour of the city or one case, with a slider; where units were, how far each case had come, and the name of
 * the recording beside its clock. Reads the tables once, then every moment is local.
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { dayMs, getDayStartAt, parseDay } from '#contract/scalars.ts'
import { nameStamp } from '#contract/stamps.ts'
import type { IncidentView } from '#contract/view.ts'
import { DayField } from '../incidents/closed-list.tsx'
import { describeComplaint } from '../incidents/queue.tsx'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import '../reports/reports.css'
import { formatCityDay, formatTime, shortenId } from '../shell/format.ts'
import { Action, Empty, LevelSquare, Panel, ReadState } from '../shell/parts.tsx'
import { useCountyNames } from '../shell/regions.ts'
import { parseClock } from '../shift/slip-times.ts'
import { buildReel, type Tracks } from './moment.ts'
import { ReplayMap } from './replay-map.tsx'

const lengths = [15, 30, 60, 120] as const
const speeds = [1, 10, 30, 60] as const
/** Real milliseconds between two frames while playing. */
const frameMs = 250
/** A case is shown from a little before its ring to a little after its end. */
const marginMs = 60_000
/** Rows of cases drawn beside the map. */
const casesShownMax = 60

type Stretch = { from: number; to: number; incidentId?: string }
type Told = {
  incidents: IncidentView[]
  isCut: boolean
  recordings: { callId: string; incidentId: string; recordingRef: string }[]
}

/** The stretch of a case: its first to its last step, at most four hours. */
export function findCaseStretch(incident: IncidentView): { from: number; to: number } {
  const times = incident.stamps.map(stamp => stamp.at)
  const from = Math.min(incident.openedAt, ...times) - marginMs
  const to = Math.max(incident.closedAt ?? incident.openedAt, ...times) + marginMs
  return { from, to: Math.min(to, from + 4 * 3_600_000) }
}

/** Steps of one case with their sources; those still to come are faint. */
function Clock({ incident, at, onSeek }: { incident: IncidentView; at: number; onSeek: (at: number) => void }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  return (
    <table className="figures" data-testid="replay-clock">
      <tbody>
        {incident.stamps.map((stamp, index) => (
          <tr key={index} className={stamp.at > at ? 'faint' : ''}>
            <td className="mono">
              <button type="button" className="link-button" onClick={() => onSeek(stamp.at)}>
                {formatTime(stamp.at)}
              </button>
            </td>
            <td>{nameStamp(stamp.stamp, language)}</td>
            <td>{stamp.unitId ? (units.get(stamp.unitId)?.name ?? stamp.unitId) : ''}</td>
            <td className="muted">{t(`incident.stampSource.${stamp.source}`)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The page. */
export function ReplayPage() {
  const { t, language } = useTexts()
  const now = useSecond()
  const nameOf = useCountyNames(language)
  const [mode, setMode] = useState<'hour' | 'case'>('hour')
  const [day, setDay] = useState<string>()
  const [clock, setClock] = useState<string>()
  const [length, setLength] = useState<number>(60)
  const [caseId, setCaseId] = useState('')
  const [stretch, setStretch] = useState<Stretch>()
  const [at, setAt] = useState(0)
  const [playing, setPlaying] = useState(false)
  const [speed, setSpeed] = useState<number>(30)
  const [chosenId, setChosen] = useState<string>()
  const hourAgo = now === 0 ? 0 : now - 3_600_000
  const onDay = day ?? (now === 0 ? '' : formatCityDay(hourAgo))
  const onClock = clock ?? (now === 0 ? '' : formatTime(hourAgo).slice(0, 5))
  const index = parseDay(onDay)
  const clockMs = parseClock(onClock)
  const wanted: Stretch | undefined =
    mode === 'hour' && index !== undefined && clockMs !== undefined
      ? { from: getDayStartAt(index) + clockMs, to: getDayStartAt(index) + clockMs + length * 60_000 }
      : undefined

  const found = useQuery({
    queryKey: ['replay', stretch],
    enabled: stretch !== undefined,
    queryFn: async () => {
      const asked = stretch!
      const told = await read<Told>(`/v1/replay${writeQuery(asked)}`)
      const only = asked.incidentId === undefined ? undefined : told.incidents[0]
      const span = only ? findCaseStretch(only) : { from: asked.from, to: asked.to }
      const unitIds = only ? [...new Set(only.stamps.flatMap(stamp => stamp.unitId ?? []))].slice(0, 64) : []
      const of = unitIds.map(unitId => `&unitId=${encodeURIComponent(unitId)}`).join('')
      const tracks = await read<Tracks>(`/v1/tracks?from=${span.from}&to=${span.to}${of}`)
      return { told, tracks, span }
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
  const loaded = found.data
  const reel = useMemo(() => loaded && buildReel(loaded.tracks, loaded.told.incidents), [loaded])
  useEffect(() => {
    if (!loaded) return
    setAt(loaded.span.from)
    setChosen(loaded.told.incidents.length === 1 ? loaded.told.incidents[0]!.incidentId : undefined)
    setPlaying(false)
  }, [loaded])
  useEffect(() => {
    if (!playing || !loaded) return
    const timer = setInterval(() => {
      setAt(before => {
        const next = before + frameMs * speed
        if (next >= loaded.span.to) setPlaying(false)
        return Math.min(loaded.span.to, next)
      })
    }, frameMs)
    return () => clearInterval(timer)
  }, [playing, speed, loaded])

  const units = useMemo(() => reel?.findUnits(at) ?? [], [reel, at])
  const open = useMemo(() => reel?.listOpen(at) ?? [], [reel, at])
  const chosen = loaded?.told.incidents.find(incident => incident.incidentId === chosenId)
  const paths = useMemo(
    () =>
      reel && chosen
        ? [...new Set(chosen.stamps.flatMap(stamp => stamp.unitId ?? []))].map(id => ({ id, path: reel.listPath(id) }))
        : [],
    [reel, chosen],
  )
  const recordings =
    loaded?.told.recordings.filter(row => chosen === undefined || row.incidentId === chosen.incidentId) ?? []
  const load = () => {
    if (mode === 'case' && caseId.trim() !== '')
      setStretch({ from: Math.max(1, now - dayMs), to: Math.max(2, now), incidentId: caseId.trim() })
    else if (wanted) setStretch(wanted)
  }
  return (
    <main className="desk desk-replay" data-testid="page-replay">
      <div className="column">
        <Panel title={t('replay.title')} testId="replay-panel">
          <div className="report-body">
            <div className="form-line">
              {(['hour', 'case'] as const).map(each => (
                <button
                  key={each}
                  type="button"
                  className="chip"
                  aria-pressed={mode === each}
                  data-testid={`replay-${each}`}
                  onClick={() => setMode(each)}
                >
                  {t(`replay.${each}`)}
                </button>
              ))}
            </div>
            <form
              className="form-line"
              onSubmit={submit => {
                submit.preventDefault()
                load()
              }}
            >
              {mode === 'hour' ? (
                <>
                  <DayField label={t('replay.day')} value={onDay} onChange={setDay} />
                  <label className="chip-label">
                    {t('replay.clock')}
                    <input
                      className="chip slip-time"
                      data-testid="replay-from"
                      value={onClock}
                      aria-invalid={clockMs === undefined}
                      onChange={change => setClock(change.target.value)}
                    />
                  </label>
                  <label className="chip-label">
                    {t('replay.length')}
                    <select className="chip" value={length} onChange={change => setLength(Number(change.target.value))}>
                      {lengths.map(each => (
                        <option key={each} value={each}>
                          {t('replay.minutes', { count: each })}
                        </option>
                      ))}
                    </select>
                  </label>
                </>
              ) : (
                <label className="chip-label form-wide">
                  {t('replay.caseId')}
                  <input
                    className="chip form-wide"
                    data-testid="replay-case-id"
                    value={caseId}
                    onChange={change => setCaseId(change.target.value)}
                  />
                </label>
              )}
              <Action
                word={t('replay.load')}
                testId="replay-load"
                primary
                disabled={mode === 'hour' ? wanted === undefined : caseId.trim() === ''}
                onAct={load}
              />
            </form>
            <ReadState
              isLoading={found.isFetching}
              thrown={found.error}
              hasContent={loaded !== undefined}
              onRetry={() => void found.refetch()}
            />
            {!stretch && <Empty text={t('replay.none')} />}
            {loaded && (
              <>
                <div className="form-line">
                  <Action
                    word={playing ? t('replay.pause') : t('replay.play')}
                    testId="replay-play"
                    pressed={playing}
                    onAct={() => {
                      if (at >= loaded.span.to) setAt(loaded.span.from)
                      setPlaying(!playing)
                    }}
                  />
                  <label className="chip-label">
                    {t('replay.speed')}
                    <select className="chip" value={speed} onChange={change => setSpeed(Number(change.target.value))}>
                      {speeds.map(each => (
                        <option key={each} value={each}>
                          ×{each}
                        </option>
                      ))}
                    </select>
                  </label>
                  <output className="replay-now mono" data-testid="replay-now">
                    {formatCityDay(at)} {formatTime(at)}
                  </output>
                </div>
                <input
                  type="range"
                  className="replay-slider"
                  data-testid="replay-slider"
                  aria-label={t('replay.position')}
                  aria-valuetext={formatTime(at)}
                  min={loaded.span.from}
                  max={loaded.span.to}
                  step={1_000}
                  value={at}
                  onChange={change => setAt(Number(change.target.value))}
                />
                <p className="faint replay-ends">
                  <span className="mono">{formatTime(loaded.span.from)}</span>
                  <span>
                    {loaded.tracks.rows.length === 0
                      ? t('replay.noFixes')
                      : t('replay.step', { s: Math.round(loaded.tracks.stepMs / 1_000) })}
                    {(loaded.tracks.isCut || loaded.told.isCut) && <b className="warn-text"> {t('replay.cut')}</b>}
                  </span>
                  <span className="mono">{formatTime(loaded.span.to)}</span>
                </p>
                <h4>
                  {t('replay.cases')} {open.length}
                </h4>
                <table className="figures" data-testid="replay-cases">
                  <tbody>
                    {open.slice(0, casesShownMax).map(incident => (
                      <tr key={incident.incidentId} className={incident === chosen ? 'report-total' : ''}>
                        <td>
                          <LevelSquare level={incident.level} />
                        </td>
                        <td className="mono">
                          <button type="button" className="link-button" onClick={() => setChosen(incident.incidentId)}>
                            {shortenId(incident.incidentId)}
                          </button>
                        </td>
                        <td>{describeComplaint(t, incident)}</td>
                        <td className="muted">{nameOf(incident.regionCode)}</td>
                        <td className="mono right">{formatTime(incident.openedAt)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                {chosen && (
                  <>
                    <h4>
                      {t('replay.clockTable')} <span className="mono">{shortenId(chosen.incidentId)}</span>
                    </h4>
                    <Clock incident={chosen} at={at} onSeek={seek => setAt(seek)} />
                  </>
                )}
                <h4>{t('replay.recordings')}</h4>
                {recordings.length === 0 && <p className="faint">{t('replay.noRecordings')}</p>}
                <ul className="recordings" data-testid="replay-recordings">
                  {recordings.slice(0, casesShownMax).map(row => (
                    <li key={row.callId}>
                      <span className="mono">{shortenId(row.callId)}</span> <code>{row.recordingRef}</code>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        </Panel>
      </div>
      <ReplayMap at={at} units={units} incidents={open} chosen={chosen} paths={paths} />
    </main>
  )
}

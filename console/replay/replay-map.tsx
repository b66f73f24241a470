/** The map of a replay: the same engine and glyphs as the desk's, fed with one moment of the past instead of the live stores. */
import { useEffect, useMemo, useRef, useState } from 'react'
import type { IncidentView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import type { Level } from '../look/palette.ts'
import type { BasemapPack } from '../map/basemap.ts'
import type { MapHandle } from '../map/map.ts'
import type { UnitGlyph } from '../map/unit-motion.ts'
import type { UnitsLayer } from '../map/units-layer.ts'
import { useBasemap } from '../shell/regions.ts'
import { useSettings } from '../sign-in/session.ts'

export type ReplayMapProps = {
  at: number
  units: readonly UnitGlyph[]
  incidents: readonly IncidentView[]
  chosen: IncidentView | undefined
  /** Paths drawn under the units: those of the chosen case. */
  paths: readonly { id: string; path: [number, number][] }[]
}

/** The panel with its map; without WebGL it says so, the tables beside it work on. */
export function ReplayMap({ at, units, incidents, chosen, paths }: ReplayMapProps) {
  const { t, language } = useTexts()
  const pack = useBasemap()
  const settings = useSettings()
  const places = useWorld(world => world.places)
  const regions = useWorld(world => world.regions)
  const frame = useRef<HTMLDivElement>(null)
  const clock = useRef(at)
  clock.current = at
  const layer = useRef<UnitsLayer>(undefined)
  const [handle, setHandle] = useState<MapHandle>()
  const [trouble, setTrouble] = useState<string>()
  const ready = pack !== undefined && settings !== undefined
  const centre = useMemo(() => {
    const city = [...regions.values()].find(region => region.level === 'city') ?? [...regions.values()][0]
    return city ? ([city.lon, city.lat] as const) : ([120.75, 30.75] as const)
  }, [regions])

  useEffect(() => {
    const container = frame.current
    if (!ready || !container) return
    let stopped = false
    let made: MapHandle | undefined
    void (async () => {
      try {
        const [{ createMap }, { buildStyle }] = await Promise.all([import('../map/map.ts'), import('../map/style.ts')])
        if (stopped) return
        const opened = await createMap({
          container,
          style: buildStyle((pack ?? undefined) as BasemapPack | undefined, 'dark', language),
          center: centre,
          zoom: 9.5,
          ...(settings?.mapboxToken ? { token: settings.mapboxToken } : {}),
        })
        if (stopped) return opened.destroy()
        made = opened
        layer.current = opened.addUnitsLayer({
          now: () => clock.current,
          labelOf: id => useWorld.getState().units.get(id)?.name ?? id,
        })
        setHandle(opened)
      } catch (error) {
        const words = (error as { words?: Record<string, string> }).words
        if (!stopped) setTrouble(words?.[language] ?? t('map.unavailable'))
      }
    })()
    return () => {
      stopped = true
      layer.current = undefined
      setHandle(undefined)
      made?.destroy()
    }
    // Made once; what is shown is set below.
  }, [ready])
  useEffect(() => {
    if (!handle) return
    const observer = new ResizeObserver(() => handle.resize())
    observer.observe(frame.current!)
    return () => observer.disconnect()
  }, [handle])
  useEffect(() => layer.current?.setUnits(units), [handle, units])
  useEffect(() => {
    handle?.overlays.setIncidents(
      incidents.map(({ incidentId: id, lon, lat, level }) => ({ id, lon, lat, level: level as Level, label: '' })),
    )
    handle?.overlays.chooseIncident(chosen?.incidentId)
  }, [handle, incidents, chosen?.incidentId])
  useEffect(() => {
    handle?.overlays.setRoutes(
      paths.filter(({ path }) => path.length > 1).map(({ id, path }) => ({ id, rank: 0, path })),
    )
  }, [handle, paths])
  useEffect(() => {
    const named = (kind: string) =>
      [...places.values()]
        .filter(place => place.placeKind === kind)
        .map(({ placeId: id, lon, lat, name, nameEn }) => ({
          id,
          lon,
          lat,
          label: language === 'zh' ? name : (nameEn ?? name),
        }))
    handle?.overlays.setHospitals(named('hospital'))
    handle?.overlays.setStations(named('station'))
  }, [handle, places, language])
  useEffect(() => {
    if (handle && chosen)
      handle.flyTo({ lon: chosen.lon, lat: chosen.lat, zoom: Math.max(11.5, handle.getView().zoom) })
  }, [handle, chosen?.incidentId])

  return (
    <section className="panel map-panel" aria-label={t('replay.title')} data-testid="replay-map">
      <div ref={frame} className="map-frame" data-testid="map" data-ready={handle !== undefined} />
      {trouble && (
        <div className="empty" role="status">
          {trouble}
        </div>
      )}
    </section>
  )
}

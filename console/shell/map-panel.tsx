/**
 * The map of a desk: one handle of console/map fed from the live stores. Moving units go straight from the positions to
 * the layer, past React; standing things follow the stores. Selection is shared with the lists in both directions, and
 * where WebGL is missing the panel says so and everything else works on.
 */
import { useEffect, useMemo, useRef, useState } from 'react'
import type { UnitView } from '#contract/view.ts'
import type { PositionRow } from '#contract/wire.ts'
import { pointAtCall } from '../calls/actions.ts'
import { drawCircle, findCurrent } from '../calls/waiting.ts'
import { useTexts } from '../language/i18n.ts'
import { getCityNow } from '../live/clock.ts'
import { ask } from '../live/http.ts'
import { findFix, watchFixes } from '../live/positions.ts'
import { useWorld } from '../live/store.ts'
import type { LiveWorld } from '../live/world.ts'
import { type Level, surfaces } from '../look/palette.ts'
import type { BasemapPack } from '../map/basemap.ts'
import type { LayerJson } from '../map/engine.ts'
import type { MapHandle, RegionState } from '../map/map.ts'
import type { UnitGlyph } from '../map/unit-motion.ts'
import type { UnitsLayer } from '../map/units-layer.ts'
import { useSettings } from '../sign-in/session.ts'
import { getStatusLook } from '../units/status.ts'
import { chooseAlert, chooseCall, chooseIncident, chooseUnit, type MapWish, showAll, useDesk } from './desk.ts'
import { Action } from './parts.tsx'
import { findRegionOf } from './region-words.ts'
import { useBasemap } from './regions.ts'

/** Zoom a selected case is shown at: its streets and the units around it. */
const caseZoom = 12.5
/** Minutes of a unit's track that are drawn. */
const trackMin = 30

const callAreaSource = 'call-area'
const callAreaLayers: readonly LayerJson[] = [
  {
    id: 'call-area-fill',
    type: 'fill',
    source: callAreaSource,
    paint: { 'fill-color': surfaces.dark.accent, 'fill-opacity': 0.12 },
  },
  {
    id: 'call-area',
    type: 'line',
    source: callAreaSource,
    paint: { 'line-color': surfaces.dark.accent, 'line-width': 2, 'line-dasharray': [3, 2] },
  },
] as unknown as readonly LayerJson[]

function toGlyph(unit: UnitView): UnitGlyph | undefined {
  const fix = findFix(unit.unitId)
  if (!fix) return undefined
  return {
    unitId: unit.unitId,
    lon: fix.lon,
    lat: fix.lat,
    ...(fix.courseDeg === undefined ? {} : { courseDeg: fix.courseDeg }),
    ...(fix.speedKmh === undefined ? {} : { speedKmh: fix.speedKmh }),
    status: getStatusLook(unit.status).status as UnitGlyph['status'],
    fixAt: fix.fixAt,
    silent: unit.silent,
  }
}

function listGlyphs(): UnitGlyph[] {
  return [...useWorld.getState().units.values()].map(toGlyph).filter(glyph => glyph !== undefined)
}

/** Keeps the moving units of a map equal to the stores; returns the way to stop. */
function feedUnits(layer: UnitsLayer): () => void {
  layer.setUnits(listGlyphs())
  const changed = new Set<string>()
  const gone = new Set<string>()
  let drawn = useWorld.getState().units
  let due = false
  const flush = () => {
    due = false
    const { units } = useWorld.getState()
    const glyphs: UnitGlyph[] = []
    for (const id of changed) {
      const unit = units.get(id)
      const glyph = unit && toGlyph(unit)
      if (glyph) glyphs.push(glyph)
    }
    layer.update(
      glyphs,
      [...gone].filter(id => !units.has(id)),
    )
    changed.clear()
    gone.clear()
  }
  const plan = () => {
    if (due) return
    due = true
    // After the packet has been taken by all stores: a status and a fix of one packet are drawn together.
    queueMicrotask(flush)
  }
  const stopFixes = watchFixes((ids, left) => {
    for (const id of ids) changed.add(id)
    for (const id of left) gone.add(id)
    plan()
  })
  const stopUnits = useWorld.subscribe(world => {
    if (world.units === drawn) return
    for (const [id, unit] of world.units) if (drawn.get(id) !== unit) changed.add(id)
    for (const id of drawn.keys()) if (!world.units.has(id)) gone.add(id)
    drawn = world.units
    plan()
  })
  return () => {
    stopFixes()
    stopUnits()
  }
}

/** A circle over a place; `strong` is drawn in the colour of what stands out. */
export type MapCircle = { id: string; lon: number; lat: number; radiusPx: number; strong: boolean }

const circleSource = 'board-circles'
const circleLayers: readonly LayerJson[] = [
  {
    id: circleSource,
    type: 'circle',
    source: circleSource,
    paint: {
      'circle-radius': ['get', 'radiusPx'],
      'circle-color': ['case', ['get', 'strong'], surfaces.dark.clockWarn, surfaces.dark.text],
      'circle-opacity': ['case', ['get', 'strong'], 0.35, 0.14],
      'circle-stroke-color': ['case', ['get', 'strong'], surfaces.dark.clockWarn, surfaces.dark.muted],
      'circle-stroke-width': 1.5,
    },
  },
]

export type MapPanelProps = {
  flashing?: string | undefined
  /** Fill and outline of regions: alerts and choropleth. */
  regionStates?: ReadonlyMap<string, RegionState>
  /** Circles over places: facilities or clusters behind an alert, by their size. */
  circles?: readonly MapCircle[]
  legend?: React.ReactNode
  /** Only what an alert desk needs: no moving units, no incidents. */
  quiet?: boolean
}

/** The panel with its frame, tools, legend and notices. */
export function MapPanel({ flashing, regionStates, circles, legend, quiet = false }: MapPanelProps) {
  const { t, language } = useTexts()
  const pack = useBasemap()
  const settings = useSettings()
  const frame = useRef<HTMLDivElement>(null)
  const [handle, setHandle] = useState<MapHandle>()
  const [trouble, setTrouble] = useState<string>()
  const [banner, setBanner] = useState<string>()
  const layer = useRef<UnitsLayer>(undefined)
  const drawnLanguage = useRef<string>(undefined)
  /** The map that has the source of the circles: it may be added to each once. */
  const circled = useRef<MapHandle>(undefined)

  const draft = useDesk(desk => desk.draft)
  const incidentId = useDesk(desk => desk.incidentId)
  const unitId = useDesk(desk => desk.unitId)
  const trackOf = useDesk(desk => desk.trackOf)
  const wish = useDesk(desk => desk.wish)
  const incidents = useWorld(world => world.incidents)
  const calls = useWorld(world => world.calls)
  const places = useWorld(world => world.places)
  const regions = useWorld(world => world.regions)
  const loaded = useWorld(world => world.seq >= 0)
  const picking = draft !== undefined && !quiet

  const ready = pack !== undefined && settings !== undefined && loaded
  const centre = useMemo(() => getMiddle(pack as BasemapPack | null, [...regions.values()]), [pack, regions])

  useEffect(() => {
    const container = frame.current
    if (!ready || !container) return
    let stopped = false
    let stop: (() => void) | undefined
    let made: MapHandle | undefined
    void (async () => {
      try {
        const [{ createMap }, { buildStyle }] = await Promise.all([import('../map/map.ts'), import('../map/style.ts')])
        if (stopped) return
        drawnLanguage.current = language
        const opened = await createMap({
          container,
          style: buildStyle((pack ?? undefined) as BasemapPack | undefined, 'dark', language),
          center: [centre.lon, centre.lat],
          zoom: centre.zoom,
          ...(settings?.mapboxToken ? { token: settings.mapboxToken } : {}),
          onFallback: fallback => setBanner(fallback.words[language]),
        })
        if (stopped) return opened.destroy()
        made = opened
        if (!quiet) {
          layer.current = opened.addUnitsLayer({
            now: getCityNow,
            labelOf: id => useWorld.getState().units.get(id)?.name ?? id,
          })
          stop = feedUnits(layer.current)
        }
        if (centre.bounds) opened.fitBounds(centre.bounds, { paddingPx: 24 })
        setHandle(opened)
      } catch (error) {
        const words = (error as { words?: Record<string, string> }).words
        if (!stopped) setTrouble(words?.[language] ?? t('map.unavailable'))
      }
    })()
    return () => {
      stopped = true
      stop?.()
      layer.current = undefined
      setHandle(undefined)
      made?.destroy()
    }
    // The map is made once; language and pack are followed below without making it again.
  }, [ready])

  useEffect(() => {
    if (!handle || drawnLanguage.current === language) return
    drawnLanguage.current = language
    void import('../map/style.ts').then(({ buildStyle }) =>
      handle.setStyle(buildStyle((pack ?? undefined) as BasemapPack | undefined, 'dark', language)),
    )
  }, [handle, language])

  useEffect(() => {
    if (!handle) return
    const observer = new ResizeObserver(() => handle.resize())
    observer.observe(frame.current!)
    return () => observer.disconnect()
  }, [handle])

  // Standing things.
  useEffect(() => {
    if (!handle || quiet) return
    const open = [...incidents.values()].filter(incident => incident.state === 'open')
    const located = [...calls.values()].filter(
      call => !call.incidentId && !call.outcome && call.lon !== undefined && call.lat !== undefined,
    )
    handle.overlays.setIncidents([
      ...open.map(({ incidentId: id, lon, lat, level }) => ({ id, lon, lat, level: level as Level, label: '' })),
      ...located.map(call => ({ id: `call:${call.callId}`, lon: call.lon!, lat: call.lat!, label: '' })),
    ])
  }, [handle, incidents, calls, quiet])
  useEffect(() => {
    if (!handle) return
    const named = (kind: string) =>
      [...places.values()]
        .filter(place => place.placeKind === kind)
        .map(place => ({
          id: place.placeId,
          lon: place.lon,
          lat: place.lat,
          label: language === 'zh' ? place.name : (place.nameEn ?? place.name),
        }))
    if (quiet) return
    handle.overlays.setHospitals(named('hospital'))
    handle.overlays.setStations(named('station'))
  }, [handle, places, language, quiet])
  useEffect(() => handle?.overlays.chooseIncident(incidentId), [handle, incidentId, incidents])
  useEffect(() => layer.current?.select(unitId), [handle, unitId])
  useEffect(
    () => layer.current?.flash(flashing?.startsWith('order:') ? flashing.split(':')[1] : undefined),
    [handle, flashing],
  )
  useEffect(() => handle?.setRegionStates(regionStates ?? new Map()), [handle, regionStates])

  // Area of the call in hand: where the operator, a phone or a person says the caller is.
  const seatName = useDesk(desk => desk.seatName)
  const callId = useDesk(desk => desk.callId)
  const shownCall = quiet
    ? undefined
    : (draft?.callId && calls.get(draft.callId)) || findCurrent(calls, seatName, callId)
  const area = shownCall?.radiusM && shownCall.lon !== undefined && shownCall.lat !== undefined ? shownCall : undefined
  useEffect(() => {
    if (!handle || quiet) return
    handle.addSource(callAreaSource, callAreaLayers)
  }, [handle, quiet])
  useEffect(() => {
    if (!handle || !area) return
    const ring = drawCircle(area.lon!, area.lat!, area.radiusM!)
    handle.setData(callAreaSource, [
      { type: 'Feature', properties: { id: area.callId }, geometry: { type: 'Polygon', coordinates: [ring] } },
    ])
    return () => handle.setData(callAreaSource, [])
  }, [handle, area?.callId, area?.lon, area?.lat, area?.radiusM])

  useEffect(() => {
    if (!handle || circles === undefined) return
    if (circled.current !== handle) handle.addSource(circleSource, circleLayers)
    circled.current = handle
    handle.setData(
      circleSource,
      circles.map(({ id, lon, lat, radiusPx, strong }) => ({
        type: 'Feature' as const,
        properties: { id, radiusPx, strong },
        geometry: { type: 'Point' as const, coordinates: [lon, lat] },
      })),
    )
  }, [handle, circles])

  // Track of one unit.
  useEffect(() => {
    if (!handle || !trackOf) return
    const now = getCityNow()
    let stopped = false
    void ask<{ fixes: PositionRow[] }>(
      'GET',
      `/v1/units/${encodeURIComponent(trackOf)}/track?from=${now - trackMin * 60_000}&to=${now}`,
    ).then(answer => {
      if (stopped || !answer.ok || answer.value.fixes.length < 2) return
      const path = answer.value.fixes.map(([, lon, lat]) => [lon, lat] as [number, number])
      handle.overlays.setRoutes([{ id: trackOf, rank: 0, path }])
    })
    return () => {
      stopped = true
      handle.overlays.setRoutes([])
    }
  }, [handle, trackOf])

  // Where to look. What was just made may not have come back from the house yet: the wish waits for it.
  const isThere = useWorld(
    world => wish === undefined || wish.what === 'all' || wish.what === 'place' || hasThing(world, wish),
  )
  const granted = useRef(0)
  useEffect(() => {
    if (!handle || !wish || !isThere || granted.current === wish.at) return
    granted.current = wish.at
    const world = useWorld.getState()
    if (wish.what === 'all') {
      if (centre.bounds) handle.fitBounds(centre.bounds, { paddingPx: 24 })
    } else if (wish.what === 'place') {
      handle.flyTo({ lon: wish.lon, lat: wish.lat, zoom: Math.max(caseZoom + 1, handle.getView().zoom) })
    } else if (wish.what === 'alert') {
      const region = world.regions.get(world.alerts.get(wish.id)?.regionCode ?? '')
      if (centre.bounds) handle.fitBounds(centre.bounds, { paddingPx: 24 })
      else if (region) handle.flyTo({ lon: region.lon, lat: region.lat })
    } else if (!quiet) {
      const point =
        wish.what === 'incident'
          ? world.incidents.get(wish.id)
          : wish.what === 'call'
            ? world.calls.get(wish.id)
            : findFix(wish.id)
      if (point?.lon !== undefined && point.lat !== undefined) {
        handle.flyTo({ lon: point.lon, lat: point.lat, zoom: Math.max(caseZoom, handle.getView().zoom) })
      }
    }
  }, [handle, wish, isThere])

  // Clicks select, or give the place of a new incident.
  useEffect(() => {
    if (!handle) return
    return handle.onClick(hit => {
      const desk = useDesk.getState()
      if (desk.draft && !quiet) {
        // A place pointed at is no place of the gazetteer any more.
        const { gazetteerId: _id, accepted: _name, regionCode: _code, isOutside: _out, ...rest } = desk.draft
        const [lon, lat] = [Number(hit.lon.toFixed(6)), Number(hit.lat.toFixed(6))]
        useDesk.setState({ draft: { ...rest, lon, lat } })
        // The caller's place by a person's word: it stands in the call's history and overrules the operator's area.
        if (desk.draft.callId) void pointAtCall(desk.draft.callId, lon, lat)
        return
      }
      const mark = hit.marks[0]
      if (mark?.group === 'units') chooseUnit(mark.id)
      else if (mark?.group === 'incidents') {
        if (mark.id.startsWith('call:')) chooseCall(mark.id.slice(5))
        else chooseIncident(mark.id)
      } else if (quiet && regionStates) {
        const world = useWorld.getState()
        const code = hit.regionCode ?? findRegionOf(hit, world.regions, pack)
        const alert = [...world.alerts.values()].find(each => each.regionCode === code && each.state !== 'closed')
        if (alert) chooseAlert(alert.alertId)
      }
    })
  }, [handle, quiet, regionStates, pack])

  // The place picked for a draft is drawn as a mark without level.
  useEffect(() => {
    if (!handle || quiet || draft?.lon === undefined || draft.lat === undefined) return
    handle.overlays.setFacilities([{ id: 'draft', lon: draft.lon, lat: draft.lat, label: t('form.newTitle') }])
    return () => handle.overlays.setFacilities([])
  }, [handle, draft?.lon, draft?.lat, quiet])

  return (
    <section
      className={`map-panel ${picking ? 'map-picking' : ''}`}
      aria-label={t('map.title')}
      data-testid="map"
      data-ready={handle !== undefined}
    >
      {/* The map puts classes of its own on this element: React must not write its class again. */}
      <div className="map-frame" ref={frame} />
      {banner && (
        <div className="map-note" role="status">
          {banner} <Action word={t('state.dismiss')} testId="map-banner-dismiss" onAct={() => setBanner(undefined)} />
        </div>
      )}
      {trouble && (
        <div className="map-trouble" role="status" data-testid="map-unavailable">
          {trouble}
        </div>
      )}
      {!handle && !trouble && <div className="map-trouble muted">{t('map.loading')}</div>}
      {picking && handle && <div className="map-note map-note-pick">{t('map.picking')}</div>}
      {handle && (
        <div className="map-tools no-print">
          <Action word={t('map.fit')} testId="map-fit" onAct={showAll} />
        </div>
      )}
      {legend && handle && <div className="map-legend">{legend}</div>}
    </section>
  )
}

function hasThing(world: LiveWorld, wish: Exclude<MapWish, { what: 'all' | 'place' }>): boolean {
  const things = { incident: world.incidents, unit: world.units, alert: world.alerts, call: world.calls }[wish.what]
  return things.has(wish.id)
}

type Middle = { lon: number; lat: number; zoom: number; bounds?: readonly [number, number, number, number] }

/** Where to look first: the box of the pack's regions, else of the published seats. */
function getMiddle(
  pack: BasemapPack | null | undefined,
  regions: readonly { lon: number; lat: number; level: string }[],
): Middle {
  const points: (readonly [number, number])[] = pack
    ? pack.regions.flatMap(region => region.polygon[0] ?? [])
    : regions.map(region => [region.lon, region.lat] as const)
  if (points.length === 0) return { lon: 105, lat: 35, zoom: 3.5 }
  let [west, south, east, north] = [180, 90, -180, -90]
  for (const [lon, lat] of points) {
    west = Math.min(west, lon)
    east = Math.max(east, lon)
    south = Math.min(south, lat)
    north = Math.max(north, lat)
  }
  return { lon: (west + east) / 2, lat: (south + north) / 2, zoom: 8.5, bounds: [west, south, east, north] }
}

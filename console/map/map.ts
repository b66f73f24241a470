// The seam between the console and a map: one handle over two engines. It keeps the scene (sources, layers, region
// states, units, listeners) itself, so that a changed style, a lost graphics context or the fall from Mapbox to MapLibre
// puts everything back; the caller notices nothing but the banner. Where WebGL2 is missing it refuses with
// MAP_UNAVAILABLE, and the shell shows its lists instead.

import './map.css'
import type * as GeoJSON from 'geojson'
import type { Level, Theme, Words } from '../look/palette.ts'
import type { Bounds } from './basemap.ts'
import {
  adaptStyle,
  changeFeatures,
  type EngineKind,
  type EngineMap,
  getMainMatrix,
  type LayerJson,
  openEngine,
  type PointerReport,
  replaceFeatures,
  type SourceFeature,
  type StyleJson,
} from './engine.ts'
import { computeMetresPerPx, createHud } from './hud.ts'
import { listIcons } from './icons.ts'
import {
  createOverlays,
  type LayerGroup,
  listOverlayLayers,
  type Overlays,
  overlaySources,
  regionLevelSource,
} from './layers.ts'
import { findGroundFacts, findRegionOutline, regionSource } from './style.ts'
import { createUnitsLayer, type UnitsLayer, type UnitsOptions, unitLabelSource, unitsLayerId } from './units-layer.ts'

/** What a map is made with. */
export interface MapOptions {
  /** An element with a size; the map fills it and puts its frame inside. */
  readonly container: HTMLElement
  /** From `buildStyle`. */
  readonly style: StyleJson
  readonly center: readonly [lon: number, lat: number]
  readonly zoom: number
  /** The operator's own Mapbox token. Absent: MapLibre, and not one request leaves the house. */
  readonly token?: string
  /** Called once if Mapbox refuses its token or goes blank; the map goes on with MapLibre. Show it as a banner. */
  readonly onFallback?: (reason: MapFallback) => void
}

/** Why the map goes on with the other engine, with the words for the banner. */
export interface MapFallback {
  readonly code: 'MAPBOX_TOKEN_REFUSED' | 'MAPBOX_BLANK' | 'MAPBOX_FAILED'
  readonly words: Words
  readonly detail: string
}

/** The refusal of `createMap`: no WebGL2, or the engine's files could not be had. */
export interface MapUnavailable extends Error {
  readonly code: 'MAP_UNAVAILABLE'
  readonly words: Words
}

/** Where the map looks. */
export interface MapView {
  readonly lon: number
  readonly lat: number
  readonly zoom: number
}

/** What lies under a point of the map, topmost first (an incident's square, units, the rest); `regionCode` is the county (or street) of the ground. */
export interface MapHit {
  readonly lon: number
  readonly lat: number
  readonly marks: readonly { readonly group: LayerGroup; readonly id: string }[]
  readonly regionCode?: string
}

/** What is known about a region on the ground: `shade` 0..1 fills it, `level` 1..4 outlines it; absent clears. */
export interface RegionState {
  readonly shade?: number
  readonly level?: Level
}

/** One map, whichever engine draws it. */
export interface MapHandle {
  /** The engine at work; changes from 'mapbox' to 'maplibre' when the watchdog acts. */
  readonly kind: EngineKind
  /** The engine's own map: an escape hatch for tests. Nothing in the console may hold on to it. */
  readonly map: EngineMap
  /** The standing things: incidents, hospitals, stations, facilities, alert regions, routes. */
  readonly overlays: Overlays
  /** The Mercator-to-clip matrix from the second argument of a custom layer's `render`. */
  mainMatrix(argument: unknown): ArrayLike<number>
  /** Changes theme, language or ground; everything over the ground stays. */
  setStyle(style: StyleJson): void
  /** Adds an own source and its layers over the standing things and under the units; once per source. */
  addSource(source: string, layers: readonly LayerJson[]): void
  /** Replaces all features of a source; every feature needs a string `properties.id`. */
  setData(source: string, features: readonly SourceFeature[]): void
  /** Adds, replaces and removes features of a source by `properties.id`. */
  patch(source: string, change: { upsert: readonly SourceFeature[]; remove: readonly string[] }): void
  /** Fills and outlines regions by code; replaces what was said before, regions not named are cleared. */
  setRegionStates(states: ReadonlyMap<string, RegionState>): void
  /** Makes the layer of moving units; the same one is given back when it exists. */
  addUnitsLayer(options?: UnitsOptions): UnitsLayer
  setGroupVisible(group: LayerGroup, visible: boolean): void
  fitBounds(bounds: Bounds, options?: { readonly paddingPx?: number; readonly zoomMax?: number }): void
  /** Moves the view within 120 ms, or at once where the system asks for reduced motion. */
  flyTo(view: Partial<MapView>): void
  /** Sets the view at once. */
  setView(view: Partial<MapView>): void
  getView(): MapView
  /** West, south, east, north of what is seen. */
  getBounds(): Bounds
  /** What lies at a point in CSS pixels of the map. */
  pick(point: readonly [x: number, y: number], radiusPx?: number): MapHit
  /** Reports clicks with what was hit; gives back the way to stop. */
  onClick(listener: (hit: MapHit) => void): () => void
  /** Reports the view after every movement has ended; gives back the way to stop. */
  onView(listener: (view: MapView) => void): () => void
  resize(): void
  destroy(): void
}

const unavailableWords: Words = {
  zh: '地图不可用：本机浏览器不支持 WebGL2，或地图程序未能载入。列表与接警照常工作。',
  en: 'Map unavailable: this browser has no WebGL2, or the map program could not be loaded. Lists and calls work on.',
}

const fallbackWords: Readonly<Record<MapFallback['code'], Words>> = {
  MAPBOX_TOKEN_REFUSED: {
    zh: 'Mapbox 拒绝了本单位的令牌，地图已改用 MapLibre，功能不变。请管理员检查令牌。',
    en: 'Mapbox refused the token of this centre; the map goes on with MapLibre, nothing is lost. Check the token.',
  },
  MAPBOX_BLANK: {
    zh: 'Mapbox 画面为空白，地图已改用 MapLibre，功能不变。请管理员检查令牌与网络。',
    en: 'Mapbox draws a blank map; the map goes on with MapLibre, nothing is lost. Check the token and the network.',
  },
  MAPBOX_FAILED: {
    zh: 'Mapbox 未能启动，地图已改用 MapLibre，功能不变。请管理员检查令牌与网络。',
    en: 'Mapbox did not start; the map goes on with MapLibre, nothing is lost. Check the token and the network.',
  },
}

// Motion on a screen lasts at most 120 ms.
const moveMs = 120
const styleWaitMs = 30_000
// A frame is looked at this often: often enough to catch a map blanked mid-shift, too seldom to be felt.
const blankLookMs = 5000
// One blank frame may be a frame between styles; two, five seconds apart, are a blank map.
const blankMax = 2
const hoverMs = 60
// The picture of an incident: a square of 24 px with its edge, standing 10 px over the place.
const squareReachPx = 12
const squareFootPx = 10

/** True when an error of `createMap` means: show lists instead of a map. */
export function isMapUnavailable(error: unknown): error is MapUnavailable {
  return error instanceof Error && (error as Partial<MapUnavailable>).code === 'MAP_UNAVAILABLE'
}

/**
 * Opens a map. Resolves when the style is in place and the scene can be filled; that something is visible is watched
 * for the life of the map, because an engine's `load` also fires on a blank canvas. Refuses with MAP_UNAVAILABLE.
 */
export async function createMap(options: MapOptions): Promise<MapHandle> {
  if (!hasWebgl2()) throw makeUnavailable(new Error('No WebGL2 context'))
  const scene = createScene()
  const container = options.container
  container.classList.add('vigil-map')
  const hud = createHud(container)
  const clickListeners = new Set<(hit: MapHit) => void>()
  const viewListeners = new Set<(view: MapView) => void>()
  let style = options.style
  let view: MapView = { lon: options.center[0], lat: options.center[1], zoom: options.zoom }
  let kind: EngineKind = options.token ? 'mapbox' : 'maplibre'
  let engine: EngineMap | undefined
  let units: UnitsLayer | undefined
  let destroyed = false
  let falling = false
  let styleReady = false
  let blankTimer: ReturnType<typeof setInterval> | undefined
  let hoverTimer: ReturnType<typeof setTimeout> | undefined

  const getTheme = (): Theme => findGroundFacts(style)?.theme ?? 'dark'

  function getEngine(): EngineMap {
    if (!engine) throw new Error('The map has been destroyed or is changing its engine')
    return engine
  }

  /** The engine, if it can take sources and layers now; otherwise the scene is applied when its style has loaded. */
  function findReady(): EngineMap | undefined {
    return styleReady ? engine : undefined
  }

  /** Puts into the engine whatever of the scene it does not have: after a style load, all of it. */
  function applyScene(): void {
    const map = findReady()
    if (!map) return
    for (const icon of listIcons(getTheme()))
      if (!map.hasImage(icon.id)) map.addImage(icon.id, icon.image, { pixelRatio: icon.pixelRatio })
    for (const [source, features] of scene.sources)
      if (!map.getSource(source))
        map.addSource(source, {
          type: 'geojson',
          promoteId: 'id',
          data: { type: 'FeatureCollection', features: [...features.values()] },
        })
    // What comes late (units, an own source) still goes below what is already there and lies higher.
    const put = (layer: LayerJson, group: LayerGroup | undefined) => {
      const above =
        group === 'incidents' ? [] : group === 'units' ? ['incidents-chosen'] : [unitsLayerId, 'incidents-chosen']
      if (!map.getLayer(layer.id))
        map.addLayer(
          layer,
          above.find(id => map.getLayer(id)),
        )
      if (group && scene.hidden.has(group) && layer.id !== unitsLayerId)
        map.setLayoutProperty(layer.id, 'visibility', 'none')
    }
    const overlays = listOverlayLayers(getTheme())
    // Bottom to top: standing things, own layers, units and their names, incidents: a level is never hidden by a unit.
    for (const { group, layer } of overlays) if (group !== 'incidents') put(layer, group)
    for (const layer of scene.layers) put(layer, undefined)
    if (units) {
      units.setTheme(getTheme())
      put(units.engineLayer, 'units')
      put(units.labelLayer, 'units')
    }
    for (const { group, layer } of overlays) if (group === 'incidents') put(layer, group)
    for (const [code, state] of scene.regionStates) setRegionState(map, code, state)
    hud.setGround(findGroundFacts(style))
  }

  function setRegionState(map: EngineMap, code: string, state: RegionState): void {
    if (!map.getSource(regionSource)) return
    map.setFeatureState({ source: regionSource, id: code }, { shade: state.shade ?? null })
  }

  /** The outlines of the regions that have a level, cut from the ground that is loaded now. */
  function outlineRegions(): void {
    const outlined: SourceFeature[] = []
    for (const [code, { level }] of scene.regionStates) {
      const geometry = level === undefined ? undefined : findRegionOutline(style, code)
      if (geometry) outlined.push({ type: 'Feature', properties: { id: code, level }, geometry })
    }
    setSource(regionLevelSource, outlined)
  }

  function readView(map: EngineMap): MapView {
    const { lng, lat } = map.getCenter()
    return { lon: lng, lat, zoom: map.getZoom() }
  }

  function showScale(): void {
    hud.setScale(computeMetresPerPx(view.lat, view.zoom))
  }

  function listen(map: EngineMap): void {
    map.on('style.load', () => {
      if (engine !== map) return
      styleReady = true
      applyScene()
    })
    map.on('webglcontextlost', () => {
      // MapLibre throws its style away with the context and loads it anew; Mapbox keeps it.
      if (engine === map && kind === 'maplibre') styleReady = false
    })
    map.on('move', () => {
      view = readView(map)
      showScale()
    })
    map.on('moveend', () => {
      for (const listener of viewListeners) listener(view)
    })
    map.on('click', (report: PointerReport) => {
      const hit = pick([report.point.x, report.point.y])
      for (const listener of clickListeners) listener(hit)
    })
    map.on('mousemove', (report: PointerReport) => {
      hud.setPointer({ lon: report.lngLat.lng, lat: report.lngLat.lat })
      const point: [number, number] = [report.point.x, report.point.y]
      hoverTimer ??= setTimeout(() => {
        hoverTimer = undefined
        if (engine === map) map.getCanvas().style.cursor = pick(point).marks.length > 0 ? 'pointer' : ''
      }, hoverMs)
    })
    map.on('mouseout', () => hud.setPointer(undefined))
  }

  /** Opens the engine in a fresh element and waits for its style; the element goes when the engine goes. */
  async function open(token: string | undefined): Promise<void> {
    const element = document.createElement('div')
    element.className = 'vigil-map-engine'
    container.prepend(element)
    try {
      const opened = await openEngine({
        container: element,
        style,
        center: [view.lon, view.lat],
        zoom: view.zoom,
        ...(token ? { token } : {}),
      })
      if (destroyed) {
        opened.map.remove()
        element.remove()
        return
      }
      engine = opened.map
      kind = opened.kind
      container.dataset.engine = kind
      listen(opened.map)
      if (kind === 'mapbox') watchMapbox(opened.map)
      await waitForStyle(opened.map)
    } catch (error) {
      dropEngine()
      element.remove()
      throw error
    }
  }

  function dropEngine(): void {
    const map = engine
    engine = undefined
    styleReady = false
    clearInterval(blankTimer)
    if (!map) return
    const element = map.getContainer()
    map.remove()
    element.remove()
  }

  function watchMapbox(map: EngineMap): void {
    let blanks = 0
    map.on('error', (report: { error?: { message?: string; status?: number } }) => {
      const message = report.error?.message ?? ''
      if (report.error?.status === 401 || /access token/i.test(message)) void fall(map, 'MAPBOX_TOKEN_REFUSED', message)
    })
    blankTimer = setInterval(() => {
      // Only inside a frame do the pixels still exist.
      map.once('render', () => {
        if (engine !== map || !styleReady) return
        blanks = isBlank(map) ? blanks + 1 : 0
        if (blanks >= blankMax) void fall(map, 'MAPBOX_BLANK', 'the canvas stays transparent')
      })
      map.triggerRepaint()
    }, blankLookMs)
  }

  async function fall(map: EngineMap, code: MapFallback['code'], detail: string): Promise<void> {
    if (falling || destroyed || engine !== map) return
    falling = true
    dropEngine()
    options.onFallback?.({ code, words: fallbackWords[code], detail })
    try {
      await open(undefined)
    } catch (error) {
      // No engine is left: the frame stays and says so, the shell's lists go on.
      container.dataset.engine = 'none'
      console.error('The map could not be opened with MapLibre either', error)
    } finally {
      falling = false
    }
  }

  function pick(point: readonly [x: number, y: number], radiusPx = 4): MapHit {
    const { lng, lat } = getEngine().unproject([point[0], point[1]])
    const map = findReady()
    const marks: { group: LayerGroup; id: string }[] = listSquaresAt(point).map(id => ({ group: 'incidents', id }))
    const unitId = scene.hidden.has('units') ? undefined : units?.pick(point, radiusPx)
    if (unitId !== undefined) marks.push({ group: 'units', id: unitId })
    const groups = [...overlaySources].reverse().filter(group => map?.getLayer(group))
    const box: [[number, number], [number, number]] = [
      [point[0] - radiusPx, point[1] - radiusPx],
      [point[0] + radiusPx, point[1] + radiusPx],
    ]
    const found = map && groups.length > 0 ? map.queryRenderedFeatures(box, { layers: [...groups] }) : []
    for (const group of groups)
      for (const feature of found) {
        const id = feature.properties.id
        if (feature.layer.id !== group || typeof id !== 'string') continue
        if (!marks.some(mark => mark.group === group && mark.id === id)) marks.push({ group, id })
      }
    const land = map?.getLayer('land') ? map.queryRenderedFeatures([point[0], point[1]], { layers: ['land'] }) : []
    const code = (land.find(feature => feature.properties.level !== 'city') ?? land[0])?.properties.code
    return { lon: lng, lat, marks, ...(typeof code === 'string' ? { regionCode: code } : {}) }
  }

  /** Incidents whose square (not its stem) covers a point: the square is drawn over the units, so it is hit first. */
  function listSquaresAt(point: readonly [x: number, y: number]): string[] {
    const map = engine
    if (!map || scene.hidden.has('incidents')) return []
    return [...(scene.sources.get('incidents')?.values() ?? [])]
      .filter(feature => {
        const [lon, lat] = (feature.geometry as GeoJSON.Point).coordinates
        const foot = map.project([lon ?? 0, lat ?? 0])
        const acrossPx = Math.abs(point[0] - foot.x)
        const abovePx = foot.y - point[1]
        return acrossPx <= squareReachPx && abovePx >= squareFootPx && abovePx <= squareFootPx + 2 * squareReachPx
      })
      .map(feature => feature.properties.id)
  }

  const setSource = (source: string, features: readonly SourceFeature[]) => {
    scene.sources.set(source, new Map(features.map(feature => [feature.properties.id, feature])))
    const map = findReady()
    if (map) replaceFeatures(map, source, features)
  }

  const patchSource = (source: string, change: { upsert: readonly SourceFeature[]; remove: readonly string[] }) => {
    const kept = scene.sources.get(source)
    if (!kept) throw new Error(`The map has no source ${source}`)
    const remove = change.remove.filter(id => kept.delete(id))
    for (const feature of change.upsert) kept.set(feature.properties.id, feature)
    const map = findReady()
    if (map) changeFeatures(kind, map, source, { upsert: change.upsert, remove }, [...kept.values()])
  }

  showScale()
  hud.setGround(findGroundFacts(style))
  try {
    await open(options.token)
  } catch (error) {
    if (!options.token) {
      hud.destroy()
      throw makeUnavailable(error)
    }
    options.onFallback?.({ code: 'MAPBOX_FAILED', words: fallbackWords.MAPBOX_FAILED, detail: String(error) })
    try {
      await open(undefined)
    } catch (second) {
      hud.destroy()
      throw makeUnavailable(second)
    }
  }

  return {
    get kind() {
      return kind
    },
    get map() {
      return getEngine()
    },
    overlays: createOverlays({ replace: setSource, patch: patchSource }),
    mainMatrix: getMainMatrix,
    setStyle(next) {
      style = next
      styleReady = false
      outlineRegions()
      engine?.setStyle(adaptStyle(kind, next), { diff: false })
    },
    addSource(source, layers) {
      if (scene.sources.has(source)) throw new Error(`The map already has a source ${source}`)
      scene.sources.set(source, new Map())
      scene.layers.push(...layers)
      applyScene()
    },
    setData: setSource,
    patch: patchSource,
    setRegionStates(states) {
      const map = findReady()
      if (map) {
        for (const code of scene.regionStates.keys()) if (!states.has(code)) setRegionState(map, code, {})
        for (const [code, state] of states) setRegionState(map, code, state)
      }
      scene.regionStates = new Map(states)
      outlineRegions()
    },
    addUnitsLayer(unitsOptions) {
      if (units) return units
      scene.sources.set(unitLabelSource, new Map())
      units = createUnitsLayer(
        {
          repaint: () => engine?.triggerRepaint(),
          getView: () => ({ ...view, theme: getTheme() }),
          getBox: () => toBox(engine),
          patch: patchSource,
          unproject: point => {
            const { lng, lat } = getEngine().unproject([point[0], point[1]])
            return { lon: lng, lat }
          },
          getMetresPerPx: () => computeMetresPerPx(view.lat, view.zoom),
        },
        unitsOptions,
      )
      applyScene()
      return units
    },
    setGroupVisible(group, visible) {
      if (visible) scene.hidden.delete(group)
      else scene.hidden.add(group)
      if (group === 'units') return units?.setVisible(visible)
      const map = findReady()
      for (const entry of listOverlayLayers(getTheme()))
        if (entry.group === group && map?.getLayer(entry.layer.id))
          map.setLayoutProperty(entry.layer.id, 'visibility', visible ? 'visible' : 'none')
    },
    fitBounds([west, south, east, north], { paddingPx = 48, zoomMax = 15 } = {}) {
      getEngine().fitBounds([west, south, east, north], { padding: paddingPx, maxZoom: zoomMax, duration: moveMs })
    },
    flyTo(next) {
      getEngine().easeTo({
        center: [next.lon ?? view.lon, next.lat ?? view.lat],
        zoom: next.zoom ?? view.zoom,
        duration: moveMs,
      })
    },
    setView(next) {
      view = { ...view, ...next }
      engine?.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom })
    },
    getView: () => view,
    getBounds() {
      const box = toBox(engine)
      return [box.west, box.south, box.east, box.north]
    },
    pick,
    onClick(listener) {
      clickListeners.add(listener)
      return () => clickListeners.delete(listener)
    },
    onView(listener) {
      viewListeners.add(listener)
      return () => viewListeners.delete(listener)
    },
    resize: () => engine?.resize(),
    destroy() {
      if (destroyed) return
      destroyed = true
      clearTimeout(hoverTimer)
      units?.destroy()
      dropEngine()
      hud.destroy()
      delete container.dataset.engine
      container.classList.remove('vigil-map')
    },
  }
}

/** Everything over the ground, as it was asked for; the engines only ever hold a copy. */
function createScene(): {
  sources: Map<string, Map<string, SourceFeature>>
  layers: LayerJson[]
  regionStates: Map<string, RegionState>
  hidden: Set<LayerGroup>
} {
  return {
    sources: new Map([regionLevelSource, ...overlaySources].map(source => [source, new Map()])),
    layers: [],
    regionStates: new Map(),
    hidden: new Set(),
  }
}

function toBox(map: EngineMap | undefined): { west: number; south: number; east: number; north: number } {
  const bounds = map?.getBounds()
  return bounds
    ? { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth() }
    : { west: 0, south: 0, east: 0, north: 0 }
}

function waitForStyle(map: EngineMap): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The style did not load in time')), styleWaitMs)
    map.once('style.load', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** True when the middle of the frame just drawn is transparent: our style always paints an opaque ground. */
function isBlank(map: EngineMap): boolean {
  const gl = map.getCanvas().getContext('webgl2')
  if (!gl || gl.isContextLost()) return false
  const pixel = new Uint8Array(4)
  gl.readPixels(gl.drawingBufferWidth >> 1, gl.drawingBufferHeight >> 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel)
  return pixel[3] === 0
}

function hasWebgl2(): boolean {
  try {
    const probe = document.createElement('canvas').getContext('webgl2')
    // Contexts are few (16 in Chromium): give the probe's back at once.
    probe?.getExtension('WEBGL_lose_context')?.loseContext()
    return probe !== null
  } catch {
    return false
  }
}

function makeUnavailable(cause: unknown): MapUnavailable {
  return Object.assign(new Error(unavailableWords.en, { cause }), {
    code: 'MAP_UNAVAILABLE' as const,
    words: unavailableWords,
  })
}

// The only file that knows two map engines exist: it loads one of them on demand and hides where they differ (worker
// file, letters, projection, the argument of a custom layer, how a source takes a change). Everything above it speaks
// to one interface. Mapbox is opened only with the operator's own token; none is ever shipped or made up.

import type * as GeoJSON from 'geojson'
import type {
  GeoJSONSource,
  LayerSpecification,
  Map as MapLibreMap,
  MapMouseEvent,
  StyleSpecification,
} from 'maplibre-gl'

export type StyleJson = StyleSpecification
export type LayerJson = LayerSpecification
export type EngineKind = 'maplibre' | 'mapbox'
export type EngineMap = MapLibreMap
export type PointerReport = MapMouseEvent
export type SourceFeature = GeoJSON.Feature<GeoJSON.Geometry, Record<string, unknown> & { id: string }>

/** What an engine is opened with. */
export interface EngineOptions {
  readonly container: HTMLElement
  readonly style: StyleJson
  readonly center: readonly [lon: number, lat: number]
  readonly zoom: number
  /** The operator's own Mapbox token; present means Mapbox, absent means MapLibre. */
  readonly token?: string
}

const fontStack = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif'

/** Loads the engine and puts a map into the container; refuses with the cause when the engine's file cannot be had. */
export async function openEngine(options: EngineOptions): Promise<{ kind: EngineKind; map: EngineMap }> {
  return options.token ? openMapbox(options, options.token) : openMapLibre(options)
}

/** North-up always: a dispatcher reads directions off the screen, so nothing may turn or tilt the map. */
function shareOptions(options: EngineOptions) {
  return {
    container: options.container,
    center: [...options.center] as [number, number],
    zoom: options.zoom,
    minZoom: 3,
    maxZoom: 18.5,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    renderWorldCopies: false,
    fadeDuration: 0,
    trackResize: true,
  }
}

async function openMapLibre(options: EngineOptions): Promise<{ kind: EngineKind; map: EngineMap }> {
  const [engine, worker] = await Promise.all([
    import('maplibre-gl'),
    import('maplibre-gl/dist/maplibre-gl-worker.mjs?url'),
    import('maplibre-gl/dist/maplibre-gl.css'),
  ])
  engine.setWorkerUrl(worker.default)
  const map = new engine.Map({
    ...shareOptions(options),
    style: options.style,
    attributionControl: false,
    localIdeographFontFamily: fontStack,
  })
  holdNorthUp(map)
  return { kind: 'maplibre', map }
}

async function openMapbox(options: EngineOptions, token: string): Promise<{ kind: EngineKind; map: EngineMap }> {
  const [engine] = await Promise.all([import('mapbox-gl'), import('mapbox-gl/dist/mapbox-gl.css')])
  const map = new engine.default.Map({
    ...shareOptions(options),
    accessToken: token,
    style: adaptStyle('mapbox', options.style) as unknown as string,
    projection: 'mercator',
    attributionControl: true,
    localFontFamily: fontStack,
    performanceMetricsCollection: false,
  })
  // Mapbox and MapLibre share their ancestry: the part of the class this module calls is the same in both.
  const shared = map as unknown as EngineMap
  holdNorthUp(shared)
  return { kind: 'mapbox', map: shared }
}

function holdNorthUp(map: EngineMap): void {
  map.touchZoomRotate.disableRotation()
  ;(map.keyboard as { disableRotation?: () => void }).disableRotation?.()
}

/**
 * The style as the engine of this kind wants it. Mapbox never loads a style that has labels but no `glyphs` address;
 * with local fonts for all letters the address is never asked for, so it is given one that leads nowhere.
 */
export function adaptStyle(kind: EngineKind, style: StyleJson): StyleJson {
  return kind === 'mapbox' ? { ...style, glyphs: 'local://{fontstack}/{range}' } : style
}

/** The matrix that takes Mercator coordinates (0..1) to clip space, from the second argument of a custom layer. */
export function getMainMatrix(argument: unknown): ArrayLike<number> {
  if (Array.isArray(argument) || ArrayBuffer.isView(argument)) return argument as unknown as ArrayLike<number>
  return (argument as { defaultProjectionData: { mainMatrix: ArrayLike<number> } }).defaultProjectionData.mainMatrix
}

/** Replaces all features of a source; a source that is gone (a style is being changed) is left to the next style load. */
export function replaceFeatures(map: EngineMap, source: string, features: readonly SourceFeature[]): void {
  const found = map.getSource(source) as GeoJSONSource | undefined
  void found?.setData({ type: 'FeatureCollection', features: [...features] })
}

/**
 * Changes some features of a source by their `properties.id`. MapLibre takes the difference; Mapbox, whose difference
 * needs another kind of source, takes the whole list, which costs the same for the few hundred features we keep in one.
 */
export function changeFeatures(
  kind: EngineKind,
  map: EngineMap,
  source: string,
  change: { upsert: readonly SourceFeature[]; remove: readonly string[] },
  all: readonly SourceFeature[],
): void {
  if (kind === 'mapbox') {
    replaceFeatures(map, source, all)
    return
  }
  const found = map.getSource(source) as GeoJSONSource | undefined
  // A difference is refused while the source is being loaded anew; the whole list then says the same.
  found
    ?.updateData({ add: [...change.upsert], remove: [...change.remove] })
    .catch(() => replaceFeatures(map, source, all))
}

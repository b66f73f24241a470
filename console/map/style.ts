// Builds the one style JSON (version 8) that both engines draw: quiet ground, waters, roads, borders and names, from the
// palette and a region pack. Nothing in it needs a network: sources are inline, letters are drawn from local fonts.
// Without a pack it draws a graticule and says in its metadata that the ground is missing.

import type * as GeoJSON from 'geojson'
import { type Cartography, cartography, type Language, surfaces, type Theme, type Words } from '../look/palette.ts'
import { type BasemapMeta, type BasemapPack, listRegionPoints, listRegionPolygons } from './basemap.ts'
import type { LayerJson, StyleJson } from './engine.ts'

/** What the frame around the map must say about the ground; carried in the style, so that it cannot be left behind. */
export interface GroundFacts {
  readonly theme: Theme
  readonly language: Language
  /** Undefined when no pack is loaded. */
  readonly meta?: BasemapMeta
}

const groundKey = 'vigil:ground'

/** Source of the region polygons: feature-state `shade` (0..1) fills one; id is the code. */
export const regionSource = 'regions'

/** Overlays go in front of the ground and its names; nothing of the ground is drawn above this layer. */
export const groundTopLayer = 'ground-top'

/** The font every label asks for; both engines draw it from the machine's own fonts. */
export const labelFont: readonly string[] = ['Noto Sans CJK SC Regular']
const labelFontStrong = ['Noto Sans CJK SC Bold']

const missingWords: Words = {
  zh: '未装载底图：请管理员装载区域底图包。车辆、事件与医院仍按经纬度实时显示。',
  en: 'No base map loaded: an administrator has to load a region pack. Units, incidents and hospitals stay live.',
}

/** The sentence shown over a map without a ground. */
export function describeMissingGround(language: Language): string {
  return missingWords[language]
}

/** What the style says about its ground; undefined for a style that `buildStyle` did not make. */
export function findGroundFacts(style: StyleJson): GroundFacts | undefined {
  return (style.metadata as Record<string, GroundFacts> | undefined)?.[groundKey]
}

/** The outline of a region as the style holds it; undefined without a pack or for a code the pack does not have. */
export function findRegionOutline(style: StyleJson, code: string): GeoJSON.Polygon | undefined {
  const source = style.sources[regionSource]
  if (source?.type !== 'geojson') return undefined
  const regions = source.data as GeoJSON.FeatureCollection<GeoJSON.Polygon>
  return regions.features.find(region => region.properties?.code === code)?.geometry
}

/** Builds the style for a pack, a theme and a language; without a pack a graticule stands in for the ground. */
export function buildStyle(pack: BasemapPack | undefined, theme: Theme, language: Language): StyleJson {
  const ink = cartography[theme]
  const facts: GroundFacts = { theme, language, ...(pack ? { meta: pack.meta } : {}) }
  return {
    version: 8,
    name: 'vigil',
    metadata: { [groundKey]: facts },
    sources: pack
      ? {
          ground: { type: 'geojson', data: pack.basemap },
          [regionSource]: { type: 'geojson', data: listRegionPolygons(pack), promoteId: 'code' },
          'region-names': { type: 'geojson', data: listRegionPoints(pack), promoteId: 'code' },
        }
      : { graticule: { type: 'geojson', data: listGraticule() } },
    layers: [
      { id: 'outside', type: 'background', paint: { 'background-color': pack ? ink.outside : surfaces[theme].ground } },
      ...(pack ? listGroundLayers(ink, language) : listGraticuleLayers(ink)),
      { id: groundTopLayer, type: 'background', paint: { 'background-opacity': 0 } },
    ],
  }
}

const named = (language: Language): unknown[] =>
  language === 'zh'
    ? ['coalesce', ['get', 'name'], ['get', 'nameEn'], '']
    : ['coalesce', ['get', 'nameEn'], ['get', 'name'], '']

const layerIs = (layer: string, ...classes: string[]): unknown[] =>
  classes.length === 0
    ? ['==', ['get', 'layer'], layer]
    : ['all', ['==', ['get', 'layer'], layer], ['match', ['get', 'class'], classes, true, false]]

const geometryIs = (filter: unknown[], kind: 'line' | 'area' | 'point'): unknown[] => {
  const types = {
    line: ['LineString', 'MultiLineString'],
    area: ['Polygon', 'MultiPolygon'],
    point: ['Point', 'MultiPoint'],
  }
  return ['all', filter, ['match', ['geometry-type'], types[kind], true, false]]
}

/** Width in pixels that grows with the zoom; stops are zoom, width. */
const widths = (...stops: number[]): unknown[] => ['interpolate', ['exponential', 1.5], ['zoom'], ...stops]

function listGroundLayers(ink: Cartography, language: Language): LayerJson[] {
  const shade = ['feature-state', 'shade']
  const layers = [
    {
      id: 'border-glow',
      type: 'line',
      source: regionSource,
      filter: ['==', ['get', 'level'], 'county'],
      layout: { 'line-join': 'round' },
      paint: { 'line-color': ink.borderGlow, 'line-width': widths(8, 7, 12, 16), 'line-blur': 6, 'line-opacity': 0.8 },
    },
    {
      id: 'land',
      type: 'fill',
      source: regionSource,
      filter: ['match', ['get', 'level'], ['county', 'city'], true, false],
      paint: { 'fill-color': ink.land, 'fill-antialias': false },
    },
    {
      id: 'region-shade',
      type: 'fill',
      source: regionSource,
      paint: {
        'fill-color': [
          'case',
          ['==', ['coalesce', shade, -1], -1],
          'rgba(0,0,0,0)',
          ['interpolate', ['linear'], ['coalesce', shade, 0], 0, ink.shadeLow, 1, ink.shadeHigh],
        ],
        'fill-opacity': 0.72,
      },
    },
    {
      id: 'green',
      type: 'fill',
      source: 'ground',
      filter: geometryIs(layerIs('green'), 'area'),
      paint: { 'fill-color': ink.green },
    },
    {
      id: 'water',
      type: 'fill',
      source: 'ground',
      filter: geometryIs(layerIs('water'), 'area'),
      paint: { 'fill-color': ink.water },
    },
    {
      id: 'shore',
      type: 'line',
      source: 'ground',
      filter: geometryIs(layerIs('water'), 'area'),
      layout: { 'line-join': 'round' },
      paint: { 'line-color': ink.waterLine, 'line-width': widths(8, 0.6, 14, 1.6) },
    },
    {
      id: 'stream',
      type: 'line',
      source: 'ground',
      filter: geometryIs(layerIs('water'), 'line'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': ink.waterLine,
        'line-width': [
          'interpolate',
          ['exponential', 1.5],
          ['zoom'],
          8,
          ['match', ['get', 'class'], 'river', 1.4, 0.8],
          14,
          ['match', ['get', 'class'], 'river', 9, 5],
        ],
      },
    },
    {
      id: 'street-border',
      type: 'line',
      source: regionSource,
      minzoom: 11,
      filter: ['==', ['get', 'level'], 'street'],
      paint: { 'line-color': ink.streetBorder, 'line-width': 0.8, 'line-dasharray': [3, 2] },
    },
    {
      id: 'collector',
      type: 'line',
      source: 'ground',
      minzoom: 10,
      filter: geometryIs(layerIs('road', 'collector'), 'line'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': ink.collector,
        'line-width': widths(10, 0.7, 14, 3.4, 17, 10),
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 10, 0.2, 11, 1],
      },
    },
    {
      id: 'arterial',
      type: 'line',
      source: 'ground',
      minzoom: 8,
      filter: geometryIs(layerIs('road', 'arterial'), 'line'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': ink.arterial,
        'line-width': widths(8, 0.6, 10, 1.3, 14, 5, 17, 14),
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 8, 0.4, 9.5, 1],
      },
    },
    {
      id: 'rail',
      type: 'line',
      source: 'ground',
      minzoom: 9,
      filter: geometryIs(layerIs('rail'), 'line'),
      layout: { 'line-join': 'round' },
      paint: { 'line-color': ink.rail, 'line-width': widths(9, 1, 14, 2.4), 'line-dasharray': [4, 2.4] },
    },
    {
      id: 'expressway-casing',
      type: 'line',
      source: 'ground',
      filter: geometryIs(layerIs('road', 'expressway'), 'line'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': ink.roadCasing, 'line-width': widths(7, 2, 10, 4.4, 14, 11, 17, 24) },
    },
    {
      id: 'expressway',
      type: 'line',
      source: 'ground',
      filter: geometryIs(layerIs('road', 'expressway'), 'line'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': ink.expressway, 'line-width': widths(7, 0.9, 10, 2.2, 14, 7, 17, 18) },
    },
    {
      id: 'expressway-divider',
      type: 'line',
      source: 'ground',
      minzoom: 11.5,
      filter: geometryIs(layerIs('road', 'expressway'), 'line'),
      paint: { 'line-color': ink.roadCasing, 'line-width': widths(11.5, 0.6, 17, 2) },
    },
    {
      id: 'border-band',
      type: 'line',
      source: regionSource,
      filter: ['==', ['get', 'level'], 'county'],
      layout: { 'line-join': 'round' },
      paint: { 'line-color': ink.border, 'line-width': widths(8, 4, 12, 9), 'line-opacity': 0.2 },
    },
    {
      id: 'border',
      type: 'line',
      source: regionSource,
      filter: ['==', ['get', 'level'], 'county'],
      layout: { 'line-join': 'round' },
      paint: { 'line-color': ink.border, 'line-width': widths(7, 0.7, 10, 1.2, 14, 2) },
    },
    {
      id: 'road-name',
      type: 'symbol',
      source: 'ground',
      minzoom: 11,
      filter: geometryIs(layerIs('road', 'expressway', 'arterial'), 'line'),
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 380,
        'text-field': named(language),
        'text-font': [...labelFont],
        'text-size': 11,
        'text-letter-spacing': 0.08,
      },
      paint: { 'text-color': ink.roadLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.4 },
    },
    {
      id: 'stream-name',
      type: 'symbol',
      source: 'ground',
      minzoom: 9.5,
      filter: geometryIs(layerIs('water'), 'line'),
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 460,
        'text-field': named(language),
        'text-font': [...labelFont],
        'text-size': 11,
        'text-letter-spacing': 0.2,
      },
      paint: { 'text-color': ink.waterLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.2 },
    },
    {
      id: 'water-name',
      type: 'symbol',
      source: 'ground',
      filter: geometryIs(layerIs('water'), 'point'),
      layout: {
        'text-field': named(language),
        'text-font': [...labelFont],
        'text-size': ['match', ['get', 'class'], 'sea', 15, 11],
        'text-letter-spacing': ['match', ['get', 'class'], 'sea', 0.5, 0.1],
      },
      paint: { 'text-color': ink.waterLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1 },
    },
    {
      id: 'town-name',
      type: 'symbol',
      source: 'ground',
      minzoom: 10,
      filter: geometryIs(layerIs('place'), 'point'),
      layout: {
        'text-field': named(language),
        'text-font': [...labelFont],
        'text-size': ['interpolate', ['linear'], ['zoom'], 10, 11, 14, 14],
        'text-padding': 6,
      },
      paint: { 'text-color': ink.placeLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.4 },
    },
    {
      id: 'street-name',
      type: 'symbol',
      source: 'region-names',
      minzoom: 11.5,
      filter: ['==', ['get', 'level'], 'street'],
      layout: { 'text-field': named(language), 'text-font': [...labelFont], 'text-size': 12, 'text-padding': 6 },
      paint: { 'text-color': ink.placeLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.4 },
    },
    {
      id: 'county-name',
      type: 'symbol',
      source: 'region-names',
      minzoom: 7,
      maxzoom: 14,
      filter: ['==', ['get', 'level'], 'county'],
      layout: {
        'text-field': named(language),
        'text-font': [...labelFontStrong],
        'text-size': ['interpolate', ['linear'], ['zoom'], 7, 11, 9, 14, 12, 19],
        'text-letter-spacing': language === 'zh' ? 0.18 : 0.06,
        // Above the seat, because at the seat stand the hospitals and the units.
        'text-anchor': 'bottom',
        'text-offset': [0, -0.9],
        'text-padding': 2,
        // The names of the counties are the ground everybody knows: no unit or street may push one away.
        'text-allow-overlap': true,
      },
      paint: { 'text-color': ink.regionLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.8 },
    },
  ]
  return layers as LayerJson[]
}

function listGraticuleLayers(ink: Cartography): LayerJson[] {
  const layers = [
    {
      id: 'graticule-line',
      type: 'line',
      source: 'graticule',
      filter: geometryIs(['==', ['get', 'layer'], 'graticule'], 'line'),
      paint: {
        'line-color': ink.graticule,
        'line-width': ['match', ['get', 'class'], 'degree', 1.4, 0.7],
      },
    },
    {
      id: 'graticule-name',
      type: 'symbol',
      source: 'graticule',
      minzoom: 7,
      filter: geometryIs(['==', ['get', 'layer'], 'graticule'], 'point'),
      layout: { 'text-field': ['get', 'name'], 'text-font': [...labelFont], 'text-size': 11 },
      paint: { 'text-color': ink.placeLabel, 'text-halo-color': ink.halo, 'text-halo-width': 1.2 },
    },
  ]
  return layers as LayerJson[]
}

// Mainland China lies within 73-136° E, 17-54° N; a tenth of a degree is about 10 km, the scale of a town.
const graticuleBox = { west: 73, east: 136, south: 17, north: 54 }

function listGraticule(): GeoJSON.FeatureCollection {
  const features: GeoJSON.Feature[] = []
  const { west, east, south, north } = graticuleBox
  const addLine = (coordinates: number[][], whole: boolean) =>
    features.push({
      type: 'Feature',
      properties: { layer: 'graticule', class: whole ? 'degree' : 'tenth' },
      geometry: { type: 'LineString', coordinates },
    })
  for (let tenth = west * 10; tenth <= east * 10; tenth += 1)
    addLine(
      [
        [tenth / 10, south],
        [tenth / 10, north],
      ],
      tenth % 10 === 0,
    )
  for (let tenth = south * 10; tenth <= north * 10; tenth += 1)
    addLine(
      [
        [west, tenth / 10],
        [east, tenth / 10],
      ],
      tenth % 10 === 0,
    )
  for (let lon = west; lon <= east; lon += 1)
    for (let lat = south; lat <= north; lat += 1)
      features.push({
        type: 'Feature',
        properties: { layer: 'graticule', name: `${lon}°E ${lat}°N` },
        geometry: { type: 'Point', coordinates: [lon, lat] },
      })
  return { type: 'FeatureCollection', features }
}

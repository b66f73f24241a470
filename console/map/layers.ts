// The standing things over the ground: incidents (filled square with the numeral), hospitals, stations, facilities,
// alert regions (outlined in the level's colour) and routes. Plain GeoJSON in both engines; they change when something
// happens, not every second. Each belongs to a group that a number key can hide.

import { type Level, levels, surfaces, type Theme } from '../look/palette.ts'
import type { Rings } from './basemap.ts'
import type { LayerJson, SourceFeature } from './engine.ts'
import { labelFont } from './style.ts'

/** What can be hidden together, bottom to top. */
export type LayerGroup = 'alerts' | 'routes' | 'facilities' | 'stations' | 'hospitals' | 'incidents' | 'units'

/** A standing thing at a place; lon and lat in WGS-84 degrees. */
export interface PlaceMark {
  readonly id: string
  readonly lon: number
  readonly lat: number
  readonly label?: string
}

/** An incident; without a level it is drawn as not yet judged. */
export interface IncidentMark extends PlaceMark {
  readonly level?: Level
}

/** An area somebody is warned about. */
export interface AlertMark {
  readonly id: string
  readonly level: Level
  readonly polygon: Rings
}

/** A way along roads; `rank` 0 is the chosen unit's, higher ones are the next best and drawn thinner. */
export interface RouteMark {
  readonly id: string
  readonly rank: number
  readonly path: readonly (readonly [lon: number, lat: number])[]
}

/** What the overlays need from the map that carries them. */
export interface OverlaysHost {
  replace(source: LayerGroup, features: readonly SourceFeature[]): void
  patch(source: LayerGroup, change: { upsert: readonly SourceFeature[]; remove: readonly string[] }): void
}

/** The standing things of one map. Every call replaces the whole list of its kind, except `choose…`. */
export interface Overlays {
  setIncidents(marks: readonly IncidentMark[]): void
  /** Puts the ring around one incident; without an id none is chosen. */
  chooseIncident(id?: string): void
  setHospitals(marks: readonly PlaceMark[]): void
  setStations(marks: readonly PlaceMark[]): void
  setFacilities(marks: readonly PlaceMark[]): void
  setAlerts(marks: readonly AlertMark[]): void
  setRoutes(marks: readonly RouteMark[]): void
}

/** Sources of the standing things, bottom to top; `units` is not among them, it has its own layer. */
export const overlaySources: readonly LayerGroup[] = [
  'alerts',
  'routes',
  'facilities',
  'stations',
  'hospitals',
  'incidents',
]

/**
 * Source of the regions outlined in a level's colour. A source and not a feature-state of the ground, because Mapbox 3.32
 * does not draw a line again when only the state of its feature changes.
 */
export const regionLevelSource = 'region-levels'

/** Builds the setters over a host; keeps only which incident is chosen. */
export function createOverlays(host: OverlaysHost): Overlays {
  let incidents: readonly IncidentMark[] = []
  let chosenId: string | undefined

  const toIncident = (mark: IncidentMark): SourceFeature =>
    toPoint(mark, {
      icon: mark.level ? `level-${mark.level}` : 'level-unknown',
      rank: mark.level ?? 5,
      chosen: mark.id === chosenId,
    })

  return {
    setIncidents(marks) {
      incidents = marks
      host.replace('incidents', marks.map(toIncident))
    },
    chooseIncident(id) {
      const touched = incidents.filter(mark => mark.id === id || mark.id === chosenId)
      chosenId = id
      if (touched.length > 0) host.patch('incidents', { upsert: touched.map(toIncident), remove: [] })
    },
    setHospitals: marks =>
      host.replace(
        'hospitals',
        marks.map(mark => toPoint(mark)),
      ),
    setStations: marks =>
      host.replace(
        'stations',
        marks.map(mark => toPoint(mark)),
      ),
    setFacilities: marks =>
      host.replace(
        'facilities',
        marks.map(mark => toPoint(mark)),
      ),
    setAlerts: marks =>
      host.replace(
        'alerts',
        marks.map(mark => ({
          type: 'Feature',
          properties: { id: mark.id, level: mark.level },
          geometry: { type: 'Polygon', coordinates: mark.polygon.map(ring => ring.map(([lon, lat]) => [lon, lat])) },
        })),
      ),
    setRoutes: marks =>
      host.replace(
        'routes',
        marks.map(mark => ({
          type: 'Feature',
          properties: { id: mark.id, rank: mark.rank },
          geometry: { type: 'LineString', coordinates: mark.path.map(([lon, lat]) => [lon, lat]) },
        })),
      ),
  }
}

function toPoint(mark: PlaceMark, more: Record<string, unknown> = {}): SourceFeature {
  return {
    type: 'Feature',
    properties: { id: mark.id, label: mark.label ?? '', ...more },
    geometry: { type: 'Point', coordinates: [mark.lon, mark.lat] },
  }
}

/** The layers over the ground in drawing order, below the units; `group` is what a number key hides. */
export function listOverlayLayers(theme: Theme): { group: LayerGroup; layer: LayerJson }[] {
  const look = surfaces[theme]
  const levelColour = [
    'match',
    ['get', 'level'],
    1,
    levels[1].colour,
    2,
    levels[2].colour,
    3,
    levels[3].colour,
    levels[4].colour,
  ]
  const labelled = (group: LayerGroup, icon: string, minzoom: number, labelZoom: number) => ({
    group,
    layer: {
      id: group,
      type: 'symbol',
      source: group,
      minzoom,
      layout: {
        'icon-image': icon,
        'icon-allow-overlap': true,
        'icon-ignore-placement': false,
        'text-field': ['step', ['zoom'], '', labelZoom, ['get', 'label']],
        'text-font': [...labelFont],
        'text-size': 12,
        'text-anchor': 'left',
        'text-offset': [1.1, 0],
        'text-optional': true,
      },
      paint: { 'text-color': look.muted, 'text-halo-color': look.ground, 'text-halo-width': 1.6 },
    },
  })
  const entries = [
    {
      group: 'alerts',
      layer: {
        id: regionLevelSource,
        type: 'line',
        source: regionLevelSource,
        layout: { 'line-join': 'round' },
        paint: { 'line-color': levelColour, 'line-width': 3 },
      },
    },
    {
      group: 'alerts',
      layer: {
        id: 'alerts-fill',
        type: 'fill',
        source: 'alerts',
        paint: { 'fill-color': levelColour, 'fill-opacity': 0.06 },
      },
    },
    {
      group: 'alerts',
      layer: {
        id: 'alerts',
        type: 'line',
        source: 'alerts',
        layout: { 'line-join': 'round' },
        paint: { 'line-color': levelColour, 'line-width': 2.5 },
      },
    },
    {
      group: 'routes',
      layer: {
        id: 'routes-casing',
        type: 'line',
        source: 'routes',
        filter: ['==', ['get', 'rank'], 0],
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': look.ground, 'line-width': 8 },
      },
    },
    {
      group: 'routes',
      layer: {
        id: 'routes',
        type: 'line',
        source: 'routes',
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: {
          'line-color': ['case', ['==', ['get', 'rank'], 0], look.accent, look.faint],
          'line-width': ['case', ['==', ['get', 'rank'], 0], 4, 1.6],
        },
      },
    },
    labelled('facilities', 'facility', 10.5, 13),
    labelled('stations', 'station', 8.5, 12),
    labelled('hospitals', 'hospital', 7, 11),
    {
      group: 'incidents',
      layer: {
        id: 'incidents-chosen',
        type: 'symbol',
        source: 'incidents',
        filter: ['==', ['get', 'chosen'], true],
        layout: {
          'icon-image': 'incident-chosen',
          'icon-anchor': 'bottom',
          'icon-offset': [0, 1],
          'icon-allow-overlap': true,
          'icon-ignore-placement': true,
        },
      },
    },
    {
      group: 'incidents',
      layer: {
        id: 'incidents',
        type: 'symbol',
        source: 'incidents',
        layout: {
          'icon-image': ['get', 'icon'],
          'icon-anchor': 'bottom',
          'icon-offset': [0, 2],
          'icon-allow-overlap': true,
          // The most urgent lies on top: a higher key is drawn later.
          'symbol-sort-key': ['-', 0, ['get', 'rank']],
          'text-field': ['step', ['zoom'], '', 11, ['get', 'label']],
          'text-font': [...labelFont],
          'text-size': 12,
          'text-anchor': 'left',
          'text-offset': [1.4, -1.8],
          'text-optional': true,
        },
        paint: { 'text-color': look.text, 'text-halo-color': look.ground, 'text-halo-width': 1.6 },
      },
    },
  ]
  return entries as unknown as { group: LayerGroup; layer: LayerJson }[]
}

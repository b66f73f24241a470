// What a region pack is: the boundaries, roads and waters of one area, as GET /v1/basemap serves them, and the few
// pure questions the map asks of it. The schematic pack of the demo and an operator's own pack have the same shape;
// which one it is, its licence and its approval number travel in `meta` and are shown on the map.

import type * as GeoJSON from 'geojson'

/** A closed list of rings of [lon, lat] in WGS-84, the first the outline, the others holes. */
export type Rings = readonly (readonly (readonly [lon: number, lat: number])[])[]

/** What must be said about a pack wherever it is shown. */
export interface BasemapMeta {
  readonly name: string
  readonly source: string
  readonly licence: string
  readonly crs: 'WGS-84'
  /** 审图号, the map approval number; absent when the pack has none. */
  readonly approval?: string
  /** True for a drawing that is not a survey: the map then carries the mark 示意 for as long as it is open. */
  readonly schematic: boolean
  /** The day the pack was made, YYYY-MM-DD. */
  readonly day: string
}

export interface BasemapRegion {
  readonly code: string
  readonly parentCode?: string
  readonly name: string
  readonly nameEn: string
  readonly level: 'city' | 'county' | 'street'
  readonly lon: number
  readonly lat: number
  readonly population: number
  readonly polygon: Rings
}

export type BasemapClass = 'expressway' | 'arterial' | 'collector' | 'river' | 'canal' | 'lake' | 'sea' | 'town'

export interface BasemapProperties {
  readonly layer: 'water' | 'green' | 'road' | 'rail' | 'place'
  readonly class?: BasemapClass
  readonly name?: string
  readonly nameEn?: string
}

export interface BasemapPack {
  readonly meta: BasemapMeta
  readonly regions: readonly BasemapRegion[]
  readonly basemap: GeoJSON.FeatureCollection<GeoJSON.Geometry, BasemapProperties>
}

/** West, south, east, north in WGS-84 degrees. */
export type Bounds = readonly [west: number, south: number, east: number, north: number]

/** The box around all regions of a pack, or around the regions with the given codes; undefined when none has a point. */
export function findBounds(pack: BasemapPack, codes?: readonly string[]): Bounds | undefined {
  let west = Number.POSITIVE_INFINITY
  let south = Number.POSITIVE_INFINITY
  let east = Number.NEGATIVE_INFINITY
  let north = Number.NEGATIVE_INFINITY
  for (const region of pack.regions) {
    if (codes && !codes.includes(region.code)) continue
    for (const [lon, lat] of region.polygon[0] ?? []) {
      west = Math.min(west, lon)
      south = Math.min(south, lat)
      east = Math.max(east, lon)
      north = Math.max(north, lat)
    }
  }
  return west <= east ? [west, south, east, north] : undefined
}

/** The regions as polygons; `code` is the promoted id that the feature-state `shade` is set by. */
export function listRegionPolygons(pack: BasemapPack): GeoJSON.FeatureCollection<GeoJSON.Polygon> {
  return {
    type: 'FeatureCollection',
    features: pack.regions.map(region => ({
      type: 'Feature',
      properties: { code: region.code, level: region.level, name: region.name, nameEn: region.nameEn },
      geometry: { type: 'Polygon', coordinates: region.polygon.map(ring => ring.map(([lon, lat]) => [lon, lat])) },
    })),
  }
}

/** One label point per region, where the pack puts its seat; kept apart so that a label never follows a tile's clip. */
export function listRegionPoints(pack: BasemapPack): GeoJSON.FeatureCollection<GeoJSON.Point> {
  return {
    type: 'FeatureCollection',
    features: pack.regions.map(region => ({
      type: 'Feature',
      properties: { code: region.code, level: region.level, name: region.name, nameEn: region.nameEn },
      geometry: { type: 'Point', coordinates: [region.lon, region.lat] },
    })),
  }
}

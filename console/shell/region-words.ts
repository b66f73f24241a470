/**
 * Places in words, pure: the name of a region in the language of the screen, and the county a point lies in, by the
 * operator's boundary pack where there is one and by the nearest county seat where there is not.
 */
import type { RegionView } from '#contract/view.ts'
import type { BasemapPack } from '#contract/wire.ts'
import { getDistanceKm } from '../incidents/distance.ts'
import type { Language } from '../look/palette.ts'

/** Name of a region; its code when it is not published. */
export function nameRegion(regions: ReadonlyMap<string, RegionView>, code: string, language: Language): string {
  const region = regions.get(code)
  if (!region) return code
  return language === 'zh' ? region.name : region.nameEn
}

/** True when a point lies inside a ring list (first the outline, then holes). @source even-odd ray casting */
export function isInside(
  point: { lon: number; lat: number },
  rings: readonly (readonly (readonly [number, number])[])[],
): boolean {
  let inside = false
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i]!
      const [xj, yj] = ring[j]!
      if (yi > point.lat !== yj > point.lat && point.lon < ((xj - xi) * (point.lat - yi)) / (yj - yi) + xi)
        inside = !inside
    }
  }
  return inside
}

/** Farthest a county seat may be from a point that no polygon holds, in km, to be taken for its county. */
export const nearestSeatMaxKm = 60

/** The smallest published region a point lies in; undefined when it lies in none and no seat is near. */
export function findRegionOf(
  point: { lon: number; lat: number },
  regions: ReadonlyMap<string, RegionView>,
  pack: BasemapPack | null | undefined,
): string | undefined {
  return findRegionHolding(point, regions, pack) ?? findNearestCounty(point, regions, nearestSeatMaxKm)
}

/** The smallest published region whose boundary holds a point; undefined outside all of them or without boundaries. */
export function findRegionHolding(
  point: { lon: number; lat: number },
  regions: ReadonlyMap<string, RegionView>,
  pack: BasemapPack | null | undefined,
): string | undefined {
  const order = { street: 0, county: 1, city: 2, province: 3 } as const
  return (pack?.regions ?? [])
    .filter(region => regions.has(region.code) && isInside(point, region.polygon))
    .sort((a, b) => order[a.level] - order[b.level])[0]?.code
}

/** The county whose seat is nearest to a point, within `maxKm`; a place beyond every border is answered for by it. */
export function findNearestCounty(
  point: { lon: number; lat: number },
  regions: ReadonlyMap<string, RegionView>,
  maxKm = Number.POSITIVE_INFINITY,
): string | undefined {
  let nearest: { code: string; km: number } | undefined
  for (const region of regions.values()) {
    if (region.level !== 'county') continue
    const km = getDistanceKm(point, region)
    if (km <= maxKm && (!nearest || km < nearest.km)) nearest = { code: region.code, km }
  }
  return nearest?.code
}

/** Code of the county a region is or lies in; the region itself when the tree names none. */
export function findCounty(code: string, regions: ReadonlyMap<string, RegionView>): string {
  let at = regions.get(code)
  for (let depth = 0; at && depth < 8; depth++) {
    if (at.level === 'county') return at.code
    at = at.parentCode === undefined ? undefined : regions.get(at.parentCode)
  }
  return code
}

/** County and, below it, the street of a region, as an address is read aloud. */
export function describeRegion(regions: ReadonlyMap<string, RegionView>, code: string, language: Language): string {
  const county = findCounty(code, regions)
  const name = nameRegion(regions, code, language)
  return county === code ? name : `${nameRegion(regions, county, language)} ${name}`
}

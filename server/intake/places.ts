/**
 * Places: which published region a point lies in, by the polygons of the city's pack, else by the nearest seat of a county. Pure;
 * stands behind doors that must give a stranger's call to somebody's desk.
 */
import type { BasemapPack } from '#contract/wire.ts'
import type { World } from '../state/world.ts'

/** A county's seat farther away than this is somebody else's county. */
export const seatMaxKm = 60
const kmPerDegree = 111.195

type Point = { lon: number; lat: number }
type Ring = readonly (readonly [number, number])[]

/** Even-odd rule over the rings of a polygon: holes count themselves out. */
export function isInside({ lon, lat }: Point, polygon: readonly Ring[]): boolean {
  let inside = false
  for (const ring of polygon)
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [x1, y1] = ring[i]!
      const [x2, y2] = ring[j]!
      if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside
    }
  return inside
}

const order = { street: 0, county: 1, city: 2, province: 3 } as const

/** The smallest published region around a point; undefined far from all of them. */
export function findRegionOfPoint(
  point: Point,
  regions: World['regions'],
  pack: Pick<BasemapPack, 'regions'> | undefined,
): string | undefined {
  let best: { code: string; rank: number } | undefined
  for (const { code, level, polygon } of pack?.regions ?? []) {
    if (!regions.has(code) || (best && best.rank <= order[level]) || !isInside(point, polygon)) continue
    best = { code, rank: order[level] }
  }
  if (best) return best.code
  let nearest: { code: string; km: number } | undefined
  for (const region of regions.values()) {
    if (region.level !== 'county') continue
    const eastKm = (region.lon - point.lon) * kmPerDegree * Math.cos((point.lat * Math.PI) / 180)
    const km = Math.hypot(eastKm, (region.lat - point.lat) * kmPerDegree)
    if (km <= seatMaxKm && (!nearest || km < nearest.km)) nearest = { code: region.code, km }
  }
  return nearest?.code
}

/**
 * Addresses: the answer of GET /v1/addresses: what the address thread found, marked where it lies outside the published regions.
 * Region scope lifts hits of the desk's own regions and hides none: a caller may stand on the other side of a border.
 */
import { z } from 'zod'
import { type AddressAnswer, type AddressHit, addressQueryMax } from '#contract/address.ts'
import { describeReject, type Reject } from '#contract/errors.ts'
import { Lat, Lon, RegionCode } from '#contract/scalars.ts'
import type { BasemapPack } from '#contract/wire.ts'
import type { World } from '../state/world.ts'

export const AddressQuery = z.object({
  q: z.string().trim().min(1).max(addressQueryMax),
  /** Where the caller or the map is: nearer hits first, all else equal. */
  lon: z.coerce.number().pipe(Lon).optional(),
  lat: z.coerce.number().pipe(Lat).optional(),
  /** Region the call came from: lifted before the rest of the desk's regions. */
  region: RegionCode.optional(),
})

type Found = Omit<AddressHit, 'outside'>

/** The address thread, as far as this room knows it. */
export type AddressSource = {
  getState(): { holds: string; version?: string; refused?: Reject }
  search(order: {
    text: string
    homeCodes: readonly string[]
    near?: { lon: number; lat: number }
  }): Promise<{ hits: Found[]; tookMs: number } | Reject>
}

/** Codes of regions sent along to lift hits; a province has about 100 counties. */
const homeCodesMax = 200
/** Without boundaries a point within this of a county seat is taken to lie in the city, as the console does. */
const seatMaxKm = 60
const kmPerDegree = 111.195 // 6371 km × π / 180

type Point = { lon: number; lat: number }
type Rings = readonly (readonly (readonly [number, number])[])[]

/** True when a point lies inside rings. @source even-odd ray casting */
function isInside({ lon, lat }: Point, rings: Rings): boolean {
  let inside = false
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i]!
      const [xj, yj] = ring[j]!
      if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) inside = !inside
    }
  }
  return inside
}

function isNearSeat(world: World, { lon, lat }: Point): boolean {
  const shrink = Math.cos((lat * Math.PI) / 180)
  for (const region of world.regions.values())
    if (Math.hypot((region.lon - lon) * shrink, region.lat - lat) * kmPerDegree <= seatMaxKm) return true
  return false
}

const depth = { street: 0, county: 1, city: 2, province: 3 } as const

/** The smallest published region of the pack that holds a point. */
function findRegion(world: World, pack: BasemapPack | undefined, point: Point): string | undefined {
  let best: { code: string; depth: number } | undefined
  for (const region of pack?.regions ?? []) {
    if (!world.regions.has(region.code) || (best && best.depth <= depth[region.level])) continue
    if (isInside(point, region.polygon)) best = { code: region.code, depth: depth[region.level] }
  }
  return best?.code
}

/** Searches and marks. Refusals: the thread is away, or too many searches wait. */
export async function answerAddresses(
  ports: { world: World; basemap: BasemapPack | undefined; addresses: AddressSource },
  covers: (regionCode: string) => boolean,
  { q, lon, lat, region }: z.infer<typeof AddressQuery>,
): Promise<AddressAnswer | Reject> {
  const { world, basemap, addresses } = ports
  const homeCodes: string[] = []
  if (region !== undefined && covers(region)) homeCodes.push(region)
  else
    for (const each of world.regions.values())
      if (each.level !== 'street' && homeCodes.length < homeCodesMax && covers(each.code)) homeCodes.push(each.code)
  const found = await addresses.search({
    text: q,
    homeCodes,
    ...(lon === undefined || lat === undefined ? {} : { near: { lon, lat } }),
  })
  if ('code' in found) return found
  const state = addresses.getState()
  return {
    ...(state.version === undefined ? {} : { version: state.version }),
    ...(state.refused ? { trouble: toTrouble(state.refused) } : {}),
    tookMs: Math.round(found.tookMs * 10) / 10,
    hits: found.hits.map(hit => {
      const known = hit.regionCode !== undefined && world.regions.has(hit.regionCode) ? hit.regionCode : undefined
      const regionCode = known ?? findRegion(world, basemap, hit)
      const isOutside =
        regionCode === undefined && (basemap !== undefined || hit.regionCode !== undefined || !isNearSeat(world, hit))
      const { regionCode: _unknown, ...rest } = hit
      return { ...rest, ...(regionCode === undefined ? {} : { regionCode }), outside: isOutside }
    }),
  }
}

function toTrouble(refused: Reject): { code: string; zh: string; en: string } {
  const { code, zh, en } = describeReject(refused)
  return { code, zh, en }
}

/**
 * Facility index: which facilities report which counts, derived from the world's series and kept beside them. Part of `detect/`,
 * pure: the same series give the same index. Series are only ever added, so it is carried on and never rebuilt.
 */
import type { Series, World } from '../state/world.ts'

export type FacilityIndex = {
  /** `period|sourceKind|syndrome` → facilities' own series. */
  byName: Map<string, Series[]>
  /** `sourceKind|facilityId` → its series of every syndrome and period. */
  byFacility: Map<string, Series[]>
}

type Held = FacilityIndex & { walk: Iterator<Series>; seen: number }
const indexes = new WeakMap<World['series'], Held>()

/** The index of a world's facility series, up to date. */
export function getFacilityIndex(world: Pick<World, 'series'>): FacilityIndex {
  let held = indexes.get(world.series)
  if (!held || held.seen > world.series.size) {
    held = { byName: new Map(), byFacility: new Map(), walk: world.series.values(), seen: 0 }
    indexes.set(world.series, held)
  }
  // An iterator of a map goes on to what was added since; it is not asked beyond the size, which would end it for good.
  for (; held.seen < world.series.size; held.seen++) {
    const series = held.walk.next().value as Series
    if (series.facilityId === undefined) continue
    add(held.byName, `${series.period}|${series.sourceKind}|${series.syndrome}`, series)
    add(held.byFacility, `${series.sourceKind}|${series.facilityId}`, series)
  }
  return held
}

function add(map: Map<string, Series[]>, key: string, series: Series): void {
  const held = map.get(key)
  if (held) held.push(series)
  else map.set(key, [series])
}

/** The load of each county: open cases by level, cases without a unit, idle and all units. Pure. */
import type { IncidentView, RegionView, UnitView } from '#contract/view.ts'
import { findCounty } from '../shell/region-words.ts'

export type CountyLoad = {
  regionCode: string
  /** Open cases of levels 1 to 4. */
  byLevel: readonly [number, number, number, number]
  unassigned: number
  idle: number
  units: number
}

/** Counts the load of every published county, in the order of their codes, and of other regions that have any. */
export function countLoad(
  incidents: readonly IncidentView[],
  units: readonly UnitView[],
  regions: ReadonlyMap<string, RegionView>,
): readonly CountyLoad[] {
  const loads = new Map<
    string,
    { byLevel: [number, number, number, number]; unassigned: number; idle: number; units: number }
  >()
  const of = (code: string) => {
    const county = findCounty(code, regions)
    const load = loads.get(county) ?? { byLevel: [0, 0, 0, 0], unassigned: 0, idle: 0, units: 0 }
    loads.set(county, load)
    return load
  }
  for (const region of regions.values()) if (region.level === 'county') of(region.code)
  for (const incident of incidents) {
    if (incident.state !== 'open') continue
    const load = of(incident.regionCode)
    load.byLevel[(incident.level - 1) as 0 | 1 | 2 | 3]++
    if (incident.unitIds.length === 0) load.unassigned++
  }
  for (const unit of units) {
    const load = of(unit.regionCode)
    load.units++
    if (unit.status === 'idle' && !unit.silent) load.idle++
  }
  return [...loads]
    .map(([regionCode, load]) => ({ regionCode, ...load }))
    .sort((a, b) => (a.regionCode < b.regionCode ? -1 : 1))
}

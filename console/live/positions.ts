/**
 * Newest fix of every unit, outside React: hundreds of rows change each second and only the map and the few visible rows
 * of a list read them. Readers subscribe for changed rows (the map) or look a unit up once a second (lists).
 */
import type { UnitView } from '#contract/view.ts'
import type { PositionRow } from '#contract/wire.ts'

export type Fix = { lon: number; lat: number; fixAt: number; courseDeg?: number; speedKmh?: number }

type Listener = (changed: readonly string[], gone: readonly string[]) => void

const fixes = new Map<string, Fix>()
const listeners = new Set<Listener>()

function tell(changed: readonly string[], gone: readonly string[]): void {
  if (changed.length === 0 && gone.length === 0) return
  for (const listener of listeners) listener(changed, gone)
}

function readFix(unit: UnitView): Fix | undefined {
  if (unit.lon === undefined || unit.lat === undefined || unit.fixAt === undefined) return undefined
  return {
    lon: unit.lon,
    lat: unit.lat,
    fixAt: unit.fixAt,
    ...(unit.courseDeg === undefined ? {} : { courseDeg: unit.courseDeg }),
    ...(unit.speedKmh === undefined ? {} : { speedKmh: unit.speedKmh }),
  }
}

/** Replaces everything by the fixes of a snapshot. */
export function resetFixes(units: Iterable<UnitView>): void {
  const before = new Set(fixes.keys())
  fixes.clear()
  for (const unit of units) {
    const fix = readFix(unit)
    if (fix) fixes.set(unit.unitId, fix)
    before.delete(unit.unitId)
  }
  tell([...fixes.keys()], [...before])
}

/** Takes the unit records, compact rows and departures of one packet; an older fix never replaces a newer one. */
export function applyFixes(
  units: readonly UnitView[] | undefined,
  rows: readonly PositionRow[] | undefined,
  gone: readonly string[] | undefined,
): void {
  const changed: string[] = []
  const take = (unitId: string, fix: Fix) => {
    const known = fixes.get(unitId)
    if (known && known.fixAt > fix.fixAt) return
    fixes.set(unitId, fix)
    changed.push(unitId)
  }
  for (const unit of units ?? []) {
    const fix = readFix(unit)
    if (fix) take(unit.unitId, fix)
    else changed.push(unit.unitId)
  }
  for (const [unitId, lon, lat, fixAt, courseDeg, speedKmh] of rows ?? []) {
    take(unitId, {
      lon,
      lat,
      fixAt,
      ...(courseDeg < 0 ? {} : { courseDeg }),
      ...(speedKmh < 0 ? {} : { speedKmh }),
    })
  }
  for (const unitId of gone ?? []) fixes.delete(unitId)
  tell(changed, gone ?? [])
}

/** Newest fix of a unit; undefined when it has never given one. */
export function findFix(unitId: string): Fix | undefined {
  return fixes.get(unitId)
}

/** Calls back with the ids that changed or left; returns the way to stop. */
export function watchFixes(listener: Listener): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

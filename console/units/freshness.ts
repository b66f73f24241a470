/**
 * How old a fix may be before it looks old: fresh, then hollow (over 60 s), then lost (over 180 s). The same limits grey a
 * row, hollow a glyph on the map and keep a unit out of the recommendations.
 */
export type Freshness = 'fresh' | 'old' | 'lost'

/** @source domain/dispatch.md 6.1 point 18: age fade over 60 s hollow, over 180 s crossed */
export const oldFixMs = 60_000
export const lostFixMs = 180_000

/** Judges the age of a fix in ms; an unknown age is lost, never fresh. */
export function judgeFreshness(ageMs: number | undefined): Freshness {
  if (ageMs === undefined) return 'lost'
  return ageMs > lostFixMs ? 'lost' : ageMs > oldFixMs ? 'old' : 'fresh'
}

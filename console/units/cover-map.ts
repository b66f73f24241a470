/**
 * The preparedness of the ground while the cover strip is open: each county filled the darker the less likely a unit in reach is
 * free. Counties are weighed by the people of their cells; a county nobody answers for keeps no colour.
 */
import { create } from 'zustand'
import type { CoverView } from '#contract/view.ts'

export type CoverShades = ReadonlyMap<string, { readonly shade: number }>

/** Shades of the counties now; undefined while the strip is closed. */
export const useCoverShades = create<{ shades: CoverShades | undefined }>()(() => ({ shades: undefined }))

/** Shade of each county: 1 less its preparedness, 0 to 1. */
export function shadeCounties(cells: CoverView['cells'], findCounty: (code: string) => string): CoverShades {
  const people = new Map<string, number>()
  const prepared = new Map<string, number>()
  for (const cell of cells) {
    const county = findCounty(cell.code)
    people.set(county, (people.get(county) ?? 0) + cell.people)
    prepared.set(county, (prepared.get(county) ?? 0) + cell.people * cell.prepared)
  }
  return new Map(
    [...people].flatMap(([code, count]) => (count > 0 ? [[code, { shade: 1 - prepared.get(code)! / count }]] : [])),
  )
}

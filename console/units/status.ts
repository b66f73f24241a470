/**
 * Statuses of units as a desk speaks of them: letter, colour and word from the palette, and the conditions laid over them
 * (失联). The order is the order of a run; a desk may set any of them by key, the world decides whether that may be.
 */
import { UnitStatus } from '#contract/scalars.ts'
import type { UnitView } from '#contract/view.ts'
import { findStatusLook, type StatusLook, statuses } from '../look/palette.ts'

export const unitStatuses: readonly UnitStatus[] = UnitStatus.options

/** The palette writes statuses in one word; the contract with a hyphen. */
function toPaletteWord(status: string): string {
  return status.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Letter, colour and words of a contract status or of `silent`; exists for every one of them. */
export function getStatusLook(status: string): StatusLook {
  const look = findStatusLook(status) ?? findStatusLook(toPaletteWord(status))
  if (!look) throw new Error(`status ${status} has no look`)
  return look
}

/** What a unit's pill shows: a cry for help before everything, its silence before its status, because a status nobody confirms is old. */
export function getUnitLook(unit: Pick<UnitView, 'status' | 'silent' | 'distress'>): StatusLook {
  return getStatusLook(unit.distress ? 'distress' : unit.silent ? 'silent' : unit.status)
}

/** The status a letter, a Chinese or an English word means; undefined for anything else. */
export function findStatus(word: string): UnitStatus | undefined {
  const given = word.trim().toLowerCase()
  return unitStatuses.find(status => {
    const look = getStatusLook(status)
    return (
      look.letter.toLowerCase() === given ||
      look.words.zh === word.trim() ||
      look.words.en.toLowerCase() === given ||
      status === given
    )
  })
}

/** Index of a status in the palette's list, as the map packs it. */
export function getStatusIndex(unit: Pick<UnitView, 'status' | 'silent' | 'distress'>): number {
  return statuses.indexOf(getUnitLook(unit))
}

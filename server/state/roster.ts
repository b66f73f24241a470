/**
 * Roster: who is on duty, as published, one roster a region. Facts: the newest version stands. Routing (notify/) asks it.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import type { World } from './world.ts'

/** Replaces the roster of one region; an older version than the one held changes nothing. */
export function applyRoster(world: World, entry: EntryOf<'roster.published'>): Outcome {
  const { regionCode, version } = entry.body
  if (version < (world.rosters.get(regionCode)?.version ?? 0)) return done
  world.rosters.set(regionCode, { ...entry.body })
  return done
}

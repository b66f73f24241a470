/**
 * Checkpoint: the world as text, in slices of at most 1 MB with one hash over all, and back. A line is one record, so a slice
 * never cuts one. Written by the checkpoint worker from its own folded world; the line never serialises its world.
 */
import { createHash } from 'node:crypto'
import { collections, createWorld, upcastWorld, type World } from '../state/world.ts'
import { canonicalise } from './chain.ts'

/** Largest slice, in UTF-16 units; one statement stays short. */
export const sliceMax = 1_000_000

/** Writes the world as slices of JSON lines; the first line is the city. */
export function* sliceWorld(world: World): Generator<string> {
  let slice = `${canonicalise(['city', world.seq, world.city])}\n`
  for (const name of collections) {
    for (const [key, record] of world[name] as Map<string, unknown>) {
      const line = `${canonicalise([name, key, record])}\n`
      if (slice.length + line.length > sliceMax) {
        yield slice
        slice = ''
      }
      slice += line
    }
  }
  yield slice
}

/** Hash over slices in order, hex. */
export function hashSlices(slices: Iterable<string>): string {
  const hash = createHash('sha256')
  for (const slice of slices) hash.update(slice)
  return hash.digest('hex')
}

/** One figure for a whole world: equal worlds, equal hashes. */
export function hashWorld(world: World): string {
  return hashSlices(sliceWorld(world))
}

/** Rebuilds a world from its slices; throws when the hash does not fit: a damaged checkpoint is never trusted. */
export function parseWorld(slices: readonly string[], expectedHash: string): World {
  if (hashSlices(slices) !== expectedHash) throw new Error('checkpoint damaged: its hash does not fit its slices')
  const world = createWorld()
  for (const slice of slices)
    for (const line of slice.split('\n')) {
      if (line === '') continue
      const [name, key, record] = JSON.parse(line)
      if (name === 'city') {
        world.seq = key
        // A field a newer core added keeps its first value until an entry sets it.
        world.city = { ...world.city, ...record }
      } else (world[name as (typeof collections)[number]] as Map<string, unknown>).set(key, record)
    }
  return upcastWorld(world)
}
